# SPDX-License-Identifier: MIT
"""limits - how often: signing in, tick, webhooks and searching, by address and by company.

Proved: what is over a limit gets 429, a sentence in the reader's language and
Retry-After, and is let in when the time has come; workers and plain CGI count
together; another address and another company are not held up; a stranger's
webhooks never hold up Facebook's or Pipedrive's; what Facebook signed and was
turned away arrives when it is sent again.
"""
import base64
import http.client
import os
import re
import unittest

from stand import ACME, AOZORA, ASID_MISAKI, LIISA, MISAKI, PAGE_A, PAGE_C, TAKAHASHI, VERIFY, Stand, event_body, message, say, sign, until

MINUTE = 60_000
TICK = "only-those-who-may"


def ask(st, method, path, body=None, headers=None, source="127.0.0.1"):
    """One request from an address of our choice: (status, headers, body)."""
    c = http.client.HTTPConnection(st.host, st.port, timeout=30, source_address=(source, 0))
    c.request(method, st.base_path + path, body=body, headers=headers or {})
    r = c.getresponse()
    out = r.status, r.headers, r.read().decode()
    c.close()
    return out


class Limits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand(conf={
            "tick_secret": TICK, "limit.sign_in": 12, "limit.sign_in_company": 2, "limit.tick": 4, "limit.hook": 5,
            "limit.hook_company": 20, "limit.search": 10, "limit.search_company": 14}))
        cls.now = 0
        cls.a = cls.st.connect("shared")
        cls.later(2)
        cls.b = cls.st.connect("shared", AOZORA, MISAKI, ASID_MISAKI, (PAGE_C,))
        cls.st.at_rest()

    def setUp(self):
        self.later(2)

    @classmethod
    def later(cls, minutes):
        cls.now += minutes * MINUTE
        cls.st.clock(cls.now)

    def times(self, n, want, *args, **kw):
        for i in range(n):
            self.assertEqual(ask(self.st, *args, **kw)[0], want, "call %d" % (i + 1))

    def refused(self, got, key=None, lang="en"):
        status, headers, body = got
        self.assertEqual(status, 429)
        self.assertIn(int(headers["Retry-After"]), range(1, 62))
        if key:
            self.assertIn(say(key, lang), body)
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])

    def test_sign_in(self):
        self.times(12, 302, "GET", "/connect")
        self.refused(ask(self.st, "GET", "/connect"), "problem.often")
        self.refused(ask(self.st, "GET", "/connect", headers={"Accept-Language": "ja"}), "problem.often", "ja")
        # One account for all steps of it; but what Pipedrive says of an uninstall is no step.
        for path in ("/pipedrive/callback?code=x&state=y", "/facebook/callback?code=x&state=y", "/setup/abc"):
            self.refused(ask(self.st, "GET", path))
        self.assertEqual(ask(self.st, "DELETE", "/pipedrive/callback")[0], 401)
        self.times(3, 302, "GET", "/connect", source="127.0.0.2")
        self.assertEqual(ask(self.st, "GET", "/")[0], 200, "other pages are there")
        wait = int(ask(self.st, "GET", "/connect")[1]["Retry-After"])
        type(self).now += wait * 1000
        self.st.clock(self.now)
        self.assertEqual(ask(self.st, "GET", "/connect")[0], 302)

    def test_sign_in_company(self):
        for i in range(2):
            _, r = self.st.sign_in()
            self.assertEqual((r.status, r.url), (200, self.st.url + "/inbox"))
        b, r = self.st.sign_in()
        self.refused((r.status, r.headers, r.text), "problem.often_company")
        self.assertEqual(b.get("/inbox", follow=False).status, 303, "signed in although refused")
        _, r = self.st.sign_in(AOZORA, MISAKI)
        self.assertEqual(r.status, 200, "another company is not held up")
        self.later(1)
        _, r = self.st.sign_in(browser=b)
        self.assertEqual((r.status, b.get("/inbox", follow=False).status), (200, 200))

    def test_tick(self):
        self.times(2, 404, "GET", "/tick/guess")
        self.times(2, 200, "POST", "/tick/" + TICK)
        self.refused(ask(self.st, "GET", "/tick/guess"), "problem.often")
        self.refused(ask(self.st, "GET", "/tick/" + TICK))
        self.assertEqual(ask(self.st, "GET", "/tick/" + TICK, source="127.0.0.3")[0], 200)
        self.later(1)
        self.assertEqual(ask(self.st, "GET", "/tick/" + TICK)[0], 200)

    def test_search(self):
        for i in range(10):
            self.assertEqual(self.a.get("/search?q=frame").status, 200)
        r = self.a.get("/search?q=frame")
        self.refused((r.status, r.headers, r.text), "problem.often")
        # The company's own account, from wherever its people are.
        cookies = "; ".join("%s=%s" % kv for jar in self.a.cookies.values() for kv in jar.items())
        for i in range(4):
            self.assertEqual(ask(self.st, "GET", "/search?q=x", headers={"Cookie": cookies}, source="127.0.0.4")[0], 200)
        self.refused(ask(self.st, "GET", "/search?q=x", headers={"Cookie": cookies}, source="127.0.0.4"), "problem.often_company")
        other = "; ".join("%s=%s" % kv for jar in self.b.cookies.values() for kv in jar.items())
        self.assertEqual(ask(self.st, "GET", "/search?q=x", headers={"Cookie": other}, source="127.0.0.4")[0], 200)

    def test_hook_strangers(self):
        body, before = event_body([message(LIISA, "m_forged", "forged")]), len(self.st.log())
        self.times(5, 403, "POST", "/hook/facebook", body, {"X-Hub-Signature-256": "sha256=" + "0" * 64})
        self.refused(ask(self.st, "POST", "/hook/facebook", body))
        self.refused(ask(self.st, "GET", "/hook/facebook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=" + VERIFY))
        # From the very address: a proxy may stand in between.
        self.assertEqual(self.st.hook(event_body([message(LIISA, "m_real", "still heard")])), 200)
        self.assertEqual(self.st.db("SELECT text FROM message WHERE text IN ('still heard', 'forged')"), [("still heard",)])
        told = re.findall(r" too_often .*limit=limit\.hook ", self.st.log()[before:])
        self.assertEqual(len(told), 1, "a line for each")
        self.later(1)
        self.assertEqual(ask(self.st, "GET", "/hook/facebook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=" + VERIFY)[0], 200)

    def test_hook_company(self):
        one = event_body([message(LIISA, "m_flood", "one of many")])
        for i in range(20):
            self.assertEqual(self.st.hook(one), 200)
        late = event_body([message(LIISA, "m_late", "comes again")])
        self.refused(ask(self.st, "POST", "/hook/facebook", late, {"X-Hub-Signature-256": sign(late)}))
        self.assertEqual(self.st.db("SELECT count(*) FROM message WHERE text = 'comes again'"), [(0,)])
        self.assertEqual(self.st.hook(event_body([message(TAKAHASHI, "m_other", "not held up", page=PAGE_C)], PAGE_C)), 200)
        self.later(1)
        self.assertEqual(self.st.hook(late), 200)
        self.assertEqual(self.st.db("SELECT count(*) FROM message WHERE text IN ('comes again', 'not held up')"), [(2,)])

    def test_other_configuration(self):
        """Workers that have read the apps' file anew go on counting."""
        fd = os.open(self.st.path("apps.conf"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as f:
            f.write("facebook.verify_token = another-word\n")
        try:
            path = "/hook/facebook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=another-word"
            # Each worker looks by itself.
            until(lambda: [ask(self.st, "GET", path, source="127.0.0.%d" % n)[0] for n in range(10, 18)] == [200] * 8)
            self.later(2)
            one = event_body([message(LIISA, "m_anew", "counted on")])
            self.assertEqual([self.st.hook(one) for i in range(21)], [200] * 20 + [429])
        finally:
            os.unlink(self.st.path("apps.conf"))
        until(lambda: [ask(self.st, "GET", path, source="127.0.0.%d" % n)[0] for n in range(20, 28)] == [403] * 8)

    def test_hook_pipedrive(self):
        st = self.st
        st.customer("whose record is followed")
        person = st.control("pipedrive/object", {"company": ACME, "kind": "person", "action": "create", "data": {"name": "P"}})["object"]
        thread = st.db("SELECT thread_id FROM message WHERE text = 'whose record is followed'")[0][0]
        st.link(thread, "person", person["id"])

        def hooks():
            st.sync()
            return st.control("pipedrive/state?company=%d" % ACME)["webhooks"]
        hook = until(hooks)[0]
        path = "/hook/pipedrive/" + hook["subscription_url"].rsplit("/", 1)[1]

        def auth(password):
            return {"Authorization": "Basic " + base64.b64encode(("inbox:" + password).encode()).decode()}
        self.later(2)
        self.times(5, 401, "POST", path, "{}", auth("guess"))
        self.refused(ask(st, "POST", path, "{}", auth("guess")))
        self.times(20, 200, "POST", path, "{}", auth(hook["http_auth_password"]))
        self.refused(ask(st, "POST", path, "{}", auth(hook["http_auth_password"])))


class Cgi(unittest.TestCase):
    def test_processes_count_together(self):
        with Stand("cgi", conf={"limit.sign_in": 3}) as st:
            for i in range(3):
                self.assertEqual(ask(st, "GET", "/connect")[0], 302)
            self.assertEqual(ask(st, "GET", "/connect")[0], 429)


if __name__ == "__main__":
    unittest.main()
