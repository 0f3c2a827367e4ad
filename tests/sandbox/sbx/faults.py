# SPDX-License-Identifier: MIT
"""Faults on demand: answers replaced, delayed, or cut at a chosen place.

Purpose: tests ask for the failures which the real services produce once a month.
Ownership: the list lives in memory and in the settings table, so that it survives a restart.
Can fail: a malformed fault is refused when it is added (ControlError).
"""
import json
import re
import threading

from .errors import ControlError
from .wire import Response

_KEYS = {"match", "times", "skip", "status", "body", "headers", "delay_ms", "hang_ms", "work", "cut"}
_MATCH = {"service", "method", "path", "endpoint", "page", "body"}


class Faults:
    """Ordered list of faults; the first that matches and is not used up applies."""

    def __init__(self, st):
        self.st, self.lock = st, threading.Lock()
        self.items = st.kv.get("faults") or []

    def _save(self):
        with self.st.tx():
            self.st.put("faults", self.items)

    def add(self, d):
        unknown = set(d) - _KEYS or set(d.get("match") or {}) - _MATCH
        if unknown:
            raise ControlError("unknown member: " + ", ".join(sorted(unknown)))
        if d.get("cut") not in (None, "before", "during", "after"):
            raise ControlError("cut must be before, during or after")
        for key in ("path", "body"):
            try:
                re.compile((d.get("match") or {}).get(key, ""))
            except re.error as e:
                raise ControlError("bad regex: %s" % e) from None
        with self.lock:
            f = {"id": self.st.next("fault"), "match": d.get("match") or {}, "times": int(d.get("times", 1)), "skip": int(d.get("skip", 0)), "status": d.get("status"),
                 "body": d.get("body"), "headers": d.get("headers") or {}, "delay_ms": int(d.get("delay_ms", 0)),
                 "hang_ms": int(d.get("hang_ms", 0)), "work": bool(d.get("work")),
                 "cut": d.get("cut"), "hits": 0}
            self.items.append(f)
        self._save()
        return f["id"]

    def clear(self, fid=None):
        with self.lock:
            self.items = [f for f in self.items if fid is not None and f["id"] != fid]
        self._save()

    def pick(self, rq):
        """The fault for a request, or None. Counts it."""
        if not self.items:
            return None
        with self.lock:
            for f in self.items:
                if self._matches(f["match"], rq) and (f["times"] == 0 or f["hits"] < f["times"]):
                    if f["skip"] > 0:
                        f["skip"] -= 1
                        continue
                    f["hits"] += 1
                    return dict(f)
        return None

    @staticmethod
    def _matches(m, rq):
        if m.get("service") and m["service"] != rq.service:
            return False
        if m.get("method") and m["method"].upper() != rq.method:
            return False
        if m.get("endpoint") and m["endpoint"] not in (rq.endpoint, getattr(rq, "endpoint_group", "")):
            return False
        if m.get("path") and not re.search(m["path"], rq.target):
            return False
        if m.get("page") and str(m["page"]) not in (rq.page, *rq.path.split("/")):
            return False
        if m.get("body") and not re.search(m["body"], rq.body.decode("utf-8", "replace")):
            return False
        return True

    @staticmethod
    def answer(f):
        """The replacement answer of a fault that names a status or body."""
        body, ctype = f["body"], "application/json; charset=UTF-8"
        if body is None:
            body = ""
            ctype = "text/html; charset=utf-8"
        elif isinstance(body, str):
            ctype = "application/json; charset=UTF-8" if body[:1] in "{[" else "text/html; charset=utf-8"
        else:
            body = json.dumps(body)
        headers = [(k, str(v)) for k, v in f["headers"].items() if k.lower() != "content-type"]
        for k, v in f["headers"].items():
            if k.lower() == "content-type":
                ctype = str(v)
        return Response(int(f["status"] or 200), body, ctype, headers)
