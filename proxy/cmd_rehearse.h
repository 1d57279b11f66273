/* `straddle rehearse`: a whole migration, forward and back, on a clone of the database under generated load.
 */
#ifndef PROXY_CMD_REHEARSE_H
#define PROXY_CMD_REHEARSE_H

/* argv[0] is "rehearse". Exit status: 0 passed, 1 it did not, 2 wrong usage or configuration. */
int px_cmd_rehearse(int argc, char **argv);

#endif
