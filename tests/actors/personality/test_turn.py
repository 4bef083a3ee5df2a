import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from actors.models.chat import Endpoint
from actors.models.errors import (
    BadRequestError,
    ContentRefusedError,
    ContextTooLongError,
    ModelAuthError,
    ModelOverloadedError,
    ModelQuotaError,
    ModelRateLimitedError,
    ModelRestingError,
    ModelUnavailableError,
    StreamBrokenError,
)
from actors.personality.messages import Speak, TurnEnded, Unfinished
from actors.personality.ports import Ports
from actors.personality.turn import TurnRun
from actors.reply.outlet import DeliveryError, VenueGoneError
from actors.workers.errors import WorkerLostError
from config.errors import TroupeError
from storage.errors import StorageError, StorageUnavailableError
from storage.records import Chunk, ChunkState, Turn, TurnState, turn_id
from tests.actors.scripted import (
    EPOCH,
    FixedVoice,
    MemoryDelivery,
    MemoryOutlet,
    MemoryTranscript,
    MemoryTurns,
    ScriptedChat,
    Step,
    finished,
    message,
    personality,
)

pytestmark = pytest.mark.unit

ADA = personality("Ada", who="Ada keeps the lamp.")
HELLO = message("Hello, Ada.")


class Scene:
    """A turn of Ada's and its surroundings."""

    def __init__(
        self, *scripts: Sequence[Step] | Callable[..., Sequence[Step]], deadline_s: float = 180
    ) -> None:
        self.model = ScriptedChat(*scripts)
        self.outlet = MemoryOutlet()
        self.turns = MemoryTurns()
        self.transcript = MemoryTranscript()
        self.started = asyncio.get_running_loop().time()
        self.ports = Ports(
            turns=self.turns,
            transcript=self.transcript,
            model=self.model,
            voice=FixedVoice(),
            outlet=self.outlet,
            deadline_s=deadline_s,
            now=self.now,
            jitter=lambda: 0.5,
        )

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.elapsed)

    @property
    def elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self.started

    def turn(self, *answering: object, note: str | None = None) -> TurnRun:
        said = answering or (HELLO,)
        order = Speak(
            speaker=ADA, answering=said, window=said, roster=(ADA,), note=note, seen_at=EPOCH.timestamp()
        )
        return TurnRun(order, self.ports)

    async def play(self, note: str | None = None) -> TurnEnded:
        return await self.turn(note=note).run()

    @property
    def delivery(self) -> MemoryDelivery:
        return self.outlet.deliveries[-1]

    @property
    def states(self) -> list[str]:
        return list(self.turns.states[turn_id(HELLO.id, ADA.id)])


async def test_words_appear_as_they_are_thought_and_end_in_one_final_text() -> None:
    scene = Scene([0.1, "Good ", "even", "ing."])
    ended = await scene.play()
    assert ended.state == "done"
    assert scene.delivery.shown == ["Good", "Good even", "Good evening."]
    assert scene.delivery.final == "Good evening."


async def test_a_turn_walks_through_its_states() -> None:
    scene = Scene(["Good evening."])
    await scene.play()
    assert scene.states == ["planned", "generating", "delivering", "done"]


async def test_only_delivered_words_are_kept_and_they_name_what_they_answer() -> None:
    scene = Scene(["<think>hm</think>Good evening."])
    ended = await scene.play(note="a note")
    kept = list(scene.transcript.messages.values())
    assert [(said.text, said.personality_id, said.reply_to) for said in kept] == [
        ("Good evening.", ADA.id, HELLO.id)
    ]
    assert ended.delivered == tuple(kept)
    assert kept[0].created_at.tzinfo == UTC


async def test_a_note_stands_in_small_print_below_the_answer() -> None:
    scene = Scene(["Good evening."])
    await scene.play(note="two messages went unanswered")
    assert scene.delivery.footer == "two messages went unanswered"


async def test_the_typing_line_ends_with_the_first_text() -> None:
    scene = Scene([1.0, "Good", 1.0, " evening."])
    task = asyncio.create_task(scene.play())
    await asyncio.sleep(0.5)
    before = scene.outlet.typing_now
    await asyncio.sleep(1.0)
    after = scene.outlet.typing_now
    await task
    assert (before, after) == (1, 0)


async def test_a_turn_that_is_known_already_says_nothing() -> None:
    scene = Scene(["Good evening."])
    await scene.play()
    again = await scene.play()
    assert again.state == "silent"
    assert len(scene.outlet.deliveries) == 1


async def test_a_passing_error_before_any_text_is_tried_again() -> None:
    scene = Scene([ModelUnavailableError()], [StreamBrokenError()], ["Good evening."])
    ended = await scene.play()
    assert ended.state == "done"
    assert len({request.id for request in scene.model.requests}) == 3


async def test_the_server_says_how_long_to_wait() -> None:
    scene = Scene([ModelRateLimitedError(retry_after=4.0)], ["Good evening."])
    await scene.play()
    assert scene.elapsed == pytest.approx(4.0, abs=0.1)


async def test_a_long_pause_is_told_at_once() -> None:
    scene = Scene([ModelRateLimitedError(retry_after=20.0)], ["Good evening."])
    ended = await scene.play()
    assert (ended.reason, scene.elapsed) == ("ModelRateLimitedError", 0.0)


async def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    scene = Scene([ModelRateLimitedError(retry_after=500.0)])
    ended = await scene.play()
    assert ended.reason == "ModelRateLimitedError"
    assert scene.elapsed < 1.0


async def test_three_attempts_are_all() -> None:
    scene = Scene([ModelUnavailableError()])
    ended = await scene.play()
    assert (ended.state, len(scene.model.requests)) == ("failed", 3)


@pytest.mark.parametrize("error", [ModelAuthError(), BadRequestError(), ContentRefusedError()])
async def test_a_lasting_error_is_told_at_once_in_the_characters_voice(error: TroupeError) -> None:
    scene = Scene([error])
    ended = await scene.play()
    notice = scene.delivery.notice or ""
    assert len(scene.model.requests) == 1
    assert notice.startswith("Ada coughs.\n-# " + error.user_message)
    assert f"ref: {turn_id(HELLO.id, ADA.id).hex[:6]}" in notice
    assert (ended.state, ended.delivered) == ("failed", ())


async def test_a_note_stands_below_an_apology_too() -> None:
    scene = Scene([ModelAuthError()])
    await scene.play(note="2 messages went unanswered")
    assert (scene.delivery.notice or "").endswith(" · 2 messages went unanswered")


async def test_a_note_stands_below_what_broke_off_too() -> None:
    scene = Scene(["Good evening, dear", StreamBrokenError()])
    await scene.play(note="2 messages went unanswered")
    assert (scene.delivery.footer or "").endswith(" · 2 messages went unanswered")


async def test_an_empty_answer_is_tried_again() -> None:
    scene = Scene(["<think>only thought</think>"], ["Good evening."])
    await scene.play()
    assert scene.delivery.final == "Good evening."


async def test_a_prompt_that_was_too_long_is_halved() -> None:
    long = tuple(message("word " * 400, at=index) for index in range(40))
    scene = Scene([ContextTooLongError()], ["Good evening."])
    order = Speak(speaker=ADA, answering=long[-1:], window=long, roster=(ADA,), seen_at=0.0)
    await TurnRun(order, scene.ports).run()
    first, second = (sum(len(said.content) for said in request.messages) for request in scene.model.requests)
    assert second < first * 0.7


async def test_a_stream_that_breaks_off_leaves_the_partial_text_marked() -> None:
    scene = Scene(["Good evening, dear", StreamBrokenError()])
    ended = await scene.play()
    assert scene.delivery.final == "Good evening, dear"
    assert (scene.delivery.footer or "").startswith("broken off: ")
    assert (ended.state, ended.reason, len(scene.model.requests)) == ("done", "StreamBrokenError", 1)


async def test_a_stream_without_its_regular_end_is_broken() -> None:
    class Mute(ScriptedChat):
        async def stream(self, request):  # type: ignore[no-untyped-def,override] # noqa: ANN001,ANN202
            self.requests.append(request)
            for event in ():
                yield event

    scene = Scene(["x"])
    object.__setattr__(scene.ports, "model", Mute())
    ended = await scene.play()
    assert ended.reason == "StreamBrokenError"


async def test_a_lost_worker_in_mid_stream_is_replaced_without_the_text_shrinking() -> None:
    scene = Scene(
        [0.1, "Good evening, ", "dear.", WorkerLostError()], ["Good", " day", " to you, traveller."]
    )
    ended = await scene.play()
    assert scene.delivery.shown == ["Good evening,", "Good evening, dear.", "Good day to you, traveller."]
    assert (ended.state, scene.delivery.final) == ("done", "Good day to you, traveller.")


async def test_a_regenerated_text_may_end_shorter_than_what_was_shown() -> None:
    scene = Scene(["Good evening, dear friend", WorkerLostError()], ["Good day."])
    await scene.play()
    assert scene.delivery.final == "Good day."


async def test_the_deadline_closes_a_hanging_model() -> None:
    scene = Scene([1e6], deadline_s=30.0)
    ended = await scene.play()
    assert scene.elapsed == pytest.approx(30.0, abs=0.1)
    assert ended.reason == "ModelTimeoutError"
    assert scene.model.cancelled == 1


async def test_the_deadline_keeps_what_is_visible() -> None:
    scene = Scene(["Good evening", 1e6], deadline_s=30.0)
    await scene.play()
    assert scene.delivery.final == "Good evening"


async def test_the_deadline_of_the_turn_travels_in_the_request() -> None:
    scene = Scene(["Hi."], deadline_s=30.0)
    await scene.play()
    assert scene.model.requests[0].deadline == pytest.approx(
        (EPOCH + timedelta(seconds=30)).timestamp(), abs=0.1
    )


async def test_a_filter_without_text_is_a_refusal() -> None:
    scene = Scene([finished("content_filter")])
    ended = await scene.play()
    assert ended.reason == "ContentRefusedError"


async def test_a_reply_at_the_token_limit_keeps_every_word_that_was_seen() -> None:
    scene = Scene(["It rains. It pours. And the", finished("length")])
    await scene.play()
    assert scene.delivery.final == "It rains. It pours. And the"


async def test_a_model_that_speaks_for_others_is_stopped() -> None:
    scene = Scene(["Good evening.\nPip: ", "I say", 1e6])
    await scene.play()
    assert scene.delivery.final == "Good evening."
    assert scene.model.cancelled == 1


async def test_a_withdrawn_speaker_without_words_falls_silent() -> None:
    scene = Scene([10.0, "Good evening."])
    turn = scene.turn()
    task = asyncio.create_task(turn.run())
    await asyncio.sleep(1)
    turn.withdraw("deleted")
    ended = await task
    assert (ended.state, ended.reason) == ("silent", "deleted")
    assert scene.delivery.abandoned
    assert scene.model.cancelled == 1


async def test_a_withdrawn_speaker_keeps_the_words_already_shown() -> None:
    scene = Scene(["Good evening", 10.0, " dear."])
    turn = scene.turn()
    task = asyncio.create_task(turn.run())
    await asyncio.sleep(1)
    turn.withdraw("removed")
    ended = await task
    assert scene.delivery.final == "Good evening"
    assert scene.delivery.footer == "Ada has left the conversation"
    assert ended.reason == "removed"


async def test_a_speaker_withdrawn_before_it_began_never_asks_the_model() -> None:
    scene = Scene(["Good evening."])
    turn = scene.turn()
    turn.withdraw("removed")
    ended = await turn.run()
    assert (ended.state, scene.model.requests) == ("silent", [])


async def test_a_cancelled_turn_is_left_in_the_ledger_for_recovery() -> None:
    scene = Scene(["Good evening", 10.0])
    task = asyncio.create_task(scene.play())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert scene.states == ["planned", "generating", "delivering"]
    assert scene.delivery.abandoned
    assert scene.delivery.final is None


async def test_a_venue_that_is_gone_ends_the_turn_in_silence() -> None:
    scene = Scene(["Good evening."])
    scene.outlet.refuse = VenueGoneError()
    ended = await scene.play()
    assert (ended.state, ended.reason) == ("silent", "venue gone")


async def test_a_reply_that_cannot_be_shown_is_a_failed_turn() -> None:
    scene = Scene(["Good evening."])
    scene.outlet.refuse = DeliveryError()
    ended = await scene.play()
    assert (ended.state, ended.reason) == ("failed", "not delivered")


async def test_a_storage_that_is_away_after_the_beginning_does_not_silence_the_character() -> None:
    scene = Scene([1.0, "Good evening."])
    task = asyncio.create_task(scene.play())
    await asyncio.sleep(0.5)
    scene.turns.broken = scene.transcript.broken = TroupeError("away")
    ended = await task
    assert (ended.state, scene.delivery.final) == ("done", "Good evening.")


async def test_words_wait_for_the_ledger_and_typing_shows_meanwhile() -> None:
    scene = Scene(["Good ", "evening."])
    scene.turns.broken = StorageUnavailableError()
    task = asyncio.create_task(scene.play())
    await asyncio.sleep(60)
    typing, visible = scene.outlet.typing_now, list(scene.outlet.deliveries)
    scene.turns.broken = None
    ended = await task
    assert (typing, visible) == (1, [])
    assert (ended.state, scene.delivery.final, scene.outlet.typing_now) == ("done", "Good evening.", 0)


@pytest.mark.parametrize("error", [StorageUnavailableError(), StorageError()])
async def test_a_turn_that_the_ledger_never_takes_is_left_for_recovery_unseen(error: TroupeError) -> None:
    scene = Scene(["Good evening."], deadline_s=30.0)
    scene.turns.broken = error
    ended = await scene.play()
    assert (ended.state, ended.reason) == ("delivering", "not recorded")
    assert (scene.outlet.deliveries, scene.turns.turns) == ([], {})


async def test_a_turn_whose_message_the_ledger_never_takes_is_left_for_recovery() -> None:
    scene = Scene(["Good evening."])
    scene.outlet.refuse = DeliveryError()
    scene.outlet.is_unrecorded = True
    ended = await scene.play()
    assert ended.reason == "not recorded"
    assert scene.states[-1] == "delivering"
    assert scene.delivery.abandoned


async def test_a_defect_still_ends_in_one_visible_outcome() -> None:
    scene = Scene([ZeroDivisionError()])
    ended = await scene.play()
    assert (ended.state, ended.reason) == ("failed", "TroupeError")
    assert (scene.delivery.notice or "").startswith("Ada coughs.")


async def test_words_that_are_known_already_need_no_model() -> None:
    scene = Scene(["Good evening."])
    order = Speak(speaker=ADA, answering=(HELLO,), words="Come in.", seen_at=EPOCH.timestamp())
    await TurnRun(order, scene.ports).run()
    assert (scene.delivery.final, scene.model.requests) == ("Come in.", [])
    assert scene.states == ["planned", "generating", "delivering", "done"]


async def test_the_text_of_an_echo_is_corrected() -> None:
    scene = Scene(["Good evening."])
    echo = message("Good", 1000, "Ada")
    scene.transcript.messages[echo.id] = echo
    await scene.play()
    assert scene.transcript.messages[echo.id].text == "Good evening."


async def test_a_burst_is_one_turn_named_by_its_first_message() -> None:
    scene = Scene(["Good evening."])
    more = message("Are you there?", at=1)
    await scene.turn(HELLO, more).run()
    (turn,) = scene.turns.turns.values()
    assert (turn.message_id, turn.also, turn.id) == (HELLO.id, (more.id,), turn_id(HELLO.id, ADA.id))


# Going on after a restart.


def cut_off(*chunks: Chunk, state: TurnState = "delivering", **fields: object) -> Unfinished:
    turn = Turn(
        id=turn_id(HELLO.id, ADA.id),
        message_id=HELLO.id,
        personality_id=ADA.id,
        venue=HELLO.venue,
        author_id=HELLO.author.id,
        state=state,
        deadline=EPOCH + timedelta(seconds=180),
        created_at=EPOCH,
    )
    unfinished = Unfinished(turn=turn, speaker=ADA, answering=(HELLO,), chunks=chunks)
    return replace(unfinished, **fields)


def chunk(text: str, state: ChunkState = "posted", position: int = 0) -> Chunk:
    return Chunk(
        turn_id=turn_id(HELLO.id, ADA.id),
        position=position,
        state=state,
        webhook_id=5,
        message_id=100 + position,
        text=text,
    )


async def resume(scene: Scene, unfinished: Unfinished) -> TurnEnded:
    order = Speak(speaker=ADA, answering=(HELLO,), resumed=unfinished, seen_at=EPOCH.timestamp())
    return await TurnRun(order, scene.ports).run()


async def test_a_turn_that_was_cut_off_takes_over_what_is_visible_once_it_is_longer() -> None:
    scene = Scene([0.1, "Good", " day to you", ", traveller."])
    ended = await resume(scene, cut_off(chunk("Good even")))
    assert ended.state == "done"
    assert scene.delivery.shown == ["Good day to you", "Good day to you, traveller."]
    assert scene.states == ["generating", "delivering", "done"]


async def test_an_answer_that_is_shorter_than_what_is_visible_still_ends_it() -> None:
    scene = Scene(["Good."])
    await resume(scene, cut_off(chunk("Good evening, dear")))
    assert (scene.delivery.shown, scene.delivery.final) == ([], "Good.")


async def test_a_resumed_turn_tries_again_as_long_as_nothing_new_is_visible() -> None:
    scene = Scene(["Good", StreamBrokenError()], ["Good evening, dear."])
    await resume(scene, cut_off(chunk("Good even")))
    assert scene.delivery.final == "Good evening, dear."


@pytest.mark.parametrize(
    ("chunks", "final", "notice"),
    [((chunk("Good even"),), "Good even", None), ((), None, "Ada coughs.")],
)
async def test_past_its_deadline_a_turn_is_closed_in_the_characters_voice(
    chunks: tuple[Chunk, ...], final: str | None, notice: str | None
) -> None:
    scene = Scene(["Good evening."])
    await asyncio.sleep(200)
    ended = await resume(scene, cut_off(*chunks, state="generating"))
    assert ended.state == ("done" if final else "failed")
    assert (scene.delivery.final, (scene.delivery.notice or "").split("\n")[0] or None) == (final, notice)
    assert final is None or "broken off" in (scene.delivery.footer or "")


@pytest.mark.parametrize(
    ("closing", "words"), [("deleted", "Ada has left the conversation"), ("message deleted", "interrupted")]
)
async def test_what_cannot_be_gone_on_with_is_closed_with_a_note(closing: str, words: str) -> None:
    scene = Scene(["Good evening."])
    ended = await resume(scene, cut_off(chunk("Good even"), closing=closing))
    assert (ended.state, scene.delivery.final, scene.model.requests) == ("done", "Good even", [])
    assert (scene.delivery.footer or "").startswith(words)


async def test_what_cannot_be_gone_on_with_and_is_not_visible_ends_in_silence() -> None:
    scene = Scene(["Good evening."])
    ended = await resume(scene, cut_off(closing="deleted"))
    assert (ended.state, ended.reason, scene.delivery.abandoned) == ("silent", "deleted", True)


async def test_an_answer_that_was_complete_already_is_only_kept() -> None:
    scene = Scene(["Good evening."])
    ended = await resume(scene, cut_off(chunk("Good evening.\n-# a note", "final")))
    assert (ended.state, scene.outlet.deliveries, scene.model.requests) == ("done", [], [])
    assert [said.text for said in scene.transcript.messages.values()] == ["Good evening."]


async def test_a_notice_that_was_complete_already_is_no_speech() -> None:
    scene = Scene(["Good evening."])
    ended = await resume(scene, cut_off(chunk("Ada coughs.", "final"), state="generating"))
    assert (ended.state, scene.transcript.messages) == ("failed", {})


async def test_a_delivery_that_cannot_be_found_again_ends_the_turn() -> None:
    scene = Scene(["Good evening."])
    scene.outlet.refuse = VenueGoneError("gone")
    ended = await resume(scene, cut_off(chunk("Good even")))
    assert (ended.state, ended.reason) == ("silent", "venue gone")


async def test_a_turn_that_was_begun_before_is_not_spoken_again() -> None:
    scene = Scene([0.1, "Good evening."])
    await scene.play()
    ended = await scene.play()
    assert (ended.state, ended.reason, len(scene.outlet.finals)) == ("silent", "known already", 1)


async def test_a_storage_that_comes_back_learns_everything() -> None:
    scene = Scene([1.0, "Good evening."])
    task = asyncio.create_task(scene.play())
    await asyncio.sleep(0.5)
    scene.turns.broken = TroupeError("away", retryable=True)
    await task
    scene.turns.broken = None
    await asyncio.sleep(10)
    assert scene.states == ["planned", "generating", "delivering", "done"]


def with_fallbacks(scene: Scene, *models: str) -> Scene:
    """Let other models stand in for the embedded one, which speaks at first."""
    others = tuple(FixedVoice(endpoint=Endpoint("http://b/v1", model)) for model in models)
    scene.ports = dataclasses.replace(scene.ports, voice=FixedVoice(others=others))
    return scene


def asked(scene: Scene) -> list[str]:
    return [
        "first" if request.endpoint is None else request.endpoint.model for request in scene.model.requests
    ]


@pytest.mark.parametrize(
    "error",
    [
        ModelUnavailableError(),
        ModelRateLimitedError(retry_after=60.0),
        ModelRestingError(retry_after=12.0),
        ModelOverloadedError(),
        ModelQuotaError(),
        ModelAuthError(),
    ],
)
async def test_another_model_answers_at_once_when_the_first_one_cannot(error: TroupeError) -> None:
    scene = with_fallbacks(Scene([error], ["Good evening."]), "b")
    ended = await scene.play()
    assert (ended.state, asked(scene), scene.elapsed) == ("done", ["first", "b"], 0.0)


async def test_every_model_is_tried_before_one_is_tried_again() -> None:
    scene = with_fallbacks(Scene([ModelUnavailableError()]), "b", "c", "d")
    ended = await scene.play()
    assert (ended.state, asked(scene)) == ("failed", ["first", "b", "c", "d"])


async def test_when_all_have_failed_the_first_one_is_tried_again_after_a_pause() -> None:
    scene = with_fallbacks(Scene(*[[ModelUnavailableError()]] * 2, ["Good evening."]), "b")
    await scene.play()
    assert asked(scene) == ["first", "b", "first"]
    assert scene.elapsed == pytest.approx(1.0)


async def test_no_other_model_goes_on_with_words_that_are_visible() -> None:
    scene = with_fallbacks(Scene(["Good ", StreamBrokenError()], ["Good evening."]), "b")
    await scene.play()
    assert (asked(scene), scene.delivery.final) == (["first"], "Good")


@pytest.mark.parametrize("error", [BadRequestError(), ContentRefusedError()])
async def test_what_one_model_declines_is_not_taken_to_another(error: TroupeError) -> None:
    scene = with_fallbacks(Scene([error], ["Good evening."]), "b")
    await scene.play()
    assert asked(scene) == ["first"]


async def test_a_lost_worker_is_no_reason_for_another_model() -> None:
    scene = with_fallbacks(Scene([WorkerLostError()], ["Good evening."]), "b")
    await scene.play()
    assert asked(scene) == ["first", "first"]


async def test_a_model_that_rests_says_when_to_try_again() -> None:
    error = ModelRestingError(retry_after=12.0, user_message="My model is resting; try again in 12 s.")
    scene = Scene([error])
    await scene.play()
    assert scene.delivery.notice is not None
    assert "-# My model is resting; try again in 12 s. · ref: " in scene.delivery.notice
    assert scene.elapsed == 0.0
