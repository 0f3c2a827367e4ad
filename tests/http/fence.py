# SPDX-License-Identifier: MIT
"""fence - the programs work behind their fence: workers, plain CGI and scheduled runs.

Proved: a worker says what it has; privileges and limits are those of fence.h;
names of hosts are looked up, files are fetched into a folder that was not there,
copies are made, with a database behind a link; with `fence = no` nothing of it
is in force.  What is out of reach behind it: tests/unit/fence.c.
"""
import os
import re
import unittest

from stand import LIISA, PAGE_A, Stand, until


class Named(Stand):
    """The services have a name that has to be looked up; the database is behind a link."""

    def write_conf(self):
        self.sandbox = self.sandbox.replace("127.0.0.1", "localhost")
        os.makedirs(self.path("disk"), mode=0o700)
        os.symlink(self.path("disk", "real.db"), self.path("inbox.db"))
        super().write_conf()


def proc(pid, file, name):
    with open("/proc/%s/%s" % (pid, file)) as f:
        return re.search(r"^%s:?\s+(\S+)" % name, f.read(), re.M).group(1)


class Fence(unittest.TestCase):
    def goes_on(self, st):
        """Whatever reaches out: connecting, a picture, a reply, a copy."""
        b = st.connect("shared")
        st.control("customer/write", {"page": PAGE_A, "psid": LIISA, "attachments": [{"type": "image"}]})
        st.delivered()
        st.sync()
        name = until(lambda: st.db("SELECT file FROM attachment WHERE file IS NOT NULL"), 20)[0][0]
        self.assertTrue(os.path.exists(st.path("elsewhere", name)), "media_dir was not made")
        thread = st.db("SELECT id FROM thread WHERE psid = ?", LIISA)[0][0]
        st.reply(b, thread, "from behind the fence")
        until(lambda: st.db("SELECT 1 FROM outbox WHERE state = 'sent'"), 20)
        self.assertEqual(b.submit(b.get("/settings/export"), "/settings/export").status, 200)
        st.sync()
        until(lambda: st.db("SELECT 1 FROM export WHERE state = 'ready'"), 20)

    def test_workers(self):
        with Named(conf={"media_dir": "elsewhere"}) as st:
            self.goes_on(st)
            told = re.findall(r" (info|warn) fence .*landlock=(\S+)(.*)", st.log())
            self.assertEqual(len(told), len(st.workers), st.log())
            for level, version, why in told:
                self.assertEqual(level, "warn" if version == "none" else "info")
                self.assertEqual("why=" in why, version == "none")
            pid = st.workers[0].pid
            self.assertEqual(proc(pid, "status", "NoNewPrivs"), "1")
            self.assertEqual(proc(pid, "limits", "Max core file size"), "0")
            self.assertLessEqual(int(proc(pid, "limits", "Max open files")), 256)

    def test_plain_cgi(self):
        with Named("cgi", conf={"media_dir": "elsewhere"}) as st:
            self.goes_on(st)
            self.assertNotRegex(st.log(), r" (info|warn) fence ")
            self.assertRegex(st.log(), r" debug fence ")

    def test_left_out(self):
        with Stand(conf={"fence": "no"}) as st:
            pid = st.workers[0].pid
            self.assertEqual((proc(pid, "status", "NoNewPrivs"), proc(pid, "limits", "Max open files")),
                             (proc("self", "status", "NoNewPrivs"), proc("self", "limits", "Max open files")))
            self.assertNotRegex(st.log(), r" fence ")


if __name__ == "__main__":
    unittest.main()
