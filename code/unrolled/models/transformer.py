r"""A small causal Transformer that reads words, in the form of a cell of a language model.

    x   = E[w_t] + P[t]                              words and positions (eq-transformer-input)
    x ← x + heads(norm(x))                           for each block      (eq-transformer-block)
    x ← x + relu(norm(x) W_1 + b_1) W_2 + b_2
    h   = norm(x)
    norm(x) = g (x - mean) / √(variance + ε) + c     of each row         (eq-layer-norm)

This is the network of Vaswani et al. (2017) without its encoder. It normalises before each part
instead of after it, so that only additions lie between the word vectors and the last normalisation
(Xiong et al., 2020). The heads are those of ``layers.multi_head`` with the mask ``causal``. Padding
comes after the end of a sentence, where no real step looks.

``of`` returns the network with the functions of a cell, so that ``models.language_model`` can train
it and draw sentences from it. Its state contains all words that it has read. T time, B batch, V
vocabulary, D numbers of a step, N heads, F units between W_1 and W_2.
"""

from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments
from unrolled.arguments import ids as ids_of
from unrolled.functional import check_sequence, dproject, drelu, relu
from unrolled.layers import dropout, multi_head

Array = Any
EPSILON = 1e-5


class Norm(NamedTuple):
    """Weights of a normalisation; gradients are a Norm too."""

    g: Array  # (D,)
    c: Array  # (D,)


class Block(NamedTuple):
    """Weights of a block; gradients are a Block too."""

    norm_heads: Norm
    heads: multi_head.Params
    norm_feed: Norm
    W_1: Array  # (D, F)
    b_1: Array  # (F,)
    W_2: Array  # (F, D)
    b_2: Array  # (D,)


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    E: Array  # (V, D)
    blocks: tuple[Block, ...]
    norm: Norm


class BlockCache(NamedTuple):
    """What the backward of a block needs from its forward."""

    norm_heads: Any  # of each normalisation: its normalised rows, and 1/√(variance + ε)
    heads: Any
    shown_heads: Any  # of each dropout: its own cache, or None
    norm_feed: Any
    rows: Array  # (B, T, D): what W_1 reads
    f: Array  # (B, T, F): what W_2 reads
    shown_feed: Any


class Cache(NamedTuple):
    """What backward needs from forward."""

    ids: Array  # (T, B)
    shown: Any
    blocks: tuple[BlockCache, ...]
    norm: Any
    h: Array  # (T, B, D)


NORM = fields(Norm, g="D", c="D")
BLOCK = fields(
    Block,
    norm_heads=NORM,
    norm_feed=NORM,
    W_1="D F",
    b_1="F",
    W_2="F D",
    b_2="D",
)
WEIGHTS = fields(Params, E="V D", norm=NORM)  # each block is checked where it is used
CACHE = fields(BlockCache, rows="B T D", f="B T F")


@names_arguments
def of(blocks, N, F, share=0.0, rng=None):
    """Returns the Transformer as a cell: init, initial_state, step, forward, backward.

    Args:
        blocks: the number of blocks.
        N: heads of each block; D must be a multiple of N.
        F: units between W_1 and W_2.
        share: of dropout, for training: the share of entries that are hidden in the input of
            the first block and in what each part adds (Vaswani et al., 2017, section 5.4).
        rng: a ``numpy.random.Generator`` that chooses the entries.
    """
    return SimpleNamespace(
        init=partial(init, blocks=blocks, N=N, F=F),
        initial_state=initial_state,
        step=step,
        forward=partial(forward, share=share, rng=rng),
        backward=backward,
    )


@names_arguments
def init(rng, V, D, dtype=np.float64, input_scale=None, *, blocks, N, F):
    """Returns random Params: word vectors within ± input_scale (1 if left out).

    Other weights are uniform within ±1/√(number of terms in the sum). g starts at 1, biases and c
    start at 0.

    Raises:
        ValueError: D is odd or no multiple of N, or a size is below 1.
    """
    if min(V, D, blocks, N, F) < 1 or D % N or D % 2:
        raise ValueError(
            "need sizes of at least 1, D even and a multiple of N,"
            f" got V={V}, D={D}, blocks={blocks}, N={N}, F={F}"
        )
    scale = 1.0 if input_scale is None else input_scale

    def uniform(rows, columns):
        return (rng.uniform(-1, 1, (rows, columns)) / np.sqrt(rows)).astype(dtype)

    def norm():
        return Norm(np.ones(D, dtype), np.zeros(D, dtype))

    def block():
        return Block(
            norm(),
            multi_head.init(rng, D, N, D // N, dtype),
            norm(),
            uniform(D, F),
            np.zeros(F, dtype),
            uniform(F, D),
            np.zeros(D, dtype),
        )

    E = rng.uniform(-scale, scale, (V, D)).astype(dtype)
    return Params(E, tuple(block() for _ in range(blocks)), norm())


@names_arguments
def initial_state(p, *batch):
    """Returns the state before the first word: an output of zeros, and no word."""
    return np.zeros((*batch, p.E.shape[1]), p.E.dtype), np.zeros((0, *batch), int)


@names_arguments(p=WEIGHTS, x_t=ids_of("...", "V"), ids=ids_of("T ...", "V"))
def step(p, x_t, h, ids):
    """Returns (h, ids) after word x_t: its output, and all words that were read.

    All earlier steps are computed again. A faster program would keep their keys and values.
    """
    ids = np.concatenate([ids, np.asarray(x_t)[None]])
    h, _ = forward(p, ids.reshape(len(ids), -1))
    return h[-1].reshape(*ids.shape[1:], -1), ids


@names_arguments(p=WEIGHTS, ids=ids_of("T B", "V"))
def forward(p, ids, *, share=0.0, rng=None):
    """Returns the outputs h (T, B, D) for ids (T, B), and the cache.

    Raises:
        ValueError: ids that are not integers, or out of range.
    """
    V, D = p.E.shape
    if ids.dtype.kind not in "iu":
        raise ValueError(f"the network takes integer ids, got {ids.dtype}")
    T, _ = check_sequence(ids, V)
    x = p.E[ids.T] + multi_head.positions(T, D, p.E.dtype)
    x, shown = hide(x, share, rng)
    mask, caches = multi_head.causal(T), []
    for block in p.blocks:
        x, cache = forward_block(block, x, mask, share, rng)
        caches.append(cache)
    y, norm = normalise(p.norm, x)
    h = y.swapaxes(0, 1)
    return h, Cache(ids, shown, tuple(caches), norm, h)


@names_arguments(
    p=WEIGHTS, cache=fields(Cache, ids=ids_of("T B", "V"), h="T B D"), dh="T B D"
)
def backward(p, cache, dh):
    """Returns (dp, None), given dh (T, B, D)."""
    dx, dnorm = dnormalise(p.norm, cache.norm, dh.swapaxes(0, 1))
    dblocks: tuple[Block, ...] = ()
    for block, of_block in zip(reversed(p.blocks), reversed(cache.blocks), strict=True):
        dblock, dx = backward_block(block, of_block, dx)
        dblocks = (dblock, *dblocks)
    dx = dhide(cache.shown, dx)
    _, dE = dproject(cache.ids.T, p.E, dx)
    return Params(dE, dblocks, dnorm), None


@names_arguments(p=BLOCK, x="B T D")
def forward_block(p, x, mask, share=0.0, rng=None):
    """Returns the output of a block for rows x (B, T, D), and its cache."""
    rows, norm_heads = normalise(p.norm_heads, x)
    y, heads = multi_head.forward(p.heads, rows, mask=mask)
    y, shown_heads = hide(y, share, rng)
    x = x + y
    rows, norm_feed = normalise(p.norm_feed, x)
    f = relu(rows @ p.W_1 + p.b_1)
    y, shown_feed = hide(f @ p.W_2 + p.b_2, share, rng)
    return x + y, BlockCache(
        norm_heads, heads, shown_heads, norm_feed, rows, f, shown_feed
    )


@names_arguments(p=BLOCK, cache=CACHE, dx="B T D")
def backward_block(p, cache, dx):
    """Returns (dp, dx), given dx of the output: it goes around each part and through it."""
    dy = dhide(cache.shown_feed, dx)
    df = drelu(cache.f, dy @ p.W_2.T)
    dW_2, db_2 = rows_of(cache.f).T @ rows_of(dy), dy.sum(axis=(0, 1))
    dW_1, db_1 = rows_of(cache.rows).T @ rows_of(df), df.sum(axis=(0, 1))
    dthrough, dnorm_feed = dnormalise(p.norm_feed, cache.norm_feed, df @ p.W_1.T)
    dx = dx + dthrough
    dheads, drows, _ = multi_head.backward(
        p.heads, cache.heads, dhide(cache.shown_heads, dx)
    )
    dthrough, dnorm_heads = dnormalise(p.norm_heads, cache.norm_heads, drows)
    dp = Block(dnorm_heads, dheads, dnorm_feed, dW_1, db_1, dW_2, db_2)
    return dp, dx + dthrough


def check_entries(x):
    """Raises ValueError for rows of no numbers, which have no mean."""
    if x.shape[-1] == 0:
        raise ValueError(f"x must have rows of at least one number, got {x.shape}")


def check_normalised(cache, dy):
    """Raises ValueError unless dy is of what ``normalise`` returned with this cache."""
    if cache[0].shape != dy.shape:
        raise ValueError(f"dy must be {cache[0].shape}, got {dy.shape}")


@names_arguments(p=NORM, x="... D")
def normalise(p, x):
    """Returns norm(x) for rows x (..., D), and what its backward needs."""
    check_entries(x)
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    inverse = 1 / np.sqrt(variance + x.dtype.type(EPSILON))
    x_hat = centred * inverse
    return p.g * x_hat + p.c, (x_hat, inverse)


@names_arguments(p=NORM, dy="... D")
def dnormalise(p, cache, dy):
    """Returns (dx, dp) of ``normalise``: x also changes the mean and variance of its row."""
    check_normalised(cache, dy)
    x_hat, inverse = cache
    dx_hat = dy * p.g
    dx = inverse * (
        dx_hat
        - dx_hat.mean(axis=-1, keepdims=True)
        - x_hat * (dx_hat * x_hat).mean(axis=-1, keepdims=True)
    )
    return dx, Norm(rows_of(dy * x_hat).sum(axis=0), rows_of(dy).sum(axis=0))


@names_arguments(x="...")
def hide(x, share, rng):
    """Returns x after dropout of a share of its entries, and what its backward needs."""
    return dropout.forward((), x, share=share, rng=rng) if share else (x, None)


@names_arguments
def dhide(cache, dy):
    """Returns dx of ``hide``."""
    return dy if cache is None else dropout.backward((), cache, dy)[1]


@names_arguments
def rows_of(x):
    """Returns x (..., n) as a matrix of rows."""
    return x.reshape(-1, x.shape[-1])
