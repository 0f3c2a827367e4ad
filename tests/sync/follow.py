#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""follow.py - notes and webhooks in Pipedrive, killed at every step.

A run that logs a conversation, writes its note anew, makes our webhooks or
follows a lead that became a deal is killed with SIGKILL at each commit and
before and after each call; then ordinary runs go on while time passes.  The
end is the same: one note for the day, one set of webhooks, the link where the
record went.  So is the end when the program that takes Pipedrive's webhook is
killed, since Pipedrive sends it again.

The short form takes every third of those points; SYNC_LONG=1 takes them all.
"""
import base64
import json
import re
import unittest

from rig import KILLED, LONG, QUIET, Rig

SLOW = 85

ACME = 9000123
POINTS = ("commit", "committed", "call-before", "call-after")


class Killed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = cls.enterClassContext(Rig())
        rig = cls.rig
        rig.customer("hello")
        rig.hooks()
        rig.run()
        cls.t = rig.thread()
        person = cls.object("person", "create", data={"name": "Somebody"})
        cls.lead = cls.object("lead", "create", data={"title": "A lead", "person_id": person["id"]})["id"]
        page = rig.b.get("/inbox/%d/panel" % cls.t).page
        csrf = next(f["fields"]["csrf"] for f in page.forms if "csrf" in f["fields"])
        rig.b.post("/inbox/%d/link" % cls.t, {"csrf": csrf, "kind": "lead", "id": cls.lead})
        rig.keep("linked")
        rig.run()
        rig.run()
        rig.customer("and more")
        rig.hooks()
        rig.later(400)
        rig.keep("more")
        rig.run()
        rig.later(400)
        rig.keep("logged")

    @classmethod
    def object(cls, kind, action, **more):
        out = cls.rig.control("pipedrive/object", dict({"company": ACME, "kind": kind, "action": action}, **more))["object"]
        cls.rig.delivered()
        return out

    def end(self):
        """What there is, here and there."""
        rig = self.rig
        state = rig.control("pipedrive/state?company=%d" % ACME)
        return {
            "note": [(n["id"], n["lead_id"], n["deal_id"], re.sub(r"<[^>]+>", " ", n["content"])) for n in state["note"]],
            "deal": [d["title"] for d in state["deal"]],
            "webhooks": sorted((h["event_object"], h["event_action"], h["subscription_url"].rsplit("/", 1)[0]) for h in state["webhooks"]),
            "addresses": len({h["subscription_url"] for h in state["webhooks"]}),
            "link": rig.db("SELECT kind, pd_id, title, state FROM link"),
            "transcript": rig.db("SELECT kind, pd_id, day, note_id, state FROM transcript"),
            "touch": rig.db("SELECT count(*) FROM transcript_touch"),
            "audit": rig.db("SELECT what, detail FROM audit WHERE what LIKE 'link%'"),
        }

    def go_on(self):
        for _ in range(8):
            self.rig.later(200)
            self.assertEqual(self.rig.run().returncode, 0)

    def everywhere(self, base, before=lambda: None):
        """A run from that moment, killed wherever it can be."""
        rig = self.rig
        rig.back(base)
        before()
        n = rig.counts(rig.run("count").stderr)
        self.go_on()
        want = self.end()
        self.assertEqual((len(want["note"]), len(want["webhooks"]), want["addresses"]), (1, 6, 1))
        self.assertEqual([r[4] for r in want["transcript"]], ["done"])
        points = ["%s:%d=kill" % (p, k) for p in POINTS for k in range(1, n[p] + 1)]
        self.assertGreater(len(points), 8)
        for fault in points if LONG else points[len(base) % 3::3]:
            with self.subTest(base=base, fault=fault):
                rig.back(base)
                before()
                self.assertEqual(rig.run(fault).returncode, KILLED)
                self.go_on()
                self.assertEqual(self.end(), want)
                self.assertEqual(rig.check(), [])
        return want

    def test_1_logged_and_webhooks_made(self):
        want = self.everywhere("linked")
        self.assertIn("hello", want["note"][0][3])

    def test_2_written_anew(self):
        want = self.everywhere("more")
        self.assertIn("and more", want["note"][0][3])

    def test_3_the_answer_was_lost(self):
        self.everywhere("linked", lambda: self.rig.fault({"endpoint": "pd.notes.create"}, cut="after"))

    def test_4_followed(self):
        want = self.everywhere("logged", lambda: self.object("lead", "convert", id=self.lead))
        self.assertEqual([(k, s) for k, _, _, s in want["link"]], [("deal", "live")])
        self.assertEqual(want["note"][0][1], None)

    def test_5_the_webhook_itself(self):
        """Killed while it is stored, it is sent again; the end is the same."""
        rig = self.rig
        rig.back("logged")
        hook = rig.control("pipedrive/state?company=%d" % ACME)["webhooks"][0]
        rig.control("deliver", {"service": "pipedrive", "drop": True})
        deal = self.object("lead", "convert", id=self.lead)
        rig.keep("converted")
        body = json.dumps({"meta": {"action": "delete", "entity": "lead", "entity_id": self.lead, "company_id": str(ACME),
                                    "timestamp": "2026-11-22T09:15:00.661Z"}, "data": None, "previous": None}).encode()
        head = {"Content-Type": "application/json", "Authorization": "Basic " + base64.b64encode(
            ("%s:%s" % (hook["http_auth_user"], hook["http_auth_password"])).encode()).decode()}
        path = hook["subscription_url"][len(rig.url):]
        for fault in ("commit:1=kill", "committed:1=kill"):
            with self.subTest(fault):
                rig.back("converted")
                self.assertEqual(rig.cgi("POST", path, head, body, "%s,%s" % (QUIET, fault))[3], KILLED)
                self.assertEqual(rig.cgi("POST", path, head, body)[0], 200)
                rig.run()
                rig.run()
                self.assertEqual(rig.db("SELECT kind, pd_id FROM link"), [("deal", str(deal["id"]))])
        rig.control("deliver", {"service": "pipedrive", "drop": 0})


if __name__ == "__main__":
    unittest.main()
