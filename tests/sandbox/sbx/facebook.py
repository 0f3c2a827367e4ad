# SPDX-License-Identifier: MIT
"""Facebook: login dialog, tokens, permissions, Pages, subscriptions.

Purpose: everything before the first message. Tokens are checked here for every Graph call.
Ownership: tables fb_user, fb_page, fb_role, fb_grant*, fb_code, fb_token, fb_sub.
Can fail: every refusal is a GraphError row of the error table; the dialog answers pages for people instead.
"""
import hashlib
import hmac
import json
import re
import secrets
import urllib.parse

from . import fields as F
from . import media
from .errors import GRAPH, GraphError
from .html import View, esc
from .store import PAGE_FIELDS
from .webhooks import http_call
from .wire import redirect

OLDEST, NEWEST = 21, 26
PERMISSIONS = ("public_profile", "email", "pages_show_list", "pages_messaging", "pages_manage_metadata", "pages_read_engagement",
               "business_management", "pages_user_locale", "pages_user_timezone", "pages_user_gender", "pages_read_user_content",
               "pages_manage_engagement", "page_utility_messaging")
GRANULAR = tuple(p for p in PERMISSIONS if p.startswith("page"))
ALL_TASKS = ["ADVERTISE", "ANALYZE", "CREATE_CONTENT", "MESSAGING", "MODERATE", "MANAGE"]
INSTALL_TASKS = {"MODERATE", "MANAGE", "PROFILE_PLUS_MODERATE", "PROFILE_PLUS_MANAGE", "PROFILE_PLUS_FULL_CONTROL"}
MESSAGE_TASKS = {"MESSAGING", "MANAGE", "PROFILE_PLUS_MESSAGING", "PROFILE_PLUS_FULL_CONTROL", "PROFILE_PLUS_MANAGE"}
CODE_MS, SHORT_S, LONG_S, DATA_S = 600_000, 5400, 60 * 86400, 90 * 86400
PROOF_TIME_S = 300

PAGE_NODE = ("id name access_token tasks is_published picture category category_list link messaging_feature_status fan_count about "
             "username emails phone website").split()
USER_NODE = "id name first_name last_name email picture".split()


def public_version(rq):
    """`v25.0` of the answering version: dead or missing -> oldest live one."""
    m = re.match(r"/v(\d+)\.(\d+)/", rq.path + "/")
    if not m:
        return "v%d.0" % OLDEST
    n = int(m.group(1))
    if n > NEWEST or m.group(2) != "0":
        raise GraphError("path", path=rq.path.strip("/"))
    return "v%d.0" % max(n, OLDEST)


# tokens ------------------------------------------------------------------------------------------------

class Token:
    """The checked caller of a Graph call: kind app, user or page."""
    __slots__ = ("kind", "text", "user", "page", "row")

    def __init__(self, kind, text, user=None, page=None, row=None):
        self.kind, self.text, self.user, self.page, self.row = kind, text, user, page, row


def app_token(st):
    return st.cfg["fb_app_id"] + "|" + st.cfg["fb_app_secret"]


def params(rq):
    """All parameters of a Graph call: query, then form, then JSON members."""
    out = dict(rq.query)
    out.update(rq.form())
    if rq.method != "GET":
        j = rq.json()
        if isinstance(j, dict):
            out.update(j)
    return out


def token_text(rq):
    auth = rq.headers.get("authorization", "")
    if auth[:7].lower() == "bearer " or auth[:6].lower() == "oauth ":
        return auth.split(" ", 1)[1].strip()
    t = params(rq).get("access_token")
    return t if isinstance(t, str) else ""


def same(a, b):
    """Constant-time comparison of any two texts."""
    return hmac.compare_digest(str(a).encode("utf-8", "replace"), str(b).encode("utf-8", "replace"))


def proof(secret, text):
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _check_proof(sb, rq, text, needed):
    p = params(rq)
    given = p.get("appsecret_proof")
    if not given:
        if needed:
            raise GraphError("proof_missing")
        return
    message = text
    if p.get("appsecret_time"):
        when = str(p["appsecret_time"])
        now = sb.st.clock.now() // 1000
        if not when.isdigit() or abs(now - int(when)) > PROOF_TIME_S:
            raise GraphError("proof_wrong")
        message = text + "|" + when
    if not same(proof(sb.st.cfg["fb_app_secret"], message), given):
        raise GraphError("proof_wrong")


def dead_error(sb, row):
    """The error of a dead token row, or None while it lives."""
    st, now = sb.st, sb.st.clock.now()
    if row["dead"] is not None:
        if row["dead_code"] == 102:
            return GraphError("session")
        key = "token_dead_%d" % row["dead"]
        return GraphError(key, app=st.cfg["fb_app_id"]) if key in GRAPH else GraphError("token_dead", subcode=row["dead"])
    if row["expires"] and row["expires"] <= now:
        from .store import iso
        return GraphError("token_expired", when=iso(row["expires"]), now=iso(now))
    if row["kind"] == "page":
        role = st.one("SELECT tasks FROM fb_role WHERE user=? AND page=?", row["user"], row["page"])
        if role is None or not MESSAGE_TASKS & set(json.loads(role["tasks"])):
            return GraphError("token_dead_492")
        if not st.one("SELECT 1 FROM fb_grant_page WHERE user=? AND page=?", row["user"], row["page"]):
            return GraphError("token_dead_0")
    return None


def caller(sb, rq, kinds=("user", "page", "app")):
    """Check the token of a call; sets rq.tok."""
    st = sb.st
    text = token_text(rq)
    if not text:
        raise GraphError("no_token_me" if "/me" in rq.path else "no_token")
    if "|" in text:
        if not same(text, app_token(st)):
            raise GraphError("token_signature")
        _check_proof(sb, rq, text, False)
        tok = Token("app", text)
    else:
        row = st.one("SELECT * FROM fb_token WHERE token=?", text)
        if row is None:
            raise GraphError("token_bad")
        _check_proof(sb, rq, text, st.sw["require_proof"])
        err = dead_error(sb, row)
        if err:
            raise err
        tok = Token(row["kind"], text, row["user"], row["page"], row)
    rq.tok = tok
    if tok.page:
        rq.page = tok.page
    if tok.kind not in kinds:
        if kinds == ("page",):
            raise GraphError("page_token")
        raise GraphError("app_token" if kinds == ("app",) else "user_token" if kinds == ("user",) else "page_token")
    return tok


def granted(st, user, permission):
    r = st.one("SELECT status FROM fb_grant WHERE user=? AND permission=?", user, permission)
    return r is not None and r["status"] == "granted"


def need(sb, tok, *names, key="permission"):
    """Every named permission must be granted to the token's user."""
    for n in names:
        if not granted(sb.st, tok.user, n):
            raise GraphError(key, name=n)


def own_page(sb, rq, tok, pid):
    """The Page of a page-token call; `me` is the Page. Another Page's id is refused."""
    pid = tok.page if pid == "me" else pid
    row = sb.st.one("SELECT * FROM fb_page WHERE id=?", pid)
    if pid != tok.page or row is None or row["state"] == "deleted":
        raise GraphError("object", verb=rq.method.lower(), id=pid)
    rq.page = pid
    return row


def tasks_of(st, user, page):
    r = st.one("SELECT tasks FROM fb_role WHERE user=? AND page=?", user, page)
    return json.loads(r["tasks"]) if r else []


def new_token(st, kind, user, page=None, parent=None, long=False, expires=0):
    now = st.clock.now()
    text = ("EAAM" + st.opaque("token", 176)).replace("-", "Z").replace("_", "D")
    st.run("INSERT INTO fb_token(token,kind,user,page,parent,long,issued,expires,data_access) VALUES(?,?,?,?,?,?,?,?,?)", text, kind, user,
           page, parent, int(long), now, expires, now + DATA_S * 1000)
    return text


def user_token(st, user, long):
    return new_token(st, "user", user, long=long, expires=st.clock.now() + (LONG_S if long else SHORT_S) * 1000)


def page_token(st, parent, page):
    """The Page token that belongs to a user token. From a long-lived one it has no end date."""
    r = st.one("SELECT token FROM fb_token WHERE kind='page' AND parent=? AND page=? AND dead IS NULL", parent["token"], page)
    if r:
        return r["token"]
    return new_token(st, "page", parent["user"], page, parent["token"], bool(parent["long"]), 0 if parent["long"] else parent["expires"])


def kill_tokens(st, subcode, user=None, page=None, token=None, code=190):
    """Tokens die. A user's death takes the Page tokens that came from that user along."""
    cond, args = [], []
    for name, val in (("user", user), ("page", page), ("token", token)):
        if val is not None:
            cond.append(name + "=?")
            args.append(val)
    return st.run("UPDATE fb_token SET dead=?,dead_code=? WHERE %s AND dead IS NULL" % " AND ".join(cond), subcode, code, *args).rowcount


def drop_page(st, user, page):
    """A person no longer gives the app this Page: token dead; subscription gone unless somebody else still gives it."""
    kill_tokens(st, 0, user=user, page=page)
    st.run("DELETE FROM fb_grant_page WHERE user=? AND page=?", user, page)
    if not st.one("SELECT 1 FROM fb_grant_page WHERE page=?", page):
        st.run("DELETE FROM fb_sub WHERE page=? AND app=?", page, st.cfg["fb_app_id"])


def remove_app_user(st, user, subcode=458):
    """The person removes the app: all permissions, all Pages, all tokens."""
    kill_tokens(st, subcode, user=user)
    pages = [r["page"] for r in st.q("SELECT page FROM fb_grant_page WHERE user=?", user)]
    for p in pages:
        drop_page(st, user, p)
    st.run("DELETE FROM fb_grant WHERE user=?", user)
    return pages


def grant(st, user, pages, asked, given):
    """Outcome of a login dialog. Pages not ticked any more lose the app at once."""
    before = {r["page"] for r in st.q("SELECT page FROM fb_grant_page WHERE user=?", user)}
    for p in before - set(pages):
        drop_page(st, user, p)
    for p in pages:
        st.run("INSERT OR IGNORE INTO fb_grant_page VALUES(?,?)", user, p)
    for perm in ["public_profile"] + list(asked):
        status = "granted" if perm in given or perm == "public_profile" else "declined"
        st.run("INSERT OR REPLACE INTO fb_grant VALUES(?,?,?)", user, perm, status)


# login dialog ---------------------------------------------------------------------------------------------

def _problem(v, what, **fmt):
    text = v.t(what + "_text", **fmt)
    return v.page(v.words.get(what + "_title", v.words["config_title"]), '<div class="card"><p>%s</p></div>' % text, 400 if what != "unavailable" else 200, nav=False)


def _dialog_params(sb, rq, v):
    """-> (error page or None, redirect_uri, state, scopes)."""
    q, cfg = rq.query, sb.st.cfg
    if q.get("client_id") != cfg["fb_app_id"]:
        return _problem(v, "noapp"), None, None, None
    uri = q.get("redirect_uri", "")
    if uri not in cfg["fb_redirect_uris"]:
        return _problem(v, "blocked"), None, None, None
    if "config_id" in q:
        return _problem(v, "config"), None, None, None
    if q.get("response_type", "code") != "code":
        return _problem(v, "rtype"), None, None, None
    scopes = [s for s in re.split(r"[,\s]+", q.get("scope", "")) if s]
    bad = [s for s in scopes if s not in PERMISSIONS]
    if bad:
        return _problem(v, "scopes", scopes=", ".join(bad)), None, None, None
    return None, uri, q.get("state"), scopes


def asked_scopes(st, user, scopes, auth_type):
    """Permissions declined earlier are skipped unless the app asks with auth_type=rerequest."""
    if auth_type == "rerequest":
        return scopes
    declined = {r["permission"] for r in st.q("SELECT permission FROM fb_grant WHERE user=? AND status='declined'", user)}
    return [s for s in scopes if s not in declined]


def _back(uri, pairs):
    return uri + ("&" if "?" in uri else "?") + urllib.parse.urlencode(pairs)


def finish_login(sb, user, pages, perms, action, uri, state, scopes, auth_type=None):
    """What the dialog's Continue and Cancel do; -> (address to go back to, code or None)."""
    st = sb.st
    tail = [("state", state)] if state is not None else []
    if action != "continue":
        return _back(uri, [("error", "access_denied"), ("error_code", "200"), ("error_description", "Permissions error"),
                           ("error_reason", "user_denied")] + tail), None
    with st.tx():
        offered = asked_scopes(st, user, scopes, auth_type)
        mine = {r["page"] for r in st.q("SELECT page FROM fb_role WHERE user=?", user)}
        grant(st, user, [p for p in pages if p in mine], offered, [p for p in perms if p in offered])
        code = "AQB" + st.opaque("code", 200)
        st.run("INSERT INTO fb_code(code,user,redirect_uri,created) VALUES(?,?,?,?)", code, user, uri, st.clock.now())
    return _back(uri, [("code", code)] + tail) + "#_=_", code


def dialog(sb, rq):
    """GET and POST of the login dialog."""
    st, v = sb.st, View(rq)
    public_version(rq)
    problem, uri, state, scopes = _dialog_params(sb, rq, v)
    if problem:
        return problem
    if rq.method == "POST":
        form = rq.form()
        user = form.get("user", "")
        if form.get("action") == "continue":
            row = st.one("SELECT * FROM fb_user WHERE id=?", user)
            if row is None:
                return _problem(v, "unavailable")
            if not st.sw["app_live"] and not row["app_role"]:
                return _problem(v, "unavailable")
        pages = [b for a, b in rq.form_pairs() if a == "pages"]
        perms = [b for a, b in rq.form_pairs() if a == "perms"]
        where, _ = finish_login(sb, user, pages, perms, form.get("action"), uri, state, scopes, rq.query.get("auth_type"))
        return redirect(where)
    user = rq.query.get("user")
    row = st.one("SELECT * FROM fb_user WHERE id=?", user) if user else None
    if row is None:
        return _who_page(st, rq, v)
    if not st.sw["app_live"] and not row["app_role"]:
        return _problem(v, "unavailable")
    return _consent_page(st, rq, v, row, scopes)


def _who_page(st, rq, v):
    base = esc(rq.raw_path + "?" + urllib.parse.urlencode([(k, x) for k, x in rq.pairs if k not in ("user", "lang")]))
    rows = "".join('<li><a href="%s&amp;user=%s">%s</a> <span class="dim">%s</span></li>' % (base, u["id"], esc(u["name"]), esc(u["email"] or ""))
                   for u in st.q("SELECT * FROM fb_user ORDER BY seq"))
    cancel = '<form method="post"><input type="hidden" name="action" value="cancel"><button class="plain">%s</button></form>' % v.t("cancel")
    body = '<div class="card"><p>%s</p><h2>%s</h2><ul class="list">%s</ul>%s</div>' % (v.t("login_intro", app=st.cfg["fb_app_name"]), v.t("login_who"), rows, cancel)
    return v.page(v.words["login_title"], body, nav=False)


def _consent_page(st, rq, v, user, scopes):
    offered = asked_scopes(st, user["id"], scopes, rq.query.get("auth_type"))
    boxes = ""
    for p in st.q("SELECT p.*,r.tasks FROM fb_role r JOIN fb_page p ON p.id=r.page WHERE r.user=? AND p.state<>'deleted' ORDER BY p.seq", user["id"]):
        tags = [] if p["is_published"] else [v.t("unpublished")]
        tags += [v.t("restricted")] if p["state"] not in ("ok",) else []
        tags += [v.t("business")] if p["business"] else []
        boxes += ('<label class="row"><input type="checkbox" name="pages" value="%s" checked><span>%s %s<br><span class="dim">%s: %s</span></span></label>'
                  % (p["id"], esc(p["name"]), " ".join('<span class="tag">%s</span>' % t for t in tags), v.t("tasks"), esc(", ".join(json.loads(p["tasks"])).lower())))
    perms = "".join('<label class="row"><input type="checkbox" name="perms" value="%s" checked><code>%s</code></label>' % (s, s) for s in offered)
    other = esc(rq.raw_path + "?" + urllib.parse.urlencode([(k, x) for k, x in rq.pairs if k != "user"]))
    body = ('<form method="post" class="card"><p>%s</p><p><b>%s</b> · <a href="%s">%s</a></p><input type="hidden" name="user" value="%s">'
            '<h2>%s</h2>%s<h2>%s</h2>%s<div class="tools"><button name="action" value="continue">%s</button>'
            '<button class="plain" name="action" value="cancel">%s</button></div></form>'
            % (v.t("login_intro", app=st.cfg["fb_app_name"]), esc(user["name"]), other, v.t("login_other"), user["id"], v.t("login_pages"),
               boxes or "<p>%s</p>" % v.t("login_no_pages"), v.t("login_perms"), perms, v.t("continue"), v.t("cancel")))
    return v.page(v.words["login_title"], body, nav=False)


# token endpoints ------------------------------------------------------------------------------------------

def _client(sb, p):
    cfg = sb.st.cfg
    if not p.get("client_id"):
        raise GraphError("param_missing", name="client_id")
    if str(p["client_id"]) != cfg["fb_app_id"]:
        raise GraphError("app_bad")
    if not p.get("client_secret"):
        raise GraphError("param_missing", name="client_secret")
    if not same(p["client_secret"], cfg["fb_app_secret"]):
        raise GraphError("secret_bad")


def _token_answer(st, text):
    row = st.one("SELECT expires FROM fb_token WHERE token=?", text)
    return {"access_token": text, "token_type": "bearer", "expires_in": (row["expires"] - st.clock.now()) // 1000}


def oauth_token(sb, rq):
    """Code exchange and fb_exchange_token."""
    st, p = sb.st, params(rq)
    _client(sb, p)
    kind = p.get("grant_type")
    if kind == "fb_exchange_token":
        if not p.get("fb_exchange_token"):
            raise GraphError("param_missing", name="fb_exchange_token")
        row = st.one("SELECT * FROM fb_token WHERE token=? AND kind='user'", str(p["fb_exchange_token"]))
        if row is None:
            raise GraphError("token_bad")
        err = dead_error(sb, row)
        if err:
            raise err
        return _token_answer(st, user_token(st, row["user"], True))
    if kind == "client_credentials":
        return {"access_token": app_token(st), "token_type": "bearer"}
    if kind not in (None, "authorization_code"):
        raise GraphError("param", text="Invalid grant_type")
    if not p.get("redirect_uri"):
        raise GraphError("param_missing", name="redirect_uri")
    if not p.get("code"):
        raise GraphError("param_missing", name="code")
    row = st.one("SELECT * FROM fb_code WHERE code=?", str(p["code"]))
    if row is None:
        raise GraphError("code_bad")
    if row["used"]:
        raise GraphError("code_used")
    if st.clock.now() - row["created"] > CODE_MS:
        raise GraphError("code_expired")
    if row["redirect_uri"] != p["redirect_uri"]:
        raise GraphError("code_redirect")
    st.run("UPDATE fb_code SET used=1 WHERE code=?", row["code"])
    return _token_answer(st, user_token(st, row["user"], st.sw["code_token"] == "long"))


def debug_token(sb, rq):
    st = sb.st
    tok = caller(sb, rq)
    if tok.kind == "page" or (tok.kind == "user" and not st.one("SELECT 1 FROM fb_user WHERE id=? AND app_role=1", tok.user)):
        raise GraphError("debug_caller")
    text = params(rq).get("input_token")
    if not text:
        raise GraphError("param_missing", name="input_token")
    row = st.one("SELECT * FROM fb_token WHERE token=?", text)
    if row is None:
        return {"data": {"error": {"code": 190, "message": "Invalid OAuth access token - Cannot parse access token"}, "is_valid": False, "scopes": []}}
    scopes = [r["permission"] for r in st.q("SELECT permission FROM fb_grant WHERE user=? AND status='granted'", row["user"])]
    pages = [r["page"] for r in st.q("SELECT page FROM fb_grant_page WHERE user=? ORDER BY page", row["user"])]
    data = {"app_id": st.cfg["fb_app_id"], "type": row["kind"].upper(), "application": st.cfg["fb_app_name"]}
    err = dead_error(sb, row)
    if err:
        e = err.answer()[1]["error"]
        data["error"] = {"code": e["code"], "message": e["message"]}
        if "error_subcode" in e:
            data["error"]["subcode"] = e["error_subcode"]
        scopes = []
    data.update(data_access_expires_at=row["data_access"] // 1000, expires_at=row["expires"] // 1000, is_valid=err is None, issued_at=row["issued"] // 1000)
    if row["page"]:
        data["profile_id"] = row["page"]
    data["user_id"] = row["user"]
    data["scopes"] = scopes
    if not err:
        data["granular_scopes"] = [{"scope": s, "target_ids": pages} if s in GRANULAR else {"scope": s} for s in scopes if s in GRANULAR or s == "business_management"]
    return {"data": data}


def permissions_get(sb, rq, uid):
    tok = caller(sb, rq, ("user",))
    if uid not in ("me", tok.user):
        raise GraphError("object", verb="get", id=uid)
    return {"data": [{"permission": r["permission"], "status": r["status"]} for r in sb.st.q("SELECT * FROM fb_grant WHERE user=? ORDER BY rowid", tok.user)]}


def permissions_delete(sb, rq, uid):
    """User token or app token; removes the app for that person."""
    tok = caller(sb, rq, ("user", "app"))
    if tok.kind == "app" and uid == "me":
        raise GraphError("no_token_me")
    user = tok.user if uid == "me" else uid
    if (tok.kind == "user" and user != tok.user) or not sb.st.one("SELECT 1 FROM fb_user WHERE id=?", user):
        raise GraphError("object", verb="delete", id=uid)
    remove_app_user(sb.st, user)
    return {"success": True}


# Pages -----------------------------------------------------------------------------------------------------

def cursor(text):
    import base64
    return "QVFIU" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def uncursor(text):
    import base64
    import binascii
    try:
        if not text.startswith("QVFIU"):
            raise ValueError
        raw = text[5:]
        return base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)).decode()
    except (ValueError, binascii.Error, UnicodeDecodeError):
        raise GraphError("param", text="Invalid parameter: after is not a valid cursor") from None


def limit_of(p, default=25, top=100):
    text = str(p.get("limit", default))
    if not text.isdigit() or int(text) < 1:
        raise GraphError("param", text="Param limit must be a positive integer")
    return min(int(text), top) if top else int(text)


def paging(sb, rq, path, first, last, more):
    """`paging` with both cursors; `next` carries the token in clear, as the real one does."""
    out = {"cursors": {"before": cursor(first), "after": cursor(last)}}
    if more:
        keep = [(k, v) for k, v in rq.pairs if k not in ("access_token", "after", "before", "appsecret_proof", "appsecret_time")]
        query = urllib.parse.urlencode([("access_token", rq.tok.text)] + keep + [("after", out["cursors"]["after"])])
        out["next"] = "%s/%s/%s?%s" % (sb.base, public_version(rq), path, query)
    return out


def picture_of(sb, page):
    key = "logo:" + (page["color"] or "#4a5d6e")
    r = sb.st.one("SELECT id FROM media WHERE gen=? ORDER BY id LIMIT 1", key)
    mid = r["id"] if r else media.add_sample(sb.st, key)
    return {"data": {"height": 50, "is_silhouette": False, "url": media.url(sb, mid), "width": 50}}


def page_field(sb, tok, page, tasks, name):
    """One field of a Page node, or None when it is absent."""
    if name == "access_token":
        if tok.kind == "page":
            return tok.text
        if not MESSAGE_TASKS & set(tasks) or not page["has_token"] or not granted(sb.st, tok.user, "pages_show_list"):
            return None
        return page_token(sb.st, tok.row, page["id"])
    if name == "tasks":
        return tasks if tok.kind == "user" else None
    if name == "picture":
        return picture_of(sb, page)
    if name == "is_published":
        return bool(page["is_published"])
    if name == "category_list":
        return [{"id": "2201", "name": page["category"]}]
    if name == "link":
        return "https://www.facebook.com/" + page["id"]
    if name == "messaging_feature_status":
        return {"hop_v2": True, "msgr_multi_app": False, "ig_multi_app": False}
    if name == "fan_count":
        return 412
    return page[name] if name in page.keys() else None


def page_node(sb, tok, page, wanted):
    tasks = tasks_of(sb.st, tok.user, page["id"])
    out = {}
    for f in wanted:
        val = page_field(sb, tok, page, tasks, f.name)
        if val is not None:
            out[f.name] = F.cut(val, f.sub)
    out.setdefault("id", page["id"])
    return out


def accounts(sb, rq, uid):
    """Pages the person gave to the app."""
    st, p = sb.st, params(rq)
    tok = caller(sb, rq, ("user",))
    if uid not in ("me", tok.user):
        raise GraphError("object", verb="get", id=uid)
    wanted = F.wanted(p.get("fields"), PAGE_NODE, ("access_token", "category", "category_list", "name", "id", "tasks"), "Page")
    limit = limit_of(p)
    business = granted(st, tok.user, "business_management")
    after = int(uncursor(p["after"])) if p.get("after") else -1
    rows = []
    if granted(st, tok.user, "pages_show_list"):
        rows = st.q("SELECT p.* FROM fb_grant_page g JOIN fb_page p ON p.id=g.page JOIN fb_role r ON r.user=g.user AND r.page=g.page "
                    "WHERE g.user=? AND p.state<>'deleted' AND (p.business=0 OR ?) AND p.seq>? ORDER BY p.seq LIMIT ?", tok.user, int(business), after, limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    out = {"data": [page_node(sb, tok, r, wanted) for r in rows]}
    if rows:
        out["paging"] = paging(sb, rq, tok.user + "/accounts", str(rows[0]["seq"]), str(rows[-1]["seq"]), more)
    return out


def node_page(sb, rq, pid):
    """GET of a Page node with a user or page token."""
    tok = caller(sb, rq, ("user", "page"))
    p = params(rq)
    row = sb.st.one("SELECT * FROM fb_page WHERE id=?", pid)
    visible = row is not None and row["state"] != "deleted" and (
        tok.page == pid if tok.kind == "page" else sb.st.one("SELECT 1 FROM fb_grant_page WHERE user=? AND page=?", tok.user, pid) and tasks_of(sb.st, tok.user, pid))
    if not visible:
        raise GraphError("object", verb="get", id=pid)
    rq.page = pid
    return page_node(sb, tok, row, F.wanted(p.get("fields"), PAGE_NODE, ("id", "name"), "Page"))


def node_user(sb, rq, uid):
    tok = caller(sb, rq, ("user",))
    if uid not in ("me", tok.user):
        raise GraphError("object", verb="get", id=uid)
    u = sb.st.one("SELECT * FROM fb_user WHERE id=?", tok.user)
    out = {}
    for f in F.wanted(params(rq).get("fields"), USER_NODE, ("id", "name"), "User"):
        first, _, last = u["name"].partition(" ")
        if f.name == "email" and not granted(sb.st, tok.user, "email"):
            continue
        val = {"id": u["id"], "name": u["name"], "first_name": first, "last_name": last, "email": u["email"]}.get(f.name)
        if val is not None:
            out[f.name] = val
    out.setdefault("id", u["id"])
    return out


# subscriptions ---------------------------------------------------------------------------------------------

def _list_param(val):
    if isinstance(val, list):
        return [str(x) for x in val]
    text = str(val or "")
    if text.startswith("["):
        try:
            return [str(x) for x in json.loads(text)]
        except ValueError:
            return [text]
    return [x.strip() for x in text.split(",") if x.strip()]


def subscribed_get(sb, rq, pid):
    tok = caller(sb, rq, ("page",))
    page = own_page(sb, rq, tok, pid)
    out = []
    names = {sb.st.cfg["fb_app_id"]: sb.st.cfg["fb_app_name"]}
    for r in sb.st.q("SELECT app,fields FROM fb_sub WHERE page=? ORDER BY app", page["id"]):
        out.append({"category": "Business", "link": sb.st.cfg["product_url"] + "/", "name": names.get(r["app"], "Other app"), "id": r["app"],
                    "subscribed_fields": json.loads(r["fields"])})
    return {"data": out}


def subscribed_post(sb, rq, pid):
    st = sb.st
    tok = caller(sb, rq, ("page",))
    page = own_page(sb, rq, tok, pid)
    fields = _list_param(params(rq).get("subscribed_fields"))
    if not fields:
        raise GraphError("param", text="The parameter subscribed_fields is required.")
    for i, name in enumerate(fields):
        if name not in PAGE_FIELDS:
            raise GraphError("param", text="Param subscribed_fields[%d] must be one of {%s} - got \"%s\"." % (i, ", ".join(PAGE_FIELDS), name[:60]))
    need(sb, tok, "pages_manage_metadata")
    if any(f.startswith("mess") or f == "standby" for f in fields):
        need(sb, tok, "pages_messaging")
    if not INSTALL_TASKS & set(tasks_of(st, tok.user, page["id"])):
        raise GraphError("role")
    st.run("INSERT OR REPLACE INTO fb_sub VALUES(?,?,?)", page["id"], st.cfg["fb_app_id"], json.dumps(list(dict.fromkeys(fields))))
    return {"success": True}


def subscribed_delete(sb, rq, pid):
    tok = caller(sb, rq, ("page", "app"))
    if tok.kind == "page":
        own_page(sb, rq, tok, pid)
    elif not sb.st.one("SELECT 1 FROM fb_page WHERE id=?", pid):
        raise GraphError("object", verb="delete", id=pid)
    sb.st.run("DELETE FROM fb_sub WHERE page=? AND app=?", pid if pid != "me" else tok.page, sb.st.cfg["fb_app_id"])
    return {"success": True}


def handshake(sb, url, token):
    """The verification GET; -> (passed, status, reason)."""
    challenge = str(secrets.randbelow(9_000_000_000) + 1_000_000_000)
    sep = "&" if "?" in url else "?"
    query = urllib.parse.urlencode([("hub.mode", "subscribe"), ("hub.challenge", challenge), ("hub.verify_token", token)])
    status, body, error = http_call("GET", url + sep + query, None, {"User-Agent": "facebookplatform/1.0 (+http://developers.facebook.com)", "Accept": "*/*"}, 10)
    if error:
        return False, status, "Curl error: " + error
    if status != 200:
        return False, status, "HTTP Status Code = %d; HTTP Message = " % status
    if body != challenge.encode():
        return False, status, "Response does not match challenge, expected value=\"%s\", received=\"%s\"" % (challenge, body[:80].decode("utf-8", "replace"))
    return True, status, ""


def _own_app(sb, rq, aid):
    caller(sb, rq, ("app",))
    if aid not in (sb.st.cfg["fb_app_id"], "app"):
        raise GraphError("object", verb=rq.method.lower(), id=aid)


def subscriptions_get(sb, rq, aid):
    _own_app(sb, rq, aid)
    cfg = sb.st.cfg
    if not cfg["callback"]:
        return {"data": []}
    return {"data": [{"object": "page", "callback_url": cfg["callback"], "active": True,
                      "fields": [{"name": f, "version": cfg["app_version"]} for f in cfg["fields"]]}]}


def subscriptions_post(sb, rq, aid):
    """Runs outside the lock: the handshake calls the product."""
    p = params(rq)
    _own_app(sb, rq, aid)
    if p.get("object") != "page":
        raise GraphError("param", text="Param object must be one of {user, page, permissions, payments}")
    if not p.get("callback_url") or not p.get("verify_token"):
        raise GraphError("param", text="The parameters callback_url and verify_token are required.")
    fields = _list_param(p.get("fields"))
    for f in fields:
        if f not in PAGE_FIELDS:
            raise GraphError("param", text="Unknown field \"%s\" for object page" % f[:60])
    ok, _, why = handshake(sb, str(p["callback_url"]), str(p["verify_token"]))
    if not ok:
        raise GraphError("handshake", text=why)
    with sb.st.tx():
        sb.st.cfg.update(callback=str(p["callback_url"]), verify_token=str(p["verify_token"]), fields=fields)
        sb.st.save_config()
    return {"success": True}


def subscriptions_delete(sb, rq, aid):
    _own_app(sb, rq, aid)
    sb.st.cfg.update(callback="", fields=[])
    sb.st.save_config()
    return {"success": True}


# callbacks to the product ----------------------------------------------------------------------------------

def signed_request(st, payload):
    import base64
    body = base64.urlsafe_b64encode(json.dumps(payload, separators=(",", ":")).encode()).decode().rstrip("=")
    sig = hmac.new(st.cfg["fb_app_secret"].encode(), body.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(sig).decode().rstrip("=") + "." + body


def callback(sb, url, user, page=None, verbatim=None):
    """Deauthorize or data deletion callback; -> (status, body text)."""
    payload = {"user_id": user, "algorithm": "HMAC-SHA256", "issued_at": sb.st.clock.now() // 1000}
    if page:
        payload.update(user_id="0", profile_id=page)
    text = verbatim if verbatim is not None else signed_request(sb.st, payload)
    body = urllib.parse.urlencode({"signed_request": text}).encode()
    status, data, error = http_call("POST", url, body, {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "facebookplatform/1.0"}, 10)
    return status, error or data.decode("utf-8", "replace")
