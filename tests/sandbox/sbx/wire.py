# SPDX-License-Identifier: MIT
"""HTTP/1.1 on the wire: a small threaded server, request parsing, answers.

Purpose: keep-alive connections, Content-Length and chunked bodies, `Expect: 100-continue`, one buffered
write per answer, and the power to cut a connection at a chosen place, which a library server would not give.
Ownership: a connection thread owns its socket; a Request lives for one exchange.
Can fail: malformed requests get 400, bodies over MAX_BODY 413, and the connection is closed.
"""
import json
import socket
import threading
import urllib.parse

MAX_BODY = 30 * 1024 * 1024
MAX_HEAD = 64 * 1024
IDLE_S = 90

REASON = {200: "OK", 201: "Created", 204: "No Content", 302: "Found", 303: "See Other", 304: "Not Modified",
          400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
          405: "Method Not Allowed", 410: "Gone", 413: "Payload Too Large", 415: "Unsupported Media Type",
          422: "Unprocessable Entity", 429: "Too Many Requests", 500: "Internal Server Error",
          501: "Not Implemented", 503: "Service Unavailable"}


class BadRequest(Exception):
    """The bytes are no acceptable HTTP request; carries the status to answer."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Part:
    """One part of a multipart body."""
    __slots__ = ("name", "filename", "ctype", "data")

    def __init__(self, name, filename, ctype, data):
        self.name, self.filename, self.ctype, self.data = name, filename, ctype, data


def first_values(pairs):
    """Query pairs -> dict with the first value of each name."""
    out = {}
    for k, v in pairs:
        out.setdefault(k, v)
    return out


class Request:
    """One HTTP request. Parsed forms are computed when first asked for."""

    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        raw, _, qs = target.partition("?")
        self.raw_path = raw
        self.path = urllib.parse.unquote(raw)
        self.query_string = qs
        self.pairs = urllib.parse.parse_qsl(qs, keep_blank_values=True)
        self.query = first_values(self.pairs)
        self.ctype = headers.get("content-type", "").split(";")[0].strip().lower()
        self._form = self._json = self._parts = None
        self.endpoint, self.service = "", ""
        self.page = ""          # Facebook Page the call is about, once known
        self.tok = None

    def form_pairs(self):
        """Form members in order (urlencoded or the text parts of a multipart body)."""
        if self._form is None:
            if self.ctype == "application/x-www-form-urlencoded":
                self._form = urllib.parse.parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)
            elif self.ctype == "multipart/form-data":
                self._form = [(p.name, p.data.decode("utf-8", "replace")) for p in self.parts() if p.filename is None]
            else:
                self._form = []
        return self._form

    def form(self):
        return first_values(self.form_pairs())

    def json(self):
        """Parsed JSON body, or None when there is none or it is malformed."""
        if self._json is None and self.body and self.ctype in ("application/json", "text/json", ""):
            try:
                self._json = whole_text(json.loads(self.body.decode("utf-8")))
            except (ValueError, UnicodeDecodeError, RecursionError):
                self._json = None
        return self._json

    def parts(self):
        if self._parts is None:
            self._parts = parse_multipart(self.headers.get("content-type", ""), self.body)
        return self._parts

    def part(self, name):
        for p in self.parts():
            if p.name == name and p.filename is not None:
                return p
        return None

    def cookies(self):
        out = {}
        for bit in self.headers.get("cookie", "").split(";"):
            k, _, v = bit.strip().partition("=")
            if k:
                out[k] = urllib.parse.unquote(v)
        return out


def whole_text(val):
    """A JSON value whose texts hold no lone surrogates (they can be neither stored nor sent)."""
    if isinstance(val, str):
        return val if val.isascii() else val.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(val, list):
        return [whole_text(v) for v in val]
    if isinstance(val, dict):
        return {whole_text(k): whole_text(v) for k, v in val.items()}
    return val


class Response:
    """One HTTP answer. `cut` is set by the fault machinery."""
    __slots__ = ("status", "headers", "body", "cut")

    def __init__(self, status, body=b"", ctype="text/plain; charset=utf-8", headers=None):
        self.status = status
        self.body = body if isinstance(body, bytes) else body.encode("utf-8")
        self.headers = [("Content-Type", ctype)] if ctype else []
        self.headers += headers or []
        self.cut = None


def json_response(obj, status=200, headers=None, ctype="application/json; charset=utf-8"):
    return Response(status, json.dumps(obj, ensure_ascii=False, separators=(",", ":")), ctype, headers)


def html_response(text, status=200, headers=None):
    base = [("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"), ("X-Content-Type-Options", "nosniff")]
    return Response(status, text, "text/html; charset=utf-8", base + (headers or []))


def redirect(url, status=302):
    return Response(status, b"", None, [("Location", url), ("Cache-Control", "no-store")])


def _header_params(value):
    """`form-data; name="a"; filename="b"` -> dict. Quotes and backslash escapes are understood."""
    out, i, n = {}, value.find(";"), len(value)
    while 0 <= i < n:
        i += 1
        eq = value.find("=", i)
        if eq < 0:
            break
        key = value[i:eq].strip().lower()
        i = eq + 1
        if i < n and value[i] == '"':
            i += 1
            buf = []
            while i < n and value[i] != '"':
                if value[i] == "\\" and i + 1 < n and value[i + 1] in '"\\':
                    i += 1
                buf.append(value[i])
                i += 1
            out[key] = "".join(buf)
            i = value.find(";", i)
        else:
            end = value.find(";", i)
            out[key] = value[i:end if end >= 0 else n].strip()
            i = end
    return out


def parse_multipart(ctype, body):
    """multipart/form-data -> list of Part; malformed parts are left out."""
    bound = _header_params(ctype).get("boundary")
    if not bound:
        return []
    out = []
    mark = b"--" + bound.encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            break
        head, sep, data = piece.partition(b"\r\n\r\n")
        if not sep:
            continue
        hdr = {}
        for line in head.decode("utf-8", "replace").split("\r\n"):
            k, _, v = line.partition(":")
            hdr[k.strip().lower()] = v.strip()
        par = _header_params(hdr.get("content-disposition", ""))
        if "name" in par:
            out.append(Part(par["name"], par.get("filename"), hdr.get("content-type", ""), data))
    return out


class _Conn:
    """One client connection: reads requests, hands them on, writes answers."""

    def __init__(self, sock, handler):
        self.sock, self.handler = sock, handler
        self.buf = b""

    def _more(self):
        data = self.sock.recv(262144)
        if not data:
            raise EOFError
        self.buf += data

    def _take(self, n):
        if len(self.buf) < n:
            chunks, have = [self.buf], len(self.buf)
            while have < n:
                data = self.sock.recv(min(1 << 20, n - have))
                if not data:
                    raise EOFError
                chunks.append(data)
                have += len(data)
            self.buf = b"".join(chunks)
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def _line(self):
        while b"\r\n" not in self.buf:
            if len(self.buf) > MAX_HEAD:
                raise BadRequest(400, "line too long")
            self._more()
        line, _, self.buf = self.buf.partition(b"\r\n")
        return line

    def _head(self):
        while b"\r\n\r\n" not in self.buf:
            if len(self.buf) > MAX_HEAD:
                raise BadRequest(400, "header too large")
            self._more()
        head, _, self.buf = self.buf.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        bits = lines[0].split(" ")
        if len(bits) != 3 or not bits[2].startswith("HTTP/1."):
            raise BadRequest(400, "malformed request line")
        headers = {}
        for line in lines[1:]:
            k, sep, v = line.partition(":")
            if not sep:
                raise BadRequest(400, "malformed header")
            k, v = k.strip().lower(), v.strip()
            headers[k] = headers[k] + ", " + v if k in headers and k != "content-length" else v
        return bits[0].upper(), bits[1], bits[2], headers

    def _body(self, headers):
        if headers.get("expect", "").lower() == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            out, total = [], 0
            while True:
                size = int(self._line().split(b";")[0] or b"0", 16)
                total += size
                if total > MAX_BODY:
                    raise BadRequest(413, "body too large")
                if size == 0:
                    while self._line():
                        pass
                    return b"".join(out)
                out.append(self._take(size))
                self._line()
        length = headers.get("content-length", "0")
        if not length.isdigit():
            raise BadRequest(400, "bad Content-Length")
        if int(length) > MAX_BODY:
            raise BadRequest(413, "body too large")
        return self._take(int(length)) if int(length) else b""

    def _write(self, resp, version, keep, head_only):
        n = len(resp.body)
        lines = ["HTTP/1.1 %d %s" % (resp.status, REASON.get(resp.status, "Status"))]
        lines += ["%s: %s" % (k, v.replace("\r", " ").replace("\n", " ")) for k, v in resp.headers]
        lines.append("Content-Length: %d" % n)
        lines.append("Connection: %s" % ("keep-alive" if keep else "close"))
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        data = head if head_only else head + resp.body
        if resp.cut == "during":
            # stop inside the body if there is one, else inside the header
            data = data[:len(head) + n // 2] if n > 1 else data[:len(head) // 2]
        self.sock.sendall(data)

    def serve(self):
        try:
            self.sock.settimeout(IDLE_S)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                method, target, version, headers = self._head()
                body = self._body(headers)
                conn = headers.get("connection", "").lower()
                keep = "close" not in conn and (version == "HTTP/1.1" or "keep-alive" in conn)
                resp = self.handler(Request(method, target, headers, body))
                if resp.cut in ("before", "after"):
                    return
                self._write(resp, version, keep and not resp.cut, method == "HEAD")
                if not keep or resp.cut:
                    return
        except BadRequest as e:
            try:
                self._write(Response(e.status, str(e)), "HTTP/1.1", False, False)
            except OSError:
                pass
        except (OSError, EOFError, ValueError):
            pass
        finally:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.sock.close()


class Server:
    """Listens on loopback only; one daemon thread per connection."""

    def __init__(self, port, handler):
        self.handler = handler
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", port))
        self.sock.listen(512)
        self.port = self.sock.getsockname()[1]

    def run(self):
        """Accept until the listening socket is closed."""
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=_Conn(sock, self.handler).serve, daemon=True).start()

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
