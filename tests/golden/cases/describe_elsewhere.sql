-- schema: other
-- phases: dual_write
-- versions: old
SHOW COLUMNS FROM transactions;
SHOW COLUMNS FROM transactions FROM shop;
SHOW INDEX IN transactions IN `shop`;
SHOW COLUMNS FROM transactions FROM other;
SHOW TABLES FROM shop;
DESCRIBE shop.transactions;
