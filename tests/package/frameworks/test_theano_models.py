"""The symbolic networks against NumPy's; `make theano` runs the same file under Theano 1.0.5.

It needs no more than NumPy, pytest and one of the two libraries, and no fixture of conftest.py.
"""

import functools
import warnings
from collections import namedtuple

import numpy as np
import pytest

from tests.support import registered_cells
from unrolled import tree
from unrolled.cells import gru, lstm, peephole_lstm, registry, rnn
from unrolled.frameworks import theano_models
from unrolled.functional import hard_sigmoid
from unrolled.layers import embedding, stacked
from unrolled.models import language_model
from unrolled.training.optimizers import rmsprop

LIBRARY, T = theano_models.LIBRARY, theano_models.T
EXACT = 1e-10
CELLS = {
    name: cell
    for name, cell in registered_cells.cells("Theano").items()
    if cell.Params in theano_models.CELLS
}
NETWORKS = CELLS | {
    "embedding, gru, gru": stacked.of(embedding, gru, gru),
    "lstm, rnn": stacked.of(lstm, rnn),
}
# Steps, batch, words, hidden.
SIZES = [(7, 3, 11, 5), (1, 1, 4, 3), (12, 2, 30, 8)]
Batch = namedtuple("Batch", "inputs targets mask")


def weights(network, seed, V, H):
    """A language model with no zeros among its weights."""
    rng = np.random.default_rng(seed)
    p = language_model.init(rng, V, H, cell=NETWORKS[network], dtype=np.float64)
    return tree.map(lambda w: w + 0.3 * rng.standard_normal(w.shape), p)


def ragged_batch(seed, steps, B, V):
    """Sequences of unequal length, the first whole, the last cut; padding is ids like any other."""
    rng = np.random.default_rng(seed)
    inputs, targets = rng.integers(0, V, (2, steps, B))
    lengths = rng.integers(1, steps + 1, B)
    lengths[-1], lengths[0] = (steps + 1) // 2, steps
    return Batch(inputs, targets, np.arange(steps)[:, None] < lengths)


def assert_agree(actual, expected, tolerance=EXACT, zeros=False):
    """Leaf by leaf, relative to the largest entry; unless zeros, no leaf may be all zeros."""
    pairs = list(zip(tree.named_leaves(actual), tree.leaves(expected), strict=True))
    for (name, a), e in pairs:
        assert np.shape(a) == np.shape(e), name
        np.testing.assert_allclose(
            a, e, rtol=0, atol=tolerance * np.abs(e).max(), err_msg=name
        )
        assert zeros or e.any(), f"{name} is all zeros and would agree with anything"
    return len(pairs)


@functools.cache
def loss_and_gradient(network, **options):
    p = weights(network, 0, 4, 3)
    return theano_models.compile_loss_and_gradient(p, mode="python", **options)


@functools.cache
def backward(cell, **options):
    p = CELLS[cell].init(np.random.default_rng(0), 2, 3)
    return theano_models.compile_backward(p, mode="python", **options)


def vectors(cell, seed=0, steps=7, B=3, D=4, H=5):
    """Params, inputs, output gradients and states of a cell, all of order 1."""
    rng = np.random.default_rng(seed)
    p = CELLS[cell].init(rng, D, H)
    p = tree.map(lambda w: w + 0.3 * rng.standard_normal(w.shape), p)
    x, dh = rng.standard_normal((steps, B, D)), rng.standard_normal((steps, B, H))
    state = [rng.standard_normal((B, H)) for _ in CELLS[cell].initial_state(p, B)]
    return p, x, dh, state


# --- agreement -----------------------------------------------------------------------------------


def test_every_cell_of_theano_has_its_step():
    of = {
        p.__module__.rpartition(".")[2]: kind for p, kind in theano_models.CELLS.items()
    }
    wanted = registered_cells.cells("Theano")
    missing = [name for name in wanted if name not in of]
    assert not missing, (
        f"write {missing[0]}_step, and its line in CELLS, in"
        " code/unrolled/frameworks/theano_models.py"
    )
    assert {n: kind.states for n, kind in of.items()} == {
        name: registry.CELLS[name].states for name in wanted
    }


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_loss_and_gradient_are_numpys(network):
    for seed, (steps, B, V, H) in enumerate(SIZES):
        p, batch = weights(network, seed, V, H), ragged_batch(seed, steps, B, V)
        loss, dp = loss_and_gradient(network)(p, batch)
        wanted_loss, wanted = language_model.loss_and_gradient(
            p, batch, NETWORKS[network]
        )
        assert abs(loss - wanted_loss) <= EXACT
        assert_agree(dp, wanted, zeros=steps == 1)  # one step does not use W_h


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_states_and_gradients_of_a_cell_are_numpys(cell):
    for seed, steps in enumerate((7, 2)):
        p, x, dh, state = vectors(cell, seed, steps)
        h, *gradients = backward(cell)(p, x, dh, *state)
        wanted_h, cache = CELLS[cell].forward(p, x, *state)
        wanted = CELLS[cell].backward(p, cache, dh)
        count = assert_agree((h, *gradients), (wanted_h, *wanted))
        assert count == 1 + 3 + 1 + len(state)


@pytest.mark.parametrize(("steps", "B"), [(7, 3), (1, 1)])
def test_states_and_gradients_for_ids_are_numpys(steps, B):
    p, _, dh, state = vectors("lstm", steps=steps, B=B)
    ids = np.random.default_rng(1).integers(0, 4, (steps, B))
    h, dp, dx, *dstate = backward("lstm", ids=True)(p, ids, dh, *state)
    wanted_h, cache = lstm.forward(p, ids, *state)
    wanted, _, *wanted_state = lstm.backward(p, cache, dh)
    assert dx is None
    assert_agree((h, dp, *dstate), (wanted_h, wanted, *wanted_state))


@pytest.mark.parametrize("cell", CELLS)
def test_one_step_is_numpys(cell):
    step = theano_models.CELLS[CELLS[cell].Params].step
    p, x, _, state = vectors(cell)
    b, recurrent = (p.b[0], [p.W_h, p.b[1]]) if p.b.ndim == 2 else (p.b, [p.W_h])
    values = [x[0] @ p.W_x + b, *state, *recurrent]
    symbols = list(theano_models.symbols(tuple(values)))
    found = theano_models.function(symbols, step(*symbols), mode="python")(*values)
    wanted = CELLS[cell].step(p, x[0], *state)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    assert_agree(tuple(found), wanted)


@pytest.mark.slow
def test_states_of_a_stack_go_to_their_layers():
    stack = stacked.of(rnn, lstm)
    rng = np.random.default_rng(4)
    p = stack.init(rng, 4, 5)
    x, dh = rng.standard_normal((6, 2, 4)), rng.standard_normal((6, 2, 5))
    state = [rng.standard_normal((2, 5)) for _ in stack.initial_state(p, 2)]
    found = theano_models.compile_backward(p, mode="python")(p, x, dh, *state)
    h, cache = stack.forward(p, x, *state)
    assert assert_agree(found, (h, *stack.backward(p, cache, dh))) == 1 + 6 + 1 + 3


def test_a_layer_returns_all_its_states_and_the_network_those_of_the_top():
    p, x, _, state = vectors("lstm")
    symbols = theano_models.symbols((p, x, *state))
    sequences = theano_models.layer(*symbols)
    top = theano_models.forward(*symbols)
    run = theano_models.function(tree.leaves(symbols), [*sequences, top], mode="python")
    h, c, again = run(*tree.leaves((p, x, *state)))
    wanted, cache = lstm.forward(p, x, *state)
    assert_agree((h, c, again), (wanted, cache.c, wanted))


def test_losses_are_those_of_every_word():
    p, batch = weights("rnn", 2, 11, 5), ragged_batch(2, 7, 3, 11)
    words = batch.inputs.astype(np.int32), batch.targets.astype(np.int32)
    symbols = theano_models.symbols((p, *words))
    found = theano_models.function(
        tree.leaves(symbols), theano_models.losses(*symbols), mode="python"
    )(*tree.leaves((p, *words)))
    logits, _ = language_model.forward(p, batch.inputs)
    wanted = language_model.cross_entropy(logits, batch.targets)
    assert_agree(found, wanted.flatten())


@pytest.mark.slow
def test_the_hard_gate_is_numpys():
    p, x, dh, state = vectors("gru")
    slope = 0.2  # Theano's, of the fourth post

    def gate(a):
        return T.clip(slope * a + 0.5, 0, 1)

    h, *_ = backward("gru", gate=gate)(p, x, dh, *state)
    wanted, _ = gru.forward(
        p, x, *state, gate=functools.partial(hard_sigmoid, slope=slope)
    )
    np.testing.assert_allclose(h, wanted, atol=EXACT)


def test_padding_is_not_looked_at():
    p, batch = weights("rnn", 3, 11, 5), ragged_batch(3, 7, 3, 11)
    other = Batch(
        *(np.where(batch.mask, ids, (ids + 1) % 11) for ids in batch[:2]), batch.mask
    )
    assert (other.inputs != batch.inputs).any()
    loss, dp = loss_and_gradient("rnn")(p, batch)
    loss_other, dp_other = loss_and_gradient("rnn")(p, other)
    assert loss == pytest.approx(loss_other, abs=1e-14)
    assert_agree(dp, dp_other, 1e-14)


def test_single_precision_stays_single():
    p = tree.map(lambda w: w.astype(np.float32), weights("rnn", 0, 11, 5))
    batch = ragged_batch(0, 7, 3, 11)
    loss, dp = theano_models.compile_loss_and_gradient(p, mode="python")(p, batch)
    assert {d.dtype.name for d in tree.leaves(dp)} == {"float32"}
    wanted_loss, wanted = language_model.loss_and_gradient(p, batch)
    assert loss == pytest.approx(wanted_loss, rel=1e-5)
    assert_agree(dp, wanted, 1e-5)


# --- truncation ----------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 4, 9])
def test_truncate_gradient_is_backward_last(steps):
    p, x, dh, _ = vectors("rnn", seed=steps, steps=9)
    h, *gradients = backward("rnn", truncate_gradient=steps, with_state=False)(p, x, dh)
    wanted_h, cache = rnn.forward(p, x)
    last = rnn.backward_last(p, cache, dh, steps)
    full, window = rnn.backward(p, cache, dh), rnn.backward_window(p, cache, dh, steps)
    assert_agree((h, gradients[0]), (wanted_h, last[0]))
    # zero before those steps
    np.testing.assert_allclose(gradients[1], last[1], atol=EXACT)
    if steps < 9:
        assert np.abs(gradients[0].W_h - full[0].W_h).max() > 0.1
        assert np.abs(gradients[0].W_h - window[0].W_h).max() > 0.1


@pytest.mark.equation("eq-truncation-output-layer")
@pytest.mark.slow
def test_with_the_softmax_inside_truncation_reaches_the_output_layer():
    steps = 4
    p, batch = weights("rnn", 5, 11, 5), ragged_batch(5, 9, 2, 11)
    batch = batch._replace(mask=np.ones((9, 2), bool))
    options = {"truncate_gradient": steps}
    loss, outside = loss_and_gradient("rnn", **options)(p, batch)
    loss_inside, inside = loss_and_gradient("rnn", **options, softmax_inside=True)(
        p, batch
    )
    wanted_loss, full = language_model.loss_and_gradient(p, batch)
    assert loss == pytest.approx(wanted_loss, abs=EXACT)
    assert loss_inside == pytest.approx(wanted_loss, abs=EXACT)

    assert_agree(outside[1:], full[1:])  # outside: the output layer is not truncated
    h, _ = rnn.forward(p.cell, batch.inputs)
    du = language_model.softmax(h @ p.W_y + p.b_y)
    du[np.arange(9)[:, None], np.arange(2), batch.targets] -= 1
    du = du[-steps:] / batch.mask.size
    dW_y = np.einsum("tbh,tbv->hv", h[-steps:], du)
    assert_agree((inside.W_y, inside.b_y), (dW_y, du.sum(axis=(0, 1))))
    assert np.abs(inside.W_y - full.W_y).max() > 1e-3
    # the cell's gradient is the same in both forms
    assert_agree(inside.cell, outside.cell)


@pytest.mark.slow
def test_in_full_it_does_not_matter_where_the_softmax_stands():
    p, batch = weights("embedding, gru, gru", 6, 11, 5), ragged_batch(6, 7, 3, 11)
    loss, dp = loss_and_gradient("embedding, gru, gru", softmax_inside=True)(p, batch)
    wanted = language_model.loss_and_gradient(p, batch, NETWORKS["embedding, gru, gru"])
    assert_agree((np.array(loss), dp), (np.array(wanted[0]), wanted[1]))


def test_truncation_set_after_compilation_has_no_effect():
    class Model:
        truncate = -1

        def compile(self, p):
            return theano_models.compile_backward(
                p, with_state=False, mode="python", truncate_gradient=self.truncate
            )

    p, x, dh, _ = vectors("rnn", steps=9)
    model = Model()
    compiled = model.compile(p)
    model.truncate = 2
    full = rnn.backward(p, rnn.forward(p, x)[1], dh)[0]
    assert_agree(compiled(p, x, dh)[1], full)


# --- training ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_rmsprop_costs_of_the_two_layer_gru_are_numpys():
    network = "embedding, gru, gru"
    p = weights(network, 7, 11, 5)
    kept = tree.map(np.copy, p)
    training = theano_models.compile_rmsprop(p, learning_rate=0.02, mode="python")
    state, costs = None, []
    for k in range(8):
        batch = ragged_batch(k % 2, 7, 3, 11)
        rate = 0.02 if k < 5 else 0.005
        loss, gradients = language_model.loss_and_gradient(
            kept, batch, NETWORKS[network]
        )
        kept, state = rmsprop(kept, gradients, state, learning_rate=rate)
        options = {} if k < 5 else {"learning_rate": rate}
        assert training.step(batch, **options) == pytest.approx(loss, abs=EXACT)
        costs.append(loss)
    assert_agree(training.params(), kept, 1e-9)
    # the weights handed in were copied
    assert_agree(p, weights(network, 7, 11, 5), 0, zeros=True)
    first = ragged_batch(0, 7, 3, 11)
    after, _ = language_model.loss(kept, first, NETWORKS[network])
    assert after < costs[0] - 0.1


def test_the_fourth_posts_network_has_its_number_of_parameters():
    network = stacked.of(embedding, gru, gru)
    p = language_model.init(np.random.default_rng(0), 8000, 128, cell=network)
    assert sum(leaf.size for leaf in tree.leaves(p)) == 2_253_376
    theano_models.check(p)


# --- what does not fit ---------------------------------------------------------------------------


def one_line(error):
    assert "\n" not in str(error.value)
    return str(error.value)


def test_weights_of_another_cell_are_refused():
    compiled, batch = loss_and_gradient("rnn"), ragged_batch(0, 7, 3, 11)
    with pytest.raises(
        ValueError, match="for the weights of a language model of rnn"
    ) as error:
        compiled(weights("gru", 0, 11, 5), batch)
    assert "got those of a language model of gru in float64" in one_line(error)
    single = tree.map(lambda w: w.astype(np.float32), weights("rnn", 0, 11, 5))
    with pytest.raises(
        ValueError, match="rnn in float64, got those of .* rnn in float32"
    ):
        compiled(single, batch)


def test_weights_of_another_size_are_refused():
    p, batch = weights("rnn", 0, 11, 5), ragged_batch(0, 7, 3, 11)
    other = weights("rnn", 0, 11, 6)
    for wrong, where in (
        (p._replace(cell=p.cell._replace(W_h=other.cell.W_h)), "layer 0, rnn"),
        (p._replace(W_y=other.W_y), "the output layer"),
    ):
        with pytest.raises(
            ValueError, match=f"{where} needs weights of the shapes"
        ) as error:
            loss_and_gradient("rnn")(wrong, batch)
        assert "of another cell or size" in one_line(error)
    two = weights("embedding, gru, gru", 0, 11, 5)
    wide = weights("embedding, gru, gru", 0, 11, 6)
    two = two._replace(cell=(*two.cell[:2], wide.cell[2]))
    with pytest.raises(ValueError, match="layer 2, gru needs"):
        theano_models.compile_rmsprop(two)


def test_a_cell_without_a_graph_is_refused():
    p = peephole_lstm.init(np.random.default_rng(0), 3, 4)
    with pytest.raises(
        ValueError, match="no symbolic graph for layer 0, .* peephole_lstm"
    ):
        theano_models.compile_backward(p)


def test_batches_that_do_not_fit_are_refused():
    p, batch = weights("rnn", 0, 11, 5), ragged_batch(0, 7, 3, 11)
    for change, message in (
        ({"mask": batch.mask[:-1]}, r"inputs, targets and mask must be \(T, B\) each"),
        ({"mask": np.zeros_like(batch.mask)}, "no word to predict"),
        ({"inputs": batch.inputs + 5}, r"ids must lie in 0..10"),
        ({"inputs": batch.inputs * 1.0}, "integer ids"),
        (
            {"targets": np.full_like(batch.targets, 11)},
            r"targets: ids must lie in 0..10",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            loss_and_gradient("rnn")(p, batch._replace(**change))


def test_states_and_gradients_that_do_not_fit_are_refused():
    p, x, dh, state = vectors("lstm")
    compiled = backward("lstm")
    with pytest.raises(ValueError, match=r"give the states \[.*\], got \[\(3, 5\)\]"):
        compiled(p, x, dh, state[0])
    with pytest.raises(ValueError, match="dh must be"):
        compiled(p, x, dh[:-1], *state)
    with pytest.raises(ValueError, match=r"x must be \(T, B, 4\) vectors"):
        compiled(p, x[..., :3], dh, *state)


# --- the table "Theano -> PyTensor" --------------------------------------------------------------

in_theano = LIBRARY == "theano"


def importable(module):
    try:
        __import__(f"{LIBRARY}.{module}")
    except ImportError:
        return False
    return True


def test_row_neural_network_functions():
    assert hasattr(T, "nnet") is in_theano
    assert hasattr(T, "sigmoid") is not in_theano
    assert importable("tensor.special") is not in_theano
    u = T.matrix("u")
    if in_theano:
        soft = T.nnet.softmax
    else:
        from pytensor.tensor.special import softmax

        soft = functools.partial(softmax, axis=-1)
    value = np.random.default_rng(0).standard_normal((3, 4))
    found = theano_models.function([u], soft(u), mode="python")(value)
    np.testing.assert_allclose(found, language_model.softmax(value), atol=1e-14)


def test_row_cross_entropy_by_indexing():
    u, y = T.matrix("u", dtype="float64"), T.ivector("y")
    value, ids = (
        np.random.default_rng(1).standard_normal((3, 4)),
        np.array([1, 0, 3], np.int32),
    )
    wanted = language_model.cross_entropy(value, ids)
    found = theano_models.function(
        [u, y], theano_models.cross_entropy(u, y), mode="python"
    )(value, ids)
    np.testing.assert_allclose(found, wanted, atol=1e-14)
    if in_theano:
        ready = T.nnet.categorical_crossentropy(T.nnet.softmax(u), y)
        found = theano_models.function([u, y], ready, mode="python")(value, ids)
        np.testing.assert_allclose(found, wanted, atol=1e-14)


def test_row_hard_sigmoid_by_clip():
    a = T.vector("a", dtype="float64")
    value = np.array([-3.0, -1, 0, 1, 2.7])
    by_clip = theano_models.function([a], T.clip(0.2 * a + 0.5, 0, 1), mode="python")(
        value
    )
    np.testing.assert_allclose(by_clip, hard_sigmoid(value, slope=0.2), atol=1e-15)
    if in_theano:
        ready = theano_models.function([a], T.nnet.hard_sigmoid(a), mode="python")(
            value
        )
        np.testing.assert_allclose(ready, by_clip, atol=1e-15)


def test_row_scan_returns_updates():
    x = T.vector("x")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        squares, updates = theano_models.theano.scan(lambda a: a * a, sequences=[x])
    assert len(updates) == 0
    told = any("return_updates=False" in str(warning.message) for warning in caught)
    assert told is not in_theano


def test_row_blas_flag():
    config = theano_models.theano.config
    assert hasattr(config, "blas__ldflags") is not in_theano
    if in_theano:
        assert config.blas.ldflags == ""


def test_row_types():
    x = T.matrix("x")
    assert x.type.broadcastable == (False, False)
    assert getattr(x.type, "shape", None) == (None if in_theano else (None, None))


def test_row_random_streams():
    assert importable("tensor.shared_randomstreams") is in_theano
    assert importable("tensor.random.utils") is not in_theano


def test_row_graphs_and_cards():
    assert importable("gof") is in_theano and importable("gpuarray") is in_theano
    assert importable("graph") is not in_theano


def test_row_test_values():
    assert hasattr(theano_models.theano.config, "compute_test_value") is in_theano


def test_row_debugprint():
    x = T.vector("x", dtype="float64")
    text = theano_models.theano.printing.debugprint((x**2).sum(), file="str")
    assert ("Elemwise{pow" in text) is in_theano
    assert ("└─ Pow" in text) is not in_theano


def test_row_default_mode():
    """What the last line of the table says of a function without a mode."""
    x = T.vector("x", dtype="float64")
    compiled = theano_models.theano.function([x], 2 * x)
    linker = type(compiled.maker.linker).__name__
    assert linker == ("VM_Linker" if in_theano else "NumbaLinker")
    np.testing.assert_allclose(compiled(np.ones(2)), [2, 2])
