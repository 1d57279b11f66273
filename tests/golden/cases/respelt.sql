-- servers: mysql mariadb
-- phases: dual_write switched
-- versions: old new
SELECT t.PAYMENT_METHOD FROM transactions t NATURAL LEFT JOIN orders;
SELECT t.payment_method FROM transactions t NATURAL LEFT JOIN orders;
