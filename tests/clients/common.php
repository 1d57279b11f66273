<?php
// What the PHP drivers share: the steps, and a transcript of JSON lines.
function param(string $text) {
    $value = substr($text, 2);
    switch ($text[0]) {
        case 'i': return (int)$value;
        case 'b': return str_repeat("\x00\xff'\\", intdiv((int)$value, 4));
        case 'n': return null;
        default: return $value;
    }
}

function steps(): array {
    $steps = [];
    foreach (file(env('STEPS'), FILE_IGNORE_NEW_LINES) as $line) {
        $f = explode("\t", $line);
        $steps[] = [$f[0], $f[1], $f[2], array_map('param', array_slice($f, 3))];
    }
    return $steps;
}

function cell($v) {
    if (is_string($v) && !preg_match('//u', $v)) $v = '0x' . bin2hex($v);
    if (is_string($v) && strlen($v) > 200) $v = strlen($v) . ' ' . sha1($v);
    return $v;
}

function result(array $names, array $rows): array {
    return ['columns' => $names, 'rows' => array_map(fn($r) => array_map('cell', $r), $rows)];
}

function say(string $step, array $what): void {
    echo json_encode(['step' => $step] + $what, JSON_UNESCAPED_UNICODE | JSON_PARTIAL_OUTPUT_ON_ERROR), "\n";
}

function env(string $name): string { return getenv("CLIENT_$name"); }
