/* What the rewriter knows of the database: tables and their columns, as they physically are.
 *
 * Built once, then immutable and shared by any number of threads through its reference count. Names of
 * columns compare without regard to ASCII case, as on the servers; names of schemas and tables by
 * `lower_case_table_names`: exactly (0) or without regard to case (1, 2). */
#ifndef REWRITE_CATALOG_H
#define REWRITE_CATALOG_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum rw_flavour { RW_MYSQL, RW_MARIADB } rw_flavour;

typedef struct rw_server {
    rw_flavour flavour;
    uint32_t version; /* major * 10000 + minor * 100 + patch: 90704, 101119 */
    int lower_case_table_names;
} rw_server;

/* What a column holds when an INSERT does not name it. */
typedef enum rw_default_kind {
    RW_DEFAULT_NONE,     /* NOT NULL without a default: error 1364 under strict mode */
    RW_DEFAULT_NULL,     /* NULL, stated or implied */
    RW_DEFAULT_LITERAL,  /* a constant */
    RW_DEFAULT_EXPR,     /* DEFAULT (expression) */
    RW_DEFAULT_NOW,      /* CURRENT_TIMESTAMP, with or without a precision */
    RW_DEFAULT_AUTO_INC, /* AUTO_INCREMENT */
} rw_default_kind;

typedef struct rw_column {
    b_slice name;         /* as the server spells it */
    b_slice type;         /* full type, as information_schema.COLUMNS.COLUMN_TYPE: varchar(20) */
    b_slice collation;    /* empty where the type has none */
    b_slice default_text; /* SQL text of the default: a quoted literal or an expression; empty for none */
    rw_default_kind default_kind;
    bool nullable, invisible, generated, auto_increment, on_update_now, primary_key;
} rw_column;

typedef struct rw_table {
    b_slice schema, name;
    const rw_column *columns; /* in the table's order, invisible ones included */
    size_t ncolumns;
    const b_slice *indexes; /* their names */
    size_t nindexes;
    bool is_view, partitioned;
    bool fires;           /* a change of its rows may fire a trigger: its own, or where that cascades to */
    bool before_triggers; /* has a BEFORE INSERT or BEFORE UPDATE trigger */
    uint64_t triggers;    /* whoever fills a catalogue may keep here which they are */
    /* For a view: the base tables it names, straight or through other views. */
    const struct rw_table_name *bases;
    size_t nbases;
    b_slice definition; /* of a view: its SELECT, as the server stores it; empty where it is not known */
} rw_table;

typedef struct rw_table_name {
    b_slice schema, name;
} rw_table_name;

typedef struct rw_catalog rw_catalog;
typedef struct rw_catalog_builder rw_catalog_builder;

/* NULL when out of memory. server is kept in the catalogue. */
rw_catalog_builder *rw_catalog_builder_new(rw_server server);

/* Copies *t with all it points to. B_EXISTS when a table of that name was added, B_NOMEM. */
b_status rw_catalog_add(rw_catalog_builder *b, const rw_table *t) B_MUSTCHECK;

/* Reads CREATE TABLE and CREATE VIEW statements, each ended by `;` (what mysqldump --no-data writes, or a
 * schema file); SET, USE, CREATE DATABASE, DROP … IF EXISTS, LOCK and comments are passed over. schema: for
 * names that are not qualified. Any other statement, or a CREATE that cannot be understood, is B_MALFORMED
 * with its line in *err. */
b_status rw_catalog_read_ddl(rw_catalog_builder *b, b_slice ddl, b_slice schema, b_err *err) B_MUSTCHECK;

/* Ends the building: frees b, and returns the catalogue with one reference, or NULL when out of memory. */
rw_catalog *rw_catalog_build(rw_catalog_builder *b);
void rw_catalog_builder_free(rw_catalog_builder *b); /* gives up; NULL is fine */

rw_catalog *rw_catalog_ref(rw_catalog *c);
void rw_catalog_unref(rw_catalog *c);

/* NULL when there is none. Lives as long as the catalogue. */
const rw_table *rw_catalog_find(const rw_catalog *c, b_slice schema, b_slice name);
const rw_column *rw_table_column(const rw_table *t, b_slice name);
rw_server rw_catalog_server(const rw_catalog *c);
size_t rw_catalog_size(const rw_catalog *c);
const rw_table *rw_catalog_at(const rw_catalog *c, size_t i);

#endif
