#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""export - a copy of everything: one archive, built in slices, for a week, for those who may read.

Proved: every message and file is in it, as JSON and as pages whose links lead
somewhere; a long conversation comes in parts, each its own short piece of work;
a slice that died is done again; only the installer and admins who may read
fetch it; it is swept, and taken away with what it holds.
"""
import html.parser
import io
import json
import os
import sqlite3
import tarfile
import unittest

from stand import ANNA, JAAN, PAGE_A, Stand, say, until

DAY = 86400000


class Links(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found += [v for k, v in attrs if k == "href"]


class Export(unittest.TestCase):
    def setUp(self):
        self.st = self.enterContext(Stand())
        self.b = self.st.connect("shared", pages=(PAGE_A,))
        self.st.customer("hello & <b>welcome</b>")
        self.st.customer(None, attachments=[{"type": "image", "picture": "cat"}])
        self.st.customer("日本語のメッセージ", psid=JAAN)
        self.thread = until(self.st.thread)
        self.st.reply(self.b, self.thread, "From ten to four.")
        until(lambda: self.st.db("SELECT 1 FROM outbox WHERE state = 'sent'"))
        self.st.sync()
        until(lambda: self.st.db("SELECT 1 FROM attachment WHERE file <> ''"))

    def ready(self):
        return self.st.db("SELECT id FROM export WHERE state = 'ready'")

    def make(self, b=None):
        b = b or self.b
        r = b.submit(b.get("/settings/export"), "/settings/export")
        self.assertEqual(r.status, 200)
        self.st.sync()
        until(self.ready)
        r = b.get("/settings/export")
        return r.page.link_to("/settings/export/")

    def archive(self, link, b=None):
        r = (b or self.b).get(link)
        self.assertEqual((r.status, r.header("Content-Type")), (200, "application/x-tar"))
        self.assertIn("attachment", r.header("Content-Disposition"))
        with tarfile.open(fileobj=io.BytesIO(r.body)) as t:
            return {m.name: t.extractfile(m).read() for m in t.getmembers()}

    def test_whole(self):
        self.assertIn("/settings/export", self.b.get("/settings/remove").text)
        jaan = self.st.thread(JAAN)
        self.b.submit(self.b.get("/inbox/%d" % jaan), "/inbox/%d/state" % jaan, {"until": "tomorrow"})
        files = self.archive(self.make())
        summary = json.loads(files["export.json"])
        self.assertEqual((summary["company"], summary["conversations"], summary["messages"], summary["files"]), ("Acme Sales", 2, 4, 1))
        doc = json.loads(files["c%d-1.json" % self.thread])
        self.assertEqual((doc["customer"], doc["state"], "snoozed_until" in doc), ("Liisa Virtanen", "open", False))
        other = json.loads(files["c%d-1.json" % jaan])
        self.assertEqual(other["state"], "snoozed")
        self.assertRegex(other["snoozed_until"], r"^20\d\d-\d\d-\d\dT\d\d:00:00Z$")
        self.assertIn(say("list.snoozed"), files["index.html"].decode())
        self.assertEqual([(m["direction"], m["by"], m.get("text")) for m in doc["messages"]], [
            ("in", "Liisa Virtanen", "hello & <b>welcome</b>"), ("in", "Liisa Virtanen", None), ("out", "Maria Tamm", "From ten to four.")])
        picture = files[doc["messages"][1]["files"][0]["file"]]
        with open(self.st.path("media", self.st.db("SELECT file FROM attachment")[0][0]), "rb") as f:
            self.assertEqual(f.read(), picture)
        page = files["c%d-1.html" % self.thread].decode()
        self.assertIn("hello &amp; &lt;b&gt;welcome&lt;/b&gt;", page)
        self.assertIn("日本語のメッセージ", files["c%d-1.html" % jaan].decode())
        for name, body in files.items():
            if name.endswith(".html"):
                for href in Links(body.decode()).found:
                    self.assertTrue(href.startswith("./") and href[2:] in files, (name, href))
        everything = b"".join(files.values())
        for secret in ("EAA", "v1:", "refresh"):
            self.assertNotIn(secret.encode(), everything.replace(picture, b""))
        self.assertEqual(self.st.db("SELECT count(*) FROM audit WHERE what = 'exported'"), [(1,)])

    def test_parts_and_a_death(self):
        c = sqlite3.connect(self.st.path("inbox.db"), timeout=10, isolation_level=None)
        c.execute("BEGIN IMMEDIATE")
        c.executemany("INSERT INTO message(thread_id, at, id, dir, origin, text) VALUES(?, ?, ?, 0, 0, ?)",
                      [(self.thread, 1000 + i, 10000 + i, "old %d" % i) for i in range(1000)])
        c.execute("COMMIT")
        # A slice that died: its lease is over, and what it wrote behind the committed size is rubbish.
        self.b.submit(self.b.get("/settings/export"), "/settings/export")
        until(self.ready)
        (name, size), = self.st.db("SELECT file, size FROM export")
        path = self.st.path("exports", name + ".tar")
        self.assertEqual(os.stat(path).st_mode & 0o077, 0)
        c.execute("UPDATE export SET state = 'building', ended_at = 0, contents = 0, size = 0, thread = 0, part = 0, msg_at = 0, msg_id = 0,"
                  " after_thread = 0, threads = 0, messages = 0, files = 0, lease_until = 1")
        c.close()
        with open(path, "r+b") as f:
            f.seek(0)
            f.write(b"rubbish of a slice that died" * 100)
        self.st.sync()
        files = self.archive(self.b.get("/settings/export").page.link_to("/settings/export/"))
        texts = []
        for n in range(1, 5):
            texts += [m.get("text") for m in json.loads(files["c%d-%d.json" % (self.thread, n)])["messages"]]
        self.assertEqual(sorted(t for t in texts if t and t.startswith("old ")), sorted("old %d" % i for i in range(1000)))
        self.assertEqual(json.loads(files["export.json"])["messages"], 1004)

    def test_who_and_how_long(self):
        st = self.st
        anna, _ = st.sign_in(user=ANNA)
        link = self.make()
        self.assertEqual(anna.get(link).status, 403)
        self.assertEqual(st.browser().get(link, follow=False).status, 303)
        st.clock(6 * DAY)
        st.sync()
        self.assertEqual(self.b.get(link).status, 200)
        st.clock(7 * DAY + 60000)
        st.sync()
        self.assertEqual(self.b.get(link).status, 404)
        self.assertEqual(os.listdir(st.path("exports")), [])

    def test_it_goes_with_what_it_holds(self):
        link = self.make()
        self.b.submit(self.b.get("/settings/customers/%d" % self.thread), "/settings/customers/%d" % self.thread)
        self.assertEqual(self.b.get(link).status, 404)
        self.st.sync()
        self.assertEqual(os.listdir(self.st.path("exports")), [])
        files = self.archive(self.make())
        self.assertNotIn(b"Liisa", b"".join(files.values()))
        self.assertIn(say("export.heading"), self.b.get("/settings/export").page.text)


if __name__ == "__main__":
    unittest.main()
