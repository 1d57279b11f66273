-- multi: yes
-- phases: dual_write
-- versions: both
SELECT payment_method FROM transactions; SELECT 1; SELECT payment_method FROM orders;
USE other; SELECT payment_method FROM transactions;
SET NAMES gbk; SELECT payment_method FROM transactions;
CREATE TEMPORARY TABLE transactions (a INT); SELECT payment_method FROM transactions;
DROP TEMPORARY TABLE transactions; SELECT payment_method FROM transactions;
SELECT payment_method FROM transactions; SELECT payment_method FROM big;
