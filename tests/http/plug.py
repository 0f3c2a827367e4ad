# SPDX-License-Identifier: MIT
"""plug - Facebook's plug is pulled on the sandbox's page, both sides go on writing, and it is plugged in again.

What anybody can do in the demo, by the same forms and in the sandbox's time:
the pages say meanwhile what is the matter; in the end nothing is lost and
nothing has arrived twice.
"""
import time
import unittest

from stand import LIISA, PAGE_A, Replies, Stand, say, until


class Demo(Stand):
    """The sandbox leads the product's clock, as ./demo has it."""

    def run_sandbox(self, port):
        self.sandbox_args = ["--clock-file", self.path("clock")]
        return super().run_sandbox(port)


class Plug(Replies, unittest.TestCase):
    def setUp(self):
        self.st = self.enterContext(Demo())
        self.b = self.st.connect("shared", pages=[PAGE_A])
        self.person = self.st.browser()

    def press(self, path, **fields):
        """A button on a page of the sandbox."""
        self.assertEqual(self.person.post(self.st.sandbox + path, fields).status, 200)

    def plug(self):
        r = self.person.get(self.st.sandbox + "/facebook-admin")
        self.assertTrue([f for f in r.page.forms if f["fields"].get("name") == "away"])
        self.press("/facebook-admin", do="switch", name="away")

    def write(self, text):
        """The customer, on the telephone."""
        self.press("/phone?page=%s&psid=%s" % (PAGE_A, LIISA), do="send", text=text)

    def hours(self, n):
        self.press("/facebook-admin", do="ahead", hours=n)

    def log(self, thread):
        return self.b.get("/inbox/%d" % thread).page.by_id_text["log"]

    def test_pulled_and_plugged_in(self):
        st = self.st
        self.write("Before")
        thread = until(st.thread)
        st.reply(self.b, thread, "Good morning")
        self.wait_state(thread, "sent")

        self.plug()
        self.write("Are you there?")
        st.reply(self.b, thread, "While it was away")
        self.wait_state(thread, "sent", "checking")
        st.reply(self.b, thread, "And one more")
        log = self.log(thread)
        self.assertIn(say("state.checking"), log)
        self.assertIn(say("wait.turn"), log)
        self.write("Hello?")
        self.hours(0.6)
        self.assertIn(st.sync(5, check=False), (0, 1, 75))
        # The list says since when it is not up to date, and why.
        self.assertIn(say("error.fb.trouble"), self.b.get("/inbox").page.by_id_text["sync-line"])
        self.assertEqual(st.db("SELECT text FROM message WHERE dir = 0"), [("Before",)])
        self.assertEqual(st.arrived(), ["Good morning"])

        self.plug()
        for _ in range(6):
            self.hours(0.04)
            st.sync()
        st.delivered()
        self.wait_state(thread, "sent", "sent", "sent")
        self.assertEqual(st.arrived(), ["Good morning", "While it was away", "And one more"])
        self.assertEqual(sorted(t for (t,) in st.db("SELECT text FROM message WHERE thread_id = ?", thread)),
                         ["And one more", "Are you there?", "Before", "Good morning", "Hello?", "While it was away"])
        log = self.log(thread)
        for words in (say("state.checking"), say("wait.turn"), say("state.failed"), say("state.sending")):
            self.assertNotIn(words, log)
        self.assertNotIn(say("error.fb.trouble"), self.b.get("/inbox").page.by_id_text["sync-line"])

    def test_one_clock(self):
        """A day on: the window has closed here, as there; and back to real time, everything works again."""
        st = self.st
        self.write("Before")
        thread = until(st.thread)
        self.assertIn("The inbox goes with it", self.person.get(st.sandbox + "/facebook-admin").page.text)
        self.hours(25)
        self.assertIn(say("closed.day"), self.b.get("/inbox/%d" % thread).page.text)
        self.press("/facebook-admin", do="real")
        self.assertLess(abs(st.control("clock")["now"] - time.time() * 1000), 5000)
        self.assertNotIn(say("closed.day"), self.b.get("/inbox/%d" % thread).page.text)
        st.reply(self.b, thread, "Still open")
        self.wait_state(thread, "sent")


if __name__ == "__main__":
    unittest.main()
