-- phases: planned dual_write switched contracted finished
-- versions: old new
-- mode: STRICT_TRANS_TABLES
-- named: UPDATE transactions, plain SET payment_method = ? WHERE transactions.id = plain.id AND plain.n = ? => UPDATE transactions, plain SET transaction_type = ? WHERE transactions.id = plain.id AND plain.n = ?
EXECUTE s USING @a, @b;
EXECUTE S using @a, @b;
EXECUTE s USING @a;
EXECUTE s;
EXECUTE other USING @a, @b;
EXECUTE `é`;
DEALLOCATE PREPARE s;
