/* `straddle check-config`: reads the configuration, says what is wrong with it, and ends. */
#ifndef PROXY_CMD_CHECK_CONFIG_H
#define PROXY_CMD_CHECK_CONFIG_H

int px_cmd_check_config(int argc, char **argv); /* an exit status */

#endif
