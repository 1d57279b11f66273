/* Prepared statements: the table of them, and EXECUTE carried over to another statement. */
#include "protocol/stmt.h"

#include "hex.h"

#define HEAD "17 07000000 00 01000000 " /* the client's, with its id */
#define OUT "17 63000000 00 01000000 "  /* the server's */
#define TYPES3 "0300 fe00 0880 "        /* INT, STRING, BIGINT UNSIGNED */
#define A "01000000 "
#define B "026162 "
#define C "0300000000000000 "

enum { NO_MAP = 99 };

static const struct {
    const char *name;
    uint32_t nparams, nout, source[6]; /* nout NO_MAP: identity */
    const char *before;                /* an earlier EXECUTE, or NULL */
    bool force;
    uint64_t caps;
    const char *in, *out; /* out NULL: refused as malformed */
} rows[] = {
    {"identity", 3, NO_MAP, {0}, NULL, false, 0, HEAD "00 01 " TYPES3 A B C, OUT "00 01 " TYPES3 A B C},
    {"identity, no types again",
     3,
     NO_MAP,
     {0},
     HEAD "00 01 " TYPES3 A B C,
     false,
     0,
     HEAD "00 00 " A B C,
     OUT "00 00 " A B C},
    {"identity, types for a fresh statement",
     3,
     NO_MAP,
     {0},
     HEAD "00 01 " TYPES3 A B C,
     true,
     0,
     HEAD "02 00 " A C,
     OUT "02 01 " TYPES3 A C},
    {"no parameters", 0, NO_MAP, {0}, NULL, true, 0, HEAD, OUT},
    {"no parameters, a cursor",
     0,
     NO_MAP,
     {0},
     NULL,
     false,
     0,
     "17 07000000 01 01000000",
     "17 63000000 01 01000000"},
    {"one twice",
     3,
     4,
     {0, 1, 1, 2},
     NULL,
     false,
     0,
     HEAD "00 01 " TYPES3 A B C,
     OUT "00 01 0300 fe00 fe00 0880 " A B B C},
    {"other order",
     3,
     3,
     {2, 0, 1},
     NULL,
     false,
     0,
     HEAD "00 01 " TYPES3 A B C,
     OUT "00 01 0880 0300 fe00 " C A B},
    {"one dropped", 3, 2, {0, 2}, NULL, false, 0, HEAD "00 01 " TYPES3 A B C, OUT "00 01 0300 0880 " A C},
    {"all dropped", 3, 0, {0}, NULL, false, 0, HEAD "00 01 " TYPES3 A B C, OUT},
    {"NULL bits move",
     3,
     5,
     {1, 0, 1, 2, 0},
     NULL,
     false,
     0,
     HEAD "02 01 " TYPES3 A C,
     OUT "05 01 fe00 0300 fe00 0880 0300 " A C A},
    {"all NULL", 3, 4, {0, 1, 2, 2}, NULL, false, 0, HEAD "07 01 " TYPES3, OUT "0f 01 0300 fe00 0880 0880"},
    {"types remembered",
     3,
     4,
     {0, 1, 2, 0},
     HEAD "07 01 " TYPES3,
     false,
     0,
     HEAD "00 00 " A B C,
     OUT "00 01 0300 fe00 0880 0300 " A B C A},
    {"types changed",
     3,
     4,
     {0, 1, 2, 0},
     HEAD "07 01 " TYPES3,
     false,
     0,
     HEAD "00 01 0100 0200 0500 11 2222 " C,
     OUT "00 01 0100 0200 0500 0100 11 2222 " C "11"},
    {"dates and times",
     4,
     4,
     {3, 2, 1, 0},
     NULL,
     false,
     0,
     HEAD "00 01 0a00 0c00 0b00 0700 04 e7070102 07 e70701020a0b0c 08 0001000000010203 00",
     OUT "00 01 0700 0b00 0c00 0a00 00 08 0001000000010203 07 e70701020a0b0c 04 e7070102"},
    {"microseconds",
     2,
     2,
     {1, 0},
     NULL,
     false,
     0,
     HEAD "00 01 0c00 0b00 0b e70701020a0b0c01020304 0c 000100000001020301020304",
     OUT "00 01 0b00 0c00 0c 000100000001020301020304 0b e70701020a0b0c01020304"},
    {"every width",
     6,
     6,
     {5, 4, 3, 2, 1, 0},
     NULL,
     false,
     0,
     HEAD "00 01 0600 0d00 0900 0400 f600 fc00 3333 44444444 55555555 03312e35 fc0300616263",
     OUT "00 01 fc00 f600 0400 0900 0d00 0600 fc0300616263 03312e35 55555555 44444444 3333"},
    {"attributes go last",
     1,
     2,
     {0, 0},
     NULL,
     false,
     MP_CLIENT_QUERY_ATTRIBUTES,
     "17 07000000 08 01000000 02 02 01 0100 00 fe00 0161 11",
     "17 63000000 08 01000000 03 04 01 0100 00 0100 00 fe00 0161 11 11"},
    {"attributes with values",
     1,
     2,
     {0, 0},
     NULL,
     false,
     MP_CLIENT_QUERY_ATTRIBUTES,
     "17 07000000 08 01000000 02 00 01 0100 00 fe00 0161 11 0178",
     "17 63000000 08 01000000 03 00 01 0100 00 0100 00 fe00 0161 11 11 0178"},
    {"attributes only",
     0,
     NO_MAP,
     {0},
     NULL,
     true,
     MP_CLIENT_QUERY_ATTRIBUTES,
     "17 07000000 08 01000000 01 00 01 fe00 0161 0178",
     "17 63000000 08 01000000 01 00 01 fe00 0161 0178"},

    {"types never bound", 3, 3, {0, 1, 2}, NULL, false, 0, HEAD "00 00 " A B C, NULL},
    {"types never bound, identity", 3, NO_MAP, {0}, NULL, false, 0, HEAD "00 00 " A B C, NULL},
    {"an unknown type", 1, 2, {0, 0}, NULL, false, 0, HEAD "00 01 5000 01", NULL},
    {"a value cut", 1, 2, {0, 0}, NULL, false, 0, HEAD "00 01 0300 010000", NULL},
    {"a string past the end", 1, 2, {0, 0}, NULL, false, 0, HEAD "00 01 fe00 056162", NULL},
    {"a string of 2^64 - 1", 1, 2, {0, 0}, NULL, false, 0, HEAD "00 01 fe00 feffffffffffffffff61", NULL},
    {"bytes left over", 1, 2, {0, 0}, NULL, false, 0, HEAD "00 01 0100 0102", NULL},
    {"types cut", 3, 3, {0, 1, 2}, NULL, false, 0, HEAD "00 01 0300 fe", NULL},
    {"no NULL bits", 3, 3, {0, 1, 2}, NULL, false, 0, HEAD, NULL},
    {"head cut", 0, NO_MAP, {0}, NULL, false, 0, "17 07000000 00 0100", NULL},
    {"another command", 0, NO_MAP, {0}, NULL, false, 0, "16 07000000 00 01000000", NULL},
    {"fewer than the statement has",
     2,
     2,
     {0, 1},
     NULL,
     false,
     MP_CLIENT_QUERY_ATTRIBUTES,
     "17 07000000 08 01000000 01 00 01 0100 00 11",
     NULL},
    {"2^64 - 1 parameters",
     1,
     1,
     {0},
     NULL,
     false,
     MP_CLIENT_QUERY_ATTRIBUTES,
     "17 07000000 08 01000000 feffffffffffffffff 00 01 0100 00 11",
     NULL},
    {"attributes without types",
     1,
     1,
     {0},
     HEAD "00 01 0100 11",
     false,
     MP_CLIENT_QUERY_ATTRIBUTES,
     "17 07000000 08 01000000 02 00 00 11 0178",
     NULL},
};

static mp_stmt *add(mp_stmts *t, uint32_t nparams)
{
    mp_stmt *s = mp_stmts_add(t, B_LIT("SELECT ?"));
    assert_non_null(s);
    s->nparams = nparams;
    s->server_id = 0x63;
    return s;
}

static b_status execute(mp_stmt *s, const char *in, uint64_t caps, bool force, b_buf *out)
{
    b_slice payload = hex_new(in);
    b_status st = mp_stmt_execute(s, payload, caps, force, out);
    hex_free(payload);
    return st;
}

static void run(size_t i)
{
    mp_stmts *t = mp_stmts_new(NULL);
    mp_stmt *s = add(t, rows[i].nparams);
    b_buf out = {0};
    if (rows[i].nout != NO_MAP)
        assert_int_equal(mp_stmt_set_map(s, rows[i].source, rows[i].nout, rows[i].nparams), B_OK);
    if (rows[i].before != NULL) {
        b_slice before = hex_new(rows[i].before);
        if (mp_stmt_note_types(s, before, 0) != B_OK) fail_msg("%s: the one before", rows[i].name);
        hex_free(before);
    }
    b_status st = execute(s, rows[i].in, rows[i].caps, rows[i].force, &out);
    if (st != (rows[i].out == NULL ? B_MALFORMED : B_OK)) fail_msg("%s: %s", rows[i].name, b_status_text(st));
    if (rows[i].out != NULL) assert_hex(b_buf_view(&out), rows[i].out, rows[i].name);
    b_buf_deinit(&out);
    mp_stmts_free(t);
}

static void test_execute(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) run(i);
}

static void expect_given(const mp_given *g, unsigned char type, bool is_unsigned, bool null,
                         const char *value)
{
    assert_int_equal(g->type, type);
    assert_int_equal(g->is_unsigned, is_unsigned);
    assert_int_equal(g->null, null);
    assert_hex(g->value, value, "value");
}

static void test_given(void **state)
{
    (void)state;
    mp_stmts *t = mp_stmts_new(NULL);
    mp_stmt *s = add(t, 5);
    mp_given g[5];
    bool cursor = true;
    b_slice in = hex_new(HEAD "02 01 0300 fe00 0880 0c00 0600 " A C "04 ea070b1b");
    s->nparams = 4;
    assert_int_equal(mp_stmt_given(s, in, 0, g, &cursor), B_MALFORMED); /* another number of them */
    hex_free(in);
    in = hex_new(HEAD "12 00 01000000 0300000000000000 04 ea070b1b");
    s->nparams = 5;
    assert_int_equal(mp_stmt_given(s, in, 0, g, &cursor), B_MALFORMED); /* of types that were never bound */
    hex_free(in);
    in = hex_new(HEAD "12 01 0300 fe00 0880 0c00 0600 " A C "04 ea070b1b");
    assert_int_equal(mp_stmt_given(s, in, 0, g, &cursor), B_OK);
    assert_false(cursor);
    expect_given(&g[0], 3, false, false, A);
    expect_given(&g[1], 254, false, true, "");
    expect_given(&g[2], 8, true, false, C);
    expect_given(&g[3], 12, false, false, "ea070b1b");
    expect_given(&g[4], 6, false, true, "");
    assert_int_equal(mp_stmt_note_types(s, in, 0), B_OK);
    hex_free(in);
    in = hex_new("17 07000000 01 01000000 00 00 " A B C "00");
    assert_int_equal(mp_stmt_given(s, in, 0, g, &cursor), B_OK); /* types as before, and a cursor */
    assert_true(cursor);
    expect_given(&g[1], 254, false, false, "6162");
    expect_given(&g[3], 12, false, false, "");
    hex_free(in);
    s->nparams = 1;
    in = hex_new("17 07000000 08 01000000 02 00 01 0300 00 fe00 01 6e " A "0178"); /* with an attribute */
    assert_int_equal(mp_stmt_given(s, in, MP_CLIENT_QUERY_ATTRIBUTES, g, &cursor), B_OK);
    assert_false(cursor);
    expect_given(&g[0], 3, false, false, A);
    hex_free(in);
    mp_stmts_free(t);
}

static void test_long_data(void **state)
{
    (void)state;
    static const uint32_t source[] = {1, 0, 1};
    mp_stmts *t = mp_stmts_new(NULL);
    mp_stmt *s = add(t, 2);
    b_buf out = {0};
    assert_int_equal(mp_stmt_set_map(s, source, 3, 2), B_OK);
    assert_int_equal(mp_stmt_keep_long(s, 2, B_LIT("x")), B_INVALID);
    assert_int_equal(mp_stmt_keep_long(s, 1, B_LIT("ab")), B_OK);
    assert_int_equal(mp_stmt_keep_long(s, 1, B_LIT("")), B_OK);
    assert_int_equal(mp_stmt_keep_long(s, 1, B_LIT("c")), B_OK);
    assert_int_equal(mp_stmt_put_long(s, &out), B_OK);
    assert_hex(b_buf_view(&out),
               "09000000 18 63000000 0000 6162  09000000 18 63000000 0200 6162"
               "07000000 18 63000000 0000       07000000 18 63000000 0200"
               "08000000 18 63000000 0000 63    08000000 18 63000000 0200 63",
               "pieces");
    b_buf_clear(&out);
    assert_int_equal(execute(s, HEAD "00 01 0100 fc00 11", 0, false, &out), B_OK);
    assert_hex(b_buf_view(&out), OUT "00 01 fc00 0100 fc00 11", "no value for the long ones");
    mp_stmt_drop_long(s);
    assert_int_equal(s->long_bytes, 0);
    b_buf_clear(&out);
    assert_int_equal(mp_stmt_put_long(s, &out), B_OK);
    assert_int_equal(out.n, 0);
    assert_int_equal(execute(s, HEAD "00 01 0100 fc00 11", 0, false, &out), B_MALFORMED);
    b_buf_deinit(&out);
    mp_stmts_free(t);
}

static void test_long_data_of_an_identity(void **state)
{
    (void)state;
    mp_stmts *t = mp_stmts_new(NULL);
    mp_stmt *s = add(t, 2);
    b_buf out = {0};
    assert_int_equal(mp_stmt_keep_long(s, 1, B_LIT("ab")), B_OK);
    assert_int_equal(mp_stmt_put_long(s, &out), B_OK);
    assert_hex(b_buf_view(&out), "09000000 18 63000000 0100 6162", "piece");
    b_buf_deinit(&out);
    mp_stmts_free(t);
    b_slice in = hex_new("18 07000000 0100 6162"), cut = hex_new("18 07000000 01"), data;
    uint32_t id, param;
    assert_int_equal(mp_send_long_parse(in, &id, &param, &data), B_OK);
    assert_int_equal(id, 7);
    assert_int_equal(param, 1);
    assert_slice(data, B_LIT("ab"), "data");
    assert_int_equal(mp_send_long_parse(cut, &id, &param, &data), B_MALFORMED);
    hex_free(in), hex_free(cut);
}

static void test_many_parameters(void **state)
{
    (void)state;
    enum { N = 65535 };
    mp_stmts *t = mp_stmts_new(NULL);
    mp_stmt *s = add(t, N);
    uint32_t *source = calloc(N, sizeof *source);
    b_buf in = {0}, out = {0};
    for (uint32_t i = 0; i < N; i++) source[i] = N - 1 - i;
    assert_int_equal(mp_stmt_set_map(s, source, N, N), B_OK);
    b_buf_add(&in, "\x17\7\0\0\0\0\1\0\0\0", 10);
    for (size_t i = 0; i < (N + 7) / 8; i++) b_buf_char(&in, '\0');
    b_buf_char(&in, 1);
    for (size_t i = 0; i < N; i++) mp_put_int(&in, 2, 2);
    for (size_t i = 0; i < N; i++) mp_put_int(&in, i, 2);
    assert_int_equal(mp_stmt_execute(s, b_buf_view(&in), 0, false, &out), B_OK);
    assert_int_equal(out.n, in.n);
    assert_int_equal((unsigned char)out.p[out.n - 1], 0); /* the first value came last */
    assert_memory_equal(out.p + out.n - 2 * N, "\xfe\xff", 2);
    free(source);
    b_buf_deinit(&in), b_buf_deinit(&out);
    mp_stmts_free(t);
}

static void test_maps_refused(void **state)
{
    (void)state;
    static const uint32_t source[] = {0, 2};
    mp_stmts *t = mp_stmts_new(NULL);
    mp_stmt *s = add(t, 2);
    assert_int_equal(mp_stmt_set_map(s, source, 2, 2), B_INVALID);
    assert_int_equal(mp_stmt_set_map(s, NULL, 3, 2), B_INVALID);
    assert_int_equal(mp_stmt_set_map(s, source, 70000, 2), B_TOO_BIG);
    assert_int_equal(mp_stmt_set_map(s, NULL, 2, 2), B_OK);
    mp_stmts_free(t);
}

static int freed;

static void count_free(void *extra)
{
    freed += *(int *)extra;
}

static void test_table(void **state)
{
    (void)state;
    static int one = 1;
    enum { N = 1000 };
    mp_stmts *t = mp_stmts_new(count_free);
    uint32_t ids[N];
    freed = 0;
    for (int i = 0; i < N; i++) {
        mp_stmt *s = add(t, 0);
        s->extra = &one;
        ids[i] = s->client_id;
        assert_ptr_equal(mp_stmts_get(t, ids[i]), s);
        assert_ptr_equal(mp_stmts_get(t, 0xFFFFFFFF), s);
    }
    assert_string_equal(mp_stmts_get(t, ids[5])->sql, "SELECT ?");
    for (int i = 0; i < N; i += 2) mp_stmts_remove(t, ids[i]);
    assert_int_equal(freed, N / 2);
    assert_int_equal(mp_stmts_count(t), N / 2);
    for (int i = 0; i < N; i++)
        if ((mp_stmts_get(t, ids[i]) != NULL) != (i % 2 == 1)) fail_msg("statement %d", i);
    size_t n = 0;
    for (mp_stmt *s = mp_stmts_next(t, NULL); s != NULL; s = mp_stmts_next(t, s))
        assert_int_equal(s->client_id, ids[2 * n++ + 1]);
    assert_int_equal(n, N / 2);
    mp_stmts_remove(t, 0xFFFFFFF0); /* unknown: nothing happens */
    mp_stmts_clear(t);
    assert_int_equal(freed, N);
    assert_int_equal(mp_stmts_count(t), 0);
    assert_null(mp_stmts_get(t, ids[1]));
    assert_null(mp_stmts_get(t, 0xFFFFFFFF));
    mp_stmts_free(t);
}

static void test_last_added(void **state)
{
    (void)state;
    mp_stmts *t = mp_stmts_new(NULL);
    mp_stmt *a = add(t, 0), *b = add(t, 0);
    mp_stmts_remove(t, b->client_id);
    assert_null(mp_stmts_get(t, 0xFFFFFFFF));
    b = add(t, 0);
    assert_ptr_equal(mp_stmts_get(t, 0xFFFFFFFF), b);
    mp_stmts_forget_last(t);
    assert_null(mp_stmts_get(t, 0xFFFFFFFF));
    assert_ptr_equal(mp_stmts_get(t, a->client_id), a);
    mp_stmts_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_execute),         cmocka_unit_test(test_given),
        cmocka_unit_test(test_long_data),       cmocka_unit_test(test_long_data_of_an_identity),
        cmocka_unit_test(test_many_parameters), cmocka_unit_test(test_maps_refused),
        cmocka_unit_test(test_table),           cmocka_unit_test(test_last_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
