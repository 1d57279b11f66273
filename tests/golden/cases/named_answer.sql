-- phases: planned switched
-- versions: old
-- servers: mariadb
-- answer: @text => SELECT transaction_type, 'x' FROM transactions
-- multi: yes
PREPARE s FROM @text;
PREPARE s FROM @other;
SELECT 1; PREPARE s FROM @text;
EXECUTE IMMEDIATE @text;
