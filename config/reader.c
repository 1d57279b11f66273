#include "reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *field(void *object, size_t offset)
{
    return (char *)object + offset;
}

void cfg__no_memory(const cfg__reader *r)
{
    cfg__problem(r->diag, r->file, 1, "out of memory while reading; free some and try again");
}

char *cfg__dup(const cfg__reader *r, const char *s)
{
    char *p = strdup(s);
    if (p == NULL) cfg__no_memory(r);
    return p;
}

/* ---- unknown keys ---- */

static void unknown_key(const cfg__reader *r, const cfg__item *item, const cfg__map *map)
{
    const char *nearest = NULL;
    size_t best = strlen(item->key) / 3 + 2;
    b_buf known = {0};
    for (size_t i = 0; i < map->nkeys; i++) {
        size_t d = b_slice_distance(b_slice_str(item->key), b_slice_str(map->keys[i].name));
        if (d < best) best = d, nearest = map->keys[i].name;
        b_buf_printf(&known, "%s%s", i == 0 ? "" : ", ", map->keys[i].name);
    }
    if (nearest != NULL)
        cfg__problem(r->diag, r->file, item->line, "unknown key \"%s\" in %s; did you mean \"%s\"?",
                     item->key, map->what, nearest);
    else
        cfg__problem(r->diag, r->file, item->line, "unknown key \"%s\" in %s; take it out, or use one of: %s",
                     item->key, map->what, b_buf_cstr(&known));
    b_buf_deinit(&known);
}

/* ---- scalars ---- */

static bool parse_number(const char *s, uint64_t *out)
{
    uint64_t v = 0;
    if (*s == '\0') return false;
    for (; *s != '\0'; s++) {
        if (*s == '_') continue;
        if (*s < '0' || *s > '9' || v > (UINT64_MAX - 9) / 10) return false;
        v = v * 10 + (uint64_t)(*s - '0');
    }
    *out = v;
    return true;
}

static bool number(const cfg__reader *r, const cfg__key *k, const cfg__node *n, uint64_t *out)
{
    if (parse_number(n->text, out) && *out >= k->min && *out <= k->max) return true;
    cfg__problem(r->diag, r->file, n->line, "%s is \"%s\"; write a whole number from %" PRIu64 " to %" PRIu64,
                 k->name, n->text, k->min, k->max);
    return false;
}

static void read_number(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object)
{
    uint64_t v;
    if (!number(r, k, n, &v)) return;
    if (k->kind == CFG__U64)
        *(uint64_t *)field(object, k->offset) = v;
    else
        *(uint32_t *)field(object, k->offset) = (uint32_t)v;
}

static void read_threads(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object)
{
    uint64_t v;
    if (strcmp(n->text, "auto") == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        v = cores < 1 ? 1 : (uint64_t)cores > k->max ? k->max : (uint64_t)cores;
    } else if (!parse_number(n->text, &v) || v < k->min || v > k->max) {
        cfg__problem(r->diag, r->file, n->line,
                     "%s is \"%s\"; write auto, or a whole number from %" PRIu64 " to %" PRIu64, k->name,
                     n->text, k->min, k->max);
        return;
    }
    *(unsigned *)field(object, k->offset) = (unsigned)v;
}

static void read_word(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object)
{
    b_buf list = {0};
    for (const cfg__word *w = k->words; w->name != NULL; w++) {
        if (strcmp(w->name, n->text) == 0) {
            memcpy(field(object, k->offset), &w->value, sizeof w->value);
            b_buf_deinit(&list);
            return;
        }
        b_buf_printf(&list, "%s%s", w == k->words ? "" : w[1].name == NULL ? " or " : ", ", w->name);
    }
    cfg__problem(r->diag, r->file, n->line, "%s is \"%s\"; write %s", k->name, n->text, b_buf_cstr(&list));
    b_buf_deinit(&list);
}

static void read_bool(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object)
{
    bool yes = strcmp(n->text, "true") == 0;
    if (!yes && strcmp(n->text, "false") != 0)
        cfg__problem(r->diag, r->file, n->line, "%s is \"%s\"; write true or false", k->name, n->text);
    *(bool *)field(object, k->offset) = yes;
}

static void read_text(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object)
{
    *(char **)field(object, k->offset) = cfg__dup(r, n->text);
}

static void read_path(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object)
{
    char *full = cfg__resolve(r->dir, n->text);
    if (full == NULL)
        cfg__problem(r->diag, r->file, n->line, "out of memory while reading; free some and try again");
    *(char **)field(object, k->offset) = full;
}

static void read_address(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object)
{
    b_err err;
    if (cfg_address_parse(n->text, field(object, k->offset), &err) != B_OK)
        cfg__problem(r->diag, r->file, n->line, "%s: %s", k->name, err.msg);
}

static void read_pace_text(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object)
{
    b_err err;
    if (cfg__pace_text_check(k->name, n->text, &err) == B_OK)
        read_text(r, k, n, object);
    else
        cfg__problem(r->diag, r->file, n->line, "%s", err.msg);
}

static void read_networks(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object)
{
    cfg_network *list = calloc(n->len + 1, sizeof *list); /* more than there are commas */
    char *text = cfg__dup(r, n->text), *save = NULL;
    size_t count = 0;
    b_err err;
    *(cfg_network **)field(object, k->offset) = list;
    for (char *p = text == NULL ? NULL : strtok_r(text, ", ", &save); p != NULL && list != NULL;
         p = strtok_r(NULL, ", ", &save)) {
        if (cfg_network_parse(p, &list[count], &err) == B_OK)
            count++;
        else
            cfg__problem(r->diag, r->file, n->line, "%s: %s", k->name, err.msg);
    }
    *(size_t *)field(object, k->count) = count;
    if (count == 0)
        cfg__problem(r->diag, r->file, n->line, "%s names no network; write one as 10.0.0.0/8", k->name);
    free(text);
}

static void read_secret(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object)
{
    char **at = field(object, k->offset);
    if (*at != NULL) return; /* given twice: said once, when the map is complete */
    *at = cfg__secret(r, k, n);
}

/* ---- names: ASCII only, so that a search for their bytes finds them in every character set ---- */

static bool ident_ok(const cfg__reader *r, const char *what, const char *s, size_t len, unsigned line)
{
    bool ok = len >= 1 && len <= 64;
    for (size_t i = 0; ok && i < len; i++)
        ok = s[i] >= 0x20 && s[i] < 0x7f && strchr("`\"'\\./;", s[i]) == NULL;
    if (ok && s[0] != ' ' && s[len - 1] != ' ') return true;
    cfg__problem(r->diag, r->file, line,
                 "%s \"%.*s\" is not a name of 1 to 64 ASCII characters without quotes, dots and slashes; "
                 "write the plain name (other characters cannot be migrated)",
                 what, (int)(len > 80 ? 80 : len), s);
    return false;
}

static void read_ident(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object)
{
    if (ident_ok(r, k->name, n->text, n->len, n->line)) read_text(r, k, n, object);
}

static void read_table(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object)
{
    const char *dot = strchr(n->text, '.');
    if (dot == NULL) {
        cfg__problem(r->diag, r->file, n->line, "table \"%s\" has no schema; write it as schema.table",
                     n->text);
        return;
    }
    size_t len = (size_t)(dot - n->text);
    if (!ident_ok(r, "schema", n->text, len, n->line) ||
        !ident_ok(r, "table", dot + 1, n->len - len - 1, n->line))
        return;
    char *schema = strndup(n->text, len);
    if (schema == NULL) cfg__no_memory(r);
    *(char **)field(object, k->offset) = schema;
    *(char **)field(object, k->count) = cfg__dup(r, dot + 1);
}

/* ---- lists and maps ---- */

static bool shape_ok(const cfg__reader *r, const cfg__node *n, cfg__shape shape, const char *name,
                     const char *remedy)
{
    if (n->shape == shape) return true;
    static const char *const found[] = {"a single value", "a list", "a map"};
    cfg__problem(r->diag, r->file, n->line, "%s is %s; %s", name, found[n->shape], remedy);
    return false;
}

static void read_list(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object)
{
    if (!shape_ok(r, n, CFG__SEQUENCE, k->name, "write a list, each entry after a dash")) return;
    if (n->n == 0 && k->required)
        cfg__problem(r->diag, r->file, n->line, "%s is empty; write at least one entry", k->name);
    size_t each = k->kind == CFG__POINTERS ? sizeof(void *) : k->map->size;
    char *array = calloc(n->n + 1, each);
    if (array == NULL) {
        cfg__problem(r->diag, r->file, n->line, "out of memory while reading; free some and try again");
        return;
    }
    *(void **)field(object, k->offset) = array;
    for (size_t i = 0; i < n->n; i++) {
        void *item = array + i * each;
        if (k->kind == CFG__POINTERS) {
            void *fresh = calloc(1, k->map->size);
            if (fresh == NULL) {
                cfg__no_memory(r); /* fewer entries would be another configuration */
                return;
            }
            memcpy(item, &fresh, sizeof fresh);
            item = fresh;
        }
        *(size_t *)field(object, k->count) = i + 1;
        cfg__read_map(r, n->items[i].value, k->map, item);
    }
}

static void read_submap(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object)
{
    cfg__read_map(r, n, k->map, k->kind == CFG__STRUCT ? field(object, k->offset) : object);
}

typedef void (*read_fn)(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object);

static const read_fn readers[] = {
    [CFG__TEXT] = read_text,           [CFG__PATH] = read_path,       [CFG__IDENT] = read_ident,
    [CFG__TABLE] = read_table,         [CFG__WORD] = read_word,       [CFG__U32] = read_number,
    [CFG__U64] = read_number,          [CFG__THREADS] = read_threads, [CFG__BOOL] = read_bool,
    [CFG__ADDRESS] = read_address,     [CFG__SECRET] = read_secret,   [CFG__SECRET_ENV] = read_secret,
    [CFG__SECRET_FILE] = read_secret,  [CFG__MAP] = read_submap,      [CFG__STRUCT] = read_submap,
    [CFG__LIST] = read_list,           [CFG__POINTERS] = read_list,   [CFG__NETWORKS] = read_networks,
    [CFG__PACE_TEXT] = read_pace_text,
};

static bool is_scalar_kind(cfg__kind k)
{
    return k != CFG__MAP && k != CFG__STRUCT && k != CFG__LIST && k != CFG__POINTERS;
}

static bool is_secret(cfg__kind k)
{
    return k == CFG__SECRET || k == CFG__SECRET_ENV || k == CFG__SECRET_FILE;
}

static void read_default(const cfg__reader *r, const cfg__key *k, unsigned line, void *object)
{
    char text[64];
    if ((k->kind == CFG__MAP || k->kind == CFG__STRUCT) && !k->required) {
        cfg__node empty = {.shape = CFG__MAPPING, .line = line};
        readers[k->kind](r, k, &empty, object);
    } else if (k->def != NULL) {
        strncpy(text, k->def, sizeof text - 1);
        text[sizeof text - 1] = '\0';
        cfg__node n = {.shape = CFG__SCALAR, .plain = true, .line = line, .text = text, .len = strlen(text)};
        readers[k->kind](r, k, &n, object);
    }
}

static void read_key(const cfg__reader *r, const cfg__key *k, const cfg__node *n, void *object)
{
    if (!is_scalar_kind(k->kind)) {
        if (cfg__is_null(n) && !k->required)
            read_default(r, k, n->line, object);
        else
            readers[k->kind](r, k, n, object);
        return;
    }
    if (!shape_ok(r, n, CFG__SCALAR, k->name, "write one value")) return;
    if (cfg__is_null(n))
        cfg__problem(r->diag, r->file, n->line, "%s has no value; write one, or take the key out", k->name);
    else
        readers[k->kind](r, k, n, object);
}

/* More than one of password, password_env and password_file leaves open which one holds. */
static void check_secrets(const cfg__reader *r, const cfg__node *node, const cfg__map *map)
{
    unsigned given = 0;
    for (size_t i = 0; i < map->nkeys; i++)
        if (is_secret(map->keys[i].kind) && cfg__get(node, map->keys[i].name) != NULL) given++;
    if (given > 1)
        cfg__problem(r->diag, r->file, node->line,
                     "%s has %u of password, password_env and password_file; keep exactly one", map->what,
                     given);
}

static const cfg__key *find_key(const cfg__map *map, const char *name)
{
    for (size_t i = 0; i < map->nkeys; i++)
        if (strcmp(map->keys[i].name, name) == 0) return &map->keys[i];
    return NULL;
}

void cfg__read_map(const cfg__reader *r, const cfg__node *node, const cfg__map *map, void *object)
{
    if (!shape_ok(r, node, CFG__MAPPING, map->what, "write a map of `key: value` lines")) return;
    for (size_t i = 0; i < node->n; i++)
        if (find_key(map, node->items[i].key) == NULL) unknown_key(r, &node->items[i], map);
    for (size_t i = 0; i < map->nkeys; i++) {
        const cfg__key *k = &map->keys[i];
        const cfg__node *value = cfg__get(node, k->name);
        if (value != NULL)
            read_key(r, k, value, object);
        else if (k->required)
            cfg__problem(r->diag, r->file, node->line, "%s has no \"%s\"; add it: %s", map->what, k->name,
                         k->meaning);
        else
            read_default(r, k, node->line, object);
    }
    check_secrets(r, node, map);
    if (map == &cfg__migration_map) cfg__migration_check(r, node, object);
    if (map == &cfg__rule_map) cfg__rule_check(r, node, object);
}
