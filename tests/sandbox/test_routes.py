import io
from typing import Any

import aiohttp
import discord
import pytest
from PIL import Image

from sandbox.simulator import InteractionType
from tests.sandbox.conftest import Running, collect

pytestmark = pytest.mark.discord


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4), "gold").save(out, "PNG")
    return out.getvalue()


async def test_the_bot_changes_its_name_and_face(sandbox: Running, client: discord.Client) -> None:
    assert client.user is not None
    await client.user.edit(username="Company", avatar=picture())
    assert sandbox.world.user_payload(sandbox.world.bot_id)["username"] == "Company"
    key = f"avatars/{client.user.id}/{sandbox.world.state.bot_user.avatar}.png"
    async with aiohttp.ClientSession() as session, session.get(f"{sandbox.address.url}/cdn/{key}") as answer:
        assert await answer.read() == picture()


async def test_the_application_belongs_to_the_first_person(sandbox: Running, client: discord.Client) -> None:
    assert (await client.application_info()).owner.id == sandbox.world.owner_id


async def test_webhooks_are_listed_fetched_moved_and_deleted(
    sandbox: Running, client: discord.Client
) -> None:
    guild = client.get_guild(sandbox.world.guild_id)
    stage, backstage = guild.text_channels
    webhook = await stage.create_webhook(name="One", avatar=picture())
    assert [found.id for found in await stage.webhooks()] == [webhook.id]
    assert [found.id for found in await guild.webhooks()] == [webhook.id]
    partial = discord.Webhook.partial(webhook.id, webhook.token, client=client)
    assert (await partial.fetch(prefer_auth=False)).name == "One"
    await (await client.fetch_webhook(webhook.id)).edit(channel=backstage, avatar=None)
    assert [found.avatar for found in await backstage.webhooks()] == [None]
    renamed = await partial.edit(name="Two", prefer_auth=False)
    assert renamed.name == "Two"
    message = await partial.send("here", wait=True)
    assert (await partial.fetch_message(message.id)).content == "here"
    await partial.delete(prefer_auth=False)
    assert await guild.webhooks() == []


async def test_a_webhook_touches_only_its_own_messages(sandbox: Running, client: discord.Client) -> None:
    channel = client.get_channel(sandbox.stage)
    one, two = [await channel.create_webhook(name=name) for name in ("One", "Two")]
    message = await one.send("mine", wait=True)
    with pytest.raises(discord.NotFound) as error:
        await two.edit_message(message.id, content="stolen")
    assert error.value.code == 10008


async def test_a_webhook_cannot_live_in_a_thread(sandbox: Running, client: discord.Client) -> None:
    thread = sandbox.ada().start_thread(sandbox.stage, "A scene")
    with pytest.raises(discord.HTTPException) as error:
        await client.http.create_webhook(int(thread["id"]), name="No")
    assert error.value.code == 50024


@pytest.mark.parametrize("avatar_url", ["ftp://example.org/a.png", "https://example.org/" + "x" * 2048])
async def test_avatar_addresses_that_discord_refuses(
    sandbox: Running, client: discord.Client, avatar_url: str
) -> None:
    sandbox.box.rest.observers.clear()  # the long one is against Discord's file on purpose
    webhook = await client.get_channel(sandbox.stage).create_webhook(name="Faced")
    with pytest.raises(discord.HTTPException) as error:
        await webhook.send("hi", avatar_url=avatar_url, wait=True)
    assert error.value.code == 50035


async def test_a_nonce_of_more_than_25_characters_is_refused(
    sandbox: Running, client: discord.Client
) -> None:
    sandbox.box.rest.observers.clear()  # against Discord's file on purpose
    with pytest.raises(discord.HTTPException) as error:
        await client.get_channel(sandbox.stage).send("hi", nonce="x" * 26)
    assert error.value.code == 50035


async def test_files_that_do_not_exist_are_not_found(sandbox: Running, client: discord.Client) -> None:
    webhook = await client.get_channel(sandbox.stage).create_webhook(name="Faced")
    message = await webhook.send("hi", avatar_url="http://127.0.0.1:1/no.png", wait=True)
    keys = ("attachments/1/2/3.txt", f"avatars/{webhook.id}/{message.author.avatar.key}.png")
    async with aiohttp.ClientSession() as session:
        for key in keys:
            async with session.get(f"{sandbox.address.url}/cdn/{key}") as answer:
                assert answer.status == 404


async def test_requests_above_25_mebibytes_are_refused(sandbox: Running) -> None:
    url = f"{sandbox.address.api}/channels/{sandbox.stage}/messages"
    headers = {"Authorization": f"Bot {sandbox.address.token}"}
    body = io.BytesIO(bytes(26 * 1024 * 1024))
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, data=body) as answer:
        assert (answer.status, (await answer.json())["code"]) == (413, 40005)


async def test_eleven_files_are_refused(sandbox: Running) -> None:
    url = f"{sandbox.address.api}/channels/{sandbox.stage}/messages"
    form = aiohttp.FormData()
    for number in range(11):
        form.add_field(f"files[{number}]", b"x", filename=f"{number}.txt")
    headers = {"Authorization": f"Bot {sandbox.address.token}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, data=form) as answer:
        assert (await answer.json())["errors"]["attachments"]


async def test_bulk_deletion_is_in_the_ledger(sandbox: Running, client: discord.Client) -> None:
    for number in range(2):
        sandbox.ada().send(sandbox.stage, str(number))
    channel = client.get_channel(sandbox.stage)
    await channel.delete_messages([message async for message in channel.history()])
    assert [entry.action for entry in sandbox.box.ledger.entries] == ["post", "post", "delete", "delete"]


async def answer_raw(sandbox: Running, kind: InteractionType, body: dict[str, Any]) -> dict[str, Any]:
    world = sandbox.world
    record = world.state.new_interaction(int(kind), sandbox.stage, world.owner_id, world.guild_id)
    url = f"{sandbox.address.api}/interactions/{record.id}/{record.token}/callback?with_response=true"
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        told: dict[str, Any] = await answer.json()
    return told


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE, {"type": 4, "data": {"content": "no"}}),
        (InteractionType.APPLICATION_COMMAND, {"type": 8, "data": {"choices": []}}),
        (InteractionType.APPLICATION_COMMAND, {"type": 7, "data": {"content": "nothing to update"}}),
        (
            InteractionType.MODAL_SUBMIT,
            {"type": 9, "data": {"custom_id": "x", "title": "x", "components": []}},
        ),
        (
            InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE,
            {"type": 8, "data": {"choices": [{"name": str(n), "value": str(n)} for n in range(26)]}},
        ),
    ],
)
async def test_answers_that_do_not_fit_the_interaction_are_refused(
    sandbox: Running, kind: InteractionType, body: dict[str, Any]
) -> None:
    sandbox.box.rest.observers.clear()  # wrong on purpose
    assert (await answer_raw(sandbox, kind, body))["code"] == 50035


async def test_a_follow_up_before_the_answer_finds_no_webhook(
    sandbox: Running, client: discord.Client
) -> None:
    world = sandbox.world
    record = world.state.new_interaction(2, sandbox.stage, world.owner_id, world.guild_id)
    early = discord.Webhook.partial(world.application_id, record.token, client=client)
    with pytest.raises(discord.NotFound) as error:
        await early.send("too soon", wait=True)
    assert error.value.code == 10015


async def test_a_forwarded_message_is_heard_with_its_text(sandbox: Running, client: discord.Client) -> None:
    heard = collect(client, "message")
    first = await client.get_channel(sandbox.stage).send("original")
    await heard()
    forwarded = await first.forward(client.get_channel(sandbox.world.channel("backstage")))
    assert forwarded.reference.message_id == first.id
    assert (await heard()).message_snapshots[0].content == "original"
