/* See cmd_check_config.h. */
#include "cmd_check_config.h"

#include "app.h"
#include "options.h"
#include "tls_context.h"

#include <stdio.h>

int px_cmd_check_config(int argc, char **argv)
{
    px_options o;
    if (!px_options_read(argc, argv, "check-config", &o)) return PX_EXIT_USAGE;
    b_buf diag = {0};
    cfg_config *c = cfg_load(o.config, &diag);
    px_tls_contexts tls = {0};
    if (c != NULL && (!px_rules_compile(c, &diag) || !px_tls_contexts_load(&tls, c, NULL, false, &diag))) {
        cfg_free(c);
        c = NULL;
    }
    px_tls_contexts_free(&tls);
    if (diag.n > 0) fputs(b_buf_cstr(&diag), stderr);
    if (c != NULL)
        printf("%s: ok: %zu listeners, backend %s, %zu replicas, %zu migrations, %zu rules\n", o.config,
               c->nlisteners, c->backend.address.text, c->nreplicas, c->nmigrations, c->nrules);
    int status = c == NULL ? PX_EXIT_USAGE : PX_EXIT_OK;
    cfg_free(c);
    b_buf_deinit(&diag);
    return status;
}
