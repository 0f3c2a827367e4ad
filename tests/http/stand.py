# SPDX-License-Identifier: MIT
"""stand.py - the product on a test stand: sandbox, worker processes, web server.

    with Stand() as st:                       # lighttpd; Stand(server="apache") or "cgi"
        st.connect("private" | "shared")      # the whole way of an admin
        b = st.browser()                      # cookies, redirects, forms

Everything lives in a temporary folder and on free loopback ports, and ends
with the block: processes are ended by their own pid.  Nothing here sleeps to
wait; `until()` polls with a deadline.  The programs come from $INBOX_BUILD
(default: build-check, then build-demo), the sources from $INBOX_SRC.

At the end the log of the programs is searched for reports of sanitizers: a
test whose stand had one fails, whatever it asserted.
"""
import datetime
import hashlib
import hmac
import html.parser
import http.client
import http.cookiejar
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse
import zoneinfo

SRC = os.environ.get("INBOX_SRC") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _build():
    named = os.environ.get("INBOX_BUILD")
    for d in [named] if named else [os.path.join(SRC, b) for b in ("build-check", "build-demo", ".")]:
        if os.path.exists(os.path.join(d, "inbox.fcgi")):
            return d
    sys.exit("stand: no inbox.fcgi; build first or set INBOX_BUILD")


APP_SECRET = "3f1c9a7d5be24860a1d2c3b4e5f60718"
APP_ID = "881240037712345"
VERIFY = "stand-verify-token"
# For AddressSanitizer where processes start by the thousand: whatever is read or written wrongly is found all the
# same; the search for leaks at the end, a third of such a process, and long memories of who took what are left out.
LEAN = "detect_leaks=0:malloc_context_size=1"
TALLINN = zoneinfo.ZoneInfo("Europe/Tallinn")
PAGE_A, PAGE_B, PAGE_C = "108422330517604", "110935571284066", "112233445566778"
LIISA, JAAN = "6804412339871205", "6804412339871206"
LIISA_B, TOM = "6911223344556601", "6911223344556602"
TAKAHASHI, YAMAMOTO = "7022334455667701", "7022334455667702"
ACME, AOZORA = 9000123, 9000456
MARIA, PEETER, ANNA, MISAKI = 10483244, 10483245, 10483246, 10590001
ASID_MARIA, ASID_MISAKI = "10229481123456789", "10229481987654321"


def until(what, seconds=15.0, step=0.02):
    """Poll until what() is true; its value. AssertionError when the time is over."""
    end = time.monotonic() + seconds
    while True:
        got = what()
        if got:
            return got
        if time.monotonic() >= end:
            raise AssertionError("not within %g s: %s" % (seconds, getattr(what, "__name__", what)))
        time.sleep(step)


_catalogues = {}


def say(key, lang="en", **fill):
    """The catalogue's sentence, so that tests do not depend on its wording."""
    if lang not in _catalogues:
        with open(os.path.join(SRC, "po", lang + ".po"), encoding="utf-8") as f:
            pairs = re.findall(r'^msgid "(.+)"\n(?:msgid_plural .*\n)?msgstr(?:\[0\])? ((?:".*"\n)+)', f.read() + "\n", re.M)
        _catalogues[lang] = {k: json.loads('"%s"' % "".join(re.findall(r'"(.*)"\n', v))) for k, v in pairs}
    text = _catalogues[lang][key]
    for name, value in fill.items():
        text = text.replace("{%s}" % name, value)
    return text


def files(folder):
    """What lies in it: {name: bytes}."""
    found = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as f:
            found[name] = f.read()
    return found


def free_port():
    """A port that nobody listens on, from below those the kernel gives out: it stays free until it is used."""
    while True:
        port = random.SystemRandom().randrange(15000, 30000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def sign(body, secret=APP_SECRET):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def meta_json(obj):
    """JSON as Meta writes it: ASCII, with escaped slashes."""
    return json.dumps(obj, separators=(",", ":")).replace("/", "\\/").encode()


def multipart(fields, files=(), boundary="----WebKitFormBoundaryx7Yq"):
    """A form with files as browsers write it: (body, type).  fields: pairs; files: (field, filename, bytes)."""
    out = b""
    for name, value in fields:
        out += ("--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n" % (boundary, name, value)).encode()
    for name, filename, data in files:
        filename = filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        out += ("--%s\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\nContent-Type: application/octet-stream\r\n\r\n"
                % (boundary, name, filename)).encode() + data + b"\r\n"
    return out + ("--%s--\r\n" % boundary).encode(), "multipart/form-data; boundary=" + boundary


def message(psid, mid, text=None, at=None, page=PAGE_A, echo=False, **more):
    """One element of messaging[]: from the customer, or with echo from the Page."""
    m = {"mid": mid}
    if text is not None:
        m["text"] = text
    if echo:
        m["is_echo"] = True
    m.update(more)
    one, two = (page, psid) if echo else (psid, page)
    return {"sender": {"id": one}, "recipient": {"id": two}, "timestamp": at or int(time.time() * 1000), "message": m}


def event_body(events, page=PAGE_A, array="messaging", at=None):
    return meta_json({"object": "page", "entry": [
        {"id": page, "time": at or int(time.time() * 1000), array: events}]})


class Response:
    def __init__(self, status, headers, body, url):
        self.status, self.headers, self.body, self.url = status, headers, body, url

    @property
    def text(self):
        return self.body.decode("utf-8")

    def header(self, name):
        return self.headers.get(name)

    @property
    def page(self):
        return Page(self.text)


class Page(html.parser.HTMLParser):
    """Forms, links and ids of a page; `.text` is what a person reads."""
    VOID = ("meta", "link", "img", "input", "br", "hr", "source", "path", "circle", "rect")

    def __init__(self, source):
        super().__init__()
        self.forms, self.links, self.ids, self.stack = [], [], {}, []
        self.words, self.form, self.hidden = [], None, 0
        self.by_id_text, self.tags, self.source = {}, [], source
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.tags.append((tag, a))
        if tag not in self.VOID:
            self.stack.append((tag, a.get("id")))
        if "id" in a:
            self.ids[a["id"]] = a
        if tag == "form":
            self.form = {"action": a.get("action"), "method": a.get("method", "get"), "fields": {}, "id": a.get("id")}
            self.forms.append(self.form)
        elif tag in ("input", "textarea", "button") and self.form is not None and "name" in a:
            kind = a.get("type", "text")
            if kind in ("checkbox", "radio") and "checked" not in a:
                self.form.setdefault("options", []).append((a["name"], a.get("value")))
            elif kind != "submit":
                self.form["fields"][a["name"]] = a.get("value", "") or ""
        elif tag == "a" and "href" in a:
            self.links.append((a["href"], a))
        if tag in ("script", "style", "title"):
            self.hidden += 1

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        if tag in ("script", "style", "title"):
            self.hidden -= 1
        if tag == "form":
            self.form = None
        while self.stack:
            top, _ = self.stack.pop()
            if top == tag:
                break

    def handle_data(self, data):
        if not self.hidden and data.strip():
            self.words.append(data.strip())
            for _, i in self.stack:
                if i:
                    self.by_id_text[i] = (self.by_id_text.get(i, "") + " " + data.strip()).strip()

    @property
    def text(self):
        return " ".join(self.words)

    def form_to(self, part):
        for f in self.forms:
            if f["action"] and part in f["action"]:
                return f
        raise AssertionError("no form to %s; forms: %s" % (part, [f["action"] for f in self.forms]))

    def link_to(self, part):
        for href, _ in self.links:
            if part in href:
                return href
        raise AssertionError("no link to %s; links: %s" % (part, [h for h, _ in self.links]))


class Browser:
    """A person's browser: cookies per host, redirects, forms. No JavaScript."""

    def __init__(self, stand, lang="en"):
        self.stand, self.lang = stand, lang
        self.cookies = {}
        self.extra = {}

    def request(self, method, url, body=None, headers=None, follow=True, hops=10):
        base = self.stand.base_path
        if url.startswith("/") and not url.startswith(base + "/"):
            url = base + url        # the product's address; pages name theirs with the path in front
        url = urllib.parse.urljoin(self.stand.url + "/", url)
        u = urllib.parse.urlsplit(url)
        kind = http.client.HTTPSConnection if u.scheme == "https" else http.client.HTTPConnection
        c = kind(u.hostname, u.port, timeout=30)
        h = {"Accept-Language": self.lang}
        jar = self.cookies.setdefault(u.netloc, {})
        if jar:
            h["Cookie"] = "; ".join("%s=%s" % kv for kv in jar.items())
        if method == "POST":
            h["Origin"] = "%s://%s" % (u.scheme, u.netloc)
        h.update(self.extra)
        h.update(headers or {})
        h = {k: v for k, v in h.items() if v is not None}
        target = urllib.parse.quote(u.path or "/", safe="/%:@!$&'()*+,;=~-._") + ("?" + u.query if u.query else "")
        c.request(method, target, body=body, headers=h)
        r = c.getresponse()
        data = r.read()
        for k, v in r.getheaders():
            if k.lower() == "set-cookie":
                name, _, rest = v.partition("=")
                value = rest.split(";")[0]
                if "max-age=0" in v.lower():
                    jar.pop(name.strip(), None)
                else:
                    jar[name.strip()] = value
        c.close()
        out = Response(r.status, r.headers, data, url)
        if follow and r.status in (301, 302, 303, 307) and hops:
            return self.request("GET", urllib.parse.urljoin(url, r.headers["Location"]), hops=hops - 1)
        return out

    def get(self, url, **kw):
        return self.request("GET", url, **kw)

    def post(self, url, fields, **kw):
        body = urllib.parse.urlencode(fields, doseq=True).encode()
        kw.setdefault("headers", {}).setdefault("Content-Type", "application/x-www-form-urlencoded")
        return self.request("POST", url, body=body, **kw)

    def submit(self, response, action, fields=None, **kw):
        f = response.page.form_to(action)
        data = dict(f["fields"])
        data.update(fields or {})
        return self.post(urllib.parse.urljoin(response.url, f["action"]), data, **kw)


class Stand:
    def __init__(self, server="lighttpd", seed="small", procs=2, conf=None, sandbox_args=(), base_path="", host="127.0.0.1", certificate=None):
        """`certificate`: a file with key and certificate; then lighttpd speaks https, to whom $SSL_CERT_FILE is enough."""
        self.certificate = certificate
        self.server_kind, self.seed, self.procs = server, seed, procs
        self.extra_conf, self.sandbox_args, self.base_path = conf or {}, list(sandbox_args), base_path
        self.host = host
        self.children, self.build, self.listener, self.src = [], _build(), None, SRC
        # Neither will work as root: then everything of the product runs as its user.
        self.user = "www-data" if server.startswith(("apache", "nginx")) and os.getuid() == 0 else None

    # life -------------------------------------------------------------------

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="inbox-stand-")
        try:
            self.start()
        except BaseException:
            self.show_logs()
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *exc):
        for p in list(reversed(self.children)):
            self.end(p)
        if self.listener:
            self.listener.close()
        reports = self.sanitizer_reports()
        if exc and exc[0] is not None:
            self.show_logs()
        if not os.environ.get("STAND_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)
        if reports and not (exc and exc[0] is not None):
            raise AssertionError("sanitizer reports:\n" + reports)

    def log(self, name="worker.log"):
        """All that the programs have logged so far."""
        try:
            with open(self.path(name), errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def sanitizer_reports(self):
        lines = self.log().splitlines()
        hits = [i for i, line in enumerate(lines) if re.search(
            r"(Address|Leak|Memory|Thread|UndefinedBehavior)Sanitizer|: runtime error: ", line)]
        return "\n".join("\n".join(lines[i:i + 25]) for i in hits[:1])

    def end(self, p, sig=signal.SIGTERM, seconds=10):
        if p.poll() is None:
            p.send_signal(sig)
            try:
                p.wait(seconds)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        if p.stdout:
            p.stdout.close()
        if p in self.children:
            self.children.remove(p)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def show_logs(self):
        for name in ("worker.log", "server.log", "sandbox.log"):
            try:
                with open(self.path(name), errors="replace") as f:
                    tail = f.readlines()[-30:]
                sys.stderr.write("---- %s\n%s" % (name, "".join(tail)))
            except OSError:
                pass

    def run(self, args, log, **kw):
        with open(self.path(log), "ab") as out:
            p = subprocess.Popen(args, stdout=kw.pop("stdout", out), stderr=out, cwd=self.dir, **kw)
        self.children.append(p)
        return p

    def as_user(self):
        """Arguments of subprocess for programs of the product."""
        return {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}

    def settle_in(self):
        """A user of his own may not read the source tree: copies in the stand's folder, which becomes his."""
        app = self.path("app")
        for d in ("templates", "po", "static"):
            shutil.copytree(os.path.join(SRC, d), os.path.join(app, d))
        for f in ("inbox.fcgi", "inbox-sync", "inboxctl"):
            shutil.copy2(os.path.join(self.build, f), app)
        self.build = self.src = app

    def own(self):
        for folder, _, files in os.walk(self.dir):
            for f in [folder] + [os.path.join(folder, f) for f in files]:
                shutil.chown(f, self.user, self.user)

    def start(self):
        self.port = free_port()
        self.url = "%s://%s:%d%s" % ("https" if self.certificate else "http", self.host, self.port, self.base_path)
        self.sandbox_proc = self.run_sandbox(0)
        if self.user:
            self.settle_in()
        self.write_conf()
        if self.user:
            self.own()
        subprocess.run([os.path.join(self.build, "inboxctl"), "--conf", self.conf, "init"], check=True,
                       stdout=subprocess.DEVNULL, cwd=self.dir, **self.as_user())
        self.start_server()
        until(self.answers, 20)

    def run_sandbox(self, port):
        p = self.run(
            ["/usr/bin/python3", os.path.join(SRC, "tests/sandbox/sandbox"), "--port", str(port), "--db", self.path("sandbox.db"),
             "--product-url", self.url, "--callback", self.url + "/hook/facebook", "--verify-token", VERIFY,
             "--seed", self.seed, "--quiet"] + self.sandbox_args, "sandbox.log", stdout=subprocess.PIPE)
        line = p.stdout.readline().decode()
        if "ready on " not in line:
            raise RuntimeError("the sandbox did not start: " + line)
        self.sandbox = line.split("ready on ")[1].strip()
        return p

    def write_conf(self):
        self.conf = self.path("inbox.conf")
        s = {
            "base_url": self.url, "database": "inbox.db", "key_file": "keys",
            "templates": self.src + "/templates", "catalogues": self.src + "/po", "static_dir": self.src + "/static",
            "facebook.app_id": APP_ID, "facebook.app_secret": APP_SECRET, "facebook.verify_token": VERIFY,
            "facebook.graph_url": self.sandbox, "facebook.dialog_url": self.sandbox,
            "facebook.media_hosts": "127.0.0.1", "pipedrive.client_id": "5f3c9a1b2c3d4e5f",
            "pipedrive.client_secret": "sandbox-pipedrive-secret", "pipedrive.oauth_url": self.sandbox,
            "test.clock_file": "clock", "log_level": "debug",
            "undo_seconds": 0,      # a test that measures sends waits for nothing
            "limit.sign_in": 0, "limit.tick": 0,    # all of a test's people share one address
        }
        s.update(self.extra_conf)
        fd = os.open(self.conf, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as f:
            f.writelines("%s = %s\n" % kv for kv in s.items())
        with open(self.path("clock"), "w") as f:
            f.write("%020d\n" % 0)

    def answers(self):
        try:
            r = self.browser().get("/", follow=False)
            if r.status == 503 and "cannot start" in r.text:
                raise RuntimeError(self.log()[-500:])
            return r.status in (200, 303)
        except OSError:
            return False

    def start_server(self):
        getattr(self, "start_" + self.server_kind.replace("-", "_"))()

    def start_workers(self):
        """Worker processes on one listening Unix socket, as multiwatch would have them."""
        self.socket_path = self.path("fcgi.sock")
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.bind(self.socket_path)
        s.listen(1024)
        self.listener = s
        self.workers = [self.start_worker() for _ in range(self.procs)]

    def start_worker(self):
        return self.run([os.path.join(self.build, "inbox.fcgi")], "worker.log", stdin=self.listener,
                        env=dict(os.environ, INBOX_CONF=self.conf))

    def start_lighttpd(self):
        self.start_workers()
        self.start_lighttpd_alone()

    def start_lighttpd_alone(self):
        os.makedirs(self.path("www"), exist_ok=True)
        with open(self.path("lighttpd.conf"), "w") as f:
            f.write('''server.bind = "127.0.0.1"
server.port = %d
server.document-root = "%s"
server.upload-dirs = ( "%s" )
server.errorlog = "%s"
server.modules = ( "mod_fastcgi", "mod_alias" )
server.max-keep-alive-requests = 1000
server.max-request-size = 26624
server.event-handler = "linux-sysepoll"
mimetype.assign = ( ".css" => "text/css; charset=utf-8", ".js" => "text/javascript; charset=utf-8", ".svg" => "image/svg+xml" )
$HTTP["url"] =~ "^%s/static/" { alias.url = ( "%s/static/" => "%s/static/" ) }
$HTTP["url"] !~ "^%s/static/" { fastcgi.server = ( "/" => (( "socket" => "%s", "check-local" => "disable" )) ) }
''' % (self.port, self.path("www"), self.dir, self.path("server.log"), self.base_path, self.base_path, SRC, self.base_path, self.socket_path))
            if self.certificate:
                f.write('server.modules += ( "mod_openssl" )\nssl.engine = "enable"\nssl.pemfile = "%s"\n' % self.certificate)
        self.server = self.run(["/usr/sbin/lighttpd", "-D", "-f", self.path("lighttpd.conf")], "server.log")

    def start_lighttpd_shipped(self):
        """lighttpd with docs/servers/lighttpd.conf as it is shipped; it starts the workers itself."""
        with open(self.path("lighttpd.conf"), "w") as f:
            f.write("""server.modules = ( "mod_alias", "mod_setenv", "mod_deflate", "mod_fastcgi" )
server.bind = "127.0.0.1"
server.port = %d
server.document-root = "%s"
server.upload-dirs = ( "%s" )
server.errorlog = "%s"
server.breakagelog = "%s"
var.inbox_program = "%s/inbox.fcgi"
var.inbox_conf = "%s"
var.inbox_static = "%s/static/"
var.inbox_socket = "%s"
var.inbox_workers = "%d"
include "%s/docs/servers/lighttpd-static.conf"
include "%s/docs/servers/lighttpd.conf"
""" % (self.port, self.dir, self.dir, self.path("server.log"), self.path("worker.log"), self.build, self.conf, self.src,
       self.path("fcgi.sock"), self.procs, self.src, self.src))
        self.server = self.run(["/usr/sbin/lighttpd", "-D", "-f", self.path("lighttpd.conf")], "server.log")

    def start_cgi(self):
        """A process for every request: for hosts that have nothing better."""
        with open(self.path("inbox.cgi"), "w") as f:
            f.write("#!/bin/sh\nINBOX_CONF=%s exec %s/inbox.fcgi 2>>%s\n" % (
                self.conf, self.build, self.path("worker.log")))
        with open(self.path("lighttpd.conf"), "w") as f:
            f.write('''server.bind = "127.0.0.1"
server.port = %d
server.document-root = "%s"
server.upload-dirs = ( "%s" )
server.errorlog = "%s"
server.modules = ( "mod_cgi", "mod_alias", "mod_rewrite" )
server.event-handler = "linux-sysepoll"
mimetype.assign = ( ".css" => "text/css; charset=utf-8", ".js" => "text/javascript; charset=utf-8", ".svg" => "image/svg+xml" )
url.rewrite-once = ( "^%s/(?!static/)" => "/inbox.cgi" )
cgi.assign = ( ".cgi" => "/bin/sh" )
$HTTP["url"] =~ "^%s/static/" { alias.url = ( "%s/static/" => "%s/static/" ) }
''' % (self.port, self.dir, self.dir, self.path("server.log"), self.base_path, self.base_path, self.base_path, SRC))
        self.server = self.run(["/usr/sbin/lighttpd", "-D", "-f", self.path("lighttpd.conf")], "server.log")

    def start_apache(self):
        """Apache with mod_fcgid (server="apache") or plain CGI ("apache-cgi"), with docs/servers/apache.conf as it is shipped."""
        mods, run = "/usr/lib/apache2/modules", self.path("run")
        os.makedirs(run, exist_ok=True)
        lines = ["ServerName 127.0.0.1", "Listen 127.0.0.1:%d" % self.port, "ServerRoot %s" % self.dir,
                 "PidFile %s/pid" % run, "ErrorLog %s" % self.path("worker.log"), "DefaultRuntimeDir %s" % run]
        for m in ("mpm_event", "authz_core", "authz_host", "alias", "headers", "mime", "env", "filter", "deflate", "cgid", "fcgid"):
            lines.append("LoadModule %s_module %s/mod_%s.so" % (m, mods, m))
        lines += ["DocumentRoot %s" % run, "TypesConfig /etc/mime.types", "ScriptSock %s/cgisock" % run,
                  "FcgidIPCDir %s/fcgid" % run, "FcgidProcessTableFile %s/fcgid_shm" % run,
                  "Define INBOX_PROGRAM %s" % os.path.join(self.build, "inbox.fcgi"),
                  "Define INBOX_CONF %s" % self.conf, "Define INBOX_STATIC %s/static" % self.src]
        with open(os.path.join(SRC, "docs/servers/apache.conf")) as f:
            shipped = f.read()
        if self.server_kind == "apache-cgi":
            shipped = shipped.replace("SetHandler fcgid-script", "SetHandler cgi-script\n\tSetEnv INBOX_CONF ${INBOX_CONF}")
        with open(self.path("apache.conf"), "w") as f:
            f.write("\n".join(lines) + "\n" + shipped)
        if self.user:
            self.own()
        self.server = self.run(["/usr/sbin/apache2", "-f", self.path("apache.conf"), "-DFOREGROUND"], "server.log",
                               **self.as_user())

    def start_apache_cgi(self):
        self.start_apache()

    # the outside world ----------------------------------------------------------

    def control(self, call, body=None, method=None):
        u = urllib.parse.urlsplit(self.sandbox)
        c = http.client.HTTPConnection(u.hostname, u.port, timeout=60)
        data = None if body is None and method in (None, "GET") else json.dumps(body or {}).encode()
        c.request(method or ("GET" if data is None else "POST"), "/_control/" + call, body=data,
                  headers={"Content-Type": "application/json"})
        r = c.getresponse()
        out = json.loads(r.read())
        c.close()
        if not out.get("ok"):
            raise AssertionError("control %s: %s" % (call, out))
        return out

    def setup_link(self):
        """A one-time link to the set-up in the browser."""
        r = subprocess.run([os.path.join(self.build, "inboxctl"), "-c", self.conf, "setup", "--link"], capture_output=True, text=True, check=True,
                           **self.as_user())
        return re.search(r"http://\S+/setup/\S+", r.stdout).group(0)

    def browser(self, lang="en"):
        return Browser(self, lang)

    def restart_sandbox(self):
        """The services come back at the same address, with all they knew."""
        self.sandbox_proc = self.run_sandbox(urllib.parse.urlsplit(self.sandbox).port)

    def kill_workers(self):
        """All workers die at once, in the middle of whatever they do; others take over."""
        for p in self.workers:
            self.end(p, signal.SIGKILL)
        self.workers = [self.start_worker() for _ in range(self.procs)]

    def hook(self, body, signature=True, headers=None, secret=APP_SECRET):
        """POST a webhook; the answer's status."""
        h = {"Content-Type": "application/json"}
        if signature is True:
            h["X-Hub-Signature-256"] = sign(body, secret)
        elif signature:
            h["X-Hub-Signature-256"] = signature
        h.update(headers or {})
        c = (http.client.HTTPSConnection if self.certificate else http.client.HTTPConnection)(self.host, self.port, timeout=30)
        c.request("POST", self.base_path + "/hook/facebook", body=body, headers=h)
        r = c.getresponse()
        r.read()
        c.close()
        return r.status

    def clock(self, offset_ms):
        """Product and sandbox alike live so many ms ahead of real time."""
        with open(self.path("clock"), "r+") as f:       # in place: the programs keep it open
            f.write("%020d\n" % offset_ms)
        self.control("clock", {"offset": offset_ms})

    def since(self, ms, lang="en"):
        """How the inbox says since when that is, to people in Tallinn."""
        then, today = (datetime.datetime.fromtimestamp(t / 1000, TALLINN) for t in (ms, self.control("clock")["now"]))
        days = (today.date() - then.date()).days
        return say("date.time" if days == 0 else "date.since_yesterday" if days == 1 else
                   "date.moment" if then.year == today.year else "date.moment_year", lang, hour="%02d" % then.hour, minute="%02d" % then.minute,
                   day=str(then.day), month=say("date.month_%d" % then.month, lang), year=str(then.year))

    def sync(self, budget=20, check=True):
        """A scheduled run. `check`: it succeeds, after waiting for one that an open page started."""
        if check:
            until(lambda: self.sync_once(budget, True) == 0, 60, 0.1)
            return 0
        return self.sync_once(budget, False)

    def sync_once(self, budget, check):
        r = subprocess.run([os.path.join(self.build, "inbox-sync"), "-c", self.conf, "--budget", str(budget)], **self.as_user(),
                           cwd=self.dir, stderr=subprocess.PIPE)
        with open(self.path("worker.log"), "ab") as f:
            f.write(r.stderr)
        if check and r.returncode not in (0, 75):
            raise AssertionError("inbox-sync exited %d: %s" % (r.returncode, r.stderr.decode()[-2000:]))
        return r.returncode

    def db(self, sql, *args):
        c = sqlite3.connect("file:%s?mode=ro" % self.path("inbox.db"), uri=True, timeout=10)
        try:
            return c.execute(sql, args).fetchall()
        finally:
            c.close()

    def write(self, sql, *args):
        """What no page does: into the database, behind the program's back."""
        c = sqlite3.connect(self.path("inbox.db"), timeout=10)
        with c:
            c.execute(sql, args)
        c.close()

    def link(self, thread, kind, pd_id):
        """As somebody did in the panel of the conversation."""
        self.write("INSERT INTO link(install_id, thread_id, kind, pd_id, title, user_id, linked_at, checked_at)"
                   " SELECT install_id, id, ?, ?, 'linked', 1, 1, 1 FROM thread WHERE id = ?", kind, str(pd_id), thread)
        self.write("UPDATE thread SET linked = 1 WHERE id = ?", thread)

    # ways people go --------------------------------------------------------------

    def sign_in(self, company=ACME, user=MARIA, lang="en", browser=None, action="allow"):
        """From /connect through Pipedrive's consent; where the product leads then."""
        b = browser or self.browser(lang)
        r = b.get("/connect")
        assert "/oauth/authorize" in r.url, r.url
        r = b.post(r.url, {"company": company, "user": user, "action": action})
        return b, r

    def facebook(self, b, r, asid=ASID_MARIA, pages=(PAGE_A, PAGE_B), perms=None, action="continue"):
        """From the page before Facebook's dialog through it."""
        go = r.page.link_to("/dialog/oauth")
        q = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(go).query))
        perms = perms if perms is not None else q.get("scope", "").split(",")
        return b.post(go, {"user": asid, "pages": list(pages), "perms": list(perms), "action": action})

    def connect(self, visibility="shared", company=ACME, user=MARIA, asid=ASID_MARIA, pages=(PAGE_A, PAGE_B),
                lang="en", wait=True):
        """The whole way of an admin; a browser that is signed in, on the page after it."""
        b, r = self.sign_in(company, user, lang)
        r = b.submit(r, "/connect/visibility", {"visibility": visibility})
        r = self.facebook(b, r, asid, pages)
        r = b.submit(r, "/connect/pages", {"page": list(pages)})
        if wait:
            until(lambda: self.imported(company), 60, 0.05)
            self.at_rest()
        return b

    def at_rest(self):
        """
        No run is under way, and pages that are opened start none for a while. On a busy machine
        one that the way to the inbox started may still go on, past the test's next move of the clock.
        """
        self.sync(2)

    def imported(self, company=ACME):
        self.browser_poke()
        rows = self.db("SELECT import_state FROM page p JOIN install i ON i.id = p.install_id"
                       " WHERE i.company_id = ? AND p.state <> 'removed'", company)
        return rows and all(s == "done" for (s,) in rows)

    def browser_poke(self):
        """Let the engine take a step when no worker does."""
        self.sync(2, check=False)

    def customer(self, text, page=PAGE_A, psid=LIISA, **kw):
        """The customer writes; the mid. Waits until the webhook was delivered."""
        out = self.control("customer/write", dict(page=page, psid=psid, text=text, **kw))
        self.delivered()
        return out["mid"]

    def delivered(self):
        """Until the sandbox has no webhook left to deliver."""
        until(lambda: self.control("wait", {"deadline_ms": 5000})["idle"], 20)

    def fault(self, match, **what):
        return self.control("faults", dict(match=match, **what))["id"]

    def requests(self, **query):
        """Requests the sandbox has answered."""
        return self.control("requests?" + urllib.parse.urlencode(dict(query, limit=100000)))["requests"]

    def arrived(self, psid=LIISA, page=PAGE_A):
        """Texts of the Page that are on the customer's screen, oldest first."""
        c = self.control("state?page=%s&psid=%s" % (page, psid))["conversations"]
        return [m["text"] for m in c[0]["messages"] if m["direction"] == "out"] if c else []

    def thread(self, psid=LIISA):
        rows = self.db("SELECT id FROM thread WHERE psid = ?", psid)
        return rows[0][0] if rows else None

    def reply(self, b, thread, text, key=None, **fields):
        r = b.get("/inbox/%d" % thread)
        fields["text"] = text
        if key:
            fields["key"] = key
        return b.submit(r, "/inbox/%d/reply" % thread, fields)


class Replies:
    """What a TestCase with a Stand named st asks of a thread's replies."""

    def state(self, thread):
        """The replies' states, oldest first."""
        return [s for (s,) in self.st.db("SELECT state FROM outbox WHERE thread_id = ? ORDER BY id", thread)]

    def wait_state(self, thread, *states):
        try:
            until(lambda: self.state(thread) == list(states), 20)
        except AssertionError:
            self.fail("replies are %s, not %s" % (self.state(thread), list(states)))
