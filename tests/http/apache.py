#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""apache.py - the main way through real Apache: mod_fcgid and plain CGI, with the configuration we ship."""
import unittest

from stand import LIISA, PAGE_A, Stand, event_body, until


class Apache(unittest.TestCase):
    def way(self, kind):
        with Stand(server=kind) as st:
            b = st.connect(pages=[PAGE_A])
            st.customer("Do you open on Sunday?")
            thread = until(st.thread)
            r = b.get("/inbox/%d" % thread)
            self.assertIn("Do you open on Sunday?", r.page.by_id_text["log"])
            st.reply(b, thread, "From ten to four.")
            until(lambda: st.db("SELECT state FROM outbox")[0][0] == "sent")
            got = [m["text"] for c in st.control("state?page=" + PAGE_A)["conversations"] if c["psid"] == LIISA
                   for m in c["messages"] if m["direction"] == "out"]
            self.assertEqual(got, ["From ten to four."])
            # A batch of 900 KiB: mod_fcgid alone would refuse more than 128 KiB.
            many = [{"sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "timestamp": 1795341600000 + i,
                     "message": {"mid": "m_big%04d" % i, "text": "x" * 1500}} for i in range(570)]
            body = event_body(many)
            self.assertGreater(len(body), 900 * 1024)
            self.assertEqual(st.hook(body), 200)
            self.assertEqual(st.db("SELECT count(*) FROM message WHERE mid LIKE 'm_big%'")[0][0], 570)
            self.assertEqual(st.hook(body, signature="sha256=" + "0" * 64), 403)
            r = b.get("/static/app.css")
            self.assertEqual((r.status, r.header("X-Content-Type-Options")), (200, "nosniff"))
            self.assertIn("immutable", r.header("Cache-Control"))

    def test_mod_fcgid(self):
        self.way("apache")

    def test_plain_cgi(self):
        self.way("apache-cgi")


if __name__ == "__main__":
    unittest.main()
