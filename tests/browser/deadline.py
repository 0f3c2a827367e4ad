#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""deadline.py - addresses of messages and the time for replies, in a browser.

An address opens the page with its message in view and marked, a quote leads to
its source whether that is on the page or far above, the time beside a message
is its address; with and without scripts.  The time left counts down by itself
and turns urgent; past 24 hours the box asks for a tick, for each reply anew,
also in a page that was opened before; the row of the list says what is urgent.
"""
import time
import unittest

from chrome import Case, Chrome, until
from stand import event_body, message

PAGE, OLGA, JAAN = "108422330517604", "6990000000000007", "6804412339871206"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
# In view, and the only one that is marked.
NAMED = """
const e = document.getElementById(arguments[0]), s = document.getElementById('scroll').getBoundingClientRect();
if (!e || document.querySelector('li:target') !== e) return false;
const r = e.getBoundingClientRect();
return r.top >= s.top - 1 && r.bottom <= s.bottom + 1 && getComputedStyle(e.querySelector('.text')).outlineStyle === 'solid';
"""


def fill(case):
    """A hundred messages; the newest quotes one far above, and its neighbour."""
    case.psid = case.stand.control("customer/new", {"page": PAGE, "name": "Long Talk"})["psid"]
    at = int(time.time() * 1000) - 5 * HOUR
    events = [message(case.psid, "m_t%d" % i, "Number %d of a long talk" % i, at + i * MINUTE) for i in range(100)]
    events[99]["message"]["reply_to"] = {"mid": "m_t5"}
    events[98]["message"]["reply_to"] = {"mid": "m_t96"}
    for k in (0, 50):
        assert case.stand.hook(event_body(events[k:k + 50], PAGE)) == 200
    case.thread = case.stand.thread(case.psid)
    case.ids = {int(t.split()[1]): i for t, i in case.stand.db("SELECT text, id FROM message WHERE thread_id = ?", case.thread)}

SLOW = 78


class Addresses(Case):
    def setUp(self):
        if not hasattr(type(self), "thread"):
            fill(type(self))

    def named(self, n):
        return self.b.js_(NAMED, "m-%d" % self.ids[n])

    def test_1_an_address_opens_at_its_message(self):
        for n in (3, 50, 88, 95, 99):
            self.b.get("/inbox/%d/m/%d" % (self.thread, self.ids[n]))
            self.b.until(lambda n=n: self.named(n))
            self.b.loaded()
            self.assertTrue(self.named(n), "it stays in view")

    def test_2_quotes(self):
        self.b.get("/inbox/%d" % self.thread)
        self.b.js_("window.same = 1")
        self.b.click("#m-%d .quote a" % self.ids[98])
        self.b.until(lambda: self.named(96))
        self.assertEqual(1, self.b.js_("return window.same"))
        self.b.click("#m-%d .quote a" % self.ids[99])
        self.b.until(lambda: self.named(5))
        # What is on the page by now is gone to without a request.
        self.b.js_("window.same = 2")
        self.b.js_("document.querySelector(arguments[0]).focus()", "#m-%d .at" % self.ids[6])
        self.b.js_("document.querySelector(arguments[0]).click()", "#m-%d .at" % self.ids[6])
        self.b.until(lambda: self.named(6))
        self.assertEqual(2, self.b.js_("return window.same"))

    def test_3_the_time_is_the_address(self):
        b = self.b
        b.cdp("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"], origin=self.stand.url)
        b.get("/inbox/%d" % self.thread)
        b.click("#m-%d .at" % self.ids[99])
        b.until(lambda: self.named(99))
        b.reads("#copied", self.w["log.copied"])
        want = "%s/inbox/%d/m/%d" % (self.stand.url, self.thread, self.ids[99])
        self.assertEqual(want, b.d.execute_async_script("navigator.clipboard.readText().then(arguments[0], () => arguments[0](null))"))
        b.until(lambda: not b.has("#copied"))
        # Reachable by keyboard where the time of a group is not shown.
        b.js_("document.querySelector(arguments[0]).focus()", "#m-%d .at" % self.ids[97])
        self.assertGreater(b.js_("return document.activeElement.getBoundingClientRect().width"), 10)

    def test_4_newer_pages(self):
        self.b.get("/inbox/%d/m/%d" % (self.thread, self.ids[40]))
        self.b.until(lambda: self.named(40))
        last = self.b.js_("return [...document.querySelectorAll('#log .msg')].at(-1).id")
        self.b.js_("document.getElementById('newer').click()")
        self.b.until(lambda: self.b.js_(NAMED, last))


class WithoutScript(Case):
    beside, js = Addresses, False

    def test_addresses(self):
        case = Addresses if hasattr(Addresses, "thread") else type(self)
        if not hasattr(case, "thread"):
            fill(case)
        b = self.b
        for n in (3, 50, 99):
            b.get("/inbox/%d/m/%d" % (case.thread, case.ids[n]))
            b.until(lambda n=n: b.js_(NAMED, "m-%d" % case.ids[n]), 20)
        b.click("#m-%d .quote a" % case.ids[99])
        b.until(lambda: b.js_(NAMED, "m-%d" % case.ids[5]))
        # Of a group the last one shows its time.
        b.click("#m-%d .at" % case.ids[15])
        b.until(lambda: b.js_(NAMED, "m-%d" % case.ids[15]))


class Deadline(Case):
    conf = {"facebook.human_agent": "yes"}

    def setUp(self):
        self.stand.control("config", {"switches": {"human_agent": True}})
        self.psid = self.stand.control("customer/new", {"page": PAGE, "name": "Kim Waits"})["psid"]
        self.addCleanup(self.stand.clock, 0)

    def wrote(self, ago):
        """Kim wrote so long ago."""
        self.stand.control("customer/write", {"page": PAGE, "psid": self.psid, "text": "Are you there?"})
        self.stand.delivered()
        thread = until(lambda: self.stand.thread(self.psid))
        self.stand.clock(ago)
        return thread

    def test_1_counts_down(self):
        b = self.b
        thread = self.wrote(19 * HOUR + 30 * MINUTE)
        b.get("/inbox/%d" % thread)
        b.reads("#left", "4 h 29 min left")
        self.assertFalse(b.js_("return document.getElementById('left').matches('.chip-soon, .chip-urgent')"))
        # Without a word from the server: its own minutes.
        b.js_("window.fetch = () => Promise.reject(new Error('no server'))")
        b.js_("const now = Date.now; Date.now = () => now() + 45 * 60000;")
        b.reads("#left", "3 h 44 min left", 25)
        self.assertTrue(b.js_("return document.getElementById('left').matches('.chip-soon')"))
        b.js_("const now = Date.now; Date.now = () => now() + 3 * 3600000;")
        b.until(lambda: b.text("#left") == "44 min left", 25)
        self.assertTrue(b.js_("return document.getElementById('left').matches('.chip-urgent')"))

    def test_2_the_row(self):
        b = self.b
        thread = self.wrote(20 * HOUR + 30 * MINUTE)
        chip = "#t-%d .chip" % thread
        b.get("/inbox")
        b.reads(chip, "3 h left")
        self.assertIn("chip-soon", b.one(chip).get_attribute("class"))
        self.stand.clock(23 * HOUR + 20 * MINUTE)
        b.ask()
        b.reads(chip, "39 min left")
        self.assertIn("chip-urgent", b.one(chip).get_attribute("class"))
        # Answered: nobody waits.
        self.stand.reply(self.person, thread, "Here I am.")
        b.until(lambda: not b.has(chip), 20)

    def test_3_a_tick_for_each_reply(self):
        b = self.b
        thread = self.wrote(23 * HOUR)
        b.get("/inbox/%d" % thread)
        self.assertFalse(b.has("#agent-tick"))
        # The page stays open while the day ends.
        self.stand.clock(25 * HOUR)
        b.one("#reply").send_keys("Personally yours")
        b.click("#composer [type=submit]")
        b.reads("#error", self.w["problem.tick_agent"])
        self.assertEqual("Personally yours", b.js_("return document.getElementById('reply').value"))
        b.click(".agent label")
        b.click("#composer [type=submit]")
        b.reads("#log", "Personally yours")
        until(lambda: self.stand.arrived(self.psid), 20)
        sent = self.stand.requests(endpoint="fb.send")[-1]["json"]
        self.assertEqual(("MESSAGE_TAG", "HUMAN_AGENT"), (sent["messaging_type"], sent.get("tag")))
        self.assertFalse(b.js_("return document.getElementById('agent-tick').checked"), "never by default")
        # The customer writes: nothing to tick any more.
        self.stand.control("customer/write", {"page": PAGE, "psid": self.psid, "text": "Thank you"})
        b.ask()
        b.until(lambda: not b.has("#agent-tick"), 20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
