#include "tree.h"

#include <string.h>
#include <yaml.h>

enum { MAX_DEPTH = 32, MAX_NODES = 100000 };

typedef struct builder {
    yaml_document_t *doc;
    cfg__tree *tree;
    cfg__diag *diag;
    const char *file;
    unsigned nodes;
} builder;

void cfg__wipe(void *p, size_t n)
{
    if (p != NULL) explicit_bzero(p, n);
}

static unsigned line_of(const yaml_node_t *n)
{
    return (unsigned)n->start_mark.line + 1;
}

static cfg__node *build(builder *b, int index, unsigned depth);

static bool build_scalar(builder *b, const yaml_node_t *y, cfg__node *n)
{
    const char *value = (const char *)y->data.scalar.value;
    size_t len = y->data.scalar.length;
    if (memchr(value, '\0', len) != NULL) {
        cfg__problem(b->diag, b->file, n->line, "the value holds a NUL byte; take it out");
        return false;
    }
    n->plain = y->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    n->text = b_arena_alloc(b->tree->arena, len + 1);
    if (n->text == NULL) return false;
    memcpy(n->text, value, len);
    n->text[len] = '\0';
    n->len = len;
    return true;
}

static bool build_sequence(builder *b, const yaml_node_t *y, cfg__node *n, unsigned depth)
{
    size_t count = (size_t)(y->data.sequence.items.top - y->data.sequence.items.start);
    n->items = b_arena_array(b->tree->arena, count + 1, sizeof *n->items);
    if (n->items == NULL) return false;
    for (size_t i = 0; i < count; i++) {
        cfg__node *v = build(b, y->data.sequence.items.start[i], depth + 1);
        if (v == NULL) return false;
        n->items[n->n++] = (cfg__item){NULL, v->line, v};
    }
    return true;
}

/* The same key twice is an error: YAML forbids it, and the reader would have to guess which one is meant. */
static bool key_is_new(builder *b, const cfg__node *n, const cfg__node *key)
{
    for (size_t i = 0; i < n->n; i++)
        if (strcmp(n->items[i].key, key->text) == 0) {
            cfg__problem(b->diag, b->file, key->line,
                         "key \"%s\" is given twice, first in line %u; keep one of them", key->text,
                         n->items[i].line);
            return false;
        }
    return true;
}

static bool build_mapping(builder *b, const yaml_node_t *y, cfg__node *n, unsigned depth)
{
    yaml_node_pair_t *p = y->data.mapping.pairs.start, *end = y->data.mapping.pairs.top;
    n->items = b_arena_array(b->tree->arena, (size_t)(end - p) + 1, sizeof *n->items);
    if (n->items == NULL) return false;
    for (; p < end; p++) {
        cfg__node *key = build(b, p->key, depth + 1);
        if (key == NULL) return false;
        if (key->shape != CFG__SCALAR) {
            cfg__problem(b->diag, b->file, key->line,
                         "a key is a list or a map; write a plain name before the colon");
            return false;
        }
        cfg__node *value = build(b, p->value, depth + 1);
        if (value == NULL) return false;
        if (!key_is_new(b, n, key)) continue;
        n->items[n->n++] = (cfg__item){key->text, key->line, value};
    }
    return true;
}

static cfg__node *build(builder *b, int index, unsigned depth)
{
    yaml_node_t *y = yaml_document_get_node(b->doc, index);
    if (y == NULL) return NULL;
    if (depth > MAX_DEPTH || ++b->nodes > MAX_NODES) {
        cfg__problem(
            b->diag, b->file, line_of(y),
            "the file is nested deeper than %d levels or has more than %d values (aliases count each time); "
            "write it out flat",
            MAX_DEPTH, MAX_NODES);
        return NULL;
    }
    cfg__node *n = B_NEW(b->tree->arena, cfg__node);
    if (n == NULL) return NULL;
    n->line = line_of(y);
    bool ok = false;
    switch (y->type) {
    case YAML_SCALAR_NODE: n->shape = CFG__SCALAR, ok = build_scalar(b, y, n); break;
    case YAML_SEQUENCE_NODE: n->shape = CFG__SEQUENCE, ok = build_sequence(b, y, n, depth); break;
    case YAML_MAPPING_NODE: n->shape = CFG__MAPPING, ok = build_mapping(b, y, n, depth); break;
    case YAML_NO_NODE: break;
    }
    return ok ? n : NULL;
}

static void wipe_document(yaml_document_t *doc)
{
    for (yaml_node_t *y = doc->nodes.start; y < doc->nodes.top; y++)
        if (y->type == YAML_SCALAR_NODE) cfg__wipe(y->data.scalar.value, y->data.scalar.length);
}

static void syntax_problem(const yaml_parser_t *p, const char *file, cfg__diag *d)
{
    unsigned line = (unsigned)p->problem_mark.line + 1;
    if (p->error == YAML_READER_ERROR)
        cfg__problem(d, file, 1, "not valid UTF-8 text at byte %zu (%s); save the file as UTF-8",
                     p->problem_offset, p->problem == NULL ? "unknown" : p->problem);
    else if (p->error == YAML_MEMORY_ERROR)
        cfg__problem(d, file, 1, "out of memory while reading; free some and try again");
    else
        cfg__problem(d, file, line, "not valid YAML: %s%s%s; mend the syntax here or in the line before",
                     p->context == NULL ? "" : p->context, p->context == NULL ? "" : ", ",
                     p->problem == NULL ? "unknown error" : p->problem);
}

/* More than one document in a file is refused: which of them would hold? */
static bool no_second_document(yaml_parser_t *p, const char *file, cfg__diag *d)
{
    yaml_document_t doc;
    if (!yaml_parser_load(p, &doc)) {
        syntax_problem(p, file, d);
        return false;
    }
    yaml_node_t *root = yaml_document_get_root_node(&doc);
    if (root != NULL)
        cfg__problem(d, file, line_of(root),
                     "a second YAML document begins here; put it into a file of its own");
    wipe_document(&doc);
    yaml_document_delete(&doc);
    return root == NULL;
}

static bool load(cfg__tree *t, yaml_parser_t *p, const char *file, cfg__diag *d)
{
    yaml_document_t doc;
    if (!yaml_parser_load(p, &doc)) {
        syntax_problem(p, file, d);
        return false;
    }
    unsigned before = d->problems;
    if (yaml_document_get_root_node(&doc) == NULL)
        cfg__problem(d, file, 1, "the file is empty; see docs/config.md for what belongs in it");
    builder b = {&doc, t, d, file, 0};
    t->root = d->problems > before ? NULL : build(&b, 1, 0);
    if (t->root == NULL && d->problems == before)
        cfg__problem(d, file, 1, "out of memory while reading; free some and try again");
    wipe_document(&doc);
    yaml_document_delete(&doc);
    return t->root != NULL && no_second_document(p, file, d);
}

bool cfg__tree_read(cfg__tree *t, const char *file, b_slice text, cfg__diag *d)
{
    yaml_parser_t p;
    *t = (cfg__tree){b_arena_new(0), NULL};
    if (t->arena == NULL || !yaml_parser_initialize(&p)) {
        cfg__problem(d, file, 1, "out of memory while reading; free some and try again");
        cfg__tree_deinit(t);
        return false;
    }
    yaml_parser_set_input_string(&p, (const unsigned char *)text.p, text.n);
    bool ok = load(t, &p, file, d);
    yaml_parser_delete(&p);
    if (!ok) cfg__tree_deinit(t);
    return ok;
}

static void wipe_node(cfg__node *n)
{
    if (n == NULL) return;
    cfg__wipe(n->text, n->len);
    for (size_t i = 0; i < n->n; i++) wipe_node(n->items[i].value);
}

void cfg__tree_deinit(cfg__tree *t)
{
    wipe_node(t->root);
    b_arena_free(t->arena);
    *t = (cfg__tree){NULL, NULL};
}

const cfg__node *cfg__get(const cfg__node *node, const char *key)
{
    if (node == NULL || node->shape != CFG__MAPPING) return NULL;
    for (size_t i = 0; i < node->n; i++)
        if (strcmp(node->items[i].key, key) == 0) return node->items[i].value;
    return NULL;
}

bool cfg__is_null(const cfg__node *node)
{
    return node->shape == CFG__SCALAR && node->plain &&
           (node->len == 0 || strcmp(node->text, "~") == 0 || strcasecmp(node->text, "null") == 0);
}
