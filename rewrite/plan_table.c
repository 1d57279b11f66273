/* Statements about tables as a whole: CREATE TABLE, DROP TABLE, and those that work on both columns alike. */
#include "mention.h"
#include "planning.h"

/* The new table takes NOT NULL, default and comment from the columns that are read. While the move to
 * retired goes on, B has the default of neither. */
static void check_moving(rw_planner *p)
{
    for (const rw_mtab *mt = p->mtabs; mt != NULL && !rw__stop(p); mt = mt->next) {
        for (size_t i = 0; i < mt->m->npairs && mt->as_plain; i++) {
            if (mt->m->pairs[i].a_stale) {
                rw__refuse(p, mt, "default",
                           "CREATE TABLE … SELECT while the old column is being filled again",
                           "wait until the move to this phase has ended");
            } else if (mt->m->pairs[i].phase == RW_RETIRED && mt->m->pairs[i].b_default_up) {
                rw__refuse(p, mt, "default", "CREATE TABLE … SELECT while a column's default is being moved",
                           "wait until the move to this phase has ended");
            }
        }
    }
}

void rw__plan_create_table(rw_planning *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;
    const rw_table *known;
    rw_mtab *mt = NULL;

    if (st->like.n > 0) {
        mt = rw__find_table(p, &st->like, &known);
        if (mt != NULL) {
            rw__refuse(p, mt, "ddl", "CREATE TABLE … LIKE", "write the columns of the new table out");
        }
    }
    if (!st->temporary && st->query != NULL) { /* the table's own name, REFERENCES and so on */
        mt = rw__mention(p, st->tok + 1, st->query->tok, true);
    }
    if (mt != NULL) {
        rw__refuse_name(p, mt, "statement", "%.*s", st->head,
                        "do it when the migration is finished, or take it back with ROLLBACK MIGRATION");
    }
    p->as_plain = true;
    rw__emit_query(p, NULL, st->query, RW_Q_DERIVED);
    p->as_plain = false;
    check_moving(p);
    if (!rw__stop(p) && st->temporary && st->tables != NULL) {
        rw__set_temporary(s, rw__full_name(s, &st->tables->name), true);
    }
}

void rw__plan_drop(rw_planning *s, const rw_stmt *st)
{
    for (const rw_name_list *n = st->tables; n != NULL && !rw__stop(&s->p); n = n->next) {
        const rw_table *known;
        rw_mtab *mt = st->temporary ? NULL : rw__find_table(&s->p, &n->name, &known);
        rw_table_name name = rw__full_name(s, &n->name);

        if (mt != NULL) {
            rw__refuse(&s->p, mt, "ddl", "DROP TABLE",
                       "take the migration back with ROLLBACK MIGRATION first");
        } else if (st->temporary || rw__is_temporary(s, name)) {
            rw__set_temporary(s, name, false);
        }
    }
}

/* A column of which statistics are asked for: that which is read. */
static void plan_statistics(rw_planner *p, rw_mtab *mt, const rw_name_list *columns)
{
    for (const rw_name_list *c = columns; c != NULL; c = c->next) {
        bool new_name;
        uint32_t index;
        const rw_pair *pair = rw__pair_named(mt, c->name.part[0], &new_name, &index);
        rw_edit *edit;

        if (pair == NULL) {
            continue;
        }
        rw__note_use(mt, index, new_name, false);
        if (rw__pair_read(pair).n == 0 || b_slice_ieq(rw__pair_read(pair), c->name.part[0])) {
            continue;
        }
        edit = rw_edit_replace(p->edits, c->name.tok, c->name.end);
        rw_edit_text(p->edits, edit, rw__quoted(p, rw__pair_read(pair)));
    }
}

/* TRUNCATE, LOCK TABLES and so on work on both columns alike. */
void rw__plan_table_op(rw_planning *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;

    for (const rw_name_list *n = st->tables; n != NULL && !rw__stop(p); n = n->next) {
        const rw_table *known;
        rw_mtab *mt = rw__find_table(p, &n->name, &known);

        if (mt != NULL) {
            plan_statistics(p, mt, st->columns);
        }
    }
}
