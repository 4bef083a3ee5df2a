from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.operators import Health, OperatorServer, control_token
from config.errors import TroupeError
from supervision.tree import Node

pytestmark = pytest.mark.service


@pytest.fixture
def parts() -> list[Health]:
    return [Health("storage", ok=True)]


@pytest.fixture
async def url(parts: list[Health]) -> AsyncIterator[str]:
    async def face(name: str) -> bytes | None:
        return b"png" if name == "known" else None

    async def switch(choice: str) -> str:
        if choice == "bad":
            raise TroupeError("no such model")
        return f"now {choice}"

    server = OperatorServer(lambda: parts, face, switch, lambda: Node(name="troupe"), "secret")
    yield await server.start("127.0.0.1:0")
    await server.stop()


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def switch(url: str, token: str, body: bytes) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{url}/control/model", data=body) as answer,
    ):
        return answer.status, await answer.text()


async def test_a_live_process_is_healthy(url: str) -> None:
    assert await get(f"{url}/healthz") == (200, "ok\n")


async def test_it_is_ready_when_every_part_is(url: str) -> None:
    assert (await get(f"{url}/readyz"))[0] == 200


async def test_it_is_not_ready_while_a_part_is_not(url: str, parts: list[Health]) -> None:
    parts.append(Health("discord", ok=False, detail="connecting"))

    status, body = await get(f"{url}/readyz")

    assert (status, "connecting" in body) == (503, True)


async def test_metrics_are_served(url: str) -> None:
    assert "troupe_turns" in (await get(f"{url}/metrics"))[1]


async def test_a_known_face_is_served(url: str) -> None:
    assert await get(f"{url}/faces/known.png") == (200, "png")


async def test_an_unknown_face_is_not_found(url: str) -> None:
    assert (await get(f"{url}/faces/other.png"))[0] == 404


async def test_the_model_is_switched_with_the_token(url: str) -> None:
    assert await switch(url, "secret", b'{"choice":"embedded"}') == (200, "now embedded")


async def test_without_the_token_nothing_is_switched(url: str) -> None:
    assert (await switch(url, "guess", b'{"choice":"embedded"}'))[0] == 403


async def test_without_the_token_nobody_sees_the_tree(url: str) -> None:
    assert (await get(f"{url}/control/tree"))[0] == 403


async def test_a_model_that_does_not_exist_is_a_conflict(url: str) -> None:
    assert await switch(url, "secret", b'{"choice":"bad"}') == (409, "no such model")


async def test_a_malformed_wish_is_refused(url: str) -> None:
    assert (await switch(url, "secret", b"{"))[0] == 400


async def test_an_address_in_use_names_the_setting(url: str) -> None:
    taken = url.removeprefix("http://")

    with pytest.raises(TroupeError, match="TROUPE_HTTP"):
        await OperatorServer(list, None, None, None, "").start(taken)  # type: ignore[arg-type] # never called


def test_the_control_token_is_private_and_stays(tmp_path: Path) -> None:
    token = control_token(tmp_path)

    assert control_token(tmp_path) == token
    assert (tmp_path / "control.token").stat().st_mode & 0o077 == 0
