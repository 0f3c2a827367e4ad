# SPDX-License-Identifier: MIT
"""State of the sandbox: one SQLite file, settings, the sandbox clock, id generation.

Purpose: everything survives a restart with the same file; everything happens under one lock, so that
handlers may read and write without thinking about races.
Ownership: `Store` owns the connection; only code inside `with store.tx()` may use it.
Can fail: a file of another schema is refused at start (ValueError).
"""
import base64
import contextlib
import hashlib
import json
import os
import sqlite3
import tempfile
import threading
import time

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE kv(key TEXT PRIMARY KEY, val TEXT NOT NULL);
CREATE TABLE counter(name TEXT PRIMARY KEY, val INTEGER NOT NULL);

CREATE TABLE fb_user(id TEXT PRIMARY KEY, name TEXT, email TEXT, locale TEXT, app_role INTEGER DEFAULT 0, seq INTEGER);
CREATE TABLE fb_page(id TEXT PRIMARY KEY, name TEXT, category TEXT, is_published INTEGER DEFAULT 1, state TEXT DEFAULT 'ok',
  business INTEGER DEFAULT 0, default_app TEXT, fail_since INTEGER, color TEXT, seq INTEGER, has_token INTEGER DEFAULT 1);
CREATE TABLE fb_role(user TEXT, page TEXT, tasks TEXT, PRIMARY KEY(user,page));
CREATE TABLE fb_grant(user TEXT, permission TEXT, status TEXT, PRIMARY KEY(user,permission));
CREATE TABLE fb_grant_page(user TEXT, page TEXT, PRIMARY KEY(user,page));
CREATE TABLE fb_code(code TEXT PRIMARY KEY, user TEXT, redirect_uri TEXT, created INTEGER, used INTEGER DEFAULT 0);
CREATE TABLE fb_token(token TEXT PRIMARY KEY, kind TEXT, user TEXT, page TEXT, parent TEXT, long INTEGER DEFAULT 0,
  issued INTEGER, expires INTEGER DEFAULT 0, data_access INTEGER DEFAULT 0, dead INTEGER, dead_code INTEGER DEFAULT 190);
CREATE INDEX fb_token_up ON fb_token(user,page);
CREATE TABLE fb_sub(page TEXT, app TEXT, fields TEXT, PRIMARY KEY(page,app));
CREATE TABLE fb_conv(id TEXT PRIMARY KEY, page TEXT, psid TEXT, first TEXT, last TEXT, locale TEXT, tz REAL, gender TEXT,
  no_name INTEGER DEFAULT 0, blocked INTEGER DEFAULT 0, deactivated INTEGER DEFAULT 0, online INTEGER DEFAULT 1,
  can_reply INTEGER DEFAULT 1, profile_error INTEGER DEFAULT 0, updated INTEGER DEFAULT 0, last_customer INTEGER DEFAULT 0,
  owner_app TEXT, owner_until INTEGER DEFAULT 0, unread INTEGER DEFAULT 0, delivered INTEGER DEFAULT 0, seen INTEGER DEFAULT 0,
  human TEXT, color TEXT, ad_click INTEGER DEFAULT 0, ad_first INTEGER DEFAULT 0, UNIQUE(page,psid));
CREATE INDEX fb_conv_upd ON fb_conv(page,updated DESC,id);
CREATE TABLE fb_msg(seq INTEGER PRIMARY KEY, mid TEXT UNIQUE, conv TEXT, page TEXT, psid TEXT, dir TEXT, app_id TEXT, ts INTEGER,
  text TEXT, attachments TEXT, metadata TEXT, reply_to TEXT, reactions TEXT, deleted INTEGER DEFAULT 0, num_edit INTEGER DEFAULT 0,
  unsupported INTEGER DEFAULT 0, mtype TEXT, tag TEXT, extra TEXT);
CREATE INDEX fb_msg_conv ON fb_msg(conv,ts DESC,seq DESC);
CREATE TABLE fb_upload(id TEXT PRIMARY KEY, page TEXT, type TEXT, media INTEGER, created INTEGER);
CREATE TABLE media(id INTEGER PRIMARY KEY, mime TEXT, name TEXT, width INTEGER DEFAULT 0, height INTEGER DEFAULT 0, gen TEXT, data BLOB);

CREATE TABLE hook_event(id INTEGER PRIMARY KEY, page TEXT, kind TEXT, event TEXT, time INTEGER);
CREATE TABLE hook_post(id INTEGER PRIMARY KEY, service TEXT, url TEXT, pages TEXT, body BLOB, headers TEXT, state TEXT,
  attempts TEXT DEFAULT '[]', created INTEGER, due INTEGER DEFAULT 0, ref TEXT);
CREATE INDEX hook_post_state ON hook_post(state);

CREATE TABLE pd_company(id INTEGER PRIMARY KEY, name TEXT, domain TEXT, country TEXT, currency TEXT, plan TEXT, open INTEGER DEFAULT 1, seq INTEGER);
CREATE TABLE pd_user(id INTEGER PRIMARY KEY, company INTEGER, name TEXT, email TEXT, lang TEXT, country TEXT, tz TEXT, locale TEXT,
  admin INTEGER DEFAULT 0, active INTEGER DEFAULT 1, seq INTEGER);
CREATE TABLE pd_code(code TEXT PRIMARY KEY, company INTEGER, user INTEGER, redirect_uri TEXT, created INTEGER, used INTEGER DEFAULT 0);
CREATE TABLE pd_install(company INTEGER, user INTEGER, refresh TEXT UNIQUE, scopes TEXT, created INTEGER, used_at INTEGER,
  old_refresh TEXT, PRIMARY KEY(company,user));
CREATE TABLE pd_token(token TEXT PRIMARY KEY, company INTEGER, user INTEGER, scopes TEXT, expires INTEGER);
CREATE TABLE pd_obj(company INTEGER, kind TEXT, id TEXT, data TEXT, sort INTEGER, deleted INTEGER DEFAULT 0, PRIMARY KEY(company,kind,id));
CREATE INDEX pd_obj_sort ON pd_obj(company,kind,sort);

CREATE TABLE req(id INTEGER PRIMARY KEY, time INTEGER, service TEXT, endpoint TEXT, method TEXT, path TEXT, query TEXT, headers TEXT,
  body TEXT, form TEXT, json TEXT, parts TEXT, status INTEGER, us INTEGER, fault INTEGER, response TEXT);
CREATE INDEX req_ep ON req(endpoint);
"""

SWITCHES = {
    "require_proof": True, "enforce_rate": True, "rate_code": 80006, "human_agent": False, "ad_window": True, "app_live": True, "away": False,
    "pd_away": False, "profile_access": True, "code_token": "short", "status_190": 400, "text_unit": "utf16",
    "auto_delivery": True, "echo_first": False, "history_depth": 0, "max_limit": 100, "media_ttl": 86400, "legacy_sha1": True,
    "webhook_timeout_ms": 5000, "usage_page": 0, "usage_app": 0,
    "pd_enforce_rate": True, "pd_daily_tokens": 0, "pd_rotate_refresh": False, "pd_expires_in": 3599, "pd_deals_limit": 0,
    "pd_frame_ms": 10_000,
}

PAGE_FIELDS = ("messages,message_echoes,message_deliveries,message_reads,message_reactions,message_edits,message_context,"
               "messaging_postbacks,messaging_referrals,messaging_optins,messaging_optouts,messaging_handovers,standby,"
               "messaging_policy_enforcement,messaging_account_linking,messaging_feedback,response_feedback,send_cart,"
               "messaging_customer_information,messaging_appointments,inbox_labels,conversations,name,picture").split(",")

DEFAULT_SCOPES = ["base", "contacts:full", "deals:full", "leads:full", "users:read", "search:read", "activities:full", "webhooks:full"]

CONFIG = {
    "product_url": "http://127.0.0.1:8080", "fb_app_id": "881240037712345", "fb_app_secret": "3f1c9a7d5be24860a1d2c3b4e5f60718",
    "fb_app_name": "Inbox for Pipedrive", "pd_client_id": "5f3c9a1b2c3d4e5f", "pd_client_secret": "sandbox-pipedrive-secret", "pd_jwt_secret": "",
    "callback": "", "verify_token": "", "fields": [], "app_version": "v25.0", "pd_scopes": DEFAULT_SCOPES,
    "fb_redirect_uris": [], "pd_redirect_uris": [], "deauthorize_url": "", "deletion_url": "", "seed": "none",
}


class Clock:
    """
    The sandbox clock: real time plus an offset, or standing still. Kept in the file.
    With a second file, the product's `test.clock_file`, the product goes with it.
    """

    def __init__(self, store):
        self.store, self.file = store, None
        self.fixed, self.offset = None, 0
        self.load()

    def load(self):
        c = self.store.kv.get("clock") or {}
        self.fixed, self.offset = c.get("fixed"), c.get("offset", 0)
        self.tell()

    def lead(self, path):
        """The product follows from now on."""
        open(path, "a", encoding="ascii").close()
        self.file = path
        self.tell()

    def tell(self):
        if self.file:
            with open(self.file, "r+", encoding="ascii") as f:      # in place: the programs keep it open
                f.write("%020d\n" % (self.now() - int(time.time() * 1000)))

    def now(self):
        """Milliseconds since 1970."""
        return self.fixed if self.fixed is not None else int(time.time() * 1000) + self.offset

    def set(self, fixed=None, offset=0):
        self.fixed, self.offset = fixed, offset
        self.store.put("clock", {"fixed": fixed, "offset": offset})
        self.tell()


def iso(ms):
    """Graph time: seconds, UTC, `+0000` without a colon."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(ms // 1000))


def rfc(ms):
    """Pipedrive v2 time: RFC 3339, whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms // 1000))


def rfc_ms(ms):
    """ISO 8601 with milliseconds (leads, webhook meta)."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + ".%03dZ" % (ms % 1000)


def sql_time(ms):
    """Pipedrive v1 time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(ms // 1000))


class Store:
    """The SQLite file, its lock, settings and counters."""

    def __init__(self, path=None, reset=False):
        self.temp = None
        if not path:
            self.temp = tempfile.mkdtemp(prefix="sandbox-")
            path = os.path.join(self.temp, "sandbox.db")
        if reset:
            for end in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path + end)
        self.lock = threading.RLock()
        self.depth, self.after_commit = 0, []
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=400)
        self.db.row_factory = sqlite3.Row
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=OFF")
        self.db.execute("PRAGMA cache_size=-20000")
        version = self.db.execute("PRAGMA user_version").fetchone()[0]
        self.fresh = version == 0
        if self.fresh:
            self.db.executescript(SCHEMA + "PRAGMA user_version=%d;" % SCHEMA_VERSION)
        elif version != SCHEMA_VERSION:
            raise ValueError("this file was written by another version of the sandbox; use --reset")
        self.kv = {r[0]: json.loads(r[1]) for r in self.db.execute("SELECT key,val FROM kv")}
        self.cfg = dict(CONFIG, **self.kv.get("config", {}))
        self.sw = dict(SWITCHES, **self.kv.get("switches", {}))
        self.clock = Clock(self)

    # transactions -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def tx(self):
        """One write transaction; nests. Functions given to `after` run once it is committed."""
        with self.lock:
            self.depth += 1
            try:
                if self.depth == 1:
                    self.db.execute("BEGIN IMMEDIATE")
                yield self
            except BaseException:
                if self.depth == 1:
                    self.db.execute("ROLLBACK")
                    self.after_commit = []
                raise
            else:
                if self.depth == 1:
                    self.db.execute("COMMIT")
            finally:
                self.depth -= 1
            if self.depth == 0 and self.after_commit:
                todo, self.after_commit = self.after_commit, []
                for fn in todo:
                    fn()

    def after(self, fn):
        self.after_commit.append(fn)

    def q(self, sql, *args):
        with self.lock:
            return self.db.execute(sql, args).fetchall()

    def one(self, sql, *args):
        with self.lock:
            return self.db.execute(sql, args).fetchone()

    def run(self, sql, *args):
        with self.lock:
            return self.db.execute(sql, args)

    # settings ---------------------------------------------------------------------------------

    def put(self, key, val):
        self.kv[key] = val
        self.run("INSERT OR REPLACE INTO kv VALUES(?,?)", key, json.dumps(val))

    def save_config(self):
        self.put("config", self.cfg)

    def save_switches(self):
        self.put("switches", self.sw)

    def set_product_url(self, url):
        """The product's address decides the registered redirect URIs and callbacks."""
        url = url.rstrip("/")
        self.cfg.update(product_url=url, fb_redirect_uris=[url + "/facebook/callback"],
                        pd_redirect_uris=[url + "/pipedrive/callback"],
                        deauthorize_url=url + "/facebook/deauthorize", deletion_url=url + "/facebook/deletion")

    def wipe(self):
        """Empty every table but the configuration; switches and clock go back to their defaults."""
        keep = ("config",)
        with self.tx():
            for (name,) in self.db.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
                if name != "kv":
                    self.db.execute("DELETE FROM " + name)
            self.db.execute("DELETE FROM kv WHERE key NOT IN ('config')")
            self.kv = {k: v for k, v in self.kv.items() if k in keep}
            self.sw.clear()
            self.sw.update(SWITCHES)
            self.clock.load()

    def snapshot(self):
        """Everything there is, as a database in memory."""
        with self.lock:
            copy = sqlite3.connect(":memory:", check_same_thread=False)
            self.db.backup(copy)
            return copy

    def restore(self, copy):
        """All tables as they were; faults and webhooks on their way are the caller's."""
        with self.lock:
            copy.backup(self.db)
            self.kv = {r[0]: json.loads(r[1]) for r in self.db.execute("SELECT key,val FROM kv")}
            for live, start, key in ((self.cfg, CONFIG, "config"), (self.sw, SWITCHES, "switches")):
                live.clear()
                live.update(dict(start, **self.kv.get(key, {})))
            self.clock.load()

    # ids --------------------------------------------------------------------------------------

    def next(self, name, start=1):
        """Counter that starts at `start`. Counters never repeat within a file."""
        with self.lock:
            row = self.db.execute("SELECT val FROM counter WHERE name=?", (name,)).fetchone()
            val = start if row is None else row[0] + 1
            self.db.execute("INSERT OR REPLACE INTO counter VALUES(?,?)", (name, val))
            return val

    def opaque(self, name, size):
        """A long opaque string, different at every call, same again in a fresh file."""
        n = self.next("opaque." + name)
        out, i = "", 0
        while len(out) < size:
            d = hashlib.sha256(("%s/%d/%d" % (name, n, i)).encode()).digest()
            out += base64.urlsafe_b64encode(d).decode().rstrip("=")
            i += 1
        return out[:size]

    def close(self):
        with self.lock:
            self.db.close()
        if self.temp:
            for end in ("", "-wal", "-shm"):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(self.temp, "sandbox.db" + end))
            with contextlib.suppress(OSError):
                os.rmdir(self.temp)
