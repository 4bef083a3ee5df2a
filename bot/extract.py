"""From a discord.py message to our own record: one extractor for every trigger."""

import discord

from storage.records import Attachment, Author, Message, Venue

Channel = (
    discord.TextChannel
    | discord.VoiceChannel
    | discord.StageChannel
    | discord.Thread
    | discord.DMChannel
    | discord.GroupChannel
    | discord.PartialMessageable
)


def extract(message: discord.Message) -> Message:
    """Return the record of `message`, with everything that a reader sees as words in its text."""
    return Message(
        id=message.id,
        venue=venue_of(message.channel),
        author=Author(
            id=message.author.id,
            name=message.author.display_name,
            is_bot=message.author.bot,
            webhook_id=message.webhook_id,
        ),
        text=readable(message),
        created_at=message.created_at,
        reply_to=_replied_to(message),
        attachments=tuple(_attachment(file) for file in _files(message)),
        mentioned_user_ids=tuple(user.id for user in message.mentions),
        edited_at=message.edited_at,
    )


def venue_of(channel: Channel) -> Venue:
    """Return where `channel` is; a thread names the parent on which its webhooks live."""
    match channel:
        case discord.DMChannel() | discord.GroupChannel():
            return Venue(channel_id=channel.id, kind="dm")
        case discord.Thread():
            return Venue(
                channel_id=channel.id,
                guild_id=channel.guild.id,
                parent_id=channel.parent_id,
                kind="thread",
                name=channel.name,
                nsfw=channel.is_nsfw(),
            )
        case discord.PartialMessageable():
            return Venue(
                channel_id=channel.id,
                guild_id=channel.guild_id,
                kind="dm" if channel.guild_id is None else "guild",
            )
        case _:
            return Venue(
                channel_id=channel.id, guild_id=channel.guild.id, name=channel.name, nsfw=channel.is_nsfw()
            )


def _replied_to(message: discord.Message) -> int | None:
    reference = message.reference
    if reference is None or reference.type is not discord.MessageReferenceType.reply:
        return None
    return reference.message_id


def readable(message: discord.Message) -> str:
    """Return everything in a message that a reader sees, as words."""
    parts = [message.clean_content, *_extras(message)]
    if message.poll is not None:
        answers = ", ".join(answer.text for answer in message.poll.answers)
        parts.append(f"[poll: {message.poll.question} ({answers})]")
    for snapshot in message.message_snapshots:
        parts += ["[forwarded]", snapshot.content, *_extras(snapshot)]
    return "\n".join(part for part in parts if part.strip())


def _extras(message: discord.Message | discord.MessageSnapshot) -> list[str]:
    """Say the stickers and embeds of a message; what Discord adds for a link is not its author's word."""
    stickers = [f"[sticker: {sticker.name}]" for sticker in message.stickers]
    return stickers + [_embed(embed) for embed in message.embeds if embed.type == "rich"]


def _embed(embed: discord.Embed) -> str:
    fields = (f"{field.name}: {field.value}" for field in embed.fields)
    words = [embed.author.name, embed.title, embed.description, *fields, embed.footer.text]
    return "\n".join(word for word in words if word)


def _files(message: discord.Message) -> list[discord.Attachment]:
    forwarded = (file for snapshot in message.message_snapshots for file in snapshot.attachments)
    return [*message.attachments, *forwarded]


def _attachment(file: discord.Attachment) -> Attachment:
    return Attachment(
        id=file.id, filename=file.filename, url=file.url, size=file.size, content_type=file.content_type
    )
