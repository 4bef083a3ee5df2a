insert into presets (id, name, model) values ('00000000-0000-4000-8000-000000000001', 'calm', 'a/b');
insert into faces (hash, png) values ('aa', '\x89504e47');
insert into personalities (id, name, slug, owner_id, face_hash, preset_id, examples, deleted_at, deleted_by) values
    ('00000000-0000-4000-8000-00000000000a', 'Lilith', 'lilith', 3, 'aa', '00000000-0000-4000-8000-000000000001',
     '[["hi", "hello"]]', null, null),
    ('00000000-0000-4000-8000-00000000000b', 'Lilith', 'lilith', 4, null, null, '[]', now(), 4);
insert into rosters (channel_id, personality_id) values (5, '00000000-0000-4000-8000-00000000000a');
