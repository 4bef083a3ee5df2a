"""A real Chromium for tests marked `browser`; import these fixtures into a folder's conftest.

`open_page` opens a page in a context of its own and, at the end, fails the test if the page threw an
error or broke its content policy.
"""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome")
OpenPage = Callable[..., Awaitable[Page]]
EXPECTED_COMPLAINTS = ("WebSocket connection to", "Failed to load resource")
"""What Chromium itself logs when a server is away; tests of reconnecting mean it."""


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Path of the browser; without one the test is skipped, in CI it fails."""
    wanted = os.environ.get("CHROMIUM")
    found = wanted or next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    message = "No Chromium: install one (Debian: apt-get install chromium) or set CHROMIUM to its path"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    """A fresh browser."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium_path, args=list(ARGUMENTS))
        yield launched
        await launched.close()


@pytest.fixture
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Open addresses: await it with a url and, if wanted, `width`, `height` and `touch`."""
    complaints: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(EXPECTED_COMPLAINTS):
            complaints.append(message.text)

    async def open_one(url: str, *, width: int = 1280, height: int = 800, touch: bool = False) -> Page:
        context = await browser.new_context(
            viewport={"width": width, "height": height}, has_touch=touch, is_mobile=touch, locale="en-GB"
        )
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", on_console)
        await page.goto(url)
        return page

    yield open_one
    assert not complaints, complaints
