/* What clients send of themselves on connecting and in between: SELECT @@version_comment, SET NAMES, SHOW
 * VARIABLES and such. Answered from a short list, so that mysql, mariadb, graphical tools and drivers can log
 * in and stay. Commands proper are not known here. */
#ifndef ADMIN_CHATTER_H
#define ADMIN_CHATTER_H

#include "words.h"

#include "base/table.h"

#define ADM__SERVER_VERSION "8.0.36-straddle-" STRADDLE_VERSION

typedef struct adm__self { /* who asks */
    uint32_t id;
    const char *user, *peer, *schema; /* schema: NULL where none was chosen */
} adm__self;

typedef struct adm__answer {
    b_table *out;       /* empty at first; no columns: an OK */
    unsigned sql_errno; /* with err: answer with this instead */
    b_err err;
    b_slice schema; /* USE: to be remembered; borrows from the statement or the arena */
} adm__answer;

/* False: not chatter; run it as a command. */
bool adm__chatter(b_slice sql, const adm__self *self, b_arena *arena, adm__answer *a);

#endif
