-- phases: planned dual_write switched contracted finished
-- versions: new
-- mode: NO_BACKSLASH_ESCAPES
-- named: SELECT transaction_type FROM transactions WHERE note = 'a\b' => SELECT payment_method AS transaction_type FROM transactions WHERE note = 'a\b'
EXECUTE s;
