/* A statement that the server answers with error 1054 for a column that the rules say is there: it has been
 * renamed, or dropped, since the rules were made, by an instance that went on without us or by somebody
 * directly on the database. It waits for the next epoch, as those do whose table is held (session_hold.c),
 * and is then rewritten and sent once more; never a second time.
 *
 * That is right only where nothing of it was carried out. So the error must be the whole answer, and either
 * the command was a PREPARE or rw_fails_early() proves it: by the rules under which it failed, and by those
 * under which it is sent again, whose catalogue is newer than the error. Not in a transaction, whose epoch is
 * not ours to change. What is not proved has the server's error; so has a statement for which no epoch comes,
 * because the engine has looked and found the table as the rules have it, or because its time is up
 * (px_hold_tick).
 *
 * While the statement runs its command is kept as it was read; then it goes back to where it was read from.
 */
#include "message.h"
#include "session.h"

enum { KEPT = 64 * 1024, BAD_FIELD = 1054 };

void px_again_begin(px_session *s)
{
    s->run.again = s->again.back;
    b_buf_clear(&s->again.command);
}

void px_again_keep(px_session *s, const px_cmd *c, b_slice sent, const px_context *in)
{
    px_kept *a = &s->again;
    bool alone = (s->status & MP_STATUS_AUTOCOMMIT) && !px_session_pinned(s);
    if (s->run.again || !alone || c->nraw > KEPT || s->run.command == MP_COM_STMT_BULK_EXECUTE) return;
    b_buf_add(&a->command, c->raw, c->nraw);
    bool inside = sent.p >= c->raw && sent.p < c->raw + c->nraw;
    a->sent = inside ? b_slice_of(a->command.p + (sent.p - c->raw), sent.n) : sent;
    a->in = in;
    if (a->command.failed) b_buf_deinit(&a->command);
}

/* Has a migrating table such a column, by the rules? */
static bool known_column(const rw_ruleset *r, b_slice column)
{
    for (size_t i = 0; column.n > 0 && i < rw_ruleset_size(r); i++) {
        const rw_migration *m = rw_ruleset_at(r, i);
        const rw_table *t = rw_catalog_find(rw_ruleset_catalog(r), m->schema, m->table);
        if (t != NULL && rw_table_column(t, column) != NULL) return true;
    }
    return false;
}

/* By the session's rules. */
static bool nothing_done(px_session *s, b_slice sent, const px_context *in)
{
    rw_ctx ctx;
    if (s->run.command == MP_COM_STMT_PREPARE) return true;
    b_arena *arena = s->vars.known ? b_arena_new(0) : NULL;
    if (arena == NULL) return false;
    px_vars_ctx(s, &ctx, in, arena, s->run.command == MP_COM_STMT_EXECUTE);
    bool yes = rw_fails_early(s->rules, &ctx, sent, arena);
    b_arena_free(arena);
    return yes;
}

static bool has_moved(const px_session *s, b_slice error)
{
    mp_error e;
    return mp_err_parse(error, s->backend_caps, &e) == B_OK && e.code == BAD_FIELD &&
           known_column(s->rules, px_message_unknown(e.message));
}

/* The command is to be looked at again. */
static void mark(px_session *s, b_slice error)
{
    px_kept *a = &s->again;
    b_buf_clear(&a->error);
    b_buf_slice(&a->error, error);
    a->epoch = s->epoch;
    a->over = false;
    a->back = !a->error.failed;
    a->ticket = mig_engine_catalog_suspect(s->loop->app->engine);
}

bool px_again(px_session *s, b_slice error)
{
    const px_kept *a = &s->again;
    if (a->command.n == 0 || s->run.answered || s->run.res == NULL) return false;
    if (!has_moved(s, error) || !nothing_done(s, a->sent, a->in)) return false;
    mark(s, error);
    return a->back;
}

bool px_again_hidden(px_session *s, b_slice sql, b_slice error)
{
    if (s->run.again || px_session_pinned(s) || !has_moved(s, error)) return false;
    mark(s, error);
    s->again.back = s->again.back && px_hold(s, sql);
    return s->again.back;
}

void px_again_back(px_session *s)
{
    const b_buf *command = &s->again.command;
    if (s->run.command == MP_COM_STMT_PREPARE) mp_stmts_remove(s->stmts, s->run.stmt->client_id);
    px_log_drop(s);
    px_shadow_drop(s);
    px_patch_forget(s);
    s->run = (px_running){.command = 0};
    px_conn_unread(&s->client, command->p, command->n);
    px_session_set_state(s, PX_IDLE);
}

bool px_again_waits(const px_session *s)
{
    const px_kept *a = &s->again;
    return a->back && !a->over && s->epoch == a->epoch &&
           mig_engine_catalog_looked(s->loop->app->engine) < a->ticket;
}

bool px_again_relays(px_session *s, const px_cmd *c, b_slice sent, const px_context *in)
{
    const px_kept *a = &s->again;
    if (!s->run.again) return false;
    if (s->epoch != a->epoch && nothing_done(s, sent, in)) {
        s->loop->stats.statements_again++;
        return false;
    }
    mp_packet_put(px_conn_buf(&s->client), (uint8_t)(c->last_seq + 1), b_buf_view(&a->error));
    return true;
}

void px_again_rest(px_session *s)
{
    b_buf_deinit(&s->again.command);
    b_buf_deinit(&s->again.error);
}
