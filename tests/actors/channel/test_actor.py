import pytest
from msgspec.structs import replace

from actors.channel.messages import (
    MessageCreated,
    MessageEdited,
    MessagesDeleted,
    PersonalityChanged,
    RosterChanged,
    SpeakerLost,
)
from actors.channel.patience import patiently
from actors.models.chat import ChatRequest
from actors.models.errors import ModelAuthError
from actors.personality.actor import PersonalityActor
from actors.personality.messages import Speak, TurnEnded, Withdraw
from config.errors import TroupeError
from tests.actors.channel.stage import ADA, BOB, CYN, SECRET, Stage, stop_actors  # noqa: F401 - a fixture
from tests.actors.scripted import (
    EPOCH,
    Step,
    message,
    personality,
)

pytestmark = pytest.mark.unit


def speaker(request: ChatRequest) -> str:
    return request.messages[0].content.split(",")[0].removeprefix("You are ")


def named(request: ChatRequest) -> list[Step]:
    return [f"I am {speaker(request)}."]


async def test_one_of_an_active_roster_answers_an_unaddressed_message() -> None:
    stage = Stage(named)
    stage.say("hello everyone")
    assert await stage.settle() == ["Ada: I am Ada."]


async def test_the_draw_decides_who() -> None:
    stage = Stage(named)
    stage.draw = 0.99
    stage.say("hello everyone")
    assert await stage.settle() == ["Bob: I am Bob."]


async def test_an_empty_roster_is_silence_without_a_turn() -> None:
    stage = Stage(named, roster=())
    stage.say("hello everyone")
    await stage.settle()
    assert (stage.outlet.deliveries, stage.turns.turns) == ([], {})


async def test_a_mention_is_answered_by_whom_it_names_also_beyond_the_roster() -> None:
    stage = Stage(named, roster=())
    stage.say("@cyn, are you there?")
    assert await stage.settle() == ["Cyn: I am Cyn."]


async def test_those_present_are_meant_before_those_who_are_not() -> None:
    other = replace(personality("Cyn Two"), name="Cyn")
    stage = Stage(named, roster=[other])
    stage.say("@Cyn")
    await stage.settle()
    assert stage.outlet.deliveries[0].turn.personality_id == other.id


async def test_a_private_character_answers_its_owner_only() -> None:
    stage = Stage(named, roster=())
    stage.say("@Secret hello", "Quin")
    stage.say("@Secret hello", "Pip")
    assert await stage.settle() == ["Secret: I am Secret."]


async def test_a_reply_to_a_private_characters_message_opens_it_to_nobody() -> None:
    stage = Stage(named, roster=())
    words = message("psst", -5, "Secret", personality_id=SECRET.id)
    stage.memory.said[words.id] = words
    stage.say("what?", "Quin", reply_to=words.id)
    assert await stage.settle() == []


async def test_a_reply_is_answered_by_the_character_it_replies_to() -> None:
    stage = Stage(named)
    words = message("hm", -5, "Bob", personality_id=BOB.id)
    stage.memory.said[words.id] = words
    stage.say("what do you mean?", reply_to=words.id)
    assert await stage.settle() == ["Bob: I am Bob."]


async def test_a_reply_to_a_message_that_is_still_growing_finds_its_speaker() -> None:
    stage = Stage(named)
    stage.memory.streaming[77] = (BOB.id, BOB.id)
    stage.say("go on!", reply_to=77)
    assert await stage.settle() == ["Bob: I am Bob."]


async def test_a_reply_to_a_person_addresses_nobody() -> None:
    stage = Stage(named, roster=())
    stage.say("yes", reply_to=stage.say("no", "Quin").id)
    assert await stage.settle() == []


async def test_several_speak_in_textual_order_and_hear_the_one_before() -> None:
    stage = Stage(named)
    stage.say("@Bob and @Ada, and @bob again: who are you?")
    assert await stage.settle() == ["Bob: I am Bob.", "Ada: I am Ada."]
    assert "Bob: I am Bob." in stage.prompts[1]


async def test_more_than_five_are_told_so() -> None:
    crowd = [personality(f"P{number}") for number in range(7)]
    stage = Stage(named, roster=crowd)
    stage.say(" ".join(f"@{person.name}" for person in crowd))
    assert len(await stage.settle()) == 5
    assert stage.outlet.deliveries[-1].footer == "no more than 5 answer at once: P5, P6 kept silent"


async def test_an_empty_mention_is_a_nudge() -> None:
    stage = Stage(named)
    stage.say("so quiet here", "Quin", to_answer=False)
    stage.say("@Ada")
    assert await stage.settle() == ["Ada: I am Ada."]
    assert "so quiet here" in stage.prompts[0]


async def test_an_unknown_mention_is_ignored() -> None:
    stage = Stage(named, roster=())
    stage.say("@nobody are you there?")
    assert await stage.settle() == []


async def test_other_bots_are_heard_but_not_answered() -> None:
    stage = Stage(named)
    bot = replace(message("").author, name="Beep", is_bot=True)
    stage.say("@Ada beep", author="Beep")
    stage.outlet.finals.clear()
    said = replace(message("beep boop", 2), author=bot)
    stage.channel.tell(MessageCreated(message=said, seen_at=0.0))
    stage.channel.tell(
        MessageCreated(
            message=replace(message("hook", 3), author=replace(bot, is_bot=False, webhook_id=9)), seen_at=0.0
        )
    )
    await stage.settle()
    stage.say("@Ada what did they say?", "Quin")
    await stage.settle()
    assert len(stage.model.requests) == 2
    assert "beep boop" in stage.prompts[1]
    assert "hook" in stage.prompts[1]


async def test_old_messages_are_learnt_without_an_answer() -> None:
    stage = Stage(named)
    stage.say("@Ada yesterday", to_answer=False)
    assert await stage.settle() == []


async def test_a_burst_becomes_one_turn_after_the_one_in_flight() -> None:
    stage = Stage([10.0, "Hm."])
    first = stage.say("@Ada one")
    await stage.settle()
    second, third = stage.say("@Ada two"), stage.say("@Ada three")
    await stage.settle(60)
    answered = [(turn.message_id, turn.also) for turn in stage.turns.turns.values()]
    assert answered == [(first.id, ()), (second.id, (third.id,))]


async def test_an_unaddressed_burst_stays_with_the_one_who_is_answering() -> None:
    stage = Stage([10.0, "Hm."])
    stage.draw = 0.99
    first = stage.say("hello")
    await stage.settle()
    stage.draw = 0.0
    second, third = stage.say("anyone?"), stage.say("it is cold here")
    await stage.settle(60)
    answered = [(turn.personality_id, turn.message_id, turn.also) for turn in stage.turns.turns.values()]
    assert answered == [(BOB.id, first.id, ()), (BOB.id, second.id, (third.id,))]


async def test_a_guest_is_not_drawn_into_what_is_not_addressed_to_it() -> None:
    stage = Stage([10.0, "Hm."], roster=[])
    stage.say("@Cyn hello")
    await stage.settle()
    stage.say("hello?")
    assert await stage.settle(60) == ["Cyn: Hm."]


async def test_another_author_meanwhile_gets_a_turn_of_their_own() -> None:
    stage = Stage([10.0, "Hm."])
    stage.say("@Ada one")
    await stage.settle()
    stage.say("@Ada two", "Quin")
    stage.say("@Ada three")
    assert len(await stage.settle(60)) == 3


async def test_a_slow_speaker_delays_nobody_else() -> None:
    stage = Stage(lambda request: [100.0, "Slow."] if speaker(request) == "Ada" else ["Quick."])
    stage.say("@Ada think hard")
    stage.say("@Bob hello", "Quin")
    assert await stage.settle(5) == ["Bob: Quick."]


async def test_a_failed_speaker_gives_way_to_the_next() -> None:
    stage = Stage(lambda request: [ModelAuthError()] if speaker(request) == "Ada" else ["Here."])
    stage.say("@Ada @Bob hello")
    finals = await stage.settle(5)
    assert [final.split(":")[0] for final in finals] == ["Ada", "Bob"]
    assert finals[1] == "Bob: Here."


async def test_an_apology_is_no_part_of_the_transcript() -> None:
    stage = Stage(lambda request: [ModelAuthError()] if speaker(request) == "Ada" else ["Here."])
    stage.say("@Ada @Bob hello")
    await stage.settle(5)
    assert "coughs" not in stage.prompts[-1]


async def test_a_turn_that_never_ends_is_given_up() -> None:
    stage = Stage(named)
    stage.deaf = True
    stage.say("@Ada @Bob hello")
    await stage.settle(301)
    orders = [order.speaker.name for order in stage.instructed if isinstance(order, Speak)]
    assert orders == ["Ada", "Bob"]


async def test_edits_and_deletions_reach_the_prompt() -> None:
    stage = Stage(named)
    typo = stage.say("I like cats", "Quin", to_answer=False)
    gone = stage.say("ignore this", "Quin", to_answer=False)
    stage.channel.tell(MessageEdited(message_id=typo.id, text="I like bats", edited_at=EPOCH))
    stage.channel.tell(MessagesDeleted((gone.id,)))
    stage.say("@Ada")
    await stage.settle()
    assert "I like bats" in stage.prompts[0]
    assert "ignore this" not in stage.prompts[0]


async def test_a_deleted_question_that_waits_is_not_answered() -> None:
    stage = Stage([10.0, "Hm."])
    stage.say("@Ada one")
    await stage.settle()
    stage.channel.tell(MessagesDeleted((stage.say("@Ada two").id,)))
    assert len(await stage.settle(60)) == 1


async def test_who_leaves_the_channel_stops_and_the_others_go_on() -> None:
    stage = Stage(lambda request: ["Well", 50.0, " then."] if speaker(request) == "Ada" else ["Here."])
    stage.say("@Ada @Bob hello")
    await stage.settle()
    stage.memory.roster.remove(ADA)
    stage.channel.tell(RosterChanged())
    assert await stage.settle() == ["Ada: Well", "Bob: Here."]


async def test_two_who_leave_at_once_do_not_wait_for_each_other() -> None:
    stage = Stage(["Well", 50.0, " then."], roster=[ADA, BOB])
    stage.say("@Ada hello")
    stage.say("@Ada @Bob @Cyn are you there?")
    await stage.settle()
    stage.memory.roster.clear()
    stage.channel.tell(RosterChanged())
    assert await stage.settle(100) == ["Ada: Well", "Cyn: Well then."]


async def test_a_personality_deleted_in_mid_turn_falls_silent() -> None:
    stage = Stage([50.0, "Hm."])
    stage.say("@Ada hello")
    await stage.settle()
    del stage.memory.everyone[ADA.id]
    stage.memory.roster.remove(ADA)
    stage.channel.tell(PersonalityChanged(ADA.id))
    await stage.settle()
    assert list(stage.turns.reasons.values()) == ["deleted"]
    assert stage.outlet.deliveries[0].abandoned


async def test_a_deleted_speaker_that_waits_for_its_round_is_passed_over() -> None:
    stage = Stage([10.0, "Hm."], roster=())
    stage.say("@Ada @Cyn @Bob hello")
    await stage.settle()
    del stage.memory.everyone[CYN.id]
    stage.channel.tell(PersonalityChanged(CYN.id))
    assert await stage.settle(60) == ["Ada: Hm.", "Bob: Hm."]


async def test_an_edited_definition_is_used_from_the_next_turn_on() -> None:
    stage = Stage(named, roster=[ADA])
    stage.say("hello")
    await stage.settle()
    stage.memory.everyone[ADA.id] = stage.memory.roster[0] = replace(ADA, who="Ada is a pirate now.")
    stage.channel.tell(PersonalityChanged(ADA.id))
    stage.say("hello again")
    await stage.settle()
    assert "pirate" in stage.prompts[1]


async def test_an_edited_guest_is_known_in_its_next_round() -> None:
    stage = Stage([10.0, "Hm."], roster=())
    stage.say("@Ada @Cyn hello")
    await stage.settle()
    stage.memory.everyone[CYN.id] = replace(CYN, who="Cyn is a pirate now.")
    stage.channel.tell(PersonalityChanged(CYN.id))
    stage.channel.tell(PersonalityChanged(BOB.id))
    await stage.settle(60)
    assert "pirate" in stage.prompts[1]


async def test_the_window_is_rebuilt_from_storage() -> None:
    stage = Stage(named)
    old = message("the lamp is lit", -60, "Quin")
    stage.memory.said[old.id] = old
    stage.say("@Ada")
    await stage.settle()
    assert "the lamp is lit" in stage.prompts[0]


async def test_a_storage_that_is_away_delays_and_loses_nothing() -> None:
    stage = Stage(named)
    stage.memory.away = 3
    stage.say("@Ada hello")
    assert await stage.settle(10) == ["Ada: I am Ada."]


async def test_the_partner_of_a_conversation_goes_on() -> None:
    stage = Stage(named)
    stage.say("@Bob hello")
    await stage.settle()
    stage.say("and what then?")
    assert await stage.settle() == ["Bob: I am Bob.", "Bob: I am Bob."]


async def test_a_stopped_personality_leaves_its_turn_for_recovery() -> None:
    stage = Stage(["Well", 50.0, " then."])
    stage.say("@Ada hello")
    await stage.settle()
    stage.people[ADA.id].stop(block=False)
    await stage.settle(5)
    (states,) = stage.turns.states.values()
    assert states == ["planned", "generating", "delivering"]
    assert stage.outlet.deliveries[0].abandoned


async def test_a_speaker_whose_definition_is_gone_gives_way() -> None:
    stage = Stage([10.0, "Hm."], roster=[ADA, BOB])
    stage.say("@Ada @Bob hello")
    await stage.settle()
    stage.memory.roster.remove(BOB)
    stage.channel.tell(PersonalityChanged(ADA.id))
    assert await stage.settle(60) == ["Ada: Hm."]


async def test_a_lost_speaker_gives_way_at_once() -> None:
    stage = Stage(named)
    stage.deaf = True
    stage.say("@Ada @Bob hello")
    await stage.settle()
    stage.channel.tell(SpeakerLost(ADA.id))
    stage.channel.tell(SpeakerLost(CYN.id))
    await stage.settle()
    orders = [order.speaker.name for order in stage.instructed if isinstance(order, Speak)]
    assert orders == ["Ada", "Bob"]


async def test_a_turn_that_ends_after_it_was_given_up_still_enters_the_transcript() -> None:
    stage = Stage(named)
    stage.deaf = True
    asked = stage.say("@Ada hello")
    await stage.settle(301)
    late = message("sorry, I slept", 301, "Ada", personality_id=ADA.id)
    ended = TurnEnded(speaker_id=ADA.id, message_id=asked.id, state="done", delivered=(late,))
    stage.channel.tell(ended)
    stage.deaf = False
    stage.say("@Bob hello")
    await stage.settle()
    assert "sorry, I slept" in stage.prompts[0]


async def test_a_storage_error_that_will_not_pass_is_raised() -> None:
    async def refuse() -> None:
        raise TroupeError("for good")

    with pytest.raises(TroupeError, match="for good"):
        await patiently(refuse)


@pytest.mark.parametrize("actor", ["channel", "personality"])
async def test_an_unknown_message_is_survived(actor: str, caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(named)
    stage.say("@Ada hello")
    await stage.settle()
    ref = stage.channel if actor == "channel" else stage.people[ADA.id]
    ref.tell("gibberish")
    stage.say("@Ada again")
    assert len(await stage.settle()) == 2
    assert "Unexpected message" in caplog.text


async def test_withdrawing_who_does_not_speak_changes_nothing() -> None:
    stage = Stage(named)
    stage.people[ADA.id] = PersonalityActor.start(stage.ports, stage.channel.tell)
    stage.people[ADA.id].tell(Withdraw("removed"))
    stage.say("@Ada hello")
    assert await stage.settle() == ["Ada: I am Ada."]
