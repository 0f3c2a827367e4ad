#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""faults.py - every kind of request while the database or memory fails, at each place.

A request runs as a CGI process with one fault: the n-th step of the database
says busy, full, or I/O error (which undoes the transaction), or the n-th piece
of memory is refused, for n up to as many as the request needs.  Also with the
disk full from the n-th step on.  Its answer is what it would be, or a clean
page that says 503 or 500; no process dies; the database is whole (invariants.py), and has either
all that the request wanted or nothing of it; asked again without faults, it
works.  The same for what a CGI process does after its answer, and for a run.

The short form picks some n of each (SYNC_SEED); SYNC_LONG=1 takes all.
"""
import os
import random
import re
import unittest
import urllib.parse

from rig import ASID_MARIA, LIISA, LONG, PAGE_A, QUIET, Rig, message_event

SLOW = 160

SEED = int(os.environ.get("SYNC_SEED", "0"))
SECRET = "tick-secret-for-tests-0123456789abcdef"
PICK = 3
KINDS = [("db-step", "busy"), ("db-step", "full"), ("db-step", "ioerr"), ("db-begin", "busy"), ("alloc", "fail")]
CLEAN = (500, 502, 503)     # 502: the sign-in pages blame the call that could not be made


class Request:
    """What to send: method, target, form fields or a body, cookies as the browser has them."""

    def __init__(self, rig, method, url, fields=None, body=None, headers=None):
        u = urllib.parse.urlsplit(urllib.parse.urljoin(rig.url + "/", url))
        self.rig, self.method, self.target = rig, method, u.path + ("?" + u.query if u.query else "")
        self.body = urllib.parse.urlencode(fields, doseq=True).encode() if fields is not None else body or b""
        self.headers = {"Accept-Language": "en", **(headers or {})}
        if fields is not None:
            self.headers.update({"Content-Type": "application/x-www-form-urlencoded", "Origin": rig.url})
        jar = rig.b.cookies.get(u.netloc, {})
        if jar and body is None:
            self.headers["Cookie"] = "; ".join("%s=%s" % kv for kv in jar.items())

    def send(self, fault):
        return self.rig.cgi(self.method, self.target, self.headers, self.body, fault)


def form(rig, page, action, **more):
    """The form on a page as a request."""
    r = rig.b.get(page)
    f = r.page.form_to(action)
    return Request(rig, "POST", urllib.parse.urljoin(r.url, f["action"]), {**f["fields"], **more})


def conversation(rig):
    rig.reset()
    rig.customer("hello")
    rig.customer(None, attachments=[{"type": "image", "picture": "cat"}])
    rig.hooks()
    rig.sync_once(None)


def settled(rig):
    conversation(rig)
    rig.reply("sent")
    rig.sync_once(None)
    rig.hooks()


def failed(rig):
    conversation(rig)
    rig.control("customer/update", {"page": PAGE_A, "psid": LIISA, "blocked": True})
    rig.reply("refused")
    rig.sync_once(None)
    rig.control("customer/update", {"page": PAGE_A, "psid": LIISA, "blocked": False})


def rested(rig):
    settled(rig)
    rig.later(60)


def shelved(rig):
    """An event that nobody understands."""
    settled(rig)
    rig.control("event", {"page": PAGE_A, "event": {"sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "brand_new": "x"}})
    rig.hooks()


def messages(rig):
    return rig.db("SELECT count(*) FROM message")[0][0]


# Name, how it is prepared, the request, the answer, and what it does: a query
# whose rows are the same before it and the same, but others, after it.
def requests():
    def hook(rig):
        rig.later(1)
        rig.control("customer/write", {"page": PAGE_A, "psid": LIISA, "text": "one more"})
        rig.control("customer/write", {"page": PAGE_A, "psid": LIISA, "text": "and one"})
        rig.delivered()
        body, headers = rig.kept[0]
        rig.kept = []
        return Request(rig, "POST", "/hook/facebook", body=body, headers={
            "Content-Type": "application/json", "X-Hub-Signature-256": headers["X-Hub-Signature-256"]})

    def hook_many(rig):
        now = rig.now()
        body, signature = message_event([(LIISA, "m_a%d" % i, "text %d" % i, now + i) for i in range(3)])
        return Request(rig, "POST", "/hook/facebook", body=body, headers={
            "Content-Type": "application/json", "X-Hub-Signature-256": signature})

    def callback(rig):
        r = rig.b.get("/connect", follow=False)
        r = rig.b.post(r.header("Location"), {"company": 9000123, "user": 10483244, "action": "allow"}, follow=False)
        return Request(rig, "GET", r.header("Location"))

    def facebook_callback(rig):
        go = rig.b.get("/connect/more").page.link_to("/dialog/oauth")
        q = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(go).query))
        r = rig.b.post(go, {"user": ASID_MARIA, "pages": [PAGE_A], "perms": q["scope"].split(","), "action": "continue"}, follow=False)
        return Request(rig, "GET", r.header("Location"))

    def pages(rig):
        r = rig.facebook(rig.b, rig.b.get("/connect/more"), ASID_MARIA, [PAGE_A])
        f = r.page.form_to("/connect/pages")
        return Request(rig, "POST", "/connect/pages", {**f["fields"], "page": [PAGE_A]})

    def visibility(rig):
        rig.sql("DELETE FROM install")
        b = rig.b = rig.browser()
        b, r = rig.sign_in(browser=b)
        f = r.page.form_to("/connect/visibility")
        return Request(rig, "POST", "/connect/visibility", {**f["fields"], "visibility": "shared"})

    def person(rig):
        return form(rig, "/inbox/%d/panel" % rig.thread(), "/write", what="person", name="Liisa", email="", phone="")

    def anew(rig):
        """Its text goes back into the box; what is sent takes its place."""
        edit = rig.b.get("/inbox/%d" % rig.thread()).page.link_to("?edit=")
        return form(rig, edit.split("#")[0], "/reply", text="Better")

    def get(url):
        return lambda rig: Request(rig, "GET", url)

    thread = "SELECT id FROM thread"
    log = "SELECT thread_id, at, id, text, state FROM message ORDER BY 1, 2, 3"
    outbox = "SELECT id, state, attempts FROM outbox ORDER BY id"
    events = "SELECT count(*) FROM event"
    sessions = "SELECT count(*) FROM session"
    return [
        ("the list", settled, get("/inbox"), 200, log),
        ("a conversation", settled, lambda rig: Request(rig, "GET", "/inbox/%d" % rig.thread()), 200, log),
        ("a poll", settled, get("/poll"), 200, log),
        ("a file", settled, lambda rig: Request(rig, "GET", "/media/%d/%d/0" % rig.db("SELECT thread_id, msg_id FROM attachment")[0]), 200, log),
        ("an event", conversation, hook, 200, events),
        ("an entry of three events", conversation, hook_many, 200, events),
        ("a reply", conversation, lambda rig: form(rig, "/inbox/%d" % rig.thread(), "/reply", text="Yes"), 303, outbox),
        ("a failed reply again", failed, lambda rig: form(rig, "/inbox/%d" % rig.thread(), "/retry/"), 303, outbox),
        ("a failed reply deleted", failed, lambda rig: form(rig, "/inbox/%d" % rig.thread(), "/dismiss/"), 303, outbox),
        ("a failed reply written anew", failed, anew, 303, outbox),
        ("older messages", settled, lambda rig: Request(rig, "GET", "/inbox/%d?before=%d.1" % (rig.thread(), rig.now())), 200, log),
        ("a picture", settled, lambda rig: Request(rig, "GET", "/avatar/%d" % rig.thread()), 200, log),
        ("Sync now", rested, lambda rig: form(rig, "/inbox", "/sync"), 303, "SELECT ask_at > checked_at FROM page"),
        ("the web-cron address", rested, get("/tick/" + SECRET), 200, "SELECT count(*) FROM run"),
        ("the health page", failed, get("/health"), 200, log),
        ("the shelf", shelved, get("/shelf"), 200, log),
        ("an event of the shelf", shelved, lambda rig: Request(rig, "GET", "/shelf/%d" % rig.db("SELECT id FROM quarantine")[0]), 200, log),
        ("the start page", settled, get("/"), 303, log),
        ("removing the inbox", settled, lambda rig: form(rig, "/settings/remove", "/settings/remove", keep="30"), 303, "SELECT count(*) FROM leaving"),
        ("disconnecting a Page", settled, lambda rig: form(rig, "/settings/page/1", "/settings/page/", keep="30"), 303,
         "SELECT state, token IS NULL FROM page"),
        ("private or shared", settled, lambda rig: form(rig, "/settings", "/settings/visibility", visibility="private"), 303,
         "SELECT visibility FROM install"),
        ("who did what", settled, get("/settings/audit"), 200, log),
        ("a receipt that is none", settled, get("/receipt/" + "0" * 32), 404, log),
        ("the settings", settled, get("/settings"), 200, log),
        ("how long messages are kept", settled, get("/settings/retention?days=30"), 200, log),
        ("a copy of everything", settled, lambda rig: form(rig, "/settings/export", "/settings/export"), 303, "SELECT count(*) FROM export"),
        ("Pipedrive beside a conversation", settled, lambda rig: Request(rig, "GET", "/inbox/%d/panel" % rig.thread()), 200, log),
        ("a person for Pipedrive", settled, person, 303, "SELECT act FROM crm_write"),
        ("Pipedrive's webhook of nobody", settled, lambda rig: Request(rig, "POST", "/hook/pipedrive/" + "0" * 32, body=b"{}", headers={
            "Content-Type": "application/json", "Authorization": "Basic eDp5"}), (200, 401, 404), log),
        ("signing out", settled, lambda rig: form(rig, "/inbox", "/signout"), 303, sessions),
        ("the language", settled, lambda rig: form(rig, "/inbox", "/language", lang="ja"), 303, "SELECT lang FROM user"),
        ("connecting: the beginning", settled, get("/connect"), 302, "SELECT count(*) FROM flow WHERE step = 'pipedrive'"),
        ("connecting: more Pages", settled, get("/connect/more"), 303, "SELECT count(*) FROM flow WHERE step = 'facebook'"),
        ("connecting: Pipedrive's answer", settled, callback, 303, sessions),
        ("connecting: who may read", settled, visibility, 303, "SELECT count(*) FROM flow WHERE step = 'facebook'"),
        ("connecting: Facebook's answer", settled, facebook_callback, 303, "SELECT count(*) FROM flow WHERE step = 'pages'"),
        ("connecting: the Pages", settled, pages, 303, "SELECT import_state FROM page"),
        ("connecting: the import", settled, get("/connect/import"), (200, 303), thread),
    ]


class Faults(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.rig = cls.enterClassContext(Rig(conf={"tick_secret": SECRET}))

    def places(self, counts, name):
        """Faults to try, of all there are."""
        for point, act in KINDS:
            n = counts[point]
            rng = random.Random("%d/%s/%s/%s" % (SEED, name, point, act))
            hits = range(1, n + 1) if LONG or n <= PICK else sorted(rng.sample(range(1, n + 1), PICK))
            for k in hits:
                yield "%s:%d=%s" % (point, k, act)
        n = counts["db-step"]
        if n:
            yield "db-step:%d+=full" % random.Random("%d/%s" % (SEED, name)).randint(1, n)

    def count(self, send):
        path = self.rig.path("count")
        send("%s,count=%s" % (QUIET, path))
        with open(path) as f:
            text = f.read()
        os.unlink(path)
        return self.rig.counts(text)

    def clean(self, status, headers, body, code, want):
        want = want if isinstance(want, tuple) else (want,)
        self.assertIn(status, want + CLEAN, body[:300])
        self.assertEqual(code, 0)
        kind = dict((k.lower(), v) for k, v in headers)
        if status in CLEAN and body:
            self.assertNotRegex(body.decode(), r"(?i)sqlite|\.c:\d+|database is locked")
            if "text/html" in kind.get("content-type", ""):
                self.assertTrue(body.rstrip().endswith(b"</html>"), body[-200:])
        if "content-length" in kind and status != 304:
            self.assertEqual(int(kind["content-length"]), len(body))

    def one(self, name, prepare, make, want, query):
        rig = self.rig
        prepare(rig)
        request = make(rig)
        rig.keep("ready")
        before = rig.db(query)
        counts = self.count(request.send)
        rig.back("ready")
        status, headers, body, code = request.send(QUIET)
        self.clean(status, headers, body, code, want)
        self.assertNotIn(status, CLEAN)
        after = rig.db(query)
        self.assertEqual(rig.check(), [])
        tried = 0
        for fault in self.places(counts, name):
            with self.subTest(request=name, fault=fault, seed=SEED):
                tried += 1
                rig.back("ready")
                status, headers, body, code = request.send("%s,%s" % (QUIET, fault))
                self.clean(status, headers, body, code, want)
                self.assertEqual(rig.check(), [])
                now = rig.db(query)
                if status in CLEAN:
                    self.assertIn(self.shape(now), (self.shape(before), self.shape(after)), "half of it")
                else:
                    self.assertEqual(self.shape(now), self.shape(after), "said done, and is not")
                if self.shape(now) == self.shape(before) != self.shape(after):
                    status = request.send(QUIET)[0]
                    self.assertNotIn(status, CLEAN, "does not work afterwards either")
        self.assertGreater(tried, 0)

    @staticmethod
    def shape(rows):
        """Ids of messages are random: what counts is everything else."""
        return [tuple(v for v in row if not isinstance(v, int) or v < 1 << 40) for row in rows]

    def after(self, name, prepare, make, work):
        """Work without anybody waiting: whatever fails, the next run gets there."""
        rig = self.rig
        prepare(rig)
        make(rig)
        rig.keep("ready")
        counts = self.count(work)
        self.assertEqual(rig.check(), [])
        for fault in self.places(counts, name):
            with self.subTest(work=name, fault=fault, seed=SEED):
                rig.back("ready")
                work(fault)
                # 1 is what a run says that could not do all of its work.
                rig.problems = [p for p in rig.problems if "ended with 1:" not in p]
                self.assertEqual(rig.check(), [])
                for _ in range(8):
                    rig.later(95)
                    rig.hooks()
                    rig.sync_once(None)
                    if not rig.open_work():
                        break
                rig.hooks()
                self.assertEqual(rig.check(), [])
                self.assertEqual(rig.db("SELECT state FROM outbox"), [("sent",)])
                self.assertEqual(rig.on_phone(), ["Yes"])

    def test_run_that_sends(self):
        self.after("a run that sends", conversation, lambda rig: rig.reply("Yes"), self.rig.sync_once)

    def test_run_that_looks(self):
        def lost(rig):
            rig.fault({"endpoint": "fb.send"}, cut="after")
            rig.reply("Yes")
            rig.sync_once(None)
            rig.lose()
            rig.later(61)

        self.after("a run that looks", conversation, lost, self.rig.sync_once)

    def test_run_that_catches_up(self):
        def missed(rig):
            rig.reply("Yes")
            rig.sync_once(None)
            rig.hooks()
            rig.later(5)
            rig.customer("lost", silent=True)
            rig.later(660)

        self.after("a run that catches up", conversation, missed, self.rig.sync_once)
        self.assertEqual(self.rig.db("SELECT count(*) FROM message WHERE text = 'lost'"), [(1,)])


def add(row):
    def test(self):
        self.one(*row)

    test.__doc__ = row[0]
    setattr(Faults, "test_%s" % re.sub(r"\W+", "_", row[0]), test)


for _row in requests():
    add(_row)

if __name__ == "__main__":
    unittest.main()
