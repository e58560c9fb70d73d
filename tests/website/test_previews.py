"""Previews of what a link leads to."""

import pytest

from tests.support.marks import IN_BROWSER
from tests.support.paths import AXE
from tests.support.waiting import settle

CHAPTER = "book/03-bptt/the-delta-recursion.html"
SHORT = "book/01-introduction/shapes-of-sequence-problems.html"
THEMES = ("light", "dark")
OPEN = "#preview:popover-open"

pytestmark = IN_BROWSER


def shown(page, link):
    """The text of the preview that hovering over a link opens."""
    settle(page)  # a link that moves away from under the pointer is left
    link.hover()
    page.wait_for_selector(OPEN)
    return page.inner_text("#preview")


def test_a_preview_shows_the_thing_that_is_referred_to(origin, reader):
    reader.goto(f"{origin}/{CHAPTER}", wait_until="networkidle")
    reader.asked.clear()
    article = reader.locator("article")
    kinds = {
        'a.reference[href="#equation-eq-delta-column"]': "#preview div.math .katex",
        'a.reference[href="#fig-bptt-pairs"]': "#preview figure img",
        "a.term-link": "#preview dt",
        'a[href*="bibliography.html#"]': "#preview .citation, #preview .label",
        'a[href*="bptt.html#ex-"]': "#preview .exercise",
        'a[href*="#ch-"]': "#preview > h1",
    }
    for link, thing in kinds.items():
        target = article.locator(link).first
        target.focus()
        reader.wait_for_selector(OPEN)
        assert reader.locator(thing).count(), link
        box = reader.locator("#preview").bounding_box()
        assert 0 <= box["x"] and box["x"] + box["width"] <= 1280 and box["width"] <= 480
        assert target.get_attribute("aria-describedby") == "preview"
        reader.keyboard.press("Escape")
        assert not reader.locator(OPEN).count()
    assert reader.evaluate(
        "new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size"
        " === document.querySelectorAll('[id]').length"
    )
    fetched = [url for url in reader.asked if url.endswith(".html")]
    assert (
        len(fetched) == len(set(fetched)) == 4
    )  # each page once: terms, sources, exercises, chapter
    assert reader.console == []


def test_nothing_is_fetched_before_a_link_is_hovered(origin, reader):
    reader.goto(f"{origin}/{CHAPTER}", wait_until="networkidle")
    assert [url for url in reader.asked if url.endswith(".html")] == [
        f"{origin}/{CHAPTER}"
    ]


def test_a_preview_stays_while_the_pointer_is_on_it_and_goes_when_it_leaves(
    origin, reader
):
    reader.goto(f"{origin}/{SHORT}", wait_until="networkidle")
    link = reader.locator("article a.term-link").first
    title = link.get_attribute("title")
    shown(reader, link)
    assert link.get_attribute("title") == ""  # not twice
    box = reader.locator("#preview").bounding_box()
    below = box["y"] > link.bounding_box()["y"]
    gap = box["y"] - 3 if below else box["y"] + box["height"] + 3
    reader.mouse.move(box["x"] + 20, gap)
    reader.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2)
    reader.wait_for_timeout(500)
    assert reader.locator(OPEN).count()
    reader.mouse.move(1270, 10)
    reader.wait_for_selector(OPEN, state="detached")
    assert link.get_attribute("title") == title != ""


def test_a_preview_opens_by_keyboard_and_not_by_touch(origin, browser, reader):
    reader.goto(f"{origin}/{SHORT}", wait_until="networkidle")
    link = reader.locator("article a.term-link").first
    link.focus()
    reader.keyboard.press("Shift+Tab")
    reader.keyboard.press("Tab")
    reader.wait_for_selector(OPEN)
    reader.keyboard.press("Tab")
    reader.wait_for_selector(OPEN, state="detached")
    context = browser.new_context(has_touch=True)
    page = context.new_page()
    page.goto(f"{origin}/{SHORT}", wait_until="networkidle")
    page.evaluate("addEventListener('click', (event) => event.preventDefault())")
    page.locator("article a.term-link").first.tap()
    page.locator("article a.term-link").first.dispatch_event(
        "pointerover", {"pointerType": "touch", "bubbles": True}
    )
    page.wait_for_timeout(700)
    assert not page.locator(OPEN).count()
    context.close()


def test_from_a_file_only_what_is_on_the_page_is_previewed(site, reader):
    reader.goto((site / CHAPTER).as_uri())
    shown(
        reader,
        reader.locator('article a.reference[href="#equation-eq-delta-column"]').first,
    )
    reader.keyboard.press("Escape")
    link = reader.locator("article a.term-link").first
    link.hover()
    reader.wait_for_timeout(700)
    assert not reader.locator(OPEN).count()
    assert link.get_attribute("title")
    assert [
        text
        for text in reader.console
        if "font" not in text and "ERR_FAILED" not in text
    ] == []


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_with_a_preview_and_with_the_list_of_shortcuts(
    origin, reader, theme
):
    reader.emulate_media(color_scheme=theme, reduced_motion="reduce")
    reader.goto(f"{origin}/{SHORT}", wait_until="networkidle")
    reader.evaluate(AXE.read_text("utf-8"))
    find = """() => axe.run({include: [["#preview"], ["#shortcuts"], ["footer"], ["nav"]]})
        .then((found) => found.violations.map((v) => v.id))"""
    reader.focus('article a[href*="#ex-"]')
    reader.wait_for_selector(OPEN)
    assert reader.evaluate(find) == []
    reader.keyboard.press("Escape")
    reader.click(".shortcuts-button")
    assert reader.evaluate(find) == []
    # The check sees a fault in them.
    reader.evaluate("document.querySelector('#shortcuts dd').style.color = '#888'")
    reader.evaluate("document.querySelector('#shortcuts dd').style.background = '#777'")
    assert reader.evaluate(find) == ["color-contrast"]
