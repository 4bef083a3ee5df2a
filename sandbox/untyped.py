"""Reading JSON whose shape nobody has checked yet."""

from typing import Any, TypeGuard


def record(value: Any) -> dict[str, Any]:
    """Return a JSON object as it is, and an empty one for anything else."""
    return value if _is_record(value) else {}


def sequence(value: Any) -> list[Any]:
    """Return a JSON array as it is, and an empty one for anything else."""
    return value if _is_sequence(value) else []


def _is_record(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_sequence(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
