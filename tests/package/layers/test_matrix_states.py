"""Matrix states: three forms of one function, for one factor and for one factor for each row."""

from functools import partial

import numpy as np
import pytest

from tests.support.closeness import assert_same
from tests.support.scans import SCANS
from unrolled.gradients import gradcheck
from unrolled.layers import matrix_states

T, B, E, F = 23, 3, 4, 5
FORMS = {
    "parallel": matrix_states.parallel,
    **{
        f"chunks of {n}": partial(matrix_states.chunked, chunk=n)
        for n in (1, 4, 16, T, 50)
    },
    **{
        f"recurrent, {name}": lambda *a, scan=run: matrix_states.recurrent(
            *a, scan=scan
        )[0]
        for name, run in SCANS.items()
    },
}
every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
both_kinds = pytest.mark.parametrize("rows", [1, E], ids=["one factor", "rows"])
every_scan = pytest.mark.parametrize("run", SCANS.values(), ids=SCANS)


def case(T=T, rows=1, seed=0):
    """Queries, keys, values, factors and a first state."""
    rng = np.random.default_rng(seed)
    q, k = rng.standard_normal((2, T, B, E))
    v, f = rng.standard_normal((T, B, F)), rng.uniform(0.2, 1, (T, B, rows))
    return q, k, v, f, rng.standard_normal((B, E, F))


def by_definition(q, k, v, f, S0):
    """The outputs, one number after another."""
    y = np.zeros(v.shape)
    for b in range(v.shape[1]):
        S = [[S0[b, e, j] for j in range(F)] for e in range(E)]
        for t in range(len(v)):
            for e in range(E):
                for j in range(F):
                    S[e][j] = (
                        f[t, b, e % f.shape[-1]] * S[e][j] + k[t, b, e] * v[t, b, j]
                    )
            for j in range(F):
                y[t, b, j] = sum(q[t, b, e] * S[e][j] for e in range(E))
    return y


@pytest.mark.equation("eq-matrix-state", "eq-matrix-read")
@every_form
@both_kinds
@pytest.mark.parametrize("T", [0, 1, 2, 7, 16, 23])
def test_every_form_gives_the_outputs_of_the_definition(form, rows, T):
    q, k, v, f, S0 = case(T, rows)
    assert_same(form(q, k, v, f, S0), by_definition(q, k, v, f, S0), 1e-10)
    assert_same(form(q, k, v, f), by_definition(q, k, v, f, 0 * S0), 1e-10)


@every_form
@both_kinds
def test_a_factor_of_0_forgets_everything_before_it(form, rows):
    q, k, v, f, S0 = case(rows=rows)
    f[3], f[9, 1], f[10], f[20, :, 0] = 0, 0, 0, 0
    assert_same(form(q, k, v, f, S0), by_definition(q, k, v, f, S0), 1e-10)
    assert_same(form(q[:3], k[:3], v[:3], f[:3]), form(q, k, v, f)[:3], 1e-10)


@every_form
def test_keys_of_norm_0_write_nothing(form):
    q, k, v, f, _ = case()
    k[:] = 0
    np.testing.assert_array_equal(form(q, k, v, f), np.zeros_like(v))


@every_form
@both_kinds
def test_padding_with_factors_of_1_and_keys_of_0_keeps_the_state(form, rows):
    q, k, v, f, S0 = case(rows=rows)
    ends = np.array([11, T, 1])  # sequences of different lengths
    padded = np.arange(T)[:, None] >= ends
    k[padded], f[padded] = 0, 1
    y = form(q, k, v, f, S0)
    for b, end in enumerate(ends):
        short = [a[:end, b : b + 1] for a in (q, k, v, f)]
        assert_same(y[:end, b : b + 1], form(*short, S0[b : b + 1]), 1e-10)
        _, S = matrix_states.recurrent(*short, S0[b : b + 1])
        assert_same(y[end:, b], q[end:, b] @ S[-1, 0], 1e-10)


@every_form
@both_kinds
def test_a_thousand_small_factors_underflow_without_a_fault(form, rows):
    rng = np.random.default_rng(3)
    q, k = rng.standard_normal((2, 400, 1, E))
    v, f = rng.standard_normal((400, 1, F)), np.full((400, 1, rows), 1e-3)
    y = form(q, k, v, f)
    by_hand = ((q * k).sum(-1) + 0.0)[..., None] * v  # its own value ...
    by_hand[1:] += 1e-3 * (q[1:] * k[:-1]).sum(-1)[..., None] * v[:-1]  # and the last
    np.testing.assert_allclose(y, by_hand, atol=1e-4)


@pytest.mark.equation("eq-matrix-mixing")
@both_kinds
def test_the_mixing_matrix_entry_by_entry(rows):
    q, k, _, f, _ = case(7, rows)
    M = matrix_states.mixing_matrix(q, k, f)
    assert M.shape == (B, 7, 7)
    for b, t, s in np.ndindex(M.shape):
        factors = np.prod(f[s + 1 : t + 1, b], axis=0)
        wanted = (q[t, b] * factors * k[s, b]).sum() if s <= t else 0
        np.testing.assert_allclose(M[b, t, s], wanted, rtol=1e-11, atol=1e-14)
        if s <= t:
            np.testing.assert_allclose(
                matrix_states.decays(f)[t, s, b], factors, rtol=1e-12
            )


@every_scan
@both_kinds
@pytest.mark.parametrize("T", [1, 6])
def test_backward_is_the_gradient_of_recurrent(run, rows, T):
    q, k, v, f, S0 = case(T, rows)
    dy = np.random.default_rng(5).standard_normal(v.shape)
    _, S = matrix_states.recurrent(q, k, v, f, S0, run)

    def loss(everything):
        return float((matrix_states.recurrent(*everything)[0] * dy).sum())

    dq, dk, dv, df, dS0 = matrix_states.backward(q, k, v, f, S, dy, S0, run)
    gradcheck.check(loss, (q, k, v, f, S0), (dq, dk, dv, df, dS0), tolerance=1e-7)


def test_no_steps_have_no_gradient_but_that_of_the_first_state():
    q, k, v, f, S0 = case(0)
    y, S = matrix_states.recurrent(q, k, v, f, S0)
    *gradients, dS0 = matrix_states.backward(q, k, v, f, S, y, S0)
    assert [g.shape for g in gradients] == [q.shape, k.shape, v.shape, f.shape]
    assert dS0.shape == S0.shape and not dS0.any()


@every_form
def test_arrays_that_do_not_fit_are_refused(form):
    q, k, v, f, S0 = case()
    for wrong, message in [
        ((q, k[:-1], v, f, S0), r"k must be \(23, 3, 4\), got \(22, 3, 4\)"),
        ((q, k, v[:, :2], f, S0), r"v must be \(23, 3, F\), got \(23, 2, 5\)"),
        ((q, k, v, f[..., 0], S0), r"f must be \(23, 3, 4\), got \(23, 3\)"),
        ((q, k, v, f, S0[0]), r"S0 must be \(3, 4, 5\), got \(4, 5\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            form(*wrong)


def test_negative_factors_and_empty_chunks_are_refused():
    q, k, v, f, S0 = case()
    f[2, 1] = -0.5
    for form in (matrix_states.parallel, matrix_states.chunked):
        with pytest.raises(ValueError, match="f must be >= 0, got -0.5"):
            form(q, k, v, f, S0)
    for chunk in (0, -1, 1.5):
        with pytest.raises(ValueError, match=f"at least one step, got {chunk}"):
            matrix_states.chunked(q, k, v, abs(f), S0, chunk)
    y = matrix_states.recurrent(q, k, v, f, S0)[0]  # takes any factor
    assert_same(y, by_definition(q, k, v, f, S0), 1e-10)


@both_kinds
def test_single_precision_stays_single(rows):
    parts = case(rows=rows)
    single = [part.astype(np.float32) for part in parts]
    for form in FORMS.values():
        y = form(*single)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y, form(*parts), rtol=1e-3, atol=1e-4)
