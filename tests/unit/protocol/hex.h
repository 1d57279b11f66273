/* Byte strings for the tests, written as hex digits, with spaces between where they help reading.
 *
 * Every string gets an allocation of exactly its size, so that a sanitizer sees a read past its end. */
#ifndef TESTS_HEX_H
#define TESTS_HEX_H

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The caller frees .p. */
static inline b_slice hex_new(const char *text)
{
    char *p = malloc(strlen(text) / 2 + 1);
    size_t n = 0;
    assert_non_null(p);
    while (*text != '\0') {
        if (*text == ' ') {
            text++;
            continue;
        }
        int high = hex_digit(text[0]), low = hex_digit(text[1]);
        assert_true(high >= 0 && low >= 0);
        p[n++] = (char)(high << 4 | low);
        text += 2;
    }
    char *exact = malloc(n == 0 ? 1 : n);
    assert_non_null(exact);
    memcpy(exact, p, n);
    free(p);
    return b_slice_of(exact, n);
}

static inline void hex_free(b_slice s)
{
    free((void *)(uintptr_t)s.p);
}

/* A copy of the first n bytes, in exactly n bytes. */
static inline b_slice exact_copy(b_slice s, size_t n)
{
    char *p = malloc(n == 0 ? 1 : n);
    assert_non_null(p);
    if (n > 0) memcpy(p, s.p, n);
    return b_slice_of(p, n);
}

static inline void assert_slice(b_slice got, b_slice want, const char *what)
{
    if (!b_slice_eq(got, want)) fail_msg("%s: got '%.*s', want '%.*s'", what, B_ARG(got), B_ARG(want));
}

static inline void assert_hex(b_slice got, const char *want, const char *what)
{
    b_slice w = hex_new(want);
    b_buf text = {0};
    for (size_t i = 0; i < got.n; i++) b_buf_printf(&text, "%02x", (unsigned char)got.p[i]);
    if (!b_slice_eq(got, w)) fail_msg("%s: got %s, want %s", what, b_buf_cstr(&text), want);
    b_buf_deinit(&text);
    hex_free(w);
}

#endif
