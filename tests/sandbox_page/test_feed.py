"""The numbered feed of events: who sees what, and what a tab that comes back is sent again."""

import json
from typing import Any

import pytest

from sandbox.page.feed import Entry, Feed
from sandbox.people import Person
from sandbox.world import World

pytestmark = pytest.mark.unit


@pytest.fixture
def world() -> World:
    return World.fresh()


@pytest.fixture
def feed(world: World) -> Feed:
    return Feed(world, kept=8)


@pytest.fixture
def heard(feed: Feed) -> list[Entry]:
    entries: list[Entry] = []
    feed.follow(entries.append)
    return entries


def body(entry: Entry) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(entry.body)
    return decoded


def test_events_are_numbered_without_a_gap(world: World, heard: list[Entry]) -> None:
    person = Person(world, world.owner_id)
    for text in ("one", "two", "three"):
        person.send(world.channel("stage"), text)
    assert [entry.seq for entry in heard] == [1, 2, 3]
    assert [body(entry)["message"]["content"] for entry in heard] == ["one", "two", "three"]


def test_a_reaction_tells_who_reacted(world: World, heard: list[Entry]) -> None:
    person = Person(world, world.owner_id)
    sent = person.send(world.channel("stage"), "one")
    person.react(world.channel("stage"), int(sent["id"]), "🎭")
    assert body(heard[-1])["reactions"] == [
        {"emoji": {"id": None, "name": "🎭"}, "user_ids": [str(world.owner_id)]}
    ]


def test_a_deleted_message_is_told(world: World, heard: list[Entry]) -> None:
    person = Person(world, world.owner_id)
    sent = person.send(world.channel("stage"), "one")
    person.delete(world.channel("stage"), int(sent["id"]))
    assert body(heard[-1])["ids"] == [sent["id"]]


def test_direct_messages_are_seen_by_their_person_only(world: World, feed: Feed, heard: list[Entry]) -> None:
    ada, bjorn = world.people
    channel = Person(world, ada).open_dm()
    Person(world, ada).send(int(channel["id"]), "between us")
    assert [body(entry)["t"] for entry in heard] == ["channel", "message_create"]
    assert all(feed.visible(entry, ada) for entry in heard)
    assert not any(feed.visible(entry, bjorn) for entry in heard)


def test_channels_come_and_go(world: World, heard: list[Entry]) -> None:
    channel = world.create_channel("balcony")
    world.state.delete_channel(channel.id)
    assert [body(entry)["t"] for entry in heard] == ["channel", "channel_delete"]


def test_people_come_change_and_go(world: World, heard: list[Entry]) -> None:
    person = world.add_person("cleo", "Cleo")
    world.state.remove_member(world.guild_id, person)
    assert body(heard[0])["user"]["global_name"] == "Cleo"
    assert body(heard[-1]) == {"t": "member_remove", "seq": heard[-1].seq, "id": str(person)}


def test_what_the_page_does_not_show_is_left_out(world: World, heard: list[Entry]) -> None:
    world.state.emit("WEBHOOKS_UPDATE", {"channel_id": str(world.channel("stage"))})
    assert heard == []


def test_a_tab_gets_what_it_missed(world: World, feed: Feed, heard: list[Entry]) -> None:
    person = Person(world, world.owner_id)
    for text in ("one", "two", "three"):
        person.send(world.channel("stage"), text)
    assert feed.since(feed.epoch, 1) == heard[1:]
    assert feed.since(feed.epoch, 3) == []


@pytest.mark.parametrize("last_seq", [0, 1, 99])
def test_a_tab_that_missed_too_much_starts_anew(world: World, feed: Feed, last_seq: int) -> None:
    person = Person(world, world.owner_id)
    for number in range(10):
        person.send(world.channel("stage"), str(number))
    assert feed.since(feed.epoch, last_seq) is None


def test_a_tab_of_an_earlier_server_starts_anew(feed: Feed) -> None:
    assert feed.since("another", 0) is None


def test_a_tab_that_left_hears_nothing(world: World, feed: Feed) -> None:
    entries: list[Entry] = []
    leave = feed.follow(entries.append)
    leave()
    leave()
    Person(world, world.owner_id).send(world.channel("stage"), "one")
    assert entries == []
