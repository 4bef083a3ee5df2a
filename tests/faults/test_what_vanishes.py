"""What people and moderators take away in mid-stream: every turn still ends, and says why."""

from collections.abc import Callable, Iterator

import pytest
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from sandbox.limits import NO_LIMITS
from tests.faults.house import House, Scene, answer

READ, ALL = 1 << 10, (1 << 53) - 1

pytestmark = [pytest.mark.discord, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(autouse=True)
def no_limits(house: House) -> Iterator[None]:
    house.sandbox.limiter.limits = NO_LIMITS
    yield
    house.sandbox.faults.clear()


def delete_messages(scene: Scene) -> None:
    for entry in scene.posts():
        scene.house.sandbox.world.state.delete_message(entry.channel_id, entry.message_id)


def delete_channel(scene: Scene) -> None:
    scene.house.sandbox.world.state.delete_channel(scene.channels[0])


def archive(scene: Scene) -> None:
    scene.house.sandbox.world.state.edit_channel(
        scene.channels[0], {}, thread_metadata={"archived": True, "locked": True}
    )


@pytest.mark.parametrize(
    ("take_away", "reason"), [(delete_messages, "message deleted"), (delete_channel, "venue gone")]
)
async def test_what_is_taken_away_in_mid_stream_ends_the_turns_with_the_reason(
    house: House, take_away: Callable[[Scene], None], reason: str
) -> None:
    scene = house.scene(1)
    scene.speak()
    await scene.visible(2)

    take_away(scene)

    assert await scene.outcomes() == [("silent", reason)] * 2
    assert scene.texts() == []


async def test_a_later_message_that_is_deleted_leaves_the_first_and_says_so(house: House) -> None:
    house.model.script = lambda body: answer(body, stream_s=2.5)
    scene = house.scene(1)
    scene.speak()
    await scene.visible(3)
    last = max(scene.posts(), key=lambda entry: entry.message_id)

    house.sandbox.world.state.delete_message(last.channel_id, last.message_id)

    outcomes = await scene.outcomes()
    house.model.script = answer
    assert sorted(outcomes, key=str) == [("done", "message deleted"), ("done", None)]
    assert len(scene.texts()) == 2


async def test_a_webhook_deleted_in_mid_stream_loses_no_word(house: House) -> None:
    scene = house.scene()
    scene.speak()
    await scene.visible(4)

    for entry in scene.posts():
        house.sandbox.world.state.delete_webhook(entry.webhook_id)

    await scene.settled()


async def test_a_thread_that_is_closed_in_mid_stream_ends_the_turn(house: House) -> None:
    scene = house.scene(1)
    thread = int(house.person(0).start_thread(scene.channels[0], "aside")["id"])
    scene.channels = [thread]
    scene.speak()
    await scene.visible(2)

    archive(scene)

    assert await scene.outcomes() == [("silent", "venue gone")] * 2


async def test_a_thread_that_timed_out_is_opened_by_the_answer(house: House) -> None:
    scene = house.scene(1)
    thread = int(house.person(0).start_thread(scene.channels[0], "aside")["id"])
    scene.channels = [thread]
    scene.speak()
    house.sandbox.world.state.edit_channel(thread, {}, thread_metadata={"archived": True})

    await scene.settled()


async def test_a_channel_in_which_the_bot_may_do_nothing_stays_silent(house: House) -> None:
    scene = house.scene(1)
    bot = house.sandbox.world.bot_id
    house.sandbox.world.state.set_overwrite(
        scene.channels[0], Overwrite(bot, OverwriteType.MEMBER, deny=~READ & ALL)
    )

    scene.speak()

    assert await scene.outcomes() == [("silent", "venue gone")] * 2
