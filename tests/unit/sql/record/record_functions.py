"""Records func_cases.inc: calls of functions, operators and casts (function_cases.py)."""
import os
import random
import re
import struct
from oracle import ROOT, UNIT, T, c, quote, run

random.seed(7)
L=[]
def arg(a):
    # a: 'type:text' or None text 'type:' + \0 ; 'u:' unknown
    t,x=a.split(':',1); return (t,None if x=='NULL' else x)
q=quote
def sqlarg(a):
    t,x=a
    if t=='u': return 'NULL' if x is None else q(x)
    return ('NULL' if x is None else q(x))+'::'+('"char"' if t=='char' else t)
def op(s,*A): L.append(('SIGN',s,[arg(a) for a in A]))
def f(n,*A): L.append(('CALL',n,[arg(a) for a in A]))
def cv(t,a): L.append(('CONVERT',t,[arg(a)]))
from function_cases import cases  # noqa: E402
cases(op, f, cv, L)
sql=''
for k,n,A in L:
    a=[sqlarg(x) for x in A]
    if k=='SIGN': e=(n+' '+a[0]) if len(a)==1 else a[0]+' '+n+' '+a[1]
    elif k=='CALL' and n in ('current_user',): e=n
    elif k=='CALL' and n=='extract': e='extract("'+A[0][1]+'" from '+a[1]+')'
    elif k=='CALL': e=n+'('+', '.join(a)+')'
    else: e='('+a[0]+')::'+n
    sql+="select encode(convert_to(t_ev(%s),'UTF8'),'hex');\n"%q(e)
out=run(sql).split('\n')
with open(os.path.join(UNIT, 'func', 'func_cases.inc'), 'w') as w:
    w.write('/* func_cases.inc: what PostgreSQL 15 makes of these calls: {kind, name, argument count, {{type, text}\n * ...}, result type, SQLSTATE or "ok", result or message}. Recorded from a server.\n * SPDX-License-Identifier: Apache-2.0 */\n')
    for (k,n,A),o in zip(L,out):
        st,r,ty=bytes.fromhex(o).decode().split('\t')
        if st=='ok' and ty=='boolean' and r!='NULL': r=r[0]
        if ty=='timestamp with time zone' and False: pass
        aa=', '.join('{TYPE_%s, %s}'%('UNKNOWN' if t=='u' else T[t],'NULL' if x is None else c(x)) for t,x in A)
        w.write('{%s, %s, %d, {%s}, %s, %s, %s},\n'%(k,c(n),len(A),aa or '{TYPE_INVALID, NULL}',c(ty),c(st),c(r)))
print(len(L))
