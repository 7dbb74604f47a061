-- psql: \dt, \di, \ds, \d of an index and of a sequence
CREATE TABLE t (id serial PRIMARY KEY, n numeric(10,2) DEFAULT 1.5, v varchar(20) NOT NULL, c char(3), ts timestamp, b boolean DEFAULT true, s text DEFAULT 'x');
CREATE INDEX t_v ON t (v, n DESC);
CREATE UNIQUE INDEX ON t (s);
CREATE TABLE plain (a int, b bigint, d double precision, r real, y bytea, dt date, z timestamptz);
\dt
\d t_v
\d t_pkey
\d nosuch
\ds
\di
\d t_id_seq
\d
DROP TABLE t, plain;
\d
\dt
