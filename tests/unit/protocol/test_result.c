/* Column definitions as the servers sent them, and result sets of our own read back by the follower. */
#include "protocol/response.h"
#include "protocol/result.h"

#include "hex.h"

static const char id_column[] = "03646566026434017401740269640269640c3f000b000000030350000000";

static void test_column(void **state)
{
    (void)state;
    b_slice in = hex_new(id_column);
    mp_column c;
    assert_int_equal(mp_column_parse(in, 0, &c), B_OK);
    assert_slice(c.catalog, B_LIT("def"), "catalog");
    assert_slice(c.schema, B_LIT("d4"), "schema");
    assert_slice(c.table, B_LIT("t"), "table");
    assert_slice(c.name, B_LIT("id"), "name");
    assert_slice(c.org_name, B_LIT("id"), "org_name");
    assert_null(c.extended.p);
    mp_column_info i = mp_column_info_get(&c);
    assert_int_equal(i.charset, 63);
    assert_int_equal(i.length, 11);
    assert_int_equal(i.type, 3);
    assert_int_equal(i.flags, 0x5003);
    assert_true(i.flags & MP_COLUMN_PRIMARY_KEY && i.flags & MP_COLUMN_NO_DEFAULT);
    b_buf b = {0};
    mp_column_info_put(&b, &i);
    assert_slice(b_buf_view(&b), c.fixed, "fixed part written again");
    b_buf_deinit(&b);
    hex_free(in);
}

static const struct {
    const char *name, *bytes;
    uint64_t caps;
    bool good, extended;
} columns[] = {
    {"plain", "03646566026434017401740269640269640c3f000b000000030350000000", 0, true, false},
    {"with a default, as COM_FIELD_LIST", "03646566026434017401740269640269640c3f000b0000000303500000000130",
     0, true, false},
    {"with a NULL default", "03646566026434017401740269640269640c3f000b000000030350000000fb", 0, true, false},
    {"no extended metadata, where it was asked for", "0364656600000001310000 0c3f000b000000030350000000",
     MP_MARIADB_EXTENDED_METADATA, true, true},
    {"extended metadata", "03646566047465737401620162016a016a 0601046a736f6e 0c2d00fffffffffc9000000000",
     MP_MARIADB_EXTENDED_METADATA, true, true},
    {"extended metadata that is as long as the fixed part",
     "03646566047465737401620162016d016d 0c000a6d756c7469706f696e74 0c3f00ffffffffff9000000000",
     MP_MARIADB_EXTENDED_METADATA, true, true},
    {"extended metadata that was not asked for",
     "036465660000000131000600046a736f6e0c3f000b000000030350000000", 0, false, false},
    {"short fixed part", "03646566026434017401740269640269640c3f000b00", 0, false, false},
    {"no fixed part", "0364656602643401740174026964026964", 0, false, false},
    {"no fixed part, extended", "0364656602643401740174026964026964", MP_MARIADB_EXTENDED_METADATA, false,
     false},
    {"a name too long", "03646566fe0000000001000000", 0, false, false},
    {"empty", "", 0, false, false},
};

static void test_columns_keep_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        b_slice in = hex_new(columns[i].bytes);
        mp_column c;
        bool good = mp_column_parse(in, columns[i].caps, &c) == B_OK;
        if (good != columns[i].good) fail_msg("%s: %d", columns[i].name, good);
        if (good) {
            if ((c.extended.p != NULL) != columns[i].extended) fail_msg("%s: extended", columns[i].name);
            b_buf b = {0};
            mp_column_put(&b, &c);
            assert_slice(b_buf_view(&b), in, columns[i].name);
            b_buf_deinit(&b);
        }
        hex_free(in);
    }
}

static void test_column_renamed(void **state)
{
    (void)state;
    b_slice in = hex_new(id_column);
    mp_column c;
    b_buf b = {0};
    assert_int_equal(mp_column_parse(in, 0, &c), B_OK);
    c.name = B_LIT("number");
    mp_column_put(&b, &c);
    assert_hex(b_buf_view(&b), "0364656602643401740174066e756d6265720269640c3f000b000000030350000000",
               "renamed");
    b_buf_deinit(&b);
    hex_free(in);
}

/* Follows what was written and returns its events' letters' sum: rows. */
static size_t follow(const b_buf *b, uint64_t caps, uint8_t first_seq, uint8_t last_seq)
{
    mp_response r;
    size_t rows = 0, at = 0;
    uint8_t seq = first_seq;
    mp_response_start(&r, MP_COM_QUERY, caps);
    while (at < b->n) {
        assert_false(r.done);
        mp_header h = mp_header_get(b->p + at);
        assert_int_equal(h.seq, seq++);
        mp_event e = mp_response_next(&r, h, b_slice_of(b->p + at + MP_HEADER, h.len));
        assert_int_not_equal(e, MP_EV_BAD);
        assert_int_not_equal(e, MP_EV_ERR);
        if (e == MP_EV_ROW) rows++;
        at += MP_HEADER + h.len;
    }
    assert_true(r.done);
    assert_int_equal(r.status, MP_STATUS_AUTOCOMMIT);
    assert_int_equal(seq, last_seq);
    return rows;
}

static void test_result(void **state)
{
    (void)state;
    static const uint64_t caps[] = {MP_CLIENT_PROTOCOL_41, MP_CLIENT_PROTOCOL_41 | MP_CLIENT_DEPRECATE_EOF};
    for (size_t i = 0; i < 2; i++) {
        b_table *t = b_table_new();
        b_table_column(t, "name");
        b_table_column(t, "rows");
        for (int row = 0; row < 3; row++) {
            b_table_row(t);
            b_table_str(t, row == 1 ? NULL : "x");
            b_table_int(t, row);
        }
        b_buf b = {0};
        uint8_t next = mp_result_put(&b, 1, t, caps[i], MP_STATUS_AUTOCOMMIT);
        assert_false(b.failed);
        assert_int_equal(follow(&b, caps[i], 1, next), 3);
        b_buf_deinit(&b);
        b_table_free(t);
    }
}

static void test_message(void **state)
{
    (void)state;
    b_table *t = b_table_new();
    b_table_message(t, 3, "done %d", 3);
    b_buf b = {0};
    assert_int_equal(mp_result_put(&b, 1, t, MP_CLIENT_PROTOCOL_41, 2), 2);
    mp_ok ok;
    assert_int_equal(mp_ok_parse(b_slice_of(b.p + MP_HEADER, b.n - MP_HEADER), MP_CLIENT_PROTOCOL_41, &ok),
                     B_OK);
    assert_int_equal(ok.affected, 3);
    assert_slice(ok.info, B_LIT("done 3"), "info");
    b_buf_deinit(&b);
    b_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_column),         cmocka_unit_test(test_columns_keep_every_byte),
        cmocka_unit_test(test_column_renamed), cmocka_unit_test(test_result),
        cmocka_unit_test(test_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
