"""Talking: words sent, answers that grow, replies, reactions, mending and deleting."""

from itertools import pairwise

import pytest
from playwright.async_api import Page, expect

from tests.browser_fixtures import OpenPage
from tests.sandbox_page.conftest import House

pytestmark = pytest.mark.browser

VIEW_CHANNEL, READ_MESSAGE_HISTORY = 1 << 10, 1 << 16
FINAL = "Oh, you are awake at last. I kept your tea warm."
RECORD_GROWTH = """() => {
    window.seen = [];
    const note = () => {
        const own = document.querySelector('[data-author="Wren"] [data-testid="message-content"]');
        const text = own?.innerText.replace('(edited)', '').trim();
        if (text && window.seen.at(-1) !== text) window.seen.push(text);
    };
    const everything = { subtree: true, childList: true, characterData: true };
    new MutationObserver(note).observe(document.body, everything);
}"""


async def say(page: Page, text: str) -> None:
    await page.get_by_test_id("composer-input").fill(text)
    await page.get_by_test_id("composer-input").press("Enter")


@pytest.mark.usefixtures("bot")
async def test_a_character_types_and_its_words_grow_to_the_final_text(page: Page) -> None:
    await page.evaluate(RECORD_GROWTH)
    await say(page, "@Wren hello")
    await expect(page.get_by_test_id("typing")).to_contain_text("Troupe is typing")
    answer = page.get_by_test_id("message").filter(has_text="tea warm")
    await expect(answer.get_by_test_id("message-author")).to_have_text("Wren")
    await expect(answer.get_by_test_id("app-badge")).to_be_visible()
    await expect(answer.locator("img")).to_be_visible()
    await expect(page.get_by_test_id("typing")).to_have_text("")
    seen = await page.evaluate("window.seen")
    assert len(seen) >= 4
    assert seen[-1] == FINAL
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))


async def test_a_growing_message_is_one_element_and_is_marked_edited_once_it_rests(
    page: Page, house: House
) -> None:
    ids = house.speak_as("Wren", "Once")
    message = page.get_by_test_id("message").filter(has_text="Once")
    first = await message.element_handle()
    house.edit(ids, "Once upon a time")
    await expect(message.get_by_test_id("growing")).to_be_visible()
    await expect(message.get_by_test_id("edited")).to_be_visible()
    again = await message.element_handle()
    assert first is not None
    assert await first.evaluate("(element, other) => element === other", again)


async def test_a_reply_quotes_the_message_and_a_press_on_the_quote_finds_it(page: Page, house: House) -> None:
    house.speak_as("Wren", "The rain is gossiping")
    message = page.get_by_test_id("message").filter(has_text="gossiping").first
    await message.hover()
    await message.get_by_test_id("action-reply").click()
    await expect(page.get_by_test_id("reply-bar")).to_contain_text("Wren")
    await say(page, "About whom?")
    quote = page.get_by_test_id("quote")
    await expect(quote).to_contain_text("The rain is gossiping")
    await quote.click()
    await expect(message).to_be_focused()


async def test_a_reaction_is_counted_for_both_people_and_taken_back(page: Page, house: House) -> None:
    channel_id, message_id = house.speak_as("Wren", "A riddle")
    house.person(1).react(channel_id, message_id, "🎭")
    reaction = page.get_by_test_id("reaction")
    await reaction.click()
    await expect(reaction).to_have_text("🎭2")
    await reaction.click()
    await expect(reaction).to_have_text("🎭1")


async def test_a_new_reaction_is_chosen_from_the_sheet(page: Page, house: House) -> None:
    house.speak_as("Wren", "A riddle")
    message = page.get_by_test_id("message")
    await message.hover()
    await message.get_by_test_id("action-react").click()
    await page.get_by_test_id("emoji-search").fill("fire")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("reaction")).to_have_attribute("data-emoji", "🔥")


async def test_the_arrow_up_mends_the_last_own_message(page: Page) -> None:
    await say(page, "Helo")
    await expect(page.get_by_test_id("message-content")).to_have_text("Helo")
    await page.keyboard.press("ArrowUp")
    await page.get_by_test_id("editor").fill("Hello")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("message-content")).to_have_text("Hello(edited)")


async def test_an_own_message_is_deleted_after_a_question(page: Page) -> None:
    await say(page, "A mistake")
    message = page.get_by_test_id("message")
    await message.hover()
    await message.get_by_test_id("action-more").click()
    await page.get_by_test_id("menu-delete").click()
    await page.get_by_test_id("confirm-delete").click()
    await expect(message).to_have_count(0)


async def test_people_see_each_other_type_and_a_switch_changes_who_speaks(
    page: Page, house: House, open_page: OpenPage
) -> None:
    other = await open_page(house.address.url)
    await other.get_by_test_id("switch-user").click()
    await other.get_by_test_id("person").filter(has_text="Björn").click()
    await expect(other.get_by_test_id("me")).to_have_text("Björn")
    await other.get_by_test_id("composer-input").fill("Hej")
    await expect(page.get_by_test_id("typing")).to_contain_text("Björn is typing")
    await other.keyboard.press("Enter")
    await expect(page.get_by_test_id("message-author")).to_have_text("Björn")


async def test_what_is_refused_is_said_and_the_words_are_kept(page: Page, house: House) -> None:
    state = house.world.state
    everyone = state.guilds[house.world.guild_id].roles[house.world.guild_id]
    everyone.permissions = VIEW_CHANNEL | READ_MESSAGE_HISTORY
    await page.get_by_test_id("switch-user").click()
    await page.get_by_test_id("person").filter(has_text="Björn").click()
    await expect(page.get_by_test_id("me")).to_have_text("Björn")
    await say(page, "May I speak?")
    await expect(page.get_by_test_id("toast")).to_be_visible()
    await expect(page.get_by_test_id("composer-input")).to_have_value("May I speak?")


async def test_a_channel_that_one_may_not_see_is_not_there(page: Page, house: House) -> None:
    state = house.world.state
    state.guilds[house.world.guild_id].roles[house.world.guild_id].permissions = 0
    await page.get_by_test_id("switch-user").click()
    await page.get_by_test_id("person").filter(has_text="Björn").click()
    await expect(page.get_by_test_id("channel")).to_have_count(0)


async def test_direct_messages_with_the_bot_open(page: Page) -> None:
    await page.get_by_test_id("open-dm").click()
    await expect(page.get_by_test_id("room-title")).to_have_text("Troupe")
    await say(page, "Between us")
    await expect(page.get_by_test_id("message-content")).to_have_text("Between us")


async def test_a_thread_starts_from_a_message(page: Page) -> None:
    await say(page, "A side story")
    message = page.get_by_test_id("message").first
    await message.hover()
    await message.get_by_test_id("action-more").click()
    await page.get_by_test_id("menu-thread").click()
    await expect(page.get_by_test_id("room-title")).to_have_text("A side story")


async def test_mentions_are_completed_and_sent_as_discord_does(page: Page, house: House) -> None:
    await page.get_by_test_id("composer-input").press_sequentially("Hi @bj")
    await page.get_by_test_id("suggestion").wait_for()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("message-content")).to_have_text("Hi @Björn")
    (message,) = house.world.messages(house.stage)
    assert message["content"] == f"Hi <@{house.world.people[1]}>"


async def test_messages_of_one_speaker_stand_together(page: Page, house: House) -> None:
    house.speak_as("Wren", "One")
    house.speak_as("Wren", "Two")
    house.speak_as("Mab", "Three")
    await expect(page.get_by_test_id("message-author")).to_have_text(["Wren", "Mab"])


async def test_an_unread_count_shows_on_the_other_channel(page: Page, house: House) -> None:
    house.person(1).send(house.world.channel("backstage"), "psst")
    await expect(page.get_by_test_id("unread")).to_have_text("1")
    await page.get_by_test_id("channel").filter(has_text="backstage").click()
    await expect(page.get_by_test_id("unread")).to_have_count(0)
    await expect(page.get_by_test_id("message-content")).to_have_text("psst")
