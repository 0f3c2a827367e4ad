# SPDX-License-Identifier: MIT
"""health - the page that says whether everything is as it should be, and the
inspections behind it.

Proved: who may see it; each line in each of its states, in both languages; the
daily inspection of token and subscription, at once after an error that hints
at them; lost subscriptions restored; data access that ends soon; one token
error breaks nothing, two do when nobody can be asked; unknown codes of both
services counted and shown.
"""
import unittest

from stand import ANNA, LIISA, PAGE_A, PAGE_B, Stand, event_body, say, until

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


class Case(unittest.TestCase):
    pages = (PAGE_A,)

    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand())
        cls.b = cls.st.connect("shared", pages=list(cls.pages))
        cls.ahead = 0

    def setUp(self):
        self.st.control("faults/clear", {})

    def later(self, ms):
        type(self).ahead += ms
        self.st.clock(self.ahead)

    def ended(self):
        until(lambda: not self.st.db("SELECT 1 FROM run WHERE ended_at IS NULL"), 30)

    def page(self, what, fb=PAGE_A):
        return self.st.db("SELECT %s FROM page WHERE fb_id = ?" % what, fb)[0][0]

    def health(self, b=None):
        r = (b or self.b).get("/health")
        self.assertEqual(r.status, 200)
        return r

    def result(self, name, lang="en", section=None):
        """ok, attention or broken: of the line with this name."""
        text = self.health().page.text
        if section:
            text = text[text.index(section):]
        after = text[text.index(say(name, lang)) + len(say(name, lang)):].lstrip()
        for word in ("ok", "attention", "broken"):
            if after.startswith(say("health." + word, lang)):
                return word
        raise AssertionError(after[:80])

    def calls(self, endpoint, since=0):
        return [r for r in self.st.requests(endpoint=endpoint) if r["id"] > since]

    def last_id(self):
        got = self.st.requests()
        return got[-1]["id"] if got else 0

    def customer(self, page=PAGE_A):
        psid = self.st.control("customer/new", {"page": page, "name": "Kim Tester"})["psid"]
        self.st.customer("hello", psid=psid, page=page)
        return psid, until(lambda: self.st.thread(psid))


class Shown(Case):
    pages = (PAGE_A, PAGE_B)

    def test_1_who(self):
        anna, _ = self.st.sign_in(user=ANNA)
        self.assertEqual(anna.get("/health").status, 403)
        self.assertEqual(self.st.browser().get("/health", follow=False).status, 303)

    def test_2_all_well(self):
        st = self.st
        self.customer()
        self.customer(PAGE_B)
        self.later(2 * HOUR)
        st.sync()
        for lang in ("en", "ja"):
            r = self.b.submit(self.health(), "/language", {"lang": lang}) if lang == "ja" else self.health()
            text = r.page.text
            self.assertIn(say("health.heading_ok", lang), text)
            for word in ("health.attention", "health.broken"):
                self.assertNotIn(" %s " % say(word, lang), text)
            for key in ("health.driver", "health.by_cron", "health.clock", "health.connection", "health.events", "health.comparison",
                        "health.subscription", "health.token", "health.replies", "health.shelf", "health.installer",
                        "health.writes", "health.database", "health.journal", "health.wal", "health.disk", "health.codes", "health.version", "health.runs_heading", "health.driver_cron", "health.result_ok"):
                self.assertIn(say(key, lang), text, key)
            self.assertEqual(text.count(say("health.token", lang) + " "), 2, "one for each Page")
            self.assertIn("Bramble Bikes", text)
            self.assertIn("Bramble Repairs", text)
        self.b.submit(self.b.get("/health"), "/language", {"lang": "en"})

    def test_3_sync_from_here(self):
        self.later(3 * MINUTE)
        r = self.b.submit(self.health(), "/sync")
        self.assertIn("/health?notice=sync", r.url)
        self.assertIn(say("notice.sync"), r.page.text)
        self.ended()

    def test_4_drivers(self):
        """Cron, a web-cron and open pages: each is late after its own time, and nobody is told of one that was never there."""
        self.ended()
        st = self.st

        def ran(**ago):
            """When each driver last ran."""
            st.write("DELETE FROM run")
            now = st.control("clock")["now"]
            for driver, ms in sorted(ago.items(), key=lambda kv: -kv[1]):
                st.write("INSERT INTO run(driver, started_at, ended_at, result) VALUES(?, ?, ?, 'ok')", driver, now - ms, now - ms)

        for want, key, ago in (("ok", "by_cron", {"cron": MINUTE}), ("ok", "by_web", {"web": 50 * MINUTE}), ("ok", "by_visit", {"visit": 23 * HOUR}),
                               ("ok", "by_cron", {"cron": 15 * MINUTE, "visit": 3 * DAY}),
                               ("ok", "by_web", {"web": MINUTE, "cron": 8 * DAY}),
                               ("attention", "cron_stopped", {"cron": 25 * MINUTE, "visit": MINUTE}),
                               ("attention", "cron_stopped", {"cron": HOUR, "web": MINUTE}),
                               ("attention", "web_stopped", {"web": 2 * HOUR, "visit": MINUTE}),
                               ("broken", "by_nobody", {"cron": HOUR, "web": 2 * HOUR, "visit": 25 * HOUR}), ("broken", "by_nobody", {})):
            with self.subTest(**ago):
                ran(**ago)
                self.assertEqual(self.result("health.driver"), want)
                text = self.health().page.text
                self.assertIn(say("health." + key), text)
                self.assertEqual(say("health.set_up_driver") in text, want != "ok")
        self.assertIn(say("health.heading_broken"), self.health().page.text)
        n = st.db("SELECT coalesce(max(id), 0) FROM run")[0][0]
        self.b.get("/inbox")
        until(lambda: st.db("SELECT 1 FROM run WHERE id > ?", n))
        self.ended()
        self.assertEqual(self.result("health.driver"), "ok")
        st.sync()

    def test_4_clock(self):
        now = self.st.control("clock")["now"]
        self.st.write("INSERT INTO run(driver, started_at, ended_at, result) VALUES('cron', ?, ?, 'ok')", now + HOUR, now + HOUR)
        self.assertEqual(self.result("health.clock"), "attention")
        self.st.write("DELETE FROM run WHERE started_at > ?", now)
        self.assertEqual(self.result("health.clock"), "ok")

    def test_4_server(self):
        """What the daily check of the database found; the room there is, in a unit that people use."""
        self.assertRegex(self.health().page.text, say("health.disk_is", size=r"[0-9]+\.[0-9] [GM]B "))
        kept = self.st.db("SELECT at, value FROM note WHERE key = 'check'")
        self.assertEqual(self.result("health.database"), "ok")
        self.st.write("UPDATE note SET value = 'row 7 missing from index' WHERE key = 'check'")
        self.assertEqual(self.result("health.database"), "broken")
        self.assertIn(say("health.database_todo"), self.health().page.text)
        self.st.write("UPDATE note SET value = ? WHERE key = 'check'", kept[0][1])

    def test_4_pipedrive(self):
        """The installer's grant, and writes that wait."""
        st = self.st
        self.assertEqual((self.result("health.installer"), self.result("health.writes")), ("ok", "ok"))
        kept = st.db("SELECT id, refresh FROM user WHERE refresh IS NOT NULL")
        st.write("UPDATE user SET refresh = NULL")
        self.assertEqual(self.result("health.installer"), "attention")
        for user, refresh in kept:
            st.write("UPDATE user SET refresh = ? WHERE id = ?", refresh, user)
        self.customer()
        thread = st.db("SELECT id, install_id FROM thread")[0]
        now = st.control("clock")["now"]
        for age, want in ((MINUTE, "ok"), (HOUR, "attention")):
            st.write("INSERT INTO crm_write(install_id, thread_id, user_id, key, act, body, state, next_at, created_at)"
                     " VALUES(?, ?, ?, ?, 'note', '{}', 'unknown', ?, ?)", thread[1], thread[0], kept[0][0], "k%d" % age, now + DAY, now - age)
            self.assertEqual(self.result("health.writes"), want)
        st.write("DELETE FROM crm_write")

    def test_5_shelf_and_waiting(self):
        st = self.st
        self.assertEqual(st.hook(event_body([{"sender": {"id": LIISA}, "recipient": {"id": PAGE_A},
                                              "timestamp": 1795341600000, "who_knows": {"x": 1}}])), 200)
        self.assertEqual(st.db("SELECT count(*) FROM quarantine"), [(1,)])
        self.assertEqual(self.result("health.shelf"), "attention")
        self.assertIn(say("health.shelved", n="1"), self.health().page.text)
        psid, thread = self.customer()
        st.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {"message": "busy", "code": 613}})
        st.reply(self.b, thread, "waits")
        until(lambda: st.db("SELECT state FROM outbox WHERE thread_id = ?", thread) == [("deferred",)])
        until(lambda: self.page("pause_until") > 0)
        self.assertEqual(self.result("health.replies"), "ok")
        self.assertEqual(self.result("health.connection", section="Bramble Bikes"), "attention")
        self.later(11 * MINUTE)
        self.assertEqual(self.result("health.replies"), "attention")
        st.sync()
        self.assertEqual(self.result("health.replies"), "ok")
        self.assertEqual(self.result("health.connection", section="Bramble Bikes"), "ok")

    def test_5_replies_that_failed(self):
        """By reason, with who can help; what its writer can settle is no matter for an admin."""
        st = self.st
        self.assertEqual(self.result("health.failures"), "ok")
        self.assertIn(say("health.no_failures"), self.health().page.text)
        for code, subcode, key, want in ((2018144, None, "error.fb.content", "ok"), (10, None, "error.fb.permission", "attention")):
            psid, thread = self.customer()
            st.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {"message": "no", "code": code}})
            st.reply(self.b, thread, "no good")
            until(lambda: st.db("SELECT state FROM outbox WHERE thread_id = ?", thread) == [("failed",)])
            self.assertEqual(self.result("health.failures"), want)
            page = self.health().page
            self.assertIn(say(key), page.text)
            self.assertIn(say("help.agent" if want == "ok" else "help.page_admin"), page.text)
            self.assertEqual([h for h, _ in page.links if "/connect/more" in h] != [], want == "attention")
        for thread, in st.db("SELECT thread_id FROM outbox WHERE state = 'failed'"):
            self.b.submit(self.b.get("/inbox/%d" % thread), "/dismiss/")
        self.assertEqual(self.result("health.failures"), "ok")

    def test_6_broken_page(self):
        self.ended()
        self.st.control("token/kill", {"page": PAGE_B, "subcode": 460})
        self.later(11 * MINUTE)
        self.st.sync(check=False)
        self.assertEqual(self.result("health.connection", section="Bramble Repairs"), "broken")
        self.assertEqual(self.result("health.connection", section="Bramble Bikes"), "ok")
        r = self.health()
        self.assertIn(say("error.fb.token_password"), r.page.text)
        self.assertIn(say("help.page_admin"), r.page.text)
        self.assertTrue(r.page.link_to("/connect/more"))
        self.assertIn(say("health.heading_broken"), r.page.text)


class Inspect(Case):
    def test_1_daily(self):
        st = self.st
        self.ended()
        since = self.last_id()
        self.later(30 * MINUTE)
        st.sync()
        self.assertEqual(self.calls("fb.debug_token", since), [], "connecting has just looked")
        self.later(40 * MINUTE)
        st.sync()
        self.assertEqual((len(self.calls("fb.debug_token", since)), len(self.calls("fb.subscribed_apps.get", since))), (1, 1))
        self.assertEqual(self.calls("fb.subscribed_apps.post", since), [])
        self.assertEqual(self.page("sub_state"), "ok")
        self.assertGreater(self.page("token_until"), 0)
        self.later(20 * HOUR)
        st.sync()
        self.assertEqual(len(self.calls("fb.debug_token", since)), 1)
        self.later(5 * HOUR)
        st.sync()
        self.assertEqual(len(self.calls("fb.debug_token", since)), 2)

    def test_2_subscription_comes_back(self):
        st = self.st
        st.control("app/unsubscribe", {"page": PAGE_A})
        st.control("customer/write", {"page": PAGE_A, "psid": LIISA, "text": "into the void"})
        self.later(25 * HOUR)
        st.sync()
        self.assertEqual(self.page("sub_state"), "restored")
        self.assertTrue(st.db("SELECT 1 FROM message WHERE text = 'into the void'"), "no comparison after it")
        self.assertTrue(st.db("SELECT 1 FROM audit WHERE what = 'resubscribed'"))
        self.assertEqual(self.result("health.subscription"), "ok")
        st.customer("heard again")
        self.assertTrue(st.db("SELECT 1 FROM message WHERE text = 'heard again'"))
        since = self.last_id()
        self.later(25 * HOUR)
        st.sync()
        self.assertEqual((self.page("sub_state"), self.calls("fb.subscribed_apps.post", since)), ("ok", []))

    def test_3_missed_webhooks_are_a_hint(self):
        """Comparing finds what no webhook told: the subscription is looked at without waiting for the day."""
        st = self.st
        self.later(2 * HOUR)
        st.control("app/unsubscribe", {"page": PAGE_A})
        st.control("customer/write", {"page": PAGE_A, "psid": LIISA, "text": "silence"})
        st.sync()
        self.assertEqual(self.page("sub_state"), "restored")

    def test_4_refused(self):
        st = self.st
        st.control("app/unsubscribe", {"page": PAGE_A})
        st.fault({"endpoint": "fb.subscribed_apps.post"}, times=0, status=403,
                 body={"error": {"message": "no", "code": 200}})
        self.later(25 * HOUR)
        st.sync()
        self.assertEqual((self.page("sub_state"), self.page("state")), ("lost", "active"))
        self.assertEqual(self.result("health.subscription"), "broken")
        st.control("faults/clear", {})
        self.later(61 * MINUTE)
        st.sync()
        self.assertEqual(self.page("sub_state"), "restored")

    def test_5_data_access_ends(self):
        st = self.st
        self.later(DAY)
        st.sync()
        self.assertEqual(self.result("health.token"), "ok")
        days = (self.page("token_until") - st.control("clock")["now"]) // DAY
        self.later((days - 13) * DAY)
        st.sync()
        type(self).b, _ = st.sign_in()      # that long nobody stays signed in
        self.assertEqual(self.result("health.token"), "attention")
        self.assertEqual(self.page("state"), "active")

    def test_6_after_an_error_at_once(self):
        st = self.st
        psid, thread = self.customer()
        self.later(20 * MINUTE)
        st.sync()
        since = self.last_id()
        st.fault({"endpoint": "fb.send"}, times=1, status=403, body={"error": {"message": "no", "code": 200}})
        st.reply(self.b, thread, "not allowed")
        until(lambda: st.db("SELECT state FROM outbox WHERE thread_id = ?", thread) == [("failed",)])
        st.sync()
        self.assertEqual(len(self.calls("fb.debug_token", since)), 1)
        self.assertEqual(len(self.calls("fb.subscribed_apps.get", since)), 1)
        self.assertEqual(self.page("state"), "active")


class Suspect(Case):
    def test_two_in_a_row_when_nobody_can_be_asked(self):
        st = self.st
        psid, thread = self.customer()
        st.fault({"endpoint": "fb.debug_token"}, times=0, status=500)
        bad = st.fault({"endpoint": "fb.send"}, times=0, status=400, body={"error": {"message": "x", "code": 190}})
        st.reply(self.b, thread, "patience")
        until(lambda: self.page("suspect") == 1)
        self.assertEqual(self.page("state"), "active", "broken by one whim")
        # It works in between: the count begins anew.
        st.control("faults/clear", {"id": bad})
        self.later(2 * MINUTE)
        st.sync(check=False)
        self.assertEqual((st.db("SELECT state FROM outbox"), self.page("suspect")), ([("sent",)], 0))
        bad = st.fault({"endpoint": "fb.send"}, times=0, status=400, body={"error": {"message": "x", "code": 190, "error_subcode": 460}})
        st.reply(self.b, thread, "once more")
        until(lambda: self.page("suspect") == 1)
        self.later(2 * MINUTE)
        st.sync(check=False)
        self.assertEqual((self.page("state"), self.page("why")), ("broken", "error.fb.token_password"))
        # Messages are kept all the same, and the text of the reply too.
        st.customer("still here?", psid=psid)
        self.assertTrue(st.db("SELECT 1 FROM message WHERE text = 'still here?'"))
        r = self.b.get("/inbox/%d" % thread)
        self.assertNotIn("composer", r.page.ids)
        self.assertIn("once more", r.page.text)


class Codes(Case):
    def test_unknown_codes(self):
        st = self.st
        psid, thread = self.customer()
        for code, sub in ((4711, None), (4711, None), (190, 31337), (10, 7)):
            e = {"message": "new to us", "code": code}
            if sub:
                e["error_subcode"] = sub
            st.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": e})
            n = len(st.requests(endpoint="fb.send"))
            st.reply(self.b, thread, "code %d" % code)
            until(lambda: len(st.requests(endpoint="fb.send")) > n)
            until(lambda: not st.db("SELECT 1 FROM outbox WHERE state IN ('queued', 'sending')"))
            self.later(2 * MINUTE)
            st.sync(check=False)
        self.assertEqual(st.db("SELECT service, code, subcode, times FROM odd_code ORDER BY code, subcode"),
                         [("facebook", 10, 7, 1), ("facebook", 190, 31337, 1), ("facebook", 4711, 0, 2)])
        # A known one is not among them.
        st.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {"message": "x", "code": 551}})
        st.reply(self.b, thread, "known")
        until(lambda: st.db("SELECT 1 FROM outbox WHERE code = 551"))
        self.assertEqual(st.db("SELECT count(*) FROM odd_code"), [(3,)])
        # Pipedrive has only its status.
        st.fault({"endpoint": "pd.token"}, times=1, status=418, body={"error": "teapot"})
        self.later(4 * DAY)
        st.sync(check=False)
        self.assertEqual(st.db("SELECT code, times FROM odd_code WHERE service = 'pipedrive'"), [(418, 1)])
        r = self.health()
        for text in ("4711", "190/31337", "10/7", "418", say("health.codes_heading"), say("health.codes_seen", n="4")):
            self.assertIn(text, r.page.text)
        self.assertEqual(self.result("health.codes"), "attention")


if __name__ == "__main__":
    unittest.main()
