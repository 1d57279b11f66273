-- versions: old
SELECT * FROM kinds_seen;
SELECT k.kind, t.payment_method FROM kinds_seen AS k JOIN transactions t ON t.id = k.id;
SELECT k FROM kinds_again;
SELECT * FROM amounts NATURAL JOIN plain;
INSERT INTO plain SELECT id, kind FROM kinds_seen;
UPDATE kinds_seen SET kind = 'x' WHERE id = 1;
UPDATE amounts SET amounts.payment_method = 5 WHERE id = 1;
UPDATE plain JOIN kinds_seen USING (id) SET plain.n = 1;
INSERT INTO kinds_seen (id, kind) VALUES (1, 'x');
INSERT INTO amounts (id) VALUES (1);
DELETE FROM kinds_seen WHERE kind = 'x';
LOCK TABLES kinds_seen READ;
CREATE VIEW other AS SELECT kind FROM kinds_seen;
DROP VIEW kinds_seen;
GRANT SELECT ON kinds_seen TO u;
