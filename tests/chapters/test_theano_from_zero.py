"""Reverse differentiation of graphs and scans, each equation computed as it is displayed."""

import numpy as np
import pytest

from unrolled.cells import rnn
from unrolled.frameworks import theano_models
from unrolled.frameworks.theano_models import T, scan, theano
from unrolled.gradients import gradcheck

STEPS, B, D, H = 7, 2, 3, 4


@pytest.fixture(scope="module")
def network():
    rng = np.random.default_rng(0)
    p = rnn.init(rng, D, H)
    p = p._replace(b=rng.standard_normal(H))
    x, h0 = rng.standard_normal((STEPS, B, D)), rng.standard_normal((B, H))
    return p, x, h0, rng.standard_normal((STEPS, B, H))


@pytest.mark.equation("eq-symbolic-reverse")
def test_a_node_gets_a_gradient_from_every_use():
    """u is used twice: L = Σ tanh(u) u, with the operations' own derivatives and grad's."""
    u = T.vector("u", dtype="float64")
    v = T.tanh(u)
    product = v * u
    loss = product.sum()
    value = np.random.default_rng(1).standard_normal(5)

    of_product = np.ones(5)  # the sum hands the gradient of L, 1, to every entry
    of_v = of_product * value  # v is used once, by the product
    by_tanh = of_v * (1 - np.tanh(value) ** 2)
    by_product = of_product * np.tanh(value)
    wanted = {product: of_product, v: of_v, u: by_tanh + by_product}
    for node, expected in wanted.items():
        found = theano_models.function([u], T.grad(loss, node), mode="python")(value)
        np.testing.assert_allclose(found, expected, rtol=1e-14)
    numeric = gradcheck.complex_step(lambda a: (np.tanh(a) * a).sum(), value)
    np.testing.assert_allclose(wanted[u], numeric, rtol=1e-13)


def backward_scan(p, x, h, h0, own, last=STEPS):
    """The recursion as displayed, for f = tanh of an affine map; sums over the last steps only."""
    before = np.concatenate([h0[None], h[:-1]])
    adjoint = np.zeros((STEPS + 1, B, H))
    dW_x, dW_h, db, dx = (
        np.zeros((D, H)),
        np.zeros((H, H)),
        np.zeros(H),
        np.zeros_like(x),
    )
    for t in range(STEPS - 1, -1, -1):
        df_next = 1 - h[t + 1] ** 2 if t + 1 < STEPS else 0
        adjoint[t] = own[t] + (adjoint[t + 1] * df_next) @ p.W_h.T
        if t >= STEPS - last:
            delta = adjoint[t] * (1 - h[t] ** 2)
            dx[t] = delta @ p.W_x.T
            dW_x, dW_h, db = (
                dW_x + x[t].T @ delta,
                dW_h + before[t].T @ delta,
                db + delta.sum(0),
            )
    return rnn.Params(dW_x, dW_h, db), dx


def gradients_of_a_scan(p, x, h0, own, **options):
    symbols = theano_models.symbols((x, h0, own, *p))
    x_, h0_, own_, *weights = symbols

    def step(x_t, h, W_x, W_h, b):
        return T.tanh(T.dot(x_t, W_x) + T.dot(h, W_h) + b)

    (h,) = scan(
        step, sequences=[x_], outputs_info=[h0_], non_sequences=weights, **options
    )
    d = T.grad((h * own_).sum(), [*weights, x_])
    found = theano_models.function(list(symbols), [h, *d], mode="python")(
        x, h0, own, *p
    )
    return found[0], rnn.Params(*found[1:4]), found[4]


@pytest.mark.equation("eq-scan-gradient")
def test_the_gradient_of_a_scan_is_the_recursion_backwards(network):
    p, x, h0, own = network
    h, dp, dx = gradients_of_a_scan(*network)
    wanted, wanted_dx = backward_scan(p, x, h, h0, own)
    for found, expected in zip([*dp, dx], [*wanted, wanted_dx], strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-13)


@pytest.mark.equation("eq-scan-truncated")
@pytest.mark.parametrize("n", [1, 3])
def test_a_truncated_scan_sums_over_its_last_steps(network, n):
    p, x, h0, own = network
    h, dp, dx = gradients_of_a_scan(*network, truncate_gradient=n)
    wanted, wanted_dx = backward_scan(p, x, h, h0, own, last=n)
    full, _ = backward_scan(p, x, h, h0, own)
    for found, expected in zip([*dp, dx], [*wanted, wanted_dx], strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-13)
    assert all(np.abs(a - b).max() > 0.1 for a, b in zip(dp, full, strict=True))


def test_rewriting_leaves_one_product_and_moves_sums_out_of_the_loop(network):
    """What the chapter reads off the compiled gradient."""
    x = T.vector("x", dtype="float64")
    gradient = theano_models.function([x], T.grad((x**2).sum(), x), mode="python")
    assert [str(node.op) for node in gradient.maker.fgraph.toposort()] == ["Mul"]

    values = theano_models.symbols((*network[1:3], *network[0]))
    x_, h0_, *weights = values

    def step(x_t, h, W_x, W_h, b):
        return T.tanh(T.dot(x_t, W_x) + T.dot(h, W_h) + b)

    (h,) = scan(step, sequences=[x_], outputs_info=[h0_], non_sequences=weights)
    d = T.grad((h**2).sum(), [*weights, h0_])
    compiled = theano_models.function([*weights, x_, h0_], d, mode="python")
    for output in compiled.maker.fgraph.outputs[:2]:
        assert str(output.owner.op) == "Dot22"
        scan_name = str(output.owner.inputs[1].owner.inputs[0].owner.op)
        assert scan_name.startswith("Scan{grad_of_scan_fn")


def test_updates_use_the_values_before_the_call():
    a, b = theano.shared(1.0, "a"), theano.shared(1.0, "b")
    step = theano_models.function([], a, updates=[(a, b), (b, a + b)], mode="python")
    assert [float(step()) for _ in range(6)] == [1, 1, 2, 3, 5, 8]
