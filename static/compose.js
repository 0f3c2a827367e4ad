/* SPDX-License-Identifier: MIT */
/*
 * compose.js - the reply box: its height, its counter, its draft, sending
 * without leaving the page, taking a reply back.  After app.js; without it the
 * form is one, and its buttons do the same.
 *
 * The draft lies on the server, two seconds after the last key.  What is not
 * there yet is kept by this tab as well, so that no word is lost while the
 * server is away; what reaches the server while the page is left stays for a
 * moment more, because the next page may have been made before.
 */
"use strict";
(() => {
const { $, all, get, on, page, pref, show, busy, live, list, toEnd, fromEnd, merges, poll } = inbox;
if (!page.poll) return;

const PAUSE = 2000, AGAIN = 5000;
let form, saved, timer, saving;		/* saved: what the server has; saving: on its way */
let leaving;				/* the next page may be made already */
const box = () => form?.elements.text;

/* What this tab alone has.  In a frame the browser may keep nothing for us; without a list it is one. */
const local = {
	key: () => "draft " + form.action.replace(/\?.*/, ""),
	get: () => {
		const own = list && JSON.parse(sessionStorage.getItem(local.key()));
		return own && !(own.kept < Date.now() - 10000) ? own : {};
	},
	put: (own) => sessionStorage.setItem(local.key(), JSON.stringify(own)),
	set: (text) => {
		if (!list) return;
		if (text === saved) sessionStorage.removeItem(local.key());
		else local.put({ text, saved });
	},
};

function grow() {
	const t = box(), c = $("count");
	if (!t) return;
	if (!CSS.supports("field-sizing", "content")) {
		t.style.height = "auto";
		t.style.height = t.scrollHeight + 2 + "px";
	}
	c.hidden = t.value.length < 1800;
	c.textContent = `${t.value.length} / ${form.dataset.max}`;
	c.classList.toggle("over", t.value.length > form.dataset.max);
}
function fill(text) {
	box().value = text;
	grow();
}
const fields = (f, more) => {
	const body = new URLSearchParams(new FormData(f));
	Object.entries(more || {}).forEach(([name, value]) => body.set(name, value));
	return body;
};
const say = (text) => {
	const p = $("said");
	if (p) p.textContent = text;
	show("said", text);
};

/* ---- the draft ---- */

async function keep() {
	const f = form, t = box(), text = t?.value;
	let wait = PAUSE, said = "";
	clearTimeout(timer);
	if (!t || text === saved || saving || "busy" in f.dataset) return;
	saving = true;
	try {
		const body = fields(f, { js: 1 });
		const r = await fetch(f.querySelector(".no-js").formAction, { method: "POST", body, keepalive: true });
		said = await r.text();
		if (!r.ok) throw r;
		if (f === form) saved = text;
	} catch {
		said = $("unkept").textContent;
		wait = AGAIN;
	}
	saving = false;
	if (f !== form) return;
	say(said);
	if (!leaving) local.set(t.value);
	else if (local.get().text === saved) local.put({ ...local.get(), kept: Date.now() });
	if (t.value !== saved) later(wait);
}
function later(ms) {
	clearTimeout(timer);
	timer = setTimeout(keep, ms);
}
function typed() {
	if (!box()) return;
	grow();
	local.set(box().value);
	later(PAUSE);
}

/* A box of its own: what the server gave, and what this tab has not brought there. */
function adopt() {
	const f = $("composer");
	all("[data-js]").forEach((el) => { el.hidden = false; });
	if (f === form) return grow();
	form = f;
	if (!f) return;
	saved = box().value;
	const own = local.get();
	if (own.text && own.text !== saved) {
		fill(!saved || saved === own.saved ? own.text : saved + "\n" + own.text);
		later(PAUSE);
	}
	grow();
}

/* ---- what has been seen ---- */

let sight;
function see() {
	if (form && sight && fromEnd() < 24 && !document.hidden) form.elements.seen.value = sight;
}

/* ---- sending ---- */

/* Another form in place of this one; the answer it is from keeps its own. */
function replace(next) {
	saved = box().value;		/* nothing of this one is left to be kept */
	next = document.importNode(next, true);
	next.querySelector("#file")?.removeAttribute("name");	/* attach.js sends them */
	form.replaceWith(next);
	adopt();
}
/* The next form's hidden fields: the text in the box stays. */
function renew(doc) {
	const next = $("composer", doc);
	if (!next || !form.isConnected) return;
	if ($("ask")) {
		const text = box().value, focus = document.activeElement === box();
		replace(next);
		$("news")?.remove();
		fill(text);
		if (focus) box().focus();
	} else {
		all("[type=hidden]", next).forEach((el) => { form.elements[el.name].value = el.value; });
	}
}
/* The server asks something first: its form takes the place of this one. */
function asked(doc) {
	const more = box().value, next = $("composer", doc), focus = document.activeElement.form === form;
	merges(doc);
	replace(next);
	if (more) {
		fill(box().value + "\n" + more);
		later(PAUSE);
	}
	if (focus) box().focus();
}
/*
 * A form of the conversation; what the server answered, and why it was not
 * done.  away: the reader has gone to another conversation meanwhile.
 */
async function post(f, url, body, sent) {
	let why = $("unsent").textContent, doc, away;
	try {
		let r;
		[r, doc] = await get(url, { method: "POST", body });
		why = r.ok && $("log", doc) ? "" : ($("error", doc) || $("problem", doc))?.textContent || why;
		away = !f.isConnected;
		if (away || $("ask", doc)) return { why, doc, away };
		if (sent) renew(doc);
		inbox.agent(doc);
		if (why) return { why, doc };
		if (!live("log")) location.assign(r.url);
		else merges(doc, sent);
	} catch { /* the same key again cannot double it */ }
	return { why, doc, away };
}
async function send(by) {
	const f = form, t = box(), text = t.value, body = fields(f, by?.name ? { [by.name]: by.value } : {});
	const files = all("[name=upload]:not([type=checkbox]:not(:checked))", f);
	if (!text.trim() && !files.length) return t.focus();
	clearTimeout(timer);
	busy(f, true);
	$("error").textContent = "";
	say("");
	const li = $("sample").content.children[0].cloneNode(true);
	li.children[0].textContent = [text, ...files.map((el) => el.closest("li").querySelector("b").textContent)].join("\n").trim();
	if (live("log")) $("log").append(li);
	fill("");
	toEnd();
	t.focus();
	const { why, doc, away } = await post(f, f.action, body, t), ask = doc && $("ask", doc);
	busy(f);
	if (away) return;
	if (why || ask) all(".new").forEach((el) => el.remove());
	if (ask) return asked(doc);
	if (why) {
		fill(text + (box().value && "\n" + box().value));
		$("error").textContent = why;
	} else {
		saved = "";
	}
	typed();
}
/* The answer's box has the text that came back, before what is in this one. */
async function undo(by) {
	const f = form, t = box();
	clearTimeout(timer);
	busy(f, true);
	t.readOnly = true;
	const { why, doc, away } = await post(f, by.formAction, fields(f), t);
	t.readOnly = false;
	busy(f);
	if (away) return;
	$("error").textContent = why;
	if (why || !$("reply", doc)) return;
	saved = $("reply", doc).value;
	fill(saved);
	local.set(saved);
	box().focus();
}
inbox.send = async (f, by) => {
	if (by?.matches(".undo")) return undo(by);
	if (f === form) return send(by);
	busy(f, true);
	const { why, away } = await post(f, f.action, fields(f));
	busy(f);
	if (!away && $("error")) $("error").textContent = why;
};

/* Seconds on the buttons that take a reply back; when they are over it goes out by itself. */
function count() {
	all(".undo").forEach((b) => {
		b.until ||= Date.now() + +b.dataset.left;
		b.dataset.s = Math.ceil((b.until - Date.now()) / 1000);
		if (b.dataset.s > 0) return;
		b.remove();
		setTimeout(poll, 500);
	});
}
setInterval(count, 250);

on("input", (e) => { if (e.target === box()) typed(); });
on("focusout", (e) => { if (e.target === box()) keep(); });
on("beforeunload", () => {
	leaving = true;
	setTimeout(() => { leaving = false; }, 5000);		/* if it stays */
	keep();
});
document.addEventListener("visibilitychange", () => document.hidden ? keep() : see());
on("scroll", see, true);
on("keydown", (e) => {
	/* 229: the key ends a composition, in browsers that say so late. */
	if (e.key !== "Enter" || e.target !== box() || e.isComposing || e.keyCode === 229) return;
	const alone = pref("send") === "enter" && !e.shiftKey && !e.altKey && !matchMedia("(pointer: coarse)").matches;
	if (e.ctrlKey || e.metaKey || alone) {
		e.preventDefault();
		if (!e.repeat) form.requestSubmit($("send"));
	}
});
inbox.onStart(adopt);
inbox.onMerge((doc) => {
	sight = $("composer", doc)?.elements.seen.value;
	adopt();
	see();
	count();
});
})();
