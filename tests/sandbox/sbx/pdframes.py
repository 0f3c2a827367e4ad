# SPDX-License-Identifier: MIT
"""Pipedrive's pages that show the app in a frame: custom panel at a person or deal, app settings page.

Purpose: open the product's frames as Pipedrive does (signed token of five minutes, query of the contract) and be the
other side of the SDK's protocol, strictly: a frame that does not say `initialize` in time is taken away with a note.
Ownership: none; the clock of the tokens is the sandbox's. Can fail: ControlError for what is not there.
"""
import base64
import hashlib
import hmac
import json
import re
import secrets
import urllib.parse

from . import pdrecords
from .errors import ControlError
from .html import View, esc
from .wire import json_response

TOKEN_S = 300
THEMES = ("light", "dark")

SCRIPT = """
(function(){var f=document.getElementById('app');if(!f)return;
var note=document.getElementById('app-note'),box=document.getElementById('app-said'),id=f.dataset.id,origin=new URL(f.src).origin;
var ready=false,heard={},said=[];function log(t){said.push(t);box.textContent=said.join('\\n');}
var timer=setTimeout(function(){f.remove();note.hidden=false;log('hidden');},+f.dataset.wait);
function size(s){if(!s)return null;if(s.height!==undefined){if(!(s.height>=100&&s.height<=750))return 'height must be 100 to 750';f.style.height=s.height+'px';}return null;}
var commands={initialize:function(a,done){var e=size(a&&a.size);if(e)return done(null,e);clearTimeout(timer);ready=true;done(null);},
resize:function(a,done){done(null,size(a||{}));},
get_signed_token:function(a,done){fetch(f.dataset.token,{cache:'no-store'}).then(function(r){return r.json();}).then(function(j){done({token:j.token});},function(){done(null,'no token');});},
get_metadata:function(a,done){done({windowWidth:innerWidth,windowHeight:innerHeight});}};
addEventListener('message',function(e){if(e.source!==f.contentWindow)return;var d=e.data||{},p=d.payload||{},port=e.ports[0];
function answer(data,error){log(p.type+' '+(p.command||p.event)+(error?': '+error:''));if(port)port.postMessage({data:data,error:error||undefined});}
if(e.origin!==origin||d.id!==id)return answer(null,'unknown frame');
if(p.type==='track')return log('track '+p.event);
if(!port)return log('no port');
if(p.type==='listener'){(heard[p.event]=heard[p.event]||[]).push(port);return log('listener '+p.event);}
if(p.type!=='command'||!commands[p.command])return answer(null,'unknown command');
if(!ready&&p.command!=='initialize')return answer(null,'not initialized');
commands[p.command](p.args,answer);});
function tell(event,data){(heard[event]||[]).forEach(function(port){port.postMessage({data:data});});}
document.querySelectorAll('[data-theme-to]').forEach(function(b){b.addEventListener('click',function(){tell('user_settings_change',{theme:b.dataset.themeTo});});});
var fold=document.getElementById('app-fold');fold.addEventListener('toggle',function(){tell('visibility',{is_visible:fold.open,context:{invoker:'user'}});});
})();
"""


def _b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(sb, user, company, secret=None):
    """A token for a frame: HS256 under the JWT secret, else under the client secret."""
    now = sb.st.clock.now() // 1000
    head = {"alg": "HS256", "typ": "JWT"}
    claims = {"userId": user, "companyId": company, "iat": now, "exp": now + TOKEN_S}
    text = ".".join(_b64(json.dumps(x, separators=(",", ":")).encode()) for x in (head, claims))
    key = secret or sb.st.cfg["pd_jwt_secret"] or sb.st.cfg["pd_client_secret"]
    return text + "." + _b64(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest())


def address(sb, user, company, kind=None, oid=None, theme="light", frame=None):
    """What Pipedrive puts into the frame: the panel at a record, or without one the settings page."""
    q = [("resource", kind), ("view", "details")] if kind else []
    q += [("userId", user), ("companyId", company)] + ([("selectedIds", oid)] if kind else [])
    q += [("id", frame or secrets.token_hex(4)), ("theme", theme), ("token", sign(sb, user, company))]
    return sb.st.cfg["product_url"] + ("/pd/panel?" if kind else "/pd/settings?") + urllib.parse.urlencode(q)


def _viewer(sb, rq, cid):
    """Who looks: only somebody who installed the app is shown its frames."""
    rows = sb.st.q("SELECT u.* FROM pd_user u JOIN pd_install i ON i.user=u.id AND i.company=u.company WHERE u.company=? AND u.active=1 ORDER BY u.seq", cid)
    want = rq.query.get("user")
    return rows, next((u for u in rows if want is None or str(u["id"]) == want), None)


def _frame(sb, v, rq, cid, kind=None, oid=None):
    rows, who = _viewer(sb, rq, cid)
    here = rq.path
    theme = rq.query.get("theme") if rq.query.get("theme") in THEMES else "light"

    def link(label, **more):
        q = dict({"company": cid, "theme": theme}, **more)
        return '<a href="%s?%s">%s</a>' % (esc(here), esc(urllib.parse.urlencode(q)), label)
    people = " · ".join(link(esc(u["name"]), user=u["id"]) if u is not who else "<b>%s</b>" % esc(u["name"]) for u in rows)
    head = '<p class="dim">%s: %s</p>' % (v.t("frame_as"), people or v.t("nothing"))
    if who is None:
        return head + '<p class="card" id="app-note">%s</p>' % v.t("frame_not_installed")
    frame = secrets.token_hex(4)
    src = address(sb, who["id"], cid, kind, oid, theme, frame)
    token = "/crm/token?" + urllib.parse.urlencode({"company": cid, "user": who["id"]})
    themes = " ".join('<button type="button" class="tiny" data-theme-to="%s">%s</button>' % (t, v.t("frame_" + t)) for t in THEMES)
    return head + ('<details id="app-fold" open><summary>%s</summary><iframe id="app" title="%s" src="%s" data-id="%s" data-wait="%d" data-token="%s" '
                   'style="width:calc(100%% - 2px);height:300px;box-sizing:content-box;border:1px solid var(--line);border-radius:.4rem"></iframe></details>'
                   '<p class="card bad" id="app-note" role="alert" hidden>%s</p><div class="tools">%s <a href="%s" target="_blank" rel="noopener">%s</a></div>'
                   '<details><summary class="dim">%s</summary><pre id="app-said"></pre></details>'
                   % (esc(sb.st.cfg["fb_app_name"]), esc(sb.st.cfg["fb_app_name"]), esc(src), frame, int(sb.st.sw["pd_frame_ms"]), esc(token), v.t("frame_late"),
                      themes, esc(src), v.t("frame_tab"), v.t("frame_protocol")))


def _origin(sb):
    return "/".join(sb.st.cfg["product_url"].split("/")[:3])


def record(sb, rq, cid, kind, oid):
    """A person or deal with the app's panel in the left column."""
    v = View(rq)
    o = pdrecords.get(sb.st, cid, kind, int(oid))
    if o is None or o.get("is_deleted"):
        return v.page(v.words["crm"], "<p>%s</p>" % v.t("nothing"), 404)
    facts = [o.get("name") or o.get("title")] + [x["value"] for x in (o.get("emails") or []) + (o.get("phones") or [])]
    body = '<div class="split"><div>%s</div><div class="card"><ul class="list">%s</ul><p><a href="/crm?company=%d">← %s</a></p></div></div>' % (
        _frame(sb, v, rq, cid, kind, o["id"]), "".join("<li>%s</li>" % esc(str(f)) for f in facts), cid, v.t("crm"))
    return v.page("%s %s" % (v.words[kind], o["id"]), body, script=SCRIPT, frames=_origin(sb))


def settings(sb, rq, cid):
    """Settings > Tools and apps > Marketplace apps: the app's own page."""
    v = View(rq)
    return v.page(v.words["frame_settings"], '<div class="card">%s</div>' % _frame(sb, v, rq, cid), script=SCRIPT, frames=_origin(sb))


def page(sb, rq, cid):
    """What lies below /crm; None when it is the list itself."""
    if rq.path == "/crm/settings":
        return settings(sb, rq, cid)
    if rq.path == "/crm/token":
        _, who = _viewer(sb, rq, cid)
        if who is None or rq.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return json_response({"error": "not installed"}, 403)
        return json_response({"token": sign(sb, who["id"], cid)})
    m = re.fullmatch(r"/crm/(person|deal)/(\d{1,15})", rq.path)
    return record(sb, rq, cid, *m.groups()) if m else None


def control(sb, d):
    """POST /_control/pipedrive/frame: the address that Pipedrive would load now."""
    if not sb.st.one("SELECT 1 FROM pd_user WHERE id=? AND company=?", d["user"], d["company"]):
        raise ControlError("no such user")
    return {"url": address(sb, int(d["user"]), int(d["company"]), d.get("kind"), d.get("id"), d.get("theme", "light"), d.get("frame"))}
