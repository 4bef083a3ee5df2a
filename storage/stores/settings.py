"""Settings that people change while Troupe runs: typed JSON by scope and key."""

from typing import TypeVar

import msgspec

from storage.errors import StorageError
from storage.queries import query
from storage.stores.base import Store

GET, SET = query("get_setting"), query("set_setting")
Value = TypeVar("Value")


class SettingStore(Store):
    """Values by scope (`global`, `guild:1`, `channel:1`, `user:1`) and key."""

    async def get(self, scope: str, key: str, kind: type[Value]) -> Value | None:
        """Return a value, or None if it was never set.

        Raises:
            StorageError: what is kept is not a `kind`.
        """
        value = await self._database.fetch_value(GET, scope, key)
        if value is None:
            return None
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise StorageError(f"The setting {key} of {scope} is not a {kind.__name__}: {error}") from error

    async def set(self, scope: str, key: str, value: object) -> None:
        """Keep any value that msgspec can write as JSON."""
        await self._database.fetch_value(SET, scope, key, value)
