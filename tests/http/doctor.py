# SPDX-License-Identifier: MIT
"""doctor - inboxctl doctor: all checks from outside in, each with evidence and fix.

Proved: all of the table is said, in both languages; the signed event takes the whole
way and is no message; what each check says when its thing is wrong; that neither a
name nor a secret is in it; its exit code.  What hosts do to a request is proved with
the same calls in setup.py.
"""
import os
import re
import subprocess
import unittest

from monitor import NO_SECRET, TABLE
from stand import ACME, PAGE_A, Stand, free_port, say

MINUTE = 60_000


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand())
        cls.b = cls.st.connect("shared", pages=[PAGE_A])
        cls.st.customer("hello monitor")
        cls.st.sync()

    def setUp(self):
        self.st.control("faults/clear", {})

    def ctl(self, *args, **settings):
        st = self.st
        with open(st.conf) as f:
            lines = [line for line in f.read().splitlines() if line.split(" = ")[0] not in settings]
        with open(st.path("doctor.conf"), "w") as f:
            f.write("\n".join(lines + ["%s = %s" % kv for kv in settings.items()]) + "\n")
        return subprocess.run([os.path.join(st.build, "inboxctl"), "-c", st.path("doctor.conf"), *args], cwd=st.dir,
                              capture_output=True, text=True, timeout=120)

    def doctor(self, want=0, **settings):
        """What it says, with these settings in the place of the stand's."""
        r = self.ctl("doctor", **settings)
        self.assertEqual(r.returncode, want, r.stdout + r.stderr)
        for secret in NO_SECRET + ("Bramble", "Acme", "sandbox-pipedrive"):
            self.assertNotIn(secret, r.stdout + r.stderr)
        return r.stdout

    def lines(self, said, lang="en"):
        """[(word, mark, evidence, fix)] in the order of the output."""
        marks = {say("setup.mark_" + m, lang).strip(): m for m in ("ok", "attention", "wrong")}
        names = {say(row[1], lang): word for word, row in TABLE.items()}
        out = []
        for line in said.splitlines():
            m = re.match(r"(\S+) +(.+)$", line)
            if m and m.group(1) in marks and m.group(2) in names:
                out.append([names[m.group(2)], marks[m.group(1)], None, None])
            for at, key, name in ((2, "setup.evidence", "found"), (3, "setup.fix", "fix")):
                before, after = say(key, lang).split("{%s}" % name)
                if line.startswith("       " + before) and line.endswith(after):
                    out[-1][at] = line[7 + len(before):len(line) - len(after)]
        return [tuple(x) for x in out]

    def line(self, word, want=0, **settings):
        found = [x[1:] for x in self.lines(self.doctor(want, **settings)) if x[0] == word]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def fix(self, word):
        return say(TABLE[word][3])

    def counts(self):
        return [self.st.db("SELECT count(*) FROM " + t) for t in ("message", "event", "quarantine", "thread", "outbox")]


class Well(Case):
    def test_all_of_the_table(self):
        before, audit = self.counts(), self.st.db("SELECT count(*) FROM audit")
        for lang in ("en", "ja"):
            said = self.doctor(language=lang)
            lines = self.lines(said, lang)
            self.assertEqual(sorted(x[0] for x in lines), sorted(TABLE))
            # On loopback there is no https: worth a look, and nothing else is.
            self.assertEqual([x[0] for x in lines if x[1] != "ok"], ["tls"])
            for word, mark, found, fix in lines:
                self.assertTrue(found, word)
                self.assertNotIn("{", found)
                self.assertEqual(fix is None, mark == "ok", word)
            self.assertIn(say("doctor.end_attention", lang), said)
            for ident in (PAGE_A, str(ACME)):
                self.assertIn(ident, said)
        self.assertEqual((self.counts(), self.st.db("SELECT count(*) FROM audit")), (before, audit), "it left something behind")

    def test_an_event_of_our_own(self):
        """Only signed, only with a proper number, and never in the place of a message."""
        st, before = self.st, self.counts()
        note = lambda: st.db("SELECT value FROM note WHERE key = 'probe'")
        self.assertEqual(self.line("event"), ("ok", say("setup.event_ok"), None))
        kept = note()
        self.assertRegex(kept[0][0], "^[0-9a-f]{16}$")
        body = b'{"object":"messenger-inbox.probe","entry":[],"nonce":"%s"}'
        for nonce in (b"", b"0123", b"x" * 16, b"0123456789ABCDEF", b"0" * 17, b"'; DROP TABLE x"):
            self.assertEqual(st.hook(body % nonce), 200)
        self.assertEqual(st.hook(body % (b"0" * 16), signature=None), 403)
        self.assertEqual(st.hook(b'{"object":"messenger-inbox.probe","nonce":7}'), 200)
        self.assertEqual(note(), kept)
        self.assertEqual(st.hook(body % (b"0" * 16)), 200)
        self.assertEqual(note(), [("0" * 16,)])
        self.assertEqual(self.counts(), before)
        self.assertNotIn("00000000", self.b.get("/inbox").text)


class Wrong(Case):
    def test_another_secret(self):
        mark, found, fix = self.line("event", 1, **{"facebook.app_secret": "0" * 32})
        self.assertEqual((mark, found, fix), ("wrong", say("setup.found_status", status="403"), self.fix("event")))

    def test_another_database(self):
        """The web server's inbox takes it, and it is not in ours: two configurations."""
        self.assertEqual(self.ctl("init", key_file="more-keys", database="other.db").returncode, 0)
        self.assertEqual(self.line("event", 1, database="other.db"), ("wrong", say("setup.event_elsewhere"), self.fix("event")))

    def test_no_database(self):
        said = self.lines(self.doctor(1, database="nowhere.db"))
        word, mark, found, _ = said[-1]
        self.assertEqual((word, mark), ("database", "wrong"))
        self.assertIn("nowhere.db", found)

    def test_another_key_file(self):
        self.assertEqual(self.ctl("init", key_file="other-keys", database="new.db").returncode, 0)
        self.assertEqual(self.line("keys", 1, key_file="other-keys"), ("wrong", say("doctor.keys_other"), self.fix("keys")))
        self.assertEqual(self.line("keys", 1, key_file="no-keys")[0], "wrong")

    def test_another_verify_token(self):
        self.assertEqual(self.line("challenge", 1, **{"facebook.verify_token": "another"})[0], "wrong")

    def test_nobody_answers(self):
        """No page: the other calls would only repeat it."""
        nowhere = "http://127.0.0.1:%d" % free_port()
        lines = self.lines(self.doctor(1, base_url=nowhere))
        outside = [x for x in lines if TABLE[x[0]][0] == "GROUP_OUTSIDE"]
        self.assertEqual([x[:2] for x in outside], [("page", "wrong")])
        self.assertIn("connect", outside[0][2])
        self.assertEqual({x[0] for x in lines if x[1] == "wrong"}, {"page"})

    def test_services_that_cannot_be_reached(self):
        nowhere = "http://127.0.0.1:%d" % free_port()
        for word, name in (("facebook", "facebook.graph_url"), ("pipedrive", "pipedrive.oauth_url")):
            mark, found, fix = self.line(word, 1, **{name: nowhere})
            self.assertEqual((mark, fix), ("wrong", self.fix(word)))
            self.assertIn("127.0.0.1", found)

    def test_clock(self):
        st = self.st
        try:
            for ahead, mark, code in ((2 * MINUTE, "attention", 0), (-10 * MINUTE, "wrong", 1)):
                with open(st.path("clock"), "r+") as f:
                    f.write("%+020d\n" % ahead)
                got = self.line("time", code)
                self.assertEqual((got[0], got[2]), (mark, self.fix("time")))
                away = int(re.search(r"\d+", got[1]).group())
                self.assertAlmostEqual(away, abs(ahead) / 1000, delta=10)
        finally:
            st.clock(0)


class Asked(Case):
    """What Facebook and Pipedrive say when they are asked."""

    def test_1_kind_and_rights(self):
        st = self.st
        good = ["pages_show_list", "pages_messaging", "pages_manage_metadata", "pages_read_engagement"]
        for data, mark, want in (({"type": "PAGE", "scopes": good}, "ok", say("doctor.rights_ok")),
                                 ({"type": "USER", "scopes": good}, "wrong", say("doctor.rights_kind", kind="USER")),
                                 ({"type": "PAGE", "scopes": good[:2]}, "wrong",
                                  say("doctor.rights_lack", names="pages_manage_metadata, pages_read_engagement"))):
            rule = st.fault({"endpoint": "fb.debug_token"}, times=0, status=200,
                            body={"data": dict(data, is_valid=True, app_id="881240037712345", profile_id=PAGE_A)})
            self.assertEqual(self.line("rights", mark == "wrong"), (mark, want, None if mark == "ok" else self.fix("rights")))
            st.control("faults/clear", {"id": rule})

    def test_2_fields(self):
        st = self.st
        st.fault({"endpoint": "fb.subscribed_apps.get"}, times=1, status=200,
                 body={"data": [{"id": "881240037712345", "subscribed_fields": ["messages"]}]})
        self.assertEqual(self.line("fields", 1), ("wrong", say("doctor.fields_part"), self.fix("fields")))
        st.control("app/unsubscribe", {"page": PAGE_A})
        since = len(st.requests(endpoint="fb.subscribed_apps.post"))
        self.assertEqual(self.line("fields", 1), ("wrong", say("doctor.fields_none"), self.fix("fields")))
        self.assertEqual(len(st.requests(endpoint="fb.subscribed_apps.post")), since, "it only looks")

    def test_3_a_dead_token(self):
        st = self.st
        st.control("token/kill", {"page": PAGE_A, "subcode": 460})
        lines = self.lines(self.doctor(1))
        self.assertEqual([x[1:3] for x in lines if x[0] == "rights"], [("wrong", say("error.fb.token_password"))])
        self.assertEqual([x for x in lines if x[0] == "fields"], [], "nothing else can be asked with it")
        self.assertEqual(st.db("SELECT state FROM page"), [("active",)], "it only looks")

    def test_4_facebook_is_away(self):
        self.st.fault({"endpoint": "fb.debug_token"}, times=0, status=500, body={"error": {"message": "x", "code": 2}})
        mark, found, _ = self.line("rights", 1)
        self.assertEqual((mark, found), ("wrong", say("error.fb.trouble")))

    def test_5_the_installer(self):
        st = self.st
        self.assertEqual(self.line("grant", 1)[:2], ("ok", say("doctor.grant_admin")))
        st.control("pipedrive/user", {"company": ACME, "id": 10483244, "name": "Maria Tamm", "admin": False})
        self.assertEqual(self.line("grant", 1), ("attention", say("doctor.grant_user"), self.fix("grant")))
        st.write("UPDATE user SET refresh = NULL, access = NULL")
        self.assertEqual(self.line("grant", 1), ("wrong", say("doctor.grant_out"), self.fix("grant")))


if __name__ == "__main__":
    unittest.main()
