#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""media.py - the folder for pictures and files: its limit, room within it, what is only linked, ranges of a file."""
import base64
import os
import struct
import unittest

from stand import LIISA, PAGE_A, Stand, say, until


def png(w, h):
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", w, h) + b"\x08\x06\0\0\0" + b"\0" * 40


def ftyp(brand):
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\2\0isomiso2" + b"\0" * 60


PNG = png(3, 2)
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0\0\x0b\x08\0\x20\0\x40\1\1\x11\0" + b"\0" * 40
GIF = b"GIF89a\x05\0\x04\0" + b"\0" * 60
MP4 = ftyp(b"isom")


def files(st):
    try:
        return sorted(f for f in os.listdir(st.path("media")) if f.startswith("a"))
    except OSError:
        return []


class Folder(unittest.TestCase):
    def picture(self, st, data=None, **more):
        att = {"type": "image", "picture": "bicycle"}
        if data is not None:
            att = dict({"type": "image", "data": base64.b64encode(data).decode(), "name": "p.png", "mime": "image/png"}, **more)
        st.control("customer/write", {"page": PAGE_A, "psid": LIISA, "attachments": [att]})
        st.control("wait", {"timeout_ms": 15000})

    def rows(self, st):
        return st.db("SELECT a.file, a.width, a.height FROM attachment a JOIN message m ON m.thread_id = a.thread_id AND m.id = a.msg_id ORDER BY m.at, a.n")

    def load(self, st, b):
        """Click "Load it again" at the first card that offers it."""
        return b.submit(b.get("/inbox/%d" % st.thread()), "/media/", {})


class Limit(Folder):
    def test_room(self):
        with Stand() as st:
            st.connect(pages=[PAGE_A])
            self.picture(st)
            until(lambda: files(st))

    def test_full(self):
        with Stand(conf={"media_max_mb": "0"}) as st:
            b = st.connect(pages=[PAGE_A])
            self.picture(st)
            # It was tried, found the store full, and waits for an hour: nothing is lost.
            until(lambda: st.db("SELECT count(*) FROM attachment WHERE fetch_at > 1000")[0][0] == 1)
            until(lambda: "media_full" in st.log())
            self.assertEqual(files(st), [])
            self.assertEqual(b.get("/inbox/%d" % st.thread()).status, 200)

    def test_makes_room(self):
        """The oldest goes that Facebook still has, what it does not have stays; a reader loads it again."""
        with Stand(conf={"media_max_mb": "1"}) as st:
            b = st.connect(pages=[PAGE_A])
            for i in range(3):
                self.picture(st, png(30 + i, 20) + os.urandom(400_000))
                until(lambda: len(files(st)) == i + 1)
                os.utime(st.path("media", self.rows(st)[i][0]), (1000 + i, 1000 + i))
            first = self.rows(st)[0][0]
            # The first is gone at Facebook: only ours is left.
            mid = st.db("SELECT mid FROM message m JOIN attachment a ON a.thread_id = m.thread_id AND a.msg_id = m.id WHERE a.file = ?", first)[0][0]
            st.fault({"endpoint": "fb.attachments", "path": mid}, status=400, body={"error": {"message": "gone", "code": 100, "error_subcode": 33}})
            self.picture(st, png(33, 20) + os.urandom(400_000))
            until(lambda: self.rows(st)[3][0] or st.sync(5) == 9, 40)
            rows = self.rows(st)
            self.assertEqual([r[0] not in ("?", None) for r in rows], [True, False, True, True])
            self.assertEqual(files(st), sorted(r[0] for r in rows if r[0] != "?"))
            self.assertEqual([r[1:] for r in rows], [(30 + i, 20) for i in range(4)])
            r = b.get("/inbox/%d" % st.thread())
            self.assertIn(say("att.away"), r.page.text)
            self.assertEqual(self.load(st, b).status, 200)
            until(lambda: self.rows(st)[1][0] not in ("?", None), 40)
            # For it another one went.
            self.assertEqual([r[0] for r in self.rows(st)].count("?"), 1)
            self.assertEqual(self.rows(st)[0][0], first)


class Linked(Folder):
    def test_only_linked(self):
        with Stand(conf={"media_keep": "no"}) as st:
            b = st.connect(pages=[PAGE_A])
            self.picture(st)
            until(lambda: self.rows(st) and self.rows(st)[0][0] == "?")
            self.assertEqual(files(st), [])
            r = b.get("/inbox/%d" % st.thread())
            self.assertIn(say("att.away"), r.page.text)
            self.assertNotIn(say("att.load"), r.page.text)
            self.assertTrue([h for h, a in r.page.links if h.startswith("https://www.facebook.com/")])
            self.assertFalse([r for r in st.requests() if r["path"].startswith("/media/")])

    def test_expired(self):
        """The address expired and Facebook did not answer: the card says so, a reader asks anew."""
        with Stand() as st:
            b = st.connect(pages=[PAGE_A])
            st.control("config", {"switches": {"media_ttl": -5}})
            st.fault({"endpoint": "fb.attachments"}, status=400, body={"error": {"message": "no", "code": 100, "error_subcode": 33}})
            self.picture(st)
            until(lambda: self.rows(st) and self.rows(st)[0][0] == "", 20)
            self.assertIn(say("att.gone"), b.get("/inbox/%d" % st.thread()).page.text)
            self.load(st, b)
            until(lambda: self.rows(st)[0][0] == "", 20)
            st.control("faults/clear", {})
            st.control("config", {"switches": {"media_ttl": 86400}})
            self.load(st, b)
            until(lambda: self.rows(st)[0][0] not in ("", None), 20)
            self.assertEqual(len(files(st)), 1)
            # What is here is not asked for again.
            thread, msg = st.db("SELECT thread_id, msg_id FROM attachment")[0]
            st.control("requests/clear", {})
            b.post("/media/%d/%d/0/load" % (thread, msg), {"csrf": b.get("/inbox/%d" % thread).page.form_to("/reply")["fields"]["csrf"]})
            self.assertEqual([r for r in st.requests() if r["path"].startswith("/media/")], [])


class Ranges(Folder):
    def test_ranges(self):
        """Players jump in a file: one range of it."""
        with Stand() as st:
            b = st.connect(pages=[PAGE_A])
            data = MP4 + bytes(range(256)) * 40
            self.picture(st, data, type="video", name="v.mp4", mime="video/mp4")
            until(lambda: files(st))
            thread, msg = st.db("SELECT thread_id, msg_id FROM attachment")[0]
            url, n = "/media/%d/%d/0" % (thread, msg), len(data)
            self.assertEqual(b.get(url).header("Accept-Ranges"), "bytes")
            for ask, at, end in (("bytes=0-", 0, n), ("bytes=0-1", 0, 2), ("bytes=100-199", 100, 200), ("bytes=-10", n - 10, n), ("bytes=%d-" % (n - 1), n - 1, n), ("bytes=5-999999", 5, n)):
                with self.subTest(ask):
                    r = b.get(url, headers={"Range": ask})
                    self.assertEqual((r.status, r.body, r.header("Content-Range")), (206, data[at:end], "bytes %d-%d/%d" % (at, end - 1, n)))
                    self.assertEqual(r.header("Content-Type"), "video/mp4")
            r = b.get(url, headers={"Range": "bytes=%d-" % n})
            self.assertEqual((r.status, r.header("Content-Range")), (416, "bytes */%d" % n))


if __name__ == "__main__":
    unittest.main()
