select 1, 'x', null, true, 1.5, 3000000000, 1e10, -9223372036854775808
select 1 as a, 2 b, 1 + 1, a.* from t1 a
select *, t1.id from t1
select t1.* , id from public.t1
select public.t1.id from public.t1
select x.id from t1
select id from t1, t2
select nosuch from t1
select t1.nosuch from t1
select 1 from nosuch
select 1 from nosuch.t1
select 1 from t1 where id
select 1 from t1 where name
select 1 from t1 where 'yes'
select 1 + 'x'
select 1 + '2', '2' + 1, '1' || 'a', 1 || 'a', 'a' || id from t1
select id + name from t1
select -name from t1
select id = '5', name = 'x', v > 1, ts < now(), v * 2, id / 2, id % 2, v + 1.5 from t1
select nofunc(1)
select lower(1)
select lower('ABC'), upper(name), length('x'), abs(-5), round(v), round(v, 1), coalesce(v, 0) from t1
select count(*), sum(id), avg(id), min(name), max(ts), sum(v), avg(v), count(distinct id) from t1
select id, count(*) from t1
select id, count(*) from t1 group by id
select id, name, count(*) from t1 group by id
select name, id, count(*) from t1 group by name
select name, count(*) from t1 group by 1
select name n, count(*) from t1 group by n having count(*) > 1 order by 2 desc, n
select id + 1, count(*) from t1 group by id + 1
select id + 2, count(*) from t1 group by id + 1
select count(*) from t1 having id > 1
select count(*) from t1 where count(*) > 1
select sum(count(*)) from t1
select count(*) from t1 group by count(*)
select count(id) filter (where id > 1) from t1
select lower(distinct 'x')
select 1 from t1 group by 3
select 1 from t1 order by 3
select id from t1 order by 'x'
select distinct name from t1 order by id
select distinct name, id from t1 order by id desc nulls last
select id a, name a from t1 order by a
select id from t1 order by name, id + 1
select id from t1 limit 1 offset 2
select id from t1 limit id
select id from t1 limit 'x'
select id from t1 limit '5' offset null
select id from t1 limit 1.5
select case id when 1 then 'a' when 2 then 'b' end from t1
select case when id > 1 then 1 else 2.5 end from t1
select case when id then 1 end from t1
select case when true then 1 else 'x' end
select case when true then 1 else name end from t1
select case when true then 'a' else name end from t1
select coalesce(1, 'x')
select coalesce(id, v), coalesce(null, 'a'), greatest(1, 2.5), least(id, 5), nullif(id, 0), nullif('a', 'b') from t1
select id in (1, 2, 3), id in (1, 2.5), name in ('a', 'b'), id not in (1), id in ('1', '2') from t1
select id in (1, 'x') from t1
select id in (1, name) from t1
select id in (select a from t2), id not in (select a from t2), name in (select b from t2) from t1
select id in (select a, b from t2) from t1
select id in (select b from t2) from t1
select v in (select a from t2 order by a limit 1) from t1
select (select a from t2 where t2.a = t1.id), exists (select 1 from t2 where b = name), array(select a from t2) from t1
select (select a, b from t2)
select (select nosuch from t2)
select id between 1 and 10, id not between symmetric 5 and 1, name between 'a' and 'b' from t1
select id between 1 and 'x' from t1
select name like 'a%', name not like 'b', name ilike 'c', name ~ 'd', name !~* 'e', name similar to 'x' from t1
select name is null, id is not null, id > 1 is true, (id = 1) is not unknown from t1
select id is true from t1
select id is distinct from 1, name is not distinct from 'x' from t1
select not id from t1
select id and true from t1
select not (id = 1 and name = 'x' or v > 3) from t1
select '1'::int, cast('2' as numeric(5,2)), date '2020-01-01', 'x'::varchar(3), 5::text, '5'::text::int, true::int, id::bigint from t1
select 'x'::int
select date '2020-13-01'
select '1.5'::int4
select true::date
select 1::nosuch
select 'a'::varchar(0)
select 1::numeric(2000, 1)
select 'a'::int(3)
select current_timestamp, current_date, localtimestamp, current_user, session_user, current_schema, current_catalog, user
select now(), version(), random(), pg_backend_pid()
select array[1,2,3], array['a','b'], array[1, 2.5], array[]::int[], array['1','2']::int[]
select array[]
select id = any(array[1,2]), id = any('{1,2}'), id <> all (array[1]), name = any('{a,b}'::text[]) from t1
select id = any(5) from t1
select (array[1,2])[1]
select t1.name collate "C" from t1
select t1.name collate "nosuch" from t1
select id collate "C" from t1
select name operator(pg_catalog.~) '^x$' collate pg_catalog.default from t1
select (1, 2) = (3, 4), (id, name) in ((1, 'a'), (2, 'b')) from t1
select (1, 2) = (3, 4, 5)
select * from t1 join t2 on t1.id = t2.a
select * from t1 join t3 using (id)
select id, t1.id, t3.id from t1 left join t3 using (id)
select * from t1 natural join t3
select * from t1 full join t3 using (id)
select * from t1 join t2 using (nosuch)
select * from t1 join t2 using (a)
select * from t1 join t2 on t1.id
select * from t1, t1
select * from t1 a, t1 b where a.id = b.id
select * from t1 cross join t2 left join t3 on t3.id = t2.a
select * from (t1 join t2 on t1.id = t2.a) as j
select j.b from (t1 join t2 on t1.id = t2.a) as j (x, y)
select t1.id from (t1 join t2 on t1.id = t2.a) as j
select s.x from (select id as x, name from t1) s
select * from (select id, name from t1) s (a)
select * from (select id, name from t1) s (a, b, c)
select * from (select 1)
select * from (select 'x' as a, null as b) s
select t1.id, l.m from t1, lateral (select max(a) as m from t2 where t2.a = t1.id) l
select t1.id, l.m from t1, (select max(a) as m from t2 where t2.a = t1.id) l
select * from generate_series(1, 3)
select * from generate_series(1, 3) g
select g, g + 1 from generate_series(1, 3) as g
select * from generate_series(1, 3) with ordinality as g(x, n)
select * from t1, generate_series(1, t1.id) g
select generate_series(1, 3)
select id, generate_series(1, id) from t1
select 1 where generate_series(1,3) = 1
values (1, 'a'), (2, 'b')
values (1, 'a'), (2.5, null)
values (1), (2, 3)
values (1), ('x')
select * from (values (1, 'a'), (2, 'b')) v (x, y) where x > 1
select 1 union select 2
select 1 union all select 2.5 order by 1
select 'a' union select name from t1
select 1 union select 'x'
select 1 union select name from t1
select 1, 2 union select 1
select id from t1 union select a from t2 order by id limit 3
select id from t1 union select a from t2 order by id + 1
select id from t1 union select a from t2 order by nosuch
(select id from t1 order by name limit 1) union all (select v from t1 order by 1)
select 1 intersect select 2 except select 3
select null union select 1
with w as (select id, name from t1) select * from w
with w (a) as (select id, name from t1) select w.a, name from w x, w where x.a = w.a
with w as (select 1 as a), x as (select a + 1 as b from w) select a, b from w, x
with w as (select nosuch from t1) select 1 from w
with w as (select id from t1) select (select max(id) from w where w.id = t2.a) from t2
select $1::int, $2 || 'x', $3 + id, lower($4) from t1
select $1
select $1 is null
select id from t1 where id = $1 and name = $2 and v > $3 and ts < $4
select id from t1 limit $1
select $1 + $2
select id from t1 where $1
select $1::int, $1::text
select $2::int
insert into t1 values (1, 'a', 2.5, now())
insert into t1 values (1)
insert into t1 (id, name) values (1, 'a'), (2, default), (default, 'c')
insert into t1 values (1, 'a', 2, now(), 5)
insert into t1 (id) values (1, 2)
insert into t1 (id, name) values (1)
insert into t1 (nosuch) values (1)
insert into t1 (id, id) values (1, 2)
insert into t1 (id) values ('x')
insert into t1 (id) values (true)
insert into t1 (id) values (1.5)
insert into t1 (id) select name from t1
insert into t1 (name) select id from t1
insert into t1 (ts) select '2020-01-01'
insert into t1 (ts) select 'x' from t1
insert into t1 (name, v) select 'a', 1 union select 'b', 2
insert into t1 (id, name) values ($1, $2)
insert into t1 (id) values (1) returning *
insert into t1 (id) values (1) returning id + 1 as next, name, t1.v
insert into t1 (id) values (1) returning nosuch
insert into t1 (id) values (count(*))
insert into t1 default values
insert into nosuch values (1)
insert into pg_class (oid) values (1)
insert into t1 (id) values (id)
insert into t1 (name) values ('a' || 1), (5::text), (7)
insert into t2 select * from t2
insert into t2 select id, name, 3 from t1
update t1 set name = 'x', v = v + 1 where id = 5
update t1 set id = $1 where name = $2 returning *
update t1 set nosuch = 1
update t1 set id = 1, id = 2
update t1 set id = 'x'
update t1 set id = true
update t1 set name = default, v = null
update t1 set (id, name) = (1, 'a')
update t1 set (id, name) = (1, 2, 3)
update t1 x set name = t2.b from t2 where t2.a = x.id returning x.id, t2.b
update t1 x set name = 'a' where t1.id = 1
update t1 set name = (select b from t2 where a = t1.id)
update t1 set id = count(*)
delete from t1
delete from t1 where id = 1 returning name
delete from t1 using t2 where t1.id = t2.a returning t1.id, t2.b
delete from t1 where nosuch = 1
select id from t1 for update
select id from t1 for update of t2
select count(*) from t1 for update
select distinct id from t1 for share
select id from t1 union select 1 for update
select pg_catalog.count(*) from pg_catalog.pg_class
select relname, relkind = 'r', relkind in ('r', 'v'), oid = 't1'::regclass from pg_class
select c.oid::pg_catalog.regclass, relnamespace::regnamespace from pg_class c
select 't1'::regclass, 't1'::regclass::oid, 1259::regclass, 'int4'::regtype
select "char" '1', 'a'::"char", 'a'::char, 'ab'::char(3), 'ab'::bpchar
select substring('abc' from 2 for 1), position('b' in 'abc'), trim('  x '), extract(year from now())
select now() at time zone 'utc', interval '1 day', now() - interval '1 hour', date '2020-01-01' + 1, now() - now()
select t1 from t1
select count(t1) from t1
select sum(name) from t1
select max(id) over () from t1
select * 
select exists (select * from t1)
select 1 where exists (select nosuch from t1)
select a.id from t1 a where a.id > (select avg(b.id) from t1 b where b.name = a.name)
select name, (select count(*) from t2 where t2.a = t1.id) from t1 group by name
select name, (select count(*) from t2 where t2.b = t1.name) from t1 group by name
select b, sum(a) filter (where a > 1) + count(*) from t2 group by b having sum(a) > 5 order by max(a)
select upper(name), count(*) from t1 group by upper(name) order by upper(name)
select int4(2.5), text(5), float8('1.5')
select 'é' || nosuch from t1
select 1 from t1 where id = 1 and nosuch = 'é'
select row(1,2)
select round(1.5), round(2.5::float8), power(2, 3), sqrt(2), mod(5, 3), ceil(1.2), floor(-1.2), sign(-2), trunc(1.55, 1)
select 5 / 2, 5.0 / 2, 5 % 3, 2 ^ 3, 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 3, @ -5, |/ 4
select 1::int2 + 1::int2, 1::int2 + 1, 1 + 1::int8, 1::float4 + 1, 1::float8 + 1.5, 1::int8 * 1.5
select id::text || v::text || ts::text from t1
with x as (select 1), x as (select 2) select * from x
select nosuch.f(1)
select 1::pg_catalog.int4, 'x'::"text", 1::"int"
