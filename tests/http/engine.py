# SPDX-License-Identifier: MIT
"""engine - what keeps the inbox running, and how it says how fresh it is.

Proved: the web address with its secret, its distance of 30 s, its answers at
once; one lease for all drivers, also when a run died; an open page as the last
resort; "Sync now" without script; the ledger of runs and comparisons; the line
of the inbox in both languages in each of its states; pauses after refusals in
a row; replies that are overdue or waited too long; gap lines; who else may
hold a conversation; one refresh of a token, whoever asks.
"""
import http.client
import os
import signal
import subprocess
import time
import unittest

from stand import (ANNA, LIISA, MARIA, PAGE_A, PAGE_B, Replies, Stand, say, until)

SLOW = 69

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SECRET = "9fK2mTz7QxW4"


class Case(Replies, unittest.TestCase):
    conf, pages, procs = {"tick_secret": SECRET}, (PAGE_A,), 2

    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand(conf=cls.conf, procs=cls.procs))
        cls.b = cls.st.connect("shared", pages=list(cls.pages))
        cls.ahead = 0

    def setUp(self):
        self.st.control("faults/clear", {})

    def later(self, ms):
        type(self).ahead += ms
        self.st.clock(self.ahead)

    def runs(self):
        return self.st.db("SELECT driver, result FROM run ORDER BY id")

    def ended(self):
        """All runs have come to an end."""
        until(lambda: not self.st.db("SELECT 1 FROM run WHERE ended_at IS NULL"), 30)

    def tick(self, word=SECRET, method="GET"):
        c = http.client.HTTPConnection("127.0.0.1", self.st.port, timeout=30)
        c.request(method, "/tick/" + word)
        r = c.getresponse()
        out = r.status, r.read().decode(), r.getheader("Content-Type")
        c.close()
        return out

    def line(self, b=None, path="/inbox"):
        return (b or self.b).get(path).page.by_id_text["sync-line"]

    def customer(self, page=PAGE_A, text="hello"):
        psid = self.st.control("customer/new", {"page": page, "name": "Kim Tester"})["psid"]
        self.st.customer(text, psid=psid, page=page)
        return psid, until(lambda: self.st.thread(psid))

    def start_sync(self, **env):
        """inbox-sync beside the test."""
        return self.st.run([os.path.join(self.st.build, "inbox-sync"), "-c", self.st.conf, "--budget", "20"], "worker.log",
                           env=dict(os.environ, **env))


class Tick(Case):
    def test_1_wrong(self):
        unknown = self.b.get("/nothing/here", follow=False)
        for word in ("x", SECRET[:-1], SECRET + "0", SECRET.lower(), SECRET + "/"):
            status, text, kind = self.tick(word)
            self.assertEqual((status, kind), (unknown.status, unknown.header("Content-Type")), word)
            self.assertIn(say("problem.not_found"), text)
        self.assertEqual(self.st.db("SELECT count(*) FROM run WHERE driver = 'web'"), [(0,)])
        self.assertNotIn(SECRET, self.st.log())

    def test_2_runs_and_keeps_its_distance(self):
        self.ended()
        self.later(10 * MINUTE)
        self.st.control("customer/write", {"page": PAGE_A, "psid": LIISA, "text": "no webhook", "silent": True})
        self.assertEqual(self.tick(), (200, "ok\n", "text/plain; charset=us-ascii"))
        until(lambda: self.st.db("SELECT 1 FROM message WHERE text = 'no webhook'"))
        self.ended()
        driver, result = self.runs()[-1]
        self.assertEqual((driver, result), ("web", "ok"))
        fetched, calls = self.st.db("SELECT fetched, calls FROM run ORDER BY id DESC LIMIT 1")[0]
        self.assertGreaterEqual(fetched, 1)
        self.assertGreaterEqual(calls, 2)
        n = len(self.runs())
        self.assertEqual(self.tick()[1], "too soon\n")
        self.later(29_000)
        self.assertEqual(self.tick()[1], "too soon\n")
        self.assertEqual(len(self.runs()), n)
        self.later(1_500)
        self.assertEqual(self.tick(method="POST")[1], "ok\n")
        until(lambda: len(self.runs()) == n + 1)
        self.ended()
        self.assertNotIn(SECRET, self.st.log())

    def test_3_answers_at_once_and_runs_once(self):
        """A slow Facebook holds up the run, not the answer; nobody else starts meanwhile."""
        self.ended()
        self.later(11 * MINUTE)
        hold = self.st.fault({"endpoint": "fb.conversations"}, times=0, delay_ms=1500)
        n = len(self.runs())
        began = time.monotonic()
        self.assertEqual(self.tick()[1], "ok\n")
        self.assertLess(time.monotonic() - began, 1.0)
        until(lambda: self.runs()[-1] == ("web", "running"))
        self.assertEqual(self.tick()[1], "already running\n")
        self.assertEqual(self.st.sync(check=False), 75)
        self.st.control("faults/clear", {"id": hold})
        self.ended()
        self.assertEqual(len(self.runs()), n + 1)

    def test_4_many_at_once(self):
        """Twenty calls in the same moment: one run."""
        import concurrent.futures
        self.ended()
        self.later(11 * MINUTE)
        n = len(self.runs())
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            words = list(pool.map(lambda _: self.tick()[1], range(20)))
        self.assertIn("ok\n", words)
        until(lambda: len(self.runs()) > n)
        self.ended()
        self.assertEqual(len(self.runs()), n + 1)

    def test_5_a_run_that_died(self):
        self.ended()
        self.later(11 * MINUTE)
        hold = self.st.fault({"endpoint": "fb.conversations"}, times=0, delay_ms=9000)
        p = self.start_sync()
        until(lambda: self.runs()[-1] == ("cron", "running"))
        until(lambda: self.st.db("SELECT 1 FROM lease WHERE name = 'engine'"))
        self.st.end(p, signal.SIGKILL)
        self.st.control("faults/clear", {"id": hold})
        self.assertEqual(self.st.sync(check=False), 75)
        self.later(90_000)              # budget 20 s and a minute are over
        self.st.sync()
        self.assertEqual(self.runs()[-2:], [("cron", "died"), ("cron", "ok")])

    def test_6_clock_set_back(self):
        """A lease and a run in the far future stop nobody."""
        self.ended()
        self.later(5 * HOUR)
        hold = self.st.fault({"endpoint": "fb.conversations"}, times=0, delay_ms=9000)
        p = self.start_sync()
        until(lambda: self.runs()[-1] == ("cron", "running"))
        self.st.end(p, signal.SIGKILL)
        self.st.control("faults/clear", {"id": hold})
        self.later(-5 * HOUR)
        self.assertEqual(self.tick()[1], "ok\n")
        until(lambda: self.runs()[-1] == ("web", "ok"))


class NoSecret(Case):
    conf = {}

    def test_off(self):
        for word in ("", "x", SECRET):
            self.assertEqual(self.tick(word)[0], 404, word)


class Visit(Case):
    def test_1_only_when_nothing_else_runs(self):
        self.ended()
        n = len(self.runs())
        for path in ("/inbox", "/poll", "/poll"):
            self.assertEqual(self.b.get(path).status, 200)
        self.later(2 * MINUTE)
        self.b.get("/poll")
        self.assertEqual(len(self.runs()), n)
        self.later(70_000)
        self.b.get("/poll")
        until(lambda: self.runs()[n:] == [("visit", "ok")])
        for _ in range(5):
            self.b.get("/poll")
        self.assertEqual(len(self.runs()), n + 1)
        self.later(4 * MINUTE)
        self.b.get("/inbox")            # a page without script helps as well
        until(lambda: len(self.runs()) == n + 2)
        self.ended()

    def test_2_not_modified_helps_too(self):
        self.ended()
        now = self.st.control("clock")["now"]
        self.later(5 * MINUTE - now % (5 * MINUTE) + 1000)      # the tag changes with these steps
        self.st.sync()
        tag = self.b.get("/poll").header("ETag")
        self.later(3 * MINUTE + 1000)
        n = len(self.runs())
        self.assertEqual(self.b.get("/poll", headers={"If-None-Match": tag}).status, 304)
        until(lambda: len(self.runs()) == n + 1)
        self.ended()

    def test_3_brings_what_no_webhook_brought(self):
        self.ended()
        self.later(11 * MINUTE)
        self.st.control("customer/write", {"page": PAGE_A, "psid": LIISA, "text": "found by a visit", "silent": True})
        self.b.get("/poll")
        until(lambda: self.st.db("SELECT 1 FROM message WHERE text = 'found by a visit'"))
        self.ended()

    def test_4_leaves_the_check_of_the_database_to_others(self):
        self.ended()
        n = len(self.runs())
        for days, checks in ((2, False), (4, True)):
            self.st.write("UPDATE note SET at = at - ? WHERE key = 'check'", days * 86_400_000)
            (before,), = self.st.db("SELECT at FROM note WHERE key = 'check'")
            self.later(4 * MINUTE)
            self.b.get("/poll")
            n += 1
            until(lambda: len(self.runs()) == n)
            self.ended()
            (after,), = self.st.db("SELECT at FROM note WHERE key = 'check'")
            self.assertEqual(after > before, checks, days)


class Now(Case):
    def test_1_button(self):
        self.st.control("customer/write", {"page": PAGE_A, "psid": LIISA, "text": "first", "silent": True})
        self.ended()
        self.later(5 * MINUTE)
        self.st.sync()                  # nothing to compare for another five minutes
        self.assertFalse(self.st.db("SELECT 1 FROM message WHERE text = 'second'"))
        self.st.control("customer/write", {"page": PAGE_A, "psid": LIISA, "text": "second", "silent": True})
        r = self.b.submit(self.b.get("/inbox"), "/sync")
        self.assertEqual(r.status, 200)
        self.assertIn("/inbox?notice=sync", r.url)
        self.assertIn(say("notice.sync"), r.page.text)
        until(lambda: self.st.db("SELECT 1 FROM message WHERE text = 'second'"))
        self.ended()
        self.assertEqual(self.runs()[-1], ("visit", "ok"))
        at = self.st.db("SELECT max(ended_at) FROM comparison")[0][0]
        self.assertEqual(self.st.db("SELECT checked_at FROM page"), [(at,)])
        # At once again: nothing to do, and it says so.
        n, calls = len(self.runs()), len(self.st.requests(endpoint="fb.conversations"))
        r = self.b.submit(r, "/sync")
        self.assertIn(say("notice.sync_fresh"), r.page.text)
        self.assertEqual((len(self.runs()), len(self.st.requests(endpoint="fb.conversations"))), (n, calls))

    def test_2_back_to_the_conversation(self):
        _, thread = self.customer()
        self.later(2 * MINUTE)
        r = self.b.submit(self.b.get("/inbox/%d" % thread), "/sync")
        self.assertIn("/inbox/%d?notice=sync" % thread, r.url)
        self.ended()

    def test_3_needs_the_token(self):
        n = len(self.runs())
        self.assertEqual(self.b.post("/sync", {"csrf": "x"}).status, 403)
        self.assertEqual(self.b.get("/sync").status, 405)
        self.assertEqual(len(self.runs()), n)

    def test_4_under_way(self):
        self.ended()
        self.later(11 * MINUTE)
        hold = self.st.fault({"endpoint": "fb.conversations"}, times=0, delay_ms=1500)
        p = self.start_sync()
        until(lambda: self.runs()[-1] == ("cron", "running"))
        r = self.b.submit(self.b.get("/inbox"), "/sync")
        self.assertIn(say("notice.sync_busy"), r.page.text)
        self.st.control("faults/clear", {"id": hold})
        p.wait(30)
        self.ended()

    def test_5_cannot(self):
        self.ended()
        self.later(2 * MINUTE)
        self.st.fault({"endpoint": "fb.conversations"}, times=1, status=400,
                      body={"error": {"message": "too many", "code": 80006}})
        self.b.submit(self.b.get("/inbox"), "/sync")
        until(lambda: self.st.db("SELECT pause_until FROM page")[0][0] > 0)
        self.ended()
        r = self.b.submit(self.b.get("/inbox"), "/sync")
        self.assertIn(say("notice.sync_pause"), r.page.text)


class Fresh(Case):
    pages = (PAGE_A, PAGE_B)

    def text(self, key, lang="en", **fill):
        return say(key, lang, **fill)

    def test_1_up_to_date(self):
        self.ended()
        self.later(12 * MINUTE)
        self.st.sync()
        least = self.st.db("SELECT min(checked_at) FROM page")[0][0]
        self.assertEqual(self.line(), say("sync.fresh", time=self.st.since(least)))
        self.assertEqual(self.line(path="/poll"), self.line())
        # The way to the health page is for admins.
        self.assertEqual(self.b.get("/inbox").page.link_to("/health"), "/health")
        anna, _ = self.st.sign_in(user=ANNA)
        self.assertEqual(self.line(anna), self.line())
        self.assertFalse([h for h, _ in anna.get("/inbox").page.links if "/health" in h])
        r = self.b.submit(self.b.get("/inbox"), "/language", {"lang": "ja"})
        self.assertEqual(r.page.by_id_text["sync-line"], say("sync.fresh", "ja", time=self.st.since(least, "ja")))
        self.b.submit(r, "/language", {"lang": "en"})

    def test_2_catching_up(self):
        """40 conversations changed while we were away; the first run is cut short."""
        self.ended()
        for i in range(40):
            psid = self.st.control("customer/new", {"page": PAGE_A, "name": "Kim %d" % i})["psid"]
            self.st.control("customer/write", {"page": PAGE_A, "psid": psid, "text": "missed %d" % i, "silent": True})
        self.later(12 * MINUTE)
        self.st.sync(budget=3)
        total, left = self.st.db("SELECT catch_total, (SELECT count(*) FROM want w WHERE w.page_id = p.id) FROM page p WHERE fb_id = ?", PAGE_A)[0]
        self.assertGreater(left, 0)
        self.assertEqual(self.line(), say("sync.catching", done=str(total - left), total=str(total)))
        self.st.sync(budget=60)
        self.assertEqual(self.st.db("SELECT count(*) FROM want"), [(0,)])
        self.assertEqual(self.st.db("SELECT count(*) FROM message WHERE text LIKE 'missed %'"), [(40,)])
        self.assertTrue(self.line().startswith(say("sync.fresh", time="").split("{")[0].rstrip(" ")), self.line())
        listed, changed = self.st.db("SELECT listed, changed FROM comparison c JOIN page p ON p.id = c.page_id"
                                     " WHERE p.fb_id = ? ORDER BY c.id DESC LIMIT 1", PAGE_A)[0]
        self.assertGreaterEqual(listed, 40)
        self.assertEqual(changed, 40)
        self.assertIn(self.runs()[-2][1], ("more", "ok"))

    def test_3_away(self):
        self.ended()
        since = self.st.db("SELECT min(checked_at) FROM page")[0][0]
        self.st.control("config", {"switches": {"away": True}})
        self.later(11 * MINUTE)
        self.st.sync(check=False)
        self.assertTrue(self.line().startswith(say("sync.fresh", time="")[:10]), "worried too soon: " + self.line())
        self.later(25 * MINUTE)
        self.st.sync(check=False)
        why = self.st.db("SELECT DISTINCT read_why FROM page")
        self.assertTrue(why and all(w for (w,) in why), why)
        self.assertEqual(self.line(), say("sync.stale", time=self.st.since(since), reason=say(why[0][0])))
        self.assertEqual(self.line(path="/poll"), self.line())
        self.st.control("config", {"switches": {"away": False}})
        self.later(2 * MINUTE)
        self.st.sync()
        self.assertEqual(self.st.db("SELECT DISTINCT read_why FROM page"), [("",)])
        self.assertTrue(self.line().startswith(say("sync.fresh", time="")[:10]), self.line())

    def test_4_nothing_ran(self):
        self.ended()
        since = self.st.db("SELECT min(checked_at) FROM page")[0][0]
        self.st.control("config", {"switches": {"away": True}})     # the visit that this causes shall not help
        self.later(40 * MINUTE)
        self.assertEqual(self.line(), say("sync.stale", time=self.st.since(since), reason=say("sync.why_idle")))
        self.ended()
        self.st.control("config", {"switches": {"away": False}})
        self.later(DAY)
        text = self.line()
        self.assertIn(say("sync.stale", time=self.st.since(since), reason=""), text)
        self.later(5 * MINUTE)
        self.ended()
        self.st.sync()

    def test_5_broken(self):
        """One silent Page is enough: nobody shall believe that all is here."""
        self.ended()
        self.later(11 * MINUTE)
        self.st.control("token/kill", {"page": PAGE_B, "subcode": 460})
        self.st.sync(check=False)
        self.assertEqual(self.st.db("SELECT state FROM page WHERE fb_id = ?", PAGE_B), [("broken",)])
        since = self.st.db("SELECT checked_at FROM page WHERE fb_id = ?", PAGE_B)[0][0]
        name = self.st.db("SELECT name FROM page WHERE fb_id = ?", PAGE_B)[0][0]
        self.assertEqual(self.line(), say("sync.stale", time=self.st.since(since), reason=say("sync.why_page", page=name)))


class Pauses(Case):
    def refuse(self, code, times=0, subcode=None):
        e = {"message": "no", "code": code}
        if subcode:
            e["error_subcode"] = subcode
        return self.st.fault({"endpoint": "fb.send"}, times=times, status=400, body={"error": e})

    def page(self, what):
        return self.st.db("SELECT %s FROM page" % what)[0][0]

    def sends(self):
        return len(self.st.requests(endpoint="fb.send"))

    def now(self):
        return self.st.control("clock")["now"]

    def test_1_third_refusal_pauses_the_page(self):
        threads = [self.customer()[1] for _ in range(6)]
        hold = self.refuse(200)
        for t in threads[:3]:
            self.st.reply(self.b, t, "hi")
            self.wait_state(t, "failed")
        until(lambda: self.page("refusals") == 3)       # written down after it
        calls = self.sends()
        for t in threads[3:]:
            self.st.reply(self.b, t, "waits")
        r = self.b.get("/inbox")
        self.assertIn(say("notice.sends_paused").split("{time}")[0].split("{page}")[1].strip(), r.page.text)
        self.st.sync()
        self.assertEqual(self.sends(), calls, "sent in spite of the pause")
        self.assertEqual([self.state(t) for t in threads[3:]], [["queued"]] * 3)
        log = self.b.get("/inbox/%d" % threads[3]).page.by_id_text["log"]
        self.assertIn(say("wait.soon", sentence=say("wait.refused")).split("{until}")[0], log)
        self.assertNotIn(say("state.sending"), log)
        # Reading goes on.
        self.later(11 * MINUTE)
        for step, wait in ((4, 5), (5, 15), (6, 60)):
            self.st.sync()
            self.assertEqual(self.page("refusals"), step)
            self.assertEqual(self.sends(), calls + 1, "not one try after the pause")
            calls += 1
            left = self.page("send_after") - self.now()
            self.assertTrue((wait - 1) * MINUTE < left <= wait * MINUTE, (wait, left))
            self.later(wait * MINUTE + 1000)
        self.assertTrue(self.page("checked_at") > self.now() - 70 * MINUTE)
        self.st.control("faults/clear", {"id": hold})
        t = self.customer()[1]
        self.st.reply(self.b, t, "works again")
        self.wait_state(t, "sent")
        self.assertEqual((self.page("refusals"), self.page("send_after")), (0, 0))

    def test_2_what_concerns_one_customer_does_not_count(self):
        hold = self.refuse(551)
        for _ in range(4):
            t = self.customer()[1]
            self.st.reply(self.b, t, "hi")
            self.wait_state(t, "failed")
        self.assertEqual((self.page("refusals"), self.page("send_after")), (0, 0))
        self.st.control("faults/clear", {"id": hold})

    def test_3_success_between(self):
        for _ in range(2):
            self.refuse(200, times=2)
            for want in ("failed", "failed", "sent"):
                t = self.customer()[1]
                self.st.reply(self.b, t, "hi")
                self.wait_state(t, want)
        self.assertEqual((self.page("refusals"), self.page("send_after")), (0, 0))

    def test_4_overdue(self):
        """What cannot go out in time ends with the reason, also while the Page waits."""
        psid, thread = self.customer()
        self.refuse(200, times=3)
        for _ in range(3):
            t = self.customer()[1]
            self.st.reply(self.b, t, "hi")
            self.wait_state(t, "failed")
        self.st.reply(self.b, thread, "too late")
        self.assertEqual(self.state(thread), ["queued"])
        self.st.control("token/kill", {"page": PAGE_A, "subcode": 460})
        self.later(12 * MINUTE)
        self.st.sync(check=False)
        self.assertEqual(self.page("state"), "broken")
        calls = self.sends()
        self.later(DAY)
        self.st.sync(check=False)
        self.assertEqual(self.state(thread), ["failed"])
        self.assertIn(say("error.fb.window"), self.b.get("/inbox/%d" % thread).page.text)
        self.assertEqual(self.sends(), calls)
        self.assertEqual(self.st.arrived(psid), [])


class Reconnect(Case):
    def test_old_replies_wait_for_a_word(self):
        st = self.st
        psid, old = self.customer()
        psid2, young = self.customer()
        st.sync()       # their profiles are not what meets the dead token
        st.control("token/kill", {"page": PAGE_A, "subcode": 460})
        st.reply(self.b, old, "written long ago")
        until(lambda: st.db("SELECT state FROM page") == [("broken",)])
        self.assertIn(self.state(old), (["deferred"], ["queued"]))
        self.later(2 * HOUR)
        st.control("customer/write", {"page": PAGE_A, "psid": psid2, "text": "and?", "silent": True})
        r = self.b.get(self.b.get("/inbox/%d" % old).page.link_to("/connect/more"))
        r = st.facebook(self.b, r, pages=[PAGE_A])
        self.b.submit(r, "/connect/pages", {"page": [PAGE_A]})
        self.assertEqual(st.db("SELECT state, import_state FROM page"), [("active", "done")])
        self.assertEqual(self.state(old), ["failed"])
        page = self.b.get("/inbox/%d" % old)
        self.assertIn(say("error.fb.waited"), page.page.text)
        # What came meanwhile is here, as soon as whoever reads the Page now lets go; nothing old went out by itself.
        until(lambda: (st.sync(), st.db("SELECT 1 FROM message WHERE text = 'and?'"))[1])
        self.assertEqual(st.arrived(psid), [])
        st.reply(self.b, young, "fresh")
        self.wait_state(young, "sent")
        self.b.submit(page, "/retry/")
        self.wait_state(old, "sent")
        st.delivered()
        self.assertEqual(st.arrived(psid), ["written long ago"])


class Gaps(Case):
    def many(self, psid, n, **kw):
        self.st.control("customer/write", dict({"page": PAGE_A, "psid": psid, "text": "missed", "silent": True, "count": n}, **kw))

    def gaps(self, thread):
        return self.st.db("SELECT at FROM message WHERE thread_id = ? AND line = 9", thread)

    def test_1_given_up(self):
        """Facebook lists something new and gives nothing of it."""
        psid, thread = self.customer(text="before")
        self.st.sync()
        self.later(15 * MINUTE)
        self.many(psid, 1)
        gone = {"error": {"message": "gone", "code": 100, "error_subcode": 33}}
        self.st.fault({"endpoint": "fb.messages"}, times=2, status=400, body=gone)
        self.st.sync()
        self.assertEqual(len(self.gaps(thread)), 1)
        r = self.b.get("/inbox/%d" % thread)
        self.assertIn(say("line.gap"), r.page.by_id_text["log"])
        links = [h for h, a in r.page.links if "facebook.com" in h]
        self.assertTrue(links, "no way to the Page's inbox")
        # Another comparison that gives no more does not say it twice; a message after it stands below it.
        self.later(11 * MINUTE)
        self.st.sync()
        self.assertEqual(len(self.gaps(thread)), 1)
        self.later(MINUTE)
        self.st.customer("after", psid=psid)
        log = self.b.get("/inbox/%d" % thread).page.by_id_text["log"]
        self.assertLess(log.index("before"), log.index(say("line.gap")))
        self.assertLess(log.index(say("line.gap")), log.index("after"))
        r = self.b.submit(self.b.get("/inbox"), "/language", {"lang": "ja"})
        self.assertIn(say("line.gap", "ja"), self.b.get("/inbox/%d" % thread).page.by_id_text["log"])
        self.b.submit(r, "/language", {"lang": "en"})

    def test_1_taken_back(self):
        """What was withheld is given after all: the line goes, nothing is lost."""
        psid, thread = self.customer(text="before")
        self.st.sync()
        self.later(15 * MINUTE)
        self.many(psid, 1, text="given late")
        gone = {"error": {"message": "gone", "code": 100, "error_subcode": 33}}
        self.st.fault({"endpoint": "fb.messages"}, times=2, status=400, body=gone)
        self.st.sync()
        self.assertEqual(len(self.gaps(thread)), 1)
        self.later(15 * MINUTE)
        self.many(psid, 1, text="newest")
        self.st.sync()
        self.assertEqual(self.gaps(thread), [])
        self.assertEqual(self.st.db("SELECT text FROM message WHERE thread_id = ? ORDER BY at, id", thread),
                         [("before",), ("given late",), ("newest",)])

    def test_2_in_the_middle(self):
        """70 missed, the newest 30 can be read, the next page is refused for good."""
        psid, thread = self.customer(text="known")
        self.st.sync()
        self.later(15 * MINUTE)
        self.many(psid, 70)
        gone = {"error": {"message": "deleted", "code": 9000001}}
        self.st.fault({"endpoint": "fb.messages"}, times=0, skip=1, status=400, body=gone)
        self.st.sync()
        self.st.control("faults/clear", {})
        rows = self.st.db("SELECT line, text FROM message WHERE thread_id = ? ORDER BY at, id", thread)
        self.assertEqual([bool(r[0]) for r in rows].count(True), 1)
        self.assertEqual((rows[0][1], rows[1][0]), ("known", 9))
        self.assertEqual(len(rows), 32)

    def test_3_nothing_missing_no_line(self):
        psid, thread = self.customer(text="known")
        self.st.sync()
        self.later(15 * MINUTE)
        self.many(psid, 70)
        self.st.sync()
        self.assertEqual(self.st.db("SELECT count(*) FROM message WHERE thread_id = ?", thread), [(71,)])
        self.assertEqual(self.gaps(thread), [])
        self.later(15 * MINUTE)
        mid = self.st.customer("oops", psid=psid)
        self.st.control("customer/unsend", {"mid": mid})
        self.later(15 * MINUTE)
        self.st.sync()
        self.assertEqual(self.gaps(thread), [])

    def test_4_newest_is_withheld(self):
        """The listing is newer than anything its messages tell."""
        psid, thread = self.customer(text="known")
        self.st.sync()
        self.later(15 * MINUTE)
        self.many(psid, 1)
        self.st.fault({"endpoint": "fb.messages"}, times=1, status=200, body={"data": []})
        self.st.sync()
        self.assertEqual(len(self.gaps(thread)), 1)


class Others(Case):
    def test_who_holds_it(self):
        st = self.st
        psid, thread = self.customer()
        for owner, sentence in (("26390203743090", "closed.page_inbox"), ("442200119988776", "closed.other_app")):
            st.control("thread/control", {"page": PAGE_A, "psid": psid, "owner": owner})
            st.delivered()
            r = until(lambda: (lambda p: p if say(sentence) in p.page.text else None)(self.b.get("/inbox/%d" % thread)))
            self.assertNotIn("composer", r.page.ids)
        st.control("thread/control", {"page": PAGE_A, "psid": psid, "owner": None})


class Tokens(Case):
    def test_one_refresh_for_all_drivers(self):
        st = self.st
        st.sign_in(user=ANNA)
        self.ended()
        self.later(4 * DAY)
        since = st.requests(endpoint="pd.token")[-1]["id"]
        hold = st.fault({"endpoint": "pd.token"}, times=0, delay_ms=700)
        a, b = self.start_sync(), self.start_sync()
        self.tick()
        a.wait(40)
        b.wait(40)
        self.ended()
        self.assertEqual(sorted((a.returncode, b.returncode))[-1] in (0, 75), True)
        st.control("faults/clear", {"id": hold})
        asked = [r["form"].get("refresh_token") for r in st.requests(endpoint="pd.token") if r["id"] > since]
        self.assertEqual(len(asked), 2, "Maria and Anna, once each")
        self.assertEqual(len(set(map(str, asked))), 2)
        self.assertTrue(st.db("SELECT 1 FROM user WHERE access_until > ?", st.control("clock")["now"]))


if __name__ == "__main__":
    unittest.main()
