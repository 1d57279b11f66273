/* Reads the scripts of the servers' own test suites as their runner does, for the statements in them.
 *
 * Commands of the runner are obeyed as far as they change the text of statements (delimiter, source, eval
 * with variables that were let to a text); conditions and loops are passed over: what stands in them is read
 * once. A statement with a variable whose value only a server knows is left out, and counted. */
#ifndef CORPORA_MTR_H
#define CORPORA_MTR_H

#include "base/buf.h"

typedef struct mtr mtr;

/* path: of the script; root: the folder that `source include/…` starts from. NULL when it cannot be read. */
mtr *mtr_open(const char *root, const char *path);
void mtr_close(mtr *m); /* NULL is fine */

/* The next statement, valid until the next call, and where it begins. False at the end. */
bool mtr_next(mtr *m, b_slice *sql, const char **path, unsigned *line);

b_slice mtr_text(const mtr *m);      /* the script itself */
unsigned mtr_left_out(const mtr *m); /* statements with variables that are not known */

#endif
