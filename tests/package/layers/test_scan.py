"""Linear recurrences: every order of computation, and the gradient as a scan in reverse."""

from functools import partial

import numpy as np
import pytest

from tests.support.closeness import assert_same
from tests.support.scans import SCANS
from unrolled.gradients import gradcheck
from unrolled.layers import padding, scan

every_scan = pytest.mark.parametrize("run", SCANS.values(), ids=SCANS)
either_kind = pytest.mark.parametrize("kind", [float, complex])
LENGTHS = [1, 2, 3, 4, 5, 8, 13, 16, 31, 32, 33]


def numbers(rng, kind, *shape):
    """Random numbers of order 1, real or complex."""
    a = rng.standard_normal(shape)
    return a if kind is float else (a + 1j * rng.standard_normal(shape)) / np.sqrt(2)


def case(kind=float, T=13, rest=(3, 2), seed=0):
    """Factors, summands, first state and gradients of the states."""
    rng = np.random.default_rng(seed)
    return (
        *(numbers(rng, kind, T, *rest) for _ in range(2)),
        numbers(rng, kind, *rest),
        numbers(rng, kind, T, *rest),
    )


def by_definition(f, g, h0):
    """Each state as the sum of what every step adds, times the factors of all later steps."""
    return np.array(
        [
            sum(g[k] * np.prod(f[k + 1 : t + 1], axis=0) for k in range(t + 1))
            + np.prod(f[: t + 1], axis=0) * h0
            for t in range(len(g))
        ]
    )


@pytest.mark.equation("eq-linear-recurrence")
@every_scan
@either_kind
@pytest.mark.parametrize("T", LENGTHS)
def test_all_orders_give_the_states_of_the_definition(run, kind, T):
    f, g, h0, _ = case(kind, T)
    assert_same(run(f, g, h0), by_definition(f, g, h0), 1e-10)
    assert_same(run(f, g), by_definition(f, g, 0 * h0), 1e-10)


@every_scan
def test_no_steps_give_no_states(run):
    f, g, h0, dh = case(T=0)
    assert run(f, g, h0).shape == (0, 3, 2)
    df, dg, dh0 = scan.backward(f, run(f, g, h0), dh, h0, run)
    assert df.shape == dg.shape == (0, 3, 2) and not dh0.any() and dh0.shape == (3, 2)


@every_scan
def test_numbers_without_a_batch_and_states_that_are_matrices(run):
    for rest in ((), (2,), (2, 1, 3, 4)):
        f, g, h0, _ = case(rest=rest)
        assert_same(run(f, g, h0), by_definition(f, g, h0), 1e-10)


@every_scan
def test_arguments_are_left_as_they_are_and_single_precision_stays(run):
    f, g, h0, dh = (a.astype(np.float32) for a in case())
    kept = [a.copy() for a in (f, g, h0)]
    h = run(f, g, h0)
    gradients = scan.backward(f, h, dh, h0, run)
    assert {a.dtype for a in (h, *gradients)} == {np.dtype(np.float32)}
    for a, b in zip((f, g, h0), kept, strict=True):
        np.testing.assert_array_equal(a, b)


@every_scan
def test_a_factor_of_zero_forgets_everything_before_it(run):
    f, g, h0, _ = case()
    f[5] = 0
    h = run(f, g, h0)
    np.testing.assert_array_equal(h[5], g[5])
    assert_same(h[5:], run(f[5:], g[5:]), 1e-12)


@every_scan
def test_a_sequence_in_two_parts_with_its_state_carried_is_the_whole(run):
    f, g, h0, _ = case()
    first = run(f[:6], g[:6], h0)
    rest = run(f[6:], g[6:], first[-1])
    assert_same(np.concatenate([first, rest]), run(f, g, h0), 1e-12)


@every_scan
def test_padding_after_the_end_changes_no_real_state_and_gets_no_gradient(run):
    f, g, h0, dh = case()
    lengths = np.array([13, 1, 6])
    real = (np.arange(13)[:, None] < lengths)[..., None]
    wild = run(np.where(real, f, 9.0), np.where(real, g, 9.0), h0)
    h = run(f, g, h0)
    assert_same(np.where(real, wild, 0), np.where(real, h, 0), 1e-12)
    held = run(np.where(real, f, 1), np.where(real, g, 0), h0)  # the state is kept
    assert_same(held[-1], padding.last(h, lengths), 1e-12)
    df, dg, dh0 = scan.backward(f, h, np.where(real, dh, 0), h0, run)
    assert not df[~real[..., 0]].any() and not dg[~real[..., 0]].any()
    for b, length in enumerate(lengths):
        alone = f[:length, b], h[:length, b], dh[:length, b], h0[b]
        wanted = scan.backward(*alone, run)
        assert_same((df[:length, b], dg[:length, b], dh0[b]), wanted, 1e-12)


@pytest.mark.equation("eq-scan-combine")
def test_combining_two_steps_is_taking_them_and_is_associative():
    rng = np.random.default_rng(0)
    a, b, c = (tuple(numbers(rng, complex, 2, 3)) for _ in range(3))
    h = numbers(rng, complex, 3)
    f, g = scan.combine(a, b)
    assert_same(f * h + g, b[0] * (a[0] * h + a[1]) + b[1], 1e-12)
    assert_same(
        scan.combine(scan.combine(a, b), c), scan.combine(a, scan.combine(b, c)), 1e-12
    )
    assert np.abs(scan.combine(a, b)[1] - scan.combine(b, a)[1]).max() > 0.1


def parts(a):
    """A complex array as the array of its real and imaginary parts, which share its memory."""
    return a.view(float).reshape(*a.shape, 2) if np.iscomplexobj(a) else a


@pytest.mark.equation("eq-scan-backward")
@every_scan
@either_kind
@pytest.mark.parametrize("T", [1, 2, 5, 8])
def test_backward_is_the_gradient_of_the_scan(run, kind, T):
    f, g, h0, dh = case(kind, T, (2,))

    def loss(_):
        return float((run(f, g, h0) * dh.conj()).real.sum())

    gradients = scan.backward(f, run(f, g, h0), dh, h0, run)
    gradcheck.check(
        loss, tuple(map(parts, (f, g, h0))), tuple(map(parts, gradients)), 1e-7
    )


@every_scan
def test_the_gradient_of_a_shared_factor_is_the_sum_of_its_uses(run):
    _, g, h0, dh = case()
    f = case(seed=1)[0][:, :1]  # one factor for all sequences of the batch
    everywhere = np.repeat(f, 3, axis=1)
    h = run(f, g, h0)
    assert_same(h, run(everywhere, g, h0), 1e-12)
    df, dg, dh0 = scan.backward(f, h, dh, h0, run)
    df_everywhere, *rest = scan.backward(everywhere, h, dh, h0, run)
    assert_same((df, dg, dh0), (df_everywhere.sum(1, keepdims=True), *rest), 1e-12)


def test_real_factors_of_complex_states_have_real_gradients():
    f, *_ = case(float, 5, (2,))
    _, g, h0, dh = case(complex, 5, (2,))
    df, *_ = scan.backward(f, scan.sequential(f, g, h0), dh, h0)

    def loss(_):
        return float((scan.sequential(f, g, h0) * dh.conj()).real.sum())

    gradcheck.check(loss, f, df, 1e-7)


class Counted:
    """A number that counts the multiplications done with it."""

    done = 0

    def __init__(self, value):
        self.value = value

    def __mul__(self, other):
        Counted.done += 1
        return Counted(self.value * other.value)

    def __add__(self, other):
        return Counted(self.value + other.value)


@pytest.mark.parametrize(
    ("run", "most"),
    [
        (scan.sequential, 255),
        (
            scan.blelloch,
            3 * 256,
        ),  # two for a combination, one for a step on the way down
        (partial(scan.chunked, chunk=16), 3 * 256),
        (scan.hillis_steele, 2 * 256 * 8),
    ],
)
def test_the_number_of_multiplications_is_that_of_the_table(run, most):
    f, g = (np.array([Counted(1.0) for _ in range(256)], object) for _ in range(2))
    Counted.done = 0
    run(f, g)
    assert 0.8 * most < Counted.done <= most


@every_scan
def test_shapes_that_do_not_fit_are_refused(run):
    f, g, h0, _ = case()
    for wrong, message in [
        ((f[:-1], g), r"as many axes, got \(12, 3, 2\), \(13, 3, 2\)"),
        ((f[:, 0], g), "as many axes"),
        ((f[0, 0, 0], g[0, 0, 0]), "as many axes"),
        ((f[:, :2], g), "f must broadcast to g"),
        ((f, g[:, :1]), "f must broadcast to g"),
        ((f, g, h0[:1]), r"h0 must be \(3, 2\), got \(1, 2\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            run(*wrong)


@pytest.mark.parametrize("chunk", [0, -1, 1.5])
def test_a_chunk_without_a_step_is_refused(chunk):
    f, g, *_ = case()
    with pytest.raises(ValueError, match=f"at least one step, got {chunk}"):
        scan.chunked(f, g, chunk=chunk)


@either_kind
@pytest.mark.parametrize("T", [0, *LENGTHS])
def test_with_one_factor_for_all_steps_the_states_are_a_convolution(kind, T):
    f, g, h0, dh = case(kind, T)
    f = np.broadcast_to(f[:1] / 2, f.shape)
    h = scan.convolution(f, g, h0)
    assert_same(h, scan.sequential(f, g, h0), 1e-10)
    assert_same(scan.convolution(f, g), scan.sequential(f, g), 1e-10)
    found = scan.backward(f, h, dh, h0, scan.convolution)
    assert_same(found, scan.backward(f, h, dh, h0), 1e-10)
    assert h.dtype == g.dtype


def test_a_convolution_with_factors_that_change_is_refused():
    f, g, *_ = case()
    with pytest.raises(ValueError, match="the same factor at every step"):
        scan.convolution(f, g)


def test_a_factor_outside_the_circle_grows_in_every_form():
    g = np.zeros((200, 2))
    g[0] = 1
    f = np.full((200, 2), 1.1)
    for run in (*SCANS.values(), scan.convolution):
        h = run(f, g)
        np.testing.assert_allclose(h[-1], 1.1**199, rtol=1e-10)
        assert np.abs(h - scan.sequential(f, g)).max() <= 1e-10 * h.max()
