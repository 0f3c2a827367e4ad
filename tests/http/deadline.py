# SPDX-License-Identifier: MIT
"""deadline - who waits for an answer that is due soon.

Proved: the row says what is left when it matters, and only then; Closing soon
lists what closes within twelve hours, the soonest first, by every reason, and
nothing that is answered, done, over or later; it is narrowed and kept like any
list; the poll brings it anew as time goes by; in both languages.
"""
import re
import time
import unittest

from stand import PAGE_A, PAGE_B, PEETER, Stand, event_body, message, say

MINUTE, HOUR = 60_000, 3_600_000
DAY = 24 * HOUR


def chips(page):
    """What is left, by conversation, in the order of the list."""
    rows = re.findall(r'<li class="row[^>]*id="t-(\d+)".*?</li>', page.source, re.S)
    found = {int(i): re.findall(r'<time class="(chip[^"]*)"[^>]*>([^<]*)<', page.source.split('id="t-%s"' % i)[1].split("</li>")[0]) for i in rows}
    return [(int(i), found[int(i)][0] if found[int(i)] else None) for i in rows]


class Closing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        st = cls.st = cls.enterClassContext(Stand(conf={"facebook.human_agent": "yes"}))
        cls.b = st.connect("shared")
        now = cls.now = int(time.time() * 1000)
        cls.threads, people = {}, (
            # (name, since the customer wrote, an ad that long ago, an answer after it)
            ("hour", DAY - 50 * MINUTE, None, False), ("three", DAY - 3 * HOUR - 20 * MINUTE, None, False),
            ("night", DAY - 11 * HOUR - 30 * MINUTE, None, False), ("ad", 3 * DAY, 7 * DAY - 2 * HOUR - 20 * MINUTE, False),
            ("week", 7 * DAY - 6 * HOUR - 30 * MINUTE, None, False),
            ("later", DAY - 13 * HOUR, None, False), ("over", 8 * DAY, None, False), ("answered", DAY - HOUR, None, True))
        for i, (name, since, ad, answered) in enumerate(people):
            psid, page = str(595000000000001 + i), PAGE_B if name == "three" else PAGE_A
            events = [message(psid, "m_c%d" % i, "waiting %s" % name, now - since, page=page)]
            if ad:
                events.insert(0, message(psid, "m_ad%d" % i, "from the ad", now - ad, page=page,
                                         referral={"source": "ADS", "type": "OPEN_THREAD", "ad_id": "1"}))
            if answered:
                events.append(message(psid, "m_r%d" % i, "answered", now - since + MINUTE, page=page, echo=True))
            assert st.hook(event_body(events, page)) == 200
            cls.threads[name] = st.db("SELECT id FROM thread WHERE psid = ?", psid)[0][0]
        cls.names = {t: n for n, t in cls.threads.items()}

    def tearDown(self):
        self.st.clock(0)

    def list(self, query, b=None):
        return [(self.names[t], c) for t, c in chips((b or self.b).get("/inbox" + query).page) if t in self.names]

    def test_the_row_says_it_when_it_matters(self):
        got = dict(self.list(""))
        self.assertEqual({n: c and c[0] for n, c in got.items()}, {
            "hour": "chip chip-urgent", "three": "chip chip-soon", "ad": "chip chip-soon", "night": None, "week": None,
            "later": None, "over": None, "answered": None})
        for name, text in (("hour", say("left.minutes", n="49")), ("three", say("left.hours_brief", n="3")), ("ad", say("left.hours_brief", n="2"))):
            self.assertEqual(got[name][1], text)

    def test_the_view(self):
        got = self.list("?state=closing")
        self.assertEqual([n for n, _ in got], ["hour", "ad", "three", "week", "night"])
        self.assertEqual([c[0] for _, c in got], ["chip chip-urgent", "chip chip-soon", "chip chip-soon", "chip", "chip"])
        self.assertIn(say("list.closing"), self.b.get("/inbox").page.text)

    def test_in_japanese(self):
        peeter, _ = self.st.sign_in(user=PEETER, lang="ja")
        form = peeter.get("/inbox")
        if say("bar.sign_out", "ja") not in form.page.text:
            peeter.submit(form, "/language")
        got = dict(self.list("?state=closing", peeter))
        self.assertEqual(got["three"][1], say("left.hours_brief", "ja", n="3"))

    def test_narrowed_and_opened(self):
        page = self.st.db("SELECT id FROM page WHERE fb_id = ?", PAGE_B)[0][0]
        self.assertEqual([n for n, _ in self.list("?state=closing&page=%d" % page)], ["three"])
        r = self.b.get("/inbox?state=closing")
        opened = self.b.get(r.page.link_to("/inbox/%d?" % self.threads["three"]))
        self.assertEqual([n for n, _ in [(self.names[t], c) for t, c in chips(opened.page) if t in self.names]],
                         ["hour", "ad", "three", "week", "night"])
        # Nobody of this kind: a sentence, and a way on.
        self.st.clock(30 * DAY)
        self.st.write("UPDATE session SET ends_at = ends_at + ?", 60 * DAY)
        self.assertIn(say("list.none_closing"), self.b.get("/inbox?state=closing").page.text)

    def test_the_poll_brings_it_anew(self):
        r = self.b.get("/poll?state=closing")
        tag = {"If-None-Match": r.header("ETag")}
        self.assertEqual(self.b.get("/poll?state=closing", headers=tag).status, 304)
        self.st.clock(55 * MINUTE)
        r = self.b.get("/poll?state=closing", headers=tag)
        self.assertEqual(r.status, 200)
        self.assertEqual([self.names[t] for t, _ in chips(r.page) if t in self.names], ["ad", "three", "week", "night"])

    def test_what_is_done_waits_for_nobody(self):
        self.st.write("UPDATE thread SET state = 1 WHERE id = ?", self.threads["three"])
        self.addCleanup(self.st.write, "UPDATE thread SET state = 0 WHERE id = ?", self.threads["three"])
        self.assertEqual([n for n, _ in self.list("?state=closing")], ["hour", "ad", "week", "night"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
