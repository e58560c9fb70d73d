r"""The book's networks as symbolic graphs: one source for Theano 1.0.5 and for PyTensor 3.

The last release of Theano (Al-Rfou et al., 2016) is 1.0.5. PyTensor is its successor. The functions
of this module build a symbolic graph, differentiate it with ``grad``, and compile both. They take
and return the book's own Params:

    rnn, lstm, gru, gru_reset_after       a network of one layer
    (embedding, gru, gru), ...            layers, from the input up, as in ``stacked``

A compiled function accepts every size T, B, V, H. The kinds of layers, and whether inputs are ids
or vectors, are fixed in the graph. T time, B batch, D input, H hidden, V vocabulary.
"""

import functools
import logging
import os
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np

from unrolled import tree
from unrolled.arguments import check_ids
from unrolled.cells import gru, gru_reset_after, lstm, rnn
from unrolled.installed import named_extras
from unrolled.layers import embedding
from unrolled.models import language_model

# --- where the two libraries differ --------------------------------------------------------------
for name in ("pytensor", "theano"):  # no warning that NumPy's BLAS is used
    logging.getLogger(f"{name}.tensor.blas").setLevel(logging.ERROR)
# Theano runs in Python, without the rewrites whose results are not a single function of NumPy
os.environ.setdefault(
    "THEANO_FLAGS",
    "cxx=,blas.ldflags=,optimizer_excluding=fusion:local_add_canonizer:local_mul_canonizer",
)
with named_extras(), warnings.catch_warnings():
    # Theano warns about the missing compiler and about setuptools
    warnings.simplefilter("ignore")
    try:
        import theano  # isort: skip
        import theano.tensor as T
        from theano.compile.mode import Mode
    except ImportError:
        import pytensor as theano
        import pytensor.tensor as T
        from pytensor.compile.mode import Mode

LIBRARY, VERSION = theano.__name__, theano.__version__
if LIBRARY == "pytensor":
    sigmoid, no_compiler = T.sigmoid, theano.config.change_flags(cxx="")
    if "blas__ldflags" not in os.environ.get("PYTENSOR_FLAGS", ""):
        theano.config.blas__ldflags = ""  # NumPy's own BLAS; Theano: blas.ldflags
else:
    sigmoid, no_compiler = T.nnet.sigmoid, nullcontext()


def scan(*arguments, **options):
    """Returns the outputs of a scan as a list.

    Theano also returns the updates of shared variables, which our scans do not have.
    """
    if LIBRARY == "pytensor":
        return theano.scan(
            *arguments, return_list=True, return_updates=False, **options
        )
    return theano.scan(*arguments, return_list=True, **options)[0]


# --- symbols -------------------------------------------------------------------------------------


def symbol(like, name):
    """Returns a symbol with the dtype and the number of axes of an array; its sizes are open."""
    make = (T.scalar, T.vector, T.matrix, T.tensor3)[np.ndim(like)]
    return make(name, dtype=np.asarray(like).dtype.name)


def symbols(like):
    """Returns a tree of symbols, one for each array of a tree."""
    return tree.replace_leaves(
        like, [symbol(leaf, name) for name, leaf in tree.named_leaves(like)]
    )


def shared(like):
    """Returns a tree of shared variables that hold copies of a tree of arrays."""
    named = tree.named_leaves(like)
    return tree.replace_leaves(
        like, [theano.shared(leaf.copy(), name) for name, leaf in named]
    )


# --- one time step, in symbols -------------------------------------------------------------------


def rnn_step(a_t, h, W_h, gate=sigmoid):
    """Returns [h_t]; a_t is x_t W_x + b, (B, H)."""
    return [T.tanh(a_t + T.dot(h, W_h))]


def lstm_step(a_t, h, c, W_h, gate=sigmoid):
    """Returns [h_t, c_t]; a_t is x_t W_x + b, (B, 4H)."""
    i, f, g, o = blocks(a_t + T.dot(h, W_h), 4)
    c = gate(f) * c + gate(i) * T.tanh(g)
    return [gate(o) * T.tanh(c), c]


def gru_step(a_t, h, W_h, gate=sigmoid):
    """Returns [h_t]; a_t is x_t W_x + b, (B, 3H)."""
    (a_z, a_r, a_h), (W_hz, W_hr, W_hh) = blocks(a_t, 3), blocks(W_h, 3)
    z, r = gate(a_z + T.dot(h, W_hz)), gate(a_r + T.dot(h, W_hr))
    candidate = T.tanh(a_h + T.dot(r * h, W_hh))
    return [z * h + (1 - z) * candidate]


def gru_reset_after_step(a_t, h, W_h, b_h, gate=sigmoid):
    """Returns [h_t]; a_t is x_t W_x + b_x, (B, 3H)."""
    (a_z, a_r, a_h), (s_z, s_r, s_h) = blocks(a_t, 3), blocks(T.dot(h, W_h) + b_h, 3)
    z, r = gate(a_z + s_z), gate(a_r + s_r)
    candidate = T.tanh(a_h + r * s_h)
    return [z * h + (1 - z) * candidate]


def blocks(a, count):
    """Returns the ``count`` blocks of columns of a matrix."""
    H = a.shape[1] // count
    return [a[:, k * H : (k + 1) * H] for k in range(count)]


class SymbolicCell(NamedTuple):
    """What ``layer`` needs of a cell: its step, its blocks and the number of its states."""

    step: Callable[..., list[Any]]
    blocks: int  # of H columns in W_x
    states: int


CELLS = {
    rnn.Params: SymbolicCell(rnn_step, 1, 1),
    lstm.Params: SymbolicCell(lstm_step, 4, 2),
    gru.Params: SymbolicCell(gru_step, 3, 1),
    gru_reset_after.Params: SymbolicCell(gru_reset_after_step, 3, 1),
}

# --- whole sequences -----------------------------------------------------------------------------


def layer(p, x, *state, truncate_gradient=-1, gate=sigmoid, readout=None, along=()):
    """Returns a list of the states of one layer, (T, B, H) each.

    Args:
        p: symbolic Params of one cell.
        x: symbolic (T, B, D) vectors, or (T, B) ids.
        state: symbolic initial states, (B, H) each; zeros if left out.
        truncate_gradient: the number of last steps that the gradient visits;
            -1: all steps.
        gate: the function of the gates.
        readout: a function of (h_t, *along_t, *weights) that is computed inside
            the scan at every step. Its results are appended to the list.
        along: (sequences, weights) for ``readout``.
    """
    cell = CELLS[type(p)]
    b, recurrent = p.b, [p.W_h]
    if isinstance(p, gru_reset_after.Params):
        b, recurrent = p.b[0], [p.W_h, p.b[1]]
    a = project(x, p.W_x) + b  # needs no state: for all T steps at once
    if not state:
        state = (
            T.zeros((x.shape[1], p.W_h.shape[0]), dtype=p.W_h.dtype),
        ) * cell.states
    sequences, weights = along or ([], [])

    def step(a_t, *rest):
        beside, rest = rest[: len(sequences)], rest[len(sequences) :]
        cut = len(state) + len(recurrent)
        states = cell.step(a_t, *rest[:cut], gate=gate)
        return (
            states
            if readout is None
            else [*states, readout(states[0], *beside, *rest[cut:])]
        )

    return scan(
        step,
        sequences=[a, *sequences],
        outputs_info=[*state, *([] if readout is None else [None])],
        non_sequences=[*recurrent, *weights],
        truncate_gradient=truncate_gradient,
        strict=True,  # an error if step uses any other shared variable
    )


def forward(p, x, *state, truncate_gradient=-1, gate=sigmoid):
    """Returns the states h of the top layer, (T, B, H), as a symbol.

    Args:
        p: symbolic Params of a network: one cell, or a tuple of layers from the
            input up.
        x: symbolic (T, B, D) vectors, or (T, B) ids.
        state: symbolic initial states of all layers, from the top layer down; zeros
            if left out.
        truncate_gradient: as in ``layer``, for every layer.
        gate: the function of the gates.
    """
    remaining = list(state)
    for part in layers(p):
        if isinstance(part, embedding.Params):
            x = part.E[x]
            continue
        first = len(remaining) - (CELLS[type(part)].states if state else 0)
        own, remaining = remaining[first:], remaining[:first]
        x = layer(part, x, *own, truncate_gradient=truncate_gradient, gate=gate)[0]
    return x


def layers(p):
    """Returns the layers of a network's Params, from the input up."""
    return p if type(p) is tuple else (p,)


def project(x, W):
    """Returns x W. Integer ids stand for one-hot rows, whose product with W is a row of W."""
    return W[x] if "int" in x.dtype else T.dot(x, W)


# --- language models -----------------------------------------------------------------------------


def cross_entropy(logits, targets):
    """Returns -log softmax(logits)[target] of each row, in nats.

    Args:
        logits: symbolic (N, V) array.
        targets: symbolic (N,) ids.
    """
    top = logits.max(axis=1)
    log_sum = top + T.log(T.exp(logits - top.dimshuffle(0, "x")).sum(axis=1))
    return log_sum - logits[T.arange(targets.shape[0]), targets]


def losses(
    p, inputs, targets, truncate_gradient=-1, gate=sigmoid, softmax_inside=False
):
    """Returns the symbol of the losses of all words, (T * B,), in nats.

    Args:
        p: symbolic ``language_model.Params``.
        inputs: symbolic (T, B) ids.
        targets: symbolic (T, B) ids.
        truncate_gradient: as in ``forward``.
        gate: as in ``forward``.
        softmax_inside: whether the output layer is computed inside the scan of the
            top layer, as in the WildML posts. Loss and full gradient are the same in
            both forms. A truncated gradient is not.
    """
    options = {"truncate_gradient": truncate_gradient, "gate": gate}
    if not softmax_inside:
        h = forward(p.cell, inputs, **options)
        logits = T.dot(h, p.W_y).reshape((-1, p.W_y.shape[1])) + p.b_y
        return cross_entropy(logits, targets.flatten())

    def readout(h_t, targets_t, W_y, b_y):
        return cross_entropy(T.dot(h_t, W_y) + b_y, targets_t)

    *below, top = layers(p.cell)
    x = forward(tuple(below), inputs, **options)
    along = [targets], [p.W_y, p.b_y]
    return layer(top, x, **options, readout=readout, along=along)[-1].flatten()


def mean_loss(p, inputs, targets, mask, **options):
    """Returns the symbol of the mean loss, in nats, over the words where mask is 1."""
    real = mask.flatten()
    return (losses(p, inputs, targets, **options) * real).sum() / real.sum()


# --- compiled functions on NumPy arrays ----------------------------------------------------------


@functools.cache
def best_mode():
    """Returns the mode to compile with: C if there is a compiler, otherwise Numba.

    Theano chooses its mode itself. Without a C compiler it runs every operation in Python.
    """
    if LIBRARY == "theano":
        return None
    if theano.config.cxx:
        return "CVM"
    logging.getLogger("unrolled").warning(
        "no C compiler (g++): PyTensor goes on with Numba"
    )
    return "NUMBA"


def function(inputs, outputs, updates=(), mode=None, **options):
    """Returns a compiled function from arrays for the inputs to arrays for the outputs.

    Args:
        inputs: symbols.
        outputs: one symbolic expression, or a list of them.
        updates: pairs (shared variable, expression of its next value).
        mode: "python": rewrite the graph and run every operation in Python, which is the quickest
            to compile; None: the mode with the fastest steps; or a mode of the library.
        options: of the library's ``function``.
    """
    if mode != "python":
        mode = best_mode() if mode is None else mode
        return theano.function(
            inputs, outputs, updates=list(updates), mode=mode, **options
        )
    mode = Mode(linker="py", optimizer="fast_run").excluding("fusion")
    with no_compiler:
        return theano.function(
            inputs, outputs, updates=list(updates), mode=mode, **options
        )


def compile_backward(like, ids=False, with_state=True, mode=None, **options):
    """Compiles ``forward`` and the gradient of sum(h * dh).

    Args:
        like: Params of the network to compile for.
        ids: whether the inputs are ids; otherwise they are vectors.
        with_state: whether the function takes initial states; otherwise they are zeros.
        mode: as in ``function``.
        options: of ``forward``.

    Returns:
        A function of (p, x, dh, *state) that returns h (T, B, H), dp, dx (None for ids) and the
        gradient of each initial state. It raises ValueError for weights of a different cell or
        size, and for inputs or states that do not fit.
    """
    check(like)
    p, dtype = symbols(like), tree.leaves(like)[0].dtype
    x = symbol(np.empty((0, 0), np.int32) if ids else np.empty((0, 0, 0), dtype), "x")
    dh = symbol(np.empty((0, 0, 0), dtype), "dh")
    counts = [CELLS[type(part)].states for part in layers(like) if type(part) in CELLS]
    state = [
        symbol(np.empty((0, 0), dtype), f"s{n}")
        for n in range(sum(counts) * with_state)
    ]
    h = forward(p, x, *state, **options)
    wrt = [*tree.leaves(p), *([] if ids else [x]), *state]
    gradients = T.grad((h * dh).sum(), wrt)
    compiled = function([*tree.leaves(p), x, dh, *state], [h, *gradients], mode=mode)

    def backward(p, x, dh, *state):
        _check_inputs(p, like, x, ids)
        wanted = _state_shapes(p, x.shape[1]) if with_state else []
        if [s.shape for s in state] != wanted:
            raise ValueError(
                f"give the states {wanted}, got {[s.shape for s in state]}"
            )
        if dh.shape != (*x.shape[:2], len(layers(p)[-1].W_h)):
            raise ValueError(
                f"dh must be the gradient of h, {(*x.shape[:2], 'H')}, got {dh.shape}"
            )
        if ids and x.size == 1:
            twice = [s.repeat(2, axis=0) for s in state]
            h, dp, dx, *dstate = backward(p, *_with_padding(x, dh), *twice)
            return h[:, :1], dp, dx, *(d[:1] for d in dstate)
        x = x.astype(np.int32) if ids else x
        h, *d = compiled(*tree.leaves(p), x, dh, *state)
        count = len(tree.leaves(p))
        dx, dstate = (None, d[count:]) if ids else (d[count], d[count + 1 :])
        return h, tree.replace_leaves(p, d[:count]), dx, *dstate

    return backward


def compile_loss_and_gradient(like, mode=None, **options):
    """Compiles ``language_model.loss_and_gradient``.

    Args:
        like: ``language_model.Params`` of the network to compile for.
        mode: as in ``function``.
        options: of ``losses``.

    Returns:
        A function of (p, batch) that returns the mean loss in nats per word and its gradient. It
        raises ValueError for weights of a different cell or size, and for a batch that does not
        fit.
    """
    check(like)
    p, words = symbols(like), batch_symbols(like)
    loss = mean_loss(p, *words, **options)
    outputs = [loss, *T.grad(loss, tree.leaves(p))]
    compiled = function([*tree.leaves(p), *words], outputs, mode=mode)

    def loss_and_gradient(p, batch):
        loss, *d = compiled(*tree.leaves(p), *batch_values(p, like, batch))
        return float(loss), tree.replace_leaves(p, d)

    return loss_and_gradient


class Training(NamedTuple):
    """A language model whose weights live in shared variables."""

    step: Callable[..., float]  # of (batch, learning_rate): the loss before the update
    params: Callable[[], Any]  # returns a copy of the current weights


def compile_rmsprop(
    like, learning_rate=0.001, decay=0.9, epsilon=1e-6, mode=None, **options
):
    """Compiles a training step of RMSprop.

    The step computes the same as ``optimizers.rmsprop``.

    Args:
        like: ``language_model.Params``, the first weights; they are copied.
        learning_rate: η, the default of ``step``.
        decay: γ of the running mean of the squared gradient.
        epsilon: added under the root.
        mode: as in ``function``.
        options: of ``losses``.

    Returns:
        A Training, whose ``step`` raises ValueError for a batch that does not fit.
    """
    check(like)
    p, words = shared(like), batch_symbols(like)
    weights = tree.leaves(p)
    dtype = weights[0].dtype
    rate = T.scalar("learning_rate", dtype=dtype)
    gamma, kept, floor = (np.asarray(c, dtype) for c in (decay, 1 - decay, epsilon))
    loss = mean_loss(p, *words, **options)
    updates = []
    for w, dw in zip(weights, T.grad(loss, weights), strict=True):
        mean_square = theano.shared(np.zeros_like(w.get_value()), f"{w.name} squared")
        new = gamma * mean_square + kept * dw**2
        updates += [(mean_square, new), (w, w - rate * dw / T.sqrt(new + floor))]
    compiled = function([*words, rate], loss, updates, mode=mode)

    def step(batch, learning_rate=learning_rate):
        return float(
            compiled(*batch_values(like, like, batch), np.asarray(learning_rate, dtype))
        )

    return Training(step, lambda: tree.map(lambda w: w.get_value(), p))


def batch_symbols(like):
    """Returns the symbols of a batch: inputs (T, B), targets (T, B) and mask (T, B)."""
    dtype = tree.leaves(like)[0].dtype.name
    return T.imatrix("inputs"), T.imatrix("targets"), T.matrix("mask", dtype=dtype)


def batch_values(p, like, batch):
    """Returns the arrays of a batch in the order of ``batch_symbols``.

    Raises:
        ValueError: p is of a different cell or size than ``like``, an array is not (T, B), the mask
            has no real step, or an id is outside the vocabulary.
    """
    _check_inputs(p, like, batch.inputs, ids=True)
    shapes = {
        name: getattr(batch, name).shape for name in ("inputs", "targets", "mask")
    }
    if len(set(shapes.values())) > 1:
        raise ValueError(f"inputs, targets and mask must be (T, B) each, got {shapes}")
    if batch.mask.dtype != bool:
        raise ValueError(f"mask must be bool, got {batch.mask.dtype}")
    if not batch.mask.any():
        raise ValueError("the batch holds no word to predict: its mask is all False")
    V, real = len(p.b_y), batch.targets[batch.mask]
    check_ids("targets", real, V)
    inputs, targets, mask = (
        batch.inputs,
        np.where(batch.mask, batch.targets, 0),
        batch.mask,
    )
    if inputs.size == 1:
        inputs, targets, mask = _with_padding(inputs, targets, mask)
    return inputs.astype(np.int32), targets.astype(np.int32), mask.astype(p.W_y.dtype)


def _with_padding(*arrays):
    """Returns (T, B, ...) arrays with one more sequence, of zeros.

    PyTensor 3.0.7 cannot differentiate the lookup of a single row.
    """
    return [np.pad(a, [(0, 0), (0, 1)] + [(0, 0)] * (a.ndim - 2)) for a in arrays]


# --- what does not fit ---------------------------------------------------------------------------


def check(p):
    """Raises ValueError if a cell has no symbolic step or if the weights do not fit together."""
    cell = p.cell if isinstance(p, language_model.Params) else p
    D = None
    for k, part in enumerate(layers(cell)):
        if isinstance(part, embedding.Params) and k == 0:
            D = part.E.shape[1]
            continue
        if type(part) not in CELLS:
            raise ValueError(
                f"no symbolic graph for layer {k}, weights of the type {_name(part)}"
            )
        n, H = CELLS[type(part)].blocks, len(part.W_h)
        D = len(part.W_x) if D is None else D
        b = (2, n * H) if isinstance(part, gru_reset_after.Params) else (n * H,)
        _check_shapes(f"layer {k}, {_name(part)}", part, (D, n * H), (H, n * H), b)
        D = H
    if cell is not p:
        V = len(p.b_y)
        _check_shapes("the output layer", (p.W_y, p.b_y), (D, V), (V,))


def _check_shapes(where, weights, *wanted):
    found = tuple(w.shape for w in weights)
    if found != wanted:
        raise ValueError(
            f"{where} needs weights of the shapes {wanted}, got {found}:"
            " they are of another cell or size"
        )


def _check_inputs(p, like, x, ids):
    if _outline(p) != _outline(like):
        raise ValueError(
            f"compiled for the weights of {_outline(like)}, got those of {_outline(p)}:"
            " compile a function for this cell"
        )
    check(p)
    first = tree.leaves(p)[0]
    if x.dtype.kind not in ("iu" if ids else "f") or x.ndim != (2 if ids else 3):
        wanted = "(T, B) integer ids" if ids else f"(T, B, {len(first)}) vectors"
        raise ValueError(f"x must be {wanted}, got {x.shape} of {x.dtype}")
    if not ids and x.shape[2] != len(first):
        raise ValueError(f"x must be (T, B, {len(first)}) vectors, got {x.shape}")
    if ids:
        check_ids("x", x, len(first))


def _state_shapes(p, B):
    parts = [part for part in reversed(layers(p)) if type(part) in CELLS]
    return [
        (B, len(part.W_h)) for part in parts for _ in range(CELLS[type(part)].states)
    ]


def _outline(p):
    """Returns the kinds of a network's layers and its precision, as text."""
    if isinstance(p, language_model.Params):
        return f"a language model of {_outline(p.cell)}"
    names = ", ".join(_name(part) for part in layers(p))
    return f"{names} in {tree.leaves(p)[0].dtype}"


def _name(p):
    return type(p).__module__.rpartition(".")[2]
