#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""trying - a newcomer with nothing but README.md: from the ready-made archive to a signed-in inbox.

The commands are README's own, run by an ordinary user in a home folder that holds
the archive; Apache and the sandbox are those that `try` starts.
"""
import os
import re
import shutil
import signal
import subprocess
import unittest

from bundle import archive
from stand import LIISA, PAGE_A, SRC, Stand, free_port, until


def commands():
    """README's first block under "Try it"."""
    with open(os.path.join(SRC, "README.md"), encoding="utf-8") as f:
        section = f.read().split("\n## Try it\n")[1].split("\n## ")[0]
    return re.search(r"\n\n((?:    .*\n)+)", section).group(1).replace("    ", "").splitlines()


class Newcomer(Stand):
    def __init__(self):
        super().__init__()
        self.user = "www-data" if os.getuid() == 0 else None

    def start(self):
        self.port = free_port()
        self.url, self.sandbox = "http://127.0.0.1:%d" % self.port, "http://127.0.0.1:%d" % (self.port + 1)
        self.home = self.path("home")
        os.mkdir(self.home)
        shutil.copy(archive(), self.home)
        if self.user:
            self.own()
        *self.first, last = commands()
        self.go("\n".join(self.first))
        self.top, = [os.path.join(self.home, d) for d in os.listdir(self.home) if not d.endswith(".gz")]
        self.build, self.conf = os.path.join(self.top, "bin"), os.path.join(self.top, "try-data/inbox.conf")
        os.symlink(os.path.join(self.top, "try-data/inbox.db"), self.path("inbox.db"))
        self.last = "exec %s --port %d" % (last, self.port)
        self.tried = self.run_try()

    def env(self):
        return {"PATH": "/usr/bin:/bin", "HOME": self.home, "LC_ALL": "C.UTF-8"}

    def go(self, script):
        r = subprocess.run(["sh", "-e", "-c", script], cwd=self.home, env=self.env(), capture_output=True, text=True, **self.as_user())
        return r.returncode, r.stdout + r.stderr

    def run_try(self):
        with open(self.path("try.log"), "w") as out:
            # Ctrl-C ends what a terminal starts; what a shell starts behind itself would not hear it.
            p = subprocess.Popen(["env", "--default-signal=INT", "sh", "-c", self.last], cwd=self.home, env=self.env(), stdout=out, stderr=subprocess.STDOUT,
                                 **self.as_user())
        self.children.append(p)
        until(lambda: p.poll() is not None or "Ctrl-C" in self.log("try.log"), 60)
        if p.poll() is not None:
            raise AssertionError(self.log("try.log"))
        return p

    def running(self):
        """Programs whose command names this archive or its data."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    if self.top.encode() in f.read():
                        found.append(pid)
            except OSError:
                pass
        return found


class Readme(unittest.TestCase):
    def test_what_is_missing_is_said_in_both_languages(self):
        """Python itself, and what is found out with it."""
        program = os.path.join(SRC, "bundle/try")
        for argv, env, words in ((["/bin/sh", program], {"PATH": "/nowhere"}, "apt install python3"),
                                 ([program, "--port", "99999"], dict(os.environ), "")):
            r = subprocess.run(argv, env=env, capture_output=True, text=True, **({"user": "www-data", "group": "www-data", "extra_groups": []}
                                                                                 if os.getuid() == 0 else {}))
            english, japanese = r.stderr.splitlines()
            self.assertEqual(r.returncode, 1)
            self.assertTrue(english.isascii() and not japanese.isascii(), r.stderr)
            for line in (english, japanese):
                self.assertTrue(line.startswith("try: ") and words in line, line)

    def test_signed_in_with_its_commands(self):
        self.assertLessEqual(len(commands()), 5)
        with Newcomer() as st:
            self.assertIn(st.url, st.log("try.log"))
            b = st.connect(pages=[PAGE_A])
            r = b.get("/inbox")
            self.assertEqual(r.status, 200)
            st.customer("Do you open on Sunday?", psid=LIISA)
            until(lambda: st.db("SELECT 1 FROM message WHERE text = 'Do you open on Sunday?'"))
            thread = st.thread(LIISA)
            st.reply(b, thread, "From ten to four.")
            until(lambda: "From ten to four." in st.arrived(LIISA), 30)
            self.assertEqual(b.get("/static/app.css").status, 200)
            self.assertIn(b.get("/inbox.conf").status, (303, 401, 403, 404))

            # It ends as a whole, and goes on where it was.
            st.end(st.tried, signal.SIGINT, 20)
            until(lambda: not st.running(), 20)
            said = st.go(st.last.replace("--port %d" % st.port, "--port %d" % (st.port + 2)))
            self.assertEqual((said[0], "belongs to port %d" % st.port in said[1]), (1, True), said)
            st.last = st.last.replace(" --port %d" % st.port, "")
            st.tried = st.run_try()
            self.assertEqual(b.get("/inbox/%d" % thread).status, 200)
            st.end(st.tried, signal.SIGTERM, 20)
            until(lambda: not st.running(), 20)

            # The trial is one folder; nothing else was written.
            shutil.rmtree(os.path.join(st.top, "try-data"))
            self.assertFalse(os.path.exists(os.path.join(st.top, "etc")) or os.path.exists(os.path.join(st.top, "var")))
            new = [os.path.join(folder, f) for folder, _, files in os.walk(st.home) for f in files
                   if not os.path.join(folder, f).startswith(st.top)]
            self.assertEqual([f for f in new if not f.endswith(".tar.gz")], [])

    def test_not_as_root(self):
        """Root, or who is taken for it."""
        as_root = [] if os.getuid() == 0 else ["/usr/bin/unshare", "-Ur"]
        r = subprocess.run(as_root + ["/usr/bin/python3", os.path.join(SRC, "bundle/try")], capture_output=True, text=True)
        self.assertEqual((r.returncode, "ordinary user" in r.stderr), (1, True), r.stderr)


if __name__ == "__main__":
    unittest.main()
