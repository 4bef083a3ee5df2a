import importlib
from datetime import UTC, datetime

import pytest

from sandbox import simulator
from sandbox.assets import Assets
from sandbox.errors import ActionRefusedError
from sandbox.people import Person
from sandbox.simulator import BackendError, RealClock, SeedClock
from sandbox.state import DiscordState, finish_embeds
from sandbox.validation import check_webhook_count
from sandbox.world import PersonSeed, Seed, World

pytestmark = pytest.mark.unit


def test_every_name_taken_from_simcord_exists() -> None:
    assert [name for name in simulator.__all__ if not hasattr(simulator, name)] == []
    for module in simulator.ROUTE_MODULES:
        assert importlib.import_module(f"simcord.http.routes.{module}")


def test_the_real_clock_is_now_and_the_seed_clock_stands_still() -> None:
    assert abs((RealClock().now() - datetime.now(UTC)).total_seconds()) < 5
    assert SeedClock().now() == SeedClock().now()


def test_a_seed_names_guild_channels_people_and_bot() -> None:
    seed = Seed(guild="Globe", channels=("pit",), people=(PersonSeed("will", "Will"),), bot="Ariel")
    world = World.fresh(seed)
    assert world.guild_payload(world.guild_id)["name"] == "Globe"
    assert [world.user_payload(i)["global_name"] for i in world.people] == ["Will"]
    assert world.user_payload(world.bot_id)["username"] == "Ariel"
    assert world.channel_payload(world.channel("pit"))["name"] == "pit"
    with pytest.raises(KeyError):
        world.channel("gallery")


def test_the_bot_may_manage_webhooks_and_is_no_administrator() -> None:
    world = World.fresh()
    permissions = world.state.compute_permissions(world.guild_id, world.bot_id, world.channel("stage"))
    assert permissions & 1 << 29
    assert not permissions & 1 << 3


def test_people_and_channels_can_be_added_later() -> None:
    world = World.fresh()
    told: list[str] = []
    stop = world.subscribe(lambda event, _payload: told.append(event))
    carol = world.add_person("carol", "Carol")
    world.create_channel("foyer")
    stop()
    world.create_channel("unheard")
    assert world.people[-1] == carol
    assert told == ["GUILD_MEMBER_ADD", "CHANNEL_CREATE"]


@pytest.fixture
def world() -> World:
    return World.fresh()


@pytest.fixture
def ada(world: World) -> Person:
    return Person(world, world.owner_id)


@pytest.fixture
def bjorn(world: World) -> Person:
    return Person(world, world.people[1])


def test_a_persons_history_is_paged(world: World, ada: Person) -> None:
    stage = world.channel("stage")
    ids = [int(ada.send(stage, str(number))["id"]) for number in range(4)]
    assert [m["content"] for m in world.messages(stage, limit=2)] == ["2", "3"]
    assert [m["content"] for m in world.messages(stage, before=ids[2])] == ["0", "1"]


def test_own_messages_can_be_changed_and_others_cannot(world: World, ada: Person, bjorn: Person) -> None:
    stage = world.channel("stage")
    message = int(ada.send(stage, "mine")["id"])
    assert ada.edit(stage, message, "changed")["content"] == "changed"
    with pytest.raises(ActionRefusedError):
        bjorn.edit(stage, message, "yours")
    with pytest.raises(ActionRefusedError):
        bjorn.delete(stage, message)


def test_the_owner_may_delete_what_others_said(world: World, ada: Person, bjorn: Person) -> None:
    stage = world.channel("stage")
    message = int(bjorn.send(stage, "oops")["id"])
    ada.delete(stage, message)
    assert world.messages(stage) == []


def test_reactions_come_and_go(world: World, ada: Person, bjorn: Person) -> None:
    stage = world.channel("stage")
    message = int(ada.send(stage, "bow")["id"])
    bjorn.react(stage, message, "👏")
    assert world.messages(stage)[0]["reactions"][0]["count"] == 1
    bjorn.react(stage, message, "👏", on=False)
    assert world.messages(stage)[0]["reactions"] == []


@pytest.mark.parametrize("content", ["", "   ", "x" * 4001])
def test_texts_that_nobody_can_send_are_refused(world: World, ada: Person, content: str) -> None:
    with pytest.raises(ActionRefusedError):
        ada.send(world.channel("stage"), content)


def test_eleven_files_are_refused(world: World, ada: Person) -> None:
    with pytest.raises(ActionRefusedError):
        ada.send(world.channel("stage"), files=[("a.txt", b"a")] * 11)


def test_channels_that_are_closed_to_a_person_are_closed(world: World, ada: Person, bjorn: Person) -> None:
    dm = int(ada.open_dm()["id"])
    for attempt in (
        lambda: bjorn.send(dm, "hello"),
        lambda: bjorn.typing(dm),
        lambda: bjorn.reachable(dm),
        lambda: bjorn.start_thread(dm, "here"),
        lambda: bjorn.send(1, "nowhere"),
        lambda: ada.start_thread(world.channel("stage"), ""),
    ):
        with pytest.raises(ActionRefusedError):
            attempt()


def test_nobody_acts_as_the_bot_or_as_a_stranger(world: World) -> None:
    for user_id in (world.bot_id, 1):
        with pytest.raises(ActionRefusedError):
            Person(world, user_id)


def test_pictures_tell_their_size_and_names_are_made_safe() -> None:
    assets = Assets("http://x")
    png = bytes.fromhex(
        "89504e470d0a1a0a0000000d494844520000000100000001080600000"
        "01f15c4890000000d49444154789c626001000000050001"
    )
    stored = assets.store_attachment(1, 2, "my face!.png", png, None)
    assert stored["filename"] == "my_face_.png"
    assert (stored["width"], stored["height"]) == (1, 1)
    assert assets.get(stored["url"]) == png
    assert assets.get("http://x/cdn/none") is None


@pytest.mark.parametrize("uri", ["data:text/html;base64,PGI+", "nonsense", "data:image/png;base64,%%%"])
def test_avatars_that_are_no_pictures_are_refused(uri: str) -> None:
    with pytest.raises(BackendError):
        Assets().store_avatar(1, uri)


def test_embeds_point_at_their_files_and_nothing_else_changes() -> None:
    embeds = [{"image": {"url": "attachment://a.png"}, "thumbnail": {"url": "https://x/y.png"}}]
    finish_embeds(embeds, [{"filename": "a.png", "url": "http://here/a.png"}])
    shown = {"image": {"url": "http://here/a.png"}, "thumbnail": {"url": "https://x/y.png"}}
    assert embeds == [{"type": "rich"} | shown]


def test_nonces_are_forgotten_after_a_few_minutes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    state, stage, now = world.state, world.channel("stage"), [100.0]
    monkeypatch.setattr("sandbox.state.time.monotonic", lambda: now[0])
    state.nonce_in_hand = "n"
    message = state.create_message(stage, world.bot_id, "once")
    assert state.message_of_nonce(stage, world.bot_id, "n") is message
    now[0] += 301
    assert state.message_of_nonce(stage, world.bot_id, "n") is None
    state.nonce_in_hand = "m"
    state.create_message(stage, world.bot_id, "later")
    assert "nonce" not in state.message_payload(message)


def test_logs_do_not_grow_and_old_interactions_go(world: World) -> None:
    state = world.state
    record = state.new_interaction(2, world.channel("stage"), world.owner_id, world.guild_id)
    record.expires_at = "2025-01-01T00:00:00+00:00"
    for _ in range(3):
        state.create_message(world.channel("stage"), world.owner_id, "x")
    state.forget_expired()
    assert list(state.transcript) == []
    assert (state.interactions, state.interaction_tokens) == ({}, {})


def test_a_reply_to_a_deleted_message_says_that_it_is_gone(world: World, ada: Person) -> None:
    stage = world.channel("stage")
    first = int(ada.send(stage, "one")["id"])
    ada.send(stage, "two", reply_to=first)
    ada.delete(stage, first)
    assert world.messages(stage)[0]["referenced_message"] is None


def test_a_world_begins_without_its_seed_in_the_logs() -> None:
    assert list(DiscordState(SeedClock()).http_requests) == []


@pytest.mark.parametrize(("in_channel", "in_guild", "code"), [(15, 15, 30007), (3, 1000, 30058)])
def test_webhooks_are_counted_per_channel_and_guild(in_channel: int, in_guild: int, code: int) -> None:
    with pytest.raises(BackendError) as error:
        check_webhook_count(in_channel, in_guild)
    assert error.value.code == code
