-- phases: planned switched
-- versions: old
-- servers: mariadb mysql
-- charset: gbk
PREPARE s FROM 'SELECT transaction_type FROM transactions WHERE note = ''a\\b''';
PREPARE s FROM 'SELECT transaction_type FROM transactions WHERE note = ''é''';
PREPARE s FROM 'SELECT ''é''';
EXECUTE IMMEDIATE 'SELECT transaction_type FROM transactions';
