"""The stand on which a whole bot is measured: the local Discord here, model server and bot beside it."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp
import msgspec
import psutil

from sandbox.interactions import run_command
from sandbox.limits import Limits
from sandbox.people import Person
from sandbox.server import Address, Sandbox
from sandbox.world import Seed, World

Bot = Literal["troupe", "bare"]
READY_S = 90.0
STOP_S = 30.0
CHARACTER = "Hush"
"""A starter character; every bot answers when it is addressed."""


class ModelScript(msgspec.Struct, frozen=True):
    """What every model request gets: seconds to the first token, tokens per second, number of tokens."""

    first_token_s: float
    rate: float
    tokens: int

    @property
    def options(self) -> list[str]:
        """The options of the scripted model server."""
        return [
            f"--ttft={self.first_token_s}",
            f"--rate={self.rate}",
            f"--tokens={self.tokens}",
            "--port=0",
        ]


class Said(msgspec.Struct, frozen=True):
    """A message of a person, findable in prompts by its tag; `at` is monotonic."""

    channel_id: int
    tag: str
    at: float


class Change(msgspec.Struct, frozen=True):
    """A visible change that the bot made; `at` is monotonic."""

    at: float
    message_id: int
    text: str


class Rig:
    """Starts the parts, speaks as a person, and tells what became visible when.

    Where the limits have no global one, Troupe is told so: by default it keeps to the 50 requests per second
    that Discord documents.
    """

    def __init__(self, channels: int, script: ModelScript, limits: Limits | None = None) -> None:
        names = tuple(f"bench-{number}" for number in range(channels))
        self.world = World.fresh(Seed(channels=names))
        self.sandbox = Sandbox(self.world, limits=limits)
        self.channels = [self.world.channel(name) for name in names]
        self.person = Person(self.world, self.world.people[0])
        self.script = script
        self.home = Path(tempfile.mkdtemp(prefix="troupe-bench-"))
        self.model_url = ""
        self._address: Address | None = None
        self._processes: list[asyncio.subprocess.Process] = []
        self.bot: psutil.Process | None = None
        self._said = 0
        self._changes: dict[int, list[Change]] = {}
        self._last_change_at = 0.0
        self.world.subscribe(self._hear)

    async def __aenter__(self) -> Self:
        self._address = await self.sandbox.start()
        model = await self._spawn(
            [sys.executable, "-m", "tests.scripted_model", *self.script.options], {}, keep_output=True
        )
        assert model.stdout is not None  # noqa: S101 - asked for
        self.model_url = msgspec.json.decode(await model.stdout.readline())["base_url"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            await _end(process)
        await self.sandbox.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def address(self) -> Address:
        """Where the local Discord is; inside the context."""
        assert self._address is not None  # noqa: S101 - inside the context
        return self._address

    async def start(self, bot: Bot, worker_host: str = "ray") -> None:
        """Start a bot against this rig and wait until it can answer."""
        assert self._address is not None  # noqa: S101 - inside the context
        port = free_port()
        environment = {
            "DISCORD_TOKEN": self._address.token,
            "DISCORD_API_URL": self._address.api,
            "DISCORD_GATEWAY_URL": self._address.gateway,
            "LLM_BASE_URL": self.model_url,
            "LLM_MODEL": "scripted-1",
            "TROUPE_DATA_DIR": str(self.home / bot),
            "TROUPE_HTTP": f"127.0.0.1:{port}",
            "TROUPE_WORKER_HOST": worker_host,
            "TROUPE_USER_TURNS_PER_MIN": "0",
            "TROUPE_GUILD_TURNS_PER_MIN": "0",
            "TROUPE_LOG_LEVEL": "warning",
            "DISCORD_REQUESTS_PER_S": "45" if self.sandbox.limiter.limits.global_ else "0",
        }
        command = {"troupe": ["-m", "bot", "run"], "bare": ["-m", "bench.bare_bot"]}[bot]
        process = await self._spawn([sys.executable, *command], environment)
        self.bot = psutil.Process(process.pid)
        if bot == "troupe":
            await _until(lambda: _ready(port, workers=worker_host != "none"), READY_S)
        await _until(self._is_connected, READY_S)
        if bot == "troupe":
            for channel in self.channels:
                await self._bring_in(channel)

    async def _bring_in(self, channel_id: int) -> None:
        """Let the character live in a channel, as a person would."""
        path = ["channel", "add-personality"]
        await run_command(self.person, channel_id, path, {"personality": CHARACTER})

    async def stop_bot(self) -> None:
        """End the bot, leaving the rest."""
        await _end(self._processes.pop())
        self.bot = None

    def say(self, channel_id: int) -> Said:
        """Address the character in a channel as a person."""
        self._said += 1
        tag = f"q{self._said:05d}q"
        at = time.monotonic()
        self.person.send(channel_id, f"@{CHARACTER} hello {tag}")
        return Said(channel_id, tag, at)

    async def warm_up(self) -> None:
        """Let every channel have one answer, so that webhooks and actors exist."""
        for batch in range(0, len(self.channels), 16):
            said = [self.say(channel) for channel in self.channels[batch : batch + 16]]
            await self.settled(said)

    async def settled(self, said: list[Said], quiet_s: float = 2.5, limit_s: float = 240.0) -> None:
        """Wait until every message has its answer and nothing has changed for a while."""

        async def done() -> bool:
            is_quiet = time.monotonic() - self._last_change_at > quiet_s
            return is_quiet and all(self.answers(one) for one in said)

        await _until(done, limit_s)

    def answers(self, said: Said) -> list[Change]:
        """Return every visible change that the bot made in the channel since the message."""
        return [change for change in self._changes.get(said.channel_id, ()) if change.at >= said.at]

    def _hear(self, event: str, payload: Mapping[str, Any]) -> None:
        if event in {"MESSAGE_CREATE", "MESSAGE_UPDATE"} and payload.get("webhook_id"):
            self._last_change_at = time.monotonic()
            change = Change(self._last_change_at, int(payload["id"]), str(payload["content"]))
            self._changes.setdefault(int(payload["channel_id"]), []).append(change)

    async def model_times(self) -> dict[str, dict[str, Any]]:
        """Return what the model server saw, by the newest tag in each prompt."""
        url = self.model_url.removesuffix("/v1") + "/scripted/seen"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            seen: list[dict[str, Any]] = msgspec.json.decode(await answer.read())
        return {tag: one for one in reversed(seen) if (tag := _newest_tag(str(one["body"])))}

    def cpu_seconds(self) -> dict[str, float]:
        """CPU used so far by the bot's process, by its workers, and by all else that it started."""
        assert self.bot is not None  # noqa: S101 - started
        spent = {"stage": _cpu(self.bot), "workers": 0.0, "rest": 0.0}
        for child in self.bot.children(recursive=True):
            spent["workers" if _is_worker(child) else "rest"] += _cpu(child)
        return spent

    async def _is_connected(self) -> bool:
        await asyncio.sleep(0.1)
        return any(session.left_at is None for session in self.sandbox.hub.sessions.values())

    async def _spawn(
        self, command: list[str], environment: dict[str, str], *, keep_output: bool = False
    ) -> asyncio.subprocess.Process:
        log = (self.home / "log.txt").open("ab")
        process = await asyncio.create_subprocess_exec(
            *command,
            env=os.environ | environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if keep_output else log,
            stderr=log,
        )
        log.close()
        self._processes.append(process)
        return process


async def _until(condition: Callable[[], Any], limit_s: float) -> None:
    async with asyncio.timeout(limit_s):
        while not await condition():  # noqa: ASYNC110 - other processes send no event
            await asyncio.sleep(0.05)


async def _ready(port: int, *, workers: bool) -> bool:
    with contextlib.suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            async with session.get("/readyz") as ready:
                if ready.status != 200:
                    return False
            async with session.get("/metrics") as answer:
                return not workers or 'workers_connected{kind="llm"} ' in await answer.text()
    return False


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def free_port() -> int:
    """Return a port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _cpu(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _is_worker(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        command = " ".join(process.cmdline())
        return "ray::" in command or "actors.workers.process_main" in command
    return False


def _newest_tag(text: str) -> str | None:
    start = text.rfind("q")
    while start >= 6:
        candidate = text[start - 6 : start + 1]
        if candidate[0] == "q" and candidate[1:6].isdigit():
            return candidate
        start = text.rfind("q", 0, start)
    return None
