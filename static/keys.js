/* SPDX-License-Identifier: MIT */
/*
 * keys.js - the inbox by keyboard: single keys as in mail programs, and the box
 * of commands on Ctrl+K.  What they are called stands on the page /keyboard, which
 * is asked for when it is first needed.  Actions press what is on the page,
 * found by data-act: nothing happens here that has no button.
 */
"use strict";
(() => {
const { $, all, get, on, still, page, pref, list, visit } = inbox;
if (!list || pref("keys") === "off") return;

const act = (name) => document.querySelector(`[data-act="${name}"]`);
const rows = () => all(".row-link", list);
const focused = () => document.activeElement?.closest(".row-link");
const current = () => rows().find((a) => a.ariaCurrent);
const seen = (el) => el?.checkVisibility({ visibilityProperty: true });

/* Opened by key: the conversation has the focus, not its box, so that the next key is one, too. */
async function open(a) {
	await visit(a.href, true, true);
	$("scroll")?.focus(still);
}
/* In the list to the next row; in a conversation, the next one. */
function step(by) {
	const here = focused(), line = rows(), from = line.indexOf(here || current());
	const a = line[from < 0 ? 0 : from + by];
	if (a && !here && current()) open(a);
	else a?.focus();
}
async function back() {
	const id = current()?.parentNode.id;
	if (!seen(list)) await visit($("conv").querySelector(".back").href, true, true);
	(($(id) || list).querySelector(".row-link") || list).focus();
}
/* What an action is about: the row in hand, else what is open. */
async function there() {
	const a = focused();
	if (a && !a.ariaCurrent) await open(a);
}
const first = (el) => el?.querySelector("input:not([type=hidden]), select, textarea, button, a[href], summary");
async function press(...names) {
	await there();
	names.map(act).find(Boolean)?.click();
}
/* A choice: it is shown, and its first item has the focus. */
async function choose(name) {
	await there();
	const el = act(name);
	for (let d = el?.closest("details"); d; d = d.parentElement.closest("details")) d.open = true;
	first(el)?.focus();
}
async function reply() {
	await there();
	(seen($("reply")) ? $("reply") : first($("foot")))?.focus();
}
async function search() {
	if (!seen($("find"))) await back();
	$("find").focus();
}
async function link() {
	await there();
	const panel = $("pipedrive");
	if (!seen(panel)) document.querySelector(".panel-open")?.click();
	if (seen(panel)) (first($("crm")) || first(panel))?.focus();
}

/* Commands by name, as that page and the box know them: key, what to do, and when it can be done. */
const inConv = () => $("log") || (focused() && true);
const commands = {
	next: ["j", () => step(1), () => rows().length],
	previous: ["k", () => step(-1), () => rows().length],
	open: ["Enter", () => open(focused()), focused],
	list: ["u", back, () => current() || !seen(list)],
	reply: ["r", reply, inConv],
	done: ["e", () => press("done", "reopen"), () => act("done") || act("reopen") || focused()],
	snooze: ["s", () => choose("snooze"), () => act("snooze") || focused()],
	unread: ["m", () => press("unread"), () => act("unread") || focused()],
	link: ["l", link, inConv],
	search: ["/", search, () => $("find")],
	help: ["?", () => help(), () => true],
};
const byKey = new Map(Object.values(commands).map((c) => [c[0], c]));
const typing = (el) => el.closest?.("input:not([type=checkbox], [type=radio], [type=submit]), textarea, select, [contenteditable], video, audio");

on("keydown", (e) => {
	if (e.isComposing || e.keyCode === 229 || e.defaultPrevented) return;
	const ctrl = e.ctrlKey || e.metaKey;
	if (ctrl && !e.altKey && !e.shiftKey && e.key.toLowerCase() === "k") {
		e.preventDefault();
		if (!document.querySelector("dialog[open]")) box();
		return;
	}
	if (ctrl || e.altKey || document.querySelector("dialog[open]")) return;
	if (e.key === "Escape" && e.target.id === "reply") $("scroll").focus(still);
	if (e.key === "Escape" && e.target.id === "find") (current() || rows()[0] || list).focus(still);
	if (typing(e.target)) return;
	/* With the capitals' lock on it is the same key. */
	const c = byKey.get(e.shiftKey || e.key.length > 1 ? e.key : e.key.toLowerCase());
	if (!c || !c[2]() || (e.shiftKey && e.key !== "?")) return;
	e.preventDefault();
	c[1]();
});

/* Words of the page /keyboard, once. */
let words;
async function dialog(id) {
	if (!words) {
		const [r, doc] = await get(new URL("keyboard", new URL(page.poll, location)));
		if (!r.ok) throw r;
		words = $("keys", doc);
		$("help", doc).querySelector("form").before(words.cloneNode(true));
		for (const d of ["help", "box"]) {
			document.body.append(document.adoptNode($(d, doc)));
			/* Outside of it closes it. */
			$(d).addEventListener("click", (e) => e.target === $(d) && $(d).close());
		}
		$("box-q").addEventListener("input", narrow);
		$("box").addEventListener("keydown", boxKey);
		$("box-list").addEventListener("click", (e) => run(e.target.closest("li")));
	}
	$(id).showModal();
}
const help = () => dialog("help").catch(() => location.assign(new URL("keyboard", new URL(page.poll, location))));

/* The box: commands that can be done now, views, links of the bar, conversations of the list. */
let entries = [];
/* Width, case and kana do not matter. */
const fold = (s) => s.normalize("NFKC").toLowerCase().replace(/[\u30a1-\u30f6]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0x60));
async function box() {
	const can = Object.entries(commands).filter(([name, c]) => name !== "open" && c[2]());
	try { await dialog("box"); } catch { return; }
	entries = [
		...can.map(([name, c]) => {
			const el = words.querySelector(`[data-do="${name}"]`);
			return { text: el.querySelector("dd").textContent, key: c[0], words: el.dataset.words, run: c[1] };
		}),
		...all(".views a, .bar-end a, .bar-end form button").map((el) => {
			const menu = el.closest("details")?.querySelector("summary");
			return { text: `${menu ? (menu.ariaLabel || menu.textContent.trim()) + ": " : ""}${el.textContent.trim()}`, run: () => el.click() };
		}),
		...rows().map((a) => ({ text: a.querySelector(".row-name").textContent, beside: a.querySelector(".row-time").textContent,
			words: a.querySelector(".row-end .tag")?.textContent || "", run: () => open(a) })),
	].filter((x) => x.text);
	for (const x of entries) x.find = fold(`${x.text} ${x.words || ""}`);
	$("box-q").value = "";
	narrow();
}
function narrow() {
	const parts = fold($("box-q").value).split(/\s+/).filter(Boolean);
	const found = entries.filter((x) => parts.every((p) => x.find.includes(p))).slice(0, 60);
	$("box-list").replaceChildren(...found.map((x, i) => {
		const li = document.createElement("li"), b = document.createElement(x.key ? "kbd" : "span");
		li.role = "option";
		li.id = `box-${i}`;
		li.dir = "auto";
		li.append(x.text, b);
		b.textContent = x.key || x.beside || "";
		li.entry = x;
		return li;
	}));
	$("box-none").hidden = found.length;
	mark($("box-list").firstChild);
}
function mark(li) {
	for (const el of $("box-list").children) el.ariaSelected = el === li;
	if (li) $("box-q").setAttribute("aria-activedescendant", li.id);
	else $("box-q").removeAttribute("aria-activedescendant");
	li?.scrollIntoView({ block: "nearest" });
}
function run(li) {
	if (!li) return;
	$("box").close();
	li.entry.run();
}
function boxKey(e) {
	const all = [...$("box-list").children], at = all.findIndex((el) => el.ariaSelected === "true");
	const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length }[e.key];
	if (e.isComposing || e.keyCode === 229) return;
	if (e.key === "Enter") run(all[at]);
	else if (to === undefined || !all.length) return;
	else mark(all[to % all.length]);
	e.preventDefault();
}
})();
