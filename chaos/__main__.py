"""`troupe chaos`: kill the stage, its workers and Postgres over and over, and see whether a word is lost."""

import argparse
import asyncio
import secrets
import sys
from typing import get_args

import msgspec
import uvloop

from chaos.loops import run_loops
from chaos.plan import Victim
from chaos.rig import WorkerHost
from config.logs import configure_logging


def main() -> int:
    """Run the loops; the exit code is 0 exactly when the promise held."""
    parser = argparse.ArgumentParser(prog="troupe chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="repeats what was drawn")
    parser.add_argument("--loops", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="number of the first loop")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no loop after so long")
    parser.add_argument("--worker-host", choices=get_args(WorkerHost), default="ray")
    parser.add_argument("--victim", action="append", choices=get_args(Victim), help="kill only these")
    parser.add_argument("--json", action="store_true", help="print exactly one JSON object")
    options = parser.parse_args()
    configure_logging("json", "error")
    print(f"seed {options.seed}", file=sys.stderr, flush=True)
    loops = range(options.first, options.first + options.loops)
    victims = tuple(options.victim or get_args(Victim))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(
            run_loops(options.seed, loops, options.worker_host, victims, options.minutes * 60)
        )
    print(msgspec.json.encode(report).decode() if options.json else report.as_table())
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
