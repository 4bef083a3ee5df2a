"""What the page and its server say to each other: a subset of Discord's objects, and the page's requests.

Objects carry Discord's names and shapes, so `msgspec.convert` reads them from the payloads that the world
emits. Where the page needs more than a gateway tells (who reacted), a field is added and said so here.
"""

from typing import Annotated, Any

import msgspec

Snowflake = Annotated[str, msgspec.Meta(pattern=r"^\d{1,20}$")]
"""An id as Discord writes it."""


class User(msgspec.Struct, kw_only=True):
    """A person, the bot, or a webhook speaking under a character's name."""

    id: str
    username: str
    global_name: str | None = None
    avatar: str | None = None
    bot: bool = False


class Emoji(msgspec.Struct, kw_only=True):
    """A unicode emoji (`id` is None) or one of the server."""

    id: str | None = None
    name: str | None = None


class Reaction(msgspec.Struct, kw_only=True):
    """One emoji on a message; `user_ids` is the page's own, so that each tab knows its own reactions."""

    emoji: Emoji
    user_ids: list[str]


class Attachment(msgspec.Struct, kw_only=True):
    """A file; sizes in bytes and pixels."""

    id: str
    filename: str
    size: int
    url: str
    content_type: str | None = None
    width: int | None = None
    height: int | None = None
    description: str | None = None


class Reference(msgspec.Struct, kw_only=True):
    """The message that a reply answers, or that a system line is about."""

    message_id: str | None = None
    channel_id: str | None = None


class Cause(msgspec.Struct, kw_only=True):
    """The interaction that a message answers: Discord's `interaction_metadata`."""

    id: str
    user: User
    name: str | None = None


class Message(msgspec.Struct, kw_only=True):
    """A message as the page shows it. Embeds and components stay as Discord writes them."""

    id: str
    channel_id: str
    author: User
    content: str
    timestamp: str
    edited_timestamp: str | None = None
    type: int = 0
    flags: int = 0
    webhook_id: str | None = None
    mentions: list[User] = []
    attachments: list[Attachment] = []
    embeds: list[dict[str, Any]] = []
    components: list[dict[str, Any]] = []
    reactions: list[Reaction] = []
    message_reference: Reference | None = None
    referenced_message: "Message | None" = None
    interaction_metadata: Cause | None = None


class Channel(msgspec.Struct, kw_only=True):
    """A text channel (0), DM (1), or thread (11, 12)."""

    id: str
    type: int
    name: str | None = None
    topic: str | None = None
    position: int = 0
    parent_id: str | None = None
    recipients: list[User] = []


class Character(msgspec.Struct, kw_only=True):
    """A name under which a webhook has spoken, with its latest face and the channels it spoke in."""

    name: str
    author: User
    channel_ids: list[str]


class Role(msgspec.Struct, kw_only=True):
    """A role, for selects and options that ask for one."""

    id: str
    name: str


# From the server to the page.


class Snapshot(msgspec.Struct, tag="snapshot", tag_field="t", kw_only=True):
    """Everything but messages; a tab that gets one asks for the history of its channel again."""

    seq: int
    epoch: str
    me: User
    guild: str
    bot: User
    channels: list[Channel]
    members: list[User]
    roles: list[Role]
    characters: list[Character]


class Resumed(msgspec.Struct, tag="resumed", tag_field="t", kw_only=True):
    """Every event after the tab's `last_seq` has been sent again."""

    seq: int


class MessageCreate(msgspec.Struct, tag="message_create", tag_field="t", kw_only=True):
    """A message appeared."""

    seq: int
    message: Message


class MessageUpdate(msgspec.Struct, tag="message_update", tag_field="t", kw_only=True):
    """A message changed; it is sent whole."""

    seq: int
    message: Message


class MessageDelete(msgspec.Struct, tag="message_delete", tag_field="t", kw_only=True):
    """Messages disappeared."""

    seq: int
    channel_id: str
    ids: list[str]


class Typing(msgspec.Struct, tag="typing", tag_field="t", kw_only=True):
    """Someone types; shown for 10 s or until their message."""

    seq: int
    channel_id: str
    user_id: str


class ReactionChange(msgspec.Struct, tag="reactions", tag_field="t", kw_only=True):
    """The reactions of a message, whole, after someone added or removed one."""

    seq: int
    channel_id: str
    message_id: str
    reactions: list[Reaction]


class ChannelUpdate(msgspec.Struct, tag="channel", tag_field="t", kw_only=True):
    """A channel or thread appeared or changed."""

    seq: int
    channel: Channel


class ChannelDelete(msgspec.Struct, tag="channel_delete", tag_field="t", kw_only=True):
    """A channel or thread disappeared."""

    seq: int
    id: str


class MemberUpdate(msgspec.Struct, tag="member", tag_field="t", kw_only=True):
    """Someone joined or changed their name."""

    seq: int
    user: User


class MemberRemove(msgspec.Struct, tag="member_remove", tag_field="t", kw_only=True):
    """Someone left."""

    seq: int
    id: str


Event = (
    MessageCreate
    | MessageUpdate
    | MessageDelete
    | Typing
    | ReactionChange
    | ChannelUpdate
    | ChannelDelete
    | MemberUpdate
    | MemberRemove
)


class Reply(msgspec.Struct, tag="reply", tag_field="t", kw_only=True):
    """The answer to one request; `error` is a sentence for the person."""

    id: int
    data: Any = None
    error: str | None = None


class Answer(msgspec.Struct, kw_only=True):
    """How the bot answered an interaction; `kind` as in `sandbox.world.answer_payload`."""

    id: str
    kind: str | None
    modal: dict[str, Any] | None = None
    choices: list[dict[str, Any]] | None = None


# From the page to the server. `id` numbers the requests of a tab.


class Hello(msgspec.Struct, tag="hello", tag_field="op", kw_only=True):
    """First of a connection: who the tab is, and where it left off."""

    id: int
    user_id: Snowflake | None = None
    epoch: str | None = None
    last_seq: int = 0


class Become(msgspec.Struct, tag="become", tag_field="op", kw_only=True):
    """Be another person from now on."""

    id: int
    user_id: Snowflake


class History(msgspec.Struct, tag="history", tag_field="op", kw_only=True):
    """The messages of a channel before one, newest last."""

    id: int
    channel_id: Snowflake
    before: Snowflake | None = None
    limit: int = 50


class Send(msgspec.Struct, tag="send", tag_field="op", kw_only=True):
    """Send a message; `uploads` are ids that the upload address gave."""

    id: int
    channel_id: Snowflake
    content: str = ""
    reply_to: Snowflake | None = None
    uploads: list[str] = []


class Edit(msgspec.Struct, tag="edit", tag_field="op", kw_only=True):
    """Change an own message."""

    id: int
    channel_id: Snowflake
    message_id: Snowflake
    content: str


class Delete(msgspec.Struct, tag="delete", tag_field="op", kw_only=True):
    """Delete a message, or dismiss one that only this person sees."""

    id: int
    channel_id: Snowflake
    message_id: Snowflake


class React(msgspec.Struct, tag="react", tag_field="op", kw_only=True):
    """Add or take back a reaction."""

    id: int
    channel_id: Snowflake
    message_id: Snowflake
    emoji: str
    on: bool = True


class StartTyping(msgspec.Struct, tag="typing", tag_field="op", kw_only=True):
    """Say that this person types."""

    id: int
    channel_id: Snowflake


class StartThread(msgspec.Struct, tag="thread", tag_field="op", kw_only=True):
    """Start a thread, perhaps from a message."""

    id: int
    channel_id: Snowflake
    name: str
    message_id: Snowflake | None = None


class OpenDM(msgspec.Struct, tag="open_dm", tag_field="op", kw_only=True):
    """Open the direct messages with the bot."""

    id: int


class Commands(msgspec.Struct, tag="commands", tag_field="op", kw_only=True):
    """The commands that this person may use in a channel."""

    id: int
    channel_id: Snowflake


class RunCommand(msgspec.Struct, tag="command", tag_field="op", kw_only=True):
    """Use a slash command: `path` is its name with group and subcommand; `files` are upload ids by option."""

    id: int
    channel_id: Snowflake
    path: list[str]
    options: dict[str, Any] = {}
    files: dict[str, str] = {}


class RunMenu(msgspec.Struct, tag="menu", tag_field="op", kw_only=True):
    """Use a context-menu command on a message."""

    id: int
    channel_id: Snowflake
    name: str
    message_id: Snowflake


class Complete(msgspec.Struct, tag="autocomplete", tag_field="op", kw_only=True):
    """Ask the bot for suggestions for the option in focus."""

    id: int
    channel_id: Snowflake
    path: list[str]
    options: dict[str, Any]
    focused: str


class Press(msgspec.Struct, tag="component", tag_field="op", kw_only=True):
    """Press a button, or choose in a select."""

    id: int
    channel_id: Snowflake
    message_id: Snowflake
    custom_id: str
    values: list[str] | None = None


class SubmitModal(msgspec.Struct, tag="modal", tag_field="op", kw_only=True):
    """Send a form: the answer to `interaction_id`; `files` are upload ids by control."""

    id: int
    interaction_id: Snowflake
    values: dict[str, Any]
    files: dict[str, list[str]] = {}


Request = (
    Hello
    | Become
    | History
    | Send
    | Edit
    | Delete
    | React
    | StartTyping
    | StartThread
    | OpenDM
    | Commands
    | RunCommand
    | RunMenu
    | Complete
    | Press
    | SubmitModal
)
