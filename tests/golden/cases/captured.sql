-- phases: dual_write retired
-- versions: old new
UPDATE orders JOIN transactions ON transactions.id = orders.transaction_id SET payment_method = 'zz';
UPDATE orders o JOIN transactions t ON t.id = o.transaction_id SET payment_method = t.transaction_type, t.note = 'x' WHERE payment_method > 'a';
UPDATE kinds, transactions SET transaction_type = 'zz' WHERE label = note;
UPDATE orders JOIN transactions t ON t.id = orders.transaction_id SET orders.payment_method = 'zz';
DELETE orders FROM orders JOIN transactions t ON t.id = orders.transaction_id WHERE payment_method = 'x';
SELECT o.id FROM orders o JOIN transactions t ON t.id = o.transaction_id AND payment_method = 'x' GROUP BY o.id, payment_method HAVING MAX(payment_method) > 'a' ORDER BY payment_method + 0, payment_method;
INSERT INTO orders (id, payment_method) SELECT t.id, note FROM transactions t ON DUPLICATE KEY UPDATE payment_method = CONCAT(payment_method, 'x');
INSERT INTO orders (id, payment_method) SELECT 1, 'x' FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM transactions WHERE payment_method = 'zzz');
INSERT INTO transactions (payment_method) SELECT 'x' FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM transactions WHERE payment_method = 'zzz');
SELECT (SELECT transaction_type FROM DUAL) FROM transactions, DUAL;
SELECT payment_method, j.a FROM transactions, JSON_TABLE(note, '$[*]' COLUMNS (a INT PATH '$.a', NESTED PATH '$.b[*]' COLUMNS (b INT PATH '$'))) j;
SELECT payment_method FROM orders, JSON_TABLE('[]', '$[*]' COLUMNS (transaction_type VARCHAR(20) PATH '$')) j, transactions WHERE j.transaction_type = 'x';
SELECT * FROM transactions, JSON_TABLE('[]', '$[*]' COLUMNS (a INT PATH '$.a', NESTED PATH '$.b[*]' COLUMNS (b INT PATH '$'))) j;
