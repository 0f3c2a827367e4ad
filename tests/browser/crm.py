#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""crm.py - Pipedrive beside the conversation, as people use it.

Suggested, linked, made, changed, searched, unlinked; in both languages, wide
and on a telephone, by keyboard alone, without JavaScript.  While Pipedrive is
slow the conversation is used as ever.  And the panel is looked at as all pages
are: width, contrast, targets.
"""
import unittest

from chrome import Case, Keys, until
from looking import CONTRAST, SIDEWAYS, TARGETS

SLOW = 63

ACME, AOZORA, MARIA, MISAKI = 9000123, 9000456, 10483244, 10590001
PAGE_A, PAGE_C, ASID_MISAKI = "108422330517604", "112233445566778", "10229481987654321"


class Beside:
    seed = "small"
    company, page = ACME, PAGE_A
    customers = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stand.control("config", {"switches": {"pd_enforce_rate": False}})

    def setUp(self):
        self.stand.control("faults/clear", {})
        self.b.fit(self.width, False)

    def customer(self, text="Hello"):
        """A conversation of a customer nobody knows."""
        Beside.customers += 1
        name = "Paula %s %d" % (self.lang, Beside.customers)
        psid = self.stand.control("customer/new", {"page": self.page, "name": name})["psid"]
        self.stand.customer(text, page=self.page, psid=psid)

        def named():
            self.stand.browser_poke()
            return self.stand.db("SELECT id FROM thread WHERE psid = ? AND name IS NOT NULL", psid)
        self.t, self.name = until(named, 20)[0][0], name
        return self.t

    def make(self, kind, **data):
        return self.stand.control("pipedrive/object", {"company": self.company, "kind": kind, "action": "create", "data": data})["object"]

    def records(self, kind, **match):
        return [o for o in self.stand.control("pipedrive/state?company=%d" % self.company)[kind] if all(o.get(k) == v for k, v in match.items())]

    def links(self):
        return [k for k, in self.stand.db("SELECT kind FROM link WHERE thread_id = ? AND state <> 'ended' ORDER BY kind <> 'person'", self.t)]

    def open(self):
        self.b.get("/inbox/%d" % self.t)
        self.b.one("#crm[data-live]")

    def said(self, key):
        self.b.reads("#crm-said", self.w[key])

    def press(self, css, key):
        self.b.click(css, self.w[key])

    def fill(self, css, text):
        e = self.b.one(css)
        e.clear()
        e.send_keys(text)

    def looks(self, within):
        for dark in (False, True):
            self.b.fit(self.width, dark)
            self.assertEqual([], self.b.js_(SIDEWAYS))
            # Colours change within a moment.
            try:
                until(lambda: self.b.js_(CONTRAST)[1] == [], 2)
            except AssertionError:
                self.assertEqual([], self.b.js_(CONTRAST)[1])
            self.assertGreater(self.b.js_(CONTRAST)[0], 10)
            self.assertEqual([], [t for t in self.b.js_(TARGETS.replace(".panel a", ".panel a, .crm button, .crm summary, .crm select, .crm input:not([type=checkbox])"))
                                  if "crm" in t or within in t])
        self.b.fit(self.width, False)
        self.b.shot("crm-%s-%d-%s" % (self.lang, self.width, self.id().rsplit(".", 1)[1]))


class Wide(Beside, Case):
    def test_from_a_suggestion_to_a_deal(self):
        b, w = self.b, self.w
        self.customer("My number is ０９０－７７７７－８８８８")
        p = self.make("person", name=self.name, phones=[{"value": "+819077778888", "primary": True}])
        deal = self.make("deal", title="Touring bike", person_id=p["id"], value=850, currency="EUR")
        self.make("activity", subject="Send the offer", type="task", due_date="2020-01-02", deal_id=deal["id"])
        self.open()
        hint = "#hint-person-%d" % p["id"]
        b.reads(hint, w["crm.why_phone"])
        b.reads(hint, w["crm.why_name"])
        self.assertEqual("Pipedrive", b.js_("return document.querySelector('#pipedrive').ariaLabel || document.querySelector('#pipedrive').getAttribute('aria-label')"))
        self.looks("hint")
        self.press(hint + " button", "crm.link")
        self.said("crm.said_linked")
        b.reads("#linked-person-%d" % p["id"], "+819077778888")
        b.reads("#open-deal-%d" % deal["id"], "850 EUR")
        self.press("#open-deal-%d button" % deal["id"], "crm.link")
        b.reads("#linked-deal-%d" % deal["id"], "Touring bike")
        b.reads("#crm", "Send the offer")
        self.assertTrue(b.has("#crm .crm-line.bad"), "overdue is seen")
        self.looks("linked")
        b.js_("document.querySelector('#crm-stage').value = '3'")
        self.press("#linked-deal-%d .crm-stage button" % deal["id"], "crm.change_stage")
        self.said("crm.said_stage")
        self.assertEqual(3, self.records("deal", id=deal["id"])[0]["stage_id"])
        self.assertEqual(["person", "deal"], self.links())
        # What was written in the reply box is still there, and no other page was asked for.
        self.press("#linked-deal-%d .crm-ways button" % deal["id"], "crm.unlink")
        self.said("crm.said_unlinked")
        self.assertEqual(["person"], self.links())
        self.assertEqual([], b.errors())

    def test_each_kind_is_made(self):
        b, w = self.b, self.w
        self.customer("paula@example.com")
        self.open()
        b.one("#reply").send_keys("half a reply")
        self.press("#crm-person summary", "crm.new_person")
        self.assertEqual((self.name, "paula@example.com"), (b.one("#crm-person [name=name]").get_property("value"), b.one("#crm-person [name=email]").get_property("value")))
        self.fill("#crm-person [name=phone]", "not a number")
        self.press("#crm-person button", "crm.add")
        b.reads("#crm-error", w["crm.bad_phone"])
        self.assertEqual("not a number", b.one("#crm-person [name=phone]").get_property("value"))
        self.looks("crm-person")
        self.fill("#crm-person [name=phone]", "")
        self.press("#crm-person button", "crm.add")
        self.said("crm.said_person")
        self.assertEqual("crm-said", b.js_("return document.activeElement.id"))
        for what in ("lead", "deal"):
            self.press("#crm-%s summary" % what, "crm.new_" + what)
            self.fill("#crm-%s [name=title]" % what, "New %s <i>" % what)
            self.fill("#crm-%s [name=value]" % what, "1,000")
            self.press("#crm-%s button" % what, "crm.add")
            self.said("crm.said_" + what)
            self.assertEqual(1, len(self.records(what, title="New %s <i>" % what)))
        self.press("#crm-activity summary", "crm.new_activity")
        self.fill("#crm-activity [name=subject]", "Ring up")
        self.press("#crm-activity button", "crm.add")
        self.said("crm.said_activity")
        self.press("#crm-note summary", "crm.new_note")
        self.fill("#crm-note [name=text]", "Likes blue")
        self.press("#crm-note button", "crm.add")
        self.said("crm.said_note")
        self.assertEqual(1, len(self.records("note", content="Likes blue")))
        self.assertEqual("half a reply", b.one("#reply").get_property("value"))
        self.assertEqual([], [e for e in b.errors() if "422" not in e["message"]])

    def test_search(self):
        b = self.b
        self.customer()
        p = self.make("person", name="Findable %d" % self.t)
        self.open()
        self.fill("#crm-q", "findable %d" % self.t)
        b.keys(Keys.ENTER)
        self.press("#found-person-%d button" % p["id"], "crm.link")
        self.said("crm.said_linked")
        self.fill("#crm-q", "no such thing at all")
        self.press(".crm-search button", "crm.search_button")
        b.reads("#crm", self.w["crm.nothing"])
        self.assertEqual(["person"], self.links())

    def test_by_keyboard_alone(self):
        b = self.b
        self.customer()
        p = self.make("person", name=self.name)
        self.open()

        def tab_to(css, most=80):
            for _ in range(most):
                if b.js_("return document.activeElement.matches(arguments[0])", css):
                    return
                b.keys(Keys.TAB)
            self.fail("the keyboard does not come to " + css)
        b.js_("document.querySelector('#reply').focus()")
        tab_to("#hint-person-%d button" % p["id"])
        b.keys(Keys.ENTER)
        self.said("crm.said_linked")
        tab_to("#crm-note summary")
        b.keys(Keys.ENTER)
        tab_to("#crm-note textarea")
        b.keys("By keyboard")
        tab_to("#crm-note button")
        b.keys(Keys.ENTER)
        self.said("crm.said_note")
        self.assertEqual(1, len(self.records("note", content="By keyboard")))

    def test_pipedrive_is_slow(self):
        b = self.b
        self.customer()
        self.stand.fault({"service": "pipedrive", "path": "/api/"}, delay_ms=20000, times=0)
        b.get("/inbox/%d" % self.t)
        # The conversation is there and answers while the panel waits.
        b.one("#reply").send_keys("Quick answer")
        b.keys((Keys.CONTROL, Keys.ENTER))
        until(lambda: "Quick answer" in self.stand.arrived(self.stand.db("SELECT psid FROM thread WHERE id = ?", self.t)[0][0], self.page), 10)
        b.reads("#crm", self.w["crm.away"], 15)
        self.stand.control("faults/clear", {})
        self.press("#crm .crm-away a", "crm.again")
        b.until(lambda: not b.has("#crm .crm-away"))

    def test_the_answer_is_lost(self):
        b = self.b
        self.customer()
        self.open()
        self.stand.fault({"endpoint": "pd.persons.create"}, cut="after")
        self.press("#crm-person summary", "crm.new_person")
        self.press("#crm-person button", "crm.add")
        b.reads("#crm .crm-writes", self.w["crm.act_person"])
        self.assertEqual(1, len(self.records("person", name=self.name)))
        # The panel looks again by itself, and so the inbox looks in Pipedrive.
        b.until(lambda: b.has("#crm li[id^=linked-person]"), 40)
        self.assertEqual(["person"], self.links())
        self.assertEqual(1, len(self.records("person", name=self.name)))


class Japanese(Beside, Case):
    lang, company, page, connected = "ja", AOZORA, PAGE_C, False
    test_from_a_suggestion = Wide.test_from_a_suggestion_to_a_deal
    test_each_kind = Wide.test_each_kind_is_made

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.b.adopt(cls.stand.connect("shared", AOZORA, MISAKI, ASID_MISAKI, (PAGE_C,), lang="ja"))


class Narrow(Beside, Case):
    width = 390

    def test_the_drawer(self):
        b = self.b
        self.customer()
        p = self.make("person", name=self.name)
        b.get("/inbox/%d" % self.t)
        asked = len(self.stand.requests(service="pipedrive"))
        self.assertFalse(b.has("#pipedrive"))
        self.press(".panel-open", "panel.open")
        b.one("#crm[data-live]")
        self.assertGreater(len(self.stand.requests(service="pipedrive")), asked)
        self.looks("hint")
        self.press("#hint-person-%d button" % p["id"], "crm.link")
        self.said("crm.said_linked")
        self.looks("linked")
        self.press(".panel-close", "panel.close")
        b.until(lambda: not b.has("#pipedrive"))
        self.assertTrue(b.has("#reply"))

    def test_nobody_looks_nobody_asks(self):
        self.customer()
        n = len(self.stand.requests(service="pipedrive"))
        self.b.get("/inbox/%d" % self.t)
        self.b.one("#reply")
        self.assertEqual(n, len(self.stand.requests(service="pipedrive")))


class Plain(Beside, Case):
    js = False

    def test_all_of_it(self):
        b = self.b
        self.customer("plain@example.com")
        p = self.make("person", name=self.name)
        b.get("/inbox/%d" % self.t)
        if self.width < 1100:
            self.press(".panel-open", "panel.open")
        b.leave(".crm-load a", self.w["crm.more"])
        self.looks("hint")
        b.leave("#hint-person-%d button" % p["id"], self.w["crm.link"])
        self.said("crm.said_linked")
        self.press("#crm-deal summary", "crm.new_deal")
        b.leave("#crm-deal button", self.w["crm.add"])
        self.said("crm.said_deal")
        self.press("#crm-note summary", "crm.new_note")
        self.fill("#crm-note [name=text]", "Without scripts")
        b.leave("#crm-note button", self.w["crm.add"])
        self.said("crm.said_note")
        self.fill("#crm-q", self.name)
        b.leave(".crm-search button", self.w["crm.search_button"])
        b.one("#found-person-%d" % p["id"])
        self.looks("found")
        b.leave("#linked-person-%d button" % p["id"], self.w["crm.unlink"])
        self.said("crm.said_unlinked")
        self.assertEqual(["deal"], self.links())
        b.leave("main a.button", self.w["crm.back"])
        self.assertEqual("/inbox/%d" % self.t, b.path)


class PlainNarrow(Beside, Case):
    js, width = False, 390
    test_all_of_it = Plain.test_all_of_it


if __name__ == "__main__":
    unittest.main()
