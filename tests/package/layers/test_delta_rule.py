"""The delta rule: three forms of one function, its gradient, and what a write does to a state."""

from functools import partial

import numpy as np
import pytest

from tests.support.closeness import assert_same
from tests.support.counting import Counted, multiplications
from unrolled.gradients import gradcheck
from unrolled.layers import delta_rule, matrix_states

T, B, E, F = 23, 3, 4, 5
FORMS = {
    "recurrent": lambda *a: delta_rule.recurrent(*a)[0],
    "parallel": delta_rule.parallel,
    **{
        f"chunks of {n}": partial(delta_rule.chunked, chunk=n)
        for n in (1, 4, 16, T, 50)
    },
}
every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
both_kinds = pytest.mark.parametrize("rows", [1, E], ids=["one factor", "rows"])


def case(T=T, rows=1, seed=0):
    """Queries, keys, values, shares, factors and a first state."""
    rng = np.random.default_rng(seed)
    q, k = rng.standard_normal((2, T, B, E))
    k /= np.linalg.norm(k, axis=-1, keepdims=True) + 0.1  # of different lengths
    v, f = rng.standard_normal((T, B, F)), rng.uniform(0.2, 1, (T, B, rows))
    beta = rng.uniform(0, 1.8, (T, B, 1))
    return q, k, v, beta, f, rng.standard_normal((B, E, F))


def by_definition(q, k, v, beta, f, S0):
    """The outputs by S = (I - beta k^T k) diag(f) S + beta k^T v, as the papers write it."""
    y = np.zeros(v.shape)
    for b in range(v.shape[1]):
        S = S0[b]
        for t in range(len(v)):
            k_t = k[t, b][:, None]
            factor = np.diag(f[t, b] * np.ones(E))
            reflection = np.eye(E) - beta[t, b] * k_t @ k_t.T
            S = reflection @ factor @ S + beta[t, b] * k_t @ v[t, b][None]
            y[t, b] = q[t, b] @ S
    return y


@pytest.mark.equation(
    "eq-delta-rule",
    "eq-delta-rule-product",
    "eq-gated-delta-rule",
    "eq-gated-correction",
    "eq-correction-system",
)
@every_form
@both_kinds
@pytest.mark.parametrize("T", [0, 1, 2, 7, 16, 23])
def test_every_form_gives_the_outputs_of_the_definition(form, rows, T):
    q, k, v, beta, f, S0 = case(T, rows)
    wanted = by_definition(q, k, v, beta, f, S0)
    assert_same(form(q, k, v, beta, f, S0), wanted, 1e-10)
    empty = by_definition(q, k, v, beta, f, 0 * S0)
    assert_same(form(q, k, v, beta, f), empty, 1e-10)
    ones = np.ones_like(f)
    wanted = by_definition(q, k, v, beta, ones, S0)
    assert_same(form(q, k, v, beta, ones, S0), wanted, 1e-10)


@every_form
@both_kinds
def test_a_factor_of_0_forgets_everything_before_it(form, rows):
    q, k, v, beta, f, S0 = case(rows=rows)
    f[3], f[9, 1], f[10], f[20, :, 0] = 0, 0, 0, 0
    wanted = by_definition(q, k, v, beta, f, S0)
    assert_same(form(q, k, v, beta, f, S0), wanted, 1e-10)
    later = [a[10:] for a in (q, k, v, beta, f)]
    assert_same(form(*later), form(q, k, v, beta, f, S0)[10:], 1e-10)


@every_form
def test_keys_of_norm_0_write_nothing(form):
    q, k, v, beta, f, S0 = case()
    f[:] = 1
    k[5:9] = 0
    wanted = by_definition(q, k, v, beta, f, S0)
    assert_same(form(q, k, v, beta, f, S0), wanted, 1e-10)
    k[:] = 0
    assert_same(form(q, k, v, beta, f, S0), delta_rule.look_up(q, S0[None]), 1e-13)
    assert not form(q, k, v, beta, f).any()


@every_form
def test_padding_with_a_share_of_0_keeps_the_state(form):
    q, k, v, beta, f, S0 = case()
    ends = np.resize([11, T, 1], q.shape[1])  # sequences of different lengths
    padded = np.arange(T)[:, None] >= ends
    beta[padded], f[padded] = 0, 1
    y = form(q, k, v, beta, f, S0)
    for b, end in enumerate(ends):
        short = [a[:end, b : b + 1] for a in (q, k, v, beta, f)]
        assert_same(y[:end, b : b + 1], form(*short, S0[b : b + 1]), 1e-12)
        _, S = delta_rule.recurrent(*short, S0[b : b + 1])
        assert_same(y[end:, b], delta_rule.look_up(q[end:, b], S[-1, 0]), 1e-12)


@every_form
def test_a_thousand_small_factors_underflow_without_a_fault(form):
    q, k, v, beta, f, _ = case(400)
    f[:] = 1e-3
    y = form(q, k, v, beta, f)
    own = (q * k).sum(-1, keepdims=True) * beta * v
    np.testing.assert_allclose(y, own, atol=0.05)


def test_the_corrections_are_what_the_recurrent_form_writes():
    q, k, v, beta, f, S0 = case(9, E)
    _, S = delta_rule.recurrent(q, k, v, beta, f, S0)
    decayed = f[..., None] * np.concatenate([S0[None], S[:-1]])
    u = delta_rule.corrections(k, v, beta, f, S0)
    assert_same(S, decayed + delta_rule.outer(k, u), 1e-12)
    # so the delta rule is a matrix state with other values
    assert_same(S, matrix_states.recurrent(q, k, u, f, S0)[1], 1e-12)


@pytest.mark.equation("eq-delta-after")
def test_a_write_moves_the_value_under_its_key_and_no_value_under_an_orthogonal_key():
    rng = np.random.default_rng(4)
    keys = np.linalg.qr(rng.standard_normal((E, E)))[0]
    S0, v = rng.standard_normal((1, E, F)), rng.standard_normal((1, 1, F))
    for share in (0.0, 0.3, 1.0, 2.0):
        beta, ones = np.full((1, 1, 1), share), np.ones((1, 1, 1))
        key = keys[None, :1]
        _, S = delta_rule.recurrent(key, key, v, beta, ones, S0)
        found, before = keys @ S[0, 0], keys @ S0[0]
        wanted = (1 - share) * before[0] + share * v[0, 0]
        np.testing.assert_allclose(found[0], wanted, atol=1e-13)
        np.testing.assert_allclose(found[1:], before[1:], atol=1e-13)


@both_kinds
@pytest.mark.parametrize("T", [1, 6])
def test_backward_is_the_gradient_of_recurrent(rows, T):
    q, k, v, beta, f, S0 = case(T, rows)
    dy = np.random.default_rng(5).standard_normal(v.shape)
    _, S = delta_rule.recurrent(q, k, v, beta, f, S0)

    def loss(everything):
        return float((delta_rule.recurrent(*everything)[0] * dy).sum())

    gradient = delta_rule.backward(q, k, v, beta, f, S, dy, S0)
    gradcheck.check(loss, (q, k, v, beta, f, S0), gradient, tolerance=1e-7)
    _, S = delta_rule.recurrent(q, k, v, beta, f)
    gradient = delta_rule.backward(q, k, v, beta, f, S, dy)
    gradcheck.check(loss, (q, k, v, beta, f), gradient[:-1], tolerance=1e-7)


def test_no_steps_have_no_gradient():
    q, k, v, beta, f, S0 = case(0)
    y, S = delta_rule.recurrent(q, k, v, beta, f, S0)
    *gradients, dS0 = delta_rule.backward(q, k, v, beta, f, S, y, S0)
    assert [g.shape for g in gradients] == [a.shape for a in (q, k, v, beta, f)]
    assert dS0.shape == S0.shape and not dS0.any()


@every_form
def test_arrays_that_do_not_fit_are_refused(form):
    q, k, v, beta, f, S0 = case()
    for wrong, message in [
        ((q, k[:-1], v, beta, f, S0), r"k must be \(23, 3, 4\), got \(22, 3, 4\)"),
        ((q, k, v[:, :2], beta, f, S0), r"v must be \(23, 3, F\), got \(23, 2, 5\)"),
        ((q, k, v, beta[..., 0], f, S0), r"beta must be \(23, 3, 1\), got \(23, 3\)"),
        ((q, k, v, f + 0 * k, f, S0), r"beta must be \(23, 3, 1\), got \(23, 3, 4\)"),
        ((q, k, v, beta, f[:, :1], S0), r"f must be \(23, 3, 4\), got \(23, 1, 1\)"),
        ((q, k, v, beta, f, S0[0]), r"S0 must be \(3, 4, 5\), got \(4, 5\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            form(*wrong)


def test_states_and_gradients_of_another_run_are_refused():
    q, k, v, beta, f, S0 = case()
    y, S = delta_rule.recurrent(q, k, v, beta, f, S0)
    with pytest.raises(ValueError, match=r"^S must be \(23, 3, 4, 5\), got \(22"):
        delta_rule.backward(q, k, v, beta, f, S[1:], y, S0)
    with pytest.raises(ValueError, match=r"^dy must be \(23, 3, 5\), got \(23, 3, 1\)"):
        delta_rule.backward(q, k, v, beta, f, S, y[..., :1], S0)


def test_negative_factors_and_empty_chunks_are_refused():
    q, k, v, beta, f, S0 = case()
    f[2, 1] = -0.5
    for form in (delta_rule.parallel, delta_rule.chunked):
        with pytest.raises(ValueError, match="f must be >= 0, got -0.5"):
            form(q, k, v, beta, f, S0)
    for chunk in (0, -1, 1.5):
        with pytest.raises(ValueError, match=f"at least one step, got {chunk}"):
            delta_rule.chunked(q, k, v, beta, abs(f), S0, chunk)
    y = delta_rule.recurrent(q, k, v, beta, f, S0)[0]  # takes any factor
    assert_same(y, by_definition(q, k, v, beta, f, S0), 1e-10)


@both_kinds
def test_single_precision_stays_single(rows):
    parts = case(rows=rows)
    single = [part.astype(np.float32) for part in parts]
    for form in FORMS.values():
        y = form(*single)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y, form(*parts), rtol=1e-3, atol=1e-4)


def test_the_recurrent_form_costs_what_is_counted():
    T, E, F = 48, 5, 7
    rng = np.random.default_rng(0)
    q, k, v, beta, f = (
        rng.uniform(0.5, 1, (T, 1, n)).view(Counted) for n in (E, E, F, 1, 1)
    )
    S0 = np.zeros((1, E, F)).view(Counted)
    parts = (q, k, v, beta, f, S0)
    count = multiplications(lambda: delta_rule.recurrent(*parts), entry_by_entry=True)
    assert count == (4 * E * F + F) * T
