"""Probing: the AUC as it is defined, honest choice of a unit, and a unit taken away."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.cells import lstm
from unrolled.models import probing


@pytest.mark.equation("eq-auc")
@given(st.integers(0, 2**32 - 1))
def test_auc_counts_the_pairs_in_the_right_order(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 4, (30, 3)).astype(float)  # with ties
    labels = np.arange(30) % 3 == 0
    for unit in range(3):
        pairs = [
            (v > w) + 0.5 * (v == w)
            for v in values[labels, unit]
            for w in values[~labels, unit]
        ]
        assert probing.auc(values, labels)[unit] == pytest.approx(np.mean(pairs))
    flipped = probing.auc(-values, labels)
    np.testing.assert_allclose(flipped, 1 - probing.auc(values, labels))
    np.testing.assert_allclose(
        probing.separation(-values, labels), probing.separation(values, labels)
    )


@pytest.mark.parametrize(
    ("labels", "message"), [([True] * 4, "both classes"), ([True], "1 labels")]
)
def test_labels_that_cannot_be_scored_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        probing.auc(np.zeros((4, 2)), np.array(labels))


def test_squared_correlation_is_that_of_numpy_and_0_for_a_constant():
    rng = np.random.default_rng(0)
    target = rng.standard_normal(50)
    values = np.stack(
        [target + rng.standard_normal(50), -2 * target, np.full(50, 3.0)], axis=1
    )
    found = probing.squared_correlation(values, target)
    assert found[0] == pytest.approx(np.corrcoef(values[:, 0], target)[0, 1] ** 2)
    assert found[1] == pytest.approx(1) and found[2] == 0


def test_the_best_unit_is_chosen_on_one_half_and_scored_on_the_other():
    rng = np.random.default_rng(1)
    labels = rng.random(400) < 0.5
    values = rng.standard_normal((400, 50))
    held_out = np.arange(400) % 2 == 1
    _, luck = probing.best_unit(probing.separation, values, labels, held_out)
    assert (
        luck
        < 0.58
        < probing.separation(values[~held_out], labels[~held_out]).max() + 0.03
    )
    values[:, 7] += 3 * labels
    assert probing.best_unit(probing.separation, values, labels, held_out)[0] == 7


def test_a_unit_taken_away_remembers_nothing_and_the_others_go_on():
    rng = np.random.default_rng(2)
    p = lstm.init(rng, 3, 5)
    x = rng.standard_normal((6, 2, 3))
    np.testing.assert_allclose(
        probing.forward_without(p, x, []), lstm.forward(p, x)[0], rtol=1e-12
    )
    without = probing.forward_without(p, x, [1, 4])
    assert np.abs(without - lstm.forward(p, x)[0])[1:].max() > 1e-3
    # a cell emptied before each step is one whose forget gate is shut
    shut = p._replace(b=p.b.copy(), W_h=p.W_h.copy(), W_x=p.W_x.copy())
    for unit in (1, 4):
        shut.W_x[:, 5 + unit] = shut.W_h[:, 5 + unit] = 0
        shut.b[5 + unit] = -40
    np.testing.assert_allclose(
        without, lstm.forward(shut, x)[0], rtol=1e-12, atol=1e-15
    )
