# SPDX-License-Identifier: MIT
"""torn - ten thousand malformed requests, through each server and straight at the workers' socket.

Wrong methods and addresses, headers and cookies that are huge, many, doubled or no
text, forms and webhooks that are signed nonsense, bodies that end early, FastCGI as a
broken server would speak it.  All of it follows from the seed.  Nothing of it may end
a worker, be reported by a sanitizer, or be answered by anything but a whole answer
below 500; and whoever comes next is served.

The programs are those with sanitizers, where they have been built beside the others.
torn_cgi.py has plain CGI, where a process starts for each.
"""
import http.client
import os
import re
import select
import socket
import struct
import sys
import threading
import time
import unittest

from ground import LONG, PAGE_A, SEED, Stand, chance, say, until

from servers import SERVERS  # noqa: E402  (ground.py says where)
from stand import LIISA, SRC, event_body, message, sign

COUNT = 10000
# In the short form; the two that are not here are the same servers by another way.
SHORT = ("Socket", "LighttpdSocket", "ApacheFcgid", "ApacheProxy", "Nginx")
AT_ONCE, GOOD_EVERY = 4, 40

with open(os.path.join(SRC, "cgi-bin/routes.c"), encoding="utf-8") as _f:
    ROUTES = re.findall(r'^\t\{ (M_[^"]*?),\s*"([^"]+)"', _f.read(), re.M)
# What would end the company's connection, or the person's session, and with them the test.
FINAL = ("/signout", "/settings/remove", "/settings/page", "/pipedrive", "/connect", "/setup")
WORDS = ("csrf", "text", "key", "page", "thread", "state", "after", "upload", "lang", "to", "q", "id")

# Bytes that are no text, or more than it seems.
ODD = (b"\0", b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xe2\x80\xae", b"\x7f", b"\x1b[2J", b"\r",
       b"\n", b"\t", b"%", b"%0", b"%zz", b"%00", b"%0d%0a", b"%c3%28", b"%2e%2e%2f", b"%252e", b"\\", b"'", b'"', b"<", b";", b"=",
       b"&", b"+", b"..", b"/", b"{}", b"\xf0\x9f\x98\x80", "見積".encode(), b"%s%n", b"A" * 300)

SLOW = 370


def junk(r, most=40):
    return b"".join(r.choice(ODD) if r.random() < 0.5 else bytes([r.randrange(33, 127)]) for _ in range(r.randrange(1, most)))


def torn(r, data):
    return data[:r.randrange(len(data))] if data else data


def mutated(r, data):
    """With bytes changed, left out, doubled, moved."""
    data = bytearray(data)
    for _ in range(r.randrange(1, 6)):
        i = r.randrange(len(data) + 1)
        how = r.randrange(4)
        if how == 0 and i < len(data):
            data[i] = r.randrange(256)
        elif how == 1:
            data[i:i] = r.choice(ODD)
        elif how == 2:
            del data[i:i + r.randrange(1, 9)]
        else:
            data[i:i] = data[max(0, i - r.randrange(1, 40)):i]
    return bytes(data)


class Maker:
    """Requests for one stand, a method for each kind."""

    def __init__(self, st, cookie, csrf, thread):
        self.st, self.cookie, self.csrf, self.thread = st, cookie.encode(), csrf.encode(), thread
        self.kinds = (self.method, self.target, self.query, self.header, self.headers, self.lengths, self.cookies, self.form, self.form,
                      self.files, self.hook, self.uninstall, self.short, self.bytes)

    def one(self, r):
        """The bytes of a request, and whether they are one to their end."""
        kind = r.choice(self.kinds)
        return kind(r), kind not in (self.lengths, self.short, self.bytes)

    def path(self, r, method=None):
        """An address of ours, most of the time with a thread that there is."""
        rows = [p for m, p in ROUTES if (method is None or method in m) and not (method == "POST" and p.startswith(FINAL))]
        path = re.sub(r"\{\w+\}", lambda m: str(self.thread) if r.random() < 0.6 else r.choice(("0", "-1", "99999999999999999999", "x", "1")),
                      r.choice(rows))
        return (self.st.base_path + path).encode()

    def put(self, line, *headers, body=b"", close=True):
        host = b"Host: %s:%d" % (self.st.host.encode(), self.st.port)
        end = (b"Connection: close",) if close else ()
        return b"\r\n".join((line, host) + headers + end) + b"\r\n\r\n" + body

    def mine(self):
        return b"Cookie: " + self.cookie

    def own(self):
        return b"Origin: http://%s:%d" % (self.st.host.encode(), self.st.port)

    def post(self, path, body, *headers):
        return self.put(b"POST %s HTTP/1.1" % path, self.mine(), self.own(), b"Content-Length: %d" % len(body), *headers, body=body)

    def method(self, r):
        word = r.choice((b"PUT", b"PATCH", b"OPTIONS", b"TRACE", b"PROPFIND", b"get", b"G", b"POST", b"DELETE", b"HEAD", b"M" * 300, junk(r, 6)))
        return self.put(b"%s %s HTTP/1.1" % (word, self.path(r)), self.mine())

    def target(self, r):
        path = self.path(r)
        path = r.choice((path + b"/" + junk(r), path + b"a" * r.choice((1000, 7000, 9000, 30000)), b"/" * r.randrange(2, 60) + path,
                         path.replace(b"/", b"/../"), path + b"/%2e%2e/%2e", path + b"%00", b"http://x" + path, b"*", path + b"#" + junk(r),
                         path.replace(b"/", b"%2f"), mutated(r, path), junk(r)))
        return self.put(b"GET %s HTTP/1.%d" % (path, r.choice((1, 1, 1, 0))), self.mine())

    def pairs(self, r):
        """A query or form that is none."""
        name = r.choice(WORDS).encode()
        return r.choice((b"&".join([name + b"=1"] * r.randrange(2, 9)), b"&" * 200, b"=" * 50, name + b"=" + junk(r), junk(r) + b"=1",
                         b"&".join(b"f%d=1" % i for i in range(r.choice((90, 110, 400)))), name + b"=" + b"%41" * r.choice((10, 2000)),
                         name * 100 + b"=", name + b"=" + b"\xe3\x81" * 9, name + b"[]=1&" + name + b"[]=2", b"+".join([b"%20"] * 30)))

    def query(self, r):
        return self.put(b"GET %s?%s HTTP/1.1" % (self.path(r, "GET"), self.pairs(r)), self.mine())

    def header(self, r):
        name = r.choice((b"Accept-Language", b"If-None-Match", b"Range", b"Content-Type", b"Authorization", b"Referer", b"Origin", b"Host",
                         b"Sec-Fetch-Site", b"Sec-Fetch-Dest", b"X-Hub-Signature-256", b"Accept-Encoding", b"User-Agent", junk(r, 8)))
        value = r.choice((junk(r), b"a" * r.choice((5000, 8000, 9000, 40000)), b"", b",;,;" * 200, b'"' * 99, b"bytes=5-1,-0,99999999999-"))
        return self.put(b"GET %s HTTP/1.1" % self.path(r), name + b": " + value, self.mine())

    def headers(self, r):
        more = r.choice(([b"X-%d: y" % i for i in range(r.choice((50, 150, 1200)))], [b"Accept-Language: ja"] * r.randrange(2, 90),
                         [b"X: a\r\n folded\r\n\tagain"], [b"no colon"], [b": no name"], [b"Space : x"], [b"X_Y: 1", b"X-Y: 2"],
                         [b"Proxy: http://x", b"Redirect-Status: 200", b"Script-Name: /x"], [b"Host: other.invalid"], [b"X: " + junk(r)] * 3))
        return self.put(b"GET %s HTTP/1.1" % self.path(r), self.mine(), *more)

    def lengths(self, r):
        """Ways to say how long a body is; each ends the same."""
        body = b"text=hello"
        what = r.choice(([b"Content-Length: -1"], [b"Content-Length: +10"], [b"Content-Length: 0x0a"], [b"Content-Length: 99999999999999999999"],
                         [b"Content-Length: 10", b"Content-Length: 11"], [b"Content-Length: 10, 10"], [b"Content-Length: "], [],
                         [b"Content-Length: 3", b"Transfer-Encoding: chunked"], [b"Transfer-Encoding: gzip, chunked"],
                         [b"Transfer-Encoding: chunked"], [b"Transfer-Encoding: " + junk(r, 9)], [b"Expect: 100-continue", b"Content-Length: 10"]))
        if any(b"chunked" in w for w in what):
            body = r.choice((b"a\r\ntext=hello\r\n0\r\n\r\n", b"zz\r\n", b"-1\r\n\r\n", b"ffffffffffffffff\r\nx", b"5\r\nhelloworld0\r\n\r\n", b"a;" +
                             b"x" * 5000 + b"\r\ntext=hello\r\n0\r\n\r\n", b"0\r\nTrailer: " + junk(r) + b"\r\n\r\n"))
        kind = b"Content-Type: application/x-www-form-urlencoded"
        return self.put(b"POST %s HTTP/1.1" % self.path(r, "POST"), self.mine(), self.own(), kind, *what, body=body)

    def cookies(self, r):
        c = self.cookie
        what = r.choice((c + b"; " + c, c + b"; session=" + junk(r, 9), b"; ".join(b"c%d=1" % i for i in range(900)), c[:-3], mutated(r, c), junk(r, 200),
                         b"session=\"" + c, b"lang=" + junk(r, 6) + b"; " + c, b"=" * 100, b"session", b"theme=" + b"x" * 6000))
        double = (b"Cookie: " + c,) * r.randrange(0, 3)
        return self.put(b"GET %s HTTP/1.1" % self.path(r), b"Cookie: " + what, *double)

    def form(self, r):
        """From somebody signed in, with the right token: what is wrong comes behind it."""
        body = r.choice((b"csrf=" + self.csrf + b"&" + self.pairs(r), b"csrf=" + self.csrf + b"&csrf=" + self.csrf, self.pairs(r), torn(r, b"csrf=" + self.csrf),
                         b"csrf=" + self.csrf + b"&text=" + junk(r, 200) + b"&key=" + junk(r), b"csrf=" + self.csrf + b"&text=" + b"a" * 99000))
        kind = r.choice((b"application/x-www-form-urlencoded",) * 4 + (b"text/plain", b"application/json", b"application/x-www-form-urlencoded; " + junk(r, 9)))
        return self.post(self.path(r, "POST"), body, b"Content-Type: " + kind)

    def files(self, r):
        mark = r.choice((b"x", b"----b", b"b" * 69, b"b" * 200))
        part = b"--" + mark + b'\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        body = part % (b"csrf", b"", self.csrf) if r.random() < 0.8 else b""
        body += b"".join(part % (r.choice((b"upload", b"text", b"key", junk(r, 9), b"n" * 300)),
                                 r.choice((b"", b'; filename="%s"' % junk(r), b'; filename="../../x"', b"; filename*=" + junk(r, 9))), junk(r, 300))
                         for _ in range(r.choice((1, 2, 15))))
        body = r.choice((body, body + b"--" + mark + b"--\r\n", torn(r, body), mutated(r, body), body.replace(b"\r\n", b"\n"), body + b"--" + mark))
        kind = r.choice((b"multipart/form-data; boundary=" + mark,) * 5 + (b"multipart/form-data", b'multipart/form-data; boundary="' + mark,
                                                                         b"multipart/form-data; boundary=" + junk(r, 90), b"multipart/mixed; boundary=" + mark))
        path = b"%s/inbox/%d/%s" % (self.st.base_path.encode(), self.thread, r.choice((b"reply", b"draft", b"upload")))
        return self.post(path, body, b"Content-Type: " + kind)

    def hook(self, r):
        """Rightly signed: nothing but the parser stands before the database."""
        good = event_body([message(LIISA, "m_torn%d" % r.randrange(1 << 40), "torn")])
        body = r.choice((torn(r, good), mutated(r, good), good.replace(b'"mid"', b'"mid":"a","mid"'), b"[" * r.choice((10, 5000)), b"{" * 90, b"null", b"",
                         good.replace(b"torn", junk(r)), good.replace(b'"text":', b'"text":1e999,"x":'), good.replace(b'"messaging"', b'"standby"'),
                         b'{"object":"page","entry":' + b"[{}," * 40 + b"{}" + b"]" * 40 + b"}", junk(r, 400)))
        path = self.st.base_path.encode() + r.choice((b"/hook/facebook",) * 5 + (b"/hook/pipedrive/" + junk(r, 9).replace(b" ", b""), b"/facebook/deletion"))
        return self.put(b"POST %s HTTP/1.1" % path, b"Content-Type: application/json", b"Content-Length: %d" % len(body),
                        b"X-Hub-Signature-256: " + r.choice((sign(body).encode(),) * 5 + (sign(good).encode()[:-1], junk(r))), body=body)

    def uninstall(self, r):
        body = r.choice((b"{}", b"", b'{"company_id":-1}', junk(r, 300), b"[" * 3000, b'{"client_id":1,"client_id":2}'))
        return self.put(b"DELETE %s/pipedrive/callback HTTP/1.1" % self.st.base_path.encode(), b"Content-Length: %d" % len(body),
                        b"Authorization: " + r.choice((b"Basic NWYzYzlhMWIyYzNkNGU1ZjpzYW5kYm94LXBpcGVkcml2ZS1zZWNyZXQ=", b"Basic ====", b"Basic " + junk(r), b"")),
                        body=body)

    def short(self, r):
        """It ends before its end."""
        return torn(r, r.choice((self.form, self.files, self.hook, self.header, self.lengths))(r))

    def bytes(self, r):
        return mutated(r, r.choice(self.kinds[:-1])(r))


def parsed(answer, asked):
    """The status of the first answer, all of them whole; None when there is none. ValueError when it is no HTTP."""
    while answer.startswith(b"HTTP/1.1 100"):
        answer = answer.partition(b"\r\n\r\n")[2]
    if not answer:
        return None
    if not answer.startswith(b"HTTP/") and b" HTTP/" not in asked.partition(b"\n")[0]:
        return 200          # as to the oldest clients: a page and nothing else
    head, found, body = answer.partition(b"\r\n\r\n")
    line = re.fullmatch(rb"HTTP/1\.[01] ([1-5][0-9][0-9])( [ -~]*)?", head.split(b"\r\n")[0])
    if not found or not line:
        raise ValueError("no answer: %r" % answer[:200])
    for h in head.split(b"\r\n")[1:]:
        if not re.fullmatch(rb"[!-9;-~]+:[\t -~\x80-\xff]*", h):
            raise ValueError("no header: %r" % h)
    length = re.search(rb"(?im)^content-length: *([0-9]+)\r?$", head)
    if length and body and not body.startswith(b"HTTP/"):       # none after HEAD
        if len(body) < int(length[1]):
            raise ValueError("%d bytes instead of %s" % (len(body), length[1]))
        body = body[int(length[1]):]
    if length and body:
        parsed(body, b"")
    return int(line[1])


def exchange(address, data, whole, pieces=1):
    """
    All that comes back. Nothing more is said after `data`: the other side hears so at once, or, when it has
    a whole request, if it should wait all the same (nginx takes somebody who says so for gone).
    """
    s = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    s.settimeout(30)
    got = b""
    with s:
        s.connect(address)
        try:
            step = len(data) // pieces + 1
            for i in range(0, len(data), step):
                s.sendall(data[i:i + step])
            if not whole or not select.select([s], [], [], 0.2)[0]:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass        # refused before it was all said; the reason may be there all the same
        try:
            while True:
                more = s.recv(65536)
                if not more:
                    return got
                got += more
        except ConnectionError:
            return got


# FastCGI --------------------------------------------------------------------------

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT = 1, 2, 3, 4, 5, 6


def record(kind, body=b"", rid=1, version=1, padding=0, lie=0):
    return struct.pack(">BBHHBB", version, kind, rid, (len(body) + lie) & 0xffff, padding, 0) + body + bytes(padding)


def pair(name, value):
    return b"".join(bytes([len(x)]) if len(x) < 128 else struct.pack(">I", len(x) | 1 << 31) for x in (name, value)) + name + value


class Records(Maker):
    """What a broken server might say to a worker."""

    def env(self, r):
        method = r.choice((b"GET", b"POST", b"POST", b"DELETE", junk(r, 5)))
        env = {b"REQUEST_METHOD": method, b"REQUEST_URI": r.choice((self.path(r), junk(r), self.path(r) + b"?" + self.pairs(r))),
               b"CONTENT_LENGTH": r.choice((b"", b"10", b"11", b"-1", b"99999999999999999999", b"0x5", junk(r, 4))),
               b"CONTENT_TYPE": r.choice((b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x", junk(r))),
               b"HTTP_COOKIE": r.choice((self.cookie, junk(r, 99))), b"HTTP_ORIGIN": self.own()[8:],
               b"HTTP_X": junk(r, 9), b"SCRIPT_NAME": b"", b"QUERY_STRING": b""}
        for name in r.sample(sorted(env), r.randrange(0, 4)):
            del env[name]
        pairs = [pair(*kv) for kv in env.items()]
        if r.random() < 0.3:
            pairs += [r.choice(pairs)] * r.choice((1, 5, 1200))
        return pairs

    def params(self, r):
        data = b"".join(self.env(r))
        how = r.randrange(14)
        if how == 0:
            data += struct.pack(">II", r.choice((0xffffffff, 0x80000000, 0xfffffff0)), r.choice((0xffffffff, 0x80000010))) + junk(r)
        elif how == 1:
            data += pair(b"HTTP_BIG", b"x" * r.choice((9000, 70000, 300000)))
        elif how == 2:
            data = mutated(r, data)
        elif how == 3:
            data = torn(r, data)
        step = r.choice((len(data) + 1, 7, 100, 60000)) if len(data) < 20000 else 60000
        return [record(PARAMS, data[i:i + min(step, 65000)], padding=r.choice((0, 0, 255))) for i in range(0, len(data), min(step, 65000))] + [record(PARAMS)]

    def one(self, r):
        parts = [record(BEGIN, struct.pack(">HB5x", r.choice((1,) * 30 + (2, 3, 0, 65535)), r.choice((0, 1, 255))))] + self.params(r)
        parts += [record(STDIN, b"text=hello"[:r.randrange(1, 11)] * r.choice((1, 1, 500)))] * r.choice((0, 1, 1, 3)) + [record(STDIN)]
        for _ in range(r.choice((0, 0, 0, 0, 1, 2))):
            other = r.choice((record(9, pair(b"FCGI_MAX_CONNS", b"") * r.choice((1, 3, 90)), rid=0), record(ABORT), record(r.randrange(256), junk(r)),
                              record(BEGIN, struct.pack(">HB5x", 1, 1), rid=2), record(STDIN, junk(r), rid=9), record(200, junk(r), rid=0),
                              record(PARAMS, junk(r)), record(1, b"xx"), record(STDIN, junk(r), version=r.randrange(256)),
                              record(STDIN, junk(r), lie=r.choice((-3, 5, 60000))), record(9, b"\xff" * 8, rid=0)) + ((record(9, b"", rid=0) * 300,) if r.random() < 0.2 else ()))
            parts.insert(r.randrange(len(parts) + 1), other)
        how = r.randrange(12)
        if how == 0:
            r.shuffle(parts)
        data = b"".join(parts)
        return torn(r, data) if how == 1 else mutated(r, data) if how == 2 else data, False


def spoken(answer, _asked):
    """The status in the records of an answer; None when there is none. ValueError when they are no records."""
    out = b""
    while answer:
        if len(answer) < 8:
            raise ValueError("half a record")
        version, kind, _, n, padding, _ = struct.unpack(">BBHHBB", answer[:8])
        if version != 1 or kind not in (END, STDOUT) or len(answer) < 8 + n + padding:
            raise ValueError("no record: %r" % answer[:40])
        out += answer[8:8 + n] if kind == STDOUT else b""
        answer = answer[8 + n + padding:]
    if not out:
        return None
    return parsed(b"HTTP/1.1 " + out[8:], b" HTTP/") if out.startswith(b"Status: ") else 200


# The stands -----------------------------------------------------------------------

def sanitized(st):
    """The programs with sanitizers, where there are any."""
    build = os.path.join(st.build, "sanitizers")
    if os.path.exists(os.path.join(build, "inbox.fcgi")):
        st.build = build
    return st


def workers(st):
    """Processes of the product that the stand's own processes have started: {pid}."""
    parent, ours = {}, set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                name, rest = f.read().split("(", 1)[1].rsplit(") ", 1)
        except OSError:
            continue
        parent[int(pid)] = int(rest.split()[1])
        if name == "inbox.fcgi" and rest[0] != "Z":
            ours.add(int(pid))
    roots = {p.pid for p in st.children}

    def is_ours(pid):
        while pid > 1:
            if pid in roots:
                return True
            pid = parent.get(pid, 0)
        return False

    return {p for p in ours if is_ours(p)}


class Torn:
    """A TestCase with `make` and `address`."""

    spoken = staticmethod(parsed)
    requests = Maker
    starts_anew = False     # a process for each request
    count, at_once = COUNT, AT_ONCE
    unread = None

    def good(self):
        """Whoever comes next is served: the status."""
        c = http.client.HTTPConnection(self.st.host, self.st.port, timeout=30)
        c.request("GET", self.st.base_path + "/poll", headers={"Cookie": self.cookie})
        r = c.getresponse()
        r.read()
        c.close()
        return r.status

    def actor(self, actor, count):
        r = chance("%s %d" % (self.name, actor))
        for i in range(count):
            data, whole = self.maker.one(r)
            try:
                status = self.spoken(exchange(self.address(), data, whole, r.choice((1, 1, 1, 2, 5))), data)
                # 501 and 505 are the servers' own, for methods and versions; 500 mod_fcgid's, for a body that ends early.
                if status is not None and status >= 500 and status not in (501, 505, self.unread):
                    raise ValueError("status %d" % status)
                self.seen[status] = self.seen.get(status, 0) + 1
                if i % GOOD_EVERY == GOOD_EVERY - 1 and self.good() != 200:
                    raise ValueError("the next one was not served")
            except (OSError, ValueError, http.client.HTTPException) as e:
                self.wrong.append("actor %d, request %d: %r after %r" % (actor, i, e, data[:300]))
                return

    def test_malformed(self):
        count, st = self.count, self.make()
        began = time.monotonic()
        with sanitized(st):
            self.st = st
            b = st.connect(pages=[PAGE_A])
            st.customer("Torn?")
            thread = until(st.thread)
            self.cookie = "; ".join("%s=%s" % kv for jar in b.cookies.values() for kv in jar.items())
            csrf = b.get("/inbox/%d" % thread).page.form_to("/reply")["fields"]["csrf"]
            self.maker = self.requests(st, self.cookie, csrf, thread)
            self.seen, self.wrong, before = {}, [], workers(st)
            actors = [threading.Thread(target=self.actor, args=(i, count // self.at_once)) for i in range(self.at_once)]
            for a in actors:
                a.start()
            for a in actors:
                a.join()
            print(file=sys.stderr)      # behind the dots
            say("torn, seed %d: %d through %s in %.1f s: %s" % (SEED, count, self.name, time.monotonic() - began, self.seen))
            self.assertEqual(self.wrong, [])
            self.assertEqual(self.good(), 200)
            self.assertLessEqual(self.seen.get(500, 0), st.log().count("mod_fcgid: can't get data from http client"))
            if self.starts_anew:
                until(lambda: not workers(st))
            else:
                # The same ones: none has ended. mod_fcgid starts more when all are at work.
                after = workers(st)
                self.assertLessEqual(before, after)
                self.assertLessEqual(len(after), max(len(before), self.most))
            # Most of it is refused, with the right word; some is served as far as it is understood.
            self.assertIn(400, self.seen)


class Through(Torn):
    most = 0

    def address(self):
        return self.st.host, self.st.port


class Socket(Torn, unittest.TestCase):
    """Straight at the workers."""

    name, most = "Socket", 2
    make = staticmethod(Stand)
    spoken = staticmethod(spoken)
    requests = Records

    def address(self):
        return self.st.socket_path


for _name, _server in SERVERS.items():
    if _name != "HtaccessCgi" and (LONG or _name in SHORT):
        globals()[_name] = type(_name, (Through, unittest.TestCase), {
            "name": _name, "make": staticmethod(_server), "most": 40 if "Fcgid" in _name else 0,
            "unread": 500 if "Fcgid" in _name else None})


if __name__ == "__main__":
    unittest.main()
