#include "chatter.h"

#include "admin_errno.h"

typedef struct variable {
    const char *name, *value;
} variable;

/* The ones that clients ask for. Sorted by name, as SHOW VARIABLES gives them. */
static const variable variables[] = {
    {"auto_increment_increment", "1"},
    {"autocommit", "1"},
    {"character_set_client", "utf8mb4"},
    {"character_set_connection", "utf8mb4"},
    {"character_set_database", "utf8mb4"},
    {"character_set_results", "utf8mb4"},
    {"character_set_server", "utf8mb4"},
    {"collation_connection", "utf8mb4_general_ci"},
    {"collation_database", "utf8mb4_general_ci"},
    {"collation_server", "utf8mb4_general_ci"},
    {"default_storage_engine", "none"},
    {"hostname", "straddle"},
    {"init_connect", ""},
    {"interactive_timeout", "28800"},
    {"license", "see README.md"},
    {"lower_case_table_names", "0"},
    {"max_allowed_packet", "1048576"},
    {"net_buffer_length", "16384"},
    {"net_read_timeout", "30"},
    {"net_write_timeout", "60"},
    {"performance_schema", "0"},
    {"protocol_version", "10"},
    {"query_cache_size", "0"},
    {"query_cache_type", "OFF"},
    {"sql_mode", ""},
    {"sql_select_limit", "18446744073709551615"},
    {"system_time_zone", "UTC"},
    {"time_zone", "SYSTEM"},
    {"transaction_isolation", "REPEATABLE-READ"},
    {"transaction_read_only", "0"},
    {"tx_isolation", "REPEATABLE-READ"},
    {"tx_read_only", "0"},
    {"version", ADM__SERVER_VERSION},
    {"version_comment", "Straddle admin console; HELP lists the commands"},
    {"version_compile_machine", "x86_64"},
    {"version_compile_os", "Linux"},
    {"wait_timeout", "28800"},
};
enum { NVARIABLES = sizeof variables / sizeof variables[0] };

static const char *variable_value(b_slice name)
{
    for (size_t i = 0; i < NVARIABLES; i++)
        if (b_slice_ieq(b_slice_str(variables[i].name), name)) return variables[i].value;
    return NULL;
}

/* ---- SELECT of constants ---- */

enum { MAX_ITEMS = 64 };

typedef struct item {
    b_slice name, value; /* value.p NULL: NULL */
} item;

static b_slice drop(b_slice s, size_t n)
{
    return b_slice_of(s.p + n, s.n - n);
}

/* Cuts the next list item off: to the next comma that is not in quotes. */
static b_slice cut_item(b_slice *list)
{
    char quote = '\0';
    size_t i = 0;
    for (; i < list->n; i++) {
        char c = list->p[i];
        if (quote != '\0')
            quote = c == quote ? '\0' : quote;
        else if (c == '\'' || c == '"' || c == '`')
            quote = c;
        else if (c == ',')
            break;
    }
    b_slice one = b_slice_trim(b_slice_of(list->p, i));
    *list = drop(*list, i < list->n ? i + 1 : i);
    return one;
}

/* The alias of an item, unquoted; what stands before it is left in *expr. */
static b_slice cut_alias(b_slice *expr, b_arena *arena)
{
    adm__words in = adm__words_of(*expr, arena);
    adm__word first, word, last = {0};
    size_t n = 0;
    b_slice whole = *expr;
    if (!adm__next(&in, &first)) return whole;
    while (adm__next(&in, &word)) n++, last = word;
    bool as = n == 2, bare = n == 1 && last.text.n > 0 && last.text.p[0] != '(';
    if (!as && !bare) return whole;
    *expr = first.raw;
    return last.text;
}

static bool function_value(b_slice e, const adm__self *self, b_arena *arena, b_slice *out)
{
    const char *account = b_arena_printf(arena, "%s@%s", self->user, self->peer);
    const struct {
        const char *call;
        b_slice value;
    } functions[] = {
        {"database()", b_slice_str(self->schema)},
        {"schema()", b_slice_str(self->schema)},
        {"version()", B_LIT(ADM__SERVER_VERSION)},
        {"user()", b_slice_str(account)},
        {"session_user()", b_slice_str(account)},
        {"current_user()", b_slice_str(account)},
        {"current_user", b_slice_str(account)},
        {"connection_id()", b_slice_str(b_arena_printf(arena, "%u", self->id))},
        {"null", {NULL, 0}},
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (b_slice_ieq(e, b_slice_str(functions[i].call))) {
            *out = functions[i].value;
            return true;
        }
    return false;
}

/* @@x, @@session.x, @@global.x, a function from the list, a number or a string. */
static bool value_of(b_slice e, const adm__self *self, b_arena *arena, adm__answer *a, b_slice *out)
{
    if (e.n > 2 && e.p[0] == '@' && e.p[1] == '@') {
        b_slice name = drop(e, 2);
        size_t dot = b_slice_find(name, B_LIT("."));
        if (dot != (size_t)-1) name = drop(name, dot + 1);
        *out = b_slice_str(variable_value(name));
        if (out->p != NULL) return true;
        a->sql_errno = ADM__VARIABLE;
        (void)b_fail(
            &a->err, B_NOT_FOUND,
            "Unknown system variable '%.*s'; this is the Straddle admin console, HELP lists its commands",
            B_ARG(name));
        return true;
    }
    if (e.n > 0 && (e.p[0] == '\'' || e.p[0] == '"')) {
        adm__words in = adm__words_of(e, arena);
        adm__word w;
        bool ok = adm__next(&in, &w) && !w.bad && in.left.n == 0;
        *out = w.text;
        return ok;
    }
    size_t digits = 0;
    while (digits < e.n && e.p[digits] >= '0' && e.p[digits] <= '9') digits++;
    *out = e;
    return (digits == e.n && e.n > 0) || function_value(e, self, arena, out);
}

/* Cuts " LIMIT n" and " FROM DUAL" off the end. */
static b_slice cut_tail(b_slice list, b_arena *arena)
{
    adm__words in = adm__words_of(list, arena);
    adm__word w;
    while (adm__next(&in, &w))
        if (adm__is(&w, "limit") || adm__is(&w, "from"))
            return b_slice_trim(b_slice_of(list.p, (size_t)(w.raw.p - list.p)));
    return list;
}

static bool from_table(b_slice list, b_arena *arena)
{
    adm__words in = adm__words_of(list, arena);
    adm__word w;
    while (adm__next(&in, &w))
        if (adm__is(&w, "from")) return !adm__next(&in, &w) || !adm__is(&w, "dual");
    return false;
}

static bool answer_select(adm__words *in, const adm__self *self, adm__answer *a)
{
    item items[MAX_ITEMS];
    size_t n = 0;
    b_slice list = adm__rest(in);
    if (from_table(list, in->arena)) return false;
    list = cut_tail(list, in->arena);
    while (list.n > 0) {
        b_slice expr = cut_item(&list);
        if (n == MAX_ITEMS) return false;
        items[n].name = cut_alias(&expr, in->arena);
        if (!value_of(expr, self, in->arena, a, &items[n].value)) return false;
        if (a->sql_errno != 0) return true;
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = b_arena_dup(in->arena, items[i].name).p;
        b_table_column(a->out, name == NULL ? "" : name);
    }
    if (n > 0) b_table_row(a->out);
    for (size_t i = 0; i < n; i++)
        items[i].value.p == NULL ? b_table_null(a->out) : b_table_add(a->out, items[i].value);
    return n > 0;
}

/* ---- SHOW ---- */

/* LIKE with % and _, without regard to case. Bounded by the length of both. */
static bool like(b_slice s, b_slice pattern)
{
    size_t i = 0, j = 0, star = (size_t)-1, mark = 0;
    while (i < s.n) {
        bool escaped = j + 1 < pattern.n && pattern.p[j] == '\\';
        if (j < pattern.n && !escaped && pattern.p[j] == '%') {
            star = j++, mark = i;
        } else if (j < pattern.n && ((!escaped && pattern.p[j] == '_') ||
                                     b_lower(pattern.p[j + escaped]) == b_lower(s.p[i]))) {
            i++, j += 1 + (size_t)escaped;
        } else if (star != (size_t)-1) {
            j = star + 1, i = ++mark;
        } else {
            return false;
        }
    }
    while (j < pattern.n && pattern.p[j] == '%') j++;
    return j == pattern.n;
}

static void show_variables(adm__words *in, adm__answer *a)
{
    adm__word w, pattern = {.text = B_LIT("%")};
    if (adm__next(in, &w) && adm__is(&w, "like") && !adm__next(in, &pattern)) pattern.text = B_LIT("%");
    b_table_column(a->out, "Variable_name");
    b_table_column(a->out, "Value");
    for (size_t i = 0; i < NVARIABLES; i++) {
        if (!like(b_slice_str(variables[i].name), pattern.text)) continue;
        b_table_row(a->out);
        b_table_str(a->out, variables[i].name);
        b_table_str(a->out, variables[i].value);
    }
}

/* Answers that are always empty, or hold one row. */
static const struct {
    const char *what, *columns[4], *row;
} shows[] = {
    {"databases", {"Database"}, "straddle"},
    {"schemas", {"Database"}, "straddle"},
    {"tables", {"Tables_in_straddle"}, NULL},
    {"warnings", {"Level", "Code", "Message"}, NULL},
    {"errors", {"Level", "Code", "Message"}, NULL},
    {"status", {"Variable_name", "Value"}, NULL},
    {"collation", {"Collation", "Charset", "Id", "Default"}, NULL},
    {"charset", {"Charset", "Description", "Default collation", "Maxlen"}, NULL},
    {"character", {"Charset", "Description", "Default collation", "Maxlen"}, NULL},
    {"engines", {"Engine", "Support", "Comment"}, NULL},
    {"storage", {"Engine", "Support", "Comment"}, NULL},
    {"plugins", {"Name", "Status", "Type", "Library"}, NULL},
    {"procedure", {"Db", "Name", "Type", "Definer"}, NULL},
    {"function", {"Db", "Name", "Type", "Definer"}, NULL},
    {"triggers", {"Trigger", "Event", "Table"}, NULL},
    {"events", {"Db", "Name", "Definer"}, NULL},
};

static bool answer_show(adm__words *in, adm__answer *a)
{
    adm__word w;
    do {
        if (!adm__next(in, &w)) return false;
    } while (adm__is(&w, "session") || adm__is(&w, "global") || adm__is(&w, "full"));
    if (adm__is(&w, "variables")) {
        show_variables(in, a);
        return true;
    }
    for (size_t i = 0; i < sizeof shows / sizeof shows[0]; i++) {
        if (!adm__is(&w, shows[i].what)) continue;
        for (size_t j = 0; j < 4 && shows[i].columns[j] != NULL; j++)
            b_table_column(a->out, shows[i].columns[j]);
        if (shows[i].row != NULL) b_table_row(a->out), b_table_str(a->out, shows[i].row);
        return true;
    }
    return false;
}

/* ---- all ---- */

static bool answer_use(adm__words *in, adm__answer *a)
{
    adm__word w;
    if (!adm__next(in, &w) || w.bad) return false;
    a->schema = w.text;
    return true;
}

bool adm__chatter(b_slice sql, const adm__self *self, b_arena *arena, adm__answer *a)
{
    adm__words in = adm__words_of(sql, arena);
    adm__word first, second = {0};
    if (!adm__next(&in, &first)) return true; /* only a comment, or nothing: OK */
    if (adm__is(&first, "select")) return answer_select(&in, self, a);
    if (adm__is(&first, "show")) return answer_show(&in, a);
    if (adm__is(&first, "use")) return answer_use(&in, a);
    bool more = adm__next(&in, &second);
    if (adm__is(&first, "set"))
        return more && !adm__is(&second, "backfill") && !adm__is(&second, "log") &&
               !adm__is(&second, "guard");
    if (adm__is(&first, "start")) return more && adm__is(&second, "transaction");
    bool work = !more || adm__is(&second, "work");
    return work && (adm__is(&first, "begin") || adm__is(&first, "commit") || adm__is(&first, "rollback"));
}
