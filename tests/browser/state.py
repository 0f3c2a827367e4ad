#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""state.py - done, reopened, snoozed, unread, narrowed, as a person with Chromium meets them.

With the script the row goes and comes without a reload, the reply that is being
written and focus stay, the list lives under its filter; without it the same
buttons lead to the same ends.
"""
import re
import time
import unittest

from chrome import Case, until
from stand import PAGE_A, event_body, message

SLOW = 52

HOUR = 3_600_000


class Ways:
    lang = "en"
    n = 0

    def setUp(self):
        self.stand.clock(0)

    def wrote(self, psid, text="hello"):
        Ways.n += 1
        self.assertEqual(self.stand.hook(event_body([message(psid, "m_w%d" % Ways.n, text, int(time.time() * 1000) + Ways.n)], PAGE_A)), 200)
        return self.stand.thread(psid)

    def state(self, thread):
        return self.stand.db("SELECT state FROM thread WHERE id = ?", thread)[0][0]

    def open(self, thread, query=""):
        self.b.get("/inbox/%d%s" % (thread, query))
        self.b.until(lambda: self.b.has("#state-form"))

    def row(self, thread):
        """In the list, which a narrow window hides behind the conversation."""
        return self.b.js_("return !!document.getElementById('t-%d')" % thread)

    def act(self, css):
        """Press a button of the form, in the header or in the menu."""
        b = self.b
        if not b.shown(css):
            b.click("#menu > summary")
        if self.js:
            b.click(css)
        else:
            b.leave(css)


class Live(Ways, Case):
    def test_done_goes_and_comes_back(self):
        b, thread, other = self.b, self.wrote("811000000000001"), self.wrote("811000000000002")
        self.open(thread)
        b.js_("document.stays = true; document.getElementById('reply').value = 'half a reply'")
        self.assertTrue(self.row(thread))
        b.click("[data-act=done]")
        b.until(lambda: b.has("[data-act=reopen]") and not self.row(thread))
        self.assertTrue(self.row(other))
        self.assertEqual(self.state(thread), 1)
        self.assertIn("Maria Tamm", b.text("#state-line"))
        # No reload, nothing lost, and whoever works by keyboard is where he was.
        self.assertTrue(b.js_("return document.stays"))
        self.assertEqual("half a reply", b.one("#reply").get_attribute("value"))
        self.assertEqual("reopen", b.js_("return document.activeElement.dataset.act"))
        b.one("[data-act=reopen]").click()
        b.until(lambda: b.has("[data-act=done]") and self.row(thread))
        self.assertEqual("", b.text("#state-line"))
        b.click("[data-act=done]")
        b.until(lambda: b.has("[data-act=reopen]") and not self.row(thread))
        self.wrote("811000000000001", "are you there?")
        b.until(lambda: self.row(thread) and b.has("[data-act=done]"), 20)
        self.assertIn("are you there?", b.text("#log"))
        self.assertTrue(b.js_("return document.stays"))
        b.js_("document.getElementById('reply').value = ''")

    def test_a_colleague_does_it(self):
        b, thread = self.b, self.wrote("812000000000001")
        b.get("/inbox")
        b.until(lambda: self.row(thread))
        self.stand.write("UPDATE thread SET state = 1, state_by = 1 WHERE id = ?", thread)
        self.stand.write("UPDATE install SET rev = rev + 1")
        b.until(lambda: not self.row(thread), 20)

    def test_snooze_by_the_clock(self):
        b, thread, other = self.b, self.wrote("813000000000001"), self.wrote("813000000000002")
        self.open(thread)
        self.act("button[form=state-form][value=tomorrow]")
        b.until(lambda: self.state(thread) == 2 and not self.row(thread))
        self.assertFalse(b.js_("return document.getElementById('menu').open"))
        self.assertEqual("reopen", b.js_("return document.activeElement.dataset.act"))
        b.get("/inbox")
        self.assertFalse(self.row(thread))
        self.stand.clock(36 * HOUR)
        b.until(lambda: self.row(thread), 20)
        self.assertIn(self.w["row.back"], b.text("#t-%d" % thread))
        self.assertEqual("t-%d" % thread, b.js_("return document.querySelector('#rows .row').id"))
        self.assertEqual(self.state(thread), 0)

    def test_own_time(self):
        b, thread = self.b, self.wrote("814000000000001")
        self.open(thread)
        b.click("#menu > summary")
        b.js_("document.getElementById('snooze-at').value = '2020-01-01T09:00'")
        b.click("button[form=state-form][value=at]")
        b.reads("#state-error", self.w["conv.when"])
        self.assertEqual(self.state(thread), 0)
        self.assertEqual("2020-01-01T09:00", b.one("#snooze-at").get_attribute("value"))
        b.js_("document.getElementById('snooze-at').value = arguments[0]", time.strftime("%Y-%m-%dT09:00", time.localtime(time.time() + 20 * 86400)))
        b.click("button[form=state-form][value=at]")
        b.until(lambda: self.state(thread) == 2 and not b.has("#state-error"))

    def test_unread_leads_to_the_list(self):
        b, thread = self.b, self.wrote("815000000000001")
        self.open(thread)
        b.until(lambda: not b.has("#t-%d.unread" % thread))
        before = int(b.js_("return document.getElementById('rows').dataset.unread"))
        self.act("[data-act=unread]")
        b.until(lambda: b.path == "/inbox" and b.has("#t-%d.unread" % thread))
        self.assertFalse(b.has("#conv-name"))
        self.assertEqual(before + 1, int(b.js_("return document.getElementById('rows').dataset.unread")))
        self.assertIn("(%d)" % (before + 1), b.d.title)
        # A poll of the list alone reads nothing.
        self.wrote("815000000000002")
        b.until(lambda: self.row(self.stand.thread("815000000000002")), 20)
        self.assertTrue(b.has("#t-%d.unread" % thread))

    def test_the_list_lives_under_its_filter(self):
        b = self.b
        done, other = self.wrote("816000000000001"), self.wrote("816000000000002")
        for thread in (done,):
            self.open(thread)
            b.click("[data-act=done]")
            b.until(lambda: self.state(thread) == 1)
        b.get("/inbox?state=done")
        b.until(lambda: self.row(done) and not self.row(other))
        b.one("#t-%d a" % done).click()
        b.until(lambda: b.has("#conv-name") and b.d.current_url.endswith("/inbox/%d?state=done" % done))
        self.assertTrue(self.row(done) and not self.row(other))
        # What is written to another one does not bring it here; what is written to this one takes it away.
        self.wrote("816000000000002", "more")
        self.wrote("816000000000001", "and this")
        b.until(lambda: not self.row(done), 20)
        self.assertFalse(self.row(other))
        self.assertIn("and this", b.text("#log"))

    def test_a_lost_connection(self):
        b, thread = self.b, self.wrote("817000000000001")
        self.open(thread)
        b.cdp("Network.enable")
        b.cdp("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        try:
            b.click("[data-act=done]")
            b.reads("#state-error", self.w["conv.lost"])
        finally:
            b.cdp("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        self.assertEqual(self.state(thread), 0)
        b.click("[data-act=done]")
        b.until(lambda: self.state(thread) == 1)

    def test_z_a_list_longer_than_its_page(self):
        """What leaves it, at the top and at the end, makes room for what comes next; older ones that were loaded stay."""
        b = self.b
        at = int(time.time() * 1000)
        events = [message("8120000000000%02d" % i, "m_l%d" % i, "number %d" % i, at + i) for i in range(70)]
        for k in (0, 35):
            self.assertEqual(self.stand.hook(event_body(events[k:k + 35], PAGE_A)), 200)
        thread = self.stand.thread("812000000000069")
        here = lambda: b.js_("return [...document.querySelectorAll('#rows > li')].map((e) => e.id)")
        there = lambda: re.findall(r'<li class="row[^>]* id="(t-[0-9]+)"', self.person.get("/inbox").text)
        same = lambda n: b.until(lambda: b.ask() or here()[:len(there())] == there() and len(here()) == n, 15)
        self.open(thread)
        same(50)
        b.click("[data-act=done]")
        b.until(lambda: b.has("[data-act=reopen]") and not self.row(thread))
        same(50)
        last = here()[-1]
        self.person.submit(self.person.get("/inbox/%s" % last[2:]), "/state", {"do": "done"})
        same(50)
        self.assertNotIn(last, here())
        b.js_("document.getElementById('list-older').click()")
        b.until(lambda: len(here()) > 60)
        many = len(here())
        self.assertEqual(len(set(here())), many)
        gone = here()[30]
        self.person.submit(self.person.get("/inbox/%s" % gone[2:]), "/state", {"do": "done"})
        same(many - 1)
        self.assertNotIn(gone, here())
        b.click("[data-act=reopen]")
        b.until(lambda: self.row(thread))
        same(many)


class Plain(Ways, Case):
    js = False
    beside = Live

    def test_all_of_it(self):
        b, thread = self.b, self.wrote("821000000000001")
        self.open(thread)
        self.act("[data-act=done]")
        b.until(lambda: b.has("[data-act=reopen]"))
        self.assertFalse(self.row(thread))
        self.act("[data-act=reopen]")
        self.assertTrue(self.row(thread))
        self.act("button[form=state-form][value=tomorrow]")
        self.assertEqual(self.state(thread), 2)
        if b.width < 700:
            b.leave(".back")
        b.leave(".views a", self.w["list.snoozed"])
        b.leave("#t-%d a" % thread)
        self.assertTrue(b.d.current_url.endswith("?state=snoozed"))
        self.act("[data-act=reopen]")
        self.act("[data-act=unread]")
        self.assertTrue(b.d.current_url.endswith("/inbox?state=snoozed"))
        b.leave(".views a", self.w["list.unread"])
        self.assertTrue(b.has("#t-%d.unread" % thread))

    def test_narrowed_by_the_form(self):
        b, thread = self.b, self.wrote("822000000000001")
        b.get("/inbox")
        b.leave(".views-filter")
        b.click("label", self.w["filter.unread"])
        b.leave("#filter button")
        self.assertTrue(b.d.current_url.endswith("/inbox?unread=yes"), b.d.current_url)
        self.assertTrue(self.row(thread))
        b.leave(".views-filter")
        b.one("#name").send_keys("New ones")
        b.leave("#save button")
        self.assertIn("New ones", b.texts(".views a[aria-current]"))
        b.leave(".views-filter")
        b.leave("#saved button")
        b.get("/inbox")
        self.assertNotIn("New ones", b.texts(".views a"))


class Phone(Plain):
    width = 390


if __name__ == "__main__":
    unittest.main()
