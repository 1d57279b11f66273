/* See mtr.h. */
#include "mtr.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_DEPTH = 6 }; /* of files that source each other */

typedef struct script {
    char *path, *text;
    size_t n, pos;
    unsigned line;
} script;

typedef struct variable {
    char *name, *value;
    struct variable *next;
} variable;

struct mtr {
    const char *root;
    script stack[MAX_DEPTH];
    size_t depth;
    char *first; /* text of the script that was asked for; owned by stack[0] */
    size_t first_n;
    char delimiter[32];
    variable *variables;
    b_buf command, expanded;
    unsigned left_out;
};

/* ---- files ------------------------------------------------------------------------------------------ */

static bool push(mtr *m, const char *path)
{
    FILE *f = m->depth == MAX_DEPTH ? NULL : fopen(path, "rb");
    b_buf b = {0};
    if (f == NULL) return false;
    while (b_buf_reserve(&b, 65536)) {
        size_t got = fread(b.p + b.n, 1, 65536, f);
        if (got == 0) break;
        b.n += got;
    }
    fclose(f);
    m->stack[m->depth++] = (script){.path = strdup(path), .text = b.p, .n = b.n, .line = 1};
    return true;
}

static void pop(mtr *m)
{
    script *s = &m->stack[--m->depth];
    free(s->path);
    if (m->depth > 0) free(s->text);
}

mtr *mtr_open(const char *root, const char *path)
{
    mtr *m = calloc(1, sizeof *m);
    if (m == NULL) return NULL;
    m->root = root;
    strcpy(m->delimiter, ";");
    if (!push(m, path)) {
        free(m);
        return NULL;
    }
    m->first = m->stack[0].text;
    m->first_n = m->stack[0].n;
    return m;
}

void mtr_close(mtr *m)
{
    if (m == NULL) return;
    while (m->depth > 0) pop(m);
    free(m->first);
    while (m->variables != NULL) {
        variable *v = m->variables;
        m->variables = v->next;
        free(v->name);
        free(v->value);
        free(v);
    }
    b_buf_deinit(&m->command);
    b_buf_deinit(&m->expanded);
    free(m);
}

b_slice mtr_text(const mtr *m)
{
    return b_slice_of(m->first == NULL ? "" : m->first, m->first_n);
}

unsigned mtr_left_out(const mtr *m)
{
    return m->left_out;
}

/* ---- variables -------------------------------------------------------------------------------------- */

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static variable *find(mtr *m, b_slice name)
{
    for (variable *v = m->variables; v != NULL; v = v->next)
        if (b_slice_eq(b_slice_str(v->name), name)) return v;
    return NULL;
}

/* value.p NULL: the value is not known. */
static void set(mtr *m, b_slice name, b_slice value)
{
    variable *v = find(m, name);
    if (v == NULL) {
        v = calloc(1, sizeof *v);
        if (v == NULL) return;
        v->name = strndup(name.p, name.n);
        v->next = m->variables;
        m->variables = v;
    }
    free(v->value);
    v->value = value.p == NULL ? NULL : strndup(value.p, value.n);
}

/* Puts the values of variables into the text. False when one of them is not known. */
static bool expand(mtr *m, b_slice text, b_buf *out)
{
    b_buf_clear(out);
    for (size_t i = 0; i < text.n; i++) {
        size_t end = i + 1;
        if (text.p[i] == '\\' && end < text.n && text.p[end] == '$') continue;
        while (text.p[i] == '$' && end < text.n && name_char(text.p[end])) end++;
        if (end == i + 1) {
            b_buf_char(out, text.p[i]);
            continue;
        }
        const variable *v = find(m, b_slice_of(text.p + i + 1, end - i - 1));
        if (v == NULL || v->value == NULL) return false;
        b_buf_str(out, v->value);
        i = end - 1;
    }
    return !out->failed;
}

/* let $name= value */
static void let(mtr *m, b_slice rest)
{
    rest = b_slice_trim(rest);
    if (rest.n > 0 && rest.p[0] == '$') rest.p++, rest.n--;
    size_t n = 0;
    while (n < rest.n && name_char(rest.p[n])) n++;
    b_slice name = {rest.p, n}, value = b_slice_trim(b_slice_of(rest.p + n, rest.n - n));
    if (name.n == 0 || value.n == 0 || value.p[0] != '=') return;
    value = b_slice_trim(b_slice_of(value.p + 1, value.n - 1));
    bool computed = value.n > 0 && (value.p[0] == '`' || b_slice_istarts(value, B_LIT("query_get_value")));
    b_buf text = {0};
    bool known = !computed && expand(m, value, &text);
    set(m, name, known ? b_buf_view(&text) : (b_slice){NULL, 0});
    b_buf_deinit(&text);
}

/* ---- characters ------------------------------------------------------------------------------------- */

static script *top(mtr *m)
{
    return &m->stack[m->depth - 1];
}

static bool at(const script *s, const char *text)
{
    size_t n = strlen(text);
    return s->n - s->pos >= n && memcmp(s->text + s->pos, text, n) == 0;
}

static char take(script *s)
{
    char c = s->text[s->pos++];
    s->line += c == '\n';
    return c;
}

static b_slice take_line(script *s)
{
    size_t from = s->pos;
    while (s->pos < s->n && s->text[s->pos] != '\n') s->pos++;
    b_slice line = {s->text + from, s->pos - from};
    if (s->pos < s->n) take(s);
    return line;
}

static void skip_space(script *s)
{
    while (s->pos < s->n && isspace((unsigned char)s->text[s->pos])) take(s);
}

/* ---- commands --------------------------------------------------------------------------------------- */

/* Up to the delimiter that stands outside quotes. */
static void read_statement(mtr *m, script *s, b_buf *out)
{
    char quote = '\0';
    b_buf_clear(out);
    while (s->pos < s->n) {
        if (quote == '\0' && at(s, m->delimiter)) {
            s->pos += strlen(m->delimiter);
            return;
        }
        char c = take(s);
        b_buf_char(out, c);
        if (quote == '\0' && (c == '\'' || c == '"' || c == '`')) {
            quote = c;
        } else if (quote != '\0' && c == '\\' && s->pos < s->n) {
            b_buf_char(out, take(s));
        } else if (c == quote) {
            quote = '\0';
        }
    }
}

static bool starts_word(const script *s, const char *word)
{
    size_t n = strlen(word);
    b_slice rest = {s->text + s->pos, s->n - s->pos};
    return b_slice_istarts(rest, b_slice_of(word, n)) && (rest.n == n || !name_char(rest.p[n]));
}

/* if (…) and while (…): the condition. */
static bool skip_condition(script *s)
{
    unsigned open = 0;
    char quote = '\0';
    if (!starts_word(s, "if") && !starts_word(s, "while")) return false;
    size_t pos = s->pos;
    while (pos < s->n && s->text[pos] != '(' &&
           (name_char(s->text[pos]) || isspace((unsigned char)s->text[pos])))
        pos++;
    if (pos == s->n || s->text[pos] != '(') return false;
    while (s->pos < pos) take(s);
    while (s->pos < s->n) {
        char c = take(s);
        if (quote != '\0') {
            if (c == quote) quote = '\0';
        } else if (c == '\'' || c == '"' || c == '`') {
            quote = c;
        } else if (c == '(') {
            open++;
        } else if (c == ')' && --open == 0) {
            return true;
        }
    }
    return true;
}

/* Text for write_file, perl and so on, up to a line that says so. */
static void skip_block(script *s, b_slice rest)
{
    b_slice end = B_LIT("EOF"), word = b_slice_trim(rest);
    size_t space = word.n;
    while (space > 0 && !isspace((unsigned char)word.p[space - 1])) space--;
    word = b_slice_of(word.p + space, word.n - space);
    bool upper = word.n > 0;
    for (size_t i = 0; i < word.n; i++)
        upper = upper && (isupper((unsigned char)word.p[i]) || word.p[i] == '_');
    if (upper) end = word;
    (void)take_line(s); /* the rest of the command's own line */
    while (s->pos < s->n)
        if (b_slice_eq(b_slice_trim(take_line(s)), end)) return;
}

static bool try_source(mtr *m, const char *folder, b_slice name)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%.*s", folder, B_ARG(name));
    return n > 0 && (size_t)n < sizeof path && push(m, path);
}

static void source(mtr *m, b_slice rest)
{
    b_buf name = {0};
    char folder[4096];
    if (m->depth < MAX_DEPTH && expand(m, b_slice_trim(rest), &name)) {
        snprintf(folder, sizeof folder, "%s", top(m)->path);
        char *slash = strrchr(folder, '/');
        if (slash != NULL) *slash = '\0';
        if (!try_source(m, m->root, b_buf_view(&name))) (void)try_source(m, folder, b_buf_view(&name));
    }
    b_buf_deinit(&name);
}

static void delimiter(mtr *m, b_slice rest)
{
    rest = b_slice_trim(rest);
    if (rest.n == 0 || rest.n >= sizeof m->delimiter) return;
    memcpy(m->delimiter, rest.p, rest.n);
    m->delimiter[rest.n] = '\0';
}

typedef enum action { SKIP, STATEMENT, EVAL, LET, SOURCE, DELIMITER, BLOCK } action;

static const struct {
    const char *word;
    action action;
} commands[] = {
    {"append_file", BLOCK},
    {"assert", SKIP},
    {"assume", SKIP},
    {"cat_file", SKIP},
    {"change_user", SKIP},
    {"character_set", SKIP},
    {"chmod", SKIP},
    {"connect", SKIP},
    {"connection", SKIP},
    {"copy_file", SKIP},
    {"copy_files_wildcard", SKIP},
    {"dec", SKIP},
    {"delimiter", DELIMITER},
    {"die", SKIP},
    {"diff_files", SKIP},
    {"dirty_close", SKIP},
    {"disable_abort_on_error", SKIP},
    {"disable_async_client", SKIP},
    {"disable_connect_log", SKIP},
    {"disable_cursor_protocol", SKIP},
    {"disable_info", SKIP},
    {"disable_metadata", SKIP},
    {"disable_parsing", SKIP},
    {"disable_ps2_protocol", SKIP},
    {"disable_ps_protocol", SKIP},
    {"disable_query_log", SKIP},
    {"disable_reconnect", SKIP},
    {"disable_result_log", SKIP},
    {"disable_rpl_parse", SKIP},
    {"disable_service_connection", SKIP},
    {"disable_session_track_info", SKIP},
    {"disable_testcase", SKIP},
    {"disable_view_protocol", SKIP},
    {"disable_warnings", SKIP},
    {"disable_non_blocking_api", SKIP},
    {"disable_prepare_warnings", SKIP},
    {"disconnect", SKIP},
    {"echo", SKIP},
    {"enable_abort_on_error", SKIP},
    {"enable_async_client", SKIP},
    {"enable_connect_log", SKIP},
    {"enable_cursor_protocol", SKIP},
    {"enable_info", SKIP},
    {"enable_metadata", SKIP},
    {"enable_parsing", SKIP},
    {"enable_ps2_protocol", SKIP},
    {"enable_ps_protocol", SKIP},
    {"enable_query_log", SKIP},
    {"enable_reconnect", SKIP},
    {"enable_result_log", SKIP},
    {"enable_rpl_parse", SKIP},
    {"enable_service_connection", SKIP},
    {"enable_session_track_info", SKIP},
    {"enable_testcase", SKIP},
    {"enable_view_protocol", SKIP},
    {"enable_warnings", SKIP},
    {"enable_prepare_warnings", SKIP},
    {"enable_non_blocking_api", SKIP},
    {"end_timer", SKIP},
    {"error", SKIP},
    {"eval", EVAL},
    {"eval_result", SKIP},
    {"evalp", EVAL},
    {"exec", SKIP},
    {"execw", SKIP},
    {"exec_in_background", SKIP},
    {"exit", SKIP},
    {"expr", SKIP},
    {"file_exists", SKIP},
    {"force-cpdir", SKIP},
    {"force-rmdir", SKIP},
    {"horizontal_results", SKIP},
    {"inc", SKIP},
    {"let", LET},
    {"list_files", SKIP},
    {"list_files_append_file", SKIP},
    {"list_files_write_file", SKIP},
    {"lowercase_result", SKIP},
    {"mkdir", SKIP},
    {"move_file", SKIP},
    {"optimizer_trace", SKIP},
    {"output", SKIP},
    {"partially_sorted_result", SKIP},
    {"perl", BLOCK},
    {"ping", SKIP},
    {"ps_bind", SKIP},
    {"ps_close", SKIP},
    {"ps_execute", SKIP},
    {"ps_prepare", SKIP},
    {"query", STATEMENT},
    {"query_attributes", SKIP},
    {"query_horizontal", EVAL},
    {"query_vertical", EVAL},
    {"real_sleep", SKIP},
    {"reap", SKIP},
    {"remove_file", SKIP},
    {"remove_files_wildcard", SKIP},
    {"replace_column", SKIP},
    {"replace_numeric_round", SKIP},
    {"replace_regex", SKIP},
    {"replace_result", SKIP},
    {"require", SKIP},
    {"reset_connection", SKIP},
    {"result", SKIP},
    {"result_format", SKIP},
    {"rmdir", SKIP},
    {"save_master_pos", SKIP},
    {"send", STATEMENT},
    {"send_eval", EVAL},
    {"send_quit", SKIP},
    {"send_shutdown", SKIP},
    {"shutdown_server", SKIP},
    {"skip", SKIP},
    {"skip_if_hypergraph", SKIP},
    {"sleep", SKIP},
    {"sorted_result", SKIP},
    {"source", SOURCE},
    {"start_timer", SKIP},
    {"sync_slave_with_master", SKIP},
    {"sync_with_master", SKIP},
    {"system", SKIP},
    {"vertical_results", SKIP},
    {"wait_for_slave_to_stop", SKIP},
    {"write_file", BLOCK},
    {"write_line", SKIP},
};

/* Is the text a command of the runner; its rest. */
static bool runner_command(b_slice text, action *a, b_slice *rest)
{
    size_t n = 0;
    while (n < text.n && (name_char(text.p[n]) || text.p[n] == '-')) n++;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (!b_slice_ieq(b_slice_of(text.p, n), b_slice_str(commands[i].word))) continue;
        *a = commands[i].action;
        *rest = b_slice_of(text.p + n, text.n - n);
        return true;
    }
    return false;
}

/* True when the command was a statement, which is then in *sql. */
static bool obey(mtr *m, action a, b_slice rest, b_slice *sql)
{
    switch (a) {
    case SKIP: return false;
    case LET: let(m, rest); return false;
    case SOURCE: source(m, rest); return false;
    case DELIMITER: delimiter(m, rest); return false;
    case BLOCK: skip_block(top(m), rest); return false;
    case STATEMENT: *sql = b_slice_trim(rest); return sql->n > 0;
    case EVAL:
        if (!expand(m, b_slice_trim(rest), &m->expanded)) {
            m->left_out++;
            return false;
        }
        *sql = b_slice_trim(b_buf_view(&m->expanded));
        return sql->n > 0;
    }
    return false;
}

/* One line, block or command. True when it is a statement. */
static bool step(mtr *m, b_slice *sql)
{
    script *s = top(m);
    action a = SKIP;
    b_slice rest;
    if (at(s, "#")) {
        (void)take_line(s);
        return false;
    }
    if (at(s, "--")) {
        b_slice line = take_line(s);
        line = b_slice_trim(b_slice_of(line.p + 2, line.n - 2));
        return runner_command(line, &a, &rest) && obey(m, a, rest, sql);
    }
    if (at(s, "{") || at(s, "}")) {
        (void)take(s);
        return false;
    }
    if (skip_condition(s)) return false;
    read_statement(m, s, &m->command);
    b_slice text = b_slice_trim(b_buf_view(&m->command));
    if (runner_command(text, &a, &rest)) return obey(m, a, rest, sql);
    *sql = text;
    return text.n > 0;
}

bool mtr_next(mtr *m, b_slice *sql, const char **path, unsigned *line)
{
    while (m->depth > 0) {
        script *s = top(m);
        skip_space(s);
        if (s->pos >= s->n) {
            pop(m);
            continue;
        }
        *line = s->line;
        *path = s->path;
        if (step(m, sql)) return true;
    }
    return false;
}
