insert into guilds (id, name) values (7, 'Theatre');
insert into channels (id, guild_id, kind, name) values (5, 7, 'guild', 'stage'), (6, null, 'dm', '');
insert into users (id, name) values (3, 'Ada'), (4, 'Böll');
insert into settings (scope, key, value) values ('global', 'model', '{"name": "x"}');
