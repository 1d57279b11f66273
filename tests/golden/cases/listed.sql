-- servers: mysql mariadb
-- phases: dual_write switched
SELECT amount AS payment_method, ROW_NUMBER() OVER (ORDER BY payment_method) FROM transactions;
SELECT amount AS payment_method, RANK() OVER w FROM transactions WINDOW w AS (PARTITION BY payment_method ORDER BY payment_method);
SELECT payment_method, RANK() OVER (ORDER BY payment_method) FROM transactions;
SELECT t.*, t.amount FROM transactions t JOIN transactions u ON u.id = t.id ORDER BY payment_method;
SELECT t.*, amount AS payment_method FROM transactions t ORDER BY payment_method;
INSERT INTO transactions (payment_method, amount) VALUES ROW(DEFAULT(payment_method), 1), ROW(payment_method, 2);
INSERT INTO transactions () VALUES () AS new ON DUPLICATE KEY UPDATE payment_method = new.payment_method;
INSERT INTO transactions () VALUES ROW();
INSERT INTO transactions VALUES ROW(), ROW();
