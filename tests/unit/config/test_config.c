/* The configuration: what is read, what is refused, and that a refusal says where and what to do. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct folder {
    char path[64];
} folder;

static int make_folder(void **state)
{
    folder *f = calloc(1, sizeof *f);
    strcpy(f->path, "/tmp/straddle-config-XXXXXX");
    if (f == NULL || mkdtemp(f->path) == NULL) return -1;
    setenv("STRADDLE_TEST_PASSWORD", "from the environment", 1);
    unsetenv("STRADDLE_TEST_UNSET");
    *state = f;
    return 0;
}

static const char *const files[] = {"c.yaml",        "secret",      "open-secret",    "m/0002-b.yaml",
                                    "m/0001-a.yml",  "m/notes.txt", "m/.hidden.yaml", "m",
                                    "bad/0001.yaml", "bad"};

static int remove_folder(void **state)
{
    folder *f = *state;
    char path[256];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", f->path, files[i]);
        remove(path);
    }
    int rc = rmdir(f->path);
    free(f);
    return rc;
}

static char *path_of(const folder *f, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    return path;
}

static void write_file(const folder *f, const char *name, const char *text, mode_t mode)
{
    FILE *out = fopen(path_of(f, name), "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    assert_int_equal(chmod(path_of(f, name), mode), 0);
}

static cfg_config *load(const folder *f, const char *yaml, b_buf *diag)
{
    write_file(f, "c.yaml", yaml, 0600);
    return cfg_load(path_of(f, "c.yaml"), diag);
}

#define ADMIN "admin:\n  users: [{name: a, password: x, role: operator}]\n"
#define BACKEND "backend: {address: '127.0.0.1:3306', user: s, password: p}\n"
#define LISTENERS "listeners:\n  - address: 127.0.0.1:6033\n"
#define BASE LISTENERS ADMIN BACKEND /* 5 lines */

static void defaults_are_as_documented(void **state)
{
    b_buf diag = {0};
    cfg_config *c = load(*state, BASE, &diag);
    assert_string_equal(b_buf_cstr(&diag), "");
    assert_non_null(c);
    assert_string_equal(c->admin.text, "127.0.0.1:6032");
    assert_int_equal(c->listeners[0].schema_version, CFG_VERSION_BOTH);
    assert_int_equal(c->listeners[0].tls, CFG_TLS_OFFERED);
    assert_int_equal(c->admin_tls, CFG_TLS_OFFERED);
    assert_int_equal(c->backend.tls_mode, CFG_TLS_AS_CLIENT);
    assert_int_equal(c->tls.min_version, CFG_TLS_1_2);
    assert_int_equal(c->tls.max_version, CFG_TLS_1_3);
    assert_int_equal(c->listeners[0].address.port, 6033);
    assert_int_equal(c->threads, sysconf(_SC_NPROCESSORS_ONLN));
    assert_int_equal(c->max_statement_bytes, 64 << 20);
    assert_int_equal(c->max_buffer_bytes, 1 << 20);
    assert_int_equal(c->phase_timeout_ms, 30000);
    assert_int_equal(c->lease_ms, 10000);
    assert_int_equal(c->poll_ms, 100);
    assert_int_equal(c->plan_cache_entries, 4096);
    assert_int_equal(c->log_level, B_INFO);
    assert_null(c->log_file);
    assert_int_equal(c->nmigrations, 0);
    cfg_free(c);
    b_buf_deinit(&diag);
}

static void all_keys_arrive(void **state)
{
    b_buf diag = {0};
    cfg_config *c =
        load(*state,
             "listeners: [{address: '[::1]:7000', schema_version: new}, {address: /tmp/s.sock}]\n"
             "admin: {address: '0.0.0.0:7001', allow_remote: true,\n"
             "        users: [{name: r, password_env: STRADDLE_TEST_PASSWORD},\n"
             "                {name: o, password: x, role: operator}]}\n" BACKEND
             "replicas: [{address: 'db2:3306'}, {address: 'db3:3306', user: other, password: q}]\n"
             "threads: 3\n"
             "users: [{name: app_v1, schema_version: old}]\n"
             "migrations:\n"
             "  - {name: m, table: shop.t, strategy: instant_rename, observe_days: 0,\n"
             "     columns: [{from: a, to: b, up: \"a + '1'\", down: 'b - 1', type: bigint}],\n"
             "     backfill: {chunk_rows: 5, max_lag_ms: 6, max_threads_running: 0}}\n"
             "limits: {max_statement_bytes: 1_000_000, max_connections: 7}\n"
             "log: {level: debug, file: /tmp/straddle.log}\n",
             &diag);
    assert_string_equal(b_buf_cstr(&diag), "");
    assert_non_null(c);
    assert_string_equal(c->listeners[0].address.host, "::1");
    assert_int_equal(c->listeners[0].schema_version, CFG_VERSION_NEW);
    assert_string_equal(c->listeners[1].address.path, "/tmp/s.sock");
    assert_string_equal(c->admin_users[0].password, "from the environment");
    assert_int_equal(c->admin_users[0].role, CFG_ROLE_READ_ONLY);
    assert_int_equal(c->admin_users[1].role, CFG_ROLE_OPERATOR);
    assert_string_equal(c->replicas[0].user, "s");
    assert_string_equal(c->replicas[0].password, "p");
    assert_string_equal(c->replicas[1].user, "other");
    assert_string_equal(c->replicas[1].password, "q");
    assert_int_equal(c->threads, 3);
    assert_int_equal(c->users[0].schema_version, CFG_VERSION_OLD);
    assert_int_equal(c->max_statement_bytes, 1000000);
    assert_int_equal(c->max_connections, 7);
    assert_int_equal(c->log_level, B_DEBUG);
    assert_string_equal(c->log_file, "/tmp/straddle.log");
    const cfg_migration *m = c->migrations[0];
    assert_string_equal(m->schema, "shop");
    assert_string_equal(m->table, "t");
    assert_int_equal(m->strategy, CFG_STRATEGY_INSTANT_RENAME);
    assert_string_equal(m->columns[0].up, "a + '1'");
    assert_int_equal(m->pace.chunk_rows, 5);
    assert_int_equal(m->pace.max_threads_running, 0);
    assert_int_equal(m->observe_days, 0);
    cfg_free(c);
    b_buf_deinit(&diag);
}

static void keys_of_tls_arrive(void **state)
{
    b_buf diag = {0};
    cfg_config *c =
        load(*state,
             "listeners: [{address: '127.0.0.1:7000', tls: required}, {address: /tmp/s.sock}]\n"
             "admin: {address: '10.0.0.1:7001', tls: required,\n"
             "        users: [{name: o, password: x, role: operator}]}\n"
             "backend: {address: 'db1:3306', user: s, password: p, public_key: /k/rsa.pem,\n"
             "          tls: {mode: verify_identity, ca: ca.pem, certificate: /c.pem}}\n"
             "replicas: [{address: 'db2:3306'}, {address: 'db3:3306', tls: {mode: disabled}}]\n"
             "tls: {certificate: c.pem, key: /k.pem, client_ca: /ca.pem, rsa_key: /r.pem, ciphers: A,\n"
             "      ciphersuites: B, min_version: TLSv1.3}\n",
             &diag);
    assert_string_equal(b_buf_cstr(&diag), "");
    assert_non_null(c);
    assert_int_equal(c->listeners[0].tls, CFG_TLS_REQUIRED);
    assert_int_equal(c->listeners[1].tls, CFG_TLS_OFFERED);
    assert_int_equal(c->admin_tls, CFG_TLS_REQUIRED);
    assert_int_equal(c->backend.tls_mode, CFG_TLS_VERIFY_IDENTITY);
    assert_string_equal(c->backend.tls.ca, path_of(*state, "ca.pem"));
    assert_string_equal(c->backend.public_key, "/k/rsa.pem");
    assert_string_equal(c->backend.tls.key, "/c.pem");
    assert_int_equal(c->backend.tls.min_version, CFG_TLS_1_2);
    assert_int_equal(c->replicas[0].tls_mode, CFG_TLS_VERIFY_IDENTITY);
    assert_string_equal(c->replicas[0].tls.ca, path_of(*state, "ca.pem"));
    assert_int_equal(c->replicas[1].tls_mode, CFG_TLS_DISABLED);
    assert_null(c->replicas[1].tls.ca);
    assert_string_equal(c->tls.certificate, path_of(*state, "c.pem"));
    assert_string_equal(c->tls.key, "/k.pem");
    assert_string_equal(c->tls.ca, "/ca.pem");
    assert_string_equal(c->rsa_key, "/r.pem");
    assert_string_equal(c->tls.ciphers, "A");
    assert_string_equal(c->tls.ciphersuites, "B");
    assert_int_equal(c->tls.min_version, CFG_TLS_1_3);
    assert_int_equal(c->tls.max_version, CFG_TLS_1_3);
    cfg_free(c);
    b_buf_deinit(&diag);
}

/* The text that an inline migration is recorded with reads back as the same migration. */
static void inline_source_reads_back(void **state)
{
    b_buf diag = {0};
    cfg_config *c = load(
        *state,
        BASE "migrations:\n  - {name: m, table: shop.t, observe_days: 3, guard: triggers,\n"
             "     columns: [{from: a, to: b, up: \"concat(a, 'it''s: #1')\", down: b}, {from: c, to: d}]}\n",
        &diag);
    assert_non_null(c);
    const cfg_migration *m = c->migrations[0];
    cfg_migration *again = cfg_migration_parse(m->source, strlen(m->source), "record", &diag);
    assert_string_equal(b_buf_cstr(&diag), "");
    assert_non_null(again);
    assert_string_equal(again->columns[0].up, m->columns[0].up);
    assert_null(again->columns[1].up);
    assert_string_equal(again->columns[1].to, "d");
    assert_int_equal(again->observe_days, 3);
    assert_int_equal(again->guard, CFG_GUARD_TRIGGERS);
    cfg_migration_free(again);
    cfg_free(c);
    b_buf_deinit(&diag);
}

/* Each is refused with a diagnostic at that line that has these words. */
static const struct {
    const char *row, *yaml;
    unsigned line;
    const char *problem, *remedy;
} invalid[] = {
    {"hook of nothing", BASE "hooks: [{on: 'phase, moon', command: x}]\n", 6, "moon", "there are phase"},
    {"hook without a way", BASE "hooks: [{on: phase}]\n", 6, "either a command or a url", "give one"},
    {"hook with an odd url", BASE "hooks: [{url: 'ftp://x'}]\n", 6, "does not begin with",
     "give one that does"},
    {"unknown key", BASE "limit: {}\n", 6, "unknown key \"limit\"", "did you mean \"limits\"?"},
    {"unknown inner key", "listeners:\n  - adress: 127.0.0.1:1\n    address: 127.0.0.1:6033\n" ADMIN BACKEND,
     2, "unknown key \"adress\" in a listener", "did you mean \"address\"?"},
    {"unknown key, nothing near", BASE "frobnicate: 1\n", 6, "unknown key \"frobnicate\"",
     "use one of: listeners, tls, admin"},
    {"no listener", "listeners: []\n" ADMIN BACKEND, 1, "listeners is empty", "at least one"},
    {"listeners missing", ADMIN BACKEND, 1, "has no \"listeners\"", "add it"},
    {"no admin", LISTENERS BACKEND, 1, "has no \"admin\"", "add it"},
    {"no backend", LISTENERS ADMIN, 1, "has no \"backend\"", "add it"},
    {"key twice", BASE "threads: 1\nthreads: 2\n", 7, "\"threads\" is given twice, first in line 6",
     "keep one"},
    {"bad YAML", BASE "threads: [1\n", 7, "not valid YAML", "mend the syntax"},
    {"two documents", BASE "---\nthreads: 1\n", 7, "second YAML document", "file of its own"},
    {"empty", "# nothing\n", 1, "the file is empty", "docs/config.md"},
    {"a list at the top", "- a\n", 1, "is a list", "write a map"},
    {"nested too deep",
     "a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n", 1,
     "nested deeper", "flat"},
    {"endless alias", "a: &x [*x]\n", 1, "nested deeper", "flat"},
    {"threads", BASE "threads: many\n", 6, "threads is \"many\"",
     "write auto, or a whole number from 1 to 256"},
    {"threads zero", BASE "threads: 0\n", 6, "threads is \"0\"", "from 1 to 256"},
    {"number", BASE "limits:\n  poll_ms: -1\n", 7, "poll_ms is \"-1\"", "whole number from 10 to 10000"},
    {"number overflows", BASE "limits:\n  max_buffer_bytes: 99999999999999999999999\n", 7, "max_buffer_bytes",
     "whole number"},
    {"lease under poll", BASE "limits:\n  lease_ms: 1000\n  poll_ms: 1000\n", 7, "lease_ms (1000)",
     "raise lease_ms"},
    {"word", BASE "log: {level: loud}\n", 6, "level is \"loud\"", "write debug, info, warn or error"},
    {"no value", BASE "migrations_dir:\n", 6, "migrations_dir has no value", "take the key out"},
    {"a list for a value", BASE "threads: [1]\n", 6, "threads is a list", "write one value"},
    {"a value for a list", BASE "users: app\n", 6, "users is a single value", "write a list"},
    {"address without port", "listeners: [{address: localhost}]\n" ADMIN BACKEND, 1, "has no port",
     "write host:port"},
    {"port too high", "listeners: [{address: '127.0.0.1:70000'}]\n" ADMIN BACKEND, 1, "port from 1 to 65535",
     "write host:port"},
    {"listener on a name", "listeners: [{address: 'db.example:6033'}]\n" ADMIN BACKEND, 1,
     "cannot listen on the name", "127.0.0.1:6033"},
    {"relative socket", "listeners: [{address: 'unix:s.sock'}]\n" ADMIN BACKEND, 1, "not an absolute path",
     "unix:/path"},
    {"listeners clash", "listeners:\n  - address: 127.0.0.1:6033\n  - address: 0.0.0.0:6033\n" ADMIN BACKEND,
     3, "takes the address of listener 127.0.0.1:6033", "another port"},
    {"listener on admin", "listeners:\n  - address: 127.0.0.1:6032\n" ADMIN BACKEND, 2,
     "takes the admin address", "another port"},
    {"listener on backend", "listeners:\n  - address: 127.0.0.1:3306\n" ADMIN BACKEND, 2,
     "is the backend itself", "another port"},
    {"replica is backend", BASE "replicas:\n  - address: 127.0.0.1:3306\n", 7, "is the backend itself",
     "take it out"},
    {"admin remote",
     LISTENERS
     "admin:\n  address: 10.0.0.1:6032\n  users: [{name: a, password: x, role: operator}]\n" BACKEND,
     4, "can be reached from other machines", "set tls: required or allow_remote: true"},
    {"admin without users", LISTENERS "admin:\n  address: 127.0.0.1:6032\n" BACKEND, 4,
     "admin has no \"users\"", "add it"},
    {"role", LISTENERS "admin: {users: [{name: a, password: x, role: root}]}\n" BACKEND, 3,
     "role is \"root\"", "write read_only or operator"},
    {"admin without password", LISTENERS "admin: {users: [{name: a}]}\n" BACKEND, 3,
     "admin user \"a\" has no password", "add password_env"},
    {"admin, empty password", LISTENERS "admin: {users: [{name: a, password: ''}]}\n" BACKEND, 3,
     "has no password", "add"},
    {"admin user twice",
     LISTENERS "admin:\n  users:\n    - {name: a, password: x}\n    - {name: a, password: y}\n" BACKEND, 6,
     "admin user \"a\" is there twice", "keep one"},
    {"two passwords",
     LISTENERS ADMIN "backend: {address: '127.0.0.1:1', user: s, password: p, password_env: HOME}\n", 5,
     "backend has 2 of password", "keep exactly one"},
    {"no password", LISTENERS ADMIN "backend: {address: '127.0.0.1:1', user: s}\n", 5,
     "backend has no password", "add"},
    {"variable not set",
     LISTENERS ADMIN "backend: {address: '127.0.0.1:1', user: s, password_env: STRADDLE_TEST_UNSET}\n", 5,
     "STRADDLE_TEST_UNSET is not set", "set it"},
    {"password file missing",
     LISTENERS ADMIN "backend: {address: '127.0.0.1:1', user: s, password_file: nothing}\n", 5, "cannot open",
     "check the path"},
    {"user twice", BASE "users:\n  - {name: u, schema_version: old}\n  - {name: u, schema_version: new}\n", 8,
     "user \"u\" is there twice", "keep one"},
    {"folder missing", BASE "migrations_dir: nowhere\n", 6, "cannot read the folder", "make it"},
    {"migration twice",
     BASE "migrations:\n  - {name: m, table: s.t, columns: [{from: a, to: b}]}\n"
          "  - {name: M, table: s.u, columns: [{from: a, to: b}]}\n",
     8, "migration \"M\" is also in", "another name"},
    {"TLS of a listener", "listeners:\n  - {address: '127.0.0.1:6033', tls: yes}\n" ADMIN BACKEND, 2,
     "tls is \"yes\"", "write off, offered or required"},
    {"TLS mode", LISTENERS ADMIN "backend: {address: 'h:1', user: s, password: p,\n  tls: {mode: on}}\n", 6,
     "mode is \"on\"", "as_client, disabled, preferred, required, verify_ca or verify_identity"},
    {"TLS version", BASE "tls: {min_version: SSLv3}\n", 6, "min_version is \"SSLv3\"",
     "write TLSv1.2 or TLSv1.3"},
    {"TLS versions crossed", BASE "tls:\n  min_version: TLSv1.3\n  max_version: TLSv1.2\n", 8,
     "max_version is older than min_version", "raise it"},
    {"TLS key alone", BASE "tls: {key: k.pem}\n", 6, "key has no certificate beside it", "add certificate"},
    {"socket without a name",
     LISTENERS ADMIN "backend: {address: /tmp/s, user: s, password: p,\n  tls: {mode: verify_identity}}\n", 6,
     "a unix socket has no host name", "use verify_ca"},
    {"inline migration",
     BASE "migrations:\n  - name: m\n    table: s.t\n    columns:\n      - {from: a, too: b}\n", 10,
     "unknown key \"too\" in a column pair", "did you mean \"to\"?"},
};

/* Looks for a line `…c.yaml:LINE: …problem…; …remedy…`. */
static bool says(const char *diag, const char *file, unsigned line, const char *problem, const char *remedy)
{
    char head[64];
    snprintf(head, sizeof head, "%s:%u: ", file, line);
    for (const char *at = diag; (at = strstr(at, head)) != NULL; at++) {
        const char *end = strchr(at, '\n');
        const char *p = strstr(at, problem), *q = p == NULL ? NULL : strstr(p + strlen(problem), remedy);
        const char *semicolon = p == NULL ? NULL : strchr(p, ';');
        if (end != NULL && q != NULL && q < end && semicolon != NULL && semicolon < end) return true;
    }
    return false;
}

static void invalid_files_are_explained(void **state)
{
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        b_buf diag = {0};
        cfg_config *c = load(*state, invalid[i].yaml, &diag);
        if (c != NULL) fail_msg("%s: was accepted", invalid[i].row);
        if (!says(b_buf_cstr(&diag), "c.yaml", invalid[i].line, invalid[i].problem, invalid[i].remedy))
            fail_msg("%s: line %u, \"%s\", \"%s\" not in:\n%s", invalid[i].row, invalid[i].line,
                     invalid[i].problem, invalid[i].remedy, b_buf_cstr(&diag));
        b_buf_deinit(&diag);
    }
}

#define COLUMNS "columns: [{from: a, to: b}]\n"

static const struct {
    const char *row, *yaml;
    unsigned line;
    const char *problem, *remedy;
} bad_definitions[] = {
    {"no name", "table: s.t\n" COLUMNS, 1, "a migration has no \"name\"", "add it"},
    {"name", "name: a-b\ntable: s.t\n" COLUMNS, 1, "has the character \"-\"", "use letters"},
    {"no schema", "name: m\ntable: t\n" COLUMNS, 2, "has no schema", "schema.table"},
    {"two dots", "name: m\ntable: a.b.c\n" COLUMNS, 2, "table \"b.c\" is not a name", "write the plain name"},
    {"quoted table", "name: m\ntable: '`s`.`t`'\n" COLUMNS, 2, "is not a name", "write the plain name"},
    {"not ASCII", "name: m\ntable: s.t\ncolumns: [{from: a, to: größe}]\n", 3, "ASCII", "cannot be migrated"},
    {"name too long",
     "name: m\ntable: s.t\ncolumns:\n  - from: a\n    to: "
     "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg\n",
     5, "1 to 64", "write"},
    {"same", "name: m\ntable: s.t\ncolumns: [{from: a, to: A}]\n", 3, "the same column", "another name"},
    {"from twice", "name: m\ntable: s.t\ncolumns:\n  - {from: a, to: b}\n  - {from: A, to: c}\n", 5,
     "is made from one that another is made from", "give its `up`"},
    {"both twice", "name: m\ntable: s.t\ncolumns:\n  - {from: a, to: b}\n  - {from: A, to: B}\n", 5,
     "in two pairs", "migration"},
    {"merge without up", "name: m\ntable: s.t\ncolumns:\n  - {from: a, to: c}\n  - {from: b, to: c}\n", 5,
     "\"c\" is made from several", "give its `up`"},
    {"up twice", "name: m\ntable: s.t\ncolumns:\n  - {from: a, to: c, up: a}\n  - {from: b, to: c, up: b}\n",
     5, "`up` or `type` of column \"c\" is given twice", "once"},
    {"down twice",
     "name: m\ntable: s.t\ncolumns:\n  - {from: a, to: b, down: b}\n  - {from: a, to: c, up: a, down: c}\n",
     5, "`down` of column \"a\" is given twice", "once"},
    {"chain", "name: m\ntable: s.t\ncolumns:\n  - {from: a, to: b}\n  - {from: b, to: c}\n", 5,
     "\"b\" is in two pairs", "after"},
    {"no columns", "name: m\ntable: s.t\n", 1, "has no \"columns\"", "add it"},
    {"empty columns", "name: m\ntable: s.t\ncolumns: []\n", 3, "columns is empty", "at least one"},
    {"strategy", "name: m\ntable: s.t\nstrategy: magic\n" COLUMNS, 3, "strategy is \"magic\"",
     "dual_write or instant_rename"},
    {"chunk", "name: m\ntable: s.t\nbackfill: {chunk_rows: 0}\n" COLUMNS, 3, "chunk_rows is \"0\"",
     "from 1 to 1000000"},
    {"chunk high", "name: m\ntable: s.t\nbackfill: {chunk_rows: 1000001}\n" COLUMNS, 3, "chunk_rows",
     "from 1 to 1000000"},
    {"key", "name: m\ntabel: s.t\n" COLUMNS, 2, "unknown key \"tabel\"", "did you mean \"table\"?"},
};

static void bad_definitions_are_explained(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_definitions / sizeof bad_definitions[0]; i++) {
        b_buf diag = {0};
        const char *yaml = bad_definitions[i].yaml;
        cfg_migration *m = cfg_migration_parse(yaml, strlen(yaml), "APPLY MIGRATION", &diag);
        if (m != NULL) fail_msg("%s: was accepted", bad_definitions[i].row);
        if (!says(b_buf_cstr(&diag), "APPLY MIGRATION", bad_definitions[i].line, bad_definitions[i].problem,
                  bad_definitions[i].remedy))
            fail_msg("%s: not in:\n%s", bad_definitions[i].row, b_buf_cstr(&diag));
        b_buf_deinit(&diag);
    }
}

static void problems_are_collected_up_to_twenty(void **state)
{
    b_buf yaml = {0}, diag = {0};
    b_buf_str(&yaml, BASE);
    for (int i = 0; i < 30; i++) b_buf_printf(&yaml, "wrong%d: 1\n", i);
    assert_null(load(*state, b_buf_cstr(&yaml), &diag));
    unsigned lines = 0;
    for (const char *p = b_buf_cstr(&diag); (p = strchr(p, '\n')) != NULL; p++) lines++;
    assert_int_equal(lines, 21);
    assert_non_null(strstr(b_buf_cstr(&diag), "10 more problems"));
    b_buf_deinit(&yaml);
    b_buf_deinit(&diag);
}

static void password_files(void **state)
{
    b_buf diag = {0};
    write_file(*state, "secret", "s3cret word\n", 0600);
    write_file(*state, "open-secret", "open\r\n", 0644);
    cfg_config *c = load(*state,
                         LISTENERS "admin: {users: [{name: a, password_file: secret, role: operator}]}\n"
                                   "backend: {address: '127.0.0.1:1', user: s, password_file: open-secret}\n",
                         &diag);
    assert_non_null(c);
    assert_string_equal(c->admin_users[0].password, "s3cret word");
    assert_string_equal(c->backend.password, "open");
    assert_true(
        says(b_buf_cstr(&diag), "c.yaml", 4, "warning: every user of this machine can read", "chmod 600"));
    assert_null(strstr(b_buf_cstr(&diag), "c.yaml:3"));
    cfg_free(c);
    b_buf_deinit(&diag);
}

static void the_folder_is_read_in_order(void **state)
{
    b_buf diag = {0};
    assert_int_equal(mkdir(path_of(*state, "m"), 0700), 0);
    write_file(*state, "m/0002-b.yaml", "name: two\ntable: s.t\ncolumns: [{from: a, to: b}] # kept\n", 0600);
    write_file(*state, "m/0001-a.yml", "name: one\ntable: s.u\ncolumns: [{from: a, to: b}]\n", 0600);
    write_file(*state, "m/notes.txt", "not YAML: [", 0600);
    write_file(*state, "m/.hidden.yaml", "not YAML: [", 0600);
    cfg_config *c = load(
        *state,
        BASE "migrations_dir: m\nmigrations:\n  - {name: zero, table: s.v, columns: [{from: a, to: b}]}\n",
        &diag);
    assert_string_equal(b_buf_cstr(&diag), "");
    assert_non_null(c);
    assert_int_equal(c->nmigrations, 3);
    assert_string_equal(c->migrations[0]->name, "zero");
    assert_string_equal(c->migrations[1]->name, "one");
    assert_string_equal(c->migrations[2]->name, "two");
    assert_non_null(strstr(c->migrations[2]->source, "# kept"));
    assert_non_null(strstr(c->migrations[2]->file, "m/0002-b.yaml"));
    assert_int_equal(c->migrations_dir[0], '/');
    cfg_free(c);
    b_buf_deinit(&diag);
}

static void a_fault_in_the_folder_names_its_file(void **state)
{
    b_buf diag = {0};
    assert_int_equal(mkdir(path_of(*state, "bad"), 0700), 0);
    write_file(*state, "bad/0001.yaml", "name: one\ntable: s.u\ncolumns: [{from: a, to: a}]\n", 0600);
    assert_null(load(*state, BASE "migrations_dir: bad\n", &diag));
    assert_true(says(b_buf_cstr(&diag), "bad/0001.yaml", 3, "the same column", "another name"));
    b_buf_deinit(&diag);
}

static void no_operator_is_a_warning(void **state)
{
    b_buf diag = {0};
    cfg_config *c = load(*state, LISTENERS "admin: {users: [{name: a, password: x}]}\n" BACKEND, &diag);
    assert_non_null(c);
    assert_true(says(b_buf_cstr(&diag), "c.yaml", 3, "warning: no admin user has the role operator",
                     "role: operator"));
    cfg_free(c);
    b_buf_deinit(&diag);
}

static void a_file_that_is_not_there(void **state)
{
    b_buf diag = {0};
    assert_null(cfg_load(path_of(*state, "none.yaml"), &diag));
    assert_true(says(b_buf_cstr(&diag), "none.yaml", 1, "cannot open", "check the path"));
    b_buf_clear(&diag);
    assert_null(cfg_load("/tmp", &diag));
    assert_true(says(b_buf_cstr(&diag), "/tmp", 1, "is not a file", "name a file"));
    b_buf_deinit(&diag);
}

/* No message ever shows a password. */
static void passwords_are_not_shown(void **state)
{
    b_buf diag = {0};
    assert_null(load(*state,
                     LISTENERS "admin: {users: [{name: a, password: [hunter2]}]}\n"
                               "backend: {address: hunter, user: s, password: hunter2, password_env: PATH}\n",
                     &diag));
    assert_null(strstr(b_buf_cstr(&diag), "hunter2"));
    b_buf_deinit(&diag);
}

static const struct {
    const char *text, *host, *path;
    unsigned port; /* 0: is refused */
} addresses[] = {
    {"127.0.0.1:3306", "127.0.0.1", NULL, 3306},
    {"db-1.example:1", "db-1.example", NULL, 1},
    {"[::1]:65535", "::1", NULL, 65535},
    {"/run/x.sock", NULL, "/run/x.sock", 1},
    {"unix:/run/x.sock", NULL, "/run/x.sock", 1},
    {"127.0.0.1", NULL, NULL, 0},
    {"127.0.0.1:", NULL, NULL, 0},
    {"127.0.0.1:0", NULL, NULL, 0},
    {"127.0.0.1:65536", NULL, NULL, 0},
    {":3306", NULL, NULL, 0},
    {"::1:3306", NULL, NULL, 0},
    {"[::1]", NULL, NULL, 0},
    {"[::1]3306", NULL, NULL, 0},
    {"a b:1", NULL, NULL, 0},
    {"", NULL, NULL, 0},
    {"h:+1", NULL, NULL, 0},
};

static void addresses_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        cfg_address a;
        b_err err = {0};
        b_status s = cfg_address_parse(addresses[i].text, &a, &err);
        if ((s == B_OK) != (addresses[i].port != 0)) fail_msg("%s: %s", addresses[i].text, err.msg);
        if (s != B_OK) {
            assert_non_null(strstr(err.msg, ";"));
            continue;
        }
        if (addresses[i].path != NULL)
            assert_string_equal(a.path, addresses[i].path);
        else
            assert_string_equal(a.host, addresses[i].host);
        if (addresses[i].path == NULL) assert_int_equal(a.port, addresses[i].port);
        cfg_address_deinit(&a);
    }
}

static void the_samples_load(void **state)
{
    (void)state;
    b_buf diag = {0};
    setenv("STRADDLE_ADMIN_PASSWORD", "a", 1);
    setenv("STRADDLE_DB_PASSWORD", "b", 1);
    cfg_config *c = cfg_load(STRADDLE_SOURCE_DIR "/docs/straddle.yaml", &diag);
    cfg_migration *m =
        cfg_migration_load(STRADDLE_SOURCE_DIR "/docs/0007-rename-transaction-type.yaml", &diag);
    assert_string_equal(b_buf_cstr(&diag), "");
    assert_non_null(c);
    assert_non_null(m);
    assert_string_equal(m->columns[0].to, "payment_method");
    cfg_migration_free(m);
    cfg_free(c);
    b_buf_deinit(&diag);
}

static void networks_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned bits; /* 0: refused */
    } rows[] = {{"10.0.0.0/8", 104},   {"192.0.2.7", 128}, {"2001:db8::/32", 32}, {"::1", 128},
                {"::ffff:0:0/96", 96}, {"10.0.0.1/8", 0},  {"10.0.0.0/33", 0},    {"10.0.0/8", 0},
                {"2001:db8::/129", 0}, {"10.0.0.0/", 0},   {"10.0.0.0/x", 0},     {"", 0},
                {"2001:db8::1/32", 0}, {"localhost", 0},   {"10.0.0.0/-1", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cfg_network n;
        b_err err;
        bool ok = cfg_network_parse(rows[i].text, &n, &err) == B_OK;
        if (ok != (rows[i].bits != 0) || (ok && n.bits != rows[i].bits))
            fail_msg("%s: %u", rows[i].text, n.bits);
    }
    cfg_network n;
    b_err err;
    unsigned char a[16] = {[10] = 0xFF, [11] = 0xFF, [12] = 10, [15] = 9};
    assert_int_equal(cfg_network_parse("10.0.0.0/12", &n, &err), B_OK);
    assert_true(cfg_network_has(&n, a));
    a[13] = 0x10;
    assert_false(cfg_network_has(&n, a));
    assert_int_equal(cfg_network_parse("0.0.0.0/0", &n, &err), B_OK);
    assert_true(cfg_network_has(&n, a));
    a[10] = 0;
    assert_false(cfg_network_has(&n, a)); /* no IPv4 address */
}

static void listener_keys_arrive(void **state)
{
    b_buf diag = {0};
    cfg_config *c = load(*state,
                         "listeners: [{address: /tmp/s.sock, socket_mode: owner}, {address: 127.0.0.1:6033, "
                         "proxy_protocol: true, proxy_protocol_from: '10.0.0.0/8, ::1'}]\n" ADMIN
                         "backend: {address: '127.0.0.1:3306', user: s, password: p, proxy_protocol: v2}\n"
                         "replication: refuse\n",
                         &diag);
    assert_string_equal(b_buf_cstr(&diag), "");
    assert_int_equal(c->listeners[0].socket_mode, CFG_SOCKET_OWNER);
    assert_false(c->listeners[0].proxy_protocol);
    assert_true(c->listeners[1].proxy_protocol);
    assert_int_equal(c->listeners[1].nproxy_protocol_from, 2);
    assert_int_equal(c->listeners[1].proxy_protocol_from[1].bits, 128);
    assert_int_equal(c->backend.proxy_protocol, 2);
    assert_int_equal(c->refuse_replication, 1);
    cfg_free(c);
    c = load(*state, "listeners: [{address: 127.0.0.1:6033, proxy_protocol_from: 'x'}]\n" ADMIN BACKEND,
             &diag);
    assert_null(c);
    assert_non_null(strstr(b_buf_cstr(&diag), "\"x\" is no network"));
    b_buf_deinit(&diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_exact),
        cmocka_unit_test(listener_keys_arrive),
        cmocka_unit_test(defaults_are_as_documented),
        cmocka_unit_test(all_keys_arrive),
        cmocka_unit_test(keys_of_tls_arrive),
        cmocka_unit_test(inline_source_reads_back),
        cmocka_unit_test(invalid_files_are_explained),
        cmocka_unit_test(bad_definitions_are_explained),
        cmocka_unit_test(problems_are_collected_up_to_twenty),
        cmocka_unit_test(password_files),
        cmocka_unit_test(the_folder_is_read_in_order),
        cmocka_unit_test(a_fault_in_the_folder_names_its_file),
        cmocka_unit_test(no_operator_is_a_warning),
        cmocka_unit_test(a_file_that_is_not_there),
        cmocka_unit_test(passwords_are_not_shown),
        cmocka_unit_test(addresses_parse),
        cmocka_unit_test(the_samples_load),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
