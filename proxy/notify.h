/* Tells the service manager (systemd, by NOTIFY_SOCKET) how the process is; does nothing where there is none.
 */
#ifndef PROXY_NOTIFY_H
#define PROXY_NOTIFY_H

/* state: as in sd_notify(3), such as "READY=1". */
void px_notify(const char *state);

#endif
