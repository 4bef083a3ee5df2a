import pytest

from actors.models.active import ModelOption
from actors.models.choice import ModelChoice
from actors.models.settling import ModelInUse
from actors.models.trial import TestReport
from bot.commands.model import MOST_OPTIONS, ModelPanel, model_card
from bot.commands.model import test_result as described
from tests.bot.here import eventually
from tests.bot.using import Stage
from tests.scripted_model import ScriptedModel, html

pytestmark = pytest.mark.discord


async def test_only_whoever_runs_the_bot_sees_the_model(stage: Stage) -> None:
    answer = await stage.use(stage.bjorn, "model")

    assert answer.is_private
    assert answer.text == "Only the person who runs this bot can see and change its model."


async def test_the_card_says_which_model_speaks_and_why(stage: Stage, model_server: ScriptedModel) -> None:
    answer = await (await stage.use(stage.ada, "model")).settled()

    assert answer.is_private
    for words in ("scripted-1", "LLM_BASE_URL is set", f"Server: {model_server.base_url}"):
        assert words in answer.text


def test_the_card_says_who_answers_while_the_model_rests() -> None:
    use = ModelInUse(
        choice=ModelChoice("configured"),
        kind="configured",
        name="big",
        reason="LLM_BASE_URL is set",
        fallbacks=("small", "embedded"),
        resting_s=11.2,
        speaks_now="small",
    )
    fields = {field.name: field.value for field in model_card(use).fields}
    assert fields["If it fails"] == "small, then embedded"
    assert fields["Right now"] == "big rests for 12 s, small answers meanwhile"


async def test_the_model_is_tested_with_one_sentence(stage: Stage) -> None:
    panel = await (await stage.use(stage.ada, "model")).settled()

    answer = await (await panel.press("Test it")).settled()

    assert answer.is_private
    assert answer.text.startswith("It answered after ")
    assert answer.text.endswith("> Good evening.")


async def test_a_model_that_fails_its_test_is_told(stage: Stage, model_server: ScriptedModel) -> None:
    panel = await (await stage.use(stage.ada, "model")).settled()
    model_server.script = html()

    answer = await (await panel.press("Test it")).settled()

    assert answer.text.startswith("It did not answer: ")


async def test_another_model_is_chosen_from_the_menu(stage: Stage) -> None:
    panel = await (await stage.use(stage.ada, "model")).settled()

    await panel.press("Switch to", ["embedded"])

    await eventually(lambda: "demonstration model" in panel.text)
    assert "Ways to a real one" in panel.text
    assert stage.services.model.describe().choice == ModelChoice("embedded")


async def test_a_server_that_does_not_answer_changes_nothing(
    stage: Stage, model_server: ScriptedModel
) -> None:
    await stage.services.switch_model(ModelChoice("embedded"))
    panel = await (await stage.use(stage.ada, "model")).settled()
    await model_server.__aexit__(None, None, None)

    answer = await panel.press("Switch to", ["configured"])

    await stage.eventually_private(answer, "That did not work, so nothing changed")
    assert stage.services.model.describe().choice == ModelChoice("embedded")


async def test_the_card_tells_that_a_server_is_silent(stage: Stage, model_server: ScriptedModel) -> None:
    await model_server.__aexit__(None, None, None)
    await stage.services.model.refresh()

    answer = await (await stage.use(stage.ada, "model")).settled()

    assert "It does not answer: " in answer.text


async def test_the_way_back_to_the_built_in_model_is_always_offered(stage: Stage) -> None:
    servers = [ModelOption(ModelChoice("server", "http://h/v1", f"m{n}"), f"m{n}") for n in range(40)]
    too_long = ModelOption(ModelChoice("server", "http://h/v1", "m" * 100), "long")
    last = ModelOption(ModelChoice("embedded"), "built in")

    panel = ModelPanel(stage.services, [too_long, *servers, last])

    rows = (row["components"] for row in panel.to_components())
    [menu] = [each for row in rows for each in row if "options" in each]
    values = [option["value"] for option in menu["options"]]
    assert (len(values), values[0], values[-1]) == (MOST_OPTIONS, "http://h/v1#m0", "embedded")


def test_a_test_without_times_is_told_too() -> None:
    assert described(TestReport(ok=True, text="Hi")) == "It answered after 0.00 s at 0 tokens/s:\n> Hi"
