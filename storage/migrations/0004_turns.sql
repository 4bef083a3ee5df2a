create table turns (
    id uuid primary key,
    message_id bigint not null,
    personality_id uuid not null references personalities (id),
    channel_id bigint not null references channels (id),
    author_id bigint not null,
    also bigint[] not null default '{}',
    state text not null default 'planned'
        check (state in ('planned', 'generating', 'delivering', 'done', 'failed', 'silent')),
    attempt int not null default 1,
    worker text,
    reason text,
    trace_id text not null default '',
    deadline timestamptz not null,
    created_at timestamptz not null,
    changed_at timestamptz not null default now()
);
create index turns_unfinished on turns (created_at) where state in ('planned', 'generating', 'delivering');
create index turns_of_channel on turns (channel_id, created_at);
create index turns_of_message on turns (message_id);

-- Which state may follow which. A state may follow itself or an earlier one only in a new attempt.
create table turn_steps (
    before text not null,
    after text not null,
    in_new_attempt boolean not null default false,
    primary key (before, after)
);
insert into turn_steps (before, after) values
    ('planned', 'generating'), ('planned', 'failed'), ('planned', 'silent'),
    ('generating', 'delivering'), ('generating', 'failed'), ('generating', 'silent'),
    ('delivering', 'done'), ('delivering', 'failed'), ('delivering', 'silent');
insert into turn_steps (before, after, in_new_attempt) values
    ('generating', 'generating', true), ('delivering', 'generating', true);

-- The evidence: one row for every change of a turn.
create table turn_changes (
    id bigint generated always as identity primary key,
    turn_id uuid not null references turns (id) on delete cascade,
    state text not null,
    attempt int not null,
    worker text,
    reason text,
    deadline timestamptz not null,
    trace_id text not null,
    at timestamptz not null default now()
);
create index turn_changes_of_turn on turn_changes (turn_id, id);

-- The webhooks of a channel that are ours. A forgotten one still says that its old messages were ours.
create table webhooks (
    id bigint primary key,
    channel_id bigint not null,
    token text not null,
    personality_id uuid references personalities (id),
    created_at timestamptz not null default now(),
    deleted_at timestamptz
);
create index webhooks_of_channel on webhooks (channel_id) where deleted_at is null;
create view live_webhooks as select * from webhooks where deleted_at is null;

-- One row for every visible message of a turn.
create table deliveries (
    turn_id uuid not null references turns (id) on delete cascade,
    position int not null,
    state text not null default 'planned' check (state in ('planned', 'posting', 'posted', 'final', 'gone')),
    webhook_id bigint,
    message_id bigint,
    text text not null default '',
    text_hash text,
    posting_at timestamptz,
    posted_at timestamptz,
    changed_at timestamptz not null default now(),
    primary key (turn_id, position)
);
create unique index deliveries_message on deliveries (message_id);
