from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.floor.mentions import find_mentions, fold, resolve, without_mentions
from storage.records import TURNS

pytestmark = pytest.mark.unit

NAMES = ["Ada", "Ada Lovelace", "Dr. Gregory House", "Bob", "Zoë", "D'Arcy", "7", "Mary Ann van Dyke", "太郎"]
IDS: dict[str, UUID] = {fold(name): uuid5(TURNS, name) for name in NAMES}
WORDS = {identity: name for name, identity in ((name, IDS[fold(name)]) for name in NAMES)}


def called(text: str) -> list[str]:
    return [WORDS[who] for who in resolve(find_mentions(text), IDS)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@Ada hello", ["Ada"]),
        ("hello @ada", ["Ada"]),
        ("so,@ADA!", ["Ada"]),
        ("@Ada Lovelace, hello", ["Ada Lovelace"]),
        ("@Ada   Lovelace hello", ["Ada Lovelace"]),
        ("@Ada Lovelace's notes", ["Ada Lovelace"]),
        ("is this @Ada\u2019s lamp?", ["Ada"]),
        ("@Ada's", ["Ada"]),
        ("@D\u2019Arcy come", ["D'Arcy"]),
        ("@Dr. Gregory House.", ["Dr. Gregory House"]),
        ("@Mary Ann van Dyke sings", ["Mary Ann van Dyke"]),
        ("**@Ada**: hello", ["Ada"]),
        ("(@Ada)", ["Ada"]),
        ("||@Ada||", ["Ada"]),
        ("@Ada—hello", ["Ada"]),
        ("@Ada/@Bob", ["Ada", "Bob"]),
        ("@Ada@Bob", ["Ada", "Bob"]),
        ("@Ada\nLovelace", ["Ada"]),
        ("@zoë and @Zoe\u0308", ["Zoë"]),
        ("@太郎 hi", ["太郎"]),
        ("@Bob and @Ada and @Bob", ["Bob", "Ada"]),
        ("@nobody", []),
        ("@ Ada", []),
        ("@", []),
        ("Ada", []),
        ("@7", []),
        ("@&123> @!99", []),
        ("ada@lovelace.org", []),
        ("@Adam", []),
    ],
)
def test_a_mention_means_whom_a_reader_would_think(text: str, names: list[str]) -> None:
    assert called(text) == names


def test_the_longest_name_wins_and_a_taken_one_does_not_fall_back() -> None:
    assert called("@Ada Lovelace and @Ada Lovelace again") == ["Ada Lovelace"]


def test_three_long_mentions_do_not_exhaust_the_search() -> None:
    text = "@Mary Ann van Dyke and @Dr. Gregory House and @Ada Lovelace and @Bob"
    assert called(text) == ["Mary Ann van Dyke", "Dr. Gregory House", "Ada Lovelace", "Bob"]


def test_only_ten_positions_are_looked_at() -> None:
    assert called("@x " * 10 + "@Ada") == []


def test_a_wall_of_punctuation_is_no_trap() -> None:
    assert called("@Ada" + "!" * 100_000) == []


@given(st.text(max_size=200))
def test_any_text_is_searched_without_harm(text: str) -> None:
    for candidates in find_mentions(text):
        assert all(candidates)
        assert len(candidates) <= 40


@given(st.sampled_from(["Ada", "Bob"]), st.text(alphabet=".,!?;:)\"'*_~|`", max_size=16))
def test_punctuation_behind_a_name_is_ignored(name: str, after: str) -> None:
    assert called(f"@{name}{after}") == [name]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("@Ada", ""),
        ("@ada  lovelace!", ""),
        ("@Ada, what?", "what"),
        ("hello @Ada", "hello"),
        ("@Bob?", "@Bob"),
    ],
)
def test_a_bare_call_says_nothing_else(text: str, left: str) -> None:
    assert without_mentions(text, ["Ada", "Ada Lovelace"]) == left
