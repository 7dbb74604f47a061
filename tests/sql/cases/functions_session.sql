-- Functions about the session and its connection.
SELECT pg_sleep(0.01);
SELECT pg_sleep(-1);
SELECT pg_sleep(NULL);
SELECT pg_backend_pid() = pg_backend_pid(), pg_backend_pid() > 0;
SELECT inet_client_addr() IS NULL, inet_client_port() > 0, inet_server_addr() IS NULL, inet_server_port() > 0;
SELECT pg_cancel_backend(NULL), pg_terminate_backend(NULL);
SELECT pg_typeof('a'), pg_typeof(NULL), pg_typeof(1), pg_typeof('a'::text), pg_typeof(now());
SELECT 1 WHERE pg_sleep(0) IS NULL;
SET statement_timeout = '50ms';
SELECT pg_sleep(10);
RESET statement_timeout;
SELECT nextval('nosuch');
SELECT 1, currval('nosuch'::regclass);
SELECT 'nosuch'::regclass;
