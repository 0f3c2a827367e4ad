# SPDX-License-Identifier: MIT
"""Sample media made by code: drawings (PNG), a sticker, portraits, a voice message, a PDF.

Purpose: the demo and the tests need files that real programs accept, without shipping any.
Ownership: pure functions with a cache per process. Can fail: KeyError for an unknown sample name.
"""
import functools
import math
import struct
import zlib

SAMPLES = ("bicycle", "wheel", "coffee", "cake", "mountain", "cat")
W, H = 640, 480


class Canvas:
    """An RGB picture filled row by row, which is the fast way in Python."""

    def __init__(self, w, h, color, alpha=False):
        self.w, self.h, self.alpha = w, h, alpha
        self.n = 4 if alpha else 3
        self.rows = [bytearray(self._px(color) * w) for _ in range(h)]

    def _px(self, color):
        if self.alpha:
            return bytes(color) + (b"" if len(color) == 4 else b"\xff")
        return bytes(color[:3])

    def span(self, y, x0, x1, color):
        x0, x1 = max(0, int(x0)), min(self.w, int(x1))
        if 0 <= y < self.h and x1 > x0:
            self.rows[y][x0 * self.n:x1 * self.n] = self._px(color) * (x1 - x0)

    def rect(self, x, y, w, h, color):
        for yy in range(int(y), int(y + h)):
            self.span(yy, x, x + w, color)

    def ellipse(self, cx, cy, rx, ry, color):
        for yy in range(int(cy - ry), int(cy + ry) + 1):
            k = 1 - ((yy - cy) / ry) ** 2
            if k > 0:
                d = rx * math.sqrt(k)
                self.span(yy, cx - d, cx + d, color)

    def ring(self, cx, cy, r, width, color):
        ri = r - width
        for yy in range(int(cy - r), int(cy + r) + 1):
            k = r * r - (yy - cy) ** 2
            if k <= 0:
                continue
            d, ki = math.sqrt(k), ri * ri - (yy - cy) ** 2
            if ki > 0:
                di = math.sqrt(ki)
                self.span(yy, cx - d, cx - di, color)
                self.span(yy, cx + di, cx + d + 1, color)
            else:
                self.span(yy, cx - d, cx + d, color)

    def poly(self, pts, color):
        for yy in range(int(min(p[1] for p in pts)), int(max(p[1] for p in pts)) + 1):
            xs = []
            for (x0, y0), (x1, y1) in zip(pts, pts[1:] + pts[:1]):
                if (y0 <= yy < y1) or (y1 <= yy < y0):
                    xs.append(x0 + (yy - y0) * (x1 - x0) / (y1 - y0))
            xs.sort()
            for a, b in zip(xs[::2], xs[1::2]):
                self.span(yy, a, b + 1, color)

    def line(self, x0, y0, x1, y1, width, color):
        d = math.hypot(x1 - x0, y1 - y0) or 1
        ox, oy = (y1 - y0) / d * width / 2, (x1 - x0) / d * width / 2
        self.poly([(x0 + ox, y0 - oy), (x1 + ox, y1 - oy), (x1 - ox, y1 + oy), (x0 - ox, y0 + oy)], color)

    def gradient(self, y0, y1, top, bottom):
        for yy in range(y0, y1):
            k = (yy - y0) / max(1, y1 - y0 - 1)
            self.span(yy, 0, self.w, tuple(int(a + (b - a) * k) for a, b in zip(top, bottom)))

    def png(self):
        def chunk(tag, data):
            return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))
        raw = b"".join(b"\0" + bytes(r) for r in self.rows)
        kind = 6 if self.alpha else 2
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", self.w, self.h, 8, kind, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(raw, 6)) + chunk(b"IEND", b""))


def _wheel(c, x, y, r, spokes=18):
    c.ring(x, y, r, max(4, r // 9), (38, 42, 48))
    c.ring(x, y, r - r // 9, 3, (170, 178, 186))
    for i in range(spokes):
        a = math.tau * i / spokes
        c.line(x, y, x + math.cos(a) * r * .86, y + math.sin(a) * r * .86, 2, (150, 158, 166))
    c.ellipse(x, y, r / 9, r / 9, (60, 66, 72))


def _bicycle():
    c = Canvas(W, H, (226, 236, 240))
    c.gradient(0, 330, (206, 226, 238), (238, 243, 240))
    c.rect(0, 330, W, 150, (196, 204, 188))
    _wheel(c, 180, 310, 100)
    _wheel(c, 460, 310, 100)
    red = (196, 62, 48)
    for a in ((180, 310, 300, 310), (180, 310, 262, 180), (300, 310, 262, 180), (300, 310, 420, 180), (262, 186, 414, 186),
              (420, 180, 460, 310)):
        c.line(*a, 11, red)
    c.line(262, 180, 252, 148, 8, (60, 60, 66))
    c.poly([(216, 138), (292, 134), (288, 150), (232, 156)], (44, 40, 38))
    c.line(420, 180, 410, 140, 8, (60, 60, 66))
    c.line(410, 140, 462, 132, 9, (44, 40, 38))
    c.ring(300, 310, 26, 7, (70, 74, 80))
    c.line(300, 310, 320, 352, 7, (60, 60, 66))
    c.rect(304, 350, 34, 8, (44, 40, 38))
    return c.png()


def _wheel_pic():
    c = Canvas(W, H, (88, 96, 104))
    c.gradient(0, H, (120, 128, 134), (70, 76, 84))
    _wheel(c, 320, 250, 210, 28)
    c.poly([(470, 90), (520, 60), (536, 84), (486, 116)], (214, 180, 60))
    return c.png()


def _coffee():
    c = Canvas(W, H, (240, 228, 210))
    c.gradient(0, 300, (246, 236, 220), (228, 210, 186))
    c.rect(0, 300, W, 180, (150, 108, 74))
    c.ellipse(310, 386, 190, 34, (236, 232, 226))
    c.ellipse(310, 382, 140, 22, (206, 200, 192))
    c.ring(442, 270, 62, 20, (250, 248, 244))
    c.poly([(176, 200), (446, 200), (408, 370), (216, 370)], (252, 250, 246))
    c.ellipse(311, 200, 135, 32, (236, 232, 226))
    c.ellipse(311, 203, 122, 26, (92, 56, 34))
    c.ellipse(311, 203, 60, 13, (214, 176, 132))
    for i, x in enumerate((262, 312, 362)):
        for y in range(60, 150):
            c.span(y, x + 10 * math.sin(y / 14 + i), x + 6 + 10 * math.sin(y / 14 + i), (232, 224, 214))
    return c.png()


def _cake():
    c = Canvas(W, H, (246, 224, 228))
    c.gradient(0, H, (250, 234, 232), (236, 206, 214))
    c.ellipse(320, 400, 240, 40, (250, 250, 250))
    c.poly([(150, 380), (430, 220), (510, 380)], (244, 214, 150))
    c.poly([(150, 380), (510, 380), (500, 350), (200, 350)], (252, 244, 232))
    c.poly([(204, 350), (500, 350), (476, 306), (282, 306)], (222, 110, 120))
    c.poly([(286, 304), (474, 304), (430, 220)], (255, 250, 246))
    c.ellipse(420, 214, 34, 32, (206, 40, 56))
    c.line(420, 184, 432, 164, 5, (80, 130, 60))
    return c.png()


def _mountain():
    c = Canvas(W, H, (150, 190, 224))
    c.gradient(0, 340, (96, 150, 206), (240, 214, 190))
    c.ellipse(500, 110, 46, 46, (255, 242, 206))
    c.poly([(60, 360), (310, 90), (580, 360)], (82, 100, 132))
    c.poly([(240, 166), (310, 90), (384, 166), (350, 158), (320, 190), (290, 156), (268, 182)], (244, 246, 250))
    c.poly([(-40, 380), (140, 240), (330, 380)], (64, 104, 96))
    c.poly([(300, 380), (500, 250), (700, 380)], (52, 92, 84))
    c.rect(0, 360, W, 120, (74, 118, 74))
    c.poly([(280, 480), (312, 360), (322, 360), (420, 480)], (190, 170, 130))
    return c.png()


def _cat():
    c = Canvas(W, H, (230, 220, 200))
    c.gradient(0, H, (238, 228, 208), (214, 200, 176))
    fur, dark = (216, 150, 84), (70, 50, 40)
    c.poly([(190, 190), (200, 60), (310, 140)], fur)
    c.poly([(450, 190), (440, 60), (330, 140)], fur)
    c.ellipse(320, 260, 170, 150, fur)
    for x in (250, 390):
        c.ellipse(x, 230, 34, 38, (150, 200, 110))
        c.ellipse(x, 230, 10, 34, (20, 20, 20))
    c.poly([(300, 290), (340, 290), (320, 312)], (220, 110, 110))
    c.line(320, 310, 290, 336, 5, dark)
    c.line(320, 310, 350, 336, 5, dark)
    for dy in (0, 20, 40):
        c.line(240, 300 + dy / 2, 110, 280 + dy, 3, (250, 244, 236))
        c.line(400, 300 + dy / 2, 530, 280 + dy, 3, (250, 244, 236))
    return c.png()


def _sticker():
    """A raised thumb on transparent ground."""
    c = Canvas(240, 240, (0, 0, 0, 0), alpha=True)
    blue, dark = (72, 130, 210), (52, 98, 170)
    c.poly([(92, 110), (128, 20), (150, 24), (156, 50), (142, 100), (210, 104), (214, 190), (92, 200)], blue)
    for i in range(4):
        c.ellipse(200, 116 + i * 24, 24, 13, blue)
    c.rect(36, 104, 46, 106, dark)
    return c.png()


def _hex(text):
    text = text.lstrip("#")
    return tuple(int(text[i:i + 2], 16) for i in (0, 2, 4))


def _avatar(color):
    base = _hex(color)
    light = tuple(min(255, v + 84) for v in base)
    c = Canvas(200, 200, base)
    c.gradient(0, 200, tuple(min(255, v + 30) for v in base), base)
    c.ellipse(100, 210, 78, 74, light)
    c.ellipse(100, 84, 40, 46, light)
    return c.png()


def _logo(color):
    base = _hex(color)
    c = Canvas(200, 200, base)
    c.ellipse(100, 100, 74, 74, tuple(min(255, v + 60) for v in base))
    c.ring(100, 100, 60, 12, (255, 255, 255))
    c.poly([(80, 70), (140, 100), (80, 130)], (255, 255, 255))
    return c.png()


# a voice message: FLAC frames without prediction in an MP4 container -------------------------------

def _crc8(data):
    crc = 0
    for b in data:
        crc ^= b
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


_CRC16 = []
for _i in range(256):
    _c = _i << 8
    for _ in range(8):
        _c = (_c << 1 ^ 0x8005) & 0xFFFF if _c & 0x8000 else _c << 1
    _CRC16.append(_c)


def _crc16(data):
    crc = 0
    for b in data:
        crc = (crc << 8 & 0xFFFF) ^ _CRC16[crc >> 8 ^ b]
    return crc


def _tune(rate, total):
    """A soft little melody, so that pressing play is heard."""
    notes = (392.0, 440.0, 523.25, 440.0, 392.0, 329.63)
    step = total // len(notes)
    out = []
    for i in range(total):
        k, f = i % step, notes[min(i // step, len(notes) - 1)]
        env = min(1.0, k / 400) * max(0.0, 1 - k / step)
        out.append(int(6000 * env * (math.sin(math.tau * f * i / rate) + .3 * math.sin(math.tau * 2 * f * i / rate))))
    return out


def _box(tag, *body):
    data = b"".join(body)
    return struct.pack(">I", len(data) + 8) + tag + data


def _voice():
    rate, block, count = 16000, 4096, 10
    total = block * count
    pcm = _tune(rate, total)
    frames = []
    for n in range(count):
        head = bytes((0xFF, 0xF8, 0xC5, 0x08, n))
        head += bytes((_crc8(head),))
        frame = head + b"\x02" + struct.pack(">%dh" % block, *pcm[n * block:(n + 1) * block])
        frames.append(frame + struct.pack(">H", _crc16(frame)))
    size = len(frames[0])
    info = struct.pack(">HH", block, block) + size.to_bytes(3, "big") * 2
    info += ((rate << 44) | (0 << 41) | (15 << 36) | total).to_bytes(8, "big") + bytes(16)
    dfla = _box(b"dfLa", bytes(4), b"\x80", len(info).to_bytes(3, "big"), info)
    entry = _box(b"fLaC", bytes(6), struct.pack(">H", 1), bytes(8), struct.pack(">HHHHI", 1, 16, 0, 0, rate << 16), dfla)
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    ftyp = _box(b"ftyp", b"M4A \0\0\2\0isomiso2mp42M4A ")

    def moov(offset):
        stbl = _box(b"stbl", _box(b"stsd", bytes(4), struct.pack(">I", 1), entry),
                    _box(b"stts", bytes(4), struct.pack(">III", 1, count, block)),
                    _box(b"stsc", bytes(4), struct.pack(">IIII", 1, 1, count, 1)),
                    _box(b"stsz", bytes(4), struct.pack(">II", size, count)),
                    _box(b"stco", bytes(4), struct.pack(">II", 1, offset)))
        dinf = _box(b"dinf", _box(b"dref", bytes(4), struct.pack(">I", 1), _box(b"url ", struct.pack(">I", 1))))
        minf = _box(b"minf", _box(b"smhd", bytes(8)), dinf, stbl)
        mdia = _box(b"mdia", _box(b"mdhd", bytes(12), struct.pack(">IIHH", rate, total, 0x55C4, 0)),
                    _box(b"hdlr", bytes(8), b"soun", bytes(12), b"sound\0"), minf)
        tkhd = _box(b"tkhd", struct.pack(">I", 3), bytes(8), struct.pack(">III", 1, 0, total * 1000 // rate), bytes(8),
                    struct.pack(">HHHH", 0, 0, 0x100, 0), matrix, bytes(8))
        mvhd = _box(b"mvhd", bytes(12), struct.pack(">IIIH", 1000, total * 1000 // rate, 0x10000, 0x100), bytes(10), matrix,
                    bytes(24), struct.pack(">I", 2))
        return _box(b"moov", mvhd, _box(b"trak", tkhd, mdia))

    offset = len(ftyp) + len(moov(0)) + 8
    return ftyp + moov(offset) + _box(b"mdat", *frames)


def _pdf():
    """A one-page quotation."""
    lines = ["Quotation 12", "", "Wheel truing, front and rear      29.00 EUR", "New chain, fitted                 34.50 EUR",
             "Total                             63.50 EUR"]
    text = "BT /F1 14 Tf 60 760 Td 22 TL " + " ".join("(%s) '" % t for t in lines) + " ET"
    objs = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
            "<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
            "<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>"]
    out, offs = "%PDF-1.4\n", []
    for i, o in enumerate(objs):
        offs.append(len(out))
        out += "%d 0 obj\n%s\nendobj\n" % (i + 1, o)
    start = len(out)
    out += "xref\n0 %d\n0000000000 65535 f \n" % (len(objs) + 1) + "".join("%010d 00000 n \n" % o for o in offs)
    out += "trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objs) + 1, start)
    return out.encode("latin-1")


def _video():
    """Not playable: the start of an MP4 file, enough for type checks."""
    return _box(b"ftyp", b"isom\0\0\2\0isomiso2mp41") + _box(b"free", bytes(2048))


_MAKERS = {"bicycle": _bicycle, "wheel": _wheel_pic, "coffee": _coffee, "cake": _cake, "mountain": _mountain, "cat": _cat,
           "sticker": _sticker, "voice": _voice, "pdf": _pdf, "video": _video}


@functools.lru_cache(maxsize=64)
def make(sample):
    """Bytes of a sample."""
    kind, _, arg = sample.partition(":")
    if kind == "avatar":
        return _avatar(arg)
    if kind == "logo":
        return _logo(arg)
    return _MAKERS[kind]()


def describe(sample):
    """-> (mime, file name, width, height)."""
    kind = sample.partition(":")[0]
    if kind in ("avatar", "logo"):
        return "image/png", kind + ".png", 200, 200
    if kind == "sticker":
        return "image/png", "sticker.png", 240, 240
    if kind == "voice":
        return "audio/mp4", "audioclip-1795341600.mp4", 0, 0
    if kind == "pdf":
        return "application/pdf", "quote-12.pdf", 0, 0
    if kind == "video":
        return "video/mp4", "video-1795.mp4", 720, 1280
    if kind not in _MAKERS:
        raise KeyError("unknown sample " + sample)
    return "image/png", "image-%s.png" % kind, W, H
