/* Golden tests of the rewriter: what it makes of each statement of a file, in each phase and for each schema
 * version, against what it made when somebody last read it.
 *
 *     golden CASE.sql            compares with CASE.expect
 *     golden --print PHASE VERSION SERVER CASE.sql
 *                                prints the statements as rewritten, for feeding them to a server
 *
 * A case file begins with lines `-- option: value`: phases, versions (default: all), servers (default:
 * mysql), mode (an sql_mode), charset, release (of the server, as 90704), schema, temp (a temporary table),
 * named (a statement that was prepared as `s`: its text, and after ` => ` what the server has), answer (to
 * what the rewriter asks: expression => value), prepared, multi, no_default, disabled. Then statements, each
 * ended by
 * `;` at the end of a line. Outcomes that are alike are written once. */
#include "base/buf.h"
#include "world.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct options {
    char phases[256], versions[64], servers[64], mode[128], charset[32], release[16], schema[64], temp[64];
    char named[256], answer[256];
    bool prepared, multi, no_default, disabled;
} options;

typedef struct combo {
    rw_phase phase;
    rw_version version;
    bool mariadb;
} combo;

/* ---- files ------------------------------------------------------------------------------------------ */

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    b_buf b = {0};
    char part[4096];
    size_t n;

    if (f == NULL) {
        return NULL;
    }
    while ((n = fread(part, 1, sizeof(part), f)) > 0) {
        b_buf_add(&b, part, n);
    }
    fclose(f);
    b_buf_char(&b, '\0');
    return b.p;
}

static void option_line(options *o, const char *key, const char *value)
{
    struct {
        const char *name;
        char *to;
        size_t size;
    } texts[] = {{"phases", o->phases, sizeof(o->phases)},    {"versions", o->versions, sizeof(o->versions)},
                 {"servers", o->servers, sizeof(o->servers)}, {"mode", o->mode, sizeof(o->mode)},
                 {"schema", o->schema, sizeof(o->schema)},    {"temp", o->temp, sizeof(o->temp)},
                 {"charset", o->charset, sizeof(o->charset)}, {"release", o->release, sizeof(o->release)},
                 {"named", o->named, sizeof(o->named)},       {"answer", o->answer, sizeof(o->answer)}};
    struct {
        const char *name;
        bool *to;
    } flags[] = {{"prepared", &o->prepared},
                 {"multi", &o->multi},
                 {"no_default", &o->no_default},
                 {"disabled", &o->disabled}};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(texts[i].name, key) == 0) {
            snprintf(texts[i].to, texts[i].size, "%s", value);
        }
    }
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(flags[i].name, key) == 0) {
            *flags[i].to = strcmp(value, "yes") == 0;
        }
    }
}

/* Reads the head of the file; gives where the statements begin. */
static char *read_options(char *text, options *o)
{
    *o = (options){.phases = "planned expanded dual_write switched retired contracted finished",
                   .versions = "old new both",
                   .servers = "mysql",
                   .charset = "utf8mb4",
                   .schema = "shop"};
    while (strncmp(text, "-- ", 3) == 0) {
        char *end = strchr(text, '\n'), *colon;

        if (end == NULL) {
            break;
        }
        *end = '\0';
        colon = strstr(text, ": ");
        if (colon != NULL) {
            *colon = '\0';
            option_line(o, text + 3, colon + 2);
        }
        text = end + 1;
    }
    return text;
}

/* Up to `;` before the end of a line. NULL at the end. */
static char *next_statement(char **at)
{
    char *start = *at, *end;

    while (isspace((unsigned char)*start)) {
        start++;
    }
    if (*start == '\0') {
        return NULL;
    }
    end = strstr(start, ";\n");
    if (end == NULL) {
        return NULL;
    }
    *end = '\0';
    *at = end + 2;
    return start;
}

/* ---- rewriting -------------------------------------------------------------------------------------- */

static char schema_ddl[64 * 1024];

static rw_ruleset *rules_for(const options *o, combo c)
{
    world_opts w = {
        .phase = c.phase, .ddl = schema_ddl, .disabled = o->disabled, .no_default = o->no_default};

    w.server = c.mariadb ? (rw_server){RW_MARIADB, 101119, 0} : (rw_server){RW_MYSQL, 90704, 0};
    if (o->release[0] != '\0') {
        w.server.version = (unsigned)strtoul(o->release, NULL, 10);
    }
    return world_new(&w);
}

static void params_text(b_buf *out, const rw_param_map *map)
{
    if (map->identity) {
        return;
    }
    b_buf_str(out, "   -- params:");
    for (uint32_t i = 0; i < map->nout; i++) {
        b_buf_printf(out, " %u", (unsigned)map->source[i]);
    }
}

static void outcome_text(b_buf *out, const rw_result *r)
{
    switch (r->verdict) {
    case RW_PASS: b_buf_str(out, "(passes)"); break;
    case RW_REWRITTEN:
        b_buf_slice(out, r->sql);
        params_text(out, &r->params);
        break;
    case RW_REFUSED: b_buf_printf(out, "! %u %s %.*s", r->error, r->code, B_ARG(r->message)); break;
    }
    if (r->ask.n > 0) {
        b_buf_printf(out, "   -- asks for: %.*s", B_ARG(r->ask));
    }
    for (size_t i = 0; i < r->nrenewals; i++) {
        b_buf_printf(out, "   -- %s: %.*s", r->renewals[i].stale ? "stale" : "as", B_ARG(r->renewals[i].sql));
    }
}

/* `left => right`; right is left where there is none. */
static void halves(const char *text, b_slice *left, b_slice *right)
{
    const char *arrow = strstr(text, " => ");

    *left = *right = b_slice_str(text);
    if (arrow != NULL) {
        *left = b_slice_of(text, (size_t)(arrow - text));
        *right = b_slice_str(arrow + 4);
    }
}

static bool rewrite(const options *o, combo c, rw_ruleset *rules, const char *sql, b_arena *arena,
                    rw_result *r)
{
    rw_table_name temp = {b_slice_str(o->schema), b_slice_str(o->temp)};
    rw_named named = {.name = B_LIT("s"),
                      .sql_mode = rw_sql_mode_parse(b_slice_str(o->mode)),
                      .charset = rw_charset_parse(b_slice_str(o->charset)),
                      .schema = b_slice_str(o->schema)};
    rw_ctx ctx = {.sql_mode = named.sql_mode,
                  .charset = named.charset,
                  .named = &named,
                  .nnamed = o->named[0] != '\0',
                  .schema = b_slice_str(o->schema),
                  .version = c.version,
                  .temps = &temp,
                  .ntemps = o->temp[0] != '\0',
                  .multi = o->multi,
                  .prepared = o->prepared};

    halves(o->named, &named.text, &named.sent);
    if (o->answer[0] != '\0') {
        halves(o->answer, &ctx.answer.source, &ctx.answer.value);
    }
    return rw_rewrite(rules, &ctx, b_slice_str(sql), arena, r) == B_OK;
}

/* ---- comparing -------------------------------------------------------------------------------------- */

enum { MAX_COMBOS = 64 };

typedef struct run {
    options o;
    combo combos[MAX_COMBOS];
    rw_ruleset *rules[MAX_COMBOS];
    size_t n;
} run;

static bool wants(const char *list, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = strstr(list, word); at != NULL; at = strstr(at + 1, word)) {
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool run_init(run *r)
{
    for (int server = 0; server < 2; server++) {
        for (rw_phase ph = RW_PLANNED; ph <= RW_FINISHED; ph++) {
            for (rw_version v = RW_VERSION_OLD; v <= RW_VERSION_BOTH; v++) {
                combo c = {ph, v, server == 1};

                if (!wants(r->o.phases, rw_phase_name(ph)) || !wants(r->o.versions, rw_version_name(v)) ||
                    !wants(r->o.servers, server == 1 ? "mariadb" : "mysql")) {
                    continue;
                }
                r->combos[r->n] = c;
                r->rules[r->n] = rules_for(&r->o, c);
                if (r->rules[r->n++] == NULL) {
                    return false;
                }
            }
        }
    }
    return true;
}

static void run_deinit(run *r)
{
    for (size_t i = 0; i < r->n; i++) {
        rw_ruleset_unref(r->rules[i]);
    }
}

/* The phase of a refusal's message is left out, so that refusals alike in every phase are one. */
static void drop_phase(char *text, const char *phase)
{
    char mark[64], *at;

    snprintf(mark, sizeof(mark), "phase %s", phase);
    at = strstr(text, mark);
    if (text[0] == '!' && at != NULL) {
        memmove(at + 6, at + strlen(mark), strlen(at + strlen(mark)) + 1);
        memcpy(at, "phase.", 6);
    }
}

static void label(b_buf *out, const run *r, size_t i)
{
    const combo *c = &r->combos[i];

    b_buf_printf(out, " %s/%s%s", rw_phase_name(c->phase), rw_version_name(c->version),
                 c->mariadb && wants(r->o.servers, "mysql") ? "/mariadb" : "");
}

static bool one_statement(run *r, const char *sql, b_buf *out)
{
    char *texts[MAX_COMBOS] = {0};
    b_arena *arena = b_arena_new(0);
    bool ok = arena != NULL;

    for (size_t i = 0; ok && i < r->n; i++) {
        rw_result result;
        b_buf text = {0};

        b_arena_reset(arena);
        ok = rewrite(&r->o, r->combos[i], r->rules[i], sql, arena, &result);
        if (ok) {
            outcome_text(&text, &result);
        }
        texts[i] = text.p;
        ok = ok && text.p != NULL;
        if (ok) {
            drop_phase(texts[i], rw_phase_name(r->combos[i].phase));
        }
    }
    b_buf_printf(out, "%s;\n", sql);
    for (size_t i = 0; ok && i < r->n; i++) {
        bool said = false;

        for (size_t k = 0; k < i; k++) {
            said = said || strcmp(texts[k], texts[i]) == 0;
        }
        if (said) {
            continue;
        }
        b_buf_str(out, "  --");
        for (size_t k = i; k < r->n; k++) {
            if (strcmp(texts[k], texts[i]) == 0) {
                label(out, r, k);
            }
        }
        b_buf_printf(out, "\n    %s\n", texts[i]);
    }
    b_buf_char(out, '\n');
    for (size_t i = 0; i < r->n; i++) {
        free(texts[i]);
    }
    b_arena_free(arena);
    return ok;
}

static int compare(const char *path, const b_buf *got)
{
    char expect_path[512];
    char *expected;
    int n = snprintf(expect_path, sizeof(expect_path), "%.*s.expect", (int)(strlen(path) - 4), path), rc = 0;

    if (n < 0 || (size_t)n >= sizeof(expect_path)) {
        return 2;
    }
    if (getenv("STRADDLE_GOLDEN_UPDATE") != NULL) {
        FILE *f = fopen(expect_path, "wb");

        if (f == NULL || fwrite(got->p, 1, got->n, f) != got->n) {
            return 2;
        }
        fclose(f);
        return 0;
    }
    expected = read_file(expect_path);
    if (expected == NULL || strcmp(expected, b_buf_cstr(got)) != 0) {
        const char *text = b_buf_cstr(got);
        size_t at = 0, line = 1;

        for (; expected != NULL && expected[at] != '\0' && expected[at] == text[at]; at++) {
            line += text[at] == '\n';
        }
        fprintf(stderr, "golden: %s: what the rewriter gives differs from line %zu on:\n%.*s\n", expect_path,
                line, 800, b_buf_cstr(got) + at);
        rc = 1;
    }
    free(expected);
    return rc;
}

static int print_all(run *r, char *at)
{
    b_arena *arena = b_arena_new(0);
    const char *sql;
    int number = 0;

    while (arena != NULL && (sql = next_statement(&at)) != NULL) {
        rw_result result;

        b_arena_reset(arena);
        if (!rewrite(&r->o, r->combos[0], r->rules[0], sql, arena, &result)) {
            return 2;
        }
        printf("SELECT %d AS statement;\n", ++number);
        if (result.verdict == RW_REFUSED) {
            printf("SELECT 'refused' AS straddle;\n");
            fprintf(stderr, "%d: %.*s\n    %s\n", number, B_ARG(result.message), sql);
        } else {
            printf("%.*s;\n", B_ARG(result.sql));
        }
    }
    b_arena_free(arena);
    return 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: golden [--print PHASE VERSION SERVER] CASE.sql\n");
    return 2;
}

/* schema.sql lies in the folder above that of the cases. */
static bool read_schema(const char *path)
{
    const char *slash = strrchr(path, '/');
    char name[512], *text;

    snprintf(name, sizeof(name), "%.*s/../schema.sql", slash == NULL ? 1 : (int)(slash - path),
             slash == NULL ? "." : path);
    text = read_file(name);
    if (text == NULL) {
        return false;
    }
    snprintf(schema_ddl, sizeof(schema_ddl), "%s", text);
    free(text);
    return true;
}

int main(int argc, char **argv)
{
    run r = {0};
    const char *path = argc > 1 ? argv[argc - 1] : NULL;
    bool print = argc == 6 && strcmp(argv[1], "--print") == 0;
    char *text, *at;
    const char *sql;
    b_buf out = {0};
    int rc = 0;

    if ((argc != 2 && !print) || strlen(path) < 5 || !read_schema(path) || (text = read_file(path)) == NULL) {
        return usage();
    }
    at = read_options(text, &r.o);
    if (print) {
        option_line(&r.o, "phases", argv[2]);
        option_line(&r.o, "versions", argv[3]);
        option_line(&r.o, "servers", argv[4]);
    }
    if (!run_init(&r) || r.n == 0) {
        rc = 2;
    } else if (print) {
        rc = print_all(&r, at);
    } else {
        while (rc == 0 && (sql = next_statement(&at)) != NULL) {
            rc = one_statement(&r, sql, &out) ? 0 : 2;
        }
        if (rc == 0) {
            rc = compare(path, &out);
        }
    }
    run_deinit(&r);
    b_buf_deinit(&out);
    free(text);
    return rc;
}
