"""Peepholes, coupled gates and hard sigmoids: the equations, and what the chapter claims."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.intervals import interval
from tests.support.cell_cases import cell_case, logistic
from tests.support.closeness import assert_close
from unrolled import functional
from unrolled.cells import coupled_lstm, fixed_gates, gru, lstm, peephole_lstm, rnn
from unrolled.data import text
from unrolled.gradients import gradcheck
from unrolled.layers import embedding, stacked
from unrolled.models import language_model, pretrained

SIZES = T, B, D, H = 4, 2, 3, 4


@pytest.mark.equation("eq-peephole-gates", "eq-peephole-output")
def test_a_step_with_peepholes_unit_by_unit():
    p, x, (h0, c0), _ = cell_case(peephole_lstm, *SIZES)
    h_all, cache = peephole_lstm.forward(p, x, h0, c0)
    for b in range(B):
        h, c = h0[b], c0[b]
        for t in range(T):
            a = np.array(
                [
                    sum(x[t, b, k] * p.W_x[k, j] for k in range(D))
                    + sum(h[k] * p.W_h[k, j] for k in range(H))
                    + p.b[j]
                    for j in range(4 * H)
                ]
            ).reshape(4, H)
            i = logistic(a[0] + p.w_c[0] * c)
            f = logistic(a[1] + p.w_c[1] * c)
            after = peephole_lstm.step(p, x[t, b], h, c)
            c = f * c + i * np.tanh(a[2])
            h = logistic(a[3] + p.w_c[2] * c) * np.tanh(c)
            assert_close(h_all[t, b], h)
            assert_close(cache.c[t, b], c)
            assert_close(after[0], h)
            assert_close(after[1], c)


def pushed_loss(p, x, h0, c0, dh, push_a, push_c):
    """L = Σ dh_t · h_t of the LSTM with peepholes, its sums and cells pushed."""
    h, c, total = h0, c0, 0.0
    for t in range(T):
        i, f, g, o = np.split(x[t] @ p.W_x + h @ p.W_h + p.b + push_a[t], 4, axis=1)
        i, f = logistic(i + p.w_c[0] * c), logistic(f + p.w_c[1] * c)
        c = f * c + i * np.tanh(g) + push_c[t]
        h = logistic(o + p.w_c[2] * c) * np.tanh(c)
        total = total + (dh[t] * h).sum()
    return total


@pytest.fixture(scope="module")
def peeping():
    p, x, (h0, c0), dh = cell_case(peephole_lstm, *SIZES)
    zeros = np.zeros((T, B, 4 * H)), np.zeros((T, B, H))
    da, dc = gradcheck.complex_step(
        lambda push: pushed_loss(p, x, h0, c0, dh, *push), zeros
    )
    return (
        p,
        x,
        peephole_lstm.forward(p, x, h0, c0)[1],
        dh,
        np.split(da, 4, axis=2),
        da,
        dc,
    )


@pytest.mark.equation("eq-peephole-dc")
def test_the_cell_has_three_readers_more(peeping):
    p, _, cache, dh, (di, df, _, do), da, dc = peeping

    def shifted(d):
        return np.concatenate([d[1:], np.zeros_like(d[:1])])

    dh_total = dh + shifted(da) @ p.W_h.T
    terms = [
        dh_total * cache.o * (1 - np.tanh(cache.c) ** 2),
        do * p.w_c[2],
        shifted(dc) * shifted(cache.f),
        shifted(di) * p.w_c[0],
        shifted(df) * p.w_c[1],
    ]
    assert_close(sum(terms), dc)
    assert min(np.abs(term).max() for term in terms) > 0.01


@pytest.mark.equation("eq-peephole-gradients")
def test_gradients_of_the_peepholes(peeping):
    p, x, cache, dh, (di, df, _, do), _, _ = peeping
    wanted = np.zeros((3, H))
    for t in range(T):
        for b in range(B):
            wanted[0] += di[t, b] * cache.c_previous[t, b]
            wanted[1] += df[t, b] * cache.c_previous[t, b]
            wanted[2] += do[t, b] * cache.c[t, b]
    assert_close(peephole_lstm.backward(p, cache, dh)[0].w_c, wanted)
    zeros = np.zeros((T, 1, 1))
    h0, c0 = cache.h_previous[0], cache.c_previous[0]
    numeric = gradcheck.complex_step(
        lambda w: pushed_loss(p._replace(w_c=w), x, h0, c0, dh, zeros, zeros), p.w_c
    )
    assert_close(wanted, numeric)


@pytest.mark.equation("eq-peephole-path")
def test_with_peepholes_the_path_along_the_cell_is_no_longer_the_gate_alone(peeping):
    p, x, cache, *_ = peeping
    for t in range(T):
        c, i, f, g = cache.c_previous[t], cache.i[t], cache.f[t], cache.g[t]
        slope = f + c * f * (1 - f) * p.w_c[1] + g * i * (1 - i) * p.w_c[0]
        assert np.abs(slope - f).max() > 0.01
        for b in range(B):
            J = [
                gradcheck.complex_step(
                    lambda c, at=(t, b, j): peephole_lstm.step(
                        p, x[at[0], at[1]], cache.h_previous[at[0], at[1]], c
                    )[1][at[2]],
                    cache.c_previous[t, b],
                )
                for j in range(H)
            ]
            assert_close(np.array(J), np.diag(slope[b]))


def test_the_clock_fires_every_N_steps_and_only_peepholes_make_it():
    for N in (3, 5, 8):
        border = 80.0 * (N - 0.5)
        p = peephole_lstm.Params(
            np.zeros((1, 4)),
            np.zeros((1, 4)),
            np.array([[0.0], [-80.0], [80.0]]),
            np.array([40.0, border, 20.0, -border]),
        )
        h, cache = peephole_lstm.forward(p, np.zeros((40, 1, 1)))
        fires = np.flatnonzero(h[:, 0, 0] > 0.5) + 1
        np.testing.assert_array_equal(fires, np.arange(N, 41, N))
        np.testing.assert_array_equal(cache.c[:, 0, 0], np.arange(40) % N + 1)
        blind, _ = peephole_lstm.forward(
            p._replace(w_c=np.zeros((3, 1))), np.zeros((40, 1, 1))
        )
        assert np.abs(blind).max() < 1e-15


@pytest.mark.equation("eq-coupled-cell")
def test_the_coupled_cell_is_a_weighted_mean():
    p, x, (h0, _), _ = cell_case(coupled_lstm, *SIZES)
    c = np.random.default_rng(62).uniform(-1, 1, (B, H))
    h = h0
    for t in range(T):
        f, g, o = np.split(x[t] @ p.W_x + h @ p.W_h + p.b, 3, axis=1)
        f = logistic(f)
        h_code, c_code = coupled_lstm.step(p, x[t], h, c)
        c = f * c + (1 - f) * np.tanh(g)
        h = logistic(o) * np.tanh(c)
        assert_close(c_code, c)
        assert_close(h_code, h)
        assert np.abs(c).max() <= 1


@pytest.mark.equation("eq-coupled-gradient")
def test_a_weight_that_stands_in_two_places_collects_from_both():
    p, x, (h0, c0), dh = cell_case(coupled_lstm, *SIZES)
    full = coupled_lstm.expand(p)
    dfull, *_ = lstm.backward(full, lstm.forward(full, x, h0, c0)[1], dh)
    dp = coupled_lstm.dexpand(p, dfull)

    def loss(p):
        h, c, total = h0, c0, 0.0
        for t in range(T):
            f, g, o = np.split(x[t] @ p.W_x + h @ p.W_h + p.b, 3, axis=1)
            c = logistic(f) * c + (1 - logistic(f)) * np.tanh(g)
            h = logistic(o) * np.tanh(c)
            total = total + (dh[t] * h).sum()
        return total

    numeric = gradcheck.complex_step(loss, p)
    for name, whole, d, n in zip(p._fields, dfull, dp, numeric, strict=True):
        np.testing.assert_allclose(d, n, rtol=1e-10, atol=1e-13, err_msg=name)
        assert_close(n[..., :H], whole[..., H : 2 * H] - whole[..., :H])


@pytest.mark.claim(
    "rnn-is-a-gru-and-not-this-lstm",
    "A plain RNN is a GRU with two fixed gates: the states are equal on the page, and equal up to "
    "rounding in single precision; an LSTM with three fixed gates computes different states, which "
    "stay below tanh(1).",
)
def test_the_plain_network_is_a_gru_and_differs_from_the_lstm_with_fixed_gates():
    """For five networks: the states of the GRU equal those of the plain RNN, in single precision
    to 1e-5; those of the LSTM differ by more than 0.1 and stay below tanh(1)."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        p = rnn.Params(
            *(w + 0.2 * rng.standard_normal(w.shape) for w in rnn.init(rng, 4, 8))
        )
        x = rng.standard_normal((30, 3, 4))
        h, _ = rnn.forward(p, x)
        same, _ = gru.forward(fixed_gates.rnn_as_gru(p), x)
        np.testing.assert_array_equal(same, h)
        single = rnn.Params(*(w.astype(np.float32) for w in p))
        found, _ = gru.forward(fixed_gates.rnn_as_gru(single), x[:, :1].astype("f4"))
        wanted, _ = rnn.forward(single, x[:, :1].astype("f4"))
        assert found.dtype == wanted.dtype == np.float32
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        squashed, _ = lstm.forward(fixed_gates.rnn_as_lstm(p), x)
        assert np.abs(squashed - h).max() > 0.1
        assert np.abs(squashed).max() < np.tanh(1) < np.abs(h).max()


@pytest.mark.equation("eq-hard-sigmoid")
@pytest.mark.parametrize("slope", [1 / 6, 0.2])
def test_hard_sigmoid_is_a_ramp_with_corners(slope):
    a = np.array([-9, -0.5 / slope, -1, 0, 0.3, 0.5 / slope, 9])
    wanted = [min(1, max(0, slope * value + 0.5)) for value in a]
    assert_close(functional.hard_sigmoid(a, slope), wanted)
    inside = np.array([-1.3, 0.2, 2.2])
    for value in inside:
        numeric = gradcheck.central_difference(
            lambda v: float(functional.hard_sigmoid(v, slope)[0]), np.array([value])
        )
        s = functional.hard_sigmoid(value, slope)
        assert functional.dhard_sigmoid(s, 1.0, slope) == pytest.approx(
            numeric[0], rel=1e-8
        )
    for value in (-9.0, 9.0):
        assert (
            functional.dhard_sigmoid(functional.hard_sigmoid(value, slope), 1.0, slope)
            == 0
        )
    grid = np.linspace(-8, 8, 10_001)
    assert (
        np.abs(functional.hard_sigmoid(grid, slope) - functional.sigmoid(grid)).max()
        < 0.08
    )


def by_document(trained, documents, gate):
    """The summed loss of each document (N,) under an LSTM whose gates are this function."""
    cell = SimpleNamespace(forward=partial(lstm.forward, gate=gate))
    cell = stacked.of(embedding, cell)
    return np.array(
        [
            sum(
                language_model.loss(trained, batch, cell)[0] * batch.mask.sum()
                for batch in text.batches(sentences, 64)
            )
            for sentences in documents
        ]
    )


@pytest.mark.slow
@pytest.mark.claim(
    "hard-gates-cost-little",
    "In the trained LSTM language model, a hard sigmoid of slope 1/6 changes the perplexity by "
    "less than half a per cent; a slope of 0.2 raises it by a half to two per cent.",
    records="lstm_language_model",
)
def test_a_trained_lstm_tolerates_hard_gates():
    """The difference of the loss per word, paired by document: the interval for 1/6 lies within
    0.005 of 0, the interval for 0.2 between 0.005 and 0.02."""
    trained, vocabulary, _ = pretrained.load("lstm")
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    documents = [text.encode([d], vocabulary)[:40] for d in parts.validation]
    documents = [sentences for sentences in documents if sentences]
    words = np.array([sum(len(s) - 1 for s in sentences) for sentences in documents])
    soft = by_document(trained, documents, functional.sigmoid)
    rise = {}
    for slope in (1 / 6, 0.2):
        gate = partial(functional.hard_sigmoid, slope=slope)
        change = by_document(trained, documents, gate) - soft
        # Each document counts by its words: the ratio of the sums.
        rise[slope] = interval(
            np.repeat(change / words, words), np.repeat(range(len(words)), words)
        )
    assert -0.005 < rise[1 / 6]["low"] and rise[1 / 6]["high"] < 0.005
    assert 0.005 < rise[0.2]["low"] and rise[0.2]["high"] < 0.02
