-- phases: planned dual_write switched contracted
-- versions: old
-- servers: mysql mariadb
SHOW EXTENDED COLUMNS FROM transactions;
SHOW EXTENDED FULL FIELDS IN transactions IN shop;
SHOW EXTENDED INDEX FROM transactions;
SHOW TABLE STATUS LIKE 'transactions';
SHOW TABLE STATUS FROM shop WHERE Name = 'transactions';
SHOW OPEN TABLES FROM shop LIKE 'transactions';
SHOW TRIGGERS FROM shop LIKE 'transactions';
SHOW FULL TABLES WHERE Tables_in_shop = 'transactions';
SHOW CREATE TRIGGER transactions;
SHOW CREATE VIEW transactions;
SHOW GRANTS;
SHOW WARNINGS LIMIT 1;
SHOW COUNT(*) WARNINGS;
SHOW INDEX FROM other.transactions;
SHOW INDEX FROM transactions FROM other;
SHOW PROCEDURE CODE transactions;
EXPLAIN FOR CONNECTION 5;
EXPLAIN FORMAT=TREE SELECT payment_method FROM transactions;
EXPLAIN ANALYZE SELECT payment_method FROM transactions;
EXPLAIN FORMAT=JSON INTO @transactions SELECT payment_method FROM transactions;
EXPLAIN EXTENDED SELECT payment_method FROM transactions;
EXPLAIN UPDATE transactions SET payment_method = 'a' WHERE id = 1;
EXPLAIN transactions;
EXPLAIN FOR SCHEMA shop SELECT payment_method FROM transactions;
ANALYZE FORMAT=JSON SELECT payment_method FROM transactions;
DESCRIBE transactions payment_method;
HELP 'transactions';
HELP transactions;
DO (SELECT COUNT(payment_method) FROM transactions), SLEEP(0);
SET @x = (SELECT payment_method FROM transactions WHERE id = 1), @y := 1;
SET SESSION sort_buffer_size = (SELECT MAX(amount) FROM transactions WHERE payment_method = 'x');
SET @@session.sql_mode = (SELECT payment_method FROM transactions LIMIT 1);
CALL p((SELECT payment_method FROM transactions WHERE id = 1), @out);
CALL p;
GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT;
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'transactions';
