"""Everything that is kept, each kind behind its store."""

from storage.database import Database
from storage.stores.dead_letters import DeadLetterStore
from storage.stores.deliveries import DeliveryStore
from storage.stores.faces import FaceStore
from storage.stores.messages import MessageStore
from storage.stores.personalities import PersonalityStore
from storage.stores.presets import PresetStore
from storage.stores.rosters import RosterStore
from storage.stores.settings import SettingStore
from storage.stores.turns import TurnStore
from storage.stores.webhooks import WebhookStore

__all__ = ["Stores"]


class Stores:
    """All stores over one database."""

    def __init__(self, database: Database) -> None:
        self.messages = MessageStore(database)
        self.personalities = PersonalityStore(database)
        self.faces = FaceStore(database)
        self.rosters = RosterStore(database)
        self.turns = TurnStore(database)
        self.deliveries = DeliveryStore(database)
        self.dead_letters = DeadLetterStore(database)
        self.webhooks = WebhookStore(database)
        self.settings = SettingStore(database)
        self.presets = PresetStore(database)
