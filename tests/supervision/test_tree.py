import msgspec
import pytest

from supervision.tree import Node, render

pytestmark = pytest.mark.unit


def test_branches_are_drawn_to_any_depth() -> None:
    leaf = Node(name="leaf", up_s=7_260.0, restarts=2)
    root = Node(
        name="root",
        kind="supervisor",
        children=[Node(name="mid", children=[leaf]), Node(name="end", state="down")],
    )
    assert render(root).splitlines() == [
        "root  up",
        "├─ mid  up",
        "│  └─ leaf  up · for 2 h 1 min · 2 restarts",
        "└─ end  down",
    ]


def test_a_tree_survives_json() -> None:
    root = Node(name="root", children=[Node(name="leaf", up_s=3.0)])
    assert msgspec.json.decode(msgspec.json.encode(root), type=Node) == root
