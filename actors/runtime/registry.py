"""Pykka's registry with a dictionary inside, so that finding and removing one of many actors is quick."""

from collections.abc import Iterable, Iterator
from typing import Any, SupportsIndex, overload

from pykka import ActorRef, ActorRegistry
from typing_extensions import override


class RefTable(list[ActorRef[Any]]):
    """What `ActorRegistry` uses of a list, over a dictionary that keeps the order of registration."""

    def __init__(self, refs: Iterable[ActorRef[Any]] = ()) -> None:
        super().__init__()
        self._by_urn = {ref.actor_urn: ref for ref in refs}

    @override
    def append(self, ref: ActorRef[Any], /) -> None:
        self._by_urn[ref.actor_urn] = ref

    @override
    def remove(self, ref: ActorRef[Any], /) -> None:
        del self._by_urn[ref.actor_urn]

    @override
    def __contains__(self, ref: object, /) -> bool:
        return isinstance(ref, ActorRef) and ref.actor_urn in self._by_urn

    @override
    def __iter__(self) -> Iterator[ActorRef[Any]]:
        return iter(list(self._by_urn.values()))

    @override
    def __len__(self) -> int:
        return len(self._by_urn)

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> ActorRef[Any]: ...

    @overload
    def __getitem__(self, index: slice, /) -> list[ActorRef[Any]]: ...

    @override
    def __getitem__(self, index: SupportsIndex | slice, /) -> ActorRef[Any] | list[ActorRef[Any]]:
        return list(self._by_urn.values())[index]

    def find(self, urn: str) -> ActorRef[Any] | None:
        """Return the reference with this urn."""
        return self._by_urn.get(urn)


_table = RefTable(ActorRegistry._actor_refs)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - see the module docstring
ActorRegistry._actor_refs = _table  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - same


def find_by_urn(urn: str) -> ActorRef[Any] | None:
    """Return the live actor with this urn, in constant time where `ActorRegistry.get_by_urn` looks at all."""
    return _table.find(urn)
