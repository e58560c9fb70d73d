"""Scans and their gradients, and the language model of Part 2 as a symbolic graph."""

import numpy as np
import pytest

from unrolled import tree
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.frameworks import theano_models
from unrolled.frameworks.theano_models import T, scan
from unrolled.models import language_model

STEPS, B, D, H = 7, 2, 3, 4


@pytest.fixture(scope="module")
def network():
    rng = np.random.default_rng(0)
    p = rnn.init(rng, D, H)
    p = p._replace(b=rng.standard_normal(H))
    x, h0 = rng.standard_normal((STEPS, B, D)), rng.standard_normal((B, H))
    return p, x, h0, rng.standard_normal((STEPS, B, H))


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
@pytest.mark.claim(
    "truncate-gradient-keeps-the-last-steps",
    "truncate_gradient=n leaves the forward scan as it is, and sums the gradient over the last n "
    "steps.",
)
@pytest.mark.parametrize("n", [1, 3])
def test_a_truncated_scan_sums_over_its_last_steps(network, n):
    """The gradient of scan with the displayed sum, and with the full gradient, which differs."""
    p, x, h0, own = network
    h, dp, dx = gradients_of_a_scan(*network, truncate_gradient=n)
    np.testing.assert_allclose(h, rnn.forward(p, x, h0)[0], atol=1e-14)
    wanted, wanted_dx = backward_scan(p, x, h, h0, own, last=n)
    full, _ = backward_scan(p, x, h, h0, own)
    for found, expected in zip([*dp, dx], [*wanted, wanted_dx], strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-13)
    assert all(np.abs(a - b).max() > 0.1 for a, b in zip(dp, full, strict=True))


def rnn_step(x_t, h, W_x, W_h, b):
    return T.tanh(T.dot(x_t, W_x) + T.dot(h, W_h) + b)


def operations(*outputs):
    """Returns how many operations compute the outputs."""
    found, waiting = set(), list(outputs)
    while waiting:
        owner = waiting.pop().owner
        if owner is not None and owner not in found:
            found.add(owner)
            waiting += owner.inputs
    return len(found)


@pytest.mark.claim(
    "an-unrolled-graph-grows-with-the-sequence",
    "The graph of a Python loop grows in proportion to the number of steps; a scan does not.",
)
def test_an_unrolled_graph_grows_by_as_many_operations_for_each_step(network):
    """The operations of 5, 10 and 20 unrolled steps with each other, and with those of a scan."""
    x, h0, *weights = theano_models.symbols((*network[1:3], *network[0]))

    def unrolled(steps):
        h, total = h0, 0.0
        for t in range(steps):
            h = rnn_step(x[t], h, *weights)
            total = total + (h**2).sum()
        return operations(total, *T.grad(total, weights))

    sizes = np.array([unrolled(steps) for steps in (5, 10, 20)])
    assert sizes[2] - sizes[1] == 2 * (sizes[1] - sizes[0]) > 0
    assert sizes[2] > 1.9 * sizes[1]
    (h,) = scan(rnn_step, sequences=[x], outputs_info=[h0], non_sequences=weights)
    loss = (h**2).sum()
    assert operations(loss, *T.grad(loss, weights)) < sizes[0]


@pytest.mark.claim(
    "rewriting-moves-the-weight-gradients-out-of-the-loop",
    "After rewriting, the gradients of W_x and W_h are one product each, after the backward scan.",
)
def test_rewriting_moves_the_weight_gradients_out_of_the_loop(network):
    """The last operation of both gradients, what it reads, and the values with rnn.backward."""
    p, x, h0, _ = network
    x_, h0_, *weights = theano_models.symbols((x, h0, *p))
    (h,) = scan(rnn_step, sequences=[x_], outputs_info=[h0_], non_sequences=weights)
    d = T.grad((h**2).sum(), [*weights, h0_])
    compiled = theano_models.function([*weights, x_, h0_], d, mode="python")
    for output in compiled.maker.fgraph.outputs[:2]:
        assert str(output.owner.op) == "Dot22"
        scan_name = str(output.owner.inputs[1].owner.inputs[0].owner.op)
        assert scan_name.startswith("Scan{grad_of_scan_fn")
    states, cache = rnn.forward(p, x, h0)
    dp, _, dh0 = rnn.backward(p, cache, 2 * states)
    for found, right in zip(compiled(*p, x, h0), [*dp, dh0], strict=True):
        np.testing.assert_allclose(found, right, atol=1e-12)


@pytest.fixture(scope="module")
def words():
    """A small language model and two sentences."""
    rng = np.random.default_rng(3)
    ids = rng.integers(0, 20, (13, 2))
    batch = text.Batch(ids[:-1], ids[1:], np.ones((12, 2), bool))
    return language_model.init(rng, 20, 6, dtype=np.float64), batch


@pytest.mark.claim(
    "the-symbolic-language-model-trains-like-numpys",
    "In fifty updates from the same weights, the losses of the symbolic language model and of "
    "NumPy's differ only by rounding.",
)
def test_the_symbolic_language_model_trains_like_numpys(words):
    """Each of fifty losses with NumPy's, relative to a tolerance of 1e-12."""
    ours, batch = words
    symbols = theano_models.shared(ours)
    inputs, targets, mask = theano_models.batch_symbols(ours)
    loss = theano_models.mean_loss(symbols, inputs, targets, mask)
    weights = tree.leaves(symbols)
    gradients = T.grad(loss, weights)
    updates = [(w, w - 0.2 * dw) for w, dw in zip(weights, gradients, strict=True)]
    step = theano_models.function([inputs, targets, mask], loss, updates, mode="python")
    values, first = theano_models.batch_values(ours, ours, batch), None
    for _ in range(50):
        found, right = language_model.loss_and_gradient(ours, batch)
        assert float(step(*values)) == pytest.approx(found, rel=1e-12)
        first = first or found
        ours = tree.map(lambda w, dw: w - 0.2 * dw, ours, right)
    assert found < first - 0.1


@pytest.mark.claim(
    "a-softmax-inside-the-scan-is-truncated",
    "With truncate_gradient, the gradient of W_y is exact if the softmax is computed after the "
    "scan, and truncated if it is computed inside; the loss is the same.",
)
def test_a_softmax_inside_the_scan_is_truncated(words):
    """Loss and gradients of both forms with NumPy's full gradient."""
    p, batch = words
    right, full = language_model.loss_and_gradient(p, batch)
    away = {}
    for inside in (False, True):
        loss, d = theano_models.compile_loss_and_gradient(
            p, mode="python", truncate_gradient=4, softmax_inside=inside
        )(p, batch)
        assert loss == pytest.approx(right, rel=1e-14)
        away[inside] = np.linalg.norm(d.W_y - full.W_y) / np.linalg.norm(full.W_y)
        apart = np.linalg.norm(d.cell.W_h - full.cell.W_h)
        assert apart > 0.1 * np.linalg.norm(full.cell.W_h)
    assert away[False] < 1e-12 < 0.1 < away[True]


@pytest.mark.claim(
    "truncation-set-after-compiling-has-no-effect",
    "Changing the attribute from which a graph took truncate_gradient does not change the compiled "
    "function; building the graph again does.",
)
def test_truncation_set_after_compiling_has_no_effect(network):
    """The gradients before and after the change, and those of a new graph with NumPy's."""
    p, x, _, own = network

    class Network:
        def __init__(self, truncate):
            self.truncate = truncate
            self.gradient = theano_models.compile_backward(
                p, with_state=False, mode="python", truncate_gradient=self.truncate
            )

    found = Network(truncate=2)
    before = found.gradient(p, x, own)[1]
    found.truncate = -1
    after = found.gradient(p, x, own)[1]
    np.testing.assert_array_equal(after.W_h, before.W_h)
    rebuilt = Network(truncate=-1).gradient(p, x, own)[1]
    full, *_ = rnn.backward(p, rnn.forward(p, x)[1], own)
    np.testing.assert_allclose(rebuilt.W_h, full.W_h, atol=1e-12)
    assert np.abs(rebuilt.W_h - before.W_h).max() > 0.1


def test_a_strict_scan_refuses_other_shared_variables_but_not_other_symbols():
    """The step reads a variable that is not an argument: a symbol, or a shared variable."""
    x, h0, symbol = T.dvector("x"), T.dscalar("h0"), T.dscalar("w")
    weight = theano_models.theano.shared(2.0, "w")

    def scanned(w, strict):
        return scan(lambda x_t, h: x_t * w + h, [x], [h0], strict=strict)

    for w, strict in ((symbol, True), (symbol, False), (weight, False)):
        assert len(scanned(w, strict)) == 1
    with pytest.raises(Exception, match="missing"):
        scanned(weight, True)
