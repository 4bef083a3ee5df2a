"""The place itself: small screens, keys, scrolling, history, coming back after a loss."""

import re

import pytest
from playwright.async_api import Page, expect

from sandbox.server import Sandbox
from tests.browser_fixtures import OpenPage
from tests.sandbox_page.conftest import House

pytestmark = pytest.mark.browser

AT_END = "pane => pane.scrollHeight - pane.scrollTop - pane.clientHeight < 4"


async def test_an_empty_channel_says_how_to_begin(page: Page) -> None:
    await expect(page.get_by_test_id("first-hint")).to_contain_text("@Name hello")


async def test_what_the_app_says_to_type_is_typed_by_a_press(page: Page, house: House) -> None:
    house.world.state.create_message(house.stage, house.world.bot_id, "Say `@Madame Zuzu hello` or `x = 1`")
    await expect(page.get_by_test_id("typeable")).to_have_count(1)
    await page.get_by_test_id("typeable").click()
    await expect(page.get_by_test_id("composer-input")).to_have_value("@Madame Zuzu hello")
    await expect(page.get_by_test_id("composer-input")).to_be_focused()


async def test_on_a_phone_the_panels_are_drawers(house: House, open_page: OpenPage) -> None:
    house.speak_as("Wren", "A word " * 40)
    page = await open_page(house.address.url, width=360, height=740, touch=True)
    await expect(page.get_by_test_id("sidebar")).to_be_hidden()
    await page.get_by_test_id("open-channels").tap()
    await page.get_by_test_id("channel").filter(has_text="backstage").tap()
    await expect(page.get_by_test_id("room-title")).to_have_text("backstage")
    await expect(page.get_by_test_id("sidebar")).to_be_hidden()
    await page.get_by_test_id("open-members").tap()
    await page.get_by_test_id("member-character").tap()
    await expect(page.get_by_test_id("composer-input")).to_have_value("@Wren ")
    assert await page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.usefixtures("bot")
async def test_the_whole_conversation_works_by_keys_alone(page: Page, house: House) -> None:
    house.speak_as("Wren", "Say something")
    await page.get_by_test_id("message").wait_for()
    await page.keyboard.press("Shift+Tab")
    for _ in range(12):
        if await page.evaluate("document.activeElement.dataset.testid") == "message":
            break
        await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_test_id("message")).to_be_focused()
    await page.keyboard.press("r")
    await expect(page.get_by_test_id("composer-input")).to_be_focused()
    await page.keyboard.type("Something")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("quote")).to_contain_text("Say something")
    await page.keyboard.type("/panel")
    await page.get_by_test_id("suggestion").wait_for()
    await page.keyboard.press("Enter")
    await page.get_by_test_id("component-button").wait_for()
    await page.keyboard.press("Alt+ArrowDown")
    await expect(page.get_by_test_id("room-title")).to_have_text("backstage")
    await page.keyboard.press("Alt+ArrowUp")
    await expect(page.get_by_test_id("room-title")).to_have_text("stage")


@pytest.mark.usefixtures("bot")
async def test_escape_leaves_the_command_form(page: Page) -> None:
    await page.get_by_test_id("composer-input").fill("/add")
    await page.get_by_test_id("suggestion").wait_for()
    await page.keyboard.press("Enter")
    await page.get_by_test_id("autocomplete-choice").first.wait_for()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("composer-input")).to_be_focused()


async def test_the_end_stays_in_view_while_words_arrive(page: Page, house: House) -> None:
    for number in range(30):
        house.person(1).send(house.stage, f"line {number}")
    ids = house.speak_as("Wren", "Once")
    house.edit(ids, "Once upon a time " * 60)
    await expect(page.get_by_test_id("growing")).to_be_in_viewport()
    assert await page.get_by_test_id("log-scroll").evaluate(AT_END)


async def test_a_reader_further_up_stays_there_and_is_told(page: Page, house: House) -> None:
    for number in range(40):
        house.person(1).send(house.stage, f"line {number}")
    pane = page.get_by_test_id("log-scroll")
    await page.get_by_test_id("log").get_by_text("line 39").wait_for()
    await pane.evaluate("pane => { pane.scrollTop = 200; }")
    await page.wait_for_function("document.querySelector('[data-testid=log-scroll]').scrollTop === 200")
    house.speak_as("Wren", "News")
    await expect(page.get_by_test_id("new-messages")).to_have_text("1 new message")
    assert await pane.evaluate("pane => pane.scrollTop") == 200
    await page.get_by_test_id("new-messages").click()
    await expect(page.get_by_test_id("log").get_by_text("News")).to_be_in_viewport()
    await expect(page.get_by_test_id("new-messages")).to_have_count(0)


async def test_older_messages_come_when_one_scrolls_up(house: House, open_page: OpenPage) -> None:
    for number in range(120):
        house.person(1).send(house.stage, f"line {number}.")
    page = await open_page(house.address.url)
    await page.get_by_test_id("log").get_by_text("line 119.").wait_for()
    for _ in range(8):
        await page.get_by_test_id("log-scroll").evaluate("pane => { pane.scrollTop = 0; }")
        if await page.get_by_test_id("log").get_by_text("line 0.").count():
            break
        await page.wait_for_timeout(100)
    await expect(page.get_by_test_id("message")).to_have_count(120)
    await expect(page.get_by_test_id("welcome")).to_be_attached()


async def test_a_lost_connection_is_said_and_nothing_is_missed(page: Page, house: House) -> None:
    ids = house.speak_as("Wren", "Before")
    await page.get_by_test_id("log").get_by_text("Before").wait_for()
    port = int(house.address.url.rsplit(":", 1)[1])
    await house.box.stop()
    await expect(page.get_by_test_id("connection-lost")).to_be_visible()
    house.edit(ids, "Before and during")
    house.speak_as("Mab", "During")
    house.box = Sandbox(house.world)
    await house.box.start(port=port)
    await expect(page.get_by_test_id("connection-lost")).to_have_count(0)
    await expect(page.get_by_test_id("message-content")).to_have_text(
        [re.compile("Before and during"), re.compile("During")]
    )


async def test_a_dropped_socket_resumes_where_it_was(page: Page, house: House) -> None:
    ids = house.speak_as("Wren", "One")
    await page.get_by_test_id("message-content").wait_for()
    await page.evaluate("document.querySelector('[data-testid=message]').dataset.kept = 'yes'")
    await page.context.set_offline(offline=True)
    house.edit(ids, "One and two")
    house.speak_as("Mab", "Three")
    await page.context.set_offline(offline=False)
    await expect(page.get_by_test_id("log").get_by_text("Three")).to_be_visible()
    first = page.get_by_test_id("message").first
    await expect(first).to_contain_text("One and two")
    await expect(first).to_have_attribute("data-kept", "yes")


async def test_new_messages_are_announced_and_again_when_complete(page: Page, house: House) -> None:
    ids = house.speak_as("Wren", "Hear")
    await expect(page.get_by_test_id("announcement")).to_have_text("Wren: Hear")
    house.edit(ids, "Hear ye, hear ye")
    await expect(page.get_by_test_id("announcement")).to_have_text("Wren: Hear ye, hear ye")
