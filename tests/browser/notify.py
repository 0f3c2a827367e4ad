#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""notify.py - desktop notifications and the count on the tab's icon.

Chromium has been given the permission; what the pages show is recorded, with
the browser's own Notification behind it.  Another tab in front means that
nobody looks.
"""
import unittest

from chrome import Case, until

SLOW = 54

PAGE, JAAN, NOAH, OLGA = "108422330517604", "6804412339871206", "6990000000000002", "6990000000000007"

# A tab that the driver goes to gets the focus; so the others are reached by a channel, and count in one place.
RECORD = """
window.notes = [];
new BroadcastChannel('ask').onmessage = () => dispatchEvent(new Event('online'));
const Real = window.Notification;
window.Notification = class extends Real {
    constructor(title, o) { super(title, o); notes.push({ title, body: o.body, tag: o.tag, lang: o.lang }); window.lastNote = this;
        localStorage.setItem('test-notes', +localStorage.getItem('test-notes') + 1); }
};
"""


class Notified(Case):
    bare = False        # it has no notifications

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.b.cdp("Browser.grantPermissions", origin=cls.stand.url, permissions=["notifications"])
        cls.b.cdp("Page.addScriptToEvaluateOnNewDocument", source=RECORD)

    def setUp(self):
        b = self.b
        self.inbox = b.d.current_window_handle
        self.others = []

    def tearDown(self):
        for handle in self.others:
            self.b.to(handle)
            self.b.d.close()
        self.b.to(self.inbox)

    def prefer(self, **kw):
        r = self.person.submit(self.person.get("/settings"), "/settings/person", dict({"lang": self.lang}, **kw))
        self.assertEqual(200, r.status)

    def tab(self, url=None, record=True):
        """Another tab, in front of the others."""
        self.b.d.switch_to.new_window("tab")
        self.others.append(self.b.d.current_window_handle)
        if record:
            self.b.cdp("Page.addScriptToEvaluateOnNewDocument", source=RECORD)
        if url:
            self.b.d.get(self.stand.url + url)
        self.front(self.others[-1])
        return self.others[-1]

    def front(self, handle):
        self.b.cdp("Target.activateTarget", targetId=handle)

    def open(self, path="/inbox"):
        """An inbox at which somebody has looked."""
        b = self.b
        b.get(path)
        b.until(lambda: b.js_("return 'inbox' in window && 'away' in inbox"))
        b.js_("localStorage.clear()")
        b.ask()
        b.until(lambda: b.js_("return !!localStorage.getItem('inbox-looked')"))

    def leave(self):
        """To another tab; the inbox behind it goes on. What was written so far is no longer just now."""
        last = self.stand.db("SELECT max(last_at) FROM thread")[0][0]
        self.b.until(lambda: self.b.ask() or self.b.js_(
            "return +/at=(\\d+)/.exec(localStorage.getItem('inbox-looked'))?.[1]") >= last, 20)
        away = self.tab(record=False)
        self.b.to(self.inbox)
        self.front(away)
        self.b.until(lambda: self.b.js_("return document.hidden && !+localStorage.getItem('inbox-here')"))

    def write(self, text, psid=NOAH):
        self.stand.customer(text, page=PAGE, psid=psid)

    def notes(self):
        return self.b.js_("return window.notes")

    def noted(self, n):
        self.b.ask()
        try:
            self.b.until(lambda: len(self.notes()) >= n, 15)
        except AssertionError:
            self.fail("there are %d notifications, not %d: %s" % (len(self.notes()), n, self.notes()))
        self.assertEqual(n, len(self.notes()), self.notes())
        return self.notes()[-1]

    def read(self, psid):
        return self.stand.db("SELECT 1 FROM thread t JOIN seen s ON s.thread_id = t.id"
                             " WHERE t.psid = ? AND s.upto >= t.last_in_at", psid)

    def quiet(self):
        """Polls have been answered, and nothing came of them."""
        b, n = self.b, len(self.notes())
        for _ in (1, 2):
            at = self.stand.served("/poll")
            # One that is under way is not begun anew.
            until(lambda: b.ask() or self.stand.served("/poll") > at, 20)
        b.js_("return new Promise((done) => setTimeout(done, 500))")
        self.assertEqual(n, len(self.notes()), self.notes())


class English(Notified):
    def test_1_off_at_first(self):
        b = self.b
        self.open()
        away = self.tab(record=False)
        b.to(self.inbox)
        self.front(away)
        b.until(lambda: b.js_("return document.hidden"))
        self.assertFalse(b.js_("return inbox.away()"))
        at = self.stand.served("/poll")
        self.write("Nobody is told")
        b.ask()
        b.js_("return new Promise((done) => setTimeout(done, 800))")
        self.assertEqual(at, self.stand.served("/poll"))
        self.assertEqual([], self.notes())

    def test_2_one_message_then_a_sum(self):
        b = self.b
        self.prefer(notify="all")
        self.open("/inbox/%d" % self.stand.thread(NOAH))
        self.leave()
        self.write("Is the blue one there?")
        note = self.noted(1)
        self.assertEqual(("Noah Fischer", "Is the blue one there?", "inbox", "en"),
                         (note["title"], note["body"], note["tag"], note["lang"]))
        # Nobody has looked: the open conversation is not read.
        self.assertFalse(self.read(NOAH))
        self.write("Or the green one?")
        note = self.noted(2)
        self.assertEqual(("Noah Fischer", "2 new messages"), (note["title"], note["body"]))
        self.write("Hello", JAAN)
        note = self.noted(3)
        self.assertEqual((self.w["news.product"], "3 new messages in 2 conversations", "inbox"), (note["title"], note["body"], note["tag"]))
        self.quiet()
        # Back again: it is read, it is on the page, and the next notification starts anew.
        self.front(self.inbox)
        b.reads("#log", "Or the green one?")
        until(lambda: self.read(NOAH), 10)
        self.leave()
        self.write("Thanks", OLGA)
        self.assertEqual(("Olga Petrova", "Thanks"), tuple(self.noted(4)[k] for k in ("title", "body")))

    def test_3_after_an_absence_one(self):
        b = self.b
        self.prefer(notify="all")
        self.open()
        self.leave()
        # As when the computer slept: nothing was asked meanwhile.
        b.cdp("Network.enable")
        b.cdp("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        for i in range(4):
            self.write("Number %d" % i, JAAN)
        for i in range(3):
            self.write("Letter %d" % i, OLGA)
        b.cdp("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        self.assertEqual("7 new messages in 2 conversations", self.noted(1)["body"])
        self.quiet()
        self.assertEqual([], [e for e in b.errors() if "DISCONNECTED" not in e["message"]])

    def test_4_only_one_tab_shows_it(self):
        b = self.b
        self.prefer(notify="all")
        self.open()
        self.tab("/inbox")
        b.until(lambda: b.js_("return 'away' in inbox"))
        b.to(self.inbox)
        self.front(self.inbox)
        self.leave()
        self.write("Who tells it?", JAAN)
        for turn in (1, 2, 3):
            at = self.stand.served("/poll")
            b.js_("new BroadcastChannel('ask').postMessage(1)")
            b.ask()
            until(lambda: self.stand.served("/poll") >= at + 2, 20)
            until(lambda: b.js_("return +localStorage.getItem('test-notes')") == 1, 20)
            b.js_("return new Promise((done) => setTimeout(done, 700))")
        self.assertEqual("1", b.js_("return localStorage.getItem('test-notes')"))

    def test_5_no_text_by_choice(self):
        self.prefer(notify="all", preview="off")
        try:
            self.open()
            self.leave()
            self.write("A secret", JAAN)
            note = self.noted(1)
            self.assertEqual(("Jaan Kask", "1 new message"), (note["title"], note["body"]))
        finally:
            self.prefer(preview="on")

    def test_6_mine_alone(self):
        self.prefer(notify="mine")
        thread = self.stand.thread(JAAN)
        self.stand.reply(self.person, thread, "Let me look")
        until(lambda: self.stand.db("SELECT 1 FROM outbox WHERE thread_id = ? AND state = 'sent'", thread), 20)
        self.open()
        self.leave()
        self.write("To somebody else", OLGA)
        self.quiet()
        self.write("And?", JAAN)
        self.assertEqual("Jaan Kask", self.noted(1)["title"])

    def test_7_a_click_leads_there(self):
        b = self.b
        self.prefer(notify="all")
        self.open()
        self.leave()
        self.write("Come and see", JAAN)
        self.noted(1)
        b.js_("window.lastNote.onclick()")
        b.reads("#conv-name", "Jaan Kask")

    def test_8_the_icon_counts(self):
        b = self.b
        self.open()
        icon = lambda: b.js_("return decodeURIComponent(document.querySelector('link[rel=icon]').href)")
        self.write("Now there is one", OLGA)
        b.ask()
        n = b.until(lambda: b.js_("return +document.getElementById('rows').dataset.unread"))
        b.until(lambda: ">%d</text>" % n in icon())
        self.write("One more", "6990000000000003")
        b.ask()
        b.until(lambda: ">%d</text>" % (n + 1) in icon())
        self.assertTrue(b.d.title.startswith("(%d) " % (n + 1)))

    def test_9_settings_test_and_checks(self):
        b = self.b
        b.get("/settings")
        b.until(lambda: b.has("#notify-test"))
        states = lambda: [b.js_("return document.querySelector(arguments[0]).dataset.state", "[data-check=%s]" % c)
                          for c in ("browser", "https", "allowed")]
        b.until(lambda: states() == ["yes", "yes", "yes"])
        b.click("#notify-test")
        b.until(lambda: b.has("#notify-tried"))
        self.assertEqual([(self.w["news.product"], self.w["notify.test_body"])], [(x["title"], x["body"]) for x in self.notes()])
        b.cdp("Browser.setPermission", origin=self.stand.url, permission={"name": "notifications"}, setting="denied")
        b.d.refresh()
        b.until(lambda: states() == ["yes", "yes", "no"])
        self.assertIn(self.w["notify.allowed_no"], b.text("#notify-checks"))
        b.cdp("Browser.setPermission", origin=self.stand.url, permission={"name": "notifications"}, setting="granted")
        b.until(lambda: states() == ["yes", "yes", "yes"])
        self.assertEqual([], b.errors())


class Japanese(Notified):
    lang, beside = "ja", English

    def test_words(self):
        self.prefer(notify="all")
        self.open()
        self.leave()
        self.write("こんにちは", JAAN)
        self.assertEqual("こんにちは", self.noted(1)["body"])
        self.write("もしもし", OLGA)
        note = self.noted(2)
        self.assertEqual(("2件の会話に新しいメッセージが2件あります", "ja"), (note["body"], note["lang"]))


if __name__ == "__main__":
    unittest.main()
