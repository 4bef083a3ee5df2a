-- name: record_message
with guild as (
    insert into guilds (id)
    select $3::bigint where $3::bigint is not null and not exists (select from guilds where id = $3)
    on conflict (id) do nothing
), channel as (
    insert into channels (id, guild_id, parent_id, kind, name, nsfw)
    select $2::bigint, $3, $4::bigint, $5::text, $6::text, $7::boolean
    where not exists (
        select from channels
        where id = $2 and (guild_id, parent_id, kind, name, nsfw) is not distinct from ($3, $4, $5, $6, $7)
    )
    on conflict (id) do update set
        guild_id = excluded.guild_id, parent_id = excluded.parent_id, kind = excluded.kind,
        name = excluded.name, nsfw = excluded.nsfw
), author as (
    insert into users (id, name, is_bot)
    select $8::bigint, $9::text, $10::boolean
    where $11::bigint is null and not exists (select from users where id = $8 and name = $9 and is_bot = $10)
    on conflict (id) do update set name = excluded.name, is_bot = excluded.is_bot
)
insert into messages (
    id, channel_id, author_id, author_name, author_is_bot, webhook_id, personality_id, text, reply_to,
    attachments, mentioned_user_ids, created_at, edited_at, considered_at
)
values (
    $1, $2, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
    case when $10 or $11::bigint is not null or $12::uuid is not null then now() end
)
on conflict (id) do update set personality_id = excluded.personality_id
where messages.personality_id is null and excluded.personality_id is not null
returning xmax = 0

-- name: edit_message
update messages set text = $2, edited_at = $3
where id = $1 and (edited_at is null or edited_at <= $3)
returning true

-- name: delete_message
with letters as (
    delete from dead_letters where kind = 'message' and message_id = $1
)
update messages set deleted_at = now(), considered_at = coalesce(considered_at, now())
where id = $1 and deleted_at is null
returning true

-- name: message_window
select * from live_messages
where channel_id = $1 and id < coalesce($3::bigint, 9223372036854775807)
order by id desc
limit $2

-- name: get_message
select * from live_messages where id = $1

-- name: last_seen_message
select max(id) from messages where channel_id = $1 and id < coalesce($2::bigint, 9223372036854775807)

-- name: active_channels
select c.id, c.guild_id, c.parent_id, c.kind, c.name, c.nsfw
from channels c
cross join lateral (
    select created_at from messages where channel_id = c.id order by id desc limit 1
) newest
where c.deleted_at is null and newest.created_at >= $1
order by c.id

-- name: unconsidered_messages
select * from live_messages where id in (select id from messages where considered_at is null) order by id
limit $1

-- name: message_is_known
select exists (select from messages where id = $1)

-- name: message_is_undecided
select exists (select from messages where id = $1 and considered_at is null)
