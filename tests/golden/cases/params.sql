-- prepared: yes
-- phases: dual_write switched
-- versions: old new
SELECT payment_method FROM transactions WHERE payment_method = ? AND amount > ? LIMIT ?;
SELECT CONCAT(payment_method, ?) FROM transactions;
SELECT amount + ? AS payment_method FROM transactions ORDER BY payment_method + ?;
