/* Log lines: their form as text and as JSON, values that are hostile, and descriptors that take nothing. */
#include "base/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

/* What was written behind the time. */
static const char *rest(char *line)
{
    char *at = strstr(line, "level");
    assert_non_null(at);
    return at;
}

static void expect(int fd, const char *want)
{
    char line[8192];
    ssize_t n = read(fd, line, sizeof line - 1);
    assert_true(n > 0);
    line[n] = '\0';
    assert_string_equal(rest(line), want);
}

static void test_forms(void **state)
{
    (void)state;
    int p[2];
    b_log l;
    assert_int_equal(pipe(p), 0);
    b_log_init(&l, p[1], B_INFO);
    b_logf(&l, B_WARN, "session", "session=%llu user=%s client=%.*s it took %d ms", 7ull, "bob", 3, "abcdef",
           5);
    expect(p[0], "level=warn component=session session=7 user=bob client=abc msg=\"it took 5 ms\"\n");
    b_logf(&l, B_INFO, "x", "a=%s b=%s", "", "two words");
    expect(p[0], "level=info component=x a=\"\" b=\"two words\"\n");
    b_logf(&l, B_INFO, "x", "user=%s %s", "eve\nlevel=error msg=\"x", "a\"b\\c\x01 \xC3\xA9 \xFF");
    expect(p[0],
           "level=info component=x user=\"eve\\x0alevel=error msg=\\\"x\" msg=\"a\\\"b\\\\c\\x01 \xC3\xA9 "
           "\\xff\"\n");
    b_logf(&l, B_INFO, "x", "no fields, a=%s", "1");
    expect(p[0], "level=info component=x msg=\"no fields, a=1\"\n");
    b_logf(&l, B_DEBUG, "x", "not written");
    b_log_set(&l, B_DEBUG, B_LOG_JSON);
    b_logf(&l, B_DEBUG, "x", "n=%u user=%s it \"is\" \xFF\n", 3u, "a b");
    expect(p[0], "level\":\"debug\",\"component\":\"x\",\"n\":3,\"user\":\"a b\",\"msg\":\"it \\\"is\\\" "
                 "\\u00ff\\u000a\"}\n");
    close(p[0]), close(p[1]);
}

/* A line that is too long is cut where it does no harm. */
static void test_long(void **state)
{
    (void)state;
    int p[2];
    b_log l;
    char *longer = malloc(6001), line[8192];
    memset(longer, '"', 6000);
    longer[6000] = '\0';
    assert_int_equal(pipe(p), 0);
    b_log_init(&l, p[1], B_INFO);
    for (int json = 0; json < 2; json++) {
        b_log_set(&l, B_INFO, json ? B_LOG_JSON : B_LOG_TEXT);
        b_logf(&l, B_INFO, "x", "a=%s b=%s c=%s %s", longer, longer, longer, longer);
        ssize_t n = read(p[0], line, sizeof line - 1);
        assert_true(n > 3000 && n <= 4096);
        assert_memory_equal(line + n - (json ? 3 : 2), json ? "\"}\n" : "\"\n", json ? 3 : 2);
    }
    free(longer);
    close(p[0]), close(p[1]);
}

static void fill(int fd)
{
    char junk[4096];
    memset(junk, '\n', sizeof junk);
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    while (write(fd, junk, sizeof junk) > 0) {
    }
    while (write(fd, junk, 1) > 0) {
    }
    fcntl(fd, F_SETFL, flags); /* from here on a write would wait */
}

static void drain(int fd, size_t most)
{
    char junk[4096];
    for (size_t n = 0; n < most;) {
        ssize_t got = recv(fd, junk, sizeof junk, MSG_DONTWAIT);
        if (got < 0) got = read(fd, junk, sizeof junk);
        assert_true(got > 0);
        n += (size_t)got;
    }
}

/* Nobody reads: lines are dropped, and that is said once somebody does. */
static void check_full(int from, int to, size_t room)
{
    b_log l;
    char line[4096];
    b_log_init(&l, to, B_INFO);
    fill(to);
    for (int i = 0; i < 3; i++) b_logf(&l, B_INFO, "x", "lost");
    assert_int_equal(atomic_load(&l.lost), 3);
    drain(from, room);
    b_logf(&l, B_INFO, "x", "heard");
    assert_int_equal(atomic_load(&l.lost), 3);
    FILE *f = fdopen(dup(from), "r");
    close(to);
    size_t seen = 0;
    while (fgets(line, sizeof line, f) != NULL) {
        const char *at = strstr(line, "component");
        if (at == NULL) continue;
        assert_string_equal(at, seen++ == 0
                                    ? "component=log msg=\"3 lines before this one could not be written\"\n"
                                    : "component=x msg=heard\n");
    }
    assert_int_equal(seen, 2);
    fclose(f);
    close(from);
}

static void test_full(void **state)
{
    (void)state;
    int p[2];
    assert_int_equal(pipe(p), 0);
    check_full(p[0], p[1], 16384);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
    check_full(p[0], p[1], 65536);
    int full = open("/dev/full", O_WRONLY);
    b_log l;
    assert_true(full >= 0);
    b_log_init(&l, full, B_INFO);
    for (int i = 0; i < 10; i++) b_logf(&l, B_INFO, "x", "lost");
    assert_int_equal(atomic_load(&l.lost), 10);
    close(full);
}

/* A file that may not grow: what is cut in the middle stays one line of its own. */
static void test_file_too_large(void **state)
{
    (void)state;
    char path[] = "/tmp/straddle-log-XXXXXX", line[256];
    struct rlimit old, small;
    b_log l;
    int fd = mkstemp(path), lines = 0;
    assert_true(fd >= 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 100;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    b_log_init(&l, fd, B_INFO);
    for (int i = 0; i < 5; i++) b_logf(&l, B_INFO, "x", "a line of some length, %d", i);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    b_logf(&l, B_INFO, "x", "the last one");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char last[256] = "";
    while (fgets(line, sizeof line, f) != NULL) lines++, snprintf(last, sizeof last, "%s", line);
    assert_int_equal(lines, 4); /* whole, cut, what was lost, the last one */
    if (strncmp(last, "time=", 5) != 0 || strstr(last, "the last one") == NULL) fail_msg("%s", last);
    fclose(f);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_long),
                                       cmocka_unit_test(test_full), cmocka_unit_test(test_file_too_large)};
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
