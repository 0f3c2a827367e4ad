/* SPDX-License-Identifier: MIT */
/*
 * conv.js - small things of an open conversation: the time left for replies
 * counts down, the tick of a personal reply is for one reply, and links to
 * messages of this page lead there at once.  After app.js; without it the
 * server says the same.
 */
"use strict";
(() => {
const { $, on, page, onStart, onMerge } = inbox;
if (!page.poll) return;

/* By how much time has passed here: the two clocks need not agree. */
let ends = 0;
function count() {
	const el = $("left"), words = $("window")?.dataset;
	if (!el || !words.days) return;
	if (el.dataset.ms) ends = Date.now() + +el.dataset.ms;
	delete el.dataset.ms;
	const min = Math.max(1, Math.floor((ends - Date.now()) / 60000)), h = Math.floor(min / 60);
	const text = h >= 48 ? words.days : h ? words.hours : words.minutes;
	el.textContent = text.replace("{n}", h >= 48 ? Math.floor(h / 24) : h || min).replace("{min}", min % 60);
	el.classList.toggle("chip-urgent", !h);
	el.classList.toggle("chip-soon", h > 0 && h < 4);
}
setInterval(count, 15000);
onStart(count);

/* Another state of the deadline asks another thing of the writer. */
inbox.agent = (doc) => {
	const here = $("agent"), there = $("agent", doc);
	if (here && there && here.textContent !== there.textContent) here.replaceWith(there);
};
onMerge((doc) => {
	inbox.agent(doc);
	count();
});
on("submit", (e) => {
	const tick = $("agent-tick");
	if (tick && tick.form === e.target && e.target.dataset.busy) tick.checked = false;
});

/* The time of a message is its address, a quote leads to its source. */
let said;
on("click", (e) => {
	const a = e.target.closest("#log .at, #log .quote a");
	if (!a || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
	const id = a.hash.slice(1) || "m-" + a.pathname.split("/").pop();
	if (!$(id)) return;
	e.preventDefault();
	location.hash = id;
	if (a.matches(".at")) navigator.clipboard?.writeText(a.href).then(() => {
		$("copied").hidden = false;
		clearTimeout(said);
		said = setTimeout(() => { $("copied").hidden = true; }, 3000);
	}, () => {});
});
})();
