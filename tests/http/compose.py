# SPDX-License-Identifier: MIT
"""compose - drafts, long texts in parts, replies taken back, and forms that are behind the conversation.

Proved: a draft is its writer's alone, goes with the reply that is accepted, and
with whatever is erased; several windows; caps.  Parts go out whole, in order,
once.  A reply that can be taken back goes out by itself when its time is over,
whoever accepted it (a FastCGI worker that nobody asks, one that died, a CGI
process); taken back it goes nowhere.  A form that is behind is asked about
once, with the text kept.  The same in Pipedrive's frame.
"""
import concurrent.futures
import re
import time
import unittest

from reply import DAY, Case
from stand import (ACME, ANNA, MARIA, PAGE_A, PEETER, Replies, Stand, say, until)

SLOW = 75

DEAL = 4243


class Compose(Case):
    def drafts(self, thread):
        return [t for (t,) in self.st.db("SELECT text FROM draft WHERE thread_id = ? ORDER BY user_id", thread)]

    def box(self, page):
        return page.source.split('<textarea id="reply"')[1].split(">", 1)[1].split("</textarea>")[0].lstrip("\n")


class Drafts(Compose):
    def keep(self, form, text, b=None, **more):
        """As the script saves what is in the box."""
        b, f = b or self.b, form.page.form_to("/reply")
        return b.post(f["action"].replace("/reply", "/draft"), dict(f["fields"], text=text, js="1", **more), follow=False)

    def test_kept_shown_and_gone(self):
        psid, thread = self.customer()
        form = self.b.get("/inbox/%d" % thread)
        r = self.keep(form, "Half a\r\nsentence & <more>")
        self.assertEqual((r.status, r.text, r.header("Content-Type")), (200, "", "text/plain; charset=utf-8"))
        self.assertEqual(self.drafts(thread), ["Half a\nsentence & <more>"])
        page = self.b.get("/inbox/%d" % thread).page
        self.assertEqual(self.box(page), "Half a\nsentence &amp; &lt;more&gt;")
        self.assertIn(say("who.draft"), page.by_id_text["t-%d" % thread])
        self.assertIn("Half a sentence & <more>", page.by_id_text["t-%d" % thread])
        self.assertIn(say("who.draft"), self.b.get("/inbox").page.by_id_text["t-%d" % thread])
        # Nobody else's, and in no other conversation.
        for person in (ANNA, PEETER):
            b = self.st.sign_in(user=person)[0]
            self.assertNotIn("Half a", b.get("/inbox/%d" % thread).text)
        # What the customer writes stands before it.
        self.st.customer("one more thing", psid=psid)
        other = self.customer()[1]
        self.assertIn("one more thing", self.b.get("/inbox/%d" % other).page.by_id_text["t-%d" % thread])
        form = self.b.get("/inbox/%d" % thread)
        self.b.submit(form, "/reply", {"text": "The whole sentence"})
        self.assertEqual(self.drafts(thread), [])
        self.assertEqual(self.box(self.b.get("/inbox/%d" % thread).page), "")
        # What is late of a form that was accepted is not kept.
        self.assertEqual(self.keep(form, "The whole sent").status, 200)
        self.assertEqual(self.drafts(thread), [])

    def test_button_without_a_script(self):
        _, thread = self.customer()
        f = self.b.get("/inbox/%d" % thread).page.form_to("/reply")
        r = self.b.post(f["action"].replace("/reply", "/draft"), dict(f["fields"], text="Later"))
        self.assertEqual(r.status, 200)
        self.assertIn(say("notice.draft"), r.page.text)
        self.assertEqual(self.box(r.page), "Later")

    def test_two_windows(self):
        _, thread = self.customer()
        one, two = self.b.get("/inbox/%d" % thread), self.b.get("/inbox/%d" % thread)
        self.assertEqual(self.keep(one, "from one").text, "")
        self.assertEqual(self.keep(two, "").text, "")
        self.assertEqual(self.drafts(thread), ["from one"])
        self.assertEqual(self.keep(two, "from two").text, say("composer.elsewhere"))
        self.assertEqual(self.drafts(thread), ["from two"])
        self.assertEqual(self.keep(two, "from two!").text, "")
        three = self.b.get("/inbox/%d" % thread)
        self.assertEqual(self.keep(three, "from two, gone on").text, "")
        self.assertEqual(self.keep(three, " \n").text, "")
        self.assertEqual(self.drafts(thread), [])

    def test_poll_tells_it_to_its_writer_alone(self):
        _, thread = self.customer()
        anna = self.st.sign_in(user=ANNA)[0]
        form = self.b.get("/inbox/%d" % thread)
        self.st.at_rest()
        tags = [b.get("/poll?thread=%d" % thread).header("ETag") for b in (self.b, anna)]
        again = lambda: [b.get("/poll?thread=%d" % thread, headers={"If-None-Match": t}).status for b, t in zip((self.b, anna), tags)]
        until(lambda: again() == [304, 304] or tags.__setitem__(slice(None), [b.get("/poll?thread=%d" % thread).header("ETag") for b in (self.b, anna)]), 20)
        self.keep(form, "mine")
        self.assertEqual(again(), [200, 304])

    def test_caps_and_strangers(self):
        _, thread = self.customer()
        form = self.b.get("/inbox/%d" % thread)
        self.assertEqual(self.keep(form, "漢" * 10000).status, 200)
        self.assertEqual(self.drafts(thread), ["漢" * 10000])
        r = self.keep(form, "漢" * 10001)
        self.assertEqual(r.status, 422)
        self.assertIn(say("problem.reply_far_too_long"), r.page.text)
        self.assertEqual(self.keep(form, "漢" * 12000).status, 413)
        self.assertEqual(self.drafts(thread), ["漢" * 10000])
        self.assertEqual(self.keep(form, "x", key="short").status, 400)
        self.assertEqual(self.keep(form, "x", csrf="wrong").status, 403)

    def test_refused_is_kept(self):
        psid, thread = self.customer()
        form = self.b.get("/inbox/%d" % thread)
        self.later(2 * DAY)
        try:
            r = self.b.submit(form, "/reply", {"text": "too late"})
            self.assertEqual(r.status, 409)
            self.assertEqual(self.drafts(thread), ["too late"])
            page = self.b.get("/inbox/%d" % thread).page
            self.assertIn(say("composer.draft"), page.text)
            self.assertIn("too late", page.by_id_text["kept"])
        finally:
            self.later(-2 * DAY)
        self.assertEqual(self.box(self.b.get("/inbox/%d" % thread).page), "too late")

    def test_edit_of_a_failed_reply(self):
        psid, thread = self.customer()
        self.st.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {"message": "(#2018144) content", "code": 2018144}})
        self.st.reply(self.b, thread, "not so nice")
        self.wait_state(thread, "failed")
        self.keep(self.b.get("/inbox/%d" % thread), "something else")
        # Neither takes the other's place.
        edit = self.b.get(self.b.get("/inbox/%d" % thread).page.link_to("?edit="))
        self.assertEqual(self.box(edit.page), "not so nice\nsomething else")
        self.keep(edit, "nicer")
        # The draft remembers what it writes anew, on whatever page.
        r = self.b.get("/inbox/%d" % thread)
        self.assertEqual(self.box(r.page), "nicer")
        self.assertIn(say("composer.replaces"), r.page.text)
        self.b.submit(r, "/reply", {"text": "nicer"})
        self.wait_state(thread, "cancelled", "sent")
        self.assertEqual(self.st.arrived(psid), ["nicer"])

    def test_goes_with_the_customer(self):
        _, thread = self.customer()
        self.keep(self.b.get("/inbox/%d" % thread), "about to be erased")
        r = self.b.get("/settings/customers/%d" % thread)
        self.b.submit(r, "/settings/customers/%d" % thread)
        until(lambda: self.st.sync(5) == 0 and not self.drafts(thread), 30)


class Narrowed(Compose):
    """Whoever reads a narrowed list finds it narrowed after each button, without script too."""

    def test_what_is_written(self):
        b, (psid, thread) = self.b, self.customer()
        here = "/inbox/%d?state=all" % thread
        f = b.get(here).page.form_to("/reply")
        r = b.post(f["action"].replace("/reply", "/draft"), dict(f["fields"], text="in the making"))
        self.assertTrue(r.url.endswith(here + "&notice=draft"), r.url)
        self.st.fault({"endpoint": "fb.send"}, times=3, status=400, body={"error": {"message": "(#551) away", "code": 551}})
        for step, text in (("/retry/", "one"), ("/dismiss/", "two")):
            r = b.submit(b.get(here), "/reply", {"text": text})
            self.assertTrue(r.url.endswith(here), r.url)
            until(lambda: self.state(thread)[-1] == "failed", 20)
            r = b.get(here)
            self.assertIn("state=all", r.page.link_to("?edit="))
            r = b.submit(r, step)
            self.assertTrue(r.url.endswith(here), r.url)
        r = b.submit(r, "/reply", {"text": "x" * 60000})
        self.assertEqual(r.status, 422)
        self.assertTrue(r.page.form_to("/reply")["action"].endswith("/inbox/%d/reply?state=all" % thread))

    def test_taken_back(self):
        b, (psid, thread) = self.b, self.customer()
        b.submit(b.get("/settings"), "/settings/person", {"lang": "en", "undo": "15"})
        try:
            r = b.submit(b.get("/inbox/%d?state=all" % thread), "/reply", {"text": "too soon"})
            back = [a["formaction"] for t, a in r.page.tags if t == "button" and "/undo/" in a.get("formaction", "")][0]
            r = b.post(back, dict(r.page.form_to("/reply")["fields"], text=""))
            self.assertTrue(r.url.endswith("/inbox/%d?state=all#reply" % thread), r.url)
            self.assertEqual(self.state(thread), ["cancelled"])
        finally:
            b.submit(b.get("/settings"), "/settings/person", {"lang": "en", "undo": "0"})


class Parts(Compose):
    def test_asked_then_sent_whole_in_order_once(self):
        psid, thread = self.customer()
        text = "\n\n".join("%s %d。" % ("文章" * 300, i) for i in range(8))
        form = self.b.get("/inbox/%d" % thread)
        r = self.b.submit(form, "/reply", {"text": text})
        self.assertEqual((r.status, self.state(thread)), (422, []))
        self.assertEqual(self.drafts(thread), [text])
        cuts = re.findall(r'<li dir="auto">(.*?)</li>', r.text.split('<ol class="cuts">')[1].split("</ol>")[0], re.S)
        self.assertEqual(len(cuts), 3)
        self.assertTrue(all(len(c) <= 2000 and c.endswith("。") for c in cuts))
        self.assertIn(say("ask.as_parts", n="3"), r.page.text)
        # A confirmation of other cuts is none.
        self.assertEqual(self.b.submit(r, "/reply", {"text": text, "parts": "2"}).status, 422)
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            got = list(pool.map(lambda _: self.b.submit(r, "/reply", {"text": text, "parts": "3"}, follow=False).status, range(6)))
        self.assertEqual(set(got), {303})
        self.wait_state(thread, "sent", "sent", "sent")
        arrived = self.st.arrived(psid)
        self.assertEqual([a.replace("\n", "").replace(" ", "") for a in arrived], [c.replace("\n", "").replace(" ", "") for c in cuts])
        self.assertEqual("".join("".join(arrived).split()), "".join(text.split()))
        self.assertEqual(self.drafts(thread), [])

    def test_emoji_at_the_cut(self):
        psid, thread = self.customer()
        family = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
        text = "x" * 1985 + family * 3
        r = self.b.submit(self.b.get("/inbox/%d" % thread), "/reply", {"text": text})
        self.b.submit(r, "/reply", {"text": text, "parts": "2"})
        self.wait_state(thread, "sent", "sent")
        self.assertEqual(self.st.arrived(psid), ["x" * 1985, family * 3])

    def test_far_too_long(self):
        _, thread = self.customer()
        r = self.b.submit(self.b.get("/inbox/%d" % thread), "/reply", {"text": "x" * 10001})
        self.assertEqual(r.status, 422)
        self.assertIn(say("problem.reply_far_too_long"), r.page.text)
        self.assertIn("x" * 10001, r.text)
        self.assertEqual((self.state(thread), self.drafts(thread)), ([], []))


class Undo(Compose):
    conf = {"undo_seconds": 4}

    def undo(self, r, b=None, **fields):
        """By the button of the newest reply that has one."""
        b = b or self.b
        actions = [a["formaction"] for t, a in r.page.tags if t == "button" and "/undo/" in a.get("formaction", "")]
        if not actions:
            return None
        return b.post(actions[-1], dict(r.page.form_to("/reply")["fields"], **fields))

    def test_taken_back(self):
        psid, thread = self.customer()
        r = self.st.reply(self.b, thread, "too hasty")
        self.assertEqual(self.state(thread), ["queued"])
        self.assertIn(say("wait.held"), r.page.by_id_text["log"])
        # Only its writer may.
        anna = self.st.sign_in(user=ANNA)[0]
        hers = anna.get("/inbox/%d" % thread)
        self.assertIn("too hasty", hers.page.by_id_text["log"])
        self.assertIsNone(self.undo(hers, anna))
        got = self.undo(r, text="and this")
        self.assertEqual(self.state(thread), ["cancelled"])
        self.assertEqual(self.box(got.page), "too hasty\nand this")
        self.assertNotIn("too hasty", got.page.by_id_text["log"])
        self.assertNotIn("too hasty", anna.get("/inbox/%d" % thread).text)
        # The second click changes nothing.
        again = self.undo(r, text="and this")
        self.assertEqual((again.status, self.box(again.page)), (200, "too hasty\nand this"))
        # The same form once more is no new reply, and nothing was ever sent.
        time_is_over = time.monotonic() + 5
        until(lambda: time.monotonic() > time_is_over, 10)
        self.st.sync()
        self.assertEqual((self.sends(psid), self.st.arrived(psid), self.state(thread)), ([], [], ["cancelled"]))
        self.assertIn(say("audit.reply_undone"), self.b.get("/settings/audit").page.text)

    def test_goes_by_itself(self):
        """Nobody asks for anything after the answer."""
        psid, thread = self.customer()
        began = time.monotonic()
        for text in ("one", "two"):
            self.st.reply(self.b, thread, text)
        form = self.b.get("/inbox/%d" % thread)
        until(lambda: self.st.arrived(psid) == ["one", "two"], 20)
        self.assertGreaterEqual(time.monotonic() - began, 3.9)
        late = self.undo(form, text="what is in the box")
        self.assertEqual(late.status, 409)
        self.assertIn(say("problem.undo_late"), late.page.text)
        self.assertEqual(self.box(late.page), "what is in the box")

    def test_the_worker_died(self):
        psid, thread = self.customer()
        self.st.reply(self.b, thread, "in good hands")
        self.st.kill_workers()
        until(lambda: self.st.arrived(psid) == ["in good hands"], 40)
        self.assertEqual(len(self.sends(psid)), 1)

    def test_at_the_last_moment(self):
        """Undo and sending at once: one of them, never both."""
        outcomes = set()
        for turn in range(4):
            psid, thread = self.customer()
            r = self.st.reply(self.b, thread, "now or never")
            hold, = self.st.db("SELECT hold_until FROM outbox WHERE thread_id = ?", thread)[0]
            until(lambda: time.time() * 1000 + self.ahead >= hold - 15 + 10 * turn, 10, 0.001)
            status = self.undo(r, text="").status
            self.assertIn(status, (200, 409))
            self.wait_state(thread, "cancelled" if status == 200 else "sent")
            self.assertEqual(self.st.arrived(psid), [] if status == 200 else ["now or never"])
            outcomes.add(status)
        self.assertTrue(outcomes)

    def test_own_choice(self):
        psid, thread = self.customer()
        r = self.b.get("/settings")
        self.b.submit(r, "/settings/person", {"lang": "en", "undo": "0"})
        try:
            self.assertEqual(self.undo(self.st.reply(self.b, thread, "at once")), None)
            self.wait_state(thread, "sent")
            self.b.submit(r, "/settings/person", {"lang": "en", "undo": "15"})
            self.st.reply(self.b, thread, "at leisure")
            hold, made = self.st.db("SELECT hold_until, created_at FROM outbox WHERE thread_id = ? ORDER BY id DESC", thread)[0]
            self.assertEqual(hold - made, 15000)
        finally:
            self.b.submit(r, "/settings/person", {"lang": "en", "undo": "site"})
        self.assertEqual(self.b.submit(r, "/settings/person", {"lang": "en", "undo": "16"}).status, 400)

    def test_not_when_the_window_closes(self):
        psid, thread = self.customer()
        self.later(DAY - 12_000)
        try:
            self.st.reply(self.b, thread, "just in time")
            self.wait_state(thread, "sent")
        finally:
            self.later(-DAY + 12_000)


class Cgi(Replies, unittest.TestCase):
    """A process for each request: the one that accepted a reply sends it, in its own time."""
    def test_goes_by_itself(self):
        with Stand(server="cgi", conf={"undo_seconds": 3}) as st:
            self.st = st
            b = st.connect("shared")
            psid = st.control("customer/new", {"page": PAGE_A, "name": "Kim"})["psid"]
            st.customer("hello", psid=psid)
            thread = until(lambda: st.thread(psid))
            st.reply(b, thread, "from a process")
            self.assertEqual(self.state(thread), ["queued"])
            until(lambda: st.arrived(psid) == ["from a process"], 30)


class Outdated(Compose):
    def test_asked_once(self):
        psid, thread = self.customer()
        form = self.b.get("/inbox/%d" % thread)
        self.st.customer("news <b>", psid=psid)
        r = self.b.submit(form, "/reply", {"text": "about the old"})
        self.assertEqual((r.status, self.state(thread)), (409, []))
        self.assertIn(say("ask.outdated"), r.page.text)
        self.assertEqual(self.box(r.page), "about the old")
        self.assertEqual(self.drafts(thread), ["about the old"])
        # Marked from there on.
        log = r.text[r.text.index('id="log"'):]
        self.assertLess(log.index("hello"), log.index('id="news"'))
        self.assertLess(log.index('id="news"'), log.index("news &lt;b&gt;"))
        # Going on after the question is going on, whatever has come since.
        self.st.customer("more news", psid=psid)
        r = self.b.submit(r, "/reply", {"text": "all the same", "anyway": "1"})
        self.assertEqual(r.status, 200)
        self.assertNotIn('id="news"', r.text)
        self.settled(psid, thread, "all the same")

    def test_a_colleague_wrote(self):
        psid, thread = self.customer()
        form = self.b.get("/inbox/%d" % thread)
        anna = self.st.sign_in(user=ANNA)[0]
        self.st.reply(anna, thread, "I have answered already")
        self.wait_state(thread, "sent")
        r = self.b.submit(form, "/reply", {"text": "the same again"})
        self.assertEqual(r.status, 409)
        self.assertIn("I have answered already", r.page.by_id_text["log"])
        # Looked at, the page is not behind any more.
        self.st.reply(self.b, thread, "to add to that")
        self.wait_state(thread, "sent", "sent")

    def test_one_is_not_behind_oneself(self):
        psid, thread = self.customer()
        forms = [self.b.get("/inbox/%d" % thread) for _ in range(3)]
        for i, form in enumerate(forms):
            self.assertEqual(self.b.submit(form, "/reply", {"text": "mine %d" % i}).status, 200)
        self.settled(psid, thread, "mine 0", "mine 1", "mine 2")

    def test_from_the_page_inbox(self):
        psid, thread = self.customer()
        form = self.b.get("/inbox/%d" % thread)
        self.st.control("page/write", {"page": PAGE_A, "psid": psid, "text": "written on Facebook"})
        self.st.delivered()
        self.assertEqual(self.b.submit(form, "/reply", {"text": "and here"}).status, 409)

    def test_both_questions(self):
        psid, thread = self.customer()
        text = "word " * 500
        form = self.b.get("/inbox/%d" % thread)
        r = self.b.submit(form, "/reply", {"text": text})
        self.assertIn(say("ask.as_parts", n="2"), r.page.text)
        self.st.customer("wait", psid=psid)
        r = self.b.submit(r, "/reply", {"text": text, "parts": "2"})
        self.assertEqual(r.status, 409)
        self.assertEqual(self.state(thread), [])
        # What was confirmed is not asked again.
        self.assertEqual(r.page.form_to("/reply")["fields"]["parts"], "2")
        self.assertEqual(self.b.submit(r, "/reply", {"text": text, "anyway": "1"}).status, 200)
        self.wait_state(thread, "sent", "sent")

    def test_a_form_without_it(self):
        """Whoever posts without telling what was seen is not asked."""
        psid, thread = self.customer()
        form = self.b.get("/inbox/%d" % thread)
        self.st.customer("news", psid=psid)
        for seen in ("", "nonsense", "1-2", "-1.1"):
            self.assertEqual(self.b.submit(form, "/reply", {"text": "hm", "seen": seen}, follow=False).status, 303, seen)
        self.settled(psid, thread, "hm")


class Framed(Compose):
    conf = {"undo_seconds": 4}

    def test_in_pipedrive(self):
        psid, thread = self.customer()
        self.st.link(thread, "deal", DEAL)
        url = self.st.control("pipedrive/frame", {"company": ACME, "user": MARIA, "kind": "deal", "id": DEAL})["url"]
        b = self.st.browser()
        r = b.get(url)
        f = r.page.form_to("/reply")
        root = f["action"].rsplit("/reply", 1)[0]
        self.assertTrue(root.startswith("/pd/"))
        self.assertEqual(b.post(root + "/draft", dict(f["fields"], text="from the deal", js="1")).status, 200)
        self.assertEqual(self.box(b.get(url).page), "from the deal")
        r = b.submit(b.get(url), "/reply", {"text": "from the deal"})
        undo = [a["formaction"] for t, a in r.page.tags if t == "button" and "/undo/" in a.get("formaction", "")]
        r = b.post(undo[0], r.page.form_to("/reply")["fields"])
        self.assertEqual((self.box(r.page), self.state(thread)), ("from the deal", ["cancelled"]))
        self.st.customer("wait", psid=psid)
        r = b.submit(r, "/reply", {"text": "from the deal"})
        self.assertEqual(r.status, 409)
        self.assertIn('id="news"', r.text)
        b.submit(r, "/reply", {"text": "from the deal", "anyway": "1"})
        until(lambda: self.st.arrived(psid) == ["from the deal"], 20)


if __name__ == "__main__":
    unittest.main()
