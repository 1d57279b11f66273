-- phases: planned switched
-- versions: new
-- mode: NO_BACKSLASH_ESCAPES,ANSI_QUOTES
PREPARE s FROM 'SELECT "payment_method" FROM transactions WHERE note = ''a\b''';
PREPARE s FROM "SELECT payment_method FROM transactions";
