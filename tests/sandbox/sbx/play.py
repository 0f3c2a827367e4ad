# SPDX-License-Identifier: MIT
"""Pages for a person: the customer's phone, the Page's own inbox, CRM records, administration, requests.

Purpose: try everything by hand, in English or Japanese, without JavaScript (a little of it refreshes the chat).
Ownership: no state; every action goes through the same functions as the control interface.
Can fail: a refused action shows its reason on the page.
"""
import json
import re
import time
import urllib.parse

from . import control, facebook as FB, media, messenger as M, pdframes, pdrecords, pdweb, pictures, pipedrive as PD
from .errors import ControlError, GraphError, PdError
from .html import View, esc
from .wire import html_response, redirect

MAX_UPLOAD = 25 * 1024 * 1024
EDIT_MS, EDIT_MAX = 900_000, 5
EMOJI = (("like", "👍"), ("love", "❤️"), ("smile", "😆"), ("wow", "😮"), ("sad", "😢"), ("angry", "😠"))

SCRIPT = """
(function(){function times(){document.querySelectorAll('time[datetime]').forEach(function(t){var d=new Date(t.dateTime);
if(!isNaN(d))t.textContent=d.toLocaleTimeString([],{hour:'2-digit',minute:'2-digit'});});}
var box=document.getElementById('chat');times();if(!box)return;box.scrollTop=box.scrollHeight;var rev=box.dataset.rev;
function look(){if(document.hidden)return;fetch(location.pathname+location.search+'&part=rev',{cache:'no-store'}).then(function(r){return r.text()})
.then(function(t){if(t===rev||!/^[0-9.]+$/.test(t)||box.querySelector('details[open]'))return;rev=t;
return fetch(location.pathname+location.search+'&part=chat',{cache:'no-store'}).then(function(r){return r.text()})
.then(function(h){box.innerHTML=h;times();box.scrollTop=box.scrollHeight;});}).catch(function(){});}
setInterval(look,2000);})();
"""


def _qs(**k):
    return "?" + urllib.parse.urlencode(k)


def _guard(rq):
    """Only forms of these pages may act."""
    return rq.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _post(sb, rq, v, fn, back):
    """Run a form's action; -> redirect, or None with v.problem set."""
    if not _guard(rq):
        v.problem = "cross-site"
        return None
    try:
        fn(rq.form())
    except (ControlError, KeyError, ValueError, TypeError) as e:
        v.problem = str(e)
        return None
    except GraphError as e:
        v.problem = e.answer()[1]["error"]["message"]
        return None
    except PdError as e:
        v.problem = json.dumps(e.body)
        return None
    return redirect(back, 303)


def _problem(v):
    why = getattr(v, "problem", None)
    return '<p class="card bad" role="alert">%s</p>' % v.t("refused", why=why) if why else ""


def _button(v, label, cls="plain", **fields):
    hidden = "".join('<input type="hidden" name="%s" value="%s">' % (k, esc(str(x))) for k, x in fields.items())
    return '<form method="post" class="inline">%s<button class="%s">%s</button></form> ' % (hidden, cls, v.t(label))


def _when(ms):
    return '<time datetime="%s">%s</time>' % (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms // 1000)), time.strftime("%H:%M", time.gmtime(ms // 1000)))


def _day(v, ms):
    g = time.gmtime(ms // 1000)
    return "%d年%d月%d日" % (g.tm_year, g.tm_mon, g.tm_mday) if v.lang == "ja" else time.strftime("%-d %b %Y", g)


def _ago(v, ms):
    m = max(0, ms) // 60_000
    key, n = ("ago_m", m) if m < 60 else ("ago_h", m // 60) if m < 2880 else ("ago_d", m // 1440)
    return v.words[key].format(n=n)


# home ------------------------------------------------------------------------------------------------------------

def home(sb, rq):
    v, st = View(rq), sb.st
    items = "".join('<li><a href="%s"><b>%s</b></a><br><span class="dim">%s</span></li>' % (h, v.t(k), v.t("home_" + k))
                    for h, k in (("/phone", "phone"), ("/page-inbox", "inbox"), ("/crm", "crm"), ("/facebook-admin", "admin"), ("/requests", "requests")))
    rows = ""
    for p in st.q("SELECT p.*,(SELECT count(*) FROM fb_conv c WHERE c.page=p.id AND c.updated>0) AS n,s.fields FROM fb_page p LEFT JOIN fb_sub s ON s.page=p.id AND s.app=? ORDER BY p.seq LIMIT 12", st.cfg["fb_app_id"]):
        rows += '<li>%s <span class="tag">%s</span> <span class="dim">%d</span></li>' % (esc(p["name"]), v.t("connected" if p["fields"] else "not_connected"), p["n"])
    url = st.cfg["product_url"]
    body = ('<div class="card"><p>%s</p><p><a class="btn" href="%s/">%s</a> <span class="dim">%s</span></p></div><div class="card"><ul class="list">%s</ul></div>'
            '<h2>%s</h2><div class="card"><ul class="list">%s</ul></div>'
            % (v.t("home_intro"), esc(url), v.t("open_product"), v.t("product_at", url=url), items, v.t("pages"), rows))
    return v.page(v.words["sandbox"], body)


# chat ------------------------------------------------------------------------------------------------------------

def _attachment_html(sb, v, a):
    if a.get("media"):
        url = esc(media.url(sb, a["media"])[len(sb.base):])
        if a["type"] in ("image", "sticker"):
            r = media.row(sb.st, a["media"])
            size = ' width="%d" height="%d"' % (r["width"], r["height"]) if r["width"] else ""
            return '<img src="%s" alt="%s"%s%s>' % (url, v.t("photo" if a["type"] == "image" else "sticker"), size, ' class="sticker"' if a["type"] == "sticker" else "")
        if a["type"] == "audio":
            return '<audio controls preload="none" src="%s" aria-label="%s"></audio>' % (url, v.t("voice"))
        if a["type"] == "video":
            return '<video controls preload="none" src="%s"></video>' % url
        return '<a href="%s">📄 %s</a>' % (url, esc(media.row(sb.st, a["media"])["name"] or "file"))
    ver = a.get("verbatim")
    title = ver.get("title") or ver.get("type") if isinstance(ver, dict) else None
    return '<span class="dim">%s %s</span>' % (v.t("attachment"), esc(str(title or a["type"])))


def _short(m):
    return esc((m["text"] or "…")[:80]) if m and not m["deleted"] else "…"


def _bubble(sb, v, m, me, shown, now):
    mine = (m["dir"] == "in") == (me == "customer")
    if m["deleted"]:
        return '<div class="msg%s"><span class="bub dim"><i>%s</i></span></div>' % (" me" if mine else "", v.t("unsent"))
    parts = ""
    if m["reply_to"]:
        parts += '<span class="quote">%s</span>' % _short(sb.st.one("SELECT * FROM fb_msg WHERE mid=?", m["reply_to"]))
    if m["text"]:
        parts += esc(m["text"])     # white-space is kept by the style
    atts = json.loads(m["attachments"])
    parts += "".join(_attachment_html(sb, v, a) for a in atts)
    clear = " clear" if atts and not m["text"] and atts[0]["type"] in ("sticker",) else ""
    react = "".join(r["emoji"] for r in json.loads(m["reactions"]).values())
    meta = _when(m["ts"])
    if m["num_edit"]:
        meta += " · " + v.t("edited")
    if m["dir"] == "out" and me == "page":
        app = m["app_id"]
        name = v.words["app_ours"] if app == sb.st.cfg["fb_app_id"] else v.words["app_page_inbox"] if app == M.PAGE_INBOX_APP else v.words["app_other"].format(id=app or "–")
        meta += " · " + v.t("by_app", app=name)
    if react:
        meta += ' <span aria-label="%s">%s</span>' % (v.t("react"), esc(react))
    return ('<div class="msg%s" id="%s"><span class="bub%s">%s</span><div class="meta">%s %s</div></div>'
            % (" me" if mine else "", esc(m["mid"]), clear, parts or '<span class="dim">…</span>', meta, _tools(v, m, me, mine, now) if shown else ""))


def _tools(v, m, me, mine, now):
    """What one may do with a message: react to the other side's, edit and unsend one's own."""
    mid = esc(m["mid"])
    head = '<form method="post" class="inline" enctype="multipart/form-data"><input type="hidden" name="mid" value="%s">' % mid
    if me == "customer" and not mine:
        faces = "".join('<button class="tiny" name="do" value="react:%s" title="%s">%s</button>' % (n, n, e) for n, e in EMOJI)
        gone = '<button class="tiny" name="do" value="unreact">%s</button>' % v.t("unreact") if json.loads(m["reactions"]) else ""
        return "<details class=\"inline\"><summary>%s · %s</summary>%s%s%s</form>%s<input type=\"text\" name=\"text\" aria-label=\"%s\"><button class=\"tiny\" name=\"do\" value=\"reply\">%s</button></form></details>" % (
            v.t("react"), v.t("reply"), head, faces, gone, head, v.t("reply"), v.t("reply"))
    if mine and me == "customer":
        edit = ""
        if m["text"] and m["num_edit"] < EDIT_MAX and now - m["ts"] < EDIT_MS:
            edit = '%s<input type="text" name="text" value="%s" aria-label="%s"><button class="tiny" name="do" value="edit">%s</button></form>' % (head, esc(m["text"]), v.t("edit"), v.t("save"))
        return "<details class=\"inline\"><summary>…</summary>%s<button class=\"tiny\" name=\"do\" value=\"unsend\">%s</button></form>%s</details>" % (head, v.t("unsend"), edit)
    return ""


def _chat(sb, v, c, me, everything=False):
    st, now = sb.st, sb.st.clock.now()
    n = 2000 if everything else 60
    rows = st.q("SELECT * FROM (SELECT * FROM fb_msg WHERE conv=? ORDER BY ts DESC,seq DESC LIMIT ?) ORDER BY ts,seq", c["id"], n)
    out, day = "", None
    if len(rows) == n and not everything:
        out += '<a class="day" href="%s">%s</a>' % (_qs(page=c["page"], psid=c["psid"], all=1).replace("&", "&amp;"), v.t("show_all"))
    for m in rows:
        d = _day(v, m["ts"])
        if d != day:
            out += '<div class="day">%s</div>' % d
            day = d
        out += _bubble(sb, v, m, me, True, now)
    last = [m for m in rows if m["dir"] == "out" and not m["deleted"]]
    if last and rows[-1]["dir"] == "out" and me == "page":
        t = last[-1]["ts"]
        out += '<div class="msg me meta">%s</div>' % v.t("seen" if c["seen"] >= t else "delivered" if c["delivered"] >= t else "sent")
    return out or '<p class="dim">%s</p>' % v.t("nothing_yet")


def _rev(sb, c):
    r = sb.st.one("SELECT count(*) AS n,coalesce(max(seq),0) AS s,coalesce(sum(num_edit+deleted*7+length(reactions)),0) AS e FROM fb_msg WHERE conv=?", c["id"])
    return "%d.%d.%d.%d" % (r["n"], r["s"], r["e"], c["seen"] + c["delivered"])


def _composer(v, label):
    opts = '<option value="">%s</option>' % v.t("sample_none") + "".join('<option value="%s">%s</option>' % (s, v.t("s_" + s)) for s in pictures.SAMPLES + ("voice", "sticker", "pdf"))
    return ('<form method="post" enctype="multipart/form-data"><label>%s<textarea name="text" maxlength="4000"></textarea></label>'
            '<div class="tools"><select name="sample" aria-label="%s" style="width:auto">%s</select><label class="dim">%s <input type="file" name="file"></label>'
            '<button name="do" value="send">%s</button></div></form>' % (v.t(label), v.t("picture"), opts, v.t("upload"), v.t("send")))


def _name(v, c):
    n = M.name_of(dict(c, no_name=0))
    return esc(n) if n else v.t("no_name")


def _picker(sb, v, current, path):
    out = ""
    for p in sb.st.q("SELECT * FROM fb_page WHERE state<>'deleted' AND id IN (SELECT page FROM fb_conv) ORDER BY seq"):
        rows = ""
        for c in sb.st.q("SELECT * FROM fb_conv WHERE page=? ORDER BY updated DESC,id LIMIT 60", p["id"]):
            here = ' aria-current="true"' if current is not None and c["id"] == current["id"] else ""
            src = esc(M.avatar_url(sb, c)[len(sb.base):])
            mark = " 🚫" if c["blocked"] else ""
            rows += '<li><a href="%s%s"%s><img src="%s" alt=""><span>%s%s</span></a></li>' % (path, esc(_qs(page=p["id"], psid=c["psid"])), here, src, _name(v, c), mark)
        out += "<h2>%s</h2><ul class=\"list pick\">%s</ul>" % (esc(p["name"]), rows)
    if current is not None:
        return '<p class="small" style="margin:0"><a href="%s">← %s</a></p><aside class="card side">%s</aside>' % (path, v.t("customers"), out)
    return '<div class="card">%s</div>' % out


def _current(sb, rq):
    q = rq.query
    return M.conv_by(sb.st, q.get("page", ""), q.get("psid", "")) if q.get("psid") else None


def _partial(sb, rq, v, c, me):
    """Answers of the little script: revision, or the chat alone."""
    part = rq.query.get("part")
    if part == "rev":
        return html_response(_rev(sb, c))
    return html_response(_chat(sb, v, c, me, "all" in rq.query)) if part == "chat" else None


def _form_attachments(sb, rq, form):
    out = []
    sample = form.get("sample")
    if sample in pictures.SAMPLES:
        out.append({"type": "image", "picture": sample})
    elif sample in ("voice", "sticker", "pdf"):
        out.append({"type": {"voice": "audio", "sticker": "sticker", "pdf": "file"}[sample]})
    built = control.build_attachments(sb, out)
    f = rq.part("file")
    if f is not None and f.data:
        if len(f.data) > MAX_UPLOAD:
            raise ControlError(View(rq).words["err_large"])
        mime = media.sniff(f.data) or (f.ctype or "application/octet-stream").split(";")[0]
        kind = mime.split("/")[0] if mime.split("/")[0] in ("image", "audio", "video") else "file"
        w, h = media.png_size(f.data)
        built.append(M.attachment(sb.st, kind, media.add(sb.st, f.data, mime, (f.filename or "file").replace("\\", "/").rsplit("/", 1)[-1], w, h)))
    return built


# the customer's phone ----------------------------------------------------------------------------------------------

def _phone_action(sb, rq, v, c, form):
    st, do = sb.st, form.get("do", "")
    with st.tx():
        m = st.one("SELECT * FROM fb_msg WHERE mid=? AND conv=?", form.get("mid", ""), c["id"])
        if do in ("send", "reply"):
            text = (form.get("text") or "").replace("\r\n", "\n").strip()
            atts = _form_attachments(sb, rq, form)
            if not text and not atts:
                raise ControlError(v.words["err_empty"])
            if text:
                M.write(sb, c, "in", text, reply_to=m["mid"] if m and do == "reply" else None)
            if atts:
                M.write(sb, c, "in", None, atts)
        elif m and do.startswith("react:"):
            face = dict(EMOJI).get(do[6:])
            if face:
                M.react(sb, m, c["psid"], do[6:], face, "react")
        elif m and do == "unreact":
            M.react(sb, m, c["psid"], "", None, "unreact")
        elif m and do == "unsend" and m["dir"] == "in":
            M.unsend(sb, m)
        elif m and do == "edit" and m["dir"] == "in":
            if m["num_edit"] >= EDIT_MAX or st.clock.now() - m["ts"] > EDIT_MS or not form.get("text", "").strip():
                raise ControlError(v.words["err_edit"])
            M.edit(sb, m, form["text"].strip())
        elif do == "flags":
            st.run("UPDATE fb_conv SET online=?,blocked=? WHERE id=?", int("online" in form), int("blocked" in form), c["id"])


def _look_at(sb, c):
    """Looking at the phone reads what has arrived."""
    st = sb.st
    last = st.one("SELECT max(ts) AS t FROM fb_msg WHERE conv=? AND dir='out' AND deleted=0", c["id"])["t"]
    if last and last > c["seen"] and not c["blocked"]:
        with st.tx():
            M.seen(sb, c, last)


def phone(sb, rq):
    v, c = View(rq), _current(sb, rq)
    if c is not None and rq.method == "POST":
        done = _post(sb, rq, v, lambda f: _phone_action(sb, rq, v, c, f), "/phone" + _qs(page=c["page"], psid=c["psid"]))
        if done:
            return done
    if c is None:
        return v.page(v.words["phone"], "<p>%s</p>%s" % (v.t("pick_customer"), _picker(sb, v, None, "/phone")))
    _look_at(sb, c)
    part = _partial(sb, rq, v, c, "customer")
    if part:
        return part
    p = sb.st.one("SELECT * FROM fb_page WHERE id=?", c["page"])
    c = M.conv_by(sb.st, c["page"], c["psid"])
    flags = ('<form method="post" class="tools"><label><input type="checkbox" name="online"%s> %s</label><label><input type="checkbox" name="blocked"%s> %s</label>'
             '<button class="plain" name="do" value="flags">%s</button></form>' % (" checked" if c["online"] else "", v.t("phone_online"), " checked" if c["blocked"] else "", v.t("blocked"), v.t("change")))
    body = ('%s<div class="split">%s<section class="card"><div class="who"><img src="%s" alt=""><div><b>%s</b><br><span class="dim">%s</span></div></div>'
            '<div class="chat" id="chat" data-rev="%s">%s</div>%s<details><summary>…</summary>%s</details></section></div>'
            % (_problem(v), _picker(sb, v, c, "/phone"), esc(FB.picture_of(sb, p)["data"]["url"][len(sb.base):]), esc(p["name"]), _name(v, c), _rev(sb, c),
               _chat(sb, v, c, "customer", "all" in rq.query), _composer(v, "write"), flags))
    return v.page(v.words["phone"], body, script=SCRIPT)


# the Page's own inbox -----------------------------------------------------------------------------------------------

def _inbox_action(sb, rq, v, c, form):
    do = form.get("do", "")
    with sb.st.tx():
        if do == "send":
            text = (form.get("text") or "").replace("\r\n", "\n").strip()
            atts = _form_attachments(sb, rq, form)
            if not text and not atts:
                raise ControlError(v.words["err_empty"])
            if text:
                M.write(sb, c, "out", text, app_id=M.PAGE_INBOX_APP)
            if atts:
                M.write(sb, c, "out", None, atts, app_id=M.PAGE_INBOX_APP)
        elif do == "control":
            M.set_owner(sb, c, M.BOT_APP, "", take=True)
        elif do == "release":
            M.set_owner(sb, c, None, "", event=False)


def page_inbox(sb, rq):
    v, c, st = View(rq), _current(sb, rq), sb.st
    if c is not None and rq.method == "POST":
        done = _post(sb, rq, v, lambda f: _inbox_action(sb, rq, v, c, f), "/page-inbox" + _qs(page=c["page"], psid=c["psid"]))
        if done:
            return done
    if c is None:
        return v.page(v.words["inbox"], "<p>%s</p>%s" % (v.t("pick_conversation"), _picker(sb, v, None, "/page-inbox")))
    part = _partial(sb, rq, v, c, "page")
    if part:
        return part
    p = st.one("SELECT * FROM fb_page WHERE id=?", c["page"])
    ago = _ago(v, st.clock.now() - c["last_customer"]) if c["last_customer"] else v.t("never")
    owner = M.owner(st, c)
    ctl = _button(v, "adm_release", do="release") if owner else _button(v, "adm_control", do="control")
    body = ('%s<div class="split">%s<section class="card"><div class="who"><img src="%s" alt=""><div><b>%s</b> <span class="dim">→ %s</span><br><span class="dim">%s%s</span></div></div>'
            '<div class="chat" id="chat" data-rev="%s">%s</div>%s<details><summary>…</summary>%s</details></section></div>'
            % (_problem(v), _picker(sb, v, c, "/page-inbox"), esc(M.avatar_url(sb, c)[len(sb.base):]), _name(v, c), esc(p["name"]), v.t("window_open", ago=ago) if c["last_customer"] else ago,
               " · " + v.t("app_other", id=owner) if owner else "", _rev(sb, c), _chat(sb, v, c, "page", "all" in rq.query), _composer(v, "sent_as"), ctl))
    return v.page(v.words["inbox"], body, script=SCRIPT)


# CRM ------------------------------------------------------------------------------------------------------------------

def _crm_action(sb, form):
    cid, do = int(form["company"]), form["do"]
    if do == "uninstall":
        with sb.st.tx():
            PD.uninstall(sb.st, cid, int(form["user"]))
        PD.uninstall_callback(sb, cid, int(form["user"]))
        return
    kind, oid = form["kind"], form["id"]
    if kind not in ("person", "deal", "lead", "note", "organization", "activity"):
        raise ControlError("kind")
    with sb.st.tx():
        if do == "delete":
            pdweb.web_action(sb, cid, kind, "delete", oid)
        elif do == "rename":
            pdweb.web_action(sb, cid, kind, "change", oid, {"name" if kind in ("person", "organization") else "title": form["text"]})
        elif do == "merge":
            pdweb.web_action(sb, cid, kind, "merge", oid, into=form["text"])
        elif do == "archive":
            pdweb.web_action(sb, cid, kind, "change", oid, {"is_archived": True})
        elif do == "convert":
            pdweb.web_action(sb, cid, kind, "convert", oid)


def _crm_row(sb, v, cid, kind, o):
    if kind == "note":
        # a note is HTML; here its text is shown, never its markup
        text = re.sub(r"<[^>]+>", "", re.sub(r"(?i)<br\s*/?>|</p>|</div>", "\n", o["content"]))
        import html as h
        title = '<pre style="max-height:14rem;overflow:auto">%s</pre>' % esc(h.unescape(text)[:4000])
    else:
        title = "<b>%s</b>" % esc(str(o.get("name") or o.get("title") or o.get("subject")))
        if kind in ("person", "deal"):
            title = '<a href="/crm/%s/%d?company=%d">%s</a>' % (kind, o["id"], cid, title)
    links = [("person", o.get("person_id")), ("organization", o.get("org_id") or o.get("organization_id")), ("deal", o.get("deal_id")), ("lead", o.get("lead_id"))]
    names = []
    for k, oid in links:
        if oid:
            x = pdrecords.get(sb.st, cid, k, oid)
            names.append("%s %s" % (v.t(k), esc(str((x or {}).get("name") or (x or {}).get("title") or oid))))
    more = [esc(str(x["value"])) for x in (o.get("emails") or []) + (o.get("phones") or [])]
    for k in ("status", "origin_id", "channel_id"):
        if o.get(k):
            more.append(esc("%s: %s" % (k, o[k])))
    if isinstance(o.get("value"), dict):
        more.append(esc("%s %s" % (o["value"]["amount"], o["value"]["currency"])))
    elif o.get("value"):
        more.append(esc("%s %s" % (o["value"], o["currency"])))
    act = _button(v, "delete", "tiny", company=cid, kind=kind, id=o["id"], do="delete")
    if kind != "note":
        hidden = '<input type="hidden" name="company" value="%d"><input type="hidden" name="kind" value="%s"><input type="hidden" name="id" value="%s">' % (cid, kind, esc(str(o["id"])))
        act += '<form method="post" class="tools">%s<input type="text" name="text" aria-label="%s" style="width:12rem"><button class="tiny" name="do" value="rename">%s</button>%s</form>' % (
            hidden, v.t("rename"), v.t("rename"), '<button class="tiny" name="do" value="merge">%s</button>' % v.t("merge") if kind in ("person", "deal") else "")
    if kind in ("deal", "lead"):
        act += _button(v, "archive", "tiny", company=cid, kind=kind, id=o["id"], do="archive")
    if kind == "lead":
        act += _button(v, "convert", "tiny", company=cid, kind=kind, id=o["id"], do="convert")
    return '<li>%s <span class="dim">#%s %s</span><br><span class="dim">%s</span><details><summary class="dim">…</summary>%s</details></li>' % (
        title, esc(str(o["id"])[:8]), " · ".join(more), v.t("linked") + " " + ", ".join(names) if names else "", act)


def crm(sb, rq):
    v, st = View(rq), sb.st
    cid = int(rq.query["company"]) if rq.query.get("company", "").isdigit() else None
    companies = st.q("SELECT * FROM pd_company ORDER BY seq")
    if not companies:
        return v.page(v.words["crm"], "<p>%s</p>" % v.t("nothing"))
    if cid not in [c["id"] for c in companies]:
        cid = companies[0]["id"]
    below = pdframes.page(sb, rq, cid) if rq.path != "/crm" else None
    if below:
        return below
    if rq.method == "POST":
        done = _post(sb, rq, v, lambda f: _crm_action(sb, f), "/crm" + _qs(company=cid))
        if done:
            return done
    tabs = " · ".join('<a href="/crm%s"%s>%s</a>' % (_qs(company=c["id"]), ' aria-current="page"' if c["id"] == cid else "", esc(c["name"])) for c in companies)
    body = "%s<p>%s: %s</p>" % (_problem(v), v.t("company"), tabs)
    rows = ""
    for i in st.q("SELECT i.*,u.name,u.admin FROM pd_install i JOIN pd_user u ON u.id=i.user WHERE i.company=?", cid):
        rows += "<li>%s <span class=\"dim\">%s</span> %s</li>" % (esc(i["name"]), v.t("pd_admin" if i["admin"] else "pd_regular"), _button(v, "pd_uninstall", "tiny", company=cid, user=i["user"], do="uninstall"))
    body += '<p><a href="/crm/settings?company=%d">%s</a></p>' % (cid, v.t("frame_settings"))
    body += '<h2>%s</h2><div class="card"><ul class="list">%s</ul></div>' % (v.t("installs"), rows or '<li class="dim">%s</li>' % v.t("nothing"))
    for kind in ("person", "deal", "lead", "note", "organization", "activity"):
        objs = pdrecords.everything(st, cid, kind)
        if objs or kind in ("person", "deal", "lead", "note"):
            rows = "".join(_crm_row(sb, v, cid, kind, o) for o in objs[::-1][:100])
            body += '<h2>%s (%d)</h2><div class="card"><ul class="list">%s</ul></div>' % (v.t(kind), len(objs), rows or '<li class="dim">%s</li>' % v.t("nothing"))
    return v.page(v.words["crm"], body)


# administration ----------------------------------------------------------------------------------------------------------

ADMIN_SWITCHES = (("away", "adm_away"), ("pd_away", "adm_pdaway"), ("app_live", "adm_live"), ("human_agent", "adm_human"))


def _admin_action(sb, form):
    st, do = sb.st, form["do"]
    if do == "removeuser":
        control.app_remove(sb, {"user": form["user"]})
        return
    if do == "removepage":
        control.app_remove(sb, {"page": form["page"]})
        return
    with st.tx():
        if do == "unsub":
            control.app_unsubscribe(sb, form)
        elif do in ("restrict", "lift"):
            control.page_update(sb, {"page": form["page"], "state": "restricted" if do == "restrict" else "ok"})
        elif do == "password":
            control.token_kill(sb, {"user": form["user"], "subcode": 460})
        elif do == "checkpoint":
            control.token_kill(sb, {"user": form["user"], "subcode": 459})
        elif do == "revive":
            control.token_kill(sb, {"user": form["user"], "revive": True})
        elif do == "switch" and form["name"] in dict(ADMIN_SWITCHES):
            st.sw[form["name"]] = not st.sw[form["name"]]
            st.save_switches()
            st.after(sb.hooks.wake)
        elif do == "ahead":
            control.clock_set(sb, {"advance": int(float(form["hours"]) * 3_600_000)})
        elif do == "real":
            control.clock_set(sb, {"real": True})


def admin(sb, rq):
    v, st = View(rq), sb.st
    if rq.method == "POST":
        done = _post(sb, rq, v, lambda f: _admin_action(sb, f), "/facebook-admin")
        if done:
            return done
    rows = ""
    for p in st.q("SELECT p.*,s.fields FROM fb_page p LEFT JOIN fb_sub s ON s.page=p.id AND s.app=? ORDER BY p.seq LIMIT 80", st.cfg["fb_app_id"]):
        n = st.one("SELECT count(*) FROM fb_token WHERE page=? AND dead IS NULL", p["id"])[0]
        state = [v.t("adm_sub" if p["fields"] else "adm_nosub"), v.t("adm_tokens", n=n)]
        state += [v.t("restricted")] if p["state"] != "ok" else []
        state += [] if p["is_published"] else [v.t("unpublished")]
        acts = _button(v, "adm_remove", "tiny", do="removepage", page=p["id"]) + _button(v, "adm_unsub", "tiny", do="unsub", page=p["id"])
        acts += _button(v, "adm_ok" if p["state"] != "ok" else "adm_restrict", "tiny", do="lift" if p["state"] != "ok" else "restrict", page=p["id"])
        rows += "<tr><td>%s<br><span class=\"dim\">%s</span></td><td>%s</td><td>%s</td></tr>" % (esc(p["name"]), p["id"], "<br>".join(state), acts)
    table = '<div class="card wrap"><table><tr><th>%s</th><th>%s</th><th>%s</th></tr>%s</table></div>'
    body = _problem(v) + "<h2>%s</h2>" % v.t("pages") + table % (v.t("adm_page"), v.t("adm_state"), v.t("adm_do"), rows)
    rows = ""
    for u in st.q("SELECT * FROM fb_user ORDER BY seq"):
        n = st.one("SELECT count(*) FROM fb_token WHERE user=? AND dead IS NULL", u["id"])[0]
        acts = _button(v, "adm_password", "tiny", do="password", user=u["id"]) + _button(v, "adm_checkpoint", "tiny", do="checkpoint", user=u["id"])
        acts += _button(v, "adm_removeapp", "tiny", do="removeuser", user=u["id"]) + _button(v, "adm_revive", "tiny", do="revive", user=u["id"])
        rows += "<tr><td>%s<br><span class=\"dim\">%s</span></td><td>%s</td><td>%s</td></tr>" % (esc(u["name"]), u["id"], v.t("adm_tokens", n=n), acts)
    body += "<h2>%s</h2>" % v.t("adm_person") + table % (v.t("adm_person"), v.t("adm_state"), v.t("adm_do"), rows)
    rows = "".join("<tr><td>%s</td><td>%s</td><td>%s</td></tr>" % (v.t(label), v.t("adm_on" if st.sw[k] else "adm_off"), _button(v, "adm_toggle", "tiny", do="switch", name=k)) for k, label in ADMIN_SWITCHES)
    body += "<h2>%s</h2>" % v.t("adm_switch") + '<div class="card wrap"><table>%s</table></div>' % rows
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(st.clock.now() // 1000))
    body += ('<h2>%s</h2><div class="card"><p>%s</p><p class="dim">%s</p><form method="post" class="tools"><label>%s <input type="number" name="hours" value="24" step="any" style="width:7rem"></label>'
             '<button class="plain" name="do" value="ahead">%s</button><button class="plain" name="do" value="real">%s</button></form></div>'
             % (v.t("adm_clock"), v.t("adm_now", time=now), v.t("adm_both" if st.clock.file else "adm_alone"), v.t("adm_ahead"), v.t("change"), v.t("adm_real")))
    c = sb.hooks.counts()
    body += '<h2>%s</h2><div class="card"><p>%s: <code>%s</code></p><p class="dim">%s</p></div>' % (v.t("adm_hook"), v.t("adm_callback"), esc(st.cfg["callback"]) or v.t("adm_none"),
                                                                                                 esc(", ".join("%s %d" % x for x in c.items())))
    return v.page(v.words["admin"], body)


# requests --------------------------------------------------------------------------------------------------------------

def requests(sb, rq):
    v, rows = View(rq), ""
    for r in sb.st.q("SELECT * FROM req ORDER BY id DESC LIMIT 100"):
        detail = "\n".join(x for x in (json.dumps(json.loads(r["query"]), ensure_ascii=False) if r["query"] != "{}" else "", r["form"] or r["json"] or r["body"] or "", r["parts"] or "", "→ " + (r["response"] or "")) if x)
        cls = ' class="bad"' if r["status"] >= 400 or not r["status"] else ""
        rows += ("<tr><td>%s</td><td><code>%s %s</code><br><span class=\"dim\">%s · %.1f ms</span><details><summary class=\"dim\">%s</summary><pre>%s</pre></details></td><td%s>%s</td></tr>"
                 % (_when(r["time"]), esc(r["method"]), esc(r["path"]), esc(r["endpoint"]), r["us"] / 1000, v.t("req_details"), esc(detail[:6000]), cls, r["status"] or "×"))
    if not rows:
        return v.page(v.words["requests"], "<p>%s</p>" % v.t("req_none"))
    body = '<div class="card wrap"><table><tr><th>%s</th><th>%s</th><th>%s</th></tr>%s</table></div>' % (v.t("req_time"), v.t("req_what"), v.t("req_status"), rows)
    return v.page(v.words["requests"], body, script=SCRIPT)
