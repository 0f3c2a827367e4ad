# SPDX-License-Identifier: MIT
"""Conversations API and profiles: what the Graph API shows of conversations, newest first.

Purpose: conversations, messages, attachments, customers' profiles; at most two calls a second per Page.
Ownership: `Rates` counts the calls; everything else only reads fb_conv and fb_msg.
Can fail: refusals are GraphError rows.
"""
import collections
import json
import re
import threading
import time

from . import facebook as FB
from . import fields as F
from . import media
from .errors import GraphError
from .messenger import avatar_url, conv_by, name_of
from .store import iso

CONV_NODE = ("id updated_time message_count unread_count can_reply snippet link participants senders former_participants folder is_owner "
             "is_subscribed linked_group name scoped_thread_key wallpaper messages subject").split()
MSG_NODE = "id created_time from to message sticker tags attachments shares reactions reply_to is_unsupported thread_id".split()
ATT_NODE = "id mime_type name size image_data video_data file_url generic_template".split()
PROFILE_NODE = "id first_name last_name name profile_pic locale timezone gender".split()
PROFILE_PERM = {"locale": "pages_user_locale", "timezone": "pages_user_timezone", "gender": "pages_user_gender"}
MINIMAL = {"id", "created_time", "from", "message", "to"}
READ_PERMS = ("pages_messaging", "pages_manage_metadata", "pages_read_engagement")


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
