/* Statements from a grammar. grammar.h has the rules as text; what text cannot say (which columns are in
 * reach, lists of a length) is code here and in gen_write.c. A statement is kept as neutral text, in which
 * the column's name and the schema are marks, so that one statement can be written for each table. One
 * thread. */
#ifndef DIFFERENTIAL_GEN_H
#define DIFFERENTIAL_GEN_H

#include "base/buf.h"
#include "tape.h"
#include "world.h"

enum {                     /* marks in neutral text */
       DT_MARK_NAME = 1,   /* the column, bare */
       DT_MARK_QUOTED = 2, /* the column, in quotes */
       DT_MARK_UPPER = 3,  /* the column, bare, in capitals */
       DT_MARK_SCHEMA = 4,
       DT_MARK_TABLE = 5, /* the migrating table, in quotes where it needs them */
       DT_MARK_A = 6,     /* the old name itself, whichever the client uses: of p, or an alias */
       DT_MARK_B = 7,     /* the new name itself */
       DT_MARK_FILE = 8,  /* the file that LOAD DATA reads */
       DT_MARK_PARAM = 14
};

enum {                 /* what is special about a statement */
       DT_WRITES = 1,  /* or locks */
       DT_ORDERED = 2, /* the rows' order is told by the statement */
       DT_SHAPE = 4,   /* the result shows how many columns the table has */
       DT_OTHER = 8,   /* names of o, p or an alias that are one of the pair's: only for a client to whom that
                          name is not the migrating column */
       DT_VOLATILE = 16,    /* stores a value that differs from run to run */
       DT_TEXT_ONLY = 32,   /* cannot be prepared */
       DT_MAKES_TABLE = 64, /* makes table made, which is compared and dropped */
       DT_BY_POSITION =
           128 /* gives values to all columns without naming them: those of the client's version */
};

enum { DT_PARAMS = 24, DT_SOURCES = 8, DT_FRAMES = 8 };

typedef struct dt_stmt {
    b_buf text; /* neutral */
    ts_param params[DT_PARAMS];
    char values[DT_PARAMS][24];
    size_t n;
    unsigned flags, session; /* session: index of dt_sessions */
} dt_stmt;

typedef struct dt_session {
    const char *name, *charset, *sql_mode;
    char quote; /* of identifiers */
    bool backslash, pipes;
} dt_session;
extern const dt_session dt_sessions[];
extern const unsigned dt_nsessions;

/* x: derived, of id and x; v: the view of id, k, n and note */
typedef enum dt_columns { DT_T, DT_O, DT_P, DT_S, DT_D, DT_X, DT_V } dt_columns;

typedef struct dt_source {
    char qualifier[24];
    dt_columns columns;
} dt_source;

typedef struct dt_frame {
    dt_source v[DT_SOURCES];
    unsigned n;
    bool qualify; /* columns are always written with their table */
} dt_frame;

typedef struct dt_gen {
    dt_tape tape;
    const dt_world *world;
    dt_stmt *stmt;
    bool mariadb;
    dt_frame frames[DT_FRAMES];
    unsigned nframes, depth, aliases;
    unsigned columns[8], ncolumns; /* the list of the INSERT that is being made (gen_write.c) */
    bool no_params;
    const struct dt_rule **rules; /* all of grammar.h */
    unsigned *weights, nrules;    /* one weight a rule */
} dt_gen;

void dt_gen_init(dt_gen *g, bool mariadb);
void dt_gen_deinit(dt_gen *g);
/* "select=9,update=0": weights of statement kinds. False where a name is none. */
bool dt_gen_weights(dt_gen *g, const char *text);

/* Makes the statement that the tape says. */
void dt_generate(dt_gen *g, const dt_world *w, unsigned session, dt_stmt *s);

/* The statement's text for a client that calls the column so and works in that schema; its parameters as
 * literals or as `?`. */
void dt_write(const dt_stmt *s, const dt_world *w, bool new_name, dt_side side, bool literals, b_buf *out);

/* ---- for the parts of the generator ---- */

typedef struct dt_leaf {
    const char *name;
    void (*make)(dt_gen *g);
} dt_leaf;
extern const dt_leaf dt_write_leaves[];

void dt_expand(dt_gen *g, const char *text); /* {name} stands for a rule or leaf, {{ for a brace */
void dt_make(dt_gen *g, const char *name);
void dt_put(dt_gen *g, const char *text);
void dt_query(dt_gen *g, const char *from, const char *head, const char *tail); /* names of rules */
dt_frame *dt_frame_push(dt_gen *g); /* a new one inside the present ones */
void dt_frame_pop(dt_gen *g);
void dt_source_add(dt_gen *g, dt_columns columns, const char *qualifier);
void dt_quoted(dt_gen *g, const char *text); /* a string literal */
void dt_name(dt_gen *g, unsigned choice);    /* the column's name, in one of the ways to write it */

/* A place in the statement. Where text was written out of its order, what is between two places is moved to
 * the end, with its parameters. */
typedef struct dt_place {
    size_t text, param;
} dt_place;
dt_place dt_here(const dt_gen *g);
void dt_move(dt_gen *g, dt_place from, dt_place to);

#endif
