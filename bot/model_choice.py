"""The owner's choice of a model, kept in the database."""

from actors.models.choice import SavedChoice
from storage.stores.settings import SettingStore

SCOPE, KEY = "global", "model"


class SavedModelChoice:
    """An `actors.models.choice.ChoiceStore` over the settings' table."""

    def __init__(self, settings: SettingStore) -> None:
        self._settings = settings

    async def load(self) -> SavedChoice | None:
        """Return what was saved last, if anything."""
        return await self._settings.get(SCOPE, KEY, SavedChoice)

    async def save(self, saved: SavedChoice) -> None:
        """Keep it."""
        await self._settings.set(SCOPE, KEY, saved)
