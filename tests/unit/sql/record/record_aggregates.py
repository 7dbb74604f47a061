"""Records aggregate_cases.inc."""
import os
import random
import re
import struct
from oracle import ROOT, UNIT, T, c, quote, run

random.seed(3)
q=quote
A=[]
def ag(n,t,*v): A.append((n,t,v))
INT={'int2':['1','32767','-32768','7'],'int4':['2147483647','2147483647','-1','5'],'int8':['9223372036854775807','9223372036854775807','-3']}
for t,v in INT.items():
    for n in ('sum','avg','min','max','count','array_agg'):
        ag(n,t,*v); ag(n,t); ag(n,t,None); ag(n,t,'5',None,'7')
NUM=[['1.5','2.25','-3'],['1e20','1','0.00000000000000000001'],['NaN','1'],['Infinity','1'],['Infinity','-Infinity'],['-Infinity','2'],['9999999999999999.9999999999999999']*3,['0.1','0.20','0.300'],['-0.0001','0.0001'],['123456789012345678901234567890','-123456789012345678901234567890','1'],['1e-20','1e-20','5'],['0'],[],[None],['9999999999999999.9999']*5]
for v in NUM:
    for n in ('sum','avg','min','max','count','array_agg'): ag(n,'numeric',*v)
ag('sum','numeric',*['%d.%02d'%(random.randint(-10**15,10**15),random.randint(0,99)) for i in range(60)]); ag('avg','numeric',*['%d.%04d'%(random.randint(-10**9,10**9),random.randint(0,9999)) for i in range(60)])
for t in ('float4','float8'):
    for v in (['1.5','2.25'],['NaN','1'],['Infinity','-Infinity'],[],['0.1','0.2','0.3'],['3e38','3e38'],['1e100','1e-100'] if t=='float8' else ['1e30']):
        for n in ('sum','avg','min','max','count'): ag(n,t,*v)
ag('sum','float8','1.7e308','1.7e308')
for t,v in (('text',['b','a',None,'ab']),('varchar',['b','a']),('bpchar',['b','a']),('date',['2020-01-01','infinity']),('timestamp',['2020-01-01','2019-01-01']),('timestamptz',['2020-01-01','2019-01-01']),('interval',['1 mon','31 days','29 days']),('oid',['5','4000000000'])):
    for n in ('min','max','count','array_agg'): ag(n,t,*v)
for v in (['1 mon','31 days','29 days'],['1 day','2 days'],[]): ag('sum','interval',*v); ag('avg','interval',*v)
for n in ('bool_and','bool_or','every','count'):
    for v in (['t','f'],['t','t'],['f',None],[],[None]): ag(n,'bool',*v)

for n in ('variance','stddev','var_pop','stddev_pop','var_samp','stddev_samp'):
    for t,v in INT.items(): ag(n,t,*v); ag(n,t,'5'); ag(n,t)
    for v in NUM: ag(n,'numeric',*v)
    for v in (['1.5','2.25','9'],['NaN','1'],['Infinity'],['1e300','1e-300'],['0.1','0.2','0.3'],[]): ag(n,'float8',*v)
    ag(n,'float4','1.5','2.7','0.1')
ag('array_agg','text','a b',None,'c"d','','NULL'); ag('min','bool','t'); ag('sum','text','a')
sql=''
for n,t,v in A:
    vals=','.join('(%s)'%('NULL' if x is None else q(x)) for x in v) or '(NULL)'
    e='(select %s(x::%s) from (values %s) v(x)%s)'%(n,t,vals,'' if v else ' where false')
    sql+="select encode(convert_to(t_ev(%s),'UTF8'),'hex');\n"%q(e)
out=run(sql).split('\n')
with open(os.path.join(UNIT, 'func', 'aggregate_cases.inc'), 'w') as w:
    w.write('/* aggregate_cases.inc: what PostgreSQL 15 makes of these aggregates: {name, type, value count, {texts},\n * result type, SQLSTATE or "ok", result or message}. Recorded from a server.\n * SPDX-License-Identifier: Apache-2.0 */\n')
    for (n,t,v),o in zip(A,out):
        st,r,ty=bytes.fromhex(o).decode().split('\t')
        if st=='ok' and ty=='boolean' and r!='NULL': r=r[0]
        w.write('{%s, TYPE_%s, %d, {%s}, %s, %s, %s},\n'%(c(n),T[t],len(v),', '.join('NULL' if x is None else c(x) for x in v) or 'NULL',c(ty),c(st),c(r)))
print(len(A))
