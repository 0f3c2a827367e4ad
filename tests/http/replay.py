# SPDX-License-Identifier: MIT
"""replay - order, repeats, batches and company do not matter: the rows end the same.

A thousand events of every kind go to one stand in order, one by one; to
another each of them one to five times, in random order, in bodies of one to
five, from four senders at once.  The databases must then hold the same.
REPLAY_SEED repeats a run; REPLAY_EVENTS changes the number.
"""
import concurrent.futures
import os
import random
import time
import unittest

from stand import APP_ID, PAGE_A, PAGE_B, Stand, meta_json, message

SEED = int(os.environ.get("REPLAY_SEED") or random.SystemRandom().randrange(10**9))
EVENTS = int(os.environ.get("REPLAY_EVENTS") or 1000)
CDN = "https://scontent.example-cdn.net/%d.jpg"
APPS = (APP_ID, int(APP_ID), "26390203743090", 442200119988776, None)
# Every column but our own numbers and clocks, and what is fetched afterwards;
# of a Page those that events change.
# Numbers of rows are told by what they stand for: a Page's id, a PSID.
PAGE = ("name", "name_at", "policy", "policy_at", "state", "why")
DUMP = {
    "page": ("p.fb_id", "page p", None),
    "thread": ("p.fb_id", "thread t JOIN page p ON p.id = t.page_id", "id install_id page_id name picture profile_at profile_tries profile_got fb_id link"
               " history history_cursor synced_at created_at in_rev"),
    "message": ("p.fb_id, h.psid", "message t JOIN thread h ON h.id = t.thread_id JOIN page p ON p.id = h.page_id", "thread_id"),
    "attachment": ("p.fb_id, h.psid", "attachment t JOIN thread h ON h.id = t.thread_id JOIN page p ON p.id = h.page_id",
                   "thread_id fetch_at tries file mime size"),
    "fact": ("p.fb_id", "fact t JOIN page p ON p.id = t.page_id", "page_id"),
    "event": ("p.fb_id", "event t JOIN page p ON p.id = t.page_id", "page_id"),
    "quarantine": ("p.fb_id", "quarantine t LEFT JOIN page p ON p.id = t.page_id", "id page_id received_at tries program"),
}


def dump(st, table):
    who, source, without = DUMP[table]
    names = [c for (c,) in st.db("SELECT name FROM pragma_table_info(?)", table) if c not in (without or "").split()]
    names = names if without is not None else list(PAGE)
    alias = "p" if table == "page" else "t"
    rows = st.db("SELECT %s, %s FROM %s" % (who, ", ".join("%s.%s" % (alias, c) for c in names), source))
    return sorted((dict(zip(who.split(", ") + names, r)) for r in rows), key=repr)


class Story:
    """Events as Facebook would have them happen: a list of (time, entry)."""

    def __init__(self, rng):
        self.rng, self.out, self.mids = rng, [], {}
        self.people = [(p, str(7100000000000000 + i)) for i, p in enumerate([PAGE_A] * 18 + [PAGE_B] * 12)]
        self.clock = int(time.time() * 1000) - 20 * 3_600_000

    def tick(self):
        self.clock += self.rng.choice((1, 1, 7, 900, 30_000))
        return self.clock

    def put(self, page, event, array="messaging", at=None):
        at = at or self.clock
        self.out.append((at, {"id": page, "time": at // 1000 if array == "changes" else at + 50, array: [event]}))

    def shell(self, page, psid, at, **payload):
        e = message(psid, "x", at=at, page=page)
        del e["message"]
        return dict(e, **payload)

    def text(self):
        return " ".join(self.rng.choice(("size", "54", "ok", "<b>", "日本語", "😀", "\n", "frame", "عربى")) for _ in range(self.rng.randrange(1, 9)))

    def mid(self, page, psid):
        """One that exists, one to come, or one that never comes."""
        known = self.mids.setdefault((page, psid), [])
        if known and self.rng.random() < 0.85:
            return self.rng.choice(known[-6:])
        return "m_ghost.%d" % self.rng.randrange(30)

    def say(self):
        rng, (page, psid), at = self.rng, self.rng.choice(self.people), self.tick()
        mid = "m_%s.%d" % (psid[-4:], len(self.out))
        more, echo = {}, rng.random() < 0.35
        if echo:
            app = rng.choice(APPS)
            more = {"app_id": app, "metadata": "pd:out:none"} if app else {}
        kind = rng.random()
        if kind < 0.15:
            more["attachments"] = [{"type": "image", "payload": {"url": CDN % rng.randrange(99)}} for _ in range(rng.randrange(1, 4))]
        elif kind < 0.22:
            more["attachments"] = [{"type": rng.choice(("fallback", "reel", "hologram")), "title": self.text(), "payload": {"url": CDN % 1}}]
        elif kind < 0.25:
            more["is_unsupported"] = True
        if kind > 0.12:
            more["text"] = self.text()
        if rng.random() < 0.1:
            more["reply_to"] = {"mid": self.mid(page, psid)}
        if rng.random() < 0.06 and not echo:
            more["referral"] = {"ref": "r%d" % rng.randrange(9), "source": "ADS", "type": "OPEN_THREAD"}
        self.put(page, message(psid, mid, at=at, page=page, echo=echo, **more), "standby" if rng.random() < 0.15 else "messaging", at)
        self.mids.setdefault((page, psid), []).append(mid)

    def change(self):
        rng, (page, psid), at = self.rng, self.rng.choice(self.people), self.tick()
        mid = self.mid(page, psid)
        self.put(page, *rng.choice((
            [self.shell(page, psid, at, reaction={"mid": mid, "action": "react", "reaction": "love", "emoji": rng.choice("😀😮😢")})],
            [self.shell(page, psid, at, reaction={"mid": mid, "action": "unreact"})],
            [{"sender": {"id": page}, "recipient": {"id": psid}, "timestamp": at, "reaction": {"mid": mid, "action": "react", "emoji": rng.choice("👍👎")}}],
            [self.shell(page, psid, at, message_edit={"mid": mid, "text": self.text(), "num_edit": rng.randrange(1, 6)})],
            [{"timestamp": at, "message_edit": {"mid": mid, "text": self.text(), "num_edit": str(rng.randrange(1, 6))}}],
            [message(psid, mid, at=at, page=page, is_deleted=True)])))

    def receipt(self):
        rng, (page, psid), at = self.rng, self.rng.choice(self.people), self.tick()
        mark = at - rng.randrange(60_000)
        e = self.shell(page, psid, at, **{rng.choice(("read", "delivery")): {"watermark": mark}})
        if "delivery" in e and rng.random() < 0.5:
            del e["timestamp"]
        self.put(page, e, "standby" if rng.random() < 0.1 else "messaging")

    def line(self):
        rng, (page, psid), at = self.rng, self.rng.choice(self.people), self.tick()
        seconds = at // 1000 * 1000 + 0
        self.put(page, rng.choice((
            self.shell(page, psid, at, postback={"mid": "m_pb.%d" % len(self.out), "title": self.text(), "payload": "P"}),
            self.shell(page, psid, at, postback={"title": "Menu", "payload": "MENU"}),
            self.shell(page, psid, seconds // 1000, referral={"ref": "q%d" % rng.randrange(99), "source": "SHORTLINK", "type": "OPEN_THREAD"}),
            self.shell(page, psid, at, optin={"type": "x", "payload": "OFFER"}),
            self.shell(page, psid, at, order={"products": [{"name": self.text(), "quantity": 2}]}),
            self.shell(page, psid, at, message={"admin_text": self.text()}))))

    def control(self):
        rng, (page, psid), at = self.rng, self.rng.choice(self.people), self.tick()
        self.put(page, self.shell(page, psid, at, **rng.choice((
            {"pass_thread_control": {"new_owner_app_id": rng.choice((APP_ID, 442200119988776, None))}},
            {"take_thread_control": {"new_owner_app_id": "26390203743090"}}, {"release_thread_control": {}}))))

    def page_news(self):
        rng, page, at = self.rng, self.rng.choice((PAGE_A, PAGE_B)), self.tick() + 1000
        self.clock = at // 1000 * 1000
        if rng.random() < 0.5:
            self.put(page, {"recipient": {"id": page}, "timestamp": self.clock, "policy_enforcement": {"action": rng.choice(("warning", "block", "unblock")), "reason": "r"}})
        else:
            self.put(page, {"field": "name", "value": "Bramble %d" % len(self.out)}, "changes")

    def strange(self):
        (page, psid), at = self.rng.choice(self.people), self.tick()
        self.put(page, self.rng.choice((self.shell(page, psid, at, brand_new={"x": len(self.out)}), self.shell(page, psid, at, read={"watermark": "?"}),
                                        self.shell("999", psid, at, message={"mid": "m_s", "text": "x"}))))

    def write(self, n):
        acts = (self.say,) * 50 + (self.change,) * 24 + (self.receipt,) * 10 + (self.line,) * 8 + (self.control,) * 5 + (self.page_news,) * 1 + (self.strange,) * 2
        while len(self.out) < n:
            self.rng.choice(acts)()
        return self.out


def body(entries):
    return meta_json({"object": "page", "entry": entries})


def deliver(st, bodies):
    for b in bodies:
        for _ in range(50):             # a busy moment is answered 503, and Facebook comes again
            status = st.hook(b)
            if status == 200:
                break
            assert status == 503, status
        else:
            raise AssertionError("50 times 503")


class Replay(unittest.TestCase):
    maxDiff = None

    def test_same_rows(self):
        print("replay: REPLAY_SEED=%d" % SEED, flush=True)
        rng = random.Random(SEED)
        story = Story(rng).write(EVENTS)
        copies = [e for _, e in story for _ in range(rng.randrange(1, 6))]
        rng.shuffle(copies)
        bodies = []
        while copies:
            n = rng.randrange(1, 6)
            bodies.append(body(copies[:n]))
            copies = copies[n:]
        with Stand(procs=1) as orderly, Stand(procs=3) as wild:
            orderly.connect("shared")
            wild.connect("shared")
            with concurrent.futures.ThreadPoolExecutor(5) as pool:
                jobs = [pool.submit(deliver, wild, bodies[i::4]) for i in range(4)]
                jobs.append(pool.submit(deliver, orderly, [body([e]) for _, e in sorted(story, key=lambda x: x[0])]))
                for j in jobs:
                    j.result()
            counts = {}
            for table in DUMP:
                one, two = dump(orderly, table), dump(wild, table)
                counts[table] = len(one)
                with self.subTest(table):
                    self.assertEqual(([r for r in one if r not in two][:3], [r for r in two if r not in one][:3]), ([], []))
                    self.assertEqual(len(one), len(two))
            print("replay: %d bodies, rows %s" % (len(bodies), counts), flush=True)
            self.assertGreater(counts["message"], EVENTS * 0.4)
            self.assertGreater(counts["quarantine"], 0)
            self.assertGreater(counts["fact"], EVENTS * 0.1)


if __name__ == "__main__":
    unittest.main()
