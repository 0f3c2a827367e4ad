#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""embed.py - the inbox inside Pipedrive: a conversation at a deal, read and answered in a frame.

The sandbox's page is another site than the inbox, and Chromium blocks the
cookies of third parties; the person has never opened the inbox in it.
"""
import unittest

import axe
from chrome import Case, until
from looking import CONTRAST, SIDEWAYS

PAGE, JAAN, NOAH = "108422330517604", "6804412339871206", "6990000000000002"
ACME, MARIA, HOUR = 9000123, 10483244, 3_600_000

SLOW = 90


class Embedded:
    conf = {"pipedrive.oauth_url": "{elsewhere}"}
    third_party = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Whoever connected it did so in another browser.
        cls.b.cdp("Network.clearBrowserCookies")
        cls.stand.write("UPDATE user SET lang = ?", cls.lang)
        cls.deal = cls.new("deal", title="Road frame 54")
        cls.person_id = cls.new("person", name="Jaan Kask")
        cls.thread = cls.stand.thread(JAAN)
        cls.stand.write("DELETE FROM link")
        cls.stand.link(cls.thread, "deal", cls.deal)
        cls.stand.link(cls.thread, "person", cls.person_id)
        cls.stand.link(cls.stand.thread(NOAH), "person", cls.person_id)

    @classmethod
    def new(cls, kind, **data):
        return cls.stand.control("pipedrive/object", {"company": ACME, "kind": kind, "action": "create", "data": data})["object"]["id"]

    def out(self):
        return self.stand.arrived(JAAN, PAGE)

    def address(self, kind=None, oid=None, theme="light"):
        q = {"company": ACME, "user": MARIA, "theme": theme}
        if kind:
            q.update(kind=kind, id=oid)
        return self.stand.control("pipedrive/frame", q)["url"]

    def tidy(self):
        """What any page of ours must keep to, wherever it is shown."""
        b = self.b
        self.assertEqual([], b.js_(SIDEWAYS))
        self.assertGreater(b.js_(CONTRAST)[0], 0)
        # A button's colour takes a tenth of a second to follow the theme.
        b.until(lambda: b.js_(CONTRAST)[1] == [], 3)
        self.assertEqual([], axe.findings(b))

    def cookies(self):
        return [c for c in self.b.cdp("Network.getAllCookies")["cookies"] if c["domain"] == "127.0.0.1"]


class Framed(Embedded):
    def visit(self, path, frame=True):
        b = self.b
        b.d.switch_to.default_content()
        b.get("%s/crm/%s%scompany=%d&user=%d&lang=%s" % (self.stand.elsewhere, path, "&" if "?" in path else "?", ACME, MARIA, self.lang))
        if frame:
            b.d.switch_to.frame(b.one("#app"))

    def said(self):
        self.b.d.switch_to.default_content()
        return self.b.d.find_element("css selector", "#app-said").get_property("textContent").split("\n")

    def test_read_and_answer(self):
        b = self.b
        self.visit("deal/%d" % self.deal)
        b.reads("#conv-name", "Jaan Kask")
        self.assertTrue(b.has("#log .msg"))
        # Another's page has the keyboard, not ours.
        self.assertNotEqual("reply", b.js_("return document.activeElement.id"))
        self.tidy()
        b.shot("embed-deal-" + self.lang)
        text = "はい、在庫があります" if self.lang == "ja" else "Yes, it is in stock"
        b.one("#reply").send_keys(text)
        b.click("#composer button", self.w["composer.send"])
        b.until(lambda: text in b.texts("#log .out > .text"), 5)
        until(lambda: text in self.out(), 10)
        b.until(lambda: any(s in b.texts("#log .msg:last-child .meta")[-1] for s in (self.w["state.sent"], self.w["state.delivered"], self.w["state.read"])), 12)
        self.assertEqual("", b.one("#reply").get_attribute("value"))
        # The customer writes; nobody loads anything.
        self.stand.customer("Great, I'll take it", psid=JAAN)
        b.reads("#log", "Great, I'll take it", 12)
        self.assertEqual([], self.cookies())
        said = self.said()
        self.assertEqual("command initialize", said[0])
        self.assertIn("listener user_settings_change", said)
        self.assertEqual([], [s for s in said if ":" in s])
        self.assertEqual("600px", b.d.find_element("css selector", "#app").value_of_css_property("height"))

    def test_theme(self):
        b = self.b
        self.visit("deal/%d?theme=dark" % self.deal)
        theme = lambda: b.js_("return [document.documentElement.dataset.theme, getComputedStyle(document.body).backgroundColor]")
        self.assertEqual(["dark", "rgb(20, 23, 24)"], theme())
        self.tidy()
        b.shot("embed-dark-" + self.lang)
        # Changed while it is open, against the system's.
        b.d.switch_to.default_content()
        b.fit(dark=True)
        b.click("[data-theme-to=light]")
        b.d.switch_to.frame(b.one("#app"))
        b.until(lambda: theme() == ["light", "rgb(245, 244, 240)"], 5)
        self.tidy()
        b.d.switch_to.default_content()
        b.fit(dark=False)

    def test_several(self):
        b = self.b
        self.visit("person/%d" % self.person_id)
        b.reads("h1", self.w["embed.choice"])
        self.tidy()
        b.shot("embed-choice-" + self.lang)
        # It takes the room it needs, and no more.
        b.until(lambda: b.js_("return innerHeight == Math.ceil(document.querySelector('main').getBoundingClientRect().height)"))
        b.leave(".row-link", "Jaan Kask")
        b.reads("#conv-name", "Jaan Kask")
        b.leave(".back")
        b.reads("h1", self.w["embed.choice"])

    def test_none_and_settings(self):
        b = self.b
        self.visit("deal/%d" % self.new("deal", title="Nothing linked"))
        b.reads("h1", self.w["embed.none"])
        self.tidy()
        b.shot("embed-none-" + self.lang)
        self.visit("settings")
        b.reads("main", "Bramble Bikes")
        b.reads("main", self.w["settings.is_shared"])
        self.tidy()
        b.shot("embed-settings-" + self.lang)
        link = b.one("a.primary")
        self.assertEqual("_blank", link.get_attribute("target"))

    def test_over_and_again(self):
        """The pass ends while the deal is open; a fresh token brings the conversation back."""
        b = self.b
        self.visit("deal/%d" % self.deal)
        b.reads("#conv-name", "Jaan Kask")
        try:
            self.stand.clock(13 * HOUR)
            b.ask()
            b.reads("#out", self.w["embed.over"])
            old = b.d.find_element("css selector", "html")
            b.click("#again")
            b.until_left(old)
            b.reads("#conv-name", "Jaan Kask")
            self.assertFalse(b.has("#out"))
        finally:
            self.stand.clock(0)

    def test_late(self):
        """Pipedrive takes away what does not speak up in time; the sandbox does too."""
        b = self.b
        try:
            self.stand.control("config", {"switches": {"pd_frame_ms": 1}})
            self.visit("deal/%d" % self.deal, frame=False)
            b.one("#app-note")
            self.assertFalse(b.has("#app"))
        finally:
            self.stand.control("config", {"switches": {"pd_frame_ms": 10000}})


class English(Framed, Case):
    lang = "en"


class Japanese(Framed, Case):
    lang, beside = "ja", English


class Tab(Embedded, Case):
    """In a tab of 320 px, without JavaScript."""
    lang, js, width = "en", False, 320

    def test_plain(self):
        b = self.b
        b.get(self.address("deal", self.deal))
        b.reads("#conv-name", "Jaan Kask")
        self.assertFalse(b.has("#again"))
        b.shot("embed-tab")
        b.one("#reply").send_keys("Without any script")
        b.leave("button", self.w["composer.send"])
        self.assertIn("Without any script", b.texts("#log .out > .text"))
        until(lambda: "Without any script" in self.out(), 10)
        b.get(self.address("person", self.person_id))
        b.leave(".row-link", "Jaan Kask")
        b.leave(".back")
        b.reads("h1", self.w["embed.choice"])
        self.assertEqual([], self.cookies())


class NarrowTab(Embedded, Case):
    lang, width, beside = "ja", 320, Tab

    def test_pages(self):
        b = self.b
        for theme in ("light", "dark"):
            for kind, oid in (("deal", self.deal), ("person", self.person_id), ("deal", 999), (None, None)):
                b.get(self.address(kind, oid, theme))
                b.one("main")
                self.tidy()
        # Cut to the least height Pipedrive gives: the box is still there.
        b.get(self.address("deal", self.deal))
        b.cdp("Emulation.setDeviceMetricsOverride", width=320, height=160, deviceScaleFactor=1, mobile=False)
        self.assertTrue(b.has("#reply"))
        self.assertGreater(b.js_("return document.getElementById('scroll').clientHeight"), 30)
        b.shot("embed-low")


if __name__ == "__main__":
    unittest.main()
