# SPDX-License-Identifier: MIT
"""Pipedrive records: storage, what a new company has, strict v2 validation, webhooks after a change, paging.

Purpose: the ground on which persons, deals, leads and notes stand.
Ownership: table pd_obj, one JSON document per record; ids count per company and kind.
Can fail: PdError with the form of body each API version uses.
"""
import base64
import binascii
import json
import re
import uuid

from .errors import pd_invalid, pd_refused
from .store import rfc, rfc_ms


def get(st, cid, kind, oid):
    r = st.one("SELECT data FROM pd_obj WHERE company=? AND kind=? AND id=?", cid, kind, str(oid))
    return json.loads(r["data"]) if r else None


def put(st, cid, kind, obj, deleted=False):
    oid = str(obj["id"])
    r = st.one("SELECT sort FROM pd_obj WHERE company=? AND kind=? AND id=?", cid, kind, oid)
    sort = r["sort"] if r else st.next("pdsort")
    st.run("INSERT OR REPLACE INTO pd_obj VALUES(?,?,?,?,?,?)", cid, kind, oid, json.dumps(obj, ensure_ascii=False), sort, int(deleted))


def everything(st, cid, kind, deleted=False):
    cond = "" if deleted else " AND deleted=0"
    return [json.loads(r["data"]) for r in st.q("SELECT data FROM pd_obj WHERE company=? AND kind=?%s ORDER BY sort" % cond, cid, kind)]


def new_id(st, cid, kind, start=1):
    return st.next("pd.%d.%s" % (cid, kind), start)


def code40(st, cid, name):
    return uuid.uuid5(uuid.NAMESPACE_OID, "%d/%s" % (cid, name)).hex + uuid.uuid5(uuid.NAMESPACE_URL, "%d/%s" % (cid, name)).hex[:8]


def visible(who, obj):
    """visible_to 1: owner only (administrators see everything)."""
    return bool(who.user["admin"]) or str(obj.get("visible_to")) != "1" or obj.get("owner_id") == who.uid


def furnish(st, cid):
    """What every new company has: pipelines, stages, fields, labels, activity types."""
    ja = st.one("SELECT country FROM pd_company WHERE id=?", cid)["country"] == "JP"
    now = rfc(st.clock.now() - 300 * 86_400_000)
    names = ["商談", "修理"] if ja else ["Pipeline", "Repairs"]
    stages = [["見込み", "連絡済み", "提案", "交渉中"], ["受付", "作業中", "完了"]] if ja else [["Qualified", "Contact Made", "Proposal Made", "Negotiations Started"], ["Received", "In workshop", "Ready"]]
    for n, name in enumerate(names):
        pid = new_id(st, cid, "pipeline")
        put(st, cid, "pipeline", {"id": pid, "name": name, "order_nr": n + 1, "is_deleted": False, "is_deal_probability_enabled": False, "add_time": now, "update_time": now})
        for i, s in enumerate(stages[n]):
            put(st, cid, "stage", {"id": new_id(st, cid, "stage"), "order_nr": i + 1, "name": s, "is_deleted": False, "deal_probability": 100, "pipeline_id": pid, "is_deal_rot_enabled": False,
                                   "days_to_rotten": None, "add_time": now, "update_time": now})
    for kind, rows in SYSTEM_FIELDS.items():
        for code, typ, label in rows:
            f = new_field(label, code, typ, False)
            if code == "channel":
                f["options"] = [{"id": 51, "label": "Web"}, {"id": 52, "label": "Messenger"}]
            put(st, cid, kind, dict(f, id=code))
    for key, name in (("call", "Call"), ("meeting", "Meeting"), ("task", "Task"), ("email", "Email")):
        put(st, cid, "activityType", {"id": new_id(st, cid, "activityType"), "name": name, "icon_key": key if key != "email" else "email", "color": None, "order_nr": 1, "key_string": key, "active_flag": True,
                                      "is_custom_flag": False, "add_time": "2026-01-01 00:00:00", "update_time": None})
    for name, color in (("Hot", "red"), ("Warm", "yellow"), ("Cold", "blue")):
        lid = str(uuid.uuid5(uuid.NAMESPACE_OID, "%d/label/%s" % (cid, name)))
        put(st, cid, "leadLabel", {"id": lid, "name": name, "color": color, "add_time": rfc_ms(st.clock.now()), "update_time": rfc_ms(st.clock.now())})


SYSTEM_FIELDS = {
    "personField": [("name", "varchar", "Name"), ("emails", "varchar", "Email"), ("phones", "phone", "Phone"), ("org_id", "org", "Organization"), ("owner_id", "user", "Owner"),
                    ("label_ids", "set", "Labels"), ("visible_to", "visible_to", "Visible to"), ("add_time", "date", "Person created"), ("update_time", "date", "Update time")],
    "dealField": [("title", "varchar", "Title"), ("value", "monetary", "Value"), ("person_id", "people", "Contact person"), ("org_id", "org", "Organization"), ("pipeline_id", "double", "Pipeline"),
                  ("stage_id", "stage", "Stage"), ("status", "status", "Status"), ("owner_id", "user", "Owner"), ("channel", "enum", "Source channel"), ("channel_id", "varchar", "Source channel ID"),
                  ("origin", "varchar_options", "Source origin"), ("expected_close_date", "date", "Expected close date"), ("label_ids", "set", "Label")],
    "organizationField": [("name", "varchar", "Name"), ("address", "address", "Address"), ("owner_id", "user", "Owner"), ("label_ids", "set", "Labels")],
}


def new_field(name, code, typ, custom):
    out = {"field_name": name, "field_code": code, "field_type": typ, "is_custom_field": custom, "is_optional_response_field": False}
    if typ in ("enum", "set"):
        out["options"] = []
    return out


RFC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)\Z")
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
_TIME = re.compile(r"\d\d:\d\d(:\d\d)?\Z")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


def is_int(v):
    return isinstance(v, int) and not isinstance(v, bool)


def is_num(v):
    return isinstance(v, (int, float)) and not isinstance(v, bool)


def _contact_list(v):
    return isinstance(v, list) and all(isinstance(x, dict) and set(x) <= {"value", "primary", "label"} and isinstance(x.get("value"), str) and isinstance(x.get("primary", False), bool)
                                       and isinstance(x.get("label", ""), str) for x in v)


CHECKS = {
    "str": (lambda v: isinstance(v, str), "string"), "int": (is_int, "integer"), "num": (is_num, "number"), "bool": (lambda v: isinstance(v, bool), "boolean"),
    "ints": (lambda v: isinstance(v, list) and all(is_int(x) for x in v), "array of integers"),
    "time": (lambda v: isinstance(v, str) and bool(RFC_TIME.match(v)), "RFC 3339 date-time"), "date": (lambda v: isinstance(v, str) and bool(_DATE.match(v)), "date"),
    "clock": (lambda v: isinstance(v, str) and bool(_TIME.match(v)), "time"), "contacts": (_contact_list, "array of {value, primary, label}"),
    "address": (lambda v: isinstance(v, dict) and isinstance(v.get("value"), str), "object with value"), "custom": (lambda v: isinstance(v, dict), "object"),
    "uuid": (lambda v: isinstance(v, str) and bool(_UUID.match(v)), "uuid"),
    "participants": (lambda v: isinstance(v, list) and all(isinstance(x, dict) and is_int(x.get("person_id")) and isinstance(x.get("primary", False), bool) for x in v), "array of {person_id, primary}"),
    "list": (lambda v: isinstance(v, list), "array"),
}

# member: type; a trailing ? allows null always, a trailing ~ allows null in an update
SHAPES = {
    "person": {"name": "str", "owner_id": "int", "org_id": "int~", "add_time": "time", "emails": "contacts", "phones": "contacts", "visible_to": "int", "label_ids": "ints~", "custom_fields": "custom"},
    "organization": {"name": "str", "owner_id": "int", "add_time": "time", "visible_to": "int", "label_ids": "ints~", "address": "address~", "website": "str?", "linkedin": "str?", "industry": "int?",
                     "annual_revenue": "int?", "employee_count": "int?", "custom_fields": "custom"},
    "deal": {"title": "str", "owner_id": "int", "person_id": "int~", "org_id": "int~", "pipeline_id": "int", "stage_id": "int", "value": "num~", "currency": "str", "is_deleted": "bool", "is_archived": "bool",
             "archive_time": "time", "status": "str", "probability": "num?", "lost_reason": "str?", "visible_to": "int", "close_time": "time?", "won_time": "time", "lost_time": "time",
             "expected_close_date": "date~", "label_ids": "ints~", "custom_fields": "custom"},
    "activity": {"subject": "str", "type": "str", "owner_id": "int", "deal_id": "int~", "lead_id": "uuid~", "person_id": "int~", "org_id": "int~", "project_id": "int~", "due_date": "date~", "due_time": "clock~",
                 "duration": "clock~", "busy": "bool", "done": "bool", "location": "address~", "participants": "participants", "attendees": "list", "public_description": "str~", "priority": "int~", "note": "str~"},
}
FIELD_KIND = {"person": "personField", "organization": "organizationField", "deal": "dealField"}
LINKS = {"org_id": "organization", "person_id": "person", "deal_id": "deal", "lead_id": "lead"}
CUSTOM_CHECK = {"varchar": "str", "text": "str", "varchar_auto": "str", "phone": "str", "double": "num", "enum": "int", "set": "ints", "date": "date", "org": "int", "people": "int", "user": "int"}
VISIBLE = (1, 3, 5, 7)


def check_shape(st, who, kind, body, update):
    """Refuse unknown members, wrong types, unknown custom fields, links to nothing."""
    if not isinstance(body, dict):
        raise pd_invalid("Request body must be a JSON object")
    shape = SHAPES[kind]
    for k, v in body.items():
        if k not in shape:
            raise pd_invalid("Parameter '%s' is not allowed" % k[:60])
        typ = shape[k]
        if v is None:
            if typ.endswith("?") or (update and typ.endswith("~")):
                continue
            raise pd_invalid("Parameter '%s' must not be null" % k)
        ok, word = CHECKS[typ.rstrip("?~")]
        if not ok(v):
            raise pd_invalid("Parameter '%s' must be of type %s" % (k, word))
    if "visible_to" in body and body["visible_to"] not in VISIBLE:
        raise pd_invalid("Parameter 'visible_to' must be one of 1, 3, 5, 7")
    _check_custom(st, who, kind, body.get("custom_fields"))
    check_links(st, who, body)


def _check_custom(st, who, kind, custom):
    for k, v in (custom or {}).items():
        f = get(st, who.cid, FIELD_KIND[kind], k)
        if f is None or not f["is_custom_field"]:
            raise pd_invalid("Unknown custom field '%s'" % k[:60])
        if v is None:
            continue
        if v == []:
            raise pd_invalid("Custom field '%s' must be null to be cleared" % k)
        check = CUSTOM_CHECK.get(f["field_type"])
        if check and not CHECKS[check][0](v):
            raise pd_invalid("Custom field '%s' must be of type %s" % (k, CHECKS[check][1]))
        if check == "str" and f["field_type"] == "varchar" and len(v) > 255:
            raise pd_invalid("Custom field '%s' is too long" % k)
        if f["field_type"] in ("enum", "set"):
            ids = {o["id"] for o in f.get("options", [])}
            if not set([v] if f["field_type"] == "enum" else v) <= ids:
                raise pd_invalid("Custom field '%s' has no such option" % k)


def check_links(st, who, body):
    for k, kind in LINKS.items():
        if body.get(k) is not None:
            o = get(st, who.cid, kind, body[k])
            if o is None or o.get("is_deleted") or not visible(who, o):
                raise pd_refused("%s not found" % kind.capitalize())
    for p in body.get("participants") or []:
        if get(st, who.cid, "person", p["person_id"]) is None:
            raise pd_refused("Person not found")
    if body.get("owner_id") is not None and not st.one("SELECT 1 FROM pd_user WHERE company=? AND id=? AND active=1", who.cid, body["owner_id"]):
        raise pd_refused("User not found")


def _hook_data(st, cid, kind, obj):
    """v2 webhook form of a record: visible_to as text, custom fields as typed objects."""
    if obj is None:
        return None
    out = dict(obj)
    out.pop("is_deleted", None)
    if "visible_to" in out:
        out["visible_to"] = str(out["visible_to"])
    custom = {}
    for k, v in (obj.get("custom_fields") or {}).items():
        f = get(st, cid, FIELD_KIND.get(kind, ""), k)
        typ = f["field_type"] if f else "varchar"
        if v is None:
            custom[k] = None
        elif typ == "enum":
            custom[k] = {"type": "enum", "id": v}
        elif typ == "set":
            custom[k] = {"type": "set", "values": [{"id": x} for x in v]}
        elif typ == "monetary":
            custom[k] = dict(v, type="monetary")
        else:
            custom[k] = {"type": typ, "value": v}
    if "custom_fields" in out:
        out["custom_fields"] = custom
    if kind == "person":
        out.pop("picture_id", None)
        out["label"] = None
    return out


def notify(sb, cid, kind, action, new, old, source, user, extra=None):
    """Tell every webhook of the company that wants this event."""
    st = sb.st
    company = st.one("SELECT * FROM pd_company WHERE id=?", cid)
    data, before = _hook_data(st, cid, kind, new), _hook_data(st, cid, kind, old)
    previous = before
    if action == "create":
        previous = None
    elif action == "change":
        previous = {k: v for k, v in (before or {}).items() if (data or {}).get(k) != v}
    else:
        data = None
    eid = (new or old)["id"]
    for h in everything(st, cid, "webhook"):
        if h["event_action"] in (action, "*") and h["event_object"] in (kind, "*"):
            sb.hooks.pipedrive(h, company, kind, action, eid, data, previous, source, user, extra)


class WebCaller:
    """Stands for a person working in the web UI (control interface): sees all, writes as `app`."""

    def __init__(self, company, user):
        self.company, self.user, self.cid, self.uid = company, user, company["id"], user["id"]


def source_of(who):
    return "app" if isinstance(who, WebCaller) else "api"


def save(sb, who, kind, obj, old, extra=None):
    """Store a record and tell the webhooks."""
    put(sb.st, who.cid, kind, obj, bool(obj.get("is_deleted")))
    action = "create" if old is None else "delete" if obj.get("is_deleted") and not old.get("is_deleted") else "change"
    notify(sb, who.cid, kind, action, obj, old, source_of(who), who.uid, extra)
    return obj


def int_param(q, name, default=None, top=None):
    if name not in q:
        return default
    if not re.fullmatch(r"\d{1,15}", q[name]) or (top and not 1 <= int(q[name]) <= top):
        raise pd_invalid("Parameter '%s' must be an integer%s" % (name, " between 1 and %d" % top if top else ""))
    return int(q[name])


def bool_param(q, name):
    if name in q and q[name] not in ("true", "false", "1", "0"):
        raise pd_invalid("Parameter '%s' must be a boolean" % name)
    return q.get(name) in ("true", "1")


def page_v2(q, rows, top=500):
    """Cursor paging: an opaque cursor holding the offset."""
    limit = int_param(q, "limit", 100, top)
    at = 0
    if q.get("cursor"):
        try:
            at = int(json.loads(base64.urlsafe_b64decode(q["cursor"] + "=" * (-len(q["cursor"]) % 4)))["at"])
        except (ValueError, KeyError, TypeError, binascii.Error):
            raise pd_invalid("Parameter 'cursor' is invalid") from None
    more = len(rows) > at + limit
    nxt = base64.urlsafe_b64encode(json.dumps({"at": at + limit}).encode()).decode().rstrip("=") if more else None
    return rows[at:at + limit], {"next_cursor": nxt}


def json_body(rq):
    if rq.ctype != "application/json":
        raise pd_refused("Content-Type must be application/json", 415)
    j = rq.json()
    if not isinstance(j, dict):
        raise pd_invalid("Request body must be a JSON object")
    return j


def refused_v1(text):
    return pd_refused(text)


def page_v1(q, rows):
    for name in ("start", "limit"):
        if name in q and not re.fullmatch(r"\d{1,9}", q[name]):
            raise refused_v1('"%s" must be a number' % name)
    start, limit = int(q.get("start", 0)), max(1, min(500, int(q.get("limit", 100))))
    more = len(rows) > start + limit
    pag = {"start": start, "limit": limit, "more_items_in_collection": more}
    if more:
        pag["next_start"] = start + limit
    return rows[start:start + limit], pag


def v1_body(rq):
    if rq.ctype == "application/x-www-form-urlencoded":
        return {k: int(v) if re.fullmatch(r"\d{1,15}", v) and k != "content" else v for k, v in rq.form().items()}
    return json_body(rq)


def web_user(st, cid):
    company = st.one("SELECT * FROM pd_company WHERE id=?", cid)
    user = st.one("SELECT * FROM pd_user WHERE company=? AND admin=1 ORDER BY seq LIMIT 1", cid)
    return WebCaller(company, user)
