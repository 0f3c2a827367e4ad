/* SPDX-License-Identifier: MIT */
/*
 * schema.c - the numbered steps from an empty file to today's schema.
 *
 * A released step is never edited; a change is a further step.  Each step
 * runs in one transaction together with its number (PRAGMA user_version), so
 * that an interruption leaves either the old or the new version.
 *
 * Layout decisions (docs/performance.md has the figures):
 * - `message` is clustered by thread and time; a thread is read in one sweep.
 * - One Page and one PSID is one thread (messenger.md 6.5), so the customer's
 *   name and the row of the list live in `thread` itself: the list needs no
 *   joins.
 * - Delivered and read are watermarks of the thread, not columns of messages.
 * - `event` is clustered by time and digest: a repeated webhook finds its own
 *   row, and new ones append.
 * - Facts about a mid that may come before the mid itself (edit, reaction,
 *   unsending) wait in `fact`.
 */
#include "schema.h"

/*
 * Step 13: is thread t among those that people are told of, and does a row of
 * seen make it one that its person has read?  One without news counts as read
 * without a row; marked unread (n below in_n, which is 0) it counts against.
 */
#define COUNTS(t)	"(" t ".state = 0 AND " t ".left_psid IS NULL)"
#define NEWS(t)		"(" COUNTS(t) " AND " t ".in_n > 0)"
#define SEEN(s, t)	"(" COUNTS(t) " * ((" s ".n >= " t ".in_n) - (" t ".in_n = 0)))"
#define READ(t)		SEEN("s", t)

const char *const schema_steps[] = {
/* 1 */
"CREATE TABLE install ("			/* one Pipedrive company + connection */
"  id INTEGER PRIMARY KEY,"
"  company_id INTEGER NOT NULL UNIQUE,"
"  company_name TEXT NOT NULL,"
"  company_domain TEXT NOT NULL,"
"  api_domain TEXT NOT NULL,"
"  visibility TEXT NOT NULL CHECK (visibility IN ('private','shared')),"
"  owner_id INTEGER NOT NULL DEFAULT 0,"	/* user.id of the installer */
"  state TEXT NOT NULL CHECK (state IN ('active','removed')),"
"  created_at INTEGER NOT NULL,"
"  rev INTEGER NOT NULL DEFAULT 1"		/* moves with every visible change */
") STRICT;"
"CREATE TABLE user ("
"  id INTEGER PRIMARY KEY,"
"  install_id INTEGER NOT NULL REFERENCES install(id) ON DELETE CASCADE,"
"  pd_user_id INTEGER NOT NULL,"
"  name TEXT NOT NULL,"
"  email TEXT NOT NULL DEFAULT '',"
"  lang TEXT NOT NULL CHECK (lang IN ('en','ja')),"
"  timezone TEXT NOT NULL,"
"  admin INTEGER NOT NULL,"
"  active INTEGER NOT NULL DEFAULT 1,"
"  access TEXT, refresh TEXT,"			/* sealed */
"  access_until INTEGER NOT NULL DEFAULT 0,"
"  refresh_lease INTEGER NOT NULL DEFAULT 0,"	/* single flight: until when somebody refreshes */
"  checked_at INTEGER NOT NULL DEFAULT 0,"	/* last users/me */
"  created_at INTEGER NOT NULL,"
"  UNIQUE (install_id, pd_user_id)"
") STRICT;"
"CREATE TABLE session ("
"  hash BLOB PRIMARY KEY CHECK (length(hash) = 32),"
"  user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,"
"  created_at INTEGER NOT NULL,"
"  seen_at INTEGER NOT NULL,"			/* moved at most every few minutes */
"  ends_at INTEGER NOT NULL"
") STRICT, WITHOUT ROWID;"
"CREATE INDEX session_user ON session(user_id);"
"CREATE TABLE flow ("				/* a connection being made; nothing else is stored before its end */
"  hash BLOB PRIMARY KEY CHECK (length(hash) = 32),"
"  step TEXT NOT NULL CHECK (step IN ('pipedrive','visibility','facebook','pages')),"
"  data TEXT NOT NULL,"				/* sealed JSON */
"  ends_at INTEGER NOT NULL"
") STRICT, WITHOUT ROWID;"
"CREATE TABLE page ("
"  id INTEGER PRIMARY KEY,"
"  install_id INTEGER NOT NULL REFERENCES install(id) ON DELETE CASCADE,"
"  fb_id TEXT NOT NULL,"
"  name TEXT NOT NULL,"
"  name_at INTEGER NOT NULL DEFAULT 0,"		/* time of the event that told it */
"  policy TEXT NOT NULL DEFAULT '',"		/* warning, block, or nothing */
"  policy_at INTEGER NOT NULL DEFAULT 0,"
"  picture TEXT,"
"  token TEXT,"					/* sealed; NULL when dead or removed */
"  asid TEXT NOT NULL DEFAULT '',"		/* Facebook login it came from */
"  user_id INTEGER NOT NULL,"			/* who connected it */
"  state TEXT NOT NULL CHECK (state IN ('active','broken','removed')),"
"  why TEXT NOT NULL DEFAULT '',"		/* catalogue key of the reason when broken */
"  pause_until INTEGER NOT NULL DEFAULT 0,"	/* throttled or refused: nothing before */
"  refusals INTEGER NOT NULL DEFAULT 0,"	/* of sends, in a row */
"  send_after INTEGER NOT NULL DEFAULT 0,"	/* refused several times in a row: no sends before */
"  suspect INTEGER NOT NULL DEFAULT 0,"	/* token errors in a row that could not be inspected */
"  read_at INTEGER NOT NULL DEFAULT 0,"		/* last Conversations API call */
"  synced_until INTEGER NOT NULL DEFAULT 0,"	/* Meta's time of the newest thread fully compared */
"  import_state TEXT NOT NULL DEFAULT 'none' CHECK (import_state IN ('none','running','done')),"
"  import_done INTEGER NOT NULL DEFAULT 0,"
"  import_total INTEGER NOT NULL DEFAULT 0,"	/* threads seen in the listing so far */
"  pass_cursor TEXT,"				/* catch-up pass under way */
"  pass_top INTEGER NOT NULL DEFAULT 0,"	/* newest updated_time of that pass */
"  pass_started INTEGER NOT NULL DEFAULT 0,"
"  pass_listed INTEGER NOT NULL DEFAULT 0,"	/* threads seen in that pass */
"  pass_changed INTEGER NOT NULL DEFAULT 0,"	/* of them: have to be read */
"  catch_total INTEGER NOT NULL DEFAULT 0,"	/* threads to read when this catching up is done */
"  ask_at INTEGER NOT NULL DEFAULT 0,"		/* somebody wants a comparison newer than this */
"  read_why TEXT NOT NULL DEFAULT '',"		/* catalogue key: why the last read did not work */
"  checked_at INTEGER NOT NULL DEFAULT 0,"	/* last finished pass */
"  last_event_at INTEGER NOT NULL DEFAULT 0,"
"  health_at INTEGER NOT NULL DEFAULT 0,"	/* when to inspect the connection; 0 = not planned */
"  token_at INTEGER NOT NULL DEFAULT 0,"	/* last inspection that was answered */
"  token_until INTEGER NOT NULL DEFAULT 0,"	/* data access ends then; 0 = no such date */
"  sub_at INTEGER NOT NULL DEFAULT 0,"		/* last look at the subscription */
"  sub_state TEXT NOT NULL DEFAULT '' CHECK (sub_state IN ('','ok','restored','lost')),"
"  connected_at INTEGER NOT NULL,"
"  UNIQUE (install_id, fb_id)"
") STRICT;"
"CREATE UNIQUE INDEX page_once ON page(fb_id) WHERE state <> 'removed';"
"CREATE TABLE thread ("				/* one Page, one PSID: the row of the list */
"  id INTEGER PRIMARY KEY,"
"  install_id INTEGER NOT NULL REFERENCES install(id) ON DELETE CASCADE,"
"  page_id INTEGER NOT NULL REFERENCES page(id) ON DELETE CASCADE,"
"  psid TEXT NOT NULL,"
"  last_at INTEGER NOT NULL DEFAULT 0,"		/* last real message; 0 = none yet */
"  last_id INTEGER NOT NULL DEFAULT 0,"		/* its id: ties of time are settled by it */
"  last_in_at INTEGER NOT NULL DEFAULT 0,"	/* last incoming one; unread is measured by it */
"  customer_at INTEGER NOT NULL DEFAULT 0,"	/* last action that opens the reply window */
"  delivered_at INTEGER NOT NULL DEFAULT 0,"	/* watermarks, Meta's clock */
"  seen_at INTEGER NOT NULL DEFAULT 0,"
"  last_dir INTEGER NOT NULL DEFAULT 0,"	/* of the last message: 0 in, 1 out */
"  last_user INTEGER NOT NULL DEFAULT 0,"	/* colleague who wrote it */
"  failed INTEGER NOT NULL DEFAULT 0,"		/* replies that failed and were not dealt with */
"  owner_app TEXT,"				/* the other app that holds it; '' = some other; NULL = we may write: */
"  control_at INTEGER NOT NULL DEFAULT 0,"	/* follows from the latest word about control, */
"  control_app TEXT,"				/* from what came to standby, and from what came to us */
"  standby_at INTEGER NOT NULL DEFAULT 0,"
"  direct_at INTEGER NOT NULL DEFAULT 0,"
"  name TEXT,"					/* NULL = not known */
"  snippet TEXT NOT NULL DEFAULT '',"
"  snippet_kind INTEGER NOT NULL DEFAULT 0,"	/* 0 text, else attachment type */
"  fb_id TEXT,"					/* t_... when known */
"  link TEXT,"					/* the conversation at Facebook */
"  picture TEXT,"				/* file in media_dir, '' = asked and none */
"  profile_at INTEGER NOT NULL DEFAULT 0,"	/* when to ask for the profile; 0 = not wanted */
"  profile_tries INTEGER NOT NULL DEFAULT 0,"
"  profile_got INTEGER NOT NULL DEFAULT 0,"	/* when it was last told or given up */
"  source TEXT,"				/* the earliest referral, JSON, */
"  source_at INTEGER NOT NULL DEFAULT 0,"	/* and its time */
"  history TEXT NOT NULL DEFAULT 'unknown' CHECK (history IN ('unknown','more','start','end')),"
"  history_cursor TEXT,"
"  synced_at INTEGER NOT NULL DEFAULT 0,"	/* updated_time of the listing that was compared */
"  created_at INTEGER NOT NULL,"
"  UNIQUE (page_id, psid)"
") STRICT;"
"CREATE INDEX thread_list ON thread(install_id, last_at, id);"
"CREATE INDEX thread_profile ON thread(profile_at) WHERE profile_at > 0;"
"CREATE TABLE want ("				/* threads whose messages shall be read from Facebook, newest first */
"  page_id INTEGER NOT NULL REFERENCES page(id) ON DELETE CASCADE,"
"  updated_at INTEGER NOT NULL,"		/* of the listing */
"  thread_id INTEGER NOT NULL REFERENCES thread(id) ON DELETE CASCADE,"
"  cursor TEXT,"				/* reading goes on from here */
"  deep INTEGER NOT NULL DEFAULT 0,"		/* a reader asked for older ones */
"  total INTEGER NOT NULL DEFAULT -1,"		/* messages by the listing, -1 not told */
"  given INTEGER NOT NULL DEFAULT 0,"		/* messages read so far, */
"  reached INTEGER NOT NULL DEFAULT 0,"		/* and the time of the oldest of them */
"  PRIMARY KEY (page_id, updated_at, thread_id)"
") STRICT, WITHOUT ROWID;"
"CREATE INDEX want_thread ON want(thread_id);"
"CREATE TABLE message ("
"  thread_id INTEGER NOT NULL REFERENCES thread(id) ON DELETE CASCADE,"
"  at INTEGER NOT NULL,"			/* ms; Meta's clock as soon as it is known */
"  id INTEGER NOT NULL,"			/* from the mid, or random for our own */
"  mkey BLOB CHECK (length(mkey) = 16),"	/* digest of Page and mid; NULL until known */
"  mid TEXT,"
"  dir INTEGER NOT NULL,"			/* 0 in, 1 out */
"  origin INTEGER NOT NULL,"			/* enum msg_origin */
"  line INTEGER NOT NULL DEFAULT 0,"		/* enum fb_line; 0 = a bubble */
"  flags INTEGER NOT NULL DEFAULT 0,"		/* enum msg_flag */
"  state INTEGER NOT NULL DEFAULT 0,"		/* enum msg_state of our own */
"  user_id INTEGER NOT NULL DEFAULT 0,"
"  natt INTEGER NOT NULL DEFAULT 0,"
"  edits INTEGER NOT NULL DEFAULT 0,"
"  text TEXT,"
"  detail TEXT,"				/* of a line; reason key of a failed one */
"  react_in TEXT, react_out TEXT,"		/* emoji */
"  reply_to BLOB,"				/* mkey of the quoted message */
"  PRIMARY KEY (thread_id, at, id)"
") STRICT, WITHOUT ROWID;"
"CREATE UNIQUE INDEX message_mid ON message(mkey) WHERE mkey IS NOT NULL;"
"CREATE TABLE attachment ("
"  thread_id INTEGER NOT NULL REFERENCES thread(id) ON DELETE CASCADE,"
"  msg_id INTEGER NOT NULL,"
"  n INTEGER NOT NULL,"
"  type INTEGER NOT NULL,"			/* enum fb_att */
"  width INTEGER NOT NULL DEFAULT 0, height INTEGER NOT NULL DEFAULT 0,"
"  size INTEGER NOT NULL DEFAULT 0,"
"  fetch_at INTEGER NOT NULL DEFAULT 0,"	/* when to fetch the file; 0 = not wanted */
"  tries INTEGER NOT NULL DEFAULT 0,"
"  url TEXT, title TEXT, name TEXT, mime TEXT,"
"  file TEXT,"					/* in media_dir; '' = gone at Facebook */
"  PRIMARY KEY (thread_id, msg_id, n)"
") STRICT, WITHOUT ROWID;"
"CREATE INDEX attachment_fetch ON attachment(fetch_at) WHERE fetch_at > 0;"
"CREATE TABLE fact ("				/* about a mid, kept whether or not the mid is here */
"  mkey BLOB NOT NULL CHECK (length(mkey) = 16),"
"  kind INTEGER NOT NULL,"			/* enum fact_kind */
"  num INTEGER NOT NULL,"			/* edit number; 0 else */
"  at INTEGER NOT NULL,"
"  page_id INTEGER NOT NULL REFERENCES page(id) ON DELETE CASCADE,"
"  value TEXT,"
"  PRIMARY KEY (mkey, kind, num)"
") STRICT, WITHOUT ROWID;"
"CREATE INDEX fact_page ON fact(page_id);"
"CREATE TABLE event ("				/* what Facebook sent, as it came */
"  at INTEGER NOT NULL,"			/* of the event: a repeat carries the same */
"  digest BLOB NOT NULL CHECK (length(digest) = 16),"
"  page_id INTEGER NOT NULL,"			/* 0 = a Page we do not know */
"  kind INTEGER NOT NULL,"			/* enum fb_kind */
"  raw TEXT NOT NULL,"
"  PRIMARY KEY (at, digest)"
") STRICT, WITHOUT ROWID;"
"CREATE TABLE quarantine ("			/* signed but not understood, or refused by the database */
"  id INTEGER PRIMARY KEY,"
"  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 16),"
"  received_at INTEGER NOT NULL,"
"  page_id INTEGER NOT NULL,"
"  why TEXT NOT NULL,"
"  tries INTEGER NOT NULL DEFAULT 0,"
"  program TEXT NOT NULL,"			/* version that could not */
"  raw BLOB NOT NULL"
") STRICT;"
"CREATE INDEX quarantine_page ON quarantine(page_id);"
"CREATE TABLE outbox ("				/* replies on their way: the work; the text is in message */
"  id INTEGER PRIMARY KEY,"
"  install_id INTEGER NOT NULL,"		/* both as the thread's, which goes with them */
"  page_id INTEGER NOT NULL,"
"  thread_id INTEGER NOT NULL REFERENCES thread(id) ON DELETE CASCADE,"
"  msg_id INTEGER NOT NULL,"
"  msg_at INTEGER NOT NULL,"
"  user_id INTEGER NOT NULL,"
"  client_key TEXT NOT NULL,"			/* random key of the form */
"  token TEXT NOT NULL UNIQUE,"			/* our id in metadata */
"  state TEXT NOT NULL CHECK (state IN ('queued','sending','deferred','checking','sent','failed','cancelled')),"
"  attempts INTEGER NOT NULL DEFAULT 0,"
"  checks INTEGER NOT NULL DEFAULT 0,"		/* finished looks at the conversation while checking */
"  look TEXT,"					/* a look goes on from this cursor */
"  next_at INTEGER NOT NULL,"
"  lease_until INTEGER NOT NULL DEFAULT 0,"
"  created_at INTEGER NOT NULL,"
"  tried_at INTEGER NOT NULL DEFAULT 0,"	/* when the last call began */
"  after_at INTEGER NOT NULL DEFAULT 0,"	/* newest message we knew before the first call, Facebook's clock */
"  settled_at INTEGER NOT NULL DEFAULT 0,"
"  code INTEGER NOT NULL DEFAULT 0, subcode INTEGER NOT NULL DEFAULT 0,"
"  why TEXT NOT NULL DEFAULT '',"		/* catalogue key */
"  UNIQUE (thread_id, client_key)"
") STRICT;"
"CREATE INDEX outbox_due ON outbox(next_at) WHERE state IN ('queued','deferred','checking','sending');"
"CREATE INDEX outbox_open ON outbox(thread_id, id) WHERE state IN ('queued','deferred','checking','sending');"
"CREATE INDEX outbox_msg ON outbox(thread_id, msg_id);"
"CREATE TABLE seen ("				/* how far each person has read each thread */
"  user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,"
"  thread_id INTEGER NOT NULL REFERENCES thread(id) ON DELETE CASCADE,"
"  upto INTEGER NOT NULL,"
"  PRIMARY KEY (user_id, thread_id)"
") STRICT, WITHOUT ROWID;"
"CREATE INDEX seen_thread ON seen(thread_id);"
"CREATE TABLE lease ("				/* one worker at a time for a named piece of work */
"  name TEXT PRIMARY KEY,"
"  holder TEXT NOT NULL,"
"  until INTEGER NOT NULL"
") STRICT, WITHOUT ROWID;"
"CREATE TABLE run ("				/* the ledger of the engine */
"  id INTEGER PRIMARY KEY,"
"  driver TEXT NOT NULL,"			/* cron, web, visit */
"  started_at INTEGER NOT NULL,"
"  ended_at INTEGER,"
"  result TEXT NOT NULL DEFAULT 'running',"
"  sent INTEGER NOT NULL DEFAULT 0, settled INTEGER NOT NULL DEFAULT 0,"
"  fetched INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,"
"  calls INTEGER NOT NULL DEFAULT 0"
") STRICT;"
"CREATE TABLE note ("				/* what the engine remembers about itself */
"  key TEXT PRIMARY KEY,"
"  at INTEGER NOT NULL,"
"  value TEXT NOT NULL"
") STRICT, WITHOUT ROWID;"
"CREATE TABLE comparison ("			/* the ledger of finished comparisons with Facebook */
"  id INTEGER PRIMARY KEY,"
"  page_id INTEGER NOT NULL REFERENCES page(id) ON DELETE CASCADE,"
"  started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL,"
"  listed INTEGER NOT NULL, changed INTEGER NOT NULL"
") STRICT;"
"CREATE INDEX comparison_page ON comparison(page_id, id);"
"CREATE TABLE odd_code ("			/* errors of the services that codes.def does not know */
"  service TEXT NOT NULL CHECK (service IN ('facebook','pipedrive')),"
"  code INTEGER NOT NULL, subcode INTEGER NOT NULL,"
"  times INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,"
"  PRIMARY KEY (service, code, subcode)"
") STRICT, WITHOUT ROWID;"
"CREATE TABLE audit ("
"  id INTEGER PRIMARY KEY,"
"  install_id INTEGER NOT NULL,"
"  at INTEGER NOT NULL,"
"  user_id INTEGER NOT NULL DEFAULT 0,"
"  what TEXT NOT NULL,"
"  detail TEXT NOT NULL DEFAULT ''"
") STRICT;"
"CREATE INDEX audit_install ON audit(install_id, id);",
/* 2: leaving, deleting on request, retention, rights looked at anew */
"CREATE TABLE leaving ("			/* what is being taken away, and its receipt */
"  id INTEGER PRIMARY KEY,"
"  code TEXT NOT NULL UNIQUE,"			/* random: the receipt's address */
"  kind TEXT NOT NULL CHECK (kind IN ('install','page','customer','login')),"
"  cause TEXT NOT NULL CHECK (cause IN ('here','pipedrive','grant','facebook')),"
"  install_id INTEGER NOT NULL,"		/* no reference: the receipt outlives it */
"  subject INTEGER NOT NULL DEFAULT 0,"		/* page.id, thread.id; 0 = all Pages of the install */
"  step TEXT NOT NULL CHECK (step IN ('keeping','erasing','waiting','done','returned')),"
"  keep_days INTEGER NOT NULL,"
"  started_at INTEGER NOT NULL,"
"  erase_at INTEGER NOT NULL,"			/* nothing is erased before */
"  ended_at INTEGER NOT NULL DEFAULT 0,"
"  cursor INTEGER NOT NULL DEFAULT 0,"		/* of the walk over event */
"  pages INTEGER NOT NULL DEFAULT 0, people INTEGER NOT NULL DEFAULT 0,"
"  sessions INTEGER NOT NULL DEFAULT 0, replies INTEGER NOT NULL DEFAULT 0,"
"  threads INTEGER NOT NULL DEFAULT 0, messages INTEGER NOT NULL DEFAULT 0,"
"  files INTEGER NOT NULL DEFAULT 0, events INTEGER NOT NULL DEFAULT 0"
") STRICT;"
"CREATE INDEX leaving_due ON leaving(erase_at) WHERE step IN ('keeping','erasing');"
"CREATE INDEX leaving_install ON leaving(install_id);"
"CREATE TABLE farewell ("			/* what a service still has to be told */
"  id INTEGER PRIMARY KEY,"
"  leaving_id INTEGER NOT NULL REFERENCES leaving(id) ON DELETE CASCADE,"
"  kind TEXT NOT NULL CHECK (kind IN ('page','grant')),"	/* unsubscribe; end webhooks and revoke */
"  subject TEXT NOT NULL,"			/* Page id; company and user */
"  host TEXT NOT NULL DEFAULT '',"		/* api_domain */
"  token TEXT, access TEXT,"			/* sealed, until the service knows or we give up */
"  access_until INTEGER NOT NULL DEFAULT 0,"
"  state TEXT NOT NULL CHECK (state IN ('open','told','gave up','returned')),"
"  tries INTEGER NOT NULL DEFAULT 0,"
"  next_at INTEGER NOT NULL"
") STRICT;"
"CREATE INDEX farewell_due ON farewell(next_at) WHERE state = 'open';"
"CREATE INDEX farewell_leaving ON farewell(leaving_id);"
"CREATE TABLE forgotten ("			/* customers whose data was deleted: their history stays away */
"  page_id INTEGER NOT NULL REFERENCES page(id) ON DELETE CASCADE,"
"  who BLOB NOT NULL CHECK (length(who) = 16),"	/* digest of Page and PSID */
"  at INTEGER NOT NULL,"			/* what is older does not come back */
"  PRIMARY KEY (page_id, who)"
") STRICT, WITHOUT ROWID;"
"CREATE TABLE export ("			/* copies of everything, built in slices */
"  id INTEGER PRIMARY KEY,"
"  install_id INTEGER NOT NULL REFERENCES install(id) ON DELETE CASCADE,"
"  user_id INTEGER NOT NULL,"
"  file TEXT NOT NULL UNIQUE,"			/* in the folder of exports */
"  state TEXT NOT NULL CHECK (state IN ('building','ready')),"
"  lease_until INTEGER NOT NULL DEFAULT 0,"
"  started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL DEFAULT 0,"
"  size INTEGER NOT NULL DEFAULT 0,"		/* bytes that count */
"  thread INTEGER NOT NULL DEFAULT 0,"		/* how far: conversation, message, part, */
"  msg_at INTEGER NOT NULL DEFAULT 0, msg_id INTEGER NOT NULL DEFAULT 0, part INTEGER NOT NULL DEFAULT 0,"
"  contents INTEGER NOT NULL DEFAULT 0, after_thread INTEGER NOT NULL DEFAULT 0,"	/* then the contents */
"  threads INTEGER NOT NULL DEFAULT 0, messages INTEGER NOT NULL DEFAULT 0, files INTEGER NOT NULL DEFAULT 0"
") STRICT;"
"CREATE INDEX export_install ON export(install_id);"
/* Set when erasing begins: the id is free for whoever connects again. */
"ALTER TABLE page ADD COLUMN left_fb TEXT;"
"CREATE INDEX page_left ON page(left_fb) WHERE left_fb IS NOT NULL;"
"ALTER TABLE thread ADD COLUMN left_psid TEXT;"
"ALTER TABLE install ADD COLUMN retention_days INTEGER NOT NULL DEFAULT 0;"	/* 0 = no end */
"ALTER TABLE install ADD COLUMN retention_at INTEGER NOT NULL DEFAULT 0;"	/* when the next walk begins */
"ALTER TABLE install ADD COLUMN retention_thread INTEGER NOT NULL DEFAULT 0;"	/* how far this one is */
"ALTER TABLE user ADD COLUMN check_after INTEGER NOT NULL DEFAULT 0;"	/* users/me is due then */
"ALTER TABLE user ADD COLUMN zone TEXT NOT NULL DEFAULT '';",	/* chosen here; else Pipedrive's */
/* 3: conversations meet Pipedrive's records */
"CREATE TABLE link ("				/* a conversation and a person, lead or deal */
"  id INTEGER PRIMARY KEY,"
"  install_id INTEGER NOT NULL REFERENCES install(id) ON DELETE CASCADE,"
"  thread_id INTEGER NOT NULL REFERENCES thread(id) ON DELETE CASCADE,"
"  kind TEXT NOT NULL CHECK (kind IN ('person','lead','deal')),"
"  pd_id TEXT NOT NULL,"			/* a number; of a lead a UUID */
"  title TEXT NOT NULL,"			/* as last seen, with what follows */
"  email TEXT, phone TEXT, value TEXT, currency TEXT, stage TEXT,"
"  state TEXT NOT NULL DEFAULT 'live' CHECK (state IN ('live','archived','gone','ended')),"
"  user_id INTEGER NOT NULL,"			/* who linked */
"  linked_at INTEGER NOT NULL,"
"  checked_at INTEGER NOT NULL,"		/* when Pipedrive last told of it */
"  ended_by INTEGER NOT NULL DEFAULT 0, ended_at INTEGER NOT NULL DEFAULT 0"
") STRICT;"
"CREATE UNIQUE INDEX link_person ON link(thread_id) WHERE kind = 'person' AND state <> 'ended';"
"CREATE UNIQUE INDEX link_work ON link(thread_id) WHERE kind <> 'person' AND state <> 'ended';"
"CREATE INDEX link_thread ON link(thread_id);"
"CREATE INDEX link_record ON link(install_id, kind, pd_id);"
"CREATE INDEX thread_name ON thread(install_id, name) WHERE name IS NOT NULL;"
"CREATE TABLE crm_write ("			/* something to be made or changed in Pipedrive, once */
"  id INTEGER PRIMARY KEY,"
"  install_id INTEGER NOT NULL REFERENCES install(id) ON DELETE CASCADE,"
"  thread_id INTEGER NOT NULL REFERENCES thread(id) ON DELETE CASCADE,"
"  user_id INTEGER NOT NULL,"			/* whose authorisation it is made with */
"  key TEXT NOT NULL UNIQUE,"			/* random key of the form */
"  act TEXT NOT NULL CHECK (act IN ('person','lead','deal','stage','activity','note')),"
"  body TEXT NOT NULL,"				/* what is written; '' once it is */
"  after_id INTEGER NOT NULL DEFAULT 0,"	/* the write of the person it is for */
"  state TEXT NOT NULL CHECK (state IN ('going','unknown','done','refused')),"
"  pd_id TEXT NOT NULL DEFAULT '',"		/* what it became */
"  why TEXT NOT NULL DEFAULT '',"		/* catalogue key of a refusal, */
"  words TEXT NOT NULL DEFAULT '',"		/* and Pipedrive's own words */
"  attempts INTEGER NOT NULL DEFAULT 0,"	/* calls */
"  looks INTEGER NOT NULL DEFAULT 0,"		/* searches since the last call that found nothing */
"  next_at INTEGER NOT NULL,"
"  lease_until INTEGER NOT NULL DEFAULT 0,"
"  tried_at INTEGER NOT NULL DEFAULT 0,"	/* when the first call began */
"  created_at INTEGER NOT NULL,"
"  settled_at INTEGER NOT NULL DEFAULT 0,"
"  shown INTEGER NOT NULL DEFAULT 0"		/* somebody has read the refusal */
") STRICT;"
"CREATE INDEX crm_write_due ON crm_write(next_at) WHERE state IN ('going','unknown');"
"CREATE INDEX crm_write_thread ON crm_write(thread_id, id);"
"CREATE INDEX crm_write_made ON crm_write(install_id, act, pd_id);"
"CREATE TABLE crm_cache ("			/* answers that cost much and change little */
"  user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,"
"  key TEXT NOT NULL,"
"  at INTEGER NOT NULL,"
"  value TEXT NOT NULL,"
"  PRIMARY KEY (user_id, key)"
") STRICT, WITHOUT ROWID;"
"CREATE TABLE crm_pause ("			/* nothing is asked of Pipedrive before */
"  install_id INTEGER PRIMARY KEY REFERENCES install(id) ON DELETE CASCADE,"
"  until INTEGER NOT NULL,"
"  why TEXT NOT NULL"				/* catalogue key */
") STRICT;",
/* 4: was a refresh begun whose answer nobody has seen? */
"ALTER TABLE user ADD COLUMN refresh_open INTEGER NOT NULL DEFAULT 0;",	/* begun, since one was answered */
/* 5: people inside Pipedrive */
"ALTER TABLE user ADD COLUMN pass_until INTEGER NOT NULL DEFAULT 0;",	/* the last pass given out ends then */
/* 6: conversations are logged in Pipedrive, its records are followed */
"ALTER TABLE install ADD COLUMN transcripts INTEGER NOT NULL DEFAULT 1;"	/* log conversations as notes */
"ALTER TABLE link ADD COLUMN log_from INTEGER NOT NULL DEFAULT 0;"	/* what is older is not logged there */
"ALTER TABLE link ADD COLUMN of_person INTEGER NOT NULL DEFAULT 0;"	/* of a lead: by it the deal it becomes is found */
"ALTER TABLE link ADD COLUMN check_at INTEGER NOT NULL DEFAULT 0;"	/* when Pipedrive is asked about it next */
"CREATE INDEX link_check ON link(check_at) WHERE state <> 'ended';"
"CREATE TABLE transcript_touch ("		/* where linked conversations changed, until a run sees it */
"  thread_id INTEGER NOT NULL REFERENCES thread(id) ON DELETE CASCADE,"
"  quarter INTEGER NOT NULL,"			/* quarter of an hour since 1970: a day of any zone is made of them */
"  PRIMARY KEY (thread_id, quarter)"
") STRICT, WITHOUT ROWID;"
"CREATE TABLE transcript ("			/* one day of a conversation as a note on one record */
"  id INTEGER PRIMARY KEY,"
"  install_id INTEGER NOT NULL REFERENCES install(id) ON DELETE CASCADE,"
"  thread_id INTEGER NOT NULL REFERENCES thread(id) ON DELETE CASCADE,"
"  day INTEGER NOT NULL,"			/* days since 1970 in the installer's zone */
"  kind TEXT NOT NULL CHECK (kind IN ('person','lead','deal')),"
"  pd_id TEXT NOT NULL,"
"  user_id INTEGER NOT NULL,"			/* who linked: written with that authorisation */
"  from_at INTEGER NOT NULL,"			/* messages of that day from then */
"  until_at INTEGER NOT NULL DEFAULT 0,"	/* to then; 0 = no end */
"  note_id TEXT NOT NULL DEFAULT '',"
"  digest TEXT NOT NULL DEFAULT '',"		/* of what was written */
"  state TEXT NOT NULL CHECK (state IN ('going','unknown','done','refused')),"
"  why TEXT NOT NULL DEFAULT '',"		/* catalogue key: why it waits or was refused */
"  rev INTEGER NOT NULL DEFAULT 1,"		/* moves with every change of the day */
"  tries INTEGER NOT NULL DEFAULT 0,"		/* calls that were to make the note */
"  looks INTEGER NOT NULL DEFAULT 0,"		/* since the last of them, that found nothing */
"  next_at INTEGER NOT NULL,"
"  lease_until INTEGER NOT NULL DEFAULT 0,"
"  written_at INTEGER NOT NULL DEFAULT 0,"
"  UNIQUE (thread_id, day, kind, pd_id)"
") STRICT;"
"CREATE INDEX transcript_due ON transcript(next_at) WHERE state IN ('going','unknown');"
"CREATE INDEX transcript_target ON transcript(install_id, kind, pd_id);"
"CREATE TABLE pd_hook ("			/* our webhooks at one Pipedrive company */
"  install_id INTEGER PRIMARY KEY REFERENCES install(id) ON DELETE CASCADE,"
"  key TEXT NOT NULL UNIQUE,"			/* random: the address */
"  password TEXT NOT NULL,"			/* sealed; Pipedrive names it with each event */
"  check_at INTEGER NOT NULL,"			/* when they are looked at next */
"  why TEXT NOT NULL DEFAULT '',"		/* catalogue key: why they could not be made */
"  told_at INTEGER NOT NULL DEFAULT 0"		/* last event */
") STRICT;"
"CREATE TABLE pd_merge ("			/* records that became others: events come in any order */
"  install_id INTEGER NOT NULL REFERENCES install(id) ON DELETE CASCADE,"
"  kind TEXT NOT NULL,"
"  old_id TEXT NOT NULL,"
"  new_id TEXT NOT NULL,"
"  at INTEGER NOT NULL,"			/* of the event */
"  PRIMARY KEY (install_id, kind, old_id)"
") STRICT, WITHOUT ROWID;",

/* 7: what people choose for themselves */
"ALTER TABLE user ADD COLUMN prefs TEXT NOT NULL DEFAULT '';",	/* lib/store/pref.h */
/* 8: drafts are kept here; a reply can be taken back for some seconds */
"CREATE TABLE draft ("				/* what somebody has begun to write */
"  user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,"
"  thread_id INTEGER NOT NULL REFERENCES thread(id) ON DELETE CASCADE,"
"  at INTEGER NOT NULL,"
"  form TEXT NOT NULL,"				/* key of the form that saved it */
"  text TEXT NOT NULL,"
"  replaces INTEGER NOT NULL DEFAULT 0,"	/* message of the failed reply it writes anew */
"  PRIMARY KEY (user_id, thread_id)"
") STRICT, WITHOUT ROWID;"
"CREATE INDEX draft_thread ON draft(thread_id);"
"ALTER TABLE user ADD COLUMN rev INTEGER NOT NULL DEFAULT 0;"	/* moves with what that person alone sees change */
"ALTER TABLE outbox ADD COLUMN hold_until INTEGER NOT NULL DEFAULT 0;",	/* it can be taken back until then; 0 = it could not */
/* 9: the row of the list knows whether its conversation is linked */
"ALTER TABLE thread ADD COLUMN linked INTEGER NOT NULL DEFAULT 0;"	/* a link that has not ended */
"UPDATE thread SET linked = 1 WHERE id IN (SELECT thread_id FROM link WHERE state <> 'ended');",
/* 10: reply deadlines after an ad, replies that somebody gives personally */
"ALTER TABLE thread ADD COLUMN ad_click INTEGER NOT NULL DEFAULT 0;"	/* the latest click on an ad; 0 = never */
"ALTER TABLE thread ADD COLUMN ad_at INTEGER NOT NULL DEFAULT 0;"	/* first message after it: up to 7 days for replies */
"ALTER TABLE thread ADD COLUMN ad_no INTEGER NOT NULL DEFAULT 0;"	/* the ad_at for which Facebook refused them */
"ALTER TABLE outbox ADD COLUMN agent INTEGER NOT NULL DEFAULT 0;"	/* somebody ticked that he answers personally */
"CREATE INDEX thread_waits ON thread(install_id, customer_at, id) WHERE last_dir = 0;"
"CREATE INDEX thread_waits_ad ON thread(install_id, ad_at, id) WHERE last_dir = 0 AND ad_at > ad_no;",
/* 11: files that people send */
"CREATE TABLE upload ("				/* files that people are about to send (store/upload.h) */
"  id INTEGER PRIMARY KEY,"			/* random, and the message's id later; the file is u<thread>-<id> */
"  install_id INTEGER NOT NULL,"		/* as the thread's, which goes with it */
"  thread_id INTEGER NOT NULL REFERENCES thread(id) ON DELETE CASCADE,"
"  user_id INTEGER NOT NULL,"
"  key TEXT NOT NULL,"				/* random, by the page that brings it */
"  name TEXT NOT NULL,"
"  mime TEXT NOT NULL DEFAULT '',"
"  type INTEGER NOT NULL DEFAULT 0,"		/* enum fb_att; 0 = not whole yet */
"  size INTEGER NOT NULL,"
"  got INTEGER NOT NULL DEFAULT 0,"		/* bytes on the disk */
"  width INTEGER NOT NULL DEFAULT 0, height INTEGER NOT NULL DEFAULT 0,"
"  created_at INTEGER NOT NULL,"
"  UNIQUE (thread_id, user_id, key)"
") STRICT;"
"CREATE INDEX upload_open ON upload(user_id, created_at);"
"CREATE INDEX upload_old ON upload(created_at);",
/* 12: what is new for whoever looked away */
"ALTER TABLE thread ADD COLUMN in_rev INTEGER NOT NULL DEFAULT 0;",	/* install.rev since which the customer's last message is there */
/* 13: unread is counted; conversations are open, done or put off */
"ALTER TABLE thread ADD COLUMN in_n INTEGER NOT NULL DEFAULT 0;"	/* incoming messages that were news, ever */
"ALTER TABLE thread ADD COLUMN state INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0,1,2));"	/* enum thread_state */
"ALTER TABLE thread ADD COLUMN state_at INTEGER NOT NULL DEFAULT 0;"	/* since when, */
"ALTER TABLE thread ADD COLUMN state_by INTEGER NOT NULL DEFAULT 0;"	/* by whom: 0 = a customer's message, or the clock */
"ALTER TABLE thread ADD COLUMN until_at INTEGER NOT NULL DEFAULT 0;"	/* put off until then */
"ALTER TABLE thread ADD COLUMN woke_at INTEGER NOT NULL DEFAULT 0;"	/* came back then */
"ALTER TABLE thread ADD COLUMN list_at INTEGER GENERATED ALWAYS AS (max(last_at, woke_at)) VIRTUAL;"	/* place in the list */
"ALTER TABLE seen ADD COLUMN n INTEGER NOT NULL DEFAULT 0;"		/* in_n when the person read it; less: unread */
"ALTER TABLE install ADD COLUMN wake_at INTEGER NOT NULL DEFAULT 0;"	/* no conversation comes back before; 0 = none is put off */
"ALTER TABLE install ADD COLUMN in_threads INTEGER NOT NULL DEFAULT 0;"	/* open conversations with news, */
"ALTER TABLE user ADD COLUMN read_threads INTEGER NOT NULL DEFAULT 0;"	/* and how many of them the person has read */
"ALTER TABLE user ADD COLUMN saved TEXT NOT NULL DEFAULT '';"		/* saved filters: see saved.h */
"DROP INDEX thread_list;"
"CREATE INDEX thread_list ON thread(install_id, state, list_at, id);"
"CREATE INDEX thread_later ON thread(install_id, until_at, id) WHERE state = 2;"
"UPDATE thread SET in_n = max(1, (SELECT count(*) FROM page p JOIN message m ON m.thread_id = thread.id AND m.at > p.connected_at"
" AND m.at <= thread.last_in_at WHERE p.id = thread.page_id AND m.dir = 0 AND m.line IN (0,1))) WHERE last_in_at > 0;"
"UPDATE seen SET n = (SELECT CASE WHEN seen.upto >= t.last_in_at THEN t.in_n ELSE min(t.in_n - 1,"
" (SELECT count(*) FROM page p JOIN message m ON m.thread_id = t.id AND m.at > p.connected_at AND m.at <= seen.upto"
" WHERE p.id = t.page_id AND m.dir = 0 AND m.line IN (0,1))) END FROM thread t WHERE t.id = seen.thread_id);"
"UPDATE install SET in_threads = (SELECT count(*) FROM thread t WHERE t.install_id = install.id AND " NEWS("t") ");"
"UPDATE user SET read_threads = coalesce((SELECT sum(" READ("t") ") FROM seen s JOIN thread t ON t.id = s.thread_id"
" WHERE s.user_id = user.id), 0);"
/*
 * Unread conversations of a person = in_threads - read_threads.  Whatever
 * changes what they are made of keeps both numbers, by these.
 */
"CREATE TRIGGER thread_counts AFTER UPDATE OF in_n, state, left_psid ON thread"
" WHEN " NEWS("old") " <> " NEWS("new") " BEGIN"
" UPDATE install SET in_threads = in_threads + " NEWS("new") " - " NEWS("old") " WHERE id = new.install_id;"
"END;"
"CREATE TRIGGER thread_reads AFTER UPDATE OF in_n, state, left_psid ON thread"
" WHEN (old.in_n <> new.in_n OR " COUNTS("old") " <> " COUNTS("new") ")"
" AND EXISTS (SELECT 1 FROM seen s WHERE s.thread_id = new.id AND " READ("new") " <> " READ("old") ") BEGIN"
" UPDATE user SET read_threads = read_threads + d.n FROM (SELECT s.user_id, " READ("new") " - " READ("old") " AS n"
"  FROM seen s WHERE s.thread_id = new.id AND " READ("new") " <> " READ("old") ") d WHERE user.id = d.user_id;"
"END;"
"CREATE TRIGGER thread_gone BEFORE DELETE ON thread WHEN " COUNTS("old") " BEGIN"
" UPDATE install SET in_threads = in_threads - 1 WHERE id = old.install_id AND old.in_n > 0;"
" UPDATE user SET read_threads = read_threads - d.n FROM (SELECT s.user_id, " READ("old") " AS n"
"  FROM seen s WHERE s.thread_id = old.id) d WHERE user.id = d.user_id;"
"END;"
"CREATE TRIGGER seen_first AFTER INSERT ON seen BEGIN"
" UPDATE user SET read_threads = read_threads + d.n FROM (SELECT " SEEN("new", "t") " AS n FROM thread t"
"  WHERE t.id = new.thread_id) d WHERE user.id = new.user_id AND d.n <> 0;"
"END;"
"CREATE TRIGGER seen_moves AFTER UPDATE OF n ON seen WHEN old.n <> new.n BEGIN"
" UPDATE user SET read_threads = read_threads + d.n FROM (SELECT " SEEN("new", "t") " - " SEEN("old", "t") " AS n FROM thread t"
"  WHERE t.id = new.thread_id) d WHERE user.id = new.user_id AND d.n <> 0;"
"END;",
/* 14: searching (store/search.h) */
"CREATE VIRTUAL TABLE search USING fts5(t, content='', columnsize=0, detail=none, tokenize='ascii');"
"CREATE TABLE search_block ("			/* what a row of the index stands for */
"  id INTEGER PRIMARY KEY,"
"  latest INTEGER NOT NULL,"			/* nothing in it or in any before it is later */
"  refs BLOB NOT NULL"				/* threads and times */
") STRICT;"
"CREATE TABLE search_word ("			/* each word once: a part of it leads to it */
"  id INTEGER PRIMARY KEY,"
"  word TEXT NOT NULL UNIQUE"
") STRICT;"
"CREATE TABLE search_fresh ("			/* not indexed yet; at 0 = the names */
"  at INTEGER NOT NULL,"			/* first: the index is built in the order of time */
"  thread_id INTEGER NOT NULL,"
"  PRIMARY KEY (at, thread_id)"
") STRICT, WITHOUT ROWID;"
"CREATE TABLE search_asked ("			/* how often somebody searches */
"  user_id INTEGER PRIMARY KEY REFERENCES user(id) ON DELETE CASCADE,"
"  minute INTEGER NOT NULL,"			/* since 1970 */
"  n INTEGER NOT NULL"				/* in that minute */
") STRICT;"
/* What is there is noted by the next runs. */
"INSERT INTO note(key, at, value) SELECT 'search', 0, '0' WHERE EXISTS (SELECT 1 FROM thread);",
/* 15: people who read and change nothing */
"ALTER TABLE user ADD COLUMN reader INTEGER NOT NULL DEFAULT 0 CHECK (reader IN (0,1));"	/* an administrator said so */
};

const int schema_nsteps = (int)(sizeof(schema_steps) / sizeof(schema_steps[0]));
