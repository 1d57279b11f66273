-- servers: mariadb
-- mode: PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ORACLE,SIMULTANEOUS_ASSIGNMENT,STRICT_TRANS_TABLES
-- phases: dual_write switched
-- versions: old
SELECT "payment_method" || 'x' FROM transactions;
UPDATE transactions SET transaction_type = 'x' WHERE id = 1;
UPDATE transactions SET transaction_type = SYSDATE WHERE id IN (SELECT id FROM plain);
UPDATE transactions SET transaction_type = s.nextval WHERE id IN (SELECT id FROM plain);
SELECT payment_method FROM transactions MINUS SELECT label FROM kinds;
DECLARE x INT; BEGIN SELECT amount INTO x FROM transactions; END;
