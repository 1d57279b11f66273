-- schema: information_schema
-- phases: dual_write contracted
SELECT column_name FROM columns WHERE table_name = 'transactions';
SELECT column_name FROM shop.columns WHERE 'transactions' = 1;
SHOW COLUMNS FROM shop.transactions;
