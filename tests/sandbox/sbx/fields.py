# SPDX-License-Identifier: MIT
"""Graph API field expansion: `id,name,messages.limit(30){id,created_time}`.

Purpose: parse the `fields` parameter and cut an answer down to what was asked.
Ownership: pure functions. Can fail: GraphError('syntax') for a malformed expression.
"""
import re

from .errors import GraphError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ARGS = re.compile(r"\.([a-z_]+)\(([^()]*)\)")


class Field:
    """One wanted field: name, its edge arguments, wanted sub-fields (None: default)."""
    __slots__ = ("name", "args", "sub")

    def __init__(self, name, args, sub):
        self.name, self.args, self.sub = name, args, sub


def parse(text):
    """-> list of Field; an empty text gives an empty list."""
    text = re.sub(r"\s+", "", text or "")
    out, pos = _list(text, 0, text, 0)
    if pos != len(text):
        raise GraphError("syntax", at=text[pos:pos + 1], pos=pos, text=text[:80])
    return out


def _list(text, pos, whole, depth):
    out = []
    if depth > 6:
        raise GraphError("syntax", at=text[pos:pos + 1], pos=pos, text=whole[:80])
    while pos < len(text):
        m = _NAME.match(text, pos)
        if not m:
            raise GraphError("syntax", at=text[pos:pos + 1], pos=pos, text=whole[:80])
        name, args, sub = m.group(), {}, None
        pos = m.end()
        while True:
            a = _ARGS.match(text, pos)
            if not a:
                break
            args[a.group(1)] = a.group(2)
            pos = a.end()
        if pos < len(text) and text[pos] == "{":
            sub, pos = _list(text, pos + 1, whole, depth + 1)
            if pos >= len(text) or text[pos] != "}":
                raise GraphError("syntax", at="", pos=pos, text=whole[:80])
            pos += 1
        out.append(Field(name, args, sub))
        if pos < len(text) and text[pos] == ",":
            pos += 1
            continue
        break
    return out, pos


def cut(value, sub):
    """Cut a ready value down to the wanted sub-fields; edges (`data` lists) are cut item by item."""
    if not sub:
        return value
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        return dict(value, data=[cut(v, sub) for v in value["data"]])
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        return dict(value, data=cut(value["data"], sub))
    if isinstance(value, list):
        return [cut(v, sub) for v in value]
    if isinstance(value, dict):
        out = {}
        for f in sub:
            if f.name in value:
                out[f.name] = cut(value[f.name], f.sub)
        if "id" in value:
            out["id"] = value["id"]
        return out
    return value


def wanted(text, allowed, default, node):
    """Parsed fields, checked against the node type's names."""
    fs = parse(text) if text else [Field(n, {}, None) for n in default]
    for f in fs:
        if f.name not in allowed:
            raise GraphError("field", field=f.name, node=node)
    return fs
