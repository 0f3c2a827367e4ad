# SPDX-License-Identifier: MIT
"""evidence - what settles an open reply, and what a comparison must find.

Each case is the smallest form of a way in which a message could be lost or a
reply arrive twice: a look at the conversation that was never finished, a look
for the second attempt, a conversation that went on, a host whose clock is
wrong, holes behind messages that came, two messages of one second.
"""
import os
import signal
import subprocess
import unittest

from stand import PAGE_A, Replies, Stand, until

MINUTE, HOUR = 60_000, 3_600_000


class Case(Replies, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand())
        cls.b = cls.st.connect("shared")
        cls.ahead = 0

    def setUp(self):
        self.st.control("faults/clear", {})
        self.st.control("deliver", {"hold": False, "drop": 0, "duplicates": 0})
        # Whatever a case before left due is done.
        self.later(25 * MINUTE)
        self.st.sync()

    def later(self, ms):
        type(self).ahead += ms
        self.st.clock(self.ahead)

    def customer(self):
        psid = self.st.control("customer/new", {"page": PAGE_A, "name": "Kim Tester"})["psid"]
        self.st.customer("hello", psid=psid)
        return psid, until(lambda: self.st.thread(psid))

    def unanswered(self, thread, text, **how):
        """A reply whose call brought no answer; no webhook tells of it."""
        self.st.control("deliver", {"drop": True})
        fault = self.st.fault({"endpoint": "fb.send"}, times=1, **how)
        self.st.reply(self.b, thread, text)
        until(lambda: not [f for f in self.st.control("faults")["faults"] if f["id"] == fault and not f["hits"]], 20)
        # A comparison that was due anyway may have found it at once.
        until(lambda: self.state(thread) in (["checking"], ["sent"]), 20)
        self.st.control("deliver", {"drop": 0})

    def texts(self, thread):
        return [t for (t,) in self.st.db("SELECT text FROM message WHERE thread_id = ? ORDER BY at, id", thread)]


class Looks(Case):
    def test_a_look_that_died_does_not_count(self):
        psid, thread = self.customer()
        self.unanswered(thread, "looked for twice", cut="before")
        self.later(61_000)
        slow = self.st.fault({"endpoint": "fb.conversations"}, times=0, delay_ms=1000)
        reads = len(self.st.requests(endpoint="fb.conversations"))
        with open(self.st.path("worker.log"), "ab") as log:
            run = subprocess.Popen([os.path.join(self.st.build, "inbox-sync"), "-c", self.st.conf], stderr=log, cwd=self.st.dir)
        until(lambda: [f for f in self.st.control("faults")["faults"] if f["id"] == slow and f["hits"]])
        run.send_signal(signal.SIGKILL)
        run.wait()
        until(lambda: len(self.st.requests(endpoint="fb.conversations")) > reads)
        self.st.control("faults/clear", {})
        self.later(3 * MINUTE)
        self.st.sync(5)
        self.assertEqual((self.state(thread), self.st.arrived(psid)), (["checking"], []))
        self.later(61_000)
        self.st.sync(5)
        self.wait_state(thread, "sent")
        self.assertEqual(self.st.arrived(psid), ["looked for twice"])

    def test_the_second_attempt_is_looked_for_twice_too(self):
        psid, thread = self.customer()
        self.unanswered(thread, "second attempt", cut="before")
        self.later(61_000)
        self.st.sync(5)
        self.st.fault({"endpoint": "fb.send"}, times=1, cut="before")
        self.later(61_000)
        self.st.sync(5)
        sends = len(self.st.requests(endpoint="fb.send"))
        self.assertEqual(self.state(thread), ["checking"])
        self.later(61_000)
        self.st.sync(5)
        self.assertEqual((self.state(thread), len(self.st.requests(endpoint="fb.send"))), (["checking"], sends))
        self.later(61_000)
        self.st.sync(5)
        self.wait_state(thread, "sent")
        self.assertEqual(self.st.arrived(psid), ["second attempt"])

    def test_the_conversation_went_on(self):
        """More messages after it than one page of the Conversations API holds."""
        for how in ("before", "after"):
            with self.subTest(how):
                psid, thread = self.customer()
                self.unanswered(thread, "before many", cut=how)
                self.st.customer("and more", psid=psid, count=70)
                for _ in range(3):
                    self.later(61_000)
                    self.st.sync(10)
                self.wait_state(thread, "sent")
                self.st.delivered()
                self.assertEqual(self.st.arrived(psid), ["before many"])

    def test_a_look_goes_on_where_it_was_stopped(self):
        """Runs of a second each, and more to look through than one of them can."""
        psid, thread = self.customer()
        self.unanswered(thread, "far back", cut="after")
        self.st.control("customer/history", {"page": PAGE_A, "psid": psid, "count": 130, "end": self.st.control("clock")["now"] + 90_000, "step": 500})
        self.later(100_000)
        before = self.st.requests(endpoint="fb.messages")
        for _ in range(8):
            self.st.sync(1)
            if self.state(thread) == ["sent"]:
                break
        self.wait_state(thread, "sent")
        asked = [r["query"].get("after") for r in self.st.requests(endpoint="fb.messages")[len(before):]]
        self.assertEqual(len(asked), len(set(asked)), "pages read twice")
        self.assertEqual(self.st.arrived(psid).count("far back"), 1)

    def test_the_clock_of_the_host_is_fast(self):
        self.by_a_clock_off(10)

    def test_the_clock_of_the_host_is_slow(self):
        self.by_a_clock_off(-10)

    def by_a_clock_off(self, minutes):
        psid, thread = self.customer()
        # A host whose clock jumps takes its last read for long past; Facebook would say that it comes too soon.
        until(lambda: self.st.db("SELECT profile_at <> 1 FROM thread WHERE id = ?", thread) == [(1,)])
        self.later(5000)
        self.host_is_off(minutes)
        self.unanswered(thread, "by whose clock", cut="after")
        # A clock that went back holds up the Page's reads until it is where it was.
        for _ in range(3 if minutes > 0 else 14):
            self.later(61_000)
            self.host_is_off(minutes)
            self.st.sync(5)
        self.st.clock(self.ahead)
        self.wait_state(thread, "sent")
        self.assertEqual(self.st.arrived(psid), ["by whose clock"])

    def host_is_off(self, minutes):
        with open(self.st.path("clock"), "r+") as f:
            f.write("%020d\n" % (self.ahead + minutes * MINUTE))


class Comparisons(Case):
    def compare(self):
        self.later(11 * MINUTE)
        self.st.sync(20)

    def test_holes_behind_messages_that_came(self):
        psid, thread = self.customer()
        self.compare()
        self.st.customer("lost on the way", psid=psid, silent=True, count=3)
        self.st.customer("came", psid=psid, count=45)
        self.compare()
        texts = self.texts(thread)
        for n in (1, 2, 3):
            self.assertEqual(texts.count("lost on the way %d" % n), 1)
        self.assertEqual(len(texts), 1 + 3 + 45)

    def test_holes_of_somebody_new(self):
        """Never compared before: all that came since the Page was connected."""
        psid, thread = self.customer()
        self.st.customer("lost on the way", psid=psid, silent=True, count=40)
        self.st.customer("came", psid=psid, count=40)
        self.compare()
        self.assertEqual(len(self.texts(thread)), 1 + 40 + 40)

    def test_two_of_one_second(self):
        psid, thread = self.customer()
        self.compare()
        self.later(11 * MINUTE)
        second = self.st.control("clock")["now"] // 1000 * 1000
        self.st.customer("first of its second", psid=psid, timestamp=second + 100)
        self.st.sync(10)
        self.st.customer("second of its second", psid=psid, timestamp=second + 900, silent=True)
        self.compare()
        self.assertEqual(self.texts(thread)[-2:], ["first of its second", "second of its second"])


if __name__ == "__main__":
    unittest.main()
