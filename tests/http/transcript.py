#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""transcript - conversations as notes in Pipedrive, one for a day.

Proved: a linked conversation is logged on its deal or lead, else on its person,
in one note per day of the installer's zone, written anew in place and only when
it changed; names, times, files by our own addresses; what people write is text;
what was unsent disappears; long days end with a line that says so; unlinking
leaves what was logged, relinking logs on the new record from then on; lost
answers make no second note; pauses are kept; without anybody's authorisation it
waits and /health says so; switched off or private, nothing is logged.
"""
import datetime
import html
import re
import unittest

import openapi
from crm import ASKED, MINUTE, Crm
from stand import ACME, AOZORA, ASID_MISAKI, MARIA, MISAKI, PAGE_A, PAGE_C, PEETER, TALLINN, say, until

HOUR = 60 * MINUTE


class Log(Crm):
    @classmethod
    def setUpClass(cls):
        """In the morning: a note is about a day, and the tests take some hours."""
        super().setUpClass()
        now = datetime.datetime.now(TALLINN)
        morning = (now + datetime.timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
        cls.ahead = int((morning - now).total_seconds() * 1000)
        cls.st.clock(cls.ahead)

    def setUp(self):
        super().setUp()
        self.st.sync()

    def notes(self, **match):
        return self.records("note", **match)

    def person(self, t, name="Somebody"):
        """A person made in Pipedrive, linked by the colleague at hand."""
        p = self.make("person", name=name)
        self.link(t, "person", str(p["id"]))
        return p["id"]

    def run_again(self, ms=6 * MINUTE):
        """Some minutes later, a run: a note is written at most once in five minutes."""
        self.later(ms)
        self.st.sync()

    def rows(self, t):
        return self.st.db("SELECT kind, pd_id, state, note_id, why FROM transcript WHERE thread_id = ? ORDER BY id", t)

    def calls(self, kind):
        return len(self.st.requests(endpoint="pd.notes." + kind))

    def words(self, note):
        return html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<br>", "\n", note["content"])))

    def local(self):
        return datetime.datetime.fromtimestamp(self.st.control("clock")["now"] / 1000, TALLINN)


class Written(Log):
    def test_1_a_day_and_what_it_says(self):
        t = self.thread(text="Is <b>it</b> & \"that\" in stock?\nSecond line")
        p = self.person(t)
        self.st.sync()
        note, = self.notes(person_id=p)
        today = self.local().strftime("%Y-%m-%d")
        self.assertIn('<a href="%s/inbox/%d?day=%s">' % (self.st.url, t, today), note["content"])
        self.assertIn("Is &lt;b&gt;it&lt;/b&gt; &amp; \"that\" in stock?<br>Second line", note["content"].replace("&quot;", '"'))
        self.assertNotIn("<b>it</b>", note["content"])
        words = self.words(note)
        self.assertIn("%s %s" % (self.name, self.local().strftime("%H:")), re.sub(r"\s+", " ", words))
        self.assertIn(say("note.title", name=self.name, date=today, zone="Europe/Tallinn"), words)
        self.assertLessEqual(set(re.findall(r"</?(\w+)", note["content"])), {"b", "br", "a", "i"})
        self.assertEqual(note["user_id"], MARIA)
        self.assertEqual(self.rows(t), [("person", str(p), "done", str(note["id"]), "")])
        # The link back leads to the conversation.
        self.assertIn("second line", self.b.get("/inbox/%d?day=%s" % (t, today)).page.text.lower())

    def test_2_in_place_and_only_when_it_changed(self):
        t = self.thread(text="one")
        p = self.person(t)
        self.st.sync()
        made, put = self.calls("create"), self.calls("update")
        self.run_again()
        self.assertEqual((self.calls("create"), self.calls("update")), (made, put), "nothing new: no call")
        self.st.customer("two", psid=self.psid)
        self.st.sync()
        self.assertEqual((self.calls("create"), self.calls("update")), (made, put + 1))
        self.st.customer("three", psid=self.psid)
        self.st.sync()
        self.assertEqual(self.calls("update"), put + 1, "not within five minutes")
        self.run_again()
        self.assertEqual((self.calls("create"), self.calls("update")), (made, put + 2))
        note, = self.notes(person_id=p)
        self.assertTrue(all(w in note["content"] for w in ("one", "two", "three")))

    def test_3_replies_with_the_name_of_who_wrote(self):
        t = self.thread(text="hello")
        p = self.person(t)
        self.st.reply(self.b, t, "We are open.")
        until(lambda: self.st.db("SELECT 1 FROM outbox WHERE thread_id = ? AND state = 'sent'", t))
        self.run_again()
        note, = self.notes(person_id=p)
        self.assertRegex(note["content"], r"<b>Maria Tamm</b> \d\d:\d\d\s*<br>We are open\.")

    def test_4_unsent_and_edited(self):
        t = self.thread(text="the secret")
        mid = self.st.customer("keep this", psid=self.psid)
        p = self.person(t)
        self.st.sync()
        note, = self.notes(person_id=p)
        self.assertIn("keep this", note["content"])
        self.st.control("customer/edit", {"page": PAGE_A, "psid": self.psid, "mid": mid, "text": "kept otherwise"})
        gone = self.st.control("state?page=%s&psid=%s" % (PAGE_A, self.psid))["conversations"][0]["messages"]
        first = next(m for m in gone if m["text"] == "the secret")["mid"]
        self.st.control("customer/unsend", {"page": PAGE_A, "psid": self.psid, "mid": first})
        self.st.delivered()
        self.run_again()
        note, = self.notes(person_id=p)
        self.assertNotIn("the secret", note["content"])
        self.assertNotIn("keep this", note["content"])
        self.assertIn("kept otherwise", note["content"])
        self.assertIn(say("note.unsent"), note["content"])
        self.assertIn(say("note.edited"), note["content"])

    def test_5_files_by_our_own_addresses(self):
        t = self.thread(text="look")
        self.st.control("customer/write", {"page": PAGE_A, "psid": self.psid, "attachments": [{"type": "image", "picture": "cat"}]})
        self.st.delivered()
        p = self.person(t)
        self.run_again()
        note, = self.notes(person_id=p)
        links = re.findall(r'href="([^"]+)"', note["content"])
        self.assertEqual(len(links), 2)
        self.assertTrue(all(x.startswith(self.st.url + "/") for x in links), links)
        self.assertEqual(self.b.get(links[1]).status, 200)
        self.assertEqual(self.st.browser().get(links[1], follow=False).status, 303, "needs a sign-in")

    def test_6_long_days(self):
        t = self.thread(text="begin")
        p = self.person(t)
        for i in range(8):
            self.st.control("customer/write", {"page": PAGE_A, "psid": self.psid, "text": "%d %s" % (i, "<&>" * 5000)})
        self.st.delivered()
        self.run_again()
        note, = self.notes(person_id=p)
        self.assertLess(len(note["content"]), 100_000)
        self.assertIn(say("note.rest"), note["content"])
        self.assertIn("begin", note["content"])

    def test_7_days_of_the_installers_zone(self):
        t = self.thread(text="day one")
        p = self.person(t)
        self.st.sync()
        now = self.local()
        midnight = (now + datetime.timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        self.later(int((midnight - now).total_seconds() * 1000) - 30_000)
        self.st.customer("before midnight", psid=self.psid)
        self.later(MINUTE)
        self.st.customer("after midnight", psid=self.psid)
        self.run_again()
        one, two = sorted(self.notes(person_id=p), key=lambda n: n["id"])
        self.assertIn("before midnight", one["content"])
        self.assertNotIn("after midnight", one["content"])
        self.assertIn("after midnight", two["content"])
        self.assertIn("?day=%s" % midnight.strftime("%Y-%m-%d"), two["content"])

    def test_8_a_note_that_people_deleted_stays_away(self):
        t = self.thread(text="hello")
        p = self.person(t)
        self.st.sync()
        note, = self.notes(person_id=p)
        self.st.control("pipedrive/object", {"company": ACME, "kind": "note", "action": "delete", "id": note["id"]})
        self.st.customer("more", psid=self.psid)
        self.run_again()
        self.assertEqual(self.notes(person_id=p), [])
        self.assertEqual([r[2:] for r in self.rows(t)], [("refused", str(note["id"]), "crm.note_deleted")])


class Targets(Log):
    def test_1_the_deal_before_the_person(self):
        t = self.thread(text="both")
        d = self.make("deal", title="A deal")
        self.link(t, "deal", str(d["id"]))
        p = self.person(t)
        self.st.sync()
        self.assertEqual(len(self.notes(deal_id=d["id"])), 1)
        self.assertEqual(self.notes(person_id=p), [])

    def test_2_a_lead(self):
        t = self.thread(text="a lead")
        p = self.make("person", name="Lead person")
        lead = self.make("lead", title="A lead", person_id=p["id"])
        self.link(t, "lead", lead["id"])
        self.st.sync()
        note, = self.notes(lead_id=lead["id"])
        self.assertIn("a lead", note["content"])

    def test_3_unlinked_and_relinked(self):
        t = self.thread(text="first words")
        one = self.person(t, "One")
        self.st.sync()
        self.later(MINUTE)
        r = self.panel(t)
        self.b.post("/inbox/%d/unlink" % t, {"csrf": self.form(r, "/unlink")["fields"]["csrf"], "slot": "person"})
        self.assertEqual(self.links(t), [])
        self.later(MINUTE)
        self.st.customer("nobody's words", psid=self.psid)
        self.run_again()
        note, = self.notes(person_id=one)
        self.assertIn("first words", note["content"])
        self.assertNotIn("nobody", note["content"])
        two = self.person(t, "Two")
        self.later(MINUTE)
        self.st.customer("later words", psid=self.psid)
        self.run_again()
        note, = self.notes(person_id=two)
        self.assertIn("later words", note["content"])
        self.assertNotIn("first words", note["content"])
        old, = self.notes(person_id=one)
        self.assertNotIn("later words", old["content"])
        self.assertIn("first words", old["content"])

    def test_4_the_week_before_the_first_link(self):
        t = self.thread(text="last night")
        self.later(24 * HOUR)
        p = self.person(t)
        self.st.sync()
        note, = self.notes(person_id=p)
        self.assertIn("last night", note["content"])


class Trouble(Log):
    def once(self, t, p, text, seconds=400):
        """Runs while time passes: one note, saying so."""
        for _ in range(seconds // 65 + 1):
            self.later(65_000)
            self.st.sync()
        note, = self.notes(person_id=p)
        self.assertIn(text, note["content"])
        self.assertEqual([r[2:4] for r in self.rows(t)], [("done", str(note["id"]))])

    def test_1_lost_answers(self):
        for cut in ("before", "during", "after"):
            with self.subTest(cut):
                t = self.thread(text="lost " + cut)
                p = self.person(t)
                self.st.fault({"endpoint": "pd.notes.create"}, cut=cut)
                self.st.sync()
                self.once(t, p, "lost " + cut)

    def test_2_the_search_gets_no_answer_either(self):
        t = self.thread(text="twice lost")
        p = self.person(t)
        self.st.fault({"endpoint": "pd.notes.create"}, cut="after")
        self.st.fault({"endpoint": "pd.notes.list"}, cut="during", times=2)
        self.st.sync()
        self.once(t, p, "twice lost", 600)

    def test_3_a_500_after_the_work(self):
        t = self.thread(text="five hundred")
        p = self.person(t)
        self.st.fault({"endpoint": "pd.notes.create"}, status=500, work=True, body="<html>")
        self.st.sync()
        self.once(t, p, "five hundred", 700)

    def test_4_the_link_back_in_somebodys_words_is_no_note(self):
        t = self.thread(text="x")
        p = self.person(t)
        today = self.local().strftime("%Y-%m-%d")
        self.make("note", content='see <b>no link</b> %s/inbox/%d?day=%s' % (self.st.url, t, today), person_id=p)
        self.st.fault({"endpoint": "pd.notes.create"}, cut="before")
        for _ in range(6):
            self.later(65_000)
            self.st.sync()
        self.assertEqual(len(self.notes(person_id=p)), 2)

    def test_5_an_update_that_got_lost(self):
        t = self.thread(text="one")
        p = self.person(t)
        self.st.sync()
        self.st.customer("two", psid=self.psid)
        self.st.fault({"endpoint": "pd.notes.update"}, cut="after")
        self.later(6 * MINUTE)
        self.st.sync()
        self.once(t, p, "two")

    def test_6_throttled(self):
        t = self.thread(text="busy")
        p = self.person(t)
        self.st.fault({"endpoint": "pd.notes.create"}, status=429, headers={"Retry-After": "30"}, body={"success": False, "error": "Request over limit"})
        self.st.sync()
        n = len(self.st.requests(service="pipedrive"))
        self.st.sync()
        self.assertEqual(len(self.st.requests(service="pipedrive")), n, "nothing is asked in the pause")
        self.once(t, p, "busy", 900)

    def test_7_the_day_is_spent(self):
        t = self.thread(text="spent")
        p = self.person(t)
        self.st.fault({"endpoint": "pd.notes.create"}, status=429, headers={"x-daily-ratelimit-token-remaining": "0", "x-ratelimit-reset": "1"},
                      body={"success": False, "error": "Request over limit"})
        self.st.sync()
        n = len(self.st.requests(service="pipedrive"))
        self.later(30 * MINUTE)
        self.st.sync()
        self.assertEqual(len([r for r in self.st.requests(service="pipedrive") if "/notes" in r["path"]]) , len(
            [r for r in self.st.requests(service="pipedrive")[:n] if "/notes" in r["path"]]), "not for an hour")
        self.later(40 * MINUTE)
        self.once(t, p, "spent")

    def test_8_refused_for_good(self):
        t = self.thread(text="no right")
        p = self.person(t)
        self.st.fault({"endpoint": "pd.notes.create"}, status=403, body={"success": False, "error": "Forbidden"}, times=0)
        self.st.sync()
        self.run_again()
        self.assertEqual((self.notes(person_id=p), [r[2] for r in self.rows(t)]), ([], ["refused"]))
        self.assertIn(say("health.log_refused", n="1"), self.b.get("/health").page.text)


class Whose(Log):
    def test_1_who_linked_then_the_installer_then_it_waits(self):
        st = self.st
        peeter, _ = st.sign_in(user=PEETER)
        t = self.thread(text="by Peeter")
        p = self.make("person", name="P")["id"]
        self.link(t, "person", str(p), b=peeter)
        st.sync()
        note, = self.notes(person_id=p)
        self.assertEqual(note["user_id"], PEETER)
        # Peeter's grant ends: the installer's it is.
        st.control("pipedrive/uninstall", {"company": ACME, "user": PEETER})
        st.customer("then by Maria", psid=self.psid)
        self.run_again()
        note, = self.notes(person_id=p)
        self.assertIn("then by Maria", note["content"])
        self.assertEqual(note["last_update_user_id"], MARIA)
        # Nobody's is there: it waits, and says so.
        before = self.calls("update")
        st.fault({"endpoint": "pd.token"}, status=400, body={"success": False, "error": "invalid_grant"}, times=0)
        st.fault({"service": "pipedrive", "path": "/api/v1/notes"}, status=401, body={"success": False, "error": "unauthorized access"}, times=0)
        st.customer("waits", psid=self.psid)
        self.run_again()
        self.assertEqual([r[2] for r in self.rows(t)], ["going"])
        self.assertEqual([r[4] for r in self.rows(t)], ["error.pd.token"])
        st.control("faults/clear", {})
        b, _ = st.sign_in()
        self.assertIn(say("health.log_waits", n="1"), b.get("/health").page.text)
        self.run_again(61 * MINUTE)
        note, = self.notes(person_id=p)
        self.assertIn("waits", note["content"])
        self.assertGreater(self.calls("update"), before)


class Switch(Log):
    def save(self, on):
        r = self.b.get("/settings")
        f = r.page.form_to("/settings/transcripts")
        return self.b.post("/settings/transcripts", {"csrf": f["fields"]["csrf"], "transcripts": "on" if on else "off"})

    def test_1_off_and_on(self):
        t = self.thread(text="said before")
        p = self.person(t)
        r = self.save(False)
        self.assertIn(say("notice.saved"), r.page.text)
        self.run_again()
        self.assertEqual(self.notes(person_id=p), [])
        self.assertIn(("transcripts", "off"), self.st.db("SELECT what, detail FROM audit"))
        self.save(True)
        self.st.customer("said after", psid=self.psid)
        self.run_again()
        note, = self.notes(person_id=p)
        self.assertIn("said after", note["content"])

    def test_2_private(self):
        t = self.thread(text="for nobody else")
        p = self.person(t)
        r = self.b.get("/settings")
        self.b.submit(r, "/settings/visibility", {"visibility": "private"})
        self.run_again()
        self.assertEqual(self.notes(person_id=p), [])
        self.assertIn(say("settings.log_private"), self.b.get("/settings").page.text)
        self.b.submit(self.b.get("/settings"), "/settings/visibility", {"visibility": "shared"})

    def test_3_another_company(self):
        """Two companies with the same ids in Pipedrive: each log goes to its own."""
        st = self.st
        t = self.thread(text="ours alone")
        self.person(t)
        other = st.connect("shared", AOZORA, MISAKI, ASID_MISAKI, (PAGE_C,), lang="ja")
        self.assertEqual(other.get("/inbox/%d" % t).status, 404)
        psid = st.control("customer/new", {"page": PAGE_C, "name": "Their customer"})["psid"]
        st.customer("theirs alone", page=PAGE_C, psid=psid)
        theirs = until(lambda: st.thread(psid))
        self.run_again()
        self.assertEqual(self.rows(theirs), [], "not linked: not logged")
        notes = st.control("pipedrive/state?company=%d" % AOZORA).get("note", [])
        self.assertEqual([n for n in notes if "ours alone" in n["content"]], [])


class WhatWasAsked(unittest.TestCase):
    def test_described(self):
        openapi.described(self, ASKED)


if __name__ == "__main__":
    unittest.main()
