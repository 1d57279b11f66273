/* What the load of a rehearsal says: for either version of a table, the statements that the migration lets
 * its clients send in a phase, by the names that this version has. What it does not let them send is left
 * out, and said. One thread. */
#ifndef PROXY_REHEARSE_SCRIPT_H
#define PROXY_REHEARSE_SCRIPT_H

#include "config/config.h"
#include "migrate/db.h"
#include "rewrite/ruleset.h"

typedef struct px_script px_script;

typedef struct px_lines { /* each is to be followed by a key; NULL: there is none in this phase */
    const char *read;     /* SELECT columns FROM t WHERE */
    const char *pick;     /* SELECT columns INTO @v0, … FROM t WHERE */
    const char *change;   /* UPDATE t SET column = @v0, … WHERE */
    const char *again;    /* REPLACE INTO t (…) SELECT … FROM t WHERE */
    bool whole;           /* pick takes all that change gives */
} px_lines;

/* direct: the clone itself, to learn keys and columns from, while the table is the plain one. B_DATABASE,
 * B_LOST, B_NOT_FOUND, B_NOMEM; what the rewriter says of a table that it cannot read. */
b_status px_script_learn(mig_db *direct, const cfg_migration *m, px_script **out, b_err *err) B_MUSTCHECK;
void px_script_free(px_script *s); /* NULL is fine */

/* side: PX_CLONE_OLD or PX_CLONE_NEW. Conditions, one a row. */
size_t px_script_keys(const px_script *s);
const char *px_script_key(const px_script *s, int side, size_t i);

/* What may be said while the migration goes from phase a to phase b, which are beside each other or the same.
 * Texts live as long as the script. */
b_status px_script_lines(px_script *s, int side, rw_phase a, rw_phase b, px_lines *out,
                         b_err *err) B_MUSTCHECK;

/* What is left out, and why: lines, each ended by \n. */
const char *px_script_left_out(const px_script *s);

/* Of some column nothing makes the old value. */
bool px_script_one_way(const cfg_migration *m);
#endif
