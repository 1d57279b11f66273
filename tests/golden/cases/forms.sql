-- servers: mysql mariadb
-- phases: planned dual_write switched retired contracted
HANDLER transactions OPEN AS h;
SHOW EXTENDED INDEX FROM transactions;
SELECT payment_method FROM transactions QUALIFY ROW_NUMBER() OVER (ORDER BY id) = 1;
SELECT transaction_type FROM transactions USE INDEX (by_type) WHERE transaction_type = 'x';
SELECT transaction_type FROM transactions USE INDEX (by_type__payment_method);
SELECT transaction_type INTO @x FROM transactions;
SELECT payment_method INTO OUTFILE '/tmp/x' FIELDS TERMINATED BY ',' FROM transactions;
SELECT payment_method FROM transactions INTO DUMPFILE '/tmp/x';
SELECT transaction_type FROM transactions PARTITION (p0) WHERE payment_method = 'x';
LOAD XML INFILE 'x' INTO TABLE transactions ROWS IDENTIFIED BY '<r>';
LOAD XML INFILE 'x' INTO TABLE transactions (id, transaction_type, @amount) SET amount = @amount + 1;
LOAD XML INFILE 'x' INTO TABLE transactions (id, payment_method);
UPDATE transactions FOR PORTION OF p FROM '2020-01-01' TO '2020-02-01' AS t SET transaction_type = 'x' WHERE id = 1;
DELETE FROM transactions FOR PORTION OF p FROM '2020-01-01' TO '2020-02-01' WHERE payment_method = 'x';
SELECT /*+ SET_VAR(sql_mode='ANSI_QUOTES') */ payment_method FROM transactions;
SELECT payment_method FROM transactions MINUS WHERE MINUS.id = 1;
