/* The server's answer on its way to the client: followed to its end, passed on as it was read, and changed
 * only where the client must not see what the proxy did. */
#include "kind.h"
#include "session.h"

static void send_ok(px_session *s, const mp_ok *ok, uint8_t header, uint8_t seq)
{
    b_buf *b = px_conn_buf(&s->client);
    size_t at = mp_packet_begin(b);
    mp_ok_put(b, header, ok, s->caps);
    mp_packet_end(b, at, seq);
}

void px_result_ok(px_session *s, mp_header h, b_slice payload, const mp_ok *ok, uint8_t seq)
{
    if (ok->state.n > 0) px_vars_track(s, ok->state);
    bool changed = (ok->status & MP_STATUS_SESSION_STATE_CHANGED) != 0;
    if (changed && !(s->caps & MP_CLIENT_SESSION_TRACK))
        send_ok(s, ok, (uint8_t)payload.p[0], seq);
    else
        px_conn_send(&s->client, payload.p - MP_HEADER, (size_t)h.len + MP_HEADER);
}

/* --- PREPARE --- */

static void put16(char *p, uint32_t v)
{
    p[0] = (char)v;
    p[1] = (char)(v >> 8);
}

/* Payload: 0x00, id (4), columns (2), parameters (2), …: the client's id and parameters are put in place. */
static bool on_prepare_ok(px_session *s, char *payload)
{
    mp_stmt *stmt = s->run.stmt;
    const px_stmt *x = stmt->extra;
    stmt->server_id = s->resp.prepare.statement;
    stmt->ncolumns = s->resp.prepare.columns;
    stmt->nparams = s->resp.prepare.params;
    for (int i = 0; i < 4; i++) payload[1 + i] = (char)(stmt->client_id >> (8 * i));
    if (stmt->map.source == NULL) return true;
    if (stmt->map.nout != s->resp.prepare.params) {
        px_session_fail(
            s, s->last_seq, 1105, "HY000",
            "straddle: the server counts %u placeholders in a rewritten statement, straddle %u (plan %s); "
            "please report this statement, and DISABLE the migration's rules for it",
            (unsigned)s->resp.prepare.params, (unsigned)stmt->map.nout,
            x->res.cached ? "from the cache" : "made now");
        return false;
    }
    stmt->nparams = stmt->map.nin;
    put16(payload + 7, stmt->nparams);
    return true;
}

/* The client has fewer parameters than the server: the definitions beyond its number are not for it. */
static bool drops_param(px_session *s)
{
    const mp_stmt *stmt = s->run.stmt;
    uint32_t index = s->run.params_seen++;
    return stmt != NULL && stmt->map.source != NULL && index >= stmt->nparams;
}

/* MariaDB leaves definitions out that the statement's PREPARE had; but where that PREPARE was ours, the
 * client has not seen them. */
static bool on_count(px_session *s, uint8_t seq)
{
    const mp_stmt *stmt = s->run.stmt;
    if (stmt == NULL || s->run.command == MP_COM_STMT_PREPARE) return false;
    px_stmt *x = stmt->extra;
    if (x->columns.n == 0) return false;
    if (s->resp.metadata) { /* they come of themselves */
        b_buf_deinit(&x->columns);
        return false;
    }
    if (s->resp.columns != stmt->ncolumns) {
        px_session_fail(s, seq, 1105, "HY000",
                        "straddle: the server has another number of columns than it said when a statement "
                        "was prepared again; connect again");
        return true;
    }
    uint8_t more = px_patch_missing(s, seq);
    s->run.seq_shift = (uint8_t)(s->run.seq_shift + more);
    s->last_seq = (uint8_t)(seq + more);
    return true;
}

/* --- the end of an answer --- */

static void note_latency(px_session *s)
{
    const rw_result *res = s->run.res;
    uint64_t now = uv_hrtime(), us = (now - s->run.started_ns) / 1000;
    for (size_t i = 0; i < res->nuses; i++) {
        const rw_migration *m = rw_ruleset_at(s->rules, res->uses[i].migration);
        px_latency_note(s->loop->latency, m->schema, m->table, now / 1000000, us);
    }
}

/* Some of it may have been done, or none. */
static void doubt_effects(px_session *s)
{
    const rw_result *res = s->run.res;
    for (size_t i = 0; i < res->neffects; i++) {
        const rw_effect *e = &res->effects[i];
        bool temps = e->kind == RW_EFFECT_TEMP_CREATED || e->kind == RW_EFFECT_TEMP_DROPPED;
        if (s->run.had_ok) s->vars.known = false;
        if (s->run.had_ok && temps) s->temps_unknown = true;
        if (e->kind == RW_EFFECT_NAMED || e->kind == RW_EFFECT_UNNAMED) px_named_doubt(s, e->name);
        if (e->kind == RW_EFFECT_UNSEEN) px_named_unseen(s);
    }
}

static void note_effects(px_session *s)
{
    if (!s->run.failed)
        px_vars_effects(s, s->run.res);
    else
        doubt_effects(s);
}

/* What a routine, or a statement that others are in, may have prepared. */
static void note_named(px_session *s)
{
    bool unseen = (s->run.kind & PX_KIND_PREPARES) && s->run.command != MP_COM_QUERY &&
                  s->run.command != MP_COM_STMT_PREPARE;
    if (unseen) px_named_unseen(s);
    if (s->run.kind & PX_KIND_CALLS) px_named_called(s);
}

static void note_status(px_session *s)
{
    if (s->resp.have_status) s->status = s->resp.status;
    if (!s->run.failed) return;
    /* An error says nothing of the transaction: one may have begun before it. The next OK tells. */
    bool may_begin = !(s->status & MP_STATUS_AUTOCOMMIT) || (s->run.kind & PX_KIND_BEGINS);
    if (may_begin) s->status |= MP_STATUS_IN_TRANS;
    if (s->run.kind & PX_KIND_SETS) s->vars.known = false;
}

/* Warnings of this statement may name a column as it is on the server. SHOW leaves those of the last one. */
static void note_shown(px_session *s)
{
    const rw_result *res = s->run.res;
    if (s->shown_arena != NULL && !s->run.warnings) px_patch_forget(s);
    bool any = s->run.failed || s->resp.ok.warnings > 0;
    if (any && res != NULL && res->nshown > 0) px_patch_keep(s, res);
}

static void finish(px_session *s)
{
    px_running *r = &s->run;
    note_status(s);
    note_shown(s);
    if (r->sent_ns != 0) px_log_slow(s);
    if (s->sample != NULL) px_shadow_done(s);
    if (r->res != NULL && r->command != MP_COM_STMT_PREPARE) {
        note_effects(s);
        if (r->started_ns != 0) note_latency(s);
    }
    if (r->kind & (PX_KIND_PREPARES | PX_KIND_CALLS)) note_named(s);
    if (r->command == MP_COM_STMT_PREPARE && r->failed) mp_stmts_remove(s->stmts, r->stmt->client_id);
    if (r->command == MP_COM_STMT_EXECUTE || r->command == MP_COM_STMT_BULK_EXECUTE)
        px_stmt_executed(s, r->stmt);
    if (r->multi_on && !r->failed) s->caps |= MP_CLIENT_MULTI_STATEMENTS;
    if (r->multi_off && !r->failed) s->caps &= ~MP_CLIENT_MULTI_STATEMENTS;
    if ((r->kind & PX_KIND_DDL) && (!r->failed || r->had_ok))
        mig_engine_catalog_changed(s->loop->app->engine);
    bool reset = r->reset && !r->failed;
    b_buf_deinit(&r->fields_last);
    s->run = (px_running){.command = 0};
    if (reset) {
        px_vars_forget(s);
        px_hidden_state(s);
    } else {
        px_session_set_state(s, PX_IDLE);
    }
}

static void end(px_session *s)
{
    if (s->again.back)
        px_again_back(s);
    else
        finish(s);
}

/* --- packets --- */

/* Rows of a few statements are changed; those of all others are passed on before they are whole. */
static bool rows_change(const px_session *s)
{
    return s->run.warnings || px_patch_creates(s);
}

/* A column or table that is not there, another number of columns: somebody may have changed the table. */
static void suspect(px_session *s, b_slice error)
{
    enum { BAD_FIELD = 1054, WRONG_VALUE_COUNT = 1136, NO_SUCH_TABLE = 1146 };
    if (error.n < 3) return;
    unsigned code = (unsigned)(uint8_t)error.p[1] | (unsigned)(uint8_t)error.p[2] << 8;
    if (code == BAD_FIELD || code == WRONG_VALUE_COUNT || code == NO_SUCH_TABLE)
        mig_engine_catalog_suspect(s->loop->app->engine);
}

/* Further definitions stand before the packet that ends the list. */
static uint8_t fields_end(px_session *s, char *payload, uint8_t seq)
{
    uint8_t more = px_fields_last(s, seq);
    s->last_seq = (uint8_t)(seq + more);
    payload[-1] = (char)s->last_seq;
    return s->last_seq;
}

/* True when the packet needs no sending any more. */
static bool on_event(px_session *s, mp_event ev, mp_header h, char *payload, uint8_t seq)
{
    bool shown = s->run.res != NULL && s->run.res->nshown > 0;
    b_slice whole = b_slice_of(payload, h.len);
    bool ends = ev == MP_EV_OK || ev == MP_EV_EOF;
    if (s->run.fields.n > 0 && ends) seq = fields_end(s, payload, seq);
    switch (ev) {
    case MP_EV_OK:
        s->run.had_ok = true;
        px_result_ok(s, h, whole, &s->resp.ok, seq);
        return true;
    case MP_EV_EOF: s->run.had_ok = true; return false;
    case MP_EV_ERR:
        if (px_again(s, whole)) return true;
        s->run.failed = true;
        if (s->run.res != NULL) suspect(s, whole);
        if (shown) px_patch_error(s, whole, seq);
        return shown;
    case MP_EV_COLUMN:
        if (s->run.fields.n > 0) return px_fields_column(s, whole, seq);
        if (s->run.res == NULL || s->run.res->nuses + s->run.res->norigins == 0) return false;
        px_patch_column(s, whole, seq);
        return true;
    case MP_EV_PREPARE_OK: return !on_prepare_ok(s, payload);
    case MP_EV_PARAM:
        if (!drops_param(s)) return false;
        s->run.seq_shift--;
        s->last_seq--;
        return true;
    case MP_EV_BAD:
        s->skip = 0;
        px_session_fail(
            s, seq, 1105, "HY000",
            "straddle: the server's answer to %s was not understood and cannot be passed on; connect again",
            mp_command_name(s->run.command));
        return true;
    case MP_EV_ROW:
        if (!rows_change(s) || s->skip > 0) return false;
        if (px_patch_creates(s))
            px_patch_create(s, whole, seq);
        else
            px_patch_warning(s, whole, seq);
        return true;
    case MP_EV_COLUMN_COUNT: return on_count(s, seq);
    case MP_EV_INFILE: s->run.infile_seq = (uint8_t)(h.seq + 1); return false;
    case MP_EV_META_EOF:
    case MP_EV_STRING:
    case MP_EV_AUTH:
    case MP_EV_PROGRESS: return false;
    }
    return false;
}

/* One packet, or as much of it as must be seen; 0 when that is not there yet. */
static size_t packet(px_session *s, char *p, size_t n)
{
    s->backend.need = MP_HEADER + 1;
    if (n < MP_HEADER) return 0;
    mp_header h = mp_header_get(p);
    if (h.len > 0 && n < MP_HEADER + 1) return 0;
    size_t need =
        MP_HEADER +
        (rows_change(s) ? h.len : mp_response_need(&s->resp, h, h.len > 0 ? (uint8_t)p[MP_HEADER] : 0));
    s->backend.need = need;
    if (n < need) return 0;
    s->backend.need = 0;
    size_t have = n - MP_HEADER < h.len ? n - MP_HEADER : h.len;
    mp_event ev = mp_response_next(&s->resp, h, b_slice_of(p + MP_HEADER, have));
    /* Under compression servers number packets as the compressed ones are. */
    bool odd = s->compression.backend != MP_COMPRESS_NONE && s->state == PX_RUN;
    uint8_t seq = (uint8_t)(odd ? s->last_seq + 1 : h.seq + s->run.seq_shift);
    p[3] = (char)seq;
    s->last_seq = seq;
    s->skip = h.len - (uint32_t)have;
    if (!on_event(s, ev, h, p + MP_HEADER, seq)) px_conn_send(&s->client, p, MP_HEADER + have);
    s->run.answered = true;
    if (s->resp.done && (s->state == PX_RUN || s->state == PX_RELAY)) end(s);
    return MP_HEADER + have;
}

/* Something that nobody asked for: a server that ends the connection may say why. It is kept for the client's
 * next command. */
static size_t unsolicited(px_session *s, const char *p, size_t n)
{
    s->backend.need = MP_HEADER;
    if (n < MP_HEADER) return 0;
    mp_header h = mp_header_get(p);
    s->backend.need = MP_HEADER + (size_t)h.len;
    if (n < s->backend.need) return 0;
    if (h.len > 0 && (uint8_t)p[MP_HEADER] == 0xFF && s->lost.n == 0)
        b_buf_add(&s->lost, p + MP_HEADER, h.len);
    return s->backend.need;
}

size_t px_result_backend(px_session *s, char *p, size_t n)
{
    size_t at = 0;
    while (at < n) {
        size_t used;
        if (s->skip > 0) {
            used = n - at < s->skip ? n - at : s->skip;
            px_conn_send(&s->client, p + at, used);
            s->skip -= (uint32_t)used;
        } else if (s->state == PX_RUN || s->state == PX_RELAY) {
            if (s->resp.infile) break;
            used = packet(s, p + at, n - at);
        } else if (s->state == PX_IDLE) {
            used = unsolicited(s, p + at, n - at);
        } else {
            break;
        }
        if (used == 0) break;
        at += used;
    }
    return at;
}
