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

/* What is read in one go is bounded, so that one who writes without end is still killed in time. */
enum { WAIT_STEP_MS = 10, CHUNK = 4096, CHUNKS = 64 };

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

/* Its reading end does not wait; the command's own end does, since a program takes EAGAIN for an error. */
static b_status make_pipe(int pipes[2], b_err *err)
{
    if (pipe2(pipes, O_CLOEXEC) == 0 && fcntl(pipes[0], F_SETFL, O_NONBLOCK) == 0) return B_OK;
    b_status s = b_fail(err, B_IO, "no pipe for it: %s", strerror(errno));
    for (int i = 0; i < 2; i++)
        if (pipes[i] >= 0) close(pipes[i]);
    return s;
}

/* The first line is kept, the rest is read so that the command can go on. True: there may be more. */
static bool drain(output *o)
{
    char chunk[CHUNK];
    ssize_t got = 1;
    for (int k = 0; o->fd >= 0 && k < CHUNKS; k++) {
        if ((got = read(o->fd, chunk, sizeof chunk)) <= 0) return false;
        for (ssize_t i = 0; i < got && o->n + 1 < o->size; i++) o->text[o->n++] = chunk[i];
    }
    return o->fd >= 0;
}

/* What the command wrote fits into CHUNKS; what it has started may go on writing, and is not heard. */
static void first_line(output *o)
{
    if (o->fd < 0) return;
    (void)drain(o);
    close(o->fd);
    o->text[o->n] = '\0';
    o->text[strcspn(o->text, "\r\n")] = '\0';
}

static b_status wait_for(const mig__command_line *c, pid_t pid, output *o, int *status, b_err *err)
{
    uint64_t until = mig__now_ms() + c->timeout_ms;
    while (waitpid(pid, status, WNOHANG) == 0) {
        bool more = drain(o);
        if (mig__now_ms() < until && (c->stopped == NULL || !c->stopped(c->ctx))) {
            if (!more) usleep(WAIT_STEP_MS * 1000);
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
    if (line != NULL && make_pipe(pipes, err) != B_OK) return B_IO;
    output o = {.fd = pipes[0], .text = line, .size = size};
    int rc = spawn(c, pipes[1], &pid);
    if (pipes[1] >= 0) close(pipes[1]);
    b_status s =
        rc == 0 ? wait_for(c, pid, &o, status, err) : b_fail(err, B_IO, "it cannot be run: %s", strerror(rc));
    first_line(&o);
    return s;
}
