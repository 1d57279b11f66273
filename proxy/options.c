/* See options.h. */
#include "options.h"

#include <stdio.h>
#include <string.h>

bool px_options_read(int argc, char **argv, const char *command, px_options *out)
{
    static char usual[] = "straddle.yaml";
    *out = (px_options){.config = usual};
    for (int i = 1; i < argc; i++) {
        bool is_config = strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--config") == 0;
        if (is_config && i + 1 < argc) {
            out->config = argv[++i];
            continue;
        }
        if (strcmp(argv[i], "--takeover") == 0 && strcmp(command, "serve") == 0) {
            out->takeover = true;
            continue;
        }
        fprintf(stderr, "straddle %s: %s `%s`; use: straddle %s -c straddle.yaml\n", command,
                is_config ? "no file after" : "unknown argument", argv[i], command);
        return false;
    }
    return true;
}
