"""The page on GPUs: the numbers in its sentences are those of its cells and of its formula."""

import pytest

from experiments.gpu import language_models
from tests.support.page_cells import cells, executed
from tests.support.paths import BOOK
from unrolled.cells import gru, lstm, rnn
from unrolled.speed import serial_chain

PAGE = "07-gpu/on-a-gpu.md"


def test_the_sentences_use_the_counted_operations_of_a_step():
    """One operation, one launch: 37 in an LSTM, which take 185 µs at 5 µs each."""
    (counting,) = [c for c in cells(PAGE) if "class Counted" in c]
    page = executed(PAGE, [cells(PAGE)[0], counting])
    calls = page["calls"]
    a_step = {cell: (calls(cell, 9) - calls(cell, 7)) / 2 for cell in (rnn, lstm, gru)}
    assert a_step[rnn] < a_step[gru] < a_step[lstm] == 37
    prose = (BOOK / PAGE).read_text("utf-8")
    assert f"at least {37 * 5} µs" in prose and "at least 37 times" in prose


def test_the_sentences_on_a_wide_network_agree_with_the_formula():
    """At 1024 units the work equals the latency at about 5 sequences, and W_h has 17 MB."""
    work = serial_chain.work(1024, 1024, gates=4)
    assert serial_chain.saturating_batch(5e-6, work, 50e12) == pytest.approx(5, abs=0.1)
    size = 4 * 1024 * 1024 * 4  # bytes of float32
    assert size / 1e6 == pytest.approx(17, abs=0.5)
    assert size / 3e12 == pytest.approx(5.6e-6, abs=0.05e-6)


def test_the_sentence_on_language_models_has_their_settings():
    settings = language_models.settings(rehearsal=False)
    prose = (BOOK / PAGE).read_text("utf-8")
    assert (
        f"A run ends after {settings['epochs']} epochs, or after the epoch in which"
        f" {settings['seconds']} seconds have passed." in prose
    )
    assert f"Models with {settings['large']} units" in prose
