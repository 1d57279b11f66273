/* The keys of the configuration as tables: what each is called, its type, its default, its bounds, its
 * meaning, and where its value goes. One list serves reading, suggestions for unknown keys and the reference
 * in docs. */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include "tree.h"

#include "config/config.h"

typedef enum cfg__kind {
    CFG__TEXT,        /* char * */
    CFG__PATH,        /* char *: of a file, made absolute */
    CFG__IDENT,       /* char *: a name of a column, in ASCII */
    CFG__TABLE,       /* schema.table: two char *, at offset and at count */
    CFG__WORD,        /* an enum, from words */
    CFG__U32,         /* uint32_t in min..max */
    CFG__U64,         /* uint64_t in min..max */
    CFG__THREADS,     /* unsigned: auto, or a number in min..max */
    CFG__BOOL,        /* bool */
    CFG__PACE_TEXT,   /* char *: checked by cfg__pace_text_check */
    CFG__ADDRESS,     /* cfg_address */
    CFG__NETWORKS,    /* cfg_network array at offset, their number at count; written with commas between */
    CFG__SECRET,      /* char *: the value itself */
    CFG__SECRET_ENV,  /* char *: name of an environment variable */
    CFG__SECRET_FILE, /* char *: name of a file */
    CFG__MAP,         /* a map within the same object */
    CFG__STRUCT,      /* a map whose object lies at offset */
    CFG__LIST,        /* array of objects at offset, their number at count */
    CFG__POINTERS     /* the same, array of pointers to objects */
} cfg__kind;

typedef struct cfg__word {
    const char *name;
    unsigned value;
} cfg__word;

typedef struct cfg__map cfg__map;

typedef struct cfg__key {
    const char *name;
    cfg__kind kind;
    size_t offset, count;
    bool required;
    const char *def; /* default, as it would be written; NULL = none */
    uint64_t min, max;
    const cfg__word *words; /* ended by a NULL name */
    const cfg__map *map;
    const char *meaning;
} cfg__key;

struct cfg__map {
    const char *what; /* for messages: "a listener" */
    size_t size;      /* of the object */
    const cfg__key *keys;
    size_t nkeys;
};

/* What is read into: the snapshot, and what is only needed for checking it. */
typedef struct cfg__draft {
    cfg_config c; /* first: the tables use offsets in it */
    bool allow_remote;
} cfg__draft;

extern const cfg__map cfg__root_map, cfg__migration_map, cfg__pace_map, cfg__rule_map;

/* pace.c: is that a value for this key of the backfill? */
b_status cfg__pace_text_check(const char *key, const char *value, b_err *err) B_MUSTCHECK;

#endif
