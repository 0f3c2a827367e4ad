# SPDX-License-Identifier: MIT
"""cuts - the connection is cut before, during and after Facebook's work.

Of all replies four in ten are answered; the others' answers are lost before
the work, in the middle of the answer, or after the work; of those that were
done, every third also loses its echo, so that only reading the conversation
tells.  None arrives twice, none is lost, all are settled within 3 runs.  Long
form 2,000 replies, short 150, each in a conversation of its own.
"""
import concurrent.futures
import time
import unittest

from ground import LONG, OPEN, SEED, SECOND, Clock, Stand, chance, people, reckon, say, until

REPLIES = 2000 if LONG else 150
RUNS = 3
KINDS = (None,) * 4 + ("before",) * 2 + ("during",) * 2 + ("after",) * 2

SLOW = 43


class Cuts(unittest.TestCase):
    def test_cuts(self):
        say("seed %d, %d replies" % (SEED, REPLIES))
        rng = chance("cuts")
        with Stand(procs=3, conf={"log_level": "warn"}) as st:
            clock, browser = Clock(st), st.connect("shared")
            persons = people(st, REPLIES, rng)
            csrf = browser.get("/inbox/%d" % persons[0][2]).page.form_to("/reply")["fields"]["csrf"]
            kinds = [(p, KINDS[i % len(KINDS)], "reply %d." % i) for i, p in enumerate(persons)]
            echoed = [k for i, k in enumerate(kinds) if i % 3]
            silent = [k for i, k in enumerate(kinds) if not i % 3]
            for part, drop in ((echoed, 0), (silent, True)):
                rng.shuffle(part)
                st.control("deliver", {"drop": drop})
                for _, kind, text in part:
                    if kind:
                        st.fault({"endpoint": "fb.send", "body": text.replace(".", "[.]")}, times=1, cut=kind)

                def post(one):
                    (_, _, thread), _, text = one
                    return browser.post("/inbox/%d/reply" % thread, {"csrf": csrf, "key": "k" * 24, "text": text}, follow=False).status
                with concurrent.futures.ThreadPoolExecutor(4) as pool:
                    self.assertEqual(set(pool.map(post, part)), {303})
                # Every call was made, and what tells of it has come as far as it comes.
                until(lambda: not st.db("SELECT 1 FROM outbox WHERE state IN ('queued', 'sending') LIMIT 1"), 300)
                st.delivered()
                st.control("faults/clear", {})
            st.control("deliver", {"drop": 0})
            begin = self.open(st)
            self.assertGreater(begin, REPLIES // 5)
            t0, after = time.monotonic(), []
            for _ in range(RUNS):
                clock.later(61 * SECOND)
                st.sync(1800)
                after.append(self.open(st))
                if not after[-1]:
                    break
            say("%d of %d replies without an answer; open after each run: %s; %.0f s" % (
                begin, REPLIES, after, time.monotonic() - t0))
            self.assertEqual(after[-1], 0, "open after %d runs" % RUNS)
            st.delivered()
            fates = reckon(self, st, [(p[2], text) for p, _, text in kinds])
            self.assertEqual(fates, {"sent": REPLIES})
            self.assertLessEqual(max(p["max_per_second"] for p in st.control("rates")["pages"].values()), 2)

    def open(self, st):
        return sum(n for s, n in st.db("SELECT state, count(*) FROM outbox GROUP BY state") if s in OPEN)


if __name__ == "__main__":
    unittest.main()
