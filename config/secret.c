/* Passwords: written out, from the environment, or from a file. They are never part of a message. */
#include "reader.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_SECRET = 1024 };

static char *from_env(const cfg__reader *r, const cfg__node *n)
{
    const char *value = getenv(n->text);
    if (value != NULL) return cfg__dup(r, value);
    cfg__problem(r->diag, r->file, n->line,
                 "the environment variable %s is not set; set it for the process that runs straddle",
                 n->text);
    return NULL;
}

static void warn_mode(const cfg__reader *r, const cfg__node *n, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & S_IROTH) != 0)
        cfg__warning(r->diag, r->file, n->line,
                     "every user of this machine can read the password file %s; chmod 600 it", path);
}

static char *from_file(const cfg__reader *r, const cfg__node *n)
{
    b_err err;
    b_buf text = {0};
    char *secret = NULL, *path = cfg__resolve(r->dir, n->text);
    if (path == NULL || !cfg__slurp(path, &text, &err)) {
        cfg__problem(r->diag, r->file, n->line, "password file: %s",
                     path == NULL ? "out of memory; free some" : err.msg);
    } else {
        while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
            text.p[--text.n] = '\0';
        if (text.n > MAX_SECRET || memchr(b_buf_cstr(&text), '\0', text.n) != NULL)
            cfg__problem(r->diag, r->file, n->line,
                         "password file %s holds over %d bytes or a NUL; write only the password into it",
                         path, MAX_SECRET);
        else
            secret = cfg__dup(r, b_buf_cstr(&text));
        warn_mode(r, n, path);
    }
    cfg__wipe(text.p, text.n);
    b_buf_deinit(&text);
    free(path);
    return secret;
}

char *cfg__secret(const cfg__reader *r, const cfg__key *k, const cfg__node *node)
{
    if (k->kind == CFG__SECRET_ENV) return from_env(r, node);
    if (k->kind == CFG__SECRET_FILE) return from_file(r, node);
    return cfg__dup(r, node->text);
}
