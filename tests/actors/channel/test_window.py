import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.channel.window import Window
from tests.actors.scripted import EPOCH, message, personality

pytestmark = pytest.mark.unit


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
