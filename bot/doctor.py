"""`troupe doctor`: look at every part, say how to mend what is not well, and switch the model."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import msgspec

from actors.models.active import ActiveModel
from actors.models.choice import parse_choice
from actors.workers.service import LlmService
from bot.control import ask_running
from bot.examination import discord_part, model_part, place_parts, storage_ill, workers_part
from bot.model_choice import SavedModelChoice
from bot.operators import Health, SwitchModel
from config.errors import TroupeError
from config.logs import configure_logging
from config.settings import Settings, load_settings
from storage.database import Database
from storage.migrate import migrate
from storage.stores import Stores


class Diagnosis(msgspec.Struct, frozen=True):
    """What `--json` prints."""

    ok: bool
    parts: list[Health]


def examine(*, as_json: bool, use_model: str | None) -> int:
    """Check everything, or switch the model; returns the exit code.

    Raises:
        TroupeError: a setting cannot be read, or the model cannot be switched.
    """
    settings = load_settings()
    configure_logging(settings.log_format, "warning")
    if use_model is not None:
        _say(asyncio.run(_switch(settings, use_model)))
        return 0
    parts = asyncio.run(_examine(settings))
    diagnosis = Diagnosis(all(part.ok for part in parts), parts)
    _say(msgspec.json.encode(diagnosis).decode() if as_json else _table(parts))
    return 0 if diagnosis.ok else 1


async def _examine(settings: Settings) -> list[Health]:
    parts = place_parts(settings)
    async with aiohttp.ClientSession() as session:
        parts.append(await discord_part(settings, session))
    parts.append(workers_part(settings))
    try:
        async with _active_model(settings) as model:
            parts.append(Health("storage", ok=True, detail="answers, and its tables are of this version"))
            parts.append(await model_part(model))
    except TroupeError as error:
        parts.append(storage_ill(settings, error))
    return parts


@asynccontextmanager
async def _active_model(settings: Settings) -> AsyncGenerator[ActiveModel, None]:
    """Open the database and settle the model, with model calls in this process."""
    database = await Database.open(settings)
    service = LlmService(msgspec.structs.replace(settings, worker_host="none"))
    try:
        await migrate(database)
        await service.start()
        async with aiohttp.ClientSession() as session:
            model = ActiveModel(
                settings,
                session,
                service,
                SavedModelChoice(Stores(database).settings),
                circuits=service.guard,
            )
            await model.refresh()
            yield model
    finally:
        await service.stop()
        await database.close()


async def _switch(settings: Settings, choice: str) -> str:
    """Tell the running Troupe, or if there is none, save the choice for the next start.

    Raises:
        TroupeError: it refuses, or does not answer.
    """
    wish = msgspec.json.encode(SwitchModel(choice))
    try:
        return await ask_running(settings, "POST", "/control/model", wish)
    except aiohttp.ClientConnectorError:
        async with _active_model(settings) as model:
            use = await model.switch(parse_choice(choice))
            return f"{use.name} will speak from the next start on."


def _table(parts: list[Health]) -> str:
    lines: list[str] = []
    for part in parts:
        lines.append(f"{'✓' if part.ok else '✗'} {part.part:<10} {part.detail}")
        if part.mend:
            lines.append(f"  {'':<10} → {part.mend}")
    return "\n".join(lines)


def _say(words: str) -> None:
    print(words, file=sys.stdout)  # noqa: T201 - this is the terminal
