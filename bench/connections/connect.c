/* Opens many connections from several threads, says how many a second that were, keeps them for a while, and
 * closes them:
 *
 *   straddle_connect HOST PORT CONNECTIONS THREADS SECONDS
 *
 * Prints `opened N failed N seconds S rate R` once they are open, and ends after SECONDS. Logs in as root
 * without a password. */
#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 64 };

typedef struct worker {
    pthread_t thread;
    const char *host;
    unsigned port, wanted, opened;
    MYSQL **connections;
    char why[512];
} worker;

static void *worker_main(void *arg)
{
    worker *w = arg;
    for (unsigned i = 0; i < w->wanted; i++) {
        MYSQL *m = mysql_init(NULL);
        if (m == NULL) break;
        if (mysql_real_connect(m, w->host, "root", "", NULL, w->port, NULL, 0) != NULL) {
            w->connections[w->opened++] = m;
            continue;
        }
        snprintf(w->why, sizeof w->why, "%s", mysql_error(m));
        mysql_close(m);
    }
    mysql_thread_end();
    return NULL;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static worker w[THREADS_MAX];
    if (argc != 6) {
        fputs("usage: straddle_connect HOST PORT CONNECTIONS THREADS SECONDS\n", stderr);
        return 2;
    }
    unsigned total = (unsigned)strtoul(argv[3], NULL, 10), threads = (unsigned)strtoul(argv[4], NULL, 10);
    if (threads == 0 || threads > THREADS_MAX || mysql_library_init(0, NULL, NULL) != 0) return 2;
    unsigned opened = 0;
    for (unsigned i = 0; i < threads; i++) {
        w[i].host = argv[1];
        w[i].port = (unsigned)strtoul(argv[2], NULL, 10);
        w[i].wanted = total / threads + (i < total % threads);
        w[i].connections = calloc(w[i].wanted + 1, sizeof(MYSQL *));
        if (w[i].connections == NULL) return 1;
    }
    double began = now();
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&w[i].thread, NULL, worker_main, &w[i]) != 0) return 1;
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(w[i].thread, NULL);
        opened += w[i].opened;
        if (w[i].why[0] != '\0') fprintf(stderr, "straddle_connect: %s\n", w[i].why);
    }
    double took = now() - began;
    printf("opened %u failed %u seconds %.2f rate %.0f\n", opened, total - opened, took, opened / took);
    fflush(stdout);
    sleep((unsigned)strtoul(argv[5], NULL, 10));
    for (unsigned i = 0; i < threads; i++) {
        for (unsigned k = 0; k < w[i].opened; k++) mysql_close(w[i].connections[k]);
        free(w[i].connections);
    }
    mysql_library_end();
    return opened == total ? 0 : 1;
}
