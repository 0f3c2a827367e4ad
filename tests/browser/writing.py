#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""writing.py - writing to a customer: sent once, and no word is ever lost.

The keys, the counter, replies that fail or whose fate is unknown, a server
that is away, a window that closes while somebody writes; and the same form
without JavaScript.
"""
import unittest

from chrome import ActionChains, Case, Keys, until

PAGE, JAAN, NOAH, OLGA = "108422330517604", "6804412339871206", "6990000000000002", "6990000000000007"
HOUR = 3_600_000


class Writing:
    def forget(self):
        """No draft of an earlier test is there, nor in this tab."""
        self.b.js_("const t = document.getElementById('reply'); if (t) t.value = ''; try { sessionStorage.clear() } catch {}")
        self.b.get("/settings")
        self.stand.write("DELETE FROM draft")

    def open(self, psid=JAAN):
        self.b.get("/inbox/%d" % self.stand.thread(psid))
        self.b.one("#reply")

    def box(self):
        return self.b.js_("return document.getElementById('reply').value")

    def sends(self):
        return self.stand.requests(endpoint="fb.send")

    def out(self, psid=JAAN):
        """What stands on the customer's screen."""
        return self.stand.arrived(psid, PAGE)

    def mine(self):
        return self.b.texts("#log .out > .text")

    def paste(self, text):
        self.b.js_("document.getElementById('reply').focus()")
        self.b.cdp("Input.insertText", text=text)

    def choose(self, **words):
        """What this person prefers, on the settings page."""
        b = self.b
        b.get("/settings")
        for name, word in words.items():
            b.js_("document.getElementById('pref-' + arguments[0]).value = arguments[1]", name, word)
        b.js_("document.getElementById('lang').form.submit()")
        b.until(lambda: "notice=saved" in b.js_("return location.search"), 8)

    def send_by_button(self):
        self.b.click("#composer button", self.w["composer.send"])

    def last(self, css):
        """Of the last of our messages."""
        return self.b.js_("return [...document.querySelectorAll('#log .out')].at(-1)?.querySelector(arguments[0])?.textContent || ''", css)


class Live(Writing, Case):
    def setUp(self):
        self.stand.control("faults/clear", {})
        self.forget()
        self.open()

    def test_double_click_sends_once(self):
        b, n = self.b, len(self.sends())
        self.paste("Once and only once")
        button = b.one("#composer button[type=submit]")
        ActionChains(b.d).double_click(button).perform()
        until(lambda: "Once and only once" in self.out(), 10)
        b.until(lambda: not b.has("#log .new") and self.mine()[-1] == "Once and only once", 8)
        self.assertEqual("", self.box())
        self.assertEqual(1, self.out().count("Once and only once"))
        self.assertEqual(n + 1, len(self.sends()))

    def test_keys(self):
        b, n = self.b, len(self.sends())
        b.one("#reply").click()
        b.keys("First line", Keys.ENTER, "second line", Keys.ENTER)
        self.assertEqual("First line\nsecond line\n", self.box())
        b.keys("日本語も")
        self.assertEqual(n, len(self.sends()))
        b.keys((Keys.CONTROL, Keys.ENTER))
        # Shown at once; the box is free for the next.
        b.until(lambda: self.mine()[-1] == "First line\nsecond line\n日本語も", 1)
        self.assertEqual("", self.box())
        self.assertEqual("reply", b.js_("return document.activeElement.id"))
        until(lambda: "First line\nsecond line\n日本語も" in self.out(), 10)
        # Nothing to send: nothing happens, in a box of blanks as well.
        b.keys(" ", Keys.ENTER, (Keys.CONTROL, Keys.ENTER))
        self.send_by_button()
        self.assertEqual(n + 1, len(self.sends()))

    def test_enter_sends_by_choice(self):
        b = self.b
        self.choose(send="enter")
        self.open()
        self.assertIn(self.w["composer.keys_enter"], b.text("#composer .keys"))
        b.one("#reply").click()
        b.keys("Above", (Keys.SHIFT, Keys.ENTER), "below", Keys.ENTER)
        b.until(lambda: self.mine()[-1] == "Above\nbelow", 2)
        until(lambda: "Above\nbelow" in self.out(), 10)
        # Enter that ends a Japanese word sends nothing.
        b.cdp("Input.imeSetComposition", text="にほん", selectionStart=3, selectionEnd=3)
        n = len(self.sends())
        b.js_("""document.getElementById('reply').dispatchEvent(new KeyboardEvent('keydown',
            { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }))""")
        b.cdp("Input.insertText", text="日本")
        self.assertEqual("日本", self.box())
        self.assertEqual(n, len(self.sends()))
        self.choose(send="ctrl")

    def test_counter_and_too_long(self):
        b, n = self.b, len(self.sends())
        self.paste("a" * 1799)
        self.assertFalse(b.has("#count"))
        self.paste("b")
        self.assertTrue(b.has("#count"))
        self.assertRegex(b.text("#count"), r"^1,?800 / 2,?000$")
        text = "a" * 1799 + "b" + "c" * 199 + "😀"
        self.paste("c" * 199 + "😀")
        self.assertEqual(text, self.box())
        self.assertRegex(b.text("#count"), r"^2,?001 / 2,?000$")
        self.assertTrue(b.has("#count.over"))
        # As several messages, when that is wanted; or shorter.
        b.keys((Keys.CONTROL, Keys.ENTER))
        b.reads("#ask-text", self.w["ask.parts"].replace("{n}", "2"), 8)
        self.assertEqual(text, self.box())
        self.assertEqual(n, len(self.sends()))
        self.assertEqual([], b.texts("#log .new"))
        b.keys((Keys.CONTROL, Keys.END), Keys.BACKSPACE)
        self.assertFalse(b.has("#count.over"))
        b.keys((Keys.CONTROL, Keys.ENTER))
        until(lambda: text[:-1] in self.out(), 10)
        b.until(lambda: not b.has("#ask"), 8)
        self.assertEqual("", b.text("#error"))

    def test_failed_and_again(self):
        b = self.b
        self.stand.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {
            "message": "(#551) This person isn't available right now.", "code": 551, "error_subcode": 1545041}})
        self.paste("Please call me")
        self.send_by_button()
        b.until(lambda: self.w["error.fb.person"] in self.last(".fail"), 8)
        self.assertIn(self.w["state.failed"], self.last(".fail"))
        row = "#t-%d" % self.stand.thread(JAAN)
        b.until(lambda: self.w["row.failed"] in b.text(row), 8)
        self.assertNotIn("Please call me", self.out())
        b.click("#log > li:nth-last-child(1 of .failed) button", self.w["msg.retry"])
        until(lambda: self.out().count("Please call me") == 1, 8)
        b.until(lambda: self.last(".fail") == "" and self.mine().count("Please call me") == 1, 8)
        b.until(lambda: self.w["row.failed"] not in b.text(row), 8)

    def test_failed_and_edited(self):
        b = self.b
        self.stand.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {
            "message": "(#2018144) content", "code": 2018144}})
        self.paste("Something Facebook does not like")
        self.send_by_button()
        b.until(lambda: self.w["error.fb.content"] in self.last(".fail"), 8)
        b.click("#log .fail a", self.w["msg.edit"])
        b.until(lambda: self.box() == "Something Facebook does not like", 8)
        b.one("#reply").clear()
        self.paste("Something nicer")
        self.send_by_button()
        until(lambda: "Something nicer" in self.out(), 10)
        self.assertNotIn("Something Facebook does not like", self.out())
        b.until(lambda: "Something nicer" in self.mine() and "Something Facebook does not like" not in self.mine(), 8)
        self.assertFalse(b.has("#log .fail"))

    def test_failed_and_deleted(self):
        b = self.b
        self.stand.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {
            "message": "(#2018144) content", "code": 2018144}})
        self.paste("Better not at all")
        self.send_by_button()
        b.until(lambda: self.w["error.fb.content"] in self.last(".fail"), 8)
        self.assertIn(self.w["help.agent"], self.last(".fail"))
        self.assertNotIn(self.w["msg.retry"], self.last(".fail"))
        b.click("#log .fail button", self.w["msg.dismiss"])
        b.until(lambda: "Better not at all" not in self.mine() and not b.has("#log .fail"), 8)
        self.assertNotIn("Better not at all", self.out())

    def test_draft_waits_for_the_box(self):
        """While somebody else holds the conversation the draft is kept, and seen."""
        b = self.b
        self.paste("Half a thought")
        until(lambda: self.stand.db("SELECT text FROM draft") == [("Half a thought",)], 8)
        self.stand.control("thread/control", {"page": PAGE, "psid": JAAN, "owner": "442200119988776"})
        self.stand.delivered()
        try:
            self.b.get("/inbox/%d" % self.stand.thread(JAAN))
            b.until(lambda: b.has("#closed"), 8)
            self.assertEqual("Half a thought", b.one("#kept").get_property("value"))
            b.reads("#closed", self.w["composer.draft"])
        finally:
            self.stand.control("thread/control", {"page": PAGE, "psid": JAAN, "owner": "881240037712345"})
            self.stand.delivered()
        self.open()
        self.assertEqual("Half a thought", self.box())

    def test_unknown_fate(self):
        """Sent, but the answer was lost: said so, and found out."""
        b = self.b
        self.stand.control("deliver", {"hold": True})
        try:
            self.stand.fault({"endpoint": "fb.send"}, times=1, cut="after")
            self.paste("Did this arrive?")
            self.send_by_button()
            b.until(lambda: b.ask() or self.last(".unsure-text") == self.w["state.checking"], 8)
            self.assertEqual(self.mine()[-1], "Did this arrive?")
        finally:
            self.stand.control("deliver", {"hold": False})
            self.stand.control("flush", {"order": "fifo"})
        self.stand.delivered()
        b.ask()
        b.until(lambda: not b.has("#log .unsure") and self.w["state.delivered"] in self.last(".meta"), 8)
        self.assertEqual(1, self.out().count("Did this arrive?"))
        self.assertEqual(1, self.mine().count("Did this arrive?"))

    def test_server_away(self):
        b = self.b
        self.paste("I will not be lost")
        self.stand.lose_workers()
        try:
            b.keys((Keys.CONTROL, Keys.ENTER))
            b.reads("#error", self.w["live.unsent"], 10)
            self.assertEqual("I will not be lost", self.box())
            self.assertFalse(b.has("#log .new"))
        finally:
            self.stand.find_workers()
        until(self.stand.answers, 10)
        # Not even by leaving the page.
        b.d.refresh()
        b.loaded()
        self.assertEqual("I will not be lost", self.box())
        self.send_by_button()
        until(lambda: "I will not be lost" in self.out(), 10)
        b.until(lambda: self.mine()[-1] == "I will not be lost", 5)
        self.assertEqual("", self.box())
        self.assertEqual(1, self.out().count("I will not be lost"))

    def test_draft_survives(self):
        b = self.b
        b.one("#reply").click()
        b.keys("Half a sentence")
        b.keys(Keys.LEFT, Keys.LEFT, Keys.LEFT)
        self.stand.customer("One more thing", page=PAGE, psid=JAAN)
        b.reads("#log", "One more thing", 7)
        self.assertEqual("Half a sentence", self.box())
        self.assertEqual(["reply", len("Half a sente")], b.js_("return [document.activeElement.id, document.activeElement.selectionStart]"))
        # Nor by a look at another conversation.
        b.click("#t-%d a" % self.stand.thread(NOAH))
        b.reads("#conv-name", "Noah Fischer")
        self.assertEqual("", self.box())
        b.click("#t-%d a" % self.stand.thread(JAAN))
        b.reads("#conv-name", "Jaan Kask")
        self.assertEqual("Half a sentence", self.box())

    def test_left_while_it_is_kept(self):
        """The next page was made before the draft came to the server; the old one heard that it came."""
        b = self.b
        drafts = lambda: [t for t, in self.stand.db("SELECT text FROM draft")]
        self.paste("Between two pages")
        b.js_("dispatchEvent(new Event('beforeunload'))")
        until(lambda: "Between two pages" in drafts(), 10)
        b.until(lambda: "kept" in (b.js_("return Object.values(sessionStorage).join()")), 5)
        self.stand.write("DELETE FROM draft WHERE text = 'Between two pages'")
        b.d.refresh()
        b.loaded()
        self.assertEqual("Between two pages", self.box())
        until(lambda: "Between two pages" in drafts(), 10)
        b.until(lambda: b.js_("return sessionStorage.length") == 0, 5)

    def test_closed_until_the_customer_writes(self):
        b = self.b
        b.click("#t-%d a" % self.stand.thread(OLGA))
        b.reads("#conv-name", "Olga Petrova")
        self.assertFalse(b.has("#composer"))
        b.reads("#foot", self.w["closed.day"].rpartition("}")[2])
        b.reads("#foot", self.w["advice.wait"])
        b.reads("#window", self.w["conv.closed"])
        self.stand.customer("Hello, me again", page=PAGE, psid=OLGA)
        b.ask()
        b.until(lambda: b.has("#reply"), 7)
        self.assertFalse(b.has("#closed"))
        self.paste("Welcome back, Olga")
        b.keys((Keys.CONTROL, Keys.ENTER))
        until(lambda: "Welcome back, Olga" in self.out(OLGA), 10)

    def test_window_closes_while_writing(self):
        b = self.b
        self.paste("Too late, it seems")
        self.stand.clock(40 * HOUR)
        try:
            n = len(self.sends())
            self.send_by_button()
            b.reads("#error", self.w["problem.window_closed"], 8)
            # In the box, or ready to be copied.
            self.assertEqual("Too late, it seems", b.js_(
                "return (document.getElementById('reply') || document.getElementById('kept')).value"))
            self.assertEqual(n, len(self.sends()))
        finally:
            self.stand.clock(0)

    def test_z_console_is_clean(self):
        # These were asked for above.
        errors = [e["message"] for e in self.b.errors() if not any(s in e["message"] for s in (" 503 ", " 409 ", " 422 "))]
        self.assertEqual([], errors)


class Plain(Writing, Case):
    """The form as it is, without JavaScript."""
    js, beside = False, Live

    def setUp(self):
        self.stand.write("DELETE FROM draft")
        self.open()

    def test_double_click_sends_once(self):
        b = self.b
        self.assertFalse(b.has("#composer .keys"))
        b.one("#reply").send_keys("Twice clicked")
        old = b.d.find_element("css selector", "html")
        ActionChains(b.d).double_click(b.one("#composer button[type=submit]")).perform()
        b.until_left(old)
        until(lambda: "Twice clicked" in self.out(), 10)
        b.until(lambda: "Twice clicked" in self.mine() or b.d.refresh(), 5)
        self.assertEqual(1, self.mine().count("Twice clicked"))
        self.assertEqual(1, self.out().count("Twice clicked"))
        # Loading the page again asks nothing and sends nothing.
        b.d.refresh()
        self.assertEqual(1, self.out().count("Twice clicked"))

    def test_too_long(self):
        b, n = self.b, len(self.sends())
        text = "word " * 420
        b.js_("document.getElementById('reply').value = arguments[0]", text)
        b.leave("#composer button[type=submit]")
        b.reads("#ask-text", self.w["ask.parts"].replace("{n}", "2"))
        self.assertEqual([("word " * 398).strip(), ("word " * 22).strip()], b.texts(".cuts li"))
        self.assertEqual(text.strip(), self.box().strip())
        b.js_("document.getElementById('reply').value = '  '")
        b.leave("#composer button[type=submit]")
        b.reads("#error", self.w["problem.reply_empty"])
        self.assertEqual(n, len(self.sends()))

    def test_failed_and_again(self):
        b = self.b
        self.stand.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {
            "message": "(#551) This person isn't available right now.", "code": 551, "error_subcode": 1545041}})
        b.one("#reply").send_keys("Are you well?")
        b.leave("#composer button[type=submit]")
        b.until(lambda: self.w["error.fb.person"] in self.last(".fail") or b.d.refresh(), 8)
        b.leave("#log > li:nth-last-child(1 of .failed) button", self.w["msg.retry"])
        until(lambda: self.out().count("Are you well?") == 1, 8)
        b.until(lambda: self.last(".fail") == "" and self.mine()[-1] == "Are you well?" or b.d.refresh(), 8)
        self.assertEqual(1, self.mine().count("Are you well?"))

    def test_window_closes_while_writing(self):
        b = self.b
        b.one("#reply").send_keys("Too late, it seems")
        self.stand.clock(40 * HOUR)
        try:
            b.leave("#composer button[type=submit]")
            b.reads("#error", self.w["problem.window_closed"])
            self.assertEqual("Too late, it seems", b.one("#kept").get_property("value"))
            b.reads("#closed", self.w["closed.day"].rpartition("}")[2])
        finally:
            self.stand.clock(0)


if __name__ == "__main__":
    unittest.main()
