"""The Transformer: its equations, its gradient, its mask, and its use as a cell."""

import numpy as np
import pytest

from tests.support.cell_cases import shaken
from unrolled import tree
from unrolled.data import text
from unrolled.gradients import gradcheck
from unrolled.models import language_model, transformer
from unrolled.models.transformer import EPSILON

T, B, V, D, N, F, BLOCKS = 4, 3, 9, 6, 3, 5, 2


def network(**options):
    return transformer.of(BLOCKS, N, F, **options)


def case(seed=0):
    """Weights of order 1, and ids."""
    rng = np.random.default_rng(seed)
    p = network().init(rng, V, D)
    return shaken(p, rng, 0.3), rng.integers(0, V, (T, B))


def norm(p, row):
    mean = sum(row) / D
    variance = sum((row - mean) ** 2) / D
    return p.g * (row - mean) / np.sqrt(variance + EPSILON) + p.c


@pytest.mark.equation("eq-transformer-input", "eq-transformer-block", "eq-layer-norm")
def test_forward_is_the_equations_step_by_step():
    p, ids = case()
    h, _ = network().forward(p, ids)
    for b in range(B):
        x = []
        for t in range(T):
            i = np.arange(D // 2)
            angle = t / 10000 ** (2 * i / D)
            P = np.ravel([np.sin(angle), np.cos(angle)], order="F")
            x.append(p.E[ids[t, b]] + P)
        for block in p.blocks:
            rows = [norm(block.norm_heads, row) for row in x]
            w = block.heads
            after = []
            for t in range(T):
                y = w.b_o.copy()
                for n in range(N):
                    q = rows[t] @ w.W_q[:, n] + w.b_q[n]
                    scores = [
                        np.exp(q @ (rows[s] @ w.W_k[:, n] + w.b_k[n]) / np.sqrt(D // N))
                        for s in range(t + 1)
                    ]
                    context = sum(
                        score * (rows[s] @ w.W_v[:, n] + w.b_v[n])
                        for s, score in enumerate(scores)
                    )
                    y += context / sum(scores) @ w.W_o[n]
                z = x[t] + y
                row = norm(block.norm_feed, z)
                f = np.maximum(0, row @ block.W_1 + block.b_1)
                after.append(z + f @ block.W_2 + block.b_2)
            x = after
        for t in range(T):
            np.testing.assert_allclose(h[t, b], norm(p.norm, x[t]), rtol=1e-10)


def gradient_check(loss, p, dp):
    """Every entry; the keys' biases by themselves, whose gradient is exactly zero."""
    numeric = gradcheck.central_difference(loss, p)
    blocks = []
    for block, other in zip(dp.blocks, numeric.blocks, strict=True):
        assert np.abs(block.heads.b_k).max() < 1e-13
        assert np.abs(other.heads.b_k).max() < 1e-8
        heads = block.heads._replace(b_k=other.heads.b_k)
        blocks.append(block._replace(heads=heads))
    gradcheck.check(loss, p, dp._replace(blocks=tuple(blocks)), tolerance=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_backward_is_the_gradient_of_forward(share):
    """The same seed before each evaluation makes the masks of dropout the same."""
    p, ids = case(1)
    dh = np.random.default_rng(2).standard_normal((T, B, D))

    def forward(q):
        cell = network(share=share, rng=np.random.default_rng(3))
        return cell.forward(q, ids)

    _, cache = forward(p)
    dp, dx = network().backward(p, cache, dh)
    assert dx is None
    gradient_check(lambda q: float((forward(q)[0] * dh).sum()), p, dp)


def test_a_language_model_over_it_has_the_gradient_of_its_loss_on_padded_sentences():
    p, _ = case(4)
    rng = np.random.default_rng(5)
    p = language_model.Params(p, rng.standard_normal((D, V)), rng.standard_normal(V))
    batch = text.pad([np.array([1, 5, 4, 8, 2]), np.array([1, 6, 2])])
    _, dp = language_model.loss_and_gradient(p, batch, network())

    def loss(cell):
        return language_model.loss(p._replace(cell=cell), batch, network())[0]

    gradient_check(loss, p.cell, dp.cell)
    alone = text.pad([np.array([1, 6, 2])])
    both = network().forward(p.cell, batch.inputs)[0]
    np.testing.assert_allclose(
        both[:2, 1], network().forward(p.cell, alone.inputs)[0][:, 0], rtol=1e-12
    )


def test_no_step_sees_what_comes_after_it():
    p, ids = case(6)
    h, _ = network().forward(p, ids)
    other = ids.copy()
    other[2:] = (other[2:] + 1) % V
    changed, _ = network().forward(p, other)
    np.testing.assert_array_equal(h[:2], changed[:2])
    assert (np.abs(h[2:] - changed[2:]).max(axis=-1) > 1e-3).all()


def test_one_block_sees_the_order_of_earlier_words():
    """It has it from the positions alone; a second block has it from the mask as well."""
    p, _ = case(7)
    p = p._replace(blocks=p.blocks[:1])
    h, _ = network().forward(p, np.array([[3], [4], [5]]))
    swapped, _ = network().forward(p, np.array([[4], [3], [5]]))
    assert np.abs(h[2] - swapped[2]).max() > 1e-3


@pytest.mark.parametrize("batch", [(), (B,)])
def test_steps_are_forward(batch):
    p, ids = case(8)
    ids = ids if batch else ids[:, 0]
    h, _ = network().forward(p, ids.reshape(T, -1))
    state = network().initial_state(p, *batch)
    assert state[0].shape == (*batch, D)
    for t in range(T):
        state = network().step(p, ids[t], *state)
        np.testing.assert_allclose(
            state[0], h[t].reshape(*batch, D), rtol=1e-10, atol=1e-12
        )


def test_sentences_are_drawn_from_it():
    p, _ = case(9)
    p = language_model.Params(p, np.zeros((D, V)), 5.0 * np.eye(V)[6])
    drawn = language_model.generate(
        p, np.random.default_rng(0), 1, 2, temperature=0, limit=3, cell=network()
    )
    assert drawn == [6, 6, 6]


def test_dropout_hides_and_leaves_the_mean():
    p, ids = case(10)
    cell = network(share=0.4, rng=np.random.default_rng(0))
    _, cache = cell.forward(p, ids)
    hidden = [cache.shown, *(s for c in cache.blocks for s in (c[2], c[6]))]
    assert len(hidden) == 1 + 2 * BLOCKS
    for found in hidden:
        np.testing.assert_allclose(np.unique(found.m), [0, 1 / 0.6], rtol=1e-6)


def test_float32_stays_float32():
    p, ids = case()
    p = tree.map(lambda a: a.astype(np.float32), p)
    cell = network(share=0.5, rng=np.random.default_rng(0))
    h, cache = cell.forward(p, ids)
    dp, _ = cell.backward(p, cache, np.ones_like(h))
    assert {leaf.dtype for leaf in tree.leaves((h, dp))} == {np.dtype(np.float32)}


def test_weights_begin_with_a_size_that_keeps_that_of_a_row():
    p = transformer.of(1, 4, 64).init(np.random.default_rng(0), 100, 32, np.float32)
    assert p.E.std() == pytest.approx(1 / np.sqrt(3), rel=0.05)
    assert p.blocks[0].W_1.std() == pytest.approx(1 / np.sqrt(3 * 32), rel=0.05)
    assert p.blocks[0].W_2.std() == pytest.approx(1 / np.sqrt(3 * 64), rel=0.05)
    small = transformer.of(1, 4, 64).init(np.random.default_rng(0), 100, 32, None, 0.1)
    assert 0.09 < np.abs(small.E).max() < 0.1


@pytest.mark.parametrize(
    ("sizes", "D"), [((0, 3, 5), 6), ((2, 4, 5), 6), ((2, 3, 0), 6), ((1, 3, 5), 9)]
)
def test_sizes_that_do_not_fit_are_refused(sizes, D):
    with pytest.raises(ValueError, match="D even and a multiple of N"):
        transformer.of(*sizes).init(np.random.default_rng(0), V, D)


def test_vectors_and_ids_out_of_range_are_refused():
    p, ids = case()
    with pytest.raises(ValueError, match="ids must be integers, got float64"):
        network().forward(p, ids.astype(float))
    with pytest.raises(ValueError, match=r"ids must lie in 0\.\.8"):
        network().forward(p, ids + V)
