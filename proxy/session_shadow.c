/* Samples of a client's SELECTs for shadow reads (docs/migrations.md), as text and prepared. Taken as the
 * statement is sent, with what its meaning hangs on; handed to the engine once the server has answered
 * without an error, so that nothing is read with the engine's rights that the client may not read. Not on the
 * way of statements while there are none: that is a load and a comparison, of statements on migrating tables.
 */
#include "session.h"

/* xorshift64: which ones are taken must not follow the pattern of an application's statements. */
static uint32_t throw(px_loop * loop)
{
    uint64_t x = loop->dice != 0 ? loop->dice : uv_hrtime() | 1;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    loop->dice = x;
    return (uint32_t)(x >> 32);
}

static bool may_be_select(b_slice sql)
{
    static const char *const begins[] = {"select", "with", "(", "/*", "--", "#"};
    b_slice text = b_slice_trim(sql);
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
        if (b_slice_istarts(text, b_slice_str(begins[i]))) return true;
    return false;
}

/* in: NULL where that is not known. */
static mig_read read_of(const px_session *s, const px_context *in, b_slice sql)
{
    mig_read r = {.sql = sql,
                  .zone = b_slice_of(s->vars.zone, s->vars.zone_len),
                  .version = s->version,
                  .temps = s->ntemps > 0};
    if (in != NULL)
        r.schema = in->schema, r.mode = in->mode, r.client = in->client, r.collation = in->collation;
    return r;
}

void px_shadow_sample(px_session *s, b_slice sql)
{
    const px_context *in = px_vars_now(s);
    bool named = s->result.executed.n > 0;
    px_shadow_drop(s);
    if (in == NULL || s->result.nuses + s->result.nshown == 0) return;
    if (!may_be_select(named ? s->result.executed : sql)) return;
    mig_read r = read_of(s, in, sql);
    if (named) r.unfit = "EXECUTE in SQL";
    s->sample = mig_shadow_sample(s->loop->app->engine, &r, s->rules, &s->result, throw(s->loop));
}

/* ---- prepared statements ---- */

/* Text and parameters mean what they meant only in one context; long data is not in the EXECUTE. */
static const char *unfit(const px_cmd *c, const mp_stmt *stmt, const px_context *in)
{
    const px_stmt *x = stmt->extra;
    if ((uint8_t)c->payload.p[0] != MP_COM_STMT_EXECUTE) return "a bulk execution";
    if (stmt->long_sent || stmt->long_data != NULL) return "a parameter sent as long data";
    if (x->ruled) return "a prepared statement that a regex rule has rewritten";
    if (in == NULL || !px_context_same(in, x->context))
        return "the session's schema, sql_mode or character set has changed since PREPARE";
    return NULL;
}

static const char *take_params(px_session *s, const px_cmd *c, const mp_stmt *stmt, mig_read *r)
{
    bool cursor = false;
    b_arena *arena = px_query_arena(s);
    mp_given *given = arena == NULL ? NULL : b_arena_array(arena, stmt->nparams + 1, sizeof *given);
    mig_param *params = given == NULL ? NULL : b_arena_array(arena, stmt->nparams + 1, sizeof *params);
    if (params == NULL) return "memory ran out";
    if (mp_stmt_given(stmt, c->payload, s->backend_caps, given, &cursor) != B_OK)
        return "parameters that cannot be followed";
    if (cursor) return "an execution with a cursor";
    for (uint32_t i = 0; i < stmt->nparams; i++)
        params[i] = (mig_param){given[i].type, given[i].is_unsigned, given[i].null, given[i].value};
    r->params = params, r->nparams = stmt->nparams;
    return NULL;
}

void px_shadow_execute(px_session *s, const px_cmd *c, const mp_stmt *stmt)
{
    mig_engine *e = s->loop->app->engine;
    const px_stmt *x = stmt->extra;
    const px_context *in = px_vars_now(s);
    b_slice sql = b_slice_of(stmt->sql, stmt->sql_len);
    uint32_t dice = throw(s->loop);
    px_shadow_drop(s);
    if (!mig_shadow_share(e, dice) || x->res.nuses + x->res.nshown == 0 || !may_be_select(sql)) return;
    mig_read r = read_of(s, in, sql);
    r.prepared = true;
    r.unfit = unfit(c, stmt, in);
    if (r.unfit == NULL) r.unfit = take_params(s, c, stmt, &r);
    s->sample = mig_shadow_sample(e, &r, s->rules, &x->res, dice);
}

void px_shadow_done(px_session *s)
{
    if (s->run.failed) {
        px_shadow_drop(s);
        return;
    }
    mig_shadow_offer(s->loop->app->engine, s->sample);
    s->sample = NULL;
}

void px_shadow_drop(px_session *s)
{
    mig_shadow_free(s->sample);
    s->sample = NULL;
}
