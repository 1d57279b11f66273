/* The load generator: starts the workers, times the run, adds up, prints one line.
 *
 * Closed loop: each connection sends its next statement as soon as it has the answer; what is measured is
 * throughput. Open loop (--rate): statements are due at fixed times whatever the answers take, so that a
 * stall is counted by every statement that it kept waiting. */
#include "cpu.h"
#include "worker.h"

#include <mysql/mysql.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { FAILED = 1, REFUSED = 3 };

static struct timespec span(double seconds)
{
    return (struct timespec){(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
}

static void pause_for(double seconds)
{
    struct timespec t = span(seconds);
    nanosleep(&t, NULL);
}

/* SIGTERM is blocked in all threads, and ends the measured time before it is over. */
static sigset_t ending(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    return set;
}

/* CPU seconds of all the processes that were named; negative when one is gone. */
static double charged(const options *o)
{
    double sum = 0;
    for (unsigned i = 0; i < o->npids; i++) {
        double one = cpu_of(o->pids[i]);
        if (one < 0) return -1;
        sum += one;
    }
    return sum;
}

typedef struct measured {
    double wall, cpu, own_cpu;
} measured;

static measured measure(run *r)
{
    atomic_store(&r->phase, RUN_WARM);
    if (r->o->warmup > 0) pause_for(r->o->warmup);
    double cpu = charged(r->o), own = cpu_of((int)getpid());
    uint64_t start = now_us();
    atomic_store(&r->phase, RUN_MEASURE);
    sigset_t set = ending();
    struct timespec most = span(r->o->seconds);
    (void)sigtimedwait(&set, NULL, &most);
    atomic_store(&r->phase, RUN_STOP);
    uint64_t end = now_us();
    double after = charged(r->o);
    return (measured){(double)(end - start) / 1e6, cpu < 0 || after < 0 ? -1 : after - cpu,
                      cpu_of((int)getpid()) - own};
}

static void print(const options *o, const measured *m, const hist *h, uint64_t rows, uint64_t errors)
{
    double n = h->count == 0 ? 1 : (double)h->count;
    printf("mode=%s connections=%u rate=%.0f seconds=%.2f queries=%llu qps=%.0f rows=%llu errors=%llu "
           "avg_us=%.0f p50_us=%llu p95_us=%llu p99_us=%llu max_us=%llu client_cpu_us=%.2f",
           o->prepared ? "prepared" : "text", o->connections, o->rate, m->wall, (unsigned long long)h->count,
           (double)h->count / m->wall, (unsigned long long)rows, (unsigned long long)errors,
           (double)h->sum_us / n, (unsigned long long)hist_quantile(h, 0.5),
           (unsigned long long)hist_quantile(h, 0.95), (unsigned long long)hist_quantile(h, 0.99),
           (unsigned long long)h->max_us, m->own_cpu * 1e6 / n);
    if (o->npids > 0 && m->cpu >= 0)
        printf(" cpu_us=%.2f cpu_pct=%.1f", m->cpu * 1e6 / n, m->cpu / m->wall * 100);
    putchar('\n');
}

/* Starts all, and waits until each is connected or was refused. */
static bool start(run *r, worker *workers)
{
    for (unsigned i = 0; i < r->o->connections; i++) {
        workers[i].r = r;
        workers[i].index = i;
        if (pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) != 0) {
            fprintf(stderr, "straddle_loadgen: thread %u cannot be made; ask for fewer --connections\n", i);
            exit(REFUSED);
        }
    }
    while (atomic_load(&r->ready) + atomic_load(&r->refused) < r->o->connections) pause_for(0.001);
    r->start_us = now_us();
    return atomic_load(&r->refused) == 0;
}

static int finish(const options *o, worker *workers, const measured *m)
{
    static hist all;
    uint64_t rows = 0, errors = 0;
    const char *first = NULL;
    for (unsigned i = 0; i < o->connections; i++) {
        pthread_join(workers[i].thread, NULL);
        hist_merge(&all, &workers[i].latency);
        rows += workers[i].rows;
        errors += workers[i].errors;
        if (first == NULL && workers[i].first_error[0] != '\0') first = workers[i].first_error;
    }
    if (m != NULL) print(o, m, &all, rows, errors);
    if (first != NULL) fprintf(stderr, "straddle_loadgen: first error: %s\n", first);
    return o->count_failed || (errors == 0 && first == NULL) ? 0 : FAILED;
}

int main(int argc, char **argv)
{
    options o;
    int status;
    if (!options_parse(argc, argv, &o, &status)) return status;
    if (mysql_library_init(0, NULL, NULL) != 0) return REFUSED;
    worker *workers = calloc(o.connections, sizeof *workers);
    if (workers == NULL) return REFUSED;
    run r = {.o = &o};
    sigset_t set = ending();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (start(&r, workers)) {
        measured m = measure(&r);
        status = finish(&o, workers, &m);
    } else {
        atomic_store(&r.phase, RUN_STOP);
        (void)finish(&o, workers, NULL);
        status = REFUSED;
    }
    free(workers);
    mysql_library_end();
    return status;
}
