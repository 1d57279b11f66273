/* Loads a configuration: reads it by the tables, then checks what one key alone cannot show. */
#include "reader.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

const char *cfg_version_name(cfg_version v)
{
    switch (v) {
    case CFG_VERSION_OLD: return "old";
    case CFG_VERSION_NEW: return "new";
    case CFG_VERSION_BOTH: return "both";
    }
    return "?";
}

/* The line of node[list][i][key], or the nearest one around it that is there. */
static unsigned line_at(const cfg__node *root, const char *list, size_t i, const char *key)
{
    const cfg__node *n = cfg__get(root, list);
    if (n == NULL) return root->line;
    if (n->shape != CFG__SEQUENCE || i >= n->n) {
        const cfg__node *value = cfg__get(n, key);
        return value == NULL ? n->line : value->line;
    }
    const cfg__node *value = cfg__get(n->items[i].value, key);
    return value == NULL ? n->items[i].line : value->line;
}

/* ---- addresses ---- */

static bool is_wildcard(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

static bool is_loopback(const cfg_address *a)
{
    struct in6_addr v6;
    struct in_addr v4;
    if (a->path != NULL || a->host == NULL || strcmp(a->host, "localhost") == 0) return true;
    if (inet_pton(AF_INET, a->host, &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, a->host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool clash(const cfg_address *a, const cfg_address *b)
{
    if (a->path != NULL || b->path != NULL)
        return a->path != NULL && b->path != NULL && strcmp(a->path, b->path) == 0;
    if (a->host == NULL || b->host == NULL || a->port != b->port) return false;
    if (strcmp(a->host, b->host) == 0) return true;
    return is_wildcard(a->host) || is_wildcard(b->host);
}

static void check_listen_host(const cfg__reader *r, const cfg_address *a, unsigned line)
{
    struct in6_addr any;
    if (a->host == NULL || strcmp(a->host, "localhost") == 0) return;
    if (inet_pton(AF_INET, a->host, &any) == 1 || inet_pton(AF_INET6, a->host, &any) == 1) return;
    cfg__problem(r->diag, r->file, line,
                 "cannot listen on the name \"%s\"; write an address of this machine, such as 127.0.0.1:%u",
                 a->host, a->port);
}

static void check_addresses(const cfg__reader *r, const cfg__node *root, const cfg__draft *d)
{
    const cfg_config *c = &d->c;
    for (size_t i = 0; i < c->nlisteners; i++) {
        const cfg_address *a = &c->listeners[i].address;
        unsigned line = line_at(root, "listeners", i, "address");
        check_listen_host(r, a, line);
        for (size_t j = 0; j < i; j++)
            if (clash(a, &c->listeners[j].address))
                cfg__problem(r->diag, r->file, line,
                             "listener %s takes the address of listener %s; give it another port", a->text,
                             c->listeners[j].address.text);
        if (clash(a, &c->admin))
            cfg__problem(r->diag, r->file, line,
                         "listener %s takes the admin address %s; give it another port", a->text,
                         c->admin.text);
        if (clash(a, &c->backend.address))
            cfg__problem(r->diag, r->file, line, "listener %s is the backend itself; give it another port",
                         a->text);
    }
    unsigned line = line_at(root, "admin", 0, "address");
    check_listen_host(r, &c->admin, line);
    if (!is_loopback(&c->admin) && !d->allow_remote && c->admin_tls != CFG_TLS_REQUIRED)
        cfg__problem(
            r->diag, r->file, line,
            "the admin address %s can be reached from other machines, and TLS is not required there; "
            "set tls: required or allow_remote: true under admin, or use 127.0.0.1",
            c->admin.text);
}

/* ---- users ---- */

static void check_admin_user(const cfg__reader *r, const cfg__node *users, const cfg_config *c, size_t i)
{
    const cfg_admin_user *u = &c->admin_users[i];
    const cfg__node *n = users->items[i].value;
    bool given = cfg__get(n, "password") != NULL || cfg__get(n, "password_env") != NULL ||
                 cfg__get(n, "password_file") != NULL;
    if (!given || (u->password != NULL && u->password[0] == '\0'))
        cfg__problem(r->diag, r->file, n->line,
                     "admin user \"%s\" has no password; add password_env, password_file or password",
                     u->name == NULL ? "" : u->name);
    for (size_t j = 0; u->name != NULL && j < i; j++)
        if (c->admin_users[j].name != NULL && strcmp(u->name, c->admin_users[j].name) == 0)
            cfg__problem(r->diag, r->file, n->line, "admin user \"%s\" is there twice; keep one of them",
                         u->name);
}

static void check_admin_users(const cfg__reader *r, const cfg__node *root, const cfg_config *c)
{
    const cfg__node *users = cfg__get(cfg__get(root, "admin"), "users");
    bool operator_seen = false;
    if (users == NULL || users->shape != CFG__SEQUENCE) return;
    for (size_t i = 0; i < c->nadmin_users; i++) {
        check_admin_user(r, users, c, i);
        operator_seen |= c->admin_users[i].role == CFG_ROLE_OPERATOR;
    }
    if (!operator_seen && c->nadmin_users > 0)
        cfg__warning(
            r->diag, r->file, users->line,
            "no admin user has the role operator, so nobody can move a migration; give one `role: operator`");
}

static void check_users(const cfg__reader *r, const cfg__node *root, const cfg_config *c)
{
    for (size_t i = 0; i < c->nusers; i++)
        for (size_t j = 0; j < i; j++)
            if (c->users[i].name != NULL && c->users[j].name != NULL &&
                strcmp(c->users[i].name, c->users[j].name) == 0)
                cfg__problem(r->diag, r->file, line_at(root, "users", i, "name"),
                             "user \"%s\" is there twice; keep one of them", c->users[i].name);
}

/* ---- TLS ---- */

/* node: the map that t was read from; NULL: there is none. */
static bool known_event(b_slice word)
{
    static const char *const known[] = {"phase", "failure", "gate", "throttle", "bypass", "done", "all"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (b_slice_ieq(word, b_slice_str(known[i]))) return true;
    return false;
}

static void check_hook(const cfg__reader *r, unsigned line, const cfg_hook *h)
{
    if ((h->command == NULL) == (h->url == NULL))
        cfg__problem(r->diag, r->file, line, "a hook has either a command or a url; give one of them");
    if (h->url != NULL && strncmp(h->url, "http://", 7) != 0 && strncmp(h->url, "https://", 8) != 0)
        cfg__problem(r->diag, r->file, line,
                     "the url \"%s\" does not begin with http:// or https://; give one that does", h->url);
    b_slice rest = h->on == NULL ? B_LIT("") : b_slice_str(h->on);
    while (rest.n > 0) {
        size_t n = b_slice_find(rest, B_LIT(","));
        b_slice word = b_slice_trim(n == (size_t)-1 ? rest : (b_slice){rest.p, n});
        size_t used = n == (size_t)-1 ? rest.n : n + 1;
        if (!known_event(word))
            cfg__problem(r->diag, r->file, line,
                         "\"%.*s\" is nothing that a hook is told of; there are phase, failure, gate, "
                         "throttle, bypass, done "
                         "and all",
                         B_ARG(word));
        rest = (b_slice){rest.p + used, rest.n - used};
    }
}

static void check_hooks(const cfg__reader *r, const cfg__node *root, const cfg_config *c)
{
    for (size_t i = 0; i < c->nhooks; i++) check_hook(r, line_at(root, "hooks", i, "on"), &c->hooks[i]);
}

static void check_tls(const cfg__reader *r, const cfg__node *node, cfg_tls *t)
{
    if (node == NULL || node->shape != CFG__MAPPING) return;
    if (t->max_version < t->min_version)
        cfg__problem(r->diag, r->file, line_at(node, "max_version", 0, ""),
                     "max_version is older than min_version; raise it, or take one of them out");
    if (t->key != NULL && t->certificate == NULL)
        cfg__problem(r->diag, r->file, line_at(node, "key", 0, ""),
                     "key has no certificate beside it; add certificate");
    if (t->certificate != NULL && t->key == NULL) t->key = cfg__dup(r, t->certificate);
}

static void check_server_tls(const cfg__reader *r, const cfg__node *server, cfg_server *s)
{
    const cfg__node *tls = cfg__get(server, "tls");
    if (tls == NULL) return;
    s->tls_given = true;
    check_tls(r, tls, &s->tls);
    if (s->tls_mode == CFG_TLS_VERIFY_IDENTITY && s->address.host == NULL)
        cfg__problem(r->diag, r->file, line_at(tls, "mode", 0, ""),
                     "a unix socket has no host name to verify; use verify_ca, or an address with a host");
}

/* ---- servers, migrations, limits ---- */

static char *dup_or_null(const cfg__reader *r, const char *s)
{
    return s == NULL ? NULL : cfg__dup(r, s);
}

/* What was not said of a replica's TLS is as for the backend. Its name is its own. */
static void take_backend_tls(const cfg__reader *r, cfg_server *s, const cfg_server *b)
{
    const cfg_tls *t = &b->tls;
    s->tls_mode = b->tls_mode;
    s->tls = (cfg_tls){.certificate = dup_or_null(r, t->certificate),
                       .key = dup_or_null(r, t->key),
                       .ca = dup_or_null(r, t->ca),
                       .ciphers = dup_or_null(r, t->ciphers),
                       .ciphersuites = dup_or_null(r, t->ciphersuites),
                       .min_version = t->min_version,
                       .max_version = t->max_version};
}

static void check_servers(const cfg__reader *r, const cfg__node *root, cfg_config *c)
{
    const cfg__node *b = cfg__get(root, "backend");
    if (b != NULL && b->shape == CFG__MAPPING && cfg__get(b, "password") == NULL &&
        cfg__get(b, "password_env") == NULL && cfg__get(b, "password_file") == NULL)
        cfg__problem(r->diag, r->file, b->line,
                     "backend has no password; add password_env, password_file or password (`password: \"\"` "
                     "for an empty one)");
    check_tls(r, cfg__get(root, "tls"), &c->tls);
    check_server_tls(r, b, &c->backend);
    const cfg__node *replicas = cfg__get(root, "replicas");
    for (size_t i = 0; i < c->nreplicas; i++) {
        cfg_server *s = &c->replicas[i];
        check_server_tls(r, replicas->items[i].value, s);
        if (!s->tls_given) take_backend_tls(r, s, &c->backend);
        if (s->user == NULL && c->backend.user != NULL) s->user = cfg__dup(r, c->backend.user);
        if (s->password == NULL && c->backend.password != NULL)
            s->password = cfg__dup(r, c->backend.password);
        if (clash(&s->address, &c->backend.address))
            cfg__problem(r->diag, r->file, line_at(root, "replicas", i, "address"),
                         "replica %s is the backend itself; name the replica's own address, or take it out",
                         s->address.text);
    }
}

/* Inline migrations are kept in the words of our own writer: their bytes in the file are indented. */
static void keep_sources(const cfg__reader *r, cfg_config *c)
{
    for (size_t i = 0; i < c->nmigrations; i++) {
        cfg_migration *m = c->migrations[i];
        if (m->source != NULL || m->name == NULL || m->table == NULL || m->schema == NULL) continue;
        b_buf text = {0};
        cfg_migration_emit(m, &text);
        if (text.failed)
            cfg__no_memory(r);
        else
            m->source = cfg__dup(r, b_buf_cstr(&text));
        b_buf_deinit(&text);
    }
}

static void check_migrations(const cfg__reader *r, const cfg_config *c)
{
    for (size_t i = 0; i < c->nmigrations; i++)
        for (size_t j = 0; j < i; j++) {
            const cfg_migration *m = c->migrations[i], *n = c->migrations[j];
            if (m->name == NULL || n->name == NULL ||
                !b_slice_ieq(b_slice_str(m->name), b_slice_str(n->name)))
                continue;
            cfg__problem(r->diag, m->file, m->line,
                         "migration \"%s\" is also in %s:%u; give one of them another name", m->name, n->file,
                         n->line);
        }
}

static void check_rules(const cfg__reader *r, const cfg_config *c)
{
    for (size_t i = 0; i < c->nrules; i++)
        for (size_t j = 0; j < i; j++) {
            const cfg_rule *a = c->rules[i], *b = c->rules[j];
            if (a->name == NULL || b->name == NULL ||
                !b_slice_ieq(b_slice_str(a->name), b_slice_str(b->name)))
                continue;
            cfg__problem(r->diag, r->file, a->line,
                         "rule \"%s\" is there twice, first in line %u; give one of them another name",
                         a->name, b->line);
        }
}

static void check_limits(const cfg__reader *r, const cfg__node *root, const cfg_config *c)
{
    if (c->lease_ms < 10 * (uint64_t)c->poll_ms)
        cfg__problem(r->diag, r->file, line_at(root, "limits", 0, "lease_ms"),
                     "lease_ms (%u) is less than ten times poll_ms (%u), so a slow moment would expire a "
                     "live instance; raise lease_ms or lower poll_ms",
                     c->lease_ms, c->poll_ms);
}

/* ---- loading ---- */

static void resolve(const cfg__reader *r, char **path)
{
    if (*path == NULL) return;
    char *full = cfg__resolve(r->dir, *path);
    if (full == NULL)
        cfg__problem(r->diag, r->file, 1, "out of memory while reading; free some and try again");
    free(*path);
    *path = full;
}

static void resolve_paths(const cfg__reader *r, const cfg__node *root, cfg_config *c)
{
    resolve(r, &c->log_file);
    resolve(r, &c->migrations_dir);
    if (c->migrations_dir != NULL) cfg__migrations_folder(r, line_at(root, "migrations_dir", 0, ""), c);
}

static void fill(const cfg__reader *r, const cfg__node *root, cfg__draft *d)
{
    d->c.file = cfg__dup(r, r->file);
    cfg__read_map(r, root, &cfg__root_map, d);
    if (root->shape != CFG__MAPPING) return;
    keep_sources(r, &d->c);
    resolve_paths(r, root, &d->c);
    check_addresses(r, root, d);
    check_admin_users(r, root, &d->c);
    check_users(r, root, &d->c);
    check_hooks(r, root, &d->c);
    check_servers(r, root, &d->c);
    check_migrations(r, &d->c);
    check_rules(r, &d->c);
    check_limits(r, root, &d->c);
}

static cfg_config *load(const char *file, b_slice text, cfg__diag *diag)
{
    cfg__tree tree;
    if (!cfg__tree_read(&tree, file, text, diag)) return NULL;
    char *dir = cfg__dir_of(file);
    cfg__reader r = {file, dir == NULL ? "." : dir, diag};
    cfg__draft d = {0};
    if (dir == NULL)
        cfg__no_memory(&r);
    else
        fill(&r, tree.root, &d);
    cfg_config *c = malloc(sizeof *c);
    if (c == NULL) cfg__no_memory(&r);
    if (diag->problems > 0) {
        free(c);
        c = NULL;
    }
    if (c != NULL)
        *c = d.c;
    else
        cfg__config_deinit(&d.c);
    free(dir);
    cfg__tree_deinit(&tree);
    return c;
}

cfg_config *cfg_load(const char *file, b_buf *diag)
{
    b_buf text = {0};
    b_err err;
    cfg__diag d = {diag, 0, 0};
    cfg_config *c = NULL;
    if (cfg__slurp(file, &text, &err))
        c = load(file, b_buf_view(&text), &d);
    else
        cfg__problem(&d, file, 1, "%s", err.msg);
    cfg__wipe(text.p, text.n);
    b_buf_deinit(&text);
    cfg__diag_end(&d, file);
    return c;
}
