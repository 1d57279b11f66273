/* EXPLAIN REWRITE: what the running proxy would send for a statement. Sends nothing. */
#ifndef PROXY_EXPLAIN_H
#define PROXY_EXPLAIN_H

#include "app.h"

/* adm_host.explain; its contract is in admin/console.h. ctx: the px_app. Any thread. */
b_status px_explain(void *ctx, const adm_explain *ask, b_table *out, b_err *err) B_MUSTCHECK;

#endif
