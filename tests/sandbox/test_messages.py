import io

import discord
import pytest

from tests.sandbox.conftest import Running, collect

pytestmark = pytest.mark.discord


async def test_a_person_is_heard_with_name_guild_and_text(sandbox: Running, client: discord.Client) -> None:
    heard = collect(client, "message")
    sandbox.ada().send(sandbox.stage, "Hello, everyone")
    message = await heard()
    assert (message.author.display_name, message.content) == ("Ada", "Hello, everyone")
    assert message.guild.owner_id == sandbox.world.owner_id


async def test_a_long_text_of_a_person_arrives_whole(sandbox: Running, client: discord.Client) -> None:
    heard = collect(client, "message")
    sandbox.ada().send(sandbox.stage, "x" * 4000)
    assert len((await heard()).content) == 4000


async def test_a_reply_names_the_message_it_answers(sandbox: Running, client: discord.Client) -> None:
    heard = collect(client, "message")
    first = sandbox.ada().send(sandbox.stage, "one")
    await heard()
    sandbox.bjorn().send(sandbox.stage, "two", reply_to=int(first["id"]))
    message = await heard()
    assert message.reference.message_id == int(first["id"])
    assert message.reference.resolved.content == "one"


async def test_the_bot_sends_edits_reacts_and_deletes(sandbox: Running, client: discord.Client) -> None:
    channel = client.get_channel(sandbox.stage)
    message = await channel.send("draft")
    await message.edit(content="final")
    await message.add_reaction("🎭")
    fetched = await channel.fetch_message(message.id)
    assert fetched.content == "final"
    assert fetched.edited_at is not None
    assert [(r.emoji, r.count, r.me) for r in fetched.reactions] == [("🎭", 1, True)]
    await message.delete()
    with pytest.raises(discord.NotFound) as error:
        await channel.fetch_message(message.id)
    assert error.value.code == 10008


async def test_a_repeated_nonce_returns_the_same_message(sandbox: Running, client: discord.Client) -> None:
    channel = client.get_channel(sandbox.stage)
    first = await channel.send("once", nonce="turn-7")
    again = await channel.send("twice", nonce="turn-7")
    assert again.id == first.id
    assert again.content == "once"
    assert first.nonce == "turn-7"
    assert len(sandbox.box.ledger.posts()) == 1


async def test_an_empty_message_is_refused_as_50006(sandbox: Running, client: discord.Client) -> None:
    with pytest.raises(discord.HTTPException) as error:
        await client.get_channel(sandbox.stage).send("")
    assert (error.value.status, error.value.code) == (400, 50006)


async def test_more_than_2000_characters_are_refused(sandbox: Running, client: discord.Client) -> None:
    with pytest.raises(discord.HTTPException) as error:
        await client.get_channel(sandbox.stage).send("x" * 2001)
    assert error.value.code == 50035
    assert "content" in str(error.value)


async def test_files_are_served_back_by_their_address(sandbox: Running, client: discord.Client) -> None:
    channel = client.get_channel(sandbox.stage)
    file = discord.File(io.BytesIO(b"to be or not"), "a play.txt", description="a line")
    message = await channel.send("look", file=file)
    attachment = message.attachments[0]
    assert (attachment.filename, attachment.size, attachment.description) == ("a_play.txt", 12, "a line")
    assert await attachment.read() == b"to be or not"


async def test_an_embed_shows_a_file_sent_with_it(sandbox: Running, client: discord.Client) -> None:
    embed = discord.Embed(title="Face").set_image(url="attachment://face.png")
    message = await client.get_channel(sandbox.stage).send(
        embed=embed, file=discord.File(io.BytesIO(b"png"), "face.png")
    )
    assert message.embeds[0].image.url == message.attachments[0].url


async def test_files_above_ten_mebibytes_are_refused(sandbox: Running, client: discord.Client) -> None:
    big = discord.File(io.BytesIO(bytes(10 * 1024 * 1024 + 1)), "big.bin")
    with pytest.raises(discord.HTTPException) as error:
        await client.get_channel(sandbox.stage).send(file=big)
    assert (error.value.status, error.value.code) == (413, 40005)


async def test_history_after_an_id_is_complete_and_in_order(sandbox: Running, client: discord.Client) -> None:
    first = sandbox.ada().send(sandbox.stage, "0")
    for number in range(1, 5):
        sandbox.ada().send(sandbox.stage, str(number))
    after = discord.Object(int(first["id"]))
    history = client.get_channel(sandbox.stage).history(after=after, oldest_first=True)
    found = [message.content async for message in history]
    assert found == ["1", "2", "3", "4"]


async def test_direct_messages_go_both_ways(sandbox: Running, client: discord.Client) -> None:
    heard = collect(client, "message")
    dm = sandbox.bjorn().open_dm()
    sandbox.bjorn().send(int(dm["id"]), "psst")
    message = await heard()
    assert message.guild is None
    answer = await message.channel.send("yes?")
    user = await client.fetch_user(sandbox.bjorn().id)
    assert answer.channel.id == (await user.create_dm()).id


async def test_a_person_may_refuse_direct_messages(sandbox: Running, client: discord.Client) -> None:
    sandbox.world.state.dms_closed.add(sandbox.bjorn().id)
    user = await client.fetch_user(sandbox.bjorn().id)
    with pytest.raises(discord.Forbidden) as error:
        await user.send("hello")
    assert error.value.code == 50007


async def test_a_thread_of_a_person_is_heard_and_answered(sandbox: Running, client: discord.Client) -> None:
    joined, heard = collect(client, "thread_create"), collect(client, "message")
    start = sandbox.ada().send(sandbox.stage, "topic")
    await heard()
    thread = sandbox.ada().start_thread(sandbox.stage, "A scene", message_id=int(start["id"]))
    seen = await joined()
    assert (seen.id, seen.parent_id, seen.name) == (int(thread["id"]), sandbox.stage, "A scene")
    answer = await seen.send("in here")
    assert answer.channel.id == seen.id


async def test_typing_is_seen_both_ways(sandbox: Running, client: discord.Client) -> None:
    typed = collect(client, "typing")
    seen: list[str] = []
    sandbox.world.subscribe(lambda event, payload: seen.append(f"{event} {payload.get('user_id')}"))
    sandbox.ada().typing(sandbox.stage)
    _, user, _ = await typed()
    assert user.id == sandbox.ada().id
    await client.get_channel(sandbox.stage).typing()
    assert f"TYPING_START {sandbox.world.bot_id}" in seen
