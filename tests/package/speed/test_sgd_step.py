"""Every way to take the step takes the same step, and the fast ones touch what they say."""

import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose
from threadpoolctl import threadpool_info, threadpool_limits

from unrolled import tree
from unrolled.cells import lstm, rnn
from unrolled.data import text
from unrolled.models import language_model
from unrolled.speed import sgd_step
from unrolled.training import optimizers

V, H = 37, 6
RATE = 0.25
OUTPUTS = (sgd_step.output_in_place, sgd_step.output_fused, sgd_step.output_and_update)
ALL = {
    **{output.__name__: {"output": output} for output in OUTPUTS},
    "blocks of unequal size": {"rows_at_once": 4},
    "gemm": {"subtract": sgd_step.subtract_product},
    "gemm in blocks": {"subtract": sgd_step.subtract_product, "rows_at_once": 4},
    "threads": {"output": sgd_step.output_on_threads, "rows_at_once": 3},
}


def sentences(rng, lengths):
    # words come twice, nine never
    return [rng.integers(0, V - 9, n + 1) for n in lengths]


def example(lengths=(5, 2, 4), dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    p = language_model.init(rng, V, H, dtype=dtype)
    p = p._replace(b_y=rng.normal(size=V).astype(dtype), W_y=10 * p.W_y)
    p.cell.b[:] = rng.normal(size=H)
    return p, text.pad(sentences(rng, lengths))


def expected(p, batch, rate=RATE):
    """The book's gradient and its SGD, on copies."""
    p = tree.map(np.copy, p)
    mean, d = language_model.loss_and_gradient(p, batch, reduction="sum")
    return mean, optimizers.sgd(p, d, learning_rate=rate)[0]


def take(p, batch, options, work=None):
    work = sgd_step.Workspace() if work is None else work
    if options.get("output") is sgd_step.output_on_threads:
        options = options | {"others": others(work)}
    return sgd_step.step(p, batch, RATE, work, **options)


def others(work):
    """The workspaces of two more threads, the same for the same ``work``."""
    work.others = getattr(work, "others", [sgd_step.Workspace(), sgd_step.Workspace()])
    return work.others


def gap(found, right, before):
    """Largest difference of a gradient, relative to its largest entry."""
    return max(
        float(np.abs(a - b).max() / np.abs(b - c).max())
        for a, b, c in zip(*map(tree.leaves, (found, right, before)), strict=True)
    )


@pytest.mark.parametrize(
    "lengths", [(5,), (4, 4), (16,), (5, 2, 4), (30, 9, 11)], ids=str
)
@pytest.mark.parametrize("way", ALL)
def test_each_way_takes_the_step_of_the_book(way, lengths):
    p, batch = example(lengths)
    before = tree.map(np.copy, p)
    loss, right = expected(p, batch)
    found = take(p, batch, ALL[way])
    assert_allclose(found, loss, rtol=1e-12)
    assert gap(p, right, before) < 1e-12


@pytest.mark.parametrize("way", ALL)
def test_each_way_holds_in_single_precision(way):
    p, batch = example(dtype=np.float32)
    before = tree.map(np.copy, p)
    _, right = expected(*example())
    take(p, batch, ALL[way])
    assert all(leaf.dtype == np.float32 for leaf in tree.leaves(p))
    assert gap(p, right, before) < 1e-5


def test_the_plain_way_leaves_the_weights_alone():
    p, batch = example()
    before = tree.map(np.copy, p)
    loss, right = expected(p, batch)
    found, new = sgd_step.reference_step(p, batch, RATE)
    assert_allclose(found, loss, rtol=1e-12)
    assert gap(new, right, before) < 1e-12
    assert all(map(np.array_equal, tree.leaves(p), tree.leaves(before)))


@pytest.mark.parametrize("way", ALL)
def test_memory_is_used_again_and_gives_the_same_steps(way):
    """Batches of other sizes come between; what they leave behind must not matter."""
    work = sgd_step.Workspace()
    p, _ = example()
    other = tree.map(np.copy, p)
    for lengths in ((5, 2, 4), (9,), (1, 1), (5, 2, 4)):
        batch = text.pad(sentences(np.random.default_rng(len(lengths)), lengths))
        take(p, batch, ALL[way], work)
        other = expected(other, batch)[1]
    assert gap(p, other, tree.map(np.zeros_like, p)) < 1e-12


@pytest.mark.parametrize("way", ALL)
def test_what_lies_in_the_memory_before_does_not_matter(way):
    work = sgd_step.Workspace()
    p, batch = example((5, 7))
    take(
        tree.map(np.copy, p),
        text.pad(sentences(np.random.default_rng(0), (40,))),
        ALL[way],
        work,
    )
    for space in (work, *others(work)):
        for memory in space.memory.values():
            memory[:] = np.inf
    before = tree.map(np.copy, p)
    _, right = expected(p, batch)
    with np.errstate(all="raise"):
        take(p, batch, ALL[way], work)
    assert gap(p, right, before) < 1e-12


def test_a_workspace_gives_the_same_memory_under_the_same_name():
    work = sgd_step.Workspace()
    first = work.array("a", (4, 5), np.float64)
    again = work.array("a", (3, 2), np.float64)
    assert np.shares_memory(first, again) and again.shape == (3, 2)
    assert not np.shares_memory(first, work.array("b", (4, 5), np.float64))
    assert work.array("a", (50, 5), np.float64).shape == (50, 5)
    assert work.array("a", (2,), np.float32).dtype == np.float32


def test_states_and_their_gradient_are_those_of_the_cell():
    p, batch = example((4, 4, 4))
    rng, work = np.random.default_rng(3), sgd_step.Workspace()
    h = sgd_step.states(p.cell, batch.inputs, work)
    right, cache = rnn.forward(p.cell, batch.inputs)
    assert_allclose(h[1:], right, rtol=1e-13)
    assert not h[0].any()
    dh = rng.normal(size=right.shape)
    da = dh.copy()
    sgd_step.dstates(p.cell, h, da, work)
    dp, *_ = rnn.backward(p.cell, cache, dh)
    assert_allclose(da.sum(axis=(0, 1)), dp.b, rtol=1e-12)
    assert_allclose(
        h[:-1].reshape(-1, H).T @ da.reshape(-1, H), dp.W_h, rtol=1e-11, atol=1e-13
    )


@pytest.mark.parametrize("N", [1, 16, 45])
def test_the_output_layers_return_the_loss_and_dh_and_update_with_the_gradient(N):
    rng = np.random.default_rng(N)
    h, targets = rng.normal(size=(N, H)), rng.integers(0, V, N)
    for output, options in (
        (sgd_step.output_in_place, {}),
        (sgd_step.output_fused, {}),
        (sgd_step.output_and_update, {"rows_at_once": 20}),
        (
            sgd_step.output_on_threads,
            {"rows_at_once": 10, "others": [sgd_step.Workspace()]},
        ),
    ):
        p, _ = example()
        W_y, b_y = p.W_y.copy(), p.b_y.copy()
        right = language_model.output_layer(h, W_y, b_y, targets)
        loss, dh = output(h, p, targets, RATE, sgd_step.Workspace(), **options)
        assert_allclose(loss, right[0], rtol=1e-12)
        assert_allclose(dh, right[1], rtol=1e-10, atol=1e-13)
        assert_allclose(W_y - p.W_y, RATE * right[2], rtol=1e-9, atol=1e-13)
        assert_allclose(b_y - p.b_y, RATE * right[3], rtol=1e-9, atol=1e-13)


@pytest.mark.equation("eq-gemm")
def test_the_product_is_subtracted_without_being_written_down():
    rng = np.random.default_rng(0)
    W, x, dy = rng.normal(size=(4, 7)), rng.normal(size=(3, 4)), rng.normal(size=(3, 7))
    right = W - 0.3 * sum(np.outer(a, b) for a, b in zip(x, dy, strict=True))
    sgd_step.subtract_product(W, x, dy, 0.3)
    assert_allclose(W, right, rtol=1e-13)
    part = W[1:3]  # whole rows: still one after the other
    sgd_step.subtract_product(part, x[:, 1:3], dy, -0.3)
    assert_allclose(W[1:3], right[1:3] + 0.3 * (x.T @ dy)[1:3], rtol=1e-13)
    assert_allclose(W[[0, 3]], right[[0, 3]], rtol=1e-13)


def test_numpys_product_subtracts_the_same_and_calls_nothing_of_scipys(monkeypatch):
    rng = np.random.default_rng(0)
    W, x, dy = rng.normal(size=(4, 7)), rng.normal(size=(3, 4)), rng.normal(size=(3, 7))
    right, kept = W.copy(), x.copy()
    sgd_step.subtract_product(right, x, dy, 0.3)
    monkeypatch.delattr(sgd_step, "get_blas_funcs")
    sgd_step.subtract_in_numpy(W, x, dy, 0.3, sgd_step.Workspace())
    assert_allclose(W, right, rtol=1e-13)
    assert_allclose(x, kept, rtol=0)
    p, batch = example()
    take(p, batch, {})  # the default
    with pytest.raises(NameError):
        take(p, batch, {"subtract": sgd_step.subtract_product})


@pytest.mark.parametrize(
    ("W", "x"),
    [
        (np.zeros((7, 4)).T, np.zeros((3, 4))),
        (np.zeros((4, 14))[:, ::2], np.zeros((3, 4))),
        (np.zeros((4, 7)), np.zeros((3, 4), "f")),
    ],
    ids=["another order", "not contiguous", "another dtype"],
)
def test_a_matrix_that_blas_would_copy_is_refused(W, x):
    """On a copy the update would be lost without a word."""
    with pytest.raises(ValueError, match="C-contiguous and of the dtype"):
        sgd_step.subtract_product(W, x, np.zeros((3, 7)), 1.0)


def test_only_rows_that_were_read_change():
    p, batch = example()
    before = p.cell.W_x.copy()
    take(p, batch, {})
    changed = np.flatnonzero((p.cell.W_x != before).any(axis=1))
    assert set(changed) == set(batch.inputs[batch.mask])


@pytest.mark.equation("eq-one-exponential")
def test_loss_and_gradient_come_from_one_exponential():
    rng = np.random.default_rng(1)
    # exp(700) overflows
    u, targets = rng.normal(size=(5, 8)) + 700, rng.integers(0, 8, 5)
    e = np.exp(u - 700)
    p = e / e.sum(axis=1, keepdims=True)
    loss = sgd_step.logits_to_gradient(u, targets)
    assert_allclose(loss, -np.log(p[np.arange(5), targets]).sum(), rtol=1e-12)
    assert_allclose(u, p - np.eye(8)[targets], atol=1e-14)


def test_the_rows_are_divided_among_threads_of_which_each_gets_a_block(monkeypatch):
    """Eleven words: three threads get four, four and three of them; one block needs one thread."""
    seen, right = [], sgd_step.output_and_update

    def watched(h, p, *rest, **options):
        seen.append((len(h), threading.get_ident(), p.W_y))
        barrier.wait()  # no thread takes a second share
        return right(h, p, *rest, **options)

    monkeypatch.setattr(sgd_step, "output_and_update", watched)
    p, batch = example((5, 2, 4))
    for rows_at_once, sizes in (
        (3, [3, 4, 4]),
        (5, [3, 4, 4]),
        (6, [5, 6]),
        (11, [11]),
    ):
        seen.clear()
        barrier = threading.Barrier(len(sizes), timeout=20)
        work, options = sgd_step.Workspace(), {"rows_at_once": rows_at_once}
        sgd_step.step_on_threads(p, batch, RATE, work, others(work), **options)
        assert sorted(n for n, *_ in seen) == sizes
        assert len({thread for _, thread, _ in seen}) == len(sizes)
        shared = [np.shares_memory(W_y, p.W_y) for *_, W_y in seen]
        assert shared == [len(sizes) == 1] * len(sizes)


def test_a_step_on_threads_gives_each_product_one_thread_of_blas_and_then_all_again():
    p, batch = example()
    before, used = tree.map(np.copy, p), []
    loss, right = expected(p, batch)

    def watching(W, *rest):
        used.append(threads_of_blas())
        sgd_step.subtract_in_numpy(W, *rest)

    with threadpool_limits(2, "blas"):
        if max(threads_of_blas()) < 2:
            pytest.skip("this BLAS has one thread")
        work = sgd_step.Workspace()
        options = {"rows_at_once": 4, "subtract": watching}
        found = sgd_step.step_on_threads(
            p, batch, RATE, work, [sgd_step.Workspace()], **options
        )
        assert max(threads_of_blas()) == 2
    assert_allclose(found, loss, rtol=1e-12)
    assert gap(p, right, before) < 1e-12
    assert len(used) >= 3 and set().union(*used) == {1}


@pytest.mark.parametrize(("N", "rows_at_once"), [(0, 4), (8, 0), (8, -1)])
def test_threads_without_a_row_are_refused(N, rows_at_once):
    p, _ = example()
    given = np.zeros((N, H)), p, np.zeros(N, int), RATE, sgd_step.Workspace()
    with pytest.raises(ValueError, match="h must have a row"):
        sgd_step.output_on_threads(
            *given, [sgd_step.Workspace()], rows_at_once=rows_at_once
        )


def threads_of_blas():
    return {p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"}


@pytest.mark.parametrize(("N", "count"), [(10, 3), (3, 3), (2, 5), (1440, 12), (1, 1)])
def test_parts_cover_everything_once_and_evenly(N, count):
    found = sgd_step.parts(N, count)
    assert [n for part in found for n in range(N)[part]] == list(range(N))
    sizes = [part.stop - part.start for part in found]
    sixteens = N >= 16 * count  # then a part begins at a multiple of 16
    assert max(sizes) - min(sizes) <= (16 if sixteens else 1) and 1 <= min(sizes)
    assert not sixteens or all(part.start % 16 == 0 for part in found)


def test_what_does_not_fit_is_refused_before_anything_is_overwritten():
    p, batch = example()
    before = tree.map(np.copy, p)
    work = sgd_step.Workspace()
    late = batch._replace(targets=np.where(batch.mask, V, 0))
    early = batch._replace(inputs=batch.inputs + V)
    empty = batch._replace(mask=np.zeros_like(batch.mask))
    for wrong, message in (
        (late, "targets"),
        (early, "ids"),
        (empty, "no word to predict"),
    ):
        with pytest.raises(ValueError, match=message):
            sgd_step.step(p, wrong, RATE, work)
    assert all(map(np.array_equal, tree.leaves(p), tree.leaves(before)))
    mixed = p._replace(W_y=p.W_y.astype(np.float32))
    turned = p._replace(W_y=np.asfortranarray(p.W_y))
    for wrong in (mixed, turned):
        with pytest.raises(ValueError, match="C-contiguous and of one dtype"):
            sgd_step.step(wrong, batch, RATE, work)
    cell = lstm.init(np.random.default_rng(0), V, H)
    with pytest.raises(ValueError, match=r"rnn\.Params"):
        sgd_step.step(p._replace(cell=cell), batch, RATE, work)
