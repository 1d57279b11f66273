#!/usr/bin/env bash
# seeds.sh FOLDER: a dictionary of the words that the rewriter knows (FOLDER/sql.dict), and every statement of the
# golden cases as a seed of fuzz_rewrite (FOLDER/golden), so that fuzzing starts from all that is known to work.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
out=$1
mkdir -p "$out/golden"

{
    grep -o 'X([A-Z][A-Z_0-9]*, [0-3])' "$top/rewrite/words.h" | sed 's/X(\(.*\), .*/"\1"/'
    for name in transactions transaction_type payment_method accounts recent shop id amount account_id name; do
        printf '"%s"\n' "$name"
    done
    printf '"%s"\n' ' AS ' ' = ?' '(SELECT ' '*' 't.' '`' '/*!' '/*!80000 ' '*/' '/*M!' '-- ' '@v' '@@' '->' '->>' ':=' '||' '<=>' \
        "x'41'" '0x41' "_utf8mb4'a'" "N'a'" '\\\\' '\x00' '\xbf\\' '\x81' '\xe2\x84\xaa'
} > "$out/sql.dict"

n=0
for file in "$top"/tests/golden/cases/*.sql; do
    while IFS= read -r -d ';' statement; do
        statement=${statement##$'\n'}
        [ -n "$statement" ] || continue
        # server and phase, sql_mode, version with character set and the two ways of sending
        for head in '\x04\x20\x02' '\x07\x20\x08'; do
            printf "$head%s" "$statement" > "$out/golden/$((n++))"
        done
    done < <(grep -v '^--' "$file"; printf ';')
done
