"""The search: its entries for symbols, and what it finds in the built site."""

import re
from urllib.parse import quote

from docutils import nodes
from docutils.core import publish_doctree

from book._ext.metadata import search_objects
from tests.support.marks import in_browser, on_site
from tests.support.waiting import wait_until


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


@on_site
def test_only_the_search_page_loads_the_index(site):
    pages = {
        p.relative_to(site).as_posix(): p.read_text("utf-8")
        for p in site.rglob("*.html")
    }
    loads = re.compile(r'<script[^>]* src="[^"]*searchindex[.]js')
    assert [name for name, text in pages.items() if loads.search(text)] == [
        "search.html"
    ]


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
    "rnn.backward": "book/03-bptt/the-delta-recursion.html#rnn.backward",
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
def test_a_word_that_every_object_knows_is_a_word_like_others(origin, reader):
    for word in ("constructor", "__proto__", "hasOwnProperty", "toString", "valueOf"):
        found = results(reader, origin, word)
        assert len(found) == len(set(found)) < 20
    assert results(reader, origin, "constructor -constructor") == []
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
def test_search_finds_a_term(origin, browser):
    page = browser.new_page()
    page.goto(f"{origin}/search.html?q=perplexity", wait_until="networkidle")
    page.wait_for_selector("#search-results li a")
    links = page.eval_on_selector_all(
        "#search-results li a", "all => all.map(a => a.href)"
    )
    assert any("/book/notation.html" in link for link in links)
    page.close()
