-- Lines of COPY FROM: marks of the end, backslashes, what an error shows of them.
CREATE TABLE cl (a int, b varchar(3) NOT NULL);
COPY cl FROM STDIN;
1	ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé
\.
COPY cl FROM STDIN;
1	ab	ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé
\.
COPY cl FROM STDIN;
1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111	a
\.
COPY cl FROM STDIN;
1	a\xff
\.
COPY cl FROM STDIN;
1	\N
\.
COPY cl FROM STDIN;
1	a\
\.
COPY cl FROM STDIN;
\.x
\.
COPY cl FROM STDIN;
1	a
2\.	b
\.
COPY cl FROM STDIN;
1	a
2	b\.
SELECT 1;
\.
SELECT * FROM cl;
DROP TABLE cl;
