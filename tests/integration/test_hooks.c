/* Hooks: a command and an HTTP address are told of phases, gates and the end; one that hangs is killed, and
 * holds up nothing. */
#include "shop.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

typedef struct catcher { /* answers every request with 200, and keeps what it was sent */
    int fd;
    pthread_t thread;
    pthread_mutex_t mu;
    char all[16384];
} catcher;

static void *catch_main(void *arg)
{
    catcher *k = arg;
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    for (int c = accept(k->fd, NULL, NULL); c >= 0; c = accept(k->fd, NULL, NULL)) {
        char buf[4096];
        size_t have = 0;
        while (have < sizeof buf - 1 &&
               (have == 0 || buf[have - 1] != '\n' || strstr(buf, "\r\n\r\n{") == NULL)) {
            ssize_t n = recv(c, buf + have, sizeof buf - 1 - have, 0);
            if (n <= 0) break;
            have += (size_t)n;
            buf[have] = '\0';
        }
        pthread_mutex_lock(&k->mu);
        size_t used = strlen(k->all);
        snprintf(k->all + used, sizeof k->all - used, "%.*s", (int)have, buf);
        pthread_mutex_unlock(&k->mu);
        if (send(c, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0) print_message("the hook hung up\n");
        close(c);
    }
    return NULL;
}

static unsigned catch_start(catcher *k)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    pthread_mutex_init(&k->mu, NULL);
    k->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(k->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(k->fd, 16), 0);
    assert_int_equal(getsockname(k->fd, (struct sockaddr *)&a, &len), 0);
    assert_int_equal(pthread_create(&k->thread, NULL, catch_main, k), 0);
    return ntohs(a.sin_port);
}

static bool caught(catcher *k, const char *part)
{
    for (int i = 0; i < 1200; i++, usleep(50000)) {
        pthread_mutex_lock(&k->mu);
        bool there = strstr(k->all, part) != NULL;
        pthread_mutex_unlock(&k->mu);
        if (there) return true;
    }
    return false;
}

static bool file_has(const char *path, const char *line)
{
    for (int i = 0; i < 1200; i++, usleep(50000)) {
        char buf[4096] = "";
        FILE *in = fopen(path, "r");
        if (in == NULL) continue;
        buf[fread(buf, 1, sizeof buf - 1, in)] = '\0';
        fclose(in);
        if (strstr(buf, line) != NULL) return true;
    }
    return false;
}

static void test_hooks(void **state)
{
    (void)state;
    static catcher k;
    char extra[700], path[] = "/tmp/straddle-hook-XXXXXX";
    shop f;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    unsigned port = catch_start(&k);
    snprintf(extra, sizeof extra,
             "hooks:\n"
             "  - {on: phase, command: 'sleep 60', timeout_ms: 200}\n"
             "  - {on: 'phase, done', command: 'echo \"$STRADDLE_EVENT $STRADDLE_MIGRATION $STRADDLE_FROM "
             "$STRADDLE_TO $STRADDLE_DETAIL\" >> %s'}\n"
             "  - {on: gate, url: 'http://127.0.0.1:%u/hook'}",
             path, port);
    shop_start(&f, ts_mysql(), extra);
    shop_apply(&f, "observe_days: 7");
    ts_go(f.admin, SHOP_MIGRATION, "dual_write");
    assert_true(file_has(path, "phase " SHOP_MIGRATION " expanded dual_write ok"));
    ts_go(f.admin, SHOP_MIGRATION, "retired");
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    shop_expect(f.admin, "ADVANCE MIGRATION " SHOP_MIGRATION, 1235, "FORCE");
    clock_gettime(CLOCK_MONOTONIC, &b);
    assert_true(b.tv_sec - a.tv_sec < 10); /* nobody waits for the one that sleeps */
    assert_true(
        caught(&k, "\"event\": \"gate\", \"migration\": \"" SHOP_MIGRATION "\", \"from\": \"retired\""));
    ts_do(f.admin, "ADVANCE MIGRATION " SHOP_MIGRATION " TO finished FORCE");
    assert_true(file_has(path, "phase " SHOP_MIGRATION " retired contracted forced"));
    assert_true(file_has(path, "done " SHOP_MIGRATION " contracted finished"));
    shop_end(&f);
    shutdown(k.fd, SHUT_RDWR);
    pthread_join(k.thread, NULL);
    close(k.fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hooks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
