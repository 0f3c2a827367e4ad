# SPDX-License-Identifier: MIT
"""Pipedrive CRM records: persons, organizations, deals, leads, notes, activities, fields, search, webhooks.

Purpose: strict v2 validation (types, unknown members, custom fields), v1 for leads and notes, conversion,
merging, and the webhooks that follow each change.
Ownership: table pd_obj, one JSON document per record; ids count per company and kind.
Can fail: PdError with the form of body each endpoint uses.
"""
import base64
import binascii
import json
import re
import uuid

from .errors import PdError, pd_invalid, pd_refused
from .pipedrive import route
from .store import rfc, rfc_ms, sql_time

# records ------------------------------------------------------------------------------------------------------

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
            f = _field(label, code, typ, False)
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


def _field(name, code, typ, custom):
    out = {"field_name": name, "field_code": code, "field_type": typ, "is_custom_field": custom, "is_optional_response_field": False}
    if typ in ("enum", "set"):
        out["options"] = []
    return out


# v2 validation ---------------------------------------------------------------------------------------------------

_RFC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)\Z")
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
_TIME = re.compile(r"\d\d:\d\d(:\d\d)?\Z")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


def _is_int(v):
    return isinstance(v, int) and not isinstance(v, bool)


def _is_num(v):
    return isinstance(v, (int, float)) and not isinstance(v, bool)


def _contact_list(v):
    return isinstance(v, list) and all(isinstance(x, dict) and set(x) <= {"value", "primary", "label"} and isinstance(x.get("value"), str) and isinstance(x.get("primary", False), bool)
                                       and isinstance(x.get("label", ""), str) for x in v)


CHECKS = {
    "str": (lambda v: isinstance(v, str), "string"), "int": (_is_int, "integer"), "num": (_is_num, "number"), "bool": (lambda v: isinstance(v, bool), "boolean"),
    "ints": (lambda v: isinstance(v, list) and all(_is_int(x) for x in v), "array of integers"),
    "time": (lambda v: isinstance(v, str) and bool(_RFC.match(v)), "RFC 3339 date-time"), "date": (lambda v: isinstance(v, str) and bool(_DATE.match(v)), "date"),
    "clock": (lambda v: isinstance(v, str) and bool(_TIME.match(v)), "time"), "contacts": (_contact_list, "array of {value, primary, label}"),
    "address": (lambda v: isinstance(v, dict) and isinstance(v.get("value"), str), "object with value"), "custom": (lambda v: isinstance(v, dict), "object"),
    "uuid": (lambda v: isinstance(v, str) and bool(_UUID.match(v)), "uuid"),
    "participants": (lambda v: isinstance(v, list) and all(isinstance(x, dict) and _is_int(x.get("person_id")) and isinstance(x.get("primary", False), bool) for x in v), "array of {person_id, primary}"),
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
    _check_links(st, who, body)


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


def _check_links(st, who, body):
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


# webhooks after a change -------------------------------------------------------------------------------------------

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


class _Web:
    """Stands for a person working in the web UI (control interface): sees all, writes as `app`."""

    def __init__(self, company, user):
        self.company, self.user, self.cid, self.uid = company, user, company["id"], user["id"]


def _source(who):
    return "app" if isinstance(who, _Web) else "api"


def save(sb, who, kind, obj, old, extra=None):
    """Store a record and tell the webhooks."""
    put(sb.st, who.cid, kind, obj, bool(obj.get("is_deleted")))
    action = "create" if old is None else "delete" if obj.get("is_deleted") and not old.get("is_deleted") else "change"
    notify(sb, who.cid, kind, action, obj, old, _source(who), who.uid, extra)
    return obj


# persons, organizations, deals, activities (v2) ----------------------------------------------------------------------

def build_person(sb, who, body, old=None):
    st, now = sb.st, rfc(sb.st.clock.now())
    o = dict(old) if old else {"id": new_id(st, who.cid, "person", 51), "name": "", "first_name": None, "last_name": None, "owner_id": who.uid, "org_id": None, "add_time": body.get("add_time", now),
                               "update_time": now, "emails": [], "phones": [], "is_deleted": False, "visible_to": 3, "label_ids": [], "picture_id": None, "custom_fields": {}}
    if old and "add_time" in body:
        raise pd_invalid("Parameter 'add_time' is not allowed")
    if "name" in body or not old:
        name = body.get("name", "").strip()
        if not name:
            raise pd_invalid("Parameter 'name' is required")
        first, _, last = name.rpartition(" ") if " " in name else (name, "", "")
        o.update(name=name, first_name=first or name, last_name=last or None)
    return _apply(o, body, ("name", "add_time"), now)


def build_organization(sb, who, body, old=None):
    st, now = sb.st, rfc(sb.st.clock.now())
    o = dict(old) if old else {"id": new_id(st, who.cid, "organization", 7), "name": "", "owner_id": who.uid, "add_time": now, "update_time": now, "is_deleted": False, "visible_to": 3, "address": None,
                               "label_ids": [], "website": None, "linkedin": None, "industry": None, "annual_revenue": None, "employee_count": None, "custom_fields": {}}
    if not old and not body.get("name", "").strip():
        raise pd_invalid("Parameter 'name' is required")
    return _apply(o, body, (), now)


def _apply(o, body, skip, now):
    for k, v in body.items():
        if k == "custom_fields":
            merged = dict(o.get("custom_fields") or {})
            merged.update(v)
            o[k] = {a: b for a, b in merged.items() if b is not None}
        elif k == "label_ids":
            o[k] = v or []
        elif k in ("emails", "phones"):
            o[k] = [dict({"label": "work"}, value=x["value"], primary=x.get("primary", i == 0), **({"label": x["label"]} if "label" in x else {})) for i, x in enumerate(v)]
        elif k not in skip:
            o[k] = v
    o["update_time"] = now
    return o


def default_stage(st, cid, pipeline=None):
    pipes = sorted((p for p in everything(st, cid, "pipeline") if pipeline in (None, p["id"])), key=lambda p: p["order_nr"])
    if not pipes:
        raise pd_refused("Pipeline not found")
    stages = sorted((s for s in everything(st, cid, "stage") if s["pipeline_id"] == pipes[0]["id"]), key=lambda s: s["order_nr"])
    return stages[0]


def build_deal(sb, who, body, old=None):
    st, now = sb.st, rfc(sb.st.clock.now())
    if not old and not body.get("title", "").strip():
        raise pd_invalid("Parameter 'title' is required")
    if old and "title" in body and not body["title"].strip():
        raise pd_invalid("Parameter 'title' must not be empty")
    if "is_deleted" in body and (body["is_deleted"] or not old):
        raise pd_invalid("Parameter 'is_deleted' is not allowed")
    if body.get("status") not in (None, "open", "won", "lost"):
        raise pd_invalid("Parameter 'status' must be one of open, won, lost")
    if old and old["is_archived"] and body.get("is_archived") is not False:
        raise pd_refused("Archived deals cannot be edited", 403)
    o = dict(old) if old else _blank_deal(sb, who, now)
    status = body.get("status", o["status"])
    if body.get("lost_reason") is not None and status != "lost":
        raise pd_invalid("Parameter 'lost_reason' is only allowed with status lost")
    for k, want in (("won_time", "won"), ("lost_time", "lost")):
        if k in body and status != want:
            raise pd_invalid("Parameter '%s' is only allowed with status %s" % (k, want))
    _deal_stage(st, who, o, body, now)
    if "currency" in body and not re.fullmatch(r"[A-Z]{3}", body["currency"]):
        raise pd_invalid("Parameter 'currency' is invalid")
    _apply(o, body, ("stage_id", "pipeline_id"), now)
    if o["value"] is None:
        o["value"] = 0
    if "status" in body and (not old or old["status"] != status):
        o["won_time"] = body.get("won_time", now) if status == "won" else None
        o["lost_time"] = body.get("lost_time", now) if status == "lost" else None
        o["close_time"] = body.get("close_time", now) if status != "open" else None
        o["local_won_date"] = o["won_time"][:10] if o["won_time"] else None
        o["local_lost_date"] = o["lost_time"][:10] if o["lost_time"] else None
        o["local_close_date"] = o["close_time"][:10] if o["close_time"] else None
    if body.get("is_archived") and not o.get("archive_time"):
        o["archive_time"] = now
    return o


def _blank_deal(sb, who, now):
    st = sb.st
    cap = int(st.sw["pd_deals_limit"])
    if cap and sum(d["status"] == "open" for d in everything(st, who.cid, "deal")) >= cap:
        raise PdError("deals_limit")
    return {"id": new_id(st, who.cid, "deal", 33), "title": "", "creator_user_id": who.uid, "owner_id": who.uid, "person_id": None, "org_id": None, "pipeline_id": None, "stage_id": None, "value": 0,
            "currency": who.company["currency"], "add_time": now, "update_time": now, "stage_change_time": now, "is_deleted": False, "is_archived": False, "archive_time": None, "status": "open",
            "probability": None, "lost_reason": None, "visible_to": 3, "close_time": None, "won_time": None, "lost_time": None, "local_won_date": None, "local_lost_date": None, "local_close_date": None,
            "expected_close_date": None, "label_ids": [], "origin": "API" if _source(who) == "api" else "ManuallyCreated", "origin_id": None, "channel": None, "channel_id": None, "arr": None,
            "mrr": None, "acv": None, "custom_fields": {}}


def _deal_stage(st, who, o, body, now):
    stage, pipe = body.get("stage_id"), body.get("pipeline_id")
    if stage is not None:
        s = get(st, who.cid, "stage", stage)
        if s is None:
            raise pd_refused("Stage not found")
        if pipe is not None and s["pipeline_id"] != pipe:
            raise pd_refused("Stage does not belong to the pipeline")
    elif pipe is not None or o["stage_id"] is None:
        s = default_stage(st, who.cid, pipe)
    else:
        return
    if o["stage_id"] != s["id"]:
        o["stage_change_time"] = now
    o["stage_id"], o["pipeline_id"] = s["id"], s["pipeline_id"]


def build_activity(sb, who, body, old=None):
    st, now = sb.st, rfc(sb.st.clock.now())
    o = dict(old) if old else {"id": new_id(st, who.cid, "activity", 900), "subject": "", "type": "call", "owner_id": who.uid, "creator_user_id": who.uid, "is_deleted": False, "add_time": now, "update_time": now,
                               "deal_id": None, "lead_id": None, "person_id": None, "org_id": None, "project_id": None, "due_date": now[:10], "due_time": None, "duration": None, "busy": False, "done": False,
                               "marked_as_done_time": None, "location": None, "participants": [], "attendees": [], "conference_meeting_client": None, "conference_meeting_url": None,
                               "conference_meeting_id": None, "public_description": None, "priority": None, "note": None}
    if "type" in body and body["type"] not in {t["key_string"] for t in everything(st, who.cid, "activityType")}:
        raise pd_refused("Activity type not found")
    if "person_id" in body:
        raise pd_invalid("Parameter 'person_id' is read-only; use participants")
    if len((body.get("note") or "").encode()) > 100_000:
        raise pd_invalid("Parameter 'note' is too long")
    _apply(o, body, (), now)
    if not o["subject"]:
        t = [t for t in everything(st, who.cid, "activityType") if t["key_string"] == o["type"]]
        o["subject"] = t[0]["name"]
    for p in o["participants"]:
        p.setdefault("primary", False)
    first = [p["person_id"] for p in o["participants"] if p["primary"]] or [p["person_id"] for p in o["participants"]]
    o["person_id"] = first[0] if first else None
    o["marked_as_done_time"] = now if o["done"] else None
    return o


BUILD = {"person": build_person, "organization": build_organization, "deal": build_deal, "activity": build_activity}


def _load(sb, who, kind, oid):
    o = get(sb.st, who.cid, kind, int(oid))
    if o is None or not visible(who, o):
        raise PdError("missing")
    return o


def _show(who, o, rq):
    """Apply custom_fields= and include_fields= of a read."""
    q = rq.query
    out = dict(o)
    if q.get("custom_fields"):
        keys = [k for k in q["custom_fields"].split(",") if k]
        if len(keys) > 15:
            raise pd_invalid("Parameter 'custom_fields' allows at most 15 keys")
        out["custom_fields"] = {k: v for k, v in (o.get("custom_fields") or {}).items() if k in keys}
    if "source_lead_id" in out and "source_lead_id" not in q.get("include_fields", "").split(","):
        del out["source_lead_id"]
    return out


def _int_param(q, name, default=None, top=None):
    if name not in q:
        return default
    if not re.fullmatch(r"\d{1,15}", q[name]) or (top and not 1 <= int(q[name]) <= top):
        raise pd_invalid("Parameter '%s' must be an integer%s" % (name, " between 1 and %d" % top if top else ""))
    return int(q[name])


def _bool_param(q, name):
    if name in q and q[name] not in ("true", "false", "1", "0"):
        raise pd_invalid("Parameter '%s' must be a boolean" % name)
    return q.get(name) in ("true", "1")


def _page_v2(q, rows, top=500):
    """Cursor paging: an opaque cursor holding the offset."""
    limit = _int_param(q, "limit", 100, top)
    at = 0
    if q.get("cursor"):
        try:
            at = int(json.loads(base64.urlsafe_b64decode(q["cursor"] + "=" * (-len(q["cursor"]) % 4)))["at"])
        except (ValueError, KeyError, TypeError, binascii.Error):
            raise pd_invalid("Parameter 'cursor' is invalid") from None
    more = len(rows) > at + limit
    nxt = base64.urlsafe_b64encode(json.dumps({"at": at + limit}).encode()).decode().rstrip("=") if more else None
    return rows[at:at + limit], {"next_cursor": nxt}


def _times(q, rows):
    for name, keep in (("updated_since", lambda a, b: a >= b), ("updated_until", lambda a, b: a <= b)):
        if name in q:
            if not _RFC.match(q[name]):
                raise pd_invalid("Parameter '%s' must be in RFC3339 format" % name)
            bound = q[name] if q[name].endswith("Z") else _utc(q[name])
            rows = [o for o in rows if keep(o["update_time"], bound)]
    return rows


def _utc(text):
    import datetime
    return datetime.datetime.fromisoformat(text).astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _sorted(q, rows, allowed):
    by, way = q.get("sort_by", "id"), q.get("sort_direction", "asc")
    if by not in allowed or way not in ("asc", "desc"):
        raise pd_invalid("Parameter 'sort_by' or 'sort_direction' is invalid")
    return sorted(rows, key=lambda o: (o[by] or "", o["id"]) if by != "id" else o["id"], reverse=way == "desc")


def list_v2(kind, filters, archived=None):
    def run(sb, rq, who):
        q = rq.query
        rows = [o for o in everything(sb.st, who.cid, kind) if visible(who, o)]
        if kind == "deal":
            if "deleted" in q.get("status", "").split(","):
                rows = [o for o in everything(sb.st, who.cid, kind, True) if visible(who, o)]
            rows = [o for o in rows if o["is_archived"] == bool(archived)]
        if "ids" in q:
            ids = q["ids"].split(",")
            if len(ids) > 100 or not all(re.fullmatch(r"\d{1,15}", i) for i in ids):
                raise pd_invalid("Parameter 'ids' must be a list of up to 100 ids")
            rows = [o for o in rows if str(o["id"]) in ids]
        for f in filters:
            if f in q and f not in ("status", "done", "lead_id"):
                val = _int_param(q, f)
                if kind == "person" and f == "deal_id":
                    d = get(sb.st, who.cid, "deal", val)
                    rows = [o for o in rows if d and d["person_id"] == o["id"]]
                else:
                    rows = [o for o in rows if o.get(f) == val]
        if "status" in filters and "status" in q:
            want = q["status"].split(",")
            if not set(want) <= {"open", "won", "lost", "deleted"}:
                raise pd_invalid("Parameter 'status' is invalid")
            rows = [o for o in rows if ("deleted" if o["is_deleted"] else o["status"]) in want]
        if "done" in filters and "done" in q:
            rows = [o for o in rows if o["done"] == _bool_param(q, "done")]
        if "lead_id" in filters and "lead_id" in q:
            rows = [o for o in rows if o["lead_id"] == q["lead_id"]]
        rows = _sorted(q, _times(q, rows), ("id", "update_time", "add_time", "due_date") if kind == "activity" else ("id", "update_time", "add_time"))
        page, extra = _page_v2(q, rows)
        return {"success": True, "data": [_show(who, o, rq) for o in page], "additional_data": extra}
    return run


def get_v2(kind):
    def run(sb, rq, who, oid):
        return {"success": True, "data": _show(who, _load(sb, who, kind, oid), rq)}
    return run


def create_v2(kind):
    def run(sb, rq, who):
        body = _body(rq)
        check_shape(sb.st, who, kind, body, False)
        return {"success": True, "data": _show(who, save(sb, who, kind, BUILD[kind](sb, who, body), None), rq)}
    return run


def update_v2(kind):
    def run(sb, rq, who, oid):
        old = _load(sb, who, kind, oid)
        if old.get("is_deleted"):
            raise PdError("missing")
        body = _body(rq)
        check_shape(sb.st, who, kind, body, True)
        return {"success": True, "data": _show(who, save(sb, who, kind, BUILD[kind](sb, who, body, old), old), rq)}
    return run


def delete_v2(kind):
    def run(sb, rq, who, oid):
        old = _load(sb, who, kind, oid)
        if old.get("is_deleted"):
            raise PdError("missing")
        if kind == "deal" and not who.user["admin"] and old["owner_id"] != who.uid:
            raise PdError("forbidden")
        save(sb, who, kind, dict(old, is_deleted=True, update_time=rfc(sb.st.clock.now())), old)
        return {"success": True, "data": {"id": int(oid)}}
    return run


def _body(rq):
    if rq.ctype != "application/json":
        raise pd_refused("Content-Type must be application/json", 415)
    j = rq.json()
    if not isinstance(j, dict):
        raise pd_invalid("Request body must be a JSON object")
    return j


def merge_v1(kind):
    """PUT .../{id}/merge {merge_with_id}: the named one wins and stays, this one is deleted."""
    def run(sb, rq, who, oid):
        body = _body(rq)
        if not _is_int(body.get("merge_with_id")):
            raise pd_refused("merge_with_id is required")
        loser, winner = _load(sb, who, kind, oid), _load(sb, who, kind, body["merge_with_id"])
        if loser.get("is_deleted") or winner.get("is_deleted") or loser["id"] == winner["id"]:
            raise PdError("missing")
        o = merge(sb, who, kind, loser, winner)
        out = {"id": o["id"], "company_id": who.cid, "active_flag": True, "name": o.get("name"), "owner_id": o["owner_id"], "merge_what_id": loser["id"], "add_time": o["add_time"], "update_time": o["update_time"],
               "visible_to": str(o["visible_to"])}
        if kind == "deal":
            out = {"id": o["id"], "title": o["title"], "person_id": o["person_id"], "org_id": o["org_id"], "status": o["status"], "merge_what_id": loser["id"]}
        return {"success": True, "data": out}
    return run


def merge(sb, who, kind, loser, winner):
    st = sb.st
    old = dict(winner)
    for k in ("emails", "phones"):
        if k in winner:
            have = {x["value"] for x in winner[k]}
            winner[k] = winner[k] + [dict(x, primary=False) for x in loser[k] if x["value"] not in have]
    for k, v in loser.items():
        if winner.get(k) in (None, [], {}) and v not in (None, [], {}):
            winner[k] = v
    winner["update_time"] = rfc(st.clock.now())
    link = {"person": "person_id", "organization": "org_id", "deal": "deal_id"}[kind]
    for other in ("deal", "lead", "note", "activity", "person"):
        key = "organization_id" if other == "lead" and link == "org_id" else link
        for o in everything(st, who.cid, other):
            if o.get(key) == loser["id"]:
                o[key] = winner["id"]
                put(st, who.cid, other, o)
    save(sb, who, kind, dict(loser, is_deleted=True, update_time=winner["update_time"]), loser, {"merged_to_id": str(winner["id"])})
    return save(sb, who, kind, winner, old, {"merged_from_id": str(loser["id"])})


# leads (v1) -------------------------------------------------------------------------------------------------------

LEAD = {"title": "str", "owner_id": "int", "label_ids": "list", "person_id": "int?", "organization_id": "int?", "value": "custom?", "expected_close_date": "date?", "visible_to": "str", "was_seen": "bool",
        "channel": "int?", "channel_id": "str?"}
LEAD_CREATE, LEAD_UPDATE = {"origin_id": "str?"}, {"is_archived": "bool"}


def _v1(text):
    return pd_refused(text)


def _check_lead(st, who, body, update):
    shape = dict(LEAD, **(LEAD_UPDATE if update else LEAD_CREATE))
    for k, v in body.items():
        if k not in shape:
            f = get(st, who.cid, "dealField", k)
            if f is None or not f["is_custom_field"]:
                raise _v1('"%s" is not allowed' % k[:60])
            continue
        typ = shape[k]
        if v is None and (typ.endswith("?") or update):
            continue
        ok, word = CHECKS[typ.rstrip("?")]
        if v is None or not ok(v):
            raise _v1('"%s" must be a %s' % (k, word))
    if body.get("value") is not None and (set(body["value"]) != {"amount", "currency"} or not _is_num(body["value"]["amount"]) or not isinstance(body["value"]["currency"], str)):
        raise _v1('"value" must contain [amount, currency]')
    if "visible_to" in body and body["visible_to"] not in ("1", "3", "5", "7"):
        raise _v1('"visible_to" must be one of [1, 3, 5, 7]')
    for lid in body.get("label_ids") or []:
        if not isinstance(lid, str) or get(st, who.cid, "leadLabel", lid) is None:
            raise _v1("Some of the lead labels were not found")
    if body.get("channel") is not None and body["channel"] not in {o["id"] for o in get(st, who.cid, "dealField", "channel")["options"]}:
        raise _v1('"channel" is not one of the options')
    _check_links(st, who, {"person_id": body.get("person_id"), "org_id": body.get("organization_id"), "owner_id": body.get("owner_id")})


def build_lead(sb, who, body, old=None):
    st, now = sb.st, rfc_ms(sb.st.clock.now())
    if not old:
        lid = str(uuid.uuid5(uuid.NAMESPACE_OID, "%d/lead/%d" % (who.cid, new_id(st, who.cid, "lead"))))
        old_o = {"id": lid, "title": "", "owner_id": who.uid, "creator_id": who.uid, "label_ids": [], "person_id": None, "organization_id": None, "source_name": "API" if _source(who) == "api" else "Manually created",
                 "origin": "API" if _source(who) == "api" else "ManuallyCreated", "origin_id": None, "channel": None, "channel_id": None, "source_deal_id": None, "is_archived": False, "was_seen": False,
                 "value": None, "expected_close_date": None, "next_activity_id": None, "add_time": now, "update_time": now, "visible_to": "3", "cc_email": "%s+lead@pipedrivemail.example" % who.company["domain"]}
    o = dict(old) if old else old_o
    o.update({k: v for k, v in body.items()})
    o["label_ids"] = o["label_ids"] or []
    if not isinstance(o["title"], str) or not o["title"].strip():
        raise _v1('"title" is required')
    if o["person_id"] is None and o["organization_id"] is None:
        raise _v1("A lead must be linked to a person or an organization")
    o["update_time"] = now
    return o


def _lead(sb, who, lid):
    o = get(sb.st, who.cid, "lead", lid)
    if o is None or o.get("is_deleted") or not visible(who, o):
        raise PdError("lead_missing")
    return o


def _page_v1(q, rows):
    for name in ("start", "limit"):
        if name in q and not re.fullmatch(r"\d{1,9}", q[name]):
            raise _v1('"%s" must be a number' % name)
    start, limit = int(q.get("start", 0)), max(1, min(500, int(q.get("limit", 100))))
    more = len(rows) > start + limit
    pag = {"start": start, "limit": limit, "more_items_in_collection": more}
    if more:
        pag["next_start"] = start + limit
    return rows[start:start + limit], pag


def leads_list(archived):
    def run(sb, rq, who):
        q = rq.query
        rows = [o for o in everything(sb.st, who.cid, "lead") if visible(who, o) and o["is_archived"] == archived]
        for f in ("owner_id", "person_id", "organization_id"):
            if f in q:
                rows = [o for o in rows if str(o[f]) == q[f]]
        if "updated_since" in q:
            if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d", q["updated_since"]):
                raise _v1('"updated_since" must be in RFC3339 format')
            rows = [o for o in rows if o["update_time"][:19] >= q["updated_since"].replace(" ", "T")[:19]]
        by, _, way = q.get("sort", "add_time ASC").partition(" ")
        if by not in ("id", "title", "owner_id", "creator_id", "was_seen", "expected_close_date", "next_activity_id", "add_time", "update_time"):
            raise _v1('"sort" is invalid')
        rows = sorted(rows, key=lambda o: str(o[by] or ""), reverse=way.upper() == "DESC")
        page, pag = _page_v1(q, rows)
        return {"success": True, "data": page, "additional_data": pag}
    return run


def leads_get(sb, _rq, who, lid):
    return {"success": True, "data": _lead(sb, who, lid)}


def leads_create(sb, rq, who):
    body = _body(rq)
    _check_lead(sb.st, who, body, False)
    return 201, {"success": True, "data": save(sb, who, "lead", build_lead(sb, who, body), None)}


def leads_update(sb, rq, who, lid):
    old = _lead(sb, who, lid)
    body = _body(rq)
    if old["is_archived"] and body.get("is_archived") is not False:
        raise pd_refused("Archived leads cannot be edited", 403)
    _check_lead(sb.st, who, body, True)
    return {"success": True, "data": save(sb, who, "lead", build_lead(sb, who, body, old), old)}


def leads_delete(sb, _rq, who, lid):
    old = _lead(sb, who, lid)
    save(sb, who, "lead", dict(old, is_deleted=True), old)
    return {"success": True, "data": {"id": lid}}


def leads_permitted(sb, _rq, who, lid):
    _lead(sb, who, lid)
    return {"success": True, "data": [r["id"] for r in sb.st.q("SELECT id FROM pd_user WHERE company=? AND active=1 ORDER BY id", who.cid)]}


def lead_labels(sb, _rq, who):
    return {"success": True, "data": everything(sb.st, who.cid, "leadLabel")}


def lead_label_create(sb, rq, who):
    body = _body(rq)
    if not isinstance(body.get("name"), str) or body.get("color") not in "blue brown dark-gray gray green orange pink purple red yellow".split():
        raise _v1('"name" and "color" are required')
    now = rfc_ms(sb.st.clock.now())
    o = {"id": str(uuid.uuid4()), "name": body["name"], "color": body["color"], "add_time": now, "update_time": now}
    put(sb.st, who.cid, "leadLabel", o)
    return {"success": True, "data": o}


def lead_sources(_sb, _rq, _who):
    return {"success": True, "data": [{"name": n} for n in ("Manually created", "Deal", "Web forms", "Prospector", "Leadbooster", "Live chat", "Import", "Website visitors", "Workflow automation", "API")]}


# conversion -------------------------------------------------------------------------------------------------------

def convert_lead(sb, rq, who, lid):
    """Done at once; the status reports `running` the first time it is asked."""
    st = sb.st
    lead = get(st, who.cid, "lead", lid)
    if lead is None or lead.get("is_deleted"):
        raise PdError("missing")
    body = rq.json() or {}
    if ("stage_id" in body) and ("pipeline_id" in body):
        raise pd_invalid("Only one of 'stage_id' and 'pipeline_id' is allowed")
    if not all(_is_int(v) for v in body.values()) or set(body) - {"stage_id", "pipeline_id"}:
        raise pd_invalid("Parameters must be integers")
    deal = lead_to_deal(sb, who, lead, body)
    return _conversion(st, who, {"lead_id": lid, "deal_id": deal["id"]})


def lead_to_deal(sb, who, lead, body):
    st = sb.st
    val = lead.get("value") or {}
    data = {"title": lead["title"], "owner_id": lead["owner_id"], "visible_to": int(lead["visible_to"])}
    for a, b in (("person_id", lead["person_id"]), ("org_id", lead["organization_id"]), ("value", val.get("amount")), ("currency", val.get("currency")), ("expected_close_date", lead["expected_close_date"])):
        if b is not None:
            data[a] = b
    deal = build_deal(sb, who, dict(data, **body))
    deal.update(origin=lead["origin"], origin_id=lead["origin_id"], channel=lead["channel"], channel_id=lead["channel_id"], source_lead_id=lead["id"])
    for n in everything(st, who.cid, "note"):
        if n.get("lead_id") == lead["id"]:
            n.update(lead_id=None, deal_id=deal["id"])
            put(st, who.cid, "note", n)
    save(sb, who, "deal", deal, None)
    save(sb, who, "lead", dict(lead, is_deleted=True), lead)
    return deal


def convert_deal(sb, _rq, who, did):
    st = sb.st
    deal = get(st, who.cid, "deal", did)
    if deal is None or deal["is_deleted"]:
        raise PdError("missing")
    body = {"title": deal["title"], "owner_id": deal["owner_id"]}
    for a, b in (("person_id", deal["person_id"]), ("organization_id", deal["org_id"])):
        if b is not None:
            body[a] = b
    if deal["value"]:
        body["value"] = {"amount": deal["value"], "currency": deal["currency"]}
    lead = build_lead(sb, who, body)
    lead["source_deal_id"] = deal["id"]
    save(sb, who, "lead", lead, None)
    save(sb, who, "deal", dict(deal, is_deleted=True), deal)
    return _conversion(st, who, {"deal_id": deal["id"], "lead_id": lead["id"]})


def _conversion(st, who, data):
    cid = str(uuid.uuid4())
    put(st, who.cid, "conversion", dict(data, id=cid, asked=0))
    return {"success": True, "data": {"conversion_id": cid}, "additional_data": None}


def convert_status(sb, _rq, who, oid, cid):
    c = get(sb.st, who.cid, "conversion", cid)
    if c is None or oid not in (str(c["lead_id"]), str(c["deal_id"])):
        raise PdError("missing")
    c["asked"] += 1
    put(sb.st, who.cid, "conversion", c)
    data = {"conversion_id": cid, "status": "running" if c["asked"] == 1 else "completed"}
    if c["asked"] > 1:
        data.update({"deal_id": c["deal_id"]} if oid == c["lead_id"] else {"lead_id": c["lead_id"]})
    return {"success": True, "data": data, "additional_data": None}


# notes (v1) -------------------------------------------------------------------------------------------------------

NOTE_LINKS = {"lead_id": "lead", "deal_id": "deal", "person_id": "person", "org_id": "organization"}
PINS = ["pinned_to_%s_flag" % x for x in ("lead", "deal", "organization", "person", "project", "task")]
_SCRIPT = re.compile(r"(?is)<(script|style|iframe|object)\b.*?</\1\s*>|<(script|style|iframe|object|link|meta)\b[^>]*>|\son\w+\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+)|javascript:")


def _check_note(sb, who, body, update):
    st = sb.st
    for k in body:
        if k not in NOTE_LINKS and k not in PINS and k not in ("content", "user_id", "add_time", "project_id", "task_id"):
            raise _v1("Unknown parameter: %s" % k[:60])
    if not update or "content" in body:
        if not isinstance(body.get("content"), str) or not body["content"].strip():
            raise _v1("Note content must be specified.")
        if len(body["content"]) > 100_000:
            raise _v1("Note content is too long.")
    links = [k for k in (*NOTE_LINKS, "project_id", "task_id") if body.get(k) is not None]
    if not update and not links:
        raise _v1("Note must be associated with a deal, person, organization, lead, project or task.")
    for k in links:
        if k in NOTE_LINKS:
            o = get(st, who.cid, NOTE_LINKS[k], body[k])
            if o is None or o.get("is_deleted") or not visible(who, o):
                raise pd_refused("%s not found" % NOTE_LINKS[k].capitalize(), 404)
    if "add_time" in body and not re.fullmatch(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?", str(body["add_time"])):
        raise _v1("Invalid add_time")
    for k in PINS:
        if k in body and body[k] not in (0, 1):
            raise _v1("%s must be 0 or 1" % k)
    if "user_id" in body and body["user_id"] != who.uid and not who.user["admin"]:
        raise PdError("forbidden")


def build_note(sb, who, body, old=None):
    st, now = sb.st, sql_time(sb.st.clock.now())
    o = dict(old) if old else dict({"id": new_id(st, who.cid, "note", 501), "active_flag": True, "add_time": now, "update_time": now, "content": "", "deal_id": None, "lead_id": None, "person_id": None, "org_id": None,
                                    "project_id": None, "task_id": None, "user_id": who.uid, "last_update_user_id": None}, **{p: False for p in PINS})
    for k, v in body.items():
        o[k] = bool(v) if k in PINS else v
    o["content"] = _SCRIPT.sub("", o["content"])
    if old:
        o.update(update_time=now, last_update_user_id=who.uid)
    return o


def _note_out(sb, who, o):
    st = sb.st
    out = {k: v for k, v in o.items() if k != "is_deleted"}
    for key, kind, member, name in (("deal_id", "deal", "deal", "title"), ("person_id", "person", "person", "name"), ("org_id", "organization", "organization", "name")):
        if o.get(key) is not None:
            x = get(st, who.cid, kind, o[key])
            out[member] = {name: x[name]} if x else None
    u = st.one("SELECT * FROM pd_user WHERE company=? AND id=?", who.cid, o["user_id"])
    out["user"] = {"email": u["email"], "icon_url": None, "is_you": u["id"] == who.uid, "name": u["name"]} if u else None
    return out


def _note(sb, who, nid):
    o = get(sb.st, who.cid, "note", nid)
    if o is None or o.get("is_deleted"):
        raise pd_refused("Note not found", 404)
    return o


def notes_list(sb, rq, who):
    q = rq.query
    rows = everything(sb.st, who.cid, "note")
    for f in ("lead_id", "deal_id", "person_id", "org_id", "user_id"):
        if f in q:
            rows = [o for o in rows if str(o[f]) == q[f]]
    if "updated_since" in q:
        rows = [o for o in rows if o["update_time"] >= q["updated_since"].replace("T", " ")[:19]]
    page, pag = _page_v1(q, rows)
    return {"success": True, "data": [_note_out(sb, who, o) for o in page] or None, "additional_data": {"pagination": pag}}


def notes_get(sb, _rq, who, nid):
    return {"success": True, "data": _note_out(sb, who, _note(sb, who, nid))}


def notes_create(sb, rq, who):
    body = _v1_body(rq)
    _check_note(sb, who, body, False)
    return {"success": True, "data": _note_out(sb, who, save(sb, who, "note", build_note(sb, who, body), None))}


def notes_update(sb, rq, who, nid):
    old = _note(sb, who, nid)
    body = _v1_body(rq)
    _check_note(sb, who, body, True)
    return {"success": True, "data": _note_out(sb, who, save(sb, who, "note", build_note(sb, who, body, old), old))}


def notes_delete(sb, _rq, who, nid):
    old = _note(sb, who, nid)
    save(sb, who, "note", dict(old, is_deleted=True, active_flag=False), old)
    return {"success": True, "data": True}


def _v1_body(rq):
    if rq.ctype == "application/x-www-form-urlencoded":
        return {k: int(v) if re.fullmatch(r"\d{1,15}", v) and k != "content" else v for k, v in rq.form().items()}
    return _body(rq)


# fields, pipelines, types -------------------------------------------------------------------------------------------

def fields_list(kind):
    def run(sb, rq, who):
        page, extra = _page_v2(rq.query, [_field_out(f) for f in everything(sb.st, who.cid, kind)])
        return {"success": True, "data": page, "additional_data": extra}
    return run


def _field_out(f):
    return {k: v for k, v in f.items() if k != "id"}


def fields_get(kind):
    def run(sb, _rq, who, code):
        f = get(sb.st, who.cid, kind, code)
        if f is None:
            raise PdError("missing")
        return {"success": True, "data": _field_out(f)}
    return run


FIELD_TYPES = "varchar text double phone date daterange time timerange set enum varchar_auto address monetary org people user".split()


def fields_create(kind):
    def run(sb, rq, who):
        body = _body(rq)
        if not who.user["admin"]:
            raise PdError("forbidden")
        if not isinstance(body.get("field_name"), str) or not body["field_name"].strip() or body.get("field_type") not in FIELD_TYPES:
            raise pd_invalid("Parameters 'field_name' and 'field_type' are required")
        if set(body) - {"field_name", "field_type", "options", "ui_visibility", "important_fields", "required_fields", "description"}:
            raise pd_invalid("Unknown parameter")
        if body["field_type"] in ("enum", "set") and not body.get("options"):
            raise pd_invalid("Parameter 'options' is required")
        code = code40(sb.st, who.cid, "%s/%d" % (kind, new_id(sb.st, who.cid, kind)))
        f = _field(body["field_name"].strip(), code, body["field_type"], True)
        if "options" in body:
            f["options"] = [{"id": i + 1, "label": str(o.get("label"))} for i, o in enumerate(body["options"])]
        put(sb.st, who.cid, kind, dict(f, id=code))
        return {"success": True, "data": f}
    return run


def list_simple(kind, sorts, filters=()):
    def run(sb, rq, who):
        rows = everything(sb.st, who.cid, kind)
        for f in filters:
            if f in rq.query:
                rows = [o for o in rows if o[f] == _int_param(rq.query, f)]
        page, extra = _page_v2(rq.query, _sorted(rq.query, rows, sorts))
        return {"success": True, "data": page, "additional_data": extra}
    return run


def activity_types(sb, _rq, who):
    return {"success": True, "data": everything(sb.st, who.cid, "activityType")}


def files_create(sb, rq, who):
    part = rq.part("file") if rq.ctype == "multipart/form-data" else None
    if part is None:
        raise pd_refused("No file was uploaded")
    links = {k: rq.form()[k] for k in ("deal_id", "person_id", "org_id", "lead_id", "activity_id", "product_id", "project_id") if k in rq.form()}
    if not links:
        raise pd_refused("File must be associated with an item")
    now = sql_time(sb.st.clock.now())
    fid = new_id(sb.st, who.cid, "file")
    o = dict({k: int(v) if v.isdigit() else v for k, v in links.items()}, id=fid, user_id=who.uid, add_time=now, update_time=now, file_name=part.filename, name=part.filename, file_size=len(part.data),
             active_flag=True, inline_flag=False, url="%s/api/v1/files/%d/download" % (sb.base, fid))
    put(sb.st, who.cid, "file", o)
    return {"success": True, "data": o}


# search -----------------------------------------------------------------------------------------------------------

def _owner_name(st, cid, kind, oid, name):
    o = get(st, cid, kind, oid) if oid is not None else None
    return {"id": o["id"], "name": o[name]} if o else None


def _notes_of(st, cid, key, oid):
    return [re.sub(r"<[^>]+>", " ", n["content"]) for n in everything(st, cid, "note") if n.get(key) == oid]


def item_of(st, who, kind, o):
    """Search form of a record: contact data are plain strings."""
    cid = who.cid
    custom = [str(v) for v in (o.get("custom_fields") or {}).values() if isinstance(v, (str, int, float))]
    out = {"id": o["id"], "type": kind}
    if kind == "person":
        org = get(st, cid, "organization", o["org_id"]) if o["org_id"] else None
        out.update(name=o["name"], phones=[x["value"] for x in o["phones"]], emails=[x["value"] for x in o["emails"]], visible_to=o["visible_to"], owner={"id": o["owner_id"]},
                   organization={"id": org["id"], "name": org["name"], "address": None} if org else None, custom_fields=custom, notes=_notes_of(st, cid, "person_id", o["id"]))
    elif kind == "organization":
        out.update(name=o["name"], address=(o["address"] or {}).get("value"), visible_to=o["visible_to"], owner={"id": o["owner_id"]}, custom_fields=custom, notes=_notes_of(st, cid, "org_id", o["id"]))
    elif kind == "deal":
        out.update(title=o["title"], value=o["value"], currency=o["currency"], status=o["status"], visible_to=o["visible_to"], owner={"id": o["owner_id"]},
                   stage=_owner_name(st, cid, "stage", o["stage_id"], "name"), person=_owner_name(st, cid, "person", o["person_id"], "name"),
                   organization=_owner_name(st, cid, "organization", o["org_id"], "name"), custom_fields=custom, notes=_notes_of(st, cid, "deal_id", o["id"]), is_archived=o["is_archived"])
    else:
        p = get(st, cid, "person", o["person_id"]) if o["person_id"] else None
        val = o.get("value") or {}
        out.update(title=o["title"], owner={"id": o["owner_id"]}, person={"id": p["id"], "name": p["name"]} if p else None, organization=_owner_name(st, cid, "organization", o["organization_id"], "name"),
                   phones=[x["value"] for x in p["phones"]] if p else [], emails=[x["value"] for x in p["emails"]] if p else [], custom_fields=[], notes=_notes_of(st, cid, "lead_id", o["id"]),
                   value=val.get("amount"), currency=val.get("currency"), visible_to=int(o["visible_to"]), is_archived=o["is_archived"])
    return out


SEARCH_FIELDS = {"person": {"custom_fields", "email", "notes", "phone", "name"}, "organization": {"address", "custom_fields", "notes", "name"}, "deal": {"custom_fields", "notes", "title"},
                 "lead": {"custom_fields", "notes", "title"}}
TEXTS = {"name": lambda i: [i.get("name")], "title": lambda i: [i.get("title")], "email": lambda i: i.get("emails", []), "phone": lambda i: i.get("phones", []), "address": lambda i: [i.get("address")],
         "custom_fields": lambda i: i.get("custom_fields", []), "notes": lambda i: i.get("notes", [])}


def _term(q):
    term, exact = q.get("term", "").strip(), _bool_param(q, "exact_match")
    if len(term) < (1 if exact else 2):
        raise pd_invalid("Parameter 'term' must be at least %d characters long" % (1 if exact else 2))
    return term.lower(), exact


def _hits(st, who, kind, term, exact, fields):
    out = []
    for o in everything(st, who.cid, kind):
        if not visible(who, o):
            continue
        item = item_of(st, who, kind, o)
        for f in fields & SEARCH_FIELDS[kind]:
            vals = [str(v).lower() for v in TEXTS[f](item) if v]
            if any(v == term if exact else term in v for v in vals):
                out.append((item, 1.0 if any(v == term for v in vals) else 0.51))
                break
    return out


def _fields_param(q, allowed):
    if not q.get("fields"):
        return set(allowed)
    fs = set(q["fields"].split(","))
    if not fs <= set(allowed):
        raise pd_invalid("Parameter 'fields' is invalid")
    return fs


def search_v2(kind):
    def run(sb, rq, who):
        q = rq.query
        term, exact = _term(q)
        hits = _hits(sb.st, who, kind, term, exact, _fields_param(q, SEARCH_FIELDS[kind]))
        for par, member in (("person_id", "person"), ("organization_id", "organization")):
            if par in q:
                want = _int_param(q, par)
                hits = [h for h in hits if (h[0].get(member) or {}).get("id") == want]
        if "status" in q:
            hits = [h for h in hits if h[0].get("status") == q["status"]]
        page, extra = _page_v2(q, [{"result_score": s, "item": i} for i, s in hits])
        return {"success": True, "data": {"items": page}, "additional_data": extra}
    return run


ITEM_TYPES = ("deal", "person", "organization", "product", "lead", "file", "mail_attachment", "project")


def item_search(sb, rq, who):
    q = rq.query
    term, exact = _term(q)
    types = q["item_types"].split(",") if q.get("item_types") else list(ITEM_TYPES)
    if not set(types) <= set(ITEM_TYPES):
        raise pd_invalid("Parameter 'item_types' is invalid")
    fields = _fields_param(q, ("address", "code", "custom_fields", "email", "name", "notes", "phone", "title", "description"))
    hits = []
    for kind in ("person", "lead", "deal", "organization"):
        if kind in types:
            hits += _hits(sb.st, who, kind, term, exact, fields)
    hits.sort(key=lambda h: -h[1])
    page, extra = _page_v2(q, [{"result_score": s, "item": i} for i, s in hits], 100)
    data = {"items": page}
    if _bool_param(q, "search_for_related_items"):
        people = {i["item"]["id"] for i in page if i["item"]["type"] == "person"}
        rel = [("deal", o) for o in everything(sb.st, who.cid, "deal") if o["person_id"] in people] + [("lead", o) for o in everything(sb.st, who.cid, "lead") if o["person_id"] in people]
        data["related_items"] = [{"result_score": 0, "item": item_of(sb.st, who, k, o)} for k, o in rel[-100:]]
    return {"success": True, "data": data, "additional_data": extra}


def item_search_field(sb, rq, who):
    q = rq.query
    kind, code, term, match = q.get("entity_type"), q.get("field", ""), q.get("term", ""), q.get("match", "exact")
    if kind not in ("deal", "lead", "person", "organization") or match not in ("exact", "beginning", "middle") or not term or not code:
        raise pd_invalid("Parameters 'entity_type', 'field', 'term' are required")
    if len(term) < 2 and match != "exact":
        raise pd_invalid("Parameter 'term' must be at least 2 characters long")
    out = []
    for o in everything(sb.st, who.cid, kind):
        val = (o.get("custom_fields") or {}).get(code, o.get(code))
        text = "" if val is None or isinstance(val, (list, dict)) else str(val)
        if visible(who, o) and text and (text == term if match == "exact" else text.startswith(term) if match == "beginning" else term in text):
            out.append({"result_score": 1, "item": {"id": o["id"], "name": o.get("name") or o.get("title")}})
    page, extra = _page_v2(q, out)
    return {"success": True, "data": page, "additional_data": extra}


# webhooks (v1 management) --------------------------------------------------------------------------------------------

HOOK_ACTIONS = ("create", "change", "delete", "*")
HOOK_OBJECTS = ("activity", "deal", "lead", "note", "organization", "person", "pipeline", "product", "stage", "user", "*")
HOOK_FIELDS = ("id company_id owner_id user_id event_action event_object subscription_url version is_active add_time remove_time type http_auth_user http_auth_password remove_reason last_delivery_time "
               "last_http_status admin_id name").split()


def _hook_error(field, text):
    return PdError(status=400, body={"status": "error", "success": False, "errors": {field: [text]}})


def hooks_create(sb, rq, who):
    body = rq.form() if rq.ctype == "application/x-www-form-urlencoded" else _body(rq)
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


# table of calls --------------------------------------------------------------------------------------------------------

_CR, _CF = "contacts:read contacts:full", "contacts:full"
_DR, _DF = "deals:read deals:full", "deals:full"
_LR, _LF = "leads:read leads:full", "leads:full"
_AR, _AF = "activities:read activities:full", "activities:full"
_N = r"/(\d{1,15})"
_U = r"/([0-9a-f\-]{36})"


def _crud(kind, plural, read, full, filters):
    # the /search routes come first: they are more specific than /{id}
    route("2", "GET", "/%s" % plural, "pd.%s.list" % plural, read, 10, list_v2(kind, filters))
    route("2", "POST", "/%s" % plural, "pd.%s.create" % plural, full, 5, create_v2(kind))
    route("2", "GET", "/%s%s" % (plural, _N), "pd.%s.get" % plural, read, 1, get_v2(kind))
    route("2", "PATCH", "/%s%s" % (plural, _N), "pd.%s.update" % plural, full, 5, update_v2(kind))
    route("2", "DELETE", "/%s%s" % (plural, _N), "pd.%s.delete" % plural, full, 3, delete_v2(kind))


_crud("person", "persons", _CR, _CF, ("owner_id", "org_id", "deal_id"))
_crud("organization", "organizations", _CR, _CF, ("owner_id",))
_crud("deal", "deals", _DR, _DF, ("owner_id", "person_id", "org_id", "pipeline_id", "stage_id", "status"))
_crud("activity", "activities", _AR, _AF, ("owner_id", "deal_id", "lead_id", "person_id", "org_id", "done"))
route("2", "GET", "/deals/archived", "pd.deals.archived", _DR, 20, list_v2("deal", ("owner_id", "person_id", "org_id", "pipeline_id", "stage_id", "status"), True))
for _k, _p, _s in (("person", "persons", _CR), ("organization", "organizations", _CR), ("deal", "deals", _DR), ("lead", "leads", _LR)):
    route("2", "GET", "/%s/search" % _p, "pd.%s.search" % _p, _s + " search:read", 20, search_v2(_k), True)
route("2", "GET", "/itemSearch", "pd.itemSearch.search", "search:read", 20, item_search, True)
route("2", "GET", "/itemSearch/field", "pd.itemSearch.field", "search:read", 20, item_search_field, True)
for _k, _p, _s in (("person", "persons", _CF), ("organization", "organizations", _CF), ("deal", "deals", _DF)):
    route("1", "PUT", "/%s%s/merge" % (_p, _N), "pd.%s.merge" % _p, _s, 40, merge_v1(_k))
route("1", "GET", "/leads", "pd.leads.list", _LR, 20, leads_list(False))
route("1", "GET", "/leads/archived", "pd.leads.archived", _LR, 40, leads_list(True))
route("1", "POST", "/leads", "pd.leads.create", _LF, 10, leads_create)
route("1", "GET", "/leads" + _U, "pd.leads.get", _LR, 2, leads_get)
route("1", "PATCH", "/leads" + _U, "pd.leads.update", _LF, 10, leads_update)
route("1", "DELETE", "/leads" + _U, "pd.leads.delete", _LF, 6, leads_delete)
route("1", "GET", "/leads" + _U + "/permittedUsers", "pd.leads.permitted", _LR, 10, leads_permitted)
route("2", "POST", "/leads" + _U + "/convert/deal", "pd.leads.convert", _LF, 40, convert_lead)
route("2", "GET", "/leads" + _U + "/convert/status" + _U, "pd.leads.convert.status", _LR, 1, convert_status)
route("2", "POST", "/deals" + _N + "/convert/lead", "pd.deals.convert", _DF, 40, convert_deal)
route("2", "GET", "/deals" + _N + "/convert/status" + _U, "pd.deals.convert.status", _DR, 1, convert_status)
route("1", "GET", "/leadLabels", "pd.leadLabels.list", _LR, 10, lead_labels)
route("1", "POST", "/leadLabels", "pd.leadLabels.create", _LF, 10, lead_label_create)
route("1", "GET", "/leadSources", "pd.leadSources.list", _LR, 2, lead_sources)
_NR, _NF = _DR + " " + _CR, _DF + " " + _CF
route("1", "GET", "/notes", "pd.notes.list", _NR, 20, notes_list)
route("1", "POST", "/notes", "pd.notes.create", _NF, 10, notes_create)
route("1", "GET", "/notes" + _N, "pd.notes.get", _NR, 2, notes_get)
route("1", "PUT", "/notes" + _N, "pd.notes.update", _NF, 10, notes_update)
route("1", "DELETE", "/notes" + _N, "pd.notes.delete", _NF, 6, notes_delete)
for _k, _p, _s, _w in (("personField", "personFields", _CR + " admin contact-fields:full", "admin contact-fields:full"), ("dealField", "dealFields", _DR + " admin deal-fields:full", "admin deal-fields:full"),
                       ("organizationField", "organizationFields", _CR + " admin contact-fields:full", "admin contact-fields:full")):
    route("2", "GET", "/" + _p, "pd.%s.list" % _p, _s, 10, fields_list(_k))
    route("2", "POST", "/" + _p, "pd.%s.create" % _p, _w, 5, fields_create(_k))
    route("2", "GET", "/%s/([A-Za-z0-9_]{1,60})" % _p, "pd.%s.get" % _p, _s, 1, fields_get(_k))
route("2", "GET", "/pipelines", "pd.pipelines.list", _DR + " admin", 5, list_simple("pipeline", ("id", "update_time", "add_time", "order_nr")))
route("2", "GET", "/stages", "pd.stages.list", _DR + " admin", 5, list_simple("stage", ("id", "update_time", "add_time", "order_nr"), ("pipeline_id",)))
route("2", "GET", "/pipelines" + _N, "pd.pipelines.get", _DR + " admin", 1, get_v2("pipeline"))
route("2", "GET", "/stages" + _N, "pd.stages.get", _DR + " admin", 1, get_v2("stage"))
route("1", "GET", "/activityTypes", "pd.activityTypes.list", _AR + " admin", 20, activity_types)
route("1", "POST", "/files", "pd.files.create", _DF + " " + _CF + " " + _AF, 10, files_create)
route("1", "POST", "/webhooks", "pd.webhooks.create", "webhooks:full admin", 10, hooks_create)
route("1", "GET", "/webhooks", "pd.webhooks.list", "webhooks:full webhooks:read admin", 10, hooks_list)
route("1", "DELETE", "/webhooks" + _N, "pd.webhooks.delete", "webhooks:full admin", 6, hooks_delete)


# web UI (control interface, /crm page) ------------------------------------------------------------------------------

def web_user(st, cid):
    company = st.one("SELECT * FROM pd_company WHERE id=?", cid)
    user = st.one("SELECT * FROM pd_user WHERE company=? AND admin=1 ORDER BY seq LIMIT 1", cid)
    return _Web(company, user)


def web_action(sb, cid, kind, action, oid=None, data=None, into=None):
    """create, change, delete, merge done by a person in Pipedrive; -> the record"""
    st, who, data = sb.st, web_user(sb.st, cid), data or {}
    if action == "create":
        if kind == "lead":
            return save(sb, who, kind, build_lead(sb, who, data), None)
        if kind == "note":
            return save(sb, who, kind, build_note(sb, who, data), None)
        return save(sb, who, kind, BUILD[kind](sb, who, data), None)
    old = get(st, cid, kind, oid)
    if old is None:
        raise PdError("missing")
    if action == "delete":
        return save(sb, who, kind, dict(old, is_deleted=True), old)
    if action == "merge":
        winner = get(st, cid, kind, into)
        if winner is None:
            raise PdError("missing")
        return merge(sb, who, kind, old, winner)
    if action == "convert":
        return lead_to_deal(sb, who, old, data)
    build = {"lead": build_lead, "note": build_note}.get(kind) or BUILD[kind]
    return save(sb, who, kind, build(sb, who, data, old), old)
