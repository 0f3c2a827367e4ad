# SPDX-License-Identifier: MIT
"""axe.py - what axe-core finds on the page of a browser: a list of lines, empty when all is well.

The driver brings axe-core into the page (vendor/README.md), so the
pages' own policy on scripts stays as it is.
"""
import os

from chrome import HERE

with open(os.path.join(HERE, "vendor", "axe.min.js"), encoding="utf-8") as _f:
    AXE = _f.read()
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
RUN = """
const done = arguments[arguments.length - 1], foot = document.querySelector('#sync')?.getBoundingClientRect();
const menu = document.querySelector('details.menu[open]');
// A row that lies half under the foot of the list is a row that is scrolled away; an open menu lies over its page.
const under = (v, n, e = document.querySelector(n.target[0])) => v.id === 'target-size' &&
    (foot && e.getBoundingClientRect().bottom > foot.top || menu && !menu.contains(e));
axe.run(document, { ...arguments[0], resultTypes: ['violations'] }).then((r) => done(r.violations.map((v) =>
    ({ ...v, nodes: v.nodes.filter((n) => !under(v, n)) })).filter((v) => v.nodes.length).map((v) => v.id + ': ' + v.help + ': ' + v.nodes.map((n) => n.target.join(' ') + ' ' + n.html.slice(0, 120)).join(' | ').slice(0, 600))),
    (e) => done(['axe: ' + e]));
"""


def findings(b, without=()):
    """Of the page as it is now; `without` are rules that do not apply to it."""
    b.d.set_script_timeout(60)
    if not b.js_("return 'axe' in window"):
        b.js_(AXE)
        # From now on pages bring it: saying it to each anew takes longer than what it does.
        b.cdp("Page.addScriptToEvaluateOnNewDocument", source=AXE)
    rules = dict(RULES, rules={name: {"enabled": False} for name in without})
    return ["axe: " + x for x in b.d.execute_async_script(RUN, rules)]
