"""Diagonal state-space models: discretisation, S4D as a special case, every scan, gradients."""

import numpy as np
import pytest

from tests.support.cell_cases import cell_case
from tests.support.closeness import assert_same
from tests.support.scans import INVARIANT
from unrolled import tree
from unrolled.cells import lru, state_space
from unrolled.gradients import gradcheck
from unrolled.layers import scan as linear

T, B, D, H = 7, 3, 4, 6
RULES = {
    "hold": (state_space.zero_order_hold, state_space.dzero_order_hold),
    "bilinear": (state_space.bilinear, state_space.dbilinear),
}
every_scan = pytest.mark.parametrize("scan", INVARIANT.values(), ids=INVARIANT)
both_rules = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
A = np.array([-0.5, -2 + 3j, -0.01 - 20j])


def solved(a, u, dt, T, parts=2000):
    """The state of ds/dt = a s + u(t) after T steps of dt, by the Runge-Kutta method."""
    s, small = np.zeros_like(a), dt / parts
    for k in range(T * parts):
        t = k * small
        k_1 = a * s + u(t)
        k_2 = a * (s + small / 2 * k_1) + u(t + small / 2)
        k_3 = a * (s + small / 2 * k_2) + u(t + small / 2)
        k_4 = a * (s + small * k_3) + u(t + small * (1 - 1e-9))
        s = s + small / 6 * (k_1 + 2 * k_2 + 2 * k_3 + k_4)
    return s


@pytest.mark.equation("eq-ssm-continuous", "eq-ssm-discrete", "eq-ssm-hold")
def test_the_hold_solves_the_equation_for_an_input_that_is_constant_in_each_step():
    dt, inputs = 0.3, np.random.default_rng(0).standard_normal(4)
    factor, weight = state_space.zero_order_hold(A, dt)
    s = np.zeros_like(A)
    for u in inputs:
        s = factor * s + weight * u
    wanted = solved(A, lambda t: inputs[int(t / dt)], dt, 4)
    np.testing.assert_allclose(s, wanted, rtol=1e-7)


@pytest.mark.equation("eq-ssm-bilinear")
def test_the_bilinear_rule_solves_the_equation_with_the_mean_of_both_ends_of_a_step():
    dt, s, u = 0.3, np.array([1.0, 2j, -1 + 1j]), 0.7
    factor, weight = state_space.bilinear(A, dt)
    after = factor * s + weight * u
    np.testing.assert_allclose((after - s) / dt, A * (s + after) / 2 + u, rtol=1e-12)


@pytest.mark.parametrize(
    ("rule", "order"), [(state_space.zero_order_hold, 1), (state_space.bilinear, 2)]
)
def test_shorter_steps_come_nearer_to_the_solution(rule, order):
    """An input that changes: held at its value at the start, or taken in the middle of a step."""
    middle = 0.5 if rule is state_space.bilinear else 0.0
    a, end = np.array([-1.0 + 2j]), 2.0
    wanted = solved(a, np.sin, end / 4, 4)

    def error(steps):
        dt = end / steps
        factor, weight = rule(a, dt)
        s = 0 * a
        for t in range(steps):
            s = factor * s + weight * np.sin((t + middle) * dt)
        return np.abs(s - wanted)[0]

    assert error(64) / error(128) == pytest.approx(2**order, rel=0.05)


@both_rules
def test_no_rate_that_decays_gives_a_factor_outside_the_circle(rule):
    rng = np.random.default_rng(0)
    a = -np.exp(rng.normal(size=500) * 5) + 1j * rng.normal(size=500) * 100
    factor, weight = rule[0](a, np.exp(rng.normal(size=500) * 3))
    assert np.abs(factor).max() <= 1 and np.isfinite(weight).all()


def test_a_rate_near_zero_adds_the_length_of_the_step():
    for rule, _ in RULES.values():
        factor, weight = rule(np.array([-1e-18 + 0j]), 0.25)
        np.testing.assert_allclose([factor[0], weight[0]], [1, 0.25])


def test_a_rate_of_zero_is_refused_by_the_hold_which_divides_by_it():
    a = np.array([-1.0 + 2j, 0])
    for refused in (
        lambda: state_space.zero_order_hold(a, 0.25),
        lambda: state_space.dzero_order_hold(a, 0.25, a, a),
    ):
        with pytest.raises(ValueError, match="no entry of a may be 0"):
            refused()


def test_a_rate_that_grows_gives_a_factor_outside_the_circle():
    a = np.array([0.5 + 2j, -0.5 + 2j])
    for rule, _ in RULES.values():
        factor, weight = rule(a, 0.1)
        assert (np.abs(factor) > 1).tolist() == [True, False]
        h = linear.sequential(*(np.tile(a, (300, 1)) for a in (factor, weight)))
        assert np.isfinite(h).all() and abs(h[-1, 0]) > 1e5 > abs(h[-1, 1])


@pytest.mark.parametrize("rule", ["zero_order_hold", "bilinear"])
def test_the_backward_of_a_rule_is_its_slope(rule):
    value, gradient = (getattr(state_space, name) for name in (rule, f"d{rule}"))
    rng = np.random.default_rng(1)
    parts = np.stack([A.real, A.imag], axis=-1)
    dt = rng.uniform(0.1, 1, 3)
    dfactor, dweight = rng.standard_normal((2, 3)) + 1j * rng.standard_normal((2, 3))

    def loss(everything):
        parts, dt = everything
        factor, weight = value(parts[:, 0] + 1j * parts[:, 1], dt)
        return float((factor * dfactor.conj() + weight * dweight.conj()).real.sum())

    da, ddt = gradient(A, dt, dfactor, dweight)
    gradcheck.check(loss, (parts, dt), (np.stack([da.real, da.imag], -1), ddt), 1e-7)


@every_scan
@both_rules
def test_every_scan_gives_the_states_of_repeated_steps(scan, rule):
    p, x, (h0,), _ = cell_case(state_space, T, B, D, H)
    h = h0
    states, _ = state_space.forward(p, x, h0, rule[0], scan)
    for x_t, state in zip(x, states, strict=True):
        h = state_space.step(p, x_t, h, rule[0])
        assert_same(state, h, 1e-10)


@every_scan
@both_rules
def test_backward_is_the_gradient_of_forward_with_every_scan_and_rule(scan, rule):
    p, x, (h0,), dh = cell_case(state_space, T, B, D, H)

    def loss(everything):
        h, _ = state_space.forward(*everything, rule[0], scan)
        return float((h * dh).sum())

    _, cache = state_space.forward(p, x, h0, rule[0], scan)
    found = state_space.backward(p, cache, dh, *rule, scan)
    gradcheck.check(loss, (p, x, h0), found, 1e-7)


def test_an_lru_with_the_same_factors_has_the_same_states():
    p, x, (h0,), _ = cell_case(state_space, T, B, D, H)
    factor, weight = state_space.zero_order_hold(state_space.rates(p), np.exp(p.log_dt))
    real, imaginary = np.split(p.W_x, 2, axis=1)
    scaled = (real + 1j * imaginary) * weight
    q = lru.Params(
        lru.as_real(scaled),
        np.log(-np.log(np.abs(factor))),
        np.log(np.angle(factor) % (2 * np.pi)),
        np.zeros(H // 2),
    )
    assert_same(lru.forward(q, x, h0)[0], state_space.forward(p, x, h0)[0], 1e-12)


def test_with_states_for_each_input_it_is_s4d():
    """S4D by its own equations: every channel has N states, and its output is 2 Re(C s)."""
    rng, N = np.random.default_rng(2), 5
    x = rng.standard_normal((30, B, D))
    C = rng.standard_normal((D, N)) + 1j * rng.standard_normal((D, N))
    dt = np.exp(rng.uniform(np.log(0.001), np.log(0.1), D))
    a = -0.5 + 1j * np.pi * np.arange(N)
    wanted = np.empty_like(x)
    for d in range(D):  # a convolution with the kernel of the channel
        weight = (np.exp(dt[d] * a) - 1) / a
        kernel = np.array(
            [
                2 * (C[d] * weight * np.exp(dt[d] * a * t)).sum().real
                for t in range(len(x))
            ]
        )
        for b in range(B):
            wanted[:, b, d] = np.convolve(kernel, x[:, b, d])[: len(x)]

    own = np.kron(np.eye(D), np.ones((1, N)))  # (D, D N)
    p = state_space.Params(
        np.concatenate([own, 0 * own], axis=1),
        np.tile(np.log(-a.real), D),
        np.tile(a.imag, D),
        np.repeat(np.log(dt), N),
    )
    h, _ = state_space.forward(p, x, scan=linear.convolution)
    s = lru.as_complex(h).reshape(*x.shape, N)
    assert_same(2 * (s * C).sum(axis=-1).real, wanted, 1e-10)


def test_the_first_rates_are_those_of_s4d_lin():
    p = state_space.init(np.random.default_rng(3), 2, 2000)
    np.testing.assert_allclose(
        state_space.rates(p)[:3], [-0.5, -0.5 + 1j * np.pi, -0.5 + 2j * np.pi]
    )
    dt = np.exp(p.log_dt)
    assert 0.001 <= dt.min() < 0.00102 and 0.098 < dt.max() <= 0.1
    assert np.mean(dt < 0.01) == pytest.approx(0.5, abs=0.04)


@every_scan
@pytest.mark.parametrize("T", [0, 1])
def test_no_step_and_one_step(scan, T):
    p, x, (h0,), dh = cell_case(state_space, T, B, D, H)
    h, cache = state_space.forward(p, x, h0, scan=scan)
    assert h.shape == (T, B, H)
    dp, dx, dh0 = state_space.backward(p, cache, dh, scan=scan)
    assert dx.shape == x.shape and dh0.shape == h0.shape
    assert all(leaf.any() == (T == 1) for leaf in tree.leaves(dp))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"H": 3}, "an odd H=3"),
        ({"steps": (0.0, 0.1)}, "0 < shortest <= longest"),
        ({"steps": (0.2, 0.1)}, "0 < shortest <= longest"),
    ],
)
def test_settings_that_do_not_exist_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        state_space.init(
            np.random.default_rng(0), 2, arguments.pop("H", 4), **arguments
        )
