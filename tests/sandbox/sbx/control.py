# SPDX-License-Identifier: MIT
"""Control interface for tests: JSON over HTTP under /_control/. README.md documents every call.

Purpose: play customers and other apps, break things, move the clock, look at what happened.
Ownership: none of its own; it drives the other modules. Can fail: ControlError -> HTTP 400 with a reason.
"""
import base64
import binascii
import hashlib
import json
import re
import sqlite3

from . import facebook as FB, media, messenger as M, pdframes, pdrecords, pdweb, pictures, pipedrive as PD, seed
from .errors import ControlError, GraphError, PdError
from .store import DEFAULT_SCOPES, PAGE_FIELDS, SWITCHES
from .webhooks import POLICY, encode
from .wire import json_response


def handle(sb, rq):
    """Find the call, check the body, answer."""
    if rq.headers.get("sec-fetch-site") == "cross-site":
        raise ControlError("cross-site calls are refused")
    name = rq.path[len("/_control/"):].strip("/")
    entry = CALLS.get((rq.method, name))
    if entry is None:
        raise ControlError("no such call: %s %s" % (rq.method, rq.path))
    body = {}
    if rq.method == "POST" and rq.body:
        try:
            body = json.loads(rq.body.decode("utf-8"))
        except (ValueError, UnicodeDecodeError):
            raise ControlError("the body is not JSON") from None
        if not isinstance(body, dict):
            raise ControlError("the body must be an object")
    fn, own = entry
    try:
        if own:
            out = fn(sb, body if rq.method == "POST" else rq.query)
        else:
            with sb.st.tx():
                out = fn(sb, body if rq.method == "POST" else rq.query)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, sqlite3.Error) as e:
        raise ControlError("%s: %s" % (type(e).__name__, e)) from e
    except GraphError as e:
        raise ControlError(e.key) from e
    except PdError as e:
        raise ControlError("pipedrive: %s" % json.dumps(e.body)) from e
    return json_response(dict({"ok": True}, **(out or {})))


def _conv(sb, d):
    c = M.conv_by(sb.st, str(d["page"]), str(d["psid"]))
    if c is None:
        raise ControlError("no such customer: page %s psid %s" % (d.get("page"), d.get("psid")))
    return c


def _msg(sb, mid):
    m = sb.st.one("SELECT * FROM fb_msg WHERE mid=?", str(mid))
    if m is None:
        raise ControlError("no such message")
    return m


def _page(sb, pid):
    p = sb.st.one("SELECT * FROM fb_page WHERE id=?", str(pid))
    if p is None:
        raise ControlError("no such Page")
    return p


# life -----------------------------------------------------------------------------------------------------

def health(sb, _d):
    return {"time": sb.st.clock.now(), "port": sb.port, "seed": sb.st.cfg["seed"]}


def _wipe(sb):
    sb.st.wipe()
    sb.hooks.reset()
    sb.rates.clear()
    sb.pd_rates.clear()
    sb.faults.items = []
    sb.st.cfg.update(seed="none", pd_scopes=list(DEFAULT_SCOPES))
    sb.st.save_config()


def do_seed(sb, d):
    name = d.get("name", "small")
    if name not in seed.NAMES:
        raise ControlError("unknown seed")
    with sb.st.tx():
        if d.get("reset", True):
            _wipe(sb)
        seed.load(sb, name, int(d.get("count", 65)))
    return {"name": name}


def reset(sb, _d):
    _wipe(sb)


_snapshots = {}


def snapshot(sb, d):
    old = _snapshots.pop(str(d.get("name", "")), None)
    if old is not None:
        old.close()
    _snapshots[str(d.get("name", ""))] = sb.st.snapshot()


def restore(sb, d):
    copy = _snapshots.get(str(d.get("name", "")))
    if copy is None:
        raise ControlError("no such snapshot")
    sb.hooks.reset()
    sb.rates.clear()
    sb.pd_rates.clear()
    sb.st.restore(copy)
    sb.faults.items = sb.st.kv.get("faults") or []
    for service, policy in (sb.st.kv.get("policy") or {}).items():
        sb.hooks.policy[service].update(policy)


def config_get(sb, _d):
    out = dict(sb.st.cfg)
    out["switches"] = dict(sb.st.sw)
    return out


_LISTS = {"fields", "fb_redirect_uris", "pd_redirect_uris", "pd_scopes"}
_TEXTS = {"callback", "verify_token", "app_version", "fb_app_id", "fb_app_secret", "fb_app_name", "pd_client_id", "pd_client_secret", "deauthorize_url", "deletion_url"}


def config_set(sb, d):
    st = sb.st
    for k in d:
        if k not in _LISTS | _TEXTS | {"product_url", "handshake", "switches"}:
            raise ControlError("unknown member: " + k)
    with st.tx():
        if "product_url" in d:
            st.set_product_url(str(d["product_url"]))
        for k in _LISTS & set(d):
            st.cfg[k] = [str(x) for x in d[k]]
        for k in _TEXTS & set(d):
            st.cfg[k] = str(d[k] or "")
        if d.get("callback") and not st.cfg["fields"]:
            st.cfg["fields"] = list(PAGE_FIELDS)
        for k, v in (d.get("switches") or {}).items():
            if k not in SWITCHES:
                raise ControlError("unknown switch: " + k)
            if isinstance(SWITCHES[k], bool) and not isinstance(v, bool):
                raise ControlError("switch %s is true or false" % k)
            st.sw[k] = v
        st.save_config()
        st.save_switches()
    sb.hooks.wake()
    out = config_get(sb, None)
    if d.get("handshake"):
        ok, status, why = FB.handshake(sb, st.cfg["callback"], st.cfg["verify_token"])
        out["handshake"] = {"ok": ok, "status": status, "reason": why}
    return out


def clock_get(sb, _d):
    c = sb.st.clock
    return {"now": c.now(), "mode": "fixed" if c.fixed is not None else "offset", "offset": c.offset}


def clock_set(sb, d):
    import time
    c = sb.st.clock
    if "fixed" in d:
        c.set(fixed=int(d["fixed"]))
    elif "offset" in d:
        c.set(offset=int(d["offset"]))
    elif "now" in d:
        c.set(offset=int(d["now"]) - int(time.time() * 1000))
    elif "advance" in d:
        step = int(d["advance"])
        if c.fixed is not None:
            c.set(fixed=c.fixed + step)
        else:
            c.set(offset=c.offset + step)
    elif d.get("real"):
        c.set()
    else:
        raise ControlError("one of offset, advance, fixed, now, real")
    sb.st.after(sb.hooks.wake)
    return clock_get(sb, None)


# customers ------------------------------------------------------------------------------------------------

_FLAGS = ("blocked", "deactivated", "online", "no_name", "can_reply")


def customer_new(sb, d):
    page = _page(sb, d["page"])
    first, last = d.get("first_name"), d.get("last_name")
    if first is None and last is None:
        first, _, last = str(d.get("name", "New Customer")).partition(" ")
    if d.get("psid") and M.conv_by(sb.st, page["id"], str(d["psid"])):
        raise ControlError("this PSID exists on the Page")
    c = M.new_conv(sb.st, page["id"], str(d["psid"]) if d.get("psid") else None, first or "", last or "", locale=d.get("locale"))
    customer_update(sb, dict(d, page=page["id"], psid=c["psid"], name=None))
    return {"psid": c["psid"], "conversation": c["id"]}


def customer_update(sb, d):
    c, st = _conv(sb, d), sb.st
    for k in _FLAGS:
        if k in d:
            st.run("UPDATE fb_conv SET %s=? WHERE id=?" % k, int(bool(d[k])), c["id"])
    if "profile_error" in d:
        st.run("UPDATE fb_conv SET profile_error=? WHERE id=?", int(d["profile_error"]), c["id"])
    if d.get("name"):
        first, _, last = str(d["name"]).partition(" ")
        st.run("UPDATE fb_conv SET first=?,last=? WHERE id=?", first, last, c["id"])


def build_attachments(sb, items):
    """Attachments of customer/write and page/write -> stored form."""
    st, out = sb.st, []
    for a in items or []:
        if not isinstance(a, dict) or "payload" in a or not a.get("type"):
            out.append(M.attachment(st, a.get("type", "?") if isinstance(a, dict) else "?", None, verbatim=a))
            continue
        kind = a["type"]
        if a.get("data") is not None:
            try:
                data = base64.b64decode(a["data"], validate=True)
            except (binascii.Error, TypeError):
                raise ControlError("attachment data must be base64") from None
            w, h = media.png_size(data)
            mid = media.add(st, data, a.get("mime", "application/octet-stream"), a.get("name", "file"), w, h)
        else:
            sample = a.get("picture") or {"sticker": "sticker", "audio": "voice", "video": "video", "file": "pdf", "image": "bicycle"}.get(kind)
            if sample is None:
                out.append(M.attachment(st, kind, None, verbatim=a))
                continue
            try:
                pictures.describe(sample)
            except KeyError:
                raise ControlError("unknown picture") from None
            mid = media.add_sample(st, sample)
        more = {"sticker_id": a.get("sticker_id", 369239263222822)} if kind == "sticker" else {}
        out.append(M.attachment(st, kind, mid, **more))
    return out


def _write(sb, d, direction):
    c = _conv(sb, d)
    count = max(1, min(10_000, int(d.get("count", 1))))
    mids = []
    for i in range(count):
        c = sb.st.one("SELECT * FROM fb_conv WHERE id=?", c["id"])
        text = d.get("text")
        if count > 1 and text is not None:
            text = "%s %d" % (text, i + 1)
        more = {"ts": int(d["timestamp"]) + i if d.get("timestamp") is not None else None, "mid": d.get("mid") if count == 1 else None, "reply_to": d.get("reply_to"),
                "extra": {"quick_reply": {"payload": d["quick_reply"]}} if d.get("quick_reply") else None, "unsupported": bool((d.get("message") or {}).get("is_unsupported"))}
        if more["mid"] and sb.st.one("SELECT 1 FROM fb_msg WHERE mid=?", more["mid"]):
            raise ControlError("this mid exists")
        if direction == "out":
            app = d.get("app_id", M.PAGE_INBOX_APP)
            more.update(app_id=str(app) if app is not None else None, metadata=d.get("metadata"))
        atts = build_attachments(sb, d.get("attachments"))
        if text is None and isinstance((d.get("message") or {}).get("text"), str):
            text = d["message"]["text"]
        m, _ = M.write(sb, c, direction, text, atts, d.get("message"), d.get("event"), bool(d.get("silent")), bool(d.get("phantom")), d.get("standby"), **more)
        mids.append(m["mid"])
    return {"mid": mids[-1], "mids": mids, "timestamp": m["ts"], "conversation": c["id"]}


def customer_write(sb, d):
    return _write(sb, d, "in")


def page_write(sb, d):
    out = _write(sb, d, "out")
    if d.get("take_control"):
        M.set_owner(sb, _conv(sb, d), str(d.get("app_id") or M.PAGE_INBOX_APP), "", take=True)
    return out


def customer_react(sb, d):
    M.react(sb, _msg(sb, d["mid"]), str(d["psid"]), d.get("reaction", "love"), d.get("emoji"), d.get("action", "react"))


def customer_edit(sb, d):
    M.edit(sb, _msg(sb, d["mid"]), str(d["text"]), d.get("num_edit"))


def customer_unsend(sb, d):
    M.unsend(sb, _msg(sb, d["mid"]))


def customer_postback(sb, d):
    return {"mid": M.postback(sb, _conv(sb, d), d.get("title", "Get started"), d.get("payload", "GET_STARTED"), d.get("referral"))["mid"]}


def customer_referral(sb, d):
    c = _conv(sb, d)
    ev = M.event_shell(c["page"], c["psid"], sb.st.clock.now())
    ev["referral"] = d.get("referral") or {"ref": "qr-shop", "source": "SHORTLINK", "type": "OPEN_THREAD"}
    M.clicked(sb.st, c, ev["referral"], ev["timestamp"])
    M.emit(sb, c, ev)


def customer_read(sb, d):
    M.seen(sb, _conv(sb, d), int(d.get("watermark") or sb.st.clock.now()))


def customer_delivered(sb, d):
    M.delivered(sb, _conv(sb, d), d.get("mids") or [], int(d.get("watermark") or sb.st.clock.now()))


def customer_history(sb, d):
    """Bulk history without webhooks; times end at `end` and step back evenly."""
    c, n = _conv(sb, d), max(1, min(100_000, int(d["count"])))
    end, step = int(d.get("end") or sb.st.clock.now() - 60_000), int(d.get("step") or 60_000)
    mids = []
    for i in range(n):
        direction = "in" if i % 2 == 0 else "out"
        text = (d.get("text") or "History %d") % (i + 1) if "%d" in (d.get("text") or "%d") else d["text"]
        m = M.add_message(sb.st, c, direction, text, ts=end - (n - 1 - i) * step, app_id=M.PAGE_INBOX_APP if direction == "out" else None)
        mids.append(m["mid"])
    return {"mids": mids, "conversation": c["id"]}


# the Page's side --------------------------------------------------------------------------------------------

def thread_control(sb, d):
    if "default_app" in d and "psid" not in d:
        sb.st.run("UPDATE fb_page SET default_app=? WHERE id=?", d["default_app"], _page(sb, d["page"])["id"])
        return
    c = _conv(sb, d)
    new = str(d["owner"]) if d.get("owner") else None
    M.set_owner(sb, c, new, d.get("metadata", ""), event=d.get("event", True), take=new not in (None, sb.st.cfg["fb_app_id"]))


def event(sb, d):
    """Any event, any body: signed and delivered verbatim."""
    sig = d["signature"] if "signature" in d else False
    if "body" in d:
        return {"post": sb.hooks.post_raw(str(d["body"]).encode("utf-8", "surrogatepass"), sig)}
    if "entries" in d:
        pages = ",".join(sorted({str(e.get("id")) for e in d["entries"] if isinstance(e, dict) and e.get("id")}))
        return {"post": sb.hooks.post_raw(encode({"object": d.get("object", "page"), "entry": d["entries"]}), sig, pages)}
    page, kind = str(d["page"]), d.get("kind", "messaging")
    if kind not in ("messaging", "standby", "changes"):
        raise ControlError("kind must be messaging, standby or changes")
    events = d["events"] if "events" in d else [d["event"]]
    if len(events) == 1 and sig is False:
        return {"post": sb.hooks.emit(page, kind, events[0], d.get("field"), d.get("force", True))}
    now = sb.st.clock.now()
    body = encode({"object": "page", "entry": [{"id": page, "time": now // 1000 if kind == "changes" else now, kind: events}]})
    return {"post": sb.hooks.post_raw(body, sig, page)}


def page_update(sb, d):
    p, st = _page(sb, d["page"]), sb.st
    if "state" in d and d["state"] not in ("ok", "restricted", "blocked368", "deleted"):
        raise ControlError("state must be ok, restricted, blocked368 or deleted")
    for k in ("name", "state", "category"):
        if k in d:
            st.run("UPDATE fb_page SET %s=? WHERE id=?" % k, str(d[k]), p["id"])
            if k == "name":
                sb.hooks.emit(p["id"], "changes", {"field": "name", "value": d["name"]}, "name")
    for k in ("is_published", "business"):
        if k in d:
            st.run("UPDATE fb_page SET %s=? WHERE id=?" % k, int(bool(d[k])), p["id"])
    if d.get("user") and "tasks" in d:
        role(sb, d)
    if d.get("state") == "restricted":
        ev = {"recipient": {"id": p["id"]}, "timestamp": st.clock.now(), "policy_enforcement": {"action": "block", "reason": "The Page was blocked because of a policy violation."}}
        sb.hooks.emit(p["id"], "messaging", ev)


# delivery ---------------------------------------------------------------------------------------------------

def _service(d):
    s = d.get("service", "facebook")
    if s not in ("facebook", "pipedrive"):
        raise ControlError("service must be facebook or pipedrive")
    return s


def deliver_get(sb, d):
    return dict(sb.hooks.policy[_service(d)])


def deliver_set(sb, d):
    s = _service(d)
    values = {k: v for k, v in d.items() if k != "service"}
    for k in values:
        if k not in POLICY:
            raise ControlError("unknown member: " + k)
    sb.hooks.set_policy(s, values)
    return dict(sb.hooks.policy[s])


def flush(sb, d):
    return {"released": sb.hooks.flush(d.get("order", "fifo"), d.get("retries", True), d.get("service"))}


def wait(sb, d):
    return sb.hooks.wait(min(120_000, int(d.get("deadline_ms", 5000))), bool(d.get("retries")))


def webhooks(sb, q):
    cond, args = "1", []
    for k, col in (("service", "service"), ("page", "pages")):
        if q.get(k):
            cond += " AND %s=?" % col if k == "service" else " AND instr(pages,?)"
            args.append(q[k])
    rows = sb.st.q("SELECT * FROM (SELECT * FROM hook_post WHERE %s ORDER BY id DESC LIMIT ?) ORDER BY id" % cond, *args, int(q.get("limit", 200)))
    return {"posts": [{"id": r["id"], "service": r["service"], "url": r["url"], "pages": r["pages"], "body": r["body"].decode("utf-8", "replace"), "headers": json.loads(r["headers"]), "state": r["state"],
                       "attempts": json.loads(r["attempts"]), "due": r["due"]} for r in rows]}


def webhooks_clear(sb, _d):
    sb.st.run("DELETE FROM hook_post WHERE state IN ('sent','dropped','failed')")


# faults -----------------------------------------------------------------------------------------------------

def faults_add(sb, d):
    return {"id": sb.faults.add(d)}


def faults_list(sb, _d):
    return {"faults": sb.faults.items}


def faults_clear(sb, d):
    sb.faults.clear(d.get("id"))


# Facebook goes away ----------------------------------------------------------------------------------------------

def token_kill(sb, d):
    user, page, token = (str(d[k]) if d.get(k) else None for k in ("user", "page", "token"))
    if not (user or page or token):
        raise ControlError("one of page, user, token")
    if d.get("revive"):
        cond = [(n, v) for n, v in (("user", user), ("page", page), ("token", token)) if v]
        n = sb.st.run("UPDATE fb_token SET dead=NULL,dead_code=190 WHERE " + " AND ".join(a + "=?" for a, _ in cond), *[v for _, v in cond]).rowcount
    else:
        n = FB.kill_tokens(sb.st, int(d.get("subcode", 460)), user, page, token, int(d.get("code", 190)))
    return {"tokens": n}


def token_expire(sb, d):
    cond = [(n, str(d[n])) for n in ("user", "page", "token") if d.get(n)]
    if not cond:
        raise ControlError("one of page, user, token")
    col = "data_access" if d.get("data_access") else "expires"
    n = sb.st.run("UPDATE fb_token SET %s=? WHERE %s" % (col, " AND ".join(a + "=?" for a, _ in cond)), sb.st.clock.now() - 1000, *[v for _, v in cond]).rowcount
    return {"tokens": n}


def app_remove(sb, d):
    st = sb.st
    if d.get("user"):
        with st.tx():
            pages = FB.remove_app_user(st, str(d["user"]))
        if d.get("silent"):
            return {"pages": pages}
        status, body = FB.callback(sb, st.cfg["deauthorize_url"], str(d["user"]))
        return {"pages": pages, "status": status, "body": body}
    with st.tx():
        page = _page(sb, d["page"])["id"]
        for r in st.q("SELECT user FROM fb_grant_page WHERE page=?", page):
            FB.drop_page(st, r["user"], page)
        st.run("DELETE FROM fb_sub WHERE page=? AND app=?", page, st.cfg["fb_app_id"])
        FB.kill_tokens(st, 0, page=page)
    return {}


def app_unsubscribe(sb, d):
    sb.st.run("DELETE FROM fb_sub WHERE page=? AND app=?", _page(sb, d["page"])["id"], sb.st.cfg["fb_app_id"])


def permission(sb, d):
    if d["status"] not in ("granted", "declined", "expired"):
        raise ControlError("status must be granted, declined or expired")
    sb.st.run("INSERT OR REPLACE INTO fb_grant VALUES(?,?,?)", str(d["user"]), str(d["permission"]), d["status"])


def role(sb, d):
    if d.get("tasks"):
        seed.role(sb.st, str(d["user"]), str(d["page"]), list(d["tasks"]))
    else:
        sb.st.run("DELETE FROM fb_role WHERE user=? AND page=?", str(d["user"]), str(d["page"]))


def _callback(which):
    def run(sb, d):
        status, body = FB.callback(sb, d.get("url") or sb.st.cfg[which], str(d.get("user", "0")), d.get("page"), d.get("signed_request"))
        return {"status": status, "body": body}
    return run


LOGIN_SCOPE = "pages_show_list,pages_messaging,pages_manage_metadata,pages_read_engagement,business_management"


def fb_login(sb, d):
    st, user = sb.st, str(d["user"])
    scopes = [s for s in re.split(r"[,\s]+", d.get("scope") or LOGIN_SCOPE) if s]
    pages = [str(p) for p in d["pages"]] if "pages" in d else [r["page"] for r in st.q("SELECT page FROM fb_role WHERE user=?", user)]
    uri = d.get("redirect_uri") or st.cfg["fb_redirect_uris"][0]
    if uri not in st.cfg["fb_redirect_uris"]:
        raise ControlError("redirect_uri is not registered")
    where, code = FB.finish_login(sb, user, pages, d.get("permissions", scopes), d.get("action", "continue"), uri, d.get("state"), scopes, d.get("auth_type"))
    return {"location": where, "code": code}


def fb_token(sb, d):
    st, user = sb.st, str(d["user"])
    if not st.one("SELECT 1 FROM fb_user WHERE id=?", user):
        raise ControlError("no such Facebook user")
    if not st.one("SELECT 1 FROM fb_grant WHERE user=?", user):
        pages = [r["page"] for r in st.q("SELECT page FROM fb_role WHERE user=?", user)]
        scopes = LOGIN_SCOPE.split(",")
        FB.grant(st, user, pages, scopes, scopes)
    text = FB.user_token(st, user, d.get("long", True))
    if d.get("page"):
        page = _page(sb, d["page"])["id"]
        text = FB.page_token(st, st.one("SELECT * FROM fb_token WHERE token=?", text), page)
        if d.get("subscribe"):
            st.run("INSERT OR REPLACE INTO fb_sub VALUES(?,?,?)", page, st.cfg["fb_app_id"], json.dumps(PAGE_FIELDS))
    return {"token": text, "proof": FB.proof(st.cfg["fb_app_secret"], text)}


# Pipedrive ---------------------------------------------------------------------------------------------------

def pd_authorize(sb, d):
    uri = d.get("redirect_uri") or sb.st.cfg["pd_redirect_uris"][0]
    if not sb.st.one("SELECT 1 FROM pd_user WHERE company=? AND id=?", int(d["company"]), int(d["user"])):
        raise ControlError("no such user")
    where, code = PD.finish_authorize(sb, int(d["company"]), int(d["user"]), d.get("action", "allow"), uri, d.get("state"))
    return {"location": where, "code": code}


def pd_token(sb, d):
    if not sb.st.one("SELECT 1 FROM pd_user WHERE company=? AND id=?", int(d["company"]), int(d["user"])):
        raise ControlError("no such user")
    inst = sb.st.one("SELECT * FROM pd_install WHERE company=? AND user=?", int(d["company"]), int(d["user"])) or PD.install(sb, int(d["company"]), int(d["user"]))
    return PD.token_answer(sb, inst)


def pd_expire(sb, d):
    args = (int(d["company"]), int(d["user"]))
    if d.get("what", "access") == "access":
        n = sb.st.run("UPDATE pd_token SET expires=? WHERE company=? AND user=?", sb.st.clock.now() - 1, *args).rowcount
    else:
        n = sb.st.run("UPDATE pd_install SET used_at=0 WHERE company=? AND user=?", *args).rowcount
    return {"count": n}


def pd_uninstall(sb, d):
    with sb.st.tx():
        n = PD.uninstall(sb.st, int(d["company"]), int(d["user"]))
    if not d.get("callback", True):
        return {"installs": n}
    status, body = PD.uninstall_callback(sb, int(d["company"]), int(d["user"]))
    return {"installs": n, "status": status, "body": body}


def pd_user(sb, d):
    st, cid = sb.st, int(d["company"])
    uid = int(d["id"]) if d.get("id") else st.next("pduser", 10700001)
    old = st.one("SELECT * FROM pd_user WHERE company=? AND id=?", cid, uid)
    if old is None:
        if not st.one("SELECT 1 FROM pd_company WHERE id=?", cid):
            seed.company(st, cid, str(d.get("company_name", "Company %d" % cid)), str(d.get("domain", "company-%d" % cid)), "EE", "EUR")
        seed.pd_user(st, uid, cid, "User %d" % uid, "user%d@example.com" % uid, False)
    for k, col in (("name", "name"), ("email", "email"), ("language", "lang"), ("country", "country"), ("timezone", "tz"), ("locale", "locale")):
        if k in d:
            st.run("UPDATE pd_user SET %s=? WHERE id=?" % col, str(d[k]), uid)
    for k in ("admin", "active"):
        if k in d:
            st.run("UPDATE pd_user SET %s=? WHERE id=?" % k, int(bool(d[k])), uid)
    if old is not None:
        new = PD.user_object(st, st.one("SELECT * FROM pd_user WHERE id=?", uid))
        before = PD.user_object(st, old)
        pdrecords.notify(sb, cid, "user", "change", new, before, "app", uid)
    return {"id": uid}


def pd_object(sb, d):
    if d["kind"] not in ("person", "organization", "deal", "lead", "note", "activity"):
        raise ControlError("unknown kind")
    if d["action"] not in ("create", "change", "delete", "merge", "convert"):
        raise ControlError("unknown action")
    return {"object": pdweb.web_action(sb, int(d["company"]), d["kind"], d["action"], d.get("id"), d.get("data"), d.get("into"))}


def pd_webhook(sb, d):
    """Pipedrive ends one of the app's webhooks, as it does after three days of failures."""
    if d["action"] != "delete":
        raise ControlError("unknown action")
    n = sb.st.run("DELETE FROM pd_obj WHERE company=? AND kind='webhook' AND id=?", int(d["company"]), str(int(d["id"]))).rowcount
    return {"count": n}


def pd_state(sb, q):
    st, out = sb.st, {}
    for c in st.q("SELECT * FROM pd_company ORDER BY seq"):
        if q.get("company") and str(c["id"]) != str(q["company"]):
            continue
        for kind in ("person", "organization", "deal", "lead", "note", "activity", "webhook", "file"):
            out.setdefault(kind if kind != "webhook" else "webhooks", []).extend(dict(o, company=c["id"]) for o in pdrecords.everything(st, c["id"], kind, True))
        out.setdefault("installs", []).extend({"company": r["company"], "user": r["user"], "refresh_token": r["refresh"], "scopes": json.loads(r["scopes"])}
                                              for r in st.q("SELECT * FROM pd_install WHERE company=?", c["id"]))
    return out


# looking ------------------------------------------------------------------------------------------------------

def requests(sb, q):
    cond, args = "1", []
    for k in ("endpoint", "service", "method"):
        if q.get(k):
            cond += " AND %s=?" % k
            args.append(q[k])
    if q.get("status"):
        cond += " AND status=?"
        args.append(int(q["status"]))
    if q.get("since"):
        cond += " AND id>?"
        args.append(int(q["since"]))
    limit = int(q.get("limit", 500))
    order = "DESC" if q.get("newest") else "ASC"
    rows = sb.st.q("SELECT * FROM req WHERE %s ORDER BY id %s LIMIT ?" % (cond, order), *args, limit if not q.get("path") else -1)
    if q.get("path"):
        pat = re.compile(q["path"])
        rows = [r for r in rows if pat.search(r["path"])][:limit]
    if q.get("newest"):
        rows = rows[::-1]
    load = lambda t: json.loads(t) if t else None   # noqa: E731
    return {"requests": [{"id": r["id"], "time": r["time"], "service": r["service"], "endpoint": r["endpoint"], "method": r["method"], "path": r["path"], "query": load(r["query"]), "headers": load(r["headers"]),
                          "form": load(r["form"]), "json": load(r["json"]), "parts": load(r["parts"]), "body": r["body"], "status": r["status"], "ms": r["us"] / 1000, "fault": r["fault"], "response": r["response"]}
                         for r in rows]}


def requests_clear(sb, _d):
    sb.st.run("DELETE FROM req")
    sb.rates.clear()


def _attachment(sb, a):
    """A stored attachment with what a test wants to know of its file."""
    if not a.get("media"):
        return a
    r, data = media.row(sb.st, a["media"]), media.data(sb.st, a["media"])
    return dict(a, mime=r["mime"], name=r["name"], size=len(data), sha256=hashlib.sha256(data).hexdigest())


def state(sb, q):
    cond, args = "1", []
    for k in ("page", "psid"):
        if q.get(k):
            cond += " AND %s=?" % k
            args.append(q[k])
    out = []
    for c in sb.st.q("SELECT * FROM fb_conv WHERE %s ORDER BY page,id" % cond, *args):
        msgs = [{"mid": m["mid"], "direction": m["dir"], "app_id": m["app_id"], "text": m["text"], "attachments": [_attachment(sb, a) for a in json.loads(m["attachments"])], "metadata": m["metadata"], "timestamp": m["ts"], "reply_to": m["reply_to"],
                 "reactions": json.loads(m["reactions"]), "edited": m["num_edit"], "deleted": bool(m["deleted"]), "tag": m["tag"], "messaging_type": m["mtype"]}
                for m in sb.st.q("SELECT * FROM fb_msg WHERE conv=? ORDER BY ts,seq", c["id"])]
        out.append({"id": c["id"], "page": c["page"], "psid": c["psid"], "name": M.name_of(c), "updated": c["updated"], "last_customer": c["last_customer"], "owner_app": M.owner(sb.st, c), "unread": c["unread"],
                    "delivered": c["delivered"], "seen": c["seen"], "blocked": bool(c["blocked"]), "messages": msgs})
    return {"conversations": out}


def pages(sb, _q):
    st = sb.st
    subs = {r["page"]: json.loads(r["fields"]) for r in st.q("SELECT * FROM fb_sub WHERE app=?", st.cfg["fb_app_id"])}
    return {"pages": [{"id": p["id"], "name": p["name"], "state": p["state"], "is_published": bool(p["is_published"]), "default_app": p["default_app"], "subscribed_fields": subs.get(p["id"]), "fail_since": p["fail_since"],
                       "tokens": [{"token": t["token"], "user": t["user"], "dead": t["dead"], "expires": t["expires"]} for t in st.q("SELECT * FROM fb_token WHERE page=? ORDER BY issued", p["id"])]}
                      for p in st.q("SELECT * FROM fb_page ORDER BY seq")]}


def users(sb, _q):
    st = sb.st
    fb = [{"id": u["id"], "name": u["name"], "roles": {r["page"]: json.loads(r["tasks"]) for r in st.q("SELECT * FROM fb_role WHERE user=?", u["id"])},
           "granted_pages": [r["page"] for r in st.q("SELECT page FROM fb_grant_page WHERE user=?", u["id"])],
           "permissions": {r["permission"]: r["status"] for r in st.q("SELECT * FROM fb_grant WHERE user=?", u["id"])},
           "tokens": [{"token": t["token"], "kind": t["kind"], "long": bool(t["long"]), "dead": t["dead"], "expires": t["expires"]} for t in st.q("SELECT * FROM fb_token WHERE user=?", u["id"])]}
          for u in st.q("SELECT * FROM fb_user ORDER BY seq")]
    pd = [dict(c) for c in st.q("SELECT * FROM pd_company ORDER BY seq")]
    return {"facebook": fb, "companies": pd, "pipedrive": [dict(u) for u in st.q("SELECT * FROM pd_user ORDER BY seq")]}


def rates(sb, _q):
    return {"pages": {k: dict(v) for k, v in sb.rates.stats.items()}}


# (method, name) -> (function, manages its own transactions)
CALLS = {
    ("GET", "health"): (health, False), ("POST", "seed"): (do_seed, True), ("POST", "reset"): (reset, False),
    ("GET", "config"): (config_get, False), ("POST", "config"): (config_set, True), ("GET", "clock"): (clock_get, False), ("POST", "clock"): (clock_set, False),
    ("POST", "customer/new"): (customer_new, False), ("POST", "customer/update"): (customer_update, False), ("POST", "customer/write"): (customer_write, False),
    ("POST", "customer/react"): (customer_react, False), ("POST", "customer/edit"): (customer_edit, False), ("POST", "customer/unsend"): (customer_unsend, False),
    ("POST", "customer/postback"): (customer_postback, False), ("POST", "customer/referral"): (customer_referral, False), ("POST", "customer/read"): (customer_read, False),
    ("POST", "customer/delivered"): (customer_delivered, False), ("POST", "customer/history"): (customer_history, False),
    ("POST", "page/write"): (page_write, False), ("POST", "page/update"): (page_update, False), ("POST", "thread/control"): (thread_control, False), ("POST", "event"): (event, False),
    ("GET", "deliver"): (deliver_get, False), ("POST", "deliver"): (deliver_set, True), ("POST", "flush"): (flush, True), ("POST", "wait"): (wait, True),
    ("GET", "webhooks"): (webhooks, False), ("POST", "webhooks/clear"): (webhooks_clear, False),
    ("GET", "faults"): (faults_list, False), ("POST", "faults"): (faults_add, True), ("POST", "faults/clear"): (faults_clear, True),
    ("POST", "token/kill"): (token_kill, False), ("POST", "token/expire"): (token_expire, False), ("POST", "app/remove"): (app_remove, True), ("POST", "app/unsubscribe"): (app_unsubscribe, False),
    ("POST", "permission"): (permission, False), ("POST", "role"): (role, False), ("POST", "deauthorize"): (_callback("deauthorize_url"), True), ("POST", "deletion"): (_callback("deletion_url"), True),
    ("POST", "facebook/login"): (fb_login, True), ("POST", "facebook/token"): (fb_token, False),
    ("POST", "pipedrive/authorize"): (pd_authorize, True), ("POST", "pipedrive/token"): (pd_token, False), ("POST", "pipedrive/expire"): (pd_expire, False),
    ("POST", "pipedrive/uninstall"): (pd_uninstall, True), ("POST", "pipedrive/user"): (pd_user, False), ("POST", "pipedrive/object"): (pd_object, False), ("POST", "pipedrive/webhook"): (pd_webhook, False), ("GET", "pipedrive/state"): (pd_state, False),
    ("POST", "pipedrive/frame"): (pdframes.control, False),
    ("GET", "requests"): (requests, False), ("POST", "requests/clear"): (requests_clear, False), ("GET", "state"): (state, False), ("GET", "pages"): (pages, False), ("GET", "users"): (users, False),
    ("GET", "rates"): (rates, False), ("POST", "snapshot"): (snapshot, True), ("POST", "restore"): (restore, True),
}
