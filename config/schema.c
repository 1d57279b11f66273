#include "schema.h"

#include <inttypes.h>
#include <stdio.h>

#define AT(type, field) offsetof(type, field)
#define MAP_OF(name, text, type, list)                                                                       \
    const cfg__map name = {text, sizeof(type), list, sizeof list / sizeof list[0]}

static const cfg__word versions[] = {
    {"old", CFG_VERSION_OLD}, {"new", CFG_VERSION_NEW}, {"both", CFG_VERSION_BOTH}, {NULL, 0}};
static const cfg__word roles[] = {
    {"read_only", CFG_ROLE_READ_ONLY}, {"operator", CFG_ROLE_OPERATOR}, {NULL, 0}};
static const cfg__word strategies[] = {
    {"dual_write", CFG_STRATEGY_DUAL_WRITE}, {"instant_rename", CFG_STRATEGY_INSTANT_RENAME}, {NULL, 0}};
static const cfg__word guards[] = {
    {"none", CFG_GUARD_NONE}, {"watch", CFG_GUARD_WATCH}, {"triggers", CFG_GUARD_TRIGGERS}, {NULL, 0}};
static const cfg__word socket_modes[] = {
    {"all", CFG_SOCKET_ALL}, {"group", CFG_SOCKET_GROUP}, {"owner", CFG_SOCKET_OWNER}, {NULL, 0}};
static const cfg__word compressions[] = {{"off", CFG_COMPRESSION_OFF},
                                         {"zlib", CFG_COMPRESSION_ZLIB},
                                         {"zstd", CFG_COMPRESSION_ZSTD},
                                         {"both", CFG_COMPRESSION_BOTH},
                                         {NULL, 0}};
static const cfg__word backend_compressions[] = {
    {"off", CFG_COMPRESSION_OFF}, {"zlib", CFG_COMPRESSION_ZLIB}, {"zstd", CFG_COMPRESSION_ZSTD}, {NULL, 0}};
static const cfg__word header_versions[] = {{"off", 0}, {"v1", 1}, {"v2", 2}, {NULL, 0}};
static const cfg__word replications[] = {{"relay", 0}, {"refuse", 1}, {NULL, 0}};
static const cfg__word actions[] = {{"rewrite", CFG_RULE_REWRITE},
                                    {"refuse", CFG_RULE_REFUSE},
                                    {"log", CFG_RULE_LOG},
                                    {"count", CFG_RULE_COUNT},
                                    {NULL, 0}};
static const cfg__word on_errors[] = {
    {"refuse", CFG_RULE_ERROR_REFUSE}, {"pass", CFG_RULE_ERROR_PASS}, {NULL, 0}};
static const cfg__word formats[] = {{"text", B_LOG_TEXT}, {"json", B_LOG_JSON}, {NULL, 0}};
static const cfg__word log_sqls[] = {{"digest", 0}, {"full", 1}, {NULL, 0}};
static const cfg__word levels[] = {
    {"debug", B_DEBUG}, {"info", B_INFO}, {"warn", B_WARN}, {"error", B_ERROR}, {NULL, 0}};

static const cfg__word offers[] = {
    {"off", CFG_TLS_OFF}, {"offered", CFG_TLS_OFFERED}, {"required", CFG_TLS_REQUIRED}, {NULL, 0}};
static const cfg__word modes[] = {{"as_client", CFG_TLS_AS_CLIENT},
                                  {"disabled", CFG_TLS_DISABLED},
                                  {"preferred", CFG_TLS_PREFERRED},
                                  {"required", CFG_TLS_MUST},
                                  {"verify_ca", CFG_TLS_VERIFY_CA},
                                  {"verify_identity", CFG_TLS_VERIFY_IDENTITY},
                                  {NULL, 0}};
static const cfg__word protocols[] = {{"TLSv1.2", CFG_TLS_1_2}, {"TLSv1.3", CFG_TLS_1_3}, {NULL, 0}};

/* What both sides have. */
#define AGREED(type, field)                                                                                  \
    {.name = "min_version",                                                                                  \
     .kind = CFG__WORD,                                                                                      \
     .offset = AT(type, field.min_version),                                                                  \
     .def = "TLSv1.2",                                                                                       \
     .words = protocols,                                                                                     \
     .meaning = "the oldest version of TLS that is agreed to"},                                              \
        {.name = "max_version",                                                                              \
         .kind = CFG__WORD,                                                                                  \
         .offset = AT(type, field.max_version),                                                              \
         .def = "TLSv1.3",                                                                                   \
         .words = protocols,                                                                                 \
         .meaning = "the newest one"},                                                                       \
        {.name = "ciphers",                                                                                  \
         .kind = CFG__TEXT,                                                                                  \
         .offset = AT(type, field.ciphers),                                                                  \
         .meaning = "ciphers of TLSv1.2, as OpenSSL writes them; OpenSSL's own choice where not given"},     \
    {                                                                                                        \
        .name = "ciphersuites", .kind = CFG__TEXT, .offset = AT(type, field.ciphersuites),                   \
        .meaning = "likewise of TLSv1.3"                                                                     \
    }

#define SECRETS(type)                                                                                        \
    {.name = "password",                                                                                     \
     .kind = CFG__SECRET,                                                                                    \
     .offset = AT(type, password),                                                                           \
     .meaning = "the password itself"},                                                                      \
        {.name = "password_env",                                                                             \
         .kind = CFG__SECRET_ENV,                                                                            \
         .offset = AT(type, password),                                                                       \
         .meaning = "name of the environment variable that holds it"},                                       \
    {                                                                                                        \
        .name = "password_file", .kind = CFG__SECRET_FILE, .offset = AT(type, password),                     \
        .meaning = "file that holds it, without its last newline; relative to the configuration file"        \
    }

static const cfg__key listener_keys[] = {
    {.name = "address",
     .kind = CFG__ADDRESS,
     .offset = AT(cfg_listener, address),
     .required = true,
     .meaning = "where applications connect: host:port, [v6]:port, or the path of a unix socket"},
    {.name = "schema_version",
     .kind = CFG__WORD,
     .offset = AT(cfg_listener, schema_version),
     .def = "both",
     .words = versions,
     .meaning = "what clients of this listener believe the table looks like"},
    {.name = "socket_mode",
     .kind = CFG__WORD,
     .offset = AT(cfg_listener, socket_mode),
     .def = "all",
     .words = socket_modes,
     .meaning =
         "who may connect to a unix socket: every user of the machine, the group, or the proxy's own user"},
    {.name = "compression",
     .kind = CFG__WORD,
     .offset = AT(cfg_listener, compression),
     .def = "both",
     .words = compressions,
     .meaning = "compression that clients may ask for"},
    {.name = "proxy_protocol",
     .kind = CFG__BOOL,
     .offset = AT(cfg_listener, proxy_protocol),
     .def = "false",
     .meaning =
         "true: every connection begins with a PROXY protocol header, version 1 or 2, and is its client's"},
    {.name = "proxy_protocol_from",
     .kind = CFG__NETWORKS,
     .offset = AT(cfg_listener, proxy_protocol_from),
     .count = AT(cfg_listener, nproxy_protocol_from),
     .meaning =
         "networks, with commas between, from which such a header is believed; others are refused. Not "
         "given: all"},
    {.name = "tls",
     .kind = CFG__WORD,
     .offset = AT(cfg_listener, tls),
     .def = "offered",
     .words = offers,
     .meaning = "required: a login without TLS is refused unread"},
};
static MAP_OF(listener_map, "a listener", cfg_listener, listener_keys);

static const cfg__key admin_user_keys[] = {
    {.name = "name",
     .kind = CFG__TEXT,
     .offset = AT(cfg_admin_user, name),
     .required = true,
     .meaning = "login name at the admin port"},
    SECRETS(cfg_admin_user),
    {.name = "role",
     .kind = CFG__WORD,
     .offset = AT(cfg_admin_user, role),
     .def = "read_only",
     .words = roles,
     .meaning = "operator may run every command, read_only those that change nothing"},
};
static MAP_OF(admin_user_map, "an admin user", cfg_admin_user, admin_user_keys);

static const cfg__key admin_keys[] = {
    {.name = "address",
     .kind = CFG__ADDRESS,
     .offset = AT(cfg__draft, c.admin),
     .def = "127.0.0.1:6032",
     .meaning = "where the admin port listens"},
    {.name = "allow_remote",
     .kind = CFG__BOOL,
     .offset = AT(cfg__draft, allow_remote),
     .def = "false",
     .meaning = "must be true for an address that is not loopback, where tls is not required"},
    {.name = "tls",
     .kind = CFG__WORD,
     .offset = AT(cfg__draft, c.admin_tls),
     .def = "offered",
     .words = offers,
     .meaning = "as for listeners"},
    {.name = "users",
     .kind = CFG__LIST,
     .offset = AT(cfg__draft, c.admin_users),
     .count = AT(cfg__draft, c.nadmin_users),
     .required = true,
     .map = &admin_user_map,
     .meaning = "who may log in at the admin port"},
};
static MAP_OF(admin_map, "admin", cfg__draft, admin_keys);

static const cfg__key server_tls_keys[] = {
    {.name = "mode",
     .kind = CFG__WORD,
     .offset = AT(cfg_server, tls_mode),
     .def = "as_client",
     .words = modes,
     .meaning = "when its connections have TLS, and what is asked of its certificate; see below"},
    {.name = "ca",
     .kind = CFG__PATH,
     .offset = AT(cfg_server, tls.ca),
     .meaning = "PEM file of who may have signed its certificate; the system's where not given"},
    {.name = "certificate",
     .kind = CFG__PATH,
     .offset = AT(cfg_server, tls.certificate),
     .meaning = "PEM file of the proxy's own certificate, for accounts that require one"},
    {.name = "key",
     .kind = CFG__PATH,
     .offset = AT(cfg_server, tls.key),
     .meaning = "PEM file of its private key; the certificate's file where not given"},
    AGREED(cfg_server, tls),
};
static MAP_OF(server_tls_map, "tls", cfg_server, server_tls_keys);

#define SERVER_TLS                                                                                           \
    {                                                                                                        \
        .name = "tls", .kind = CFG__MAP, .map = &server_tls_map, .meaning = "TLS towards the server"         \
    }

static const cfg__key tls_keys[] = {
    {.name = "certificate",
     .kind = CFG__PATH,
     .offset = AT(cfg__draft, c.tls.certificate),
     .meaning = "PEM file of the certificate that clients see, with its chain; see below where not given"},
    {.name = "key",
     .kind = CFG__PATH,
     .offset = AT(cfg__draft, c.tls.key),
     .meaning = "PEM file of its private key; the certificate's file where not given"},
    {.name = "client_ca",
     .kind = CFG__PATH,
     .offset = AT(cfg__draft, c.tls.ca),
     .meaning = "PEM file of who may have signed certificates of clients, which are asked for then"},
    {.name = "rsa_key",
     .kind = CFG__PATH,
     .offset = AT(cfg__draft, c.rsa_key),
     .meaning =
         "PEM file of the RSA key that clients without TLS encrypt passwords for; made where not given"},
    AGREED(cfg__draft, c.tls),
};
static MAP_OF(tls_map, "tls", cfg__draft, tls_keys);

static const cfg__key backend_keys[] = {
    {.name = "address",
     .kind = CFG__ADDRESS,
     .offset = AT(cfg_server, address),
     .required = true,
     .meaning = "the database server, as host:port or the path of a unix socket"},
    {.name = "user",
     .kind = CFG__TEXT,
     .offset = AT(cfg_server, user),
     .required = true,
     .meaning = "the engine's own account: state tables, DDL, backfill; applications log in as themselves"},
    SECRETS(cfg_server),
    {.name = "compression",
     .kind = CFG__WORD,
     .offset = AT(cfg_server, compression),
     .def = "off",
     .words = backend_compressions,
     .meaning = "compression of clients' connections to the database, where it offers that kind"},
    {.name = "proxy_protocol",
     .kind = CFG__WORD,
     .offset = AT(cfg_server, proxy_protocol),
     .def = "off",
     .words = header_versions,
     .meaning = "header that tells the database the client's address; only where it is set up to take one"},
    {.name = "public_key",
     .kind = CFG__PATH,
     .offset = AT(cfg_server, public_key),
     .meaning = "PEM file of the server's RSA key for passwords; the server is asked for it where not given"},
    SERVER_TLS,
};
static MAP_OF(backend_map, "backend", cfg_server, backend_keys);

static const cfg__key replica_keys[] = {
    {.name = "address",
     .kind = CFG__ADDRESS,
     .offset = AT(cfg_server, address),
     .required = true,
     .meaning = "a replica whose lag the backfill heeds"},
    {.name = "user",
     .kind = CFG__TEXT,
     .offset = AT(cfg_server, user),
     .meaning = "where not given, the backend's"},
    SECRETS(cfg_server),
    SERVER_TLS,
};
static MAP_OF(replica_map, "a replica", cfg_server, replica_keys);

static const cfg__key hook_keys[] = {
    {.name = "on",
     .kind = CFG__TEXT,
     .offset = AT(cfg_hook, on),
     .def = "all",
     .meaning = "what it is told of, by commas: phase, failure, gate, throttle, bypass, done, all"},
    {.name = "command",
     .kind = CFG__TEXT,
     .offset = AT(cfg_hook, command),
     .meaning =
         "a command for sh, with STRADDLE_EVENT, _MIGRATION, _FROM, _TO and _DETAIL in its environment"},
    {.name = "url",
     .kind = CFG__TEXT,
     .offset = AT(cfg_hook, url),
     .meaning = "http or https address that the same is sent to as JSON, by POST"},
    {.name = "timeout_ms",
     .kind = CFG__U32,
     .offset = AT(cfg_hook, timeout_ms),
     .def = "5000",
     .min = 100,
     .max = 600000,
     .meaning = "then the command is killed, or the request given up, in ms"},
};
static MAP_OF(hook_map, "a hook", cfg_hook, hook_keys);

static const cfg__key user_keys[] = {
    {.name = "name",
     .kind = CFG__TEXT,
     .offset = AT(cfg_user, name),
     .required = true,
     .meaning = "database user name"},
    {.name = "schema_version",
     .kind = CFG__WORD,
     .offset = AT(cfg_user, schema_version),
     .required = true,
     .words = versions,
     .meaning = "what this user's clients believe the table looks like; overrides the listener's"},
};
static MAP_OF(user_map, "a user", cfg_user, user_keys);

static const cfg__key pair_keys[] = {
    {.name = "from",
     .kind = CFG__IDENT,
     .offset = AT(cfg_pair, from),
     .required = true,
     .meaning = "the old column"},
    {.name = "to",
     .kind = CFG__IDENT,
     .offset = AT(cfg_pair, to),
     .required = true,
     .meaning = "the new column"},
    {.name = "type",
     .kind = CFG__TEXT,
     .offset = AT(cfg_pair, type),
     .meaning = "type of the new column, where it differs: as in CREATE TABLE, without a default"},
    {.name = "up",
     .kind = CFG__TEXT,
     .offset = AT(cfg_pair, up),
     .meaning = "SQL expression that makes the new value from the old columns, where it is not the same"},
    {.name = "down",
     .kind = CFG__TEXT,
     .offset = AT(cfg_pair, down),
     .meaning = "the way back, from the new columns; without it an `up` is one-way"},
};
static MAP_OF(pair_map, "a column pair", cfg_pair, pair_keys);

#define PACE(key, d, lo, hi, text)                                                                           \
    {                                                                                                        \
        .name = #key, .kind = CFG__U32, .offset = AT(cfg_migration, pace.key), .def = d, .min = lo,          \
        .max = hi, .meaning = text                                                                           \
    }
#define PACE_TEXT(key, text)                                                                                 \
    {                                                                                                        \
        .name = #key, .kind = CFG__PACE_TEXT, .offset = AT(cfg_migration, pace.key), .meaning = text         \
    }

static const cfg__key pace_keys[] = {
    PACE(chunk_rows, "10000", 1, 1000000, "most rows in one chunk"),
    PACE(parallel_ranges, "1", 1, 16,
         "chunks that are filled at the same time, on as many connections, while the server is idle (at most "
         "3 "
         "statements run there)"),
    PACE(max_lag_ms, "2000", 1, 3600000, "replica lag, in ms, above which the backfill waits"),
    PACE(critical_lag_ms, "0", 0, 86400000, "replica lag, in ms, at which it pauses for good; 0 = never"),
    PACE(max_threads_running, "50", 0, 100000,
         "the server's Threads_running above which the backfill waits; 0 = not looked at"),
    PACE(critical_threads_running, "0", 0, 100000, "Threads_running at which it pauses for good; 0 = never"),
    PACE(max_lock_waits, "20", 0, 100000,
         "transactions waiting for a row lock, above which it waits; 0 = not looked at"),
    PACE(critical_lock_waits, "0", 0, 100000, "such waits at which it pauses for good; 0 = never"),
    PACE(max_deadlocks, "5", 0, 100000, "deadlocks a second above which it waits; 0 = not looked at"),
    PACE(critical_deadlocks, "0", 0, 100000, "deadlocks a second at which it pauses for good; 0 = never"),
    PACE(max_history_length, "1000000", 0, 4000000000,
         "InnoDB's history list length (undo not yet purged) above which it waits; 0 = not looked at"),
    PACE(critical_history_length, "0", 0, 4000000000, "such a length at which it pauses for good; 0 = never"),
    PACE(max_pending_io, "0", 0, 100000,
         "InnoDB's reads, writes and syncs under way, above which it waits; 0 = not looked at"),
    PACE(critical_pending_io, "0", 0, 100000, "such a number at which it pauses for good; 0 = never"),
    PACE(max_p99_percent, "200", 0, 100000,
         "p99 of statements on the table through this proxy, in percent of what it was without the backfill "
         "(and 5 ms more at least), above which it waits; 0 = not looked at"),
    PACE(critical_p99_percent, "0", 0, 100000, "such a p99 at which it pauses for good; 0 = never"),
    PACE(recheck_percent, "10", 0, 50,
         "share of the time, in percent, in which both columns are compared again and again once the "
         "backfill is "
         "complete; 0 = not at all"),
    PACE(shadow_percent, "0", 0, 100,
         "share of the SELECTs on the table, in percent, that are run once more through each of both columns "
         "and compared, once the backfill is complete; 0 = none"),
    PACE(shadow_per_s, "10", 1, 1000, "most of them in a second, in each instance"),
    PACE_TEXT(check_sql,
              "a SELECT of one value: 0 or no row lets the backfill go on, 1 has it wait, more pauses it"),
    PACE_TEXT(check_http,
              "an address that is asked every second: 2xx lets the backfill go on, 410 pauses it, anything "
              "else, or nothing within a second, has it wait"),
    PACE_TEXT(windows, "times of day, in the server's time, in which it may run: 22:00-06:00, 12:00-13:00"),
};
MAP_OF(cfg__pace_map, "backfill", cfg_migration, pace_keys);

static const cfg__key migration_keys[] = {
    {.name = "name",
     .kind = CFG__IDENT,
     .offset = AT(cfg_migration, name),
     .required = true,
     .meaning = "what admin commands call it; letters, digits and _"},
    {.name = "table",
     .kind = CFG__TABLE,
     .offset = AT(cfg_migration, schema),
     .count = AT(cfg_migration, table),
     .required = true,
     .meaning = "schema.table"},
    {.name = "strategy",
     .kind = CFG__WORD,
     .offset = AT(cfg_migration, strategy),
     .def = "dual_write",
     .words = strategies,
     .meaning = "how the column gets its new name"},
    {.name = "columns",
     .kind = CFG__LIST,
     .offset = AT(cfg_migration, columns),
     .count = AT(cfg_migration, ncolumns),
     .required = true,
     .map = &pair_map,
     .meaning = "the columns that are renamed or changed"},
    {.name = "backfill", .kind = CFG__MAP, .map = &cfg__pace_map, .meaning = "pace of the backfill"},
    {.name = "observe_days",
     .kind = CFG__U32,
     .offset = AT(cfg_migration, observe_days),
     .def = "7",
     .max = 3650,
     .meaning = "days without any use of the old name before it may be dropped"},
    {.name = "time_zone",
     .kind = CFG__TEXT,
     .offset = AT(cfg_migration, time_zone),
     .def = "SYSTEM",
     .meaning = "the sessions' time zone, where a column becomes a TIMESTAMP or was one"},
    {.name = "gate_ms",
     .kind = CFG__U32,
     .offset = AT(cfg_migration, gate_ms),
     .def = "1000",
     .min = 50,
     .max = 60000,
     .meaning = "instant_rename: the longest that statements are held at one try, in ms"},
    {.name = "guard",
     .kind = CFG__WORD,
     .offset = AT(cfg_migration, guard),
     .def = "none",
     .words = guards,
     .meaning = "what looks after writes that bypass the proxy"},
    {.name = "guard_repair",
     .kind = CFG__BOOL,
     .offset = AT(cfg_migration, guard_repair),
     .def = "false",
     .meaning = "guard: watch makes right what it finds"},
};
MAP_OF(cfg__migration_map, "a migration", cfg_migration, migration_keys);

#define RULE_TEXT(key, what)                                                                                 \
    {                                                                                                        \
        .name = #key, .kind = CFG__TEXT, .offset = AT(cfg_rule, key), .meaning = what                        \
    }

static const cfg__key rule_keys[] = {
    {.name = "name",
     .kind = CFG__IDENT,
     .offset = AT(cfg_rule, name),
     .required = true,
     .meaning = "what admin commands call it; letters, digits and _"},
    {.name = "order",
     .kind = CFG__U32,
     .offset = AT(cfg_rule, order),
     .def = "1000",
     .max = 1000000,
     .meaning = "rules run from the lowest to the highest; among equals, by name"},
    {.name = "enabled",
     .kind = CFG__BOOL,
     .offset = AT(cfg_rule, enabled),
     .def = "true",
     .meaning = "a rule that is not can be tried with EXPLAIN REWRITE RULE"},
    RULE_TEXT(user, "pattern for the whole database user name"),
    RULE_TEXT(schema, "pattern for the whole name of the default schema"),
    RULE_TEXT(program, "pattern for the whole connection attribute program_name"),
    RULE_TEXT(digest, "the statement's digest, 16 hexadecimal digits as in SHOW USAGE"),
    RULE_TEXT(digest_text, "pattern for any part of the statement with literals as ? and white space folded"),
    RULE_TEXT(text, "pattern for any part of the statement"),
    {.name = "action",
     .kind = CFG__WORD,
     .offset = AT(cfg_rule, action),
     .required = true,
     .words = actions,
     .meaning = "what is done with a statement that matches all of these"},
    RULE_TEXT(
        replace,
        "rewrite: what each match of text becomes; $1, ${name} and $$ as in pcre2; nothing where not given"),
    RULE_TEXT(message, "refuse: what the client is told"),
    {.name = "chain",
     .kind = CFG__BOOL,
     .offset = AT(cfg_rule, chain),
     .def = "false",
     .meaning = "whether the rules after it run when it has acted"},
    {.name = "on_error",
     .kind = CFG__WORD,
     .offset = AT(cfg_rule, on_error),
     .def = "refuse",
     .words = on_errors,
     .meaning = "what becomes of a statement on which it hits a limit or cannot be carried out; pass: as if "
                "it did not match"},
    {.name = "max_bytes",
     .kind = CFG__U32,
     .offset = AT(cfg_rule, max_bytes),
     .def = "65536",
     .min = 1,
     .max = 1048576,
     .meaning =
         "longest statement that text and digests are looked at of, in bytes; a longer one is an error"},
};
MAP_OF(cfg__rule_map, "a rule", cfg_rule, rule_keys);

#define LIMIT(key, type, d, lo, hi, text)                                                                    \
    {                                                                                                        \
        .name = #key, .kind = type, .offset = AT(cfg__draft, c.key), .def = d, .min = lo, .max = hi,         \
        .meaning = text                                                                                      \
    }

static const cfg__key limit_keys[] = {
    LIMIT(max_statement_bytes, CFG__U64, "67108864", 65536, 1073741824,
          "longest statement that is taken, in bytes"),
    LIMIT(max_buffer_bytes, CFG__U64, "1048576", 65536, 268435456,
          "bytes that may wait in each direction of a session before reading stops"),
    LIMIT(max_connections, CFG__U32, "10000", 1, 1000000, "client connections at once"),
    LIMIT(max_user_connections, CFG__U32, "0", 0, 1000000,
          "client connections of one user at once; 0 = no limit"),
    LIMIT(max_address_connections, CFG__U32, "0", 0, 1000000,
          "client connections from one address at once; 0 = no limit"),
    LIMIT(max_prepared_statements, CFG__U32, "16384", 0, 1048576,
          "prepared statements of one session at once"),
    LIMIT(max_session_bytes, CFG__U64, "134217728", 65536, 4294967296,
          "memory that the prepared statements of a session, and long data for them, may take, in bytes"),
    LIMIT(idle_timeout_ms, CFG__U32, "0", 0, 604800000,
          "a session without a command for longer is ended, in ms; 0 = never"),
    LIMIT(connect_timeout_ms, CFG__U32, "5000", 10, 600000, "for a connection to the backend, in ms"),
    LIMIT(handshake_timeout_ms, CFG__U32, "10000", 100, 600000, "for a client to log in, in ms"),
    LIMIT(drain_timeout_ms, CFG__U32, "10000", 0, 3600000, "for open work to end at SIGTERM, in ms"),
    LIMIT(takeover_drain_ms, CFG__U32, "600000", 0, 604800000,
          "for sessions of a process that another one has taken the place of to end by themselves, in ms"),
    LIMIT(phase_timeout_ms, CFG__U32, "30000", 100, 3600000,
          "how long a phase change waits for statements and transactions of older epochs, in ms"),
    LIMIT(plan_cache_entries, CFG__U32, "4096", 0, 1048576, "rewrite plans kept by each thread"),
    LIMIT(lease_ms, CFG__U32, "10000", 1000, 600000,
          "an instance that is silent for longer is expired, in ms"),
    LIMIT(poll_ms, CFG__U32, "100", 10, 10000, "how often an instance looks for a new epoch, in ms"),
};
static MAP_OF(limit_map, "limits", cfg__draft, limit_keys);

static const cfg__key log_keys[] = {
    {.name = "level",
     .kind = CFG__WORD,
     .offset = AT(cfg__draft, c.log_level),
     .def = "info",
     .words = levels,
     .meaning = "lines below it are not written"},
    {.name = "file",
     .kind = CFG__TEXT,
     .offset = AT(cfg__draft, c.log_file),
     .meaning = "where the log goes, relative to this file; standard error where not given"},
    {.name = "format",
     .kind = CFG__WORD,
     .offset = AT(cfg__draft, c.log_format),
     .def = "text",
     .words = formats,
     .meaning = "key=value, or a JSON object a line"},
    {.name = "slow_ms",
     .kind = CFG__U32,
     .offset = AT(cfg__draft, c.log_slow_ms),
     .def = "0",
     .min = 0,
     .max = 86400000,
     .meaning = "a statement that takes at least so many ms is logged; 0 = none is"},
    {.name = "refused",
     .kind = CFG__BOOL,
     .offset = AT(cfg__draft, c.log_refused),
     .def = "false",
     .meaning = "true: each statement that straddle refuses is logged"},
    {.name = "sql",
     .kind = CFG__WORD,
     .offset = AT(cfg__draft, c.log_sql),
     .def = "digest",
     .words = log_sqls,
     .meaning = "how statements are shown in the log: without their literals, or as they are"},
};
static MAP_OF(log_map, "log", cfg__draft, log_keys);

static const cfg__key takeover_keys[] = {
    {.name = "socket",
     .kind = CFG__PATH,
     .offset = AT(cfg__draft, c.takeover_socket),
     .meaning = "unix socket at which this process can be asked for its listening sockets; see below"},
};
static MAP_OF(takeover_map, "takeover", cfg__draft, takeover_keys);

static const cfg__key preflight_keys[] = {
    {.name = "backup_command",
     .kind = CFG__TEXT,
     .offset = AT(cfg__draft, c.backup_command),
     .meaning =
         "a command for sh that ends with 0 where a verified backup is new enough; STRADDLE_MIGRATION and "
         "STRADDLE_TABLE are in its environment, and what it prints first is shown"},
    {.name = "backup_timeout_ms",
     .kind = CFG__U32,
     .offset = AT(cfg__draft, c.backup_timeout_ms),
     .def = "10000",
     .min = 100,
     .max = 600000,
     .meaning = "then it is killed, in ms, and that is no backup"},
    {.name = "rehearsal_days",
     .kind = CFG__U32,
     .offset = AT(cfg__draft, c.rehearsal_days),
     .def = "0",
     .max = 3650,
     .meaning = "a rehearsal of the same definition must have passed within so many days; 0 = not asked for"},
    {.name = "alerts",
     .kind = CFG__BOOL,
     .offset = AT(cfg__draft, c.alerts_required),
     .def = "false",
     .meaning = "true: a hook must hear of failures"},
};
static MAP_OF(preflight_map, "preflight", cfg__draft, preflight_keys);

static const cfg__key root_keys[] = {
    {.name = "listeners",
     .kind = CFG__LIST,
     .offset = AT(cfg__draft, c.listeners),
     .count = AT(cfg__draft, c.nlisteners),
     .required = true,
     .map = &listener_map,
     .meaning = "where applications connect"},
    {.name = "tls", .kind = CFG__MAP, .map = &tls_map, .meaning = "TLS towards clients"},
    {.name = "admin", .kind = CFG__MAP, .required = true, .map = &admin_map, .meaning = "the admin port"},
    {.name = "backend",
     .kind = CFG__STRUCT,
     .offset = AT(cfg__draft, c.backend),
     .required = true,
     .map = &backend_map,
     .meaning = "the database"},
    {.name = "replicas",
     .kind = CFG__LIST,
     .offset = AT(cfg__draft, c.replicas),
     .count = AT(cfg__draft, c.nreplicas),
     .map = &replica_map,
     .meaning = "replicas whose lag throttles the backfill"},
    {.name = "threads",
     .kind = CFG__THREADS,
     .offset = AT(cfg__draft, c.threads),
     .def = "auto",
     .min = 1,
     .max = 256,
     .meaning = "event loops; auto = one a core"},
    {.name = "users",
     .kind = CFG__LIST,
     .offset = AT(cfg__draft, c.users),
     .count = AT(cfg__draft, c.nusers),
     .map = &user_map,
     .meaning = "database users that need something of their own"},
    {.name = "hooks",
     .kind = CFG__LIST,
     .offset = AT(cfg__draft, c.hooks),
     .count = AT(cfg__draft, c.nhooks),
     .map = &hook_map,
     .meaning = "commands and addresses that are told what the engine does"},
    {.name = "migrations_dir",
     .kind = CFG__TEXT,
     .offset = AT(cfg__draft, c.migrations_dir),
     .meaning = "folder of migration files (*.yaml, *.yml), read in order of name; relative to this file"},
    {.name = "migrations",
     .kind = CFG__POINTERS,
     .offset = AT(cfg__draft, c.migrations),
     .count = AT(cfg__draft, c.nmigrations),
     .map = &cfg__migration_map,
     .meaning = "migrations written here rather than in files of their own"},
    {.name = "replication",
     .kind = CFG__WORD,
     .offset = AT(cfg__draft, c.refuse_replication),
     .def = "relay",
     .words = replications,
     .meaning = "what becomes of commands of replicas (COM_BINLOG_DUMP, COM_REGISTER_SLAVE, …)"},
    {.name = "rules",
     .kind = CFG__POINTERS,
     .offset = AT(cfg__draft, c.rules),
     .count = AT(cfg__draft, c.nrules),
     .map = &cfg__rule_map,
     .meaning = "regex rules; see rules.md"},
    {.name = "limits", .kind = CFG__MAP, .map = &limit_map, .meaning = "sizes and times"},
    {.name = "log", .kind = CFG__MAP, .map = &log_map, .meaning = "the log"},
    {.name = "preflight",
     .kind = CFG__MAP,
     .map = &preflight_map,
     .meaning = "what is asked for before a migration leaves planned"},
    {.name = "takeover", .kind = CFG__MAP, .map = &takeover_map, .meaning = "upgrades without a gap"},
};
MAP_OF(cfg__root_map, "the configuration", cfg__draft, root_keys);

static void describe_type(const cfg__key *k, b_buf *out)
{
    switch (k->kind) {
    case CFG__TEXT:
    case CFG__PACE_TEXT:
    case CFG__SECRET:
    case CFG__SECRET_ENV:
    case CFG__SECRET_FILE: b_buf_str(out, "text"); break;
    case CFG__IDENT: b_buf_str(out, "name"); break;
    case CFG__TABLE: b_buf_str(out, "schema.table"); break;
    case CFG__BOOL: b_buf_str(out, "true or false"); break;
    case CFG__PATH: b_buf_str(out, "file"); break;
    case CFG__ADDRESS: b_buf_str(out, "address"); break;
    case CFG__NETWORKS: b_buf_str(out, "networks"); break;
    case CFG__MAP:
    case CFG__STRUCT: b_buf_str(out, "map"); break;
    case CFG__LIST:
    case CFG__POINTERS: b_buf_str(out, "list"); break;
    case CFG__U32:
    case CFG__U64: b_buf_printf(out, "%" PRIu64 " to %" PRIu64, k->min, k->max); break;
    case CFG__THREADS: b_buf_printf(out, "auto, or %" PRIu64 " to %" PRIu64, k->min, k->max); break;
    case CFG__WORD:
        for (const cfg__word *w = k->words; w->name != NULL; w++)
            b_buf_printf(out, "%s%s", w == k->words ? "" : " | ", w->name);
        break;
    }
}

static void describe_map(const cfg__map *map, const char *prefix, b_buf *out)
{
    for (size_t i = 0; i < map->nkeys; i++) {
        const cfg__key *k = &map->keys[i];
        bool list = k->kind == CFG__LIST || k->kind == CFG__POINTERS;
        b_buf_printf(out, "%s%s\t", prefix, k->name);
        describe_type(k, out);
        b_buf_printf(out, "\t%s\t%s\n", k->required ? "required" : k->def == NULL ? "-" : k->def, k->meaning);
        if (k->map == NULL) continue;
        char inner[256];
        snprintf(inner, sizeof inner, "%s%s%s.", prefix, k->name, list ? "[]" : "");
        describe_map(k->map, inner, out);
    }
}

void cfg_describe(b_buf *out)
{
    describe_map(&cfg__root_map, "", out);
}
