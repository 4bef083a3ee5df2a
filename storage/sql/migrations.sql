-- name: lift_timeouts
select set_config('statement_timeout', '0', true), set_config('lock_timeout', '60s', true)

-- name: lock_migrations
select pg_advisory_xact_lock(hashtextextended('troupe migrations', 0))

-- name: create_migrations_table
create table if not exists schema_migrations (
    version int primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
)

-- name: applied_migrations
select version, name, checksum from schema_migrations order by version

-- name: note_migration
insert into schema_migrations (version, name, checksum) values ($1, $2, $3)
