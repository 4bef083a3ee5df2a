import asyncio
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.reply.outlet import DeliveryError, VenueGoneError
from bot.delivery.calls import Ticket, Urgency
from bot.delivery.errors import MessageGoneError, WebhookGoneError
from bot.delivery.mouths import nonce_of
from bot.delivery.stream import EARLY_EDIT_S, EARLY_EDITS, EDIT_INTERVAL_S, WEBHOOKS_LOST, Stream
from bot.delivery.webhook_mouth import Claims
from tests.bot.delivery.paper import FIRST_ID
from tests.bot.delivery.scene import STORY, Scene, grow, told

pytestmark = pytest.mark.unit


def test_the_first_word_is_visible_at_once() -> None:
    scene = Scene()
    scene.run(lambda stream: told(stream, STORY))
    assert scene.mouth.said[0] == (0.01, "post", FIRST_ID + 1, "O")


def test_nothing_is_visible_before_the_first_word() -> None:
    async def play(stream: Stream) -> None:
        stream.show("…")
        await asyncio.sleep(3)
        stream.show("… Well")
        await asyncio.sleep(0.1)

    scene = Scene()
    scene.run(play)
    assert scene.mouth.said == [(3.01, "post", FIRST_ID + 1, "… Well")]


def test_the_text_grows_soon_and_then_once_per_interval() -> None:
    scene = Scene()
    scene.run(lambda stream: told(stream, STORY))
    times = [time for time, _, _, _ in scene.mouth.said]
    gaps = [after - before for before, after in pairwise(times[:-1])]
    assert gaps == pytest.approx([EARLY_EDIT_S] * EARLY_EDITS + [EDIT_INTERVAL_S] * 4, abs=0.02)


def test_the_final_edit_does_not_wait_for_its_interval() -> None:
    scene = Scene()
    scene.run(lambda stream: told(stream, STORY))
    assert scene.mouth.said[-1] == (5.01, "edit", FIRST_ID + 1, STORY.strip())


def test_a_text_that_is_visible_already_is_not_sent_again() -> None:
    async def play(stream: Stream) -> object:
        stream.show("All said.")
        await asyncio.sleep(2)
        return await stream.finish("All said.")

    scene = Scene()
    scene.run(play)
    assert scene.mouth.acts == ["post"]


def test_an_edit_carries_the_newest_text_when_it_leaves() -> None:
    scene = Scene()
    scene.mouth.held = lambda ticket: (
        max(0.0, 3.0 - asyncio.get_running_loop().time()) * (ticket.urgency > Urgency.FINAL)
    )
    scene.run(lambda stream: told(stream, STORY, 4.0))
    late = next(text for time, act, _, text in scene.mouth.said if act == "edit" and time >= 3.0)
    assert len(late) > 0.7 * len(STORY)


def test_a_waiting_edit_becomes_urgent_when_the_text_is_final() -> None:
    scene = Scene()
    scene.mouth.held = lambda ticket: 1.0 * (ticket.urgency > Urgency.FINAL)
    scene.run(lambda stream: told(stream, STORY, 2.0))
    assert (scene.hurried, scene.mouth.acts, scene.mouth.visible) == (1, ["post", "edit"], [STORY.strip()])


def test_finish_alone_posts_once() -> None:
    scene = Scene()
    posted = scene.run(lambda stream: stream.finish("Done."))
    assert (scene.mouth.acts, [p.text for p in posted]) == (["post"], ["Done."])  # type: ignore[attr-defined] # posted


def test_an_empty_text_posts_nothing() -> None:
    scene = Scene()
    assert scene.run(lambda stream: stream.finish("")) == ()


def test_a_footer_is_small_print_at_the_end() -> None:
    scene = Scene()
    scene.run(lambda stream: told(stream, "Good evening.", footer="one was dropped"))
    assert scene.mouth.visible == ["Good evening.\n-# one was dropped"]


def test_a_footer_without_room_stands_in_a_message_of_its_own() -> None:
    scene = Scene(limit=60)
    scene.run(lambda stream: told(stream, "x" * 50, footer="one was dropped"))
    assert scene.mouth.visible == ["x" * 50, "-# one was dropped"]


def test_a_long_text_goes_on_in_further_messages() -> None:
    scene = Scene(limit=100)
    posted = scene.run(lambda stream: told(stream, STORY))
    assert " ".join(scene.mouth.visible) == STORY.strip()
    assert [p.text for p in posted] == scene.mouth.visible  # type: ignore[attr-defined] # posted
    assert len(scene.mouth.visible) == 4


def test_a_shorter_final_text_takes_back_what_is_too_much() -> None:
    async def play(stream: Stream) -> object:
        await grow(stream, STORY)
        return await stream.finish("Once.")

    scene = Scene(limit=100)
    scene.run(play)
    too_many = scene.mouth.acts.count("post") - 1
    assert too_many > 1
    assert (scene.mouth.visible, scene.mouth.acts.count("remove")) == (["Once."], too_many)
    assert [position for _, position, _ in scene.ledger.steps("gone")] == [*range(too_many, 0, -1)]


def test_what_was_taken_back_may_be_gone_already() -> None:
    async def play(stream: Stream) -> object:
        await grow(stream, STORY)
        return await stream.finish("Once.")

    scene = Scene(limit=100)
    scene.mouth.fails["remove"] = [MessageGoneError(), WebhookGoneError()]
    posted = scene.run(play)
    assert [p.text for p in posted] == ["Once."]  # type: ignore[attr-defined] # posted


def test_a_failure_stands_alone_when_nothing_was_said() -> None:
    scene = Scene()
    scene.run(lambda stream: stream.fail("*coughs*"))
    assert scene.mouth.visible == ["*coughs*"]


def test_a_failure_stands_below_what_was_said() -> None:
    async def play(stream: Stream) -> object:
        await grow(stream, "Once upon")
        return await stream.fail("*coughs*")

    scene = Scene()
    scene.run(play)
    assert scene.mouth.visible == ["Once upon\n\n*coughs*"]


def test_after_abandoning_nothing_more_becomes_visible() -> None:
    async def play(stream: Stream) -> None:
        await grow(stream, STORY)
        await stream.abandon()
        stream.show("More!")
        await asyncio.sleep(10)

    scene = Scene()
    scene.run(play)
    assert scene.mouth.said[-1][0] < 5.0
    assert scene.ledger.steps("final") == []


def test_abandoning_before_the_first_word_posts_nothing() -> None:
    scene = Scene()
    scene.run(lambda stream: stream.abandon())
    assert scene.mouth.said == []


def test_abandoning_waits_for_what_has_left() -> None:
    async def play(stream: Stream) -> None:
        stream.show("Once")
        await asyncio.sleep(0.5)
        await stream.abandon()

    scene = Scene()
    scene.mouth.way_s = 2.0
    scene.run(play)
    assert scene.ledger.steps("posted") == [("posted", 0, FIRST_ID + 1)]


def test_abandoning_does_not_wait_for_what_has_not_left() -> None:
    async def play(stream: Stream) -> float:
        stream.show("Once")
        await asyncio.sleep(0.5)
        await stream.abandon()
        return asyncio.get_running_loop().time()

    scene = Scene()
    scene.mouth.held = lambda _: 1.0
    assert scene.run(play) == 0.5
    assert scene.mouth.said == []


def test_a_retry_that_is_due_after_abandoning_does_not_leave() -> None:
    async def play(stream: Stream) -> None:
        stream.show("Once")
        await asyncio.sleep(0.5)
        await stream.abandon()

    scene = Scene()
    scene.mouth.way_s = 1.0
    scene.mouth.lost = 1
    scene.run(play)
    assert scene.mouth.said == []


def test_a_deleted_message_ends_the_delivery_and_is_not_posted_again() -> None:
    scene = Scene()
    scene.mouth.fails["edit"] = [MessageGoneError()]
    assert scene.run(lambda stream: told(stream, STORY)) == ()
    assert (scene.mouth.acts, [step for step, _, _ in scene.ledger.written][-1]) == (["post"], "gone")


def test_the_messages_around_a_deleted_one_become_final() -> None:
    scene = Scene(limit=100)
    scene.mouth.fails["edit"] = []

    async def play(stream: Stream) -> object:
        await grow(stream, STORY[:120])
        scene.mouth.fails["edit"] = [MessageGoneError()]
        return await stream.finish(STORY)

    posted = scene.run(play)
    assert [position for _, position, _ in scene.ledger.steps("final")] == [0]
    assert len(posted) == 1  # type: ignore[arg-type] # posted


def test_a_deleted_webhook_before_the_post_is_replaced() -> None:
    scene = Scene()
    scene.mouth.fails["post"] = [WebhookGoneError()]
    scene.run(lambda stream: told(stream, STORY))
    assert (scene.mouth.visible, scene.mouth.readied) == ([STORY.strip()], 2)


def test_a_deleted_webhook_in_mid_stream_freezes_and_the_rest_follows() -> None:
    scene = Scene()
    scene.mouth.fails["edit"] = []

    async def play(stream: Stream) -> object:
        await grow(stream, STORY[:100])
        scene.mouth.fails["edit"] = [WebhookGoneError()]
        return await told(stream, STORY)

    scene.run(play)
    assert len(scene.mouth.visible) == 2
    assert "".join("".join(scene.mouth.visible).split()) == "".join(STORY.split())


def test_a_text_that_parts_from_what_is_frozen_is_posted_whole() -> None:
    scene = Scene()
    scene.mouth.fails["edit"] = [WebhookGoneError()]

    async def play(stream: Stream) -> object:
        await grow(stream, "I think that")
        return await stream.finish("Good evening.")

    scene.run(play)
    assert scene.mouth.visible[-1] == "Good evening."


def test_a_footer_follows_what_is_frozen() -> None:
    scene = Scene()
    scene.mouth.fails["edit"] = [WebhookGoneError()]

    async def play(stream: Stream) -> object:
        stream.show("Good evening.")
        await asyncio.sleep(1)
        return await stream.finish("Good evening.", "one was dropped")

    scene.run(play)
    assert scene.mouth.visible == ["Good evening.", "-# one was dropped"]


def test_webhooks_that_vanish_again_and_again_end_the_delivery() -> None:
    scene = Scene()
    scene.mouth.fails["post"] = [WebhookGoneError() for _ in range(WEBHOOKS_LOST + 1)]
    with pytest.raises(DeliveryError, match="vanishes"):
        scene.run(lambda stream: told(stream, STORY))


@pytest.mark.parametrize("act", ["ready", "post", "edit"])
def test_a_venue_that_is_gone_is_told_at_the_end(act: str) -> None:
    scene = Scene()
    scene.mouth.fails[act] = [VenueGoneError()]
    with pytest.raises(VenueGoneError):
        scene.run(lambda stream: told(stream, STORY))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from(["word ", "end. ", "\n\n", "```", "x" * 30, "🎭"]), min_size=1, max_size=40),
    st.lists(st.floats(0, 1.5), min_size=40, max_size=40),
    st.lists(st.sampled_from(["post", "edit"]), max_size=4),
    st.floats(0.001, 2.0),
)
def test_whatever_happens_to_webhooks_every_word_arrives_once(
    parts: list[str], pauses: list[float], losses: list[str], way_s: float
) -> None:
    scene = Scene(limit=80)
    scene.mouth.way_s = way_s
    for act in losses:
        scene.mouth.fails.setdefault(act, []).append(WebhookGoneError())
    text = "".join(parts)

    async def play(stream: Stream) -> object:
        for count, pause in enumerate(pauses[: len(parts)], 1):
            stream.show("".join(parts[:count]))
            await asyncio.sleep(pause)
        return await stream.finish(text)

    scene.run(play)
    assert _words("".join(scene.mouth.visible)) == _words(text)


def _words(text: str) -> str:
    return "".join(text.replace("`", "").split())


def test_nonces_are_short_and_name_one_message() -> None:
    turn, other = uuid4(), uuid4()
    nonces = {nonce_of(turn, 0), nonce_of(turn, 1), nonce_of(other, 0), nonce_of(turn, 300)}
    assert (len(nonces), max(map(len, nonces)) <= 25) == (4, True)


def test_a_ticket_for_a_new_message_is_the_most_urgent() -> None:
    scene = Scene()
    scene.run(lambda stream: told(stream, STORY))
    urgencies: list[Ticket] = scene.mouth.tickets
    assert [ticket.urgency for ticket in urgencies][:4] == [
        Urgency.POST,
        *[Urgency.EARLY] * EARLY_EDITS,
        Urgency.EDIT,
    ]


def test_only_the_newest_messages_are_remembered_as_ours() -> None:
    claims = Claims(kept=2)
    for message_id in (1, 2, 3):
        claims.add(message_id)
    assert [message_id in claims for message_id in (1, 2, 3)] == [False, True, True]
