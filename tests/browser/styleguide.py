#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""styleguide.py - every state of the style guide: contrast, fingers, width, and a golden picture of each.

The states are those of templates/samples.json, in two languages and two
themes.  golden.py says how pictures are compared and made anew.
"""
import json
import os
import unittest

import axe
from chrome import Case
from golden import FOLDER, WRITE, Goldens
from looking import CONTRAST, SIDEWAYS, TARGETS
from stand import SRC

with open(os.path.join(SRC, "templates/samples.json"), encoding="utf-8") as _f:
    STATES = json.load(_f)["states"]

# Tokens as they come out: what follows the system must be what was chosen.
TOKENS = """
const names = new Set();
for (const sheet of document.styleSheets)
    for (const rule of sheet.cssRules)
        if (rule.selectorText === ':root')
            for (const p of rule.style) if (p.startsWith('--')) names.add(p);
const probe = document.body.appendChild(document.createElement('i')), out = {};
for (const n of names) {
    probe.style.color = '';
    probe.style.color = `var(${n})`;
    out[n] = getComputedStyle(probe).color;
}
probe.remove();
return out;
"""


# What axe-core asks of whole pages: a part alone has no landmarks around it.
ALONE = ("region", "landmark-one-main", "page-has-heading-one", "bypass")

SLOW = 205


class Guide(Case):
    connected = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.goldens = Goldens(cls.b)

    def open(self, state, lang="en", theme="light", size=None):
        b = self.b
        b.fit(size or state["size"])
        # On a telephone they lie over the page and fade.
        b.cdp("Emulation.setScrollbarsHidden", hidden=b.width < 700)
        b.get("/styleguide/%s?lang=%s&theme=%s#%s" % (state["id"], lang, theme, state.get("target", "")))
        b.loaded()

    def shot(self, state):
        return self.goldens.shot(state.get("of"))

    def every(self, lang, theme):
        b, faults = self.b, []
        # The system says the other theme: what was chosen counts.
        b.fit(dark=theme == "light")
        for s in STATES:
            where = "%s-%s-%s" % (s["id"], lang, theme)
            self.open(s, lang, theme)
            self.assertEqual([lang, theme], b.js_("const d = document.documentElement; return [d.lang, d.dataset.theme]"))
            if "target" in s:
                self.assertTrue(b.has("#" + s["target"]), where)
            got = self.goldens.check(self.shot(s), where)
            if got:
                faults.append(got)
                b.shot("differs-" + where)
            seen, bad = b.js_(CONTRAST)
            self.assertGreater(seen, 2, where)
            faults += ["%s: contrast %s" % (where, x) for x in bad]
            faults += ["%s: sideways %s" % (where, x) for x in b.js_(SIDEWAYS)]
            # The dark one differs in colours alone: CONTRAST has them here, axe-core in look_en.py and look_ja.py.
            if theme == "light":
                faults += ["%s: %s" % (where, x) for x in axe.findings(b, without=ALONE)]
            if s["size"] == 390:
                faults += ["%s: small %s" % (where, x) for x in b.js_(TARGETS)]
        if faults:
            self.fail("\n".join(faults))

    def test_en_light(self):
        self.every("en", "light")

    def test_en_dark(self):
        self.every("en", "dark")

    def test_ja_light(self):
        self.every("ja", "light")

    def test_ja_dark(self):
        self.every("ja", "dark")

    def test_index_leads_to_all(self):
        b = self.b
        b.fit(1280, False)
        b.get("/styleguide")
        self.assertEqual(["/styleguide/%s%s" % (s["id"], "#" + s["target"] if "target" in s else "") for s in STATES],
                         b.js_("return [...document.querySelectorAll('.guide-state')].map((a) => a.pathname + a.hash)"))
        for lang in ("en", "ja"):
            for theme in ("light", "dark"):
                for size in (1280, 390):
                    b.fit(size)
                    b.get("/styleguide?lang=%s&theme=%s" % (lang, theme))
                    self.assertEqual([], b.js_(CONTRAST)[1] + b.js_(SIDEWAYS) + b.js_(TARGETS))
        self.assertEqual([], b.errors())

    def test_system_and_choice_are_the_same(self):
        b, got = self.b, {}
        for dark in (False, True):
            b.fit(1280, dark)
            for theme in ("auto", "dark" if dark else "light"):
                b.get("/styleguide/inbox?theme=" + theme)
                got[dark, theme] = b.js_(TOKENS)
            self.assertEqual(got[dark, "auto"], got[dark, "dark" if dark else "light"])
        self.assertGreater(len(got[True, "auto"]), 15)
        changed = [n for n in got[True, "dark"] if got[True, "dark"][n] != got[False, "light"][n]]
        self.assertGreater(len(changed), 15, "dark is light")
        # What the browser's own bar is painted with is a token, too.
        for theme, surface in (("light", got[False, "light"]["--surface"]), ("dark", got[True, "dark"]["--surface"])):
            b.get("/styleguide/inbox?theme=" + theme)
            self.assertEqual(surface, b.js_("""
                const i = document.body.appendChild(document.createElement('i'));
                i.style.color = document.querySelector('meta[name=theme-color]').content;
                return getComputedStyle(i).color"""))

    def test_x_a_change_is_seen(self):
        """The goldens are worth something: small changes fail, none do not."""
        b, s = self.b, next(s for s in STATES if s["id"] == "list")
        self.open(s)
        name = "list-en-light"
        self.assertIsNone(self.goldens.compare(self.shot(s), name))
        if not self.goldens.judge:
            return
        for what in ("document.documentElement.style.setProperty('--accent', '#0b4f7a')",
                     "document.querySelector('.row-name').textContent = 'Liisa Virtamen'",
                     "document.querySelector('.row-link').style.paddingTop = '13px'",
                     "document.querySelector('.linked').remove()",
                     "document.querySelector('.row-page').style.borderRadius = '50%'"):
            self.open(s)
            b.js_(what)
            self.assertIsNotNone(self.goldens.compare(self.shot(s), name), what)

    def test_z_the_folder(self):
        self.assertEqual([], self.goldens.others(), "goldens of states that are no more")
        taken = sum(os.path.getsize(os.path.join(FOLDER, f)) for f in os.listdir(FOLDER))
        self.assertLess(taken, 3 << 20)
        if WRITE:
            print("goldens: %d files, %d KiB" % (len(os.listdir(FOLDER)), taken >> 10))


if __name__ == "__main__":
    unittest.main()
