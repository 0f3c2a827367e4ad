# SPDX-License-Identifier: MIT
"""tasking.py - the ten things people do all day, in four manners; tasks_en.py and tasks_ja.py do them.

A conversation is opened and read, answered; a reply is taken back, a
conversation put off, finished and opened again, marked unread; the list is
narrowed, a word searched, a picture sent, a person linked.  Each is written
once, over hands: Mouse, Keyboard (nothing is clicked), Touch (a telephone) and
Plain (no script).  Hands find things by place and accessible name, as the
catalogues have it; what was done is looked for in the page, in the database
and at the services.  Every task is done in every manner, in each language.
"""
import os
import struct
import tempfile
import time
import zlib

from selenium.webdriver.remote.file_detector import UselessFileDetector

from chrome import ActionChains, ElementClickInterceptedException, GONE, Keys, until
from stand import ACME, PAGE_A, PAGE_B

# What is pressed: where it is, its name in the catalogue, the inbox's own key for it.
PRESSED = {
    "send": ("#composer button", "composer.send", (Keys.CONTROL, Keys.ENTER)),
    "undo": ("#log button", "msg.undo", None),
    "done": ("#state button", "conv.done", "e"),
    "reopen": ("#state button", "conv.reopen", "e"),
    "tomorrow": ("#menu button", "conv.tomorrow", "s"),
    "unread": ("#menu button", "conv.unread", "m"),
    "show": ("#filter button", "filter.show", None),
    "keep": ("#save button", "filter.save", None),
    "panel": ("#panel-open", "panel.open", "l"),
    "more": (".crm-load a", "crm.more", None),
    "link": ("#crm .crm-list button", "crm.link", None),
}
# Where something is written.
WRITTEN = {
    "reply": ("#reply", "composer.reply", "r"),
    "find": ("#find", "search.label", "/"),
    "name": ("#name", "filter.name", None),
}


def picture():
    """A PNG of 8 x 8 points."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + b"\x20\x80\xc0" * 8 for _ in range(8)))) + chunk(b"IEND", b""))


class Mouse:
    """Clicks what is seen; also what the other hands do alike."""
    width, js = 1280, True

    def __init__(self, b, w):
        self.b, self.w = b, w
        b.d.file_detector = UselessFileDetector()   # the browser runs here

    def find(self, css, name=""):
        """The first that is seen there with that accessible name."""
        def look():
            return next((e for e in self.b.shown(css) if name in e.accessible_name), None)
        look.__name__ = "%s named %r" % (css, name)
        return self.b.until(look, 20)

    def on(self, css, name=""):
        """Take hold of it; pages that renew themselves may take it away once."""
        for turn in range(4):
            try:
                return self.act(self.find(css, name))
            except (*GONE, ElementClickInterceptedException):
                if turn == 3:
                    raise

    def act(self, e):
        self.b.js_("arguments[0].scrollIntoView({ block: 'center' })", e)
        e.click()

    def press(self, what):
        css, word, _ = PRESSED[what]
        if css.startswith("#menu ") and not self.b.has(css):
            self.on("#menu summary", self.w["menu.name"])
        self.on(css, self.w[word])

    def write(self, what, text):
        css, word, _ = WRITTEN[what]
        self.on(css, self.w[word])
        self.b.keys(text)

    def ask(self):
        """What was written is asked for, as the keyboard's own key does everywhere."""
        self.b.keys(Keys.ENTER)

    def row(self, thread):
        self.on("#t-%d .row-link" % thread)

    def to_list(self):
        if not self.b.has("#list"):
            self.on(".conv-head .back", self.w["conv.back"])

    def view(self, name):
        """One of those above the list."""
        self.to_list()
        self.on("nav[aria-label='%s'] a" % self.w["list.views"], name)

    def choose(self, css, label):
        """Of the browser's own list of choices."""
        next(o for o in self.b.all(css + " option") if o.text.strip() == label).click()

    def tick(self, css, name):
        self.act(self.b.js_("return arguments[0].closest('label')", self.find(css, name)))

    def attach(self, path):
        # The browser's own dialogue is not shown; what is chosen there comes to its input.
        self.b.cdp("Page.setInterceptFileChooserDialog", enabled=True)
        self.hold_file()
        self.b.d.find_element("id", "file").send_keys(path)

    def hold_file(self):
        assert self.w["attach.choose"] in self.b.d.find_element("id", "file").accessible_name
        self.on("label[for=file]")


class Keyboard(Mouse):
    """The inbox's own keys, the box of commands, and Tab as anywhere else."""

    def __init__(self, b, w):
        super().__init__(b, w)
        b.click = b.leave = None    # nothing here has a pointer

    def focused(self, e):
        return self.b.js_("return document.activeElement === arguments[0]", e)

    def act(self, e):
        self.tab_to(e)
        self.b.keys(Keys.ENTER)

    def tab_to(self, e):
        back = self.b.js_("return document.activeElement !== document.body"
                          " && !(document.activeElement.compareDocumentPosition(arguments[0]) & 4)", e)
        for _ in range(120):
            if self.focused(e):
                return
            self.b.keys((Keys.SHIFT, Keys.TAB) if back else Keys.TAB)
        raise AssertionError("the keyboard does not come to " + e.get_attribute("outerHTML")[:200])

    def free(self):
        """Out of the box for replies: keys are keys again."""
        if self.b.js_("return document.activeElement.id === 'reply'"):
            self.b.keys(Keys.ESCAPE)

    def press(self, what):
        css, word, key = PRESSED[what]
        if not key:
            return self.on(css, self.w[word])
        if not isinstance(key, tuple):
            self.find("#conv")
            self.free()
        if what == "done" or what == "reopen":
            self.find(css, self.w[word])
        self.b.keys(key)
        if what == "tomorrow":
            # The key shows the choice; its first item has the focus.
            self.b.until(lambda: self.b.js_("return document.activeElement.matches('.snooze button')"))
            self.on(css, self.w[word])
        return None

    def write(self, what, text):
        css, word, key = WRITTEN[what]
        if key:
            self.free()
            self.b.keys(key)
        else:
            self.tab_to(self.find(css, self.w[word]))
        self.b.until(lambda: self.focused(self.find(css, self.w[word])))
        self.b.keys(text)

    def row(self, thread):
        self.find("#t-%d .row-link" % thread)
        for _ in range(60):
            self.b.keys("j")
            if self.b.js_("return document.activeElement.parentNode.id") == "t-%d" % thread:
                self.b.keys(Keys.ENTER)
                return
        raise AssertionError("j does not come to the row")

    def to_list(self):
        self.free()

    def view(self, name):
        """By its name, in the box of commands."""
        b = self.b
        b.keys((Keys.CONTROL, "k"))
        b.until(lambda: b.has("#box[open]"))
        b.keys(name)
        chosen = lambda: b.texts("#box-list [aria-selected=true]")
        for _ in range(len(b.texts("#box-list li"))):
            if chosen() == [name]:
                break
            b.keys(Keys.ARROW_DOWN)
        assert chosen() == [name], "%r is not among %r" % (name, b.texts("#box-list li"))
        b.keys(Keys.ENTER)

    def choose(self, css, label):
        self.tab_to(self.find(css))
        value = lambda: self.b.js_("return document.querySelector(arguments[0]).selectedOptions[0].textContent.trim()", css)
        for _ in range(20):
            if value() == label:
                return
            self.b.keys(Keys.ARROW_DOWN)
        raise AssertionError("%r cannot be chosen by keyboard" % label)

    def tick(self, css, name):
        self.tab_to(self.find(css, name))
        self.b.keys(Keys.SPACE)

    def hold_file(self):
        e = self.b.d.find_element("id", "file")
        assert self.w["attach.choose"] in e.accessible_name
        self.tab_to(e)
        self.b.keys(Keys.SPACE)


class Touch(Mouse):
    """Fingers on a telephone: taps, and the text its keyboard brings."""
    width = 390

    def act(self, e):
        b = self.b
        b.js_("arguments[0].scrollIntoView({ block: 'center' })", e)
        r = b.js_("""const e = arguments[0], r = e.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2;
            const top = document.elementFromPoint(x, y);
            return [x, y, !!top && (e.contains(top) || top.contains(e))]""", e)
        if not r[2]:
            raise ElementClickInterceptedException("something lies over it")
        b.cdp("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": r[0], "y": r[1]}])
        b.cdp("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def write(self, what, text):
        css, word, _ = WRITTEN[what]
        e = self.find(css, self.w[word])
        self.on(css, self.w[word])
        self.b.until(lambda: self.b.js_("return document.activeElement === arguments[0]", e))
        self.b.cdp("Input.insertText", text=text)


class Plain(Mouse):
    """Without script: whatever leads on loads a page."""
    js = False

    def act(self, e):
        goes = self.b.js_("return arguments[0].matches('a:not([href^=\"#\"]), form button, button[form]')", e)
        old = self.b.d.find_element("css selector", "html")
        super().act(e)
        if goes:
            self.b.until_left(old)

    def ask(self):
        old = self.b.d.find_element("css selector", "html")
        super().ask()
        self.b.until_left(old)

    def hold_file(self):
        self.find("#file", self.w["attach.choose"])


class Shared:
    """One stand, and one person, for all."""


class Tasks:
    hand, beside = Mouse, Shared
    number = 0

    @classmethod
    def setUpClass(cls):
        cls.width, cls.js = cls.hand.width, cls.hand.js
        super().setUpClass()
        Shared.stand, Shared.person = cls.stand, cls.person
        Tasks.number += 1
        cls.n, cls.h = Tasks.number, cls.hand(cls.b, cls.w)
        cls.prefer(undo="0")
        cls.b.get("/inbox")

    @classmethod
    def prefer(cls, **words):
        r = cls.person.submit(cls.person.get("/settings"), "/settings/person", dict({"lang": cls.lang}, **words))
        assert r.status == 200, r.status

    def setUp(self):
        if self.b.path != "/inbox":
            self.b.get("/inbox")
        self.b.until(lambda: self.b.has("#rows"))

    # who writes ---------------------------------------------------------------------

    def customer(self, text, page=PAGE_A):
        """Somebody new has written; the list shows it. The thread."""
        first = {"en": "Nora", "ja": "花子"}[self.lang]
        self.name = "%s %s %d%s" % (first, self.hand.__name__, self.n, self.id().rsplit("_", 1)[1])
        self.psid = self.stand.control("customer/new", {"page": page, "name": self.name})["psid"]
        self.stand.customer(text, page=page, psid=self.psid)
        t = self.stand.thread(self.psid)

        def named():
            return self.stand.db("SELECT 1 FROM thread WHERE id = ? AND name = ?", t, self.name) or self.stand.browser_poke()
        until(named, 20)
        self.b.get("/inbox")
        self.b.until(lambda: self.b.has("#t-%d" % t))
        return t

    def opened(self, text=None, page=PAGE_A):
        t = self.customer(text or {"en": "Is it in stock?", "ja": "在庫はありますか？"}[self.lang], page)
        self.h.row(t)
        self.b.reads("#conv-name", self.name, 20)
        return t

    def said(self, en, ja):
        return {"en": en, "ja": ja}[self.lang] + " %d" % self.n

    # what became of it ----------------------------------------------------------------

    def arrived(self, text):
        until(lambda: self.stand.arrived(self.psid) == [text], 20)

    def state(self, t):
        return self.stand.db("SELECT state FROM thread WHERE id = ?", t)[0][0]

    def unread(self, t):
        return self.stand.db("SELECT t.in_n - coalesce(s.n, 0) FROM thread t LEFT JOIN seen s ON s.thread_id = t.id"
                             " WHERE t.id = ?", t)[0][0]

    def row(self, t):
        """In the list, which a narrow window hides behind the conversation."""
        return self.b.js_("return document.getElementById('t-%d')?.className || ''" % t)

    def box(self):
        return self.b.js_("return document.getElementById('reply').value")

    # the tasks ------------------------------------------------------------------------

    def test_0_read(self):
        b, text = self.b, self.said("Do you build to order?", "オーダーメイドはできますか？")
        t = self.customer(text)
        self.assertIn("unread", self.row(t))
        self.assertEqual(1, self.unread(t))
        self.assertIn(self.w["row.unread"].strip(), b.text("#t-%d" % t))
        self.assertEqual(self.w["list.name"], b.d.find_element("id", "list").accessible_name)
        self.h.row(t)
        b.reads("#conv-name", self.name, 20)
        b.reads("[role=log]", text)
        self.assertEqual(self.w["log.name"], b.one("[role=log]").accessible_name)
        until(lambda: self.unread(t) == 0, 10)
        b.until(lambda: "unread" not in self.row(t))

    def test_1_answer(self):
        b, text = self.b, self.said("Yes, three of them.", "はい、三台ございます。")
        self.opened()
        self.h.write("reply", text)
        self.h.press("send")
        self.arrived(text)
        b.reads("#log .out", text)
        self.assertEqual("", self.box())
        self.assertEqual("", b.text("#error"))

    def test_2_undo(self):
        b, text = self.b, self.said("Far too hasty", "早まった返信")
        self.prefer(undo="15")
        try:
            t = self.opened()
            self.h.write("reply", text)
            self.h.press("send")
            b.reads("#log .out", text)
            self.h.press("undo")
            b.until(lambda: self.box() == text and not b.has("#log .out"), 20)
            self.assertEqual([("cancelled",)], self.stand.db("SELECT state FROM outbox WHERE thread_id = ?", t))
            self.assertEqual([], self.stand.arrived(self.psid))
            self.assertEqual([], [r for r in self.stand.requests(endpoint="fb.send") if text in str(r)])
        finally:
            self.prefer(undo="0")

    def test_3_tomorrow(self):
        b, w = self.b, self.w
        t = self.opened()
        self.h.press("tomorrow")
        until(lambda: self.state(t) == 2, 20)
        until_at, = self.stand.db("SELECT until_at FROM thread WHERE id = ?", t)[0]
        self.assertTrue(0 < until_at / 1000 - time.time() < 2 * 86400, until_at)
        b.until(lambda: not self.row(t) and b.has("#state-line p"))
        self.h.view(w["list.snoozed"])
        b.until(lambda: "state=snoozed" in b.path and self.row(t), 20)
        self.h.row(t)
        b.reads("#conv-name", self.name, 20)
        self.h.press("reopen")
        until(lambda: self.state(t) == 0, 20)

    def test_4_done(self):
        b = self.b
        t = self.opened()
        self.h.press("done")
        until(lambda: self.state(t) == 1, 20)
        b.until(lambda: not self.row(t))
        b.reads("#state-line", self.w["conv.done_by"].partition("{")[0])
        self.h.press("reopen")
        until(lambda: self.state(t) == 0, 20)
        b.until(lambda: self.row(t) and not b.has("#state-line p"))

    def test_5_unread(self):
        b = self.b
        t = self.opened()
        until(lambda: self.unread(t) == 0, 10)
        self.h.press("unread")
        until(lambda: self.unread(t) == 1, 20)
        b.until(lambda: b.path == "/inbox" and "unread" in self.row(t) and not b.has("#conv-name"))

    def test_6_filter(self):
        b, w, h = self.b, self.w, self.h
        elsewhere, here = self.customer("A"), self.customer("B", PAGE_B)
        page, = self.stand.db("SELECT name FROM page WHERE fb_id = ?", PAGE_B)[0]
        narrowed = lambda: b.until(lambda: "unread=yes" in b.path and self.row(here) and not self.row(elsewhere), 20)
        h.view(w["list.filter"])
        b.until(lambda: b.has("#filter"), 20)
        h.choose("#page", page)
        h.tick("#filter [name=unread]", w["filter.unread"])
        h.press("show")
        narrowed()
        self.assertEqual({page}, set(b.texts("#rows .row-page .vh")))
        # It stays while one reads, and is kept under a name.
        h.row(here)
        b.reads("#conv-name", self.name, 20)
        self.assertIn("page=", b.path)
        self.assertFalse(self.row(elsewhere))
        self.stand.customer("C", page=PAGE_B, psid=self.psid)
        h.view(w["list.filter"])
        name = self.said("New at B", "新着")
        b.until(lambda: b.has("#save"), 20)
        h.write("name", name)
        h.press("keep")
        b.until(lambda: name in b.texts(".views [aria-current]"), 20)
        h.view(w["list.open"])
        b.until(lambda: b.path == "/inbox" and self.row(elsewhere), 20)
        # Read meanwhile: unread is what came since.
        h.view(name)
        narrowed()
        self.assertIn(name, self.stand.db("SELECT saved FROM user WHERE saved <> ''")[0][0])

    def test_7_search(self):
        b, word = self.b, self.said("marzipan", "金木犀").replace(" ", "")
        t = self.customer("The %s one, please" % word if self.lang == "en" else "%s色のものをください" % word)
        self.stand.control("customer/write", {"page": PAGE_A, "psid": self.psid, "text": "…", "count": 40})
        self.stand.delivered()
        self.h.write("find", word)
        self.h.ask()
        b.until(lambda: b.path.startswith("/search"), 20)
        self.assertEqual([word], b.texts("mark"))
        self.h.on(".hit", word)
        b.until(lambda: b.path.startswith("/inbox/%d" % t) and b.has("#log"), 20)
        self.assertIn(word, b.text("#log :target .text"))
        self.assertTrue(b.js_("""const r = document.querySelector("#log :target").getBoundingClientRect();
            return r.top >= 0 && r.bottom <= innerHeight"""), "the hit is not in view")

    def test_8_picture(self):
        b = self.b
        t = self.opened()
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "frame-%d.png" % self.n)
            with open(path, "wb") as f:
                f.write(picture())
            self.h.attach(path)
            if self.js:
                b.reads("#files", os.path.basename(path), 20)
                b.until(lambda: not b.has("#files progress"), 20)
            self.h.press("send")

        def got():
            c = self.stand.control("state?page=%s&psid=%s" % (PAGE_A, self.psid))["conversations"][0]
            return [a["type"] for m in c["messages"] if m["direction"] == "out" for a in m["attachments"]] == ["image"]
        until(got, 30)
        self.assertEqual([("image/png",)], self.stand.db("SELECT mime FROM attachment WHERE thread_id = ?", t))
        if not self.js:
            b.get("/inbox/%d" % t)
        b.until(lambda: b.has("#log .out img"), 20)

    def test_9_link(self):
        b, w = self.b, self.w
        t = self.customer("Hello")
        p = self.stand.control("pipedrive/object", {"company": ACME, "kind": "person", "action": "create",
                                                    "data": {"name": self.name}})["object"]
        self.h.row(t)
        b.reads("#conv-name", self.name, 20)
        if self.hand is not Keyboard and not b.has("#pipedrive"):
            self.h.press("panel")
        elif self.hand is Keyboard:
            b.one("#crm[data-live]")
            self.h.press("panel")
        if self.js:
            self.assertEqual("Pipedrive", b.one("#pipedrive").accessible_name)
        else:
            self.h.press("more")
        self.h.on("#hint-person-%d button" % p["id"], w["crm.link"])
        b.reads("#crm-said", w["crm.said_linked"], 20)
        b.one("#linked-person-%d" % p["id"])
        self.assertEqual([("person", str(p["id"]))],
                         self.stand.db("SELECT kind, pd_id FROM link WHERE thread_id = ? AND state <> 'ended'", t))
