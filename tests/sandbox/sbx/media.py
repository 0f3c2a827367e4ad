# SPDX-License-Identifier: MIT
"""Media files: stored bytes, signed addresses that expire, built-in samples.

Purpose: what Meta's CDN does for attachments and profile pictures.
Ownership: rows of table `media`; sample bytes are generated once per process and cached.
Can fail: an unknown, unsigned or expired address answers 403/404 as plain text.
"""
import hashlib
import hmac
import urllib.parse

from . import pictures
from .wire import Response

_KEY = b"sandbox-cdn"


def add(st, data, mime, name, width=0, height=0):
    """Store bytes; -> media id."""
    mid = st.next("media", 700001)
    st.run("INSERT INTO media(id,mime,name,width,height,data) VALUES(?,?,?,?,?,?)", mid, mime, name, width, height, data)
    return mid


def add_sample(st, sample):
    """A built-in sample by name (`bicycle`, `voice`, `pdf`, `sticker`, `avatar:#aabbcc` ...); bytes are made when read."""
    mime, name, w, h = pictures.describe(sample)
    mid = st.next("media", 700001)
    st.run("INSERT INTO media(id,mime,name,width,height,gen) VALUES(?,?,?,?,?,?)", mid, mime, name, w, h, sample)
    return mid


def row(st, mid):
    return st.one("SELECT id,mime,name,width,height,gen,length(data) AS size FROM media WHERE id=?", mid)


def data(st, mid):
    r = st.one("SELECT gen,data FROM media WHERE id=?", mid)
    if r is None:
        return b""
    return pictures.make(r["gen"]) if r["gen"] else r["data"]


def size(st, mid):
    r = row(st, mid)
    return len(pictures.make(r["gen"])) if r["gen"] else r["size"]


def _sign(mid, expires):
    return hmac.new(_KEY, b"%d|%d" % (mid, expires), hashlib.sha256).hexdigest()[:24]


def url(sb, mid, param="oe"):
    """A signed address; `oe` is hexadecimal (files), `ext` decimal (profile pictures)."""
    r = row(sb.st, mid)
    exp = sb.st.clock.now() // 1000 + int(sb.st.sw["media_ttl"])
    name = urllib.parse.quote(r["name"] or "file", safe="")
    val = "%X" % exp if param == "oe" else str(exp)
    return "%s/media/%d/%s?oh=00_%s&%s=%s" % (sb.base, mid, name, _sign(mid, exp), param, val)


def _text(status, text):
    return Response(status, text, "text/plain; charset=utf-8")


def serve(sb, rq):
    """GET/HEAD /media/{id}/{name}?oh=&oe="""
    if sb.st.sw["away"]:
        return _text(503, "Service Unavailable")
    bits = rq.path.split("/")
    if rq.method not in ("GET", "HEAD"):
        return _text(405, "Method not allowed")
    if len(bits) < 4 or not bits[2].isdigit() or len(bits[2]) > 12:
        return _text(404, "Not found")
    mid = int(bits[2])
    try:
        exp = int(rq.query["oe"], 16) if "oe" in rq.query else int(rq.query["ext"])
    except (KeyError, ValueError):
        return _text(403, "Bad URL timestamp")
    if not hmac.compare_digest(rq.query.get("oh", "").encode(), ("00_" + _sign(mid, exp)).encode()):
        return _text(403, "URL signature mismatch")
    if exp * 1000 < sb.st.clock.now():
        return _text(403, "URL signature expired")
    r = row(sb.st, mid)
    if r is None:
        return _text(404, "Not found")
    headers = [("Cache-Control", "max-age=1209600, no-transform")]
    if not (r["mime"] or "").startswith(("image/", "video/", "audio/")):
        headers.append(("Content-Disposition", "attachment; filename*=UTF-8''" + urllib.parse.quote(r["name"] or "file")))
    headers.append(("X-Content-Type-Options", "nosniff"))
    return Response(200, data(sb.st, mid), r["mime"] or "application/octet-stream", headers)


_MAGIC = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"), (b"%PDF", "application/pdf"), (b"RIFF", "audio/wav"), (b"OggS", "audio/ogg"),
          (b"ID3", "audio/mpeg"), (b"\xff\xfb", "audio/mpeg"))


def sniff(data):
    """Media type by the first bytes, or "" when they tell nothing."""
    for magic, mime in _MAGIC:
        if data.startswith(magic):
            return mime
    return "video/mp4" if data[4:8] == b"ftyp" else ""


def png_size(data):
    """(width, height) of a PNG, else (0, 0)."""
    if data.startswith(b"\x89PNG") and len(data) > 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    return 0, 0
