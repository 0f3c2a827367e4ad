/* SPDX-License-Identifier: MIT */
/*
 * pdcrm.c - Pipedrive's records against canned answers on loopback: what is
 * asked, what is understood, what a dead token and a burst limit do.
 */
#include "../tap.h"

#include "../../lib/api/pdcrm.h"
#include "../../lib/base/clock.h"
#include "../../lib/base/json.h"
#include "canned.h"
#include "written.h"

#include <errno.h>

#define UUID	"adf21080-0e10-11eb-879b-05d71fb426ec"

static struct arena A;
static struct httpc *http;
static struct pdrive *p;
static char dir[] = "/tmp/inbox-pdcrm-XXXXXX";
static char origin[64];
static struct pd_res res;
static struct pd_auth who;
static int heard, renewed;

static const char *
renew(void *arg, const char *dead)
{
	(void)arg;
	renewed++;
	return strcmp(dead, "old") == 0 ? "new" : NULL;
}

static void
hear(void *arg, const struct ib_err *err, const struct pd_res *r)
{
	(void)arg;
	(void)err;
	(void)r;
	heard++;
}

static void
fresh(void)
{
	arena_reset(&A);
	who = (struct pd_auth){ .api_domain = origin, .access = "tok", .renew = renew, .heard = hear };
	heard = renewed = 0;
}

static void
reading(void)
{
	struct crm_activity *act;
	struct crm_recs recs;
	struct crm_rec r;

	fresh();
	canned_json(200, "{\"success\":true,\"data\":{\"id\":51,\"name\":\"Jaan\\u0000 Kask\",\"org_id\":null,"
	    "\"emails\":[{\"value\":\"second@example.org\",\"primary\":false},{\"value\":\"jaan@example.org\",\"primary\":true}],"
	    "\"phones\":[{\"value\":\"+3725550101\"}],\"is_deleted\":false,\"add_time\":\"2026-11-22T09:15:00Z\"}}");
	ok(pdcrm_get(p, &A, &who, CRM_PERSON, "51", &r, &res) == NULL && !res.refused, "a person");
	ok(canned_line(0, "GET /api/v2/persons/51 HTTP") && canned_asked(0, "uthorization: Bearer tok\r\n"), "asked for by id, with the token");
	is_str(r.name, "Jaan Kask", "the name, cleaned");
	ok(r.n_emails == 2 && strcmp(r.emails[0], "jaan@example.org") == 0, "the primary address comes first");
	is_int(r.add_time, clock_parse_iso("2026-11-22T09:15:00Z"), "when it was added");
	ok(heard == 1, "its end was told");

	canned_json(200, "{\"success\":true,\"data\":{\"id\":\"" UUID "\",\"title\":\"T\",\"person_id\":51,"
	    "\"value\":{\"amount\":1200.5,\"currency\":\"EUR\"},\"origin_id\":\"o\",\"is_archived\":true}}");
	ok(pdcrm_get(p, &A, &who, CRM_LEAD, UUID, &r, &res) == NULL && canned_line(0, "/api/v1/leads/" UUID " HTTP"), "a lead by v1");
	ok(strcmp(r.value, "1200.5") == 0 && strcmp(r.currency, "EUR") == 0 && r.person_id == 51 && r.archived, "its value, person, state");

	canned_json(200, "{\"success\":true,\"data\":{\"id\":33,\"title\":\"\",\"value\":0,\"currency\":\"EUR\",\"stage_id\":2,\"status\":\"deleted\"}}");
	ok(pdcrm_get(p, &A, &who, CRM_DEAL, "33", &r, &res) == NULL && r.deleted && r.value == NULL, "a deleted deal without value");
	is_str(r.name, "#33", "without a title its number");

	canned_json(404, "{\"success\":false,\"error\":\"Entity was not found\"}");
	ok(pdcrm_get(p, &A, &who, CRM_DEAL, "33", &r, &res) == NULL && res.refused && res.status == 404, "not found is a refusal");
	is_str(res.row->key, "error.pd.gone", "with its sentence");
	canned_json(200, "{\"success\":true,\"data\":{\"name\":\"x\"}}");
	ok(pdcrm_get(p, &A, &who, CRM_PERSON, "51", &r, &res) != NULL, "without an id it is no answer");
	canned_reset();
	ok(pdcrm_get(p, &A, &who, CRM_PERSON, "51/merge", &r, &res) != NULL && canned->given == 0, "nothing is asked with an id that is none");

	canned_json(200, "{\"success\":true,\"data\":{\"items\":[{\"item\":{\"type\":\"person\",\"id\":5,\"name\":\"A\",\"emails\":[\"a@b.de\"],\"phones\":[]}},"
	    "{\"item\":{\"type\":\"organization\",\"id\":6,\"name\":\"O\"}},{\"item\":{\"type\":\"deal\",\"id\":7,\"title\":\"D\",\"person\":{\"id\":5,\"name\":\"A\"}}},"
	    "{\"item\":{\"type\":\"lead\",\"id\":\"bad\",\"title\":\"L\"}}]}}");
	ok(pdcrm_search(p, &A, &who, "a&b=c 日", &recs, &res) == NULL && recs.n == 2, "a search: what can be linked");
	ok(canned_line(0, "itemSearch?term=a%26b%3Dc%20%E6%97%A5&item_types=person,lead,deal&"), "its term is escaped");
	ok(recs.v[0].kind == CRM_PERSON && strcmp(recs.v[0].emails[0], "a@b.de") == 0 && recs.v[1].kind == CRM_DEAL &&
	    strcmp(recs.v[1].person, "A") == 0 && recs.v[1].person_id == 5, "plain texts of search results");

	canned_json(200, "{\"success\":true,\"data\":null}");
	ok(pdcrm_of_person(p, &A, &who, CRM_LEAD, 5, &recs, &res) == NULL && recs.n == 0, "data may be null");
	canned_json(200, "{\"success\":true,\"data\":[{\"id\":9,\"subject\":\"Call\",\"due_date\":\"2026-12-01\",\"due_time\":null}]}");
	ok(pdcrm_next_activity(p, &A, &who, CRM_LEAD, UUID, &act, &res) == NULL && act != NULL && canned_line(0, "lead_id=" UUID "&done=false"), "the next activity");
	canned_json(200, "{\"success\":true,\"data\":[]}");
	ok(pdcrm_next_activity(p, &A, &who, CRM_PERSON, "5", &act, &res) == NULL && act == NULL, "or none");
}

static void
setup(void)
{
	struct crm_setup s, again;
	const char *text;

	fresh();
	canned_reset();
	canned_add(200, JSON_TYPE, "{\"success\":true,\"data\":[{\"id\":2,\"name\":\"Second\",\"order_nr\":2},{\"id\":1,\"name\":\"First\",\"order_nr\":1}]}");
	canned_add(200, JSON_TYPE, "{\"success\":true,\"data\":[{\"id\":5,\"name\":\"b\",\"order_nr\":2,\"pipeline_id\":1},{\"id\":4,\"name\":\"a\",\"order_nr\":1,\"pipeline_id\":1},"
	    "{\"id\":6,\"name\":\"c\",\"order_nr\":1,\"pipeline_id\":2},{\"id\":7,\"name\":\"gone\",\"order_nr\":0,\"pipeline_id\":2,\"is_deleted\":true}]}");
	canned_add(403, JSON_TYPE, "{\"success\":false,\"error\":\"Scope and URL mismatch\"}");
	ok(pdcrm_setup(p, &A, &who, &s, &text, &res) == NULL && !res.refused, "what the company has set up, without activities");
	ok(s.n_stages == 3 && s.stages[0].id == 4 && s.stages[1].id == 5 && s.stages[2].id == 6 && s.n_types == 0, "stages in the company's order");
	is_str(s.stages[2].pipeline, "Second", "with the names of their pipelines");
	ok(crm_setup_parse(&A, text, &again) == NULL && again.n_stages == 3 && again.stages[1].id == 5, "kept as text and read again");
	ok(crm_setup_parse(&A, "[", &again) != NULL, "something else is not read");
}

static void
writing(void)
{
	struct crm_new n = { .act = ACT_PERSON, .name = "J \"K\"", .email = "a@b.de" }, back;
	const char *id, *text;
	bool good;

	fresh();
	canned_json(200, "{\"success\":true,\"data\":{\"id\":51}}");
	ok(pdcrm_write(p, &A, &who, &n, &id, &res) == NULL && strcmp(id, "51") == 0, "a person is made");
	ok(canned_line(0, "POST /api/v2/persons HTTP") && canned_asked(0, "application/json") &&
	    canned_asked(0, "\r\n\r\n{\"name\":\"J \\\"K\\\"\",\"emails\":[{\"value\":\"a@b.de\",\"primary\":true,\"label\":\"work\"}]}"), "of what is known, and no more");

	n = (struct crm_new){ .act = ACT_LEAD, .name = "T", .person_id = 5, .value = "10.5", .currency = "EUR", .origin = "mark" };
	canned_json(201, "{\"success\":true,\"data\":{\"id\":\"" UUID "\"}}");
	ok(pdcrm_write(p, &A, &who, &n, &id, &res) == NULL && strcmp(id, UUID) == 0, "a lead, answered 201");
	ok(canned_line(0, "POST /api/v1/leads HTTP") && canned_asked(0, "\"value\":{\"amount\":10.5,\"currency\":\"EUR\"}") &&
	    canned_asked(0, "\"origin_id\":\"mark\"") && canned_asked(0, "\"person_id\":5"), "with our mark");

	n = (struct crm_new){ .act = ACT_NOTE, .text = "<b> & \"x\"\ny", .stamp = clock_parse_iso("2026-11-22T09:15:07Z"), .on = CRM_DEAL, .on_id = "33" };
	canned_json(200, "{\"success\":true,\"data\":{\"id\":501}}");
	ok(pdcrm_write(p, &A, &who, &n, &id, &res) == NULL && canned_asked(0, "&lt;b&gt; &amp; \\\"x\\\"<br>y") &&
	    canned_asked(0, "\"add_time\":\"2026-11-22 09:15:07\"") && canned_asked(0, "\"deal_id\":33"), "a note, nothing of it markup");

	n = (struct crm_new){ .act = ACT_STAGE, .on = CRM_DEAL, .on_id = "33", .stage_id = 4 };
	canned_json(200, "{\"success\":true,\"data\":{\"id\":33}}");
	ok(pdcrm_write(p, &A, &who, &n, &id, &res) == NULL && canned_line(0, "PATCH /api/v2/deals/33 HTTP") &&
	    canned_asked(0, "\r\n\r\n{\"stage_id\":4}"), "a stage is changed, nothing else");

	n = (struct crm_new){ .act = ACT_ACTIVITY, .name = "Call", .due_date = "2026-12-01", .person_id = 5, .on = CRM_LEAD, .on_id = UUID };
	canned_json(200, "{\"success\":true,\"data\":{\"id\":900}}");
	ok(pdcrm_write(p, &A, &who, &n, &id, &res) == NULL && canned_asked(0, "\"participants\":[{\"person_id\":5,\"primary\":true}]") &&
	    canned_asked(0, "\"lead_id\":\"" UUID "\"") && !canned_asked(0, "due_time"), "an activity, the person as participant");
	ok(crm_new_text(&A, &n, &text) == NULL && crm_new_parse(&A, text, &back, &good) == NULL && good && back.act == ACT_ACTIVITY &&
	    back.on == CRM_LEAD && strcmp(back.on_id, UUID) == 0 && back.due_time == NULL && back.person_id == 5, "what is written is kept as text");
	ok(crm_new_parse(&A, "{\"act\":\"organization\",\"on\":\"deal\"}", &back, &good) == NULL && !good, "and nothing else is read");

	canned_reset();
	canned_add(0, NULL, NULL);
	ok(pdcrm_write(p, &A, &who, &n, &id, &res) != NULL && res.fate == HTTPC_UNKNOWN && canned->given == 1, "no answer; never repeated");
	canned_json(200, "{\"success\":true,\"data\":{}}");
	ok(pdcrm_write(p, &A, &who, &n, &id, &res) != NULL && res.fate == HTTPC_ANSWERED, "an answer without an id");
}

static void
looking(void)
{
	struct crm_new n = { .act = ACT_PERSON, .name = "Jaan", .email = "a@b.de", .owner_id = 7 };
	int64_t since = clock_parse_iso("2026-11-22T09:00:00Z");
	struct crm_ids ids;
	bool moved;

	fresh();
	canned_json(200, "{\"success\":true,\"data\":["
	    "{\"id\":9,\"name\":\"Jaan\",\"emails\":[{\"value\":\"a@b.de\"}],\"phones\":[],\"add_time\":\"2026-11-22T09:00:02Z\"},"
	    "{\"id\":8,\"name\":\"Jaan\",\"emails\":[],\"phones\":[],\"add_time\":\"2026-11-22T09:00:02Z\"},"
	    "{\"id\":7,\"name\":\"Jaan\",\"emails\":[{\"value\":\"a@b.de\"}],\"phones\":[],\"add_time\":\"2026-11-22T09:00:01Z\"},"
	    "{\"id\":6,\"name\":\"Jaan\",\"emails\":[{\"value\":\"a@b.de\"}],\"phones\":[],\"add_time\":\"2026-11-20T09:00:01Z\"}]}");
	ok(pdcrm_look(p, &A, &who, &n, since, &ids, &moved, &res) == NULL && canned_line(0, "owner_id=7&sort_by=add_time&sort_direction=desc"), "a look for a person");
	ok(ids.n == 2 && strcmp(ids.v[0], "7") == 0 && strcmp(ids.v[1], "9") == 0, "what is the same and not old, oldest first");
	n = (struct crm_new){ .act = ACT_LEAD, .name = "T", .person_id = 5, .origin = "mark" };
	canned_json(200, "{\"success\":true,\"data\":[{\"id\":\"" UUID "\",\"title\":\"renamed\",\"origin_id\":\"mark\"},"
	    "{\"id\":\"bdf21080-0e10-11eb-879b-05d71fb426ec\",\"title\":\"T\",\"origin_id\":null}]}");
	ok(pdcrm_look(p, &A, &who, &n, since, &ids, &moved, &res) == NULL && ids.n == 1 && strcmp(ids.v[0], UUID) == 0, "a lead by its mark alone");
	n = (struct crm_new){ .act = ACT_NOTE, .text = "x", .stamp = since, .owner_id = 7, .on = CRM_PERSON, .on_id = "5" };
	canned_json(200, "{\"success\":true,\"data\":[{\"id\":2,\"add_time\":\"2026-11-22 09:00:00\",\"user_id\":8},"
	    "{\"id\":1,\"add_time\":\"2026-11-22 09:00:00\",\"user_id\":7},{\"id\":3,\"add_time\":\"2026-11-22 09:00:01\",\"user_id\":7}]}");
	ok(pdcrm_look(p, &A, &who, &n, since, &ids, &moved, &res) == NULL && ids.n == 1 && strcmp(ids.v[0], "1") == 0, "a note by its time and author");
	n = (struct crm_new){ .act = ACT_STAGE, .on = CRM_DEAL, .on_id = "33", .stage_id = 4, .from_stage = 1 };
	canned_json(200, "{\"success\":true,\"data\":{\"id\":33,\"title\":\"D\",\"stage_id\":4}}");
	ok(pdcrm_look(p, &A, &who, &n, since, &ids, &moved, &res) == NULL && ids.n == 1 && !moved, "a deal in its new stage");
	canned_json(200, "{\"success\":true,\"data\":{\"id\":33,\"title\":\"D\",\"stage_id\":1}}");
	ok(pdcrm_look(p, &A, &who, &n, since, &ids, &moved, &res) == NULL && ids.n == 0 && !moved, "still in the old one");
	canned_json(200, "{\"success\":true,\"data\":{\"id\":33,\"title\":\"D\",\"stage_id\":2}}");
	ok(pdcrm_look(p, &A, &who, &n, since, &ids, &moved, &res) == NULL && ids.n == 0 && moved, "moved by somebody else");
}

static void
limits(void)
{
	struct crm_rec r;

	fresh();
	who.access = "old";
	canned_reset();
	canned_add(401, JSON_TYPE, "{\"success\":false,\"error\":\"unauthorized access\",\"errorCode\":401}");
	canned_add(200, JSON_TYPE, "{\"success\":true,\"data\":{\"id\":51,\"name\":\"x\"}}");
	ok(pdcrm_get(p, &A, &who, CRM_PERSON, "51", &r, &res) == NULL && !res.refused && renewed == 1 && heard == 1, "a dead token is renewed and the call repeated");
	ok(canned_asked(0, "Bearer old\r\n") && canned_asked(1, "Bearer new\r\n"), "with the new one");
	canned_reset();
	canned_add(401, JSON_TYPE, "{\"success\":false}");
	canned_add(401, JSON_TYPE, "{\"success\":false}");
	who.access = "old";
	ok(pdcrm_get(p, &A, &who, CRM_PERSON, "51", &r, &res) == NULL && res.refused && canned->given == 2, "once");

	fresh();
	who.deadline = clock_mono() + 10000;
	canned_reset();
	canned_add(429, JSON_TYPE "x-ratelimit-reset: 1\r\n", "{\"success\":false,\"error\":\"Request over limit\"}");
	canned_add(200, JSON_TYPE, "{\"success\":true,\"data\":{\"id\":51,\"name\":\"x\"}}");
	ok(pdcrm_get(p, &A, &who, CRM_PERSON, "51", &r, &res) == NULL && !res.refused && canned->given == 2, "a burst limit is waited for");
	canned_reset();
	canned_add(429, JSON_TYPE "Retry-After: 60\r\n", "{\"success\":false}");
	ok(pdcrm_get(p, &A, &who, CRM_PERSON, "51", &r, &res) == NULL && res.refused && res.retry_after == 60000 && !res.spent && canned->given == 1, "a long one is told");
	canned_reset();
	canned_add(429, JSON_TYPE "x-daily-ratelimit-token-remaining: 0\r\nx-ratelimit-reset: 1\r\n", "{\"success\":false}");
	ok(pdcrm_get(p, &A, &who, CRM_PERSON, "51", &r, &res) == NULL && res.refused && res.spent && canned->given == 1, "and a day's budget that is spent");
	who.deadline = clock_mono();
	canned_reset();
	ok(pdcrm_get(p, &A, &who, CRM_PERSON, "51", &r, &res) != NULL && res.fate == HTTPC_NOT_SENT && canned->given == 0, "past the deadline nothing is sent");
	fresh();
	canned_json(403, "<html>blocked</html>");
	ok(pdcrm_get(p, &A, &who, CRM_PERSON, "51", &r, &res) == NULL && res.refused && res.row->class_ == CLASS_THROTTLE, "blocked at the edge");
	canned_json(400, "{\"success\":false,\"error\":\"Field Region is required\"}");
	ok(pdcrm_get(p, &A, &who, CRM_PERSON, "51", &r, &res) == NULL && strcmp(res.row->key, "error.pd.required") == 0, "a field that the company demands");
	canned_json(400, "{\"success\":false,\"error\":\"x\",\"code\":\"ERR_SCHEMA_VALIDATION_FAILED\"}");
	ok(pdcrm_get(p, &A, &who, CRM_PERSON, "51", &r, &res) == NULL && strcmp(res.row->key, "error.pd.fields") == 0, "a value that was not accepted");
}

static void
names(void)
{
	enum crm_kind k;
	enum crm_act act;

	ok(crm_kind_parse("deal", &k) && k == CRM_DEAL && !crm_kind_parse("organization", &k) && !crm_kind_parse(NULL, &k), "kinds");
	ok(crm_act_parse("note", &act) && act == ACT_NOTE && !crm_act_parse("", &act), "acts");
	ok(crm_id_ok(CRM_PERSON, "51") && crm_id_ok(CRM_LEAD, UUID), "ids");
	ok(!crm_id_ok(CRM_PERSON, "051") && !crm_id_ok(CRM_PERSON, "0") && !crm_id_ok(CRM_PERSON, "-1") && !crm_id_ok(CRM_DEAL, UUID) && !crm_id_ok(CRM_LEAD, "51") &&
	    !crm_id_ok(CRM_LEAD, "ADF21080-0E10-11EB-879B-05D71FB426EC") && !crm_id_ok(CRM_LEAD, NULL) && !crm_id_ok(CRM_DEAL, NULL), "no ids");
	is_str(pdcrm_url(&A, "acme-sales", CRM_LEAD, UUID), "https://acme-sales.pipedrive.com/leads/inbox/" UUID, "the address of a lead");
	ok(pdcrm_url(&A, "evil.example/", CRM_DEAL, "1") == NULL && pdcrm_url(&A, "", CRM_DEAL, "1") == NULL, "none without a company's domain");
}

int
main(void)
{
	const struct ib_err *err = NULL;
	struct conf *conf;
	char more[128];

	arena_init(&A, 8 << 20);
	if (mkdtemp(dir) == NULL || canned_start() == 0) {
		diag("a folder and a port: %s", strerror(errno));
		return 1;
	}
	snprintf(origin, sizeof(origin), "http://127.0.0.1:%d", canned->port);
	snprintf(more, sizeof(more), "pipedrive.oauth_url = %s\n", origin);
	if ((conf = written_conf(dir, "1", "s", more)) == NULL || (err = httpc_new("test", true, &http)) != NULL ||
	    (err = pdrive_new(conf, http, &p)) != NULL) {
		diag("a client: %s", err != NULL ? err->msg : "no configuration");
		return 1;
	}
	reading();
	setup();
	writing();
	looking();
	limits();
	names();
	pdrive_free(p);
	httpc_free(http);
	conf_free(conf);
	canned_stop();
	rmdir(dir);
	arena_fini(&A);
	return done_testing();
}
