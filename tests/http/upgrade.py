#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""upgrade - another version, tried before it counts, and the way back.

An inbox that was unpacked from an archive, its workers at work: a version with a newer
schema takes over, the workers see it and end, a conversation is still there; the way
back brings the database of before and the files that are missing since, and says so
first.  Without room for the backup that is made before, nothing changes.  Archives that
are torn, foreign or whose version fails at any point change nothing.  Which kill leaves what is in
tests/sync/upgrade.py.
"""
import glob
import io
import os
import tarfile
import unittest

from bundle import archive
from setup import Hosting
from stand import LIISA, say, until
from versions import BASE, NEXT, Unpacked, pack

import setup as setup_tests

SLOW = 135


class Upgrade(unittest.TestCase):
    def test_there_and_back(self):
        with Unpacked() as st:
            b = st.connect("shared")
            st.customer("before the upgrade")
            thread = until(st.thread)
            st.customer(None, attachments=[{"type": "image", "picture": "cat"}])
            until(lambda: glob.glob(st.path("media/a*")) and not st.db("SELECT 1 FROM attachment WHERE fetch_at > 0"))
            media = st.media()
            schema = st.schema()
            self.assertEqual((st.ctl("rollback").returncode, st.link("current")), (2, "."), "there is nothing to go back to")

            # The same schema: there and back without touching the database.
            same = pack(st.packs, "messenger-inbox-1.1")
            workers = list(st.workers)
            r = st.ctl("upgrade", same)
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertIn(say("upgrade.done"), r.stdout)
            self.assertEqual((st.link("current"), st.link("previous")), ("versions/messenger-inbox-1.1", "."))
            until(lambda: all(p.poll() is not None for p in workers), 60)      # they saw it
            self.assertTrue(st.serves())
            r = st.ctl("upgrade", same)
            self.assertEqual((r.returncode, say("upgrade.same") in r.stdout), (0, True), r.stderr)
            r = st.ctl("rollback")
            self.assertEqual((r.returncode, st.link("current")), (0, "."), r.stderr)
            self.assertTrue(st.serves())
            self.assertNotIn(say("rollback.waiting"), r.stdout)

            # A newer one.
            newer = pack(st.packs, "messenger-inbox-2", NEXT)
            r = st.ctl("upgrade", newer)
            self.assertEqual(r.returncode, 0, r.stderr)
            for line in ("unpacked", "switched"):
                self.assertIn(say("upgrade." + line, name="messenger-inbox-2"), r.stdout)
            self.assertEqual((st.schema(), st.link("current"), st.link("previous")), (schema + 1, "versions/messenger-inbox-2", "."))
            self.assertTrue(st.serves())
            self.assertIn("before the upgrade (2)", b.get("/inbox/%d" % thread).page.by_id_text["log"])
            self.assertEqual(st.ctl("check").returncode, 0)
            self.assertEqual(os.listdir(os.path.join(st.home, "versions")).count("messenger-inbox-1.1"), 0, "of no use any more")
            self.assertEqual([os.path.basename(f) for f in glob.glob(st.path("inbox.db.before-*"))], ["inbox.db.before-messenger-inbox-2"])
            self.assertEqual(st.left(), [])
            self.assertIn(say("upgrade.backup", path=st.path("inbox.db.before-messenger-inbox-2"), files=str(len(media))), r.stdout)
            r = st.ctl("backup", "--drill", "inbox.db.before-messenger-inbox-2")
            self.assertEqual((r.returncode, say("backup.good") in r.stdout), (0, True), r.stdout + r.stderr)
            lost, other = min(media), "a999-999-0"
            os.unlink(st.path("media", lost))
            with open(st.path("media", other), "wb") as f:
                f.write(b"came since")
            st.customer("after the upgrade")

            # Back: the database is newer, so nobody is asked in vain, and nothing is lost.
            r = st.ctl("rollback")
            self.assertEqual((r.returncode, "--restore" in r.stderr, st.link("current")), (2, True, "versions/messenger-inbox-2"))
            self.assertTrue(st.serves())
            p = st.start_ctl("rollback", "--restore")
            said = [p.stdout.readline()]
            self.assertIn(say("rollback.waiting"), said[0])
            self.assertEqual(st.schema(), schema + 1, "while a worker has it open")
            self.assertEqual(st.ctl("status").returncode, 1, "nobody gets in")
            self.assertEqual(b.get("/inbox").status, 200, "who is in goes on")
            until(lambda: p.poll() is not None, 60)         # the workers were sent away
            said.append(p.stdout.read())
            self.assertEqual(p.wait(60), 0, said)
            self.assertIn(say("rollback.files", n="1"), said[-1])
            self.assertEqual(st.media(), {**media, other: b"came since"})
            self.assertEqual((st.schema(), st.link("current")), (schema, "."))
            self.assertEqual([t for (t,) in st.db("SELECT text FROM message ORDER BY at")], ["before the upgrade", None])
            aside = [f for f in glob.glob(st.path("inbox.db.before-*")) if os.path.basename(f)[len("inbox.db.before-"):].isdigit()]
            self.assertEqual(len(aside), 1)
            self.assertTrue(st.serves())
            self.assertIn("before the upgrade", b.get("/inbox/%d" % thread).page.by_id_text["log"])
            # Facebook has what came since.
            st.clock(30 * 60_000)
            until(lambda: st.sync() == 0 and st.db("SELECT 1 FROM message WHERE text = 'after the upgrade'"))
            # And there once more; this time with a copy of the database alone, and back from that.
            r = st.ctl("upgrade", "--database-only", newer)
            self.assertEqual((r.returncode, st.schema()), (0, schema + 1), r.stderr)
            self.assertIn(say("upgrade.copy", path=st.path("inbox.db.before-messenger-inbox-2")), r.stdout)
            self.assertTrue(st.serves())
            st.end_workers()
            r = st.ctl("rollback", "--restore")
            self.assertEqual((r.returncode, st.schema(), st.link("current")), (0, schema, "."), r.stderr)
            self.assertTrue(st.serves())
            self.assertEqual(st.left(), [])

    def test_no_room_for_the_backup(self):
        with Unpacked() as st:
            newer = pack(st.packs, "messenger-inbox-2", NEXT)
            os.makedirs(st.path("media"), 0o700, exist_ok=True)
            for what, size, most in (("asked first", 1 << 43, None), ("a quota, on the way", 96 << 20, 64 << 20)):
                with self.subTest(what):
                    with open(st.path("media/a1-1-0"), "wb") as f:
                        f.truncate(size)        # a hole: it takes no room itself
                    r = st.ctl("upgrade", newer, most=most)
                    self.assertEqual((r.returncode, st.link("current")), (1, "."), r.stdout)
                    self.assertIn(say("upgrade.kept"), r.stdout)
                    self.assertIn(say("upgrade.no_backup", need="@", left="@").split("@")[0], r.stdout)
                    self.assertIn("--database-only", r.stdout)
                    self.assertTrue(st.serves())
                    self.assertEqual((st.left(), glob.glob(st.path("inbox.db.before-*"))), ([], []))
            r = st.ctl("upgrade", "--database-only", newer, most=64 << 20)
            self.assertEqual((r.returncode, st.link("current")), (0, "versions/messenger-inbox-2"), r.stderr)
            os.unlink(st.path("media/a1-1-0"))

    def test_versions_that_fail(self):
        with Unpacked() as st:
            st.connect("shared")
            schema, n = st.schema(), st.db("SELECT count(*) FROM message")
            dies = "exit 3\n"
            bad = {
                "no program": pack(st.packs, "messenger-inbox-a", NEXT, without=("libexec/messenger-inbox/inbox.fcgi",)),
                "does not start": pack(st.packs, "messenger-inbox-b", NEXT, instead={"bin/inboxctl": dies}),
                "does not serve": pack(st.packs, "messenger-inbox-c", NEXT, instead={
                    "libexec/messenger-inbox/inbox.fcgi": 'case $1 in -n) exec @REAL@ "$@" ;; esac\nexit 3\n'}),
                "a bad schema": pack(st.packs, "messenger-inbox-d", "CREATE TABLE more(x INTEGER) STRICT; SELECT nothing FROM nowhere"),
                # The copy is brought up to date, the database is not.
                "fails late": pack(st.packs, "messenger-inbox-e", NEXT, instead={
                    "bin/inboxctl": 'case "$2$3" in *inbox.confinit) echo "no room" >&2; exit 1 ;; esac\nexec @REAL@ "$@"\n'}),
            }
            for what, path in bad.items():
                with self.subTest(what):
                    r = st.ctl("upgrade", path)
                    self.assertEqual(r.returncode, 1, r.stdout)
                    self.assertTrue(r.stderr.startswith("inboxctl: "), r.stderr)
                    self.assertIn(say("upgrade.back" if what == "fails late" else "upgrade.kept") if what not in ("no program", "does not start")
                                  else "", r.stdout)
                    self.assertEqual((st.link("current"), st.schema(), st.db("SELECT count(*) FROM message")), (".", schema, n))
                    self.assertEqual(st.ctl("check").returncode, 0)
                    self.assertTrue(st.serves())
                    self.assertEqual(st.left(), [])
            self.assertIn("no room", r.stderr)

    def test_archives_that_are_none(self):
        with Unpacked() as st:
            good = pack(st.packs, "messenger-inbox-2", NEXT)
            with open(good, "rb") as f:
                whole = f.read()

            def odd(*members):
                path = st.path("odd.tar.gz")
                with tarfile.open(path, "w:gz") as t:
                    for name, kind, target in members:
                        m = tarfile.TarInfo(name)
                        m.type, m.linkname = kind, target
                        t.addfile(m, io.BytesIO(b""))
                return path

            def torn(data):
                with open(st.path("torn.tar.gz"), "wb") as f:
                    f.write(data)
                return f.name

            top = ("messenger-inbox-2", tarfile.DIRTYPE, "")
            tries = [lambda: torn(whole[:len(whole) // 2]), lambda: torn(whole[:len(whole) - 9]), lambda: torn(b""), lambda: torn(b"no archive" * 99),
                     lambda: st.path("missing.tar.gz"), lambda: odd(("wordpress", tarfile.DIRTYPE, "")), lambda: odd(top),
                     lambda: odd(("messenger-inbox-/../x", tarfile.DIRTYPE, "")), lambda: odd(top, ("messenger-inbox-2/../../out", tarfile.REGTYPE, "")),
                     lambda: odd(top, ("/tmp/out", tarfile.REGTYPE, "")), lambda: odd(top, ("elsewhere/x", tarfile.REGTYPE, "")),
                     lambda: odd(top, ("messenger-inbox-2/bin", tarfile.SYMTYPE, "/etc")),
                     lambda: odd(top, ("messenger-inbox-2/x", tarfile.LNKTYPE, "messenger-inbox-2/../../keys")),
                     lambda: odd(top, ("messenger-inbox-2/x", tarfile.FIFOTYPE, ""))]
            before = sorted(os.listdir(st.home))
            for i, make in enumerate(tries):
                with self.subTest(i):
                    r = st.ctl("upgrade", make())
                    self.assertIn(r.returncode, (1, 2), r.stdout)
                    self.assertTrue(r.stderr.startswith("inboxctl: "), r.stderr)
                    self.assertEqual(st.left(), [])
                    self.assertEqual(os.listdir(os.path.join(st.home, "versions")), [".lock"])
            self.assertEqual(sorted(os.listdir(st.home)), sorted(before + ["versions"]))
            self.assertFalse(os.path.exists(st.path("out")))
            self.assertEqual(st.link("current"), ".")


class Bundle(unittest.TestCase):
    def test_on_a_shared_host(self):
        """What make bundle makes, behind Apache; its web folder follows."""
        setup_tests.PACKED = archive()
        with Hosting() as st:
            rc, said = st.setup("--answers", st.answers())
            self.assertEqual(rc, 0, said)
            newer = st.path("newer.tar.gz")
            style = b"/* of the newer version */"
            with tarfile.open(setup_tests.PACKED) as t, tarfile.open(newer, "w:gz", compresslevel=1) as out:
                for m in t:
                    old, _, rest = m.name.partition("/")
                    data = t.extractfile(m) if m.isfile() else None
                    m.name = "messenger-inbox-99" + ("/" + rest if rest else "")
                    m.linkname = m.linkname.replace(old, "messenger-inbox-99", 1)
                    if rest == "share/messenger-inbox/static/app.css":
                        data = io.BytesIO(style + data.read())
                        m.size += len(style)
                    out.addfile(m, data)
            r = st.ctl("upgrade", newer)
            self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
            self.assertIn(say("upgrade.web"), r.stdout)
            self.assertEqual(os.readlink(st.top + "/current"), "versions/messenger-inbox-99")
            with open(st.web + "/static/app.css", "rb") as f:
                self.assertTrue(f.read().startswith(style))
            # The entries and the line of crontab stay as they are, and start the newer one.
            rc, said = st.setup("--check")
            self.assertEqual(rc, 0, said)
            self.assertEqual(st.browser().get("/").status, 200)
            r = st.ctl("rollback")
            self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
            with open(st.web + "/static/app.css", "rb") as f:
                self.assertFalse(f.read().startswith(style))
            self.assertEqual(st.browser().get("/").status, 200)


if __name__ == "__main__":
    unittest.main()
