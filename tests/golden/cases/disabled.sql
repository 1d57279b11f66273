-- disabled: yes
-- phases: dual_write
SELECT payment_method FROM transactions;
SELECT transaction_type FROM transactions;
SELECT * FROM transactions;
