"""What is written of a failure, and when: whole, in order, and not in the way of the next incarnation."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from typing_extensions import override

from actors.runtime import AsyncioActor, Directory
from config.logs import configure_logging

pytestmark = pytest.mark.unit


class Fatal:
    """A message that so many actors fail of."""

    def __init__(self, deaths: int = 1) -> None:
        self.deaths = deaths


class Fragile(AsyncioActor):
    """Fails of what is fatal."""

    @override
    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Fatal) and message.deaths:
            message.deaths -= 1
            raise ValueError("fatal")
        return message


class Records(logging.Handler):
    """What Pykka's loggers and ours have written, in one order."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []
        self.traces: list[Any] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        words = record.msg["event"] if isinstance(record.msg, dict) else str(record.msg)
        self.written.append(words.split(" in ")[0])
        self.traces.append(record.exc_info)


@pytest.fixture
def records() -> Iterator[Records]:
    root, records = logging.getLogger(), Records()
    handlers, level = list(root.handlers), root.level
    configure_logging("json", "info")
    root.addHandler(records)
    yield records
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def directory() -> Directory[int, Fragile]:
    return Directory(lambda _: Fragile.start(), kind="fragile")


async def test_the_next_incarnation_answers_before_the_failure_is_written(
    records: Records, directory: Directory[int, Fragile]
) -> None:
    directory.tell(1, Fatal())
    await directory.ask(1, "behind", 9.0)
    assert records.written == []


async def test_a_failure_is_written_by_the_actor_and_then_by_the_directory(
    records: Records, directory: Directory[int, Fragile]
) -> None:
    directory.tell(1, Fatal())
    await directory.ask(1, "behind", 9.0)
    await directory.stop()
    assert records.written == ["Unhandled exception", "actor_failed"]


async def test_a_failure_is_written_with_its_trace(
    records: Records, directory: Directory[int, Fragile]
) -> None:
    directory.tell(1, Fatal())
    await directory.ask(1, "behind", 9.0)
    await directory.stop()
    _, error, trace = records.traces[0]
    assert (str(error), trace.tb_next is not None) == ("fatal", True)


async def test_a_message_that_kills_again_is_written_in_order(
    records: Records, directory: Directory[int, Fragile]
) -> None:
    directory.tell(1, Fatal(3))
    await directory.ask(1, "behind", 9.0)
    records.written.remove("poison_message")
    once = ["Unhandled exception", "actor_failed"]
    assert records.written == [*once, *once, "actor_waits", *once, "actor_waits"]


async def test_an_actor_of_no_directory_writes_its_failure_at_once(records: Records) -> None:
    ref = Fragile.start()
    ref.tell(Fatal())
    await ref.ended()
    assert records.written == ["Unhandled exception"]
