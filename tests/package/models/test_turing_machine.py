"""The Neural Turing Machine: each stage of an address, reading and writing, the whole gradient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cell_cases import shaken
from unrolled import tree
from unrolled.cells import lstm, rnn
from unrolled.data import tasks
from unrolled.gradients import gradcheck
from unrolled.layers import feed_forward
from unrolled.models import turing_machine as ntm
from unrolled.models.turing_machine import READ, WRITE, Head

T, B, D, V, M, H, N = 4, 3, 3, 2, 4, 5, 6
seeds = st.integers(0, 2**32 - 1)
every_controller = pytest.mark.parametrize(
    "controller",
    [feed_forward, rnn, lstm],
    ids=lambda module: module.__name__.rpartition(".")[2],
)


def weights(rng, *shape):
    """Rows of positive numbers that sum to 1."""
    w = rng.gamma(1.0, size=shape)
    return w / w.sum(axis=-1, keepdims=True)


def case(controller=feed_forward, seed=0, T=T, B=B):
    """Parameters of order 1, a state in which everything is something, inputs and a gradient."""
    rng = np.random.default_rng(seed)
    p = ntm.init(rng, D, V, M, H, controller)
    p = shaken(p, rng, 0.3)
    state = tree.map(
        lambda s: rng.standard_normal(s.shape), ntm.initial_state(p, B, N, controller)
    )
    state = state._replace(w=weights(rng, B, 2, N))
    return p, rng.standard_normal((T, B, D)), state, rng.standard_normal((T, B, V))


def head(rng):
    return Head(
        key=rng.standard_normal((B, 2, M)),
        strength=rng.uniform(0.1, 4, (B, 2, 1)),
        gate=rng.uniform(0, 1, (B, 2, 1)),
        shifts=weights(rng, B, 2, 3),
        sharpness=rng.uniform(1, 3, (B, 2, 1)),
    )


def by_hand(memory, w, key, strength, gate, shifts, sharpness):
    """One head's address over N slots, slot by slot, from the displayed equations."""
    floor = ntm.FLOOR
    cosine = [
        (key @ row) / np.sqrt((key @ key + floor) * (row @ row + floor))
        for row in memory
    ]
    e = np.exp([strength * c for c in cosine])
    content = e / e.sum()
    gated = [gate * content[i] + (1 - gate) * w[i] for i in range(N)]
    shifted = [
        sum(shifts[k] * gated[(i - o) % N] for k, o in enumerate((-1, 0, 1)))
        for i in range(N)
    ]
    sharp = np.array(shifted) ** sharpness
    return cosine, content, gated, shifted, sharp / sharp.sum()


@pytest.mark.equation(
    "eq-ntm-cosine", "eq-ntm-content", "eq-ntm-gate", "eq-ntm-shift", "eq-ntm-sharpen"
)
def test_an_address_is_its_five_equations_slot_by_slot():
    rng = np.random.default_rng(1)
    memory, w, told = rng.standard_normal((B, N, M)), weights(rng, B, 2, N), head(rng)
    stages = ntm.address(memory, w, told)
    for b, k in np.ndindex(B, 2):
        scalars = told.strength[b, k, 0], told.gate[b, k, 0], told.shifts[b, k]
        expected = by_hand(
            memory[b], w[b, k], told.key[b, k], *scalars, told.sharpness[b, k, 0]
        )
        for found, wanted in zip(stages, expected, strict=True):
            np.testing.assert_allclose(found[b, k], wanted, rtol=1e-9)


@pytest.mark.equation("eq-ntm-sharpen-softmax")
def test_sharpening_is_a_softmax_of_logarithms():
    w = weights(np.random.default_rng(2), 3, 2, N)
    gamma = np.array([1.0, 2.5, 7.0]).reshape(3, 1, 1)
    power = w**gamma
    np.testing.assert_allclose(
        ntm.sharpen(w, gamma), power / power.sum(axis=-1, keepdims=True), rtol=1e-9
    )
    np.testing.assert_allclose(ntm.sharpen(w, 1.0), w, rtol=1e-9)
    hardest = ntm.sharpen(w, 500.0)
    assert (hardest.argmax(axis=-1) == w.argmax(axis=-1)).all() and hardest.max(
        axis=-1
    ).min() > 0.9


@pytest.mark.equation(
    "eq-ntm-controller", "eq-ntm-write", "eq-ntm-read", "eq-ntm-output"
)
@every_controller
def test_a_step_addresses_writes_reads_and_answers(controller):
    p, x, state, _ = case(controller)
    u, after, cache = ntm.step(p, x[0], state, controller)
    inner = controller.step(
        p.controller, np.concatenate([x[0], state.r], axis=1), *state.controller
    )
    h = inner[0] if isinstance(inner, tuple) else inner
    np.testing.assert_allclose(cache.h, h, rtol=1e-12)
    stages = ntm.address(state.memory, state.w, cache.head)
    np.testing.assert_allclose(after.w, stages.w, rtol=1e-12)
    e, a = np.split(h @ p.W_write + p.b_write, 2, axis=1)
    e = 1 / (1 + np.exp(-e))
    for b in range(B):
        memory = state.memory[b].copy()
        for i in range(N):
            for j in range(M):
                w = after.w[b, WRITE, i]
                memory[i, j] = memory[i, j] * (1 - w * e[b, j]) + w * a[b, j]
        np.testing.assert_allclose(after.memory[b], memory, rtol=1e-12)
        r = sum(after.w[b, READ, i] * memory[i] for i in range(N))
        np.testing.assert_allclose(after.r[b], r, rtol=1e-10)
        np.testing.assert_allclose(
            u[b], np.concatenate([h[b], r]) @ p.W_y + p.b_y, rtol=1e-10
        )


@every_controller
def test_what_the_controller_says_is_brought_into_range(controller):
    p, x, state, _ = case(controller, seed=3)
    told = ntm.step(p, 10 * x[0], state, controller)[2].head
    assert (told.strength > 0).all() and (told.sharpness > 1).all()
    assert (0 < told.gate).all() and (told.gate < 1).all()
    np.testing.assert_allclose(told.shifts.sum(axis=-1), 1, rtol=1e-12)


@every_controller
@pytest.mark.parametrize(("T", "B"), [(4, 3), (1, 1), (6, 2)])
def test_backward_is_the_gradient_of_forward(controller, T, B):
    p, x, state, du = case(controller, seed=T, T=T, B=B)

    def loss(everything):
        return float((ntm.forward(*everything, controller)[0] * du).sum())

    _, caches = ntm.forward(p, x, state, controller)
    found = ntm.backward(p, caches, du, controller)
    worst = gradcheck.check(loss, (p, x, state), found, tolerance=1e-7)
    assert len(worst) == len(tree.leaves((p, x, state)))


STAGES = {
    "similarity": (
        lambda a: ntm.similarity(a[0], a[1]),
        lambda a, y, d: ntm.dsimilarity(*a, d),
        ((B, 2, M), (B, N, M)),
    ),
    "shift": (
        lambda a: ntm.shift(a[0], a[1]),
        lambda a, y, d: ntm.dshift(*a, d),
        ((B, 2, N), (B, 2, 3)),
    ),
    "sharpen": (
        lambda a: ntm.sharpen(a[0], a[1]),
        lambda a, y, d: ntm.dsharpen(*a, y, d),
        ((B, 2, N), (B, 2, 1)),
    ),
}


@pytest.mark.equation("eq-ntm-dcosine", "eq-ntm-dshift", "eq-ntm-dsharpen")
@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_has_its_own_gradient(stage):
    f, df, shapes = STAGES[stage]
    rng = np.random.default_rng(4)
    a = tuple(rng.uniform(0.2, 1.5, shape) for shape in shapes)
    y = f(a)
    dy = rng.standard_normal(y.shape)
    gradcheck.check(lambda a: float((f(a) * dy).sum()), a, df(a, y, dy), tolerance=1e-7)


def test_sharpening_weights_of_nearly_nothing_has_its_gradient():
    rng = np.random.default_rng(16)
    w, sharpness = (
        1e-12 * rng.uniform(0.5, 2, (B, 2, N)),
        rng.uniform(0.5, 1.5, (B, 2, 1)),
    )
    dsharp = rng.standard_normal(w.shape)
    dw, dsharpness = ntm.dsharpen(w, sharpness, ntm.sharpen(w, sharpness), dsharp)

    def loss(w, sharpness):
        return float((ntm.sharpen(w, sharpness) * dsharp).sum())

    gradcheck.check(
        lambda v: loss(v[0], sharpness), (w,), (dw,), tolerance=1e-6, epsilon=1e-16
    )
    gradcheck.check(
        lambda v: loss(w, v[0]), (sharpness,), (dsharpness,), tolerance=1e-7
    )


def test_an_address_as_a_whole_has_its_gradient():
    rng = np.random.default_rng(13)
    given = rng.standard_normal((B, N, M)), weights(rng, B, 2, N), head(rng)
    dw = rng.standard_normal((B, 2, N))
    found = ntm.daddress(*given, ntm.address(*given), dw)
    worst = gradcheck.check(
        lambda a: float((ntm.address(*a).w * dw).sum()), given, found, tolerance=1e-7
    )
    assert len(worst) == 7


@every_controller
def test_a_step_has_its_gradient_with_what_later_steps_send_back(controller):
    p, x, state, du = case(controller, seed=14)
    _, after, cache = ntm.step(p, x[0], state, controller)
    rng = np.random.default_rng(15)
    dafter = tree.map(lambda s: rng.standard_normal(s.shape), after)

    def loss(everything):
        p, x_t, state = everything
        u, after, _ = ntm.step(p, x_t, state, controller)
        later = zip(tree.leaves(after), tree.leaves(dafter), strict=True)
        return float((u * du[0]).sum() + sum((s * d).sum() for s, d in later))

    found = ntm.dstep(p, cache, du[0], dafter, controller)
    gradcheck.check(loss, (p, x[0], state), found, tolerance=1e-7)


@pytest.mark.equation("eq-ntm-dwrite")
def test_a_write_has_the_gradient_of_the_page():
    rng = np.random.default_rng(5)
    memory, w, e, a = (rng.uniform(0.1, 1, s) for s in ((N, M), (N,), (M,), (M,)))
    dmemory = rng.standard_normal((N, M))

    def loss(v):
        memory, w, e, a = v
        return float(((memory * (1 - np.outer(w, e)) + np.outer(w, a)) * dmemory).sum())

    lost = dmemory * memory
    found = (
        dmemory * (1 - np.outer(w, e)),
        dmemory @ a - lost @ e,
        -(w @ lost),
        w @ dmemory,
    )
    gradcheck.check(loss, (memory, w, e, a), found, tolerance=1e-7)


@given(seeds)
def test_addresses_are_distributions_at_every_stage(seed):
    rng = np.random.default_rng(seed)
    stages = ntm.address(
        rng.standard_normal((B, N, M)), weights(rng, B, 2, N), head(rng)
    )
    assert (np.abs(stages.similarity) <= 1).all()
    for stage in stages[1:]:
        assert (stage >= 0).all()
        np.testing.assert_allclose(stage.sum(axis=-1), 1, rtol=1e-9)


@given(seeds, st.integers(0, N - 1))
def test_a_changed_slot_changes_the_address_by_content(seed, slot):
    rng = np.random.default_rng(seed)
    memory, w, told = rng.standard_normal((B, N, M)), weights(rng, B, 2, N), head(rng)
    changed = memory.copy()
    changed[:, slot] += rng.uniform(0.5, 1, M) * rng.choice([-1, 1], M)
    before, after = ntm.address(memory, w, told).w, ntm.address(changed, w, told).w
    assert (np.abs(before - after).max(axis=-1) > 1e-9).all()
    by_place = told._replace(gate=np.zeros((B, 2, 1)))  # and no other
    np.testing.assert_array_equal(
        ntm.address(memory, w, by_place).w, ntm.address(changed, w, by_place).w
    )


def test_a_key_finds_its_slot_and_a_strength_of_none_finds_all():
    rng = np.random.default_rng(6)
    memory, told = rng.standard_normal((B, N, M)), head(rng)
    told = told._replace(
        key=3 * memory[:, [2, 5]],  # the length of a key says nothing
        strength=np.full((B, 2, 1), 200.0),
        gate=np.ones((B, 2, 1)),
        shifts=np.broadcast_to([0.0, 1, 0], (B, 2, 3)),
    )
    found = ntm.address(memory, weights(rng, B, 2, N), told)
    assert (found.w.argmax(axis=-1) == [2, 5]).all() and found.w.max(
        axis=-1
    ).min() > 0.99
    flat = ntm.address(memory, found.w, told._replace(strength=np.zeros((B, 2, 1))))
    np.testing.assert_allclose(flat.content, 1 / N, rtol=1e-12)


@pytest.mark.parametrize(("k", "o"), [(0, -1), (1, 0), (2, 1)])
def test_a_certain_shift_turns_the_ring(k, o):
    w = np.broadcast_to(np.eye(N)[0], (B, 2, N))
    moved = ntm.shift(w, np.broadcast_to(np.eye(3)[k], (B, 2, 3)))
    assert (moved == np.eye(N)[o % N]).all()


def test_an_erased_slot_holds_what_was_added_and_the_read_head_brings_it():
    """Heads on one slot each, certain of everything: the memory is a memory."""
    p, x, state, _ = case(seed=7)
    M6 = M + 6
    told = np.zeros((2, M6))
    told[:, M + 1] = -40  # gate: stay with the place
    told[:, M + 3] = 40  # shift: none
    p = p._replace(
        W_head=0 * p.W_head,
        b_head=told.reshape(-1),
        W_write=0 * p.W_write,
        b_write=np.concatenate([np.full(M, 40.0), np.arange(M)]),
    )
    w = np.zeros((B, 2, N))
    w[:, :, 3] = 1
    _, after, _ = ntm.step(p, x[0], state._replace(w=w))
    np.testing.assert_allclose(
        after.memory[:, 3], np.tile(np.arange(M), (B, 1)), atol=1e-9
    )
    np.testing.assert_allclose(after.r, after.memory[:, 3], atol=1e-9)
    others = [i for i in range(N) if i != 3]
    np.testing.assert_allclose(
        after.memory[:, others], state.memory[:, others], atol=1e-9
    )


@every_controller
def test_a_split_sequence_with_its_state_carried_is_the_whole(controller):
    p, x, state, _ = case(controller, seed=8)
    whole, caches = ntm.forward(p, x, state, controller)
    first, one = ntm.forward(p, x[:2], state, controller)
    second, two = ntm.forward(p, x[2:], one[-1].after, controller)
    np.testing.assert_allclose(np.concatenate([first, second]), whole, rtol=1e-12)
    np.testing.assert_allclose(
        two[-1].after.memory, caches[-1].after.memory, rtol=1e-12
    )


@every_controller
def test_batch_rows_do_not_see_each_other(controller):
    p, x, state, du = case(controller, seed=9)
    together, caches = ntm.forward(p, x, state, controller)
    _, dx, _ = ntm.backward(p, caches, du, controller)
    for b in range(B):
        row = tree.map(lambda s, b=b: s[[b]], state)
        alone, one = ntm.forward(p, x[:, [b]], row, controller)
        np.testing.assert_allclose(alone[:, 0], together[:, b], rtol=1e-9)
        _, dx_b, _ = ntm.backward(p, one, du[:, [b]], controller)
        np.testing.assert_allclose(dx_b[:, 0], dx[:, b], rtol=1e-8, atol=1e-11)


def test_the_loss_reads_the_last_steps_alone():
    rng = np.random.default_rng(10)
    p = tree.map(lambda w: rng.standard_normal(w.shape), ntm.init(rng, 4, 3, M, H))
    batch = tasks.copy_of_bits(np.random.default_rng(11), 3, B, 3, np.float64)
    loss, gradient = ntm.loss_and_gradient(p, batch, N)
    u, _ = ntm.forward(p, batch.x, ntm.initial_state(p, B, N))
    q = 1 / (1 + np.exp(-u[-3:]))
    said = np.where(batch.y == 1, q, 1 - q)
    assert loss == pytest.approx(-np.log(said).mean(), rel=1e-12)
    direction = tree.map(lambda w: rng.standard_normal(w.shape), p)
    numeric = gradcheck.directional_difference(
        lambda p: ntm.loss_and_gradient(p, batch, N)[0], p, direction
    )
    pairs = zip(tree.leaves(gradient), tree.leaves(direction), strict=True)
    assert sum(float((g * d).sum()) for g, d in pairs) == pytest.approx(
        numeric, rel=1e-7
    )


def test_float32_stays_float32_and_is_near_float64():
    p, x, state, du = case(lstm, seed=12)
    single = tree.map(lambda a: a.astype(np.float32), (p, x, state, du))
    u, caches = ntm.forward(*single[:3], lstm)
    found = ntm.backward(single[0], caches, single[3], lstm)
    assert {leaf.dtype for leaf in tree.leaves((u, found))} == {np.dtype(np.float32)}
    wide, caches = ntm.forward(p, x, state, lstm)
    np.testing.assert_allclose(u, wide, atol=1e-4)
    expected = ntm.backward(p, caches, du, lstm)[0]
    for a, b in zip(tree.leaves(found[0]), tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-2 * np.abs(b).max())


def test_the_first_state_has_an_empty_memory_and_both_heads_at_slot_0():
    p = ntm.init(np.random.default_rng(0), 3, 2, 4, 5, lstm)
    memory, w, r, inner = ntm.initial_state(p, 2, N, lstm)
    assert memory.shape == (2, N, 4) and r.shape == (2, 4)
    assert not any(leaf.any() for leaf in tree.leaves((memory, r, inner)))
    np.testing.assert_array_equal(w, np.broadcast_to(np.eye(N)[0], (2, 2, N)))


def test_weights_begin_within_one_over_the_root_of_their_rows_and_biases_at_0():
    p = ntm.init(np.random.default_rng(0), 3, 20, 15, 30)
    for W in (p.W_head, p.W_write, p.W_y):
        assert (
            0.95 < np.abs(W).max() * np.sqrt(len(W)) <= 1
            and abs(W.mean()) < 0.1 * W.max()
        )
    assert not any(b.any() for b in (p.b_head, p.b_write, p.b_y))


def test_the_loss_of_single_precision_has_a_gradient_of_single_precision():
    p = ntm.init(np.random.default_rng(0), 4, 3, M, H, lstm, np.float32)
    batch = tasks.copy_of_bits(np.random.default_rng(1), 3, B, 3)
    _, gradient = ntm.loss_and_gradient(p, batch, N, lstm)
    leaves = tree.leaves((gradient, ntm.initial_state(p, B, N, lstm)))
    assert {leaf.dtype for leaf in leaves} == {np.dtype(np.float32)}


def test_what_does_not_fit_is_named():
    p, x, state, du = case()
    with pytest.raises(
        ValueError, match=r"x must be \(T, B, 3\) vectors with at least one step"
    ):
        ntm.forward(p, x[:0], state)
    with pytest.raises(ValueError, match=r"x must be \(T, B, 3\)"):
        ntm.forward(p, x[..., :2], state)
    with pytest.raises(ValueError, match=r"x must be \(T, B, 3\)"):
        ntm.forward(p, x[..., 0].astype(int), state)
    with pytest.raises(ValueError, match="memory, w and r must be"):
        ntm.forward(p, x[:, :2], state)
    with pytest.raises(ValueError, match=r"state\.w must be"):
        ntm.forward(p, x, state._replace(memory=state.memory[:, 1:]))
    with pytest.raises(ValueError):  # a gradient for each step
        ntm.backward(p, ntm.forward(p, x, state)[1], du[1:])
    assert ntm.initial_state(p, B, 3).w.shape == (B, 2, 3)
    with pytest.raises(ValueError, match="at least 3 slots, got N=2"):
        ntm.initial_state(p, B, 2)
    assert ntm.init(np.random.default_rng(0), 1, 1, 1, 1).W_y.shape == (2, 1)
    for sizes in ((0, 3, 3, 3), (3, 0, 3, 3), (3, 3, 0, 3), (3, 3, 3, 0)):
        with pytest.raises(ValueError, match="sizes must be at least 1, got D="):
            ntm.init(np.random.default_rng(0), *sizes)
