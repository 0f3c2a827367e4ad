# SPDX-License-Identifier: MIT
"""storage - a full disk is a refusal, not a loss; and the way back from a backup.

Proved on a small tmpfs (where one may be mounted) and, as any user, with
workers whose files may not grow: pages still show, what would write answers
503 with a sentence, webhooks 503 so that they come again, nothing is half
there, and all goes on without a restart once there is room.  A file that
could not be saved is fetched later.  The WAL stays bounded under load.  A
disk that is read-only at start, files that others may read, restoring.
"""
import glob
import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import unittest

from stand import ANNA, LIISA, PAGE_A, Stand, event_body, message, say, until

MIB = 1 << 20


def mount(folder, *args):
    return subprocess.run(["mount", *args, folder], stderr=subprocess.DEVNULL).returncode == 0


class Limited(Stand):
    """Files of the workers may grow no further: what any user can have."""

    def fill(self, to=1):
        for p in self.workers:
            resource.prlimit(p.pid, resource.RLIMIT_FSIZE, (to, resource.RLIM_INFINITY))

    def free(self):
        for p in self.workers:
            resource.prlimit(p.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


class Small(Stand):
    """The database on a disk of 8 MiB."""

    def __init__(self, **kw):
        super().__init__(conf={"database": "disk/inbox.db"}, **kw)

    def write_conf(self):
        os.mkdir(self.path("disk"), 0o700)
        self.mounted = mount(self.path("disk"), "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs")
        super().write_conf()

    def __exit__(self, *exc):
        try:
            return super().__exit__(*exc)
        finally:
            if self.mounted:
                subprocess.run(["umount", self.path("disk")], check=True)
                shutil.rmtree(self.dir, ignore_errors=True)

    def db(self, sql, *args):
        c = sqlite3.connect("file:%s?mode=ro" % self.path("disk/inbox.db"), uri=True, timeout=10)
        try:
            return c.execute(sql, args).fetchall()
        finally:
            c.close()

    def fill(self):
        with open(self.path("disk/filler"), "wb", buffering=0) as f:
            try:
                while f.write(b"x" * 4096) == 4096:
                    pass
            except OSError:
                pass

    def free(self):
        os.unlink(self.path("disk/filler"))


def can_mount():
    if os.getuid() != 0:
        return False
    d = "/tmp/inbox-mount-%d" % os.getpid()
    os.mkdir(d, 0o700)
    try:
        if not mount(d, "-t", "tmpfs", "-o", "size=1m", "tmpfs"):
            return False
        subprocess.run(["umount", d], check=True)
        return True
    finally:
        os.rmdir(d)


def ctl(st, *args, conf=None):
    r = subprocess.run([os.path.join(st.build, "inboxctl"), "-c", conf or st.conf, *args],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=st.dir)
    assert "Sanitizer" not in r.stderr, r.stderr
    return r


class Full(unittest.TestCase):
    disks = [Limited] + ([Small] if can_mount() else [])

    def refused(self, st):
        """No room: what people and Facebook see meanwhile."""
        b = st.connect("shared")
        st.customer("before")
        thread = st.thread()
        other, r = st.sign_in(user=ANNA)
        other.submit(r, "/language", {"lang": "ja"})
        form = b.get("/inbox/%d" % thread)
        pids = [p.pid for p in st.workers]
        tables = ("message", "thread", "event", "outbox", "quarantine", "attachment")
        counts = lambda: [st.db("SELECT count(*) FROM %s" % t) for t in tables]
        before = counts()
        body = event_body([message(LIISA, "m_full.%d" % i, "held back %d" % i) for i in range(3)])
        odd = event_body([{"sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "timestamp": 1795341600000, "new": {}}])
        st.fill()
        for _ in range(4):
            self.assertEqual(st.hook(body), 503)
            self.assertEqual(st.hook(odd), 503, "the shelf is no way round")
            self.assertEqual(st.hook(b"no json"), 503)
            r = b.submit(form, "/reply", {"text": "not yet"})
            self.assertEqual(r.status, 503)
            self.assertIn(say("problem.storage"), r.page.text)
            self.assertEqual(b.get("/inbox/%d" % thread).status, 200)
            self.assertEqual(b.get("/inbox").status, 200)
            self.assertEqual(b.get("/poll?thread=%d" % thread).status, 200)
        r = other.submit(other.get("/inbox/%d" % thread), "/reply", {"text": "not yet"})
        self.assertEqual((r.status, say("problem.storage", "ja") in r.page.text), (503, True))
        r = b.submit(form, "/language", {"lang": "ja"})
        self.assertEqual(r.status, 503)
        self.assertEqual(counts(), before, "nothing is half there")
        st.free()
        self.assertEqual(st.hook(body), 200)
        self.assertEqual(st.hook(odd), 200)
        # What came meanwhile is shown before anything is sent.
        r = b.submit(form, "/reply", {"text": "now it goes"})
        self.assertEqual(r.status, 409)
        r = b.submit(r, "/reply", {"text": "now it goes"})
        self.assertEqual(r.status, 200)
        until(lambda: "now it goes" in st.arrived())
        self.assertNotIn("not yet", st.arrived())
        page = b.get("/inbox/%d" % thread).page.text
        for i in range(3):
            self.assertIn("held back %d" % i, page)
        self.assertEqual([p.pid for p in st.workers if p.poll() is None], pids, "no worker ended")
        self.assertIn("ok     database", ctl(st, "check").stdout)

    def test_full(self):
        for disk in self.disks:
            with self.subTest(disk.__name__), disk() as st:
                self.refused(st)

    def test_started_full(self):
        """A program that starts on a full disk still shows what there is."""
        if Small not in self.disks:
            self.disks_as_user()
            return
        with Small() as st:
            b = st.connect("shared")
            st.fill()
            st.kill_workers()
            until(st.answers)
            self.assertEqual(b.get("/inbox").status, 200)
            self.assertEqual(st.hook(event_body([message(LIISA, "m_1", "x")])), 503)
            self.assertIn(st.sync(check=False), (1, 75))
            st.free()
            self.assertEqual(st.hook(event_body([message(LIISA, "m_1", "x")])), 200)
            st.sync()

    def disks_as_user(self):
        with Limited() as st:
            st.connect("shared")
            r = subprocess.run(["sh", "-c", "ulimit -f 0; exec \"$0\" -c \"$1\" 2>/dev/null",
                                os.path.join(st.build, "inbox-sync"), st.conf])
            self.assertIn(r.returncode, (1, 75))
            st.sync()

    def test_media(self):
        """No room for a file: no pieces are left, and it is fetched when there is."""
        with Limited() as st:
            b = st.connect("shared")
            until(lambda: not st.db("SELECT 1 FROM attachment WHERE fetch_at > 0"))
            st.sync()               # its checkpoint empties the WAL
            big = {"type": "file", "name": "plan.pdf", "mime": "application/pdf", "data": "JVBERi0xLjQK" * 60000}
            st.fill(to=400_000)     # enough for the rows, not for the file
            st.customer(None, attachments=[big])
            key = until(lambda: st.db("SELECT thread_id, msg_id, n FROM attachment WHERE name = 'plan.pdf'"))[0]
            row = lambda: st.db("SELECT file, tries, fetch_at FROM attachment WHERE thread_id = ? AND msg_id = ? AND n = ?", *key)[0]
            until(lambda: row()[1] >= 1 and "cannot save an answer" in st.log())
            until(lambda: row()[2] > 0)
            self.assertIsNone(row()[0], "not given up")
            self.assertEqual(glob.glob(st.path("media", ".*")), [])
            # Even after more attempts than an address that is gone would get.
            ahead = 0
            for _ in range(8):
                ahead += 3600_000
                st.clock(ahead)
                tries = row()[1]
                self.assertEqual(subprocess.run(["sh", "-c", "ulimit -f 900; exec \"$0\" -c \"$1\" --budget 5 2>>worker.log",
                                                 os.path.join(st.build, "inbox-sync"), st.conf], cwd=st.dir).returncode, 0)
                until(lambda: row()[1] > tries)
            self.assertIsNone(row()[0], "not given up")
            self.assertEqual(glob.glob(st.path("media", ".*")), [])
            st.free()
            st.clock(ahead + 3600_000)
            st.sync()
            self.assertTrue(row()[0])
            self.assertEqual(b.get("/media/%d/%d/%d" % key).status, 200)
            # What a killed process left is swept, a piece still being written is not.
            for name, age in ((".a1-2-3.99", 7200), (".a1-2-4.99", 10), ("other", 7200)):
                with open(st.path("media", name), "w") as f:
                    f.write("x")
                os.utime(f.name, (os.stat(f.name).st_mtime - age,) * 2)
            st.sync()
            self.assertEqual([os.path.exists(st.path("media", n)) for n in (".a1-2-3.99", ".a1-2-4.99", "other")],
                             [False, True, True])


class Bounded(unittest.TestCase):
    def test_wal(self):
        """Workers that are never idle, and no cron: the WAL stays near its bound."""
        with Stand(procs=1) as st:
            st.connect("shared")
            filler, most = "y" * 940_000, 0
            for i in range(60):
                body = event_body([{"sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "timestamp": 1795341600000 + i,
                                    "new": {"text": filler}}])
                self.assertEqual(st.hook(body), 200)
                most = max(most, os.path.getsize(st.path("inbox.db-wal")))
            self.assertGreater(most, 64 * MIB, "the bound was reached")
            for _ in range(16):
                st.browser().get("/")
            self.assertLess(os.path.getsize(st.path("inbox.db-wal")), 64 * MIB)
            self.assertLess(most, 112 * MIB)
            self.assertEqual(st.db("SELECT count(*) FROM quarantine"), [(60,)])


class Start(unittest.TestCase):
    def test_read_only(self):
        """Read-only at start: a 503, and back when it is writable."""
        with (Small() if can_mount() else Stand()) as st:
            b = st.connect("shared")
            for p in st.workers:
                st.end(p)
            if can_mount():
                self.assertTrue(mount(st.path("disk"), "-o", "remount,ro"))
            else:
                os.chmod(st.path("inbox.db"), 0o400)
                os.chmod(st.path("inbox.db-lock"), 0o400)
            st.workers = [st.start_worker()]
            self.assertEqual(until(lambda: st.hook(event_body([message(LIISA, "m_1", "x")]))), 503)
            self.assertEqual(b.get("/inbox").status, 503)
            self.assertEqual(st.sync(check=False), 2)
            if can_mount():
                self.assertTrue(mount(st.path("disk"), "-o", "remount,rw"))
            else:
                os.chmod(st.path("inbox.db"), 0o600)
                os.chmod(st.path("inbox.db-lock"), 0o600)
            st.kill_workers()
            until(lambda: b.get("/inbox").status == 200)
            self.assertEqual(st.hook(event_body([message(LIISA, "m_1", "x")])), 200)

    def test_others_may_read(self):
        with Stand() as st:
            for name, mode in (("inbox.db", 0o644), ("keys", 0o640)):
                os.chmod(st.path(name), mode)
                r = ctl(st, "check")
                self.assertEqual(r.returncode, 1)
                self.assertRegex(r.stdout, r"FAIL .*%s: others have access \(mode %03o, should be 600\)" % (name, mode))
                r = subprocess.run([os.path.join(st.build, "inbox.fcgi"), "-n", "-c", st.conf], stderr=subprocess.PIPE, text=True,
                                   stdin=subprocess.DEVNULL)
                self.assertEqual(r.returncode, 2)
                self.assertIn("others have access", r.stderr)
                self.assertEqual(st.sync(check=False), 2)
                os.chmod(st.path(name), 0o600)
            self.assertEqual(ctl(st, "check").returncode, 0)

    def test_daily_check(self):
        with Stand() as st:
            self.assertIn("database check    never", ctl(st, "status").stdout)
            st.sync()
            (first,), = st.db("SELECT at FROM note WHERE key = 'check' AND value = 'ok'")
            st.sync()
            self.assertEqual(st.db("SELECT at FROM note WHERE key = 'check'"), [(first,)], "once a day")
            st.clock(25 * 3600_000)
            st.sync()
            self.assertGreater(st.db("SELECT at FROM note WHERE key = 'check'")[0][0], first)
            self.assertIn("database check    ok, ", ctl(st, "status").stdout)


class Restore(unittest.TestCase):
    def other_conf(self, st, **change):
        """The same set-up, but for some settings."""
        with open(st.conf) as f:
            lines = [line for line in f if line.split(" = ")[0] not in change]
        path = st.path("other.conf")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.writelines(lines + ["%s = %s\n" % kv for kv in change.items()])
        return path

    def test_back(self):
        with Stand() as st:
            st.connect("shared")
            st.customer("kept in the backup")
            r = ctl(st, "backup", "--database-only", "copy.db")
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertEqual(stat.S_IMODE(os.stat(st.path("copy.db")).st_mode), 0o600)
            self.assertEqual(ctl(st, "backup", "--database-only", "copy.db").returncode, 2, "not overwritten")
            self.assertEqual(glob.glob(st.path("copy.db?*")), [])
            st.customer("after it")

            # In use, or there: refused.
            r = ctl(st, "restore", "copy.db")
            self.assertEqual((r.returncode, "running" in r.stderr), (1, True), r.stderr)
            for p in list(st.workers):
                st.end(p)
            r = ctl(st, "restore", "copy.db")
            self.assertEqual((r.returncode, "not overwritten" in r.stderr), (2, True), r.stderr)

            # Other keys open nothing: refused before anything is there.
            os.mkdir(st.path("new"), 0o700)
            conf = self.other_conf(st, database="new/inbox.db", key_file="new/keys")
            self.assertEqual(ctl(st, "restore", "copy.db", conf=conf).returncode, 2, "no keys at all")
            other = self.other_conf(st, database="new/x.db", key_file="new/keys")
            self.assertEqual(ctl(st, "init", conf=other).returncode, 0)
            conf = self.other_conf(st, database="new/inbox.db", key_file="new/keys")
            r = ctl(st, "restore", "copy.db", conf=conf)
            self.assertEqual((r.returncode, "key file" in r.stderr), (2, True), r.stderr)
            self.assertEqual(glob.glob(st.path("new/inbox.db")), [])

            conf = self.other_conf(st, database="new/inbox.db")
            r = ctl(st, "restore", "copy.db", conf=conf)
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertIn("opens its tokens", r.stdout)
            self.assertEqual(ctl(st, "check", conf=conf).returncode, 0)
            # The inbox goes on from there, and Facebook fills the gap.
            for tail in ("", "-wal", "-shm"):
                os.rename(st.path("inbox.db" + tail), st.path("old.db" + tail))
            r = ctl(st, "restore", "copy.db")
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertEqual(st.db("SELECT count(*) FROM message WHERE text = 'after it'"), [(0,)])
            st.kill_workers()
            until(st.answers)
            st.clock(30 * 60_000)
            st.sync()
            self.assertEqual(st.db("SELECT count(*) FROM message WHERE text IN ('kept in the backup', 'after it')"), [(2,)])
            self.assertEqual(ctl(st, "restore").returncode, 2)
            self.assertEqual(ctl(st, "restore", "nowhere.db", conf=self.other_conf(st, database="new/y.db")).returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=1)
