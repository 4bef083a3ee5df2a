"""A message whose commit got no answer is told exactly once."""

import pytest
from typing_extensions import override

from bot.client import TroupeClient
from bot.intake import Intake
from storage.database import Database
from storage.errors import StorageUnavailableError
from storage.records import Message
from storage.stores import Stores
from storage.stores.messages import MessageStore
from tests.bot.ears import MAX_AGE_S
from tests.bot.here import Discord, eventually

pytestmark = pytest.mark.discord


class AnswerLost(MessageStore):
    """Commits, but the first answer is lost."""

    is_lost = False

    @override
    async def record(self, message: Message) -> bool:
        is_new = await super().record(message)
        if not self.is_lost:
            self.is_lost = True
            raise StorageUnavailableError
        return is_new


async def test_a_commit_whose_answer_was_lost_is_told_once(discord_here: Discord, database: Database) -> None:
    stores, told = Stores(database), list[int]()
    stores.messages = AnswerLost(database)
    intake = Intake(
        stores, lambda channel_id, _event: told.append(channel_id), set[int]().__contains__, MAX_AGE_S
    )
    await discord_here.connect(TroupeClient(intake, discord_here.register_nothing))

    discord_here.ada().send(discord_here.stage, "Hello!")

    await eventually(lambda: told)
    await intake.drained()
    assert told == [discord_here.stage]
