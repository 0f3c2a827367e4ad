#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""cases.py - the table of sync cases: what happens, and what must be the end of it.

Each case runs (1) plainly: rows, what the customer got and what was asked of
the services are as the table says; then once more: all webhooks again and
another run change no row and call nobody; (2) killed with SIGKILL at each
commit and before and after each call of each step, and resumed by ordinary
runs while time passes: the same end, every reply at the customer once.  After
every kill the database is checked (invariants.py).

The short form kills at some points of each case, picked by SYNC_SEED (0);
SYNC_LONG=1 at all of them.  One case: cases.py -k NAME.

A case is a dict: `do` steps (verbs of the class Play below), and of the end
`log` lines of the conversation, `outbox` states, `phone` what the customer
has got, `calls` requests by endpoint; by default Liisa's.  `again` names calls
that a second run makes all the same, and why stands beside it.
"""
import concurrent.futures
import contextlib
import os
import queue
import random
import unittest

from rig import JAAN, LIISA, LONG, PAGE_A, Rig

SLOW = 190

SEED = int(os.environ.get("SYNC_SEED", "0"))
KILLS = 3
RIGS = 3
DAY = 86400
MINUTE = 60


def error(code, sub=0, **more):
    e = dict({"message": "as the sandbox was told", "type": "OAuthException", "code": code}, **more)
    if sub:
        e["error_subcode"] = sub
    return {"error": e}


SEND = {"endpoint": "fb.send"}
LOST = {"cut": "after"}              # done, the answer never came
UNDONE = {"cut": "before"}           # not done, the connection just closed
HELLO = [("customer", "hello"), ("hooks",), ("run",), ("later", 5)]
NAMED = {"fb.profile": 1}            # the first message of a customer asks for the name
LOOK = [("later", 61), ("run",)]     # one look into the conversation, when it is due
# A comparison brought what no webhook had, or a day has passed: is the connection whole?
INSPECTED = {"fb.debug_token": 1, "fb.subscribed_apps.get": 1}
# More than an hour has passed: does who is signed in still belong there?
LOOKED_AT = {"pd.token": 1, "pd.users.me": 1}
# Somebody has read it and marked it as done.
DONE = ("sql", "UPDATE thread SET state = 1, state_by = 1, state_at = last_at")
RESTART = ("sql", "UPDATE page SET import_state = 'none', import_done = 0, import_total = 0, checked_at = 0, synced_until = 0")

CASES = [
    # ---- replies ----
    {"name": "reply sent",
     "do": HELLO + [("reply", "Yes"), ("run",), ("hooks",)],
     "log": ["in hello", "out Yes"], "outbox": ["sent"], "phone": ["Yes"], "calls": {**NAMED, "fb.send": 1}},
    {"name": "reply refused for good",
     "do": HELLO + [("control", "customer/update", {"page": PAGE_A, "psid": LIISA, "blocked": True}), ("reply", "Yes"), ("run",), ("hooks",)],
     "log": ["in hello", "out Yes (failed)"], "outbox": ["failed error.fb.person"], "phone": [], "calls": {**NAMED, "fb.send": 1}},
    {"name": "refused for good, the next one goes",
     "do": HELLO + [("reply", "x" * 1999 + "!"), ("fault", {**SEND, "body": "xxx!"}, {"status": 400, "body": error(100, 2018109), "times": 0}),
                    ("reply", "short"), ("run",), ("hooks",)],
     "log": ["in hello", "out " + "x" * 1999 + "! (failed)", "out short"], "outbox": ["failed *", "sent"], "phone": ["short"],
     "calls": {**NAMED, "fb.send": 2}},
    {"name": "throttled, then sent",
     "do": HELLO + [("fault", SEND, {"status": 400, "body": error(613)}), ("reply", "Yes"), ("run",), ("later", 70), ("run",), ("hooks",)],
     "log": ["in hello", "out Yes"], "outbox": ["sent"], "phone": ["Yes"], "calls": {**NAMED, "fb.send": 2}},
    {"name": "temporary refusal, then sent",
     "do": HELLO + [("fault", SEND, {"status": 400, "body": error(1200)}), ("reply", "Yes"), ("run",), ("later", 5), ("run",), ("hooks",)],
     "log": ["in hello", "out Yes"], "outbox": ["sent"], "phone": ["Yes"], "calls": {**NAMED, "fb.send": 2}},
    {"name": "throttled until the window closed",
     "do": HELLO + [("fault", SEND, {"status": 400, "body": error(613), "times": 0}), ("reply", "Yes"), ("run",), ("lose",), ("later", DAY + MINUTE),
                    ("run",), ("run",)],
     "log": ["in hello", "out Yes (failed)"], "outbox": ["failed error.fb.window"], "phone": [],
     # A day has passed: the comparison is due, and the thread is news to it.
     "calls": {**NAMED, **INSPECTED, **LOOKED_AT, "fb.send": 1, "fb.conversations": 1, "fb.messages": 1}},
    {"name": "dead token, reconnected, sent",
     "do": HELLO + [("control", "token/kill", {"page": PAGE_A, "subcode": 460}), ("reply", "Yes"), ("run",), ("reconnect",), ("later", 70), ("run",),
                    ("hooks",)],
     "log": ["in hello", "out Yes"], "outbox": ["sent"], "phone": ["Yes"],
     "calls": {**NAMED, "fb.send": 2, "fb.debug_token": 1, "fb.oauth.token": 2, "fb.user": 1, "fb.permissions": 1, "fb.accounts": 1,
               "fb.subscribed_apps.post": 1, "fb.conversations": 1, "fb.messages": 1}},

    # ---- files ----
    {"name": "text and files of one form",
     "do": HELLO + [("files", "Our offer", "a.pdf", "b.pdf"), ("run",), ("hooks",)],
     "log": ["in hello", "out Our offer", "out +file", "out +file"], "outbox": ["sent", "sent", "sent"], "phone": ["Our offer", "+a.pdf", "+b.pdf"],
     "calls": {**NAMED, "fb.send": 3}},
    {"name": "a file's answer lost, the echo settles it",
     "do": HELLO + [("fault", SEND, LOST), ("files", "", "a.pdf", "b.pdf"), ("run",), ("hooks",), ("run",), ("hooks",)],
     "log": ["in hello", "out +file", "out +file"], "outbox": ["sent", "sent"], "phone": ["+a.pdf", "+b.pdf"], "calls": {**NAMED, "fb.send": 2}},
    {"name": "a file's answer and echo lost, the conversation settles it",
     "do": HELLO + [("fault", SEND, LOST), ("files", "", "a.pdf"), ("run",), ("lose",)] + LOOK,
     "log": ["in hello", "out +file"], "outbox": ["sent"], "phone": ["+a.pdf"],
     "calls": {**NAMED, "fb.send": 1, "fb.conversations": 1, "fb.messages": 1}},
    {"name": "a file cut before the work: again after two looks",
     "do": HELLO + [("fault", SEND, UNDONE), ("files", "", "a.pdf"), ("run",)] + LOOK + LOOK + [("run",), ("hooks",)],
     "log": ["in hello", "out +file"], "outbox": ["sent"], "phone": ["+a.pdf"],
     "calls": {**NAMED, "fb.send": 2, "fb.conversations": 1, "fb.messages": 2}},

    # ---- replies whose outcome is unknown ----
    {"name": "answer lost, the echo settles it",
     "do": HELLO + [("fault", SEND, LOST), ("reply", "Yes"), ("run",), ("hooks",)],
     "log": ["in hello", "out Yes"], "outbox": ["sent"], "phone": ["Yes"], "calls": {**NAMED, "fb.send": 1}},
    {"name": "answer and echo lost, the conversation settles it",
     "do": HELLO + [("fault", SEND, LOST), ("reply", "Yes"), ("run",), ("lose",)] + LOOK,
     "log": ["in hello", "out Yes"], "outbox": ["sent"], "phone": ["Yes"],
     "calls": {**NAMED, "fb.send": 1, "fb.conversations": 1, "fb.messages": 1}},
    {"name": "answer cut in the middle, the conversation settles it",
     "do": HELLO + [("fault", SEND, {"cut": "during"}), ("reply", "Yes"), ("run",), ("lose",)] + LOOK,
     "log": ["in hello", "out Yes"], "outbox": ["sent"], "phone": ["Yes"],
     "calls": {**NAMED, "fb.send": 1, "fb.conversations": 1, "fb.messages": 1}},
    {"name": "cut before the work: again after two looks",
     "do": HELLO + [("fault", SEND, UNDONE), ("reply", "Yes"), ("run",)] + LOOK + LOOK + [("run",), ("hooks",)],
     "log": ["in hello", "out Yes"], "outbox": ["sent"], "phone": ["Yes"],
     "calls": {**NAMED, "fb.send": 2, "fb.conversations": 1, "fb.messages": 2}},
    {"name": "500 after the work",
     "do": HELLO + [("fault", SEND, {"status": 500, "work": True, "body": "<html>"}), ("reply", "Yes"), ("run",), ("lose",)] + LOOK,
     "log": ["in hello", "out Yes"], "outbox": ["sent"], "phone": ["Yes"],
     "calls": {**NAMED, "fb.send": 1, "fb.conversations": 1, "fb.messages": 1}},
    {"name": "code 1 after the work",
     "do": HELLO + [("fault", SEND, {"status": 400, "work": True, "body": error(1)}), ("reply", "Yes"), ("run",), ("hooks",)],
     "log": ["in hello", "out Yes"], "outbox": ["sent"], "phone": ["Yes"], "calls": {**NAMED, "fb.send": 1}},
    {"name": "code 2 instead of the work",
     "do": HELLO + [("fault", SEND, {"status": 500, "body": error(2, is_transient=True)}), ("reply", "Yes"), ("run",)] + LOOK + LOOK + [("run",), ("hooks",)],
     "log": ["in hello", "out Yes"], "outbox": ["sent"], "phone": ["Yes"],
     "calls": {**NAMED, "fb.send": 2, "fb.conversations": 1, "fb.messages": 2}},
    {"name": "echo before the answer",
     "do": HELLO + [("control", "config", {"switches": {"echo_first": True}}), ("live", True), ("reply", "Yes"), ("run",), ("live", False), ("hooks",)],
     "log": ["in hello", "out Yes"], "outbox": ["sent"], "phone": ["Yes"], "calls": {**NAMED, "fb.send": 1}},
    {"name": "two replies, the first unknown: the second waits",
     "do": HELLO + [("fault", SEND, LOST), ("reply", "one"), ("later", 2), ("reply", "two"), ("run",), ("expect", ["out one (checking)", "out two (queued)"]),
                    ("lose",)] + LOOK + [("run",), ("hooks",)],
     "log": ["in hello", "out one", "out two"], "outbox": ["sent", "sent"], "phone": ["one", "two"],
     "calls": {**NAMED, "fb.send": 2, "fb.conversations": 1, "fb.messages": 1}},
    {"name": "two equal texts, both unknown",
     "do": HELLO + [("fault", SEND, {**LOST, "times": 2}), ("reply", "OK"), ("later", 2), ("reply", "OK"), ("run",), ("lose",)] + LOOK +
     [("run",), ("lose",)] + LOOK,
     "log": ["in hello", "out OK", "out OK"], "outbox": ["sent", "sent"], "phone": ["OK", "OK"],
     "calls": {**NAMED, "fb.send": 2, "fb.conversations": 1, "fb.messages": 2}},
    {"name": "two equal texts, the first never arrived",
     "do": HELLO + [("fault", SEND, UNDONE), ("reply", "OK"), ("later", 2), ("reply", "OK"), ("run",)] + LOOK + LOOK + [("run",), ("hooks",)],
     "log": ["in hello", "out OK", "out OK"], "outbox": ["sent", "sent"], "phone": ["OK", "OK"],
     "calls": {**NAMED, "fb.send": 3, "fb.conversations": 1, "fb.messages": 2}},
    {"name": "the same words from the Page inbox at that moment are not ours",
     "do": HELLO + [("fault", SEND, UNDONE), ("reply", "Thanks"), ("run",), ("page_inbox", "Thanks"), ("hooks",)] + LOOK + LOOK + [("run",), ("hooks",)],
     "log": ["in hello", "page Thanks", "out Thanks"], "outbox": ["sent"], "phone": ["Thanks", "Thanks"], "unordered": True,
     "calls": {**NAMED, "fb.send": 2, "fb.conversations": 1, "fb.messages": 2}},
    {"name": "late echo of a reply that was taken for failed",
     "do": HELLO + [("fault", SEND, {"status": 400, "work": True, "body": error(551, 1545041)}), ("reply", "Yes"), ("run",), ("hooks",)],
     "log": ["in hello", "out Yes"], "outbox": ["sent"], "phone": ["Yes"], "calls": {**NAMED, "fb.send": 1}},
    {"name": "late echo of a failed reply that somebody had deleted",
     "do": HELLO + [("fault", SEND, {"status": 400, "work": True, "body": error(551, 1545041)}), ("reply", "Yes"), ("run",), ("dismiss",), ("hooks",)],
     "log": ["in hello", "out Yes"], "outbox": ["sent"], "phone": ["Yes"], "calls": {**NAMED, "fb.send": 1}},
    {"name": "missed webhooks, the subscription was lost: restored, and compared once more",
     "do": HELLO + [("control", "app/unsubscribe", {"page": PAGE_A}), ("customer", "lost", {"silent": True}), ("later", 660), ("run",)],
     "log": ["in hello", "in lost"], "outbox": [], "phone": [],
     "calls": {**NAMED, **INSPECTED, "fb.subscribed_apps.post": 1, "fb.conversations": 2, "fb.messages": 1}},

    # ---- catching up ----
    {"name": "missed: a new conversation",
     "do": [("customer", "anybody?", {"silent": True}), ("later", 5), ("customer", "hello?", {"silent": True}), ("later", 660), ("run",)],
     "log": ["in anybody?", "in hello?"], "outbox": [], "phone": [], "calls": {**NAMED, "fb.conversations": 1, "fb.messages": 1},
     },
    {"name": "missed: in a known conversation",
     "do": HELLO + [("customer", "lost one", {"silent": True}), ("later", 5), ("customer", "lost two", {"silent": True}), ("later", 660), ("run",)],
     "log": ["in hello", "in lost one", "in lost two"], "outbox": [], "phone": [], "calls": {**NAMED, **INSPECTED, "fb.conversations": 1, "fb.messages": 1}},
    {"name": "missed: a hole between known ones",
     "do": HELLO + [("customer", "lost", {"silent": True}), ("later", 5), ("customer", "after"), ("hooks",), ("later", 660), ("run",)],
     "log": ["in hello", "in lost", "in after"], "outbox": [], "phone": [], "calls": {**NAMED, **INSPECTED, "fb.conversations": 1, "fb.messages": 1}},
    {"name": "missed: more than one page of messages",
     "do": HELLO + [("later", 660), ("run",), ("later", 100), ("many", 70), ("later", 660), ("run",)],
     "log": 71, "outbox": [], "phone": 35, "calls": {**NAMED, **INSPECTED, "fb.conversations": 2, "fb.messages": 4}},
    {"name": "missed: more than one page of a thread that only events told of",
     "do": HELLO + [("later", 100), ("many", 70), ("later", 660), ("run",)],
     "log": 71, "outbox": [], "phone": 35, "calls": {**NAMED, **INSPECTED, "fb.conversations": 1, "fb.messages": 3}},
    {"name": "missed: more than one page of a new conversation",
     "do": [("later", 100), ("many", 70), ("later", 660), ("run",)],
     "log": 70, "outbox": [], "phone": 35, "calls": {**NAMED, **INSPECTED, "fb.conversations": 1, "fb.messages": 3}},
    {"name": "missed: a reply of the Page inbox",
     "do": HELLO + [("page_inbox", "from the phone", {"silent": True}), ("later", 660), ("run",)],
     "log": ["in hello", "page from the phone"], "outbox": [], "phone": ["from the phone"],
     "calls": {**NAMED, **INSPECTED, "fb.conversations": 1, "fb.messages": 1}},
    {"name": "import interrupted",
     "do": [("many", 12, LIISA, DAY), ("many", 40, JAAN, 2 * DAY), RESTART, ("run",), ("later", 30), ("run",)],
     "log": {LIISA: 12, JAAN: 30}, "outbox": [], "phone": 6, "import": (2, 2),
     "calls": {"fb.conversations": 1, "fb.messages": 2, "fb.profile": 2}},

    # ---- events ----
    {"name": "edit and reaction before the message",
     "do": [("customer", "helo"), ("edit", "helo", "hello"), ("react", "helo", "❤"), ("backwards",), ("run",)],
     "log": ["in hello (edited) ❤"], "outbox": [], "phone": [], "calls": NAMED},
    {"name": "taken back before it came",
     "do": [("customer", "hello"), ("later", 1), ("customer", "oops"), ("unsend", "oops"), ("backwards",), ("run",)],
     "log": ["in hello", "in (deleted)"], "outbox": [], "phone": [], "calls": NAMED},
    {"name": "every event three times, in another order each time",
     "do": [("control", "deliver", {"duplicates": 2}), ("customer", "one"), ("later", 1), ("customer", "two"), ("edit", "one", "One"), ("later", 1),
            ("page_inbox", "three"), ("shuffled",), ("run",)],
     "log": ["in One (edited)", "in two", "page three"], "outbox": [], "phone": ["three"], "calls": NAMED},

    # ---- names, files, tokens ----
    {"name": "no name at first, a day later there is one",
     "do": [("control", "customer/update", {"page": PAGE_A, "psid": LIISA, "profile_error": 2018247}), ("customer", "hello"), ("hooks",), ("run",),
            ("control", "customer/update", {"page": PAGE_A, "psid": LIISA, "profile_error": 0}), ("later", DAY + MINUTE), ("run",)],
     "log": ["in hello"], "outbox": [], "phone": [], "label": "Liisa Virtanen",
     # Without the picture once more, before the name is given up for a day.
     "calls": {**INSPECTED, **LOOKED_AT, "fb.profile": 3, "fb.conversations": 1, "fb.messages": 1}},
    {"name": "the file's address had ended: a fresh one",
     "do": HELLO + [("control", "config", {"switches": {"media_ttl": 20}}), ("customer", None, {"attachments": [{"type": "image", "picture": "cat"}]}),
                    ("hooks",), ("later", 120), ("run",)],
     "log": ["in hello", "in +file"], "outbox": [], "phone": [], "calls": {**NAMED, "fb.attachments": 1}},

    # ---- done and snoozed: the state, and whether it came back from a snooze ----
    {"name": "done, opened again by a message",
     "do": HELLO + [DONE, ("hooks",), ("run",), ("expect", ["in hello"]), ("customer", "still there?"), ("hooks",)],
     "log": ["in hello", "in still there?"], "outbox": [], "phone": [], "state": (0, 0), "calls": NAMED},
    {"name": "done, the same message again and one that is older",
     "do": [("customer", "first", {"silent": True}), ("later", 5)] + HELLO + [DONE, ("later", 660), ("run",)],
     "log": ["in first", "in hello"], "outbox": [], "phone": [], "state": (1, 0),
     "calls": {**NAMED, **INSPECTED, "fb.conversations": 1, "fb.messages": 1}},
    {"name": "snoozed, back in a run",
     "do": HELLO + [("sql", "UPDATE thread SET state = 2, until_at = last_at + 300000"),
                    ("sql", "UPDATE install SET wake_at = (SELECT max(until_at) FROM thread)"), ("run",), ("later", 310), ("run",)],
     "log": ["in hello"], "outbox": [], "phone": [], "state": (0, 1), "calls": NAMED},
    {"name": "Pipedrive's token refreshed",
     "do": [("later", 4 * DAY), ("run",)],
     "log": [], "outbox": [], "phone": [], "user": (1, 1), "calls": {**INSPECTED, **LOOKED_AT, "fb.conversations": 1}},
    # A refresh that gives a new refresh token kills the old one.  When the answer
    # is lost on our side both are gone: nothing can bring the new one back.  The
    # person is signed out, nothing else is lost, and signing in puts it right.
    {"name": "Pipedrive's rotating token refreshed",
     "do": [("control", "config", {"switches": {"pd_rotate_refresh": True}}), ("later", 4 * DAY), ("run",), ("later", 60), ("run",), ("sign_in",)],
     "log": [], "outbox": [], "phone": [], "user": (1, 1), "calls": {**INSPECTED, "pd.token": 2, "pd.users.me": 2, "fb.conversations": 1}},
]


class Play:
    """The verbs. `kill`: (index of the step, fault) or None."""

    def __init__(self, rig, case, kill=None, count=None):
        self.rig, self.case, self.kill, self.count = rig, case, kill, count
        self.texts, self.seen = {}, []
        rig.reset()
        for i, step in enumerate(case["do"]):
            self.at = i
            getattr(self, step[0])(*step[1:])
            if kill and i == kill[0]:
                self.found = rig.check()

    def faulty(self):
        if self.kill and self.kill[0] == self.at:
            return self.kill[1]
        return None

    def run(self):
        r = self.rig.sync_once(self.faulty() or ("count" if self.count is not None else None))
        if self.count is not None:
            n = self.rig.counts(r.stderr)
            self.count += [(self.at, "%s:%d=kill" % (p, k + 1)) for p in ("commit", "committed", "call-before", "call-after") for k in range(n[p])]
        return r

    def hooks(self, order=None):
        self.seen += self.rig.hooks(order, self.faulty())
        if self.count is not None and self.rig.kept == []:
            self.count += [(self.at, "commit:1=kill"), (self.at, "committed:1=kill")]

    def backwards(self):
        self.hooks(lambda them: list(reversed(them)))

    def shuffled(self):
        rng = random.Random(SEED)
        self.hooks(lambda them: rng.sample(them, len(them)) + rng.sample(them, len(them)))

    def lose(self):
        self.rig.lose()

    def live(self, on):
        self.rig.live = on

    def customer(self, text, more=None, psid=LIISA):
        self.texts[text] = self.rig.customer(text, psid, **(more or {}))

    def page_inbox(self, text, more=None):
        self.texts[text] = self.rig.page_inbox(text, **(more or {}))

    def many(self, n, psid=LIISA, ago=0):
        end = self.rig.now() - ago * 1000
        self.rig.control("customer/history", {"page": PAGE_A, "psid": psid, "count": n, "step": 1000, "end": end})

    def edit(self, text, new):
        self.rig.control("customer/edit", {"mid": self.texts[text], "text": new})

    def react(self, text, emoji):
        self.rig.control("customer/react", {"page": PAGE_A, "psid": LIISA, "mid": self.texts[text], "reaction": "love", "emoji": emoji})

    def unsend(self, text):
        self.rig.control("customer/unsend", {"mid": self.texts[text]})

    def reply(self, text):
        self.rig.reply(text)

    def files(self, text, *names):
        """A reply with files, each of which says its name."""
        self.rig.reply_files(text, [(n, b"%%PDF-1.7 %s" % n.encode()) for n in names], fault=self.faulty())
        if self.count is not None:
            self.count += [(self.at, "%s:%d=kill" % (p, k + 1)) for p in ("commit", "committed") for k in range(len(names) + 1)]

    def dismiss(self):
        """Where it is failed; a run that was killed may have left it open."""
        page = self.rig.b.get("/inbox/%d" % self.rig.thread())
        if [f for f in page.page.forms if "/dismiss/" in f["action"]]:
            self.rig.b.submit(page, "/dismiss/")

    def later(self, seconds):
        self.rig.later(seconds)

    def fault(self, match, what):
        self.rig.fault(match, **what)

    def control(self, call, body):
        self.rig.control(call, body)

    def sql(self, text):
        self.rig.sql(text)

    def reconnect(self):
        self.rig.reconnect()

    def sign_in(self):
        self.rig.sign_in()

    def expect(self, lines):
        """In the middle of a plain run."""
        if not self.kill and self.rig.log_of()[-len(lines):] != lines:
            self.rig.problems.append("in the middle: %s, not %s" % (self.rig.log_of(), lines))

    def resume(self):
        """Ordinary runs while time passes, until nothing is open."""
        for _ in range(10):
            self.rig.hooks()
            if self.rig.sync_once(None).returncode == 0 and not self.rig.open_work():
                self.rig.hooks()
                if not self.rig.open_work():
                    return
            self.rig.later(95)
        self.rig.problems.append("still open: %s" % self.rig.db("SELECT state, next_at, checks FROM outbox"))


class Cases(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        """Rigs for several kills at a time: they wait more than they work."""
        cls.rigs, cls.known = queue.Queue(), {}
        cls.pool = cls.enterClassContext(concurrent.futures.ThreadPoolExecutor(RIGS))
        for rig in cls.pool.map(lambda _: cls.enterClassContext(Rig()), range(RIGS)):
            cls.rigs.put(rig)

    @contextlib.contextmanager
    def rig(self):
        rig = self.rigs.get()
        try:
            yield rig
        finally:
            self.rigs.put(rig)

    # the end ------------------------------------------------------------------------------

    def same_lines(self, case, got, want, what):
        if isinstance(want, int):
            self.assertEqual(len(got), want, what)
        elif case.get("unordered"):
            self.assertEqual(sorted(got), sorted(want), what)
        else:
            self.assertEqual(got, want, what)

    def end(self, case, rig):
        """What must hold however it came about."""
        self.assertEqual(rig.check(), [])
        logs = case["log"] if isinstance(case["log"], dict) else {LIISA: case["log"]}
        for psid, want in logs.items():
            self.same_lines(case, rig.log_of(psid), want, "conversation")
        self.same_lines(case, rig.on_phone(), case["phone"], "on the customer's phone")
        out = ["%s %s" % row if row[1] else row[0] for row in rig.db("SELECT state, why FROM outbox ORDER BY id")]
        self.assertEqual([got.split()[0] + " *" if want.endswith("*") else got for got, want in zip(out, case["outbox"])],
                         case["outbox"], "outbox")
        self.assertEqual(len(out), len(case["outbox"]))
        if "state" in case:
            self.assertEqual(rig.db("SELECT t.state, t.woke_at > 0, i.in_threads FROM thread t JOIN install i ON i.id = t.install_id"),
                             [(case["state"][0], case["state"][1], int(case["state"][0] == 0))], "state")
        if "label" in case:
            self.assertEqual(rig.db("SELECT name FROM thread WHERE psid = ?", LIISA), [(case["label"],)])
        if "user" in case:
            self.assertEqual(rig.db("SELECT active, access IS NOT NULL AND refresh IS NOT NULL FROM user"), [case["user"]])
        if "import" in case:
            self.assertEqual(rig.db("SELECT import_state, import_done, import_total FROM page"), [("done",) + case["import"]])

    @staticmethod
    def picture(case, rig):
        """Time passes after a kill: a comparison may have looked at the thread meanwhile."""
        picture = rig.picture()
        picture["thread"] = [t[:-2] for t in picture["thread"]]
        if case.get("unordered"):
            picture["log"] = {k: sorted(v) for k, v in picture["log"].items()}
            picture["thread"] = [t[:2] for t in picture["thread"]]
        return picture

    def plain(self, case, rig):
        """Nothing in its way; remembers its end and the places to kill at."""
        points = []
        play = Play(rig, case, count=points)
        self.end(case, rig)
        self.known[case["name"]] = points, self.picture(case, rig)
        return play

    def again(self, case, rig, play):
        before = rig.rows()
        rig.control("requests/clear", {})
        for one in play.seen:
            self.assertEqual(rig.deliver(one)[0], 200)
        self.assertEqual(rig.sync_once(None).returncode, 0)
        self.assertEqual(rig.called(), case.get("again", {}), "called a second time")
        after = rig.rows()
        for table in before:
            self.assertEqual(after[table], before[table], table)

    def once(self, case):
        with self.rig() as rig:
            play = self.plain(case, rig)
            self.assertEqual(rig.called(), case["calls"])
            self.again(case, rig, play)

    def kill(self, case, step, fault, want):
        """The assertion that failed, or None."""
        with self.rig() as rig:
            try:
                play = Play(rig, case, (step, fault))
                self.assertEqual(play.found, [], "right after the kill")
                play.resume()
                self.end(case, rig)
                self.assertEqual(self.picture(case, rig), want)
            except Exception as e:
                return e
        return None

    def killed(self, case):
        if case["name"] not in self.known:
            with self.rig() as rig:
                self.plain(case, rig)
        points, want = self.known[case["name"]]
        if not LONG:
            rng = random.Random("%d/%s" % (SEED, case["name"]))
            # One where a call was made and nobody knows of it: there replies would go twice.
            after = [p for p in points if "call-after" in p[1]]
            first = rng.sample(after, min(1, len(after)))
            rest = [p for p in points if p not in first]
            points = sorted(first + rng.sample(rest, min(KILLS - len(first), len(rest))))
        self.assertTrue(points)
        jobs = [(step, fault, self.pool.submit(self.kill, case, step, fault, want)) for step, fault in points]
        for step, fault, job in jobs:
            with self.subTest(step=step, what=case["do"][step], fault=fault, seed=SEED):
                if job.result() is not None:
                    raise job.result()


def add(case):
    name = "".join(c if c.isalnum() else "_" for c in case["name"])

    def once(self):
        self.once(case)

    def killed(self):
        self.killed(case)

    once.__doc__ = case["name"]
    killed.__doc__ = case["name"] + ": killed"
    setattr(Cases, "test_%s" % name, once)
    setattr(Cases, "test_%s_killed" % name, killed)


for _case in CASES:
    add(_case)

if __name__ == "__main__":
    unittest.main()
