/* See cmd_rewrite.h. Works without any server, from a schema file and a migration file. */
#include "cmd_rewrite.h"

#include "offline.h"
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_MIGRATIONS = 64 };

typedef struct options {
    const char *ddl, *schema;
    const char *migrations[MAX_MIGRATIONS];
    rw_phase phases[MAX_MIGRATIONS]; /* of each; where there are fewer, the last goes for the rest */
    size_t nmigrations, nphases;
    rw_server server;
    rw_ctx ctx;
    bool explain;
} options;

typedef struct run {
    const options *o;
    rw_ctx ctx;
    rw_ruleset *rules;
    b_arena *arena;
    rw_table_name *temps; /* temporary tables that statements so far have made; names owned */
    size_t ntemps;
} run;

static const struct option long_options[] = {
    {"ddl", required_argument, NULL, 'd'},     {"migration", required_argument, NULL, 'm'},
    {"phase", required_argument, NULL, 'P'},   {"version", required_argument, NULL, 'v'},
    {"server", required_argument, NULL, 's'},  {"sql-mode", required_argument, NULL, 'q'},
    {"charset", required_argument, NULL, 'c'}, {"schema", required_argument, NULL, 'D'},
    {"prepared", no_argument, NULL, 'p'},      {"explain", no_argument, NULL, 'e'},
    {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
};

static void usage(FILE *out)
{
    fputs(
        "Usage: straddle rewrite --ddl FILE --migration FILE … [--phase PHASE …] [--version old|new|both]\n"
        "           [--server mysql-9.7|mariadb-10.11] [--sql-mode MODES] [--charset NAME] [--schema NAME]\n"
        "           [--prepared] [--explain] < statements.sql\n"
        "Prints each statement as it would be sent to the server, or `-- refused: REASON`.\n"
        "PHASE: planned, expanded, dual_write, switched, retired, contracted or finished (default "
        "planned).\n"
        "Several migrations have a --phase each, in the same order; the last one goes for those left over.\n",
        out);
}

static bool bad(const char *option, const char *value, const char *allowed)
{
    fprintf(stderr, "straddle rewrite: --%s %s is not known; use %s\n", option, value, allowed);
    return false;
}

/* mysql-9.7, mysql-8.0.36, mariadb-10.11 */
static bool parse_server(const char *text, rw_server *out)
{
    unsigned major = 0, minor = 0, patch = 0;
    char rest = '\0';
    const char *dash = strchr(text, '-');
    int n = dash == NULL ? 0 : sscanf(dash + 1, "%2u.%2u.%2u%c", &major, &minor, &patch, &rest);
    size_t len = dash == NULL ? 0 : (size_t)(dash - text);
    if (n != 2 && n != 3) return false;
    if (len == 5 && strncmp(text, "mysql", 5) == 0)
        out->flavour = RW_MYSQL;
    else if (len == 7 && strncmp(text, "mariadb", 7) == 0)
        out->flavour = RW_MARIADB;
    else
        return false;
    out->version = major * 10000 + minor * 100 + patch;
    return true;
}

static bool take_option(options *o, int opt, const char *arg)
{
    switch (opt) {
    case 'd': o->ddl = arg; return true;
    case 'm':
        if (o->nmigrations == MAX_MIGRATIONS) return bad("migration", arg, "64 of them at most");
        o->migrations[o->nmigrations++] = arg;
        return true;
    case 'D': o->schema = arg; return true;
    case 'q': o->ctx.sql_mode = rw_sql_mode_parse(b_slice_str(arg)); return true;
    case 'p': return o->ctx.prepared = true;
    case 'e': return o->explain = true;
    case 'P':
        return (o->nphases < MAX_MIGRATIONS && rw_phase_parse(b_slice_str(arg), &o->phases[o->nphases++])) ||
               bad("phase", arg, "planned, expanded, dual_write, switched, retired, contracted or finished");
    case 'v':
        return rw_version_parse(b_slice_str(arg), &o->ctx.version) || bad("version", arg, "old, new or both");
    case 's':
        return parse_server(arg, &o->server) ||
               bad("server", arg, "a name such as mysql-9.7 or mariadb-10.11");
    case 'c':
        o->ctx.charset = rw_charset_parse(b_slice_str(arg));
        o->ctx.spelling = rw_charset_number(b_slice_str(arg));
        return o->ctx.charset != RW_CHARSET_UNKNOWN || bad("charset", arg, "a character set such as utf8mb4");
    default: usage(stderr); return false;
    }
}

/* An exit status, or -1 to go on. */
static int read_options(int argc, char **argv, options *o)
{
    optind = 1;
    for (int opt; (opt = getopt_long(argc, argv, "hpe", long_options, NULL)) != -1;) {
        if (opt == 'h') {
            usage(stdout);
            return PX_EXIT_OK;
        }
        if (!take_option(o, opt, optarg)) return PX_EXIT_USAGE;
    }
    if (o->ddl == NULL || o->nmigrations == 0 || optind != argc) {
        fprintf(stderr, optind != argc
                            ? "straddle rewrite: statements come from standard input, not as arguments\n"
                            : "straddle rewrite: --ddl and --migration are needed\n");
        usage(stderr);
        return PX_EXIT_USAGE;
    }
    return -1;
}

static bool read_all(FILE *f, b_buf *out)
{
    for (;;) {
        if (!b_buf_reserve(out, 65536)) return false;
        size_t n = fread(out->p + out->n, 1, 65536, f);
        out->n += n;
        if (n == 0) return ferror(f) == 0;
    }
}

static bool read_file(const char *path, b_buf *out)
{
    FILE *f = fopen(path, "rb");
    bool ok = f != NULL && read_all(f, out);
    if (!ok) fprintf(stderr, "straddle rewrite: %s: cannot be read: %m\n", path);
    if (f != NULL) fclose(f);
    return ok;
}

/* ---- what a statement changes for the next ones ---- */

static void drop_temp(run *r, const rw_table_name *n)
{
    for (size_t i = 0; i < r->ntemps; i++) {
        if (!b_slice_eq(r->temps[i].name, n->name) || !b_slice_eq(r->temps[i].schema, n->schema)) continue;
        free((void *)(uintptr_t)r->temps[i].schema.p);
        r->temps[i] = r->temps[--r->ntemps];
        return;
    }
}

static bool add_temp(run *r, const rw_table_name *n)
{
    rw_table_name *v = realloc(r->temps, (r->ntemps + 1) * sizeof *v);
    char *text = malloc(n->schema.n + n->name.n + 1);
    if (v != NULL) r->temps = v;
    if (v == NULL || text == NULL) {
        free(text);
        return false;
    }
    if (n->schema.n > 0) memcpy(text, n->schema.p, n->schema.n);
    if (n->name.n > 0) memcpy(text + n->schema.n, n->name.p, n->name.n);
    v[r->ntemps++] = (rw_table_name){{text, n->schema.n}, {text + n->schema.n, n->name.n}};
    return true;
}

static bool apply_effects(run *r, const rw_result *res)
{
    for (size_t i = 0; i < res->neffects; i++) {
        drop_temp(r, &res->effects[i].table);
        if (res->effects[i].kind == RW_EFFECT_TEMP_CREATED && !add_temp(r, &res->effects[i].table))
            return false;
    }
    r->ctx.temps = r->temps;
    r->ctx.ntemps = r->ntemps;
    return true;
}

/* ---- statements ---- */

static void print_refusal(const rw_result *res)
{
    printf("-- refused: ");
    for (size_t i = 0; i < res->message.n; i++) putchar(res->message.p[i] == '\n' ? ' ' : res->message.p[i]);
    putchar('\n');
}

static bool explain(run *r, b_slice sql)
{
    b_buf out = {0};
    bool ok = rw_explain(r->rules, &r->ctx, sql, r->arena, &out) == B_OK;
    if (ok) fputs(b_buf_cstr(&out), stdout);
    b_buf_deinit(&out);
    return ok;
}

/* A comment at the end may run to the end of the line, and must not take the `;` with it. */
static bool print_statement(run *r, b_slice sql)
{
    const char *text = b_arena_printf(r->arena, "%.*s;", B_ARG(sql));
    b_slice rest = b_slice_str(text), first;
    if (text == NULL) return false;
    bool open = rw_split(&r->ctx, r->o->server, &rest, &first) && first.n > sql.n;
    fwrite(sql.p, 1, sql.n, stdout);
    fputs(open ? "\n;\n" : ";\n", stdout);
    return true;
}

static bool one_statement(run *r, b_slice sql)
{
    rw_result res = {.verdict = RW_PASS, .sql = sql};
    b_arena_reset(r->arena);
    if (rw_may_touch(r->rules, r->ctx.charset, sql)) {
        if (r->o->explain && !explain(r, sql)) return false;
        if (rw_rewrite(r->rules, &r->ctx, sql, r->arena, &res) != B_OK) return false;
    }
    if (res.verdict == RW_REFUSED) {
        print_refusal(&res);
    } else {
        if (!print_statement(r, res.sql)) return false;
    }
    return apply_effects(r, &res);
}

/* Nothing but white space and comments? */
static bool empty(const run *r, b_slice sql)
{
    return rw_digest_text(&r->ctx, r->o->server, sql, r->arena, 16).n == 0;
}

static int run_all(run *r, b_slice script)
{
    b_slice sql;
    while (rw_split(&r->ctx, r->o->server, &script, &sql)) {
        sql = b_slice_trim(sql);
        if (empty(r, sql)) continue;
        if (!one_statement(r, sql)) {
            fputs("straddle rewrite: out of memory\n", stderr);
            return PX_EXIT_FAILED;
        }
    }
    return PX_EXIT_OK;
}

static int run_with(const options *o, const px_offline *all, b_slice ddl, b_slice script)
{
    b_err err = {0};
    b_slice schema = b_slice_str(o->schema == NULL ? all[0].m->schema : o->schema);
    run r = {.o = o, .ctx = o->ctx};
    r.ctx.schema = schema;
    r.arena = b_arena_new(0);
    r.rules = px_offline_ruleset(o->server, ddl, schema, all, o->nmigrations, &err);
    int status = PX_EXIT_FAILED;
    if (r.rules == NULL)
        fprintf(stderr, "straddle rewrite: %s: %s\n", o->ddl, err.msg);
    else if (r.arena != NULL)
        status = run_all(&r, script);
    for (size_t i = 0; i < r.ntemps; i++) free((void *)(uintptr_t)r.temps[i].schema.p);
    free(r.temps);
    rw_ruleset_unref(r.rules);
    b_arena_free(r.arena);
    return status;
}

/* Reads all definitions; false where one is not right. */
static bool load(const options *o, cfg_migration **loaded, px_offline *all)
{
    bool ok = true;
    for (size_t i = 0; i < o->nmigrations; i++) {
        b_buf diag = {0};
        size_t phase = i < o->nphases ? i : o->nphases - 1;
        loaded[i] = cfg_migration_load(o->migrations[i], &diag);
        if (diag.n > 0) fputs(b_buf_cstr(&diag), stderr);
        b_buf_deinit(&diag);
        all[i] = (px_offline){loaded[i], o->nphases == 0 ? RW_PLANNED : o->phases[phase]};
        ok = ok && loaded[i] != NULL;
    }
    return ok;
}

int px_cmd_rewrite(int argc, char **argv)
{
    options o = {.server = {.flavour = RW_MYSQL, .version = 90700},
                 .ctx = {.sql_mode = RW_MODE_STRICT,
                         .charset = RW_CHARSET_SAFE,
                         .version = RW_VERSION_BOTH,
                         .time_zone = B_LIT("SYSTEM")}};
    int status = read_options(argc, argv, &o);
    if (status >= 0) return status;
    cfg_migration *loaded[MAX_MIGRATIONS] = {NULL};
    px_offline all[MAX_MIGRATIONS];
    b_buf ddl = {0}, script = {0};
    status = load(&o, loaded, all) ? PX_EXIT_FAILED : PX_EXIT_USAGE;
    if (status == PX_EXIT_FAILED && read_file(o.ddl, &ddl)) {
        if (read_all(stdin, &script))
            status = run_with(&o, all, b_buf_view(&ddl), b_buf_view(&script));
        else
            fputs("straddle rewrite: standard input cannot be read\n", stderr);
    }
    for (size_t i = 0; i < o.nmigrations; i++) cfg_migration_free(loaded[i]);
    b_buf_deinit(&ddl);
    b_buf_deinit(&script);
    return status;
}
