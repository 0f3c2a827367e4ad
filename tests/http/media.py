#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""media.py - the limit of the folder for pictures and files."""
import os
import unittest

from stand import LIISA, PAGE_A, Stand, until


def files(st):
    try:
        return [f for f in os.listdir(st.path("media")) if f.startswith("a")]
    except OSError:
        return []


class Limit(unittest.TestCase):
    def picture(self, st):
        st.control("customer/write", {"page": PAGE_A, "psid": LIISA, "attachments": [{"type": "image", "picture": "bicycle"}]})
        st.control("wait", {"timeout_ms": 15000})

    def test_room(self):
        with Stand() as st:
            st.connect(pages=[PAGE_A])
            self.picture(st)
            until(lambda: files(st))

    def test_full(self):
        with Stand(conf={"media_max_mb": "0"}) as st:
            b = st.connect(pages=[PAGE_A])
            self.picture(st)
            # It was tried, found the store full, and waits for an hour: nothing is lost.
            until(lambda: st.db("SELECT count(*) FROM attachment WHERE fetch_at > 1000")[0][0] == 1)
            until(lambda: "media_full" in st.log())
            self.assertEqual(files(st), [])
            self.assertEqual(b.get("/inbox/%d" % st.thread()).status, 200)


if __name__ == "__main__":
    unittest.main()
