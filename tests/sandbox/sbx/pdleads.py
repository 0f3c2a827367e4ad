# SPDX-License-Identifier: MIT
"""Pipedrive leads and notes (v1), and the conversion between leads and deals (v2).

Purpose: the records which an inbox makes most often, with the v1 forms of envelope, paging and refusal.
Ownership: none; records are kept by pdrecords. Can fail: PdError.
"""
import re
import uuid

from .errors import PdError, pd_invalid, pd_refused
from .pdcrm import build_deal
from .pdrecords import (CHECKS, check_links, everything, get, is_int, is_num, json_body, new_id, page_v1, put, refused_v1, save, source_of,
    v1_body, visible)
from .pipedrive import route
from .store import rfc_ms, sql_time

LEAD = {"title": "str", "owner_id": "int", "label_ids": "list", "person_id": "int?", "organization_id": "int?", "value": "custom?", "expected_close_date": "date?", "visible_to": "str", "was_seen": "bool",
        "channel": "int?", "channel_id": "str?"}
LEAD_CREATE, LEAD_UPDATE = {"origin_id": "str?"}, {"is_archived": "bool"}


def _check_lead(st, who, body, update):
    shape = dict(LEAD, **(LEAD_UPDATE if update else LEAD_CREATE))
    for k, v in body.items():
        if k not in shape:
            f = get(st, who.cid, "dealField", k)
            if f is None or not f["is_custom_field"]:
                raise refused_v1('"%s" is not allowed' % k[:60])
            continue
        typ = shape[k]
        if v is None and (typ.endswith("?") or update):
            continue
        ok, word = CHECKS[typ.rstrip("?")]
        if v is None or not ok(v):
            raise refused_v1('"%s" must be a %s' % (k, word))
    if body.get("value") is not None and (set(body["value"]) != {"amount", "currency"} or not is_num(body["value"]["amount"]) or not isinstance(body["value"]["currency"], str)):
        raise refused_v1('"value" must contain [amount, currency]')
    if "visible_to" in body and body["visible_to"] not in ("1", "3", "5", "7"):
        raise refused_v1('"visible_to" must be one of [1, 3, 5, 7]')
    for lid in body.get("label_ids") or []:
        if not isinstance(lid, str) or get(st, who.cid, "leadLabel", lid) is None:
            raise refused_v1("Some of the lead labels were not found")
    if body.get("channel") is not None and body["channel"] not in {o["id"] for o in get(st, who.cid, "dealField", "channel")["options"]}:
        raise refused_v1('"channel" is not one of the options')
    check_links(st, who, {"person_id": body.get("person_id"), "org_id": body.get("organization_id"), "owner_id": body.get("owner_id")})


def build_lead(sb, who, body, old=None):
    st, now = sb.st, rfc_ms(sb.st.clock.now())
    if not old:
        lid = str(uuid.uuid5(uuid.NAMESPACE_OID, "%d/lead/%d" % (who.cid, new_id(st, who.cid, "lead"))))
        old_o = {"id": lid, "title": "", "owner_id": who.uid, "creator_id": who.uid, "label_ids": [], "person_id": None, "organization_id": None, "source_name": "API" if source_of(who) == "api" else "Manually created",
                 "origin": "API" if source_of(who) == "api" else "ManuallyCreated", "origin_id": None, "channel": None, "channel_id": None, "source_deal_id": None, "is_archived": False, "was_seen": False,
                 "value": None, "expected_close_date": None, "next_activity_id": None, "add_time": now, "update_time": now, "visible_to": "3", "cc_email": "%s+lead@pipedrivemail.example" % who.company["domain"]}
    o = dict(old) if old else old_o
    o.update({k: v for k, v in body.items()})
    o["label_ids"] = o["label_ids"] or []
    if not isinstance(o["title"], str) or not o["title"].strip():
        raise refused_v1('"title" is required')
    if o["person_id"] is None and o["organization_id"] is None:
        raise refused_v1("A lead must be linked to a person or an organization")
    o["update_time"] = now
    return o


def _lead(sb, who, lid):
    o = get(sb.st, who.cid, "lead", lid)
    if o is None or o.get("is_deleted") or not visible(who, o):
        raise PdError("lead_missing")
    return o


def leads_list(archived):
    def run(sb, rq, who):
        q = rq.query
        rows = [o for o in everything(sb.st, who.cid, "lead") if visible(who, o) and o["is_archived"] == archived]
        for f in ("owner_id", "person_id", "organization_id"):
            if f in q:
                rows = [o for o in rows if str(o[f]) == q[f]]
        if "updated_since" in q:
            if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d", q["updated_since"]):
                raise refused_v1('"updated_since" must be in RFC3339 format')
            rows = [o for o in rows if o["update_time"][:19] >= q["updated_since"].replace(" ", "T")[:19]]
        by, _, way = q.get("sort", "add_time ASC").partition(" ")
        if by not in ("id", "title", "owner_id", "creator_id", "was_seen", "expected_close_date", "next_activity_id", "add_time", "update_time"):
            raise refused_v1('"sort" is invalid')
        rows = sorted(rows, key=lambda o: str(o[by] or ""), reverse=way.upper() == "DESC")
        page, pag = page_v1(q, rows)
        return {"success": True, "data": page, "additional_data": pag}
    return run


def leads_get(sb, _rq, who, lid):
    return {"success": True, "data": _lead(sb, who, lid)}


def leads_create(sb, rq, who):
    body = json_body(rq)
    _check_lead(sb.st, who, body, False)
    return 201, {"success": True, "data": save(sb, who, "lead", build_lead(sb, who, body), None)}


def leads_update(sb, rq, who, lid):
    old = _lead(sb, who, lid)
    body = json_body(rq)
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
    body = json_body(rq)
    if not isinstance(body.get("name"), str) or body.get("color") not in "blue brown dark-gray gray green orange pink purple red yellow".split():
        raise refused_v1('"name" and "color" are required')
    now = rfc_ms(sb.st.clock.now())
    o = {"id": str(uuid.uuid4()), "name": body["name"], "color": body["color"], "add_time": now, "update_time": now}
    put(sb.st, who.cid, "leadLabel", o)
    return {"success": True, "data": o}


def lead_sources(_sb, _rq, _who):
    return {"success": True, "data": [{"name": n} for n in ("Manually created", "Deal", "Web forms", "Prospector", "Leadbooster", "Live chat", "Import", "Website visitors", "Workflow automation", "API")]}


def convert_lead(sb, rq, who, lid):
    """Done at once; the status reports `running` the first time it is asked."""
    st = sb.st
    lead = get(st, who.cid, "lead", lid)
    if lead is None or lead.get("is_deleted"):
        raise PdError("missing")
    body = rq.json() or {}
    if ("stage_id" in body) and ("pipeline_id" in body):
        raise pd_invalid("Only one of 'stage_id' and 'pipeline_id' is allowed")
    if not all(is_int(v) for v in body.values()) or set(body) - {"stage_id", "pipeline_id"}:
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


NOTE_LINKS = {"lead_id": "lead", "deal_id": "deal", "person_id": "person", "org_id": "organization"}
PINS = ["pinned_to_%s_flag" % x for x in ("lead", "deal", "organization", "person", "project", "task")]
_SCRIPT = re.compile(r"(?is)<(script|style|iframe|object)\b.*?</\1\s*>|<(script|style|iframe|object|link|meta)\b[^>]*>|\son\w+\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+)|javascript:")


def _check_note(sb, who, body, update):
    st = sb.st
    for k in body:
        if k not in NOTE_LINKS and k not in PINS and k not in ("content", "user_id", "add_time", "project_id", "task_id"):
            raise refused_v1("Unknown parameter: %s" % k[:60])
    if not update or "content" in body:
        if not isinstance(body.get("content"), str) or not body["content"].strip():
            raise refused_v1("Note content must be specified.")
        if len(body["content"]) > 100_000:
            raise refused_v1("Note content is too long.")
    links = [k for k in (*NOTE_LINKS, "project_id", "task_id") if body.get(k) is not None]
    if not update and not links:
        raise refused_v1("Note must be associated with a deal, person, organization, lead, project or task.")
    for k in links:
        if k in NOTE_LINKS:
            o = get(st, who.cid, NOTE_LINKS[k], body[k])
            if o is None or o.get("is_deleted") or not visible(who, o):
                raise pd_refused("%s not found" % NOTE_LINKS[k].capitalize(), 404)
    if "add_time" in body and not re.fullmatch(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?", str(body["add_time"])):
        raise refused_v1("Invalid add_time")
    for k in PINS:
        if k in body and body[k] not in (0, 1):
            raise refused_v1("%s must be 0 or 1" % k)
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
    page, pag = page_v1(q, rows)
    return {"success": True, "data": [_note_out(sb, who, o) for o in page] or None, "additional_data": {"pagination": pag}}


def notes_get(sb, _rq, who, nid):
    return {"success": True, "data": _note_out(sb, who, _note(sb, who, nid))}


def notes_create(sb, rq, who):
    body = v1_body(rq)
    _check_note(sb, who, body, False)
    return {"success": True, "data": _note_out(sb, who, save(sb, who, "note", build_note(sb, who, body), None))}


def notes_update(sb, rq, who, nid):
    old = _note(sb, who, nid)
    body = v1_body(rq)
    _check_note(sb, who, body, True)
    return {"success": True, "data": _note_out(sb, who, save(sb, who, "note", build_note(sb, who, body, old), old))}


def notes_delete(sb, _rq, who, nid):
    old = _note(sb, who, nid)
    save(sb, who, "note", dict(old, is_deleted=True, active_flag=False), old)
    return {"success": True, "data": True}


# table of calls ---------------------------------------------------------------------------------------------------

_LR, _LF = "leads:read leads:full", "leads:full"
_DF, _DR = "deals:full", "deals:read deals:full"
_NR, _NF = "deals:read deals:full contacts:read contacts:full", "deals:full contacts:full"
_N = r"/(\d{1,15})"
_U = r"/([0-9a-f\-]{36})"
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
route("1", "GET", "/notes", "pd.notes.list", _NR, 20, notes_list)
route("1", "POST", "/notes", "pd.notes.create", _NF, 10, notes_create)
route("1", "GET", "/notes" + _N, "pd.notes.get", _NR, 2, notes_get)
route("1", "PUT", "/notes" + _N, "pd.notes.update", _NF, 10, notes_update)
route("1", "DELETE", "/notes" + _N, "pd.notes.delete", _NF, 6, notes_delete)
