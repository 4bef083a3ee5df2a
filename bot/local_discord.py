"""The local Discord as a child process, for a bot without a token."""

import asyncio
import sys

import msgspec

from config.errors import TroupeError
from config.logs import get_logger
from config.settings import Settings

log = get_logger(__name__)

START_S = 30.0
STOP_S = 5.0
RESTART_PAUSE_S = 1.0


class LocalDiscordError(TroupeError):
    """The local Discord did not start."""


class LocalAddress(msgspec.Struct, frozen=True):
    """What the child says when it is ready."""

    url: str
    api: str
    gateway: str
    token: str
    owner_id: int


class LocalDiscord:
    """Starts the child, keeps it running on the same port, and ends it.

    The child ends by itself when our end of its standard input closes, so nothing of it survives us.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> Settings:
        """Start it and return settings that point to it.

        Raises:
            LocalDiscordError: it did not come up; the port may be taken.
        """
        address = await self._spawn()
        self._settings = msgspec.structs.replace(
            self._settings, sandbox_http=address.url.removeprefix("http://")
        )
        self._keeper = asyncio.create_task(self._keep_running())
        return msgspec.structs.replace(
            self._settings,
            discord_token=address.token,
            discord_api_url=address.api,
            discord_gateway_url=address.gateway,
            owner_id=self._settings.owner_id or address.owner_id,
        )

    async def stop(self) -> None:
        """End the child."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        if self._process is not None:
            await _end(self._process)

    async def _spawn(self) -> LocalAddress:
        data = self._settings.data_path / "sandbox"
        host, _, port = self._settings.sandbox_http.rpartition(":")
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sandbox", "--follow-stdin"),
            *("--host", host or "127.0.0.1", "--port", port, "--data-dir", str(data)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            async with asyncio.timeout(START_S):
                line = await process.stdout.readline()
            return msgspec.json.decode(line, type=LocalAddress)
        except (TimeoutError, msgspec.MsgspecError) as error:
            await _end(process)
            raise LocalDiscordError(
                f"The local Discord did not start on {self._settings.sandbox_http}."
                " If the port is taken, set TROUPE_SANDBOX_HTTP to another."
            ) from error

    async def _keep_running(self) -> None:
        while True:
            assert self._process is not None  # noqa: S101 - spawned before
            code = await self._process.wait()
            log.warning("local_discord_ended", code=code)
            await asyncio.sleep(RESTART_PAUSE_S)
            try:
                await self._spawn()
            except LocalDiscordError as error:
                log.error("local_discord_lost", error=str(error))  # noqa: TRY400 - the reason is enough


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let the child end by itself, and kill it when it takes too long."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
