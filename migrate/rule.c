/* Regex rules: kept in schema `straddle`, so that every instance has the same ones under the same epoch. What
 * a pattern is, the rewriter knows: a rule is compiled before it is stored. */
#include "mig.h"

#include <stdlib.h>
#include <string.h>

static const char *const actions[] = {"rewrite", "refuse", "log", "count"};

/* ---- between the configuration's words and the rewriter's ---- */

static b_slice slice(const char *s)
{
    return b_slice_str(s == NULL ? "" : s);
}

static rw_regex_rule rule_of(const cfg_rule *c)
{
    static const rw_regex_action action[] = {[CFG_RULE_REWRITE] = RW_REGEX_REWRITE,
                                             [CFG_RULE_REFUSE] = RW_REGEX_REFUSE,
                                             [CFG_RULE_LOG] = RW_REGEX_LOG,
                                             [CFG_RULE_COUNT] = RW_REGEX_COUNT};
    return (rw_regex_rule){.name = slice(c->name),
                           .order = c->order,
                           .enabled = c->enabled,
                           .chain = c->chain,
                           .user = slice(c->user),
                           .schema = slice(c->schema),
                           .program = slice(c->program),
                           .digest = slice(c->digest),
                           .digest_text = slice(c->digest_text),
                           .text = slice(c->text),
                           .action = action[c->action],
                           .replace = slice(c->replace),
                           .message = slice(c->message),
                           .pass_on_error = c->on_error == CFG_RULE_ERROR_PASS,
                           .max_bytes = c->max_bytes};
}

b_status mig_rule_check(const cfg_rule *c, b_err *err)
{
    rw_regex_rule rule = rule_of(c);
    rw_regex_rules *set = rw_regex_rules_new(&rule, 1, err);
    rw_regex_rules_unref(set);
    return set == NULL ? err->code : B_OK;
}

/* ---- reading ---- */

static bool read_row(const b_table *t, size_t i, rw_regex_rule *out)
{
    b_slice action = mig__cell(t, i, "action");
    rw_regex_rule r = {.name = mig__cell(t, i, "name"),
                       .order = (uint32_t)mig__cell_u64(t, i, "ordinal"),
                       .enabled = mig__cell_u64(t, i, "enabled") != 0,
                       .chain = mig__cell_u64(t, i, "chained") != 0,
                       .user = mig__cell(t, i, "user_pattern"),
                       .schema = mig__cell(t, i, "schema_pattern"),
                       .program = mig__cell(t, i, "program_pattern"),
                       .digest = mig__cell(t, i, "digest"),
                       .digest_text = mig__cell(t, i, "digest_pattern"),
                       .text = mig__cell(t, i, "text_pattern"),
                       .replace = mig__cell(t, i, "replacement"),
                       .message = mig__cell(t, i, "message"),
                       .pass_on_error = mig__cell_u64(t, i, "pass_on_error") != 0,
                       .max_bytes = (uint32_t)mig__cell_u64(t, i, "max_bytes")};
    for (size_t k = 0; k < sizeof actions / sizeof *actions; k++) {
        if (!b_slice_eq(action, b_slice_str(actions[k]))) continue;
        r.action = (rw_regex_action)k;
        *out = r;
        return true;
    }
    return false;
}

b_status mig__rules_load(mig_db *db, rw_regex_rules **out, b_err *err)
{
    b_table *t = NULL;
    *out = NULL;
    b_status s = mig__query(db, &t, err, "SELECT * FROM straddle.rules ORDER BY name");
    if (s != B_OK) return s;
    size_t n = b_table_rows(t);
    rw_regex_rule *v = calloc(n + 1, sizeof *v);
    if (v == NULL) s = b_fail(err, B_NOMEM, "out of memory for the regex rules");
    for (size_t i = 0; s == B_OK && i < n; i++)
        if (!read_row(t, i, &v[i]))
            s = b_fail(err, B_STATE, "rule %.*s has an unknown action in straddle.rules",
                       B_ARG(mig__cell(t, i, "name")));
    if (s == B_OK && n > 0) {
        *out = rw_regex_rules_new(v, n, err);
        if (*out == NULL) s = err == NULL ? B_INVALID : err->code;
    }
    free(v);
    b_table_free(t);
    return s;
}

/* ---- changing ---- */

static void put_text(b_buf *q, b_slice text)
{
    b_buf_str(q, ", ");
    b_buf_quote(q, text);
}

/* All of a rule, as REPLACE writes it. */
static void put_rule(b_buf *q, const rw_regex_rule *r)
{
    const b_slice texts[] = {r->user,        r->schema, r->program, r->digest,
                             r->digest_text, r->text,   r->replace, r->message};
    b_buf_str(
        q, "REPLACE INTO straddle.rules (name, ordinal, enabled, chained, pass_on_error, max_bytes, action, "
           "user_pattern, schema_pattern, program_pattern, digest, digest_pattern, text_pattern, "
           "replacement, message) VALUES (");
    b_buf_quote(q, r->name);
    b_buf_printf(q, ", %u, %d, %d, %d, %u, '%s'", (unsigned)r->order, r->enabled, r->chain, r->pass_on_error,
                 (unsigned)r->max_bytes, actions[r->action]);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) put_text(q, texts[i]);
    b_buf_str(q, ")");
}

static b_status find(mig_db *db, const char *name, bool wanted, b_err *err)
{
    b_buf q = {0};
    b_table *t = NULL;
    b_buf_str(&q, "SELECT name FROM straddle.rules WHERE name = ");
    b_buf_quote(&q, b_slice_str(name));
    b_status s = mig__ask(db, &t, err, &q);
    if (s == B_OK && wanted && b_table_rows(t) == 0)
        s = b_fail(err, B_NOT_FOUND, "there is no regex rule '%s'; SHOW REGEX RULES lists them", name);
    if (s == B_OK && !wanted && b_table_rows(t) > 0)
        s = b_fail(err, B_EXISTS, "there is a regex rule '%s' already; ALTER RULE changes it", name);
    b_table_free(t);
    b_buf_deinit(&q);
    return s;
}

/* Publishes one statement on straddle.rules under a new epoch. */
static b_status publish(mig_engine *e, const char *name, bool there, const char *action, const b_buf *sql,
                        const mig_actor *who, b_err *err)
{
    mig__op op;
    if (sql->failed) return b_fail(err, B_NOMEM, "out of memory");
    b_status s = mig__op_begin(e, NULL, who, NULL, &op, err);
    if (s != B_OK) return s;
    mig__change c = {.sql = {b_buf_cstr(sql)},
                     .event = {.migration = name, .action = action, .sql = b_buf_cstr(sql)}};
    s = find(op.db, name, there, err);
    if (s == B_OK) s = mig__publish(&op, &c, err);
    mig__op_end(&op);
    return s;
}

static b_status store(mig_engine *e, const cfg_rule *c, bool there, const char *action, const mig_actor *who,
                      b_err *err)
{
    b_status s = mig_rule_check(c, err);
    if (s != B_OK) return s;
    rw_regex_rule rule = rule_of(c);
    b_buf q = {0};
    put_rule(&q, &rule);
    s = publish(e, c->name, there, action, &q, who, err);
    b_buf_deinit(&q);
    return s;
}

b_status mig_rule_create(mig_engine *e, const cfg_rule *c, const mig_actor *who, b_err *err)
{
    return store(e, c, false, "create rule", who, err);
}

b_status mig_rule_alter(mig_engine *e, const cfg_rule *c, const mig_actor *who, b_err *err)
{
    return store(e, c, true, "alter rule", who, err);
}

static b_status change(mig_engine *e, const char *name, const char *sql, const char *action,
                       const mig_actor *who, b_err *err)
{
    b_buf q = {0};
    b_buf_printf(&q, "%s WHERE name = ", sql);
    b_buf_quote(&q, b_slice_str(name));
    b_status s = publish(e, name, true, action, &q, who, err);
    b_buf_deinit(&q);
    return s;
}

b_status mig_rule_drop(mig_engine *e, const char *name, const mig_actor *who, b_err *err)
{
    return change(e, name, "DELETE FROM straddle.rules", "drop rule", who, err);
}

b_status mig_rule_enable(mig_engine *e, const char *name, bool on, const mig_actor *who, b_err *err)
{
    return on ? change(e, name, "UPDATE straddle.rules SET enabled = 1", "enable rule", who, err)
              : change(e, name, "UPDATE straddle.rules SET enabled = 0", "disable rule", who, err);
}

b_status mig__rules_create_new(mig_engine *e, const cfg_config *config, b_err *err)
{
    static const mig_actor self = {"straddle", "configuration"};
    for (size_t i = 0; i < config->nrules; i++) {
        b_status s = mig_rule_create(e, config->rules[i], &self, err);
        if (s != B_OK && s != B_EXISTS) return s;
    }
    return B_OK;
}
