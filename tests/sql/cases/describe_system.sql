-- psql's commands about what comes with the server.
\dC date
\dL nothing
\dy
\des
\dew
\deu
\det
\drds
\ddp
\sf now
\sf pg_sleep
\do
\do nothing
\da
\da count
\da avg
\du
\dg
\db
\dD
\dT
\dO
\dRp
\dRs
\dP
\dX
\dl
\dc
\dF nothing
\dFd nothing
\dx nothing
\df now
\dt+
\di+
\d+
SELECT castcontext, castmethod FROM pg_cast WHERE castsource = 'int4'::regtype AND casttarget = 'int8'::regtype;
SELECT oprname, oprkind, oprleft::regtype, oprright::regtype, oprresult::regtype FROM pg_operator WHERE oid = 551;
SELECT c.tableoid::regclass, n.nspname FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'pg_class' WHERE n.nspname IN ('public', 'pg_catalog') ORDER BY 2;
