-- Discord's own things, by snowflake. Rows appear as soon as a message names them.
create table guilds (
    id bigint primary key,
    name text not null default '',
    first_seen_at timestamptz not null default now(),
    left_at timestamptz
);

create table channels (
    id bigint primary key,
    guild_id bigint references guilds (id),
    parent_id bigint,
    kind text not null check (kind in ('guild', 'thread', 'dm')),
    name text not null default '',
    nsfw boolean not null default false,
    first_seen_at timestamptz not null default now(),
    deleted_at timestamptz
);
create index channels_of_guild on channels (guild_id);

create table users (
    id bigint primary key,
    name text not null,
    is_bot boolean not null default false,
    first_seen_at timestamptz not null default now(),
    deleted_at timestamptz
);

-- One JSON value per key, for any scope: 'global', 'guild:1', 'channel:1', 'user:1', …
create table settings (
    scope text not null,
    key text not null,
    value jsonb not null,
    updated_at timestamptz not null default now(),
    primary key (scope, key)
);
