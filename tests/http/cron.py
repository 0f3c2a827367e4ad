# SPDX-License-Identifier: MIT
"""cron - the scheduled run, the administrator's tool, and the inbox without any resident process.

Proved: one run at a time; the budget; the ledger; messages whose webhooks were
lost come back, newest first, once, also when runs are killed; tokens kept
alive, houses kept clean; exit codes; check, status and a backup under traffic;
the whole inbox as plain CGI.
"""
import os
import re
import signal
import sqlite3
import subprocess
import threading
import time
import unittest

from stand import ANNA, APP_SECRET, JAAN, LIISA, PAGE_A, Stand, event_body, message, say, until

SLOW = 130

MINUTE, DAY = 60_000, 86_400_000


class Case(unittest.TestCase):
    def setUp(self):
        self.st = self.enterContext(Stand())
        self.b = self.st.connect("shared")
        self.ahead = 0

    def later(self, ms):
        self.ahead += ms
        self.st.clock(self.ahead)

    def start(self, budget=30):
        """A run of its own, not waited for."""
        return self.st.run([os.path.join(self.st.build, "inbox-sync"), "-c", self.st.conf, "--budget", str(budget)], "worker.log")

    def ctl(self, *args):
        r = subprocess.run([os.path.join(self.st.build, "inboxctl"), "-c", self.st.conf] + list(args), cwd=self.st.dir,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with open(self.st.path("worker.log"), "a") as f:
            f.write(r.stderr)
        return r

    def missed(self, n, each=3):
        """n conversations with messages whose webhooks never came; PSIDs from the oldest to the newest."""
        now = self.st.control("clock")["now"]
        people = []
        for i in range(n):
            psid = self.st.control("customer/new", {"page": PAGE_A, "name": "Missed %d" % i})["psid"]
            for k in range(each):
                self.st.control("customer/write", {"page": PAGE_A, "psid": psid, "text": "missed %d.%d" % (i, k), "silent": True,
                                                   "timestamp": now - (n - i) * 10_000 + k * 1000})
            people.append(psid)
        return people

    def until_all(self, n, budget=20):
        """Run after run, until n of the missed ones are here."""
        try:
            until(lambda: self.st.sync(budget) == 0 and len(self.have()) >= n, 60, 0.2)
        except AssertionError:
            self.fail("%d of %d are here; wanted %s; Pages %s" % (
                len(self.have()), n, self.st.db("SELECT * FROM want"),
                self.st.db("SELECT fb_id, read_at, pause_until, checked_at, pass_started, pass_cursor, pass_top, synced_until FROM page")))

    def have(self):
        return sorted(t for (t,) in self.st.db("SELECT text FROM message WHERE text LIKE 'missed %'"))


class Run(Case):
    def test_one_at_a_time(self):
        self.missed(1)
        self.later(11 * MINUTE)
        self.st.fault({"endpoint": "fb.conversations"}, times=1, delay_ms=2000)
        first = self.start()
        until(lambda: self.st.db("SELECT 1 FROM lease WHERE name = 'engine'"))
        calls = len(self.st.requests())
        began = time.monotonic()
        self.assertEqual(self.st.sync(check=False), 75)
        self.assertLess(time.monotonic() - began, 1.5)
        self.assertLessEqual(len(self.st.requests()) - calls, 1)
        self.assertEqual(first.wait(20), 0)
        self.assertEqual(self.st.db("SELECT * FROM lease"), [])
        self.assertEqual(self.st.sync(check=False), 0)

    def test_a_dead_runs_lease_ends_by_itself(self):
        self.missed(1)
        self.later(11 * MINUTE)
        self.st.fault({"endpoint": "fb.conversations"}, times=1, delay_ms=5000)
        self.st.end(self.killed(), signal.SIGKILL)
        self.assertEqual(self.st.sync(check=False), 75)
        self.later(2 * MINUTE)
        self.assertEqual(self.st.sync(check=False), 0)

    def killed(self):
        p = self.start(30)
        until(lambda: self.st.db("SELECT 1 FROM lease WHERE name = 'engine'"))
        return p

    def test_ledger(self):
        before = self.st.db("SELECT coalesce(max(id), 0) FROM run")[0][0]
        self.missed(2)
        self.later(11 * MINUTE)
        self.st.sync()
        rows = self.st.db("SELECT driver, result, started_at <= ended_at, fetched, calls FROM run WHERE id > ? ORDER BY id", before)
        self.assertEqual(rows[-1][:3], ("cron", "ok", 1))
        # Whoever visited meanwhile may have brought some of it.
        self.assertEqual(sum(r[3] for r in rows), 6)
        self.assertGreater(sum(r[4] for r in rows), 2)

    def test_budget(self):
        self.missed(30, 1)
        self.later(11 * MINUTE)
        self.st.fault({"endpoint": "fb.messages"}, times=0, delay_ms=300)
        began = time.monotonic()
        self.st.sync(3)
        took = time.monotonic() - began
        self.assertLess(took, 5.5)
        some = len(self.have())
        self.assertTrue(0 < some < 30, some)
        self.assertEqual(self.st.db("SELECT count(*) FROM lease"), [(0,)])
        # The next ones go on where it ended.
        self.st.control("faults/clear", {})
        self.until_all(30, 10)
        asked = [r["path"] for r in self.st.requests(endpoint="fb.messages")]
        self.assertLessEqual(len(asked), 30 + 3)

    def test_rate(self):
        """Never more than two reads a second and Page: the sandbox refuses, and counts."""
        self.missed(8, 1)
        self.later(11 * MINUTE)
        self.st.sync(15)
        self.assertEqual(len(self.have()), 8)
        for page in self.st.control("rates")["pages"].values():
            self.assertEqual(page["refused"], 0)
            self.assertLessEqual(page["max_per_second"], 2)


class Catchup(Case):
    def test_newest_first_and_unread(self):
        self.later(5 * MINUTE)
        people = self.missed(6)
        self.later(11 * MINUTE)
        self.st.control("requests/clear", {})
        self.st.sync()
        self.assertEqual(self.have(), sorted("missed %d.%d" % (i, k) for i in range(6) for k in range(3)))
        conv = {c["id"]: c["psid"] for c in self.st.control("state?page=" + PAGE_A)["conversations"]}
        asked = [conv[re.search(r"t_\d+", r["path"]).group()] for r in self.st.requests(endpoint="fb.messages")]
        self.assertEqual(asked, people[::-1])
        page = self.b.get("/inbox").page
        for i, psid in enumerate(people):       # a lost message is news when it comes
            self.assertIn("unread", page.ids["t-%d" % self.st.thread(psid)]["class"])
        self.assertIn("Missed 5", page.text)

    def test_holes_between_known_ones(self):
        texts = ["hole %d" % i for i in range(40)]
        self.later(5 * MINUTE)
        now = self.st.control("clock")["now"]
        for i, t in enumerate(texts):
            self.st.control("customer/write", {"page": PAGE_A, "psid": LIISA, "text": t, "silent": i % 4 == 1, "timestamp": now - (40 - i) * 2000})
        self.st.delivered()
        self.later(11 * MINUTE)
        self.st.sync()
        self.assertEqual([t for (t,) in self.st.db("SELECT text FROM message WHERE text LIKE 'hole %' ORDER BY at, id")], texts)

    def test_what_is_there_is_not_read_again(self):
        self.st.customer("here")
        self.later(11 * MINUTE)
        self.st.sync()
        n = len(self.st.requests(endpoint="fb.messages"))
        for _ in range(3):
            self.later(11 * MINUTE)
            self.st.sync()
        self.assertEqual(len(self.st.requests(endpoint="fb.messages")), n)

    def test_killed_again_and_again(self):
        self.missed(12, 2)
        self.later(11 * MINUTE)
        self.st.fault({"endpoint": "fb.messages"}, times=0, delay_ms=100)
        for _ in range(4):
            n = len(self.st.requests(endpoint="fb.messages"))
            p = self.start(30)
            until(lambda: len(self.st.requests(endpoint="fb.messages")) >= n + 2 or p.poll() is not None, 20)
            self.st.end(p, signal.SIGKILL)
            self.later(2 * MINUTE)
        self.st.control("faults/clear", {})
        self.until_all(24)
        self.assertEqual(self.have(), sorted("missed %d.%d" % (i, k) for i in range(12) for k in range(2)))
        self.assertEqual(self.st.db("PRAGMA quick_check"), [("ok",)])

    def test_throttled_in_the_middle(self):
        """Parked, resumed, and replies go out meanwhile."""
        self.missed(4)
        self.later(11 * MINUTE)
        self.st.fault({"endpoint": "fb.messages"}, times=1, skip=1, status=400, body={"error": {"message": "slow", "code": 80006}})
        self.st.sync(5)
        self.assertLess(len(self.have()), 12)
        calls = len(self.st.requests(endpoint="fb.messages"))
        self.st.sync(3)
        self.assertEqual(len(self.st.requests(endpoint="fb.messages")), calls)
        self.later(2 * MINUTE)
        self.st.sync()
        self.assertEqual(len(self.have()), 12)


    def test_budget_of_the_day(self):
        """Facebook tells how much of it is used: past three quarters reading rests, then goes on where it was."""
        self.missed(4)
        self.later(11 * MINUTE)
        self.st.control("config", {"switches": {"usage_page": 80}})
        self.st.sync(5)
        reads = lambda: len(self.st.requests(endpoint="fb.conversations")) + len(self.st.requests(endpoint="fb.messages"))
        before = reads()
        self.later(14 * MINUTE)
        self.st.sync(5)
        self.assertEqual(reads(), before)
        self.later(2 * MINUTE)
        self.st.sync(5)
        self.assertEqual(reads(), before + 2)       # one for each Page, and it is still too much
        # Replies go out meanwhile.
        psid = self.missed(1)[0]
        self.st.customer("hello", psid=psid)
        self.st.reply(self.b, self.st.thread(psid), "Yes")
        until(lambda: self.st.arrived(psid) == ["Yes"])
        self.st.control("config", {"switches": {"usage_page": 10}})
        self.later(16 * MINUTE)
        self.until_all(15)


class House(Case):
    def test_wal_is_folded_in(self):
        for i in range(30):
            self.st.hook(event_body([message(LIISA, "m_wal.%d.%d" % (i, k), "x" * 500) for k in range(20)]))
        self.assertGreater(os.path.getsize(self.st.path("inbox.db-wal")), 100_000)
        self.st.sync()
        self.assertEqual(os.path.getsize(self.st.path("inbox.db-wal")), 0)
        self.assertEqual(self.st.db("SELECT count(*) FROM message"), [(600,)])

    def test_sweep(self):
        self.st.browser().get("/connect", follow=False)
        self.st.customer("old")
        counts = lambda: [self.st.db("SELECT count(*) FROM " + t)[0][0] for t in ("flow", "session", "event", "message")]
        self.assertEqual([n > 0 for n in counts()], [True] * 4)
        self.later(40 * DAY)
        self.st.sync()
        self.assertEqual(counts()[:3], [0, 0, 0])
        self.assertEqual(counts()[3], 1)

    def test_tokens_are_kept_alive(self):
        sent = lambda: [r for r in self.st.requests(endpoint="pd.token") if r["form"]["grant_type"] == "refresh_token"]
        self.b.submit(self.b.get("/inbox"), "/signout")     # whoever is signed in uses it every hour
        self.later(2 * DAY)
        self.st.sync()
        self.assertEqual(sent(), [])
        self.later(2 * DAY)
        self.st.sync()
        self.assertEqual(len(sent()), 1)
        self.st.sync()
        self.assertEqual(len(sent()), 1)
        self.later(4 * DAY)
        self.st.sync()
        self.assertEqual(len(sent()), 2)
        self.assertTrue(all(r["status"] == 200 for r in sent()))
        self.assertEqual(self.st.db("SELECT active, refresh IS NOT NULL FROM user"), [(1, 1)])

    def test_rotating_refresh_tokens(self):
        self.st.control("config", {"switches": {"pd_rotate_refresh": True}})
        for _ in range(3):
            self.later(4 * DAY)
            self.st.sync()
        got = [r["status"] for r in self.st.requests(endpoint="pd.token")]
        self.assertEqual(got, [200] * 4)

    def test_a_grant_that_is_gone_signs_out(self):
        """A colleague's; the installer's means that the connection left (leave.py)."""
        b, _ = self.st.sign_in(user=ANNA)
        self.st.control("pipedrive/expire", {"company": 9000123, "user": ANNA, "what": "refresh"})
        self.later(4 * DAY)
        self.st.sync()
        self.assertEqual(b.get("/inbox", follow=False).status, 303)
        self.assertEqual(self.st.db("SELECT access, refresh, active FROM user WHERE pd_user_id = ?", ANNA), [(None, None, 0)])
        self.assertEqual(self.b.get("/inbox", follow=False).status, 200)
        _, r = self.st.sign_in(user=ANNA)       # the person comes again
        self.assertTrue(r.url.endswith("/inbox"), r.url)

    def test_a_grant_that_nobody_used(self):
        """Two months without a run: the installer's grant has died of that, and nothing else has."""
        self.later(61 * DAY)
        self.st.sync()
        self.assertEqual(self.st.db("SELECT refresh, active FROM user"), [(None, 0)])
        self.assertEqual(self.st.db("SELECT count(*) FROM leaving"), [(0,)])
        self.assertEqual(self.st.db("SELECT DISTINCT state FROM page"), [("active",)])
        _, r = self.st.sign_in()
        self.assertTrue(r.url.endswith("/inbox"), r.url)

    def test_pipedrive_away_changes_nothing(self):
        self.st.control("config", {"switches": {"pd_away": True}})
        self.later(4 * DAY)
        self.st.sync(5, check=False)
        self.assertEqual(self.st.db("SELECT active, refresh IS NOT NULL FROM user"), [(1, 1)])
        self.st.control("config", {"switches": {"pd_away": False}})
        self.later(2 * MINUTE)
        self.st.sync()
        self.assertEqual(self.b.get("/inbox", follow=False).status, 200)

    def test_facebook_away_changes_nothing(self):
        self.missed(2)
        self.st.control("config", {"switches": {"away": True}})
        self.later(11 * MINUTE)
        self.st.sync(5, check=False)
        self.assertEqual(self.st.db("SELECT DISTINCT state FROM page"), [("active",)])
        self.st.control("config", {"switches": {"away": False}})
        self.later(11 * MINUTE)
        self.st.sync()
        self.assertEqual(len(self.have()), 6)


class Tools(Case):
    def code(self, *args, env=None):
        r = subprocess.run([os.path.join(self.st.build, "inbox-sync")] + list(args), cwd=self.st.dir, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, env=dict(os.environ, **(env or {})))
        return r.returncode, r.stderr

    def conf(self, **change):
        with open(self.st.conf) as f:
            lines = f.readlines()
        path = self.st.path("other.conf")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as f:
            for line in lines:
                name = line.split(" = ")[0]
                if change.get(name, line) is not None:
                    f.write("%s = %s\n" % (name, change[name]) if name in change else line)
            for name in change:
                if not any(line.startswith(name + " ") for line in lines):
                    f.write("%s = %s\n" % (name, change[name]))
        return path

    def test_exit_codes(self):
        good = self.st.conf
        for args, want in ((["-c", good, "--budget", "2"], 0), (["-c", good, "-n"], 0), (["--version"], 0), (["--help"], 0), (["-c", self.st.path("none.conf")], 2),
                           (["-c", self.conf(base_url=None)], 2), (["-c", good, "--budget", "0"], 2), (["-c", good, "--budget", "x"], 2), (["-c", good, "--budget", "99999"], 2),
                           (["-c", good, "--driver", "x"], 2), (["-c", good, "extra"], 2), (["--unheard-of"], 2)):
            with self.subTest(args):
                got, err = self.code(*args)
                self.assertEqual(got, want, err)
                if want:
                    self.assertTrue(err.strip())
                self.assertNotIn(APP_SECRET, err)
        for change in ({"base_url": "ftp://x"}, {"unheard.of": "1"}, {"log_level": "loud"}, {"key_file": "nowhere"}, {"session_days": "many"}, {"facebook.human_agent": "perhaps"}):
            with self.subTest(change):
                got, err = self.code("-c", self.conf(**change))
                self.assertEqual(got, 2 if "log_level" not in change else got, err)
        self.assertNotEqual(self.code("-c", self.conf(database="nowhere/inbox.db"))[0], 0)
        self.assertEqual(self.code(env={"INBOX_CONF": good})[0], 0)

    def test_busy_database(self):
        c = sqlite3.connect(self.st.path("inbox.db"), isolation_level=None)
        c.execute("BEGIN IMMEDIATE")
        try:
            began = time.monotonic()
            got, _ = self.code("-c", self.st.conf, "--budget", "2")
            self.assertEqual(got, 75)
            self.assertLess(time.monotonic() - began, 30)
        finally:
            c.execute("ROLLBACK")
            c.close()
        self.assertEqual(self.code("-c", self.st.conf, "--budget", "2")[0], 0)

    def test_check(self):
        r = self.ctl("check")
        self.assertEqual((r.returncode, r.stdout.count("ok ")), (0, len(r.stdout.splitlines())), r.stdout)
        for change, failed in (({"key_file": "other-keys"}, "keys"), ({"database": "nowhere.db"}, "database"), ({"catalogues": "/nowhere"}, "catalogues")):
            with self.subTest(change):
                r = subprocess.run([os.path.join(self.st.build, "inboxctl"), "-c", self.conf(**change), "check"], cwd=self.st.dir, stdout=subprocess.PIPE, text=True)
                self.assertEqual(r.returncode, 1)
                self.assertTrue(re.search(r"^FAIL +%s" % failed, r.stdout, re.M), r.stdout)
        self.assertEqual(self.ctl().returncode, 2)
        self.assertEqual(self.ctl("dance").returncode, 2)

    def test_check_finds_damage(self):
        self.st.hook(event_body([message(LIISA, "m_d%d" % i, "x" * 1000) for i in range(50)]))
        self.st.sync()
        copy = self.st.path("copy.db")
        self.assertEqual(self.ctl("backup", copy).returncode, 0)
        with open(copy, "r+b") as f:
            for at in range(8192, os.path.getsize(copy), 4096):
                f.seek(at)
                f.write(b"\x55" * 64)
        r = subprocess.run([os.path.join(self.st.build, "inboxctl"), "-c", self.conf(database=copy), "check"], cwd=self.st.dir, stdout=subprocess.PIPE, text=True)
        self.assertEqual(r.returncode, 1)
        self.assertIn("FAIL   database", r.stdout)

    def test_status(self):
        self.st.customer("hi")
        self.st.fault({"endpoint": "fb.send"}, times=1, cut="before")
        self.st.reply(self.b, self.st.thread(), "waits")
        until(lambda: self.st.db("SELECT 1 FROM outbox WHERE state = 'checking'"))
        self.st.hook(b"garbage")
        r = self.ctl("status")
        self.assertEqual(r.returncode, 0)
        for line in (r"last run +20\d\d-", r"replies waiting +1$", r"events held back +1$", r"WAL +\d+ bytes$"):
            self.assertTrue(re.search("^" + line, r.stdout, re.M), (line, r.stdout))
        self.assertNotIn("waits", r.stdout)

    def test_backup_under_traffic(self):
        stop, sent = threading.Event(), []

        def traffic():
            i = 0
            while not stop.is_set():
                i += 1
                if self.st.hook(event_body([message("74000000000000%02d" % (i % 40), "m_b.%d" % i, "t" * 300)])) == 200:
                    sent.append(i)
        threads = [threading.Thread(target=traffic, daemon=True) for _ in range(1)]
        for t in threads:
            t.start()
        try:
            until(lambda: len(sent) > 30)
            for i in range(5):
                path, n = self.st.path("backup%d.db" % i), len(sent)
                r = self.ctl("backup", "--database-only", path)
                self.assertEqual(r.returncode, 0, r.stderr)
                self.assertEqual(os.stat(path).st_mode & 0o077, 0)
                c = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
                self.assertEqual(c.execute("PRAGMA quick_check").fetchall(), [("ok",)])
                self.assertGreaterEqual(c.execute("SELECT count(*) FROM message").fetchone()[0], n)
                self.assertEqual(c.execute("SELECT count(*) FROM page").fetchone()[0], 2)
                c.close()
            self.assertNotEqual(self.ctl("backup", self.st.path("backup0.db")).returncode, 0)     # never over something
            self.assertNotEqual(self.ctl("backup", self.st.path("no", "folder.db")).returncode, 0)
            self.assertEqual(self.ctl("backup").returncode, 2)
        finally:
            stop.set()
            for t in threads:
                t.join(10)
        # Traffic went on all the while, and nothing of it was lost.
        self.assertEqual(self.st.db("SELECT count(*) FROM message"), [(len(sent),)])
        # The copy serves as a database.
        r = subprocess.run([os.path.join(self.st.build, "inboxctl"), "-c", self.conf(database=self.st.path("backup4.db")), "check"], cwd=self.st.dir,
                           stdout=subprocess.DEVNULL)
        self.assertEqual(r.returncode, 0)


class PlainCgi(unittest.TestCase):
    """No resident process at all: every request starts the program anew."""

    def test_the_whole_inbox(self):
        st = self.enterContext(Stand(server="cgi"))
        b = st.browser()
        r = b.get("/")
        self.assertEqual(r.status, 200)
        self.assertIn(say("start.heading"), r.page.text)
        self.assertEqual(b.get("/static/app.css").status, 200)
        self.assertEqual(b.get("/nothing").status, 404)
        b = st.connect("shared")
        st.customer("hello, CGI", psid=JAAN)
        thread = until(lambda: st.thread(JAAN))
        self.assertIn("hello, CGI", b.get("/inbox/%d" % thread).page.text)
        self.assertEqual(st.hook(event_body([message(JAAN, "m_bad", "x")]), signature="sha256=" + "0" * 64), 403)
        r = st.reply(b, thread, "answered by a process that is gone")
        self.assertEqual(r.status, 200)
        until(lambda: st.arrived(JAAN), 20)
        st.delivered()
        self.assertEqual(st.arrived(JAAN), ["answered by a process that is gone"])
        until(lambda: st.db("SELECT state FROM outbox") == [("sent",)])
        # The name and picture were fetched by such a process as well.
        until(lambda: st.db("SELECT 1 FROM thread WHERE name = 'Jaan Kask' AND picture <> ''"), 20)
        r = b.get("/avatar/%d" % thread)
        self.assertEqual((r.status, r.header("Content-Type")), (200, "image/png"))
        tag = b.get("/poll").header("ETag")
        self.assertIn(b.get("/poll", headers={"If-None-Match": tag}).status, (200, 304))
        self.assertEqual(b.request("HEAD", "/inbox").body, b"")
        self.assertEqual(b.submit(b.get("/inbox"), "/language").header("Content-Language"), "ja")

    def test_an_answer_does_not_wait_for_the_work(self):
        st = self.enterContext(Stand(server="cgi"))
        b = st.connect("shared")
        st.customer("hi", psid=JAAN)
        until(lambda: st.db("SELECT 1 FROM thread WHERE name = 'Jaan Kask' AND profile_at = 0"), 20)
        st.fault({"endpoint": "fb.send"}, times=1, delay_ms=4000)
        form = b.get("/inbox/%d" % st.thread(JAAN))
        began = time.monotonic()
        self.assertEqual(b.submit(form, "/reply", {"text": "slow"}, follow=False).status, 303)
        self.assertLess(time.monotonic() - began, 3)
        until(lambda: st.db("SELECT state FROM outbox") == [("sent",)], 20)


if __name__ == "__main__":
    unittest.main()
