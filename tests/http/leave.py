#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""leave - taking away: the whole inbox, one Page, one customer, from inside and outside.

Proved: the page before it and the button; tokens, sessions, subscriptions and
webhooks end in the right order; rows and files go; the receipt; coming back in
time, and while it is still going on; services that are away hold up nothing;
Pipedrive's DELETE and Facebook's callbacks, right and forged.
"""
import base64
import hashlib
import hmac
import http.client
import json
import os
import sqlite3
import time
import unittest
import urllib.parse

from stand import (ACME, ANNA, AOZORA, APP_SECRET, ASID_MARIA, ASID_MISAKI, JAAN, LIISA, MARIA, MISAKI, PAGE_A, PAGE_B, PAGE_C,
                   PEETER, Stand, say, until)

SLOW = 57

MINUTE, DAY = 60_000, 86_400_000
ROWS = ("user", "session", "page", "thread", "message", "attachment", "fact", "event", "quarantine", "outbox", "want",
        "seen", "comparison", "link", "crm_write", "crm_cache", "crm_pause")
CLIENT, SECRET = "5f3c9a1b2c3d4e5f", "sandbox-pipedrive-secret"


def signed_request(secret=APP_SECRET, **payload):
    def b64(b):
        return base64.urlsafe_b64encode(b).rstrip(b"=").decode()
    payload.setdefault("algorithm", "HMAC-SHA256")
    payload.setdefault("issued_at", int(time.time()))
    text = b64(json.dumps(payload).encode())
    return b64(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()) + "." + text


def uninstall(st, company=ACME, user=MARIA, auth=(CLIENT, SECRET), **body):
    """The DELETE as Pipedrive sends it; the answer's status."""
    body = {"client_id": CLIENT, "company_id": company, "user_id": user, "timestamp": "2026-11-22 09:15:00", **body}
    headers = {"Content-Type": "application/json"}
    if auth:
        headers["Authorization"] = "Basic " + base64.b64encode(("%s:%s" % auth).encode()).decode()
    c = http.client.HTTPConnection(st.host, st.port, timeout=30)
    c.request("DELETE", st.base_path + "/pipedrive/callback", body=json.dumps(body).encode(), headers=headers)
    r = c.getresponse()
    r.read()
    c.close()
    return r.status


def signed(st, path, text):
    c = http.client.HTTPConnection(st.host, st.port, timeout=30)
    c.request("POST", st.base_path + path, body=urllib.parse.urlencode({"signed_request": text}).encode(),
              headers={"Content-Type": "application/x-www-form-urlencoded"})
    r = c.getresponse()
    body = r.read().decode()
    c.close()
    return r.status, body


class Base(unittest.TestCase):
    server = "lighttpd"

    def setUp(self):
        self.st = self.enterContext(Stand(server=self.server))
        self.offset = 0

    def counts(self):
        return {t: self.st.db("SELECT count(*) FROM " + t)[0][0] for t in ROWS}

    def files(self):
        d = self.st.path("media")
        return sorted(os.listdir(d)) if os.path.isdir(d) else []

    def ahead(self, ms):
        self.offset += ms
        self.st.clock(self.offset)

    def talk(self, b):
        """Messages with a file, a reply, a reaction, something unknown."""
        st = self.st
        st.customer("hello from Liisa")
        st.customer(None, attachments=[{"type": "image", "picture": "cat"}])
        st.customer("and from Jaan", psid=JAAN)
        mid = st.customer("do you open on Sunday?")
        st.control("customer/react", {"page": PAGE_A, "psid": LIISA, "mid": mid, "reaction": "love", "emoji": "❤️", "action": "react"})
        st.control("event", {"page": PAGE_A, "kind": "messaging", "event": {
            "sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "timestamp": int(time.time() * 1000), "brand_new": {"text": "odd"}}})
        st.delivered()
        thread = until(st.thread)
        st.reply(b, thread, "Yes, from ten.")
        until(lambda: st.db("SELECT state FROM outbox") == [("sent",)])
        st.sync()
        until(lambda: any(f.startswith("a") for f in self.files()))
        return thread

    def remove(self, b, keep="0"):
        r = b.submit(b.get("/settings/remove"), "/settings/remove", {"keep": keep})
        self.assertIn("/receipt/", r.url)
        return r

    def finish(self):
        """A run; what a worker has in hand after its answer, it ends itself."""
        self.st.sync()
        until(lambda: self.st.db("SELECT count(*) FROM leaving WHERE step = 'erasing'") == [(0,)])

    def subscribed(self):
        return {p["id"] for p in self.st.control("pages")["pages"] if p.get("subscribed_fields")}

    def installs(self):
        return [i["user"] for i in self.st.control("pipedrive/state?company=%d" % ACME)["installs"]]

    def secrets_gone(self):
        st = self.st
        self.assertEqual(st.db("SELECT count(*) FROM page WHERE token IS NOT NULL"), [(0,)])
        self.assertEqual(st.db("SELECT count(*) FROM user WHERE access IS NOT NULL OR refresh IS NOT NULL"), [(0,)])
        until(lambda: st.db("SELECT count(*) FROM farewell WHERE token IS NOT NULL OR access IS NOT NULL") == [(0,)])


class Here(Base):
    def test_delete_now(self):
        st = self.st
        b = st.connect("shared")
        anna, _ = st.sign_in(user=ANNA)
        self.talk(b)
        c = sqlite3.connect(st.path("inbox.db"), timeout=10, isolation_level=None)
        c.execute("INSERT INTO crm_pause(install_id, until, why) VALUES(1, 1, 'error.pd.limit')")
        c.execute("INSERT INTO link(install_id, thread_id, kind, pd_id, title, user_id, linked_at, checked_at) VALUES(1, ?, 'person', '5', 'x', 1, 1, 1)",
                  (st.thread(),))
        c.execute("INSERT INTO crm_write(install_id, thread_id, user_id, key, act, body, state, next_at, created_at)"
                  " VALUES(1, ?, 1, 'k', 'note', '{}', 'going', 9999999999999, 1)", (st.thread(),))
        c.close()
        before = self.counts()
        for t in ("message", "attachment", "fact", "event", "quarantine", "outbox", "seen", "session"):
            self.assertGreater(before[t], 0, t)
        # A webhook of ours at Pipedrive goes before the grant; another's stays.
        token = [r for r in st.requests(endpoint="pd.users.me")][0]["headers"]
        token = {k.lower(): v for k, v in token.items()}["authorization"]
        c = http.client.HTTPConnection(urllib.parse.urlsplit(st.sandbox).netloc)
        for url in (st.url + "/hook/pipedrive", "https://elsewhere.example/hook"):
            c.request("POST", "/api/v1/webhooks", json.dumps({"subscription_url": url, "event_action": "*", "event_object": "deal", "name": "x"}),
                      {"Authorization": token, "Content-Type": "application/json"})
            self.assertEqual(c.getresponse().read()[:14], b'{"status":"ok"')
        c.close()
        r = b.get("/settings")
        self.assertIn("remove", r.page.ids)
        r = b.get(r.page.link_to("/settings/remove"))
        for key in ("leave.pages", "leave.replies", "leave.people", "leave.erase", "leave.stays"):
            self.assertIn(say(key), r.page.text)
        self.assertEqual(self.counts()["page"], 2, "looking changes nothing")
        r = b.submit(r, "/settings/remove")
        code = r.url.rsplit("/", 1)[1]
        self.assertRegex(code, r"\A[0-9a-f]{32}\Z")
        # Everybody is out at once, before any service was told.
        self.assertEqual(b.get("/inbox", follow=False).status, 303)
        self.assertEqual(anna.get("/inbox", follow=False).status, 303)
        self.finish()
        self.secrets_gone()
        self.assertEqual({t: n for t, n in self.counts().items() if n}, {})
        self.assertEqual(self.files(), [])
        self.assertEqual((self.subscribed(), self.installs()), (set(), []))
        calls = [r for r in st.requests() if r["endpoint"] in ("fb.subscribed_apps.delete", "pd.webhooks.delete", "pd.revoke")]
        # Two workers may be at two people's at once; each person's come in order.
        self.assertEqual(sorted(r["endpoint"] for r in calls),
                         ["fb.subscribed_apps.delete"] * 2 + ["pd.revoke", "pd.revoke", "pd.webhooks.delete"])
        hers = [r["endpoint"] for r in calls if r["endpoint"] == "pd.webhooks.delete" or str(MARIA) in (r["form"] or {}).get("token", "")]
        self.assertEqual(hers, ["pd.webhooks.delete", "pd.revoke"])
        self.assertEqual({r["form"]["token_type_hint"] for r in calls if r["endpoint"] == "pd.revoke"}, {"refresh_token"})
        audit = st.db("SELECT what, detail FROM audit")
        self.assertEqual(len(audit), 1)
        self.assertRegex(audit[0][1], r"install threads=2 messages=[5-9] files=\d+")
        # The receipt is for anybody, names nobody, and stays; the way back in is at hand.
        for who in (b, st.browser("ja")):
            r = who.get("/receipt/" + code)
            self.assertEqual(r.status, 200)
            self.assertIn(say("receipt.done", who.lang), r.page.text)
            for name in ("Acme", "Maria", "Liisa", "Bramble", PAGE_A, LIISA):
                self.assertNotIn(name, r.text)
        r = b.get(r.page.link_to("/"))
        self.assertIn(say("start.connect"), r.page.text)
        self.assertEqual(b.get("/receipt/" + "0" * 32).status, 404)
        self.assertEqual(b.get("/facebook/deletion/" + code).status, 404, "not what Facebook asked for")
        # A year and a bit later it is swept.
        self.ahead(401 * DAY)
        st.sync()
        self.assertEqual(st.browser().get("/receipt/" + code).status, 404)

    def test_kept_and_back(self):
        st = self.st
        b = st.connect("shared")
        thread = self.talk(b)
        log = "SELECT thread_id, at, id, text FROM message ORDER BY 1, 2, 3"
        before, install = st.db(log), st.db("SELECT id FROM install")
        r = self.remove(b, "30")
        self.assertIn(say("receipt.keeping"), r.page.text)
        self.finish()
        self.secrets_gone()
        self.assertEqual((self.subscribed(), self.installs()), (set(), []))
        self.assertEqual(st.db(log), before)
        self.ahead(29 * DAY)
        st.sync()
        self.assertEqual(st.db(log), before)
        b = st.connect("shared", pages=(PAGE_A,))
        self.assertEqual((st.db("SELECT id FROM install"), st.thread()), (install, thread))
        self.assertIn("do you open on Sunday?", b.get("/inbox/%d" % thread).page.text)
        self.assertIn(say("receipt.returned"), st.browser().get(r.url).page.text)
        self.assertEqual(self.subscribed(), {PAGE_A})
        # The Page that did not come back goes when all would have gone.
        self.ahead(2 * DAY)
        st.sync()
        st.sync()
        self.assertEqual(st.db("SELECT fb_id, state FROM page"), [(PAGE_A, "active")])
        self.assertLessEqual(set(before), set(st.db(log)))

    def test_kept_time_over(self):
        st = self.st
        b = st.connect("shared")
        self.talk(b)
        r = self.remove(b, "30")
        self.ahead(30 * DAY + 1000)
        self.finish()
        st.sync()
        self.assertEqual({t: n for t, n in self.counts().items() if n}, {})
        self.assertEqual(self.files(), [])
        self.assertIn(say("receipt.done"), st.browser().get(r.url).page.text)

    def test_services_away(self):
        st = self.st
        b = st.connect("shared")
        self.talk(b)
        st.control("config", {"switches": {"away": True, "pd_away": True}})
        r = self.remove(b)
        self.finish()
        left = {t: n for t, n in self.counts().items() if n}
        self.assertEqual(left, {}, "nobody waits for a service that is away")
        self.assertEqual(st.db("SELECT step FROM leaving"), [("waiting",)])
        self.assertEqual(st.db("SELECT count(*) FROM farewell WHERE token LIKE 'v%' AND state = 'open'"), [(3,)])
        self.assertIn(say("receipt.waiting"), st.browser().get(r.url).page.text)
        self.ahead(2 * DAY // 24)
        st.control("config", {"switches": {"away": False}})
        # At the next try, whenever the last one was.
        until(lambda: (self.ahead(DAY // 24), st.sync(), self.subscribed() == set())[2])
        for _ in range(9):
            self.ahead(DAY)
            st.sync()
        self.assertEqual(st.db("SELECT kind, state FROM farewell ORDER BY id"),
                         [("page", "told"), ("page", "told"), ("grant", "gave up")])
        self.secrets_gone()
        text = st.browser().get(r.url).page.text
        self.assertIn(say("receipt.done"), text)
        self.assertIn(say("receipt.gave_up", n="1"), text)

    def test_back_while_it_goes_on(self):
        st = self.st
        b = st.connect("shared", pages=(PAGE_A,))
        self.talk(b)
        st.control("customer/history", {"page": PAGE_A, "psid": JAAN, "count": 40})
        mids = set(m for (m,) in st.db("SELECT mid FROM message WHERE mid IS NOT NULL"))
        # Nothing is erased yet: no worker runs while the services hang; the intention is there.
        st.control("config", {"switches": {"away": True, "pd_away": True}})
        self.remove(b)
        c = sqlite3.connect(st.path("inbox.db"), timeout=10, isolation_level=None)
        until(lambda: st.db("SELECT count(*) FROM install WHERE company_id < 0") == [(1,)])
        st.control("config", {"switches": {"away": False, "pd_away": False}})
        c.close()
        b = st.connect("shared", pages=(PAGE_A,), wait=False)

        def imported():
            """What was tried while the services were away is tried again some minutes later."""
            self.ahead(5 * MINUTE)
            return st.imported()
        until(imported, 60, 0.05)
        st.sync()
        self.ahead(DAY)
        st.sync()
        self.assertEqual(self.subscribed(), {PAGE_A}, "the farewell must not end the new subscription")
        self.assertEqual(self.installs(), [MARIA])
        self.assertEqual(st.db("SELECT count(*) FROM install WHERE company_id = ?", ACME), [(1,)])
        self.assertEqual(st.db("SELECT count(*) FROM page"), [(1,)])
        back = set(m for (m,) in st.db("SELECT mid FROM message WHERE mid IS NOT NULL"))
        self.assertGreaterEqual(len(back & mids), len(mids) - 1, "Facebook's history came in anew")
        self.assertEqual(b.get("/inbox").status, 200)

    def test_one_page(self):
        st = self.st
        b = st.connect("shared")
        self.talk(b)
        st.customer("to the other Page", page=PAGE_B, psid="6911223344556602")
        until(lambda: st.thread("6911223344556602"))
        st.control("config", {"switches": {"away": True}})
        st.reply(b, st.thread(), "this one waits")
        (page,), = st.db("SELECT id FROM page WHERE fb_id = ?", PAGE_A)
        r = b.get("/settings")
        r = b.get(r.page.link_to("/settings/page/%d" % page))
        self.assertIn(say("leave.page"), r.page.text)
        r = b.submit(r, "/settings/page/%d" % page, {"keep": "30"})
        self.assertIn(say("notice.page_left"), r.page.text)
        self.assertEqual(st.db("SELECT state, why FROM outbox ORDER BY id DESC LIMIT 1"), [("failed", "error.left")])
        st.control("config", {"switches": {"away": False}})
        self.ahead(DAY)
        st.sync()
        self.assertEqual(self.subscribed(), {PAGE_B})
        text = b.get("/inbox/%d" % st.thread()).page.text
        self.assertIn(say("error.left"), text)
        self.assertIn(say("closed.page"), text)
        self.assertNotIn("Bramble Bikes", b.get("/settings").page.text)
        self.assertEqual(b.get("/settings/page/%d" % page).status, 404)
        # Back in time: the same Page, the same conversations.
        thread = st.thread()
        r = st.facebook(b, b.get("/connect/more"))
        b.submit(r, "/connect/pages", {"page": [PAGE_A, PAGE_B]})
        st.sync()
        self.assertEqual(st.db("SELECT id, state FROM page WHERE fb_id = ?", PAGE_A), [(page, "active")])
        self.assertEqual((st.thread(), self.subscribed()), (thread, {PAGE_A, PAGE_B}))
        # And now for good, with the other one untouched.
        r = b.submit(b.get("/settings/page/%d" % page), "/settings/page/%d" % page, {"keep": "0"})
        self.finish()
        st.sync()
        self.assertEqual(st.db("SELECT fb_id FROM page"), [(PAGE_B,)])
        self.assertIsNone(st.thread())
        self.assertEqual(st.db("SELECT count(*) FROM event WHERE raw LIKE '%Liisa%' OR raw LIKE ?", "%" + LIISA + "%"), [(0,)])
        self.assertIn("to the other Page", b.get("/inbox/%d" % st.thread("6911223344556602")).page.text)

    def test_slices(self):
        """Large ones go in many small transactions, whatever else is written meanwhile."""
        st = self.st
        b = st.connect("shared", pages=(PAGE_A,))
        thread = self.talk(b)
        c = sqlite3.connect(st.path("inbox.db"), timeout=10, isolation_level=None)
        c.execute("BEGIN IMMEDIATE")
        c.executemany("INSERT INTO message(thread_id, at, id, dir, origin, text) VALUES(?, ?, ?, 0, 1, 'x')",
                      [(thread, 1000 + i, 10000 + i) for i in range(5200)])
        c.executemany("INSERT INTO event(at, digest, page_id, kind, raw) VALUES(?, randomblob(16), 1, 1, '{}')",
                      [(1795000000000 + i,) for i in range(6000)])
        c.execute("COMMIT")
        c.close()
        r = self.remove(b)
        self.finish()
        st.sync()
        self.assertEqual({t: n for t, n in self.counts().items() if n}, {})
        self.assertIn(say("receipt.done"), st.browser().get(r.url).page.text)
        self.assertGreaterEqual(st.db("SELECT messages FROM leaving")[0][0], 5200)


class Customer(Base):
    def test_one_customer(self):
        st = self.st
        b = st.connect("shared")
        thread = self.talk(b)
        jaan = st.thread(JAAN)
        r = b.get(b.get("/settings").page.link_to("/settings/customers"))
        self.assertIn(say("customers.none"), b.get("/settings/customers?q=nobody").page.text)
        r = b.get("/settings/customers?q=VIRTA")
        self.assertIn("Liisa Virtanen", r.page.text)
        self.assertNotIn("Jaan", r.page.text)
        r = b.get(r.page.link_to("/settings/customers/%d" % thread))
        r = b.submit(r, "/settings/customers/%d" % thread)
        self.assertIn("/receipt/", r.url)
        self.finish()
        st.sync()
        self.assertIsNone(st.thread())
        self.assertEqual(b.get("/inbox/%d" % thread).status, 404)
        self.assertEqual(st.db("SELECT count(*) FROM event WHERE raw LIKE ?", "%" + LIISA + "%"), [(0,)])
        self.assertEqual(st.db("SELECT count(*) FROM quarantine WHERE raw LIKE ?", "%" + LIISA + "%"), [(0,)])
        self.assertEqual(st.db("SELECT count(*) FROM fact"), [(0,)])
        self.assertEqual([f for f in self.files() if f.startswith(("a%d-" % thread, "p%d" % thread))], [])
        self.assertNotIn("hello from Liisa", "".join(str(r) for r in st.db("SELECT text FROM message")))
        self.assertIn("and from Jaan", b.get("/inbox/%d" % jaan).page.text)
        self.assertEqual([w for (w,) in st.db("SELECT what FROM audit WHERE what IN ('customer_deleted','erased') ORDER BY id")],
                         ["customer_deleted", "erased"])
        self.assertNotIn("Liisa", str(st.db("SELECT * FROM audit") + st.db("SELECT * FROM leaving")))
        # A comparison does not bring the past back; writing again begins anew.
        self.ahead(3600000)
        st.customer("me again")
        st.sync()
        self.ahead(3600000)
        st.sync()
        fresh = until(st.thread)
        self.assertEqual([t for (t,) in st.db("SELECT text FROM message WHERE thread_id = ?", fresh)], ["me again"])


class Retention(Base):
    def test_old_messages(self):
        st = self.st
        b = st.connect("shared")
        thread = self.talk(b)
        self.ahead(40 * DAY)
        st.customer("forty days later")
        until(lambda: st.db("SELECT count(*) FROM message WHERE text = 'forty days later'") == [(1,)])
        total = st.db("SELECT count(*) FROM message")[0][0]
        b, _ = st.sign_in()
        for bad in ("29", "3651", "-1", "x"):
            self.assertEqual(b.get("/settings/retention?days=" + bad).status, 422, bad)
        r = b.get("/settings/retention?days=30")
        self.assertIn(str(total - 1), r.page.by_id_text["preview"])
        self.assertEqual(st.db("SELECT count(*) FROM message"), [(total,)])
        r = b.post("/settings/retention", {"csrf": r.page.forms[-1]["fields"]["csrf"], "days": "30"})
        self.assertIn(say("notice.saved"), r.page.text)
        self.assertIn(say("retention.kept", n="30"), r.page.text)
        st.sync()
        self.assertEqual(st.db("SELECT thread_id, text FROM message"), [(thread, "forty days later")])
        self.assertIsNone(st.thread(JAAN))
        self.assertEqual([f for f in self.files() if f.startswith("a")], [])
        # What is gone does not come back by scrolling, nor by comparing.
        b.get("/inbox/%d" % thread)
        self.ahead(3600000)
        st.sync()
        self.assertEqual(st.db("SELECT count(*) FROM message"), [(1,)])
        self.assertEqual(b.post("/settings/retention", {"csrf": r.page.forms[0]["fields"]["csrf"], "days": ""}).status, 200)
        self.assertEqual(st.db("SELECT retention_days FROM install"), [(0,)])


class Pipedrive(Base):
    def test_uninstalled_there(self):
        st = self.st
        b = st.connect("shared")
        anna, _ = st.sign_in(user=ANNA)
        self.talk(b)
        everything = lambda: [st.db("SELECT * FROM " + t) for t in ("install", "user", "page", "leaving")] + [self.counts()["session"]]
        all_of_it = everything()
        for auth in (None, (CLIENT, "wrong"), ("wrong", SECRET), (CLIENT, SECRET + "x"), ("", "")):
            self.assertEqual(uninstall(st, auth=auth), 401, auth)
        self.assertEqual(uninstall(st, client_id="another app"), 401)
        self.assertEqual(uninstall(st, company="x"), 400)
        self.assertEqual(uninstall(st, company=123456), 200, "a company we do not know")
        self.assertEqual(uninstall(st, user=PEETER), 200, "somebody who never came")
        self.assertEqual([len(x) if isinstance(x, list) else x for x in everything()], [len(x) if isinstance(x, list) else x for x in all_of_it])
        self.assertEqual(st.db("SELECT DISTINCT state FROM install UNION SELECT state FROM page"), [("active",)])
        # A colleague: only her own tokens and sessions.
        self.assertEqual(uninstall(st, user=ANNA), 200)
        self.assertEqual(anna.get("/inbox", follow=False).status, 303)
        self.assertEqual(b.get("/inbox").status, 200)
        self.assertEqual(st.db("SELECT count(*) FROM user WHERE refresh IS NOT NULL"), [(1,)])
        anna, _ = st.sign_in(user=ANNA)
        # The installer: all of it, kept for a while; also the second time.
        n = len(st.requests(endpoint="pd.revoke"))
        self.assertEqual(st.control("pipedrive/uninstall", {"company": ACME, "user": MARIA})["status"], 200)
        self.assertEqual(uninstall(st), 200)
        self.assertEqual(uninstall(st, company=str(ACME), user=str(MARIA)), 200)
        self.assertEqual(st.db("SELECT cause, keep_days, count(*) FROM leaving"), [("pipedrive", 30, 1)])
        for who in (b, anna):
            self.assertEqual(who.get("/inbox", follow=False).status, 303)
        self.finish()
        self.secrets_gone()
        self.assertEqual(self.subscribed(), set())
        # Her own grant is dead already; the colleague's is revoked.
        self.assertEqual(len(st.requests(endpoint="pd.revoke")) - n, 1)
        self.assertEqual(self.installs(), [])
        messages = self.counts()["message"]
        self.assertGreater(messages, 0)
        b = st.connect("shared")
        self.assertEqual(self.counts()["message"], messages)
        self.assertEqual(b.get("/inbox/%d" % st.thread()).status, 200)

    def test_the_grant_is_gone(self):
        """No DELETE came: the next refresh says it."""
        st = self.st
        b = st.connect("shared")
        st.control("pipedrive/uninstall", {"company": ACME, "user": MARIA, "callback": False})
        self.ahead(4 * DAY)
        st.sync()
        self.assertEqual(st.db("SELECT kind, cause FROM leaving"), [("install", "grant")])
        self.assertEqual(b.get("/inbox", follow=False).status, 303)
        self.assertEqual(self.subscribed(), set())
        self.secrets_gone()


class Apache(Pipedrive):
    """Apache keeps the Authorization header to itself unless its configuration says otherwise; ours does."""
    server = "apache"
    test_the_grant_is_gone = None


class ApacheCgi(Apache):
    server = "apache-cgi"


class Facebook(Base):
    BAD = [("no dot", lambda: "abc"), ("empty", lambda: ""), ("another secret", lambda: signed_request("0" * 32, user_id=ASID_MARIA)),
           ("another algorithm", lambda: signed_request(user_id=ASID_MARIA, algorithm="HMAC-SHA1")),
           ("two days old", lambda: signed_request(user_id=ASID_MARIA, issued_at=int(time.time()) - 2 * 86400)),
           ("of tomorrow", lambda: signed_request(user_id=ASID_MARIA, issued_at=int(time.time()) + 86400)),
           ("expired", lambda: signed_request(user_id=ASID_MARIA, expires=int(time.time()) - 60)),
           ("about nobody", lambda: signed_request()),
           ("a changed byte", lambda: signed_request(user_id=ASID_MARIA)[:-1] + "A"),
           ("a changed signature", lambda: "A" + signed_request(user_id=ASID_MARIA)[1:] + ""),
           ("no time", lambda: signed_request(user_id=ASID_MARIA, issued_at=0)),
           ("no JSON", lambda: base64.urlsafe_b64encode(hmac.new(APP_SECRET.encode(), b"AAAA", hashlib.sha256).digest()).rstrip(b"=").decode() + ".AAAA")]

    def test_deauthorized(self):
        st = self.st
        b = st.connect("shared")
        self.talk(b)
        misaki = st.connect("shared", AOZORA, MISAKI, ASID_MISAKI, (PAGE_C,), lang="ja")
        for what, make in self.BAD:
            text = make()
            if what == "a changed signature" and text == signed_request(user_id=ASID_MARIA):
                continue
            for path in ("/facebook/deauthorize", "/facebook/deletion"):
                self.assertEqual(signed(st, path, text), (403, ""), what)
        self.assertEqual(st.db("SELECT DISTINCT state FROM page"), [("active",)])
        self.assertEqual(signed(st, "/facebook/deauthorize", signed_request(user_id="4711")), (200, ""), "nobody we know")
        self.assertEqual(st.db("SELECT DISTINCT state FROM page"), [("active",)])
        # The sandbox's own, as Facebook sends it when the person removes the app.
        out = st.control("deauthorize", {"user": ASID_MARIA})
        self.assertEqual((out["status"], out["body"]), (200, ""))
        self.assertEqual(st.db("SELECT fb_id, state, token IS NULL, why FROM page ORDER BY fb_id"), [
            (PAGE_A, "broken", 1, "error.fb.token_removed"), (PAGE_B, "broken", 1, "error.fb.token_removed"),
            (PAGE_C, "active", 0, "")])
        self.assertEqual(st.control("deauthorize", {"user": ASID_MARIA})["status"], 200)
        self.assertIn(say("error.fb.token_removed"), b.get("/settings").page.text)
        self.assertIn("do you open on Sunday?", b.get("/inbox/%d" % st.thread()).page.text)
        self.assertEqual(misaki.get("/inbox").status, 200)
        # One Page alone (profile_id): the other company's.
        self.assertEqual(signed(st, "/facebook/deauthorize", signed_request(user_id="0", profile_id=PAGE_C)), (200, ""))
        self.assertEqual(st.db("SELECT state FROM page WHERE fb_id = ?", PAGE_C), [("broken",)])

    def test_deletion(self):
        st = self.st
        b = st.connect("shared")
        thread = self.talk(b)
        out = st.control("deletion", {"user": ASID_MARIA})
        self.assertEqual(out["status"], 200)
        answer = json.loads(out["body"])
        self.assertEqual(set(answer), {"url", "confirmation_code"})
        self.assertEqual(answer["url"], "%s/facebook/deletion/%s" % (st.url, answer["confirmation_code"]))
        self.assertTrue(answer["confirmation_code"].isalnum())
        self.assertEqual(st.db("SELECT count(*) FROM page WHERE asid = ? OR token IS NOT NULL", ASID_MARIA), [(0,)])
        for lang in ("en", "ja"):
            r = st.browser(lang).get(answer["url"])
            for key in ("receipt.done", "receipt.login", "receipt.customers"):
                self.assertIn(say(key, lang), r.page.text)
            self.assertNotIn(ASID_MARIA, r.text)
        self.assertIn("hello from Liisa", b.get("/inbox/%d" % thread).page.text, "the company's conversations stay")
        # Somebody we do not know is told so, under a code of his own.
        again = json.loads(signed(st, "/facebook/deletion", signed_request(user_id=LIISA))[1])
        self.assertNotEqual(again["confirmation_code"], answer["confirmation_code"])
        self.assertIn(say("receipt.login_none"), st.browser().get(again["url"]).page.text)
        self.assertIsNotNone(st.thread(), "an id of a login never names a customer")

    def test_removed_without_a_word(self):
        """The app is removed in the Page's settings: nobody tells us; the daily look does."""
        st = self.st
        b = st.connect("shared", pages=(PAGE_A,))
        self.talk(b)
        st.control("app/remove", {"page": PAGE_A})
        self.ahead(25 * 3600000)
        st.sync()
        (state, gone), = st.db("SELECT state, token IS NULL FROM page")
        self.assertEqual((state, gone), ("broken", 1))
        self.assertIn("do you open on Sunday?", b.get("/inbox/%d" % st.thread()).page.text)
        # Leaving works all the same: the app itself unsubscribes where the Page's token is dead.
        r = self.remove(b)
        self.finish()
        st.sync()
        self.assertIn(say("receipt.done"), st.browser().get(r.url).page.text)


class FacebookThroughApache(Facebook):
    server = "apache"
    test_removed_without_a_word = None


if __name__ == "__main__":
    unittest.main()
