#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tasks_ja.py - the ten tasks in Japanese, with each of the hands of tasking.py."""
import unittest

from chrome import Case
from tasking import Keyboard, Mouse, Plain, Tasks, Touch

SLOW = 120


class WithMouse(Tasks, Case):
    hand, lang = Mouse, "ja"


class WithKeyboard(Tasks, Case):
    hand, lang = Keyboard, "ja"


class WithTouch(Tasks, Case):
    hand, lang = Touch, "ja"


class WithPlain(Tasks, Case):
    hand, lang = Plain, "ja"


if __name__ == "__main__":
    unittest.main()
