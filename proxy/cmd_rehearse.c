/* See cmd_rehearse.h. The clone is told from the database by a token (migrate/rehearsal.c); the proxy before
 * it is a process of its own (rehearse_clone.c); rehearse.c walks. */
#include "cmd_rehearse.h"

#include "options.h"
#include "rehearse.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    const char *config, *migration, *on, *user, *password_env, *replicas;
    unsigned seconds, rate, patience;
    bool help;
} options;

static const char usage[] =
    "Usage: straddle rehearse [-c FILE] --migration NAME|FILE --on ADDRESS [options]\n"
    "\n"
    "Takes a migration through all of its phases, forward, back and forward again, on a clone of the "
    "database\n"
    "that was restored from a backup, under generated statements by the old and by the new name, and keeps\n"
    "times, latencies and checksums in the database (SHOW REHEARSALS). The clone is used up by it. A server "
    "that\n"
    "is the database itself, or a replica, is refused.\n"
    "\n"
    "  -c, --config FILE        of the instance; default straddle.yaml\n"
    "      --migration NAME     of the configuration's; or the file of a definition\n"
    "      --on ADDRESS         the clone: host:port, or the path of a unix socket\n"
    "      --user NAME          account on the clone; default backend.user\n"
    "      --password-env NAME  variable that holds its password; default backend's password\n"
    "      --replicas LIST      replicas of the clone, addresses by commas, whose lag is watched\n"
    "      --seconds N          of load in each phase; default 10\n"
    "      --rate N             statements a second; default 100; 0 = no load\n"
    "      --patience N         seconds that the backfill may stand still; default 600\n"
    "\n"
    "Exit status: 0 passed, 1 it did not, 2 wrong usage or configuration\n";

static int fail(const char *what, const b_err *err)
{
    fprintf(stderr, "straddle rehearse: %s%s%s\n", what, what[0] == '\0' ? "" : ": ", err->msg);
    return PX_EXIT_FAILED;
}

/* ---- with the clone at hand ---- */

static b_status replicas(px_rehearsal *r, const options *o, const cfg_server *clone, b_err *err)
{
    b_status s = B_OK;
    for (const char *p = o->replicas == NULL ? "" : o->replicas; s == B_OK && *p != '\0';) {
        char text[300];
        size_t n = strcspn(p, ",");
        cfg_server one = *clone;
        snprintf(text, sizeof text, "%.*s", (int)n, p);
        p += n + (p[n] == ',');
        mig_db **more = realloc(r->replicas, (r->nreplicas + 1) * sizeof *more);
        if (more == NULL) return b_fail(err, B_NOMEM, "out of memory");
        r->replicas = more;
        s = cfg_address_parse(text, &one.address, err);
        if (s != B_OK) return s;
        s = mig_connect(&one, clone, 5000, &r->replicas[r->nreplicas], err);
        cfg_address_deinit(&one.address);
        if (s == B_OK) r->nreplicas++;
    }
    return s;
}

static b_status with_proxy(px_rehearsal *r, const options *o, b_err *err)
{
    b_status s = px_clone_connect(r->clone, PX_CLONE_ADMIN, NULL, &r->admin, err);
    if (s == B_OK) s = px_script_learn(r->direct, r->m, &r->script, err);
    if (s == B_OK) s = px_load_new(r->clone, r->script, r->m->schema, o->rate, &r->load, err);
    if (s == B_OK) s = px_rehearse(r, err);
    px_load_stop(r->load);
    px_script_free(r->script);
    mig_db_close(r->admin);
    return s;
}

static b_status on_clone(const options *o, const cfg_config *c, const cfg_server *server, mig_db *db,
                         const char *token, px_rehearsal *r, b_err *err)
{
    px_clone k = {.pid = 0};
    b_status s = mig_connect(server, &c->backend, 5000, &r->direct, err);
    if (s == B_OK) s = mig_rehearsal_is_clone(db, r->direct, token, err);
    if (s == B_OK) s = mig_rehearsal_clean(r->direct, err);
    if (s == B_OK) s = replicas(r, o, server, err);
    if (s == B_OK) {
        s = px_clone_start(&k, c, server, o->replicas, err);
        r->clone = &k;
        if (s == B_OK) s = with_proxy(r, o, err);
        if (s != B_OK)
            fprintf(stderr, "straddle rehearse: the log of the proxy before the clone is %s/log\n", k.folder);
        px_clone_stop(&k, s != B_OK);
        r->clone = NULL;
    }
    for (size_t i = 0; i < r->nreplicas; i++) mig_db_close(r->replicas[i]);
    free(r->replicas);
    mig_db_close(r->direct);
    return s;
}

static int rehearse(const options *o, const cfg_config *c, const cfg_migration *m, const cfg_server *server)
{
    char token[33] = "", result[1000];
    mig_db *db = NULL;
    b_err err = {0}, last = {0};
    px_rehearsal r = {.m = m, .seconds = o->seconds, .patience = o->patience};
    if (mig_connect(&c->backend, &c->backend, c->connect_timeout_ms, &db, &err) != B_OK)
        return fail("cannot log in at the database, which keeps the record", &err);
    b_status s = mig_rehearsal_begin(db, m, server->address.text, token, &err);
    if (s == B_OK) {
        s = on_clone(o, c, server, db, token, &r, &err);
        snprintf(result, sizeof result, "%s%.900s",
                 s == B_OK ? "passed" : "failed: ", s == B_OK ? "" : err.msg);
        r.record.result = result;
        if (r.record.steps == NULL) r.record.steps = "[]";
        if (mig_rehearsal_end(db, token, &r.record, &last) != B_OK)
            fail("the record could not be written", &last), s = s == B_OK ? B_IO : s;
    }
    b_buf_deinit(&r.steps);
    mig_db_close(db);
    if (s != B_OK) return last.msg[0] != '\0' ? PX_EXIT_FAILED : fail("", &err);
    printf(
        "passed: %llu rows, %llu statements, 0 errors, %llu conflicts, checksum clean, worst p99 %.1f ms\n",
        (unsigned long long)r.record.rows_after, (unsigned long long)r.record.statements,
        (unsigned long long)r.record.conflicts, (double)r.record.worst_p99_us / 1000);
    return PX_EXIT_OK;
}

/* ---- what was asked for ---- */

static const cfg_migration *find(const cfg_config *c, const char *name, cfg_migration **loaded)
{
    b_buf diag = {0};
    for (size_t i = 0; i < c->nmigrations; i++)
        if (strcmp(c->migrations[i]->name, name) == 0) return c->migrations[i];
    *loaded = cfg_migration_load(name, &diag);
    if (*loaded == NULL)
        fprintf(
            stderr,
            "straddle rehearse: %s is no migration of the configuration, and no file that can be read:\n%s",
            name, b_buf_cstr(&diag));
    b_buf_deinit(&diag);
    return *loaded;
}

static int with_config(const options *o, const cfg_config *c)
{
    cfg_migration *loaded = NULL;
    b_err err = {0};
    cfg_server server = c->backend;
    const cfg_migration *m = find(c, o->migration, &loaded);
    if (m == NULL) return PX_EXIT_USAGE;
    if (o->user != NULL) server.user = strdup(o->user);
    const char *password = o->password_env == NULL ? c->backend.password : getenv(o->password_env);
    server.password = password == NULL ? NULL : strdup(password);
    int status = PX_EXIT_USAGE;
    if (cfg_address_parse(o->on, &server.address, &err) == B_OK) {
        status = rehearse(o, c, m, &server);
        cfg_address_deinit(&server.address);
    } else {
        fail("--on", &err);
    }
    if (o->user != NULL) free(server.user);
    if (server.password != NULL) explicit_bzero(server.password, strlen(server.password));
    free(server.password);
    cfg_migration_free(loaded);
    return status;
}

static bool whole_number(const char *text, unsigned least, unsigned most, unsigned *out)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || v < least || v > most) {
        fprintf(stderr, "straddle rehearse: \"%s\": write a whole number from %u to %u\n", text, least, most);
        return false;
    }
    *out = (unsigned)v;
    return true;
}

static bool take(int option, options *o)
{
    switch (option) {
    case 'c': o->config = optarg; return true;
    case 'm': o->migration = optarg; return true;
    case 'o': o->on = optarg; return true;
    case 'u': o->user = optarg; return true;
    case 'p': o->password_env = optarg; return true;
    case 'r': o->replicas = optarg; return true;
    case 's': return whole_number(optarg, 0, 86400, &o->seconds);
    case 'n': return whole_number(optarg, 0, 100000, &o->rate);
    case 'w': return whole_number(optarg, 1, 864000, &o->patience);
    case 'h': o->help = true; return true;
    default: return false;
    }
}

static bool parse(int argc, char **argv, options *o)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"migration", required_argument, NULL, 'm'},
                                          {"on", required_argument, NULL, 'o'},
                                          {"user", required_argument, NULL, 'u'},
                                          {"password-env", required_argument, NULL, 'p'},
                                          {"replicas", required_argument, NULL, 'r'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {"rate", required_argument, NULL, 'n'},
                                          {"patience", required_argument, NULL, 'w'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "c:h", known, NULL)) != -1;)
        if (!take(option, o)) return false;
    if (o->help) return true;
    if (optind == argc && o->migration != NULL && o->on != NULL) return true;
    fputs("straddle rehearse: --migration and --on are needed, and nothing else\n", stderr);
    return false;
}

int px_cmd_rehearse(int argc, char **argv)
{
    options o = {.config = "straddle.yaml", .seconds = 10, .rate = 100, .patience = 600};
    b_buf diag = {0};
    if (!parse(argc, argv, &o)) {
        fputs(usage, stderr);
        return PX_EXIT_USAGE;
    }
    if (o.help) {
        fputs(usage, stdout);
        return PX_EXIT_OK;
    }
    signal(SIGPIPE, SIG_IGN);
    cfg_config *c = cfg_load(o.config, &diag);
    if (c == NULL) fputs(b_buf_cstr(&diag), stderr);
    b_buf_deinit(&diag);
    int status = c == NULL ? PX_EXIT_USAGE : with_config(&o, c);
    cfg_free(c);
    return status;
}
