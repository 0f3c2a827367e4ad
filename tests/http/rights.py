#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""rights - who gets what: two companies, their people, nobody, every route, private and shared.

The routes are read from cgi-bin/routes.c; a route without a rule here, or a
rule without a route, fails.  Proved too: a change of visibility counts at once
in pages, polls and files; roles are looked at anew every hour; who is no longer
active in Pipedrive is signed out; language and zone; the audit trail; who is
held to reading finds nothing that changes anything, and what he sends is refused.
"""
import re
import unittest

from security import routes
from stand import (ACME, ANNA, AOZORA, ASID_MISAKI, LIISA, MARIA, MISAKI, PAGE_A, PAGE_C, PEETER, TAKAHASHI, Stand, say, until)

HOUR = 3600000
SECRET = "only-those-who-may"
ADMIN, READER, OTHER_ADMIN, OTHER_USER = 10483299, 10483350, 10590002, 10590003

# Rule of each route, and what whoever may do it gets.
#   open      everybody, signed in or not       session   whoever is signed in
#   read      who may read messages             admin     a company admin who may read
#   write     of those, who is not held to reading
#   keeper    the installer and admins          keep-read of those, who may read
#   owner     the installer
#   monitor   as admin, or a program with the token; others are told so, not led to sign in
#   pass      who may read, with a pass of Pipedrive's frame; pass-write: write; pass-any: without reading
# "+" behind it: it is about a thing of the company; to others that does not exist.
RULES = {
    ("GET", "/"): ("open", 200, 303), ("POST", "/language"): ("open", 303), ("POST", "/theme"): ("open", 303), ("POST", "/signout"): ("open", 303),
    ("GET", "/connect"): ("open", 302), ("GET", "/pipedrive/callback"): ("open", 400), ("DELETE", "/pipedrive/callback"): ("open", 401),
    ("GET", "/connect/visibility"): ("open", 400), ("POST", "/connect/visibility"): ("open", 400),
    ("GET", "/connect/more"): ("admin", 303), ("GET", "/connect/facebook"): ("open", 200, 400),
    ("GET", "/facebook/callback"): ("open", 400), ("GET", "/connect/pages"): ("open", 400), ("POST", "/connect/pages"): ("open", 400),
    ("GET", "/connect/import"): ("read", 303), ("GET", "/hook/facebook"): ("open", 403), ("POST", "/hook/facebook"): ("open", 403),
    ("POST", "/hook/pipedrive/{key}"): ("open", 200),
    ("POST", "/facebook/deauthorize"): ("open", 403), ("POST", "/facebook/deletion"): ("open", 403),
    ("GET", "/facebook/deletion/{code}"): ("open", 404), ("GET", "/receipt/{code}"): ("open", 200), ("GET", "/setup/{code}"): ("open", 404),
    # What they want is the cookie of a one-time link, whoever is signed in: wizard.py.
    ("GET", "/setup"): ("open", 403), ("POST", "/setup"): ("open", 403), ("GET", "/setup/pipedrive"): ("open", 403), ("POST", "/setup/pipedrive"): ("open", 403),
    ("POST", "/setup/pipedrive/try"): ("open", 403), ("GET", "/setup/facebook"): ("open", 403), ("POST", "/setup/facebook"): ("open", 403),
    ("POST", "/setup/facebook/try"): ("open", 403), ("GET", "/setup/connect"): ("open", 403), ("GET", "/setup/review"): ("open", 403),
    ("GET", "/setup/sandbox"): ("open", 403), ("POST", "/setup/sandbox"): ("open", 403),
    ("GET", "/styleguide"): ("open", 404), ("GET", "/styleguide/{state}"): ("open", 404),
    ("GET", "/tick/{secret}"): ("open", 404), ("POST", "/tick/{secret}"): ("open", 404),
    ("POST", "/sync"): ("read", 303), ("GET", "/health"): ("admin", 200), ("GET", "/health/security"): ("admin", 200), ("GET", "/health.json"): ("monitor", 200, 503), ("GET", "/metrics"): ("open", 401),
    ("GET", "/inbox"): ("read", 200), ("GET", "/inbox/{thread}"): ("read+", 200), ("POST", "/inbox/{thread}/reply"): ("write+", 422),
    ("POST", "/inbox/{thread}/draft"): ("write+", 303), ("POST", "/inbox/{thread}/undo/{message}"): ("write+", 409),
    ("POST", "/inbox/{thread}/upload"): ("write+", 400), ("POST", "/media/{thread}/{message}/{n}/load"): ("read+", 303),
    ("GET", "/inbox/{thread}/m/{message}"): ("read+", 303), ("GET", "/pd/{pass}/inbox/{thread}/m/{message}"): ("pass+", 303),
    ("POST", "/inbox/{thread}/state"): ("write+", 400), ("POST", "/pd/{pass}/inbox/{thread}/state"): ("pass-write+", 400),
    ("GET", "/filter"): ("read", 200), ("POST", "/filter/save"): ("read", 400), ("POST", "/filter/drop"): ("read", 400),
    ("GET", "/inbox/{thread}/panel"): ("read+", 200), ("POST", "/inbox/{thread}/link"): ("write+", 400),
    ("POST", "/inbox/{thread}/unlink"): ("write+", 400), ("POST", "/inbox/{thread}/write"): ("write+", 400),
    # Leads back to the conversation in any case; to others that one does not exist.
    ("POST", "/inbox/{thread}/retry/{message}"): ("write", 303, 404),
    ("POST", "/inbox/{thread}/dismiss/{message}"): ("write", 303, 404),
    ("GET", "/search"): ("read", 200), ("GET", "/poll"): ("read", 200), ("GET", "/news"): ("read", 400), ("GET", "/keyboard"): ("read", 200), ("GET", "/media/{thread}/{message}/{n}"): ("read+", 200), ("GET", "/avatar/{thread}"): ("read+", 200),
    ("GET", "/shelf"): ("admin", 200), ("GET", "/shelf/{event}"): ("admin+", 200),
    ("GET", "/settings"): ("session", 200), ("POST", "/settings/person"): ("session", 303), ("POST", "/settings/visibility"): ("owner", 400),
    ("POST", "/settings/transcripts"): ("keeper", 400), ("POST", "/settings/reader"): ("keeper", 400),
    ("GET", "/settings/retention"): ("keep-read", 200), ("POST", "/settings/retention"): ("keep-read", 422),
    ("GET", "/settings/export"): ("keep-read", 200), ("POST", "/settings/export"): ("keep-read", 303),
    ("GET", "/settings/export/{export}"): ("keep-read+", 200),
    ("GET", "/settings/audit"): ("keeper", 200), ("GET", "/settings/customers"): ("keep-read", 200),
    ("GET", "/settings/customers/{thread}"): ("keep-read+", 200), ("POST", "/settings/customers/{thread}"): ("keep-read+", 303),
    ("GET", "/settings/page/{page}"): ("keeper+", 200), ("POST", "/settings/page/{page}"): ("keeper+", 400),
    ("GET", "/pd/panel"): ("open", 400), ("GET", "/pd/settings"): ("open", 403),
    ("GET", "/pd/{pass}/settings"): ("pass-any", 200), ("GET", "/pd/{pass}/panel"): ("pass", 200, 303),
    ("GET", "/pd/{pass}/inbox/{thread}"): ("pass+", 200), ("POST", "/pd/{pass}/inbox/{thread}/reply"): ("pass-write+", 422),
    ("POST", "/pd/{pass}/inbox/{thread}/draft"): ("pass-write+", 303), ("POST", "/pd/{pass}/inbox/{thread}/undo/{message}"): ("pass-write+", 409),
    ("POST", "/pd/{pass}/inbox/{thread}/upload"): ("pass-write+", 400), ("POST", "/pd/{pass}/media/{thread}/{message}/{n}/load"): ("pass+", 303),
    ("POST", "/pd/{pass}/inbox/{thread}/retry/{message}"): ("pass-write+", 303), ("POST", "/pd/{pass}/inbox/{thread}/dismiss/{message}"): ("pass-write+", 303),
    ("GET", "/pd/{pass}/poll/{thread}"): ("pass+", 200),
    ("GET", "/pd/{pass}/media/{thread}/{message}/{n}"): ("pass+", 200), ("GET", "/pd/{pass}/avatar/{thread}"): ("pass+", 200),
    ("GET", "/settings/remove"): ("keeper", 200), ("POST", "/settings/remove"): ("keeper", 400),
}
WRITING = {"text": "", "key": "k" * 24}
FIELDS = {"/language": {"lang": "en", "back": "/"}, "/theme": {"theme": "auto", "back": "/"}, "/settings/person": {"lang": "en", "zone": ""}, "/settings/retention": {"days": "1"},
          **{root + "/inbox/{thread}/" + what: WRITING for root in ("", "/pd/{pass}") for what in ("reply", "draft", "undo/{message}")}}
DEAL = 4711


class Person:
    def __init__(self, browser, role, ours, passes=None):
        self.b, self.role, self.ours = browser, role, ours
        self.passes = passes or {}

    def allowed(self, rule, shared):
        """Of the person's own company; the other one is always shared."""
        if rule == "open":
            return True
        if self.role == "nobody":
            return False
        owner, admin = self.role == "owner", self.role in ("owner", "admin")
        reads = owner or shared or not self.ours
        return {"session": True, "read": reads, "write": reads and self.role != "reader", "admin": admin and reads, "keeper": admin, "keep-read": admin and reads,
                "owner": owner}[rule]

    def statuses(self, method, rule, ok, shared):
        about = rule.endswith("+")
        rule = rule.rstrip("+")
        if rule.startswith("pass"):
            reads = self.role != "nobody" and (rule == "pass-any" or self.allowed("read", shared))
            if reads and rule == "pass-write" and self.role == "reader":
                return (403,)
            return ok if reads and (self.ours or not about) else (401,)
        if rule == "monitor":
            return (401,) if self.role == "nobody" else ok if self.allowed("admin", shared) else (403,)
        if self.role == "nobody" and rule != "open":
            return (303,) if method == "GET" else (401,)
        if not self.allowed(rule, shared):
            return (403,)
        return ok if self.ours or not about else (404,)


class Matrix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        st = cls.st = cls.enterClassContext(Stand())
        for company, ident, name, admin in ((ACME, ADMIN, "Second Admin", True), (ACME, READER, "Reader", False), (AOZORA, OTHER_ADMIN, "鈴木", True),
                                            (AOZORA, OTHER_USER, "田中", False)):
            st.control("pipedrive/user", {"company": company, "id": ident, "name": name, "admin": admin})
        owner = st.connect("shared")
        other = st.connect("shared", AOZORA, MISAKI, ASID_MISAKI, (PAGE_C,), lang="ja")
        st.control("customer/write", {"page": PAGE_A, "psid": LIISA, "text": SECRET, "attachments": []})
        st.control("customer/write", {"page": PAGE_A, "psid": LIISA, "attachments": [{"type": "image", "picture": "cat"}]})
        st.control("customer/write", {"page": PAGE_C, "psid": TAKAHASHI, "text": "こんにちは"})
        st.control("event", {"page": PAGE_A, "event": {"sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "brand_new": SECRET}})
        st.delivered()
        until(lambda: st.db("SELECT 1 FROM attachment WHERE file <> ''") and st.db("SELECT 1 FROM thread WHERE picture <> '' AND psid = ?", LIISA))
        cls.thread = st.thread()
        cls.ids = {"thread": cls.thread, "message": st.db("SELECT msg_id FROM attachment")[0][0], "n": 0, "secret": "wrong", "state": "list", "key": "wrong",
                   "event": st.db("SELECT id FROM quarantine")[0][0], "page": st.db("SELECT id FROM page WHERE fb_id = ?", PAGE_A)[0][0]}
        cls.people = [Person(owner, "owner", True), Person(st.sign_in(user=ADMIN)[0], "admin", True),
                      Person(st.sign_in(user=PEETER)[0], "user", True), Person(st.sign_in(user=READER)[0], "reader", True), Person(other, "owner", False),
                      Person(st.sign_in(AOZORA, OTHER_ADMIN)[0], "admin", False), Person(st.sign_in(AOZORA, OTHER_USER)[0], "user", False),
                      Person(st.browser(), "nobody", False)]
        st.link(cls.thread, "deal", DEAL)
        st.write("UPDATE user SET reader = 1 WHERE pd_user_id = ?", READER)
        who = [(ACME, MARIA), (ACME, ADMIN), (ACME, PEETER), (ACME, READER), (AOZORA, MISAKI), (AOZORA, OTHER_ADMIN), (AOZORA, OTHER_USER)]
        for person, (company, ident) in zip(cls.people, who):
            for place, more in (("panel", {"kind": "deal", "id": DEAL}), ("settings", {})):
                url = st.control("pipedrive/frame", dict(more, company=company, user=ident))["url"]
                person.passes[place] = st.browser().get(url, follow=False).header("Location").split("/pd/")[1].split("/")[0]
        # A receipt to look at: of a customer who was deleted.
        r = cls.delete(cls.people[0], cls.stranger())
        cls.ids["code"] = r.header("Location").split("/receipt/")[1].split("?")[0]

    @classmethod
    def stranger(cls):
        """A conversation that may be deleted."""
        psid = cls.st.control("customer/new", {"page": PAGE_A, "name": "Some Body"})["psid"]
        cls.st.customer("delete me", psid=psid)
        return until(lambda: cls.st.thread(psid))

    @classmethod
    def copy(cls):
        """A copy of everything that is there: deleting a customer takes them away."""
        own = "SELECT x.id FROM export x JOIN install i ON i.id = x.install_id WHERE i.company_id = ? AND x.state = 'ready'"
        if not cls.st.db(own, ACME):
            cls.people[0].b.post("/settings/export", {"csrf": cls.csrf(cls.people[0].b)})
        return until(lambda: cls.st.db(own, ACME))[0][0]

    @staticmethod
    def csrf(b):
        return b.get("/?notice=signed_out").page.forms[0]["fields"]["csrf"]

    @classmethod
    def delete(cls, who, thread):
        return who.b.post("/settings/customers/%d" % thread, {"csrf": cls.csrf(who.b)}, follow=False)

    def ask(self, who, method, pattern):
        ids = self.ids
        if "{export}" in pattern:
            ids = dict(ids, export=self.copy())
        if (method, pattern) == ("POST", "/settings/customers/{thread}"):
            ids = dict(ids, thread=self.stranger() if who.ours and who.role not in ("user", "reader") else self.thread)
        if "{pass}" in pattern:
            ids = dict(ids, **{"pass": who.passes.get("settings" if pattern.endswith("/settings") else "panel", "wrong")})
        path = re.sub(r"\{(\w+)\}", lambda m: str(ids[m.group(1)]), pattern)
        if method == "POST" and not pattern.startswith(("/hook", "/tick", "/facebook")):
            return who.b.post(path, dict(FIELDS.get(pattern, {}), csrf=self.csrf(who.b)), follow=False)
        return who.b.request(method, path, follow=False)

    def matrix(self, shared):
        seen = set()
        for method, pattern, _ in routes():
            seen.add((method, pattern))
            self.assertIn((method, pattern), RULES, "a route without a rule")
            rule, *ok = RULES[method, pattern]
            if pattern == "/signout":
                continue        # ends what the others need; security.py has it
            for who in self.people:
                with self.subTest("%s %s: %s of %s, %s" % (method, pattern, who.role, "ours" if who.ours else "theirs",
                                                            "shared" if shared else "private")):
                    r = self.ask(who, method, pattern)
                    self.assertIn(r.status, who.statuses(method, rule, ok, shared))
                    if not who.ours or not who.allowed("read", shared):
                        for word in (SECRET, "Liisa") + (("Acme", "Bramble", "Maria") if not who.ours else ()):
                            self.assertNotIn(word.encode(), r.body)
                        self.assertNotEqual(r.body[:4], b"\x89PNG")
        self.assertEqual(set(RULES) - seen, set(), "a rule without a route")

    def test_matrix(self):
        self.matrix(True)
        owner, admin, user = self.people[:3]
        # What the page of a colleague fetches keeps working until the moment it is private.
        poll = user.b.get("/poll")
        self.assertEqual(poll.status, 200)
        tag = {"If-None-Match": poll.header("ETag")}
        r = owner.b.submit(owner.b.get("/settings"), "/settings/visibility", {"visibility": "private"})
        self.assertIn(say("notice.saved"), r.page.text)
        for url in ("/poll", "/inbox", "/media/%(thread)d/%(message)d/%(n)d" % self.ids, "/avatar/%(thread)d" % self.ids):
            for who in (admin, user):
                self.assertEqual(who.b.get(url, headers=tag).status, 403, url)
            self.assertEqual(owner.b.get(url).status, 200, url)
        self.matrix(False)
        # An admin sees whose it is and which Pages; a colleague not even that; neither any message.
        text = admin.b.get("/settings").page.text
        for words in ("Maria Tamm", "Bramble Bikes", say("settings.is_private"), say("settings.not_yours"), say("settings.remove")):
            self.assertIn(words, text)
        text = user.b.get("/settings").page.text
        for words in ("Bramble", say("settings.remove"), say("settings.audit")):
            self.assertNotIn(words, text)
        self.assertFalse([f for f in admin.b.get("/settings").page.forms if "visibility" in f["action"]])
        # ... and may disconnect a Page of it, and then all of it.
        r = admin.b.get("/settings/page/%d" % self.ids["page"])
        r = admin.b.submit(r, "/settings/page/", {"keep": "0"})
        self.assertIn("/receipt/", r.url)
        r = admin.b.submit(admin.b.get("/settings/remove"), "/settings/remove", {"keep": "0"})
        self.assertIn("/receipt/", r.url)
        for who in (owner, admin, user):
            self.assertEqual(who.b.get("/settings", follow=False).status, 303)
            self.assertEqual({who.b.get("/pd/%s/%s" % (p, place)).status for place, p in who.passes.items()}, {401})
        self.assertEqual(self.people[4].b.get("/inbox").status, 200)
        self.st.sync()
        self.st.sync()
        self.assertEqual(self.st.db("SELECT count(*) FROM message m JOIN thread t ON t.id = m.thread_id WHERE t.psid = ?", LIISA), [(0,)])


class Readers(unittest.TestCase):
    """Somebody is held to reading, and let go."""

    def setUp(self):
        self.st = self.enterContext(Stand())
        self.owner = self.st.connect("shared")
        self.st.customer("Is it still there?")
        self.thread = until(self.st.thread)

    def forms(self, page):
        """Where its forms lead that change something."""
        own = ("/theme", "/language", "/signout", "/sync")
        return [f["action"] for f in page.forms if f["method"] == "post" and not f["action"].endswith(own)]

    def hold(self, reads, browser=None, user=PEETER):
        b = browser or self.owner
        ident = str(self.st.db("SELECT id FROM user WHERE pd_user_id = ?", user)[0][0])
        form = next(f for f in b.get("/settings").page.forms if f["action"] == "/settings/reader" and f["fields"]["user"] == ident)
        return b.post("/settings/reader", dict(form["fields"], reads=reads))

    def test_held_and_let_go(self):
        st = self.st
        settings = self.owner.get("/settings").page
        self.assertIn(say("settings.readers_none"), settings.text)
        peeter, _ = st.sign_in(user=PEETER)
        page = "/inbox/%d" % self.thread
        self.assertTrue(peeter.get(page).page.form_to("/reply"))
        self.assertTrue([f for f in self.forms(peeter.get(page + "/panel").page) if f.endswith("/write")])
        self.assertNotIn(say("settings.readers"), peeter.get("/settings").page.text)
        tag = peeter.get("/poll").header("ETag")

        r = self.hold("only")
        self.assertIn(say("notice.saved"), r.page.text)
        self.assertIn(say("settings.reads_only"), r.page.by_id_text["people"])
        # What was open hears of it; no page offers what would be refused.
        self.assertEqual(peeter.get("/poll", headers={"If-None-Match": tag}).status, 200)
        seen = peeter.get(page).page
        self.assertIn("Is it still there?", seen.text)
        self.assertIn(say("closed.reader"), seen.by_id_text["closed"])
        self.assertIn(say("advice.reader"), seen.by_id_text["closed"])
        self.assertEqual(say("settings.reads_only"), seen.by_id_text["window"].strip())
        for url in (page, page + "/panel", page + "/panel?q=Liisa", "/inbox", "/search?q=still"):
            self.assertEqual(self.forms(peeter.get(url).page), [], url)
        frame = st.control("pipedrive/frame", {"company": ACME, "user": PEETER, "kind": "deal", "id": DEAL})["url"]
        st.link(self.thread, "deal", DEAL)
        embedded = st.browser().get(frame)
        self.assertIn(say("closed.reader"), embedded.page.text)
        self.assertEqual(self.forms(embedded.page), [])
        # Whoever has an old page open is told why.
        csrf = peeter.get("/settings").page.form_to("/settings/person")["fields"]["csrf"]
        for what in ("reply", "state", "link", "write", "upload"):
            r = peeter.post("%s/%s" % (page, what), {"csrf": csrf, "text": "no", "do": "done", "key": "k" * 24})
            self.assertEqual(r.status, 403)
            self.assertIn(say("problem.reader"), r.page.text)
        self.assertEqual(st.db("SELECT count(*) FROM outbox"), [(0,)])

        # What is one's own remains.
        r = peeter.submit(peeter.get("/settings"), "/settings/person", {"lang": "ja"})
        self.assertIn(say("notice.saved", "ja"), r.page.text)
        self.assertIn(say("closed.reader", "ja"), peeter.get(page).page.text)

        self.hold("writes")
        self.assertTrue(peeter.get(page).page.form_to("/reply"))
        self.assertEqual(st.db("SELECT what, detail FROM audit WHERE what LIKE 'reader%' ORDER BY id"),
                         [("reader_on", "Peeter Saar"), ("reader_off", "Peeter Saar")])
        audit = self.owner.get("/settings/audit").page.text
        self.assertIn(say("audit.reader_on"), audit)
        self.assertIn(say("audit.reader_off"), audit)

    def test_not_the_ones_in_charge(self):
        """An administrator or the installer is never held; who becomes one is free; twice is once."""
        st = self.st
        peeter, _ = st.sign_in(user=PEETER)
        ids = dict(st.db("SELECT pd_user_id, id FROM user"))
        self.hold("only")
        self.hold("only")       # as another tab would
        csrf = self.owner.get("/settings").page.form_to("/settings/reader")["fields"]["csrf"]
        for user, reads, status in ((ids[MARIA], "only", 200), (ids[PEETER], "maybe", 400), ("x", "only", 400), (10**9, "only", 200), ("", "only", 400)):
            self.assertEqual(self.owner.post("/settings/reader", {"csrf": csrf, "user": str(user), "reads": reads}).status, status)
        self.assertEqual(st.db("SELECT pd_user_id FROM user WHERE reader = 1"), [(PEETER,)])
        self.assertEqual(st.db("SELECT count(*) FROM audit WHERE what LIKE 'reader%'"), [(1,)])
        st.write("UPDATE user SET admin = 1 WHERE pd_user_id = ?", PEETER)
        self.assertTrue(peeter.get("/inbox/%d" % self.thread).page.form_to("/reply"))
        # A private connection has one reader, who writes.
        self.owner.submit(self.owner.get("/settings"), "/settings/visibility", {"visibility": "private"})
        self.assertNotIn(say("settings.readers"), self.owner.get("/settings").page.text)
        self.assertEqual(self.owner.post("/settings/reader", {"csrf": csrf, "user": str(ids[PEETER]), "reads": "writes"}).status, 403)

    def test_another_company(self):
        st = self.st
        other = st.connect("shared", AOZORA, MISAKI, ASID_MISAKI, (PAGE_C,), lang="ja")
        st.sign_in(user=PEETER)
        ident = st.db("SELECT id FROM user WHERE pd_user_id = ?", PEETER)[0][0]
        page = other.get("/settings").page
        self.assertNotIn("Peeter", page.text)
        csrf = page.form_to("/settings/person")["fields"]["csrf"]
        other.post("/settings/reader", {"csrf": csrf, "user": str(ident), "reads": "only"})
        self.assertEqual(st.db("SELECT count(*) FROM user WHERE reader = 1"), [(0,)])


class Anew(unittest.TestCase):
    def setUp(self):
        self.st = self.enterContext(Stand())
        self.owner = self.st.connect("shared")
        self.ahead = 0

    def later(self, ms):
        self.ahead += ms
        self.st.clock(self.ahead)

    def admin(self):
        return self.st.db("SELECT admin FROM user WHERE pd_user_id = ?", PEETER)[0][0]

    def test_roles(self):
        """In a run, and without one after an answer to that very person."""
        st = self.st
        b, _ = st.sign_in(user=PEETER)
        me = lambda: len(st.requests(endpoint="pd.users.me"))
        self.assertEqual(b.get("/health").status, 403)
        st.control("pipedrive/user", {"company": ACME, "id": PEETER, "admin": True})
        n = me()
        self.later(HOUR // 2)
        b.get("/inbox")
        st.sync()
        self.assertEqual((me(), self.admin()), (n, 0))
        self.later(HOUR // 2 + 1000)
        b.get("/inbox")
        until(lambda: self.admin() == 1)
        self.assertEqual(b.get("/health").status, 200)
        until(lambda: me() == n + 2)            # the installer's hour is over as well
        st.control("pipedrive/user", {"company": ACME, "id": PEETER, "admin": False})
        self.later(HOUR + 1000)
        st.sync()
        self.assertEqual((self.admin(), b.get("/health").status), (0, 403))
        self.assertEqual([d for (d,) in st.db("SELECT detail FROM audit WHERE what = 'role' ORDER BY id")], ["admin", "user"])
        st.sync()
        self.assertEqual(me(), n + 4, "once an hour")

    def test_a_page_does_not_wait(self):
        st = self.st
        st.fault({"endpoint": "pd.users.me"}, times=0, delay_ms=3000)
        self.later(HOUR + 1000)
        for _ in range(3):
            self.assertEqual(self.owner.get("/inbox").status, 200)
        st.control("faults/clear", {})

    def test_deactivated(self):
        st = self.st
        b, _ = st.sign_in(user=PEETER)
        st.control("pipedrive/user", {"company": ACME, "id": PEETER, "active": False})
        self.later(HOUR + 1000)
        st.sync()
        self.assertEqual(b.get("/inbox", follow=False).status, 303)
        self.assertEqual(self.owner.get("/inbox").status, 200)
        self.assertEqual(st.db("SELECT what FROM audit ORDER BY id DESC LIMIT 1"), [("signed_out",)])
        st.control("pipedrive/user", {"company": ACME, "id": PEETER, "active": True})
        b, r = st.sign_in(user=PEETER)
        self.assertTrue(r.url.endswith("/inbox"))

    def test_a_token_that_died_early(self):
        """Only what a fresh token is told counts: one 401 signs nobody out, one to the fresh token as well does."""
        st = self.st
        b, _ = st.sign_in(user=PEETER)
        who = st.db("SELECT id FROM user WHERE pd_user_id = ?", PEETER)[0][0]
        access = lambda: st.db("SELECT access FROM user WHERE id = ?", who)[0][0]
        fault = lambda times: st.fault({"endpoint": "pd.users.me"}, times=times, status=401, body={"success": False, "error": "unauthorized access", "errorCode": 401})
        st.write("UPDATE user SET check_after = 1 WHERE id = ?", who)
        before = access()
        fault(1)
        st.sync()
        self.assertNotEqual(access(), before)
        self.assertEqual(b.get("/inbox", follow=False).status, 200)
        st.write("UPDATE user SET check_after = 1 WHERE id = ?", who)
        fault(2)
        st.sync()
        self.assertEqual(b.get("/inbox", follow=False).status, 303)
        self.assertEqual(st.db("SELECT what, detail FROM audit ORDER BY id DESC LIMIT 1"), [("signed_out", "refused")])

    def test_no_longer_active(self):
        """A token that still works, of a person who is no longer active."""
        st = self.st
        b, _ = st.sign_in(user=PEETER)
        st.fault({"endpoint": "pd.users.me"}, times=0, status=200, body={"success": True, "data": {
            "id": PEETER, "company_id": ACME, "name": "Peeter Saar", "active_flag": False}})
        self.later(HOUR + 1000)
        st.sync()
        self.assertEqual(b.get("/inbox", follow=False).status, 303)
        self.assertEqual(st.db("SELECT DISTINCT what, detail FROM audit WHERE what = 'signed_out'"), [("signed_out", "deactivated")])

    def test_refused(self):
        st = self.st
        b, _ = st.sign_in(user=PEETER)
        st.fault({"endpoint": "pd.users.me"}, times=0, status=403, body={"success": False, "error": "forbidden", "errorCode": 403})
        self.later(HOUR + 1000)
        st.sync()
        self.assertEqual(b.get("/inbox", follow=False).status, 303)

    def test_away(self):
        """Pipedrive does not answer: nobody is signed out for that."""
        st = self.st
        for status in (500, 503, 429):
            st.fault({"endpoint": "pd.users.me"}, times=0, status=status, body={"success": False, "error": "x"})
            self.later(HOUR + 1000)
            st.sync()
            self.assertEqual(self.owner.get("/inbox").status, 200, status)

    def test_person(self):
        st, b = self.st, self.owner
        r = b.submit(b.get("/settings"), "/settings/person", {"lang": "ja", "zone": "Asia/Tokyo"})
        self.assertIn(say("notice.saved", "ja"), r.page.text)
        self.assertIn("Asia/Tokyo", r.page.text)
        self.assertEqual(st.db("SELECT lang, zone FROM user"), [("ja", "Asia/Tokyo")])
        r = b.submit(r, "/settings/person", {"lang": "en", "zone": "Mars/Olympus"})
        self.assertIn(say("notice.no_zone", "ja"), r.page.text)
        b, _ = st.sign_in()
        self.assertIn("Asia/Tokyo", b.get("/settings").page.text, "signing in does not undo it")
        b.submit(b.get("/settings"), "/settings/person", {"lang": "en", "zone": ""})
        self.assertIn("Europe/Tallinn", b.get("/settings").page.text)

    def test_choices(self):
        st, b = self.st, self.owner
        b.submit(b.get("/settings"), "/settings/person", {"lang": "en", "send": "enter"})
        self.assertEqual(st.db("SELECT prefs FROM user"), [("send=enter",)])
        self.assertIn('data-prefs="send=enter"', b.get("/inbox").text)
        r = b.submit(b.get("/settings"), "/settings/person", {"lang": "en", "zone": "Asia/Tokyo"})
        self.assertEqual(st.db("SELECT prefs FROM user"), [("send=enter",)], "what is not in the form stays")
        self.assertEqual(b.submit(r, "/settings/person", {"lang": "en", "send": "shout"}).status, 400)
        b.submit(b.get("/settings"), "/settings/person", {"lang": "en", "send": "ctrl"})
        self.assertNotIn("data-prefs", b.get("/inbox").text)

    def test_audit(self):
        st, b = self.st, self.owner
        anna, _ = st.sign_in(user=ANNA)
        st.customer("hello")
        thread = until(st.thread)
        st.reply(anna, thread, "Hi, it is Anna.")
        b.submit(b.get("/settings"), "/settings/visibility", {"visibility": "private"})
        b.submit(b.get("/settings"), "/settings/visibility", {"visibility": "shared"})
        lines = lambda q="": len([1 for t, a in b.get("/settings/audit" + q).page.tags if t == "li" and a.get("class") == "look"])
        (anna_id,), = st.db("SELECT id FROM user WHERE pd_user_id = ?", ANNA)
        total = st.db("SELECT count(*) FROM audit")[0][0]
        self.assertEqual(lines(), total)
        self.assertEqual(lines("?what=visibility"), 2)
        self.assertEqual(lines("?what=replied"), 1)
        self.assertEqual(lines("?who=%d" % anna_id), 2)         # signed in, replied
        self.assertEqual(lines("?who=%d&what=replied" % anna_id), 1)
        self.assertEqual(lines("?from=2026-01-01&to=2100-01-01"), total)
        self.assertEqual(lines("?to=2026-01-01"), 0)
        self.assertEqual(lines("?what=nonsense&who=x&from=y"), total)
        self.assertIn(say("audit.none"), b.get("/settings/audit?to=2026-01-01").page.text)
        for _ in range(60):
            st.reply(anna, thread, "more")
        r = b.get("/settings/audit?what=replied")
        self.assertEqual(len([1 for t, a in r.page.tags if t == "li" and a.get("class") == "look"]), 50)
        r = b.get(r.page.link_to("before="))
        self.assertEqual(len([1 for t, a in r.page.tags if t == "li" and a.get("class") == "look"]), 11)
        self.assertNotIn("it is Anna", r.text)


if __name__ == "__main__":
    unittest.main()
