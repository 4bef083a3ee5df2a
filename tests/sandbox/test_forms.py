import pytest

from sandbox.errors import ActionRefusedError
from sandbox.forms import Form
from sandbox.people import Person
from sandbox.world import World

pytestmark = pytest.mark.unit

MODAL = {
    "title": "Everything",
    "custom_id": "all",
    "components": [
        {"type": 10, "content": "Fill this in"},
        {
            "type": 1,
            "components": [{"type": 4, "custom_id": "name", "label": "Name", "style": 1, "max_length": 9}],
        },
        {
            "type": 18,
            "label": "Who",
            "component": {"type": 5, "custom_id": "who", "required": False, "max_values": 2},
        },
        {
            "type": 18,
            "label": "Mood",
            "component": {
                "type": 3,
                "custom_id": "mood",
                "required": False,
                "options": [{"label": "Gay", "value": "gay"}, {"label": "Grim", "value": "grim"}],
            },
        },
        {"type": 18, "label": "Face", "component": {"type": 19, "custom_id": "face", "required": False}},
    ],
}


@pytest.fixture
def world() -> World:
    return World.fresh()


def fill(world: World, **values: object) -> dict[str, object]:
    ada = Person(world, world.owner_id)
    return Form(ada, world.channel("stage"), MODAL, values).data()


def submitted(data: dict[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    components = data["components"]
    assert isinstance(components, list)
    for node in components:
        for control in [*node.get("components", []), node.get("component") or {}]:
            if control:
                found[control["custom_id"]] = control.get("value", control.get("values"))
    return found


def test_every_kind_of_control_is_sent_as_discord_sends_it(world: World) -> None:
    bjorn = str(world.people[1])
    data = fill(world, name="Kay", who=[bjorn], mood=["grim"], face=[("face.png", b"png")])
    sent = submitted(data)
    resolved = data["resolved"]
    assert isinstance(resolved, dict)
    assert (sent["name"], sent["who"], sent["mood"]) == ("Kay", [bjorn], ["grim"])
    assert sent["face"] == list(resolved["attachments"])
    assert resolved["users"][bjorn]["username"] == "bjorn"
    assert data["custom_id"] == "all"


def test_what_is_optional_may_stay_empty(world: World) -> None:
    data = fill(world, name="Kay")
    assert submitted(data) == {"name": "Kay", "who": [], "mood": [], "face": []}
    assert "resolved" not in data


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"name": "x" * 10},
        {"name": "Kay", "who": ["1"]},
        {"name": "Kay", "who": ["nobody"]},
        {"name": "Kay", "who": ["1", "2", "3"]},
        {"name": "Kay", "mood": ["bored"]},
    ],
)
def test_what_does_not_fit_is_refused(world: World, values: dict[str, object]) -> None:
    with pytest.raises(ActionRefusedError):
        fill(world, **values)
