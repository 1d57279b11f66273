DESCRIBE transactions;
DESC shop.transactions transaction_type;
SHOW FULL COLUMNS FROM transactions LIKE 'a%';
SHOW INDEX FROM transactions FROM shop;
EXPLAIN transactions;
SHOW CREATE TABLE orders;
