"""Children whose life a test decides."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from supervision.child import Child, Vitals
from supervision.policy import Restart


@dataclass
class Script:
    """What the incarnations of all children do, and what became of them."""

    story: list[str] = field(default_factory=list[str])
    lives: dict[str, "Life"] = field(default_factory=dict[str, "Life"])
    start_s: float = 0.0
    stop_s: float = 0.0
    bad_starts: int = 0
    obeys: bool = True
    dies_when_killed: bool = True

    def child(self, name: str, restart: Restart = "permanent", **options: Any) -> Child:
        """Return a child that follows the script."""

        async def start() -> Life:
            await asyncio.sleep(self.start_s)
            if self.bad_starts > 0:
                self.bad_starts -= 1
                raise OSError("can't start")
            self.story.append(f"start {name}")
            self.lives[name] = Life(name, self)
            return self.lives[name]

        return Child(name=name, start=start, restart=restart, **options)


class Life:
    """One incarnation."""

    def __init__(self, name: str, script: Script) -> None:
        self._name = name
        self._script = script
        self._end: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    def end(self, error: BaseException | None = None) -> None:
        """End by itself."""
        if not self._end.done():
            self._end.set_result(error)

    async def ended(self) -> BaseException | None:
        """Wait for the end."""
        return await asyncio.shield(self._end)

    async def stop(self) -> None:
        """End, if the script says so."""
        self._script.story.append(f"stop {self._name}")
        await asyncio.sleep(self._script.stop_s)
        if self._script.obeys:
            self.end()

    def kill(self) -> None:
        """End at once, if the script says so."""
        self._script.story.append(f"kill {self._name}")
        if self._script.dies_when_killed:
            self.end()

    def vitals(self) -> Vitals:
        """Look busy."""
        return Vitals(mailbox=3, work="Speak")
