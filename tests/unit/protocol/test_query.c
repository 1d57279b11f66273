/* COM_QUERY with attributes, as mysql 9.7 and a client of ours sent it to MySQL 9.7. */
#include "protocol/query.h"

#include "hex.h"

#define ATTR MP_CLIENT_QUERY_ATTRIBUTES
#define SELECT1 "73656c6563742031"

static const struct {
    const char *name;
    uint64_t caps;
    const char *in, *attributes, *text; /* attributes NULL: malformed */
} rows[] = {
    {"no capability", 0, "03 " SELECT1, "", SELECT1},
    {"no capability, an empty text", 0, "03", "", ""},
    {"no attributes", ATTR, "03 0001 " SELECT1, "0001", SELECT1},
    {"no attributes, an empty text", ATTR, "03 0001", "0001", ""},
    {"one", ATTR, "03 0101 00 01 0f00 0161 0178 " SELECT1, "0101 00 01 0f00 0161 0178", SELECT1},
    {"NULL and a number", ATTR, "03 0201 01 01 0600 0161 0300 0162 05000000 " SELECT1,
     "0201 01 01 0600 0161 0300 0162 05000000", SELECT1},
    {"nine, one of them without a name", ATTR,
     "03 0901 0001 01 0100 0161 0100 00 0100 0161 0100 0161 0100 0161 0100 0161 0100 0161 0100 0161 0100 "
     "0161 "
     "1112131415161718 " SELECT1,
     "0901 0001 01 0100 0161 0100 00 0100 0161 0100 0161 0100 0161 0100 0161 0100 0161 0100 0161 0100 0161 "
     "1112131415161718",
     SELECT1},
    {"a text that looks like an attribute", ATTR, "03 0101 00 01 fe00 00 00 0178", "0101 00 01 fe00 00 00",
     "0178"},
    {"nothing", ATTR, "03", NULL, NULL},
    {"no number of sets", ATTR, "03 00", NULL, NULL},
    {"two sets", ATTR, "03 0002 " SELECT1, NULL, NULL},
    {"no set", ATTR, "03 0000 " SELECT1, NULL, NULL},
    {"types not bound", ATTR, "03 0101 00 00 0178 " SELECT1, NULL, NULL},
    {"no values", ATTR, "03 0101 00 01 0f00 0161", NULL, NULL},
    {"an unknown type", ATTR, "03 0101 00 01 5000 0161 0178 " SELECT1, NULL, NULL},
    {"a name too long", ATTR, "03 0101 00 01 0f00 7f61 0178 " SELECT1, NULL, NULL},
    {"2^64 - 1 attributes", ATTR, "03 feffffffffffffffff01 00 01 0f00 0161 0178 " SELECT1, NULL, NULL},
    {"65536 attributes", ATTR, "03 fd00000101 00 01 0f00 0161 0178 " SELECT1, NULL, NULL},
};

static void test_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        b_slice in = hex_new(rows[i].in), attributes, text;
        b_status st = mp_query_split(in, rows[i].caps, &attributes, &text);
        if (st != (rows[i].attributes == NULL ? B_MALFORMED : B_OK))
            fail_msg("%s: %s", rows[i].name, b_status_text(st));
        if (st == B_OK) {
            assert_hex(attributes, rows[i].attributes, rows[i].name);
            assert_hex(text, rows[i].text, rows[i].name);
        }
        hex_free(in);
    }
}

static void test_none(void **state)
{
    (void)state;
    b_buf b = {0};
    mp_query_no_attributes(&b, 0);
    assert_int_equal(b.n, 0);
    mp_query_no_attributes(&b, ATTR);
    assert_hex(b_buf_view(&b), "0001", "none");
    b_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
