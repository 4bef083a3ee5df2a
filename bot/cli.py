"""`troupe`: the program's command line."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

from config.errors import TroupeError

Command = Callable[[argparse.Namespace], int]
EXIT_FAILURE = 1
EXIT_INTERRUPTED = 130
"""What a shell reports of a program that Ctrl-C has ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code; an expected error is one line, not a traceback."""
    try:
        return _perform(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _perform(given: list[str]) -> int:
    if given[:1] in (["sandbox"], ["bench"], ["chaos"]):
        _become(given[0], given[1:])
    options = _parser().parse_args(given)
    command: Command = options.command
    try:
        return command(options)
    except TroupeError as error:
        print(f"troupe: {error}", file=sys.stderr)  # noqa: T201 - this is the terminal
        if getattr(options, "json", False):
            print(json.dumps({"error": str(error)}))  # noqa: T201 - whoever asked for JSON reads JSON
        return EXIT_FAILURE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="troupe", description="A company of AI characters for Discord.")
    parser.add_argument("--version", action="version", version=f"troupe {version('troupe')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="start; without DISCORD_TOKEN on its own local Discord")
    run.set_defaults(command=_run)
    migrate = commands.add_parser("migrate", help="bring the database to this version")
    migrate.set_defaults(command=_migrate)
    doctor = commands.add_parser("doctor", help="check every part and say how to mend it")
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.add_argument("--use-model", metavar="CHOICE", help="switch the model, also of a running Troupe")
    doctor.set_defaults(command=_doctor)
    tree = commands.add_parser("tree", help="show what the running Troupe is made of, and how it does")
    tree.add_argument("--json", action="store_true", help="print one JSON object")
    tree.set_defaults(command=_tree)
    _add_letters(commands.add_parser("dlq", help="see what failed for good, and try it again"))
    commands.add_parser("sandbox", help="start the local Discord alone")
    commands.add_parser("bench", help="measure: first-text, streams, start, ledger, actors, workers")
    commands.add_parser("chaos", help="kill stage, workers and Postgres; see that nothing is lost")
    return parser


def _add_letters(parser: argparse.ArgumentParser) -> None:
    from bot.dead_letters import add_arguments, decide  # noqa: PLC0415 - other commands need none of this

    add_arguments(parser)
    parser.set_defaults(command=decide)


def _become(package: str, arguments: list[str]) -> None:
    """Replace this process: these packages lie above the bot, which must not import them."""
    os.execv(sys.executable, [sys.executable, "-m", package, *arguments])  # noqa: S606 - our own module


def _run(_options: argparse.Namespace) -> int:
    from bot.run import run  # noqa: PLC0415 - other commands need none of this

    return run()


def _migrate(_options: argparse.Namespace) -> int:
    from bot.maintenance import migrate_now  # noqa: PLC0415 - same

    return migrate_now()


def _tree(options: argparse.Namespace) -> int:
    from bot.tree import show  # noqa: PLC0415 - same

    return show(as_json=options.json)


def _doctor(options: argparse.Namespace) -> int:
    from bot.doctor import examine  # noqa: PLC0415 - same

    return examine(as_json=options.json, use_model=options.use_model)
