"""Save my answers, and Load: what the file holds, what a different browser makes of it."""

import json

import pytest
from bs4 import BeautifulSoup

from book._ext.live import answers_file, course_plans
from tests.support.live_reader import EXERCISES
from tests.support.marks import in_browser, on_site
from unrolled import exercises
from unrolled.exercises import submissions

LIST = "book/reference/exercises.html"
PAGE = EXERCISES.removesuffix(".html")
NAME, OTHER = "the_faces_of_the_die", "a_model_that_never_stops"
HASH = answers_file.known()[PAGE][NAME]
SAVE, LOAD = "Save my answers", "Load answers"
FULL = """Storage.prototype.setItem = () => {
  throw new DOMException("no", "QuotaExceededError"); }"""
FORBIDDEN = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("no", "SecurityError"); } });"""


def test_every_exercise_is_known_with_the_hash_of_its_cell():
    known = answers_file.known()
    assert [name for page in known.values() for name in page] == exercises.names()
    assert HASH == submissions.text_hash(exercises.load(NAME).STUB.strip())


@pytest.mark.parametrize("weeks", course_plans.PLANS)
def test_a_course_has_its_weeks_and_no_exercise_twice(weeks):
    plan = course_plans.PLANS[weeks]
    assert len(plan) == int(weeks)
    names = [name for week in plan for name in week.exercises.split()]
    assert len(set(names)) == len(names)
    for week in plan:  # an exercise comes with a chapter of its part
        for name in week.exercises.split():
            assert exercises.load(name).CHAPTER.startswith(f"{week.folder}/"), name
    assert course_plans.minutes(plan) == sum(exercises.load(n).MINUTES for n in names)


@on_site
def test_the_buttons_are_where_exercises_are(site):
    pages = [
        p
        for p in (site / "book").rglob("*.html")
        if "_static/answers.js" in p.read_text()
    ]
    found = {path.relative_to(site).as_posix() for path in pages}
    assert found == {LIST, *(f"{page}.html" for page in answers_file.known())}
    for path in pages:
        parsed = BeautifulSoup(path.read_text("utf-8"), "html.parser")
        (bar,) = parsed.select(".answers-file")
        assert json.loads(bar["data-exercises"]) == answers_file.known()


# --- in a browser --------------------------------------------------------------------------------


def said(page):
    return page.locator(".answers-file [role=status]")


def store(page, **items):
    page.evaluate("items => Object.assign(localStorage, items)", items)


def stored(page):
    """Returns what this book has stored, without the settings of the theme."""
    items = page.evaluate("({...localStorage})")
    return {key: items[key] for key in items if key.startswith("unrolled.")}


def key(name, version):
    return f"unrolled.edit:{PAGE}:{name}:{version}"


def load(page, content):
    text = content if isinstance(content, str) else json.dumps(content)
    file = {"name": "a.json", "mimeType": "application/json", "buffer": text.encode()}
    said(page).evaluate("status => status.textContent = ''")
    page.locator(".answers-file input").set_input_files(file)
    said(page).filter(has_text=".").wait_for()
    return said(page).inner_text()


def content(*answers, solved=()):
    entries = [
        {"exercise": name, "text": text, "code": code} for name, text, code in answers
    ]
    return {
        "format": "unrolled answers",
        "version": 1,
        "answers": entries,
        "solved": list(solved),
    }


@in_browser
def test_what_is_saved_can_be_graded_and_loaded_elsewhere(
    origin, reader, browser, tmp_path
):
    reader.goto(f"{origin}/{LIST}")
    store(
        reader,
        **{
            key(NAME, HASH): "x = 'é'",
            key(NAME, "replaced-1"): "mine",
            "unrolled.edit:book/intro:cell-1:abc": "no exercise",
            "unrolled.solved": json.dumps({NAME: True, OTHER: False}),
        },
    )
    with reader.expect_download() as download:
        reader.get_by_role("button", name=SAVE).press("Enter")
    assert said(reader).inner_text().startswith("1 answer and 1 tick saved as ")
    path = tmp_path / "answers.json"
    download.value.save_as(path)
    assert download.value.suggested_filename == "unrolled-answers.json"
    assert submissions.read(path) == [(NAME, "x = 'é'", "")]
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{origin}/{LIST}")
    assert load(page, path.read_text("utf-8")) == "1 answer loaded."
    assert stored(page) == {
        key(NAME, HASH): "x = 'é'",
        "unrolled.solved": f'{{"{NAME}":true}}',
    }
    title = exercises.load(NAME).TITLE
    assert page.get_by_role("checkbox", name=f"Solved: {title}").is_checked()
    context.close()
    assert reader.console == []
    assert [u for u in reader.asked if not u.startswith((origin, "blob:"))] == []


@in_browser
def test_nothing_to_save_is_said(origin, reader):
    reader.goto(f"{origin}/{LIST}")
    reader.get_by_role("button", name=SAVE).click()
    assert said(reader).inner_text().startswith("There is nothing to save: ")


@in_browser
def test_older_answers_and_the_readers_own_are_kept_and_said(origin, reader):
    reader.goto(f"{origin}/{LIST}")
    store(reader, **{key(NAME, HASH): "mine"})
    answers = (NAME, HASH, "theirs"), (OTHER, "older", "old"), ("gone", "x", "y")
    assert load(reader, content(*answers, solved=["gone"])) == (
        "2 answers loaded. 1 for an earlier text of the exercise, which the cell "
        "offers. 1 cell had a different text, which the cell still offers. "
        "1 left out, because this edition has no such exercise."
    )
    found = stored(reader)
    assert found.pop("unrolled.solved") == "{}"
    assert found.pop(key(NAME, HASH)) == "theirs"
    assert found.pop(key(OTHER, "older")) == "old"
    ((name, own),) = found.items()
    assert name.startswith(key(NAME, "replaced-")) and own == "mine"


@in_browser
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged, or it is no file of answers"),
        ("null", "was not saved by a page of this book"),
        ("[]", "was not saved by a page of this book"),
        ('{"format": "unrolled answers", "version": 2}', "by a newer edition"),
        ('{"format": "unrolled answers", "version": 1}', "This file is damaged"),
        (
            '{"format": "unrolled answers", "version": 1, "answers": [{}]}',
            "This file is damaged",
        ),
    ],
)
def test_a_bad_file_changes_nothing_and_is_named(origin, reader, text, message):
    reader.goto(f"{origin}/{LIST}")
    before = stored(reader)
    found = load(reader, text)
    assert message in found and found.endswith("Nothing is changed.")
    assert stored(reader) == before
    assert reader.console == []


@in_browser
@pytest.mark.parametrize(
    ("script", "message"),
    [
        (FULL, "This browser's storage is full. Loaded: 0 of 1."),
        (FORBIDDEN, "This browser forbids the page to store anything"),
    ],
    ids=["full", "forbidden"],
)
def test_where_nothing_can_be_stored_the_page_says_so(origin, reader, script, message):
    reader.add_init_script(script)
    reader.goto(f"{origin}/{LIST}")
    assert message in load(reader, content((NAME, HASH, "x")))


@in_browser
def test_an_open_editor_shows_what_is_loaded_and_offers_what_was_there(live_page):
    with live_page() as page:
        page.ask().wait_for_editors()
        # the first cell has the imports
        index = 1 + exercises.PARTS["language_model"].index(NAME)
        box = page.page.locator(".cell:has(.cm-content)").nth(index)
        box.locator(".cm-content").click()
        page.page.keyboard.press("Control+a")
        page.page.keyboard.insert_text("mine = 1")
        loaded = load(page.page, content((NAME, HASH, "theirs = 2"), solved=[NAME]))
        assert loaded.startswith("1 answer loaded. 1 cell had a different text")
        assert "theirs = 2" in box.locator(".cm-content").inner_text()
        old = box.locator(".live-old")
        assert old.locator("summary").inner_text() == (
            "Your text before you loaded a file"
        )
        assert old.locator("pre").text_content() == "mine = 1"
        assert "solved" in box.get_attribute("class")
        assert page.troubles == []


@in_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", [LIST, EXERCISES])
def test_the_buttons_fit_a_narrow_screen_in_both_themes(origin, browser, theme, name):
    context = browser.new_context(
        viewport={"width": 320, "height": 640}, color_scheme=theme
    )
    page = context.new_page()
    page.goto(f"{origin}/{name}")
    for label in (SAVE, LOAD):
        box = page.get_by_role("button", name=label).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 320
        assert box["height"] >= 32
    widths = "[document.documentElement.scrollWidth, innerWidth]"
    assert page.evaluate(widths) == [320, 320]
    context.close()


@in_browser
def test_the_keyboard_reaches_both_buttons(origin, reader):
    reader.goto(f"{origin}/{LIST}")
    with reader.expect_file_chooser():
        reader.get_by_role("button", name=SAVE).focus()
        reader.keyboard.press("Tab")
        assert reader.evaluate("document.activeElement.textContent") == LOAD
        reader.keyboard.press("Space")


@in_browser
def test_without_scripts_there_are_no_buttons(origin, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{origin}/{LIST}")
    assert not page.locator(".answers-file").is_visible()
    context.close()
