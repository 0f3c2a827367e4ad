#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""embed.py - the inbox inside Pipedrive: who gets in with which token, what a pass opens, and what the pages say to
browsers."""
import base64
import hashlib
import hmac
import json
import re
import time
import unittest
import urllib.parse

from stand import (ACME, ANNA, AOZORA, JAAN, LIISA, MARIA, MISAKI, PEETER, Browser, Replies, SRC, Stand, say, until)

SECRET = "sandbox-pipedrive-secret"
DEAL, PERSON, HOUR = 4711, 51, 3_600_000
HOSTS = "https://*.pipedrive.com"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(user=MARIA, company=ACME, secret=SECRET, head=None, **claims):
    now = int(time.time())
    body = {"userId": user, "companyId": company, "iat": now, "exp": now + 300}
    body.update(claims)
    text = ".".join(b64(json.dumps({k: v for k, v in x.items() if v is not None}).encode())
                    for x in (head or {"alg": "HS256", "typ": "JWT"}, body))
    return text + "." + b64(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


class Embedded(Replies):
    """What tests do with one stand, st."""

    def address(self, tok=None, user=MARIA, company=ACME, kind="deal", record=DEAL, place="panel", **more):
        q = dict(resource=kind, view="details", userId=user, companyId=company, selectedIds=record, id="56789abc",
                 theme="light", token=token(user, company) if tok is None else tok)
        q.update(more)
        return "/pd/%s?%s" % (place, urllib.parse.urlencode({k: v for k, v in q.items() if v is not None}))

    def frame(self, *args, lang="en", **kw):
        """A frame that Pipedrive opens: no cookie goes in, none comes out."""
        b = Browser(self.st, lang)
        r = b.get(self.address(*args, **kw))
        self.assertEqual({}, {k: v for k, v in b.cookies.items() if v})
        return r

    def base(self, r):
        """/pd/PASS of a page."""
        return re.match(r".*(/pd/v[^/]+)/", r.url).group(1)

    def refused(self, status, key, *args, **kw):
        r = self.frame(*args, **kw)
        self.assertEqual((status, say(key)), (r.status, r.page.by_id_text.get("problem")))
        self.assertIn("/pd/" + kw.get("place", "panel"), r.url)
        return r


class Tokens(Embedded, unittest.TestCase):
    server = "lighttpd"

    @classmethod
    def setUpClass(cls):
        cls.st = Stand(server=cls.server)
        cls.st.__enter__()
        cls.addClassCleanup(cls.st.__exit__, None, None, None)
        cls.b = cls.st.connect("shared")
        cls.st.customer("Do you have the road frame?")
        cls.thread = until(cls.st.thread)
        cls.st.link(cls.thread, "deal", DEAL)

    def test_right(self):
        r = self.frame()
        self.assertEqual(200, r.status)
        self.assertIn("/inbox/%d" % self.thread, r.url)
        self.assertNotIn("token", r.url)
        self.assertIn("Do you have the road frame?", r.text)
        # Pipedrive's own way to the same place.
        url = self.st.control("pipedrive/frame", {"company": ACME, "user": MARIA, "kind": "deal", "id": DEAL})["url"]
        self.assertIn("Do you have the road frame?", Browser(self.st).get(url).text)

    def test_forged(self):
        for what, tok in (("secret", token(secret="another")), ("none", token(head={"alg": "none"})),
                          ("none, unsigned", token(head={"alg": "none"}).rpartition(".")[0] + "."),
                          ("HS512", token(head={"alg": "HS512"})), ("cut", token()[:-4]), ("long", "a" * 3000),
                          ("empty", ""), ("absent", None), ("padded", token() + "="), ("no exp", token(exp=None)),
                          ("for an hour", token(exp=int(time.time()) + 3600)),
                          ("of tomorrow", token(iat=int(time.time()) + 86400)), ("text", "token")):
            with self.subTest(what):
                r = self.frame(tok, token=tok)
                self.assertEqual((403, say("problem.pd_token")), (r.status, r.page.by_id_text.get("problem")))
        log = self.st.log()
        self.assertIn("pd_token_refused", log)

    def test_expired(self):
        r = self.refused(403, "problem.pass_over", token(exp=int(time.time()) - 61, iat=int(time.time()) - 361))
        # What helps is there for the script: the same address.
        self.assertIn("/pd/panel?", dict(r.page.tags)["body"]["data-renew"])

    def test_other_person(self):
        self.refused(403, "problem.pd_token", token(PEETER), user=MARIA)
        self.refused(403, "problem.pd_token", token(MARIA, AOZORA), user=MARIA, company=ACME)
        self.refused(403, "problem.pd_token", token(MARIA, ACME), user=MARIA, company=AOZORA)
        self.refused(403, "problem.pd_token", userId=None)
        self.refused(403, "problem.pd_token", companyId="x")

    def test_unknown(self):
        # Genuine, but nobody of ours: another company, a colleague who never signed in.
        for user, company in ((MISAKI, AOZORA), (ANNA, ACME), (MARIA, AOZORA)):
            r = self.refused(403, "problem.pass_person", user=user, company=company)
            self.assertEqual("_blank", [a for h, a in r.page.links if h.endswith("/connect")][0]["target"])

    def test_bad_questions(self):
        for more in ({"resource": "lead"}, {"resource": None}, {"selectedIds": "1,2"}, {"selectedIds": ""}, {"selectedIds": "-1"}):
            with self.subTest(more):
                self.refused(400, "problem.bad_request", **more)

    def test_id_and_theme(self):
        body = dict(self.frame(theme="dark").page.tags)["body"]
        self.assertEqual("56789abc", body["data-sdk"])
        self.assertIn("theme=dark", body["data-renew"])
        self.assertEqual("dark", dict(self.frame(theme="dark").page.tags)["html"]["data-theme"])
        self.assertEqual("light", dict(self.frame(theme="neon").page.tags)["html"]["data-theme"])
        self.assertNotIn("data-sdk", dict(self.frame(id="<script>").page.tags)["body"])
        self.assertNotIn("data-sdk", dict(self.frame(id="a" * 65).page.tags)["body"])


class TokensThroughApache(Tokens):
    server = "apache"


class JwtSecret(Embedded, unittest.TestCase):
    def test_own_secret(self):
        with Stand(conf={"pipedrive.jwt_secret": "of the panel alone"},
                   sandbox_args=["--pd-jwt-secret", "of the panel alone"]) as self.st:
            self.st.connect("shared")
            self.refused(403, "problem.pd_token")
            self.assertIn(say("embed.none"), self.frame(token(secret="of the panel alone")).page.text)
            url = self.st.control("pipedrive/frame", {"company": ACME, "user": MARIA})["url"]
            self.assertIn("settings", Browser(self.st).get(url).page.ids)


class Inside(Embedded, unittest.TestCase):
    def setUp(self):
        self.st = Stand()
        self.st.__enter__()
        self.addCleanup(self.st.__exit__, None, None, None)
        self.b = self.st.connect("shared")
        self.st.customer("First question")
        self.thread = until(self.st.thread)

    def test_none_one_several(self):
        r = self.frame()
        self.assertEqual(200, r.status)
        self.assertIn(say("embed.none"), r.page.text)
        self.assertEqual("_blank", [a for h, a in r.page.links if h.endswith("/inbox")][0]["target"])
        self.st.customer("Another customer", psid=JAAN)
        other = until(lambda: self.st.thread(JAAN))
        self.st.link(other, "person", PERSON)
        self.st.link(self.thread, "deal", DEAL)
        self.assertIn("First question", self.frame().text)
        self.assertIn("Another customer", self.frame(kind="person", record=PERSON).text)
        # The numbers of persons and of deals are different numbers.
        self.assertIn(say("embed.none"), self.frame(kind="person", record=DEAL).page.text)
        self.assertIn(say("embed.none"), self.frame(kind="organization", record=PERSON).page.text)
        self.st.link(other, "deal", DEAL)
        r = self.frame(lang="en")
        self.assertIn(say("embed.choice"), r.page.text)
        b = Browser(self.st)
        page = b.get(r.page.link_to("/inbox/%d" % other))
        self.assertIn("Another customer", page.text)
        self.assertIn("First question", b.get(page.page.link_to("/panel")).text)

    def test_linked_in_the_inbox(self):
        """Linked and unlinked in the panel beside the conversation, by a person."""
        deal = self.st.control("pipedrive/object", {"company": ACME, "kind": "deal", "action": "create", "data": {"title": "Road frame"}})["object"]["id"]
        self.assertIn(say("embed.none"), self.frame(record=deal).page.text)
        csrf = self.b.get("/?notice=signed_out").page.forms[0]["fields"]["csrf"]
        r = self.b.post("/inbox/%d/link" % self.thread, {"csrf": csrf, "kind": "deal", "id": deal})
        self.assertEqual(200, r.status)
        inside = self.frame(record=deal)
        self.assertIn("First question", inside.text)
        r = self.b.post("/inbox/%d/unlink" % self.thread, {"csrf": csrf, "slot": "work"})
        self.assertEqual(200, r.status)
        self.assertIn(say("embed.none"), self.frame(record=deal).page.text)
        self.assertEqual(401, Browser(self.st).get(inside.url).status)

    def test_read_and_answer(self):
        self.st.link(self.thread, "deal", DEAL)
        b = Browser(self.st)
        r = b.get(self.address())
        # As a browser sends the form of a page without referrer, in a frame.
        r = b.submit(r, "/reply", {"text": "Yes, in 54 and 56"}, headers={"Origin": "null", "Sec-Fetch-Site": "same-origin"})
        self.assertEqual(200, r.status)
        self.assertIn("/pd/v", r.url)
        self.assertIn("Yes, in 54 and 56", r.text)
        until(lambda: self.st.arrived() == ["Yes, in 54 and 56"], 10)
        self.assertEqual([(MARIA,)], self.st.db("SELECT u.pd_user_id FROM outbox o JOIN user u ON u.id = o.user_id"))
        until(lambda: say("state.sent") in b.get(r.url).text or say("state.delivered") in b.get(r.url).text, 10)
        # Refused ones keep the text, in the frame.
        bad = b.submit(b.get(r.url), "/reply", {"text": "a" * 2001})
        self.assertEqual(422, bad.status)
        self.assertIn(HOSTS, bad.header("Content-Security-Policy"))
        self.assertIn("a" * 2001, bad.text)
        self.assertEqual({}, {k: v for k, v in b.cookies.items() if v})

    def test_foreign_forms(self):
        self.st.link(self.thread, "deal", DEAL)
        b = Browser(self.st)
        r = b.get(self.address())
        for h in ({"Origin": "https://evil.example"}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
                  {"Origin": None, "Sec-Fetch-Site": "same-site"}, {"Origin": None, "Referer": "https://evil.example/x"}):
            with self.subTest(h):
                self.assertEqual(403, b.submit(r, "/reply", {"text": "Spam"}, headers=h).status)
        # A null origin opens nothing where a cookie counts.
        form = self.b.get("/inbox/%d" % self.thread)
        self.assertEqual(403, self.b.submit(form, "/reply", {"text": "Spam"}, headers={"Origin": "null"}).status)
        self.assertEqual([], self.state(self.thread))

    def test_poll(self):
        self.st.link(self.thread, "deal", DEAL)
        b = Browser(self.st)
        r = b.get(self.address())
        poll = dict(r.page.tags)["body"]["data-poll"]
        one = b.get(poll)
        self.assertEqual(200, one.status)
        self.assertEqual(304, b.get(poll, headers={"If-None-Match": one.header("ETag")}).status)
        self.assertNotIn('id="list"', one.text)
        self.st.customer("And in blue?")
        two = until(lambda: [x for x in [b.get(poll, headers={"If-None-Match": one.header("ETag")})] if x.status == 200], 10)[0]
        self.assertIn("And in blue?", two.text)
        # Reading here is reading.
        self.assertEqual(1, len(self.st.db("SELECT 1 FROM seen WHERE thread_id = ?", self.thread)))

    def test_older_and_files(self):
        self.st.control("customer/history", {"page": "108422330517604", "psid": LIISA, "count": 40, "end": int(time.time() * 1000) - HOUR})
        self.st.control("customer/write", {"page": "108422330517604", "psid": LIISA, "attachments": [{"type": "image", "picture": "bicycle"}]})
        self.st.delivered()
        until(lambda: self.st.sync() == 0 and self.st.db("SELECT 1 FROM attachment WHERE file > ''"), 30)
        until(lambda: self.st.sync() == 0 and self.st.db("SELECT 1 FROM thread WHERE picture > ''"), 30)
        self.st.link(self.thread, "deal", DEAL)
        b = Browser(self.st)
        r = b.get(self.address())
        for part in ("/media/", "/avatar/"):
            src = next(a["src"] for t, a in r.page.tags if t == "img" and part in a.get("src", ""))
            self.assertIn(self.base(r), src)
            got = b.get(src)
            self.assertEqual(200, got.status)
            self.assertTrue(got.header("Content-Type").startswith("image/"))
            self.assertIn("frame-ancestors 'none'", got.header("Content-Security-Policy"))
            # The same file needs somebody signed in elsewhere.
            self.assertEqual(401, b.get(src.replace(self.base(r), ""), headers={"Sec-Fetch-Dest": "image"}).status)
        self.st.write("UPDATE thread SET history = 'more' WHERE id = ?", self.thread)
        older = b.get(r.url).page.link_to("before=")
        self.assertIn(self.base(r), older)
        self.assertEqual(200, b.get(older).status)
        self.assertIn(say("log.newest"), b.get(older).text)

    def test_hostile_names(self):
        evil = "<img src=x onerror=alert(1)> \"'&"
        self.st.link(self.thread, "deal", DEAL)
        self.st.write("UPDATE thread SET name = ? WHERE id = ?", evil, self.thread)
        self.st.write("UPDATE page SET name = ?", evil)
        self.st.write("UPDATE install SET company_name = ?, visibility = 'private'", evil)
        self.st.write("UPDATE user SET name = ?", evil)
        self.st.customer(evil)
        until(lambda: evil in self.frame().page.text, 10)
        for r in (self.frame(), self.frame(place="settings")):
            self.assertNotIn("<img src=x", r.text)
            self.assertIn(evil, r.page.text)

    def test_pass_is_no_session(self):
        self.st.link(self.thread, "deal", DEAL)
        b = Browser(self.st)
        r = b.get(self.address())
        base = self.base(r)
        text = base.partition("/pd/")[2]
        for cookie in ("session=" + text, "session=" + base):
            self.assertEqual(303, b.get("/inbox", headers={"Cookie": cookie}, follow=False).status)
        for path in ("/inbox", "/settings", "/health", "/poll", "/shelf", "/inbox/%d/panel" % self.thread):
            with self.subTest(path):
                self.assertIn(b.get(base + path, follow=False).status, (401, 404))
        # Nor does a session stand for a pass.
        for path in ("/pd/x/panel", "/pd/%s/panel" % ("v1." + "A" * 80), "/pd/x/inbox/%d" % self.thread):
            bad = self.b.get(path)
            self.assertEqual((401, say("problem.pass")), (bad.status, bad.page.by_id_text["problem"]))
        # One character changed.
        last = "A" if text[-1] != "A" else "B"
        self.assertEqual(401, b.get("/pd/%s/panel" % (text[:-5] + last + text[-4:])).status)
        # It is for its record: other conversations, other records, the settings are not in it.
        self.st.customer("Another customer", psid=JAAN)
        other = until(lambda: self.st.thread(JAAN))
        self.st.link(other, "person", PERSON)
        for path in ("/inbox/%d" % other, "/poll/%d" % other, "/avatar/%d" % other, "/media/%d/1/0" % other, "/settings"):
            with self.subTest(path):
                self.assertEqual(401, b.get(base + path).status)
        self.assertEqual(401, b.post(base + "/inbox/%d/reply" % other, {"text": "No", "key": "k" * 20}).status)
        self.assertEqual([], self.state(other))
        settings = self.base(self.frame(place="settings"))
        self.assertEqual(200, b.get(settings + "/settings").status)
        self.assertEqual(401, b.get(settings + "/panel").status)
        self.assertEqual(401, b.get(settings + "/inbox/%d" % self.thread).status)

    def test_changes_count_at_once(self):
        self.st.link(self.thread, "deal", DEAL)
        peeter, _ = self.st.sign_in(user=PEETER)
        b = Browser(self.st)
        r = b.get(self.address(user=PEETER))
        poll = dict(r.page.tags)["body"]["data-poll"]
        form = r.page.form_to("/reply")
        self.assertEqual(200, b.get(poll).status)

        def shut(key):
            for url in (r.url, poll):
                got = b.get(url)
                self.assertEqual(401, got.status)
                self.assertNotIn("First question", got.text)
            self.assertEqual(say(key), b.get(r.url).page.by_id_text["problem"])
            self.assertEqual(401, b.post(form["action"], dict(form["fields"], text="No")).status)

        self.st.write("UPDATE install SET visibility = 'private'")
        shut("problem.private")
        self.refused(403, "problem.private", user=PEETER)
        self.assertEqual(200, self.frame().status)          # the owner reads on
        self.st.write("UPDATE install SET visibility = 'shared'")
        self.assertEqual(200, b.get(poll).status)
        self.st.write("UPDATE user SET active = 0 WHERE pd_user_id = ?", PEETER)
        shut("problem.pass_person")
        self.refused(403, "problem.pass_person", user=PEETER)
        self.st.write("UPDATE user SET active = 1")
        self.st.write("UPDATE install SET state = 'removed'")
        shut("problem.pass_person")
        self.refused(403, "problem.pass_person", user=PEETER)
        self.st.write("UPDATE install SET state = 'active'")
        self.st.write("DELETE FROM link")
        shut("problem.pass_unlinked")
        self.assertEqual([], self.state(self.thread))

    def test_deactivated_in_pipedrive(self):
        """Who only ever looks from inside Pipedrive is looked at anew every hour as well."""
        self.st.link(self.thread, "deal", DEAL)
        self.st.sign_in(user=PEETER)
        self.st.write("DELETE FROM session")
        b = Browser(self.st)
        r = b.get(self.address(user=PEETER))
        self.assertEqual(200, r.status)
        self.st.control("pipedrive/user", {"company": ACME, "id": PEETER, "active": False})
        self.st.clock(HOUR + 1000)
        self.assertEqual(200, b.get(r.url).status)      # and asks for a look
        until(lambda: b.get(r.url).status == 401, 10)
        self.assertEqual(say("problem.pass_over"), b.get(r.url).page.by_id_text["problem"])
        self.assertEqual(200, self.frame(token(exp=int(time.time()) + 3800)).status)

    def test_pass_ends(self):
        self.st.link(self.thread, "deal", DEAL)
        b = Browser(self.st)
        r = b.get(self.address())
        self.st.clock(11 * HOUR)
        self.assertEqual(200, b.get(r.url).status)
        self.st.clock(12 * HOUR + 1000)
        over = b.get(r.url)
        self.assertEqual((401, say("problem.pass_over")), (over.status, over.page.by_id_text["problem"]))
        # The script knows where a fresh token leads to the same place.
        renew = dict(over.page.tags)["body"]["data-renew"]
        fresh = token(exp=int(time.time()) + 12 * 3600 + 200, iat=int(time.time()) + 12 * 3600)
        self.assertEqual(200, b.get(renew + "&token=" + fresh).status)
        # A clock that was wrong made a pass of the future: not for ever.
        self.st.clock(-24 * HOUR)
        self.assertEqual(401, b.get(r.url).status)

    def test_settings(self):
        """The same as the settings page says, to the same people; what changes something opens in a tab."""
        r = self.frame(place="settings")
        for words in ("Acme Sales", "Bramble Bikes", say("health.works"), say("settings.is_shared")):
            self.assertIn(words, r.page.text)
        self.assertEqual([], r.page.forms)
        self.assertTrue(r.page.links)
        self.assertEqual({"_blank"}, {a.get("target") for _, a in r.page.links})
        for part in ("/settings/page/", "/health", "/connect/more"):
            self.assertEqual(part, part if r.page.link_to(part) else "")
        self.st.sign_in(user=PEETER)
        theirs = self.frame(place="settings", user=PEETER)
        self.assertIn("Bramble Bikes", theirs.page.text)
        for part in ("/settings/page/", "/health", "/connect/more"):
            self.assertNotIn(part, theirs.text)
        self.st.write("UPDATE install SET visibility = 'private'")
        self.assertIn(say("settings.is_private"), self.frame(place="settings").page.text)
        theirs = self.frame(place="settings", user=PEETER)
        self.assertIn(say("settings.is_private"), theirs.page.text)
        self.assertNotIn("Bramble", theirs.text)
        self.assertNotIn(say("settings.not_yours"), theirs.page.text)
        self.st.write("UPDATE user SET admin = 1")
        self.assertIn(say("settings.not_yours"), self.frame(place="settings", user=PEETER).page.text)
        self.st.write("UPDATE page SET state = 'broken', why = 'error.fb.token'")
        self.assertNotIn(say("health.works"), self.frame(place="settings").page.text)

    def test_headers_of_every_route(self):
        self.st.link(self.thread, "deal", DEAL)
        base = self.base(self.frame())
        with open(SRC + "/cgi-bin/routes.c", encoding="utf-8") as f:
            routes = re.findall(r'\{ (M_\w+(?: \| M_\w+)*),\s*"([^"]+)"', f.read())
        self.assertGreater(len(routes), 30)
        own = "frame-ancestors " + HOSTS + " " + self.st.sandbox
        for methods, pattern in routes:
            path = pattern.replace("/pd/{pass}", base).replace("{thread}", str(self.thread))
            path = re.sub(r"\{\w+\}", "1", path)
            framed = pattern.startswith("/pd/")
            for b in (Browser(self.st), self.b):
                for method in ("GET", "POST"):
                    if method == "POST" and b is self.b and "M_POST" in methods:
                        continue        # a person's forms would do something
                    with self.subTest(pattern, method=method):
                        r = b.request(method, path, body=b"" if method == "POST" else None, follow=False,
                                      headers={"Content-Type": "application/x-www-form-urlencoded"})
                        csp = r.header("Content-Security-Policy")
                        want = own if framed and "M_" + method in methods else "frame-ancestors 'none'"
                        if r.status == 200 and r.header("Content-Type").startswith("image/"):
                            want = "frame-ancestors 'none'"
                        self.assertEqual(1, csp.count("frame-ancestors"))
                        self.assertTrue(csp.endswith(want) or want + ";" in csp, csp)
                        self.assertIsNone(r.header("X-Frame-Options"))
                        if want == own:
                            self.assertIsNone(r.header("Set-Cookie"))
                            self.assertEqual("no-referrer", r.header("Referrer-Policy"))
                            self.assertNotIn("max-age", r.header("Cache-Control") or "")
        self.assertNotIn(HOSTS, self.b.get("/pd").header("Content-Security-Policy"))

    def test_nothing_secret_in_the_log(self):
        self.st.link(self.thread, "deal", DEAL)
        tok = token()
        b = Browser(self.st)
        r = b.get(self.address(tok))
        b.submit(r, "/reply", {"text": "A confidential word"})
        b.get(self.base(r)[:-3] + "xyz/panel")
        until(lambda: self.st.arrived() == ["A confidential word"], 10)
        log = self.st.log()
        for secret in (tok, tok.rpartition(".")[2], self.base(r).partition("/pd/")[2][:40], "confidential"):
            self.assertNotIn(secret, log)


class Real(Embedded, unittest.TestCase):
    def test_only_pipedrives_hosts(self):
        """With Pipedrive's own address nothing of a loopback may frame us."""
        with Stand(conf={"pipedrive.oauth_url": "https://oauth.pipedrive.com"}) as self.st:
            r = self.frame()
            self.assertTrue(r.header("Content-Security-Policy").endswith("frame-ancestors " + HOSTS))


if __name__ == "__main__":
    unittest.main()
