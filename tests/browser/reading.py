#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""reading.py - reading conversations and the list: what is read never moves.

The newest messages first and at their end; older ones on scrolling up, new
ones while somebody reads further up, and rows that change: the element that
is first in view stays where it is, in every frame.  Then the list and its
marks, the poll that rests while nobody looks, and a server that goes away.
"""
import signal
import time
import unittest

from chrome import Case, until

SLOW = 110

PAGE, JAAN = "108422330517604", "6804412339871206"

# Follows what is first in view from now on, frame by frame.
WATCH = """
const box = document.querySelector(arguments[0]), top = box.getBoundingClientRect().top;
if (arguments[1] !== null) box.scrollTop = arguments[1];
const first = [...box.querySelectorAll('[data-rev]')].find((e) => e.getBoundingClientRect().top >= top);
const w = window.watched = { id: first.id, from: first.getBoundingClientRect().top, worst: 0, frames: 0, on: true };
const look = () => {
    const e = document.getElementById(w.id);
    w.worst = Math.max(w.worst, e ? Math.abs(e.getBoundingClientRect().top - w.from) : 1e6);
    w.frames++;
    if (w.on) requestAnimationFrame(look);
};
requestAnimationFrame(look);
return w.id;
"""
UNWATCH = "watched.on = false; return watched;"


class Reading(Case):
    bare = False        # it is looked away from

    def setUp(self):
        self.jaan = self.stand.thread(JAAN)

    # helpers ---------------------------------------------------------------------

    def open(self, thread=None):
        self.b.get("/inbox/%d" % (thread or self.jaan))
        self.b.js_("window.same = 1")

    def ids(self, css="#log .msg, #log .line"):
        return self.b.js_("return [...document.querySelectorAll(arguments[0])].map((e) => e.id)", css)

    def room(self, box="#scroll"):
        return self.b.js_("const s = document.querySelector(arguments[0]); return s.scrollHeight - s.clientHeight", box)

    def watch(self, box="#scroll", to=None):
        self.b.js_(WATCH, box, to)

    def still(self):
        w = self.b.js_(UNWATCH)
        self.assertGreater(w["frames"], 1)
        # A scrolled box stands at whole pixels, messages are not whole pixels high: no pixel is what can be kept.
        self.assertLess(w["worst"], 0.5, "what was first in view has moved: %s" % w)

    def frames(self, n=20):
        """Let the browser draw so many more frames."""
        at = self.b.js_("return watched.frames")
        self.b.until(lambda: self.b.js_("return watched.frames") >= at + n)

    def at_end(self):
        return self.b.js_("""
            const s = document.getElementById('scroll').getBoundingClientRect();
            const m = [...document.querySelectorAll('#log [data-rev]')].at(-1).getBoundingClientRect();
            return m.bottom <= s.bottom + 1 && m.bottom > s.bottom - 80 && Math.abs(document.getElementById('scroll').scrollTop) < 1""")

    def write(self, text, psid=JAAN, **kw):
        return self.stand.customer(text, page=PAGE, psid=psid, **kw)

    def pill(self):
        return self.b.has("#pill")

    # the conversation ---------------------------------------------------------------

    def test_1_newest_thirty_at_their_end(self):
        self.open()
        self.assertEqual(30, len(self.ids()))
        self.assertTrue(self.at_end())
        self.assertFalse(self.pill())
        self.assertEqual("reply", self.b.js_("return document.activeElement.id"))

    def test_2_older_ones_on_scrolling_up(self):
        b = self.b
        self.open()
        turns = []
        while self.w["log.end_start"] not in b.text("#edge"):
            before = self.ids()
            # Near the upper end, as somebody who scrolls back; more comes by itself.
            self.watch(to=-(self.room() - 300))
            b.until(lambda: len(self.ids()) > len(before) or self.w["log.end_start"] in b.text("#edge"), 20)
            self.frames()
            self.still()
            after = self.ids()
            self.assertEqual(before, after[len(after) - len(before):])
            turns.append(len(after) - len(before))
            self.assertLess(len(turns), 8)
        self.assertLessEqual(max(turns), 30)
        ids = self.ids()
        self.assertEqual(self.stand.db("SELECT count(*) FROM message WHERE thread_id = ?", self.jaan)[0][0], len(ids))
        self.assertEqual(len(ids), len(set(ids)))
        theirs = [m["text"].strip() for m in self.stand.control("state?page=%s&psid=%s" % (PAGE, JAAN))
                  ["conversations"][0]["messages"] if m["text"]]
        self.assertEqual(theirs, [t for t in b.texts("#log .msg > .text") if t])
        days = self.ids("#log .day")
        self.assertEqual(sorted(set(days)), days)

    def test_3_new_ones_while_reading_further_up(self):
        b = self.b
        self.open()
        self.watch(to=-900)
        mid = self.write("While you were reading")
        until(self.pill, 8)
        self.frames(5)
        self.still()
        self.assertIn("While you were reading", b.text("#log"))
        self.assertFalse(self.at_end())
        self.assertEqual(self.w["log.new_one"].replace("#", "1"), b.text("#pill"))
        self.watch()
        self.write("And another one")
        b.ask()
        b.reads("#pill", self.w["log.new_other"].replace("#", "2"))
        self.frames(5)
        self.still()

        # What changes below does not move it either.
        self.watch()
        self.stand.control("customer/edit", {"mid": mid, "text": "While you were reading\n" + "something long " * 40})
        b.ask()
        b.reads("#log", "something long something long")
        self.frames(5)
        self.still()

        b.click("#pill")
        until(self.at_end, 3)
        until(lambda: not self.pill(), 3)
        self.assertTrue(b.js_("return window.same === 1"))

    def test_4_more_new_ones_than_a_poll_brings(self):
        b = self.b
        self.open()
        self.watch(to=-700)
        self.stand.control("customer/write", {"page": PAGE, "psid": JAAN, "text": "Again and again", "count": 40,
                                                "timestamp": int(time.time() * 1000)})
        self.stand.delivered()
        b.ask()
        until(self.pill, 8)
        self.frames(5)
        self.still()
        b.ask()
        self.assertEqual(self.w["log.new_other"].replace("#", "30+"), b.text("#pill"))
        b.click("#pill")
        until(lambda: self.at_end() and "Again and again 40" in b.texts("#log .msg > .text")[-1:], 5)
        self.assertFalse(self.pill())
        # No hole: everything up to the first is there, once.
        while len(self.ids()) < 60:
            before = len(self.ids())
            b.js_("document.getElementById('scroll').scrollTop = -1e6")
            b.until(lambda: len(self.ids()) > before, 10)
        rows = self.stand.db("SELECT id FROM message WHERE thread_id = ? ORDER BY at, id", self.jaan)
        ids = self.ids()
        self.assertEqual(["m-%d" % r for r, in rows][-len(ids):], ids)

    # the list ------------------------------------------------------------------------

    def unread(self):
        return self.stand.db("SELECT count(*) FROM thread t LEFT JOIN seen s ON s.thread_id = t.id"
                             " WHERE t.last_in_at > coalesce(s.upto, 0)")[0][0]

    def counted(self, n):
        title = self.b.d.title
        return title.startswith("(%d) " % n) if n else not title.startswith("(")

    def test_5_unread_marks_and_count(self):
        b = self.b
        self.open()
        at = b.js_("return +document.getElementById('rows').dataset.unread")
        self.assertTrue(self.counted(at), b.d.title)
        row = "#t-%d" % self.stand.thread("6990000000000002")
        if b.has(row + ".unread"):
            b.click(row + " a")
            b.until(lambda: not b.has(row + ".unread"))
            self.open()
            at = b.js_("return +document.getElementById('rows').dataset.unread")
        self.write("Are you there?", psid="6990000000000002")
        b.ask()
        until(lambda: b.has(row + ".unread"), 8)
        self.assertIn(self.w["row.unread"], b.js_("return document.querySelector(arguments[0]).textContent", row))
        self.assertTrue(self.counted(at + 1), b.d.title)
        self.assertEqual(row[1:], self.ids("#rows > li")[0])
        b.click(row + " a")
        b.reads("#conv-name", "Noah Fischer")
        b.until(lambda: not b.has(row + ".unread"), 3)
        self.assertTrue(self.counted(at), b.d.title)
        self.assertIn("Noah Fischer", b.d.title)
        self.assertEqual("page", b.d.find_element("css selector", row + " a").get_attribute("aria-current"))
        self.assertTrue(b.js_("return window.same === 1"))
        # Back and forth with the browser's own buttons.
        b.d.back()
        b.reads("#conv-name", "Jaan Kask")
        b.d.forward()
        b.reads("#conv-name", "Noah Fischer")

    def test_6_the_list_goes_on(self):
        b = self.b
        for i in range(70):
            new = self.stand.control("customer/new", {"page": PAGE, "name": "Guest %02d" % i})
            self.stand.control("customer/write", {"page": PAGE, "psid": new["psid"], "text": "Number %d" % i})
        self.stand.delivered()
        self.open()
        self.assertEqual(50, len(self.ids("#rows > li")))
        for turn in range(2):
            before = self.ids("#rows > li")
            self.watch("#list", self.room("#list") - 200)
            b.until(lambda: len(self.ids("#rows > li")) > len(before), 10)
            self.frames(5)
            self.still()
            if not b.has("#list-older"):
                break
        rows = ["t-%d" % r for r, in self.stand.db("SELECT id FROM thread WHERE last_at > 0 ORDER BY last_at DESC, id DESC")]
        self.assertEqual(rows, self.ids("#rows > li"))
        self.assertGreater(len(rows), 80)

        # Somebody writes while the list is read further down.
        self.watch("#list")
        self.write("Hello again", psid="6990000000000003")
        top = "t-%d" % self.stand.thread("6990000000000003")
        b.ask()
        until(lambda: self.ids("#rows > li")[0] == top, 8)
        self.frames(5)
        self.still()
        self.assertEqual(len(rows), len(set(self.ids("#rows > li"))))

    # the poll --------------------------------------------------------------------------

    def polls(self):
        return self.stand.served("/poll")

    def test_7_the_poll_rests_while_nobody_looks(self):
        b = self.b
        self.open()
        here, at = b.d.current_window_handle, self.polls()
        b.d.switch_to.new_window("tab")
        tab = b.d.current_window_handle
        try:
            b.to(here)
            until(lambda: self.polls() > at, 6)
            b.cdp("Target.activateTarget", targetId=tab)
            self.assertTrue(b.js_("return document.hidden"))
            at, end = self.polls(), time.monotonic() + 7
            until(lambda: self.polls() > at or time.monotonic() > end, 10)
            self.assertEqual(at, self.polls())
            self.write("Nobody looked")
            b.cdp("Target.activateTarget", targetId=here)
            b.reads("#log", "Nobody looked", 20)
        finally:
            b.to(tab)
            b.d.close()
            b.to(here)

    def test_8_the_server_goes_and_comes_back(self):
        b = self.b
        self.open()
        self.assertFalse(b.has("#lost"))
        self.stand.lose_workers()
        try:
            until(lambda: b.has("#lost"), 20)
            self.assertEqual(self.w["live.lost"], b.text("#lost"))
            self.assertTrue(b.has("#log .msg"))
        finally:
            self.stand.find_workers()
        self.write("Back again")
        b.reads("#log", "Back again", 25)
        self.assertFalse(b.has("#lost"))
        self.assertTrue(b.js_("return window.same === 1"))

    def test_9_a_server_that_hangs(self):
        """Stopped, not ended: the poll waits for its answer, and nothing is lost."""
        b = self.b
        self.open()
        for p in self.stand.workers:
            p.send_signal(signal.SIGSTOP)
        end = time.monotonic() + 6
        until(lambda: time.monotonic() > end, 8)	# a poll is under way by now
        self.assertTrue(b.has("#log .msg"))
        self.assertFalse(b.has("#lost"))
        for p in self.stand.workers:
            p.send_signal(signal.SIGCONT)
        self.write("After the pause")
        b.reads("#log", "After the pause", 8)
        # At the end, the end is followed.
        self.assertTrue(self.at_end())
        self.assertFalse(self.pill())
        self.assertFalse(b.has("#lost"))

    def test_B_pictures_and_days_move_nothing(self):
        """A card becomes a picture, a day begins, rows grow: below what is read, and above it."""
        b, st = self.b, self.stand
        self.open()
        self.watch(to=-500)
        for i in range(3):
            st.control("customer/write", {"page": PAGE, "psid": JAAN, "attachments": [{"type": "image", "picture": "cat"}]})
        st.control("customer/write", {"page": PAGE, "psid": JAAN, "text": "Tomorrow, and" + " much longer" * 60,
                                      "timestamp": int(time.time() * 1000) + 86400000})
        st.delivered()
        b.ask()
        b.until(lambda: len(b.all("#log .pic img")) >= 3 or b.ask(), 30)
        b.reads("#log", "Tomorrow, and")
        # They load when they come near; what is above them stays.
        b.js_("document.querySelectorAll('#log img').forEach((i) => { i.loading = 'eager' })")
        b.until(lambda: b.js_("return [...document.images].every((i) => i.complete)"), 20)
        self.frames()
        self.still()
        # The same from below: they lie above what is in view, and older ones come, too.
        n = len(self.ids())
        self.watch(to=0)
        b.js_("document.getElementById('scroll').scrollTop = 0")
        self.watch(to=-(self.room() - 200))
        b.until(lambda: len(self.ids()) > n or self.w["log.end_start"] in b.text("#edge"), 20)
        self.frames()
        self.still()

    def test_C_only_what_is_new_is_read_out(self):
        b = self.b
        self.open()
        b.js_("""window.heard = []; new MutationObserver(() => heard.push(document.getElementById('said').innerText.trim()))
                .observe(document.getElementById('said'), { childList: true, subtree: true });""")
        self.assertEqual("off", b.js_("return document.querySelector('[role=log]').ariaLive"))
        heard = lambda: b.js_("return heard")
        mid = self.write("Please read this out")
        b.ask()
        b.until(lambda: heard() == ["Jaan Kask: Please read this out"], 10)
        # A change of what is there, and older messages, are not news.
        self.stand.control("customer/edit", {"mid": mid, "text": "Please read this, too"})
        b.ask()
        b.reads("#log", "Please read this, too")
        n = len(self.ids())
        b.js_("document.getElementById('scroll').scrollTop = -1e6")
        b.until(lambda: len(self.ids()) > n, 20)
        self.assertEqual(1, len(heard()), heard())
        for i in range(5):
            self.stand.control("customer/write", {"page": PAGE, "psid": JAAN, "text": "Quick %d" % i})
        self.stand.delivered()
        b.ask()
        b.until(lambda: len(heard()) == 2 and heard()[1] == self.w["log.new_other"].replace("#", "5")
                or "Quick 4" in " ".join(heard()), 10)

    def test_D_the_focus_stays(self):
        """On a row that moves, in a message that changes, beside a panel that renews itself."""
        b, psid = self.b, "6990000000000003"
        self.open()
        row = "t-%d" % self.stand.thread(psid)
        at = lambda: b.js_("return document.activeElement.closest('[data-rev]')?.id")
        b.js_("document.querySelector('#' + arguments[0] + ' a').focus()", row)
        self.write("To the top with me", psid=psid)
        b.ask()
        b.until(lambda: row in self.ids("#rows > li")[:2], 10)	# one is of tomorrow
        self.assertEqual(row, at())
        self.assertEqual("A", b.js_("return document.activeElement.tagName"))
        mid = self.write("See https://example.com/one")
        b.ask()
        b.until(lambda: b.has("#log a[href='https://example.com/one']"), 10)
        b.js_("document.querySelector(\"#log a[href='https://example.com/one']\").focus()")
        message = at()
        self.stand.control("customer/edit", {"mid": mid, "text": "See https://example.com/two"})
        b.ask()
        b.until(lambda: b.has("#log a[href='https://example.com/two']"), 10)
        self.assertEqual(message, at())
        # Somebody types in the panel: it is not renewed under the hands.
        b.until(lambda: b.js_("return 'live' in document.getElementById('crm').dataset"), 20)
        b.js_("document.getElementById('crm-q').focus(); document.getElementById('crm').dataset.pending = ''")
        self.write("Meanwhile")
        b.ask()
        b.reads("#log", "Meanwhile")
        self.assertEqual("crm-q", b.js_("return document.activeElement.id"))

    def test_Z_console_is_clean(self):
        errors = [e["message"] for e in self.b.errors() if "/poll" not in e["message"]]
        self.assertEqual([], errors)


class Narrow(Reading):
    """A telephone shows the list or a conversation, and goes from one to the other; there, too, nothing moves."""
    width, beside = 390, Reading
    test_1_newest_thirty_at_their_end = test_5_unread_marks_and_count = test_6_the_list_goes_on = None
    test_7_the_poll_rests_while_nobody_looks = test_8_the_server_goes_and_comes_back = test_9_a_server_that_hangs = None
    test_B_pictures_and_days_move_nothing = test_C_only_what_is_new_is_read_out = test_D_the_focus_stays = None
    test_4_more_new_ones_than_a_poll_brings = test_Z_console_is_clean = None

    def test_there_and_back(self):
        b = self.b
        b.get("/inbox")
        self.assertTrue(b.has("#rows .row"))
        b.js_("window.same = 1; document.getElementById('list').scrollTop = 200")
        name = b.text("#rows > li:nth-child(7) .row-name")
        b.click("#rows > li:nth-child(7) a")
        b.reads("#conv-name", name)
        self.assertFalse(b.js_("return getComputedStyle(document.getElementById('list')).visibility === 'visible'"))
        # No keyboard jumps up on a telephone.
        self.assertNotEqual("reply", b.js_("return document.activeElement.id"))
        b.click("a.back")
        b.until(lambda: b.js_("return getComputedStyle(document.getElementById('list')).visibility === 'visible'"))
        self.assertEqual(200, b.js_("return document.getElementById('list').scrollTop"))
        self.assertTrue(b.js_("return window.same === 1"))
        self.assertFalse(b.has("#log"))
        b.click("#rows > li:nth-child(7) a")
        b.reads("#conv-name", name)
        b.click(".panel-open")
        b.until(lambda: b.has("#pipedrive"))
        self.assertIn(name, b.text("#pipedrive"))
        b.click(".panel-close")
        b.until(lambda: not b.has("#pipedrive"))
        self.assertEqual([], b.errors())


if __name__ == "__main__":
    unittest.main()
