-- phases: planned dual_write switched contracted
-- versions: old new
-- servers: mariadb
-- mode: STRICT_TRANS_TABLES
BEGIN NOT ATOMIC SELECT payment_method FROM transactions; END;
BEGIN NOT ATOMIC DECLARE v VARCHAR(20) DEFAULT (SELECT transaction_type FROM transactions WHERE id = 1); SELECT v; END;
BEGIN NOT ATOMIC DECLARE transaction_type VARCHAR(20) DEFAULT 'x'; SELECT transaction_type, t.transaction_type FROM transactions t WHERE payment_method = transaction_type; END;
BEGIN NOT ATOMIC DECLARE payment_method, id INT; SELECT * FROM transactions; SELECT payment_method, transaction_type FROM transactions ORDER BY id; END;
BEGIN NOT ATOMIC DECLARE v VARCHAR(20); SELECT transaction_type INTO v FROM transactions WHERE id = 1; UPDATE transactions SET payment_method = v WHERE id = 2; END;
BEGIN NOT ATOMIC DECLARE payment_method VARCHAR(20); UPDATE transactions SET transaction_type = 'x' WHERE id = 2; END;
BEGIN NOT ATOMIC DECLARE payment_method VARCHAR(20); BEGIN DECLARE n INT; SET payment_method = 'x', n = 1; END; SELECT payment_method; END;
BEGIN NOT ATOMIC BEGIN DECLARE payment_method VARCHAR(20); SELECT payment_method; END; UPDATE transactions SET transaction_type = 'x'; SELECT payment_method FROM transactions; END;
BEGIN NOT ATOMIC DECLARE done INT DEFAULT 0; DECLARE v VARCHAR(20); DECLARE c CURSOR FOR SELECT payment_method FROM transactions; DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1; OPEN c; l: LOOP FETCH c INTO v; IF done THEN LEAVE l; END IF; END LOOP l; CLOSE c; END;
BEGIN NOT ATOMIC DECLARE EXIT HANDLER FOR SQLEXCEPTION, SQLSTATE '23000', 1062 BEGIN ROLLBACK; SELECT payment_method FROM transactions; END; START TRANSACTION; DELETE FROM transactions WHERE payment_method = 'x'; COMMIT; END;
FOR r IN (SELECT payment_method FROM transactions) DO SELECT r.payment_method, r.transaction_type; END FOR;
FOR r IN (SELECT * FROM transactions) DO INSERT INTO plain VALUES (r.id, r.amount); END FOR;
FOR transactions IN (SELECT 1 AS payment_method) DO SELECT transactions.payment_method FROM plain; END FOR;
FOR i IN 1..3 DO UPDATE transactions SET payment_method = i WHERE id = i; END FOR;
IF (SELECT COUNT(*) FROM transactions WHERE payment_method = 'x') > 0 THEN SELECT 1; ELSEIF EXISTS (SELECT transaction_type FROM transactions) THEN SELECT 2; ELSE SELECT payment_method FROM transactions; END IF;
WHILE (SELECT COUNT(payment_method) FROM transactions) > 5 DO DELETE FROM transactions LIMIT 1; END WHILE;
REPEAT DELETE FROM transactions WHERE payment_method = 'x' LIMIT 1; UNTIL ROW_COUNT() = 0 END REPEAT;
LOOP SELECT payment_method FROM transactions; END LOOP;
CASE (SELECT payment_method FROM transactions WHERE id = 1) WHEN 'a' THEN SELECT 1; ELSE SELECT 2; END CASE;
CASE WHEN (SELECT payment_method FROM transactions WHERE id = 1) = 'a' THEN SELECT 1; END CASE;
BEGIN NOT ATOMIC SET sql_mode = ''; UPDATE transactions SET payment_method = NULL; END;
BEGIN NOT ATOMIC SET @x = (SELECT payment_method FROM transactions LIMIT 1); END;
BEGIN NOT ATOMIC CREATE TEMPORARY TABLE transactions (id INT); SELECT payment_method FROM transactions; END;
BEGIN NOT ATOMIC DECLARE v TYPE OF transactions.payment_method; SELECT v; END;
BEGIN NOT ATOMIC DECLARE r ROW TYPE OF transactions; SELECT r.payment_method; END;
BEGIN NOT ATOMIC DECLARE c CURSOR (x INT) FOR SELECT payment_method FROM transactions WHERE id = x; END;
BEGIN NOT ATOMIC EXECUTE IMMEDIATE 'SELECT payment_method FROM transactions'; END;
BEGIN NOT ATOMIC DECLARE x INT; SHOW COLUMNS FROM transactions; END;
BEGIN NOT ATOMIC DECLARE x INT; SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_NAME = 'transactions'; END;
BEGIN NOT ATOMIC DECLARE payment_method INT; SELECT k.label FROM transactions NATURAL JOIN kinds k; END;
BEGIN NOT ATOMIC CALL p((SELECT payment_method FROM transactions LIMIT 1)); SIGNAL SQLSTATE '45000'; END;
BEGIN NOT ATOMIC SELECT payment_method FROM transactions; oops END;
BEGIN NOT ATOMIC SELECT 1; END; SELECT payment_method FROM transactions;
BEGIN NOT ATOMIC DECLARE transaction_type VARCHAR(9) DEFAULT 'zzz'; SET STATEMENT max_statement_time = 10 FOR UPDATE transactions SET payment_method = 'x' WHERE id = 1; END;
BEGIN NOT ATOMIC DECLARE transaction_type VARCHAR(9) DEFAULT 'zzz'; ANALYZE UPDATE transactions SET payment_method = 'x' WHERE id = 1; END;
BEGIN NOT ATOMIC UPDATE transactions SET payment_method = 'x'; SET STATEMENT max_statement_time = 10 FOR SET sql_mode = ''; END;
