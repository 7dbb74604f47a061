"""The calls that record_functions.py asks about. `op`, `f`, `cv` add an operator, a function, a cast; arguments are
`type:text`, with type u for an untyped literal and text NULL for NULL."""
import itertools
import zlib


def cases(op, f, cv, L):
    I={'int2':['1','-32768','32767','0','7'],'int4':['1','-2147483648','2147483647','0','-7'],'int8':['1','-9223372036854775808','9223372036854775807','0','3']}
    for s in '+-*/%':
        for a in I:
            for b in I:
                if s=='%' and a!=b: continue
                for x in I[a]:
                    for y in I[b]:
                        if (zlib.crc32(repr((s,a,b,x,y)).encode())%3)==0 or a==b=='int4': op(s,a+':'+x,b+':'+y)
    for s in ('=','<>','<','<=','>','>='):
        for a in I:
            for b in I: op(s,a+':1',b+':0'); op(s,a+':7' if a!='int4' else a+':-7',b+':1')
        for x,y in itertools.product(['NaN','1','-0','0','Infinity'],repeat=2): op(s,'float8:'+x,'float8:'+y)
        for x,y in [('NaN','1'),('1','1.5'),('0.1','0.1')]: op(s,'float4:'+x,'float8:'+y); op(s,'float8:'+x,'float4:'+y); op(s,'float4:'+x,'float4:'+y)
        for x,y in [('a','b'),('a','a'),('ab','a'),('','a'),('ä','z')]: op(s,'text:'+x,'text:'+y); op(s,'varchar:'+x,'varchar:'+y); op(s,'text:'+x,'u:'+y); op(s,'name:'+x,'text:'+y); op(s,'bytea:'+x.replace('ä','x'),'bytea:'+y)
        for x,y in [('a ','a'),('a','a '),('a b','a')]: op(s,'bpchar:'+x,'bpchar:'+y); op(s,'bpchar:'+x,'text:'+y)
        for x,y in [('1.0','1.00'),('NaN','Infinity'),('-1','-1.5'),('0','-0.0'),('10000','9999.9999'),('-Infinity','-1e100')]: op(s,'numeric:'+x,'numeric:'+y)
        op(s,'numeric:1','int4:1'); op(s,'int8:3','numeric:2.5'); op(s,'float8:2.5','numeric:2.5'); op(s,'bool:t','bool:f'); op(s,'date:2020-01-01','timestamp:2020-01-01 00:00:01'); op(s,'date:2020-01-01','date:2020-01-02'); op(s,'timestamp:2020-01-01','u:2020-01-01'); op(s,'timestamptz:2020-01-01','timestamp:2020-01-02'); op(s,'interval:1 mon','interval:30 days'); op(s,'interval:1 day','interval:25:00:00'); op(s,'oid:5','int4:7'); op(s,'char:a','u:b'); op(s,'int4:5','u:6'); op(s,'u:5','int8:5'); op(s,'regclass:5','int4:5'); op(s,'regclass:5','oid:5'); op(s,'int4:1','text:1'); op(s,'bool:t','int4:1')
    for x,y in itertools.product(['1','0','-3.5','1e308','1e-320','Infinity','NaN'],repeat=2):
        for s in '+-*/': op(s,'float8:'+x,'float8:'+y)
    for x,y in itertools.product(['1','0','-3.5','3e38','1e-40','0.1'],repeat=2):
        for s in '+-*/': op(s,'float4:'+x,'float4:'+y)
        op('*','float4:'+x,'float8:'+y)
    NU=['0','1','-1','2','3','7','0.5','-0.5','1.50','100','9999','10000','99999999','12345678.87654321','0.0001','-0.00001234','123456789012345678901234567890','0.000000000000000000001','1e20','3.14159265358979323846264338327950288','NaN','Infinity','-Infinity','1e-30','99999999999999999999.99999999999999']
    for x in NU:
        for y in NU:
            for s in '+-*/%': op(s,'numeric:'+x,'numeric:'+y)
        op('-','numeric:'+x); op('@','numeric:'+x)
        for n in ('ceil','floor','round','trunc','sign','abs','scale'): f(n,'numeric:'+x)
        for d in ('0','2','-2','5','1','-5','20'): f('round','numeric:'+x,'int4:'+d); f('trunc','numeric:'+x,'int4:'+d)
        f('div','numeric:'+x,'numeric:7'); f('mod','numeric:'+x,'numeric:0.3'); f('sqrt','numeric:'+x)
    for x in ['999.995','0.5','1.5','2.5','-2.5','9999.5','99999999.5','0.05','0.00005','4999.5','12345.6789']:
        for d in ('0','1','2','3','4','-1','-3','-4'): f('round','numeric:'+x,'int4:'+d); f('trunc','numeric:'+x,'int4:'+d)
    for x in ['2','10','0.5','1.0001','-2','-1.5','0','100','12345.678','0.01']:
        for y in ['0','1','2','3','10','-1','-2','-5','30','63']: op('^','numeric:'+x,'numeric:'+y)
    op('^','float8:2','float8:10'); op('^','float8:-2','float8:0.5'); op('^','float8:0','float8:-1'); op('^','float8:10','float8:400'); op('^','int4:2','int4:3')
    for a in ('int2','int4','int8','float4','float8','numeric'): op('-',a+':5'); op('+',a+':5'); op('@',a+':-5'); f('abs',a+':-5')
    op('-','int4:-2147483648'); op('@','int8:-9223372036854775808'); op('-','int2:-32768'); f('abs','int4:-2147483648')
    for a,x,y in (('int2','12','10'),('int4','-12','10'),('int8','123456789012','255')):
        for s in '&|#': op(s,a+':'+x,a+':'+y)
        op('~',a+':'+x); op('<<',a+':'+x,'int4:3'); op('>>',a+':'+x,'int4:2'); op('<<',a+':'+x,'int4:33')
    op('|/','float8:2'); op('|/','float8:-2'); op('||/','float8:27')
    # casts
    for t in ('int2','int4','int8','float4','float8','numeric'):
        for s,vals in (('float8',['1.5','2.5','-1.5','0.5','32767.5','1e10','1e20','NaN','Infinity','0.1','123456789.123456789']),('float4',['1.5','2.5','1e10','0.1','16777217','3.4e38','NaN']),('numeric',['1.5','2.5','-1.5','0.4999','32767.5','2147483647.5','9223372036854775807.4','9223372036854775807.5','1e30','NaN','Infinity','0.1','1e400','-0.5','99999']),('int8',['1','40000','3000000000','-9223372036854775808']),('int4',['70000','-5']),('int2',['5']),('text',['12',' 7 ','x','1.5'])):
            if s!=t:
                for v in vals: cv(t,s+':'+v)
    for a,b in (('bool','int4:0'),('bool','int4:5'),('int4','bool:t'),('text','bool:t'),('text','char:a'),('"char"','text:abc'),('text','bpchar:ab  '),('text','int4:5'),('text','numeric:1.50'),('text','float8:0.1'),('name','text:abc'),('bool','text:yes'),('date','timestamp:2020-05-06 07:08:09'),('timestamp','date:2020-05-06'),('timestamptz','date:infinity'),('date','timestamptz:-infinity'),('timestamp','timestamptz:2020-01-01 00:00:00+00'),('oid','int4:-1'),('oid','int8:-1'),('oid','int8:4294967295'),('int8','oid:4294967295'),('text[]','int4[]:{1,2}'),('int4[]','text[]:{1,x}'),('varchar','int4:5'),('int4','char:a'),('"char"','int4:300'),('bytea','text:abc'),('interval','text:1 day'),('text','timestamp:2020-01-01'),('text','interval:1 day'),('text','bytea:abc')): cv(a,b)
    # text
    for n in ('length','char_length','octet_length','lower','upper','initcap','reverse','ascii','md5','btrim','ltrim','rtrim','quote_ident','quote_literal','bit_length'):
        for x in ['','abc','ÄÖÜ straße ΑΒΓ','  hi  ','日本語','hello WORLD foo_bar','select','a"b',"a'b",'a\\b','1abc','ǆ ŉ ı İ']: f(n,'text:'+x)
    f('length','bpchar:abc  '); f('length','bytea:abc'); f('length','varchar:äb'); f('length','u:abc'); f('octet_length','bytea:\\x0102'); f('md5','bytea:abc')
    for x in ('a'*54,'a'*55,'a'*56,'a'*63,'a'*64,'a'*65,'a'*119,'a'*120,'a'*200): f('md5','text:'+x)
    for x in ['abcdef','äöüß','']:
        for a,b in (('1','2'),('0','2'),('-1','3'),('3','100'),('10','2'),('2','0'),('2','-1'),('-5','2'),('2147483647','2147483647'),('-2147483648','2147483647')): f('substr','text:'+x,'int4:'+a,'int4:'+b); f('substring','bytea:abcdef','int4:'+a,'int4:'+b)
        for a in ('0','1','3','-2','100'): f('substr','text:'+x,'int4:'+a); f('left','text:'+x,'int4:'+a); f('right','text:'+x,'int4:'+a); f('left','text:'+x,'int4:-100')
    for x,y in (('abc','b'),('abc',''),('','a'),('äöü','ü'),('aaa','aa'),('abc','x'),('','')): f('strpos','text:'+x,'text:'+y); f('starts_with','text:'+x,'text:'+y); op('^@','text:'+x,'text:'+y)
    for x,y,z in (('abcabc','b','XX'),('aaa','aa','b'),('abc','','x'),('abc','abc',''),('','a','b'),('äöü','ö','o')): f('replace','text:'+x,'text:'+y,'text:'+z); f('translate','text:'+x,'text:'+y,'text:'+z)
    f('translate','text:12345','text:143','text:ax')
    for n in ('1','2','3','4','0','-1','-3','-4'): f('split_part','text:a,b,c','text:,','int4:'+n); f('split_part','text:abc','text:','int4:'+n)
    for t in ('btrim','ltrim','rtrim'): f(t,'text:xxhixyx','text:xy'); f(t,'text:ääbää','text:ä'); f(t,'text:abc','text:')
    for t in ('lpad','rpad'):
        for n in ('5','2','0','-1','8'): f(t,'text:abc','int4:'+n); f(t,'text:abc','int4:'+n,'text:xy'); f(t,'text:äb','int4:'+n,'text:é'); f(t,'text:abc','int4:'+n,'text:')
    f('repeat','text:ab','int4:3'); f('repeat','text:ab','int4:0'); f('repeat','text:ab','int4:-1'); f('chr','int4:65'); f('chr','int4:228'); f('chr','int4:0'); f('chr','int4:-1'); f('chr','int4:1114112'); f('chr','int4:55296'); f('chr','int4:128512'); f('to_hex','int4:255'); f('to_hex','int4:-1'); f('to_hex','int8:-1')
    op('||','text:a','text:b'); op('||','text:a','int4:5'); op('||','int4:5','text:a'); op('||','text:a','bool:t'); op('||','u:a','u:b'); op('||','text:a','u:b'); op('||','varchar:a','varchar:b'); op('||','bpchar:a ','text:b'); op('||','text:x','numeric:1.50'); op('||','int4:1','int4:2'); op('||','bytea:a','bytea:b'); op('||','text:x','timestamp:2020-01-01'); op('||','text:NULL','text:b')
    f('concat','text:a','int4:1','text:NULL','bool:t'); f('concat','u:a','u:b'); f('concat_ws','text:,','text:a','text:NULL','int4:3'); f('concat_ws','text:NULL','text:a'); f('format','u:Hello %s, %I and %L','u:a','u:b c',"u:d'e"); f('format','text:%s %%','int4:1'); f('format','text:%2$s %1$s','text:a','text:b'); f('format','text:[%5s][%-5s]','text:a','text:b'); f('format','text:%s'); f('format','text:%x','int4:1'); f('format','text:%'); f('format','text:%L','text:NULL'); f('format','text:%I','text:NULL')
    for x,p in (('abc','abc'),('abc','a%'),('abc','%c'),('abc','%b%'),('abc','_b_'),('abc','a_'),('abc','____'),('','%'),('','_'),('äbc','_bc'),('a%c','a\\%c'),('abc','a\\%c'),('abc','%a%b%c%'),('aaaab','%a_b'),('mississippi','%iss%ip%'),('abc',''),('a\\b','a\\\\b'),('日本','_本'),('abc','ABC'),('Äbc','äBC'),('x','\\'),('ab','%%b'),('ab','a%_'),('a','a%_')):
        for s in ('~~','!~~','~~*','!~~*'): op(s,'text:'+x,'text:'+p)
    op('~~','bpchar:abc  ','text:abc'); op('~~','name:pg_class','u:pg\\_%'); f('like_escape','text:a!%b','text:!'); f('like_escape','text:a\\b','text:!'); f('like_escape','text:a','text:xx'); f('like_escape','text:a%','text:')
    for x,p in (('abc','^a'),('abc','b$'),('abc','^(abc)$'),('abc','x|b'),('ABC','abc'),('a\nb','a.b'),('a\nb','^b'),('foo bar','\\mbar'),('foobar','\\mbar'),('foo bar','foo\\M'),('abc','[[:alpha:]]+'),('a]b','[]]'),('a-b','[a-c]-'),('abc','('),('abc','['),('abc','*a'),('äöü','^\\w+$'),('tab','^t.{1,2}$'),('a.b','***=a.b'),('axb','***=a.b'),('abc','(?i)ABC'),('x','a{2,1}'),('foo','fo{2}'),('pg_toast','^pg_toast'),('a[b','a\\[b'),('1','\\d'),('12','^[0-9]+$'),('','^$'),('foo.bar','^foo\\.bar$')):
        for s in ('~','!~','~*','!~*'): op(s,'text:'+x,'text:'+p)
    f('regexp_replace','text:foobarbaz','text:b..','text:X'); f('regexp_replace','text:foobarbaz','text:b..','text:X','text:g'); f('regexp_replace','text:foobarbaz','text:b(..)','text:X\\1Y','text:g'); f('regexp_replace','text:abc','text:','text:-','text:g'); f('regexp_replace','text:ABC','text:b','text:[\\&]','text:i'); f('regexp_replace','text:abc','text:x','text:y'); f('regexp_replace','text:abc','text:b','text:y','text:q'); f('substring','text:foobar','text:o(.)b'); f('substring','text:foobar','text:o.b'); f('substring','text:foobar','text:x')
    f('array_to_string','int4[]:{1,2,NULL,3}','text:,'); f('array_to_string','int4[]:{1,2,NULL,3}','text:,','text:*'); f('array_to_string','text[]:{"a b",c}','u:;'); f('array_length','int4[]:{1,2}','int4:1'); f('array_length','int4[]:{}','int4:1'); f('array_length','int4[]:{1}','int4:2'); f('cardinality','int4[]:{1,2,3}'); f('string_to_array','text:a,b,c','text:,'); f('string_to_array','text:a,b,','text:,'); f('string_to_array','text:abc','text:NULL'); f('string_to_array','text:','text:,'); f('string_to_array','text:abc','text:'); f('string_to_array','text:x y,z','text:,')
    f('quote_nullable','text:NULL'); f('quote_nullable','text:a'); f('pg_typeof','int4:1'); f('pg_typeof','text[]:{a}'); f('format_type','oid:1043','int4:24'); f('format_type','oid:23','int4:-1'); f('format_type','oid:1042','int4:NULL'); f('format_type','oid:1042','int4:-1'); f('format_type','oid:1042','int4:8'); f('format_type','oid:1700','int4:655366'); f('format_type','oid:1184','int4:3'); f('format_type','oid:1009','int4:-1'); f('format_type','oid:NULL','int4:1'); f('format_type','oid:999999','int4:1'); f('format_type','oid:0','int4:1'); f('pg_encoding_to_char','int4:6'); f('to_regtype','text:int4'); f('to_regtype','text:nosuch'); f('pg_size_pretty','int8:100'); 
    for x in ('10239','10240','20000','1048575','10485759','10485760','123456789012','-20000','9223372036854775807','1099511627776','10737418239'): f('pg_size_pretty','int8:'+x)
    # math
    for n in ('ceil','floor','round','trunc','sign','sqrt','exp','ln','log','cbrt','abs','sin','cos','tan','atan','degrees','radians'):
        for x in ('0','1','-1','2.5','-2.5','0.5','1.5','100','NaN','Infinity','-Infinity','710','-800'): f(n,'float8:'+x)
    f('power','float8:2','float8:0.5'); f('pow','int4:2','int4:3'); f('mod','int4:7','int4:3'); f('mod','int4:-7','int4:3'); f('mod','int4:7','int4:0'); f('mod','int8:-9223372036854775808','int8:-1'); f('div','numeric:7','numeric:0'); f('pi'); f('gcd','int4:12','int4:18'); f('gcd','int4:-2147483648','int4:0'); f('round','float8:2.567','int4:2'); f('abs','text:x'); f('foo','int4:1'); f('foo'); f('sqrt','u:x'); f('round','u:2.5'); f('abs','u:-5'); f('lower','int4:1'); f('ceil','int4:3'); f('sqrt','int4:4'); f('length','int4:4')
    # dates
    for a,b in (('date:2020-02-28','int4:2'),('date:2020-02-28','int4:-100'),('date:infinity','int4:1'),('date:5874897-12-31','int4:1'),('date:2020-01-31','interval:1 mon'),('date:2020-01-01','interval:-1 day'),('timestamp:2020-01-31 10:00','interval:1 mon'),('timestamp:2020-03-31 10:00','interval:-1 mon'),('timestamptz:2020-01-01','interval:1 year 2 mons 3 days 04:05:06.7'),('timestamp:294276-12-31','interval:1 day'),('interval:1 day','interval:2 hours'),('interval:1 mon','timestamp:2020-02-29'),('int4:1','date:2020-01-01'),('timestamp:infinity','interval:1 day'),('timestamp:2000-02-29','interval:-4 years'),('timestamp:0001-01-01','interval:-1 mon')):
        op('+',a,b); op('-',a,b) if not a.startswith('int') and not (a.startswith('interval') and b.startswith('timestamp')) else None
    for a,b in (('2020-03-01','2020-02-01'),('2020-01-01 10:00','2020-01-05 12:30:00.5'),('2020-01-05','2020-01-01'),('2000-01-01','1999-12-31 23:59:59'),('infinity','2020-01-01'),('2021-02-28','2020-02-29'),('2020-03-31','2020-02-29'),('2020-02-29','2020-03-31'),('2020-03-01','2020-01-31 12:00'),('2001-04-10','1957-06-13'),('1957-06-13','2001-04-10')):
        op('-','timestamp:'+a,'timestamp:'+b); op('-','timestamptz:'+a,'timestamptz:'+b)
        if a!='infinity': f('age','timestamp:'+a,'timestamp:'+b)
    op('-','date:2020-03-01','date:2020-02-01'); op('-','date:infinity','date:2020-02-01'); op('-','interval:1 day 2 hours')
    for x in ('1.5','-2','0.333','10','0'): op('*','interval:1 mon 2 days 03:04:05.6','float8:'+x); op('*','float8:'+x,'interval:1 year'); op('/','interval:1 mon 2 days 03:04:05.6','float8:'+x)
    for u in ('microseconds','milliseconds','second','minute','hour','day','week','month','quarter','year','decade','century','millennium','dow','isodow','doy','isoyear','epoch','timezone','foo','SECOND'):
        for x in ('2020-02-29 13:14:15.678901','1999-12-31 23:59:59','0001-01-01','0044-03-15 BC','infinity','2001-01-01','2000-12-31','2021-01-03','1970-01-01','1900-06-15'):
            f('date_part','u:'+u,'timestamp:'+x); f('extract' if False else 'date_part','u:'+u,'timestamptz:'+x)
            L.append(('CALL','extract',[('u',u),('timestamp',x)])); L.append(('CALL','extract',[('u',u),('timestamptz',x)]))
            f('date_part','u:'+u,'date:'+x.split(' ')[0]+(' BC' if 'BC' in x else ''))
            L.append(('CALL','extract',[('u',u),('date',x.split(' ')[0]+(' BC' if 'BC' in x else ''))]))
            f('date_trunc','u:'+u,'timestamp:'+x); f('date_trunc','u:'+u,'timestamptz:'+x)
        for x in ('1 year 2 mons 3 days 04:05:06.789','-1 year -2 mons','100 years','-3 days 30:00:00','0'):
            f('date_part','u:'+u,'interval:'+x); L.append(('CALL','extract',[('u',u),('interval',x)])); f('date_trunc','u:'+u,'interval:'+x)
    f('date_trunc','u:month','date:2020-02-29'); f('to_timestamp','float8:1234567890.123'); f('to_timestamp','float8:Infinity'); f('to_timestamp','float8:1e20'); f('make_date','int4:2020','int4:2','int4:29'); f('make_date','int4:2020','int4:2','int4:30'); f('make_date','int4:-44','int4:3','int4:15'); f('timezone','text:UTC','timestamptz:2020-01-01 12:00+02'); f('timezone','text:EST','timestamptz:2020-01-01 12:00'); f('timezone','text:+02','timestamp:2020-01-01 12:00'); f('justify_hours','interval:27 hours')
    f('current_database'); f('current_user'); f('version_x')

    for x in ('2','3','1e400','1e-400','123456789.987654321','1e-7','99999999999999999999999999','4','0.25','1e11'): f('sqrt','numeric:'+x)
    DF=['YYYY-MM-DD HH24:MI:SS','YYYY-MM-DD"T"HH24:MI:SS.MS"Z"','Day, DD Month YYYY','FMDay, FMDD FMMonth YYYY','DY Dy dy MON Mon mon MONTH month','HH:MI:SS AM','HH12:MI:SS pm','hh24 mi ss us ms FF1 FF3 FF6','DDD D ID WW IW W Q CC J','IYYY-IW-ID IDDD','YYY YY Y Y,YYY','YYYY BC A.D.','DDth FMDDth DDTH','SSSS SSSSS','TZ OF TZH:TZM','FMHH24:FMMI','"quoted \\" text" YYYY','RM rm FMRM','yyyymmdd','A.M. p.m.','FMMM/FMDD/YY','Month|DAY|x','q HH']
    for d in DF:
        for x in ('2020-02-29 13:14:15.678901','1999-12-31 00:05:09','0001-01-01 12:00','0044-03-15 BC','2021-01-03 23:59:59','infinity','10000-11-12 11:22:33'):
            f('to_char','timestamp:'+x,'u:'+d)
        f('to_char','timestamptz:2020-05-06 07:08:09','u:'+d); f('to_char','date:2020-12-01','u:'+d)
    for d in ('HH24:MI:SS','YYYY MM DD HH24 MI SS MS','HH12:MI AM','DDD','Day','FMHH24','SSSS','YYYY-MM-DD','Q','CC'):
        for x in ('1 year 2 mons 3 days 04:05:06.789','27:15:00','-1 days -02:03:04','0'): f('to_char','interval:'+x,'u:'+d)
    NF=['999','9999','0000','99.99','0.99','9.9','FM999','FM999.99','FM990.00','9,999','999,999.99','FM9,999,999','S999','999S','MI999','999MI','PL999','999PR','FM999PR','S9,999.99','"x="999','999D99','9G999','0999','99099','.99','9','FM0000','FM00','FM.99','FM9.0','SG999','9 9 9','$999','999.','FM999.','000,000.00','FM999MI','FMMI999','00.0','FM0.999999','90.9']
    for d in NF:
        for x in ('0','1','-1','485','-485','0.1','-0.1','12.345','1234567.891','-0.001','999.995','0.5'):
            f('to_char','numeric:'+x,'u:'+d)
        f('to_char','int4:42','u:'+d); f('to_char','int8:-1234','u:'+d); f('to_char','float8:3.14159','u:'+d)
    f('to_char','int4:1','u:'); f('to_char','timestamp:2020-01-01','u:'); f('to_char','int4:1','u:9.9.9')

    for x,y in (('{1,2}','{3}'),('{}','{1}'),('{1,2,3}','{2,1}'),('{1,NULL}','{NULL}'),('{1}','{}')):
        for o in ('||','@>','<@','&&','=','<>'): op(o,'int4[]:'+x,'int4[]:'+y)
    op('||','int4[]:{1}','int4:2'); op('||','int4:0','int4[]:{1}'); op('||','text[]:{a}','text:b c'); op('||','int4[]:NULL','int4[]:{1}'); op('||','int4[]:{1}','int4:NULL'); op('@>','numeric[]:{1.0}','numeric[]:{1.00}')
    f('array_append','int4[]:{1}','int4:2'); f('array_prepend','int4:0','int4[]:{1}'); f('array_cat','text[]:{a}','text[]:{b}'); f('array_position','int4[]:{5,6,7}','int4:6'); f('array_position','int4[]:{5}','int4:9'); f('array_lower','int4[]:{5}','int4:1'); f('array_upper','int4[]:{5,6}','int4:1')
    f('overlay','text:abcdef','text:XX','int4:2','int4:3'); f('overlay','text:abcdef','text:XX','int4:2'); f('overlay','text:äöü','text:x','int4:3'); f('overlay','text:abc','text:x','int4:0'); f('overlay','text:abc','text:x','int4:10','int4:5'); f('overlay','text:abc','text:xyz','int4:2','int4:-1'); f('getdatabaseencoding'); f('pg_char_to_encoding','u:UTF8')
    # powers near 1, beyond a double, and with few digits left; floats at their ends
    for x,y in (('1.0000001','1000000'),('0.999936','1976689'),('0.0306661','-24'),('626163545827.0296822','-1260253'),('186290.2','-1395596'),('1e-1000','-200'),('1e-1000','200'),('-1.5','31'),('-7','-3'),('1','2147483647'),('-1','2147483647'),('2','100000'),('1e100','-2000000'),('0.5','1000'),('10','131071'),('10','131072')): f('power','numeric:'+x,'numeric:'+y)
    cv('float4','float8:1e-50'); cv('float4','float8:-1e-50'); cv('float4','float8:1e39'); cv('float4','numeric:1e-50'); cv('float4','float8:1e-45'); f('to_timestamp','float8:NaN')
    for x in ('123.456','0.1','1e15','123456789012345678','3.5','-0.00001','1e300','1.35','0'):
        for d in ('9999990.9999','FM9.99','9','FM990.0000000000000000000','S9999999999999999.99'): f('to_char','float8:'+x,'u:'+d)
    for x in ('123.456','-0.00001','16777217'): f('to_char','float4:'+x,'u:999999990.99999'); f('to_char','float4:'+x,'u:FM9.9')
    for d in ('B9','SP9','9C','abc','PR9','0PR0','9MIS','S9MI','S9SG','PL9S','9PRS','9MIPR','S9PL'): f('to_char','int4:5','u:'+d)
    for x,y in (('02-30','MM-DD'),('02-32','MM-DD'),('-2024-01-05','YYYY-MM-DD'),('-0001-01-05','YYYY-MM-DD'),('-2023-02-29','YYYY-MM-DD'),('2023-02-29','YYYY-MM-DD'),('060','DDD')): f('to_date','text:'+x,'text:'+y)
    f('format','text:%0$s','int4:1')
    # arrays compare by element, whatever their texts
    for t,x,y in (('numeric[]','{1.0}','{1.00}'),('float8[]','{0}','{-0}'),('interval[]','{1 day}','{24:00:00}'),('numeric[]','{1,NULL}','{1.0,NULL}'),('int4[]','{1}','{1,2}'),('text[]','{1.0}','{1.00}'),('float8[]','{NaN}','{NaN}'),('numeric[]','{1,2}','{1,3}')):
        for o in ('=','<>','@>','&&'): op(o,t+':'+x,t+':'+y)
    f('array_position','int4[]:{1,NULL}','int4:NULL'); f('array_position','int4[]:{1}','int4:NULL'); f('array_position','float8[]:{0}','float8:-0')
    for x,y in (('-1','3000000000'),('-1','3000000001'),('1','99999999999999999999'),('0','3000000000'),('-2','3000000000'),('-0.5','3000000001'),('-1','0.5'),('-1','12345678901230000')): f('power','numeric:'+x,'numeric:'+y)
    for x in ('16777217.0000000001','7.038531e-26','1e-400','3.4028236e38','-Infinity'): cv('float4','numeric:'+x)
    for x in ('1 2 3','7'): f('array_lower','int2vector:'+x,'int4:1'); f('array_upper','int2vector:'+x,'int4:1'); f('array_length','int2vector:'+x,'int4:1')
    f('array_position','int2vector:7 8 9','int2:8'); f('array_upper','int4[]:{}','int4:1'); f('array_upper','int4[]:{4,5}','int4:2')
    for x,y in (('1906-07-22 21:56','2016-06-11 01:18'),('2016-06-11 01:18','1906-07-22 21:56'),('2020-01-31','2020-03-01'),('2020-03-01','2020-01-31'),('2061-06-07 09:57','2067-07-07 05:10'),('2043-10-26 BC','2020-02-23')): f('age','timestamp:'+x,'timestamp:'+y); f('age','timestamptz:'+y,'timestamptz:'+x)
    for d in ('MONTHth','WDth','TZth','FMOF','WWDDth','Dayth DDth','FMTZH'): f('to_char','timestamp:2076-02-11 20:18:54','u:'+d); f('to_char','timestamptz:2076-02-13','u:'+d)
    for d in ('.,','.,9','9.,9','G,.,9','FM.,9','D,99'):
        for x in ('0','0.25','-2','-12'): f('to_char','numeric:'+x,'u:'+d)
    regexes(op, f)


def regexes(op, f):
    """What PCRE2 takes otherwise, and which match PostgreSQL takes."""
    for x,p in (('foobar','foo|foobar'),('xabcab','(a|ab)(c|bcd)*'),('aaaa','a+?'),('XY1234Z','Y*([0-9]{1,3})'),('XY1234Z','Y*?([0-9]{1,3})'),('xyz','(?:x|xy|xyz)'),('aab','(a*)(ab)?'),('aab','(a*?)(b)'),('abcde','(a|abc)(de|cde)'),('aaaa','a{1,3}?'),('aaa','a{2}?'),('ab','a?(ab)?'),('foobarbaz','b(.)(.)'),('abc','(x)|b'),('abc','()'),('abba','(a)(b)\\2\\1')):
        f('substring','text:'+x,'text:'+p); f('regexp_replace','text:'+x,'text:'+p,'text:<\\&>','text:g')
    for p in ('a++','a*+','a{2}+','(*ACCEPT)a','(?>a)','(?<n>a)','(?P<n>a)','(?R)','\\Qa\\E','\\Ka','\\p{L}','\\h','\\R','\\G','^*','$+','\\m*a','(?=a)*','a|*','()','a|','|a','a{','a{,3}','a{1','a{1,x}','a{256}','a{1,256}','{1}','a{2,1}','\\x61','\\u0061','\\u61','\\U00000061','\\141','\\1','(a)\\2','\\b','\\B','(?z)a','(?i','b(?i)a','(?i)A','***=a','***:a','***a','a(?#c)','(?q)a','[a-]','[\\D]','[\\w]','[[:^alpha:]]','[[:foo:]]','[a','[[:alpha:','[z-a]','[a-\\d]','(a','a)','a\\','[[.-.]]','[[=a=]]','\\','['): op('~','text:a','text:'+p)
    for p in ('a.b','a[^x]b','a\\Db','^b','a$'):
        for o in 'nspwm': op('~','text:a\nb','text:(?'+o+')'+p)
    for x,p in (('a b','(?x)a b'),('ab','(?x) a # c\nb'),('a b','(?x)a\\ b'),('a b','(?x)a[ ]b'),('a','(?xt)a '),('٣','\\d'),('\u00a0','\\s'),('\u2003','[[:space:]]'),('é','\\w'),('é','[a-z]'),('日','[[:alpha:]]'),('\t','\\t'),('x','\\v'),('a\\b','\\B'),('.','[[...]]'),('\\','[\\\\]'),('5','[\\d]'),(']','[]a]'),('^','[a^]')): op('~','text:'+x,'text:'+p); op('~*','text:'+x,'text:'+p)
    for p in ('[[:lower:]]','[[:upper:]]','[a]','É'): op('~*','text:A','text:'+p); op('~*','text:é','text:'+p)
    for x,p,r,o in (('abc','b*','-','g'),('abc','x*','-','g'),('','x*','-','g'),('aab','a*','-','g'),('äöü','x*','-','g'),('foo','o*$','X','g'),('foo','$','X','g'),('a\nb\nc','^.','X','gn'),('a\nb','a.b','X','p'),('a b','a b','X','x'),('abc','B','x','ic'),('abc','b','x','z'),('abab','(?<=a)b','X','g'),('aab','(a)(?!b)','<\\1>','g'),('foobar','(o)(b)','\\2\\1',''),('foo','o','\\x\\','')): f('regexp_replace','text:'+x,'text:'+p,'text:'+r,'text:'+o)
