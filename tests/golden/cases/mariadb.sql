-- servers: mariadb
-- phases: dual_write
TABLE transactions;
SELECT COUNT(*) AS payment_method FROM transactions GROUP BY amount ORDER BY payment_method + 0;
SELECT payment_method FROM transactions a JOIN transactions b;
ANALYZE SELECT payment_method FROM transactions;
EXECUTE IMMEDIATE 'SELECT 1';
EXECUTE IMMEDIATE CONCAT('SELECT ', '1');
SELECT * FROM transactions FOR SYSTEM_TIME ALL;
