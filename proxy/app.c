/* Process-wide state: the configuration and its reload. See app.h. */
#include "app.h"

#include "loop.h"
#include "tls.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

static b_status resolve(const cfg_address *a, struct sockaddr_storage *out, b_buf *diag, const char *file)
{
    if (a->host == NULL) return B_OK;
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)a->port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
    int rc = getaddrinfo(a->host, port, &hints, &found);
    if (rc != 0) {
        b_buf_printf(
            diag, "%s: backend.address %s cannot be resolved: %s; give an address or a name that resolves\n",
            file, a->text, gai_strerror(rc));
        return B_NOT_FOUND;
    }
    memcpy(out, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return B_OK;
}

bool px_rules_compile(const cfg_config *c, b_buf *diag)
{
    bool ok = true;
    for (size_t i = 0; i < c->nrules; i++) {
        b_err err = {0};
        if (mig_rule_check(c->rules[i], &err) == B_OK) continue;
        b_buf_printf(diag, "%s:%u: %s\n", c->rules[i]->file, c->rules[i]->line, err.msg);
        ok = false;
    }
    return ok;
}

px_config *px_config_load(const char *file, const px_config *before, bool make, b_buf *diag)
{
    px_config *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    atomic_init(&c->refs, 1);
    c->c = cfg_load(file, diag);
    if (c->c == NULL || !px_rules_compile(c->c, diag) ||
        resolve(&c->c->backend.address, &c->backend, diag, file) != B_OK ||
        !px_tls_contexts_load(&c->tls, c->c, before == NULL ? NULL : &before->tls, make, diag)) {
        px_config_unref(c);
        return NULL;
    }
    return c;
}

px_config *px_config_ref(px_config *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void px_config_unref(px_config *c)
{
    if (c == NULL || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) return;
    px_tls_contexts_free(&c->tls);
    cfg_free(c->c);
    free(c);
}

b_status px_app_init(px_app *app, px_config *config)
{
    *app = (px_app){.config = config};
    b_log_init(&app->log, 2, config->c->log_level);
    b_log_set(&app->log, config->c->log_level, config->c->log_format);
    atomic_init(&app->live, true);
    atomic_init(&app->lease_until_ms, 0);
    atomic_init(&app->next_session, 1);
    atomic_init(&app->sessions, 0);
    atomic_init(&app->nloops, 0);
    app->started_ms = uv_hrtime() / 1000000;
    app->files_for = px_files_limit(config->c->threads);
    app->census = px_census_new();
    app->tls_method = px_tls_method_new();
    return app->census != NULL && app->tls_method != NULL && uv_mutex_init(&app->lock) == 0 &&
                   uv_mutex_init(&app->reloading) == 0
               ? B_OK
               : B_NOMEM;
}

void px_app_deinit(px_app *app)
{
    if (app->rules != NULL) rw_ruleset_unref(app->rules);
    px_config_unref(app->config);
    uv_mutex_destroy(&app->lock);
    uv_mutex_destroy(&app->reloading);
    px_census_free(app->census);
    BIO_meth_free(app->tls_method);
}

px_config *px_app_config(px_app *app)
{
    uv_mutex_lock(&app->lock);
    px_config *c = px_config_ref(app->config);
    uv_mutex_unlock(&app->lock);
    return c;
}

rw_ruleset *px_app_rules(px_app *app)
{
    uv_mutex_lock(&app->lock);
    rw_ruleset *r = app->rules == NULL ? NULL : rw_ruleset_ref(app->rules);
    uv_mutex_unlock(&app->lock);
    return r;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

/* The key that cannot change while the process runs, or NULL. */
static const char *needs_restart(const cfg_config *a, const cfg_config *b)
{
    if (a->threads != b->threads) return "threads";
    if (!same_text(a->admin.text, b->admin.text)) return "admin.address";
    if (!same_text(a->log_file, b->log_file)) return "log.file";
    if (!same_text(a->takeover_socket, b->takeover_socket)) return "takeover.socket";
    if (a->nlisteners != b->nlisteners) return "listeners";
    for (size_t i = 0; i < a->nlisteners; i++)
        if (!same_text(a->listeners[i].address.text, b->listeners[i].address.text) ||
            a->listeners[i].schema_version != b->listeners[i].schema_version ||
            a->listeners[i].socket_mode != b->listeners[i].socket_mode)
            return "listeners";
    return NULL;
}

static void on_config(px_loop *loop, void *arg)
{
    px_config *old = loop->config;
    loop->config = px_config_ref(arg);
    SSL_SESSION_free(loop->tls_session); /* of other settings, or another server */
    loop->tls_session = NULL;
    px_config_unref(old);
}

static b_status put_in_force(px_app *app, const px_config *old, px_config *next, b_err *err)
{
    const char *key = needs_restart(old->c, next->c);
    if (key != NULL)
        return b_fail(err, B_STATE,
                      "%s: `%s` cannot change while straddle runs; nothing was changed: restart it, or put "
                      "the key back and reload",
                      next->c->file, key);
    b_status st = mig_engine_reconfigure(app->engine, next->c, err);
    if (st != B_OK) return st;
    uv_mutex_lock(&app->lock);
    px_config *replaced = app->config;
    app->config = px_config_ref(next);
    uv_mutex_unlock(&app->lock);
    px_config_unref(replaced);
    b_log_set(&app->log, next->c->log_level, next->c->log_format);
    for (unsigned i = 0; i < app->nloops; i++) px_loop_call(app->loops[i], on_config, next);
    return B_OK;
}

b_status px_app_reload(px_app *app, b_err *err)
{
    uv_mutex_lock(&app->reloading);
    px_config *old = px_app_config(app);
    b_buf diag = {0};
    px_config *next = px_config_load(old->c->file, old, true, &diag);
    b_status st;
    if (next == NULL)
        st = b_fail(err, B_INVALID, "the old configuration stays in force: %s", b_buf_cstr(&diag));
    else
        st = put_in_force(app, old, next, err);
    if (st == B_OK && diag.n > 0) b_logf(&app->log, B_INFO, "proxy", "%s", b_buf_cstr(&diag));
    px_config_unref(next);
    px_config_unref(old);
    b_buf_deinit(&diag);
    uv_mutex_unlock(&app->reloading);
    return st;
}
