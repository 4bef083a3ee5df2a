import io

import discord
import pytest
from aiohttp import ClientSession, web
from PIL import Image

from sandbox.assets import avatar_key
from tests.sandbox.conftest import Running, collect

pytestmark = pytest.mark.discord


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 6), "teal").save(out, "PNG")
    return out.getvalue()


async def persona(sandbox: Running, client: discord.Client, name: str = "Company") -> discord.Webhook:
    return await client.get_channel(sandbox.stage).create_webhook(name=name)


async def test_a_post_shows_its_own_name_and_face(sandbox: Running, client: discord.Client) -> None:
    heard = collect(client, "message")
    webhook = await persona(sandbox, client)
    sent = await webhook.send("I speak", username="Kay", avatar_url="https://example.org/kay.png", wait=True)
    message = await heard()
    assert (message.id, message.author.name, message.author.id) == (sent.id, "Kay", webhook.id)
    assert message.webhook_id == webhook.id
    assert message.author.avatar is not None


async def test_without_wait_nothing_comes_back_and_the_message_stands(
    sandbox: Running, client: discord.Client
) -> None:
    webhook = await persona(sandbox, client)
    assert await webhook.send("quietly") is None
    assert [post.content for post in sandbox.box.ledger.posts()] == ["quietly"]


async def test_edits_and_deletion_are_heard(sandbox: Running, client: discord.Client) -> None:
    edited, deleted = collect(client, "raw_message_edit"), collect(client, "raw_message_delete")
    webhook = await persona(sandbox, client)
    message = await webhook.send("grow", username="Kay", wait=True)
    await message.edit(content="growing")
    event = await edited()
    assert (event.data["content"], event.data["author"]["username"]) == ("growing", "Kay")
    await message.delete()
    assert (await deleted()).message_id == message.id


async def test_a_message_keeps_its_name_when_the_webhook_changes(
    sandbox: Running, client: discord.Client
) -> None:
    webhook = await persona(sandbox, client, "Before")
    message = await webhook.send("who am I", wait=True)
    await webhook.edit(name="After")
    fetched = await client.get_channel(sandbox.stage).fetch_message(message.id)
    assert fetched.author.name == "Before"
    assert (await client.fetch_webhook(webhook.id)).name == "After"


async def test_an_avatar_given_as_a_file_is_served_back(sandbox: Running, client: discord.Client) -> None:
    channel = client.get_channel(sandbox.stage)
    webhook = await channel.create_webhook(name="Faced", avatar=picture())
    key = avatar_key(webhook.id, webhook.avatar.key)
    async with ClientSession() as session, session.get(f"{sandbox.address.url}/cdn/{key}") as answer:
        assert (answer.status, answer.content_type) == (200, "image/png")
        assert await answer.read() == picture()


async def test_an_avatar_given_as_an_address_is_fetched_and_served(
    sandbox: Running, client: discord.Client
) -> None:
    async def face(_request: web.Request) -> web.Response:
        return web.Response(body=picture(), content_type="image/png")

    app = web.Application()
    app.router.add_get("/face.png", face)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/face.png"
    webhook = await persona(sandbox, client)
    message = await webhook.send("look at me", avatar_url=url, wait=True)
    key = avatar_key(webhook.id, message.author.avatar.key)
    async with ClientSession() as session, session.get(f"{sandbox.address.url}/cdn/{key}") as answer:
        served = await answer.read()
    await runner.cleanup()
    assert served == picture()


async def test_posts_and_edits_reach_a_thread(sandbox: Running, client: discord.Client) -> None:
    webhook = await persona(sandbox, client)
    thread = sandbox.ada().start_thread(sandbox.stage, "A scene")
    target = discord.Object(int(thread["id"]))
    message = await webhook.send("in the thread", wait=True, thread=target)
    await webhook.edit_message(message.id, content="still there", thread=target)
    entries = sandbox.box.ledger.of_message(message.id)
    assert [(entry.channel_id, entry.content) for entry in entries] == [
        (target.id, "in the thread"),
        (target.id, "still there"),
    ]


async def test_a_thread_of_another_channel_is_unknown(sandbox: Running, client: discord.Client) -> None:
    webhook = await persona(sandbox, client)
    thread = sandbox.ada().start_thread(sandbox.world.channel("backstage"), "Elsewhere")
    with pytest.raises(discord.NotFound) as error:
        await webhook.send("lost", wait=True, thread=discord.Object(int(thread["id"])))
    assert error.value.code == 10003


@pytest.mark.parametrize("name", ["clyde the cat", "My Discord friend", "x" * 81])
async def test_names_that_discord_refuses_are_refused(
    sandbox: Running, client: discord.Client, name: str
) -> None:
    webhook = await persona(sandbox, client)
    sandbox.box.rest.observers.clear()  # the long name is against Discord's file on purpose
    with pytest.raises(discord.HTTPException) as error:
        await webhook.send("hi", username=name, wait=True)
    assert error.value.code == 50035


async def test_the_sixteenth_webhook_of_a_channel_is_refused(
    sandbox: Running, client: discord.Client
) -> None:
    for number in range(15):
        sandbox.world.state.create_webhook(sandbox.stage, f"w{number}", sandbox.world.bot_id)
    with pytest.raises(discord.HTTPException) as error:
        await persona(sandbox, client)
    assert error.value.code == 30007


async def test_a_deleted_webhook_is_unknown_and_a_wrong_token_invalid(
    sandbox: Running, client: discord.Client
) -> None:
    webhook = await persona(sandbox, client)
    stranger = discord.Webhook.partial(webhook.id, "wrong", client=client)
    with pytest.raises(discord.HTTPException) as wrong:
        await stranger.send("hi", wait=True)
    await webhook.delete()
    with pytest.raises(discord.NotFound) as gone:
        await webhook.send("hi", wait=True)
    assert (wrong.value.status, wrong.value.code, gone.value.code) == (401, 50027, 10015)


async def test_files_of_a_webhook_can_be_replaced(sandbox: Running, client: discord.Client) -> None:
    webhook = await persona(sandbox, client)
    message = await webhook.send(file=discord.File(io.BytesIO(b"one"), "1.txt"), wait=True)
    edited = await message.edit(content="two", attachments=[discord.File(io.BytesIO(b"22"), "2.txt")])
    assert [(a.filename, a.size) for a in edited.attachments] == [("2.txt", 2)]
