/* Commands: what each form asks of the engine and of the host, and what is answered to what cannot be read.
 */
#include "admin/console.h"

#include "fake_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef struct bench {
    mig_engine engine;
    adm_console *console;
    cfg_config config;
    char called[256]; /* the last call of the host */
    int pins;
} bench;

static void rows(void *ctx, b_table *out)
{
    bench *b = ctx;
    snprintf(b->called, sizeof b->called, "rows");
    b_table_column(out, "name");
}

static const cfg_config *config_get(void *ctx)
{
    bench *b = ctx;
    b->pins++;
    return &b->config;
}

static void config_done(void *ctx, const cfg_config *c)
{
    bench *b = ctx;
    assert_ptr_equal(c, &b->config);
    b->pins--;
}

static b_status reload(void *ctx, b_err *err)
{
    bench *b = ctx;
    snprintf(b->called, sizeof b->called, "reload");
    return b->engine.answer == B_OK ? B_OK : b_fail(err, b->engine.answer, "the file has a fault; mend it");
}

static void shut_down(void *ctx)
{
    bench *b = ctx;
    snprintf(b->called, sizeof b->called, "shutdown");
}

static bool kill_session(void *ctx, uint64_t session)
{
    bench *b = ctx;
    snprintf(b->called, sizeof b->called, "kill %llu", (unsigned long long)session);
    return session != 404;
}

static b_status explain(void *ctx, const adm_explain *ask, b_table *out, b_err *err)
{
    bench *b = ctx;
    (void)err;
    b_table_column(out, "verdict");
    snprintf(b->called, sizeof b->called, "explain u=%.*s v=%.*s s=%.*s p=%.*s q=%.*s", B_ARG(ask->user),
             B_ARG(ask->version), B_ARG(ask->schema), B_ARG(ask->phase), B_ARG(ask->sql));
    return B_OK;
}

static cfg_admin_user admins[] = {
    {.name = (char[]){"root"}, .password = (char[]){"hunter2"}, .role = CFG_ROLE_OPERATOR}};

static int setup(void **state)
{
    static char file[] = "/nowhere/straddle.yaml", user[] = "straddle", password[] = "hunter2";
    bench *b = calloc(1, sizeof *b);
    b->config = (cfg_config){.file = file,
                             .admin_users = admins,
                             .nadmin_users = 1,
                             .backend = {.user = user, .password = password}};
    adm_host host = {.ctx = b,
                     .clients = rows,
                     .stats = rows,
                     .refusals = rows,
                     .regex_rules = rows,
                     .config_get = config_get,
                     .config_done = config_done,
                     .reload = reload,
                     .shutdown = shut_down,
                     .kill = kill_session,
                     .explain = explain};
    b->console = adm_console_new(&host, &b->engine, NULL);
    *state = b;
    return b->console == NULL;
}

static int teardown(void **state)
{
    bench *b = *state;
    adm_console_free(b->console);
    free(b);
    return 0;
}

static b_status run(bench *b, cfg_role role, const char *sql, b_table **out, unsigned *code, b_err *err)
{
    static const adm_caller op = {"op", "1.2.3.4", CFG_ROLE_OPERATOR},
                            ro = {"ro", "1.2.3.4", CFG_ROLE_READ_ONLY};
    b->called[0] = b->engine.called[0] = '\0';
    *out = b_table_new();
    return adm_execute(b->console, role == CFG_ROLE_OPERATOR ? &op : &ro, b_slice_str(sql), *out, code, err);
}

static const struct {
    const char *sql, *called;
    bool changes;
} good[] = {
    {"SHOW MIGRATIONS", "list -", false},
    {"  show\tmigrations ; ", "list -", false},
    {"/* a comment */ SHOW /* b */ MIGRATIONS -- c", "list -", false},
    {"SHOW MIGRATION rename_x", "show rename_x", false},
    {"SHOW MIGRATION `rename_x`;", "show rename_x", false},
    {"show migration 'it''s'", "show it's", false},
    {"APPLY MIGRATION 'name: m\ntable: s.t\ncolumns: [{from: a, to: b}]'", "apply m by op@1.2.3.4", true},
    {"APPLY MIGRATION \"name: m\\ntable: s.t\\ncolumns: [{from: 'a', to: b}]\"", "apply m by op@1.2.3.4",
     true},
    {"REMOVE MIGRATION m", "remove m by op", true},
    {"CHECK MIGRATION m", "check m", false},
    {"PLAN MIGRATION m", "plan m", false},
    {"EXPLAIN ROLLBACK m TO planned", "explain rollback m", false},
    {"ABORT MIGRATION m", "abort m", true},
    {"ADVISE MIGRATION m", "advise m", false},
    {"PLAN MIGRATION m FORMAT Flyway", "flyway m", false},
    {"ADVANCE MIGRATION m", "advance m to - force 0 by op", true},
    {"ADVANCE MIGRATION m FORCE", "advance m to - force 1 by op", true},
    {"ADVANCE MIGRATION m TO switched", "advance m to switched force 0 by op", true},
    {"advance migration m to switched force", "advance m to switched force 1 by op", true},
    {"ADVANCE MIGRATION m FORCE TO switched", "advance m to switched force 1 by op", true},
    {"ROLLBACK MIGRATION m", "rollback m to - by op", true},
    {"ROLLBACK MIGRATION m TO planned", "rollback m to planned by op", true},
    {"PAUSE BACKFILL m", "pause m by op", true},
    {"RESUME BACKFILL m", "resume m by op", true},
    {"SET BACKFILL m chunk_rows = 500", "set m chunk_rows=500 by op", true},
    {"SHOW GUARD", "guard place", false},
    {"SHOW BYPASS m", "bypass m", false},
    {"REPAIR BYPASS m", "repair bypass m by op", true},
    {"SET GUARD m triggers", "guard m triggers by op", true},
    {"SET BACKFILL m check_sql = ''", "set m check_sql= by op", true},
    {"SET BACKFILL m MAX_LAG_MS='7'", "set m max_lag_ms=7 by op", true},
    {"VERIFY MIGRATION m", "verify m", true},
    {"VERIFY MIGRATION m REPAIR", "repair m", true},
    {"SHOW DIFFERENCES m", "differences m", false},
    {"SHOW RECHECK", "recheck", false},
    {"SHOW SHADOW READS m", "shadow m", false},
    {"SHOW REHEARSALS", "rehearsals", false},
    {"ENABLE MIGRATION m", "enable m 1 by op", true},
    {"DISABLE MIGRATION m", "enable m 0 by op", true},
    {"SHOW HISTORY", "history -", false},
    {"SHOW HISTORY m", "history m", false},
    {"SHOW INSTANCES", "instances -", false},
    {"SHOW USAGE", "usage -", false},
    {"EXPORT HISTORY", "export -", false},
    {"export history m", "export m", false},
    {"SHOW REFUSALS", "rows", false},
    {"SHOW CLIENTS", "rows", false},
    {"SHOW STATS", "rows", false},
    {"RELOAD CONFIG", "reload", true},
    {"KILL 17", "kill 17", true},
    {"KILL CONNECTION 17", "kill 17", true},
    {"SHUTDOWN", "shutdown", true},
    {"EXPLAIN REWRITE SELECT 'a;b' /* c */ FROM t;", "explain u= v= s= p= q=SELECT 'a;b' /* c */ FROM t",
     false},
    {"EXPLAIN REWRITE AS app VERSION new SCHEMA shop PHASE switched UPDATE t SET x = 1",
     "explain u=app v=new s=shop p=switched q=UPDATE t SET x = 1", false},
    {"CREATE RULE `{name: r, text: 'a''\\w', action: count}`", "create rule r a'\\w by op@1.2.3.4", true},
    {"ALTER RULE '{name: r, order: 7, text: a, action: log}'", "alter rule r order 7 by op", true},
    {"DROP RULE r", "drop rule r by op", true},
    {"ENABLE RULE `r`", "rule r on 1 by op", true},
    {"DISABLE RULE r", "rule r on 0 by op", true},
    {"SHOW REGEX RULES", "rows", false},
    {"EXPLAIN REWRITE VERSION OLD AS 'app v2' SELECT 1", "explain u=app v2 v=OLD s= p= q=SELECT 1", false},
};

static void good_commands(void **state)
{
    bench *b = *state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        b_table *out;
        unsigned code;
        b_err err;
        b_status s = run(b, CFG_ROLE_OPERATOR, good[i].sql, &out, &code, &err);
        const char *called = b->engine.called[0] != '\0' ? b->engine.called : b->called;
        if (s != B_OK) fail_msg("%s: %s", good[i].sql, err.msg);
        if (code != 0) fail_msg("%s: error number %u", good[i].sql, code);
        if (strcmp(called, good[i].called) != 0) fail_msg("%s: called \"%s\"", good[i].sql, called);
        b_table_free(out);
    }
    assert_int_equal(b->pins, 0);
}

static void read_only_changes_nothing(void **state)
{
    bench *b = *state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        b_table *out;
        unsigned code;
        b_err err;
        b_status s = run(b, CFG_ROLE_READ_ONLY, good[i].sql, &out, &code, &err);
        bool called = b->engine.called[0] != '\0' || b->called[0] != '\0';
        if (good[i].changes && (s != B_DENIED || code != 1227 || called))
            fail_msg("%s was allowed", good[i].sql);
        if (!good[i].changes && s != B_OK) fail_msg("%s was denied", good[i].sql);
        b_table_free(out);
    }
}

static const struct {
    const char *sql;
    unsigned code;
    const char *says;
} bad[] = {
    {"SHOW MIGRATION", 1064, "write: SHOW MIGRATION name"},
    {"SHOW MIGRATONS", 1064, "did you mean: SHOW MIGRATIONS"},
    {"ADVANCE MIGRATION", 1064, "write: ADVANCE MIGRATION name [TO phase] [FORCE]"},
    {"ADVANCE MIGRATION m TO", 1064, "write: ADVANCE MIGRATION name [TO phase] [FORCE]"},
    {"ADVANCE MIGRATION m FORCE FORCE", 1064, "write: ADVANCE MIGRATION"},
    {"ADVANCE MIGRATION m now", 1064, "write: ADVANCE MIGRATION"},
    {"ADVANCE MIGRATION 'm", 1064, "write: ADVANCE MIGRATION"},
    {"ADVNCE MIGRATION m", 1064, "did you mean: ADVANCE MIGRATION"},
    {"'ADVANCE' MIGRATION m", 1064, "ADVANCE MIGRATION"},
    {"SET BACKFILL m rate 5", 1064, "write: SET BACKFILL name setting = value"},
    {"SET BACKFILL '' chunk_rows = 5", 1064, "write: SET BACKFILL"},
    {"SET BACKFILL m chunk_rows 5", 1064, "write: SET BACKFILL"},
    {"SET BACKFILL m chunk_rows = =", 1064, "write: SET BACKFILL"},
    {"EXPLAIN REWRITE", 1064, "write: EXPLAIN REWRITE"},
    {"pause it", 1064, "did you mean: PAUSE BACKFILL name"},
    {"NOPE", 1064, "\"NOPE\"; HELP lists all"},
    {"GRANT\nALL t", 1064, "\"GRANT ALL t\"; HELP lists all"},
    {"", 1064, "HELP lists all"},
    {"APPLY MIGRATION 'name: m\ntable: t'", 1210,
     "APPLY MIGRATION:2: table \"t\" has no schema; write it as schema.table"},
    {"APPLY MIGRATION FROM FILE 'none.yaml'", 1210, "/nowhere/none.yaml"},
    {"KILL x", 1210, "SHOW CLIENTS"},
    {"KILL 99999999999999999999999999", 1210, "SHOW CLIENTS"},
    {"KILL 404", 1305, "no client has the id 404"},
    {"KILL QUERY 17", 1235, "does nothing on the admin port"},
    {"HELP nonsense", 1305, "no command begins with"},
};

static void bad_commands(void **state)
{
    bench *b = *state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        b_table *out;
        unsigned code;
        b_err err;
        if (run(b, CFG_ROLE_OPERATOR, bad[i].sql, &out, &code, &err) == B_OK)
            fail_msg("\"%s\" was run", bad[i].sql);
        if (code != bad[i].code) fail_msg("\"%s\": error number %u, %s", bad[i].sql, code, err.msg);
        if (strstr(err.msg, bad[i].says) == NULL) fail_msg("\"%s\": says \"%s\"", bad[i].sql, err.msg);
        if (strchr(err.msg, '\n') != NULL) fail_msg("\"%s\": more than a line: \"%s\"", bad[i].sql, err.msg);
        assert_string_equal(b->engine.called, "");
        b_table_free(out);
    }
}

static const struct {
    b_status answer;
    unsigned db_errno, code;
} statuses[] = {
    {B_NOT_FOUND, 0, 1305}, {B_REFUSED, 0, 1235}, {B_STATE, 0, 1235}, {B_EXISTS, 0, 1235},
    {B_TIMEOUT, 0, 1205},   {B_INVALID, 0, 1210}, {B_LOST, 0, 1105},  {B_DATABASE, 1146, 1146},
    {B_DATABASE, 0, 1105},  {B_NOMEM, 0, 1105},
};

static void failures_have_their_numbers(void **state)
{
    bench *b = *state;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        b_table *out;
        unsigned code;
        b_err err;
        b->engine.answer = statuses[i].answer;
        b->engine.db_errno = statuses[i].db_errno;
        b_status s = run(b, CFG_ROLE_OPERATOR, "ADVANCE MIGRATION m", &out, &code, &err);
        b_table_free(out);
        if (s != statuses[i].answer || code != statuses[i].code)
            fail_msg("%s: %u", b_status_text(statuses[i].answer), code);
        assert_string_equal(err.msg, "the engine says no; ask again");
    }
    b->engine.answer = B_OK;
}

static void show_config_hides_passwords(void **state)
{
    b_table *out;
    unsigned code, stars = 0;
    b_err err;
    assert_int_equal(run(*state, CFG_ROLE_READ_ONLY, "SHOW CONFIG", &out, &code, &err), B_OK);
    for (size_t r = 0; r < b_table_rows(out); r++) {
        b_slice v = b_table_cell(out, r, 1);
        assert_null(strstr(v.p, "hunter2"));
        stars += b_slice_eq(v, B_LIT("***"));
    }
    assert_int_equal(stars, 2);
    assert_int_equal(((bench *)*state)->pins, 0);
    b_table_free(out);
}

static void show_rules(void **state)
{
    static const char *const want[] = {"m", "s.t", "a", "b", "switched", "no", "42"};
    b_table *out;
    unsigned code;
    b_err err;
    assert_int_equal(run(*state, CFG_ROLE_READ_ONLY, "SHOW RULES", &out, &code, &err), B_OK);
    assert_int_equal(b_table_rows(out), 1);
    for (size_t c = 0; c < 7; c++) assert_string_equal(b_table_cell(out, 0, c).p, want[c]);
    b_table_free(out);
}

static void help_lists_all_or_some(void **state)
{
    b_table *all = b_table_new(), *out;
    unsigned code;
    b_err err;
    adm_describe(all);
    assert_int_equal(run(*state, CFG_ROLE_READ_ONLY, "HELP", &out, &code, &err), B_OK);
    assert_int_equal(b_table_rows(out), b_table_rows(all));
    b_table_free(out);
    assert_int_equal(run(*state, CFG_ROLE_READ_ONLY, "help apply", &out, &code, &err), B_OK);
    assert_int_equal(b_table_rows(out), 2);
    b_table_free(out);
    b_table_free(all);
}

/* Where the console itself gives the columns, they are those that HELP and the reference promise. */
static void promised_columns(void **state)
{
    static const char *const commands[] = {"SHOW RULES", "SHOW CONFIG", "HELP"};
    b_table *all = b_table_new();
    adm_describe(all);
    for (size_t i = 0; i < 3; i++) {
        b_table *out;
        unsigned code;
        b_err err;
        b_buf names = {0};
        size_t row = 0;
        assert_int_equal(run(*state, CFG_ROLE_READ_ONLY, commands[i], &out, &code, &err), B_OK);
        while (strncmp(b_table_cell(all, row, 0).p, commands[i], strlen(commands[i])) != 0) row++;
        for (size_t c = 0; c < b_table_columns(out); c++)
            b_buf_printf(&names, "%s%s", c == 0 ? "" : ",", b_table_name(out, c));
        assert_string_equal(b_buf_cstr(&names), b_table_cell(all, row, 2).p);
        b_buf_deinit(&names);
        b_table_free(out);
    }
    b_table_free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_commands),
        cmocka_unit_test(read_only_changes_nothing),
        cmocka_unit_test(bad_commands),
        cmocka_unit_test(failures_have_their_numbers),
        cmocka_unit_test(show_config_hides_passwords),
        cmocka_unit_test(show_rules),
        cmocka_unit_test(help_lists_all_or_some),
        cmocka_unit_test(promised_columns),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
