"""`python -m sandbox`: the sandbox as a process of its own."""

import argparse
import asyncio
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop

from config.logs import configure_logging
from sandbox.errors import SandboxError
from sandbox.saving import open_world
from sandbox.server import Sandbox
from sandbox.world import World

USAGE_ERROR = 1


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Options of the command line."""

    host: str = "127.0.0.1"
    port: int = 8200
    data_dir: Path | None = None
    token: str | None = None
    secret: str | None = None
    page: bool = True
    follow_stdin: bool = False


def read_options(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; prints usage and exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8200, help="port; 0 takes a free one")
    parser.add_argument(
        "--data-dir", type=_directory, help="where the state is kept; without it, in memory only"
    )
    parser.add_argument("--token", help="the bot's token; fixed by the world when absent")
    parser.add_argument("--secret", help="bearer secret of the admin routes; random when absent")
    parser.add_argument("--no-page", dest="page", action="store_false", help="serve no web page")
    parser.add_argument("--follow-stdin", action="store_true", help="end when standard input closes")
    return Options(**vars(parser.parse_args(arguments)))


async def serve(options: Options) -> None:
    """Serve until SIGTERM or SIGINT; says on standard output, in one JSON line, where everything is.

    Raises:
        SandboxError: the saved state cannot be read.
        OSError: the port is taken or the data directory cannot be written.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.follow_stdin:
        threading.Thread(target=_follow_stdin, args=(loop, stop), daemon=True).start()
    world, saver = World.fresh(), None
    if options.data_dir is not None:
        world, saver = await open_world(options.data_dir)
    sandbox = Sandbox(world, token=options.token, secret=options.secret, page=options.page)
    try:
        address = await sandbox.start(options.host, options.port)
        if saver is not None:
            saver.start()
        sys.stdout.write(msgspec.json.encode(address).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await sandbox.stop()
        if saver is not None:
            await saver.close()


def _directory(text: str) -> Path:
    return Path(text).expanduser().resolve()


def _follow_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):  # not sys.stdin: its lock would be held when the interpreter ends
        pass
    loop.call_soon_threadsafe(stop.set)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sandbox and return the exit code."""
    configure_logging()
    try:
        uvloop.run(serve(read_options(arguments)))
    except (SandboxError, OSError) as error:
        sys.stderr.write(f"The sandbox cannot start: {error}\n")
        return USAGE_ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main())
