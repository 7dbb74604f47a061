-- psql's \d of a table
CREATE TABLE t (id serial PRIMARY KEY, n numeric(10,2) DEFAULT 1.5, v varchar(20) NOT NULL, c char(3), ts timestamp, b boolean DEFAULT true, s text DEFAULT 'x', u int UNIQUE);
CREATE INDEX t_v ON t (v, n DESC);
CREATE UNIQUE INDEX ON t (s);
CREATE TABLE plain (a int, b bigint, d double precision, r real, y bytea, dt date, z timestamptz);
\d t
\d plain
\d+ plain
\d pl*
ALTER TABLE plain ADD PRIMARY KEY (a, b);
\d plain
\d nosuch
DROP TABLE t, plain;
