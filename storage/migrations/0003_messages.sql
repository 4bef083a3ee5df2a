-- The inbox and the transcript: a message is here before it has any other effect. The author's name is kept
-- as it was then; a webhook's changes with every message. No foreign keys: they would cost two row locks per
-- message, and the same statement that writes a message writes its channel and author.
create table messages (
    id bigint primary key,
    channel_id bigint not null,
    author_id bigint not null,
    author_name text not null,
    author_is_bot boolean not null,
    webhook_id bigint,
    personality_id uuid,
    text text not null,
    reply_to bigint,
    attachments jsonb not null default '[]',
    mentioned_user_ids bigint[] not null default '{}',
    created_at timestamptz not null,
    received_at timestamptz not null default now(),
    edited_at timestamptz,
    deleted_at timestamptz
);
create index messages_of_channel on messages (channel_id, id);
create index messages_of_author on messages (author_id, id);
create view live_messages as
select
    m.id, m.channel_id, m.author_id, m.author_name, m.author_is_bot, m.webhook_id, m.personality_id, m.text,
    m.reply_to, m.attachments, m.mentioned_user_ids, m.created_at, m.edited_at,
    c.guild_id, c.parent_id, c.kind, c.name as channel_name, c.nsfw
from messages m join channels c on c.id = m.channel_id
where m.deleted_at is null;
