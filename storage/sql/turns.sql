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
