-- where a message points, and what it says
SELEC 1;
SELECT 1 FROM;
SELECT 1 +;
SELECT (1;
SELECT 'unfinished
';
SELECT * FROM nosuch;
SELECT nosuch FROM (SELECT 1 AS a) s;
SELECT a.b FROM (SELECT 1 AS a) s;
SELECT s.b FROM (SELECT 1 AS a) s;
SELECT 1,
       2,
       nosuch;
SELECT nosuch(1, 'a');
SELECT length(1);
SELECT 'ä', nosuch;
SELECT 1 + true;
SELECT NOT 1;
SELECT 'x'::int + 1;
SELECT 1 AS a WHERE a = 1;
SELECT * FROM generate_series(1, 2) AS x WHERE y = 1;
SELECT FROM WHERE;
SELECT * FROM nosuchschema.t;
SELECT "Quoted";
INSERT INTO;
UPDATE SET a = 1;
DELETE nosuch;
CREATE TABLE (a int);
CREATE nosuch t;
DROP nosuch;
SELECT 1 LIMIT 1 LIMIT 2;
SELECT count(*) FROM (SELECT 1) s WHERE count(*) > 1;
SELECT $1;
SELECT 1 1;
SELECT a FROM (VALUES (1, 2), (3)) v (a);
SELECT date '2024-99-01';
SELECT current_user, nosuch.*;
SELECT * ;
