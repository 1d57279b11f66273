/* The text of a document of this project, for the tests that ask whether it keeps up. */
#ifndef UNIT_DOCUMENT_H
#define UNIT_DOCUMENT_H

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

/* docs/NAME below root; freed by the caller. Fails the test where it cannot be read. */
static inline char *document_read(const char *root, const char *name)
{
    char path[1024], chunk[4096];
    snprintf(path, sizeof path, "%s/docs/%s", root, name);
    FILE *f = fopen(path, "r");
    if (f == NULL) fail_msg("cannot open %s", path);
    b_buf text = {0};
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;) b_buf_add(&text, chunk, n);
    fclose(f);
    return text.p;
}

#endif
