/* The texts of the lexer's unit test, and those that once failed, on a server. */
#include "lexing.h"

typedef struct row {
    const char *sql, *want;
    uint32_t mode;
    rw_charset charset;
    char server; /* M MySQL, A MariaDB, 0 both */
} row;

static const row rows[] = {
/* clang-format off */
#include "../unit/rewrite/lexer_rows.inc"
    /* clang-format on */
};

static const char *mode_of(uint32_t bits)
{
    if (bits == RW_MODE_NO_BACKSLASH_ESCAPES) return "NO_BACKSLASH_ESCAPES";
    if (bits == RW_MODE_ANSI_QUOTES) return "ANSI_QUOTES";
    if (bits != 0) ts_die("a text of the unit test under an sql_mode that has no name here");
    return "";
}

static const char *charset_of(rw_charset charset)
{
    static const char *const names[] = {
        [RW_CHARSET_SAFE] = "utf8mb4",  [RW_CHARSET_GBK] = "gbk",       [RW_CHARSET_BIG5] = "big5",
        [RW_CHARSET_SJIS] = "sjis",     [RW_CHARSET_CP932] = "cp932",   [RW_CHARSET_GB18030] = "gb18030",
        [RW_CHARSET_EUCKR] = "eucjpms", [RW_CHARSET_SINGLE] = "latin1",
    };
    return names[charset];
}

bool lx_row(size_t i, bool mariadb, lx_setting *setting, b_buf *sql)
{
    const row *r = &rows[i / 2];
    if (i / 2 >= sizeof rows / sizeof *rows) return false;
    *setting = (lx_setting){charset_of(r->charset), mode_of(r->mode)};
    b_buf_clear(sql);
    if (r->server == (mariadb ? 'M' : 'A') || (mariadb && r->charset == RW_CHARSET_GB18030)) return true;
    b_buf_str(sql, i % 2 == 0 ? "" : "SELECT ");
    b_buf_str(sql, r->sql);
    return true;
}
