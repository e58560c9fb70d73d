"""Arguments with which a gradient would be that of something else are refused."""

import numpy as np
import pytest

from unrolled import tree
from unrolled.cells import gru, lstm, rnn
from unrolled.gradients import (
    chain_rule,
    forward_mode,
    gradcheck,
    jacobians,
    lstm_jacobians,
    recomputation,
)

T, B, D, H = 5, 3, 4, 6


def case(cell=rnn):
    rng = np.random.default_rng(0)
    p = cell.init(rng, D, H)
    x, dh = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, H))
    h, cache = cell.forward(p, x)
    return p, x, h, cache, dh


def refused(said, function, *args, **options):
    with pytest.raises(ValueError, match=said):
        function(*args, **options)


@pytest.mark.parametrize(("t", "k"), [(-1, 0), (2, 3), (5, 0), (2, -1)])
def test_a_pair_of_steps_that_there_is_not_is_refused(t, k):
    p, _, h, cache, dh = case()
    refused(r"need 0 <= k <= t < 5", chain_rule.jacobian_product, p, h, t, k)
    refused(r"need 0 <= k <= t < 5", chain_rule.contribution, p, cache, dh[0], t, k)


def test_ids_are_no_vectors_for_the_sum_over_paths():
    p, *_, dh = case()
    ids = np.zeros((T, B), int)
    _, cache = rnn.forward(p, ids)
    refused(r"cache\.x must be \(T, B, 4\)", chain_rule.gradient, p, cache, dh)


def test_which_pairs_count_is_said_in_booleans():
    p, _, _, cache, dh = case()
    keep = np.tril(np.ones((T, T), int))
    refused("keep must be bool", chain_rule.gradient, p, cache, dh, keep)
    refused(r"keep must be \(5, 5\)", chain_rule.gradient, p, cache, dh, keep[1:] > 0)


def test_forward_mode_refuses_ids_outside_and_sensitivities_of_another_batch():
    p, x, h, _, dh = case()
    ids = np.full((T, B), -1)
    refused("x: ids must lie in 0..3", forward_mode.gradient, p, ids, dh)
    start = forward_mode.start(p, 1)
    refused(r"sensitivity\.p\.W_x must be", forward_mode.step, p, x[0], h[0], start)
    refused(r"h0 must be \(3, 6\)", forward_mode.gradient, p, x, dh, h[0, :1])


@pytest.mark.parametrize("whole", [True, False])
def test_norms_of_whole_numbers_would_lose_fractions(whole):
    p, _, h, _, dh = case()
    wrong = dh[0].astype(int) if whole else dh[0, :1]
    said = "dh_T must hold floating" if whole else r"dh_T must be \(3, 6\)"
    refused(said, jacobians.backward_norms, p, h, wrong)


@pytest.mark.parametrize("cell", [rnn, lstm, gru])
def test_a_gradient_of_one_unit_is_not_repeated_for_all(cell):
    p, x, _, _, dh = case(cell)
    refused(
        r"dh_t must be \(3, 6\), got \(3, 1\)",
        jacobians.norms_by_distance,
        p,
        x,
        dh[0, :, :1],
        cell,
    )


def test_jacobians_of_another_cell_are_refused():
    p, *_ = case(gru)
    _, _, h, cache, _ = case(lstm)
    refused("p must be cells.lstm.Params", lstm_jacobians.of_step, p, cache, 0)
    refused("p must be cells.rnn.Params or cells.irnn", jacobians.of_step, p, h)


def test_recomputation_checks_what_the_backward_pass_checks():
    p, x, _, _, dh = case()
    refused(r"dh must be \(5, 3, 6\)", recomputation.backward, p, x, dh[:-1], 2)
    refused("dh must hold floating", recomputation.backward, p, x, dh.astype(int), 2)


def test_a_direction_has_the_shapes_of_the_parameters():
    params = (np.ones((3, 2)), np.ones(2))

    def loss(params):
        return float(sum((leaf**2).sum() for leaf in tree.leaves(params)))

    refused(
        r"direction must have the shapes \(\(3, 2\), \(2,\)\)",
        gradcheck.directional_difference,
        loss,
        params,
        (np.ones((3, 1)), np.ones(2)),
    )
    for function in (
        gradcheck.central_difference,
        gradcheck.complex_step,
        gradcheck.directional_difference,
    ):
        given = (loss, params, params)[: 3 if "dir" in function.__name__ else 2]
        refused("epsilon must be above 0", function, *given, epsilon=0)


def test_a_leaf_that_cannot_be_checked_is_named_before_the_loss_is_computed():
    with pytest.raises(TypeError, match=r"^params\.1: a gradient check needs float64"):
        gradcheck.central_difference(None, (np.ones(2), [1.0]))


def test_an_error_of_the_loss_is_the_readers_own():
    def loss(params):
        raise ValueError("mine")

    refused("^mine$", gradcheck.central_difference, loss, np.ones(2))


def test_a_tree_takes_as_many_leaves_as_it_has():
    p = case()[0]
    refused("3 leaves cannot have 2", tree.replace_leaves, p, [1, 2])
    refused("3 leaves cannot have 4", tree.replace_leaves, p, [1, 2, 3, 4])
    refused(
        r"tree\.map with function add, tree \(6,\), others\[0\] \(5,\)",
        tree.map,
        np.add,
        np.ones(6),
        np.ones(5),
    )
