-- servers: mariadb
-- phases: dual_write
-- versions: old
-- mode: ANSI_QUOTES,NO_BACKSLASH_ESCAPES
EXECUTE IMMEDIATE 'SELECT "payment_method", ''it''''s \'' AS a FROM transactions WHERE note = ''\\''';
