import json
import logging

import pytest
from opentelemetry.sdk.trace import TracerProvider

from config import metrics
from config.logs import REDACTED, configure_logging, get_logger, redact_secrets
from config.telemetry import carrier, span, trace_id

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _restore_logging() -> object:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("name", ["discord_token", "LLM_API_KEY", "database_url", "Authorization"])
def test_a_secret_is_never_written(name: str) -> None:
    assert redact_secrets(None, "info", {name: "hush"}) == {name: REDACTED}


def test_an_event_is_one_json_object_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "info")

    get_logger("sample").info("turn_finished", seconds=2)

    written = json.loads(capsys.readouterr().err)
    assert (written["event"], written["seconds"], written["logger"]) == ("turn_finished", 2, "sample")


def test_records_of_libraries_take_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "info")

    logging.getLogger("discord.gateway").warning("shard %s", 3)

    assert json.loads(capsys.readouterr().err)["event"] == "shard 3"


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "warning")

    get_logger("quiet").info("chatter")

    assert capsys.readouterr().err == ""


def test_a_carrier_continues_the_trace_elsewhere() -> None:
    with TracerProvider().get_tracer("test").start_as_current_span("message"):
        sent = carrier()

    with span("turn", parent=sent):
        assert trace_id(carrier() or sent) == trace_id(sent) != ""


def test_a_failed_span_passes_the_error_on() -> None:
    with pytest.raises(KeyError), span("turn", channel__id=1):
        raise KeyError


def test_metrics_are_rendered_for_prometheus() -> None:
    assert b"troupe_turns_in_flight" in metrics.render()
