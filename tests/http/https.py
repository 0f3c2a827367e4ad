#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""https - the inbox behind a web server that speaks https, as everywhere but here.

Certificates of an authority made for the test, which the environment names to
product, sandbox and people alike.  Proved: the whole way of an admin, a message
and its answer; cookies that are kept for https and this host; what doctor says of
a good certificate, of one that ends soon, and of those that nobody accepts.
"""
import re
import shutil
import socket
import tempfile
import unittest

from authority import Authority
from doctor import Case as Doctor
from stand import LIISA, PAGE_A, Stand, say, until

DAY = 86_400_000


class Safe(Stand):
    """The services that play along have no certificates: links to them are permitted as in the demo."""

    def write_conf(self):
        self.extra_conf["demo.sandbox_url"] = self.sandbox
        super().write_conf()


class Https(Doctor):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="inbox-https-")
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.authority = Authority(folder)
        cls.authority.trust()
        cls.good = cls.authority.certificate("good")
        cls.st = cls.enterClassContext(Safe(certificate=cls.good))
        cls.b = cls.st.connect("shared", pages=[PAGE_A])
        cls.st.customer("hello")
        cls.st.sync()

    def served_with(self, certificate):
        """The web server begins anew, with another certificate."""
        st = self.st
        st.end(st.server)
        st.certificate = certificate
        st.start_lighttpd_alone()
        until(lambda: not refused(st), 20)

    def tearDown(self):
        if self.st.certificate != self.good:
            self.served_with(self.good)

    def test_a_message_and_its_answer(self):
        st, b = self.st, self.b
        self.assertTrue(st.url.startswith("https://"))
        st.customer("Over a safe line", psid=LIISA)
        thread = until(lambda: st.thread(LIISA))
        self.assertIn("Over a safe line", b.get("/inbox/%d" % thread).text)
        st.reply(b, thread, "And back")
        until(lambda: st.db("SELECT 1 FROM outbox WHERE state = 'sent'"), 20)

    def test_cookies_of_https(self):
        """Kept for this host alone, never sent without encryption; and browsers are told to stay."""
        r = self.st.browser().get("/connect", follow=False)
        cookies = r.headers.get_all("Set-Cookie")
        self.assertTrue(cookies)
        for c in cookies:
            self.assertRegex(c, r"^__Host-")
            for part in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
                self.assertIn("; " + part, c)
            self.assertNotIn("Domain", c)
        self.assertTrue(all(k.startswith("__Host-") for jar in self.b.cookies.values() for k in jar if k), self.b.cookies)
        self.assertEqual(self.b.get("/inbox").header("Strict-Transport-Security"), "max-age=31536000")

    def test_a_good_one(self):
        mark, found, fix = self.line("tls")
        self.assertEqual((mark, fix), ("ok", None))
        self.assertRegex(found, "^%s$" % re.escape(say("setup.tls_end", time="@")).replace("@", ".*20[0-9][0-9].*"))
        self.assertIn(say("doctor.end_ok"), self.doctor())

    def test_one_that_ends_soon(self):
        for days, mark in ((16, "ok"), (13, "attention")):
            self.served_with(self.authority.certificate("soon%d" % days, days=days))
            self.assertEqual(self.line("tls")[0], mark)
        self.assertEqual(self.line("tls")[2], self.fix("tls"))

    def test_those_that_nobody_accepts(self):
        """Another name, an authority that nobody knows, and one that has ended: the certificate is what is to be mended."""
        folder = tempfile.mkdtemp(prefix="inbox-https-")
        self.addCleanup(shutil.rmtree, folder)
        for name, file in (("name", self.authority.certificate("name", where="DNS:elsewhere.example")),
                           ("authority", Authority(folder).certificate("stranger")),
                           ("ended", self.authority.certificate("ended", days=-1))):
            with self.subTest(name):
                self.served_with(file)
                mark, found, fix = self.line("tls", 1)
                self.assertEqual((mark, fix), ("wrong", self.fix("tls")))
                self.assertRegex(found, "(?i)ssl|certificate|peer")


def refused(st):
    try:
        socket.create_connection((st.host, st.port), 5).close()
        return False
    except OSError:
        return True


if __name__ == "__main__":
    unittest.main()
