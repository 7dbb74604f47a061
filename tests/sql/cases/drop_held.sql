-- what a default names stays, unless its table goes, too
CREATE TABLE t (a serial, b serial);
CREATE TABLE u (x int DEFAULT nextval('t_b_seq'), y int DEFAULT nextval('t_a_seq'), z int DEFAULT nextval('t_b_seq')+nextval('t_b_seq'));
CREATE TABLE v (x int DEFAULT nextval('t_a_seq'));
DROP TABLE t;
DROP SEQUENCE t_a_seq;
DROP SEQUENCE t_b_seq, t_a_seq;
DROP TABLE t,v;
CREATE SEQUENCE s;
CREATE SEQUENCE s2 OWNED BY v.x;
CREATE TABLE w (k bigint DEFAULT nextval('s'), l bigint DEFAULT nextval('s'::text), m oid DEFAULT 'v'::regclass, n text DEFAULT 's'::regclass::text);
DROP SEQUENCE s;
DROP SEQUENCE s RESTRICT;
DROP TABLE v;
ALTER TABLE v ADD COLUMN q int DEFAULT nextval('s');
DROP SEQUENCE s;
DROP SEQUENCE s2;
DROP TABLE t,u,v,w,t;
DROP SEQUENCE s;
-- given back by a rollback
CREATE SEQUENCE s;
CREATE TABLE t (a bigint DEFAULT nextval('s'));
BEGIN;
DROP TABLE t;
DROP SEQUENCE s;
ROLLBACK;
DROP SEQUENCE s;
DROP TABLE t;
DROP SEQUENCE s;
