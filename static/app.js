/* SPDX-License-Identifier: MIT */
/*
 * app.js - makes the pages live; all of them work without it.  HTML of the
 * server is merged by id and data-rev; what is being read does not move.
 *
 * The scripts after this one share `inbox`: its helpers, onStart(fn) (a
 * conversation or the list is on the page, also after a change of it),
 * onMerge(fn) (an answer of the server has been merged; fn gets it) and
 * onPoll(fn) (a poll was answered; fn gets the response).
 */
"use strict";
(() => {
const $ = (id, root = document) => root.getElementById(id);
const all = (sel, el = document) => [...el.querySelectorAll(sel)];
const show = (id, yes) => { if ($(id)) $(id).hidden = !yes; };
const on = addEventListener;
const page = document.body.dataset, still = { preventScroll: true };
const get = async (url, o) => {
	const r = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout?.(20000), ...o });
	return [r, new DOMParser().parseFromString(await r.text(), "text/html")];
};
const here = () => location.pathname + location.search;
const started = [], merged = [], polled = [];
const prefs = Object.fromEntries((page.prefs || "").split(" ").map((p) => p.split("=")));
window.inbox = {
	$, all, show, get, on, still, page, onStart: (fn) => started.push(fn), onMerge: (fn) => merged.push(fn),
	onPoll: (fn) => polled.push(fn),
	acts: {},	/* what sends a form of the conversation, by its id; else it is a reply */
	pref: (name) => prefs[name],	/* undefined: as at first */
};

/* One click, one request. */
const busy = (form, yes) => {
	if (yes) form.dataset.busy = "1";
	else delete form.dataset.busy;
	setTimeout(() => all("[type=submit]", form).forEach((b) => { b.disabled = "busy" in form.dataset; }));
};
on("submit", (e) => {
	const form = e.target, ours = form.closest("#conv"), beside = form.closest("#pipedrive");
	if (ours || beside || form.dataset.busy) e.preventDefault();
	if (form.dataset.busy) return;
	if (ours) (inbox.acts[form.id] || inbox.send)(form, e.submitter);
	else if (beside) panelForm(form);
	else busy(form, true);
});
/* A menu closes when something else is wanted. */
const menus = (but) => all(".menu[open]").filter((m) => !m.contains(but)).map((m) => { m.open = false; return m; });
on("click", (e) => menus(e.target));
on("keydown", (e) => { if (e.key === "Escape") menus()[0]?.children[0].focus(); });
on("pageshow", (e) => e.persisted && all("form").forEach((form) => busy(form)));

if ("import" in page) setInterval(async () => {
	const [r, doc] = await get(location.href).catch(() => [{}]);
	/* At its end it leads to the inbox. */
	if (r.redirected) location.replace(r.url);
	else if (r.ok) $("import").replaceWith($("import", doc));
}, 2000);
if (!page.poll) return;

/* The log is a reversed column: 0 is its end. */
const list = $("list");
const live = (id) => $(id) && "live" in $(id).dataset;
const fromEnd = () => Math.abs($("scroll")?.scrollTop || 0);
const toEnd = () => { if ($("scroll")) $("scroll").scrollTop = 0; };

/* Run fn; what was first in view keeps its place. */
function steady(box, fn) {
	const top = box.getBoundingClientRect().top;
	const seen = all("[data-rev]", box).map((el) => [el.id, el.getBoundingClientRect()])
	    .filter(([, r]) => r.bottom > top + 1);
	fn();
	const kept = seen.find(([id]) => $(id));
	if (kept) box.scrollTop += $(kept[0]).getBoundingClientRect().top - kept[1].top;
}

/* Bring items into box in their order, from `at` on. */
function merge(box, items, at) {
	const focus = document.activeElement, home = focus.closest("[data-rev]")?.id;
	items.forEach((el, i) => {
		let old = $(el.id);
		/* "Written while you were writing": compose.js takes it away. */
		if (at?.id === "news" && old !== at) at = at.nextElementSibling;
		/* The first message of an answer never continues a group. */
		if (old && old.dataset.rev !== el.dataset.rev && (i > 1 || !old.matches(".cont"))) {
			if (at === old) at = el;
			old.replaceWith(el);
			old = el;
		}
		if (old && old === at) at = at.nextElementSibling;
		else if (!old || el.dataset.rev) box.insertBefore(old || el, at);
	});
	if (home && document.activeElement !== focus)
		(focus.isConnected ? focus : $(home)?.querySelector("a, button"))?.focus(still);
}

let name = document.title;
function title() {
	const unread = $("rows")?.dataset.unread || 0;
	document.title = `(${unread}) `.replace("(0) ", "") + name;
	navigator.setAppBadge?.(+unread).catch(() => {});
}
/*
 * Rows that the answer no longer has have gone elsewhere, as far down as it goes: to its
 * last one.  When that was not here before, the answer goes further than what is here.
 */
function dropRows(rows, ids, last) {
	for (const el of [...rows.children]) {
		if (el === last) break;
		if (ids.has(el.id)) continue;
		if (el.contains(document.activeElement)) (el.nextElementSibling || el.previousElementSibling)?.querySelector("a")?.focus(still);
		el.remove();
	}
}
function mergeRows(doc) {
	const rows = $("rows"), from = $("rows", doc);
	if (!from) return;
	const items = [...from.children], ids = new Set(items.map((el) => el.id)), whole = !$("list-older", doc);
	const mix = () => {
		const last = whole ? null : $(items.at(-1).id), end = all("#list-end", doc);
		dropRows(rows, ids, last);
		merge(rows, items, rows.children[0]);
		if (last) return;
		if ($("list-end")) $("list-end").replaceWith(...end);
		else rows.after(...end);
	};
	if (!$("sync")?.contains(document.activeElement)) $("sync-line")?.replaceWith(...all("#sync-line", doc));
	rows.dataset.unread = from.dataset.unread;
	title();
	if (rows.dataset.view !== from.dataset.view) return list.replaceChildren(...from.parentNode.childNodes);
	if (!live("rows")) return;
	if (!rows.children[0] || !from.children[0]) list.replaceChildren(...from.parentNode.childNodes);
	else if (list.scrollTop) steady(list, mix);
	else mix();
}

/* New messages further down: so many, or at least. */
let fresh = 0;
const plural = new Intl.PluralRules(document.documentElement.lang);
const words = (n, more) => ($("pill").dataset[plural.select(n)] || $("pill").dataset.other).replace("#", n + more);
function pill(n, more = "") {
	fresh = n;
	if ($("pill")) $("pill").textContent = n ? words(n, more) : "";
	show("pill", n);
}
/* Only what is new is read out, not what a merge has moved or marked. */
function say(news, failed) {
	const texts = news.map((el) => [el.matches(".out") ? "" : $("conv-name").textContent + ": ",
	    el.querySelector(".text, .att, .gone")?.textContent || el.querySelector("[alt]")?.alt || ""].join(""));
	if (news.length > 3) texts.splice(0, texts.length, words(news.length, ""));
	texts.push(...failed.map((el) => el.querySelector(".fail > p").textContent));
	if (texts.length) $("said").replaceChildren(...texts.map((text) => {
		const p = document.createElement("p");
		p.textContent = text;
		return p;
	}));
}
function mergeLog(doc, sent) {
	const log = $("log"), from = $("log", doc);
	if (!from || !live("log")) return;
	for (const el of all(".conv-head [data-patch]", doc))
		if (!$(el.id)?.contains(document.activeElement)) $(el.id)?.replaceWith(el);
	const items = all(".day, [data-rev]", from), ids = new Set(items.map((el) => el.id));
	const first = items.find((el) => el.dataset.rev && $(el.id)), end = sent || fromEnd() < 24;
	const news = items.filter((el) => el.matches(sent ? ".msg:not(.out)" : ".msg") && !$(el.id));
	const gap = !first && !end;
	say(news, items.filter((el) => el.matches(".failed") && $(el.id)?.matches(":not(.failed)")));
	if (gap) $("pill").dataset.gap = "1";
	else steady($("scroll"), () => {
		if (!first) {
			delete $("pill").dataset.gap;
			return log.replaceChildren(...from.childNodes);
		}
		all(`#${first.id} ~ li:not(#news)`).forEach((el) => { if (!ids.has(el.id)) el.remove(); });
		merge(log, items, $(first.id));
	});
	if (end) toEnd();
	else if (gap) pill(news.length, "+");
	else if (news.length) pill(fresh + news.length);
	/* Box or explanation; never under somebody's text. */
	if (!$("composer", doc) === !$("composer") || $("reply")?.value) return;
	const had = $("foot").contains(document.activeElement);
	$("foot").replaceWith($("foot", doc));
	if (had) ($("reply") || $("scroll")).focus(still);
	if (fresh) pill(fresh);
}
function merges(doc, sent) {
	mergeRows(doc);
	mergeLog(doc, sent);
	merged.forEach((fn) => fn(doc));
}

async function older(link, add) {
	if (!link || link.dataset.busy) return;
	link.dataset.busy = "1";
	let wait = 100;
	try {
		const [r, doc] = await get(link.href);
		if (!r.ok) throw r;
		if (link.isConnected && add(doc)) wait = 3000;
	} catch {
		wait = 5000;
	}
	const next = $(link.id) || link;
	next.dataset.busy = "1";
	setTimeout(() => {
		delete next.dataset.busy;
		near();
	}, wait);
}
const olderMessages = () => older($("older"), (doc) => {
	const edge = $("edge"), items = all(".day, [data-rev]", $("log", doc));
	steady($("scroll"), () => {
		items.forEach((el) => { if (el.matches(".day")) $(el.id)?.remove(); });
		edge.after(...items.filter((el) => !$(el.id)));
		edge.replaceWith($("edge", doc));
	});
	return !items.length;
});
const olderRows = () => older($("list-older"), (doc) => {
	$("rows").append(...[...$("rows", doc).children].filter((el) => !$(el.id)));
	$("list-end").replaceWith(...all("#list-end", doc));
});
function near() {
	const s = $("scroll"), room = s ? s.scrollHeight - s.clientHeight : 0;
	if (room && live("log") && room - fromEnd() < 800) olderMessages();
	if (fromEnd() < 24) {
		pill(0);
		if ($("pill")?.dataset.gap) poll();
	}
	if (list?.scrollTop && list.scrollHeight - list.clientHeight - list.scrollTop < 600) olderRows();
}
on("scroll", near, true);

on("keydown", (e) => {
	if (e.key === "Escape" && location.hash === "#pipedrive") location.replace("#scroll");
});

/* Another conversation; the list stays. */
let path, asked = 0;
async function visit(href, push, quiet) {
	const mine = ++asked;
	try {
		const [r, doc] = await get(href);
		if (mine !== asked) return;
		if (!doc.body.dataset.poll) throw r;
		if (push) history.pushState(null, "", href);
		name = doc.title;
		document.body.className = doc.body.className;
		page.poll = doc.body.dataset.poll;
		all("#conv, #pipedrive").forEach((el) => el.remove());
		list.after(...all("#conv, #pipedrive", doc));
		for (const a of all(".row-link", list))
			if (a.pathname === location.pathname) a.ariaCurrent = "page";
			else a.removeAttribute("aria-current");
		mergeRows(doc);
		start(quiet);
	} catch {
		if (mine === asked) location.assign(href);
	}
}
on("popstate", () => { if (path !== here()) visit(location.href); });
on("click", (e) => {
	const a = e.target.closest("a, #pill");
	if (!a || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
	const act = list && a.matches(".row-link, .back") ? () => visit(a.href, true) :
	    a.matches("#crm a[data-crm], .crm-load a") ? () => panel(a.href, {}, a) :
	    { pill: toEnd, older: live("log") && olderMessages, "list-older": olderRows }[a.id];
	if (act) { e.preventDefault(); act(); }
});

/* Pipedrive beside the conversation: loaded after it, and anew after each form there. */
let panelTimer;
const panelSeen = () => $("pipedrive")?.getClientRects().length;
async function panel(url, o, form) {
	const box = $("crm"), focus = form && document.activeElement.id;
	clearTimeout(panelTimer);
	box.ariaBusy = true;
	try {
		const [, doc] = await get(url, o), next = $("crm", doc);
		if (box !== $("crm")) return;
		box.replaceWith(document.adoptNode(next));
		show("crm-lost");
		if (form) ($("crm-error") || $("crm-said") || $(focus))?.focus();
	} catch {
		if (box === $("crm")) show("crm-lost", true);
		if (form) busy(form);
	}
	box.ariaBusy = null;
	panelWait();
}
/* Something is under way there: look again, but not under somebody's hands. */
function panelWait() {
	const box = $("crm");
	if (box && "pending" in box.dataset) panelTimer = setTimeout(() => {
		if (document.hidden || box.querySelector("[open]") || box.contains(document.activeElement)) panelWait();
		else if (box === $("crm")) panel(box.dataset.href);
	}, 5000);
}
function panelForm(form) {
	const body = new URLSearchParams(new FormData(form));
	busy(form, true);
	if (form.method === "get") panel(form.action + "?" + body, {}, form);
	else panel(form.action, { method: "POST", body }, form);
}
function panelStart() {
	const box = $("crm");
	if (box && !("live" in box.dataset) && !box.dataset.asked && panelSeen()) {
		box.dataset.asked = "1";
		panel(box.dataset.href);
	}
}
on("hashchange", panelStart);
on("resize", panelStart);

let etag, timer, running, misses = 0, touched = Date.now();
const idle = () => Date.now() - touched > 300000;
async function poll() {
	/* For notifications it goes on while nobody looks, and marks nothing as read then. */
	const away = inbox.away?.(), url = page.poll;
	clearTimeout(timer);
	if ((document.hidden && !away) || running) return;
	running = true;
	try {
		const [r, doc] = await get(url + (away ? `${url.includes("?") ? "&" : "?"}away=1` : ""), { headers: etag ? { "If-None-Match": etag } : {} });
		show("out", r.status === 401);
		if (![200, 304, 401].includes(r.status)) throw r;
		misses = 0;
		if (r.ok && url === page.poll && !document.querySelector("form[data-busy]")) {
			merges(doc);
			etag = $("pill")?.dataset.gap ? null : r.headers.get("ETag");
		}
		polled.forEach((fn) => fn(r));
	} catch {
		misses++;
	}
	running = false;
	show("lost", misses > 1);
	timer = setTimeout(poll, misses ? Math.min(5000 * misses, 30000) : document.hidden ? 60000 : idle() ? 20000 : 4500);
}
document.addEventListener("visibilitychange", poll);
on("online", poll);
for (const type of ["pointerdown", "keydown", "wheel"]) on(type, () => {
	if (idle()) poll();
	touched = Date.now();
});

function start(quiet) {
	path = here();
	etag = null;
	fresh = 0;
	title();
	started.forEach((fn) => fn());
	if (list && !quiet && matchMedia("not (pointer: coarse)").matches) $("reply")?.focus(still);
	clearTimeout(timer);
	timer = setTimeout(poll, 5000);
	near();
	panelStart();
}
Object.assign(inbox, { live, toEnd, fromEnd, busy, merges, poll, idle, visit, list });
on("DOMContentLoaded", () => start());
})();
