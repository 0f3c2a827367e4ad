#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""keys.py - the inbox by keyboard alone: single keys, the box of commands, off while typing and off by choice."""
import unittest

from chrome import Case, Keys

PAGE, JAAN, NOAH = "108422330517604", "6804412339871206", "6990000000000002"


class Keyed(Case):
    def focus(self):
        return self.b.js_("const a = document.activeElement; return a.closest('.row') ? a.closest('.row').id : a.id || a.className || a.tagName")

    def focused(self, what):
        try:
            self.b.until(lambda: self.focus() == what, 5)
        except AssertionError:
            self.fail("the focus is on %r, not on %r" % (self.focus(), what))

    def row(self, n):
        return self.b.js_("return document.querySelectorAll('#rows > li')[arguments[0]].id", n)

    def opened(self, row):
        self.b.until(lambda: self.b.path.startswith("/inbox/" + row[2:]), 10)
        self.focused("scroll")

    def open(self, psid=None):
        self.b.get("/inbox/%d" % self.stand.thread(psid) if psid else "/inbox")
        self.b.until(lambda: self.b.js_("return 'inbox' in window && !!document.querySelector('#rows .row')"))
        if psid:
            self.focused("reply")

    def prefer(self, **kw):
        r = self.person.submit(self.person.get("/settings"), "/settings/person", dict({"lang": "en"}, **kw))
        self.assertEqual(200, r.status)


class English(Keyed):
    def test_1_along_the_list(self):
        b = self.b
        self.open()
        b.keys("j")
        self.focused(self.row(0))
        b.keys("j")
        self.focused(self.row(1))
        b.keys("k")
        self.focused(self.row(0))
        b.keys("k")
        self.focused(self.row(0))
        b.keys("j", Keys.ENTER)
        first = self.row(1)
        self.opened(first)
        self.assertEqual(b.text("#%s .row-name" % first), b.text("#conv-name"))
        # In a conversation they open the next one; back in the list they walk again.
        line = b.js_("return [...document.querySelectorAll('#rows > li')].map((e) => e.id)")
        at = line.index(first)
        b.keys("j")
        self.opened(line[at + 1])
        b.keys("k")
        self.opened(line[at])
        b.keys("u")
        self.focused(first)
        b.keys("j")
        self.focused(line[at + 1])
        self.assertTrue(b.path.startswith("/inbox/" + first[2:]))

    def test_2_reply_and_leave(self):
        b = self.b
        self.open(NOAH)
        # It has the focus: keys write.
        b.keys("jkeur?/")
        self.assertEqual("jkeur?/", b.d.find_element("id", "reply").get_property("value"))
        b.keys(Keys.ESCAPE)
        self.focused("scroll")
        b.keys("r")
        self.focused("reply")
        self.assertEqual("jkeur?/", b.d.find_element("id", "reply").get_property("value"))
        b.keys((Keys.CONTROL, "a"), Keys.BACKSPACE, Keys.ESCAPE)
        # From a row it opens that one first.
        b.keys("u", "j")
        row = b.until(lambda: self.focus().startswith("t-") and self.focus())
        b.keys("r")
        b.until(lambda: b.path.startswith("/inbox/" + row[2:]))
        b.until(lambda: self.focus() in ("reply", "foot") or b.has("#closed"))

    def test_3_actions_press_what_is_there(self):
        b = self.b
        state = lambda: self.stand.db("SELECT state FROM thread WHERE psid = ?", NOAH)[0][0]
        self.open(NOAH)
        b.keys(Keys.ESCAPE)
        b.keys((Keys.CONTROL, "e"), (Keys.ALT, "e"), (Keys.SHIFT, "e"))
        self.assertEqual(0, state())
        b.keys("e")
        b.until(lambda: state() == 1 and b.has("[data-act=reopen]"), 20)
        b.js_("document.getElementById('scroll').focus()")
        b.keys("e")
        b.until(lambda: state() == 0 and b.has("[data-act=done]"), 20)
        # A choice is shown; its first item has the focus.
        b.js_("document.getElementById('scroll').focus()")
        b.keys("s")
        b.until(lambda: b.js_("return document.activeElement.matches('.snooze button')"))
        b.keys(Keys.ENTER)
        b.until(lambda: state() == 2, 20)
        self.open(NOAH)
        b.keys(Keys.ESCAPE, "e")
        b.until(lambda: state() == 0, 20)
        self.stand.customer("Still there?", page=PAGE, psid=NOAH)
        b.ask()
        b.reads("#log", "Still there?")
        b.js_("document.getElementById('scroll').focus()")
        b.until(lambda: b.js_("return !!document.querySelector('[data-act=unread]')"))
        b.keys("m")
        unread = lambda: self.stand.db("SELECT t.in_n - s.n FROM thread t JOIN seen s ON s.thread_id = t.id WHERE t.psid = ?", NOAH)[0][0]
        b.until(lambda: unread() == 1 and b.path.startswith("/inbox") and not b.has("#log"), 20)

    def test_4_help(self):
        b = self.b
        self.open()
        b.keys("?")
        b.reads("#help", self.w["keys.done"])
        shown = b.texts("#help kbd")
        for key in "jkureslm/?":
            self.assertIn(key, shown)
        b.keys("j")
        self.assertTrue(b.has("#help"))
        b.keys(Keys.ESCAPE)
        b.until(lambda: not b.has("#help"))
        b.keys("j")
        self.focused(self.row(0))
        # Every key of the page does something, and everything that is done by key is on the page.
        self.assertEqual(sorted(b.js_("return [...document.querySelectorAll('#help [data-do]')].map((e) => e.dataset.do)")),
                         sorted(["next", "previous", "open", "list", "reply", "done", "snooze", "unread", "link", "search",
                                 "help", "leave", "box"]))

    def test_5_the_panel(self):
        b = self.b
        self.open(NOAH)
        b.until(lambda: b.js_("return 'live' in document.getElementById('crm').dataset"))
        b.keys(Keys.ESCAPE, "l")
        b.until(lambda: b.js_("return !!document.activeElement.closest('#pipedrive')"))

    def box(self, text):
        b = self.b
        b.keys((Keys.CONTROL, "k"))
        b.until(lambda: b.has("#box[open]"))
        self.focused("box-q")
        b.keys(text)
        return b.texts("#box-list li")

    def test_6_box_of_commands(self):
        b = self.b
        self.open(NOAH)
        found = self.box("")
        self.assertTrue(any(self.w["keys.next"] in t for t in found), found)
        self.assertTrue(any("Jaan Kask" in t for t in found), found)
        self.assertTrue(any(self.w["bar.settings"] in t for t in found), found)
        b.keys(Keys.ESCAPE)
        b.until(lambda: not b.has("#box"))
        self.focused("reply")
        # A name, by key; the half of two words, in any order and case.
        found = self.box("kask JAA")
        self.assertEqual(1, len(found), found)
        b.keys(Keys.ENTER)
        self.opened("t-%d" % self.stand.thread(JAAN))
        b.reads("#conv-name", "Jaan Kask")
        # A command by another word for it, with the mouse.
        self.assertIn(self.w["keys.reply"], self.box("answer")[0])
        b.click("#box-list li")
        self.focused("reply")
        # Up and down go round.
        n = len(self.box(""))
        b.keys(Keys.ARROW_UP)
        chosen = "return [...document.querySelectorAll('#box-list li')].findIndex((e) => e.ariaSelected === 'true')"
        self.assertEqual(n - 1, b.js_(chosen))
        b.keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
        self.assertEqual(1, b.js_(chosen))
        self.assertEqual("box-1", b.d.find_element("id", "box-q").get_attribute("aria-activedescendant"))
        b.keys("no such thing")
        b.until(lambda: b.has("#box-none"))
        b.keys(Keys.ENTER, Keys.ESCAPE)

    def test_7_switched_off(self):
        b = self.b
        self.prefer(keys="off")
        try:
            self.open()
            before = self.focus()
            b.keys("j", "?", (Keys.CONTROL, "k"))
            b.js_("return new Promise((done) => setTimeout(done, 300))")
            self.assertEqual(before, self.focus())
            self.assertFalse(b.all("dialog"))
        finally:
            self.prefer(keys="on")

    def test_8_console_is_clean(self):
        self.assertEqual([], self.b.errors())


class Japanese(Keyed):
    lang, beside = "ja", English

    def test_box_takes_kana(self):
        b = self.b
        self.prefer(lang="ja")
        try:
            self.open(NOAH)
            b.keys(Keys.ESCAPE, "?")
            b.reads("#help", self.w["keys.done"])
            b.keys(Keys.ESCAPE)
            for text in ("かんりょう", "カンリョウ", "完了", "ｶﾝﾘｮｳ", "archive"):
                b.keys((Keys.CONTROL, "k"))
                b.until(lambda: b.has("#box[open]"))
                b.js_("const q = document.getElementById('box-q'); q.value = arguments[0]; q.dispatchEvent(new Event('input'))", text)
                self.assertTrue(any(self.w["keys.done"] in t for t in b.texts("#box-list li")), text)
                # The key that ends a composition chooses nothing.
                b.js_("document.getElementById('box-q').dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true}))")
                self.assertTrue(b.has("#box[open]"))
                b.keys(Keys.ESCAPE)
                b.until(lambda: not b.has("#box"))
            b.js_("document.activeElement.blur(); document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'j', keyCode: 229, bubbles: true}))")
            self.assertFalse(self.focus().startswith("t-"))
        finally:
            self.prefer(lang="en")


class Narrow(Keyed):
    width, beside = 390, English

    def test_there_and_back(self):
        b = self.b
        self.open()
        b.keys("j", "j", Keys.ENTER)
        row = self.row(1)
        self.opened(row)
        b.keys("u")
        b.until(lambda: b.path == "/inbox")
        self.focused(row)


class Plain(Keyed):
    """Without JavaScript the page of keys can be read, and the choices be made."""
    js, beside = False, English

    def test_page_and_choice(self):
        b = self.b
        b.get("/keyboard")
        self.assertIn(self.w["keys.reply"], b.text("main"))
        b.leave("main a", self.w["keys.settings"])
        for name, word in (("keys", "off"), ("notify", "mine"), ("preview", "off")):
            b.d.find_element("css selector", "#pref-%s option[value=%s]" % (name, word)).click()
        b.leave("#person button")
        self.assertEqual(["off", "mine", "off"], [b.d.find_element("id", "pref-" + n).get_property("value")
                                                  for n in ("keys", "notify", "preview")])
        self.assertFalse(b.has("#notify-test"))
        self.assertIn(self.w["notify.script"], b.text("main"))
        self.prefer(keys="on", notify="off", preview="on")


if __name__ == "__main__":
    unittest.main()
