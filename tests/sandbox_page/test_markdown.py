"""Discord's markdown as the page reads and draws it."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.sandbox_page.conftest import House

pytestmark = pytest.mark.browser

USER = "123456789012345678"


def paragraph(*children: Any) -> list[Any]:
    return [{"type": "p", "children": list(children)}]


def mark(kind: str, *children: Any) -> dict[str, Any]:
    return {"type": kind, "children": list(children)}


def link(address: str) -> dict[str, Any]:
    return {"type": "link", "href": address, "children": [address]}


def listed(*items: Any, ordered: bool = False, start: int = 1) -> dict[str, Any]:
    return {"type": "list", "ordered": ordered, "start": start, "items": list(items)}


CASES: dict[str, Any] = {
    "plain": paragraph("plain"),
    "**b**": paragraph(mark("b", "b")),
    "*i* and _i_": paragraph(mark("i", "i"), " and ", mark("i", "i")),
    "***both***": paragraph(mark("b", mark("i", "both"))),
    "**bold *both***": paragraph(mark("b", "bold ", mark("i", "both"))),
    "__u__ ~~s~~ ||x||": paragraph(mark("u", "u"), " ", mark("s", "s"), " ", mark("spoiler", "x")),
    "snake_case_name": paragraph("snake_case_name"),
    "a * b * c": paragraph("a * b * c"),
    r"\*no\*": paragraph("*no*"),
    "**open": paragraph("**open"),
    "****": paragraph("****"),
    "one\ntwo": paragraph("one", {"type": "break"}, "two"),
    "`a*b*`": paragraph({"type": "code", "text": "a*b*"}),
    "``a`b``": paragraph({"type": "code", "text": "a`b"}),
    "see https://a.b/c_(d).": paragraph("see ", link("https://a.b/c_(d)"), "."),
    "<https://a.b>": paragraph(link("https://a.b")),
    "[t](https://a.b)": paragraph({"type": "link", "href": "https://a.b", "children": ["t"]}),
    "[t](javascript:alert(1))": paragraph("[t](javascript:alert(1))"),
    "```py\nx = 1\n```": [{"type": "code", "language": "py", "text": "x = 1"}],
    "a\n```\nb\n```\nc": [*paragraph("a"), {"type": "code", "language": "", "text": "b"}, *paragraph("c")],
    "```open": paragraph("```open"),
    "> q\n> r\nn": [
        {"type": "quote", "blocks": paragraph("q", {"type": "break"}, "r")},
        *paragraph("n"),
    ],
    ">>> q\nr": [{"type": "quote", "blocks": paragraph("q", {"type": "break"}, "r")}],
    "# One\n### Three": [mark("h1", "One"), mark("h3", "Three")],
    "#nothing": paragraph("#nothing"),
    "-# small": [mark("small", "small")],
    "- a\n  - b\n- c": [listed([*paragraph("a"), listed(paragraph("b"))], paragraph("c"))],
    "3. c\n4. d": [listed(paragraph("c"), paragraph("d"), ordered=True, start=3)],
    f"<@{USER}> <#{USER}> <@&{USER}>": paragraph(
        {"type": "user", "id": USER}, " ", {"type": "channel", "id": USER}, " ", {"type": "role", "id": USER}
    ),
    f"<a:wave:{USER}>": paragraph({"type": "emoji", "name": "wave", "id": USER, "animated": True}),
    "<t:5:R>": paragraph({"type": "time", "seconds": 5, "style": "R"}),
    "@everyone": paragraph({"type": "everyone", "text": "@everyone"}),
    "@old ferro, hi": paragraph({"type": "name", "name": "old ferro"}, ", hi"),
    "@Wrens": paragraph("@Wrens"),
}
"""What is written, and the tree that it becomes; characters are called Wren and Old Ferro."""

PARSE_ALL = """async (texts) => {
    const { parse } = await import('/static/js/markdown.js');
    return texts.map((text) => parse(text, { names: ['Wren', 'Old Ferro'] }));
}"""
SLOWEST = """async (texts) => {
    const { parse } = await import('/static/js/markdown.js');
    const timed = (text, at = performance.now()) => (parse(text), performance.now() - at);
    return Math.max(...texts.map((text) => timed(text)));
}"""
HOSTILE = ["*" * 4000, "**a" * 1300, "[" * 4000, "`" * 3999 + "a", "||" * 2000, "_a " * 1300, "> " * 2000]


async def test_text_becomes_the_tree_that_discord_means(page: Page) -> None:
    trees = await page.evaluate(PARSE_ALL, list(CASES))
    assert dict(zip(CASES, trees, strict=True)) == CASES


async def test_no_text_takes_long_to_read(page: Page) -> None:
    assert await page.evaluate(SLOWEST, HOSTILE) < 500


async def test_no_text_becomes_markup(page: Page, house: House) -> None:
    text = "<img src=x onerror=alert(1)> <script>alert(1)</script> **<b>**"
    house.person(1).send(house.stage, text)
    content = page.get_by_test_id("message-content")
    await expect(content).to_have_text(text.replace("**", ""))
    assert await content.locator("img, script, b").count() == 0


async def test_a_spoiler_shows_itself_when_pressed(page: Page, house: House) -> None:
    house.person(1).send(house.stage, "the butler: ||it was me||")
    spoiler = page.locator(".spoiler")
    await expect(spoiler).to_have_attribute("aria-expanded", "false")
    await spoiler.press("Enter")
    await expect(spoiler).to_have_attribute("aria-expanded", "true")
