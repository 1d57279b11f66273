/* All statements of a server's own test suite, with migrations declared on the tables that occur there.
 *
 *     test_corpora mysql|mariadb FOLDER
 *
 * FOLDER: what tests/corpora/fetch prints. STRADDLE_CORPORA_SECONDS bounds the run (0: all scripts);
 * which scripts a bounded run takes, and the phase of each, follows from STRADDLE_SEED.
 * STRADDLE_CORPORA_ONLY: only scripts whose path holds this text. STRADDLE_CORPORA_FROM: how many of them to
 * pass over, where a run is to go on.
 *
 * Shown of each statement: the rewriter ends; one that names no migrating table comes out byte for byte; one
 * that names such a table and that the server takes on the plain table is rewritten to something that the
 * same server takes on the physical one, or is refused: the latter rarely, and counted by reason. DDL on a
 * migrating table is refused on purpose and counted by itself, as is a view that stops a migration
 * beforehand. Rows play no part: the differential tests have those. */
#include "lexer.h"
#include "mtr.h"
#include "place.h"
#include "tally.h"

#include "base/hash.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_STATEMENTS = 4000, ALLOWED = 50 }; /* of one script; of 10,000 */

typedef struct run {
    place p;
    b_arena *arena;
    char root[1024];
    unsigned files, statements, untouched, named, not_accepted, not_asked, lost, passed, rewritten, unparsed;
    tally refused, stopped, ddl, broken, changed, not_understood;
    const char *path;
    unsigned line;
} run;

/* ---- a statement's kind ----------------------------------------------------------------------------- */

typedef enum kind {
    K_PREPARE, /* asked by preparing it */
    K_MAKE,    /* tables, views, the session: run on both servers */
    K_TRY,     /* cannot be prepared, and does no harm: run where preparing says so */
    K_LEAVE,   /* not for these servers */
} kind;

static bool has_word(const rw_tokens *t, uint16_t word)
{
    for (uint32_t i = 0; i < t->n; i++)
        if (t->tok[i].kind == RW_TOK_IDENT && t->tok[i].word == word) return true;
    return false;
}

static bool has_text(const rw_tokens *t, const char *text)
{
    for (uint32_t i = 0; i < t->n; i++) {
        b_slice s = rw__token_text(t, i);
        if ((t->tok[i].kind == RW_TOK_IDENT || t->tok[i].kind == RW_TOK_QUOTED) && s.n > 0) {
            if (s.p[0] == '`') s = b_slice_of(s.p + 1, s.n - 2);
            if (b_slice_ieq(s, b_slice_str(text))) return true;
        }
    }
    return false;
}

/* What would reach beyond the script's own tables and session. */
static bool reaches_out(const rw_tokens *t)
{
    static const uint16_t words[] = {RW_W_GLOBAL,     RW_W_PERSIST,   RW_W_PERSIST_ONLY, RW_W_PASSWORD,
                                     RW_W_USER,       RW_W_ROLE,      RW_W_EVENT,        RW_W_SERVER,
                                     RW_W_TABLESPACE, RW_W_LOGFILE,   RW_W_SONAME,       RW_W_RESOURCE,
                                     RW_W_INSTANCE,   RW_W_DIRECTORY, RW_W_UNDO,         RW_WORD_NONE};
    for (size_t i = 0; words[i] != RW_WORD_NONE; i++)
        if (has_word(t, words[i])) return true;
    for (uint32_t i = 0; i + 1 < t->n; i++) {
        b_slice s = rw__token_text(t, i + 1);
        if (t->tok[i].kind == RW_TOK_SYSVAR &&
            (b_slice_ieq(s, B_LIT("global")) || b_slice_istarts(s, B_LIT("persist"))))
            return true;
    }
    return has_text(t, "mysql") || has_text(t, "sys") || has_text(t, "performance_schema") ||
           has_text(t, "sleep") || has_text(t, "get_lock") || has_text(t, "benchmark");
}

static kind kind_of(const rw_tokens *t)
{
    uint16_t word = t->tok[0].kind == RW_TOK_IDENT ? t->tok[0].word : RW_WORD_NONE;
    bool statement = word == RW_W_SET && t->n > 1 && t->tok[1].word == RW_W_STATEMENT;
    switch ((int)word) {
    case RW_W_SET:
        if (statement) return K_PREPARE;
        return reaches_out(t) ? K_LEAVE : K_MAKE;
    case RW_W_CREATE:
    case RW_W_ALTER:
    case RW_W_DROP:
    case RW_W_RENAME:
    case RW_W_USE: return reaches_out(t) ? K_LEAVE : K_MAKE;
    case RW_W_HANDLER:
    case RW_W_LOCK:
    case RW_W_UNLOCK:
    case RW_W_LOAD:
    case RW_W_PREPARE:
    case RW_W_EXPLAIN:
    case RW_W_DESCRIBE:
    case RW_W_DESC:
    case RW_W_SHOW:
    case RW_W_CHECK:
    case RW_W_TABLE: return K_TRY;
    default: return K_PREPARE;
    }
}

/* ---- does it name a migrating table ----------------------------------------------------------------- */

static bool view_over(const run *r, b_slice name)
{
    for (size_t i = 0; i < rw_catalog_size(r->p.phase_catalog); i++) {
        const rw_table *v = rw_catalog_at(r->p.phase_catalog, i);
        if (!v->is_view || !b_slice_ieq(v->name, name)) continue;
        for (size_t b = 0; b < v->nbases; b++)
            if (place_table_named(&r->p, v->bases[b].name) != NULL) return true;
    }
    return false;
}

typedef struct naming {
    bool table, lost; /* a migrating table or a view over one; one that the second server lacks */
    bool beyond;      /* a statement that is looked at for other reasons */
} naming;

static naming names_of(const run *r, const rw_tokens *t)
{
    naming n = {false, false, false};
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->tok[i].kind != RW_TOK_IDENT && t->tok[i].kind != RW_TOK_QUOTED) continue;
        b_slice name = rw__token_name(&r->p.ctx, t, i, r->arena);
        n.table = n.table || place_table_named(&r->p, name) != NULL || view_over(r, name);
        n.lost = n.lost || place_lost(&r->p, name);
    }
    uint16_t first = t->tok[0].word;
    n.beyond = has_text(t, "information_schema") ||
               b_slice_ieq(r->p.ctx.schema, B_LIT("information_schema")) || first == RW_W_PREPARE ||
               first == RW_W_EXECUTE;
    return n;
}

/* ---- asking the servers ----------------------------------------------------------------------------- */

static void drain(MYSQL *m)
{
    do {
        MYSQL_RES *res = mysql_use_result(m);
        while (res != NULL && mysql_fetch_row(res) != NULL) continue;
        mysql_free_result(res);
    } while (mysql_next_result(m) == 0);
}

static unsigned execute(MYSQL *m, b_slice sql)
{
    if (mysql_real_query(m, sql.p, sql.n) != 0) return mysql_errno(m);
    drain(m);
    return mysql_errno(m);
}

static unsigned prepare(MYSQL *m, b_slice sql, char *message, size_t size)
{
    MYSQL_STMT *s = mysql_stmt_init(m);
    unsigned e = s != NULL && mysql_stmt_prepare(s, sql.p, sql.n) == 0 ? 0
                 : s == NULL                                           ? 2008
                                                                       : mysql_stmt_errno(s);
    if (message != NULL) snprintf(message, size, "%s", e == 0 ? "" : mysql_stmt_error(s));
    if (s != NULL) mysql_stmt_close(s);
    return e;
}

static bool went_away(unsigned e)
{
    return e == 2006 || e == 2013 || e == 2014 || e == 2055;
}

/* Errors of statements that were understood: no such file, files switched off, a table that is locked. */
static bool understood(unsigned e)
{
    static const unsigned codes[] = {0, 13, 29, 1085, 1105, 1290, 2068, 3948, 4166, 1036, 1031, 1109, 1347};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i] == e) return e != 1109 && e != 1347;
    return false;
}

/* ---- judging ---------------------------------------------------------------------------------------- */

static b_slice reason_of(const run *r, const rw_result *res)
{
    b_slice m = res->message;
    size_t cut = b_slice_find(m, B_LIT(" on migrating table"));
    if (b_slice_istarts(m, B_LIT("straddle: "))) {
        m = b_slice_of(m.p + 10, (cut == (size_t)-1 ? m.n : cut) - 10);
    }
    if (m.n > 90) m.n = 90;
    return b_slice_str(b_arena_printf(r->arena, "%s: %.*s", res->code, B_ARG(m)));
}

/* The statement's word; behind SET STATEMENT … FOR, where there is one. */
static uint16_t statement_word(const rw_tokens *t)
{
    if (t->tok[0].word != RW_W_SET || t->n < 2 || t->tok[1].word != RW_W_STATEMENT) return t->tok[0].word;
    for (uint32_t i = 2; i + 1 < t->n; i++)
        if (t->tok[i].kind == RW_TOK_IDENT && t->tok[i].word == RW_W_FOR) return t->tok[i + 1].word;
    return RW_WORD_NONE;
}

static bool is_ddl(const rw_tokens *t)
{
    uint16_t w = statement_word(t);
    return w == RW_W_CREATE || w == RW_W_ALTER || w == RW_W_DROP || w == RW_W_RENAME || w == RW_W_GRANT ||
           w == RW_W_REVOKE;
}

/* A view that names a column of the pair: the preflight lets no migration begin beside it. */
static bool stops_migration(const rw_result *res)
{
    return strcmp(res->code, "view") == 0 && b_slice_istarts(res->message, B_LIT("straddle: view "));
}

static void count_refusal(run *r, const rw_tokens *t, const rw_result *res, b_slice sql)
{
    if (stops_migration(res)) {
        tally_add(&r->stopped, reason_of(r, res), r->path, r->line, sql);
        return;
    }
    bool ddl = is_ddl(t) && (strcmp(res->code, "ddl") == 0 || strcmp(res->code, "statement") == 0);
    tally_add(ddl ? &r->ddl : &r->refused, reason_of(r, res), r->path, r->line, sql);
    r->named += !ddl;
}

/* Errors that come of what the tables here lack, and not of the statement: a FULLTEXT index over a column of
 * the pair, and a table under a MERGE table, keep a migration from beginning; a unique key over the column
 * that determines the others has its twin, but does not do so before `retired` (docs/rewriting.md). */
static bool lacks_key(unsigned e)
{
    enum { NO_FULLTEXT = 1191, NOT_GROUPED = 1055, NOT_MERGED = 1168 };
    return e == NO_FULLTEXT || e == NOT_GROUPED || e == NOT_MERGED;
}

/* The servers' answers are in: `plain` to the statement itself, `phase` to what became of it. */
static void count_rewritten(run *r, const naming *n, const rw_result *res, b_slice sql, unsigned phase,
                            const char *message)
{
    if ((phase != 0 && n->lost) || lacks_key(phase)) {
        r->lost++;
        return;
    }
    r->named++;
    r->passed += res->verdict == RW_PASS;
    r->rewritten += res->verdict == RW_REWRITTEN;
    if (phase == 0) return;
    b_slice reason = b_slice_str(
        b_arena_printf(r->arena, "%s %s: error %u: %s\n          -> %.*s", rw_phase_name(r->p.how.phase),
                       rw_version_name(r->p.how.version), phase, message, B_ARG(res->sql)));
    tally_add(&r->broken, reason, r->path, r->line, sql);
}

static bool judge_prepared(run *r, const rw_tokens *t, const naming *n, const rw_result *res, b_slice sql,
                           kind k)
{
    char message[512] = "";
    unsigned plain = prepare(r->p.plain, sql, NULL, 0);
    bool by_text = plain == 1295 && k == K_TRY && !reaches_out(t);
    if (by_text) plain = execute(r->p.plain, sql);
    if (went_away(plain)) return false;
    if (plain == 1295) {
        r->not_asked++;
    } else if (!(by_text ? understood(plain) : plain == 0)) {
        r->not_accepted++;
    } else if (res->verdict == RW_REFUSED) {
        count_refusal(r, t, res, sql);
    } else {
        unsigned phase =
            by_text ? execute(r->p.phase, res->sql) : prepare(r->p.phase, res->sql, message, 512);
        if (by_text) {
            snprintf(message, sizeof message, "%s", mysql_error(r->p.phase));
            if (phase == plain) phase = 0;
        }
        if (went_away(phase)) return false;
        count_rewritten(r, n, res, sql, phase, message);
    }
    if (by_text && (t->tok[0].word == RW_W_LOCK)) {
        execute(r->p.plain, B_LIT("UNLOCK TABLES"));
        execute(r->p.phase, B_LIT("UNLOCK TABLES"));
    }
    return true;
}

static bool judge_made(run *r, const rw_tokens *t, const naming *n, const rw_result *res, b_slice sql)
{
    unsigned plain = execute(r->p.plain, sql);
    if (went_away(plain)) return false;
    if (plain != 0) {
        r->not_accepted += n->table;
        return true;
    }
    bool made = res->verdict == RW_REWRITTEN;
    bool copied = n->table && res->verdict == RW_REFUSED && t->n > 1 && t->tok[1].word == RW_W_TABLE &&
                  t->tok[0].word == RW_W_CREATE; /* LIKE: not to be had from the migrating table */
    unsigned phase = copied ? 0 : execute(r->p.phase, made ? res->sql : sql);
    if (went_away(phase)) return false;
    char message[512];
    snprintf(message, sizeof message, "%s", mysql_error(r->p.phase));
    if (n->table && res->verdict == RW_REFUSED)
        count_refusal(r, t, res, sql);
    else if (n->table)
        count_rewritten(r, n, res, sql, made ? phase : 0, message);
    place_changed(&r->p, sql, res);
    return true;
}

/* A statement that names nothing of ours has to come out as it went in. */
static void check_untouched(run *r, const rw_result *res, b_slice sql)
{
    r->untouched++;
    if (res->verdict == RW_PASS && res->sql.p == sql.p && res->sql.n == sql.n) return;
    b_slice reason = res->verdict == RW_REFUSED ? reason_of(r, res) : B_LIT("rewritten");
    tally_add(&r->changed, reason, r->path, r->line, sql);
}

/* CREATE TABLE that needs no other table, while the rules are out of date anyway: they need not be made
 * before it. */
static bool only_makes(const run *r, const rw_tokens *t)
{
    return r->p.dirty && t->n > 2 && t->tok[0].word == RW_W_CREATE && t->tok[1].word == RW_W_TABLE &&
           !has_word(t, RW_W_SELECT) && !has_word(t, RW_W_LIKE) && !reaches_out(t);
}

static bool make_unjudged(run *r, b_slice sql)
{
    rw_result none = {.verdict = RW_PASS};
    unsigned plain = execute(r->p.plain, sql);
    if (went_away(plain) || (plain == 0 && went_away(execute(r->p.phase, sql)))) return false;
    r->statements++;
    if (plain == 0) place_changed(&r->p, sql, &none);
    return true;
}

/* False when a server went away: the script is left. */
static bool one(run *r, b_slice sql)
{
    rw_tokens t;
    rw_result res;
    b_arena_reset(r->arena);
    if (rw_lex(&r->p.ctx, r->p.server, sql, r->arena, &t) != B_OK) return true;
    if (t.n > 0 && only_makes(r, &t)) return make_unjudged(r, sql);
    if (t.n == 0 || !place_sync(&r->p)) return true;
    kind k = kind_of(&t);
    r->statements++;
    r->p.ctx.prepared = k == K_PREPARE;
    naming n = names_of(r, &t);
    if (rw_rewrite(r->p.rules, &r->p.ctx, sql, r->arena, &res) != B_OK) ts_die("corpora: out of memory");
    if (!n.table && !n.beyond) check_untouched(r, &res, sql);
    if (k == K_MAKE) return judge_made(r, &t, &n, &res, sql);
    return !n.table || k == K_LEAVE || judge_prepared(r, &t, &n, &res, sql, k);
}

/* A delimiter other than `;` lets a script send several statements at once. */
static bool pieces(run *r, b_slice sql)
{
    rw_tokens t;
    b_slice rest = sql, piece;
    b_arena_reset(r->arena);
    if (rw_lex(&r->p.ctx, r->p.server, sql, r->arena, &t) != B_OK || t.n == 0) return true;
    uint16_t first = t.tok[0].word;
    if (first == RW_W_CREATE || first == RW_W_ALTER || first == RW_W_BEGIN || has_word(&t, RW_W_END))
        return one(r, sql);
    while (rw_split(&r->p.ctx, r->p.server, &rest, &piece))
        if (!one(r, b_slice_trim(piece))) return false;
    return true;
}

/* ---- scripts ---------------------------------------------------------------------------------------- */

static void one_script(run *r, const char *path, place_how how)
{
    mtr *m = mtr_open(r->root, path);
    b_slice sql;
    if (m == NULL) return;
    r->files++;
    place_begin(&r->p, how, mtr_text(m));
    for (unsigned i = 0; i < MOST_STATEMENTS && mtr_next(m, &sql, &r->path, &r->line); i++) {
        if (pieces(r, sql)) continue;
        printf("left after a lost connection: %s:%u: %.*s\n", r->path, r->line,
               (int)(sql.n < 300 ? sql.n : 300), sql.p);
        break;
    }
    mtr_close(m);
}

static struct {
    char **paths;
    size_t n;
    const char *only;
} found; /* nftw() gives no other way */

static int take_file(const char *path, const struct stat *st, int type, struct FTW *where)
{
    size_t n = strlen(path);
    (void)st;
    (void)where;
    if (type != FTW_F || n < 5 || (strcmp(path + n - 5, ".test") != 0 && strcmp(path + n - 4, ".inc") != 0))
        return 0;
    if (found.only != NULL && strstr(path, found.only) == NULL) return 0;
    char **grown = realloc(found.paths, (found.n + 1) * sizeof *grown);
    if (grown == NULL) return 1;
    found.paths = grown;
    found.paths[found.n++] = strdup(path);
    return 0;
}

static uint64_t seed;

static int by_hash(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    uint64_t hx = b_hash(*x, strlen(*x), seed), hy = b_hash(*y, strlen(*y), seed);
    return hx < hy ? -1 : hx > hy;
}

static place_how how_of(const char *path)
{
    static const rw_phase phases[] = {RW_DUAL_WRITE, RW_SWITCHED, RW_CONTRACTED, RW_RETIRED, RW_PLANNED};
    /* Not `new`: the scripts rely on the old names of what `*` gives. */
    static const rw_version versions[] = {RW_VERSION_BOTH, RW_VERSION_OLD};
    uint64_t h = b_hash(path, strlen(path), seed + 1);
    return (place_how){phases[h % 5], versions[h / 5 % 2], h / 10 % 2 == 1};
}

static void all_scripts(run *r, unsigned seconds)
{
    time_t end = time(NULL) + (time_t)seconds;
    const char *from = getenv("STRADDLE_CORPORA_FROM");
    for (size_t i = from == NULL ? 0 : strtoul(from, NULL, 10);
         i < found.n && (seconds == 0 || time(NULL) < end); i++) {
        one_script(r, found.paths[i], how_of(found.paths[i]));
        if (i % 100 == 99)
            printf("%zu scripts: naming a migrating table %u, refused %u, broken %u\n", i + 1, r->named,
                   r->refused.total, r->broken.total);
    }
}

/* ---- the outcome ------------------------------------------------------------------------------------ */

static int report(run *r)
{
    unsigned share = r->named == 0 ? 0 : (unsigned)((uint64_t)r->refused.total * 1000000 / r->named);
    printf("scripts %u, statements %u; without a migrating table %u\n", r->files, r->statements,
           r->untouched);
    printf("naming one and taken by the server %u: passed %u, rewritten %u, refused %u (%u.%04u %%)\n",
           r->named, r->passed, r->rewritten, r->refused.total, share / 10000, share % 10000);
    printf("not taken by the server %u, cannot be asked %u, not on the second server %u\n", r->not_accepted,
           r->not_asked, r->lost);
    tally_print(&r->refused, 60);
    tally_print(&r->stopped, 20);
    tally_print(&r->ddl, 20);
    tally_print(&r->changed, 40);
    tally_print(&r->broken, 60);
    bool ok = r->broken.total == 0 && r->changed.total == 0 && r->named > 0;
    return ok && (uint64_t)r->refused.total * 10000 <= (uint64_t)r->named * ALLOWED ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *bound = getenv("STRADDLE_CORPORA_SECONDS"), *start = getenv("STRADDLE_SEED");
    run r = {.refused.title = "refused",
             .stopped.title = "refused, where the preflight refuses the migration",
             .ddl.title = "DDL, refused on purpose",
             .changed.title = "without a migrating table, and not left alone",
             .broken.title = "rewritten, and not taken by the server"};
    if (argc != 3) ts_die("usage: test_corpora mysql|mariadb FOLDER");
    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(r.root, sizeof r.root, "%s/%s/usr/%s/mysql-test", argv[2], argv[1],
             strcmp(argv[1], "mysql") == 0 ? "lib" : "share/mysql");
    seed = start == NULL                  ? 1
           : strcmp(start, "random") == 0 ? (uint64_t)time(NULL)
                                          : strtoull(start, NULL, 10);
    found.only = getenv("STRADDLE_CORPORA_ONLY");
    if (nftw(r.root, take_file, 16, FTW_PHYS) != 0 || found.n == 0) ts_die("no scripts in %s", r.root);
    qsort(found.paths, found.n, sizeof *found.paths, by_hash);
    printf("%zu scripts in %s, seed %llu\n", found.n, r.root, (unsigned long long)seed);
    r.arena = b_arena_new(0);
    place_open(&r.p, strcmp(argv[1], "mariadb") == 0);
    all_scripts(&r, bound == NULL ? 30 : (unsigned)strtoul(bound, NULL, 10));
    place_close(&r.p);
    int status = report(&r);
    for (size_t i = 0; i < found.n; i++) free(found.paths[i]);
    free(found.paths);
    tally_free(&r.refused), tally_free(&r.stopped), tally_free(&r.ddl), tally_free(&r.changed),
        tally_free(&r.broken);
    b_arena_free(r.arena);
    return status;
}
