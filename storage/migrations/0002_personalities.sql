create table presets (
    id uuid primary key,
    name text not null check (name <> ''),
    owner_id bigint,
    model text not null,
    parameters jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz
);
create view live_presets as select * from presets where deleted_at is null;

-- Content-addressed: equal pictures are kept once.
create table faces (
    hash text primary key,
    png bytea not null,
    created_at timestamptz not null default now()
);

create table personalities (
    id uuid primary key,
    name text not null check (name <> ''),
    slug text not null check (slug <> ''),
    owner_id bigint,
    who text not null default '',
    speech text not null default '',
    first_message text not null default '',
    examples jsonb not null default '[]',
    error_message text not null default '',
    talkativeness double precision not null default 0.5 check (talkativeness between 0 and 1),
    is_public boolean not null default true,
    face_hash text references faces (hash),
    preset_id uuid references presets (id),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    deleted_by bigint
);
create unique index personalities_slug on personalities (lower(slug)) where deleted_at is null;
create index personalities_name on personalities (lower(name)) where deleted_at is null;
create index personalities_owner on personalities (owner_id) where deleted_at is null;
create index personalities_deleted_by on personalities (deleted_by, deleted_at) where deleted_at is not null;
create view live_personalities as select * from personalities where deleted_at is null;

-- Who lives in a channel. The order of `position` is the order of arrival.
create table rosters (
    channel_id bigint not null,
    personality_id uuid not null references personalities (id),
    position bigint generated always as identity,
    added_by bigint,
    added_at timestamptz not null default now(),
    primary key (channel_id, personality_id)
);
create index rosters_of_personality on rosters (personality_id);
