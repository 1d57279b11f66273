/* Builds a ruleset for one phase from the plain table's DDL, changing its columns as the engine would. */
#include "world.h"

#include <stdio.h>

#define SCHEMA B_LIT("shop")
#define TABLE B_LIT("transactions")
#define FROM B_LIT("transaction_type")
#define TO B_LIT("payment_method")

enum { MAX_COLUMNS = 64 };

static rw_catalog *read_plain(const world_opts *o)
{
    rw_catalog_builder *b = rw_catalog_builder_new(o->server);
    b_err err = {0};

    if (b == NULL || rw_catalog_read_ddl(b, b_slice_str(o->ddl), SCHEMA, &err) != B_OK) {
        fprintf(stderr, "golden: the schema cannot be read: %s\n", err.msg);
        rw_catalog_builder_free(b);
        return NULL;
    }
    return rw_catalog_build(b);
}

/* The physical columns of the phase, in *out; their number. */
static size_t physical(const world_opts *o, const rw_table *plain, rw_column *out)
{
    size_t n = 0;

    for (size_t i = 0; i < plain->ncolumns; i++) {
        rw_column a = plain->columns[i], b = a;

        if (!b_slice_ieq(a.name, FROM)) {
            out[n++] = a;
            continue;
        }
        b.name = TO;
        if (o->phase == RW_RETIRED) {
            a.invisible = true;
            a.default_kind = RW_DEFAULT_LITERAL;
            a.default_text = B_LIT("''");
        }
        if (o->phase > RW_PLANNED && o->phase < RW_RETIRED) {
            b.nullable = b.invisible = true;
            b.default_kind = o->no_default ? RW_DEFAULT_NULL : RW_DEFAULT_EXPR;
            b.default_text = o->no_default ? B_LIT("NULL") : FROM;
        }
        if (o->phase < RW_CONTRACTED) {
            out[n++] = a;
        }
        if (o->phase > RW_PLANNED) {
            out[n++] = b;
        }
    }
    return n;
}

static rw_catalog *change(const world_opts *o, const rw_catalog *plain)
{
    rw_catalog_builder *b = rw_catalog_builder_new(o->server);
    rw_column columns[MAX_COLUMNS + 1];

    for (size_t i = 0; b != NULL && i < rw_catalog_size(plain); i++) {
        rw_table t = *rw_catalog_at(plain, i);

        if (b_slice_eq(t.name, TABLE) && b_slice_eq(t.schema, SCHEMA) && t.ncolumns < MAX_COLUMNS) {
            t.ncolumns = physical(o, rw_catalog_at(plain, i), columns);
            t.columns = columns;
        }
        if (rw_catalog_add(b, &t) != B_OK) {
            rw_catalog_builder_free(b);
            return NULL;
        }
    }
    return b == NULL ? NULL : rw_catalog_build(b);
}

rw_ruleset *world_new(const world_opts *o)
{
    rw_catalog *plain = read_plain(o), *now = plain == NULL ? NULL : change(o, plain);
    const rw_table *t = plain == NULL ? NULL : rw_catalog_find(plain, SCHEMA, TABLE);
    const rw_column *a = t == NULL ? NULL : rw_table_column(t, FROM);
    rw_ruleset *rules = NULL;
    b_err err = {0};

    if (now != NULL && a != NULL) {
        bool dual = o->phase > RW_PLANNED && o->phase < RW_RETIRED;
        rw_pair pair = {.from = FROM, .to = TO, .plain = *a, .b_default_up = dual && !o->no_default};
        rw_migration m = {.name = B_LIT("rename_type"),
                          .schema = SCHEMA,
                          .table = TABLE,
                          .phase = o->phase,
                          .disabled = o->disabled,
                          .pairs = &pair,
                          .npairs = 1};

        if (a > t->columns) {
            pair.after = a[-1].name;
        }
        rules = rw_ruleset_new(7, now, &m, 1, &err);
    }
    if (rules == NULL) {
        fprintf(stderr, "golden: no rules: %s\n", err.msg);
    }
    rw_catalog_unref(plain);
    rw_catalog_unref(now);
    return rules;
}
