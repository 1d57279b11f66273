/* See context.h. */
#include "context.h"

#include <stdlib.h>

static b_slice keep(char **at, b_slice text)
{
    char *p = *at;
    if (text.n > 0) memcpy(p, text.p, text.n);
    *at += text.n;
    return b_slice_of(p, text.n);
}

px_context *px_context_new(b_slice schema, b_slice mode, b_slice client, b_slice collation, uint64_t serial)
{
    px_context *c = malloc(sizeof *c + schema.n + mode.n + client.n + collation.n);
    if (c == NULL) return NULL;
    char *at = (char *)(c + 1);
    *c = (px_context){.refs = 1,
                      .sql_mode = rw_sql_mode_parse(mode),
                      .charset = rw_charset_parse(client),
                      .spelling = rw_charset_number(client),
                      .serial = serial};
    c->schema = keep(&at, schema);
    c->mode = keep(&at, mode);
    c->client = keep(&at, client);
    c->collation = keep(&at, collation);
    return c;
}

px_context *px_context_ref(px_context *c)
{
    c->refs++;
    return c;
}

void px_context_unref(px_context *c)
{
    if (c != NULL && --c->refs == 0) free(c);
}

static bool collation_known(const px_context *a, const px_context *b)
{
    return a->serial == b->serial || (a->collation.n > 0 && b->collation.n > 0);
}

static bool same_collation(const px_context *a, const px_context *b)
{
    return a->serial == b->serial || (collation_known(a, b) && b_slice_eq(a->collation, b->collation));
}

bool px_context_same(const px_context *a, const px_context *b)
{
    if (a == b) return true;
    return a != NULL && b != NULL && b_slice_eq(a->schema, b->schema) && b_slice_eq(a->mode, b->mode) &&
           b_slice_eq(a->client, b->client) && same_collation(a, b);
}

/* Letters, digits, `_` and `,`: what can stand in a SET as it is, under every sql_mode and character set. */
static bool plain(b_slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = b_lower(text.p[i]);
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != ',') return false;
    }
    return true;
}

static bool ascii(b_slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] >= 0x80) return false;
    return true;
}

/* Without a default schema no name was looked up in one, so any will do for `then`; but nothing takes a
 * session that has none back to that. The server tells schemas in utf8 and takes them as the client writes.
 */
static bool schema_reachable(const px_context *now, const px_context *then)
{
    if (then->schema.n == 0 || b_slice_eq(now->schema, then->schema)) return true;
    return now->schema.n > 0 && ascii(now->schema) && ascii(then->schema);
}

bool px_context_reachable(const px_context *now, const px_context *then)
{
    return now != NULL && then != NULL && schema_reachable(now, then) && collation_known(now, then) &&
           now->client.n > 0 && then->client.n > 0 && plain(now->mode) && plain(then->mode) &&
           plain(now->client) && plain(then->client) && plain(now->collation) && plain(then->collation);
}

bool px_context_vague(const px_context *now, const px_context *then)
{
    return now != NULL && then != NULL && now->serial != then->serial && now->collation.n == 0;
}

void px_context_set(b_buf *out, const px_context *from, const px_context *to)
{
    const char *sep = "SET";
    if (!b_slice_eq(from->mode, to->mode)) {
        b_buf_printf(out, "%s SESSION sql_mode = '%.*s'", sep, B_ARG(to->mode));
        sep = ",";
    }
    if (!b_slice_eq(from->client, to->client)) {
        b_buf_printf(out, "%s SESSION character_set_client = %.*s", sep, B_ARG(to->client));
        sep = ",";
    }
    if (!same_collation(from, to))
        b_buf_printf(out, "%s SESSION collation_connection = %.*s", sep, B_ARG(to->collation));
}

b_slice px_context_use(const px_context *from, const px_context *to)
{
    return b_slice_eq(from->schema, to->schema) ? B_LIT("") : to->schema;
}
