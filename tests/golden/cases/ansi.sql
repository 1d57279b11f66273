-- mode: ANSI_QUOTES
-- phases: dual_write switched
-- versions: old
SELECT "payment_method", 'payment_method' FROM "transactions";
SELECT t."payment_method" AS "x y" FROM "transactions" t WHERE "transaction_type" = 'a';
