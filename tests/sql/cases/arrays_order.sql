-- Arrays are equal and in order by their elements, not by their texts.
SELECT ARRAY[1.0] = ARRAY[1.00], ARRAY[1.0] <> ARRAY[1.00], '{-0}'::float8[] = '{0}';
SELECT x FROM (VALUES (ARRAY[10]), (ARRAY[9]), (ARRAY[9, 1]), (ARRAY[NULL]::int[]), ('{}'), (NULL), (ARRAY[-1])) v(x)
 ORDER BY x;
SELECT x FROM (VALUES (ARRAY['b']), (ARRAY['B']), (ARRAY['a,b']), (ARRAY['']), (ARRAY['é'])) v(x) ORDER BY x DESC;
SELECT count(*) FROM (VALUES (ARRAY[1.0]), (ARRAY[1.00]), (ARRAY[1.1])) v(x) GROUP BY x ORDER BY 1;
SELECT count(DISTINCT x) FROM (VALUES (ARRAY[1.0]), (ARRAY[1.00]), (ARRAY[NULL]::numeric[]), (ARRAY[NULL]::numeric[])) v(x);
SELECT a.n, b.n FROM (VALUES (1, ARRAY[1.0]), (2, ARRAY[2.0])) a(n, x) JOIN (VALUES (3, ARRAY[1.000]), (4, ARRAY[5])) b(n, x)
 ON a.x = b.x;
CREATE TABLE arrays_order (id int PRIMARY KEY, x int[]);
INSERT INTO arrays_order VALUES (1, '{10}'), (2, '{9}'), (3, '{9,NULL}'), (4, NULL);
SELECT id FROM arrays_order ORDER BY x;
SELECT id FROM arrays_order WHERE x = '{ 9 }';
DROP TABLE arrays_order;
