-- What COPY refuses before it asks for the data, and after: then psql skips the data.
CREATE TABLE target (a int, b text);
CREATE SEQUENCE numbers;
COPY nowhere FROM STDIN;
COPY target (a, c) FROM STDIN;
COPY target (a, a) FROM STDIN;
COPY target FROM STDIN WITH (nothing);
COPY target FROM STDIN WITH (format nothing);
COPY numbers TO STDOUT;
COPY target FROM STDIN WITH (FREEZE);
1	one
\.
COPY numbers FROM STDIN;
1
\.
COPY pg_tables FROM STDIN;
x
\.
COPY target FROM STDIN;
1	one
x	two
\.
COPY target FROM STDIN;
1	one	two
\.
COPY target FROM STDIN;
1
\.
BEGIN;
COPY target FROM STDIN WITH (FREEZE);
1	one
\.
SELECT 1;
ROLLBACK;
BEGIN;
TRUNCATE target;
COPY target FROM STDIN WITH (FREEZE);
2	two
\.
COMMIT;
SELECT * FROM target;
BEGIN READ ONLY;
COPY target FROM STDIN;
ROLLBACK;
DROP TABLE target;
DROP SEQUENCE numbers;
-- long input is cut between characters
CREATE TABLE long (a int NOT NULL, b text);
COPY long (a) FROM STDIN;
ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää
\.
COPY long (a) FROM STDIN;
1	xääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää
\.
COPY long (b, a) FROM STDIN;
xääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää	\N
\.
DROP TABLE long;
