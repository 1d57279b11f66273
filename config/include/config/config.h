/* Configuration: a YAML file to an immutable snapshot.
 *
 * A snapshot is made whole or not at all; a failed reload leaves the one before in force. Every diagnostic
 * says file:line, the problem and the remedy. Reference: docs/config.md. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/buf.h"
#include "base/log.h"
#include "base/status.h"
#include "config/pace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum cfg_version { CFG_VERSION_OLD, CFG_VERSION_NEW, CFG_VERSION_BOTH } cfg_version;
typedef enum cfg_role { CFG_ROLE_READ_ONLY, CFG_ROLE_OPERATOR } cfg_role;
typedef enum cfg_strategy { CFG_STRATEGY_DUAL_WRITE, CFG_STRATEGY_INSTANT_RENAME } cfg_strategy;

/* What looks after writes that bypass the proxy. */
typedef enum cfg_guard { CFG_GUARD_NONE, CFG_GUARD_WATCH, CFG_GUARD_TRIGGERS } cfg_guard;

typedef enum cfg_tls_offer { CFG_TLS_OFF, CFG_TLS_OFFERED, CFG_TLS_REQUIRED } cfg_tls_offer;
typedef enum cfg_tls_version { CFG_TLS_1_2, CFG_TLS_1_3 } cfg_tls_version;
typedef enum cfg_tls_mode {
    CFG_TLS_AS_CLIENT, /* TLS to the backend for clients that came with TLS, where it has any */
    CFG_TLS_DISABLED,
    CFG_TLS_PREFERRED, /* where the backend has it */
    CFG_TLS_MUST,
    CFG_TLS_VERIFY_CA,
    CFG_TLS_VERIFY_IDENTITY
} cfg_tls_mode;

/* One side of TLS: the proxy's own certificate, whom it believes, what it agrees to. NULL: not given. */
typedef struct cfg_tls {
    char *certificate, *key; /* PEM files; the key may be in the certificate's */
    char *ca;                /* PEM file */
    char *ciphers, *ciphersuites;
    cfg_tls_version min_version, max_version;
} cfg_tls;

typedef struct cfg_address {
    char *text; /* as written */
    char *host; /* "127.0.0.1", "::1"; NULL for a unix socket */
    char *path; /* unix socket; NULL for TCP */
    uint16_t port;
} cfg_address;

typedef struct cfg_network {
    unsigned char address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;             /* of 128 */
} cfg_network;

typedef enum cfg_compression {
    CFG_COMPRESSION_OFF,
    CFG_COMPRESSION_ZLIB,
    CFG_COMPRESSION_ZSTD,
    CFG_COMPRESSION_BOTH
} cfg_compression;

typedef enum cfg_socket_mode { CFG_SOCKET_ALL, CFG_SOCKET_GROUP, CFG_SOCKET_OWNER } cfg_socket_mode;

typedef struct cfg_listener {
    cfg_address address;
    cfg_version schema_version;
    cfg_socket_mode socket_mode; /* who may connect to a unix socket */
    cfg_compression compression; /* that clients are offered */
    bool proxy_protocol;         /* each connection begins with a header of the PROXY protocol */
    cfg_network *proxy_protocol_from;
    size_t nproxy_protocol_from; /* 0: everybody may send it */
    cfg_tls_offer tls;
} cfg_listener;

typedef struct cfg_admin_user {
    char *name, *password;
    cfg_role role;
} cfg_admin_user;

typedef struct cfg_server { /* backend or replica; what a replica does not say is as for the backend */
    cfg_address address;
    char *user, *password;
    cfg_compression compression; /* backend: that is asked for; never BOTH */
    unsigned proxy_protocol;     /* backend: 0, or the version of the header that a session begins with */
    cfg_tls_mode tls_mode;
    cfg_tls tls;
    char *public_key; /* PEM file: its RSA key for passwords; NULL: it is asked for it */
    bool tls_given;   /* a replica without takes the backend's */
} cfg_server;

typedef struct cfg_user {
    char *name;
    cfg_version schema_version;
} cfg_user;

/* Where several entries have one column in common, the first has both names and the expressions of both; in
 * the others that name is NULL, and in `common`. */
typedef struct cfg_pair {
    char *from, *to;        /* one of them may be NULL */
    char *type, *up, *down; /* NULL where not given */
    char *common;
    bool one_way; /* the new value is computed, and nothing says how the old one is made of it */
} cfg_pair;

typedef struct cfg_migration {
    char *name;
    char *schema, *table; /* of `table: shop.transactions` */
    cfg_strategy strategy;
    cfg_pair *columns;
    size_t ncolumns;
    cfg_pace pace;
    uint32_t observe_days; /* default 7 */
    char *time_zone;       /* NULL: SYSTEM; in which a DATETIME and a TIMESTAMP mean the same */
    uint32_t gate_ms;      /* instant_rename: longest hold of statements; default 1000 */
    cfg_guard guard;
    bool guard_repair; /* watch: rows that it finds are made right */
    char *source;      /* the YAML text it was read from, for the record in the database */
    char *file;        /* where it was read; "" for APPLY MIGRATION '…' */
    unsigned line;
} cfg_migration;

typedef enum cfg_rule_action {
    CFG_RULE_REWRITE,
    CFG_RULE_REFUSE,
    CFG_RULE_LOG,
    CFG_RULE_COUNT
} cfg_rule_action;
typedef enum cfg_rule_on_error { CFG_RULE_ERROR_REFUSE, CFG_RULE_ERROR_PASS } cfg_rule_on_error;

typedef struct cfg_rule { /* a regex rule; texts are NULL where not given */
    char *name;
    uint32_t order; /* default 1000 */
    bool enabled, chain;
    char *user, *schema, *program, *digest, *digest_text, *text;
    cfg_rule_action action;
    char *replace, *message;
    cfg_rule_on_error on_error;
    uint32_t max_bytes; /* default 65536 */
    char *file;         /* where it was read; "" for CREATE RULE '…' */
    unsigned line;
} cfg_rule;

typedef struct cfg_hook { /* a command, or an address that is sent JSON; one of them may be NULL */
    char *on;             /* words by commas: phase, failure, gate, throttle, done, all */
    char *command, *url;
    uint32_t timeout_ms; /* default 5000 */
} cfg_hook;

typedef struct cfg_config {
    char *file;
    cfg_listener *listeners;
    size_t nlisteners;
    cfg_tls tls;   /* of listeners and the admin port; ca: of client certificates */
    char *rsa_key; /* PEM file: the private key that clients without TLS encrypt passwords for; NULL: made */
    cfg_address admin;
    cfg_tls_offer admin_tls;
    cfg_admin_user *admin_users;
    size_t nadmin_users;
    cfg_server backend;
    cfg_server *replicas;
    size_t nreplicas;
    unsigned threads; /* event loops; `auto` = one a core, already resolved */
    cfg_user *users;
    size_t nusers;
    cfg_hook *hooks;
    size_t nhooks;
    char *migrations_dir;       /* absolute, or NULL */
    cfg_migration **migrations; /* inline ones, then those of the folder in order of file name */
    size_t nmigrations;
    cfg_rule **rules;
    size_t nrules;
    /* limits: */
    uint64_t max_statement_bytes;     /* default 64 MiB: longest statement that is buffered */
    uint64_t max_buffer_bytes;        /* default 1 MiB: bytes waiting a direction before reading stops */
    uint32_t max_connections;         /* default 10000 */
    uint32_t max_user_connections;    /* of one user; default 0: no limit */
    uint32_t max_address_connections; /* from one address; default 0: no limit */
    uint32_t max_prepared_statements; /* of one session; default 16384 */
    uint64_t max_session_bytes;    /* default 128 MiB: a session's prepared statements and their long data */
    uint32_t idle_timeout_ms;      /* default 0: none */
    uint32_t connect_timeout_ms;   /* default 5000: to the backend */
    uint32_t handshake_timeout_ms; /* default 10000: for a client to log in */
    uint32_t drain_timeout_ms;     /* default 10000: at SIGTERM */
    uint32_t phase_timeout_ms;     /* default 30000: how long a phase change waits for older epochs */
    uint32_t plan_cache_entries;   /* default 4096, each thread */
    uint32_t lease_ms;             /* default 10000: an instance that is silent for longer is expired */
    uint32_t poll_ms;              /* default 100: how often an instance looks for a new epoch */
    b_level log_level;             /* default info */
    char *log_file;                /* NULL: standard error */
    b_log_format log_format;       /* default B_LOG_TEXT */
    uint32_t log_slow_ms;          /* default 0: no statement is slow */
    bool log_refused;              /* refused statements are logged */
    unsigned log_sql;              /* 1: with their literals */
    char *backup_command;          /* preflight: or NULL */
    uint32_t backup_timeout_ms;    /* default 10000 */
    uint32_t rehearsal_days;       /* default 0: not asked for */
    bool alerts_required;
    char *takeover_socket;       /* absolute, or NULL */
    uint32_t takeover_drain_ms;  /* default 600000: for sessions after a takeover */
    unsigned refuse_replication; /* 1: COM_BINLOG_DUMP and its like are refused */
} cfg_config;

/* Reads file and all it names. On failure returns NULL and *diag holds one line a problem (all that were
 * found, 20 at most): `file:line: problem; remedy`. Warnings may be in *diag on success, too. */
cfg_config *cfg_load(const char *file, b_buf *diag);
void cfg_free(cfg_config *c); /* wipes passwords; NULL is fine */

/* One migration from YAML text. name_for_errors: file name, or "APPLY MIGRATION". line: of its first line. */
cfg_migration *cfg_migration_parse(const char *text, size_t n, const char *name_for_errors, b_buf *diag);
cfg_migration *cfg_migration_load(const char *file, b_buf *diag);
void cfg_migration_free(cfg_migration *m);
void cfg_migration_emit(const cfg_migration *m, b_buf *out); /* as YAML that reads back as the same */
const char *cfg_guard_name(cfg_guard g);
bool cfg_guard_parse(const char *text, cfg_guard *out); /* false: there is no such guard */

/* One regex rule from YAML text. That its patterns can be compiled is not looked at here. */
cfg_rule *cfg_rule_parse(const char *text, size_t n, const char *name_for_errors, b_buf *diag);
void cfg_rule_free(cfg_rule *r);

/* Parses "host:port", "[v6]:port", or "/path/to.sock" (also "unix:/path"). */
b_status cfg_address_parse(const char *text, cfg_address *out, b_err *err) B_MUSTCHECK;
void cfg_address_deinit(cfg_address *a);

/* Parses "10.0.0.0/8" or "::1"; bits beyond the length must be 0. */
b_status cfg_network_parse(const char *text, cfg_network *out, b_err *err) B_MUSTCHECK;
/* address: as in cfg_network. */
bool cfg_network_has(const cfg_network *n, const unsigned char address[16]);

const char *cfg_version_name(cfg_version v);

/* Keys, for docs and the lint test: one line each, `path<TAB>type<TAB>default<TAB>meaning`. */
void cfg_describe(b_buf *out);

#endif
