/* How an identifier or a string that the rewriter itself writes is spelt. Bare where that is safe on both
 * servers in every sql_mode, otherwise in backticks: they quote identifiers whether or not ANSI_QUOTES is on.
 */
#include "resolve.h"
#include "words.h"

/* A letter, then letters, digits, `_`. A digit first could read as a number, `$` first is deprecated. */
static bool plain_word(b_slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return name.n > 0;
}

static bool reserved(b_slice name)
{
    rw_word word = rw__word_find(name.p, name.n);
    rw_server mysql = {.flavour = RW_MYSQL}, mariadb = {.flavour = RW_MARIADB};

    return rw__word_reserved((uint16_t)word, mysql) || rw__word_reserved((uint16_t)word, mariadb);
}

/* text between two quotes, with each quote in it, and each backslash where they escape, doubled. It is UTF-8
 * still: spelling.h. */
static b_slice enclosed(rw_planner *p, b_slice text, char quote, bool escapes)
{
    char *out = b_arena_alloc(p->arena, 2 * text.n + 2);
    size_t n = 0;

    if (out == NULL) {
        p->nomem = true;
        return (b_slice){NULL, 0};
    }
    out[n++] = quote;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == quote || (escapes && text.p[i] == '\\')) {
            out[n++] = text.p[i];
        }
        out[n++] = text.p[i];
    }
    out[n++] = quote;
    return b_slice_of(out, n);
}

b_slice rw__quoted(rw_planner *p, b_slice name)
{
    return plain_word(name) && !reserved(name) ? name : enclosed(p, name, '`', false);
}

b_slice rw__string_literal(rw_planner *p, b_slice text)
{
    return enclosed(p, text, '\'', (p->ctx->sql_mode & RW_MODE_NO_BACKSLASH_ESCAPES) == 0);
}

b_slice rw__literal(rw_planner *p, b_slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    bool plain = true;
    char *out = b_arena_alloc(p->arena, 2 * text.n + 16);
    size_t n = 0;

    if (out == NULL) {
        p->nomem = true;
        return (b_slice){NULL, 0};
    }
    for (size_t i = 0; i < text.n; i++) {
        plain = plain && text.p[i] >= ' ' && text.p[i] <= '~' && text.p[i] != '\\';
    }
    if (!plain) {
        memcpy(out, "_utf8mb4 X'", n = 11);
    } else {
        out[n++] = '\'';
    }
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (!plain) {
            out[n++] = digits[c >> 4];
            out[n++] = digits[c & 15];
            continue;
        }
        if (c == '\'') {
            out[n++] = '\'';
        }
        out[n++] = (char)c;
    }
    out[n++] = '\'';
    return b_slice_of(out, n);
}
