# SPDX-License-Identifier: MIT
"""hook - the webhook: who is believed, what is kept, and how each kind of event is shown.

Proved: the verification handshake and the signature (with the published vector
and a rotated secret); caps on the body; that nothing signed is answered but
200, that one bad event costs none of its neighbours, and that what is not
understood is kept; every kind of event and attachment as the page shows it;
names, pictures and files of customers.
"""
import base64
import html
import http.client
import json
import re
import time
import unittest
import urllib.parse

from stand import (APP_ID, APP_SECRET, JAAN, LIISA, LIISA_B, PAGE_A, PAGE_B, VERIFY, Stand, event_body, message,
                   meta_json, say, sign, until)

SLOW = 50

OLD_SECRET = "0123456789abcdef0123456789abcdef"
INBOX_APP, BOT = 26390203743090, 442200119988776
# messenger.md 4.2
VECTOR = (b'{"object":"page","entry":[{"id":"108422330517604","time":1795341600123,"messaging":[{"sender":{"id":"680441'
          b'2339871205"},"recipient":{"id":"108422330517604"},"timestamp":1795341599870,"message":{"mid":"m_TestVector01'
          b'","text":"Caf\\u00e9 \\ud83d\\ude00 50\\u0025 a\\/b"}}]}]}')
VECTOR_256 = "sha256=7467ebe54aa03b97b41849938ef4b215c0f3f89cba5f6a5e2bd1bb54ab07bb4e"
VECTOR_1 = "sha1=498c92ee253465e44d654ffba66c08ebddc14636"
CDN = "https://scontent.example-cdn.net/v/t1.jpg?oe=69B1C2D3"


class Case(unittest.TestCase):
    """One stand with both Pages connected, for all tests of a class."""
    conf, seed = {}, "small"

    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand(conf=cls.conf, seed=cls.seed))
        cls.b = cls.st.connect("shared")
        cls.next = 7700000000000000

    def psid(self):
        """A customer nobody knows yet."""
        type(self).next += 1
        return str(self.next)

    def post(self, *events, page=PAGE_A, array="messaging"):
        self.assertEqual(self.st.hook(event_body(list(events), page, array)), 200)

    def texts(self, psid):
        return [t for (t,) in self.st.db("SELECT m.text FROM message m JOIN thread t ON t.id = m.thread_id"
                                         " WHERE t.psid = ? ORDER BY m.at, m.id", psid)]

    def count(self, table):
        return self.st.db("SELECT count(*) FROM " + table)[0][0]

    def open(self, psid, lang=None):
        return self.b.get("/inbox/%d" % self.st.thread(psid)).page

    def fetched(self, what):
        """The worker fetches it at once; on a machine under load the next run does."""
        try:
            return until(what, 8)
        except AssertionError:
            self.st.clock(10 * 60_000)
            self.st.sync()
            return until(what, 8)

    def snippet(self, page, psid):
        """Last words of the customer's row in the list."""
        row = re.search(r'<li class="row[^>]*id="t-%d".*?</li>' % self.st.thread(psid), page.source, re.S).group(0)
        return html.unescape(re.search(r'<bdi>([^<]*)<', row).group(1))

    def bubble(self, psid, mid):
        """What a person reads of the message, and its tags."""
        rows = self.st.db("SELECT m.id FROM message m JOIN thread t ON t.id = m.thread_id"
                          " WHERE t.psid = ? AND m.mid = ?", psid, mid)
        self.assertEqual(len(rows), 1, "rows of %s" % mid)
        page = self.open(psid)
        return page.by_id_text.get("m-%d" % rows[0][0], "")


class Handshake(Case):
    def get(self, **query):
        q = {"hub.mode": "subscribe", "hub.verify_token": VERIFY, "hub.challenge": "1158201444"}
        q.update({"hub." + k: v for k, v in query.items()})
        return self.st.browser().get("/hook/facebook?" + urllib.parse.urlencode({k: v for k, v in q.items() if v is not None}))

    def test_right(self):
        r = self.get()
        self.assertEqual((r.status, r.body), (200, b"1158201444"))
        self.assertTrue(r.header("Content-Type").startswith("text/plain"))
        self.assertEqual(r.header("X-Content-Type-Options"), "nosniff")

    def test_refused(self):
        for query in ({"verify_token": VERIFY + "x"}, {"verify_token": VERIFY[:-1]}, {"verify_token": ""},
                      {"verify_token": None}, {"mode": None}, {"mode": "unsubscribe"}, {"mode": ""}):
            with self.subTest(query):
                r = self.get(**query)
                self.assertEqual((r.status, r.body), (403, b""))

    def test_hostile_challenge(self):
        for c in ("<script>alert(1)</script>", "1\r\nSet-Cookie: a=b", "a b", "x" * 65, "", None, "é", "{{x}}"):
            with self.subTest(c):
                r = self.get(challenge=c)
                self.assertEqual(r.status, 400)     # by us, or by the server before us
                self.assertNotIn("a=b", str(r.headers))
                if c:
                    self.assertNotIn(c, r.text)

    def test_repeated(self):
        r = self.st.browser().get("/hook/facebook?hub.mode=subscribe&hub.verify_token=no&hub.verify_token=%s"
                                  "&hub.challenge=1" % VERIFY)
        self.assertEqual(r.status, 400)
        self.assertNotIn(VERIFY, r.text)


class Signature(Case):
    conf = {"facebook.app_secret_old": OLD_SECRET}

    def stored(self, body, **kw):
        """Status, and whether the body left anything in the database."""
        before = self.count("event"), self.count("quarantine")
        status = self.st.hook(body, **kw)
        return status, (self.count("event"), self.count("quarantine")) != before

    def body(self):
        return event_body([message(LIISA, "m_sig.%d" % time.monotonic_ns(), "signed")])

    def test_vector(self):
        self.assertEqual(len(VECTOR), 268)
        self.assertEqual(sign(VECTOR), VECTOR_256)
        self.assertEqual(self.stored(VECTOR + b" ", signature=VECTOR_256), (403, False))
        self.assertEqual(self.stored(VECTOR, signature=VECTOR_256), (200, True))
        self.assertIn("Café 😀 50% a/b", self.texts(LIISA))
        self.assertEqual(self.stored(VECTOR, signature=VECTOR_256), (200, False))

    def test_accepted(self):
        for name, kw in (("ours", {}), ("the old one", {"secret": OLD_SECRET})):
            with self.subTest(name):
                self.assertEqual(self.stored(self.body(), **kw), (200, True))

    def test_refused(self):
        body = self.body()
        good = sign(body)
        for name, got in (("another secret", sign(body, "f" * 32)), ("of another body", sign(body + b" ")),
                          ("without its kind", good[7:]), ("cut", good[:-1]), ("longer", good + "0"),
                          ("no digits", "sha256="), ("not hex", "sha256=" + "z" * 64), ("two", good + "," + good),
                          ("another kind", "sha512=" + good[7:]), ("empty", "")):
            with self.subTest(name):
                self.assertEqual(self.stored(body, signature=got or None,
                                             headers={"X-Hub-Signature-256": got}), (403, False))
        for name, headers in (("missing", {}), ("sha1 only", {"X-Hub-Signature": VECTOR_1})):
            with self.subTest(name):
                self.assertEqual(self.stored(VECTOR if "sha1" in name else body, signature=False,
                                             headers=headers), (403, False))

    def test_any_changed_byte(self):
        body = self.body()
        good = sign(body)
        for at in (0, len(body) // 2, len(body) - 1):
            bad = body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]
            self.assertEqual(self.stored(bad, signature=good), (403, False))
        self.assertEqual(self.stored(body, signature=good), (200, True))

    def test_log_tells_the_refusal_and_nothing_of_the_body(self):
        self.st.hook(event_body([message(LIISA, "m_never", "whisper of a stranger")]), signature="sha256=" + "0" * 64)
        self.assertIn("hook_refused", self.st.log())
        self.assertNotIn("whisper", self.st.log())


class Bodies(Case):
    def test_caps(self):
        for size, status in ((900 << 10, 200), (1 << 20, 200), ((1 << 20) + 1, 413), (3 << 20, 413)):
            with self.subTest(size):
                psid = self.psid()
                body = event_body([message(psid, "m_cap.%d" % size, "x")])
                text = "x" * (size - len(body) + 1)
                body = event_body([message(psid, "m_cap.%d" % size, text)])
                body = body[:-1] + b" " * (size - len(body)) + b"}" if len(body) < size else body[:size]
                self.assertEqual(self.st.hook(body), status)
                if status == 200:
                    got = self.texts(psid)[0]
                    self.assertTrue(got.startswith("xxxx") and len(got) <= 20001, len(got))

    def test_chunked_without_a_length(self):
        """Servers may pass a body on without its length; the cap holds all the same."""
        for size, want in ((1000, 200), ((1 << 20) + 100, 413)):
            psid = self.psid()
            body = event_body([message(psid, "m_chunk.%d" % size, "y" * size)])
            c = http.client.HTTPConnection("127.0.0.1", self.st.port, timeout=30)
            c.request("POST", "/hook/facebook", body=(body[i:i + 65536] for i in range(0, len(body), 65536)),
                      headers={"X-Hub-Signature-256": sign(body), "Content-Type": "application/json"}, encode_chunked=True)
            self.assertEqual(c.getresponse().status, want)
            c.close()

    def test_garbage_is_kept_and_answered(self):
        for body in (b"{", b"not json", b"[]", b'"text"', b"\xff\xfe\x00", b"{}}", b'{"object":"page","entry":[{]}',
                     b"[" * 5000 + b"]" * 5000, b"\x00" * 100, b'{"object":"page"' + b"," * 40 + b"}"):
            with self.subTest(body[:20]):
                n = self.count("quarantine")
                self.assertEqual(self.st.hook(body), 200)
                self.assertEqual(self.count("quarantine"), n + 1)
                self.assertEqual(self.st.hook(body), 200)
                self.assertEqual(self.count("quarantine"), n + 1)
        kept = [bytes(r) for (r,) in self.st.db("SELECT raw FROM quarantine WHERE why = 'not json'")]
        self.assertIn(b"\xff\xfe\x00", kept)

    def test_nothing_to_do(self):
        before = self.count("event"), self.count("quarantine"), self.count("thread")
        for obj in ({}, {"object": "page"}, {"object": "page", "entry": []}, {"object": "page", "entry": None},
                    {"object": "instagram", "entry": [{"id": PAGE_A, "messaging": [message(LIISA, "m_ig", "no")]}]},
                    {"object": "page", "entry": [{"id": PAGE_A, "time": 1}]},
                    {"object": "page", "entry": [{"id": "1", "messaging": [message("2", "m_un", "no", page="1")]}]},
                    {"object": "page", "entry": [{"id": PAGE_A, "messaging": []}]},
                    {"object": "page", "entry": [{"id": PAGE_A, "time": 1795341600, "changes": [
                        {"field": "messages", "value": {"sender": {"id": "12334"}, "recipient": {"id": "23245"},
                         "timestamp": "1527459824", "message": {"mid": "test_message_id", "text": "test_message"}}}]}]}):
            with self.subTest(obj):
                self.assertEqual(self.st.hook(meta_json(obj)), 200)
        self.assertEqual((self.count("event"), self.count("quarantine"), self.count("thread")), before)

    def test_unknown_kinds_are_kept(self):
        shell = message(LIISA, "m_x")
        del shell["message"]
        for more in ({"brand_new": {"a": 1}}, {}, {"message": "text"}, {"message": 5}, {"reaction": {"action": "react"}},
                     {"message_edit": {"mid": "m_e"}}, {"template": {"type": "unheard of"}}):
            with self.subTest(more):
                n = self.count("quarantine")
                self.post(dict(shell, timestamp=shell["timestamp"] + n, **more))
                self.assertEqual(self.count("quarantine"), n + 1)

    def test_understood_and_not_kept(self):
        shell = message(LIISA, "m_x")
        del shell["message"]
        n = self.count("quarantine")
        for more in ({"account_linking": {"status": "linked"}}, {"message_context": {"x": 1}}, {"app_roles": {APP_ID: ["a"]}},
                     {"request_thread_control": {"requested_owner_app_id": "4"}}):
            self.post(dict(shell, **more))
        del shell["sender"]
        self.post(dict(shell, optin={"ref": "cart-9", "user_ref": "REF-1234"}))
        self.assertEqual(self.count("quarantine"), n)

    def test_a_hostile_event_costs_none_of_its_neighbours(self):
        deep = {}
        for _ in range(20):
            deep = {"a": deep}
        hostile = [None, 5, "text", [], [[]], {}, {"sender": None, "message": {"mid": "m_h", "text": "x"}},
                   {"sender": {"id": {}}, "recipient": {"id": []}, "message": {"mid": [], "text": {}}},
                   {"sender": {"id": LIISA}, "recipient": {"id": "999"}, "timestamp": 1, "message": {"mid": "m_h2", "text": "x"}},
                   {"sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "timestamp": -5, "message": {"mid": "m_h3", "attachments": {"type": 5}}},
                   {"sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "timestamp": "soon", "message": {"mid": "", "text": "no mid"}},
                   {"sender": {"id": "x" * 5000}, "recipient": {"id": PAGE_A}, "timestamp": 1, "message": {"mid": "y" * 5000}},
                   {"sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "timestamp": 1e300, "message": {"mid": "m_h4", "text": "\x00\x01"}},
                   {"sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "read": {"watermark": "never"}}, deep]
        for i, h in enumerate(hostile):
            with self.subTest(h):
                one, two = self.psid(), self.psid()
                self.post(message(one, "m_before.%d" % i, "before"), h, message(two, "m_after.%d" % i, "after"))
                self.assertEqual((self.texts(one), self.texts(two)), (["before"], ["after"]))

    def test_hostile_entries(self):
        psid = self.psid()
        body = {"object": "page", "entry": [None, 7, {"id": None}, {"id": PAGE_A, "messaging": 5}, {"messaging": [None]}, [],
                {"id": PAGE_A, "time": "x", "messaging": [message(psid, "m_entries", "still here")]}, {"id": {}}]}
        self.assertEqual(self.st.hook(meta_json(body)), 200)
        self.assertEqual(self.texts(psid), ["still here"])

    def test_several_pages_one_unknown(self):
        a, b, c = self.psid(), self.psid(), self.psid()
        self.assertEqual(self.st.hook(meta_json({"object": "page", "entry": [
            {"id": PAGE_A, "time": 1, "messaging": [message(a, "m_three.a", "to A")]},
            {"id": "999999", "time": 1, "messaging": [message(c, "m_three.c", "to nobody", page="999999")]},
            {"id": PAGE_B, "time": 1, "messaging": [message(b, "m_three.b", "to B", page=PAGE_B)]}]})), 200)
        self.assertEqual((self.texts(a), self.texts(b), self.texts(c)), (["to A"], ["to B"], []))
        pages = dict(self.st.db("SELECT t.psid, p.fb_id FROM thread t JOIN page p ON p.id = t.page_id"))
        self.assertEqual((pages[a], pages[b]), (PAGE_A, PAGE_B))

    def test_same_person_on_two_pages_is_two(self):
        """A mid and a PSID count only together with their Page."""
        psid = self.psid()
        self.post(message(psid, "m_same", "A"))
        self.post(message(psid, "m_same", "B", page=PAGE_B), page=PAGE_B)
        self.assertEqual(self.st.db("SELECT count(*) FROM thread WHERE psid = ?", psid), [(2,)])

    def test_ids_beyond_2_53(self):
        big = 9007199254740993
        raw = meta_json({"object": "page", "entry": [{"id": int(PAGE_A), "time": 1, "messaging": [
            {"sender": {"id": big}, "recipient": {"id": int(PAGE_A)}, "timestamp": 1795341600000,
             "message": {"mid": "m_big", "text": "as a number"}},
            {"sender": {"id": str(big)}, "recipient": {"id": PAGE_A}, "timestamp": 1795341600001,
             "message": {"mid": "m_big2", "text": "as text"}},
            {"sender": {"id": 99999999999999999999999}, "recipient": {"id": PAGE_A}, "timestamp": 1795341600002,
             "message": {"mid": "m_big3", "text": "beyond 64 bits"}}]}]})
        self.assertEqual(self.st.hook(raw), 200)
        self.assertEqual(self.texts(str(big)), ["as a number", "as text"])
        self.assertEqual(self.texts("99999999999999999999999"), ["beyond 64 bits"])

    def test_texts_that_are_no_unicode(self):
        for name, escaped, want in (("high alone", "a\\ud83dz", "a\ufffdz"), ("low alone", "a\\ude00z", "a\ufffdz"),
                                    ("swapped", "\\ude00\\ud83d", "\ufffd\ufffd"), ("a NUL", "a\\u0000b", "ab"),
                                    ("pair", "\\ud83d\\ude00", "😀"), ("noncharacter", "a\\uffffb", None)):
            with self.subTest(name):
                psid = self.psid()
                body = event_body([message(psid, "m_uni." + name.replace(" ", ""), "@@")]).replace(b"@@", escaped.encode())
                self.assertEqual(self.st.hook(body), 200)
                got = self.texts(psid)
                self.assertEqual(len(got), 1)
                if want is not None:
                    self.assertEqual(got[0], want)
                self.assertEqual(self.b.get("/inbox/%d" % self.st.thread(psid)).status, 200)

    def test_same_mid_in_two_bodies_and_arrays(self):
        psid = self.psid()
        at = int(time.time() * 1000)
        self.post(message(psid, "m_twice", "once", at))
        self.post(message(psid, "m_twice", "once", at, seq=5))
        self.post(message(psid, "twice", "once", at))          # the first era had no "m_"
        self.post(message(psid, "m_twice", "once", at), array="standby")
        self.assertEqual(self.texts(psid), ["once"])

    def test_a_full_body(self):
        """As many events as one body may have; one more is too many, and kept."""
        psid = self.psid()
        at = int(time.time() * 1000)
        self.post(*(message(psid, "m_full.%d" % i, "n %d" % i, at + i) for i in range(1000)))
        self.assertEqual(len(self.texts(psid)), 1000)
        n = self.count("quarantine")
        self.post(*(message(self.psid(), "m_more.%d" % i, "n", at + i) for i in range(1001)))
        self.assertEqual(self.count("quarantine"), n + 1)


class Attachments(Case):
    def test_every_type(self):
        gone, other = say("att.gone"), say("att.other")
        table = [
            ({"type": "image", "payload": {"url": CDN}}, [say("att.label_photo"), gone], []),
            ({"type": "video", "payload": {"url": CDN}}, [say("att.label_video"), gone], []),
            ({"type": "audio", "payload": {"url": CDN}}, [say("att.label_audio"), gone], []),
            ({"type": "file", "payload": {"url": CDN}}, [say("att.label_file"), gone], []),
            ({"type": "image", "payload": None}, [say("att.label_photo"), gone], []),
            ({"type": "image", "payload": {"url": ""}}, [say("att.label_photo"), gone], []),
            ({"type": "image"}, [say("att.label_photo"), gone], []),
            ({"type": "image", "payload": {"url": "javascript:alert(1)"}}, [say("att.label_photo")], []),
            ({"type": "sticker", "payload": {"url": CDN, "sticker_id": 123}}, [say("att.label_sticker"), gone], []),
            ({"type": "sticker", "payload": {"url": CDN, "sticker_id": 369239263222822}}, ["👍"], []),
            ({"type": "sticker", "payload": {"url": CDN, "sticker_id": "369239383222810"}}, ["👍"], []),
            ({"type": "location", "title": "Pinned Location", "url": "https://www.facebook.com/l.php?u=1",
              "payload": {"coordinates": {"lat": 60.1699, "long": 24.9384}}}, ["Pinned Location"],
             ["https://www.openstreetmap.org/?mlat=60.169900&mlon=24.938400#map=16/60.169900/24.938400"]),
            ({"type": "location", "payload": {"coordinates": {"lat": 1e9, "long": "x"}}}, [say("att.place")], []),
            ({"type": "fallback", "payload": {"url": "https://bramble.example/p/54", "title": "Road frame 54"}},
             ["Road frame 54", "bramble.example"], ["https://bramble.example/p/54"]),
            ({"type": "fallback", "title": "Frame 55", "url": "https://bramble.example/p/55", "payload": None},
             ["Frame 55"], ["https://bramble.example/p/55"]),
            ({"type": "fallback", "title": "Bad link", "url": "javascript:alert(1)", "payload": None}, ["Bad link"], []),
            ({"type": "reel", "payload": {"url": "https://www.facebook.com/reel/1234567", "title": "Wheel truing"}},
             ["Wheel truing"], ["https://www.facebook.com/reel/1234567"]),
            ({"type": "ig_reel", "payload": {"url": "/reel/1234567/", "title": "Insta"}}, ["Insta"],
             ["https://www.instagram.com/reel/1234567/"]),
            ({"type": "post", "payload": {"url": "/bramble/posts/99", "title": "New stock"}}, ["New stock"],
             ["https://www.facebook.com/bramble/posts/99"]),
            ({"type": "ig_post", "payload": {"url": "https://www.instagram.com/p/1", "title": "Insta post"}}, ["Insta post"],
             ["https://www.instagram.com/p/1"]),
            ({"type": "share", "payload": {"url": "https://example.org/s"}}, [say("att.no_title")], ["https://example.org/s"]),
            ({"type": "template", "payload": {"product": {"elements": [{"title": "Road frame 54", "subtitle": "€749"}]}}},
             ["Road frame 54 — €749"], []),
            ({"type": "template", "title": "Road frame", "url": None, "payload": {"template_type": "generic", "elements": [
                {"title": "Frame G", "subtitle": "€1", "buttons": [{"type": "web_url", "title": "View", "url": "https://x.example/"}]}]}},
             ["Frame G — €1 [View]"], []),
            ({"type": "template", "payload": {"template_type": "button", "text": "Choose", "buttons": [{"title": "Size"}]}},
             ["Choose [Size]"], []),
            ({"type": "appointment_booking", "payload": {"booking_id": "771", "status": "requested", "start_time": 1795600800,
              "end_time": 1795604400, "timezone": "Europe/Helsinki"}}, [say("booking.requested")], []),
            ({"type": "appointment_booking", "payload": {"status": "<b>odd</b>"}}, ["<b>odd</b>"], []),
            ({"type": "story_mention", "payload": {"url": CDN}}, [other, "story_mention"], []),
            ({"type": "hologram_2031", "payload": [1, 2]}, [other, "hologram_2031"], []),
            ({"payload": {"url": CDN}}, [other], []),
            ({"type": 5}, [other], []),
        ]
        at = int(time.time() * 1000)
        for i, (att, words, links) in enumerate(table):
            with self.subTest(att):
                psid, mid = self.psid(), "m_att.%d" % i
                self.post(message(psid, mid, at=at + i, attachments=[att]))
                if att.get("type") in ("image", "video", "audio", "file", "sticker"):
                    self.fetched(lambda: not self.st.db("SELECT 1 FROM attachment WHERE fetch_at > 0"))
                text = self.bubble(psid, mid)
                for w in words:
                    self.assertIn(w, text)
                page = self.open(psid)
                hrefs = [h for h, _ in page.links]
                for href in links:
                    self.assertIn(href, hrefs)
                self.assertFalse([h for h in hrefs if "javascript" in h])
                # The list has a label of it, never an empty row.
                row = self.snippet(page, psid)
                self.assertTrue(row and row != say("snippet.none"), row)

    def test_odd_lists(self):
        for i, (atts, n) in enumerate(((None, 0), ([], 0), ("x", 0), ({"type": "fallback", "title": "Lone"}, 1),
                                       ([{"type": "image"}, None, 5, {"type": "file"}], 4),
                                       ([{"type": "reel", "payload": {"url": "https://a.example/%d" % k}} for k in range(40)], 32))):
            with self.subTest(i):
                psid, mid = self.psid(), "m_list.%d" % i
                self.post(message(psid, mid, "with text", attachments=atts))
                self.assertEqual(self.st.db("SELECT natt FROM message WHERE mid = ?", mid), [(n,)])
                self.assertIn("with text", self.bubble(psid, mid))

    def test_sticker_of_old_days_is_one(self):
        psid = self.psid()
        self.post(message(psid, "m_stick", attachments=[{"type": "sticker", "payload": {"url": CDN, "sticker_id": 1}},
                                                       {"type": "image", "payload": {"url": CDN, "sticker_id": 1}}]))
        self.post(message(psid, "m_album", attachments=[{"type": "image", "payload": {"url": CDN}}] * 2))
        self.assertEqual(self.st.db("SELECT mid, natt FROM message WHERE mid IN ('m_stick', 'm_album') ORDER BY mid"),
                         [("m_album", 2), ("m_stick", 1)])

    def test_unsupported_and_empty(self):
        for i, more in enumerate(({"is_unsupported": True}, {}, {"text": ""}, {"text": " \n "})):
            psid, mid = self.psid(), "m_unsup.%d" % i
            e = message(psid, mid)
            e["message"].update(more)
            self.post(e)
            self.assertIn(say("msg.unsupported"), self.bubble(psid, mid))


class Changes(Case):
    """Reactions, edits, unsending."""

    def react(self, psid, mid, at, **r):
        e = message(psid, mid, at=at)
        e.pop("message")
        self.post(dict(e, reaction=dict({"mid": mid}, **r)))

    def edit(self, psid, mid, text, num, **kw):
        e = message(psid, mid, **kw)
        e.pop("message")
        self.post(dict(e, message_edit={"mid": mid, "text": text, "num_edit": num}))

    def unsend(self, psid, mid, flag=True):
        self.post(message(psid, mid, is_deleted=flag))

    def test_reactions(self):
        psid, at = self.psid(), int(time.time() * 1000)
        self.post(message(psid, "m_r1", "nice", at))
        self.react(psid, "m_r1", at + 10, reaction="love", emoji="❤️", action="react")
        self.assertIn("❤️", self.bubble(psid, "m_r1"))
        self.react(psid, "m_r1", at + 20, reaction="wow", emoji="😮", action="react")
        text = self.bubble(psid, "m_r1")
        self.assertIn("😮", text)
        self.assertNotIn("❤️", text)
        self.react(psid, "m_r1", at + 15, reaction="sad", emoji="😢", action="react")       # late: older than the last
        self.assertIn("😮", self.bubble(psid, "m_r1"))
        self.react(psid, "m_r1", at + 30, action="unreact")
        self.assertNotIn("😮", self.bubble(psid, "m_r1"))
        self.react(psid, "m_r1", at + 40, reaction="love", action="react")                  # a name without its picture
        self.assertIn("❤", self.bubble(psid, "m_r1"))
        self.assertEqual(len(self.texts(psid)), 1)

    def test_reaction_before_its_message(self):
        psid, at = self.psid(), int(time.time() * 1000)
        self.react(psid, "m_r2", at + 5, emoji="😆", action="react")
        self.assertEqual(self.texts(psid), [])
        self.post(message(psid, "m_r2", "late", at))
        self.assertIn("😆", self.bubble(psid, "m_r2"))

    def test_reaction_opens_the_window(self):
        psid, at = self.psid(), int(time.time() * 1000)
        self.post(message(psid, "m_r3", "from us", at - 90_000_000, echo=True, app_id=INBOX_APP))
        self.assertNotIn("composer", self.open(psid).ids)
        self.react(psid, "m_r3", at, emoji="👍", action="react")
        self.assertIn("composer", self.open(psid).ids)

    def test_edits(self):
        psid, at = self.psid(), int(time.time() * 1000)
        self.post(message(psid, "m_e1", "size 54?", at))
        self.edit(psid, "m_e1", "size 56?", 1, at=at + 10)
        text = self.bubble(psid, "m_e1")
        self.assertIn("size 56?", text)
        self.assertIn(say("msg.edited"), text)
        self.assertIn(say("msg.former") + " size 54?", text)
        self.edit(psid, "m_e1", "size 58?", "2", at=at + 20)
        self.edit(psid, "m_e1", "size 57?", 1, at=at + 15)          # late: an older edit
        self.assertIn("size 58?", self.bubble(psid, "m_e1"))
        self.assertIn("size 58?", self.open(psid).by_id_text["t-%d" % self.st.thread(psid)])

    def test_edit_before_its_message(self):
        psid, at = self.psid(), int(time.time() * 1000)
        self.edit(psid, "m_e2", "after", 1, at=at + 10)
        self.post(message(psid, "m_e2", "before", at))
        self.assertEqual(self.texts(psid), ["after"])
        self.assertIn(say("msg.edited"), self.bubble(psid, "m_e2"))

    def test_edit_without_its_sides(self):
        psid, at = self.psid(), int(time.time() * 1000)
        self.post(message(psid, "m_e3", "old", at))
        self.post({"timestamp": at + 5, "message_edit": {"mid": "m_e3", "text": "new", "num_edit": 1}})
        self.assertEqual(self.texts(psid), ["new"])
        self.assertEqual(self.snippet(self.open(psid), psid), "new")

    def test_unsent(self):
        for flag in (True, "true"):
            with self.subTest(flag):
                psid, mid = self.psid(), "m_gone.%r" % flag
                self.post(message(psid, mid, "regretted", attachments=[{"type": "image", "payload": {"url": CDN}}]))
                self.unsend(psid, mid, flag)
                text = self.bubble(psid, mid)
                self.assertIn(say("msg.deleted"), text)
                self.assertNotIn("regretted", self.open(psid).text)
                self.assertEqual(self.st.db("SELECT count(*) FROM attachment a JOIN thread t ON t.id = a.thread_id"
                                            " WHERE t.psid = ?", psid), [(0,)])

    def test_unsent_before_it_came(self):
        psid = self.psid()
        at = int(time.time() * 1000)
        self.unsend(psid, "m_gone2")
        self.post(message(psid, "m_gone2", "regretted", at))
        self.edit(psid, "m_gone2", "regretted again", 1, at=at + 9)
        self.assertIn(say("msg.deleted"), self.bubble(psid, "m_gone2"))
        self.assertNotIn("regretted", self.open(psid).text)

    def test_unsent_unknown(self):
        psid = self.psid()
        self.unsend(psid, "m_nobody_knows")
        self.assertEqual(self.texts(psid), [])

    def test_not_unsent(self):
        psid = self.psid()
        self.post(message(psid, "m_stays", "stays", is_deleted=False))
        self.assertEqual(self.texts(psid), ["stays"])


class Lines(Case):
    def line(self, psid, more, words, at=None, seconds=False):
        at = at or int(time.time() * 1000)
        e = message(psid, "x", at=at)
        e.pop("message")
        if seconds:
            e["timestamp"] = at // 1000
        self.post(dict(e, **more))
        page = self.open(psid)
        for w in words:
            self.assertIn(w, page.text)
        return page

    def test_postbacks(self):
        psid, at = self.psid(), int(time.time() * 1000)
        with_mid = {"postback": {"mid": "m_P1", "title": "Get started", "payload": "GET_STARTED"}}
        without = {"postback": {"title": "Prices", "payload": "P" * 100}}
        for _ in range(2):
            self.line(psid, with_mid, [say("line.postback"), "Get started"], at)
            self.line(psid, without, ["Prices"], at)
        self.line(psid, without, ["Prices"], at + 1000)             # a second tap is a second line
        self.line(psid, {"postback": {"payload": "OLD"}}, [], at + 2000)
        self.assertEqual(len(self.texts(psid)), 4)
        self.assertIn("composer", self.open(psid).ids)             # a tap opens the window
        self.assertIn("Get started", self.line(self.psid(), with_mid | {"postback": {"mid": "m_P2", "title": "Get started"}}, []).text)

    def test_referral_in_seconds(self):
        psid, at = self.psid(), int(time.time() * 1000)
        self.post(message(psid, "m_ref", "hello", at))
        page = self.line(psid, {"referral": {"ref": "qr-shop", "source": "SHORTLINK", "type": "OPEN_THREAD"}}, ["qr-shop"],
                         at + 1000, seconds=True)
        stored = self.st.db("SELECT m.at FROM message m JOIN thread t ON t.id = m.thread_id WHERE t.psid = ? AND m.line > 0", psid)
        self.assertEqual(stored, [((at + 1000) // 1000 * 1000,)])
        self.assertIn("hello", page.by_id_text["t-%d" % self.st.thread(psid)])     # the list keeps the last real message

    def test_ad(self):
        psid = self.psid()
        self.post(message(psid, "m_ad", "from the ad", referral={"ref": "x", "source": "ADS", "type": "OPEN_THREAD",
                          "ad_id": "6045246247433", "ads_context_data": {"ad_title": "Tune-up 29 EUR"}}))
        source = self.st.db("SELECT source FROM thread WHERE psid = ?", psid)[0][0]
        self.assertEqual(json.loads(source)["ad_title"], "Tune-up 29 EUR")

    def test_others(self):
        order = {"products": [{"id": "33", "name": "Road frame", "unit_price": 749.0, "currency": "EUR", "quantity": 2}], "note": "red"}
        for more, words in (({"order": order}, [say("line.order"), "2 × Road frame (749 EUR)", "red"]),
                            ({"template": {"type": "coupon", "payload": "CP1", "coupon_code": "SPRING"}}, [say("line.coupon"), "SPRING"]),
                            ({"response_feedback": {"feedback": "Good response", "mid": "m_B1"}}, [say("line.feedback"), "Good response"]),
                            ({"messaging_feedback": {"feedback_screens": [{"screen_id": 0, "questions": {"q1": {
                                "type": "csat", "payload": "4", "follow_up": {"type": "free_form", "payload": "Fast answer"}}}}]}}, ["4 · Fast answer"]),
                            ({"optin": {"type": "notification_messages", "payload": "OFFER"}}, [say("line.optin"), "OFFER"]),
                            ({"referral": {"source": "ADS", "type": "LEAD_COMPLETE"}, "lead": {"data": [
                                {"question": "Your e-mail?", "answer": "liisa@example.net"}]}}, [say("line.lead"), "liisa@example.net"]),
                            ({"message": {"admin_text": "…handed the chat back…"}}, [say("line.admin"), "handed the chat back"]),
                            ({"message": {"mid": "m_lead", "text": "Lead summary: x"}, "hop_context": {
                                "app_id": 498721317747541, "metadata": "messenger_lead_gen_complete"}}, [say("line.lead"), "Lead summary: x"])):
            with self.subTest(list(more)[0]):
                self.line(self.psid(), more, words)

    def test_policy(self):
        at = int(time.time() * 1000)
        for action, want, when in (("warning", "warning", at), ("block", "block", at + 10), ("unblock", "", at + 30), ("block", "", at + 20)):
            self.post({"recipient": {"id": PAGE_A}, "timestamp": when, "policy_enforcement": {"action": action, "reason": "because"}})
            self.assertEqual(self.st.db("SELECT policy FROM page WHERE fb_id = ?", PAGE_A), [(want,)])

    def test_page_renamed(self):
        for value, page, want in (("Bramble <b>Repairs</b> Oy", PAGE_B, "Bramble <b>Repairs</b> Oy"), ("", PAGE_B, "Bramble <b>Repairs</b> Oy")):
            body = {"object": "page", "entry": [{"id": page, "time": int(time.time()), "changes": [{"field": "name", "value": value}]}]}
            self.assertEqual(self.st.hook(meta_json(body)), 200)
            self.assertEqual(self.st.db("SELECT name FROM page WHERE fb_id = ?", page), [(want,)])


class Outgoing(Case):
    def test_echoes(self):
        psid, at = self.psid(), int(time.time() * 1000)
        self.post(message(psid, "m_in", "question", at))
        table = (("Page inbox", {"app_id": INBOX_APP}, True), ("the other documented id", {"app_id": "263902037430900"}, True),
                 ("no app", {}, True), ("a bot", {"app_id": BOT, "metadata": "pd:out:forged"}, True),
                 ("our app, not our row", {"app_id": int(APP_ID), "metadata": "pd:out:nobody"}, False),
                 ("our app, text id", {"app_id": APP_ID}, False))
        for i, (name, more, external) in enumerate(table):
            with self.subTest(name):
                mid = "m_echo.%d" % i
                self.post(message(psid, mid, "answer %d" % i, at + 1000 * (i + 1), echo=True, **more))
                self.assertIn("answer %d" % i, self.bubble(psid, mid))
                origin = self.st.db("SELECT dir, origin <> 1 FROM message WHERE mid = ?", mid)
                self.assertEqual(origin, [(1, int(external))])
        self.assertIn(say("msg.external"), self.open(psid).text)
        self.assertEqual(len(self.texts(psid)), 1 + len(table))

    def test_echo_first_of_all(self):
        psid = self.psid()
        self.post(message(psid, "m_first", "hello, we saw your order", echo=True, app_id=INBOX_APP))
        page = self.open(psid)
        self.assertIn("hello, we saw your order", page.text)
        self.assertIn(say("closed.never"), page.text)
        self.assertNotIn("composer", page.ids)

    def test_deliveries_and_reads(self):
        psid, at = self.psid(), int(time.time() * 1000)
        shell = message(psid, "x", at=at)
        shell.pop("message")
        self.post(message(psid, "m_q", "q", at))
        for i in range(3):
            self.post(message(psid, "m_out.%d" % i, "out %d" % i, at + 1000 * (i + 1), echo=True, app_id=int(APP_ID)))
        marks = lambda: [next((w for w in (say("state.sent"), say("state.delivered"), say("state.read")) if w in self.bubble(psid, "m_out.%d" % i)), "") for i in range(3)]
        self.assertEqual(marks(), [say("state.sent")] * 3)
        self.post({k: v for k, v in shell.items() if k != "timestamp"} | {"delivery": {"mids": ["m_out.1"], "watermark": at + 2000}})
        self.assertEqual(marks(), [say("state.delivered"), say("state.delivered"), say("state.sent")])
        self.post(dict(shell, read={"watermark": at + 1000}))
        self.assertEqual(marks(), [say("state.read"), say("state.delivered"), say("state.sent")])
        self.post(dict(shell, read={"watermark": at + 500}), dict(shell, delivery={"watermark": at + 100}))     # never backwards
        self.assertEqual(marks(), [say("state.read"), say("state.delivered"), say("state.sent")])
        self.post(dict(shell, timestamp=at + 9, read={"watermark": str(at + 3000)}))
        self.assertEqual(marks(), [say("state.read")] * 3)
        # A mark also covers what comes later with an older time.
        self.post(message(psid, "m_late", "late", at + 1500, echo=True, app_id=int(APP_ID)))
        self.assertIn(say("state.read"), self.bubble(psid, "m_late"))

    def test_read_does_not_open_the_window(self):
        psid, at = self.psid(), int(time.time() * 1000)
        self.post(message(psid, "m_old", "old", at - 100_000_000))
        shell = message(psid, "x", at=at)
        shell.pop("message")
        self.post(dict(shell, read={"watermark": at}))
        self.assertNotIn("composer", self.open(psid).ids)

    def test_standby_and_control(self):
        psid, at = self.psid(), int(time.time() * 1000)
        held = say("closed.other_app")
        self.post(message(psid, "m_s1", "to the bot", at), message(psid, "m_s2", "I am a bot", at + 1, echo=True, app_id=BOT), array="standby")
        page = self.open(psid)
        for w in ("to the bot", "I am a bot", held):
            self.assertIn(w, page.text)
        self.assertNotIn("composer", page.ids)
        shell = message(psid, "x", at=at + 1000)
        shell.pop("message")
        for i, (more, free) in enumerate((
                ({"pass_thread_control": {"previous_owner_app_id": BOT, "new_owner_app_id": int(APP_ID)}}, True),
                ({"take_thread_control": {"previous_owner_app_id": APP_ID, "new_owner_app_id": str(INBOX_APP)}}, False),
                ({"release_thread_control": {}}, True),
                ({"pass_thread_control": {"new_owner_app_id": BOT}}, False),
                ({"pass_thread_control": {"new_owner_app_id": None}}, True))):
            with self.subTest(more):
                self.post(dict(shell, timestamp=at + 1000 + i, **more))
                self.assertEqual("composer" in self.open(psid).ids, free)
        self.post(dict(shell, timestamp=at + 500, pass_thread_control={"new_owner_app_id": BOT}))      # late: older than the last
        self.assertIn("composer", self.open(psid).ids)
        # Our app gets messages again: we may write.
        self.post(message(psid, "m_s3", "bot again", at + 5000), array="standby")
        self.assertNotIn("composer", self.open(psid).ids)
        self.post(message(psid, "m_s4", "to us", at + 6000))
        self.assertIn("composer", self.open(psid).ids)


class People(Case):
    def name(self, psid):
        return self.open(psid).by_id_text["conv-name"]

    def test_name_and_picture_come_later(self):
        st = self.st
        fault = st.fault({"endpoint": "fb.profile"}, times=0, status=400, body={"error": {
            "message": "(#100) no", "type": "OAuthException", "code": 100, "error_subcode": 2018247}})
        st.customer("who am I?", psid=LIISA)
        until(lambda: st.requests(endpoint="fb.profile"))
        self.assertEqual(self.name(LIISA), say("name.unknown", digits="1205"))
        self.assertEqual(self.b.get("/avatar/%d" % st.thread(LIISA)).status, 404)
        st.control("faults/clear", {"id": fault})
        st.clock(25 * 3600 * 1000)
        st.sync()
        self.assertEqual(self.name(LIISA), "Liisa Virtanen")
        r = self.b.get("/avatar/%d" % st.thread(LIISA))
        self.assertEqual((r.status, r.header("Content-Type")), (200, "image/png"))
        self.assertTrue(r.body.startswith(b"\x89PNG"))
        st.clock(0)

    def test_no_profile_at_all(self):
        st = self.st
        psid = st.control("customer/new", {"page": PAGE_A, "name": "Kadri Tamm", "profile_error": 2018218, "no_name": True})["psid"]
        st.customer("phone account", psid=psid)
        until(lambda: [r for r in st.requests(endpoint="fb.profile") if psid in r["path"]])
        self.assertEqual(self.name(psid), say("name.unknown", digits=psid[-4:]))
        before = len(st.requests(endpoint="fb.profile"))
        st.customer("again", psid=psid)
        st.sync()
        self.assertEqual(len([r for r in st.requests(endpoint="fb.profile")[before:] if psid in r["path"]]), 0)

    def test_name_without_picture(self):
        psid = self.st.control("customer/new", {"page": PAGE_A, "name": "Ann Lee"})["psid"]
        self.st.control("config", {"switches": {"media_ttl": -10}})
        self.addCleanup(self.st.control, "config", {"switches": {"media_ttl": 86400}})
        self.st.customer("hi", psid=psid)
        self.fetched(lambda: self.st.db("SELECT 1 FROM thread WHERE psid = ? AND name = 'Ann Lee'", psid))
        self.assertEqual(self.name(psid), "Ann Lee")
        self.assertEqual(self.b.get("/avatar/%d" % self.st.thread(psid)).status, 404)


class Files(Case):
    def fetch(self, *attachments, psid=JAAN, browser=None):
        """Send them; the answers of /media, when all files are here."""
        mid = self.st.customer(None, psid=psid, attachments=list(attachments))
        key = lambda: self.st.db("SELECT a.thread_id, a.msg_id, a.n FROM attachment a JOIN message m ON m.thread_id = a.thread_id"
                                 " AND m.id = a.msg_id WHERE m.mid = ? AND a.file IS NOT NULL ORDER BY a.n", mid)
        self.rows = self.fetched(lambda: key() if len(key()) == len(attachments) else None)
        self.page = self.open(psid)
        return [(browser or self.b).get("/media/%d/%d/%d" % r) for r in self.rows]

    def data(self, kind, name, mime, content):
        return {"type": kind, "name": name, "mime": mime, "data": base64.b64encode(content).decode()}

    def test_pictures_and_sounds(self):
        for att, mime, tag in (({"type": "image", "picture": "bicycle"}, "image/png", "img"), ({"type": "audio"}, "audio/", "audio"),
                               ({"type": "sticker", "sticker_id": 77}, "image/", "img"),
                               (self.data("video", "v.mp4", "video/mp4", b"\0\0\0\x18ftypmp42" + b"\0" * 64), "video/mp4", "video"),
                               (self.data("image", "w.jpg", "image/jpeg", b"\xff\xd8\xff\xe0" + b"\0" * 64), "image/jpeg", "img")):
            with self.subTest(att.get("type")):
                r = self.fetch(att)[0]
                self.assertEqual(r.status, 200)
                self.assertTrue(r.header("Content-Type").startswith(mime), r.header("Content-Type"))
                self.assertIsNone(r.header("Content-Disposition"))
                self.guarded(r)
                src = "/media/%d/%d/%d" % self.rows[0]
                self.assertIn(src, [a.get("src") for t, a in self.page.tags if t == tag])

    def guarded(self, r):
        self.assertEqual(r.header("X-Content-Type-Options"), "nosniff")
        self.assertIn("sandbox", r.header("Content-Security-Policy"))
        self.assertIn("default-src 'none'", r.header("Content-Security-Policy"))
        self.assertIn("private", r.header("Cache-Control"))

    def test_what_could_act_is_a_download(self):
        svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
        html = b"<!DOCTYPE html><script>alert(1)</script>"
        for att, name in ((self.data("image", "a.svg", "image/svg+xml", svg), None), (self.data("file", "a.html", "text/html", html), "a.html"),
                          (self.data("image", "b.html", "text/html", html), None), (self.data("file", "p.pdf", "application/pdf", b"%PDF-1.4 x"), "p.pdf"),
                          (self.data("image", "x.jpg", "image/jpeg", html), None), (self.data("file", "js.js", "text/javascript", b"alert(1)"), "js.js"),
                          (self.data("video", "v.html", "video/mp4", html), None)):
            with self.subTest(att["name"]):
                r = self.fetch(att)[0]
                self.assertEqual((r.status, r.header("Content-Type")), (200, "application/octet-stream"))
                self.assertTrue(r.header("Content-Disposition").startswith("attachment;"), r.header("Content-Disposition"))
                if name:
                    self.assertIn('filename="%s"' % name, r.header("Content-Disposition"))
                self.guarded(r)
                self.assertNotIn("/media/%d/%d/%d" % self.rows[0], [a.get("src") for _, a in self.page.tags])

    def test_names_that_would_break_a_header(self):
        r = self.fetch(self.data("file", 'a"\r\nSet-Cookie: x=y;\u202egpj.exe', "application/x", b"MZ12"))[0]
        self.assertEqual(r.status, 200)
        self.assertNotIn("x=y", str(r.header("Set-Cookie")))
        self.assertNotIn("%E2%80%AE", r.header("Content-Disposition"))

    def test_ranges(self):
        content = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40
        self.fetch(self.data("image", "r.jpg", "image/jpeg", content))
        url = "/media/%d/%d/%d" % self.rows[0]
        for spec, status, want in (("bytes=0-3", 206, content[:4]), ("bytes=-5", 206, content[-5:]), ("bytes=10000-", 206, content[10000:]),
                                   ("bytes=99999999-", 416, None), ("lines=1-2", 200, content)):
            r = self.b.get(url, headers={"Range": spec})
            self.assertEqual(r.status, status, spec)
            if want is not None:
                self.assertEqual(r.body, want, spec)
        head = self.b.request("HEAD", url)
        self.assertEqual((head.status, head.body, head.header("Content-Length")), (200, b"", str(len(content))))

    def test_expired_address_is_renewed(self):
        """The webhook waited too long: its address is dead, Facebook has a fresh one."""
        st = self.st
        st.control("deliver", {"hold": True})
        st.control("config", {"switches": {"media_ttl": -10}})
        mid = st.control("customer/write", {"page": PAGE_B, "psid": LIISA_B, "attachments": [{"type": "image", "picture": "cat"}]})["mid"]
        st.control("config", {"switches": {"media_ttl": 86400}})
        st.control("deliver", {"hold": False})
        st.control("flush", {})
        file = self.fetched(lambda: st.db("SELECT a.file FROM attachment a JOIN message m ON m.id = a.msg_id"
                                   " WHERE m.mid = ? AND a.file IS NOT NULL", mid))[0][0]
        self.assertNotEqual(file, "")
        self.assertNotIn(say("att.gone"), self.bubble(LIISA_B, mid))

    def test_file_that_is_gone(self):
        st = self.st
        st.control("config", {"switches": {"media_ttl": -10}})
        self.addCleanup(st.control, "config", {"switches": {"media_ttl": 86400}})
        mid = st.customer(None, psid=JAAN, attachments=[{"type": "image", "picture": "cat"}])
        self.fetched(lambda: st.db("SELECT 1 FROM attachment a JOIN message m ON m.id = a.msg_id WHERE m.mid = ? AND a.file = ''", mid))
        self.assertIn(say("att.gone"), self.bubble(JAAN, mid))

    def test_foreign_hosts_are_not_asked(self):
        before = len(self.st.requests())
        psid = self.psid()
        for i, url in enumerate((CDN, "http://localhost:%d/x" % self.st.port, "http://127.0.0.1.example.net/x",
                                 "http://user@127.0.0.1@evil.example/x", "file:///etc/passwd", "http://[::1]/x")):
            self.post(message(psid, "m_ssrf.%d" % i, attachments=[{"type": "image", "payload": {"url": url}}]))
        self.fetched(lambda: not self.st.db("SELECT 1 FROM attachment WHERE fetch_at > 0"))
        self.assertEqual(self.st.db("SELECT DISTINCT coalesce(file, '') FROM attachment a JOIN thread t ON t.id = a.thread_id"
                                    " WHERE t.psid = ?", psid), [("",)])
        self.assertFalse([r for r in self.st.requests()[before:] if "/x" in r["path"]])


if __name__ == "__main__":
    unittest.main()
