/* See rehearse_script.h. Of a migration that changes values not every name can be read and written in every
 * phase: the rewriter is asked, with the clone's own table. Only what docs/migrations.md says of new names
 * before dual_write, and of one-way migrations, may be refused; any other refusal is for the load to meet. */
#include "rehearse_script.h"

#include "base/arena.h"
#include "base/buf.h"
#include "migrate/rehearsal.h"
#include "offline.h"
#include "rehearse_clone.h"

#include <string.h>

enum { MAX_KEYS = 1000, PHASES = RW_FINISHED + 1, ALL_PHASES = (1 << PHASES) - 1 };

typedef struct name {     /* of a migrating column, in one version */
    const char *text;     /* quoted */
    unsigned read, write; /* a bit a phase: it can be */
} name;

typedef struct column {  /* of the plain table */
    const char *name[2]; /* quoted, by version; a migrating one without a name of its own has the old one */
    bool bytes, generated, key;
} column;

struct px_script {
    b_arena *arena;
    const char *table; /* quoted */
    column *columns;
    size_t ncolumns;
    name *names[2]; /* by version */
    size_t nnames[2];
    const char *keys[2][MAX_KEYS];
    size_t nkeys;
    bool again; /* rows may be written again */
    b_buf left_out;
};

bool px_script_one_way(const cfg_migration *m)
{
    bool yes = false;
    for (size_t i = 0; i < m->ncolumns; i++) yes = yes || m->columns[i].one_way;
    return yes;
}

static bool changes_values(const cfg_migration *m)
{
    for (size_t i = 0; i < m->ncolumns; i++) {
        const cfg_pair *p = &m->columns[i];
        if (p->up != NULL || p->down != NULL || p->type != NULL || p->from == NULL || p->to == NULL)
            return true;
    }
    return false;
}

/* ---- the table ---- */

static const char *quoted(b_arena *a, b_slice text)
{
    b_buf b = {0};
    b_buf_ident(&b, text);
    const char *out = b.failed ? NULL : b_arena_strdup(a, b_buf_cstr(&b));
    b_buf_deinit(&b);
    return out == NULL ? "?" : out;
}

static b_status ask(mig_db *db, const cfg_migration *m, const char *select, const char *schema_is,
                    const char *table_is, b_table **out, b_err *err)
{
    b_buf q = {0};
    b_buf_printf(&q, "SELECT %s WHERE %s = ", select, schema_is);
    b_buf_quote(&q, b_slice_str(m->schema)), b_buf_printf(&q, " AND %s = ", table_is);
    b_buf_quote(&q, b_slice_str(m->table));
    b_status s =
        q.failed ? b_fail(err, B_NOMEM, "out of memory") : mig_db_query(db, b_buf_cstr(&q), out, err);
    b_buf_deinit(&q);
    return s;
}

static void fill_column(px_script *s, const cfg_migration *m, const b_table *t, size_t i)
{
    column *c = &s->columns[i];
    b_slice old = b_table_cell(t, i, 0);
    *c = (column){.bytes = b_table_cell(t, i, 1).p[0] == '1',
                  .generated = b_table_cell(t, i, 2).p[0] == '1',
                  .key = b_table_cell(t, i, 3).p[0] == '1'};
    c->name[PX_CLONE_OLD] = c->name[PX_CLONE_NEW] = quoted(s->arena, old);
    for (size_t k = 0; k < m->ncolumns; k++) {
        const cfg_pair *p = &m->columns[k];
        if (p->from != NULL && p->to != NULL && b_slice_ieq(b_slice_str(p->from), old))
            c->name[PX_CLONE_NEW] = quoted(s->arena, b_slice_str(p->to));
    }
}

static b_status columns(px_script *s, mig_db *db, const cfg_migration *m, b_err *err)
{
    b_table *t = NULL;
    b_status st = ask(db, m,
                      "COLUMN_NAME, DATA_TYPE RLIKE 'binary|blob|bit|geometry', EXTRA RLIKE "
                      "'VIRTUAL|STORED|PERSISTENT', COLUMN_KEY = 'PRI' FROM information_schema.COLUMNS",
                      "TABLE_SCHEMA", "TABLE_NAME", &t, err);
    s->ncolumns = st == B_OK ? b_table_rows(t) : 0;
    s->columns = b_arena_array(s->arena, s->ncolumns + 1, sizeof *s->columns);
    if (st == B_OK && s->columns == NULL) st = b_fail(err, B_NOMEM, "out of memory");
    if (st == B_OK && s->ncolumns == 0)
        st = b_fail(err, B_NOT_FOUND, "the clone has no table %s.%s", m->schema, m->table);
    for (size_t i = 0; st == B_OK && s->columns != NULL && i < s->ncolumns; i++) fill_column(s, m, t, i);
    b_table_free(t);
    return st;
}

/* Each name once, however many entries have it. */
static b_status names(px_script *s, const cfg_migration *m, b_err *err)
{
    for (int side = 0; side < 2; side++) {
        s->names[side] = b_arena_array(s->arena, m->ncolumns + 1, sizeof *s->names[side]);
        if (s->names[side] == NULL) return b_fail(err, B_NOMEM, "out of memory");
        for (size_t i = 0; i < m->ncolumns; i++) {
            const char *text = side == PX_CLONE_OLD ? m->columns[i].from : m->columns[i].to;
            if (text == NULL) continue; /* it is in the entry that has both */
            s->names[side][s->nnames[side]++] =
                (name){.text = quoted(s->arena, b_slice_str(text)), .read = ALL_PHASES, .write = ALL_PHASES};
        }
    }
    return B_OK;
}

/* ---- its rows ---- */

static void one_key(px_script *s, const b_table *t, size_t row, int side, b_buf *out)
{
    size_t part = 0;
    b_buf_clear(out);
    for (size_t i = 0; i < s->ncolumns && part < b_table_columns(t); i++) {
        const column *c = &s->columns[i];
        if (!c->key) continue;
        b_buf_printf(out, "%s%s = %s", part == 0 ? " " : " AND ", c->name[side], c->bytes ? "x" : "");
        b_buf_quote(out, b_table_cell(t, row, part++));
    }
    s->keys[side][s->nkeys] = out->failed ? NULL : b_arena_strdup(s->arena, b_buf_cstr(out));
}

/* Conditions for some rows from one end of the table. */
static b_status keys(px_script *s, mig_db *db, const cfg_migration *m, const char *order, b_err *err)
{
    b_buf q = {0}, by = {0};
    b_table *t = NULL;
    b_status st = B_OK;
    for (size_t i = 0; i < s->ncolumns; i++) {
        const column *c = &s->columns[i];
        if (!c->key) continue;
        const char *old = c->name[PX_CLONE_OLD];
        b_buf_printf(&q, c->bytes ? "%sHEX(%s)" : "%s%s", q.n == 0 ? "SELECT " : ", ", old);
        b_buf_printf(&by, "%s %s%s", by.n == 0 ? "" : ",", old, order);
    }
    if (q.n > 0) {
        b_buf_printf(&q, " FROM %s.%s ORDER BY%s LIMIT %d", quoted(s->arena, b_slice_str(m->schema)),
                     s->table, b_buf_cstr(&by), MAX_KEYS / 2);
        st = q.failed || by.failed ? b_fail(err, B_NOMEM, "out of memory")
                                   : mig_db_query(db, b_buf_cstr(&q), &t, err);
    }
    for (size_t r = 0; st == B_OK && t != NULL && r < b_table_rows(t); r++) {
        for (int side = 0; side < 2; side++) one_key(s, t, r, side, &by);
        if (s->keys[0][s->nkeys] != NULL && s->keys[1][s->nkeys] != NULL) s->nkeys++;
    }
    b_table_free(t);
    b_buf_deinit(&q), b_buf_deinit(&by);
    return st;
}

/* A row may be written again where nothing else hangs on it, and no column is made of others. */
static b_status whole_rows(px_script *s, mig_db *db, const cfg_migration *m, b_err *err)
{
    b_table *triggers = NULL, *children = NULL;
    bool changes = changes_values(m);
    b_status st = ask(db, m, "1 FROM information_schema.TRIGGERS", "EVENT_OBJECT_SCHEMA",
                      "EVENT_OBJECT_TABLE", &triggers, err);
    if (st == B_OK)
        st = ask(db, m, "1 FROM information_schema.KEY_COLUMN_USAGE", "REFERENCED_TABLE_SCHEMA",
                 "REFERENCED_TABLE_NAME", &children, err);
    bool hangs = st == B_OK && (b_table_rows(triggers) > 0 || b_table_rows(children) > 0);
    if (changes) b_buf_str(&s->left_out, "rows are not written again: values change\n");
    if (hangs)
        b_buf_str(&s->left_out,
                  "rows are not written again: the table has triggers, or others refer to it\n");
    s->again = !changes && !hangs;
    b_table_free(triggers), b_table_free(children);
    return st;
}

/* ---- what can be said ---- */

/* One version in one phase. */
typedef struct trial {
    px_script *s;
    const cfg_migration *m;
    const rw_ruleset *rules;
    b_arena *arena;
    int side;
    rw_phase phase;
    b_buf *why; /* of each name: reads, then writes */
    b_err *err;
} trial;

static bool expected(const trial *t, bool write)
{
    bool one_way = px_script_one_way(t->m);
    if (t->side == PX_CLONE_OLD) return one_way && t->phase >= RW_SWITCHED;
    return write && (t->phase < RW_DUAL_WRITE || (one_way && t->phase == RW_DUAL_WRITE));
}

/* The last part of a refusal, which says what to do. */
static b_slice advice(b_slice message)
{
    for (size_t i = message.n; i > 2; i--)
        if (message.p[i - 2] == ':' && message.p[i - 1] == ' ' && message.p[i - 3] == ')')
            return b_slice_of(message.p + i, message.n - i);
    return message;
}

static void tried(const trial *t, const name *n, bool write, b_buf *sql)
{
    if (write)
        b_buf_printf(sql, "UPDATE %s SET %s = @v0 WHERE%s", t->s->table, n->text, t->s->keys[t->side][0]);
    else
        b_buf_printf(sql, "SELECT %s FROM %s WHERE%s", n->text, t->s->table, t->s->keys[t->side][0]);
}

static b_status try(const trial *t, size_t i, bool write)
{
    name *n = &t->s->names[t->side][i];
    unsigned *may = write ? &n->write : &n->read;
    b_slice utf8 = B_LIT("utf8mb4");
    b_buf sql = {0}, *why = &t->why[2 * i + (write ? 1 : 0)];
    rw_result r = {.verdict = RW_PASS};
    rw_ctx ctx = {.sql_mode = RW_MODE_STRICT,
                  .charset = rw_charset_parse(utf8),
                  .spelling = rw_charset_number(utf8),
                  .schema = b_slice_str(t->m->schema),
                  .time_zone = b_slice_str(t->m->time_zone == NULL ? "SYSTEM" : t->m->time_zone),
                  .version = t->side == PX_CLONE_OLD ? RW_VERSION_OLD : RW_VERSION_NEW};
    tried(t, n, write, &sql);
    b_status st = sql.failed ? B_NOMEM : rw_rewrite(t->rules, &ctx, b_buf_view(&sql), t->arena, &r);
    if (st == B_OK && r.verdict == RW_REFUSED && expected(t, write)) {
        *may &= ~(1u << t->phase);
        b_buf_clear(why), b_buf_slice(why, advice(r.message)); /* of the last phase, which says most */
    }
    b_arena_reset(t->arena);
    b_buf_deinit(&sql);
    return st == B_OK ? B_OK : b_fail(t->err, st, "out of memory");
}

static void say_left_out(px_script *s, int side, const name *n, bool write, const b_buf *why)
{
    unsigned may = write ? n->write : n->read;
    bool some = false;
    if (why->n == 0) return;
    b_buf_printf(&s->left_out, "%s of %s by the %s names in ", write ? "writes" : "reads", n->text,
                 side == PX_CLONE_OLD ? "old" : "new");
    for (int p = 0; p < PHASES; p++) {
        if ((may & (1u << p)) != 0) continue;
        b_buf_printf(&s->left_out, "%s%s", some ? ", " : "", rw_phase_name((rw_phase)p));
        some = true;
    }
    b_buf_printf(&s->left_out, ": %.*s\n", B_ARG(b_buf_view(why)));
}

/* Old names are used up to retired. */
static b_status try_side(trial *t, rw_ruleset *const *rules)
{
    px_script *s = t->s;
    b_status st = B_OK;
    size_t n = s->nnames[t->side];
    t->why = b_arena_array(s->arena, 2 * n + 1, sizeof *t->why);
    if (t->why == NULL) return b_fail(t->err, B_NOMEM, "out of memory");
    memset(t->why, 0, (2 * n + 1) * sizeof *t->why);
    for (int p = 0; p < PHASES && (t->side == PX_CLONE_NEW || p <= RW_RETIRED); p++) {
        t->phase = (rw_phase)p, t->rules = rules[p];
        for (size_t i = 0; st == B_OK && i < 2 * n; i++) st = try(t, i / 2, i % 2 == 1);
    }
    for (size_t i = 0; i < 2 * n; i++) {
        say_left_out(s, t->side, &s->names[t->side][i / 2], i % 2 == 1, &t->why[i]);
        b_buf_deinit(&t->why[i]);
    }
    return st;
}

static b_status table_text(const px_script *s, mig_db *db, const cfg_migration *m, b_table **out, b_err *err)
{
    b_buf q = {0};
    b_buf_printf(&q, "SHOW CREATE TABLE %s.%s", quoted(s->arena, b_slice_str(m->schema)), s->table);
    b_status st =
        q.failed ? b_fail(err, B_NOMEM, "out of memory") : mig_db_query(db, b_buf_cstr(&q), out, err);
    b_buf_deinit(&q);
    return st;
}

/* Every name in every phase, where not all can be used in all. */
static b_status try_names(px_script *s, mig_db *db, const cfg_migration *m, b_err *err)
{
    rw_ruleset *rules[PHASES] = {NULL};
    rw_server server = {RW_MYSQL, 0, 0};
    b_table *t = NULL;
    trial one = {.s = s, .m = m, .err = err, .arena = b_arena_new(0)};
    b_status st = mig_server(db, &server, err);
    if (st == B_OK && one.arena == NULL) st = b_fail(err, B_NOMEM, "out of memory");
    if (st == B_OK) st = table_text(s, db, m, &t, err);
    for (int p = 0; st == B_OK && p < PHASES; p++) {
        px_offline o = {m, (rw_phase)p};
        rules[p] = px_offline_ruleset(server, b_table_cell(t, 0, 1), b_slice_str(m->schema), &o, 1, err);
        if (rules[p] == NULL) st = err->code == B_OK ? b_fail(err, B_NOMEM, "out of memory") : err->code;
    }
    for (one.side = 0; st == B_OK && one.side < 2; one.side++) st = try_side(&one, rules);
    for (int p = 0; p < PHASES; p++) rw_ruleset_unref(rules[p]);
    b_table_free(t);
    b_arena_free(one.arena);
    return st;
}

/* ---- the statements ---- */

static const char *keep(px_script *s, b_buf *b, bool some)
{
    const char *out = !some || b->failed ? NULL : b_arena_strdup(s->arena, b_buf_cstr(b));
    if (some && out == NULL) s->left_out.failed = true;
    b_buf_clear(b);
    return out;
}

typedef enum kind { READ, PICK, CHANGE } kind;

static bool taken(const name *n, kind k, unsigned phases)
{
    return (k == CHANGE || (n->read & phases) == phases) && (k == READ || (n->write & phases) == phases);
}

/* What stands for each name that is taken: with its number, which is the variable's. */
static size_t list(const px_script *s, int side, kind k, unsigned phases, const char *format, b_buf *q)
{
    size_t count = 0;
    for (size_t i = 0; i < s->nnames[side]; i++) {
        const name *n = &s->names[side][i];
        if (!taken(n, k, phases)) continue;
        if (count++ > 0) b_buf_str(q, ", ");
        if (format[0] != '@') b_buf_str(q, n->text);
        if (format[0] != '\0') b_buf_printf(q, "%s%zu", format, i);
    }
    return count;
}

static const char *again(px_script *s, int side, b_buf *q)
{
    for (int twice = 0; twice < 2; twice++) {
        bool first = true;
        b_buf_printf(q, twice == 0 ? "REPLACE INTO %s (" : ") SELECT ", s->table);
        for (size_t i = 0; i < s->ncolumns; i++) {
            if (s->columns[i].generated) continue;
            b_buf_printf(q, "%s%s", first ? "" : ", ", s->columns[i].name[side]);
            first = false;
        }
    }
    b_buf_printf(q, " FROM %s WHERE", s->table);
    return keep(s, q, true);
}

b_status px_script_lines(px_script *s, int side, rw_phase a, rw_phase b, px_lines *out, b_err *err)
{
    b_buf q = {0};
    unsigned phases = 1u << a | 1u << b;
    b_buf_str(&q, "SELECT ");
    size_t reads = list(s, side, READ, phases, "", &q);
    b_buf_printf(&q, " FROM %s WHERE", s->table);
    out->read = keep(s, &q, reads > 0);
    b_buf_str(&q, "SELECT ");
    size_t picks = list(s, side, PICK, phases, "", &q);
    b_buf_str(&q, " INTO "), list(s, side, PICK, phases, "@v", &q);
    b_buf_printf(&q, " FROM %s WHERE", s->table);
    out->pick = keep(s, &q, picks > 0);
    b_buf_printf(&q, "UPDATE %s SET ", s->table);
    size_t writes = list(s, side, CHANGE, phases, " = @v", &q);
    b_buf_str(&q, " WHERE");
    out->change = keep(s, &q, writes > 0);
    out->whole = picks == writes;
    out->again = s->again ? again(s, side, &q) : NULL;
    b_buf_deinit(&q);
    return s->left_out.failed ? b_fail(err, B_NOMEM, "out of memory") : B_OK;
}

/* ---- from outside ---- */

static b_status learn(px_script *s, mig_db *db, const cfg_migration *m, b_err *err)
{
    s->table = quoted(s->arena, b_slice_str(m->table));
    b_status st = columns(s, db, m, err);
    if (st == B_OK) st = names(s, m, err);
    if (st == B_OK) st = whole_rows(s, db, m, err);
    if (st == B_OK) st = keys(s, db, m, "", err);
    if (st == B_OK) st = keys(s, db, m, " DESC", err);
    if (st == B_OK && s->nkeys == 0)
        b_buf_str(&s->left_out, "all statements: the table has no primary key, or no row\n");
    if (st == B_OK && s->nkeys > 0 && changes_values(m)) st = try_names(s, db, m, err);
    return st;
}

b_status px_script_learn(mig_db *direct, const cfg_migration *m, px_script **out, b_err *err)
{
    b_arena *arena = b_arena_new(0);
    px_script *s = arena == NULL ? NULL : B_NEW(arena, px_script);
    *out = NULL;
    if (s == NULL) {
        b_arena_free(arena);
        return b_fail(err, B_NOMEM, "out of memory");
    }
    s->arena = arena;
    b_status st = learn(s, direct, m, err);
    if (st == B_OK)
        *out = s;
    else
        px_script_free(s);
    return st;
}

void px_script_free(px_script *s)
{
    if (s == NULL) return;
    b_buf_deinit(&s->left_out);
    b_arena_free(s->arena);
}

size_t px_script_keys(const px_script *s)
{
    return s->nkeys;
}

const char *px_script_key(const px_script *s, int side, size_t i)
{
    return s->keys[side][i];
}

const char *px_script_left_out(const px_script *s)
{
    return b_buf_cstr(&s->left_out);
}
