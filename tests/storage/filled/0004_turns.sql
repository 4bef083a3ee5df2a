insert into turns (id, message_id, personality_id, channel_id, author_id, state, deadline, created_at) values
    ('00000000-0000-4000-8000-0000000000aa', 100, '00000000-0000-4000-8000-00000000000a', 5, 3, 'delivering',
     now() + interval '3 min', now());
insert into turn_changes (turn_id, state, attempt, deadline, trace_id)
select id, state, attempt, deadline, trace_id from turns;
insert into webhooks (id, channel_id, token) values (900, 5, 'secret');
insert into deliveries (turn_id, position, state, webhook_id, message_id, text) values
    ('00000000-0000-4000-8000-0000000000aa', 0, 'posted', 900, 102, 'Hello');
