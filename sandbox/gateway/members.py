"""Answers to REQUEST_GUILD_MEMBERS (op 8)."""

from collections.abc import Iterator
from typing import Any

from sandbox.simulator import Member, serializers
from sandbox.state import DiscordState
from sandbox.untyped import sequence

CHUNK = 1000
"""Members per GUILD_MEMBERS_CHUNK (Discord: events, gateway events)."""


def member_chunks(state: DiscordState, data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the payloads of the chunks that answer a request; nothing for an unknown guild."""
    guild = state.guilds.get(int(data.get("guild_id") or 0))
    if guild is None:
        return
    members, missing = _select(state, list(guild.members.values()), data)
    chunks = [members[at : at + CHUNK] for at in range(0, len(members), CHUNK)] or [[]]
    for index, chunk in enumerate(chunks):
        payload: dict[str, Any] = {
            "guild_id": str(guild.id),
            "members": [serializers.member_payload(state, guild, member) for member in chunk],
            "chunk_index": index,
            "chunk_count": len(chunks),
        }
        if data.get("presences"):
            payload["presences"] = []
        if index == 0 and missing:
            payload["not_found"] = missing
        if data.get("nonce"):
            payload["nonce"] = data["nonce"]
        yield payload


def _select(
    state: DiscordState, members: list[Member], data: dict[str, Any]
) -> tuple[list[Member], list[str]]:
    wanted = data.get("user_ids")
    if wanted:
        ids = {int(i) for i in sequence(wanted) or [wanted]}
        found = [member for member in members if member.user_id in ids]
        return found, [str(i) for i in sorted(ids - {member.user_id for member in found})]
    prefix = str(data.get("query") or "").casefold()
    if prefix:
        members = [m for m in members if state.users[m.user_id].name.casefold().startswith(prefix)]
    limit = int(data.get("limit") or 0)
    return (members[:limit] if limit else members), []
