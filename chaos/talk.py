"""People who talk: they mention, answer, chat, hurry, correct themselves and take back what they said."""

import asyncio
from collections.abc import Iterable, Sequence

from chaos.board import Board
from chaos.plan import PEOPLE, Remark
from chaos.script import tag_of
from chaos.verdict import Said
from sandbox.people import Person
from sandbox.world import World

BURST = 4
BURST_S = 0.15
SECOND_THOUGHT_S = 0.4


class Talk:
    """Acts in a world as its people.

    Attributes:
        said: everything said so far; the marks of the messages count on from one to the next.
    """

    def __init__(self, world: World, channels: Sequence[int], board: Board) -> None:
        for number in range(len(world.people), PEOPLE):
            world.add_person(f"person-{number}", f"Person {number}")
        self._people = [Person(world, one) for one in world.people[:PEOPLE]]
        self._channels = channels
        self._board = board
        self.said: list[Said] = []

    async def perform(self, remarks: Iterable[Remark]) -> None:
        """Do what the remarks say, each at its time."""
        began = asyncio.get_running_loop().time()
        for remark in remarks:
            await asyncio.sleep(began + remark.at_s - asyncio.get_running_loop().time())
            await self._do(remark)

    def say(
        self, channel: int, *speakers: str, person: int = 0, words: str = "", reply_to: int | None = None
    ) -> Said:
        """Say something to those who must answer it; to nobody it is chatter."""
        tag = tag_of(len(self.said))
        called = words or " ".join(f"@{speaker}" for speaker in speakers)
        sent = self._people[person].send(
            self._channels[channel], f"{called} hello {tag}".strip(), reply_to=reply_to
        )
        one = Said(int(sent["id"]), self._channels[channel], tag, speakers)
        self.said.append(one)
        return one

    async def _do(self, remark: Remark) -> None:
        match remark.kind:
            case "burst":
                for _ in range(BURST):
                    self.say(remark.channel, *remark.speakers, person=remark.person)
                    await asyncio.sleep(BURST_S)
            case "reply":
                self._reply(remark)
            case "edit" | "delete":
                said = self.say(remark.channel, *remark.speakers, person=remark.person)
                await asyncio.sleep(SECOND_THOUGHT_S)
                self._rethink(said, remark)
            case "chatter":
                self.say(remark.channel, person=remark.person, words="some idle words,")
            case "mention" | "two mentions":
                self.say(remark.channel, *remark.speakers, person=remark.person)

    def _reply(self, remark: Remark) -> None:
        """Reply to the speaker's last complete message in the channel; without one, call it by name."""
        speaker, channel_id = remark.speakers[0], self._channels[remark.channel]
        found = [
            seen.message_id
            for seen in self._board.messages.values()
            if (seen.author, seen.channel_id, seen.gone) == (speaker, channel_id, False)
        ]
        if found:
            self.say(remark.channel, speaker, person=remark.person, words="well,", reply_to=max(found))
        else:
            self.say(remark.channel, speaker, person=remark.person)

    def _rethink(self, said: Said, remark: Remark) -> None:
        person = self._people[remark.person]
        if remark.kind == "delete":
            said.deleted = True
            person.delete(said.channel_id, said.message_id)
        else:
            called = " ".join(f"@{speaker}" for speaker in said.speakers)
            person.edit(said.channel_id, said.message_id, f"{called} well, hello {said.tag}")
