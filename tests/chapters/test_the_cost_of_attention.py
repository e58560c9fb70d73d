"""What attention costs, counted; the score function's baseline; the bell of local attention."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.intervals import interval
from tests.support.counting import Counted, multiplications
from unrolled import records, tree
from unrolled.cells import gru
from unrolled.functional import softmax
from unrolled.gradients import gradcheck
from unrolled.layers import attention
from unrolled.models import local_attention

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.equation("eq-attention-cost")
@pytest.mark.parametrize(("T", "S", "E", "F", "A"), [(3, 5, 2, 4, 6), (7, 1, 3, 3, 2)])
def test_multiplications_are_counted(T, S, E, F, A):
    rng = np.random.default_rng(0)
    queries, keys, values = (
        rng.standard_normal(shape).view(Counted) for shape in [(T, E), (S, E), (S, F)]
    )
    dot = multiplications(
        lambda: attention.forward((), queries, keys, values, None, attention.dot)
    )
    assert dot == T * S * (E + F)
    p = tree.map(lambda w: w.view(Counted), attention.init_additive(rng, E, E, A))
    additive = multiplications(lambda: attention.forward(p, queries, keys, values))
    assert additive - (T + S) * E * A == T * S * (A + F)
    cell = tree.map(lambda w: w.view(Counted), gru.init(rng, E, F))
    x = keys[:, None]
    assert multiplications(lambda: gru.forward(cell, x)) == 3 * S * F * (E + F)


def peak(step):
    tracemalloc.start()
    step()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def attend(score, n, E=32):
    rng = np.random.default_rng(0)
    p = score.init(rng, E, E, E)
    queries, keys = rng.standard_normal((2, 1, n, E))
    context, cache = attention.forward(p, queries, keys, score=score)
    attention.backward(p, cache, context, score)


def recur(n, E=32):
    rng = np.random.default_rng(0)
    cell, x = gru.init(rng, E, E), rng.standard_normal((n, 1, E))
    h, cache = gru.forward(cell, x)
    gru.backward(cell, cache, h)


def attend_to_windows(n, E=32):
    rng = np.random.default_rng(0)
    position = local_attention.init(rng, E, E)
    queries, keys = rng.standard_normal((2, 1, n, E))
    memory = attention.remember((), keys, score=attention.dot)
    context, cache = local_attention.forward(
        (), position, memory, queries, 8, attention.dot
    )
    local_attention.backward((), position, cache, context, 8, attention.dot)


def test_twice_the_length_takes_up_to_four_times_the_memory_with_attention():
    """The peak of a forward and a backward pass, 256 to 512 steps."""
    for score, least in ((attention.additive, 3.8), (attention.dot, 3.0)):
        assert (
            least
            < peak(lambda s=score: attend(s, 512))
            / peak(lambda s=score: attend(s, 256))
            < 4.1
        )
    for step in (recur, attend_to_windows):
        assert 1.6 < peak(lambda s=step: s(512)) / peak(lambda s=step: s(256)) < 2.1


def log_weight_gradients(u):
    """g[s, r] = d log w_s / d u_r by differences, and the weights."""
    rows = [
        gradcheck.central_difference(
            lambda u, s=s: float(np.log(softmax(u)[s])), u.copy()
        )
        for s in range(len(u))
    ]
    return np.array(rows), softmax(u)


@pytest.mark.equation("eq-hard-baseline")
def test_a_baseline_adds_nothing_on_average():
    g, w = log_weight_gradients(np.random.default_rng(1).standard_normal(5))
    np.testing.assert_allclose(g, np.eye(5) - w, atol=1e-9)
    np.testing.assert_allclose(17.0 * w @ g, 0, atol=1e-8)


@pytest.mark.equation("eq-hard-best-baseline")
def test_the_best_baseline_is_the_mean_of_losses_that_count_by_their_gradient():
    rng = np.random.default_rng(2)
    g, w = log_weight_gradients(rng.standard_normal(6))
    losses = rng.uniform(0, 5, 6)
    for r in range(6):
        best = (w * losses * g[:, r] ** 2).sum() / (w * g[:, r] ** 2).sum()

        def variance(b, r=r):
            estimates = (losses - b) * g[:, r]
            return (w * estimates**2).sum() - (w * estimates).sum() ** 2

        for other in (0.0, (w * losses).sum(), best + 0.1, best - 0.1):
            assert variance(best) < variance(other)


@pytest.mark.equation("eq-hard-bound")
@given(seeds, st.integers(1, 6))
def test_the_mean_loss_is_at_least_the_loss_of_the_mixture(seed, S):
    rng = np.random.default_rng(seed)
    w, p = rng.dirichlet(np.ones(S)), rng.uniform(0.01, 1, S)
    assert -(w * np.log(p)).sum() >= -np.log((w * p).sum()) - 1e-12
    same = np.full(S, p[0])
    assert -(w * np.log(same)).sum() == pytest.approx(-np.log((w * same).sum()))


@pytest.mark.equation("eq-local-dcentre")
def test_the_bell_gives_the_centre_a_gradient():
    a, s, R = softmax(np.random.default_rng(3).standard_normal(5)), np.arange(3, 8), 2

    def weights(p):
        return a * np.exp(-((s - p) ** 2) / (2 * (R / 2) ** 2))

    p, step = 4.8, 1e-5
    numeric = (weights(p + step) - weights(p - step)) / (2 * step)
    np.testing.assert_allclose(weights(p) * (s - p) / (R / 2) ** 2, numeric, rtol=1e-8)


def right(method):
    """The record's share of dates right (seeds, checks) of a method, and the updates."""
    runs = records.load("hard_attention")["results"]["runs"]
    found = [run for run in runs if run["method"] == method]
    assert [run["seed"] for run in found] == [0, 1, 2]
    return np.array([run["right"] for run in found]), found[0]["updates"]


def variance_ratios():
    """The variance without a baseline over that with one, for each seed, after 100 and after 600
    updates."""
    runs = records.load("hard_attention")["results"]["runs"]
    tables = [run["scatter"] for run in runs if "scatter" in run]
    assert len(tables) == 3
    assert {(table[0]["update"], table[-1]["update"]) for table in tables} == {
        (100, 600)
    }
    return tuple(
        np.array([table[at]["plain"] / table[at]["baseline"] for table in tables])
        for at in (0, -1)
    )


@pytest.mark.claim(
    "one-position-is-no-harder",
    "With the exact gradient, hard attention learns nearly as fast as soft attention, and as well.",
    records="hard_attention",
)
def test_hard_attention_with_the_exact_gradient_is_as_good_as_soft():
    """The share of dates right, summed less soft, paired by seed: the lower end of the 95 %
    interval is above -0.1 after 200 updates, and above -0.05 for the mean from 300 updates on.
    In the end, every date is right in every seed."""
    (summed, updates), (soft, _) = right("summed"), right("soft")
    assert updates[1] == 200
    assert interval(summed[:, 1] - soft[:, 1])["low"] > -0.1
    assert interval((summed - soft)[:, 2:].mean(axis=1))["low"] > -0.05
    assert (summed[:, -1] == 1).all()


@pytest.mark.claim(
    "a-baseline-helps",
    "A baseline makes REINFORCE learn faster. It lowers the variance of the estimate early in "
    "training, and hardly at the end.",
    records="hard_attention",
)
def test_a_baseline_makes_the_drawn_estimate_learn_faster():
    """The share of dates right after 200 to 400 updates, with less without a baseline, paired by
    seed: the lower end of the 95 % interval is above 0.2. The ratio of the variances without and
    with a baseline, paired by seed: after 100 updates the interval of its logarithm is above log 3,
    and after 600 updates it is within ± log 1.2."""
    (with_one, updates), (without, _) = right("baseline"), right("plain")
    assert updates[1:4] == [200, 300, 400]
    assert interval((with_one - without)[:, 1:4].mean(axis=1))["low"] > 0.2
    early, late = variance_ratios()
    assert interval(np.log(early))["low"] > np.log(3)
    found = interval(np.log(late))
    assert -np.log(1.2) < found["low"] and found["high"] < np.log(1.2)


@pytest.mark.claim(
    "windows-learn-more-slowly",
    "On dates, windows learn more slowly than soft attention, and than hard attention with the "
    "exact gradient.",
    records="hard_attention",
)
def test_windows_learn_more_slowly():
    """The mean share of dates right from 200 updates on, windows less each of the two, paired by
    seed: the upper end of the 95 % interval is below 0."""
    windows, updates = right("local")
    assert updates[1] == 200
    for method in ("soft", "summed"):
        other, _ = right(method)
        assert interval((windows - other)[:, 1:].mean(axis=1))["high"] < 0
