#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""leaving.py - going and coming back, as a person does: with the mouse, with the keyboard alone, without JavaScript.

Settings, the trash, the page that says what will happen, the red button, the
receipt, the start page with Connect, and all of it again.  In both languages.
And two colleagues while the installer makes the inbox private; somebody of
another company.
"""
import unittest

from chrome import Case, Chrome, Keys, until

ACME, ANNA, AOZORA, MISAKI = 9000123, 10483246, 9000456, 10590001
PAGE_A, PAGE_C = "108422330517604", "112233445566778"
ASID_MISAKI = "10229481987654321"

SLOW = 74


class Way:
    """How this person uses a page."""
    seed, connected = "small", False

    def press(self, css, text=None):
        self.b.leave(css, text)

    def choose(self, css):
        self.b.click(css)

    def arrive(self):
        b, w = self.b, self.w
        b.get("/")
        self.press("a.button", w["start.connect"])
        self.consent()
        self.choose("input[value=shared]")
        self.press("main button", w["connect.continue"])
        self.press("a", w["facebook.go"])
        self.press("a", self.user)
        self.press("button[value=continue]")
        self.press("main button", w["pages.submit"])
        until(lambda: self.stand.imported(self.company), 90, 0.1)

    def consent(self):
        b = self.b
        for label in b.all("label"):
            if self.user in label.text:
                self.choose("#" + label.get_attribute("for")) if label.get_attribute("for") else label.click()
        self.press("button[value=allow]")

    def messages(self):
        return self.stand.db("SELECT count(*) FROM message m JOIN thread t ON t.id = m.thread_id JOIN install i ON i.id = t.install_id"
                             " WHERE i.company_id = ?", self.company)[0][0]

    def remove(self, keep):
        b, w = self.b, self.w
        b.get("/inbox")
        self.press(".bar a", w["bar.settings"])
        self.assertIn(w["settings.heading"], b.text("h1"))
        self.press("#remove")
        self.assertIn(w["leave.heading"], b.text("h1"))
        for key in ("leave.pages", "leave.people", "leave.erase"):
            self.assertIn(w[key], b.text("main"))
        red = b.js_("return getComputedStyle(document.querySelector('#confirm')).backgroundColor")
        self.assertEqual(red, "rgb(179, 38, 30)")
        if keep:
            self.choose("input[value='30']")
        self.press("#confirm")
        self.assertTrue(b.path.startswith("/receipt/"), b.path)
        return b.d.current_url

    def test_go_and_come_back(self):
        b, w, st = self.b, self.w, self.stand
        self.arrive()
        st.customer("before", page=self.page, psid=self.customer)
        until(lambda: self.messages() == 1)
        receipt = self.remove(True)
        self.assertIn(w["receipt.keeping"], b.text("h1"))
        self.press("main a.button")
        self.assertIn(w["start.connect"], b.text("main"))
        self.arrive()
        b.get("/inbox/%d" % st.thread(self.customer))
        b.reads("#log", "before")
        b.get(receipt)
        self.assertIn(w["receipt.returned"], b.text("h1"))
        receipt = self.remove(False)
        until(lambda: st.db("SELECT step FROM leaving ORDER BY id DESC LIMIT 1") == [("done",)], 20)
        b.get(receipt)
        self.assertIn(w["receipt.done"], b.text("h1"))
        self.assertEqual(st.db("SELECT count(*) FROM message"), [(0,)])
        self.press("main a.button")
        self.arrive()
        b.get("/inbox")
        self.assertEqual(st.db("SELECT count(*) FROM install WHERE company_id = ?", self.company), [(1,)])
        st.customer("after", page=self.page, psid=self.customer)
        until(lambda: st.thread(self.customer))
        b.get("/inbox/%d" % st.thread(self.customer))
        b.reads("#log", "after")
        self.assertEqual([], [e["message"] for e in b.errors() if "/connect" not in e["message"]])


class English(Way, Case):
    lang, user, company = "en", "Maria Tamm", ACME
    page, customer = PAGE_A, "6804412339871205"


class NoScript(English):
    js = False


class Keyboard(Way, Case):
    """Tab, Enter, arrows: nothing else."""
    lang, user, company = "ja", "佐藤 美咲", AOZORA
    page, customer = PAGE_C, "7022334455667701"

    def reach(self, css, text=None):
        b = self.b
        for _ in range(90):
            e = b.d.switch_to.active_element
            if b.js_("return arguments[0].matches(arguments[1])", e, css) and (text is None or text in b.name(e)):
                # Whoever tabs must see where that is.
                ring = b.js_("const s = getComputedStyle(arguments[0]); return s.outlineStyle + s.outlineWidth", e)
                self.assertFalse(b.path.startswith("/settings") and ring in ("none0px", ""), css)
                return e
            b.keys(Keys.TAB)
        raise AssertionError("Tab does not lead to %s %s" % (css, text or ""))

    def press(self, css, text=None):
        old = self.b.d.find_element("css selector", "html")
        self.reach(css, text)
        self.b.keys(Keys.ENTER)
        self.b.until_left(old)

    def choose(self, css):
        e = self.b.one(css)
        # A group of radio buttons is one stop; arrows go on.
        self.reach("input[name='%s']" % e.get_attribute("name"))
        for _ in range(12):
            if self.b.js_("return arguments[0].checked", e):
                return
            self.b.keys(Keys.SPACE)
            if not self.b.js_("return arguments[0].checked", e):
                self.b.keys(Keys.ARROW_DOWN)
        self.fail("%s cannot be chosen" % css)

    def consent(self):
        b = self.b
        for label in b.all("label"):
            if self.user in label.text:
                e = b.all("input", label)
                if e and not b.js_("return arguments[0].checked", e[0]):
                    b.js_("arguments[0].focus()", e[0])     # the sandbox's page, not ours
                    b.keys(Keys.SPACE)
        self.press("button[value=allow]")


class Colleagues(Case):
    seed = "small"

    def test_private_counts_at_once(self):
        st, w = self.stand, self.w
        st.customer("for all of us")
        thread = until(st.thread)
        anna = Chrome(st, "en")
        self.addCleanup(anna.close)
        anna.adopt(st.sign_in(user=ANNA)[0])
        other = Chrome(st, "ja")
        self.addCleanup(other.close)
        other.adopt(st.connect("shared", AOZORA, MISAKI, ASID_MISAKI, (PAGE_C,), lang="ja"))
        anna.get("/inbox/%d" % thread)
        anna.reads("#log", "for all of us")
        self.b.get("/settings")
        self.b.click("input[value=private]")
        self.b.leave("form[action$=visibility] button")
        self.b.reads(".band", w["notice.saved"])
        # Her open page asks and gets nothing more; nor do its addresses.
        st.customer("for Maria alone")
        anna.ask()
        until(lambda: st.served("/poll") > 0)
        self.assertNotIn("for Maria alone", anna.text())
        anna.get("/inbox/%d" % thread)
        anna.reads("main", w["problem.private"])
        anna.get("/settings")
        self.assertNotIn("Bramble", anna.text("main"))
        self.b.get("/inbox/%d" % thread)
        self.b.reads("#log", "for Maria alone")
        for path in ("/inbox/%d" % thread, "/settings/page/1", "/settings/customers/%d" % thread):
            other.get(path)
            self.assertNotIn("Liisa", other.text())
            self.assertNotIn("for all of us", other.text())
        other.get("/settings")
        self.assertNotIn("Bramble", other.text("main"))


if __name__ == "__main__":
    unittest.main()
