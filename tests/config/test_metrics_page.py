"""What operators read about metrics is what there is."""

import re
from pathlib import Path
from typing import Any

import pytest

from actors.channel.silence import SHED
from config import metrics
from config.histograms import SwiftHistogram

pytestmark = pytest.mark.unit

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
ROW = re.compile(r"^\| `(troupe_\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)


def test_every_metric_is_explained_with_its_type() -> None:
    explained = {name: kind for name, kind, _ in ROW.findall(PAGE)}

    assert explained == {family.name: family.type for family in metrics.REGISTRY.collect()}


def test_every_label_is_named() -> None:
    explained = {name: set(re.findall(r"`(\w+)`", labels)) for name, _, labels in ROW.findall(PAGE)}

    assert explained == {
        metric._name: _labels(metric) for metric in vars(metrics).values() if _is_ours(metric)
    }


def test_every_reason_for_giving_up_under_load_is_explained() -> None:
    assert [reason for reason in SHED.values() if f"`{reason}`" not in PAGE] == []


def _is_ours(thing: Any) -> bool:
    return str(getattr(thing, "_name", "")).startswith("troupe_")


def _labels(metric: Any) -> set[str]:
    return {metric._label} if isinstance(metric, SwiftHistogram) else set(metric._labelnames)
