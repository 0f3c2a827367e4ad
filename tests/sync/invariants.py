#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""invariants.py - what is true of a database at every moment, whatever was killed or failed.

    findings = check("inbox.db")          # [] when all is well
    tests/sync/invariants.py inbox.db     # prints them; exit 1 when there are any

A finding is a sentence with the rows it speaks of.  Reads only, of one moment;
the programs may run meanwhile.
"""
import hashlib
import sqlite3
import sys

# enum msg_state of lib/store/message.h
SHOWN = {"queued": 1, "sending": 2, "deferred": 3, "checking": 4, "sent": 5, "failed": 6, "cancelled": 7}

# A sentence and a query that finds what breaks it.
RULES = [
    ("a reply on its way has its message, by place, writer and direction",
     "SELECT o.id, o.state FROM outbox o LEFT JOIN message m ON m.thread_id = o.thread_id AND m.at = o.msg_at AND m.id = o.msg_id"
     " WHERE m.id IS NULL OR m.dir <> 1 OR m.origin <> 1 OR m.user_id <> o.user_id OR m.text IS NULL AND m.flags & 4 = 0"),
    ("a reply has one state, in the outbox as in the conversation",
     "SELECT o.id, o.state, m.state FROM outbox o JOIN message m ON m.thread_id = o.thread_id AND m.id = o.msg_id"
     " WHERE m.state <> CASE o.state %s END" % " ".join("WHEN '%s' THEN %d" % kv for kv in SHOWN.items())),
    ("a message of a colleague has exactly one outbox row",
     "SELECT m.thread_id, m.id, count(o.id) FROM message m LEFT JOIN outbox o ON o.thread_id = m.thread_id AND o.msg_id = m.id"
     " WHERE m.user_id <> 0 GROUP BY m.thread_id, m.id HAVING count(o.id) <> 1"),
    ("a reply has Facebook's id when it was sent, and only then",
     "SELECT o.id, o.state, m.mid FROM outbox o JOIN message m ON m.thread_id = o.thread_id AND m.id = o.msg_id"
     " WHERE (o.state = 'sent') <> (m.mkey IS NOT NULL)"),
    ("outbox rows name the thread's install and Page",
     "SELECT o.id FROM outbox o JOIN thread t ON t.id = o.thread_id WHERE o.install_id <> t.install_id OR o.page_id <> t.page_id"),
    ("at most one reply of a thread is being sent",
     "SELECT thread_id, count(*) FROM outbox WHERE state = 'sending' GROUP BY thread_id HAVING count(*) > 1"),
    ("what is being sent has a lease, what was settled has none",
     "SELECT id, state, lease_until FROM outbox WHERE (state = 'sending') <> (lease_until > 0) AND state NOT IN ('queued', 'cancelled')"),
    ("a reply that was tried says when and how often",
     "SELECT id, state, attempts, tried_at FROM outbox WHERE state IN ('sending', 'checking', 'sent') AND (attempts < 1 OR tried_at = 0)"),
    ("what is hidden is a reply that somebody deleted, and the other way round; what left says why",
     "SELECT o.id, o.state, m.flags FROM outbox o JOIN message m ON m.thread_id = o.thread_id AND m.id = o.msg_id"
     " WHERE (m.flags & 8 <> 0) <> (o.state = 'cancelled' AND o.why = '')"),
    ("a failed reply says why",
     "SELECT id FROM outbox WHERE state = 'failed' AND why = ''"),
    ("the count of failed replies in the list is their number",
     "SELECT t.id, t.failed, (SELECT count(*) FROM outbox o WHERE o.thread_id = t.id AND o.state = 'failed') AS n FROM thread t"
     " WHERE t.failed <> n"),
    ("the list shows the newest message: place, direction, writer",
     "WITH newest AS (SELECT t.id AS thread, (SELECT m.id FROM message m WHERE m.thread_id = t.id AND m.line IN (SELECT line FROM in_list)"
     "  AND m.flags & 8 = 0 ORDER BY m.at DESC, m.id DESC LIMIT 1) AS msg FROM thread t)"
     " SELECT t.id, t.last_id, n.msg, t.last_at, m.at FROM thread t JOIN newest n ON n.thread = t.id"
     " LEFT JOIN message m ON m.thread_id = t.id AND m.id = n.msg"
     " WHERE t.last_id <> coalesce(n.msg, 0) OR t.last_at <> coalesce(m.at, 0) OR t.last_dir <> coalesce(m.dir, 0)"
     " OR t.last_user <> coalesce(m.user_id, 0)"),
    ("the list's line is that message's: a deleted one shows no text",
     "SELECT t.id, t.snippet FROM thread t JOIN message m ON m.thread_id = t.id AND m.id = t.last_id"
     " WHERE (m.flags & 4 <> 0) <> (t.snippet_kind = -1) OR (m.flags & 4 <> 0 AND t.snippet <> '')"),
    ("unread is measured by a message that is there",
     "SELECT t.id FROM thread t WHERE t.last_in_at > 0 AND NOT EXISTS (SELECT 1 FROM message m WHERE m.thread_id = t.id AND m.dir = 0"
     " AND m.at >= t.last_in_at)"),
    ("what came in is counted when it was news",
     "SELECT t.id, t.in_n, t.last_in_at FROM thread t WHERE (t.in_n > 0) <> (t.last_in_at > 0)"),
    ("the number of unread conversations of a person is what a count finds",
     "SELECT u.id, i.in_threads, u.read_threads, (SELECT count(*) FROM thread t LEFT JOIN seen s ON s.user_id = u.id AND s.thread_id = t.id"
     "  WHERE t.install_id = i.id AND t.state = 0 AND t.left_psid IS NULL AND t.in_n > coalesce(s.n, 0)) AS n"
     " FROM user u JOIN install i ON i.id = u.install_id WHERE i.in_threads - u.read_threads <> n"),
    ("a company knows when the next conversation comes back",
     "SELECT t.id, t.until_at, i.wake_at FROM thread t JOIN install i ON i.id = t.install_id WHERE t.state = 2"
     " AND (t.until_at = 0 OR i.wake_at = 0 OR i.wake_at > t.until_at)"),
    ("what is open is not put off",
     "SELECT id, state, until_at FROM thread WHERE state <> 2 AND until_at <> 0"),
    ("the reply window is open at least since the customer's last message",
     "SELECT t.id FROM thread t WHERE t.customer_at < (SELECT coalesce(max(m.at), 0) FROM message m WHERE m.thread_id = t.id"
     " AND m.dir = 0 AND m.line IN (SELECT line FROM in_list) AND m.flags & 1)"),
    ("a message has the attachments it says",
     "SELECT m.thread_id, m.id, m.natt FROM message m WHERE m.natt <> (SELECT count(*) FROM attachment a WHERE a.thread_id = m.thread_id"
     " AND a.msg_id = m.id)"),
    ("a reply that is a file has that file",
     "SELECT o.id FROM outbox o JOIN message m ON m.thread_id = o.thread_id AND m.id = o.msg_id WHERE m.natt > 0 AND NOT EXISTS"
     " (SELECT 1 FROM attachment a WHERE a.thread_id = m.thread_id AND a.msg_id = m.id AND a.n = 0"
     " AND a.file = 'u' || m.thread_id || '-' || m.id)"),
    ("a file waits for a reply or is in one",
     "SELECT u.id FROM upload u JOIN message m ON m.thread_id = u.thread_id AND m.id = u.id UNION ALL"
     " SELECT id FROM upload WHERE got > size OR (type <> 0 AND got < size)"),
    ("an attachment has its message",
     "SELECT a.thread_id, a.msg_id FROM attachment a WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.thread_id = a.thread_id AND m.id = a.msg_id)"),
    ("nothing of a deleted message is left",
     "SELECT thread_id, id FROM message WHERE flags & 4 AND (text IS NOT NULL OR natt > 0)"),
    ("threads and Pages belong to the same company",
     "SELECT t.id FROM thread t JOIN page p ON p.id = t.page_id WHERE p.install_id <> t.install_id"),
    ("what is to be read belongs to its Page, and is known by Facebook's id or asked for by a reader",
     "SELECT w.thread_id FROM want w JOIN thread t ON t.id = w.thread_id WHERE w.page_id <> t.page_id OR (t.fb_id IS NULL AND w.deep = 0)"),
    ("a Page that works has a token",
     "SELECT id, state FROM page WHERE state = 'active' AND token IS NULL"),
    ("a broken Page says why",
     "SELECT id FROM page WHERE state = 'broken' AND why = ''"),
    ("a pass over the listing is under way or it is not",
     "SELECT id, pass_cursor, pass_top, pass_started FROM page WHERE pass_started = 0 AND (pass_cursor IS NOT NULL OR pass_top <> 0)"),
    ("no more is imported than was found",
     "SELECT id, import_done, import_total FROM page WHERE import_done > import_total"),
    ("an import that is over has read everything",
     "SELECT p.id FROM page p WHERE p.import_state = 'done' AND p.import_done < p.import_total"),
    ("a person has both tokens of Pipedrive or none",
     "SELECT id FROM user WHERE (access IS NULL) <> (refresh IS NULL)"),
    ("who is signed in may be",
     "SELECT s.user_id FROM session s JOIN user u ON u.id = s.user_id WHERE u.active = 0"),
    ("a company has an owner among its people",
     "SELECT i.id FROM install i WHERE i.state = 'active' AND NOT EXISTS (SELECT 1 FROM user u WHERE u.id = i.owner_id AND u.install_id = i.id)"),
    ("links and writes belong to the thread's company",
     "SELECT l.id FROM link l JOIN thread t ON t.id = l.thread_id WHERE l.install_id <> t.install_id UNION ALL"
     " SELECT w.id FROM crm_write w JOIN thread t ON t.id = w.thread_id WHERE w.install_id <> t.install_id"),
    ("an ended link says by whom and when",
     "SELECT id FROM link WHERE (state = 'ended') <> (ended_at > 0) OR (state = 'ended' AND ended_by = 0)"),
    ("a write that is done names its record and keeps no text, a refused one says why",
     "SELECT id, state FROM crm_write WHERE (state = 'done' AND (pd_id = '' OR body <> '')) OR (state = 'refused' AND why = '')"
     " OR (state IN ('going', 'unknown') AND (body = '' OR settled_at > 0))"),
    ("no two writes became the same record",
     "SELECT act, pd_id FROM crm_write WHERE state = 'done' AND act <> 'stage' GROUP BY install_id, act, pd_id HAVING count(*) > 1"),
    ("what was made is in the audit",
     "SELECT w.id FROM crm_write w WHERE w.state = 'done' AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.install_id = w.install_id"
     " AND a.user_id = w.user_id AND a.what IN ('crm_created', 'crm_changed') AND a.detail LIKE '% ' || w.pd_id || ' thread ' || w.thread_id)"),
    ("a note is of one day of one conversation",
     "SELECT note_id FROM transcript WHERE note_id <> '' GROUP BY install_id, note_id HAVING count(*) > 1"),
    ("a day that is logged has its note, a refused one says why",
     "SELECT id, state FROM transcript WHERE (state = 'done' AND (note_id = '' OR digest = '')) OR (state = 'refused' AND why = '')"),
    ("a run that ended says how",
     "SELECT id FROM run WHERE (ended_at IS NULL) <> (result = 'running')"),
]


def digests(c):
    """mkey and id of every message that has a mid follow from Page and mid."""
    bad = []
    for page, mid, mkey, mid_id, user in c.execute(
            "SELECT p.fb_id, m.mid, m.mkey, m.id, m.user_id FROM message m JOIN thread t ON t.id = m.thread_id JOIN page p ON p.id = t.page_id"
            " WHERE m.mid IS NOT NULL"):
        key = mid[2:] if mid.startswith("m_") else mid
        want = hashlib.sha256(("%s\n%s" % (page, key)).encode()).digest()[:16]
        if mkey != want:
            bad.append((mid, "another digest"))
        elif user == 0 and mid_id != (int.from_bytes(want[:8], "big") >> 11 or 1):
            bad.append((mid, "another id"))
    return bad


def check(path, postback=1):
    """All findings; each a (sentence, rows)."""
    c = sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=10, isolation_level=None)
    found = []
    try:
        c.execute("PRAGMA temp_store = MEMORY")
        # enum fb_line: a bubble and a postback are messages, other lines are not.
        c.execute("CREATE TEMP TABLE in_list AS SELECT 0 AS line UNION SELECT ?", (postback,))
        c.execute("BEGIN")
        rows = c.execute("PRAGMA quick_check").fetchall()
        if rows != [("ok",)]:
            found.append(("the file is whole", rows))
        rows = c.execute("PRAGMA foreign_key_check").fetchall()
        if rows:
            found.append(("every reference leads somewhere", rows))
        for sentence, sql in RULES:
            rows = c.execute(sql).fetchall()
            if rows:
                found.append((sentence, rows[:5]))
        rows = digests(c)
        if rows:
            found.append(("messages are named after their mids", rows[:5]))
    finally:
        c.close()
    return found


if __name__ == "__main__":
    problems = check(sys.argv[1])
    for what, rows in problems:
        print("%s: %s" % (what, rows))
    sys.exit(1 if problems else 0)
