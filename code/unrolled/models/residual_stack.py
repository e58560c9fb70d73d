r"""Blocks of a recurrent cell and a feed-forward part, each with a connection around it.

    x = input W_in
    x ← x + cell(norm(x)) W_o                          for each block     (eq-residual-block)
    x ← x + relu(norm(x) W_1 + b_1) W_2 + b_2
    h = norm(x)

These are the blocks of ``models.transformer`` with a recurrent cell in place of the heads. Linear
recurrences are used in this form: the cell carries numbers from step to step, and the feed-forward
part supplies the nonlinearity that the cell lacks.

``of`` returns the network with the functions of a cell. T time, B batch, D numbers of a step, H
units of each cell, F units between W_1 and W_2.
"""

from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments, vectors_or_ids
from unrolled.functional import as_rows, check_sequence, dproject, drelu, project, relu
from unrolled.models.transformer import Norm, dnormalise, normalise

Array = Any


class Block(NamedTuple):
    """Weights of a block; gradients are a Block too."""

    norm_cell: Norm
    cell: Any  # the cell's own Params
    W_o: Array  # (H, D)
    norm_feed: Norm
    W_1: Array  # (D, F)
    b_1: Array  # (F,)
    W_2: Array  # (F, D)
    b_2: Array  # (D,)


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_in: Array  # (entries of an input or number of ids, D)
    blocks: tuple[Block, ...]
    norm: Norm


class BlockCache(NamedTuple):
    """What the backward of a block needs from its forward."""

    norm_cell: Any  # of each normalisation: its normalised rows, and 1/√(variance + ε)
    cell: Any
    h: Array  # (T, B, H): the cell's states
    norm_feed: Any
    rows: Array  # (T, B, D): what W_1 reads
    f: Array  # (T, B, F): what W_2 reads


class Cache(NamedTuple):
    """What backward needs from forward."""

    x: Array  # (T, B, entries), or (T, B) ids
    blocks: tuple[BlockCache, ...]
    norm: Any
    h: Array  # (T, B, D)


NORM = fields(Norm, g="D", c="D")
BLOCK = fields(
    Block,
    norm_cell=NORM,
    W_o="H D",
    norm_feed=NORM,
    W_1="D F",
    b_1="F",
    W_2="F D",
    b_2="D",
)
# each block is checked where it is used
WEIGHTS = fields(Params, W_in="V D", norm=NORM)
CACHE = fields(BlockCache, h="T B H", rows="T B D", f="T B F")


@names_arguments
def of(cell, blocks, H, F):
    """Returns the network as a cell: init, initial_state, step, forward, backward.

    Args:
        cell: the module of the cells.
        blocks: the number of blocks.
        H: units of each cell.
        F: units between W_1 and W_2.
    """
    return SimpleNamespace(
        init=partial(init, cell=cell, blocks=blocks, H=H, F=F),
        initial_state=partial(initial_state, cell=cell),
        step=partial(step, cell=cell),
        forward=partial(forward, cell=cell),
        backward=partial(backward, cell=cell),
    )


@names_arguments
def init(rng, D_in, D, dtype=np.float64, input_scale=None, *, cell, blocks, H, F):
    """Returns random Params: W_in uniform within ± input_scale (1/√D_in if left out).

    Other weights are uniform within ±1/√(number of terms in the sum). The gain of a normalisation
    starts at 1, biases start at 0.

    Raises:
        ValueError: a size is below 1.
    """
    if min(D_in, D, blocks, H, F) < 1:
        raise ValueError(
            "sizes must be at least 1,"
            f" got inputs={D_in}, D={D}, blocks={blocks}, H={H}, F={F}"
        )

    def uniform(rows, columns, scale=None):
        scale = 1 / np.sqrt(rows) if scale is None else scale
        return rng.uniform(-scale, scale, (rows, columns)).astype(dtype)

    def norm():
        return Norm(np.ones(D, dtype), np.zeros(D, dtype))

    def block():
        return Block(
            norm(),
            cell.init(rng, D, H, dtype),
            uniform(H, D),
            norm(),
            uniform(D, F),
            np.zeros(F, dtype),
            uniform(F, D),
            np.zeros(D, dtype),
        )

    W_in = uniform(D_in, D, input_scale)
    return Params(W_in, tuple(block() for _ in range(blocks)), norm())


@names_arguments(p=WEIGHTS)
def initial_state(p, *batch, cell):
    """Returns the state before the first step: an output of zeros, and the states of the cells."""
    h = np.zeros((*batch, p.W_in.shape[1]), p.W_in.dtype)
    return h, *(s for block in p.blocks for s in cell.initial_state(block.cell, *batch))


@names_arguments(p=WEIGHTS, x_t=vectors_or_ids("...", "V"))
def step(p, x_t, h, *states, cell):
    """Returns (h, *states) after input x_t; h is the output of the step before, and is not used."""
    x = project(np.asarray(x_t), p.W_in)
    each = len(states) // len(p.blocks)
    after: tuple = ()
    for k, block in enumerate(p.blocks):
        before = states[k * each : (k + 1) * each]
        x, *new = step_block(block, x, *before, cell=cell)
        after = (*after, *new)
    return normalise(p.norm, x)[0], *after


@names_arguments(p=WEIGHTS)
def forward(p, x, *, cell):
    """Runs the network over a batch of sequences, from zero states.

    Args:
        p: Params.
        x: (T, B, entries) vectors, or (T, B) ids that stand for one-hot vectors.
        cell: the module of the cells.

    Returns:
        h: (T, B, D), the output of every step.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together.
    """
    check_sequence(x, len(p.W_in))
    inputs, x, caches = x, project(x, p.W_in), []
    for block in p.blocks:
        x, cache = forward_block(block, x, cell)
        caches.append(cache)
    h, norm = normalise(p.norm, x)
    return h, Cache(inputs, tuple(caches), norm, h)


@names_arguments(
    p=WEIGHTS, cache=fields(Cache, x=vectors_or_ids("T B", "V"), h="T B D"), dh="T B D"
)
def backward(p, cache, dh, *, cell):
    """Returns (dp, dx), given dh (T, B, D); dx is None for ids."""
    dx, dnorm = dnormalise(p.norm, cache.norm, dh)
    dblocks: tuple[Block, ...] = ()
    for block, of_block in zip(reversed(p.blocks), reversed(cache.blocks), strict=True):
        dblock, dx = backward_block(block, of_block, dx, cell)
        dblocks = (dblock, *dblocks)
    dx, dW_in = dproject(cache.x, p.W_in, dx)
    return Params(dW_in, dblocks, dnorm), dx


@names_arguments(p=BLOCK, x="... D")
def step_block(p, x, *states, cell):
    """Returns the output of a block for one step x (..., D), and the states of its cell."""
    rows, _ = normalise(p.norm_cell, x)
    new = cell.step(p.cell, rows, *states)
    new = new if isinstance(new, tuple) else (new,)
    x = x + new[0] @ p.W_o
    rows, _ = normalise(p.norm_feed, x)
    return x + relu(rows @ p.W_1 + p.b_1) @ p.W_2 + p.b_2, *new


@names_arguments(p=BLOCK, x="T B D")
def forward_block(p, x, cell):
    """Returns the output of a block for x (T, B, D), and its cache."""
    rows, norm_cell = normalise(p.norm_cell, x)
    h, of_cell = cell.forward(p.cell, rows)
    x = x + h @ p.W_o
    rows, norm_feed = normalise(p.norm_feed, x)
    f = relu(rows @ p.W_1 + p.b_1)
    x = x + f @ p.W_2 + p.b_2
    return x, BlockCache(norm_cell, of_cell, h, norm_feed, rows, f)


@names_arguments(p=BLOCK, cache=CACHE, dx="T B D")
def backward_block(p, cache, dx, cell):
    """Returns (dp, dx), given dx of the output: it goes around each part and through it."""
    df = drelu(cache.f, dx @ p.W_2.T)
    dW_2, db_2 = as_rows(cache.f).T @ as_rows(dx), dx.sum(axis=(0, 1))
    dW_1, db_1 = as_rows(cache.rows).T @ as_rows(df), df.sum(axis=(0, 1))
    dthrough, dnorm_feed = dnormalise(p.norm_feed, cache.norm_feed, df @ p.W_1.T)
    dx = dx + dthrough
    dW_o = as_rows(cache.h).T @ as_rows(dx)
    dcell, drows, *_ = cell.backward(p.cell, cache.cell, dx @ p.W_o.T)
    dthrough, dnorm_cell = dnormalise(p.norm_cell, cache.norm_cell, drows)
    dp = Block(dnorm_cell, dcell, dW_o, dnorm_feed, dW_1, db_1, dW_2, db_2)
    return dp, dx + dthrough
