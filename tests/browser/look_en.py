#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""look_en.py - every page in English; looking.py says what is looked at."""
import unittest

from chrome import Case
from looking import LIISA, OLGA, PAGE_A, PAGE_B, Looking

SLOW = 170


class English(Looking, Case):
    lang, user, company = "en", "Maria Tamm", 9000123
    pages, customer, silent = (PAGE_A, PAGE_B), LIISA, OLGA


if __name__ == "__main__":
    unittest.main()
