/* See lexing.h and --help. */
#include "lexing.h"
#include "spelling.h"

#include "differential/tape.h"

#include <getopt.h>
#include <mysql/mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
    "usage: lexing [options]\n"
    "Texts that are hard to cut into tokens, under every sql_mode and character set that changes how: as "
    "they are,\n"
    "and written anew from our tokens, they must mean the same to the server. The servers are those of\n"
    "STRADDLE_TEST_MYSQL and STRADDLE_TEST_MARIADB (host:port). Exit status 0 if nothing differed.\n"
    "\n"
    "  --seed N|random    what is generated (default 20261126)\n"
    "  --cases N          for each server (default 3000)\n"
    "  --seconds N        for each server, instead\n"
    "  --server NAME      mysql or mariadb only\n"
    "  --show N           of what differs (default 10)\n"
    "  --all              also of what is refused though the server takes it, and of what the server does "
    "not take\n"
    "  --text TEXT        this one alone, with --mode and --charset; \\xNN in it is a byte\n";

typedef struct options {
    uint64_t seed;
    unsigned long cases, seconds;
    unsigned show;
    bool all;
    const char *server, *text, *mode, *charset;
} options;

typedef struct totals {
    unsigned long n[LX_DIFFERENT + 1];
    unsigned shown[LX_DIFFERENT + 1];
} totals;

enum { CASES_PER_SETTING = 40 };

static const char *const verdicts[] = {"same", "cut by neither", "cut by us alone", "refused", "DIFFERENT"};

static uint64_t seed_of(const char *text)
{
    if (strcmp(text, "random") != 0) return strtoull(text, NULL, 10);
    return (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
}

static void read_options(int argc, char **argv, options *o)
{
    static const struct option names[] = {
        {"seed", 1, NULL, 's'}, {"cases", 1, NULL, 'n'}, {"seconds", 1, NULL, 't'}, {"server", 1, NULL, 'S'},
        {"show", 1, NULL, 'k'}, {"text", 1, NULL, 'x'},  {"mode", 1, NULL, 'm'},    {"charset", 1, NULL, 'c'},
        {"all", 0, NULL, 'a'},  {"help", 0, NULL, 'h'},  {NULL, 0, NULL, 0},
    };
    const char *seed = getenv("STRADDLE_SEED"), *many = getenv("STRADDLE_LEXING_CASES");
    if (seed != NULL) o->seed = seed_of(seed);
    if (many != NULL) o->cases = (strtoul(many, NULL, 10) + 1) / 2;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 's': o->seed = seed_of(optarg); break;
        case 'n': o->cases = strtoul(optarg, NULL, 10); break;
        case 't': o->seconds = strtoul(optarg, NULL, 10); break;
        case 'S': o->server = optarg; break;
        case 'k': o->show = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'x': o->text = optarg; break;
        case 'm': o->mode = optarg; break;
        case 'c': o->charset = optarg; break;
        case 'a': o->all = true; break;
        case 'h': fputs(help, stdout); exit(0);
        default: exit(2);
        }
    }
}

static rw_server server_of(ts_conn *c, const ts_server *s)
{
    unsigned long v = mysql_get_server_version(ts_handle(c));
    return (rw_server){s->mariadb ? RW_MARIADB : RW_MYSQL, (uint32_t)v, 0};
}

static ts_conn *connect_to(const ts_server *s)
{
    ts_conn *c = ts_connect(
        &(ts_login){.host = s->host, .port = s->port, .user = "root", .flags = CLIENT_MULTI_STATEMENTS});
    ts_do(c, "CREATE DATABASE IF NOT EXISTS lexing");
    ts_do(c, "USE lexing");
    ts_do(c, "DROP TABLE IF EXISTS t");
    ts_do(c, "CREATE TABLE t (a int, b int, e1 int, `x y` int)");
    ts_do(c, "INSERT INTO t VALUES (1, 2, 3, 4)");
    return c;
}

static void enter(ts_conn *c, const lx_setting *to, rw_ctx *ctx)
{
    ts_do(c, "SET SESSION sql_mode = '%s'", to->mode);
    ts_do(c, "SET NAMES %s", to->charset);
    char now[1024];
    ts_text(c, now, sizeof now, "SELECT @@sql_mode");
    *ctx = (rw_ctx){.sql_mode = rw_sql_mode_parse(b_slice_str(now)),
                    .charset = rw_charset_parse(b_slice_str(to->charset)),
                    .spelling = rw_charset_number(b_slice_str(to->charset)),
                    .multi = true};
}

typedef struct place { /* where a text is tried */
    const options *o;
    const ts_server *s;
    ts_conn *c;
    rw_server server;
    rw_ctx ctx;
    lx_setting setting;
} place;

static void report(const place *p, lx_verdict v, b_buf *sql)
{
    b_buf text = {0}, why = {0};
    lx_shorten(p->c, &p->ctx, p->server, v, sql);
    lx_print(b_buf_view(sql), &text);
    lx_compare(p->c, &p->ctx, p->server, b_buf_view(sql), &why);
    printf("%s, %s, sql_mode '%s': %s\ntext: %s\n%s\n", p->s->name, p->setting.charset, p->setting.mode,
           verdicts[v], b_buf_cstr(&text), b_buf_cstr(&why));
    fflush(stdout);
    b_buf_deinit(&text), b_buf_deinit(&why);
}

static void try(const place *p, b_buf *sql, totals *t)
{
    lx_verdict v = lx_compare(p->c, &p->ctx, p->server, b_buf_view(sql), NULL);
    bool wanted = v == LX_DIFFERENT || (p->o->all && v > LX_BOTH_BAD);
    t->n[v]++;
    if (wanted && t->shown[v]++ < p->o->show) report(p, v, sql);
}

static const char *pick_mode(uint64_t *random, bool mariadb)
{
    return lx_modes[dt_random(random, mariadb ? LX_MODES : LX_MODES - 2)];
}

static bool more(const options *o, const totals *t, time_t from)
{
    unsigned long n = 0;
    for (int i = 0; i <= LX_DIFFERENT; i++) n += t->n[i];
    return o->seconds > 0 ? (unsigned long)(time(NULL) - from) < o->seconds : n < o->cases;
}

static const char *pick_charset(uint64_t *random, bool mariadb)
{
    const char *charset = lx_charsets[dt_random(random, LX_CHARSETS)];
    return mariadb && strcmp(charset, "gb18030") == 0 ? "gbk" : charset; /* which it does not have */
}

/* All those that the server lists and that we have a number for. */
static void characters(const place *p, totals *t)
{
    ts_do(p->c, "SET NAMES utf8mb4");
    ts_result *r = ts_query(p->c, "SHOW CHARACTER SET");
    for (size_t i = 0; i < r->nrows; i++) {
        const char *name = r->cells[i * r->ncols];
        unsigned known = 0;
        if (rw__charset_entry(rw_charset_number(b_slice_str(name)))->iconv == NULL) continue;
        t->n[LX_DIFFERENT] += lx_characters(p->c, name, &known);
        printf("%s, %s: %u characters outside ASCII\n", p->s->name, name, known);
    }
    ts_result_free(r);
}

static place place_at(const options *o, const ts_server *s)
{
    place p = {.o = o, .s = s, .c = connect_to(s)};
    p.server = server_of(p.c, s);
    return p;
}

static void run(const options *o, const ts_server *s, totals *t)
{
    place p = place_at(o, s);
    uint64_t random = o->seed;
    b_buf sql = {0};
    characters(&p, t);
    for (size_t i = 0; lx_row(i, s->mariadb, &p.setting, &sql); i++) {
        if (sql.n == 0) continue;
        enter(p.c, &p.setting, &p.ctx);
        try(&p, &sql, t);
    }
    for (time_t from = time(NULL); more(o, t, from);) {
        p.setting.charset = pick_charset(&random, s->mariadb);
        p.setting.mode = pick_mode(&random, s->mariadb);
        enter(p.c, &p.setting, &p.ctx);
        for (int i = 0; i < CASES_PER_SETTING; i++) {
            b_buf_clear(&sql);
            lx_generate(&random, &sql);
            try(&p, &sql, t);
        }
    }
    b_buf_deinit(&sql);
    ts_close(p.c);
}

/* \xNN and \\ in what is given by hand. */
static void read_text(const char *p, b_buf *out)
{
    for (; *p != '\0'; p++) {
        if (p[0] == '\\' && p[1] == 'x' && p[2] != '\0' && p[3] != '\0') {
            char hex[3] = {p[2], p[3], '\0'};
            b_buf_char(out, (char)strtoul(hex, NULL, 16));
            p += 3;
        } else {
            if (p[0] == '\\' && p[1] == '\\') p++;
            b_buf_char(out, *p);
        }
    }
}

static void one(const options *o, const ts_server *s, totals *t)
{
    place p = place_at(o, s);
    b_buf sql = {0}, why = {0};
    p.setting = (lx_setting){o->charset, o->mode};
    read_text(o->text, &sql);
    enter(p.c, &p.setting, &p.ctx);
    lx_verdict v = lx_compare(p.c, &p.ctx, p.server, b_buf_view(&sql), &why);
    t->n[v]++;
    printf("%s: %s\n%s\n", s->name, verdicts[v], b_buf_cstr(&why));
    b_buf_deinit(&sql), b_buf_deinit(&why);
    ts_close(p.c);
}

int main(int argc, char **argv)
{
    options o = {.seed = 20261126, .cases = 3000, .show = 10, .mode = "", .charset = "utf8mb4"};
    unsigned long bad = 0;
    size_t n;
    read_options(argc, argv, &o);
    const ts_server *servers = ts_servers(&n);
    printf("seed %llu\n", (unsigned long long)o.seed);
    for (size_t i = 0; i < n; i++) {
        totals t = {.n = {0}};
        if (o.server != NULL && strcmp(o.server, servers[i].name) != 0) continue;
        if (o.text != NULL)
            one(&o, &servers[i], &t);
        else
            run(&o, &servers[i], &t);
        printf("%s: %lu cut alike, %lu by neither, %lu by us alone, %lu refused, %lu different\n",
               servers[i].name, t.n[LX_SAME], t.n[LX_BOTH_BAD], t.n[LX_LOOSER], t.n[LX_UNCUT],
               t.n[LX_DIFFERENT]);
        bad += t.n[LX_DIFFERENT];
    }
    return bad == 0 ? 0 : 1;
}
