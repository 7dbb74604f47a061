-- floating point: shortest text, special values, errors
SELECT 1.5::float8, 0.1::float8 + 0.2::float8, 1e100::float8, 1e-7::float8, 1e15::float8, 1e16::float8, 123456789::float8;
SELECT 0.1::float4, 1e10::float4, 16777217::float4, 0.1::float4::float8;
SELECT 'NaN'::float8, 'Infinity'::float8, '-inf'::float8, '-0'::float8;
SELECT 'NaN'::float8 = 'NaN'::float8, 'NaN'::float8 > 'Infinity'::float8;
SELECT 'x'::float8;
SELECT '1e400'::float8;
SELECT '1e39'::float4;
SELECT 1::float8 / 0;
SELECT 1e308::float8 * 10;
SELECT sqrt(2), sqrt(2::float8), power(2, 0.5::float8), pi(), exp(1::float8), ln(10::float8);
SELECT sqrt(-1);
SELECT round(2.5::float8), round(3.5::float8), trunc(-2.7::float8), ceil(0.2::float8), floor(-0.2::float8);
SELECT avg(x), sum(x) FROM (VALUES (0.1::float8), (0.2), (0.3)) v (x);
SELECT 5 * 1.5::float8, 7::float8 / 2;
