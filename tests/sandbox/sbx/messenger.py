# SPDX-License-Identifier: MIT
"""Facebook Messenger: conversations, messages, attachments, profiles, the Send API, thread control.

Purpose: what customers and Pages say to each other, as the Graph API shows it and as webhooks tell it.
Ownership: tables fb_conv, fb_msg, fb_upload. A conversation row is one Page + one PSID.
Can fail: refusals are GraphError rows; the Conversations API refuses more than two calls a second per Page.
"""
import collections
import json
import re
import threading
import time

from . import facebook as FB
from . import fields as F
from . import media
from .errors import RETIRED_TAGS, GraphError
from .store import iso

DAY_MS = 86_400_000
IMAGE_MAX, FILE_MAX = 8 * 1024 * 1024, 25 * 1024 * 1024
PAGE_INBOX_APP = "26390203743090"
BOT_APP = "442200119988776"

CONV_NODE = ("id updated_time message_count unread_count can_reply snippet link participants senders former_participants folder is_owner "
             "is_subscribed linked_group name scoped_thread_key wallpaper messages subject").split()
MSG_NODE = "id created_time from to message sticker tags attachments shares reactions reply_to is_unsupported thread_id".split()
ATT_NODE = "id mime_type name size image_data video_data file_url generic_template".split()
PROFILE_NODE = "id first_name last_name name profile_pic locale timezone gender".split()
PROFILE_PERM = {"locale": "pages_user_locale", "timezone": "pages_user_timezone", "gender": "pages_user_gender"}
MINIMAL = {"id", "created_time", "from", "message", "to"}
READ_PERMS = ("pages_messaging", "pages_manage_metadata", "pages_read_engagement")
REACTIONS = {"smile": "😆", "angry": "😠", "sad": "😢", "wow": "😮", "love": "❤", "like": "👍", "dislike": "👎"}


class Rates:
    """Conversations API: at most two calls in one second per Page; remembers how fast it was asked."""

    def __init__(self, sb):
        self.sb, self.lock = sb, threading.Lock()
        self.allowed, self.asked, self.stats = {}, {}, {}

    def _now(self):
        clock = self.sb.st.clock
        return int(time.monotonic() * 1000) if clock.fixed is not None else clock.now()

    def clear(self):
        with self.lock:
            self.allowed, self.asked, self.stats = {}, {}, {}

    def hit(self, page):
        """Count a call; refuse it when it is the third within a second."""
        with self.lock:
            now = self._now()
            st = self.stats.setdefault(page, {"calls": 0, "refused": 0, "max_per_second": 0})
            asked = self.asked.setdefault(page, collections.deque())
            asked.append(now)
            while asked and (now - asked[0] >= 1000 or asked[0] > now):
                asked.popleft()
            st["calls"] += 1
            st["max_per_second"] = max(st["max_per_second"], len(asked))
            ok = self.allowed.setdefault(page, collections.deque())
            while ok and (now - ok[0] >= 1000 or ok[0] > now):
                ok.popleft()
            if len(ok) >= 2 and self.sb.st.sw["enforce_rate"]:
                st["refused"] += 1
                raise GraphError("conv_limit" if int(self.sb.st.sw["rate_code"]) == 80006 else "rate")
            ok.append(now)


# conversations and messages as stored ------------------------------------------------------------------------

def conv_by(st, page, psid):
    return st.one("SELECT * FROM fb_conv WHERE page=? AND psid=?", page, psid)


def new_conv(st, page, psid=None, first="", last="", conv=None, **more):
    """A person who may write to a Page. -> conversation row"""
    n = st.next("conv", 10162039412345678)
    conv = conv or "t_%d" % n
    psid = psid or str(st.next("psid", 6990000000000001))
    colors = ("#7a4b8c", "#2b6f5a", "#a05a2c", "#2f5d8a", "#8a3048", "#5b6b2f", "#3d4f9a", "#9a6d1f")
    st.run("INSERT INTO fb_conv(id,page,psid,first,last,color) VALUES(?,?,?,?,?,?)", conv, page, psid, first, last, colors[sum(map(ord, psid)) % len(colors)])
    for k, v in more.items():
        st.run("UPDATE fb_conv SET %s=? WHERE id=?" % k, v, conv)
    return st.one("SELECT * FROM fb_conv WHERE id=?", conv)


def name_of(c):
    """Display name as Facebook gives it, or None when it gives none."""
    if c["no_name"]:
        return None
    if c["locale"] and c["locale"].startswith("ja"):
        return " ".join(x for x in (c["last"], c["first"]) if x) or None
    return " ".join(x for x in (c["first"], c["last"]) if x) or None


def new_mid(st):
    return "m_" + st.opaque("mid", 76)


def owner(st, c):
    """App in control of the thread now, or None (idle, or no routing configured)."""
    return c["owner_app"] if c["owner_app"] and c["owner_until"] > st.clock.now() else None


def standby(st, c):
    """True when our app only listens in this thread."""
    mine, o = st.cfg["fb_app_id"], owner(st, c)
    if o:
        return o != mine
    d = st.one("SELECT default_app FROM fb_page WHERE id=?", c["page"])["default_app"]
    return bool(d and d != mine)


def add_message(st, c, direction, text=None, atts=(), app_id=None, metadata=None, ts=None, mid=None, reply_to=None, mtype=None, tag=None,
                extra=None, unsupported=False):
    """Store one message and what follows from it: window, unread, order. -> row"""
    ts = st.clock.now() if ts is None else ts
    mid = mid or new_mid(st)
    st.run("INSERT INTO fb_msg(mid,conv,page,psid,dir,app_id,ts,text,attachments,metadata,reply_to,reactions,unsupported,mtype,tag,extra) "
           "VALUES(?,?,?,?,?,?,?,?,?,?,?,'{}',?,?,?,?)", mid, c["id"], c["page"], c["psid"], direction, app_id, ts, text, json.dumps(list(atts)), metadata,
           reply_to, int(unsupported), mtype, tag, json.dumps(extra) if extra else None)
    if direction == "in":
        st.run("UPDATE fb_conv SET updated=max(updated,?),last_customer=max(last_customer,?),unread=unread+1 WHERE id=?", ts, ts, c["id"])
    else:
        st.run("UPDATE fb_conv SET updated=max(updated,?),unread=0 WHERE id=?", ts, c["id"])
    return st.one("SELECT * FROM fb_msg WHERE mid=?", mid)


def attachment(st, kind, media_id=None, **more):
    """A stored attachment: `media` for a file of ours, `verbatim` for an element taken as it is."""
    return dict({"id": str(st.next("attachment", 122100011122233)), "type": kind, "media": media_id}, **more)


# as webhooks ---------------------------------------------------------------------------------------------------

def attachment_event(sb, a):
    if "verbatim" in a:
        return a["verbatim"]
    if a.get("template"):
        return dict({"type": "template", "title": a.get("title", ""), "url": None}, payload=a["template"])
    payload = {"url": media.url(sb, a["media"])}
    if a["type"] == "sticker":
        payload["sticker_id"] = a.get("sticker_id", 369239263222822)
    return {"type": a["type"], "payload": payload}


def message_event(sb, m, overrides=None, event_overrides=None):
    """The messaging event of a stored message (echo for what the Page said)."""
    msg = {"mid": m["mid"]}
    if m["dir"] == "out":
        msg["is_echo"] = True
        if m["app_id"]:
            msg["app_id"] = int(m["app_id"]) if m["app_id"].isdigit() else m["app_id"]
        if m["metadata"] is not None:
            msg["metadata"] = m["metadata"]
    if m["text"] is not None:
        msg["text"] = m["text"]
    atts = json.loads(m["attachments"])
    if atts:
        msg["attachments"] = [attachment_event(sb, a) for a in atts]
    if m["reply_to"]:
        quoted = sb.st.one("SELECT dir FROM fb_msg WHERE mid=?", m["reply_to"])
        msg["reply_to"] = {"mid": m["reply_to"], "is_self_reply": bool(quoted and quoted["dir"] == m["dir"])}
    if m["unsupported"]:
        msg["is_unsupported"] = True
    msg.update(json.loads(m["extra"]) if m["extra"] else {})
    _merge(msg, overrides)
    event = event_shell(m["page"], m["psid"], m["ts"], m["dir"] == "out")
    event["message"] = msg
    _merge(event, event_overrides)
    return event


def _merge(target, extra):
    """Overrides of the control interface: a null removes the member."""
    for k, v in (extra or {}).items():
        if v is None:
            target.pop(k, None)
        else:
            target[k] = v


def event_shell(page, psid, ts, echo=False):
    a, b = ({"id": psid}, {"id": page})
    return {"sender": b if echo else a, "recipient": a if echo else b, "timestamp": ts}


def emit(sb, c, event, forced_standby=None):
    """Deliver an event of a thread into `messaging` or `standby`. -> post number"""
    st = sb.st
    if not st.sw["app_live"] and not c["human"] == "app-role":
        return 0            # development mode: only people with a role on the app are heard
    sby = standby(st, c) if forced_standby is None else forced_standby
    if sby and "postback" in event:
        event = dict(event, postback={k: v for k, v in event["postback"].items() if k != "payload"})
    return sb.hooks.emit(c["page"], "standby" if sby else "messaging", event)


# as the Conversations API --------------------------------------------------------------------------------------

def attachment_api(sb, a):
    """One element of `attachments.data`, or None when the API shows it elsewhere (shares, sticker)."""
    if a.get("template"):
        el = (a["template"].get("elements") or [{}])[0]
        return {"id": a["id"], "generic_template": {"title": el.get("title") or a["template"].get("text", ""), "subtitle": el.get("subtitle", "")}}
    if "verbatim" in a:
        v = a["verbatim"] if isinstance(a["verbatim"], dict) else {}
        pay = v.get("payload") if isinstance(v.get("payload"), dict) else {}
        if v.get("type") in ("image", "video", "audio", "file"):
            return {"id": a["id"], "name": "%s-%s" % (v["type"], a["id"]), "size": None, **({"file_url": pay["url"]} if pay.get("url") else {})}
        return None
    if a["type"] == "sticker":
        return None
    r = media.row(sb.st, a["media"])
    url, mime = media.url(sb, a["media"]), r["mime"] or "application/octet-stream"
    out = {"id": a["id"], "mime_type": mime, "name": a.get("name") or r["name"], "size": media.size(sb.st, a["media"])}
    if a["type"] == "image":
        w, h = r["width"] or 640, r["height"] or 480
        out["size"] = 0
        out["name"] = "image-" + a["id"]
        out["image_data"] = {"width": w, "height": h, "max_width": w, "max_height": h, "image_type": 1, "url": url, "preview_url": url, "render_as_sticker": False}
    elif a["type"] == "video":
        out["video_data"] = {"width": 720, "height": 1280, "length": 5, "video_type": 1, "rotation": 0, "url": url, "preview_url": url}
    else:
        out["file_url"] = url
    return out


def shares_api(atts):
    out = []
    for a in atts:
        v = a.get("verbatim")
        if not isinstance(v, dict) or v.get("type") in ("image", "video", "audio", "file", "sticker"):
            continue
        pay = v.get("payload") if isinstance(v.get("payload"), dict) else {}
        out.append({"id": a["id"], "name": v.get("title") or pay.get("title"), "description": None, "link": v.get("url") or pay.get("url"), "template": None})
    return out


def _person(pid, name):
    out = {"email": pid + "@facebook.com", "id": pid}
    return dict({"name": name}, **out) if name else out


def message_api(sb, m, c, page, names):
    """A Message node with the named fields; absent parts are missing keys."""
    atts = json.loads(m["attachments"])
    who = _person(c["psid"], name_of(c))
    me = _person(page["id"], page["name"])
    out = {"id": m["mid"]}
    if "created_time" in names:
        out["created_time"] = iso(m["ts"])
    if "from" in names:
        out["from"] = who if m["dir"] == "in" else me
    if "to" in names:
        out["to"] = {"data": [me if m["dir"] == "in" else who]}
    if "message" in names:
        out["message"] = m["text"] or ""
    if "tags" in names:
        tags = ["inbox", "read" if m["dir"] == "out" or not c["unread"] else "unread", "source:chat" if m["dir"] == "in" else "sent"]
        out["tags"] = {"data": [{"name": t} for t in tags]}
    if "sticker" in names:
        for a in atts:
            if a["type"] == "sticker" and a.get("media"):
                out["sticker"] = media.url(sb, a["media"])
    if "attachments" in names:
        data = [x for x in (attachment_api(sb, a) for a in atts) if x]
        if data:
            out["attachments"] = {"data": data}
    if "shares" in names:
        data = shares_api(atts)
        if data:
            out["shares"] = {"data": data}
    if "reactions" in names:
        re_ = json.loads(m["reactions"])
        if re_:
            out["reactions"] = {"data": [{"reaction": v["emoji"], "users": [{"name": (me if k == page["id"] else who).get("name", ""), "id": k}]} for k, v in re_.items()]}
    if "reply_to" in names and m["reply_to"]:
        out["reply_to"] = {"id": m["reply_to"]}
    if "is_unsupported" in names and m["unsupported"]:
        out["is_unsupported"] = True
    if "thread_id" in names:
        out["thread_id"] = c["id"]
    return out


def _messages(sb, rq, c, page, p, wanted, path):
    """`data` + `paging` of a conversation's messages, newest first."""
    st = sb.st
    limit = FB.limit_of(p, 25, None)
    names = {f.name for f in wanted}
    if limit > st.sw["max_limit"] or (limit > 50 and "attachments" in names and path is None):
        raise GraphError("reduce")
    cond, args = "", []
    if p.get("after"):
        ts, _, seq = FB.uncursor(p["after"]).partition("|")
        if not ts.isdigit() or not seq.isdigit():
            raise GraphError("param", text="Invalid parameter: after is not a valid cursor")
        cond, args = " AND (ts<? OR (ts=? AND seq<?))", [int(ts), int(ts), int(seq)]
    rows = st.q("SELECT * FROM fb_msg WHERE conv=? AND deleted=0%s ORDER BY ts DESC,seq DESC LIMIT ?" % cond, c["id"], *args, limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    depth = st.sw["history_depth"]
    if depth and rows and names - MINIMAL:
        newer = st.one("SELECT count(*) FROM fb_msg WHERE conv=? AND deleted=0 AND (ts>? OR (ts=? AND seq>=?))", c["id"], rows[-1]["ts"], rows[-1]["ts"], rows[-1]["seq"])[0]
        if newer > depth:
            raise GraphError("deleted")
    subs = {f.name: f.sub for f in wanted}
    out = {"data": [{k: F.cut(v, subs.get(k)) for k, v in message_api(sb, m, c, page, names).items()} for m in rows]}
    if rows:
        cur = ["%d|%d" % (m["ts"], m["seq"]) for m in (rows[0], rows[-1])]
        out["paging"] = FB.paging(sb, rq, c["id"] + "/messages", cur[0], cur[1], more)
    return out


def conversation_api(sb, rq, c, page, wanted):
    st = sb.st
    last = st.one("SELECT text FROM fb_msg WHERE conv=? AND deleted=0 ORDER BY ts DESC,seq DESC LIMIT 1", c["id"])
    who, me = _person(c["psid"], name_of(c)), _person(page["id"], page["name"])
    out = {}
    for f in wanted:
        if f.name == "messages":
            sub = f.sub or [F.Field("id", {}, None), F.Field("created_time", {}, None)]
            _known(sub, MSG_NODE, "Message")
            out["messages"] = _messages(sb, rq, c, page, f.args, sub, None)
            continue
        val = {"id": c["id"], "updated_time": iso(c["updated"]), "unread_count": c["unread"], "can_reply": bool(c["can_reply"] and not c["blocked"]),
               "snippet": (last["text"] or "")[:200] if last else "", "link": "/%s-%s/inbox/%s/?section=messages" % (re.sub(r"\s+", "-", page["name"]), page["id"], c["id"][2:]),
               "participants": {"data": [who, me]}, "senders": {"data": [who]}, "scoped_thread_key": c["id"], "is_subscribed": True, "folder": "inbox"}.get(f.name)
        if f.name == "message_count":
            val = st.one("SELECT count(*) FROM fb_msg WHERE conv=? AND deleted=0", c["id"])[0]
        if val is not None:
            out[f.name] = F.cut(val, f.sub)
    out.setdefault("id", c["id"])
    return out


def _known(sub, allowed, node):
    for f in sub:
        if f.name not in allowed:
            raise GraphError("field", field=f.name, node=node)


def _reader(sb, rq, pid=None):
    """Caller of the Conversations API: page token, permissions, rate. -> (token, page row)"""
    tok = FB.caller(sb, rq, ("page",))
    page = FB.own_page(sb, rq, tok, pid or "me")
    FB.need(sb, tok, *READ_PERMS)
    sb.rates.hit(page["id"])
    return tok, page


def conversations(sb, rq, pid):
    st, p = sb.st, FB.params(rq)
    _, page = _reader(sb, rq, pid)
    platform = p.get("platform", "messenger").lower()
    if platform not in ("messenger", "instagram"):
        raise GraphError("param", text="Param platform must be one of {INSTAGRAM, MESSENGER} - got \"%s\"." % platform[:40])
    wanted = F.wanted(p.get("fields"), CONV_NODE, ("id", "updated_time"), "UnifiedThread")
    limit = FB.limit_of(p, 25, None)
    nested = any(f.name == "messages" and any(s.name == "attachments" for s in f.sub or []) for f in wanted)
    if limit > st.sw["max_limit"] or (nested and limit > 10):
        raise GraphError("reduce")
    if platform == "instagram":
        return {"data": []}
    cond, args = "page=? AND updated>0", [page["id"]]
    if p.get("user_id"):
        cond, args = cond + " AND psid=?", args + [str(p["user_id"])]
    if p.get("after"):
        upd, _, cid = FB.uncursor(p["after"]).partition("|")
        if not upd.isdigit():
            raise GraphError("param", text="Invalid parameter: after is not a valid cursor")
        cond, args = cond + " AND (updated<? OR (updated=? AND id>?))", args + [int(upd), int(upd), cid]
    rows = st.q("SELECT * FROM fb_conv WHERE %s ORDER BY updated DESC,id LIMIT ?" % cond, *args, limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    out = {"data": [conversation_api(sb, rq, c, page, wanted) for c in rows]}
    if rows:
        cur = ["%d|%s" % (c["updated"], c["id"]) for c in (rows[0], rows[-1])]
        out["paging"] = FB.paging(sb, rq, page["id"] + "/conversations", cur[0], cur[1], more)
    return out


def _own_conv(sb, rq, page, cid):
    c = sb.st.one("SELECT * FROM fb_conv WHERE id=? AND page=? AND updated>0", cid, page["id"])
    if c is None:
        raise GraphError("object", verb=rq.method.lower(), id=cid)
    return c


def messages(sb, rq, cid):
    _, page = _reader(sb, rq)
    c = _own_conv(sb, rq, page, cid)
    p = FB.params(rq)
    return _messages(sb, rq, c, page, p, F.wanted(p.get("fields"), MSG_NODE, ("id", "created_time"), "Message"), c["id"])


def node_conversation(sb, rq, cid):
    _, page = _reader(sb, rq)
    c = _own_conv(sb, rq, page, cid)
    return conversation_api(sb, rq, c, page, F.wanted(FB.params(rq).get("fields"), CONV_NODE, ("id", "updated_time"), "UnifiedThread"))


def _own_message(sb, rq, page, mid):
    m = sb.st.one("SELECT * FROM fb_msg WHERE mid=?", mid)
    if m is None or m["page"] != page["id"]:
        raise GraphError("object", verb="get", id=mid)
    if m["deleted"]:
        raise GraphError("deleted")
    depth = sb.st.sw["history_depth"]
    if depth:
        newer = sb.st.one("SELECT count(*) FROM fb_msg WHERE conv=? AND deleted=0 AND (ts>? OR (ts=? AND seq>=?))", m["conv"], m["ts"], m["ts"], m["seq"])[0]
        if newer > depth:
            raise GraphError("deleted")
    return m, sb.st.one("SELECT * FROM fb_conv WHERE id=?", m["conv"])


def node_message(sb, rq, mid):
    _, page = _reader(sb, rq)
    m, c = _own_message(sb, rq, page, mid)
    wanted = F.wanted(FB.params(rq).get("fields"), MSG_NODE, ("id", "created_time"), "Message")
    subs = {f.name: f.sub for f in wanted}
    return {k: F.cut(v, subs.get(k)) for k, v in message_api(sb, m, c, page, set(subs)).items()}


def attachments(sb, rq, mid):
    _, page = _reader(sb, rq)
    m, _ = _own_message(sb, rq, page, mid)
    wanted = F.wanted(FB.params(rq).get("fields"), ATT_NODE, ATT_NODE, "MessageAttachment")
    data = [x for x in (attachment_api(sb, a) for a in json.loads(m["attachments"])) if x]
    return {"data": [F.cut(x, wanted) for x in data]}


def node_profile(sb, rq, psid):
    """A customer's profile, by the Page's token."""
    tok = FB.caller(sb, rq, ("page", "user"))
    c = conv_by(sb.st, tok.page, psid) if tok.kind == "page" else None
    if c is None:
        raise GraphError("object", verb="get", id=psid)
    FB.need(sb, tok, "pages_messaging", key="perm_field")
    err = c["profile_error"]
    if err == 33:
        raise GraphError("object", verb="get", id=psid)
    if err == 2018218 or c["deactivated"]:
        raise GraphError("profile_none")
    if err == 10:
        raise GraphError("profile_10")
    if err == 230:
        raise GraphError("perm_field", name="business_asset_user_profile_access")
    if err == 2018247 or not sb.st.sw["profile_access"]:
        raise GraphError("profile_access")
    wanted = F.wanted(FB.params(rq).get("fields"), PROFILE_NODE, ("first_name", "last_name", "profile_pic", "id"), "User")
    for f in wanted:
        if f.name in PROFILE_PERM:
            FB.need(sb, tok, PROFILE_PERM[f.name], key="perm_field")
    out = {}
    if not c["no_name"]:
        vals = {"first_name": c["first"] or None, "last_name": c["last"] or None, "name": name_of(c), "locale": c["locale"], "timezone": c["tz"], "gender": c["gender"]}
        for f in wanted:
            if f.name == "profile_pic":
                out["profile_pic"] = avatar_url(sb, c)
            elif vals.get(f.name) is not None:
                out[f.name] = vals[f.name]
    out["id"] = psid
    return out


def avatar_url(sb, c):
    key = "avatar:" + (c["color"] or "#4a5d6e")
    r = sb.st.one("SELECT id FROM media WHERE gen=? ORDER BY id LIMIT 1", key)
    return media.url(sb, r["id"] if r else media.add_sample(sb.st, key), "ext")


# Send API -------------------------------------------------------------------------------------------------------

def _member(p, name):
    """A parameter that is an object; form calls carry it as JSON text."""
    val = p.get(name)
    if isinstance(val, str):
        try:
            val = json.loads(val)
        except ValueError:
            raise GraphError("param", text="The parameter %s should be a JSON object" % name) from None
    if val is not None and not isinstance(val, dict):
        raise GraphError("param", text="The parameter %s should be a JSON object" % name)
    return val


def text_length(st, text):
    unit = st.sw["text_unit"]
    if unit == "bytes":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2 if unit == "utf16" else len(text)


def _check_quick_replies(val):
    if val is None:
        return
    if not isinstance(val, list) or len(val) > 13:
        raise GraphError("param", text="Param message[quick_replies] must have at most 13 items")
    for q in val:
        if not isinstance(q, dict) or q.get("content_type") not in ("text", "user_phone_number", "user_email"):
            raise GraphError("param", text="Param message[quick_replies][content_type] must be one of {TEXT, USER_PHONE_NUMBER, USER_EMAIL}")
        if q["content_type"] == "text" and (not q.get("title") or len(q["title"]) > 20):
            raise GraphError("param", text="Length of param message[quick_replies][0][title] must be less than or equal to 20")
        if len(q.get("payload") or "") > 1000:
            raise GraphError("param", text="Length of param message[quick_replies][0][payload] must be less than or equal to 1000")


def _check_template(pay):
    kind = pay.get("template_type")
    if kind == "button":
        if not pay.get("text") or len(pay["text"]) > 640:
            raise GraphError("param", text="Length of param message[attachment][payload][text] must be less than or equal to 640")
        if not isinstance(pay.get("buttons"), list) or not 1 <= len(pay["buttons"]) <= 3:
            raise GraphError("param", text="Param message[attachment][payload][buttons] must have 1 to 3 items")
    elif kind == "generic":
        if not isinstance(pay.get("elements"), list) or not 1 <= len(pay["elements"]) <= 10:
            raise GraphError("param", text="Param message[attachment][payload][elements] must have 1 to 10 items")
    elif kind not in ("media", "receipt", "customer_feedback", "image_grid", "coupon", "product"):
        raise GraphError("param", text="Invalid template_type")


def _check_message(st, msg, has_file):
    """Form of `message`; -> list of attachment elements (each {type, payload})."""
    text, one, many = msg.get("text"), msg.get("attachment"), msg.get("attachments")
    kinds = [k for k in ("text", "attachment", "attachments", "sticker_id") if msg.get(k) is not None]
    if not kinds:
        raise GraphError("param", text="Message cannot be empty, must provide valid attachment or text")
    if len(kinds) > 1:
        raise GraphError("param", text="Message cannot have both text and attachment: %s" % " and ".join(kinds))
    if "text" in kinds:
        if not isinstance(text, str):
            raise GraphError("param", text="Param message[text] must be a string.")
        if not text.strip():
            raise GraphError("param", text="Message cannot be empty, must provide valid attachment or text")
        if text_length(st, text) > 2000:
            raise GraphError("too_long")
    meta = msg.get("metadata")
    if meta is not None and (not isinstance(meta, str) or len(meta) > 1000):
        raise GraphError("param", text="Length of param message[metadata] must be less than or equal to 1000")
    _check_quick_replies(msg.get("quick_replies"))
    items = [one] if one is not None else many if many is not None else []
    if not isinstance(items, list) or len(items) > 6 or (many is not None and not items):
        raise GraphError("param", text="Param message[attachments] must be an array of up to 6 items")
    for a in items:
        _check_attachment(a, has_file)
    return items


def _check_attachment(a, has_file):
    if not isinstance(a, dict) or a.get("type") not in ("image", "video", "audio", "file", "template"):
        raise GraphError("param", text="Param message[attachment][type] must be one of {AUDIO, FILE, IMAGE, TEMPLATE, VIDEO}")
    pay = a.get("payload")
    if pay is None and has_file:
        pay = a["payload"] = {}
    if not isinstance(pay, dict):
        raise GraphError("param", text="Param message[attachment][payload] must be an object")
    if a["type"] == "template":
        _check_template(pay)
    elif not has_file and not pay.get("url") and not pay.get("attachment_id"):
        raise GraphError("param", text="Upload attachment failure: url, attachment_id or filedata is required")


_MAGIC = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"), (b"%PDF", "application/pdf"), (b"RIFF", "audio/wav"), (b"OggS", "audio/ogg"),
          (b"ID3", "audio/mpeg"), (b"\xff\xfb", "audio/mpeg"))


def _sniff(data):
    for magic, mime in _MAGIC:
        if data.startswith(magic):
            return mime
    return "video/mp4" if data[4:8] == b"ftyp" else ""


def _png_size(data):
    if data.startswith(b"\x89PNG") and len(data) > 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    return 0, 0


def check_file(kind, mime, data):
    """Size and type rules of an uploaded or fetched file."""
    mime = (mime or "").split(";")[0].strip().lower()
    if len(data) > (IMAGE_MAX if kind == "image" else FILE_MAX):
        raise GraphError("media_large")
    if not data:
        raise GraphError("media_gone")
    seen = _sniff(data)
    if kind == "image" and (mime not in ("image/jpeg", "image/png", "image/gif") or not seen.startswith("image/")):
        raise GraphError("media_type")
    if kind == "video" and mime != "video/mp4":
        raise GraphError("media_type")
    if kind == "audio" and not mime.startswith("audio/"):
        raise GraphError("media_type")
    return mime or "application/octet-stream"


def _fetch(url):
    """Meta fetches a URL given by the sender; loopback only here. -> (mime, name, bytes)"""
    import http.client
    import urllib.parse
    try:
        u = urllib.parse.urlsplit(url)
        if u.scheme not in ("http", "https") or u.hostname not in ("127.0.0.1", "localhost") or u.scheme == "https":
            raise ValueError("not reachable")
        con = http.client.HTTPConnection(u.hostname, u.port or 80, timeout=10)
        con.request("GET", (u.path or "/") + ("?" + u.query if u.query else ""), headers={"User-Agent": "facebookexternalhit/1.1", "Connection": "close"})
        r = con.getresponse()
        data = r.read(FILE_MAX + 1)
        con.close()
        if r.status != 200:
            raise ValueError("status %d" % r.status)
        return r.headers.get("Content-Type", ""), urllib.parse.unquote(u.path.rsplit("/", 1)[-1]) or "file", data
    except (OSError, ValueError, http.client.HTTPException):
        raise GraphError("media_fetch") from None


def _gather(sb, rq, page, items):
    """Bring the files of a send: filedata part, URL, or attachment id. Runs outside the lock (fetching may be slow).
    -> list of ready elements: ('file', kind, mime, name, data) | ('id', kind, media) | ('template', payload)"""
    part = rq.part("filedata") if rq.ctype == "multipart/form-data" else None
    out = []
    for a in items:
        pay, kind = a["payload"], a["type"]
        if kind == "template":
            out.append(("template", pay))
        elif pay.get("attachment_id"):
            r = sb.st.one("SELECT * FROM fb_upload WHERE id=? AND page=?", str(pay["attachment_id"]), page)
            if r is None or r["created"] + 90 * DAY_MS < sb.st.clock.now():
                raise GraphError("media_id")
            if r["type"] != kind:
                raise GraphError("media_type")
            out.append(("id", kind, r["media"]))
        else:
            if part is not None:
                mime, name, data = part.ctype, part.filename, part.data
            else:
                mime, name, data = _fetch(str(pay["url"]))
            out.append(("file", kind, check_file(kind, mime, data), name, data))
    return out


def _keep(st, page, ready, reusable):
    """Store gathered elements; -> (attachments, attachment_id or None)."""
    atts, aid = [], None
    for r in ready:
        if r[0] == "template":
            atts.append(attachment(st, "template", None, template=r[1]))
            continue
        if r[0] == "id":
            mid = r[2]
        else:
            w, h = _png_size(r[4])
            mid = media.add(st, r[4], r[2], r[3], w, h)
            if reusable:
                aid = str(st.next("upload", 1857777774821032))
                st.run("INSERT INTO fb_upload VALUES(?,?,?,?,?)", aid, page, r[1], mid, st.clock.now())
        atts.append(attachment(st, r[1], mid))
    return atts, aid


def _sender_checks(sb, tok, page):
    st = sb.st
    FB.need(sb, tok, "pages_messaging", key="perm_field")
    if page["state"] == "restricted":
        raise GraphError("restricted")
    if page["state"] == "blocked368":
        raise GraphError("blocked368")
    if "MESSAGING" not in FB.tasks_of(st, tok.user, page["id"]) and not FB.MESSAGE_TASKS & set(FB.tasks_of(st, tok.user, page["id"])):
        raise GraphError("role")


def _recipient(sb, page, p):
    """The conversation a send is for."""
    st, rec = sb.st, _member(p, "recipient")
    if not rec:
        raise GraphError("param", text="The parameter recipient is required")
    if not rec.get("id"):
        if any(rec.get(k) for k in ("user_ref", "comment_id", "post_id")):
            raise GraphError("no_match")
        raise GraphError("param", text="param recipient must be non-empty.")
    c = conv_by(st, page["id"], str(rec["id"]))
    if c is None:
        raise GraphError("no_match")
    if not st.sw["app_live"] and c["human"] != "app-role":
        raise GraphError("not_live")
    if c["blocked"] or c["deactivated"]:
        raise GraphError("unavailable")
    return c


def _check_control(st, c):
    if standby(st, c):
        raise GraphError("other_app")


def _check_window(st, c, mtype, tag):
    """Meta's rule by Meta's clock: 24 hours, or 7 days for a human agent."""
    age = st.clock.now() - c["last_customer"] if c["last_customer"] else None
    if mtype == "MESSAGE_TAG" and tag == "HUMAN_AGENT":
        if not st.sw["human_agent"]:
            raise GraphError("human_agent")
        if age is None or age > 7 * DAY_MS:
            raise GraphError("window")
    elif age is None or age > DAY_MS:
        raise GraphError("window")


def _messaging_type(p, message):
    """-> (messaging_type, tag), checked."""
    mtype, tag = p.get("messaging_type"), p.get("tag")
    if tag in RETIRED_TAGS:
        raise GraphError("tag_retired")
    if tag is not None and mtype != "MESSAGE_TAG":
        raise GraphError("tag_type")
    if mtype is None:
        raise GraphError("param", text="The parameter messaging_type is required.")
    if mtype not in ("RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY"):
        raise GraphError("param", text="Param messaging_type must be one of {\"RESPONSE\", \"UPDATE\", \"MESSAGE_TAG\", \"UTILITY\"}")
    if mtype == "UTILITY":
        raise GraphError("permission", name="page_utility_messaging")
    if mtype == "MESSAGE_TAG":
        pay = (message.get("attachment") or {}).get("payload") or {}
        if tag == "CUSTOMER_FEEDBACK" and pay.get("template_type") != "customer_feedback":
            raise GraphError("param", text="Tag CUSTOMER_FEEDBACK can only be used with the customer feedback template")
        if tag not in ("HUMAN_AGENT", "CUSTOMER_FEEDBACK"):
            raise GraphError("param", text="Param tag must be one of {\"HUMAN_AGENT\", \"CUSTOMER_FEEDBACK\"}" if tag else "The parameter tag is required")
    if p.get("notification_type") not in (None, "REGULAR", "SILENT_PUSH", "NO_PUSH"):
        raise GraphError("param", text="Param notification_type must be one of {REGULAR, SILENT_PUSH, NO_PUSH}")
    return mtype, tag


def send(sb, rq, pid):
    """POST /{page}/messages. Manages its own transactions: fetching a file must not hold the lock."""
    st = sb.st
    with st.tx():
        tok = FB.caller(sb, rq, ("page",))
        page = FB.own_page(sb, rq, tok, pid)
        p = FB.params(rq)
        if rq.body and rq.ctype == "application/json" and not isinstance(rq.json(), dict):
            raise GraphError("param", text="Invalid JSON in the request body")
        _sender_checks(sb, tok, page)
        if p.get("sender_action"):
            return _action(sb, page, p)
        msg = _member(p, "message")
        if msg is None:
            raise GraphError("param", text="The parameter message is required")
        mtype, tag = _messaging_type(p, msg)
        has_file = rq.ctype == "multipart/form-data" and rq.part("filedata") is not None
        items = _check_message(st, msg, has_file)
        c = _recipient(sb, page, p)
        _check_control(st, c)
        _check_window(st, c, mtype, tag)
        reply = _reply_to(st, c, p)
    ready = _gather(sb, rq, page["id"], items)
    with st.tx():
        c = st.one("SELECT * FROM fb_conv WHERE id=?", c["id"])
        reusable = any(isinstance(a["payload"], dict) and str(a["payload"].get("is_reusable", "")).lower() == "true" for a in items)
        atts, aid = _keep(st, page["id"], ready, reusable)
        if msg.get("sticker_id"):
            atts.append(attachment(st, "sticker", media.add_sample(st, "sticker"), sticker_id=msg["sticker_id"]))
        m = add_message(st, c, "out", msg.get("text"), atts, st.cfg["fb_app_id"], msg.get("metadata"), reply_to=reply, mtype=mtype, tag=tag)
        post = emit(sb, c, message_event(sb, m))
        if page["default_app"]:
            st.run("UPDATE fb_conv SET owner_app=?,owner_until=? WHERE id=?", st.cfg["fb_app_id"], st.clock.now() + DAY_MS, c["id"])
        arrived(sb, c, m)
        _send_control(sb, c, p)
    if st.sw["echo_first"] and post:
        sb.hooks.sent(post, 3000)
    out = {"recipient_id": c["psid"], "message_id": m["mid"]}
    if aid:
        out["attachment_id"] = aid
    return out


def _reply_to(st, c, p):
    rep = _member(p, "reply_to")
    if rep is None:
        return None
    m = st.one("SELECT conv FROM fb_msg WHERE mid=?", str(rep.get("mid", "")))
    if m is None or m["conv"] != c["id"]:
        raise GraphError("param", text="Invalid reply_to: message not found in this thread")
    return str(rep["mid"])


def _send_control(sb, c, p):
    """`thread_control` beside a message: hand the thread over together with the send."""
    tc = _member(p, "thread_control")
    if tc and tc.get("control_type") in ("pass", "release"):
        target = str(tc["app_id"]) if tc["control_type"] == "pass" else None
        set_owner(sb, c, target, "", event=False)


def arrived(sb, c, m):
    """The customer's app is open: the message is delivered at once."""
    st = sb.st
    if m["dir"] == "out" and c["online"] and st.sw["auto_delivery"] and not c["blocked"]:
        delivered(sb, c, [m["mid"]], m["ts"])


def delivered(sb, c, mids, watermark):
    ev = {"sender": {"id": c["psid"]}, "recipient": {"id": c["page"]}, "delivery": {"mids": mids, "watermark": watermark}}
    if not mids:
        del ev["delivery"]["mids"]
    sb.st.run("UPDATE fb_conv SET delivered=max(delivered,?) WHERE id=?", watermark, c["id"])
    return emit(sb, c, ev)


def seen(sb, c, watermark):
    st = sb.st
    st.run("UPDATE fb_conv SET seen=max(seen,?),delivered=max(delivered,?) WHERE id=?", watermark, watermark, c["id"])
    ev = event_shell(c["page"], c["psid"], st.clock.now())
    ev["read"] = {"watermark": watermark}
    return emit(sb, c, ev)


def _action(sb, page, p):
    """mark_seen, typing, reactions by the Page."""
    st, action = sb.st, p["sender_action"]
    if action not in ("mark_seen", "typing_on", "typing_off", "react", "unreact"):
        raise GraphError("param", text="Param sender_action must be one of {MARK_SEEN, TYPING_ON, TYPING_OFF, REACT, UNREACT}")
    if _member(p, "message") is not None:
        raise GraphError("param", text="sender_action cannot be sent together with a message")
    c = _recipient(sb, page, p)
    _check_control(st, c)
    _check_window(st, c, "RESPONSE", None)
    if action == "mark_seen":
        st.run("UPDATE fb_conv SET unread=0 WHERE id=?", c["id"])
    elif action in ("react", "unreact"):
        pay = _member(p, "payload") or {}
        m = st.one("SELECT * FROM fb_msg WHERE mid=? AND conv=?", str(pay.get("message_id", "")), c["id"])
        if m is None:
            raise GraphError("param", text="Invalid message_id in payload")
        re_ = json.loads(m["reactions"])
        re_.pop(page["id"], None)
        if action == "react":
            name = pay.get("reaction", "love")
            re_[page["id"]] = {"reaction": name, "emoji": REACTIONS.get(name, name)}
        st.run("UPDATE fb_msg SET reactions=? WHERE mid=?", json.dumps(re_, ensure_ascii=False), m["mid"])
    return {"recipient_id": c["psid"]}


def upload(sb, rq, pid):
    """POST /{page}/message_attachments: upload once, send often."""
    st = sb.st
    with st.tx():
        tok = FB.caller(sb, rq, ("page",))
        page = FB.own_page(sb, rq, tok, pid)
        FB.need(sb, tok, "pages_messaging", key="perm_field")
        msg = _member(FB.params(rq), "message")
        if not msg or not isinstance(msg.get("attachment"), dict):
            raise GraphError("param", text="The parameter message[attachment] is required")
        has_file = rq.ctype == "multipart/form-data" and rq.part("filedata") is not None
        _check_attachment(msg["attachment"], has_file)
        if msg["attachment"]["type"] == "template":
            raise GraphError("param", text="Templates cannot be uploaded")
        if str(msg["attachment"]["payload"].get("is_reusable", "")).lower() != "true":
            raise GraphError("param", text="Param message[attachment][payload][is_reusable] must be true")
    ready = _gather(sb, rq, page["id"], [msg["attachment"]])
    with st.tx():
        _, aid = _keep(st, page["id"], ready, True)
    return {"attachment_id": aid}


# thread control -----------------------------------------------------------------------------------------------

def set_owner(sb, c, new, metadata, event=True, take=False):
    """Change the app in control; tells our app when it is concerned."""
    st = sb.st
    old = owner(st, c)
    st.run("UPDATE fb_conv SET owner_app=?,owner_until=? WHERE id=?", new, st.clock.now() + DAY_MS if new else 0, c["id"])
    mine = st.cfg["fb_app_id"]
    if event and mine in (old, new):
        ev = event_shell(c["page"], c["psid"], st.clock.now())
        ev["take_thread_control" if take else "pass_thread_control"] = {"previous_owner_app_id": old, "new_owner_app_id": new, "metadata": metadata or ""}
        sb.hooks.emit(c["page"], "messaging", ev)


def thread_owner(sb, rq, pid):
    tok = FB.caller(sb, rq, ("page",))
    page = FB.own_page(sb, rq, tok, pid)
    FB.need(sb, tok, "pages_messaging", key="perm_field")
    rec = FB.params(rq).get("recipient")
    if not rec:
        raise GraphError("param", text="The parameter recipient is required")
    c = conv_by(sb.st, page["id"], str(rec))
    if c is None:
        raise GraphError("no_match")
    o = owner(sb.st, c)
    if not o:
        return {"data": []}
    return {"data": [{"thread_owner": {"app_id": o, "expiration": c["owner_until"] // 1000}}]}


def thread_control(sb, rq, pid, verb):
    """take_, pass_, release_, request_, extend_thread_control."""
    st = sb.st
    tok = FB.caller(sb, rq, ("page",))
    page = FB.own_page(sb, rq, tok, pid)
    FB.need(sb, tok, "pages_messaging", key="perm_field")
    p = FB.params(rq)
    rec = _member(p, "recipient")
    if not rec or not rec.get("id"):
        raise GraphError("param", text="The parameter recipient is required")
    c = conv_by(st, page["id"], str(rec["id"]))
    if c is None:
        raise GraphError("no_match")
    mine, o = st.cfg["fb_app_id"], owner(st, c)
    if verb == "take":
        if page["default_app"] != mine:
            raise GraphError("not_default")
        set_owner(sb, c, mine, p.get("metadata"), event=False)
        return {"success": True}
    if verb == "request":
        return {"success": True}
    if o != mine and not (o is None and page["default_app"] in (None, mine)):
        raise GraphError("not_owner")
    if verb == "pass":
        if not p.get("target_app_id"):
            raise GraphError("param", text="The parameter target_app_id is required")
        set_owner(sb, c, str(p["target_app_id"]), p.get("metadata"), event=False)
    elif verb == "release":
        set_owner(sb, c, None, "", event=False)
    else:
        dur = str(p.get("duration", ""))
        if not dur.isdigit() or not 0 < int(dur) <= 7 * 86400:
            raise GraphError("param", text="Param duration must be between 1 and 604800")
        st.run("UPDATE fb_conv SET owner_app=?,owner_until=? WHERE id=?", mine, st.clock.now() + int(dur) * 1000, c["id"])
    return {"success": True}


def personas(sb, rq, pid):
    tok = FB.caller(sb, rq, ("page",))
    FB.own_page(sb, rq, tok, pid)
    FB.need(sb, tok, "pages_messaging", key="perm_field")
    p = FB.params(rq)
    if not p.get("name") or not p.get("profile_picture_url"):
        raise GraphError("param", text="The parameters name and profile_picture_url are required")
    return {"id": str(sb.st.next("persona", 2233))}


# what customers and other apps do (control interface and pages for people) ---------------------------------------

def react(sb, m, by, reaction, emoji, action):
    """A customer's reaction; opens the window."""
    st = sb.st
    c = st.one("SELECT * FROM fb_conv WHERE id=?", m["conv"])
    re_ = json.loads(m["reactions"])
    re_.pop(by, None)
    if action == "react":
        re_[by] = {"reaction": reaction, "emoji": emoji or REACTIONS.get(reaction, "❤")}
    st.run("UPDATE fb_msg SET reactions=? WHERE mid=?", json.dumps(re_, ensure_ascii=False), m["mid"])
    now = st.clock.now()
    st.run("UPDATE fb_conv SET last_customer=max(last_customer,?) WHERE id=?", now, c["id"])
    ev = event_shell(c["page"], c["psid"], now)
    ev["reaction"] = {"reaction": reaction, "emoji": emoji or REACTIONS.get(reaction, "❤"), "action": action, "mid": m["mid"]}
    if action == "unreact":
        ev["reaction"] = {"action": "unreact", "mid": m["mid"]}
    return emit(sb, c, ev)


def edit(sb, m, text, num=None):
    st = sb.st
    c = st.one("SELECT * FROM fb_conv WHERE id=?", m["conv"])
    num = m["num_edit"] + 1 if num is None else num
    st.run("UPDATE fb_msg SET text=?,num_edit=? WHERE mid=?", text, int(num), m["mid"])
    ev = event_shell(c["page"], c["psid"], st.clock.now())
    ev["message_edit"] = {"mid": m["mid"], "text": text, "num_edit": num}
    return emit(sb, c, ev)


def unsend(sb, m):
    st = sb.st
    c = st.one("SELECT * FROM fb_conv WHERE id=?", m["conv"])
    st.run("UPDATE fb_msg SET deleted=1 WHERE mid=?", m["mid"])
    ev = event_shell(c["page"], c["psid"], st.clock.now(), m["dir"] == "out")
    ev["message"] = {"mid": m["mid"], "is_deleted": True}
    if m["dir"] == "out":
        ev["message"]["is_echo"] = True
    return emit(sb, c, ev)


def postback(sb, c, title, payload, referral=None):
    """A tapped button: a customer action that opens the window and appears in the thread."""
    st = sb.st
    m = add_message(st, c, "in", title, extra={})
    ev = event_shell(c["page"], c["psid"], m["ts"])
    ev["postback"] = {"mid": m["mid"], "title": title, "payload": payload}
    if referral:
        ev["postback"]["referral"] = referral
    emit(sb, c, ev)
    return m


def write(sb, c, direction, text=None, atts=(), overrides=None, event_overrides=None, silent=False, phantom=False, sby=None, **more):
    """A message by the customer (`in`) or by the Page through some app (`out`); stored, then told. -> (row, post)"""
    st = sb.st
    m = add_message(st, c, direction, text, atts, **more)
    c = st.one("SELECT * FROM fb_conv WHERE id=?", c["id"])
    post = 0 if silent else emit(sb, c, message_event(sb, m, overrides, event_overrides), sby)
    if phantom:
        st.run("DELETE FROM fb_msg WHERE mid=?", m["mid"])
    elif direction == "out":
        arrived(sb, c, m)
    return m, post
