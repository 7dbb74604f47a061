-- LIKE, ILIKE and regular expressions
SELECT 'abc' LIKE 'a%', 'abc' LIKE '_b_', 'abc' LIKE 'b', 'abc' NOT LIKE '%c', 'a%c' LIKE 'a\%c', 'abc' LIKE 'a\%c';
SELECT 'a_c' LIKE 'a!_c' ESCAPE '!', 'abc' LIKE 'a!_c' ESCAPE '!', 'a\c' LIKE 'a\c' ESCAPE '';
SELECT 'abc' LIKE 'abc\';
SELECT 'a' LIKE 'a' ESCAPE 'xx';
SELECT 'ABC' ILIKE 'a%', 'ÄB' ILIKE 'äb', 'abc' NOT ILIKE 'X%', 'größe' LIKE 'gr__e';
SELECT NULL LIKE 'a', 'a' LIKE NULL, '' LIKE '%', '' LIKE '_';
SELECT 'abc' ~ 'b', 'abc' ~ '^b', 'ABC' ~* 'abc', 'abc' !~ 'x', 'ABC' !~* 'b';
SELECT 'abc123' ~ '^[a-z]+[0-9]{3}$', 'foo.bar' ~ 'foo\.bar', 'ab' ~ '(a|b)c?$';
SELECT 'abc' ~ '(';
SELECT regexp_replace('foobarbaz', 'b..', 'X'), regexp_replace('foobarbaz', 'b..', 'X', 'g'), regexp_replace('abc', '(b)', '[\1]');
SELECT substring('foobar' FROM 'o(.)b');
SELECT 1 LIKE '1';
