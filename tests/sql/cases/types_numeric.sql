-- numeric: scale of results, rounding, text
SELECT 1::numeric / 3, 10 / 4.0, 1.0 / 7, 100000::numeric / 3, 0.00001 / 3;
SELECT 2::numeric / 1, 1e10 / 7, 1e-10 / 7.0;
SELECT 1.10 + 2.205, 1.10 * 2.205, 5.00 - 5, 7.5 % 2;
SELECT round(2.345, 2), round(-2.5), round(3.5), trunc(2.999, 1), ceil(1.2), floor(-1.2), round(1234.5, -2);
SELECT 123.456::numeric(5,1), 0.05::numeric(3,1), '  12.50 '::numeric;
SELECT 12345.6::numeric(5,2);
SELECT 'abc'::numeric;
SELECT '1e5'::numeric, '1.5e-3'::numeric, 'NaN'::numeric, 'Infinity'::numeric;
SELECT 'NaN'::numeric = 'NaN'::numeric, 'NaN'::numeric > 1e100;
SELECT 1.0 / 0;
SELECT sqrt(2::numeric);
SELECT sum(x), avg(x), min(x), max(x) FROM (VALUES (1.1), (2.22), (3.333)) v (x);
SELECT avg(x) FROM (VALUES (1), (2), (2)) v (x);
SELECT 0.1 + 0.2 = 0.3, 1.0 = 1.00, 1.0::text, 1.00::text;
SELECT 99999999999999999999999999999999 * 99999999999999999999999999999999;
SELECT -0.0, -1.50, +2.;
SELECT 1.5::numeric::int, 1e20::numeric::int8;
