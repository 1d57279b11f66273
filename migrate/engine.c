/* The engine's life: settings, connections, start and stop. What it does is in the other files. */
#include "mig.h"

#include "migrate/rehearsal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t mig__now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

bool mig__stopping(mig_engine *e)
{
    pthread_mutex_lock(&e->mu);
    bool stop = e->stop;
    pthread_mutex_unlock(&e->mu);
    return stop;
}

struct timespec mig__from_now(uint32_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
    return t;
}

void mig__sleep(mig_engine *e, uint32_t ms)
{
    struct timespec until = mig__from_now(ms);
    pthread_mutex_lock(&e->mu);
    while (!e->stop && pthread_cond_timedwait(&e->wake, &e->mu, &until) == 0) continue;
    pthread_mutex_unlock(&e->mu);
}

/* ---- settings ---- */

static bool put(char *to, size_t size, const char *from)
{
    return snprintf(to, size, "%s", from == NULL ? "" : from) < (int)size;
}

/* The engine is no client's: for it, as_client means preferred. The client library
 * verifies by a CA that is named, or else together with the host's name. */
static mig_db_tls tls_of(const cfg_server *s)
{
    bool socket = s->address.path != NULL;
    switch (s->tls_mode) {
    case CFG_TLS_AS_CLIENT:
    case CFG_TLS_PREFERRED: return socket ? MIG_DB_TLS_OFF : MIG_DB_TLS_PREFERRED;
    case CFG_TLS_DISABLED: return MIG_DB_TLS_OFF;
    case CFG_TLS_MUST: return MIG_DB_TLS_REQUIRED;
    case CFG_TLS_VERIFY_CA: return s->tls.ca != NULL ? MIG_DB_TLS_VERIFY_CA : MIG_DB_TLS_VERIFY_IDENTITY;
    case CFG_TLS_VERIFY_IDENTITY: return MIG_DB_TLS_VERIFY_IDENTITY;
    }
    return MIG_DB_TLS_VERIFY_IDENTITY;
}

static b_status copy_server(mig__server *to, const cfg_server *from, const cfg_server *or_else, b_err *err)
{
    const char *user = from->user != NULL ? from->user : or_else->user;
    const char *password = from->password != NULL ? from->password : or_else->password;
    bool fits = put(to->host, sizeof to->host, from->address.host) &&
                put(to->socket, sizeof to->socket, from->address.path) &&
                put(to->user, sizeof to->user, user) && put(to->password, sizeof to->password, password) &&
                put(to->text, sizeof to->text, from->address.text);
    to->port = from->address.port;
    to->tls = tls_of(from);
    fits = fits && put(to->tls_ca, sizeof to->tls_ca, from->tls.ca) &&
           put(to->tls_certificate, sizeof to->tls_certificate, from->tls.certificate) &&
           put(to->tls_key, sizeof to->tls_key, from->tls.key) &&
           put(to->tls_ciphers, sizeof to->tls_ciphers, from->tls.ciphers);
    return fits ? B_OK
                : b_fail(err, B_TOO_BIG,
                         "address, user, password or a file's name of a server is too long; shorten it");
}

b_status mig__settings_copy(mig__settings *s, const cfg_config *c, b_err *err)
{
    *s = (mig__settings){.phase_timeout_ms = c->phase_timeout_ms,
                         .lease_ms = c->lease_ms < 1000 ? 1000 : c->lease_ms,
                         .poll_ms = c->poll_ms == 0 ? 100 : c->poll_ms,
                         .connect_timeout_ms = c->connect_timeout_ms};
    b_status st = copy_server(&s->backend, &c->backend, &c->backend, err);
    s->replicas = calloc(c->nreplicas + 1, sizeof *s->replicas);
    if (s->replicas == NULL) return b_fail(err, B_NOMEM, "out of memory for the engine's settings");
    for (size_t i = 0; st == B_OK && i < c->nreplicas; i++, s->nreplicas++)
        st = copy_server(&s->replicas[i], &c->replicas[i], &c->backend, err);
    if (st == B_OK) st = mig__practices_copy(&s->practices, c, err);
    if (st != B_OK) mig__settings_deinit(s);
    return st;
}

void mig__settings_deinit(mig__settings *s)
{
    free(s->replicas);
    explicit_bzero(s, sizeof *s);
}

mig__settings mig__settings_get(mig_engine *e)
{
    pthread_mutex_lock(&e->mu);
    mig__settings s = e->settings;
    pthread_mutex_unlock(&e->mu);
    s.replicas = NULL, s.nreplicas = 0;
    return s;
}

b_status mig__connect_to(const mig__server *s, uint32_t connect_ms, uint32_t read_ms, mig_db **out,
                         b_err *err)
{
    mig_db_options o = {.host = s->socket[0] != '\0' ? NULL : s->host,
                        .socket = s->socket[0] != '\0' ? s->socket : NULL,
                        .port = s->port,
                        .user = s->user,
                        .password = s->password,
                        .connect_timeout_ms = connect_ms,
                        .tls = s->tls,
                        .tls_ca = s->tls_ca,
                        .tls_certificate = s->tls_certificate,
                        .tls_key = s->tls_key,
                        .tls_ciphers = s->tls_ciphers,
                        .read_timeout_ms = read_ms,
                        .program_name = "straddle-engine"};
    b_status st = mig_db_open(&o, out, err);
    /* sql_mode: quoting as b_buf_quote does it. time_zone: as INNODB_TRX tells its times. */
    if (st == B_OK)
        st = mig_db_query(
            *out,
            "SET SESSION sql_mode = '', time_zone = 'SYSTEM', autocommit = 1, wait_timeout = 28800, "
            "innodb_lock_wait_timeout = 5, lock_wait_timeout = 20, max_error_count = 65535",
            NULL, err);
    if (st == B_OK)
        st = mig_db_query(*out, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", NULL, err);
    if (st != B_OK) {
        mig_db_close(*out);
        *out = NULL;
    }
    return st;
}

b_status mig_connect(const cfg_server *server, const cfg_server *or_else, uint32_t connect_ms, mig_db **out,
                     b_err *err)
{
    mig__server s = {.port = 0};
    b_status st = copy_server(&s, server, or_else, err);
    if (st == B_OK) st = mig__connect_to(&s, connect_ms, 0, out, err);
    explicit_bzero(&s, sizeof s);
    return st;
}

b_status mig__connect(mig_engine *e, uint32_t read_ms, mig_db **out, b_err *err)
{
    mig__settings s = mig__settings_get(e);
    b_status st = mig__connect_to(&s.backend, s.connect_timeout_ms, read_ms, out, err);
    explicit_bzero(&s, sizeof s);
    return st;
}

/* ---- life ---- */

static void make_id(mig_engine *e)
{
    char host[80] = "host";
    if (gethostname(host, sizeof host - 1) != 0) snprintf(host, sizeof host, "host");
    for (char *p = host; *p != '\0'; p++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.", *p) == NULL) *p = '-';
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    snprintf(e->id, sizeof e->id, "%s-%ld-%llx", host, (long)getpid(),
             (unsigned long long)t.tv_sec * 1000000ULL + (unsigned long long)t.tv_nsec / 1000);
}

static void init_locks(mig_engine *e)
{
    pthread_condattr_t attr;
    pthread_mutex_init(&e->op, NULL);
    pthread_mutex_init(&e->mu, NULL);
    pthread_mutex_init(&e->xa_mu, NULL);
    pthread_mutex_init(&e->census_mu, NULL);
    pthread_mutex_init(&e->publish, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&e->wake, &attr);
    pthread_condattr_destroy(&attr);
}

mig_engine *mig_engine_new(const cfg_config *config, const mig_host *host, b_log *log, b_err *err)
{
    mig_engine *e = calloc(1, sizeof *e);
    if (e == NULL) {
        (void)b_fail(err, B_NOMEM, "out of memory for the migration engine");
        return NULL;
    }
    e->config = config, e->host = *host, e->log = log, e->live = true;
    init_locks(e);
    mig__registrar_init(e);
    make_id(e);
    mig__know_self(e);
    e->hooks = mig__hooks_new(log);
    e->shadow = mig__shadow_new();
    bool made = e->hooks != NULL && e->shadow != NULL;
    if (!made) (void)b_fail(err, B_NOMEM, "out of memory for the engine's threads");
    if (!made || mig__hooks_set(e->hooks, config, err) != B_OK ||
        mig__settings_copy(&e->settings, config, err) != B_OK) {
        mig_engine_free(e);
        return NULL;
    }
    return e;
}

static b_status known(mig_engine *e, const char *name, bool *yes, b_err *err)
{
    mig_db *db = NULL;
    b_table *t = NULL;
    b_buf q = {0};
    b_buf_str(&q, "SELECT 1 FROM straddle.migrations WHERE name = ");
    b_buf_quote(&q, b_slice_str(name));
    b_status s = mig__connect(e, 0, &db, err);
    if (s == B_OK) s = mig__ask(db, &t, err, &q);
    *yes = s == B_OK && b_table_rows(t) > 0;
    b_table_free(t);
    b_buf_deinit(&q);
    mig_db_close(db);
    return s;
}

/* Known migrations stay as they are: the database holds what was applied. */
static b_status apply_new(mig_engine *e, const cfg_config *config, b_err *err)
{
    static const mig_actor self = {"straddle", "configuration"};
    for (size_t i = 0; i < config->nmigrations; i++) {
        bool yes = false;
        b_status s = known(e, config->migrations[i]->name, &yes, err);
        if (s != B_OK) return s;
        if (yes) continue; /* also while another instance changes its phase */
        s = mig_apply(e, config->migrations[i], &self, err);
        if (s == B_EXISTS || s == B_OK) continue;
        if (s != B_REFUSED) return b_err_prefix(err, "migration %s", config->migrations[i]->name);
        b_logf(e->log, B_ERROR, "migrate", "migration=%s is not applied: %s", config->migrations[i]->name,
               err == NULL ? "" : err->msg);
    }
    return B_OK;
}

static b_status start_threads(mig_engine *e, b_err *err)
{
    if (pthread_create(&e->lease_thread, NULL, mig__lease_main, e) != 0)
        return b_fail(err, B_NOMEM, "cannot start the lease's thread");
    e->lease_running = true;
    b_status s = mig__hooks_start(e->hooks, err);
    if (s == B_OK) s = mig__registrar_start(e, err);
    if (s != B_OK) return s;
    if (pthread_create(&e->backfill_thread, NULL, mig__backfill_main, e) != 0)
        return b_fail(err, B_NOMEM, "cannot start the backfill's thread");
    e->backfill_running = true;
    if (pthread_create(&e->recheck_thread, NULL, mig__recheck_main, e) != 0)
        return b_fail(err, B_NOMEM, "cannot start the recheck's thread");
    e->recheck_running = true;
    if (pthread_create(&e->bypass_thread, NULL, mig__bypass_main, e) != 0)
        return b_fail(err, B_NOMEM, "cannot start the guard's thread");
    e->bypass_running = true;
    return mig__shadow_start(e, err);
}

b_status mig_engine_start(mig_engine *e, b_err *err)
{
    mig_db *db = NULL;
    b_status s = mig__connect(e, 0, &db, err);
    if (s == B_OK) s = mig__schema_create(db, err);
    if (s == B_OK) s = mig__lease_join(e, db, err);
    if (s == B_OK) s = mig__census_fold(db, err);
    mig_db_close(db);
    if (s == B_OK) s = start_threads(e, err);
    if (s == B_OK) s = apply_new(e, e->config, err);
    if (s == B_OK) s = mig__rules_create_new(e, e->config, err);
    if (s != B_OK) mig_engine_stop(e);
    return s;
}

void mig_engine_stop(mig_engine *e)
{
    pthread_mutex_lock(&e->mu);
    e->stop = true;
    pthread_cond_broadcast(&e->wake);
    pthread_mutex_unlock(&e->mu);
    mig__registrar_stop(e);
    if (e->shadow != NULL) mig__shadow_stop(e->shadow);
    if (e->backfill_running) pthread_join(e->backfill_thread, NULL);
    if (e->recheck_running) pthread_join(e->recheck_thread, NULL);
    if (e->bypass_running) pthread_join(e->bypass_thread, NULL);
    if (e->lease_running) pthread_join(e->lease_thread, NULL);
    e->backfill_running = e->recheck_running = e->bypass_running = e->lease_running = false;
    mig__hooks_stop(e->hooks);
}

void mig_engine_free(mig_engine *e)
{
    if (e == NULL) return;
    mig_engine_stop(e);
    mig__registrar_deinit(e);
    mig__hooks_free(e->hooks);
    mig__shadow_free(e->shadow);
    rw_ruleset_unref(e->ruleset);
    mig__settings_deinit(&e->settings);
    pthread_cond_destroy(&e->wake);
    pthread_mutex_destroy(&e->publish);
    pthread_mutex_destroy(&e->mu);
    pthread_mutex_destroy(&e->xa_mu);
    pthread_mutex_destroy(&e->census_mu);
    b_table_free(e->xa_known);
    pthread_mutex_destroy(&e->op);
    free(e);
}

b_status mig_engine_reconfigure(mig_engine *e, const cfg_config *config, b_err *err)
{
    mig__settings next;
    b_status s = mig__hooks_set(e->hooks, config, err);
    if (s == B_OK) s = mig__settings_copy(&next, config, err);
    if (s != B_OK) return s;
    pthread_mutex_lock(&e->mu);
    mig__settings old = e->settings;
    e->settings = next, e->config = config;
    pthread_mutex_unlock(&e->mu);
    mig__settings_deinit(&old);
    s = apply_new(e, config, err);
    return s == B_OK ? mig__rules_create_new(e, config, err) : s;
}

rw_ruleset *mig_engine_ruleset(mig_engine *e)
{
    pthread_mutex_lock(&e->mu);
    rw_ruleset *r = e->ruleset == NULL ? NULL : rw_ruleset_ref(e->ruleset);
    pthread_mutex_unlock(&e->mu);
    return r;
}

void mig_engine_catalog_changed(mig_engine *e)
{
    pthread_mutex_lock(&e->mu);
    e->catalog_dirty = true;
    pthread_mutex_unlock(&e->mu);
}
