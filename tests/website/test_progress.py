"""What was read: marked when the end of a chapter is reached, counted, kept and forgotten."""

import json

import pytest

from tests.support.marks import IN_BROWSER
from tests.support.paths import AXE
from tests.support.waiting import wait_until

NAME = "book/01-introduction/shapes-of-sequence-problems"
OTHER = "book/01-introduction/how-they-are-trained"
LANDING = "book/intro.html"
LAID_OUT = "() => Boolean(document.documentElement.dataset.laidOut)"
KEY = "unrolled.read"
MARKED = "all => all.map((mark) => mark.parentElement.getAttribute('href'))"

pytestmark = IN_BROWSER


def marked(page):
    """The chapters that the sidebar marks."""
    return page.eval_on_selector_all(".toc-part .read-mark", MARKED)


def read_to_the_end(page, address):
    page.goto(address, wait_until="networkidle")
    wait_until(page, LAID_OUT)
    page.locator(".prev-next-footer").scroll_into_view_if_needed()
    page.wait_for_selector(".toc-part .read-mark", state="attached")


def test_a_chapter_is_read_when_its_end_was_in_view(origin, reader):
    reader.goto(f"{origin}/{OTHER}.html", wait_until="networkidle")
    reader.wait_for_timeout(3000)  # more than its end must be in view
    assert marked(reader) == []
    read_to_the_end(reader, f"{origin}/{NAME}.html")
    assert json.loads(reader.evaluate(f"localStorage.getItem('{KEY}')")) == {NAME: True}
    assert len(marked(reader)) == 1

    reader.goto(f"{origin}/{LANDING}", wait_until="networkidle")
    first, *others = reader.locator(".parts li").all()
    assert "1 of " in first.inner_text() and "pages read" in first.inner_text()
    assert not any("pages read" in other.inner_text() for other in others)
    assert [address.split("#")[0] for address in marked(reader)] == [
        f"{NAME.removeprefix('book/')}.html"
    ]
    reader.click(".forget-read")
    assert marked(reader) == [] and not reader.locator(".forget-read").count()
    reader.reload(wait_until="networkidle")
    assert marked(reader) == []
    assert reader.evaluate(f"localStorage.getItem('{KEY}')") is None
    assert reader.console == []


def test_a_page_that_is_no_chapter_is_not_counted(origin, reader):
    reader.goto(f"{origin}/book/notation.html", wait_until="networkidle")
    wait_until(reader, LAID_OUT)
    reader.locator(".prev-next-footer").scroll_into_view_if_needed()
    reader.wait_for_timeout(3000)
    assert marked(reader) == []


@pytest.mark.parametrize("damaged", ["null", "[1]", "{", '{"gone": true, "": 7}'])
def test_what_cannot_be_read_or_is_no_page_is_left_out(origin, reader, damaged):
    reader.add_init_script(f"localStorage.setItem('{KEY}', {json.dumps(damaged)})")
    reader.goto(f"{origin}/{LANDING}", wait_until="networkidle")
    assert marked(reader) == [] and not reader.locator(".read-count").count()
    assert reader.console == []


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_where_progress_is_shown(origin, reader, width, theme):
    reader.set_viewport_size({"width": width, "height": 700})
    reader.emulate_media(color_scheme=theme, reduced_motion="reduce")
    stored = json.dumps({NAME: True, OTHER: True})
    reader.add_init_script(f"localStorage.setItem('{KEY}', {json.dumps(stored)})")
    reader.goto(f"{origin}/{LANDING}", wait_until="networkidle")
    wait_until(reader, LAID_OUT)
    assert reader.locator(".read-count").inner_text().startswith("2 of ")
    reader.evaluate(AXE.read_text("utf-8"))
    found = reader.evaluate("axe.run().then((found) => found.violations)")
    assert [violation["id"] for violation in found] == []
