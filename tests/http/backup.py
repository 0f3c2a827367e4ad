#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""backup - everything in one file, while the inbox runs, and the way back from each kind.

One stand: a conversation with a picture, a reply with a file, a file that is half
uploaded, a draft.  From it a copy of the database, a backup, and a sealed one; each is
restored into an empty place and over an inbox, and is what it was.  A drill says so
beforehand.  What is torn, changed, foreign or of other keys is refused, and nothing is
touched then.
"""
import glob
import hashlib
import os
import shutil
import sqlite3
import stat
import subprocess
import tarfile
import unittest

import stand
from stand import Stand, files, until

WORD = "correct horse 電池"


def say(key, lang="en", **fill):
    return stand.say(key, lang, **{k: str(v) for k, v in fill.items()})


def rows(path):
    c = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
    try:
        return {t: sorted(map(repr, c.execute("SELECT * FROM %s" % t)))
                for t in ("install", "user", "page", "thread", "message", "attachment", "outbox", "draft", "upload", "audit")}
    finally:
        c.close()


class Backup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.st = st = Stand().__enter__()
        cls.addClassCleanup(st.__exit__, None, None, None)
        b = st.connect("shared")
        st.customer("kept in the backup")
        st.customer(None, attachments=[{"type": "image", "picture": "cat"}])
        until(lambda: glob.glob(st.path("media/a*")) and not st.db("SELECT 1 FROM attachment WHERE fetch_at > 0"))
        st.sync()
        with open(st.path("media/.half"), "w") as f:
            f.write("a file that is being written")
        cls.word = st.path("word")
        with open(os.open(cls.word, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(WORD + "\n")
        cls.said = {}
        for name, args in (("copy.db", ("--database-only",)), ("plain.tar", ()), ("sealed", ("--passphrase-file", cls.word))):
            r = cls.ctl("backup", *args, name)
            assert r.returncode == 0, r.stderr
            cls.said[name] = r.stdout
        cls.rows, cls.media = rows(st.path("inbox.db")), files(st.path("media"))
        del cls.media[".half"]
        assert cls.media and cls.rows["message"]
        cls.b = b

    @classmethod
    def ctl(cls, *args, conf=None, **kw):
        r = subprocess.run([os.path.join(cls.st.build, "inboxctl"), "-c", conf or cls.st.conf, *args], capture_output=True,
                           text=True, cwd=cls.st.dir, stdin=subprocess.DEVNULL, **kw)
        assert "Sanitizer" not in r.stderr, r.stderr
        return r

    def place(self, name, **change):
        """An empty place of its own, with this stand's keys: its configuration."""
        os.mkdir(self.st.path(name), 0o700)
        self.addCleanup(shutil.rmtree, self.st.path(name))
        change = {"database": name + "/inbox.db", **change}
        with open(self.st.conf) as f:
            lines = [line for line in f if line.split(" = ")[0] not in change]
        path = self.st.path(name + ".conf")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.writelines(lines + ["%s = %s\n" % kv for kv in change.items()])
        return path

    def tidy(self, folder="."):
        """Nothing that was begun is left."""
        self.assertEqual([f for p in ("*.part-*", "*.copy-*", "*.restore-*", "*.drill-*") for f in glob.glob(self.st.path(folder, p))], [])

    def test_what_it_is(self):
        st = self.st
        for name in self.said:
            self.assertEqual(stat.S_IMODE(os.stat(st.path(name)).st_mode), 0o600)
        self.assertIn(say("backup.without_keys"), self.said["plain.tar"])
        self.assertIn(say("backup.open"), self.said["plain.tar"])
        self.assertNotIn(say("backup.open"), self.said["sealed"])
        with tarfile.open(st.path("plain.tar")) as t:
            names = t.getnames()
            sums = t.extractfile("SHA256SUMS").read().decode()
            self.assertEqual(sums, "".join("%s  %s\n" % (hashlib.sha256(t.extractfile(n).read()).hexdigest(), n) for n in names[:-1]))
        self.assertEqual(names[:2] + names[-1:], ["about", "inbox.db", "SHA256SUMS"])
        self.assertEqual(set(names[2:-1]), {"media/" + n for n in self.media})
        with open(st.path("sealed"), "rb") as f:
            sealed = f.read()
        for secret in (b"kept in the backup", b"SQLite format", b"SHA256SUMS", next(iter(self.media.values()))[:64]):
            self.assertNotIn(secret, sealed)
        self.assertGreater(len(sealed), sum(map(len, self.media.values())))
        # Each has a salt of its own.
        r = self.ctl("backup", "--passphrase-file", self.word, "again")
        self.assertEqual(r.returncode, 0, r.stderr)
        with open(st.path("again"), "rb") as f:
            self.assertNotEqual(f.read(64)[16:], sealed[16:64])
        for name in self.said:
            self.assertEqual(self.ctl("backup", name).returncode, 2, "not overwritten")
        self.tidy()

    def test_every_kind_comes_back(self):
        for name, args in (("copy.db", ()), ("plain.tar", ()), ("sealed", ("--passphrase-file", self.word))):
            with self.subTest(name):
                conf = self.place("to")
                r = self.ctl("restore", *args, name, conf=conf)
                self.assertEqual(r.returncode, 0, r.stderr)
                self.assertIn(say("backup.keys_fit"), r.stdout)
                self.assertEqual(rows(self.st.path("to/inbox.db")), self.rows)
                if name != "copy.db":
                    self.assertEqual(files(self.st.path("to/media")), self.media)
                    self.assertIn(say("backup.files", there=len(self.media), named=len(self.media)), r.stdout)
                    self.assertEqual({stat.S_IMODE(os.stat(f).st_mode) for f in glob.glob(self.st.path("to/media/*"))}, {0o600})
                self.assertEqual(self.ctl("check", conf=conf).returncode, 0)
                self.tidy("to")
                # Over what is there only when told, and that is kept.
                r = self.ctl("restore", *args, name, conf=conf)
                self.assertEqual((r.returncode, "not overwritten" in r.stderr), (2, True), r.stderr)
                self.assertEqual(rows(self.st.path("to/inbox.db")), self.rows)
                c = sqlite3.connect(self.st.path("to/inbox.db"))
                c.execute("UPDATE message SET text = 'newer'")
                c.commit()
                c.close()
                newer = rows(self.st.path("to/inbox.db"))
                r = self.ctl("restore", "--replace", *args, name, conf=conf)
                self.assertEqual(r.returncode, 0, r.stderr)
                self.assertEqual(rows(self.st.path("to/inbox.db")), self.rows)
                aside, = glob.glob(self.st.path("to/inbox.db.before-*[0-9]"))
                self.assertIn(say("backup.aside", path=aside), r.stdout)
                self.assertEqual(rows(aside), newer)
                if name != "copy.db":
                    self.assertEqual(files(self.st.path("to/media")), self.media)
                    aside, = glob.glob(self.st.path("to/media.before-*"))
                    self.assertEqual(files(aside), self.media)
                self.tidy("to")
                self.doCleanups()

    def test_files_are_not_overwritten(self):
        conf = self.place("busy")
        os.mkdir(self.st.path("busy/media"))
        with open(self.st.path("busy/media/a1-1-0"), "w") as f:
            f.write("somebody else's")
        r = self.ctl("restore", "plain.tar", conf=conf)
        self.assertEqual((r.returncode, "they are not overwritten" in r.stderr), (2, True), r.stderr)
        self.assertEqual(os.listdir(self.st.path("busy/media")), ["a1-1-0"])
        self.assertFalse(os.path.exists(self.st.path("busy/inbox.db")))
        self.tidy("busy")

    def test_running(self):
        r = self.ctl("restore", "--replace", "plain.tar")
        self.assertEqual((r.returncode, "running" in r.stderr), (1, True), r.stderr)
        self.assertEqual(self.b.get("/inbox").status, 200)
        self.tidy()

    def test_drill(self):
        st = self.st
        for args in (("plain.tar",), ("--passphrase-file", self.word, "sealed"), ("copy.db",), ()):
            with self.subTest(args):
                before = set(os.listdir(st.dir))
                r = self.ctl("backup", "--drill", *args)
                self.assertEqual(r.returncode, 0, r.stderr)
                self.assertTrue(r.stdout.endswith(say("backup.good") + "\n"), r.stdout)
                self.assertIn(say("backup.keys_fit"), r.stdout)
                n, now = len(self.rows["message"]), st.db("SELECT count(*) FROM message")[0][0]
                self.assertIn(say("backup.rows", table="message", was=n, **{"is": n}, now=now), r.stdout)
                if args != ("copy.db",):
                    self.assertIn(say("backup.files", there=len(self.media), named=len(self.media)), r.stdout)
                self.assertEqual(set(os.listdir(st.dir)), before)
        # Files that were gone when it was made are said, and are no fault of the backup.
        gone = next(iter(self.media))
        os.rename(st.path("media", gone), st.path("gone"))
        try:
            r = self.ctl("backup", "--drill")
        finally:
            os.rename(st.path("gone"), st.path("media", gone))
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn(say("backup.files_missing", n=1), r.stdout)

    def refused(self, name, why, rc, *args):
        """Neither restored nor good, and nothing is left of the attempt."""
        conf = self.place("no")
        for verb in (("restore",), ("backup", "--drill")):
            r = self.ctl(*verb, *args, name, conf=conf)
            self.assertEqual(r.returncode, rc, (verb, r.stdout, r.stderr))
            self.assertIn(why, r.stderr)
            self.assertNotIn(say("backup.good"), r.stdout)
            self.assertEqual([f for f in os.listdir(self.st.path("no")) if not f.endswith("-lock")], [])
        self.doCleanups()

    def test_passphrases(self):
        st = self.st
        for name, text, mode in (("wrong", "correct horse 電地", 0o600), ("open", WORD, 0o644), ("short", "horse", 0o600)):
            with open(os.open(st.path(name), os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
                f.write(text)
            os.chmod(st.path(name), mode)
        self.refused("sealed", "the passphrase does not open it", 1, "--passphrase-file", "wrong")
        self.refused("sealed", "nobody else may read", 2, "--passphrase-file", "open")
        self.refused("sealed", "--passphrase-file", 2)
        self.assertIn("at least", self.ctl("backup", "--passphrase-file", "short", "new").stderr)
        self.assertFalse(os.path.exists(st.path("new")))

    def test_torn_and_changed(self):
        st = self.st
        args = {"plain.tar": (), "sealed": ("--passphrase-file", self.word)}
        for name in args:
            with open(st.path(name), "rb") as f:
                whole = f.read()
            cuts = {len(whole) - 1600, len(whole) // 2, 70, 8} | ({48 + 65552, 48 + 65552 * 2} if name == "sealed" else {512, 1024})
            for cut in sorted(cuts):
                with self.subTest((name, cut)), open(st.path("torn"), "wb") as f:
                    f.write(whole[:cut])
                    f.flush()
                    conf = self.place("no")
                    r = self.ctl("restore", *args[name], "torn", conf=conf)
                    self.assertNotEqual(r.returncode, 0, r.stdout)
                    self.assertNotEqual(r.stderr, "")
                    self.assertEqual([f for f in os.listdir(st.path("no")) if not f.endswith("-lock")], [])
                self.doCleanups()
            at = whole.index(b"kept in the backup") if name == "plain.tar" else 48 + 65552 + 100
            for cut in (at, len(whole) - 3000 if name == "sealed" else at + 3):
                with open(st.path("changed"), "wb") as f:
                    f.write(whole[:cut] + bytes([whole[cut] ^ 1]) + whole[cut + 1:])
                self.refused("changed", "torn or changed" if name == "sealed" else "damaged", 1, *args[name])
        # Two pieces of a sealed file in the other order.
        one, two, three = 48, 48 + 65552, 48 + 2 * 65552
        with open(st.path("changed"), "wb") as f:
            f.write(whole[:one] + whole[two:three] + whole[one:two] + whole[three:])
        self.refused("changed", "torn or changed", 1, *args["sealed"])

    def test_foreign(self):
        st = self.st
        with open(st.path("text"), "w") as f:
            f.write("no backup at all\n" * 100)
        self.refused("text", "no backup of this program", 2)
        self.refused("missing", "No such file", 2)
        # Entries that would leave the folder, or are no files.
        for name, kind in (("../out", tarfile.REGTYPE), ("media/../../out", tarfile.REGTYPE), ("/tmp/out", tarfile.REGTYPE),
                           ("media/x", tarfile.SYMTYPE), ("media/.x", tarfile.REGTYPE), ("keys", tarfile.REGTYPE)):
            with tarfile.open(st.path("plain.tar")) as t, tarfile.open(st.path("odd"), "w", format=tarfile.USTAR_FORMAT) as out:
                about = t.getmember("about")
                out.addfile(about, t.extractfile(about))
                m = tarfile.TarInfo(name)
                m.type, m.linkname = kind, "/etc/passwd" if kind == tarfile.SYMTYPE else ""
                out.addfile(m)
            with self.subTest(name):
                self.refused("odd", "no backup has", 1)
        self.assertFalse(os.path.exists(st.path("out")))

    def test_other_keys(self):
        conf = self.place("other", key_file="other/keys")
        r = self.ctl("restore", "plain.tar", conf=conf)
        self.assertEqual((r.returncode, "key file" in r.stderr), (2, True), r.stderr)
        with open(os.open(self.st.path("other/keys"), os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write("1 " + "0f" * 32 + "\n")
        r = self.ctl("restore", "plain.tar", conf=conf)
        self.assertEqual((r.returncode, "the key file does not fit" in r.stderr), (2, True), r.stderr)
        self.assertEqual(sorted(os.listdir(self.st.path("other"))), ["inbox.db-lock", "keys"])

    def test_what_was_killed_is_swept(self):
        p = subprocess.Popen(["true"])
        p.wait()
        left = [self.st.path("inbox.db.copy-%d" % p.pid), self.st.path("media.restore-%d" % p.pid)]
        kept = self.st.path("inbox.db.copy-%d" % os.getpid())
        os.mkdir(left[1])
        for f in (left[0], left[1] + "/x", kept):
            with open(f, "w"):
                pass
        r = self.ctl("backup", "--drill")
        os.unlink(kept)     # somebody at work would miss it
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual([f for f in left if os.path.exists(f)], [])

    def test_no_room(self):
        """A disk that is full: a sentence, and nothing half there."""
        r = subprocess.run(["sh", "-c", "ulimit -f 200; exec \"$@\"", "sh", os.path.join(self.st.build, "inboxctl"), "-c", self.st.conf,
                            "backup", "full.tar"], capture_output=True, text=True, cwd=self.st.dir)
        self.assertEqual(r.returncode, 1, r.stdout)
        self.assertEqual(glob.glob(self.st.path("full*")), [])
        self.tidy()

    def test_in_japanese(self):
        conf = self.place("ja", language="ja")
        r = self.ctl("restore", "plain.tar", conf=conf)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn(say("backup.keys_fit", "ja"), r.stdout)
        r = self.ctl("backup", "--drill", "plain.tar", conf=conf)
        self.assertTrue(r.stdout.endswith(say("backup.good", "ja") + "\n"), r.stdout)


if __name__ == "__main__":
    unittest.main()
