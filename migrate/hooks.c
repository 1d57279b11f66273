/* Hooks: a command or an HTTP address of the operator's that is told of changes of phase, failures, gates,
 * throttling, the end. Told by a thread of their own from a bounded list, so that the engine never waits for
 * one; each has timeout_ms, then its command is killed or its request given up. What does not fit is dropped,
 * and said. */
#include "mig.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE = 256, FIELDS = 5 };

typedef struct hook {
    struct hook *next;
    char *on, *command, *url;
    uint32_t timeout_ms;
} hook;

typedef struct event {
    struct event *next;
    char *field[FIELDS]; /* event, migration, from, to, detail */
} event;

struct mig__hooks {
    pthread_mutex_t mu;
    pthread_cond_t wake;
    pthread_t thread;
    b_log *log;
    hook *hooks;
    event *first, **last;
    size_t waiting, dropped;
    bool running, stop;
};

static const char *const names[FIELDS] = {"event", "migration", "from", "to", "detail"};

/* ---- what is configured ---- */

static void free_hooks(hook *h)
{
    while (h != NULL) {
        hook *next = h->next;
        free(h->on), free(h->command), free(h->url), free(h);
        h = next;
    }
}

static char *copy(const char *s, bool *ok)
{
    char *c = s == NULL ? NULL : strdup(s);
    if (s != NULL && c == NULL) *ok = false;
    return c;
}

static hook *copy_hooks(const cfg_config *c, bool *ok)
{
    hook *all = NULL, **at = &all;
    for (size_t i = 0; *ok && i < c->nhooks; i++) {
        const cfg_hook *from = &c->hooks[i];
        hook *h = calloc(1, sizeof *h);
        *ok = h != NULL;
        if (h == NULL) break;
        h->on = copy(from->on, ok), h->command = copy(from->command, ok), h->url = copy(from->url, ok);
        h->timeout_ms = from->timeout_ms;
        *at = h;
        at = &h->next;
    }
    return all;
}

b_status mig__hooks_set(mig__hooks *k, const cfg_config *c, b_err *err)
{
    bool ok = true;
    hook *next = copy_hooks(c, &ok);
    if (!ok) {
        free_hooks(next);
        return b_fail(err, B_NOMEM, "out of memory for the hooks");
    }
    pthread_mutex_lock(&k->mu);
    hook *old = k->hooks;
    k->hooks = next;
    pthread_mutex_unlock(&k->mu);
    free_hooks(old);
    return B_OK;
}

bool mig__hook_wants(const char *on, const char *name)
{
    b_slice rest = b_slice_str(on);
    while (rest.n > 0) {
        size_t n = b_slice_find(rest, B_LIT(","));
        b_slice word = b_slice_trim(n == (size_t)-1 ? rest : (b_slice){rest.p, n});
        if (b_slice_ieq(word, b_slice_str(name)) || b_slice_ieq(word, B_LIT("all"))) return true;
        size_t used = n == (size_t)-1 ? rest.n : n + 1;
        rest = (b_slice){rest.p + used, rest.n - used};
    }
    return false;
}

/* ---- telling ---- */

static bool stopping(void *hooks)
{
    mig__hooks *k = hooks;
    pthread_mutex_lock(&k->mu);
    bool stop = k->stop;
    pthread_mutex_unlock(&k->mu);
    return stop;
}

/* Five variables tell the command what it is about. */
static void run_command(mig__hooks *k, const hook *h, const event *ev)
{
    char *own[FIELDS] = {NULL};
    int status = 0;
    b_err err = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < FIELDS; i++) {
        char upper[16] = "";
        for (size_t c = 0; names[i][c] != '\0'; c++) upper[c] = (char)(names[i][c] - 'a' + 'A');
        ok = asprintf(&own[i], "STRADDLE_%s=%s", upper, ev->field[i]) >= 0;
        if (!ok) own[i] = NULL;
    }
    mig__command_line c = {.command = h->command,
                           .more = own,
                           .nmore = FIELDS,
                           .timeout_ms = h->timeout_ms,
                           .stopped = stopping,
                           .ctx = k};
    b_status s = ok ? mig__command(&c, NULL, 0, &status, &err) : b_fail(&err, B_NOMEM, "out of memory");
    if (s != B_OK)
        b_logf(k->log, B_WARN, "hooks", "event=%s the command of a hook: %s: %s", ev->field[0], err.msg,
               h->command);
    else if (status != 0)
        b_logf(k->log, B_WARN, "hooks", "event=%s the command of a hook failed (status %d): %s", ev->field[0],
               status, h->command);
    for (size_t i = 0; i < FIELDS; i++) free(own[i]);
}

static void json_text(b_buf *out, const char *text)
{
    b_buf_char(out, '"');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            b_buf_printf(out, "\\%c", *p);
        else if ((unsigned char)*p < 0x20)
            b_buf_printf(out, "\\u%04x", (unsigned)(unsigned char)*p);
        else
            b_buf_char(out, *p);
    }
    b_buf_char(out, '"');
}

static size_t drop(char *p, size_t size, size_t n, void *ctx)
{
    (void)p, (void)ctx;
    return size * n;
}

static void post(mig__hooks *k, const hook *h, const event *ev)
{
    b_buf body = {0};
    CURL *c = curl_easy_init();
    struct curl_slist *head = curl_slist_append(NULL, "Content-Type: application/json");
    long code = 0;
    for (size_t i = 0; i < FIELDS; i++) {
        b_buf_printf(&body, "%s\"%s\": ", i == 0 ? "{" : ", ", names[i]);
        json_text(&body, ev->field[i]);
    }
    b_buf_str(&body, "}\n");
    CURLcode rc = c == NULL || head == NULL || body.failed ? CURLE_OUT_OF_MEMORY : CURLE_OK;
    if (rc == CURLE_OK) {
        curl_easy_setopt(c, CURLOPT_URL, h->url);
        curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)h->timeout_ms);
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(c, CURLOPT_HTTPHEADER, head);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, b_buf_cstr(&body));
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
        rc = curl_easy_perform(c);
    }
    if (rc == CURLE_OK) rc = curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
    if (rc != CURLE_OK || code < 200 || code > 299)
        b_logf(k->log, B_WARN, "hooks", "event=%s a hook's %s did not take it: %s, HTTP status %ld",
               ev->field[0], h->url, curl_easy_strerror(rc), code);
    curl_slist_free_all(head);
    curl_easy_cleanup(c);
    b_buf_deinit(&body);
}

static void free_event(event *ev)
{
    for (size_t i = 0; ev != NULL && i < FIELDS; i++) free(ev->field[i]);
    free(ev);
}

/* A copy of the hooks that want it, so that a reload does not wait for a command. */
static hook *wanting(mig__hooks *k, const event *ev, bool *ok)
{
    hook *all = NULL, **at = &all;
    pthread_mutex_lock(&k->mu);
    for (const hook *h = k->hooks; *ok && h != NULL; h = h->next) {
        if (!mig__hook_wants(h->on, ev->field[0])) continue;
        hook *one = calloc(1, sizeof *one);
        *ok = one != NULL;
        if (one == NULL) break;
        one->on = copy(h->on, ok), one->command = copy(h->command, ok), one->url = copy(h->url, ok);
        one->timeout_ms = h->timeout_ms;
        *at = one, at = &one->next;
    }
    pthread_mutex_unlock(&k->mu);
    return all;
}

static void tell(mig__hooks *k, const event *ev)
{
    bool ok = true;
    hook *all = wanting(k, ev, &ok);
    if (!ok) b_logf(k->log, B_WARN, "hooks", "event=%s out of memory, some hooks are not told", ev->field[0]);
    for (const hook *h = all; h != NULL && !stopping(k); h = h->next) {
        if (h->command != NULL) run_command(k, h, ev);
        if (h->url != NULL) post(k, h, ev);
    }
    free_hooks(all);
}

static event *take(mig__hooks *k)
{
    pthread_mutex_lock(&k->mu);
    while (!k->stop && k->first == NULL) pthread_cond_wait(&k->wake, &k->mu);
    event *ev = k->stop ? NULL : k->first;
    if (ev != NULL) {
        k->first = ev->next;
        if (k->first == NULL) k->last = &k->first;
        k->waiting--;
    }
    size_t dropped = k->dropped;
    k->dropped = 0;
    pthread_mutex_unlock(&k->mu);
    if (dropped > 0)
        b_logf(k->log, B_WARN, "hooks", "%zu events were not told: the hooks are too slow", dropped);
    return ev;
}

static void *hooks_main(void *arg)
{
    mig__hooks *k = arg;
    for (event *ev = take(k); ev != NULL; ev = take(k)) {
        tell(k, ev);
        free_event(ev);
    }
    return NULL;
}

void mig__hook(mig_engine *e, const char *name, const char *migration, const char *from, const char *to,
               const char *detail)
{
    mig__hooks *k = e->hooks;
    const char *const fields[FIELDS] = {name, migration, from, to, detail};
    bool ok = true, any;
    pthread_mutex_lock(&k->mu);
    any = k->hooks != NULL;
    pthread_mutex_unlock(&k->mu);
    event *ev = any ? calloc(1, sizeof *ev) : NULL;
    if (ev == NULL) return;
    for (size_t i = 0; i < FIELDS; i++) ev->field[i] = copy(fields[i] == NULL ? "" : fields[i], &ok);
    pthread_mutex_lock(&k->mu);
    bool fits = ok && k->waiting < QUEUE;
    if (fits) {
        *k->last = ev, k->last = &ev->next;
        k->waiting++;
        pthread_cond_signal(&k->wake);
    } else {
        k->dropped++;
    }
    pthread_mutex_unlock(&k->mu);
    if (!fits) free_event(ev);
}

/* ---- life ---- */

mig__hooks *mig__hooks_new(b_log *log)
{
    mig__hooks *k = calloc(1, sizeof *k);
    if (k == NULL) return NULL;
    pthread_mutex_init(&k->mu, NULL);
    pthread_cond_init(&k->wake, NULL);
    k->log = log, k->last = &k->first;
    return k;
}

b_status mig__hooks_start(mig__hooks *k, b_err *err)
{
    if (pthread_create(&k->thread, NULL, hooks_main, k) != 0)
        return b_fail(err, B_NOMEM, "cannot start the hooks' thread");
    k->running = true;
    return B_OK;
}

void mig__hooks_stop(mig__hooks *k)
{
    if (k == NULL || !k->running) return;
    pthread_mutex_lock(&k->mu);
    k->stop = true;
    pthread_cond_broadcast(&k->wake);
    pthread_mutex_unlock(&k->mu);
    pthread_join(k->thread, NULL);
    k->running = false;
}

void mig__hooks_free(mig__hooks *k)
{
    if (k == NULL) return;
    mig__hooks_stop(k);
    while (k->first != NULL) {
        event *next = k->first->next;
        free_event(k->first);
        k->first = next;
    }
    free_hooks(k->hooks);
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->mu);
    free(k);
}
