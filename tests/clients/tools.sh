#!/usr/bin/env bash
# What tools do, with an output that can be compared: dump, mysql-dump, import, mydumper, sysbench, checksum, osc.
set -euo pipefail
login=(-h "$CLIENT_HOST" -P "$CLIENT_PORT" -u"$CLIENT_USER" -p"$CLIENT_PASSWORD")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
sql() { mariadb --skip-ssl "${login[@]}" -N "$CLIENT_SCHEMA" "$@"; }

# The runner has emptied the tables.
fill() {
  sql -e "INSERT INTO items (id, category, n, d) VALUES (1, 'book', 10, '2024-02-29'), (2, 'it''s', NULL, NULL), (3, 'cup', -7, NULL);
    INSERT INTO types (id, c, vb, bl, j, bt) VALUES (1, 'c', x'00FF7F', x'0001', '{\"k\": [1, null]}', b'1010')"
}

osc() { # TABLE
  pt-online-schema-change --alter 'ADD COLUMN more INT NULL' --execute --no-version-check --recursion-method=none \
    "h=$CLIENT_HOST,P=$CLIENT_PORT,u=$CLIENT_USER,p=$CLIENT_PASSWORD,D=$CLIENT_SCHEMA,t=$1" >"$dir/log" 2>&1
}

# On a table that migrates: told why, and nothing is left.
refused_osc() {
  if osc items; then echo 'not refused'; exit 1; fi
  grep -q 'straddle:' "$dir/log" || { cat "$dir/log"; exit 1; }
  [ "$(sql -e "SHOW TABLES LIKE '%items%'" | tr -d '\n')" = items ] || { sql -e 'SHOW TABLES'; cat "$dir/log"; exit 1; }
  [ -z "$(sql -e 'SHOW TRIGGERS')" ] || { sql -e 'SHOW TRIGGERS'; exit 1; }
}

case $1 in
  dump)
    fill
    mariadb-dump --skip-ssl "${login[@]}" --compact --skip-comments --hex-blob "$CLIENT_SCHEMA" items others types
    ;;
  mysql-dump) # of MySQL 9: it reads other catalogues than MariaDB's
    fill
    "$CLIENT_MYSQL/mysqldump" --no-defaults "${login[@]}" --compact --skip-comments --hex-blob --set-gtid-purged=OFF "$CLIENT_SCHEMA" \
      items others types 2>"$dir/log" || { cat "$dir/log"; exit 1; }
    ;;
  import)
    printf '71\tone\t1\t2024-01-01\n72\ttwo\t\\N\t\\N\n' >"$dir/items.txt"
    mariadb-import --skip-ssl "${login[@]}" --local --silent "$CLIENT_SCHEMA" "$dir/items.txt"
    sql -e 'SELECT * FROM items WHERE id > 70 ORDER BY id; DELETE FROM items WHERE id > 70'
    ;;
  mydumper)
    fill
    mydumper --host "$CLIENT_HOST" --port "$CLIENT_PORT" --user "$CLIENT_USER" --password "$CLIENT_PASSWORD" -B "$CLIENT_SCHEMA" -o "$dir/out" -t 2 >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
    (cd "$dir/out" && find . -name '*.sql' -exec sed -i "s/$CLIENT_SCHEMA/schema/g" {} + && find . -name '*.sql' | sort | xargs sha1sum)
    ;;
  sysbench)
    bench() {
      sysbench oltp_read_write --db-driver=mysql --mysql-host="$CLIENT_HOST" --mysql-port="$CLIENT_PORT" --mysql-ssl=off \
        --mysql-user="$CLIENT_USER" --mysql-password="$CLIENT_PASSWORD" --mysql-db="$CLIENT_SCHEMA" --tables=1 --table-size=200 \
        --events=50 --time=0 --threads=2 "$1" >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
    }
    if [ "$CLIENT_PLACE" = prepare ]; then bench prepare; exit 0; fi
    [ "$CLIENT_PLACE" = theirs ] || bench prepare # else its table is there, and migrates
    bench run
    grep -E 'total number of events|transactions:' "$dir/log" | sed 's/(.*//'
    sql -e 'SELECT COUNT(*), COUNT(c) FROM sbtest1'
    [ "$CLIENT_PLACE" = theirs ] || bench cleanup
    ;;
  checksum)
    fill
    pt-table-checksum --no-check-binlog-format --recursion-method=none --databases="$CLIENT_SCHEMA" --tables=items,others \
      --replicate="$CLIENT_SCHEMA.sums" --quiet "h=$CLIENT_HOST,P=$CLIENT_PORT,u=$CLIENT_USER,p=$CLIENT_PASSWORD" \
      >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
    sql -e 'SELECT tbl, chunk, this_cnt, this_crc FROM sums ORDER BY tbl, chunk; DROP TABLE sums'
    ;;
  osc)
    if [ "$CLIENT_PLACE" = theirs ]; then refused_osc; exit 0; fi
    sql -e 'DROP TABLE IF EXISTS reshaped; CREATE TABLE reshaped LIKE others; INSERT INTO reshaped SELECT * FROM others'
    osc reshaped || { cat "$dir/log"; exit 1; }
    sql -e 'SHOW COLUMNS FROM reshaped; SELECT * FROM reshaped ORDER BY item; DROP TABLE reshaped'
    ;;
esac
