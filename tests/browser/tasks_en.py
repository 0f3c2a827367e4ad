#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tasks_en.py - the ten tasks in English, with each of the hands of tasking.py."""
import unittest

from chrome import Case
from tasking import Keyboard, Mouse, Plain, Tasks, Touch

SLOW = 115


class WithMouse(Tasks, Case):
    hand = Mouse


class WithKeyboard(Tasks, Case):
    hand = Keyboard


class WithTouch(Tasks, Case):
    hand = Touch


class WithPlain(Tasks, Case):
    hand = Plain


if __name__ == "__main__":
    unittest.main()
