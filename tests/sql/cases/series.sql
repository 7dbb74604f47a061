-- generate_series
SELECT * FROM generate_series(1, 3);
SELECT i FROM generate_series(3, 1, -1) i;
SELECT i FROM generate_series(0, 1, 0.25) i;
SELECT i FROM generate_series(3, 1) i;
SELECT i FROM generate_series(1, 3, 0) i;
SELECT g.n, g.n * 2 AS twice FROM generate_series(1, 2) AS g (n);
SELECT sum(i), count(*) FROM generate_series(1, 100000) i;
SELECT count(*) FROM generate_series(1, NULL);
SELECT d::date FROM generate_series('2024-01-30'::timestamp, '2024-02-02', '1 day') d;
SELECT generate_series(1, 3);
SELECT i, j FROM generate_series(1, 2) i, generate_series(i, 3) j ORDER BY 1, 2;
SELECT generate_series(1, 2), 'x' AS s;
SELECT i FROM generate_series(9223372036854775806, 9223372036854775807) i;
SELECT generate_series('a', 'b');
