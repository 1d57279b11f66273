# raw.csv of bench/compare to a table of medians, with ratios to haproxy and the limits' verdicts.
# -v order="direct haproxy …": the targets as they are to be listed. What ends in _tls is compared with haproxy_tls.
function add(key, value) {
  if (value != "") values[key, ++count[key]] = value + 0
}

function median(key,   n, i, j, t) {
  n = count[key]
  for (i = 2; i <= n; i++) {
    t = values[key, i]
    for (j = i - 1; j > 0 && values[key, j] > t; j--) values[key, j + 1] = values[key, j]
    values[key, j + 1] = t
  }
  return n % 2 ? values[key, (n + 1) / 2] : (values[key, n / 2] + values[key, n / 2 + 1]) / 2
}

function shown(key, format) {
  return count[key] > 0 ? sprintf(format, median(key)) : "-"
}

function peer(target) {
  return target ~ /_tls$/ ? "haproxy_tls" : "haproxy"
}

function verdict(cell, target, limit,   key, ratio) {
  key = cell SUBSEP target SUBSEP "cpu_ratio"
  if (count[key] == 0) return
  ratio = median(key)
  printf "CPU of %s, %s connections: %.2f times %s's, limit %.2f: %s\n",
    target, label[cell], ratio, peer(target), limit, ratio <= limit ? "held" : "missed"
}

NR > 1 {
  cell = $1 SUBSEP $2
  if (!(cell in label)) {
    label[cell] = $1 ", " $2
    connections[cell] = $2
    cells[++ncells] = cell
  }
  key = cell SUBSEP $4
  add(key SUBSEP "qps", $6)
  add(key SUBSEP "p95", $8)
  add(key SUBSEP "p99", $9)
  add(key SUBSEP "cpu", $12)
  errors[key] += $11
  if ($3 > rounds) rounds = $3
  qps[cell, $3, $4] = $6
  p95[cell, $3, $4] = $8
  cpu[cell, $3, $4] = $12
}

END {
  n = split(order, targets, " ")
  for (c = 1; c <= ncells; c++)
    for (r = 1; r <= rounds; r++)
      for (t = 1; t <= n; t++) {
        key = cells[c] SUBSEP targets[t]
        base = cells[c] SUBSEP r SUBSEP peer(targets[t])
        own = cells[c] SUBSEP r SUBSEP targets[t]
        if (qps[base] > 0 && qps[own] != "") add(key SUBSEP "qps_ratio", qps[own] / qps[base])
        if (p95[base] > 0 && p95[own] != "") add(key SUBSEP "p95_ratio", p95[own] / p95[base])
        if (cpu[base] > 0 && cpu[own] != "") add(key SUBSEP "cpu_ratio", cpu[own] / cpu[base])
      }
  printf "Medians of %d rounds.\n\n", rounds
  print "| mode, connections | target | QPS | p95 µs | p99 µs | CPU µs/query | QPS : haproxy | p95 : haproxy | CPU : haproxy | errors |"
  print "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
  for (c = 1; c <= ncells; c++)
    for (t = 1; t <= n; t++) {
      key = cells[c] SUBSEP targets[t]
      printf "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %d |\n", label[cells[c]], targets[t],
        shown(key SUBSEP "qps", label[cells[c]] ~ /^large/ ? "%.2f" : "%.0f"), shown(key SUBSEP "p95", "%.0f"), shown(key SUBSEP "p99", "%.0f"),
        shown(key SUBSEP "cpu", "%.1f"), shown(key SUBSEP "qps_ratio", "%.2f"),
        shown(key SUBSEP "p95_ratio", "%.2f"),
        shown(key SUBSEP "cpu_ratio", "%.2f"), errors[key]
    }
  print ""
  for (c = 1; c <= ncells; c++)
    if (connections[cells[c]] >= 8) {
      verdict(cells[c], "other", 1.25)
      verdict(cells[c], "rewrite", 1.5)
      verdict(cells[c], "other_tls", 1.25)
      verdict(cells[c], "rewrite_tls", 1.5)
    }
}
