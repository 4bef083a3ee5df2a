-- name: plan_chunk
insert into deliveries (turn_id, position, text) values ($1, $2, $3)
on conflict (turn_id, position) do nothing
returning true

-- name: chunk_posting
update deliveries set state = 'posting', webhook_id = $3, posting_at = now(), changed_at = now()
where turn_id = $1 and position = $2 and state in ('planned', 'posting')
returning true

-- name: chunk_posted
update deliveries set state = 'posted', message_id = $3, posted_at = now(), changed_at = now()
where turn_id = $1 and position = $2 and state = 'posting'
returning true

-- name: checkpoint_chunk
update deliveries set text = $3, changed_at = now()
where turn_id = $1 and position = $2 and state in ('planned', 'posting', 'posted')
returning true

-- name: chunk_final
update deliveries set state = 'final', text = $3, text_hash = $4, changed_at = now()
where turn_id = $1 and position = $2 and state in ('posted', 'final')
returning true

-- name: chunk_gone
update deliveries set state = 'gone', changed_at = now()
where turn_id = $1 and position = $2 and state <> 'gone'
returning true

-- name: chunks_of_turn
select turn_id, position, state, webhook_id, message_id, text, text_hash
from deliveries where turn_id = $1 order by position

-- name: speaker_of_message
select t.personality_id, d.turn_id from deliveries d join turns t on t.id = d.turn_id where d.message_id = $1

-- name: add_webhook
insert into webhooks (id, channel_id, token, personality_id) values ($1, $2, $3, $4)
on conflict (id) do update set
    token = excluded.token, personality_id = excluded.personality_id, deleted_at = null

-- name: webhooks_of_channel
select id, channel_id, token, personality_id from live_webhooks where channel_id = $1 order by created_at, id

-- name: get_webhook
select id, channel_id, token, personality_id from live_webhooks where id = $1

-- name: forget_webhook
update webhooks set deleted_at = now() where id = $1 and deleted_at is null returning true

-- name: our_webhooks
select id from webhooks

-- name: is_our_webhook
select exists (select from webhooks where id = $1)
