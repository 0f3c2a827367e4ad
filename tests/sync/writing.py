#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""writing.py - drafts, replies in parts, and replies that are taken back, killed at every step.

The program that takes the form is killed with SIGKILL at each commit, before
and after it; the person sends the same form again, as one does, and the end is
as if nothing had been: each text at the customer once, or in the box, never in
both places and never in none.  Then the same for runs that send what could be
taken back until a moment ago, and for taking back while they send.
"""
import concurrent.futures
import unittest

from rig import KILLED, QUIET, Rig

LONG_TEXT = "\n\n".join("%s." % (w * 600).strip() for w in ("one ", "two ", "three "))
PARTS = 5


class Killed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = cls.enterClassContext(Rig(conf={"undo_seconds": 5}))
        rig = cls.rig
        rig.customer("hello")
        rig.hooks()
        rig.run()
        rig.later(5)
        cls.t = rig.thread()
        rig.keep("read")

    def page(self):
        return self.rig.b.get("/inbox/%d" % self.t).page

    def fields(self, **more):
        return dict(self.page().form_to("/reply")["fields"], **more)

    def address(self, what):
        return "/inbox/%d/%s" % (self.t, what)

    def undo_address(self):
        return next(a["formaction"] for t, a in self.page().tags if t == "button" and "/undo/" in a.get("formaction", ""))

    def there(self):
        """Where each text is: drafts, states of replies, the customer's screen."""
        rig = self.rig
        return {"draft": [t for (t,) in rig.db("SELECT text FROM draft")], "outbox": [s for (s,) in rig.db("SELECT state FROM outbox ORDER BY id")],
                "phone": rig.on_phone(), "log": [line for line in rig.log_of() if not line.startswith("in ")]}

    def everywhere(self, begin, what):
        """`begin` leads to a form; `what` is its address and fields."""
        rig = self.rig

        def start():
            rig.back("read")
            begin()
            return what()
        address, fields = start()
        self.assertIn(rig.post(address, fields)[0], (200, 303))
        want = self.there()
        points = rig.points(*start())
        self.assertGreaterEqual(len(points), 2)
        for point, n in points:
            with self.subTest("%s %s:%d" % (address.rsplit("/", 1)[0], point, n)):
                address, fields = start()
                self.assertEqual(rig.post(address, fields, "%s,%s:%d=kill" % (QUIET, point, n))[3], KILLED)
                self.assertEqual(rig.check(), [])
                for _ in range(2):
                    self.assertLess(rig.post(address, fields)[0], 500)
                    self.assertEqual(self.there()["outbox"], want["outbox"])
                self.assertEqual(self.there(), want)
                self.assertEqual(rig.check(), [])
        return want

    def go_on(self):
        for _ in range(3):
            self.rig.later(95)
            self.rig.run()
            self.rig.hooks()

    def test_draft(self):
        want = self.everywhere(lambda: None, lambda: (self.address("draft"), self.fields(text="Half a word", js="1")))
        self.assertEqual(want["draft"], ["Half a word"])

    def test_reply_with_a_draft(self):
        def begin():
            self.rig.post(self.address("draft"), self.fields(text="Yes", js="1"))
        want = self.everywhere(begin, lambda: (self.address("reply"), self.fields(text="Yes")))
        self.assertEqual((want["draft"], want["outbox"]), ([], ["queued"]))
        self.go_on()
        self.assertEqual(self.there()["phone"], ["Yes"])

    def test_parts(self):
        want = self.everywhere(lambda: None, lambda: (self.address("reply"), self.fields(text=LONG_TEXT, parts=str(PARTS))))
        self.assertEqual((want["draft"], want["outbox"]), ([], ["queued"] * PARTS))
        self.go_on()
        self.assertEqual("".join("".join(self.there()["phone"]).split()), "".join(LONG_TEXT.split()))
        self.assertEqual(self.there()["outbox"], ["sent"] * PARTS)

    def test_undo(self):
        want = self.everywhere(lambda: self.rig.reply("No"), lambda: (self.undo_address(), self.fields(text="and more")))
        self.assertEqual((want["draft"], want["outbox"], want["phone"]), (["No\nand more"], ["cancelled"], []))
        self.go_on()
        self.assertEqual(self.there(), want)

    def test_undo_of_parts(self):
        def begin():
            self.rig.post(self.address("reply"), self.fields(text=LONG_TEXT, parts=str(PARTS)))
        want = self.everywhere(begin, lambda: (self.undo_address(), self.fields(text="")))
        self.assertEqual(want["outbox"], ["cancelled"] * PARTS)
        self.assertEqual("".join(want["draft"][0].split()), "".join(LONG_TEXT.split()))
        self.go_on()
        self.assertEqual(self.there(), want)

    def test_runs_that_send_what_was_held(self):
        rig = self.rig
        for fault in ("commit:1=kill", "committed:1=kill", "commit:2=kill", "call-before:1=kill", "call-after:1=kill", "commit:3=kill"):
            with self.subTest(fault):
                rig.back("read")
                rig.reply("Held")
                address, fields = self.undo_address(), self.fields(text="")
                rig.run()
                self.assertEqual(self.there()["outbox"], ["queued"])
                rig.later(6)
                rig.run(fault)
                self.assertEqual(rig.check(), [])
                # Taken back, or gone: never both.
                rig.post(address, fields)
                undone = self.there()["outbox"] == ["cancelled"]
                self.go_on()
                there = self.there()
                self.assertEqual((there["phone"], there["draft"]), ([], ["Held"]) if undone else (["Held"], []))
                self.assertEqual(there["outbox"], ["cancelled" if undone else "sent"])
                self.assertEqual(rig.check(), [])

    def test_undo_while_a_run_sends(self):
        rig, ends = self.rig, set()
        for turn in range(8):
            rig.back("read")
            rig.reply("Which?")
            address, fields = self.undo_address(), self.fields(text="")
            rig.later(6)
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                jobs = [pool.submit(rig.run), pool.submit(rig.post, address, fields)]
                for job in jobs if turn % 2 else reversed(jobs):
                    job.result()
            self.go_on()
            there = self.there()
            self.assertIn((there["outbox"], there["phone"], there["draft"]),
                          ((["cancelled"], [], ["Which?"]), (["sent"], ["Which?"], [])))
            self.assertEqual(rig.check(), [])
            ends.add(there["outbox"][0])
        self.assertTrue(ends)


if __name__ == "__main__":
    unittest.main()
