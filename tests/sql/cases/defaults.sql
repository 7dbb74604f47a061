-- defaults whose functions have names or forms of the grammar
CREATE TABLE t (
    a int,
    b text DEFAULT current_user || '!',
    c int DEFAULT extract(year FROM date '2020-01-02') + 1,
    d int DEFAULT position('c' IN 'abc'),
    e text DEFAULT overlay('abcdef' PLACING 'X' FROM 2 FOR 3),
    f text DEFAULT substring('abcdef' FROM 3),
    g text DEFAULT trim(LEADING 'x' FROM 'xxab'),
    h text DEFAULT ('{p,q}'::text[])[2],
    i bool DEFAULT (session_user = current_role),
    j text DEFAULT upper(current_schema),
    k bool DEFAULT (current_date = now()::date),
    l text DEFAULT left('abc', 2) || right('abc', 1),
    m text DEFAULT current_catalog || 'x',
    n bool DEFAULT (localtimestamp <= current_timestamp::timestamp),
    o int DEFAULT char_length('abc'::char(5)),
    p int DEFAULT nullif(position('b' IN 'ab'), 5),
    q numeric DEFAULT numeric '1.50' * 2
);
INSERT INTO t (a) VALUES (1) RETURNING *;
ALTER TABLE t ADD COLUMN r int DEFAULT extract(month FROM date '2020-03-04');
INSERT INTO t (a) SELECT 2 RETURNING r;
UPDATE t SET b = DEFAULT, c = DEFAULT, d = DEFAULT WHERE a = 1 RETURNING b, c, d;
SELECT pg_get_expr(adbin, adrelid, true) FROM pg_attrdef WHERE adrelid = 't'::regclass AND adnum IN (2, 8, 12) ORDER BY adnum;
DROP TABLE t;

-- a default that does not fit its column is found when it is used
CREATE TABLE narrow (a int, k varchar(3) DEFAULT 'abcdef', n numeric(2, 1) DEFAULT 123);
INSERT INTO narrow VALUES (1, 'abc', 1);
INSERT INTO narrow (a, n) VALUES (1, 1);
INSERT INTO narrow (a, k) VALUES (1, 'abc');
SELECT * FROM narrow;
DROP TABLE narrow;
