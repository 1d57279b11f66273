/* The C API, built with MariaDB Connector/C and with MySQL's libmysqlclient: walks the steps, and prints a
 * line of JSON for each. Texts that are not plain are printed as hexadecimal, long ones as their length and a
 * sum. */
#include <mysql.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG = 200, FIELDS = 16 };

typedef struct step {
    char *name, *mode, *sql, *params[FIELDS];
    unsigned nparams;
} step;

static const char *env(const char *name)
{
    const char *v = getenv(name);
    return v != NULL ? v : "";
}

static bool wanted(const char *name)
{
    return strcmp(env(name), "1") == 0;
}

static void fatal(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

/* --- the transcript --- */

static void print_text(const char *p, unsigned long n)
{
    bool plain = true;
    unsigned long long sum = 14695981039346656037ULL; /* FNV-1a */
    for (unsigned long i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') plain = false;
        sum = (sum ^ c) * 1099511628211ULL;
    }
    if (n > LONG)
        printf("\"%lu %016llx\"", n, sum);
    else if (plain)
        printf("\"%.*s\"", (int)n, p);
    else {
        printf("\"0x");
        for (unsigned long i = 0; i < n; i++) printf("%02x", (unsigned char)p[i]);
        printf("\"");
    }
}

/* names: without types and flags, which are not those of a table. */
static void print_columns(MYSQL_RES *r, bool names)
{
    printf("{\"columns\": [");
    for (unsigned i = 0; i < mysql_num_fields(r); i++) {
        const MYSQL_FIELD *f = mysql_fetch_field_direct(r, i);
        printf("%s[", i > 0 ? ", " : "");
        print_text(f->name, f->name_length);
        if (!names) printf(", %d, %u, %lu", (int)f->type, f->flags, f->length);
        printf("]");
    }
    printf("], \"rows\": [");
}

static void print_error(unsigned code, const char *state)
{
    printf("\"error\": [%u, \"%s\"]", code, state);
}

/* --- text --- */

static void print_rows(MYSQL_RES *r, bool names)
{
    MYSQL_ROW row;
    print_columns(r, names);
    for (bool first = true; (row = mysql_fetch_row(r)) != NULL; first = false) {
        const unsigned long *lengths = mysql_fetch_lengths(r);
        printf("%s[", first ? "" : ", ");
        for (unsigned i = 0; i < mysql_num_fields(r); i++) {
            if (i > 0) printf(", ");
            if (row[i] == NULL)
                printf("null");
            else
                print_text(row[i], lengths[i]);
        }
        printf("]");
    }
    printf("]}");
}

static void run_text(MYSQL *my, const step *s)
{
    int more = mysql_real_query(my, s->sql, (unsigned long)strlen(s->sql));
    printf("\"results\": [");
    for (bool first = true; more == 0; first = false) {
        MYSQL_RES *r = strcmp(s->mode, "stream") == 0 ? mysql_use_result(my) : mysql_store_result(my);
        if (!first) printf(", ");
        if (r != NULL)
            print_rows(r, strcmp(s->mode, "names") == 0);
        else
            printf("{\"affected\": %llu, \"id\": %llu, \"warnings\": %u}",
                   (unsigned long long)mysql_affected_rows(my), (unsigned long long)mysql_insert_id(my),
                   mysql_warning_count(my));
        mysql_free_result(r);
        more = mysql_next_result(my);
    }
    printf("]");
    if (more > 0) {
        printf(", ");
        print_error(mysql_errno(my), mysql_sqlstate(my));
    }
}

/* --- prepared --- */

typedef struct values {
    MYSQL_BIND bind[FIELDS];
    long long numbers[FIELDS];
    unsigned long lengths[FIELDS];
    char *blob;
} values;

static void bind_one(values *v, unsigned i, char *param)
{
    MYSQL_BIND *b = &v->bind[i];
    const char *text = param + 2;
    b->buffer_type = MYSQL_TYPE_STRING;
    switch (param[0]) {
    case 'i':
        v->numbers[i] = atoll(text);
        b->buffer_type = MYSQL_TYPE_LONGLONG;
        b->buffer = &v->numbers[i];
        return;
    case 'n': b->buffer_type = MYSQL_TYPE_NULL; return;
    case 'b':
        v->lengths[i] = strtoul(text, NULL, 10);
        v->blob = malloc(v->lengths[i]);
        if (v->blob == NULL) fatal("out of memory");
        for (unsigned long k = 0; k < v->lengths[i]; k++) v->blob[k] = "\x00\xff'\\"[k % 4];
        b->buffer_type = MYSQL_TYPE_LONG_BLOB;
        b->buffer = v->blob;
        break;
    default: v->lengths[i] = (unsigned long)strlen(text); b->buffer = param + 2;
    }
    b->buffer_length = v->lengths[i];
    b->length = &v->lengths[i];
}

/* Blobs go as long data, a megabyte at a time. */
static bool execute(MYSQL_STMT *st, const step *s, values *v)
{
    const unsigned long piece = 1UL << 20;
    for (unsigned i = 0; i < s->nparams; i++) bind_one(v, i, s->params[i]);
    if (s->nparams > 0 && mysql_stmt_bind_param(st, v->bind)) return false;
    for (unsigned i = 0; i < s->nparams; i++) {
        if (s->params[i][0] != 'b') continue;
        for (unsigned long at = 0; at < v->lengths[i]; at += piece) {
            unsigned long n = v->lengths[i] - at < piece ? v->lengths[i] - at : piece;
            if (mysql_stmt_send_long_data(st, i, v->blob + at, n)) return false;
        }
    }
    return mysql_stmt_execute(st) == 0;
}

/* Every column as text; its length is known once the row is there. */
static void print_cell(MYSQL_STMT *st, unsigned i, unsigned long length)
{
    MYSQL_BIND b;
    unsigned long got = 0;
    char *p = malloc(length + 1);
    if (p == NULL) fatal("out of memory");
    memset(&b, 0, sizeof b);
    b.buffer_type = MYSQL_TYPE_STRING;
    b.buffer = p;
    b.buffer_length = length + 1;
    b.length = &got;
    if (mysql_stmt_fetch_column(st, &b, i, 0)) fatal(mysql_stmt_error(st));
    print_text(p, got < length ? got : length);
    free(p);
}

static void print_fetched(MYSQL_STMT *st, MYSQL_RES *about)
{
    enum { COLUMNS = 64 };
    unsigned n = mysql_num_fields(about);
    MYSQL_BIND bind[COLUMNS];
    unsigned long lengths[COLUMNS];
    char nulls[COLUMNS];
    int rc;
    if (n > COLUMNS) fatal("too many columns");
    memset(bind, 0, sizeof bind);
    for (unsigned i = 0; i < n; i++) {
        bind[i].buffer_type = MYSQL_TYPE_STRING;
        bind[i].length = &lengths[i];
        bind[i].is_null = (void *)&nulls[i]; /* my_bool here, bool there: one byte each */
    }
    print_columns(about, false);
    if (mysql_stmt_bind_result(st, bind)) fatal(mysql_stmt_error(st));
    for (bool first = true; (rc = mysql_stmt_fetch(st)) == 0 || rc == MYSQL_DATA_TRUNCATED; first = false) {
        printf("%s[", first ? "" : ", ");
        for (unsigned i = 0; i < n; i++) {
            if (i > 0) printf(", ");
            if (nulls[i])
                printf("null");
            else
                print_cell(st, i, lengths[i]);
        }
        printf("]");
    }
    if (rc == 1) fatal(mysql_stmt_error(st));
    printf("]}");
}

static void run_prepared(MYSQL *my, const step *s)
{
    MYSQL_STMT *st = mysql_stmt_init(my);
    values v;
    memset(&v, 0, sizeof v);
    if (st == NULL) fatal("out of memory");
    if (mysql_stmt_prepare(st, s->sql, (unsigned long)strlen(s->sql)) != 0 || !execute(st, s, &v)) {
        print_error(mysql_stmt_errno(st), mysql_stmt_sqlstate(st));
    } else {
        MYSQL_RES *about = mysql_stmt_result_metadata(st);
        printf("\"parameters\": %lu, \"results\": [", mysql_stmt_param_count(st));
        if (about != NULL)
            print_fetched(st, about);
        else
            printf("{\"affected\": %llu}", (unsigned long long)mysql_stmt_affected_rows(st));
        printf("]");
        mysql_free_result(about);
    }
    mysql_stmt_close(st);
    free(v.blob);
}

/* --- the connection --- */

static void ask_for_tls(MYSQL *my)
{
#ifdef MARIADB_BASE_VERSION
    char on = 1;
    mysql_optionsv(my, MYSQL_OPT_SSL_ENFORCE, &on);
#else
    bool ask = true; /* for the server's key, where a password goes without TLS */
    unsigned mode = wanted("CLIENT_TLS") ? SSL_MODE_REQUIRED : SSL_MODE_DISABLED;
    mysql_options(my, MYSQL_OPT_SSL_MODE, &mode);
    mysql_options(my, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &ask);
#endif
}

static MYSQL *login(void)
{
    MYSQL *my = mysql_init(NULL);
    const unsigned long packet = 64UL << 20;
    if (my == NULL) fatal("out of memory");
#ifdef MARIADB_BASE_VERSION
    if (wanted("CLIENT_TLS")) ask_for_tls(my);
#else
    ask_for_tls(my);
#endif
    if (wanted("CLIENT_COMPRESS")) {
#ifdef MARIADB_BASE_VERSION
        mysql_options(my, MYSQL_OPT_COMPRESS, NULL);
#else
        mysql_options(my, MYSQL_OPT_COMPRESSION_ALGORITHMS, "zstd,zlib");
#endif
    }
    mysql_options(my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(my, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
    if (mysql_real_connect(my, env("CLIENT_HOST"), env("CLIENT_USER"), env("CLIENT_PASSWORD"),
                           env("CLIENT_SCHEMA"), (unsigned)atoi(env("CLIENT_PORT")), NULL,
                           CLIENT_MULTI_STATEMENTS) == NULL)
        fatal(mysql_error(my));
    return my;
}

static bool parse(char *line, step *s)
{
    memset(s, 0, sizeof *s);
    line[strcspn(line, "\n")] = '\0';
    s->name = line;
    char **next[] = {&s->mode, &s->sql};
    for (unsigned i = 0; (line = strchr(line, '\t')) != NULL; i++) {
        *line++ = '\0';
        if (i < 2)
            *next[i] = line;
        else if (s->nparams < FIELDS)
            s->params[s->nparams++] = line;
    }
    return s->sql != NULL;
}

int main(void)
{
    static char line[65536];
    FILE *f = fopen(env("CLIENT_STEPS"), "r");
    if (f == NULL) fatal("CLIENT_STEPS cannot be read");
    MYSQL *my = login();
    step s;
    while (fgets(line, sizeof line, f) != NULL && parse(line, &s)) {
        printf("{\"step\": \"%s\", ", s.name);
        if (strcmp(s.mode, "prepared") == 0)
            run_prepared(my, &s);
        else
            run_text(my, &s);
        printf("}\n");
    }
    mysql_close(my);
    fclose(f);
    return 0;
}
