/* A YAML document as a small tree that knows its lines.
 *
 * Why not libyaml's own document: it resolves aliases into shared, perhaps endless nodes, and offers no
 * limits. This tree is bounded in depth and in nodes. It knows nothing of what the keys mean. One thread. */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include "diag.h"

#include "base/arena.h"

typedef enum cfg__shape { CFG__SCALAR, CFG__SEQUENCE, CFG__MAPPING } cfg__shape;

typedef struct cfg__node cfg__node;

typedef struct cfg__item {
    const char *key; /* NULL in a sequence */
    unsigned line;
    cfg__node *value;
} cfg__item;

struct cfg__node {
    cfg__shape shape;
    bool plain; /* a scalar without quotes */
    unsigned line;
    char *text; /* scalar: NUL-terminated, holds no NUL */
    size_t len;
    cfg__item *items; /* of a sequence or a mapping */
    size_t n;
};

typedef struct cfg__tree {
    b_arena *arena;
    cfg__node *root;
} cfg__tree;

/* Reads one document. On failure the problem is in d and false is returned; the tree is then empty. */
bool cfg__tree_read(cfg__tree *t, const char *file, b_slice text, cfg__diag *d) B_MUSTCHECK;
void cfg__tree_deinit(cfg__tree *t); /* wipes the scalars: there may be passwords among them */

/* The value of a key of a mapping; NULL where there is none, or node is NULL or no mapping. */
const cfg__node *cfg__get(const cfg__node *node, const char *key);

/* A plain scalar that stands for nothing: empty, ~ or null. */
bool cfg__is_null(const cfg__node *node);

/* Overwrites memory in a way that is not optimised away. */
void cfg__wipe(void *p, size_t n);

#endif
