"""What the page of errata says in words, against the records and the numbers it is about."""

import re

import numpy as np

from tests.support.paths import BOOK
from unrolled import records
from unrolled.cells import recurrent_weights, rnn
from unrolled.gradients import jacobians

PAGE = BOOK / "reference/errata.md"


def test_the_growth_of_a_data_set_is_what_was_recorded():
    text = PAGE.read_text("utf-8")
    size = {
        k: v["bytes"]
        for k, v in records.load("tfrecords")["results"]["files"]["ways"].items()
    }
    sequence = size["sequence_tfrecord"]
    assert "64-bit numbers the growth is about a tenth" in text
    assert 1.05 < sequence / size["int64_npz"] < 1.15
    assert "a compressed one of 16-bit numbers it is ninefold" in text
    assert 8.5 < sequence / size["uint16_compressed_npz"] < 9.5


def test_states_begin_some_ninety_times_too_small():
    text = PAGE.read_text("utf-8")
    assert re.search(r"which is 8,000 for one-hot\s+inputs", text)
    assert "some ninety times too\nsmall" in text
    assert 85 < np.sqrt(8000) < 95


def test_norms_of_a_step_are_well_above_two():
    assert "norms well above 2 in a network of 100 units" in PAGE.read_text("utf-8")
    rng, H = np.random.default_rng(1), 100  # as in the cell of the chapter
    W_x = 0.1 * rng.standard_normal((5, H))
    p = rnn.Params(W_x, 1.5 * recurrent_weights.gaussian(rng, H), np.zeros(H))
    h = rnn.forward(p, rng.standard_normal((10, 1, 5)))[0][:, 0]
    assert (np.linalg.norm(jacobians.of_step(p, h), 2, axis=(1, 2)) > 2.1).all()


def test_every_erratum_has_a_number_and_a_place_that_shows_it():
    text = PAGE.read_text("utf-8").partition("## No errors")[0]
    entries = re.findall(
        r"\(erratum-(\d+)\)=\n### (\d+) · (.*?)(?=\n\(erratum-|\Z)", text, re.S
    )
    assert [(a, b) for a, b, _ in entries] == [(str(n), str(n)) for n in range(1, 11)]
    assert all(re.search(r"\{ref\}`|\]\(\.\./", body) for _, _, body in entries)
