#!/usr/bin/env bash
# What tools do, with an output that can be compared: dump, import, mydumper, sysbench, checksum, osc.
set -euo pipefail
login=(-h "$CLIENT_HOST" -P "$CLIENT_PORT" -u"$CLIENT_USER" -p"$CLIENT_PASSWORD")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
sql() { mariadb --skip-ssl "${login[@]}" -N "$CLIENT_SCHEMA" "$@"; }

case $1 in
  dump) mariadb-dump --skip-ssl "${login[@]}" --compact --skip-comments --hex-blob "$CLIENT_SCHEMA" items others types ;;
  import)
    printf '71\tone\t1\t2024-01-01\n72\ttwo\t\\N\t\\N\n' >"$dir/items.txt"
    mariadb-import --skip-ssl "${login[@]}" --local --silent "$CLIENT_SCHEMA" "$dir/items.txt"
    sql -e 'SELECT * FROM items WHERE id > 70 ORDER BY id; DELETE FROM items WHERE id > 70'
    ;;
  mydumper)
    mydumper --host "$CLIENT_HOST" --port "$CLIENT_PORT" --user "$CLIENT_USER" --password "$CLIENT_PASSWORD" -B "$CLIENT_SCHEMA" -o "$dir/out" -t 2 >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
    (cd "$dir/out" && find . -name '*.sql' | sort | xargs sha1sum)
    ;;
  sysbench)
    bench() {
      sysbench oltp_read_write --db-driver=mysql --mysql-host="$CLIENT_HOST" --mysql-port="$CLIENT_PORT" --mysql-ssl=off \
        --mysql-user="$CLIENT_USER" --mysql-password="$CLIENT_PASSWORD" --mysql-db="$CLIENT_SCHEMA" --tables=1 --table-size=200 \
        --events=50 --time=0 --threads=2 "$1" >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
    }
    bench prepare; bench run
    grep -E 'total number of events|transactions:' "$dir/log" | sed 's/(.*//'
    bench cleanup
    ;;
  checksum)
    pt-table-checksum --no-check-binlog-format --recursion-method=none --databases="$CLIENT_SCHEMA" --tables=items,others \
      --replicate="$CLIENT_SCHEMA.sums" --quiet "h=$CLIENT_HOST,P=$CLIENT_PORT,u=$CLIENT_USER,p=$CLIENT_PASSWORD" \
      >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
    sql -e 'SELECT tbl, chunk, this_cnt, this_crc FROM sums ORDER BY tbl, chunk; DROP TABLE sums'
    ;;
  osc)
    sql -e 'DROP TABLE IF EXISTS reshaped; CREATE TABLE reshaped LIKE others; INSERT INTO reshaped SELECT * FROM others'
    pt-online-schema-change --alter 'ADD COLUMN more INT NULL' --execute --no-version-check --recursion-method=none \
      "h=$CLIENT_HOST,P=$CLIENT_PORT,u=$CLIENT_USER,p=$CLIENT_PASSWORD,D=$CLIENT_SCHEMA,t=reshaped" >"$dir/log" 2>&1 ||
      { cat "$dir/log"; exit 1; }
    sql -e 'SHOW COLUMNS FROM reshaped; SELECT * FROM reshaped ORDER BY item; DROP TABLE reshaped'
    ;;
esac
