"""What gates do: the time constant of a cell, and claims that rest on the recorded runs."""

import numpy as np
import pytest

from unrolled import records
from unrolled.cells import lstm


@pytest.mark.equation("eq-time-constant")
def test_the_time_constant_predicts_what_is_kept_over_the_text_it_was_measured_on():
    rng = np.random.default_rng(0)
    p = lstm.init(rng, 3, 5)
    # without candidates and with a full cell at the start, the cell holds the kept share itself
    p.W_x[:, 10:15] = p.W_h[:, 10:15] = p.b[10:15] = 0
    x = rng.standard_normal((40, 1, 3))
    _, cache = lstm.forward(p, x, np.zeros((1, 5)), np.ones((1, 5)))
    tau = -1 / np.log(cache.f[:, 0]).mean(axis=0)
    np.testing.assert_allclose(np.exp(-40 / tau), cache.c[-1, 0], rtol=1e-10)
    # a constant gate: f^k = exp(-k/tau), and tau is nearly 1/(1 - f) for f near 1
    assert -1 / np.log(0.98) == pytest.approx(1 / (1 - 0.98), rel=0.02)


def test_gates_reach_farther_than_every_method_of_part_3():
    gated, plain = records.load("gated_long_tasks"), records.load("adding_problem")

    def solved(runs, method, T):
        return sum(r["solved"] for r in runs if r["method"] == method and r["T"] == T)

    for method in ("LSTM", "GRU"):
        runs = gated["results"]["adding_problem"]["runs"]
        assert all(solved(runs, method, T) >= 4 for T in (10, 20, 40, 80, 150)), method
    best = max(
        solved(plain["results"]["runs"], method, 150)
        for method in plain["settings"]["clip"]
    )
    assert best < solved(gated["results"]["adding_problem"]["runs"], "GRU", 150)
    same = (
        "hidden",
        "batch",
        "optimizer",
        "learning_rate",
        "steps",
        "checked_every",
        "precision",
    )
    assert all(gated["settings"][key] == plain["settings"][key] for key in same)
    assert gated["seed"] == plain["seed"]


def test_gradients_shrink_more_slowly_with_gates():
    models = records.load("gated_gradient_by_distance")["results"]["models"]
    factor = {name: found["factor_per_step"] for name, found in models.items()}
    assert factor["RNN"] < min(factor["GRU"], factor["LSTM"]) < 1


def test_gates_copy_worse_than_an_orthogonal_matrix_within_the_budget():
    gated = records.load("gated_long_tasks")["results"]["copy_task"]["runs"]
    plain = records.load("copy_task")["results"]["runs"]

    def median(runs, method, T):
        return np.median(
            [r["right"] for r in runs if r["method"] == method and r["T"] == T]
        )

    assert median(plain, "orthogonal tanh", 10) > 0.98
    assert median(gated, "LSTM", 5) > 0.95 and median(gated, "LSTM", 80) < 0.15
    assert all(0.4 < median(gated, "GRU", T) < 0.55 for T in (10, 20, 40, 80))


def test_what_the_ablations_show():
    runs = records.load("gate_ablations")["results"]["runs"]

    def solved(variant):
        return [r["solved_after"] for r in runs if r["variant"] == variant]

    def words(variant):
        return np.mean(
            [min(r["perplexities"]) for r in runs if r["variant"] == variant]
        )

    assert solved("no gates") == solved("plain RNN") == [None] * 3
    assert None in solved("no input gate") and None not in solved("no forget gate")
    assert max(*solved("input = 1 - forget"), *solved("GRU")) < min(solved("LSTM"))
    assert words("no output gate") > 1.1 * words("LSTM")
    assert all(
        words(v) < 1.05 * words("LSTM")
        for v in ("no input gate", "no forget gate", "GRU")
    )
    assert words("plain RNN") < words("LSTM")
