/* The grammar's rules: alternatives of a name, the simplest first, each with its weight. */
#ifndef DIFFERENTIAL_GRAMMAR_H
#define DIFFERENTIAL_GRAMMAR_H

enum { DT_BOTH = 0, DT_ON_MYSQL = 1, DT_ON_MARIADB = 2 };

typedef struct dt_rule {
    const char *name;
    unsigned weight;
    const char *text;
    unsigned only, flags; /* flags of the statement, gen.h */
} dt_rule;

/* Three tables, each ended by a rule without a name. */
extern const dt_rule dt_expr_rules[], dt_query_rules[], dt_write_rules[];

#endif
