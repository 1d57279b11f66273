/* A migration that changes values, tried on the server before anything is touched: a temporary table with the
 * columns and up to a thousand rows of the table gets the new columns, with their defaults, and is filled
 * there and back. What the server makes of the types is what is written down. */
#include "mig.h"

#include "rewrite/expr.h"

#include <stdlib.h>
#include <string.h>

#define TABLE "straddle.straddle_probe"
#define DEFAULTS "straddle.straddle_probe_default"
#define ROWS 1000
#define STRICT "STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO"

typedef struct probe {
    mig_db *db;
    const cfg_migration *m;
    b_arena *arena;
    rw_pair *pairs;
    b_err *err;
} probe;

/* What the server says no to is the definition's fault. */
static b_status refused(b_status s)
{
    return s == B_DATABASE ? B_REFUSED : s;
}

/* ---- the table ---- */

static b_status load_table(probe *p, rw_catalog **catalog, const rw_table **table)
{
    uint64_t hash = 0;
    b_status s = mig__catalog_load(p->db, catalog, &hash, p->err);
    if (s != B_OK) return s;
    *table = rw_catalog_find(*catalog, b_slice_str(p->m->schema), b_slice_str(p->m->table));
    if (*table == NULL)
        return b_fail(p->err, B_REFUSED, "there is no table %s.%s", p->m->schema, p->m->table);
    return B_OK;
}

/* Generated columns become plain ones here; rows of the primary key's beginning. */
static b_status create(probe *p, const rw_table *t)
{
    char collation[80] = "";
    b_buf q = {0};
    b_status s = mig_db_query(p->db, "DROP TEMPORARY TABLE IF EXISTS " TABLE, NULL, p->err);
    b_buf_printf(
        &q,
        "SELECT TABLE_COLLATION FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = "
        "%s",
        mig__q(p->arena, p->m->schema), mig__q(p->arena, p->m->table));
    if (s == B_OK) s = mig_db_scalar(p->db, b_buf_cstr(&q), collation, sizeof collation, p->err);
    b_buf_clear(&q);
    b_buf_printf(&q, "CREATE TEMPORARY TABLE " TABLE " ENGINE=InnoDB COLLATE %s AS SELECT ", collation);
    for (size_t i = 0; i < t->ncolumns; i++) {
        b_buf_str(&q, i > 0 ? ", " : "");
        b_buf_ident(&q, t->columns[i].name);
    }
    b_buf_str(&q, " FROM "), b_buf_ident(&q, t->schema), b_buf_char(&q, '.'), b_buf_ident(&q, t->name);
    b_buf_printf(&q, " LIMIT %d", ROWS);
    if (s == B_OK) s = mig__run(p->db, p->err, &q);
    b_buf_deinit(&q);
    return s;
}

static b_status add_columns(probe *p)
{
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < p->m->ncolumns; i++) {
        const cfg_pair *cp = &p->m->columns[i];
        const rw_column *t = &p->pairs[i].target;
        b_buf q = {0};
        if (cp->to == NULL) continue;
        b_buf_str(&q, "ALTER TABLE " TABLE " ADD COLUMN "), b_buf_ident(&q, b_slice_str(cp->to));
        b_buf_printf(&q, " %.*s", B_ARG(t->type));
        if (t->collation.n > 0) {
            size_t n = 0;
            while (n < t->collation.n && t->collation.p[n] != '_') n++;
            b_buf_printf(&q, " CHARACTER SET %.*s COLLATE %.*s", (int)n, t->collation.p, B_ARG(t->collation));
        }
        b_buf_str(&q, " NULL");
        s = mig__run(p->db, p->err, &q);
        b_buf_deinit(&q);
        if (s == B_DATABASE)
            s = refused(b_err_prefix(p->err, "the server does not take `type` of column %s", cp->to));
    }
    return s;
}

/* up, or A's name; down, or B's. */
static void made_of(const rw_pair *p, bool up, b_buf *out)
{
    b_slice expression = up ? p->up : p->down;
    if (expression.n > 0)
        b_buf_slice(out, expression);
    else
        b_buf_ident(out, up ? p->from : p->to);
}

static bool can_default(const rw_pair *p)
{
    rw_default_kind k = p->plain.default_kind;
    return k == RW_DEFAULT_NONE || k == RW_DEFAULT_NULL || k == RW_DEFAULT_LITERAL;
}

static b_status set_defaults(probe *p)
{
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < p->m->ncolumns; i++) {
        b_buf q = {0};
        if (p->pairs[i].to.n == 0 || !can_default(&p->pairs[i])) continue;
        b_buf_str(&q, "ALTER TABLE " TABLE " ALTER COLUMN "), b_buf_ident(&q, p->pairs[i].to);
        b_buf_str(&q, " SET DEFAULT (");
        made_of(&p->pairs[i], true, &q);
        b_buf_char(&q, ')');
        s = mig__run(p->db, p->err, &q);
        b_buf_deinit(&q);
        if (s == B_DATABASE)
            s = refused(b_err_prefix(p->err, "the server does not take `up` of column %.*s as a default",
                                     B_ARG(p->pairs[i].to)));
    }
    return s;
}

/* ---- what the server made of it ---- */

static b_status describe(probe *p, rw_pair *pair)
{
    b_table *t = NULL;
    b_buf q = {0};
    b_buf_str(&q, "SHOW FULL COLUMNS FROM " TABLE " WHERE Field = "), b_buf_quote(&q, pair->to);
    b_status s = mig__ask(p->db, &t, p->err, &q);
    b_buf_deinit(&q);
    if (s == B_OK && b_table_rows(t) != 1)
        s = b_fail(p->err, B_REFUSED, "column %.*s is not there", B_ARG(pair->to));
    if (s == B_OK) {
        pair->target.type = b_arena_dup(p->arena, mig__cell(t, 0, "Type"));
        b_slice collation = mig__cell(t, 0, "Collation");
        pair->target.collation = collation.p == NULL ? (b_slice){"", 0} : b_arena_dup(p->arena, collation);
    }
    b_table_free(t);
    return s;
}

static bool is_number(b_slice type)
{
    static const char *const words[] = {"tinyint", "smallint", "mediumint", "int",
                                        "bigint",  "decimal",  "float",     "double"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (b_slice_istarts(type, b_slice_str(words[i]))) return true;
    return false;
}

/* The literal that `up` makes of A's, as the new column holds it. */
static b_status evaluate(probe *p, rw_pair *pair)
{
    b_table *t = NULL;
    b_buf q = {0};
    rw_column *c = &pair->target;
    bool same = pair->up.n == 0 && b_slice_ieq(c->type, pair->plain.type);
    if (c->default_kind != RW_DEFAULT_LITERAL || same) return B_OK;
    b_status s = mig_db_query(p->db, "DROP TEMPORARY TABLE IF EXISTS " DEFAULTS, NULL, p->err);
    b_buf_str(&q, "CREATE TEMPORARY TABLE " DEFAULTS " ENGINE=InnoDB AS SELECT "), b_buf_ident(&q, pair->to);
    b_buf_str(&q, " AS v FROM " TABLE " LIMIT 0");
    if (s == B_OK) s = mig__run(p->db, p->err, &q);
    b_buf_clear(&q);
    b_buf_printf(&q, "INSERT INTO " DEFAULTS " (v) VALUES (%.*s)", B_ARG(c->default_text));
    if (s == B_OK) s = mig_db_query(p->db, "SET SESSION sql_mode = '" STRICT "'", NULL, p->err);
    if (s == B_OK) s = mig__run(p->db, p->err, &q);
    if (s == B_DATABASE)
        s = refused(b_err_prefix(p->err, "the default of column %.*s does not fit the new one",
                                 B_ARG(pair->plain.name)));
    if (s == B_OK) s = mig_db_query(p->db, "SET SESSION sql_mode = ''", NULL, p->err);
    if (s == B_OK) s = mig_db_query(p->db, "SELECT v FROM " DEFAULTS, &t, p->err);
    b_buf_clear(&q);
    b_slice value = s == B_OK ? b_table_cell(t, 0, 0) : (b_slice){NULL, 0};
    if (s == B_OK && value.p == NULL) {
        c->default_kind = c->nullable ? RW_DEFAULT_NULL : RW_DEFAULT_NONE;
        c->default_text = B_LIT("");
    } else if (s == B_OK) {
        is_number(c->type) ? b_buf_slice(&q, value) : b_buf_quote(&q, value);
        c->default_text = b_arena_dup(p->arena, b_buf_view(&q));
    }
    b_table_free(t);
    b_buf_deinit(&q);
    return s;
}

static b_status check_default(probe *p, const rw_pair *pair)
{
    rw_default_kind k = pair->plain.default_kind;
    if (pair->to.n == 0 || pair->up.n == 0 || (k != RW_DEFAULT_EXPR && k != RW_DEFAULT_NOW)) return B_OK;
    return b_fail(
        p->err, B_REFUSED,
        "column %.*s has an expression or the present time as its default, which `up` cannot go with; "
        "drop the default first, or leave `up` out",
        B_ARG(pair->plain.name));
}

/* NOT NULL only where every old column is: the server would take NULL for it until the end. */
static b_status check_null(probe *p, size_t at)
{
    const rw_pair *pair = &p->pairs[at];
    if (pair->to.n == 0 || pair->target.nullable) return B_OK;
    for (size_t i = 0; i < p->m->ncolumns; i++) {
        const rw_pair *q = &p->pairs[i];
        bool source = i == at || (q->from.n > 0 && q->plain.nullable && pair->up.n > 0);
        if (source && q->plain.nullable)
            return b_fail(
                p->err, B_REFUSED,
                "column %.*s is to be NOT NULL, but %.*s, which it is made from, may be NULL; let it be "
                "NULL, and make it NOT NULL when the migration is finished",
                B_ARG(pair->to), B_ARG(q->plain.name));
    }
    return B_OK;
}

static b_status build(probe *p)
{
    rw_catalog *catalog = NULL;
    const rw_table *table = NULL;
    rw_server server = mig__server_of(p->db, p->err);
    b_status s = mig_db_query(p->db, "SET SESSION sql_mode = ''", NULL, p->err);
    if (s == B_OK) s = load_table(p, &catalog, &table);
    rw_table copy = s == B_OK ? *table : (rw_table){.ncolumns = 0};
    if (s == B_OK) s = mig_pairs(server, p->m, &copy, p->arena, p->pairs, p->err);
    if (s == B_INVALID) s = B_REFUSED;
    for (size_t i = 0; s == B_OK && i < p->m->ncolumns; i++) {
        s = check_default(p, &p->pairs[i]);
        if (s == B_OK) s = check_null(p, i);
    }
    if (s == B_OK) s = create(p, table);
    if (s == B_OK) s = add_columns(p);
    for (size_t i = 0; s == B_OK && i < p->m->ncolumns; i++) {
        rw_column *c = &p->pairs[i].plain;
        c->type = b_arena_dup(p->arena, c->type), c->collation = b_arena_dup(p->arena, c->collation);
        c->default_text = b_arena_dup(p->arena, c->default_text), c->name = b_arena_dup(p->arena, c->name);
        p->pairs[i].from = p->pairs[i].from.n > 0 ? c->name : p->pairs[i].from;
        if (p->pairs[i].to.n == 0) continue;
        p->pairs[i].target.default_text = b_arena_dup(p->arena, p->pairs[i].target.default_text);
        s = describe(p, &p->pairs[i]);
        if (s == B_OK) s = evaluate(p, &p->pairs[i]);
    }
    if (s == B_OK) s = set_defaults(p);
    rw_catalog_unref(catalog);
    return s;
}

b_status mig__probe(mig_db *db, const cfg_migration *m, b_arena *arena, rw_pair *pairs, b_err *err)
{
    probe p = {db, m, arena, pairs, err};
    return build(&p);
}

/* ---- rows ---- */

typedef struct trial {
    probe p;
    mig__found *found;
    void *arg;
} trial;

static void say(trial *t, int severity, const char *object, const char *why, const char *remedy)
{
    t->found(t->arg, severity, object, why == NULL ? "out of memory" : why, remedy);
}

static b_status fill_side(trial *t, bool up)
{
    b_buf q = {0};
    bool some = false;
    b_err why = {0};
    b_buf_str(&q, "UPDATE " TABLE " SET ");
    for (size_t i = 0; i < t->p.m->ncolumns; i++) {
        const rw_pair *pair = &t->p.pairs[i];
        b_slice column = up ? pair->to : pair->from;
        if (column.n == 0 || (!up && pair->one_way)) continue;
        if (some) b_buf_str(&q, ", ");
        b_buf_ident(&q, column), b_buf_str(&q, " = ");
        made_of(pair, up, &q);
        some = true;
    }
    b_status s = some ? mig__run(t->p.db, &why, &q) : B_OK;
    b_buf_deinit(&q);
    if (s != B_DATABASE) return s == B_OK ? B_OK : b_fail(t->p.err, s, "%s", why.msg);
    say(t, 0, t->p.m->name,
        b_arena_printf(t->p.arena, "%s in some row: %s", up ? "`up` does not fit" : "`down` does not fit",
                       why.msg),
        up ? "make `up` give a value of the column's type for every row"
           : "make `down` give back a value of the old type");
    return B_OK;
}

static b_status count(trial *t, const b_buf *q, uint64_t *n)
{
    char text[32] = "0";
    if (q->failed) return b_fail(t->p.err, B_NOMEM, "out of memory");
    b_status s = mig_db_scalar(t->p.db, b_buf_cstr(q), text, sizeof text, t->p.err);
    *n = strtoull(text, NULL, 10);
    return s;
}

/* A NOT NULL column that `up` leaves NULL. */
static b_status check_filled(trial *t)
{
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < t->p.m->ncolumns; i++) {
        const rw_pair *pair = &t->p.pairs[i];
        uint64_t n = 0;
        b_buf q = {0};
        if (pair->to.n == 0 || pair->target.nullable) continue;
        b_buf_str(&q, "SELECT COUNT(*) FROM " TABLE " WHERE "), b_buf_ident(&q, pair->to);
        b_buf_str(&q, " IS NULL");
        s = count(t, &q, &n);
        b_buf_deinit(&q);
        if (n > 0)
            say(t, 0, b_arena_printf(t->p.arena, "%.*s", B_ARG(pair->to)),
                b_arena_printf(t->p.arena,
                               "`up` gives NULL for %llu of the rows looked at, and it is NOT NULL",
                               (unsigned long long)n),
                "COALESCE the value, or give `type` with NULL");
    }
    return s;
}

/* A NULL written to a NOT NULL new column is refused through the old one, which `down` has to leave NULL. */
static b_status check_refusal(trial *t)
{
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < t->p.m->ncolumns; i++) {
        const rw_pair *pair = &t->p.pairs[i];
        uint64_t n = 0;
        bool any = false;
        b_buf q = {0};
        if (pair->to.n == 0 || pair->target.nullable) continue;
        b_buf_str(&q, "SELECT COUNT(*) FROM (SELECT ");
        for (size_t k = 0; k < t->p.m->ncolumns; k++) {
            if (t->p.pairs[k].to.n == 0) continue;
            b_buf_str(&q, any ? ", " : ""), any = true;
            b_buf_str(&q, k == i ? "NULL AS " : ""), b_buf_ident(&q, t->p.pairs[k].to);
        }
        b_buf_str(&q, " FROM " TABLE ") d WHERE TRUE");
        any = false;
        for (size_t k = 0; k < t->p.m->ncolumns; k++) {
            const rw_pair *o = &t->p.pairs[k];
            if (o->from.n == 0 || o->one_way || o->plain.nullable) continue;
            if (k != i && !rw_expr_reads(o->down, pair->to)) continue;
            b_buf_str(&q, " AND ("), made_of(o, false, &q), b_buf_str(&q, ") IS NOT NULL"), any = true;
        }
        if (any) s = count(t, &q, &n);
        b_buf_deinit(&q);
        if (s == B_DATABASE) s = B_OK, n = 0; /* `down` reads other columns, too */
        if (n > 0)
            say(t, 0, b_arena_printf(t->p.arena, "%.*s", B_ARG(pair->to)),
                "it is NOT NULL, but `down` makes a value of its NULL, so that a NULL would not be refused",
                "let `down` be NULL where the column is, or give `type` with NULL");
    }
    return s;
}

static b_status check_round_trip(trial *t)
{
    b_buf q = {0}, back = {0};
    uint64_t rows = 0, lost = 0;
    bool some = false;
    b_buf_str(&q, "SELECT COUNT(*) FROM " TABLE);
    b_status s = count(t, &q, &rows);
    for (size_t i = 0; i < t->p.m->ncolumns; i++) {
        const rw_pair *pair = &t->p.pairs[i];
        if (pair->from.n == 0 || pair->one_way) continue;
        b_buf_str(&back, some ? " OR NOT (" : "NOT ("), some = true;
        bool text = pair->plain.collation.n > 0;
        b_buf_str(&back, text ? "CAST(" : ""), b_buf_ident(&back, pair->from);
        b_buf_str(&back, text ? " AS BINARY) <=> CAST((" : " <=> (");
        made_of(pair, false, &back);
        b_buf_str(&back, text ? ") AS BINARY))" : "))");
    }
    b_buf_clear(&q);
    b_buf_printf(&q, "SELECT COUNT(*) FROM " TABLE " WHERE %s", b_buf_cstr(&back));
    if (s == B_OK && some) s = count(t, &q, &lost);
    b_buf_deinit(&q), b_buf_deinit(&back);
    if (s != B_OK) return s;
    if (!some)
        say(t, 1, t->p.m->name,
            "it is one-way: there is no `down`, so that there is no way back once reads move",
            "give a `down`, or be certain");
    else if (lost == 0)
        say(t, 2, t->p.m->name,
            b_arena_printf(t->p.arena, "lossless as far as seen: %llu rows came back the same",
                           (unsigned long long)rows),
            "");
    else
        say(t, 1, t->p.m->name,
            b_arena_printf(t->p.arena, "lossy: `down` does not give back the old value in %llu of %llu rows",
                           (unsigned long long)lost, (unsigned long long)rows),
            "mend `down`, or accept that a client of the old name reads other values after reads have moved");
    return B_OK;
}

static void check_indexes(trial *t)
{
    for (size_t i = 0; i < t->p.m->ncolumns; i++) {
        const rw_pair *pair = &t->p.pairs[i];
        if (pair->to.n == 0 || (pair->up.n == 0 && pair->down.n == 0)) continue;
        say(t, 2, b_arena_printf(t->p.arena, "%.*s", B_ARG(pair->to)),
            "a condition on it uses no index before phase switched, one on the old name none from then on, "
            "unless "
            "only the size of the type changes",
            "");
    }
}

b_status mig__probe_rows(mig_db *db, const cfg_migration *m, b_arena *arena, mig__found *found, void *arg,
                         b_err *err)
{
    rw_pair *pairs = b_arena_array(arena, m->ncolumns + 1, sizeof *pairs);
    trial t = {.p = {db, m, arena, pairs, err}, .found = found, .arg = arg};
    if (pairs == NULL) return b_fail(err, B_NOMEM, "out of memory");
    b_status s = build(&t.p);
    if (s == B_REFUSED) {
        say(&t, 0, m->name, b_arena_printf(arena, "%s", err->msg), "mend the definition");
        return mig_db_query(db, "SET SESSION sql_mode = ''", NULL, err);
    }
    if (s == B_OK && m->time_zone != NULL)
        s = mig__query(db, NULL, err, "SET SESSION time_zone = %s", mig__q(arena, m->time_zone));
    if (s == B_OK) s = mig_db_query(db, "SET SESSION sql_mode = '" STRICT "'", NULL, err);
    if (s == B_OK) s = fill_side(&t, true);
    if (s == B_OK) s = check_filled(&t);
    if (s == B_OK) s = check_refusal(&t);
    if (s == B_OK) s = check_round_trip(&t);
    if (s == B_OK) s = fill_side(&t, false);
    if (s == B_OK) check_indexes(&t);
    if (s == B_OK) s = mig_db_query(db, "SET SESSION sql_mode = '', time_zone = 'SYSTEM'", NULL, err);
    if (s == B_OK) s = mig_db_query(db, "DROP TEMPORARY TABLE IF EXISTS " TABLE ", " DEFAULTS, NULL, err);
    return s;
}
