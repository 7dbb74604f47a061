-- ALTER TABLE ADD COLUMN over rows; defaults of many shapes
CREATE TABLE t (id serial PRIMARY KEY, v text UNIQUE, n numeric(6,2) DEFAULT 9.99 NOT NULL);
INSERT INTO t (v) SELECT 'r' || g FROM generate_series(1,5) g;
BEGIN; ALTER TABLE t ADD COLUMN z int DEFAULT 5; SELECT z, count(*) FROM t GROUP BY z; ROLLBACK; SELECT * FROM t ORDER BY id LIMIT 1;
BEGIN; SAVEPOINT s; ALTER TABLE t ADD COLUMN z int DEFAULT 5; ROLLBACK TO s; INSERT INTO t (v) VALUES ('a') RETURNING id > 0; COMMIT;
ALTER TABLE t ADD COLUMN y serial;
SELECT id, y FROM t ORDER BY id;
ALTER TABLE t ADD COLUMN x int NOT NULL;
ALTER TABLE t ADD COLUMN w int NOT NULL DEFAULT 3, ADD COLUMN w2 text DEFAULT 'q' || 'r', ADD CONSTRAINT wu UNIQUE (w, id);
\d t
ALTER TABLE t ADD COLUMN uu int UNIQUE DEFAULT 1;
ALTER TABLE t ADD COLUMN pk int PRIMARY KEY;
SELECT count(*), min(w), max(w2) FROM t;
CREATE INDEX ti ON t (w2, w DESC);
UPDATE t SET w = w + id WHERE id > 2 RETURNING id, w;
SELECT id FROM t WHERE w2 = 'qr' ORDER BY w DESC LIMIT 2;
DELETE FROM t WHERE id = (SELECT max(id) FROM t) RETURNING v;
TRUNCATE t RESTART IDENTITY; INSERT INTO t (v) VALUES ('n') RETURNING *;
CREATE TABLE IF NOT EXISTS t (a int);
DROP INDEX ti; DROP INDEX IF EXISTS ti;
ALTER TABLE t ADD CONSTRAINT wu UNIQUE (v);
ALTER TABLE t ADD PRIMARY KEY (v);
ANALYZE; SELECT reltuples FROM pg_class WHERE relname='t';
VACUUM (FREEZE, ANALYZE) t;
DROP TABLE t; SELECT * FROM t;
CREATE TABLE a (x int DEFAULT 'nosuch'::regclass::int);
CREATE TABLE a (x oid DEFAULT 'pg_class'::regclass, y text DEFAULT E'a\\b''c', z text DEFAULT 'äö', n numeric DEFAULT 1e3, m numeric DEFAULT -1.5, b bool DEFAULT (NOT true), i8 int8 DEFAULT 9223372036854775807, ts timestamp DEFAULT '2024-01-01'::timestamp + '1 day', l int DEFAULT (1 + 2) * 3 - 4 - (5 - 6), f float8 DEFAULT 2 ^ 3, tz timestamptz DEFAULT now() - interval '1 day', cc char(3) DEFAULT 'ab'::char(2), ab text DEFAULT lower('X') || upper('y'), ne int DEFAULT -(-3), u text DEFAULT user);
\d a
INSERT INTO a DEFAULT VALUES RETURNING x, y, z, n, m, b, i8, ts, l, f, cc, ab, ne, u;
DROP TABLE a;
