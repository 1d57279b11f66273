/* A client, its one backend connection, and what is between them.
 *
 *   HEADER ── PROXY protocol header read, where the listener wants one ──→ CONNECT
 *   CONNECT ── backend connected ──→ GREETING ── greeting relayed ──→ LOGIN ── client answered ──→ AUTH
 *   LOGIN ── client answered, and the backend is to have TLS ──→ SECURE ── handshake over ──→ AUTH
 *   AUTH ── server said OK ──→ HIDDEN (session state is read) ──→ IDLE
 *   IDLE ── command forwarded ──→ RUN ── response over ──→ IDLE
 *   IDLE ── the table is held for a rename ──→ IDLE, and `held` (command tried again at the next epoch)
 *   RUN ── error 1054, and nothing was carried out ──→ IDLE (command tried again, once: session_again.c)
 *   IDLE ── a statement of our own, or the engine's word, is needed first ──→ HIDDEN ── answered ──→ IDLE
 *        (command tried again)
 *   IDLE ── COM_CHANGE_USER ──→ AUTH
 *   IDLE ── COM_BINLOG_DUMP and such ──→ RELAY ── the stream ended ──→ IDLE
 *   RUN ── COM_RESET_CONNECTION was answered ──→ HIDDEN
 *   IDLE, HIDDEN ── backend went away ──→ ORPHAN ── next command is answered with the reason ──→ LINGER
 *   any ── last words to the client ──→ LINGER ── it hung up, or 2 s ──→ CLOSING
 *   any ── nothing more to say ──→ CLOSING ── both close callbacks ──→ freed
 *
 * Who moves: HEADER session_peer.c; CONNECT to AUTH session.c and session_auth.c; IDLE to RUN, RELAY, AUTH
 * session_cmd.c, session_query.c, session_stmt.c; RUN to IDLE session_result.c; HIDDEN session_hidden.c,
 * session_register.c;
 * ORPHAN, LINGER, CLOSING session.c, session_idle.c. Only px_session_set_state sets the state.
 *
 * Epochs: `rules` is the ruleset that the session uses. It takes the loop's newest at each command, unless
 * px_session_pinned: a transaction is open, or long data of the old epoch waits on the server. The epoch
 * counts as held while pinned or while a command is running; a stream that is relayed is no statement. In an
 * epoch that holds a table nothing was done to that table, so even a transaction goes on to the next epoch.
 *
 * Loop thread only. Bytes buffered a direction: max_buffer_bytes and one packet or statement. */
#ifndef PROXY_SESSION_H
#define PROXY_SESSION_H

#include "conn.h"
#include "context.h"
#include "loop.h"
#include "protocol/bridge.h"
#include "protocol/compress.h"
#include "protocol/handshake.h"
#include "protocol/proxy_header.h"
#include "protocol/response.h"
#include "protocol/stmt.h"
#include "rewrite/rewrite.h"

#define PX_STATE_LIST(X)                                                                                     \
    X(PX_HEADER, "accepted")                                                                                 \
    X(PX_CONNECT, "connecting")                                                                              \
    X(PX_GREETING, "greeting")                                                                               \
    X(PX_LOGIN, "login")                                                                                     \
    X(PX_SECURE, "securing")                                                                                 \
    X(PX_AUTH, "authenticating")                                                                             \
    X(PX_HIDDEN, "preparing")                                                                                \
    X(PX_IDLE, "idle")                                                                                       \
    X(PX_RUN, "running")                                                                                     \
    X(PX_RELAY, "relaying")                                                                                  \
    X(PX_ORPHAN, "backend lost")                                                                             \
    X(PX_LINGER, "leaving")                                                                                  \
    X(PX_CLOSING, "closing")

typedef enum px_state {
#define PX_STATE_ENUM(code, text) code,
    PX_STATE_LIST(PX_STATE_ENUM)
#undef PX_STATE_ENUM
} px_state;

enum { PX_NAME = 129 };

/* A temporary table that hides one of the catalogue's. */
typedef struct px_temp {
    struct px_temp *next;
    b_slice schema, name; /* point behind the struct */
} px_temp;

/* A statement that the client has prepared by name, with PREPARE … FROM …. */
typedef struct px_named {
    struct px_named *next;
    b_slice name, text;  /* point behind the struct; text.p NULL: not known */
    b_buf sent;          /* what the server has in its place; empty: nothing that is known */
    px_context *context; /* in which the client prepared it; NULL only where the text is not known */
    bool lost, unsure;   /* as in rw_named */
    bool fresh;          /* prepared again by us and not executed since */
    size_t cost;         /* part of the session's stmt_bytes */
    uint64_t looked;     /* the session's rules_taken when `touches` was found; 0: never */
    bool touches;        /* can it be on a migrating table? */
} px_named;

/* What hangs on a prepared statement (mp_stmt.extra). */
typedef struct px_stmt {
    b_arena *arena; /* holds res; NULL when the statement touches nothing */
    rw_result res;
    bool fresh;          /* prepared again by us and not executed since: types must be sent */
    bool bad_long;       /* long data came that cannot be kept: EXECUTE is answered with an error */
    unsigned kind;       /* px_kind of its text */
    px_context *context; /* in which the client prepared it; NULL: not known */
    size_t cost, *total; /* bytes that the statement takes; they are part of the session's stmt_bytes */
    bool over;           /* long data came for which max_session_bytes left no room */
    bool ruled;          /* a regex rule has rewritten it, when it was last looked at */
    b_buf
        columns; /* packets: what prepared again said of its columns and the client has not seen (MariaDB) */
} px_stmt;

/* The command being answered. */
typedef struct px_running {
    uint8_t command;
    uint8_t seq_shift;        /* added to sequence ids towards the client */
    unsigned kind;            /* px_kind of the statement's text */
    bool multi_on, multi_off; /* COM_SET_OPTION */
    bool reset;               /* COM_RESET_CONNECTION */
    uint8_t infile_seq;       /* of the client's next packet of a file, towards the server */
    bool warnings;            /* SHOW WARNINGS after a rewritten statement: names in its rows are put right */
    bool answered;            /* a packet of the answer has come */
    bool again;               /* it runs for the second time */
    bool had_ok, failed;      /* of several statements, one is done; one ended in an error */
    uint32_t params_seen;     /* PREPARE: parameter definitions that have come */
    uint64_t started_ns;      /* of statements on migrating tables, else 0 */
    uint64_t sent_ns;         /* of all, where slow ones are logged, else 0 */
    const rw_result *res;     /* NULL when nothing was rewritten */
    rw_fields fields;         /* COM_FIELD_LIST of a migrating table: n > 0 */
    b_buf fields_last;        /* packets for its end */
    mp_stmt *stmt;            /* PREPARE: to be filled in; EXECUTE: the one */
} px_running;

/* A command that may have to be sent once more: session_again.c. */
typedef struct px_kept {
    b_buf command; /* as it was read; empty: it is not kept */
    b_slice sent;  /* the text that the server was given, within `command` or as long as the answer is open */
    const px_context *in;   /* ... and what it was written in; NULL: the session's present one */
    b_buf error;            /* ERR payload that it was answered with */
    uint64_t epoch, ticket; /* under which that was; of the engine's look at the tables since */
    bool back;              /* it waits to be looked at again */
    bool over;              /* ... and has waited for too long */
} px_kept;

typedef enum px_hidden_kind {
    PX_HIDDEN_NONE,
    PX_HIDDEN_STATE,
    PX_HIDDEN_PREPARE,
    PX_HIDDEN_NAMED,   /* PREPARE … FROM … again */
    PX_HIDDEN_VALUE,   /* the value of an expression that a statement is to be prepared from */
    PX_HIDDEN_REGISTER /* nothing is said: the engine is asked to register the connection */
} px_hidden_kind;

/* Is the connection on the server registered, so that it can be killed when this instance dies? */
typedef enum px_registration { PX_UNREGISTERED, PX_ASKED, PX_REGISTERED } px_registration;

/* One statement of our own. RETURN: it sets back what the client has set, and must not fail. */
typedef struct px_step {
    uint8_t command;
    bool returns;
} px_step;

enum { PX_STEPS = 5 };

/* Statements of our own, whose answers the client does not see. */
typedef struct px_hidden {
    px_hidden_kind kind;
    px_step steps[PX_STEPS];
    unsigned nsteps, at;
    mp_stmt *stmt;  /* PREPARE: for this one */
    b_arena *arena; /* PREPARE: what the statement will have */
    rw_result res;
    mp_prepare_ok made; /* PREPARE: the server's answer, if prepared */
    bool prepared, failed;
    bool stuck;      /* the client's context could not be set back */
    b_buf error;     /* the ERR payload, if failed */
    b_buf columns;   /* PREPARE: for px_stmt.columns */
    px_named *named; /* NAMED: this one, and what it will have */
    b_buf sent;
} px_hidden;

/* What the rewriter must know of the session, followed by session tracking. */
typedef struct px_vars {
    bool known;
    px_context *now; /* NULL before anything was heard; to be relied on only when known */
    uint64_t serial; /* changes of character set */
    char zone[64];   /* @@time_zone, as the server spells it */
    size_t zone_len;
} px_vars;

/* An entry of the thread's table of uses, and the digest in its key. */
typedef struct px_counted {
    px_count *count;
    uint64_t digest;
} px_counted;

typedef struct px_session {
    struct px_session *prev, *next;
    px_loop *loop;
    uint64_t id;
    px_state state;
    px_conn client, backend;
    /* A connect that is cancelled is told of after the backend was closed, when the client may have been shut
     * down already: they share nothing. */
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    unsigned handles;           /* open or closing */
    uint64_t deadline_ms;       /* loop time; 0 = none */
    uint64_t born_ms, since_ms; /* accepted; command or transaction began */
    uint64_t active_ms;         /* something was read last */
    bool rested;                /* since then memory was given back */

    mp_peer peer;      /* the client, as its socket or a PROXY protocol header says */
    unsigned listener; /* its index in the configuration */
    bool counted_address;
    char
        counted_user[PX_NAME + 1]; /* "+" and the name under which the census counts it; empty: not counted */
    char user[PX_NAME], host[64], program[PX_NAME], plugin[64];
    rw_version listener_version, version;
    uint32_t backend_id;
    px_registration registration;
    char not_registered[200];             /* why not, where it was tried for the command at hand */
    uint64_t offered, caps, backend_caps; /* greeting as the client saw it; each leg's */
    struct {
        mp_compression client, backend;
        int client_level;
    } compression;
    bool changing_user;
    char nonce[MP_NONCE]; /* of the greeting */
    bool server_has_tls;
    mp_bridge bridge;                /* of the login under way */
    b_buf login;                     /* SECURE: payload of the login, until it can be sent */
    uint8_t client_seq, backend_seq; /* AUTH: of the next packet to each */
    bool leaving;   /* the client sends no more: the session ends once what it sent is answered */
    uint64_t taken; /* leaving: bytes that the client had taken when it was last looked at */

    rw_ruleset *rules;
    uint64_t rules_taken; /* how often they were replaced */
    uint64_t epoch;
    uint16_t status;       /* the server's last */
    uint32_t long_pending; /* prepared statements with long data on the server */
    px_vars vars;
    bool temps_unknown; /* there may be temporary tables that we have not seen */
    bool asked_state;   /* the command at hand has had the state read for it once */
    bool rules_counted; /* ... and what regex rules do with it is counted */
    bool held;          /* IDLE: the command at hand waits for the next epoch, since held_ms (loop time) */
    bool hold_over;     /* it has waited for too long: it is refused */
    uint64_t held_ms;
    px_kept again;
    struct px_session *held_prev, *held_next; /* in the loop's list of such */
    px_temp *temps;
    size_t ntemps;
    mp_stmts *stmts;
    size_t stmt_bytes; /* that prepared statements take: see px_stmt_account */
    px_named *named;
    size_t nnamed;
    bool named_unseen; /* there may be statements with names that are not in this list */
    struct {           /* what the server said that an expression is worth; for the command at hand */
        b_buf source, value;
        bool asked, have, null;
    } answer;

    mp_response resp;
    px_running run;
    px_hidden hidden;
    uint32_t skip;         /* bytes of the packet at hand that pass unseen, from the backend */
    uint32_t client_skip;  /* likewise from the client (LOCAL INFILE) */
    uint8_t last_seq;      /* of the last packet to the client */
    b_arena *arena;        /* of the statement at hand; NULL before the first on a migrating table */
    px_counted counted[2]; /* uses of new and of old names: what was counted last */
    rw_result result;
    mig_sample *sample;   /* the statement at hand, to be run again; NULL: it is not */
    b_arena *shown_arena; /* names that SHOW WARNINGS after the last statement may hold; NULL: none */
    rw_result shown;      /* only shown and nshown are set */
    b_buf slow;           /* COM_QUERY: its text, where slow ones are logged */
    px_context *slow_in;  /* ... and what it was sent in; NULL: not known */
    b_buf lost;           /* ORPHAN: ERR payload that the next command is answered with */
    uint64_t statements;
} px_session;

typedef struct px_cmd px_cmd;

/* session.c */
struct px_arrival;
void px_session_accept(px_loop *loop, const struct px_arrival *a); /* takes the descriptor */
void px_session_begin(px_session *s); /* whose it is is known: on to the backend */
void px_session_set_state(px_session *s, px_state state);
const char *px_session_state_name(px_state state);
void px_session_read(px_session *s, px_conn *c, char *p, ssize_t n); /* n < 0: libuv error */
void px_session_wake(px_session *s);                                 /* a layer holds something for us */
void px_session_secured(px_session *s, px_conn *c);                  /* TLS is there */
void px_session_written(px_session *s, px_conn *c, int status);
void px_session_deadline(px_session *s, uint64_t ms); /* from now; 0 = none */
void px_session_tick(px_session *s, uint64_t now_ms);
void px_session_idle(px_session *s, uint64_t now_ms); /* ends it if it has been idle for too long */
void px_session_rest(px_session *s, uint64_t now_ms); /* gives back memory if it has been idle for a while */
void px_session_settle(px_session *s);                /* goes on with what waits in its buffers; may end it */
/* An ERR packet; the session goes on. */
void px_session_error(px_session *s, uint8_t seq, unsigned code, const char *sqlstate, const char *fmt, ...)
    B_PRINTF(5, 6);
/* An ERR packet, if one can be read there, then LINGER. */
void px_session_fail(px_session *s, uint8_t seq, unsigned code, const char *sqlstate, const char *fmt, ...)
    B_PRINTF(5, 6);
void px_session_linger(px_session *s);
void px_session_close(px_session *s);
#define PX_STOPPING "straddle: the proxy is shutting down; connect again"
#define PX_FENCED                                                                                            \
    "straddle: this instance had lost its lease and was taken for dead, so all its sessions end; see what "  \
    "became of the last statement, and connect again"
void px_session_end(px_session *s, const char *why); /* a fixed text */
void px_session_kill(px_session *s); /* at an operator's word; a statement that runs is waited for */

/* session_epoch.c */
bool px_session_pinned(const px_session *s);
bool px_session_holds(const px_session *s);
void px_session_take_rules(px_session *s);
void px_session_holder(const px_session *s, mig_holder *out);

/* session_peer.c */
void px_peer_note(px_session *s, bool is_pipe);
bool px_peer_awaits_header(px_session *s); /* true also when it was refused to send one */
size_t px_peer_header(px_session *s, char *p, size_t n);
void px_peer_announce(px_session *s); /* PROXY protocol towards the backend */
bool px_peer_admit_address(px_session *s);
bool px_peer_admit_user(px_session *s, uint8_t seq); /* both: false: it is answered */
void px_peer_leave(px_session *s);

/* session_hold.c */
bool px_hold(px_session *s, b_slice sql); /* true: this statement waits for now */
/* Why a statement on a migrating table cannot go on, nor wait any longer; NULL where it can. */
const char *px_hold_refuses(const px_session *s);
void px_hold_forget(px_session *s);  /* it does no longer */
void px_hold_release(px_loop *loop); /* after a newer epoch came */
void px_hold_tick(px_loop *loop, uint64_t now_ms);

/* session_again.c: statements that met error 1054 for a column that has moved */
void px_again_begin(px_session *s); /* a command is looked at, for the first time or anew */
/* A statement on a migrating table is about to be sent: as `sent`, written in `in`. */
void px_again_keep(px_session *s, const px_cmd *c, b_slice sent, const px_context *in);
bool px_again(px_session *s, b_slice error); /* true: the client is not told of it, the command goes back */
/* The same of preparing its statement again, unseen: the command still is where it was read from, and waits.
 */
bool px_again_hidden(px_session *s, b_slice sql, b_slice error);
void px_again_back(px_session *s); /* ... now that the answer is over */
bool px_again_waits(const px_session *s);
/* The command at hand runs for the second time and must not: it was answered with its error. */
bool px_again_relays(px_session *s, const px_cmd *c, b_slice sent, const px_context *in);
void px_again_rest(px_session *s); /* gives its memory back */

/* session_register.c */
/* Asks for it; the command at hand is tried again when the answer is there. */
void px_session_register(px_session *s);
void px_session_unregister(px_session *s); /* at its end, in the state that it ends in */
typedef struct px_registered {
    const uint64_t *connections;
    size_t n;
    const char *why; /* "": they are */
} px_registered;
void px_loop_registered(px_loop *loop, void *registered); /* for px_loop_call */

/* session_auth.c: each takes bytes and says how many it used. */
size_t px_auth_greeting(px_session *s, char *p, size_t n);
size_t px_auth_client(px_session *s, char *p, size_t n);
size_t px_auth_backend(px_session *s, char *p, size_t n);
/* Sends the client's COM_CHANGE_USER on. */
void px_auth_change_user(px_session *s, const char *raw, size_t nraw, b_slice payload, uint8_t seq);
void px_auth_secured(px_session *s); /* the backend's TLS is there: the login goes */
void px_auth_end(px_session *s);     /* wipes what the login needed */

/* session_tls.c */
bool px_tls_offered(const px_session *s);  /* to this client */
bool px_tls_required(const px_session *s); /* of it */
const char *px_tls_text(const px_conn *c); /* version of TLS, or "none" */
mp_leg px_tls_leg(const px_conn *c);
/* The client's packet that asks for TLS; rest: what was read after it. */
void px_tls_accept(px_session *s, mp_header h, char *rest, size_t nrest);
/* Shall the backend's connection have TLS? */
bool px_tls_wanted(const px_session *s);
/* Asks the backend for it, with the fixed part of the login, and begins the handshake. */
void px_tls_connect(px_session *s, const char *login);
void px_tls_backend_failed(px_session *s, const char *why);

/* session_compress.c */
uint64_t px_compress_offer(const px_session *s); /* capabilities */
void px_compress_agree(px_session *s,
                       const mp_login *l); /* s->caps, s->backend_caps: what each side can do */
void px_compress_start(px_session *s);     /* the OK is written */

/* session_cmd.c */
struct px_cmd {
    char *raw; /* all its packets, as read */
    size_t nraw;
    b_slice payload;          /* joined; the command byte is its first */
    b_slice attributes, text; /* COM_QUERY: both; else the text is all behind the command byte */
    uint8_t last_seq;
    bool one_packet;
};

typedef enum px_done { PX_DONE, PX_WAIT } px_done; /* WAIT: not used; try again when HIDDEN is over */

size_t px_cmd_client(px_session *s, char *p, size_t n);
size_t px_cmd_infile(px_session *s, char *p, size_t n);
size_t px_cmd_relay(px_session *s, char *p, size_t n);
void px_cmd_forward(px_session *s, const px_cmd *c); /* as it came; RUN if it has an answer */
void px_cmd_replace(px_session *s, const px_cmd *c, uint8_t command, b_slice text); /* another text instead */
void px_cmd_start(px_session *s, const px_cmd *c); /* RUN, or IDLE when there is no answer */

/* session_query.c */
px_done px_query(px_session *s, const px_cmd *c);
/* Of a statement that came as `from` and is `sql` by now, and that may touch a migrating table. */
px_done px_query_migrating(px_session *s, const px_cmd *c, b_slice from, b_slice sql);
px_done px_query_pass(px_session *s, const px_cmd *c, b_slice from, b_slice sql); /* ... and does not */
b_arena *px_query_arena(px_session *s);
/* Looks at the text with the session's rules: false when it need not be rewritten. */
bool px_query_touches(px_session *s, b_slice sql);
/* May a statement on a migrating table go on now? False: *done says whether it is answered or waits. */
bool px_query_ready(px_session *s, const px_cmd *c, px_done *done);
/* False: it is answered already (refused, or out of memory). */
bool px_query_rewrite(px_session *s, const px_cmd *c, b_slice sql, const px_context *in, b_arena *arena,
                      bool prepared, rw_result *out);
/* Both take what sql was written in; where that is NULL, not known, the text is shown nowhere. */
void px_query_refuse(px_session *s, const px_cmd *c, const px_context *in, b_slice sql,
                     const rw_result *why); /* answers and counts */
void px_query_count(px_session *s, const rw_result *res, const px_context *in, b_slice sql); /* the census */

/* Is what the session is in known, or can it be read? False as above. */
bool px_query_known(px_session *s, const px_cmd *c, px_done *done);

/* session_log.c */
void px_log_failed(px_session *s, const char *why); /* the session ends of it */
void px_log_left_out(px_loop *loop);                /* now and then: lines that were too many */
void px_log_keep(px_session *s, b_slice sql);       /* of the COM_QUERY that is about to be sent */
void px_log_drop(px_session *s);                    /* it is not going to be logged */
void px_log_slow(px_session *s);                    /* only where run.sent_ns is set */
void px_log_refused(px_session *s, const px_context *in, b_slice sql, b_slice code, b_slice migration,
                    b_slice why);

/* session_rules.c: regex rules */
bool px_rules_any(const px_session *s);
/* What they make of sql; counted once a command, and not for EXECUTE. False: it is answered already. Only
 * where px_query_known. */
bool px_rules_run(px_session *s, const px_cmd *c, b_slice sql, const px_context *in, b_arena *arena,
                  bool prepared, rw_result *out);
rw_matcher *px_matcher_new(void);

/* session_stmt.c */
px_done px_stmt_prepare(px_session *s, const px_cmd *c);
px_done px_stmt_execute(px_session *s, const px_cmd *c); /* and BULK_EXECUTE */
px_done px_stmt_other(px_session *s, const px_cmd *c);   /* FETCH, RESET, CLOSE */
px_done px_stmt_long_data(px_session *s, const px_cmd *c);
void px_stmt_free_extra(void *extra);
/* Counts anew what the statement takes. Is the session within max_session_bytes, with `more` bytes? */
bool px_stmt_account(px_session *s, mp_stmt *stmt, size_t more);
bool px_stmt_set_result(mp_stmt *stmt, b_arena *arena,
                        const rw_result *res); /* takes the arena; NULL: none */
void px_stmt_executed(px_session *s, mp_stmt *stmt);

/* session_fields.c */
px_done px_fields(px_session *s, const px_cmd *c);
/* A definition. True: it is seen to. */
bool px_fields_column(px_session *s, b_slice payload, uint8_t seq);
uint8_t px_fields_last(px_session *s, uint8_t seq); /* what comes before the end; how many packets */

/* session_named.c: statements that have names. Not on the way of sessions without them. */
px_done px_named_query(px_session *s, const px_cmd *c, b_slice from, b_slice sql);
bool px_named_hold(px_session *s);
/* What res->executed was written in; NULL: not known. */
const px_context *px_named_context(px_session *s, const rw_result *res);
/* After the rewriter has looked at it: may it be sent? False: *done. */
bool px_named_ready(px_session *s, const px_cmd *c, const rw_result *res, px_done *done);
bool px_named_ask(px_session *s, const px_cmd *c, const rw_result *res); /* true: asked, or answered */
void px_named_effect(px_session *s, const rw_effect *e);
void px_named_doubt(px_session *s, b_slice name);  /* a PREPARE of it failed, or may have */
void px_named_refused(px_session *s, b_slice sql); /* we have answered a text with PREPARE with an error */
void px_named_unseen(px_session *s);
void px_named_called(px_session *s);
void px_named_forget(px_session *s);
void px_named_ctx(px_session *s, rw_ctx *ctx, b_arena *arena);
void px_named_done(px_session *s); /* the command at hand is over */
void px_named_value(px_session *s, b_slice row);
void px_named_prepared(px_session *s); /* the hidden one is over */

/* session_hidden.c */
void px_hidden_named(px_session *s, px_named *n, const rw_renewal *r);
void px_hidden_value(px_session *s, b_slice expression);
void px_hidden_state(px_session *s);
/* Prepares the statement again, in the context that it was prepared in first. Takes the arena. */
void px_hidden_prepare(px_session *s, mp_stmt *stmt, b_arena *arena, const rw_result *res);
size_t px_hidden_backend(px_session *s, char *p, size_t n);
void px_hidden_clear(px_session *s);

/* session_shadow.c */
/* Of a statement whose s->result is known: keeps it, if it is one of the share. */
void px_shadow_sample(px_session *s, b_slice sql);
/* Of an EXECUTE that is about to be sent, of a statement on a migrating table. */
void px_shadow_execute(px_session *s, const px_cmd *c, const mp_stmt *stmt);
void px_shadow_done(px_session *s); /* its answer is over */
void px_shadow_drop(px_session *s);

/* session_vars.c */
void px_vars_track(px_session *s, b_slice state);
void px_vars_zone(px_session *s, b_slice zone);
void px_vars_set(px_session *s, b_slice schema, b_slice mode, b_slice client, b_slice collation);
b_slice px_vars_schema(const px_session *s);
rw_charset px_vars_charset(const px_session *s); /* of what the client sends, where that is known */
void px_vars_forget(px_session *s); /* RESET_CONNECTION, CHANGE_USER: statements, tables, variables */
void px_vars_effects(px_session *s, const rw_result *res);
/* The session's present context; NULL where it is not known. */
const px_context *px_vars_now(const px_session *s);
/* in: NULL for the session's present context. */
void px_vars_ctx(px_session *s, rw_ctx *ctx, const px_context *in, b_arena *arena, bool prepared);

/* session_result.c */
size_t px_result_backend(px_session *s, char *p, size_t n);
void px_result_ok(px_session *s, mp_header h, b_slice payload, const mp_ok *ok, uint8_t seq);

/* session_patch.c: packets that are changed on their way to the client */
void px_patch_column(px_session *s, b_slice payload, uint8_t seq);
/* Sends the count of columns, and the definitions that the server takes for known, to the client. Returns how
 * many packets that is more than came. */
uint8_t px_patch_missing(px_session *s, uint8_t seq);
void px_patch_error(px_session *s, b_slice payload, uint8_t seq);
void px_patch_warning(px_session *s, b_slice payload, uint8_t seq); /* a row of SHOW WARNINGS */
bool px_patch_creates(const px_session *s); /* runs SHOW CREATE TABLE of a migrating table? */
void px_patch_create(px_session *s, b_slice payload, uint8_t seq); /* its row */
void px_patch_keep(px_session *s, const rw_result *res);           /* for a SHOW WARNINGS to come */
void px_patch_forget(px_session *s);

#endif
