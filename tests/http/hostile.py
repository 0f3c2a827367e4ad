#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""hostile - attachments and links that are meant to harm whoever looks at them, and how they are served.

Every file below tries to run a script, to be taken for something else, or to
break out of its name.  Proved here by headers: what a page may show is shown
under the type its own bytes say, everything else is a download of no type, all
of it sandboxed, under a clean name; links lead to web addresses or nowhere.
tests/browser/hostile.py opens each of them in Chromium.
"""
import base64
import re
import struct
import unittest
import zlib

from stand import LIISA, PAGE_A, Stand, until

RUN = "document.title='PWNED';try{localStorage.pwned=1;top.document.title='PWNED'}catch(e){}new Image().src='/pwned';fetch('http://127.0.0.1:9/pwned')"
SCRIPT = "<script>%s</script><img src=x onerror=\"%s\"><iframe src=\"javascript:%s\"></iframe><meta http-equiv=refresh content='0;url=/pwned'>" % (RUN, RUN, RUN)
HTML = ("<!DOCTYPE html><html><body onload=\"%s\">%s</body></html>" % (RUN, SCRIPT)).encode()
SVG = ("<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' onload=\"%s\" width='9' height='9'><script>%s</script>"
       "<foreignObject><iframe xmlns='http://www.w3.org/1999/xhtml' src='javascript:%s'/></foreignObject></svg>" % (RUN, RUN, RUN)).encode()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(w, h, more=b""):
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 1, 0, 0, 0, 0)) + more
            + chunk(b"IDAT", zlib.compress(b"\0" * (max(1, (w + 7) // 8) + 1) * min(h, 64))) + chunk(b"IEND", b""))


JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
OFFICE = b"PK\3\4\x14\0\0\0\x08\0\0\0\0\0" + b"\0" * 12 + b"\x13\0\0\0[Content_Types].xml" + zlib.compress(b"\0" * 5_000_000)

# kind, declared type, name, bytes, type it is served as (None: a download)
FILES = [
    ("image", "image/svg+xml", "logo.svg", SVG, None),
    ("image", "image/png", "logo.png", SVG, None),
    ("file", "text/html", "offer.html", HTML, None),
    ("image", "image/jpeg", "photo.jpg", HTML, None),
    ("file", "text/plain", "notes.txt", HTML, None),
    ("file", "", "noname", HTML, None),
    ("file", "application/xhtml+xml", "a.xhtml", b"<html xmlns='http://www.w3.org/1999/xhtml'><script>" + RUN.encode() + b"</script></html>", None),
    ("file", "application/xml", "a.xml", b"<?xml version='1.0'?><?xml-stylesheet type='text/xsl' href='#x'?>" + SVG[21:], None),
    ("file", "multipart/related", "a.mht", b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n" + HTML + b"\r\n--x--", None),
    ("file", "application/hta", "a.hta", HTML, None),
    ("file", "text/javascript", "a.js", RUN.encode(), None),
    ("file", "text/javascript", "sw.js", b"self.addEventListener('fetch',e=>e.respondWith(new Response('PWNED')));" + RUN.encode(), None),
    ("file", "text/css", "a.css", b"*{background:url(/pwned)}", None),
    ("file", "text/html; charset=utf-7", "utf7.html", b"+ADw-script+AD4-document.title='PWNED'+ADw-/script+AD4-", None),
    ("file", "text/html", "utf16.html", b"\xff\xfe" + HTML.decode().encode("utf-16-le"), None),
    ("file", "application/octet-stream", "bait", b"\n\n\t   " + HTML, None),
    ("file", "application/x-shockwave-flash", "a.swf", b"FWS\x0a" + b"\0" * 60, None),
    ("file", "application/pdf", "invoice.pdf", b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.launchURL\\('/pwned'\\))>>>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF", None),
    ("file", "application/pdf", "both.pdf", b"%PDF-1.7\n" + HTML, None),
    ("file", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "bomb.docx", OFFICE, None),
    ("file", "application/wasm", "a.wasm", b"\0asm\1\0\0\0", None),
    ("image", "image/gif", "dance.gif", b"GIF89a/*" + b"\0" * 20 + b"*/=1;" + RUN.encode() + HTML, "image/gif"),
    ("image", "text/html", "dance.html", b"GIF89a" + HTML, "image/gif"),
    ("image", "image/jpeg", "comment.jpg", JPEG + b"\xff\xfe" + struct.pack(">H", len(HTML) + 2) + HTML + b"\xff\xd9", "image/jpeg"),
    ("image", "image/png", "text.png", png(8, 8, chunk(b"tEXt", b"Comment\0" + HTML)) + HTML, "image/png"),
    ("image", "image/webp", "a.webp", b"RIFF" + struct.pack("<I", len(HTML) + 4) + b"WEBP" + HTML, "image/webp"),
    ("image", "image/png", "vast.png", png(60000, 60000), "image/png"),
    ("video", "text/html", "a.mp4", b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + HTML, "video/mp4"),
    ("audio", "text/html", "a.mp3", b"ID3\4\0\0\0\0\0\0" + HTML, "audio/mpeg"),
    ("audio", "text/html", "a.ogg", b"OggS" + HTML, "audio/ogg"),
    ("file", "text/html", "photo\u202egpj.html", HTML, None),
    ("file", "text/html", "a.txt\r\nContent-Type: text/html\r\n\r\n<script>", HTML, None),
    ("file", "text/html", "../../../../static/app.js", HTML, None),
    ("file", "text/html", "..\\..\\windows\\win.ini", HTML, None),
    ("file", "text/html", "photo.jpg.html", HTML, None),
    ("file", "text/html", "x\"; filename=\"evil.html", HTML, None),
    ("file", "text/html", "<img src=x onerror=alert(1)>.html", HTML, None),
    ("file", "text/html", "\u200b.\u2066htaccess", HTML, None),
]
BAD = ["javascript:" + RUN, " javascript:" + RUN, "JaVaScRiPt:" + RUN, "java\tscript:" + RUN, "data:text/html;base64," + base64.b64encode(HTML).decode(),
       "vbscript:msgbox(1)", "file:///etc/passwd", "blob:http://127.0.0.1/x", "//evil.example/x", "https:evil.example", "https://user:pass@evil.example/",
       "http://evil.example\\@127.0.0.1/", "view-source:javascript:1", "about:blank"]


def fill(st, psid=LIISA):
    """All of it in one conversation; the thread."""
    for kind, mime, name, data, _ in FILES:
        st.control("customer/write", {"page": PAGE_A, "psid": psid, "attachments": [
            {"type": kind, "mime": mime, "name": name, "data": base64.b64encode(data).decode()}]})
    for url in BAD:
        st.control("customer/write", {"page": PAGE_A, "psid": psid, "text": "see %s or <a href=\"%s\">here</a>" % (url, url)})
        for att in ({"type": "fallback", "title": "click " + url, "url": url, "payload": {"url": url, "title": "click"}},
                    {"type": "location", "title": "here", "url": url, "payload": {"coordinates": {"lat": 1, "long": 2}, "url": url}},
                    {"type": "image", "payload": {"url": url}},
                    {"type": "template", "payload": {"template_type": "button", "text": url, "buttons": [{"type": "web_url", "title": "go", "url": url}]}}):
            st.control("customer/write", {"page": PAGE_A, "psid": psid, "attachments": [att]})
    st.delivered()

    def fetched():
        rows = st.db("SELECT file, fetch_at FROM attachment a JOIN thread t ON t.id = a.thread_id WHERE t.psid = ? AND a.type <= 5", psid)
        return (len(rows) >= len(FILES) and all(f is not None or at == 0 for f, at in rows)) or st.sync_once(3, False) == 9
    until(fetched, 90, 0.1)
    return st.thread(psid)


def served(st, thread):
    """(row of FILES, address), by the bytes."""
    out = []
    rows = st.db("SELECT msg_id, n, file FROM attachment WHERE thread_id = ? AND file NOT IN ('', '!', '?')", thread)
    for msg, n, name in rows:
        with open(st.path("media", name), "rb") as f:
            data = f.read()
        out += [(i, "/media/%d/%d/%d" % (thread, msg, n)) for i, row in enumerate(FILES) if row[3] == data and row[1:3] is not None]
    return out


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand())
        cls.b = cls.st.connect("shared", pages=[PAGE_A])
        cls.thread = fill(cls.st)

    def test_there_are_thirty(self):
        self.assertGreaterEqual(len(FILES), 30)
        self.assertEqual({i for i, _ in served(self.st, self.thread)}, set(range(len(FILES))))

    def test_headers(self):
        by_data = {}
        for _, _, _, data, mime in FILES:
            by_data[data] = mime
        for i, url in served(self.st, self.thread):
            with self.subTest(FILES[i][2], url=url):
                r = self.b.get(url)
                self.assertEqual((r.status, r.body), (200, FILES[i][3]))
                self.assertEqual(r.header("Content-Type"), by_data[r.body] or "application/octet-stream")
                self.assertEqual(r.header("X-Content-Type-Options"), "nosniff")
                self.assertEqual(r.header("Content-Security-Policy"), "default-src 'none'; frame-ancestors 'none'; sandbox")
                self.assertEqual(r.header("Cross-Origin-Resource-Policy"), "same-origin")
                name = r.header("Content-Disposition")
                if by_data[r.body] is None:
                    self.assertRegex(name, r"""^attachment; filename="[ !#-.0-\[\]-~]+"; filename\*=UTF-8''[A-Za-z0-9%._~-]+$""")
                    plain = re.search(r'filename="(.*?)"', name)[1]
                    self.assertFalse(plain.startswith("."), name)
                    self.assertNotIn("%E2%80%AE", name)
                    self.assertNotRegex(plain, r"[\r\n/\\:]")

    def test_the_page(self):
        """Whatever they call themselves, the page has no element, no address and no handler of theirs."""
        url, seen = "/inbox/%d" % self.thread, 0
        while url:
            page = self.b.get(url).page
            for tag, attrs in page.tags:
                self.assertNotIn(tag, ("iframe", "object", "embed", "base"))
                self.assertFalse([a for a in attrs if a.startswith("on") or a == "srcdoc"], (tag, attrs))
                if tag == "img" and "/media/" in attrs.get("src", ""):
                    seen += 1
                for a in ("href", "src", "action"):
                    v = attrs.get(a)
                    self.assertTrue(v is None or re.match(r"(/(?!/)|#|\?|https?://[^@\\]*$)", v), (tag, a, v))
            self.assertNotIn("vast.png\"", [a.get("src") for t, a in page.tags])
            self.assertNotIn("\u202e", page.text)
            url = next((h for h, a in page.links if a.get("id") == "older"), None)
        self.assertGreater(seen, 3)

    def test_a_vast_picture_is_a_file(self):
        msg, w, h = self.st.db("SELECT msg_id, width, height FROM attachment WHERE name = 'vast.png' OR width = 60000")[0]
        self.assertEqual((w, h), (60000, 60000))
        links = self.b.get("/inbox/%d/m/%d" % (self.thread, msg)).page
        self.assertIn("/media/%d/%d/0" % (self.thread, msg), [h for h, a in links.links if "download" in a])
        self.assertNotIn("/media/%d/%d/0" % (self.thread, msg), [a.get("src") for t, a in links.tags if t == "img"])

    def test_nobody_follows_bad_addresses(self):
        """Of the addresses that came as pictures none was fetched."""
        rows = self.st.db("SELECT file, url FROM attachment WHERE type = 1 AND (url IS NULL OR url NOT LIKE ?)", self.st.sandbox + "%")
        self.assertTrue(len(rows) >= len(BAD) and not any(f for f, _ in rows), rows)


if __name__ == "__main__":
    unittest.main()
