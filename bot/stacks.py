"""Where tasks wait, down to the innermost await; equal stacks are told once."""

import asyncio
import traceback
from collections import Counter
from collections.abc import Iterable
from types import FrameType
from typing import Any

DEEPEST = 24
"""Frames of a stack that are shown."""


def task_stacks(tasks: Iterable["asyncio.Task[Any]"]) -> str:
    """Return their stacks, the most frequent first; `Task.print_stack` knows only the outermost frame."""
    stacks = Counter(_stack(task) for task in tasks)
    return "\n".join(f"--- {count} times {stack}" for stack, count in stacks.most_common())


def _stack(task: "asyncio.Task[Any]") -> str:
    lines: list[str] = []
    waiting: Any = task.get_coro()
    while waiting is not None and len(lines) < DEEPEST:
        frame = _frame(waiting)
        if frame is not None:
            place = traceback.FrameSummary(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
            lines += traceback.format_list([place])
        waiting = _next(waiting)
    name = getattr(task.get_coro(), "__qualname__", "task")
    return "".join([f"{name} ({task.get_name()})\n" if _is_named(task) else f"{name}\n", *lines]).rstrip()


def _is_named(task: "asyncio.Task[Any]") -> bool:
    return not task.get_name().startswith("Task-")


def _frame(waiting: Any) -> FrameType | None:
    for name in ("cr_frame", "gi_frame", "ag_frame"):
        if isinstance(frame := getattr(waiting, name, None), FrameType):
            return frame
    return None


def _next(waiting: Any) -> Any:
    for name in ("cr_await", "gi_yieldfrom", "ag_await"):
        if (inner := getattr(waiting, name, None)) is not None:
            return inner
    return None
