/* SPDX-License-Identifier: MIT */
/*
 * notify.js - for whoever looks elsewhere: the count on the tab's icon, and
 * desktop notifications.
 *
 * They are this page's own, so they come while some tab of the inbox is open.
 * When a poll finds something and nobody looks, the server is asked what is new
 * since somebody last looked (/news), in its words.  There is one notification,
 * which the next one replaces: after an absence it sums up.  Tabs take turns by
 * a lock; what one has shown, and when somebody looked, is kept for all of them.
 */
"use strict";
(() => {
const { $, get, page, pref } = inbox;
const can = () => "Notification" in window && Notification.permission === "granted";
const icon = document.querySelector("link[rel=icon]"), plain = icon.href;

/* The settings: what may be in the way, and a try. */
const test = $("notify-test");
if (test) {
	const mark = (what, state) => { document.querySelector(`[data-check="${what}"]`).dataset.state = state; };
	const look = () => {
		const there = "Notification" in window;
		mark("browser", there ? "yes" : "no");
		mark("https", isSecureContext ? "yes" : "no");
		mark("allowed", { granted: "yes", denied: "no" }[there && Notification.permission] || "ask");
		test.disabled = !there || !isSecureContext;
	};
	$("notify-checks").hidden = test.hidden = false;
	test.addEventListener("click", async () => {
		if (Notification.permission === "default") await Notification.requestPermission();
		look();
		try {
			if (can()) new Notification(test.dataset.title, { body: test.dataset.body, tag: "test", icon: plain });
			$("notify-tried").hidden = !can();
		} catch { mark("browser", "no"); }	/* on telephones pages may not */
	});
	navigator.permissions?.query({ name: "notifications" }).then((p) => { p.onchange = look; }, () => {});
	look();
}
if (!inbox.list) return;

/* The icon counts as the title does. */
let counted = 0;
async function count() {
	const n = +$("rows")?.dataset.unread || 0;
	if (n === counted) return;
	counted = n;
	if (!n) { icon.href = plain; return; }
	const svg = await fetch(plain).then((r) => r.text(), () => "");
	const badge = `<circle cx="43" cy="21" r="21" fill="#b3261e"/><text x="43" y="31" fill="#fff" font-family="sans-serif"
		font-size="${n > 9 ? 24 : 29}" font-weight="700" text-anchor="middle">${Math.min(n, 99)}</text></svg>`;
	if (n === counted && svg) icon.href = "data:image/svg+xml," + encodeURIComponent(svg.replace(/<\/svg>\s*$/, badge));
}
inbox.onStart(count);
inbox.onMerge(count);

/* looked: the revision of the page that somebody looked at, and when; here: when, by our clock; told: what was shown last. */
const kept = (key) => localStorage.getItem(`inbox-${key}`);
const keep = (key, value) => localStorage.setItem(`inbox-${key}`, value);
const wanted = () => can() && (pref("notify") || "off") !== "off";
const looking = () => !document.hidden && document.hasFocus() && !inbox.idle();
inbox.away = () => wanted() && !looking();
let shown, due;
async function tell() {
	/* Somebody looks, in another tab: later, if then nobody does. */
	if (Date.now() - kept("here") < 9000) return;
	const [r, doc] = await get(new URL(`news?${kept("looked")}`, new URL(page.poll, location)));
	const news = r.ok && $("news", doc);
	due = !r.ok;
	if (!news || +news.dataset.rev <= +kept("told")) return;
	keep("told", news.dataset.rev);
	shown = new Notification(news.children[0].textContent, { body: news.children[1].textContent,
		lang: document.documentElement.lang, tag: "inbox", renotify: true, icon: plain });
	shown.onclick = () => {
		window.focus();
		inbox.visit(new URL(news.getAttribute("href"), location).href, true);
	};
}
function here() {
	keep("here", Date.now());
	shown?.close();
	shown = null;
}
inbox.onPoll((r) => {
	/* It begins with the revision. */
	const rev = /\d+/.exec(r.headers.get("ETag"))?.[0], first = !kept("looked");
	if (looking()) here();
	due = !looking() && (due || r.status === 200);
	if (rev && (looking() || first)) {
		keep("looked", `rev=${rev}&at=${Date.parse(r.headers.get("Date")) - 2000}`);
		keep("told", rev);
	} else if (due && wanted()) {
		navigator.locks.request("inbox-news", tell).catch(() => {});
	}
});
addEventListener("focus", () => { here(); inbox.poll(); });
addEventListener("blur", () => keep("here", 0));
})();
