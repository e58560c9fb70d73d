"""The chapter on learning while reading: what gradient descent on the pairs of a sequence learns.

Its equations are checked by tests/package/layers/test_online_learning.py.
"""

import numpy as np
import pytest

from experiments.intervals import interval
from tests.support.page_cells import defined

PAGE = "08-today/learning-while-reading.md"
DESCENT = ("delta rule, β = 1", "β = 0.5")


def last(runs, name):
    """The error after all pairs, for each seed."""
    return np.array([run[name][-1] for run in defined(PAGE)[runs]])


def test_a_step_with_a_rate_of_1_lands_on_the_line_of_its_pair():
    ns = defined(PAGE)
    key, goal = ns["three_keys"][-1], ns["goal"]
    assert np.linalg.norm(key) == pytest.approx(1)
    before = np.array([0.3, -0.2])
    after = before + key * (key @ goal - key @ before)
    assert key @ after == pytest.approx(key @ goal)
    across = np.array([-key[1], key[0]])
    assert across @ (after - before) == pytest.approx(0)


def test_least_squares_solves_its_normal_equations():
    ns = defined(PAGE)
    k, v, _ = ns["examples"](3, False)
    penalty = ns["noise"] ** 2
    M = ns["least_squares"](k, v)
    for t in (0, 7, 40):
        for b in (0, 9):
            seen, values = k[: t + 1, b], v[: t + 1, b]
            slope = seen.T @ (seen @ M[t, b] - values) + penalty * M[t, b]
            assert abs(slope).max() < 1e-10


@pytest.mark.claim(
    "a-smaller-step-ends-lower",
    "After 128 noisy pairs of one rule, least squares is nearest to the rule, then the delta rule "
    "with a rate of 0.5, then with a rate of 1, and then linear attention.",
)
def test_errors_of_one_rule_come_in_this_order():
    """Paired differences over five seeds: the lower end of each interval is above 0."""
    order = ("least squares", *reversed(DESCENT), "linear attention")
    for nearer, farther in zip(order[:-1], order[1:], strict=True):
        assert (
            interval(last("same_rule", farther) - last("same_rule", nearer))["low"] > 0
        )


@pytest.mark.claim(
    "gradient-descent-follows-a-new-rule",
    "64 pairs after the rule has changed, the delta rule is nearer to the new rule than least "
    "squares over all pairs.",
)
@pytest.mark.parametrize("name", DESCENT)
def test_the_delta_rule_follows_a_change(name):
    """Paired differences over five seeds: the lower end of the interval is above 0.3. The mean
    error is lower at every pair from the second after the change."""
    gain = last("new_rule", "least squares") - last("new_rule", name)
    assert interval(gain)["low"] > 0.3
    least, descent = (
        np.mean([run[of] for run in defined(PAGE)["new_rule"]], axis=0)
        for of in ("least squares", name)
    )
    assert (descent[65:] < least[65:]).all()


def test_a_rate_of_1_is_ahead_after_16_pairs_and_behind_at_the_end():
    """Paired differences over five seeds, rate 0.5 less rate 1: the intervals exclude 0."""
    fast, slow = (
        np.array([run[name] for run in defined(PAGE)["same_rule"]]) for name in DESCENT
    )
    assert interval((slow - fast)[:, 15])["low"] > 0.03
    assert interval((slow - fast)[:, -1])["high"] < 0


@pytest.mark.claim(
    "momentum-acts-like-a-larger-step",
    "A rate of 0.25 with momentum 0.5 ends within a tenth of the error of a rate of 0.5 without "
    "momentum.",
)
@pytest.mark.parametrize("runs", ["same_rule", "new_rule"])
def test_momentum_is_no_better_than_a_larger_rate(runs):
    """The ratio of the errors, over five seeds: its interval lies within 0.9 to 1.1."""
    ratio = last(runs, "β = 0.25, momentum 0.5") / last(runs, "β = 0.5")
    found = interval(ratio)
    assert 0.9 < found["low"] and found["high"] < 1.1


def test_decay_helps_after_the_change_and_costs_before_it():
    runs = defined(PAGE)["new_rule"]
    plain, decayed = (
        np.array([run[name] for run in runs])
        for name in ("β = 0.5", "β = 0.5, decay 0.98")
    )
    assert interval(plain[:, 71] - decayed[:, 71])["low"] > 0.2
    assert interval(decayed[:, 63] - plain[:, 63])["low"] > 0.1
