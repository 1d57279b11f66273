-- phases: planned dual_write switched contracted finished
-- versions: old
-- servers: mysql mariadb
-- multi: yes
-- mode: STRICT_TRANS_TABLES
PREPARE s FROM 'SELECT payment_method FROM transactions WHERE id = ?';
PREPARE `s t` FROM 'SELECT payment_method FROM transactions WHERE id = ?';
PREPARE s FROM 'UPDATE transactions SET payment_method = ?, note = ''it''''s'' WHERE id = ?';
PREPARE s FROM "UPDATE transactions SET transaction_type = \"a\\\\b\" WHERE id = ?";
PREPARE s FROM 'SELECT 1 FROM plain';
PREPARE s FROM 'ALTER TABLE transactions ADD x INT';
PREPARE s FROM 'SHOW CREATE TABLE transactions';
PREPARE s FROM @text;
PREPARE s FROM CONCAT('SELECT * FROM ', @t);
PREPARE s FROM CONCAT('SELECT * FROM ', RAND());
PREPARE s FROM 'SELECT payment_method ' 'FROM transactions';
SET @x = 'SELECT payment_method FROM transactions'; PREPARE s FROM @x; EXECUTE s;
SET @x = 'DELETE FROM transactions WHERE transaction_type = ? AND id = ?'; PREPARE s FROM @X; EXECUTE S USING @a, @b; DEALLOCATE PREPARE s;
SET @x = 'SELECT payment_method FROM transactions'; SELECT 'x' INTO @x; PREPARE s FROM @x;
SET @x = CONCAT('a', 'b'); PREPARE s FROM @x;
PREPARE s FROM 'UPDATE transactions SET payment_method = ? WHERE id IN (SELECT id FROM plain WHERE n = ?)'; EXECUTE s USING @a, @b;
PREPARE s FROM 'UPDATE transactions SET payment_method = ? WHERE id = ?'; EXECUTE s USING @a;
PREPARE s FROM 'SELECT payment_method FROM transactions'; PREPARE S FROM 'SELECT 2'; EXECUTE s;
PREPARE s FROM 'SELECT payment_method FROM transactions'; DROP PREPARE s; EXECUTE s;
SET sql_mode = 'ANSI_QUOTES'; PREPARE s FROM 'SELECT payment_method FROM transactions';
USE other; PREPARE s FROM 'SELECT payment_method FROM shop.transactions';
EXECUTE unknown;
EXECUTE IMMEDIATE 'SELECT payment_method FROM transactions';
EXECUTE IMMEDIATE @x;
EXECUTE IMMEDIATE 'UPDATE transactions, plain SET transactions.payment_method = ? WHERE transactions.id = plain.id AND n = ?' USING @a, 5;
EXECUTE IMMEDIATE 'UPDATE transactions, plain SET transactions.payment_method = ? WHERE transactions.id = plain.id AND n = ?' USING 1 + 1, @b;
EXECUTE IMMEDIATE 'INSERT INTO transactions (payment_method) VALUES (?)' USING DEFAULT;
SET STATEMENT max_statement_time = 1 FOR PREPARE s FROM 'SELECT payment_method FROM transactions';
SET STATEMENT max_statement_time = 1 FOR PREPARE s FROM 'SELECT 1';
EXECUTE s USING;
PREPARE s FROM 'SELECT 1' nonsense;
BEGIN NOT ATOMIC PREPARE s FROM 'SELECT 1'; END;
XA PREPARE 'x';
GRANT EXECUTE ON PROCEDURE p TO u;
SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR PREPARE s FROM 'SELECT payment_method FROM transactions';
