/* The differential tester: the same generated statements on a plain table and, through the proxy, on the
 * migrating one, must tell a client the same. See --help. */
#include "run.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Statements on one set of schemas; then come others, of the next seed. */
enum { ROUND = 6000 };

static const char help[] =
    "usage: differential [options]\n"
    "Generates statements, runs each in every phase on a plain table and through the proxy on a migrating "
    "one,\n"
    "and compares what the client is told and what is stored. The servers are those of STRADDLE_TEST_MYSQL "
    "and\n"
    "STRADDLE_TEST_MARIADB (host:port). Exit status 0 if nothing differed.\n"
    "\n"
    "  --seed N|random    what is generated (default 20261126)\n"
    "  --statements N     for each server (default 1500)\n"
    "  --cells N          of the twelve of version, name and protocol, a statement and phase (default 1)\n"
    "  --server NAME      mysql or mariadb only\n"
    "  --phase NAME       that phase only\n"
    "  --version NAME     old, new or both only\n"
    "  --only N           statement N of the run alone, in all cells\n"
    "  --weights LIST     of statement kinds: select=9,update=0 (also grouped, window, insert, delete, "
    "load,\n"
    "                     create, around, show)\n"
    "  --workers N        processes a server, of worlds of their own: 1, 2 or 4 (default 2)\n"
    "  --show N           cases to make minimal and print (default 10)\n"
    "  --tell NAME        print what the exception of that name (or all) covers\n"
    "  --replay FILE      the statements of a file, in the form in which cases are printed\n";

static int index_of(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return i;
    fprintf(stderr, "differential: no %s here; see --help\n", name);
    exit(2);
}

static uint64_t seed_of(const char *text)
{
    if (strcmp(text, "random") != 0) return strtoull(text, NULL, 10);
    return (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
}

/* ./check says by it how long the run is to be; half of the statements for each server. */
static void environment(dt_options *o)
{
    const char *seed = getenv("STRADDLE_SEED"), *many = getenv("STRADDLE_DIFFERENTIAL_STATEMENTS");
    if (seed != NULL) o->seed = seed_of(seed);
    if (many != NULL) o->statements = ((unsigned)strtoul(many, NULL, 10) + 1) / 2;
}

static void options(int argc, char **argv, dt_options *o, int *server)
{
    static const char *const servers[] = {"mysql", "mariadb"}, *const versions[] = {"old", "new", "both"};
    static const struct option names[] = {
        {"seed", 1, NULL, 's'},    {"statements", 1, NULL, 'n'}, {"cells", 1, NULL, 'c'},
        {"server", 1, NULL, 'S'},  {"phase", 1, NULL, 'p'},      {"version", 1, NULL, 'v'},
        {"only", 1, NULL, 'o'},    {"weights", 1, NULL, 'w'},    {"show", 1, NULL, 'k'},
        {"workers", 1, NULL, 'W'}, {"replay", 1, NULL, 'r'},     {"tell", 1, NULL, 't'},
        {"help", 0, NULL, 'h'},    {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 's': o->seed = seed_of(optarg); break;
        case 'n': o->statements = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'c': o->cells = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'S': *server = index_of(servers, 2, optarg); break;
        case 'p': o->phase = index_of(dt_phases, DT_PHASES, optarg); break;
        case 'v': o->version = index_of(versions, 3, optarg); break;
        case 'o': o->only = strtol(optarg, NULL, 10); break;
        case 'w': o->weights = optarg; break;
        case 'W': o->workers = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'k': o->shown = (unsigned)strtoul(optarg, NULL, 10); break;
        case 't': o->tell = optarg; break;
        case 'r': o->replay = optarg; break;
        case 'h': fputs(help, stdout); exit(0);
        default: exit(2);
        }
    }
}

static int by_count(const void *a, const void *b)
{
    unsigned long x = ((const dt_reason *)a)->count, y = ((const dt_reason *)b)->count;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void show(const ts_server *s, dt_totals *t, double seconds)
{
    printf("%s: %lu comparisons in %.0f s: %lu refused, %lu with a known exception, %lu different\n", s->name,
           t->compared, seconds, t->refused, t->excepted, t->differed);
    qsort(t->reasons, DT_REASONS, sizeof *t->reasons, by_count);
    for (size_t i = 0; i < DT_REASONS && t->reasons[i].count > 0; i++)
        printf("%8lu  %s\n          %s\n", t->reasons[i].count, t->reasons[i].text, t->reasons[i].example);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Each server in a process of its own: the proxy's and the server's time is most of it. */
static pid_t start(const dt_options *o, const ts_server *server, dt_totals *t)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) ts_die("fork: %s", strerror(errno));
    if (pid > 0) return pid;
    double from = now();
    dt_options round = *o;
    for (unsigned done = 0; done == 0 || done < o->statements; done += ROUND, round.seed++) {
        if (o->only < 0 && o->statements > ROUND)
            round.statements = o->statements - done < ROUND ? o->statements - done : ROUND;
        dt_run(&round, server, t);
        if (o->only >= 0 || o->replay != NULL) break;
        if (o->statements <= ROUND) continue;
        printf("%s: %u statements in %.0f s, %lu different; last seed %llu\n", server->name,
               done + round.statements, now() - from, t->differed, (unsigned long long)round.seed);
        fflush(stdout);
    }
    show(server, t, now() - from);
    fflush(stdout);
    exit(t->differed == 0 && t->compared > 0 ? 0 : 1);
}

int main(int argc, char **argv)
{
    dt_options o = {.seed = 20261126,
                    .statements = 1500,
                    .cells = 1,
                    .workers = 2,
                    .shown = 10,
                    .only = -1,
                    .phase = -1,
                    .version = -1};
    int server = -1, status, bad = 0;
    pid_t pids[2] = {0};
    environment(&o);
    options(argc, argv, &o, &server);
    dt_totals *t = mmap(NULL, 2 * sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (t == MAP_FAILED) ts_die("out of memory");
    printf("seed %llu, %u statements a server, each in %u cells a phase\n", (unsigned long long)o.seed,
           o.statements, o.cells);
    size_t n;
    const ts_server *servers = ts_servers(&n);
    for (int i = 0; i < 2; i++)
        if (server < 0 || server == i) pids[i] = start(&o, &servers[i], &t[i]);
    for (int i = 0; i < 2; i++)
        if (pids[i] > 0 && (waitpid(pids[i], &status, 0) < 0 || status != 0)) bad = 1;
    munmap(t, 2 * sizeof *t);
    return bad;
}
