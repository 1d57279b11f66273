#include "world.h"

#include "base/buf.h"
#include "tape.h"

#include <stdio.h>
#include <string.h>

const char *const dt_phases[DT_PHASES] = {"planned",  "expanded", "dual_write",
                                          "switched", "retired",  "contracted"};

static const dt_type types[] = {
    {"VARCHAR(20)", DT_TEXT_KIND, "'card'", false},
    {"INT", DT_NUMBER_KIND, "7", false},
    {"ENUM('card','cash','wire','gift')", DT_ENUM_KIND, "'card'", false},
    {"DECIMAL(8,2)", DT_NUMBER_KIND, "1.50", false},
    {"VARCHAR(20) CHARACTER SET latin1", DT_TEXT_KIND, "'card'", false},
    {"DATETIME", DT_DATE_KIND, "'2020-01-01 00:00:00'", false},
    {"CHAR(12)", DT_TEXT_KIND, "''", false},
    {"BIGINT UNSIGNED", DT_NUMBER_KIND, "0", false},
    {"TEXT", DT_TEXT_KIND, NULL, true},
    {"VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", DT_TEXT_KIND, "'it''s'", false},
    {"DATE", DT_DATE_KIND, "'2020-01-01'", false},
    {"VARBINARY(30)", DT_TEXT_KIND, "'card'", false},
    {"SMALLINT", DT_NUMBER_KIND, "-1", false},
};

static const dt_names names[] = {
    {"trans", "transaction_type", "payment_method", true, true},
    {"orders", "kind", "label", true, true},
    {"trans", "order", "group", false, true},
    {"order", "status", "state", true, false},
    {"a-b", "x y", "z-1", false, false},
    {"trans", "date", "key", false, true},
    {"trans", "transaction_type", "Payment", true, true},
};

enum { ROWS = 8 };
static const char *const values[][ROWS] = {
    [DT_TEXT_KIND] = {"'card'", "'wire'", "'cash'", "'it''s'", "'x y'", "'12'", "''", "'gift'"},
    [DT_NUMBER_KIND] = {"1", "2", "3", "5", "7", "12", "0", "20"},
    [DT_DATE_KIND] = {"'2020-01-01'", "'2020-02-03'", "'2021-01-01'", "'1999-12-31'", "'2020-01-02'",
                      "'2022-06-30'", "'2000-02-29'", "'2024-05-05'"},
    [DT_ENUM_KIND] = {"'card'", "'wire'", "'cash'", "'gift'", "'card'", "'cash'", "'wire'", "'gift'"},
};

void dt_world_make(dt_world *w, uint64_t seed, unsigned number)
{
    uint64_t s = seed * 31 + number;
    unsigned shift = dt_random(&s, 64); /* worlds of one run differ in type and names */
    *w = (dt_world){.number = number};
    w->type = &types[(shift + number) % (sizeof types / sizeof *types)];
    w->names = &names[number == 0 ? 0 : dt_random(&s, sizeof names / sizeof *names)];
    w->nullable = dt_random(&s, 3) == 0;
    w->has_default = w->type->dflt != NULL && dt_random(&s, 3) != 0;
    w->key = !w->type->no_key && dt_random(&s, 2) == 0;
    w->unique = !w->key && !w->type->no_key && w->type->kind != DT_ENUM_KIND && dt_random(&s, 4) == 0;
    w->partitioned = !w->unique && dt_random(&s, 6) == 0;
    w->auto_increment = dt_random(&s, 4) != 0;
    w->on_update = dt_random(&s, 2) == 0;
    w->place = dt_random(&s, 3);
}

const char *dt_world_schema(const dt_world *w, dt_side side, char buf[32])
{
    static const char *const sides[] = {"old", "new", "mig"};
    snprintf(buf, 32, "dt%u_%s", w->number, sides[side]);
    return buf;
}

static void add_ident(b_buf *b, const char *name)
{
    b_buf_ident(b, b_slice_str(name));
}

static void add_table(b_buf *b, const dt_world *w, dt_side side)
{
    char schema[32];
    b_buf_printf(b, "%s.", dt_world_schema(w, side, schema));
    add_ident(b, w->names->table);
}

static void add_column(b_buf *b, const dt_world *w, const char *name)
{
    add_ident(b, name);
    b_buf_printf(b, " %s %s", w->type->type, w->nullable ? "NULL" : "NOT NULL");
    if (w->has_default) b_buf_printf(b, " DEFAULT %s", w->type->dflt);
}

/* The plain table's columns, keys and options, with the column under that name. */
static void add_definition(b_buf *b, const dt_world *w, const char *name)
{
    static const char *const others[] = {"k INT NOT NULL DEFAULT 1", "n INT NULL DEFAULT 0",
                                         "note VARCHAR(60) NULL"};
    b_buf_printf(b, "(id INT NOT NULL%s", w->auto_increment ? " AUTO_INCREMENT" : "");
    for (unsigned i = 0; i <= 3; i++) {
        if (i == (w->place == 0 ? 0 : w->place == 1 ? 2 : 3)) b_buf_str(b, ", "), add_column(b, w, name);
        if (i < 3) b_buf_printf(b, ", %s", others[i]);
    }
    if (w->on_update) b_buf_str(b, ", ts DATETIME NULL DEFAULT '2000-01-01' ON UPDATE CURRENT_TIMESTAMP");
    b_buf_str(b, ", PRIMARY KEY (id)");
    if (!w->partitioned) b_buf_str(b, ", UNIQUE KEY uq_kn (k, note)");
    if (w->key || w->unique) {
        b_buf_str(b, w->unique ? ", UNIQUE KEY k_c (" : ", KEY k_c (");
        add_ident(b, name);
        b_buf_str(b, ")");
    }
    b_buf_str(b, ") STATS_AUTO_RECALC = 0");
    if (w->partitioned) b_buf_str(b, " PARTITION BY HASH (id) PARTITIONS 3");
}

void dt_world_text(const dt_world *w, char *buf, size_t size)
{
    b_buf b = {0};
    add_ident(&b, w->names->table);
    b_buf_char(&b, ' ');
    add_definition(&b, w, w->names->a);
    snprintf(buf, size, "CREATE TABLE %s; -- then renamed to %s", b_buf_cstr(&b), w->names->b);
    b_buf_deinit(&b);
}

void dt_world_file(dt_world *w, const char *dir)
{
    static const char *const cells[] = {[DT_TEXT_KIND] = "card",
                                        [DT_NUMBER_KIND] = "12",
                                        [DT_DATE_KIND] = "2020-01-01",
                                        [DT_ENUM_KIND] = "wire"};
    snprintf(w->file, sizeof w->file, "%s/load%u", dir, w->number);
    FILE *f = fopen(w->file, "w");
    if (f == NULL) ts_die("cannot write %s", w->file);
    fprintf(f, "101,1,%s,5,l1\n102,2,%s,6,l2\n1,1,%s,7,l3\n103,3,\\N,8,l4\n", cells[w->type->kind], "0",
            cells[w->type->kind]);
    fclose(f);
}

static void run(ts_conn *c, b_buf *b)
{
    ts_do(c, "%s", b_buf_cstr(b));
    b_buf_clear(b);
}

static void create_side(const dt_world *w, ts_conn *c, dt_side side)
{
    char schema[32];
    b_buf b = {0};
    const char *s = dt_world_schema(w, side, schema);
    ts_do(c, "DROP DATABASE IF EXISTS %s", s);
    ts_do(c, "CREATE DATABASE %s CHARACTER SET utf8mb4", s);
    b_buf_str(&b, "CREATE TABLE "), add_table(&b, w, side), b_buf_char(&b, ' ');
    add_definition(&b, w, side == DT_NEW ? w->names->b : w->names->a);
    run(c, &b);
    b_buf_printf(&b, "CREATE TABLE %s.o (id INT NOT NULL PRIMARY KEY, ", s), add_ident(&b, w->names->b);
    b_buf_printf(&b, " %s NULL, v VARCHAR(20) NULL)", w->type->type);
    run(c, &b);
    b_buf_printf(&b, "CREATE TABLE %s.p (id INT NOT NULL PRIMARY KEY, ", s), add_ident(&b, w->names->a);
    b_buf_printf(&b, " %s NULL, v VARCHAR(20) NULL)", w->type->type);
    run(c, &b);
    ts_do(c, "CREATE TABLE %s.s (id INT NOT NULL PRIMARY KEY, v VARCHAR(20) NULL, k INT NULL)", s);
    b_buf_printf(
        &b,
        "CREATE TABLE %s.arch (id INT NULL, u VARCHAR(200) NULL, v VARCHAR(200) NULL, w VARCHAR(200) "
        "NULL, x VARCHAR(200) NULL%s)",
        s, w->on_update ? ", y VARCHAR(200) NULL" : "");
    run(c, &b);
    b_buf_printf(&b, "CREATE VIEW %s.vw AS SELECT id, k, n, note FROM ", s), add_table(&b, w, side);
    run(c, &b);
    ts_do(c, "INSERT INTO %s.s VALUES (1, 'card', 1), (2, 'wire', 2), (9, NULL, 1)", s);
    const char *const *v = values[w->type->kind];
    ts_do(c, "INSERT INTO %s.o VALUES (1, %s, 'one'), (2, %s, 'two'), (3, NULL, 'three')", s, v[0], v[3]);
    ts_do(c, "INSERT INTO %s.p VALUES (1, %s, 'one'), (4, %s, 'four'), (5, NULL, 'five')", s, v[0], v[1]);
    b_buf_deinit(&b);
}

static bool has(dt_side side, int phase, int column)
{
    if (side != DT_MIG) return column == (side == DT_OLD ? 0 : 1);
    return column == 0 ? phase <= 3 : phase >= 2;
}

static void fill_side(const dt_world *w, ts_conn *c, dt_side side, int phase)
{
    b_buf b = {0};
    b_buf_str(&b, "DELETE FROM "), add_table(&b, w, side), run(c, &b);
    b_buf_str(&b, "INSERT INTO "), add_table(&b, w, side), b_buf_str(&b, " (id, k, n, note");
    for (int i = 0; i < 2; i++)
        if (has(side, phase, i)) b_buf_str(&b, ", "), add_ident(&b, i == 0 ? w->names->a : w->names->b);
    b_buf_str(&b, ") VALUES ");
    for (int r = 0; r < ROWS; r++) {
        static const char *const notes[] = {"'r1'", "'r2'", "NULL", "'it''s'",
                                            "'12'", "''",   "NULL", "'card'"};
        const char *v = w->nullable && r == 5 ? "NULL" : values[w->type->kind][r];
        b_buf_printf(&b, "%s(%d, %d, %s, %s", r == 0 ? "" : ", ", r + 1, 1 + r % 3, r == 6 ? "NULL" : "3",
                     notes[r]);
        for (int i = 0; i < 2; i++)
            if (has(side, phase, i)) b_buf_printf(&b, ", %s", v);
        b_buf_char(&b, ')');
    }
    run(c, &b);
    b_buf_deinit(&b);
}

void dt_world_fill(const dt_world *w, ts_conn *direct, int phase)
{
    ts_do(direct, "SET timestamp = 1600000000");
    for (int side = DT_OLD; side <= DT_MIG; side++) fill_side(w, direct, (dt_side)side, phase);
}

void dt_world_create(const dt_world *w, ts_conn *direct)
{
    for (int side = DT_OLD; side <= DT_MIG; side++) create_side(w, direct, (dt_side)side);
    dt_world_fill(w, direct, 0);
}

void dt_world_apply(const dt_world *w, ts_conn *admin)
{
    ts_do(admin,
          "APPLY MIGRATION 'name: dt%u\ntable: \"dt%u_mig.%s\"\nstrategy: dual_write\ncolumns:\n  - {from: "
          "\"%s\", to: \"%s\"}\nobserve_days: 0\n'",
          w->number, w->number, w->names->table, w->names->a, w->names->b);
}

void dt_world_go(const dt_world *w, ts_conn *admin, int phase)
{
    char name[16];
    snprintf(name, sizeof name, "dt%u", w->number);
    ts_go(admin, name, dt_phases[phase]);
    if (phase == 2) ts_wait_backfill(admin, name);
}

/* ---- what is stored ---- */

static void watch_side(const dt_world *w, ts_conn *c, dt_side side, int phase, bool others)
{
    char schema[32];
    b_buf b = {0};
    const char *s = dt_world_schema(w, side, schema);
    bool both = has(side, phase, 0) && has(side, phase, 1);
    const char *shown = has(side, phase, 0) ? w->names->a : w->names->b;
    b_buf_printf(&b, "CREATE PROCEDURE dt.%s%s() BEGIN SELECT id, k, n, note, ", s, others ? "_all" : "");
    if (w->on_update) b_buf_str(&b, "ts, ");
    if (both) {
        b_buf_str(&b, "IF(CAST("), add_ident(&b, w->names->a), b_buf_str(&b, " AS BINARY) <=> CAST(");
        add_ident(&b, w->names->b), b_buf_str(&b, " AS BINARY), 'equal', 'DIFFER')");
    } else {
        b_buf_str(&b, "'equal'");
    }
    b_buf_str(&b, " AS a_is_b, HEX(CAST("), add_ident(&b, shown), b_buf_str(&b, " AS BINARY)) AS c FROM ");
    add_table(&b, w, side);
    b_buf_str(&b, " ORDER BY 1; ");
    if (others)
        b_buf_printf(&b, "SELECT * FROM %s.s ORDER BY 1; SELECT * FROM %s.arch ORDER BY 1, 2, 3, 4, 5; ", s,
                     s);
    b_buf_str(&b, "ROLLBACK; SET insert_id = 1000; END");
    run(c, &b);
    b_buf_deinit(&b);
}

/* So that all plans stand on the same numbers. */
static void analyze(const dt_world *w, ts_conn *direct)
{
    for (int side = DT_OLD; side <= DT_MIG; side++) {
        char schema[32];
        b_buf b = {0};
        const char *s = dt_world_schema(w, (dt_side)side, schema);
        b_buf_str(&b, "ANALYZE TABLE "), add_table(&b, w, (dt_side)side);
        b_buf_printf(&b, ", %s.s, %s.o, %s.p", s, s, s);
        ts_result_free(ts_query(direct, "%s", b_buf_cstr(&b)));
        b_buf_deinit(&b);
    }
}

void dt_world_watch(const dt_world *w, ts_conn *direct, int phase)
{
    analyze(w, direct);
    for (int side = DT_OLD; side <= DT_MIG; side++) {
        watch_side(w, direct, (dt_side)side, phase, false);
        watch_side(w, direct, (dt_side)side, phase, true);
    }
}

void dt_world_unwatch(const dt_world *w, ts_conn *direct)
{
    char schema[32];
    for (int side = DT_OLD; side <= DT_MIG; side++) {
        dt_world_schema(w, (dt_side)side, schema);
        ts_do(direct, "DROP PROCEDURE IF EXISTS dt.%s", schema);
        ts_do(direct, "DROP PROCEDURE IF EXISTS dt.%s_all", schema);
    }
}
