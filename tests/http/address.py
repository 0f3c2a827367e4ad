# SPDX-License-Identifier: MIT
"""address - every message has an address of its own.

Proved: the address leads to the page where the message stands, with some of
what followed it, wherever in the conversation that is and whatever its time
became; from there pages lead on to both ends; a quote leads to its source, on
the page or elsewhere; a reply keeps its address when Facebook names it; what
is gone, unknown or another conversation's leads to a sentence.
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
