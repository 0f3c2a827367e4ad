#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""upgrade - an upgrade and a rollback, killed before each of their steps.

A version with a newer schema takes over, and the version before comes back. Both are
killed before their first step, their second, and so on until none is left. Whatever was
killed when: a new process answers a visitor at once, with all messages there; and the
same command once more comes to the same end as if nothing had happened, with nothing
of the attempt left.
"""
import glob
import os
import shutil
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "http"))
from stand import until  # noqa: E402
from versions import NEXT, Unpacked, pack  # noqa: E402

SLOW = 80

NEW = "versions/messenger-inbox-2"
KILLED = -9
STEPS_MOST = 20


class Kills(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.st = st = Unpacked(procs=1).__enter__()
        cls.addClassCleanup(st.__exit__, None, None, None)
        r = st.ctl("status", fault="count")
        if "fault-points " not in r.stderr:
            sys.exit("upgrade: the programs in %s have no fault points; configure with --enable-fault-injection" % os.environ.get("INBOX_BUILD"))
        st.connect("shared")
        st.customer("kept through all of it")
        st.customer(None, attachments=[{"type": "image", "picture": "cat"}])
        until(lambda: glob.glob(st.path("media/a*")) and not st.db("SELECT 1 FROM attachment WHERE fetch_at > 0"))
        cls.archive = pack(st.packs, "messenger-inbox-2", NEXT)
        st.sync()
        cls.schema = st.schema()
        st.end_workers()
        cls.media = st.media()
        cls.old = cls.state(st.path("old"))

    @classmethod
    def state(cls, to):
        """That moment, to come back to: the database and all versions."""
        st = cls.st
        os.mkdir(to)
        for f in os.listdir(st.dir):
            if f.startswith("inbox.db"):
                shutil.copy2(st.path(f), to)
        shutil.copytree(st.home, os.path.join(to, "home"), symlinks=True)
        return to

    def again_at(self, kept):
        st = self.st
        st.end_workers()
        for f in os.listdir(st.dir):
            if f.startswith("inbox.db"):
                os.unlink(st.path(f))
        for f in os.listdir(kept):
            if f.startswith("inbox.db"):
                shutil.copy2(os.path.join(kept, f), st.dir)
        os.makedirs(st.path("media"), 0o700, exist_ok=True)
        for name, data in self.media.items():
            with open(st.path("media", name), "wb") as f:
                f.write(data)
        shutil.rmtree(st.home, ignore_errors=True)
        shutil.copytree(os.path.join(kept, "home"), st.home, symlinks=True)

    def whole(self, when):
        """A visitor is served, and every message is there."""
        self.assertTrue(self.st.serves(), when)
        texts = [t for (t,) in self.st.db("SELECT text FROM message WHERE text IS NOT NULL")]
        self.assertEqual([t.replace(" (2)", "") for t in texts].count("kept through all of it"), 1, when)
        self.st.end_workers()

    def killed_everywhere(self, kept, args, done, lost=()):
        """The number of steps; `done` says whether all is as it should be in the end.  `lost`: files that are missing before."""
        for n in range(1, STEPS_MOST):
            self.again_at(kept)
            for name in lost:
                os.unlink(self.st.path("media", name))
            r = self.st.ctl(*args, fault="step:%d=kill" % n)
            if r.returncode == 0:
                break
            when = "%s, killed before step %d" % (args[0], n)
            self.assertEqual(r.returncode, KILLED, (when, r.stdout, r.stderr))
            self.whole(when)
            r = self.st.ctl(*args)
            self.assertTrue(r.returncode == 0 or done(), (when, r.stdout, r.stderr))
            self.assertTrue(done(), when)
            self.whole(when + ", and again")
            self.assertEqual(self.st.media(), self.media, when)
            self.assertEqual(self.st.left(), [], when)
        self.assertTrue(done())
        return n - 1

    def test_upgrade_and_rollback(self):
        st = self.st
        n = self.killed_everywhere(self.old, ("upgrade", self.archive),
                                   lambda: (st.link("current"), st.schema()) == (NEW, self.schema + 1))
        self.assertGreaterEqual(n, 9)
        self.again_at(self.old)
        r = st.ctl("upgrade", self.archive)
        self.assertEqual(r.returncode, 0, r.stderr)
        new = self.state(st.path("new"))
        n = self.killed_everywhere(new, ("rollback", "--restore"), lambda: (st.link("current"), st.schema()) == (".", self.schema),
                                   lost=sorted(self.media)[:1])
        self.assertGreaterEqual(n, 5)

    def test_when_removed(self):
        """With the data: it is all there for the next attempt, or all gone."""
        st = self.st
        everything = ("remove", "--data", "--yes")
        conf, keys = st.conf, st.path("keys")
        with open(conf) as f, open(keys) as g:
            texts = f.read(), g.read()
        for n in range(1, 100):
            self.again_at(self.old)
            for path, text in zip((conf, keys), texts):
                with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
                    f.write(text)
            r = st.ctl(*everything, fault="step:%d=kill" % n)
            if r.returncode == 0:
                break
            self.assertEqual(r.returncode, KILLED, (n, r.stdout, r.stderr))
            if os.path.exists(conf):
                r = st.ctl(*everything)
                self.assertEqual(r.returncode, 0, (n, r.stderr))
                self.assertFalse(os.path.exists(st.home), n)
            self.assertFalse(os.path.exists(conf) or os.path.exists(keys), n)
            self.assertEqual([f for f in os.listdir(st.dir) if f.startswith("inbox.db")], [], n)
        self.assertGreater(n, 10)
        self.assertFalse(os.path.exists(st.home))


if __name__ == "__main__":
    unittest.main()
