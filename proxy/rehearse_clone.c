/* See rehearse_clone.h. */
#include "rehearse_clone.h"

#include "base/buf.h"

#include <errno.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { READY_MS = 60000, END_MS = 20000, STEP_MS = 50 };

static const char *const names[] = {"old", "new", "admin"};

static void nap(unsigned ms)
{
    nanosleep(&(struct timespec){ms / 1000, (long)(ms % 1000) * 1000000}, NULL);
}

/* ---- its configuration ---- */

static void text(b_buf *out, const char *before, const char *value)
{
    if (value == NULL) return;
    b_buf_printf(out, "%s'", before);
    for (const char *p = value; *p != '\0'; p++) b_buf_str(out, *p == '\'' ? "''" : (char[]){*p, '\0'});
    b_buf_str(out, "'");
}

static void tls(b_buf *out, const cfg_server *s)
{
    static const char *const modes[] = {"as_client", "disabled",  "preferred",
                                        "required",  "verify_ca", "verify_identity"};
    b_buf_printf(out, "  tls:\n    mode: %s\n", modes[s->tls_mode]);
    text(out, "    ca: ", s->tls.ca);
    text(out, "\n    certificate: ", s->tls.certificate);
    text(out, "\n    key: ", s->tls.key);
    text(out, "\n    ciphers: ", s->tls.ciphers);
    b_buf_str(out, "\n");
}

static void replicas_of(b_buf *out, const char *list)
{
    b_buf_str(out, "replicas:\n");
    for (const char *p = list; *p != '\0';) {
        size_t n = strcspn(p, ",");
        b_buf_printf(out, "  - address: '%.*s'\n", (int)n, p);
        p += n + (p[n] == ',');
    }
}

/* Passwords are not in the file: they are in the child's environment. */
static void configuration(const px_clone *k, const cfg_config *c, const char *replicas, b_buf *out)
{
    b_buf_str(out, "listeners:\n");
    for (int i = 0; i < 2; i++)
        b_buf_printf(out, "  - {address: '%s', schema_version: %s, socket_mode: owner, tls: off}\n",
                     k->sockets[i], names[i]);
    b_buf_printf(out,
                 "admin:\n  address: '%s'\n  tls: off\n  users:\n    - {name: rehearse, password_env: "
                 "STRADDLE_REHEARSE_ADMIN, role: operator}\nbackend:\n  password_env: STRADDLE_REHEARSE_DB\n",
                 k->sockets[PX_CLONE_ADMIN]);
    text(out, "  address: ", k->server->address.text);
    text(out, "\n  user: ", k->server->user);
    b_buf_str(out, "\n");
    tls(out, k->server);
    if (replicas != NULL) replicas_of(out, replicas);
    b_buf_printf(out, "limits: {phase_timeout_ms: %u}\nlog: {file: '%s/log'}\n", c->phase_timeout_ms,
                 k->folder);
}

static b_status write_file(const char *path, const b_buf *what, b_err *err)
{
    FILE *f = what->failed ? NULL : fopen(path, "w");
    bool good = f != NULL && fwrite(b_buf_cstr(what), 1, what->n, f) == what->n;
    if (f != NULL) good = fclose(f) == 0 && good;
    return good ? B_OK : b_fail(err, B_IO, "cannot write %s: %s", path, strerror(errno));
}

static b_status make_folder(px_clone *k, b_err *err)
{
    unsigned char random[16];
    snprintf(k->folder, sizeof k->folder, "/tmp/straddle-rehearsal-XXXXXX");
    if (mkdtemp(k->folder) == NULL || RAND_bytes(random, sizeof random) != 1) {
        k->folder[0] = '\0';
        return b_fail(err, B_IO, "cannot make a folder in /tmp: %s", strerror(errno));
    }
    for (size_t i = 0; i < sizeof random; i++) snprintf(k->password + 2 * i, 3, "%02x", random[i]);
    for (int i = 0; i < 3; i++)
        snprintf(k->sockets[i], sizeof k->sockets[i], "%s/%s.sock", k->folder, names[i]);
    return B_OK;
}

/* ---- the process ---- */

/* It ends with the one that started it, however that ends, also where that was before it asked for it. */
static void become(const px_clone *k, const char *file, pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent) _exit(127);
    char *argv[] = {(char[]){"straddle"}, (char[]){"serve"}, (char[]){"-c"}, NULL, NULL};
    char path[128];
    snprintf(path, sizeof path, "%s", file);
    argv[3] = path;
    setenv("STRADDLE_REHEARSE_ADMIN", k->password, 1);
    setenv("STRADDLE_REHEARSE_DB", k->server->password == NULL ? "" : k->server->password, 1);
    execv("/proc/self/exe", argv);
    _exit(127);
}

static b_status await_ready(px_clone *k, b_err *err)
{
    for (unsigned ms = 0; ms < READY_MS; ms += STEP_MS, nap(STEP_MS)) {
        mig_db *db = NULL;
        b_err none;
        int status;
        if (px_clone_connect(k, PX_CLONE_ADMIN, NULL, &db, &none) == B_OK) {
            mig_db_close(db);
            return B_OK;
        }
        if (waitpid(k->pid, &status, WNOHANG) != k->pid) continue;
        k->pid = 0;
        break;
    }
    return b_fail(err, B_LOST, "the proxy in front of the clone does not come up; its log is %s/log",
                  k->folder);
}

b_status px_clone_start(px_clone *k, const cfg_config *c, const cfg_server *server, const char *replicas,
                        b_err *err)
{
    char path[96];
    b_buf yaml = {0};
    *k = (px_clone){.server = server};
    b_status s = make_folder(k, err);
    snprintf(path, sizeof path, "%s/straddle.yaml", k->folder);
    if (s == B_OK) configuration(k, c, replicas, &yaml);
    if (s == B_OK) s = write_file(path, &yaml, err);
    b_buf_deinit(&yaml);
    if (s != B_OK) return s;
    fflush(NULL);
    pid_t parent = getpid();
    k->pid = fork();
    if (k->pid == 0) become(k, path, parent);
    if (k->pid < 0) {
        k->pid = 0;
        return b_fail(err, B_IO, "cannot start a process: %s", strerror(errno));
    }
    return await_ready(k, err);
}

static void end(px_clone *k)
{
    int status;
    kill(k->pid, SIGTERM);
    for (unsigned ms = 0; ms < END_MS; ms += STEP_MS, nap(STEP_MS))
        if (waitpid(k->pid, &status, WNOHANG) == k->pid) return;
    kill(k->pid, SIGKILL);
    waitpid(k->pid, &status, 0);
}

void px_clone_stop(px_clone *k, bool keep)
{
    char path[128];
    if (k->pid > 0) end(k);
    k->pid = 0;
    if (k->folder[0] == '\0') return;
    for (int i = 0; i < 3; i++) unlink(k->sockets[i]);
    snprintf(path, sizeof path, "%s/straddle.yaml", k->folder);
    unlink(path);
    if (keep) return;
    snprintf(path, sizeof path, "%s/log", k->folder);
    unlink(path);
    rmdir(k->folder);
}

/* ---- connections ---- */

b_status px_clone_connect(const px_clone *k, int where, const char *schema, mig_db **out, b_err *err)
{
    bool admin = where == PX_CLONE_ADMIN;
    mig_db_options o = {.socket = k->sockets[where],
                        .user = admin ? "rehearse" : k->server->user,
                        .password = admin ? k->password : k->server->password,
                        .schema = schema,
                        .tls = MIG_DB_TLS_OFF,
                        .connect_timeout_ms = 5000,
                        .program_name = "straddle rehearse"};
    return mig_db_open(&o, out, err);
}
