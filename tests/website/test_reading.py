"""Reading aids: terms, previews, search by name, place in the part, permanent links, shortcuts."""

import re
import threading
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from docutils import nodes
from docutils.core import publish_doctree
from sphinx_external_toc.parsing import parse_toc_yaml

from book._ext.build import serve
from book._ext.metadata import search_objects
from book._ext.page import (
    contents,
    glossary_links,
    part_progress,
    permalinks,
    plain_math,
)
from tests.support.paths import AXE, ROOT
from tests.support.waiting import settle, wait_until

CHAPTER = "book/03-bptt/the-delta-recursion.html"
SHORT = "book/01-introduction/shapes-of-sequence-problems.html"
THEMES = ("light", "dark")


# --- Formulas as text ---


@pytest.mark.parametrize(
    ("latex", "text", "typed"),
    [
        ("W_h", "W_h", "W_h"),
        (r"\delta_{t,k}", "δ_(t,k)", "delta_(t,k)"),
        (r"\tilde h_t", "h̃_t", "tilde h_t"),
        (r"\overrightarrow{h}_t", "h⃗_t", "overrightarrow h_t"),
        (r"\partial L / \partial a_t", "∂L / ∂a_t", "partial L / partial a_t"),
        (r"\mathrm d L / \mathrm d h_t", "dL / dh_t", "dL / dh_t"),
        (r"\operatorname{softmax}(u_t)", "softmax(u_t)", "softmax(u_t)"),
        (r"\lVert v \rVert", "‖v‖", "‖v‖"),
        (r"-\log p(y)", "-log p(y)", "-log p(y)"),
        (r"q^{(j)}", "q^(j)", "q^(j)"),
        (r"h_{t-1}", "h_(t-1)", "h_(t-1)"),
    ],
)
def test_a_formula_is_written_in_letters_and_signs(latex, text, typed):
    assert plain_math.text(latex) == text
    assert plain_math.typed(text) == typed


def test_no_formula_of_notation_or_glossary_is_left_in_latex():
    pages = ("book/notation.md", "book/reference/glossary.md")
    formulas = re.findall(
        r"\$([^$]+)\$", "".join((ROOT / p).read_text("utf-8") for p in pages)
    )
    assert len(formulas) > 100
    assert [f for f in formulas if re.search(r"[\\{}]", plain_math.text(f))] == []


# --- Terms ---


def term(name, *aliases):
    return glossary_links.Term(name, f"term-{name}", aliases, f"What {name} is.", ())


TERMS = [
    *map(
        term,
        (
            "gate",
            "forget gate",
            "Jacobian",
            "vocabulary",
            "attention",
            "self-attention",
        ),
    ),
    term("orthogonal matrix"),
    term("LSTM", "long short-term memory"),
]


def links_in(text, explained=()):
    """The links made in a page: the text of each and what it leads to."""
    page = publish_doctree(
        f"Attention and gates\n===================\n\nTop.\n\n{text}\n"
    )
    made = glossary_links.link_terms(page, TERMS, set(explained), "glossary.html")
    found = [
        (" ".join(node.astext().split()), node["refuri"].partition("#term-")[2])
        for node in page.findall(nodes.reference)
        if "term-link" in node["classes"]
    ]
    assert made == len(found)
    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("An LSTM, and an LSTM.", [("LSTM", "LSTM")]),
        ("Two LSTMs.", [("LSTMs", "LSTM")]),
        ("Long short-term memory; the LSTM.", [("Long short-term memory", "LSTM")]),
        ("Vocabularies are sets.", [("Vocabularies", "vocabulary")]),
        ("Orthogonal\nmatrices.", [("Orthogonal matrices", "orthogonal matrix")]),
        ("Jacobians.", [("Jacobians", "Jacobian")]),
        ("The jacobian.", []),  # a name keeps its capital
        ("The forget gate is a gate.", [("forget gate", "forget gate")]),
        ("Self-attention alone.", [("Self-attention", "self-attention")]),
        ("Self-attention", [("Self-attention", "self-attention")]),
        ("Hard attention.", [("attention", "attention")]),
        ("An attention-free model.", []),
        ("In code ``attention``, and `attention <x.html>`_ in a link.", []),
        ("*Attention* is this: attention is that.", []),  # the page introduces it
        ("::\n\n   attention", []),
        # the landing page's list of parts
        (".. container:: parts\n\n   attention", []),
    ],
)
def test_terms_are_linked_once_where_they_stand_in_running_text(text, found):
    assert links_in(text) == found


def test_what_a_page_explains_is_not_linked_there():
    assert links_in("An LSTM.", explained=["LSTM"]) == []


def test_a_link_shows_its_definition_without_a_script():
    page = publish_doctree("An LSTM.")
    glossary_links.link_terms(page, TERMS, set(), "glossary.html")
    assert page.next_node(nodes.reference)["reftitle"] == "What LSTM is."


def test_other_names_are_those_that_an_entry_names():
    names = glossary_links.other_names
    assert names("LSTM", "Long short-term memory: a cell.") == (
        "long short-term memory",
    )
    assert names("backpropagation through time", "Backwards. BPTT for short.") == (
        "BPTT",
    )
    assert names("token", "A unit of text: a word.") == ()


# --- Symbols, places, permanent links ---


def table(rows):
    """A page with a table of symbols: LaTeX, pieces of code, meaning."""
    cells = [[[nodes.Text(t)] for t in ("symbol", "code", "meaning")]]
    cells += [
        [
            [nodes.math("", latex)],
            [nodes.literal("", c) for c in codes],
            [nodes.Text(meaning)],
        ]
        for latex, codes, meaning in rows
    ]
    entries = [
        [nodes.entry("", nodes.paragraph("", "", *c)) for c in row] for row in cells
    ]
    body = nodes.tbody("", *(nodes.row("", *row) for row in entries))
    page = publish_doctree("")
    page += nodes.table("", nodes.tgroup("", body))
    return page


def test_each_row_of_a_table_of_symbols_is_found_by_its_spellings():
    page = table(
        [
            (r"h_t", ["h[t]", "h_t"], "hidden state"),
            (r"\tilde h_t", ["new"], "candidate"),
            (r"h_t", ["q"], "query"),
            (r"z_t, r_t", ["z, r"], "gates"),
        ]
    )
    found = list(search_objects.symbols(page))
    assert found == [
        (("h_t", "h[t]"), "hidden state", "symbol-h_t"),
        (("h̃_t", "tilde h_t", "new"), "candidate", "symbol-tilde-h_t"),
        (("h_t", "q"), "query", "symbol-h_t-2"),
        (("z_t", "r_t", "z", "r"), "gates", "symbol-z_t"),
    ]
    ids = [row["ids"] for row in page.findall(nodes.row)]
    assert ids == [[], *([symbol.anchor] for symbol in found)]


def test_a_chapter_has_its_place_in_the_part_that_its_folder_numbers():
    toc = contents.parts(parse_toc_yaml(ROOT / "_toc.yml"))
    place = part_progress.place(toc, "book/03-bptt/the-delta-recursion")
    assert place == (
        3,
        "Backpropagation through time",
        "book/03-bptt/the-chain-rule-through-time",
        2,
        8,
    )
    last = part_progress.place(toc, "book/exercises/bptt")
    assert (last.part, last.here) == (3, last.of)
    assert part_progress.place(toc, "book/notation") is None
    assert part_progress.place(toc, "book/reference/glossary") is None


EXERCISE = """<div class="exercise admonition" id="ex-a-problem">

<p class="admonition-title"><span class="caption-number">Exercise 2 </span></p>
<section id="exercise-content"><p>So.</p></section></div>"""


def test_exercises_and_theorems_get_a_link_with_a_name():
    link = (
        '<a class="headerlink" href="#{0}" title="Link to this {1}" '
        'aria-label="Link to this {1}">'
    )
    assert link.format("ex-a-problem", "exercise") in permalinks.linked(EXERCISE)
    assert 'id="exercise-content"' not in permalinks.linked(EXERCISE)
    theorem = EXERCISE.replace("exercise admonition", "proof theorem admonition")
    assert link.format("ex-a-problem", "theorem") in permalinks.linked(theorem)


def test_a_link_whose_text_is_a_sign_says_what_it_links_to():
    equation = (
        '<a class="headerlink" href="#e" title="Permalink to this equation">#</a>'
    )
    assert 'aria-label="Link to this equation"' in permalinks.linked(equation)


# --- The built site, as a file ---


class Anchors(HTMLParser):
    """The ids of a page, what should have a permanent link and has none, and its term links."""

    VOID = {"img", "br", "meta", "link", "input", "hr", "col", "area", "source", "wbr"}

    def __init__(self, text):
        super().__init__()
        self.ids, self.without, self.unnamed, self.terms, self.misplaced = (
            [],
            [],
            [],
            [],
            [],
        )
        self.open = []
        self.feed(text)

    def kind(self, tag, classes, given):
        if tag in ("h1", "h2", "h3", "figure") and given.get("id") != "shortcuts-title":
            return tag
        wanted = {"drawn-caption", "eqno", "exercise", "theorem"} & classes
        return next(iter(wanted), None) if tag in ("div", "span") else None

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        classes = set((given.get("class") or "").split())
        if given.get("id"):
            self.ids.append(given["id"])
        if "term-link" in classes:
            self.terms.append(given["href"])
            outer = {name for name, _, _ in self.open}
            if outer & {"h1", "h2", "h3", "pre", "code", "a", "figcaption", "summary"}:
                self.misplaced.append(given["href"])
        if "headerlink" in classes:
            if not given.get("aria-label", "").startswith("Link to this"):
                self.unnamed.append(given["href"])
            for entry in self.open:
                entry[2] = True
        if tag not in self.VOID:
            self.open.append([tag, self.kind(tag, classes, given), False])

    def handle_endtag(self, tag):
        while tag in (entry[0] for entry in self.open):
            name, kind, linked = self.open.pop()
            if kind and not linked:
                self.without.append(kind)
            if name == tag:
                break


def articles(folder):
    """The article of each page of the book."""
    for path in sorted((folder / "book").rglob("*.html")):
        text = path.read_text("utf-8")
        text = re.sub(r"<math.*?</math>", "", text, flags=re.S)
        found = re.search(r"<article.*?</article>", text, re.S)
        yield path.relative_to(folder).as_posix(), Anchors(found[0])


@pytest.fixture(scope="module")
def parsed(site):
    return dict(articles(site))


on_site = [pytest.mark.site, pytest.mark.slow]


def marked(test):
    """Mark a test of the built site."""
    for mark in on_site:
        test = mark(test)
    return test


@marked
def test_everything_one_may_refer_to_has_a_permanent_link_with_a_name(parsed):
    assert {name: page.without for name, page in parsed.items() if page.without} == {}
    assert {name: page.unnamed for name, page in parsed.items() if page.unnamed} == {}


@marked
def test_no_id_is_given_twice(parsed):
    double = {
        n: sorted({i for i in p.ids if p.ids.count(i) > 1}) for n, p in parsed.items()
    }
    assert {name: ids for name, ids in double.items() if ids} == {}


def test_the_parser_sees_what_is_missing():
    page = Anchors(
        '<h2 id="a">x</h2><figure id="a"><a class="headerlink" href="#">#</a></figure>'
    )
    assert (page.without, page.unnamed, page.ids) == (["h2"], ["#"], ["a", "a"])
    assert Anchors('<h2><a class="term-link" href="#t">t</a></h2>').misplaced == ["#t"]


@marked
def test_terms_are_linked_once_a_page_in_running_text(parsed):
    made = {name: page.terms for name, page in parsed.items()}
    print(
        f"{sum(map(len, made.values()))} links to terms on {sum(map(bool, made.values()))} pages"
    )
    assert [name for name, terms in made.items() if len(set(terms)) < len(terms)] == []
    assert {
        name: page.misplaced for name, page in parsed.items() if page.misplaced
    } == {}
    assert sum(map(bool, made.values())) > 40
    assert made["book/reference/glossary.html"] == []
    anchors = set(parsed["book/reference/glossary.html"].ids)
    assert {
        link.partition("#")[2] for terms in made.values() for link in terms
    } <= anchors


@marked
def test_only_the_search_page_loads_the_index(site):
    pages = {
        p.relative_to(site).as_posix(): p.read_text("utf-8")
        for p in site.rglob("*.html")
    }
    loads = re.compile(r'<script[^>]* src="[^"]*searchindex[.]js')
    assert [name for name, text in pages.items() if loads.search(text)] == [
        "search.html"
    ]


@marked
def test_every_chapter_says_where_it_stands(site):
    toc = contents.parts(parse_toc_yaml(ROOT / "_toc.yml"))
    for path in (site / "book").rglob("*.html"):
        name = path.relative_to(site).with_suffix("").as_posix()
        place = part_progress.place(toc, name)
        line = re.search(
            r'<nav class="part-progress".*?</nav>', path.read_text("utf-8"), re.S
        )
        assert bool(line) == bool(place), name
        if place:
            assert f"· {place.here} of {place.of}" in line[0]
            assert line[0].count("<i") == place.of


# --- The built site, in a browser ---


@pytest.fixture(scope="module")
def origin(site):
    server = serve.server(site, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def reader(browser):
    """A window that keeps what the console and the network were asked."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.console, page.asked = [], []
    page.on("console", lambda message: page.console.append(message.text))
    page.on("pageerror", lambda error: page.console.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    yield page
    context.close()


def in_browser(test):
    """Mark a test of the built site in a browser."""
    return pytest.mark.browser(marked(test))


# what a reader types, and the address of the first result
QUERIES = {
    "W_h": "book/notation.html#symbol-W_h",
    "h_t": "book/notation.html#symbol-h_t",
    "δ": "book/notation.html#symbol-delta_k",
    "delta": "book/reference/glossary.html#term-delta",
    "∂": "book/notation.html#symbol-partial-h_t-partial-theta",
    "\\theta": "book/notation.html#symbol-theta",
    "softmax": "book/reference/glossary.html#term-softmax",
    "forget gate": "book/reference/glossary.html#term-forget-gate",
    "LSTM": "book/reference/glossary.html#term-LSTM",
    "BPTT": "book/reference/glossary.html#term-backpropagation-through-time",
    "rnn.backward": "book/02-language-model/matrix-products.html#rnn.backward",
    "lstm.step": "book/04-gates/the-lstm.html#lstm.step",
    "Three steps by hand": "book/exercises/bptt.html#ex-delta-by-hand",
    "delta recursion": "book/03-bptt/the-delta-recursion.html#equation-eq-delta-recursion",
    "Truncation": "book/reference/glossary.html#term-truncation",
}


def results(page, where, query):
    """The addresses that a search finds, best first."""
    page.goto(f"{where}/search.html?q={quote(query)}")
    wait_until(
        page, "/^Search finished|^Your search/.test(Search.status?.innerText ?? '')"
    )
    return page.eval_on_selector_all(
        "#search-results li > a", "all => all.map((link) => link.getAttribute('href'))"
    )


FIRST = """query => {
    const found = Search._performSearch(...Search._parseQuery(query));
    const [page, , anchor] = found.at(-1) ?? ["", "", ""];
    return `${page}.html${anchor}`;
}"""


@in_browser
def test_the_search_finds_symbols_terms_functions_exercises_and_equations(
    origin, reader
):
    assert results(reader, origin, "forget gate")[0] == QUERIES["forget gate"]
    assert "(term · The gate of an LSTM" in reader.inner_text(
        "#search-results li >> nth=0"
    )
    assert {query: reader.evaluate(FIRST, query) for query in QUERIES} == QUERIES
    assert reader.evaluate(FIRST, "backward_window").startswith(
        "book/03-bptt/truncation.html#"
    )
    assert reader.evaluate(FIRST, "(") == ".html"
    assert reader.console == []


@in_browser
def test_the_search_works_from_a_file(site, reader):
    assert results(reader, site.as_uri(), "W_h")[0] == QUERIES["W_h"]
    assert [
        text
        for text in reader.console
        if "font" not in text and "ERR_FAILED" not in text
    ] == []


@in_browser
def test_results_fit_a_narrow_screen(origin, reader):
    reader.set_viewport_size({"width": 320, "height": 700})
    results(reader, origin, "backpropagation through time")
    assert reader.evaluate("document.documentElement.scrollWidth") == 320


@in_browser
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


@in_browser
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


OPEN = "#preview:popover-open"


def shown(page, link):
    """The text of the preview that hovering over a link opens."""
    settle(page)  # a link that moves away from under the pointer is left
    link.hover()
    page.wait_for_selector(OPEN)
    return page.inner_text("#preview")


@in_browser
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


@in_browser
def test_nothing_is_fetched_before_a_link_is_hovered(origin, reader):
    reader.goto(f"{origin}/{CHAPTER}", wait_until="networkidle")
    assert [url for url in reader.asked if url.endswith(".html")] == [
        f"{origin}/{CHAPTER}"
    ]


@in_browser
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


@in_browser
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


@in_browser
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


@in_browser
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


@in_browser
def test_shortcuts_lead_where_the_list_says(origin, reader):
    start = f"{origin}/{CHAPTER}"
    there = {
        "n": "book/03-bptt/five-ways-to-one-gradient.html",
        "p": "book/03-bptt/the-chain-rule-through-time.html",
        "o": "book/notation.html",
        "t": "book/intro.html",
    }
    for key, address in there.items():
        reader.goto(start)
        reader.keyboard.press(key)
        reader.wait_for_url(f"{origin}/{address}")
    reader.goto(start, wait_until="networkidle")
    reader.keyboard.press("d")
    assert reader.evaluate("document.documentElement.dataset.mode") != "auto"
    reader.keyboard.press("?")
    listed = reader.eval_on_selector_all(
        "#shortcuts kbd", "all => all.map((k) => k.innerText)"
    )
    assert {"/", "d", "?", *there} <= set(listed)
    reader.keyboard.press("Tab")  # from the box to the button
    reader.keyboard.press("n")  # the list is open: nothing happens
    reader.keyboard.press("Escape")
    assert not reader.locator("#shortcuts[open]").count()
    reader.keyboard.press("/")
    reader.keyboard.type("nop?")  # typed into the field
    assert reader.input_value("#pst-search-dialog input") == "nop?"
    assert reader.url == start
    reader.goto(f"{origin}/search.html", wait_until="networkidle")
    reader.focus(".bd-search-container input")
    reader.keyboard.type("nop?")
    assert reader.input_value(".bd-search-container input") == "nop?"
    assert reader.url == f"{origin}/search.html"
    assert reader.console == []


@in_browser
def test_shortcuts_can_be_switched_off_for_good(origin, reader):
    start = f"{origin}/{SHORT}"
    reader.goto(start, wait_until="networkidle")
    reader.click(".shortcuts-button")
    reader.uncheck("#shortcuts input")
    reader.reload(wait_until="networkidle")
    for key in ("n", "/", "?", "d"):
        reader.keyboard.press(key)
    reader.wait_for_timeout(300)
    assert (reader.url, reader.locator("dialog[open]").count()) == (start, 0)
    reader.click(".shortcuts-button")
    reader.check("#shortcuts input")
    reader.keyboard.press("Escape")
    reader.keyboard.press("n")
    reader.wait_for_url(f"{origin}/book/01-introduction/how-they-are-trained.html")


@in_browser
def test_every_cell_has_a_button_that_copies_its_code_and_nothing_else(origin, reader):
    reader.goto(f"{origin}/{CHAPTER}", wait_until="networkidle")
    reader.wait_for_selector("button.copybtn", state="attached")
    code = reader.locator("div.cell_input div.highlight")
    buttons = code.locator("button.copybtn")
    assert code.count() == buttons.count() > 5
    drawn = reader.locator(".cell.drawn").first
    button = drawn.locator("button.copybtn").first
    assert (
        reader.get_by_role("button", name="Copy to clipboard").count()
        >= buttons.count()
    )
    button.focus()
    reader.keyboard.press("Enter")
    copied = reader.evaluate("navigator.clipboard.readText()")
    assert copied.rstrip("\n") == drawn.locator(
        ".cell_input pre"
    ).first.inner_text().rstrip("\n")
    assert copied.startswith("def backward(")
