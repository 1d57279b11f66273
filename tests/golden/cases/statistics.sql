-- phases: dual_write switched contracted
-- versions: old
ANALYZE TABLE transactions UPDATE HISTOGRAM ON id, transaction_type WITH 10 BUCKETS AUTO UPDATE;
ANALYZE LOCAL TABLE shop.transactions DROP HISTOGRAM ON payment_method;
CHECK TABLE transactions, plain EXTENDED;
CALL shop.transactions((SELECT COUNT(payment_method) FROM transactions));
CALL p;
