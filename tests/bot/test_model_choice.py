import pytest

from actors.models.choice import ModelChoice, SavedChoice
from bot.model_choice import SavedModelChoice
from storage.stores import Stores

pytestmark = pytest.mark.service


async def test_nothing_is_chosen_at_first(stores: Stores) -> None:
    assert await SavedModelChoice(stores.settings).load() is None


async def test_the_last_choice_is_kept(stores: Stores) -> None:
    choice = SavedModelChoice(stores.settings)
    last = SavedChoice(ModelChoice("server", "http://localhost:1/v1", "m"), "- - -")

    await choice.save(SavedChoice(ModelChoice("embedded"), "- - -"))
    await choice.save(last)

    assert await choice.load() == last
