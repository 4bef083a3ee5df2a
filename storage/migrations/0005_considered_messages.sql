-- When a channel decided who answers a message; null as long as it has not. Decision and plans are one
-- transaction, so a message without it is told again after a crash.
alter table messages add column considered_at timestamptz;
update messages set considered_at = received_at;
create index messages_unconsidered on messages (id) where considered_at is null;
