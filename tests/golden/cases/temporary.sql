-- temp: transactions
-- phases: dual_write
-- versions: both
SELECT payment_method FROM transactions;
SELECT payment_method FROM shop.transactions;
INSERT INTO transactions (payment_method) VALUES ('a');
DROP TABLE transactions;
