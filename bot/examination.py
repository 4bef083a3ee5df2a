"""The parts that `troupe doctor` looks at, one function each."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import aiohttp
import msgspec

from actors.models.active import ActiveModel
from bot.endpoints import api_base
from bot.operators import Health
from config.errors import TroupeError
from config.settings import Settings

DISCORD = "https://discord.com"
ASK_S = 10.0
LEAST_DISK = 2 * 2**30
OLDEST_PYTHON = (3, 11)
MESSAGE_CONTENT = (1 << 18) | (1 << 19)
"""The portal's Message Content switch, of verified and of small bots (Discord: application flags)."""


class Application(msgspec.Struct, frozen=True):
    """As much of `GET /applications/@me` as is looked at."""

    name: str
    flags: int = 0


def place_parts(settings: Settings) -> list[Health]:
    """Look at Python and at the data directory."""
    version = ".".join(map(str, sys.version_info[:3]))
    python = Health("python", ok=sys.version_info >= OLDEST_PYTHON, detail=version, mend="")
    folder = _existing(settings.data_path)
    if not os.access(folder, os.W_OK):
        mend = f"make {folder} writable, or set TROUPE_DATA_DIR"
        return [python, Health("data", ok=False, detail=f"{settings.data_path} cannot be written", mend=mend)]
    free = shutil.disk_usage(folder).free
    detail = f"{settings.data_path}, {free / 2**30:.0f} GB free"
    mend = "" if free >= LEAST_DISK else "free some disk space: at least 2 GB"
    return [python, Health("data", ok=not mend, detail=detail, mend=mend)]


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


async def discord_part(settings: Settings, session: aiohttp.ClientSession) -> Health:
    """Ask Discord whether it knows the bot, and whether it may read messages."""
    if not settings.discord_token:
        return Health("discord", ok=True, detail="no token: a local Discord is started with the bot")
    url = f"{api_base(settings.discord_api_url or DISCORD)}/applications/@me"
    headers = {"Authorization": f"Bot {settings.discord_token}"}
    deadline = aiohttp.ClientTimeout(total=ASK_S)
    try:
        async with session.get(url, headers=headers, timeout=deadline) as answer:
            if answer.status == 401:  # noqa: PLR2004 - HTTP
                return _ill("the token is not accepted", "copy it anew from the developer portal, under Bot")
            answer.raise_for_status()
            application = msgspec.json.decode(await answer.read(), type=Application)
    except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
        return _ill(f"cannot be reached ({type(error).__name__})", "check the network and DISCORD_API_URL")
    if not application.flags & MESSAGE_CONTENT:
        return _ill(
            "messages arrive without their text",
            "switch on Message Content Intent in the developer portal, under Bot",
        )
    return Health("discord", ok=True, detail=f"knows the bot as {application.name}")


def _ill(detail: str, mend: str) -> Health:
    return Health("discord", ok=False, detail=detail, mend=mend)


def workers_part(settings: Settings) -> Health:
    """Look whether the chosen worker host is installed."""
    if settings.worker_host == "ray" and importlib.util.find_spec("ray") is None:
        mend = "run `make run` once more, or set TROUPE_WORKER_HOST=processes"
        return Health("workers", ok=False, detail="Ray is not installed", mend=mend)
    where = f", cluster {settings.ray_address}" if settings.ray_address else ""
    return Health("workers", ok=True, detail=f"hosted by {settings.worker_host}{where}")


def storage_ill(settings: Settings, error: TroupeError) -> Health:
    """Say why the database cannot be used; the errors of the storage name what is wrong."""
    own = f"look into {settings.data_path}/postgres, or set DATABASE_URL to a Postgres with pgvector"
    mend = "mend DATABASE_URL, or unset it: Troupe brings its own" if settings.database_url else own
    return Health("storage", ok=False, detail=str(error), mend=mend)


async def model_part(model: ActiveModel) -> Health:
    """Say which model is in use and let it speak one sentence."""
    use = model.describe()
    report = await model.test()
    options = ", ".join(str(option.choice) for option in await model.options())
    ways = f"`troupe doctor --use-model CHOICE` switches; here: {options}"
    others = await _fallbacks(model)
    if not report.ok:
        detail = f"{use.name or use.kind}: {report.problem}{others}"
        return Health("model", ok=False, detail=detail, mend=ways)
    pace = f"first token after {report.first_token_s or 0:.2f} s, then {report.tokens_per_s or 0:.0f}/s"
    kind = "the demonstration model; " + " ".join(use.ways) if use.is_demonstration else use.reason
    return Health("model", ok=True, detail=f"{use.name} answers, {pace} ({kind}){others}", mend=ways)


async def _fallbacks(model: ActiveModel) -> str:
    """Say how those do that stand in for the model in use."""
    reports = await model.test_fallbacks()
    states = (f"{name} {'answers' if report.ok else report.problem}" for name, report in reports)
    return "".join(f"; fallback {state}" for state in states)
