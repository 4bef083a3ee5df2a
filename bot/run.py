"""`troupe run`: from settings to a running company, and to an orderly end."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

import uvloop

from bot.app import STOP_S, App
from bot.oversight import dump_on_signal
from config.logs import configure_logging, get_logger
from config.settings import Settings, load_settings
from config.telemetry import configure_telemetry
from supervision.errors import EXIT_SOFTWARE, EscalatedError

log = get_logger(__name__)

EXIT_FORCED = 130


def run() -> int:
    """Run until a signal or a failure that nobody could mend; returns the exit code.

    Raises:
        TroupeError: a part could not start; says how to mend it.
    """
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level)
    configure_telemetry("troupe-stage", settings.otlp_endpoint)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_main(settings))


async def _main(settings: Settings) -> int:
    stopping = asyncio.Event()
    _listen_for_signals(stopping)
    app = App(settings)
    if app.is_local:
        _say("Starting a Discord of our own, since DISCORD_TOKEN is not set …")
    return await _perform(app, stopping)


async def _perform(app: App, stopping: asyncio.Event) -> int:
    """Start the app, wait for its end, and stop it."""
    try:
        await _unless(stopping, app.start())
        if not stopping.is_set():
            dump_on_signal(app.oversight)
            _greet(app)
            await _unless(stopping, app.wait_failed())
        return 0 if stopping.is_set() else EXIT_SOFTWARE
    except EscalatedError as error:
        _say(f"\n  Troupe gives up: {error} {error.origin}\n")
        return EXIT_SOFTWARE
    finally:
        _say("Stopping …")
        try:
            async with asyncio.timeout(STOP_S):
                await app.stop()
        except TimeoutError:
            log.error("stop_took_too_long", seconds=STOP_S)  # noqa: TRY400 - the time says it all


async def _unless(stopping: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do `work`, but give it up when a stop is asked for."""
    doing, asked = asyncio.ensure_future(work), asyncio.create_task(stopping.wait())
    await asyncio.wait({doing, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if doing.done():
        doing.result()
    else:
        doing.cancel()
        await asyncio.wait({doing})


def _listen_for_signals(stopping: asyncio.Event) -> None:
    """The first signal asks for an orderly stop; the second ends at once, which loses nothing committed."""

    def hear() -> None:
        if stopping.is_set():
            os._exit(EXIT_FORCED)
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, hear)


def _greet(app: App) -> None:
    if app.is_local:
        _say(f"\n  Troupe is ready: open http://{app.settings.sandbox_http}")
        _say(f"  In #stage write: @{app.greeter} hello\n")
    else:
        _say("\n  Troupe is ready. In a channel: /channel add-personality, then @Name hello\n")
    _say(app.model_words)
    _say("  Ctrl-C ends everything.\n")


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)  # noqa: T201 - this is for the person at the terminal
