-- A turn that failed for good, or an event that killed its actor again and again, with what it takes to try
-- once more. A turn's letter has the turn's id; a turn that fails again opens its letter again.
create table dead_letters (
    id uuid primary key,
    kind text not null check (kind in ('turn', 'message')),
    channel_id bigint not null,
    personality_id uuid,
    message_id bigint,
    envelope jsonb not null,
    reason text not null,
    errors jsonb not null default '[]',
    attempts int not null,
    trace_id text not null default '',
    state text not null default 'open' check (state in ('open', 'retried', 'dropped')),
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now()
);
create index dead_letters_newest on dead_letters (created_at desc, id);
create index dead_letters_of_message on dead_letters (message_id) where kind = 'message';

-- A failed turn may be tried again, from its beginning.
insert into turn_steps (before, after, in_new_attempt) values ('failed', 'planned', true);
