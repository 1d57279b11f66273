#include "words.h"

typedef struct word_info {
    const char *text;
    uint8_t len, reserved;
} word_info;

static const word_info words[] = {{"", 0, 0},
#define WORD_INFO(word, reserved) {#word, sizeof #word - 1, reserved},
                                  RW_WORD_LIST(WORD_INFO)
#undef WORD_INFO
};

static const char *const ops[] = {"",
#define OP_TEXT(name, text) text,
                                  RW_OP_LIST(OP_TEXT)
#undef OP_TEXT
};

/* The first word that begins with each letter or a later one, and the end. */
static const uint16_t first[27] = {
    RW_W_ABSENT,   RW_W_BACKUP,  RW_W_CACHE,   RW_W_DATA,  RW_W_EACH,     RW_W_FACTOR, RW_W_GENERAL,
    RW_W_HANDLER,  RW_W_ID,      RW_W_JOIN,    RW_W_KEY,   RW_W_LAG,      RW_W_MANUAL, RW_W_NAME,
    RW_W_OF,       RW_W_PACKAGE, RW_W_QUALIFY, RW_W_RAISE, RW_W_S3,       RW_W_TABLE,  RW_W_UNBOUNDED,
    RW_W_VALIDATE, RW_W_WAIT,    RW_W_X509,    RW_W_YEAR,  RW_W_ZEROFILL, RW_WORD_END,
};

enum { LONGEST_WORD = 40 };

rw_word rw__word_find(const char *p, size_t n)
{
    if (n < 2 || n > LONGEST_WORD) return RW_WORD_NONE; /* none has one letter */
    unsigned letter = (unsigned)(b_lower(p[0]) - 'a');
    if (letter > 25) return RW_WORD_NONE;
    unsigned lo = first[letter], hi = first[letter + 1];
    char upper[LONGEST_WORD];
    for (size_t i = 0; i < n; i++) upper[i] = p[i] >= 'a' && p[i] <= 'z' ? (char)(p[i] - ('a' - 'A')) : p[i];
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        const word_info *w = &words[mid];
        int c = upper[1] - w->text[1]; /* the second letter tells most apart */
        if (c == 0) c = memcmp(upper, w->text, n < w->len ? n : w->len);
        if (c == 0) c = (int)n - (int)w->len;
        if (c == 0) return (rw_word)mid;
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return RW_WORD_NONE;
}

bool rw__word_reserved(uint16_t word, rw_server server)
{
    if (word >= RW_WORD_END) return false;
    return (words[word].reserved & (server.flavour == RW_MYSQL ? 1 : 2)) != 0;
}

bool rw__word_no_alias(uint16_t word, rw_server server)
{
    if (rw__word_reserved(word, server) || word == RW_W_SOUNDS) return true;
    return word == RW_W_MEMBER && server.flavour == RW_MYSQL;
}

bool rw__word_no_table_alias(uint16_t word, rw_server server)
{
    return rw__word_reserved(word, server) || word == RW_W_WINDOW;
}

const char *rw__word_text(uint16_t word)
{
    if (word < RW_WORD_END) return words[word].text;
    unsigned op = (unsigned)word - RW_OP_NONE;
    return word >= RW_OP_NONE && op < sizeof ops / sizeof ops[0] ? ops[op] : "";
}
