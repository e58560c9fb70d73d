r"""The book's networks as symbolic graphs: one source for Theano 1.0.5 and for PyTensor 3.

Theano (Al-Rfou et al., 2016) ended with 1.0.5, and PyTensor is its successor. The functions below
build a symbolic graph, differentiate it with ``grad``, and compile both. They take and return the
book's own Params:

    rnn, lstm, gru, gru_reset_after       a network of one layer
    (embedding, gru, gru), ...            layers, from the input up, as in ``stacked``

A compiled function accepts every size T, B, V, H; the kinds of layers, and whether inputs are ids
or vectors, are part of the graph. T time, B batch, D input, H hidden, V vocabulary.
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
from unrolled.cells import gru, gru_reset_after, lstm, rnn
from unrolled.layers import embedding
from unrolled.models import language_model

# --- all that the two libraries spell differently ------------------------------------------------
for name in ("pytensor", "theano"):  # that NumPy's BLAS is used
    logging.getLogger(f"{name}.tensor.blas").setLevel(logging.ERROR)
# in Python, without rewrites whose results NumPy has no one function for
os.environ.setdefault(
    "THEANO_FLAGS",
    "cxx=,blas.ldflags=,optimizer_excluding=fusion:local_add_canonizer:local_mul_canonizer",
)
with warnings.catch_warnings():
    # Theano: that no compiler is there, and setuptools' future
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
    """Returns the list of a scan's outputs; ours make no updates, which Theano returns as well."""
    if LIBRARY == "pytensor":
        return theano.scan(
            *arguments, return_list=True, return_updates=False, **options
        )
    return theano.scan(*arguments, return_list=True, **options)[0]


# --- symbols -------------------------------------------------------------------------------------


def symbol(like, name):
    """Returns a symbolic variable of the dtype and number of axes of an array, of any sizes."""
    make = (T.scalar, T.vector, T.matrix, T.tensor3)[np.ndim(like)]
    return make(name, dtype=np.asarray(like).dtype.name)


def symbols(like):
    """Returns a tree of symbolic variables, one for each array of a tree."""
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
    """Returns the ``count`` blocks that lie side by side along the last of two axes."""
    H = a.shape[1] // count
    return [a[:, k * H : (k + 1) * H] for k in range(count)]


class SymbolicCell(NamedTuple):
    """What the graph of a layer needs to know of its cell."""

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
    """Returns the sequences that one layer makes: its states, (T, B, H) each.

    Args:
        p: symbolic Params of one cell.
        x: symbolic (T, B, D) vectors, or (T, B) ids.
        state: symbolic initial states, (B, H) each; zeros if left out.
        truncate_gradient: how many steps the gradient goes back from the end; -1: all.
        gate: the function of the gates.
        readout: ``readout(h_t, *along_t, *weights)``, computed inside the scan at every step, is
            one more sequence, the last.
        along: (sequences, weights) for ``readout``.
    """
    cell = CELLS[type(p)]
    b, recurrent = p.b, [p.W_h]
    if isinstance(p, gru_reset_after.Params):
        b, recurrent = p.b[0], [p.W_h, p.b[1]]
    a = project(x, p.W_x) + b  # needs no state: all T steps at once
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
        strict=True,  # everything that step uses is an argument of it
    )


def forward(p, x, *state, truncate_gradient=-1, gate=sigmoid):
    """Returns the states h of the top layer, (T, B, H), as a symbolic variable.

    Args:
        p: symbolic Params of a network: one cell, or a tuple of layers from the input up.
        x: symbolic (T, B, D) vectors, or (T, B) ids.
        state: symbolic initial states, from the top layer down, all or none; zeros if left out.
        truncate_gradient: how many steps the gradient of a layer goes back from the end; -1: all.
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
    """Returns x W; integer ids stand for one-hot rows, whose product is a row of W."""
    return W[x] if "int" in x.dtype else T.dot(x, W)


# --- language models -----------------------------------------------------------------------------


def cross_entropy(logits, targets):
    """Returns -log softmax(logits)[target] of each row, in nats; logits (N, V), targets (N,)."""
    top = logits.max(axis=1)
    log_sum = top + T.log(T.exp(logits - top.dimshuffle(0, "x")).sum(axis=1))
    return log_sum - logits[T.arange(targets.shape[0]), targets]


def losses(
    p, inputs, targets, truncate_gradient=-1, gate=sigmoid, softmax_inside=False
):
    """Returns the symbolic loss of every word, (T * B,), in nats.

    Args:
        p: symbolic ``language_model.Params``.
        inputs: symbolic (T, B) ids.
        targets: symbolic (T, B) ids.
        truncate_gradient: as in ``forward``.
        gate: as in ``forward``.
        softmax_inside: whether the output layer stands inside the (top layer's) scan, as in the
            posts. The loss is the same, and so is its full gradient; a truncated one is not.
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
    """Returns the symbolic mean loss over the words where mask is 1, in nats per word."""
    real = mask.flatten()
    return (losses(p, inputs, targets, **options) * real).sum() / real.sum()


# --- compiled functions on NumPy arrays ----------------------------------------------------------


@functools.cache
def best_mode():
    """Returns the mode to compile with: C where a compiler is found, otherwise Numba.

    Theano chooses by itself; without a C compiler it runs every operation in Python.
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
    """Returns a compiled function from the values of symbols to the values of others.

    Args:
        inputs: symbols.
        outputs: one symbolic expression, or a list of them.
        updates: pairs (shared variable, its value after the call).
        mode: as the library takes it; if None, the fastest to run; "python": the quickest to
            compile, in which the graph is optimised and every operation then runs in Python.
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
        ids: whether inputs are ids; if not, they are vectors.
        with_state: whether initial states are given; zeros if not.
        mode: as in ``function``.
        options: of ``forward``.

    Returns:
        A function of (p, x, dh, *state) that returns h (T, B, H), dp, dx (None for ids) and the
        gradient of each state that was given. It raises ValueError for weights of another cell or
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
        raises ValueError for weights of another cell or size, and for a batch that does not fit.
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

    step: Callable[
        ..., float
    ]  # (batch, learning_rate=None) -> the batch's loss before the step
    params: Callable[[], Any]  # () -> the weights as they are now, copied out


def compile_rmsprop(
    like, learning_rate=0.001, decay=0.9, epsilon=1e-6, mode=None, **options
):
    """Compiles a training step of RMSprop, the same as ``optimizers.rmsprop``.

    Args:
        like: ``language_model.Params``: the weights to begin with; they are copied.
        learning_rate: η, unless ``step`` is given another.
        decay: γ of the running mean square.
        epsilon: under the root.
        mode: as in ``function``.
        options: of ``losses``.

    Returns:
        A Training. Its ``step`` raises ValueError for a batch that does not fit.
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
    """Returns the values of ``batch_symbols``, of a batch for p, which must be as ``like`` is.

    Raises:
        ValueError: weights of another cell or size, arrays that are not (T, B) each, a mask without
            a real step, or an id outside the vocabulary.
    """
    _check_inputs(p, like, batch.inputs, ids=True)
    shapes = {
        name: getattr(batch, name).shape for name in ("inputs", "targets", "mask")
    }
    if len(set(shapes.values())) > 1:
        raise ValueError(f"inputs, targets and mask must be (T, B) each, got {shapes}")
    if not batch.mask.any():
        raise ValueError("the batch holds no word to predict: its mask is all False")
    V, real = len(p.b_y), batch.targets[batch.mask]
    if not 0 <= real.min() <= real.max() < V:
        raise ValueError(
            f"targets: ids must lie in 0..{V - 1}, got {real.min()}..{real.max()}"
        )
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

    PyTensor 3.0.7 refuses the gradient of a single row of a matrix: one id never goes alone.
    """
    return [np.pad(a, [(0, 0), (0, 1)] + [(0, 0)] * (a.ndim - 2)) for a in arrays]


# --- what does not fit ---------------------------------------------------------------------------


def check(p):
    """Raises ValueError if weights are of a cell without a graph, or do not fit together."""
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
    if ids and x.size and not 0 <= x.min() <= x.max() < len(first):
        raise ValueError(
            f"ids must lie in 0..{len(first) - 1}, got {x.min()}..{x.max()}"
        )


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
