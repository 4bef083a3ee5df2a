-- name: fail_turn
with current as (
    select id, state, attempt from turns where id = $1 for update
), moved as (
    update turns t set state = 'failed', reason = $2, attempt = coalesce($3, t.attempt), changed_at = now()
    from current c join turn_steps s on s.before = c.state and s.after = 'failed'
    where t.id = c.id and coalesce($3, c.attempt) >= c.attempt
    returning t.*
), noted as (
    insert into turn_changes (turn_id, state, attempt, worker, reason, deadline, trace_id)
    select id, state, attempt, worker, reason, deadline, trace_id from moved
), buried as (
    insert into dead_letters (
        id, kind, channel_id, personality_id, message_id, envelope, reason, errors, attempts, trace_id
    )
    select id, 'turn', channel_id, personality_id, message_id, $4, $2, $5, attempt, trace_id from moved
    on conflict (id) do update set
        state = 'open', envelope = excluded.envelope, reason = excluded.reason, errors = excluded.errors,
        attempts = excluded.attempts, trace_id = excluded.trace_id, changed_at = now()
)
select state, attempt, exists (select from moved) as has_moved from current

-- name: bury_event
with considered as (
    update messages set considered_at = now() where id = $3::bigint and considered_at is null
)
insert into dead_letters (id, kind, channel_id, message_id, envelope, reason, errors, attempts, trace_id)
values ($1, 'message', $2, $3, $4, $5, $6, $7, $8)
on conflict (id) do update set
    state = 'open', reason = excluded.reason, errors = excluded.errors,
    attempts = dead_letters.attempts + excluded.attempts, trace_id = excluded.trace_id, changed_at = now()

-- name: retry_dead_letter
with letter as (
    update dead_letters d set state = 'retried', changed_at = now()
    where d.id = $1 and d.state = 'open'
      and case d.kind
          when 'turn' then exists (select from turns where id = d.id and state = 'failed')
          else exists (select from live_messages where id = d.message_id)
      end
    returning d.id, d.kind, d.message_id
), planned as (
    update turns t set
        state = 'planned', attempt = t.attempt + 1, reason = 'retried', deadline = $2, changed_at = now()
    from letter
    where letter.kind = 'turn' and t.id = letter.id and t.state = 'failed'
    returning t.*
), noted as (
    insert into turn_changes (turn_id, state, attempt, worker, reason, deadline, trace_id)
    select id, state, attempt, worker, reason, deadline, trace_id from planned
), reopened as (
    update deliveries d set state = 'posted', text = '', text_hash = null, changed_at = now()
    from planned where d.turn_id = planned.id and d.state = 'final'
), untold as (
    update messages m set considered_at = null
    from letter where letter.kind = 'message' and m.id = letter.message_id
)
select true from letter

-- name: drop_dead_letter
update dead_letters set state = 'dropped', changed_at = now() where id = $1 and state = 'open' returning true

-- name: list_dead_letters
select * from dead_letters
where $1::text is null or state = $1
order by created_at desc, id
limit $2

-- name: find_dead_letters
select * from dead_letters where replace(id::text, '-', '') like $1 || '%' order by created_at desc, id limit 2

-- name: get_dead_letter
select * from dead_letters where id = $1

-- name: purge_dead_letters
with gone as (
    delete from dead_letters
    where created_at < $1
       or id in (select id from dead_letters order by created_at desc, id offset $2)
    returning true
)
select count(*) from gone

-- name: retried_messages
select m.* from live_messages m
where m.id in (
    select d.message_id from dead_letters d join messages k on k.id = d.message_id
    where d.kind = 'message' and d.state = 'retried' and k.considered_at is null
)
order by m.id
