#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""torn_cgi - the ten thousand malformed requests of torn.py through plain CGI: a process for each.

A start with sanitizers takes four times as long as one without. A third of it is the search
for leaks at the end, which fewer of them do; long memories of who took what are left out.
"""
import unittest

from torn import COUNT, LONG, Through

from servers import SERVERS

SLOW = 500


class Lean(SERVERS["HtaccessCgi"]):
    """What is read or written wrongly is found all the same."""

    def folder(self, *modules, more=()):
        return super().folder("env", *modules, more=more + ("SetEnv ASAN_OPTIONS detect_leaks=0:malloc_context_size=1",))


class HtaccessCgi(Through, unittest.TestCase):
    name, make, starts_anew, at_once = "HtaccessCgi", staticmethod(Lean), True, 8


class WithLeaks(Through, unittest.TestCase):
    name, make, starts_anew, count = "HtaccessCgi, leaks too", staticmethod(SERVERS["HtaccessCgi"]), True, COUNT if LONG else 200


if __name__ == "__main__":
    unittest.main()
