"""Pykka's actors on asyncio: see `docs/runtime.md` for what is kept and what differs."""

from actors.runtime.actor import AsyncioActor
from actors.runtime.crash_loop import CrashLoops, CrashPolicy
from actors.runtime.directory import Directory
from actors.runtime.future import AsyncioFuture, bridge
from actors.runtime.links import ActorDown, Exit, Link, Monitor
from actors.runtime.overflow import MailboxSpec, Overflow, Rule
from actors.runtime.ref import AsyncioRef, LoopAwareRef
from actors.runtime.registry import find_by_urn
from actors.runtime.thread_actor import ThreadActor

__all__ = [
    "ActorDown",
    "AsyncioActor",
    "AsyncioFuture",
    "AsyncioRef",
    "CrashLoops",
    "CrashPolicy",
    "Directory",
    "Exit",
    "Link",
    "LoopAwareRef",
    "MailboxSpec",
    "Monitor",
    "Overflow",
    "Rule",
    "ThreadActor",
    "bridge",
    "find_by_urn",
]
