"""The chapter on the delta rule: its cells by their equations, and what its states recall.

The forms of the delta rule are checked by tests/package/layers/test_delta_rule.py.
"""

import numpy as np
import pytest

from experiments.intervals import interval
from tests.support.cell_cases import cell_case, logistic
from tests.support.closeness import assert_same
from tests.support.page_cells import defined, figure
from unrolled import records, tree
from unrolled.cells import delta_net, gated_delta_net
from unrolled.drawing import cell_graph
from unrolled.functional import softplus
from unrolled.layers import delta_rule

PAGE = "08-today/the-delta-rule.md"
T, B, D, H = 23, 3, 4, 6
every_cell = pytest.mark.parametrize("cell", [delta_net, gated_delta_net])
FORMS = [
    delta_rule.parallel,
    *(lambda *a, n=n: delta_rule.chunked(*a, chunk=n) for n in (1, 5, 16, 100)),
]


@pytest.mark.equation("eq-ntm-write", "eq-delta-rule")
def test_with_one_hot_keys_the_delta_rule_is_the_write_head_of_a_turing_machine():
    rng = np.random.default_rng(2)
    slots, width = 5, 4
    w = np.eye(slots)[rng.integers(0, slots, (T, B))]
    v, beta = rng.standard_normal((T, B, width)), rng.uniform(0, 1, (T, B, 1))
    memory = first = rng.standard_normal((B, slots, width))
    _, S = delta_rule.recurrent(w, w, v, beta, np.ones_like(beta), first)
    for t in range(T):
        erase, add = beta[t] * np.ones(width), beta[t] * v[t]
        at = w[t][..., None]
        memory = memory * (1 - at * erase[:, None]) + at * add[:, None]
        np.testing.assert_allclose(S[t], memory, rtol=1e-13, atol=1e-14)


def by_the_equations(cell, p, x, S):
    """The outputs of one sequence."""
    outputs = []
    for x_t in x:
        a = x_t @ p.W_x + p.b
        q, k, v = a[:H], a[H : 2 * H], a[2 * H : 3 * H]
        q, k = q / np.sqrt((q**2).sum()), k / np.sqrt((k**2).sum())
        beta = logistic(a[3 * H])
        if cell is gated_delta_net:
            S = logistic(a[3 * H + 1]) * S
        S = S + beta * np.outer(k, v - k @ S)
        outputs.append(q @ S)
    return np.array(outputs)


@pytest.mark.equation(
    "eq-delta-net-inputs",
    "eq-delta-rule",
    "eq-gated-delta-gate",
    "eq-gated-correction",
    "eq-gated-delta-rule",
)
@every_cell
def test_the_cells_are_their_equations(cell):
    p, x, (h0, S0), _ = cell_case(cell, T, B, D, H)
    h, _ = cell.forward(p, x, h0, S0)
    for b in range(B):
        wanted = by_the_equations(cell, p, x[:, b], S0[b])
        np.testing.assert_allclose(h[:, b], wanted, rtol=1e-10, atol=1e-12)


@every_cell
@pytest.mark.parametrize("form", FORMS)
def test_the_cells_have_all_three_forms(cell, form):
    p, x, (h0, S0), _ = cell_case(cell, T, B, D, H)
    h, cache = cell.forward(p, x, h0, S0)
    f = getattr(cache, "f", np.ones_like(cache.beta))
    assert_same(form(cache.q, cache.k, cache.v, cache.beta, f, S0), h, 1e-10)


def test_a_gate_that_is_open_makes_a_gated_delta_net_a_delta_net():
    p, x, (h0, S0), _ = cell_case(gated_delta_net, T, B, D, H)
    p.W_x[:, -1], p.b[-1] = 0, 100
    plain = delta_net.Params(p.W_x[:, :-1], p.b[:-1])
    h, _ = gated_delta_net.forward(p, x, h0, S0)
    assert_same(h, delta_net.forward(plain, x, h0, S0)[0], 1e-12)


def test_the_gate_of_mamba_2_with_a_rate_of_1_is_a_sigmoid():
    z = np.linspace(-9, 9, 19)
    np.testing.assert_allclose(np.exp(-softplus(z)), logistic(-z), rtol=1e-13)


@every_cell
def test_a_key_of_length_0_writes_nothing(cell):
    p, x, (h0, S0), dh = cell_case(cell, T, B, D, H)
    p.W_x[:, H : 2 * H], p.b[H : 2 * H] = 0, 0
    _, cache = cell.forward(p, x, h0, S0)
    f = getattr(cache, "f", np.ones_like(cache.beta))
    kept = np.cumprod(f, axis=0)[..., None] * S0
    np.testing.assert_allclose(cache.S, kept, rtol=1e-12)
    gradient = cell.backward(p, cache, dh)
    assert all(np.isfinite(leaf).all() for leaf in tree.leaves(tuple(gradient)))


@every_cell
def test_no_steps_have_no_outputs_and_no_gradient(cell):
    p, x, state, dh = cell_case(cell, 0, B, D, H)
    h, cache = cell.forward(p, x, *state)
    dp, dx, *dstate = cell.backward(p, cache, dh)
    assert h.shape == (0, B, H) and dx.shape == (0, B, D)
    assert not any(leaf.any() for leaf in tree.leaves((dp, tuple(dstate))))


def test_the_drawn_step_is_the_delta_rule():
    drawn = figure(PAGE, "fig-delta-step")[1]["DELTA_RULE"]
    q, k, v, beta, S0 = np.random.default_rng(6).standard_normal((5, 1, 1, 1))
    values = cell_graph.evaluate(drawn, None, q[0], k[0], v[0], beta[0], S0[0])
    ones = np.ones_like(beta)
    y, S = delta_rule.recurrent(q, k, v, beta, ones, S0)
    np.testing.assert_allclose(values["S_after"], S[0, 0], rtol=1e-14)
    np.testing.assert_allclose(values["h_after"], y[0], rtol=1e-14)


def untrained(runs, name):
    return np.array([run[name] for run in runs])


@pytest.mark.claim(
    "the-delta-rule-replaces-one-value",
    "With random keys, half of which are written 16 times, the delta rule recalls more of the "
    "latest values than linear attention, decay and softmax attention without positions.",
)
def test_the_delta_rule_recalls_the_latest_values_of_keys_that_change_and_that_do_not():
    """Paired differences over five seeds: the lower end of the interval is above 0.2."""
    runs = dict(zip(defined(PAGE)["writes"], defined(PAGE)["by_writes"], strict=True))
    delta = untrained(runs[16], "delta rule")
    others = set(runs[16][0]) - {"delta rule"}
    assert len(others) == 3
    for name in others:
        assert interval(delta - untrained(runs[16], name))["low"] > 0.2
    lost = untrained(runs[1], "delta rule") - delta
    assert interval(lost)["high"] < 0.05


def test_decay_forgets_what_was_written_once_and_the_delta_rule_does_not():
    """The highest and the lowest of five seeds, after 16 writes of the other keys."""
    once, often = defined(PAGE)["once"], defined(PAGE)["often"]
    assert untrained(often, "delta rule").min() > 0.95
    assert untrained(once, "delta rule").min() > 0.8
    assert untrained(often, "with decay 0.95").min() > 0.7
    assert untrained(once, "with decay 0.95").max() < 0.1
    for name in ("linear attention", "softmax attention"):
        assert untrained(often, name).max() < 0.2


@pytest.mark.claim(
    "the-delta-rule-does-not-store-more-random-pairs",
    "Of 32 pairs under different random keys with 32 entries, the delta rule with a share of 1 "
    "recalls fewer than linear attention, and softmax attention recalls all.",
)
def test_the_delta_rule_recalls_fewer_pairs_that_are_written_once():
    """Paired differences over five seeds: the lower end of the interval is above 0.1."""
    runs = dict(zip(defined(PAGE)["pairs"], defined(PAGE)["by_pairs"], strict=True))[32]
    fewer = untrained(runs, "linear attention") - untrained(runs, "delta rule")
    assert interval(fewer)["low"] > 0.1
    assert (untrained(runs, "softmax attention") == 1).all()


@pytest.mark.claim(
    "recall-depends-on-the-size-of-the-state",
    "Of 32 random pairs, a state with 64 rows recalls more than a state with 16 rows.",
)
@pytest.mark.parametrize("name", ["linear attention", "delta rule"])
def test_a_larger_state_recalls_more(name):
    """Paired differences over five seeds: the lower end of the interval is above 0.1."""
    runs = defined(PAGE)["by_size"]
    assert interval(untrained(runs[64], name) - untrained(runs[16], name))["low"] > 0.1


def trained(network, writes, keys, size=16, rate=0.01):
    return np.array(
        [
            run["right_by_keys"][str(keys)]
            for run in records.load("associative_recall")["results"]["runs"]
            if (run["network"], run["writes"], run["size"], run["rate"])
            == (network, writes, size, rate)
        ]
    )


@pytest.mark.claim(
    "a-trained-delta-net-recalls-more-than-linear-attention",
    "Trained on 16 pairs with states of 16 rows, DeltaNet recalls more than linear attention, with "
    "any of three learning rates, and of keys written twice it recalls the latest values.",
    records="associative_recall",
)
@pytest.mark.parametrize(("writes", "keys"), [(1, 16), (1, 32), (2, 8)])
@pytest.mark.parametrize("rate", [0.003, 0.01, 0.03])
def test_a_trained_delta_net_recalls_more(writes, keys, rate):
    """Paired differences over three seeds: the lower end of the interval is above 0."""
    linear = trained("linear attention", writes, keys, rate=rate)
    delta = trained("DeltaNet", writes, keys)
    assert len(delta) == len(linear) == 3
    assert interval(delta - linear)["low"] > 0


@pytest.mark.parametrize("size", [8, 32])
def test_a_trained_delta_net_recalls_more_with_each_size_of_the_table(size):
    linear = trained("linear attention", 1, 16, size=size)
    delta = trained("DeltaNet", 1, 16, size=size)
    assert delta.min() > linear.max()
