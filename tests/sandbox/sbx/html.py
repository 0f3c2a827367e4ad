# SPDX-License-Identifier: MIT
"""HTML of the sandbox's pages: one layout, one style sheet, escaping, language choice.

Purpose: neat, modest pages without JavaScript, light and dark, good at 390 px, plainly marked as a sandbox.
Ownership: pure functions. Can fail: no.
"""
import html as _html
import urllib.parse

from .text import T
from .wire import html_response

esc = _html.escape

CSS = """
:root{--bg:#f4f5f7;--card:#fff;--fg:#1d2129;--dim:#616975;--line:#d9dde3;--acc:#1f6f6b;--accfg:#fff;--in:#e9ebef;--out:#1f6f6b;--outfg:#fff;
--warn:#fff3cf;--warnfg:#5a4300;--bad:#a8322a;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--bg:#15181c;--card:#1f2328;--fg:#e6e9ed;--dim:#9aa4b0;--line:#343a42;--acc:#4db5ab;--accfg:#0d1a19;
--in:#2c323a;--out:#1d5f5a;--outfg:#f0f6f5;--warn:#3a3216;--warnfg:#f0dfa6;--bad:#f08a80}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,"Noto Sans CJK JP","Noto Sans JP",sans-serif}
.flag{background:var(--warn);color:var(--warnfg);padding:.35rem 1rem;font-size:.85rem;text-align:center}
header nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem;max-width:1000px;margin:0 auto;padding:.6rem 1rem;align-items:center}
header nav b{margin-right:auto}header{background:var(--card);border-bottom:1px solid var(--line)}
a{color:var(--acc)}main{max-width:1000px;margin:0 auto;padding:1rem}h1{font-size:1.35rem;margin:.3rem 0 1rem}h2{font-size:1.05rem;margin:1.2rem 0 .5rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem;margin:0 0 1rem}
.dim{color:var(--dim);font-size:.88rem}.bad{color:var(--bad)}
button,.btn{font:inherit;background:var(--acc);color:var(--accfg);border:1px solid var(--acc);border-radius:.45rem;padding:.42rem .9rem;cursor:pointer;
text-decoration:none;display:inline-block;min-height:2.5rem}
button.plain,.btn.plain{background:transparent;color:var(--acc)}button.bad{background:transparent;color:var(--bad);border-color:var(--bad)}
button.tiny{padding:0 .45rem;min-height:1.9rem;font-size:.85rem;background:transparent;color:var(--dim);border-color:var(--line)}
input[type=text],input[type=number],textarea,select{font:inherit;width:100%;padding:.45rem .6rem;border:1px solid var(--line);border-radius:.45rem;
background:var(--bg);color:var(--fg)}textarea{min-height:3.6rem}label.row{display:flex;gap:.6rem;align-items:flex-start;padding:.35rem 0}
label.row input{margin-top:.35rem}form.inline{display:inline}
.list{list-style:none;margin:0;padding:0}.list li{border-top:1px solid var(--line);padding:.55rem 0}.list li:first-child{border-top:0}
.split{display:grid;grid-template-columns:minmax(220px,300px) 1fr;gap:1rem}@media(max-width:760px){.split{grid-template-columns:1fr}}
.pick a{display:flex;gap:.6rem;align-items:center;text-decoration:none;color:inherit;padding:.15rem .2rem;border-radius:.4rem}.pick a[aria-current]{background:var(--in)}
.pick img,.who img{width:40px;height:40px;border-radius:50%;flex:none}.pick span{overflow:hidden;text-overflow:ellipsis}
.who{display:flex;gap:.7rem;align-items:center;margin-bottom:.8rem}
.chat{display:flex;flex-direction:column;gap:.25rem;max-height:54vh;overflow:auto;padding:.3rem;overflow-anchor:none}
.msg{max-width:82%;align-self:flex-start}.msg.me{align-self:flex-end;text-align:right}
.bub{display:inline-block;background:var(--in);border-radius:1.1rem;padding:.45rem .85rem;text-align:left;white-space:pre-wrap;overflow-wrap:anywhere}
.me .bub{background:var(--out);color:var(--outfg)}.bub img{display:block;width:260px;max-width:100%;border-radius:.7rem;height:auto;margin:.2rem 0}.bub img.sticker{width:110px}.bub.clear{background:none;padding:0}
.bub a{color:inherit}.bub audio,.bub video{max-width:240px;display:block}.meta{font-size:.74rem;color:var(--dim);display:flex;flex-wrap:wrap;gap:0 .5rem;align-items:baseline}.me .meta{justify-content:flex-end}.meta form{display:inline}
.meta details[open]{flex-basis:100%}.meta summary{list-style:none;padding:0 .3rem}.meta summary::-webkit-details-marker{display:none}.meta input[type=text]{width:auto;max-width:14rem;padding:.2rem .4rem}
.side{max-height:82vh;overflow:auto}.small{display:none}@media(max-width:760px){.side{display:none}.small{display:block}}
.quote{border-left:3px solid var(--line);padding-left:.5rem;font-size:.85rem;opacity:.85;display:block}
.day{align-self:center;font-size:.78rem;color:var(--dim);margin:.6rem 0}
.tools{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;margin-top:.5rem}.tools>*{flex:none;max-width:100%}.tools input[type=file]{max-width:100%}
table{border-collapse:collapse;width:100%;font-size:.88rem}td,th{text-align:left;padding:.35rem .5rem;border-top:1px solid var(--line);vertical-align:top}
.wrap{overflow-x:auto}code,pre{font:.85rem/1.45 ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap}
details summary{cursor:pointer}.tag{font-size:.75rem;border:1px solid var(--line);border-radius:1rem;padding:0 .5rem;color:var(--dim);white-space:nowrap}
"""


def language(rq):
    """`?lang=` wins, then the cookie, then Accept-Language."""
    want = rq.query.get("lang") or rq.cookies().get("sandbox_lang")
    if want in T:
        return want
    for bit in rq.headers.get("accept-language", "").split(","):
        code = bit.split(";")[0].strip().lower()[:2]
        if code in T:
            return code
    return "en"


class View:
    """Language and path of one page request, with the small helpers pages need."""

    def __init__(self, rq):
        self.rq, self.lang = rq, language(rq)
        self.words = T[self.lang]

    def t(self, key, **fmt):
        text = self.words.get(key) or T["en"].get(key) or key
        return esc(text.format(**fmt) if fmt else text)

    def _lang_link(self):
        other = "en" if self.lang == "ja" else "ja"
        pairs = [(k, v) for k, v in self.rq.pairs if k != "lang"] + [("lang", other)]
        return '<a href="%s?%s" lang="%s" hreflang="%s">%s</a>' % (esc(self.rq.raw_path), esc(urllib.parse.urlencode(pairs)), other, other,
                                                                  "English" if other == "en" else "日本語")

    def page(self, title, body, status=200, nav=True, refresh=0, script="", frames=""):
        links = [("/", "home"), ("/phone", "phone"), ("/page-inbox", "inbox"), ("/crm", "crm"), ("/facebook-admin", "admin"), ("/requests", "requests")]
        menu = "".join('<a href="%s"%s>%s</a>' % (h, ' aria-current="page"' if self.rq.path == h else "", self.t(k)) for h, k in links[1:]) if nav else ""
        home = '<b><a href="/">%s</a></b>' % self.t("sandbox") if nav else "<b>%s</b>" % self.t("sandbox")
        doc = ('<!doctype html><html lang="%s"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
               "%s<title>%s – %s</title><style>%s</style></head><body><p class=\"flag\" style=\"margin:0\" role=\"note\">%s</p>"
               "<header><nav>%s%s%s</nav></header><main><h1>%s</h1>%s</main>%s</body></html>"
               % (self.lang, '<meta http-equiv="refresh" content="%d">' % refresh if refresh else "", esc(title), self.t("sandbox"), CSS,
                  self.t("flag"), home, menu, self._lang_link(), esc(title), body, "<script>%s</script>" % script if script else ""))
        headers = [("Content-Security-Policy", "default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; "
                                               "script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'" + ("; frame-src " + frames if frames else ""))]
        if self.rq.query.get("lang") in T:
            headers.append(("Set-Cookie", "sandbox_lang=%s; Path=/; Max-Age=31536000; SameSite=Lax" % self.lang))
        return html_response(doc, status, headers)
