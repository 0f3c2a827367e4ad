#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""attach - files of replies: in pieces, with a plain form, checked, once.

Proved: uploads in pieces that are lost, repeated, late or somebody else's; what
Messenger does not take is refused with the reason, by its bytes; text and
files of one form go as one message each, in order, once; answers that are lost
are settled by the echo or by reading; a form without script; what is left
over goes.
"""
import concurrent.futures
import hashlib
import json
import os
import unittest

from stand import ANNA, PAGE_A, PEETER, Replies, Stand, multipart, say, until

from media import GIF, JPEG, MP4, PNG, ftyp, png

DAY = 86_400_000
PIECE = 90 << 10


class Case(Replies, unittest.TestCase):
    conf = {}

    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand(conf=cls.conf))
        cls.b = cls.st.connect("shared")
        cls.n = 0

    def setUp(self):
        self.st.control("faults/clear", {})
        self.st.control("deliver", {"hold": False, "drop": 0, "duplicates": 0})

    def customer(self):
        psid = self.st.control("customer/new", {"page": PAGE_A, "name": "Kim Tester"})["psid"]
        self.st.customer("hello", psid=psid)
        return psid, until(lambda: self.st.thread(psid))

    def form(self, thread, b=None):
        return (b or self.b).get("/inbox/%d" % thread).page.form_to("/reply")["fields"]

    def post(self, path, fields, files=(), b=None, headers=None):
        body, kind = multipart(list(fields.items()) if isinstance(fields, dict) else fields, files)
        return (b or self.b).request("POST", path, body=body, headers=dict({"Content-Type": kind}, **(headers or {})))

    def piece(self, thread, key, data, at=0, n=PIECE, name="photo.png", b=None, **more):
        """One piece of the file `data`."""
        fields = {"csrf": self.form(thread, b)["csrf"], "key": key, "name": name, "size": len(data), "at": at}
        return self.post("/inbox/%d/upload" % thread, {**fields, **more}, [("data", "blob", data[at:at + n])], b)

    def key(self):
        type(self).n += 1
        return "%024d" % self.n

    def upload(self, thread, data, name="photo.png", b=None):
        """All of it; its key."""
        key, at = self.key(), 0
        while at < len(data):
            r = self.piece(thread, key, data, at, name=name, b=b)
            self.assertEqual(r.status, 200, r.text)
            self.assertGreater(json.loads(r.text)["got"], at)
            at = json.loads(r.text)["got"]
        return key

    def send(self, thread, text="", keys=(), files=(), form=None, b=None):
        fields = [(k, v) for k, v in (form or self.form(thread, b)).items() if k != "file"]
        fields = [(k, text if k == "text" else v) for k, v in fields] + [("upload", k) for k in keys]
        return self.post("/inbox/%d/reply" % thread, fields, files, b)

    def screen(self, psid):
        """What stands on the customer's screen: texts, or (kind, name, SHA-256) of files."""
        c = self.st.control("state?page=%s&psid=%s" % (PAGE_A, psid))["conversations"][0]
        return [m["text"] if m["text"] else [(a["type"], a["name"], a["sha256"]) for a in m["attachments"]]
                for m in c["messages"] if m["direction"] == "out"]

    def file(self, kind, name, data):
        return [(kind, name, hashlib.sha256(data).hexdigest())]

    def kept(self, thread):
        return sorted(f for f in os.listdir(self.st.path("media")) if f.startswith("u%d-" % thread))

    def uploads(self, thread):
        return self.st.db("SELECT name, size, got, type FROM upload WHERE thread_id = ? ORDER BY created_at, id", thread)


class Pieces(Case):
    def test_large_in_pieces(self):
        psid, thread = self.customer()
        data = png(640, 480) + os.urandom(300_000)
        key = self.upload(thread, data, "写真 1.png")
        r = self.send(thread, "Here it is", [key])
        self.assertEqual(r.status, 200)
        self.wait_state(thread, "sent", "sent")
        self.st.delivered()
        self.assertEqual(self.screen(psid), ["Here it is", self.file("image", "__ 1.png", data)])
        self.assertEqual(self.uploads(thread), [])
        # What our page shows is what went out, in a box of its size.
        page = self.b.get("/inbox/%d" % thread).page
        pic = [a for t, a in page.tags if t == "img" and "/media/" in a.get("src", "")][-1]
        self.assertEqual((pic["width"], pic["height"], pic["alt"]), ("640", "480", say("att.alt_sent")))
        got = self.b.get(pic["src"])
        self.assertEqual((got.body, got.header("Content-Type")), (data, "image/png"))
        sent = [r for r in self.st.requests(endpoint="fb.send") if psid in json.dumps(r)]
        self.assertEqual(len(sent), 2)

    def test_lost_repeated_and_late_pieces(self):
        _, thread = self.customer()
        data, key = PNG + os.urandom(200_000), self.key()
        self.assertEqual(json.loads(self.piece(thread, key, data).text), {"got": PIECE})
        for at, got in ((0, PIECE), (PIECE * 2, PIECE), (PIECE, PIECE * 2), (PIECE, PIECE * 2), (0, PIECE * 2),
                        (PIECE * 2, len(data)), (PIECE * 2, len(data)), (0, len(data))):
            with self.subTest(at=at):
                self.assertEqual(json.loads(self.piece(thread, key, data, at).text), {"got": got})
        with open(self.st.path("media", self.kept(thread)[0]), "rb") as f:
            self.assertEqual(f.read(), data)

    def test_at_the_same_moment(self):
        _, thread = self.customer()
        data, key = JPEG + os.urandom(50_000), self.key()
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            got = list(pool.map(lambda _: self.piece(thread, key, data).text, range(6)))
        self.assertEqual({json.loads(g)["got"] for g in got}, {len(data)})
        self.assertEqual(len(self.uploads(thread)), 1)

    def test_bad_pieces(self):
        _, thread = self.customer()
        csrf = self.form(thread)["csrf"]
        good = {"csrf": csrf, "key": "k" * 24, "name": "a.png", "size": 100, "at": 0}
        for change, status in (({"key": "short"}, 400), ({"key": None}, 400), ({"size": "x"}, 400), ({"size": None}, 400), ({"at": 101}, 400),
                               ({"at": -1}, 400), ({"name": None}, 400), ({"csrf": "x"}, 403), ({"csrf": None}, 403)):
            with self.subTest(change):
                fields = {k: v for k, v in {**good, **change}.items() if v is not None}
                self.assertEqual(self.post("/inbox/%d/upload" % thread, fields, [("data", "blob", PNG[:50])]).status, status)
        # More than the rest, more than a piece, another size than before.
        self.assertEqual(self.post("/inbox/%d/upload" % thread, good, [("data", "blob", PNG + b"x" * 100)]).status, 400)
        big = PNG + b"x" * 400_000
        self.assertEqual(self.post("/inbox/%d/upload" % thread, {**good, "key": "m" * 24, "size": len(big)}, [("data", "blob", big)]).status, 413)
        self.assertEqual(self.post("/inbox/%d/upload" % thread, {**good, "size": 99}, [("data", "blob", PNG[:50])]).status, 400)
        self.assertEqual(self.post("/inbox/999999/upload", good, [("data", "blob", PNG)]).status, 404)
        self.assertEqual(self.b.post("/inbox/%d/upload" % thread, good).status, 200)    # no bytes: how far is it?

    def test_refused_by_their_bytes(self):
        _, thread = self.customer()
        mib = 1 << 20
        for name, head, size, why in (
                ("IMG_1.HEIC", ftyp(b"heic"), 1000, say("problem.file_format", format="HEIC")), ("renamed.jpg", ftyp(b"mif1"), 1000, say("problem.file_format", format="HEIF")),
                ("a.avif", ftyp(b"avif"), 1000, say("problem.file_format", format="AVIF")), ("a.webp", b"RIFF\x10\0\0\0WEBPVP8 ", 1000, say("problem.file_format", format="WebP")),
                ("a.tif", b"II*\0", 1000, say("problem.file_format", format="TIFF")), ("empty.txt", b"", 0, say("problem.file_empty")),
                ("big.jpg", JPEG, 8 * mib + 1, say("problem.picture_large")), ("big.zip", b"PK\3\4", 25 * mib + 1, say("problem.file_large"))):
            with self.subTest(name):
                fields = {"csrf": self.form(thread)["csrf"], "key": self.key(), "name": name, "size": size, "at": 0}
                r = self.post("/inbox/%d/upload" % thread, fields, [("data", "blob", (head + b"\1" * 200)[:min(size, 200)])])
                self.assertEqual((r.status, json.loads(r.text)), (422, {"error": why}))
        # In pieces too small to tell, at the end.
        data, key = ftyp(b"heic") + b"x" * 50, self.key()
        for at in range(0, len(data), 10):
            r = self.piece(thread, key, data, at, 10)
        self.assertEqual(r.status, 422)
        self.assertEqual((self.uploads(thread), self.kept(thread)), ([], []))

    def test_other_peoples(self):
        psid, thread = self.customer()
        _, elsewhere = self.customer()
        key = self.upload(thread, PNG)
        peeter, _ = self.st.sign_in(user=PEETER)
        # A colleague's, and one of another conversation: they do not exist.
        self.assertIn(say("problem.file_lost"), self.send(thread, "x", [key], b=peeter).page.text)
        self.assertIn(say("problem.file_lost"), self.send(elsewhere, "x", [key]).page.text)
        self.assertEqual((self.state(thread), self.state(elsewhere)), ([], []))
        self.assertEqual(self.send(thread, "", [key]).status, 200)
        self.wait_state(thread, "sent")
        self.assertEqual(len(self.screen(psid)), 1)

    def test_too_many(self):
        _, thread = self.customer()
        anna, _ = self.st.sign_in(user=ANNA)
        for _ in range(30):
            self.upload(thread, PNG, b=anna)
        r = self.piece(thread, self.key(), PNG, b=anna)
        self.assertEqual((r.status, json.loads(r.text)), (422, {"error": say("problem.uploads_open")}))
        self.assertIn(say("problem.files_many"), self.send(thread, "x", ["%024d" % i for i in range(11)], b=anna).page.text)

    def test_taken_away(self):
        _, thread = self.customer()
        key = self.upload(thread, PNG)
        self.assertEqual(len(self.kept(thread)), 1)
        for _ in range(2):
            r = self.b.post("/inbox/%d/upload" % thread, {"csrf": self.form(thread)["csrf"], "key": key, "drop": "1"})
            self.assertEqual(json.loads(r.text), {"got": 0})
        self.assertEqual((self.uploads(thread), self.kept(thread)), ([], []))
        self.assertIn(say("problem.file_lost"), self.send(thread, "x", [key]).page.text)


class Sending(Case):
    def test_kinds(self):
        psid, thread = self.customer()
        files = [("a.gif", GIF, "image"), ("b.jpg", JPEG, "image"), ("c.mp4", MP4, "video"), ("d.m4a", ftyp(b"M4A "), "audio"), ("e.mp3", b"ID3\4" + b"x" * 90, "audio"),
                 ("f.pdf", b"%PDF-1.7 " + b"x" * 90, "file"), ("g.mov", ftyp(b"qt  "), "file"), ("h.html", b"<script>alert(1)</script>", "file"), ("見積書.pdf", b"%PDF-1.4", "file")]
        keys = [self.upload(thread, data, name) for name, data, _ in files]
        self.send(thread, "all of them", keys)
        self.wait_state(thread, *["sent"] * 10)
        self.st.delivered()
        want = [self.file(kind, "file.pdf" if name[0] == "見" else name, data) for name, data, kind in files]
        self.assertEqual(self.screen(psid), ["all of them"] + want)
        # Ours have the name they had.
        page = self.b.get("/inbox/%d" % thread)
        self.assertIn("見積書.pdf", page.page.text)
        html = [h for h, _ in page.page.links if "/media/" in h][-3:][1]
        r = self.b.get(html)
        self.assertEqual((r.header("Content-Type"), r.header("X-Content-Type-Options")), ("application/octet-stream", "nosniff"))
        self.assertTrue(r.header("Content-Disposition").startswith('attachment; filename="h.html"'))

    def test_same_form_again(self):
        psid, thread = self.customer()
        form, keys = self.form(thread), [self.upload(thread, PNG), self.upload(thread, GIF, "b.gif")]
        for _ in range(3):
            self.assertEqual(self.send(thread, "once", keys, form=form).status, 200)
        # Its plain form, too: the files come once more and are not wanted.
        self.assertEqual(self.send(thread, "once", files=[("file", "c.gif", GIF)], form=form).status, 200)
        self.wait_state(thread, "sent", "sent", "sent")
        self.st.delivered()
        self.assertEqual(self.screen(psid), ["once", self.file("image", "photo.png", PNG), self.file("image", "b.gif", GIF)])

    def test_same_form_at_the_same_moment(self):
        psid, thread = self.customer()
        form, keys = self.form(thread), [self.upload(thread, PNG)]
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda _: self.send(thread, "double click", keys, form=form), range(6)))
        self.wait_state(thread, "sent", "sent")
        self.st.delivered()
        self.assertEqual(self.screen(psid), ["double click", self.file("image", "photo.png", PNG)])

    def test_one_file_twice(self):
        _, thread = self.customer()
        key = self.upload(thread, PNG)
        self.assertIn(say("problem.file_lost"), self.send(thread, "x", [key, key]).page.text)
        self.assertEqual(self.state(thread), [])

    def test_lost_answers(self):
        """Each way a send can end unknown, settled by the echo, and without it by reading; never sent twice."""
        for how in ({"cut": "after"}, {"status": 500, "work": True, "body": "oops"}):
            for echo in (True, False):
                with self.subTest(how=how, echo=echo):
                    self.st.control("deliver", {"drop": 0 if echo else True})
                    psid, thread = self.customer_with(echo)
                    key = self.upload(thread, PNG)
                    self.st.fault({"endpoint": "fb.send"}, times=1, **how)
                    self.send(thread, "", [key])
                    if not echo:
                        self.wait_state(thread, "checking")
                        self.st.write("UPDATE outbox SET next_at = 1 WHERE state = 'checking'")
                        self.st.sync()
                    self.wait_state(thread, "sent")
                    self.assertEqual(self.screen(psid), [self.file("image", "photo.png", PNG)])

    def customer_with(self, echo):
        if echo:
            return self.customer()
        self.st.control("deliver", {"drop": 0})
        out = self.customer()
        self.st.control("deliver", {"drop": True})
        return out

    def test_never_left(self):
        """Refused before any work: sent later, once, and after two looks that found nothing."""
        psid, thread = self.customer()
        key = self.upload(thread, b"%PDF-1.7 x", "offer.pdf")
        self.st.fault({"endpoint": "fb.send"}, times=1, cut="before")
        self.send(thread, "", [key])
        for _ in range(2):
            self.wait_state(thread, "checking")
            self.st.write("UPDATE outbox SET next_at = 1 WHERE state = 'checking'")
            self.st.sync()
        self.wait_state(thread, "sent")
        self.assertEqual(self.screen(psid), [self.file("file", "offer.pdf", b"%PDF-1.7 x")])

    def test_another_file_is_no_evidence(self):
        psid, thread = self.customer()
        key = self.upload(thread, b"%PDF-1.7 x", "offer.pdf")
        self.st.control("deliver", {"drop": True})
        self.st.fault({"endpoint": "fb.send"}, times=1, cut="before")
        self.send(thread, "", [key])
        self.wait_state(thread, "checking")
        self.st.control("page/write", {"page": PAGE_A, "psid": psid, "attachments": [{"type": "file", "name": "other.pdf", "data": "JVBERi0x", "mime": "application/pdf"}]})
        for _ in range(2):
            self.st.write("UPDATE outbox SET next_at = 1 WHERE state = 'checking'")
            self.st.sync()
        self.wait_state(thread, "sent")
        self.assertEqual([s[0][1] for s in self.screen(psid)], ["other.pdf", "offer.pdf"])

    def test_refused_by_facebook(self):
        psid, thread = self.customer()
        key = self.upload(thread, PNG)
        self.st.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {"message": "(#100) type", "code": 100, "error_subcode": 2018047, "type": "OAuthException"}})
        self.send(thread, "", [key])
        self.wait_state(thread, "failed")
        page = self.b.get("/inbox/%d" % thread)
        self.assertIn(say("error.fb.media_type"), page.page.text)
        self.assertNotIn("?edit=", page.text)
        # Its file is gone from the disk: said, not sent empty.
        for f in self.kept(thread):
            os.rename(self.st.path("media", f), self.st.path("away-" + f))
        self.st.write("UPDATE outbox SET why = 'error.fb.away' WHERE thread_id = ?", thread)
        self.st.write("UPDATE message SET detail = 'error.fb.away' WHERE thread_id = ? AND state = 6", thread)
        self.b.submit(self.b.get("/inbox/%d" % thread), "/retry/", {})
        until(lambda: say("error.file_lost") in self.b.get("/inbox/%d" % thread).page.text, 20)
        self.assertEqual(self.screen(psid), [])

    def test_left_over(self):
        _, thread = self.customer()
        before = set(self.kept(thread))
        self.upload(thread, PNG)
        self.st.write("UPDATE upload SET created_at = created_at - ?", DAY - 3_600_000)
        self.st.sync()
        self.assertEqual(len(set(self.kept(thread)) - before), 1)
        self.st.write("UPDATE upload SET created_at = created_at - ?", 3_700_000)
        self.st.sync()
        self.assertEqual((set(self.kept(thread)) - before, self.uploads(thread)), (set(), []))


class Plain(Case):
    """The form as a browser without script sends it."""

    def test_text_and_files(self):
        psid, thread = self.customer()
        r = self.send(thread, "with files", files=[("file", "C:\\Users\\me\\a.png", PNG), ("file", 'quote "x".pdf', b"%PDF-1.7 x")])
        self.assertEqual(r.status, 200)
        self.wait_state(thread, "sent", "sent", "sent")
        self.st.delivered()
        self.assertEqual(self.screen(psid), ["with files", self.file("image", "C__Users_me_a.png", PNG), self.file("file", "quote _x_.pdf", b"%PDF-1.7 x")])
        self.assertEqual([f for f in os.listdir(self.st.path("media")) if f.startswith(".")], [])

    def test_nothing_chosen(self):
        psid, thread = self.customer()
        self.assertEqual(self.send(thread, "no file", files=[("file", "", b"")]).status, 200)
        self.wait_state(thread, "sent")
        self.assertIn(say("problem.reply_empty"), self.send(thread, "", files=[("file", "", b"")]).page.text)

    def test_refused_and_kept(self):
        psid, thread = self.customer()
        r = self.send(thread, "x" * 2001, files=[("file", "a.png", PNG)])
        self.assertEqual(r.status, 422)
        self.assertIn("a.png", r.page.text)
        kept = [a["value"] for t, a in r.page.tags if t == "input" and a.get("name") == "upload"]
        self.assertEqual(len(kept), 1)
        form = {k: v for k, v in r.page.form_to("/reply")["fields"].items() if k != "upload"}
        self.assertEqual(self.send(thread, "shorter", kept, form=form).status, 200)
        self.wait_state(thread, "sent", "sent")
        self.st.delivered()
        self.assertEqual(self.screen(psid), ["shorter", self.file("image", "a.png", PNG)])

    def test_not_taken(self):
        _, thread = self.customer()
        r = self.send(thread, "see", files=[("file", "IMG_1.heic", ftyp(b"heic")), ("file", "b.png", PNG)])
        self.assertEqual(r.status, 422)
        self.assertIn("IMG_1.heic: " + say("problem.file_format", format="HEIC"), r.page.text)
        self.assertIn("see</textarea>", r.text)
        self.assertIn("b.png", r.page.text)     # the good one stays
        r = self.send(thread, "see", files=[("file", "%d.png" % i, PNG) for i in range(11)])
        self.assertEqual(r.status, 413)
        self.assertIn(say("problem.files_many"), r.page.text)
        self.assertEqual(self.state(thread), [])

    def test_cut_by_the_host(self):
        _, thread = self.customer()
        body, kind = multipart([("csrf", self.form(thread)["csrf"]), ("text", "x"), ("key", "k" * 24)], [("file", "a.png", PNG + b"x" * 70_000)])
        for cut in (body[:-10], body[:40_000]):
            r = self.b.request("POST", "/inbox/%d/reply" % thread, body=cut, headers={"Content-Type": kind})
            self.assertEqual(r.status, 413)
            self.assertIn(say("problem.upload_cut"), r.page.text)
        self.assertEqual([f for f in os.listdir(self.st.path("media")) if f.startswith(".")], [])

    def test_malformed(self):
        _, thread = self.customer()
        csrf = self.form(thread)["csrf"]
        good, kind = multipart([("csrf", csrf), ("text", "x"), ("key", "k" * 24)], [])
        for body, ctype in ((good, "multipart/form-data"), (good, "multipart/form-data; boundary="), (good, "multipart/form-data; boundary=" + "b" * 71),
                            (good.replace(b'name="text"', b'name="csrf"'), kind), (good.replace(b"form-data", b"attachment"), kind),
                            (good.replace(b"x\r\n", b"\xff\r\n"), kind), (good.replace(b"\r\n\r\n", b"\n\n"), kind), (b"", kind)):
            r = self.b.request("POST", "/inbox/%d/reply" % thread, body=body, headers={"Content-Type": ctype})
            self.assertIn(r.status, (400, 403, 413), body)
        self.assertEqual(self.b.request("POST", "/inbox/%d/retry/1" % thread, body=good, headers={"Content-Type": kind}).status, 415)
        self.assertEqual(self.state(thread), [])

    def test_in_the_frame(self):
        psid, thread = self.customer()
        self.st.link(thread, "deal", 4711)
        url = self.st.control("pipedrive/frame", {"kind": "deal", "id": 4711, "company": 9000123, "user": 10483244})["url"]
        b = self.st.browser()
        root = "/pd/" + b.get(url, follow=False).header("Location").split("/pd/")[1].split("/")[0]
        self.assertEqual(self.post("%s/inbox/%d/upload" % (root, thread), {"key": "f" * 24, "name": "a.png", "size": len(PNG), "at": 0},
                                   [("data", "blob", PNG)], b).status, 200)
        self.assertEqual(self.post("%s/inbox/%d/reply" % (root, thread), [("key", "k" * 24), ("text", "from the frame"), ("upload", "f" * 24)], b=b).status, 200)
        self.wait_state(thread, "sent", "sent")
        self.st.delivered()
        self.assertEqual(self.screen(psid), ["from the frame", self.file("image", "a.png", PNG)])


if __name__ == "__main__":
    unittest.main()
