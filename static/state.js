/* SPDX-License-Identifier: MIT */
/*
 * state.js - done, reopened, snoozed, unread again, without leaving the page.
 * After app.js; without it they are buttons of a form.
 */
"use strict";
(() => {
const { $, get, page, busy, merges, visit, still, acts, onMerge } = inbox;
if (!page.poll) return;

/* What is said of the conversation; focus stays where it was. */
function patch(doc) {
	for (const id of ["state", "state-line"]) {
		const old = $(id), next = $(id, doc);
		if (!old || !next || old.innerHTML === next.innerHTML) continue;
		const focus = old.contains(document.activeElement);
		old.replaceWith(next);
		if (focus) next.querySelector("button")?.focus(still);
	}
}
function say(text) {
	const p = $("state-error") || document.createElement("p");
	p.id = "state-error";
	p.className = "error state-error";
	p.setAttribute("role", "alert");
	p.textContent = text;
	$("state-line").append(p);
}
acts["state-form"] = async (form, button) => {
	const body = new URLSearchParams(new FormData(form)), menu = $("menu");
	/* A button that waits is disabled, and loses the focus. */
	const held = document.activeElement === button || menu?.contains(document.activeElement);
	if (button) body.set(button.name, button.value);
	busy(form, true);
	try {
		const [r, doc] = await get(form.action, { method: "POST", body });
		busy(form);
		if (!doc.body.dataset.poll) return say($("problem", doc)?.textContent || form.dataset.lost);
		/* Unread again: it is the list that comes. */
		if (!$("conv-name", doc)) return visit(r.url, true);
		if (r.ok && menu) menu.open = false;
		merges(doc);
		patch(doc);
		if (held && r.ok) $("state").querySelector("button")?.focus(still);
	} catch {
		busy(form);
		say(form.dataset.lost);
	}
};
onMerge(patch);
})();
