#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""source - from the sources to an inbox that answers: configure, make install, inboxctl setup.

An ordinary user with a copy of the sources, an empty prefix and a web folder under
Apache; the same proofs as for the ready-made archive (setup.py), and the same layout.
"""
import glob
import os
import shutil
import subprocess
import tarfile
import unittest

from bundle import archive
from setup import Hosting, key
from stand import LIISA, PAGE_A, SRC, until

# Not part of the sources, or not part of what is built here.
LEFT = ("build-check*", "build-demo*", "demo-data", ".git", "autom4te.cache", "messenger-inbox-[0-9]*")

SLOW = 290


class Built(Hosting):
    """The host of setup.py; instead of an archive there are the sources."""

    def unpack(self):
        self.sources, self.top = self.path("home/sources"), self.path("home/messenger-inbox")
        shutil.copytree(SRC, self.sources, ignore=shutil.ignore_patterns(*LEFT), symlinks=True)
        if self.user:
            self.own()
        # Optimised it would take longer, and be the same.
        before = self.tracked()
        for command in ("./configure -q --prefix=$HOME/messenger-inbox CFLAGS=-O0", "make -s -j2", "make -s install",
                        "make -s bundle CFLAGS=-O0", "CFLAGS=-O0 make -s deb"):
            self.make(command)
        # A build in the sources takes nothing of them away.
        if before - self.tracked():
            raise AssertionError("gone: %s" % sorted(before - self.tracked()))
        for kind in ("tar.gz", "deb"):
            if not glob.glob(self.sources + "/messenger-inbox*." + kind):
                raise AssertionError("no ." + kind)

    def make(self, command):
        """What it said."""
        r = subprocess.run(["sh", "-c", command], cwd=self.sources, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                           env={"PATH": os.environ["PATH"], "HOME": self.home}, **self.as_user())
        if r.returncode:
            raise AssertionError(command + ": " + r.stdout[-1000:] + r.stderr[-3000:])
        return r.stdout + r.stderr

    def tracked(self):
        return {os.path.join(folder, f) for folder, _, files in os.walk(self.sources) for f in files}


class Source(unittest.TestCase):
    def test_from_the_sources_to_an_answer(self):
        with Built() as st:
            before = st.tree()
            rc, said = st.setup("--answers", st.answers(cron="yes"))
            self.assertEqual(rc, 0, said)
            for promise in ("page", "static", "secrets", "challenge", "credentials", "large"):
                self.assertIn(key("mark_ok") + " " + key(promise), said)
            new = set(st.tree()) - set(before)
            self.assertEqual([f for f in new if not f.startswith((st.web, st.top + "/etc", st.top + "/var"))], [])
            self.assertEqual(st.mode(st.conf), 0o600)
            with open(st.path("crontab")) as f:
                self.assertIn("* * * * * %s/bin/inbox-sync -c %s --budget 50\n" % (st.top, st.conf), f.read())
            b = st.connect(pages=[PAGE_A])
            st.customer("Do you open on Sunday?")
            st.reply(b, until(st.thread), "From ten to four.")
            until(lambda: st.db("SELECT state FROM outbox") == [("sent",)])
            self.assertEqual(st.arrived(LIISA), ["From ten to four."])
            rc, said = st.setup()
            self.assertEqual(rc, 0, said)
            self.assertIn(key("end_same"), said)

            self.upgrade(st, b)

            # What both ways install lies in the same places.
            with tarfile.open(archive()) as t:
                packed = {m.name.partition("/")[2] for m in t.getmembers() if m.isfile()}
            own = ("lib/", "share/messenger-inbox/zoneinfo/", "share/messenger-inbox/sandbox/", "share/doc/messenger-inbox/libraries/", "try")
            built = {os.path.relpath(n, st.top) for n in before if n.startswith(st.top + "/") and os.path.isfile(n)}
            self.assertEqual({n for n in built if not n.startswith(own)}, {n for n in packed if not n.startswith(own)})

    def upgrade(self, st, b):
        """Installed over itself: the program that is there makes a backup before it goes."""
        backup, program = st.top + "/var/messenger-inbox/before-upgrade.backup", st.top + "/bin/inboxctl"
        os.rename(program, program + ".former")
        st.file(program, '#!/bin/sh\necho "$3" >>"$0.asked"\nexec "$0.former" "$@"\n', 0o755)
        self.assertFalse(os.path.exists(backup))
        self.assertIn("a backup from before this upgrade is " + backup, st.make("make -s install"))
        with open(program + ".asked") as f:
            self.assertEqual(f.read(), "backup\n")
        self.assertEqual(st.mode(backup), 0o600)
        r = st.ctl("backup", "--drill", backup)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        self.assertEqual(b.get("/inbox").status, 200)


if __name__ == "__main__":
    unittest.main()
