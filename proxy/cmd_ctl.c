/* `straddle ctl`: a small client of the admin port, for scripts and for hands. Prints tables, JSON or one
 * cell a line; errors go to standard error. It knows no command of the console: what is sent is what was
 * given. One thread, blocking; no part of the data path. */
#include "cmd_ctl.h"

#include "base/buf.h"
#include "config/config.h"
#include "migrate/db.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_DONE, EXIT_FAILED, EXIT_UNUSABLE };
enum { MAX_INPUT = 4 << 20, MAX_WIDTH = 120, MAX_TIMEOUT_S = 86400 };

typedef enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_VERTICAL } format;

typedef struct options {
    const char *config, *user, *statement;
    unsigned timeout_s; /* 0: as long as it takes */
    format format;
    bool help;
} options;

static const char usage[] =
    "Usage: straddle ctl [-c FILE] [--json | --vertical] [--user NAME] [--timeout SECONDS] COMMAND\n"
    "       straddle ctl [-c FILE] [options] -        (commands from standard input, each ended by ;)\n"
    "\n"
    "Sends admin commands to the admin port that FILE names, with the password FILE has for the user.\n"
    "\n"
    "  -c, --config FILE      the configuration of the instance; default straddle.yaml\n"
    "      --json             a JSON array of objects; {\"message\": …} for commands without rows\n"
    "      --vertical         one cell a line\n"
    "      --user NAME        an admin user; without it the first one with the role operator\n"
    "      --timeout SECONDS  give up waiting for an answer (the command may go on); default 0 = never\n"
    "\n"
    "Exit status: 0 done; 1 a command failed, those after it were not sent; 2 it could not run.\n"
    "HELP is the command that lists them all; see also docs/admin.md.\n";

/* ---- printing ---- */

/* Characters on screen, near enough: bytes that do not continue a UTF-8 sequence. */
static size_t width_of(b_slice s)
{
    size_t w = 0;
    for (size_t i = 0; i < s.n; i++) w += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return w;
}

/* A cell on one line: NULL spelt out, control characters as spaces. */
static b_slice shown(b_slice cell, b_buf *scratch)
{
    if (cell.p == NULL) return B_LIT("NULL");
    b_buf_clear(scratch);
    for (size_t i = 0; i < cell.n; i++)
        b_buf_char(scratch, (unsigned char)cell.p[i] < 0x20 ? ' ' : cell.p[i]);
    return b_buf_view(scratch);
}

static void print_padded(b_slice s, size_t width, bool last)
{
    fwrite(s.p, 1, s.n, stdout);
    if (last) {
        putchar('\n');
        return;
    }
    size_t w = width_of(s),
           end = (w > width ? w : width) + 2; /* a cell over the limit pushes the rest aside */
    for (; w < end; w++) putchar(' ');
}

static void print_table(const b_table *t)
{
    size_t columns = b_table_columns(t), *width = calloc(columns, sizeof *width);
    b_buf cell = {0};
    if (width == NULL) return;
    for (size_t c = 0; c < columns; c++) {
        width[c] = width_of(b_slice_str(b_table_name(t, c)));
        for (size_t r = 0; r < b_table_rows(t); r++) {
            size_t w = width_of(shown(b_table_cell(t, r, c), &cell));
            if (w > width[c]) width[c] = w < MAX_WIDTH ? w : MAX_WIDTH;
        }
    }
    for (size_t c = 0; c < columns; c++)
        print_padded(b_slice_str(b_table_name(t, c)), width[c], c + 1 == columns);
    for (size_t r = 0; r < b_table_rows(t); r++)
        for (size_t c = 0; c < columns; c++)
            print_padded(shown(b_table_cell(t, r, c), &cell), width[c], c + 1 == columns);
    b_buf_deinit(&cell);
    free(width);
}

static void print_vertical(const b_table *t)
{
    size_t width = 0;
    for (size_t c = 0; c < b_table_columns(t); c++)
        if (width_of(b_slice_str(b_table_name(t, c))) > width)
            width = width_of(b_slice_str(b_table_name(t, c)));
    for (size_t r = 0; r < b_table_rows(t); r++) {
        printf("---- row %zu ----\n", r + 1);
        for (size_t c = 0; c < b_table_columns(t); c++) {
            b_slice v = b_table_cell(t, r, c);
            printf("%*s: %.*s\n", (int)width, b_table_name(t, c), v.p == NULL ? 4 : (int)v.n,
                   v.p == NULL ? "NULL" : v.p);
        }
    }
}

/* Numbers stay strings: what a column holds is in docs/admin.md, and 64 bits do not fit every reader of JSON.
 */
static json_t *row_json(const b_table *t, size_t r)
{
    json_t *row = json_object();
    for (size_t c = 0; row != NULL && c < b_table_columns(t); c++) {
        b_slice v = b_table_cell(t, r, c);
        json_t *cell = v.p == NULL ? json_null() : json_stringn(v.p, v.n);
        if (cell == NULL) cell = json_string("(not UTF-8)");
        json_object_set_new(row, b_table_name(t, c), cell);
    }
    return row;
}

static void print_json(const b_table *t)
{
    json_t *all = json_array();
    for (size_t r = 0; r < b_table_rows(t); r++) json_array_append_new(all, row_json(t, r));
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

static void print_message(const char *info, format f)
{
    if (info[0] == '\0') info = "done";
    if (f != FORMAT_JSON) {
        puts(info);
        return;
    }
    json_t *object = json_pack("{s:s}", "message", info);
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}

static void print_answer(mig_db *db, const b_table *t, format f)
{
    if (t == NULL || b_table_columns(t) == 0) {
        print_message(mig_db_info(db), f);
        return;
    }
    switch (f) {
    case FORMAT_TABLE: print_table(t); break;
    case FORMAT_VERTICAL: print_vertical(t); break;
    case FORMAT_JSON: print_json(t); break;
    }
}

/* ---- statements ---- */

static int run_one(mig_db *db, const char *sql, const options *o)
{
    b_table *t = NULL;
    b_err err = {0};
    b_status s = mig_db_query(db, sql, &t, &err);
    if (s == B_OK) print_answer(db, t, o->format);
    fflush(stdout);
    /* The console's message is whole by itself: it needs no words of the client's around it. */
    if (s == B_DATABASE)
        fprintf(stderr, "straddle ctl: error %u: %s\n", err.db_errno, mig_db_error(db));
    else if (s != B_OK)
        fprintf(stderr, "straddle ctl: %s\n", err.msg);
    b_table_free(t);
    return s == B_OK ? EXIT_DONE : s == B_LOST ? EXIT_UNUSABLE : EXIT_FAILED;
}

/* Length of the first statement of s, without its `;`, which is not looked for in quotes. */
static size_t statement_length(b_slice s)
{
    char quote = '\0';
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (quote != '\0' && c == '\\' && quote != '`')
            i++;
        else if (quote != '\0')
            quote = c == quote ? '\0' : quote;
        else if (c == '\'' || c == '"' || c == '`')
            quote = c;
        else if (c == ';')
            return i;
    }
    return s.n;
}

static int run_all(mig_db *db, b_slice text, const options *o)
{
    int status = EXIT_DONE;
    while (status == EXIT_DONE && text.n > 0) {
        size_t n = statement_length(text);
        b_slice one = b_slice_trim(b_slice_of(text.p, n));
        n += n < text.n;
        text = b_slice_of(text.p + n, text.n - n);
        if (one.n == 0) continue;
        b_buf sql = {0};
        b_buf_slice(&sql, one);
        status = run_one(db, b_buf_cstr(&sql), o);
        b_buf_deinit(&sql);
    }
    return status;
}

static int run_input(mig_db *db, const options *o)
{
    b_buf text;
    char chunk[16384];
    size_t n;
    b_buf_init(&text, MAX_INPUT);
    while (!text.failed && (n = fread(chunk, 1, sizeof chunk, stdin)) > 0) b_buf_add(&text, chunk, n);
    int status = EXIT_UNUSABLE;
    if (text.failed)
        fprintf(stderr, "straddle ctl: the input is larger than %d bytes; send it in parts\n", MAX_INPUT);
    else
        status = run_all(db, b_buf_view(&text), o);
    b_buf_deinit(&text);
    return status;
}

/* ---- connecting ---- */

static const cfg_admin_user *pick_user(const cfg_config *c, const char *name)
{
    for (size_t i = 0; i < c->nadmin_users; i++) {
        const cfg_admin_user *u = &c->admin_users[i];
        if (name != NULL ? strcmp(u->name, name) == 0 : u->role == CFG_ROLE_OPERATOR) return u;
    }
    return NULL;
}

/* A wildcard is where one listens; to reach it from here, loopback. */
static const char *host_of(const cfg_address *a)
{
    if (a->host == NULL) return NULL;
    if (strcmp(a->host, "0.0.0.0") == 0) return "127.0.0.1";
    return strcmp(a->host, "::") == 0 ? "::1" : a->host;
}

static mig_db *connect_admin(const cfg_config *c, const options *o)
{
    const cfg_admin_user *u = pick_user(c, o->user);
    if (u == NULL) {
        fprintf(stderr, "straddle ctl: %s has no admin user %s; name one of admin.users with --user\n",
                o->config, o->user == NULL ? "with the role operator" : o->user);
        return NULL;
    }
    mig_db_options d = {.host = host_of(&c->admin),
                        .socket = c->admin.path,
                        .port = c->admin.port,
                        .user = u->name,
                        .password = u->password,
                        .connect_timeout_ms = 5000,
                        .read_timeout_ms = o->timeout_s * 1000,
                        .tls = c->admin_tls == CFG_TLS_OFF        ? MIG_DB_TLS_OFF
                               : c->admin_tls == CFG_TLS_REQUIRED ? MIG_DB_TLS_REQUIRED
                                                                  : MIG_DB_TLS_PREFERRED,
                        .program_name = "straddle ctl"};
    mig_db *db = NULL;
    b_err err = {0};
    if (mig_db_open(&d, &db, &err) == B_OK) return db;
    fprintf(stderr,
            "straddle ctl: cannot log in at the admin port %s: %s; is straddle serve running with this "
            "configuration?\n",
            c->admin.text, err.msg);
    return NULL;
}

static int run(const options *o)
{
    b_buf diag = {0};
    cfg_config *c = cfg_load(o->config, &diag);
    if (c == NULL) fputs(b_buf_cstr(&diag), stderr);
    b_buf_deinit(&diag);
    mig_db *db = c == NULL ? NULL : connect_admin(c, o);
    int status = EXIT_UNUSABLE;
    if (db != NULL) status = strcmp(o->statement, "-") == 0 ? run_input(db, o) : run_one(db, o->statement, o);
    mig_db_close(db);
    cfg_free(c);
    return status;
}

/* ---- options ---- */

static bool parse_timeout(const char *text, unsigned *out)
{
    char *end;
    errno = 0;
    unsigned long v = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9' || v > MAX_TIMEOUT_S) {
        fprintf(stderr, "straddle ctl: --timeout is \"%s\"; write whole seconds from 0 to %d\n", text,
                MAX_TIMEOUT_S);
        return false;
    }
    *out = (unsigned)v;
    return true;
}

static bool take(int option, options *o)
{
    switch (option) {
    case 'c': o->config = optarg; return true;
    case 'j': o->format = FORMAT_JSON; return true;
    case 'v': o->format = FORMAT_VERTICAL; return true;
    case 'u': o->user = optarg; return true;
    case 't': return parse_timeout(optarg, &o->timeout_s);
    case 'h': o->help = true; return true;
    default: return false;
    }
}

static bool parse(int argc, char **argv, options *o)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, 'j'},
        {"vertical", no_argument, NULL, 'v'},
        {"user", required_argument, NULL, 'u'},
        {"timeout", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "c:h", known, NULL)) != -1;)
        if (!take(option, o)) return false;
    if (o->help) return true;
    if (optind + 1 != argc) {
        fputs("straddle ctl: one command is needed, in quotes; or - for standard input\n", stderr);
        return false;
    }
    o->statement = argv[optind];
    return true;
}

int px_cmd_ctl(int argc, char **argv)
{
    options o = {.config = "straddle.yaml"};
    if (!parse(argc, argv, &o)) {
        fputs(usage, stderr);
        return EXIT_UNUSABLE;
    }
    if (o.help) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    return run(&o);
}
