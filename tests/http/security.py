# SPDX-License-Identifier: MIT
"""security - who sees what, and what strangers can do: nothing.

Proved over every row of cgi-bin/routes.c: a company never sees another one,
colleagues never a private connection, nobody anything without a session;
forms of other sites do nothing.  And: headers and cookies, odd paths, methods
and parameters, what the log and the database hold.
"""
import glob
import http.client
import os
import re
import socket
import sqlite3
import stat
import unittest
import urllib.parse

from stand import (ACME, AOZORA, APP_SECRET, ASID_MISAKI, JAAN, LIISA, MISAKI, PAGE_A, PAGE_C, PEETER, SRC, TAKAHASHI, VERIFY, Stand,
                   say, until)

SECRET = "only-Acme-may-read-this"


def routes():
    """(method, pattern, needs) of the whole attack surface."""
    with open(os.path.join(SRC, "cgi-bin/routes.c"), encoding="utf-8") as f:
        rows = re.findall(r'\{\s*(M_[A-Z_| ]+),\s*"([^"]+)",\s*([A-Z_| ]+),', f.read())
    out = [(m.strip()[2:], pattern, needs) for methods, pattern, needs in rows for m in methods.split("|")]
    assert len(out) > 20, out
    return out


ROUTES = routes()


class Case(unittest.TestCase):
    conf = {}

    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand(conf=cls.conf))
        cls.b = cls.st.connect("shared")
        cls.st.customer(SECRET)
        cls.st.control("customer/write", {"page": PAGE_A, "psid": LIISA, "attachments": [{"type": "image", "picture": "cat"}]})
        cls.st.delivered()
        cls.thread = cls.st.thread()
        until(lambda: cls.st.db("SELECT 1 FROM attachment WHERE file <> ''") and cls.st.db("SELECT 1 FROM thread WHERE picture <> ''"))
        cls.st.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {"message": "x", "code": 551}})
        cls.st.reply(cls.b, cls.thread, SECRET + ", said Maria")
        until(lambda: cls.st.db("SELECT 1 FROM outbox WHERE state = 'failed'"))
        cls.message = cls.st.db("SELECT msg_id FROM attachment")[0][0]
        cls.failed = cls.st.db("SELECT msg_id FROM outbox")[0][0]
        cls.st.control("event", {"page": PAGE_A, "event": {"sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "brand_new": SECRET}})
        cls.st.delivered()
        cls.event = cls.st.db("SELECT id FROM quarantine")[0][0]

    def address(self, pattern):
        fill = {"thread": self.thread, "message": self.failed if "retry" in pattern or "dismiss" in pattern else self.message, "n": 0,
                "event": self.event, "secret": "a-wrong-guess", "state": "list", "key": "a-wrong-guess", "pass": "v1.a-wrong-guess", "code": "0" * 32, "export": 1,
                "page": self.st.db("SELECT id FROM page WHERE fb_id = ?", PAGE_A)[0][0]}
        return re.sub(r"\{(\w+)\}", lambda m: str(fill[m.group(1)]), pattern)

    def fields(self, pattern, csrf=None):
        """What a form for this address would hold."""
        f = {"/language": {"lang": "ja", "back": "/"}, "/theme": {"theme": "dark", "back": "/"}, "/connect/visibility": {"visibility": "shared"}, "/connect/pages": {"page": PAGE_A}}.get(
            pattern, {"text": "injected", "key": "k" * 24})
        return dict(f, csrf=csrf) if csrf is not None else f

    def csrf(self, b):
        return b.get("/?notice=signed_out").page.forms[0]["fields"]["csrf"]

    def ask(self, b, method, pattern, csrf=None, **kw):
        if method == "POST" and pattern != "/hook/facebook":
            return b.post(self.address(pattern), self.fields(pattern, csrf), follow=False, **kw)
        return b.request(method, self.address(pattern), follow=False, **kw)

    def snapshot(self):
        c = sqlite3.connect("file:%s?mode=ro" % self.st.path("inbox.db"), uri=True)
        try:
            names = [n for (n,) in c.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {n: sorted(map(repr, c.execute("SELECT * FROM %s" % n))) for n in names if n not in ("flow", "session", "audit") and not n.startswith("search")}
        finally:
            c.close()

    def leaks(self, r):
        return [w for w in (SECRET, "Liisa", "Bramble", "Acme", "Maria", "cat.png") if w in r.text + str(r.headers)] if r.body[:4] != b"\x89PNG" else ["picture"]


class OtherCompany(Case):
    def test_no_address_of_ours_tells_them_anything(self):
        st = self.st
        them = st.connect("shared", AOZORA, MISAKI, ASID_MISAKI, (PAGE_C,), lang="ja")
        st.customer("彼らの客", page=PAGE_C, psid=TAKAHASHI)
        csrf = self.csrf(them)
        until(lambda: st.db("SELECT 1 FROM thread WHERE psid = ? AND profile_at = 0", TAKAHASHI))
        before = self.snapshot()
        asked = 0
        for method, pattern, _ in ROUTES:
            if pattern in ("/signout", "/language", "/connect/pages", "/connect/visibility"):
                continue
            if method == "POST" and pattern in ("/settings/visibility", "/settings/retention", "/settings/export"):
                continue        # their own
            with self.subTest("%s %s" % (method, pattern)):
                r = self.ask(them, method, pattern, csrf)
                self.assertEqual(self.leaks(r), [])
                self.assertLess(r.status, 500)
                if "{" in pattern:
                    # These lead back to the conversation in any case, and that one is not there.
                    back = "retry" in pattern or "dismiss" in pattern
                    # What opens an address in Pipedrive's frame: embed.py; at an unknown address of its webhooks nothing happens: follow.py.
                    self.assertIn(r.status, (401,) if "{pass}" in pattern else (200,) if "{key}" in pattern else (303, 403, 404) if back else (403, 404))
                    asked += 1
        self.assertGreaterEqual(asked, 5)
        for url in ("/poll?thread=%d" % self.thread, "/inbox/%d?before=9999999999999.1" % self.thread, "/inbox?before=9999999999999.1", "/poll", "/inbox"):
            r = them.get(url, follow=False)
            self.assertEqual(self.leaks(r), [], url)
            self.assertEqual(r.status, 404 if str(self.thread) in url.split("?")[0] or "thread=" in url else 200, url)
        after = self.snapshot()
        for table in ("outbox", "message", "thread", "page", "seen"):
            self.assertEqual([r for r in before[table] if r not in after[table]], [], table)
        # Our address differs from their missing one in nothing but the number of the request.
        plain = lambda r: re.sub(r"<code>.*?</code>|value=\"[^\"]*\"", "", r.text)
        self.assertEqual(plain(them.get("/inbox/%d" % self.thread)), plain(them.get("/inbox/999999")))

    def test_their_reply_form_for_our_conversation(self):
        st = self.st
        if st.db("SELECT count(*) FROM install") == [(1,)]:
            st.connect("shared", AOZORA, MISAKI, ASID_MISAKI, (PAGE_C,), lang="ja")
        them, _ = st.sign_in(AOZORA, MISAKI)
        sends = len(st.requests(endpoint="fb.send"))
        for path in ("/inbox/%d/reply" % self.thread, "/inbox/%d/retry/%d" % (self.thread, self.failed),
                     "/inbox/%d/dismiss/%d" % (self.thread, self.failed)):
            r = them.post(path, {"csrf": self.csrf(them), "text": "from outside", "key": "q" * 24})
            self.assertEqual(r.status, 404)
            self.assertEqual(self.leaks(r), [])
        st.sync(2)
        self.assertEqual(len(st.requests(endpoint="fb.send")), sends)
        self.assertEqual(st.db("SELECT state FROM outbox"), [("failed",)])


class PrivateConnection(Case):
    def test_colleagues_learn_nothing_on_any_route(self):
        """Also those who were let in while it was shared, and other admins."""
        self.st.control("pipedrive/user", {"company": ACME, "id": 10483299, "name": "Second Admin", "admin": True})
        colleagues = [self.st.sign_in(user=u)[0] for u in (PEETER, 10483299)]
        for b in colleagues:
            self.assertIn(SECRET, b.get("/inbox/%d" % self.thread).text)
        c = sqlite3.connect(self.st.path("inbox.db"), timeout=10)
        c.execute("UPDATE install SET visibility = 'private'")
        c.commit()
        c.close()
        for b in colleagues:
            self.shut_out(b)
        self.assertIn(SECRET, self.b.get("/inbox/%d" % self.thread).text)

    def shut_out(self, peeter):
        csrf = self.csrf(peeter)
        before = self.snapshot()
        for method, pattern, needs in ROUTES:
            if pattern in ("/signout", "/language"):
                continue
            with self.subTest("%s %s" % (method, pattern)):
                r = self.ask(peeter, method, pattern, csrf)
                self.assertNotIn(SECRET, r.text)
                self.assertNotIn("Liisa", r.text)
                self.assertNotEqual(r.body[:4], b"\x89PNG")
                # What the settings show to whom: rights.py.
                if ("NEED_SESSION" in needs or "NEED_ADMIN" in needs) and not pattern.startswith("/settings"):
                    self.assertEqual(r.status, 403)
        for url in ("/poll?thread=%d" % self.thread, "/inbox?before=9999999999999.1"):
            self.assertEqual(peeter.get(url, follow=False).status, 403)
        self.assertEqual({k: v for k, v in self.snapshot().items() if k != "user"}, {k: v for k, v in before.items() if k != "user"})


class NotAdmin(Case):
    def test_what_only_admins_do(self):
        peeter, _ = self.st.sign_in(user=PEETER)
        for method, pattern, needs in ROUTES:
            if "NEED_ADMIN" in needs or "NEED_KEEPER" in needs:
                r = self.ask(peeter, method, pattern, self.csrf(peeter))
                self.assertEqual(r.status, 403)
                self.assertIn(say("problem.not_admin"), r.page.text)
        self.assertFalse([h for h, _ in peeter.get("/inbox").page.links if "/connect/more" in h])


class NoSession(Case):
    def everywhere(self, b, name):
        for method, pattern, needs in ROUTES:
            if not re.search("NEED_(SESSION|ADMIN|KEEPER)", needs):
                continue
            with self.subTest("%s: %s %s" % (name, method, pattern)):
                r = self.ask(b, method, pattern)
                self.assertEqual(self.leaks(r), [])
                self.assertEqual(r.status, 303 if method == "GET" else 401)
                if method == "GET":
                    self.assertEqual(r.header("Location"), self.st.url + "/")

    def with_cookie(self, value, name="session"):
        b = self.st.browser()
        b.extra["Cookie"] = "%s=%s" % (name, value)
        return b

    def test_strangers(self):
        good = next(iter(self.b.cookies.values()))["session"]
        self.everywhere(self.st.browser(), "nobody")
        flipped = good[:-2] + ("A" if good[-2] != "A" else "B") + good[-1]
        for name, value in (("forged", "A" * 43), ("empty", ""), ("changed", flipped), ("cut", good[:-1]), ("longer", good + "A"),
                            ("twice", good + "; session=" + good), ("quoted", '"%s"' % good), ("injected", "' OR 1=1 --"), ("long", "A" * 4000)):
            self.everywhere(self.with_cookie(value), name)
        self.everywhere(self.with_cookie(good, "Session"), "another name")
        self.assertIn(SECRET, self.with_cookie(good).get("/inbox/%d" % self.thread).text)

    def test_scripts_get_401(self):
        b = self.st.browser()
        for url in ("/poll", "/media/%d/%d/0" % (self.thread, self.message), "/avatar/%d" % self.thread):
            self.assertEqual(b.get(url, follow=False, headers={"Sec-Fetch-Dest": "empty"}).status, 401)

    def test_signed_out(self):
        b, _ = self.st.sign_in()
        old = next(iter(b.cookies.values()))["session"]
        b.submit(b.get("/inbox"), "/signout")
        self.assertEqual(b.get("/inbox", follow=False).status, 303)
        self.everywhere(self.with_cookie(old), "signed out")
        self.assertEqual(self.b.get("/inbox", follow=False).status, 200)    # the same person elsewhere

    def test_never_a_former_session(self):
        b = self.st.browser()
        b.cookies[urllib.parse.urlsplit(self.st.url).netloc] = {"session": "F" * 43}
        b, _ = self.st.sign_in(browser=b)
        self.assertNotEqual(next(iter(b.cookies.values()))["session"], "F" * 43)

    def test_expired(self):
        b, _ = self.st.sign_in()
        self.st.clock(14 * 86_400_000 + 60_000)
        self.addCleanup(self.st.clock, 0)
        self.everywhere(b, "expired")


class Forms(Case):
    """Every POST but the webhook, with something wrong about where it came from."""

    def test_refused(self):
        st = self.st
        visitor = st.browser()
        visitor_csrf = visitor.get("/").page.forms[0]["fields"]["csrf"]
        other, _ = st.sign_in(user=PEETER)
        good, alien = self.csrf(self.b), self.csrf(other)
        before = self.snapshot()
        foreign = "https://evil.example"
        wrong = [("missing", None, {}), ("empty", "", {}), ("changed", good[:-1] + ("A" if good[-1] != "A" else "B"), {}), ("cut", good[:-1], {}),
                 ("a visitor's", visitor_csrf, {}), ("a colleague's", alien, {}),
                 ("foreign origin", good, {"Origin": foreign}), ("null origin", good, {"Origin": "null"}), ("our name, other port", good, {"Origin": st.url + "1"}),
                 ("longer", good, {"Origin": st.url + ".evil.example"}),
                 ("cross-site", good, {"Sec-Fetch-Site": "cross-site"}), ("same-site", good, {"Sec-Fetch-Site": "same-site"}),
                 ("foreign referer", good, {"Origin": None, "Referer": foreign + "/form"}), ("referer that begins like ours", good, {"Origin": None, "Referer": st.url + ".evil.example/"})]
        posts = [(m, p) for m, p, needs in ROUTES if "NEED_CSRF" in needs and m == "POST"]
        self.assertGreaterEqual(len(posts), 6)
        self.assertFalse([p for m, p, needs in ROUTES if m == "POST" and "NEED_CSRF" not in needs and "NEED_PASS" not in needs and p not in (
            "/hook/facebook", "/hook/pipedrive/{key}", "/tick/{secret}", "/facebook/deauthorize", "/facebook/deletion")])
        for name, token, headers in wrong:
            for method, pattern in posts:
                with self.subTest("%s: %s" % (name, pattern)):
                    r = self.ask(self.b, method, pattern, token, headers=dict(headers, **{"Content-Type": "application/x-www-form-urlencoded"}))
                    self.assertEqual(r.status, 403)
                    self.assertIn(say("problem.csrf"), r.page.text)
        self.assertEqual(self.snapshot(), before)
        self.assertEqual(self.b.get("/inbox", follow=False).status, 200)

    def test_accepted(self):
        """The same with nothing wrong: the refusals above are for their reason."""
        for headers in ({}, {"Origin": self.st.url.upper().replace("HTTP", "http")}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"},
                        {"Origin": None}, {"Origin": None, "Referer": self.st.url + "/inbox"}):
            r = self.b.post("/language", {"csrf": self.csrf(self.b), "lang": "en", "back": "/"}, follow=False, headers=headers)
            self.assertEqual(r.status, 303, headers)

    def test_other_kinds_of_bodies(self):
        for kind in ("text/plain", "application/json", "multipart/form-data; boundary=x", None, "application/x-www-form-urlencodedx"):
            body = urllib.parse.urlencode({"csrf": self.csrf(self.b), "lang": "ja", "back": "/"}).encode()
            r = self.b.request("POST", "/language", body=body, headers={"Content-Type": kind}, follow=False)
            self.assertEqual(r.status, 415, kind)
        self.assertEqual(self.b.post("/language", {"csrf": "x" * 5000, "lang": "ja"}, follow=False).status, 413)
        self.assertEqual(self.b.post("/language", [("x%d" % i, "") for i in range(600)], follow=False).status, 413)

    def test_back_leads_nowhere_else(self):
        for back in ("//evil.example/", "/\\evil.example", "https://evil.example/", "javascript:alert(1)", "\\\\evil", "/\t/evil.example", "/\r\nX: y", "",
                     "/%0d%0aSet-Cookie:%20a=b", "http:evil"):
            r = self.b.post("/language", {"csrf": self.csrf(self.b), "lang": "en", "back": back}, follow=False)
            where = r.header("Location") or ""
            self.assertEqual(r.status, 303, back)
            self.assertTrue(where.startswith(self.st.url + "/"), where)
            self.assertNotIn("//", where[len(self.st.url):], back)
            self.assertNotIn("\n", where)
            self.assertIsNone(r.headers.get("X"))


class Headers(Case):
    PAGES = ("/", "/inbox", "/poll", "/nothing-here", "/connect/visibility", "/connect/import")

    def test_on_every_page(self):
        for b in (self.b, self.st.browser()):
            for url in self.PAGES + ("/inbox/%d" % self.thread,):
                with self.subTest(url):
                    r = b.get(url, follow=False)
                    csp = r.header("Content-Security-Policy")
                    for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
                        self.assertIn(part, csp)
                    self.assertNotIn("unsafe", csp)
                    self.assertEqual(r.header("X-Content-Type-Options"), "nosniff")
                    self.assertEqual(r.header("Referrer-Policy"), "same-origin")
                    self.assertIn("no-cache" if url == "/poll" and r.status == 200 else "no-store", r.header("Cache-Control"))
                    self.assertIsNone(r.header("Strict-Transport-Security"))
                    self.assertIsNone(r.header("Access-Control-Allow-Origin"))
                    for line in r.headers.get_all("Set-Cookie") or []:
                        self.assertIn("HttpOnly", line)
                        self.assertIn("SameSite=Lax", line)
                        self.assertIn("Path=/", line)
                    # Nothing in a page needs what the policy forbids.
                    self.assertFalse(re.search(r"<[^>]+\s(on\w+|style)=", r.text), url)
                    self.assertFalse(re.search(r"<script(?![^>]*\ssrc=)", r.text), url)

    def test_of_files(self):
        for url in ("/media/%d/%d/0" % (self.thread, self.message), "/avatar/%d" % self.thread):
            r = self.b.get(url)
            self.assertEqual((r.status, r.header("Content-Type"), r.header("X-Content-Type-Options")), (200, "image/png", "nosniff"))
            self.assertTrue(r.header("Cache-Control").startswith("private"))
            self.assertIn("sandbox", r.header("Content-Security-Policy"))

    def test_https(self):
        base = "https://inbox.example.test"
        with Stand(conf={"base_url": base}) as st:
            b = st.browser()
            r = b.get("/", follow=False)
            self.assertIn("max-age=31536000", r.header("Strict-Transport-Security"))
            cookies = r.headers.get_all("Set-Cookie")
            self.assertTrue(cookies)
            csrf = r.page.forms[0]["fields"]["csrf"]
            r = b.post("/language", {"csrf": csrf, "lang": "ja", "back": "/"}, headers={"Origin": base}, follow=False)
            self.assertEqual((r.status, r.header("Location")), (303, base + "/"))
            r2 = b.get("/connect", follow=False)
            for line in cookies + r.headers.get_all("Set-Cookie") + r2.headers.get_all("Set-Cookie"):
                self.assertTrue(line.startswith("__Host-"), line)
                self.assertIn("; Secure", line)
                self.assertIn("; Path=/;", line)
                self.assertNotIn("Domain", line)
            # A cookie without the prefix could be a neighbour's.
            b = st.browser()
            b.extra["Cookie"] = "visitor=" + "A" * 43
            self.assertTrue(b.get("/", follow=False).headers.get_all("Set-Cookie"))
            r = b.post("/language", {"csrf": csrf, "lang": "ja", "back": "/"}, headers={"Origin": "http://inbox.example.test"}, follow=False)
            self.assertEqual(r.status, 403)


class Odd(Case):
    def raw(self, target, method="GET", headers=(), body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.st.port, timeout=10)
        c.putrequest(method, target, skip_accept_encoding=True)
        c.putheader("Cookie", "session=" + next(iter(self.b.cookies.values()))["session"])
        for k, v in headers:
            c.putheader(k, v)
        c.endheaders(body)
        r = c.getresponse()
        data = r.read()
        c.close()
        return r, data

    def test_paths(self):
        ids = {"@": str(self.thread), "#": str(self.message)}
        for target in ("//inbox", "/inbox//@", "//evil.example/inbox", "/./inbox", "/inbox/./@", "/x/../inbox", "/inbox/../inbox/@", "/%2e%2e/inbox",
                       "/inbox%2F@", "/inbox/@%2freply", "/inbox%00", "/inbox/@%00", "/inbox/@%0d%0aX:y", "/%c0%afinbox", "/inbox/%ff", "/inbox/%",
                       "/inbox/@%", "/inbox/%zz", "/inbox\\@", "/inbox/@;x=1", "/inbox/0@", "/inbox/+@", "/inbox/@.0", "/inbox/-@", "/inbox/@/",
                       "/inbox/@/x", "/INBOX", "/inbox/" + "9" * 40, "/media/@/#/00", "/media/@/#/-1", "/media/@/../../inbox.db",
                       "/media/..%2f..%2finbox.conf/1/1", "/static/../inbox.conf", "/static/..%2f..%2finbox.conf", "/static/%2e%2e/%2e%2e/etc/passwd",
                       "/../../etc/passwd", "/inbox.conf", "/keys", "/inbox.db", "/.git/config", "/" + "a" * 9000, "/" + "a/" * 2000,
                       "/inbox?" + "a=1&" * 3000):
            target = re.sub("[@#]", lambda m: ids[m.group()], target)
            with self.subTest(target[:60]):
                try:
                    r, data = self.raw(target)
                except (http.client.HTTPException, ConnectionError):
                    continue
                normalised = target in ("/./inbox", "/x/../inbox", "//inbox") and r.status == 200    # some servers tidy up before they ask us
                if not normalised:
                    self.assertIn(r.status, (301, 400, 403, 404, 413, 414, 431))
                self.assertNotIn(b"root:", data)
                self.assertNotIn(APP_SECRET.encode(), data)
                self.assertNotIn(b"SQLite format", data)

    def test_methods(self):
        for method, pattern, _ in ROUTES:
            allowed = {m for m, p, _ in ROUTES if p == pattern}
            for other in {"GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "FOO"} - allowed:
                with self.subTest("%s %s" % (other, pattern)):
                    r, _ = self.raw(self.address(pattern), other, [("Content-Length", "0")])
                    self.assertIn(r.status, (405, 501) if other in ("GET", "POST", "DELETE") else (400, 405, 501, 200) if other == "OPTIONS" else (400, 405, 501))
                    if r.status == 405 and r.headers.get("Allow"):
                        self.assertEqual({m for m in r.headers["Allow"].split(", ")} - {"HEAD"}, allowed)
        for url in ("/", "/inbox", "/inbox/%d" % self.thread):
            r, data = self.raw(url, "HEAD")
            self.assertEqual((r.status in (200, 303), data), (True, b""))

    def test_parameters(self):
        for url in ("/poll?thread=1&thread=2", "/inbox?before=1.1&before=2.2", "/inbox?before=", "/inbox?before=x", "/inbox?before=1", "/inbox?before=-1.1",
                    "/inbox?before=1.1.1", "/inbox?before=99999999999999999999.1", "/inbox/%d?before=x" % self.thread, "/inbox/%d?before=1.x" % self.thread,
                    "/poll?thread=0", "/poll?thread=-1", "/poll?thread=1%20OR%201", "/poll?thread=%00", "/poll?thread=%ff", "/poll?%ff=1", "/poll?=1",
                    "/poll?thread=%zz", "/poll?" + "&".join("a%d=1" % i for i in range(700))):
            with self.subTest(url[:60]):
                self.assertIn(self.b.get(url, follow=False).status, (400, 413, 414))
        self.assertEqual(self.b.get("/poll?thread=999999", follow=False).status, 404)
        for url in ("/inbox?unheard=of", "/inbox?&&", "/poll?x", "/inbox?connected=<script>"):
            r = self.b.get(url, follow=False)
            self.assertEqual(r.status, 200, url)
            self.assertNotIn("<script>", re.sub(r"<script [^>]*></script>", "", r.text))

    def test_lengths_that_lie(self):
        """Nobody waits for a body that does not come, and what comes too much is not another request."""
        for head, status in (("POST /hook/facebook HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
                             ("POST /hook/facebook HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400),
                             ("POST /hook/facebook HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\nx", 413)):
            with socket.create_connection(("127.0.0.1", self.st.port), 10) as s:
                s.settimeout(10)
                s.sendall(head.encode())
                line = s.recv(64)
            self.assertIn(line.split()[1], (b"400", b"413") if status == 413 else (b"%d" % status,), head)
        self.assertEqual(self.st.browser().get("/").status, 200)

    def test_long_headers(self):
        for name in ("Cookie", "Accept-Language", "User-Agent", "X-Anything"):
            r = self.b.get("/", headers={name: "a" * 7000}, follow=False)
            self.assertLess(r.status, 500, name)


class Kept(Case):
    """What the log and the files hold after a whole life."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        st = cls.st
        cls.words = ["Zanzibar-incoming", "Zanzibar-outgoing", "Zanzibar-refused", "Zanzibar-edited", "Zanzibar-garbage", "Zanzibar-name"]
        mid = st.customer(cls.words[0], psid=JAAN)
        st.control("customer/edit", {"mid": mid, "text": cls.words[3]})
        st.reply(cls.b, st.thread(JAAN), cls.words[1])
        psid = st.control("customer/new", {"page": PAGE_A, "name": cls.words[5]})["psid"]
        st.customer("x", psid=psid)
        st.hook(('{"object":"page","text":"%s"' % cls.words[4]).encode())
        st.hook(b'{"Zanzibar-unsigned":1}', signature="sha256=" + "0" * 64)
        st.browser().get("/hook/facebook?hub.mode=subscribe&hub.verify_token=Zanzibar-wrong&hub.challenge=1")
        for fault in ({"status": 400, "body": {"error": {"message": "(#100) Zanzibar-error", "code": 100}}}, {"cut": "after"}, {"status": 500, "body": "Zanzibar-html"}):
            st.fault({"endpoint": "fb.send"}, times=1, **fault)
            n = len(st.requests(endpoint="fb.send"))
            st.reply(cls.b, st.thread(), cls.words[2])
            until(lambda: len(st.requests(endpoint="fb.send")) > n or st.db("SELECT 1 FROM outbox WHERE state = 'checking'"))
        st.control("token/kill", {"page": PAGE_A})
        st.sign_in(user=PEETER)
        st.browser().get("/pipedrive/callback?code=Zanzibar-code&state=Zanzibar-state")
        st.browser().get("/inbox?Zanzibar-query=1")
        st.clock(12 * 60_000)
        st.sync()
        st.clock(14 * 60_000)
        st.sync()
        cls.secrets = {APP_SECRET, VERIFY, "sandbox-pipedrive-secret"}
        for r in st.requests():
            auth = r["headers"].get("authorization", "")
            if auth:
                cls.secrets.add(auth.split(" ", 1)[1])
            for part in (r["query"], r["form"], r["json"]):
                if isinstance(part, dict):
                    cls.secrets.update(str(v) for k, v in part.items() if re.search("token|code$|proof|secret|state$", k) and len(str(v)) > 15)
            cls.secrets.update(re.findall(r'"(?:access_token|refresh_token)": ?"([^"]{16,})"', r["response"] or ""))
        for jar in cls.b.cookies.values():
            cls.secrets.update(v for v in jar.values() if len(v) > 20)

    def test_log(self):
        log = self.st.log()
        self.assertGreater(len(self.secrets), 15)
        self.assertGreater(len(log), 5000)
        self.assertEqual([s for s in self.secrets if s in log], [])
        self.assertEqual([w for w in re.findall(r"Zanzibar[\w-]*", log)], [])
        for w in ("Liisa", "Virtanen", "maria@", SECRET):
            self.assertNotIn(w, log)
        # One event, one line.
        odd = [line for line in log.splitlines() if not re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info|warn|error) \w+ prog=", line)]
        self.assertEqual(odd, [])

    def test_database(self):
        raw = b""
        for p in glob.glob(self.st.path("inbox.db*")):
            with open(p, "rb") as f:
                raw += f.read()
        self.assertIn(self.words[0].encode(), raw)       # the search finds what is there
        self.assertEqual([s for s in self.secrets if s.encode() in raw], [])

    def test_modes(self):
        for name in ("inbox.db", "keys", "media"):
            mode = stat.S_IMODE(os.stat(self.st.path(name)).st_mode)
            self.assertEqual(mode & 0o077, 0, name)
        for p in glob.glob(self.st.path("media", "*")):
            self.assertEqual(stat.S_IMODE(os.stat(p).st_mode) & 0o077, 0, p)

    def test_pages(self):
        for url in ("/inbox", "/inbox/%d" % self.thread, "/poll"):
            text = self.b.get(url).text
            self.assertEqual([s for s in self.secrets if s in text], [])


if __name__ == "__main__":
    unittest.main()
