-- name: get_setting
select value from settings where scope = $1 and key = $2

-- name: set_setting
insert into settings (scope, key, value) values ($1, $2, $3)
on conflict (scope, key) do update set value = excluded.value, updated_at = now()
