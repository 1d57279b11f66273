-- phases: switched
-- versions: new
-- servers: mariadb
-- release: 110809
SELECT * FROM information_schema.columns WHERE table_schema = 'shop' AND table_name = 'transactions';
