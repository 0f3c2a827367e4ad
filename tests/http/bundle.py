#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bundle - the ready-made archive, as an ordinary user on a system that has nothing.

The archive is unpacked into an empty folder, which becomes the root of the file
system (chroot): no C library, no loader, no zones, no certificates, no shell but a
static one.  There the inbox goes the whole way.
"""
import fcntl
import glob
import os
import pwd
import re
import shutil
import subprocess
import tarfile
import unittest

from stand import AOZORA, ASID_MISAKI, MISAKI, PAGE_C, SRC, TAKAHASHI, Stand, _build, until


def made_by(target, pattern):
    """What `make TARGET` makes of the folder of that name; anew when something in it is newer."""
    build = _build()
    lock = open(os.path.join(build, target + ".lock"), "w")     # another test may be making it
    fcntl.flock(lock, fcntl.LOCK_EX)
    made = glob.glob(os.path.join(build, pattern))
    parts = [os.path.join(build, p) for p in ("inbox.fcgi", "inbox-sync", "inboxctl")]
    parts += [f for d in (target, "docs/servers", "po", "static", "templates", "web") for f in glob.glob(os.path.join(SRC, d, "*"))]
    if len(made) != 1 or os.path.getmtime(made[0]) < max(os.path.getmtime(p) for p in parts):
        subprocess.run(["make", "-s", "-C", build, target], check=True, stdout=subprocess.DEVNULL)
    lock.close()
    made, = glob.glob(os.path.join(build, pattern))
    return made


def archive():
    return made_by("bundle", "messenger-inbox-*-linux-*.tar.gz")


class Bare(Stand):
    """A stand whose programs see nothing but the stand's folder."""

    def __init__(self, packed):
        super().__init__()
        self.packed = packed
        self.user = "www-data" if os.getuid() == 0 else None

    def settle_in(self):
        self.unpack()

    def unpack(self):
        subprocess.run(["tar", "-xzf", self.packed, "-C", self.dir, "--no-same-owner"], check=True)
        self.top = os.path.basename(self.packed)[:-len(".tar.gz")]
        os.mkdir(self.path("bin"))
        shutil.copy2("/bin/busybox", self.path("bin/sh"))
        self.from_outside("/" + self.top, "/inbox.conf")

    def from_outside(self, top, conf):
        """What the stand calls as inboxctl and inbox-sync with a configuration of outside."""
        self.build = self.path("outside")
        os.mkdir(self.build)
        for name in ("bin/inboxctl", "bin/inbox-sync", "libexec/messenger-inbox/inbox.fcgi"):
            script = os.path.join(self.build, os.path.basename(name))
            with open(script, "w") as f:
                f.write("#!/bin/sh\n[ $# -lt 2 ] || { shift 2; set -- -c %s \"$@\"; }\n"
                        "INBOX_CONF=%s exec %s %s/%s \"$@\"\n" % (conf, conf, self.inside(), top, name))
            os.chmod(script, 0o755)

    def inside(self):
        if not self.user:
            return "/usr/bin/unshare -Ur /usr/sbin/chroot " + self.dir
        who = pwd.getpwnam(self.user)
        return "/usr/sbin/chroot --userspec=+%d:+%d --groups=+%d %s" % (who.pw_uid, who.pw_gid, who.pw_gid, self.dir)

    def as_user(self):
        return {}               # chroot drops the rights itself

    def write_conf(self):
        if not self.user:
            self.unpack()
        self.extra_conf = {"templates": "", "catalogues": "", "static_dir": ""}
        super().write_conf()


class Bundle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.packed = archive()

    def test_what_is_in_it(self):
        with tarfile.open(self.packed) as t:
            members = t.getmembers()
        top = {m.name.split("/")[0] for m in members}
        self.assertEqual(len(top), 1)
        for m in members:
            self.assertTrue(m.isdir() or m.isfile() or m.issym() or m.islnk(), m.name)
            self.assertFalse(m.mode & 0o022, m.name)
            self.assertEqual((m.uid, m.gid), (0, 0), m.name)
        names = {m.name.partition("/")[2] for m in members}
        for name in ("bin/inboxctl", "bin/inbox-sync", "libexec/messenger-inbox/inbox.fcgi", "lib/messenger-inbox/loader",
                     "lib/messenger-inbox/libcurl.so.4", "share/messenger-inbox/templates/inbox.html",
                     "share/messenger-inbox/po/ja.po", "share/messenger-inbox/web/htaccess",
                     "share/messenger-inbox/zoneinfo/Asia/Tokyo", "try", "share/messenger-inbox/sandbox/sandbox", "share/man/man8/inboxctl.8",
                     "share/messenger-inbox/servers/nginx.conf", "share/doc/messenger-inbox/libraries/libc6"):
            self.assertIn(name, names)
        self.assertFalse([n for n in names if n.startswith("share/messenger-inbox/zoneinfo/right")])

    def test_launchers_need_nothing(self):
        with tarfile.open(self.packed) as t:
            for m in t.getmembers():
                if re.search(r"/(bin|libexec/messenger-inbox)/[^/]+$", m.name):
                    head = t.extractfile(m).read()
                    self.assertEqual(head[:4], b"\x7fELF", m.name)
                    # No interpreter is named: the kernel starts it by itself.
                    self.assertNotIn(b"/ld-linux", head[:4096], m.name)

    def test_an_archive_that_is_not_whole(self):
        with Bare(self.packed) as st:
            os.rename(st.path(st.top, "lib/messenger-inbox/loader"), st.path("gone"))
            r = subprocess.run([os.path.join(st.build, "inboxctl"), "--conf", "x", "check"], capture_output=True, text=True)
            self.assertEqual(r.returncode, 127)
            self.assertIn("unpack the archive again", r.stderr)
            os.rename(st.path("gone"), st.path(st.top, "lib/messenger-inbox/loader"))

    def test_the_whole_way(self):
        with Bare(self.packed) as st:
            self.assertFalse(os.path.exists(st.path("lib")) or os.path.exists(st.path("usr")) or os.path.exists(st.path("etc")))
            b = st.connect(company=AOZORA, user=MISAKI, asid=ASID_MISAKI, pages=[PAGE_C], lang="ja")
            st.customer("日曜日は開いていますか", page=PAGE_C, psid=TAKAHASHI)
            thread = until(lambda: st.thread(TAKAHASHI))
            st.customer(None, page=PAGE_C, psid=TAKAHASHI, attachments=[{"type": "image", "picture": "cat"}])
            r = b.get("/inbox/%d" % thread)
            self.assertIn("日曜日は開いていますか", r.page.by_id_text["log"])
            # Zones were brought: the time is Tokyo's.
            at = st.db("SELECT at FROM message WHERE text LIKE '日曜日%'")[0][0] // 1000 + 9 * 3600
            self.assertRegex(r.page.by_id_text["log"], r"\b0?%d:%02d\b" % (at // 3600 % 24, at // 60 % 60))
            b.submit(r, "/inbox/%d/reply" % thread, {"text": "はい、10時からです。"})
            until(lambda: st.db("SELECT state FROM outbox") == [("sent",)])
            self.assertEqual(st.arrived(TAKAHASHI, PAGE_C), ["はい、10時からです。"])
            # libcurl fetched the picture, libarchive writes a copy.
            st.sync()
            self.assertTrue(glob.glob(st.path("media/a*")))
            b.submit(b.get("/settings/export"), "/settings/export")
            until(lambda: st.sync() == 0 and st.db("SELECT state FROM export") == [("ready",)], 30)

    def test_the_entry_of_a_web_folder(self):
        """web/entry under a shell that is not ours, as a CGI program."""
        with Bare(self.packed) as st:
            with open(os.path.join(SRC, "web/entry")) as f:
                text = f.read()
            text = text.replace("@CONF@", "/inbox.conf").replace("@PROGRAM@", "/%s/libexec/messenger-inbox/inbox.fcgi" % st.top)
            with open(st.path("entry.cgi"), "w") as f:
                f.write(text)
            os.chmod(st.path("entry.cgi"), 0o755)
            r = subprocess.run(st.inside().split() + ["/entry.cgi"], capture_output=True, stdin=subprocess.DEVNULL,
                               env={"REQUEST_METHOD": "GET", "REQUEST_URI": "/", "GATEWAY_INTERFACE": "CGI/1.1"})
            self.assertTrue(r.stdout.startswith(b"Status: 200"), (r.stdout[:200], r.stderr))
            self.assertIn(b"</html>", r.stdout)


if __name__ == "__main__":
    unittest.main()
