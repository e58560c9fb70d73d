r"""A diagonal state-space model: differential equations of the first order, in steps of length Δ.

    ds/dt = a s + x(t) W_x,    a = -exp(ρ) + i ω                         (eq-ssm-continuous)
    s_t   = λ * s_{t-1} + β * (x_t W_x)                                  (eq-ssm-discrete)
    λ     = exp(Δ a),                 β = (λ - 1) / a        zero-order hold      (eq-ssm-hold)
    λ     = (1 + Δa/2) / (1 - Δa/2),  β = Δ / (1 - Δa/2)     bilinear         (eq-ssm-bilinear)

The zero-order hold is exact if the input is constant during a step. All states read all inputs, as
in S5 (Smith et al., 2023). If each input has N states of its own, whose rows of W_x are 1 for this
input and 0 for all others, the model is S4D (Gu et al., 2022).

The state s is complex. The cell shows it as real numbers: h_t = [Re s_t, Im s_t], so H is even and
N = H/2. T time, B batch, D input, H hidden, N complex states; rows are examples.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments, nonzero, parts, vectors_or_ids
from unrolled.cells.lru import as_complex, as_real
from unrolled.functional import check_sequence, check_state, dproject, project
from unrolled.layers import scan as linear

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, H), blocks Re, Im
    rho: Array  # (N,), a decays with the rate exp(rho)
    omega: Array  # (N,), and turns by omega radians per unit of time
    log_dt: Array  # (N,), Δ = exp(log_dt)


class Cache(NamedTuple):
    """What backward needs from forward, and what figures draw."""

    x: Array  # (T, B, D), or (T, B) ids
    a: Array  # (T, B, H): x_t W_x
    h0: Array  # (B, H): the state before the first step
    h: Array  # (T, B, H): the state after each step


WEIGHTS = fields(Params, W_x="D 2N", rho="N", omega="N", log_dt="N")
# forward has looked at x, and dproject looks again
CACHE = fields(Cache, x=vectors_or_ids("T B", "X"), a="T B 2N", h0="B 2N", h="T B 2N")


@names_arguments(a=nonzero)
def zero_order_hold(a, dt):
    """Returns (λ, β) of ds/dt = a s + u for steps of length dt with constant u."""
    return np.exp(dt * a), np.expm1(dt * a) / a


@names_arguments(a=nonzero)
def dzero_order_hold(a, dt, dfactor, dweight):
    """Returns the gradients (da, ddt), given those of λ and β; dt is real."""
    factor, weight = zero_order_hold(a, dt)
    da = dfactor * (dt * factor).conj()
    da += dweight * ((dt * factor - weight) / a).conj()
    ddt = dfactor * (a * factor).conj() + dweight * factor.conj()
    return da, ddt.real


@names_arguments
def bilinear(a, dt):
    """Returns (λ, β) of ds/dt = a s + u by the trapezoidal rule, steps of length dt."""
    share = 1 / (1 - dt * a / 2)
    return (1 + dt * a / 2) * share, dt * share


@names_arguments
def dbilinear(a, dt, dfactor, dweight):
    """Returns the gradients (da, ddt), given those of λ and β; dt is real."""
    square = 1 / (1 - dt * a / 2) ** 2
    da = dfactor * (dt * square).conj() + dweight * (dt**2 * square / 2).conj()
    ddt = dfactor * (a * square).conj() + dweight * square.conj()
    return da, ddt.real


@names_arguments
def init(rng, D, H, dtype=np.float64, input_scale=None, steps=(0.001, 0.1)):
    """Returns random Params: the rates of S4D-Lin, random step lengths, W_x uniform.

    State n has a = -1/2 + iπn. It turns n/2 times per unit of time, and its size halves in 1.4
    units of time. The logarithms of the step lengths are uniform, so a unit of time is between 10
    and 1,000 steps if the limits are left out.

    Args:
        rng: a ``numpy.random.Generator``.
        D: entries of an input vector, or number of ids.
        H: hidden units, an even number.
        dtype: floating-point type of the weights.
        input_scale: W_x lies within ± this; 1/√D if left out.
        steps: the shortest and the longest Δ, both above 0.

    Raises:
        ValueError: a size is below 1, H is odd, or steps are not above 0 in increasing order.
    """
    if D < 1 or H < 1:
        raise ValueError(f"sizes must be at least 1, got D={D}, H={H}")
    if H % 2:
        raise ValueError(f"two real units show one complex state, got an odd H={H}")
    shortest, longest = steps
    if not 0 < shortest <= longest:
        raise ValueError(f"need 0 < shortest <= longest step, got {steps}")
    N = H // 2
    scale = 1 / np.sqrt(D) if input_scale is None else input_scale
    return Params(
        rng.uniform(-scale, scale, (D, H)).astype(dtype),
        np.full(N, np.log(0.5), dtype),
        (np.pi * np.arange(N)).astype(dtype),
        rng.uniform(np.log(shortest), np.log(longest), N).astype(dtype),
    )


@names_arguments(p=parts(W_x="D 2N"))
def initial_state(p, *batch):
    """Returns the state before the first step, (h,): zeros of shape (*batch, H)."""
    return (np.zeros((*batch, p.W_x.shape[1]), p.W_x.dtype),)


@names_arguments(p=WEIGHTS)
def rates(p):
    """Returns a (N,), the rate at which each state changes by itself."""
    return -np.exp(p.rho) + 1j * p.omega


@names_arguments(p=WEIGHTS, h="... 2N", x_t=vectors_or_ids("...", "D"))
def step(p, x_t, h, discretise=zero_order_hold):
    """Returns the state after input x_t; h, (H,) or (B, H), is the state before it."""
    factor, weight = discretise(rates(p), np.exp(p.log_dt))
    return as_real(factor * as_complex(h) + weight * as_complex(project(x_t, p.W_x)))


@names_arguments(p=WEIGHTS)
def forward(p, x, h0=None, discretise=zero_order_hold, scan=linear.sequential):
    """Runs the network over a batch of sequences.

    Args:
        p: Params.
        x: (T, B, D) vectors, or (T, B) ids that stand for one-hot vectors.
        h0: (B, H) initial state; zeros if left out.
        discretise: ``zero_order_hold`` or ``bilinear``.
        scan: the function of ``layers.scan`` that computes the states.

    Returns:
        h: (T, B, H), the state after every step.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together.
    """
    T, B = check_sequence(x, len(p.W_x))
    (zeros,) = initial_state(p, B)
    h0 = zeros if h0 is None else check_state("h0", h0, *zeros.shape)
    factor, weight = discretise(rates(p), np.exp(p.log_dt))
    a = project(x, p.W_x)
    factors = np.broadcast_to(factor, (T, 1, len(factor)))
    h = as_real(scan(factors, weight * as_complex(a), as_complex(h0)))
    return h, Cache(x, a, h0, h)


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B 2N")
def backward(
    p,
    cache,
    dh,
    discretise=zero_order_hold,
    ddiscretise=dzero_order_hold,
    scan=linear.sequential,
):
    """Full backpropagation through time: the exact gradient, through every step.

    Args:
        p: the Params that forward had.
        cache: the cache that forward returned.
        dh: (T, B, H), the gradient of each step's own loss with respect to h_t.
        discretise: what forward had.
        ddiscretise: its backward.
        scan: the function of ``layers.scan`` that computes the gradient of the states.

    Returns:
        dp: Params, gradients summed over time and batch.
        dx: gradient with respect to x; None for integer ids.
        dh0: (B, H), gradient with respect to the initial state.
    """
    x, a, h0, h = cache
    rate, dt = rates(p), np.exp(p.log_dt)
    factor, weight = discretise(rate, dt)
    factors = np.broadcast_to(factor, (len(h), 1, len(factor)))
    dfactors, dg, ds0 = linear.backward(
        factors, as_complex(h), as_complex(dh), as_complex(h0), scan
    )
    dweight = (dg * as_complex(a).conj()).sum(axis=(0, 1))
    drate, ddt = ddiscretise(rate, dt, dfactors.sum(axis=(0, 1)), dweight)
    dx, dW_x = dproject(x, p.W_x, as_real(dg * weight.conj()))
    dp = Params(dW_x, -np.exp(p.rho) * drate.real, drate.imag, dt * ddt)
    return dp, dx, as_real(ds0)
