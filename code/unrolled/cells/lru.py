r"""The linear recurrent unit (Orvieto et al., 2023): complex states, each with its own factor.

    s_t = λ * s_{t-1} + γ * (x_t W_x)                                        (eq-lru-state)
    λ   = exp(-exp(ν) + i exp(θ))                                            (eq-lru-eigenvalues)

The state s is complex. The cell shows it as real numbers: h_t = [Re s_t, Im s_t], so H is even and
N = H/2. The columns of W_x are ordered in the same way. An output layer that reads h with real
weights computes Re(s_t C), the output of the paper. |λ| < 1 for every ν, so no state can explode.
The factors do not depend on the input, so all states are computed by a scan.

T time, B batch, D input, H hidden, N = H/2 complex states; rows are examples.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments, parts, vectors_or_ids
from unrolled.functional import check_sequence, check_state, dproject, project
from unrolled.layers import scan as linear

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, H), blocks Re, Im
    nu: Array  # (N,), |λ| = exp(-exp(nu))
    theta: Array  # (N,), the angle of λ is exp(theta)
    log_gamma: Array  # (N,), γ = exp(log_gamma)


class Cache(NamedTuple):
    """What backward needs from forward, and what figures draw."""

    x: Array  # (T, B, D), or (T, B) ids
    a: Array  # (T, B, H): x_t W_x
    h0: Array  # (B, H): the state before the first step
    h: Array  # (T, B, H): the state after each step


WEIGHTS = fields(Params, W_x="D 2N", nu="N", theta="N", log_gamma="N")
# forward has looked at x, and dproject looks again
CACHE = fields(Cache, x=vectors_or_ids("T B", "X"), a="T B 2N", h0="B 2N", h="T B 2N")


@names_arguments
def init(
    rng, D, H, dtype=np.float64, input_scale=None, ring=(0.9, 0.999), turn=2 * np.pi
):
    """Returns random Params: λ uniform in the area of a ring, W_x uniform.

    γ starts at √(1 - |λ|²): then inputs without correlation over time give states of the same
    variance for every λ.

    Args:
        rng: a ``numpy.random.Generator``.
        D: entries of an input vector, or number of ids.
        H: hidden units, an even number.
        dtype: floating-point type of the weights.
        input_scale: W_x lies within ± this; 1/√D if left out.
        ring: the smallest and the largest |λ|, from 0 to 1.
        turn: the angles of λ lie between 0 and this.

    Raises:
        ValueError: a size is below 1, H is odd, or the ring or the turn does not exist.
    """
    if D < 1 or H < 1:
        raise ValueError(f"sizes must be at least 1, got D={D}, H={H}")
    if H % 2:
        raise ValueError(f"two real units show one complex state, got an odd H={H}")
    inner, outer = ring
    if not 0 <= inner < outer <= 1 or not turn > 0:
        raise ValueError(
            f"need 0 <= inner < outer <= 1 and turn > 0, got {ring} and {turn}"
        )
    # 1 - uniform lies in (0, 1]: neither |λ| = 0 nor an angle of 0, whose logarithm is -∞
    u, v = 1 - rng.uniform(size=(2, H // 2))
    square = inner**2 + u * (outer**2 - inner**2)  # of |λ|: uniform in the area
    square = np.minimum(square, 1 - 1e-12)
    scale = 1 / np.sqrt(D) if input_scale is None else input_scale
    return Params(
        rng.uniform(-scale, scale, (D, H)).astype(dtype),
        np.log(-0.5 * np.log(square)).astype(dtype),
        np.log(turn * v).astype(dtype),
        (0.5 * np.log1p(-square)).astype(dtype),
    )


@names_arguments(p=parts(W_x="D 2N"))
def initial_state(p, *batch):
    """Returns the state before the first step, (h,): zeros of shape (*batch, H)."""
    return (np.zeros((*batch, p.W_x.shape[1]), p.W_x.dtype),)


@names_arguments(p=WEIGHTS)
def eigenvalues(p):
    """Returns λ (N,), by which every step multiplies the complex state."""
    return np.exp(-np.exp(p.nu) + 1j * np.exp(p.theta))


@names_arguments
def as_complex(h):
    """Returns the complex state (..., N) of real numbers h (..., H)."""
    real, imaginary = np.split(h, 2, axis=-1)
    return real + 1j * imaginary


@names_arguments
def as_real(s):
    """Returns the real numbers (..., H) of a complex state s (..., N)."""
    return np.concatenate([s.real, s.imag], axis=-1)


@names_arguments(p=WEIGHTS, h="... 2N", x_t=vectors_or_ids("...", "D"))
def step(p, x_t, h):
    """Returns the state after input x_t; h, (H,) or (B, H), is the state before it."""
    a = as_complex(project(x_t, p.W_x))
    return as_real(eigenvalues(p) * as_complex(h) + np.exp(p.log_gamma) * a)


@names_arguments(p=WEIGHTS)
def forward(p, x, h0=None, scan=linear.sequential):
    """Runs the network over a batch of sequences.

    Args:
        p: Params.
        x: (T, B, D) vectors, or (T, B) ids that stand for one-hot vectors.
        h0: (B, H) initial state; zeros if left out.
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
    a = project(x, p.W_x)
    factors = np.broadcast_to(eigenvalues(p), (T, 1, len(p.nu)))
    g = np.exp(p.log_gamma) * as_complex(a)
    h = as_real(scan(factors, g, as_complex(h0)))
    return h, Cache(x, a, h0, h)


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B 2N")
def backward(p, cache, dh, scan=linear.sequential):
    """Full backpropagation through time: the exact gradient, through every step.

    Args:
        p: the Params that forward had.
        cache: the cache that forward returned.
        dh: (T, B, H), the gradient of each step's own loss with respect to h_t.
        scan: the function of ``layers.scan`` that computes the gradient of the states.

    Returns:
        dp: Params, gradients summed over time and batch.
        dx: gradient with respect to x; None for integer ids.
        dh0: (B, H), gradient with respect to the initial state.
    """
    x, a, h0, h = cache
    factor, gamma = eigenvalues(p), np.exp(p.log_gamma)
    factors = np.broadcast_to(factor, (len(h), 1, len(factor)))
    dfactors, dg, ds0 = linear.backward(
        factors, as_complex(h), as_complex(dh), as_complex(h0), scan
    )
    dz = factor.conj() * dfactors.sum(axis=(0, 1))  # λ = exp(z), complex
    dnu = -np.exp(p.nu) * dz.real  # z = -exp(ν) + i exp(θ)
    dtheta = np.exp(p.theta) * dz.imag
    dgamma = (dg * as_complex(a).conj()).real.sum(axis=(0, 1))  # g = γ a, γ real
    dx, dW_x = dproject(x, p.W_x, as_real(gamma * dg))
    return Params(dW_x, dnu, dtheta, gamma * dgamma), dx, as_real(ds0)
