<?php
// Laravel: what Schema knows of a table, and the Doctrine schema manager (doctrine/dbal) behind its changes of columns.
// HOST PORT SCHEMA [PORT SCHEMA …]
error_reporting(E_ALL & ~E_DEPRECATED); // these libraries are older than the PHP that they may run on
require_once 'Illuminate/Database/autoload.php';
require_once 'Doctrine/DBAL/autoload.php';

function of_schema(Illuminate\Database\Schema\Builder $schema): void {
    $names = $schema->getColumnListing('transactions');
    sort($names); // Laravel asks for no order
    foreach ($names as $name) echo $name, ' ', $schema->getColumnType('transactions', $name), "\n";
    foreach (['transaction_type', 'payment_method'] as $name)
        echo $name, $schema->hasColumn('transactions', $name) ? ' is there' : ' is not there', "\n";
}

function of_doctrine(Doctrine\DBAL\Schema\Table $table): void {
    foreach ($table->getColumns() as $c)
        echo $c->getType()->getName(), ' ', json_encode(array_diff_key($c->toArray(), ['type' => 0])), "\n";
    $indexes = $table->getIndexes();
    ksort($indexes); // asked for in the order of their columns only
    foreach ($indexes as $i)
        echo json_encode([$i->getName(), $i->getColumns(), $i->isUnique(), $i->isPrimary()]), "\n";
    foreach ($table->getForeignKeys() as $k) echo json_encode([$k->getName(), $k->getLocalColumns()]), "\n";
    echo json_encode($table->getOptions()), "\n";
}

$capsule = new Illuminate\Database\Capsule\Manager();
foreach (array_chunk(array_slice($argv, 2), 2) as $i => [$port, $schema]) {
    echo "== $schema\n";
    $capsule->addConnection(['driver' => 'mysql', 'host' => $argv[1], 'port' => $port, 'database' => $schema,
        'username' => 'root', 'password' => '', 'charset' => 'utf8mb4', 'collation' => 'utf8mb4_unicode_ci', 'prefix' => ''], "at$i");
    $db = $capsule->getConnection("at$i");
    of_schema($db->getSchemaBuilder());
    of_doctrine($db->getDoctrineSchemaManager()->listTableDetails('transactions'));
}
