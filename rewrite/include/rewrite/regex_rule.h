/* Regex rules: an operator's own, run on a statement's text before the rules of migrations, and never inside
 * them. What they make of the text is what the rest of the rewriter sees.
 *
 * Patterns are pcre2's and see bytes, NULs among them. A set is immutable and shared by reference count; what
 * changes while matching is in a matcher, one a thread. Rules run in order (order, then name); one that acts
 * is the last, unless it chains. Steps, depth, memory and processor time of a statement's rules are bounded:
 * where a bound is hit, the rule errs, and the statement is refused unless the rule says otherwise. */
#ifndef REWRITE_REGEX_RULE_H
#define REWRITE_REGEX_RULE_H

#include "rewrite/rewrite.h"

typedef enum rw_regex_action {
    RW_REGEX_REWRITE, /* every match of `text` is replaced */
    RW_REGEX_REFUSE,  /* the client gets `message` */
    RW_REGEX_LOG,     /* the caller writes a line of the log */
    RW_REGEX_COUNT,
} rw_regex_action;

enum { RW_REGEX_MAX_RULES = 256, RW_REGEX_MAX_PATTERN = 4096, RW_REGEX_MAX_BYTES = 1 << 20 };

/* Slices are borrowed by the call that takes the struct. An empty pattern matches everything. */
typedef struct rw_regex_rule {
    b_slice name;
    uint32_t order;
    bool enabled, chain;
    b_slice user, schema, program; /* patterns for the whole of it */
    b_slice digest;                /* 16 hexadecimal digits, as rw_result.digest */
    b_slice digest_text, text;     /* patterns for any part of it */
    rw_regex_action action;
    b_slice replace, message;
    bool pass_on_error;
    uint32_t max_bytes; /* of a statement's text; a longer one is an error */
} rw_regex_rule;

typedef struct rw_regex_rules rw_regex_rules;

/* Compiles and copies. NULL with *err: "rule NAME: KEY: what is wrong (at offset N)". */
rw_regex_rules *rw_regex_rules_new(const rw_regex_rule *v, size_t n, b_err *err);
rw_regex_rules *rw_regex_rules_ref(rw_regex_rules *r);
void rw_regex_rules_unref(rw_regex_rules *r); /* NULL is fine */
size_t rw_regex_rules_size(const rw_regex_rules *r);
const rw_regex_rule *rw_regex_rules_at(const rw_regex_rules *r, size_t i); /* in the order they run in */
bool rw_regex_rules_enabled(const rw_regex_rules *r);                      /* any of them; NULL: no */

/* What matching needs of a thread. cpu_ns: processor time of the calling thread, for the bound in time; NULL:
 * that bound is not held. NULL when out of memory. */
typedef struct rw_matcher rw_matcher;
rw_matcher *rw_matcher_new(uint64_t (*cpu_ns)(void));
void rw_matcher_free(rw_matcher *m);

/* Whose statement it is. */
typedef struct rw_regex_who {
    const rw_ctx *ctx;
    rw_server server;
    b_slice user, program;
    b_slice also; /* name of a rule that is to run although it is disabled; empty: none */
} rw_regex_who;

typedef struct rw_regex_hit {
    uint32_t rule; /* index in the set */
    bool erred;
} rw_regex_hit;

typedef struct rw_regex_result {
    /* PASS: sql is the input. REWRITTEN: sql is in the arena, and where ctx->prepared, params maps its
     * placeholders. REFUSED: error, sqlstate, message, and code "regex_rule" or "regex_error". */
    rw_result res;
    const rw_regex_hit *hits; /* the rules that acted or erred, in order */
    size_t nhits;
} rw_regex_result;

/* B_OK or B_NOMEM. Takes nothing from the arena where no rule matches on a digest and none acts. */
b_status rw_regex_apply(const rw_regex_rules *r, rw_matcher *m, const rw_regex_who *who, b_slice sql,
                        b_arena *arena, rw_regex_result *out) B_MUSTCHECK;

/* The set that an epoch's statements run through. Once, before the ruleset is shared; takes a reference. */
void rw_ruleset_set_regex(rw_ruleset *r, rw_regex_rules *x);
rw_regex_rules *rw_ruleset_regex(const rw_ruleset *r); /* borrowed; NULL: there are none */

#endif
