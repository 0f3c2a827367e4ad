#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""setup - from the ready-made archive to an inbox that answers, with an account on a shared host.

The host: Apache with mod_fcgid, which reads .htaccess; a home folder with a
public_html.  The person: an ordinary user who unpacks the archive and runs
inboxctl setup.  Proved: what is made and with which rights, the proofs from outside,
the link, the way to an answered message; that a second run changes nothing, that a
check changes nothing; what is repaired, what is refused; and some thirty hosts and
inboxes that are not as they should be, each found with what helps.
"""
import contextlib
import os
import re
import resource
import sqlite3
import stat
import subprocess
import unittest

from bundle import archive
from servers import WebFolder
from stand import APP_ID, APP_SECRET, LIISA, PAGE_A, VERIFY, free_port, say, until

PACKED = None


def key(name, lang="en", /, **fill):
    return say("setup." + name, lang, **fill)


class Hosting(WebFolder):
    """The host before anything of ours runs; the inbox is to be at /messages."""

    def __init__(self, *lines, modules=("fcgid", "cgid"), override="All"):
        super().__init__(path="/messages")
        self.lines, self.loaded, self.override, self.without = lines, modules, override, None

    def start(self):
        self.port = free_port()
        self.url = "http://127.0.0.1:%d/messages" % self.port
        self.sandbox_proc = self.run_sandbox(0)
        self.home = self.path("home")
        self.public = self.path("home/public_html")
        self.web = self.path("home/public_html/messages")
        os.makedirs(self.public)
        self.unpack()
        self.build = os.path.join(self.top, "bin")
        self.conf = os.path.join(self.top, "etc/messenger-inbox/inbox.conf")
        self.file("clock", "%020d\n" % 0)
        self.file("crontab", "# somebody's own\n")
        self.file("programs/crontab", '#!/bin/sh\ncase $1 in\n-l) cat %s ;;\n-) cat >%s ;;\nesac\n' %
                  (self.path("crontab"), self.path("crontab")), 0o755)
        self.start_server()
        until(lambda: self.call_root() is not None)
        os.symlink(os.path.join(self.top, "var/messenger-inbox/inbox.db"), self.path("inbox.db"))

    def unpack(self):
        subprocess.run(["tar", "-xzf", PACKED, "-C", self.home, "--no-same-owner"], check=True)
        self.top, = [os.path.join(self.home, d) for d in os.listdir(self.home) if d != "public_html"]

    def call_root(self):
        try:
            return self.browser().get("http://127.0.0.1:%d/" % self.port, follow=False).status
        except OSError:
            return None

    def configure(self):
        more = self.FCGID if "fcgid" in self.loaded else ()
        more += ("ScriptSock cgisock",) if "cgid" in self.loaded else ()
        command = self.site(self.public, *self.loaded, more=more)
        with open(self.path("apache.conf")) as f:
            text = f.read()
        text = text.replace("AllowOverride FileInfo Options AuthConfig", "AllowOverride " + self.override)
        text = text.replace("DocumentRoot %s\n" % self.public, "DocumentRoot %s\n%s\n" % (self.public, "\n".join(self.lines)))
        if self.without:
            text = re.sub(r"(?m)^LoadModule %s_module .*\n" % self.without, "", text)
        self.file("apache.conf", text.replace("@TOP@", self.top))
        return command

    def answers(self, **change):
        """The file of answers: the four, and this stand's apps."""
        lines = {"address": self.url, "language": "en", "mail": "admin@example.com", "web_folder": self.web, "cron": "no",
                 "facebook.app_id": APP_ID, "facebook.app_secret": APP_SECRET, "facebook.verify_token": VERIFY,
                 "facebook.graph_url": self.sandbox, "facebook.dialog_url": self.sandbox, "facebook.media_hosts": "127.0.0.1",
                 "pipedrive.client_id": "5f3c9a1b2c3d4e5f", "pipedrive.client_secret": "sandbox-pipedrive-secret",
                 "pipedrive.oauth_url": self.sandbox, "test.clock_file": self.path("clock"), **change}
        return self.file("answers", "".join("%s = %s\n" % kv for kv in lines.items() if kv[1] is not None))

    def like(self, lines=(), modules=("fcgid", "cgid"), override="All", without=None):
        """Another host, with the same files."""
        self.lines, self.loaded, self.override, self.without = lines, modules, override, without
        self.end(self.server)
        self.start_server()
        until(lambda: self.call_root() is not None)

    def setup(self, *args, typed=None, most=None, **env):
        """inboxctl setup; its exit code and all it said. `most`: bytes that a file may have."""
        r = subprocess.run([os.path.join(self.build, "inboxctl"), "setup", *args], capture_output=True, text=True, cwd=self.home,
                           input=typed if typed is not None else "", **self.as_user(),
                           preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))) if most else None,
                           env={"PATH": self.path("programs") + ":/usr/bin:/bin", "HOME": self.home, "LANG": "C.UTF-8", **env})
        return r.returncode, r.stdout + r.stderr

    def ctl(self, *args):
        return subprocess.run([os.path.join(self.build, "inboxctl"), *args], capture_output=True, text=True, cwd=self.home,
                              stdin=subprocess.DEVNULL, **self.as_user())

    def tree(self):
        """Everything below the home folder: mode, size, time."""
        out = {}
        for folder, _, files in os.walk(self.home):
            for f in [folder] + [os.path.join(folder, f) for f in files]:
                st = os.lstat(f)
                if "/var/messenger-inbox/" not in f:
                    out[f] = (stat.S_IMODE(st.st_mode), st.st_size if not stat.S_ISDIR(st.st_mode) else 0, st.st_mtime_ns)
        return out

    def mode(self, *parts):
        return stat.S_IMODE(os.stat(os.path.join(*parts)).st_mode)


def setUpModule():
    global PACKED
    PACKED = archive()


class WholeWay(unittest.TestCase):
    def test_from_the_archive_to_an_answer(self):
        with Hosting() as st:
            before = st.tree()
            rc, said = st.setup("--check", "--answers", st.answers())
            self.assertEqual((rc, st.tree()), (1, before), said)
            self.assertIn(key("end_open"), said)

            rc, said = st.setup("--answers", st.answers(cron="yes"))
            self.assertEqual(rc, 0, said)
            self.assertNotIn(key("mark_wrong"), said)
            for promise in ("page", "static", "secrets", "challenge", "credentials", "large"):
                self.assertIn(key("mark_ok") + " " + key(promise), said)
            self.assertIn(key("found_root", path=st.public), said)
            self.assertIn(key("found_out", address=st.sandbox), said)
            # Nobody else reads what is secret, and all of it lies where it should.
            new = set(st.tree()) - set(before)
            self.assertEqual([f for f in new if not f.startswith((st.web, st.top + "/etc", st.top + "/var"))], [])
            for f in (st.conf, st.top + "/etc/messenger-inbox/keys", st.top + "/var/messenger-inbox/inbox.db"):
                self.assertEqual(st.mode(f), 0o600, f)
            for f in (st.top + "/etc/messenger-inbox", st.top + "/var/messenger-inbox"):
                self.assertEqual(st.mode(f), 0o700, f)
            # Whatever it hands visitors to is there.
            with open(st.web + "/.htaccess") as f:
                self.assertEqual(set(re.findall(r"RewriteRule \^ (\S+)", f.read())), {f for f in os.listdir(st.web) if f.endswith("cgi")})
            for f in (st.web, st.web + "/static", st.web + "/messenger-inbox-1.fcgi"):
                self.assertEqual(st.mode(f), 0o755, f)
            self.assertEqual({st.mode(st.web, "static", f) for f in os.listdir(st.web + "/static")}, {0o644})
            with open(st.path("crontab")) as f:
                lines = f.read().splitlines()
            self.assertEqual(lines, ["# somebody's own", "* * * * * %s/inbox-sync -c %s --budget 50" % (st.build, st.conf)])

            # The link opens once.
            link = re.search(r"http://\S+/setup/\S+", said).group(0)
            b = st.browser()
            self.assertEqual(b.get(link).status, 200)
            for step in ("pipedrive", "facebook"):
                self.assertIn(say("setup.step_filled"), b.get("/setup/" + step).page.text)
            r = st.browser().get(link)
            self.assertEqual((r.status, r.page.by_id_text["problem"]), (404, say("setup.over")))

            # Again: nothing to do, nothing touched.
            before = st.tree()
            rc, said = st.setup()
            self.assertEqual((rc, st.tree()), (0, before), said)
            self.assertIn(key("end_same"), said)
            self.assertNotIn(key("mark_made"), said)
            self.assertNotIn("crontab", said.split(key("making"))[1])
            rc, said = st.setup("--answers", st.answers(mail="other@example.com"))
            self.assertEqual((rc, st.tree()), (0, dict(before)), said)
            self.assertIn(key("kept", name="admin_mail"), said)
            # Only the last link is good, and only for an hour.
            newer = re.search(r"http://\S+/setup/\S+", said).group(0)
            st.clock(61 * 60000)
            self.assertEqual(st.browser().get(newer).status, 404)
            st.clock(0)

            b = st.connect(pages=[PAGE_A])
            st.customer("Do you open on Sunday?")
            thread = until(st.thread)
            st.reply(b, thread, "From ten to four.")
            until(lambda: st.db("SELECT state FROM outbox") == [("sent",)])
            self.assertEqual(st.arrived(LIISA), ["From ten to four."])
            self.assertEqual(st.setup("--check")[0], 0)

    def test_on_a_terminal_in_japanese(self):
        """Typed, with a slip; without an app yet."""
        with Hosting() as st:
            rc, said = st.setup(typed="ftp://nonsense\n%s/\nja\nkanri@example.jp\n%s\nno\n" % (st.url, st.web), LANG="ja_JP.UTF-8")
            self.assertIn(key("ask_address", "ja"), said)
            self.assertIn(key("bad_address", "ja"), said)
            self.assertIn(key("ask_cron", "ja"), said)
            for promise in ("page", "static", "secrets", "challenge", "credentials", "large"):
                self.assertIn(key("mark_ok", "ja") + " " + key(promise, "ja"), said)
            with open(st.conf) as f:
                conf = dict(re.findall(r"^([a-z_.]+) = (.*)$", f.read(), re.M))
            self.assertEqual((conf["base_url"], conf["language"], conf["admin_mail"]), (st.url, "ja", "kanri@example.jp"))
            # What nobody knows cannot be forged.
            secrets = {conf[k] for k in ("facebook.app_secret", "facebook.verify_token", "pipedrive.client_secret")}
            self.assertEqual((len(secrets), min(map(len, secrets)) >= 32), (3, True))
            r = st.browser("ja").get(re.search(r"http://\S+/setup/\S+", said).group(0))
            self.assertIn(say("setup.step_run_never", "ja"), r.page.text)
            # What is pasted there lies beside the database, for the inbox alone.
            self.assertIn(st.top + "/var/messenger-inbox/apps.conf", r.page.text)
            with open(st.path("crontab")) as f:
                self.assertEqual(f.read(), "# somebody's own\n")

    def test_plain_cgi(self):
        with Hosting(modules=("cgid",)) as st:
            rc, said = st.setup("--answers", st.answers())
            self.assertEqual(rc, 0, said)


class Refused(unittest.TestCase):
    """What it will not do, and what it finds wrong; each with what helps."""

    def wrong(self, st, what, fix, *args, **fill):
        rc, said = st.setup(*(args or ("--answers", st.answers())))
        self.assertEqual(rc, 1, said)
        self.assertIn(key("mark_wrong") + " " + key(what, **fill), said)
        self.assertIn(key("fix", fix=key(fix)), said)
        return said

    def test_a_folder_of_somebody_else(self):
        with Hosting() as st:
            os.mkdir(st.web)
            st.file(os.path.join(st.web, "index.html"), "my page")
            before = st.tree()
            said = self.wrong(st, "web", "web_foreign_fix", path=st.web)
            self.assertIn(key("web_foreign", name="index.html"), said)
            self.assertEqual(st.tree(), before)

    def test_the_inbox_in_the_web_folder(self):
        with Hosting() as st:
            before = st.tree()
            self.wrong(st, "web", "web_inside_fix", "--answers", st.answers(web_folder=st.home), path=st.home)
            self.assertEqual(st.tree(), before)

    def test_answers(self):
        with Hosting() as st:
            self.wrong(st, "answer", "bad_address", "--answers", st.answers(address="http://example.com"), name="address")
            self.wrong(st, "answer", "answer_fix", "--answers", st.answers(adress="x"), name="adress")
            self.wrong(st, "answer", "bad_mail", "--answers", st.answers(mail="nobody"), name="mail")
            self.wrong(st, "answers", "answers_fix", "--answers", "/nowhere", path="/nowhere")
            self.wrong(st, "answer", "answers_fix", "--answers", st.answers(mail=None), name="mail")
            self.wrong(st, "answer", "check_fix", "--check", name="address")

    def test_what_was_broken_is_repaired(self):
        with Hosting() as st:
            self.assertEqual(st.setup("--answers", st.answers())[0], 0)
            good = st.tree()
            keys = st.top + "/etc/messenger-inbox/keys"
            os.chmod(keys, 0o644)
            os.remove(st.web + "/messenger-inbox-1.fcgi")
            os.chmod(st.top + "/etc/messenger-inbox", 0o755)
            with open(st.web + "/static/app.css", "a") as f:
                f.write("/* */")
            rc, said = st.setup("--check")
            self.assertEqual(rc, 1, said)
            self.assertEqual(said.count(key("mark_open")), 4, said)
            self.assertEqual(st.mode(keys), 0o644)
            rc, said = st.setup()
            self.assertEqual(rc, 0, said)
            self.assertEqual({f: t[:2] for f, t in st.tree().items()}, {f: t[:2] for f, t in good.items()})
            # Without its keys a database opens for nobody: no new ones are made.
            os.rename(keys, keys + ".away")
            self.wrong(st, "keys", "keys_fix", "--check")
            self.wrong(st, "keys", "keys_fix", "--answers", st.answers())
            self.assertFalse(os.path.exists(keys))
            os.rename(keys + ".away", keys)
            with open(st.conf, "a") as f:
                f.write("nonsense = 1\n")
            self.wrong(st, "conf", "conf_fix", "--check")


OPEN = None         # no wrong line: it is to be made anew, and would be

# What is wrong with a host or has happened to an inbox, and what a check must say: a line of the server's
# configuration, the modules it has and what .htaccess may do, or what somebody did to the files; then which
# promise is broken, and what helps.
HOSTS = (
    ("hides credentials", dict(lines=("LoadModule setenvif_module /usr/lib/apache2/modules/mod_setenvif.so",
                                      "RequestHeader unset Authorization early")), "credentials", "credentials_fix"),
    ("refuses DELETE", dict(lines=('<If "%{REQUEST_METHOD} == \'DELETE\'">', "Require all denied", "</If>")),
     "credentials", "credentials_fix"),
    ("takes small bodies only", dict(lines=("LimitRequestBody 100000",)), "large", "large_fix"),
    ("has no plain CGI beside mod_fcgid", dict(modules=("fcgid",)), "large", "large_fix"),
    ("ignores .htaccess", dict(override="None"), "page", "page_fix"),
    ("has no mod_rewrite", dict(without="rewrite"), "page", "page_fix"),
    ("forbids Options in .htaccess", dict(override="FileInfo"), "page", "page_fix"),
    ("leads elsewhere", dict(lines=("Redirect permanent /messages/ https://www.example.invalid/",)), "page", "page_fix"),
    ("keeps visitors out", dict(lines=("<Location /messages>", "Require all denied", "</Location>")), "page", "page_fix"),
    ("filters queries", dict(lines=('<If "%{QUERY_STRING} =~ /hub[.]/">', "Require all denied", "</If>")), "challenge", "challenge_fix"),
    ("keeps style sheets to itself", dict(lines=('<FilesMatch "[.]css$">', "Require all denied", "</FilesMatch>")), "static", "static_fix"),
    ("shows the keys", dict(lines=("Alias /messages/etc @TOP@/etc", "<Directory @TOP@/etc>", "Require all granted",
                                   "AllowOverride None", "</Directory>")), "secrets", "secrets_fix"),
)


def rewritten(path, change):
    """To do it, and to undo it."""
    with open(path, "rb") as f:
        was = f.read()
    at = os.stat(path).st_mtime_ns

    def put(data):
        with open(path, "wb") as f:
            f.write(data)
        os.utime(path, ns=(at, at))

    return lambda: put(change(was)), lambda: put(was)


def mode(path, to):
    was = stat.S_IMODE(os.stat(path).st_mode)
    return lambda: os.chmod(path, to), lambda: os.chmod(path, was)


def away(path):
    return lambda: os.rename(path, path + ".away"), lambda: os.rename(path + ".away", path)


def schema(path, version):
    def put(to):
        with contextlib.closing(sqlite3.connect(path)) as c:
            c.execute("PRAGMA user_version = %d" % to)

    with contextlib.closing(sqlite3.connect(path)) as c:
        was, = c.execute("PRAGMA user_version").fetchone()
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)")        # all of it is in the one file
    return lambda: put(version), lambda: put(was)


def conf_line(st, name, value):
    return rewritten(st.conf, lambda was: re.sub(rb"(?m)^%s = .*$" % re.escape(name.encode()), ("%s = %s" % (name, value)).encode(), was)
                     if re.search(rb"(?m)^%s = " % re.escape(name.encode()), was) else was + ("%s = %s\n" % (name, value)).encode())


def mishaps(st):
    """(what happened, to do and to undo it, the promise, what helps, values in the promise's line)."""
    etc, var = st.top + "/etc/messenger-inbox", st.top + "/var/messenger-inbox"
    keys, db, entry = etc + "/keys", var + "/inbox.db", st.web + "/messenger-inbox-1.fcgi"
    nowhere, other = "http://127.0.0.1:%d" % free_port(), st.public + "/other"
    st.file(os.path.join(other, "index.html"), "my page")
    newer, older = schema(db, 9999), schema(db, 1)
    return (
        ("others may read the keys", mode(keys, 0o644), OPEN, "closed", {"path": keys}),
        ("others may read the configuration", mode(st.conf, 0o644), OPEN, "closed", {"path": st.conf}),
        ("others may look into the folder", mode(etc, 0o755), OPEN, "folder", {"path": etc}),
        ("the entry cannot be run", mode(entry, 0o644), OPEN, "file", {"path": entry}),
        ("the entry is gone", away(entry), OPEN, "file", {"path": entry}),
        (".htaccess was cut", rewritten(st.web + "/.htaccess", lambda was: was[:len(was) // 2] + b"\n# inboxctl setup\n"), OPEN, "file",
         {"path": st.web + "/.htaccess"}),
        ("the keys are gone", away(keys), "keys", "keys_fix", {}),
        ("the key file is none", rewritten(keys, lambda was: b"not a key\n"), "keys", "keys_fix", {}),
        ("the database is none", rewritten(db, lambda was: b"<html>" * 1000), "database", "database_fix", {}),
        ("the database is of a newer version", newer, "database", "database_fix", {}),
        ("the database is of an older version", older, "database", "database_fix", {}),
        ("a setting has no meaning", conf_line(st, "nonsense", "1"), "conf", "conf_fix", {}),
        ("the web folder is somebody else's", conf_line(st, "web_folder", other), "web", "web_foreign_fix", {"path": other}),
        ("the inbox lies in the web folder", conf_line(st, "web_folder", st.home), "web", "web_inside_fix", {"path": st.home}),
        ("nobody answers out there", conf_line(st, "facebook.graph_url", nowhere), "out", "out_fix", {"address": nowhere}),
        ("the clock is wrong", rewritten(st.path("clock"), lambda was: b"%020d\n" % 600000), "clock", "clock_fix", {}),
        ("the clock is late", rewritten(st.path("clock"), lambda was: b"%020d\n" % -86400000), "clock", "clock_fix", {}),
    )


class Misconfigured(unittest.TestCase):
    """Each is found by a check that changes nothing, with what was found and what helps; without it all is well again."""

    @classmethod
    def setUpClass(cls):
        cls.st = cls.enterClassContext(Hosting())
        rc, said = cls.st.setup("--answers", cls.st.answers())
        assert rc == 0, said

    def found(self, name, what, fix, fill=(), *args, **how):
        rc, said = self.st.setup(*(args or ("--check",)), **how)
        self.assertEqual(rc, 1, said)
        if what is OPEN:
            self.assertIn(key("mark_open") + " " + key(fix, **dict(fill)), said)
            self.assertIn(key("end_open"), said)
        else:
            lines = said.splitlines()
            at = lines.index(key("mark_wrong") + " " + key(what, **dict(fill)))
            self.assertRegex(lines[at + 1], re.escape(key("evidence", found="")) + ".")
            self.assertEqual(lines[at + 2].strip(), key("fix", fix=key(fix)))
        return said

    def well(self):
        rc, said = self.st.setup("--check")
        self.assertEqual(rc, 0, said)
        self.assertIn(key("end_same"), said)

    def test_mishaps(self):
        for name, (do, undo), what, fix, fill in mishaps(self.st):
            with self.subTest(name):
                do()
                before = self.st.tree()
                try:
                    self.found(name, what, fix, fill)
                    self.assertEqual(self.st.tree(), before)
                finally:
                    undo()
        self.well()

    def test_hosts(self):
        for name, host, what, fix in HOSTS:
            with self.subTest(name):
                self.st.like(**host)
                self.found(name, what, fix)
        self.st.like()
        self.well()

    def test_no_room(self):
        """Neither for a style sheet nor for anything else; what was there stays."""
        st, css = self.st, self.st.web + "/static/app.css"
        with open(css, "ab") as f:
            f.write(b"/* older */")
        with open(css, "rb") as f:
            older = f.read()
        self.found("full disk", "write", "write_fix", {"path": css}, "--answers", st.answers(), most=1000)
        with open(css, "rb") as f:
            self.assertEqual(f.read(), older)
        self.assertFalse(os.path.exists(css + ".new"))
        self.assertEqual(st.setup("--answers", st.answers())[0], 0)
        self.well()

    def test_no_crontab(self):
        st = self.st
        st.file("programs/crontab", "#!/bin/sh\necho 'you are not allowed to use this program' >&2\nexit 1\n", 0o755)
        self.found("crontab", "crontab", "cron_none", {}, "--answers", st.answers(cron="yes"))


if __name__ == "__main__":
    unittest.main()
