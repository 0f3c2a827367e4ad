/* SPDX-License-Identifier: MIT */
/*
 * attach.js - files of a reply: chosen, dropped or pasted, checked, and sent in
 * pieces that any web host takes, so that the reply's form has only their
 * keys.  After compose.js; without it the form brings the files itself.
 */
"use strict";
(() => {
const { $, all, on, page, still } = inbox;
if (!page.poll) return;

const PIECE = 90 << 10, MIB = 1 << 20, MOST = 10, TRIES = 5;
const say = (what) => $("files").dataset[what];
const open = () => all("#files .attached:not(.bad)");
const coming = () => all("#files .coming");
let running, waiting;

/* Why Messenger would not take it, by its first bytes; the server looks once more. */
async function wrong(file) {
	const head = [...new Uint8Array(await file.slice(0, 16).arrayBuffer())].map((b) => String.fromCharCode(b)).join("");
	const odd = /^.{4}ftyp(hei[cxms]|hevc|mif1|msf1|avi[fs])|^.{8}WEBP|^II\*\0|^MM\0\*/s.test(head);
	const picture = /^(\xff\xd8\xff|\x89PNG|GIF8)/.test(head);
	return !file.size || odd || file.size > (picture ? 8 : 25) * MIB ? say("rules") : "";
}

function fail(li, why) {
	li.className = "attached bad";
	li.querySelector("progress")?.remove();
	const p = document.createElement("span");
	p.className = "attached-why";
	p.setAttribute("role", "alert");
	p.textContent = why;
	li.querySelector("b").after(p);
	waiting = false;
}

const post = (form, li, more) => {
	const body = new FormData();
	if (form.elements.csrf) body.append("csrf", form.elements.csrf.value);
	body.append("key", li.dataset.key);
	for (const [name, value] of Object.entries(more)) body.append(name, value);
	return fetch(form.action.replace(/reply(\?.*)?$/, "upload"), { method: "POST", body, signal: AbortSignal.timeout?.(60000) });
};

async function upload(li) {
	const form = $("composer"), file = li.file, bar = li.querySelector("progress");
	for (let at = 0, tries = 0; at < file.size; ) {
		let now = at;
		try {
			const r = await post(form, li, { name: file.name, size: file.size, at, data: file.slice(at, at + PIECE) });
			const o = await r.json();
			if (!li.isConnected) return;
			if (o.error) return fail(li, o.error);
			now = o.got;
		} catch { /* the same piece again is the same piece */ }
		if (!li.isConnected) return;
		if (now > at) tries = 0;
		else if (++tries > TRIES) return fail(li, say("broken"));
		else await new Promise((go) => { setTimeout(go, 500 << tries); });
		bar.value = at = now;
	}
	const key = document.createElement("input");
	key.type = "hidden";
	key.name = "upload";
	key.value = li.dataset.key;
	li.append(key);
	li.classList.remove("coming");
	bar.remove();
}

/* One after the other: they share one line. */
async function run() {
	if (running) return;
	running = true;
	for (let li; (li = coming()[0]); ) await upload(li);
	running = false;
	if (waiting && $("composer")) $("composer").requestSubmit($("send"));
	waiting = false;
}

async function add(files) {
	for (const file of files) {
		if (!$("files")) return;
		const li = document.createElement("li"), name = document.createElement("b"), gone = document.createElement("button");
		li.className = "attached";
		li.file = file;
		li.dataset.key = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
		name.dir = "auto";
		name.textContent = file.name;
		gone.type = "button";
		gone.className = "attached-off";
		gone.textContent = "×";
		gone.ariaLabel = gone.title = `${say("remove")} ${file.name}`;
		li.append(name, gone);
		const why = open().length >= MOST ? say("many") : await wrong(file).catch(() => say("broken"));
		$("files").append(li);
		if (why) fail(li, why);
		else {
			const bar = document.createElement("progress");
			bar.max = file.size;
			bar.value = 0;
			bar.ariaLabel = file.name;
			name.after(bar);
			li.classList.add("coming");
		}
	}
	run();
}

on("change", (e) => {
	if (e.target.id !== "file") return;
	add([...e.target.files]);
	e.target.value = "";
	$("reply").focus(still);
});
on("click", (e) => {
	const li = e.target.closest?.(".attached-off")?.closest("li");
	if (!li) return;
	li.remove();
	if (!li.matches(".bad")) post($("composer"), li, { drop: 1 }).catch(() => {});
	$("reply").focus(still);
});
on("paste", (e) => {
	const files = [...(e.clipboardData?.files || [])];
	/* What programs copy as text and as a picture is meant as text. */
	if (!files.length || !$("files") || e.clipboardData.types.includes("text/plain")) return;
	e.preventDefault();
	const stamp = new Date().toISOString().slice(0, 19).replace(/\D/g, "");
	add(files.map((f) => (f.name === "image.png" ? new File([f], `screenshot-${stamp}.png`, { type: f.type }) : f)));
});

const carries = (e) => e.dataTransfer?.types.includes("Files");
const hover = (yes) => $("foot")?.classList.toggle("dropping", yes);
on("dragover", (e) => {
	if (!carries(e)) return;
	/* Dropped beside it, a file would take the page's place. */
	e.preventDefault();
	e.dataTransfer.dropEffect = $("files") ? "copy" : "none";
	hover(!!$("files"));
});
on("dragleave", (e) => { if (!e.relatedTarget) hover(false); });
on("drop", (e) => {
	if (!carries(e)) return;
	e.preventDefault();
	hover(false);
	if ($("files")) add([...e.dataTransfer.files]);
});

/* A reply waits for its files. */
on("submit", (e) => {
	if (e.target.id !== "composer" || e.submitter?.matches(".undo") || !coming().length) return;
	e.preventDefault();
	e.stopImmediatePropagation();
	waiting = true;
}, true);
const send = inbox.send;
inbox.send = async (form, by) => {
	const mine = form.id === "composer" && !by?.matches(".undo") ? open() : [];
	await send(form, by);
	/* Gone with the reply; after a refusal they stay. */
	if (mine.length && !$("error")?.textContent) mine.forEach((li) => li.remove());
};
inbox.onStart(() => { if ($("file")) $("file").removeAttribute("name"); });
})();
