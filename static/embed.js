/* SPDX-License-Identifier: MIT */
/*
 * embed.js - our pages in a frame of Pipedrive's.  It speaks the protocol of
 * Pipedrive's SDK (pipedrive.md 6.5): a frame that does not say `initialize`
 * within ten seconds is not shown.  Without it the pages are plain HTML.
 */
"use strict";
(() => {
const { sdk, renew } = document.body.dataset, root = document.documentElement;
const framed = parent !== window && sdk;
const again = document.getElementById("again");

const say = (payload, heard) => {
	const { port1, port2 } = new MessageChannel();
	port1.onmessage = (e) => heard?.(e.data || {});
	/* The address of the company's Pipedrive is not known here; nothing of this is secret. */
	parent.postMessage({ payload, id: sdk }, "*", [port2]);
};
const command = (name, args) => new Promise((done, failed) => {
	say({ type: "command", command: name, args }, ({ data, error }) => error ? failed(error) : done(data));
});
const listen = (event, heard) => say({ type: "listener", event }, ({ data }) => heard(data || {}));

/* A pass that is over: the same place with a fresh token. */
async function reload() {
	if (!framed || !renew) return location.reload();
	const { token } = await command("get_signed_token"), url = new URL(renew, location);
	url.searchParams.set("token", token);
	url.searchParams.set("theme", root.dataset.theme);
	location.replace(url);
}
if (again) {
	again.hidden = false;
	again.addEventListener("click", () => reload().catch(() => location.reload()));
}
if (!framed) return;

/* A conversation wants room; a sentence takes what it needs. */
const height = () => {
	const box = document.querySelector("main");
	return document.body.matches(".embed-conv") ? 600 : Math.min(Math.max(Math.ceil(box.getBoundingClientRect().bottom + scrollY), 100), 750);
};
let size = height();
const fit = () => {
	if (height() !== size) command("resize", { height: size = height() }).catch(() => {});
};

command("initialize", { size: { height: size } }).catch(() => {});
listen("user_settings_change", ({ theme }) => {
	if (theme) root.dataset.theme = theme === "dark" ? "dark" : "light";
});
/* Shown again: what is new now, not at the next turn. */
listen("visibility", ({ is_visible: seen }) => { if (seen) dispatchEvent(new Event("online")); });
addEventListener("focus", () => parent.postMessage({ payload: { type: "track", event: "focused" }, id: sdk }, "*"));
addEventListener("load", fit);
addEventListener("resize", fit);
/* The next page in this frame keeps the theme. */
addEventListener("click", (e) => {
	const a = e.target.closest("a[href]");
	if (!a || a.target || a.origin !== location.origin || a.hash) return;
	const url = new URL(a.href);
	url.searchParams.set("theme", root.dataset.theme);
	a.href = url;
}, true);
})();
