"""What the chapter on the fourth post's network counts and claims."""

import numpy as np
import pytest

from unrolled import records, tree
from unrolled.cells import gru
from unrolled.layers import embedding, stacked
from unrolled.models import language_model

NETWORK = stacked.of(embedding, gru, gru)


def counted(V, D, H):
    rng = np.random.default_rng(0)
    bottom = embedding.init(rng, V, D), gru.init(rng, D, H), gru.init(rng, H, H)
    p = language_model.Params(bottom, np.zeros((H, V)), np.zeros(V))
    return sum(leaf.size for leaf in tree.leaves(p))


@pytest.mark.equation("eq-two-layer-count")
@pytest.mark.parametrize(("V", "D", "H"), [(8000, 128, 128), (11, 3, 5), (7, 4, 2)])
def test_the_count_is_that_of_the_weights(V, D, H):
    formula = V * D + 3 * (D * H + H**2 + H) + 3 * (H**2 + H**2 + H) + H * V + V
    assert counted(V, D, H) == formula
    if V == 8000:
        assert formula == 2_253_376
        p = language_model.init(np.random.default_rng(0), V, H, cell=NETWORK)
        assert sum(leaf.size for leaf in tree.leaves(p)) == formula


@pytest.mark.equation("eq-break-even")
@pytest.mark.parametrize(
    ("C", "s"),
    [((0, 400), (1, 0.5)), ((30, 37), (2, 1.9)), ((0, 100), (1, 1)), ((5, 9), (1, 3))],
)
def test_compiling_has_paid_after_the_break_even(C, s):
    n = np.arange(1, 10_000)
    paid = C[1] + s[1] * n < C[0] + s[0] * n
    if s[1] >= s[0]:
        assert not paid.any()
    else:
        first = n[paid][0]
        assert first - 1 - 1e-9 <= (C[1] - C[0]) / (s[0] - s[1]) <= first


def test_the_record_times_every_mode_that_the_figure_draws():
    modes = records.load("theano")["results"]["speed"]["two-layer gru"]
    drawn = (
        "Theano in Python",
        "PyTensor in C",
        "PyTensor in Numba",
        "PyTensor in Numba, cached",
    )
    assert set(drawn) <= modes.keys()
    assert all(times["compile"] > 0 and times["step"] > 0 for times in modes.values())
