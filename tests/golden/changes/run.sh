#!/bin/sh
# run.sh STRADDLE FOLDER: the statements as `straddle rewrite` gives them under three migrations of one table that
# change values, against expected. STRADDLE_GOLDEN_UPDATE=1 writes that anew.
set -eu
straddle=$1 dir=$2
out=$(mktemp) && trap 'rm -f "$out"' EXIT
for phase in planned dual_write switched retired contracted; do
  for version in old new both; do
    for server in mysql-9.7 mariadb-10.11; do
      # MariaDB differs in writes only, and those do not hang on the version.
      [ "$version" = new ] || [ "$server" = mysql-9.7 ] || continue
      printf '\n=== %s %s %s\n' "$phase" "$version" "$server"
      "$straddle" rewrite --ddl "$dir/schema.sql" --migration "$dir/1-cents.yaml" --migration "$dir/2-split.yaml" \
        --migration "$dir/3-types.yaml" --phase "$phase" --version "$version" --server "$server" --schema shop \
        <"$dir/statements.sql"
    done
  done
done >"$out"
printf '\n=== each in a phase of its own\n' >>"$out"
"$straddle" rewrite --ddl "$dir/schema.sql" --migration "$dir/1-cents.yaml" --migration "$dir/2-split.yaml" \
  --migration "$dir/3-types.yaml" --phase switched --phase dual_write --phase planned --schema shop \
  <"$dir/statements.sql" >>"$out"
if [ "${STRADDLE_GOLDEN_UPDATE:-}" = 1 ]; then
  cp "$out" "$dir/expected"
fi
diff -u "$dir/expected" "$out"
