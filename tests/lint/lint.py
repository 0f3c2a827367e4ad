# SPDX-License-Identifier: MIT
"""lint.py - what the lints have in common: the tree, a little C, TAP.

A lint is a program of its own that prints TAP.  It reads the source tree it
lies in and writes nothing.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Made by the tools, or by a person beside the sources: never part of them.
NOT_OURS_DIRS = {".git", "autom4te.cache", "build-aux", "demo-data", "__pycache__",
                 ".deps", ".libs", ".cache", ".vscode", ".idea", "node_modules"}
NOT_OURS_FILES = {".git", "aclocal.m4", "configure", "configure~", "Makefile.in", "Makefile",
                  "config.log", "config.status", "config.cache", ".dirstamp",
                  "test-suite.log"}
NOT_OURS_ENDS = (".o", ".a", ".log", ".trs", ".gcda", ".gcno", ".pyc", "~", ".swp",
                 ".tar.xz", ".orig", ".rej", ".profraw")


def tree():
    """Relative paths of all source files, sorted."""
    found = []
    for folder, dirs, files in os.walk(ROOT):
        here = os.path.relpath(folder, ROOT)
        dirs[:] = sorted(d for d in dirs if d not in NOT_OURS_DIRS
                         and not (here == "." and re.match(r"build|messenger-inbox-", d))
                         and not os.path.exists(os.path.join(folder, d, "config.status")))
        for name in files:
            if name in NOT_OURS_FILES or name.endswith(NOT_OURS_ENDS):
                continue
            path = os.path.join(folder, name)
            if is_built(path):
                continue
            found.append(os.path.normpath(os.path.join(here, name)))
    return sorted(found)


def is_built(path):
    """A program that was compiled into the source tree (an in-tree build)."""
    try:
        with open(path, "rb") as f:
            return f.read(4) == b"\x7fELF"
    except OSError:
        return True


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def exists(path):
    return os.path.exists(os.path.join(ROOT, path))


_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def c_code(text):
    """C without comments and with empty strings; line numbers stay."""
    def blank(m):
        t = m.group(0)
        if t.startswith('"'):
            return '""'
        if t.startswith("'"):
            return "' '"
        return "\n" * t.count("\n") or " "
    return _TOKEN.sub(blank, text)


def c_strings(text):
    """(line, value) of the string literals of C code; escapes stay as written."""
    for m in _TOKEN.finditer(text):
        if m.group(0).startswith('"'):
            yield text.count("\n", 0, m.start()) + 1, m.group(0)[1:-1]


def includes(text):
    """(line, name, is_system) of the #include directives."""
    for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', text, re.M):
        yield text.count("\n", 0, m.start()) + 1, m.group(2), m.group(1) == "<"


class Tap:
    """One line for each check; problems are comments under it."""

    def __init__(self):
        self.count = self.failed = 0

    def check(self, name, problems):
        problems = list(problems)
        self.count += 1
        if problems:
            self.failed += 1
        print("%sok %d - %s" % ("not " if problems else "", self.count, name))
        for p in problems[:30]:
            print("#   %s" % p)
        if len(problems) > 30:
            print("#   ... and %d more" % (len(problems) - 30))

    def skip(self, name, why):
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, name, why))

    def end(self):
        print("1..%d" % self.count)
        sys.exit(1 if self.failed else 0)
