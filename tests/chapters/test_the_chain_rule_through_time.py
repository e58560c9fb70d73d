"""The equations of the chapter, each computed as it is displayed."""

import numpy as np
import pytest

from tests.support.closeness import distance
from tests.support.output_network import EXACT, case, deltas, loss, own_output
from unrolled import tree
from unrolled.cells import rnn
from unrolled.functional import cross_entropy, dcross_entropy, softmax
from unrolled.gradients import chain_rule, gradcheck, jacobians
from unrolled.models import language_model

T, B, H, V = 6, 2, 4, 5


@pytest.fixture
def network():
    p, h0, x, targets = case(T, 11)
    cache, dh = own_output(p, h0, x, targets)
    return p, h0, x, targets, cache, dh


def derivative(function, at):
    return gradcheck.complex_step(function, at)


@pytest.mark.equation("eq-bptt-network")
def test_the_network_step_by_step(network):
    p, h0, x, _, cache, _ = network
    logits, _ = language_model.forward(p, x, h0)
    h = h0
    for t in range(T):
        a = x[t] @ p.cell.W_x + h @ p.cell.W_h + p.cell.b
        h = (np.exp(2 * a) - 1) / (np.exp(2 * a) + 1)  # tanh, from its definition
        u = h @ p.W_y + p.b_y
        assert distance(h, cache.h[t]) <= EXACT
        assert distance(u, logits[t]) <= EXACT
        assert (
            distance(np.exp(u) / np.exp(u).sum(axis=1)[:, None], softmax(logits[t]))
            <= EXACT
        )


@pytest.mark.equation("eq-bptt-loss")
def test_the_loss_is_the_sum_over_steps(network):
    p, h0, x, targets, _, _ = network
    logits, _ = language_model.forward(p, x, h0)
    total = 0.0
    for t in range(T):
        for row in range(B):
            probabilities = np.exp(logits[t, row]) / np.exp(logits[t, row]).sum()
            total -= np.log(probabilities[targets[t, row]])
    assert loss(p, h0, x, targets) == pytest.approx(total, rel=1e-13)


@pytest.mark.equation("eq-bptt-copies")
def test_the_gradient_is_the_sum_over_the_copies(network):
    p, h0, x, targets, cache, dh = network

    def with_copies(copies):
        h, total = h0, 0.0
        for t in range(T):
            h = rnn.step(p.cell._replace(W_h=copies[t]), x[t], h)
            total = total + cross_entropy(h @ p.W_y + p.b_y, targets[t]).sum()
        return total

    of_copies = derivative(with_copies, np.array([p.cell.W_h] * T))
    assert (
        distance(of_copies.sum(axis=0), rnn.backward(p.cell, cache, dh)[0].W_h) <= EXACT
    )
    # the derivative of one copy is the sum over the outputs that come after it
    for k in range(T):
        of_use = sum(
            chain_rule.contribution(p.cell, cache, dh[t], t, k).W_h for t in range(k, T)
        )
        assert distance(of_copies[k], of_use) <= EXACT


@pytest.mark.equation("eq-bptt-immediate")
def test_the_immediate_derivative_holds_the_state_before_fixed(network):
    p, _, x, _, cache, _ = network
    found = chain_rule.immediate(p.cell, x[3, 0], cache.h_previous[3, 0], cache.h[3, 0])
    for j in range(H):

        def unit(cell, j=j):
            return rnn.step(cell, x[3, 0], cache.h_previous[3, 0])[j]

        wanted = derivative(unit, p.cell)
        assert distance(tree.map(lambda d, j=j: d[..., j], found), wanted) <= EXACT
    h_before, slope = cache.h_previous[3, 0], 1 - cache.h[3, 0] ** 2
    for m, i, j in np.ndindex(H, H, H):
        assert found.W_h[m, i, j] == pytest.approx(
            h_before[m] * slope[j] * (i == j), rel=1e-14
        )


@pytest.mark.equation("eq-bptt-total")
def test_the_total_derivative_moves_every_use(network):
    p, h0, x, _, cache, _ = network
    total = np.zeros((H, H, H))  # of row 0, with respect to W_h
    for t in range(T):
        own = chain_rule.immediate(
            p.cell, x[t, 0], cache.h_previous[t, 0], cache.h[t, 0]
        ).W_h
        J = np.diag(1 - cache.h[t, 0] ** 2) @ p.cell.W_h.T
        assert distance(jacobians.of_step(p.cell, cache.h[t])[0], J) <= EXACT
        total = own + np.einsum("ij,mnj->mni", J, total)
    for j in range(H):

        def unit(W_h, j=j):
            h = h0[:1]
            for t in range(T):
                h = rnn.step(p.cell._replace(W_h=W_h), x[t, :1], h)
            return h[0, j]

        assert distance(total[..., j], derivative(unit, p.cell.W_h)) <= EXACT


@pytest.mark.equation("eq-bptt-jacobian-product")
def test_the_total_derivative_is_a_sum_of_jacobian_products(network):
    p, h0, x, _, cache, _ = network
    t, total = T - 1, np.zeros((H, H, H))
    for k in range(t + 1):
        product = np.eye(H)
        for step in range(t, k, -1):
            product = product @ np.diag(1 - cache.h[step, 0] ** 2) @ p.cell.W_h.T
        found = chain_rule.jacobian_product(p.cell, cache.h, t, k)[0]
        assert distance(found, product) <= EXACT
        own = chain_rule.immediate(
            p.cell, x[k, 0], cache.h_previous[k, 0], cache.h[k, 0]
        ).W_h
        total += np.einsum("ij,mnj->mni", product, own)

    def last(W_h, unit):
        h = h0[:1]
        for step in range(T):
            h = rnn.step(p.cell._replace(W_h=W_h), x[step, :1], h)
        return h[0, unit]

    for j in range(H):
        wanted = derivative(lambda W_h, j=j: last(W_h, j), p.cell.W_h)
        assert distance(total[..., j], wanted) <= EXACT


@pytest.mark.equation("eq-bptt-sum")
def test_one_output_is_a_sum_over_earlier_steps(network):
    p, h0, x, targets, cache, dh = network

    def loss_of(cell, t):
        h = h0
        for step in range(t + 1):
            h = rnn.step(cell, x[step], h)
        return cross_entropy(h @ p.W_y + p.b_y, targets[t]).sum()

    for t in range(T):
        terms = [
            chain_rule.contribution(p.cell, cache, dh[t], t, k) for k in range(t + 1)
        ]
        found = rnn.Params(*(sum(leaf) for leaf in zip(*terms, strict=True)))
        assert (
            distance(found, derivative(lambda cell, t=t: loss_of(cell, t), p.cell))
            <= EXACT
        )


@pytest.mark.equation("eq-bptt-du")
def test_probability_minus_one_hot():
    rng = np.random.default_rng(12)
    u, y = rng.standard_normal((1, V)), np.array([3])
    p = np.exp(u) / np.exp(u).sum()
    wanted = derivative(lambda u: cross_entropy(u, y).sum(), u)
    assert distance(p - np.eye(V)[y], wanted) <= EXACT
    assert distance(dcross_entropy(u, y, np.ones(1)), wanted) <= EXACT


@pytest.mark.equation("eq-bptt-output-layer")
def test_the_output_layer_needs_no_walk(network):
    p, h0, x, targets, cache, dh = network
    logits, _ = language_model.forward(p, x, h0)
    du = softmax(logits) - np.eye(V)[targets]
    assert distance(dh, np.einsum("tbv,hv->tbh", du, p.W_y)) <= EXACT

    def of_output(weights):
        return loss(
            p._replace(
                W_y=weights[0],
                b_y=weights[1],
                cell=tree.map(lambda w: w.astype(complex), p.cell),
            ),
            h0,
            x,
            targets,
        )

    dW_y, db_y = derivative(of_output, (p.W_y, p.b_y))
    assert distance(np.einsum("tbh,tbv->hv", cache.h, du), dW_y) <= EXACT
    assert distance(du.sum(axis=(0, 1)), db_y) <= EXACT


@pytest.mark.equation("eq-bptt-two-pairings")
def test_two_of_the_four_pairings_are_the_gradient(network):
    p, _, x, _, cache, dh = network
    wanted = rnn.backward(p.cell, cache, dh)[0].W_h
    own_use, total = [], [np.zeros((B, H, H, H))]
    for t in range(T):
        own_use.append(
            chain_rule.immediate(p.cell, x[t], cache.h_previous[t], cache.h[t]).W_h
        )
        J = jacobians.of_step(p.cell, cache.h[t])
        total.append(own_use[t] + np.einsum("bij,bmnj->bmni", J, total[-1]))
    downstream = np.zeros_like(dh)
    for k in range(T):
        for t in range(k, T):
            product = chain_rule.jacobian_product(p.cell, cache.h, t, k)
            downstream[k] += np.einsum("bi,bij->bj", dh[t], product)

    def paired(left, right):
        return np.einsum("tbj,tbmnj->mn", np.array(left), np.array(right))

    assert distance(paired(dh, total[1:]), wanted) <= EXACT
    assert distance(paired(downstream, own_use), wanted) <= EXACT
    assert distance(paired(dh, own_use), wanted) > 0.1
    assert distance(paired(downstream, total[1:]), wanted) > 0.1
    # it counts the effect of the use at step k on L_t as often as there are states from k to t
    counted = sum(
        (t - k + 1) * chain_rule.contribution(p.cell, cache, dh[t], t, k).W_h
        for t in range(T)
        for k in range(t + 1)
    )
    assert distance(paired(downstream, total[1:]), counted) <= EXACT


@pytest.mark.equation("eq-bptt-delta-pair", "eq-bptt-delta-back")
def test_delta_of_a_pair_is_the_gradient_at_the_pre_activation(network):
    p, h0, x, targets, cache, dh = network
    t = 4

    def loss_of_4(push):  # push is added to the pre-activations
        h = h0
        for step in range(t + 1):
            h = np.tanh(x[step] @ p.cell.W_x + h @ p.cell.W_h + p.cell.b + push[step])
        return cross_entropy(h @ p.W_y + p.b_y, targets[t]).sum()

    wanted = derivative(loss_of_4, np.zeros((t + 1, B, H)))
    assert distance(deltas(p.cell, cache.h, dh)[t, : t + 1], wanted) <= EXACT
    back = dh[t] * (1 - cache.h[t] ** 2)
    assert distance(back, wanted[t]) <= EXACT
    for k in range(t, 0, -1):
        back = (back @ p.cell.W_h.T) * (1 - cache.h[k - 1] ** 2)
        assert distance(back, wanted[k - 1]) <= EXACT


@pytest.mark.equation("eq-bptt-weights", "eq-bptt-outside")
def test_every_gradient_from_the_deltas(network):
    p, _, x, _, cache, dh = network
    delta = deltas(p.cell, cache.h, dh)
    W_h, W_x, b = np.zeros((H, H)), np.zeros((3, H)), np.zeros(H)
    dx, dh0 = np.zeros((T, B, 3)), np.zeros((B, H))
    for t in range(T):
        for row in range(B):
            for k in range(t + 1):
                W_h += np.outer(cache.h_previous[k, row], delta[t, k, row])
                W_x += np.outer(x[k, row], delta[t, k, row])
                b += delta[t, k, row]
                dx[k, row] += p.cell.W_x @ delta[t, k, row]
            dh0[row] += p.cell.W_h @ delta[t, 0, row]
    for backward in (rnn.backward, rnn.backward_loops):
        assert (
            distance(backward(p.cell, cache, dh), (rnn.Params(W_x, W_h, b), dx, dh0))
            <= EXACT
        )
