# What the two server scripts share. Sourced by ./mysql and ./mariadb; needs FLAVOUR and DEFAULT_PORT set.
#
# Environment:
#   PORT         TCP port on 127.0.0.1 (default: see the script)
#   DIR          the instance's folder: data/ sock pid log cnf (default: a folder of the port in /tmp)
#   REPLICA_OF   port of the source on 127.0.0.1: makes this instance its GTID replica
#   DELAY        replication delay in seconds (default 0)
#   EXTRA        further lines for the server's configuration
#   DURABLE      1: flush at every commit; default 0, fast, for tests
#   STRADDLE_MARIADB  sid: Debian's newest MariaDB in the place of Debian 12's own (./mariadb only)
#   STRADDLE_CACHE  packages and data templates kept between runs (default ~/.cache/straddle)
# Accounts made: root without password (socket and 127.0.0.1); app/app with all rights on app.*, shop.*,
# t_*.*; straddle/straddle with all rights (the engine's); repl/repl.
set -euo pipefail
umask 022
unset LD_PRELOAD LD_LIBRARY_PATH MYSQL_TCP_PORT MYSQL_UNIX_PORT MYSQL_HOST MYSQL_PWD

PORT=${PORT:-$DEFAULT_PORT}
DIR=${DIR:-${TMPDIR:-/tmp}/straddle-servers/$FLAVOUR-$PORT}
CACHE=${STRADDLE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/straddle}
REPLICA_OF=${REPLICA_OF:-} DELAY=${DELAY:-0} EXTRA=${EXTRA:-} DURABLE=${DURABLE:-0}
DATA=$DIR/data SOCK=$DIR/sock PIDFILE=$DIR/pid LOG=$DIR/log CNF=$DIR/cnf

say() { printf '%s: %s\n' "$FLAVOUR" "$*" >&2; }
die() { say "$*"; exit 1; }

case $DIR in /?*) ;; *) die "DIR must be an absolute path, it is '$DIR'" ;; esac
[ "${#SOCK}" -le 100 ] || die "the socket's path is too long for the system: $SOCK; set DIR to something shorter"

# The pid of this very instance, if it is alive: a pid file alone proves nothing.
running() {
  local pid
  [ -s "$PIDFILE" ] || return 1
  pid=$(tr -dc 0-9 <"$PIDFILE")
  [ -n "$pid" ] && tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "--defaults-file=$CNF" || return 1
  echo "$pid"
}

# lock FILE SECONDS: holds it on descriptor 9 until `unlock` or the end.
lock() { mkdir -p "$(dirname "$1")"; exec 9>"$1"; flock -w "$2" 9 || die "another run holds $1"; }
unlock() { exec 9>&-; }

as_root() { if [ "$(id -u)" = 0 ]; then echo --user=root; fi; }

common_cnf() {
  local flush=2 sync=0
  [ "$DURABLE" = 1 ] && flush=1 sync=1
  cat <<C
[mysqld]
datadir=$DATA
tmpdir=$DIR/tmp
socket=$SOCK
pid-file=$PIDFILE
log-error=$LOG
port=$PORT
bind-address=127.0.0.1
server-id=$PORT
skip-name-resolve=ON
max-connections=600
log-bin=binlog
relay-log=relay
binlog-format=ROW
innodb-buffer-pool-size=256M
innodb-flush-log-at-trx-commit=$flush
sync-binlog=$sync
local-infile=ON
C
}

accounts_sql() {
  local how=$1 # what stands between a user and its password
  echo "SET SESSION sql_log_bin = 0;"
  local u p
  for u in root app straddle repl; do
    p=$u
    [ $u = root ] && p=
    echo "CREATE USER IF NOT EXISTS '$u'@'127.0.0.1' $how '$p';"
    [ $u = root ] || echo "CREATE USER IF NOT EXISTS '$u'@'localhost' $how '$p';"
  done
  echo "CREATE DATABASE IF NOT EXISTS app; CREATE DATABASE IF NOT EXISTS shop;"
  local h db
  for h in 127.0.0.1 localhost; do
    for db in app shop 't\_%'; do echo "GRANT ALL ON \`$db\`.* TO 'app'@'$h';"; done
    echo "GRANT ALL ON *.* TO 'straddle'@'$h';"
  done
  echo "GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;"
  echo "GRANT REPLICATION SLAVE ON *.* TO 'repl'@'127.0.0.1';"
}

# start PROGRAM [ARGS]: in a session of its own, waits until it answers.
start() {
  local pid i
  if (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then die "port $PORT is in use by something else"; fi
  rm -f "$PIDFILE" "$SOCK" "$SOCK.lock"
  setsid "$@" </dev/null >>"$LOG.start" 2>&1 9>&- &
  pid=$!
  for i in $(seq 600); do
    if ! kill -0 "$pid" 2>/dev/null; then
      tail -n 20 "$LOG" "$LOG.start" >&2 || true
      die "the server ended while starting; its log is $LOG"
    fi
    if running >/dev/null && sql -e 'DO 1' >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  kill -TERM "$pid" 2>/dev/null || true
  die "not ready after 60 s; its log is $LOG"
}

wait_for_replication() { # COMMAND that succeeds once both threads run
  local i
  for i in $(seq 150); do
    if "$@"; then touch "$DIR/.replica"; return 0; fi
    sleep 0.1
  done
  sql -e 'SHOW REPLICA STATUS\G' >&2 || true
  die "replication from port $REPLICA_OF did not start"
}

up() {
  fetch
  mkdir -p "$DIR/tmp"
  lock "$DIR/.lock" 120
  local pid
  if pid=$(running); then say "already running, pid $pid, 127.0.0.1:$PORT"; unlock; return 0; fi
  { common_cnf; flavour_cnf; printf '%s\n' "$EXTRA"; } >"$CNF"
  if [ ! -d "$DATA/mysql" ]; then
    template
    rm -rf "$DATA.new"
    cp -a --reflink=auto "$TEMPLATE/data" "$DATA.new"
    rm -f "$DATA.new/auto.cnf"
    mv "$DATA.new" "$DATA"
  fi
  start "${SERVER[@]}" "--defaults-file=$CNF" $(as_root)
  if [ ! -e "$DIR/.accounts" ]; then accounts_sql "$PASSWORD_CLAUSE" | sql; touch "$DIR/.accounts"; fi
  if [ -n "$REPLICA_OF" ] && [ ! -e "$DIR/.replica" ]; then replicate; fi
  unlock
  say "ready, pid $(running), 127.0.0.1:$PORT, $SOCK"
}

down() {
  local pid i
  if ! pid=$(running); then say "not running"; return 0; fi
  kill -CONT "$pid" 2>/dev/null || true
  kill -TERM "$pid"
  for i in $(seq 600); do
    [ -d "/proc/$pid" ] || { say "stopped, pid $pid"; return 0; }
    [ "$i" = 400 ] && kill -KILL "$pid"
    sleep 0.1
  done
  die "pid $pid does not end"
}

main() {
  case ${1:-} in
    fetch | up | down) "$1" ;;
    wipe) down; rm -rf "$DIR" ;;
    kill) # as a crash would
      local pid
      pid=$(running) || die "not running"
      kill -KILL "$pid"
      while [ -d "/proc/$pid" ]; do sleep 0.05; done ;;
    status) running >/dev/null && echo "up $(running) $PORT $SOCK" || { echo down; exit 1; } ;;
    sql) shift; sql "$@" ;;
    *) echo "usage: $0 fetch|up|down|wipe|kill|status|sql [client options]   (environment: see common.sh)" >&2; exit 2 ;;
  esac
}
