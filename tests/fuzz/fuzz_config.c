/* The reader of configuration files: migrations, regex rules, addresses, and a whole straddle.yaml, from any
 * bytes. What is refused has said why, what is taken can be let go again.
 *
 * Byte 0 picks what is read. */
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) abort();
}

static bool read_migration(const char *text, size_t n, b_buf *diag)
{
    cfg_migration *m = cfg_migration_parse(text, n, "fuzz", diag);
    if (m != NULL) require(m->name != NULL && m->schema != NULL && m->table != NULL);
    cfg_migration_free(m);
    return m != NULL;
}

static bool read_rule(const char *text, size_t n, b_buf *diag)
{
    cfg_rule *r = cfg_rule_parse(text, n, "fuzz", diag);
    cfg_rule_free(r);
    return r != NULL;
}

static bool read_address(const char *text, size_t n, b_buf *diag)
{
    cfg_address a = {0};
    cfg_network network = {0};
    b_err err = {0};
    char *s = strndup(text, n);
    require(s != NULL);
    bool ok = cfg_address_parse(s, &a, &err) == B_OK;
    if (ok) cfg_address_deinit(&a);
    if (cfg_network_parse(s, &network, &err) == B_OK) (void)cfg_network_has(&network, network.address);
    free(s);
    if (!ok) b_buf_str(diag, "no address");
    return ok;
}

/* A file in memory: the reader wants a name. */
static bool read_file(const char *text, size_t n, b_buf *diag)
{
    static char name[64];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("straddle.yaml", 0);
        require(fd >= 0);
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    }
    require(ftruncate(fd, 0) == 0 && pwrite(fd, text, n, 0) == (ssize_t)n);
    cfg_config *c = cfg_load(name, diag);
    cfg_free(c);
    return c != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool (*const readers[])(const char *, size_t, b_buf *) = {read_migration, read_rule, read_address,
                                                                     read_file};
    if (size < 1) return 0;
    b_buf diag = {0};
    char *text = malloc(size); /* one byte more than its size, so that it is never 0 */
    require(text != NULL);
    memcpy(text, data + 1, size - 1);
    bool ok = readers[data[0] % 4](text, size - 1, &diag);
    require(ok || diag.n > 0);
    free(text);
    b_buf_deinit(&diag);
    return 0;
}
