# SPDX-License-Identifier: MIT
"""Pipedrive webhooks: making, listing and deleting them (delivery is in webhooks.py).

Purpose: what an app may subscribe to. Ownership: records of kind `webhook`.
Can fail: PdError with the endpoint's own forms of refusal.
"""
import re

from .errors import PdError
from .pdrecords import everything, get, json_body, new_id, put
from .pipedrive import route
from .store import sql_time

HOOK_ACTIONS = ("create", "change", "delete", "*")
HOOK_OBJECTS = ("activity", "deal", "lead", "note", "organization", "person", "pipeline", "product", "stage", "user", "*")
HOOK_FIELDS = ("id company_id owner_id user_id event_action event_object subscription_url version is_active add_time remove_time type http_auth_user http_auth_password remove_reason last_delivery_time "
               "last_http_status admin_id name").split()


def _hook_error(field, text):
    return PdError(status=400, body={"status": "error", "success": False, "errors": {field: [text]}})


def hooks_create(sb, rq, who):
    body = rq.form() if rq.ctype == "application/x-www-form-urlencoded" else json_body(rq)
    url = body.get("subscription_url")
    if not isinstance(url, str) or not re.match(r"https?://[^/\s]+", url) or "pipedrive.com" in url:
        raise _hook_error("subscription_url", "invalid or non-reachable URL")
    if body.get("event_action") not in HOOK_ACTIONS:
        raise _hook_error("event_action", "is not included in the list")
    if body.get("event_object") not in HOOK_OBJECTS:
        raise _hook_error("event_object", "is not included in the list")
    if not isinstance(body.get("name"), str) or not body["name"].strip():
        raise _hook_error("name", "can't be blank")
    if str(body.get("version", "2.0")) not in ("1.0", "2.0"):
        raise _hook_error("version", "is not included in the list")
    mine = [h for h in everything(sb.st, who.cid, "webhook") if h["admin_id"] == who.uid]
    if len(mine) >= 40:
        raise PdError("hook_limit")
    user = int(body.get("user_id") or who.uid)
    if not sb.st.one("SELECT 1 FROM pd_user WHERE company=? AND id=?", who.cid, user):
        raise _hook_error("user_id", "not found")
    h = {"id": new_id(sb.st, who.cid, "webhook", 4711), "company_id": who.cid, "owner_id": user, "user_id": user, "event_action": body["event_action"], "event_object": body["event_object"], "subscription_url": url,
         "version": "2.0", "is_active": 1, "add_time": sql_time(sb.st.clock.now()), "remove_time": None, "type": "application", "http_auth_user": body.get("http_auth_user"),
         "http_auth_password": body.get("http_auth_password"), "remove_reason": None, "last_delivery_time": None, "last_http_status": None, "admin_id": who.uid, "name": body["name"]}
    put(sb.st, who.cid, "webhook", h)
    return 201, {"status": "ok", "success": True, "data": h}


def hooks_list(sb, _rq, who):
    rows = [h for h in everything(sb.st, who.cid, "webhook") if h["admin_id"] == who.uid]
    return {"status": "ok", "success": True, "data": [{k: h.get(k) for k in HOOK_FIELDS} for h in rows]}


def hooks_delete(sb, _rq, who, hid):
    h = get(sb.st, who.cid, "webhook", hid)
    if h is None:
        raise PdError("hook_missing")
    if h["admin_id"] != who.uid:
        raise PdError("hook_forbidden")
    sb.st.run("DELETE FROM pd_obj WHERE company=? AND kind='webhook' AND id=?", who.cid, str(hid))
    return {"status": "ok", "success": True}


# table of calls ---------------------------------------------------------------------------------------------------

_N = r"/(\d{1,15})"
route("1", "POST", "/webhooks", "pd.webhooks.create", "webhooks:full admin", 10, hooks_create)
route("1", "GET", "/webhooks", "pd.webhooks.list", "webhooks:full webhooks:read admin", 10, hooks_list)
route("1", "DELETE", "/webhooks" + _N, "pd.webhooks.delete", "webhooks:full admin", 6, hooks_delete)
