r"""Layers: each reads the states of the layer below as its inputs.

    x_t^(k+1) = h_t^(k)                                                      (eq-stacked)

A stack of cells is itself a cell: ``of(embedding, gru, gru)`` has the functions of ``gru``. Its
Params is the tuple of its layers' Params, from the input up. Its states are listed from the top
layer down, so that the first of them is what the output layer reads. T time, B batch, D input,
H hidden.
"""

from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

Array = Any


class Cache(NamedTuple):
    """What backward needs from forward."""

    layers: tuple  # each layer's own cache, from the input up
    kept: tuple  # (T, B, H) dropout factors between layers k and k+1; empty without dropout


def of(*cells, dropout=0.0, rng=None):
    """Returns the stack of these cells as a cell: init, step, forward, backward.

    Args:
        cells: modules of cells, from the input up.
        dropout: the share of each layer's outputs that is hidden from the next layer
            in training; leave it out for evaluation.
        rng: a ``numpy.random.Generator`` that chooses the hidden outputs.

    Raises:
        ValueError: no cells, dropout outside 0 <= dropout < 1 or without rng.
    """
    if not cells:
        raise ValueError("a stack has at least one layer")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be in 0 <= dropout < 1, got {dropout}")
    if dropout and rng is None:
        raise ValueError("dropout needs a random generator: pass rng")
    return SimpleNamespace(
        init=partial(init, cells=cells),
        initial_state=partial(initial_state, cells=cells),
        step=partial(step, cells=cells),
        forward=partial(forward, cells=cells, dropout=dropout, rng=rng),
        backward=partial(backward, cells=cells),
    )


def init(rng, D, H, dtype=np.float64, input_scale=None, *, cells):
    """Returns random Params: the first layer reads D entries or ids, all have H units."""
    bottom = cells[0].init(rng, D, H, dtype, input_scale)
    return bottom, *(cell.init(rng, H, H, dtype) for cell in cells[1:])


def initial_state(p, *batch, cells):
    """Returns the states before the first step, zeros, from the top layer down."""
    states = [
        cell.initial_state(layer, *batch) for cell, layer in zip(cells, p, strict=True)
    ]
    return tuple(state for layer in reversed(states) for state in layer)


def step(p, x_t, *state, cells):
    """Returns the states after input x_t, from the top layer down, given those before."""
    after: tuple = ()
    for cell, layer, before in zip(cells, p, by_layer(p, state, cells), strict=True):
        states = cell.step(layer, x_t, *before)
        states = states if isinstance(states, tuple) else (states,)
        x_t = states[0]
        if before:
            after = (*states, *after)
    return after


def forward(p, x, *state, cells, dropout=0.0, rng=None):
    """Runs the layers over a batch of sequences, one layer after the other.

    Args:
        p: the layers' Params.
        x: (T, B, D) vectors, or (T, B) ids.
        state: initial states from the top layer down, all or none; zeros if left out.
        cells: the layers' modules.
        dropout: as in ``of``. What is kept is divided by the share that is kept, so
            that its mean is right (Srivastava et al., 2014). States on their way
            through time are not dropped (Zaremba et al., 2014).
        rng: a ``numpy.random.Generator``, if there is dropout.

    Returns:
        h: (T, B, H), the top layer's states.
        cache: what ``backward`` needs; ``cache.layers[k].h``: the states of layer k.

    Raises:
        ValueError: the number of layers or of states does not fit the cells.
    """
    caches, kept = [], []
    for cell, layer, before in zip(cells, p, by_layer(p, state, cells), strict=True):
        if caches and dropout:
            shown = rng.random(x.shape) >= dropout
            kept.append(shown.astype(x.dtype) / x.dtype.type(1 - dropout))
            x = x * kept[-1]
        x, cache = cell.forward(layer, x, *before)
        caches.append(cache)
    return x, Cache(tuple(caches), tuple(kept))


def backward(p, cache, dh, *, cells):
    """Full backpropagation through time and through the layers.

    Args:
        p: the Params that forward had.
        cache: the cache that forward returned.
        dh: (T, B, H), the loss's gradient with respect to the top layer's states. If
            the loss reads other layers too: a tuple with one such array for every
            layer, or None where it reads nothing.
        cells: the layers' modules.

    Returns:
        dp: the layers' gradients.
        dx: gradient with respect to x; None for ids.
        and the gradients with respect to the initial states, from the top layer down.
    """
    own = dh if isinstance(dh, tuple) else (*[None] * (len(cells) - 1), dh)
    if len(own) != len(cells):
        raise ValueError(
            f"dh needs one entry for each of the {len(cells)} layers, got {len(own)}"
        )
    dp: tuple = ()
    dstates: tuple = ()
    dx = None
    for k in reversed(range(len(cells))):
        if dx is not None and cache.kept:
            dx = dx * cache.kept[k]  # x^(k+1) = kept h^(k)
        dh_k = own[k] if dx is None else dx if own[k] is None else own[k] + dx
        if dh_k is None:  # nothing reads this layer or any above it
            dh_k = np.zeros_like(cache.layers[k].h)
        dlayer, dx, *dstate = cells[k].backward(p[k], cache.layers[k], dh_k)
        dp, dstates = (dlayer, *dp), (*dstates, *dstate)
    return dp, dx, *dstates


def by_layer(p, state, cells):
    """Returns each layer's own states, from the input up; empty tuples if none are given."""
    if len(p) != len(cells):
        raise ValueError(
            f"{len(cells)} cells need {len(cells)} layers of weights, got {len(p)}"
        )
    if not state:
        return [()] * len(cells)
    counts = [
        len(cell.initial_state(layer)) for cell, layer in zip(cells, p, strict=True)
    ]
    if len(state) != sum(counts):
        raise ValueError(
            f"give all {sum(counts)} states of the layers or none, got {len(state)}"
        )
    layers, end = [], len(state)
    for count in counts:
        layers.append(tuple(state[end - count : end]))
        end -= count
    return layers
