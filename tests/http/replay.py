#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""replay.py - a thousand events, each delivered one to five times, in random order, in bodies of one to five, by four
senders at once, end in the same database as one orderly delivery.

The seed is printed; REPLAY_SEED=N repeats a run.
"""
import os
import random
import threading
import unittest

from stand import APP_ID, PAGE_A, PAGE_B, Stand, meta_json

EVENTS = int(os.environ.get("REPLAY_EVENTS", "1000"))
START = 1795300000000

# Rows that mean something; ids of our own are replaced by Page and PSID.
TABLES = {
    "thread": "SELECT p.fb_id, t.psid, t.last_at, t.last_id, t.last_in_at, t.customer_at, t.delivered_at, t.seen_at,"
              " t.last_dir, t.last_user, t.snippet, t.snippet_kind, t.control_at, t.control_app, t.standby_at, t.direct_at, t.owner_app, t.source"
              " FROM thread t JOIN page p ON p.id = t.page_id",
    "message": "SELECT p.fb_id, t.psid, m.at, m.id, m.mkey, m.mid, m.dir, m.origin, m.line, m.flags, m.state, m.natt, m.edits,"
               " m.text, m.detail, m.react_in, m.react_out, m.reply_to"
               " FROM message m JOIN thread t ON t.id = m.thread_id JOIN page p ON p.id = t.page_id",
    "attachment": "SELECT p.fb_id, t.psid, a.msg_id, a.n, a.type, a.url, a.title, a.name, a.width, a.height, a.size"
                  " FROM attachment a JOIN thread t ON t.id = a.thread_id JOIN page p ON p.id = t.page_id",
    "fact": "SELECT f.mkey, f.kind, f.num, f.at, f.value FROM fact f",
    "event": "SELECT at, digest, kind, raw FROM event",
    "quarantine": "SELECT digest, why FROM quarantine",
    "page": "SELECT fb_id, name, name_at, policy, policy_at FROM page",
}


class Tale:
    """Believable events about a few customers of two Pages; every kind that is stored."""

    def __init__(self, rnd):
        self.rnd, self.at, self.said, self.out = rnd, START, [], []

    def base(self, page, psid, echo=False):
        self.at += self.rnd.choice((0, 1, 700, 5000, 90000))
        a, b = {"id": psid}, {"id": page}
        return {"sender": b if echo else a, "recipient": a if echo else b, "timestamp": self.at}

    def message(self, page, psid, echo=False, app=None):
        e = self.base(page, psid, echo)
        mid = "m_%05d%s" % (len(self.said), "aAbBcC"[self.rnd.randrange(6)] * 8)
        m = {"mid": mid}
        if self.rnd.random() < 0.8:
            m["text"] = self.rnd.choice(("Hello", "ok", "ok", "予約をお願いします", "Do you have size 54? 🚲", "50% off / <b>?"))
        if self.rnd.random() < 0.25 or "text" not in m:
            m["attachments"] = [self.rnd.choice((
                {"type": "image", "payload": {"url": "https://scontent.fbcdn.net/%s.jpg" % mid}},
                {"type": "hologram", "payload": None},
                {"type": "fallback", "title": "Frame", "url": "https://bramble.example/54", "payload": None},
                {"type": "location", "title": "Here", "payload": {"coordinates": {"lat": 60.1, "long": 24.9}}}))]
        if self.said and self.rnd.random() < 0.1:
            m["reply_to"] = {"mid": self.rnd.choice(self.said)[2]}
        if echo:
            m["is_echo"] = True
            if app:
                m["app_id"] = app
        e["message"] = m
        self.said.append((page, psid, mid, 0))
        return e

    def about(self, kind):
        page, psid, mid, edits = self.rnd.choice(self.said)
        e = self.base(page, psid)
        if kind == "edit":
            i = self.said.index((page, psid, mid, edits))
            self.said[i] = (page, psid, mid, edits + 1)
            e["message_edit"] = {"mid": mid, "text": "edited %d" % (edits + 1), "num_edit": edits + 1}
        elif kind == "react":
            e["reaction"] = {"mid": mid, "action": "react", "emoji": self.rnd.choice("❤😆👍"), "reaction": "other"}
        elif kind == "unreact":
            e["reaction"] = {"mid": mid, "action": "unreact"}
        else:
            e["message"] = {"mid": mid, "is_deleted": self.rnd.choice((True, "true"))}
        return page, e

    def event(self):
        """(page, array, event)"""
        page = self.rnd.choice((PAGE_A, PAGE_B))
        psid = "68%014d" % self.rnd.randrange(1, 25)
        kind = self.rnd.random()
        if kind < 0.45 or len(self.said) < 5:
            return page, "messaging", self.message(page, psid)
        if kind < 0.62:
            return page, "messaging", self.message(page, psid, True, self.rnd.choice((None, 26390203743090, int(APP_ID), 442200119988776)))
        if kind < 0.68:
            return page, "standby", self.message(page, psid, self.rnd.random() < 0.5)
        if kind < 0.80:
            page, e = self.about(self.rnd.choice(("edit", "react", "unreact", "delete")))
            return page, "messaging", e
        e = self.base(page, psid)
        if kind < 0.84:
            e["read"] = {"watermark": self.at - 10}
        elif kind < 0.88:
            e["delivery"] = {"watermark": self.at - 20}
        elif kind < 0.92:
            e["postback"] = {"title": "Get started", "payload": "GO%d" % self.at}
            if self.rnd.random() < 0.5:
                e["postback"]["mid"] = "m_p%d" % self.at
        elif kind < 0.95:
            e["referral"] = {"ref": "r%d" % self.at, "source": "ADS", "type": "OPEN_THREAD", "ad_id": "60"}
        elif kind < 0.97:
            e["pass_thread_control"] = {"previous_owner_app_id": APP_ID, "new_owner_app_id": "442200119988776"}
        elif kind < 0.98:
            e["policy_enforcement"] = {"action": self.rnd.choice(("warning", "block", "unblock")), "reason": "x"}
        elif kind < 0.99:
            e["response_feedback"] = {"feedback": "Good response", "mid": self.said[0][2]}
        else:
            e["what_is_this"] = {"new": self.at}
        return page, "messaging", e


def body_of(events):
    entries = [{"id": page, "time": START, array: [e]} for page, array, e in events]
    return meta_json({"object": "page", "entry": entries})


def dump(st):
    return {name: sorted(st.db(sql), key=repr) for name, sql in TABLES.items()}


class Replay(unittest.TestCase):
    maxDiff = 4000

    def stand(self):
        # Nothing is fetched meanwhile: names and files are not what is compared.
        return Stand(procs=2, conf={"log_level": "warn", "facebook.media_hosts": "fbcdn.net"})

    def test_any_order(self):
        seed = int(os.environ.get("REPLAY_SEED", random.SystemRandom().randrange(1 << 30)))
        print("# REPLAY_SEED=%d" % seed, flush=True)
        rnd = random.Random(seed)
        tale = Tale(rnd)
        events = [tale.event() for _ in range(EVENTS)]
        with self.stand() as st:
            st.connect(pages=(PAGE_A, PAGE_B))
            st.control("config", {"switches": {"away": True}})
            for e in events:
                self.assertEqual(st.hook(body_of([e])), 200)
            want = dump(st)
        self.assertGreater(len(want["message"]), EVENTS // 2)
        copies = [e for e in events for _ in range(rnd.randint(1, 5))]
        rnd.shuffle(copies)
        bodies = []
        while copies:
            n = rnd.randint(1, 5)
            bodies.append(body_of(copies[:n]))
            del copies[:n]
        with self.stand() as st:
            st.connect(pages=(PAGE_A, PAGE_B))
            st.control("config", {"switches": {"away": True}})
            wrong = []

            def sender(k):
                for b in bodies[k::4]:
                    s = st.hook(b)
                    if s != 200:
                        wrong.append(s)
            senders = [threading.Thread(target=sender, args=(k,)) for k in range(4)]
            for t in senders:
                t.start()
            for t in senders:
                t.join()
            self.assertEqual(wrong, [])
            got = dump(st)
        for name in TABLES:
            self.assertEqual(len(got[name]), len(want[name]), name)
            for g, w in zip(got[name], want[name]):
                self.assertEqual(g, w, name)


if __name__ == "__main__":
    unittest.main()
