/* Shadow reads: what their files share. Private to migrate/.
 *
 * A sampled share of the SELECTs that clients send on migrating tables is run again, later, on a connection
 * of the engine's: once through the column that reads go to and once through the other one, both in one
 * snapshot of the database, so that what is written meanwhile makes no difference. shadow.c takes samples
 * from event loops and holds the thread, shadow_read.c compares, shadow_keep.c keeps what came of it. */
#ifndef MIGRATE_SHADOW_H
#define MIGRATE_SHADOW_H

#include "mig.h"

#include "rewrite/shadow.h"

enum { MIG__SHADOW_TARGETS = 16, MIG__SHADOW_DETAIL = 160 };

typedef struct mig__sampled { /* a migration whose reads are sampled: both columns are kept and complete */
    char name[129], schema[257], table[257];
    uint32_t percent, per_s;
    uint64_t dropped; /* samples, since they were last counted */
} mig__sampled;

struct mig_sample {
    mig_sample *next;
    char migration[129];
    mig_read read; /* slices point behind the struct */
};

struct mig__shadow {
    atomic_uint percent; /* the highest of the targets: the only thing that statements look at when it is 0 */
    pthread_mutex_t mu;  /* guards all below but the thread's own */
    pthread_cond_t wake;
    mig__sampled targets[MIG__SHADOW_TARGETS];
    size_t ntargets;
    mig_sample *first, **last; /* waiting, in order */
    size_t waiting;
    bool stop;
    pthread_t thread;
    bool running;
};

typedef enum mig__outcome {
    MIG__SHADOW_EQUAL,
    MIG__SHADOW_DIFFERING,
    MIG__SHADOW_SKIPPED, /* it cannot be compared */
    MIG__SHADOW_FAILED,  /* a server's error */
    MIG__SHADOW_DROPPED  /* there was no room for it */
} mig__outcome;

typedef struct mig__compared {
    mig__outcome outcome;
    char detail[MIG__SHADOW_DETAIL]; /* why it was skipped, the error, or the statement's digest */
    char statement[520];             /* DIFFERING: its text without literals, in UTF-8 */
    uint64_t rows, other_rows;
    uint64_t generation; /* of the migration, in the snapshot */
    rw_phase phase;
    bool changes; /* the migration changes values, so that columns that are right may read differently */
} mig__compared;

/* ---- shadow_read.c ---- */

typedef struct mig__reader { /* of the thread */
    mig_engine *e;
    mig_db *db;                /* NULL: not connected */
    rw_ruleset *rules, *other; /* other: of migration other_at; NULL: not made yet */
    size_t other_at;
    uint64_t known[64]; /* hashes of tables that were found to be transactional, under these rules */
    size_t nknown;
} mig__reader;

b_status mig__reader_connect(mig__reader *r, b_err *err) B_MUSTCHECK;
void mig__reader_deinit(mig__reader *r);
/* B_OK: *out says what came of it. Anything else: the connection is to be made anew. */
b_status mig__shadow_read(mig__reader *r, const mig_sample *s, mig__compared *out, b_err *err) B_MUSTCHECK;

/* ---- shadow_keep.c ---- */

typedef struct mig__shadow_counts { /* not yet written */
    struct {
        char migration[129], detail[MIG__SHADOW_DETAIL];
        mig__outcome outcome;
        uint64_t n;
    } v[48];
    size_t n;
} mig__shadow_counts;

/* False: there is no room, write them first. */
bool mig__shadow_count(mig__shadow_counts *c, const char *migration, mig__outcome outcome, const char *detail,
                       uint64_t n);
b_status mig__shadow_write(mig_db *db, mig__shadow_counts *c, b_err *err) B_MUSTCHECK;
/* Keeps a difference, tells of it, and takes the clean checksum away. */
b_status mig__shadow_found(mig_engine *e, mig_db *db, const char *migration, const mig__compared *c,
                           b_err *err) B_MUSTCHECK;

#endif
