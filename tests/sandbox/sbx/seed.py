# SPDX-License-Identifier: MIT
"""Seeds: what exists when the sandbox starts.

Purpose: `small` = the least which tests need, with fixed ids; `demo` adds companies, people, Pages and
conversations (seed_demo); `many-pages` gives one person more than 60 Pages.
Ownership: writes into empty tables. Can fail: an unknown name is refused (ControlError).
"""
import json

from . import facebook as FB
from . import messenger as M
from . import pdrecords
from .errors import ControlError

NAMES = ("small", "demo", "many-pages", "none")
MARIA, MISAKI = "10229481123456789", "10229481987654321"
PAGE_A, PAGE_B, PAGE_C = "108422330517604", "110935571284066", "112233445566778"


def load(sb, name, count=65):
    """Fill the tables. Call inside a transaction."""
    if name not in NAMES:
        raise ControlError("unknown seed; one of " + ", ".join(NAMES))
    if name == "none":
        sb.st.cfg["seed"] = "none"
        return
    _small(sb)
    if name == "demo":
        from . import seed_demo
        seed_demo.load(sb)
    if name == "many-pages":
        _many_pages(sb, count)
    sb.st.cfg["seed"] = name
    sb.st.save_config()


def company(st, cid, name, domain, country, currency, plan="lite"):
    st.run("INSERT INTO pd_company(id,name,domain,country,currency,plan,seq) VALUES(?,?,?,?,?,?,?)", cid, name, domain, country, currency, plan, st.next("seq"))
    pdrecords.furnish(st, cid)


def pd_user(st, uid, cid, name, email, admin, lang="en", country="US", tz="Europe/Tallinn", locale="en_GB"):
    st.run("INSERT INTO pd_user(id,company,name,email,lang,country,tz,locale,admin,seq) VALUES(?,?,?,?,?,?,?,?,?,?)", uid, cid, name, email, lang, country, tz,
           locale, int(admin), st.next("seq"))


def fb_user(st, uid, name, email, locale="en_GB", app_role=0):
    st.run("INSERT INTO fb_user(id,name,email,locale,app_role,seq) VALUES(?,?,?,?,?,?)", uid, name, email, locale, app_role, st.next("seq"))


def page(st, pid, name, category, color, **more):
    st.run("INSERT INTO fb_page(id,name,category,color,seq) VALUES(?,?,?,?,?)", pid, name, category, color, st.next("pageseq"))
    for k, v in more.items():
        st.run("UPDATE fb_page SET %s=? WHERE id=?" % k, v, pid)


def role(st, user, pid, tasks=None):
    st.run("INSERT OR REPLACE INTO fb_role VALUES(?,?,?)", user, pid, json.dumps(tasks or FB.ALL_TASKS))


def _small(sb):
    st = sb.st
    company(st, 9000123, "Acme Sales", "acme-sales", "EE", "EUR")
    pd_user(st, 10483244, 9000123, "Maria Tamm", "maria@acme.example", True, locale="et_EE")
    pd_user(st, 10483245, 9000123, "Peeter Saar", "peeter@acme.example", False)
    pd_user(st, 10483246, 9000123, "Anna Lepik", "anna@acme.example", False, tz="Europe/Helsinki")
    company(st, 9000456, "青空商事", "aozora", "JP", "JPY", "growth")
    pd_user(st, 10590001, 9000456, "佐藤 美咲", "misaki@aozora.example", True, "ja", "JP", "Asia/Tokyo", "ja_JP")

    fb_user(st, MARIA, "Maria Tamm", "maria@acme.example", "et_EE", 1)
    fb_user(st, MISAKI, "佐藤 美咲", "misaki@aozora.example", "ja_JP")
    page(st, PAGE_A, "Bramble Bikes", "Bicycle Shop", "#2b6f5a")
    page(st, PAGE_B, "Bramble Repairs", "Repair Service", "#a05a2c")
    page(st, PAGE_C, "あおぞら珈琲", "Coffee Shop", "#2f5d8a")
    role(st, MARIA, PAGE_A)
    role(st, MARIA, PAGE_B)
    role(st, MISAKI, PAGE_C)

    M.new_conv(st, PAGE_A, "6804412339871205", "Liisa", "Virtanen", "t_10162039412345678", locale="fi_FI", tz=2, gender="female", human="liisa")
    M.new_conv(st, PAGE_A, "6804412339871206", "Jaan", "Kask", "t_10162039412345601", locale="et_EE", tz=2, gender="male")
    M.new_conv(st, PAGE_B, "6911223344556601", "Liisa", "Virtanen", "t_10162039412345602", locale="fi_FI", tz=2, gender="female", human="liisa")
    M.new_conv(st, PAGE_B, "6911223344556602", "Tom", "Becker", "t_10162039412345603", locale="de_DE", tz=1, gender="male")
    M.new_conv(st, PAGE_C, "7022334455667701", "健", "高橋", "t_10162039412345604", locale="ja_JP", tz=9, gender="male")
    M.new_conv(st, PAGE_C, "7022334455667702", "さくら", "山本", "t_10162039412345605", locale="ja_JP", tz=9, gender="female")


def _many_pages(sb, count):
    """More Pages than fit in two fetches, most of them usable."""
    st = sb.st
    have = st.one("SELECT count(*) FROM fb_role WHERE user=?", MARIA)[0]
    words = ("Cycles", "Coffee", "Garden", "Books", "Bakery", "Tours", "Studio", "Market", "Fitness", "Toys")
    for i in range(max(0, count - have)):
        pid = str(120000000000001 + i)
        page(st, pid, "Bramble %s %d" % (words[i % len(words)], i + 1), "Local Business", "#%02x6f5a" % (40 + i * 3 % 180), business=int(i % 10 == 7))
        role(st, MARIA, pid, ["ANALYZE"] if i % 9 == 5 else None)
