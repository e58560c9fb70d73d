"""Explorables: figures with knobs whose cells load trained weights, as a page runs them.

Each test moves the knobs of one cell through the worker's Python and compares what its chart says
with what the package computes.
"""

import importlib
import json

import jupytext
import numpy as np
import pytest

from book._ext.live import knobs, live_cells
from tests.support.paths import BOOK, ROOT
from unrolled import records
from unrolled.cells import fixed_gates
from unrolled.data import dates, text
from unrolled.functional import softmax
from unrolled.models import language_model, pretrained


class Explorable:
    """The cell of a page whose figure has a name, with the cells that it needs."""

    def __init__(self, runner, order, page, figure):
        self.runner = runner
        cells = [
            cell
            for cell in jupytext.read(BOOK / page).cells
            if cell.cell_type == "code"
        ]
        names = live_cells.Names(ROOT)
        self.texts = [
            cell.source
            if names.cell(cell.source)[0] is None
            else live_cells.import_lines(cell.source)
            for cell in cells
        ]
        (self.index,) = (
            i
            for i, cell in enumerate(cells)
            if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == figure
        )
        self.knobs = {
            knob.name: knob
            for knob in knobs.read(
                cells[self.index].metadata["knobs"], self.texts[self.index]
            )
        }
        assert knobs.changes_others(self.texts, self.index) is None
        self.namespace = runner.new_namespace()
        for before in order(self.namespace).plan(self.texts, self.index)[:-1]:
            assert self.run(self.texts[before])[0], self.texts[before]

    def run(self, code):
        """Returns whether nothing was raised, what was printed, and the charts drawn."""
        said, drawn = [], []
        passed, _ = self.runner.run(
            code, "cell", self.namespace, said.append, draw=drawn.append
        )
        return passed, "".join(said), [json.loads(chart) for chart in drawn]

    def moved(self, **values):
        """Returns what is printed and the panels drawn, with these literals at the knobs."""
        code = self.texts[self.index]
        for name, literal in values.items():
            line = f"{name} = {self.knobs[name].built}\n"
            assert code.count(line) == 1
            code = code.replace(line, f"{name} = {literal}\n")
        passed, said, drawn = self.run(code)
        assert passed, said
        return said, [panel for chart in drawn for panel in chart["panels"]]


@pytest.fixture
def opened(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "book/_live"))
    runner = importlib.import_module("live_runner")
    order = importlib.import_module("dependencies").Order
    return lambda page, figure: Explorable(runner, order, page, figure)


def bars(panel):
    (mark,) = (mark for mark in panel["marks"] if mark["kind"] == "bars")
    return dict(zip(mark["names"], mark["values"], strict=True)), mark


# --- The model writes ---------------------------------------------------------------------------


@pytest.fixture
def writing(opened):
    return opened("02-language-model/generating.md", "fig-next-word")


def test_the_next_words_are_those_of_the_package(writing):
    said, (above, below) = writing.moved(written='"the default is"', temperature=0.5)
    params, vocabulary, _ = pretrained.load("pocket")
    ids = vocabulary.encode(["the", "default", "is"])[:-1]
    logits = language_model.forward(params, ids[:, None])[0][-1, 0].astype(float)
    logits[[vocabulary.unknown, vocabulary.start]] = -np.inf
    best = np.argsort(-logits)[:8]
    found, mark = bars(above)
    assert said == "" and list(found) == [vocabulary.words[i] for i in best]
    expected = softmax(logits[best] / 0.5)
    np.testing.assert_allclose([*found.values()], expected, rtol=1e-4)
    assert np.shape(below["marks"][0]["matrix"]) == (4, 100)
    # a bar takes its word, and the text that it writes reads as the same words
    assert mark["sets"] == "written"
    taken = json.loads(mark["to"][0])
    assert text.tokens(taken) == ["the", "default", "is", next(iter(found))]


def test_fewer_words_and_an_empty_or_unknown_beginning_are_drawn(writing):
    _, (above, below) = writing.moved(written='""', top_k=3)
    assert len(bars(above)[0]) == 3
    assert below["marks"][0]["rows"] == ["<start>"]
    said, panels = writing.moved(written='"the xyzzy of plugh"')
    assert said == "not in the vocabulary, read as UNKNOWN: xyzzy, plugh\n"
    assert len(panels) == 2
    _, (above, below) = writing.moved(written=f'"{"the " * 30}"')
    assert len(below["marks"][0]["rows"]) == 8


def test_every_word_can_be_drawn_but_some_cannot_be_taken(writing):
    for beginning in ("a", "returns the value .", "see ("):
        _, (above, _) = writing.moved(written=f'"{beginning}"', top_k=12)
        found, mark = bars(above)
        for word, literal in zip(found, mark["to"], strict=True):
            assert (literal is None) == (word in ("<end>", '"', "\\"))


def test_an_edit_of_the_listing_counts(writing):
    listing = next(t for t in writing.texts if t.startswith("def next_logits"))
    _, (before, _) = writing.moved()
    assert writing.run(listing.replace("+ p.b_y", "+ 2 * p.b_y"))[0]
    _, (after, _) = writing.moved()
    assert bars(before)[0] != bars(after)[0]


def test_each_word_of_the_recorded_sentence_is_one_of_the_bars_before_it(writing):
    literals = writing.knobs["written"].recorded
    texts = [json.loads(literal) for literal in literals]
    assert texts[0] == "If the matrix is" and texts[-1].endswith(".")
    for literal, after in zip(literals, texts[1:], strict=False):
        _, (above, _) = writing.moved(written=literal)
        found, mark = bars(above)
        assert json.dumps(after) in mark["to"]


def landing_bars(**literals):
    """Returns (the knobs, the bars) of the landing page's cell with these literals."""
    cells = jupytext.read(BOOK / "intro.md").cells
    (cell,) = (cell for cell in cells if "knobs" in cell.metadata)
    source = cell.source
    for name, literal in literals.items():
        source = knobs.with_literal(name, source, literal)
    names = {}
    *lines, last = source.split("\ncharts")
    exec("\n".join(lines), names)
    (mark,) = eval("charts" + last, names).panels[0].marks
    return knobs.read(cell.metadata["knobs"], cell.source), mark


def test_on_the_landing_page_each_word_is_the_likeliest():
    (knob, _), _ = landing_bars()
    texts = [json.loads(literal) for literal in knob.recorded]
    assert len(texts) == 10 and texts[-1].endswith(".")
    for literal, after in zip(knob.recorded, texts[1:], strict=False):
        _, mark = landing_bars(written=literal)
        assert text.tokens(after) == [*text.tokens(json.loads(literal)), mark.names[0]]
        assert mark.sets == "written" and json.loads(mark.to[0]) == after


def test_on_the_landing_page_a_higher_temperature_makes_the_bars_more_alike():
    (_, knob), built = landing_bars()
    assert knob.name == "temperature" and knob.built == "1.0"
    _, hot = landing_bars(temperature="2.0")
    _, cold = landing_bars(temperature="0.25")
    assert cold.names == built.names == hot.names
    assert cold.values[0] > built.values[0] > hot.values[0]
    ratios = hot.values[0] / hot.values[1], built.values[0] / built.values[1]
    assert ratios[0] ** 2 == pytest.approx(ratios[1])


# --- What a cell does ---------------------------------------------------------------------------


@pytest.fixture
def knocked_out(opened):
    return opened("04-gates/what-gates-do.md", "fig-knocked-out")


def test_the_bracket_cell_is_the_one_that_the_record_names(knocked_out):
    first = records.load("lstm_language_model")["results"]["seeds"][0]
    unit = first["facts"]["inside ( )"]["unit"]
    assert knocked_out.knobs["emptied"].built == str(unit)
    _, (whole, without) = knocked_out.moved()
    assert bars(without)[0][")"] < 0.5 * bars(whole)[0][")"]
    assert without["title"] == f"without cell {unit}"
    # the network has as many cells as the slider
    assert knocked_out.knobs["emptied"].slider == ("0", "92", "1")
    assert len(knocked_out.namespace["weights"].W_h) == 93


def test_without_a_bracket_the_cell_hardly_matters(knocked_out):
    sentence = '"the function returns a list of"'
    _, (whole, without) = knocked_out.moved(sentence_read=sentence)
    before, after = bars(whole)[0], bars(without)[0]
    assert max(abs(before[word] - after[word]) for word in before) < 0.03


@pytest.mark.parametrize(
    "change", ["f = 0", "f = 1", "i = 0", "i = 1", "o = 0", "o = 1"]
)
def test_a_gate_is_held_at_its_value(knocked_out, change):
    assert f'"{change}"' in knocked_out.knobs["change"].choices
    sentence = "the values ( see"
    said, (_, changed) = knocked_out.moved(
        sentence_read=f'"{sentence}"', change=f'"{change}"'
    )
    params, vocabulary, cell = pretrained.load("lstm")
    lookup, weights = params.cell
    held = fixed_gates.fix_gate(weights, change[0], int(change[-1]))
    ids = vocabulary.encode(text.tokens(sentence))[:-1]
    held_params = params._replace(cell=(lookup, held))
    logits = language_model.forward(held_params, ids[:, None], cell=cell)[0]
    expected = softmax(logits[-1, 0])
    found, _ = bars(changed)
    assert said == "" and changed["title"] == f"with {change}"
    for word, probability in found.items():
        assert probability == pytest.approx(expected[vocabulary.ids[word]], rel=1e-3)


def test_an_edit_of_the_listing_changes_what_the_emptied_cell_does(knocked_out):
    listing = next(t for t in knocked_out.texts if t.startswith("def forward_without"))
    _, (whole, without) = knocked_out.moved()
    assert knocked_out.run(listing.replace("c[:, units] = 0", "c[:, units] = 5"))[0]
    _, (same, changed) = knocked_out.moved()
    closing = bars(without)[0][")"], bars(changed)[0][")"]
    assert bars(whole)[0][")"] == bars(same)[0][")"]
    assert abs(closing[0] - closing[1]) > 0.05


def test_an_empty_or_unknown_sentence_is_read(knocked_out):
    said, panels = knocked_out.moved(sentence_read='""')
    assert said == "" and len(panels) == 2
    said, _ = knocked_out.moved(sentence_read='"the xyzzy"')
    assert said == "not in the vocabulary, read as UNKNOWN: xyzzy\n"


# --- Alignments ---------------------------------------------------------------------------------


@pytest.fixture
def aligned(opened):
    return opened("05-attention/alignments.md", "fig-alignment-typed")


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("Friday, 3 April 2020", "2020-04-03"), (" 24-Apr-1993 ", "1993-04-24")],
)
def test_a_typed_date_appears_symbol_by_symbol(aligned, typed, answer):
    for symbol in (1, 5, 11):
        said, (panel,) = aligned.moved(typed=f'"{typed}"', symbol=symbol)
        (cells,) = panel["marks"]
        written = answer[:symbol]
        assert said == "" and panel["title"] == written
        assert cells["rows"][: len(written)] == list(written)
        assert "".join(cells["columns"]) == typed.strip().replace(" ", "␣")
        shown = [row[0] is not None for row in cells["matrix"]]
        assert shown == [k < symbol for k in range(11)]
    weights = np.array(cells["matrix"], float)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-4)


def test_an_edit_of_the_decoder_changes_the_alignment(aligned):
    listing = next(t for t in aligned.texts if t.startswith("def decode("))
    _, (before,) = aligned.moved()
    edited = listing.replace("combined[None]]", "0 * combined[None]]")
    assert edited != listing and aligned.run(edited)[0]
    _, (after,) = aligned.moved()
    first, second = (panel["marks"][0]["matrix"] for panel in (before, after))
    assert first[0] == second[0]  # nothing is fed into the first step
    assert first != second


@pytest.fixture
def between(opened):
    return opened("05-attention/alignments.md", "fig-dragged-query")


def weights_of(panels):
    """Returns the curves of the only panel, as arrays by their names."""
    (panel,) = panels
    return {mark["name"]: np.array(mark["y"]) for mark in panel["marks"]}


def test_a_query_between_two_looks_where_neither_does(between):
    said, panels = between.moved()
    found = weights_of(panels)
    assert said == "" and list(found) == ["query 7", "query 8", "query 7.5"]
    letters = panels[0]["x"]["names"]
    m, last = letters.index("m"), len(letters) - 1
    one, two, half = found.values()
    assert one[m] < 0.05 and two[m] < 0.05 and half[m] > 1 / 3
    assert one[4] > 0.98 and letters[4] == "e" and half[4] > 1 / 3
    assert two[last] > 0.6 and letters[last] == "9" and two[letters.index("r")] > 0.2
    mean = np.sqrt(one * two)
    np.testing.assert_allclose(half, mean / mean.sum(), atol=2e-3)


@pytest.mark.parametrize("query", [1, 4.3, 10, 10.9, 11])
def test_a_dragged_query_has_the_weights_of_its_mean(between, query):
    *ends, dragged = weights_of(between.moved(query=query)[1]).values()
    assert dragged.sum() == pytest.approx(1, abs=1e-4)
    part = min(query - min(int(query), 10), 1)
    mean = ends[0] ** (1 - part) * ends[1] ** part
    np.testing.assert_allclose(dragged, mean / mean.sum(), atol=5e-3)


def test_an_edit_of_the_decoder_changes_the_dragged_query(between):
    listing = next(t for t in between.texts if t.startswith("def decode("))
    before = weights_of(between.moved(query=2.5)[1])
    edited = listing.replace("combined[None]]", "0 * combined[None]]")
    assert edited != listing and between.run(edited)[0]
    after = weights_of(between.moved(query=2.5)[1])
    assert not np.allclose(after["query 2.5"], before["query 2.5"], atol=1e-3)


def test_a_date_that_cannot_be_read_is_one_line_and_no_chart(aligned):
    for typed in ("", "3 März 2020", "1" * (dates.LIMIT + 1)):
        said, panels = aligned.moved(typed=f'"{typed}"')
        assert panels == [] and said.count("\n") == 1
        with pytest.raises(ValueError, match="date"):
            dates.encode(typed)
