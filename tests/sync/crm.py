#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""crm.py - writes to Pipedrive, killed at every step.

A form that makes a person, a lead with its person, a deal, a note, or changes a
stage is sent; the program that takes it is killed with SIGKILL at each commit
and before and after each call, and so are the scheduled runs that go on with
it.  The end is the same: each record once, linked once, one audit line; or,
when the program died before anything was kept, nothing at all, and the same form sent again
makes it.

The short form gives each of those points one of three ends of the next run;
SYNC_LONG=1 gives it all of them.
"""
import unittest

from rig import KILLED, LONG, QUIET, Rig

SLOW = 60

ACME = 9000123
FORMS = {
    "person": {"name": "Killed Person", "email": "killed@example.com"},
    "lead": {"name": "Killed Person", "title": "Killed lead"},
    "deal": {"name": "Killed Person", "title": "Killed deal", "stage": "2"},
    "note": {"text": "Killed note"},
    "stage": {"stage": "3"},
}


# What happens to the first run that goes on with it.
LATER = (None, "commit:1=kill", "call-after:1=kill")


class Killed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = cls.enterClassContext(Rig())
        rig = cls.rig
        rig.customer("hello")
        rig.hooks()
        rig.run()
        cls.t = rig.thread()
        rig.sql("UPDATE install SET transcripts = 0")   # those have a test of their own
        cls.page()                  # what is cached is cached
        rig.keep("unlinked")
        cls.send("deal")
        rig.run()
        rig.keep("linked")

    @classmethod
    def page(cls):
        return cls.rig.b.get("/inbox/%d/panel" % cls.t)

    @classmethod
    def form(cls, what):
        r = cls.page()
        return next(f for f in r.page.forms if f["action"].endswith("/write") and f["fields"].get("what") == what)["fields"]

    @classmethod
    def post(cls, fields, fault=QUIET):
        """As the browser sends it; the exit code of the program that took it."""
        return cls.rig.post("/inbox/%d/write" % cls.t, fields, fault)

    @classmethod
    def send(cls, what):
        return cls.post(dict(cls.form(what), **FORMS[what]))

    def end(self):
        """What there is, here and there."""
        rig = self.rig
        state = rig.control("pipedrive/state?company=%d" % ACME)
        return {
            "person": [o["name"] for o in state["person"]], "lead": [(o["title"], o["person_id"]) for o in state["lead"]],
            "deal": [(o["title"], o["person_id"], o["stage_id"]) for o in state["deal"]], "note": [o["content"] for o in state["note"]],
            "link": rig.db("SELECT kind, pd_id, title FROM link WHERE state <> 'ended' ORDER BY kind"),
            "write": sorted(rig.db("SELECT act, state, pd_id FROM crm_write")),
            "audit": sorted(rig.db("SELECT what, detail FROM audit WHERE what LIKE 'crm%' OR what LIKE '%linked'")),
        }

    def go_on(self, fault=None):
        """Runs while time passes, the first of them under a fault."""
        for _ in range(6):
            self.rig.later(65)
            self.rig.run(*([fault] if fault else []))
            fault = None

    def everywhere(self, what, base):
        rig = self.rig
        rig.back(base)
        self.assertEqual(self.send(what)[0], 303)
        want = self.end()
        self.assertTrue(all(s == "done" for _, s, _ in want["write"]))
        # How many commits and calls there are.
        rig.back(base)
        points = rig.points("/inbox/%d/write" % self.t, dict(self.form(what), **FORMS[what]))
        self.assertGreater(len(points), 6)
        for i, (point, n) in enumerate(points):
            for later in LATER if LONG else LATER[i % 3:i % 3 + 1]:
                with self.subTest("%s %s:%d, then %s" % (what, point, n, later)):
                    rig.back(base)
                    fields = dict(self.form(what), **FORMS[what])
                    status, _, _, code = self.post(fields, "%s,%s:%d=kill" % (QUIET, point, n))
                    self.assertEqual(code, KILLED)
                    self.go_on(later)
                    if not rig.db("SELECT 1 FROM crm_write WHERE key = ?", fields["key"]):
                        # Nothing was kept and nothing was done: the person sends it again.
                        self.assertEqual(self.post(fields)[0], 303)
                    self.assertEqual(self.end(), want)
                    self.assertEqual(self.post(fields)[0], 303)
                    self.assertEqual(self.end(), want)
                    self.assertEqual(rig.check(), [])

    def test_person(self):
        self.everywhere("person", "unlinked")

    def test_lead_with_its_person(self):
        self.everywhere("lead", "unlinked")

    def test_deal_with_its_person(self):
        self.everywhere("deal", "unlinked")

    def test_note(self):
        self.everywhere("note", "linked")

    def test_stage(self):
        self.everywhere("stage", "linked")


if __name__ == "__main__":
    unittest.main()
