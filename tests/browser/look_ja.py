#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""look_ja.py - every page in Japanese; looking.py says what is looked at."""
import unittest

from chrome import Case
from looking import PAGE_C, TAKAHASHI, Looking

SLOW = 170


class Japanese(Looking, Case):
    lang, user, company = "ja", "佐藤 美咲", 9000456
    pages, customer, silent = (PAGE_C, "112233445566901"), TAKAHASHI, "6990000000000016"


if __name__ == "__main__":
    unittest.main()
