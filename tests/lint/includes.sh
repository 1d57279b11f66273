#!/usr/bin/env bash
# The module table of docs/internals.md: who may include whom. The build enforces it for public headers; this
# also looks at libraries, and at paths that reach into another module's private folder.
set -euo pipefail
cd "$1"
bad=0
declare -A modules=(
  [base]="base" [protocol]="protocol base" [rewrite]="rewrite base" [config]="config base"
  [migrate]="migrate base config rewrite" [admin]="admin base protocol config migrate"
)
declare -A libraries=([base]="" [protocol]="openssl" [rewrite]="pcre2.h" [config]="yaml.h" [migrate]="mysql" [admin]="")
for m in "${!modules[@]}"; do
  while IFS=: read -r file line text; do
    inc=$(sed -E 's/^ *# *include *[<"]([^>"]+)[>"].*/\1/' <<<"$text")
    case $inc in
      base/* | protocol/* | rewrite/* | config/* | migrate/* | admin/* | proxy/*)
        [[ " ${modules[$m]} " == *" ${inc%%/*} "* ]] || { echo "$file:$line: $m/ may not use $inc"; bad=1; } ;;
      ../*) echo "$file:$line: $inc reaches into another folder"; bad=1 ;;
      openssl/* | uv.h | pcre2.h | yaml.h | mysql.h | mysql/* | jansson.h | microhttpd.h)
        [ -n "${libraries[$m]}" ] && [[ $inc == ${libraries[$m]}* ]] || { echo "$file:$line: $m/ may not use the library of $inc"; bad=1; } ;;
    esac
  done < <(grep -nE '^ *# *include' "$m"/*.c "$m"/*.h "$m"/include/*/*.h 2>/dev/null || true)
done
if grep -lE 'include <mysql' migrate/*.c migrate/*.h 2>/dev/null | grep -v '^migrate/db[._]' ; then
  echo "only migrate/db.c, db_binlog.c and db_stmt.c know the client library"
  bad=1
fi
exit $bad
