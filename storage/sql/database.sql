-- name: ping
select 1

-- name: vector_schema
select n.nspname::text
from pg_extension e join pg_namespace n on n.oid = e.extnamespace
where e.extname = 'vector'

-- name: create_vector
create extension if not exists vector

-- name: try_claim
select pg_try_advisory_lock(hashtextextended('troupe claim ' || $1, 0))

-- name: claim_holder
select a.application_name || coalesce(' from ' || host(a.client_addr), '') || ' since ' || a.backend_start::text
from pg_locks l join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.database = (select oid from pg_database where datname = current_database())
  and ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended('troupe claim ' || $1, 0)
limit 1
