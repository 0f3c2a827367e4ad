#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""attach.py - files of a reply and pictures of a conversation, as a person handles them.

Chosen, dropped, pasted; refused with the reason; sent in pieces that a host with
a small limit takes, through a line that breaks; sent once; taken away again;
without script a plain form.  The viewer by mouse, keys and focus.
"""
import os
import tempfile
import unittest

from selenium.webdriver.remote.file_detector import UselessFileDetector

from chrome import Case, Keys, until

PAGE, JAAN = "108422330517604", "6804412339871206"
DROP = """
const [what, names, text] = arguments, files = new DataTransfer();
for (const [name, size, head] of names) files.items.add(new File([Uint8Array.from(head, (c) => c.charCodeAt(0)), new Uint8Array(size)], name));
if (text) files.setData("text/plain", text);
const to = document.getElementById(what === "paste" ? "reply" : "log");
const make = (type) => what === "paste" ? new ClipboardEvent(type, { clipboardData: files, bubbles: true, cancelable: true })
    : new DragEvent(type, { dataTransfer: files, bubbles: true, cancelable: true });
if (what === "paste") return to.dispatchEvent(make("paste"));
to.dispatchEvent(make("dragover"));
const over = document.getElementById("foot").className;
to.dispatchEvent(make("drop"));
return over;
"""
PNG = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x28\0\0\0\x1e\x08\x06\0\0\0"
HEIC = "\0\0\0\x18ftypheic"


class Files:
    def open(self):
        self.thread = self.stand.thread(JAAN)
        self.b.get("/inbox/%d" % self.thread)
        self.b.one("#reply")

    def screen(self):
        c = self.stand.control("state?page=%s&psid=%s" % (PAGE, JAAN))["conversations"][0]
        return [m["text"] or "+" + m["attachments"][0]["name"] for m in c["messages"] if m["direction"] == "out"]

    def choose(self, *paths):
        """The file names themselves go to the browser: it runs here."""
        self.b.d.file_detector = UselessFileDetector()
        self.b.d.find_element("css selector", "#file").send_keys("\n".join(paths))

    def chips(self):
        return self.b.texts("#files b")

    def press_send(self):
        self.b.click("#composer button.primary")

    def arrived(self, *what):
        until(lambda: self.screen()[-len(what):] == list(what), 30)


class Live(Files, Case):
    def setUp(self):
        self.stand.control("faults/clear", {})
        self.b.js_("try { sessionStorage.clear() } catch {}")
        self.open()

    def test_choose_and_send(self):
        b = self.b
        with tempfile.TemporaryDirectory() as d:
            paths = []
            for name, size in (("offer 54.pdf", 400_000), ("notes.txt", 10)):
                paths.append(os.path.join(d, name))
                with open(paths[-1], "wb") as f:
                    f.write(b"%PDF-1.7 " + b"x" * size)
            self.choose(*paths)
            b.until(lambda: self.chips() == ["offer 54.pdf", "notes.txt"], 20)
            self.assertEqual("reply", b.js_("return document.activeElement.id"))
            b.until(lambda: not b.has("#files progress"), 30)
        b.js_("document.getElementById('reply').value = 'Our offer'")
        self.press_send()
        self.arrived("Our offer", "+offer 54.pdf", "+notes.txt")
        b.until(lambda: not self.chips() and not b.has("#log .new"), 20)
        self.assertEqual(b.errors(), [])

    def test_drop_and_send_before_it_is_there(self):
        """Send waits for the files; text may be missing."""
        b = self.b
        self.assertIn("dropping", b.js_(DROP, "drop", [["big.bin", 600_000, "BIN"]], None))
        b.until(lambda: self.chips() == ["big.bin"], 20)
        self.press_send()
        self.arrived("+big.bin")
        b.until(lambda: not self.chips(), 20)
        self.assertNotIn("dropping", b.js_("return document.getElementById('foot').className"))

    def test_paste(self):
        b = self.b
        b.js_(DROP, "paste", [["image.png", 500, PNG]], None)
        b.until(lambda: len(self.chips()) == 1 and self.chips()[0].startswith("screenshot-"), 20)
        # A table copied from elsewhere has a picture of itself: its text is meant.
        self.assertTrue(b.js_(DROP, "paste", [["image.png", 500, PNG]], "a\tb"))
        self.assertEqual(1, len(self.chips()))
        b.click("#files .attached-off")
        b.until(lambda: not self.chips(), 20)
        until(lambda: not self.stand.db("SELECT 1 FROM upload"), 20)

    def test_refused_at_once(self):
        b = self.b
        b.js_(DROP, "drop", [["IMG_1.HEIC", 500, HEIC], ["big.jpg", 9 << 20, "\xff\xd8\xff"], ["ok.png", 500, PNG]], None)
        b.until(lambda: len(self.chips()) == 3, 20)
        b.until(lambda: b.texts("#files .attached-why") == [self.w["attach.rules"]] * 2, 20)
        self.assertIn("HEIC", self.w["attach.rules"])
        b.js_("document.getElementById('reply').value = 'one of three'")
        self.press_send()
        self.arrived("one of three", "+ok.png")
        self.assertEqual(0, len(self.stand.db("SELECT 1 FROM upload")))

    def test_the_line_breaks(self):
        b = self.b
        b.js_("""const real = window.fetch; let n = 0;
            window.fetch = (url, o) => /upload$/.test(url) && ++n % 2 ? Promise.reject(new TypeError("gone")) : real(url, o);""")
        b.js_(DROP, "drop", [["broken-line.bin", 300_000, "BIN"]], None)
        self.press_send()
        self.arrived("+broken-line.bin")

    def test_small_pieces(self):
        """No request is larger than hosts with a limit of 128 KiB take."""
        b = self.b
        b.js_("""const real = window.fetch; window.sizes = [];
            window.fetch = async (url, o) => {
                if (o?.body instanceof FormData) window.sizes.push((await new Response(o.body).arrayBuffer()).byteLength);
                return real(url, o);
            };""")
        b.js_(DROP, "drop", [["pieces.bin", 500_000, "BIN"]], None)
        self.press_send()
        self.arrived("+pieces.bin")
        sizes = b.js_("return window.sizes")
        self.assertGreater(len(sizes), 5)
        self.assertLess(max(sizes), 96 << 10)

    def test_refused_and_kept(self):
        b = self.b
        b.js_(DROP, "drop", [["kept.png", 500, PNG]], None)
        b.until(lambda: self.chips() and not b.has("#files progress"), 20)
        b.js_("document.getElementById('reply').value = 'x'.repeat(2001)")
        self.press_send()
        b.until(lambda: b.has("#ask"), 20)
        self.assertEqual(["kept.png"], self.chips())
        b.js_("document.getElementById('reply').value = 'fits'; document.getElementById('reply').dispatchEvent(new Event('input', { bubbles: true }))")
        self.press_send()
        self.arrived("fits", "+kept.png")
        b.until(lambda: not self.chips(), 20)


class Viewer(Files, Case):
    beside = Live

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        st = cls.stand
        cls.psid = st.control("customer/new", {"page": PAGE, "name": "Pictures Person"})["psid"]
        for picture in ("bicycle", "cat", "bicycle"):
            st.control("customer/write", {"page": PAGE, "psid": cls.psid, "attachments": [{"type": "image", "picture": picture}]})
            st.delivered()
        until(lambda: len(st.db("SELECT 1 FROM attachment a JOIN thread t ON t.id = a.thread_id WHERE t.psid = ? AND a.file <> ''", cls.psid)) == 3
              or st.sync(5) == 9, 60)

    def setUp(self):
        self.b.get("/inbox/%d" % self.stand.thread(self.psid))
        self.b.until(lambda: len(self.b.d.find_elements("css selector", "#log .pic")) == 3, 30)

    def shown(self):
        return self.b.js_("const v = document.getElementById('viewer'); return v?.open ? v.querySelector('.viewer-at').textContent : ''")

    def test_keys_and_focus(self):
        b = self.b
        n = len(b.d.find_elements("css selector", "#log .pic"))
        b.js_("document.querySelectorAll('#log .pic')[1].focus()")
        b.keys(Keys.ENTER)
        b.until(lambda: self.shown() == "2 / %d" % n, 10)
        b.until(lambda: b.js_("return document.querySelector('#viewer img').naturalWidth") > 0, 10)
        b.keys(Keys.ARROW_LEFT)
        self.assertEqual("1 / %d" % n, self.shown())
        b.keys(Keys.ARROW_LEFT)
        self.assertEqual("1 / %d" % n, self.shown())
        b.keys(Keys.END)
        self.assertEqual("%d / %d" % (n, n), self.shown())
        # The focus stays within.
        for _ in range(6):
            b.keys(Keys.TAB)
            self.assertTrue(b.js_("const a = document.activeElement; return a === document.body || !!a.closest('#viewer')"))
        b.keys(Keys.ESCAPE)
        self.assertEqual("", self.shown())
        self.assertTrue(b.js_("return document.activeElement === document.querySelectorAll('#log .pic')[1]"))
        self.assertEqual(b.errors(), [])

    def test_mouse(self):
        b = self.b
        b.click("#log .pic")
        b.until(lambda: self.shown().startswith("1 / "), 10)
        self.assertEqual(1, len(b.d.window_handles))
        b.click(".viewer-next")
        self.assertTrue(self.shown().startswith("2 / "))
        b.click(".viewer-close")
        self.assertEqual("", self.shown())

    def test_boxes_are_there_before_the_pictures(self):
        self.assertTrue(self.b.js_("return [...document.querySelectorAll('#log .pic img')].every((i) => i.width > 0 && i.height > 0 && i.hasAttribute('width'))"))


class Plain(Files, Case):
    beside, js = Live, False

    def test_form(self):
        self.open()
        b = self.b
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "plain.pdf")
            with open(path, "wb") as f:
                f.write(b"%PDF-1.7 plain")
            self.choose(path)
            b.d.find_element("css selector", "#reply").send_keys("by a plain form")
            b.leave("#composer button.primary")
        self.arrived("by a plain form", "+plain.pdf")


if __name__ == "__main__":
    unittest.main()
