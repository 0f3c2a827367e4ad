#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""leaving.py - killed at every commit and call of leaving, and run again: the same end.

Each way of leaving is asked for by one request (a CGI process that leaves the
work to others) and worked off by a run.  It is played once undisturbed, which
tells the end and how many commits and calls there are on the way; then once for
each of them with a SIGKILL right there.  Whoever got no answer asks once more;
then runs follow until nothing is open.  The end is the same: the same rows of
each table, no token anywhere, the same files, both services told.

All points each time: they are few enough.
"""
import base64
import json
import os
import unittest
import urllib.parse

from rig import JAAN, KILLED, PAGE_A, QUIET, Rig

SLOW = 180

DAY = 86400
POINTS = ("commit", "committed", "call-before", "call-after")
TABLES = ("install", "user", "session", "page", "thread", "message", "attachment", "fact", "event", "quarantine", "outbox",
          "want", "seen", "comparison", "forgotten", "export")


def press(rig, page, action, **more):
    """The form on a page, sent with a fault; (status, died)."""
    def send(fault):
        r = rig.b.get(page)
        form = [f for f in r.page.forms if f["action"].endswith(action)]
        if not form:
            return 0, False         # signed out, or gone: it was done
        u = urllib.parse.urlsplit(rig.url)
        cookies = "; ".join("%s=%s" % kv for kv in rig.b.cookies[u.netloc].items())
        status, _, _, code = rig.cgi("POST", action, {
            "Content-Type": "application/x-www-form-urlencoded", "Origin": rig.url, "Cookie": cookies},
            urllib.parse.urlencode({**form[0]["fields"], **more}).encode(), fault)
        return status, code == KILLED
    return send


def uninstalled(rig):
    body = json.dumps({"client_id": "5f3c9a1b2c3d4e5f", "company_id": 9000123, "user_id": 10483244}).encode()
    auth = "Basic " + base64.b64encode(b"5f3c9a1b2c3d4e5f:sandbox-pipedrive-secret").decode()

    def send(fault):
        status, _, _, code = rig.cgi("DELETE", "/pipedrive/callback", {"Content-Type": "application/json", "Authorization": auth}, body, fault)
        return status, code == KILLED
    return send


WAYS = {
    "all_now": lambda rig: press(rig, "/settings/remove", "/settings/remove", keep="0"),
    "all_kept": lambda rig: press(rig, "/settings/remove", "/settings/remove", keep="30"),
    "one_page": lambda rig: press(rig, "/settings/page/1", "/settings/page/1", keep="0"),
    "one_customer": lambda rig: press(rig, "/settings/customers/%d" % rig.thread(), "/settings/customers/%d" % rig.thread()),
    "from_pipedrive": uninstalled,
}


class Leaving(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        rig = cls.rig = cls.enterClassContext(Rig())
        rig.customer("hello")
        rig.customer(None, attachments=[{"type": "image", "picture": "cat"}])
        rig.customer("and me", psid=JAAN)
        rig.control("event", {"page": PAGE_A, "event": {"sender": {"id": JAAN}, "recipient": {"id": PAGE_A}, "brand_new": 1}})
        rig.hooks()
        rig.sync_once(None)
        rig.reply("sent")
        rig.sync_once(None)
        rig.hooks()
        rig.control("config", {"switches": {"away": True}})
        rig.reply("waits")
        rig.sync_once(None)
        rig.control("config", {"switches": {"away": False}})
        rig.later(120)
        rig.keep("before")

    def picture(self):
        rig = self.rig
        media = rig.path("media")
        return {
            "rows": {t: rig.db("SELECT count(*) FROM " + t)[0][0] for t in TABLES},
            "tokens": rig.db("SELECT (SELECT count(*) FROM user WHERE refresh IS NOT NULL) + (SELECT count(*) FROM page WHERE token IS NOT NULL)"
                             " + (SELECT count(*) FROM farewell WHERE token IS NOT NULL)")[0][0],
            "leaving": rig.db("SELECT kind, cause, step, pages, people, sessions, threads, messages FROM leaving"),
            "farewell": rig.db("SELECT kind, state FROM farewell ORDER BY id"),
            "outbox": rig.db("SELECT state, why FROM outbox ORDER BY id"),
            "audit": rig.db("SELECT what FROM audit WHERE what LIKE '%removed' OR what LIKE '%deleted' OR what = 'erased' ORDER BY id"),
            "files": sorted(os.listdir(media)) if os.path.isdir(media) else [],
            "subscribed": [p["id"] for p in rig.control("pages")["pages"] if p["subscribed_fields"]],
            "installs": len(rig.control("pipedrive/state?company=9000123")["installs"]),
        }

    def settle(self):
        """Runs until a further one has nothing to do; a claim of a dead process ends by itself."""
        rig = self.rig
        for _ in range(4):
            rig.later(900)
            self.assertEqual(rig.sync_once(None).returncode, 0)
        rig.later(2 * DAY)
        self.assertEqual(rig.sync_once(None).returncode, 0)

    def play(self, way, request_fault=None, run_fault=None):
        rig = self.rig
        rig.back("before")
        send = WAYS[way](rig)
        status, died = send("%s,%s" % (QUIET, request_fault) if request_fault else QUIET)
        if died and status == 0:
            status, died = send(QUIET)
        self.assertIn(status, (0, 200, 303))
        r = rig.sync_once(run_fault)
        if run_fault and "=kill" in run_fault:
            self.assertEqual(r.returncode, KILLED, run_fault)
            rig.later(180)      # its lease ends
        return r

    def ways(self, way):
        rig = self.rig
        rig.back("before")
        # How many places there are.
        count = rig.path("count")
        if os.path.exists(count):
            os.unlink(count)
        r = self.play(way, "count=" + count, "count")
        with open(count) as f:
            request = rig.counts(f.read())
        run = rig.counts(r.stderr)
        self.settle()
        want = self.picture()
        self.assertEqual(want["tokens"], {"one_page": 1, "one_customer": 2}.get(way, 0))
        self.assertGreater(run["commit"], 2)
        for point in POINTS:
            for n in range(1, request[point] + 1):
                with self.subTest(way=way, request="%s:%d" % (point, n)):
                    self.play(way, "%s:%d=kill" % (point, n))
                    self.settle()
                    self.assertEqual(self.picture(), want)
            for n in range(1, run[point] + 1):
                with self.subTest(way=way, run="%s:%d" % (point, n)):
                    self.play(way, None, "%s:%d=kill" % (point, n))
                    self.settle()
                    self.assertEqual(self.picture(), want)
                    self.assertEqual(rig.check(), [])


for _way in WAYS:
    setattr(Leaving, "test_" + _way, lambda self, way=_way: self.ways(way))

if __name__ == "__main__":
    unittest.main()
