import pytest
from discord import app_commands

from bot.commands.services import Interaction
from sandbox.faults import Fault
from tests.bot.using import Stage

pytestmark = pytest.mark.discord


async def test_help_fits_one_screen_in_private(stage: Stage) -> None:
    answer = await stage.use(stage.bjorn, "help")

    assert answer.is_private
    assert len(answer.text) < 2000
    for command in ("/channel add-personality", "/character create", "/model"):
        assert command in answer.text


async def test_a_database_that_is_away_is_told_in_private_with_a_reference(stage: Stage) -> None:
    await stage.take_the_database_away()

    answer = await stage.use(stage.bjorn, "character browse")

    assert answer.is_private
    assert answer.text.startswith("My memory is away")
    assert "-# ref: " in answer.text


async def test_an_unexpected_failure_shows_no_internals(
    stage: Stage, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    @app_commands.command(name="broken", description="Fails")
    async def broken(_interaction: Interaction) -> None:
        raise ZeroDivisionError("secret internals")

    stage.client.tree.add_command(broken)
    await stage.client.tree.sync()

    answer = await stage.use(stage.bjorn, "broken")

    assert answer.text.startswith("Something went wrong on our side.")
    assert "secret" not in answer.text
    reference = answer.text.rsplit(" ", 1)[1]
    assert reference in "".join(capfd.readouterr()) + caplog.text


async def test_a_failure_after_the_answer_is_told_in_another(stage: Stage) -> None:
    await stage.write("Mia")
    stage.told.fails = True

    answer = await stage.use(stage.ada, "channel add-personality", {"personality": "Mia"})

    assert "is here now" in answer.text
    await stage.eventually_private(answer, "ref: ")


async def test_an_answer_that_discord_refuses_ends_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.here.box.faults.add(Fault(kind="status", method="POST", path="/interactions/*", status=404))

    with monkeypatch.context() as impatient:
        impatient.setattr("sandbox.world.ANSWER_DEADLINE_S", 0.2)
        lost = await stage.use(stage.bjorn, "help")
    answer = await stage.use(stage.bjorn, "help")

    assert (lost.kind, answer.kind) == (None, "message")
