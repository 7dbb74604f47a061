"""What the recorders share: a PostgreSQL 15 server (PGHOST, PGPORT, PGUSER; locale C.UTF-8, TimeZone UTC) is asked what
it makes of texts and calls; the answers become the .inc files that the tests compare with."""
import os
import subprocess

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', '..', '..')
UNIT = os.path.join(ROOT, 'tests', 'unit', 'sql')


PSQL=['psql','-AtqX','-v','ON_ERROR_STOP=1']
def run(sql):
    r=subprocess.run(PSQL,input=sql.encode(),stdout=subprocess.PIPE,stderr=subprocess.PIPE)
    if r.returncode: raise Exception(r.stderr.decode()[:2000])
    return r.stdout.decode()
run('''create or replace function t_in(ty text, v text) returns text language plpgsql as $$
declare r text; st text; m text; d text; h text;
begin execute format('select (%L::%s)::text', v, ty) into r; return 'ok' || chr(9) || r;
exception when others then get stacked diagnostics st=returned_sqlstate, m=message_text; return st || chr(9) || m; end $$;
create or replace function t_ass(ty text, v text) returns text language plpgsql as $$
declare r text; st text; m text;
begin execute format('create temp table zz (a %s)', ty); execute format('insert into zz values (%L)', v); execute 'select a::text from zz' into r; if ty like 'char%%' then execute 'select a||''|'' from zz' into m; end if; drop table zz; return 'ok' || chr(9) || r;
exception when others then get stacked diagnostics st=returned_sqlstate, m=message_text; return st || chr(9) || m; end $$;
set client_min_messages=error;''')
def c(s): return '"'+''.join(ch if 32<=ord(ch)<127 and ch not in '"\\?' else ('\\'+ch if ch in '"\\?' else ''.join('\\%03o'%b for b in ch.encode())) for ch in s)+'"'
run('''create or replace function t_ev(e text) returns text language plpgsql as $$
declare r text; st text; m text; ty text;
begin execute 'select ('||e||')::text, pg_typeof('||e||')::text' into r, ty; return 'ok' || chr(9) || coalesce(r,'NULL') || chr(9) || ty;
exception when others then get stacked diagnostics st=returned_sqlstate, m=message_text; return st || chr(9) || m || chr(9); end $$;''')
T={}
for l in open(os.path.join(ROOT, 'sql', 'types', 'types.def')):
    if l.startswith('TYPE('):
        i,n=l[5:].split(',')[:2]; T[n.strip().strip('"')]=i.strip()
for n,e in list(T.items()):
    if n.startswith('_'): T[n[1:]+'[]']=e

def quote(s):
    return "'" + s.replace("'", "''") + "'"
