#include "run_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const versions[] = {"old", "new", "both"};

/* ---- one comparison ---- */

typedef struct try_plan {
    dt_state *s;
    const dt_cell *c;
    int known; /* 0: not asked yet; 1: the same; 2: another */
} try_plan;

static bool replanned(void *arg)
{
    try_plan *t = arg;
    dt_state *s = t->s;
    if (t->known == 0) {
        b_buf plain = {0}, proxied = {0};
        bool both =
            dt_client_plan(s->at->plain[t->c->new_name], &s->stmt, t->c->new_name, t->c->prepared, &plain) &&
            dt_client_plan(s->at->proxied[t->c->version], &s->stmt, t->c->new_name, t->c->prepared, &proxied);
        t->known = !both || strcmp(b_buf_cstr(&plain), b_buf_cstr(&proxied)) != 0 ? 2 : 1;
        b_buf_deinit(&plain), b_buf_deinit(&proxied);
    }
    return t->known == 2;
}

static void fired(void *arg, const char *name, const char *want, const char *got)
{
    const try_plan *t = arg;
    dt_state *s = t->s;
    if (s->o->tell == NULL || (strcmp(s->o->tell, name) != 0 && strcmp(s->o->tell, "all") != 0)) return;
    printf("%s in %s: %s\n  plain:   %s\n  proxied: %s\n", name, dt_phases[s->phase], b_buf_cstr(&s->sql),
           want, got);
}

/* From switched on the new column is nullable, whatever the plain table's is: flags of results, what is
 * computed beforehand, which subqueries are flattened; and a unique index over it is not the first one to be
 * violated. Is that all? Then the same comes of the plain table with a nullable column. A NULL that is stored
 * where there can be none is never excused (compare.c). */
static bool nullable_differs(dt_state *s, const dt_cell *c, dt_case k, const char *plain)
{
    char why[600];
    bool differs = s->phase == DT_SWITCHED || (s->phase > DT_SWITCHED && s->world->unique);
    if (!differs || s->world->nullable || s->world->change != NULL) return false;
    dt_client_run(s->at->nullable[c->new_name], &s->stmt, c->new_name, c->prepared, &s->other);
    k.plain = k.want;
    k.want = b_buf_cstr(&s->other);
    dt_verdict v = dt_compare(&k, k.want, k.got, why);
    if (v != DT_SAME && v != DT_EXCEPTED) return false;
    fired(k.arg, "nullable", plain, "");
    return true;
}

dt_verdict dt_try(dt_state *s, const dt_cell *c, const char *expected, char why[600])
{
    if (expected == NULL) {
        dt_client_run(s->at->plain[c->new_name], &s->stmt, c->new_name, c->prepared, &s->want);
        expected = b_buf_cstr(&s->want);
    }
    dt_client_run(s->at->proxied[c->version], &s->stmt, c->new_name, c->prepared, &s->got);
    dt_write(&s->stmt, s->world, c->new_name, DT_MIG, false, &s->sql);
    try_plan plan = {.s = s, .c = c};
    dt_case k = {.stmt = &s->stmt,
                 .sql = b_buf_cstr(&s->sql),
                 .mariadb = s->server->mariadb,
                 .new_name = c->new_name,
                 .prepared = c->prepared,
                 .phase = s->phase,
                 .version = c->version,
                 .world = s->world,
                 .replanned = replanned,
                 .fired = fired,
                 .arg = &plan,
                 .want = expected,
                 .got = b_buf_cstr(&s->got)};
    dt_verdict v = dt_compare(&k, expected, b_buf_cstr(&s->got), why);
    if (v != DT_DIFFERS || !nullable_differs(s, c, k, why)) return v;
    snprintf(why, 600, "nullable");
    return DT_EXCEPTED;
}

void dt_clients_use(dt_state *s, unsigned session)
{
    const ts_proxy *p = &s->proxy;
    const unsigned ports[] = {p->port_old, p->port_new, p->port_both};
    dt_clients *c = s->at = &s->clients[s->world->number][session];
    if (session >= DT_SESSIONS_MAX) ts_die("more than %d sessions", DT_SESSIONS_MAX);
    if (c->plain[0] != NULL) return;
    for (int i = 0; i < 2 && !s->world->nullable; i++)
        c->nullable[i] = dt_client_open(s->server->host, s->server->port, s->world,
                                        i == 0 ? DT_OLD_NULL : DT_NEW_NULL, session);
    for (int i = 0; i < 2; i++)
        c->plain[i] = dt_client_open(s->server->host, s->server->port, s->world, (dt_side)i, session);
    for (int i = 0; i < 3; i++)
        c->proxied[i] = dt_client_open("127.0.0.1", ports[i], s->world, DT_MIG, session);
}

void dt_clients_close(dt_clients *c)
{
    for (int i = 0; i < 2; i++) dt_client_close(c->plain[i]), c->plain[i] = NULL;
    for (int i = 0; i < 2; i++) dt_client_close(c->nullable[i]), c->nullable[i] = NULL;
    for (int i = 0; i < 3; i++) dt_client_close(c->proxied[i]), c->proxied[i] = NULL;
}

void dt_clients_close_all(dt_state *s)
{
    for (unsigned w = 0; w < DT_WORLDS; w++)
        for (unsigned i = 0; i < DT_SESSIONS_MAX; i++) dt_clients_close(&s->clients[w][i]);
}

/* No transaction may hold up the next phase. */
static void end_transactions(dt_state *s)
{
    for (unsigned w = 0; w < DT_WORLDS; w++) {
        for (unsigned i = 0; i < DT_SESSIONS_MAX; i++) {
            const dt_clients *c = &s->clients[w][i];
            for (int k = 0; k < 2 && c->plain[0] != NULL; k++) dt_client_rollback(c->plain[k]);
            for (int k = 0; k < 2 && c->nullable[0] != NULL; k++) dt_client_rollback(c->nullable[k]);
            for (int k = 0; k < 3 && c->plain[0] != NULL; k++) dt_client_rollback(c->proxied[k]);
        }
    }
}

static bool lost(const dt_state *s)
{
    return strncmp(b_buf_cstr(&s->got), "E 20", 4) == 0 || strstr(b_buf_cstr(&s->got), "\nE 20") != NULL;
}

/* ---- what was found ---- */

void dt_reason_add(dt_totals *t, const char *text, const char *example, unsigned long count)
{
    for (size_t i = 0; i < DT_REASONS; i++) {
        dt_reason *r = &t->reasons[i];
        if (r->count > 0 && strcmp(r->text, text) != 0) continue;
        snprintf(r->text, sizeof r->text, "%s", text);
        if (r->count == 0) snprintf(r->example, sizeof r->example, "%s", example);
        r->count += count;
        return;
    }
}

static void count(dt_state *s, const char *what, const char *why)
{
    char text[160];
    snprintf(text, sizeof text, "%s: %.140s", what, why);
    dt_reason_add(s->totals, text, b_buf_cstr(&s->sql), 1);
}

static void report(dt_state *s, const dt_cell *c, char why[600])
{
    char table[1024];
    bool generated = s->o->replay == NULL;
    if (s->totals->differed > s->o->shown) return;
    if (lost(s)) {
        dt_clients_close(s->at);
        dt_clients_use(s, s->stmt.session);
    } else if (generated) {
        dt_shrink(s, c, why);
    }
    dt_world_text(s->world, table, sizeof table);
    dt_write(&s->stmt, s->world, c->new_name, DT_MIG, !c->prepared, &s->sql);
    printf("DIFFERENT on %s in %s: version %s, the column's %s name, %s, session \"%s\"\n  %s\n  %s\n  %s\n",
           s->server->name, dt_phases[s->phase], versions[c->version], c->new_name ? "new" : "old",
           c->prepared ? "prepared" : "text", dt_sessions[s->stmt.session].name, table, b_buf_cstr(&s->sql),
           why);
    printf("  again: --server %s --seed %llu --statements %u --only %u --phase %s --version %s\n",
           s->server->name, (unsigned long long)s->o->seed, s->o->statements, s->number, dt_phases[s->phase],
           versions[c->version]);
    dt_replay_print(&s->stmt, s->world->number);
    fflush(stdout);
}

static void judge(dt_state *s, const dt_cell *c, dt_verdict v, char why[600])
{
    dt_totals *t = s->totals;
    t->compared++;
    switch (v) {
    case DT_SAME: break;
    case DT_REFUSED: t->refused++, count(s, "refused", why); break;
    case DT_EXCEPTED: t->excepted++, count(s, "excepted", why); break;
    case DT_DIFFERS: t->differed++, report(s, c, why); break;
    }
}

/* ---- the cells of a statement ---- */

static bool names_column(const dt_stmt *s)
{
    for (size_t i = 0; i < s->text.n; i++)
        if (s->text.p[i] >= DT_MARK_NAME && s->text.p[i] <= DT_MARK_UPPER) return true;
    return false;
}

/* A name of the pair that the client's version has is the plain table's with that name. The other one is only
 * where the statement names it, nothing else in it could have that name, and nothing shows the table's shape.
 */
bool dt_applies(const dt_state *s, const dt_cell *c)
{
    unsigned flags = s->stmt.flags;
    bool own = c->version == DT_NEW ? c->new_name : !c->new_name;
    if (s->o->version >= 0 && (int)c->version != s->o->version) return false;
    if (c->prepared && (flags & DT_TEXT_ONLY) != 0) return false;
    if ((flags & DT_SHAPE) != 0 && c->version == DT_MIG) return false;
    if ((flags & DT_BY_POSITION) != 0 && s->world->change != NULL && !own) return false;
    return own || ((flags & (DT_SHAPE | DT_OTHER)) == 0 && names_column(&s->stmt));
}

static unsigned cells(const dt_state *s, dt_cell out[12])
{
    unsigned n = 0;
    for (unsigned i = 0; i < 12; i++) {
        dt_cell c = {.version = (dt_side)(i % 3), .new_name = i / 3 % 2 == 1, .prepared = i / 6 == 1};
        if (dt_applies(s, &c)) out[n++] = c;
    }
    return n;
}

static bool same_text(const dt_cell *x, const dt_cell *y)
{
    return x->new_name == y->new_name && x->prepared == y->prepared;
}

/* The cells in the order in which they are taken: first those of one name and protocol, which is the
 * statement's in all phases, so that the plain table is asked once. */
static void choose(const dt_state *s, dt_cell *all, unsigned n)
{
    dt_cell in[12];
    uint64_t random = s->o->seed + (uint64_t)s->number * 977u;
    dt_cell first = all[dt_random(&random, n)];
    unsigned turn = dt_random(&random, 12) + (unsigned)s->phase, k = 0;
    for (int same = 1; same >= 0; same--)
        for (unsigned i = 0; i < n; i++)
            if (same_text(&all[(i + turn) % n], &first) == (same == 1)) in[k++] = all[(i + turn) % n];
    memcpy(all, in, n * sizeof *all);
}

/* After some thousand transactions that were rolled back MySQL's FULLTEXT indexes go on finding, or miss,
 * some row, in either table; never in a new index. */
static void rebuild(dt_state *s, const dt_cell *c)
{
    end_transactions(s);
    dt_client_rebuild(s->at->plain[c->new_name], c->new_name ? DT_NEW : DT_OLD);
    dt_client_rebuild(s->at->plain[c->new_name], DT_MIG);
}

static void one_cell(dt_state *s, const dt_cell *c)
{
    char why[600];
    char **known = &s->expected[(size_t)s->number * 4 + (c->new_name ? 2u : 0u) + (c->prepared ? 1u : 0u)];
    dt_verdict v = dt_try(s, c, *known, why);
    if (*known == NULL) {
        *known = strdup(b_buf_cstr(&s->want));
    }
    /* The plain table's answer may have been another one's turn, and the plan one that passes. */
    for (int again = 0; again < 2 && v == DT_DIFFERS && !lost(s); again++) {
        if (again == 0 && s->world->instant) rebuild(s, c);
        v = dt_try(s, c, NULL, why);
    }
    judge(s, c, v, why);
}

static void one_statement(dt_state *s)
{
    dt_cell all[12];
    unsigned n = cells(s, all), many = s->o->only >= 0 || s->o->replay != NULL ? n : s->o->cells;
    if (n > 0) choose(s, all, n);
    for (unsigned i = 0; i < n && i < many; i++) one_cell(s, &all[i]);
}

/* ---- the statements of a phase ---- */

static bool wanted(const dt_state *s, unsigned number)
{
    return s->o->only < 0 || (unsigned)s->o->only == number;
}

static void make(dt_state *s, const dt_replay *r, unsigned session)
{
    unsigned world;
    if (r != NULL) {
        dt_replay_get(r, s->number, &s->stmt, &world);
        return;
    }
    dt_tape_random(&s->gen.tape, s->o->seed, s->number);
    dt_generate(&s->gen, s->world, session, &s->stmt);
}

static void run_phase(dt_state *s)
{
    const dt_replay *r = s->replay;
    unsigned open = UINT32_MAX;
    for (s->number = 0; s->number < s->count; s->number++) {
        unsigned block = s->number / DT_BLOCK, world = block % DT_WORLDS;
        uint64_t random = s->o->seed * 7 + block;
        unsigned session = dt_random(&random, dt_nsessions);
        if (!wanted(s, s->number)) continue;
        if (r != NULL) {
            dt_replay_get(r, s->number, &s->stmt, &world);
            session = s->stmt.session, block = s->number;
        }
        if (world % s->workers != s->worker || !dt_world_has_phase(&s->worlds[world], s->phase)) continue;
        if (block != open) {
            s->world = &s->worlds[world % DT_WORLDS];
            dt_clients_use(s, session);
            open = block;
        }
        make(s, r, session);
        one_statement(s);
        if (lost(s)) dt_clients_close(s->at), open = UINT32_MAX;
    }
    end_transactions(s);
}

/* ---- a server ---- */

static void begin(dt_state *s)
{
    s->direct = ts_root(s->server, NULL);
    ts_do(s->direct, "SET sql_mode = 'STRICT_TRANS_TABLES'");
    ts_do(s->direct, "DROP DATABASE IF EXISTS dt");
    ts_do(s->direct, "CREATE DATABASE dt");
    ts_do(s->direct, "CREATE TABLE dt.held (world INT PRIMARY KEY)");
    ts_forget_migrations(s->server);
    /* With TLS, reading the system's certificates for the engine's own connections takes longer than half of
     * the statements. */
    ts_proxy_start_with(&s->proxy, s->server, &(ts_setup){.backend_keys = "tls: {mode: disabled}"});
    s->admin = ts_proxy_admin(&s->proxy);
    for (unsigned i = 0; i < DT_WORLDS; i++) {
        dt_world_make(&s->worlds[i], s->o->seed, i, s->server->mariadb);
        dt_world_file(&s->worlds[i], s->proxy.dir);
        dt_world_create(&s->worlds[i], s->direct);
        dt_world_apply(&s->worlds[i], s->admin);
    }
    dt_gen_init(&s->gen, s->server->mariadb);
    if (s->o->weights != NULL && !dt_gen_weights(&s->gen, s->o->weights))
        ts_die("weights: %s", s->o->weights);
}

static void finish(dt_state *s)
{
    for (unsigned i = 0; i < DT_WORLDS; i++) dt_world_drop(&s->worlds[i], s->direct);
    for (unsigned i = 0; i < s->count * 4; i++) free(s->expected[i]);
    free(s->expected);
    dt_gen_deinit(&s->gen);
    b_buf_deinit(&s->stmt.text), b_buf_deinit(&s->want), b_buf_deinit(&s->got), b_buf_deinit(&s->sql);
    b_buf_deinit(&s->other);
    ts_close(s->direct), ts_close(s->admin);
    ts_proxy_end(&s->proxy);
}

void dt_run(const dt_options *o, const ts_server *server, dt_totals *t)
{
    dt_replay *r = o->replay == NULL ? NULL : dt_replay_open(o->replay);
    dt_state s = {.o = o, .server = server, .totals = t, .replay = r};
    s.count = r == NULL ? o->statements : dt_replay_count(r);
    s.expected = calloc((size_t)s.count * 4 + 1, sizeof *s.expected);
    if (s.expected == NULL) ts_die("out of memory");
    begin(&s);
    dt_workers *w = dt_workers_start(&s, run_phase);
    for (s.phase = 0; s.phase < DT_PHASES && (o->phase < 0 || s.phase <= o->phase); s.phase++) {
        for (unsigned i = 0; i < DT_WORLDS; i++) dt_world_go(&s.worlds[i], s.admin, s.direct, s.phase);
        if (o->phase >= 0 && s.phase != o->phase) continue;
        for (unsigned i = 0; i < DT_WORLDS; i++) dt_world_watch(&s.worlds[i], s.direct, s.phase);
        dt_workers_phase(w, s.phase);
        for (unsigned i = 0; i < DT_WORLDS; i++) dt_world_unwatch(&s.worlds[i], s.direct);
    }
    dt_workers_end(w, t);
    dt_clients_close_all(&s);
    finish(&s);
    dt_replay_close(r);
}
