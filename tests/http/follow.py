#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""follow - what happens in Pipedrive to records that conversations are linked to.

Proved: one set of webhooks per company, made after the first link, with a
password; made again after Pipedrive deleted them, and after each gap all links
are asked about; wrong or missing credentials are refused, unknown addresses and
records answered 200; changes of names and stages are seen, merged records
re-pointed in any order of events and any number of repetitions, leads that were
archived or converted, records that were deleted and came back; all of it
without webhooks too, by the daily look; events of one company never touch
another's; notes go with what became of their record; leaving ends the webhooks.
"""
import base64
import http.client
import json
import unittest

import openapi
from crm import ASKED, MINUTE, Crm
from stand import ACME, AOZORA, ASID_MISAKI, MARIA, MISAKI, PAGE_C, PEETER, say, until

HOUR = 60 * MINUTE
DAY = 24 * HOUR
WANTED = sorted((o, a) for o in ("person", "deal", "lead") for a in ("change", "delete"))


class Follow(Crm):
    def hooks(self, company=ACME):
        return self.st.control("pipedrive/state?company=%d" % company)["webhooks"]

    def wire(self):
        """The webhooks are there."""
        for _ in range(3):
            if sorted((h["event_object"], h["event_action"]) for h in self.hooks()) == WANTED:
                return
            self.st.sync()
        self.fail("webhooks: %s" % self.hooks())

    def unhook(self):
        """Pipedrive ends them, as after three days without an answer."""
        for h in self.hooks():
            self.st.control("pipedrive/webhook", {"company": ACME, "id": h["id"], "action": "delete"})

    def linked(self, kind="person", **data):
        t = self.thread()
        if kind == "lead" and "person_id" not in data:
            data["person_id"] = self.make("person", name="Of the lead")["id"]
        o = self.make(kind, **dict({"name" if kind == "person" else "title": "First name"}, **data))
        self.link(t, kind, str(o["id"]))
        self.st.sync()
        self.wire()
        return t, o

    def web(self, kind, action, ident, **more):
        """Somebody does that in Pipedrive; its webhooks are delivered."""
        out = self.st.control("pipedrive/object", dict({"company": ACME, "kind": kind, "action": action, "id": ident}, **more))["object"]
        self.st.delivered()
        return out

    def state(self, t):
        return self.st.db("SELECT kind, pd_id, title, state FROM link WHERE thread_id = ? AND state <> 'ended'", t)

    def becomes(self, t, kind, ident, title, state="live"):
        want = [(kind, str(ident), title, state)]

        def so():
            if self.state(t) != want:
                self.st.sync_once(5, True)
            return self.state(t) == want
        try:
            until(so, 10, 0.1)
        except AssertionError:
            self.fail("%s, not %s" % (self.state(t), want))

    def silent(self):
        self.st.control("deliver", {"service": "pipedrive", "drop": True})
        self.addCleanup(self.st.control, "deliver", {"service": "pipedrive", "drop": 0})

    def post(self, body, user="inbox", password=None, key=None):
        h = self.hooks()[0]
        key = key or h["subscription_url"].rsplit("/", 1)[1]
        head = {"Content-Type": "application/json"}
        if user is not None:
            head["Authorization"] = "Basic " + base64.b64encode(("%s:%s" % (user, password or h["http_auth_password"])).encode()).decode()
        c = http.client.HTTPConnection("127.0.0.1", self.st.port, timeout=30)
        c.request("POST", "/hook/pipedrive/" + key, body=body if isinstance(body, bytes) else json.dumps(body), headers=head)
        r = c.getresponse()
        r.read()
        c.close()
        return r.status

    def event(self, kind, ident, action="delete", company=ACME, at="2026-11-22T09:15:00.661Z", **meta):
        return {"meta": dict({"action": action, "entity": kind, "entity_id": str(ident), "company_id": str(company), "timestamp": at,
                              "version": "2.0"}, **meta), "data": None, "previous": None}


class Hooks(Follow):
    def test_1_made_after_the_first_link(self):
        self.st.sync()
        self.assertEqual(self.hooks(), [])
        self.linked()
        urls = {h["subscription_url"] for h in self.hooks()}
        self.assertEqual(len(urls), 1)
        self.assertRegex(urls.pop(), "^%s/hook/pipedrive/[0-9a-f]{48}$" % self.st.url)
        self.assertEqual({(h["http_auth_user"], len(h["http_auth_password"]), h["version"]) for h in self.hooks()}, {("inbox", 48, "2.0")})
        n = len(self.st.requests(endpoint="pd.webhooks.list"))
        self.st.sync()
        self.linked()
        self.assertEqual((len(self.hooks()), len(self.st.requests(endpoint="pd.webhooks.list"))), (6, n), "once, and once a day")
        # The password is sealed.
        self.assertNotIn(self.hooks()[0]["http_auth_password"], str(self.st.db("SELECT * FROM pd_hook")))

    def test_2_who_may_tell(self):
        t, o = self.linked()
        e = self.event("person", o["id"])
        for user, password in (("inbox", "wrong"), ("pd", None), (None, None), ("", "")):
            self.assertEqual(self.post(e, user, password), 401)
        self.assertEqual(self.post(e, key="0" * 48), 200)
        self.assertEqual(self.st.db("SELECT check_at > 1 FROM link WHERE thread_id = ?", t), [(1,)])
        for odd in (b"", b"[]", b"{", b'{"meta": 5}', json.dumps(self.event("person", "51/../x")).encode(), json.dumps(self.event("note", 5)).encode(),
                    json.dumps(self.event("person", o["id"], merged_to_id="x")).encode(), json.dumps(self.event("person", 999999)).encode(),
                    json.dumps(self.event("person", o["id"], company=AOZORA)).encode()):
            self.assertEqual(self.post(odd), 200, odd)
        self.assertEqual(self.st.db("SELECT check_at > 1 FROM link WHERE thread_id = ?", t), [(1,)])
        self.assertEqual(self.post(b"x" * (1 << 20) + b"y"), 413)
        # What it says is asked for: the record is there.
        self.assertEqual(self.post(e), 200)
        self.st.sync()
        self.becomes(t, "person", o["id"], "First name")

    def test_3_made_again_after_days_without_an_answer(self):
        t, o = self.linked()
        self.unhook()
        self.web("person", "change", o["id"], data={"name": "While nobody told"})
        self.later(DAY + MINUTE)
        self.st.sync()
        self.wire()
        self.becomes(t, "person", o["id"], "While nobody told")

    def test_4_lost_answers_make_no_second_set(self):
        self.linked()
        self.unhook()
        self.st.fault({"endpoint": "pd.webhooks.create"}, cut="after", times=3)
        self.later(DAY + MINUTE)
        for _ in range(6):
            self.st.sync()
            self.later(11 * MINUTE)
        self.wire()
        self.assertEqual(len(self.hooks()), 6)

    def test_5_not_allowed(self):
        st = self.st
        self.linked()
        self.unhook()
        st.fault({"endpoint": "pd.webhooks.create"}, status=403, body={"success": False, "message": "Forbidden"}, times=0)
        self.later(DAY + MINUTE)
        st.sync()
        self.assertNotEqual(st.db("SELECT why FROM pd_hook"), [("",)])
        self.assertIn(say("health.follow_daily"), self.b.get("/health").page.text)
        n = len(st.requests(endpoint="pd.webhooks.create"))
        st.sync()
        self.assertEqual(len(st.requests(endpoint="pd.webhooks.create")), n)


class Records(Follow):
    def test_1_names_and_stages(self):
        t, p = self.linked()
        self.web("person", "change", p["id"], data={"name": "Second name"})
        self.becomes(t, "person", p["id"], "Second name")
        t, d = self.linked("deal")
        stage = self.st.db("SELECT stage FROM link WHERE thread_id = ?", t)[0][0]
        self.web("deal", "change", d["id"], data={"title": "Dearer", "stage_id": d["stage_id"] + 1, "value": 500})
        self.becomes(t, "deal", d["id"], "Dearer")
        value, now = self.st.db("SELECT value, stage FROM link WHERE thread_id = ?", t)[0]
        self.assertEqual(value, "500")
        self.assertNotEqual(now, stage)

    def test_2_merged(self):
        t, loser = self.linked()
        winner = self.make("person", name="Winner")
        self.web("person", "merge", loser["id"], into=winner["id"])
        self.becomes(t, "person", winner["id"], "Winner")
        self.assertIn(("link_followed", "person %d, person %d thread %d" % (loser["id"], winner["id"], t)),
                      self.st.db("SELECT what, detail FROM audit WHERE what = 'link_followed'"))
        t, loser = self.linked("deal")
        winner = self.make("deal", title="Winning deal")
        self.web("deal", "merge", loser["id"], into=winner["id"])
        self.becomes(t, "deal", winner["id"], "Winning deal")

    def test_3_merged_twice_in_any_order_and_repeated(self):
        for order in ((0, 1), (1, 0), (0, 0, 1, 1, 0)):
            with self.subTest(order):
                t, a = self.linked()
                b, c = self.make("person", name="B"), self.make("person", name="C")
                self.silent()
                self.web("person", "merge", a["id"], into=b["id"])
                self.web("person", "merge", b["id"], into=c["id"])
                events = [self.event("person", a["id"], merged_to_id=str(b["id"])),
                          self.event("person", b["id"], at="2026-11-22T09:15:01.000Z", merged_to_id=str(c["id"]))]
                for i in order:
                    self.assertEqual(self.post(events[i]), 200)
                self.becomes(t, "person", c["id"], "C")

    def test_4_deleted_and_back(self):
        t, p = self.linked()
        self.web("person", "delete", p["id"])
        self.becomes(t, "person", p["id"], "First name", "gone")
        self.assertIn(say("crm.gone"), self.panel(t).page.text)

    def test_5_archived(self):
        t, lead = self.linked("lead")
        self.web("lead", "change", lead["id"], data={"is_archived": True})
        self.becomes(t, "lead", lead["id"], "First name", "archived")
        self.web("lead", "change", lead["id"], data={"is_archived": False})
        self.becomes(t, "lead", lead["id"], "First name")
        t, d = self.linked("deal")
        self.web("deal", "change", d["id"], data={"is_archived": True})
        self.becomes(t, "deal", d["id"], "First name", "archived")

    def test_6_converted(self):
        t, lead = self.linked("lead")
        deal = self.web("lead", "convert", lead["id"])
        self.becomes(t, "deal", deal["id"], "First name")

    def test_7_deleted_lead(self):
        t, lead = self.linked("lead")
        self.web("lead", "delete", lead["id"])
        self.becomes(t, "lead", lead["id"], "First name", "gone")

    def test_8_notes_go_along(self):
        t, lead = self.linked("lead")
        note, = self.records("note", lead_id=lead["id"])
        deal = self.web("lead", "convert", lead["id"])
        self.becomes(t, "deal", deal["id"], "First name")
        self.st.customer("after the conversion", psid=self.psid)
        self.later(6 * MINUTE)
        self.st.sync()
        one, = self.records("note", deal_id=deal["id"])
        self.assertEqual(one["id"], note["id"])
        self.assertIn("after the conversion", one["content"])
        self.assertEqual(self.records("note", lead_id=lead["id"]), [])


class WithoutWebhooks(Follow):
    """Each event is lost: the daily look finds the same."""

    def setUp(self):
        super().setUp()
        self.silent()

    def test_1_all_of_them(self):
        was = []
        for kind, action, more, want in (
                ("person", "change", {"data": {"name": "Found later"}}, ("Found later", "live")),
                ("person", "delete", {}, ("First name", "gone")),
                ("deal", "change", {"data": {"title": "Found later"}}, ("Found later", "live")),
                ("deal", "change", {"data": {"is_archived": True}}, ("First name", "archived")),
                ("lead", "change", {"data": {"title": "Found later"}}, ("Found later", "live")),
                ("lead", "change", {"data": {"is_archived": True}}, ("First name", "archived")),
                ("lead", "delete", {}, ("First name", "gone"))):
            t, o = self.linked(kind)
            self.web(kind, action, o["id"], **more)
            was.append((t, kind, o["id"], *want))
        t, lead = self.linked("lead")
        deal = self.web("lead", "convert", lead["id"])
        was.append((t, "deal", deal["id"], "First name", "live"))
        self.later(DAY + HOUR)
        for one in was:
            with self.subTest(one):
                self.becomes(*one)

    def test_2_many_cost_little(self):
        st = self.st
        for _ in range(12):
            self.linked()
        self.later(DAY + HOUR)
        n, single = len(st.requests(endpoint="pd.persons.list")), len(st.requests(endpoint="pd.persons.get"))
        st.sync()
        st.sync()
        self.assertLessEqual(len(st.requests(endpoint="pd.persons.list")) - n, 2)
        self.assertLessEqual(len(st.requests(endpoint="pd.persons.get")) - single, 12)

    def test_3_away(self):
        t, p = self.linked()
        self.web("person", "change", p["id"], data={"name": "After the outage"})
        self.st.fault({"service": "pipedrive", "path": "/api/"}, status=503, body="<html>", times=0)
        self.later(DAY + HOUR)
        self.st.sync()
        self.assertEqual(self.state(t)[0][2:], ("First name", "live"))
        self.st.control("faults/clear", {})
        self.later(15 * MINUTE)
        self.becomes(t, "person", p["id"], "After the outage")

    def test_4_seen_by_who_linked_only(self):
        """Hidden from the installer is not gone."""
        st = self.st
        peeter, _ = st.sign_in(user=PEETER)
        t = self.thread()
        p = self.make("person", name="Of Peeter", owner_id=PEETER, visible_to=1)
        self.link(t, "person", str(p["id"]), b=peeter)
        self.web("person", "change", p["id"], data={"name": "Still of Peeter"})
        st.control("pipedrive/user", {"company": ACME, "id": MARIA, "admin": False})
        self.addCleanup(st.control, "pipedrive/user", {"company": ACME, "id": MARIA, "admin": True})
        self.later(DAY + HOUR)
        self.becomes(t, "person", p["id"], "Still of Peeter")


class Companies(Follow):
    def test_1_the_same_number_elsewhere(self):
        st = self.st
        t, p = self.linked()
        other = st.connect("shared", AOZORA, MISAKI, ASID_MISAKI, (PAGE_C,), lang="ja")
        psid = st.control("customer/new", {"page": PAGE_C, "name": "Their customer"})["psid"]
        st.customer("hello", page=PAGE_C, psid=psid)
        theirs = until(lambda: st.thread(psid))
        st.control("pipedrive/object", {"company": AOZORA, "kind": "person", "action": "create", "data": {"name": "Theirs"}})
        people = [o for o in st.control("pipedrive/state?company=%d" % AOZORA)["person"] if o["name"] == "Theirs"]
        self.link(theirs, "person", str(people[0]["id"]), b=other)
        st.sync()
        until(lambda: len(self.hooks(AOZORA)) == 6 or st.sync_once(5, True) is None)
        self.assertEqual(len({h["subscription_url"] for h in self.hooks() + self.hooks(AOZORA)}), 2)
        # Their password at our address, and ours telling of their company.
        h = self.hooks(AOZORA)[0]
        self.assertEqual(self.post(self.event("person", p["id"]), password=h["http_auth_password"]), 401)
        st.control("pipedrive/object", {"company": AOZORA, "kind": "person", "action": "delete", "id": people[0]["id"]})
        st.delivered()
        self.becomes(theirs, "person", people[0]["id"], "Theirs", "gone")
        self.assertEqual(self.state(t), [("person", str(p["id"]), "First name", "live")])

    def test_2_leaving_ends_them(self):
        self.linked()
        r = self.b.get("/settings/remove")
        f = r.page.form_to("/settings/remove")
        self.b.post("/settings/remove", dict(f["fields"], what="delete"))
        for _ in range(5):
            self.st.sync()
        self.assertEqual(self.hooks(), [])


class WhatWasAsked(unittest.TestCase):
    def test_described(self):
        openapi.described(self, ASKED)


if __name__ == "__main__":
    unittest.main()
