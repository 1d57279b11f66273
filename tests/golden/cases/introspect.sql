-- phases: expanded switched
-- versions: new
-- servers: mysql mariadb
SHOW FULL COLUMNS FROM transactions LIKE 'p%';
SHOW COLUMNS FROM transactions WHERE `Null` = 'NO' AND Field <> 'id';
DESC transactions payment_method;
SHOW KEYS FROM transactions WHERE Column_name = 'payment_method';
SHOW INDEX FROM plain;
SHOW COLUMNS FROM plain LIKE 'transactions';
SHOW COLUMNS FROM transactions WHERE Field IN (SELECT note FROM transactions);
SHOW EXTENDED COLUMNS FROM transactions;
SHOW COLUMNS FROM transactions LIKE 'a' OR 1;
SHOW CREATE TABLE transactions;
SELECT column_name, c.Data_Type, 1 + ordinal_position, is_nullable AS x FROM information_schema.columns c;
SELECT Information_Schema.Columns.COLUMN_NAME, LOWER(information_schema.Columns.DATA_TYPE) FROM Information_Schema.Columns WHERE Columns.TABLE_NAME = 'transactions' ORDER BY information_schema.Columns.ORDINAL_POSITION;
SELECT COUNT(*) FROM `information_schema`.`STATISTICS` AS s JOIN information_schema.TABLES AS t USING (TABLE_SCHEMA, TABLE_NAME);
SELECT constraint_name FROM information_schema.key_column_usage k;
SELECT constraint_name FROM information_schema.table_constraints k;
SELECT table_name FROM information_schema.tables WHERE table_name = 'transactions';
WITH columns AS (SELECT 1 AS column_name) SELECT column_name, 'transactions' FROM columns;
