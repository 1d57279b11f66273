/* Migration definitions: their own rules, and the folder of definition files. Knows no SQL: whether a
 * migration can be carried out on the table as it is, the engine finds out. */
#include "reader.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && b_slice_ieq(b_slice_str(a), b_slice_str(b));
}

/* The first entry before this one that has the name on the same side; NULL: none. */
static cfg_pair *earlier(const cfg_migration *m, size_t at, bool to)
{
    for (size_t i = 0; i < at; i++) {
        cfg_pair *q = &m->columns[i];
        if (to ? same(q->to, m->columns[at].to) : same(q->from, m->columns[at].from)) return q;
    }
    return NULL;
}

#define PROBLEM(r, columns, i, ...) cfg__problem((r)->diag, (r)->file, (columns)->items[i].line, __VA_ARGS__)

/* An expression that only one of the entries may have moves to the first. False: both have it. */
static bool move(char **to, char **from)
{
    if (*to != NULL && *from != NULL) return false;
    if (*from != NULL) *to = *from, *from = NULL;
    return true;
}

/* Column names differ by more than case, and no column is old here and new there. */
static void check_pair(const cfg__reader *r, const cfg__node *columns, const cfg_migration *m, size_t i)
{
    const cfg_pair *p = &m->columns[i];
    if (same(p->from, p->to))
        PROBLEM(r, columns, i,
                "from and to are the same column \"%s\" (the case of letters does not count); give the new "
                "column another name",
                p->from);
    for (size_t j = 0; j < i; j++) {
        const cfg_pair *q = &m->columns[j];
        bool twice = same(p->from, q->from) && same(p->to, q->to);
        if (twice || same(p->from, q->to) || same(p->to, q->from))
            PROBLEM(r, columns, i, "column \"%s\" is in two pairs; use a migration after this one for it",
                    twice || same(p->from, q->to) ? p->from : p->to);
    }
}

/* A further new column of an old one, or a further old column of a new one: keeps the name that is its own.
 */
static void join(const cfg__reader *r, const cfg__node *columns, cfg_migration *m, size_t i)
{
    cfg_pair *p = &m->columns[i], *from = earlier(m, i, false), *to = earlier(m, i, true);
    if (from != NULL && to != NULL) {
        PROBLEM(r, columns, i,
                "both columns of the entry with `to` \"%s\" are in entries before it; name each new column "
                "once, and give its `up` there",
                p->to);
    } else if (from != NULL) {
        if (p->up == NULL)
            PROBLEM(r, columns, i, "column \"%s\" is made from one that another is made from; give its `up`",
                    p->to);
        if (!move(&from->down, &p->down))
            PROBLEM(r, columns, i, "`down` of column \"%s\" is given twice; give it once", p->from);
        p->common = p->from, p->from = NULL;
    } else if (to != NULL) {
        if (!move(&to->up, &p->up) || !move(&to->type, &p->type))
            PROBLEM(r, columns, i, "`up` or `type` of column \"%s\" is given twice; give it once", p->to);
        p->common = p->to, p->to = NULL;
    }
}

static void check_pairs(const cfg__reader *r, const cfg__node *columns, cfg_migration *m)
{
    for (size_t i = 0; i < m->ncolumns; i++) check_pair(r, columns, m, i);
    for (size_t i = 0; i < m->ncolumns; i++) join(r, columns, m, i);
    for (size_t i = 0; i < m->ncolumns; i++) {
        cfg_pair *p = &m->columns[i];
        if (p->to == NULL) {
            for (size_t j = 0; j < i; j++)
                if (same(m->columns[j].to, p->common) && m->columns[j].up == NULL)
                    PROBLEM(r, columns, i, "column \"%s\" is made from several; give its `up`", p->common);
        }
        p->one_way = p->down == NULL && p->from != NULL && (p->to == NULL || p->up != NULL);
    }
}

void cfg__check_name(const cfg__reader *r, const cfg__node *node, const char *what, const char *name)
{
    for (const char *p = name; p != NULL && *p != '\0'; p++) {
        char c = b_lower(*p);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_') continue;
        cfg__problem(r->diag, r->file, node->line,
                     "%s name \"%s\" has the character \"%c\"; use letters, digits and _ only", what, name,
                     *p);
        break;
    }
}

void cfg__migration_check(const cfg__reader *r, const cfg__node *node, cfg_migration *m)
{
    const cfg__node *columns = cfg__get(node, "columns"), *name = cfg__get(node, "name");
    m->line = node->line;
    m->file = cfg__dup(r, r->file);
    cfg__check_name(r, name, "migration", m->name);
    if (columns != NULL && columns->shape == CFG__SEQUENCE) check_pairs(r, columns, m);
    if (m->strategy == CFG_STRATEGY_INSTANT_RENAME && m->guard != CFG_GUARD_NONE)
        cfg__problem(r->diag, r->file, cfg__get(node, "guard")->line,
                     "guard: an instant_rename has one column, there is nothing to keep equal; leave it out");
    if (m->guard_repair && m->guard != CFG_GUARD_WATCH)
        cfg__problem(r->diag, r->file, cfg__get(node, "guard_repair")->line,
                     "guard_repair: it is for guard: watch; leave it out, or set that");
}

static const char *const guard_names[] = {"none", "watch", "triggers"}; /* in the order of cfg_guard */

const char *cfg_guard_name(cfg_guard g)
{
    return guard_names[g];
}

bool cfg_guard_parse(const char *text, cfg_guard *out)
{
    for (size_t i = 0; i < sizeof guard_names / sizeof guard_names[0]; i++) {
        if (!same(text, guard_names[i])) continue;
        *out = (cfg_guard)i;
        return true;
    }
    return false;
}

/* ---- writing ---- */

static void emit_text(b_buf *out, const char *key, const char *value)
{
    if (value == NULL) return;
    b_buf_printf(out, "%s: '", key);
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '\'') b_buf_char(out, '\'');
        b_buf_char(out, *p == '\n' ? ' ' : *p);
    }
    b_buf_str(out, "'");
}

static void emit_pair(b_buf *out, const cfg_pair *p)
{
    const char *from = p->from != NULL ? p->from : p->common, *to = p->to != NULL ? p->to : p->common;
    const struct {
        const char *key, *value;
    } parts[] = {{"from", from}, {"to", to}, {"type", p->type}, {"up", p->up}, {"down", p->down}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].value == NULL) continue;
        b_buf_str(out, i == 0 ? "  - {" : ", ");
        emit_text(out, parts[i].key, parts[i].value);
    }
    b_buf_str(out, "}\n");
}

static void emit_pace(const cfg_pace *p, b_buf *out)
{
    b_buf_str(out, "backfill:\n");
    for (size_t i = 0; i < cfg_pace_count(); i++) {
        b_buf value = {0};
        cfg_pace_print(p, i, &value);
        if (value.n != 0) {
            b_buf_str(out, "  ");
            emit_text(out, cfg_pace_name(i), b_buf_cstr(&value));
            b_buf_char(out, '\n');
        }
        b_buf_deinit(&value);
    }
}

void cfg_migration_emit(const cfg_migration *m, b_buf *out)
{
    b_buf_printf(out, "name: '%s'\ntable: '%s.%s'\nstrategy: %s\ncolumns:\n", m->name, m->schema, m->table,
                 m->strategy == CFG_STRATEGY_INSTANT_RENAME ? "instant_rename" : "dual_write");
    for (size_t i = 0; i < m->ncolumns; i++) emit_pair(out, &m->columns[i]);
    if (m->time_zone != NULL) {
        emit_text(out, "time_zone", m->time_zone);
        b_buf_char(out, '\n');
    }
    emit_pace(&m->pace, out);
    b_buf_printf(out, "observe_days: %u\ngate_ms: %u\n", m->observe_days, m->gate_ms);
    if (m->guard != CFG_GUARD_NONE) b_buf_printf(out, "guard: %s\n", cfg_guard_name(m->guard));
    if (m->guard_repair) b_buf_str(out, "guard_repair: true\n");
}

/* ---- reading ---- */

static cfg_migration *parse(const char *text, size_t n, const char *file, cfg__diag *d)
{
    cfg__tree tree;
    unsigned before = d->problems;
    if (!cfg__tree_read(&tree, file, b_slice_of(text, n), d)) return NULL;
    cfg__reader r = {file, ".", d};
    cfg_migration *m = calloc(1, sizeof *m);
    if (m != NULL) {
        cfg__read_map(&r, tree.root, &cfg__migration_map, m);
        m->source = strndup(text, n);
    }
    cfg__tree_deinit(&tree);
    if (m != NULL && m->source != NULL && d->problems == before) return m;
    if (d->problems == before)
        cfg__problem(d, file, 1, "out of memory while reading; free some and try again");
    cfg_migration_free(m);
    return NULL;
}

cfg_migration *cfg_migration_parse(const char *text, size_t n, const char *name_for_errors, b_buf *diag)
{
    cfg__diag d = {diag, 0, 0};
    cfg_migration *m = parse(text, n, name_for_errors, &d);
    cfg__diag_end(&d, name_for_errors);
    return m;
}

static cfg_migration *load(const char *file, cfg__diag *d)
{
    b_buf text = {0};
    b_err err;
    cfg_migration *m = NULL;
    if (cfg__slurp(file, &text, &err))
        m = parse(b_buf_cstr(&text), text.n, file, d);
    else
        cfg__problem(d, file, 1, "%s", err.msg);
    b_buf_deinit(&text);
    return m;
}

cfg_migration *cfg_migration_load(const char *file, b_buf *diag)
{
    cfg__diag d = {diag, 0, 0};
    cfg_migration *m = load(file, &d);
    cfg__diag_end(&d, file);
    return m;
}

/* ---- the folder ---- */

static int is_definition(const struct dirent *e)
{
    const char *dot = strrchr(e->d_name, '.');
    return e->d_name[0] != '.' && dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void add(const cfg__reader *r, cfg_config *c, const char *name)
{
    b_buf path = {0};
    b_buf_printf(&path, "%s/%s", c->migrations_dir, name);
    cfg_migration *m = path.failed ? NULL : load(b_buf_cstr(&path), r->diag);
    cfg_migration **all = m == NULL ? NULL : realloc(c->migrations, (c->nmigrations + 1) * sizeof *all);
    if (all != NULL) {
        c->migrations = all;
        all[c->nmigrations++] = m;
    } else {
        if (m != NULL || path.failed) cfg__no_memory(r);
        cfg_migration_free(m);
    }
    b_buf_deinit(&path);
}

void cfg__migrations_folder(const cfg__reader *r, unsigned line, cfg_config *c)
{
    struct dirent **entries;
    int n = scandir(c->migrations_dir, &entries, is_definition, by_name);
    if (n < 0) {
        cfg__problem(r->diag, r->file, line,
                     "cannot read the folder migrations_dir %s: %s; make it, or correct the path",
                     c->migrations_dir, strerror(errno));
        return;
    }
    for (int i = 0; i < n; i++) {
        add(r, c, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}
