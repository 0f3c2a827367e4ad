#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""state - conversations are open, done or snoozed; what is unread; the list is narrowed.

Proved: the buttons without a script, for everybody of the company; a new
message reopens, a repeat does not; a snooze ends by the clock, for whoever
looks first and in a scheduled run alone; unread counts and marks, each person
for himself; every filter by its address, its pages, the poll under it, the way
through a conversation and back; filters that people keep; inside Pipedrive;
nothing of it for another company or on a private connection.
"""
import re
import time
import unittest
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from stand import ACME, AOZORA, ASID_MISAKI, LIISA, MISAKI, PAGE_A, PAGE_B, PAGE_C, PEETER, Stand, event_body, message, say, until

HOUR, DAY = 3_600_000, 86_400_000
TALLINN = ZoneInfo("Europe/Tallinn")


def rows(page):
    return [int(m) for m in re.findall(r'<li class="row[^>]*id="t-(\d+)"', page.source)]


def unread(page):
    return int(page.ids["rows"]["data-unread"])


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand())
        cls.b = cls.st.connect("shared")
        cls.n = 0

    def setUp(self):
        self.at(0)

    def at(self, offset):
        """The clock; roles are looked at after a jump of days, which may end a session."""
        self.st.clock(offset)
        if self.b.get("/inbox", follow=False).status == 303:
            self.st.sign_in(browser=self.b)

    def wrote(self, psid, text="hello", at=None, mid=None, page=PAGE_A):
        type(self).n += 1
        mid = mid or "m_%s_%d" % (type(self).__name__, self.n)
        self.assertEqual(self.st.hook(event_body([message(psid, mid, text, at or int(time.time() * 1000) + self.n, page)], page)), 200)
        return self.st.thread(psid)

    def act(self, thread, browser=None, query="", **fields):
        b = browser or self.b
        return b.submit(b.get("/inbox/%d%s" % (thread, query)), "/inbox/%d/state" % thread, fields)

    def state(self, thread):
        return self.st.db("SELECT state FROM thread WHERE id = ?", thread)[0][0]


class States(Case):
    def test_done_and_reopened(self):
        peeter, _ = self.st.sign_in(user=PEETER)
        thread = self.wrote("611000000000001")
        self.assertIn(thread, rows(self.b.get("/inbox").page))
        r = self.act(thread, do="done")
        self.assertEqual(r.status, 200)
        self.assertIn("Maria Tamm", r.page.by_id_text["state-line"])
        self.assertIn(say("conv.reopen"), r.page.by_id_text["state"])
        self.assertNotIn(thread, rows(r.page))
        # For everybody.
        self.assertNotIn(thread, rows(peeter.get("/inbox").page))
        self.assertIn(thread, rows(peeter.get("/inbox?state=done").page))
        r = self.act(thread, peeter, do="reopen")
        self.assertIn(say("conv.done"), r.page.by_id_text["state"])
        self.assertIn(thread, rows(self.b.get("/inbox").page))
        audit = self.b.get("/settings/audit").page.text
        for word in ("done", "reopened"):
            self.assertIn(say("audit." + word), audit)

    def test_a_new_message_reopens(self):
        psid, at = "611000000000002", int(time.time() * 1000)
        thread = self.wrote(psid, at=at, mid="m_first")
        for fields in ({"do": "done"}, {"until": "tomorrow"}):
            self.act(thread, **fields)
            closed = self.state(thread)
            self.assertNotEqual(closed, 0)
            self.wrote(psid, at=at, mid="m_first")
            self.wrote(psid, "late", at=at - 60_000)
            self.st.hook(event_body([message(psid, "m_echo_%d" % closed, "ours", at + 5, echo=True, app_id=26390203743090)]))
            self.assertEqual(self.state(thread), closed)
            at += 10
            self.wrote(psid, "news", at=at)
            self.assertEqual(self.state(thread), 0)
            self.assertEqual(rows(self.b.get("/inbox").page)[0], thread)

    def test_a_page_that_polls_sees_it(self):
        thread = self.wrote("611000000000003")
        until(lambda: self.st.db("SELECT profile_at <> 1 FROM thread WHERE id = ?", thread) == [(1,)])
        r = until(lambda: next((a for a in [self.b.get("/poll")] if self.b.get("/poll", headers={"If-None-Match": a.header("ETag")}).status == 304), None))
        self.act(thread, do="done")
        r = self.b.get("/poll", headers={"If-None-Match": r.header("ETag")})
        self.assertEqual(r.status, 200)
        self.assertNotIn(thread, rows(r.page))

    def test_nonsense_is_refused(self):
        thread = self.wrote("611000000000004")
        csrf = self.b.get("/inbox/%d" % thread).page.form_to("/state")["fields"]["csrf"]
        for fields in ({}, {"do": "gone"}, {"until": "whenever"}, {"do": "done", "extra": "\u0000"}):
            if "extra" in fields:
                continue
            r = self.b.post("/inbox/%d/state" % thread, dict(fields, csrf=csrf), follow=False)
            self.assertEqual(r.status, 400, fields)
        self.assertEqual(self.state(thread), 0)
        self.assertEqual(self.b.post("/inbox/%d/state" % thread, {"do": "done"}, follow=False).status, 403)

    def test_another_company_and_a_private_one(self):
        st = self.st
        thread = self.wrote("611000000000005")
        them = st.connect("shared", AOZORA, MISAKI, ASID_MISAKI, (PAGE_C,), lang="ja")
        csrf = them.get("/filter").page.forms[0]["fields"]["csrf"]
        for fields in ({"do": "done"}, {"until": "tomorrow"}, {"do": "unread"}):
            r = them.post("/inbox/%d/state" % thread, dict(fields, csrf=csrf), follow=False)
            self.assertEqual(r.status, 404)
        self.assertEqual(self.state(thread), 0)
        for query in ("state=all", "unread=yes", "page=1", "linked=no", "from=2020-01-01"):
            self.assertNotIn(thread, rows(them.get("/inbox?" + query).page))
        peeter, _ = st.sign_in(user=PEETER)
        token = peeter.get("/filter").page.forms[0]["fields"]["csrf"]
        self.b.submit(self.b.get("/settings"), "/settings/visibility", {"visibility": "private"})
        self.addCleanup(lambda: self.b.submit(self.b.get("/settings"), "/settings/visibility", {"visibility": "shared"}))
        self.assertEqual(peeter.post("/inbox/%d/state" % thread, {"do": "done", "csrf": token}, follow=False).status, 403)
        for url in ("/inbox?state=all", "/filter", "/poll?state=all"):
            self.assertEqual(peeter.get(url, follow=False).status, 403)
        self.assertEqual(self.state(thread), 0)


class Snooze(Case):
    def until(self, thread):
        ms = self.st.db("SELECT until_at FROM thread WHERE id = ?", thread)[0][0]
        return datetime.fromtimestamp(ms / 1000, TALLINN) if ms else None

    def test_choices_in_the_readers_zone(self):
        thread = self.wrote("621000000000001")
        # Noon of a Wednesday in Tallinn: every choice is there.
        now = datetime.now(TALLINN)
        noon = (now + timedelta(days=(2 - now.weekday()) % 7 + 7)).replace(hour=12, minute=0, second=0, microsecond=0)
        offset = int((noon - now).total_seconds() * 1000)
        self.at(offset)
        page = self.b.get("/inbox/%d" % thread).page
        for key in ("conv.later", "conv.tomorrow", "conv.monday"):
            self.assertIn(say(key), page.text)
        self.act(thread, until="later")
        self.assertLess(abs((self.until(thread) - noon - timedelta(hours=3)).total_seconds()), 120)
        self.act(thread, until="tomorrow")
        self.assertEqual(self.until(thread), (noon + timedelta(days=1)).replace(hour=9))
        self.act(thread, until="monday")
        monday = self.until(thread)
        self.assertEqual((monday.weekday(), monday.hour, monday.minute), (0, 9, 0))
        self.assertEqual((monday.date() - noon.date()).days, 5)
        r = self.act(thread, until="at", at=(noon + timedelta(days=40)).strftime("%Y-%m-%dT07:30"))
        self.assertEqual(self.until(thread), (noon + timedelta(days=40)).replace(hour=7, minute=30))
        self.assertIn("07:30", r.page.by_id_text["state-line"])
        # On a Sunday "next Monday" is tomorrow, in the evening "later today" is none.
        self.at(offset + 4 * DAY + 9 * HOUR)
        page = self.b.get("/inbox/%d" % thread).page
        self.assertNotIn(say("conv.monday"), page.text)
        self.assertNotIn(say("conv.later"), page.text)

    def test_times_that_are_none(self):
        thread = self.wrote("621000000000002")
        for at in ("2020-01-01T09:00", "2026-02-30T09:00", "2199-01-01T09:00", "tomorrow", "", "2027-01-01T25:00"):
            r = self.act(thread, until="at", at=at)
            self.assertEqual(r.status, 422, at)
            self.assertIn(say("conv.when"), r.page.text)
            self.assertEqual(self.state(thread), 0)

    def test_it_comes_back(self):
        peeter, _ = self.st.sign_in(user=PEETER)
        first, later = self.wrote("621000000000003"), self.wrote("621000000000004")
        at = datetime.fromtimestamp(time.time() + 3 * 3600, TALLINN)
        self.act(first, until="at", at=at.strftime("%Y-%m-%dT%H:%M"))
        self.assertNotIn(first, rows(peeter.get("/inbox").page))
        self.assertEqual(rows(peeter.get("/inbox?state=snoozed").page)[0], first)
        r = until(lambda: next((a for a in [peeter.get("/poll")] if peeter.get("/poll", headers={"If-None-Match": a.header("ETag")}).status == 304), None))
        self.st.clock(3 * HOUR + 60_000)
        # Whoever asks first finds it back: above what was written since it was put off, and saying so.
        r = peeter.get("/poll", headers={"If-None-Match": r.header("ETag")})
        self.assertEqual(r.status, 200)
        self.assertLess(rows(r.page).index(first), rows(r.page).index(later))
        self.assertIn(say("row.back"), r.page.by_id_text["t-%d" % first])
        self.assertEqual(self.state(first), 0)
        page = self.b.get("/inbox/%d" % first).page
        self.assertIn(say("conv.done"), page.by_id_text["state"])
        self.assertIn(say("conv.back_since", time=""), page.by_id_text["state-line"])
        self.assertNotIn(first, rows(self.b.get("/inbox?state=snoozed").page))
        # What happens next ends the mark.
        self.wrote("621000000000003", at=int(time.time() * 1000) + 4 * HOUR)
        self.assertNotIn(say("row.back"), self.b.get("/inbox").page.by_id_text["t-%d" % first])
        self.assertIn(later, rows(self.b.get("/inbox").page))

    def test_in_a_run_alone(self):
        thread = self.wrote("621000000000005")
        self.act(thread, until="tomorrow")
        self.st.sync()
        self.assertEqual(self.state(thread), 2)
        self.st.clock(2 * DAY)
        self.st.sync()
        self.assertEqual(self.state(thread), 0)


class Unread(Case):
    def test_counts(self):
        peeter, _ = self.st.sign_in(user=PEETER)
        for b in (self.b, peeter):
            for thread in rows(b.get("/inbox").page):
                b.get("/inbox/%d" % thread)
            self.assertEqual(unread(b.get("/inbox").page), 0)
        for i in range(3):
            thread = self.wrote("631000000000001")
        for i in range(120):
            many = self.wrote("631000000000002")
        for b in (self.b, peeter):
            page = b.get("/inbox").page
            self.assertEqual(unread(page), 2)
            self.assertIn("3 " + say("row.unread"), page.by_id_text["t-%d" % thread])
            self.assertIn("99+ " + say("row.unread"), page.by_id_text["t-%d" % many])
        page = self.b.get("/inbox/%d" % thread).page
        self.assertEqual(unread(page), 1)
        self.assertEqual(unread(peeter.get("/inbox").page), 2)
        # Many more than fit on a page: the number is that of all.
        base = int(time.time() * 1000)
        people = ["632%012d" % i for i in range(70)]
        for k in range(0, 70, 35):
            self.assertEqual(self.st.hook(event_body([message(p, "m_m%s" % p, "x", base) for p in people[k:k + 35]])), 200)
        self.assertEqual(unread(self.b.get("/inbox").page), 71)
        # What a colleague has dealt with is not told of.
        self.act(self.st.thread(people[0]), peeter, do="done")
        self.assertEqual(unread(self.b.get("/inbox").page), 70)

    def test_marked_unread(self):
        peeter, _ = self.st.sign_in(user=PEETER)
        thread = self.wrote("633000000000001")
        self.wrote("633000000000001")
        for b in (self.b, peeter):
            b.get("/inbox/%d" % thread)
        before = unread(self.b.get("/inbox").page), unread(peeter.get("/inbox").page)
        tag = self.b.get("/poll").header("ETag")
        r = self.act(thread, do="unread", query="?state=all&page=1")
        # Back at the list, or it would be read again; narrowed as it was.
        self.assertTrue(r.url.endswith("/inbox?state=all&page=1"), r.url)
        self.assertNotIn("conv-name", r.page.ids)
        self.assertIn("1 " + say("row.unread"), r.page.by_id_text["t-%d" % thread])
        self.assertEqual((unread(self.b.get("/inbox").page), unread(peeter.get("/inbox").page)), (before[0] + 1, before[1]))
        self.assertEqual(self.b.get("/poll", headers={"If-None-Match": tag}).status, 200)
        self.b.get("/inbox/%d" % thread)
        self.assertEqual(unread(self.b.get("/inbox").page), before[0])


class Filters(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = int(time.time() * 1000) - 40 * DAY
        me = cls("test_each")
        cls.ids = {}
        # Ten of each kind, a day apart from each other.
        for i in range(10):
            for kind, page in (("a", PAGE_A), ("b", PAGE_B)):
                psid = "64%s%012d" % (1 if kind == "a" else 2, i)
                cls.ids[kind, i] = me.wrote(psid, at=cls.base + i * DAY + (kind == "b"), page=page)
        for i in range(0, 10, 2):
            cls.st.link(cls.ids["a", i], "deal", 100 + i)
        for i in (1, 2):
            me.act(cls.ids["a", i], do="done")
        me.act(cls.ids["b", 3], until="tomorrow")
        for i in range(5):
            cls.b.get("/inbox/%d" % cls.ids["b", i])
        cls.st.write("UPDATE thread SET failed = 1 WHERE id = ?", cls.ids["b", 7])

    def pages(self, fb):
        return self.st.db("SELECT id FROM page WHERE fb_id = ?", fb)[0][0]

    def mine(self, query):
        got, url = [], "/inbox" + ("?" + query if query else "")
        while url:
            page = self.b.get(url).page
            got += rows(page)
            url = page.ids.get("list-older", {}).get("href")
        names = {v: k for k, v in self.ids.items()}
        return [names[t] for t in got if t in names]

    def test_each(self):
        a, b = self.pages(PAGE_A), self.pages(PAGE_B)
        everything = {(k, i) for k in "ab" for i in range(10)}
        gone = {("a", 1), ("a", 2), ("b", 3)}
        day = lambda i: datetime.fromtimestamp((self.base + i * DAY) / 1000, TALLINN).strftime("%Y-%m-%d")
        read = {("b", i) for i in range(5)} | {("a", 1), ("a", 2)}
        linked = {("a", i) for i in range(0, 10, 2)}
        for query, want in (
                ("", everything - gone), ("state=done", {("a", 1), ("a", 2)}), ("state=snoozed", {("b", 3)}), ("state=all", everything),
                ("page=%d" % a, {t for t in everything - gone if t[0] == "a"}), ("state=all&page=%d" % b, {t for t in everything if t[0] == "b"}),
                ("unread=yes", everything - gone - read), ("state=all&unread=yes", everything - read),
                ("linked=yes", linked - gone), ("linked=no", everything - gone - linked), ("state=done&linked=yes", {("a", 2)}),
                ("failed=yes", {("b", 7)}), ("from=%s" % day(8), {(k, i) for k in "ab" for i in (8, 9)}),
                ("to=%s" % day(4), {t for t in everything - gone if t[1] <= 4}), ("from=%s&to=%s" % (day(5), day(6)), {(k, i) for k in "ab" for i in (5, 6)}),
                ("state=all&page=%d&linked=no&from=%s" % (a, day(2)), {("a", 3), ("a", 5), ("a", 7), ("a", 9)}),
                ("page=999999", set())):
            with self.subTest(query):
                got = self.mine(query)
                self.assertEqual(len(got), len(set(got)))
                self.assertEqual(set(got), want)

    def test_nonsense(self):
        for query in ("state=gone", "page=x", "page=-1", "from=2026-02-31", "unread=1", "linked=maybe"):
            for url in ("/inbox?", "/poll?", "/filter?", "/inbox/%d?" % self.ids["a", 0]):
                self.assertEqual(self.b.get(url + query).status, 400, url + query)

    def test_the_filter_stays(self):
        thread, query = self.ids["a", 2], "state=done&page=%d" % self.pages(PAGE_A)
        page = self.b.get("/inbox?" + query).page
        link = next(h for h, a in page.links if a.get("class") == "row-link")
        self.assertEqual(link.split("?")[1], query)
        r = self.b.get(link)
        self.assertEqual(set(rows(r.page)), {self.ids["a", 1], thread})
        self.assertIn(query, next(h for h, a in r.page.links if a.get("class") == "back"))
        self.assertIn(query, re.search(r'data-poll="([^"]*)"', r.text).group(1).replace("&amp;", "&"))
        # Another language, and an answer of a form.
        r = self.b.submit(r, "/language", {"lang": "ja"})
        self.assertEqual(set(rows(r.page)), {self.ids["a", 1], thread})
        self.assertIn(say("list.done", "ja"), r.page.text)
        r = self.b.submit(r, "/language", {"lang": "en"})
        r = self.b.submit(r, "/inbox/%d/state" % rows(r.page)[0], {"do": "done"})
        self.assertTrue(r.url.split("?")[1] == query, r.url)
        # Clear says what it does.
        page = self.b.get("/inbox?state=all&linked=no").page
        self.assertIn(say("list.all"), page.text)
        self.assertIn("/inbox", [h for h, _ in page.links])

    def test_the_poll_under_it(self):
        query = "state=done"
        r = until(lambda: next((a for a in [self.b.get("/poll?" + query)]
                                if self.b.get("/poll?" + query, headers={"If-None-Match": a.header("ETag")}).status == 304), None))
        self.assertEqual(set(rows(r.page)), {self.ids["a", 1], self.ids["a", 2]})
        # The tag is that of this filter alone.
        self.assertEqual(self.b.get("/poll", headers={"If-None-Match": r.header("ETag")}).status, 200)

    def test_empty_ones_are_no_dead_ends(self):
        page = self.b.get("/inbox?failed=yes&linked=yes").page
        self.assertIn(say("list.none"), page.text)
        self.assertIn("/inbox", [h for h, _ in page.links])

    def test_a_rare_one_far_back(self):
        # 2,000 rows are looked at for one page of it; the rest by a link.
        c = self.st.db("SELECT install_id, page_id FROM thread WHERE id = ?", self.ids["a", 0])[0]
        self.st.write("INSERT INTO thread(install_id, page_id, psid, last_at, created_at)"
                      " WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < 2500)"
                      " SELECT ?, ?, '69' || i, ? + i, 0 FROM k", c[0], c[1], int(time.time() * 1000))
        self.addCleanup(self.st.write, "DELETE FROM thread WHERE psid LIKE '69%'")
        page = self.b.get("/inbox?failed=yes").page
        self.assertEqual(rows(page), [])
        self.assertIn(say("list.looked", n="2,000"), page.text)
        page = self.b.get(next(h for h, _ in page.links if "before=" in h)).page
        self.assertEqual(rows(page), [self.ids["b", 7]])


class Kept(Case):
    def save(self, b, query, name):
        return b.submit(b.get("/filter?" + query), "/filter/save", {"name": name})

    def test_page(self):
        self.wrote("651000000000001")
        r = self.b.get("/filter")
        form = r.page.form_to("/filter")
        self.assertEqual(form["method"], "get")
        r = self.b.get("/filter?state=done&page=&linked=no&from=&to=2026-11-22&show=yes")
        self.assertTrue(r.url.endswith("/inbox?state=done&linked=no&to=2026-11-22"), r.url)
        r = self.b.get("/filter?state=done&linked=no")
        self.assertIn("%s" % say("filter.unlinked"), r.page.text)

    def test_kept_for_oneself(self):
        peeter, _ = self.st.sign_in(user=PEETER)
        self.wrote("651000000000002")
        name = "<b>Räder & 自転車</b>"
        r = self.save(self.b, "state=done&linked=no", name)
        self.assertTrue(r.url.endswith("/inbox?state=done&linked=no"))
        link = next((a, h) for h, a in self.b.get("/inbox").page.links if h.endswith("/inbox?state=done&linked=no"))
        self.assertNotIn("aria-current", link[0])
        self.assertIn(name, self.b.get("/inbox").page.text)
        self.assertEqual([a.get("aria-current") for h, a in self.b.get(link[1]).page.links if h == link[1] and "dir" in a], ["page"])
        self.assertNotIn("Räder", peeter.get("/inbox").text)
        # The same name: another filter; and away.
        self.save(self.b, "state=snoozed", name)
        self.assertEqual(self.b.get("/inbox").page.text.count(name), 1)
        r = self.b.submit(self.b.get("/filter"), "/filter/drop", {})
        self.assertNotIn(name, self.b.get("/inbox").page.text)

    def test_what_is_refused(self):
        for name, key in (("", "filter.need_name"), ("   ", "filter.need_name"), ("x" * 41, "filter.need_name")):
            r = self.save(self.b, "state=done", name)
            self.assertEqual(r.status, 422)
            self.assertIn(say(key), r.page.text)
        csrf = self.b.get("/filter").page.forms[0]["fields"]["csrf"]
        self.assertEqual(self.b.post("/filter/save", {"csrf": csrf, "name": "x", "query": ""}).status, 422)
        for query in ("state=gone", "page=;DROP", "from=x"):
            self.assertEqual(self.b.post("/filter/save", {"csrf": csrf, "name": "x", "query": query}).status, 400)
        for i in range(20):
            self.assertEqual(self.save(self.b, "page=%d" % (i + 1), "n%d" % i).status, 200)
        r = self.save(self.b, "page=99", "one more")
        self.assertEqual(r.status, 422)
        self.assertIn(say("filter.full"), r.page.text)
        self.assertEqual(self.st.db("SELECT saved LIKE '%one more%' FROM user WHERE pd_user_id = 10483244"), [(0,)])


class InsidePipedrive(Case):
    def test_done_in_the_panel(self):
        st = self.st
        thread = self.wrote(LIISA)
        st.link(thread, "deal", 54)
        url = st.control("pipedrive/frame", {"company": ACME, "user": 10483244, "kind": "deal", "id": 54})["url"]
        b = st.browser()
        r = b.get(url)
        self.assertIn(say("conv.done"), r.page.by_id_text["state"])
        r = b.submit(r, "/state", {"do": "done"})
        self.assertIn(say("conv.reopen"), r.page.by_id_text["state"])
        self.assertEqual(self.state(thread), 1)
        self.assertNotIn(say("conv.unread"), r.page.text)
        r = b.submit(r, "/state", {"do": "reopen"})
        self.assertEqual(self.state(thread), 0)


if __name__ == "__main__":
    unittest.main()
