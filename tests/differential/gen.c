#include "gen.h"

#include "grammar.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RULES_MAX = 600, DEPTH = 5, DEPTH_MAX = 14 };

const dt_session dt_sessions[] = {
    {"plain", "utf8mb4", "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION", '`', true, false},
    {"full group by", "utf8mb4", "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE", '`',
     true, false},
    {"ansi quotes, pipes", "utf8mb4", "ANSI_QUOTES,PIPES_AS_CONCAT,STRICT_TRANS_TABLES", '"', true, true},
    {"no backslash", "utf8mb4", "NO_BACKSLASH_ESCAPES,STRICT_TRANS_TABLES", '`', false, false},
    {"not strict, latin1", "latin1", "", '`', true, false},
    {"gbk", "gbk", "STRICT_TRANS_TABLES,IGNORE_SPACE", '`', true, false},
    {"sjis", "sjis", "STRICT_TRANS_TABLES", '`', true, false},
    {"big5", "big5", "STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO", '`', true, false},
    {"cp932, padded", "cp932", "STRICT_TRANS_TABLES,PAD_CHAR_TO_FULL_LENGTH,HIGH_NOT_PRECEDENCE", '`', true,
     false},
    {"euckr, ansi", "euckr", "ANSI,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES", '"', false, true},
    {"traditional", "utf8mb3", "TRADITIONAL,NO_UNSIGNED_SUBTRACTION", '`', true, false},
    {"latin2", "latin2", "STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,ALLOW_INVALID_DATES", '`', true, false},
};
const unsigned dt_nsessions = sizeof dt_sessions / sizeof *dt_sessions;

static const dt_rule *const tables[] = {dt_expr_rules, dt_query_rules, dt_write_rules};

void dt_gen_init(dt_gen *g, bool mariadb)
{
    memset(g, 0, sizeof *g);
    g->mariadb = mariadb;
    g->weights = calloc(RULES_MAX, sizeof *g->weights);
    g->rules = calloc(RULES_MAX, sizeof *g->rules);
    if (g->weights == NULL || g->rules == NULL) ts_die("out of memory");
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        for (const dt_rule *r = tables[t]; r->name != NULL; r++) {
            if (g->nrules == RULES_MAX) ts_die("more than %d rules", RULES_MAX);
            g->rules[g->nrules] = r;
            g->weights[g->nrules++] = r->weight;
        }
    }
}

void dt_gen_deinit(dt_gen *g)
{
    free(g->weights);
    free(g->rules);
}

bool dt_gen_weights(dt_gen *g, const char *text)
{
    char name[32];
    unsigned weight;
    for (int n; sscanf(text, "%31[a-z_]=%u%n", name, &weight, &n) == 2; text += n + (text[n] == ',')) {
        bool found = false;
        for (unsigned i = 0; i < g->nrules; i++) {
            const char *t = g->rules[i]->text;
            size_t k = strlen(name);
            if (strcmp(g->rules[i]->name, "statement") != 0 || strncmp(t + 1, name, k) != 0 ||
                t[k + 1] != '}')
                continue;
            g->weights[i] = weight;
            found = true;
        }
        if (!found) return false;
    }
    return *text == '\0';
}

/* ---- text ---- */

void dt_put(dt_gen *g, const char *text)
{
    b_buf_str(&g->stmt->text, text);
}

static void put_char(dt_gen *g, int c)
{
    b_buf_char(&g->stmt->text, (char)c);
}

dt_place dt_here(const dt_gen *g)
{
    return (dt_place){g->stmt->text.n, g->stmt->n};
}

static void move_params(dt_stmt *s, size_t from, size_t to)
{
    for (size_t moved = from; moved < to; moved++) {
        char kind = s->params[from].kind, value[sizeof s->values[0]];
        memcpy(value, s->values[from], sizeof value);
        for (size_t i = from; i + 1 < s->n; i++) {
            s->params[i].kind = s->params[i + 1].kind;
            memcpy(s->values[i], s->values[i + 1], sizeof value);
        }
        s->params[s->n - 1].kind = kind;
        memcpy(s->values[s->n - 1], value, sizeof value);
    }
}

void dt_move(dt_gen *g, dt_place from, dt_place to)
{
    b_buf *b = &g->stmt->text;
    size_t n = to.text - from.text;
    char *copy = malloc(n + 1);
    if (copy == NULL) ts_die("out of memory");
    memcpy(copy, b->p + from.text, n);
    memmove(b->p + from.text, b->p + to.text, b->n - to.text);
    memcpy(b->p + b->n - n, copy, n);
    free(copy);
    move_params(g->stmt, from.param, to.param);
}

void dt_expand(dt_gen *g, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p != '{') {
            put_char(g, *p);
        } else if (p[1] == '{') {
            put_char(g, '{'), p++;
        } else {
            char name[32];
            size_t n = strcspn(p, "}");
            snprintf(name, sizeof name, "%.*s", (int)(n - 1), p + 1);
            dt_make(g, name);
            p += n;
        }
    }
}

static void quote(b_buf *out, const dt_session *s, const char *text)
{
    b_buf_char(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'' || (*text == '\\' && s->backslash)) b_buf_char(out, *text);
        b_buf_char(out, *text);
    }
    b_buf_char(out, '\'');
}

void dt_quoted(dt_gen *g, const char *text)
{
    quote(&g->stmt->text, &dt_sessions[g->stmt->session], text);
}

/* ---- tables and columns in reach ---- */

dt_frame *dt_frame_push(dt_gen *g)
{
    if (g->nframes == DT_FRAMES) ts_die("grammar: queries nest too deep");
    dt_frame *f = &g->frames[g->nframes++];
    f->n = 0, f->qualify = false;
    return f;
}

void dt_frame_pop(dt_gen *g)
{
    g->nframes--;
}

void dt_source_add(dt_gen *g, dt_columns columns, const char *qualifier)
{
    dt_frame *f = &g->frames[g->nframes - 1];
    if (f->n == DT_SOURCES) ts_die("grammar: too many tables in one query");
    f->v[f->n].columns = columns;
    snprintf(f->v[f->n++].qualifier, sizeof f->v[0].qualifier, "%s", qualifier);
    if (columns == DT_O || columns == DT_P || columns == DT_D) g->stmt->flags |= DT_OTHER;
}

/* A table, with an alias or without; without one only once in a query. */
static void table(dt_gen *g, dt_columns columns, const char *name)
{
    char other[24];
    const dt_frame *f = &g->frames[g->nframes - 1];
    bool taken = false;
    for (unsigned i = 0; i < f->n; i++) taken |= strcmp(f->v[i].qualifier, name) == 0;
    unsigned how = dt_pick(&g->tape, 4);
    if (how == 3 && columns == DT_T) put_char(g, DT_MARK_SCHEMA), put_char(g, '.');
    dt_put(g, name);
    if (how == 0 && !taken) {
        dt_source_add(g, columns, name);
        return;
    }
    snprintf(other, sizeof other, "t%u", ++g->aliases);
    dt_put(g, how == 1 ? " " : " AS ");
    dt_put(g, other);
    dt_source_add(g, columns, other);
}

static const char t_mark[] = {DT_MARK_TABLE, '\0'};

static void leaf_t(dt_gen *g)
{
    table(g, DT_T, t_mark);
}

static void leaf_o(dt_gen *g)
{
    table(g, DT_O, "o");
}

static void leaf_p(dt_gen *g)
{
    table(g, DT_P, "p");
}

static void leaf_s(dt_gen *g)
{
    table(g, DT_S, "s");
}

static void leaf_v(dt_gen *g)
{
    table(g, DT_V, "vw");
}

void dt_name(dt_gen *g, unsigned choice)
{
    if (!g->world->names->plain) choice = 1;
    put_char(g, choice == 1 ? DT_MARK_QUOTED : choice == 2 ? DT_MARK_UPPER : DT_MARK_NAME);
}

static void leaf_name(dt_gen *g)
{
    dt_name(g, dt_pick(&g->tape, 3));
}

static void leaf_a(dt_gen *g)
{
    g->stmt->flags |= DT_OTHER;
    put_char(g, DT_MARK_A);
}

static void leaf_b(dt_gen *g)
{
    g->stmt->flags |= DT_OTHER;
    put_char(g, DT_MARK_B);
}

static void column_of(dt_gen *g, const dt_source *s, bool qualified, bool text)
{
    static const char *const of_t[] = {"id", "k", "n", "note"}, *const of_s[] = {"v", "id", "k"};
    static const char *const of_v[] = {"k", "id", "n", "note"};
    if (qualified) dt_put(g, s->qualifier), put_char(g, '.');
    unsigned n = dt_pick(&g->tape, text ? 5 : 8);
    switch (s->columns) {
    case DT_T: n < 4 ? leaf_name(g) : text ? dt_put(g, "note") : dt_put(g, of_t[n - 4]); break;
    case DT_O: n < 3 ? put_char(g, DT_MARK_B) : dt_put(g, n < 5 ? "v" : "id"); break;
    case DT_P: n < 3 ? put_char(g, DT_MARK_A) : dt_put(g, n < 5 ? "v" : "id"); break;
    case DT_S: dt_put(g, text ? "v" : of_s[n % 3]); break;
    case DT_V: dt_put(g, text ? "note" : of_v[n % 4]); break;
    case DT_D: n < 5 ? leaf_name(g) : dt_put(g, "id"); break;
    case DT_X: dt_put(g, n < 5 ? "x" : "id"); break;
    }
}

static void any_column(dt_gen *g, bool text)
{
    const dt_frame *f = NULL;
    for (unsigned i = g->nframes; i-- > 0 && f == NULL;) {
        bool skip = i > 0 && g->frames[i - 1].n > 0 && dt_pick(&g->tape, 5) == 4;
        if (g->frames[i].n > 0 && !skip) f = &g->frames[i];
    }
    if (f == NULL) {
        dt_quoted(g, "card");
        return;
    }
    const dt_source *s = &f->v[dt_pick(&g->tape, f->n)];
    bool inner = f == &g->frames[g->nframes - 1];
    unsigned q = dt_pick(&g->tape, f->n == 1 ? 2 : 8); /* rarely a name that several tables may have */
    column_of(g, s, f->qualify || (inner ? q != (f->n == 1 ? 0 : 7) : q != 1), text);
}

static void leaf_col(dt_gen *g)
{
    any_column(g, false);
}

static void leaf_textcol(dt_gen *g)
{
    any_column(g, true);
}

/* A source's qualifier, for `t.*` and OF. */
static void leaf_qualifier(dt_gen *g)
{
    const dt_frame *f = &g->frames[g->nframes - 1];
    dt_put(g, f->n == 0 ? "s" : f->v[dt_pick(&g->tape, f->n)].qualifier);
}

static void leaf_order_total(dt_gen *g)
{
    const dt_frame *f = &g->frames[g->nframes - 1];
    for (unsigned i = 0; i < f->n; i++) {
        dt_put(g, i == 0 ? "" : ", ");
        dt_put(g, f->v[i].qualifier);
        dt_put(g, ".id");
        if (f->v[i].columns != DT_D) continue; /* a UNION may have an id twice */
        dt_put(g, ", ");
        dt_put(g, f->v[i].qualifier);
        dt_put(g, ".");
        leaf_name(g);
    }
    if (f->n == 0) dt_put(g, "1");
}

/* ---- values ---- */

static void param_or(dt_gen *g, char kind, const char *text)
{
    dt_stmt *s = g->stmt;
    if (!g->no_params && s->n < DT_PARAMS && dt_pick(&g->tape, 3) == 1) {
        snprintf(s->values[s->n], sizeof s->values[0], "%s", text);
        s->params[s->n] = (ts_param){kind, s->values[s->n]};
        s->n++;
        put_char(g, DT_MARK_PARAM);
    } else if (kind == 's') {
        dt_quoted(g, text);
    } else {
        dt_put(g, kind == 'n' ? "NULL" : text);
    }
}

static void leaf_string(dt_gen *g)
{
    static const char *const words[] = {"card", "cash", "wire", "gift", "",     "it's", "a\\b",  "x y",
                                        "12",   "0",    "?",    "r1",   "-- x", "/* y", "\"q\"", "`w`"};
    /* Characters whose second byte is a backslash or a backtick. */
    static const struct {
        const char *charset, *text[2];
    } trail[] = {{"gbk", {"\x81\x5c", "\x81\x60"}},
                 {"sjis", {"\x83\x5c", "\x83\x60"}},
                 {"cp932", {"\x83\x5c", "\x83\x60"}},
                 {"big5", {"\xa5\x5c", "\xa5\x60"}}};
    const char *charset = dt_sessions[g->stmt->session].charset, *odd = NULL;
    unsigned i = dt_pick(&g->tape, 18);
    for (size_t k = 0; k < sizeof trail / sizeof *trail && i >= 16; k++)
        if (strcmp(trail[k].charset, charset) == 0) odd = trail[k].text[i - 16];
    if (odd != NULL) {
        put_char(g, '\'');
        dt_put(g, odd);
        put_char(g, '\'');
    } else {
        param_or(g, 's', words[i % 16]);
    }
}

static void leaf_number(dt_gen *g)
{
    char text[16];
    snprintf(text, sizeof text, "%u", dt_pick(&g->tape, 13));
    param_or(g, 'i', text);
}

/* A value of the migrating column's kind, mostly. */
static void leaf_val(dt_gen *g)
{
    static const char *const dates[] = {"2020-01-01", "2021-05-06", "1999-12-31", "2020-01-02 03:04:05"};
    static const char *const enums[] = {"card", "wire", "cash", "gift", "2"};
    static const char *const jsons[] = {"12", "[]", "{\"b\": \"card\"}", "[1, \"card\"]", "\"card\"", "null"};
    unsigned odd = dt_pick(&g->tape, 24);
    if (odd == 23) {
        param_or(g, 'n', "");
        return;
    }
    if (odd == 22) {
        leaf_string(g);
        return;
    }
    switch (g->world->type->kind) {
    case DT_TEXT_KIND: leaf_string(g); break;
    case DT_NUMBER_KIND: leaf_number(g); break;
    case DT_DATE_KIND: param_or(g, 's', dates[dt_pick(&g->tape, 4)]); break;
    case DT_ENUM_KIND: param_or(g, 's', enums[dt_pick(&g->tape, 5)]); break;
    case DT_JSON_KIND: param_or(g, 's', jsons[dt_pick(&g->tape, 6)]); break;
    }
}

/* An expression that mostly fits into the migrating column. */
static void leaf_fit(dt_gen *g)
{
    static const char *const rules[] = {"fit_text", "fit_number", "fit_date", "fit_enum", "fit_json"};
    dt_make(g, rules[g->world->type->kind]);
}

/* What only a column of JSON can be asked, and one with a FULLTEXT index. */
static void leaf_json(dt_gen *g)
{
    dt_make(g, g->world->type->kind == DT_JSON_KIND ? "json_e" : "col");
}

/* MariaDB 10.11 crashes on MATCH of a column of a query outside, now and then. */
static bool may_match(const dt_gen *g)
{
    const dt_frame *f = g->nframes == 0 ? NULL : &g->frames[g->nframes - 1];
    bool own = false;
    for (unsigned i = 0; f != NULL && i < f->n; i++) own = own || f->v[i].columns == DT_T;
    return g->world->instant && (own || !g->mariadb);
}

static void leaf_special(dt_gen *g)
{
    dt_make(g, g->world->type->kind == DT_JSON_KIND ? "json_b" : may_match(g) ? "match" : "simple_b");
}

static void leaf_concat(dt_gen *g)
{
    bool pipes = dt_sessions[g->stmt->session].pipes;
    dt_expand(g, pipes ? "{e} || {e}" : "CONCAT({e}, {e})");
}

/* ---- queries ---- */

/* The tables are made first, since what else is said depends on them, and then moved behind the columns. */
void dt_query(dt_gen *g, const char *from, const char *head, const char *tail)
{
    dt_frame_push(g);
    dt_place start = dt_here(g);
    dt_make(g, from);
    dt_place end = dt_here(g);
    dt_make(g, head);
    dt_move(g, start, end);
    dt_make(g, tail);
    dt_frame_pop(g);
}

static void leaf_query(dt_gen *g)
{
    dt_query(g, "from", "head", "tail");
}

static void leaf_query_w(dt_gen *g)
{
    dt_query(g, "w_from", "head", "tail");
}

static void leaf_query_r(dt_gen *g)
{
    dt_query(g, "r_from", "head", "tail");
}

/* A query inside, of one column or of two: its shape shows in no result. */
static void leaf_query1(dt_gen *g)
{
    dt_query(g, "small_from", "head1", "where");
}

static void leaf_query2(dt_gen *g)
{
    dt_query(g, "small_from", "head2", "where");
}

/* id and the column itself, under its name. */
static void leaf_query_idc(dt_gen *g)
{
    dt_query(g, "small_from", "head_idc", "where");
}

static void alias(dt_gen *g, dt_columns columns)
{
    char name[24];
    snprintf(name, sizeof name, "t%u", ++g->aliases);
    dt_put(g, dt_pick(&g->tape, 2) == 0 ? " AS " : " ");
    dt_put(g, name);
    dt_source_add(g, columns, name);
}

static void leaf_as_d(dt_gen *g)
{
    alias(g, DT_D);
}

static void leaf_as_x(dt_gen *g)
{
    alias(g, DT_X);
}

static void leaf_as_t(dt_gen *g)
{
    alias(g, DT_T);
}

static void leaf_x_v0(dt_gen *g)
{
    dt_source_add(g, DT_X, "v0");
}

static void leaf_w(dt_gen *g)
{
    table(g, DT_D, "w");
}

static void leaf_r(dt_gen *g)
{
    table(g, DT_X, "r");
}

static void leaf_push(dt_gen *g)
{
    dt_frame_push(g);
}

static void leaf_pop(dt_gen *g)
{
    dt_frame_pop(g);
}

/* ---- choosing ---- */

static const dt_leaf leaves[] = {
    {"t", leaf_t},
    {"o", leaf_o},
    {"p", leaf_p},
    {"s", leaf_s},
    {"v", leaf_v},
    {"w", leaf_w},
    {"r", leaf_r},
    {"name", leaf_name},
    {"A", leaf_a},
    {"B", leaf_b},
    {"col", leaf_col},
    {"textcol", leaf_textcol},
    {"qualifier", leaf_qualifier},
    {"total", leaf_order_total},
    {"string", leaf_string},
    {"number", leaf_number},
    {"val", leaf_val},
    {"fit", leaf_fit},
    {"concat", leaf_concat},
    {"json", leaf_json},
    {"special", leaf_special},
    {"query", leaf_query},
    {"query1", leaf_query1},
    {"query2", leaf_query2},
    {"query_idc", leaf_query_idc},
    {"as_d", leaf_as_d},
    {"as_x", leaf_as_x},
    {"as_t", leaf_as_t},
    {"x_v0", leaf_x_v0},
    {"query_w", leaf_query_w},
    {"query_r", leaf_query_r},
    {"push", leaf_push},
    {"pop", leaf_pop},
    {NULL, NULL},
};

static bool make_leaf(dt_gen *g, const dt_leaf *table, const char *name)
{
    for (; table->name != NULL; table++) {
        if (strcmp(table->name, name) != 0) continue;
        table->make(g);
        return true;
    }
    return false;
}

static bool allowed(const dt_gen *g, unsigned i)
{
    unsigned only = g->rules[i]->only;
    bool prepared = g->no_params; /* inside PREPARE and EXECUTE IMMEDIATE (gen_write.c) */
    if (prepared && (g->rules[i]->flags & DT_TEXT_ONLY) != 0) return false;
    return g->weights[i] > 0 && (only == DT_BOTH || (only == DT_ON_MARIADB) == g->mariadb);
}

/* The number of an alternative is what is recorded, so that lower is simpler. */
static unsigned choose(dt_gen *g, unsigned first, unsigned n)
{
    unsigned total = 0;
    if (g->depth > DEPTH_MAX) return 0;
    if (g->tape.replay) {
        unsigned i = dt_pick(&g->tape, n);
        while (i > 0 && !allowed(g, first + i)) i--;
        return i;
    }
    for (unsigned i = 0; i < n; i++) {
        bool deep = g->depth > DEPTH && strchr(g->rules[first + i]->text, '{') != NULL && i > 1;
        if (allowed(g, first + i)) total += deep ? 0 : g->weights[first + i];
    }
    unsigned w = total == 0 ? 0 : dt_random(&g->tape.state, total), pick = 0;
    for (unsigned i = 0; i < n; i++) {
        bool deep = g->depth > DEPTH && strchr(g->rules[first + i]->text, '{') != NULL && i > 1;
        if (!allowed(g, first + i) || deep) continue;
        pick = i;
        if (w < g->weights[first + i]) break;
        w -= g->weights[first + i];
    }
    if (n > 1 && g->tape.n < DT_TAPE_MAX) g->tape.v[g->tape.n++] = (uint16_t)pick;
    return pick;
}

void dt_make(dt_gen *g, const char *name)
{
    if (make_leaf(g, leaves, name) || make_leaf(g, dt_write_leaves, name)) return;
    unsigned first = 0, n = 0;
    while (first < g->nrules && strcmp(g->rules[first]->name, name) != 0) first++;
    while (first + n < g->nrules && strcmp(g->rules[first + n]->name, name) == 0) n++;
    if (n == 0) ts_die("grammar: no rule called %s", name);
    unsigned at = first + choose(g, first, n);
    g->stmt->flags |= g->rules[at]->flags;
    g->depth++;
    dt_expand(g, g->rules[at]->text);
    g->depth--;
}

void dt_generate(dt_gen *g, const dt_world *w, unsigned session, dt_stmt *s)
{
    b_buf_clear(&s->text);
    s->n = 0, s->flags = 0, s->session = session;
    g->world = w, g->stmt = s;
    g->nframes = g->depth = g->aliases = g->ncolumns = 0;
    g->no_params = false;
    dt_make(g, "statement");
}

/* ---- for one table ---- */

static void write_ident(b_buf *out, const char *name, char quote)
{
    b_buf_char(out, quote);
    for (; *name != '\0'; name++) {
        if (*name == quote) b_buf_char(out, quote);
        b_buf_char(out, *name);
    }
    b_buf_char(out, quote);
}

static void write_mark(const dt_world *w, bool new_name, dt_side side, char quote, int mark, b_buf *out)
{
    char schema[32];
    const dt_names *n = w->names;
    const char *c = new_name ? n->b : n->a;
    switch (mark) {
    case DT_MARK_NAME: b_buf_str(out, c); break;
    case DT_MARK_QUOTED: write_ident(out, c, quote); break;
    case DT_MARK_UPPER:
        for (; *c != '\0'; c++) b_buf_char(out, (char)toupper((unsigned char)*c));
        break;
    case DT_MARK_SCHEMA: b_buf_str(out, dt_world_schema(w, side, schema)); break;
    case DT_MARK_TABLE:
        if (n->plain_table)
            b_buf_str(out, n->table);
        else
            write_ident(out, n->table, quote);
        break;
    case DT_MARK_FILE: b_buf_str(out, w->file); break;
    case DT_MARK_A: write_ident(out, n->a, quote); break;
    default: write_ident(out, n->b, quote); break;
    }
}

static void write_param(const dt_stmt *s, size_t i, b_buf *out)
{
    const ts_param *p = &s->params[i];
    if (p->kind == 's')
        quote(out, &dt_sessions[s->session], p->text);
    else
        b_buf_str(out, p->kind == 'n' ? "NULL" : p->text);
}

void dt_write(const dt_stmt *s, const dt_world *w, bool new_name, dt_side side, bool literals, b_buf *out)
{
    char quote_mark = dt_sessions[s->session].quote;
    size_t param = 0;
    b_buf_clear(out);
    for (size_t i = 0; i < s->text.n; i++) {
        unsigned char c = (unsigned char)s->text.p[i];
        if (c == DT_MARK_PARAM && literals)
            write_param(s, param++, out);
        else if (c == DT_MARK_PARAM)
            b_buf_char(out, '?');
        else if (c >= DT_MARK_NAME && c <= DT_MARK_FILE)
            write_mark(w, new_name, side, quote_mark, c, out);
        else
            b_buf_char(out, (char)c);
    }
}
