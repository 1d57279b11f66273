-- servers: mariadb
-- phases: dual_write switched retired
-- versions: old
SET STATEMENT max_statement_time = 10, sort_buffer_size = 1000 FOR SELECT payment_method FROM transactions;
SET STATEMENT max_statement_time = 10 FOR UPDATE transactions SET payment_method = 'x' WHERE id = 1;
SET STATEMENT sql_mode = '' FOR INSERT INTO transactions (id, amount) VALUES (1, 2);
SET STATEMENT sql_mode = 'STRICT_TRANS_TABLES' FOR INSERT INTO transactions (id, amount) VALUES (1, 2);
SET STATEMENT sql_mode = CONCAT(@@sql_mode, ',ANSI') FOR INSERT INTO transactions (id, amount) VALUES (1, 2);
SET STATEMENT sql_mode = DEFAULT FOR SELECT 1;
SET STATEMENT max_statement_time = 10 FOR ALTER TABLE transactions ADD x INT;
ANALYZE TABLE transactions PERSISTENT FOR ALL;
ANALYZE TABLE transactions PERSISTENT FOR COLUMNS (id, payment_method) INDEXES (by_type);
ANALYZE TABLE transactions PERSISTENT FOR COLUMNS () INDEXES ALL;
CALL p((SELECT payment_method FROM transactions LIMIT 1), 1);
