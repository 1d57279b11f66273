-- servers: mariadb
-- phases: expanded dual_write switched retired
-- versions: old new
SET @x = (SELECT payment_method FROM transactions WHERE transaction_type = 'a' LIMIT 1), @y := (SELECT COUNT(*) FROM transactions);
SET @x = 1, sort_buffer_size = (SELECT COUNT(*) FROM transactions);
SET SESSION sort_buffer_size = (SELECT COUNT(*) FROM transactions);
SET @x = 'transactions', @y = @x, NAMES utf8mb4;
DO (SELECT payment_method FROM transactions LIMIT 1), 1;
EXECUTE IMMEDIATE 'SELECT payment_method, ''it\\\'s \\\\ %'' AS a FROM transactions WHERE transaction_type = ?' USING @a;
EXECUTE IMMEDIATE "UPDATE transactions SET payment_method = ?, note = ? WHERE id = 1" USING @a, @b;
EXECUTE IMMEDIATE "UPDATE transactions SET payment_method = ?, note = ? WHERE id = 1" USING @a, 'x';
EXECUTE IMMEDIATE "UPDATE transactions SET payment_method = ?, note = ? WHERE id = 1" USING @a;
EXECUTE IMMEDIATE 'ALTER TABLE transactions ADD x INT';
EXECUTE IMMEDIATE 'SELECT id FROM transactions';
EXECUTE IMMEDIATE 'SELECT 1 FROM transactions WHERE (';
EXECUTE IMMEDIATE 'PREPARE s FROM ''SELECT payment_method FROM transactions''';
EXECUTE IMMEDIATE @transactions;
PREPARE s FROM 'SELECT id FROM transactions';
CREATE TEMPORARY TABLE q AS SELECT id, payment_method FROM transactions WHERE transaction_type = 'a';
CREATE TEMPORARY TABLE q (k INT) SELECT CONCAT(payment_method, 'x') FROM transactions;
CREATE OR REPLACE TABLE q AS SELECT * FROM transactions WHERE transaction_type = 'a';
CREATE TABLE IF NOT EXISTS q (id INT REFERENCES transactions (id)) AS SELECT id FROM plain;
CREATE OR REPLACE TABLE transactions AS SELECT id FROM plain;
CREATE TABLE q AS SELECT id FROM plain;
