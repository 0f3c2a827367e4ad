#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Self-test of the sandbox: starts it on a free port with a small product of its own, and checks the contracts.

Purpose: whoever changes the sandbox learns in seconds whether it still keeps to the real services' contracts.
Run: /usr/bin/python3 tests/sandbox/selftest.py   (exit code 0 when all is well)
Ownership: one sandbox process and one receiver thread per run. Can fail: that is its purpose. No sleeping for
success: everything polls with a deadline.
"""
import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

HERE = os.path.dirname(os.path.realpath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
from sbx import facebook as FB  # noqa: E402
from sbx import fields, pictures, webhooks, wire  # noqa: E402
from sbx.errors import GraphError  # noqa: E402

APP, SECRET = "881240037712345", "3f1c9a7d5be24860a1d2c3b4e5f60718"
PAGE_A, PAGE_B, PAGE_C = "108422330517604", "110935571284066", "112233445566778"
LIISA, JAAN, CONV = "6804412339871205", "6804412339871206", "t_10162039412345678"
MARIA, MISAKI = "10229481123456789", "10229481987654321"
SCOPE = "pages_show_list,pages_messaging,pages_manage_metadata,pages_read_engagement,business_management"
V = "/v25.0/"


class Product:
    """Stands for the product: keeps webhooks, answers handshakes and callbacks, fails on demand."""

    def __init__(self):
        self.lock, self.hooks, self.calls, self.status, self.delay, self.run = threading.Lock(), [], [], 200, 0, 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                u = urllib.parse.urlsplit(self.path)
                q = dict(urllib.parse.parse_qsl(u.query))
                out, status = b"", 200
                if self.command == "GET" and "hub.challenge" in q:
                    out, status = (q["hub.challenge"].encode(), 200) if q.get("hub.verify_token") == "tok" else (b"", 403)
                elif u.path == "/hook":
                    run = outer.run
                    time.sleep(outer.delay)
                    with outer.lock:
                        status = outer.status
                        if run == outer.run:        # an answer nobody waits for any more is not counted
                            outer.hooks.append((body, dict(self.headers)))
                elif u.path == "/pic.png":
                    out = pictures.make("cake")
                else:
                    with outer.lock:
                        outer.calls.append((self.command, u.path, dict(self.headers), body))
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "image/png" if out[:4] == b"\x89PNG" else "text/plain")
                    self.send_header("Content-Length", str(len(out)))
                    self.end_headers()
                    self.wfile.write(out)
                except BrokenPipeError:
                    pass        # the sandbox gave up waiting, as told
            do_GET = do_POST = do_DELETE = _any

            def log_message(self, *a):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self):
        """All messaging/standby events received so far, in order: (page, kind, event)."""
        with self.lock:
            bodies = [json.loads(b) for b, _ in self.hooks]
        return [(e["id"], k, x) for b in bodies for e in b["entry"] for k in ("messaging", "standby", "changes") for x in e.get(k, [])]

    def clear(self):
        with self.lock:
            self.hooks, self.calls, self.status, self.delay = [], [], 200, 0
            self.run += 1


def request(method, path, body=None, headers=None, port=None):
    c = http.client.HTTPConnection("127.0.0.1", port or Base.port, timeout=20)
    try:
        c.request(method, path, body, headers or {})
        r = c.getresponse()
        data = r.read()
        return r.status, {k.lower(): v for k, v in r.getheaders()}, data
    finally:
        c.close()


def proof(token, secret=SECRET):
    return hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()


class Base(unittest.TestCase):
    port, proc, product = 0, None, None

    @classmethod
    def setUpClass(cls):
        if Base.proc is None:
            Base.product = Product()
            Base.proc = subprocess.Popen(["/usr/bin/python3", os.path.join(HERE, "sandbox"), "--port", "0", "--seed", "small", "--quiet", "--product-url", Base.product.url,
                                          "--callback", Base.product.url + "/hook", "--verify-token", "tok"], stdout=subprocess.PIPE, text=True)
            line = Base.proc.stdout.readline()
            Base.port = int(line.rsplit(":", 1)[1])

    def setUp(self):
        self.ctl("seed", name="small")
        self.product.clear()

    # helpers ------------------------------------------------------------------------------------

    def ctl(self, name, /, **body):
        s, _, data = request("POST", "/_control/" + name, json.dumps(body), {"Content-Type": "application/json"})
        out = json.loads(data)
        self.assertEqual(s, 200, out)
        return out

    def look(self, name, /, **query):
        s, _, data = request("GET", "/_control/%s?%s" % (name, urllib.parse.urlencode(query)))
        self.assertEqual(s, 200, data)
        return json.loads(data)

    def graph(self, method, path, token=None, body=None, status=200, with_proof=True, **query):
        headers = {}
        if token:
            headers["Authorization"] = "Bearer " + token
            if with_proof and "|" not in token:
                query.setdefault("appsecret_proof", proof(token))
        if body is not None:
            body = json.dumps(body)
            headers["Content-Type"] = "application/json"
        s, h, data = request(method, V + path + ("?" + urllib.parse.urlencode(query) if query else ""), body, headers)
        self.last_headers = h
        out = json.loads(data)
        self.assertEqual(s, status, out)
        return out

    def refused(self, code, sub, method, path, token=None, body=None, status=400, **query):
        e = self.graph(method, path, token, body, status, **query)["error"]
        self.assertEqual((e["code"], e.get("error_subcode")), (code, sub), e)
        self.assertTrue(e["fbtrace_id"])
        return e

    def page(self, pid=PAGE_A, user=MARIA, subscribe=True):
        return self.ctl("facebook/token", user=user, page=pid, subscribe=subscribe)["token"]

    def say(self, text="Hello", psid=LIISA, page=PAGE_A, **more):
        return self.ctl("customer/write", page=page, psid=psid, text=text, **more)

    def send(self, token, text="Yes", psid=LIISA, page=PAGE_A, **more):
        body = {"recipient": {"id": psid}, "messaging_type": "RESPONSE", "message": {"text": text}}
        status = more.pop("status", 200)
        body.update(more)
        return self.graph("POST", page + "/messages", token, body, status)

    def settle(self):
        r = self.ctl("wait", deadline_ms=5000)
        self.assertTrue(r["idle"], r)


class Vectors(unittest.TestCase):
    def test_signature_vector(self):
        obj = {"object": "page", "entry": [{"id": PAGE_A, "time": 1795341600123, "messaging": [{"sender": {"id": LIISA}, "recipient": {"id": PAGE_A}, "timestamp": 1795341599870,
                                                                                                  "message": {"mid": "m_TestVector01", "text": "Café 😀 50% a/b"}}]}]}
        body = webhooks.encode(obj)
        self.assertEqual(len(body), 268)
        s256, s1 = webhooks.signatures(SECRET, body)
        self.assertEqual(s256, "sha256=7467ebe54aa03b97b41849938ef4b215c0f3f89cba5f6a5e2bd1bb54ab07bb4e")
        self.assertEqual(s1, "sha1=498c92ee253465e44d654ffba66c08ebddc14636")

    def test_proof_vectors(self):
        self.assertEqual(FB.proof(SECRET, "EAATESTTOKEN123"), "af52de2ceece180476f29597d5eaa71eaa821e00aac49da4114828a43cdc83f8")
        self.assertEqual(FB.proof(SECRET, "EAATESTTOKEN123|1795341600"), "08835bb60e77dc776174a743436576f92268a7779fed903167699010ccc57c74")

    def test_signed_request_vector(self):
        class St:
            cfg = {"fb_app_secret": SECRET}
        text = FB.signed_request(St, {"user_id": MARIA, "algorithm": "HMAC-SHA256", "issued_at": 1795341600})
        self.assertEqual(text, "4lb0fye331zFVpwZtpt0o-1mlgbWqj8BvaXO264UFYs.eyJ1c2VyX2lkIjoiMTAyMjk0ODExMjM0NTY3ODkiLCJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsImlzc3VlZF9hdCI6MTc5NTM0MTYwMH0")

    def test_fields(self):
        fs = fields.parse("id,messages.limit(30){id,from{name}}")
        self.assertEqual((fs[1].name, fs[1].args, fs[1].sub[1].sub[0].name), ("messages", {"limit": "30"}, "name"))
        for bad in ("id,{", "id}", "a{b", "1x", "a,,b"):
            with self.assertRaises(GraphError):
                fields.parse(bad)

    def test_multipart(self):
        body = b"--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\r\n2\r\n--X\r\nContent-Disposition: form-data; name=\"f\"; filename=\"q\\\"1.pdf\"\r\nContent-Type: a/b\r\n\r\n\x00\r\n--X--\r\n"
        a, f = wire.parse_multipart('multipart/form-data; boundary="X"', body)
        self.assertEqual((a.data, f.filename, f.ctype, f.data), (b"1\r\n\r\n2", 'q"1.pdf', "a/b", b"\x00"))

    def test_pictures(self):
        for s in pictures.SAMPLES + ("sticker", "voice", "pdf", "video", "avatar:#334455", "logo:#334455"):
            pictures.describe(s)
            self.assertGreater(len(pictures.make(s)), 500)


class FacebookLogin(Base):
    def dialog(self, method="GET", form=None, **query):
        q = dict({"client_id": APP, "redirect_uri": self.product.url + "/facebook/callback", "state": "s1", "response_type": "code", "scope": SCOPE}, **query)
        body = urllib.parse.urlencode(form, True) if form else None
        return request(method, "/v25.0/dialog/oauth?" + urllib.parse.urlencode(q), body, {"Content-Type": "application/x-www-form-urlencoded"} if form else {})

    def code(self, **more):
        form = {"user": MARIA, "pages": [PAGE_A, PAGE_B], "perms": SCOPE.split(","), "action": "continue"}
        form.update(more)
        s, h, _ = self.dialog("POST", form)
        self.assertEqual(s, 302)
        q = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(h["location"]).query))
        self.assertEqual(q["state"], "s1")
        return q

    def exchange(self, code, status=200, **more):
        return self.graph("GET", "oauth/access_token", status=status, **dict({"client_id": APP, "client_secret": SECRET, "redirect_uri": self.product.url + "/facebook/callback", "code": code}, **more))

    def test_dialog_pages(self):
        s, h, data = self.dialog()
        self.assertEqual((s, h["content-type"][:9]), (200, "text/html"))
        self.assertIn("Maria Tamm", data.decode())
        s, _, data = self.dialog(user=MARIA)
        self.assertIn("Bramble Bikes", data.decode())
        for bad in ({"client_id": "1"}, {"redirect_uri": self.product.url + "/facebook/callback/"}, {"scope": "pages_all"}, {"config_id": "7"}, {"response_type": "token"}):
            s, h, _ = self.dialog(**bad)
            self.assertEqual((s, h.get("location")), (400, None), bad)

    def test_cancel(self):
        q = self.code(action="cancel")
        self.assertEqual(q, {"error": "access_denied", "error_code": "200", "error_description": "Permissions error", "error_reason": "user_denied", "state": "s1"})

    def test_exchange_and_refusals(self):
        code = self.code()["code"]
        self.assertEqual(self.exchange(code, 400, client_secret="no")["error"]["code"], 1)
        self.assertEqual(self.exchange(code, 400, client_id="1")["error"]["code"], 101)
        self.assertEqual(self.exchange(code, 400, redirect_uri=self.product.url + "/x")["error"]["error_subcode"], 36008)
        t = self.exchange(code)
        self.assertLess(t["expires_in"], 7200)
        self.assertEqual(self.exchange(code, 400)["error"]["error_subcode"], 36009)
        self.assertEqual(self.exchange("nonsense", 400)["error"]["error_subcode"], 36009)
        old = self.code()["code"]
        self.ctl("clock", advance=601_000)
        self.assertEqual(self.exchange(old, 400)["error"]["error_subcode"], 36007)
        long = self.graph("GET", "oauth/access_token", grant_type="fb_exchange_token", client_id=APP, client_secret=SECRET, fb_exchange_token=t["access_token"])
        self.assertGreater(long["expires_in"], 5_000_000)
        d = self.graph("GET", "debug_token", APP + "|" + SECRET, input_token=long["access_token"])["data"]
        self.assertTrue(d["is_valid"])
        self.assertEqual((d["type"], d["user_id"]), ("USER", MARIA))
        self.assertEqual([g for g in d["granular_scopes"] if g["scope"] == "pages_messaging"][0]["target_ids"], [PAGE_A, PAGE_B])
        # the short token dies, and the Page token read with it
        acc = self.graph("GET", "me/accounts", t["access_token"])["data"]
        self.ctl("clock", advance=5_400_000)
        self.refused(190, 463, "GET", "me", t["access_token"])
        self.refused(190, 463, "GET", "me", acc[0]["access_token"])
        long_acc = self.graph("GET", "me/accounts", long["access_token"])["data"]
        self.graph("GET", "me", long_acc[0]["access_token"], fields="id,name,is_published,messaging_feature_status")

    def test_declined_and_rerequest(self):
        self.code(perms=["pages_show_list", "pages_messaging"])
        t = self.exchange(self.code(perms=SCOPE.split(","))["code"])["access_token"]
        perms = {p["permission"]: p["status"] for p in self.graph("GET", "me/permissions", t)["data"]}
        self.assertEqual((perms["pages_messaging"], perms["business_management"]), ("granted", "declined"))
        s, h, _ = self.dialog("POST", {"user": MARIA, "pages": [PAGE_A], "perms": SCOPE.split(","), "action": "continue"}, auth_type="rerequest")
        perms = {p["permission"]: p["status"] for p in self.graph("GET", "me/permissions", t)["data"]}
        self.assertEqual(perms["business_management"], "granted")

    def test_fewer_pages_kill_the_other(self):
        self.page(PAGE_A)
        b = self.page(PAGE_B)
        self.code(pages=[PAGE_A])
        self.refused(190, None, "GET", "me", b)
        self.assertIsNone([p for p in self.look("pages")["pages"] if p["id"] == PAGE_B][0]["subscribed_fields"])

    def test_snapshot(self):
        token = self.page(PAGE_A)
        self.ctl("customer/write", page=PAGE_A, psid=LIISA, text="before")
        self.ctl("config", switches={"human_agent": True})
        self.ctl("snapshot", name="here")
        self.ctl("customer/write", page=PAGE_A, psid=LIISA, text="after")
        self.ctl("config", switches={"human_agent": False})
        self.ctl("token/kill", page=PAGE_A)
        self.ctl("faults", match={"endpoint": "fb.send"}, status=500)
        self.ctl("clock", advance=3600_000)
        self.refused(190, 460, "GET", "me", token)
        for _ in range(2):
            self.ctl("restore", name="here")
            self.assertEqual([m["text"] for m in self.look("state", psid=LIISA)["conversations"][0]["messages"]], ["before"])
            self.assertTrue(self.look("config")["switches"]["human_agent"])
            self.assertEqual(self.look("faults")["faults"], [])
            self.assertEqual(self.look("clock")["offset"], 0)
            self.assertEqual(self.graph("GET", "me", token)["id"], PAGE_A)
            self.ctl("customer/write", page=PAGE_A, psid=LIISA, text="again")
        with self.assertRaises(AssertionError):
            self.ctl("restore", name="nowhere")

    def test_paging_many(self):
        self.ctl("seed", name="many-pages", count=65)
        u = self.ctl("facebook/token", user=MARIA)["token"]
        seen, after, calls = [], None, 0
        while True:
            q = {"fields": "id,name,access_token,tasks,category,picture{url}", "limit": 25}
            if after:
                q["after"] = after
            r = self.graph("GET", "me/accounts", u, **q)
            calls += 1
            seen += r["data"]
            self.assertIn("cursors", r["paging"])
            if "next" not in r["paging"]:
                break
            self.assertIn("access_token=" + u, r["paging"]["next"])
            after = r["paging"]["cursors"]["after"]
        self.assertEqual((len(seen), calls), (65, 3))
        self.assertEqual(len({p["id"] for p in seen}), 65)
        self.assertTrue(any("access_token" not in p for p in seen))
        self.refused(100, None, "GET", "me/accounts", u, after="bogus")
        self.refused(100, None, "GET", "me/accounts", u, fields="id,nonsense")

    def test_proof_rules(self):
        t = self.page()
        e = self.graph("GET", "me", t, status=400, with_proof=False)["error"]
        self.assertIn("requires an appsecret_proof", e["message"])
        e = self.graph("GET", "me", t, status=400, appsecret_proof="0" * 64)["error"]
        self.assertIn("Invalid appsecret_proof", e["message"])
        self.ctl("config", switches={"require_proof": False})
        self.graph("GET", "me", t, with_proof=False)
        self.graph("GET", "me", t, status=400, appsecret_proof="0" * 64)
        now = self.look("clock")["now"] // 1000
        good = proof("%s|%d" % (t, now))
        self.graph("GET", "me", t, appsecret_proof=good, appsecret_time=now)
        self.graph("GET", "me", t, status=400, appsecret_proof=proof("%s|%d" % (t, now - 400)), appsecret_time=now - 400)

    def test_tokens_missing_and_dead(self):
        self.refused(104, None, "GET", PAGE_A)
        self.refused(2500, None, "GET", "me")
        self.refused(190, None, "GET", "me", "EAAnonsense")
        self.assertIn("invalid_token", self.last_headers["www-authenticate"])
        self.refused(190, None, "GET", APP + "/subscriptions", APP + "|wrong")
        for sub in (458, 459, 460, 464, 467, 490, 492):
            t = self.page()
            self.ctl("token/kill", page=PAGE_A, subcode=sub)
            self.refused(190, sub, "GET", "me", t)
            d = self.graph("GET", "debug_token", APP + "|" + SECRET, input_token=t)["data"]
            self.assertEqual((d["is_valid"], d["error"]["subcode"]), (False, sub))
        self.ctl("token/kill", page=PAGE_A, revive=True)
        self.graph("GET", "me", t)
        self.ctl("role", user=MARIA, page=PAGE_A, tasks=["ANALYZE"])
        self.refused(190, 492, "GET", "me", t)

    def test_versions(self):
        t = self.page()
        for path, want in (("/v19.0/me", "v21.0"), ("/me", "v21.0"), ("/v26.0/me", "v26.0")):
            s, h, _ = request("GET", path + "?appsecret_proof=" + proof(t), None, {"Authorization": "Bearer " + t})
            self.assertEqual((s, h["facebook-api-version"]), (200, want))
        s, _, data = request("GET", "/v99.0/me", None, {})
        self.assertEqual((s, json.loads(data)["error"]["code"]), (400, 2500))

    def test_subscriptions(self):
        t = self.page(subscribe=False)
        self.assertEqual(self.graph("GET", PAGE_A + "/subscribed_apps", t), {"data": []})
        self.refused(100, None, "POST", PAGE_A + "/subscribed_apps", t, {"subscribed_fields": "messages,message_reaction"})
        self.assertEqual(self.graph("GET", PAGE_A + "/subscribed_apps", t), {"data": []})
        self.assertEqual(self.graph("POST", PAGE_A + "/subscribed_apps", t, {"subscribed_fields": "messages,message_echoes"}), {"success": True})
        d = self.graph("GET", PAGE_A + "/subscribed_apps", t)["data"]
        self.assertEqual((d[0]["id"], d[0]["subscribed_fields"]), (APP, ["messages", "message_echoes"]))
        u = self.ctl("facebook/token", user=MARIA)["token"]
        self.refused(210, None, "POST", PAGE_A + "/subscribed_apps", u, {"subscribed_fields": "messages"}, 403)
        self.refused(100, 33, "POST", PAGE_B + "/subscribed_apps", t, {"subscribed_fields": "messages"})
        self.ctl("permission", user=MARIA, permission="pages_manage_metadata", status="declined")
        self.refused(200, None, "POST", PAGE_A + "/subscribed_apps", t, {"subscribed_fields": "messages"}, 403)
        self.assertEqual(self.graph("DELETE", PAGE_A + "/subscribed_apps", t), {"success": True})
        app = APP + "|" + SECRET
        cb = self.product.url + "/hook"
        self.refused(2200, None, "POST", APP + "/subscriptions", app, {"object": "page", "callback_url": cb, "verify_token": "bad", "fields": "messages"})
        self.graph("POST", APP + "/subscriptions", app, {"object": "page", "callback_url": cb, "verify_token": "tok", "fields": "messages"})
        self.assertEqual(self.graph("GET", APP + "/subscriptions", app)["data"][0]["fields"], [{"name": "messages", "version": "v25.0"}])
        self.ctl("config", fields=[])
        self.ctl("config", callback=cb)

    def test_delete_permissions(self):
        t = self.page()
        u = self.ctl("facebook/token", user=MARIA)["token"]
        self.assertEqual(self.graph("DELETE", MARIA + "/permissions", u), {"success": True})
        self.refused(190, 458, "GET", "me", t)

    def test_callbacks(self):
        r = self.ctl("app/remove", user=MARIA)
        self.assertEqual(r["status"], 200)
        m, path, _, body = self.product.calls[-1]
        text = dict(urllib.parse.parse_qsl(body.decode()))["signed_request"]
        sig, _, payload = text.partition(".")
        self.assertEqual((m, path), ("POST", "/facebook/deauthorize"))
        want = base64.urlsafe_b64encode(hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).digest()).decode().rstrip("=")
        self.assertEqual(sig, want)
        self.assertEqual(json.loads(base64.urlsafe_b64decode(payload + "=="))["user_id"], MARIA)

    def test_development_mode(self):
        self.ctl("config", switches={"app_live": False})
        _, _, data = self.dialog(user=MISAKI)
        self.assertIn("currently unavailable", data.decode())
        t = self.page()
        self.say()
        self.settle()
        self.assertEqual(self.product.events(), [])
        self.refused(200, 2018028, "POST", PAGE_A + "/messages", t, {"recipient": {"id": LIISA}, "messaging_type": "RESPONSE", "message": {"text": "x"}}, 403)


class Messaging(Base):
    def test_customer_writes(self):
        self.page()
        r = self.say("Grüße 😀 a/b <50%>")
        self.settle()
        (body, headers), = self.product.hooks
        self.assertTrue(body.isascii())
        self.assertIn(b"a\\/b \\u003C50\\u0025>", body)
        self.assertEqual(headers["X-Hub-Signature-256"], webhooks.signatures(SECRET, body)[0])
        (page, kind, ev), = self.product.events()
        self.assertEqual((page, kind, ev["sender"]["id"], ev["message"]), (PAGE_A, "messaging", LIISA, {"mid": r["mid"], "text": "Grüße 😀 a/b <50%>"}))
        self.assertEqual(ev["timestamp"], r["timestamp"])

    def test_send_and_echo(self):
        t = self.page()
        self.say()
        self.settle()
        self.product.clear()
        r = self.send(t, "Two left", message={"text": "Two left", "metadata": "pd:out:1"})
        self.assertEqual(r["recipient_id"], LIISA)
        self.settle()
        evs = [e for _, _, e in self.product.events()]
        echo = evs[0]
        self.assertEqual(echo["message"], {"mid": r["message_id"], "is_echo": True, "app_id": int(APP), "metadata": "pd:out:1", "text": "Two left"})
        self.assertEqual((echo["sender"]["id"], echo["recipient"]["id"]), (PAGE_A, LIISA))
        self.assertEqual(evs[1]["delivery"], {"mids": [r["message_id"]], "watermark": echo["timestamp"]})
        (c,) = self.look("state", page=PAGE_A, psid=LIISA)["conversations"]
        self.assertEqual([m["direction"] for m in c["messages"]], ["in", "out"])
        m = self.graph("GET", r["message_id"], t, fields="id,created_time,from,to,message")
        self.assertRegex(m["created_time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000$")
        self.assertEqual((m["message"], m["from"]["id"], m["to"]["data"][0]["name"]), ("Two left", PAGE_A, "Liisa Virtanen"))
        self.assertNotIn("metadata", m)

    def test_echo_first(self):
        t = self.page()
        self.say()
        self.ctl("config", switches={"echo_first": True})
        self.product.delay = 0.2
        self.send(t)
        self.assertTrue([e for _, _, e in self.product.events() if e.get("message", {}).get("is_echo")])

    def test_send_refusals(self):
        t = self.page()
        self.say()
        post = PAGE_A + "/messages"
        ok = {"recipient": {"id": LIISA}, "messaging_type": "RESPONSE", "message": {"text": "x"}}
        for change, code, sub in (
                ({"recipient": {"id": "6911223344556601"}}, 100, 2018001), ({"recipient": {}}, 100, None), ({"recipient": "x"}, 100, None), ({"messaging_type": None}, 100, None),
                ({"messaging_type": "REPLY"}, 100, None), ({"message": {"text": ""}}, 100, None), ({"message": {"text": " \n"}}, 100, None), ({"message": {"text": "x" * 2001}}, 100, None),
                ({"message": {"text": "😀" * 1001}}, 100, None), ({"message": {}}, 100, None), ({"message": {"text": "a", "attachment": {"type": "image", "payload": {"url": "x"}}}}, 100, None),
                ({"message": {"text": "a", "metadata": "m" * 1001}}, 100, None), ({"tag": "HUMAN_AGENT"}, 100, None),
                ({"messaging_type": "MESSAGE_TAG", "tag": "ACCOUNT_UPDATE"}, 100, 1893061), ({"messaging_type": "MESSAGE_TAG", "tag": "OTHER"}, 100, None),
                ({"message": {"text": "a", "quick_replies": [{"content_type": "text", "title": "x" * 21, "payload": "p"}]}}, 100, None),
                ({"message": {"attachment": {"type": "image", "payload": {"attachment_id": "99"}}}}, 100, 2018074),
                ({"message": {"attachment": {"type": "image", "payload": {"url": "http://127.0.0.1:1/x.png"}}}}, 100, 2018008),
                ({"reply_to": {"mid": "m_none"}}, 100, None)):
            body = {k: v for k, v in dict(ok, **change).items() if v is not None}
            self.refused(code, sub, "POST", post, t, body)
        self.send(t, "x" * 2000)
        self.send(t, "😀" * 1000)
        self.refused(10, None, "POST", post, t, dict(ok, messaging_type="MESSAGE_TAG", tag="HUMAN_AGENT"), 403)
        u = self.ctl("facebook/token", user=MARIA)["token"]
        self.refused(210, None, "POST", post, u, ok, 403)
        b = self.page(PAGE_B)
        self.refused(100, 33, "POST", post, b, ok)
        self.refused(100, 2018001, "POST", "me/messages", b, ok)
        self.ctl("customer/update", page=PAGE_A, psid=LIISA, blocked=True)
        self.refused(551, 1545041, "POST", post, t, ok)
        self.ctl("customer/update", page=PAGE_A, psid=LIISA, blocked=False)
        self.ctl("page/update", page=PAGE_A, state="restricted")
        self.refused(10, 1893063, "POST", post, t, ok, 403)
        self.ctl("page/update", page=PAGE_A, state="blocked368")
        self.refused(368, None, "POST", post, t, ok, 403)
        self.assertEqual(len([m for m in self.look("state", page=PAGE_A, psid=LIISA)["conversations"][0]["messages"] if m["direction"] == "out"]), 2)

    def test_window(self):
        t = self.page()
        start = 1_800_000_000_000
        self.ctl("clock", fixed=start)
        ok = {"recipient": {"id": LIISA}, "messaging_type": "RESPONSE", "message": {"text": "x"}}
        tag = dict(ok, messaging_type="MESSAGE_TAG", tag="HUMAN_AGENT")
        post, hour = PAGE_A + "/messages", 3_600_000
        self.refused(10, 2018278, "POST", post, t, ok)      # never wrote
        self.say()
        self.ctl("clock", fixed=start + 24 * hour - 1000)
        self.graph("POST", post, t, ok)
        self.ctl("clock", fixed=start + 24 * hour + 1000)
        self.refused(10, 2018278, "POST", post, t, ok)
        self.refused(10, 2018278, "POST", post, t, {"recipient": {"id": LIISA}, "sender_action": "mark_seen"})
        self.refused(10, None, "POST", post, t, tag, 403)
        self.ctl("config", switches={"human_agent": True})
        self.graph("POST", post, t, tag)
        self.ctl("clock", fixed=start + 7 * 24 * hour + 1000)
        self.refused(10, 2018278, "POST", post, t, tag)
        mid = self.look("state", page=PAGE_A, psid=LIISA)["conversations"][0]["messages"][-1]["mid"]
        self.ctl("customer/react", page=PAGE_A, psid=LIISA, mid=mid)    # a reaction opens it again
        self.graph("POST", post, t, ok)

    def test_window_after_an_ad(self):
        t = self.page()
        start, hour = 1_800_000_000_000, 3_600_000
        ok = {"recipient": {"id": LIISA}, "messaging_type": "RESPONSE", "message": {"text": "x"}}
        post, ad = PAGE_A + "/messages", {"ref": "x", "source": "ADS", "type": "OPEN_THREAD", "ad_id": "6045246247433"}
        self.ctl("clock", fixed=start)
        self.ctl("customer/referral", page=PAGE_A, psid=LIISA, referral=ad)
        self.refused(10, 2018278, "POST", post, t, ok)      # a click is no message
        self.ctl("clock", fixed=start + hour)
        self.say()
        self.ctl("clock", fixed=start + 49 * hour)
        self.graph("POST", post, t, ok)
        self.ctl("config", switches={"ad_window": False})   # the policy says "may"
        self.refused(10, 2018278, "POST", post, t, ok)
        self.ctl("config", switches={"ad_window": True})
        self.say("later")                                    # does not prolong what the ad gave
        self.ctl("clock", fixed=start + 169 * hour)
        self.graph("POST", post, t, ok)
        self.ctl("clock", fixed=start + 169 * hour + 1000)
        self.refused(10, 2018278, "POST", post, t, ok)
        # An ad in the message itself; a link is no ad, a lead form neither.
        for referral, long in ((ad, True), ({"source": "SHORTLINK", "type": "OPEN_THREAD"}, False), ({"source": "ADS", "type": "LEAD_COMPLETE"}, False)):
            psid = self.ctl("customer/new", page=PAGE_A, name="Ad %s" % long)["psid"]
            self.ctl("customer/write", page=PAGE_A, psid=psid, text="hi", message={"referral": referral})
            at = start + 169 * hour + 1000
            self.ctl("clock", fixed=at + 25 * hour)
            body = dict(ok, recipient={"id": psid})
            if long:
                self.graph("POST", post, t, body)
            else:
                self.refused(10, 2018278, "POST", post, t, body)
            self.ctl("clock", fixed=at)

    def test_other_app(self):
        t = self.page()
        self.say()
        self.ctl("thread/control", page=PAGE_A, psid=LIISA, owner="442200119988776")
        self.settle()
        self.product.clear()
        self.say("Still there?")
        self.ctl("page/write", page=PAGE_A, psid=LIISA, text="Bot here", app_id="442200119988776")
        self.ctl("customer/postback", page=PAGE_A, psid=LIISA, title="Go", payload="GO")
        self.settle()
        evs = self.product.events()
        self.assertEqual({k for _, k, _ in evs}, {"standby"})
        self.assertNotIn("payload", [e for _, _, e in evs if "postback" in e][0]["postback"])
        self.refused(10, 2018300, "POST", PAGE_A + "/messages", t, {"recipient": {"id": LIISA}, "messaging_type": "RESPONSE", "message": {"text": "x"}}, 403)
        o = self.graph("GET", PAGE_A + "/thread_owner", t, recipient=LIISA)
        self.assertEqual(o["data"][0]["thread_owner"]["app_id"], "442200119988776")
        rec = {"recipient": {"id": LIISA}}
        self.refused(10, None, "POST", PAGE_A + "/take_thread_control", t, rec, 403)
        self.ctl("thread/control", page=PAGE_A, default_app=APP)
        self.assertEqual(self.graph("POST", PAGE_A + "/take_thread_control", t, rec), {"success": True})
        self.send(t)
        self.graph("POST", PAGE_A + "/pass_thread_control", t, dict(rec, target_app_id="26390203743090"))
        self.refused(100, 2534037, "POST", PAGE_A + "/release_thread_control", t, rec)

    def test_page_inbox_and_events(self):
        self.page()
        m = self.say()["mid"]
        out = self.ctl("page/write", page=PAGE_A, psid=LIISA, text="From the app")["mid"]
        self.ctl("customer/react", page=PAGE_A, psid=LIISA, mid=out, reaction="love", emoji="❤️")
        self.ctl("customer/edit", mid=m, text="Hello again")
        self.ctl("customer/unsend", mid=m)
        self.ctl("customer/read", page=PAGE_A, psid=LIISA)
        self.settle()
        evs = [e for _, _, e in self.product.events()]
        kinds = [next(k for k in e if k not in ("sender", "recipient", "timestamp")) for e in evs]
        self.assertEqual(kinds, ["message", "message", "delivery", "reaction", "message_edit", "message", "read"])
        self.assertEqual(evs[1]["message"]["app_id"], 26390203743090)
        self.assertEqual(evs[4]["message_edit"], {"mid": m, "text": "Hello again", "num_edit": 1})
        self.assertTrue(evs[5]["message"]["is_deleted"])

    def test_attachments(self):
        t = self.page()
        r = self.ctl("customer/write", page=PAGE_A, psid=LIISA, attachments=[{"type": "image", "picture": "bicycle"}, {"type": "file"}, {"type": "audio"}, {"type": "weird", "payload": None}])
        self.settle()
        atts = self.product.events()[0][2]["message"]["attachments"]
        self.assertEqual([a["type"] for a in atts], ["image", "file", "audio", "weird"])
        url = atts[0]["payload"]["url"]
        path = url[url.index("/media"):]
        s, h, data = request("GET", path)
        self.assertEqual((s, h["content-type"], data[:4]), (200, "image/png", b"\x89PNG"))
        self.assertEqual(request("GET", path.replace("oe=", "oe=1"))[0], 403)
        self.ctl("clock", advance=86_401_000)
        s, _, data = request("GET", path)
        self.assertEqual((s, data), (403, b"URL signature expired"))
        fresh = self.graph("GET", r["mid"] + "/attachments", t, fields="id,mime_type,name,size,image_data,file_url")["data"]
        self.assertEqual(request("GET", fresh[0]["image_data"]["url"].split(str(self.port))[1])[0], 200)
        self.assertEqual(fresh[1]["mime_type"], "application/pdf")

    def multipart(self, fields_, filename, ctype, data):
        out = b""
        for k, v in fields_.items():
            out += ("--BB\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n" % (k, v)).encode()
        out += ("--BB\r\nContent-Disposition: form-data; name=\"filedata\"; filename=\"%s\"\r\nContent-Type: %s\r\n\r\n" % (filename, ctype)).encode() + data + b"\r\n--BB--\r\n"
        return out

    def upload(self, t, kind, filename, ctype, data, edge="messages", reusable=False):
        msg = json.dumps({"attachment": {"type": kind, "payload": {"is_reusable": reusable}}, "metadata": "m1"})
        body = self.multipart({"recipient": json.dumps({"id": LIISA}), "messaging_type": "RESPONSE", "message": msg, "appsecret_proof": proof(t)}, filename, ctype, data)
        s, _, out = request("POST", V + PAGE_A + "/" + edge, body, {"Authorization": "Bearer " + t, "Content-Type": "multipart/form-data; boundary=BB"})
        return s, json.loads(out)

    def test_uploads(self):
        t = self.page()
        self.say()
        self.settle()
        self.product.clear()
        s, r = self.upload(t, "image", "cake.png", "image/png", pictures.make("cake"))
        self.assertEqual((s, r["recipient_id"]), (200, LIISA))
        self.settle()
        e = self.product.events()[0][2]["message"]
        self.assertEqual((e["metadata"], e["attachments"][0]["type"]), ("m1", "image"))
        url = e["attachments"][0]["payload"]["url"]
        self.assertEqual(request("GET", url.split(str(self.port))[1])[2], pictures.make("cake"))
        self.assertEqual(self.upload(t, "image", "x.png", "image/png", b"\x89PNG" + bytes(8 * 1024 * 1024))[1]["error"]["error_subcode"], 2018109)
        self.assertEqual(self.upload(t, "image", "x.pdf", "application/pdf", b"%PDF-1.4")[1]["error"]["error_subcode"], 2018047)
        s, r = self.upload(t, "file", "quote 12.pdf", "application/pdf", pictures.make("pdf"), "message_attachments", True)
        self.assertEqual(s, 200, r)
        self.graph("POST", PAGE_A + "/messages", t, {"recipient": {"id": LIISA}, "messaging_type": "RESPONSE", "message": {"attachment": {"type": "file", "payload": {"attachment_id": r["attachment_id"]}}}})
        r = self.graph("POST", PAGE_A + "/messages", t, {"recipient": {"id": LIISA}, "messaging_type": "RESPONSE",
                                                        "message": {"attachment": {"type": "image", "payload": {"url": self.product.url + "/pic.png", "is_reusable": True}}}})
        self.assertIn("attachment_id", r)
        form = urllib.parse.urlencode({"recipient": json.dumps({"id": LIISA}), "messaging_type": "RESPONSE", "message": json.dumps({"text": "form"}), "access_token": t, "appsecret_proof": proof(t)})
        s, _, _ = request("POST", V + "me/messages", form, {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(s, 200)

    def test_history(self):
        t = self.page()
        self.ctl("config", switches={"enforce_rate": False})
        mids = self.ctl("customer/history", page=PAGE_A, psid=LIISA, count=95)["mids"]
        self.say("Newest", JAAN)
        r = self.graph("GET", PAGE_A + "/conversations", t, platform="messenger", limit=1, fields="id,updated_time,message_count,unread_count,can_reply,snippet,link,participants,senders")
        self.assertEqual((r["data"][0]["snippet"], r["data"][0]["unread_count"]), ("Newest", 1))
        r2 = self.graph("GET", PAGE_A + "/conversations", t, limit=1, after=r["paging"]["cursors"]["after"], fields="id,message_count,participants")
        self.assertEqual((r2["data"][0]["id"], r2["data"][0]["message_count"]), (CONV, 95))
        self.assertNotIn("next", r2["paging"])
        self.assertEqual([c["id"] for c in self.graph("GET", PAGE_A + "/conversations", t, user_id=LIISA)["data"]], [CONV])
        got, after, calls = [], None, 0
        while True:
            q = {"limit": 30, "fields": "id,created_time,from,message,attachments{id,mime_type}"}
            if after:
                q["after"] = after
            r = self.graph("GET", CONV + "/messages", t, **q)
            got += [m["id"] for m in r["data"]]
            calls += 1
            if "next" not in r["paging"]:
                break
            after = r["paging"]["cursors"]["after"]
        self.assertEqual((got, calls), (mids[::-1], 4))
        nested = self.graph("GET", CONV, t, fields="messages.limit(3){id,message}")
        self.assertEqual(len(nested["messages"]["data"]), 3)
        self.refused(1, None, "GET", CONV + "/messages", t, status=500, limit=500)
        self.ctl("config", switches={"history_depth": 20})
        self.refused(9000001, None, "GET", CONV + "/messages", t, limit=30, fields="id,message,attachments")
        self.graph("GET", CONV + "/messages", t, limit=30, fields="id,created_time,from,message")

    def test_rate(self):
        t = self.page()
        self.say()
        codes = []
        for _ in range(5):
            s, _, data = request("GET", V + PAGE_A + "/conversations?appsecret_proof=" + proof(t), None, {"Authorization": "Bearer " + t})
            codes.append(s if s == 200 else json.loads(data)["error"]["code"])
        self.assertEqual(codes[:2] + codes[2:3], [200, 200, 80006])
        r = self.look("rates")["pages"][PAGE_A]
        self.assertEqual((r["calls"], r["refused"]), (5, codes.count(80006)))
        self.assertGreaterEqual(r["max_per_second"], 3)

    def test_profiles(self):
        t = self.page()
        p = self.graph("GET", LIISA, t, fields="id,first_name,last_name,name,profile_pic")
        self.assertEqual((p["name"], p["first_name"]), ("Liisa Virtanen", "Liisa"))
        self.assertIn("ext=", p["profile_pic"])
        self.refused(230, None, "GET", LIISA, t, status=403, fields="id,name,locale")
        self.refused(100, 33, "GET", "6911223344556601", t, fields="id,name")
        self.ctl("customer/update", page=PAGE_A, psid=LIISA, no_name=True)
        self.assertEqual(self.graph("GET", LIISA, t, fields="id,name"), {"id": LIISA})
        for err, code, sub in ((2018218, 100, 2018218), (2018247, 100, 2018247), (33, 100, 33)):
            self.ctl("customer/update", page=PAGE_A, psid=LIISA, profile_error=err)
            self.refused(code, sub, "GET", LIISA, t, fields="id,name")


class Delivery(Base):
    def test_nobody_subscribed(self):
        self.say()
        self.settle()
        self.assertEqual(self.product.hooks, [])

    def test_duplicates_and_drop(self):
        self.page()
        self.ctl("deliver", duplicates=2, parallel=True)
        self.say()
        self.settle()
        self.assertEqual(len(self.product.hooks), 3)
        self.assertEqual(len({b for b, _ in self.product.hooks}), 1)
        self.ctl("deliver", duplicates=0, drop=1)
        self.product.clear()
        self.say("lost")
        self.say("kept")
        self.settle()
        self.assertEqual([e["message"]["text"] for _, _, e in self.product.events()], ["kept"])

    def test_hold_reverse_batch(self):
        self.page()
        self.ctl("deliver", hold=True)
        for i in range(3):
            self.say("n%d" % i)
        self.assertEqual(self.ctl("wait", deadline_ms=300)["held"], 3)
        self.assertEqual(self.ctl("flush", order="reverse")["released"], 3)
        self.settle()
        self.assertEqual([e["message"]["text"] for _, _, e in self.product.events()], ["n2", "n1", "n0"])
        self.ctl("deliver", hold=False, batch=10)
        self.product.clear()
        self.page(PAGE_B)
        self.say("a")
        self.say("b", "6911223344556602", PAGE_B)
        self.settle()
        self.assertEqual(len(self.product.hooks), 1)
        self.assertEqual({p for p, _, _ in self.product.events()}, {PAGE_A, PAGE_B})

    def test_reorder(self):
        self.page()
        self.ctl("deliver", reorder=True)
        for i in range(3):
            self.say("n%d" % i)
        self.settle()
        self.assertEqual([e["message"]["text"] for _, _, e in self.product.events()], ["n2", "n1", "n0"])

    def test_retry_and_disable(self):
        t = self.page()
        self.product.status = 500
        self.say()
        self.settle()
        self.assertEqual(len(self.product.hooks), 2)        # at once and again at once
        self.ctl("clock", advance=16_000)
        self.settle()
        self.assertEqual(len(self.product.hooks), 3)
        self.ctl("clock", advance=3_700_000)
        self.settle()
        self.assertEqual(self.graph("GET", PAGE_A + "/subscribed_apps", t), {"data": []})
        self.product.status = 200
        n = len(self.product.hooks)
        self.say("unheard")
        self.settle()
        self.assertEqual(len(self.product.hooks), n)

    def test_retry_succeeds(self):
        self.page()
        self.product.status = 503
        self.say()
        self.settle()
        self.product.status = 200
        self.ctl("flush")
        self.settle()
        post = self.look("webhooks")["posts"][-1]
        self.assertEqual((post["state"], post["attempts"][-1]["status"]), ("sent", 200))

    def test_timeout(self):
        self.page()
        self.ctl("config", switches={"webhook_timeout_ms": 200})
        self.product.delay = 0.5
        self.say()
        self.settle()
        post = self.look("webhooks")["posts"][-1]
        self.assertEqual(post["state"], "retry")
        self.product.delay = 0

    def test_raw_events(self):
        self.page()
        self.ctl("event", page=PAGE_A, kind="changes", event={"field": "name", "value": "New"})
        self.ctl("event", body='{"object":"page"', signature="sha256=00")
        self.ctl("event", entries=[{"id": "999", "time": 1}], signature=None)
        self.settle()
        with self.product.lock:
            by = {b: h for b, h in self.product.hooks}
        self.assertEqual(by[b'{"object":"page"']["X-Hub-Signature-256"], "sha256=00")
        self.assertNotIn("X-Hub-Signature-256", by[b'{"object":"page","entry":[{"id":"999","time":1}]}'])

    def test_away(self):
        t = self.page()
        self.ctl("config", switches={"away": True})
        s, h, _ = request("GET", V + "me", None, {"Authorization": "Bearer " + t})
        self.assertEqual((s, h["content-type"][:9]), (503, "text/html"))
        self.say()
        self.assertFalse(self.ctl("wait", deadline_ms=200)["idle"])
        self.ctl("config", switches={"away": False})
        self.settle()
        self.assertEqual(len(self.product.events()), 1)


class FaultTests(Base):
    def raw(self, t, text):
        """One send over a raw socket -> received bytes."""
        body = json.dumps({"recipient": {"id": LIISA}, "messaging_type": "RESPONSE", "message": {"text": text}, "appsecret_proof": proof(t)}).encode()
        s = socket.create_connection(("127.0.0.1", self.port), 10)
        s.sendall(b"POST /v25.0/me/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + t.encode() + b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        out = b""
        try:
            while True:
                chunk = s.recv(65536)
                if not chunk:
                    break
                out += chunk
                if b"\r\n\r\n" in out and b'message_id' in out and out.rstrip().endswith(b"}"):
                    break
        except OSError:
            pass
        s.close()
        return out

    def arrived(self):
        return [m["text"] for m in self.look("state", page=PAGE_A, psid=LIISA)["conversations"][0]["messages"] if m["direction"] == "out"]

    def test_cuts(self):
        t = self.page()
        self.say()
        self.ctl("faults", match={"endpoint": "fb.send"}, cut="before")
        self.assertEqual(self.raw(t, "one"), b"")
        self.assertEqual(self.arrived(), [])
        self.ctl("faults", match={"endpoint": "fb.send"}, cut="after")
        self.assertEqual(self.raw(t, "two"), b"")
        self.assertEqual(self.arrived(), ["two"])
        self.ctl("faults", match={"endpoint": "fb.send"}, cut="during")
        got = self.raw(t, "three")
        self.assertTrue(got.startswith(b"HTTP/1.1 200") and not got.endswith(b"}"), got)
        self.assertEqual(self.arrived(), ["two", "three"])
        self.assertIn(b"message_id", self.raw(t, "four"))
        log = self.look("requests", endpoint="fb.send")["requests"]
        self.assertEqual([r["status"] for r in log], [0, 0, 200, 200])
        self.assertEqual(log[0]["json"]["message"]["text"], "one")

    def test_answers(self):
        t = self.page()
        self.say()
        self.ctl("faults", match={"endpoint": "fb.send"}, status=500, body={"error": {"code": 1, "message": "x"}})
        self.assertEqual(self.send(t, status=500)["error"]["code"], 1)
        self.assertEqual(self.arrived(), [])
        self.ctl("faults", match={"endpoint": "fb.send"}, status=500, body={"error": {"code": 2}}, work=True)
        self.send(t, "done", status=500)
        self.assertEqual(self.arrived(), ["done"])
        self.ctl("faults", match={"path": "/me\\?"}, status=502, body="<html>gateway</html>", times=0)
        s, h, _ = request("GET", V + "me?x=1", None, {"Authorization": "Bearer " + t})
        self.assertEqual((s, h["content-type"][:9]), (502, "text/html"))
        self.ctl("faults/clear")
        self.ctl("faults", match={"endpoint": "fb.node"}, delay_ms=150)
        t0 = time.monotonic()
        self.graph("GET", "me", t)
        self.assertGreaterEqual(time.monotonic() - t0, 0.14)

    def test_control_mistakes(self):
        for name, body in (("faults", {"cut": "x"}), ("faults", {"nope": 1}), ("customer/write", {"page": PAGE_A, "psid": "1"}), ("config", {"switches": {"x": 1}}), ("nothing", {}), ("clock", {})):
            s, _, data = request("POST", "/_control/" + name, json.dumps(body))
            self.assertEqual((s, json.loads(data)["ok"]), (400, False), name)


class Pipedrive(Base):
    def basic(self, cid="5f3c9a1b2c3d4e5f", secret="sandbox-pipedrive-secret"):
        return {"Authorization": "Basic " + base64.b64encode(("%s:%s" % (cid, secret)).encode()).decode(), "Content-Type": "application/x-www-form-urlencoded"}

    def token(self, status=200, headers=None, **form):
        s, _, data = request("POST", "/oauth/token", urllib.parse.urlencode(form), headers or self.basic())
        out = json.loads(data)
        self.assertEqual(s, status, out)
        return out

    def api(self, method, path, token, body=None, status=200):
        headers = {"Authorization": "Bearer " + token}
        if body is not None:
            headers["Content-Type"] = "application/json"
        s, h, data = request(method, path, json.dumps(body) if body is not None else None, headers)
        out = json.loads(data)
        self.last_headers = h
        self.assertEqual(s, status, out)
        return out

    def installed(self, company=9000123, user=10483244):
        return self.ctl("pipedrive/token", company=company, user=user)

    def authorize(self, action="allow", **query):
        q = dict({"client_id": "5f3c9a1b2c3d4e5f", "redirect_uri": self.product.url + "/pipedrive/callback", "state": "zz"}, **query)
        return request("POST", "/oauth/authorize?" + urllib.parse.urlencode(q), urllib.parse.urlencode({"company": 9000123, "user": 10483244, "action": action}), {"Content-Type": "application/x-www-form-urlencoded"})

    def test_oauth(self):
        s, _, data = request("GET", "/oauth/authorize?" + urllib.parse.urlencode({"client_id": "5f3c9a1b2c3d4e5f", "redirect_uri": self.product.url + "/pipedrive/callback"}))
        self.assertIn("Maria Tamm", data.decode())
        s, h, _ = self.authorize("cancel")
        self.assertEqual((s, h["location"]), (302, self.product.url + "/pipedrive/callback?error=user_denied&state=zz"))
        self.assertEqual(self.authorize(redirect_uri="http://127.0.0.1/x")[0], 400)
        _, h, _ = self.authorize()
        q = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(h["location"]).query))
        self.assertEqual(q["state"], "zz")
        grant = {"grant_type": "authorization_code", "code": q["code"], "redirect_uri": self.product.url + "/pipedrive/callback"}
        for change, headers, text in (({}, self.basic(secret="no"), "client is invalid"), ({}, {"Content-Type": "application/x-www-form-urlencoded"}, "cannot retrieve client"),
                                      ({"grant_type": ""}, None, "grant_type"), ({"grant_type": "password"}, None, "Unsupported grant type"), ({"redirect_uri": "x"}, None, "not a valid URI"),
                                      ({"redirect_uri": self.product.url + "/y"}, None, "`redirect_uri` is invalid"), ({"code": "no"}, None, "`authorization_code` is invalid")):
            self.assertIn(text, self.token(400, headers, **dict(grant, **change))["error_description"])
        s, _, data = request("POST", "/oauth/token", "{}", dict(self.basic(), **{"Content-Type": "application/json"}))
        self.assertIn("form-urlencoded", json.loads(data)["message"])
        t = self.token(**grant)
        self.assertEqual((t["token_type"], t["expires_in"], t["api_domain"]), ("Bearer", 3599, "http://127.0.0.1:%d" % self.port))
        self.token(400, **grant)
        me = self.api("GET", "/api/v1/users/me", t["access_token"])["data"]
        self.assertEqual((me["company_id"], me["id"], me["language"]["language_code"], me["access"][0]["admin"]), (9000123, 10483244, "en", True))
        r = self.token(grant_type="refresh_token", refresh_token=t["refresh_token"])
        self.assertEqual(r["refresh_token"], t["refresh_token"])
        self.token(400, grant_type="refresh_token", refresh_token="x")
        self.ctl("config", switches={"pd_rotate_refresh": True})
        r2 = self.token(grant_type="refresh_token", refresh_token=r["refresh_token"])
        self.assertNotEqual(r2["refresh_token"], r["refresh_token"])
        self.token(400, grant_type="refresh_token", refresh_token=r["refresh_token"])
        self.ctl("clock", advance=3_700_000)
        self.api("GET", "/api/v1/users/me", r2["access_token"], status=401)
        _, h, _ = self.authorize()
        q = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(h["location"]).query))
        self.ctl("clock", advance=301_000)
        self.assertIn("has expired", self.token(400, **dict(grant, code=q["code"]))["error_description"])

    def test_revoke_and_uninstall(self):
        t = self.installed()
        s, _, _ = request("POST", "/oauth/revoke", urllib.parse.urlencode({"token": t["access_token"]}), self.basic())
        self.assertEqual(s, 200)
        self.api("GET", "/api/v1/users/me", t["access_token"], status=401)
        t2 = self.token(grant_type="refresh_token", refresh_token=t["refresh_token"])
        request("POST", "/oauth/revoke", urllib.parse.urlencode({"token": t["refresh_token"]}), self.basic())
        self.api("GET", "/api/v1/users/me", t2["access_token"], status=401)
        self.token(400, grant_type="refresh_token", refresh_token=t["refresh_token"])
        self.installed()
        self.assertEqual(self.ctl("pipedrive/uninstall", company=9000123, user=10483244)["status"], 200)
        m, path, headers, body = self.product.calls[-1]
        self.assertEqual((m, path, headers["Authorization"]), ("DELETE", "/pipedrive/callback", self.basic()["Authorization"]))
        self.assertEqual(json.loads(body)["user_id"], 10483244)

    def test_gate(self):
        t = self.installed()["access_token"]
        e = self.api("GET", "/api/v1/nothing", t, status=403)
        self.assertEqual(e["error"], "Scope and URL mismatch")
        self.api("POST", "/api/v2/personFields", t, {"field_name": "x", "field_type": "varchar"}, status=403)    # scope not granted
        self.api("GET", "/v2/persons", t, status=403)
        self.api("GET", "/api/v1/persons", t, status=403)
        self.api("GET", "/v1/users", t)
        self.assertIn("x-ratelimit-remaining", self.last_headers)
        self.api("GET", "/api/v1/users/me", "nonsense", status=401)
        codes = [request("GET", "/api/v2/persons/search?term=ab", None, {"Authorization": "Bearer " + t})[0] for _ in range(12)]
        self.assertEqual(codes.count(429), 2)

    def test_webhook_that_nobody_answers(self):
        """Three days of failures without a success: Pipedrive deletes it."""
        t = self.installed()["access_token"]
        made = self.api("POST", "/api/v1/webhooks", t, {"name": "dead", "subscription_url": "http://127.0.0.1:1/none", "event_action": "*", "event_object": "person", "version": "2.0"}, 201)["data"]
        for day, there in ((0, True), (2, True), (1, False)):
            self.ctl("clock", advance=day * 86_400_000 + 1000)
            t = self.installed()["access_token"] if day else t
            self.api("POST", "/api/v2/persons", t, {"name": "Somebody %d" % day})
            self.settle()
            self.assertEqual([h["id"] for h in self.api("GET", "/api/v1/webhooks", t)["data"] or []], [made["id"]] if there else [])

    def test_records(self):
        t = self.installed()["access_token"]
        self.ctl("config", switches={"pd_enforce_rate": False})
        hook = self.api("POST", "/api/v1/webhooks", t, {"name": "all", "subscription_url": self.product.url + "/pd", "event_action": "*", "event_object": "*", "version": "2.0", "http_auth_user": "pd",
                                                        "http_auth_password": "pw"}, 201)["data"]
        self.api("POST", "/api/v1/webhooks", t, {"name": "x", "subscription_url": "nope", "event_action": "*", "event_object": "*"}, 400)
        p = self.api("POST", "/api/v2/persons", t, {"name": "Jaan Kask", "emails": [{"value": "jaan@example.org", "primary": True, "label": "work"}]})["data"]
        for bad in ({"name": 1}, {"name": "x", "owner_id": "10483244"}, {"name": "x", "foo": 1}, {"name": "x", "custom_fields": {"f" * 40: "1"}}, {"name": "x", "emails": "a"}, {"name": "x", "org_id": 99}, {}):
            self.api("POST", "/api/v2/persons", t, bad, 400)
        d = self.api("POST", "/api/v2/deals", t, {"title": "Messenger: Jaan Kask", "person_id": p["id"]})["data"]
        self.assertEqual((d["status"], d["stage_id"], d["currency"]), ("open", 1, "EUR"))
        self.api("POST", "/api/v2/deals", t, {"title": "x", "origin_id": "y"}, 400)
        lead = self.api("POST", "/api/v1/leads", t, {"title": "Messenger: Jaan", "person_id": p["id"], "origin_id": "messenger:t_1", "visible_to": "3"}, 201)["data"]
        self.assertEqual((lead["origin"], lead["source_name"]), ("API", "API"))
        self.api("POST", "/api/v1/leads", t, {"title": "x"}, 400)
        n = self.api("POST", "/api/v1/notes", t, {"content": "<b>Hi</b><script>x()</script>", "lead_id": lead["id"], "person_id": p["id"]})["data"]
        self.assertEqual((n["content"], n["person"]["name"]), ("<b>Hi</b>", "Jaan Kask"))
        self.api("PUT", "/api/v1/notes/%d" % n["id"], t, {"content": "x" * 100_001}, 400)
        found = self.api("GET", "/api/v2/persons/search?term=jaan%40example.org&fields=email&exact_match=true", t)["data"]["items"]
        self.assertEqual(found[0]["item"]["emails"], ["jaan@example.org"])
        both = self.api("GET", "/api/v2/itemSearch?term=jaan&item_types=person,lead,deal", t)["data"]["items"]
        self.assertEqual({i["item"]["type"] for i in both}, {"person", "lead", "deal"})
        conv = self.api("POST", "/api/v2/leads/%s/convert/deal" % lead["id"], t, {"stage_id": 2})["data"]["conversion_id"]
        self.assertEqual(self.api("GET", "/api/v2/leads/%s/convert/status/%s" % (lead["id"], conv), t)["data"]["status"], "running")
        done = self.api("GET", "/api/v2/leads/%s/convert/status/%s" % (lead["id"], conv), t)["data"]
        self.api("GET", "/api/v1/leads/" + lead["id"], t, status=404)
        ds = self.api("GET", "/api/v2/deals?person_id=%d&include_fields=source_lead_id" % p["id"], t)["data"]
        self.assertEqual([x["source_lead_id"] for x in ds if x["id"] == done["deal_id"]], [lead["id"]])
        q = self.api("POST", "/api/v2/persons", t, {"name": "Jaan K"})["data"]
        self.api("PUT", "/api/v1/persons/%d/merge" % q["id"], t, {"merge_with_id": p["id"]})
        self.assertEqual([x["id"] for x in self.api("GET", "/api/v2/persons?ids=%d,%d" % (p["id"], q["id"]), t)["data"]], [p["id"]])
        self.settle()
        bodies = [(h, json.loads(b)) for m, path, h, b in self.product.calls if path == "/pd"]
        self.assertEqual(bodies[0][0]["Authorization"], "Basic " + base64.b64encode(b"pd:pw").decode())
        merged = [b for _, b in bodies if b["meta"]["action"] == "delete" and b["meta"]["entity"] == "person"][0]
        self.assertEqual((merged["meta"]["merged_to_id"], merged["data"], merged["previous"]["id"]), (str(p["id"]), None, q["id"]))
        self.api("DELETE", "/api/v1/webhooks/%d" % hook["id"], t)
        self.api("DELETE", "/api/v1/webhooks/%d" % hook["id"], t, status=404)
        other = self.installed(9000456, 10590001)["access_token"]
        self.assertEqual(self.api("GET", "/api/v2/persons", other)["data"], [])

    def test_lists_and_fields(self):
        t = self.installed()["access_token"]
        for i in range(5):
            self.api("POST", "/api/v2/persons", t, {"name": "P %d" % i})
        r = self.api("GET", "/api/v2/persons?limit=2", t)
        seen = len(r["data"])
        while r["additional_data"]["next_cursor"]:
            r = self.api("GET", "/api/v2/persons?limit=2&cursor=" + r["additional_data"]["next_cursor"], t)
            seen += len(r["data"])
        self.assertEqual(seen, 5)
        self.api("GET", "/api/v2/persons?limit=501", t, status=400)
        self.api("GET", "/api/v2/persons?updated_since=2026-01-01T00:00:00.5Z", t, status=400)
        self.assertEqual(len(self.api("GET", "/api/v2/pipelines", t)["data"]), 2)
        self.assertEqual(len(self.api("GET", "/api/v2/stages?pipeline_id=1&sort_by=order_nr", t)["data"]), 4)
        self.assertTrue(self.api("GET", "/api/v2/dealFields/channel", t)["data"]["options"])
        self.assertEqual(len(self.api("GET", "/api/v1/leadLabels", t)["data"]), 3)
        self.api("POST", "/api/v2/personFields", t, {"field_name": "Facebook Messenger ID", "field_type": "varchar"}, 403)
        self.ctl("config", pd_scopes=["base", "contacts:full", "contact-fields:full"])
        self.ctl("pipedrive/uninstall", company=9000123, user=10483244, callback=False)
        t = self.installed()["access_token"]
        f = self.api("POST", "/api/v2/personFields", t, {"field_name": "Facebook Messenger ID", "field_type": "varchar"})["data"]
        p = self.api("POST", "/api/v2/persons", t, {"name": "Cy", "custom_fields": {f["field_code"]: LIISA}})["data"]
        hit = self.api("GET", "/api/v2/persons/search?fields=custom_fields&exact_match=true&term=" + LIISA, t)["data"]["items"]
        self.assertEqual((len(f["field_code"]), hit[0]["item"]["id"]), (40, p["id"]))
        self.ctl("config", pd_scopes=["base", "contacts:full", "deals:full", "leads:full", "users:read", "search:read", "webhooks:full"])


class Pages(Base):
    """The pages for people act through the same doors."""

    def post(self, path, form, status=303):
        out = b""
        for k, v in form.items():
            out += ("--BB\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n" % (k, v)).encode()
        s, h, data = request("POST", path, out + b"--BB--\r\n", {"Content-Type": "multipart/form-data; boundary=BB"})
        self.assertEqual(s, status, data[:300])
        return data.decode()

    def test_phone_and_page_inbox(self):
        self.page()
        phone, inbox = ("/%s?page=%s&psid=%s" % (p, PAGE_A, LIISA) for p in ("phone", "page-inbox"))
        self.post(phone, {"do": "send", "text": "Hi <b>there</b>", "sample": "coffee"})
        self.post(inbox, {"do": "send", "text": "Hello & welcome", "sample": ""})
        self.settle()
        evs = [e for _, _, e in self.product.events()]
        self.assertEqual([sorted(e["message"]) for e in evs[:2]], [["mid", "text"], ["attachments", "mid"]])
        self.assertEqual(evs[2]["message"]["app_id"], 26390203743090)
        self.product.clear()
        _, _, data = request("GET", phone)
        self.assertIn("Hi &lt;b&gt;there&lt;/b&gt;", data.decode())
        self.settle()
        self.assertEqual([list(e)[-1] for _, _, e in self.product.events()], ["read"])
        out = self.look("state", page=PAGE_A, psid=LIISA)["conversations"][0]["messages"]
        self.assertEqual(out[1]["attachments"][0]["sha256"], hashlib.sha256(pictures.make("coffee")).hexdigest())
        self.post(phone, {"do": "react:love", "mid": out[2]["mid"]})
        self.post(phone, {"do": "edit", "mid": out[0]["mid"], "text": "Hi again"})
        self.post(phone, {"do": "unsend", "mid": out[1]["mid"]})
        self.assertIn("empty", self.post(phone, {"do": "send", "text": " "}, 200))
        self.product.clear()
        self.post(inbox, {"do": "control"})
        self.post(phone, {"do": "send", "text": "And now?"})
        self.settle()
        evs = self.product.events()
        self.assertEqual(evs[-1][1], "standby")
        self.assertIn("take_thread_control", [k for _, _, e in evs for k in e])
        s, h, data = request("GET", phone + "&part=rev")
        self.assertRegex(data.decode(), r"^[0-9.]+$")

    def test_admin_and_crm(self):
        t = self.page()
        self.post("/facebook-admin", {"do": "password", "user": MARIA})
        self.refused(190, 460, "GET", "me", t)
        self.post("/facebook-admin", {"do": "switch", "name": "away"})
        self.assertTrue(self.look("config")["switches"]["away"])
        p = self.ctl("pipedrive/object", company=9000123, kind="person", action="create", data={"name": "Ann Lee"})["object"]
        self.ctl("pipedrive/token", company=9000123, user=10483244)
        self.post("/crm?company=9000123", {"do": "delete", "company": 9000123, "kind": "person", "id": p["id"]})
        self.post("/crm?company=9000123", {"do": "uninstall", "company": 9000123, "user": 10483244})
        st = self.look("pipedrive/state", company=9000123)
        self.assertEqual((st["person"][0]["is_deleted"], st["installs"]), (True, []))
        self.assertEqual(self.product.calls[-1][0], "DELETE")
        s, _, _ = request("POST", "/crm", "do=delete", {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "cross-site"})
        self.assertEqual(s, 200)        # shown again with the reason, nothing done

    def test_frames(self):
        d = self.ctl("pipedrive/object", company=9000123, kind="deal", action="create", data={"title": "Road <b>frame</b>"})["object"]
        page = "/crm/deal/%d?company=9000123" % d["id"]
        s, _, data = request("GET", page, None, {})
        self.assertNotIn(b"<iframe", data)      # nobody has installed the app
        self.ctl("pipedrive/token", company=9000123, user=10483244)
        s, h, data = request("GET", page + "&theme=dark", None, {})
        self.assertEqual(s, 200)
        self.assertNotIn(b"<b>frame", data)
        src = re.search(r'src="([^"]+)"', data.decode()).group(1).replace("&amp;", "&")
        self.assertIn("frame-src " + "/".join(src.split("/")[:3]), h["content-security-policy"])
        url = self.ctl("pipedrive/frame", company=9000123, user=10483244, kind="deal", id=d["id"])["url"]
        for q in (dict(urllib.parse.parse_qsl(src.partition("?")[2])), dict(urllib.parse.parse_qsl(url.partition("?")[2]))):
            self.assertEqual((q["resource"], q["view"], q["userId"], q["companyId"], q["selectedIds"]), ("deal", "details", "10483244", "9000123", str(d["id"])))
            text, _, sig = q["token"].rpartition(".")
            head, claims = (json.loads(base64.urlsafe_b64decode(x + "==")) for x in text.split("."))
            self.assertEqual(head["alg"], "HS256")
            self.assertEqual((claims["userId"], claims["companyId"], claims["exp"] - claims["iat"]), (10483244, 9000123, 300))
            want = hmac.new(b"sandbox-pipedrive-secret", text.encode(), hashlib.sha256).digest()
            self.assertEqual(base64.urlsafe_b64decode(sig + "=="), want)
        self.assertIn('"token"', request("GET", "/crm/token?company=9000123&user=10483244")[2].decode())
        self.assertEqual(403, request("GET", "/crm/token?company=9000123&user=10483245")[0])
        self.assertEqual(403, request("GET", "/crm/token?company=9000123&user=10483244", None, {"Sec-Fetch-Site": "cross-site"})[0])
        s, _, data = request("GET", "/crm/settings?company=9000123", None, {})
        self.assertIn(b"/pd/settings?userId=10483244", data)
        self.assertEqual(404, request("GET", "/crm/deal/999999?company=9000123")[0])


class Life(unittest.TestCase):
    def start(self, *args):
        p = subprocess.Popen(["/usr/bin/python3", os.path.join(HERE, "sandbox"), "--port", "0", "--quiet", *args], stdout=subprocess.PIPE, text=True)
        self.addCleanup(p.stdout.close)
        self.addCleanup(lambda: p.poll() is None and (p.kill(), p.wait()))
        return p, int(p.stdout.readline().rsplit(":", 1)[1])

    def test_restart_keeps_everything(self):
        with tempfile.TemporaryDirectory() as d:
            db = os.path.join(d, "s.db")
            p, port = self.start("--db", db, "--seed", "demo")
            before = json.loads(request("GET", "/_control/state", port=port)[2])["conversations"]
            t0 = time.monotonic()
            p.terminate()
            self.assertEqual(p.wait(5), 0)
            self.assertLess(time.monotonic() - t0, 3)
            p, port = self.start("--db", db, "--seed", "demo")
            after = json.loads(request("GET", "/_control/state", port=port)[2])["conversations"]
            self.assertEqual(before, after)
            self.check_demo(after)
            for path in ("/", "/phone", "/page-inbox", "/crm", "/facebook-admin", "/requests", "/phone?page=%s&psid=%s" % (PAGE_A, LIISA), "/page-inbox?page=%s&psid=%s" % (PAGE_A, LIISA)):
                for lang in ("en", "ja"):
                    s, h, data = request("GET", path, None, {"Accept-Language": lang}, port)
                    self.assertEqual((s, h["content-type"]), (200, "text/html; charset=utf-8"), path)
                    self.assertIn('<html lang="%s">' % lang, data.decode())
            p.terminate()
            p.wait(5)

    def check_demo(self, convs):
        live = [c for c in convs if c["messages"]]
        self.assertTrue(25 <= len(live) <= 45, len(live))
        self.assertEqual(sum(len(c["messages"]) == 95 for c in live), 1)
        self.assertTrue(any(c["name"] is None for c in live) and any(c["blocked"] for c in live))


if __name__ == "__main__":
    try:
        prog = unittest.main(verbosity=1, exit=False)
    finally:
        if Base.proc is not None:
            Base.proc.terminate()
            Base.proc.wait(10)
    sys.exit(0 if prog.result.wasSuccessful() else 1)
