# SPDX-License-Identifier: MIT
"""search - finding: by any part of a text, in both languages, and by names.

Proved: a message is found at once, and after runs have indexed it just so;
hits stand under their conversation with the words marked and lead to their
message; older ones by link to the very end; Page and days narrow it down;
what is edited, unsent or erased is not found by what it said; strangers' text
is text; a company finds its own; and nobody searches without end.
"""
import re
import time
import unittest
from urllib.parse import quote

from stand import (ANNA, AOZORA, ASID_MISAKI, LIISA, MISAKI, PAGE_A, PAGE_B, PAGE_C, Stand, event_body, message, say, until)

DAY = 86_400_000


def hits(page):
    """Texts of the hits, from the top."""
    return [re.sub(r"<[^>]*>", "", t).strip() for t in re.findall(r'<span class="hit-text"[^>]*>(.*?)</span></a>', page.source, re.S)]


def marks(page):
    return re.findall(r"<mark>(.*?)</mark>", page.source)


def heads(page):
    return re.findall(r'class="group-head".*?<b[^>]*>(.*?)</b>', page.source, re.S)


class Search(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand())
        cls.b = cls.st.connect("shared")
        cls.st.at_rest()

    def setUp(self):
        # Nobody is stopped by what the test before asked.
        self.st.write("DELETE FROM search_asked")

    def find(self, q, b=None, **more):
        r = (b or self.b).get("/search?q=" + quote(q) + "".join("&%s=%s" % kv for kv in more.items()))
        self.assertEqual(r.status, 200)
        return r.page

    def post(self, *events, page=PAGE_A):
        self.assertEqual(self.st.hook(event_body(list(events), page)), 200)

    def test_from_the_inbox_to_the_message(self):
        now = int(time.time() * 1000)
        self.post(message(LIISA, "m_road", "Is the ROAD frame in size 54 still there?", now))
        self.post(message(ANNA, "m_yoyaku", "前輪のﾊﾟﾝｸ修理を予約したいです", now + 1000))
        form = self.b.get("/inbox").page
        self.assertIn('action="/search"', form.source)
        page = self.find("road frame")
        self.assertEqual(hits(page), ["Is the ROAD frame in size 54 still there?"])
        self.assertEqual(marks(page), ["ROAD", "frame"])
        self.assertEqual(heads(page), ["Liisa Virtanen"])
        thread, mid = self.st.thread(LIISA), self.st.db("SELECT id FROM message WHERE mid = 'm_road'")[0][0]
        r = self.b.get("/inbox/%d/m/%d" % (thread, mid), follow=False)
        self.assertIn('href="/inbox/%d/m/%d"' % (thread, mid), page.source)
        self.assertEqual((r.status, r.header("Location").endswith("#m-%d" % mid)), (303, True))
        for q, mark in (("ぱんく", "ﾊﾟﾝｸ"), ("予約", "予約"), ("輪", "輪"), ("ﾖﾔｸ", None), ("oa", "OA"), ("ｓｉｚｅ　５４", "size")):
            page = self.find(q)
            self.assertEqual(marks(page)[:1], [mark] if mark else [], q)
            self.assertEqual(say("search.none") in page.text, mark is None, q)

    def test_names(self):
        page = self.find("virta")
        self.assertIn("found-names", page.ids)
        self.assertIn('href="/inbox/%d"' % self.st.thread(LIISA), page.source)
        self.assertNotIn("found-names", self.find("no such name").ids)

    def test_a_person_writes_japanese(self):
        b = self.st.browser("ja")
        self.st.sign_in(browser=b, lang="ja")
        b.submit(b.get("/inbox"), "/language", {"lang": "ja"})
        self.assertIn(say("search.none", "ja"), b.get("/search?q=zzzz").page.text)
        self.assertIn(say("search.hint", "ja")[:12], b.get("/search").page.text)
        self.b.submit(self.b.get("/inbox"), "/language", {"lang": "en"})

    def test_states(self):
        self.assertNotIn(say("search.none"), self.b.get("/search").page.text)
        self.assertNotIn(say("search.none"), self.find("   ").text)
        self.assertIn(say("search.none_text"), self.find("qqqqqq").text)
        self.assertIn(say("search.none_filtered"), self.find("qqqqqq", **{"from": "2026-01-01"}).text)
        self.assertIn(say("search.too_long"), self.find("x" * 101).text)
        self.assertNotIn(say("search.too_long"), self.find("字" * 100).text)
        self.assertEqual(self.b.get("/search?q=a&before=x").status, 400)

    def test_strangers_text_is_text(self):
        self.post(message(LIISA, "m_html", "say <b>beware</b> & \"quotes\" <mark>x</mark>"))
        page = self.find("<b>bew")
        self.assertEqual(marks(page), ["&lt;b&gt;bew"])
        self.assertIn("&lt;mark&gt;x&lt;/mark&gt;", page.source)
        page = self.find('"><script>alert(1)</script>')
        self.assertNotIn("<script>alert", page.source)

    def test_older_ones_to_the_end(self):
        at = int(time.time() * 1000) - 10 * DAY
        for k in range(0, 130, 26):
            self.post(*(message("77%013d" % (i % 5), "m_many%d" % i, "needle number %d" % i, at + i * 1000) for i in range(k, k + 26)))
        for run in (False, True):
            if run:
                self.index()
            seen, r, pages = [], self.b.get("/search?q=needle"), 0
            while True:
                seen += hits(r.page)
                pages += 1
                if say("search.older") not in r.page.text:
                    break
                r = self.b.get(r.page.link_to("before="))
            numbers = [int(t.rsplit(" ", 1)[1]) for t in seen]
            self.assertEqual(sorted(numbers, reverse=True), list(range(129, -1, -1)), run)
            self.assertEqual(pages, 3)

    def index(self):
        """Enough for a slice, and a run that takes it."""
        n = 300 - self.st.db("SELECT count(*) FROM search_fresh")[0][0]
        at = int(time.time() * 1000) - 100 * DAY
        for k in range(0, max(n, 0), 50):
            self.post(*(message("78%013d" % i, "m_fill%d_%d" % (time.monotonic_ns(), i), "filler %d" % i, at + i) for i in range(k, k + 50)))
        until(lambda: self.st.sync() is not False and self.st.db("SELECT count(*) FROM search_fresh")[0][0] < 256, 30)
        self.assertGreater(self.st.db("SELECT count(*) FROM search_block")[0][0], 0)

    def test_what_is_gone_is_not_found(self):
        at = int(time.time() * 1000)
        self.post(message(LIISA, "m_secret", "my lavender secret", at))
        self.post(message(LIISA, "m_first", "a rosemary thing", at + 1))
        self.assertEqual(hits(self.find("lavender")), ["my lavender secret"])
        self.index()
        self.assertEqual(hits(self.find("lavender")), ["my lavender secret"])
        self.post({"sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "timestamp": at + 5, "message": {"mid": "m_secret", "is_deleted": True}})
        until(lambda: not self.st.db("SELECT 1 FROM message WHERE mid = 'm_secret' AND text IS NOT NULL"))
        self.assertEqual(hits(self.find("lavender")), [])
        self.post({"sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "timestamp": at + 6,
                   "message_edit": {"mid": "m_first", "text": "a thyme thing", "num_edit": 1}})
        until(lambda: self.st.db("SELECT 1 FROM message WHERE mid = 'm_first' AND text = 'a thyme thing'"))
        self.assertEqual((hits(self.find("rosemary")), hits(self.find("thyme"))), ([], ["a thyme thing"]))

    def test_narrowed_down(self):
        at = int(time.time() * 1000)
        self.post(message(LIISA, "m_p1", "marigold here", at - 3 * DAY))
        self.post(message("88000000000001", "m_p2", "marigold there", at, page=PAGE_B), page=PAGE_B)
        self.assertEqual(len(hits(self.find("marigold"))), 2)
        pages = dict(self.st.db("SELECT fb_id, id FROM page"))
        self.assertEqual(hits(self.find("marigold", page=pages[PAGE_B])), ["marigold there"])
        day = time.strftime("%Y-%m-%d", time.gmtime(at / 1000 - 86400))
        self.assertEqual(hits(self.find("marigold", **{"from": day})), ["marigold there"])
        self.assertEqual(hits(self.find("marigold", to=day)), ["marigold here"])

    def test_each_company_its_own(self):
        self.post(message(LIISA, "m_ours", "only for acme: saffron"))
        them = self.st.connect("shared", AOZORA, MISAKI, ASID_MISAKI, (PAGE_C,), lang="ja")
        self.assertEqual(hits(self.find("saffron", them)), [])
        self.assertEqual(hits(self.find("saffron")), ["only for acme: saffron"])
        self.assertNotIn("found-names", self.find("Liisa", them).ids)

    def test_not_without_end(self):
        last = 0
        for _ in range(70):
            last = self.b.get("/search?q=frame").status
            if last != 200:
                break
        self.assertEqual(last, 429)
        self.assertIn(say("search.often"), self.b.get("/search?q=frame").page.text)
        self.assertEqual(self.b.get("/search").status, 200)


if __name__ == "__main__":
    unittest.main()
