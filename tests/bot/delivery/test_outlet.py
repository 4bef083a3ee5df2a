import asyncio
import itertools
import time
from dataclasses import replace
from uuid import uuid4

import discord
import msgspec
import pytest

from actors.reply.outlet import Delivery, Posted, VenueGoneError
from bot.delivery.calls import Urgency
from bot.delivery.errors import BadFormError, MessageGoneError, RequestRefusedError
from bot.delivery.outlet import DiscordOutlet
from config import metrics
from sandbox.limits import Limits, Rate
from storage.records import Venue
from storage.stores import Stores
from storage.stores.webhooks import Webhook
from tests.bot.delivery.conftest import Theatre

pytestmark = pytest.mark.discord

WORDS = [f"word{number}" for number in range(60)]
STORY = " ".join(WORDS)
POST = "/webhooks/*"
EDIT = "/webhooks/*/messages/*"


async def told(delivery: Delivery, words: list[str], seconds: float = 0.45) -> tuple[Posted, ...]:
    for count in range(1, len(words) + 1):
        delivery.show(" ".join(words[:count]))
        await asyncio.sleep(seconds / len(words))
    return await delivery.finish(" ".join(words))


async def tell(theatre: Theatre, words: list[str] = WORDS, seconds: float = 0.45) -> tuple[Posted, ...]:
    speaker = theatre.cast("Wick")
    return await told(theatre.outlet.open(theatre.turn(speaker), speaker), words, seconds)


async def test_a_reply_grows_under_the_characters_name(theatre: Theatre) -> None:
    posted = await tell(theatre, seconds=0.9)
    entries = list(theatre.box.ledger.entries)
    assert [entry.action for entry in entries] == ["post", "edit", "edit", "edit"]
    assert {entry.author for entry in entries} == {"Wick"}
    assert [message.text for message in posted] == theatre.visible() == [STORY]


async def test_mentions_in_a_reply_call_nobody(theatre: Theatre) -> None:
    bodies: list[dict[str, object]] = []
    theatre.box.rest.observers.append(lambda inquiry, *_: bodies.append(inquiry.body))
    await tell(theatre, ["@everyone", "listen", "up"])
    allowed = [body["allowed_mentions"] for body in bodies if "content" in body]
    assert allowed == [{"parse": []}] * len(allowed) != []


async def test_two_thousand_characters_and_more_go_on_below(theatre: Theatre) -> None:
    words = [f"token{number}" for number in range(700)]
    await tell(theatre, words, 0.8)
    seen = theatre.visible()
    assert (len(seen), " ".join(seen)) == (4, " ".join(words))
    assert max(map(len, seen)) <= 2000


async def test_a_thread_is_spoken_in_through_its_parents_webhook(theatre: Theatre) -> None:
    speaker = theatre.cast()
    parent = theatre.channel()
    thread = theatre.person().start_thread(parent, "A scene")
    venue = Venue(channel_id=int(thread["id"]), guild_id=1, parent_id=parent, kind="thread")
    await told(theatre.outlet.open(theatre.turn(speaker, venue), speaker), WORDS)
    assert theatre.visible(venue.channel_id)[-1] == STORY
    assert {webhook.channel_id for webhook in theatre.webhooks.kept.values()} == {parent}


# Answers that are lost.


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("status_after", {"status": 502}),
        ("status_after", {"status": 500}),
        ("reset_after", {}),
        ("hang_after", {"seconds": 0.3}),
        ("status", {"status": 503}),
        ("reset", {}),
        ("hang", {"seconds": 0.3}),
    ],
)
async def test_a_post_in_doubt_appears_exactly_once(
    theatre: Theatre, kind: str, fields: dict[str, object]
) -> None:
    theatre.fault(kind, POST, method="POST", **fields)
    posted = await tell(theatre)
    assert theatre.visible() == [STORY]
    assert [message.text for message in posted] == [STORY]


async def test_the_same_words_said_before_are_not_taken_for_a_lost_post(theatre: Theatre) -> None:
    speaker = theatre.cast()
    first, second = theatre.turn(speaker), theatre.turn(speaker)
    await theatre.outlet.open(first, speaker).finish("Good evening.")
    theatre.fault("status", POST, method="POST", status=502)
    await theatre.outlet.open(second, speaker).finish("Good evening.")
    assert theatre.visible() == ["Good evening."] * 2


async def test_a_lost_post_that_appears_late_is_removed(theatre: Theatre) -> None:
    """The look finds nothing the first times, as if Discord had carried the post out only later."""
    theatre.fault("status_after", POST, method="POST", status=502)
    real = theatre.rest.messages_after
    looks = itertools.count()

    async def late(*args: object) -> object:
        return await real(*args) if next(looks) >= 2 else []  # type: ignore[arg-type] # passed on

    theatre.rest.messages_after = late  # type: ignore[method-assign] # Discord's delay, which the sandbox lacks
    await tell(theatre)
    assert theatre.visible() == [STORY]


async def test_a_twin_that_cannot_be_sought_does_no_harm(theatre: Theatre) -> None:
    theatre.fault("status", POST, method="POST", status=502)
    theatre.fault("status", "/channels/*/messages", method="GET", status=403, after=2)
    await tell(theatre)
    assert theatre.visible() == [STORY]


async def test_a_busy_channel_is_looked_through(theatre: Theatre) -> None:
    theatre.fault("status_after", POST, method="POST", status=502)
    speaker = theatre.cast()
    turn = theatre.turn(speaker)
    for number in range(130):
        theatre.person().send(theatre.channel(), f"chatter {number}")
    await theatre.outlet.open(turn, speaker).finish("Quiet, please.")
    assert theatre.visible()[-1] == "Quiet, please."
    assert len([entry for entry in theatre.box.ledger.posts() if entry.webhook_id]) == 1


@pytest.mark.parametrize("kind", ["status", "status_after", "reset", "reset_after"])
async def test_an_edit_whose_answer_is_lost_is_sent_again(theatre: Theatre, kind: str) -> None:
    theatre.fault(kind, EDIT, method="PATCH", status=502, times=3)
    await tell(theatre)
    assert theatre.visible() == [STORY]


async def test_an_answer_that_is_not_json_counts_as_lost(theatre: Theatre) -> None:
    theatre.fault("status_after", POST, method="POST", status=200)
    await tell(theatre)
    assert theatre.visible() == [STORY]


# What vanishes.


async def test_a_webhook_deleted_between_turns_is_replaced(theatre: Theatre) -> None:
    speaker = theatre.cast()
    await told(theatre.outlet.open(theatre.turn(speaker), speaker), ["One."])
    theatre.delete_webhooks()
    await told(theatre.outlet.open(theatre.turn(speaker), speaker), ["Two."])
    assert theatre.visible() == ["One.", "Two."]


async def test_a_webhook_deleted_in_mid_stream_loses_no_word(theatre: Theatre) -> None:
    speaker = theatre.cast()
    delivery = theatre.outlet.open(theatre.turn(speaker), speaker)
    for count in range(1, 31):
        delivery.show(" ".join(WORDS[:count]))
        await asyncio.sleep(0.01)
    theatre.delete_webhooks()
    for count in range(31, 61):
        delivery.show(" ".join(WORDS[:count]))
        await asyncio.sleep(0.02)
    await delivery.finish(STORY)
    seen = theatre.visible()
    assert "".join("".join(seen).split()) == "".join(WORDS)
    assert len(seen) == 2


async def test_a_message_deleted_in_mid_stream_stays_deleted(theatre: Theatre) -> None:
    speaker = theatre.cast()
    delivery = theatre.outlet.open(theatre.turn(speaker), speaker)
    delivery.show("I think")
    await asyncio.sleep(0.1)
    theatre.delete_messages()
    delivery.show("I think that")
    await asyncio.sleep(0.6)
    assert (await delivery.finish("I think that you should not read this."), theatre.visible()) == ((), [])
    assert theatre.deliveries.steps()[-1] == "gone"


async def test_a_channel_deleted_in_mid_stream_ends_the_turn(theatre: Theatre) -> None:
    speaker = theatre.cast()
    delivery = theatre.outlet.open(theatre.turn(speaker), speaker)
    delivery.show("I think")
    await asyncio.sleep(0.1)
    theatre.box.world.state.delete_channel(theatre.channel())
    delivery.show("I think that")
    with pytest.raises(VenueGoneError):
        await delivery.finish("I think that is it.")


async def test_a_text_that_discord_refuses_is_told_as_such(theatre: Theatre) -> None:
    webhook = await theatre.outlet.pool.of(theatre.channel(), theatre.cast())
    with pytest.raises(BadFormError):
        await theatre.rest.execute(webhook, lambda: "x" * 2001, {}, None, theatre.rest.ticket(Urgency.POST))
    theatre.forgive()


# Limits.


@pytest.mark.parametrize("kind", ["rate_bucket", "rate_hidden", "rate_global", "rate_shared"])
@pytest.mark.parametrize("path", [POST, EDIT])
async def test_a_refusal_is_waited_for_and_loses_nothing(theatre: Theatre, kind: str, path: str) -> None:
    method = "PATCH" if path == EDIT else "POST"
    theatre.fault(kind, path, method=method, seconds=0.3, times=2)
    began = time.monotonic()
    await tell(theatre)
    assert theatre.visible() == [STORY]
    assert time.monotonic() - began >= 0.6


async def test_a_block_by_the_edge_silences_everything(theatre: Theatre) -> None:
    theatre.fault("cloudflare", POST, method="POST")
    speaker = theatre.cast()
    delivery = theatre.outlet.open(theatre.turn(speaker), speaker)
    before = metrics.rate_limited.labels("edge")._value.get()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await delivery.finish("Hello")
    assert (theatre.refused(), metrics.rate_limited.labels("edge")._value.get() - before) == (1, 1)


async def test_what_is_given_up_leaves_no_request_behind(theatre: Theatre) -> None:
    theatre.fault("rate_global", POST, method="POST", seconds=0.4)
    speaker = theatre.cast()
    delivery = theatre.outlet.open(theatre.turn(speaker), speaker)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await delivery.finish("Hello")
    await asyncio.sleep(0.5)
    assert theatre.visible() == []


async def test_announced_limits_cost_no_refusal(theatre: Theatre) -> None:
    theatre.limit(Limits(global_=None, hidden_webhook_channel=None, webhook_edit=Rate(5, 1.0)))
    speakers = [theatre.cast(name) for name in ("Wick", "Ada", "Moth")]
    for speaker in speakers:
        await theatre.outlet.prepare(theatre.venue(), speaker.id)
    deliveries = [theatre.outlet.open(theatre.turn(speaker), speaker) for speaker in speakers]
    await asyncio.gather(*(told(delivery, WORDS, 3.0) for delivery in deliveries))
    assert (theatre.refused(), theatre.visible()) == (0, [STORY] * 3)


async def test_sixty_four_streams_under_every_limit_lose_no_word(theatre: Theatre) -> None:
    theatre.limit(Limits())
    speaker = theatre.cast()
    venues = [theatre.venue(number) for number in range(64)]
    deliveries = [theatre.outlet.open(theatre.turn(speaker, venue), speaker) for venue in venues]
    await asyncio.gather(*(told(delivery, WORDS, 3.0) for delivery in deliveries))
    assert [theatre.visible(venue.channel_id) for venue in venues] == [[STORY]] * 64
    assert theatre.refused() == 0


# Faces, names and webhooks.


async def test_a_character_gets_one_webhook_with_its_name_and_face(theatre: Theatre, picture: bytes) -> None:
    theatre.faces.kept["hash"] = picture
    speaker = theatre.cast("Wick", "hash")
    await asyncio.gather(*(theatre.outlet.prepare(theatre.venue(), speaker.id) for _ in range(5)))
    hooks = list(theatre.box.world.state.webhooks.values())
    assert [(hook.name, theatre.face_of(hook.id) is not None) for hook in hooks] == [("Wick", True)]


async def tell_as(theatre: Theatre, name: str) -> str:
    speaker = theatre.cast(name)
    await told(theatre.outlet.open(theatre.turn(speaker), speaker), ["Hello."])
    return theatre.box.ledger.posts()[-1].author


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Clyde", "Cly·de"),
        ("My Discord", "My Dis·cord"),
        ("x" * 90, "x" * 79 + "…"),
        ("  ", "Character"),
        ("Two\nlines", "Two lines"),
    ],
)
async def test_a_name_that_discord_refuses_is_changed_a_little(
    theatre: Theatre, name: str, shown: str
) -> None:
    assert await tell_as(theatre, name) == shown


async def test_beyond_the_cap_the_least_recently_used_webhook_is_shared(theatre: Theatre) -> None:
    theatre.outlet.pool._cap = 2
    names = ["Wick", "Ada", "Moth"]
    authors = [await tell_as(theatre, name) for name in names]
    assert (authors, len(theatre.box.world.state.webhooks)) == (names, 2)
    assert theatre.box.world.state.webhooks[min(theatre.box.world.state.webhooks)].name == "Moth"


async def test_webhooks_of_a_former_life_are_taken_over(theatre: Theatre) -> None:
    first = theatre.box.world.state.create_webhook(theatre.channel(), "Old", theatre.box.world.bot_id)
    speaker = theatre.cast()
    webhook = await theatre.outlet.pool.of(theatre.channel(), speaker)
    assert webhook == Webhook(first.id, theatre.channel(), first.token, speaker.id)


async def test_webhooks_that_the_ledger_knows_are_used_without_asking(theatre: Theatre) -> None:
    speaker = theatre.cast()
    hook = theatre.box.world.state.create_webhook(theatre.channel(), "Wick", theatre.box.world.bot_id)
    await theatre.webhooks.add(Webhook(hook.id, theatre.channel(), hook.token, speaker.id))
    await tell(theatre, ["Hello."])
    known = await theatre.outlet.pool.of(theatre.channel(), speaker)
    assert known.id == hook.id


async def test_webhooks_that_only_the_ledger_knows_are_forgotten(theatre: Theatre) -> None:
    await theatre.webhooks.add(Webhook(5, theatre.channel(), "gone", None))
    await tell(theatre, ["Hello."])
    assert 5 not in theatre.webhooks.kept


@pytest.mark.parametrize("kind", ["status", "status_after"])
async def test_a_creation_whose_answer_is_lost_leaves_one_webhook(theatre: Theatre, kind: str) -> None:
    theatre.fault(kind, "/channels/*/webhooks", method="POST", status=502)
    await tell(theatre, ["Hello."])
    assert (theatre.visible(), len(theatre.box.world.state.webhooks)) == (["Hello."], 1)


async def test_a_webhook_that_cannot_be_dressed_speaks_all_the_same(theatre: Theatre) -> None:
    theatre.box.world.state.create_webhook(theatre.channel(), "Old", theatre.box.world.bot_id)
    theatre.fault("status", "/webhooks/*", method="PATCH", status=502)
    await tell(theatre, ["Hello."])
    assert theatre.visible() == ["Hello."]


async def test_a_refused_creation_lets_the_bot_speak(theatre: Theatre, client: discord.Client) -> None:
    theatre.fault("status", "/channels/*/webhooks", method="POST", status=403, times=None)
    theatre.client = client
    await tell(theatre, ["Hello."])
    assert theatre.visible() == ["**Wick:** Hello."]


async def test_a_known_webhook_that_is_gone_is_replaced(theatre: Theatre) -> None:
    speaker = theatre.cast()
    await theatre.webhooks.add(Webhook(5, theatre.channel(), "gone", speaker.id))
    webhook = await theatre.outlet.pool.of(theatre.channel(), speaker)
    assert (webhook.id != 5, list(theatre.webhooks.kept)) == (True, [webhook.id])


async def test_a_face_that_changes_is_worn_from_the_next_turn_on(theatre: Theatre, picture: bytes) -> None:
    theatre.faces.kept["hash"] = picture
    speaker = theatre.cast()
    webhook = await theatre.outlet.pool.of(theatre.channel(), speaker)
    await theatre.outlet.pool.of(theatre.channel(), msgspec.structs.replace(speaker, face_hash="hash"))
    assert theatre.face_of(webhook.id) is not None


async def test_a_face_with_an_address_comes_with_every_message(theatre: Theatre) -> None:
    theatre.outlet.pool._public_face = lambda _: "https://faces.example/wick.png"
    await tell(theatre, ["Hello."])
    message = theatre.box.world.messages(theatre.channel())[0]
    assert message["author"]["avatar"] is not None


async def test_storage_that_is_away_delays_no_webhook(theatre: Theatre) -> None:
    theatre.webhooks.is_away = theatre.faces.is_away = True
    speaker = theatre.cast("Wick", "hash")
    await told(theatre.outlet.open(theatre.turn(speaker), speaker), WORDS)
    theatre.delete_webhooks()
    await told(theatre.outlet.open(theatre.turn(speaker), speaker), ["Again."])
    assert theatre.visible() == [STORY, "Again."]


async def test_the_stores_keep_a_whole_delivery(theatre: Theatre, stores: Stores) -> None:
    speaker = theatre.cast()
    turn = theatre.turn(speaker)
    await stores.personalities.create(speaker)
    await stores.turns.plan(turn)
    around = replace(
        theatre.around, deliveries=stores.deliveries, webhooks=stores.webhooks, faces=stores.faces
    )
    posted = await told(DiscordOutlet(around).open(turn, speaker), WORDS)
    [chunk], [webhook] = await stores.deliveries.of(turn.id), await stores.webhooks.of(theatre.channel())
    assert (chunk.state, chunk.text, chunk.webhook_id) == ("final", STORY, webhook.id)
    assert await stores.deliveries.by_message(posted[0].message_id) == (speaker.id, turn.id)


# Typing and preparing.


async def test_typing_shows_once_for_all_and_ends_with_the_last(theatre: Theatre) -> None:
    async with theatre.outlet.typing(theatre.venue()), theatre.outlet.typing(theatre.venue()):
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.05)
    typing = [request for request in theatre.box.ledger.requests if request.route.endswith("/typing")]
    assert [(request.status, request.channel_id) for request in typing] == [(204, theatre.channel())]


async def test_typing_that_fails_is_nobodys_trouble(theatre: Theatre) -> None:
    theatre.fault("status", "/channels/*/typing", status=500)
    async with theatre.outlet.typing(theatre.venue()):
        await asyncio.sleep(0.1)
    assert [request.status for request in theatre.box.ledger.requests] == [500]


async def test_preparing_makes_the_webhook_and_never_fails(theatre: Theatre) -> None:
    speaker = theatre.cast()
    await theatre.outlet.prepare(theatre.venue(), speaker.id)
    await theatre.outlet.prepare(Venue(channel_id=1, kind="dm"), speaker.id)
    await theatre.outlet.prepare(theatre.venue(), uuid4())
    theatre.fault("status", "/channels/*/webhooks", method="GET", status=400, times=None)
    await theatre.outlet.prepare(theatre.venue(1), speaker.id)
    assert [webhook.personality_id for webhook in theatre.webhooks.kept.values()] == [speaker.id]


# Where there are no webhooks.


@pytest.mark.usefixtures("client")
async def test_a_dm_is_answered_by_the_bot_under_the_characters_name(theatre: Theatre) -> None:
    speaker, channel_id = theatre.cast(), int(theatre.person().open_dm()["id"])
    delivery = theatre.outlet.open(theatre.turn(speaker, Venue(channel_id=channel_id, kind="dm")), speaker)
    posted = await told(delivery, WORDS)
    assert theatre.visible(channel_id) == [f"**Wick:** {STORY}"]
    assert [message.text for message in posted] == [STORY]


@pytest.mark.usefixtures("client")
async def test_a_shorter_final_text_takes_messages_of_a_dm_back(theatre: Theatre) -> None:
    speaker, channel_id = theatre.cast(), int(theatre.person().open_dm()["id"])
    delivery = theatre.outlet.open(theatre.turn(speaker, Venue(channel_id=channel_id, kind="dm")), speaker)
    delivery.show("word " * 500)
    await asyncio.sleep(0.2)
    await delivery.finish("Never mind.")
    assert theatre.visible(channel_id) == ["**Wick:** Never mind."]


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("kind", ["status_after", "reset_after", "reset"])
async def test_a_dm_in_doubt_appears_exactly_once(theatre: Theatre, kind: str) -> None:
    theatre.fault(kind, "/channels/*/messages", method="POST", status=503)
    speaker, channel_id = theatre.cast(), int(theatre.person().open_dm()["id"])
    delivery = theatre.outlet.open(theatre.turn(speaker, Venue(channel_id=channel_id, kind="dm")), speaker)
    await told(delivery, WORDS)
    assert theatre.visible(channel_id) == [f"**Wick:** {STORY}"]


async def test_between_two_connections_a_dm_waits(theatre: Theatre, client: discord.Client) -> None:
    theatre.client = None
    speaker, channel_id = theatre.cast(), int(theatre.person().open_dm()["id"])
    delivery = theatre.outlet.open(theatre.turn(speaker, Venue(channel_id=channel_id, kind="dm")), speaker)
    asyncio.get_running_loop().call_later(0.2, setattr, theatre, "client", client)
    await told(delivery, WORDS)
    assert theatre.visible(channel_id) == [f"**Wick:** {STORY}"]


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    ("channel_id", "message_id", "text", "error"),
    [
        (404, 1, "x", VenueGoneError),
        (0, 1, "x", MessageGoneError),
        (0, None, "x" * 2001, BadFormError),
        (0, None, "", RequestRefusedError),
    ],
)
async def test_refusals_of_the_bots_own_messages_are_told_apart(
    theatre: Theatre,
    channel_id: int,
    message_id: int | None,
    text: str,
    error: type[Exception],
) -> None:
    where = channel_id or theatre.channel()
    voice = theatre.around.voice
    act = voice.change(where, message_id, text) if message_id else voice.say(where, text, "n")
    with pytest.raises(error):
        await act
    theatre.forgive()


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("why", ["places taken", "no permission"])
async def test_without_webhooks_the_bot_speaks(theatre: Theatre, why: str) -> None:
    if why == "places taken":
        for number in range(15):
            theatre.box.world.state.create_webhook(
                theatre.channel(), f"w{number}", theatre.box.world.people[0]
            )
        theatre.around = replace(theatre.around, application_id=lambda: None)
        theatre.outlet = DiscordOutlet(theatre.around)
    else:
        theatre.fault("status", "/channels/*/webhooks", method="GET", status=403, times=None)
    speaker = theatre.cast()
    delivery = theatre.outlet.open(theatre.turn(speaker), speaker)
    words = [f"token{number}" for number in range(300)]
    await told(delivery, words)
    assert theatre.visible() == [f"**Wick:** {part}" for part in _halves(words, theatre)]


def _halves(words: list[str], theatre: Theatre) -> list[str]:
    seen = [text.removeprefix("**Wick:** ") for text in theatre.visible()]
    assert " ".join(seen) == " ".join(words)
    return seen
