#!/usr/bin/env bash
# Every header compiles alone and has a guard of its own name.
set -euo pipefail
cd "$1"
bad=0
flags=(-std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -x c)
for m in base protocol rewrite config migrate admin; do flags+=("-I$m/include" "-I$m"); done
flags+=(-Iproxy -Itests/support -Itests/integration -Ibench -Ibench/common)
read -ra libs <<<"$(pkg-config --cflags libuv libpcre2-8 yaml-0.1 jansson mysqlclient)"
for h in {base,protocol,rewrite,config,migrate,admin}/include/*/*.h {rewrite,protocol,config,migrate,admin,proxy}/*.h tests/*/*.h bench/*/*.h; do
  [ -f "$h" ] || continue
  cc "${flags[@]}" "${libs[@]}" "-I$(dirname "$h")" "$h" 2>/tmp/lint-header.$$ || { echo "$h does not compile alone:"; head -n 5 /tmp/lint-header.$$; bad=1; }
  grep -qE '^#ifndef [A-Z_0-9]+_H$' "$h" || { echo "$h has no include guard"; bad=1; }
done
rm -f /tmp/lint-header.$$
exit $bad
