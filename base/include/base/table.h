/* A small result table of strings: what an admin command answers with, and what the engine reports in.
 *
 * All text is copied into the table and lives as long as it does. A cell may be NULL. Failure (out of
 * memory) is sticky, as in b_buf. One thread. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct b_table b_table;

b_table *b_table_new(void); /* NULL when out of memory */
void b_table_free(b_table *t);

/* All columns are added before the first row. name: borrowed for the call. */
void b_table_column(b_table *t, const char *name);
void b_table_row(b_table *t);                   /* starts a row; cells not given are NULL */
void b_table_add(b_table *t, b_slice cell);     /* the next cell of the row */
void b_table_str(b_table *t, const char *cell); /* NULL gives a NULL cell */
void b_table_int(b_table *t, int64_t v);
void b_table_null(b_table *t);
void b_table_printf(b_table *t, const char *fmt, ...) B_PRINTF(2, 3);

size_t b_table_columns(const b_table *t);
size_t b_table_rows(const b_table *t);
const char *b_table_name(const b_table *t, size_t column);
/* p == NULL means a NULL cell. Out of range is NULL, too. NUL-terminated. */
b_slice b_table_cell(const b_table *t, size_t row, size_t column);
bool b_table_failed(const b_table *t);

/* For statements without rows: what an OK packet says. Default 0 and "". */
void b_table_message(b_table *t, uint64_t affected, const char *fmt, ...) B_PRINTF(3, 4);
uint64_t b_table_affected(const b_table *t);
const char *b_table_info(const b_table *t);

#endif
