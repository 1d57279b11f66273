-- phases: dual_write switched
-- versions: both
-- servers: mysql mariadb
UPDATE transactions SET transaction_type = 'x' WHERE id IN (SELECT transaction_id FROM orders);
UPDATE transactions SET payment_method = UUID() WHERE id IN (SELECT transaction_id FROM orders);
UPDATE transactions SET transaction_type = 'x', payment_method = transaction_type WHERE id IN (SELECT transaction_id FROM orders);
UPDATE transactions SET transaction_type = 'x', payment_method = 'x' WHERE id IN (SELECT transaction_id FROM orders);
UPDATE transactions SET transaction_type = 'x', note = payment_method WHERE id IN (SELECT transaction_id FROM orders) LIMIT 3;
UPDATE transactions SET transaction_type = (SELECT MAX(label) FROM kinds) WHERE id = 3;
UPDATE transactions t JOIN orders o ON o.transaction_id = t.id SET t.transaction_type = 'x', t.payment_method = t.transaction_type;
UPDATE transactions t JOIN orders o ON o.transaction_id = t.id SET t.payment_method = o.payment_method, t.transaction_type = o.payment_method;
UPDATE transactions SET transaction_type = UUID(), note = CONCAT('u', payment_method) WHERE id IN (SELECT transaction_id FROM orders);
UPDATE transactions SET note = CONCAT('u', payment_method), transaction_type = UUID() WHERE id IN (SELECT transaction_id FROM orders);
UPDATE transactions SET note = 'u', transaction_type = (SELECT MAX(label) FROM kinds) WHERE id = 3;
UPDATE transactions SET note = 'u', payment_method = UUID() WHERE id = (SELECT MAX(transaction_id) FROM orders);
UPDATE transactions SET note = 'u', payment_method = CONCAT(note, UUID()) WHERE id = (SELECT MAX(transaction_id) FROM orders);
UPDATE transactions SET note = 'u', payment_method = CONCAT(note, UUID()) WHERE EXISTS (SELECT 1 FROM orders o WHERE o.transaction_id = transactions.id);
UPDATE transactions SET transaction_type = transaction_type WHERE id IN (SELECT transaction_type FROM transactions) ORDER BY id LIMIT 3;
UPDATE transactions SET payment_method = payment_method, note = 'u' WHERE id IN (SELECT transaction_id FROM orders) ORDER BY id LIMIT 3;
