"""What is written of a failure, and when: whole, in order, and not in the way of the next incarnation."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from typing_extensions import override

from actors.runtime import AsyncioActor, Directory

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
    """What both kinds of loggers have written, in one order."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []
        self.traces: list[Any] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(str(record.msg).split(" in ")[0])
        self.traces.append(record.exc_info)

    def note(self, _logger: Any, _method: str, event: Any) -> Any:
        """Note an event of ours, and let nobody else have it."""
        self.written.append(event["event"])
        raise structlog.DropEvent


@pytest.fixture
def records() -> Iterator[Records]:
    records = Records()
    pykka = logging.getLogger("pykka")
    pykka.addHandler(records)
    processors = structlog.get_config()["processors"]
    structlog.configure(processors=[records.note])
    yield records
    structlog.configure(processors=processors)
    pykka.removeHandler(records)


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
