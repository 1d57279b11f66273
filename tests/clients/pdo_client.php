<?php
require __DIR__ . '/common.php';
ini_set('memory_limit', '1G');
$options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_EMULATE_PREPARES => false];
if (env('COMPRESS') === '1') $options[PDO::MYSQL_ATTR_COMPRESS] = true;
if (env('TLS') === '1')
    $options += [PDO::MYSQL_ATTR_SSL_CIPHER => 'DEFAULT', PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => false];
$dsn = sprintf('mysql:host=%s;port=%s;dbname=%s;charset=utf8mb4', env('HOST'), env('PORT'), env('SCHEMA'));
$c = new PDO($dsn, env('USER'), env('PASSWORD'), $options);

function sets_of(PDOStatement $s): array {
    $out = ['sets' => [], 'affected' => []];
    do {
        $n = $s->columnCount();
        $names = [];
        for ($i = 0; $i < $n; $i++) $names[] = $s->getColumnMeta($i)['name'];
        if ($n > 0) $out['sets'][] = result($names, $s->fetchAll(PDO::FETCH_NUM));
        else $out['affected'][] = $s->rowCount();
    } while ($s->nextRowset());
    return $out;
}

foreach (steps() as [$name, $mode, $sql, $params])
    try {
        $c->setAttribute(PDO::ATTR_EMULATE_PREPARES, $mode !== 'prepared');
        $c->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, $mode !== 'stream');
        $s = $c->prepare($sql);
        foreach ($params as $i => $p)
            $s->bindValue($i + 1, $p, $p === null ? PDO::PARAM_NULL : (is_int($p) ? PDO::PARAM_INT : PDO::PARAM_STR));
        $s->execute();
        say($name, sets_of($s));
        $s = null;
    } catch (PDOException $e) {
        say($name, ['error' => $e->errorInfo[1] ?? $e->getMessage()]);
    }
