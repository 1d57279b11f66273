/* How many connections there are of each user and from each address, of all loops together. Looked at when a
 * client comes and when it leaves, never in a statement's way. Any thread. */
#ifndef PROXY_CENSUS_H
#define PROXY_CENSUS_H

#include <stdbool.h>

typedef enum px_census_kind { PX_CENSUS_USER, PX_CENSUS_ADDRESS } px_census_kind;

typedef struct px_census px_census;

px_census *px_census_new(void); /* NULL when out of memory */
void px_census_free(px_census *c);

/* Counts one more of that name. False, and not counted, when there would be more than limit (0: none), or
 * when memory ran out. */
bool px_census_enter(px_census *c, px_census_kind kind, const char *name, unsigned limit);
void px_census_leave(px_census *c, px_census_kind kind, const char *name);

#endif
