#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""layout.py - the frame of the inbox: panes, header, menus, themes, paper, the icon's count.

Three panes, a drawer, one pane; each with an address of its own, so that Back
leads through them without a script.  Lines of text have at most 72 letters,
36 Japanese ones.  The theme is the system's or a person's own, from the first
byte on.
"""
import unittest

from chrome import Case, until

LIISA, JAAN = "6804412339871205", "6804412339871206"
PAGE = "108422330517604"
DEAL = 35
ENGLISH = ("The quick brown fox jumps over the lazy dog while a salesperson answers customers who would like to know "
           "whether the bicycle that they have seen in the window is still there and what it would cost to have it sent ") * 3
JAPANESE = "窓に飾ってあった自転車はまだありますか。もしあれば送料がいくらになるか教えていただけますでしょうか。" * 6

# Letters of each line of an element.
LINES = """
const e = arguments[0], range = document.createRange(), text = e.firstChild, lines = [];
let top = null;
for (let i = 0; i < text.length; i++) {
    range.setStart(text, i);
    range.setEnd(text, i + 1);
    const r = range.getClientRects()[0];
    if (!r || !r.width) continue;
    if (top === null || r.top - top > 4) { lines.push(0); top = r.top; }
    lines[lines.length - 1]++;
}
return lines;
"""
THEME = """
const s = getComputedStyle(document.body);
return [document.documentElement.dataset.theme || null, s.backgroundColor];
"""
LIGHT, DARK = "rgb(245, 244, 240)", "rgb(20, 23, 24)"


class Frame:
    def setUp(self):
        self.t = self.stand.thread(LIISA)

    def open(self, size=1280, thread=None):
        self.b.fit(size, False)
        self.b.get("/inbox/%d" % (thread or self.t))
        self.b.loaded()

    def box(self, css):
        return self.b.js_("const r = document.querySelector(arguments[0]).getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom].map(Math.round)", css)

    def theme(self):
        return self.b.js_(THEME)

    def choose(self, word):
        b = self.b
        b.click(".bar-theme summary")
        b.leave(".bar-theme button", self.w["pref.theme_" + word])


class Scripted(Frame, Case):
    def test_three_panes(self):
        b = self.b
        self.open(1280)
        left, _, right, _ = self.box("#list")
        self.assertEqual([0, 320], [left, right])
        left, _, right, _ = self.box("#pipedrive")
        self.assertEqual([940, 1280], [left, right])
        self.assertEqual([320, 940], [self.box("#conv")[0], self.box("#conv")[2]])
        self.assertFalse(b.has(".panel-open") or b.has(".back") or b.has(".panel-close"))

    def test_lines_have_a_measure(self):
        b = self.b
        b.cdp("Emulation.setDeviceMetricsOverride", width=1900, height=1000, deviceScaleFactor=1, mobile=False)
        for text, most, least in ((ENGLISH, 72, 50), (JAPANESE, 36, 28)):
            self.stand.customer(text, page=PAGE, psid=LIISA)
            self.open_at(text)
            lines = b.js_(LINES, b.all("#log .msg > .text")[-1])
            self.assertGreater(len(lines), 3)
            self.assertLessEqual(max(lines), most, lines)
            self.assertGreaterEqual(max(lines), least, lines)
        b.fit(1280)

    def open_at(self, text):
        b = self.b
        b.get("/inbox/%d" % self.t)
        b.reads("#log .msg:last-of-type", text[:30])

    def test_header_stays_and_says_all(self):
        b = self.b
        self.open(1280, self.stand.thread(JAAN))
        for _ in range(3):
            b.js_("const s = document.getElementById('scroll'); s.scrollTop = -s.scrollHeight")
        top = self.box(".conv-head")
        self.assertGreaterEqual(top[1], 56)
        self.assertEqual(64, top[3] - top[1], b.js_("return document.querySelector('.conv-head').innerHTML"))
        self.assertEqual("Jaan Kask", b.text("#conv-name"))
        self.assertEqual("Bramble Bikes", b.text(".conv-page"))
        self.assertTrue(b.text("#window").strip())
        self.assertTrue(b.has("#menu > summary"))

    def test_drawer_is_named_by_its_link(self):
        b, st = self.b, self.stand
        self.open(900)
        self.assertEqual(self.w["panel.open"], b.text(".panel-open"))
        self.assertFalse(b.has("#pipedrive"))
        b.click(".panel-open")
        b.until(lambda: b.has("#pipedrive"))
        self.assertEqual([560, 900], [self.box("#pipedrive")[0], self.box("#pipedrive")[2]])
        self.assertTrue(b.has("#conv") and b.has("#list"))
        b.d.back()
        b.until(lambda: not b.has("#pipedrive"))
        # Somebody links: the button says to what, the row that it is, without a reload.
        self.assertFalse(b.has("#t-%d .linked" % self.t))
        st.link(self.t, "deal", DEAL)
        st.write("UPDATE thread SET linked = 1 WHERE id = ?", self.t)
        st.write("UPDATE install SET rev = rev + 1")
        b.ask()
        b.reads(".panel-open", "linked", 15)
        b.until(lambda: b.has("#t-%d .linked" % self.t))
        st.write("DELETE FROM link WHERE thread_id = ?", self.t)
        st.write("UPDATE thread SET linked = 0")

    def test_menu_closes(self):
        b = self.b
        self.open(1280)
        opened = lambda: b.js_("return document.getElementById('menu').open")
        b.click("#menu > summary")
        self.assertTrue(opened())
        self.assertTrue(b.has("#menu .menu-item"))
        b.click("#conv-name")
        self.assertFalse(opened())
        b.click("#menu > summary")
        b.keys("\ue00c")
        self.assertFalse(opened())
        self.assertTrue(b.js_("return document.activeElement.matches('#menu > summary')"))

    def test_paper_has_the_conversation_alone(self):
        b = self.b
        self.open(1280, self.stand.thread(JAAN))
        n = len(b.all("#log .msg"))
        b.cdp("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        try:
            for css in (".bar", "#list", "#pipedrive", "#foot", "#menu", "#window", ".bands"):
                self.assertFalse(b.has(css), css)
            shown = b.js_("return [...document.querySelectorAll('#log .msg')].filter((e) => e.checkVisibility() && e.getBoundingClientRect().height).length")
            self.assertEqual(n, shown)
            # Who wrote and when stands at each; nothing is cut off; black on white.
            self.assertTrue(b.js_("""
                return [...document.querySelectorAll('#log .who, #log .meta')].every((e) => getComputedStyle(e).clipPath === 'none')"""))
            self.assertGreater(b.js_("return document.documentElement.scrollHeight"), 1500)
            self.assertEqual("rgb(255, 255, 255)", self.theme()[1])
            self.assertEqual("rgb(30, 34, 37)", b.js_("return getComputedStyle(document.querySelector('.msg.out .text')).color"))
        finally:
            b.cdp("Emulation.setEmulatedMedia", media="", features=[])
        pdf = b.cdp("Page.printToPDF")["data"]
        self.assertGreater(len(pdf), 10000)

    def test_nothing_moves_for_those_who_do_not_want_it(self):
        b = self.b
        self.open(1280)
        b.js_("document.getElementById('crm').ariaBusy = true")
        moving = lambda: b.js_("""
            return [getComputedStyle(document.querySelector('.button')).transitionDuration !== '0s',
                    getComputedStyle(document.getElementById('crm'), '::before').animationName !== 'none']""")
        b.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "no-preference"}])
        self.assertEqual([True, True], moving())
        b.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
        self.assertEqual([False, False], moving())
        b.cdp("Emulation.setEmulatedMedia", features=[])

    def test_icon_counts(self):
        b = self.b
        hook = b.cdp("Page.addScriptToEvaluateOnNewDocument", source="navigator.setAppBadge = (n) => { (window.counts ||= []).push(n); return Promise.resolve(); };")
        try:
            b.fit(1280, False)
            b.get("/inbox")
            before = b.js_("return counts.at(-1)")
            self.assertEqual(before, b.js_("return +document.getElementById('rows').dataset.unread"))
            self.stand.customer("Count me", page=PAGE, psid=self.stand.control("customer/new", {"page": PAGE, "name": "Counted"})["psid"])
            b.ask()
            b.until(lambda: b.js_("return counts.at(-1)") == before + 1, 15)
        finally:
            b.cdp("Page.removeScriptToEvaluateOnNewDocument", identifier=hook["identifier"])

    def test_theme_is_there_from_the_first_byte(self):
        b, st = self.b, self.stand
        self.open(1280)
        self.assertEqual([None, LIGHT], self.theme())
        b.fit(dark=True)
        self.assertEqual([None, DARK], self.theme())
        self.choose("light")
        self.assertEqual(["light", LIGHT], self.theme())
        self.assertEqual("/inbox/%d" % self.t, b.path)
        b.fit(dark=False)
        self.choose("dark")
        self.assertEqual(["dark", DARK], self.theme())
        self.assertIn('data-theme="dark"', self.person.get("/inbox").text[:400])
        self.assertEqual("dark", b.js_("return document.querySelector('meta[name=color-scheme]').content"))
        # The same choice stands in the settings, and goes back there.
        b.get("/settings")
        self.assertEqual("dark", b.js_("return document.getElementById('pref-theme').value"))
        b.js_("document.getElementById('pref-theme').value = 'auto'")
        b.leave("#person button[type=submit]")
        self.assertEqual([None, LIGHT], self.theme())
        self.assertEqual(0, st.db("SELECT count(*) FROM user WHERE prefs LIKE '%theme%'")[0][0])


class Plain(Frame, Case):
    js, beside = False, Scripted

    def test_one_pane_at_a_time_and_back(self):
        b = self.b
        b.fit(390, False)
        b.get("/inbox")
        self.assertTrue(b.has("#list"))
        self.assertFalse(b.has("#conv-name"))
        b.leave(".row-link", "Liisa Virtanen")
        conv = b.path
        self.assertRegex(conv, r"^/inbox/\d+$")
        seen = lambda css: b.js_("return getComputedStyle(document.querySelector(arguments[0])).visibility === 'visible' && "
                                 "document.querySelector(arguments[0]).getClientRects().length > 0", css)
        self.assertEqual([False, True, False], [seen("#list"), seen("#conv"), seen("#pipedrive")])
        b.click(".panel-open")
        until(lambda: seen("#pipedrive"), 5)
        self.assertEqual([False, False], [seen("#list"), seen("#conv")])
        self.assertEqual(conv + "#pipedrive", b.path)
        self.assertEqual([0, 390], [self.box("#pipedrive")[0], self.box("#pipedrive")[2]])
        b.leave(".crm-load a")
        self.assertEqual(conv + "/panel", b.path)
        for path in (conv + "#pipedrive", conv, "/inbox"):
            b.d.back()
            until(lambda: b.path == path, 10)
        self.assertTrue(seen("#list"))

    def test_z_menu_and_theme(self):
        b = self.b
        self.open(390)
        b.click("#menu > summary")
        b.leave("#menu a", self.w["menu.panel"])
        self.assertEqual("/inbox/%d/panel" % self.t, b.path)
        b.get("/inbox")
        self.choose("dark")
        self.assertEqual(["dark", DARK], self.theme())
        b.leave("form button", self.w["bar.sign_out"])
        # Nobody is signed in: the browser remembers it.
        self.assertEqual(["dark", DARK], self.theme())
        self.choose("auto")
        self.assertEqual([None, LIGHT], self.theme())


if __name__ == "__main__":
    unittest.main()
