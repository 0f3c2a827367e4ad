# SPDX-License-Identifier: MIT
"""Pipedrive persons, organizations, deals, activities, fields, pipelines, stages (v2), merging and files (v1).

Purpose: one generic set of v2 calls over four kinds of records, each with its own builder.
Ownership: none; records are kept by pdrecords. Can fail: PdError.
"""
import re

from .errors import PdError, pd_invalid, pd_refused
from .pdrecords import (RFC_TIME, bool_param, check_shape, code40, everything, get, int_param, is_int, json_body, new_field, new_id,
    page_v2, put, save, source_of, visible)
from .pipedrive import route
from .store import rfc, sql_time


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
            "expected_close_date": None, "label_ids": [], "origin": "API" if source_of(who) == "api" else "ManuallyCreated", "origin_id": None, "channel": None, "channel_id": None, "arr": None,
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


def _times(q, rows):
    for name, keep in (("updated_since", lambda a, b: a >= b), ("updated_until", lambda a, b: a <= b)):
        if name in q:
            if not RFC_TIME.match(q[name]):
                raise pd_invalid("Parameter '%s' must be in RFC3339 format" % name)
            bound = q[name] if q[name].endswith("Z") else _utc(q[name])
            rows = [o for o in rows if keep(o["update_time"], bound)]
    return rows


def _utc(text):
    import datetime
    return datetime.datetime.fromisoformat(text).astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def sorted_v2(q, rows, allowed):
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
                val = int_param(q, f)
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
            rows = [o for o in rows if o["done"] == bool_param(q, "done")]
        if "lead_id" in filters and "lead_id" in q:
            rows = [o for o in rows if o["lead_id"] == q["lead_id"]]
        rows = sorted_v2(q, _times(q, rows), ("id", "update_time", "add_time", "due_date") if kind == "activity" else ("id", "update_time", "add_time"))
        page, extra = page_v2(q, rows)
        return {"success": True, "data": [_show(who, o, rq) for o in page], "additional_data": extra}
    return run


def get_v2(kind):
    def run(sb, rq, who, oid):
        return {"success": True, "data": _show(who, _load(sb, who, kind, oid), rq)}
    return run


def create_v2(kind):
    def run(sb, rq, who):
        body = json_body(rq)
        check_shape(sb.st, who, kind, body, False)
        return {"success": True, "data": _show(who, save(sb, who, kind, BUILD[kind](sb, who, body), None), rq)}
    return run


def update_v2(kind):
    def run(sb, rq, who, oid):
        old = _load(sb, who, kind, oid)
        if old.get("is_deleted"):
            raise PdError("missing")
        body = json_body(rq)
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


def merge_v1(kind):
    """PUT .../{id}/merge {merge_with_id}: the named one wins and stays, this one is deleted."""
    def run(sb, rq, who, oid):
        body = json_body(rq)
        if not is_int(body.get("merge_with_id")):
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


def fields_list(kind):
    def run(sb, rq, who):
        page, extra = page_v2(rq.query, [_field_out(f) for f in everything(sb.st, who.cid, kind)])
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
        body = json_body(rq)
        if not who.user["admin"]:
            raise PdError("forbidden")
        if not isinstance(body.get("field_name"), str) or not body["field_name"].strip() or body.get("field_type") not in FIELD_TYPES:
            raise pd_invalid("Parameters 'field_name' and 'field_type' are required")
        if set(body) - {"field_name", "field_type", "options", "ui_visibility", "important_fields", "required_fields", "description"}:
            raise pd_invalid("Unknown parameter")
        if body["field_type"] in ("enum", "set") and not body.get("options"):
            raise pd_invalid("Parameter 'options' is required")
        code = code40(sb.st, who.cid, "%s/%d" % (kind, new_id(sb.st, who.cid, kind)))
        f = new_field(body["field_name"].strip(), code, body["field_type"], True)
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
                rows = [o for o in rows if o[f] == int_param(rq.query, f)]
        page, extra = page_v2(rq.query, sorted_v2(rq.query, rows, sorts))
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


# table of calls ---------------------------------------------------------------------------------------------------

_CR, _CF = "contacts:read contacts:full", "contacts:full"
_DR, _DF = "deals:read deals:full", "deals:full"
_AR, _AF = "activities:read activities:full", "activities:full"
_N = r"/(\d{1,15})"


def _crud(kind, plural, read, full, filters):
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
for _k, _p, _s in (("person", "persons", _CF), ("organization", "organizations", _CF), ("deal", "deals", _DF)):
    route("1", "PUT", "/%s%s/merge" % (_p, _N), "pd.%s.merge" % _p, _s, 40, merge_v1(_k))
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
