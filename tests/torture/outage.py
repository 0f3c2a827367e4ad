# SPDX-License-Identifier: MIT
"""outage - Facebook is away for six hours, and its webhooks are lost for good.

Meanwhile customers write in many conversations, some of them for the first
time.  Then Facebook is back: the newest messages can be read within a minute,
Facebook is never asked more than twice a second per Page, in the end
everything is there once, and what nobody has read is marked.  Long form 1,200
messages in 300 conversations, short 200 in 60.
"""
import os
import subprocess
import unittest

from ground import HOUR, LONG, PAGE_A, PAGE_B, SEED, SECOND, Clock, Stand, chance, left, people, reckon, say
from stand import ANNA, PEETER

CONVERSATIONS, MESSAGES = (300, 1200) if LONG else (60, 200)
HOURS = 6

SLOW = 37


class Outage(unittest.TestCase):
    def test_outage(self):
        say("seed %d, %d messages in %d conversations" % (SEED, MESSAGES, CONVERSATIONS))
        rng = chance("outage")
        with Stand(procs=3, conf={"log_level": "warn"}) as st:
            clock, browser = Clock(st), st.connect("shared")
            known = people(st, CONVERSATIONS * 2 // 3, rng)
            self.compare(st, clock)
            # Maria has read all there is; two conversations nobody writes in again.
            for _, _, thread in known:
                self.assertEqual(browser.get("/inbox/%d" % thread).status, 200)
            silent, known = known[:2], known[2:]

            st.control("deliver", {"drop": True})
            st.control("config", {"switches": {"away": True}})
            everybody = [(p, u) for p, u, _ in known]
            for i in range(CONVERSATIONS - len(everybody)):
                page = (PAGE_A, PAGE_B)[i % 2]
                everybody.append((page, st.control("customer/new", {"page": page, "name": "New Customer %d" % i})["psid"]))
            writers = everybody + [rng.choice(everybody) for _ in range(MESSAGES - len(everybody))]
            rng.shuffle(writers)
            newest, each = {}, -(-MESSAGES // HOURS)
            for hour in range(HOURS):
                for i, (page, psid) in enumerate(writers[hour * each:(hour + 1) * each]):
                    newest[page] = (psid, "missed %d/%d" % (hour, i))
                    clock.later(rng.randrange(1, 3 * 3600 * SECOND // each))
                    st.control("customer/write", {"page": page, "psid": psid, "text": newest[page][1]})
                clock.later(30 * 60 * SECOND)
                # Runs go on meanwhile; they find nobody.
                self.assertIn(st.sync(5, check=False), (0, 1, 75))
                self.assertEqual(browser.get("/inbox").status, 200)
            self.assertGreater(clock.ahead, HOURS * HOUR)

            clock.later(HOUR)
            st.control("config", {"switches": {"away": False}})
            st.control("deliver", {"drop": 0})
            self.back(st, st.sign_in(user=PEETER)[0], newest)
            self.compare(st, clock)
            reckon(self, st)
            rates = st.control("rates")["pages"]
            say("most reads of a Page in any second: %d" % max(p["max_per_second"] for p in rates.values()))
            self.assertLessEqual(max(p["max_per_second"] for p in rates.values()), 2, rates)
            self.assertEqual([p["refused"] for p in rates.values()], [0] * len(rates))
            self.marks(st, browser, {psid for _, psid in everybody}, {psid for _, psid, _ in silent})

    def compare(self, st, clock):
        for _ in range(10):
            clock.later(11 * 60 * SECOND)
            st.sync(600)
            if not left(st):
                return
        self.fail("still open: %s" % left(st))

    def cron(self, st):
        with open(st.path("worker.log"), "ab") as log:
            return subprocess.Popen([os.path.join(st.build, "inbox-sync"), "-c", st.conf, "--budget", "600"], stderr=log, cwd=st.dir)

    def back(self, st, browser, newest):
        """The run after the outage, watched through the pages that people look at."""
        start, shown = st.control("clock")["now"], {}
        run = self.cron(st)
        while len(shown) < len(newest):
            if run.poll() == 75:        # a page that was opened had started a run of its own: cron's next one
                run = self.cron(st)
            self.assertLess(st.control("clock")["now"], start + 300 * SECOND, "never shown: %s" % newest)
            words = browser.get("/inbox").text
            for page, (psid, text) in newest.items():
                if page not in shown and text in words and text in browser.get("/inbox/%d" % st.thread(psid)).page.text:
                    shown[page] = st.control("clock")["now"] - start
        while run.wait(900) == 75:
            run = self.cron(st)
        self.assertEqual(run.returncode, 0)
        say("the newest of each Page could be read after %s s, the run was over after %.0f s" % (
            ", ".join("%.1f" % (ms / 1000) for ms in shown.values()),
            (st.control("clock")["now"] - start) / 1000))
        self.assertLess(max(shown.values()), 60 * SECOND)

    def marks(self, st, browser, written, silent):
        """Missed ones are unread to her who has read all before; to a colleague everything is."""
        psid_of = dict(st.db("SELECT id, psid FROM thread"))
        anna, _ = st.sign_in(user=ANNA)
        for who, want in ((browser, written), (anna, written | silent)):
            unread, url = set(), "/inbox"
            while url:
                page = who.get(url).page
                unread |= {psid_of[int(a["id"][2:])] for tag, a in page.tags
                           if tag == "li" and a.get("id", "").startswith("t-") and "unread" in a.get("class", "").split()}
                url = next((href for href, a in page.links if a.get("id") == "list-older"), None)
            self.assertEqual(unread ^ want, set())


if __name__ == "__main__":
    unittest.main()
