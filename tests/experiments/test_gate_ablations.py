"""The gate ablations: how a learning rate is chosen, and what the networks begin with."""

import math

import numpy as np
import pytest

from experiments.long_range import gate_ablations


@pytest.mark.parametrize(
    ("best", "expected"), [(0.004, 0.004), (0.0005, 0.0005), (0.03, 0.032)]
)
def test_the_grid_is_extended_while_its_end_is_best(best, expected):
    tried = []

    def score(rate):
        tried.append(rate)
        return abs(math.log(rate / best))

    assert gate_ablations.best_rate([0.002, 0.004, 0.008], score) == expected
    assert min(tried) < expected < max(tried)
    assert len(tried) == len(set(tried))


@pytest.mark.parametrize("variant", gate_ablations.VARIANTS)
def test_every_variant_begins_with_signals_of_the_same_size(variant):
    params, _ = gate_ablations.initial_language_model(np.random.default_rng(0), variant)
    H = gate_ablations.WORDS["H"]
    vectors, _ = params.cell
    for weights, limit in ((vectors.E, 1), (params.W_y, 1 / np.sqrt(H))):
        assert 0.99 * limit < abs(weights).max() <= limit


@pytest.mark.parametrize("gate", ["input", "forget", "output"])
def test_a_variant_without_a_gate_has_the_gate_at_1(gate):
    rng = np.random.default_rng(0)
    params, network = gate_ablations.initial_language_model(rng, f"no {gate} gate")
    _, cache = network.forward(params.cell, rng.integers(0, 9, (5, 2)))
    cell = cache.layers[1]
    gates = {"input": cell.i, "forget": cell.f, "output": cell.o}
    for name, values in gates.items():
        assert (values == 1).all() == (name == gate)


def test_an_unsolved_run_counts_as_the_whole_budget():
    score, steps = gate_ablations.adding_score, gate_ablations.ADDING["steps"]
    unsolved = [{"solved_after": None, "error": error} for error in (0.02, 0.2)]
    solved = {"solved_after": steps - 25, "error": 0.009}
    assert score(solved) < score(unsolved[0]) < score(unsolved[1])
    assert steps < score(unsolved[0]) < steps + 1
