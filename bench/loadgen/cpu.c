/* CPU time of processes: fields 14 and 15 of /proc/PID/stat. */
#include "cpu.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

double cpu_of(int pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL) return -1;
    char *got = fgets(line, sizeof line, f);
    fclose(f);
    /* The name, in parentheses, may hold anything: count from behind it. */
    char *after = got == NULL ? NULL : strrchr(line, ')');
    unsigned long long user, system;
    if (after == NULL ||
        sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
        return -1;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}
