"""`troupe bench NAME [--json]`: run one bench, or all, and say whether its goals hold."""

import argparse
import asyncio
import importlib
import sys
from collections.abc import Awaitable, Callable

import msgspec
import uvloop

from bench.report import Report
from config.logs import configure_logging

BENCHES = {
    "first-text": "bench.first_text",
    "streams": "bench.streams",
    "start": "bench.start",
    "ledger": "bench.ledger",
    "actors": "bench.actors",
    "workers": "bench.workers",
}


def main() -> int:
    """Run and report; the exit code is 0 exactly when every goal holds."""
    parser = argparse.ArgumentParser(prog="troupe bench", description=__doc__)
    parser.add_argument("name", choices=[*BENCHES, "all"])
    parser.add_argument("--json", action="store_true", help="print exactly one JSON object")
    parser.add_argument("--worker-host", choices=["ray", "processes", "none"], default="ray")
    options = parser.parse_args()
    configure_logging("json", "warning")
    names = list(BENCHES) if options.name == "all" else [options.name]
    reports = [_measure(name, options.worker_host) for name in names]
    if options.json:
        whole: Report | list[Report] = reports[0] if len(reports) == 1 else reports
        print(msgspec.json.encode(whole).decode())
    else:
        print("\n".join(report.as_table() for report in reports))
    return 0 if all(report.ok for report in reports) else 1


def _measure(name: str, worker_host: str) -> Report:
    print(f"→ measuring {name}", file=sys.stderr)
    run: Callable[[str], Awaitable[Report]] = importlib.import_module(BENCHES[name]).run
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_awaited(run(worker_host)))


async def _awaited(report: Awaitable[Report]) -> Report:
    return await report


if __name__ == "__main__":
    sys.exit(main())
