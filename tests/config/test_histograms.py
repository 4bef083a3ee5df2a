import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from config.histograms import SwiftHistogram

pytestmark = pytest.mark.unit

BOUNDS = (0.001, 0.01, 1.0)


def test_it_says_what_the_librarys_own_histogram_says() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    swift = SwiftHistogram("wait_seconds", "Waiting", "kind", BOUNDS, ours).labels("channel")
    slow = Histogram("wait_seconds", "Waiting", ["kind"], buckets=BOUNDS, registry=theirs).labels("channel")
    for seconds in (0.0, 0.0005, 0.001, 0.002, 0.5, 1.0, 60.0):
        swift.observe(seconds)
        slow.observe(seconds)

    wanted = [line for line in generate_latest(theirs).splitlines() if b"_created" not in line]

    assert sorted(generate_latest(ours).splitlines()) == sorted(wanted)


def test_a_label_is_counted_in_one_place() -> None:
    registry = CollectorRegistry()
    histogram = SwiftHistogram("wait_seconds", "Waiting", "kind", BOUNDS, registry)
    histogram.labels("channel").observe(0.5)
    histogram.labels("channel").observe(0.5)

    assert registry.get_sample_value("wait_seconds_count", {"kind": "channel"}) == 2.0


def test_a_name_is_given_once() -> None:
    registry = CollectorRegistry()
    SwiftHistogram("wait_seconds", "Waiting", "kind", BOUNDS, registry)

    with pytest.raises(ValueError, match="Duplicated"):
        SwiftHistogram("wait_seconds", "Waiting", "kind", BOUNDS, registry)
