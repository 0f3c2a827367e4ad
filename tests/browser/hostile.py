#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""hostile.py - the attachments and links of tests/http/hostile.py in front of a real browser: none of them runs.

The conversation is looked at with all of them in it, each file is opened by
its address, used as a script, a style and a service worker of our own page, and
every address that Chromium asked for is known at the end.
"""
import json
import os
import sys
import unittest

from chrome import Case, until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "http"))
import hostile  # noqa: E402

PAGE_A = "108422330517604"
USE = """
const [url, done] = arguments, said = [];
const end = (what) => (e) => { said.push(what + (e.type || e)); if (said.length === 3) done(said); };
const script = document.createElement("script"), style = document.createElement("link");
script.onload = end("script "); script.onerror = end("script ");
style.onload = end("style "); style.onerror = end("style ");
script.src = style.href = url;
style.rel = "stylesheet";
document.head.append(script, style);
navigator.serviceWorker.register(url).then(() => end("worker ")("load"), () => end("worker ")("error"));
"""

SLOW = 50


class Hostile(Case):
    seed, network, connected = "small", True, False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.person = cls.stand.connect("shared", pages=[PAGE_A])
        cls.thread = hostile.fill(cls.stand)
        cls.files = hostile.served(cls.stand, cls.thread)
        cls.b.adopt(cls.person)
        cls.b.d.set_script_timeout(20)

    def quiet(self, what):
        """Nothing of theirs has run in this page."""
        b = self.b
        self.assertNotIn("PWNED", b.d.title, what)
        if b.d.current_url.startswith(self.stand.url):
            self.assertIsNone(b.js_("try { return localStorage.getItem('pwned') } catch { return null }"), what)

    def test_a_conversation(self):
        b = self.b
        b.get("/inbox/%d" % self.thread)
        b.one("#log")
        # All the way up: every message has been on the page.
        for _ in range(12):
            b.js_("document.getElementById('scroll').scrollTop = -1e9")
            if not b.js_("return !!document.getElementById('older')"):
                break
            until(lambda: b.js_("const o = document.getElementById('older'); return !o || !o.dataset.busy"), 20)
        b.until(lambda: b.js_("return [...document.images].every((i) => i.complete || i.loading === 'lazy')"), 20)
        self.quiet("the conversation")
        links = b.js_("return [...document.querySelectorAll('#log a')].map((a) => [a.protocol, a.target, a.rel, a.hasAttribute('download')])")
        self.assertGreater(len(links), 30)
        for protocol, target, rel, _ in links:
            self.assertIn(protocol, ("http:", "https:", ":"))       # ":": it leads nowhere
            if target == "_blank":
                self.assertIn("noopener", rel)

    def test_b_each_by_its_address(self):
        b = self.b
        for i, url in self.files:
            name = hostile.FILES[i][2]
            with self.subTest(name, url=url):
                b.get("/settings")
                # A download ends the navigation, and the driver may say so.
                try:
                    b.get(url)
                except Exception as e:
                    self.assertIn("ERR_ABORTED", str(e))
                self.quiet(name)
                if hostile.FILES[i][4] is None:
                    self.assertIn("/settings", b.d.current_url, "a download does not take the page's place")

    def test_c_as_a_part_of_our_page(self):
        b = self.b
        b.get("/settings")
        for i, url in self.files:
            with self.subTest(hostile.FILES[i][2], url=url):
                said = b.d.execute_async_script(USE, url)
                self.assertEqual(sorted(said), ["script error", "style error", "worker error"])
        self.quiet("our page")

    def test_z_what_was_asked_for(self):
        asked = []
        for entry in self.b.d.get_log("performance"):
            m = json.loads(entry["message"])["message"]
            if m["method"] == "Network.requestWillBeSent":
                asked.append(m["params"]["request"]["url"])
        self.assertGreater(len(asked), 60)
        ours = (self.stand.url + "/", "data:", "chrome", "about:")
        self.assertEqual([u for u in asked if "pwned" in u or not u.startswith(ours)], [])


if __name__ == "__main__":
    unittest.main()
