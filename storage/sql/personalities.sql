-- name: create_personality
insert into personalities (
    id, name, slug, owner_id, who, speech, first_message, examples, error_message, talkativeness, is_public,
    face_hash, preset_id
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
on conflict (lower(slug)) where deleted_at is null do nothing
returning true

-- name: update_personality
update personalities set
    name = $2, slug = $3, owner_id = $4, who = $5, speech = $6, first_message = $7, examples = $8,
    error_message = $9, talkativeness = $10, is_public = $11, face_hash = $12, preset_id = $13,
    updated_at = now()
where id = $1 and deleted_at is null
returning true

-- name: get_personality
select * from live_personalities where id = $1

-- name: personality_ever
select * from personalities where id = $1

-- name: find_personality
select * from live_personalities
where (lower(name) = lower($1) or lower(slug) = lower($1)) and (is_public or owner_id = $2)
order by owner_id is not distinct from $2 desc, lower(slug) = lower($1) desc, created_at, id
limit 1

-- name: visible_personalities
select * from live_personalities
where (is_public or owner_id = $1)
  and (position(lower($2) in lower(name)) > 0 or position(lower($2) in lower(slug)) > 0)
order by position(lower($2) in lower(name)) = 1 desc, lower(name), id
limit $3 offset $4

-- name: owned_personalities
select * from live_personalities
where ($1::bigint is null or owner_id = $1)
  and (position(lower($2) in lower(name)) > 0 or position(lower($2) in lower(slug)) > 0)
order by position(lower($2) in lower(name)) = 1 desc, lower(name), id
limit $3

-- name: personality_directory
select id, name, slug from live_personalities
where is_public or owner_id = $1
order by lower(name), id

-- name: delete_personality
update personalities set deleted_at = now(), deleted_by = $2 where id = $1 and deleted_at is null
returning true

-- name: restore_personality
update personalities set deleted_at = null, deleted_by = null
where id = $1 and deleted_at > now() - interval '1 day'
returning true

-- name: personalities_deleted_by
select * from personalities
where deleted_by = $1 and deleted_at > now() - interval '1 day'
order by deleted_at desc

-- name: put_face
insert into faces (hash, png) values ($1, $2) on conflict (hash) do nothing

-- name: get_face
select png from faces where hash = $1

-- name: add_to_roster
insert into rosters (channel_id, personality_id, added_by)
select $1, id, $3 from live_personalities where id = $2
on conflict (channel_id, personality_id) do nothing
returning true

-- name: remove_from_roster
delete from rosters where channel_id = $1 and personality_id = $2 returning true

-- name: roster_of
select p.* from rosters r join live_personalities p on p.id = r.personality_id
where r.channel_id = $1
order by r.position

-- name: channels_of_personality
select channel_id from rosters where personality_id = $1 order by channel_id

-- name: roster_channels
select distinct channel_id from rosters order by channel_id

-- name: create_preset
insert into presets (id, name, owner_id, model, parameters) values ($1, $2, $3, $4, $5)

-- name: get_preset
select id, name, owner_id, model, parameters from live_presets where id = $1

-- name: list_presets
select id, name, owner_id, model, parameters from live_presets
where owner_id is null or owner_id = $1
order by lower(name), id
