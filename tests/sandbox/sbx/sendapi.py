# SPDX-License-Identifier: MIT
"""Send API, uploads, thread control: what an app may say to a customer, and when.

Purpose: every rule of sending (form, window, tags, control, media) with the refusal the real service gives.
Ownership: table fb_upload; messages are stored through messenger.add_message.
Can fail: refusals are GraphError rows. `send` and `upload` manage their own transactions, because fetching a
file by URL must not hold the lock.
"""
import http.client
import json
import urllib.parse

from . import facebook as FB
from . import media
from .errors import RETIRED_TAGS, GraphError
from .messenger import DAY_MS, REACTIONS, add_message, arrived, attachment, conv_by, emit, message_event, owner, set_owner, standby

IMAGE_MAX, FILE_MAX = 8 * 1024 * 1024, 25 * 1024 * 1024


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
        if q["content_type"] == "text" and (not isinstance(q.get("title"), str) or not 0 < len(q["title"]) <= 20):
            raise GraphError("param", text="Length of param message[quick_replies][0][title] must be less than or equal to 20")
        if len(str(q.get("payload") or "")) > 1000:
            raise GraphError("param", text="Length of param message[quick_replies][0][payload] must be less than or equal to 1000")


def _check_template(pay):
    kind = pay.get("template_type")
    if kind == "button":
        if not isinstance(pay.get("text"), str) or not 0 < len(pay["text"]) <= 640:
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


def check_file(kind, mime, data):
    """Size and type rules of an uploaded or fetched file."""
    mime = (mime or "").split(";")[0].strip().lower()
    if len(data) > (IMAGE_MAX if kind == "image" else FILE_MAX):
        raise GraphError("media_large")
    if not data:
        raise GraphError("media_gone")
    seen = media.sniff(data)
    if kind == "image" and (mime not in ("image/jpeg", "image/png", "image/gif") or not seen.startswith("image/")):
        raise GraphError("media_type")
    if kind == "video" and mime != "video/mp4":
        raise GraphError("media_type")
    if kind == "audio" and not mime.startswith("audio/"):
        raise GraphError("media_type")
    return mime or "application/octet-stream"


def _fetch(url):
    """Meta fetches a URL given by the sender; loopback only here. -> (mime, name, bytes)"""
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
            w, h = media.png_size(r[4])
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
    """Meta's rule by Meta's clock: 24 hours; after an ad perhaps 7 days; 7 days for a human agent."""
    age = st.clock.now() - c["last_customer"] if c["last_customer"] else None
    ad = st.sw["ad_window"] and c["ad_first"] and st.clock.now() - c["ad_first"] <= 7 * DAY_MS
    if mtype == "MESSAGE_TAG" and tag == "HUMAN_AGENT":
        if not st.sw["human_agent"]:
            raise GraphError("human_agent")
        if age is None or age > 7 * DAY_MS:
            raise GraphError("window")
    elif age is None or (age > DAY_MS and not ad):
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
