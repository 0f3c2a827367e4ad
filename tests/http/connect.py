# SPDX-License-Identifier: MIT
"""connect - from nothing to a connected company, and every way of not getting there.

Proved: the whole way in both languages; denials, failures, expired, replayed,
foreign and malformed returns of both services, after each of which nothing is
stored and the way on works; grants that lead nowhere are given back; who may
connect, who is signed in and who is told the owner's name; which Pages can be
chosen; connecting again; what every request to Facebook carries.
"""
import concurrent.futures
import hashlib
import hmac
import json
import re
import unittest
import urllib.parse

from stand import (ACME, AOZORA, APP_SECRET, ASID_MARIA, ASID_MISAKI, LIISA, MARIA, MISAKI, PAGE_A, PAGE_B, PAGE_C, PEETER,
                   Stand, say, until)

SLOW = 90

MINUTE = 60_000
TABLES = ("install", "user", "page", "session", "thread")


def code_and_state(url):
    q = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
    return q["code"][0], q["state"][0]


class Case(unittest.TestCase):
    seed = "small"

    def setUp(self):
        self.st = self.enterContext(Stand(seed=self.seed))

    def nothing_stored(self):
        self.assertEqual([self.st.db("SELECT count(*) FROM " + t)[0][0] for t in TABLES], [0] * len(TABLES))

    def revoked(self):
        """Refresh tokens that were given back, and all that were ever issued."""
        sent = [r["form"]["token"] for r in self.st.requests(endpoint="pd.revoke")]
        issued = [json.loads(r["response"])["refresh_token"] for r in self.st.requests(endpoint="pd.token") if r["status"] == 200]
        return sent, issued

    def problem(self, r, status, key, lang="en", **fill):
        self.assertEqual(r.status, status)
        self.assertEqual(r.page.by_id_text["problem"], say(key, lang, **fill))
        self.assertEqual(r.header("Content-Language"), lang)

    def to_pages(self, b=None, company=ACME, user=MARIA, asid=ASID_MARIA, pages=(PAGE_A, PAGE_B), visibility="shared", perms=None):
        """As far as the choice of Pages."""
        b, r = self.st.sign_in(company, user, browser=b)
        r = b.submit(r, "/connect/visibility", {"visibility": visibility})
        r = self.st.facebook(b, r, asid, pages, perms)
        return b, r

    def finish(self, b, r, pages=(PAGE_A, PAGE_B)):
        r = b.submit(r, "/connect/pages", {"page": list(pages)})
        self.assertEqual(sorted(p for (p,) in self.st.db("SELECT fb_id FROM page WHERE state = 'active'")), sorted(pages))
        return r

    def pd_return(self, b, company=ACME, user=MARIA):
        """Pipedrive's redirect back, not yet followed."""
        r = b.get("/connect")
        return b.post(r.url, {"company": company, "user": user, "action": "allow"}, follow=False).header("Location")

    def fb_return(self, b, r, asid=ASID_MARIA, pages=(PAGE_A, PAGE_B)):
        go = r.page.link_to("/dialog/oauth")
        perms = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(go).query))["scope"].split(",")
        return b.post(go, {"user": asid, "pages": list(pages), "perms": perms, "action": "continue"}, follow=False).header("Location")


class Way(Case):
    def walk(self, lang, company, user, asid, page, browser_lang):
        st = self.st
        b = st.browser(browser_lang)
        r = b.get("/")
        self.assertEqual(r.header("Content-Language"), browser_lang)
        self.assertIn(say("start.heading", browser_lang), r.page.text)
        b, r = st.sign_in(company, user, browser=b)
        steps = [("visibility.heading", r)]
        self.nothing_stored()
        r = b.submit(r, "/connect/visibility", {"visibility": "shared"})
        steps.append(("facebook.heading", r))
        self.nothing_stored()
        r = st.facebook(b, r, asid, [page])
        steps.append(("pages.heading", r))
        self.assertEqual(r.page.ids["p-" + page]["class"].split(), ["choice"])
        self.nothing_stored()
        r = b.submit(r, "/connect/pages", {"page": [page]})
        if "/connect/import" in r.url:
            steps.append(("import.heading", r))
        until(lambda: st.imported(company), 30)
        r = b.get("/connect/import")
        self.assertTrue(r.url.endswith("/inbox?connected=1"), r.url)
        name = st.db("SELECT name FROM page")[0][0]
        self.assertIn(say("inbox.connected", lang, connected=name), r.page.text)
        steps.append(("list.empty", r))
        for key, r in steps:
            with self.subTest(key):
                self.assertEqual((r.status, r.header("Content-Language")), (200, lang))
                self.assertIn('lang="%s"' % lang, r.text)
                self.assertIn(say(key, lang), r.page.text)
        self.assertEqual(st.db("SELECT visibility, state FROM install"), [("shared", "active")])
        self.assertEqual(st.db("SELECT count(*) FROM flow"), [(0,)])

    def test_english(self):
        self.walk("en", ACME, MARIA, ASID_MARIA, PAGE_A, "en")

    def test_japanese(self):
        self.walk("ja", AOZORA, MISAKI, ASID_MISAKI, PAGE_C, "ja")

    def test_the_persons_own_language_before_the_browsers(self):
        self.walk("ja", AOZORA, MISAKI, ASID_MISAKI, PAGE_C, "en")

    def test_a_language_chosen_by_hand_stays(self):
        b = self.st.browser("en")
        b.submit(b.get("/"), "/language", {"lang": "ja"})
        b, r = self.st.sign_in(browser=b)
        self.assertIn(say("visibility.heading", "ja"), r.page.text)
        r = b.submit(r, "/connect/visibility", {"visibility": "shared"})
        self.assertIn(say("facebook.heading", "ja"), r.page.text)


class Pipedrive(Case):
    def test_denied(self):
        b, r = self.st.sign_in(action="cancel")
        self.problem(r, 200, "problem.pd_denied")
        self.nothing_stored()
        self.assertEqual(self.st.requests(endpoint="pd.token"), [])
        self.assertIn("/connect", r.page.link_to("/connect"))
        b, r = self.to_pages(b)
        self.finish(b, r)

    def test_exchange_fails(self):
        for how in ({"status": 400, "body": {"error": "invalid_grant", "error_description": "Invalid grant: authorization_code is invalid"}},
                    {"status": 500, "body": "<html>Whoops</html>"}, {"status": 200, "body": "not json"}, {"status": 200, "body": {}},
                    {"cut": "before"}, {"cut": "after"}, {"cut": "during"}):
            with self.subTest(how):
                self.st.control("requests/clear", {})
                self.st.fault({"endpoint": "pd.token"}, times=1, **how)
                b, r = self.st.sign_in()
                self.problem(r, 502, "error.pd.login_again" if how.get("status") == 400 else "problem.pd_failed")
                self.assertEqual(len(self.st.requests(endpoint="pd.token")), 1)
                self.nothing_stored()
        self.assertIn("/oauth/authorize", b.get(r.page.link_to("/connect")).url)
        b, r = self.to_pages(b)
        self.finish(b, r)

    def test_who_is_it_fails(self):
        """The grant came, but not whose it is: it is given back."""
        for i, how in enumerate(({"status": 500}, {"status": 403, "body": {"success": False}}, {"status": 200, "body": {"success": True}})):
            with self.subTest(how):
                self.st.fault({"endpoint": "pd.users.me"}, times=1, **how)
                _, r = self.st.sign_in()
                self.problem(r, 502, "error.pd.permission" if how["status"] == 403 else "problem.pd_failed")
                self.nothing_stored()
                sent, issued = self.revoked()
                self.assertEqual(sent, issued)
                self.assertEqual(len(sent), i + 1)

    def test_not_an_admin(self):
        b, r = self.st.sign_in(user=PEETER)
        self.problem(r, 403, "problem.not_admin_install")
        self.nothing_stored()
        sent, issued = self.revoked()
        self.assertEqual((sent, len(sent)), (issued, 1))
        self.problem(b.get("/connect/visibility"), 400, "problem.state_expired")

    def test_deactivated(self):
        self.st.control("pipedrive/user", {"company": ACME, "id": MARIA, "active": False})
        _, r = self.st.sign_in()
        if r.status == 403:
            self.problem(r, 403, "problem.deactivated")
            self.assertEqual(*self.revoked())
        self.assertGreaterEqual(r.status, 400)
        self.nothing_stored()

    def test_expired(self):
        b = self.st.browser()
        url = self.pd_return(b)
        self.st.clock(31 * MINUTE)
        self.problem(b.get(url), 400, "problem.state_expired")
        self.assertEqual(self.st.requests(endpoint="pd.token"), [])
        self.nothing_stored()
        b, r = self.to_pages(b)
        self.finish(b, r)

    def test_replayed(self):
        b = self.st.browser()
        url = self.pd_return(b)
        self.assertIn("/connect/visibility", b.get(url).url)
        self.assertEqual(b.get(url).status, 400)
        self.assertEqual(len(self.st.requests(endpoint="pd.token")), 1)
        # What the first one began goes on.
        r = b.submit(b.get("/connect/visibility"), "/connect/visibility", {"visibility": "shared"})
        self.assertIn(say("facebook.heading"), r.page.text)

    def test_replayed_at_the_same_moment(self):
        b = self.st.browser()
        url = self.pd_return(b)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            got = sorted(pool.map(lambda _: b.get(url, follow=False).status, range(4)))
        self.assertEqual(got, [303, 400, 400, 400])
        self.assertEqual(len(self.st.requests(endpoint="pd.token")), 1)

    def test_foreign(self):
        """Somebody else's return, offered to this browser, begins nothing here."""
        one, two, three = (self.st.browser() for _ in range(3))
        url = self.pd_return(one)
        self.pd_return(two)
        self.problem(two.get(url), 400, "problem.state_unknown")
        self.assertEqual(three.get(url).status, 400)
        self.assertEqual(self.st.requests(endpoint="pd.token"), [])
        self.assertIn("/connect/visibility", one.get(url).url)      # whose it is can use it
        for b in (two, three):
            self.assertEqual(b.get("/connect/visibility").status, 400)
        self.nothing_stored()

    def test_malformed(self):
        def variants(code, state):
            q = urllib.parse.quote
            yield "code=%s" % q(code)
            yield "state=%s" % q(state)
            yield "code=%s&state=" % q(code)
            yield "code=%s&state=%s" % (q(code), q(state[:-1]))
            yield "code=%s&code=%s&state=%s" % (q(code), q(code), q(state))
            yield "code=%s&state=%s&state=%s" % (q(code), q(state), q(state))
            yield "code=%s&state=%s&error=x&error=y" % (q(code), q(state))
            yield "code=%%ff&state=%s" % q(state)
            yield "code=%%00&state=%s" % q(state)
            yield ""
        for n in range(10):
            b = self.st.browser()
            query = list(variants(*code_and_state(self.pd_return(b))))[n]
            with self.subTest(query):
                r = b.get("/pipedrive/callback?" + query)
                self.assertEqual(r.status, 400)
                self.nothing_stored()
        self.assertEqual(self.st.requests(endpoint="pd.token"), [])

    def test_message_of_the_service_is_not_shown(self):
        b = self.st.browser()
        _, state = code_and_state(self.pd_return(b))
        r = b.get("/pipedrive/callback?error=%3Cscript%3E&error_description=Call+0900-BAD&state=" + state)
        self.assertNotIn("0900-BAD", r.page.text)
        self.assertNotIn("<script>", r.text)


class Facebook(Case):
    def at_facebook(self, b=None):
        b, r = self.st.sign_in(browser=b)
        return b, b.submit(r, "/connect/visibility", {"visibility": "private"})

    def test_denied_and_then_not(self):
        b, r = self.at_facebook()
        r = self.st.facebook(b, r, action="cancel")
        self.problem(r, 200, "problem.fb_denied")
        self.assertNotIn("Permissions error", r.text)
        self.nothing_stored()
        r = b.get(r.page.link_to("/connect/facebook"))
        r = self.st.facebook(b, r)
        self.finish(b, r)
        self.assertEqual(len(self.st.requests(endpoint="pd.token")), 1)     # Pipedrive was not asked twice
        self.assertEqual(self.st.db("SELECT visibility FROM install"), [("private",)])

    def test_cancelled_by_our_own_button(self):
        b, r = self.at_facebook()
        r = b.get(r.page.link_to("notice=cancelled"))
        self.assertIn(say("notice.cancelled"), r.page.text)
        self.nothing_stored()

    def test_failures(self):
        oauth = lambda code, sub=None: {"status": 400, "body": {"error": dict({"message": "m", "type": "OAuthException", "code": code},
                                                                             **({"error_subcode": sub} if sub else {}))}}
        table = (("fb.oauth.token", 0, oauth(100, 36009), "error.fb.login_again"), ("fb.oauth.token", 0, oauth(100, 36007), "error.fb.login_again"),
                 ("fb.oauth.token", 0, oauth(101), "error.fb.app_secret"), ("fb.oauth.token", 0, oauth(100, 36008), "error.fb.redirect"),
                 ("fb.oauth.token", 0, {"status": 500}, "problem.fb_failed"), ("fb.oauth.token", 0, {"cut": "after"}, "problem.fb_failed"),
                 ("fb.oauth.token", 0, {"status": 200, "body": {}}, "problem.fb_failed"),
                 ("fb.oauth.token", 1, {"status": 500}, "problem.fb_failed"), ("fb.user", 0, {"status": 500}, "problem.fb_failed"),
                 ("fb.permissions", 0, oauth(190), "problem.fb_failed"), ("fb.accounts", 0, {"status": 200, "body": "<html>"}, "problem.fb_failed"),
                 ("fb.accounts", 0, oauth(4), "problem.fb_failed"))
        b, r = self.at_facebook()
        for endpoint, skip, how, key in table:
            with self.subTest((endpoint, skip, how)):
                self.st.control("requests/clear", {})
                self.st.fault({"endpoint": endpoint}, times=1, skip=skip, **how)
                r = self.st.facebook(b, r)
                self.problem(r, 502, key)
                self.nothing_stored()
                codes = [x for x in self.st.requests(endpoint="fb.oauth.token") if "code" in {**(x["query"] or {}), **(x["form"] or {})}]
                self.assertEqual(len(codes), 1)
                r = b.get(r.page.link_to("/connect/facebook"))
                self.assertEqual(r.status, 200)
        self.finish(b, self.st.facebook(b, r))

    def test_expired(self):
        b, r = self.at_facebook()
        url = self.fb_return(b, r)
        self.st.clock(31 * MINUTE)
        self.problem(b.get(url), 400, "problem.state_expired")
        self.problem(b.get("/connect/facebook"), 400, "problem.state_expired")
        self.assertEqual(self.st.requests(endpoint="fb.oauth.token"), [])
        self.nothing_stored()

    def test_each_step_expires(self):
        b, r = self.st.sign_in()
        self.st.clock(31 * MINUTE)
        self.problem(b.get("/connect/visibility"), 400, "problem.state_expired")
        self.assertIn(b.submit(r, "/connect/visibility", {"visibility": "shared"}).status, (400, 403))
        self.st.clock(32 * MINUTE)
        b, r = self.to_pages(b)
        self.st.clock(64 * MINUTE)
        self.problem(b.get("/connect/pages"), 400, "problem.state_expired")
        self.assertIn(b.submit(r, "/connect/pages", {"page": [PAGE_A]}).status, (400, 403))
        self.nothing_stored()
        self.st.sync(2)
        self.assertEqual(self.st.db("SELECT count(*) FROM flow"), [(0,)])       # and the tokens in them are gone

    def test_reloaded_and_replayed(self):
        """The second time shows the result of the first; the code is used once."""
        b, r = self.at_facebook()
        url = self.fb_return(b, r)
        for _ in range(3):
            r = b.get(url)
            self.assertTrue(r.url.endswith("/connect/pages"), r.url)
            self.assertEqual(r.status, 200)
        codes = [x for x in self.st.requests(endpoint="fb.oauth.token") if "code" in {**(x["query"] or {}), **(x["form"] or {})}]
        self.assertEqual(len(codes), 1)
        self.finish(b, r)
        self.assertEqual(b.get(url).status, 400)

    def test_foreign(self):
        one, r1 = self.at_facebook()
        self.st.control("pipedrive/user", {"company": ACME, "id": 10483299, "name": "Second Admin", "admin": True})
        two, r = self.st.sign_in(user=10483299)
        two.submit(r, "/connect/visibility", {"visibility": "shared"})
        url = self.fb_return(one, r1)
        self.problem(two.get(url), 400, "problem.state_unknown")
        self.assertEqual(self.st.browser().get(url).status, 400)
        self.assertEqual(self.st.requests(endpoint="fb.oauth.token"), [])
        self.assertEqual(one.get(url).status, 200)
        self.nothing_stored()

    def test_malformed(self):
        b, r = self.at_facebook()
        code, state = code_and_state(self.fb_return(b, r))
        for query in ("code=" + code, "code=a&code=b&state=" + state, "code=a&state=x&state=" + state, "", "code=%ff&state=x"):
            with self.subTest(query):
                self.assertEqual(b.get("/facebook/callback?" + query).status, 400)
        # None of them cost the person the way on.
        self.assertEqual(b.get("/facebook/callback?code=%s&state=%s" % (code, state)).status, 200)
        for query in ("state=%s", "code=x&state=wrong%s"):
            b, r = self.at_facebook()
            _, state = code_and_state(self.fb_return(b, r))
            self.assertEqual(b.get("/facebook/callback?" + query % state).status, 400, query)
        self.nothing_stored()

    def test_permission_switched_off(self):
        b, r = self.to_pages(perms=["pages_show_list", "pages_manage_metadata", "pages_read_engagement", "business_management"])
        self.assertIn(say("pages.no_permission"), r.page.text)
        self.assertEqual(b.submit(r, "/connect/pages", {"page": [PAGE_A]}).status, 422)
        self.nothing_stored()
        r = b.get(r.page.link_to("again=1"))
        self.assertIn(say("facebook.declined"), r.page.text)
        self.assertIn("auth_type=rerequest", r.page.link_to("/dialog/oauth"))
        self.finish(b, self.st.facebook(b, r))


class Pages(Case):
    def choice(self, r, page):
        """The check box of a Page and what stands beside it."""
        box = next(a for t, a in r.page.tags if t == "input" and a.get("value") == page)
        return "disabled" not in box, "checked" in box, r.page.by_id_text["p-" + page]

    def test_none_ticked(self):
        b, r = self.to_pages()
        for fields in ({"page": []}, {"page": ["999"]}, {"page": [""]}, {"page": ["%s'" % PAGE_A]}):
            with self.subTest(fields):
                again = b.submit(r, "/connect/pages", fields)
                self.assertEqual(again.status, 422)
                self.assertIn(say("problem.no_pages"), again.page.text)
                self.nothing_stored()
        self.finish(b, r, [PAGE_B])

    def test_no_page_at_all(self):
        b, r = self.to_pages(pages=[])
        self.assertIn(say("pages.empty"), r.page.text)
        for key in ("pages.cause_unticked", "pages.cause_role", "pages.cause_business"):
            self.assertIn(say(key), r.page.text)
        r = b.get(r.page.link_to("again=1"))
        self.assertIn("auth_type=rerequest", r.page.link_to("/dialog/oauth"))
        self.finish(b, self.st.facebook(b, r))

    def test_not_administered(self):
        self.st.control("role", {"user": ASID_MARIA, "page": PAGE_B, "tasks": ["ANALYZE"]})
        b, r = self.to_pages()
        self.assertEqual(self.choice(r, PAGE_A)[:2], (True, True))
        can, ticked, text = self.choice(r, PAGE_B)
        self.assertEqual((can, ticked), (False, False))
        self.assertIn(say("pages.no_role"), text)
        by_hand = b.submit(r, "/connect/pages", {"page": [PAGE_B]})
        self.assertEqual(by_hand.status, 422)
        self.nothing_stored()
        b.submit(r, "/connect/pages", {"page": [PAGE_A, PAGE_B]})
        self.assertEqual(self.st.db("SELECT fb_id FROM page"), [(PAGE_A,)])

    def test_none_that_can(self):
        for p in (PAGE_A, PAGE_B):
            self.st.control("role", {"user": ASID_MARIA, "page": p, "tasks": ["ANALYZE"]})
        _, r = self.to_pages()
        self.assertIn(say("pages.none_can"), r.page.text)

    def test_tasks(self):
        for tasks, can in ((["MESSAGING", "MODERATE"], True), (["PROFILE_PLUS_MESSAGING", "PROFILE_PLUS_MANAGE"], True), (["MESSAGING"], False),
                           (["MANAGE"], False), (["MESSAGING", "MANAGE", "UNHEARD_OF"], True), (["PROFILE_PLUS_FULL_CONTROL", "PROFILE_PLUS_MESSAGING"], True)):
            with self.subTest(tasks):
                self.st.control("role", {"user": ASID_MARIA, "page": PAGE_A, "tasks": tasks})
                _, r = self.to_pages()
                self.assertEqual(self.choice(r, PAGE_A)[0], can)

    def test_held_by_another_company(self):
        self.st.connect("private", pages=(PAGE_A,))
        self.st.control("role", {"user": ASID_MISAKI, "page": PAGE_A, "tasks": ["MESSAGING", "MODERATE", "MANAGE"]})
        b, r = self.to_pages(company=AOZORA, user=MISAKI, asid=ASID_MISAKI, pages=(PAGE_A, PAGE_C))
        can, ticked, text = self.choice(r, PAGE_A)
        self.assertEqual((can, ticked), (False, False))
        self.assertIn(say("pages.other_company", "ja"), text)
        for secret in ("Acme", "Maria"):
            self.assertNotIn(secret, r.page.text)
        before = len(self.st.requests(endpoint="fb.subscribed_apps.post"))
        self.assertEqual(b.submit(r, "/connect/pages", {"page": [PAGE_A]}).status, 422)
        self.assertEqual(len(self.st.requests(endpoint="fb.subscribed_apps.post")), before)
        self.assertEqual(self.st.db("SELECT count(*) FROM install"), [(1,)])
        b.submit(r, "/connect/pages", {"page": [PAGE_A, PAGE_C]})
        self.assertEqual(self.st.db("SELECT i.company_id, p.fb_id FROM page p JOIN install i ON i.id = p.install_id ORDER BY p.fb_id"),
                         [(ACME, PAGE_A), (AOZORA, PAGE_C)])

    def test_taken_while_the_choice_was_open(self):
        self.st.control("role", {"user": ASID_MISAKI, "page": PAGE_A, "tasks": ["MESSAGING", "MODERATE", "MANAGE"]})
        b, r = self.to_pages(company=AOZORA, user=MISAKI, asid=ASID_MISAKI, pages=(PAGE_A, PAGE_C))
        self.assertTrue(self.choice(r, PAGE_A)[0])
        self.st.connect("shared", pages=(PAGE_A,))
        self.assertEqual(b.submit(r, "/connect/pages", {"page": [PAGE_A]}).status, 422)
        self.assertEqual(self.st.db("SELECT i.company_id FROM page p JOIN install i ON i.id = p.install_id"), [(ACME,)])

    def test_taken_at_the_same_moment(self):
        """Both companies press the button; one gets the Page, the other a sentence, nobody an error."""
        self.st.control("role", {"user": ASID_MISAKI, "page": PAGE_A, "tasks": ["MESSAGING", "MODERATE", "MANAGE"]})
        ways = [self.to_pages(pages=(PAGE_A,)), self.to_pages(company=AOZORA, user=MISAKI, asid=ASID_MISAKI, pages=(PAGE_A,))]
        self.st.fault({"endpoint": "fb.subscribed_apps.post"}, times=2, delay_ms=700)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            got = list(pool.map(lambda w: w[0].submit(w[1], "/connect/pages", {"page": [PAGE_A]}, follow=False).status, ways))
        self.assertEqual(self.st.db("SELECT count(*) FROM page WHERE state <> 'removed'"), [(1,)])
        self.assertEqual(self.st.db("SELECT count(*) FROM install i WHERE NOT EXISTS (SELECT 1 FROM page p WHERE p.install_id = i.id)"), [(0,)])
        self.assertEqual(sorted(got), [303, 409])

    def test_facebook_refuses_the_subscription(self):
        refusal = {"status": 403, "body": {"error": {"message": "(#200) no", "type": "OAuthException", "code": 200}}}
        b, r = self.to_pages()
        fault = self.st.fault({"endpoint": "fb.subscribed_apps.post"}, times=0, **refusal)
        again = b.submit(r, "/connect/pages", {"page": [PAGE_A, PAGE_B]})
        self.assertEqual(again.status, 502)
        self.assertIn(say("problem.subscribe"), again.page.text)
        self.nothing_stored()
        self.st.control("faults/clear", {"id": fault})
        self.st.fault({"endpoint": "fb.subscribed_apps.post", "page": PAGE_B}, times=0, **refusal)
        r = b.submit(again, "/connect/pages", {"page": [PAGE_A, PAGE_B]})
        self.assertEqual(self.st.db("SELECT fb_id FROM page"), [(PAGE_A,)])
        self.assertIn("/connect/import", r.url)
        self.assertIn(say("notice.some_refused"), b.get("/inbox?notice=some_refused").page.text)

    def test_same_button_twice_at_once(self):
        b, r = self.to_pages(visibility="private")
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            got = list(pool.map(lambda _: b.submit(r, "/connect/pages", {"page": [PAGE_A, PAGE_B]}, follow=False).status, range(3)))
        self.assertIn(303, got)
        self.assertFalse([s for s in got if s >= 500], got)
        self.assertEqual([self.st.db("SELECT count(*) FROM " + t)[0][0] for t in ("install", "user", "page")], [1, 1, 2])
        self.assertEqual(self.st.db("SELECT visibility FROM install"), [("private",)])

    def test_a_colleague_was_faster(self):
        """Who uses the inbox stays what the first one chose, also within the same second."""
        self.st.control("pipedrive/user", {"company": ACME, "id": 10483299, "name": "Second Admin", "admin": True})
        first, second = self.to_pages(visibility="private"), self.to_pages(user=10483299, visibility="shared")
        self.st.fault({"endpoint": "fb.subscribed_apps.post"}, times=1, delay_ms=1000)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            late = pool.submit(second[0].submit, second[1], "/connect/pages", {"page": [PAGE_A]})
            until(lambda: self.st.control("faults")["faults"][0]["hits"])
            early = first[0].submit(first[1], "/connect/pages", {"page": [PAGE_A]})
        self.assertEqual(early.status, 200)
        self.problem(late.result(), 409, "problem.connected_meanwhile")
        self.assertEqual(self.st.db("SELECT i.visibility, u.pd_user_id FROM install i JOIN user u ON u.id = i.owner_id"), [("private", MARIA)])
        self.assertEqual(self.st.db("SELECT count(*) FROM user"), [(1,)])
        self.assertEqual(len(self.revoked()[0]), 1)


class Visibility(Case):
    def test_must_be_chosen(self):
        b, r = self.st.sign_in()
        for fields in ({"visibility": ""}, {"visibility": "public"}, {"visibility": "Shared"}):
            again = b.submit(r, "/connect/visibility", fields)
            self.assertEqual(again.status, 422)
            self.assertIn(say("visibility.choose_one"), again.page.text)
        f = r.page.form_to("/connect/visibility")
        self.assertEqual(b.post("/connect/visibility", {"csrf": f["fields"]["csrf"]}).status, 422)
        r = b.submit(r, "/connect/visibility", {"visibility": "shared"})
        self.assertIn(say("facebook.heading"), r.page.text)

    def test_second_click(self):
        b, r = self.st.sign_in()
        for _ in range(2):
            got = b.submit(r, "/connect/visibility", {"visibility": "shared"})
        self.assertIn(got.status, (200, 400))
        self.assertEqual(b.get("/connect/facebook").status, 200)


class Colleagues(Case):
    def second_admin(self):
        self.st.control("pipedrive/user", {"company": ACME, "id": 10483299, "name": "Second Admin", "admin": True})
        return 10483299

    def test_shared(self):
        self.st.connect("shared")
        for user, name in ((self.second_admin(), "Second Admin"), (PEETER, "Peeter Saar")):
            b, r = self.st.sign_in(user=user)
            self.assertTrue(r.url.endswith("/inbox"), r.url)
            self.assertIn(name, r.page.text)
        self.assertEqual(self.st.db("SELECT count(*) FROM install"), [(1,)])
        self.assertEqual(self.st.db("SELECT count(*) FROM user"), [(3,)])
        self.assertEqual(self.revoked()[0], [])

    def test_private(self):
        owner = self.st.connect("private")
        self.st.customer("for Maria's eyes")
        b, r = self.st.sign_in(user=PEETER)
        self.problem(r, 403, "problem.install_private", name="Maria Tamm")
        self.assertNotIn("for Maria", r.text)
        self.assertTrue(b.get("/inbox").url.endswith("/"))
        self.assertEqual(len(self.revoked()[0]), 1)
        self.assertEqual(self.st.db("SELECT count(*), (SELECT count(*) FROM session) FROM user"), [(1, 1)])
        # Another admin: that it is there, by whom, which Pages; nothing else.
        b, r = self.st.sign_in(user=self.second_admin())
        self.assertTrue(r.url.endswith("/settings"), r.url)
        self.assertIn(say("settings.owner", owner="Maria Tamm"), r.page.text)
        self.assertIn("Bramble Bikes", r.page.text)
        self.assertEqual(b.get("/inbox").status, 403)
        self.assertNotIn("for Maria", r.text + b.get("/inbox").text)
        self.assertEqual(len(self.revoked()[0]), 1)
        self.assertIn("for Maria", owner.get("/inbox").text)
        # The owner comes from another computer.
        b, r = self.st.sign_in()
        self.assertTrue(r.url.endswith("/inbox"), r.url)
        self.assertIn("for Maria", r.text)

    def test_company_of_somebody_else(self):
        self.st.connect("shared")
        b, r = self.st.sign_in(AOZORA, MISAKI)
        self.assertTrue(r.url.endswith("/connect/visibility"))
        self.assertNotIn("Acme", r.text)

    def test_name_of_the_owner_is_text(self):
        self.st.control("pipedrive/user", {"company": ACME, "id": MARIA, "name": "<b>Maria</b> {name} %s"})
        self.st.connect("private")
        _, r = self.st.sign_in(user=PEETER)
        self.assertIn("&lt;b&gt;Maria&lt;/b&gt; {name} %s", r.text)


class Again(Case):
    def test_ids_and_history_stay(self):
        st = self.st
        b = st.connect("shared")
        st.customer("before")
        st.reply(b, st.thread(), "reply before")
        until(lambda: st.db("SELECT 1 FROM outbox WHERE state = 'sent'"))
        st.delivered()
        rows = lambda: [st.db(q) for q in ("SELECT id, fb_id, install_id FROM page ORDER BY id", "SELECT id, psid FROM thread ORDER BY id",
                                           "SELECT thread_id, at, id, text FROM message ORDER BY 1, 2, 3", "SELECT id, company_id, owner_id, visibility FROM install",
                                           "SELECT id, pd_user_id FROM user")]
        before, tokens = rows(), st.db("SELECT token FROM page ORDER BY id")
        r = b.get("/connect/more")
        self.assertIn(say("facebook.heading"), r.page.text)
        r = st.facebook(b, r)
        self.assertIn(say("pages.here"), r.page.by_id_text["p-" + PAGE_A])
        b.submit(r, "/connect/pages", {"page": [PAGE_A, PAGE_B]})
        until(st.imported, 30)
        self.assertEqual(rows(), before)
        self.assertNotEqual(st.db("SELECT token FROM page ORDER BY id"), tokens)
        self.assertEqual(len(st.requests(endpoint="pd.token")), 1)
        st.customer("after")
        self.assertIn("after", b.get("/inbox/%d" % st.thread()).page.text)

    def test_a_further_page(self):
        st = self.st
        b = st.connect("private", pages=(PAGE_A,))
        r = st.facebook(b, b.get("/connect/more"))
        b.submit(r, "/connect/pages", {"page": [PAGE_B]})
        self.assertEqual(sorted(st.db("SELECT fb_id, state FROM page")), [(PAGE_A, "active"), (PAGE_B, "active")])
        self.assertEqual(st.db("SELECT visibility FROM install"), [("private",)])

    def test_signing_in_again_keeps_the_language_that_was_chosen(self):
        st = self.st
        b = st.connect("shared")
        b.submit(b.get("/inbox"), "/language")
        self.assertEqual(st.db("SELECT lang FROM user"), [("ja",)])
        _, r = st.sign_in()
        self.assertEqual(r.header("Content-Language"), "ja")


class Grants(Case):
    """A new grant kills the tokens of the one before; that is no word of uninstalling."""

    def connected(self):
        st = self.st
        st.connect("shared")
        st.clock(61 * MINUTE)           # the access token is over
        return st

    def still_there(self):
        self.assertEqual(self.st.db("SELECT state FROM install"), [("active",)])

    def refreshed(self, days, status):
        """By then what lay for three days has been used by a run; so it was answered, and the company stays."""
        self.st.clock(days * 24 * 60 * MINUTE)
        self.st.sync()
        self.assertEqual([r["status"] for r in self.st.requests(endpoint="pd.token")][-1], status)
        self.still_there()

    def test_one_is_used_while_its_owner_signs_in(self):
        st = self.connected()
        st.clock(4 * 24 * 60 * MINUTE)  # a run refreshes what lay for three days
        st.fault({"endpoint": "pd.users.me"}, times=1, delay_ms=2000)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            came = pool.submit(st.sign_in)
            until(lambda: st.control("faults")["faults"][0]["hits"])
            st.sync(2, check=False)
            self.assertEqual([r["status"] for r in st.requests(endpoint="pd.token")][-1], 400, "the old one is dead")
            self.still_there()
            _, r = came.result()
        self.assertEqual(r.url, st.url + "/inbox")
        self.assertEqual(st.db("SELECT count(*) FROM lease WHERE name LIKE 'exchange-%'"), [(0,)])
        self.assertEqual(st.db("SELECT active, refresh IS NULL FROM user"), [(1, 0)])
        self.refreshed(8, 200)

    def test_a_sign_in_that_was_refused(self):
        """Too many sign in: the grant that came is kept all the same, since the one before is dead."""
        st = self.st = self.enterContext(Stand(seed=self.seed, conf={"limit.sign_in_company": 2}))
        st.connect("shared")
        for status in (200, 200, 429):
            _, r = st.sign_in()
            self.assertEqual(r.status, status)
        self.refreshed(4, 200)

    def test_one_of_nobody_knows_whom(self):
        """It may be the one that the connection lives from: neither given back nor a word of uninstalling."""
        st = self.connected()
        st.fault({"endpoint": "pd.users.me"}, times=1, status=500)
        _, r = st.sign_in()
        self.problem(r, 502, "problem.pd_failed")
        self.assertEqual(self.revoked()[0], [])
        self.refreshed(4, 400)
        b, r = st.sign_in()
        self.assertEqual(r.url, st.url + "/inbox")
        self.refreshed(8, 200)

    def test_a_process_that_died_on_the_way(self):
        st = self.connected()
        st.fault({"endpoint": "pd.users.me"}, times=1, delay_ms=3000)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            came = pool.submit(st.sign_in)
            until(lambda: st.control("faults")["faults"][0]["hits"])
            st.kill_workers()
            came.exception()
        st.clock(4 * 24 * 60 * MINUTE)
        st.sync()
        self.still_there()
        self.assertEqual(st.sign_in()[1].url, st.url + "/inbox")

    def test_it_is_gone_indeed(self):
        st = self.connected()
        st.control("pipedrive/uninstall", {"company": ACME, "user": MARIA, "callback": False})
        st.clock(4 * 24 * 60 * MINUTE)
        st.sync()
        self.assertEqual(st.db("SELECT state FROM install"), [("removed",)])


class ManyPages(Case):
    seed = "many-pages"

    def test_all_are_listed(self):
        mine = [p["id"] for p in self.st.control("pages")["pages"] if p["id"] not in (PAGE_C,)]
        self.assertGreater(len(mine), 60)
        b, r = self.to_pages(pages=mine)
        self.assertEqual(sorted(i[2:] for i in r.page.ids if i.startswith("p-")), sorted(mine))
        can = [a["value"] for t, a in r.page.tags if t == "input" and a.get("name") == "page" and "disabled" not in a]
        self.assertLess(len(can), len(mine))
        b.submit(r, "/connect/pages", {"page": can})
        self.assertEqual(self.st.db("SELECT count(*) FROM page"), [(len(can),)])

    def test_three_fetches(self):
        self.st.control("seed", {"name": "many-pages", "count": 230})
        mine = [p["id"] for p in self.st.control("pages")["pages"] if p["id"] not in (PAGE_C,)]
        _, r = self.to_pages(pages=mine)
        self.assertEqual(len([i for i in r.page.ids if i.startswith("p-")]), 230)
        asked = self.st.requests(endpoint="fb.accounts")
        self.assertEqual(len(asked), 3)
        self.assertTrue(all("access_token" not in q["query"] for q in asked))       # never the address in paging.next

    def test_a_refusal_in_the_middle(self):
        self.st.control("seed", {"name": "many-pages", "count": 230})
        mine = [p["id"] for p in self.st.control("pages")["pages"]]
        self.st.fault({"endpoint": "fb.accounts"}, times=1, skip=1, status=500)
        _, r = self.to_pages(pages=mine)
        self.problem(r, 502, "problem.fb_failed")
        self.nothing_stored()


class Requests(Case):
    """What Facebook and Pipedrive were sent in a whole life of a connection."""

    def test_tokens_and_proofs(self):
        st = self.st
        b = st.connect("shared")
        st.customer("hi", attachments=None)
        st.control("customer/write", {"page": PAGE_A, "psid": LIISA, "attachments": [{"type": "image", "picture": "cat"}]})
        st.delivered()
        st.reply(b, st.thread(), "hello")
        until(lambda: st.db("SELECT 1 FROM outbox WHERE state = 'sent'"))
        st.sync()
        st.control("token/kill", {"page": PAGE_B})
        st.clock(11 * MINUTE)
        st.sync()
        sent = st.requests()
        graph = [r for r in sent if r["service"] == "facebook" and not r["endpoint"].startswith("fb.dialog")]
        self.assertGreater(len(graph), 12)
        secrets = set()
        for r in graph:
            got = r["headers"].get("authorization", "")
            token = got[7:] if got.startswith("Bearer ") else None
            if token and "|" not in token:
                secrets.add(token)
                proof = hmac.new(APP_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()
                with self.subTest(r["endpoint"]):
                    carried = [x.get("appsecret_proof") for x in (r["query"], r["form"], r["json"]) if isinstance(x, dict)]
                    self.assertIn(proof, carried)
            else:
                self.assertIn(r["endpoint"], ("fb.oauth.token", "fb.debug_token"))
        for r in sent:
            if r["endpoint"] == "pd.token":
                secrets.update(json.loads(r["response"])[k] for k in ("access_token", "refresh_token"))
        self.assertGreater(len(secrets), 4)
        for r in sent:
            if r["endpoint"].endswith(".submit"):
                continue
            for name, value in (r["query"] or {}).items():
                with self.subTest("%s %s" % (r["endpoint"], name)):
                    self.assertNotEqual(name, "access_token")
                    self.assertNotIn("client_secret", name)
                    # The contract of debug_token has no other way.
                    if (r["endpoint"], name) != ("fb.debug_token", "input_token"):
                        self.assertFalse([s for s in secrets if s in value])
                        self.assertNotIn(APP_SECRET, value)
            if r["service"] == "facebook" and not r["endpoint"].startswith("fb.dialog"):
                self.assertTrue(re.match(r"/v25\.0/", r["path"]), r["path"])
        codes = [r for r in graph if r["endpoint"] == "fb.oauth.token" and "code" in {**(r["query"] or {}), **(r["form"] or {})}]
        self.assertEqual(len(codes), 1)
        self.assertEqual(len([r for r in sent if r["endpoint"] == "pd.token"]), 1)

    def test_what_is_subscribed(self):
        self.st.connect("shared")
        for r in self.st.requests(endpoint="fb.subscribed_apps.post"):
            fields = set((r["form"] or r["json"])["subscribed_fields"].split(","))
            self.assertLessEqual({"messages", "message_echoes", "messaging_postbacks", "standby", "messaging_handovers", "message_deliveries",
                                  "message_reads", "message_reactions", "message_edits", "messaging_referrals", "messaging_policy_enforcement"}, fields)


if __name__ == "__main__":
    unittest.main()
