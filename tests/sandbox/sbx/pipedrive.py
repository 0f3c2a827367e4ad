# SPDX-License-Identifier: MIT
"""Pipedrive: OAuth (consent, tokens, refresh, revoke), API gate (token, scope, limits), users.

Purpose: everything before CRM records. `ROUTES` is the table of API calls; the pd* modules add their rows.
Ownership: tables pd_company, pd_user, pd_code, pd_install, pd_token.
Can fail: refusals are PdError; OAuth refusals use the rows PD_OAUTH of the error table.
"""
import base64
import binascii
import collections
import datetime
import hmac
import json
import math
import re
import threading
import time
import urllib.parse
import uuid
import zoneinfo

from .errors import PD_OAUTH, PdError, pd_refused
from .html import View, esc
from .store import sql_time
from .webhooks import http_call
from .wire import Response, json_response, redirect

CODE_MS, IDLE_MS = 300_000, 60 * 86_400_000
BURST = {"lite": 80, "growth": 160, "premium": 400, "ultimate": 480}
SEARCH_BURST = 10

ROUTES = []


def route(version, method, pattern, endpoint, scopes, cost, handler, search=False):
    """Register one API call. `version` is "1" or "2"; any of `scopes` suffices."""
    ROUTES.append((version, method, re.compile(pattern + r"/?\Z"), endpoint, tuple(scopes.split()), cost, handler, search))


class Rates:
    """Rolling two-second burst limits per access token, and the daily token budget per company."""

    def __init__(self, sb):
        self.sb, self.lock = sb, threading.Lock()
        self.calls, self.days = {}, {}

    def clear(self):
        with self.lock:
            self.calls, self.days = {}, {}

    def _now(self):
        clock = self.sb.st.clock
        return int(time.monotonic() * 1000) if clock.fixed is not None else clock.now()

    def hit(self, token, plan, search, company, cost):
        """-> rate headers; raises 429 over the limit."""
        with self.lock:
            now, limit = self._now(), SEARCH_BURST if search else BURST.get(plan, 80)
            dq = self.calls.setdefault((token, search), collections.deque())
            while dq and (now - dq[0] >= 2000 or dq[0] > now):
                dq.popleft()
            reset = math.ceil((2000 - (now - dq[0])) / 1000) if dq else 2
            over = len(dq) >= limit and self.sb.st.sw["pd_enforce_rate"]
            if not over:
                dq.append(now)
            headers = [("x-ratelimit-limit", str(limit)), ("x-ratelimit-remaining", str(max(0, limit - len(dq)))), ("x-ratelimit-reset", str(reset))]
            budget = int(self.sb.st.sw["pd_daily_tokens"])
            if budget:
                key = (company, self.sb.st.clock.now() // 86_400_000)
                used = self.days.get(key, 0) + (0 if over else cost)
                headers += [("x-daily-ratelimit-token-limit", str(budget)), ("x-daily-ratelimit-token-remaining", str(max(0, budget - used)))]
                if used > budget:
                    raise PdError("burst", headers=headers)
                self.days[key] = used
            if over:
                raise PdError("burst", headers=headers)
            return headers


# OAuth ------------------------------------------------------------------------------------------------------

def route_oauth(rq):
    if rq.path == "/oauth/authorize" and rq.method in ("GET", "POST"):
        return ("pd.authorize" if rq.method == "GET" else "pd.authorize.submit"), authorize, True
    if rq.path in ("/oauth/token", "/oauth/token/") and rq.method == "POST":
        return "pd.token", token, False
    if rq.path == "/oauth/revoke" and rq.method == "POST":
        return "pd.revoke", revoke, False
    return "pd.unknown", lambda sb, r: Response(404, "Not found"), False


def _oauth_error(key):
    status, error, text = PD_OAUTH[key]
    return json_response({"success": False, "message": text, "error": error, "error_description": text}, status)


def _authorize_problem(sb, rq):
    """-> key of the refusal, or None."""
    q, cfg = rq.query, sb.st.cfg
    if q.get("client_id") != cfg["pd_client_id"]:
        return "client_bad"
    if q.get("redirect_uri") not in cfg["pd_redirect_uris"]:
        return "redirect"
    return None


def finish_authorize(sb, company, user, action, uri, state):
    """What Allow and Cancel do; -> (address to go back to, code or None)."""
    st = sb.st
    tail = [("state", state)] if state is not None else []
    sep = "&" if "?" in uri else "?"
    if action != "allow":
        return uri + sep + urllib.parse.urlencode([("error", "user_denied")] + tail), None
    with st.tx():
        code = "%s.%s.%s" % (user, company, st.opaque("pdcode", 40).replace("-", "x").replace("_", "y").lower())
        st.run("INSERT INTO pd_code(code,company,user,redirect_uri,created) VALUES(?,?,?,?,?)", code, company, user, uri, st.clock.now())
    return uri + sep + urllib.parse.urlencode([("code", code)] + tail), code


def authorize(sb, rq):
    """Consent page: which company and user, allow or cancel."""
    st, v = sb.st, View(rq)
    problem = _authorize_problem(sb, rq)
    if problem == "redirect":
        return json_response({"error": "Invalid redirect URL"}, 400)
    if problem:
        return _oauth_error(problem)
    uri, state = rq.query["redirect_uri"], rq.query.get("state")
    if rq.method == "POST":
        form = rq.form()
        company, _, user = form.get("who", "").partition(":")
        company, user = form.get("company") or company, form.get("user") or user
        row = st.one("SELECT * FROM pd_user WHERE id=? AND company=? AND active=1", user, company)
        if form.get("action") == "allow" and (row is None or not st.one("SELECT 1 FROM pd_company WHERE id=? AND open=1", company)):
            return _oauth_error("company")
        where, _ = finish_authorize(sb, company, user, form.get("action"), uri, state)
        return redirect(where)
    rows, first = "", True
    for u in st.q("SELECT u.*,c.name AS cname FROM pd_user u JOIN pd_company c ON c.id=u.company WHERE u.active=1 ORDER BY c.seq,u.seq"):
        rows += ('<label class="row"><input type="radio" name="who" value="%d:%d"%s><span>%s <span class="dim">%s · %s</span></span></label>'
                 % (u["company"], u["id"], " checked" if first else "", esc(u["name"]), esc(u["cname"]), v.t("pd_admin" if u["admin"] else "pd_regular")))
        first = False
    body = ('<form method="post" class="card"><p>%s</p><p class="dim">%s: <code>%s</code></p><h2>%s</h2>%s<div class="tools">'
            '<button name="action" value="allow">%s</button><button class="plain" name="action" value="cancel">%s</button></div></form>'
            % (v.t("pd_intro", app=st.cfg["fb_app_name"]), v.t("pd_scopes"), esc(", ".join(st.cfg["pd_scopes"])), v.t("pd_who"), rows, v.t("pd_allow"), v.t("pd_cancel")))
    return v.page(v.words["pd_title"], body, nav=False)


def _client(sb, rq):
    """-> error key or None. Basic header, else body members."""
    cfg, form = sb.st.cfg, rq.form()
    auth = rq.headers.get("authorization", "")
    if auth[:6].lower() == "basic ":
        try:
            cid, _, secret = base64.b64decode(auth[6:].strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return "client_missing"
    else:
        cid, secret = form.get("client_id", ""), form.get("client_secret", "")
    if not cid or not secret:
        return "client_missing"
    same = hmac.compare_digest(cid.encode(), cfg["pd_client_id"].encode()) & hmac.compare_digest(secret.encode(), cfg["pd_client_secret"].encode())
    return None if same else "client_bad"


def new_access(st, inst):
    text = "v1u:" + st.opaque("pdtoken", 280)
    expires = st.clock.now() + int(st.sw["pd_expires_in"] + 1) * 1000
    st.run("INSERT INTO pd_token VALUES(?,?,?,?,?)", text, inst["company"], inst["user"], inst["scopes"], expires)
    return text


def token_answer(sb, inst):
    return {"access_token": new_access(sb.st, inst), "token_type": "Bearer", "expires_in": int(sb.st.sw["pd_expires_in"]), "refresh_token": inst["refresh"],
            "scope": ",".join(json.loads(inst["scopes"])), "api_domain": sb.base}


def new_refresh(st, company, user):
    return "%s:%s:%s" % (company, user, st.opaque("pdrefresh", 40).encode().hex()[:40])


def install(sb, company, user):
    """A user installed the app: a new grant replaces the old one. -> installation row"""
    st = sb.st
    st.run("DELETE FROM pd_token WHERE company=? AND user=?", company, user)
    st.run("INSERT OR REPLACE INTO pd_install(company,user,refresh,scopes,created,used_at) VALUES(?,?,?,?,?,?)", company, user, new_refresh(st, company, user),
           json.dumps(st.cfg["pd_scopes"]), st.clock.now(), st.clock.now())
    return st.one("SELECT * FROM pd_install WHERE company=? AND user=?", company, user)


def token(sb, rq):
    """POST /oauth/token"""
    if rq.ctype != "application/x-www-form-urlencoded":
        return _oauth_error("content_type")
    form = rq.form()
    problem = _client(sb, rq)
    if problem:
        return _oauth_error(problem)
    kind = form.get("grant_type")
    if not kind:
        return _oauth_error("grant_missing")
    if kind == "authorization_code":
        return _code_grant(sb, form)
    if kind == "refresh_token":
        return _refresh_grant(sb, form)
    return _oauth_error("grant_type")


def _code_grant(sb, form):
    st = sb.st
    uri = form.get("redirect_uri", "")
    if not re.match(r"https?://[^/]+", uri):
        return _oauth_error("redirect_form")
    row = st.one("SELECT * FROM pd_code WHERE code=?", form.get("code", ""))
    if row is None or row["used"]:
        return _oauth_error("code_bad")
    if st.clock.now() - row["created"] > CODE_MS:
        return _oauth_error("code_expired")
    if uri != row["redirect_uri"] or uri not in st.cfg["pd_redirect_uris"]:
        return _oauth_error("redirect_bad")
    st.run("UPDATE pd_code SET used=1 WHERE code=?", row["code"])
    return json_response(token_answer(sb, install(sb, row["company"], row["user"])))


def _refresh_grant(sb, form):
    st, now = sb.st, sb.st.clock.now()
    inst = st.one("SELECT * FROM pd_install WHERE refresh=?", form.get("refresh_token", ""))
    if inst is None or now - inst["used_at"] > IDLE_MS:
        return _oauth_error("refresh_bad")
    if st.sw["pd_rotate_refresh"]:
        st.run("UPDATE pd_install SET refresh=?,old_refresh=? WHERE refresh=?", new_refresh(st, inst["company"], inst["user"]), inst["refresh"], inst["refresh"])
    st.run("UPDATE pd_install SET used_at=? WHERE company=? AND user=?", now, inst["company"], inst["user"])
    inst = st.one("SELECT * FROM pd_install WHERE company=? AND user=?", inst["company"], inst["user"])
    return json_response(token_answer(sb, inst))


def uninstall(st, company, user):
    """All OAuth data and the app's webhooks of that user go."""
    st.run("DELETE FROM pd_token WHERE company=? AND user=?", company, user)
    gone = st.run("DELETE FROM pd_install WHERE company=? AND user=?", company, user).rowcount
    for r in st.q("SELECT id,data FROM pd_obj WHERE company=? AND kind='webhook'", company):
        if json.loads(r["data"])["admin_id"] == int(user):
            st.run("DELETE FROM pd_obj WHERE company=? AND kind='webhook' AND id=?", company, r["id"])
    return gone


def revoke(sb, rq):
    """RFC 7009: the refresh token uninstalls, the access token only dies. 200 also for an unknown token."""
    st = sb.st
    if rq.ctype != "application/x-www-form-urlencoded":
        return _oauth_error("content_type")
    problem = _client(sb, rq)
    if problem:
        return _oauth_error(problem)
    text = rq.form().get("token", "")
    inst = st.one("SELECT * FROM pd_install WHERE refresh=?", text)
    if inst:
        uninstall(st, inst["company"], inst["user"])
    else:
        st.run("DELETE FROM pd_token WHERE token=?", text)
    return json_response({"success": True})


def uninstall_callback(sb, company, user):
    """The DELETE which Pipedrive sends to the Callback URL. -> (status, body text)"""
    cfg = sb.st.cfg
    cred = base64.b64encode(("%s:%s" % (cfg["pd_client_id"], cfg["pd_client_secret"])).encode()).decode()
    body = json.dumps({"client_id": cfg["pd_client_id"], "company_id": int(company), "user_id": int(user), "timestamp": sql_time(sb.st.clock.now())}).encode()
    url = cfg["pd_redirect_uris"][0] if cfg["pd_redirect_uris"] else ""
    status, data, error = http_call("DELETE", url, body, {"Authorization": "Basic " + cred, "Content-Type": "application/json", "User-Agent": "Pipedrive"}, 10)
    return status, error or data.decode("utf-8", "replace")


# API gate -----------------------------------------------------------------------------------------------------

class Caller:
    """Whose token calls: company row, user row, scopes."""
    __slots__ = ("company", "user", "scopes", "cid", "uid")

    def __init__(self, company, user, scopes):
        self.company, self.user, self.scopes = company, user, scopes
        self.cid, self.uid = company["id"], user["id"]


def route_api(rq):
    m = re.match(r"/(?:api/)?v([12])(/.*)\Z", rq.path)
    version, rest = m.group(1), m.group(2)
    if version == "2" and not rq.path.startswith("/api/"):
        return "pd.unknown", _unknown, False
    found = None
    for ver, method, pat, endpoint, scopes, cost, handler, search in ROUTES:
        if ver == version and method == rq.method:
            g = pat.match(rest)
            if g:
                found = endpoint, lambda sb, r: _call(sb, r, scopes, cost, handler, search, g.groups()), False
                break
    return found or ("pd.unknown", _unknown, False)


def _authenticate(sb, rq):
    st = sb.st
    auth = rq.headers.get("authorization", "")
    if auth[:7].lower() != "bearer ":
        raise PdError("unauthorized")
    row = st.one("SELECT * FROM pd_token WHERE token=?", auth[7:].strip())
    if row is None or row["expires"] <= st.clock.now():
        raise PdError("unauthorized")
    company = st.one("SELECT * FROM pd_company WHERE id=?", row["company"])
    user = st.one("SELECT * FROM pd_user WHERE id=?", row["user"])
    if not company["open"]:
        raise PdError("not_open")
    if not user["active"]:
        raise PdError("unauthorized")
    return row, Caller(company, user, set(json.loads(row["scopes"])))


def _unknown(sb, rq):
    """A path which OAuth does not know answers like a missing scope, once the token is good."""
    _authenticate(sb, rq)
    raise PdError("scope")


def _call(sb, rq, scopes, cost, handler, search, groups):
    row, who = _authenticate(sb, rq)
    if not who.scopes & set(scopes):
        raise PdError("scope")
    rq.rate_headers = sb.pd_rates.hit(row["token"], who.company["plan"], search, who.cid, cost)
    if rq.method in ("POST", "PUT", "PATCH") and rq.ctype == "application/json" and rq.body and not isinstance(rq.json(), dict):
        raise pd_refused("Bad request: invalid JSON")
    return handler(sb, rq, who, *groups)


# users ------------------------------------------------------------------------------------------------------------

def _offset(tz):
    try:
        sec = int(datetime.datetime.now(zoneinfo.ZoneInfo(tz)).utcoffset().total_seconds())
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        sec = 0
    return "%s%02d:%02d" % ("-" if sec < 0 else "+", abs(sec) // 3600, abs(sec) % 3600 // 60)


def user_object(st, u, me=None):
    now = st.clock.now()
    access = [{"app": a, "admin": bool(u["admin"]), "permission_set_id": str(uuid.uuid5(uuid.NAMESPACE_OID, "%d/%s/%d" % (u["company"], a, u["admin"])))}
              for a in (("sales", "global", "account_settings") if u["admin"] else ("sales", "global"))]
    company = st.one("SELECT * FROM pd_company WHERE id=?", u["company"])
    return {"id": u["id"], "name": u["name"], "email": u["email"], "phone": None, "default_currency": company["currency"], "locale": u["locale"], "lang": 1 if u["lang"] == "en" else 15,
            "activated": True, "active_flag": bool(u["active"]), "is_deleted": False, "is_you": u["id"] == me, "last_login": sql_time(now - 4_600_000),
            "created": "2026-02-01 10:00:00", "modified": sql_time(now - 4_600_000), "has_created_company": bool(u["admin"]), "access": access,
            "timezone_name": u["tz"], "timezone_offset": _offset(u["tz"]), "role_id": 1, "icon_url": None}


def users_me(sb, _rq, who):
    out = user_object(sb.st, who.user, who.uid)
    c = who.company
    out.update(company_id=c["id"], company_name=c["name"], company_domain=c["domain"], company_country=c["country"], company_industry="Retail",
               language={"language_code": who.user["lang"], "country_code": who.user["country"]})
    return {"success": True, "data": out}


def users_list(sb, _rq, who):
    return {"success": True, "data": [user_object(sb.st, u, who.uid) for u in sb.st.q("SELECT * FROM pd_user WHERE company=? ORDER BY seq", who.cid)]}


def _user(sb, who, uid):
    u = sb.st.one("SELECT * FROM pd_user WHERE company=? AND id=?", who.cid, int(uid))
    if u is None:
        raise PdError("user_missing")
    return u


def users_get(sb, _rq, who, uid):
    return {"success": True, "data": user_object(sb.st, _user(sb, who, uid), who.uid)}


def users_find(sb, rq, who):
    term = rq.query.get("term", "").lower()
    if not term:
        raise pd_refused("term is required")
    by_mail = rq.query.get("search_by_email") == "1"
    rows = [u for u in sb.st.q("SELECT * FROM pd_user WHERE company=? ORDER BY seq", who.cid) if term in (u["email"] if by_mail else u["name"]).lower()]
    return {"success": True, "data": [user_object(sb.st, u, who.uid) for u in rows]}


def users_permissions(sb, _rq, who, uid):
    a = bool(_user(sb, who, uid)["admin"])
    names = ("can_add_custom_fields can_change_visibility_of_items can_delete_deals can_merge_people can_merge_deals can_merge_organizations can_modify_labels "
             "can_bulk_edit_items can_convert_deals_to_leads can_delete_activities").split()
    return {"success": True, "data": dict({n: a for n in names}, can_use_api=True, can_see_other_users=True, can_see_hidden_items_names=a)}


def role_settings(sb, _rq, who, uid):
    _user(sb, who, uid)
    return {"success": True, "data": {"deal_default_visibility": 3, "lead_default_visibility": 3, "org_default_visibility": 3, "person_default_visibility": 3, "product_default_visibility": 3}}


def user_settings(_sb, _rq, _who):
    return {"success": True, "data": {"marketplace_team": False, "list_limit": 100, "beta_app": False, "prevent_salesphone_callto_override": False, "file_upload_destination": "s3",
                                      "callto_link_syntax": "callto:", "autofill_deal_expected_close_date": True, "person_duplicate_condition": "name and email"}}


def user_connections(_sb, _rq, _who):
    return {"success": True, "data": {"google": ""}}


def currencies(_sb, rq, _who):
    rows = [(1, "EUR", "Euro", 2, "€"), (2, "USD", "US Dollar", 2, "$"), (3, "JPY", "Japanese Yen", 0, "¥"), (4, "GBP", "Pound Sterling", 2, "£")]
    term = rq.query.get("term", "").lower()
    return {"success": True, "data": [{"id": i, "code": c, "name": n, "decimal_points": d, "symbol": s, "active_flag": True, "is_custom_flag": False}
                                      for i, c, n, d, s in rows if term in (c + " " + n).lower()]}


route("1", "GET", "/users/me", "pd.users.me", "base", 2, users_me)
route("1", "GET", "/users", "pd.users.list", "users:read", 20, users_list)
route("1", "GET", "/users/find", "pd.users.find", "users:read", 40, users_find, True)
route("1", "GET", r"/users/(\d{1,15})", "pd.users.get", "users:read", 2, users_get)
route("1", "GET", r"/users/(\d{1,15})/permissions", "pd.users.permissions", "users:read", 10, users_permissions)
route("1", "GET", r"/users/(\d{1,15})/roleSettings", "pd.users.roleSettings", "users:read", 10, role_settings)
route("1", "GET", "/userSettings", "pd.userSettings", "base", 2, user_settings)
route("1", "GET", "/userConnections", "pd.userConnections", "base", 2, user_connections)
route("1", "GET", "/currencies", "pd.currencies", "base", 20, currencies)
