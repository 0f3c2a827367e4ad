#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""access.py - axe-core on every page, in both languages, wide and narrow, light and dark.

The pages are look.py's, on the same way.  All rules run at both widths; in the
dark theme, where only colours differ, those about colours.  The driver brings
axe-core into the page (vendor/README.md), so the pages' own policy on scripts
stays as it is.  One finding fails.
"""
import os
import unittest

import look
from chrome import HERE, Case, Keys

with open(os.path.join(HERE, "vendor", "axe.min.js"), encoding="utf-8") as _f:
    AXE = _f.read()
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
RUN = """
const done = arguments[arguments.length - 1], foot = document.querySelector('#sync')?.getBoundingClientRect();
// A row that lies half under the foot of the list is a row that is scrolled away.
const under = (v, n) => foot && v.id === 'target-size' && document.querySelector(n.target[0]).getBoundingClientRect().bottom > foot.top;
axe.run(document, { ...arguments[0], resultTypes: ['violations'] }).then((r) => done(r.violations.map((v) =>
    ({ ...v, nodes: v.nodes.filter((n) => !under(v, n)) })).filter((v) => v.nodes.length).map((v) => v.id + ': ' + v.help + ': ' + v.nodes.map((n) => n.target.join(' ') + ' ' + n.html.slice(0, 120)).join(' | ').slice(0, 600))),
    (e) => done(['axe: ' + e]));
"""


class Access(look.Looking):
    network = False
    test_z_network = None	# look.py asks that

    def axe(self, options):
        b = self.b
        if not b.js_("return 'axe' in window"):
            b.js_(AXE)
        return b.d.execute_async_script(RUN, options)

    def look(self, name, landmarks=()):
        b = self.b
        b.d.set_script_timeout(60)
        for width in (1280, 390):
            for dark in (False, True):
                b.fit(width, dark)
                b.js_("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
                b.until(lambda: b.js_("return document.getAnimations().length === 0"))
                self.faults += ["%s, %s, %d, %s: %s" % (name, self.lang, width, "dark" if dark else "light", x)
                                for x in self.axe(COLOURS if dark else RULES)]
        b.fit(1280, False)


    def settings(self):
        """On the way there, what keys open in a conversation."""
        b = self.b
        b.get("/inbox/%d" % self.stand.thread(self.customer))
        b.until(lambda: b.js_("return document.activeElement.id") == "reply", 20)
        b.keys(Keys.ESCAPE, "?")
        b.until(lambda: b.has("#help"), 20)
        self.look("help")
        b.keys(Keys.ESCAPE, (Keys.CONTROL, "k"))
        b.until(lambda: b.has("#box-list li"), 20)
        self.look("box")
        b.keys("no such thing")
        b.until(lambda: b.has("#box-none"))
        self.look("box-none")
        b.keys(Keys.ESCAPE)
        b.click(".menu summary")
        self.look("menu")
        super().settings()


class English(Access, look.English):
    pass


class Japanese(Access, look.Japanese):
    pass


if __name__ == "__main__":
    unittest.main()
