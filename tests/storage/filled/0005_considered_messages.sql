insert into messages (id, channel_id, author_id, author_name, author_is_bot, text, created_at, considered_at)
values (103, 5, 3, 'Ada', false, 'and you?', now(), now()), (104, 5, 3, 'Ada', false, 'hm', now(), null);
