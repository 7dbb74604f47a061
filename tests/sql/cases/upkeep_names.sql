-- VACUUM and ANALYZE of what is no table
CREATE TABLE t (a int PRIMARY KEY);
CREATE SEQUENCE s;
VACUUM s;
ANALYZE s, t;
VACUUM (ANALYZE) s, t;
VACUUM t_pkey;
ANALYZE t_pkey;
VACUUM nosuch;
ANALYZE t, nosuch;
INSERT INTO t VALUES (1);
ANALYZE t;
SELECT relpages, reltuples FROM pg_class WHERE relname = 't';
DROP TABLE t;
DROP SEQUENCE s;
