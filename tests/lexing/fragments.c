/* Texts that are hard to cut: lists of expressions made of fragments in which quotes, comments, numbers and
 * names meet, with bytes of longer characters, and then sometimes a few bytes changed. */
#include "lexing.h"

#include "differential/tape.h"

const char *const lx_charsets[LX_CHARSETS] = {
    "utf8mb4", "latin1",  "gbk",     "big5",   "sjis",  "cp932",  "gb18030", "euckr",  "gb2312",
    "ujis",    "eucjpms", "utf8mb3", "binary", "ascii", "latin5", "koi8r",   "cp1251", "tis620",
};

const char *const lx_modes[LX_MODES] = {
    "",
    "",
    "",
    "ANSI_QUOTES",
    "NO_BACKSLASH_ESCAPES",
    "ANSI_QUOTES,NO_BACKSLASH_ESCAPES",
    "PIPES_AS_CONCAT",
    "HIGH_NOT_PRECEDENCE",
    "IGNORE_SPACE",
    "ANSI",
    "ANSI,NO_BACKSLASH_ESCAPES",
    "IGNORE_SPACE,ANSI_QUOTES",
    "ORACLE",
    "MSSQL", /* these two on MariaDB only */
};

/* An expression each, by itself; table t has columns a, b, e1 and `x y`. */
static const b_slice items[] = {
    B_LIT("1"),
    B_LIT("a"),
    B_LIT("t.a"),
    B_LIT("t . b"),
    B_LIT("`a`"),
    B_LIT("t.`b`"),
    B_LIT("`x y`"),
    B_LIT("e1"),
    B_LIT("t.e1"),
    B_LIT("1e1"),
    B_LIT("1e-1"),
    B_LIT("1.e1"),
    B_LIT(".5"),
    B_LIT("1."),
    B_LIT("-.5e+1"),
    B_LIT("0x41"),
    B_LIT("x'41'"),
    B_LIT("X'4a'"),
    B_LIT("0b01"),
    B_LIT("b'01'"),
    B_LIT("B'1'"),
    B_LIT("0x4"),
    B_LIT("'x'"),
    B_LIT("'a''b'"),
    B_LIT("'a\\'b'"),
    B_LIT("'a\\\\'"),
    B_LIT("\"d\""),
    B_LIT("\"a\"\"b\""),
    B_LIT("\"a\\\"b\""),
    B_LIT("'a' 'b'"),
    B_LIT("'a'\n'b'"),
    B_LIT("N'x'"),
    B_LIT("n'x'"),
    B_LIT("_latin1'x'"),
    B_LIT("_utf8mb4 'x'"),
    B_LIT("_gbk'x\\'y'"),
    B_LIT("_binary'\\0'"),
    B_LIT("_latin1 x'41'"),
    B_LIT("_utf8mb4 0x41"),
    B_LIT("_sjis'\x83\x5C'"),
    B_LIT("_gbk'\xBF\x5C'"),
    B_LIT("'\xBF\x27'"),
    B_LIT("'\xBF\x5C'"),
    B_LIT("'\xBF\x5C\x27'"),
    B_LIT("'\x81\x5C\x5C'"),
    B_LIT("'\x81'"),
    B_LIT("'\\\x81'"),
    B_LIT("'\\\x81\x5C'"),
    B_LIT("'\xE3\x81\x82'"),
    B_LIT("'\xF0\x9F\x98\x80'"),
    B_LIT("'\x8F\xA2\xB7'"),
    B_LIT("'\x81\x30\x81\x30'"),
    B_LIT("'\x81\x30\x84\x5C'"),
    B_LIT("@a"),
    B_LIT("@`a b`"),
    B_LIT("@'a'"),
    B_LIT("@\"a\""),
    B_LIT("@a.b"),
    B_LIT("@$a"),
    B_LIT("@"),
    B_LIT("@@version"),
    B_LIT("@@global.port"),
    B_LIT("@@`port`"),
    B_LIT("@@session.`sql_mode`"),
    B_LIT("@@global .port"),
    B_LIT("1--1"),
    B_LIT("1 - -1"),
    B_LIT("1 --\t2\n"),
    B_LIT("1 -- 2\n"),
    B_LIT("1 --\n"),
    B_LIT("1 --\x01 2\n"),
    B_LIT("1#2\n"),
    B_LIT("1 /* 2 */"),
    B_LIT("1/**/+/**/2"),
    B_LIT("1 /*/ 2 */"),
    B_LIT("1 /*! + 2 */"),
    B_LIT("1 /*!50000 + 2 */"),
    B_LIT("1 /*!40101+2*/"),
    B_LIT("1 /*!99999 + 2 */"),
    B_LIT("1 /*!999999 + 2 */"),
    B_LIT("1 /*!080000 + 2 */"),
    B_LIT("1 /*M! + 2 */"),
    B_LIT("1 /*M!100000 + 2 */"),
    B_LIT("1 /*!50700 + 2 */"),
    B_LIT("1 /*!5070 + 2 */"),
    B_LIT("1 /*!90704+2*/"),
    B_LIT("1 /*!101100+2*/"),
    B_LIT("1 /*!50000 /* x */ + 2 */"),
    B_LIT("1 /*+ x */"),
    B_LIT("1 /*!*/"),
    B_LIT("1 /*!50000*/"),
    B_LIT("1 /*!500001 + 2*/"),
    B_LIT("1 /*M!50701 + 2*/"),
    B_LIT("1 /*!M!50000 + 2*/"),
    B_LIT("1 /*!99999 /* */ + 2 */"),
    B_LIT("1 /*!99999 ' */"),
    B_LIT("1 /* ' \" ` */"),
    B_LIT("1 /*!\t50000+2*/"),
    B_LIT("'*/'"),
    B_LIT("1 /*!50000 + '*/' */"),
    B_LIT("1 || 2"),
    B_LIT("'a'||'b'"),
    B_LIT("1 && 2"),
    B_LIT("! 1 + 1"),
    B_LIT("NOT 1 BETWEEN -5 AND 5"),
    B_LIT("1 <=> 2"),
    B_LIT("1 <> 2"),
    B_LIT("1 != 2"),
    B_LIT("1 := 2"),
    B_LIT("@q := 3"),
    B_LIT("@q:=3"),
    B_LIT("1 << 2"),
    B_LIT("1 >> 2"),
    B_LIT("~1"),
    B_LIT("1 ^ 2"),
    B_LIT("5 % 3"),
    B_LIT("5 DIV 2"),
    B_LIT("a->'$'"),
    B_LIT("a ->> '$'"),
    B_LIT("a-1"),
    B_LIT("a>1"),
    B_LIT("\\N"),
    B_LIT("NULL"),
    B_LIT("count(*)"),
    B_LIT("count (*)"),
    B_LIT("max(a)"),
    B_LIT("max (a)"),
    B_LIT("length('x')"),
    B_LIT("length ('x')"),
    B_LIT("substr('abc' FROM 2)"),
    B_LIT("now() IS NULL"),
    B_LIT("concat('a','b')"),
    B_LIT("{d '2020-01-01'}"),
    B_LIT("{ts'2020-01-01 00:00:00'}"),
    B_LIT("DATE'2020-01-01'"),
    B_LIT("DATE '2020-01-01'"),
    B_LIT("INTERVAL(1,2)"),
    B_LIT("(1)"),
    B_LIT("((a))"),
    B_LIT("(SELECT 1)"),
    B_LIT("1;SELECT 2"),
    B_LIT("1;\nSELECT a"),
    B_LIT("';'"),
    B_LIT("`;`"),
    B_LIT("1/*;*/"),
    B_LIT("1e"),
    B_LIT("1ea"),
    B_LIT(".5t"),
    B_LIT("0xZZ"),
    B_LIT("0X41"),
    B_LIT("0x"),
    B_LIT("0b"),
    B_LIT("0b2"),
    B_LIT("0B01"),
    B_LIT("x'4'"),
    B_LIT("x'zz'"),
    B_LIT("1a"),
    B_LIT("1_000"),
    B_LIT("$a"),
    B_LIT("a$b"),
    B_LIT("t.1a"),
    B_LIT("t.1"),
    B_LIT("t.1e1"),
    B_LIT("t.0x41"),
    B_LIT("t.select"),
    B_LIT(".a"),
    B_LIT("t..a"),
    B_LIT(".t.a"),
    B_LIT("1.a"),
    B_LIT("1.1.1"),
    B_LIT("1..1"),
    B_LIT("1.e"),
    B_LIT("1e+"),
    B_LIT("1.5e"),
    B_LIT("12e3x"),
    B_LIT("0x41g"),
    B_LIT("0b01x"),
    B_LIT("b'2'"),
    B_LIT("x''"),
    B_LIT("b''"),
    B_LIT("x '41'"),
    B_LIT("b '1'"),
    B_LIT("N 'x'"),
    B_LIT("''"),
    B_LIT("\"\""),
    B_LIT("``"),
    B_LIT("`a``b`"),
    B_LIT("'\\"),
    B_LIT("'a\\0b'"),
    B_LIT("'a\0b'"),
    B_LIT("'\\%\\_\\n\\t\\Z\\b\\r\\x'"),
    B_LIT("'\\\\%'"),
    B_LIT("'\\\\\\'"),
    B_LIT("?"),
    B_LIT("?a"),
    B_LIT(":a"),
    B_LIT("1 MOD 1"),
    B_LIT("1=1"),
    B_LIT("a=-1"),
    B_LIT("a=+1"),
    B_LIT("a=@b"),
    B_LIT("$$a$$"),
    B_LIT("$x$a$x$"),
    B_LIT("$1"),
    B_LIT("\xC3\xA9"),
    B_LIT("\xE9"),
    B_LIT("\xA0"),
    B_LIT("\xC2\xA0"),
    B_LIT("\xEF\xBB\xBF"),
    B_LIT("\xE2\x80\xA8"),
    B_LIT("\xE3\x80\x80"),
    B_LIT("_x"),
    B_LIT("_x'a'"),
    B_LIT("_utf8mb4"),
    B_LIT("_latin1`a`"),
    B_LIT("n"),
    B_LIT("x"),
    B_LIT("b`a`"),
    B_LIT("N\"x\""),
    B_LIT("_latin1\"x\""),
    B_LIT("_utf8mb4\"a\"\"b\""),
    B_LIT("{a 1}"),
    B_LIT("{"),
    B_LIT("a.*"),
    B_LIT("t.*"),
    B_LIT("t . *"),
    B_LIT("*"),
    B_LIT("t.\x83\x5C"),
    B_LIT("t.\xBF\x60"),
    B_LIT("t . \x83\x5C"),
    B_LIT("1\x83\x5C"),
    B_LIT("1a\xBF|2"),
    B_LIT("@\x83|1"),
    B_LIT("@\x83\x83"),
    B_LIT("@\xE9"),
    B_LIT("\x83\x5C.a"),
    B_LIT("\x83\x5C.\x83\x5C"),
    B_LIT("t.\x81\x30\x81\x30"),
    B_LIT("!!1"),
    B_LIT("1+!<2"),
    B_LIT("1>!2"),
};

/* After AS. */
static const b_slice aliases[] = {
    B_LIT("z"),
    B_LIT("`z`"),
    B_LIT("`z``z`"),
    B_LIT("'z'"),
    B_LIT("'z''z'"),
    B_LIT("'z\\'z'"),
    B_LIT("\"z\""),
    B_LIT("\"z\"\"z\""),
    B_LIT("`\xBF\x60`"),
    B_LIT("`\x81\x60`"),
    B_LIT("`a``\x81\x60z`"),
    B_LIT("`\xBF\x5C`"),
    B_LIT("`\xE9`"),
    B_LIT("\xE9"),
    B_LIT("\xE9t\xE9"),
    B_LIT("\xB0\xA1"),
    B_LIT("\x83\x5C"),
    B_LIT("\x83\x5C\x83\x5C"),
    B_LIT("\xA4\x40"),
    B_LIT("\x81\x30\x81\x30"),
    B_LIT("\xC3\xA9t\xC3\xA9"),
    B_LIT("`\xC3\xA9`"),
    B_LIT("\xE3\x81\x82"),
    B_LIT("`\xF0\x9F\x98\x80`"),
    B_LIT("\xF0\x9F\x98\x80"),
    B_LIT("\x8F\xA2\xB7"),
    B_LIT("\x8E\xB1"),
    B_LIT("\xB1\xB2"),
    B_LIT("1z"),
    B_LIT("$z"),
    B_LIT("z$z$"),
    B_LIT("`1`"),
    B_LIT("`\x8F`"),
    B_LIT("z\xA0z"),
    B_LIT("z\x85"),
    B_LIT("`\xA0`"),
    B_LIT("\xD0\xB4"),
    B_LIT("\xC4\xE0"),
    B_LIT("`\xC4\xE0`"),
    B_LIT("0z"),
    B_LIT("0xg"),
    B_LIT("0b2"),
    B_LIT("1ez"),
    B_LIT("e1"),
    B_LIT("`a.b`"),
    B_LIT("`a b`"),
};

/* Bytes that are put in anywhere. */
static const b_slice tricks[] = {
    B_LIT("'"),        B_LIT("\""),       B_LIT("`"),
    B_LIT("\\"),       B_LIT("/*"),       B_LIT("*/"),
    B_LIT("--"),       B_LIT("-- "),      B_LIT("#"),
    B_LIT("\n"),       B_LIT("\0"),       B_LIT(";"),
    B_LIT("@"),        B_LIT("."),        B_LIT("$"),
    B_LIT("e"),        B_LIT("0x"),       B_LIT("/*!"),
    B_LIT("/*!50000"), B_LIT("/*M!"),     B_LIT("\x81"),
    B_LIT("\xBF"),     B_LIT("\xA1"),     B_LIT("\xE0"),
    B_LIT("\xFF"),     B_LIT("\x80"),     B_LIT("\xA0"),
    B_LIT("\x5C\x27"), B_LIT("\x81\x5C"), B_LIT("\x81\x60"),
    B_LIT("\xFE"),     B_LIT("\x8F"),     B_LIT("\x8E"),
    B_LIT("\xC3"),     B_LIT("\xF0\x9F"), B_LIT(" "),
    B_LIT("\t"),       B_LIT("\v"),       B_LIT("\f"),
    B_LIT("\r"),       B_LIT("\x1A"),     B_LIT("\x7F"),
    B_LIT("\x01"),     B_LIT(","),        B_LIT("1"),
    B_LIT("a"),        B_LIT("x'"),       B_LIT("n'"),
    B_LIT("_gbk'"),    B_LIT("/*+"),      B_LIT("?"),
    B_LIT(":"),        B_LIT("->"),       B_LIT("|"),
    B_LIT("("),        B_LIT(")"),        B_LIT("\x84\x31\x95\x33"),
};

static const b_slice gaps[] = {
    B_LIT(""),          B_LIT(" "),         B_LIT(" "),      B_LIT("\n"),          B_LIT("\t"),
    B_LIT("/**/"),      B_LIT(" /* x */ "), B_LIT("-- x\n"), B_LIT("#x\n"),        B_LIT("\f"),
    B_LIT("\v"),        B_LIT("\r\n"),      B_LIT("/*!*/"),  B_LIT("/*!50000 */"), B_LIT("/* \xBF\x5C */"),
    B_LIT("/* \x81*/"), B_LIT("-- \x81\n"),
};

#define PICK(from) (from)[dt_random(random, sizeof(from) / sizeof *(from))]

static void gap(uint64_t *random, b_buf *out)
{
    b_slice s = PICK(gaps);
    b_buf_slice(out, dt_random(random, 3) > 0 ? B_LIT(" ") : s);
}

static void item(uint64_t *random, b_buf *out)
{
    b_slice s = PICK(items);
    b_buf_slice(out, s);
    if (dt_random(random, 4) == 0) {
        static const char *const ops[] = {"+", "=", " AND ", "||", "-",  " LIKE ",
                                          "*", "/", "<",     " ",  "->", "."};
        gap(random, out);
        b_buf_str(out, PICK(ops));
        gap(random, out);
        s = PICK(items);
        b_buf_slice(out, s);
    }
    if (dt_random(random, 3) > 0) return;
    gap(random, out);
    if (dt_random(random, 4) > 0) b_buf_str(out, "AS ");
    gap(random, out);
    s = PICK(aliases);
    b_buf_slice(out, s);
}

/* A few bytes put in, taken out, exchanged. */
static void disturb(uint64_t *random, b_buf *out)
{
    b_buf copy = {0};
    size_t at = out->n == 0 ? 0 : dt_random(random, (unsigned)out->n);
    size_t drop = dt_random(random, 3);
    b_slice s = PICK(tricks);
    if (drop > out->n - at) drop = out->n - at;
    if (dt_random(random, 4) == 0) s.n = 0;
    b_buf_add(&copy, out->p, at);
    b_buf_slice(&copy, s);
    b_buf_add(&copy, out->p + at + drop, out->n - at - drop);
    b_buf_clear(out);
    b_buf_slice(out, b_buf_view(&copy));
    b_buf_deinit(&copy);
}

void lx_generate(uint64_t *random, b_buf *out)
{
    b_buf list = {0};
    unsigned n = 1 + dt_random(random, 4);
    for (unsigned i = 0; i < n; i++) {
        if (i > 0) b_buf_str(&list, ",");
        gap(random, &list);
        item(random, &list);
    }
    for (unsigned k = dt_random(random, 4); k > 1; k--) disturb(random, &list);
    b_buf_str(out, "SELECT ");
    b_buf_slice(out, b_buf_view(&list));
    gap(random, out);
    if (dt_random(random, 4) > 0) b_buf_str(out, " FROM t");
    if (dt_random(random, 8) == 0) b_buf_str(out, "; SELECT 4711");
    b_buf_deinit(&list);
}
