"""functions_md.py: makes docs/sql/functions.md from sql/func/*.def."""
import collections
import os
import re

ROOT=os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
B=os.path.join(ROOT, 'sql', 'func', '')
ty={}
for l in open(os.path.join(ROOT, 'sql', 'types', 'types.def')):
    if l.startswith('TYPE('):
        m=re.match(r'TYPE\((\w+), "([^"]*)", "((?:[^"\\]|\\.)*)"',l); ty[m.group(1)]=m.group(3).replace('\\"','"')
ty['ANYELEMENT']='anyelement'
def t(x): return ty.get(x.strip().replace('TYPE_',''),x)
def flat(p): return re.findall(r'(?m)^(\w+)\((.*?)\)$',open(p).read().replace('\n',' ').replace(') ',')\n'))
out=["# Functions, operators, casts and aggregates\n","Everything that RustyDB computes, made from `sql/func/*.def`. Names, types and results are PostgreSQL 15's; a name that\nis not here is an error (42883).\n"]
f=collections.OrderedDict()
for k,a in flat(B+'functions.def'):
    if k!='FUNCTION': continue
    p=[x.strip() for x in a.split(',')]
    name=p[1].strip('"'); n=int(p[7]); args=[t(x) for x in p[8:8+n]]
    f.setdefault(name,[]).append('%s -> %s'%(', '.join(args) or '()',t(p[2])))
out.append('## Functions\n\n| name | arguments -> result |\n|---|---|')
for k in sorted(f):
    v=f[k]
    if k in('concat','concat_ws','format'): v=['%d to 8 arguments of any type -> text'%(2 if k=='concat_ws' else 1)]
    out.append('| `%s` | %s |'%(k,'; '.join(v)))
out.append('\n## Functions in FROM\n\n| name | arguments -> result |\n|---|---|')
s=collections.OrderedDict()
for m in re.finditer(r'SET_FUNC\((\d+), "(\w+)", (\w+), \w+, \w+, (\d), ([^)]*)\)',open(B+'series.c').read().replace('\n',' ')):
    s.setdefault(m.group(2),[]).append('%s -> %s'%(', '.join(t(x) for x in re.sub(r'\s+',' ',m.group(5)).split(',')),t(m.group(3))))
for k,v in s.items(): out.append('| `%s` | %s |'%(k,'; '.join(v)))
out.append('\n## Aggregates\n\n| name | arguments -> result |\n|---|---|')
g=collections.OrderedDict()
for k,a in flat(B+'aggregates.def'):
    if k!='AGGREGATE': continue
    p=[x.strip() for x in a.split(',')]; n=int(p[7])
    g.setdefault(p[1].strip('"'),[]).append('%s -> %s'%(', '.join(t(x) for x in p[8:8+n]) or '*',t(p[2])))
for k,v in g.items(): out.append('| `%s` | %s |'%(k,'; '.join(v)))
out.append('\n## Operators\n\n| operator | left, right -> result |\n|---|---|')
o=collections.OrderedDict()
for m in re.finditer(r'OPERATOR\((\d+), "([^"]+)", \d+, "\w+", (\w+), (\w+), (\w+), \w+, \w+\)',open(B+'operators.def').read()):
    l=t(m.group(3)) if m.group(3)!='INVALID' else None
    o.setdefault(m.group(2),[]).append(('%s, %s'%(l,t(m.group(4))) if l else t(m.group(4)))+' -> '+t(m.group(5)))
for k,v in o.items(): out.append('| `%s` | %s |'%(k.replace('|','\\|'),'; '.join(v)))
out.append('\n## Casts\n\nBeside these, every type casts explicitly from text and by assignment to text.\n\n| from | to (i: implicit, a: by assignment, e: explicit only) |\n|---|---|')
c=collections.OrderedDict()
for m in re.finditer(r'(?m)^CAST(?:_NO_FUNC)?\(([A-Z]\w*), (\w+), (\w)\w+',open(B+'casts.def').read()):
    c.setdefault(t(m.group(1)),[]).append('%s (%s)'%(t(m.group(2)),m.group(3).lower()))
for k,v in c.items(): out.append('| %s | %s |'%(k,', '.join(v)))
open(os.path.join(ROOT, 'docs', 'sql', 'functions.md'), 'w').write('\n'.join(out)+'\n')
