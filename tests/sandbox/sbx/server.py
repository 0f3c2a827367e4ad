# SPDX-License-Identifier: MIT
"""The sandbox as one server: routes, dispatch, recording, start and end.

Purpose: one table of routes for both services; every request of the product goes through `dispatch`, which
applies faults, runs the handler in one transaction, turns refusals into answers and records the exchange.
Ownership: `Sandbox` owns store, hooks, faults, rates. Can fail: an unexpected exception in a handler answers 500
and prints its traceback on stderr, so that a test run shows it.
"""
import argparse
import contextlib
import email.utils
import hashlib
import json
import re
import signal
import sys
import time
import traceback

from . import pdcrm, pdhooks, pdleads, pdsearch    # noqa: F401 - they register their calls
from . import control, facebook as FB, history as H, media, pipedrive as PD, play, seed, sendapi as SA
from .errors import ControlError, GraphError, PdError, trace_id
from .faults import Faults
from .store import PAGE_FIELDS, Store
from .webhooks import Hooks
from .wire import Response, Server, html_response, json_response

BODY_KEPT = 65_536
KEEP_REQUESTS = 50_000

# Graph API: (method, pattern without version, endpoint, handler, manages its own transactions)
_ID = r"([0-9]+|me)"
_CONV = r"(t_[0-9A-Za-z_\-]+)"
_MID = r"(m_[^/]+|mid\.[^/]+)"
GRAPH_ROUTES = [(m, re.compile(p + r"/?\Z"), e, h, own) for m, p, e, h, own in (
    ("GET", r"/oauth/access_token", "fb.oauth.token", FB.oauth_token, False),
    ("POST", r"/oauth/access_token", "fb.oauth.token", FB.oauth_token, False),
    ("GET", r"/debug_token", "fb.debug_token", FB.debug_token, False),
    ("GET", "/" + _ID + "/permissions", "fb.permissions", FB.permissions_get, False),
    ("DELETE", "/" + _ID + "/permissions", "fb.permissions.delete", FB.permissions_delete, False),
    ("GET", "/" + _ID + "/accounts", "fb.accounts", FB.accounts, False),
    ("GET", "/" + _ID + "/subscribed_apps", "fb.subscribed_apps.get", FB.subscribed_get, False),
    ("POST", "/" + _ID + "/subscribed_apps", "fb.subscribed_apps.post", FB.subscribed_post, False),
    ("DELETE", "/" + _ID + "/subscribed_apps", "fb.subscribed_apps.delete", FB.subscribed_delete, False),
    ("GET", "/([0-9]+|app)/subscriptions", "fb.subscriptions.get", FB.subscriptions_get, False),
    ("POST", "/([0-9]+|app)/subscriptions", "fb.subscriptions.post", FB.subscriptions_post, True),
    ("DELETE", "/([0-9]+|app)/subscriptions", "fb.subscriptions.delete", FB.subscriptions_delete, False),
    ("GET", "/" + _ID + "/conversations", "fb.conversations", H.conversations, False),
    ("GET", "/" + _CONV + "/messages", "fb.messages", H.messages, False),
    ("POST", "/" + _ID + "/messages", "fb.send", SA.send, True),
    ("POST", "/" + _ID + "/message_attachments", "fb.upload", SA.upload, True),
    ("GET", "/" + _MID + "/attachments", "fb.attachments", H.attachments, False),
    ("GET", "/" + _ID + "/thread_owner", "fb.thread_owner", SA.thread_owner, False),
    ("POST", "/" + _ID + "/(take|pass|release|request|extend)_thread_control", "fb.thread_control", SA.thread_control, False),
    ("POST", "/" + _ID + "/personas", "fb.personas", SA.personas, False),
    ("GET", "/" + _CONV, "fb.conversation", H.node_conversation, False),
    ("GET", "/" + _MID, "fb.message", H.node_message, False),
)]
NODES = {"fb.page": FB.node_page, "fb.user": FB.node_user, "fb.profile": H.node_profile}
NODE_NAMES = set(NODES) | {"fb.conversation", "fb.message"}

PLAY_PATHS = {"/": play.home, "/phone": play.phone, "/page-inbox": play.page_inbox, "/crm": play.crm, "/facebook-admin": play.admin, "/requests": play.requests}

AWAY_PAGE = "<!DOCTYPE html><html><head><title>503</title></head><body><h1>Service unavailable</h1></body></html>"


def graph_bytes(obj):
    """Graph answers are ASCII JSON with escaped slashes."""
    return json.dumps(obj, ensure_ascii=True, separators=(",", ":")).replace("/", "\\/").encode("ascii")


class Sandbox:
    """Everything one running sandbox owns."""

    def __init__(self, args):
        self.st = Store(args.db, args.reset)
        if args.clock_file:
            self.st.clock.lead(args.clock_file)
        self.base = ""
        self.faults = Faults(self.st)
        self.rates = H.Rates(self)
        self.pd_rates = PD.Rates(self)
        self.hooks = Hooks(self)
        self._configure(args)

    def _configure(self, args):
        st, cfg = self.st, self.st.cfg
        with st.tx():
            if args.product_url:
                st.set_product_url(args.product_url)
            elif not cfg["fb_redirect_uris"]:
                st.set_product_url(cfg["product_url"])
            for key in ("fb_app_id", "fb_app_secret", "pd_client_id", "pd_client_secret", "pd_jwt_secret", "deauthorize_url", "deletion_url", "verify_token"):
                if getattr(args, key):
                    cfg[key] = getattr(args, key)
            if args.callback:
                cfg.update(callback=args.callback, fields=list(PAGE_FIELDS))
            if cfg["seed"] == "none" and args.seed != "none":
                seed.load(self, args.seed)
            st.save_config()

    # dispatch -----------------------------------------------------------------------------------

    def handle(self, rq):
        """Called by the server for every request; never raises."""
        resp = self.answer(rq)
        resp.headers.append(("Date", email.utils.formatdate(self.st.clock.now() / 1000, usegmt=True)))
        return resp

    def answer(self, rq):
        path = rq.path
        try:
            if path.startswith("/_control/"):
                return control.handle(self, rq)
            if path.startswith("/media/"):
                return media.serve(self, rq)
            top = "/" + path.split("/")[1] if path.count("/") >= 1 else path
            if top in PLAY_PATHS:
                return PLAY_PATHS[top](self, rq)
            if path == "/favicon.ico":
                return Response(204, b"", None)
            return self.dispatch(rq)
        except ControlError as e:
            return json_response({"ok": False, "error": str(e)}, 400)
        except Exception:       # noqa: BLE001 - a test run must see it, and the server must live on
            traceback.print_exc()
            return Response(500, "sandbox: internal error, see stderr")

    def route(self, rq):
        """-> (endpoint, handler taking (sb, rq), manages its own transactions); sets rq.service."""
        path = rq.path
        if path.startswith("/oauth/") and not path.startswith("/oauth/access_token"):
            rq.service = "pipedrive"
            return PD.route_oauth(rq)
        if re.match(r"/(api/)?v[12]/", path):
            rq.service = "pipedrive"
            return PD.route_api(rq)
        rq.service = "facebook"
        bare = re.sub(r"\A/v\d+\.\d+(?=/|\Z)", "", path) or "/"
        if bare == "/dialog/oauth":
            return ("fb.dialog" if rq.method == "GET" else "fb.dialog.submit"), FB.dialog, True
        return self._graph_route(rq, bare)

    def _graph_route(self, rq, bare):
        seen = False
        for method, pat, endpoint, handler, own in GRAPH_ROUTES:
            m = pat.match(bare)
            if not m:
                continue
            seen = True
            if method == rq.method:
                if m.groups() and m.group(1).isdigit() and endpoint.split(".")[1] not in ("accounts", "permissions", "subscriptions"):
                    rq.page = m.group(1)
                return endpoint, (lambda sb, r, h=handler, g=m.groups(): h(sb, r, *g)), own
        m = re.match("/" + _ID + r"/?\Z", bare)
        if m and rq.method == "GET":
            endpoint = self._node_kind(rq, m.group(1))
            handler = NODES[endpoint]
            return endpoint, (lambda sb, r, i=m.group(1): handler(sb, r, self._me(r, i))), False
        return "fb.unknown", (lambda sb, r: self._no_route(r, bare, seen or bool(m))), False

    def _me(self, rq, i):
        """`me` with a page token is the Page."""
        if i != "me":
            return i
        row = self.st.one("SELECT kind,page FROM fb_token WHERE token=?", FB.token_text(rq))
        return row["page"] if row and row["kind"] == "page" else "me"

    def _node_kind(self, rq, i):
        i = self._me(rq, i)
        if i == "me" or self.st.one("SELECT 1 FROM fb_user WHERE id=?", i):
            return "fb.user"
        return "fb.page" if self.st.one("SELECT 1 FROM fb_page WHERE id=?", i) else "fb.profile"

    @staticmethod
    def _no_route(rq, bare, known):
        FB.public_version(rq)
        if known:
            raise GraphError("method", verb=rq.method.lower())
        first = bare.strip("/").split("/")[0]
        if bare.count("/") == 1 and re.fullmatch(r"[A-Za-z0-9._\-]+", first):
            raise GraphError("alias", id=first)
        raise GraphError("path", path=bare.strip("/"))

    def dispatch(self, rq):
        t0 = time.perf_counter()
        rq.endpoint_group = ""
        endpoint, handler, own = self.route(rq)
        rq.endpoint = endpoint
        if endpoint in NODE_NAMES:
            rq.endpoint_group = "fb.node"
        fault = self.faults.pick(rq)
        if fault and fault["delay_ms"]:
            time.sleep(fault["delay_ms"] / 1000)
        resp = self._run(rq, handler, own, fault)
        with contextlib.suppress(Exception):
            self._record(rq, resp, fault, int((time.perf_counter() - t0) * 1e6))
        return resp

    def _run(self, rq, handler, own, fault):
        if fault and fault["cut"] == "before":
            resp = Response(0, b"", None)
            resp.cut = "before"
            return resp
        replaced = fault and (fault["status"] is not None or fault["body"] is not None)
        if replaced and not fault["work"] and not fault["cut"]:
            return Faults.answer(fault)
        resp = self._work(rq, handler, own)
        if fault and fault.get("hang_ms"):
            time.sleep(fault["hang_ms"] / 1000)
        if replaced and not fault["cut"]:
            resp = Faults.answer(fault)
        if fault and fault["cut"]:
            resp.cut = fault["cut"]
        return resp

    def _work(self, rq, handler, own):
        st = self.st
        if st.sw["away" if rq.service == "facebook" else "pd_away"]:
            return html_response(AWAY_PAGE, 503)
        try:
            if rq.service == "facebook" and rq.endpoint[:9] != "fb.dialog":
                FB.public_version(rq)
            if own:
                out = handler(self, rq)
            else:
                with st.tx():
                    out = handler(self, rq)
        except GraphError as e:
            status, body, headers = e.answer(st.sw["status_190"])
            return self._graph_answer(rq, body, status, headers)
        except PdError as e:
            return json_response(e.body, e.status, self._pd_headers(rq) + e.headers)
        except Exception:       # noqa: BLE001
            traceback.print_exc()
            return Response(500, "sandbox: internal error, see stderr")
        if isinstance(out, Response):
            return out
        if rq.service == "facebook":
            return self._graph_answer(rq, out, 200, [])
        status, body = out if isinstance(out, tuple) else (200, out)
        return json_response(body, status, self._pd_headers(rq))

    def _graph_answer(self, rq, body, status, headers):
        extra = [("x-fb-trace-id", trace_id()), ("Cache-Control", "private, no-cache, no-store, must-revalidate"), ("Pragma", "no-cache"), ("Access-Control-Allow-Origin", "*")]
        with contextlib.suppress(GraphError):
            extra.append(("facebook-api-version", FB.public_version(rq)))
        sw, tok = self.st.sw, rq.tok
        if tok and tok.kind == "page":
            pct = int(sw["usage_page"])
            kind = "messenger" if rq.endpoint != "fb.page" else "pages"
            extra.append(("X-Business-Use-Case-Usage", json.dumps({tok.page: [{"type": kind, "call_count": pct, "total_cputime": pct, "total_time": pct, "estimated_time_to_regain_access": 0 if pct < 100 else 15}]})))
        elif tok:
            pct = int(sw["usage_app"])
            extra.append(("X-App-Usage", json.dumps({"call_count": pct, "total_time": pct, "total_cputime": pct})))
        return Response(status, graph_bytes(body), "application/json; charset=UTF-8", headers + extra)

    @staticmethod
    def _pd_headers(rq):
        return getattr(rq, "rate_headers", None) or []

    # recording ----------------------------------------------------------------------------------

    def _record(self, rq, resp, fault, us):
        """Tokens and secrets are kept on purpose: tests assert on them, and none is real."""
        parts, j, form = None, None, None
        if rq.ctype == "multipart/form-data":
            parts = [{"name": p.name, "filename": p.filename, "content_type": p.ctype, "size": len(p.data), "sha256": hashlib.sha256(p.data).hexdigest(),
                      "value": p.data[:4096].decode("utf-8", "replace") if p.filename is None else None} for p in rq.parts()]
        if rq.ctype == "application/x-www-form-urlencoded" or parts:
            form = rq.form()
        if rq.body and rq.ctype == "application/json":
            j = rq.json()
        text = "" if parts else rq.body[:BODY_KEPT].decode("utf-8", "replace")
        dump = lambda x: json.dumps(x, ensure_ascii=False) if x is not None else None   # noqa: E731
        with self.st.tx():
            rid = self.st.run("INSERT INTO req(time,service,endpoint,method,path,query,headers,body,form,json,parts,status,us,fault,response) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                              self.st.clock.now(), rq.service, rq.endpoint, rq.method, rq.path, dump(rq.query), dump(rq.headers), text, dump(form), dump(j), dump(parts),
                              0 if resp.cut in ("before", "after") else resp.status, us, fault["id"] if fault else None,
                              resp.body[:8192].decode("utf-8", "replace") if resp.headers and "html" not in resp.headers[0][1] else "").lastrowid
            if rid % 2000 == 0:
                self.st.run("DELETE FROM req WHERE id<?", rid - KEEP_REQUESTS)


def parse_args(argv):
    a = argparse.ArgumentParser(prog="sandbox", description="Stands in for Facebook and Pipedrive. Loopback only.")
    a.add_argument("--port", type=int, required=True, help="0: any free port")
    a.add_argument("--db", help="state file (default: temporary)")
    a.add_argument("--product-url", help="address of the product, default http://127.0.0.1:8080")
    a.add_argument("--callback", help="webhook address of the product")
    a.add_argument("--verify-token", default="")
    a.add_argument("--reset", action="store_true", help="empty the state file first")
    a.add_argument("--seed", choices=seed.NAMES, default="small")
    a.add_argument("--clock-file", help="the product's test.clock_file: it then lives in the sandbox's time")
    a.add_argument("--quiet", action="store_true", help="no ready line details on stderr")
    for name in ("fb-app-id", "fb-app-secret", "pd-client-id", "pd-client-secret", "pd-jwt-secret", "deauthorize-url", "deletion-url"):
        a.add_argument("--" + name)
    return a.parse_args(argv)


def main(argv=None):
    args = parse_args(argv)
    try:
        sb = Sandbox(args)
    except (ValueError, OSError) as e:
        print("sandbox: %s" % e, file=sys.stderr)
        return 2
    try:
        server = Server(args.port, sb.handle)
    except OSError as e:
        print("sandbox: port %d: %s" % (args.port, e), file=sys.stderr)
        sb.st.close()
        return 2
    sb.port = server.port
    sb.base = "http://127.0.0.1:%d" % server.port

    def end(_sig, _frame):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    sb.hooks.start()
    print("sandbox ready on " + sb.base, flush=True)
    if not args.quiet:
        print("seed %s, product at %s, webhooks to %s" % (sb.st.cfg["seed"], sb.st.cfg["product_url"], sb.st.cfg["callback"] or "(not subscribed)"), file=sys.stderr, flush=True)
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    server.close()
    sb.hooks.stop()
    sb.st.close()
    return 0
