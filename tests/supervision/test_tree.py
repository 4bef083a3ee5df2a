import msgspec
import pytest

from supervision.tree import Node, render, span

pytestmark = pytest.mark.unit


def test_branches_are_drawn_to_any_depth_and_facts_stand_in_one_column() -> None:
    leaf = Node(name="leaf", up_s=7_260.0, restarts=2, mailbox=0, work="a turn")
    root = Node(
        name="root",
        kind="supervisor",
        state="running",
        children=[
            Node(name="mid", children=[leaf]),
            Node(name="end", state="down"),
            Node(name="late", state="starting", restarts=1),
        ],
    )
    assert render(root).splitlines() == [
        "● root",
        "├─ ● mid",
        "│  └─ ● leaf  2 h 1 min · 2 restarts · 0 unread · a turn",
        "├─ ○ end      down",
        "└─ ◐ late     starting · 1 restart",
    ]


def test_what_is_too_much_to_show_is_counted() -> None:
    root = Node(name="root", children=[Node(name="a")], hidden=7)
    assert render(root).splitlines() == ["● root", "├─ ● a", "└─ … 7 more"]


def test_on_a_terminal_the_state_is_a_colour() -> None:
    drawn = render(Node(name="root", state="down"), colours=True)
    assert drawn == "\x1b[31m○\x1b[0m root  \x1b[2mdown\x1b[0m"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.9, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3_600, "1 h 0 min"), (90_000, "1 d 1 h")],
)
def test_a_time_is_told_in_two_units(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_a_tree_survives_json() -> None:
    root = Node(name="root", children=[Node(name="leaf", up_s=3.0)])
    assert msgspec.json.decode(msgspec.json.encode(root), type=Node) == root
