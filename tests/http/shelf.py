# SPDX-License-Identifier: MIT
"""shelf - events that cannot be processed are kept, shown to admins, and tried again.

Proved: what is unknown, what the database refuses and what is no JSON goes to
the shelf with a 200; only admins of the Page's company are told and may look;
a download has no text of anybody; a new version tries again, once, and what
works leaves the shelf; by hand all are tried.
"""
import json
import os
import sqlite3
import subprocess
import unittest

from stand import ANNA, AOZORA, ASID_MISAKI, LIISA, MISAKI, PAGE_A, PAGE_C, PEETER, Stand, event_body, message, say

SECRETS = ("Kaks kohvi palun", "山田太郎", "liisa@example.net", "https://shop.example/?card=4111",
           "59.4370", "+372 5555 1234", "geheim", "4111111111111111")


def odd(n, **more):
    """An event of a kind nobody knows, with texts in every place."""
    return dict({
        "sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "timestamp": 1795341600000 + n,
        "brand_new_thing": {
            "text": SECRETS[0], "name": SECRETS[1], "payload": {"mail": SECRETS[2], "kind": "button"},
            "url": SECRETS[3], "list": ["geheim", {"title": SECRETS[5]}, "geheim"],
            "coordinates": {"lat": 59.4370, "long": 24.7536}, "id": "m_4711", "Kaks kohvi palun": True,
            "phone": 3725555123456, "card": 4111111111111111, "flag": True, "none": None}}, **more)


class Shelf(unittest.TestCase):
    def setUp(self):
        self.st = self.enterContext(Stand())
        self.b = self.st.connect("shared")

    def write(self, *statements):
        c = sqlite3.connect(self.st.path("inbox.db"), timeout=10, isolation_level=None)
        try:
            for s in statements:
                c.execute(s)
        finally:
            c.close()

    def ctl(self, *args):
        r = subprocess.run([os.path.join(self.st.build, "inboxctl"), "-c", self.st.conf, *args],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertNotIn("Sanitizer", r.stderr)
        return r

    def rows(self):
        return self.st.db("SELECT id, page_id <> 0, why, tries, program FROM quarantine ORDER BY id")

    def test_shown(self):
        st, b = self.st, self.b
        self.assertNotIn("/shelf", b.get("/inbox").text)
        self.assertIn(say("shelf.empty"), b.get("/shelf").page.text)
        self.assertEqual(st.hook(event_body([odd(1), message(LIISA, "m_good", "a good neighbour")])), 200)
        self.assertEqual(st.hook(event_body([odd(1), odd(2)])), 200)
        self.assertEqual(st.hook(b'{"object":"page","entry":[{"geheim": Kaks kohvi palun'), 200)
        self.assertEqual([(p, w) for _, p, w, _, _ in self.rows()], [(1, "unknown"), (1, "unknown"), (0, "not json")])
        self.assertEqual(st.db("SELECT count(*) FROM message WHERE text = 'a good neighbour'"), [(1,)])
        (one,), = st.db("SELECT min(id) FROM quarantine")
        (host,), = st.db("SELECT id FROM quarantine WHERE page_id = 0")

        # An admin is told and led there; in both languages.
        r = b.get("/inbox")
        self.assertIn("2 events from Facebook could not be processed", r.page.text)
        r = b.get(r.page.link_to("/shelf"))
        self.assertEqual(r.status, 200)
        self.assertEqual(r.page.text.count(say("shelf.why_unknown")), 2)
        self.assertIn(say("shelf.version", **{"e.program": "0.1.0"}), r.page.text)
        d = b.get(r.page.link_to("/shelf/%d" % one))
        self.assertEqual(d.status, 200)
        self.assertIn("attachment;", d.header("Content-Disposition"))
        self.assertEqual(d.header("Content-Type").split(";")[0], "application/json")
        for text in SECRETS:
            self.assertNotIn(text, d.text)
            self.assertNotIn(json.dumps(text)[1:-1], d.text)
        doc = json.loads(d.text)
        self.assertEqual((doc["why"], doc["array"], doc["page"]), ("unknown", "messaging", PAGE_A))
        e = doc["event"]
        self.assertEqual(e["sender"]["id"], LIISA)
        self.assertEqual(e["timestamp"], 1795341600001)
        thing = e["brand_new_thing"]
        self.assertEqual((thing["text"], thing["name"], thing["flag"], thing["none"], thing["id"]),
                         ("…(16)", "…(4)", True, None, "m_4711"))
        self.assertEqual((thing["list"][0], thing["list"][2], thing["coordinates"]["lat"], thing["card"]), ("…(8)", "…(8)", 0, 0))

        # Nobody else is: a colleague, another company, a visitor.
        for user in (PEETER, ANNA):
            other, r = st.sign_in(user=user)
            admin = st.db("SELECT admin FROM user WHERE pd_user_id = ?", user)[0][0]
            page, band = other.get("/shelf"), other.get("/inbox").text
            self.assertEqual((page.status, "/shelf" in band), (200, True) if admin else (403, False), user)
            self.assertEqual(other.get("/shelf/%d" % one).status, 200 if admin else 403)
        self.assertIn((0,), st.db("SELECT admin FROM user"))
        aozora = st.connect("shared", AOZORA, MISAKI, ASID_MISAKI, (PAGE_C,), lang="ja")
        self.assertIn(say("shelf.empty", "ja"), aozora.get("/shelf").page.text)
        self.assertNotIn("/shelf", aozora.get("/inbox").text)
        self.assertEqual(aozora.get("/shelf/%d" % one).status, 404)
        self.assertEqual(b.get("/shelf/%d" % host).status, 404)
        self.assertEqual(st.browser().get("/shelf", follow=False).status, 303)

        # The host sees all of it, blanked too.
        out = self.ctl("shelf")
        self.assertEqual(out.stdout.count("\n"), 3)
        self.assertEqual(self.ctl("shelf", "list").stdout, out.stdout)
        shown = json.loads(self.ctl("shelf", "show", str(host)).stdout)
        self.assertEqual(shown["why"], "not json")
        self.assertNotIn("kohvi", shown["shape"])
        self.assertIn('{"object":"page","entry":[{"geheim":', shown["shape"])
        self.assertIn("events held back  3", self.ctl("status").stdout)
        self.assertEqual(self.ctl("shelf", "show", "4711").returncode, 1)
        self.assertEqual(self.ctl("shelf", "eat").returncode, 2)

    def test_tried_again(self):
        st = self.st
        self.write("CREATE TRIGGER boom BEFORE INSERT ON message WHEN NEW.text LIKE 'boom%' BEGIN SELECT RAISE(ABORT, 'no'); END")
        self.assertEqual(st.hook(event_body([message(LIISA, "m_b1", "boom one")])), 200)
        self.assertEqual(st.hook(event_body([message(LIISA, "m_b2", "boom two"), message(LIISA, "m_ok", "fine")])), 200)
        self.assertEqual(st.hook(event_body([odd(3)])), 200)
        late = event_body([message(LIISA, "m_late", "from a body that could not be read")])
        self.assertEqual(st.hook(b"\xff\xfe not json"), 200)
        self.assertEqual([w for _, _, w, _, _ in self.rows()], ["refused", "refused", "unknown", "not json"])
        self.assertIn(say("shelf.why_refused"), self.b.get("/shelf").page.text)
        before = self.rows()
        self.assertEqual(st.db("SELECT text FROM message WHERE mid IN ('m_b1','m_b2','m_ok')"), [("fine",)])

        # The same version does not try again by itself.
        self.write("DROP TRIGGER boom")
        st.sync()
        self.assertEqual(self.rows(), before)
        # The next one does, once; the trigger is gone, and the second body can be read now.
        (raw,), = st.db("SELECT id FROM quarantine WHERE why = 'not json'")
        self.write("UPDATE quarantine SET program = '0.0.9'")
        c = sqlite3.connect(st.path("inbox.db"), timeout=10, isolation_level=None)
        c.execute("UPDATE quarantine SET raw = ? WHERE id = ?", (late, raw))
        c.close()
        rev = st.db("SELECT rev FROM install")[0][0]
        st.sync()
        left = self.rows()
        self.assertEqual([(w, t, p) for _, _, w, t, p in left], [("unknown", 1, "0.1.0")])
        self.assertGreater(st.db("SELECT rev FROM install")[0][0], rev, "people see it")
        r = self.b.get("/inbox/%d" % st.thread()).page.text
        for text in ("boom one", "boom two", "fine", "from a body that could not be read"):
            self.assertEqual(r.count(text), 1 + (text in self.b.get("/inbox").page.text), text)
        self.assertIn("1 event from Facebook could not be processed", self.b.get("/inbox").page.text)
        self.assertIn("Tried again 1 time.", self.b.get("/shelf").page.text)
        st.sync()
        self.assertEqual(self.rows(), left)
        # What came in meanwhile as a repeat stays one message.
        st.hook(event_body([message(LIISA, "m_b1", "boom one")]))
        self.assertEqual(st.db("SELECT count(*) FROM message WHERE mid = 'm_b1'"), [(1,)])

        # By hand, whoever tried last.
        self.assertIn("0 of 1 ", self.ctl("shelf", "retry").stdout)
        self.assertEqual([t for _, _, _, t, _ in self.rows()], [2])
        # A database that is busy counts as no try.
        holder = sqlite3.connect(st.path("inbox.db"), isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        self.assertEqual(self.ctl("shelf", "retry").returncode, 1)
        holder.execute("ROLLBACK")
        holder.close()
        self.assertEqual([t for _, _, _, t, _ in self.rows()], [2])


if __name__ == "__main__":
    unittest.main(verbosity=1)
