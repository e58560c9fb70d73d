r"""A matrix as state that writes what is missing: the delta rule, in three forms.

    u_t = beta_t (v_t - k_t (f_t^T * S_{t-1}))               correction   (eq-gated-correction)
    S_t = f_t^T * S_{t-1} + k_t^T u_t                        state        (eq-gated-delta-rule)
    y_t = q_t S_t                                            output       (eq-matrix-read)

The state is asked for its value under the key, and a share beta_t of the difference from v_t is
written. The factor f_t is 1 in DeltaNet (Schlag et al., 2021; Yang et al., 2024), and one number
computed from x_t in Gated DeltaNet (Yang et al., 2025). Given the corrections, this is a matrix
state as in ``matrix_states``, with u_t as values. The corrections of T steps solve one triangular
system (eq-correction-system), so that no step has to wait for a state:

    form         computed by                           multiplications for T steps, about
    recurrent    one state after another               4 E F T
    parallel     a triangular system, then y = M u     (2 E + 2 F) T²
    chunked      parallel in chunks of C steps         (2 E + 2 F) C T + 3 E F T

The count of the last two leaves out the factorisation of the system, about T³ / 3 or C² T / 3.

T time, B batch, E entries of a key or query, F entries of a value; time is axis 0. q and k are
(T, B, E), v is (T, B, F), beta is (T, B, 1), f is (T, B, 1) or (T, B, E), S is (B, E, F).
"""

import numpy as np

from unrolled.arguments import names_arguments
from unrolled.layers import matrix_states
from unrolled.layers.matrix_states import INPUTS

WRITES = {"k": INPUTS["k"], "v": INPUTS["v"], "beta": "T B 1", "f": INPUTS["f"]}


@names_arguments
def look_up(k, S):
    """Returns k S, (..., F): what the matrices S, (..., E, F), hold under the keys k.

    The axes before the last ones broadcast: many keys can be looked up in one matrix.
    """
    return (k[..., None, :] @ S)[..., 0, :]


@names_arguments(k="... E", v="... F")
def outer(k, v):
    """Returns k^T v, (..., E, F)."""
    return k[..., :, None] * v[..., None, :]


@names_arguments(q=INPUTS["q"], **WRITES, S0="B E F")
def recurrent(q, k, v, beta, f, S0=None):
    """Returns the outputs y (T, B, F) and the states S (T, B, E, F).

    Raises:
        ValueError: shapes do not fit together.
    """
    state = start(k, v, beta, f, S0)
    S = np.empty((len(k), *state.shape), state.dtype)
    for t in range(len(k)):
        state = f[t][..., None] * state
        u = beta[t] * (v[t] - look_up(k[t], state))
        state = S[t] = state + outer(k[t], u)
    return look_up(q, S), S


@names_arguments(q=INPUTS["q"], **WRITES, S="T B E F", dy="T B F", S0="B E F")
def backward(q, k, v, beta, f, S, dy, S0=None):
    """Returns (dq, dk, dv, dbeta, df, dS0), given dy and the states S of ``recurrent``.

    All three forms compute one function, so this is the gradient of each of them.

    Raises:
        ValueError: shapes do not fit together.
    """
    dq = look_up(dy, S.swapaxes(-1, -2))  # y_t = q_t S_t
    dk, dv, dbeta, df = (np.zeros_like(S, shape=a.shape) for a in (k, v, beta, f))
    first = start(k, v, beta, f, S0)
    dS = np.zeros_like(first)
    for t in reversed(range(len(k))):
        before = S[t - 1] if t else first
        decayed = f[t][..., None] * before
        missing = v[t] - look_up(k[t], decayed)
        dS = dS + outer(q[t], dy[t])  # two paths leave S_t
        du = look_up(k[t], dS)  # S_t = decayed + k_t^T u_t
        dv[t] = beta[t] * du  # u_t = beta_t missing
        dbeta[t] = (du * missing).sum(axis=-1, keepdims=True)
        dk[t] = look_up(beta[t] * missing, dS.swapaxes(-1, -2))
        dk[t] -= look_up(dv[t], decayed.swapaxes(-1, -2))  # missing = v_t - k_t decayed
        ddecayed = dS - outer(k[t], dv[t])
        rows = (ddecayed * before).sum(axis=-1)  # decayed = f_t^T * S_{t-1}
        df[t] = rows if f.shape[-1] > 1 else rows.sum(axis=-1, keepdims=True)
        dS = f[t][..., None] * ddecayed
    return dq, dk, dv, dbeta, df, dS


@names_arguments(**WRITES, S0="B E F")
def corrections(k, v, beta, f, S0=None):
    """Returns the corrections u (T, B, F) of all steps, without any state.

    They solve (I + A) U = beta * (V - what S0 holds), where A[t, s] is
    beta_t (k_t * f_{s+1} * ... * f_t) k_s^T if s < t, else 0.

    Raises:
        ValueError: shapes do not fit together, or a factor is negative.
    """
    A = np.tril(matrix_states.mixing_matrix(k, k, f), -1)  # (B, T, T)
    A *= beta.swapaxes(0, 1)
    known = v if S0 is None else v - look_up(k * np.cumprod(f, axis=0), S0)
    system = np.eye(len(k), dtype=A.dtype) + A
    return np.linalg.solve(system, (beta * known).swapaxes(0, 1)).swapaxes(0, 1)


@names_arguments(q=INPUTS["q"], **WRITES, S0="B E F")
def parallel(q, k, v, beta, f, S0=None):
    """Returns the outputs y (T, B, F), all steps at once, without any state.

    Raises:
        ValueError: shapes do not fit together, or a factor is negative.
    """
    u = corrections(k, v, beta, f, S0)
    return matrix_states.parallel(q, k, u, f, S0)


@names_arguments(q=INPUTS["q"], **WRITES, S0="B E F")
def chunked(q, k, v, beta, f, S0=None, chunk=16):
    """Returns y (T, B, F): parallel inside a chunk, recurrent between chunks.

    Args:
        q: (T, B, E) queries.
        k: (T, B, E) keys.
        v: (T, B, F) values.
        beta: (T, B, 1) shares of the difference that are written.
        f: (T, B, 1) or (T, B, E) factors, 0 or more.
        S0: (B, E, F) initial state; zeros if left out.
        chunk: the steps of a chunk; the last chunk may be shorter.

    Raises:
        ValueError: shapes do not fit together, a factor is negative, or chunk is not
            a positive integer.
    """
    if not chunk >= 1 or chunk % 1:
        raise ValueError(f"a chunk has at least one step, got {chunk}")
    S = start(k, v, beta, f, S0)
    y = np.empty(v.shape, np.result_type(S, q))
    for first in range(0, len(q), chunk):
        part = slice(first, first + chunk)
        q_c, k_c, f_c = q[part], k[part], f[part]
        u = corrections(k_c, v[part], beta[part], f_c, S)
        y[part] = matrix_states.parallel(q_c, k_c, u, f_c, S)
        to_end = matrix_states.decays(f_c)[-1]  # the factors after each step
        written = (k_c * to_end).transpose(1, 2, 0) @ u.swapaxes(0, 1)
        S = f_c.prod(axis=0)[..., None] * S + written
    return y


@names_arguments(**WRITES, S0="B E F")
def start(k, v, beta, f, S0=None):
    """Returns the state before the first step, (B, E, F): S0, or zeros."""
    zeros = np.zeros((*k.shape[1:], v.shape[-1]), np.result_type(k, v, beta, f))
    return zeros if S0 is None else zeros + S0  # of the common dtype
