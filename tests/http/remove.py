#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""remove - what set-up made goes again, and nothing else.

On a shared host, unpacked and set up, with a line in crontab, somebody's own file in the
web folder and an upgrade behind it: what would go is shown and nothing is touched; then it
goes and data stays; the archive unpacked again finds all of it; then the data goes as well.
"""
import os
import subprocess
import unittest

import setup as setup_tests
from bundle import archive
from setup import Hosting
from stand import say, until


class Remove(unittest.TestCase):
    def test_shown_then_removed(self):
        setup_tests.PACKED = archive()
        with Hosting() as st:
            env = {"PATH": st.path("programs") + ":/usr/bin:/bin", "HOME": st.home}

            def ctl(*args):
                return subprocess.run([os.path.join(st.build, "inboxctl"), *args], capture_output=True, text=True, cwd=st.home,
                                      stdin=subprocess.DEVNULL, env=env, **st.as_user())

            rc, said = st.setup("--answers", st.answers(cron="yes"))
            self.assertEqual(rc, 0, said)
            b = st.connect(company=9000123)
            st.customer("kept")
            st.file(os.path.join(st.web, "robots.txt"), "somebody's own")
            until(lambda: st.db("SELECT 1 FROM message WHERE text = 'kept'"))
            data = [st.conf, st.top + "/etc/messenger-inbox/keys", st.top + "/var/messenger-inbox/inbox.db"]

            before = st.tree()
            r = ctl("remove")
            self.assertEqual((r.returncode, st.tree()), (0, before), r.stderr)
            self.assertIn(say("remove.nothing"), r.stdout)
            self.assertIn(say("remove.data_stays"), r.stdout)
            for f in (st.web + "/.htaccess", st.web + "/static/app.css", st.top + "/lib/messenger-inbox"):
                self.assertIn(say("remove.would", path=f) + "\n", r.stdout)
            for f in data:
                self.assertIn(say("remove.stays", path=f) + "\n", r.stdout)
                self.assertNotIn(say("remove.would", path=f) + "\n", r.stdout)
            self.assertIn(say("remove.would", path=data[2]) + "\n", ctl("remove", "--data").stdout)
            self.assertEqual(ctl("remove", "--all").returncode, 2)

            r = ctl("remove", "--yes")
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertTrue(r.stdout.endswith(say("remove.done") + "\n"), r.stdout)
            self.assertEqual(os.listdir(st.web), ["robots.txt"])
            self.assertEqual(sorted(os.listdir(st.top)), ["etc", "var"])
            for f in data:
                self.assertTrue(os.path.exists(f), f)
            with open(st.path("crontab")) as f:
                self.assertEqual(f.read(), "# somebody's own\n")

            # Unpacked again, it is as it was.
            subprocess.run(["tar", "-xzf", setup_tests.PACKED, "-C", st.home, "--no-same-owner"], check=True)
            if st.user:
                st.own()
            os.unlink(st.web + "/robots.txt")
            rc, said = st.setup("--answers", st.answers())
            self.assertEqual(rc, 0, said)
            self.assertEqual(b.get("/inbox").status, 200)
            self.assertEqual(st.db("SELECT count(*) FROM message WHERE text = 'kept'"), [(1,)])

            # With the data, and what dead processes left of it; who has it open is made to end first.
            var = os.path.dirname(data[2])
            st.file(var + "/inbox.db.before-messenger-inbox-2.part-99999999", "half a backup")
            st.file(var + "/inbox.db.copy-99999999", "a copy for one")
            for d in ("/media.back-99999999", "/inbox.db.trial-99999999"):
                os.mkdir(var + d)
                st.file(var + d + "/inbox.db", "a copy")
            if st.user:
                st.own()
            r = ctl("remove", "--data", "--yes")
            self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
            self.assertFalse(os.path.exists(st.top), os.path.exists(st.top) and os.listdir(st.top))
            self.assertFalse(os.path.exists(st.web))
            self.assertEqual(os.listdir(st.public), [])


if __name__ == "__main__":
    unittest.main()
