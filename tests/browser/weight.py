#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""weight.py - what the inbox weighs on the way: first visit, next page, and where it is asked for.

Through lighttpd as it is shipped.  Bytes are those of the compressed contents;
the lines above them, some 400 bytes a file with HTTP/1.1, next to nothing with
HTTP/2, are told beside.  Pictures of people and of messages are theirs, not
ours, and do not count.
"""
import gzip
import json
import time
import unittest

from chrome import BrowserStand, Case, Chrome, until

PAGE, LIISA = "108422330517604", "6804412339871205"
FIRST, NEXT = 40 << 10, 12 << 10


class Weight(Case):
    network = True

    @classmethod
    def setUpClass(cls):
        cls.stand = BrowserStand(server="lighttpd-shipped", seed="demo")
        cls.stand.__enter__()
        cls.addClassCleanup(cls.stand.__exit__, None, None, None)
        cls.person = cls.stand.connect("shared")
        until(lambda: cls.stand.imported(9000123), 60, 0.1)
        cls.b = Chrome(cls.stand, "en", 1280, True, True)
        cls.addClassCleanup(cls.b.close)
        cls.b.adopt(cls.person)

    def loads(self, path):
        """{address: (type, bytes)} of what opening it brings over the network, until it is quiet."""
        b, seen, left, got, head = self.b, {}, {}, {}, {}
        self.heads = 0
        b.d.get_log("performance")
        b.get(path)
        b.loaded()
        last, end = time.monotonic(), time.monotonic() + 20
        while time.monotonic() < end and time.monotonic() - last < 1.5:
            for entry in b.d.get_log("performance"):
                m = json.loads(entry["message"])["message"]
                p = m["params"]
                if m["method"] == "Network.requestWillBeSent" and not p["request"]["url"].startswith(("data:", "blob:")):
                    seen[p["requestId"]] = (p["request"]["url"], p.get("type"))
                    left[p["requestId"]] = last = time.monotonic()
                elif m["method"] == "Network.responseReceived":
                    head[p["requestId"]] = p["response"]["encodedDataLength"]
                elif m["method"] in ("Network.loadingFinished", "Network.loadingFailed") and p["requestId"] in seen:
                    url, kind = seen[p["requestId"]]
                    whole = p.get("encodedDataLength", 0)
                    got[url] = (kind, max(0, whole - head.get(p["requestId"], 0)))
                    self.heads += min(whole, head.get(p["requestId"], 0))
                    left.pop(p["requestId"], None)
                    last = time.monotonic()
            time.sleep(0.05)
        self.assertEqual({}, left, "something never came")
        return got

    def ours(self, got):
        self.assertEqual([], [u for u in got if not u.startswith(self.stand.url + "/")], "asked of another host")
        return {u: n for u, (kind, n) in got.items() if "/avatar/" not in u and "/media/" not in u}

    def test_first_and_next(self):
        st = self.stand
        first = self.ours(self.loads("/inbox/%d" % st.thread(LIISA)))
        shown = "\n".join("%6d %s" % (n, u) for u, n in sorted(first.items()))
        for part in ("/static/app.css", "/static/app.js", "/static/compose.js", "/panel"):
            self.assertTrue(any(part in u and n > 0 for u, n in first.items()), shown)
        self.assertLess(sum(first.values()), FIRST, shown)
        heads = self.heads
        again = self.ours(self.loads("/inbox/%d" % (st.thread(LIISA) + 1)))
        self.assertLess(sum(again.values()), NEXT, again)
        self.assertEqual([], [u for u, n in again.items() if "/static/" in u and n > 0], "static files come once")
        print("first visit %.1f KB (and %.1f of headers), afterwards %.1f KB (and %.1f)" % tuple(
            n / 1024 for n in (sum(first.values()), heads, sum(again.values()), self.heads)))

    def test_files_are_kept_and_compressed(self):
        page = self.person.get("/inbox")
        names = [a.get("href") or a.get("src") for t, a in page.page.tags if t in ("link", "script") and "/static/" in (a.get("href") or a.get("src") or "")]
        self.assertGreater(len(names), 4)
        for name in names:
            r = self.person.get(name, headers={"Accept-Encoding": "gzip"})
            self.assertEqual(200, r.status, name)
            self.assertIn("max-age=31536000", r.header("Cache-Control"), name)
            if ".png" not in name:
                self.assertEqual("gzip", r.header("Content-Encoding"), name)
                self.assertLess(len(r.body), len(gzip.decompress(r.body)), name)

    def test_installable(self):
        """What a telephone asks for before it offers to install."""
        b = self.b
        b.get("/inbox")
        got = b.cdp("Page.getAppManifest")
        self.assertEqual([], [e for e in got["errors"] if e.get("critical")])
        m = json.loads(got["data"])
        self.assertEqual("standalone", m["display"])
        sizes = set()
        for icon in m["icons"]:
            r = self.person.get("/static/" + icon["src"])
            self.assertEqual((200, icon["type"]), (r.status, r.header("Content-Type")))
            if icon["type"] == "image/png":
                w, h = int.from_bytes(r.body[16:20], "big"), int.from_bytes(r.body[20:24], "big")
                self.assertEqual(icon["sizes"], "%dx%d" % (w, h))
                sizes.add((w, icon.get("purpose")))
        self.assertLessEqual({(192, None), (512, None), (512, "maskable")}, sizes)
        self.assertEqual(b.js_("return location.origin + '/inbox'"), b.js_("return new URL(arguments[0], arguments[1]).href", m["start_url"], got["url"]))


if __name__ == "__main__":
    unittest.main()
