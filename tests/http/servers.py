#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""servers - the inbox behind every web server that we ship a configuration for, with that very configuration.

One small class per server; each at the top of a host name of its own and below
a path of a site: signing in and answering, a webhook of 900 KiB, Pipedrive's
DELETE with its credentials, static files, a graceful restart under load.
"""
import gzip
import http.client
import os
import re
import shutil
import signal
import threading
import time
import unittest
import urllib.parse

from leave import uninstall
from stand import LIISA, PAGE_A, SRC, VERIFY, Stand, event_body, sign, until

SLOW = 70

MODULES = "/usr/lib/apache2/modules"
PLACES = (("host", "localhost", ""), ("path", "127.0.0.1", "/team/messages"))
SERVERS = {}


def served(cls):
    SERVERS[cls.__name__] = cls
    return cls


class Served(Stand):
    """A stand behind the shipped configuration. `configure` writes it and returns the server's command."""

    graceful = signal.SIGUSR1
    ends_processes = False      # a graceful restart of mod_fcgid does; see apache.conf
    shares = 1                  # entries with processes of their own; see web/htaccess
    sleeps = False              # so does mod_fcgid with a request for which no process is free
    many = (8, 32)              # connections at once
    account = "lighttpd"        # the others will not work as root: then all of it runs as another user

    def __init__(self, host="127.0.0.1", path=""):
        super().__init__(server=self.account, base_path=path, host=host)

    def shipped(self, name):
        return os.path.join(SRC, "docs/servers", name)

    def file(self, name, text, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def start_server(self):
        command = self.configure()
        if self.user:
            self.own()
        self.server = self.run(command, "server.log", **self.as_user())

    def spawn(self):
        """Workers on one socket by spawn-fcgi and multiwatch, as our files tell people to."""
        self.socket = self.path("fcgi.sock")
        self.spawned = self.run(["/usr/bin/spawn-fcgi", "-n", "-s", self.socket, "-M", "666", "--", "/usr/bin/multiwatch",
                                 "-f", "3", "-r", "20", "-s", "TERM", "--", os.path.join(self.build, "inbox.fcgi")],
                                "worker.log", env=dict(os.environ, INBOX_CONF=self.conf), **self.as_user())
        until(lambda: os.path.exists(self.socket))


class Lighttpd(Served):
    def lighttpd(self, name, **values):
        lines = ['server.bind = "127.0.0.1"', "server.port = %d" % self.port, 'server.document-root = "%s"' % self.dir,
                 'server.upload-dirs = ( "%s" )' % self.dir, 'server.errorlog = "%s"' % self.path("server.log"),
                 'server.breakagelog = "%s"' % self.path("worker.log"),
                 'server.modules += ( "mod_alias", "mod_setenv", "mod_deflate", "mod_fastcgi" )']
        values["static"] = self.src + "/static/"
        if self.base_path:
            values["path"] = self.base_path
        lines += ['var.inbox_%s = "%s"' % v for v in values.items()]
        lines += ['$HTTP["host"] =~ "^%s(:|$)" {' % self.host] + \
                 ['include "%s"' % self.shipped(f) for f in ("lighttpd-static.conf", name)] + ["}"]
        return ["/usr/sbin/lighttpd", "-D", "-f", self.file("lighttpd.conf", "\n".join(lines) + "\n")]


@served
class LighttpdSpawns(Lighttpd):
    def configure(self):
        return self.lighttpd("lighttpd.conf", program=os.path.join(self.build, "inbox.fcgi"), conf=self.conf,
                             socket=self.path("fcgi.sock"), workers="3")


@served
class LighttpdSocket(Lighttpd):
    def configure(self):
        self.spawn()
        return self.lighttpd("lighttpd-socket.conf", socket=self.socket)


class Apache(Served):
    account = "apache"
    mpm, modules = "mpm_event", ("authz_core", "alias", "headers", "mime", "filter", "deflate")

    def apache(self, site, *modules, more=()):
        run = self.path("run")
        os.makedirs(run, exist_ok=True)
        lines = ["ServerName site.invalid", "Listen 127.0.0.1:%d" % self.port, "ServerRoot %s" % self.dir, "PidFile %s/pid" % run,
                 "ErrorLog %s" % self.path("worker.log"), "DefaultRuntimeDir %s" % run, "TypesConfig /etc/mime.types"]
        lines += ["LoadModule %s_module %s/mod_%s.so" % (m, MODULES, m) for m in (self.mpm,) + self.modules + modules]
        lines += list(more) + ["<Directory />", "Require all denied", "</Directory>", "DocumentRoot %s" % run]
        lines += ["<VirtualHost *:%d>" % self.port, "ServerName other.invalid", "</VirtualHost>"]
        lines += ["<VirtualHost *:%d>" % self.port, "ServerName " + self.host] + site + ["</VirtualHost>"]
        return ["/usr/sbin/apache2", "-f", self.file("apache.conf", "\n".join(lines) + "\n"), "-DFOREGROUND"]

    def define(self, **values):
        values["STATIC"] = self.src + "/static"
        if self.base_path:
            values["PATH"] = self.base_path + "/"
        return ["Define INBOX_%s %s" % v for v in values.items()]

    FCGID = ("FcgidIPCDir run/fcgid", "FcgidProcessTableFile run/fcgid_shm")


@served
class ApacheFcgid(Apache):
    ends_processes = sleeps = True

    def configure(self):
        return self.apache(self.define(PROGRAM=os.path.join(self.build, "inbox.fcgi"), CONF=self.conf) +
                           ["Include " + self.shipped("apache.conf")], "fcgid", more=self.FCGID)


@served
class ApacheProxy(Apache):
    def configure(self):
        self.spawn()
        return self.apache(self.define(SOCKET=self.socket) + ["Include " + self.shipped("apache-proxy.conf")],
                           "proxy", "proxy_fcgi")


class WebFolder(Apache):
    """A folder of a site whose owner may write .htaccess and nothing else."""

    def folder(self, *modules, more=()):
        site = self.path("site")
        web = site + self.base_path
        fill = {"@BASE@": self.base_path + "/", "@CONF@": self.conf, "@PROGRAM@": os.path.join(self.build, "inbox.fcgi")}
        with open(os.path.join(SRC, "web/htaccess")) as f:
            entries = set(re.findall(r"RewriteRule \^ (\S+)", f.read()))
        for name, source, mode in [(".htaccess", "htaccess", 0o644)] + [(e, "entry", 0o755) for e in entries]:
            with open(os.path.join(SRC, "web", source)) as f:
                text = f.read()
            for k, v in fill.items():
                text = text.replace(k, v)
            self.file(os.path.join(web, name), text, mode)
        shutil.copytree(self.src + "/static", web + "/static")
        return self.site(site, *modules, more=more)

    def site(self, site, *modules, more=()):
        return self.apache(["DocumentRoot " + site, "<Directory %s>" % site, "Require all granted",
                            "Options SymLinksIfOwnerMatch Indexes MultiViews", "AllowOverride FileInfo Options AuthConfig",
                            "</Directory>"], "rewrite", "dir", "negotiation", "autoindex", *modules, more=more)


@served
class HtaccessFcgid(WebFolder):
    ends_processes = sleeps = True
    shares = 5

    def configure(self):
        return self.folder("fcgid", "cgid", more=self.FCGID + ("ScriptSock cgisock",))


@served
class HtaccessCgi(WebFolder):
    mpm, many = "mpm_prefork", (8,)

    def configure(self):
        return self.folder("cgi", more=("StartServers 10", "MinSpareServers 10", "MaxSpareServers 20"))


@served
class Nginx(Served):
    account = "nginx"
    graceful = signal.SIGHUP

    def configure(self):
        self.spawn()
        with open(self.shipped("nginx.conf")) as f:
            shipped = f.read()
        for location in ("location ^~ /", "location /"):
            self_made = location[:-1] + self.base_path + "/"
            shipped = shipped.replace(location, self_made)
        temp = "\n".join("%s_temp_path %s;" % (k, self.path("temp-" + k))
                         for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        inbox = self.file("inbox.nginx", shipped)
        conf = self.file("nginx.conf", """daemon off;
pid %s;
error_log stderr;
worker_processes 1;
events { }
http {
include /etc/nginx/mime.types;
access_log off;
%s
server { listen 127.0.0.1:%d default_server; return 404; }
server {
listen 127.0.0.1:%d;
server_name %s;
set $inbox_socket unix:%s;
set $inbox_static %s/static;
include %s;
}
}
""" % (self.path("nginx.pid"), temp, self.port, self.port, self.host, self.socket, self.src, inbox))
        return ["/usr/sbin/nginx", "-e", "stderr", "-p", self.dir, "-c", conf]


class Load:
    """Requests one after the other on each of n connections, until told to stop."""

    def __init__(self, stand, n, path="/"):
        self.st, self.path, self.stopped = stand, stand.base_path + path, False
        self.failed, self.times = [], []
        self.threads = [threading.Thread(target=self.work) for _ in range(n)]
        for t in self.threads:
            t.start()

    def work(self):
        while not self.stopped:
            start = time.monotonic()
            try:
                c = http.client.HTTPConnection(self.st.host, self.st.port, timeout=10)
                c.request("GET", self.path, headers={"Connection": "close"})
                r = c.getresponse()
                r.read()
                c.close()
                if r.status != 200:
                    self.failed.append(r.status)
            except (OSError, http.client.HTTPException) as e:
                self.failed.append(repr(e))
            self.times.append(time.monotonic() - start)

    @property
    def done(self):
        return len(self.times)

    def median(self):
        return sorted(self.times)[self.done // 2]

    def slow(self, seconds):
        """The share that took longer."""
        return sum(t > seconds for t in self.times) / self.done

    def stop(self):
        self.stopped = True
        for t in self.threads:
            t.join()


class Behind:
    """What every server has to let through; a TestCase with `make`."""

    @classmethod
    def setUpClass(cls):
        cls.st = cls.make()
        cls.st.__enter__()
        cls.addClassCleanup(cls.st.__exit__, None, None, None)
        cls.b = cls.st.connect(pages=[PAGE_A])

    def call(self, method, path, **kw):
        c = http.client.HTTPConnection(self.st.host, self.st.port, timeout=30)
        c.request(method, self.st.base_path + path, **kw)
        r = c.getresponse()
        body = r.read()
        c.close()
        return r, body

    def test_a_question_and_its_answer(self):
        st = self.st
        st.customer("Do you open on Sunday?")
        thread = until(st.thread)
        r = self.b.get("/inbox/%d" % thread)
        self.assertIn("Do you open on Sunday?", r.page.by_id_text["log"])
        self.b.submit(r, "/inbox/%d/reply" % thread, {"text": "From ten to four."})
        until(lambda: st.db("SELECT state FROM outbox")[0][0] == "sent")
        self.assertEqual(st.arrived(), ["From ten to four."])

    def test_a_webhook_of_900_kib(self):
        st = self.st
        many = [{"sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "timestamp": 1795341600000 + i,
                 "message": {"mid": "m_big%04d" % i, "text": "x" * 1500}} for i in range(570)]
        body = event_body(many)
        self.assertGreater(len(body), 900 * 1024)
        self.assertEqual(st.hook(body), 200)
        self.assertEqual(st.db("SELECT count(*) FROM message WHERE mid LIKE 'm_big%'")[0][0], 570)
        self.assertEqual(st.hook(body, signature="sha256=" + "0" * 64), 403)

    def test_a_webhook_in_chunks(self):
        """Without a length in front."""
        text = event_body([{"sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "timestamp": 1795341600000,
                            "message": {"mid": "m_chunks", "text": "y" * 1500}}])
        r, _ = self.call("POST", "/hook/facebook", body=iter([text[:700], text[700:]]), encode_chunked=True,
                         headers={"Content-Type": "application/json", "Transfer-Encoding": "chunked",
                                  "X-Hub-Signature-256": sign(text)})
        # 411 is an answer as well: the sender then says the length.
        self.assertIn(r.status, (200, 411))
        self.assertEqual(self.st.db("SELECT count(*) FROM message WHERE mid = 'm_chunks'")[0][0], 1 if r.status == 200 else 0)

    def test_the_verification_of_the_webhook(self):
        r, body = self.call("GET", "/hook/facebook?" + urllib.parse.urlencode(
            {"hub.mode": "subscribe", "hub.challenge": "4711", "hub.verify_token": VERIFY}))
        self.assertEqual((r.status, body), (200, b"4711"))

    def test_static_files_for_a_year(self):
        for name, kind in (("app.css", "text/css"), ("app.js", "javascript"), ("icon.svg", "image/svg+xml")):
            r, body = self.call("GET", "/static/" + name)
            with open(os.path.join(SRC, "static", name), "rb") as f:
                self.assertEqual((r.status, body), (200, f.read()))
            self.assertIn(kind, r.headers["Content-Type"])
            self.assertEqual(r.headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(r.headers["Cache-Control"], "public, max-age=31536000, immutable")
        # What the page names is there.
        page = self.b.get("/").page
        for tag, a in page.tags:
            if tag == "link" and "stylesheet" in a.get("rel", ""):
                self.assertEqual(self.b.get(a["href"]).status, 200)
        self.assertIn(self.call("GET", "/static/")[0].status, (403, 404))

    def test_compressed_on_the_way(self):
        """Pages and files, but nothing whose address is a secret; a page that has not changed is still none."""
        want = {"Accept-Encoding": "gzip"}
        for path in ("/static/app.css", "/static/app.js", "/"):
            r, body = self.call("GET", path, headers=want)
            self.assertEqual((r.status, r.headers["Content-Encoding"]), (200, "gzip"), path)
            plain, whole = self.call("GET", path)
            self.assertIsNone(plain.headers["Content-Encoding"])
            self.assertEqual(len(gzip.decompress(body)), len(whole), path)
            self.assertLess(2 * len(body), len(whole))
        r, _ = self.call("GET", "/pd/panel", headers=want)
        self.assertIsNone(r.headers["Content-Encoding"])
        r = self.b.get("/poll", headers=want)
        self.assertEqual(r.header("Content-Encoding"), "gzip")
        self.assertEqual(self.b.get("/poll", headers=dict(want, **{"If-None-Match": r.header("ETag")})).status, 304)

    def test_nobody_else_is_answered(self):
        """The site's other names and paths are not the inbox's."""
        c = http.client.HTTPConnection("127.0.0.1", self.st.port, timeout=30)
        c.request("GET", "/", headers={"Host": "other.invalid"})
        self.assertIn(c.getresponse().status, (403, 404))
        c.close()

    def test_z_the_word_that_it_was_uninstalled(self):
        """Last: it ends the connection."""
        self.assertEqual(uninstall(self.st, auth=("5f3c9a1b2c3d4e5f", "wrong")), 401)
        self.assertEqual(uninstall(self.st), 200)

class UnderLoad(Behind):
    """With more than one visitor; the place makes no difference."""

    def load(self, n, requests, then=None):
        """n connections, until so many more were answered; `then` happens in their midst."""
        load = Load(self.st, n)
        try:
            until(lambda: load.done >= requests, 60)
            if then:
                then()
                seen = load.done
                until(lambda: load.done >= seen + requests, 60)
        finally:
            load.stop()
        return load

    def test_a_graceful_restart_under_load(self):
        load = self.load(4, 200, lambda: self.st.server.send_signal(self.st.graceful))
        if self.st.ends_processes:
            # One of each connection at most, and it goes on.
            self.assertLessEqual(len(load.failed), 4)
        else:
            self.assertEqual(load.failed, [])
        until(lambda: self.call("GET", "/")[0].status == 200)
        self.assertIsNone(self.st.server.poll())

    def test_many_at_once(self):
        """More connections than workers: nobody is turned away, and nobody sleeps."""
        for n in self.st.many:
            load = self.load(n, 300)
            self.assertEqual(load.failed, [])
            self.assertLess(load.median(), 0.5)
            if not self.st.sleeps:
                self.assertLess(load.slow(1.0), 0.02)


class Shared(UnderLoad):
    """Entries with processes of their own."""

    def test_a_rush_is_shared(self):
        """One visitor after the other, nobody waits for anybody: all entries get some."""
        before = self.st.log()
        for _ in range(80):
            self.assertEqual(self.call("GET", "/")[0].status, 200)
        log = self.st.log()[len(before):]
        self.assertGreaterEqual(len(set(re.findall(r" request prog=inbox\.fcgi pid=(\d+) ", log))), self.st.shares)


for name, server in SERVERS.items():
    for place, host, path in PLACES:
        case = "%s_%s" % (name, place)
        globals()[case] = type(case, (Behind if place != "host" else Shared if server.shares > 1 else UnderLoad, unittest.TestCase), {
            "make": staticmethod(lambda server=server, host=host, path=path: server(host, path))})


if __name__ == "__main__":
    unittest.main()
