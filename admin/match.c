/* Matches a text against the forms of the commands; says what was meant where none fits. */
#include "commands.h"

enum { MAX_GROUPS = 6, MAX_HEAD = 2, FREE_SECOND = 4 };

/* ---- forms ---- */

static b_slice form_word(b_slice *form)
{
    *form = b_slice_trim(*form);
    size_t n = 0;
    if (form->n > 0 && (form->p[0] == '[' || form->p[0] == ']'))
        n = 1;
    else
        while (n < form->n && form->p[n] != ' ' && form->p[n] != ']') n++;
    b_slice word = b_slice_of(form->p, n);
    *form = b_slice_of(form->p + n, form->n - n);
    return word;
}

static bool is_keyword(b_slice word)
{
    return word.n > 0 && ((word.p[0] >= 'A' && word.p[0] <= 'Z') || word.p[0] == '=');
}

static bool takes_rest(b_slice word)
{
    return word.n > 3 && memcmp(word.p + word.n - 3, "...", 3) == 0;
}

/* What is between [ and ], form standing behind the [. */
static b_slice group_of(b_slice *form)
{
    size_t end = b_slice_find(*form, B_LIT("]"));
    b_slice body = b_slice_of(form->p, end);
    *form = b_slice_of(form->p + end + 1, form->n - end - 1);
    return body;
}

static bool keep(adm__call *call, b_slice name, b_slice value)
{
    if (call->nargs == ADM__MAX_ARGS) return false;
    call->args[call->nargs++] = (adm__arg){name, value};
    return true;
}

static bool one_of(b_slice choices, b_slice value)
{
    while (choices.n > 0) {
        size_t bar = b_slice_find(choices, B_LIT("|"));
        size_t n = bar == (size_t)-1 ? choices.n : bar;
        if (b_slice_ieq(b_slice_of(choices.p, n), value)) return true;
        n += bar != (size_t)-1;
        choices = b_slice_of(choices.p + n, choices.n - n);
    }
    return false;
}

static bool match_word(b_slice word, adm__words *in, adm__call *call)
{
    adm__word w;
    if (takes_rest(word)) {
        b_slice rest = adm__rest(in);
        return rest.n > 0 && keep(call, word, rest);
    }
    if (!adm__next(in, &w) || w.bad) return false;
    if (is_keyword(word)) return !w.quoted && b_slice_ieq(w.text, word);
    if (b_slice_find(word, B_LIT("|")) != (size_t)-1 && !one_of(word, w.text)) return false;
    bool may_be_empty = w.quoted && b_slice_eq(word, B_LIT("value")); /* takes a setting away */
    return (w.text.n > 0 || may_be_empty) && (w.quoted || w.text.p[0] != '=') && keep(call, word, w.text);
}

/* One group, all of it or nothing. */
static bool match_group(b_slice body, adm__words *in, adm__call *call)
{
    adm__words at = *in;
    size_t nargs = call->nargs;
    b_slice first = form_word(&body);
    bool ok = match_word(first, &at, call);
    for (b_slice word = form_word(&body); ok && word.n > 0; word = form_word(&body))
        ok = match_word(word, &at, call);
    if (ok && is_keyword(first) && call->nargs == nargs) ok = keep(call, first, first);
    if (ok)
        *in = at;
    else
        call->nargs = nargs;
    return ok;
}

static bool at_group(b_slice *form)
{
    *form = b_slice_trim(*form);
    return form->n > 0 && form->p[0] == '[';
}

/* Neighbouring groups in any order, each once. */
static void match_groups(b_slice *form, adm__words *in, adm__call *call)
{
    b_slice groups[MAX_GROUPS];
    bool used[MAX_GROUPS] = {false}, again = true;
    size_t n = 0;
    while (n < MAX_GROUPS && at_group(form)) {
        *form = b_slice_of(form->p + 1, form->n - 1);
        groups[n++] = group_of(form);
    }
    while (again) {
        again = false;
        for (size_t i = 0; i < n; i++)
            if (!used[i] && match_group(groups[i], in, call)) used[i] = again = true;
    }
}

static bool match(const adm__command *c, b_slice sql, adm__call *call)
{
    adm__words in = adm__words_of(sql, call->arena);
    b_slice form = b_slice_str(c->form);
    call->nargs = 0;
    while (b_slice_trim(form).n > 0) {
        if (at_group(&form))
            match_groups(&form, &in, call);
        else if (!match_word(form_word(&form), &in, call))
            return false;
    }
    adm__word extra;
    return !adm__next(&in, &extra);
}

/* ---- what was meant ---- */

typedef struct likeness {
    size_t distance; /* from the first words of the text to the keywords that the form begins with */
    size_t length;   /* of those keywords */
} likeness;

/* Where the first word is right, the second one may be anything. */
static likeness head_likeness(const adm__command *c, b_slice sql, b_arena *arena)
{
    adm__words in = adm__words_of(sql, arena);
    b_slice form = b_slice_str(c->form);
    likeness l = {0, 0};
    size_t words = 0;
    for (b_slice word = form_word(&form); words < MAX_HEAD && is_keyword(word);
         word = form_word(&form), words++) {
        adm__word w = {0};
        if (!adm__next(&in, &w)) w.text = B_LIT("");
        size_t d = b_slice_distance(w.text, word);
        l.distance += words > 0 && l.distance == 0 && d > FREE_SECOND ? FREE_SECOND : d;
        l.length += word.n;
    }
    return l;
}

static void say_form(b_slice sql, adm__call *call)
{
    const adm__command *best = &adm__commands[0];
    likeness most = head_likeness(best, sql, call->arena);
    for (size_t i = 1; i < adm__ncommands; i++) {
        likeness l = head_likeness(&adm__commands[i], sql, call->arena);
        if (l.distance < most.distance) best = &adm__commands[i], most = l;
    }
    sql = b_slice_trim(sql);
    if (sql.n > 120) sql.n = 120;
    if (most.distance == 0)
        (void)b_fail(call->err, B_INVALID, "this is not the form of the command; write: %s", best->form);
    else if (most.distance * 2 <= most.length)
        (void)b_fail(call->err, B_INVALID, "unknown command \"%.*s\"; did you mean: %s (HELP lists all)",
                     B_ARG(sql), best->form);
    else
        (void)b_fail(call->err, B_INVALID, "unknown command \"%.*s\"; HELP lists all commands", B_ARG(sql));
}

const adm__command *adm__find(b_slice sql, adm__call *call)
{
    for (size_t i = 0; i < adm__ncommands; i++)
        if (match(&adm__commands[i], sql, call)) return &adm__commands[i];
    call->nargs = 0;
    say_form(sql, call);
    return NULL;
}

b_slice adm__arg_get(const adm__call *call, const char *name)
{
    for (size_t i = 0; i < call->nargs; i++)
        if (b_slice_eq(call->args[i].name, b_slice_str(name))) return call->args[i].value;
    return (b_slice){NULL, 0};
}

const char *adm__arg_cstr(const adm__call *call, const char *name)
{
    b_slice v = adm__arg_get(call, name);
    return v.p == NULL ? NULL : b_arena_dup(call->arena, v).p;
}
