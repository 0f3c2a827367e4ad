# SPDX-License-Identifier: MIT
"""Pipedrive search: persons, organizations, deals, leads, and all of them at once.

Purpose: search forms of the records, in which contact data are plain strings.
Ownership: reads only. Can fail: PdError for short terms and wrong parameters.
"""
import re

from .errors import pd_invalid
from .pdrecords import bool_param, everything, get, int_param, page_v2, visible
from .pipedrive import route


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
    term, exact = q.get("term", "").strip(), bool_param(q, "exact_match")
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
                want = int_param(q, par)
                hits = [h for h in hits if (h[0].get(member) or {}).get("id") == want]
        if "status" in q:
            hits = [h for h in hits if h[0].get("status") == q["status"]]
        page, extra = page_v2(q, [{"result_score": s, "item": i} for i, s in hits])
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
    page, extra = page_v2(q, [{"result_score": s, "item": i} for i, s in hits], 100)
    data = {"items": page}
    if bool_param(q, "search_for_related_items"):
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
    page, extra = page_v2(q, out)
    return {"success": True, "data": page, "additional_data": extra}


# table of calls ---------------------------------------------------------------------------------------------------

for _k, _p, _s in (("person", "persons", "contacts"), ("organization", "organizations", "contacts"), ("deal", "deals", "deals"), ("lead", "leads", "leads")):
    route("2", "GET", "/%s/search" % _p, "pd.%s.search" % _p, "%s:read %s:full search:read" % (_s, _s), 20, search_v2(_k), True)
route("2", "GET", "/itemSearch", "pd.itemSearch.search", "search:read", 20, item_search, True)
route("2", "GET", "/itemSearch/field", "pd.itemSearch.field", "search:read", 20, item_search_field, True)
