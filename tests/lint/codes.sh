#!/usr/bin/env bash
# docs/rewriting.md lists the code of every refusal that the rewriter can give, and no other.
set -euo pipefail
cd "$1"
source=$(cat rewrite/*.c | tr '\n' ' ')
calls='rw__refuse(_name)?\([^";]*"[a-z_]+"( : "[a-z_]+")?'
errors='rw__refuse_as\([^";]*"[0-9A-Z]{5}", *"[a-z_]+"'
late='refuse\( *out,[^;]*"[a-z_]+"\);'
given=$(grep -oE "$calls|$errors|$late" <<<"$source" | grep -oE '"[a-z_]+"(\);)?( : "[a-z_]+")?$' |
  grep -oE '[a-z_]+' | sort -u)
listed=$(sed -n '/^## What is refused/,/^## /p' docs/rewriting.md | grep -oE '^\| `[a-z_]+` \|' |
  grep -oE '[a-z_]+' | sort -u)
[ "$(wc -l <<<"$given")" -gt 20 ] || { echo "the codes in rewrite/ are no longer found by this script"; exit 1; }
diff <(echo "$given") <(echo "$listed") >/tmp/lint-codes.$$ || {
  echo "docs/rewriting.md (>) and rewrite/ (<) do not have the same codes of refusals:"
  cat /tmp/lint-codes.$$
  rm -f /tmp/lint-codes.$$
  exit 1
}
rm -f /tmp/lint-codes.$$
