# SPDX-License-Identifier: MIT
"""address - every message has an address of its own, and what it shows besides its words.

Proved: the address leads to the page where the message stands, with some of
what followed it, wherever in the conversation that is and whatever its time
became; from there pages lead on to both ends; a quote leads to its source, on
the page or elsewhere; a reply keeps its address when Facebook names it; what
is gone, unknown or another conversation's leads to a sentence.  The ad or link
that started a chat is a card at its message and in the panel; an edited message
keeps its former texts, an unsent one none; a warning of Facebook's is a band.
"""
import re
import time
import unittest

from stand import LIISA, PAGE_A, Stand, event_body, message, say, until

DAY = 86_400_000
OTHER = "581000000000002"


def shown(page):
    """Ids and texts of the messages, from the top."""
    found = re.findall(r'<li class="(?:msg|line)[^>]*id="m-(\d+)"[^>]*>(.*?)</li>', page.source.split("<template")[0], re.S)
    return [(int(i), re.sub(r"<[^>]*>", "", "".join(re.findall(r'<p class="text[^>]*>(.*?)</p>', body, re.S)))) for i, body in found]


class Address(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand())
        cls.b = cls.st.connect("shared")
        cls.at = int(time.time() * 1000) - 3 * 3_600_000
        # Some of them at the same moment: the key is (at, id).
        events = [message(LIISA, "m_a%d" % i, "n%d" % i, cls.at + 60_000 * (i // 3)) for i in range(100)]
        events[90]["message"]["reply_to"] = {"mid": "m_a2"}
        events[99]["message"]["reply_to"] = {"mid": "m_a98"}
        for k in range(0, 100, 50):
            assert cls.st.hook(event_body(events[k:k + 50], PAGE_A)) == 200
        cls.thread = cls.st.thread(LIISA)
        cls.ids = dict(cls.st.db("SELECT text, id FROM message WHERE thread_id = ?", cls.thread))

    def follow(self, message, b=None):
        """-> the address that it leads to, and the page there."""
        r = (b or self.b).get("/inbox/%d/m/%d" % (self.thread, message), follow=False)
        self.assertEqual(r.status, 303)
        to = r.header("Location")
        self.assertTrue(to.endswith("#m-%d" % message), to)
        return to, self.b.get(to.split("#")[0]).page

    def test_each_message_leads_to_its_page(self):
        order = [t for t, in self.st.db("SELECT text FROM message WHERE thread_id = ? ORDER BY at, id", self.thread)]
        for k, text in enumerate(order):
            to, page = self.follow(self.ids[text])
            texts = [t for _, t in shown(page)]
            self.assertIn(text, texts)
            self.assertEqual("before=" in to, k < 89, "the last ones are read where the conversation goes on")
            if k < 89:
                self.assertEqual(texts, order[max(0, k - 19):k + 11])
                self.assertNotIn("data-live", page.ids["log"])

    def test_the_time_is_the_link(self):
        page = self.b.get("/inbox/%d" % self.thread).page
        links = re.findall(r'<a class="at" href="(/inbox/\d+/m/(\d+))"', page.source)
        self.assertEqual([int(i) for _, i in links], [i for i, _ in shown(page)])

    def test_from_there_to_both_ends(self):
        _, page = self.follow(self.ids["n30"])
        got = [t for _, t in shown(page)]
        while "newer" in page.ids:
            link = page.ids["newer"]["href"]
            last = shown(page)[-1][0]
            self.assertTrue(link.endswith("#m-%d" % last), "the one that was read last comes first")
            page = self.b.get(link.split("#")[0]).page
            self.assertIn(last, [i for i, _ in shown(page)])
            got += [t for _, t in shown(page) if t not in got]
        page = self.b.get("/inbox/%d" % self.thread).page
        got += [t for _, t in shown(page) if t not in got]
        order = [t for t, in self.st.db("SELECT text FROM message WHERE thread_id = ? ORDER BY at, id", self.thread)]
        self.assertEqual(got, order[order.index(got[0]):])

    def test_a_quote_leads_to_its_source(self):
        page = self.b.get("/inbox/%d" % self.thread).page
        links = re.findall(r'<blockquote class="quote"><a href="([^"]*)"', page.source)
        self.assertEqual(links, ["/inbox/%d/m/%d" % (self.thread, self.ids["n2"]), "#m-%d" % self.ids["n98"]])
        _, page = self.follow(self.ids["n2"])
        self.assertIn("n2", [t for _, t in shown(page)])

    def test_a_reply_keeps_its_address(self):
        st = self.st
        self.assertEqual(st.hook(event_body([message(OTHER, "m_o1", "hello", int(time.time() * 1000))], PAGE_A)), 200)
        psid = st.control("customer/new", {"page": PAGE_A, "name": "Aki"})["psid"]
        st.customer("a question", psid=psid)
        st.delivered()
        thread = until(lambda: st.thread(psid))
        st.fault({"endpoint": "fb.send"}, delay_ms=400)
        st.reply(self.b, thread, "an answer")
        before = st.db("SELECT id FROM message WHERE thread_id = ? AND dir = 1", thread)
        until(lambda: st.db("SELECT 1 FROM message WHERE thread_id = ? AND dir = 1 AND mkey IS NOT NULL AND flags & 1", thread), 20)
        (ident,) = before[0]
        self.assertEqual(st.db("SELECT id FROM message WHERE thread_id = ? AND dir = 1", thread), before)
        r = self.b.get("/inbox/%d/m/%d" % (thread, ident), follow=False)
        self.assertEqual((r.status, r.header("Location").split("/inbox/")[1]), (303, "%d#m-%d" % (thread, ident)))

    def test_nothing_there(self):
        other = until(lambda: self.other())
        for path, status in (("/inbox/%d/m/%d" % (self.thread, 4711), 404), ("/inbox/%d/m/0" % self.thread, 404),
                             ("/inbox/%d/m/x" % self.thread, 404), ("/inbox/%d/m/9223372036854775807" % self.thread, 404),
                             ("/inbox/999999/m/%d" % self.ids["n2"], 404), ("/inbox/%d/m/%d" % (other, self.ids["n2"]), 404)):
            self.assertEqual(self.b.get(path, follow=False).status, status, path)
        r = self.b.get("/inbox/%d/m/4711" % self.thread)
        self.assertIn(say("problem.no_message"), r.page.text)
        self.assertIn(say("way.conversation"), r.page.text)
        self.assertTrue(r.page.link_to("/inbox/").endswith("/inbox/%d" % self.thread))

    def other(self):
        if not self.st.thread(OTHER):
            self.st.hook(event_body([message(OTHER, "m_o1", "hello", int(time.time() * 1000))], PAGE_A))
        return self.st.thread(OTHER)


class Shown(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand())
        cls.b = cls.st.connect("shared")
        cls.n = 590000000000000

    def setUp(self):
        type(self).n += 1
        self.psid, self.at = str(self.n), int(time.time() * 1000)

    def post(self, *events):
        self.assertEqual(self.st.hook(event_body(list(events), PAGE_A)), 200)

    def event(self, **more):
        return dict({"sender": {"id": self.psid}, "recipient": {"id": PAGE_A}, "timestamp": self.at}, **more)

    def page(self):
        return self.b.get("/inbox/%d" % self.st.thread(self.psid)).page

    def cards(self, page):
        """Which element has a card, and what the card says."""
        found = re.findall(r'<li class="(msg|line)[^>]*>(?:(?!<li).)*?<div class="card came">(.*?)</div>', page.source, re.S)
        return [(kind, re.sub(r"<[^>]*>", "|", body)) for kind, body in found]

    def test_an_ad(self):
        ad = {"ref": "spring-sale", "source": "ADS", "type": "OPEN_THREAD", "ad_id": "6045246247433",
              "ads_context_data": {"ad_title": "Tune-up <b>29</b> EUR", "photo_url": "https://scontent.example/a.jpg", "post_id": "1_99"}}
        self.post(message(self.psid, "m_s1_" + self.psid, "about the ad", self.at, referral=ad),
                  message(self.psid, "m_s2_" + self.psid, "and one more", self.at + 1))
        page = self.page()
        self.assertEqual(self.cards(page), [("msg", "|%s||Tune-up &lt;b&gt;29&lt;/b&gt; EUR||%s · %s|" % (
            say("came.ad"), say("came.ref", ref="spring-sale"), say("came.ad_id", id="6045246247433")))])
        self.assertNotIn("scontent.example", page.source)
        for words in (say("panel.came"), say("came.ad"), "Tune-up <b>29</b> EUR"):
            self.assertIn(words, page.by_id_text["pipedrive"])

    def test_a_link_and_then_an_ad(self):
        """The first counts; the later one is a line with its title."""
        self.post(message(self.psid, "m_s3_" + self.psid, "hello", self.at),
                  dict(self.event(referral={"ref": "qr-shop", "source": "SHORTLINK", "type": "OPEN_THREAD"}), timestamp=self.at - 5),
                  dict(self.event(referral={"source": "ADS", "type": "OPEN_THREAD", "ad_id": "1", "ads_context_data": {"ad_title": "Later"}}),
                       timestamp=self.at + 5000))
        page = self.page()
        self.assertEqual(self.cards(page), [("line", "|%s||%s|" % (say("came.link"), say("came.ref", ref="qr-shop")))])
        self.assertIn("Later", page.by_id_text["log"])

    def test_a_button_behind_a_link(self):
        self.post(self.event(postback={"mid": "m_s4_" + self.psid, "title": "Get started", "payload": "GO",
                                       "referral": {"ref": "x", "source": "MESSENGER_CODE", "type": "OPEN_THREAD"}}))
        page = self.page()
        self.assertEqual(self.cards(page), [("line", "|%s||%s|" % (say("came.code"), say("came.ref", ref="x")))])
        self.assertIn("Get started", page.by_id_text["log"])

    def test_odd_referrals(self):
        for i, (referral, words) in enumerate((({"product": {"id": "3344556677"}}, [say("came.product"), say("came.product_id", id="3344556677")]),
                                               ({"source": "SOMETHING_NEW", "ref": "<i>"}, [say("line.referral"), "&lt;i&gt;"]),
                                               ({"source": "ADS"}, [say("came.ad")]), ({}, None), ("x", None), ({"ref": 5, "source": None}, ["5"]))):
            with self.subTest(referral):
                type(self).n += 1
                self.psid = str(self.n)
                self.post(message(self.psid, "m_o%d_%s" % (i, self.psid), "hi", self.at, referral=referral))
                got = self.cards(self.page())
                self.assertEqual(len(got), 0 if words is None else 1)
                for w in words or ():
                    self.assertIn(w, got[0][1])

    def test_former_texts(self):
        mid = "m_e_" + self.psid
        edit = lambda n, text: dict(self.event(message_edit={"mid": mid, "text": text, "num_edit": n}), timestamp=self.at + n)
        self.post(message(self.psid, mid, "Size <54>?", self.at), edit(1, "Size 56?"), edit(2, "Size 58?"))
        page = self.page()
        self.assertEqual(re.findall(r'<details class="former">.*?</details>', page.source, re.S)[0].count("<li>"), 2)
        former = [re.sub(r"<[^>]*>", "", t) for t in re.findall(r"<li>(.*?)</li>", page.source.split('class="former"')[1].split("</ol>")[0], re.S)]
        self.assertEqual(former, [say("msg.former") + "Size &lt;54&gt;?", say("msg.former") + "Size 56?"])
        self.assertEqual([t for _, t in shown(page)], ["Size 58?"])
        # Unsent: nothing of it is left, here or there.
        self.post(dict(self.event(message={"mid": mid, "is_deleted": True}), timestamp=self.at + 9))
        page = self.page()
        self.assertIn(say("msg.deleted"), page.text)
        for words in ("Size", "former"):
            self.assertNotIn(words, page.source)

    def test_policy(self):
        self.post(message(self.psid, "m_p_" + self.psid, "hello", self.at))
        name = self.st.db("SELECT name FROM page WHERE fb_id = ?", PAGE_A)[0][0]
        for k, (action, key) in enumerate((("warning", "notice.warned"), ("block", "notice.blocked"), ("unblock", None))):
            self.post({"recipient": {"id": PAGE_A}, "timestamp": self.at + k, "policy_enforcement": {"action": action, "reason": "because"}})
            text = self.page().text
            for other in ("notice.warned", "notice.blocked"):
                self.assertEqual(say(other, page=name) in text, other == key, (action, other))


if __name__ == "__main__":
    unittest.main(verbosity=2)
