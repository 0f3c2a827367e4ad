# SPDX-License-Identifier: MIT
"""chrome.py - Chromium before the test stand: what the browser tests share.

    class Reading(Case):
        lang, width, js = "en", 1280, True
        def test_x(self): self.b.click("button", self.w["composer.send"])

One stand and one Chromium for a class (or a stand for two).  People find things by their role and
words, and so do the tests; `until()` polls, nothing sleeps.  Whatever was
started ends by its own pid, the windows of Chromium with their driver.

$INBOX_SHOTS names a folder: screenshots of failures go there (and those of
looking.py).
"""
import os
import shutil
import socket
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "http"))
CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
# The same pages with nothing around them, for half of the work; it has no profile and hence no settings.
BARE = "/usr/lib/chromium/chromium-headless-shell"
# The driver is on this machine, whatever the network is like.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"

try:
    from selenium.common.exceptions import (ElementClickInterceptedException, NoSuchElementException,
                                            StaleElementReferenceException, WebDriverException)
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chromium.remote_connection import ChromiumRemoteConnection
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys  # noqa: F401
    from selenium.webdriver.remote.webdriver import WebDriver
except ImportError:
    sys.exit("browser: python3-selenium is missing; install chromium, chromium-driver and python3-selenium")
for _program in (CHROMIUM, DRIVER):
    if not os.access(_program, os.X_OK):
        sys.exit("browser: %s is missing; install chromium, chromium-driver and python3-selenium" % _program)

from authority import Authority  # noqa: E402
from stand import Stand, free_port, say, until  # noqa: E402

SHOTS = os.environ.get("INBOX_SHOTS")
HEIGHT = {320: 600, 390: 844, 900: 800, 1280: 800}
GONE = (StaleElementReferenceException, NoSuchElementException)


class Words:
    """The catalogue of a language: w["start.heading"]."""

    def __init__(self, lang):
        self.lang = lang

    def __getitem__(self, key):
        return say(key, self.lang)


class BrowserStand(Stand):
    """The stand as the demo has it: a band leads to the sandbox."""

    def write_conf(self):
        self.extra_conf.setdefault("demo.sandbox_url", self.sandbox)
        # The same sandbox under a name that makes it another site for browsers.
        self.elsewhere = self.sandbox.replace("127.0.0.1", "localhost")
        self.extra_conf = {k: v.replace("{elsewhere}", self.elsewhere) for k, v in self.extra_conf.items()}
        super().write_conf()

    def lose_workers(self):
        """The programs behind the web server end; it answers 503 from now on."""
        for p in self.workers:
            self.end(p)
        self.listener.close()

    def find_workers(self):
        os.unlink(self.socket_path)
        self.start_workers()

    def served(self, route):
        """Requests that the programs have answered for a route."""
        return self.log().count(" route=%s " % route)


class Chrome:
    """One Chromium with a profile of its own."""

    def __init__(self, stand, lang="en", width=1280, js=True, network=False, third_party=True, bare=True):
        self.stand, self.lang, self.width, self.js = stand, lang, width, js
        port = free_port()
        self.driver_proc = stand.run([DRIVER, "--port=%d" % port], "chromedriver.log")
        o = Options()
        bare = bare and third_party and os.access(BARE, os.X_OK)
        o.binary_location = BARE if bare else CHROMIUM
        for arg in ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
                    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
                    "--disable-default-apps", "--no-default-browser-check", "--no-proxy-server",
                    "--headless" if bare else "--headless=new", "--lang=" + lang, "--accept-lang=" + lang, "--window-size=1280,900"):
            o.add_argument(arg)
        if stand.certificate:
            o.add_argument("--ignore-certificate-errors")   # the authority is the test's own
        if bare:
            o.add_argument("--in-process-gpu")
        if bare and not js:
            o.add_argument("--blink-settings=scriptEnabled=false")
        if not bare:
            o.add_argument("--user-data-dir=" + stand.path("chromium-%d" % port))
        prefs = {"intl.accept_languages": lang, "translate.enabled": False}
        if not third_party:
            prefs.update({"profile.block_third_party_cookies": True, "profile.cookie_controls_mode": 1})
        if not js:
            prefs["profile.managed_default_content_settings.javascript"] = 2
        o.add_experimental_option("prefs", prefs)
        log = {"browser": "ALL"}
        if network:
            log["performance"] = "ALL"
        o.set_capability("goog:loggingPrefs", log)
        until(lambda: self.listens(port), 20)
        self.d = WebDriver(ChromiumRemoteConnection("http://127.0.0.1:%d" % port, "goog", "chrome"), options=o)
        self.d.set_page_load_timeout(30)
        self.fit()

    def listens(self, port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def close(self):
        try:
            self.d.quit()
        except Exception:  # the stand ends the driver, the driver its windows
            pass
        self.stand.end(self.driver_proc)

    # windows --------------------------------------------------------------------

    def cdp(self, command, **params):
        return self.d.execute("executeCdpCommand", {"cmd": command, "params": params})["value"]

    def fit(self, width=None, dark=None):
        """Size (a telephone below 700) and theme of the present window."""
        self.width = width or self.width
        small = self.width < 700
        self.cdp("Emulation.setDeviceMetricsOverride", width=self.width, height=HEIGHT[self.width],
                 deviceScaleFactor=1, mobile=small)
        self.cdp("Emulation.setTouchEmulationEnabled", enabled=small)
        if dark is not None:
            self.cdp("Emulation.setEmulatedMedia",
                     features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def window(self, url):
        """Another window beside this one; both stay visible. Its handle."""
        self.d.switch_to.new_window("window")
        self.fit()
        self.d.get(url)
        return self.d.current_window_handle

    def to(self, handle):
        self.d.switch_to.window(handle)

    def get(self, path):
        self.d.get(self.stand.url + path if path.startswith("/") else path)

    @property
    def path(self):
        return self.d.current_url.replace(self.stand.url, "", 1)

    # finding ----------------------------------------------------------------------

    def all(self, css, within=None):
        return (within or self.d).find_elements("css selector", css)

    def shown(self, css, within=None):
        """Those that a person can see, or scroll to."""
        return self.js_("""return [...(arguments[1] || document).querySelectorAll(arguments[0])].filter(
            (e) => e.checkVisibility({ checkVisibilityCSS: true }) && e.getClientRects().length)""", css, within)

    def one(self, css, text=None, seconds=10):
        """The first element in view; with text, the first that says it."""
        def look():
            return next((e for e in self.shown(css) if text is None or text in self.name(e)), None)
        look.__name__ = "%s %s" % (css, text or "")
        return self.until(look, seconds)

    def name(self, e):
        return (e.get_property("innerText") or "") + (e.get_attribute("aria-label") or "") + (e.get_attribute("value") or "")

    def texts(self, css, within=None):
        """What is written in each of them."""
        return [t.strip() for t in self.js_(
            "return [...(arguments[1] || document).querySelectorAll(arguments[0])].map((e) => e.innerText || '')", css, within)]

    def text(self, css="body"):
        return "\n".join(self.texts(css))

    def has(self, css):
        return bool(self.shown(css))

    def until(self, what, seconds=10):
        """Poll until what() is true; an element that went away counts as not yet."""
        def look():
            try:
                return what()
            except GONE:
                return None
        look.__name__ = getattr(what, "__name__", "")
        return until(look, seconds, 0.03)

    def reads(self, css, text, seconds=10):
        """Wait until the text can be read there."""
        def look():
            return text in self.text(css)
        look.__name__ = "%r in %s" % (text, css)
        try:
            return self.until(look, seconds)
        except AssertionError:
            raise AssertionError("not within %g s: %r in %s; there is: %s" % (
                seconds, text, css, self.text(css)[:600])) from None

    # doing --------------------------------------------------------------------------

    def click(self, css, text=None, seconds=10):
        """Click what can be seen; pages that renew themselves may take it away once."""
        block = "nearest"
        for turn in range(4):
            e = self.one(css, text, seconds)
            try:
                # Within a reversed column the driver does not scroll by itself.
                self.js_("arguments[0].scrollIntoView({ block: arguments[1] })", e, block)
                return e.click()
            except ElementClickInterceptedException:
                # At an edge something may lie over it.
                if block == "center":
                    raise
                block = "center"
            except StaleElementReferenceException:
                if turn == 3:
                    raise
        return None

    def leave(self, css, text=None):
        """Click what leads to another page, and be there."""
        old = self.d.find_element("css selector", "html")
        self.click(css, text)
        self.until_left(old)

    def until_left(self, old):
        def left():
            try:
                old.is_enabled()
                return False
            except StaleElementReferenceException:
                return True
            except WebDriverException:
                return False
        until(left, 20)
        self.loaded()

    def loaded(self):
        until(lambda: self.js_("return document.readyState") == "complete", 20)

    def keys(self, *keys):
        a = ActionChains(self.d)
        for k in keys:
            if isinstance(k, tuple):
                for held in k[:-1]:
                    a.key_down(held)
                a.send_keys(k[-1])
                for held in reversed(k[:-1]):
                    a.key_up(held)
            else:
                a.send_keys(k)
        a.perform()

    def js_(self, script, *args):
        return self.d.execute_script(script, *args)

    def ask(self):
        """As when the network comes back: the page polls now, not after its five seconds."""
        self.js_("dispatchEvent(new Event('online'))")

    def errors(self):
        """What the console has complained of since it was last asked."""
        return [e for e in self.d.get_log("browser") if e["level"] == "SEVERE"]

    def shot(self, name, folder=None):
        folder = folder or SHOTS
        if folder:
            os.makedirs(folder, exist_ok=True)
            self.d.save_screenshot(os.path.join(folder, name + ".png"))

    # ways people go ---------------------------------------------------------------------

    def adopt(self, browser):
        """Go on as the person of a stand's browser (its cookies)."""
        for name, value in browser.cookies["127.0.0.1:%d" % self.stand.port].items():
            self.cdp("Network.setCookie", name=name, value=value, url=self.stand.url + "/", httpOnly=True)


class Case(unittest.TestCase):
    seed, lang, width, js, network, conf = "demo", "en", 1280, True, False, None
    third_party = True  # cookies of a frame from elsewhere
    bare = True         # Chromium without its windows, where nothing asks for more
    https = False       # the product speaks it, as everywhere but on a machine of one's own
    connected = True    # the demo's first company, signed in
    beside = None       # class whose stand, and whose person, this one shares

    @classmethod
    def setUpClass(cls):
        if cls.beside and hasattr(cls.beside, "stand"):
            cls.stand, cls.person = cls.beside.stand, cls.beside.person
        else:
            cls.stand = BrowserStand(seed=cls.seed, conf=dict(cls.conf or {}), certificate=cls.certificate() if cls.https else None)
            cls.stand.__enter__()
            unittest.addModuleCleanup(cls.stand.__exit__, None, None, None)
            cls.person = cls.stand.connect("shared") if cls.connected else None
        cls.b = Chrome(cls.stand, cls.lang, cls.width, cls.js, cls.network, cls.third_party, cls.bare)
        cls.addClassCleanup(cls.b.close)
        cls.w = Words(cls.lang)
        if cls.person:
            cls.b.adopt(cls.person)

    @classmethod
    def certificate(cls):
        folder = tempfile.mkdtemp(prefix="inbox-https-")
        unittest.addModuleCleanup(shutil.rmtree, folder)
        authority = Authority(folder)
        authority.trust()
        return authority.certificate("inbox")

    def run(self, result=None):
        result = result if result is not None else self.defaultTestResult()
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            try:
                sys.stderr.write("  at %s\n" % self.b.d.current_url)
                self.b.shot("failed-" + ".".join(self.id().split(".")[-2:]))
            except Exception:
                pass
            sys.stderr.write("".join("  " + line + "\n" for line in self.stand.log().splitlines()
                                     if " debug " not in line and " info " not in line))
        return result
