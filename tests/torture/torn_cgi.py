#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""torn_cgi - the ten thousand malformed requests of torn.py through plain CGI: a process for each.

Leaks are looked for in fewer of them.
"""
import unittest

from torn import COUNT, LONG, Through

from servers import SERVERS
from stand import LEAN

SLOW = 500


class Lean(SERVERS["HtaccessCgi"]):
    def folder(self, *modules, more=()):
        return super().folder("env", *modules, more=more + ("SetEnv ASAN_OPTIONS " + LEAN,))


class HtaccessCgi(Through, unittest.TestCase):
    name, make, starts_anew, at_once = "HtaccessCgi", staticmethod(Lean), True, 8


class WithLeaks(Through, unittest.TestCase):
    name, make, starts_anew, count = "HtaccessCgi, leaks too", staticmethod(SERVERS["HtaccessCgi"]), True, COUNT if LONG else 200


if __name__ == "__main__":
    unittest.main()
