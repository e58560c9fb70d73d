"""The chapter "Batches of unequal sequences": the share of padding, its record, another text."""

import logging

import numpy as np
import pytest

from tests.support.page_cells import defined, defined_with
from unrolled import records
from unrolled.frameworks import sequence_examples as wt
from unrolled.frameworks.quiet_tensorflow import tf


@pytest.mark.equation("eq-expected-longest")
@pytest.mark.parametrize("B", [1, 3, 8])
def test_the_expected_longest_of_a_batch(B):
    """All batches of B lengths out of a small distribution, each with its probability."""
    values, shares = np.array([1, 2, 5, 9]), np.array([0.4, 0.3, 0.2, 0.1])
    grid = np.stack(np.meshgrid(*[np.arange(4)] * min(B, 3))).reshape(min(B, 3), -1)
    F = np.array([shares[values <= t].sum() for t in range(10)])
    by_formula = (1 - F**B).sum()
    if B <= 3:
        exact = (values[grid].max(axis=0) * shares[grid].prod(axis=0)).sum()
        assert by_formula == pytest.approx(exact, abs=1e-12)
    lengths = np.random.default_rng(B).choice(values, size=(40_000, B), p=shares)
    share = wt.padded_share(lengths)
    assert share == pytest.approx(1 - values @ shares / by_formula, abs=0.01)


@pytest.fixture(scope="module")
def results():
    return records.load("tfrecords")["results"]


def test_buckets_leave_less_than_a_third_of_the_padding(results):
    for shares in (
        results["shares"],
        {name: way["share"] for name, way in results["speeds"].items()},
    ):
        assert 0.55 < shares["padded_batch"] < 0.7
        assert shares["bucketed"] < shares["padded_batch"] / 3
        assert shares["longest_of_all"] > 0.8


def test_the_case_of_the_post(results):
    ways = results["one_long"]
    assert ways["padded_batch"]["share"] == 1 - (1000 + 31 * 20) / 32_000
    assert ways["bucketed"]["share"] == 0
    assert ways["bucketed"]["words_per_second_times"] == pytest.approx(11, abs=0.5)
    computed = 8 * 1000 + 8 * 31 * 20  # of 8 batches, in buckets
    assert 8 * 32_000 / computed == pytest.approx(20, abs=0.5)


@pytest.mark.claim(
    "buckets-train-more-words-a-second",
    "With buckets, a network trains on more words per second than with padded batches, and the "
    "gain is many times larger than the difference between two ways to make the same arrays.",
    records="tfrecords",
)
@pytest.mark.parametrize("case", ["speeds", "one_long"])
def test_buckets_train_on_more_words_a_second(results, case):
    """The gain of buckets with the difference of two ways that compute the same arrays."""
    words = {
        name: np.log(way["words_per_second_times"])
        for name, way in results[case].items()
    }
    assert results[case]["ragged"]["share"] == results[case]["padded_batch"]["share"]
    assert words["bucketed"] > 5 * abs(words["ragged"])


def test_padding_to_the_longest_of_all_trains_on_fewer_words_a_second(results):
    times = results["speeds"]["longest_of_all"]["words_per_second_times"]
    assert times < 0.7


@pytest.mark.slow
def test_the_cells_run_on_a_text_of_ones_own(tmp_path):
    rng = np.random.default_rng(0)
    lines = [
        " ".join(
            rng.choice(
                ["alpha", "beta", "gamma", "delta", "rho", "phi", "x", "y", "z"],
                rng.integers(2, 40),
            )
        ).capitalize()
        + "."
        for _ in range(300)
    ]
    path = tmp_path / "letters.txt"
    path.write_text("\n\n".join(lines))
    found = defined_with(
        "06-tensorflow/batching-and-padding.md", f"text.read({str(path)!r})"
    )
    assert 250 < len(found["lengths"]) <= 300
    assert found["in_buckets"] < found["plain"]


@pytest.mark.slow
def test_five_of_the_six_rows_of_the_figure_have_holes_where_zero_is_padding():
    """The two maps that the page draws: a hole is a word that the mask hides."""
    found = defined("06-tensorflow/batching-and-padding.md")
    kept, words = found["mask"][:6, :24], found["words_there"][:6, :24]
    assert not (kept & ~words).any()
    assert (words & ~kept).any(axis=1).sum() == 5
    assert (words == (np.arange(24) < words.sum(axis=1, keepdims=True))).all()


def test_the_old_name_of_ragged_batches_still_works_and_warns():
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    tf.get_logger().addHandler(handler)
    try:
        rows = tf.data.Dataset.range(1, 4).map(tf.range)
        (batch,) = rows.apply(tf.data.experimental.dense_to_ragged_batch(3))
    finally:
        tf.get_logger().removeHandler(handler)
    assert batch.to_list() == [[0], [0, 1], [0, 1, 2]]
    assert any("dense_to_ragged_batch" in m and "deprecated" in m for m in messages)
