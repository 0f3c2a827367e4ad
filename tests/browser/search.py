#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""search.py - somebody looks for something: from the box above the list to the
message itself, with and without script, on a phone, in both languages.
"""
import unittest

from chrome import Case, Keys

PAGE_A, LIISA = "108422330517604", "6804412339871205"


class Looking:
    def setUp(self):
        # All are one person.
        self.stand.write("UPDATE user SET lang = ?", self.lang)

    def ask(self, text):
        box = self.b.one("#find, #q")
        box.clear()
        box.send_keys(text, Keys.ENTER)
        self.b.until(lambda: self.b.path.startswith("/search"))
        self.b.loaded()

    def test_from_the_box_to_the_message(self):
        b, w = self.b, self.w
        self.stand.control("customer/write", {"page": PAGE_A, "psid": LIISA, "text": "前輪のﾊﾟﾝｸ修理, and the LAVENDER frame"})
        self.stand.delivered()
        b.get("/inbox")
        self.ask("lavender ぱんく")
        self.assertEqual(b.texts("mark")[:2], ["ﾊﾟﾝｸ", "LAVENDER"])
        b.shot("search-hit-%s-%d" % (self.lang, self.width))
        b.click(".hit")
        b.until(lambda: b.path.startswith("/inbox/"))
        b.loaded()
        self.assertIn("LAVENDER", b.text("#log"))
        self.assertEqual("LAVENDER" in b.text("#log :target"), True)
        b.get("/search")
        self.ask("qqqqq")
        b.reads("#found", w["search.none"])
        self.assertEqual(b.one("#q").get_attribute("value"), "qqqqq")

    def test_a_name_leads_to_its_conversation(self):
        b = self.b
        b.get("/inbox")
        self.ask("virtan")
        self.assertIn("Liisa", b.text(".found-rows"))
        b.click(".found-rows a")
        b.until(lambda: b.path.startswith("/inbox/"))
        self.assertIn("Liisa", b.text("#conv"))


class English(Looking, Case):
    pass


class Japanese(Looking, Case):
    beside, lang = English, "ja"


class Phone(Looking, Case):
    beside, width = English, 390


class NoScript(Looking, Case):
    beside, js = English, False


if __name__ == "__main__":
    unittest.main()
