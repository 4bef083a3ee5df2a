"""`troupe bench start`: seconds from the command to a page and to a first visible text; memory at rest."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import psutil

from bench.report import Goal, Report
from bench.rig import CHARACTER, free_port
from bot.starter.company import read_company

LIMIT_S = 120.0
REST_S = 8.0
GOALS = {
    "first_start_to_text_s": Goal("<=", 8.0),
    "second_start_to_text_s": Goal("<=", 5.0),
}
HOSTS = ("ray", "processes")


async def run(_worker_host: str = "ray") -> Report:
    """Start Troupe twice on a new data directory with each worker host."""
    report = Report(name="start", goals=GOALS)
    for host in HOSTS:
        home = Path(tempfile.mkdtemp(prefix="troupe-bench-"))
        try:
            for which in ("first", "second"):
                found = await _start(home, host)
                kept = found if which == "second" else {k: v for k, v in found.items() if k.endswith("_s")}
                prefix = "" if host == "ray" else f"{host}_"
                report.figures |= {f"{prefix}{which}_{key}": value for key, value in kept.items()}
        finally:
            shutil.rmtree(home, ignore_errors=True)
    return report.settle()


async def _start(home: Path, host: str) -> dict[str, float]:
    page, operators = free_port(), free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("LLM_", "DISCORD_"))
    }
    environment |= {
        "TROUPE_DATA_DIR": str(home),
        "TROUPE_SANDBOX_HTTP": f"127.0.0.1:{page}",
        "TROUPE_HTTP": f"127.0.0.1:{operators}",
        "TROUPE_WORKER_HOST": host,
    }
    log = (home / "log.txt").open("ab")
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", env=environment, stdout=log, stderr=log
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            await _answers(f"http://127.0.0.1:{page}/")
            page_s = time.monotonic() - began
            await _first_text(f"http://127.0.0.1:{page}")
        text_s = time.monotonic() - began
        await asyncio.sleep(REST_S)
        memory = _memory(psutil.Process(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
        log.close()
    return {"start_to_page_s": round(page_s, 2), "start_to_text_s": round(text_s, 2)} | memory


async def _answers(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    if answer.ok:
                        return
            await asyncio.sleep(0.02)


async def _first_text(url: str) -> None:
    """Write to a character on the page and wait for the first word of its answer."""
    async with (
        aiohttp.ClientSession(headers={"Origin": url}) as session,
        session.ws_connect(f"{url}/ws") as tab,
    ):
        await tab.send_json({"op": "hello", "id": 1})
        snapshot = await _event(tab, "snapshot")
        stage = next(one["id"] for one in snapshot["channels"] if one.get("name") == "stage")
        await tab.send_json({"op": "send", "id": 2, "channel_id": stage, "content": f"@{CHARACTER} hello"})
        while not _is_answer((await _event(tab, "message_create"))["message"]):
            pass


def _is_answer(message: dict[str, Any]) -> bool:
    """True for words that a model made: characters also greet, with words that were written before."""
    greetings = {person.first_message.strip() for person in read_company()}
    return bool(message.get("webhook_id")) and message["content"].strip() not in greetings


async def _event(tab: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    while True:
        event: dict[str, Any] = msgspec.json.decode(await tab.receive_str())
        if event.get("t") == kind:
            return event


def _memory(stage: psutil.Process) -> dict[str, float]:
    """Proportional set size by part, in MB."""
    parts: dict[str, float] = {}
    for process in [stage, *stage.children(recursive=True), *_servers(stage.create_time())]:
        with contextlib.suppress(psutil.NoSuchProcess):
            part = "stage" if process.pid == stage.pid else _part(" ".join(process.cmdline()))
            parts[part] = parts.get(part, 0.0) + process.memory_full_info().pss / 2**20
    figures = {f"memory_{part}_mb": round(size, 1) for part, size in parts.items()}
    return figures | {"memory_all_mb": round(sum(parts.values()), 1)}


def _servers(since: float) -> list[psutil.Process]:
    """Return Postgres's processes: it runs apart from whoever started it."""
    found = psutil.process_iter(["name", "create_time"])
    return [one for one in found if one.info["name"] == "postgres" and one.info["create_time"] >= since]


def _part(command: str) -> str:
    for part, mark in (
        ("sandbox", "-m sandbox"),
        ("postgres", "postgres"),
        ("model", "model_child"),
        ("ray_driver", "ray_driver"),
        ("ray", "ray"),
        ("workers", "actors.workers"),
    ):
        if mark in command:
            return part
    return "other"
