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

#endif
