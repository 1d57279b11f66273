/* What the commands have in common: exit statuses, and `-c FILE`. */
#ifndef PROXY_OPTIONS_H
#define PROXY_OPTIONS_H

#include <stdbool.h>

enum { PX_EXIT_OK = 0, PX_EXIT_FAILED = 1, PX_EXIT_USAGE = 2 };

typedef struct px_options {
    char *config;  /* -c, --config; "straddle.yaml" where not given */
    bool takeover; /* serve --takeover */
} px_options;

/* argv[0] is the command's name. False after a message on standard error: PX_EXIT_USAGE. */
bool px_options_read(int argc, char **argv, const char *command, px_options *out);

#endif
