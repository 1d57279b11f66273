#include "reader.h"

#include <stdlib.h>
#include <string.h>

static void free_secret(char *s)
{
    if (s != NULL) cfg__wipe(s, strlen(s));
    free(s);
}

static void tls_deinit(cfg_tls *t)
{
    free(t->certificate), free(t->key), free(t->ca), free(t->ciphers), free(t->ciphersuites);
}

static void server_deinit(cfg_server *s)
{
    cfg_address_deinit(&s->address);
    free(s->user);
    free_secret(s->password);
    tls_deinit(&s->tls);
    free(s->public_key);
}

void cfg__migration_deinit(cfg_migration *m)
{
    for (size_t i = 0; i < m->ncolumns; i++) {
        cfg_pair *p = &m->columns[i];
        free(p->from), free(p->to), free(p->type), free(p->up), free(p->down), free(p->common);
    }
    free(m->columns);
    free(m->name), free(m->schema), free(m->table), free(m->source), free(m->file);
    free(m->time_zone), free(m->pace.check_sql), free(m->pace.check_http), free(m->pace.windows);
}

void cfg_migration_free(cfg_migration *m)
{
    if (m == NULL) return;
    cfg__migration_deinit(m);
    free(m);
}

void cfg__rule_deinit(cfg_rule *r)
{
    free(r->name), free(r->user), free(r->schema), free(r->program), free(r->digest), free(r->digest_text);
    free(r->text), free(r->replace), free(r->message), free(r->file);
}

void cfg_rule_free(cfg_rule *r)
{
    if (r == NULL) return;
    cfg__rule_deinit(r);
    free(r);
}

void cfg__config_deinit(cfg_config *c)
{
    for (size_t i = 0; i < c->nlisteners; i++) {
        cfg_address_deinit(&c->listeners[i].address);
        free(c->listeners[i].proxy_protocol_from);
    }
    for (size_t i = 0; i < c->nadmin_users; i++)
        free(c->admin_users[i].name), free_secret(c->admin_users[i].password);
    for (size_t i = 0; i < c->nreplicas; i++) server_deinit(&c->replicas[i]);
    for (size_t i = 0; i < c->nusers; i++) free(c->users[i].name);
    for (size_t i = 0; i < c->nmigrations; i++) cfg_migration_free(c->migrations[i]);
    for (size_t i = 0; i < c->nrules; i++) cfg_rule_free(c->rules[i]);
    for (size_t i = 0; i < c->nhooks; i++)
        free(c->hooks[i].on), free(c->hooks[i].command), free(c->hooks[i].url);
    free(c->hooks);
    server_deinit(&c->backend);
    cfg_address_deinit(&c->admin);
    tls_deinit(&c->tls);
    free(c->rsa_key);
    free(c->listeners), free(c->admin_users), free(c->replicas), free(c->users), free(c->migrations);
    free(c->rules);
    free(c->file), free(c->migrations_dir), free(c->log_file), free(c->takeover_socket),
        free(c->backup_command);
    *c = (cfg_config){0};
}

void cfg_free(cfg_config *c)
{
    if (c == NULL) return;
    cfg__config_deinit(c);
    free(c);
}
