/* Reads a YAML tree into an object by its table of keys. Knows the types, not what the keys mean together:
 * that is checked afterwards. One thread. */
#ifndef CONFIG_READER_H
#define CONFIG_READER_H

#include "schema.h"

typedef struct cfg__reader {
    const char *file; /* for messages */
    const char *dir;  /* folder that relative paths start from */
    cfg__diag *diag;
} cfg__reader;

/* Fills the zeroed object. Problems are in r->diag; what was read before them stays in the object. */
void cfg__read_map(const cfg__reader *r, const cfg__node *node, const cfg__map *map, void *object);

/* strdup that reports. */
char *cfg__dup(const cfg__reader *r, const char *s);
void cfg__no_memory(const cfg__reader *r); /* that is a problem of the file */

/* secret.c: the password that a key gives, new; NULL after a problem. */
char *cfg__secret(const cfg__reader *r, const cfg__key *k, const cfg__node *node);

/* Reports a name that has other characters than letters, digits and _. what: "migration". */
void cfg__check_name(const cfg__reader *r, const cfg__node *node, const char *what, const char *name);

/* migration.c: checks what one key alone cannot show. node: the map it was read from. */
void cfg__migration_check(const cfg__reader *r, const cfg__node *node, cfg_migration *m);
/* rule.c: the same for a regex rule. */
void cfg__rule_check(const cfg__reader *r, const cfg__node *node, cfg_rule *rule);
/* Reads all definition files of c->migrations_dir into c. line: of the key, for messages. */
void cfg__migrations_folder(const cfg__reader *r, unsigned line, cfg_config *c);

/* file.c */
enum { CFG__MAX_FILE = 4 << 20 }; /* bytes */
bool cfg__slurp(const char *file, b_buf *out, b_err *err) B_MUSTCHECK;
char *cfg__dir_of(const char *file);                   /* new; "." where it has none */
char *cfg__resolve(const char *dir, const char *file); /* new; absolute where it can be made so */

/* free.c */
void cfg__migration_deinit(cfg_migration *m);
void cfg__rule_deinit(cfg_rule *r);
void cfg__config_deinit(cfg_config *c);

#endif
