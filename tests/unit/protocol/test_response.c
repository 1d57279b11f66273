/* Answers, packet by packet, to their true end. Most packets are as MySQL 9.7 and MariaDB 10.11 sent them.
 *
 * A script is packets apart by spaces: hex digits; `LEN!hex` for one whose header says LEN (hex) and of which
 * only the first bytes are given; `<LEN` for one from the client. The events it must give are letters. */
#include "protocol/response.h"

#include "hex.h"

#define DEP                                                                                                  \
    (MP_CLIENT_PROTOCOL_41 | MP_CLIENT_TRANSACTIONS | MP_CLIENT_DEPRECATE_EOF | MP_CLIENT_SESSION_TRACK)
#define OLD (MP_CLIENT_PROTOCOL_41 | MP_CLIENT_TRANSACTIONS)
#define OPT MP_CLIENT_OPTIONAL_RESULTSET_METADATA

#define COL "03646566026434017401740269640269640c3f000b000000030350000000"
#define PAR "03646566000000013f000c3f0015000000088000000000"
#define OK_ "00000002000000"
#define ERR "ff1e04233432533232556e6b"
#define META "fe00000200"
#define ENDO "fe00000200"
#define MOREO "fe00000a00"
#define ENDD "fe000002000000"
#define MORED "fe00000a000000"

static const char letters[] = {
    [MP_EV_OK] = 'O',           [MP_EV_ERR] = 'E',    [MP_EV_EOF] = 'F',    [MP_EV_META_EOF] = 'm',
    [MP_EV_COLUMN_COUNT] = 'n', [MP_EV_COLUMN] = 'c', [MP_EV_PARAM] = 'p',  [MP_EV_PREPARE_OK] = 'P',
    [MP_EV_ROW] = 'r',          [MP_EV_INFILE] = 'I', [MP_EV_STRING] = 's', [MP_EV_AUTH] = 'a',
    [MP_EV_PROGRESS] = 'g',     [MP_EV_BAD] = 'B',
};

static const struct {
    const char *name;
    uint8_t command;
    uint64_t caps;
    int flags; /* of EXECUTE; -1 = not told */
    const char *script, *events;
} rows[] = {
    {"OK", MP_COM_QUERY, OLD, -1, OK_, "O"},
    {"error", MP_COM_QUERY, OLD, -1, ERR, "E"},
    {"rows", MP_COM_QUERY, OLD, -1, "02 " COL " " COL " " META " 01310178 0132fb " ENDO, "nccmrrF"},
    {"rows, no EOFs", MP_COM_QUERY, DEP, -1, "02 " COL " " COL " 01310178 0132fb " ENDD, "nccrrO"},
    {"no rows", MP_COM_QUERY, OLD, -1, "01 " COL " " META " " ENDO, "ncmF"},
    {"no rows, no EOFs", MP_COM_QUERY, DEP, -1, "01 " COL " " ENDD, "ncO"},
    {"a row of one empty string", MP_COM_QUERY, DEP, -1, "01 " COL " 00 fb " ENDD, "ncrrO"},
    {"three results", MP_COM_QUERY, OLD, -1,
     "01 " COL " " META " 0131 " MOREO " 01 " COL " " META " " MOREO " " OK_, "ncmrFncmFO"},
    {"three results, no EOFs", MP_COM_QUERY, DEP, -1, "01 " COL " 0131 " MORED " 01 " COL " " MORED " " OK_,
     "ncrOncOO"},
    {"OK, then rows", MP_COM_QUERY, DEP, -1, "0000000a000000 01 " COL " 0131 " ENDD, "OncrO"},
    {"second statement fails", MP_COM_QUERY, DEP, -1, "01 " COL " 0131 " MORED " " ERR, "ncrOE"},
    {"error amid rows", MP_COM_QUERY, OLD, -1, "01 " COL " " META " 0131 " ERR, "ncmrE"},
    {"error amid rows, no EOFs", MP_COM_QUERY, DEP, -1, "01 " COL " 0131 " ERR, "ncrE"},
    {"error after the definitions", MP_COM_QUERY, OLD, -1, "01 " COL " " ERR, "ncE"},
    {"error amid the definitions", MP_COM_QUERY, OLD, -1, "02 " COL " " ERR, "ncE"},
    {"state in the end of rows", MP_COM_QUERY, DEP, -1, "01 " COL " 0131 fe00000240000000050103026434",
     "ncrO"},

    {"a row that starts with 0xFE", MP_COM_QUERY, OLD, -1, "01 " COL " " META " ffffff!fe 000009!00 " ENDO,
     "ncmrrF"},
    {"a row that starts with 0xFE, no EOFs", MP_COM_QUERY, DEP, -1, "01 " COL " ffffff!fe 000009!00 " ENDD,
     "ncrrO"},
    {"a row of two full packets and an empty one", MP_COM_QUERY, DEP, -1,
     "01 " COL " ffffff!fe ffffff!ff 000000! 0131 " ENDD, "ncrrrrO"},
    {"a piece of a row looks like an error", MP_COM_QUERY, DEP, -1,
     "01 " COL " ffffff!fd 000004!ffffffff " ENDD, "ncrrO"},
    {"an end of nine bytes is a row without DEPRECATE_EOF", MP_COM_QUERY, OLD, -1,
     "01 " COL " " META " 000009!fe " ENDO, "ncmrF"},
    {"an end of many bytes", MP_COM_QUERY, DEP, -1, "01 " COL " fe000002000000 ", "ncO"},

    {"LOCAL INFILE", MP_COM_QUERY, OLD, -1, "fb78 <7 <0 " OK_, "IO"},
    {"LOCAL INFILE of nothing", MP_COM_QUERY, OLD, -1, "fb78 <0 " ERR, "IE"},
    {"LOCAL INFILE in full packets", MP_COM_QUERY, OLD, -1, "fb78 <ffffff <0 <ffffff <3 <0 " OK_, "IO"},
    {"LOCAL INFILE, then more", MP_COM_QUERY, DEP, -1, "fb78 <1 <0 0000000a000000 " OK_, "IOO"},
    {"the server speaks while the client must", MP_COM_QUERY, OLD, -1, "fb78 <1 " OK_, "IB"},

    {"PREPARE without anything", MP_COM_STMT_PREPARE, OLD, -1, "000200000000000000000000", "P"},
    {"PREPARE with both", MP_COM_STMT_PREPARE, OLD, -1,
     "000100000002000100000000 " PAR " " META " " COL " " COL " " META, "Ppmccm"},
    {"PREPARE with both, no EOFs", MP_COM_STMT_PREPARE, DEP, -1,
     "000100000002000100000000 " PAR " " COL " " COL, "Ppcc"},
    {"PREPARE with parameters", MP_COM_STMT_PREPARE, OLD, -1,
     "000300000000000200000000 " PAR " " PAR " " META, "Pppm"},
    {"PREPARE with parameters, no EOFs", MP_COM_STMT_PREPARE, DEP, -1,
     "000300000000000200000000 " PAR " " PAR, "Ppp"},
    {"PREPARE with columns", MP_COM_STMT_PREPARE, OLD, -1, "000300000001000000000000 " COL " " META, "Pcm"},
    {"PREPARE with columns, no EOFs", MP_COM_STMT_PREPARE, DEP, -1, "000300000001000000000000 " COL, "Pc"},
    {"PREPARE refused", MP_COM_STMT_PREPARE, DEP, -1, ERR, "E"},
    {"PREPARE cut", MP_COM_STMT_PREPARE, DEP, -1, "00010000000200", "B"},

    {"EXECUTE", MP_COM_STMT_EXECUTE, OLD, 0,
     "02 " COL " " COL " " META " 0000010000000178 000802000000 " ENDO, "nccmrrF"},
    {"EXECUTE, no EOFs", MP_COM_STMT_EXECUTE, DEP, 0,
     "02 " COL " " COL " 0000010000000178 000802000000 " ENDD, "nccrrO"},
    {"EXECUTE opens a cursor", MP_COM_STMT_EXECUTE, OLD, 1, "01 " COL " fe00004200", "ncF"},
    {"EXECUTE opens a cursor, flags not told", MP_COM_STMT_EXECUTE, OLD, -1, "01 " COL " fe00004200", "ncF"},
    {"EXECUTE opens a cursor, no EOFs", MP_COM_STMT_EXECUTE, DEP, 1, "01 " COL " fe000042000000", "ncO"},
    {"cursor bit where none was asked for", MP_COM_STMT_EXECUTE, OLD, 0,
     "01 " COL " fe00004200 000001000000 " ENDO, "ncmrF"},
    {"prepared CALL with a cursor of its own", MP_COM_STMT_EXECUTE, OLD, 0,
     "01 " COL " fe00004a00 000001000000 fe00004a00 01 " COL " fe00004a00 fe00004a00 00000042000000",
     "ncmrFncmFO"},
    {"the same, a cursor asked for", MP_COM_STMT_EXECUTE, OLD, 1,
     "01 " COL " fe00004a00 000001000000 fe00004a00 00000042000000", "ncmrFO"},
    {"the same, no EOFs", MP_COM_STMT_EXECUTE, DEP, 1,
     "01 " COL " 000001000000 fe00004a000000 01 " COL " 000001000000 fe00006a000000 00000022000000",
     "ncrOncrOO"},
    {"cursor bit in a text CALL", MP_COM_QUERY, OLD, -1,
     "01 " COL " fe00004a00 0131 fe00004a00 00000042000000", "ncmrFO"},
    {"FETCH", MP_COM_STMT_FETCH, OLD, -1, "0000010000000178 fe00004200", "rF"},
    {"FETCH, no EOFs", MP_COM_STMT_FETCH, DEP, -1, "0000010000000178 fe000082000000", "rO"},
    {"FETCH of nothing", MP_COM_STMT_FETCH, DEP, -1, "fe000082000000", "O"},
    {"FETCH refused", MP_COM_STMT_FETCH, OLD, -1, ERR, "E"},

    {"FIELD_LIST", MP_COM_FIELD_LIST, OLD, -1, COL "0130 " COL "fb " ENDO, "ccF"},
    {"FIELD_LIST, no EOFs", MP_COM_FIELD_LIST, DEP, -1, COL "0130 " ENDD, "cO"},
    {"STATISTICS", MP_COM_STATISTICS, DEP, -1, "557074696d65", "s"},
    {"STATISTICS refused", MP_COM_STATISTICS, DEP, -1, ERR, "E"},
    {"PING", MP_COM_PING, DEP, -1, OK_, "O"},
    {"SET_OPTION", MP_COM_SET_OPTION, OLD, -1, ENDO, "F"},
    {"SET_OPTION, no EOFs", MP_COM_SET_OPTION, DEP, -1, ENDD, "O"},
    {"PROCESS_INFO", MP_COM_PROCESS_INFO, OLD, -1, "01 " COL " " META " 0131 " ENDO, "ncmrF"},
    {"RESET_CONNECTION has one answer only", MP_COM_RESET_CONNECTION, DEP, -1, "0000000a000000", "O"},
    {"CHANGE_USER", MP_COM_CHANGE_USER, OLD, -1, "fe706c756700 0103 " OK_, "aaO"},
    {"CHANGE_USER refused", MP_COM_CHANGE_USER, OLD, -1, "fe706c756700 " ERR, "aE"},
    {"a command nobody knows", 0xC0, OLD, -1, ERR, "E"},
    {"binlog", MP_COM_BINLOG_DUMP, OLD, -1, "0001 ffffff!00 000002!ffff 0002 " ENDO, "rrrrF"},

    {"metadata, optional", MP_COM_QUERY, OLD | OPT, -1, "0201 " COL " " COL " " META " 01310178 " ENDO,
     "nccmrF"},
    {"no metadata", MP_COM_QUERY, OLD | OPT, -1, "0200 " META " 01310132 " ENDO, "nmrF"},
    {"no metadata, no EOFs", MP_COM_QUERY, DEP | OPT, -1, "0200 01310132 " ENDD, "nrO"},
    {"no metadata, no rows", MP_COM_QUERY, DEP | OPT, -1, "0100 " ENDD, "nO"},
    {"no metadata, two results", MP_COM_QUERY, OLD | OPT, -1,
     "0100 " META " 0131 " MOREO " 0101 " COL " " META " 0132 " ENDO, "nmrFncmrF"},
    {"no byte for metadata where there must be one", MP_COM_QUERY, DEP | OPT, -1, "02", "B"},
    {"no metadata, a cursor", MP_COM_STMT_EXECUTE, OLD | OPT, 1, "0200 fe00004200", "nF"},
    {"no metadata, a cursor, no EOFs", MP_COM_STMT_EXECUTE, DEP | OPT, 1, "0200 fe000042000000", "nO"},
    {"PREPARE without metadata", MP_COM_STMT_PREPARE, OLD | OPT, -1,
     "00010000000200010000000000 " META " " META, "Pmm"},
    {"PREPARE without metadata, no EOFs", MP_COM_STMT_PREPARE, DEP | OPT, -1, "00010000000200010000000000",
     "P"},
    {"PREPARE without metadata, parameters only", MP_COM_STMT_PREPARE, OLD | OPT, -1,
     "00010000000000010000000000 " META, "Pm"},
    {"PREPARE with metadata, optional", MP_COM_STMT_PREPARE, OLD | OPT, -1,
     "00030000000100000000000001 " COL " " META, "Pcm"},
    {"metadata known from PREPARE", MP_COM_STMT_EXECUTE, OLD | MP_MARIADB_CACHE_METADATA, 0,
     "0200 fe00002200 0000010000000178 fe00002200", "nmrF"},
    {"metadata not known from PREPARE", MP_COM_STMT_EXECUTE, DEP | MP_MARIADB_CACHE_METADATA, 0,
     "0101 " COL " fe000022000000", "ncO"},
    {"PREPARE has no such byte on MariaDB", MP_COM_STMT_PREPARE, DEP | MP_MARIADB_CACHE_METADATA, -1,
     "000100000001000000000000 " COL, "Pc"},

    {"progress reports", MP_COM_QUERY, OLD | MP_MARIADB_PROGRESS, -1, "ffffff01 ffffff01 " OK_, "ggO"},
    {"error 65535 from who reports no progress", MP_COM_QUERY, OLD, -1, "ffffff01", "E"},

    {"empty packet", MP_COM_QUERY, OLD, -1, "000000!", "B"},
    {"no columns", MP_COM_QUERY, OLD, -1, "fc0000", "B"},
    {"too many columns", MP_COM_QUERY, OLD, -1, "fd000001", "B"},
    {"count with a tail", MP_COM_QUERY, OLD, -1, "0102", "B"},
    {"OK cut", MP_COM_QUERY, OLD, -1, "000000", "B"},
    {"an end without status", MP_COM_QUERY, OLD, -1, "01 " COL " " META " fe00", "ncmB"},
    {"a full packet that may not be", MP_COM_QUERY, OLD, -1, "ffffff!00", "B"},
    {"a full definition", MP_COM_QUERY, OLD, -1, "01 ffffff!03", "nB"},
    {"an empty row", MP_COM_QUERY, DEP, -1, "01 " COL " 000000!", "ncB"},
    {"a full error", MP_COM_QUERY, DEP, -1, "01 " COL " ffffff!ff", "ncB"},
};

/* The next packet of a script: its header, and the bytes given. True while there is one. */
static bool next_packet(const char **script, mp_header *h, b_slice *payload, bool *client)
{
    while (**script == ' ') (*script)++;
    if (**script == '\0') return false;
    size_t n = strcspn(*script, " ");
    char word[512];
    assert_true(n < sizeof word);
    memcpy(word, *script, n);
    word[n] = '\0';
    *script += n;
    *h = (mp_header){0};
    *client = word[0] == '<';
    char *bang = strchr(word, '!');
    if (*client) h->len = (uint32_t)strtoul(word + 1, NULL, 16);
    if (bang != NULL) h->len = (uint32_t)strtoul(word, NULL, 16);
    *payload = hex_new(*client ? "" : bang != NULL ? bang + 1 : word);
    if (!*client && bang == NULL) h->len = (uint32_t)payload->n;
    return true;
}

/* As mp_response_next, with no byte more than mp_response_need asks for, where `least`. */
static mp_event feed(mp_response *r, mp_header h, b_slice payload, bool least, const char *name)
{
    uint8_t first = payload.n > 0 ? (uint8_t)payload.p[0] : 0;
    uint32_t need = mp_response_need(r, h, first);
    if (need > h.len) fail_msg("%s: %u bytes of a packet of %u", name, need, h.len);
    if (!least) return mp_response_next(r, h, payload);
    if (need > payload.n) { /* the script gives the beginning only */
        char *zeros = calloc(need, 1);
        assert_non_null(zeros);
        memcpy(zeros, payload.p, payload.n);
        mp_event e = mp_response_next(r, h, b_slice_of(zeros, need));
        free(zeros);
        return e;
    }
    b_slice cut = exact_copy(payload, need);
    mp_event e = mp_response_next(r, h, cut);
    hex_free(cut);
    return e;
}

static void run(size_t i, bool least)
{
    mp_response r;
    char got[64] = "";
    size_t n = 0;
    const char *script = rows[i].script;
    mp_header h;
    b_slice payload;
    bool client;
    mp_response_start(&r, rows[i].command, rows[i].caps);
    if (rows[i].flags >= 0) mp_response_flags(&r, (uint8_t)rows[i].flags);
    while (next_packet(&script, &h, &payload, &client)) {
        if (r.done) fail_msg("%s: over after '%s'", rows[i].name, got);
        if (client != r.infile && rows[i].events[n] != 'B')
            fail_msg("%s: who speaks after '%s'", rows[i].name, got);
        if (client)
            mp_response_infile(&r, h);
        else
            got[n++] = letters[feed(&r, h, payload, least, rows[i].name)];
        hex_free(payload);
    }
    if (strcmp(got, rows[i].events) != 0) fail_msg("%s: got %s, want %s", rows[i].name, got, rows[i].events);
    if (!r.done) fail_msg("%s: not over", rows[i].name);
}

static void test_scripts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run(i, true);
        /* With all bytes there the answers are the same; not where the script does not give them. */
        if (strchr(rows[i].script, '!') == NULL) run(i, false);
    }
}

/* Of rows nothing but the first byte is asked for, however long they are. */
static void test_rows_stream(void **state)
{
    (void)state;
    mp_response r;
    mp_response_start(&r, MP_COM_STMT_FETCH, DEP);
    assert_int_equal(mp_response_need(&r, (mp_header){1000000, 1}, 0x00), 1);
    assert_int_equal(mp_response_need(&r, (mp_header){MP_MAX_PAYLOAD, 1}, 0xFE), 1);
    assert_int_equal(mp_response_next(&r, (mp_header){MP_MAX_PAYLOAD, 1}, B_LIT("\xFE")), MP_EV_ROW);
    assert_true(r.continued);
    assert_int_equal(mp_response_need(&r, (mp_header){100, 2}, 0xFF), 0);
    assert_int_equal(mp_response_next(&r, (mp_header){100, 2}, B_LIT("")), MP_EV_ROW);
    assert_false(r.continued);
    assert_int_equal(mp_response_need(&r, (mp_header){7, 3}, 0xFE), 7);
}

static void test_what_is_told(void **state)
{
    (void)state;
    mp_response r;
    mp_response_start(&r, MP_COM_QUERY, OLD);
    assert_false(r.have_status);
    assert_int_equal(mp_response_next(&r, (mp_header){1, 1}, B_LIT("\2")), MP_EV_COLUMN_COUNT);
    assert_int_equal(r.columns, 2);
    mp_response_start(&r, MP_COM_QUERY, OLD);
    assert_int_equal(mp_response_next(&r, (mp_header){7, 1}, B_LIT("\0\5\7\3\0\1\0")), MP_EV_OK);
    assert_true(r.have_status);
    assert_int_equal(r.status, 3);
    assert_int_equal(r.ok.affected, 5);
    assert_int_equal(r.ok.insert_id, 7);
    mp_response_start(&r, MP_COM_STMT_PREPARE, OLD);
    b_slice p = hex_new("000102030402000100000500");
    assert_int_equal(mp_response_next(&r, (mp_header){(uint32_t)p.n, 1}, p), MP_EV_PREPARE_OK);
    assert_int_equal(r.prepare.statement, 0x04030201);
    assert_int_equal(r.prepare.columns, 2);
    assert_int_equal(r.prepare.params, 1);
    assert_int_equal(r.prepare.warnings, 5);
    hex_free(p);
}

static void test_silent_commands(void **state)
{
    (void)state;
    static const uint8_t silent[] = {MP_COM_QUIT, MP_COM_STMT_CLOSE, MP_COM_STMT_SEND_LONG_DATA};
    for (size_t i = 0; i < sizeof silent; i++) {
        mp_response r;
        mp_response_start(&r, silent[i], OLD);
        assert_true(r.done);
        assert_int_equal(mp_response_next(&r, (mp_header){7, 1}, B_LIT("\0\0\0\2\0\0\0")), MP_EV_BAD);
    }
    assert_string_equal(mp_command_name(MP_COM_STMT_CLOSE), "COM_STMT_CLOSE");
    assert_string_equal(mp_command_name(0xC0), "COM_UNKNOWN");
    assert_int_equal(mp_command_reply(0xC0), MP_REPLY_UNKNOWN);
    assert_int_equal(mp_command_reply(0xFA), MP_REPLY_RESULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_rows_stream),
        cmocka_unit_test(test_what_is_told),
        cmocka_unit_test(test_silent_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
