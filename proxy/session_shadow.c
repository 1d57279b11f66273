/* Samples of a client's SELECTs for shadow reads (docs/migrations.md). Taken as the statement is sent, with
 * what its meaning hangs on; handed to the engine once the server has answered without an error, so that
 * nothing is read with the engine's rights that the client may not read. Not on the way of statements while
 * there are none: that is a load and a comparison, of statements on migrating tables. */
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

void px_shadow_sample(px_session *s, b_slice sql)
{
    const px_context *in = px_vars_now(s);
    px_shadow_drop(s);
    if (in == NULL || s->result.nuses + s->result.nshown == 0 || !may_be_select(sql)) return;
    mig_read r = {.sql = sql,
                  .schema = in->schema,
                  .mode = in->mode,
                  .client = in->client,
                  .collation = in->collation,
                  .zone = b_slice_of(s->vars.zone, s->vars.zone_len),
                  .version = s->version,
                  .temps = s->ntemps > 0};
    s->sample = mig_shadow_sample(s->loop->app->engine, &r, s->rules, &s->result, throw(s->loop));
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
