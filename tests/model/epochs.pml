/* The rules by which several instances change the phase of one migration, for the model checker spin.
 *
 * One row of the table with columns A and B; INSTANCES proxies with one client session each; COORDINATORS programs
 * that walk edges, run DDL and the backfill. Names are those of the code (migrate/, proxy/): who changes a rule there
 * changes it here. Every rule can be switched off (-DRULE=0); `check` shows that the checker then finds an error.
 *
 * What is left out. A value is 1, the last that was acknowledged, or 0, stale or NULL: what is stale is never right by
 * luck. An epoch is its age: 0 the published one, 1 the one before, 2 older. A statement is sent, and executed later:
 * between the two its proxy may be paused or dead, and the phase may change. An incarnation whose instance comes back
 * is fenced first; one that comes back earlier is a new row in straddle.instances, as if it had not been there.
 * Not here: INSERT and defaults, twin indexes, XA, liveness. DDL after an edge waits for ACK here as there, although
 * the ACK before the edge is enough for what is modelled: it has no switch. */
#ifndef INSTANCES
#define INSTANCES 2
#endif
#ifndef COORDINATORS
#define COORDINATORS 1
#endif
/* Rules of a session */
#ifndef PIN_AT_BEGIN
#define PIN_AT_BEGIN 1 /* px_session_take_rules: a transaction's epoch is taken at its first statement of any kind */
#endif
#ifndef PIN
#define PIN 1 /* px_session_pinned: and kept to its end */
#endif
#ifndef REGISTER
#define REGISTER 1 /* px_query_ready: the connection is registered, while the instance lives, before the first send */
#endif
/* Rules of an instance */
#ifndef ACK_TRANSACTIONS
#define ACK_TRANSACTIONS 1 /* mig__ack_self waits for transactions ... */
#endif
#ifndef ACK_STATEMENTS
#define ACK_STATEMENTS 1 /* ... and for statements */
#endif
#ifndef FENCE
#define FENCE 1 /* mig__fence: a dead instance's connections are killed and gone before it counts as acknowledged */
#endif
#ifndef REJOIN_DROPS
#define REJOIN_DROPS 1 /* mig__lease_join drops all sessions ... */
#endif
#ifndef REJOIN_READS
#define REJOIN_READS 1 /* ... and takes the published epoch once its row is there */
#endif
#ifndef REJOIN_DROPS_AGAIN
#define REJOIN_DROPS_AGAIN 1 /* serve: what connected in between is dropped, too */
#endif
/* Rules of a coordinator */
#ifndef EDGE_WAITS
#define EDGE_WAITS 1 /* mig__publish waits for ACK of the present epoch */
#endif
#ifndef FREE_BACK_LOOKS
#define FREE_BACK_LOOKS 1 /* back_is_free: no ACK only where the last edge was the one that is gone back */
#endif
#ifndef ONE_CONNECTION
#define ONE_CONNECTION 1 /* mig__op: GET_LOCK, DDL and record are of one connection */
#endif
#ifndef BACKFILL_WAITS
#define BACKFILL_WAITS 1 /* find_work: all have acknowledged the epoch that began it */
#endif
#ifndef CHECKPOINT
#define CHECKPOINT 1 /* checkpoint(): a chunk runs in its own phase and generation or not at all */
#endif
#ifndef BACK_VOIDS
#define BACK_VOIDS 1 /* dual_write > expanded voids the completion */
#endif
#ifndef TRUST
#define TRUST 1 /* gate_trusted: switched > dual_write only when A was filled again */
#endif

#define PLANNED 0
#define EXPANDED 1
#define DUAL_WRITE 2
#define SWITCHED 3
#define RETIRED 4
#define CONTRACTED 5
#define WRITES_A(p) ((p) <= SWITCHED)
#define WRITES_B(p) ((p) >= DUAL_WRITE)
#define READS_A(p) ((p) <= DUAL_WRITE)

#define NOTHING 0
#define READ 1
#define WRITE 2

/* states of an instance's row */
#define LIVE 0
#define DEAD 1   /* dead_at is set */
#define FENCED 2 /* its row is gone */
#define JOINING 3 /* a new incarnation's row is there, its rules are not read */

/* The server: columns, the committed row, and the row as the owner of its lock has it. */
bool colA = 1, colB = 0, valA = 1, valB = 0, newA = 0, newB = 0;
byte rowLock = 0; /* session + 1 */
/* Schema straddle. */
byte phase = PLANNED, from = PLANNED;       /* of the migration; the phase before the last edge */
bool complete = 0, trusted = 1, pending = 0; /* backfill complete; A trusted; DDL after publishing not recorded */
byte lock = 0;                              /* GET_LOCK: coordinator + 1 */
byte state[INSTANCES] = LIVE;
bool acked[INSTANCES] = 1;
bool chunkMine[COORDINATORS] = 0; /* the chunk that this coordinator has sent is of the present phase, generation */
/* Instances: the ruleset in force. Sessions: epoch that is held, what is in flight, read view. */
byte rulesAge[INSTANCES] = 0, rulesPhase[INSTANCES] = PLANNED;
byte age[INSTANCES] = 0, in[INSTANCES] = PLANNED, sent[INSTANCES] = 0, flying[INSTANCES] = NOTHING;
bool open[INSTANCES] = 0, pinned[INSTANCES] = 0, view[INSTANCES] = 0, registered[INSTANCES] = 0;
bool touched[INSTANCES] = 0, viewA[INSTANCES] = 0, viewB[INSTANCES] = 0;

inline session_over(i) /* rolled back where it was not committed */
{
  if :: rowLock == i + 1 -> rowLock = 0; newA = 0; newB = 0 :: else fi;
  open[i] = 0; flying[i] = NOTHING; touched[i] = 0; pinned[i] = 0; view[i] = 0; sent[i] = 0; registered[i] = 0;
  age[i] = 0; in[i] = 0; viewA[i] = 0; viewB[i] = 0
}

inline take_rules(i) { pinned[i] = 1; age[i] = rulesAge[i]; in[i] = rulesPhase[i] }

/* px_session_holds: nothing of an older epoch than the rules in force */
#define CLEAN(i) (!pinned[i] || age[i] == rulesAge[i] || \
  (!ACK_TRANSACTIONS && (!ACK_STATEMENTS || flying[i] == NOTHING)))
/* held epochs are of the present phase or a neighbour of it */
#define NEAR(i) (in[i] == phase || in[i] + 1 == phase || in[i] == phase + 1)

proctype Instance(byte i)
{
  do
  :: d_step { state[i] == LIVE && rulesAge[i] != 0 -> rulesAge[i] = 0; rulesPhase[i] = phase } /* mig__refresh */
  :: d_step { state[i] == LIVE && rulesAge[i] == 0 && !acked[i] && CLEAN(i) -> acked[i] = 1 } /* mig__ack_self */
  /* BEGIN. It does not ask for the lease: a paused proxy does not know that it is dead. */
  :: atomic { !open[i] -> open[i] = 1;
       if :: PIN_AT_BEGIN -> take_rules(i) :: else fi;
       if :: view[i] = 1; viewA[i] = valA; viewB[i] = valB :: skip fi } /* read view, made on another table */
  :: d_step { REGISTER && open[i] && !registered[i] && state[i] == LIVE -> registered[i] = 1 } /* px_query_ready */
  :: atomic { open[i] && flying[i] == NOTHING && sent[i] < 2 && (registered[i] || !REGISTER) -> /* px_cmd_start */
       sent[i]++;
       if :: !PIN || !pinned[i] -> take_rules(i) :: else fi;
       if :: flying[i] = READ :: flying[i] = WRITE fi }
  :: d_step { flying[i] == READ -> /* the server executes */
       assert(NEAR(i));
       if :: READS_A(in[i]) -> assert(colA); assert(rowLock == i + 1 -> newA : (view[i] -> viewA[i] : valA))
          :: else -> assert(colB); assert(rowLock == i + 1 -> newB : (view[i] -> viewB[i] : valB)) fi;
       flying[i] = NOTHING; touched[i] = 1 }
  :: d_step { flying[i] == WRITE && (rowLock == 0 || rowLock == i + 1) ->
       assert(NEAR(i));
       assert((!WRITES_A(in[i]) || colA) && (!WRITES_B(in[i]) || colB));
       rowLock = i + 1; newA = WRITES_A(in[i]); newB = WRITES_B(in[i]);
       flying[i] = NOTHING; touched[i] = 1 }
  :: d_step { open[i] && flying[i] == NOTHING && sent[i] > 0 -> /* COMMIT */
       if :: rowLock == i + 1 -> valA = newA; valB = newB :: else fi;
       session_over(i) }
  /* rejoin, and mig__lease_join: a new incarnation's row; the proxy's listeners are open all the time */
  :: d_step { state[i] == FENCED ->
       if :: REJOIN_DROPS -> session_over(i) :: else fi;
       acked[i] = 0; state[i] = JOINING }
  :: d_step { state[i] == JOINING -> /* serve */
       if :: REJOIN_READS -> rulesAge[i] = 0; rulesPhase[i] = phase :: else fi;
       if :: REJOIN_DROPS && REJOIN_DROPS_AGAIN -> session_over(i) :: else fi;
       acked[i] = (rulesAge[i] == 0 && CLEAN(i)); state[i] = LIVE }
  od
}

#if INSTANCES == 2
#define ALL(f) (f(0) && f(1))
#else
#define ALL(f) (f(0) && f(1) && f(2))
#endif
#define ACKED_BY(i) (state[i] == FENCED || (state[i] == LIVE && acked[i]))
#define all_acked ALL(ACKED_BY)
#define UNTOUCHED(i) (!touched[i]) /* no metadata lock is in the way of DDL */
#define MAY (lock == 0 && !pending) /* mig__op_begin, mig__finish_pending */
#define MAY_GO (MAY && (all_acked || !EDGE_WAITS))
#define MAY_GO_BACK(to) (MAY && (all_acked || !EDGE_WAITS || from == (to) || !FREE_BACK_LOOKS))

#define OLDER(a) a = (a < 2 -> a + 1 : 2)
inline older(i) { acked[i] = 0; OLDER(rulesAge[i]); if :: pinned[i] -> OLDER(age[i]) :: else fi }
inline mig__publish(to)
{
  from = phase; phase = to; chunkMine[0] = 0;
#if COORDINATORS > 1
  chunkMine[1] = 0;
#endif
  older(0); older(1);
#if INSTANCES > 2
  older(2);
#endif
  assert(!(phase >= SWITCHED && colB) || valB) /* who reads B reads what was acknowledged */
}

/* A lease that runs out, at any moment; mig__fence. Of the dead instance only what is registered is killed. */
inline mark_dead(i) { state[i] = DEAD }
inline mig__fence(i)
{
  if :: FENCE && registered[i] -> session_over(i) :: else fi;
  state[i] = FENCED
}
proctype Leases()
{
  do
  :: d_step { state[0] == LIVE -> mark_dead(0) }
  :: d_step { state[1] == LIVE -> mark_dead(1) }
  :: d_step { state[0] == DEAD -> mig__fence(0) }
  :: d_step { state[1] == DEAD -> mig__fence(1) }
#if INSTANCES > 2
  :: d_step { state[2] == LIVE -> mark_dead(2) }
  :: d_step { state[2] == DEAD -> mig__fence(2) }
#endif
  od
}

#define ADD_COLUMNS 1
#define DROP_NEW 2
#define DROP_OLD 3
#define FORWARD 1
#define REVERSE 2

proctype Coordinator(byte c)
{
  byte chunk = 0, ddl = 0; /* sent, not executed */
  do
  /* mig__walk: the edges */
  :: d_step { phase == PLANNED && MAY_GO -> mig__publish(EXPANDED); pending = 1 }
  :: d_step { phase == EXPANDED && MAY_GO -> mig__publish(DUAL_WRITE) }
  :: d_step { phase == DUAL_WRITE && complete && MAY_GO -> mig__publish(SWITCHED) }
  :: d_step { phase == SWITCHED && trusted && MAY_GO -> mig__publish(RETIRED); trusted = 0 }
  :: d_step { phase == RETIRED && MAY_GO -> mig__publish(CONTRACTED); pending = 1 }
  :: d_step { phase == EXPANDED && MAY_GO_BACK(PLANNED) -> mig__publish(PLANNED); pending = 1 }
  :: d_step { phase == DUAL_WRITE && MAY_GO_BACK(EXPANDED) -> mig__publish(EXPANDED);
       if :: BACK_VOIDS -> complete = 0 :: else fi }
  :: d_step { phase == SWITCHED && (trusted || !TRUST) && MAY_GO_BACK(DUAL_WRITE) -> mig__publish(DUAL_WRITE) }
  :: d_step { phase == RETIRED && MAY_GO -> mig__publish(SWITCHED) }
  /* find_work; then checkpoint, copy_rows and complete or trust_old, in one transaction: the table has one row */
  :: d_step { chunk == 0 && phase == DUAL_WRITE && colB && !complete && (all_acked || !BACKFILL_WAITS) ->
       chunk = FORWARD; chunkMine[c] = 1 }
  :: d_step { chunk == 0 && phase == SWITCHED && !trusted && (all_acked || !BACKFILL_WAITS) ->
       chunk = REVERSE; chunkMine[c] = 1 }
  :: d_step { chunk != 0 && CHECKPOINT && !chunkMine[c] -> chunk = 0 }
  :: d_step { chunk != 0 && rowLock == 0 && (!CHECKPOINT || chunkMine[c]) ->
       if :: colA && colB && chunk == FORWARD -> valB = valA
          :: colA && colB && chunk == REVERSE -> valA = valB
          :: else fi;
       if :: chunkMine[c] && chunk == FORWARD -> complete = 1
          :: chunkMine[c] && chunk == REVERSE -> trusted = 1
          :: else fi;
       chunk = 0; chunkMine[c] = 0 }
  /* mig__finish_pending: DDL is decided and sent ... */
  :: d_step { lock == 0 && ddl == 0 && pending && all_acked -> /* more than is needed */
       lock = c + 1; ddl = (phase == EXPANDED -> ADD_COLUMNS : (phase == PLANNED -> DROP_NEW : DROP_OLD)) }
  /* ... executed when nobody has a metadata lock, and recorded */
  :: d_step { ddl != 0 && ALL(UNTOUCHED) ->
       if :: ddl == ADD_COLUMNS && !colB -> colB = 1; valB = 0
          :: ddl == DROP_NEW -> colB = 0; valB = 0
          :: ddl == DROP_OLD -> colA = 0; valA = 0
          :: else fi;
       ddl = 0;
       if :: lock == c + 1 -> pending = 0; lock = 0 :: else fi }
#if COORDINATORS > 1
  /* it is paused, and its connection killed; another goes on */
  :: d_step { lock == c + 1 && ddl != 0 -> lock = 0; if :: ONE_CONNECTION -> ddl = 0 :: else fi }
#endif
  od
}

init
{
  atomic {
    run Instance(0); run Instance(1);
#if INSTANCES > 2
    run Instance(2);
#endif
    run Leases(); run Coordinator(0);
#if COORDINATORS > 1
    run Coordinator(1);
#endif
  }
}
