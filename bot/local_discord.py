"""The local Discord as a child process, for a bot without a token."""

import asyncio
import sys
from asyncio.subprocess import Process

import msgspec

from config.errors import TroupeError
from config.settings import Settings
from supervision.child import Child
from supervision.process import process_child

START_S = 30.0
STOP_S = 5.0


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
    """Runs the local Discord, every time on the port that the first one found.

    The child ends by itself when our end of its standard input closes, so nothing of it survives us.

    Attributes:
        settings: once it is up, they point to it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def child(self) -> Child:
        """Return how to supervise it.

        A start fails with `LocalDiscordError` when it does not come up; the port may be taken.
        """
        return process_child(
            "local discord",
            self._launch,
            ready=self._hear,
            start_timeout_s=START_S + STOP_S,
            stop_budget_s=STOP_S,
        )

    async def _launch(self) -> Process:
        host, _, port = self.settings.sandbox_http.rpartition(":")
        data = self.settings.data_path / "sandbox"
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sandbox", "--follow-stdin"),
            *("--host", host or "127.0.0.1", "--port", port, "--data-dir", str(data)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )

    async def _hear(self, process: Process) -> None:
        """Wait until it says where it is."""
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            async with asyncio.timeout(START_S):
                line = await process.stdout.readline()
            address = msgspec.json.decode(line, type=LocalAddress)
        except (TimeoutError, msgspec.MsgspecError) as error:
            raise LocalDiscordError(
                f"The local Discord did not start on {self.settings.sandbox_http}."
                " If the port is taken, set TROUPE_SANDBOX_HTTP to another."
            ) from error
        self.settings = msgspec.structs.replace(
            self.settings,
            sandbox_http=address.url.removeprefix("http://"),
            discord_token=address.token,
            discord_api_url=address.api,
            discord_gateway_url=address.gateway,
            owner_id=self.settings.owner_id or address.owner_id,
        )
