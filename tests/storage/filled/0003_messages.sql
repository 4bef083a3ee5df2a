insert into messages (id, channel_id, author_id, author_name, author_is_bot, text, created_at, attachments)
values (100, 5, 3, 'Ada', false, '@Lilith hello', now(), '[{"id": 1, "filename": "a", "url": "u"}]');
insert into messages (id, channel_id, author_id, author_name, author_is_bot, text, created_at, deleted_at)
values (101, 5, 4, 'Böll', false, 'oh', now(), now());
