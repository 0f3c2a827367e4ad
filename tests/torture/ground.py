# SPDX-License-Identifier: MIT
"""ground.py - what the torture tests share: their length, chance, and the reckoning.

    TORTURE_LONG=1    the long form (make torture); else the short one of ./check
    TORTURE_SEED=N    the same chances as in the run that printed N

The reckoning compares everything the sandbox has on people's screens with
everything in the product's database, after all faults are lifted.  It knows
nothing of how the product came there.
"""
import collections
import os
import random
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "http"))

from stand import PAGE_A, PAGE_B, Stand, until  # noqa: E402,F401  (for the tests, which import them from here)

LONG = os.environ.get("TORTURE_LONG", "") not in ("", "0")
SEED = int(os.environ.get("TORTURE_SEED") or random.SystemRandom().randrange(1 << 32))
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
OPEN = ("queued", "sending", "deferred", "checking")


def chance(name):
    """Random numbers of one actor: what another one does with its own does not move them."""
    return random.Random("%d %s" % (SEED, name))


def say(text):
    """A figure or a seed; also in docs/reliability.md, so that it can be compared."""
    print("# %s" % text, file=sys.stderr, flush=True)


class Clock:
    """Product and sandbox live in the same time; runs `speed` times as fast as ours when started."""

    def __init__(self, st):
        self.st, self.ahead, self.lock = st, 0, threading.Lock()

    def later(self, ms):
        with self.lock:
            self.ahead += ms
            self.st.clock(self.ahead)

    def run(self, stop, speed, step=0.1):
        last = time.monotonic()
        while not stop.wait(step):
            now = time.monotonic()
            self.later(int((now - last) * 1000 * (speed - 1)))
            last = now


def people(st, n, rng, pages=(PAGE_A, PAGE_B)):
    """n customers, each with a first message and a thread here: [(page, psid, thread)]."""
    made = []
    for i in range(n):
        page = pages[i % len(pages)]
        psid = st.control("customer/new", {"page": page, "name": "Kim %s %d" % (rng.choice(("Berg", "Lund", "Mets")), i)})["psid"]
        st.control("customer/write", {"page": page, "psid": psid, "text": "hello %d" % i})
        made.append((page, psid))
    st.delivered()
    ids = dict(st.db("SELECT psid, id FROM thread"))
    return [(page, psid, ids[psid]) for page, psid in made]


def quiet(st, clock, runs, budget=60):
    """Runs until nothing waits; how many were needed. What is open after `runs` is an error."""
    for n in range(1, runs + 1):
        st.control("flush", {"order": "random", "retries": True})
        until(lambda: st.control("wait", {"deadline_ms": 5000, "retries": False})["idle"], 120)
        st.sync(budget)
        if not left(st):
            return n
        clock.later(61 * SECOND)
    raise AssertionError("still open after %d runs: %s" % (runs, left(st)))


def left(st):
    """What is neither settled nor compared: {what: how many}."""
    out = {"replies " + s: n for s, n in st.db("SELECT state, count(*) FROM outbox GROUP BY state") if s in OPEN}
    for what, sql in (("threads to read", "SELECT count(*) FROM want"),
                      ("passes under way", "SELECT count(*) FROM page WHERE state = 'active' AND (pass_started > 0 OR import_state <> 'done')")):
        n = st.db(sql)[0][0]
        if n:
            out[what] = n
    hooks = st.control("wait", {"deadline_ms": 0})
    for what in ("queued", "inflight", "retrying", "held"):
        if hooks[what]:
            out["webhooks " + what] = hooks[what]
    return out


def reckon(test, st, accepted=()):
    """
    Everything on people's screens is here once, everything here is true, and
    each accepted reply [(thread, text)] arrived once or is visibly failed.
    Texts of replies are all different.
    """
    screens = {(c["page"], c["psid"]): c["messages"] for c in st.control("state")["conversations"]}
    threads = {(p, u): t for p, u, t in st.db("SELECT p.fb_id, t.psid, t.id FROM thread t JOIN page p ON p.id = t.page_id")}
    here = collections.defaultdict(list)
    for row in st.db("SELECT thread_id, mid, dir, coalesce(text, ''), state, at, id, line FROM message ORDER BY thread_id, at, id"):
        here[row[0]].append(row)
    lost, twice, wrong = [], [], []
    for key, messages in screens.items():
        rows = here[threads[key]] if key in threads else []
        mids = collections.Counter(r[1] for r in rows if r[1])
        texts = {r[1]: (r[2], r[3]) for r in rows if r[1]}
        for m in messages:
            if m["deleted"]:
                continue
            if mids[m["mid"]] == 0:
                lost.append((key, m["mid"], m["direction"], m["text"]))
            elif texts[m["mid"]] != (int(m["direction"] == "out"), m["text"] or ""):
                wrong.append((key, m["mid"], texts[m["mid"]], m["text"]))
        known = {m["mid"] for m in messages}
        twice += [(key, mid) for mid, n in mids.items() if n > 1]
        wrong += [(key, mid, "not on any screen") for mid in mids if mid not in known]
        wrong += [(key, r[3], "state %d without Facebook's id" % r[4]) for r in rows if not r[1] and r[7] == 0 and r[4] not in (6, 7)]
    test.assertEqual((lost, twice, wrong), ([], [], []), "messages lost, twice, wrong")

    arrived = collections.Counter()
    order = collections.defaultdict(list)
    for key, messages in screens.items():
        for m in messages:
            if m["direction"] == "out":
                arrived[(threads.get(key), m["text"])] += 1
                order[threads.get(key)].append(m["text"])
    fate = {(t, text): (state, n) for t, text, state, n in st.db(
        "SELECT o.thread_id, m.text, o.state, o.id FROM outbox o"
        " JOIN message m ON m.thread_id = o.thread_id AND m.at = o.msg_at AND m.id = o.msg_id")}
    lost = [k for k in accepted if arrived[k] == 0 and fate.get(k, ("none", 0))[0] != "failed"]
    twice = [k for k in fate if arrived[k] > 1]
    unknown = [k for k in accepted if k not in fate]
    both = [k for k, (state, _) in fate.items() if state == "failed" and arrived[k] > 0]
    test.assertEqual((lost, twice, unknown, both), ([], [], [], []), "replies lost, twice, unknown, shown as failed though they arrived")
    for thread, texts in order.items():
        ids = [fate[(thread, t)][1] for t in texts if (thread, t) in fate]
        test.assertEqual(ids, sorted(ids), "order of replies in thread %s" % thread)
    rows_agree(test, st)
    return collections.Counter(state for state, _ in fate.values())


def rows_agree(test, st):
    """What is said twice in the database is said alike, and the file is whole."""
    c = sqlite3.connect("file:%s?mode=ro" % st.path("inbox.db"), uri=True, timeout=30)
    try:
        test.assertEqual(c.execute("PRAGMA quick_check").fetchall(), [("ok",)])
        test.assertEqual(c.execute("PRAGMA foreign_key_check").fetchall(), [])
    finally:
        c.close()
    for what, sql in (
            ("replies without their message",
             "SELECT o.id FROM outbox o LEFT JOIN message m ON m.thread_id = o.thread_id AND m.at = o.msg_at AND m.id = o.msg_id"
             " WHERE m.id IS NULL"),
            ("replies whose two states differ",
             "SELECT o.id, o.state, m.state FROM outbox o JOIN message m ON m.thread_id = o.thread_id AND m.at = o.msg_at AND m.id = o.msg_id"
             " WHERE m.state <> CASE o.state WHEN 'queued' THEN 1 WHEN 'sending' THEN 2 WHEN 'deferred' THEN 3 WHEN 'checking' THEN 4"
             "  WHEN 'sent' THEN 5 WHEN 'failed' THEN 6 ELSE 7 END"),
            ("marks of failed replies",
             "SELECT t.id, t.failed FROM thread t WHERE t.failed <>"
             " (SELECT count(*) FROM outbox o WHERE o.thread_id = t.id AND o.state = 'failed')"),
            ("rows of the list that are not the newest message's",
             "SELECT t.id, t.last_at, t.last_id FROM thread t WHERE t.last_at > 0 AND (t.last_at, t.last_id) <>"
             " (SELECT m.at, m.id FROM message m WHERE m.thread_id = t.id AND m.line IN (0, 1) AND m.flags & 8 = 0 ORDER BY m.at DESC, m.id DESC LIMIT 1)"),
            ("threads with messages that are not in the list",
             "SELECT t.id FROM thread t WHERE t.last_at = 0 AND EXISTS"
             " (SELECT 1 FROM message m WHERE m.thread_id = t.id AND m.line = 0)"),
            ("threads whose last incoming message is another",
             "SELECT t.id FROM thread t WHERE t.last_in_at > 0 AND t.last_in_at <>"
             " (SELECT max(m.at) FROM message m WHERE m.thread_id = t.id AND m.dir = 0 AND m.line IN (0, 1))"),
            ("quarantine", "SELECT why FROM quarantine")):
        test.assertEqual(st.db(sql), [], what)
