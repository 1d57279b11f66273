/* Files and paths. Reads whole files of bounded size; knows nothing of what is in them. */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_all(int fd, const char *file, b_buf *out, b_err *err)
{
    char chunk[16384];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            b_fail(err, B_IO, "cannot read %s: %s; check the disk", file, strerror(errno));
            return false;
        }
        if (n == 0) return true;
        b_buf_add(out, chunk, (size_t)n);
        cfg__wipe(chunk, (size_t)n);
        if (!out->failed && out->n <= CFG__MAX_FILE) continue;
        b_fail(err, B_TOO_BIG, "%s is larger than %d bytes; this is not such a file, or split it", file,
               CFG__MAX_FILE);
        return false;
    }
}

bool cfg__slurp(const char *file, b_buf *out, b_err *err)
{
    struct stat st;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        b_fail(err, B_IO, "cannot open %s: %s; check the path and the permissions", file, strerror(errno));
        return false;
    }
    bool ok = fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode));
    if (!ok)
        b_fail(err, B_IO, "%s is not a file; name a file", file);
    else if (S_ISFIFO(st.st_mode))
        (void)fcntl(fd, F_SETFL, 0); /* a shell's <(…): wait for its writer */
    ok = ok && read_all(fd, file, out, err);
    close(fd);
    return ok;
}

char *cfg__dir_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    if (slash == NULL) return strdup(".");
    return strndup(file, slash == file ? 1 : (size_t)(slash - file));
}

char *cfg__resolve(const char *dir, const char *file)
{
    b_buf path = {0};
    if (file[0] == '/')
        b_buf_str(&path, file);
    else
        b_buf_printf(&path, "%s/%s", dir, file);
    char *real = path.failed ? NULL : realpath(path.p, NULL);
    if (real == NULL && !path.failed && path.p[0] != '/') { /* is not there: absolute all the same */
        char *base = realpath(".", NULL);
        b_buf full = {0};
        if (base != NULL) b_buf_printf(&full, "%s/%s", base, path.p);
        free(base);
        real = full.p;
    } else if (real == NULL && !path.failed) {
        real = strdup(path.p);
    }
    b_buf_deinit(&path);
    return real;
}
