/* The tables of the integration tests: schema t_mig holds shop's tables with the migrating one; t_old and
 * t_new hold the same tables as an application of either schema version expects them, never migrated. */
#ifndef INTEGRATION_SHOP_H
#define INTEGRATION_SHOP_H

#include "process.h"

#define SHOP_MIGRATION "rename_transaction_type"

extern const char *const shop_phases[];
enum { SHOP_PHASES = 7, SHOP_EXPANDED = 1, SHOP_DUAL = 2, SHOP_SWITCHED = 3, SHOP_CONTRACTED = 5 };

/* Makes all three schemas anew. */
void shop_create(const ts_server *s);

/* The same rows into all three, whatever columns t_mig.transactions has now. */
void shop_fill(ts_conn *direct, int phase);

/* Is t_mig.transactions, seen by its physical columns in that phase, what t_old or t_new holds, and, where
 * both columns are written, A equal to B byte for byte in every row? */
bool shop_same_data(ts_conn *direct, const char *reference, int phase, char why[512]);

/* A proxy before t_mig, and connections to its admin port and past it to the server. */
typedef struct shop {
    const ts_server *server;
    ts_proxy proxy;
    ts_conn *admin, *direct;
} shop;

/* No migration is known; all tables are new and filled. extra: further YAML, or NULL. */
void shop_start(shop *f, const ts_server *s, const char *extra);
void shop_end(shop *f);
void shop_apply(shop *f, const char *more); /* the migration; more: further lines of it, or NULL */
void shop_each_server(void (*check)(shop *f), const char *extra);

/* Runs a statement and wants this error (0: none) with this part in its message; what is told by the caller.
 */
void shop_expect(ts_conn *c, const char *sql, unsigned error, const char *part);
/* One cell of the first row; "NULL" for NULL, "(none)" where there is no row or no such column. */
const char *shop_cell(ts_conn *c, const char *sql, const char *column, char *buf, size_t size);
/* A number of SHOW STATS; -1 where there is none of that name. */
long long shop_stat(ts_conn *admin, const char *name);
/* Waits until that cell of SHOW MIGRATION has the part in it (10 s). */
void shop_await(ts_conn *admin, const char *column, const char *part);

#endif
