"""What a tab and the server say to each other, without a browser."""

import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.page.tab import QUEUE, RESUMABLE
from sandbox.state import ATTACHMENT_LIMIT
from tests.sandbox_page.conftest import House

pytestmark = pytest.mark.discord

BAD_REQUEST, FORBIDDEN, NOT_FOUND, TOO_LARGE = 400, 403, 404, 413


class Wire:
    """A tab that is only a socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []
        self._next = 0

    async def hear(self, kind: str) -> dict[str, Any]:
        """Wait for an event of a kind."""
        while True:
            event: dict[str, Any] = await self.socket.receive_json(timeout=5)
            self.heard.append(event)
            if event["t"] == kind:
                return event

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Send a request and wait for its reply."""
        self._next += 1
        await self.socket.send_json({"op": op, "id": self._next, **fields})
        return await self.hear("reply")


@pytest.fixture
async def session(house: House) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(house.address.url, headers={"Origin": house.address.url}) as opened:
        yield opened


@pytest.fixture
async def tab(session: aiohttp.ClientSession) -> AsyncIterator[Wire]:
    async with session.ws_connect("/ws", max_msg_size=0) as socket:
        yield Wire(socket)


async def test_a_new_tab_gets_a_snapshot_of_what_its_person_sees(house: House, tab: Wire) -> None:
    house.speak_as("Wren", "I was here")
    await tab.ask("hello")
    snapshot = tab.heard[0]
    assert snapshot["me"]["global_name"] == "Ada"
    assert [channel["name"] for channel in snapshot["channels"]] == ["stage", "backstage"]
    assert [character["name"] for character in snapshot["characters"]] == ["Wren"]


async def test_a_tab_that_comes_back_is_told_what_it_missed(
    house: House, session: aiohttp.ClientSession, tab: Wire
) -> None:
    await tab.ask("hello")
    snapshot = tab.heard[0]
    await tab.socket.close()
    house.speak_as("Wren", "Meanwhile")
    async with session.ws_connect("/ws") as socket:
        again = Wire(socket)
        await again.ask("hello", epoch=snapshot["epoch"], last_seq=snapshot["seq"])
    assert [event["t"] for event in again.heard] == ["message_create", "resumed", "reply"]


async def test_a_tab_that_missed_very_much_gets_a_snapshot(
    house: House, session: aiohttp.ClientSession, tab: Wire
) -> None:
    await tab.ask("hello")
    snapshot = tab.heard[0]
    await tab.socket.close()
    ids = house.speak_as("Wren", "Meanwhile")
    for number in range(RESUMABLE + 1):
        house.edit(ids, str(number))
    async with session.ws_connect("/ws") as socket:
        again = Wire(socket)
        await again.ask("hello", epoch=snapshot["epoch"], last_seq=snapshot["seq"])
    assert [event["t"] for event in again.heard] == ["snapshot", "reply"]


async def test_a_tab_that_falls_far_behind_is_closed(house: House, tab: Wire) -> None:
    await tab.ask("hello")
    ids = house.speak_as("Wren", "A flood")
    for number in range(QUEUE + 1):
        house.edit(ids, str(number))
    async for _ in tab.socket:
        pass
    assert tab.socket.close_code == aiohttp.WSCloseCode.TRY_AGAIN_LATER


async def test_a_request_that_cannot_be_read_changes_nothing(house: House, tab: Wire) -> None:
    await tab.socket.send_str("{")
    await tab.socket.send_str(json.dumps({"op": "send", "id": 1, "channel_id": "no", "content": "x"}))
    await tab.ask("hello")
    assert house.world.messages(house.stage) == []


async def test_a_refusal_is_a_sentence(house: House, tab: Wire) -> None:
    await tab.ask("hello")
    reply = await tab.ask("send", channel_id=str(house.stage), content=" ")
    assert reply["error"] == "An empty message cannot be sent."


async def test_nobody_becomes_the_bot(house: House, tab: Wire) -> None:
    await tab.ask("hello", user_id=str(house.world.bot_id))
    assert tab.heard[0]["me"]["global_name"] == "Ada"
    reply = await tab.ask("become", user_id=str(house.world.bot_id))
    assert reply["error"] == "There is no such person."


async def test_history_of_a_hidden_channel_is_empty(house: House, tab: Wire) -> None:
    direct = house.person(1).open_dm()
    house.person(1).send(int(direct["id"]), "secret")
    await tab.ask("hello")
    assert (await tab.ask("history", channel_id=direct["id"]))["data"] == []
    assert (await tab.ask("commands", channel_id=direct["id"]))["data"] == []


async def test_a_failure_inside_is_answered_and_the_tab_goes_on(house: House, tab: Wire) -> None:
    await tab.ask("hello")
    house.world.state.channels[house.stage].guild_id = 1
    reply = await tab.ask("open_dm")
    assert reply["error"] is None
    reply = await tab.ask("typing", channel_id=str(house.stage))
    assert reply["error"]


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/js", "/static/none.js"]
)
async def test_only_the_pages_own_files_are_served(session: aiohttp.ClientSession, path: str) -> None:
    async with session.get(path) as response:
        assert response.status == NOT_FOUND


async def test_another_site_may_not_open_a_socket(session: aiohttp.ClientSession) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await session.ws_connect("/ws", headers={"Origin": "https://example.org"})
    assert refused.value.status == FORBIDDEN


async def test_a_file_larger_than_discord_takes_is_refused(session: aiohttp.ClientSession) -> None:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(b"0" * (ATTACHMENT_LIMIT + 1)), filename="big")
    async with session.post("/upload", data=form) as response:
        assert response.status == TOO_LARGE


async def test_an_upload_without_a_file_is_refused(session: aiohttp.ClientSession) -> None:
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field("note", "no file")
    async with session.post("/upload", data=form) as response:
        assert response.status == BAD_REQUEST
