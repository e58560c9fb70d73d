"""Our cells in PyTorch's layers: the weights there and back, and, with PyTorch, every gradient.

PyTorch is not among what this book installs; the tests that need it are skipped without it.
"""

import ast
import importlib
import inspect
import sys
import types

import numpy as np
import pytest

from tests.support import registered_cells
from tests.support.cell_cases import cell_case, logistic, shaken
from unrolled import tree
from unrolled.cells import gru, gru_reset_after, lstm, peephole_lstm, rnn
from unrolled.frameworks import torch_layers
from unrolled.layers import bidirectional, stacked

SIZES = T, B, D, H = 7, 3, 4, 6
LENGTHS = np.array([4, 7, 1])  # not in order of length
MASK = np.arange(T)[:, None] < LENGTHS
AGREED = 1e-10
CELLS = registered_cells.cells("PyTorch")
each_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


def networks():
    """Returns {name: Params with no zero among them} of all that PyTorch has a layer for."""
    rng = np.random.default_rng(0)
    found = {}
    for name, cell in CELLS.items():
        found[name] = shaken(cell.init(rng, D, H), rng)
        found[f"two layers of {name}"] = shaken(
            stacked.of(cell, cell).init(rng, D, H), rng
        )
        both = bidirectional.init(rng, D, H, cell)
        found[f"{name} in two directions"] = shaken(both, rng)
        deep = both, bidirectional.init(rng, 2 * H, H, cell)
        found[f"two layers of {name} in two directions"] = shaken(deep, rng)
    return found


NETWORKS = networks()
each_network = pytest.mark.parametrize("p", NETWORKS.values(), ids=NETWORKS)


def test_the_registered_cells_are_those_that_have_a_layer():
    assert {cell.Params for cell in CELLS.values()} == set(torch_layers.LAYERS)


@each_network
def test_weights_go_there_and_come_back_as_they_were(p):
    back = torch_layers.params(torch_layers.weights(p), p)
    for (name, ours), found in zip(
        tree.named_leaves(p), tree.leaves(back), strict=True
    ):
        np.testing.assert_array_equal(found, ours, err_msg=name)


@each_network
def test_what_is_moved_is_a_copy(p):
    arrays = torch_layers.weights(p)
    before = [leaf.copy() for leaf in tree.leaves(p)]
    for array in arrays.values():
        array += 1
    for leaf, was in zip(tree.leaves(p), before, strict=True):
        np.testing.assert_array_equal(leaf, was)


def documented_step(kind, w, x, *state):
    """A step for columns x (D,), h (H,), as PyTorch's documentation writes it, unit by unit."""
    W_ih, W_hh, b_ih, b_hh = (
        w[f"{name}_l0"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h = state[0]
    a_i, a_h = W_ih @ x + b_ih, W_hh @ h + b_hh
    if kind == "rnn":
        return (np.tanh(a_i + a_h),)
    if kind == "lstm":
        i, f, g, o = np.split(a_i + a_h, 4)
        c = logistic(f) * state[1] + logistic(i) * np.tanh(g)
        return logistic(o) * np.tanh(c), c
    (r_i, z_i, n_i), (r_h, z_h, n_h) = np.split(a_i, 3), np.split(a_h, 3)
    r, z = logistic(r_i + r_h), logistic(z_i + z_h)
    n = np.tanh(n_i + r * n_h)
    return ((1 - z) * n + z * h,)


@pytest.mark.equation("eq-torch-columns")
@pytest.mark.parametrize("name", CELLS)
def test_the_documented_equations_with_the_moved_weights_are_our_step(name):
    cell = CELLS[name]
    p, x, states, _ = cell_case(cell, *SIZES)
    found = documented_step(
        name, torch_layers.weights(p), x[0, 0], *(s[0] for s in states)
    )
    wanted = cell.step(p, x[0], *states)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other[0], atol=1e-12)


@each_cell
def test_values_of_two_biases_are_added_and_their_gradients_are_not(cell):
    p = shaken(cell.init(np.random.default_rng(1), D, H), np.random.default_rng(2))
    arrays = torch_layers.weights(p)
    shift = np.arange(1.0, 1 + len(arrays["bias_hh_l0"]))
    values = arrays | {"bias_hh_l0": arrays["bias_hh_l0"] + shift}
    moved = torch_layers.params(values, p).b - p.b
    gradient = torch_layers.gradients(values, p).b - p.b
    if cell is gru_reset_after:  # its two biases are two weights
        assert moved[1].any() and gradient[1].any() and not moved[0].any()
    else:
        np.testing.assert_allclose(moved, shift)
        assert not gradient.any()


@pytest.mark.parametrize("cell", [gru, peephole_lstm])
def test_a_cell_that_pytorch_has_not_is_refused(cell):
    p = cell.init(np.random.default_rng(0), D, H)
    with pytest.raises(
        ValueError, match=f"PyTorch has no layer for .*{cell.__name__[9:]}"
    ):
        torch_layers.weights(p)


def test_arrays_of_another_network_are_refused():
    p = lstm.init(np.random.default_rng(0), D, H)
    arrays = torch_layers.weights(p)
    with pytest.raises(ValueError, match="need the arrays"):
        torch_layers.params(arrays | {"weight_hh_l0": arrays["weight_ih_l0"]}, p)
    with pytest.raises(ValueError, match="need the arrays"):
        torch_layers.params(torch_layers.weights((p, lstm.init(np.random, H, H))), p)


# --- with PyTorch --------------------------------------------------------------------------------


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed")


def assert_agree(found, wanted):
    """Every array within 1e-10 of the largest entry of its counterpart."""
    pairs = zip(
        tree.named_leaves(tuple(found)), tree.leaves(tuple(wanted)), strict=True
    )
    for (name, theirs), ours in pairs:
        assert theirs.shape == ours.shape and np.abs(ours).max() > 1e-3, name
        assert np.abs(theirs - ours).max() <= AGREED * np.abs(ours).max(), name


def check_a_cell(cell):
    p, x, states, dh = cell_case(cell, *SIZES)
    h, cache = cell.forward(p, x, *states)
    assert_agree((torch_layers.forward(p, x, *states),), (h,))
    assert_agree(torch_layers.backward(p, x, dh, *states), cell.backward(p, cache, dh))


ONE_LAYER_AND_TWO = CELLS | {
    f"two layers of {name}": stacked.of(cell, cell) for name, cell in CELLS.items()
}


@pytest.mark.parametrize("cell", ONE_LAYER_AND_TWO.values(), ids=ONE_LAYER_AND_TWO)
def test_states_and_gradients_are_those_of_numpy(torch, cell):
    check_a_cell(cell)


@each_cell
def test_without_states_a_sequence_starts_at_zero(torch, cell):
    p, x, _, dh = cell_case(cell, *SIZES, seed=1)
    h, cache = cell.forward(p, x)
    assert_agree((torch_layers.forward(p, x),), (h,))
    assert_agree(torch_layers.backward(p, x, dh), cell.backward(p, cache, dh)[:2])


@each_cell
def test_a_packed_batch_is_read_from_both_real_ends(torch, cell):
    rng = np.random.default_rng(5)
    p = shaken(bidirectional.init(rng, D, H, cell), rng)
    x = rng.standard_normal((T, B, D))
    dh = rng.standard_normal((T, B, 2 * H)) * MASK[..., None]
    h, cache = bidirectional.forward(p, x, cell, LENGTHS)
    found = torch_layers.forward(p, x, lengths=LENGTHS)
    np.testing.assert_allclose(found[MASK], h[MASK], atol=AGREED)
    assert not found[~MASK].any()
    assert_agree(
        torch_layers.backward(p, x, dh, lengths=LENGTHS),
        bidirectional.backward(p, cache, dh, cell),
    )
    # without the lengths the second reader starts in the padding
    assert np.abs(torch_layers.forward(p, x)[MASK] - h[MASK]).max() > 0.01


@pytest.mark.parametrize("name", NETWORKS)
def test_a_layer_has_as_many_weights_as_the_network(torch, name):
    p = NETWORKS[name]
    made = torch_layers.layer(p)
    assert made.num_layers == (2 if name.startswith("two") else 1)
    assert made.bidirectional == name.endswith("directions")
    arrays = {k: w.detach().numpy() for k, w in made.named_parameters()}
    back = torch_layers.params(arrays, p)
    for ours, theirs in zip(tree.leaves(p), tree.leaves(back), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_layer_has_the_precision_of_its_weights_and_takes_options(torch):
    p = lstm.init(np.random.default_rng(0), D, H, np.float32)
    made = torch_layers.layer(p, batch_first=True)
    assert made.weight_hh_l0.dtype == torch.float32 and made.batch_first
    assert made(torch.zeros(B, T, D))[0].shape == (B, T, H)


@pytest.mark.parametrize("other", [rnn.init, lambda *a: lstm.init(*a[:2], H + 1)])
def test_a_stack_of_unequal_cells_is_refused(torch, other):
    rng = np.random.default_rng(0)
    p = lstm.init(rng, D, H), other(rng, H, H)
    with pytest.raises(ValueError, match="of one kind and size"):
        torch_layers.layer(p)


# --- errors that are easily made ------------------------------------------------------------------


PLANTED = {
    "the transpose of a square matrix left out": (
        "weights",
        "reordered(cell.W_h, order).T.copy()",
        "reordered(cell.W_h.T, order).copy()",
    ),
    "z and r of a GRU not exchanged": ("block_order", "(1, 0, 2)", "(0, 1, 2)"),
    "the two biases of a GRU exchanged": (
        "weights",
        "b_x, b_h = cell.b",
        "b_h, b_x = cell.b",
    ),
    "the gradients of two biases added": (
        "gradients",
        "np.zeros_like(array)",
        "array",
    ),
    "states of a stack from the input up": ("run_layer", "[::-1]", ""),
    "the states h and c of an LSTM exchanged": (
        "run_layer",
        "states[k::kinds]",
        "states[1 - k::kinds] if kinds == 2 else states",
    ),
    "lengths forgotten": ("run_layer", "lengths is None", "True"),
    "the states of packed sequences in the order of their lengths": (
        "run_layer",
        "return pad_packed_sequence(h, total_length=len(x))[0]",
        "h = h._replace(sorted_indices=None, unsorted_indices=None)\n"
        "    return pad_packed_sequence(h, total_length=len(x))[0]",
    ),
}


@pytest.mark.parametrize("error", PLANTED)
def test_an_error_that_is_easily_made_is_found(torch, error, monkeypatch):
    name, right, wrong = PLANTED[error]
    source = inspect.getsource(getattr(torch_layers, name))
    assert source.count(right.split("\n")[0]) == 1, "the module no longer says that"
    changed = source.replace(right, wrong)
    ast.parse(changed)
    namespace = vars(torch_layers).copy()
    exec(changed, namespace)
    broken = types.FunctionType(
        namespace[name].__code__, vars(torch_layers), name, namespace[name].__defaults__
    )
    with monkeypatch.context() as patch:
        patch.setattr(torch_layers, name, broken)
        found = []
        for check in (
            lambda: check_a_cell(rnn),
            lambda: check_a_cell(lstm),
            lambda: check_a_cell(gru_reset_after),
            lambda: check_a_cell(stacked.of(lstm, lstm)),
            lambda: test_a_packed_batch_is_read_from_both_real_ends(torch, lstm),
        ):
            try:
                check()
            except (AssertionError, ValueError, RuntimeError) as caught:
                found.append(caught)
    assert found, f"no test notices: {error}"


def test_without_pytorch_the_weights_can_still_be_moved(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    module = importlib.reload(torch_layers)
    p = lstm.init(np.random.default_rng(0), D, H)
    assert set(module.weights(p)) == {
        "weight_ih_l0",
        "weight_hh_l0",
        "bias_ih_l0",
        "bias_hh_l0",
    }
    with pytest.raises(ImportError):
        module.layer(p)
