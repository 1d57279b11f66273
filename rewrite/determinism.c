/* May an expression be evaluated twice? Only what is known to give the same value each time, and to change
 * nothing, is said to be so; a function that is in no list may be anybody's.
 *
 * The list holds functions that both servers have, or that the one which has them gives this meaning. A name
 * of the list always means the server's own function: stored functions of such names can only be called
 * qualified, and a qualified call is never said to be deterministic. */
#include "resolve.h"

static const char *const deterministic_functions[] = {
    "abs",
    "acos",
    "adddate",
    "addtime",
    "aes_decrypt",
    "aes_encrypt",
    "ascii",
    "asin",
    "atan",
    "atan2",
    "bin",
    "binary",
    "bit_count",
    "bit_length",
    "cast",
    "ceil",
    "ceiling",
    "char",
    "char_length",
    "character_length",
    "charset",
    "chr",
    "coalesce",
    "coercibility",
    "collation",
    "compress",
    "concat",
    "concat_ws",
    "connection_id",
    "conv",
    "convert",
    "convert_tz",
    "cos",
    "cot",
    "crc32",
    "curdate",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "curtime",
    "database",
    "date",
    "date_add",
    "date_format",
    "date_sub",
    "datediff",
    "day",
    "dayname",
    "dayofmonth",
    "dayofweek",
    "dayofyear",
    "degrees",
    "elt",
    "exp",
    "export_set",
    "extract",
    "field",
    "find_in_set",
    "floor",
    "format",
    "from_base64",
    "from_days",
    "from_unixtime",
    "get_format",
    "greatest",
    "hex",
    "hour",
    "if",
    "ifnull",
    "inet6_aton",
    "inet6_ntoa",
    "inet_aton",
    "inet_ntoa",
    "insert",
    "instr",
    "interval",
    "is_ipv4",
    "is_ipv6",
    "isnull",
    "json_array",
    "json_array_append",
    "json_array_insert",
    "json_compact",
    "json_contains",
    "json_contains_path",
    "json_depth",
    "json_extract",
    "json_insert",
    "json_keys",
    "json_length",
    "json_merge",
    "json_merge_patch",
    "json_merge_preserve",
    "json_object",
    "json_pretty",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_search",
    "json_set",
    "json_type",
    "json_unquote",
    "json_valid",
    "json_value",
    "last_day",
    "lcase",
    "least",
    "left",
    "length",
    "ln",
    "localtime",
    "localtimestamp",
    "locate",
    "log",
    "log10",
    "log2",
    "lower",
    "lpad",
    "ltrim",
    "make_set",
    "makedate",
    "maketime",
    "md5",
    "microsecond",
    "mid",
    "minute",
    "mod",
    "month",
    "monthname",
    "now",
    "nullif",
    "nvl",
    "nvl2",
    "oct",
    "octet_length",
    "ord",
    "period_add",
    "period_diff",
    "pi",
    "position",
    "pow",
    "power",
    "quarter",
    "quote",
    "radians",
    "regexp_instr",
    "regexp_like",
    "regexp_replace",
    "regexp_substr",
    "repeat",
    "replace",
    "reverse",
    "right",
    "round",
    "rpad",
    "rtrim",
    "schema",
    "sec_to_time",
    "second",
    "session_user",
    "sha",
    "sha1",
    "sha2",
    "sign",
    "sin",
    "soundex",
    "space",
    "sqrt",
    "str_to_date",
    "strcmp",
    "subdate",
    "substr",
    "substring",
    "substring_index",
    "subtime",
    "system_user",
    "tan",
    "time",
    "time_format",
    "time_to_sec",
    "timediff",
    "timestamp",
    "timestampadd",
    "timestampdiff",
    "to_base64",
    "to_char",
    "to_days",
    "to_seconds",
    "trim",
    "truncate",
    "ucase",
    "uncompress",
    "uncompressed_length",
    "unhex",
    "unix_timestamp",
    "upper",
    "user",
    "bin_to_uuid",
    "is_uuid",
    "uuid_to_bin",
    "utc_date",
    "utc_time",
    "utc_timestamp",
    "version",
    "week",
    "weekday",
    "weekofyear",
    "weight_string",
    "year",
    "yearweek",
};

static bool known_function(b_slice name)
{
    for (size_t i = 0; i < sizeof deterministic_functions / sizeof *deterministic_functions; i++) {
        if (b_slice_ieq(name, b_slice_str(deterministic_functions[i]))) {
            return true;
        }
    }
    return false;
}

/* NEXT VALUE FOR s, PREVIOUS VALUE FOR s: whatever the tree makes of them, the words show. */
static bool names_sequence(const rw_planner *p, const rw_expr *e)
{
    for (uint32_t i = e->tok; i + 2 < e->end; i++) {
        const rw_token *t = &p->t->tok[i];
        if (t[0].kind == RW_TOK_IDENT && t[1].kind == RW_TOK_IDENT && t[2].kind == RW_TOK_IDENT &&
            t[1].word == RW_W_VALUE && t[2].word == RW_W_FOR) {
            return true;
        }
    }
    return false;
}

/* What reads as a column and is none under sql_mode ORACLE. */
static bool oracle_function(const rw_planner *p, const rw_name *name)
{
    static const char *const bare[] = {"sysdate", "rownum", "systimestamp"};
    b_slice last = name->part[name->n - 1];

    if ((p->ctx->sql_mode & RW_MODE_ORACLE) == 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
        if (name->n == 1 && b_slice_ieq(last, b_slice_str(bare[i]))) {
            return true;
        }
    }
    return b_slice_ieq(last, B_LIT("nextval")) || b_slice_ieq(last, B_LIT("currval"));
}

static bool deterministic_list(const rw_planner *p, const rw_expr *e);

static bool deterministic_one(const rw_planner *p, const rw_expr *e)
{
    switch (e->kind) {
    case RW_E_LITERAL:
    case RW_E_PARAM: return true;
    case RW_E_COLUMN: return !oracle_function(p, &e->name);
    case RW_E_USERVAR: /* the emitters look for assignments in the rest of the statement */
    case RW_E_DEFAULT_OF:
    case RW_E_VALUES_OF: return true;
    case RW_E_FUNC:
        return e->name.n == 1 && e->over == NULL && known_function(e->name.part[0]) &&
               deterministic_list(p, e->kids);
    case RW_E_OP: return !names_sequence(p, e) && deterministic_list(p, e->kids);
    case RW_E_STAR:
    case RW_E_SUBQUERY:
    case RW_E_SYSVAR:
    case RW_E_ASSIGN:
    case RW_E_DEFAULT: /* its expression may be anything, and it stands for no value elsewhere */
    case RW_E_MATCH: return false;
    }
    return false;
}

static bool deterministic_list(const rw_planner *p, const rw_expr *e)
{
    for (; e != NULL; e = e->next) {
        if (!deterministic_one(p, e)) {
            return false;
        }
    }
    return true;
}

bool rw__deterministic(const rw_planner *p, const rw_expr *e)
{
    return e != NULL && deterministic_one(p, e);
}

static bool window_has_subquery(const rw_window *w)
{
    for (; w != NULL; w = w->next) {
        if (rw__has_subquery(w->exprs)) {
            return true;
        }
    }
    return false;
}

bool rw__has_subquery(const rw_expr *e)
{
    for (; e != NULL; e = e->next) {
        if (e->kind == RW_E_SUBQUERY || rw__has_subquery(e->kids) || window_has_subquery(e->over)) {
            return true;
        }
    }
    return false;
}
