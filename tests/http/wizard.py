#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""wizard - the set-up in the browser, from a one-time link to a first message.

The host is as inboxctl setup leaves it: no app has values yet.  Proved: each step
with what is right and what is not, asked of the services; that every worker knows
what was pasted; that no secret comes back or is logged; who is let in and for how
long; what is said when a service does not answer or the file cannot be written.
"""
import os
import re
import stat
import subprocess
import unittest

from stand import APP_ID, APP_SECRET, LIISA, PAGE_A, SRC, Stand, say, until

CLIENT_ID, CLIENT_SECRET = "5f3c9a1b2c3d4e5f", "sandbox-pipedrive-secret"
OLD = "a-random-secret-that-nobody-has-named"
EMPTY = {"facebook.app_id": "0", "facebook.app_secret": OLD, "facebook.verify_token": "word-of-this-host", "pipedrive.client_id": "unset",
         "pipedrive.client_secret": OLD}
PAGES = ("/setup", "/setup/pipedrive", "/setup/facebook", "/setup/connect", "/setup/review", "/setup/sandbox")


class Host(Stand):
    def __init__(self, procs=2, **more):
        super().__init__(conf={**EMPTY, **more}, procs=procs)

    def opened(self, lang="en"):
        b = self.browser(lang)
        r = b.get(self.setup_link())
        assert r.status == 200, r.text
        return b, r

    @property
    def apps(self):
        return self.path("apps.conf")

    def paste(self, b, step, **fields):
        form = next(f for f in b.get("/setup/" + step).page.forms if f["action"].endswith("/setup/" + step))
        return b.post("/setup/" + step, {"csrf": form["fields"]["csrf"], **fields})


def ticks(r):
    """{what: done?} of the step that is shown."""
    return {m[1]: "tick-ok" in m[0] for m in re.findall(r'<li class="(tick[^"]*)">\s*<p class="tick-name"><b>([^<]+)</b>', r.text)}


class WholeWay(unittest.TestCase):
    def test_from_the_link_to_a_message(self):
        with Host() as st:
            b, r = st.opened()
            self.assertIn(say("setup.lead"), r.page.text)
            self.assertEqual(ticks(r), {say("setup.step_program"): True, say("setup.step_run"): False})
            st.sync()
            self.assertEqual(ticks(b.get("/setup")), {say("setup.step_program"): True, say("setup.step_run"): True})

            r = b.get("/setup/pipedrive")
            for value in (st.url + "/pipedrive/callback", st.url + "/connect", st.url + "/pd/panel", st.url + "/pd/settings", "contacts:full"):
                self.assertIn(value, r.text)
            self.assertEqual(ticks(r), {say("setup.pd_values"): False, say("setup.pd_person"): False})
            # What Pipedrive does not know is not kept.
            r = st.paste(b, "pipedrive", client_id=CLIENT_ID, client_secret="something-else")
            self.assertEqual(r.status, 400)
            self.assertIn(say("setup.pd_refused"), r.page.text)
            self.assertIn(CLIENT_ID, r.text)
            self.assertNotIn("something-else", r.text)
            self.assertFalse(os.path.exists(st.apps))
            # Blanks come along when one copies.
            r = st.paste(b, "pipedrive", client_id=" %s\n" % CLIENT_ID, client_secret="\t%s " % CLIENT_SECRET)
            self.assertIn(say("notice.setup_kept"), r.page.text)
            self.assertEqual(ticks(r), {say("setup.pd_values"): True, say("setup.pd_tried"): True, say("setup.pd_person"): False})
            self.assertEqual(stat.S_IMODE(os.stat(st.apps).st_mode), 0o600)

            r = b.get("/setup/facebook")
            for value in (st.url + "/facebook/callback", st.url + "/hook/facebook", st.url + "/facebook/deletion", st.url + "/facebook/deauthorize",
                          EMPTY["facebook.verify_token"], "message_echoes", "pages_messaging"):
                self.assertIn(value, r.text)
            r = st.paste(b, "facebook", app_id=APP_ID, app_secret="0" * 32)
            self.assertEqual((r.status, say("setup.fb_refused") in r.page.text), (400, True))
            r = st.paste(b, "facebook", app_id=APP_ID, app_secret=APP_SECRET, human_agent="yes")
            self.assertIn(say("notice.setup_kept"), r.page.text)
            # The sandbox has its own word yet: the address is right, the verification has not come.
            self.assertEqual(ticks(r)[say("setup.fb_tried")], True)
            self.assertEqual(ticks(r)[say("setup.fb_called")], False)
            self.assertIn('name="human_agent" value="yes" checked', r.text)
            r = b.submit(r, "/setup/facebook/try", {"hook": "yes"})
            self.assertEqual(set(ticks(r).values()), {True}, r.text)
            self.assertEqual(st.control("config")["verify_token"], EMPTY["facebook.verify_token"])

            # Every worker knows, and the configuration itself is as it was.
            self.assertEqual(ticks(b.get("/setup/connect")), {say("setup.company"): False, say("setup.fb_page"): False, say("setup.event"): False})
            with open(st.conf) as f:
                self.assertIn("pipedrive.client_id = unset\n", f.read())
            for _ in range(6):
                self.assertIn("client_id=" + CLIENT_ID, st.browser().get("/connect", follow=False).header("Location"))
            st.connect(pages=[PAGE_A])
            st.customer("Do you open on Sunday?")
            until(lambda: set(ticks(b.get("/setup/connect")).values()) == {True})
            self.assertEqual(set(ticks(b.get("/setup/pipedrive")).values()), {True})

            # An empty secret keeps the one that is there; another app needs its own.
            r = st.paste(b, "facebook", app_id=APP_ID, app_secret="", config_id="77")
            self.assertIn(say("notice.setup_kept"), r.page.text)
            with open(st.apps) as f:
                kept = f.read()
            self.assertIn("facebook.app_secret = %s\nfacebook.config_id = 77\nfacebook.human_agent = no\n" % APP_SECRET, kept)
            r = st.paste(b, "facebook", app_id="123", app_secret="")
            self.assertEqual((r.status, say("setup.no_secret") in r.page.text), (400, True))
            # No page and no log has ever had a secret.
            for path in PAGES:
                self.assertNotRegex(b.get(path).text, "%s|%s" % (APP_SECRET, CLIENT_SECRET))
            self.assertNotRegex(st.log(), "%s|%s|something-else" % (APP_SECRET, CLIENT_SECRET))

            # Who has signed in has opened nothing.
            self.assertEqual(st.sign_in(lang="en")[0].get("/setup").status, 403)
            self.japanese(st)

    def japanese(self, st):
        b, _ = st.opened("ja")
        for path, key in zip(PAGES, ("lead", "pd_heading", "fb_heading", "connect_lead", "review_lead", "sandbox_taken")):
            r = b.get(path)
            self.assertIn(say("setup." + key, "ja"), r.page.text)
            self.assertNotRegex(r.page.text, r"setup\.[a-z]")
        # What reviewers read stays English.
        self.assertIn(say("setup.use.pages_messaging"), b.get("/setup/review").page.text)
        r = st.paste(b, "pipedrive", client_id="", client_secret="x")
        self.assertIn(say("setup.no_id", "ja"), r.page.text)


class Doors(unittest.TestCase):
    def test_who_is_let_in(self):
        with Host() as st:
            b, _ = st.opened()
            stranger = st.browser()
            for path in PAGES:
                r = stranger.get(path)
                self.assertEqual((r.status, r.page.by_id_text["problem"]), (403, say("setup.no_session")), path)
            self.assertEqual(b.get("/setup").status, 200)
            # The right form is not enough.
            form = b.get("/setup/pipedrive").page.form_to("/setup/pipedrive")
            self.assertEqual(stranger.post("/setup/pipedrive", dict(form["fields"], client_id="x", client_secret="y")).status, 403)
            for path in ("/setup/pipedrive/try", "/setup/facebook/try", "/setup/facebook", "/setup"):
                r = stranger.get("/")
                token = next(f["fields"]["csrf"] for f in r.page.forms if "csrf" in f["fields"])
                r = stranger.post(path, {"csrf": token, "app_id": "1", "app_secret": "2"})
                self.assertEqual((r.status, r.page.by_id_text["problem"]), (403, say("setup.no_session")), path)
            self.assertFalse(os.path.exists(st.apps))
            # A link opens once; another one takes the place of the session.
            link = st.setup_link()
            c = st.browser()
            self.assertEqual((c.get(link).status, b.get("/setup").status, c.get("/setup").status), (200, 403, 200))
            self.assertEqual(st.browser().get(link).status, 404)
            # Closed by hand, and by time.
            r = c.submit(c.get("/setup"), "/setup", {})
            self.assertEqual((r.status, c.get("/setup").status), (200, 403))
            d, _ = st.opened()
            st.clock(61 * 60000)
            self.assertEqual(d.get("/setup").status, 403)
            st.clock(0)
            # It is nothing that signs in, and signing in opens nothing.
            self.assertEqual(d.get("/inbox", follow=False).status, 303)


class Troubles(unittest.TestCase):
    def test_no_answer(self):
        """The values are kept, and nobody says that they are right."""
        with Host() as st:
            b, _ = st.opened()
            st.control("config", {"switches": {"away": True, "pd_away": True}})
            r = st.paste(b, "pipedrive", client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
            self.assertIn(say("notice.setup_kept_untried"), r.page.text)
            self.assertEqual(ticks(r), {say("setup.pd_values"): True, say("setup.pd_tried"): False, say("setup.pd_person"): False})
            r = st.paste(b, "facebook", app_id=APP_ID, app_secret=APP_SECRET)
            self.assertIn(say("notice.setup_kept_untried"), r.page.text)
            st.control("config", {"switches": {"away": False, "pd_away": False}})
            self.assertTrue(ticks(b.submit(b.get("/setup/pipedrive"), "/setup/pipedrive/try", {}))[say("setup.pd_tried")])
            self.assertTrue(ticks(b.submit(b.get("/setup/facebook"), "/setup/facebook/try", {}))[say("setup.fb_tried")])
            # Another secret at the service: that is seen, and said.
            st.control("config", {"pd_client_secret": "renewed"})
            r = b.submit(b.get("/setup/pipedrive"), "/setup/pipedrive/try", {})
            self.assertIn("tick-bad", r.text)
            r = st.paste(b, "pipedrive", client_id=CLIENT_ID, client_secret="renewed")
            self.assertIn(say("notice.setup_kept"), r.page.text)
            # A subscription without some fields, and one to another address.
            for config, found in (({"fields": ["messages"]}, "fb_hook_partly"), ({"callback": "https://other.example/hook"}, "fb_hook_none")):
                st.control("config", config)
                r = b.submit(b.get("/setup/facebook"), "/setup/facebook/try", {})
                self.assertIn(say("setup." + found).split("{")[0], r.page.text)
                self.assertFalse(ticks(r)[say("setup.fb_hook")])

            self.values_that_are_none(st, b)

    def values_that_are_none(self, st, b):
        os.remove(st.apps)
        with open(os.open(st.path("secret"), os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(CLIENT_SECRET + "\n")
        st.control("config", {"pd_client_secret": CLIENT_SECRET})
        for step, fields, key in (("pipedrive", {"client_id": "two words", "client_secret": "x"}, "bad_value"),
                                  ("pipedrive", {"client_id": "x" * 201, "client_secret": "x"}, "bad_value"),
                                  ("pipedrive", {"client_id": "x", "client_secret": "two\nlines = 1"}, "bad_value"),
                                  ("pipedrive", {"client_id": "x", "client_secret": ""}, "no_secret"),
                                  ("facebook", {"app_id": "", "app_secret": "x"}, "no_id"),
                                  ("facebook", {"app_id": "12a", "app_secret": "x"}, "bad_number"),
                                  ("facebook", {"app_id": "12", "app_secret": "x", "config_id": "x"}, "bad_number"),
                                  # A file of the host is none of its secrets.
                                  ("pipedrive", {"client_id": CLIENT_ID, "client_secret": "@" + st.path("secret")}, "pd_refused")):
            r = st.paste(b, step, **fields)
            self.assertEqual((r.status, say("setup." + key) in r.page.text), (400, True), (fields, r.text))
        self.assertFalse(os.path.exists(st.apps))

    def test_a_file_that_cannot_be_written(self):
        with Host(apps_file="nowhere/apps.conf") as st:
            b, r = st.opened()
            self.assertIn(st.path("nowhere/apps.conf"), r.text)
            r = st.paste(b, "pipedrive", client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
            self.assertEqual((r.status, say("setup.not_written") in r.page.text), (400, True))
            self.assertFalse(ticks(b.get("/setup/pipedrive"))[say("setup.pd_values")])

    def test_a_file_that_others_can_read(self):
        """A running worker goes on as it was and tells the log; none starts."""
        with Host(procs=1) as st:
            b, _ = st.opened()
            st.paste(b, "pipedrive", client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
            with open(st.apps, "a") as f:
                f.write("pipedrive.jwt_secret = hidden-word\n")
            os.chmod(st.apps, 0o644)
            for _ in range(4):
                self.assertIn(CLIENT_ID, b.get("/setup/pipedrive").text)
            self.assertIn("others have access", st.log())
            r = subprocess.run([os.path.join(st.build, "inbox.fcgi"), "-c", st.conf, "-n"], capture_output=True, text=True)
            self.assertEqual(r.returncode, 2)
            self.assertIn("apps.conf: others have access (mode 644", r.stderr)
            os.chmod(st.apps, 0o600)
            self.assertEqual(subprocess.run([os.path.join(st.build, "inbox.fcgi"), "-c", st.conf, "-n"], capture_output=True).returncode, 0)


class Sandbox(unittest.TestCase):
    def inboxctl(self, st, *args):
        return subprocess.run([os.path.join(st.build, "inboxctl"), "-c", st.conf, "sandbox", *args], capture_output=True, text=True,
                              env=dict(os.environ, INBOX_HOME=st.path("home")))

    def test_without_python(self):
        """Nothing is switched on that cannot be started."""
        with Host() as st:
            os.makedirs(st.path("home/share/messenger-inbox"))
            os.symlink(os.path.join(SRC, "tests/sandbox"), st.path("home/share/messenger-inbox/sandbox"))
            apps, home = os.path.join(os.path.dirname(st.conf), "apps.conf"), st.path("home")
            was = os.path.exists(apps)
            r = subprocess.run([os.path.join(st.build, "inboxctl"), "-c", st.conf, "sandbox"], capture_output=True, text=True,
                               env=dict(os.environ, INBOX_HOME=home, PATH=st.path("nowhere")))
            self.assertEqual((r.returncode, os.path.exists(apps)), (1, was))
            self.assertIn("python3", r.stdout + r.stderr)
            self.assertNotIn("http://", r.stdout)

    def run_box(self, st):
        """inboxctl sandbox, as it is installed; the stand talks to that one from now on."""
        if not os.path.exists(st.path("home")):
            os.makedirs(st.path("home/share/messenger-inbox"))
            os.symlink(os.path.join(SRC, "tests/sandbox"), st.path("home/share/messenger-inbox/sandbox"))
        before = st.log("box.log").count("ready on")
        box = st.run([os.path.join(st.build, "inboxctl"), "-c", st.conf, "sandbox"], "box.log", env=dict(os.environ, INBOX_HOME=st.path("home")))
        until(lambda: st.log("box.log").count("ready on") > before, 20)
        st.sandbox = re.findall(r"ready on (\S+)", st.log("box.log"))[-1]
        return box

    def left(self, st):
        """What is left of companies, people, conversations and tokens."""
        tables = ("user", "session", "page", "thread", "message", "attachment", "event", "outbox", "draft", "link", "search_block")
        rows = {t: st.db("SELECT count(*) FROM " + t)[0][0] for t in tables}
        rows["tokens"] = st.db("SELECT count(*) FROM farewell WHERE token IS NOT NULL OR access IS NOT NULL")[0][0]
        rows["active"] = st.db("SELECT count(*) FROM install WHERE state = 'active'")[0][0]
        rows["files"] = len([f for _, _, files in os.walk(st.path("media")) for f in files])
        return {t: n for t, n in rows.items() if n}

    def test_from_on_to_nothing(self):
        with Host() as st:
            b, r = st.opened()
            r = b.get("/setup/sandbox")
            self.assertIn("/bin/inboxctl sandbox", r.page.text)
            self.assertNotIn(say("demo.note"), r.page.text)
            self.assertEqual(self.inboxctl(st, "remove").returncode, 1)
            box = self.run_box(st)
            self.assertEqual(stat.S_IMODE(os.stat(st.apps).st_mode), 0o600)
            # Every page says that it is a demo; no value of an app can get in between.
            for path in ("/", "/setup", "/setup/sandbox"):
                self.assertIn(say("demo.note"), b.get(path).page.text)
            self.assertIn(say("setup.sandbox_on"), b.get("/setup/sandbox").page.text)
            r = st.paste(b, "pipedrive", client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
            self.assertEqual((r.status, say("setup.sandbox_first") in r.page.text), (400, True))
            person = st.connect(pages=[PAGE_A])
            st.control("customer/write", {"page": PAGE_A, "psid": LIISA, "attachments": [{"type": "image", "picture": "cat"}]})
            st.customer("Hello from the sandbox")
            until(lambda: (st.sync(5), st.db("SELECT 1 FROM attachment WHERE file <> ''"))[1], 30)
            self.assertIn(say("demo.note"), person.get("/inbox").page.text)
            # Ended and started again it is the same one, with all it knew.
            port = st.sandbox
            st.end(box)
            box = self.run_box(st)
            self.assertEqual(st.sandbox, port)
            st.customer("And again")
            until(lambda: st.db("SELECT 1 FROM message WHERE text = 'And again'"))

            r = b.submit(b.get("/setup/sandbox"), "/setup/sandbox", {})
            self.assertIn(say("notice.sandbox_gone"), r.page.text)
            self.assertNotIn(say("demo.note"), r.page.text)
            self.assertEqual(person.get("/inbox", follow=False).status, 303)
            until(lambda: (st.sync(5), not self.left(st))[1], 30)
            self.assertEqual(self.left(st), {})
            self.assertFalse(os.path.exists(st.path("sandbox.db")))
            with open(st.apps) as f:
                self.assertNotIn("=", f.read())
            self.assertNotIn(say("setup.sandbox_erasing"), b.get("/setup/sandbox").page.text)
            st.end(box)

            # With values of real apps there is no way in; once more, and away by hand.
            box = self.run_box(st)
            st.end(box)
            # Secrets are random: one may begin like an option.
            with open(st.apps) as f:
                text = re.sub(r"(?m)^(facebook.app_secret|facebook.verify_token|pipedrive.client_secret) = .", r"\1 = -", f.read())
            self.assertEqual(text.count(" = -"), 3, text)
            with open(st.apps, "w") as f:
                f.write(text)
            self.run_box(st)
            self.assertNotEqual(st.sandbox, "")
            st.connect(pages=[PAGE_A])
            r = self.inboxctl(st, "remove")
            self.assertEqual((r.returncode, r.stdout.strip()), (0, say("sandbox.removed")), r.stderr)
            self.assertEqual(self.left(st), {})
            with open(st.apps, "w") as f:
                f.write("pipedrive.client_id = real\n")
            r = self.inboxctl(st)
            self.assertEqual((r.returncode, r.stdout.strip()), (1, say("sandbox.taken")))
            self.assertIn(say("setup.sandbox_taken"), b.get("/setup/sandbox").page.text)
            self.assertEqual(self.inboxctl(st, "remove").returncode, 1)


if __name__ == "__main__":
    unittest.main()
