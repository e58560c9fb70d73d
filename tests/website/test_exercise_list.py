"""The page of all exercises, and the links between exercises and sections."""

import functools
import json
import posixpath

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.utils import new_document
from sphinx.errors import ExtensionError

from book._ext.live import exercise_list, exercise_pages, exercises_shown
from tests.support.marks import in_browser, on_site
from unrolled import exercises

LIST = "book/reference/exercises.html"
CHAPTER = "book/03-bptt/vanishing-and-exploding.html"
FORBIDDEN = """Object.defineProperty(window, "localStorage", { get() {
  throw new DOMException("no", "SecurityError"); } });"""


# --- what is written -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", exercises.names())
def test_every_exercise_names_a_section_of_its_chapter(name):
    exercise = exercises.load(name)
    assert exercise_pages.heading(exercise.CHAPTER, exercise.SECTION)


def test_the_heading_of_a_section_is_found_by_its_anchor(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "book/a.md").write_text(
        "# Title\n\n```python\n## In code\n```\n\n## Which way round is $z$?\n", "utf-8"
    )
    found = exercise_pages.heading("a", "which-way-round-is-z", tmp_path)
    assert found == "Which way round is $z$?"
    for anchor in ("title", "in-code", "elsewhere"):
        with pytest.raises(ValueError, match=f"book/a.md has no section #{anchor}"):
            exercise_pages.heading("a", anchor, tmp_path)


def test_a_section_links_its_exercise_above_the_sections_inside_it():
    doctree = new_document("a")
    outer, inner = nodes.section("", slug="outer"), nodes.section("", slug="inner")
    outer += [nodes.title("", "Outer"), nodes.paragraph("", "Text."), inner]
    doctree += outer
    for anchor in ("outer", "inner"):
        exercises_shown.link_from_section(doctree, anchor, "radius_one", "book/a")
    assert [child.tagname for child in outer] == [
        *("title", "paragraph", "paragraph", "section")
    ]
    line = "Exercise: A spectral radius of 1 · level 2 · 20 minutes"
    assert outer[2].astext() == inner[0].astext() == line
    with pytest.raises(ExtensionError, match="no section #gone, which radius_one"):
        exercises_shown.link_from_section(doctree, "gone", "radius_one", "book/a")


def test_the_minutes_are_added_up():
    minutes = [exercises.load(name).MINUTES for name in ("radius_one", "delta_by_hand")]
    counted = exercise_list.counted(["radius_one", "delta_by_hand"])
    assert counted == f"2 exercises, {sum(minutes)} minutes."
    hours = round(sum(exercises.load(n).MINUTES for n in exercises.names()) / 60)
    assert exercise_list.counted(exercises.names()).endswith(f"about {hours} hours.")


# --- the site ------------------------------------------------------------------------------------


def parsed(path):
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


def exercises_linked(part):
    """The names of the exercises that a part of a page links."""
    hrefs = [link["href"].partition("#ex-") for link in part.select('a[href*="#ex-"]')]
    return [name.replace("-", "_") for _, _, name in hrefs]


@on_site
def test_each_exercise_links_its_section_and_the_section_links_it(site):
    listed = parsed(site / LIST)
    names = [of for item in listed.select("li") for of in exercises_linked(item)]
    assert names == exercises.names()
    links = {address(LIST, a["href"]) for a in listed.find_all("a", href=True)}
    pages = {part: parsed(exercise_page(part, site)) for part in exercises.PARTS}
    chapter = functools.cache(lambda name: parsed(site / f"book/{name}.html"))
    for name in exercises.names():
        exercise = exercises.load(name)
        box = f"{exercise_pages.label_of(name)}-problem"
        about = pages[exercises.part_of(name)].find(id=box).em
        (to,) = [a["href"] for a in about.find_all("a") if "#" in a["href"]]
        assert f"{exercise.CHAPTER}.html#" in to
        assert address("book/exercises/a-part.html", to) in links, name
        section = chapter(exercise.CHAPTER).find(id=to.partition("#")[2])
        lines = section.find_all("p", class_="exercise-here", recursive=False)
        assert name in [of for line in lines for of in exercises_linked(line)]


def address(page, href):
    """Returns where a link of a page leads, from the root of the site."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), href))


@on_site
def test_the_parts_are_numbered_as_in_the_sidebar(site):
    page = parsed(site / LIST)
    numbers = {}  # by the page of exercises, in the sidebar
    for part in page.select("details.toc-part"):
        for link in part.select('a[href*="/exercises/"]'):
            numbers[link["href"]] = f"Part {part.select_one('.toc-number').get_text()}"
    listed = {}
    for section in page.select("section.exercise-list"):
        (to,) = {a["href"].partition("#")[0] for a in section.select('a[href*="#ex-"]')}
        listed[to] = section.h2.get_text().partition(":")[0]
    assert listed == numbers and len(numbers) == len(exercises.PARTS)


def exercise_page(part, site):
    return exercise_pages.page_of(part, site).with_suffix(".html")


# --- in a browser --------------------------------------------------------------------------------


def counts(page):
    return page.locator(".exercise-count").all_text_contents()


@in_browser
def test_ticks_are_counted_and_kept(origin, reader):
    reader.goto(f"{origin}/{LIST}")
    number = len(exercises.names())
    total, first, *_ = counts(reader)
    assert total.startswith(f"Solved: 0 of {number}. Open: {number}, about ")
    names = exercises.PARTS["introduction"]
    minutes = [exercises.load(name).MINUTES for name in names]
    assert first.startswith(f"Solved: 0 of {len(names)}. Open: {len(names)}, about ")
    boxes = reader.locator(".exercise-list input")
    assert boxes.count() == number
    for k in range(1, len(names)):
        boxes.nth(k).focus()
        reader.keyboard.press("Space")
    solved = len(names) - 1
    total, first, second, *_ = counts(reader)
    assert total.startswith(f"Solved: {solved} of {number}. Open: {number - solved}, ")
    assert first == f"Solved: {solved} of {len(names)}. Open: 1, {minutes[0]} minutes."
    assert second.startswith("Solved: 0 of")
    reader.reload()
    assert counts(reader)[:2] == [total, first]
    boxes.first.check()
    assert (
        counts(reader)[1] == f"Solved: {solved + 1} of {len(names)}. Nothing is open."
    )
    boxes.nth(1).uncheck()
    kept = json.loads(reader.evaluate("localStorage.getItem('unrolled.solved')"))
    assert {*kept} == {*names} - {names[1]} and all(kept.values())
    name = exercises.load(names[0]).TITLE
    assert (
        reader.get_by_role("checkbox", name=f"Solved: {name}", exact=True).count() == 1
    )
    assert reader.get_by_role("status").filter(has_text="Solved: ").count() == 1
    assert reader.console == []
    assert [url for url in reader.asked if not url.startswith(origin)] == []
    reader.evaluate("localStorage.removeItem('unrolled.solved')")


@in_browser
def test_a_chapter_marks_what_a_check_has_found_solved(origin, reader):
    reader.goto(f"{origin}/{CHAPTER}")
    marks = "[...document.querySelectorAll('.solved-mark')].map((m) => m.textContent)"
    assert {*reader.evaluate(marks)} == {""}
    reader.evaluate("localStorage.setItem('unrolled.solved', '{\"radius_one\": true}')")
    reader.reload()
    marked = reader.locator("li, p.exercise-here").filter(has_text="✓ solved")
    assert marked.count() == 2  # at the end of its section and of the chapter
    title = exercises.load("radius_one").TITLE
    assert all(
        text.startswith((title, f"Exercise: {title}"))
        for text in marked.all_text_contents()
    )
    with reader.expect_popup() as opened:
        reader.evaluate(f"open('{origin}/{LIST}')")
    opened.value.get_by_role("checkbox", name=f"Solved: {title}").uncheck()
    marked.first.wait_for(state="detached")
    opened.value.close()


@in_browser
@pytest.mark.parametrize("kept", ["{", "5", "null", "[1]", '"text"', ""])
def test_what_is_damaged_counts_as_nothing_solved(origin, reader, kept):
    reader.goto(f"{origin}/{LIST}")
    reader.evaluate("(kept) => localStorage.setItem('unrolled.solved', kept)", kept)
    reader.reload()
    assert counts(reader)[0].startswith("Solved: 0 of ")
    reader.locator(".exercise-list input").first.check()
    assert counts(reader)[0].startswith("Solved: 1 of ")
    assert reader.console == []
    reader.evaluate("localStorage.removeItem('unrolled.solved')")


@in_browser
def test_where_nothing_may_be_stored_the_page_says_so(origin, browser):
    page = browser.new_page()
    page.add_init_script(FORBIDDEN)
    page.goto(f"{origin}/{LIST}")
    page.locator(".exercise-list input").first.check()
    total = counts(page)[0]
    assert total.startswith("Solved: 1 of ")
    assert total.endswith("the ticks are gone when you leave it.")
    page.close()


@in_browser
def test_without_scripts_the_list_is_there_and_no_box(origin, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{origin}/{LIST}")
    assert page.locator(".exercise-list li").count() == len(exercises.names())
    assert page.locator("input[type=checkbox]").count() == 0
    assert counts(page)[0] == exercise_list.counted(exercises.names())
    context.close()
