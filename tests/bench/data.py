# SPDX-License-Identifier: MIT
"""data.py - the fixed data set of the benchmarks, written straight into a database that `inboxctl init` made.

fill(path, threads, messages): one company, one user (with a session whose cookie is returned), one Page,
`threads` conversations whose PSIDs are "9000" and their number, `messages` messages of about 77 bytes, half of
them Japanese, the newest of now: the reply window is open, and nothing is due for the engine.  lean(path, threads): the schema and rows of the floor's webhook.
"""
import hashlib
import sqlite3
import time

PAGE = "108422330517604"
COOKIE = "A" * 43
NOW = int(time.time() * 1000)
EN = "Hello, do you still have the road frame in size 54? I could come on Friday %d."
JA = "こんにちは、予約の変更をお願いします。来週の金曜日は空いていますか%d"
NAMES = ("Liisa Virtanen", "Jaan Kask", "高橋 健", "山本 さくら", "Tom Becker", "Anna Lepik", "佐藤 美咲", "Maria Tamm")


def text(i):
    return (JA if i & 1 else EN) % i


def mkey(mid):
    return hashlib.sha256(("%s\n%s" % (PAGE, mid)).encode()).digest()[:16]


def fill(path, threads, messages, newest=NOW):
    c = sqlite3.connect(path)
    c.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-400000; PRAGMA foreign_keys=OFF; BEGIN")
    c.execute("INSERT INTO install(id,company_id,company_name,company_domain,api_domain,visibility,owner_id,state,created_at)"
              " VALUES(1,9000123,'Acme Sales','acme-sales','https://acme-sales.pipedrive.com','shared',1,'active',?)", (NOW,))
    # Her role was looked at just now, as in all but one request of an hour.
    c.execute("INSERT INTO user(id,install_id,pd_user_id,name,lang,timezone,admin,created_at,check_after)"
              " VALUES(1,1,10483244,'Maria Tamm','en','Europe/Tallinn',1,?,?)", (NOW, 1 << 52))
    c.execute("INSERT INTO session(hash,user_id,created_at,seen_at,ends_at) VALUES(?,1,?,?,?)",
              (hashlib.sha256(COOKIE.encode()).digest(), NOW, 1 << 52, 1 << 52))
    c.execute("INSERT INTO page(id,install_id,fb_id,name,user_id,state,import_state,checked_at,connected_at)"
              " VALUES(1,1,?,'Bramble Bikes',1,'active','done',?,?)", (PAGE, NOW, NOW - 86400000))
    # The daily check of the whole file is no part of a page.
    c.execute("INSERT INTO note(key,at,value) VALUES('check',?,'ok')", (NOW,))
    each = max(1, messages // threads)
    c.executemany(
        "INSERT INTO thread(id,install_id,page_id,psid,last_at,last_id,last_in_at,customer_at,name,snippet,history,profile_got,created_at,in_n)"
        " VALUES(?,1,1,?,?,0,?,?,?,?,'start',?,?,1)",
        ((t, "9000%d" % t, newest - t * 60000, newest - t * 60000, newest - t * 60000, NAMES[t % 8], text(t)[:100], 1 << 52, NOW)
         for t in range(1, threads + 1)))

    def rows():
        # One busy conversation (number 1) of 300 messages for the page; the others share the rest.
        for t in range(1, threads + 1):
            n = 300 if t == 1 else each
            for k in range(n):
                mid = "m_%08d%06dAbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-aBcDeFgH" % (t, k)
                key = mkey(mid[2:])
                out = k % 3 == 2
                yield (t, newest - t * 60000 - (n - 1 - k) * 90000, (int.from_bytes(key[:8], "big") >> 11) or 1, key, mid,
                       int(out), 1 if out else 0, 1, 5 if out else 0, 1 if out else 0, text(t + k))

    c.executemany("INSERT INTO message(thread_id,at,id,mkey,mid,dir,origin,flags,state,user_id,text)"
                  " VALUES(?,?,?,?,?,?,?,?,?,?,?)", rows())
    c.execute("UPDATE install SET in_threads = ?", (threads,))
    c.execute("INSERT INTO seen(user_id,thread_id,upto,n) SELECT 1, id, last_in_at, in_n FROM thread WHERE id % 3 > 0 AND id <= 5000")
    c.commit()
    c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    c.close()
    return COOKIE


def lean(path, threads):
    c = sqlite3.connect(path)
    c.executescript("""PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; BEGIN;
CREATE TABLE thread(id INTEGER PRIMARY KEY, psid TEXT, name TEXT, last_at INTEGER, snippet TEXT);
CREATE INDEX thread_last ON thread(last_at);
CREATE TABLE message(thread_id INTEGER, at INTEGER, mid TEXT, dir INTEGER, text TEXT, PRIMARY KEY(thread_id, at, mid)) WITHOUT ROWID;
""")
    c.executemany("INSERT INTO thread VALUES(?,?,?,?,?)",
                  ((t, "9000%d" % t, NAMES[t % 8], NOW - t * 60000, text(t)[:100]) for t in range(1, threads + 1)))
    c.executemany("INSERT INTO message VALUES(?,?,?,?,?)",
                  ((t, NOW - t * 60000 - k * 90000, "m_%08d%06dAbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-aBcDeFgH" % (t, k), k & 1, text(t + k))
                   for t in range(1, threads + 1) for k in range(10)))
    c.commit()
    c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    c.close()
