#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""live - what the open inbox asks for: polls while nobody looks, and what is new in the words of a notification."""
import re
import unittest

from stand import (ACME, AOZORA, ASID_MISAKI, LIISA, MISAKI, PAGE_A, PAGE_C, PEETER, Stand, event_body, message, until)


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand())
        cls.b = cls.st.connect("shared")
        cls.st.customer("Hello")
        until(lambda: cls.st.db("SELECT 1 FROM thread WHERE name IS NOT NULL AND psid = ?", LIISA))
        cls.other = cls.st.control("customer/new", {"page": PAGE_A, "name": "Jaan Kask"})["psid"]

    def prefer(self, b=None, **kw):
        b = b or self.b
        r = b.submit(b.get("/settings"), "/settings/person", dict({"lang": "en"}, **kw))
        self.assertEqual(200, r.status)

    def rev(self, company=ACME):
        return self.st.db("SELECT rev FROM install WHERE company_id = ?", company)[0][0]

    def news(self, rev, at=0, b=None):
        """(rev, title, text, href), or None."""
        r = (b or self.b).get("/news?rev=%d&at=%d" % (rev, at))
        self.assertEqual(200, r.status)
        m = re.search(r'<a id="news" href="([^"]*)" data-rev="(\d+)"><b>(.*?)</b><span>(.*?)</span></a>', r.text, re.S)
        return m and (int(m[2]), m[3], m[4], m[1])

    def now(self):
        """Later than what is there, so that nothing of it is counted."""
        return self.st.db("SELECT coalesce(max(last_at), 0) FROM thread")[0][0]

    def test_1_words(self):
        st, rev, at = self.st, self.rev(), self.now()
        self.prefer(notify="all")
        self.b.get("/inbox/%d" % st.thread())
        self.assertIsNone(self.news(rev, at))
        st.customer("Is it there?")
        thread = st.thread()
        got = self.news(rev, at)
        self.assertEqual(("Liisa Virtanen", "Is it there?", "/inbox/%d" % thread), got[1:])
        self.assertIsNone(self.news(got[0], at))
        st.customer("In blue?")
        self.assertEqual(("Liisa Virtanen", "2 new messages"), self.news(rev, at)[1:3])
        st.customer("Hello", psid=self.other)
        self.assertEqual(("Messenger Inbox", "3 new messages in 2 conversations", "/inbox"), self.news(rev, at)[1:])
        # What somebody has read is not new, for that person.
        self.b.get("/inbox/%d" % thread)
        self.assertEqual("Hello", self.news(rev, at)[2])
        other = st.sign_in(user=PEETER)[0]
        self.assertIsNone(self.news(rev, at, other))
        self.prefer(other, notify="all")
        self.assertEqual("3 new messages in 2 conversations", self.news(rev, at, other)[2])
        self.prefer(other, notify="all", preview="off")
        st.customer("A secret", psid=self.other)
        self.assertEqual("1 new message", self.news(self.rev() - 1, self.now() - 1, other)[2])
        self.prefer(other, notify="off", preview="on", lang="ja")
        self.assertIsNone(self.news(rev, at, other))

    def test_2_mine(self):
        st = self.st
        self.prefer(notify="mine")
        st.customer("A question")
        st.reply(self.b, st.thread(), "An answer")
        until(lambda: "An answer" in st.arrived())
        st.delivered()
        rev, at = self.rev(), self.now()
        st.customer("Not mine", psid=self.other)
        self.assertIsNone(self.news(rev, at))
        st.customer("Thanks")
        self.assertEqual(("Liisa Virtanen", "Thanks"), self.news(rev, at)[1:3])

    def test_3_of_one_body_and_out_of_order(self):
        """All events of one webhook are of the revision that it ends with; late ones are not missed."""
        st, rev, at = self.st, self.rev(), self.now()
        self.prefer(notify="all")
        early = st.db("SELECT last_in_at FROM thread WHERE psid = ?", self.other)[0][0]
        events = [message(LIISA, "m_one_%d" % rev, "One", at=at + 1), message(self.other, "m_two_%d" % rev, "Two", at=early + 1)]
        self.assertEqual(200, st.hook(event_body(events)))
        self.assertEqual(rev + 1, self.rev())
        self.assertEqual([(rev + 1,)] * 2, st.db("SELECT in_rev FROM thread WHERE psid IN (?, ?)", LIISA, self.other))
        self.assertEqual("2 new messages in 2 conversations", self.news(rev, at)[2])
        self.assertIsNone(self.news(rev + 1, at))

    def test_4_others(self):
        st, rev = self.st, self.rev()
        self.prefer(notify="all")
        b = st.connect("private", AOZORA, MISAKI, ASID_MISAKI, (PAGE_C,), lang="ja")
        self.prefer(b, notify="all", lang="ja")
        st.customer("For Acme", page=PAGE_A)
        self.assertIsNotNone(self.news(rev))
        self.assertIsNone(self.news(0, self.now(), b))
        for bad in ("", "?rev=1", "?rev=x&at=1", "?rev=-1&at=0", "?rev=1&at=99999999999999999999"):
            self.assertEqual(400, self.b.get("/news" + bad).status, bad)
        self.assertEqual(303, st.browser().get("/news?rev=1&at=1", follow=False).status)

    def test_5_a_poll_while_nobody_looks(self):
        """It shows what is there, and marks nothing as read."""
        st = self.st
        thread = st.thread()
        self.b.get("/inbox/%d" % thread)
        st.customer("Unseen")
        upto = lambda: st.db("SELECT s.upto = t.last_in_at FROM seen s JOIN thread t ON t.id = s.thread_id WHERE t.id = ?"
                             " AND s.user_id = (SELECT owner_id FROM install WHERE id = t.install_id)", thread)[0][0]
        away = self.b.get("/poll?thread=%d&away=1" % thread)
        self.assertIn("Unseen", away.page.by_id_text["log"])
        self.assertIn("unread", away.page.ids["t-%d" % thread]["class"])
        self.assertEqual(0, upto())
        tag = away.header("ETag")
        self.assertEqual(304, self.b.get("/poll?thread=%d&away=1" % thread, headers={"If-None-Match": tag}).status)
        # Back again: the tag is another one, and it is read.
        there = self.b.get("/poll?thread=%d" % thread, headers={"If-None-Match": tag})
        self.assertEqual(200, there.status)
        self.assertNotIn("unread", there.page.ids["t-%d" % thread]["class"])
        self.assertEqual(1, upto())

    def test_6_keys(self):
        r = self.b.get("/keyboard")
        self.assertEqual(200, r.status)
        self.assertEqual(13, len(re.findall(r"data-do=", r.text)))
        self.assertEqual(10, len(re.findall(r'data-words="[^"]+"', r.text)))


if __name__ == "__main__":
    unittest.main()
