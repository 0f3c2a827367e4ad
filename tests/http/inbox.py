# SPDX-License-Identifier: MIT
"""inbox - what people see: the list, a conversation, the poll.

Proved: order and paging of the list while messages arrive; thirty messages and
older ones by link to the very end; days in the reader's zone; unread marks per
person; whose reply it was; the poll and its tag; the language; and that names
and texts of strangers are text in every place where they are shown.
"""
import re
import time
import unittest

from stand import (ACME, ANNA, ASID_MARIA, JAAN, LIISA, PAGE_A, PAGE_B, PEETER, Stand, event_body, message, say, until)

DAY = 86_400_000


def rows(page):
    """Ids of the conversations in the list, from the top."""
    return [int(m) for m in re.findall(r'<li class="row[^>]*id="t-(\d+)"', page.source)]


def unread(page):
    return [int(m) for m in re.findall(r'<li class="row unread"[^>]*id="t-(\d+)"', page.source)]


def texts(page):
    return [re.sub(r"<[^>]*>", "", t) for t in re.findall(r'<p class="text[^>]*>(.*?)</p>', page.source.split("<template")[0], re.S)]


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand())
        cls.prepare()
        cls.b = cls.st.connect("shared")

    @classmethod
    def prepare(cls):
        """Before anything is connected."""

    def post(self, *events, page=PAGE_A):
        self.assertEqual(self.st.hook(event_body(list(events), page)), 200)


class List(Case):
    def fill(self, n, at, prefix):
        """n new conversations; ten of them share each moment."""
        people = [str(int(prefix) * 10**12 + i) for i in range(n)]
        for k in range(0, n, 50):
            self.post(*(message(p, "m_%s" % p, "hello %s" % p, at + i // 10) for i, p in enumerate(people[k:k + 50], k)))
        return {self.st.thread(p): p for p in people}

    def test_order_is_by_time_of_the_message(self):
        at = int(time.time() * 1000)
        people = ["511000000000%03d" % i for i in range(5)]
        for i in (3, 0, 4, 1, 2):
            self.post(message(people[i], "m_o%d" % i, "x", at + 1000 * i))
        want = [self.st.thread(people[i]) for i in (4, 3, 2, 1, 0)]
        self.assertEqual(rows(self.b.get("/inbox").page)[:5], want)
        self.post(message(people[0], "m_echo", "from the phone", at + 9000, echo=True, app_id=26390203743090))
        self.assertEqual(rows(self.b.get("/inbox").page)[:5], [want[4]] + want[:4])
        self.post(message(people[3], "m_older", "old news", at - 9000))
        self.assertEqual(rows(self.b.get("/inbox").page)[:5], [want[4]] + want[:4])

    def test_paging_while_messages_arrive(self):
        at = int(time.time() * 1000) + 100_000
        mine = self.fill(137, at, "52")
        r = self.b.get("/inbox")
        seen, pages = [], 0
        while True:
            got = rows(r.page)
            self.assertLessEqual(len(got), 50)
            self.assertEqual([t for t in got if t in seen], [], "shown twice")
            seen += got
            pages += 1
            if "list-older" not in r.page.ids:
                break
            # Meanwhile: somebody new, and one that was shown already.
            self.post(message("53%013d" % pages, "m_new%d" % pages, "new", at + 50_000 + pages),
                      message(mine[[t for t in seen if t in mine][pages]], "m_again%d" % pages, "again", at + 60_000 + pages))
            r = self.b.get(r.page.ids["list-older"]["href"])
            self.assertIn(say("list.newest"), r.page.text)
        self.assertGreaterEqual(pages, 3)
        self.assertEqual(sorted(t for t in seen if t in mine), sorted(mine))
        # Every page again from its address: the same, and in order of time.
        moments = dict(self.st.db("SELECT id, last_at FROM thread"))
        r = self.b.get("/inbox")
        whole = rows(r.page)
        while "list-older" in r.page.ids:
            r = self.b.get(r.page.ids["list-older"]["href"])
            whole += rows(r.page)
        self.assertEqual(whole, sorted(whole, key=lambda t: (-moments[t], -t)))
        self.assertEqual(len(whole), self.st.db("SELECT count(*) FROM thread WHERE last_at > 0")[0][0])

    def test_a_receipt_makes_no_row(self):
        shell = message("541000000000001", "x")
        shell.pop("message")
        before = len(rows(self.b.get("/inbox").page))
        self.post(dict(shell, read={"watermark": 1}))
        self.assertEqual(len(rows(self.b.get("/inbox").page)), before)

    def test_page_is_named_only_when_there_are_several(self):
        self.post(message("551000000000001", "m_tag", "x", int(time.time() * 1000) + 900_000))
        row = self.b.get("/inbox").page.by_id_text["t-%d" % self.st.thread("551000000000001")]
        self.assertIn("Bramble Bikes", row)


class Conversation(Case):
    @classmethod
    def prepare(cls):
        cls.st.control("customer/history", {"page": PAGE_A, "psid": LIISA, "count": 95})
        cls.st.control("customer/history", {"page": PAGE_A, "psid": JAAN, "count": 30})

    def test_to_the_very_end(self):
        thread = self.st.thread(LIISA)
        self.assertNotIn(thread, unread(self.b.get("/inbox").page))     # what was there before is not news
        r = self.b.get("/inbox/%d" % thread)
        self.assertEqual(texts(r.page), ["History %d" % i for i in range(66, 96)])
        page, got = r.page, texts(r.page)
        while "older" in page.ids:
            link = page.ids["older"]["href"]
            # The first time our copy ends before Facebook's: it is being fetched.
            page = until(lambda: next((p for p in [self.b.get(link).page] if texts(p) or "older" not in p.ids), None), 20, 0.1)
            self.assertLessEqual(len(texts(page)), 30)
            self.assertIn("newest", page.ids)
            got = texts(page) + got
        self.assertEqual(got, ["History %d" % i for i in range(1, 96)])
        last = until(lambda: next((p for p in [self.b.get(link).page] if say("log.end_start") in p.text), None), 20, 0.1)
        # When the last fetch was still under way a link led on: then its page says so with nothing above.
        self.assertIn(texts(last)[:1], (["History 1"], []))
        until(lambda: self.st.db("SELECT history FROM thread WHERE id = ?", thread) == [("start",)], 60)
        self.assertEqual(self.st.db("SELECT count(*) FROM message WHERE thread_id = ?", thread), [(95,)])

    def test_all_of_it_at_once(self):
        page = self.b.get("/inbox/%d" % self.st.thread(JAAN)).page
        self.assertEqual(len(texts(page)), 30)
        self.assertIn(say("log.end_start"), page.text)
        self.assertNotIn("older", page.ids)

    def test_paging_by_key_while_messages_arrive(self):
        psid, at = "561000000000001", int(time.time() * 1000)
        for k in range(0, 70, 35):
            self.post(*(message(psid, "m_k%d" % i, "n%d" % i, at + i // 7) for i in range(k, k + 35)))
        thread = self.st.thread(psid)
        page = self.b.get("/inbox/%d" % thread).page
        got, n = texts(page), 0
        while "older" in page.ids:
            n += 1
            self.post(message(psid, "m_late%d" % n, "late", at + 1000 + n))
            page = self.b.get(page.ids["older"]["href"]).page
            got = texts(page) + got
        self.assertEqual(sorted(got), sorted("n%d" % i for i in range(70)))
        self.assertIn(say("log.end_importing"), page.text)

    def test_what_facebook_does_not_give(self):
        st = self.st
        psid = st.control("customer/new", {"page": PAGE_B, "name": "Old Friend"})["psid"]
        st.control("customer/history", {"page": PAGE_B, "psid": psid, "count": 80})
        st.control("config", {"switches": {"history_depth": 40}})
        self.addCleanup(st.control, "config", {"switches": {"history_depth": 0}})
        st.clock(11 * 60_000)
        st.sync()
        thread = st.thread(psid)
        page = self.b.get("/inbox/%d" % thread).page

        def further():
            nonlocal page
            if "older" in page.ids:
                page = self.b.get(page.ids["older"]["href"]).page
            else:
                page = self.b.get("/inbox/%d" % thread).page
            return say("log.end_facebook") in page.text or say("log.end_start") in page.text
        until(further, 25, 0.2)
        # What lies behind may be more, but we know of no more and say so.
        self.assertGreaterEqual(st.db("SELECT count(*) FROM message WHERE thread_id = ?", thread)[0][0], 30)
        self.assertIn(st.db("SELECT history FROM thread WHERE id = ?", thread)[0][0], ("end", "start"))

    def test_days_in_the_readers_zone(self):
        st, psid = self.st, "571000000000001"
        st.control("pipedrive/user", {"company": ACME, "id": ANNA, "timezone": "Asia/Tokyo"})
        st.control("pipedrive/user", {"company": ACME, "id": PEETER, "timezone": "Mars/Olympus"})
        anna, _ = st.sign_in(user=ANNA)
        peeter, _ = st.sign_in(user=PEETER)
        # 2026-07-01T21:30Z, 2026-07-01T22:30Z, 2026-01-01T21:59Z, 2026-01-01T22:01Z
        for i, at in enumerate((1767304740000, 1767304860000, 1782941400000, 1782945000000)):
            self.post(message(psid, "m_d%d" % i, "day %d" % i, at))
        url = "/inbox/%d" % st.thread(psid)
        for name, b, days, clocks in (
                ("Tallinn", self.b, ["20260101", "20260102", "20260702"], ["23:59", "00:01", "00:30", "01:30"]),
                ("Tokyo", anna, ["20260102", "20260702"], ["06:59", "07:01", "06:30", "07:30"]),
                ("a zone nobody knows: UTC", peeter, ["20260101", "20260701"], ["21:59", "22:01", "21:30", "22:30"])):
            with self.subTest(name):
                page = b.get(url).page
                self.assertEqual(re.findall(r'id="d-(\d+)"', page.source), days)
                log = page.source[page.source.index('id="log"'):]
                self.assertEqual(re.findall(r'class="meta"><a class="at"[^>]*><time[^>]*>([^<]*)<', log), clocks)
        self.assertIn('datetime="2026-07-02T00:30:00+03:00"', self.b.get(url).text)
        self.assertIn('datetime="2026-07-02T06:30:00+09:00"', anna.get(url).text)

    def test_today_and_yesterday(self):
        psid, at = "571000000000002", int(time.time() * 1000)
        self.post(message(psid, "m_t0", "a", at - DAY), message(psid, "m_t1", "b", at))
        page = self.b.get("/inbox/%d" % self.st.thread(psid)).page
        self.assertEqual([page.by_id_text[i] for i in page.ids if i.startswith("d-")], [say("date.yesterday"), say("date.today")])

    def test_quotes_and_links(self):
        psid, at = "581000000000001", int(time.time() * 1000)
        self.post(message(psid, "m_q0", "the <first> question", at), message(psid, "m_q1", "see https://a.example/x?a=1&b=2. Or (http://b.example)!", at + 1,
                  reply_to={"mid": "m_q0"}), message(psid, "m_q2", "quote of nothing", at + 2, reply_to={"mid": "m_unknown"}),
                  message(psid, "m_q3", "javascript:alert(1) data:text/html,x https:// http://", at + 3), message(psid, "m_q4", "😀", at + 4))
        page = self.b.get("/inbox/%d" % self.st.thread(psid)).page
        links = [(h, a) for h, a in page.links if "example" in h]
        self.assertEqual([h for h, _ in links], ["https://a.example/x?a=1&b=2", "http://b.example"])
        for _, a in links:
            self.assertEqual((a["target"], set(a["rel"].split())), ("_blank", {"noopener", "noreferrer", "nofollow"}))
        self.assertEqual(page.source.count('class="quote"'), 1)
        self.assertIn("the <first> question", page.by_id_text["m-%d" % self.st.db("SELECT id FROM message WHERE mid = 'm_q1'")[0][0]])
        self.assertFalse([h for h, _ in page.links if h.startswith(("javascript", "data"))])
        self.assertIn("text big", page.source)


class People(Case):
    def test_unread_is_personal(self):
        st, psid = self.st, "591000000000001"
        peeter, _ = st.sign_in(user=PEETER)
        at = int(time.time() * 1000)
        self.post(message(psid, "m_u0", "news", at))
        thread = st.thread(psid)
        for b in (self.b, peeter):
            page = b.get("/inbox").page
            self.assertIn(thread, unread(page))
            self.assertIn(say("row.unread"), page.by_id_text["t-%d" % thread])
        self.b.get("/inbox/%d" % thread)
        self.assertNotIn(thread, unread(self.b.get("/inbox").page))
        self.assertIn(thread, unread(peeter.get("/inbox").page))
        # An older part of the conversation is not the newest message.
        self.post(message(psid, "m_u1", "more", at + 10))
        self.b.get("/inbox/%d?before=%d.1" % (thread, at + 5))
        self.assertIn(thread, unread(self.b.get("/inbox").page))
        # A poll of the open conversation reads it.
        self.b.get("/poll?thread=%d" % thread)
        self.assertNotIn(thread, unread(self.b.get("/inbox").page))
        # Echoes and receipts are no news; an older message that comes late is.
        self.post(message(psid, "m_u2", "from the phone", at + 20, echo=True, app_id=26390203743090))
        self.assertNotIn(thread, unread(self.b.get("/inbox").page))
        self.assertEqual(st.db("SELECT count(*) FROM seen WHERE thread_id = ?", thread), [(1,)])

    def test_whose_reply(self):
        st, psid = self.st, JAAN
        st.customer("who answers?", psid=psid)
        thread = st.thread(psid)
        peeter, _ = st.sign_in(user=PEETER)
        st.reply(peeter, thread, "I do")
        until(lambda: st.db("SELECT 1 FROM outbox WHERE state = 'sent' AND thread_id = ?", thread))
        st.delivered()
        msg = "m-%d" % st.db("SELECT id FROM message WHERE text = 'I do'")[0][0]
        for b, who, row in ((self.b, "Peeter Saar", say("who.name", name="Peeter Saar")), (peeter, say("name.you"), say("who.you"))):
            page = b.get("/inbox/%d" % thread).page
            self.assertIn(who, page.by_id_text[msg])
            self.assertNotIn(say("msg.external"), page.by_id_text[msg])
            self.assertIn(row, page.by_id_text["t-%d" % thread])
        st.control("page/write", {"page": PAGE_A, "psid": psid, "text": "and I, on the phone"})
        st.delivered()
        msg = "m-%d" % st.db("SELECT id FROM message WHERE text LIKE 'and I%'")[0][0]
        page = peeter.get("/inbox/%d" % thread).page
        self.assertIn(say("msg.external"), page.by_id_text[msg])
        self.assertIn("Bramble Bikes", page.by_id_text[msg])
        self.assertIn(say("who.name", name="Bramble Bikes"), page.by_id_text["t-%d" % thread])


class Poll(Case):
    def test_tag(self):
        st, psid = self.st, "601000000000001"
        at = int(time.time() * 1000)
        self.post(message(psid, "m_p0", "first", at))
        thread = st.thread(psid)
        until(lambda: st.db("SELECT profile_at <> 1 FROM thread WHERE psid = ?", psid) == [(1,)])
        url = "/poll?thread=%d" % thread
        # Names being fetched move the company's revision: wait until it rests.
        r = until(lambda: next((a for a in [self.b.get(url)] if self.b.get(url, headers={"If-None-Match": a.header("ETag")}).status == 304), None))
        tag = r.header("ETag")
        self.assertIn("first", r.text)
        self.assertIn("no-cache", r.header("Cache-Control"))
        for value, status in ((tag, 304), ("W/" + tag, 304), ('"x", ' + tag, 304), (tag[:-1] + '-gzip"', 304), (tag[:-2] + '"', 200), ('""', 200), ("*", 200), (tag[1:-1], 200)):
            with self.subTest(value):
                got = self.b.get(url, headers={"If-None-Match": value})
                self.assertEqual(got.status, status)
                if status == 304:
                    self.assertEqual((got.body, got.header("ETag")), (b"", tag))
        # Another conversation, another person, another language: another page.
        peeter, _ = st.sign_in(user=PEETER)
        for b, other in ((self.b, "/poll"), (peeter, url)):
            self.assertEqual(b.get(other, headers={"If-None-Match": tag}).status, 200)
        self.post(message(psid, "m_p1", "second", at + 1))
        r = self.b.get(url, headers={"If-None-Match": tag})
        self.assertEqual(r.status, 200)
        self.assertIn("second", r.text)
        tag = r.header("ETag")
        for what in ("delivery", "read"):
            shell = message(psid, "x", at=at + 5)
            shell.pop("message")
            self.post(dict(shell, **{what: {"watermark": at + len(what)}}))
            r = self.b.get(url, headers={"If-None-Match": tag})
            self.assertEqual(r.status, 200, what)
            tag = r.header("ETag")
        # A repeat and a stranger's event change nothing.
        until(lambda: self.b.get(url, headers={"If-None-Match": self.b.get(url).header("ETag")}).status == 304)
        tag = self.b.get(url).header("ETag")
        self.post(message(psid, "m_p1", "second", at + 1))
        self.post(message("1", "m_zz", "x", page="9"), page="9")
        self.assertEqual(self.b.get(url, headers={"If-None-Match": tag}).status, 304)
        self.b.submit(self.b.get("/inbox"), "/language")
        self.assertEqual(self.b.get(url, headers={"If-None-Match": tag}).status, 200)
        self.b.submit(self.b.get("/inbox"), "/language")

    def test_a_window_that_closes_by_itself(self):
        psid = "601000000000002"
        self.post(message(psid, "m_w", "x"))
        url = "/poll?thread=%d" % self.st.thread(psid)
        r = until(lambda: next((a for a in [self.b.get(url)] if self.b.get(url, headers={"If-None-Match": a.header("ETag")}).status == 304), None))
        self.assertIn('id="composer"', r.text)
        self.st.clock(25 * 3_600_000)
        self.addCleanup(self.st.clock, 0)
        r = self.b.get(url, headers={"If-None-Match": r.header("ETag")})
        self.assertEqual(r.status, 200)
        self.assertNotIn('id="composer"', r.text)

    def test_same_rows_as_the_page(self):
        """What the poll brings and what the page shows are the same rows with the same marks."""
        psid = "601000000000003"
        self.post(message(psid, "m_s", "x"))
        thread = self.st.thread(psid)
        until(lambda: self.st.db("SELECT profile_at <> 1 FROM thread WHERE psid = ?", psid) == [(1,)])
        marks = lambda text: re.findall(r'id="([tm]-\d+)" data-rev="(\d+)"', text)
        self.b.get("/inbox/%d" % thread)
        got = marks(self.b.get("/inbox/%d" % thread).text)
        self.assertGreater(len(got), 1)
        self.assertEqual(marks(self.b.get("/poll?thread=%d" % thread).text), got)


class Language(Case):
    def test_switch(self):
        b, _ = self.st.sign_in(user=PEETER)
        r = b.get("/inbox")
        self.assertEqual(r.header("Content-Language"), "en")
        r = b.submit(r, "/language")
        self.assertTrue(r.url.endswith("/inbox"))
        self.assertEqual(r.header("Content-Language"), "ja")
        self.assertIn(say("bar.sign_out", "ja"), r.page.text)
        for url in ("/poll", "/nothing", "/inbox"):
            r = b.get(url)
            self.assertEqual(r.header("Content-Language"), "ja", url)
        # It is the person's, also elsewhere, and nobody else's.
        other, r = self.st.sign_in(user=PEETER)
        self.assertEqual(r.header("Content-Language"), "ja")
        self.assertEqual(self.b.get("/inbox").header("Content-Language"), "en")
        for lang in ("", "de", "EN", "en-US"):
            self.assertIn(b.submit(b.get("/inbox"), "/language", {"lang": lang}).status, (400, 200))

    def test_stranger(self):
        for header, want in (("ja,en;q=0.5", "ja"), ("en;q=0.3, ja;q=0.9", "ja"), ("de, fr", "en"), ("", "en"), ("ja;q=0", "en"), ("*", "en"), ("ja-JP", "ja"),
                             ("x" * 5000, "en"), (";;;,,,q=", "en")):
            r = self.st.browser().get("/", headers={"Accept-Language": header})
            self.assertEqual(r.header("Content-Language"), want, header)


class Strangers(unittest.TestCase):
    """Names and texts of people who mean harm."""
    HOSTILE = ("<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "</textarea></title><script>x</script>",
               "javascript:alert(1)", "{conv.name} {frame.csrf} ${7*7} {{7*7}}", "%s%n%d", "<t:block t:if='x'>", "&lt;b&gt;&amp;#39;", "\u202egnp.exe\u2066x\u2069",
               "<!-- -->", "]]>", "\\u003cscript\\u003e")

    def harmless(self, r, name):
        page = r.page
        for tag, attrs in page.tags:
            with self.subTest("%s: %s" % (name, tag)):
                self.assertFalse([a for a in attrs if a.startswith("on") or a == "style" or a.startswith("t:")], attrs)
                self.assertNotIn(tag, ("iframe", "object", "embed", "base", "t:block", "b\"") if tag != "base" else ())
                if tag == "script":
                    self.assertTrue((attrs.get("src") or "").startswith("/static/"), attrs)
                if tag == "img":
                    self.assertTrue(attrs["src"].startswith(("/static/", "/media/", "/avatar/")), attrs)
                for a in ("href", "src", "action"):
                    self.assertTrue(re.match(r"(/(?!/)|#|https?://|$)", attrs.get(a) or ""), attrs)
        self.assertNotIn("49", [w for w in page.words if w == "49"])

    def test_everywhere(self):
        st = self.enterContext(Stand())
        company = 9000777
        admin = st.control("pipedrive/user", {"company": company, "company_name": "Co <script>alert('c')</script> {company}", "name": "Adm \"><img src=x> {name}", "admin": True})["id"]
        plain = st.control("pipedrive/user", {"company": company, "name": "Col <b>league</b>"})["id"]
        st.control("page/update", {"page": PAGE_A, "name": "Page <script>alert('p')</script> {page}"})
        b, r = st.sign_in(company, admin)
        self.harmless(r, "visibility")
        self.assertIn("Co <script>alert('c')</script> {company}", r.page.text)
        r = b.submit(r, "/connect/visibility", {"visibility": "shared"})
        r = st.facebook(b, r, ASID_MARIA, (PAGE_A, PAGE_B))
        self.harmless(r, "pages")
        self.assertIn("Page <script>alert('p')</script> {page}", r.page.text)
        b.submit(r, "/connect/pages", {"page": [PAGE_A, PAGE_B]})
        until(lambda: st.imported(company), 30)
        self.harmless(b.get("/inbox?connected=1"), "connected")
        colleague, _ = st.sign_in(company, plain)
        for i, evil in enumerate(self.HOSTILE):
            psid = st.control("customer/new", {"page": PAGE_A, "first_name": evil, "last_name": "", "name": evil})["psid"]
            st.customer(evil, psid=psid)
            thread = until(lambda: st.thread(psid))
            name = until(lambda: st.db("SELECT name FROM thread WHERE id = ? AND name IS NOT NULL", thread), 10)[0][0]
            st.hook(event_body([message(psid, "m_f%d" % i, attachments=[{"type": "fallback", "title": evil, "payload": {"url": evil, "title": evil}},
                                                                         {"type": evil[:60], "payload": None}]),
                                {"sender": {"id": psid}, "recipient": {"id": PAGE_A}, "timestamp": int(time.time() * 1000),
                                 "postback": {"title": evil, "payload": evil, "mid": "m_pb%d" % i}},
                                message(psid, "m_rr%d" % i, "r", reply_to={"mid": "m_f%d" % i})]))
            st.hook(event_body([{"sender": {"id": psid}, "recipient": {"id": PAGE_A}, "timestamp": int(time.time() * 1000),
                                 "reaction": {"mid": "m_rr%d" % i, "action": "react", "emoji": evil[:16], "reaction": "other"}}]))
            st.reply(b, thread, evil)
            for url in ("/inbox", "/inbox/%d" % thread, "/poll", "/poll?thread=%d" % thread):
                for who in (b, colleague):
                    r = who.get(url)
                    self.harmless(r, url + " " + evil)
                    self.assertNotIn("<script>alert", r.text)
            page = b.get("/inbox/%d" % thread).page
            shown = " ".join(evil.split())
            self.assertIn(shown, page.by_id_text["conv-name"] if name == evil else shown)
            self.assertGreaterEqual(page.text.count(shown), 4, "list, head, message and panel")
            r = b.get("/inbox/%d" % thread)
            r = b.submit(r, "/reply", {"text": evil + "x" * 2001})
            self.harmless(r, "refused " + evil)
            self.assertEqual(r.status, 422)
        csrf = b.get("/inbox").page.forms[0]["fields"]["csrf"]
        self.assertNotIn(csrf, b.get("/inbox").page.text)
        for path in ("/inbox/%3Cscript%3Ealert(1)%3C/script%3E", "/%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E", "/?notice=%3Cscript%3E", "/inbox?x=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
                     "/connect/pages?again=%3Cscript%3E", "/nothing?%22onmouseover=%22alert(1)"):
            r = b.get(path)
            self.harmless(r, path)
            self.assertNotIn("<script>alert", r.text)


if __name__ == "__main__":
    unittest.main()
