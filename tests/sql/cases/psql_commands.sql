-- psql's backslash commands over tables, indexes, sequences, schemas, roles
CREATE TABLE t (id serial PRIMARY KEY, n numeric(10,2) DEFAULT 1.5, v varchar(20) NOT NULL, c char(3), ts timestamp(3), b boolean DEFAULT true, s text DEFAULT 'x', u int UNIQUE, z timestamptz DEFAULT now(), d date DEFAULT '2020-01-01', f float8 DEFAULT 1.5e10, bb bytea, i2 int2 DEFAULT -5, big bigserial, nn numeric, oo oid, na name, r real DEFAULT 0.5);
CREATE INDEX t_v ON t (v, n DESC);
CREATE INDEX t_w ON t (v DESC NULLS LAST, n NULLS FIRST);
CREATE UNIQUE INDEX ON t (s);
CREATE TABLE "Odd Name" ("A b" int, "select" text DEFAULT 'it''s', CONSTRAINT "my key" PRIMARY KEY ("A b", "select"));
CREATE SEQUENCE sq INCREMENT 5 MINVALUE 10 MAXVALUE 100 START 15 CYCLE CACHE 1;
CREATE SEQUENCE sq2 AS smallint OWNED BY t.u;
CREATE TABLE du (a int DEFAULT 1+2, b timestamp DEFAULT current_timestamp, c text DEFAULT NULL, d int DEFAULT nextval('sq'), e text DEFAULT 'a' || 'b', f date DEFAULT current_date, g bool DEFAULT false, h numeric DEFAULT 1.50, i varchar(5) DEFAULT 'abc', k char(4) DEFAULT 'x', l bigint DEFAULT 5, m float8 DEFAULT 1, n timestamptz DEFAULT '2020-01-01', o text DEFAULT upper('x'), p int DEFAULT length('abc'), q int[] DEFAULT '{1,2}', r double precision DEFAULT random());
\d
\dt
\dt t
\dt nosuch
\dt pu*.t
\di
\di t_v
\ds
\dv
\dm
\dn
\dn+
\du
\du+
\dg
\df
\df nosuch
\df public.*
\dT
\dT public.*
\l
\l postgres
\l+ nosuch
\db
\dp
\dp t
\z
\d t
\d "Odd Name"
\d du
\d sq
\d sq2
\d t_id_seq
\d t_v
\d t_w
\d t_pkey
\d t_u_key
\d t_s_idx
\d "my key"
\d nosuch
\d public.t
\d nosch.t
\d t*
\dtis
\dti
\dts t*
\dE
\dD
\dc
\ddp
\des
\dO
\dP
\dRp
\dRs
\dy
\dX
\drds
\dO nosuch
\do nosuch
\dT nosuch
\sf nosuch
\sv nosuch
\encoding
DROP TABLE t, "Odd Name", du;
DROP SEQUENCE sq;
\d
\dt
\di
\ds
\l+ nosuch
\dt pg_catalog.pg_cl*
DROP SEQUENCE sq2;
