/* `straddle serve`: runs the proxy. */
#ifndef PROXY_CMD_SERVE_H
#define PROXY_CMD_SERVE_H

int px_cmd_serve(int argc, char **argv); /* an exit status */

#endif
