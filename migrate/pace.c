/* A migration's pace in the database: one row of straddle.pace a setting. What a key means: config/pace.h. */
#include "mig.h"

const char *mig__pace_insert(b_arena *a, const char *migration, const cfg_pace *p)
{
    b_buf q = {0}, value = {0};
    b_buf_str(&q, "REPLACE INTO straddle.pace (migration, name, value) VALUES ");
    for (size_t i = 0; i < cfg_pace_count(); i++) {
        b_buf_clear(&value);
        cfg_pace_print(p, i, &value);
        b_buf_str(&q, i == 0 ? "(" : ", (");
        b_buf_quote(&q, b_slice_str(migration));
        b_buf_printf(&q, ", '%s', ", cfg_pace_name(i));
        b_buf_quote(&q, b_buf_view(&value));
        b_buf_char(&q, ')');
    }
    const char *sql = q.failed || value.failed ? NULL : b_arena_strdup(a, b_buf_cstr(&q));
    b_buf_deinit(&q);
    b_buf_deinit(&value);
    return sql;
}

b_status mig__pace_load(mig_db *db, mig__m *m, b_err *err)
{
    b_table *t = NULL;
    cfg_pace_defaults(&m->pace); /* what an earlier program did not know */
    b_status s = mig__query(db, &t, err, "SELECT name, value FROM straddle.pace WHERE migration = %s",
                            mig__q(m->arena, m->name));
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++) {
        b_slice name = b_arena_dup(m->arena, b_table_cell(t, i, 0)),
                value = b_arena_dup(m->arena, b_table_cell(t, i, 1));
        s = name.p == NULL || value.p == NULL ? b_fail(err, B_NOMEM, "out of memory")
                                              : cfg_pace_set(&m->pace, name.p, value.p, m->arena, err);
        if (s == B_INVALID) s = b_err_prefix(err, "straddle.pace, migration %s", m->name);
    }
    b_table_free(t);
    return s;
}

b_status mig_pace(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    mig_db *db = NULL;
    mig__m *m = NULL;
    b_status s = mig__connect(e, 0, &db, err);
    if (s == B_OK) s = mig__load(db, name, &m, err);
    mig_db_close(db);
    if (s != B_OK) return s;
    b_table_column(out, "setting"), b_table_column(out, "value"), b_table_column(out, "meaning");
    for (size_t i = 0; i < cfg_pace_count(); i++) {
        b_buf value = {0};
        cfg_pace_print(&m->pace, i, &value);
        b_table_row(out);
        b_table_str(out, cfg_pace_name(i)), b_table_str(out, b_buf_cstr(&value));
        b_table_str(out, cfg_pace_meaning(i));
        b_buf_deinit(&value);
    }
    mig__free(m);
    return B_OK;
}
