"""The fused LSTM in Triton's interpreter, against the LSTM of Part 4 in float64."""

import importlib.util
import inspect
import linecache
from functools import partial

import numpy as np
import pytest

from tests.support import registered_cells
from tests.support.cell_cases import shaken
from tests.support.closeness import gap
from unrolled import tree
from unrolled.cells import lstm
from unrolled.frameworks import triton_interpreter, triton_lstm

triton = pytest.importorskip("triton", reason="Triton has builds for Linux alone")
tl = triton.language

SIZES = [  # T, B, D, H: below, at and beyond what a program owns
    (1, 1, 1, 1),
    (3, 5, 4, 6),
    (4, 18, 7, 20),
    (5, 16, 3, 16),
    (2, 33, 5, 40),
]
ROUNDING = {np.float64: 1e-13, np.float32: 5e-6, np.float16: 1e-2}


def case(T, B, D, H, seed=0):
    rng = np.random.default_rng(seed)
    p = shaken(lstm.init(rng, D, H), rng)
    x, (h0, c0) = rng.standard_normal((T, B, D)), rng.standard_normal((2, B, H))
    dh, dc = rng.standard_normal((2, T, B, H))
    return p, x, (h0, c0), dh, dc


def as_type(dtype, values):
    return tree.map(lambda leaf: leaf.astype(dtype), values)


def both(dtype, T, B, D, H, seed=0):
    """Returns the gap of the kernels' states and gradients to lstm's in float64."""
    p, x, state, dh, dc = case(T, B, D, H, seed)
    sums = np.promote_types(dtype, np.float32)
    h, cache = triton_lstm.forward(*as_type(dtype, (p, x)), *as_type(dtype, state))
    d = triton_lstm.backward(
        as_type(dtype, p), cache, dh.astype(dtype), dc.astype(sums)
    )
    h_exact, cache_exact = lstm.forward(p, x, *state)
    d_exact = lstm.backward(p, cache_exact, dh, dc)
    return gap((h, cache.c[1:], *d), (h_exact, cache_exact.c, *d_exact))


@pytest.mark.parametrize("name", registered_cells.cells("Triton"))
def test_every_cell_of_triton_has_its_kernels(name):
    found = importlib.util.find_spec(f"unrolled.frameworks.triton_{name}")
    assert found, f"write code/unrolled/frameworks/triton_{name}.py"


@pytest.mark.parametrize("sizes", SIZES)
def test_both_kernels_compute_what_the_lstm_computes(sizes, measured):
    found = both(np.float64, *sizes)
    measured("Triton", "states and gradients", found, ROUNDING[np.float64], case="lstm")


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_single_and_half_precision_differ_by_their_rounding_alone(dtype):
    found = both(dtype, 6, 18, 7, 20)
    assert 1e-3 * ROUNDING[dtype] < found < ROUNDING[dtype]


def test_states_and_dc_left_out_are_zeros():
    p, x, _, dh, _ = case(3, 5, 4, 6)
    h, cache = triton_lstm.forward(p, x)
    h_exact, cache_exact = lstm.forward(p, x)
    assert gap(h, h_exact) < 1e-13
    d, d_exact = triton_lstm.backward(p, cache, dh), lstm.backward(p, cache_exact, dh)
    assert gap(tuple(d), tuple(d_exact)) < 1e-13


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_which_programs_get_on_changes_nothing(seed, monkeypatch):
    run = partial(triton_interpreter.run, rng=np.random.default_rng(seed))
    monkeypatch.setattr(triton_interpreter, "run", run)
    assert both(np.float64, 4, 18, 7, 20) < ROUNDING[np.float64]


def test_pieces_of_other_sizes_change_nothing():
    p, x, state, dh, dc = case(3, 20, 4, 24)
    h_exact, cache_exact = lstm.forward(p, x, *state)
    d_exact = lstm.backward(p, cache_exact, dh, dc)
    for plan in (triton_lstm.Plan(32, 16, 4), triton_lstm.Plan(16, 32, 2)):
        h, cache = triton_lstm.forward(p, x, *state, plan=plan)
        d = triton_lstm.backward(p, cache, dh, dc, plan=plan)
        assert gap((h, *d), (h_exact, *d_exact)) < 1e-13


# --- errors planted in the kernels ---------------------------------------------------------------


def changed(kernel, before, after):
    """Returns the kernel with one piece of its source replaced."""
    source = inspect.getsource(kernel.fn)
    assert source.count(before) == 1, before
    source = source.replace(before, after)
    name = f"<{kernel.__name__} with {after}>"
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    scope = dict(vars(triton_lstm))
    exec(compile(source, name, "exec"), scope)
    return scope[kernel.__name__]


@pytest.mark.parametrize(
    ("kernel", "before", "after"),
    [
        ("forward_kernel", "c = f * c + i * g", "c = f * c + i * g * g"),
        ("forward_kernel", "column % 4", "(column + 1) % 4"),
        ("forward_kernel", "t * others)  # all", "0)  # all"),
        ("forward_kernel", "(k < H)[:, None, :]", "(k < H - 1)[:, None, :]"),
        (
            "forward_kernel",
            "tl.store(gate + H, f, mask)",
            "tl.store(gate + H, i, mask)",
        ),
        ("backward_kernel", "dc *= f", "dc *= i"),
        ("backward_kernel", "back * others)", "0)"),
        ("backward_kernel", "(1 - tanh_c * tanh_c)", "(1 - tanh_c)"),
        ("backward_kernel", "tl.dot(da, W_g", "tl.dot(da, W_f"),
        ("backward_kernel", "c = c_previous", "c = c"),
        ("backward_kernel", "dh * tanh_c * o", "1.0005 * dh * tanh_c * o"),
        ("backward_kernel", "dc += tl.load", "dc = tl.load"),
    ],
)
def test_an_error_planted_in_a_kernel_is_found(kernel, before, after, monkeypatch):
    monkeypatch.setattr(
        triton_lstm, kernel, changed(getattr(triton_lstm, kernel), before, after)
    )
    # else in step by luck
    run = partial(triton_interpreter.run, rng=np.random.default_rng(0))
    monkeypatch.setattr(triton_interpreter, "run", run)
    assert both(np.float64, 4, 5, 7, 20) > 1e-5


@pytest.mark.parametrize(
    "kernel", [triton_lstm.forward_kernel, triton_lstm.backward_kernel]
)
def test_a_program_that_does_not_count_itself_leaves_the_others_stuck(
    kernel, monkeypatch
):
    p, x, _, dh, _ = case(3, 5, 4, 20)
    _, cache = triton_lstm.forward(p, x)
    monkeypatch.setattr(
        triton_lstm, kernel.__name__, changed(kernel, "arrive(counter)", "pass")
    )
    monkeypatch.setattr(triton_interpreter, "PATIENCE", 20)
    with pytest.raises(
        triton_interpreter.Stuck, match="every program waits for another"
    ):
        triton_lstm.forward(p, x)
        triton_lstm.backward(p, cache, dh)


# --- what the kernels move -----------------------------------------------------------------------


@pytest.mark.equation("eq-fused-weights", "eq-fused-exchange", "eq-fused-exchange-back")
@pytest.mark.parametrize(("T", "B", "H"), [(3, 16, 32), (5, 32, 64), (2, 48, 16)])
def test_the_kernels_read_what_the_equations_count(T, B, H, monkeypatch):
    moved = []
    run = triton_interpreter.run
    monkeypatch.setattr(
        triton_interpreter, "run", lambda *arguments: moved.append(run(*arguments))
    )
    p, x, _, dh, _ = case(T, B, 4, H)
    p, x, dh = as_type(np.float32, (p, x, dh))
    _, cache = triton_lstm.forward(p, x)
    triton_lstm.backward(p, cache, dh)
    size, R, U = 4, 16, 16
    weights = (B // R) * 4 * H * H * size  # once, by each block of rows
    exchanged = T * (H // U) * B * H * size
    forward, backward = moved
    assert forward.loaded == weights + exchanged + (T * B * 4 * H + B * H) * size
    assert forward.stored == T * B * (H + H + 4 * H) * size  # h, c, gates
    own = T * B * (4 * H + H + H) + B * H  # gates, c_{t-1}, dh; c_T
    assert backward.loaded == weights + 4 * exchanged + own * size
    assert backward.stored == (T * B * 4 * H + B * H) * size


@pytest.mark.equation("eq-fused-reread")
def test_weights_read_in_every_step_would_be_T_times_as_much(monkeypatch):
    moved = []
    run = triton_interpreter.run
    monkeypatch.setattr(
        triton_interpreter, "run", lambda *arguments: moved.append(run(*arguments))
    )
    before = "        wait_for(counter, t * others)  # all units of the state before are there\n"
    load = "W_ptr + k[:, :, None] * 4 * H + column[None, None, :], W_mask, 0.0)"
    rereading = changed(
        triton_lstm.forward_kernel, before, f"{before}        W = tl.load({load}\n"
    )
    T, B, H = 4, 32, 32
    p, x, *_ = case(T, B, 3, H)
    triton_lstm.forward(p, x)
    monkeypatch.setattr(triton_lstm, "forward_kernel", rereading)
    triton_lstm.forward(p, x)
    once, again = (traffic.loaded for traffic in moved)
    assert again - once == T * (B // 16) * 4 * H * H * 8


@triton_lstm.jit
def curves(a_ptr, s_ptr, t_ptr, N: tl.constexpr):
    """Writes sigmoid and tanh of N numbers."""
    at = tl.arange(0, N)
    a = tl.load(a_ptr + at)
    tl.store(s_ptr + at, triton_lstm.sigmoid(a))
    tl.store(t_ptr + at, triton_lstm.tanh(a))


@triton_lstm.jit
def counted(out_ptr, counter_ptr):
    """Every program stores; the last to come would see all, and so does the first."""
    me, all_of_them = tl.program_id(0), tl.num_programs(0)
    tl.store(out_ptr + me, me + 1.0)
    triton_lstm.arrive(counter_ptr)
    triton_lstm.wait_for(counter_ptr, all_of_them)
    tl.store(out_ptr + all_of_them + me, tl.load(out_ptr + (me + 1) % all_of_them))


def test_sigmoid_and_tanh_in_a_kernel():
    a = np.array([-1000.0, -30, -1, -1e-3, 0, 0.5, 20, 800])
    s, t = np.empty((2, 8))
    triton_interpreter.run(curves, (1,), (a, s, t), {"N": 8})
    np.testing.assert_allclose(s, 0.5 * (1 + np.tanh(0.5 * a)), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(t, np.tanh(a), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("seed", range(4))
def test_who_arrived_is_seen_by_who_waited(seed):
    out = np.full(10, np.nan)
    rng = np.random.default_rng(seed)
    triton_interpreter.run(counted, (5,), (out, np.zeros(1, np.int32)), {}, rng)
    np.testing.assert_array_equal(out[5:], [2, 3, 4, 5, 1])


def test_programs_that_only_wait_end():
    triton_interpreter.run(
        triton_lstm.exchange_kernel, (2, 3), (np.zeros(2, np.int32), 5), {}
    )


# --- what does not fit ---------------------------------------------------------------------------


def test_the_plan_is_the_smallest_that_runs_at_once():
    choose = triton_lstm.choose
    assert choose(64, 256, 2, 132)[:2] == (16, 16)
    assert choose(64, 512, 4, 132).grid(64, 512) == (4, 32)
    assert choose(256, 256, 2, 132)[:2] == (32, 16)
    assert choose(64, 1024, 2, 132)[:2] == (32, 16)
    for H, size in [(256, 2), (512, 4), (1024, 2)]:
        plan = choose(16, H, size, 132)
        assert 4 * plan.padded(H) * plan.units * size <= triton_lstm.WEIGHTS_ON_CHIP


@pytest.mark.parametrize(
    ("B", "H", "size"), [(64, 4096, 2), (4096, 512, 2), (16, 1024, 4)]
)
def test_what_does_not_fit_on_the_chip_is_refused(B, H, size):
    with pytest.raises(
        ValueError, match=f"H={H} at B={B} does not fit on 132 multiprocessors"
    ):
        triton_lstm.choose(B, H, size, 132)


def test_inputs_that_do_not_fit_are_refused():
    p, x, (h0, c0), dh, _ = case(3, 5, 4, 6)
    for wrong, message in [
        (lambda: triton_lstm.forward(p, x[..., :3]), r"x must be \(T, B, 4\) vectors"),
        (
            lambda: triton_lstm.forward(p, x, h0),
            "two states: give h0 and c0, or neither",
        ),
        (
            lambda: triton_lstm.forward(p, x, h0[:2], c0),
            r"h0 must be \(5, 6\), got \(2, 6\)",
        ),
        (
            lambda: triton_lstm.forward(p, x, h0, c0.T),
            r"c0 must be \(5, 6\), got \(6, 5\)",
        ),
        (
            lambda: triton_lstm.forward(
                *case(1, 4096, 1, 16)[:2], plan=triton_lstm.Plan()
            ),
            "256 programs of B=4096, H=16; they wait",
        ),
        (
            lambda: triton_lstm.backward(p, triton_lstm.forward(p, x)[1], dh[:, ::-1]),
            "dh_ptr must be contiguous",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            wrong()


def test_without_triton_it_says_so(monkeypatch):
    monkeypatch.setattr(triton_lstm, "triton", None)
    with pytest.raises(RuntimeError, match=r"pip install 'unrolled\[kernels\]'"):
        triton_lstm.forward(*case(1, 1, 1, 1)[:2])
