"""A histogram for the hottest paths: the client library's takes a lock at every observation."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override


class Tally:
    """The observations under one label; for one thread."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count a value in the first bucket whose bound is not below it."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class SwiftHistogram(Collector):
    """A Prometheus histogram with one label and fixed buckets, read as it is when somebody asks.

    Args:
        name: as Prometheus knows it, with its unit.
        documentation: one line for people.
        label: name of the label.
        bounds: upper ends of the buckets, ascending; one without end comes last by itself.
        registry: where it is found.

    Raises:
        ValueError: the registry has one of this name.
    """

    def __init__(
        self, name: str, documentation: str, label: str, bounds: Sequence[float], registry: CollectorRegistry
    ) -> None:
        self._name, self._documentation, self._label = name, documentation, label
        self._bounds = tuple(bounds)
        self._ends = [*map(str, self._bounds), "+Inf"]
        self._tallies: dict[str, Tally] = {}
        registry.register(self)

    def labels(self, value: str) -> Tally:
        """Return what observes under this label, the same one each time."""
        return self._tallies.setdefault(value, Tally(self._bounds))

    def describe(self) -> Iterable[Metric]:
        """Return the name and type alone; the registry refuses a name that it has."""
        return [HistogramMetricFamily(self._name, self._documentation, labels=[self._label])]

    @override
    def collect(self) -> Iterable[Metric]:
        """Return all observations so far."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=[self._label])
        for value, tally in list(self._tallies.items()):
            buckets = [*zip(self._ends, map(float, accumulate(tally.counts)), strict=True)]
            family.add_metric([value], buckets, tally.total)
        return [family]
