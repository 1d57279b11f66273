/* The expressions of a migration that changes values, ready to be written into a statement. Private to
 * rewrite/. Made with the ruleset, immutable with it. */
#ifndef REWRITE_FORM_H
#define REWRITE_FORM_H

#include "base/arena.h"
#include "rewrite/ruleset.h"

typedef struct rw_fpart {
    b_slice text; /* SQL, or the name of a physical column */
    bool column;
} rw_fpart;

typedef struct rw_form {
    const rw_fpart *parts;
    uint32_t n;   /* 0: there is none */
    b_slice text; /* the whole as text, for comparing */
} rw_form;

/* Of one pair. */
typedef struct rw_forms {
    rw_form up, down;           /* for assigning: B from the columns of A, A from those of B */
    rw_form read_to, read_from; /* for reading B, A where the column itself is not read: with its type */
    /* B and A out of B, which never are the bare column B: its default reads A, and CREATE TABLE … SELECT
     * would take it along. */
    rw_form bare_to, bare_from;
    bool up_fits, down_fits; /* certainly stored without loss: B from A, A from B */
    bool up_same, down_same; /* B = A, A = B: only the type changes */
    bool to_list, from_list; /* B, A is an ENUM or SET that is read as a text: its order is another one */
    b_slice zone;            /* hangs on the session's time zone, which has to be this one; empty: does not */
} rw_forms;

/* B as it is to be: p->target, or A under B's name. */
rw_column rw__pair_target(const rw_pair *p);

/* Makes p->forms; *ok is unset when out of memory. */
void rw__forms_make(rw_flavour flavour, rw_pair *p, b_slice zone, b_arena *arena, bool *ok);

/* ---- one table's pairs, of all its unfinished migrations: mtable.c ---- */

typedef struct rw_mtable {
    b_slice schema, table;
    b_slice label; /* for messages: "migration m, phase p" */
    const rw_pair *pairs;
    size_t npairs;
} rw_mtable;

size_t rw__ruleset_tables(const rw_ruleset *r);
const rw_mtable *rw__ruleset_table(const rw_ruleset *r, size_t i);

/* Puts the pairs of the unfinished migrations m[0, n), table by table, into *out, and fills what the ruleset
 * fills of them; each migration's own pairs are then a part of its table's. *ok is unset when out of memory.
 */
size_t rw__mtables_make(rw_server server, rw_migration *m, size_t n, b_arena *arena, rw_mtable **out,
                        bool *ok);

/* Does the form read this column? */
bool rw__form_reads(const rw_form *f, b_slice column);

#endif
