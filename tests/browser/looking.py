# SPDX-License-Identifier: MIT
"""looking.py - every page, wide and narrow, light and dark; look_en.py and look_ja.py go through them.

On each: nothing scrolls sideways, text has the contrast of WCAG AA, targets
are large enough for a finger, everything that can be operated has a name, one
heading of the first level, the landmarks, no finding of axe-core; nothing is asked
of another host, and the console stays silent.  With $INBOX_SHOTS set, a picture
of each.
"""
import json

import axe
from chrome import SHOTS, Keys, until

LIISA, OLGA = "6804412339871205", "6990000000000007"
PAGE_A, PAGE_B, PAGE_C = "108422330517604", "110935571284066", "112233445566778"
TAKAHASHI = "7022334455667701"

# Whatever is wider than the window, or scrolls sideways inside it.
SIDEWAYS = r"""
const out = [], w = document.documentElement.clientWidth;
if (document.scrollingElement.scrollWidth > w) out.push('the page: ' + document.scrollingElement.scrollWidth + ' px in ' + w);
const clipped = (e) => {
    for (let p = e; p; p = p.parentElement)
        if (getComputedStyle(p).clipPath !== 'none' || (p !== e && p.matches('.row-text, .row-name, .quote a'))) return true;
    return false;
};
for (const e of document.body.querySelectorAll('*')) {
    if (!e.checkVisibility({ checkVisibilityCSS: true }) || clipped(e)) continue;
    const r = e.getBoundingClientRect(), s = getComputedStyle(e);
    const what = e.tagName + '.' + e.className + '#' + e.id;
    if (r.width && (r.right > w + 1 || r.left < -1) && !e.matches('.skip')) out.push(what + ' from ' + r.left + ' to ' + r.right);
    if (/auto|scroll/.test(s.overflowX) && e.scrollWidth > e.clientWidth + 1) out.push(what + ' scrolls');
}
return out;
"""

# Text against what is behind it: WCAG 2.1, 1.4.3.
CONTRAST = r"""
const parse = (c) => {
    const n = (c.match(/[\d.]+(e-\d+)?/g) || []).map(Number);
    if (c.startsWith('color(')) return [n[0] * 255, n[1] * 255, n[2] * 255, n[3] ?? 1];
    return [n[0] || 0, n[1] || 0, n[2] || 0, c.startsWith('rgba') || n.length > 3 ? n[3] ?? 1 : 1];
};
const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
const behind = (e) => {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c[3] === 1) return c;
    return over(c, e.parentElement ? behind(e.parentElement) : parse(getComputedStyle(document.documentElement).colorScheme.includes('dark') && matchMedia('(prefers-color-scheme: dark)').matches ? 'rgb(18,18,18)' : 'rgb(255,255,255)'));
};
const opacity = (e) => { let o = 1; for (; e; e = e.parentElement) o *= getComputedStyle(e).opacity; return o; };
const lum = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ratio = (a, b) => { const [x, y] = [lum(a), lum(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const out = [];
let seen = 0;
const check = (e, color, text, s) => {
    const size = parseFloat(s.fontSize), large = size >= 24 || (size >= 18.66 && s.fontWeight >= 700);
    const ground = behind(e), c = parse(color);
    c[3] *= opacity(e);
    const r = ratio(over(c, ground), ground);
    seen++;
    if (r < (large ? 3 : 4.5) - 0.005) out.push(r.toFixed(2) + ': ' + text.slice(0, 40) + ' (' + e.tagName + '.' + e.className + ')');
};
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let n; (n = walk.nextNode());) {
    const e = n.parentElement, text = n.data.trim(), r = e.getBoundingClientRect();
    if (!/[\p{L}\p{N}]/u.test(text) || e.closest('template, script, style, :disabled') || r.width < 2 || r.height < 2) continue;
    if (!e.checkVisibility({ checkVisibilityCSS: true })) continue;
    check(e, getComputedStyle(e).color, text, getComputedStyle(e));
}
for (const e of document.querySelectorAll('textarea, input[type=text]')) {
    if (!e.checkVisibility()) continue;
    const s = getComputedStyle(e);
    check(e, s.color, 'text of a field', s);
    if (e.placeholder) check(e, getComputedStyle(e, '::placeholder').color, e.placeholder, s);
}
return [seen, out];
"""

# Fingers: 44 px each way, of what can be pressed.
TARGETS = r"""
const out = [];
for (const e of document.querySelectorAll('header a, header button, .band a, .row-link, .list-older a, .list-newest a, .sync a, .sync button, .edge a, ' +
    '.composer button, .composer textarea, .foot a, .foot button, .actions a, .actions button, .choice, summary, .ways a, .ways button, .panel a')) {
    if (!e.checkVisibility({ checkVisibilityCSS: true })) continue;
    const r = e.getBoundingClientRect();
    if (r.height < 43.5 || r.width < 43.5) out.push(`${e.tagName}.${e.className} "${e.innerText.trim().slice(0, 30)}" ${r.width.toFixed(0)} x ${r.height.toFixed(0)}`);
}
return out;
"""

OPERABLE = ("button", "link", "textbox", "checkbox", "radio", "DisclosureTriangle", "combobox", "progressbar", "Video", "Audio")


class Looking:
    """What is looked at on each page; the classes below go through them."""
    connected, network = False, True
    conf = {"log_level": "info"}

    def tree(self):
        """What a screen reader is told: (role, name, level)."""
        nodes = self.b.cdp("Accessibility.getFullAXTree")["nodes"]
        return [(n.get("role", {}).get("value"), (n.get("name", {}).get("value") or "").strip(),
                 next((p["value"]["value"] for p in n.get("properties", []) if p["name"] == "level"), None))
                for n in nodes if not n.get("ignored")]

    def look(self, name, landmarks=()):
        b, faults = self.b, self.faults
        for width in (1280, 390):
            for dark in (False, True):
                b.fit(width, dark)
                where = "%s, %s, %d, %s: " % (name, self.lang, width, "dark" if dark else "light")
                b.js_("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
                b.until(lambda: b.js_("return document.getAnimations().length === 0 && "
                                      "[...document.images].every((i) => i.complete || i.loading === 'lazy')"))
                faults += [where + "sideways: " + x for x in b.js_(SIDEWAYS)]
                seen, bad = b.js_(CONTRAST)
                self.assertGreater(seen, 3)
                faults += [where + "contrast " + x for x in bad]
                if width == 390:
                    faults += [where + "small: " + x for x in b.js_(TARGETS)]
                if not dark:
                    faults += [where + x for x in self.spoken(landmarks)]
                # The dark theme has the same colours in every width.
                if not dark or width == 1280:
                    faults += [where + x for x in axe.findings(b)]
                self.picture(name, width, dark)
        b.fit(1280, False)

    def spoken(self, landmarks):
        tree, out = self.tree(), []
        # The page behind a dialog is not told of.
        dialog = self.b.js_("return document.querySelector('dialog:modal') !== null")
        first = [name for role, name, level in tree if role == "heading" and level == 1]
        if (len(first) != 1 or not first[0]) and not dialog:
            out.append("headings of the first level: %s" % first)
        out += ["a %s without a name" % role for role, name, _ in tree if role in OPERABLE and not name]
        out += ["an image without a name" for role, name, _ in tree if role == "image" and not name]
        roles = [(role, name) for role, name, _ in tree]
        for role in ("main", "banner"):
            if sum(r == role for r, _ in roles) != 1 and not dialog and not (role == "banner" and self.b.has("body.open")):
                out.append("not one %s" % role)
        for want in landmarks:
            if self.b.width < 700 and want[0] == "navigation" and self.b.has("body.open"):
                continue	# the list is on its own page there
            if want not in roles:
                out.append("no %s" % (want,))
        if self.b.js_("return document.documentElement.lang") != self.lang:
            out.append("lang")
        if not self.b.d.title:
            out.append("no title")
        return out

    def picture(self, name, width, dark):
        if SHOTS:
            self.b.shot("%s-%s-%d-%s" % (name, self.lang, width, "dark" if dark else "light"))

    def test_pages(self):
        """All in one way, as each page leads to the next."""
        b, w = self.b, self.w
        self.faults = []
        nav, log = ("navigation", w["list.name"]), ("log", w["log.name"])
        box, send = ("textbox", w["composer.reply"]), ("button", w["composer.send"])
        b.get("/")
        self.look("start")
        b.get("/pipedrive/callback?state=none&code=none")
        self.look("problem")
        b.get("/")
        b.leave("a", w["start.connect"])
        for label in b.all("label"):
            if self.user in label.text:
                label.click()
        b.leave("button[value=allow]")
        self.look("visibility")
        b.click("label", w["visibility.shared"])
        b.leave("button", w["connect.continue"])
        b.click("summary")
        self.look("facebook")
        b.leave("a", w["facebook.go"])
        b.leave("a", self.user)
        b.leave("button[value=continue]")
        self.look("pages")
        for box_ in b.shown("input[type=checkbox]:checked"):
            if box_.get_attribute("value") not in self.pages:
                box_.click()
        # One Page waits for Facebook, the other one is slow: something to look at.
        self.stand.fault({"endpoint": "fb.conversations", "page": self.pages[0]}, times=1, status=400, body={"error": {
            "message": "(#80006) There have been too many calls to this Page account.", "code": 80006}})
        slow = self.stand.fault({"endpoint": "fb.conversations", "page": self.pages[1]}, times=0, delay_ms=1500)
        b.leave("button", w["pages.submit"])
        self.assertTrue(b.path.startswith("/connect/import"))
        b.reads(".imports", w["import.paused"], 10)
        self.look("import")
        b.leave("a", w["start.inbox"])
        self.look("importing", [nav])
        self.stand.control("faults/clear", {"id": slow})
        self.stand.clock(600_000)
        until(lambda: self.stand.imported(self.company), 150, 0.1)     # a pause lasts a minute
        b.get("/inbox?connected=1")
        self.look("inbox", [nav])

        b.get("/inbox/%d" % self.stand.thread(self.customer))
        b.until(lambda: b.has("#reply"))
        self.look("conversation", [nav, log, box, send])
        self.strange()
        self.look("strange", [nav, log, box, send])
        b.fit(390, False)
        b.click(".panel-open")
        b.until(lambda: b.has("#pipedrive"))
        self.picture("panel", 390, False)
        self.faults += ["panel, %s: %s" % (self.lang, x) for x in b.js_(SIDEWAYS) + b.js_(TARGETS)]
        b.fit(1280)
        b.get("/inbox/%d" % self.stand.thread(self.silent))
        b.reads("#closed", w["closed.day"].rpartition("}")[2])
        self.look("closed", [nav, log])
        self.opens()
        b.get("/filter?unread=yes&state=done")
        self.look("filter")
        b.get("/health")
        self.look("health")
        b.get("/health/security")
        self.look("security")
        b.get("/shelf")
        self.look("shelf")
        for name, q in (("search", {"en": "a", "ja": "の"}[self.lang]), ("search-none", "qqqqq")):
            b.get("/search?q=%s&page=0" % q)
            self.look(name, [("searchbox", w["search.label"])])
        self.settings()
        b.get("/inbox/999999999")
        self.look("missing")
        b.leave("form button", w["bar.sign_out"])
        self.look("signed-out")
        if self.faults:
            self.fail("\n" + "\n".join(self.faults))

    def opens(self):
        """What lies over a conversation when it is asked for."""
        b = self.b
        b.get("/inbox/%d" % self.stand.thread(self.customer))
        b.until(lambda: b.js_("return document.activeElement.id") == "reply", 20)
        b.keys(Keys.ESCAPE, "?")
        b.until(lambda: b.has("#help"), 20)
        self.look("help")
        b.keys(Keys.ESCAPE, (Keys.CONTROL, "k"))
        b.until(lambda: b.has("#box-list li"), 20)
        self.look("box")
        b.keys("no such thing")
        b.until(lambda: b.has("#box-none"))
        self.look("box-none")
        b.keys(Keys.ESCAPE)
        b.js_("document.querySelector('#log .pic').click()")
        b.until(lambda: b.has("#viewer[open]"), 20)
        self.look("viewer")
        b.keys(Keys.ESCAPE)
        b.click(".menu summary")
        self.look("menu")

    def settings(self):
        b, w, st = self.b, self.w, self.stand
        thread = st.thread(self.customer)
        for ident, name in ((20000001, "Jaan Mets"), (20000002, "長谷川 大輔")):
            st.control("pipedrive/user", {"company": self.company, "id": ident, "name": name, "admin": False})
        colleague = st.sign_in(self.company, 20000001)[0]
        st.sign_in(self.company, 20000002)
        st.write("UPDATE user SET reader = 1, lang = ? WHERE pd_user_id = 20000001", self.lang)
        mine = b.d.get_cookie("session")
        b.d.add_cookie(dict(mine, value=next(jar["session"] for jar in colleague.cookies.values() if "session" in jar)))
        b.get("/inbox/%d" % thread)
        b.reads("#closed", w["closed.reader"])
        self.look("reader", [("log", w["log.name"])])
        b.d.add_cookie(mine)
        b.get("/settings")
        self.look("settings", [("button", w["settings.save"]), ("link", w["settings.remove"])])
        for name, path in (("keyboard", "/keyboard"), ("leave", "/settings/remove"), ("leave-page", "/settings/page/1"), ("leave-customer", "/settings/customers/%d" % thread),
                           ("retention", "/settings/retention?days=30"), ("retention-wrong", "/settings/retention?days=1"),
                           ("customers", "/settings/customers?q=a"), ("audit", "/settings/audit")):
            b.get(path)
            self.look(name)
        b.get("/settings/export")
        b.leave("main button")
        until(lambda: st.db("SELECT 1 FROM export WHERE state = 'ready'"), 30)
        b.get("/settings/export")
        self.look("export", [("link", w["export.fetch"])])
        b.get("/settings/customers/%d" % st.thread(self.silent))
        b.leave("#confirm")
        until(lambda: st.db("SELECT 1 FROM leaving WHERE step = 'done'"), 30)
        b.d.refresh()
        b.loaded()
        self.look("receipt")

    def strange(self):
        """Everything at once that makes a conversation ugly."""
        st, b = self.stand, self.b
        page, psid = self.pages[0], self.customer
        say = lambda **kw: st.control("customer/write", dict(page=page, psid=psid, **kw))["mid"]
        say(text="https://shop.example/" + "a-very-long-address-without-any-break/" * 6 + "?q=" + "x" * 80)
        say(text="W" * 120)
        mid = say(text="青" * 130)
        say(text="👍🏽", reply_to=mid)
        st.control("customer/react", {"page": page, "psid": psid, "mid": mid, "reaction": "love", "emoji": "❤️"})
        for a in ({"type": "image", "picture": "coffee"}, {"type": "audio"}, {"type": "video"}, {"type": "sticker", "sticker_id": 369239263222822},
                  {"type": "file", "name": "a-rather-long-name-of-a-file-without-blanks-" * 3 + ".pdf", "mime": "application/pdf", "data": "JVBERi0xLjQK"},
                  {"type": "location", "payload": {"title": "Pinned", "coordinates": {"lat": 59.4, "long": 24.7}}},
                  {"type": "fallback", "payload": {"title": "A page", "url": "https://shop.example/page"}},
                  {"type": "template", "payload": {"template_type": "generic"}}):
            say(attachments=[a])
        st.control("customer/unsend", {"mid": say(text="Not meant for you")})
        st.control("customer/edit", {"mid": say(text="Thnaks"), "text": "Thanks"})
        st.control("page/write", {"page": page, "psid": psid, "text": "From the Page's own inbox " * 4})
        st.delivered()
        st.sync(5)
        st.fault({"endpoint": "fb.send"}, times=1, status=400, body={"error": {
            "message": "(#551) This person isn't available right now.", "code": 551}})
        b.d.refresh()
        b.loaded()
        b.one("#reply").send_keys("This one fails")
        b.keys((Keys.CONTROL, Keys.ENTER))
        b.until(lambda: b.has("#log .fail"), 10)
        st.control("deliver", {"hold": True})
        st.fault({"endpoint": "fb.send"}, times=1, cut="after")
        b.one("#reply").send_keys("And of this one nobody knows")
        b.keys((Keys.CONTROL, Keys.ENTER))
        b.until(lambda: b.has("#log .unsure"), 10)
        st.control("deliver", {"hold": False})

    def test_z_network(self):
        """What all those pages have asked for, and what the console said to it."""
        asked, foreign = 0, []
        for entry in self.b.d.get_log("performance"):
            m = json.loads(entry["message"])["message"]
            if m["method"] != "Network.requestWillBeSent":
                continue
            p = m["params"]
            url, page = p["request"]["url"], p.get("documentURL", "")
            if page.startswith(self.stand.url) and not url.startswith("data:"):
                asked += 1
                if not url.startswith(self.stand.url + "/"):
                    foreign.append("%s asks for %s" % (page, url))
        self.assertEqual([], foreign)
        self.assertGreater(asked, 50)
        csp = self.stand.browser().get("/").header("Content-Security-Policy")
        for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"):
            self.assertIn(part, csp)
        # The pages of what is not there were asked for above.
        self.assertEqual([], [e["message"] for e in self.b.errors()
                              if "/inbox/999999999" not in e["message"] and "/settings/retention?days=1 " not in e["message"] and "/pipedrive/callback" not in e["message"]])
