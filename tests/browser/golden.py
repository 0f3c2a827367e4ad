# SPDX-License-Identifier: MIT
"""golden.py - pictures of how something looked when somebody said it was right.

A golden is a PNG with a palette of at most 256 colours, made and compared in
Chromium itself: no other decoder is needed.  Colours count as the same within
SAME of 255, which is more than the palette takes away; different is a picture
of another size, or with more than a handful of pixels that are not the same.
That suffices: one Chromium with the same fonts draws a page the same each time.

Fonts and letters are those of one Chromium on one Debian.  goldens/made-with.json
names both; elsewhere only the sizes are compared, and that is said.

INBOX_GOLDENS=write makes them anew (and drops those nobody asks for).
"""
import base64
import json
import os
import re
import subprocess
import sys
import zlib

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goldens")
WRITE = os.environ.get("INBOX_GOLDENS") == "write"
SAME, HANDFUL = 20, 12

# In whatever page is open: nothing is fetched.
PICTURE = """
const load = async (b64) => {
    const bits = await createImageBitmap(new Blob([Uint8Array.from(atob(b64), (c) => c.charCodeAt(0))]), { colorSpaceConversion: 'none' });
    const c = new OffscreenCanvas(bits.width, bits.height).getContext('2d');
    c.drawImage(bits, 0, 0);
    return c.getImageData(0, 0, bits.width, bits.height);
};
"""
COMPARE = PICTURE + """
const done = arguments[arguments.length - 1], [now, was] = await Promise.all([load(arguments[0]), load(arguments[1])]);
if (now.width !== was.width || now.height !== was.height)
    return done({ size: `${was.width} x ${was.height} became ${now.width} x ${now.height}`, n: -1 });
const a = now.data, z = was.data, same = arguments[2], far = (i) => Math.abs(a[i] - z[i]) > same;
let n = 0, left = 1e9, top = 1e9, right = 0, bottom = 0;
for (let i = 0; i < a.length; i += 4)
    if (far(i) || far(i + 1) || far(i + 2)) {
        const x = i / 4 % now.width, y = Math.floor(i / 4 / now.width);
        n++;
        left = Math.min(left, x); right = Math.max(right, x); top = Math.min(top, y); bottom = Math.max(bottom, y);
    }
done({ n, of: now.width * now.height, where: n ? [left, top, right, bottom] : null });
"""
# To a palette: as many bits of each colour as fit into 256.
PALETTE = PICTURE + """
const done = arguments[arguments.length - 1], { data, width, height } = await load(arguments[0]);
for (const bits of [6, 5, 4, 3, 2]) {
    const step = 255 / ((1 << bits) - 1), seen = new Map(), out = new Uint8Array(width * height);
    for (let i = 0; i < out.length && seen.size <= 256; i++) {
        const [r, g, b] = [0, 1, 2].map((k) => Math.round(Math.round(data[4 * i + k] / step) * step)), key = r << 16 | g << 8 | b;
        if (!seen.has(key)) seen.set(key, seen.size);
        out[i] = seen.get(key);
    }
    if (seen.size > 256) continue;
    let text = '';
    for (let i = 0; i < out.length; i += 4096) text += String.fromCharCode(...out.subarray(i, i + 4096));
    return done({ width, height, colours: [...seen.keys()], pixels: btoa(text) });
}
"""


def run(b, script, *args):
    """In the browser's page; the script may wait."""
    return b.d.execute_async_script("(async function () {%s}).apply(null, arguments);" % script, *args)


def chunk(kind, data):
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def png(p):
    """The bytes of a PNG with a palette."""
    rows, w = base64.b64decode(p["pixels"]), p["width"]
    colours = b"".join(c.to_bytes(3, "big") for c in p["colours"])
    deflate = zlib.compressobj(9, zlib.DEFLATED, 15, 9)
    lines = b"".join(b"\0" + rows[i:i + w] for i in range(0, len(rows), w))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", w.to_bytes(4, "big") + p["height"].to_bytes(4, "big") + b"\x08\x03\0\0\0") +
            chunk(b"PLTE", colours) + chunk(b"IDAT", deflate.compress(lines) + deflate.flush()) + chunk(b"IEND", b""))


def size(data):
    """Width and height of a PNG."""
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def made_with(b):
    """What letters look like depends on these."""
    version = re.match(r"\d+", b.cdp("Browser.getVersion")["product"].split("/")[1]).group()
    fonts = subprocess.run(["fc-match", "-f", "%{family[0]} %{fontversion}", "system-ui"], capture_output=True, text=True, check=False).stdout
    more = subprocess.run(["fc-match", "-f", "%{family[0]} %{fontversion}", "sans-serif:lang=ja"], capture_output=True, text=True, check=False).stdout
    return "Chromium %s, %s, %s" % (version, fonts or "?", more or "?")


class Goldens:
    """The folder, and who asked for what."""

    def __init__(self, b):
        self.b, self.asked = b, set()
        here = made_with(b)
        path = os.path.join(FOLDER, "made-with.json")
        if WRITE:
            os.makedirs(FOLDER, exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                json.dump(here, f, ensure_ascii=False)
        with open(path, encoding="utf-8") as f:
            there = json.load(f)
        self.judge = here == there
        if not self.judge:
            sys.stderr.write("# goldens were made with %s; here is %s: sizes alone are compared\n" % (there, here))

    def path(self, name):
        return os.path.join(FOLDER, name + ".png")

    def shot(self, css=None):
        """What is in the window, or of it what the element takes; base64."""
        b = self.b
        b.js_("document.activeElement?.blur(); document.getAnimations().forEach((a) => a.cancel())")
        b.js_("return new Promise((done) => document.fonts.ready.then(() => requestAnimationFrame(() => requestAnimationFrame(done))))")
        b.until(lambda: b.js_("return [...document.images].every((i) => i.complete || i.loading === 'lazy')"))
        params = {"format": "png", "captureBeyondViewport": False}
        if css:
            r = b.js_("const r = document.querySelector(arguments[0]).getBoundingClientRect(); "
                      "return [Math.max(0, r.left), Math.max(0, r.top), Math.min(innerWidth, r.right), Math.min(innerHeight, r.bottom)].map(Math.round)", css)
            params["clip"] = {"x": r[0], "y": r[1], "width": r[2] - r[0], "height": r[3] - r[1], "scale": 1}
        return b.cdp("Page.captureScreenshot", **params)["data"]

    def compare(self, now, name):
        """None, or what is different."""
        with open(self.path(name), "rb") as f:
            was = f.read()
        if not self.judge:
            a, z = size(base64.b64decode(now)), size(was)
            return None if a == z else "%s: %d x %d became %d x %d" % ((name,) + z + a)
        got = run(self.b, COMPARE, now, base64.b64encode(was).decode(), SAME)
        if got["n"] < 0:
            return "%s: %s" % (name, got["size"])
        if got["n"] > HANDFUL:
            return "%s: %d pixels of %d are different, within %s" % (name, got["n"], got["of"], got["where"])
        return None

    def check(self, now, name):
        self.asked.add(name + ".png")
        if WRITE:
            with open(self.path(name), "wb") as f:
                f.write(png(run(self.b, PALETTE, now)))
        if not os.path.exists(self.path(name)):
            return "%s: there is no golden; INBOX_GOLDENS=write makes it" % name
        return self.compare(now, name)

    def others(self):
        """Goldens that nobody asked for."""
        left = sorted(f for f in os.listdir(FOLDER) if f.endswith(".png") and f not in self.asked)
        if WRITE:
            for f in left:
                os.unlink(os.path.join(FOLDER, f))
        return [] if WRITE else left
