#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""journey.py - from nothing but a browser: connect, read, be written to, answer.

The whole way of a company that is new here, by clicking and typing alone:
start page, Pipedrive's consent, visibility, Facebook's dialog, choice of
Pages, import, inbox; then one person holds the customer's phone in a second
window and the other answers.  In both languages, in a wide and in a narrow
window, with JavaScript and without (by loading the page again); half of it over
https, where the two services are other sites and cookies have stricter rules.
"""
import time
import unittest

from chrome import Case, Keys, until

SLOW = 125


class Acme:
    """What a company of the demo has, and what its person chooses."""
    company, person, facebook = "Acme Sales", "Maria Tamm", "Maria Tamm"
    pages, also = ("Bramble Bikes", "Bramble Repairs"), "Harbour Cycling Club"
    shared = True
    customer, at, messages = "Jaan Kask", "Bramble Bikes", 95
    first_words = "Do you build complete bikes to order?"
    asks = ("Is the moss green frame still free?", "And how long would it take?")
    answers = ("Yes, it is.\nShall we keep it for you?", "About eight weeks.")


class Aozora:
    company, person, facebook = "青空商事", "佐藤 美咲", "佐藤 美咲"
    pages, also = ("あおぞら珈琲", "青空花店"), None
    shared = False
    customer, at, messages = "山本 さくら", "あおぞら珈琲", 8
    first_words = ""
    asks = ("明日の朝も開いていますか?", "予約はできますか?")
    answers = ("はい、八時から開いています。\nお待ちしております。", "はい、承ります。")


class Way:
    """The way itself; the classes below say who goes it, and with what."""

    connected, who = False, Acme

    def test_way(self):
        self.connect()
        self.choose_pages()
        self.import_()
        self.list_()
        self.customer_writes()
        self.open()
        self.answer()

    # as a person does it -------------------------------------------------------

    def connect(self):
        b, w, who = self.b, self.w, self.who
        b.get("/")
        self.assertIn(w["start.heading"], b.text("h1"))
        b.leave("a", w["start.connect"])
        for label in b.all("label"):
            if who.person in label.text and who.company in label.text:
                label.click()
        b.leave("button[value=allow]")

        self.assertEqual(w["visibility.heading"], b.text("h1"))
        self.assertIn(who.company, b.text("main"))
        b.click("label", w["visibility.shared" if who.shared else "visibility.private"])
        b.leave("button", w["connect.continue"])

        self.assertEqual(w["facebook.heading"], b.text("h1"))
        b.leave("a", w["facebook.go"])
        b.leave("a", who.facebook)
        for label in b.all("label"):
            box = label.find_element("css selector", "input")
            if box.get_attribute("name") == "pages":
                wanted = any(p in label.text for p in who.pages + (who.also or "-",))
                if wanted != box.is_selected():
                    label.click()
        b.leave("button[value=continue]")

    def choose_pages(self):
        b, w, who = self.b, self.w, self.who
        self.assertEqual(w["pages.heading"], b.text("h1"))
        rows = {r.find_element("css selector", "b").text: r for r in b.shown("li.choice")}
        for page in who.pages:
            self.assertTrue(rows[page].find_element("css selector", "input").is_selected())
        if who.also:
            row = rows[who.also]
            box = row.find_element("css selector", "input")
            self.assertFalse(box.is_enabled())
            self.assertFalse(box.is_selected())
            self.assertIn(w["pages.no_role"], row.text)
            row.click()
            self.assertFalse(box.is_selected())
        b.leave("button", w["pages.submit"])

    def import_(self):
        """Progress, then the inbox by itself, with a confirmation."""
        b, w, who = self.b, self.w, self.who
        seen = []

        def arrived():
            if b.path.startswith("/inbox"):
                return True
            h1, names = b.text("h1"), b.text(".import-head b")
            if h1 == w["import.heading"] and all(p in names for p in who.pages):
                seen.append(h1)
            return False
        b.until(arrived, 60)
        b.loaded()
        self.assertTrue(seen, "no progress was seen")
        b.reads(".band-good", w["inbox.connected"].replace("{connected}", who.pages[0]))
        self.assertIn(who.pages[1], b.text(".band-good"))

    def list_(self):
        b, w, who = self.b, self.w, self.who
        self.assertEqual(w["list.name"], b.one("nav.list").get_attribute("aria-label"))
        rows = self.rows()
        self.assertGreater(len(rows), 5)
        self.assertNotIn(who.customer, rows[0])
        self.assertTrue(any(who.customer in r and who.at in r for r in rows))
        self.inbox = b.d.current_window_handle

    def rows(self):
        return self.b.until(lambda: self.b.texts("#rows .row"))

    def phone(self, text=None):
        """Take the customer's phone, and write."""
        b, who = self.b, self.who
        if getattr(self, "telephone", None):
            b.to(self.telephone)
        else:
            self.telephone = b.window(self.stand.sandbox + "/phone")
            for ul, page in zip(b.all("ul.pick"), [h.text for h in b.all("h2")]):
                if page == who.at:
                    old = b.d.find_element("css selector", "html")
                    [a for a in b.all("a", ul) if who.customer in a.text][0].click()
                    b.until_left(old)
                    break
        if text:
            b.one("textarea[name=text]").send_keys(text)
            b.leave("button[value=send]")

    def away(self):
        """The customer puts the phone away (and so reads nothing)."""
        self.b.to(self.telephone)
        self.b.get("about:blank")
        self.b.to(self.inbox)

    def back(self):
        """The customer looks at the phone."""
        self.b.to(self.telephone)
        self.b.d.back()
        self.b.loaded()

    def soon(self, what, since, why):
        """Within five seconds and without loading the page; or, without JavaScript, by doing so."""
        b = self.b
        b.to(self.inbox)
        if self.js:
            self.assertTrue(b.js_("return window.same === 1"))
            # Five seconds from poll to poll, and a moment for the machine.
            until(what, max(0.1, since + 6 - time.monotonic()), 0.02)
            self.assertTrue(b.js_("return window.same === 1"), "the page was loaded again")
        else:
            self.stand.delivered()
            b.d.refresh()
            self.assertTrue(what(), why)

    def mark(self):
        if self.js:
            self.b.js_("window.same = 1")

    def customer_writes(self):
        """The list is open: the row comes to its top, marked as unread."""
        b, who = self.b, self.who
        self.mark()
        self.phone(who.asks[0])
        since = time.monotonic()

        def on_top():
            top = b.texts("#rows .row:first-child.unread")
            return top and who.customer in top[0] and who.asks[0] in top[0]
        self.soon(on_top, since, "the row is not on top")
        if self.js:
            self.assertRegex(b.d.title, r"^\(\d+\) ")

    def open(self):
        b, w, who = self.b, self.w, self.who
        self.away()
        if self.js:
            b.click("#rows .row:first-child a")
        else:
            b.leave("#rows .row:first-child a")
        b.reads("#conv-name", who.customer)
        self.assertEqual(w["log.name"], b.one("[role=log]").get_attribute("aria-label"))
        b.reads("#log", who.asks[0])
        self.mark()
        self.assertFalse(b.has("#rows .row.unread[aria-current], #rows .unread a[aria-current]"))
        if not self.js:
            self.turn_pages()
        if self.b.width < 700:
            self.assertFalse(b.has("#rows .row"))
        self.back()
        self.phone(who.asks[1])
        since = time.monotonic()
        self.soon(lambda: who.asks[1] in b.text("#log"), since, "the message is not there")
        self.assertEqual("", b.one("#reply").get_attribute("value"))

    def turn_pages(self):
        """Without JavaScript, older messages are pages; all of them can be reached."""
        b, w, who = self.b, self.w, self.who
        seen = {}
        for _ in range(20):
            seen.update(zip((m.get_attribute("id") for m in b.all("#log [data-rev]")), b.texts("#log [data-rev]")))
            if not b.has("#older"):
                break
            b.leave("#older")
            b.until(lambda: b.has("#log .msg") or not b.has("#older") or b.d.refresh())
        self.assertEqual(who.messages + 1, len(seen))
        self.assertTrue(any(who.first_words in t for t in seen.values()))
        b.reads("#edge", w["log.end_start"])
        if b.has("#newest a"):
            b.leave("#newest a", w["log.newest"])
        b.reads("#log", who.asks[0])

    def answer(self):
        b, w, who = self.b, self.w, self.who
        self.away()
        box = b.one("#reply")
        lines = who.answers[0].split("\n")
        box.click()
        b.keys(lines[0], Keys.ENTER, lines[1])
        self.assertEqual(who.answers[0], box.get_attribute("value"))
        self.send(who.answers[0], lambda: b.keys((Keys.CONTROL, Keys.ENTER)) if self.js else b.leave("button", w["composer.send"]))
        self.wait_state(who.answers[0], w["state.delivered"])
        self.on_phone(who.answers[0])
        self.wait_state(who.answers[0], w["state.read"])

        b.one("#reply").send_keys(who.answers[1])
        self.send(who.answers[1], lambda: b.click("button", w["composer.send"]) if self.js else b.leave("button", w["composer.send"]))
        self.on_phone(who.answers[1])
        self.assertEqual(2, len([a for a in self.stand.requests(endpoint="fb.send") if a["status"] == 200]))

    def send(self, text, how):
        """It is in the conversation at once, and the box is empty."""
        b = self.b
        how()
        b.until(lambda: text in b.texts("#log .out > .text"), 5)
        self.assertEqual("", b.one("#reply").get_attribute("value"))

    def wait_state(self, text, state):
        b = self.b
        b.to(self.inbox)

        def look():
            # Inside a group the line is for screen readers only.
            if state in b.js_("""return [...document.querySelectorAll('#log .out')].findLast(
                    (m) => m.querySelector('.text')?.innerText === arguments[0])?.querySelector('.meta').textContent || ''""", text):
                return True
            if not self.js:
                b.d.refresh()
            return False
        look.__name__ = "%s: %s" % (text, state)
        b.until(look, 12)

    def on_phone(self, text):
        b = self.b
        if b.d.current_window_handle != self.telephone:
            b.to(self.telephone)
        if b.d.current_url == "about:blank":
            self.back()

        def look():
            if text in b.text("#chat"):
                return True
            if not self.js:
                b.d.refresh()
            return False
        look.__name__ = "on the phone: " + text
        b.until(look, 10)


class EnglishWide(Way, Case):
    lang, width, js, who = "en", 1280, True, Acme


class JapaneseNarrow(Way, Case):
    lang, width, js, who, https = "ja", 390, True, Aozora, True


class EnglishNarrowPlain(Way, Case):
    lang, width, js, who, https = "en", 390, False, Acme, True


class JapaneseWidePlain(Way, Case):
    lang, width, js, who = "ja", 1280, False, Aozora


if __name__ == "__main__":
    unittest.main()
