"""Which model is in use, why, and how it changes while running."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager

import aiohttp
import pytest
from typing_extensions import override

from actors.models.active import ActiveModel
from actors.models.chat import ChatEvent, ChatRequest, Endpoint
from actors.models.choice import ModelChoice, SavedChoice, mark_of
from actors.models.embedded import WHEEL_MODEL, ModelFileError
from actors.models.errors import (
    BadAnswerError,
    BadRequestError,
    ModelAuthError,
    ModelError,
    ModelNotFoundError,
    ModelUnavailableError,
)
from actors.models.fallbacks import RECHECK_S, Circuits
from actors.models.openai import OpenAIChat
from actors.models.profiles import DEMONSTRATION, OWN_GGUF
from config.settings import Settings
from tests.actors.workers.rig import until
from tests.scripted_model import Reply, ScriptedModel, refuse, words

pytestmark = pytest.mark.service


class Shelf:
    """Keeps a choice in memory."""

    def __init__(self, saved: SavedChoice | None = None) -> None:
        self.saved = saved

    async def load(self) -> SavedChoice | None:
        return self.saved

    async def save(self, saved: SavedChoice) -> None:
        self.saved = saved


Make = Callable[..., ActiveModel]
Listing = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def make(session: aiohttp.ClientSession) -> Make:
    """Build an `ActiveModel` that finds servers only where the test puts them."""

    def build(
        settings: Settings | None = None,
        shelf: Shelf | None = None,
        ports: dict[str, int] | None = None,
        circuits: Circuits | None = None,
    ) -> ActiveModel:
        chat = OpenAIChat(session)
        return ActiveModel(
            settings or Settings(), session, chat, shelf or Shelf(), ports or {}, circuits=circuits
        )

    return build


async def test_without_anything_the_demonstration_model_speaks(make: Make) -> None:
    active = make()
    use = await active.refresh()

    assert (use.kind, use.name, use.is_demonstration) == ("built-in", WHEEL_MODEL, True)
    assert active.endpoint is None
    assert active.profile is DEMONSTRATION


async def test_the_demonstration_model_names_the_three_ways_to_a_real_one(make: Make) -> None:
    ways = (await make().refresh()).ways

    assert [any(word in way for way in ways) for word in ("Ollama", "LLM_GGUF", "LLM_BASE_URL")] == [True] * 3


async def test_a_found_server_is_used_before_the_demonstration_model(make: Make) -> None:
    async with ScriptedModel(models=["nomic-embed-text", "llama3.2:3b"]) as server:
        active = make(ports={"ollama": server.port})
        use = await active.refresh()

    assert (use.kind, use.name, use.is_demonstration) == ("server", "llama3.2:3b", False)
    assert "found on this machine (ollama" in use.reason
    assert active.endpoint == Endpoint(server.base_url, "llama3.2:3b", None, "ollama")


async def test_a_found_server_without_chat_models_is_not_used(make: Make) -> None:
    async with ScriptedModel(models=["nomic-embed-text"]) as server:
        assert (await make(ports={"ollama": server.port}).refresh()).kind == "built-in"


async def test_a_model_file_wins_over_a_found_server(make: Make) -> None:
    async with ScriptedModel() as server:
        active = make(Settings(llm_gguf="/models/a.gguf"), ports={"vllm": server.port})
        use = await active.refresh()

    assert (use.kind, use.name, use.is_demonstration) == ("gguf", "/models/a.gguf", False)
    assert active.profile is OWN_GGUF


async def test_the_configured_server_wins_and_its_first_chat_model_is_taken(make: Make) -> None:
    async with ScriptedModel(models=["whisper-1", "big", "small"], api_key="k-1") as server:
        active = make(Settings(llm_base_url=server.base_url, llm_api_key="k-1", llm_gguf="/a.gguf"))
        use = await active.refresh()

    assert (use.kind, use.name, use.problem) == ("configured", "big", None)
    assert active.endpoint == Endpoint(server.base_url, "big", "k-1")


async def test_a_configured_model_is_taken_as_named_even_if_unlisted(make: Make) -> None:
    async with ScriptedModel(models=["a"]) as server:
        active = make(Settings(llm_base_url=server.base_url, llm_model="special"))

        assert (await active.refresh()).name == "special"


async def test_a_server_without_a_list_serves_a_named_model(make: Make) -> None:
    async with ScriptedModel() as server:
        unknown_path = server.base_url.replace("/v1", "/v9")
        active = make(Settings(llm_base_url=unknown_path, llm_model="special"))

        assert (await active.refresh()).problem is None


async def test_a_server_without_chat_models_is_a_clear_problem(make: Make) -> None:
    async with ScriptedModel(models=["whisper-1"]) as server:
        active = make(Settings(llm_base_url=server.base_url))
        use = await active.refresh()

    assert "lists no chat model; name one with LLM_MODEL" in (use.problem or "")
    with pytest.raises(ModelNotFoundError):
        _ = active.endpoint


async def test_a_refused_key_is_a_problem_but_a_named_model_is_still_asked(make: Make) -> None:
    async with ScriptedModel(api_key="right") as server:
        active = make(Settings(llm_base_url=server.base_url, llm_api_key="wrong", llm_model="m"))
        use = await active.refresh()

    assert "401" in (use.problem or "")
    assert active.endpoint is not None


async def test_a_description_holds_no_secret(make: Make) -> None:
    async with ScriptedModel() as server:
        url = server.base_url.replace("http://", "http://user:pass@") + "?key=abc"
        use = await make(Settings(llm_base_url=url, llm_api_key="sk-1", llm_model="m")).refresh()

    assert not any(secret in repr(use) for secret in ("pass", "abc", "sk-1"))


async def test_nothing_is_known_before_the_first_refresh(make: Make) -> None:
    active = make(Settings(llm_base_url="http://127.0.0.1:9/v1"))

    with pytest.raises(ModelUnavailableError):
        _ = active.endpoint
    with pytest.raises(ModelUnavailableError):
        active.describe()
    assert not (await active.test()).ok


async def test_a_server_that_comes_up_late_is_found_again(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.models.active.RECHECK_S", 0.0)
    async with ScriptedModel() as server:
        port = server.port
    active = make(Settings(llm_base_url=server.base_url))
    assert (await active.refresh()).problem is not None

    async with ScriptedModel(models=["late"], port=port):
        with pytest.raises(ModelUnavailableError):
            _ = active.endpoint
        assert active._rechecking is not None
        await active._rechecking

        assert active.endpoint == Endpoint(server.base_url, "late")


async def test_looking_again_is_throttled(make: Make) -> None:
    active = make()
    await active.refresh()
    active.recheck()

    assert RECHECK_S > 1
    assert active._rechecking is None


async def test_a_store_that_fails_does_not_break_a_recheck(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.models.active.RECHECK_S", 0.0)

    class Broken(Shelf):
        @override
        async def load(self) -> SavedChoice | None:
            raise ModelError("database is down")

    active = make(shelf=Broken())
    active.recheck()
    assert active._rechecking is not None
    await active._rechecking

    with pytest.raises(ModelUnavailableError):
        active.describe()


async def test_everything_that_one_can_switch_to_is_offered(make: Make) -> None:
    async with ScriptedModel(models=["a", "text-embedding-b", "c"]) as server:
        settings = Settings(llm_base_url="https://user:pass@models.example/v1")
        options = await make(settings, ports={"lm-studio": server.port}).options()

    assert [str(option.choice) for option in options] == [
        "configured",
        f"{server.base_url}#a",
        f"{server.base_url}#c",
        "embedded",
    ]
    assert options[0].label == "The configured server (https://models.example/v1)"
    assert options[1].label == "a (lm-studio here)"


async def test_the_model_file_is_offered_in_place_of_the_built_in_model(make: Make) -> None:
    (option,) = await make(Settings(llm_gguf="/models/a.gguf")).options()

    assert option.label == "The model file /models/a.gguf"


async def test_a_switch_takes_effect_at_once_and_after_a_restart(make: Make) -> None:
    shelf = Shelf()
    async with ScriptedModel(models=["a", "b"]) as server:
        active = make(shelf=shelf)
        await active.refresh()
        use = await active.switch(ModelChoice("server", server.base_url, "b"))
        restarted = make(shelf=shelf)
        again = await restarted.refresh()

    assert active.endpoint == restarted.endpoint == Endpoint(server.base_url, "b")
    assert use.reason == again.reason == "chosen by the owner"


async def test_a_switch_to_another_model_of_the_configured_server_keeps_its_key(make: Make) -> None:
    async with ScriptedModel(models=["a", "b"], api_key="k-1") as server:
        active = make(Settings(llm_base_url=server.base_url, llm_api_key="k-1", llm_model="a"))
        await active.refresh()
        await active.switch(ModelChoice("configured", model="b"))

    assert active.endpoint == Endpoint(server.base_url, "b", "k-1")


async def test_what_is_kept_holds_no_key(make: Make) -> None:
    shelf = Shelf()
    async with ScriptedModel(api_key="k-secret") as server:
        active = make(Settings(llm_base_url=server.base_url, llm_api_key="k-secret"), shelf)
        await active.switch(ModelChoice("configured"))

    assert shelf.saved is not None
    assert "k-secret" not in repr(shelf.saved)


async def test_a_changed_setting_wins_over_an_older_switch(make: Make) -> None:
    shelf = Shelf(SavedChoice(ModelChoice("embedded"), mark_of(Settings())))
    async with ScriptedModel(models=["a"]) as server:
        use = await make(Settings(llm_base_url=server.base_url), shelf).refresh()

    assert use.kind == "configured"


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        (ModelChoice("server", "http://127.0.0.1:9/v1", "m"), ModelUnavailableError),
        (ModelChoice("configured"), ModelAuthError),
        (ModelChoice("embedded"), ModelFileError),
    ],
)
async def test_a_switch_that_cannot_work_changes_nothing(
    make: Make, choice: ModelChoice, kind: type[ModelError]
) -> None:
    shelf = Shelf()
    async with ScriptedModel(models=["a"]) as good, ScriptedModel(api_key="k") as closed:
        active = make(Settings(llm_base_url=closed.base_url, llm_gguf="/no/such.gguf"), shelf)
        await active.switch(ModelChoice("server", good.base_url))
        before = (active.endpoint, shelf.saved)
        with pytest.raises(kind):
            await active.switch(choice)

    assert (active.endpoint, shelf.saved) == before


async def test_a_web_page_cannot_be_switched_to(make: Make, listing: Listing) -> None:
    async with listing(b"<html>", "text/html") as page:
        with pytest.raises(BadAnswerError):
            await make().switch(ModelChoice("server", page))


async def test_a_trial_reports_how_fast_the_model_is(make: Make) -> None:
    script = Reply(text=words(21), first_token_s=0.1, rate=100)
    async with ScriptedModel(script) as server:
        active = make(Settings(llm_base_url=server.base_url))
        await active.refresh()
        report = await active.test()

    assert report.ok
    assert report.text.startswith("The lamp in the harbour")
    assert report.first_token_s is not None
    assert 0.1 <= report.first_token_s < 0.3
    assert report.tokens_per_s == pytest.approx(100, rel=0.3)


async def test_a_trial_that_fails_says_why(make: Make) -> None:
    async with ScriptedModel(refuse(402, "out of credit")) as server:
        active = make(Settings(llm_base_url=server.base_url))
        await active.refresh()
        report = await active.test()

    assert (report.ok, report.problem) == (False, "HTTP 402: out of credit")
    assert report.first_token_s is None


async def test_a_trial_of_the_embedded_model_is_a_transcript(session: aiohttp.ClientSession) -> None:
    asked: list[ChatRequest] = []

    class Recorder(OpenAIChat):
        @override
        def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
            asked.append(request)
            return super().stream(request)

    active = ActiveModel(Settings(), session, Recorder(session), Shelf(), {})
    await active.refresh()
    await active.test()

    assert asked[0].endpoint is None
    assert (asked[0].prompt or "").endswith("Host:")


async def test_two_changes_at_once_leave_what_was_kept(make: Make) -> None:
    shelf = Shelf()
    async with ScriptedModel(models=["a", "b"]) as server:
        active = make(shelf=shelf)
        await asyncio.gather(
            *(active.switch(ModelChoice("server", server.base_url, name)) for name in "abab"),
            active.refresh(),
        )

    assert shelf.saved is not None
    assert active.describe().choice == shelf.saved.choice


class Resting:
    """Circuits of which some are open."""

    def __init__(self, *models: str) -> None:
        self.waits = dict.fromkeys(models, 12.0)

    def wait_s(self, endpoint: Endpoint | None) -> float:
        return self.waits.get("embedded" if endpoint is None else endpoint.model, 0.0)

    def trust(self, endpoint: Endpoint | None) -> None:
        self.waits.pop("embedded" if endpoint is None else endpoint.model, None)


def names(active: ActiveModel) -> list[str]:
    return ["embedded" if endpoint is None else endpoint.model for endpoint, _ in active.candidates()]


async def test_fallbacks_stand_behind_the_model_in_use(make: Make) -> None:
    async with ScriptedModel(models=["big", "small"], api_key="k-1") as server, ScriptedModel() as other:
        wished = f"small, {other.base_url}, {other.base_url}#special, embedded"
        active = make(Settings(llm_base_url=server.base_url, llm_api_key="k-1", llm_fallbacks=wished))
        use = await active.refresh()

    assert use.name == "big"
    assert names(active) == ["big", "small", "scripted-1", "special", "embedded"]
    assert active.candidates()[1][0] == Endpoint(server.base_url, "small", "k-1")
    assert active.candidates()[4] == (None, DEMONSTRATION)
    assert active.describe().fallbacks == ("small", "scripted-1", "special", WHEEL_MODEL)


async def test_a_bare_name_is_on_the_server_that_was_found(make: Make) -> None:
    async with ScriptedModel(models=["a", "b"]) as server:
        active = make(Settings(llm_fallbacks="b"), ports={"ollama": server.port})
        await active.refresh()

    assert [endpoint for endpoint, _ in active.candidates()] == [
        Endpoint(server.base_url, name, None, "ollama") for name in "ab"
    ]


async def test_a_fallback_without_a_server_is_left_out(make: Make) -> None:
    active = make(Settings(llm_fallbacks="some-model,configured"))
    await active.refresh()
    assert names(active) == ["embedded"]


async def test_the_model_in_use_is_no_fallback_of_itself(make: Make) -> None:
    async with ScriptedModel(models=["a"]) as server:
        active = make(Settings(llm_base_url=server.base_url, llm_fallbacks="a,embedded"))
        await active.refresh()
    assert names(active) == ["a", "embedded"]


async def test_models_with_an_open_circuit_come_last(make: Make) -> None:
    circuits = Resting("a", "b")
    circuits.waits["b"] = 3.0
    async with ScriptedModel(models=["a"]) as server:
        active = make(Settings(llm_base_url=server.base_url, llm_fallbacks="b,c"), circuits=circuits)
        await active.refresh()

    assert names(active) == ["c", "b", "a"]
    use = active.describe()
    assert (use.name, use.resting_s, use.speaks_now) == ("a", 12.0, "c")


async def test_a_model_that_the_owner_chooses_is_trusted_again(make: Make) -> None:
    circuits = Resting("a")
    async with ScriptedModel(models=["a"]) as server:
        active = make(circuits=circuits)
        await active.refresh()
        await active.switch(ModelChoice("server", server.base_url, "a"))
    assert circuits.wait_s(active.endpoint) == 0.0


async def test_a_fallback_speaks_while_it_is_unknown_which_model_is_first(make: Make) -> None:
    async with ScriptedModel() as gone:
        pass
    active = make(Settings(llm_base_url=gone.base_url, llm_fallbacks="embedded"))
    await active.refresh()
    assert names(active) == ["embedded"]
    assert active.describe().speaks_now == WHEEL_MODEL


async def test_without_any_known_model_the_reason_is_told(make: Make) -> None:
    async with ScriptedModel() as gone:
        pass
    active = make(Settings(llm_base_url=gone.base_url))
    await active.refresh()
    assert active.describe().speaks_now == ""
    with pytest.raises(ModelUnavailableError, match="No connection"):
        active.candidates()


async def test_a_fallback_whose_server_starts_late_is_found(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ScriptedModel() as early:
        port = early.port
    active = make(Settings(llm_fallbacks=early.base_url))
    await active.refresh()
    assert names(active) == ["embedded"]
    monkeypatch.setattr("actors.models.fallbacks.RECHECK_S", 0.0)
    async with ScriptedModel(models=["late"], port=port):
        await until(lambda: names(active) == ["embedded", "late"])


async def test_fallbacks_with_a_key_in_them_are_refused(make: Make) -> None:
    with pytest.raises(BadRequestError, match="Not a model"):
        make(Settings(llm_fallbacks="http://user:secret@host/v1"))
