"""`troupe dlq`: what failed for good, and what to do about it."""

import argparse
import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

import msgspec

from config.logs import configure_logging
from config.settings import Settings, load_settings
from storage.database import Database
from storage.letters import DeadLetter, LetterState
from storage.migrate import migrate
from storage.stores import Stores

SHORT = 8
MOST = 200
DESCRIPTION = "See what failed for good, try it again, or let it rest. REF is the short id below an apology."


class Letters(msgspec.Struct, frozen=True):
    """What `list --json` prints."""

    letters: list[DeadLetter]


class Decision(msgspec.Struct, frozen=True):
    """What `retry` and `drop` print with `--json`."""

    id: str
    state: Literal["retried", "dropped"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of `troupe dlq`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|retry|drop")
    listing = actions.add_parser("list", help="the newest first")
    listing.add_argument("--state", choices=get_args(LetterState), default="open")
    for action, words in (
        ("show", "everything about one"),
        ("retry", "let it be tried again; a running Troupe does so within seconds"),
        ("drop", "decide that nothing more is to be done"),
    ):
        actions.add_parser(action, help=words).add_argument("ref", metavar="REF")
    for each in actions.choices.values():
        each.add_argument("--json", action="store_true", help="print one JSON object")


def decide(options: argparse.Namespace) -> int:
    """Do what was asked on the command line; returns the exit code.

    Raises:
        StorageError: the database is away, or there is no such letter, or it is closed.
    """
    settings = load_settings()
    configure_logging(settings.log_format, "warning")
    answer = asyncio.run(_answer(settings, options))
    is_json = options.json or not isinstance(answer, Letters | Decision)
    encoded = msgspec.json.encode(answer)
    if options.json:
        words = encoded.decode()
    elif is_json:
        words = msgspec.json.format(encoded, indent=2).decode()
    else:
        words = _in_words(answer)
    print(words, file=sys.stdout)  # noqa: T201 - this is the terminal
    return 0


async def _answer(settings: Settings, options: argparse.Namespace) -> Letters | DeadLetter | Decision:
    async with _stores(settings) as stores:
        letters = stores.dead_letters
        if options.action == "list":
            return Letters(await letters.list(options.state, MOST))
        letter = await letters.find(options.ref)
        if options.action == "show":
            return letter
        if options.action == "retry":
            deadline = datetime.now(UTC) + timedelta(seconds=settings.turn_deadline_s)
            await letters.retry(letter.id, deadline)
            return Decision(str(letter.id), "retried")
        await letters.drop(letter.id)
        return Decision(str(letter.id), "dropped")


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncGenerator[Stores, None]:
    database = await Database.open(settings)
    try:
        await migrate(database)
        yield Stores(database)
    finally:
        await database.close()


def _in_words(answer: Letters | DeadLetter | Decision) -> str:
    match answer:
        case Decision(id=which, state="retried"):
            return f"{which[:SHORT]} is tried again within seconds, or at the next start."
        case Decision(id=which):
            return f"{which[:SHORT]} is dropped."
        case Letters(letters=[]):
            return "No dead letters."
        case Letters(letters=letters):
            return "\n".join(_line(letter) for letter in letters)
        case _:
            return str(answer)


def _line(letter: DeadLetter) -> str:
    when = f"{letter.changed_at:%Y-%m-%d %H:%M}"
    cause = letter.errors[0].message if letter.errors else ""
    what = f"{letter.kind} in channel {letter.channel_id}"
    return f"{letter.id.hex[:SHORT]}  {when}  {letter.state:8} {what}: {letter.reason} {cause}".rstrip()
