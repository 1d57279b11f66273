/* Regex rules: what one key alone cannot show. Knows no patterns: whether they compile, the rewriter says. */
#include "reader.h"

#include <stdlib.h>

void cfg__rule_check(const cfg__reader *r, const cfg__node *node, cfg_rule *rule)
{
    const cfg__node *name = cfg__get(node, "name");
    rule->line = node->line;
    rule->file = cfg__dup(r, r->file);
    cfg__check_name(r, name, "rule", rule->name);
}

static cfg_rule *parse(const char *text, size_t n, const char *file, cfg__diag *d)
{
    cfg__tree tree;
    unsigned before = d->problems;
    if (!cfg__tree_read(&tree, file, b_slice_of(text, n), d)) return NULL;
    cfg__reader r = {file, ".", d};
    cfg_rule *rule = calloc(1, sizeof *rule);
    if (rule != NULL)
        cfg__read_map(&r, tree.root, &cfg__rule_map, rule);
    else
        cfg__problem(d, file, 1, "out of memory while reading; free some and try again");
    cfg__tree_deinit(&tree);
    if (d->problems == before) return rule;
    cfg_rule_free(rule);
    return NULL;
}

cfg_rule *cfg_rule_parse(const char *text, size_t n, const char *name_for_errors, b_buf *diag)
{
    cfg__diag d = {diag, 0, 0};
    cfg_rule *rule = parse(text, n, name_for_errors, &d);
    cfg__diag_end(&d, name_for_errors);
    return rule;
}
