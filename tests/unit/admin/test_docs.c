/* Every command and every column of an answer is in docs/admin.md, each column with a row in the command's
 * table. */
#include "document.h"

#include "admin/console.h"

#include <stdlib.h>
#include <string.h>

/* The part of the document about that command, or NULL. */
static char *section(const char *doc, const char *form)
{
    char head[256];
    snprintf(head, sizeof head, "### `%s`\n", form);
    const char *at = strstr(doc, head);
    if (at == NULL) return NULL;
    at += strlen(head);
    const char *end = strstr(at, "\n##");
    return end == NULL ? strdup(at) : strndup(at, (size_t)(end - at));
}

static int missing_columns(const char *part, const char *form, const char *columns)
{
    int missing = 0;
    char list[512], want[128];
    snprintf(list, sizeof list, "%s", columns);
    for (char *c = strtok(list, ","); c != NULL; c = strtok(NULL, ",")) {
        snprintf(want, sizeof want, "| `%s` |", c);
        if (strstr(part, want) != NULL) continue;
        print_error("docs/admin.md: `%s` has no row for its column `%s`\n", form, c);
        missing++;
    }
    return missing;
}

static void every_command_and_column_is_documented(void **state)
{
    (void)state;
    char *doc = document_read(STRADDLE_SOURCE_DIR, "admin.md");
    b_table *t = b_table_new();
    int missing = 0;
    adm_describe(t);
    assert_true(b_table_rows(t) > 25);
    for (size_t r = 0; r < b_table_rows(t); r++) {
        const char *form = b_table_cell(t, r, 0).p, *role = b_table_cell(t, r, 1).p;
        char *part = section(doc, form), want[64];
        if (part == NULL) {
            print_error("docs/admin.md has no section ### `%s`\n", form);
            missing++;
            continue;
        }
        snprintf(want, sizeof want, "Role `%s`", role);
        if (strncmp(part, want, strlen(want)) != 0) {
            print_error("docs/admin.md: `%s` does not begin with its role, %s\n", form, role);
            missing++;
        }
        missing += missing_columns(part, form, b_table_cell(t, r, 2).p);
        free(part);
    }
    b_table_free(t);
    free(doc);
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_command_and_column_is_documented)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
