"""The one form in which every bench answers."""

import gc
import os
import platform
from typing import Literal

import msgspec
import psutil

Comparison = Literal["<=", ">=", "=="]


def this_machine() -> dict[str, str | int | float]:
    """Where this was measured, and how busy the place was."""
    return {
        "cpus": os.cpu_count() or 0,
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "load_1m": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "processor": platform.machine(),
    }


class Goal(msgspec.Struct, frozen=True):
    """What a figure should be."""

    op: Comparison
    value: float

    def holds(self, figure: float) -> bool:
        """True when `figure` reaches the goal."""
        match self.op:
            case "<=":
                return figure <= self.value
            case ">=":
                return figure >= self.value
            case "==":
                return figure == self.value


class Report(msgspec.Struct, kw_only=True):
    """Figures with their unit in the key, goals for some of them, and the same figures of peers."""

    name: str
    figures: dict[str, float] = {}
    goals: dict[str, Goal] = {}
    peers: dict[str, dict[str, float]] = {}
    machine: dict[str, str | int | float] = msgspec.field(default_factory=this_machine)
    ok: bool = True
    misses: list[str] = []

    def settle(self) -> "Report":
        """Work out `ok` and `misses`; a goal without its figure is a miss."""
        self.misses = [
            f"{key}: {self.figures.get(key, 'not measured')} instead of {goal.op} {goal.value}"
            for key, goal in self.goals.items()
            if key not in self.figures or not goal.holds(self.figures[key])
        ]
        self.ok = not self.misses
        return self

    def as_table(self) -> str:
        """Return one line for each figure, with its goal and its peers, and one for each miss."""
        lines = [f"{self.name}: {'every goal reached' if self.ok else 'not every goal reached'}"]
        for key, figure in self.figures.items():
            goal = self.goals.get(key)
            peers = "".join(f"   {peer} {of[key]:g}" for peer, of in self.peers.items() if key in of)
            wanted = f"   goal {goal.op} {goal.value:g}" if goal else ""
            lines.append(f"  {key:<45}{figure:>12g}{wanted}{peers}")
        lines += [f"  missed {miss}" for miss in self.misses]
        return "\n".join(lines)


def quantile(values: list[float], share: float) -> float:
    """Return the value below which `share` of `values` lie (nearest rank); NaN when there are none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def rss() -> int:
    """Return the bytes of memory that this process takes once garbage is gone."""
    gc.collect()
    return int(psutil.Process().memory_info().rss)
