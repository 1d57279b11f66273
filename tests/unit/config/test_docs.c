/* Every key of the configuration is in docs/config.md, every key of a definition in docs/migrations.md. */
#include "document.h"

#include "config/config.h"

#include <stdlib.h>
#include <string.h>

/* A table row that begins with the key and also has its default. */
static int missing_from(const char *doc, const char *file, const char *key, const char *def)
{
    char want[512];
    snprintf(want, sizeof want, "| `%s` |", key);
    const char *at = strstr(doc, want);
    if (at == NULL) {
        print_error("docs/%s has no row for `%s`\n", file, key);
        return 1;
    }
    const char *end = strchr(at, '\n');
    snprintf(want, sizeof want, "| %s |", def);
    const char *found = strstr(at, want);
    if (found != NULL && end != NULL && found < end) return 0;
    print_error("docs/%s: the row of `%s` does not have its default \"%s\"\n", file, key, def);
    return 1;
}

static void every_key_is_documented(void **state)
{
    (void)state;
    char *config = document_read(STRADDLE_SOURCE_DIR, "config.md"),
         *migrations = document_read(STRADDLE_SOURCE_DIR, "migrations.md");
    b_buf keys = {0};
    int missing = 0, seen = 0;
    static const char inline_prefix[] = "migrations[].";
    cfg_describe(&keys);
    for (char *line = strtok(keys.p, "\n"); line != NULL; line = strtok(NULL, "\n"), seen++) {
        char *type = strchr(line, '\t'), *def = type == NULL ? NULL : strchr(type + 1, '\t');
        assert_non_null(def);
        *type = '\0';
        def++;
        *strchr(def, '\t') = '\0';
        bool inside = strncmp(line, inline_prefix, sizeof inline_prefix - 1) == 0;
        missing += inside ? missing_from(migrations, "migrations.md", line + sizeof inline_prefix - 1, def)
                          : missing_from(config, "config.md", line, def);
    }
    assert_true(seen > 40);
    assert_int_equal(missing, 0);
    b_buf_deinit(&keys);
    free(config);
    free(migrations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_key_is_documented)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
