"""The same requests to the sandbox over a socket and to bare SimCord in the process: answers agree."""

import re
from typing import Any

import aiohttp
import pytest

from sandbox.limits import NO_LIMITS
from sandbox.simulator import Backend, BackendError, RealClock, SeedClock, dispatch
from tests.sandbox.conftest import Running

pytestmark = pytest.mark.discord

_ID = re.compile(r"\d{17,20}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(\+00:00)?")

Step = tuple[str, str, Any]

# `<name>` stands for the id that an earlier answer gave; `name=` before a method keeps the answer's id.
STEPS: list[tuple[str, Step]] = [
    ("", ("GET", "/guilds/<guild>", None)),
    ("", ("GET", "/guilds/<guild>/channels", None)),
    ("message", ("POST", "/channels/<channel>/messages", {"content": "one"})),
    ("", ("GET", "/channels/<channel>/messages/<message>", None)),
    ("", ("PATCH", "/channels/<channel>/messages/<message>", {"content": "two"})),
    ("", ("PUT", "/channels/<channel>/messages/<message>/reactions/%F0%9F%8E%AD/@me", None)),
    ("", ("GET", "/channels/<channel>/messages?limit=5", None)),
    ("", ("PUT", "/channels/<channel>/messages/pins/<message>", None)),
    ("thread", ("POST", "/channels/<channel>/messages/<message>/threads", {"name": "A scene"})),
    (
        "",
        (
            "POST",
            "/channels/<thread>/messages",
            {"content": "inside", "embeds": [{"type": "rich", "title": "T"}]},
        ),
    ),
    ("", ("GET", "/channels/<thread>", None)),
    ("dm", ("POST", "/users/@me/channels", {"recipient_id": "<owner>"})),
    ("", ("POST", "/channels/<dm>/messages", {"content": "psst"})),
    ("", ("GET", "/users/<owner>", None)),
    ("", ("GET", "/guilds/<guild>/members/<owner>", None)),
    ("", ("GET", "/channels/<channel>/messages/5", None)),
    ("", ("PATCH", "/channels/<channel>/messages/<message>", {"embeds": [{"title": "x" * 257}]})),
    ("", ("POST", "/channels/5/messages", {"content": "nowhere"})),
    ("", ("POST", "/channels/<channel>/typing", None)),
    ("", ("DELETE", "/channels/<channel>/messages/<message>", None)),
    ("", ("DELETE", "/channels/<channel>/messages/<message>", None)),
]


def bare() -> tuple[Backend, dict[str, str]]:
    backend = Backend(clock=SeedClock())
    backend.bot_user.name = "Troupe"
    owner = backend.make_user("ada", global_name="Ada")
    bjorn = backend.make_user("bjorn", global_name="Björn")
    guild = backend.create_guild("Troupe", owner_id=owner.id)
    backend.add_member(guild.id, bjorn.id)
    channels = [backend.create_channel(guild.id, name) for name in ("stage", "backstage")]
    backend.clock = RealClock()
    return backend, {"guild": str(guild.id), "channel": str(channels[0].id), "owner": str(owner.id)}


def fill(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"<(\w+)>", lambda match: names[match[1]], value)
    return {key: fill(item, names) for key, item in value.items()} if isinstance(value, dict) else value


def plain(value: Any, seen: dict[str, str]) -> Any:
    """Replace ids and times by their order of appearance, and drop a nonce that is not there."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key != "nonce" or item is not None}
        return {key: plain(item, seen) for key, item in kept.items()}
    if isinstance(value, list):
        return [plain(item, seen) for item in value]
    if isinstance(value, str) and _ID.fullmatch(value):
        return seen.setdefault(value, f"id{len(seen)}")
    return _TIME.sub("time", value) if isinstance(value, str) else value


def ask_bare(backend: Backend, method: str, path: str, body: Any) -> tuple[int, Any]:
    path, _, query = path.partition("?")
    params = dict(pair.split("=") for pair in query.split("&") if pair)
    try:
        answer = dispatch(backend, method, path, json=body, params=params)
    except BackendError as error:
        return error.status, error.to_json()
    return (204, None) if answer is None else (200, answer)


async def test_the_sandbox_answers_as_bare_simcord_does(sandbox: Running) -> None:
    sandbox.box.limiter.limits = NO_LIMITS
    backend, names = bare()
    ours, theirs = dict(names), dict(names)
    ours_seen: dict[str, str] = {}
    theirs_seen: dict[str, str] = {}
    headers = {"Authorization": f"Bot {sandbox.address.token}"}
    async with aiohttp.ClientSession(sandbox.address.api + "/", headers=headers) as session:
        for keep, (method, path, body) in STEPS:
            route = fill(path, ours).removeprefix("/")
            async with session.request(method, route, json=fill(body, ours)) as answer:
                told = await answer.json() if answer.status != 204 else None
            status, expected = ask_bare(backend, method, fill(path, theirs), fill(body, theirs))
            assert (path, 200 if answer.status == 201 else answer.status) == (path, status)
            assert plain(told, ours_seen) == plain(expected, theirs_seen)
            if keep:
                ours[keep], theirs[keep] = told["id"], expected["id"]
