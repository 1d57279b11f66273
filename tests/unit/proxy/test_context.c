/* The context of a prepared statement: when two are the same, when one can be gone to, and by what SET. */
#include "context.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

typedef struct side {
    const char *schema, *mode, *client, *collation;
    uint64_t serial;
} side;

static const struct row {
    const char *name;
    side now, then;
    bool same, reachable, vague;
    const char *set, *use; /* from now to then */
} rows[] = {
    {"nothing changed",
     {"a", "ANSI_QUOTES", "utf8mb4", "c1", 1},
     {"a", "ANSI_QUOTES", "utf8mb4", "c1", 1},
     true,
     true,
     false,
     "",
     ""},
    {"schema", {"b", "", "utf8mb4", "c1", 1}, {"a", "", "utf8mb4", "c1", 1}, false, true, false, "", "a"},
    {"mode",
     {"a", "A,B", "utf8mb4", "c1", 1},
     {"a", "", "utf8mb4", "c1", 1},
     false,
     true,
     false,
     "SET SESSION sql_mode = ''",
     ""},
    {"character set and collation",
     {"a", "", "gbk", "c2", 2},
     {"a", "", "utf8mb4", "c1", 1},
     false,
     true,
     false,
     "SET SESSION character_set_client = utf8mb4, SESSION collation_connection = c1",
     ""},
    {"only the collation",
     {"a", "", "gbk", "c2", 2},
     {"a", "", "gbk", "c1", 1},
     false,
     true,
     false,
     "SET SESSION collation_connection = c1",
     ""},
    {"set to what it was", {"a", "", "gbk", "c1", 2}, {"a", "", "gbk", "c1", 1}, true, true, false, "", ""},
    {"collation not read yet",
     {"a", "", "gbk", "", 2},
     {"a", "", "gbk", "c1", 1},
     false,
     false,
     true,
     NULL,
     ""},
    {"collation never known",
     {"a", "", "gbk", "c1", 2},
     {"a", "", "gbk", "", 1},
     false,
     false,
     false,
     NULL,
     ""},
    {"collation unknown but unchanged",
     {"a", "", "gbk", "c1", 1},
     {"a", "", "gbk", "", 1},
     true,
     true,
     false,
     "",
     ""},
    {"no schema then",
     {"b", "", "utf8mb4", "c1", 1},
     {"", "", "utf8mb4", "c1", 1},
     false,
     true,
     false,
     "",
     ""},
    {"no schema to come back to",
     {"", "", "utf8mb4", "c1", 1},
     {"a", "", "utf8mb4", "c1", 1},
     false,
     false,
     false,
     "",
     "a"},
    {"a name not in ASCII",
     {"b", "", "latin1", "c1", 1},
     {"\xc3\xa4", "", "latin1", "c1", 1},
     false,
     false,
     false,
     "",
     "\xc3\xa4"},
    {"a mode that is no word",
     {"a", "x'; DROP", "utf8mb4", "c1", 1},
     {"a", "", "utf8mb4", "c1", 1},
     false,
     false,
     false,
     NULL,
     ""},
};

static px_context *make(const side *s)
{
    px_context *c = px_context_new(b_slice_str(s->schema), b_slice_str(s->mode), b_slice_str(s->client),
                                   b_slice_str(s->collation), s->serial);
    assert_non_null(c);
    return c;
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        px_context *now = make(&r->now), *then = make(&r->then);
        b_buf set = {0};
        px_context_set(&set, now, then);
        bool right = px_context_same(now, then) == r->same && px_context_same(then, now) == r->same &&
                     px_context_reachable(now, then) == r->reachable &&
                     px_context_vague(now, then) == r->vague &&
                     (r->set == NULL || strcmp(b_buf_cstr(&set), r->set) == 0) &&
                     b_slice_eq(px_context_use(now, then), b_slice_str(r->use));
        if (!right) fail_msg("%s: SET is `%s`", r->name, b_buf_cstr(&set));
        b_buf_deinit(&set);
        px_context_unref(now), px_context_unref(then);
    }
}

static void test_parsed_and_shared(void **state)
{
    (void)state;
    px_context *c = make(&(side){"s", "ANSI_QUOTES", "gbk", "", 0}), *again = px_context_ref(c);
    assert_int_equal(c->sql_mode, RW_MODE_ANSI_QUOTES);
    assert_int_equal(c->charset, RW_CHARSET_GBK);
    px_context_unref(c);
    assert_true(b_slice_eq(again->schema, B_LIT("s")));
    px_context_unref(again);
    assert_false(px_context_same(NULL, NULL) != true);
    assert_false(px_context_reachable(NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_parsed_and_shared)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
