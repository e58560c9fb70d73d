"""The chapter from text to tensors: its equations, and what it says of the functions it shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.page_cells import cells, executed, figure
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.drawing import schematics
from unrolled.drawing.sketch import Box, Text
from unrolled.models import language_model

sentences = st.lists(
    st.lists(st.integers(3, 9), max_size=7).map(lambda ids: np.array([1, *ids, 2])),
    min_size=1,
    max_size=9,
)


@pytest.mark.equation("eq-next-word")
@given(sentences)
def test_targets_are_the_inputs_one_step_later(encoded):
    batch = text.pad(encoded)
    for b, ids in enumerate(encoded):
        T = len(ids) - 1
        assert batch.mask[:, b].tolist() == [t < T for t in range(len(batch.mask))]
        assert batch.inputs[0, b] == text.Vocabulary.start
        assert batch.targets[T - 1, b] == text.Vocabulary.end
        assert [*batch.inputs[:T, b], batch.targets[T - 1, b]] == ids.tolist()
        assert all(batch.targets[t, b] == batch.inputs[t + 1, b] for t in range(T - 1))


@pytest.mark.equation("eq-padding-share")
@given(sentences)
def test_padding_share_is_what_the_mask_leaves_out(encoded):
    T = [len(ids) - 1 for ids in encoded]
    wanted = 1 - sum(T) / (len(T) * max(T))
    assert 1 - text.pad(encoded).mask.mean() == pytest.approx(wanted, abs=1e-12)


def test_batches_by_length_hold_every_sentence_once_and_little_padding():
    rng = np.random.default_rng(0)
    encoded = [
        np.array([1, *rng.integers(3, 9, n), 2]) for n in rng.integers(1, 60, 500)
    ]
    groups = text.batches(encoded, 16, np.random.default_rng(1))
    read = sorted(
        tuple(column[real].tolist())
        for batch in groups
        for column, real in zip(batch.targets.T, batch.mask.T, strict=True)
    )
    assert read == sorted(tuple(ids[1:].tolist()) for ids in encoded)
    places = sum(batch.mask.size for batch in groups)
    words = sum(batch.mask.sum() for batch in groups)
    assert 1 - words / places < 0.05
    lengths = [len(batch.mask) for batch in groups]
    assert lengths != sorted(lengths)


def test_tokens_of_the_chapter():
    assert text.tokens("Don't use np.dot(a, b) here.") == [
        "don't",
        "use",
        "np.dot",
        "(",
        "a",
        ",",
        "b",
        ")",
        "here",
        ".",
    ]
    assert text.tokens("An element-wise 2.5e-3!") == [
        "an",
        "element-wise",
        "2.5e-3",
        "!",
    ]


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("No check is performed to ensure a_min < a_max.", True),
        ("out must be of the right shape to hold the output.", False),
        ("Too few words.", False),
        ("No full stop at the end of it", False),
        ("Mostly 1, 2, 3, 4, 5, 6, 7, 8, 9, 10.", False),
    ],
)
def test_is_prose_on_the_cases_the_chapter_names(line, kept):
    assert text.is_prose(line) == kept


def test_vocabulary_keeps_the_commonest_and_calls_the_rest_unknown():
    vocabulary = text.Vocabulary.of([["b", "a", "b", "c"], ["a", "b", "d"]], 5)
    assert vocabulary.words[3:] == ("b", "a")
    assert vocabulary.encode(["a", "d", "b"]).tolist() == [1, 4, 0, 3, 2]
    assert vocabulary.decode([1, 4, 0, 3, 2]) == ["a", text.UNKNOWN, "b"]


def written(shapes, name, marked=None):
    """Returns {(row, column): entry} of a table, or of its cells with a certain outline."""
    inside = {(s.x, s.y): s.text for s in shapes if isinstance(s, Text)}
    found = {}
    for box in (shape for shape in shapes if isinstance(shape, Box)):
        table, *place = box.name.split("-")
        if table == name and marked in (None, box.line > 1):
            found[tuple(map(int, place))] = inside[box.x, box.y]
    return dict(sorted(found.items()))


def test_the_figure_of_a_batch_shows_what_pad_returns_and_its_alt_text_says():
    alt, page = figure("02-language-model/text-to-tensors.md", "fig-sentence-to-batch")
    shapes, batch = schematics.sketch(1, 1, page["parts"]).shapes, page["example"]
    assert [*written(shapes, "token").values()] == page["words"]
    assert [*written(shapes, "id").values()] == [str(i) for i in page["tiny_ids"][0]]
    assert f"the ids {' '.join(map(str, page['tiny_ids'][0]))}, of which" in alt
    assert f"becomes four tokens: {', '.join(page['words'][:-1])[:-6]}" in alt
    T, B = batch.inputs.shape
    assert f"tables of {T} rows and {B} columns" in alt
    for name, begins in (("inputs", "begins with"), ("targets", "that of the targets")):
        entries = getattr(batch, name)
        cells = written(shapes, name)
        assert cells == {(t, b): str(entries[t, b]) for t in range(T) for b in range(B)}
        marked = written(shapes, name, marked=True)
        assert set(marked) == {(t, 0) for t in range(T) if batch.mask[t, 0]}
        assert f"{begins} " in alt and " ".join(marked.values()) in alt
    dashed = {
        (box.name.split("-")[0], *map(int, box.name.split("-")[1:]))
        for box in shapes
        if isinstance(box, Box) and box.dash != "solid"
    }
    assert dashed == {
        (name, t, b)
        for name in ("inputs", "targets")
        for t, b in np.argwhere(~batch.mask).tolist()
    }
    assert {b for _, _, b in dashed} == {0, 1}  # the alt text names these columns


def test_a_word_of_a_short_sentence_weighs_ten_times_in_a_mean_of_means():
    batches = [text.pad([np.array([1, *[3] * n, 2])] * 8) for n in (4, 49)]
    short, long = (1 / batch.mask.sum() for batch in batches)
    assert short / long == pytest.approx(10)


def test_the_output_layer_skips_padding_and_the_recurrent_layer_does_not(monkeypatch):
    """The rows that each layer of the model computes for a batch that is half padding."""
    rows = {}

    def output_layer(h, *arguments):
        rows["output"] = len(h)
        return layer(h, *arguments)

    def forward(p, x):
        h, cache = recurrent(p, x)
        rows["recurrent"] = h.shape[0] * h.shape[1]
        return h, cache

    layer, recurrent = language_model.output_layer, rnn.forward
    monkeypatch.setattr(language_model, "output_layer", output_layer)
    monkeypatch.setattr(rnn, "forward", forward)
    batch = text.pad([np.full(11, 3), np.full(2, 3)])
    p = language_model.init(np.random.default_rng(0), 5, 4)
    language_model.loss_and_gradient(p, batch)
    assert rows == {"output": batch.mask.sum(), "recurrent": batch.mask.size}
    assert rows["recurrent"] > 1.8 * rows["output"]


@pytest.mark.slow
def test_where_the_counts_leave_the_line_of_zipf():
    """The counts of the page: the last rank above the first count over the rank; rank 8,000."""
    path = "02-language-model/text-to-tensors.md"
    needed = "import inspect", "documents = text.corpus()", "def tokens", "def words_of"
    page = executed(path, [c for c in cells(path) if any(name in c for name in needed)])
    counts = np.sort(list(page["counts"].values()))[::-1]
    above = np.flatnonzero(counts > counts[0] / np.arange(1, len(counts) + 1)) + 1
    assert 2300 < above.max() < 2500 and counts[7999] == 4
