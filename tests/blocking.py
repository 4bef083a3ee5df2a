"""A guard against calls that would block an event loop."""

from blockbuster import BlockBuster


def guard_against_blocking(*modules: str) -> BlockBuster:
    """Return an active guard over these modules; what coverage itself does in them is let through."""
    guard = BlockBuster(scanned_modules=list(modules))
    guard.functions["threading.Lock.acquire"].can_block_in("coverage/collector.py", "lock_data")
    guard.activate()
    return guard
