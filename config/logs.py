"""Structured logs: event names with fields, JSON or console, secrets never written."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

SECRET_MARKS = ("token", "secret", "password", "api_key", "authorization", "database_url")
REDACTED = "[redacted]"


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module; call it as `log.info("turn_finished", turn=..., seconds=...)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def configure_logging(form: Literal["auto", "console", "json"] = "auto", level: str = "info") -> None:
    """Send our events and the standard library's records to standard error in one form.

    Args:
        form: `auto` writes for people on a terminal and JSON elsewhere.
        level: the lowest level that is written.
    """
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    console = plain_console(colors=sys.stderr.isatty())
    renderer = structlog.processors.JSONRenderer() if as_json else console
    shared = [*SHARED, structlog.processors.format_exc_info] if as_json else SHARED
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def redact_secrets(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace the value of every field whose name marks a secret."""
    for key in event:
        if any(mark in key.lower() for mark in SECRET_MARKS):
            event[key] = REDACTED
    return event


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    redact_secrets,
]
"""What is done to every event and record before it is rendered."""


def plain_console(*, colors: bool = False) -> structlog.dev.ConsoleRenderer:
    """Return the renderer for people; its tracebacks show no values, which may be secret, and cost little."""
    return structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
