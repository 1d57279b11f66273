#include "commands.h"

#define CHANGES CFG_ROLE_OPERATOR
#define READS CFG_ROLE_READ_ONLY
#define STEPS "step,detail,ms"

const adm__command adm__commands[] = {
    {"SHOW MIGRATIONS", READS, adm__show_migrations,
     "name,table,phase,rows_done,rows_total,throttle,last_error", "All migrations, one a row."},
    {"SHOW MIGRATION name", READS, adm__show_migration,
     "name,table,columns,phase,since,epoch,generation,enabled,old_trusted,pending,backfill,direction,rows_"
     "done,rows_total,rate_rows_s,eta_s,throttle,chunk_rows,max_lag_ms,max_threads_running,observe_days,"
     "guard,checksum,checksum_rows,checksum_differing,checksum_at,shadow_sampled,shadow_compared,"
     "shadow_differing,shadow_skipped,shadow_failed,shadow_dropped,waiting_for,last_error",
     "Everything known of one migration, in one row: progress, rate, what it waits for."},
    {"APPLY MIGRATION FROM FILE path", CHANGES, adm__apply_file, NULL,
     "Reads a definition file and takes the migration on, in phase planned. A relative path starts at "
     "migrations_dir."},
    {"APPLY MIGRATION yaml", CHANGES, adm__apply, NULL,
     "Takes on the migration whose definition is given as a quoted text, in phase planned."},
    {"REMOVE MIGRATION name", CHANGES, adm__remove, NULL,
     "Takes a planned or finished migration off the list; its history stays."},
    {"CHECK MIGRATION name", READS, adm__check, "check,result,detail",
     "Runs the preflight again: what on the table stands in the way."},
    {"PLAN MIGRATION name FORMAT flyway|liquibase|sql", READS, adm__plan, "file,content",
     "The plan as versioned files, to expand, to contract, and to undo each."},
    {"PLAN MIGRATION name", READS, adm__plan,
     "step,phase,sql,rollback_sql,algorithm,lock,estimate,space,replica_lag",
     "Every step of the migration: its SQL, the SQL of the way back, what the server does with it, the "
     "time."},
    {"ADVANCE MIGRATION name [TO phase] [FORCE]", CHANGES, adm__advance, STEPS,
     "One phase forward, or phase by phase up to the one named. FORCE passes a gate that is not met, and is "
     "recorded."},
    {"ROLLBACK MIGRATION name [TO phase]", CHANGES, adm__rollback, STEPS,
     "One phase back, or phase by phase back to the one named."},
    {"EXPLAIN ROLLBACK name [TO phase]", READS, adm__explain_rollback, "from,to,cost,lost",
     "What going back would cost, and what would be lost; nothing is done."},
    {"ABORT MIGRATION name", CHANGES, adm__abort, STEPS,
     "Back to planned, and off the list: the table is left as it was found."},
    {"ADVISE MIGRATION name", READS, adm__advise, "way,advised,why",
     "Plain DDL, an instant rename, dual writes or a shadow table: which is best, and which figures decide."},
    {"PAUSE BACKFILL name", CHANGES, adm__pause, NULL, "Stops the backfill after the running chunk."},
    {"RESUME BACKFILL name", CHANGES, adm__resume, NULL, "Lets a paused backfill go on."},
    {"SHOW BACKFILL name", READS, adm__show_backfill, "setting,value,meaning",
     "All settings of the backfill's pace."},
    {"SET BACKFILL name setting = value", CHANGES, adm__set_backfill, NULL,
     "Changes the pace of the backfill at once, and keeps it."},
    {"SET GUARD name none|watch|triggers", CHANGES, adm__set_guard, NULL,
     "What looks after writes that bypass the proxy: changes it at once, and keeps it."},
    {"SHOW GUARD", READS, adm__show_guard, "server,file,position,runner,kept,missed,missed_at",
     "Where in the binary log guard: watch is, and what it could not read."},
    {"SHOW BYPASS name", READS, adm__show_bypass,
     "key,server_id,written,seen,side,old_value,new_value,repaired",
     "Rows that were written past the proxy, found by guard: watch."},
    {"REPAIR BYPASS name", CHANGES, adm__repair_bypass, "rows,left",
     "Makes right the rows of SHOW BYPASS that are not repaired."},
    {"VERIFY MIGRATION name [REPAIR]", CHANGES, adm__verify, "rows,chunks,differing,repaired,first_keys,ms",
     "Compares the two columns of every row, chunk by chunk, byte for byte. REPAIR makes right what "
     "differs."},
    {"SHOW DIFFERENCES name", READS, adm__show_differences, "key,old_value,new_value,seen,repaired",
     "Rows whose columns differed when they were compared."},
    {"SHOW RECHECK", READS, adm__show_recheck, "migration,rounds,rows,differing,first_keys,ended",
     "The last of the rounds in which both columns are compared again and again."},
    {"SHOW SHADOW READS name", READS, adm__show_shadow,
     "outcome,detail,reads,statement,rows,other_rows,first_seen,last_seen,settled",
     "What came of SELECTs that were run again through both columns."},
    {"SHOW REHEARSALS", READS, adm__show_rehearsals,
     "migration,clone,started,ended,result,rows,rows_after,differing,statements,conflicts,errors,worst_p99_"
     "ms,"
     "worst_lag_ms,steps",
     "What `straddle rehearse` has tried on clones of the database."},
    {"EXPLAIN REWRITE [AS user] [VERSION old|new|both] [SCHEMA schema] [PHASE phase] [PROGRAM program] [RULE "
     "rule] "
     "sql...",
     READS, adm__explain, "verdict,sql,parameters,reason,rules",
     "What would be sent for a statement, without sending it."},
    {"SHOW USAGE", READS, adm__show_usage,
     "migration,name,user,host,program,digest,sample,count,first_seen,last_seen",
     "Who still says the old name, and who the new one."},
    {"SHOW RULES", READS, adm__show_rules, "migration,table,from,to,phase,enabled,epoch",
     "The rules in force in this instance."},
    {"SHOW REGEX RULES", READS, adm__show_regex_rules,
     "name,order,enabled,user,schema,program,digest,digest_text,text,action,replace,message,chain,on_error,"
     "max_"
     "bytes,hits,errors,last_seen",
     "The regex rules, in the order they run in, and how often each has acted in this instance."},
    {"CREATE RULE yaml", CHANGES, adm__create_rule, NULL,
     "Makes the regex rule whose definition is given as a quoted text."},
    {"ALTER RULE yaml", CHANGES, adm__alter_rule, NULL,
     "Gives the regex rule that the text names the whole of its definition anew."},
    {"DROP RULE name", CHANGES, adm__drop_rule, NULL, "Takes a regex rule away."},
    {"ENABLE RULE name", CHANGES, adm__enable_rule, NULL, "Lets a regex rule run."},
    {"DISABLE RULE name", CHANGES, adm__disable_rule, NULL,
     "Keeps a regex rule, but does not run it; EXPLAIN REWRITE RULE still tries it."},
    {"ENABLE MIGRATION name", CHANGES, adm__enable, NULL, "Lets both names work again."},
    {"DISABLE MIGRATION name", CHANGES, adm__disable, NULL,
     "Refuses the name that is not the table's own at this phase; writes go on being kept in step."},
    {"SHOW REFUSALS", READS, adm__show_refusals, "code,migration,user,message,sample,count,last_seen",
     "Statements that were refused, and why."},
    {"SHOW CLIENTS", READS, adm__show_clients,
     "id,user,host,program,schema,version,state,backend_id,epoch,transaction,statements,bytes_in,bytes_out,"
     "age_s,thread",
     "The client connections of this instance."},
    {"SHOW INSTANCES", READS, adm__show_instances,
     "id,host,pid,started,state,lease_ms,seen_epoch,acked_epoch,waiting_for,connections",
     "The proxies that serve this database."},
    {"SHOW STATS", READS, adm__show_stats, "name,value,unit,meaning",
     "Counters since the start of this instance."},
    {"SHOW CONFIG", READS, adm__show_config, "key,value",
     "The configuration in force; passwords are shown as ***."},
    {"SHOW HISTORY [name]", READS, adm__show_history,
     "id,at,migration,who,from_host,action,from_phase,to_phase,sql,duration_ms,result,forced",
     "What was done to migrations, by whom, when."},
    {"EXPORT HISTORY [name]", READS, adm__export_history, "json",
     "The whole history, the oldest entry first, one JSON object a row."},
    {"RELOAD CONFIG", CHANGES, adm__reload, NULL,
     "Reads the configuration file anew. Where it has a fault, the old one stays in force."},
    {"SET LOG LEVEL debug|info|warn|error", CHANGES, adm__set_log_level, NULL,
     "Log lines below it are not written, until the next reload of the configuration."},
    {"KILL QUERY id", CHANGES, adm__kill_query, NULL,
     "Always an error, so that an interrupt key cannot hit a client."},
    {"KILL [CONNECTION] id", CHANGES, adm__kill, NULL, "Ends a client connection; id as in SHOW CLIENTS."},
    {"SHUTDOWN", CHANGES, adm__shutdown, NULL, "Ends this instance as SIGTERM does: open work first."},
    {"HELP [command...]", READS, adm__help, "form,role,columns,meaning",
     "This list, or the part that begins with the words given."},
};
const size_t adm__ncommands = sizeof adm__commands / sizeof adm__commands[0];

void adm_describe(b_table *out)
{
    static const char *const names[] = {"form", "role", "columns", "meaning"};
    for (size_t i = 0; i < 4; i++) b_table_column(out, names[i]);
    for (size_t i = 0; i < adm__ncommands; i++) {
        const adm__command *c = &adm__commands[i];
        b_table_row(out);
        b_table_str(out, c->form);
        b_table_str(out, c->role == CFG_ROLE_OPERATOR ? "operator" : "read_only");
        b_table_str(out, c->columns == NULL ? "" : c->columns);
        b_table_str(out, c->meaning);
    }
}
