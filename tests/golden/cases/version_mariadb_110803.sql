-- phases: dual_write switched
-- versions: new
-- servers: mariadb
-- release: 110803
SELECT /*!50110 payment_method */ FROM transactions;
SELECT id /*!50110 , payment_method */ FROM transactions;
SELECT id /*!50700 , payment_method */ FROM transactions;
SELECT id /*!80000 , payment_method */ FROM transactions;
SELECT id /*!99999 , payment_method */ FROM transactions;
SELECT id /*M!100100 , payment_method */ FROM transactions;
SELECT id /*M!110400 , payment_method */ FROM transactions;
SELECT id /*!100100 , payment_method */ FROM transactions;
SELECT id /*!110400 , payment_method */ FROM transactions;
SELECT id /*!080000 , payment_method */ FROM transactions;
SELECT id /*! , payment_method */ FROM transactions;
SELECT id /*M! , payment_method */ FROM transactions;
SELECT id /*!501 , payment_method */ FROM transactions;
SELECT id /*!50110, payment_method*/ FROM transactions;
SELECT /*!50110 payment */_method FROM transactions;
SELECT id /*!50110 , /* inner */ payment_method */ FROM transactions;
SELECT id /*!50110 , /*!50111 payment_method */ */ FROM transactions;
SELECT id /*!99999 , /*!50111 payment_method */ */ FROM transactions;
SELECT id /*!99999 , /* inner */ payment_method */ FROM transactions;
SELECT id, payment_method FROM /*!50110 transactions */;
SELECT id, payment_method FROM /*!99999 plain JOIN */ transactions;
/*!50110 SELECT payment_method FROM transactions */;
/*!40101 SET @a = (SELECT payment_method FROM transactions LIMIT 1) */;
UPDATE transactions SET payment_method = 'x' /*!50110 , note = 'y' */ WHERE id = 1;
UPDATE transactions SET /*!50110 payment_method = 'x' */ WHERE id = 1;
INSERT INTO transactions (amount /*!50110 , payment_method */) VALUES (1 /*!50110 , 'x' */);
SELECT id /*!50110 , payment_method FROM transactions;
SELECT id /*!99999 , payment_method FROM transactions;
SELECT id /* , payment_method FROM transactions;
SELECT '/*!50110', payment_method FROM transactions WHERE note <> '*/';
SELECT id */ , payment_method FROM transactions;
SELECT /*+ MAX_EXECUTION_TIME(1000) */ payment_method FROM transactions;
