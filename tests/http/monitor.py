# SPDX-License-Identifier: MIT
"""monitor - what programs that watch are told: /health.json and /metrics.

Proved: who is told what, with which credentials, and that without a token in the
settings nobody is; that both say what the health page says, in both languages;
that something broken answers 503; the text format line by line; that neither holds
a name, a text or a secret.
"""
import base64
import json
import os
import re
import unittest

from stand import ACME, ANNA, AOZORA, APP_SECRET, ASID_MISAKI, LIISA_B, MISAKI, PAGE_A, PAGE_B, PAGE_C, SRC, VERIFY, Stand, say, until

MINUTE, HOUR = 60_000, 3_600_000
TOKEN = "watch-me-0123456789"
NO_SECRET = (TOKEN, APP_SECRET, VERIFY, "sandbox-pipedrive-secret", "EAAM", "Liisa", "Maria", "hello monitor")


def bearer(token=TOKEN):
    return {"Authorization": "Bearer " + token}


def basic(user="monitor", token=TOKEN):
    return {"Authorization": "Basic " + base64.b64encode(("%s:%s" % (user, token)).encode()).decode()}


def words():
    """The words of the table, in order, with group and the keys of name and fix."""
    with open(os.path.join(SRC, "lib/sync/checks.def"), encoding="utf-8") as f:
        rows = re.findall(r'^C\((\w+), "(\w+)", (\w+), (\w+), (\w+), (\w+)\)', f.read(), re.M)
    with open(os.path.join(SRC, "lib/base/strings.def"), encoding="utf-8") as f:
        keys = dict(re.findall(r'^T\((\w+), "([^"]+)"\)', f.read(), re.M))
    return {word: (group, keys[name], keys[about], keys[fix]) for _, word, group, name, about, fix in rows}


TABLE = words()
# What rows can tell; the others need calls, which a page does not make.
INSIDE = [w for w, row in TABLE.items() if row[0] not in ("GROUP_OUTSIDE", "GROUP_HERE", "GROUP_SERVICES")]


class Case(unittest.TestCase):
    conf = {"monitor_token": TOKEN}

    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand(conf=cls.conf))
        cls.b = cls.st.connect("shared", pages=[PAGE_A, PAGE_B])
        cls.st.customer("hello monitor")
        cls.st.customer("hello monitor", page=PAGE_B, psid=LIISA_B)
        cls.st.sync()

    def health(self, b=None, headers=None):
        r = (b or self.st.browser()).get("/health.json", headers=bearer() if headers is None else headers, follow=False)
        self.assertEqual(r.header("Content-Type"), "application/json")
        self.assertEqual(r.header("Cache-Control"), "no-store")
        return r, json.loads(r.text)

    def metrics(self):
        """{name{labels}: value} after a look at each line."""
        r = self.st.browser().get("/metrics", headers=bearer(), follow=False)
        self.assertEqual((r.status, r.header("Content-Type")), (200, "text/plain; version=0.0.4; charset=utf-8"))
        self.assertTrue(r.text.endswith("\n"))
        values, declared = {}, {}
        for line in r.text.splitlines():
            m = re.fullmatch(r"# (HELP|TYPE) (messenger_inbox_[a-z_]+) (.+)", line)
            if m:
                declared.setdefault(m.group(2), []).append(m.group(1))
                if m.group(1) == "TYPE":
                    self.assertEqual(m.group(3), "gauge")
                continue
            m = re.fullmatch(r'((messenger_inbox_[a-z_]+)(?:\{[a-z]+="[^"\\]*"(?:,[a-z]+="[^"\\]*")*\})?) (-?[0-9.]+)', line)
            self.assertTrue(m, line)
            self.assertEqual(declared.get(m.group(2)), ["HELP", "TYPE"], line)
            self.assertNotIn(m.group(1), values)
            values[m.group(1)] = float(m.group(3))
        self.assertEqual(set(declared), {k.partition("{")[0] for k in values})
        for secret in NO_SECRET:
            self.assertNotIn(secret, r.text)
        return {k.removeprefix("messenger_inbox_"): v for k, v in values.items()}


class Told(Case):
    def test_1_who(self):
        st = self.st
        anna, _ = st.sign_in(user=ANNA)
        for b, headers, want in ((None, {}, 401), (None, bearer("wrong"), 401), (None, bearer(""), 401), (None, bearer(TOKEN + "x"), 401),
                                 (None, basic(token="wrong"), 401), (None, basic(user="somebody"), 401), (None, bearer(), 200),
                                 (None, basic(), 200), (anna, {}, 403), (anna, bearer(), 200), (self.b, {}, 200)):
            for url in ("/health.json", "/metrics"):
                with self.subTest(url, headers=headers):
                    r = (b or st.browser()).get(url, headers=headers, follow=False)
                    metrics = url == "/metrics" and "Authorization" not in headers
                    self.assertEqual(r.status, 401 if metrics else want, r.text)
                    if r.status == 401:
                        self.assertEqual(r.text, say("problem.monitor") + "\n")
                        self.assertTrue(r.header("WWW-Authenticate").startswith("Bearer "))
        self.assertEqual(st.browser("ja").get("/metrics").text, say("problem.monitor", "ja") + "\n")
        self.assertEqual(st.browser().request("POST", "/health.json", headers=bearer()).status, 405)
        self.assertNotIn(TOKEN, st.log())

    def test_2_all_well(self):
        r, told = self.health()
        self.assertEqual((r.status, told["status"]), (200, "ok"), told)
        self.assertEqual(set(told), {"checks", "status", "at", "version"})
        self.assertRegex(told["at"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual({c["check"] for c in told["checks"]}, set(INSIDE))
        for c in told["checks"]:
            self.assertEqual((c["result"], c["name"]), ("ok", say(TABLE[c["check"]][1])))
            self.assertTrue(c["found"])
            self.assertNotIn("{", c["found"])
        pages = [c["about"] for c in told["checks"] if c["check"] == "connection"]
        self.assertEqual(pages, [PAGE_A, PAGE_B], "Pages by number")
        self.assertEqual([c["about"] for c in told["checks"] if c["check"] == "replies"], [str(ACME)])
        for secret in NO_SECRET + ("Bramble", "Acme"):
            self.assertNotIn(secret, r.text)
        # The same page for people has the same lines in the same order.
        names = [c["name"] for c in told["checks"]]
        shown = re.findall(r'<p class="look-head"><b>([^<]*)</b>', self.b.get("/health").text)
        self.assertEqual(shown[:len(names)], names)

    def test_3_an_admin_sees_his_company(self):
        st = self.st
        st.connect("shared", AOZORA, MISAKI, ASID_MISAKI, (PAGE_C,), lang="ja")
        _, all_of_it = self.health()
        self.assertEqual([c["about"] for c in all_of_it["checks"] if c["check"] == "connection"], [PAGE_A, PAGE_B, PAGE_C])
        _, own = self.health(self.b, {})
        self.assertEqual([c["about"] for c in own["checks"] if c["check"] == "connection"], [PAGE_A, PAGE_B])
        self.assertNotIn(str(AOZORA), json.dumps(own))

    def test_4_metrics(self):
        m = self.metrics()
        self.assertEqual((m["companies"], m["pages"], m["pages_broken"], m["replies_waiting"], m["codes_unknown"]), (2, 3, 0, 0, 0))
        self.assertEqual([v for k, v in m.items() if k.startswith("build_info{version=")], [1])
        run = self.st.db("SELECT max(started_at) FROM run WHERE driver = 'cron'")[0][0]
        self.assertEqual(m['run_last_timestamp_seconds{driver="cron"}'], run / 1000)
        self.assertEqual(m['run_last_timestamp_seconds{driver="web"}'], 0)
        for name in ("database_bytes", "disk_free_bytes", "event_last_timestamp_seconds"):
            self.assertGreater(m[name], 0, name)
        self.assertEqual({k for k in m if k.startswith("check{")}, {'check{check="%s"}' % w for w in INSIDE})

    def test_5_attention_and_broken(self):
        st = self.st
        st.write("UPDATE page SET policy = 'warning' WHERE fb_id = ?", PAGE_B)
        r, told = self.health()
        self.assertEqual((r.status, told["status"]), (200, "attention"))
        bad, = [c for c in told["checks"] if c["result"] != "ok" and c.get("about") == PAGE_B]
        self.assertEqual((bad["check"], bad["found"], bad["fix"], bad["means"]),
                         ("connection", say("health.warned"), say("health.see_facebook"), say("about.connection")))
        self.assertEqual(self.metrics()['check{check="connection"}'], 1)
        st.write("UPDATE page SET policy = '' WHERE fb_id = ?", PAGE_B)
        st.control("token/kill", {"page": PAGE_B, "subcode": 460})
        st.clock(HOUR + 20 * MINUTE)
        st.sync(check=False)
        until(lambda: st.db("SELECT state FROM page WHERE fb_id = ?", PAGE_B) == [("broken",)])
        for lang in ("en", "ja"):
            r, told = self.health(st.browser(lang))
            self.assertEqual((r.status, told["status"]), (503, "broken"))
            bad, = [c for c in told["checks"] if c["result"] == "broken" and c["check"] == "connection"]
            self.assertEqual((bad["about"], bad["found"], bad["who"]),
                             (PAGE_B, say("error.fb.token_password", lang), say("help.page_admin", lang)))
        m = self.metrics()
        self.assertEqual((m["pages"], m["pages_broken"], m['check{check="connection"}']), (2, 1, 2))

    def test_6_queues(self):
        st = self.st
        thread = st.thread()
        st.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {"message": "busy", "code": 613}})
        st.reply(self.b, thread, "hello monitor, it waits")
        until(lambda: st.db("SELECT state FROM outbox WHERE thread_id = ?", thread) == [("deferred",)])
        m = self.metrics()
        self.assertEqual((m["replies_waiting"], m["replies_oldest_timestamp_seconds"]), (1, st.db("SELECT created_at FROM outbox")[0][0] / 1000))


class WithoutToken(Case):
    conf = {}

    def test_nobody(self):
        for headers in ({}, bearer(""), basic(token=""), bearer("unset")):
            for url in ("/health.json", "/metrics"):
                self.assertEqual(self.st.browser().get(url, headers=headers, follow=False).status, 401)
        self.assertEqual(self.health(self.b, {})[0].status, 200)


if __name__ == "__main__":
    unittest.main()
