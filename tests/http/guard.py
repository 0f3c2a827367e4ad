# SPDX-License-Identifier: MIT
"""guard - how safe the inbox is, on the page for admins and by inboxctl security.

Proved: each line in its states, in both languages: modes of files, what lies
in a web folder, limits and fence switched off, words too short, settings for
tests, addresses of visitors, versions; from outside, headers and cookies that do
not arrive, and a server that tells its version; nothing secret in any of it.
"""
import http.server
import os
import re
import subprocess
import threading
import unittest

from stand import ANNA, APP_SECRET, Stand, say

LONG = "long-enough-to-be-safe"
FINE = {"tick_secret": LONG, "facebook.verify_token": LONG, "limit.sign_in": 60, "limit.tick": 30}
HEADERS = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
           "Cross-Origin-Opener-Policy": "same-origin", "Permissions-Policy": "camera=()"}


class Outside:
    """What the world gets to see: these headers."""

    def __init__(self, headers):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response_only(200)
                for h in headers:
                    self.send_header(*h)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Guard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand(conf=FINE))
        cls.b = cls.st.connect("shared")

    def ctl(self, **conf):
        """inboxctl security with these settings besides: (exit code, {(name, word): rest})."""
        path = self.st.path("other.conf")
        with open(self.st.conf) as f:
            lines = dict(line.rstrip("\n").split(" = ", 1) for line in f)
        lines.update({k.replace("__", "."): str(v) for k, v in conf.items()})
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as f:
            f.writelines("%s = %s\n" % kv for kv in lines.items() if kv[1] != "-")
        r = subprocess.run([os.path.join(self.st.build, "inboxctl"), "-c", path, "security"], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, cwd=self.st.dir, text=True, timeout=60)
        self.assertNotIn(APP_SECRET, r.stdout)
        self.assertNotIn(self.st.dir, r.stdout)
        return r.returncode, r.stdout

    def line(self, out, word, name, found, lang="en", **fill):
        self.assertIn("%-6s %s: %s\n" % (word, say("guard." + name, lang), say("guard." + found, lang, **fill)), out)

    def result(self, page, name, lang="en"):
        m = re.search(r"<b>%s</b>\s*<span class=\"(\w+)\"" % re.escape(say("guard." + name, lang)), page.source)
        self.assertTrue(m, name)
        return m.group(1)

    def test_page(self):
        r = self.b.get("/health")
        self.assertEqual(r.page.link_to("/health/security"), "/health/security")
        for lang in ("en", "ja"):
            r = self.b.submit(self.b.get("/health/security"), "/language", {"lang": lang})
            self.assertEqual((r.status, r.url), (200, self.st.url + "/health/security"))
            for name in ("keys", "conf", "database", "folder", "templates", "root", "cookies", "visitors", "limits", "words", "fence"):
                self.assertEqual(self.result(r.page, name, lang), "good", name)
            self.assertEqual(self.result(r.page, "https", lang), "warn")
            self.assertEqual(self.result(r.page, "user", lang), "bad" if os.getuid() == 0 else "good")
            for text in ("SQLite", "OpenSSL", "libcurl", "lighttpd", "test.clock_file", say("guard.fixed", lang, mode="755")):
                self.assertIn(text, r.page.text)
            for secret in (APP_SECRET, LONG, self.st.dir):
                self.assertNotIn(secret, r.page.source)
        self.b.submit(self.b.get("/health/security"), "/language", {"lang": "en"})
        anna, _ = self.st.sign_in(user=ANNA)
        self.assertEqual(anna.get("/health/security").status, 403)

    def test_page_proxy(self):
        r = self.b.get("/health/security", headers={"X-Forwarded-For": "192.0.2.7"})
        self.assertEqual(self.result(r.page, "visitors"), "warn")
        self.assertIn(say("guard.visitors_todo"), r.page.text)

    def test_files(self):
        st = self.st
        for path, name, mode, word, found in (
                ("keys", "keys", 0o644, "FAIL", "open"), ("keys", "keys", 0o640, "look", "open"),
                ("inbox.db", "database", 0o660, "look", "open"), (".", "folder", 0o755, "look", "open"), ("media", "media", 0o777, "FAIL", "open"),
                ("media", "media", 0o750, "look", "open")):
            os.makedirs(st.path("media"), mode=0o700, exist_ok=True)
            was = os.stat(st.path(path)).st_mode & 0o777
            os.chmod(st.path(path), mode)
            try:
                code, out = self.ctl()
                self.line(out, word, name, found, mode="%03o" % mode)
                self.assertIn(say("guard.chmod", what=say("guard." + name), mode="700" if name in ("folder", "media") else "600"), out)
                self.assertEqual(code, 1 if word == "FAIL" or os.getuid() == 0 else 0)
                page = self.b.get("/health/security").page
                self.assertEqual(self.result(page, name), "bad" if word == "FAIL" else "warn")
            finally:
                os.chmod(st.path(path), was)
        code, out = self.ctl()
        for name, mode in (("keys", "600"), ("conf", "600"), ("database", "600"), ("folder", "700")):
            self.line(out, "ok", name, "private", mode=mode)

    def test_configuration(self):
        os.chmod(self.st.conf, 0o644)
        try:
            self.assertEqual(self.result(self.b.get("/health/security").page, "conf"), "bad", "it holds secrets")
        finally:
            os.chmod(self.st.conf, 0o600)

    def test_web_root(self):
        st = self.st
        code, out = self.ctl(web_folder=st.dir)
        self.assertEqual(code, 1)
        self.line(out, "FAIL", "root", "root_inside", names=", ".join(say("guard." + n) for n in ("keys", "conf", "database", "media")
                                                                    if n != "media" or os.path.exists(st.path("media"))))
        os.makedirs(st.path("public_html"), exist_ok=True)
        os.chmod(st.path("public_html"), 0o700)
        with open(st.path("keys")) as f, os.fdopen(os.open(st.path("public_html/keys"), os.O_WRONLY | os.O_CREAT, 0o600), "w") as g:
            g.write(f.read())
        _, out = self.ctl(key_file="public_html/keys")
        self.line(out, "look", "root", "root_maybe", names=say("guard.keys"))
        _, out = self.ctl()
        self.line(out, "ok", "root", "root_ok")

    def test_settings(self):
        _, out = self.ctl(limit__tick=0, limit__search=0, fence="no", tick_secret="short", facebook__app_secret_old="x",
                          language="ja")
        self.line(out, "look", "limits", "limits_off", "ja", names="limit.tick, limit.search")
        self.line(out, "look", "fence", "fence_off", "ja")
        self.line(out, "look", "words", "words_short", "ja", names="tick_secret")
        self.line(out, "look", "rotation", "rotation_open", "ja")
        self.line(out, "look", "trial", "trial_set", "ja", names="test.clock_file")
        _, out = self.ctl(test__clock_file="-")
        self.line(out, "ok", "limits", "limits_ok")
        self.line(out, "ok", "words", "words_ok")
        self.assertNotIn(say("guard.trial"), out)
        self.assertNotIn(say("guard.rotation"), out)

    def test_outside(self):
        code, out = self.ctl()
        self.line(out, "ok", "headers", "headers_ok")
        self.assertEqual(code, 1 if os.getuid() == 0 else 0)
        with Outside([*HEADERS.items(), ("Server", "nginx")]) as o:
            _, out = self.ctl(base_url=o.url)
            self.line(out, "ok", "headers", "headers_ok")
            self.assertNotIn(say("guard.tells"), out)
        bad = dict(HEADERS)
        bad["Content-Security-Policy"] = "default-src *"
        del bad["X-Content-Type-Options"]
        with Outside([*bad.items(), ("Server", "Apache/2.4.1 (Unix)"), ("Set-Cookie", "visitor=x; Path=/")]) as o:
            code, out = self.ctl(base_url=o.url)
            self.assertEqual(code, 1)
            self.line(out, "FAIL", "headers", "headers_missing", names="Content-Security-Policy, X-Content-Type-Options")
            self.line(out, "look", "tells", "tells_version", server="Apache/2.4.1 (Unix)")
            self.line(out, "FAIL", "cookies", "cookies_bare")
        code, out = self.ctl(base_url="http://127.0.0.1:9")
        self.assertRegex(out, r"(?m)^look   %s: " % say("guard.headers"))


if __name__ == "__main__":
    unittest.main()
