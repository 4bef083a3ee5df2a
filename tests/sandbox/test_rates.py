import asyncio
import time

import aiohttp
import discord
import pytest

from sandbox.faults import Fault, RestKind
from sandbox.limits import Limits, Rate
from tests.sandbox.conftest import Running

pytestmark = pytest.mark.discord


def statuses(sandbox: Running, route: str) -> list[int]:
    return [r.status for r in sandbox.box.ledger.requests if r.route == route]


EDIT = "PATCH /webhooks/{id}/{token}/messages/{id}"
POST = "POST /channels/{id}/messages"


async def test_twelve_edits_wait_for_the_headers_and_meet_no_429(
    sandbox: Running, client: discord.Client
) -> None:
    sandbox.box.limiter.limits = Limits(webhook_edit=Rate(5, 0.4))
    webhook = await client.get_channel(sandbox.stage).create_webhook(name="Company")
    message = await webhook.send("0", wait=True)
    began = time.monotonic()
    for number in range(12):
        await message.edit(content=str(number + 1))
    assert statuses(sandbox, EDIT) == [200] * 12
    assert 0.8 <= time.monotonic() - began < 2.0


async def test_a_burst_of_posts_is_spaced_by_a_stock_client(sandbox: Running, client: discord.Client) -> None:
    sandbox.box.limiter.limits = Limits(message_create=Rate(5, 0.3))
    channel = client.get_channel(sandbox.stage)
    await asyncio.gather(*(channel.send(str(number)) for number in range(12)))
    assert statuses(sandbox, POST).count(200) == 12
    assert len(sandbox.box.ledger.posts()) == 12


async def test_a_hidden_limit_is_met_and_waited_out(sandbox: Running, client: discord.Client) -> None:
    sandbox.box.limiter.limits = Limits(hidden_webhook_channel=Rate(2, 0.3), webhook_execute=Rate(100, 1.0))
    webhook = await client.get_channel(sandbox.stage).create_webhook(name="Company")
    for number in range(3):
        await webhook.send(str(number), wait=True)
    refused = [r.scope for r in sandbox.box.ledger.requests if r.status == 429]
    assert refused == ["shared"]
    assert [post.content for post in sandbox.box.ledger.posts()] == ["0", "1", "2"]


async def test_the_global_limit_says_so(sandbox: Running) -> None:
    sandbox.box.limiter.limits = Limits(global_=Rate(1, 30.0))
    headers = {"Authorization": f"Bot {sandbox.address.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{sandbox.address.api}/users/@me") as first:
            assert first.status == 200
        async with session.get(f"{sandbox.address.api}/users/@me") as second:
            body = await second.json()
    assert (second.status, body["global"], second.headers["X-RateLimit-Scope"]) == (429, True, "global")
    assert "Via" in second.headers
    assert second.headers["Content-Type"] == "application/json"
    assert 29 < body["retry_after"] <= 30.001


async def test_without_authorisation_nothing_is_told(sandbox: Running) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{sandbox.address.api}/users/@me") as answer:
            assert (answer.status, await answer.json()) == (401, {"code": 0, "message": "401: Unauthorized"})
        async with session.get(f"{sandbox.address.url}/api/gateway") as answer:
            assert (await answer.json())["url"] == sandbox.address.gateway


async def test_a_body_that_is_no_json_is_refused(sandbox: Running) -> None:
    url = f"{sandbox.address.api}/channels/{sandbox.stage}/messages"
    headers = {"Authorization": f"Bot {sandbox.address.token}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession() as session, session.post(url, data=b"{", headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, 50109)


@pytest.mark.usefixtures("sandbox")
async def test_a_bad_snowflake_is_a_bad_form(client: discord.Client) -> None:
    with pytest.raises(discord.HTTPException) as error:
        await client.http.get_channel("abc")
    assert error.value.code == 50035


async def send(client: discord.Client, channel: int) -> discord.Message:
    return await client.get_channel(channel).send("said")


@pytest.mark.parametrize("kind", ["rate_bucket", "rate_hidden", "rate_global", "rate_shared"])
async def test_a_429_by_script_is_waited_out(
    sandbox: Running, client: discord.Client, kind: RestKind
) -> None:
    sandbox.box.faults.add(Fault(kind=kind, path="/channels/*/messages", seconds=0.1))
    began = time.monotonic()
    await send(client, sandbox.stage)
    assert statuses(sandbox, POST) == [429, 200]
    assert time.monotonic() - began >= 0.1


async def test_a_429_without_via_is_a_ban_that_a_stock_client_does_not_wait_out(
    sandbox: Running, client: discord.Client
) -> None:
    sandbox.box.faults.add(Fault(kind="cloudflare", path="/channels/*/messages"))
    with pytest.raises(discord.HTTPException) as error:
        await send(client, sandbox.stage)
    assert error.value.status == 429


@pytest.mark.parametrize(("kind", "posted"), [("status", 0), ("status_after", 1)])
async def test_a_server_error_comes_before_or_after_the_deed(
    sandbox: Running, client: discord.Client, kind: RestKind, posted: int
) -> None:
    sandbox.box.faults.add(Fault(kind=kind, status=503, path="/channels/*/messages"))
    with pytest.raises(discord.DiscordServerError):
        await send(client, sandbox.stage)
    assert len(sandbox.box.ledger.posts()) == posted


async def test_a_stock_webhook_doubles_a_post_whose_502_came_after_the_deed(
    sandbox: Running, client: discord.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = await client.get_channel(sandbox.stage).create_webhook(name="Company")
    monkeypatch.setattr("discord.webhook.async_.asyncio.sleep", immediately)
    sandbox.box.faults.add(Fault(kind="status_after", status=502, path="/webhooks/*"))
    await webhook.send("one?", wait=True)
    assert [post.content for post in sandbox.box.ledger.posts()] == ["one?", "one?"]


async def immediately(_seconds: float) -> None:
    return


@pytest.mark.parametrize(
    ("kind", "posted"), [("reset", 0), ("reset_after", 1), ("hang", 0), ("hang_after", 1)]
)
async def test_a_broken_connection_surfaces_at_once(
    sandbox: Running, client: discord.Client, kind: RestKind, posted: int
) -> None:
    sandbox.box.faults.add(Fault(kind=kind, path="/channels/*/messages", seconds=0.05))
    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await send(client, sandbox.stage)
    assert len(sandbox.box.ledger.posts()) == posted
    assert (await send(client, sandbox.stage)).content == "said"


@pytest.mark.parametrize("kind", ["slow", "slow_body"])
async def test_slow_answers_arrive(sandbox: Running, client: discord.Client, kind: RestKind) -> None:
    sandbox.box.faults.add(Fault(kind=kind, path="/channels/*/messages", seconds=0.1))
    began = time.monotonic()
    assert (await send(client, sandbox.stage)).content == "said"
    assert time.monotonic() - began >= 0.1


async def test_the_ledger_knows_which_requests_the_script_struck(
    sandbox: Running, client: discord.Client
) -> None:
    sandbox.box.faults.add(Fault(kind="status", status=502, path="/channels/*/messages"))
    await send(client, sandbox.stage)
    assert [r.fault for r in sandbox.box.ledger.requests if r.route == POST] == ["status", ""]


async def test_what_simcord_lacks_fails_loudly(sandbox: Running, client: discord.Client) -> None:
    sandbox.box.rest.observers.clear()
    with pytest.raises(discord.HTTPException) as error:
        await client.http.request(discord.http.Route("GET", "/no/such/route"))
    assert "lacks this" in str(error.value)
    assert len(sandbox.world.gaps) == 1
    sandbox.world.gaps.clear()


async def test_a_fault_of_the_sandbox_itself_fails_loudly(
    sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.box.rest.observers.clear()  # Discord's file knows no 500

    def broken(_inquiry: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(sandbox.box.rest.routes, "answer", broken)
    async with aiohttp.ClientSession() as session, session.get(f"{sandbox.address.api}/gateway") as answer:
        assert answer.status == 500
    assert sandbox.world.gaps == ["GET /gateway: RuntimeError('broken')"]
    sandbox.world.gaps.clear()
