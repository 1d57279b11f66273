CREATE TABLE transactions (
  id INT NOT NULL PRIMARY KEY AUTO_INCREMENT,
  transaction_type VARCHAR(20) NOT NULL DEFAULT 'cash',
  amount INT NOT NULL,
  note VARCHAR(40) DEFAULT NULL,
  KEY by_type (transaction_type)
);
CREATE TABLE orders (
  id INT NOT NULL PRIMARY KEY,
  transaction_id INT,
  payment_method VARCHAR(20),
  amount INT
);
CREATE TABLE kinds (
  transaction_type VARCHAR(20) NOT NULL PRIMARY KEY,
  label VARCHAR(20)
);
CREATE TABLE plain (
  id INT NOT NULL PRIMARY KEY,
  n INT
);
CREATE VIEW big AS SELECT * FROM transactions WHERE amount > 100;
CREATE VIEW plain_view AS SELECT id FROM plain;
CREATE VIEW kinds_seen AS SELECT `transactions`.`id` AS `id`, `transactions`.`transaction_type` AS `kind` FROM `transactions`;
CREATE VIEW amounts AS SELECT `t`.`id` AS `id`, `t`.`amount` AS `payment_method` FROM `transactions` `t`;
CREATE VIEW kinds_again AS SELECT `kinds_seen`.`kind` AS `k` FROM `kinds_seen`;
