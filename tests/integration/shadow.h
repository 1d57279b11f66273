/* What the tests of shadow reads share. */
#ifndef INTEGRATION_SHADOW_H
#define INTEGRATION_SHADOW_H

#include "shop.h"

/* The shop's migration in dual_write, complete, and every read taken; more: of `backfill`, or "". */
void shadow_begin(shop *f, const char *more);
/* A number of SHOW MIGRATION. */
long long shadow_number(shop *f, const char *column);
/* Sends it again and again until that many more have been counted there. */
void shadow_until(shop *f, void (*send)(void *arg), void *arg, const char *column, long long more);
/* Sends it now and then until SHOW SHADOW READS has a detail with that part. */
void shadow_until_says(shop *f, void (*send)(void *arg), void *arg, const char *part);

#endif
