/* What the rewriter has to know of column types: whether one holds all that another does, and how an
 * expression gets the look of a column. Private to rewrite/. Pure. */
#ifndef REWRITE_TYPE_H
#define REWRITE_TYPE_H

#include "base/buf.h"
#include "rewrite/catalog.h"

/* Is it this type, whatever its length? "int" is INT and INT UNSIGNED, not INTEGER. */
bool rw__type_is(b_slice type, const char *word);

/* Can each value of a column like `a` be stored in one like `b`, and is it the same value there? False where
 * that is not certain. */
bool rw__type_fits(const rw_column *a, const rw_column *b);

/* Does a value of column `a` show itself as one of column `b` would, in results, comparisons and order? */
bool rw__type_alike(const rw_column *a, const rw_column *b);

/* Appends what stands before and after an expression to make its value look like column c's. */
void rw__type_cast(rw_flavour flavour, const rw_column *c, b_buf *before, b_buf *after);

/* Appends CURRENT_TIMESTAMP with the precision of c's type, as the server writes it. */
void rw__type_now(rw_flavour flavour, const rw_column *c, b_buf *out);

/* What information_schema.COLUMNS tells of a type. False: NULL. */
typedef enum rw_type_fact {
    RW_TYPE_CHARACTERS, /* CHARACTER_MAXIMUM_LENGTH */
    RW_TYPE_OCTETS,     /* CHARACTER_OCTET_LENGTH */
    RW_TYPE_PRECISION,  /* NUMERIC_PRECISION */
    RW_TYPE_SCALE,      /* NUMERIC_SCALE */
    RW_TYPE_FRACTION,   /* DATETIME_PRECISION */
} rw_type_fact;
bool rw__type_fact(const rw_column *c, rw_type_fact fact, uint64_t *out);

/* Bytes of its first word: DATA_TYPE. */
size_t rw__type_word(b_slice type);

/* Does its meaning hang on the session's time zone? */
bool rw__type_zoned(const rw_column *c);

#endif
