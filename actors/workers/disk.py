"""The one thread that touches the files of large blobs: no loop waits for a disk, and order is kept."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

DISK = ThreadPoolExecutor(1, "disk")


def on_disk(work: Callable[..., T], *arguments: object) -> "asyncio.Future[T]":
    """Do blocking work after all that was asked for before."""
    return asyncio.get_running_loop().run_in_executor(DISK, work, *arguments)
