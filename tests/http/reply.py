# SPDX-License-Identifier: MIT
"""reply - a reply arrives at the customer exactly once, or its writer learns why not.

Proved: double clicks, order, refusals before anything is stored; the reply
window with and without Human Agent; the echo before, after and without the
answer of Facebook; answers that are lost in each possible way, found again by
the echo or by reading the conversation, and sent again only after evidence of
absence; refusals, throttles, dead tokens and reconnecting; workers that die
while they send; marks for delivered and read.
"""
import concurrent.futures
import re
import time
import unittest

from stand import (ACME, ANNA, LIISA, PAGE_A, PAGE_B, PEETER, Replies, Stand, say, until)

SLOW = 110

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


class Case(Replies, unittest.TestCase):
    conf, switches = {}, {}

    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand(conf=cls.conf))
        if cls.switches:
            cls.st.control("config", {"switches": cls.switches})
        cls.b = cls.st.connect("shared")
        cls.ahead = 0

    def setUp(self):
        self.st.control("faults/clear", {})
        self.st.control("deliver", {"hold": False, "drop": 0, "duplicates": 0})

    def later(self, ms):
        type(self).ahead += ms
        self.st.clock(self.ahead)

    def from_an_ad(self, page=PAGE_A):
        """Somebody new, by a click on an ad and a message after it."""
        psid = self.st.control("customer/new", {"page": page, "name": "Kim Clicker"})["psid"]
        self.st.control("customer/referral", {"page": page, "psid": psid, "referral": {
            "ref": "spring", "source": "ADS", "type": "OPEN_THREAD", "ad_id": "6045246247433"}})
        self.st.customer("about the ad", psid=psid, page=page)
        return psid, until(lambda: self.st.db("SELECT id FROM thread WHERE psid = ? AND ad_at > 0", psid))[0][0]

    def customer(self, page=PAGE_A, text="hello", **more):
        """Somebody new has written; the PSID and the thread."""
        psid = self.st.control("customer/new", dict({"page": page, "name": "Kim Tester"}, **more))["psid"]
        self.st.customer(text, psid=psid, page=page)
        return psid, until(lambda: self.st.thread(psid))

    def sends(self, psid=None):
        return [r for r in self.st.requests(endpoint="fb.send") if psid is None or (r["json"] or {}).get("recipient", {}).get("id") == psid]

    def conversation(self, thread, b=None):
        return (b or self.b).get("/inbox/%d" % thread).page

    def bubbles(self, thread, text):
        """How often the text stands in the conversation."""
        return [t for _, t in self.log(thread)].count(text)

    def log(self, thread):
        return self.st.db("SELECT dir, coalesce(text, '') FROM message WHERE thread_id = ? ORDER BY at, id", thread)

    def settled(self, psid, thread, *texts, page=PAGE_A):
        """All of them sent, each once at the customer and once in the conversation, in that order."""
        self.wait_state(thread, *["sent"] * len(texts))
        self.st.delivered()
        self.assertEqual(self.st.arrived(psid, page), list(texts))
        self.assertEqual([t for d, t in self.log(thread) if d], list(texts))
        page_now = self.conversation(thread)
        self.assertNotIn(say("state.failed"), page_now.text)
        self.assertNotIn(say("state.checking"), page_now.text)

    def lose(self, how):
        """The next send: done at Facebook or not, but the answer does not come as it should."""
        self.st.fault({"endpoint": "fb.send"}, times=1, **how)


LOST = {
    "cut after": {"cut": "after"},
    "cut during": {"cut": "during"},
    "status 500": {"status": 500, "work": True, "body": "<html>oops</html>"},
    "status 502, empty": {"status": 502, "work": True},
    "error 1": {"status": 400, "work": True, "body": {"error": {"message": "An unknown error", "code": 1, "type": "OAuthException"}}},
    "error 1/1357046": {"status": 400, "work": True, "body": {"error": {"message": "Received invalid JSON reply", "code": 1, "error_subcode": 1357046}}},
    "error 2": {"status": 400, "work": True, "body": {"error": {"message": "temporary", "code": 2}}},
    "error -1": {"status": 400, "work": True, "body": {"error": {"message": "internal", "code": -1}}},
    "200 without a message id": {"status": 200, "work": True, "body": {"recipient_id": "1"}},
    "200 with no JSON": {"status": 200, "work": True, "body": "OK"},
}


class Sending(Case):
    def test_once(self):
        psid, thread = self.customer()
        r = self.st.reply(self.b, thread, "Yes, two left.\r\nShall I keep one?")
        self.assertEqual((r.status, r.url.split("?")[0]), (200, self.st.url + "/inbox/%d" % thread))
        self.settled(psid, thread, "Yes, two left.\nShall I keep one?")
        sent = self.sends(psid)
        self.assertEqual(len(sent), 1)
        self.assertEqual(sent[0]["json"]["messaging_type"], "RESPONSE")
        self.assertNotIn("tag", sent[0]["json"])
        self.assertTrue(sent[0]["json"]["message"]["metadata"].startswith("pd:out:"))
        self.assertTrue(sent[0]["headers"]["authorization"].startswith("Bearer "))
        self.assertIn(PAGE_A, sent[0]["path"])

    def test_page_b_by_its_own_token(self):
        psid, thread = self.customer(page=PAGE_B)
        self.st.reply(self.b, thread, "from Repairs")
        self.settled(psid, thread, "from Repairs", page=PAGE_B)
        self.assertIn(PAGE_B, self.sends(psid)[0]["path"])

    def test_same_form_again(self):
        psid, thread = self.customer()
        form = self.b.get("/inbox/%d" % thread)
        for _ in range(3):
            self.assertEqual(self.b.submit(form, "/reply", {"text": "once"}).status, 200)
        self.settled(psid, thread, "once")
        self.b.submit(form, "/reply", {"text": "once, a day later"})
        self.settled(psid, thread, "once")

    def test_same_form_at_the_same_moment(self):
        psid, thread = self.customer()
        form = self.b.get("/inbox/%d" % thread)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda _: self.b.submit(form, "/reply", {"text": "double click"}, follow=False).status, range(8)))
        self.assertEqual(set(got), {303})
        self.settled(psid, thread, "double click")

    def test_order(self):
        psid, thread = self.customer()
        texts = ["part %d" % i for i in range(8)]
        self.st.fault({"endpoint": "fb.send"}, times=3, delay_ms=300)
        for t in texts:
            self.st.reply(self.b, thread, t)
        self.settled(psid, thread, *texts)

    def test_many_conversations_and_people_at_once(self):
        people = [self.customer() for _ in range(6)]
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda p: self.st.reply(self.b, p[1], "for " + p[0]), people))
        for psid, thread in people:
            self.settled(psid, thread, "for " + psid)

    def test_length(self):
        psid, thread = self.customer()
        kept = []
        for text, fits in (("x" * 2000, True), ("x" * 2001, False), ("😀" * 1000, True), ("😀" * 1000 + "x", False),
                           ("é" * 2000, True), ("漢" * 2001, False), ("😀" * 1500, False)):
            with self.subTest("%s * %d" % (text[:2], len(text))):
                r = self.st.reply(self.b, thread, text)
                self.assertEqual(r.status, 200 if fits else 422)
                if fits:
                    kept.append(text)
                    self.wait_state(thread, *["sent"] * len(kept))
                else:
                    self.assertIn(say("ask.as_parts", n="2"), r.page.text)
                    self.assertIn(text + "</textarea>", r.text)
                    # The kept text can be shortened and sent from the page that came.
                    self.assertIn("key", r.page.form_to("/reply")["fields"])
        self.assertEqual(self.st.arrived(psid), kept)

    def test_blank(self):
        psid, thread = self.customer()
        for text in ("", " ", "\r\n \t", "\u3000", "\u00a0"):
            with self.subTest(repr(text)):
                r = self.st.reply(self.b, thread, text)
                self.assertEqual(r.status, 422)
                self.assertIn(say("problem.reply_empty"), r.page.text)
        self.assertEqual(self.state(thread), [])
        self.assertEqual(self.st.arrived(psid), [])

    def test_bad_forms(self):
        _, thread = self.customer()
        form = self.b.get("/inbox/%d" % thread).page.form_to("/reply")["fields"]
        for change, status in (({"key": "short"}, 400), ({"key": "k" * 65}, 400), ({"key": "'; DROP TABLE--------"}, 400),
                               ({"key": None}, 400), ({"text": None}, 400)):
            with self.subTest(change):
                fields = {k: v for k, v in {**form, "text": "x", **change}.items() if v is not None}
                self.assertEqual(self.b.post("/inbox/%d/reply" % thread, fields).status, status)
        for bad in ("0", "-1", "999999", "1x", "%31%00", "9" * 30):
            self.assertIn(self.b.post("/inbox/%s/reply" % bad, dict(form, text="x")).status, (400, 404), bad)
        self.assertEqual(self.state(thread), [])

    def test_colleague(self):
        """Two people in one conversation: both replies go, each under its writer's name."""
        psid, thread = self.customer()
        peeter, _ = self.st.sign_in(user=PEETER)
        self.st.reply(self.b, thread, "Maria here")
        self.wait_state(thread, "sent")
        self.st.reply(peeter, thread, "Peeter here")
        self.settled(psid, thread, "Maria here", "Peeter here")
        self.assertIn("Maria Tamm", self.conversation(thread, peeter).text)
        self.assertIn("Peeter Saar", self.conversation(thread).text)

    def test_marks(self):
        psid, thread = self.customer(online=False)
        self.st.control("config", {"switches": {"auto_delivery": False}})
        self.addCleanup(self.st.control, "config", {"switches": {"auto_delivery": True}})
        self.st.reply(self.b, thread, "marked")
        self.settled(psid, thread, "marked")
        msg = "m-%d" % self.st.db("SELECT id FROM message WHERE thread_id = ? AND dir = 1", thread)[0][0]
        for call, word in ((None, "state.sent"), ("customer/delivered", "state.delivered"), ("customer/read", "state.read")):
            if call:
                self.st.control(call, {"page": PAGE_A, "psid": psid})
                self.st.delivered()
            self.assertIn(say(word), self.conversation(thread).by_id_text[msg])


class Echo(Case):
    def test_before_the_answer(self):
        self.st.control("config", {"switches": {"echo_first": True}})
        self.addCleanup(self.st.control, "config", {"switches": {"echo_first": False}})
        psid, thread = self.customer()
        for i in range(3):
            self.st.reply(self.b, thread, "quick %d" % i)
        self.settled(psid, thread, *["quick %d" % i for i in range(3)])

    def test_never(self):
        psid, thread = self.customer()
        self.st.control("deliver", {"drop": True})
        self.st.reply(self.b, thread, "no echo")
        self.settled(psid, thread, "no echo")
        self.st.control("deliver", {"drop": 0})
        # A comparison later finds it once more, and it stays one.
        self.later(11 * MINUTE)
        self.st.sync()
        self.later(11 * MINUTE)
        self.st.sync()
        self.settled(psid, thread, "no echo")

    def test_many_times(self):
        psid, thread = self.customer()
        self.st.control("deliver", {"duplicates": 3, "parallel": True})
        self.st.reply(self.b, thread, "four echoes")
        self.settled(psid, thread, "four echoes")

    def test_forged_metadata_settles_nothing(self):
        """Another app, and another Page, may write anything into metadata."""
        psid, thread = self.customer()
        self.lose({"cut": "before"})
        self.st.control("deliver", {"drop": True})
        self.st.reply(self.b, thread, "ours")
        self.wait_state(thread, "checking")
        self.st.control("deliver", {"drop": 0})
        token = self.st.db("SELECT token FROM outbox WHERE thread_id = ?", thread)[0][0]
        self.st.control("page/write", {"page": PAGE_A, "psid": psid, "text": "by a bot", "app_id": "442200119988776", "metadata": token})
        other, _ = self.customer(page=PAGE_B)
        self.st.control("page/write", {"page": PAGE_B, "psid": other, "text": "other Page", "app_id": "881240037712345", "metadata": token})
        self.st.delivered()
        self.assertEqual(self.state(thread), ["checking"])


class Lost(Case):
    """Facebook has sent it, but the answer did not come through."""

    def test_settled_by_the_echo(self):
        for name, how in LOST.items():
            with self.subTest(name):
                psid, thread = self.customer()
                self.st.control("deliver", {"hold": True})
                self.lose(how)
                self.st.reply(self.b, thread, "lost: " + name)
                self.wait_state(thread, "checking")
                page = self.conversation(thread)
                self.assertIn(say("state.checking"), page.text)
                self.assertNotIn(say("state.failed"), page.text)
                self.st.control("deliver", {"hold": False})
                self.st.control("flush", {})
                self.settled(psid, thread, "lost: " + name)
                self.assertEqual(len(self.sends(psid)), 1)

    def test_settled_by_reading_the_conversation(self):
        self.st.control("deliver", {"drop": 0})
        people = []
        for name, how in LOST.items():
            psid, thread = self.customer()
            self.st.control("deliver", {"drop": True})
            self.lose(how)
            self.st.reply(self.b, thread, "read: " + name)
            self.wait_state(thread, "checking")
            self.st.control("deliver", {"drop": 0})
            people.append((psid, thread, "read: " + name))
        for _ in range(3):
            self.later(61_000)
            self.st.sync()
        for psid, thread, text in people:
            with self.subTest(text):
                self.settled(psid, thread, text)
                self.assertEqual(len(self.sends(psid)), 1)

    def test_those_behind_it_wait(self):
        psid, thread = self.customer()
        self.st.control("deliver", {"hold": True})
        self.lose(LOST["cut after"])
        self.st.reply(self.b, thread, "first")
        self.wait_state(thread, "checking")
        self.st.reply(self.b, thread, "second")
        self.st.sync(2)
        self.assertEqual(self.state(thread), ["checking", "queued"])
        self.assertEqual(self.st.arrived(psid), ["first"])
        self.st.control("deliver", {"hold": False})
        self.st.control("flush", {})
        self.st.delivered()
        self.st.sync(5)
        self.settled(psid, thread, "first", "second")

    def test_a_comparison_sees_it_before_the_look(self):
        """Without our id the copy looks like somebody else's message; it is still ours."""
        psid, thread = self.customer()
        self.later(11 * MINUTE)
        self.st.sync()
        self.later(10 * MINUTE - 20_000)
        self.st.control("deliver", {"drop": True})
        self.lose(LOST["cut after"])
        self.st.reply(self.b, thread, "seen early")
        self.wait_state(thread, "checking")
        self.st.control("deliver", {"drop": 0})
        reads = len(self.st.requests(endpoint="fb.messages"))
        self.later(45_000)
        self.st.sync()
        self.assertGreater(len(self.st.requests(endpoint="fb.messages")), reads)
        for _ in range(4):
            self.later(61_000)
            self.st.sync()
        self.settled(psid, thread, "seen early")
        self.assertEqual(len(self.sends(psid)), 1)

    def test_same_words_said_before_are_no_evidence(self):
        psid, thread = self.customer()
        self.st.reply(self.b, thread, "ok")
        self.wait_state(thread, "sent")
        self.st.delivered()
        self.lose({"cut": "before"})
        self.st.reply(self.b, thread, "ok")
        self.wait_state(thread, "sent", "checking")
        for _ in range(4):
            self.later(61_000)
            self.st.sync()
        self.settled(psid, thread, "ok", "ok")

    def test_same_words_from_the_page_inbox(self):
        """Somebody sends the same words on Facebook while ours is open: that one is known, ours goes again."""
        psid, thread = self.customer()
        self.lose({"cut": "before"})
        self.st.reply(self.b, thread, "same words")
        self.wait_state(thread, "checking")
        self.st.control("page/write", {"page": PAGE_A, "psid": psid, "text": "same words"})
        self.st.delivered()
        for _ in range(4):
            self.later(61_000)
            self.st.sync()
        self.wait_state(thread, "sent")
        self.st.delivered()
        self.assertEqual(self.st.arrived(psid), ["same words"] * 2)
        self.assertEqual(self.bubbles(thread, "same words"), 2)


class NotSent(Case):
    """Facebook has not sent it, and did not say so."""
    NOT = {"cut before": {"cut": "before"}, "status 500": {"status": 500}, "error 2": {"status": 400, "body": {"error": {"message": "t", "code": 2}}}}

    def test_goes_again_after_evidence(self):
        people = []
        for name, how in self.NOT.items():
            psid, thread = self.customer()
            self.lose(how)
            self.st.reply(self.b, thread, "again: " + name)
            self.wait_state(thread, "checking")
            people.append((psid, thread, "again: " + name))
        # One look is not enough.
        self.later(61_000)
        self.st.sync()
        for psid, thread, _ in people:
            self.assertEqual(self.state(thread), ["checking"])
            self.assertEqual(self.st.arrived(psid), [])
        for _ in range(3):
            self.later(61_000)
            self.st.sync()
        for psid, thread, text in people:
            with self.subTest(text):
                self.settled(psid, thread, text)
                self.assertEqual(len(self.sends(psid)), 2)

    def test_not_before_facebook_can_be_asked(self):
        """While the conversation cannot be read there is no evidence."""
        psid, thread = self.customer()
        self.lose({"cut": "before"})
        self.st.reply(self.b, thread, "patience")
        self.wait_state(thread, "checking")
        self.st.fault({"endpoint": "fb.messages"}, times=0, status=500)
        self.st.fault({"endpoint": "fb.conversations"}, times=0, status=500)
        for _ in range(4):
            self.later(2 * MINUTE)
            self.st.sync(5)
        self.assertEqual((self.state(thread), self.st.arrived(psid)), (["checking"], []))
        self.st.control("faults/clear", {})
        for _ in range(4):
            self.later(2 * MINUTE)
            self.st.sync()
        self.settled(psid, thread, "patience")

    def test_facebook_cannot_be_reached(self):
        """Refused connections: surely not sent, so it is sent as soon as somebody answers."""
        psid, thread = self.customer()
        self.st.end(self.st.sandbox_proc)
        self.st.reply(self.b, thread, "no line")
        self.wait_state(thread, "deferred")
        self.st.restart_sandbox()
        self.st.clock(self.ahead)
        self.later(30_000)
        self.st.sync()
        self.settled(psid, thread, "no line")

    def test_worker_dies_while_it_sends(self):
        psid, thread = self.customer()
        self.st.control("deliver", {"drop": True})
        self.lose({"delay_ms": 1500, "work": True})
        self.st.reply(self.b, thread, "last words")
        self.wait_state(thread, "sending")
        until(lambda: self.st.control("faults")["faults"][0]["hits"])
        self.st.kill_workers()
        until(lambda: self.st.arrived(psid) == ["last words"])
        self.st.control("deliver", {"drop": 0})
        self.assertEqual(self.state(thread), ["sending"])
        for _ in range(4):
            self.later(2 * MINUTE)
            self.st.sync()
        self.settled(psid, thread, "last words")
        self.assertEqual(len(self.sends(psid)), 1)

    def test_worker_dies_before_it_sends(self):
        psid, thread = self.customer()
        self.st.kill_workers()
        self.st.fault({"endpoint": "fb.send"}, times=1, delay_ms=1500, cut="before")
        self.st.reply(self.b, thread, "never left")
        self.wait_state(thread, "sending")
        until(lambda: self.st.control("faults")["faults"][0]["hits"])
        self.st.kill_workers()
        for _ in range(5):
            self.later(2 * MINUTE)
            self.st.sync()
        self.settled(psid, thread, "never left")


class Refused(Case):
    # Code, subcode, sentence, who can help, and whether the same words may go again now.
    REFUSALS = ((551, None, "error.fb.person", None, True), (200, 1545041, "error.fb.person", None, True),
                (100, 2018001, "error.fb.no_user", None, False), (10, 2018278, "error.fb.window", None, False),
                (10, 2018300, "error.fb.other_app", "help.page_admin", True), (100, None, "error.fb.request", "help.host", True),
                (200, 2018028, "error.fb.app_live", "help.host", False), (506, None, "error.fb.duplicate", "help.agent", False),
                (10, None, "error.fb.permission", "help.page_admin", False))

    def refuse(self, code, subcode=None, status=400, times=1, **more):
        error = {"message": "(#%d) no" % code, "type": "OAuthException", "code": code, "fbtrace_id": "Aabc"}
        if subcode:
            error["error_subcode"] = subcode
        self.st.fault({"endpoint": "fb.send"}, times=times, status=status, body={"error": error}, **more)

    def test_failed_with_a_sentence_and_retry(self):
        anna, _ = self.st.sign_in(user=ANNA)
        for code, subcode, key, who, again in self.REFUSALS:
            with self.subTest((code, subcode)):
                psid, thread = self.customer()
                self.refuse(code, subcode)
                self.st.reply(self.b, thread, "try me")
                self.wait_state(thread, "failed")
                r = self.b.get("/inbox/%d" % thread)
                log = r.page.by_id_text["log"]
                for words in (say("state.failed"), say(key), say("msg.edit"), say("msg.dismiss")) + ((say(who),) if who else ()):
                    self.assertIn(words, log)
                for other in ("agent", "page_admin", "host"):
                    if who != "help." + other:
                        self.assertNotIn(say("help." + other), log)
                self.assertEqual(say("msg.retry") in log, again)
                # The button that helps, for those who may press it.
                self.assertEqual(say("way.reconnect") in log, key == "error.fb.permission")
                self.assertNotIn(say("way.reconnect"), self.conversation(thread, anna).by_id_text["log"])
                self.assertIn(say("row.failed"), r.page.by_id_text["t-%d" % thread])
                self.assertEqual(self.st.arrived(psid), [])
                if key in ("error.fb.window", "error.fb.no_user"):
                    # The customer's next word changes that.
                    self.st.customer("me again", psid=psid)
                    until(lambda: (0, "me again") in self.log(thread))
                    r = self.b.get("/inbox/%d" % thread)
                    again = True
                if not again:
                    # Written anew; what is sent also ends a row of refusals.
                    self.b.submit(self.b.get(r.page.link_to("?edit=")), "/reply", {"text": "other words"})
                    self.wait_state(thread, "cancelled", "sent")
                    continue
                self.b.submit(r, "/retry/")
                self.b.submit(r, "/retry/")         # a double click
                self.settled(psid, thread, "try me")
                self.assertNotIn(say("row.failed"), self.b.get("/inbox").page.by_id_text["t-%d" % thread])
                self.b.submit(r, "/retry/")         # long after
                self.settled(psid, thread, "try me")

    def failed(self, text, **more):
        psid, thread = self.customer()
        self.refuse(2018144, **more)
        self.st.reply(self.b, thread, text)
        self.wait_state(thread, "failed")
        return psid, thread, self.b.get("/inbox/%d" % thread)

    def test_deleted(self):
        psid, thread, r = self.failed("not so nice")
        anna, _ = self.st.sign_in(user=ANNA)
        hers = anna.get("/inbox/%d" % thread)
        self.assertIn("not so nice", hers.page.by_id_text["log"])
        after = self.b.submit(r, "/dismiss/").page
        self.assertNotIn("not so nice", after.text)
        self.assertNotIn(say("state.failed"), after.text)
        self.assertNotIn(say("row.failed"), after.by_id_text["t-%d" % thread])
        self.assertIn("hello", after.by_id_text["t-%d" % thread])
        # Twice, by a colleague, and the old form once more: nothing happens.
        for b, form in ((self.b, r), (anna, hers)):
            for action in ("/dismiss/", "/reply"):
                self.assertEqual(b.submit(form, action, {"text": "not so nice"} if action == "/reply" and b is self.b else {"text": ""}).status,
                                 200 if action == "/dismiss/" or b is self.b else 422)
        self.st.reply(self.b, thread, "nicer")
        self.wait_state(thread, "cancelled", *["sent"] * (len(self.state(thread)) - 1))
        self.assertEqual(self.st.arrived(psid)[-1], "nicer")
        self.assertEqual(self.st.db("SELECT failed FROM thread WHERE id = ?", thread), [(0,)])

    def test_deleted_although_it_had_arrived(self):
        """Facebook said no and did it all the same: the echo that comes late brings it back, as sent."""
        self.st.control("deliver", {"hold": True})
        psid, thread = self.st.control("customer/new", {"page": PAGE_A, "name": "Kim Tester"})["psid"], None
        self.st.control("deliver", {"hold": False})
        self.st.customer("hello", psid=psid)
        thread = until(lambda: self.st.thread(psid))
        self.st.control("deliver", {"hold": True})
        self.refuse(551, work=True)
        self.st.reply(self.b, thread, "it was there")
        self.wait_state(thread, "failed")
        self.b.submit(self.b.get("/inbox/%d" % thread), "/dismiss/")
        self.assertNotIn("it was there", self.conversation(thread).text)
        self.st.control("deliver", {"hold": False})
        self.st.control("flush", {"order": "fifo"})
        self.st.delivered()
        self.settled(psid, thread, "it was there")
        page = self.conversation(thread)
        self.assertIn("it was there", page.by_id_text["log"])
        self.assertIn("it was there", page.by_id_text["t-%d" % thread])

    def test_edited_takes_its_place(self):
        psid, thread, r = self.failed("helo")
        edit = self.b.get(r.page.link_to("?edit="))
        self.assertRegex(edit.text, r">\s*helo</textarea>")
        self.assertIn(say("composer.replaces"), edit.page.text)
        # Refused before it is stored: it still takes the other's place.
        long = self.b.submit(edit, "/reply", {"text": "x" * 2001})
        self.assertEqual(long.status, 422)
        self.assertEqual(self.state(thread), ["failed"])
        self.b.submit(long, "/reply", {"text": "hello"})
        self.wait_state(thread, "cancelled", "sent")
        self.st.delivered()
        self.assertEqual(self.st.arrived(psid), ["hello"])
        page = self.conversation(thread)
        self.assertNotIn("helo", page.text)
        self.assertNotIn(say("row.failed"), page.text)
        # One that goes out meanwhile is no longer replaced.
        psid, thread, r = self.failed("first")
        edit = self.b.get(r.page.link_to("?edit="))
        self.b.submit(self.b.get("/inbox/%d" % thread), "/retry/") if say("msg.retry") in r.page.by_id_text["log"] else \
            self.b.post("/inbox/%d/retry/%d" % (thread, self.st.db("SELECT msg_id FROM outbox WHERE thread_id = ?", thread)[0][0]),
                        {"csrf": edit.page.form_to("/reply")["fields"]["csrf"]})
        self.wait_state(thread, "sent")
        self.b.submit(edit, "/reply", {"text": "second"})
        self.settled(psid, thread, "first", "second")

    def test_the_next_one_is_not_held_up(self):
        psid, thread = self.customer()
        self.refuse(551)
        self.st.reply(self.b, thread, "refused")
        self.wait_state(thread, "failed")
        self.st.reply(self.b, thread, "next")
        self.wait_state(thread, "failed", "sent")
        self.assertEqual(self.st.arrived(psid), ["next"])

    def test_really_blocked(self):
        psid, thread = self.customer()
        self.st.control("customer/update", {"page": PAGE_A, "psid": psid, "blocked": True})
        self.st.reply(self.b, thread, "hello?")
        self.wait_state(thread, "failed")
        self.assertIn(say("error.fb.person"), self.conversation(thread).text)

    def test_temporary(self):
        """1200 and is_transient: surely not sent, tried again by itself, given up in the end."""
        psid, thread = self.customer()
        self.refuse(1200, status=400)
        self.st.reply(self.b, thread, "soon")
        self.wait_state(thread, "deferred")
        self.later(30_000)
        self.st.sync()
        self.settled(psid, thread, "soon")
        psid, thread = self.customer()
        self.refuse(1200, times=0)
        self.st.reply(self.b, thread, "never")
        self.wait_state(thread, "deferred")
        for _ in range(8):
            self.later(45 * MINUTE)
            self.st.sync()
        self.assertEqual(self.state(thread), ["failed"])
        self.assertIn(say("error.fb.trouble"), self.conversation(thread).text)

    def test_throttled(self):
        for code in (613, 4, 32, 80006):
            with self.subTest(code):
                psid, thread = self.customer()
                self.refuse(code, status=400)
                self.st.reply(self.b, thread, "slow down")
                self.wait_state(thread, "deferred")
                page = self.conversation(thread)
                self.assertNotIn(say("state.failed"), page.text)
                # It waits, for what, and until when.
                self.assertNotIn(say("state.sending"), page.by_id_text["log"])
                waits = say("wait.soon", sentence=say("error.fb.limit")).split("{until}")[0]
                self.assertIn(waits, page.by_id_text["log"])
                until_when = re.sub(r"^.*?until ", "", page.by_id_text["window"].replace(page.by_id_text["left"], "").strip())
                self.assertIn(waits + until_when, page.by_id_text["log"])
                self.st.customer("still here?", psid=psid)
                self.assertIn((0, "still here?"), self.log(thread))
                self.st.sync(2)
                self.assertEqual(self.st.arrived(psid), [])
                self.later(2 * MINUTE)
                self.st.sync()
                self.settled(psid, thread, "slow down")

    def test_handled_by_another_app(self):
        psid, thread = self.customer()
        form = self.b.get("/inbox/%d" % thread)
        self.st.control("thread/control", {"page": PAGE_A, "psid": psid, "owner": "442200119988776"})
        self.st.delivered()
        page = self.conversation(thread)
        self.assertIn(say("closed.other_app"), page.text)
        self.assertNotIn("composer", page.ids)
        r = self.b.submit(form, "/reply", {"text": "too late <&>"})
        self.assertEqual(r.status, 409)
        self.assertIn("too late &lt;&amp;&gt;</textarea>", r.text)
        self.assertEqual(self.state(thread), [])


class Window(Case):
    """Human Agent is off, as it is by default."""
    switches = {"human_agent": True}

    def test_closed_after_a_day(self):
        psid, thread = self.customer()
        form = self.b.get("/inbox/%d" % thread)
        self.assertIn("composer", form.page.ids)
        self.later(25 * HOUR)
        page = self.conversation(thread)
        self.assertNotIn("composer", page.ids)
        # Why, since when, and what can be done.
        since = self.st.since(self.st.db("SELECT customer_at FROM thread WHERE id = ?", thread)[0][0] + DAY)
        for words in (say("closed.day"), say("closed.since", since=since), say("advice.wait"), say("conv.closed")):
            self.assertIn(words, page.text)
        before = len(self.sends())
        r = self.b.submit(form, "/reply", {"text": "by hand, 25 h later"})
        self.assertEqual(r.status, 409)
        for words in (say("problem.window_closed"), say("closed.day")):
            self.assertIn(words, r.page.text)
        self.assertIn("by hand, 25 h later</textarea>", r.text)
        self.st.sync(2)
        self.assertEqual((len(self.sends()), self.state(thread)), (before, []))
        # The customer writes again: open again.
        self.st.customer("still interested", psid=psid)
        self.st.reply(self.b, thread, "welcome back")
        self.wait_state(thread, "sent")
        sent = self.sends(psid)[-1]["json"]
        self.assertEqual((sent["messaging_type"], sent.get("tag")), ("RESPONSE", None))

    def test_the_last_and_the_first_second(self):
        psid, thread = self.customer()
        written = self.st.db("SELECT customer_at FROM thread WHERE id = ?", thread)[0][0]
        ahead = lambda to: written + to - int(time.time() * 1000) - self.ahead
        self.later(ahead(DAY - 20_000))
        self.assertIn("composer", self.conversation(thread).ids)
        self.st.reply(self.b, thread, "just in time")
        self.settled(psid, thread, "just in time")
        self.later(ahead(DAY + 1000))
        self.assertNotIn("composer", self.conversation(thread).ids)

    def test_window_that_closes_while_it_waits(self):
        """Deferred beyond the window: it is not sent late, and not with a tag."""
        psid, thread = self.customer()
        self.st.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {"message": "x", "code": 613}})
        self.st.reply(self.b, thread, "overtaken")
        self.wait_state(thread, "deferred")
        self.later(26 * HOUR)
        self.st.sync()
        self.wait_state(thread, "failed")
        self.assertIn(say("error.fb.window"), self.conversation(thread).text)
        self.assertEqual(self.st.arrived(psid), [])
        self.assertFalse([s for s in self.sends(psid) if "tag" in s["json"]])


class Agent(Case):
    """Past 24 hours with the tag, and only what somebody ticked by hand."""
    conf = {"facebook.human_agent": "yes"}
    switches = {"human_agent": True}

    def moment(self, thread, since):
        """The clock so long after the customer's last action."""
        written = self.st.db("SELECT customer_at FROM thread WHERE id = ?", thread)[0][0]
        self.later(written + since - int(time.time() * 1000) - self.ahead)

    def sent_as(self, psid):
        sent = self.sends(psid)[-1]["json"]
        return sent["messaging_type"], sent.get("tag")

    def test_tag_only_between_a_day_and_a_week(self):
        psid, thread = self.customer()
        table = ((0, None), (DAY - 10 * MINUTE, None), (DAY - 4 * MINUTE, "HUMAN_AGENT"), (DAY + 1000, "HUMAN_AGENT"),
                 (7 * DAY - 30_000, "HUMAN_AGENT"))
        for i, (when, tag) in enumerate(table):
            with self.subTest(when):
                if when:
                    self.moment(thread, when)
                page = self.conversation(thread)
                self.assertIn("composer", page.ids)
                for words in (say("composer.agent"), say("composer.agent_tick")):
                    self.assertEqual(words in page.text, tag is not None)
                self.st.reply(self.b, thread, "reply %d" % i, **({"agent": "1"} if tag else {}))
                self.wait_state(thread, *["sent"] * (i + 1))
                self.assertEqual(self.sent_as(psid), ("MESSAGE_TAG" if tag else "RESPONSE", tag))
        form = self.b.get("/inbox/%d" % thread)
        self.moment(thread, 7 * DAY + 1000)
        page = self.conversation(thread)
        self.assertNotIn("composer", page.ids)
        self.assertIn(say("closed.week"), page.text)
        self.assertEqual(self.b.submit(form, "/reply", {"text": "too late", "agent": "1"}).status, 409)
        self.assertEqual(len(self.sends(psid)), len(table))

    def test_never_without_the_tick(self):
        psid, thread = self.customer()
        self.later(26 * HOUR)
        before = len(self.sends())
        page = self.b.get("/inbox/%d" % thread)
        tick = page.page.ids["agent-tick"]
        self.assertEqual((tick["type"], tick["name"], "checked" in tick), ("checkbox", "agent", False))
        for fields in ({}, {"agent": ""}, {"agent": "0"}, {"agent": "yes"}):
            r = self.b.submit(page, "/reply", dict(fields, text="not marked <b>"))
            self.assertEqual(r.status, 422)
            self.assertIn(say("problem.tick_agent"), r.page.text)
            self.assertIn("not marked &lt;b&gt;</textarea>", r.text)
            self.assertNotIn("checked", r.page.ids["agent-tick"])
        self.assertEqual((self.state(thread), len(self.sends())), ([], before))
        # Sent from the page that said so; the next one is not ticked by itself.
        r = self.b.submit(r, "/reply", {"text": "marked", "agent": "1"})
        self.assertNotIn("checked", r.page.ids["agent-tick"])
        self.settled(psid, thread, "marked")
        self.assertEqual(self.sent_as(psid), ("MESSAGE_TAG", "HUMAN_AGENT"))

    def test_a_tick_is_used_only_past_the_day(self):
        """It is ticked, waits, and the customer writes meanwhile: no tag."""
        psid, thread = self.customer()
        self.later(26 * HOUR)
        self.st.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {"message": "x", "code": 613}})
        self.st.reply(self.b, thread, "ticked", agent="1")
        self.wait_state(thread, "deferred")
        self.st.customer("me again", psid=psid)
        until(lambda: (0, "me again") in self.log(thread))
        self.later(2 * MINUTE)
        self.st.sync()
        self.settled(psid, thread, "ticked")
        self.assertEqual(self.sent_as(psid), ("RESPONSE", None))

    def test_the_day_ends_while_it_waits(self):
        """Nobody ticked it: it fails and says what to do; edited and ticked it goes."""
        psid, thread = self.customer()
        self.st.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {"message": "x", "code": 613}})
        self.st.reply(self.b, thread, "overtaken")
        self.wait_state(thread, "deferred")
        self.later(26 * HOUR)
        self.st.sync()
        self.wait_state(thread, "failed")
        self.assertEqual(self.st.arrived(psid), [])
        r = self.b.get("/inbox/%d" % thread)
        self.assertIn(say("error.fb.personal"), r.page.text)
        ident = self.st.db("SELECT msg_id FROM outbox WHERE thread_id = ?", thread)[0][0]
        self.assertFalse([f for f in r.page.forms if "/retry/" in (f["action"] or "")], "the same again would fail again")
        # Asked for by hand all the same: it fails again, and nothing is sent.
        self.b.post("/inbox/%d/retry/%d" % (thread, ident), {"csrf": r.page.form_to("/reply")["fields"]["csrf"]})
        self.wait_state(thread, "failed")
        self.assertFalse([s for s in self.sends(psid) if "tag" in s["json"]])
        r = self.b.get(r.page.link_to("edit="))
        self.assertIn("overtaken</textarea>", r.text)
        self.assertEqual(self.b.submit(r, "/reply", {"text": "overtaken"}).status, 422)
        self.b.submit(r, "/reply", {"text": "overtaken", "agent": "1"})
        self.wait_state(thread, "cancelled", "sent")
        self.assertEqual(self.sent_as(psid), ("MESSAGE_TAG", "HUMAN_AGENT"))

    def test_a_ticked_one_that_failed_may_go_again(self):
        psid, thread = self.customer()
        self.later(26 * HOUR)
        self.st.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {"message": "x", "code": 551}})
        self.st.reply(self.b, thread, "once more", agent="1")
        self.wait_state(thread, "failed")
        self.b.submit(self.b.get("/inbox/%d" % thread), "/retry/")
        self.settled(psid, thread, "once more")
        self.assertEqual(self.sent_as(psid), ("MESSAGE_TAG", "HUMAN_AGENT"))

    def test_not_approved(self):
        self.st.control("config", {"switches": {"human_agent": False}})
        self.addCleanup(self.st.control, "config", {"switches": {"human_agent": True}})
        psid, thread = self.customer()
        self.later(26 * HOUR)
        self.st.reply(self.b, thread, "unapproved", agent="1")
        self.wait_state(thread, "failed")
        self.assertIn(say("error.fb.human_agent"), self.conversation(thread).text)
        self.assertEqual(self.st.arrived(psid), [])

    def test_an_ad_that_facebook_does_not_honour(self):
        """Policy says that the window after an ad "may" last: refused once, it is none, and the tick is offered."""
        psid, thread = self.from_an_ad()
        self.later(26 * HOUR)
        page = self.conversation(thread)
        self.assertIn(say("composer.ad"), page.text)
        self.assertNotIn("agent-tick", page.ids)
        self.st.control("config", {"switches": {"ad_window": False}})
        self.addCleanup(self.st.control, "config", {"switches": {"ad_window": True}})
        self.st.reply(self.b, thread, "after the ad")
        self.wait_state(thread, "failed")
        self.assertEqual(self.sent_as(psid), ("RESPONSE", None))
        r = self.b.get("/inbox/%d" % thread)
        self.assertIn("agent-tick", r.page.ids)
        self.b.submit(self.b.get(r.page.link_to("edit=")), "/reply", {"text": "personally", "agent": "1"})
        self.wait_state(thread, "cancelled", "sent")
        self.assertEqual(self.sent_as(psid), ("MESSAGE_TAG", "HUMAN_AGENT"))


class Ad(Case):
    """A customer whom an ad brought; without the tag."""

    def test_seven_days(self):
        psid, thread = self.from_an_ad()
        page = self.conversation(thread)
        self.assertIn(say("conv.until").split("{")[0], page.by_id_text["window"])
        written = self.st.db("SELECT customer_at FROM thread WHERE id = ?", thread)[0][0]
        for i, when in enumerate((DAY - 20_000, DAY + 1000, 7 * DAY - 30_000)):
            self.later(written + when - int(time.time() * 1000) - self.ahead)
            page = self.conversation(thread)
            self.assertEqual(say("composer.ad") in page.text, when > DAY)
            self.st.reply(self.b, thread, "reply %d" % i)
            self.wait_state(thread, *["sent"] * (i + 1))
        self.assertFalse([s for s in self.sends(psid) if "tag" in s["json"]])
        self.later(60_000)
        page = self.conversation(thread)
        self.assertNotIn("composer", page.ids)
        self.assertIn(say("closed.ad"), page.text)

    def test_refused(self):
        psid, thread = self.from_an_ad()
        self.later(26 * HOUR)
        self.st.control("config", {"switches": {"ad_window": False}})
        self.addCleanup(self.st.control, "config", {"switches": {"ad_window": True}})
        self.st.reply(self.b, thread, "after the ad")
        self.wait_state(thread, "failed")
        page = self.conversation(thread)
        self.assertIn(say("error.fb.window"), page.text)
        self.assertNotIn("composer", page.ids)
        self.assertIn(say("closed.day"), page.text)

    def test_waiting_through_the_first_day(self):
        psid, thread = self.from_an_ad()
        self.st.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {"message": "x", "code": 613}})
        self.st.reply(self.b, thread, "a day later")
        self.wait_state(thread, "deferred")
        self.later(26 * HOUR)
        self.st.sync()
        self.settled(psid, thread, "a day later")


class DeadToken(Case):
    def test_reconnecting(self):
        st = self.st
        psid, thread = self.customer()
        anna, _ = st.sign_in(user=ANNA)
        install, page_row = st.db("SELECT install_id, id FROM page WHERE fb_id = ?", PAGE_A)[0]
        st.control("token/kill", {"page": PAGE_A, "subcode": 460})
        st.fault({"endpoint": "fb.send"}, times=1, delay_ms=1500)
        st.reply(self.b, thread, "will wait")
        st.reply(self.b, thread, "behind it")
        until(lambda: st.db("SELECT state FROM page WHERE fb_id = ?", PAGE_A) == [("broken",)])
        self.assertEqual(self.state(thread), ["deferred", "queued"])
        self.assertTrue(st.requests(endpoint="fb.debug_token"), "broken without asking")

        page = self.conversation(thread)
        self.assertIn(say("error.fb.token_password"), page.text)
        self.assertNotIn("composer", page.ids)
        self.assertIn("/connect/more", page.link_to("/connect/more"))
        self.assertNotIn(say("state.failed"), page.text)
        for words in (say("wait.page").split("{until}")[0], say("wait.turn")):
            self.assertIn(words, page.by_id_text["log"])
        self.assertNotIn(say("state.sending"), page.by_id_text["log"])
        self.assertIn(say("help.page_admin"), page.text)
        colleague = self.conversation(thread, anna)
        self.assertIn(say("error.fb.token_password"), colleague.text)
        self.assertIn(say("help.page_admin"), colleague.text)
        self.assertFalse([h for h, _ in colleague.links if "/connect/more" in h])

        # Incoming ones are stored all the same; the other Page is as it was.
        st.customer("are you there?", psid=psid)
        self.assertIn((0, "are you there?"), self.log(thread))
        other, elsewhere = self.customer(page=PAGE_B)
        st.reply(self.b, elsewhere, "Repairs works")
        self.settled(other, elsewhere, "Repairs works", page=PAGE_B)
        self.later(3 * MINUTE)
        calls = len(st.requests(endpoint="fb.send"))
        st.sync()
        self.assertEqual(len(st.requests(endpoint="fb.send")), calls)

        r = self.b.get(page.link_to("/connect/more"))
        r = st.facebook(self.b, r)
        self.b.submit(r, "/connect/pages", {"page": [PAGE_A, PAGE_B]})
        self.assertEqual(st.db("SELECT install_id, id, state FROM page WHERE fb_id = ?", PAGE_A), [(install, page_row, "active")])
        self.later(2 * MINUTE)
        st.sync()
        self.settled(psid, thread, "will wait", "behind it")
        self.assertIn("composer", self.conversation(thread).ids)

    def test_permission_comes_back(self):
        """Failed because of the connection: once it stands again, the same words may go again."""
        st = self.st
        psid, thread = self.customer()
        st.fault({"endpoint": "fb.send"}, times=1, status=403, body={"error": {"message": "no", "code": 200}})
        st.reply(self.b, thread, "not allowed")
        self.wait_state(thread, "failed")
        page = self.conversation(thread)
        self.assertIn(say("error.fb.permission"), page.text)
        self.assertNotIn(say("msg.retry"), page.by_id_text["log"])
        r = st.facebook(self.b, self.b.get(page.link_to("/connect/more")))
        self.b.submit(r, "/connect/pages", {"page": [PAGE_A, PAGE_B]})
        r = self.b.get("/inbox/%d" % thread)
        self.assertIn(say("error.fb.waited"), r.page.by_id_text["log"])
        self.b.submit(r, "/retry/")
        self.settled(psid, thread, "not allowed")

    def test_refused_once_but_alive(self):
        """A 190 that the inspection does not confirm breaks nothing."""
        psid, thread = self.customer()
        self.st.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {"message": "x", "code": 190}})
        self.st.reply(self.b, thread, "false alarm")
        self.wait_state(thread, "deferred")
        self.assertEqual(self.st.db("SELECT DISTINCT state FROM page"), [("active",)])
        self.later(2 * MINUTE)
        self.st.sync()
        self.settled(psid, thread, "false alarm")


if __name__ == "__main__":
    unittest.main()
