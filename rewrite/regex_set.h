/* A set of regex rules, compiled. Private to rewrite/: regex_rule.c makes it, regex_apply.c runs it. */
#ifndef REWRITE_REGEX_SET_H
#define REWRITE_REGEX_SET_H

#include "regex.h"

/* What a match is replaced with: bytes as they are, or a group of the match. */
typedef struct rw__part {
    b_slice text; /* p == NULL: the group */
    uint32_t group;
} rw__part;

/* The patterns of a rule, by what they are matched against. */
typedef enum rw__subject {
    RW__USER,
    RW__SCHEMA,
    RW__PROGRAM,
    RW__DIGEST_TEXT,
    RW__TEXT,
    RW__SUBJECTS
} rw__subject;

typedef struct rw__regex_rule {
    rw_regex_rule def;
    rw__regex *patterns[RW__SUBJECTS]; /* NULL: matches everything */
    uint64_t digest;                   /* 0: any */
    rw__part *parts;
    size_t nparts;
} rw__regex_rule;

const rw__regex_rule *rw__regex_rules_get(const rw_regex_rules *r, size_t i);

#endif
