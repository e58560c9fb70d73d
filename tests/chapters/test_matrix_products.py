"""The equations and counts of the chapter "From loops to matrix products"."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from unrolled.cells import rnn
from unrolled.data import text
from unrolled.models import language_model


def example(T=9, V=12, H=5, seed=0):
    """Parameters of ordinary size and a sentence in which words come twice."""
    rng = np.random.default_rng(seed)
    cell = rnn.Params(
        rng.normal(size=(V, H)), 0.6 * rng.normal(size=(H, H)), rng.normal(size=H)
    )
    p = language_model.Params(cell, rng.normal(size=(H, V)), rng.normal(size=V))
    return p, rng.integers(0, V - 4, T + 1)


def deltas(p, ids):
    """h_0 .. h_T and {(t, k): delta_{t,k}}, by the recursions of the pages, steps from 1."""
    h = [np.zeros(len(p.cell.b))]
    for word in ids[:-1]:
        h.append(np.tanh(p.cell.W_x[word] + h[-1] @ p.cell.W_h + p.cell.b))
    found = {}
    for t in range(1, len(ids)):
        e = np.exp(h[t] @ p.W_y + p.b_y)
        du = e / e.sum() - np.eye(len(e))[ids[t]]
        found[t, t] = (du @ p.W_y.T) * (1 - h[t] ** 2)
        for k in range(t - 1, 0, -1):
            found[t, k] = (found[t, k + 1] @ p.cell.W_h.T) * (1 - h[k] ** 2)
    return h, found


def gradient(p, ids):
    return language_model.loss_and_gradient(p, text.pad([ids]), reduction="sum")[1]


@pytest.mark.equation("eq-outer-sum")
@settings(max_examples=30, deadline=None)
@given(
    T=st.integers(1, 8), D=st.integers(1, 4), H=st.integers(1, 4), B=st.integers(1, 3)
)
def test_the_collected_product_is_the_sum_of_outer_products(T, D, H, B):
    rng = np.random.default_rng(T + 10 * D + 100 * H)
    p = rnn.init(rng, D, H)
    x, da = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H))
    h_previous = rng.normal(size=(T, B, H))
    pairs = [(t, b) for t in range(T) for b in range(B)]
    dp, _ = rnn.parameter_gradients(p, rnn.Cache(x, h_previous, h_previous), da)
    assert_allclose(dp.W_x, sum(np.outer(x[at], da[at]) for at in pairs), atol=1e-13)
    assert_allclose(
        dp.W_h, sum(np.outer(h_previous[at], da[at]) for at in pairs), atol=1e-13
    )
    assert_allclose(dp.b, sum(da[at] for at in pairs), atol=1e-13)


@pytest.mark.equation("eq-output-all-steps")
@pytest.mark.parametrize("N", [1, 3, 300])
def test_the_output_layer_for_all_steps_is_that_of_each_step(N):
    """300 rows are more than two blocks."""
    rng = np.random.default_rng(N)
    H, V = 4, 7
    h, W_y, b_y = rng.normal(size=(N, H)), rng.normal(size=(H, V)), rng.normal(size=V)
    targets = rng.integers(0, V, N)
    loss, dW_y, db_y, dh = 0.0, np.zeros((H, V)), np.zeros(V), np.zeros((N, H))
    for t in range(N):
        u = h[t] @ W_y + b_y
        p = np.exp(u) / np.exp(u).sum()
        du = p - np.eye(V)[targets[t]]
        loss -= math.log(p[targets[t]])
        dW_y += np.outer(h[t], du)
        db_y += du
        dh[t] = du @ W_y.T
    found = language_model.output_layer(h, W_y, b_y, targets)
    for value, expected in zip(found, (loss, dh, dW_y, db_y), strict=True):
        assert_allclose(value, expected, rtol=1e-11, atol=1e-12)
    scaled = language_model.output_layer(h, W_y, b_y, targets, scale=1 / N)
    for value, whole in zip(scaled, found, strict=True):
        assert_allclose(value, whole / N, rtol=1e-11, atol=1e-12)


def test_summing_by_output_or_by_step_gives_the_gradient():
    p, ids = example()
    h, found = deltas(p, ids)
    T = len(ids) - 1
    by_output = sum(
        np.outer(h[k - 1], found[t, k])
        for t in range(1, T + 1)
        for k in range(1, t + 1)
    )
    by_step = sum(
        np.outer(h[k - 1], sum(found[t, k] for t in range(k, T + 1)))
        for k in range(1, T + 1)
    )
    assert_allclose(by_step, by_output, atol=1e-12)
    assert_allclose(gradient(p, ids).cell.W_h, by_step, atol=1e-12)


@pytest.mark.equation("eq-recurrent-all-steps")
def test_the_recursion_collects_every_output_that_comes_later():
    p, ids = example()
    h, found = deltas(p, ids)
    T = len(ids) - 1
    da = np.zeros((T + 2, len(p.cell.b)))
    for k in range(T, 0, -1):
        e = np.exp(h[k] @ p.W_y + p.b_y)
        du = e / e.sum() - np.eye(len(e))[ids[k]]
        da[k] = (du @ p.W_y.T + da[k + 1] @ p.cell.W_h.T) * (1 - h[k] ** 2)
        assert_allclose(da[k], sum(found[t, k] for t in range(k, T + 1)), atol=1e-12)
    d = gradient(p, ids).cell
    one_hot = np.eye(len(p.b_y))[ids[:-1]]
    assert_allclose(d.W_h, np.array(h[:-1]).T @ da[1:-1], atol=1e-12)
    assert_allclose(d.W_x, one_hot.T @ da[1:-1], atol=1e-12)
    assert_allclose(d.b, da[1:-1].sum(axis=0), atol=1e-12)


def test_loops_and_matrix_products_agree_to_1e_12_at_the_size_of_the_post():
    rng = np.random.default_rng(0)
    p = language_model.init(rng, 8000, 100, dtype=np.float64)
    ids = rng.integers(0, 8000, 46)
    loss, d = language_model.loss_and_gradient(p, text.pad([ids]), reduction="sum")
    loss_loops, loops = language_model.loss_and_gradient_loops(p, ids[:-1], ids[1:])
    assert_allclose(loss, loss_loops, rtol=1e-12)
    for a, b in zip(
        (*d.cell, d.W_y, d.b_y), (*loops.cell, loops.W_y, loops.b_y), strict=True
    ):
        assert np.abs(a - b).max() <= 1e-12 * np.abs(b).max()


class Counted(float):
    """A number that counts the multiplications it takes part in; arrays of these run the code."""

    multiplications = 0

    def __mul__(self, other):
        Counted.multiplications += 1
        return Counted(float(self) * float(other))

    __rmul__ = __mul__

    def __add__(self, other):
        return Counted(float(self) + float(other))

    __radd__ = __add__

    def __sub__(self, other):
        return Counted(float(self) - float(other))

    def __rsub__(self, other):
        return Counted(float(other) - float(self))

    def __truediv__(self, other):
        return Counted(float(self) / float(other))

    def __rtruediv__(self, other):
        return Counted(float(other) / float(self))

    def exp(self):
        return Counted(math.exp(self))

    def log(self):
        return Counted(math.log(self))

    def tanh(self):
        return Counted(math.tanh(self))


def counted(array):
    return np.frompyfunc(Counted, 1, 1)(array).astype(object)


@pytest.mark.equation("eq-operation-count")
@pytest.mark.parametrize(
    ("T", "B", "V", "H"), [(4, 2, 9, 3), (3, 1, 5, 6), (2, 3, 20, 2)]
)
def test_the_number_of_operations(T, B, V, H):
    """Run on numbers that count: three products an H × V and an H × H matrix, for TB rows each.

    What comes on top is one multiplication a logit (the probabilities) and two an entry of the
    state (the derivative of tanh), which the page leaves out.
    """
    rng = np.random.default_rng(0)
    p = language_model.init(rng, V, H, dtype=np.float64)
    inputs, targets = rng.integers(0, V, (2, T, B))
    batch = text.Batch(inputs, targets, np.ones((T, B), bool))
    expected_loss, expected = language_model.loss_and_gradient(p, batch)
    counting = language_model.Params(
        rnn.Params(*map(counted, p.cell)), counted(p.W_y), counted(p.b_y)
    )
    Counted.multiplications = 0
    loss, d = language_model.loss_and_gradient(counting, batch)
    assert_allclose(loss, expected_loss, rtol=1e-12)
    assert_allclose(d.cell.W_h.astype(float), expected.cell.W_h, atol=1e-12)
    rest = T * B * V + 2 * T * B * H
    assert 2 * (Counted.multiplications - rest) == 3 * 2 * T * B * H * (V + H)


@pytest.mark.equation("eq-intensity")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("N", [1, 45, 1440])
def test_the_operations_for_each_byte(N, dtype):
    H, V = 100, 8000
    x, W = np.zeros((N, H), dtype), np.zeros((H, V), dtype)
    y = x @ W
    operations = 2 * y.size * H  # each entry of y: H multiplications and H additions
    found = operations / (x.nbytes + W.nbytes + y.nbytes)
    s = np.dtype(dtype).itemsize
    assert_allclose(found, 2 * N * H * V / (s * (N * H + H * V + N * V)), rtol=1e-12)
    if N == 1:
        assert_allclose(found, 2 / s, rtol=0.02)


def test_more_rows_never_reach_25_operations_for_each_byte():
    """In float64 with the sizes of the page: nearly in proportion to few rows, then a limit."""
    H, V, N = 100, 8000, np.array([5, 10, 100, 500, 10**9])
    found = 2 * N * H * V / (8 * (N * H + H * V + N * V))
    assert 1.8 < found[1] / found[0] < 2 and found[3] / found[2] < 2
    assert np.all(np.diff(found) > 0) and 24 < found[-1] < 25


def peak(T=20, B=4, H=32, V=2000):
    rng = np.random.default_rng(0)
    p = language_model.init(rng, V, H)
    inputs, targets = rng.integers(0, V, (2, T, B))
    batch = text.Batch(inputs, targets, np.ones((T, B), bool))
    language_model.loss_and_gradient(p, batch)
    tracemalloc.start()
    language_model.loss_and_gradient(p, batch)
    result = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return result


@pytest.mark.parametrize(("name", "size"), [("T", 80), ("B", 16), ("V", 4000)])
def test_memory_grows_linearly(name, size):
    first, second, third = (peak(**{name: f * size}) for f in (1, 2, 3))
    assert second > first
    assert_allclose(third - second, second - first, rtol=0.1)


def test_memory_for_a_word_is_a_few_rows_of_H_and_no_row_of_V():
    per_word = (peak(T=160) - peak(T=80)) / (80 * 4)
    assert 2 * 32 * 4 < per_word < 6 * 32 * 4


def test_the_counts_of_loops_and_products_are_close_for_short_sentences_only():
    """Operations of the nested loops over those of the products, V = 8000 and H = 100."""

    def ratio(T, H=100, V=8000):
        products = 6 * T * H * (V + H)
        loops = 6 * T * H * V + 2 * T * H * H + T * (T + 1) // 2 * 4 * H * H
        return loops / products

    assert 1.1 < ratio(45) < 1.2 and ratio(500) > 2.5
