-- name: plan_turn
with guild as (
    insert into guilds (id)
    select $4::bigint where $4::bigint is not null and not exists (select from guilds where id = $4)
    on conflict (id) do nothing
), channel as (
    insert into channels (id, guild_id, parent_id, kind, name, nsfw)
    select $3::bigint, $4, $5::bigint, $6::text, $7::text, $8::boolean
    where not exists (select from channels where id = $3)
    on conflict (id) do nothing
), planned as (
    insert into turns (
        id, message_id, personality_id, channel_id, author_id, also, attempt, reason, trace_id, deadline, created_at
    )
    values ($1, $2, $9, $3, $10, $11, $12, $13, $14, $15, $16)
    on conflict (id) do nothing
    returning *
)
insert into turn_changes (turn_id, state, attempt, reason, deadline, trace_id)
select id, state, attempt, reason, deadline, trace_id from planned
returning true

-- name: consider_message
with considered as (
    update messages set considered_at = now() where id = $1 and considered_at is null
), planned as (
    insert into turns (
        id, message_id, personality_id, channel_id, author_id, state, reason, trace_id, deadline, created_at
    )
    select one.id, $1, one.personality_id, $2, $3,
        case when $9::text is null then 'planned' else 'silent' end, $9, $6, $7,
        $8::timestamptz + one.place * interval '1 microsecond'
    from unnest($4::uuid[], $5::uuid[]) with ordinality as one (id, personality_id, place)
    on conflict (id) do nothing
    returning *
)
insert into turn_changes (turn_id, state, attempt, reason, deadline, trace_id)
select id, state, attempt, reason, deadline, trace_id from planned

-- name: begin_turn
with guild as (
    insert into guilds (id)
    select $4::bigint where $4::bigint is not null and not exists (select from guilds where id = $4)
    on conflict (id) do nothing
), channel as (
    insert into channels (id, guild_id, parent_id, kind, name, nsfw)
    select $3::bigint, $4, $5::bigint, $6::text, $7::text, $8::boolean
    where not exists (select from channels where id = $3)
    on conflict (id) do nothing
), begun as (
    insert into turns (
        id, message_id, personality_id, channel_id, author_id, also, attempt, reason, trace_id, deadline, created_at
    )
    values ($1, $2, $9, $3, $10, $11, $12, $13, $14, $15, $16)
    on conflict (id) do update set also = excluded.also, deadline = excluded.deadline
    where turns.state = 'planned'
    returning *, xmax = 0 as is_new
), collected as (
    insert into turns (
        id, message_id, personality_id, channel_id, author_id, state, reason, trace_id, deadline, created_at
    )
    select one.id, one.message_id, $9, $3, $10, 'silent', 'answered together', $14, $15, $16
    from unnest($17::uuid[], $11::bigint[]) as one (id, message_id)
    where exists (select from begun)
    on conflict (id) do update set state = excluded.state, reason = excluded.reason, changed_at = now()
    where turns.state = 'planned'
    returning *
), noted as (
    insert into turn_changes (turn_id, state, attempt, reason, deadline, trace_id)
    select id, state, attempt, reason, deadline, trace_id from begun where is_new
    union all
    select id, state, attempt, reason, deadline, trace_id from collected
)
select true from begun

-- name: advance_turn
with current as (
    select id, state, attempt from turns where id = $1 for update
), moved as (
    update turns t set
        state = $2, reason = $3, worker = coalesce($4, t.worker), attempt = coalesce($5, t.attempt),
        changed_at = now()
    from current c join turn_steps s on s.before = c.state and s.after = $2
    where t.id = c.id
      and (case when s.in_new_attempt then coalesce($5, c.attempt) > c.attempt
           else coalesce($5, c.attempt) >= c.attempt end)
    returning t.*
), noted as (
    insert into turn_changes (turn_id, state, attempt, worker, reason, deadline, trace_id)
    select id, state, attempt, worker, reason, deadline, trace_id from moved
)
select state, attempt, exists (select from moved) as has_moved from current

-- name: get_turn
select t.*, c.guild_id, c.parent_id, c.kind, c.name as channel_name, c.nsfw
from turns t join channels c on c.id = t.channel_id
where t.id = $1

-- name: unfinished_turns
select t.*, c.guild_id, c.parent_id, c.kind, c.name as channel_name, c.nsfw
from turns t join channels c on c.id = t.channel_id
where t.state in ('planned', 'generating', 'delivering')
order by t.created_at, t.message_id, t.id

-- name: turn_history
select state, attempt, worker, reason, deadline, trace_id, at from turn_changes where turn_id = $1 order by id
