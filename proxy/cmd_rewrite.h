/* `straddle rewrite`: prints statements from standard input as they would be sent to the server. */
#ifndef PROXY_CMD_REWRITE_H
#define PROXY_CMD_REWRITE_H

int px_cmd_rewrite(int argc, char **argv); /* an exit status */

#endif
