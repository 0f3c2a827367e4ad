# SPDX-License-Identifier: MIT
"""Webhook delivery: Meta's (signed, batched, retried) and Pipedrive's (Basic auth, retried, banned).

Purpose: an event becomes a POST body; bodies wait in lanes (one per Page, so that order is kept unless a
test wants otherwise) and are sent by a pool of threads. A policy can hold, delay, duplicate, drop, batch and reorder.
Ownership: `Hooks` owns the queue in memory; table `hook_post` holds each body and its attempts, table
`hook_event` what is held or gathering. Both are reloaded at a restart.
Can fail: the product's endpoint; that is the point. A failing Page is retried with growing intervals of the
sandbox clock and loses its subscription after one hour.
"""
import base64
import collections
import hashlib
import hmac
import http.client
import json
import random
import threading
import time
import urllib.parse
import uuid

from . import store as S

WORKERS = 8
RETRY_MS = (0, 15_000, 60_000, 300_000, 900_000, 1_800_000)
GIVE_UP_MS = 36 * 3600_000
DISABLE_MS = 3600_000
PD_RETRY_MS = (3_000, 30_000, 150_000)
PD_TIMEOUT_S = 10
PD_BAN_AFTER, PD_BAN_MS = 10, 30 * 60_000
PD_DELETE_MS = 3 * 86_400_000
KEEP_POSTS = 20_000

POLICY = {"hold": False, "duplicates": 0, "parallel": False, "delay_ms": 0, "reorder": False, "drop": 0, "batch": 1, "batch_ms": 150}

# first matching payload key -> subscription field
FIELD_OF = (("message_edit", "message_edits"), ("delivery", "message_deliveries"), ("read", "message_reads"),
            ("reaction", "message_reactions"), ("postback", "messaging_postbacks"), ("referral", "messaging_referrals"),
            ("optin", "messaging_optins"), ("account_linking", "messaging_account_linking"),
            ("policy_enforcement", "messaging_policy_enforcement"), ("pass_thread_control", "messaging_handovers"),
            ("take_thread_control", "messaging_handovers"), ("request_thread_control", "messaging_handovers"),
            ("app_roles", "messaging_handovers"), ("response_feedback", "response_feedback"),
            ("messaging_feedback", "messaging_feedback"), ("order", "send_cart"))


def encode(obj):
    """JSON as Meta puts it on the wire: ASCII, `\\/`, and `<`, `%`, `@` as \\u escapes."""
    text = json.dumps(obj, ensure_ascii=True, separators=(",", ":"))
    return (text.replace("/", "\\/").replace("<", "\\u003C").replace("%", "\\u0025").replace("@", "\\u0040")).encode("ascii")


def signatures(secret, body):
    """-> (X-Hub-Signature-256 value, X-Hub-Signature value)."""
    key = secret.encode()
    return ("sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest(), "sha1=" + hmac.new(key, body, hashlib.sha1).hexdigest())


def field_of(event):
    """Subscription field of a messaging event."""
    msg = event.get("message")
    if isinstance(msg, dict):
        return "message_echoes" if msg.get("is_echo") else "messages"
    for key, field in FIELD_OF:
        if key in event:
            return field
    return "messages"


def http_call(method, url, body, headers, timeout):
    """One outgoing HTTP call on a fresh connection -> (status, body bytes, error text or None)."""
    try:
        u = urllib.parse.urlsplit(url)
        if u.scheme not in ("http", "https") or u.hostname not in ("127.0.0.1", "localhost", "::1"):
            return 0, b"", "the sandbox calls loopback addresses only"
        # With https the certificate counts, as for the services; $SSL_CERT_FILE names a test's authority.
        kind = http.client.HTTPSConnection if u.scheme == "https" else http.client.HTTPConnection
        c = kind(u.hostname, u.port, timeout=timeout)
        try:
            path = (u.path or "/") + ("?" + u.query if u.query else "")
            c.request(method, path, body=body, headers=dict(headers, Connection="close"))
            r = c.getresponse()
            return r.status, r.read(1 << 20), None
        finally:
            c.close()
    except (OSError, http.client.HTTPException, ValueError) as e:
        return 0, b"", type(e).__name__ + ": " + str(e)


class _Job:
    """A post waiting to be sent. `mono` = earliest real moment, `due` = earliest sandbox moment (retries)."""
    __slots__ = ("id", "lane", "mono", "due", "retry", "held", "service")

    def __init__(self, pid, lane, mono, due=0, retry=False, held=False, service="facebook"):
        self.id, self.lane, self.mono, self.due, self.retry, self.held = pid, lane, mono, due, retry, held
        self.service = service


class Hooks:
    """Queue, scheduler and sender pool."""

    def __init__(self, sb):
        self.sb, self.st = sb, sb.st
        self.cv = threading.Condition()
        self.lanes, self.retries, self.held = {}, [], []     # waiting: in order per lane; for a retry; for a flush
        self.busy, self.inflight = set(), 0
        self.staged_since = None
        self.stopping = False
        self.rng = random.Random(7)
        self.policy = {"facebook": dict(POLICY), "pipedrive": dict(POLICY)}
        for name, pol in (self.st.kv.get("policy") or {}).items():
            self.policy[name].update(pol)
        self._reload()

    def start(self):
        for _ in range(WORKERS):
            threading.Thread(target=self._worker, daemon=True).start()
        threading.Thread(target=self._stager, daemon=True).start()

    def _reload(self):
        for r in self.st.q("SELECT id,service,pages,due,state FROM hook_post WHERE state IN ('queued','retry','held')"):
            self._queue(_Job(r["id"], self._lane(r["service"], r["pages"], r["id"]), 0, r["due"], r["state"] == "retry", r["state"] == "held",
                             r["service"]))
        if self.st.one("SELECT 1 FROM hook_event LIMIT 1"):
            self.staged_since = time.monotonic()

    def reset(self):
        """Forget everything queued (the tables are emptied by the caller)."""
        with self.cv:
            self.lanes, self.retries, self.held, self.staged_since = {}, [], [], None
            for p in self.policy.values():
                p.update(POLICY)
            self.cv.notify_all()

    def set_policy(self, service, values):
        with self.st.tx():
            self.policy[service].update(values)
            self.st.put("policy", self.policy)
        if not self.policy[service]["hold"] and "hold" in values:
            self.flush("fifo", False, service)
        self.wake()

    def wake(self):
        with self.cv:
            self.cv.notify_all()

    @staticmethod
    def _lane(service, pages, pid):
        return "%s:%s" % (service, pages) if pages and "," not in pages else "%s#%d" % (service, pid)

    # Meta: events into bodies --------------------------------------------------------------------

    def subscribed(self, page, field):
        """Both the app-level and the Page's subscription must hold the field."""
        cfg = self.st.cfg
        if not cfg["callback"] or field not in cfg["fields"]:
            return False
        r = self.st.one("SELECT fields FROM fb_sub WHERE page=? AND app=?", page, cfg["fb_app_id"])
        return r is not None and field in json.loads(r["fields"])

    def emit(self, page, kind, event, field=None, force=False):
        """An event happened on a Page. Call inside a transaction. -> event number, or 0 when nobody is subscribed."""
        if kind == "standby":
            field = field or "standby"
        elif kind == "messaging":
            field = field or field_of(event)
        if not force and not self.subscribed(page, field):
            return 0
        return self._stage(page, kind, event)

    def _stage(self, page, kind, event):
        pol = self.policy["facebook"]
        if pol["drop"]:
            if pol["drop"] is not True:
                pol["drop"] -= 1
            return 0
        now = self.st.clock.now()
        if pol["batch"] > 1 or pol["reorder"]:
            eid = self.st.run("INSERT INTO hook_event(page,kind,event,time) VALUES(?,?,?,?)", page, kind, json.dumps(event), now).lastrowid
            self.st.after(self._staged)
            return eid
        return self._post_body(self._body([(page, kind, event, now)]), page)

    def _staged(self):
        with self.cv:
            if self.staged_since is None:
                self.staged_since = time.monotonic()
            self.cv.notify_all()

    def _body(self, items):
        """[(page, kind, event, time)] -> wire bytes; neighbours of one Page and kind share an entry."""
        entries = []
        for page, kind, event, now in items:
            if entries and entries[-1]["id"] == page and kind in entries[-1] and kind != "changes":
                entries[-1][kind].append(event)
            else:
                entries.append({"id": page, "time": now // 1000 if kind == "changes" else now, kind: [event]})
        return encode({"object": "page", "entry": entries})

    def post_raw(self, body, signature=False, pages=""):
        """A ready body (control). signature: False = proper one, None = header left out, else verbatim."""
        return self._post_body(body, pages, signature)

    def _post_body(self, body, pages, signature=False):
        cfg = self.st.cfg
        headers = {"Content-Type": "application/json", "User-Agent": "facebookexternalua", "Accept": "*/*"}
        sha256, sha1 = signatures(cfg["fb_app_secret"], body)
        if signature is False:
            headers["X-Hub-Signature-256"] = sha256
            if self.st.sw["legacy_sha1"]:
                headers["X-Hub-Signature"] = sha1
        elif signature is not None:
            headers["X-Hub-Signature-256"] = signature
        return self._insert("facebook", cfg["callback"], pages, body, headers)

    def _insert(self, service, url, pages, body, headers, ref=None):
        pol = self.policy[service]
        state = "held" if pol["hold"] else "queued"
        pid = self.st.run("INSERT INTO hook_post(service,url,pages,body,headers,state,created,ref) VALUES(?,?,?,?,?,?,?,?)", service, url,
                          pages, body, json.dumps(headers), state, self.st.clock.now(), ref).lastrowid
        if pid % 1000 == 0:
            self.st.run("DELETE FROM hook_post WHERE id<? AND state IN ('sent','dropped','failed')", pid - KEEP_POSTS)
        job = _Job(pid, self._lane(service, pages, pid), time.monotonic() + pol["delay_ms"] / 1000, held=pol["hold"], service=service)
        self.st.after(lambda: self._add(job))
        return pid

    def _queue(self, job):
        if job.held:
            self.held.append(job)
        elif job.retry:
            self.retries.append(job)
        else:
            self.lanes.setdefault(job.lane, collections.deque()).append(job)

    def _add(self, job):
        with self.cv:
            self._queue(job)
            self.cv.notify()

    def _stager(self):
        """Gathers events for batching and reordering, then makes bodies of them."""
        while not self.stopping:
            with self.cv:
                while self.staged_since is None and not self.stopping:
                    self.cv.wait(1)
                pol = self.policy["facebook"]
                wait = (self.staged_since or 0) + pol["batch_ms"] / 1000 - time.monotonic()
            if self.stopping:
                return
            if wait > 0:
                time.sleep(min(wait, 0.05))
                continue
            with self.st.tx():
                self._unstage(pol)
            with self.cv:
                self.cv.notify_all()

    def _unstage(self, pol):
        rows = self.st.q("SELECT id,page,kind,event,time FROM hook_event ORDER BY id")
        self.st.run("DELETE FROM hook_event")
        if pol["reorder"]:
            rows = rows[::-1]
        n = max(1, pol["batch"])
        for i in range(0, len(rows), n):
            items = [(r["page"], r["kind"], json.loads(r["event"]), r["time"]) for r in rows[i:i + n]]
            pages = ",".join(sorted({x[0] for x in items}))
            self._post_body(self._body(items), pages)
        self.staged_since = None

    # Pipedrive -----------------------------------------------------------------------------------

    def pipedrive(self, hook, company, entity, action, eid, data, previous, source, user, extra=None):
        """One delivery to one Pipedrive webhook. Call inside a transaction."""
        now = self.st.clock.now()
        if hook.get("banned_until", 0) > now:
            return 0
        meta = {"action": action, "entity": entity, "entity_id": str(eid), "company_id": str(company["id"]), "user_id": str(user),
                "id": str(uuid.uuid4()), "correlation_id": str(uuid.uuid4()), "timestamp": S.rfc_ms(now), "type": "application",
                "version": "2.0", "webhook_id": str(hook["id"]), "webhook_owner_id": str(hook["owner_id"]), "change_source": source,
                "attempt": 1, "is_bulk_edit": False, "host": company["domain"] + ".pipedrive.com",
                "permitted_user_ids": [str(r["id"]) for r in self.st.q("SELECT id FROM pd_user WHERE company=? ORDER BY id", company["id"])]}
        meta.update(extra or {})
        body = json.dumps({"meta": meta, "data": data, "previous": previous}, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "Pipedrive Webhooks"}
        if hook.get("http_auth_user") is not None:
            cred = "%s:%s" % (hook["http_auth_user"], hook.get("http_auth_password") or "")
            headers["Authorization"] = "Basic " + base64.b64encode(cred.encode()).decode()
        pol = self.policy["pipedrive"]
        if pol["drop"]:
            if pol["drop"] is not True:
                pol["drop"] -= 1
            return 0
        return self._insert("pipedrive", hook["subscription_url"], "", body, headers, "%d:%d" % (company["id"], hook["id"]))

    # sending -------------------------------------------------------------------------------------

    def _pick(self):
        """The next job that may go now; lanes keep order. Call with the condition held."""
        mono, now = time.monotonic(), self.st.clock.now()
        away = {"facebook": self.st.sw["away"], "pipedrive": self.st.sw["pd_away"]}
        for i, j in enumerate(self.retries):
            if j.due <= now and j.lane not in self.busy and not away[j.service]:
                return self.retries.pop(i)
        for lane, jobs in self.lanes.items():
            j = jobs[0]
            if lane not in self.busy and j.mono <= mono and not away[j.service]:
                jobs.popleft()
                del self.lanes[lane]
                if jobs:
                    self.lanes[lane] = jobs     # to the end: every lane gets its turn
                return j
        return None

    def _worker(self):
        while not self.stopping:
            with self.cv:
                job = self._pick()
                if job is None:
                    # retries follow the sandbox clock and delays the real one: look again soon if any wait
                    self.cv.wait(0.05 if self.lanes or self.retries else 1)
                    continue
                self.busy.add(job.lane)
                self.inflight += 1
            again = None
            try:
                again = self._send(job)
            finally:
                with self.cv:
                    self.busy.discard(job.lane)
                    self.inflight -= 1
                    if again:
                        self.retries.append(again)

    def _send(self, job):
        """Send one body (with duplicates); -> the job again when it must be retried."""
        p = self.st.one("SELECT * FROM hook_post WHERE id=?", job.id)
        if p is None:
            return None
        attempts = json.loads(p["attempts"])
        headers, body = json.loads(p["headers"]), p["body"]
        url = self.st.cfg["callback"] if job.service == "facebook" and self.st.cfg["callback"] else p["url"]
        if job.service == "pipedrive":
            timeout = PD_TIMEOUT_S
            if attempts:
                obj = json.loads(body)
                obj["meta"]["attempt"] = len(attempts) + 1
                body = json.dumps(obj, ensure_ascii=False, separators=(",", ":")).encode()
        else:
            timeout = self.st.sw["webhook_timeout_ms"] / 1000
        pol = self.policy[job.service]
        copies = 1 + (int(pol["duplicates"]) if not attempts else 0)
        results = self._copies(copies, pol["parallel"], url, body, headers, timeout)
        good = [r for r in results if 200 <= r["status"] < (201 if job.service == "facebook" else 300) and r["ms"] <= timeout * 1000 + 50]
        with self.st.tx():
            number = 1 + max((a.get("attempt", 1) for a in attempts), default=0)
            attempts += [dict(r, attempt=number) for r in results]
            if self.st.one("SELECT 1 FROM hook_post WHERE id=?", job.id) is None:
                return None         # emptied meanwhile
            if good:
                self._succeeded(p)
                state, due = "sent", 0
            else:
                state, due = self._failed(p, number)
            self.st.run("UPDATE hook_post SET state=?,attempts=?,due=? WHERE id=?", state, json.dumps(attempts), due, job.id)
        if state == "retry":
            job.retry, job.due = True, due
            return job
        return None

    def _copies(self, n, parallel, url, body, headers, timeout):
        out = [None] * n

        def one(i):
            t0 = time.monotonic()
            when = self.st.clock.now()
            status, _, error = http_call("POST", url, body, headers, timeout)
            out[i] = {"time": when, "status": status, "ms": int((time.monotonic() - t0) * 1000), "error": error}
        if n > 1 and parallel:
            ts = [threading.Thread(target=one, args=(i,), daemon=True) for i in range(n)]
            for t in ts:
                t.start()
            for t in ts:
                t.join()
        else:
            for i in range(n):
                one(i)
        return out

    def _succeeded(self, p):
        for page in filter(None, (p["pages"] or "").split(",")):
            self.st.run("UPDATE fb_page SET fail_since=NULL WHERE id=? AND fail_since IS NOT NULL", page)
        if p["ref"]:
            self._pd_mark(p["ref"], True, 1)

    def _failed(self, p, attempt):
        """-> (state, due) after a failed attempt."""
        now = self.st.clock.now()
        if p["service"] == "pipedrive":
            self._pd_mark(p["ref"], False, attempt)
            if attempt > len(PD_RETRY_MS):
                return "failed", 0
            return "retry", now + PD_RETRY_MS[attempt - 1]
        disabled = False
        for page in filter(None, (p["pages"] or "").split(",")):
            r = self.st.one("SELECT fail_since FROM fb_page WHERE id=?", page)
            if r is None:
                continue
            if r["fail_since"] is None:
                self.st.run("UPDATE fb_page SET fail_since=? WHERE id=?", now, page)
            elif now - r["fail_since"] >= DISABLE_MS:
                self.st.run("DELETE FROM fb_sub WHERE page=? AND app=?", page, self.st.cfg["fb_app_id"])
                self.st.run("UPDATE fb_page SET fail_since=NULL WHERE id=?", page)
                disabled = True
        if disabled or now - p["created"] > GIVE_UP_MS:
            return "failed", 0
        wait = RETRY_MS[attempt - 1] if attempt <= len(RETRY_MS) else 3600_000
        return "retry", now + wait

    def _pd_mark(self, ref, good, attempt):
        """
        Ban counter of a Pipedrive webhook: failed first attempts count; at ten it is banned for half an hour.
        Three days with failures and no success: Pipedrive deletes it.
        """
        company, hid = ref.split(":")
        r = self.st.one("SELECT data FROM pd_obj WHERE company=? AND kind='webhook' AND id=?", int(company), hid)
        if r is None:
            return
        h, now = json.loads(r["data"]), self.st.clock.now()
        h["last_delivery_time"] = S.sql_time(now)
        h["last_http_status"] = 200 if good else 0
        if good:
            h.pop("fail_since", None)
        elif now - h.setdefault("fail_since", now) >= PD_DELETE_MS:
            self.st.run("DELETE FROM pd_obj WHERE company=? AND kind='webhook' AND id=?", int(company), hid)
            return
        if not good and attempt == 1:
            h["fails"] = h.get("fails", 0) + 1
            if h["fails"] >= PD_BAN_AFTER:
                h["fails"], h["banned_until"] = 0, now + PD_BAN_MS
        self.st.run("UPDATE pd_obj SET data=? WHERE company=? AND kind='webhook' AND id=?", json.dumps(h), int(company), hid)

    # control -------------------------------------------------------------------------------------

    def flush(self, order="fifo", retries=True, service=None):
        """Release what is held (once) in a chosen order; make retries due. -> number released."""
        with self.st.tx():
            if self.st.one("SELECT 1 FROM hook_event LIMIT 1"):
                self._unstage(self.policy["facebook"])
        with self.cv:
            held = [j for j in self.held if service in (None, j.service)]
            self.held = [j for j in self.held if service not in (None, j.service)]
            if order == "reverse":
                held.reverse()
            elif order == "random":
                self.rng.shuffle(held)
            for j in held:
                j.held, j.mono = False, 0
                self._queue(j)
            if retries:
                for j in self.retries:
                    j.due = 0 if service in (None, j.service) else j.due
            self.cv.notify_all()
        ids = [j.id for j in held]
        with self.st.tx():
            for i in ids:
                self.st.run("UPDATE hook_post SET state='queued' WHERE id=? AND state='held'", i)
        return len(ids)

    def counts(self):
        staged = 1 if self.staged_since is not None else 0
        queued = sum(len(q) for q in self.lanes.values())
        return {"queued": queued + staged, "inflight": self.inflight, "retrying": len(self.retries), "held": len(self.held)}

    def wait(self, deadline_ms, retries=False):
        """Until nothing is queued or on its way. A retry that is due already counts as queued."""
        end = time.monotonic() + deadline_ms / 1000
        with self.cv:
            while True:
                c, now = self.counts(), self.st.clock.now()
                due = any(j.due <= now for j in self.retries)
                idle = not c["queued"] and not c["inflight"] and not due and not (retries and c["retrying"])
                left = end - time.monotonic()
                if idle or left <= 0:
                    return dict(c, idle=idle)
                self.cv.wait(min(left, 0.02))

    def sent(self, pid, deadline_ms):
        """Wait until one post has had its first attempt (switch echo_first)."""
        end = time.monotonic() + deadline_ms / 1000
        while time.monotonic() < end:
            r = self.st.one("SELECT state FROM hook_post WHERE id=?", pid)
            if r is None or r["state"] not in ("queued",):
                return
            with self.cv:
                self.cv.wait(0.02)

    def stop(self):
        self.stopping = True
        self.wake()
