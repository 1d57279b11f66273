/* `straddle ctl`: sends statements to the admin port of a configuration and prints the answers. */
#ifndef PROXY_CMD_CTL_H
#define PROXY_CMD_CTL_H

/* argv[0] is "ctl". Returns the exit status: 0 done, 1 a statement failed, 2 it could not run at all (usage,
 * configuration, connection). */
int px_cmd_ctl(int argc, char **argv);

#endif
