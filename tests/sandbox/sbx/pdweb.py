# SPDX-License-Identifier: MIT
"""What a person does in Pipedrive's own pages: make, change, delete, merge, convert records.

Purpose: the control interface and the /crm page; webhooks then say `change_source` `app`.
Ownership: none. Can fail: PdError, as the API would refuse it.
"""
from .errors import PdError
from .pdcrm import BUILD, merge
from .pdleads import build_lead, build_note, lead_to_deal
from .pdrecords import get, save, web_user


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
