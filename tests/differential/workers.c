#include "run_state.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct dt_workers {
    dt_state *s;
    void (*run_phase)(dt_state *s);
    unsigned n;
    dt_totals *totals; /* one each, shared with them */
    struct {
        pid_t pid;
        int go, done; /* a byte says the phase; the same byte comes back */
    } v[DT_WORLDS];
};

static void work(dt_workers *w, unsigned i, int go, int done)
{
    unsigned char phase;
    w->s->worker = i;
    w->s->totals = &w->totals[i];
    while (read(go, &phase, 1) == 1) {
        w->s->phase = phase;
        w->run_phase(w->s);
        fflush(stdout);
        if (write(done, &phase, 1) != 1) break;
    }
    dt_clients_close_all(w->s);
    _exit(0);
}

static void start(dt_workers *w, unsigned i)
{
    int go[2], done[2];
    if (pipe(go) != 0 || pipe(done) != 0) ts_die("pipe: %s", strerror(errno));
    fflush(stdout);
    if ((w->v[i].pid = fork()) < 0) ts_die("fork: %s", strerror(errno));
    if (w->v[i].pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (unsigned k = 0; k < i; k++) close(w->v[k].go), close(w->v[k].done);
        close(go[1]), close(done[0]);
        work(w, i, go[0], done[1]);
    }
    close(go[0]), close(done[1]);
    w->v[i].go = go[1], w->v[i].done = done[0];
}

dt_workers *dt_workers_start(dt_state *s, void (*run_phase)(dt_state *s))
{
    dt_workers *w = calloc(1, sizeof *w);
    if (w == NULL) ts_die("out of memory");
    w->s = s, w->run_phase = run_phase;
    w->n = s->o->only >= 0 || s->o->workers < 2 ? 1 : s->o->workers < 4 ? 2 : 4;
    s->worker = 0, s->workers = w->n;
    if (w->n == 1) return w;
    w->totals =
        mmap(NULL, w->n * sizeof *w->totals, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (w->totals == MAP_FAILED) ts_die("out of memory");
    for (unsigned i = 0; i < w->n; i++) start(w, i);
    return w;
}

void dt_workers_phase(dt_workers *w, int phase)
{
    unsigned char byte = (unsigned char)phase;
    if (w->n == 1) {
        w->run_phase(w->s);
        return;
    }
    for (unsigned i = 0; i < w->n; i++)
        if (write(w->v[i].go, &byte, 1) != 1) ts_die("worker %u is gone", i);
    for (unsigned i = 0; i < w->n; i++)
        if (read(w->v[i].done, &byte, 1) != 1) ts_die("worker %u has ended early", i);
}

static void add(dt_totals *sum, const dt_totals *t)
{
    sum->compared += t->compared, sum->refused += t->refused;
    sum->excepted += t->excepted, sum->differed += t->differed;
    for (size_t i = 0; i < DT_REASONS && t->reasons[i].count > 0; i++)
        dt_reason_add(sum, t->reasons[i].text, t->reasons[i].example, t->reasons[i].count);
}

void dt_workers_end(dt_workers *w, dt_totals *sum)
{
    for (unsigned i = 0; i < w->n && w->n > 1; i++) {
        int status;
        close(w->v[i].go), close(w->v[i].done);
        if (waitpid(w->v[i].pid, &status, 0) < 0 || status != 0) ts_die("worker %u: status %#x", i, status);
        add(sum, &w->totals[i]);
    }
    if (w->totals != NULL) munmap(w->totals, w->n * sizeof *w->totals);
    free(w);
}
