/* See skeleton.h. */
#include "skeleton.h"

/* What a byte is to this scan. */
typedef enum kind {
    WORD,  /* of a name, a digit first or not; bytes over 0x7F, too */
    DIGIT, /* these two are the first: in_word() */
    ODD,   /* gives no skeleton: control characters, `#`, backslashes, brackets */
    SPACE,
    OP,     /* an operator after which a literal is a value */
    OTHER,  /* one after which it is not, or may not be */
    END,    /* `;` */
    TEXT,   /* ' */
    DOUBLE, /* " */
    NAME,   /* ` */
    MINUS,
    SLASH,
    AT,
} kind;

#define FOUR(k) k, k, k, k
#define EIGHT(k) FOUR(k), FOUR(k)
#define SIXTEEN(k) EIGHT(k), EIGHT(k)

/* clang-format off */
static const uint8_t kinds[256] = {
    EIGHT(ODD), ODD, SPACE, SPACE, SPACE, SPACE, SPACE, ODD, ODD, SIXTEEN(ODD),
    SPACE, OP, DOUBLE, ODD, WORD, OP, OP, TEXT, OP, OTHER, OTHER, OP, OP, MINUS, OTHER, SLASH, /* to / */
    EIGHT(DIGIT), DIGIT, DIGIT, OP, END, OP, OP, OP, OTHER,
    AT, WORD, WORD, WORD, FOUR(WORD), EIGHT(WORD),
    EIGHT(WORD), WORD, WORD, WORD, ODD, ODD, ODD, OP, WORD,
    NAME, WORD, WORD, WORD, FOUR(WORD), EIGHT(WORD),
    EIGHT(WORD), WORD, WORD, WORD, OTHER, OP, OTHER, OP, ODD,
    SIXTEEN(WORD), SIXTEEN(WORD), SIXTEEN(WORD), SIXTEEN(WORD),
    SIXTEEN(WORD), SIXTEEN(WORD), SIXTEEN(WORD), SIXTEEN(WORD),
};
/* clang-format on */

/* What stands in the place of a value, by what it begins with. No skeleton has these bytes otherwise. */
enum { MARK_NUMBER = 1, MARK_TEXT = 2, MARK_DOUBLE = 3 };

/* What stands before the place at hand. */
typedef enum before { BEFORE_OTHER, BEFORE_OP, BEFORE_WORD } before;

typedef struct scan {
    const char *p;
    uint32_t n, at;
    uint32_t from; /* the bytes from here on are not yet in the skeleton */
    before before;
    uint32_t word, word_end; /* BEFORE_WORD */
    bool list;               /* after BY: numbers may be ordinals */
    bool escapes, ansi;
    rw_skeleton *out;
} scan;

/* Words after which a literal is a value, and those that end a list after BY. They are reserved on both
 * servers: a text after a name is an alias. OFFSET may be a name, but then no number follows. */
static const rw_word before_value[] = {RW_W_AND,    RW_W_LIKE,    RW_W_OR,   RW_W_BETWEEN, RW_W_WHERE,
                                       RW_W_LIMIT,  RW_W_THEN,    RW_W_WHEN, RW_W_ELSE,    RW_W_NOT,
                                       RW_W_DIV,    RW_W_MOD,     RW_W_XOR,  RW_W_REGEXP,  RW_W_RLIKE,
                                       RW_W_HAVING, RW_W_INTERVAL};
static const rw_word before_number[] = {RW_W_OFFSET};
static const rw_word after_list[] = {RW_W_LIMIT, RW_W_HAVING, RW_W_VALUES, RW_W_WHERE};
#define COUNT(a) (sizeof(a) / sizeof *(a))

static bool is_among(rw_word w, const rw_word *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (words[i] == w) return true;
    return false;
}

bool rw__value_follows(rw_word w)
{
    return is_among(w, before_value, COUNT(before_value));
}

bool rw__number_follows(rw_word w)
{
    return is_among(w, before_number, COUNT(before_number));
}

bool rw__ends_list(rw_word w)
{
    return is_among(w, after_list, COUNT(after_list));
}

/* The same of a word's text: cheaper than to find which word it is. */
static bool text_among(const char *p, size_t len, const rw_word *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *text = rw__word_text((uint16_t)words[i]);
        if ((p[0] & 0x5F) == text[0] && b_slice_ieq((b_slice){p, len}, b_slice_str(text))) return true;
    }
    return false;
}

static inline kind kind_at(const scan *s, uint32_t at)
{
    return at < s->n ? (kind)kinds[(unsigned char)s->p[at]] : ODD;
}

static inline bool in_word(kind k)
{
    return k <= DIGIT;
}

/* Where the word goes on to. */
static inline uint32_t word_end(const scan *s, uint32_t i)
{
    const char *p = s->p;
    const uint32_t n = s->n;
    while (i < n && in_word((kind)kinds[(unsigned char)p[i]])) i++;
    return i;
}

/* The byte before the word or number at hand makes it part of a longer name. */
static bool joined(const scan *s)
{
    char c = s->at == 0 ? ' ' : s->p[s->at - 1];
    return c == '.' || c == '@' || c == '?';
}

static bool is_value(const scan *s, char mark)
{
    if (s->list) return false;
    if (s->before != BEFORE_WORD) return s->before == BEFORE_OP;
    const char *w = s->p + s->word;
    uint32_t len = s->word_end - s->word;
    return text_among(w, len, before_value, COUNT(before_value)) ||
           (mark == MARK_NUMBER && text_among(w, len, before_number, COUNT(before_number)));
}

static void flush(scan *s, uint32_t to)
{
    memcpy(s->out->text + s->out->n, s->p + s->from, to - s->from);
    s->out->n += to - s->from;
    s->from = to;
}

/* The literal from here to `end`. */
static bool literal(scan *s, uint32_t end, char mark)
{
    rw_skeleton *out = s->out;
    if (is_value(s, mark)) {
        if (out->nvalues == RW_SKELETON_VALUES) return false;
        flush(s, s->at);
        out->text[out->n++] = mark;
        out->values[out->nvalues++] = (rw_value){s->at, end - s->at};
        s->from = end;
    } else {
        for (uint32_t i = s->at; i < end; i++)
            if ((unsigned char)s->p[i] < ' ') return false; /* a mark, for one */
    }
    s->at = end;
    s->before = BEFORE_OTHER;
    return true;
}

static bool text(scan *s, char quote, char mark)
{
    uint32_t i = s->at + 1;
    for (;; i++) {
        while (i < s->n && s->p[i] != quote && s->p[i] != '\\') i++;
        if (i >= s->n) return false;
        if (s->p[i] == '\\') {
            i += s->escapes; /* what it escapes is passed over */
        } else if (i + 1 < s->n && s->p[i + 1] == quote) {
            i++;
        } else {
            return literal(s, i + 1, mark);
        }
    }
}

/* A quoted name. A doubled quote reads as the end of one and the beginning of another. */
static bool name(scan *s, char quote)
{
    uint32_t i = s->at + 1;
    while (i < s->n && s->p[i] != quote && (unsigned char)s->p[i] >= ' ') i++;
    if (i >= s->n || s->p[i] != quote) return false;
    s->at = i + 1;
    s->before = BEFORE_OTHER;
    return true;
}

static bool is_by(const char *p)
{
    return (p[0] | 0x20) == 'b' && (p[1] | 0x20) == 'y';
}

static void word(scan *s)
{
    const char *p = s->p + s->at;
    uint32_t end = word_end(s, s->at + 1), len = end - s->at;
    bool part = joined(s);
    s->word = s->at;
    s->word_end = s->at = end;
    s->before = part ? BEFORE_OTHER : BEFORE_WORD;
    if (part) return;
    if (len == 2 && is_by(p))
        s->list = true;
    else if (s->list && text_among(p, len, after_list, COUNT(after_list)))
        s->list = false;
}

static uint32_t digits(const scan *s, uint32_t i)
{
    while (kind_at(s, i) == DIGIT) i++;
    return i;
}

/* Digits, with a point among them or not. Anything else that begins with a digit stays as it is. */
static bool number(scan *s)
{
    uint32_t end = digits(s, s->at);
    if (end + 1 < s->n && s->p[end] == '.' && kind_at(s, end + 1) == DIGIT) end = digits(s, end + 1);
    if (!joined(s) && !in_word(kind_at(s, end)) && !(end < s->n && s->p[end] == '.'))
        return literal(s, end, MARK_NUMBER);
    s->at = word_end(s, end);
    s->before = BEFORE_OTHER;
    return true;
}

/* The beginning of a comment, or of a quoted variable: what follows is not as it looks. */
static bool misleads(const scan *s, kind k)
{
    char next = s->at + 1 < s->n ? s->p[s->at + 1] : ' ';
    if (k == MINUS) return next == '-';
    if (k == SLASH) return next == '*';
    return next == '\'' || next == '"' || next == '`';
}

static bool one(scan *s)
{
    kind k = kind_at(s, s->at);
    switch (k) {
    case WORD: word(s); return true;
    case SPACE: s->at++; return true;
    case DIGIT: return number(s);
    case ODD: return false;
    case TEXT: return text(s, '\'', MARK_TEXT);
    case DOUBLE: return s->ansi ? name(s, '"') : text(s, '"', MARK_DOUBLE);
    case NAME: return name(s, '`');
    case MINUS:
    case SLASH:
    case AT:
        if (misleads(s, k)) return false;
        break;
    case END: s->list = false; break;
    case OP:
    case OTHER: break;
    }
    s->before = k == OTHER || k == AT ? BEFORE_OTHER : BEFORE_OP;
    s->at++;
    return true;
}

bool rw__skeleton(const rw_ctx *ctx, b_slice sql, rw_skeleton *out)
{
    bool bytes = ctx->charset == RW_CHARSET_SAFE || ctx->charset == RW_CHARSET_SINGLE;
    scan s = {.p = sql.p,
              .n = (uint32_t)sql.n,
              .escapes = (ctx->sql_mode & RW_MODE_NO_BACKSLASH_ESCAPES) == 0,
              .ansi = (ctx->sql_mode & RW_MODE_ANSI_QUOTES) != 0,
              .out = out};
    out->n = out->nvalues = 0;
    if (!bytes || sql.n > RW_SKELETON_BYTES) return false;
    while (s.at < s.n)
        if (!one(&s)) return false;
    flush(&s, s.n);
    return true;
}
