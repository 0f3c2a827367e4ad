/* SPDX-License-Identifier: MIT */
/*
 * viewer.js - a picture of the conversation in the whole window, and from it to
 * the others: arrows, swipes, Esc.  The dialog keeps the focus and gives it back.
 * Without this a picture is a link to itself.
 */
"use strict";
(() => {
const { $, all, on, page, still } = inbox;
if (!page.poll) return;

let pics, at, back, x, y;

function turn(to) {
	if (!pics[to]) return;
	const box = $("viewer"), img = box.querySelector("img"), pic = pics[at = to];
	img.src = pic.href;
	img.alt = pic.querySelector("img").alt;
	box.querySelector(".viewer-at").textContent = `${at + 1} / ${pics.length}`;
	box.querySelector(".viewer-prev").disabled = !at;
	box.querySelector(".viewer-next").disabled = at === pics.length - 1;
	if (document.activeElement.disabled) box.querySelector(".viewer-close").focus(still);
}
function show(pic) {
	if (!$("viewer")) {
		document.body.append($("viewer-box").content.cloneNode(true));
		$("viewer").prepend(new Image());
	}
	pics = all("#log .pic");
	back = pic;
	turn(pics.indexOf(pic));
	const box = $("viewer");
	/* Esc, the button and a phone's way back all end here. */
	box.onclose = () => {
		box.querySelector("img").removeAttribute("src");
		back.focus(still);
	};
	box.showModal();
}

on("click", (e) => {
	const pic = e.target.closest?.("#log .pic"), box = e.target.closest?.("#viewer");
	if (pic && $("viewer-box") && !e.ctrlKey && !e.metaKey && !e.shiftKey && !e.altKey) {
		e.preventDefault();
		show(pic);
	} else if (e.target.closest?.(".viewer-prev")) turn(at - 1);
	else if (e.target.closest?.(".viewer-next")) turn(at + 1);
	else if (e.target.closest?.(".viewer-close") || (box && !e.target.matches("img"))) box.close();
});
on("keydown", (e) => {
	if (!$("viewer")?.open) return;
	const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: pics.length - 1 }[e.key];
	if (to === undefined) return;
	e.preventDefault();
	turn(to);
});
on("pointerdown", (e) => { [x, y] = [e.clientX, e.clientY]; });
on("pointerup", (e) => {
	if (e.pointerType !== "touch" || !e.target.closest?.("#viewer")) return;
	const dx = e.clientX - x, dy = e.clientY - y;
	if (Math.abs(dx) > 50 && Math.abs(dx) > Math.abs(dy)) turn(dx < 0 ? at + 1 : at - 1);
	else if (dy > 80) $("viewer").close();
});
})();
