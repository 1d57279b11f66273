<?php
require __DIR__ . '/common.php';
ini_set('memory_limit', '1G');
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$c = mysqli_init();
$flags = env('COMPRESS') === '1' ? MYSQLI_CLIENT_COMPRESS : 0;
if (env('TLS') === '1') $flags |= MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_DONT_VERIFY_SERVER_CERT;
$c->real_connect(env('HOST'), env('USER'), env('PASSWORD'), env('SCHEMA'), (int)env('PORT'), null, $flags);
$c->set_charset('utf8mb4');

function rows_of(mysqli_result $r): array {
    $names = array_map(fn($f) => $f->name, $r->fetch_fields());
    return result($names, $r->fetch_all(MYSQLI_NUM));
}

function prepared(mysqli $c, string $sql, array $params): array {
    $out = ['sets' => [], 'affected' => []];
    $s = $c->prepare($sql);
    if ($params) {
        $types = implode('', array_map(fn($p) => is_int($p) ? 'i' : (is_string($p) && strlen($p) > 1000 ? 'b' : 's'), $params));
        $s->bind_param($types, ...$params);
        foreach ($params as $i => $p) // blobs go as long data
            if ($types[$i] === 'b')
                foreach (str_split($p, 1 << 20) as $piece) $s->send_long_data($i, $piece);
    }
    $s->execute();
    $r = $s->get_result();
    if ($r) $out['sets'][] = rows_of($r);
    else $out['affected'][] = $s->affected_rows;
    $s->close();
    return $out;
}

function text(mysqli $c, string $sql, string $mode): array {
    $out = ['sets' => [], 'affected' => []];
    $c->multi_query($sql);
    do {
        $r = $mode === 'stream' ? $c->use_result() : $c->store_result();
        if ($r) $out['sets'][] = rows_of($r);
        else $out['affected'][] = $c->affected_rows;
        if ($r) $r->free();
    } while ($c->more_results() && $c->next_result());
    return $out;
}

foreach (steps() as [$name, $mode, $sql, $params])
    try {
        say($name, $mode === 'prepared' ? prepared($c, $sql, $params) : text($c, $sql, $mode));
    } catch (mysqli_sql_exception $e) {
        say($name, ['error' => $e->getCode()]);
    }
