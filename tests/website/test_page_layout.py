"""How a page is laid out while it comes, and when its width changes."""

import pytest

from tests.support.marks import IN_BROWSER
from tests.support.waiting import settle

CHAPTER = "book/03-bptt/the-delta-recursion.html"
WITH_FIGURES = "book/01-introduction/shapes-of-sequence-problems.html"

pytestmark = IN_BROWSER


def test_a_long_page_is_laid_out_section_by_section(origin, reader):
    reader.add_init_script(
        "idle = []; window.requestIdleCallback = (work) => idle.push(work)"
    )
    reader.goto(f"{origin}/{CHAPTER}", wait_until="networkidle")
    # the page has come, and what began before that begins anew
    reader.wait_for_timeout(500)
    done = "[...document.querySelectorAll('.laid-out')].map((e) => e.id || e.className)"
    sections = "[...document.querySelectorAll('.bd-article > section > section')].map((e) => e.id)"
    wanted = [*reader.evaluate(sections), "bd-article laid-out"]
    assert len(wanted) > 4
    seen = set()
    for count in range(1, len(wanted) + 1):
        reader.evaluate("idle.splice(0).forEach((work) => work())")
        seen |= {*reader.evaluate(done)}
        assert seen == {*wanted[:count]}


def test_a_mark_of_what_scrolls_comes_and_goes_with_the_width(origin, reader):
    reader.goto(f"{origin}/{CHAPTER}", wait_until="networkidle")
    boxes = (
        "[...document.querySelectorAll('article pre, .pst-scrollable-table-container')]"
    )
    facts = (
        "[e.scrollWidth > e.clientWidth || (e.tagName == 'PRE' && e.scrollHeight > e.clientHeight),"
        " e.tabIndex == 0, e.tagName == 'PRE' || e.hasAttribute('aria-label') == (e.tabIndex == 0)]"
    )
    counts = []
    for width in (1280, 320, 1280):
        reader.set_viewport_size({"width": width, "height": 800})
        settle(reader)
        found = reader.evaluate(f"{boxes}.map((e) => {facts})")
        assert all(scrolls == marked and named for scrolls, marked, named in found)
        counts.append(sum(scrolls for scrolls, *_ in found))
    assert counts[0] == counts[2] < counts[1]


@pytest.mark.parametrize("width", [1280, 390])
def test_a_figure_that_has_not_come_has_its_place(origin, browser, width):
    heights = []
    for images_come in (False, True):
        page = browser.new_page(viewport={"width": width, "height": 800})
        if not images_come:
            page.route("**/_images/*", lambda route: None)  # never answered
        page.goto(f"{origin}/{WITH_FIGURES}#exercises", wait_until="domcontentloaded")
        page.evaluate(
            "document.querySelectorAll('img').forEach((i) => { i.loading = 'eager' })"
        )
        if images_come:
            page.wait_for_load_state("networkidle")
        page.evaluate("document.fonts.ready.then(() => null)")
        settle(page)
        images = "[...document.querySelectorAll('img.light-twin')]"
        assert page.evaluate(f"{images}.length") > 3
        assert page.evaluate(f"{images}.some((i) => i.naturalWidth > 0)") == images_come
        heights.append(
            page.evaluate(f"{images}.map((i) => Math.round(i.offsetHeight))")
        )
        page.close()
    assert heights[0] == heights[1]
