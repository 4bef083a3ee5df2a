insert into dead_letters (id, kind, channel_id, personality_id, message_id, envelope, reason, attempts) values
    ('00000000-0000-4000-8000-0000000000ab', 'turn', 5, '00000000-0000-4000-8000-00000000000a', 100,
     '{"kind": "turn", "version": 1}', 'ModelTimeoutError', 3);
