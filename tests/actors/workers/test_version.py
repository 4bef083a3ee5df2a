"""Two ends of different make must find out by the version, never by misreading each other."""

from typing import get_args

import pytest

from actors.workers.frames import Frame
from tests.actors.workers.frame_shapes import shapes, written

pytestmark = pytest.mark.unit

UPDATE = "update: python -m tests.actors.workers.frame_shapes"


def test_no_frame_changes_without_a_new_version() -> None:
    now, before = shapes(), written()

    if now.version == before.version:
        assert now.structs == before.structs, f"frames changed: raise VERSION and {UPDATE}"
    assert now == before, f"VERSION was raised from {before.version} to {now.version}: {UPDATE}"


def test_every_frame_and_what_it_carries_is_written_down() -> None:
    frames = {kind.__name__ for kind in get_args(Frame)}
    carried = {"ChatRequest", "ChatMessage", "Endpoint", "Sampling", "Delta", "Finished", "Usage", "Failure"}

    assert frames | carried <= set(written().structs)


def test_a_shape_knows_names_order_types_and_defaults() -> None:
    hello = shapes().structs["Hello"]

    assert [field["name"] for field in hello["fields"][:2]] == ["id", "kind"]
    assert hello["fields"][3] == {"name": "version", "required": False, "type": {"type": "integer"}}
