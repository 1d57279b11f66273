/* Running a command of the operator's, for a bounded time. Knows nothing of what it is for. */
#include "mig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_STEP_MS = 10 };

typedef struct output { /* what it prints; fd -1: not asked for */
    int fd;
    char *text;
    size_t n, size;
} output;

static void kill_group(pid_t pid, int *status)
{
    kill(-pid, SIGKILL);
    while (waitpid(pid, status, 0) < 0 && errno == EINTR) continue;
}

/* A group of its own, so that all of it can be killed. */
static int spawn(const mig__command_line *c, int out, pid_t *pid)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)c->command, NULL};
    size_t n = 0;
    while (environ[n] != NULL) n++;
    char **env = calloc(n + c->nmore + 1, sizeof *env);
    if (env == NULL) return ENOMEM;
    for (size_t i = 0; i < n; i++) env[i] = environ[i];
    for (size_t i = 0; i < c->nmore; i++) env[n + i] = c->more[i];
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t files;
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attr, 0);
    int rc = out < 0 ? 0 : posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    if (rc == 0) rc = posix_spawn(pid, "/bin/sh", &files, &attr, argv, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    free(env);
    return rc;
}

/* The first line is kept, the rest is read so that the command can go on. */
static void drain(output *o)
{
    char chunk[512];
    ssize_t got;
    while (o->fd >= 0 && (got = read(o->fd, chunk, sizeof chunk)) > 0)
        for (ssize_t i = 0; i < got && o->n + 1 < o->size; i++) o->text[o->n++] = chunk[i];
}

static void first_line(output *o)
{
    if (o->fd < 0) return;
    drain(o);
    close(o->fd);
    o->text[o->n] = '\0';
    o->text[strcspn(o->text, "\r\n")] = '\0';
}

static b_status wait_for(const mig__command_line *c, pid_t pid, output *o, int *status, b_err *err)
{
    uint64_t until = mig__now_ms() + c->timeout_ms;
    while (waitpid(pid, status, WNOHANG) == 0) {
        drain(o);
        if (mig__now_ms() < until && (c->stopped == NULL || !c->stopped(c->ctx))) {
            usleep(WAIT_STEP_MS * 1000);
            continue;
        }
        kill_group(pid, status);
        return b_fail(err, B_TIMEOUT, "it was killed after %u ms", (unsigned)c->timeout_ms);
    }
    *status = WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status);
    return B_OK;
}

b_status mig__command(const mig__command_line *c, char *line, size_t size, int *status, b_err *err)
{
    int pipes[2] = {-1, -1};
    pid_t pid;
    *status = -1;
    if (line != NULL && pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0)
        return b_fail(err, B_IO, "no pipe for it: %s", strerror(errno));
    output o = {.fd = pipes[0], .text = line, .size = size};
    int rc = spawn(c, pipes[1], &pid);
    if (pipes[1] >= 0) close(pipes[1]);
    b_status s =
        rc == 0 ? wait_for(c, pid, &o, status, err) : b_fail(err, B_IO, "it cannot be run: %s", strerror(rc));
    first_line(&o);
    return s;
}
