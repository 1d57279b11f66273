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

static pid_t start(char *const argv[], FILE *in, FILE *out, FILE *err)
{
    pid_t pid = fork();
    if (pid < 0) ts_die("fork: %s", strerror(errno));
    if (pid == 0) become(argv, in, out, err);
    return pid;
}

void ts_command(char *const argv[], const char *input, unsigned seconds, ts_output *o)
{
    FILE *in = scratch(input), *out = scratch(NULL), *err = scratch(NULL);
    int status = wait_end(start(argv, in, out, err), seconds);
    o->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    fclose(in);
    take(out, o->out, sizeof o->out);
    take(err, o->err, sizeof o->err);
}

typedef struct words {
    char text[12][700], *argv[13];
} words;

static void straddle_words(words *w, va_list ap)
{
    size_t n = 1;
    *w = (words){.argv = {w->text[0]}};
    snprintf(w->text[0], sizeof w->text[0], "%s", STRADDLE_BIN);
    for (const char *a = va_arg(ap, const char *); a != NULL && n < 11; a = va_arg(ap, const char *), n++) {
        snprintf(w->text[n], sizeof w->text[n], "%s", a);
        w->argv[n] = w->text[n];
    }
}

void ts_straddle(ts_output *o, const char *input, ...)
{
    words w;
    va_list ap;
    va_start(ap, input);
    straddle_words(&w, ap);
    va_end(ap);
    ts_command(w.argv, input, 300, o);
}

pid_t ts_straddle_start(const char *input, ...)
{
    words w;
    va_list ap;
    FILE *in = scratch(input), *out = scratch(NULL);
    va_start(ap, input);
    straddle_words(&w, ap);
    va_end(ap);
    pid_t pid = start(w.argv, in, out, out);
    fclose(in), fclose(out);
    return pid;
}
