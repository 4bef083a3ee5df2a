"""Finding the visible messages of a delivery again that the end of a process cut off."""

from collections.abc import Sequence

import msgspec

from bot.delivery.mouths import Mouth, Shown
from bot.delivery.ports import DeliveryLedger
from bot.delivery.webhook_mouth import Claims
from config.logs import get_logger
from storage.records import Chunk

log = get_logger(__name__)

PARAGRAPH = "\n\n"
VISIBLE = frozenset({"posted", "final"})


class Standing(msgspec.Struct):
    """A message that is there: its place in the delivery, and whether we can still change it."""

    position: int
    shown: Shown
    is_ours: bool
    is_recorded: bool


class Resumption(msgspec.Struct):
    """What stands of a delivery, and the place of its next message."""

    standing: list[Standing]
    next_position: int

    @property
    def text(self) -> str:
        """All that is visible."""
        return PARAGRAPH.join(one.shown.text for one in self.standing)


async def find_standing(
    mouth: Mouth, ledger: DeliveryLedger, claims: Claims, chunks: Sequence[Chunk], after: int
) -> Resumption:
    """Find what is visible of a delivery; a post in doubt is looked for in the channel.

    Args:
        mouth: through what its speaker speaks.
        ledger: knows the messages of all other deliveries.
        claims: takes in what is found.
        chunks: the messages of the delivery as far as the ledger knows.
        after: a snowflake from before the delivery.

    Raises:
        DeliveryError: Discord refuses to be asked.
    """
    standing: list[Standing] = []
    for chunk in chunks:
        if chunk.message_id is not None and chunk.state in VISIBLE:
            claims.add(chunk.message_id)
            shown = await mouth.recall(chunk.message_id, chunk.text, chunk.webhook_id or 0)
            is_ours = bool(shown.webhook) == bool(chunk.webhook_id)
            standing.append(Standing(chunk.position, shown, is_ours, is_recorded=True))
        elif chunk.state == "posting":
            found = await _settle_doubt(mouth, ledger, chunk, after)
            if found is not None:
                claims.add(found.message_id)
                standing.append(Standing(chunk.position, found, is_ours=True, is_recorded=False))
    taken = [one.position for one in standing] + [chunk.position for chunk in chunks if chunk.state == "gone"]
    return Resumption(standing, max(taken, default=-1) + 1)


async def _settle_doubt(mouth: Mouth, ledger: DeliveryLedger, chunk: Chunk, after: int) -> Shown | None:
    """Return the message that a post became whose answer nobody heard, if it became one."""
    for candidate in await mouth.candidates(chunk.webhook_id or 0, after):
        if await ledger.by_message(candidate.message_id) is None:
            log.info("post_found", turn=str(chunk.turn_id), message=candidate.message_id)
            return candidate
    return None
