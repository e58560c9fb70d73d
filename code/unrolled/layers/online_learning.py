r"""A state that is the weights of a small model, trained while the sequence is read.

The model is linear: it answers k M for the key k. Its loss for a pair and the gradient are

    loss(M) = |k M - v|² / 2                                             (eq-inner-loss)
    dloss(M) = k^T (k M - v)                                             (eq-inner-gradient)

A step of gradient descent is the delta rule. The recurrent form adds momentum and decay, as the
memory of Titans does (Behrouz, Zhong & Mirrokni, 2025):

    P_t = mu_t P_{t-1} - beta_t dloss_t(M_{t-1})             momentum     (eq-titans-momentum)
    M_t = f_t M_{t-1} + P_t                                  state        (eq-titans-state)
    y_t = q_t M_t                                            output

The gradient is taken at M_{t-1}, before the decay. In the gated delta rule it is taken after it.

With mini-batches, all gradients of a batch are taken at the state before the batch (Sun et al.,
2024), so that no step of the batch waits for another:

    M_t = M_b - sum over the steps s <= t of the batch of beta_s dloss_s(M_b)   (eq-mini-batch)

T time, B batch of sequences, E entries of a key or query, F entries of a value. q and k are
(T, B, E), v is (T, B, F), beta, mu and f are (T, B, 1), M and P are (B, E, F).
"""

import numpy as np

from unrolled.arguments import names_arguments
from unrolled.layers import matrix_states
from unrolled.layers.delta_rule import look_up, outer


@names_arguments(M="... E F", k="... E", v="... F")
def loss(M, k, v):
    """Returns half the squared error of the answers k M, (...,)."""
    return 0.5 * ((look_up(k, M) - v) ** 2).sum(axis=-1)


@names_arguments(M="... E F", k="... E", v="... F")
def dloss(M, k, v):
    """Returns the gradient of ``loss`` with respect to M, (..., E, F)."""
    return outer(k, look_up(k, M) - v)


@names_arguments(
    q="T B E",
    k="T B E",
    v="T B F",
    beta="T B 1",
    mu="T B 1",
    f="T B 1",
    M0="B E F",
    P0="B E F",
)
def recurrent(q, k, v, beta, mu, f, M0=None, P0=None):
    """Returns the outputs y (T, B, F), the states M (T, B, E, F) and P (T, B, E, F).

    Raises:
        ValueError: shapes do not fit together.
    """
    before, p = start(k, v, M0), start(k, v, P0)
    M = np.empty((len(k), *before.shape), np.result_type(before, p, beta, mu, f))
    P = np.empty_like(M)
    for t in range(len(k)):
        surprise = dloss(before, k[t], v[t])
        p = P[t] = mu[t][..., None] * p - beta[t][..., None] * surprise
        before = M[t] = f[t][..., None] * before + p
    return look_up(q, M), M, P


@names_arguments(
    q="T B E",
    k="T B E",
    v="T B F",
    beta="T B 1",
    mu="T B 1",
    f="T B 1",
    M="T B E F",
    P="T B E F",
    dy="T B F",
    M0="B E F",
    P0="B E F",
)
def backward(q, k, v, beta, mu, f, M, P, dy, M0=None, P0=None):
    """Returns (dq, dk, dv, dbeta, dmu, df, dM0, dP0), given dy and the states of ``recurrent``.

    This is a gradient through the steps of gradient descent.

    Raises:
        ValueError: shapes do not fit together.
    """
    first, first_p = start(k, v, M0), start(k, v, P0)
    dq = look_up(dy, M.swapaxes(-1, -2))  # y_t = q_t M_t
    dk, dv, dbeta, dmu, df = (np.zeros_like(a) for a in (k, v, beta, mu, f))
    dM, dP = np.zeros_like(first), np.zeros_like(first)
    for t in reversed(range(len(k))):
        before, p_before = (M[t - 1], P[t - 1]) if t else (first, first_p)
        error = look_up(k[t], before) - v[t]
        dM = dM + outer(q[t], dy[t])  # two paths leave M_t
        df[t] = (dM * before).sum(axis=(-2, -1))[..., None]  # M_t = f_t M_{t-1} + P_t
        dP = dP + dM
        dmu[t] = (dP * p_before).sum(axis=(-2, -1))[..., None]
        dsurprise = -beta[t][..., None] * dP  # P_t = mu_t P_{t-1} - beta_t surprise
        dbeta[t] = -(dP * outer(k[t], error)).sum(axis=(-2, -1))[..., None]
        derror = look_up(k[t], dsurprise)  # surprise = k_t^T error
        dk[t] = look_up(error, dsurprise.swapaxes(-1, -2))
        dk[t] += look_up(derror, before.swapaxes(-1, -2))  # error = k_t M_{t-1} - v_t
        dv[t] = -derror
        dM = f[t][..., None] * dM + outer(k[t], derror)
        dP = mu[t][..., None] * dP
    return dq, dk, dv, dbeta, dmu, df, dM, dP


@names_arguments(q="T B E", k="T B E", v="T B F", beta="T B 1", M0="B E F")
def mini_batches(q, k, v, beta, M0=None, batch=16):
    """Returns y (T, B, F): gradient descent in mini-batches of ``batch`` steps.

    With batch=1 it is the delta rule, and with one batch from M0 = 0 linear attention
    of the values beta v.

    Args:
        q: (T, B, E) queries.
        k: (T, B, E) keys.
        v: (T, B, F) values.
        beta: (T, B, 1) learning rates.
        M0: (B, E, F) initial state; zeros if left out.
        batch: the steps of a mini-batch; the last one may be shorter.

    Raises:
        ValueError: shapes do not fit together, or batch is not a positive integer.
    """
    if not batch >= 1 or batch % 1:
        raise ValueError(f"a mini-batch has at least one step, got {batch}")
    M = start(k, v, M0)
    y = np.empty(v.shape, np.result_type(M, q, beta))
    for first in range(0, len(q), batch):
        part = slice(first, first + batch)
        u = beta[part] * (v[part] - look_up(k[part], M))  # all at the same M
        ones = np.ones_like(beta[part])
        y[part] = matrix_states.parallel(q[part], k[part], u, ones, M)
        M = M + k[part].transpose(1, 2, 0) @ u.swapaxes(0, 1)
    return y


@names_arguments(k="T B E", v="T B F", M0="B E F")
def start(k, v, M0=None):
    """Returns the state before the first step, (B, E, F): M0, or zeros."""
    if M0 is not None:
        return M0
    return np.zeros((*k.shape[1:], v.shape[-1]), np.result_type(k, v))
