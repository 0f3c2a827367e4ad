/* SPDX-License-Identifier: MIT */
/*
 * compose.js - the reply box: its height, its counter, what is kept of it,
 * sending without leaving the page.  After app.js; without it the form is one.
 */
"use strict";
(() => {
const { $, all, get, on, page, pref, busy, live, list, toEnd, merges } = inbox;
if (!page.poll) return;

/* In a frame the browser may keep nothing for us; without a list it is one, and its address is secret. */
const keep = (key, text) => { if (list) sessionStorage.setItem(key, text); };
const kept = (key) => (list && sessionStorage.getItem(key)) || "";
function grow() {
	const t = $("reply"), f = t?.form, c = $("count");
	if (!t) return;
	if (!CSS.supports("field-sizing", "content")) {
		t.style.height = "auto";
		t.style.height = t.scrollHeight + 2 + "px";
	}
	c.hidden = t.value.length < 1800;
	c.textContent = `${t.value.length} / ${f.dataset.max}`;
	c.classList.toggle("over", t.value.length > f.dataset.max);
	keep(f.action, t.value);
}
function setUp() {
	all("[data-js]").forEach((el) => { el.hidden = false; });
	if ($("reply")) $("reply").value ||= kept($("composer").action);
	const draft = $("draft");
	if (draft) $("draft-text").value = kept(new URL(draft.dataset.of, location));
	if (draft) draft.hidden = !$("draft-text").value;
	grow();
}
inbox.send = async (form) => {
	const box = form.elements.text, text = box?.value, body = new URLSearchParams(new FormData(form));
	$("error").textContent = text?.length > form.dataset.max ? $("long").textContent : "";
	const files = all("[name=upload]:not([type=checkbox]:not(:checked))", form);
	if (box && ((!text.trim() && !files.length) || $("error").textContent)) return box.focus();
	busy(form, true);
	if (box) {
		const li = $("sample").content.children[0].cloneNode(true);
		li.children[0].textContent = [text, ...files.map((el) => el.closest("li").querySelector("b").textContent)].join("\n").trim();
		if (live("log")) $("log").append(li);
		box.value = "";
		grow();
		toEnd();
		box.focus();
	}
	let why = $("unsent").textContent;
	try {
		const [r, doc] = await get(form.action, { method: "POST", body }), next = $("composer", doc);
		if (next && box) all("[type=hidden]", next).forEach((el) => { form.elements[el.name].value = el.value; });
		inbox.agent(doc);
		why = r.ok && $("log", doc) ? "" : ($("error", doc) || $("problem", doc))?.textContent || why;
		if (!why && form.isConnected) {
			if (!live("log")) return location.assign(r.url);
			merges(doc, box);
		}
	} catch { /* the same key again cannot double it */ }
	busy(form);
	if (why && box) {
		all(".new").forEach((el) => el.remove());
		box.value = text + (box.value && "\n" + box.value);
		keep(form.action, box.value);
	}
	if (form.isConnected) {
		grow();
		$("error").textContent = why;
	}
};
on("input", grow);
on("keydown", (e) => {
	/* 229: the key ends a composition, in browsers that say so late. */
	if (e.key !== "Enter" || e.target.id !== "reply" || e.isComposing || e.keyCode === 229) return;
	if (e.ctrlKey || e.metaKey || (pref("send") === "enter" && !e.shiftKey && !e.altKey)) {
		e.preventDefault();
		e.target.form.requestSubmit();
	}
});
inbox.onStart(setUp);
inbox.onMerge(setUp);
})();
