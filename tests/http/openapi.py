# SPDX-License-Identifier: MIT
"""openapi.py - are requests such as Pipedrive describes them?

Pipedrive's own descriptions (pipedrive-v1.yaml, pipedrive-v2.yaml; published
at developers.pipedrive.com/docs/api/v1/openapi.yaml and .../openapi-v2.yaml)
state no licence and are therefore not in this tree.  They are read from
$INBOX_OPENAPI, else from ../shared/reference/openapi beside the checkout.

The values are judged by jsonschema, which nobody here wrote; this file only
finds the operation and turns OpenAPI 3.0 into JSON Schema (nullable, and that
members that are not described are mistakes).  Known quirk: query parameters that take lists with
commas are described as one enum value each; every element is checked.
"""
import os
import re

import jsonschema
import yaml

SRC = os.environ.get("INBOX_SRC") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.environ.get("INBOX_OPENAPI") or os.path.join(os.path.dirname(SRC), "shared/reference/openapi")
NAMES = {"1": "pipedrive-v1.yaml", "2": "pipedrive-v2.yaml"}
LISTS = {"fields", "item_types", "include_fields", "status", "ids", "custom_fields"}
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_loaded = {}


def missing():
    """Why nothing can be checked, or None."""
    for name in NAMES.values():
        if not os.path.exists(os.path.join(FOLDER, name)):
            return "Pipedrive's descriptions are not in %s (set INBOX_OPENAPI)" % FOLDER
    return None


def description(version):
    if version not in _loaded:
        with open(os.path.join(FOLDER, NAMES[version]), encoding="utf-8") as f:
            _loaded[version] = yaml.load(f, Loader)
    return _loaded[version]


def resolve(doc, node):
    while isinstance(node, dict) and "$ref" in node:
        target = doc
        for part in node["$ref"].lstrip("#/").split("/"):
            target = target[part]
        node = target
    return node


def schema(doc, node):
    """JSON Schema of an OpenAPI 3.0 schema; what is not described is refused."""
    node = resolve(doc, node)
    if "allOf" in node and all(resolve(doc, p).get("type", "object") == "object" for p in node["allOf"]):
        merged = {"type": "object", "properties": {}, "required": []}
        for part in [{k: v for k, v in node.items() if k != "allOf"}] + node["allOf"]:
            part = resolve(doc, part)
            merged["properties"].update(part.get("properties", {}))
            merged["required"] += part.get("required", [])
        node = merged
    out = {k: v for k, v in node.items() if k in ("type", "enum", "format", "minimum", "maximum", "minLength", "maxLength", "pattern", "maxItems", "minItems")}
    if node.get("required"):
        out["required"] = list(node["required"])
    if "properties" in node:
        out["properties"] = {k: schema(doc, v) for k, v in node["properties"].items()}
        out["additionalProperties"] = False
    if "items" in node:
        out["items"] = schema(doc, node["items"])
    for word in ("oneOf", "anyOf", "allOf"):
        if word in node:
            out[word] = [schema(doc, v) for v in node[word]]
    if node.get("nullable"):
        out = {"anyOf": [out, {"type": "null"}]}
    return out


def judge(what, value, sch):
    checker = jsonschema.Draft7Validator(sch, format_checker=jsonschema.FormatChecker())
    return ["%s: %s" % (what, e.message[:200]) for e in checker.iter_errors(value)]


def typed(text, sch):
    """A text of a query or path as the type it is described as; itself when it is none."""
    kind = sch.get("type")
    if kind == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def operation(doc, method, path):
    """(operation, path parameters, parameters of the path item) or None; a path without braces goes first."""
    for template in sorted(doc["paths"], key=lambda t: t.count("{")):
        names = re.findall(r"\{(\w+)\}", template)
        m = re.fullmatch(re.sub(r"\\\{\w+\\\}", r"([^/]+)", re.escape(template)), path)
        if m and method.lower() in doc["paths"][template]:
            item = doc["paths"][template]
            return item[method.lower()], dict(zip(names, m.groups())), item.get("parameters", [])
    return None


def mistakes(rq):
    """What of a recorded request is not as described; [] when all of it is."""
    m = re.fullmatch(r"/(?:api/)?v([12])(/.*)", rq["path"])
    if not m:
        return ["no path of the API: " + rq["path"]]
    doc = description(m.group(1))
    found = operation(doc, rq["method"], m.group(2))
    if found is None:
        return ["not described: %s %s" % (rq["method"], rq["path"])]
    op, values, shared = found
    params = [resolve(doc, p) for p in shared + op.get("parameters", [])]
    query, out = dict(rq["query"] or {}), []
    for p in params:
        given = values.get(p["name"]) if p["in"] == "path" else query.pop(p["name"], None) if p["in"] == "query" else None
        if given is None:
            if p.get("required") and p["in"] in ("path", "query"):
                out.append("%s is missing" % p["name"])
            continue
        sch = schema(doc, p["schema"])
        for one in given.split(",") if p["name"] in LISTS else [given]:
            out += judge(p["name"], typed(one, sch), sch)
    out += ["%s is not described" % name for name in query]
    body = op.get("requestBody")
    if rq["method"] in ("POST", "PUT", "PATCH") and body:
        content = resolve(doc, body)["content"]
        if "application/json" not in rq["headers"].get("content-type", ""):
            out.append("the body is not sent as JSON")
        out += judge("body", rq["json"], schema(doc, content["application/json"]["schema"]))
    elif rq["body"]:
        out.append("a body where none is described")
    if not rq["headers"].get("authorization", "").startswith("Bearer "):
        out.append("no bearer token")
    return out


def described(case, asked):
    """A TestCase: each of these requests is one that Pipedrive describes."""
    why = missing()
    if why and os.environ.get("CI"):
        case.fail(why)
    if why:
        case.skipTest(why)
    case.assertTrue(asked, "nothing was asked: run the whole file")
    case.assertEqual(sorted({"%s %s: %s" % (r["method"], r["path"], m) for r in asked for m in mistakes(r)}), [])
