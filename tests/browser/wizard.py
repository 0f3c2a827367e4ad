#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""wizard.py - the set-up in the browser: how it looks, and what its script adds.

In both languages, both themes and two widths nothing is illegible, too small for
a finger or wider than the page; a button copies; ticks come by themselves while
what is being typed stays; without a script everything is there, but the buttons
that copy.
"""
import os
import unittest

from chrome import Case
from looking import Looking
from stand import APP_ID, APP_SECRET

CONF = {"facebook.app_id": "0", "facebook.app_secret": "nobody-knows", "facebook.verify_token": "word-of-this-host",
        "pipedrive.client_id": "unset", "pipedrive.client_secret": "nobody-knows", "demo.sandbox_url": "", "log_level": "info"}

SLOW = 105


class Wizard(Looking, Case):
    conf, network = CONF, False

    def test_pages(self):
        b, w, self.faults = self.b, self.w, []
        b.get("/setup/code-of-nobody")
        self.look("setup-over")
        b.get(self.stand.setup_link())
        self.assertEqual(b.path, "/setup")
        self.look("setup")
        self.sandbox()
        b.get("/setup/pipedrive")
        self.look("setup-pipedrive", [("button", w["setup.save"])])
        b.one("#client_id").send_keys("wrong")
        b.one("#client_secret").send_keys("wrong")
        b.leave("button", w["setup.save"])
        self.assertIn(w["setup.pd_refused"], b.text())
        self.look("setup-refused")
        b.one("#client_id").clear()
        b.one("#client_id").send_keys("5f3c9a1b2c3d4e5f")
        b.one("#client_secret").send_keys("sandbox-pipedrive-secret")
        b.leave("button", w["setup.save"])
        b.get("/setup/facebook")
        b.one("#app_id").send_keys(APP_ID)
        b.one("#app_secret").send_keys(APP_SECRET)
        b.leave("button", w["setup.save"])
        self.look("setup-facebook")
        self.copies()
        self.ticks_come()
        for step in ("connect", "review"):
            b.get("/setup/" + step)
            self.look("setup-" + step)
        if self.faults:
            self.fail("\n" + "\n".join(self.faults))

    def sandbox(self):
        """On and off again; the file says the same as inboxctl sandbox would."""
        b, w = self.b, self.w
        b.leave("a", w["setup.sandbox_link"])
        self.look("setup-sandbox", [("button", w["setup.copy"])])
        with open(os.open(self.stand.path("apps.conf"), os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write("demo.sandbox_url = %s\n" % self.stand.sandbox)
        b.until(lambda: (b.get("/setup/sandbox"), w["setup.sandbox_on"] in b.text())[1], 20)
        self.look("setup-sandbox-on", [("button", w["setup.sandbox_remove"])])
        b.leave("button", w["setup.sandbox_remove"])
        self.assertIn(w["notice.sandbox_gone"], b.text())

    def copies(self):
        """The button of the address of the webhook, with the clipboard allowed and not."""
        b, w = self.b, self.w
        b.cdp("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"], origin=self.stand.url)
        value = self.stand.url + "/hook/facebook"
        button = next(e for e in b.shown("[data-copy]") if b.js_("return arguments[0].previousElementSibling.textContent", e) == value)
        button.click()
        b.until(lambda: button.text == w["setup.copied"])
        self.assertEqual(b.js_("return navigator.clipboard.readText()"), value)
        b.until(lambda: button.text == w["setup.copy"])
        b.cdp("Browser.setPermission", permission={"name": "clipboard-write"}, setting="denied", origin=self.stand.url)
        b.js_("navigator.clipboard.writeText = () => Promise.reject()")
        button.click()
        b.until(lambda: b.js_("return getSelection().toString()") == value)

    def ticks_come(self):
        """Facebook calls while somebody types: the tick comes, the text stays."""
        b, w = self.b, self.w
        b.get("/setup/facebook")
        b.one("#app_secret").send_keys("half a sec")
        done = len(b.all("#ticks .tick-ok"))
        self.assertTrue(self.stand.browser().get("/hook/facebook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=word-of-this-host").status == 200)
        b.until(lambda: len(b.all("#ticks .tick-ok")) == done + 1, 20)
        self.assertEqual(b.one("#app_secret").get_attribute("value"), "half a sec")

    test_z_network = None


class English(Wizard):
    lang, connected = "en", False


class Japanese(Wizard):
    lang, connected = "ja", False


class Plain(Case):
    """Without a script."""
    conf, js, connected = CONF, False, False

    def test_all_is_there(self):
        b, w = self.b, self.w
        b.get(self.stand.setup_link())
        b.get("/setup/pipedrive")
        self.assertEqual(b.shown("[data-copy]"), [])
        self.assertTrue(b.shown("#ticks .no-js a"))
        b.leave("#ticks .no-js a")
        self.assertEqual(b.path, "/setup/pipedrive")
        b.one("#client_id").send_keys("5f3c9a1b2c3d4e5f")
        b.one("#client_secret").send_keys("sandbox-pipedrive-secret")
        b.leave("button", w["setup.save"])
        self.assertIn(w["notice.setup_kept"], b.text())


del Wizard

if __name__ == "__main__":
    unittest.main()
