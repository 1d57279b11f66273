/* The binary log's decoder on any bytes: a table map, then an event of rows by it. The first byte says where
 * the one ends. No length may be believed, and rows end. */
#include "binlog.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void literals(const mig__map *m, const mig__value *v, size_t n)
{
    for (size_t i = 0; i < n && i < m->n; i++)
        for (int kind = MIG__LIT_NONE; kind <= MIG__LIT_BINARY; kind++) {
            b_buf out = {0};
            mig__literal how = {(mig__literal_kind)kind, "utf8mb4", "utf8mb4_bin"};
            if (v[i].present && !v[i].null) (void)mig__binlog_literal(&m->columns[i], &how, v[i].bytes, &out);
            b_buf_deinit(&out);
        }
}

static void rows(const mig__event_head *h, const mig__map *m)
{
    mig__rows r;
    b_err err;
    bool more = true;
    mig__value *before = calloc(MIG__MAP_COLUMNS, sizeof *before),
               *after = calloc(MIG__MAP_COLUMNS, sizeof *after);
    if (before == NULL || after == NULL || mig__binlog_rows(h, &r, &err) != B_OK) more = false;
    while (more && mig__binlog_row(&r, m, before, after, &more, &err) == B_OK && more)
        literals(m, after, r.n);
    free(before), free(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mig__event_head h;
    mig__map m;
    mig__text text;
    b_err err;
    uint64_t position;
    b_slice file;
    size_t at = size == 0 ? 0 : (size_t)data[0] + 1;
    if (at == 0 || at > size) return 0;
    b_slice first = b_slice_of((const char *)data + 1, at - 1),
            second = b_slice_of((const char *)data + at, size - at);
    if (!mig__binlog_head(first, (size & 1) != 0, &h)) return 0;
    (void)mig__binlog_rotate(h.whole, &position, &file);
    (void)mig__binlog_checksums(first);
    (void)mig__binlog_text(&h, &text, &err);
    if (mig__binlog_map(h.body, &m, &err) != B_OK) return 0;
    if (mig__binlog_head(second, (size & 1) != 0, &h)) rows(&h, &m);
    mig__map_deinit(&m);
    return 0;
}
