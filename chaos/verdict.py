"""The promise, held against the ledger and what is visible: nothing lost, nothing twice, one outcome each."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from chaos.board import Board
from chaos.script import answer_to
from storage.database import Database
from storage.queries import Query

Wrong = Literal["lost", "doubled", "outcome", "text", "unexplained", "not final"]
TURNS = Query(
    "chaos_turns",
    """select t.message_id, p.name as speaker, t.also, t.state, t.reason,
           (select count(*) from turn_changes c
            where c.turn_id = t.id and c.state in ('done', 'failed', 'silent')) as outcomes
       from turns t join personalities p on p.id = t.personality_id
       where t.message_id = any($1::bigint[]) or t.also && $1::bigint[]""",
)
CONSIDERED = Query("chaos_messages", "select id, considered_at from messages where id = any($1::bigint[])")
STRANGE = Query(
    "chaos_strange_turns", "select id, message_id, state from turns where message_id <> all($1::bigint[])"
)
FINAL = frozenset({"done", "failed", "silent"})


class Said(msgspec.Struct):
    """A message of a person: where, its tag, and who must answer it; `speakers` is empty for chatter."""

    message_id: int
    channel_id: int
    tag: str
    speakers: tuple[str, ...]
    deleted: bool = False


class Complaint(msgspec.Struct, frozen=True):
    """Something that breaks the promise."""

    wrong: Wrong
    what: str


class Turn(msgspec.Struct, frozen=True):
    """A turn as the ledger has it; `outcomes` counts the final states it ever had."""

    message_id: int
    speaker: str
    also: tuple[int, ...]
    state: str
    reason: str | None
    outcomes: int


async def judge(database: Database, board: Board, said: Sequence[Said]) -> list[Complaint]:
    """Return everything that is wrong about these messages of people.

    Raises:
        StorageUnavailableError: the database is away.
    """
    ids = [one.message_id for one in said]
    turns = [msgspec.convert(dict(row), Turn) for row in await database.fetch(TURNS, ids)]
    considered = {row["id"]: row["considered_at"] for row in await database.fetch(CONSIDERED, ids)}
    by_id = {one.message_id: one for one in said}
    return [
        *_lost(said, turns, considered),
        *(complaint for turn in turns for complaint in _turn(turn, by_id, board)),
        *_doubled(board, turns, by_id),
    ]


async def judge_all(database: Database, board: Board, said: Sequence[Said]) -> list[Complaint]:
    """Return everything that is wrong about a whole run, also what belongs to no message of a person."""
    strange = await database.fetch(STRANGE, [one.message_id for one in said])
    return [
        *await judge(database, board, said),
        *(Complaint("outcome", f"turn {row['id']} of nobody: {row['state']}") for row in strange),
        *unexplained(board),
    ]


def unexplained(board: Board) -> list[Complaint]:
    """Return the visible messages of characters that are no answers, such as errors."""
    return [
        Complaint("unexplained", f"{seen.author} shows {seen.content[:200]!r}")
        for seen in board.messages.values()
        if not seen.gone and not seen.marks
    ]


def _lost(said: Iterable[Said], turns: Iterable[Turn], considered: Mapping[int, Any]) -> Iterable[Complaint]:
    """Name the messages that nobody knows, nobody decided about, or somebody called for did not take up."""
    known = {(turn.message_id, turn.speaker) for turn in turns}
    for one in said:
        if one.deleted:
            continue
        if considered.get(one.message_id) is None:
            state = "not decided" if one.message_id in considered else "not in the inbox"
            yield Complaint("lost", f"{one.tag}: {state}")
        for speaker in one.speakers:
            if (one.message_id, speaker) not in known:
                yield Complaint("lost", f"{one.tag} by {speaker}: no turn")


def _turn(turn: Turn, said: Mapping[int, Said], board: Board) -> Iterable[Complaint]:
    """Name what is wrong with one turn: its state, or what is visible of it."""
    batch = [said[one] for one in (turn.message_id, *turn.also) if one in said]
    name = f"{batch[0].tag if batch else turn.message_id} by {turn.speaker}"
    if turn.state not in FINAL:
        yield Complaint("not final", f"{name}: {turn.state}")
    elif turn.outcomes != 1:
        yield Complaint("outcome", f"{name}: {turn.outcomes} final states")
    elif turn.state == "done":
        yield from _answer(name, turn, batch, board)
    elif not _is_silence_right(turn, batch):
        yield Complaint("outcome", f"{name}: {turn.state}, {turn.reason}")


def _is_silence_right(turn: Turn, batch: Sequence[Said]) -> bool:
    """Say whether nobody needs to have heard an answer: chatter, a deleted message, or part of a burst."""
    if turn.state != "silent":
        return False
    return turn.reason == "answered together" or all(one.deleted or not one.speakers for one in batch)


def _answer(name: str, turn: Turn, batch: Sequence[Said], board: Board) -> Iterable[Complaint]:
    """Compare what is visible with what the model said to the last message of a batch.

    Where a message was deleted in mid-turn, the answer may stop, or may be one to a message before.
    """
    if any(one.deleted for one in batch) or len(batch) <= len(turn.also):
        return
    tag = batch[-1].tag
    shown = board.answer(turn.speaker, tag)
    if (words := " ".join(seen.content for seen in shown)).split() != answer_to(tag).split():
        excerpts = [f"{seen.content[:24]} … {seen.content[-60:]}" for seen in shown]
        yield Complaint("text", f"{name}, answering {tag}: {len(words)} characters in {excerpts}")


def _doubled(board: Board, turns: Iterable[Turn], said: Mapping[int, Said]) -> Iterable[Complaint]:
    """Name each answer that was begun in two messages, and each sentence that stands in two."""
    for turn in turns:
        for one in (said[message] for message in (turn.message_id, *turn.also) if message in said):
            begun = board.begun(turn.speaker, one.tag)
            if len(begun) > 1:
                yield Complaint("doubled", f"{one.tag} by {turn.speaker} was begun in {len(begun)} messages")
            marks = Counter(mark for seen in board.answer(turn.speaker, one.tag) for mark in set(seen.marks))
            if twice := [place for (_, place), count in marks.items() if count > 1]:
                yield Complaint("doubled", f"{one.tag} by {turn.speaker}: sentences {twice} stand twice")
