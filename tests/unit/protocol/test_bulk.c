/* COM_STMT_BULK_EXECUTE carried over to another statement; the first rows as MariaDB 10.11 takes them. */
#include "protocol/stmt.h"

#include "hex.h"

#define HEAD "fa 07000000 8000 "
#define OUT "fa 63000000 8000 "
#define TYPES "fd00 0300 "
#define ROW1 "00 0178 00 01000000 "
#define ROW1_BACK "00 01000000 00 0178 "

enum { NO_MAP = 99 };

static const struct {
    const char *name;
    uint32_t nparams, nout, source[4]; /* nout NO_MAP: identity */
    const char *before;                /* an earlier one, or NULL */
    const char *in, *out;              /* out NULL: refused as malformed */
    bool defaults;
} rows[] = {
    {"identity",
     2,
     NO_MAP,
     {0},
     NULL,
     HEAD TYPES ROW1 "01 00 02000000",
     OUT TYPES ROW1 "01 00 02000000",
     false},
    {"other order", 2, 2, {1, 0}, NULL, HEAD TYPES ROW1 ROW1, OUT "0300 fd00 " ROW1_BACK ROW1_BACK, false},
    {"one twice", 2, 3, {0, 0, 1}, NULL, HEAD TYPES ROW1, OUT "fd00 fd00 0300 00 0178 " ROW1, false},
    {"NULLs move",
     2,
     3,
     {1, 0, 1},
     NULL,
     HEAD TYPES "01 01 " ROW1,
     OUT "0300 fd00 0300 01 01 01 00 01000000 00 0178 00 01000000",
     false},
    {"DEFAULT", 2, NO_MAP, {0}, NULL, HEAD TYPES "02 00 01000000", OUT TYPES "02 00 01000000", true},
    {"IGNORE", 2, NO_MAP, {0}, NULL, HEAD TYPES ROW1 "00 00 03", OUT TYPES ROW1 "00 00 03", true},
    {"types remembered",
     2,
     2,
     {1, 0},
     HEAD TYPES ROW1,
     "fa 07000000 0000 " ROW1,
     OUT "0300 fd00 " ROW1_BACK,
     false},
    {"generated ids are asked for",
     2,
     NO_MAP,
     {0},
     NULL,
     "fa 07000000 c000 " TYPES ROW1,
     "fa 63000000 c000 " TYPES ROW1,
     false},
    {"no rows", 2, NO_MAP, {0}, NULL, HEAD TYPES, OUT TYPES, false},

    {"types never bound", 2, NO_MAP, {0}, NULL, "fa 07000000 0000 " ROW1, NULL, false},
    {"no parameters", 0, NO_MAP, {0}, NULL, HEAD, NULL, false},
    {"types cut", 2, NO_MAP, {0}, NULL, HEAD "fd00 03", NULL, false},
    {"head cut", 2, NO_MAP, {0}, NULL, "fa 07000000 80", NULL, false},
    {"another command", 2, NO_MAP, {0}, NULL, "17 07000000 8000 " TYPES ROW1, NULL, false},
    {"half a row", 2, NO_MAP, {0}, NULL, HEAD TYPES ROW1 "00 0178", NULL, false},
    {"an unknown indicator", 2, NO_MAP, {0}, NULL, HEAD TYPES "04 00 01000000", NULL, false},
    {"an unknown type", 1, NO_MAP, {0}, NULL, HEAD "5000 00 01", NULL, false},
    {"a value past the end", 1, NO_MAP, {0}, NULL, HEAD "fd00 00 0561", NULL, false},
};

static void run(size_t i)
{
    mp_stmts *t = mp_stmts_new(NULL);
    mp_stmt *s = mp_stmts_add(t, B_LIT("INSERT"));
    b_buf out = {0};
    bool defaults = false;
    assert_non_null(s);
    s->nparams = rows[i].nparams;
    s->server_id = 0x63;
    if (rows[i].nout != NO_MAP)
        assert_int_equal(mp_stmt_set_map(s, rows[i].source, rows[i].nout, rows[i].nparams), B_OK);
    if (rows[i].before != NULL) {
        b_slice before = hex_new(rows[i].before);
        if (mp_stmt_note_bulk(s, before) != B_OK) fail_msg("%s: the one before", rows[i].name);
        hex_free(before);
    }
    b_slice in = hex_new(rows[i].in);
    b_status st = mp_stmt_bulk(s, in, &defaults, &out);
    hex_free(in);
    if (st != (rows[i].out == NULL ? B_MALFORMED : B_OK)) fail_msg("%s: %s", rows[i].name, b_status_text(st));
    if (rows[i].out != NULL) assert_hex(b_buf_view(&out), rows[i].out, rows[i].name);
    if (rows[i].out != NULL && defaults != rows[i].defaults) fail_msg("%s: defaults", rows[i].name);
    b_buf_deinit(&out);
    mp_stmts_free(t);
}

static void test_bulk(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) run(i);
}

/* The types of a bulk execution serve a plain one, and the other way round. */
static void test_types_are_shared(void **state)
{
    (void)state;
    static const uint32_t source[] = {1, 0};
    mp_stmts *t = mp_stmts_new(NULL);
    mp_stmt *s = mp_stmts_add(t, B_LIT("INSERT"));
    b_buf out = {0};
    s->nparams = 2;
    s->server_id = 0x63;
    assert_int_equal(mp_stmt_set_map(s, source, 2, 2), B_OK);
    b_slice bulk = hex_new(HEAD TYPES ROW1), plain = hex_new("17 07000000 00 01000000 00 00 0178 01000000");
    assert_int_equal(mp_stmt_note_bulk(s, bulk), B_OK);
    assert_int_equal(mp_stmt_execute(s, plain, 0, false, &out), B_OK);
    assert_hex(b_buf_view(&out), "17 63000000 00 01000000 00 01 0300 fd00 01000000 0178", "plain");
    hex_free(bulk), hex_free(plain);
    b_buf_deinit(&out);
    mp_stmts_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bulk),
        cmocka_unit_test(test_types_are_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
