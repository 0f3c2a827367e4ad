/* SPDX-License-Identifier: MIT */
/*
 * setup.js - the set-up in the browser: buttons that copy, ticks that come by
 * themselves.  After app.js; without it values are marked and copied by hand, and
 * a button looks again.
 */
"use strict";
(() => {
const { $, get, on } = inbox;

on("click", async (e) => {
	const button = e.target.closest("[data-copy]");
	if (!button) return;
	const from = $(button.dataset.copy);
	try {
		await navigator.clipboard.writeText(from.textContent);
	} catch {
		/* Not allowed, or not encrypted: then it is marked, for Ctrl + C. */
		getSelection().selectAllChildren(from);
		return;
	}
	const label = button.dataset.label ||= button.textContent;
	button.textContent = button.dataset.done;
	button.classList.add("copied");
	setTimeout(() => {
		button.textContent = label;
		button.classList.remove("copied");
	}, 2000);
});

/* Steps and ticks alone: nothing moves under somebody's hands. */
async function look() {
	if (!document.hidden) {
		const [r, doc] = await get(location.pathname).catch(() => [{}]);
		if (r.status === 403) return;	/* the hour is over; what is typed stays */
		if (r.ok) for (const id of ["steps", "ticks"]) {
			const old = $(id), next = $(id, doc);
			if (old && next && old.innerHTML !== next.innerHTML && !old.contains(document.activeElement))
				old.replaceChildren(...next.childNodes);
		}
	}
	setTimeout(look, 4000);
}
setTimeout(look, 4000);
})();
