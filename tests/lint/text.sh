#!/usr/bin/env bash
# Plain things in all tracked text: no leftover promises, no functions longer than a screen or two, no files
# with several subjects.
set -euo pipefail
cd "$1"
bad=0
files=$(git ls-files '*.c' '*.h' '*.sh' '*.md' 2>/dev/null || find . -name build -prune -o \( -name '*.[ch]' -o -name '*.md' \) -print)
if echo "$files" | grep -v '^tests/lint/' | xargs grep -nE '\b(TODO|FIXME|XXX)\b|not implemented' ; then
  echo "promises left in the tree"
  bad=1
fi
for f in $(echo "$files" | grep -E '^(base|protocol|rewrite|config|migrate|admin|proxy)/.*\.c$'); do
  n=$(wc -l <"$f")
  [ "$n" -le 1000 ] || { echo "$f has $n lines: more than one subject?"; bad=1; }
done
# A function's body: from a `{` in the first column to the `}` in the first column.
for f in $(echo "$files" | grep -E '^(base|protocol|rewrite|config|migrate|admin|proxy)/.*\.c$'); do
  awk -v f="$f" '/^\{/ { start = NR } /^\}/ { if (start && NR - start > 110) { printf "%s:%d: a function of %d lines\n", f, start, NR - start; bad = 1 } start = 0 } END { exit bad }' "$f" || bad=1
done
exit $bad
