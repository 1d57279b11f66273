#include "world.h"

#include "base/buf.h"
#include "tape.h"

#include <stdio.h>
#include <string.h>

const char *const dt_phases[DT_PHASES] = {"planned",  "expanded", "stale",     "dual_write",
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
    {"JSON", DT_JSON_KIND, NULL, true},
    {"LONGTEXT", DT_JSON_KIND, NULL, true},
};

static const dt_change changes[] = {
    {3, "INT", "150", " * 100", " * 0.01", {"DECIMAL(20,2)", "DECIMAL(20,0)"}},
    {1, "BIGINT", "7", "", "", {"DECIMAL(20,0)", "DECIMAL(20,0)"}},
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
    [DT_JSON_KIND] = {"'{\"a\": 1, \"b\": \"card\"}'", "'[1, \"card\"]'", "'\"card\"'", "'12'",
                      "'{\"a\": [1, 2], \"b\": {\"c\": \"x\"}}'", "'[]'", "'null'", "'{\"b\": \"wire\"}'"},
};

bool dt_world_has_phase(const dt_world *w, int phase)
{
    return !w->instant || phase == DT_PLANNED || phase == DT_CONTRACTED;
}

/* One with a FULLTEXT index, which MySQL does not build without blocking writes: only instant_rename takes it
 * along. */
static void make_instant(dt_world *w, uint64_t *s)
{
    static const unsigned of_text[] = {0, 4, 6, 8, 9};
    w->instant = true;
    w->type = &types[of_text[dt_random(s, sizeof of_text / sizeof *of_text)]];
}

void dt_world_make(dt_world *w, uint64_t seed, unsigned number, bool mariadb)
{
    uint64_t s = seed * 31 + number;
    unsigned shift = dt_random(&s, 64); /* worlds of one run differ in type and names */
    *w = (dt_world){.number = number};
    w->type = &types[(shift + number) % (sizeof types / sizeof *types)];
    /* There it is a LONGTEXT with a CHECK constraint, which has no twin. */
    if (mariadb && strcmp(w->type->type, "JSON") == 0) w->type++;
    if (number == DT_WORLDS - 1) make_instant(w, &s);
    if (number == DT_WORLDS - 2 && dt_random(&s, 3) != 0) {
        w->change = &changes[dt_random(&s, sizeof changes / sizeof *changes)];
        w->type = &types[w->change->of];
    }
    w->names = &names[number == 0 ? 0 : dt_random(&s, sizeof names / sizeof *names)];
    w->nullable = dt_random(&s, 3) == 0;
    w->has_default = w->type->dflt != NULL && dt_random(&s, 3) != 0;
    w->key = !w->type->no_key && dt_random(&s, 2) == 0;
    w->unique = !w->key && !w->type->no_key && w->type->kind != DT_ENUM_KIND && dt_random(&s, 4) == 0;
    w->partitioned = !w->unique && !w->instant && dt_random(&s, 6) == 0;
    w->auto_increment = dt_random(&s, 4) != 0;
    w->on_update = dt_random(&s, 2) == 0;
    w->place = dt_random(&s, 3);
}

const char *dt_world_schema(const dt_world *w, dt_side side, char buf[32])
{
    static const char *const sides[] = {"old", "new", "mig", "nullold", "nullnew"};
    snprintf(buf, 32, "dt%u_%s", w->number, sides[side]);
    return buf;
}

static bool has_side(const dt_world *w, int side)
{
    return side < DT_OLD_NULL || !w->nullable;
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

static void add_column(b_buf *b, const dt_world *w, const char *name, bool nullable)
{
    bool changed = w->change != NULL && name == w->names->b;
    add_ident(b, name);
    b_buf_printf(b, " %s %s", changed ? w->change->type : w->type->type, nullable ? "NULL" : "NOT NULL");
    if (w->has_default) b_buf_printf(b, " DEFAULT %s", changed ? w->change->dflt : w->type->dflt);
}

/* The plain table's columns, keys and options, with the column under that name. */
static void add_definition(b_buf *b, const dt_world *w, const char *name, bool nullable)
{
    static const char *const others[] = {"k INT NOT NULL DEFAULT 1", "n INT NULL DEFAULT 0",
                                         "note VARCHAR(60) NULL"};
    b_buf_printf(b, "(id INT NOT NULL%s", w->auto_increment ? " AUTO_INCREMENT" : "");
    for (unsigned i = 0; i <= 3; i++) {
        if (i == (w->place == 0 ? 0 : w->place == 1 ? 2 : 3))
            b_buf_str(b, ", "), add_column(b, w, name, nullable);
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
    if (w->instant) b_buf_str(b, ", FULLTEXT KEY ft_c ("), add_ident(b, name), b_buf_str(b, ")");
    b_buf_str(b, ") STATS_AUTO_RECALC = 0");
    if (w->partitioned) b_buf_str(b, " PARTITION BY HASH (id) PARTITIONS 3");
}

void dt_world_text(const dt_world *w, char *buf, size_t size)
{
    b_buf b = {0};
    add_ident(&b, w->names->table);
    b_buf_char(&b, ' ');
    add_definition(&b, w, w->names->a, w->nullable);
    snprintf(buf, size, "CREATE TABLE %s; -- then %s%s", b_buf_cstr(&b), w->names->b,
             w->change == NULL ? "" : w->change->type);
    b_buf_deinit(&b);
}

void dt_world_drop(const dt_world *w, ts_conn *direct)
{
    char schema[32];
    remove(w->file);
    for (int side = DT_OLD; side < DT_SIDES; side++)
        ts_do(direct, "DROP DATABASE IF EXISTS %s", dt_world_schema(w, (dt_side)side, schema));
}

void dt_world_file(dt_world *w, const char *dir)
{
    static const char *const cells[] = {[DT_TEXT_KIND] = "card",
                                        [DT_NUMBER_KIND] = "12",
                                        [DT_DATE_KIND] = "2020-01-01",
                                        [DT_ENUM_KIND] = "wire",
                                        [DT_JSON_KIND] = "[]"};
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
    add_definition(&b, w, side == DT_NEW || side == DT_NEW_NULL ? w->names->b : w->names->a,
                   side >= DT_OLD_NULL || w->nullable);
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
    if (side != DT_MIG) return column == (side == DT_OLD || side == DT_OLD_NULL ? 0 : 1);
    return column == 0 ? phase <= DT_SWITCHED : phase >= DT_STALE;
}

/* The column's first value in that row. */
static const char *first(const dt_world *w, int row)
{
    return w->nullable && row == 5 ? "NULL" : values[w->type->kind][row];
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
        const char *v = first(w, r);
        b_buf_printf(&b, "%s(%d, %d, %s, %s", r == 0 ? "" : ", ", r + 1, 1 + r % 3, r == 6 ? "NULL" : "3",
                     notes[r]);
        for (int i = 0; i < 2; i++)
            if (has(side, phase, i))
                b_buf_printf(&b, ", %s%s", v, i == 1 && w->change != NULL ? w->change->up : "");
        b_buf_char(&b, ')');
    }
    run(c, &b);
    b_buf_deinit(&b);
}

void dt_world_fill(const dt_world *w, ts_conn *direct, int phase)
{
    ts_do(direct, "SET timestamp = 1600000000");
    for (int side = DT_OLD; side < DT_SIDES; side++)
        if (has_side(w, side)) fill_side(w, direct, (dt_side)side, phase);
}

void dt_world_create(const dt_world *w, ts_conn *direct)
{
    for (int side = DT_OLD; side < DT_SIDES; side++)
        if (has_side(w, side)) create_side(w, direct, (dt_side)side);
    dt_world_fill(w, direct, 0);
}

void dt_world_apply(const dt_world *w, ts_conn *admin)
{
    b_buf b = {0};
    const dt_names *n = w->names;
    b_buf_printf(&b, "APPLY MIGRATION 'name: dt%u\ntable: \"dt%u_mig.%s\"\nobserve_days: 0\n", w->number,
                 w->number, n->table);
    b_buf_printf(&b, "columns:\n  - {from: \"%s\", to: \"%s\"", n->a, n->b);
    if (w->change != NULL) b_buf_printf(&b, ", type: %s", w->change->type);
    if (w->change != NULL && *w->change->up != '\0')
        b_buf_printf(&b, ", up: \"`%s`%s\", down: \"`%s`%s\"", n->a, w->change->up, n->b, w->change->down);
    b_buf_str(&b, "}\n");
    if (w->instant)
        b_buf_str(&b, "strategy: instant_rename\n'");
    else
        b_buf_printf(&b, "backfill: {check_sql: \"SELECT 1 FROM dt.held WHERE world = %u\"}\n'", w->number);
    run(admin, &b);
    b_buf_deinit(&b);
}

void dt_world_go(const dt_world *w, ts_conn *admin, ts_conn *direct, int phase)
{
    char name[16];
    snprintf(name, sizeof name, "dt%u", w->number);
    if (!dt_world_has_phase(w, phase)) return;
    if (w->instant) {
        if (phase == DT_CONTRACTED) ts_do(admin, "ADVANCE MIGRATION %s", name);
        return;
    }
    if (phase == DT_STALE) ts_do(direct, "INSERT INTO dt.held VALUES (%u)", w->number);
    if (phase == DT_DUAL_WRITE) ts_do(direct, "DELETE FROM dt.held WHERE world = %u", w->number);
    ts_go(admin, name, phase == DT_STALE ? "dual_write" : dt_phases[phase]);
    if (phase == DT_DUAL_WRITE) ts_wait_backfill(admin, name);
}

/* ---- what is stored ---- */

/* Or the row has its first value and was not written since. */
static void add_untouched(b_buf *b, const dt_world *w)
{
    b_buf_str(b, " OR ("), add_ident(b, w->names->b), b_buf_str(b, " IS NULL AND ");
    b_buf_str(b, w->type->kind == DT_JSON_KIND ? "CAST(" : "("), add_ident(b, w->names->a);
    b_buf_str(b, w->type->kind == DT_JSON_KIND ? " AS CHAR) <=> CASE id" : ") <=> CASE id");
    for (int r = 0; r < ROWS; r++) b_buf_printf(b, " WHEN %d THEN %s", r + 1, first(w, r));
    b_buf_str(b, " END)");
}

/* A column or value as text in which equal ones are equal. */
static void add_shown(b_buf *b, const dt_world *w, bool new_name, const char *name, const char *suffix)
{
    bool changed = w->change != NULL;
    b_buf_str(b, "CAST("), b_buf_str(b, changed ? "CAST(" : ""), add_ident(b, name);
    b_buf_str(b, suffix);
    if (changed) b_buf_printf(b, " AS %s)", w->change->exact[new_name]);
    b_buf_str(b, " AS BINARY)");
}

/* Is the row right (docs/migrations.md, "What is right")? */
static void add_pair(b_buf *b, const dt_world *w, int phase)
{
    const dt_names *n = w->names;
    const char *up = w->change == NULL ? "" : w->change->up, *down = w->change == NULL ? "" : w->change->down;
    b_buf_str(b, "IF("), add_shown(b, w, true, n->b, ""), b_buf_str(b, " <=> ");
    add_shown(b, w, true, n->a, up), b_buf_str(b, " OR "), add_shown(b, w, false, n->a, "");
    b_buf_str(b, " <=> "), add_shown(b, w, false, n->b, down);
    if (phase == DT_STALE) add_untouched(b, w);
    b_buf_str(b, ", 'equal', 'DIFFER')");
}

/* The value in the old or the new column's terms. */
static void add_value(b_buf *b, const dt_world *w, dt_side side, int phase, bool new_name)
{
    const dt_names *n = w->names;
    bool a = has(side, phase, 0), other = w->change != NULL && side == DT_MIG;
    bool filled = side == DT_MIG && phase >= DT_DUAL_WRITE; /* the new column is */
    if (!other) {
        add_shown(b, w, !a, a ? n->a : n->b, "");
    } else if (!new_name) {
        add_shown(b, w, false, a ? n->a : n->b, a ? "" : w->change->down);
    } else if (phase == DT_STALE) {
        b_buf_str(b, "COALESCE("), add_shown(b, w, true, n->b, ""), b_buf_str(b, ", ");
        add_shown(b, w, true, n->a, w->change->up), b_buf_str(b, ")");
    } else {
        add_shown(b, w, true, filled ? n->b : n->a, filled ? "" : w->change->up);
    }
}

static void watch_side(const dt_world *w, ts_conn *c, dt_side side, int phase, const char *name)
{
    char schema[32];
    b_buf b = {0};
    const char *s = dt_world_schema(w, side, schema);
    b_buf_printf(&b, "CREATE PROCEDURE dt.%s%s() BEGIN SELECT id, k, n, note, ", s, name);
    if (w->on_update) b_buf_str(&b, "ts, ");
    if (has(side, phase, 0) && has(side, phase, 1))
        add_pair(&b, w, phase);
    else
        b_buf_str(&b, "'equal'");
    b_buf_str(&b, " AS a_is_b, HEX("), add_value(&b, w, side, phase, strstr(name, "_as_new") != NULL);
    b_buf_str(&b, ") AS c FROM "), add_table(&b, w, side), b_buf_str(&b, " ORDER BY 1; ");
    if (strstr(name, "_all") != NULL)
        b_buf_printf(&b, "SELECT * FROM %s.s ORDER BY 1; SELECT * FROM %s.arch ORDER BY 1, 2, 3, 4, 5; ", s,
                     s);
    b_buf_str(&b, "ROLLBACK; SET insert_id = 1000; END");
    run(c, &b);
    b_buf_deinit(&b);
}

/* So that all plans stand on the same numbers. */
static void analyze(const dt_world *w, ts_conn *direct)
{
    for (int side = DT_OLD; side < DT_SIDES && has_side(w, side); side++) {
        char schema[32];
        b_buf b = {0};
        const char *s = dt_world_schema(w, (dt_side)side, schema);
        b_buf_str(&b, "ANALYZE TABLE "), add_table(&b, w, (dt_side)side);
        b_buf_printf(&b, ", %s.s, %s.o, %s.p", s, s, s);
        ts_result_free(ts_query(direct, "%s", b_buf_cstr(&b)));
        b_buf_deinit(&b);
    }
}

static const char *const watches[] = {"", "_all", "_as_new", "_as_new_all"};

void dt_world_watch(const dt_world *w, ts_conn *direct, int phase)
{
    analyze(w, direct);
    for (int side = DT_OLD; side < DT_SIDES && has_side(w, side); side++)
        for (int i = 0; i < (side == DT_MIG && w->change != NULL ? 4 : 2); i++)
            watch_side(w, direct, (dt_side)side, phase, watches[i]);
}

void dt_world_unwatch(const dt_world *w, ts_conn *direct)
{
    char schema[32];
    for (int side = DT_OLD; side < DT_SIDES && has_side(w, side); side++) {
        dt_world_schema(w, (dt_side)side, schema);
        for (int i = 0; i < 4; i++) ts_do(direct, "DROP PROCEDURE IF EXISTS dt.%s%s", schema, watches[i]);
    }
}
