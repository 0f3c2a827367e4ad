/* SPDX-License-Identifier: MIT */
/*
 * notify.js - for whoever looks elsewhere: the count on the tab's icon, and
 * desktop notifications.
 *
 * They are this page's own, so they come while some tab of the inbox is open.
 * Whenever a poll finds something and nobody looks, the server is asked what is
 * new since somebody last looked (/news), in its words.  There is one
 * notification, which the next one replaces: after an absence it sums up.  Tabs
 * take turns by a lock, and what one has shown is kept for all of them.
 */
"use strict";
(() => {
const { $, get, page, pref, list, visit } = inbox;
const can = () => "Notification" in window && Notification.permission === "granted";

/* The settings: what may be in the way, and a try. */
const test = $("notify-test");
if (test) {
	const tell = (what, state) => { document.querySelector(`[data-check="${what}"]`).dataset.state = state; };
	const look = () => {
		const there = "Notification" in window, said = there ? Notification.permission : "";
		tell("browser", there ? "yes" : "no");
		tell("https", isSecureContext ? "yes" : "no");
		tell("allowed", { granted: "yes", denied: "no" }[said] || "ask");
		test.disabled = !there || !isSecureContext;
	};
	$("notify-checks").hidden = false;
	test.hidden = false;
	test.addEventListener("click", async () => {
		if (Notification.permission === "default") await Notification.requestPermission();
		look();
		$("notify-tried").hidden = !can();
		try {
			if (can()) new Notification(test.dataset.title, { body: test.dataset.body, tag: "test", icon: icon() });
		} catch { tell("browser", "no"); }
	});
	navigator.permissions?.query({ name: "notifications" }).then((p) => { p.onchange = look; });
	look();
}

function icon() { return document.querySelector("link[rel=icon]").href; }
if (!list) return;

/* The icon counts as the title does. */
let plain, counted = 0;
async function count() {
	const n = +$("rows")?.dataset.unread || 0, link = document.querySelector("link[rel=icon]");
	if (n === counted) return;
	counted = n;
	plain ??= link.href;
	if (!n) { link.href = plain; return; }
	const svg = await (await fetch(plain)).text().catch(() => "");
	const badge = `<circle cx="44" cy="20" r="20" fill="#b3261e"/><text x="44" y="29" fill="#fff" font-family="sans-serif" font-size="${n > 9 ? 22 : 28}" font-weight="700" text-anchor="middle">${n > 99 ? "99" : n}</text></svg>`;
	if (n === counted && svg.includes("</svg>")) link.href = "data:image/svg+xml," + encodeURIComponent(svg.replace(/<\/svg>\s*$/, badge));
}
inbox.onStart(count);
inbox.onMerge(count);

const wanted = () => can() && (pref("notify") || "off") !== "off";
const kept = (key, value) => value === undefined ? localStorage.getItem(`inbox-${key}`) : localStorage.setItem(`inbox-${key}`, value);
const looking = () => !document.hidden && document.hasFocus();
let shown;
function looks() {
	kept("here", Date.now());
	shown?.close();
	shown = null;
}
async function tell() {
	if (Date.now() - kept("here") < 9000) return;
	const [r, doc] = await get(new URL(`news?after=${kept("looked")}`, new URL(page.poll, location)));
	const news = r.ok && $("news", doc);
	if (!news || news.dataset.key === kept("news")) return;
	kept("news", news.dataset.key);
	const href = news.getAttribute("href");
	shown = new Notification(news.children[0].textContent, { body: news.children[1].textContent, lang: document.documentElement.lang,
		tag: "inbox", renotify: true, icon: plain || icon() });
	shown.onclick = () => {
		window.focus();
		visit(new URL(href, location).href, true);
		shown?.close();
	};
}
/* With every answer to a poll: r. */
inbox.onPoll((r) => {
	const at = Date.parse(r.headers.get("Date")) - 5000;
	if (looking() && at) {
		kept("looked", at);
		looks();
	} else if (r.status === 200 && wanted()) {
		if (kept("looked")) navigator.locks.request("inbox-news", tell).catch(() => {});
		else kept("looked", at);
	}
});
addEventListener("focus", looks);
addEventListener("blur", () => kept("here", 0));
/* Hidden, it asks more seldom, and only for this. */
inbox.hidden = () => wanted() && 60000;
})();
