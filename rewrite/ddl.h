/* What the files of the DDL reader share. Private to ddl*.c.
 *
 * Failure is sticky, as in b_buf: after the first one nothing matches any more and every loop ends. */
#ifndef REWRITE_DDL_H
#define REWRITE_DDL_H

#include "lexer.h"

typedef struct rw__ddl {
    rw_catalog_builder *builder;
    rw_server server;
    b_slice whole, schema; /* schema: of unqualified names; USE changes it */
    b_arena *arena;        /* of the statement being read */
    rw_ctx ctx;
    rw_tokens t; /* the statement */
    uint32_t pos;
    b_status status;
    b_err *err;
} rw__ddl;

bool rw__ddl_word(rw__ddl *d, rw_word w); /* takes it if it is next */
bool rw__ddl_op(rw__ddl *d, rw_op op);
bool rw__ddl_at_word(const rw__ddl *d, uint32_t ahead, rw_word w);
bool rw__ddl_at_op(const rw__ddl *d, uint32_t ahead, rw_op op);
bool rw__ddl_end(const rw__ddl *d); /* nothing is left, or it failed */
void rw__ddl_need_op(rw__ddl *d, rw_op op);
b_slice rw__ddl_name(rw__ddl *d);     /* one name, which must be there */
void rw__ddl_skip_parens(rw__ddl *d); /* `(` … `)`, which must be there */
b_slice rw__ddl_text(const rw__ddl *d, uint32_t from, uint32_t end);
void rw__ddl_fail(rw__ddl *d, const char *what); /* at the token that is next */

/* ddl_column.c: after the name of the column; fills all but that. The collation is what was said or follows
 * from what was said of the character set, empty when nothing was. */
void rw__ddl_column(rw__ddl *d, rw_column *c);

bool rw__ddl_has_collation(b_slice type);
b_slice rw__ddl_default_collation(const rw__ddl *d, b_slice charset);

/* ddl_table.c: after CREATE TABLE and the name. Fills *t, which has its names. */
void rw__ddl_table(rw__ddl *d, rw_table *t);

/* catalog.c */
const rw_table *rw__catalog_builder_find(const rw_catalog_builder *b, b_slice schema, b_slice name);
void rw__catalog_builder_remove(rw_catalog_builder *b, b_slice schema, b_slice name);
rw_server rw__catalog_builder_server(const rw_catalog_builder *b);
/* before: it is a BEFORE INSERT or BEFORE UPDATE one. */
void rw__catalog_builder_trigger(rw_catalog_builder *b, b_slice schema, b_slice name, bool before);

#endif
