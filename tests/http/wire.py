# SPDX-License-Identifier: MIT
"""wire - the FastCGI of a worker itself, without a web server in between.

Proved: a page leaves in records as large as they may be and arrives whole, also
when its reader is slow; a reader that goes away takes no worker with it; a
worker that ends leaves nobody waiting, by whichever signal, under a supervisor that
is restarted as well; a server that ends a CGI process with a request in hand loses
nothing, and one that is told the end finds the process gone; a worker that cannot
start looks for another configuration; addresses stand below base_url's path.
"""
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest
import urllib.parse

from stand import PAGE_A, SRC, Replies, Stand, event_body, message, until

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6


def record(kind, body=b""):
    return struct.pack(">BBHHBB", 1, kind, 1, len(body), 0, 0) + body


def pair(name, value):
    n, v = name.encode(), value.encode()
    return b"".join(bytes([len(x)]) if len(x) < 128 else struct.pack(">I", len(x) | 1 << 31) for x in (n, v)) + n + v


class Wire(Replies, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Stand())
        cls.b = cls.st.connect("shared")
        cls.cookie = "; ".join("%s=%s" % kv for jar in cls.b.cookies.values() for kv in jar.items())

    def ask(self, path):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(self.st.socket_path)
        env = {"REQUEST_METHOD": "GET", "REQUEST_URI": path, "SCRIPT_NAME": "", "SERVER_PROTOCOL": "HTTP/1.1",
               "QUERY_STRING": path.partition("?")[2], "HTTP_COOKIE": self.cookie}
        s.sendall(record(BEGIN, struct.pack(">HB5x", 1, 0)) +
                  record(PARAMS, b"".join(pair(k, v) for k, v in env.items())) + record(PARAMS) + record(STDIN))
        return s

    def answer(self, s):
        """(head, body, sizes of the records)."""
        with s, s.makefile("rb") as f:
            raw = f.read()
        out, sizes, kinds = b"", [], []
        while raw:
            _, kind, rid, n, pad, _ = struct.unpack(">BBHHBB", raw[:8])
            self.assertEqual(rid, 1)
            kinds.append(kind)
            if kind == STDOUT:
                out += raw[8:8 + n]
                sizes.append(n)
            raw = raw[8 + n + pad:]
        self.assertEqual(kinds[-1], END)
        self.assertEqual(set(kinds[:-1]), {STDOUT})
        self.assertEqual(sizes.pop(), 0, "the stream is closed")
        head, _, body = out.partition(b"\r\n\r\n")
        self.assertEqual(int(re.search(rb"Content-Length: (\d+)", head).group(1)), len(body))
        return head, body, sizes

    def thread_of(self, psid, texts):
        at = int(time.time() * 1000) - 100_000
        for i, text in enumerate(texts):
            self.assertEqual(self.st.hook(event_body([message(psid, "m_%s_%d" % (psid, i), text, at + i)], PAGE_A)), 200)
        return self.st.thread(psid)

    def large(self):
        """A conversation whose page is larger than what a socket holds."""
        return self.thread_of("9100000000000001", ["%02d " % i + "&" * 1900 for i in range(30)])

    def test_small_answers_are_one_record(self):
        head, body, sizes = self.answer(self.ask("/"))
        self.assertIn(b"Status: 303", head)
        self.assertEqual((len(sizes), body), (1, b""))

    def test_a_page_is_one_record(self):
        thread = self.thread_of("9100000000000003", ["hello %d" % i for i in range(30)])
        head, body, sizes = self.answer(self.ask("/inbox/%d" % thread))
        self.assertIn(b"Status: 200", head)
        self.assertGreater(len(body), 6000)
        self.assertEqual(len(sizes), 1)
        self.assertTrue(body.endswith(b"</html>\n"))

    def test_large_answers_arrive_whole_and_slowly_too(self):
        thread = self.large()
        s = self.ask("/inbox/%d" % thread)
        # The worker fills the socket and waits; the other one goes on.
        self.assertEqual(self.b.get("/inbox").status, 200)
        head, body, sizes = self.answer(s)
        self.assertIn(b"Status: 200", head)
        self.assertGreater(len(body), 250_000)
        self.assertEqual(set(sizes[:-1]), {65528})
        for i in range(30):
            self.assertIn(b"%02d " % i + b"&amp;" * 1900 + b"<", body)

    def say(self, data, end=True):
        """What comes back from a worker to these bytes, and after how long."""
        began = time.monotonic()
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        with s:
            s.connect(self.st.socket_path)
            s.sendall(data)
            if end:
                s.shutdown(socket.SHUT_WR)
            got = b""
            try:
                while more := s.recv(65536):
                    got += more
            except ConnectionError:
                pass
        return got, time.monotonic() - began

    def test_what_is_no_request_is_not_served(self):
        begin, env = record(BEGIN, struct.pack(">HB5x", 1, 0)), [("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/static/"), ("SCRIPT_NAME", "")]
        head = b"".join(pair(*kv) for kv in env)
        question = struct.pack(">BBHHBB", 1, 9, 0, 16, 0, 0) + pair("FCGI_MAX_CONNS", "")
        before, refused = [p.pid for p in self.st.workers], self.st.log().count(" fcgi_refused ")
        for why, data in (("another_protocol", b"GET / HTTP/1.1\r\n\r\n"), ("no_beginning", question * 90), ("out_of_order", begin + question * 90),
                          ("environment_lengths", begin + record(PARAMS, b"\xff" * 8 + b"A") + record(PARAMS) + record(STDIN)),
                          ("another_role", record(BEGIN, struct.pack(">HB5x", 3, 0))),
                          ("out_of_order", begin + record(STDIN, b"x")),
                          (None, begin + record(PARAMS, head)), (None, begin), (None, b""), (None, begin + record(PARAMS, head)[:-5])):
            with self.subTest(why or data[-20:]):
                got, took = self.say(data)
                self.assertEqual(got, b"")
                self.assertLess(took, 2)
                refused += why is not None
                log = self.st.log()
                self.assertEqual(log.count(" fcgi_refused "), refused)
                self.assertTrue(why is None or " why=%s" % why in log)
                self.assertEqual(self.b.get("/inbox").status, 200)
        # By itself it would take the first half of it.
        got, _ = self.say(begin + record(PARAMS, head + pair("HTTP_COOKIE", "a=\0b")) + record(PARAMS) + record(STDIN))
        self.assertIn(b"Status: 400", got)
        self.assertEqual([p.pid for p in self.st.workers if p.poll() is None], before)
        self.assertNotIn(" fcgi_unguarded ", self.st.log())

    def test_nobody_waits_for_half_a_record(self):
        """Both workers hear the beginning of a request and no more; whoever comes next waits for seconds, not for ever."""
        begin = record(BEGIN, struct.pack(">HB5x", 1, 0))
        threads = [threading.Thread(target=self.say, args=(begin + record(PARAMS, b"x" * 9)[:-3], False)) for _ in self.st.workers]
        for t in threads:
            t.start()
        began = time.monotonic()
        self.assertEqual(self.b.get("/inbox").status, 200)
        self.assertLess(time.monotonic() - began, 9)
        for t in threads:
            t.join()

    def test_a_reader_that_goes_away(self):
        thread, before = self.large(), [p.pid for p in self.st.workers]
        for _ in range(8):
            s = self.ask("/inbox/%d" % thread)
            s.recv(100)
            s.close()
        for _ in range(4):
            self.assertEqual(self.b.get("/inbox").status, 200)
        self.assertEqual([p.pid for p in self.st.workers if p.poll() is None], before)

    def cgi(self, path, method="GET", conf=None, **env):
        """The environment of the program as a server's child."""
        return dict({"INBOX_CONF": conf or self.st.conf, "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": method, "REQUEST_URI": path,
                     "SCRIPT_NAME": "", "QUERY_STRING": "", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_COOKIE": self.cookie}, **env)

    def test_a_server_that_ends_a_process_with_a_request(self):
        """As most do with one that has closed its output: it answers, and the work after it goes on in a child."""
        self.st.customer("hello")
        thread = until(self.st.thread)
        form = self.b.get("/inbox/%d" % thread).page.form_to("/reply")["fields"]
        body = urllib.parse.urlencode(dict(form, text="To whom it may concern", key="cgi-key-000000000000")).encode()
        p = subprocess.Popen([os.path.join(self.st.build, "inbox.fcgi")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=self.cgi(
            "/inbox/%d/reply" % thread, "POST", CONTENT_LENGTH=str(len(body)), CONTENT_TYPE="application/x-www-form-urlencoded",
            HTTP_ORIGIN=self.st.url))

        def holds_back():
            with open("/proc/%d/status" % p.pid) as f:
                return int(re.search(r"SigBlk:\s*(\w+)", f.read())[1], 16) >> signal.SIGTERM - 1 & 1

        with p:
            until(holds_back)
            p.terminate()
            p.stdin.write(body)
            p.stdin.close()
            self.assertIn(b"Status: 303", p.stdout.read())
        self.assertEqual(p.returncode, 0)
        until(lambda: self.state(thread) == ["sent"])

    def test_the_output_of_a_process_ends_after_it(self):
        """Who hears the end and looks whether the process is gone (Apache sleeps when it is not) finds that it is."""
        self.st.write("UPDATE user SET check_after = 0")        # what somebody's page has looked at after it
        for path, env in (("/", {"HTTP_COOKIE": ""}), ("/inbox", {}), ("/nothing/here", {}), ("/inbox?a=%zz", {})) * 5:
            p = subprocess.Popen([os.path.join(self.st.build, "inbox.fcgi")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 env=self.cgi(path, **env))
            with p.stdout as f:
                self.assertTrue(f.read().startswith(b"Status: "))
            self.assertEqual(os.waitpid(p.pid, os.WNOHANG), (p.pid, 0), path)
            p.returncode = 0

    def worker(self, s, conf=None):
        return subprocess.Popen([os.path.join(self.st.build, "inbox.fcgi")], stdin=s, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env=dict(os.environ, INBOX_CONF=conf or self.st.conf))

    def listener(self, name):
        s = self.enterContext(socket.socket(socket.AF_UNIX))
        s.bind(self.st.path(name))
        s.listen(64)
        return s

    def test_signals_while_it_starts(self):
        """Nobody is served yet: it ends, and does not stay as one that refuses everybody."""
        s = self.listener("early")
        for i in range(24):
            p = self.worker(s)
            time.sleep(i * 0.001)       # somewhere in it
            p.send_signal(signal.SIGUSR1)
            self.assertIn(p.wait(5), (0, -signal.SIGUSR1))

    def test_a_configuration_that_comes_later(self):
        """Asked for a page before the set-up it says that it cannot start; the one after it can."""
        s, conf, sorry = self.listener("later"), self.st.path("later.conf"), b"Status: 503"
        ask = record(BEGIN, struct.pack(">HB5x", 1, 0)) + record(PARAMS, pair("REQUEST_METHOD", "GET") + pair("REQUEST_URI", "/") +
                                                                 pair("SCRIPT_NAME", "")) + record(PARAMS) + record(STDIN)

        def says():
            with socket.socket(socket.AF_UNIX) as c:
                c.settimeout(20)
                c.connect(s.getsockname())
                c.sendall(ask)
                with c.makefile("rb") as f:
                    return f.read()

        p = self.worker(s, conf)
        try:
            for _ in range(3):
                self.assertIn(sorry, says())
            self.assertIsNone(p.poll())
            shutil.copy(self.st.conf, conf)
            # Itself, without anybody asking.
            self.assertEqual(p.wait(10), 2)
            p = self.worker(s, conf)
            self.assertIn(b"Status: 200", says())
        finally:
            p.terminate()
            p.wait(20)

    def test_a_supervisor_that_is_restarted(self):
        """multiwatch, as docs/servers/ and the package's service have it: what its workers have in hand is finished."""
        with open(os.path.join(SRC, "docs/servers/nginx.conf"), encoding="utf-8") as f:
            how = re.search(r"(/usr/bin/multiwatch -f )4( -r 20 -s TERM --) ", f.read())
        s, stop, lost, served = self.listener("watched"), threading.Event(), [], []
        ask = record(BEGIN, struct.pack(">HB5x", 1, 0)) + record(PARAMS, pair("REQUEST_METHOD", "GET") + pair("REQUEST_URI", "/poll") +
                                                                 pair("SCRIPT_NAME", "") + pair("HTTP_COOKIE", self.cookie)) + record(PARAMS) + record(STDIN)

        def load():
            while not stop.is_set():
                with socket.socket(socket.AF_UNIX) as c:
                    c.settimeout(30)
                    c.connect(s.getsockname())
                    c.sendall(ask)
                    try:
                        with c.makefile("rb") as f:
                            (served if b"Status: 200" in f.read() else lost).append(1)
                    except OSError as e:
                        lost.append(e)

        threads = [threading.Thread(target=load) for _ in range(3)]
        for t in threads:
            t.start()
        try:
            for _ in range(12):
                n = len(served)
                p = subprocess.Popen((how[1] + "2" + how[2]).split() + [os.path.join(self.st.build, "inbox.fcgi")], stdin=s,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, INBOX_CONF=self.st.conf))
                until(lambda: len(served) > n + 60, 20)
                p.terminate()
                p.wait(20)
            p = self.worker(s)          # for those who wait
            stop.set()
            for t in threads:
                t.join(40)
        finally:
            stop.set()
            p.terminate()
            p.wait(20)
        self.assertEqual(lost, [])

    def test_addresses_are_below_our_path(self):
        thread = self.thread_of("9100000000000002", ["hello"])
        with open(self.st.conf, encoding="utf-8") as f:
            conf = re.sub(r"(?m)^(base_url\s*=\s*\S*?)/?$", r"\1/in", f.read())
        path = self.st.path("below.conf")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as f:
            f.write(conf)
        page = subprocess.run([os.path.join(self.st.build, "inbox.fcgi")], env=self.cgi("/in/inbox", conf=path), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, check=True).stdout.decode()
        self.assertIn('id="t-%d"' % thread, page)
        self.assertIn('href="/in/inbox/%d"' % thread, page)
        self.assertEqual(re.findall(r' (?:href|src|action)="/(?!in/)[^"]*', page), [])

    def test_zz_a_worker_that_ends_leaves_nobody_waiting(self):
        """The last one: afterwards there is a worker less."""
        took, stop = [], threading.Event()

        def load():
            while not stop.is_set():
                at = time.monotonic()
                head, _, _ = self.answer(self.ask("/poll"))
                took.append((time.monotonic() - at, head[:11]))

        threads = [threading.Thread(target=load) for _ in range(3)]
        for t in threads:
            t.start()
        until(lambda: len(took) > 50)
        leaver, n = self.st.workers[0], len(took)
        leaver.send_signal(signal.SIGTERM)
        leaver.wait(10)
        until(lambda: len(took) > n + 100)
        stop.set()
        for t in threads:
            t.join(20)
        self.assertEqual({status for _, status in took}, {b"Status: 200"})
        self.assertLess(max(s for s, _ in took), 4)


if __name__ == "__main__":
    unittest.main()
