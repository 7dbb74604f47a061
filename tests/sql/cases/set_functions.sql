-- where set-returning functions may not stand
SELECT CASE WHEN true THEN generate_series(1, 2) END;
SELECT CASE generate_series(1, 2) WHEN 1 THEN 'a' END;
SELECT COALESCE(generate_series(1, 2), 1);
SELECT GREATEST(generate_series(1, 3), 2);
SELECT CASE WHEN true THEN (SELECT max(g) FROM generate_series(1, 2) g) END;
SELECT generate_series(1, 2), CASE WHEN true THEN 1 END;
SELECT sum(generate_series(1, 3));
SELECT 1 WHERE generate_series(1, 2) = 1;
SELECT 1 LIMIT generate_series(1, 2);
-- names of WITH's columns
WITH w (a, b) AS (SELECT 1) SELECT * FROM w;
WITH w (a) AS (SELECT 1, 2) SELECT * FROM w;
SELECT * FROM (SELECT 1) w (a, b);
-- names in the detail of an error
CREATE TABLE "T x" ("Col A" int, "select" text, b int, PRIMARY KEY ("Col A", "select"));
INSERT INTO "T x" VALUES (1, 'a', 1), (2, 'a', 1);
INSERT INTO "T x" VALUES (1, 'a', 2);
CREATE UNIQUE INDEX ON "T x" ("select");
CREATE UNIQUE INDEX ON "T x" ("select", b);
DROP TABLE "T x";
