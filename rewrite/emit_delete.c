/* DELETE, of one table and of several: nothing is written, only what is read is mapped.
 *
 * Thread: the planner's. */
#include "write.h"

void rw__plan_delete(rw_planner *p, const rw_stmt *s)
{
    rw_scope scope;
    rw__scope_init(&scope, NULL);
    if (s->ctes != NULL) {
        rw__scope_add_ctes(p, &scope, s->ctes, s->recursive);
    }
    rw__scope_add_from(p, &scope, s->from);
    rw__emit_exprs(p, &scope, RW_C_WHERE, s->where);
    rw__emit_order(p, &scope, RW_C_ORDER, s->order);
    rw__emit_exprs(p, &scope, RW_C_OTHER, s->limit);
    rw__emit_items(p, &scope, s->returning);
}
