#include "message.h"

#include <string.h>

enum { UNKNOWN_COLUMN = 1054, DUPLICATE_KEY = 1062, JSON_VALUE = 3156 };

/* Errors whose names are tables'. One may be called as a column is, of this table or of another. */
static const unsigned of_tables[] = {1051, 1066, 1093, 1099, 1100, 1109, 1142, 1146, 1288, 1442};

typedef struct names {
    const rw_shown *v;
    size_t n;
} names;

/* ---- where names can stand ---- */

static size_t find_last(b_slice s, b_slice needle)
{
    for (size_t at = s.n; at-- > 0;)
        if (at + needle.n <= s.n && memcmp(s.p + at, needle.p, needle.n) == 0) return at;
    return s.n;
}

/* A message that quotes a value, "Incorrect DATE value: 'x' for column 'c' at row 1", has names only behind
 * it; where the value ends can be told by what follows alone, since it may hold quotes itself. The number of
 * bytes before. */
static size_t values_end(unsigned code, b_slice message)
{
    for (size_t i = 0; i < sizeof of_tables / sizeof *of_tables; i++)
        if (of_tables[i] == code) return message.n;
    if (code == DUPLICATE_KEY) return message.n; /* names an index, at its end: without_twin() */
    if (code == UNKNOWN_COLUMN)
        return message.n; /* what the server does not find the client has written so */
    size_t value = b_slice_find(message, B_LIT(" value: '"));
    if (value >= message.n) return 0;
    return find_last(message, B_LIT("' for column "));
}

/* ---- names ---- */

static bool ends_name(char c)
{
    return c == '`' || c == '"' || c == '\'' || c == '.';
}

/* What stands before a name that begins behind message[at], in `t`.`c`, "t"."c" or 't.c'. Empty: nothing. */
static b_slice qualifier(b_slice message, size_t at)
{
    size_t end = at;
    char quote = message.p[at];
    bool tick = quote == '`' || quote == '"';
    if (tick && (at < 2 || message.p[at - 1] != '.' || message.p[at - 2] != quote))
        return b_slice_of(NULL, 0);
    if (!tick && message.p[at] != '.') return b_slice_of(NULL, 0);
    if (tick) end = at - 2;
    size_t from = end;
    while (from > 0 && !ends_name(message.p[from - 1])) from--;
    return b_slice_of(message.p + from, end - from);
}

static bool is_alias(const rw_shown *s, b_slice name)
{
    for (size_t at = 0; at < s->aliases.n;) {
        size_t n = strlen(s->aliases.p + at);
        if (b_slice_ieq(name, b_slice_of(s->aliases.p + at, n))) return true;
        at += n + 1;
    }
    return false;
}

/* name: what stands before the column. The table's own name may have its schema before it. */
static bool calls_table(const rw_shown *s, b_slice message, b_slice name)
{
    /* MariaDB collects in such a table what a statement assigns. */
    if (name.n == 0 || b_slice_eq(name, B_LIT("(temporary)"))) return true;
    if (b_slice_ieq(name, s->table.name)) {
        size_t at = (size_t)(name.p - message.p);
        b_slice schema = at == 0 ? b_slice_of(NULL, 0) : qualifier(message, at - 1);
        return schema.n == 0 || s->table.schema.n == 0 || b_slice_ieq(schema, s->table.schema);
    }
    return is_alias(s, name);
}

/* A physical name behind message[at], which is a quote or the dot before it: 'B', `B`, 't.B', `t.B`, "t"."B".
 * What stands in double quotes by itself may be a text. */
static const rw_shown *name_at(names all, b_slice message, size_t at)
{
    char begin = message.p[at];
    if (begin != '\'' && begin != '`' && begin != '"' && begin != '.') return NULL;
    if (begin == '"' && qualifier(message, at).n == 0) return NULL;
    for (size_t i = 0; i < all.n; i++) {
        b_slice name = all.v[i].physical;
        if (message.n - at < name.n + 2) continue;
        char end = message.p[at + name.n + 1];
        if (begin == '.' ? end != '\'' && end != '`' : end != begin) continue;
        if (b_slice_ieq(b_slice_of(message.p + at + 1, name.n), name) &&
            calls_table(&all.v[i], message, qualifier(message, at)))
            return &all.v[i];
    }
    return NULL;
}

/* Ends the message in the name of an index' twin, INDEX__B'? Then without the twin's end. */
static b_slice without_twin(names all, b_slice message)
{
    for (size_t i = 0; i < 2 * all.n; i++) {
        b_slice name = i % 2 == 0 ? all.v[i / 2].physical : all.v[i / 2].shown;
        if (message.n < name.n + 4 || message.p[message.n - 1] != '\'') continue;
        size_t at = message.n - name.n - 3;
        if (memcmp(message.p + at, "__", 2) == 0 && b_slice_ieq(b_slice_of(message.p + at + 2, name.n), name))
            return b_slice_of(message.p, at);
    }
    return message;
}

/* "Invalid JSON value for CAST to DOUBLE from column c at row 1" has a name without quotes. Is it one of
 * them? Then at is where it begins. */
static const rw_shown *bare_name(names all, b_slice message, size_t *at)
{
    static const char before[] = " from column ";
    size_t from = find_last(message, B_LIT(before)), to = find_last(message, B_LIT(" at row "));
    if (from == message.n || to == message.n || to < from + sizeof before - 1) return NULL;
    *at = from + sizeof before - 1;
    for (size_t i = 0; i < all.n; i++)
        if (b_slice_ieq(b_slice_of(message.p + *at, to - *at), all.v[i].physical)) return &all.v[i];
    return NULL;
}

void px_message_put(b_buf *out, const rw_shown *shown, size_t nshown, unsigned code, b_slice message)
{
    names all = {shown, nshown};
    b_slice text = code == DUPLICATE_KEY ? without_twin(all, message) : message;
    size_t at = values_end(code, text);
    const rw_shown *bare = code == JSON_VALUE ? bare_name(all, text, &at) : NULL;
    b_buf_add(out, text.p, at);
    if (bare != NULL) {
        b_buf_slice(out, bare->shown);
        at += bare->physical.n;
    }
    while (at < text.n) {
        const rw_shown *s = name_at(all, text, at);
        b_buf_char(out, text.p[at++]);
        if (s == NULL) continue;
        b_buf_slice(out, s->shown);
        at += s->physical.n;
    }
    if (text.n < message.n) b_buf_char(out, '\'');
}

b_slice px_message_unknown(b_slice message)
{
    size_t from = 0;
    while (from < message.n && message.p[from] != '\'') from++;
    size_t to = ++from;
    while (to < message.n && message.p[to] != '\'') to++;
    if (to >= message.n) return b_slice_of(NULL, 0);
    for (size_t i = from; i < to; i++)
        if (message.p[i] == '.') from = i + 1;
    return b_slice_of(message.p + from, to - from);
}
