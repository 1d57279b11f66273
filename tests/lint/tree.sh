#!/usr/bin/env bash
# What is tracked must serve anybody: no path of one machine, no package mirror or other host of one network.
set -euo pipefail
cd "$1"
bad=0
files=$(git ls-files 2>/dev/null || find . -name build -prune -o -type f -print)
files=$(grep -v '^\(\./\)\?tests/lint/tree\.sh$' <<<"$files")
# search REGEX [GREP OPTION…]: in all text files; names of files have no white space here.
search() { xargs grep -IE "${@:2}" -e "$1" <<<"$files" || true; }

# The check itself must be able to fail: this project's name is in the tree.
[ -n "$(search 'Straddle' -l)" ] || { echo "no file could be searched: this check is blind"; exit 1; }

found=$(search '(^|[^[:alnum:]_.)}])/(work|root|home)/|/tmp/w(/|$|[^[:alnum:]_-])' -n)
if [ -n "$found" ]; then
  printf '%s\n' "$found" "a path of one machine: say where it is from the project's root, or let the caller name it"
  bad=1
fi
hosts=$(search 'https?://[[:alnum:].-]+' -ho | sed -E 's#^https?://##' | sort -u | grep -v '^127\.' |
  grep -iE '(^|[.-])(mirrors?|artifactory|nexus|proxy|cache|pypi|registry|repo)([.-]|$)|\.(internal|corp|lan)$|^[0-9.]+$' || true)
if [ -n "$hosts" ]; then
  printf '%s\n' "$hosts" "a package mirror or a host of one network: let the package tools' own settings name it"
  bad=1
fi
exit $bad
