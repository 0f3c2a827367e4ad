# SPDX-License-Identifier: MIT
"""Facebook Messenger: conversations and messages, and the webhook events they cause.

Purpose: what customers, the Page and other apps say to each other. The Conversations API (history.py) shows it,
the Send API (sendapi.py) adds to it.
Ownership: tables fb_conv, fb_msg. A conversation row is one Page + one PSID.
Can fail: no refusals here; callers check first.
"""
import json

from . import media

DAY_MS = 86_400_000
PAGE_INBOX_APP = "26390203743090"
BOT_APP = "442200119988776"
REACTIONS = {"smile": "😆", "angry": "😠", "sad": "😢", "wow": "😮", "love": "❤", "like": "👍", "dislike": "👎"}


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


def avatar_url(sb, c):
    key = "avatar:" + (c["color"] or "#4a5d6e")
    r = sb.st.one("SELECT id FROM media WHERE gen=? ORDER BY id LIMIT 1", key)
    return media.url(sb, r["id"] if r else media.add_sample(sb.st, key), "ext")


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


def set_owner(sb, c, new, metadata, event=True, take=False):
    """Change the app in control; tells our app when it is concerned."""
    st = sb.st
    old = owner(st, c)
    st.run("UPDATE fb_conv SET owner_app=?,owner_until=? WHERE id=?", new, st.clock.now() + DAY_MS if new else 0, c["id"])
    if event:
        ev = event_shell(c["page"], c["psid"], st.clock.now())
        ev["take_thread_control" if take else "pass_thread_control"] = {"previous_owner_app_id": old, "new_owner_app_id": new, "metadata": metadata or ""}
        sb.hooks.emit(c["page"], "messaging", ev)


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


def clicked(st, c, referral, ts):
    """A click on an ad: the customer's next message opens the long window."""
    if referral and referral.get("source") == "ADS" and referral.get("type", "OPEN_THREAD") == "OPEN_THREAD":
        st.run("UPDATE fb_conv SET ad_click=max(ad_click,?) WHERE id=?", ts, c["id"])


def postback(sb, c, title, payload, referral=None):
    """A tapped button: a customer action that opens the window and appears in the thread."""
    st = sb.st
    m = add_message(st, c, "in", title, extra={})
    ev = event_shell(c["page"], c["psid"], m["ts"])
    ev["postback"] = {"mid": m["mid"], "title": title, "payload": payload}
    if referral:
        ev["postback"]["referral"] = referral
        clicked(st, c, referral, m["ts"])
    emit(sb, c, ev)
    return m


def write(sb, c, direction, text=None, atts=(), overrides=None, event_overrides=None, silent=False, phantom=False, sby=None, **more):
    """A message by the customer (`in`) or by the Page through some app (`out`); stored, then told. -> (row, post)"""
    st = sb.st
    before = c
    m = add_message(st, c, direction, text, atts, **more)
    if direction == "in":
        clicked(st, c, (overrides or {}).get("referral"), m["ts"])
        st.run("UPDATE fb_conv SET ad_first=?,ad_click=0 WHERE id=? AND ad_click>0 AND ad_click<=?", m["ts"], c["id"], m["ts"])
    c = st.one("SELECT * FROM fb_conv WHERE id=?", c["id"])
    post = 0 if silent else emit(sb, c, message_event(sb, m, overrides, event_overrides), sby)
    if phantom:
        st.run("DELETE FROM fb_msg WHERE mid=?", m["mid"])
        st.run("UPDATE fb_conv SET updated=?,last_customer=?,unread=? WHERE id=?", before["updated"], before["last_customer"], before["unread"], c["id"])
    elif direction == "out":
        arrived(sb, c, m)
    return m, post
