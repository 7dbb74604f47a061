-- text, varchar, char, bytea and their functions
CREATE TABLE t (c char(4), v varchar(4), x text);
INSERT INTO t VALUES ('ab', 'ab', 'ab'), ('ab  ', 'ab  ', 'ab  ');
SELECT c, v, x, length(c), length(v), length(x), c || '|', v || '|' FROM t;
SELECT c = 'ab', v = 'ab', x = 'ab' FROM t;
INSERT INTO t VALUES ('abcde', 'a', 'a');
INSERT INTO t VALUES ('a', 'abcde', 'a');
INSERT INTO t VALUES ('abcd  ', 'abcd  ', 'a');
SELECT 'abcde'::char(3), 'abcde'::varchar(3), 'a'::char(3) || 'b';
DROP TABLE t;
SELECT 'it''s', E'tab\there', E'\x41\u00e9', $$dollar 'quoted'$$, $a$x$$y$a$;
SELECT 'a'
'b';
SELECT length('größe'), octet_length('größe'), upper('größe'), substr('größe', 3, 2), substring('abcdef' FROM 2 FOR 3);
SELECT starts_with('abc', 'ab'), starts_with('abc', 'b');
SELECT position('c' IN 'abc'), strpos('abc', 'z'), left('abcdef', -2), right('abcdef', 2), repeat('ab', 3), reverse('abc');
SELECT trim('  a  '), ltrim('xxa', 'x'), rtrim('axx', 'x'), btrim('xyaxy', 'xy'), trim(BOTH 'x' FROM 'xax');
SELECT lpad('7', 3, '0'), rpad('7', 3), lpad('abcdef', 3), initcap('hello wORLD'), replace('aXbX', 'X', '--');
SELECT split_part('a,b,c', ',', 2), concat('a', NULL, 1, true), concat_ws('-', 'a', NULL, 'b'), translate('12345', '143', 'ax');
SELECT md5('abc'), ascii('A'), chr(233), to_hex(255), quote_literal('it''s'), quote_ident('Weird name');
SELECT 'a' || 1, 1 || 'a', 'a' || NULL;
SELECT '\xdeadBEEF'::bytea, 'abc\000d\\'::bytea, length('\x0102'::bytea), '\x01'::bytea || '\x02'::bytea;
SELECT '\xabc'::bytea;
SELECT '\xzz'::bytea;
SELECT 'abc' < 'abd', 'B' < 'a', 'a' < 'ä', '' < 'a';
SELECT 'true'::bool, 'f'::bool, 'yes'::bool, '0'::bool, 'on'::bool;
SELECT 'maybe'::bool;
SELECT format('%s is %I, %L', 'a', 'b c', 'd''e');
