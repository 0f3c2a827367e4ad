#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""setup - from the ready-made archive to an inbox that answers, with an account on a shared host.

The host: Apache with mod_fcgid, which reads .htaccess; a home folder with a
public_html.  The person: an ordinary user who unpacks the archive and runs
inboxctl setup.  Proved: what is made and with which rights, the proofs from outside,
the link, the way to an answered message; that a second run changes nothing, that a
check changes nothing; what is repaired, what is refused, and what is said of hosts
that are not as they should be.
"""
import os
import re
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
        self.lines, self.loaded, self.override = lines, modules, override

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
        command = self.site(self.public, *self.loaded, more=more + ("ScriptSock cgisock",))
        with open(self.path("apache.conf")) as f:
            text = f.read()
        text = text.replace("AllowOverride FileInfo Options AuthConfig", "AllowOverride " + self.override)
        text = text.replace("DocumentRoot %s\n" % self.public, "DocumentRoot %s\n%s\n" % (self.public, "\n".join(self.lines)))
        self.file("apache.conf", text)
        return command

    def answers(self, **change):
        """The file of answers: the four, and this stand's apps."""
        lines = {"address": self.url, "language": "en", "mail": "admin@example.com", "web_folder": self.web, "cron": "no",
                 "facebook.app_id": APP_ID, "facebook.app_secret": APP_SECRET, "facebook.verify_token": VERIFY,
                 "facebook.graph_url": self.sandbox, "facebook.dialog_url": self.sandbox, "facebook.media_hosts": "127.0.0.1",
                 "pipedrive.client_id": "5f3c9a1b2c3d4e5f", "pipedrive.client_secret": "sandbox-pipedrive-secret",
                 "pipedrive.oauth_url": self.sandbox, "test.clock_file": self.path("clock"), **change}
        return self.file("answers", "".join("%s = %s\n" % kv for kv in lines.items() if kv[1] is not None))

    def setup(self, *args, typed=None, **env):
        """inboxctl setup; its exit code and all it said."""
        r = subprocess.run([os.path.join(self.build, "inboxctl"), "setup", *args], capture_output=True, text=True, cwd=self.home,
                           input=typed if typed is not None else "", **self.as_user(),
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
            for f in (st.web, st.web + "/static", st.web + "/messenger-inbox.fcgi"):
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
            # What is pasted there lies beside the configuration, for the inbox alone.
            self.assertIn(st.top + "/etc/messenger-inbox/apps.conf", r.page.text)
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
            os.remove(st.web + "/messenger-inbox.fcgi")
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

    def test_a_host_that_hides_credentials(self):
        with Hosting("LoadModule setenvif_module /usr/lib/apache2/modules/mod_setenvif.so",
                     "RequestHeader unset Authorization early") as st:
            said = self.wrong(st, "credentials", "credentials_fix")
            self.assertIn(key("evidence", found=key("found_status", status="401")), said)
            self.assertIn(key("mark_ok") + " " + key("large"), said)

    def test_a_host_with_small_bodies(self):
        with Hosting("LimitRequestBody 100000") as st:
            self.wrong(st, "large", "large_fix")

    def test_a_host_that_ignores_htaccess(self):
        with Hosting(override="None") as st:
            self.wrong(st, "page", "page_fix")

    def test_nobody_answers_out_there(self):
        with Hosting() as st:
            nowhere = "http://127.0.0.1:%d" % free_port()
            self.wrong(st, "out", "out_fix", "--answers", st.answers(**{"facebook.graph_url": nowhere}), address=nowhere)


if __name__ == "__main__":
    unittest.main()
