-- servers: mariadb
-- phases: dual_write switched
-- versions: both
-- mode: EMPTY_STRING_IS_NULL,SIMULTANEOUS_ASSIGNMENT
UPDATE transactions SET payment_method = '' WHERE id = 1;
UPDATE transactions SET payment_method = 'x' WHERE id = 1;
UPDATE transactions SET transaction_type = 5 WHERE id = 1;
UPDATE transactions t JOIN orders o ON o.id = t.id SET t.payment_method = '' WHERE o.id = 1;
UPDATE transactions t JOIN orders o ON o.id = t.id SET t.payment_method = DATE '2020-01-01' WHERE o.id = 1;
