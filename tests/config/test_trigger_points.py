import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from config import trigger_points
from config.trigger_points import Armed, TriggeredError, parse, reach

pytestmark = pytest.mark.unit


def test_nothing_is_armed_by_an_empty_text() -> None:
    assert parse("") is None


@pytest.mark.parametrize(
    "words", ["nowhere:kill", "after_inbox", "after_inbox:dance", "after_inbox:kill:often"]
)
def test_a_misspelt_trigger_is_refused(words: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        parse(words)


def test_an_armed_place_strikes_once_at_the_given_visit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trigger_points, "_armed", Armed("mid_edit:throw:2"))
    reach("mid_edit")
    reach("after_post")
    with pytest.raises(TriggeredError):
        reach("mid_edit")
    reach("mid_edit")


def test_a_file_arms_a_process_that_runs(tmp_path: Path) -> None:
    orders = tmp_path / "orders"
    orders.write_text("")
    armed = Armed(f"@{orders}")
    armed.reach("mid_edit")
    orders.write_text("mid_edit:throw\n")
    with pytest.raises(TriggeredError):
        armed.reach("mid_edit")


def test_a_sleep_holds_the_whole_process(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    Armed("after_plan:sleep").reach("after_plan")
    assert slept == [trigger_points.SLEEP_S]


def test_a_kill_leaves_no_time_for_anything() -> None:
    program = "from config.trigger_points import reach; reach('after_plan'); print('alive')"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={"TROUPE_TRIGGER": "after_plan:kill"},
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (-9, b"")
