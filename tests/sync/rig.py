# SPDX-License-Identifier: MIT
"""rig.py - the product without a web server, for tests that break it on purpose.

    with Rig() as rig:                # connected with Page A, imported, at rest
        rig.reset()                   # that moment again: database, files, sandbox, clock
        rig.customer("hello"); rig.hooks(); rig.reply("Yes"); rig.run("commit:2=kill")

The Rig itself listens at the product's address and runs inbox.fcgi as a CGI
program for every request, so that Stand's browser, the consent pages and
Facebook's webhooks work as ever; what a CGI process does after its answer is
left to inbox-sync, so that a test decides when work is done.  Webhooks are
kept until hooks() delivers them (or lose() loses them); with `live` set they
go in at once.

The programs must be built with --enable-fault-injection.  With sanitizers as well, every
fourth process looks for leaks at its end (SYNC_LONG: each): all ways are gone many times.
"""
import contextlib
import http.server
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "http"))
from stand import APP_SECRET, ASID_MARIA, JAAN, LEAN, LIISA, PAGE_A, Stand, event_body, message, multipart, sign, until  # noqa: E402

import invariants  # noqa: E402

LONG = bool(os.environ.get("SYNC_LONG"))
QUIET = "work:1=fail"
KILLED = -9


def message_event(messages):
    """A signed body of one entry: (psid, mid, text, time) each."""
    body = event_body([message(psid, mid, text, at) for psid, mid, text, at in messages])
    return body, sign(body, APP_SECRET)


class Gate(http.server.BaseHTTPRequestHandler):
    """From HTTP to CGI."""
    protocol_version = "HTTP/1.0"
    rig = None

    def do_GET(self):
        rig = self.rig
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command == "POST" and self.path.endswith("/hook/facebook") and not rig.live:
            rig.kept.append((body, dict(self.headers)))
            self.reply(200, [], b"")
            return
        with rig.passing():
            answer = rig.cgi(self.command, self.path, self.headers, body)
        self.reply(*answer[:3])

    do_POST = do_GET

    def reply(self, status, headers, body):
        self.send_response(status or 502)
        for k, v in headers:
            self.send_header(k, v)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Rig(Stand):
    pages = (PAGE_A,)

    def __init__(self, **kw):
        super().__init__(server="gate", **kw)
        self.kept, self.live, self.ahead, self.problems, self.started = [], False, 0, [], 0
        self.gate, self.moments = None, {}
        self.inside, self.changed = 0, threading.Condition()

    # life -------------------------------------------------------------------

    def start_gate(self):
        self.gate = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), type("BoundGate", (Gate,), {"rig": self}))
        threading.Thread(target=self.gate.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        super().__enter__()
        try:
            r = self.sync_once("count")
            if "fault-points " not in r.stderr:
                sys.exit("rig: the programs in %s have no fault points; configure with --enable-fault-injection" % self.build)
            self.b = self.connect("shared", pages=self.pages)
            self.delivered()
            self.later(0)
            self.base()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, *exc):
        if self.gate:
            self.gate.shutdown()
            self.gate.server_close()
            self.gate = None
        return super().__exit__(*exc)

    def imported(self, company=0):
        self.sync_once(None)
        return all(s == "done" for (s,) in self.db("SELECT import_state FROM page"))

    def at_rest(self):
        """Nothing runs here but when a test says so."""

    # that moment again ---------------------------------------------------------

    def now(self):
        """By the clock of product and sandbox."""
        return int(time.time() * 1000) + self.ahead

    def files(self, folder):
        return [f for f in os.listdir(folder) if f.startswith("inbox.db") and not f.endswith("-lock")]

    def keep(self, name):
        """Keep this moment: database, files, sandbox, cookies, clock."""
        self.control("snapshot", {"name": name})
        shutil.rmtree(self.path(name), ignore_errors=True)
        os.mkdir(self.path(name))
        for f in self.files(self.dir):
            shutil.copy(self.path(f), self.path(name, f))
        if os.path.isdir(self.path("media")):
            shutil.copytree(self.path("media"), self.path(name, "media"))
        self.moments[name] = self.now(), {k: dict(v) for k, v in self.b.cookies.items()}

    @contextlib.contextmanager
    def passing(self):
        """A request that came through the gate by itself, as Pipedrive's webhooks do."""
        with self.changed:
            self.inside += 1
        try:
            yield
        finally:
            with self.changed:
                self.inside -= 1
                self.changed.notify_all()

    def back(self, name):
        """That moment again, to the second; webhooks that waited are gone."""
        at, cookies = self.moments[name]
        self.control("restore", {"name": name})
        with self.changed:
            # Nobody has the files open, nor opens them, while they are exchanged.
            if not self.changed.wait_for(lambda: self.inside == 0, 60):
                raise AssertionError("a request does not end")
            self.exchange(name)
        self.b.cookies = {k: dict(v) for k, v in cookies.items()}
        self.kept, self.live, self.problems = [], False, []
        self.ahead = at - int(time.time() * 1000)
        self.clock(self.ahead)

    def exchange(self, name):
        for f in self.files(self.dir):
            os.unlink(self.path(f))
        shutil.rmtree(self.path("media"), ignore_errors=True)
        for f in self.files(self.path(name)):
            shutil.copy(self.path(name, f), self.path(f))
        if os.path.isdir(self.path(name, "media")):
            shutil.copytree(self.path(name, "media"), self.path("media"))

    def base(self):
        until(lambda: self.sync_once(None).returncode == 0, 10)
        self.control("requests/clear", {})
        self.control("webhooks/clear", {})
        self.keep("base")

    def reset(self):
        self.back("base")

    def later(self, seconds):
        self.ahead += int(seconds * 1000)
        self.clock(self.ahead)

    # the programs ----------------------------------------------------------------

    def program(self, args, fault, **kw):
        env = dict(os.environ, INBOX_CONF=self.conf, **kw.pop("env", {}))
        env.pop("INBOX_FAULT", None)
        if fault:
            env["INBOX_FAULT"] = fault
        self.started += 1
        if self.started % 4 and not LONG:
            env.setdefault("ASAN_OPTIONS", LEAN)
        r = subprocess.run(args, cwd=self.dir, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
        r.stderr = r.stderr.decode("utf-8", "replace")
        with open(self.path("worker.log"), "a") as f:
            f.write(r.stderr)
        if r.returncode not in (0, 75, KILLED):
            self.problems.append("%s under %s ended with %d: %s" % (args[0], fault, r.returncode, r.stderr[-1500:]))
        return r

    def sync_once(self, fault):
        return self.program([os.path.join(self.build, "inbox-sync"), "-c", self.conf, "--budget", "20"], fault)

    def run(self, *args, **kw):
        """A run of inbox-sync; with no argument or a fault.  (Stand's own run() starts a child.)"""
        if args and isinstance(args[0], list):
            return super().run(*args, **kw)
        return self.sync_once(args[0] if args else None)

    def cgi(self, method, target, headers=(), body=b"", fault=QUIET):
        """One request: (status, headers, body, exit code). A process that dies without an answer has status 0."""
        env = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": method, "REQUEST_URI": target, "SERVER_PROTOCOL": "HTTP/1.1",
               "SERVER_NAME": "127.0.0.1", "SERVER_PORT": str(self.port), "REMOTE_ADDR": "127.0.0.1", "SCRIPT_NAME": "",
               "PATH_INFO": urllib.parse.urlsplit(target).path, "QUERY_STRING": urllib.parse.urlsplit(target).query,
               "CONTENT_LENGTH": str(len(body))}
        for k, v in dict(headers).items():
            if k.lower() == "content-type":
                env["CONTENT_TYPE"] = v
            elif k.lower() != "content-length":
                env["HTTP_" + k.upper().replace("-", "_")] = v
        r = self.program([os.path.join(self.build, "inbox.fcgi")], fault, input=body, env=env)
        head, found, rest = r.stdout.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")] if found else []
        status = next((int(v.split()[0]) for k, v in lines if k.lower() == "status"), 200 if found else 0)
        return status, [(k, v) for k, v in lines if k.lower() != "status"], rest, r.returncode

    def post(self, path, fields, fault=QUIET):
        """A form as the person's browser sends it: as cgi()."""
        jar = self.b.cookies["127.0.0.1:%d" % self.port]
        return self.cgi("POST", path, {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.url,
                                       "Cookie": "; ".join("%s=%s" % kv for kv in jar.items())}, urllib.parse.urlencode(fields).encode(), fault)

    def points(self, path, fields):
        """The same form; where it could have been killed: (kind of point, number)."""
        program, counts = self.program, {}

        def counting(args, fault, **kw):
            r = program(args, fault, **kw)
            if fault and "count" in fault:
                counts.update(self.counts(r.stderr))
            return r
        self.program = counting
        try:
            self.post(path, fields, QUIET + ",count")
        finally:
            self.program = program
        return [(p, n) for p in ("commit", "committed", "call-before", "call-after") for n in range(1, counts[p] + 1)]

    def counts(self, stderr):
        """What INBOX_FAULT=count told."""
        line = re.findall(r"^fault-points (.*)$", stderr, re.M)[-1]
        return {k: int(v) for k, v in (p.split("=") for p in line.split())}

    # the world --------------------------------------------------------------------

    def customer(self, text, psid=LIISA, **kw):
        mid = self.control("customer/write", dict(page=PAGE_A, psid=psid, text=text, **kw))["mid"]
        self.delivered()
        return mid

    def page_inbox(self, text, psid=LIISA, **kw):
        mid = self.control("page/write", dict(page=PAGE_A, psid=psid, text=text, **kw))["mid"]
        self.delivered()
        return mid

    def deliver(self, one, fault=QUIET):
        body, headers = one
        return self.cgi("POST", "/hook/facebook", {"Content-Type": "application/json", "X-Hub-Signature-256": sign(body, APP_SECRET)},
                        body, fault)

    def hooks(self, order=None, fault=None):
        """Deliver what waits; `order` picks and sorts. Facebook repeats what was not taken, as it would."""
        self.delivered()
        waiting, self.kept = self.kept, []
        for one in order(waiting) if order else waiting:
            status = self.deliver(one, "%s,%s" % (QUIET, fault) if fault else QUIET)[0]
            fault = None
            if status != 200:
                status = self.deliver(one)[0]
            if status != 200:
                self.problems.append("a webhook was answered %d" % status)
        return waiting

    def lose(self):
        self.delivered()
        self.kept = []

    def reply(self, text, psid=LIISA, key=None):
        r = super().reply(self.b, self.thread(psid), text, key)
        if r.status != 200:
            self.problems.append("the reply was answered %d" % r.status)
        return r

    def reply_files(self, text, files, psid=LIISA, fault=None):
        """The form as a browser without script sends it; after a fault once more, as people do."""
        path = "/inbox/%d/reply" % self.thread(psid)
        fields = self.b.get(path[:-6]).page.form_to("/reply")["fields"]
        body, kind = multipart([(k, text if k == "text" else fields[k]) for k in ("csrf", "key", "replaces", "text")],
                               [("file", name, data) for name, data in files])
        if fault:
            cookies = self.b.cookies["127.0.0.1:%d" % self.port]
            self.cgi("POST", path, {"Content-Type": kind, "Origin": self.url, "Cookie": "; ".join("%s=%s" % kv for kv in cookies.items())},
                     body, "%s,%s" % (QUIET, fault))
        r = self.b.request("POST", path, body=body, headers={"Content-Type": kind})
        if r.status != 200:
            self.problems.append("the reply was answered %d" % r.status)

    def reconnect(self):
        r = self.b.get("/connect/more")
        r = self.facebook(self.b, r, ASID_MARIA, self.pages)
        self.b.submit(r, "/connect/pages", {"page": list(self.pages)})

    def sql(self, text, *args):
        """Start rows that no way of the product makes in a test's time."""
        c = sqlite3.connect(self.path("inbox.db"), timeout=10)
        c.execute("PRAGMA foreign_keys = ON")
        with c:
            c.execute(text, args)
        c.close()

    def called(self):
        """Requests to both services since the last reset, by endpoint; files are not among them."""
        n = {}
        for r in self.requests():
            if r["endpoint"] not in ("fb.dialog", "fb.dialog.submit", "pd.authorize", "pd.authorize.submit"):
                n[r["endpoint"]] = n.get(r["endpoint"], 0) + 1
        return n

    def on_phone(self, psid=LIISA):
        """What the customer has got from the company, oldest first: texts, or "+name" of a file."""
        c = self.control("state?page=%s&psid=%s" % (PAGE_A, psid))["conversations"]
        return [m["text"] or "+" + m["attachments"][0]["name"] if m["attachments"] else m["text"]
                for m in c[0]["messages"] if m["direction"] == "out"] if c else []

    # what is there -------------------------------------------------------------------

    def log_of(self, psid=LIISA):
        """The conversation as lines: who, text, what there is to say about it."""
        out = []
        for direction, origin, text, state, edits, flags, rin, rout, natt, tid, mid in self.db(
                "SELECT m.dir, m.origin, coalesce(m.text, ''), m.state, m.edits, m.flags, m.react_in, m.react_out, m.natt, m.thread_id, m.id"
                " FROM message m JOIN thread t ON t.id = m.thread_id WHERE t.psid = ? ORDER BY m.at, m.id", psid):
            line = "%s %s" % (("in", "out", "page", "app")[origin], text)
            if direction and state != 5:
                line += " (%s)" % ("", "queued", "sending", "deferred", "checking", "sent", "failed", "cancelled")[state]
            line += " (edited)" * bool(edits) + " (deleted)" * bool(flags & 4)
            line += "".join(" %s" % r for r in (rin, rout) if r)
            if natt:
                line += " +%s" % ",".join("gone" if f == "" else "file" if f else "-" for (f,) in self.db(
                    "SELECT file FROM attachment WHERE thread_id = ? AND msg_id = ? ORDER BY n", tid, mid))
            out.append(line.replace("  ", " "))
        return out

    def picture(self):
        """Everything that should be the same whichever way it came about; no times, no counters of attempts."""
        return {
            "log": {p: self.log_of(p) for (p,) in self.db("SELECT psid FROM thread ORDER BY psid")},
            "outbox": self.db("SELECT thread_id, state, why, code, subcode FROM outbox ORDER BY id"),
            "thread": self.db("SELECT psid, name, snippet, snippet_kind, last_dir, last_user, failed, owner_app, coalesce(picture, '') <> '',"
                              " history, profile_at = 0 FROM thread ORDER BY psid"),
            "page": self.db("SELECT fb_id, state, why, import_state, pass_started FROM page ORDER BY fb_id"),
            "want": self.db("SELECT count(*) FROM want"),
            "fact": self.db("SELECT count(*) FROM fact"),
            "quarantine": self.db("SELECT why FROM quarantine ORDER BY digest"),
            "user": self.db("SELECT pd_user_id, active, access IS NOT NULL FROM user ORDER BY pd_user_id"),
        }

    def rows(self):
        """Every row that is there, but the ledger of runs and who holds the engine; of the index only its own tables can be read."""
        tables = [t for (t,) in self.db("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                                        " AND sql NOT LIKE 'CREATE VIRTUAL%'")
                  if t not in ("run", "lease")]
        return {t: sorted(self.db("SELECT * FROM %s" % t), key=repr) for t in tables}

    def open_work(self):
        return self.db("SELECT (SELECT count(*) FROM outbox WHERE state IN ('queued','deferred','checking','sending'))"
                       " + (SELECT count(*) FROM want) + (SELECT count(*) FROM page WHERE pass_started > 0 OR import_state = 'running')"
                       " + (SELECT count(*) FROM attachment WHERE fetch_at > 0)"
                       # A name that Facebook did not tell is asked for again a day later.
                       " + (SELECT count(*) FROM thread WHERE profile_at BETWEEN 1 AND ?)", self.now() + 3600_000)[0][0]

    def check(self):
        """Findings in the database and unexpected ends of programs so far."""
        return self.problems + ["%s: %s" % f for f in invariants.check(self.path("inbox.db"))]
