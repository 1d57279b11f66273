/* The rewriter: one statement in, one statement out, or a refusal.
 *
 * A pure function of its arguments: no I/O, no clock, no globals, any number of threads. Output lives in
 * the caller's arena. RW_PASS means the output is the input. Work and memory are bounded by the length of
 * the input and a nesting limit. Never silently wrong: what cannot be proved right is RW_REFUSED. */
#ifndef REWRITE_REWRITE_H
#define REWRITE_REWRITE_H

#include "base/buf.h"
#include "rewrite/ruleset.h"

/* sql_mode, the part that matters. */
enum {
    RW_MODE_ANSI_QUOTES = 1 << 0,
    RW_MODE_NO_BACKSLASH_ESCAPES = 1 << 1,
    RW_MODE_PIPES_AS_CONCAT = 1 << 2,
    RW_MODE_IGNORE_SPACE = 1 << 3,
    RW_MODE_HIGH_NOT_PRECEDENCE = 1 << 4,
    RW_MODE_STRICT = 1 << 5, /* STRICT_TRANS_TABLES or STRICT_ALL_TABLES */
    RW_MODE_SIMULTANEOUS_ASSIGNMENT = 1 << 6,
    RW_MODE_ORACLE = 1 << 7, /* MariaDB */
    RW_MODE_NO_AUTO_VALUE_ON_ZERO = 1 << 8,
    RW_MODE_EMPTY_STRING_IS_NULL = 1 << 9,
    /* Those that change how a text is cut and read: they count when it is parsed, the others when it runs. */
    RW_READING_MODES = RW_MODE_ANSI_QUOTES | RW_MODE_NO_BACKSLASH_ESCAPES | RW_MODE_PIPES_AS_CONCAT |
                       RW_MODE_IGNORE_SPACE | RW_MODE_HIGH_NOT_PRECEDENCE | RW_MODE_ORACLE,
};

/* From the text of @@sql_mode: "ANSI_QUOTES,STRICT_TRANS_TABLES". Other modes are passed over. */
uint32_t rw_sql_mode_parse(b_slice text);

/* From a name such as "utf8mb4" or "gbk"; RW_CHARSET_UNKNOWN where it is none that is known. */
rw_charset rw_charset_parse(b_slice name);
/* Its number, for rw_ctx.spelling; 0 where it is none that is known. */
uint8_t rw_charset_number(b_slice name);

/* A statement that this session has prepared by name: PREPARE name FROM …. */
typedef struct rw_named {
    b_slice name;
    b_slice text; /* the client's; p NULL: not known */
    b_slice sent; /* what the server has in its place */
    uint32_t sql_mode;
    rw_charset charset;
    b_slice schema; /* these three: as they were at PREPARE */
    bool lost;      /* its PREPARE was refused: the client has none of this name */
    bool unsure;    /* a routine was called since, which may have prepared another one of this name */
    bool here;      /* the text itself has prepared it */
} rw_named;

/* The value of an expression, as the session has read it from the server: see rw_result.ask. */
typedef struct rw_answer {
    b_slice source, value; /* source.p NULL: none was read */
    bool null;
} rw_answer;

/* What a statement is rewritten for. */
typedef struct rw_ctx {
    uint32_t sql_mode;
    rw_charset charset;
    uint8_t spelling;  /* the client character set itself: rw_charset_number(). How names outside ASCII are
                          spelt; 0: not told, and so are refused where `charset` is none of UTF-8 */
    b_slice schema;    /* default schema, in UTF-8; empty: none chosen */
    b_slice time_zone; /* the session's, as @@time_zone; empty: not known */
    rw_version version;
    const rw_table_name *temps; /* this session's temporary tables */
    size_t ntemps;
    const rw_named *named; /* this session's statements that have names */
    size_t nnamed;
    bool named_unseen; /* there may be others */
    rw_answer answer;
    bool multi;    /* CLIENT_MULTI_STATEMENTS is on */
    bool prepared; /* the text is to be prepared: `?` is a placeholder */
} rw_ctx;

typedef enum rw_verdict { RW_PASS, RW_REWRITTEN, RW_REFUSED } rw_verdict;

/* Where each placeholder of the output gets its value: source[i] is the index of the input placeholder. */
typedef struct rw_param_map {
    const uint32_t *source;
    uint32_t nout, nin;
    bool identity; /* nout == nin and source[i] == i: nothing to do at EXECUTE */
} rw_param_map;

/* A migration's columns as this statement used them; for counters and the census of the old name. */
typedef struct rw_use {
    uint32_t migration;      /* index in the ruleset */
    bool old_name, new_name; /* named outright, or meant by the client's schema version (`*`, no list) */
    bool write;
} rw_use;

/* What the statement changes for later ones, to be applied once the server has said OK. */
typedef struct rw_effect {
    enum {
        RW_EFFECT_TEMP_CREATED,
        RW_EFFECT_TEMP_DROPPED,
        RW_EFFECT_STATE_UNKNOWN,
        RW_EFFECT_NAMED,   /* PREPARE */
        RW_EFFECT_UNNAMED, /* DEALLOCATE */
        RW_EFFECT_UNSEEN   /* statements may have been prepared by names that are not known */
    } kind;
    rw_table_name table;      /* for the TEMP kinds; schema filled in */
    b_slice name, text, sent; /* NAMED: as in rw_named; UNNAMED: name */
} rw_effect;

/* A statement that EXECUTE names and that touches a migrating table. */
typedef struct rw_renewal {
    b_slice name;
    b_slice sql;  /* PREPARE of what it is to be now, to be said in the context of its own PREPARE */
    b_slice sent; /* rw_named.sent once that is done */
    bool stale;   /* it is not what the server has */
} rw_renewal;

/* Names that the server may put into an error, warning or column definition, and what the client is shown
 * instead: `physical` becomes `shown`. */
typedef struct rw_shown {
    rw_table_name table;
    b_slice physical, shown;
    b_slice aliases; /* by which the statement calls the table besides, each ended by NUL */
    bool read;       /* reads go to `physical`: a result column of its name is it, and no alias */
} rw_shown;

/* A migrating table in `switched` whose columns may be in the result, and come there straight from it. */
typedef struct rw_origin {
    b_slice schema, called; /* what the statement calls it */
    bool nulls;             /* on the inner side of an outer join: NULL where a column is NOT NULL */
} rw_origin;

typedef struct rw_result {
    rw_verdict verdict;
    b_slice sql; /* what to send; the input itself for RW_PASS, empty for RW_REFUSED */

    /* RW_REFUSED: what to answer. error is 1235 and sqlstate 42000 unless the plain table would have given
     * an error of its own. message begins with "straddle: " in the former case, says which construct, and
     * what to do. code is a short fixed word for counting: "ddl", "view", "unknown_statement", … */
    unsigned error;
    const char *sqlstate;
    b_slice message;
    const char *code;

    rw_param_map params;
    const rw_use *uses;
    size_t nuses;
    const rw_effect *effects; /* RW_REFUSED: NAMED ones, whose statements are lost; their text is empty */
    size_t neffects;
    const rw_shown *shown;
    size_t nshown;
    const rw_origin *origins;
    size_t norigins;
    /* SHOW CREATE TABLE of this table (schema.n > 0): what the server answers goes through rw_show_create().
     */
    rw_table_name show_create;
    /* EXECUTE: what has to be true of the server first. */
    const rw_renewal *renewals;
    size_t nrenewals;
    b_slice executed; /* EXECUTE, alone, of a text that is known: that text */
    /* RW_REFUSED: the value of this expression is wanted, from the server: again with ctx->answer. Empty:
     * nothing is. */
    b_slice ask;
    b_slice zone;    /* the time zone that the session has to be in when it runs; empty: any */
    uint64_t digest; /* of the statement with its literals taken out; 0 where it was not lexed */
    bool cached;     /* the plan came from the cache */
} rw_result;

/* Rewrites sql, which may be several statements when ctx->multi. All or none: one refused, all refused.
 * B_OK with *out filled, or B_NOMEM (answer with an error; never forward). */
b_status rw_rewrite(const rw_ruleset *r, const rw_ctx *ctx, b_slice sql, b_arena *arena,
                    rw_result *out) B_MUSTCHECK;

/* The server has answered this text, the one that it was sent, with an error about a name, and with nothing
 * before it: is that proof that nothing of the text was carried out? False where it is not. */
bool rw_fails_early(const rw_ruleset *r, const rw_ctx *ctx, b_slice sql, b_arena *arena);

/* The text that SHOW CREATE TABLE has of a migrating table, as the plain table of ctx's schema version would
 * have it; sql_mode, version and charset of *ctx count. Appends to *out. B_INVALID when the text is not
 * understood, and must not be shown. */
b_status rw_show_create(const rw_ruleset *r, const rw_ctx *ctx, const rw_table_name *table, b_slice text,
                        b_arena *arena, b_buf *out) B_MUSTCHECK;

/* A pair of columns in the answer to COM_FIELD_LIST. */
typedef struct rw_field {
    b_slice read;  /* the definition under this name becomes `shown` */
    b_slice drop;  /* that under this one is left out */
    b_slice shown; /* in its place */
    b_slice last;  /* and once more behind all others, by this name; empty: not */
    const rw_pair *pair;
} rw_field;

typedef struct rw_fields {
    const rw_field *fields;
    size_t n;        /* 0: the table is no migrating one */
    b_slice refused; /* the message; empty: it is not */
    uint32_t migration;
} rw_fields;

/* For the table of that name in ctx's schema. *out lies in the arena and borrows from r. */
b_status rw_field_list(const rw_ruleset *r, const rw_ctx *ctx, b_slice table, b_slice pattern, b_arena *arena,
                       rw_fields *out) B_MUSTCHECK;

/* A bounded cache of plans, from the lexed digest (with the whole normalised text, schema, sql_mode,
 * character set, epoch and schema version as key) to an edit script. One thread. */
typedef struct rw_cache rw_cache;

typedef struct rw_cache_stats {
    uint64_t hits, misses, evictions, uncacheable;
    size_t entries, bytes;
} rw_cache_stats;

rw_cache *rw_cache_new(size_t max_entries); /* NULL when out of memory */
void rw_cache_free(rw_cache *c);
rw_cache_stats rw_cache_get_stats(const rw_cache *c);

/* As rw_rewrite, through the cache (NULL: without). */
b_status rw_rewrite_cached(rw_cache *c, const rw_ruleset *r, const rw_ctx *ctx, b_slice sql, b_arena *arena,
                           rw_result *out) B_MUSTCHECK;

/* Appends comment lines that show the tokens of sql, its tree, scopes, what names were found to be, the
 * verdict and the edits; for people. */
b_status rw_explain(const rw_ruleset *r, const rw_ctx *ctx, b_slice sql, b_arena *arena,
                    b_buf *out) B_MUSTCHECK;

/* Splits a script at `;`, as the lexer sees it. *rest moves on; false at the end. *stmt has no `;`. */
bool rw_split(const rw_ctx *ctx, rw_server server, b_slice *rest, b_slice *stmt);

/* Statement text with literals as `?` and white space folded, for people: SHOW USAGE, SHOW REFUSALS. At most
 * max bytes. */
b_slice rw_digest_text(const rw_ctx *ctx, rw_server server, b_slice sql, b_arena *arena, size_t max);

#endif
