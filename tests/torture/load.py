# SPDX-License-Identifier: MIT
"""load - twenty agents look every five seconds while fifty webhooks a second come in.

As browsers do, agents send the tag of what they have; some also reply.  No
answer says that the database is busy, every webhook is answered 200 within
a second, no process has 30 MiB of its own, and all that came is there.
"""
import http.client
import os
import threading
import time
import unittest

from ground import LONG, PAGE_A, SEED, Stand, chance, people, say
from stand import ANNA, MARIA, PEETER, event_body, message, sign

ALONE = True
SECONDS = 60 if LONG else 15
RATE, AGENTS, EVERY, SENDERS = 50, 20, 5.0, 8
PERSONS, MEMORY = 40, 30 << 20


class Load(unittest.TestCase):
    def test_load(self):
        say("seed %d, %d s" % (SEED, SECONDS))
        # Only root sees the memory of what is fenced.
        conf = {"log_level": "info", "fence": "no" if os.getuid() else "yes"}
        with Stand(procs=4, conf=conf) as st:
            st.connect("shared")
            self.st, self.people = st, people(st, PERSONS, chance("people"), (PAGE_A,))
            browsers = [st.sign_in(user=u)[0] for u in (MARIA, PEETER, ANNA)]
            self.hooks, self.polls, self.wrong, self.replies = [], [], [], []
            self.start = time.monotonic() + 0.5
            actors = [threading.Thread(target=self.guarded, args=(self.sender, i)) for i in range(SENDERS)]
            actors += [threading.Thread(target=self.guarded, args=(self.agent, i, browsers[i % 3])) for i in range(AGENTS)]
            for a in actors:
                a.start()
            memory = 0
            while any(a.is_alive() for a in actors):
                memory = max([memory] + [private(p.pid) for p in st.workers])
                actors[0].join(0.5)
            self.judge(memory)

    def guarded(self, work, *args):
        try:
            work(*args)
        except Exception as e:          # noqa: BLE001 - of a thread: shown by the test
            self.wrong.append(repr(e))

    def sleep_until(self, when):
        left = when - time.monotonic()
        if left > 0:
            threading.Event().wait(left)

    def sender(self, i):
        """Every SENDERS-th webhook; a connection for each, as Facebook's many hosts have."""
        for n in range(i, RATE * SECONDS, SENDERS):
            self.sleep_until(self.start + n / RATE)
            body = event_body([message(self.people[n % PERSONS][1], "m_load%08d" % n, "load %d" % n)])
            t0 = time.monotonic()
            c = http.client.HTTPConnection("127.0.0.1", self.st.port, timeout=30)
            c.request("POST", "/hook/facebook", body, {"Content-Type": "application/json", "X-Hub-Signature-256": sign(body)})
            status = c.getresponse().status
            c.close()
            self.hooks.append((status, time.monotonic() - t0))

    def agent(self, i, browser):
        thread, tag = self.people[i % PERSONS][2], None
        page = browser.get("/inbox/%d" % thread)
        form = page.page.form_to("/reply")["fields"]
        for n in range(int(SECONDS / EVERY) + 1):
            self.sleep_until(self.start + EVERY * (n + i / AGENTS))
            t0 = time.monotonic()
            r = browser.get("/poll?thread=%d" % thread, headers={"If-None-Match": tag}, follow=False)
            self.polls.append((r.status, time.monotonic() - t0))
            tag = r.header("ETag") or tag
            if n == 1:
                r = browser.post("/inbox/%d/reply" % thread, {"csrf": form["csrf"], "key": "load-key-%012d" % i, "text": "busy %d" % i}, follow=False)
                self.replies.append((thread, "busy %d" % i))
                self.polls.append((r.status, 0.0))

    def judge(self, memory):
        st = self.st
        ms = sorted(1000 * t for _, t in self.hooks)
        late = sum(t > 1000 for t in ms)
        say("%d webhooks: median %.0f ms, p99 %.0f ms, worst %.0f ms, over 1 s: %d" % (
            len(ms), ms[len(ms) // 2], ms[len(ms) * 99 // 100], ms[-1], late))
        seen = sorted(1000 * t for s, t in self.polls if s in (200, 304))
        say("%d polls: median %.0f ms, worst %.0f ms; private memory at most %.1f MiB a process" % (
            len(seen), seen[len(seen) // 2], seen[-1], memory / 2 ** 20))
        self.assertEqual(self.wrong, [])
        self.assertEqual({s for s, _ in self.hooks}, {200})
        self.assertEqual({s for s, _ in self.polls} - {200, 304, 303}, set())
        self.assertEqual(len(self.hooks), RATE * SECONDS)
        self.assertLess(ms[-1], 1000)
        self.assertLess(memory, MEMORY)
        log = st.log()
        for word in ("database is locked", "database busy", "no turn to write", "status=50"):
            self.assertNotIn(word, log)
        self.assertEqual(st.db("SELECT count(*), count(DISTINCT mid) FROM message WHERE mid LIKE 'm_load%'"), [(RATE * SECONDS,) * 2])
        st.delivered()
        self.assertEqual(st.db("SELECT state, count(*) FROM outbox GROUP BY state"), [("sent", AGENTS)])


def private(pid):
    """Bytes that only this process has."""
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return 1024 * sum(int(line.split()[1]) for line in f if line.startswith(("Private_Clean", "Private_Dirty")))


if __name__ == "__main__":
    unittest.main()
