/* Runs programs and keeps what they print. Input and output go through files, so that nothing can block. */
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static FILE *scratch(const char *content)
{
    FILE *f = tmpfile();
    if (f == NULL) ts_die("no temporary file: %s", strerror(errno));
    if (content != NULL) fputs(content, f);
    fflush(f);
    rewind(f);
    return f;
}

static void take(FILE *f, char *out, size_t size)
{
    rewind(f);
    size_t n = fread(out, 1, size - 1, f);
    out[n] = '\0';
    fclose(f);
}

static void become(char *const argv[], FILE *in, FILE *out, FILE *err)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(fileno(in), 0);
    dup2(fileno(out), 1);
    dup2(fileno(err), 2);
    for (int fd = 3; fd < 1024; fd++) close(fd);
    execv(argv[0], argv);
    _exit(127);
}

static int wait_end(pid_t pid, unsigned seconds)
{
    int status = 0;
    for (unsigned i = 0; i < seconds * 50; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid) return status;
        nanosleep(&(struct timespec){0, 20000000}, NULL);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return status;
}

void ts_command(char *const argv[], const char *input, unsigned seconds, ts_output *o)
{
    FILE *in = scratch(input), *out = scratch(NULL), *err = scratch(NULL);
    pid_t pid = fork();
    if (pid < 0) ts_die("fork: %s", strerror(errno));
    if (pid == 0) become(argv, in, out, err);
    int status = wait_end(pid, seconds);
    o->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    fclose(in);
    take(out, o->out, sizeof o->out);
    take(err, o->err, sizeof o->err);
}

void ts_straddle(ts_output *o, const char *input, ...)
{
    char words[12][700], *argv[13] = {words[0]};
    size_t n = 1;
    va_list ap;
    snprintf(words[0], sizeof words[0], "%s", STRADDLE_BIN);
    va_start(ap, input);
    for (const char *a = va_arg(ap, const char *); a != NULL && n < 11; a = va_arg(ap, const char *), n++) {
        snprintf(words[n], sizeof words[n], "%s", a);
        argv[n] = words[n];
    }
    va_end(ap);
    ts_command(argv, input, 300, o);
}
