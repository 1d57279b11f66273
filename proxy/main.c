/* straddle: picks the command. Exit status: 0 done, 1 failed, 2 wrong usage or configuration. */
#include "cmd_check_config.h"
#include "cmd_ctl.h"
#include "cmd_rehearse.h"
#include "cmd_rewrite.h"
#include "cmd_serve.h"
#include "options.h"

#include <stdio.h>
#include <string.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *form, *meaning;
} commands[] = {
    {"serve", px_cmd_serve, "serve -c FILE [--takeover]",
     "run the proxy until SIGTERM or SIGINT; SIGHUP reads FILE again; --takeover: in place of the one that "
     "runs"},
    {"check-config", px_cmd_check_config, "check-config -c FILE", "say what is wrong with FILE, and end"},
    {"ctl", px_cmd_ctl, "ctl -c FILE [--json] COMMAND", "run an admin command, such as \"SHOW MIGRATIONS\""},
    {"rehearse", px_cmd_rehearse, "rehearse --migration NAME --on ADDRESS …",
     "take a migration through all phases on a clone of the database"},
    {"rewrite", px_cmd_rewrite, "rewrite --ddl FILE --migration FILE --phase PHASE …",
     "print statements from standard input as they would be sent"},
};

static void print_help(FILE *out)
{
    fputs("straddle: a MySQL-protocol proxy for expand-contract schema migrations\n\nUsage:\n", out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  straddle %-52s %s\n", commands[i].form, commands[i].meaning);
    fputs("  straddle --help | --version\n\n"
          "FILE is straddle.yaml in the current folder where it is not given.\n\n"
          "Exit status: 0 done, 1 failed, 2 wrong usage or configuration\n",
          out);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return PX_EXIT_OK;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        puts("straddle " STRADDLE_VERSION);
        return PX_EXIT_OK;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(name, commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
    if (argc > 1) fprintf(stderr, "straddle: unknown command `%s`\n\n", name);
    print_help(stderr);
    return PX_EXIT_USAGE;
}
