# SPDX-License-Identifier: MIT
"""clock - every date and deadline shown is right, and a clock that jumps costs nothing.

For moments that are hard (the hours when clocks change, a leap day, the ends
of years) and zones from -11 to +14 the pages are compared with what Python's
zoneinfo says: times of the list and of messages, the machine's form beside
them, the lines between days, the end of the reply window; in both languages.
Then the host's clock jumps ahead and back while a run dies with its lease.
"""
import datetime
import html.parser
import signal
import sqlite3
import subprocess
import time
import unittest
import zoneinfo

from ground import HOUR, LONG, MINUTE, PAGE_A, SECOND, Clock, Stand, say, until
from stand import event_body, message
from stand import say as words

ZONES = ("Pacific/Pago_Pago", "America/New_York", "UTC", "Europe/Tallinn", "Asia/Kolkata", "Asia/Tokyo",
         "Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Kiritimati")
MORE_ZONES = ("Pacific/Honolulu", "Pacific/Marquesas", "America/St_Johns", "America/Sao_Paulo", "Atlantic/Azores", "Europe/London",
              "Africa/Casablanca", "Africa/Cairo", "Asia/Tehran", "Asia/Kathmandu", "Asia/Yangon", "Australia/Adelaide",
              "Pacific/Auckland", "Pacific/Apia", "Pacific/Tongatapu", "America/Asuncion", "Antarctica/Troll")
# What the clock says when people look, UTC.
MOMENTS = ("2027-01-01T00:30:00",		# a year began, here and there
           "2027-03-14T07:05:00",		# New York lost an hour 5 minutes ago
           "2027-03-28T01:10:00",		# Tallinn and London did
           "2027-10-31T01:30:00",		# the hour that comes twice in Tallinn
           "2027-11-07T06:15:00",		# and in New York
           "2028-02-29T12:00:00",		# leap day
           "2028-03-01T00:20:00")
DAY = 24 * HOUR
AGES = (0, 59 * SECOND, 20 * MINUTE, 65 * MINUTE, 3 * HOUR, 23 * HOUR, 25 * HOUR, 49 * HOUR, 8 * DAY, 64 * DAY, 366 * DAY)

SLOW = 50


def millis(iso):
    return int(datetime.datetime.fromisoformat(iso).replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)


def local(ms, zone):
    return datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc).astimezone(zoneinfo.ZoneInfo(zone))


def fill(key, d, lang):
    return words(key, lang, year=str(d.year), month=words("date.month_%d" % d.month, lang), day=str(d.day), hour="%02d" % d.hour,
                 minute="%02d" % d.minute, weekday=words("date.weekday_%d" % (d.isoweekday() % 7), lang))


def brief(d, today, lang):
    return fill("date.time" if d.date() == today.date() else "date.day" if d.year == today.year else "date.day_year", d, lang)


def separator(d, today, lang):
    days = (today.date() - d.date()).days
    if days in (0, 1):
        return words("date.today" if days == 0 else "date.yesterday", lang)
    return fill("date.separator" if d.year == today.year else "date.separator_year", d, lang)


def until_text(d, today, lang):
    days = (d.date() - today.date()).days
    return fill("date.until_today" if days == 0 else "date.until_tomorrow" if days == 1 else "date.until", d, lang)


def since(d, today, lang):
    days = (today.date() - d.date()).days
    return fill("date.time" if days == 0 else "date.since_yesterday" if days == 1 else
                "date.moment" if d.year == today.year else "date.moment_year", d, lang)


def iso(d):
    offset = d.strftime("%z")
    return d.strftime("%Y-%m-%dT%H:%M:%S") + offset[:3] + ":" + offset[3:5]


class Dates(unittest.TestCase):
    def test_dates(self):
        self.checked = 0
        self.assertEqual([z for z in ZONES + MORE_ZONES if z not in zoneinfo.available_timezones()], [])
        for moment in MOMENTS:
            # Each in a world of its own: nobody's grant lives for a year.
            with Stand(conf={"log_level": "warn"}) as st:
                self.st, self.clock = st, Clock(st)
                self.clock.later(millis(moment) - self.now())
                browser = st.connect("shared")
                psid = st.control("customer/new", {"page": PAGE_A, "name": "Kim Tester"})["psid"]
                # Seconds are left for the pages to be fetched in the same minute.
                base = self.now()
                times = [base - age for age in AGES]
                for i, at in enumerate(times):
                    self.assertEqual(st.hook(event_body([message(psid, "m_%s_%d" % (moment, i), "age %d" % i, at=at)])), 200)
                thread = until(lambda: st.thread(psid))
                for zone in ZONES + MORE_ZONES if LONG else ZONES:
                    for lang in ("en", "ja"):
                        with self.subTest(moment=moment, zone=zone, lang=lang):
                            self.person(zone, lang)
                            self.compare(browser, thread, times, zone, lang)
        say("%d dates and deadlines compared" % self.checked)

    def now(self):
        return int(time.time() * 1000) + self.clock.ahead

    def person(self, zone, lang):
        c = sqlite3.connect(self.st.path("inbox.db"), timeout=10)
        try:
            # Years pass here: the grant at Pipedrive shall not run out on the way.
            c.execute("UPDATE user SET timezone = ?, lang = ?, access_until = ?", (zone, lang, 1 << 52))
            c.execute("UPDATE install SET rev = rev + 1")
            c.commit()
        finally:
            c.close()

    def compare(self, browser, thread, times, zone, lang):
        before = self.now()
        page = browser.get("/inbox/%d" % thread).page
        today = local(before, zone)
        if local(self.now(), zone).minute != today.minute:
            return self.compare(browser, thread, times, zone, lang)
        shown = [local(t, zone) for t in sorted(times)]
        # The list: the newest message; of another day than today with its date for programs too.
        found = Times(page.source)
        row = [x[1:] for x in found.found if x[0] == "t-%d" % thread]
        date = "" if shown[-1].date() == today.date() else shown[-1].date().isoformat()
        self.assertEqual(row, [(date, brief(shown[-1], today, lang))])
        # The conversation: each message, and a line where a day begins.
        want, day = [], None
        for d in shown:
            if d.date() != day:
                want.append(("day", d.strftime("d-%Y%m%d"), separator(d, today, lang)))
                day = d.date()
            want.append(("time", iso(d), fill("date.time", d, lang)))
        self.assertEqual(found.log, want)
        # The reply window: a day after the customer's last message.
        end = until_text(local(max(times) + DAY, zone), today, lang)
        self.assertIn(words("conv.until", lang, **{"conv.composer.until": end}), page.by_id_text["window"])
        self.checked += len(want) + 2
        self.engine(browser, found_in=page, today=today, zone=zone, lang=lang)
        return None

    def engine(self, browser, found_in, today, zone, lang):
        """Since when the inbox is up to date; on the health page, when runs began."""
        checked = self.st.db("SELECT min(checked_at) FROM page WHERE state = 'active'")[0][0]
        self.assertIn(words("sync.fresh", lang, time=since(local(checked, zone), today, lang)), found_in.by_id_text["sync-line"])
        runs = [t for (t,) in self.st.db("SELECT started_at FROM run ORDER BY id DESC LIMIT 10")]
        found = Times(browser.get("/health").page.source).found
        self.assertEqual([x[1:] for x in found], [(iso(local(t, zone)), since(local(t, zone), today, lang)) for t in runs])
        self.checked += 1 + len(runs)


class Times(html.parser.HTMLParser):
    """The <time> elements and the day lines of a page, in order."""

    def __init__(self, source):
        super().__init__()
        self.found, self.log, self.item, self.when, self.day, self.in_log = [], [], None, None, None, False
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "ol" and a.get("id") == "log":
            self.in_log = True
        elif tag == "li":
            self.item = a.get("id", "")
            self.day = self.item if a.get("class") == "day" else None
        elif tag == "time":
            self.when = a.get("datetime", "")

    def handle_endtag(self, tag):
        if tag == "ol":
            self.in_log = False
        elif tag == "time":
            self.when = None
        elif tag == "li":
            self.item = self.day = None

    def handle_data(self, data):
        if self.when is not None:
            self.found.append((self.item, self.when, data.strip()))
            if self.in_log:
                self.log.append(("time", self.when, data.strip()))
        elif self.day and data.strip():
            self.log.append(("day", self.day, data.strip()))


class Jumps(unittest.TestCase):
    """Only the host's clock is wrong; Facebook's is right."""

    def host(self, ms):
        with open(self.st.path("clock"), "r+") as f:
            f.write("%020d\n" % ms)

    def test_ahead_and_back(self):
        for jump in (6 * HOUR, 23 * HOUR, 40 * DAY):
            with self.subTest(jump), Stand() as st:
                self.st = st
                self.ahead_and_back(st, jump)

    def ahead_and_back(self, st, jump):
        browser = st.connect("shared")
        psid = st.control("customer/new", {"page": PAGE_A, "name": "Kim Tester"})["psid"]
        st.customer("hello", psid=psid)
        thread = until(lambda: st.thread(psid))
        # While the clock is ahead a reply is not answered for, one waits, a run dies with its lease.
        st.control("deliver", {"drop": True})
        st.fault({"endpoint": "fb.send"}, times=1, cut="after")
        st.reply(browser, thread, "before the jump")
        until(lambda: st.db("SELECT state FROM outbox") == [("checking",)])
        self.host(jump)
        st.sync(2, check=False)         # so that the page below starts none of its own
        st.reply(browser, thread, "while it was ahead") if jump < DAY else self.put(thread, jump)
        self.host(jump + 12 * MINUTE)
        hung = st.fault({"endpoint": "fb.conversations"}, times=0, delay_ms=1500)
        with open(st.path("worker.log"), "ab") as log:
            run = subprocess.Popen([st.build + "/inbox-sync", "-c", st.conf, "--budget", "3000"], stderr=log, cwd=st.dir)
        until(lambda: [f for f in st.control("faults")["faults"] if f["id"] == hung and f["hits"]], 60)
        run.send_signal(signal.SIGKILL)
        run.wait()
        st.control("faults/clear", {})
        st.control("deliver", {"drop": 0})
        # The clock is put right; what was written by the wrong one holds up nothing.
        st.control("customer/write", {"page": PAGE_A, "psid": psid, "text": "lost meanwhile", "silent": True})
        ahead = 0
        for _ in range(6):
            ahead += 5 * MINUTE
            st.clock(ahead)
            self.assertEqual(st.sync(10), 0)
        st.delivered()
        # So far ahead the reply window was over by the host's clock: refused, and people see it; never lost unseen.
        late = [("failed", "error.fb.window")] if jump > DAY else [("sent", "")]
        self.assertEqual(st.db("SELECT state, why FROM outbox ORDER BY id"), [("sent", "")] + late)
        self.assertEqual(st.arrived(psid), ["before the jump", "while it was ahead"][:1 if jump > DAY else 2])
        self.assertEqual(st.db("SELECT count(*) FROM message WHERE text = 'lost meanwhile'"), [(1,)])
        self.assertLess(max(st.db("SELECT max(checked_at), max(read_at) FROM page WHERE state = 'active'")[0]), st.control("clock")["now"] + MINUTE)
        # Nor does anything go on for ever.
        reads = len(st.requests(endpoint="fb.conversations"))
        self.assertEqual(st.sync(10), 0)
        self.assertEqual(len(st.requests(endpoint="fb.conversations")), reads)

    def put(self, thread, jump):
        """So far ahead nobody is signed in and every window is shut: the row as it would have been written."""
        c = sqlite3.connect(self.st.path("inbox.db"), timeout=10)
        try:
            at = int(time.time() * 1000) + jump
            c.execute("INSERT INTO message(thread_id, at, id, dir, origin, state, user_id, text) VALUES(?, ?, 77, 1, 1, 1, 1, 'while it was ahead')", (thread, at))
            c.execute("INSERT INTO outbox(install_id, page_id, thread_id, msg_id, msg_at, user_id, client_key, token, state, next_at, created_at)"
                      " SELECT install_id, page_id, id, 77, ?, 1, 'key', 'pd:out:ahead', 'queued', ?, ? FROM thread WHERE id = ?", (at, at, at, thread))
            c.commit()
        finally:
            c.close()


if __name__ == "__main__":
    unittest.main()
