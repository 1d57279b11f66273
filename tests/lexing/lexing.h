/* The lexer against the servers' own. A server does not show its tokens. But a text that is written anew from
 * the right tokens, each in another spelling and with white space between any two, means the same to it; from
 * wrong ones it does not. So each text goes to the server twice, as it is and anew, and the answers must be
 * equal: results, names of columns that the text gives, errors. One thread. */
#ifndef LEXING_H
#define LEXING_H

#include "base/buf.h"
#include "lexer.h"

#include "sql.h"

/* Settings of a session that change tokens. */
typedef struct lx_setting {
    const char *charset, *mode;
} lx_setting;

/* fragments.c: texts that are hard to cut. A statement, or several. */
void lx_generate(uint64_t *random, b_buf *out);
extern const char *const lx_charsets[];
enum { LX_CHARSETS = 18 };
extern const char *const lx_modes[];
enum { LX_MODES = 14 };

/* rows.c: text i of those that are known, by itself and after SELECT; empty: not for this server. False past
 * the last one. */
bool lx_row(size_t i, bool mariadb, lx_setting *setting, b_buf *sql);

/* canon.c: the text anew. False where it cannot be cut: RW_TOK_BAD. */
bool lx_canon(const rw_ctx *ctx, rw_server server, b_slice sql, b_buf *out);

/* answer.c: what the server says to a text, as text of lines. bad: it was a syntax error. */
typedef struct lx_answer {
    b_buf text;
    bool syntax, lost;
} lx_answer;
void lx_answer_get(ts_conn *c, b_slice sql, lx_answer *out);

typedef enum lx_verdict {
    LX_SAME,
    LX_BOTH_BAD,  /* cut by neither */
    LX_LOOSER,    /* cut by us, a syntax error to the server, which so executes nothing */
    LX_UNCUT,     /* not cut by us, though the server takes it: refused where it matters */
    LX_DIFFERENT, /* a defect */
} lx_verdict;

/* Compares one text; with the two answers as text when they are wanted. */
lx_verdict lx_compare(ts_conn *c, const rw_ctx *ctx, rw_server server, b_slice sql, b_buf *why);

/* characters.c: how many characters of a set mean another one to the server than to us; each is printed.
 * known: how many we know. */
unsigned long lx_characters(ts_conn *c, const char *charset, unsigned *known);

/* shorten.c: takes bytes out of *sql while the verdict stays. */
void lx_shorten(ts_conn *c, const rw_ctx *ctx, rw_server server, lx_verdict v, b_buf *sql);
/* The text in printable form, as in C. */
void lx_print(b_slice sql, b_buf *out);

#endif
