#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""composing.py - the reply box: eight lines, drafts on every device, replies taken back, others who write meanwhile.

With a script and without one, and inside Pipedrive; in Japanese where a word
is composed.
"""
import unittest

from chrome import Case, Chrome, Keys, until
from stand import ACME, ANNA, LIISA, MARIA, say
from writing import JAAN, PAGE, Writing

SLOW = 80

DEAL = 4242


class Composing(Writing):
    conf = {"undo_seconds": "5"}

    def setUp(self):
        self.forget()
        self.stand.delivered()
        self.thread = self.stand.thread(JAAN)
        self.open()

    def drafts(self):
        return [t for (t,) in self.stand.db("SELECT text FROM draft ORDER BY thread_id")]

    def kept(self, text):
        until(lambda: self.drafts() == ([text] if text else []), 10)

    def row(self):
        return self.b.text("#t-%d" % self.thread)

    def customer(self, text, psid=JAAN):
        self.stand.customer(text, page=PAGE, psid=psid)

    def state(self, thread=None):
        return [s for (s,) in self.stand.db("SELECT state FROM outbox WHERE thread_id = ? ORDER BY id", thread or self.thread)]


class Live(Composing, Case):
    def test_eight_lines(self):
        """The box grows with its text, to eight lines and no further."""
        b = self.b
        height = lambda: b.js_("const t = document.getElementById('reply'), s = getComputedStyle(t);"
                               "return (t.clientHeight - parseFloat(s.paddingTop) - parseFloat(s.paddingBottom)) / parseFloat(s.lineHeight)")
        b.one("#reply").click()
        self.assertAlmostEqual(2, height(), delta=0.1)
        for lines in range(1, 13):
            self.assertAlmostEqual(min(max(lines, 2), 8), height(), delta=0.15, msg="%d lines" % lines)
            b.keys("line %d" % lines, Keys.ENTER)
        self.assertTrue(b.js_("const t = document.getElementById('reply'); return t.scrollHeight > t.clientHeight"))
        b.keys((Keys.CONTROL, "a"), Keys.BACKSPACE)
        self.assertAlmostEqual(2, height(), delta=0.1)
        # Long words wrap; nothing scrolls sideways.
        self.paste("長い文章です。" * 60)
        self.assertGreater(height(), 3)
        self.assertTrue(b.js_("const t = document.getElementById('reply'); return t.scrollWidth <= t.clientWidth"))

    def test_enter_while_composing(self):
        """Enter that chooses a word of the input method sends nothing, whichever way the browser tells of it."""
        b, n = self.b, len(self.state())
        self.choose(send="enter")
        try:
            self.open()
            b.one("#reply").click()
            b.cdp("Input.imeSetComposition", text="にほんご", selectionStart=4, selectionEnd=4)
            b.cdp("Input.dispatchKeyEvent", type="rawKeyDown", key="Process", code="Enter", windowsVirtualKeyCode=229)
            for how in ("isComposing: true", "keyCode: 229, which: 229"):
                b.js_("document.getElementById('reply').dispatchEvent(new KeyboardEvent('keydown',"
                      " { key: 'Enter', bubbles: true, cancelable: true, %s }))" % how)
            b.cdp("Input.insertText", text="日本語")
            self.assertEqual("日本語", self.box())
            self.assertEqual(n, len(self.state()))
            b.keys((Keys.SHIFT, Keys.ENTER), "二行目", Keys.ENTER)
            b.until(lambda: self.mine()[-1] == "日本語\n二行目", 8)
            until(lambda: len(self.state()) == n + 1, 8)
        finally:
            self.choose(send="ctrl")

    def test_draft_on_another_device(self):
        b = self.b
        b.one("#reply").click()
        b.keys("Half a sent")
        b.keys("ence")
        self.kept("Half a sentence")
        b.until(lambda: b.ask() or self.w["who.draft"] in self.row() and "Half a sentence" in self.row(), 10)
        other = Chrome(self.stand, "ja", 390)
        try:
            other.adopt(self.person)
            other.get("/inbox")
            row = "#t-%d" % self.thread
            other.reads(row, "Half a sentence")
            other.reads(row, say("who.draft", "ja" if "下書き" in other.text(row) else "en"))
            other.get("/inbox/%d" % self.thread)
            other.one("#reply")
            self.assertEqual("Half a sentence", other.js_("return document.getElementById('reply').value"))
            # A colleague sees nothing of it.
            anna = self.stand.sign_in(user=ANNA)[0]
            self.assertNotIn("Half a sentence", anna.get("/inbox").text + anna.get("/inbox/%d" % self.thread).text)
            # Going on there is going on here; writing in both at once is told.
            other.one("#reply").send_keys(", and the other half")
            self.kept("Half a sentence, and the other half")
        finally:
            other.close()
        b.one("#reply").send_keys("!")
        b.reads("#said", self.w["composer.elsewhere"], 10)
        self.kept("Half a sentence!")
        b.d.refresh()
        b.loaded()
        self.assertEqual("Half a sentence!", self.box())
        # An empty box is no draft.
        b.one("#reply").clear()
        self.kept(None)
        b.until(lambda: b.ask() or self.w["who.draft"] not in self.row(), 10)

    def test_draft_when_the_page_is_left(self):
        b = self.b
        self.paste("Not two seconds yet")
        b.get("/settings")
        self.kept("Not two seconds yet")
        self.open()
        self.assertEqual("Not two seconds yet", self.box())

    def test_sent_is_no_draft(self):
        b = self.b
        self.paste("Kept, then sent")
        self.kept("Kept, then sent")
        self.send_by_button()
        until(lambda: "queued" in self.state() and not self.drafts(), 10)
        self.paste("The next one")
        self.kept("The next one")
        until(lambda: "Kept, then sent" in self.out(), 20)
        self.assertEqual("The next one", self.box())

    def test_undo(self):
        b = self.b
        self.paste("Too hasty")
        self.send_by_button()
        button = b.one("#log .undo", self.w["msg.undo"])
        self.assertIn(self.w["wait.held"], self.last(".meta"))
        b.until(lambda: button.get_attribute("data-s") in ("5", "4", "3"), 5)
        self.paste("and more")
        self.assertNotIn("Too hasty", self.out())
        b.click("#log .undo")
        b.until(lambda: self.box() == "Too hasty\nand more", 8)
        b.until(lambda: "Too hasty" not in self.mine(), 8)
        self.assertEqual("cancelled", self.state()[-1])
        self.kept("Too hasty\nand more")
        self.assertEqual("reply", b.js_("return document.activeElement.id"))
        b.until(lambda: b.ask() or "Too hasty" in self.row() and self.w["who.draft"] in self.row(), 8)
        # Now it is meant.
        self.send_by_button()
        b.one("#log .undo")
        until(lambda: "Too hasty\nand more" in self.out(), 20)
        b.until(lambda: not b.has("#log .undo") and "sent" == self.state()[-1], 10)
        self.assertEqual(1, self.out().count("Too hasty\nand more"))
        self.assertNotIn("Too hasty", self.out())

    def test_none_to_undo(self):
        b = self.b
        self.choose(undo="0")
        try:
            self.open()
            self.paste("At once")
            self.send_by_button()
            until(lambda: "At once" in self.out(), 20)
            self.assertEqual([(0,)], self.stand.db("SELECT hold_until FROM outbox ORDER BY id DESC LIMIT 1"))
            self.assertEqual("", self.last(".undo"))
        finally:
            self.choose(undo="site")

    def test_others_wrote(self):
        b = self.b
        # What is on the screen was seen.
        self.customer("Seen by you")
        b.until(lambda: b.ask() or "Seen by you" in b.text("#log"), 10)
        self.paste("About what I saw")
        self.send_by_button()
        b.one("#log .undo")
        self.assertFalse(b.has("#ask"))
        # What came while the page was not asking was not.
        anna = self.stand.sign_in(user=ANNA)[0]
        self.paste("About the old price")
        b.js_("window.fetch = ((f) => (u, o) => String(u).includes('/poll') ? new Promise(() => {}) : f(u, o))(window.fetch)")
        self.customer("The price has changed")
        self.stand.reply(anna, self.thread, "I am on it")
        self.send_by_button()
        b.reads("#ask-text", self.w["ask.outdated"], 10)
        self.assertEqual("About the old price", self.box())
        self.assertEqual(["About the old price"], self.drafts())
        b.reads("#news", self.w["line.news"])
        marked = b.texts("#news ~ .msg .text")
        self.assertIn("The price has changed", marked)
        self.assertIn("I am on it", marked)
        self.assertNotIn("Seen by you", marked)
        self.assertEqual([], b.texts("#log .new"))
        # Asked once: it goes, whatever else has come.
        self.customer("And once more")
        b.click("#send", self.w["ask.anyway"])
        b.until(lambda: self.box() == "" and not b.has("#ask") and not b.has("#news"), 10)
        until(lambda: "About the old price" in self.out(), 20)

    def test_parts(self):
        b, n = self.b, len(self.state())
        sentence = "在庫はございます。明日お届けします。"
        text = sentence * 120
        self.paste(text)
        self.send_by_button()
        b.reads("#ask-text", self.w["ask.parts"].replace("{n}", "2"), 10)
        cuts = b.texts(".cuts li")
        self.assertEqual(text, "".join(cuts))
        self.assertTrue(all(c.endswith("。") and len(c) <= 2000 for c in cuts))
        b.click("#send", self.w["ask.as_parts"].replace("{n}", "2"))
        b.until(lambda: self.mine()[-2:] == cuts, 10)
        # Taken back together.
        b.click("#log .undo")
        b.until(lambda: self.box() == "\n".join(cuts), 10)
        self.assertEqual(["cancelled"] * 2, self.state()[n:])
        self.send_by_button()
        b.click("#send", self.w["ask.as_parts"].replace("{n}", "2"))
        until(lambda: self.out()[-2:] == cuts, 30)
        self.assertEqual(["sent"] * 2, until(lambda: (lambda s: s if "queued" not in s and "sending" not in s else None)(self.state()[n + 2:]), 10))

    def test_z_console_is_clean(self):
        # Questions are refusals, too.
        errors = [e["message"] for e in self.b.errors() if not any(s in e["message"] for s in (" 409 ", " 422 "))]
        self.assertEqual([], errors)


class Plain(Composing, Case):
    """The same without JavaScript."""
    js, beside = False, Live

    def test_keep_as_draft(self):
        b = self.b
        b.one("#reply").send_keys("Later")
        b.leave("#composer button", self.w["composer.keep"])
        self.assertEqual(["Later"], self.drafts())
        self.assertEqual("Later", self.box())
        b.reads(".band", self.w["notice.draft"])
        b.get("/inbox")
        b.reads("#t-%d" % self.thread, "Later")

    def test_undo(self):
        b = self.b
        b.one("#reply").send_keys("Too hasty again")
        b.leave("#send")
        b.leave("#log .undo")
        self.assertEqual("Too hasty again", self.box())
        self.assertNotIn("Too hasty again", self.mine())
        self.assertEqual("cancelled", self.state()[-1])
        # The next one goes out by itself: nobody loads a page.
        b.leave("#send")
        until(lambda: "Too hasty again" in self.out(), 20)
        # Too late then.
        b.leave("#log .undo")
        b.reads("#error", self.w["problem.undo_late"])

    def test_others_wrote(self):
        b = self.b
        b.one("#reply").send_keys("As I said")
        self.customer("But I said something else")
        b.leave("#send")
        b.reads("#ask-text", self.w["ask.outdated"])
        self.assertEqual("As I said", self.box())
        self.assertEqual(["But I said something else"], b.texts("#news ~ .msg .text"))
        b.one("#reply").send_keys(", mostly")
        b.leave("#send")
        until(lambda: "As I said, mostly" in self.out(), 20)
        self.assertFalse(b.has("#ask"))


class Within(Composing, Case):
    """In the panel of a deal in Pipedrive."""
    beside = Live

    def setUp(self):
        self.forget()
        self.thread = self.stand.thread(LIISA)
        self.stand.write("DELETE FROM link")
        self.stand.link(self.thread, "deal", DEAL)
        self.b.get(self.stand.control("pipedrive/frame", {"company": ACME, "user": MARIA, "kind": "deal", "id": DEAL})["url"])
        self.b.one("#reply")

    def test_draft_undo_and_news(self):
        b = self.b
        self.paste("From the deal")
        self.kept("From the deal")
        b.d.refresh()
        b.loaded()
        self.assertEqual("From the deal", self.box())
        self.send_by_button()
        b.click("#log .undo")
        b.until(lambda: self.box() == "From the deal", 8)
        b.js_("window.fetch = ((f) => (u, o) => String(u).includes('/poll') ? new Promise(() => {}) : f(u, o))(window.fetch)")
        self.customer("Wait", LIISA)
        self.send_by_button()
        b.reads("#ask-text", self.w["ask.outdated"], 10)
        b.click("#send", self.w["ask.anyway"])
        until(lambda: "From the deal" in self.out(LIISA), 20)


if __name__ == "__main__":
    unittest.main()
