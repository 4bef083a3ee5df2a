from uuid import uuid4

import msgspec
import pytest

from storage.errors import ConflictError, StorageError
from storage.records import Preset
from storage.stores import Stores

pytestmark = pytest.mark.service


class Choice(msgspec.Struct, frozen=True):
    model: str
    temperature: float = 1.0


async def test_a_value_comes_back_in_its_type(stores: Stores) -> None:
    await stores.settings.set("global", "model", Choice("a/b", 0.5))
    await stores.settings.set("channel:1", "silent", value=True)
    assert await stores.settings.get("global", "model", Choice) == Choice("a/b", 0.5)
    assert await stores.settings.get("channel:1", "silent", bool) is True


async def test_a_value_belongs_to_its_scope_and_key(stores: Stores) -> None:
    await stores.settings.set("guild:1", "n", 1)
    await stores.settings.set("guild:2", "n", 2)
    assert await stores.settings.get("guild:1", "n", int) == 1
    assert await stores.settings.get("guild:1", "m", int) is None


async def test_the_newest_value_holds(stores: Stores) -> None:
    await stores.settings.set("global", "n", 1)
    await stores.settings.set("global", "n", 2)
    assert await stores.settings.get("global", "n", int) == 2


async def test_a_value_of_another_type_is_a_clear_error(stores: Stores) -> None:
    await stores.settings.set("global", "n", "one")
    with pytest.raises(StorageError, match="setting n of global is not a int"):
        await stores.settings.get("global", "n", int)


async def test_presets_are_seen_by_their_owner_and_common_ones_by_all(stores: Stores) -> None:
    common = Preset(id=uuid4(), name="calm", model="a/b", parameters={"temperature": 0.5, "top_k": 40})
    own = Preset(id=uuid4(), name="Bold", model="a/c", owner_id=3)
    for preset in (common, own):
        await stores.presets.create(preset)
    assert await stores.presets.get(common.id) == common
    assert await stores.presets.get(uuid4()) is None
    assert await stores.presets.visible(3) == [own, common]
    assert await stores.presets.visible(4) == [common]
    with pytest.raises(ConflictError):
        await stores.presets.create(common)
