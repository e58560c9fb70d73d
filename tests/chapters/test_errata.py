"""The numbers that the page of errata types, against the records and networks they are of."""

import re

import numpy as np
import pytest

from tests.support.paths import BOOK
from tests.support.typed_numbers import typed_number
from unrolled import records
from unrolled.cells import recurrent_weights, rnn
from unrolled.gradients import jacobians

PAGE = "reference/errata.md"


def test_the_growth_of_a_data_set_is_what_was_recorded():
    ways = records.load("tfrecords")["results"]["files"]["ways"]
    size = {name: way["bytes"] for name, way in ways.items()}
    times = {
        name: size["sequence_tfrecord"] / size[name]
        for name in ("int64_npz", "uint16_compressed_npz")
    }
    growth = typed_number(PAGE, "Our text becomes about")
    assert times["int64_npz"] - 1 == pytest.approx(growth, abs=0.05)
    compressed = typed_number(PAGE, "array of 64-bit numbers, and")
    assert times["uint16_compressed_npz"] == pytest.approx(compressed, abs=0.5)


def test_states_begin_as_much_too_small_as_the_page_types():
    words = typed_number(PAGE, "For one-hot inputs, $n$ is")
    too_small = typed_number(PAGE, "or about")
    assert too_small == pytest.approx(np.sqrt(words), abs=5)


def test_norms_of_a_step_are_above_what_the_page_types():
    norm, H = (
        typed_number(PAGE, "the norms of ten Jacobians are all above"),
        typed_number(PAGE, "in a network of"),
    )
    rng, H = np.random.default_rng(1), int(H)  # as in the cell of the chapter
    W_x = 0.1 * rng.standard_normal((5, H))
    p = rnn.Params(W_x, 1.5 * recurrent_weights.gaussian(rng, H), np.zeros(H))
    h = rnn.forward(p, rng.standard_normal((10, 1, 5)))[0][:, 0]
    norms = np.linalg.norm(jacobians.of_step(p, h), 2, axis=(1, 2))
    assert len(norms) == 10 and (norms > norm).all()


def entries(section):
    """The number of each label, of its heading, and the text below it, in one section."""
    text = (BOOK / PAGE).read_text("utf-8").partition(f"## {section}")[2]
    text = text.partition("\n## ")[0]
    return re.findall(
        r"\(erratum-(\d+)\)=\n### (\d+) · (.*?)(?=\n\(erratum-|\n### |\Z)", text, re.S
    )


def test_every_erratum_has_a_number_and_a_place_that_shows_it():
    errors, notes = entries("Errors"), entries("Notes")
    assert [label for label, _, _ in errors] == list("1234578") + ["10"]
    assert [label for label, _, _ in notes] == ["6", "9"]
    for label, heading, body in errors + notes:
        assert label == heading
        assert re.search(r"\{ref\}`|\]\(\.\./", body), label
