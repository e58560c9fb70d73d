"""Each line of the LSTM's derivation against pushes on the quantity it is about."""

import re

import numpy as np
import pytest

from experiments.intervals import interval
from tests.support.cell_cases import cell_case, logistic
from tests.support.closeness import assert_close
from tests.support.page_cells import cells, executed
from unrolled import tree
from unrolled.cells import lstm
from unrolled.gradients import gradcheck, lstm_jacobians

SIZES = T, B, D, H = 4, 2, 3, 3


def pushed_loss(p, x, h0, c0, dh, pushes):
    """L = Σ dh_t · h_t, where any quantity of any step is pushed after it is computed."""
    h, c, total = h0, c0, 0.0
    for t in range(T):
        a = x[t] @ p.W_x + h @ p.W_h + p.b + pushes["a"][t]
        i, f, g, o = np.split(a, 4, axis=1)
        i, f, g, o = logistic(i), logistic(f), np.tanh(g), logistic(o)
        i, f = i + pushes["i"][t], f + pushes["f"][t]
        g, o = g + pushes["g"][t], o + pushes["o"][t]
        c = f * c + i * g + pushes["c"][t]
        h = o * np.tanh(c) + pushes["h"][t]
        total = total + (dh[t] * h).sum()
    return total


NAMES = {"a": 4 * H, "i": H, "f": H, "g": H, "o": H, "c": H, "h": H}


@pytest.fixture(scope="module")
def totals():
    """The total gradient of every quantity of every step, by complex steps, and the network."""
    p, x, (h0, c0), dh = cell_case(lstm, *SIZES)
    zeros = tuple(np.zeros((T, B, size)) for size in NAMES.values())
    found = gradcheck.complex_step(
        lambda pushes: pushed_loss(
            p, x, h0, c0, dh, dict(zip(NAMES, pushes, strict=True))
        ),
        zeros,
    )
    return (
        dict(zip(NAMES, found, strict=True)),
        lstm.forward(p, x, h0, c0)[1],
        (p, x, h0, c0, dh),
    )


def shifted(d):
    """The next step's values; 0 after the last."""
    return np.concatenate([d[1:], np.zeros_like(d[:1])])


@pytest.mark.equation("eq-lstm-dh")
def test_the_hidden_state_is_read_by_its_output_and_by_four_sums(totals):
    d, _, (p, _, _, _, dh) = totals
    assert_close(dh + shifted(d["a"]) @ p.W_h.T, d["h"])
    assert np.abs(d["h"][:-1] - dh[:-1]).max() > 0.01  # the second reader matters


@pytest.mark.equation("eq-lstm-dc")
def test_the_cell_is_read_by_the_state_and_by_its_successor(totals):
    d, cache, _ = totals
    shown = d["h"] * cache.o * (1 - np.tanh(cache.c) ** 2)
    kept = shifted(d["c"]) * shifted(cache.f)
    assert_close(shown + kept, d["c"])
    assert min(np.abs(shown).max(), np.abs(kept).max()) > 0.01


@pytest.mark.equation("eq-lstm-dgates")
def test_gates_get_the_other_factor(totals):
    d, cache, _ = totals
    assert_close(d["h"] * np.tanh(cache.c), d["o"])
    assert_close(d["c"] * cache.c_previous, d["f"])
    assert_close(d["c"] * cache.g, d["i"])
    assert_close(d["c"] * cache.i, d["g"])


@pytest.mark.equation("eq-lstm-delta")
def test_sums_get_the_slope_of_their_own_value(totals):
    d, cache, _ = totals
    i, f, g, o = np.split(d["a"], 4, axis=2)
    assert_close(d["i"] * cache.i * (1 - cache.i), i)
    assert_close(d["f"] * cache.f * (1 - cache.f), f)
    assert_close(d["g"] * (1 - cache.g**2), g)
    assert_close(d["o"] * cache.o * (1 - cache.o), o)


@pytest.mark.equation("eq-lstm-gradients")
def test_weights_inputs_and_initial_states(totals):
    d, cache, (p, x, h0, c0, dh) = totals
    W_x, W_h, b = (np.zeros_like(w) for w in p)
    before = np.concatenate([h0[None], cache.h[:-1]])
    for t in range(T):
        for row in range(B):
            W_x += np.outer(x[t, row], d["a"][t, row])
            W_h += np.outer(before[t, row], d["a"][t, row])
            b += d["a"][t, row]
    dx, dh0, dc0 = d["a"] @ p.W_x.T, d["a"][0] @ p.W_h.T, d["c"][0] * cache.f[0]
    wanted = (lstm.Params(W_x, W_h, b), dx, dh0, dc0)
    zeros = {name: np.zeros((T, 1, 1)) for name in NAMES}
    numeric = gradcheck.complex_step(
        lambda point: pushed_loss(*point, dh, zeros), (p, x, h0, c0)
    )  # of the parameters themselves
    for found, one, other in zip(
        tree.leaves(lstm.backward(p, cache, dh)),
        tree.leaves(wanted),
        tree.leaves(numeric),
        strict=True,
    ):
        assert_close(one, other)
        assert_close(found, other)


@pytest.mark.equation("eq-lstm-tangent")
def test_forward_mode_finds_the_same_slope():
    p, x, (h0, c0), dh = cell_case(lstm, *SIZES, seed=1)
    rng = np.random.default_rng(43)
    point = (p, x, h0, c0)
    velocity = tree.map(lambda leaf: rng.standard_normal(leaf.shape), point)
    (W_x_, W_h_, b_), x_, h_, c_ = velocity
    h, c, moved = h0, c0, 0.0
    for t in range(T):
        i, f, g, o = np.split(x[t] @ p.W_x + h @ p.W_h + p.b, 4, axis=1)
        i, f, g, o = logistic(i), logistic(f), np.tanh(g), logistic(o)
        a_ = x_[t] @ p.W_x + x[t] @ W_x_ + h_ @ p.W_h + h @ W_h_ + b_
        i_, f_, g_, o_ = np.split(a_, 4, axis=1)
        i_, f_, g_, o_ = (
            i * (1 - i) * i_,
            f * (1 - f) * f_,
            (1 - g * g) * g_,
            o * (1 - o) * o_,
        )
        c_ = f_ * c + f * c_ + i_ * g + i * g_
        c = f * c + i * g
        h_ = o_ * np.tanh(c) + o * (1 - np.tanh(c) ** 2) * c_
        h = o * np.tanh(c)
        moved += (dh[t] * h_).sum()
    _, cache = lstm.forward(*point)
    pairs = zip(
        tree.leaves(lstm.backward(p, cache, dh)), tree.leaves(velocity), strict=True
    )
    assert sum((d * v).sum() for d, v in pairs) == pytest.approx(moved, rel=1e-12)


@pytest.mark.equation("eq-lstm-total-cell")
def test_if_the_hidden_state_follows_one_more_term_appears(totals):
    _, cache, (p, x, *_) = totals
    for t in range(1, T):
        M = lstm_jacobians.of_step(p, cache, t)[:, H:, :H]
        q = cache.o[t - 1] * (1 - np.tanh(cache.c[t - 1]) ** 2)
        total = cache.f[t][..., None] * np.eye(H) + M * q[:, None, :]
        for row in range(B):

            def c_after(c_before, t=t, row=row):
                h_before = cache.o[t - 1, row] * np.tanh(c_before)
                return lstm.step(p, x[t, row], h_before, c_before)[1]

            wanted = [
                gradcheck.complex_step(
                    lambda c, j=j, g=c_after: g(c)[j], cache.c[t - 1, row]
                )
                for j in range(H)
            ]
            assert_close(total[row], np.array(wanted))


def log_norms(seed, bias=1.0, scale=1.0):
    """Mean log norms, by distance, of the direct path, the rest, and the rest in h alone."""
    T, B, D, H = 61, 4, 8, 24
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((T, B, D))
    p = lstm.init(rng, D, H, forget_bias=bias)
    p = p._replace(W_h=scale * p.W_h)
    cache = lstm.forward(p, x)[1]
    direct, rest = lstm_jacobians.split(p, cache)
    J = [lstm_jacobians.of_step(p, cache, t) for t in range(T)]
    between = np.broadcast_to(np.eye(H), (B, H, H))
    for k in range(2, 11):
        alone = J[-1][:, H:, :H] @ between @ J[T - k][:, :H, H:]
        between = between @ J[T - k][:, :H, :H]
    with np.errstate(divide="ignore"):
        return [
            np.log(np.linalg.norm(part, 2, axis=(-2, -1))).mean(axis=-1)
            for part in (direct, rest, alone)
        ]


@pytest.mark.claim(
    "mixed-paths-carry-the-rest",
    "Over 50 steps, paths that leave the cell and come back carry more of an untrained LSTM's "
    "gradient than the direct path, and hardly any of it stays in h.",
)
@pytest.mark.parametrize("bias", [1.0, 5.0])
def test_the_rest_exceeds_the_direct_path_and_does_not_stay_in_h(bias):
    """The lower end of the interval over six networks of log(rest / direct) at 50 steps with 0,
    and the upper end of that of log(in h alone / rest) at 10 steps with log(1/1000)."""
    runs = [log_norms(seed, bias) for seed in range(6)]
    assert interval([rest[50] - direct[50] for direct, rest, _ in runs])["low"] > 0
    alone = interval([alone - rest[10] for _, rest, alone in runs])
    assert alone["high"] < np.log(1e-3)


def test_the_direct_path_keeps_the_sign_and_the_rest_can_change_it():
    """And the shortest excursion carries less than the direct path, with both biases."""
    for bias in (1.0, 5.0):
        p = lstm.init(np.random.default_rng(1), 8, 24, forget_bias=bias)
        x = np.random.default_rng(2).standard_normal((12, 4, 8))
        direct, rest = lstm_jacobians.split(p, lstm.forward(p, x)[1])
        assert direct.min() >= 0 and direct.max() <= 1 and rest.min() < 0 < rest.max()
        norms = [np.linalg.norm(part[2], 2, axis=(-2, -1)) for part in (direct, rest)]
        assert (norms[1] < norms[0]).all()


@pytest.mark.claim(
    "an-lstm-can-explode",
    "With large recurrent weights the gradient of an LSTM grows with distance.",
)
def test_large_recurrent_weights_make_the_gradient_grow():
    """The lower end of the interval over six networks of the growth of log(rest) from 10 to 60
    steps with 0, with weights four times as large; the upper end with the weights as they are."""
    growth = {
        scale: interval(
            [np.diff(log_norms(s, scale=scale)[1][[10, 60]])[0] for s in range(6)]
        )
        for scale in (1.0, 4.0)
    }
    assert growth[4.0]["low"] > 0 > growth[1.0]["high"]


def test_a_gate_of_a_half_halves_the_gradient_after_it():
    """The gradients at steps 4 and 5, on two sides of the gate of step 5."""
    page = "04-gates/the-gradient-of-an-lstm.md"
    *before, setting = (
        next(cell for cell in cells(page) if word in cell)
        for word in ("import lstm", "def backward(", "forget = (")
    )
    halved = "forget = (1.0, 1.0, 0.0, 1.0, 0.5, 1.0, 1.0, 1.0)"
    built, found = (
        executed(page, [*before, text])["arriving"]
        for text in (setting, re.sub(r"forget = \(.*\)", halved, setting, count=1))
    )
    assert found(4) == pytest.approx(found(5) / 2)
    assert built(4) == pytest.approx(built(5))
    assert found(5) > 1.5 * built(5)
    assert found(4) > 0.8 * built(4)
