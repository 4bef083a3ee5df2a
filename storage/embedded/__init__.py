"""A real Postgres that Troupe starts, keeps and stops by itself, from a wheel's binaries."""

from storage.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]
