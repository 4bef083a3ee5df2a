from typing import Literal
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.channel.window import Window
from storage.records import Message
from tests.actors.scripted import EPOCH, message, personality

pytestmark = pytest.mark.unit

ADA = personality("Ada").id


def texts(window: Window) -> list[str]:
    return [said.text for said in window.messages]


def test_messages_stand_in_the_order_of_their_ids() -> None:
    window = Window(10, [message(str(at), at) for at in (3, 1, 2)])
    assert texts(window) == ["1", "2", "3"]


def test_edits_and_deletions_are_followed() -> None:
    first, second = message("a", 1), message("b", 2)
    window = Window(10, [first, second])
    window.edit(first.id, "A", EPOCH)
    window.edit(999, "nothing", EPOCH)
    window.delete([second.id, 999])
    assert window.messages == (replace(first, text="A", edited_at=EPOCH),)


def test_an_echo_never_replaces_a_characters_words() -> None:
    words = message("whole", 1, personality_id=personality("Ada").id)
    window = Window(10, [words])
    window.put(replace(words, text="who", personality_id=None))
    assert texts(window) == ["whole"]


def test_a_character_takes_over_its_echo() -> None:
    words = message("whole", 1, personality_id=personality("Ada").id)
    window = Window(10, [replace(words, text="who", personality_id=None)])
    window.put(words)
    assert window.get(words.id) == words


@given(st.permutations(range(30)), st.integers(4, 12))
def test_the_newest_stay_and_the_oldest_go_in_quarters(order: list[int], limit: int) -> None:
    window = Window(limit, [message(str(at), at) for at in sorted(order[:5])])
    for at in order[5:]:
        window.put(message(str(at), at))
        numbers = [int(text) for text in texts(window)]
        assert len(numbers) <= limit
        assert numbers == sorted(numbers)


def test_the_head_of_the_window_moves_seldom() -> None:
    window = Window(20)
    heads = set()
    for at in range(100):
        window.put(message(str(at), at))
        heads.add(texts(window)[0])
    assert len(heads) <= 100 / 5


class Event(msgspec.Struct, frozen=True):
    """Something that happens to a window."""

    kind: Literal["put", "edit", "delete", "get", "pack"]
    at: int
    text: str = ""


EVENTS = st.builds(
    Event, st.sampled_from(["put", "edit", "delete", "get", "pack"]), st.integers(0, 30), st.text(max_size=50)
)


def happen(window: Window, event: Event) -> Message | None:
    about = message(
        event.text, event.at, personality_id=ADA if event.at % 3 else None, mentioned_user_ids=(1,)
    )
    match event.kind:
        case "put":
            window.put(about)
        case "edit":
            window.edit(about.id, event.text, EPOCH)
        case "delete":
            window.delete([about.id])
        case "get":
            return window.get(about.id)
        case "pack":
            window.pack()
    return None


@given(st.lists(EVENTS, max_size=60), st.integers(4, 12))
def test_packing_changes_nothing(events: list[Event], limit: int) -> None:
    packed, plain = Window(limit), Window(limit)
    for event in events:
        looked = happen(packed, event)
        if event.kind != "pack":
            assert looked == happen(plain, event)
    packed.pack()
    assert packed.messages == plain.messages


def test_a_packed_window_takes_less_than_half_and_opens_at_the_first_look() -> None:
    said = [message(f"{number} {uuid4()} {uuid4()} {uuid4()}" * 2, number) for number in range(50)]
    window = Window(50, said)
    window.pack()
    assert window.is_packed
    assert len(window._packed or b"") < len(msgspec.msgpack.encode(said)) / 2
    assert window.messages == tuple(said)
    assert not window.is_packed
