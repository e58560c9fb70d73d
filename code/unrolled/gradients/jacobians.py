r"""The Jacobians of a recurrent network, and the gradient that they carry back through time.

    J_t = dh_t/dh_{t-1} = diag(f'(a_t)) W_h^T                          (eq-step-jacobian)
    dh_t/dh_{t-k} = J_t J_{t-1} ... J_{t-k+1}                          (eq-jacobian-product)

Entry [i, j] of a Jacobian is the derivative of the new h[i] by the old h[j]; W_h is transposed
because our vectors are rows. T time, B batch, H hidden.
"""

import numpy as np

from unrolled.cells import rnn
from unrolled.functional import dtanh


def of_step(p, h, df=dtanh):
    """Returns the Jacobian J_t of one step of ``rnn``, (..., H, H).

    Args:
        p: rnn.Params.
        h: (..., H), the state after the step. The slopes f'(a_t) follow
            from it.
        df: the backward of f, given the value: ``dtanh``, ``dsigmoid`` or
            ``drelu``.
    """
    slopes = df(h, np.ones_like(h))
    return slopes[..., None] * p.W_h.T


def products(p, h, df=dtanh):
    """Returns dh_T/dh_{T-k} for k = 0..T, (T+1, H, H).

    Args:
        p: rnn.Params.
        h: (T, H), the states of one sequence.
        df: the backward of f, given the value.

    Returns:
        The products; entry 0 is the identity.
    """
    T, H = h.shape
    found = np.empty((T + 1, H, H), h.dtype)
    found[0] = np.eye(H)
    for k in range(1, T + 1):
        found[k] = found[k - 1] @ of_step(p, h[T - k], df)
    return found


def backward_norms(p, h, dh_T, df=dtanh):
    """Follows one gradient from the last state back to the initial one.

    Args:
        p: rnn.Params.
        h: (T, ..., H), the states.
        dh_T: (..., H), gradient of a loss with respect to the last state.
        df: the backward of f, given the value.

    Returns:
        (T+1, ...): entry k is the norm of the gradient with respect to the
        state k steps before the last one. Entry T is for the initial state.

    Raises:
        ValueError: dh_T is not finite.
    """
    if not np.isfinite(dh_T).all():
        raise ValueError(
            "the gradient at the last state is not finite: it has no norm to follow"
        )
    norms = np.empty((len(h) + 1, *dh_T.shape[:-1]), dh_T.dtype)
    norms[0] = np.linalg.norm(dh_T, axis=-1)
    for k in range(1, len(h) + 1):
        dh_T = df(h[-k], dh_T) @ p.W_h.T
        norms[k] = np.linalg.norm(dh_T, axis=-1)
    return norms


def bound(sigma_max, gamma, k):
    """Returns (γ σ_max)^k, above which the norm of dh_t/dh_{t-k} never lies.

    Args:
        sigma_max: spectral norm of W_h.
        gamma: the largest slope of f: 1 for tanh and ReLU, 1/4 for the sigmoid.
        k: steps; a number or an array.
    """
    return (gamma * sigma_max) ** np.asarray(k)


def states(p, x, cell=rnn):
    """Returns the cell's states before the first step and after each, a list of T+1 tuples.

    Args:
        p: the cell's Params.
        x: (T, B, D) vectors, or (T, B) ids.
        cell: a module with ``initial_state`` and ``step``.
    """
    found = [cell.initial_state(p, x.shape[1])]
    for x_t in x:
        state = cell.step(p, x_t, *found[-1])
        found.append(state if isinstance(state, tuple) else (state,))
    return found


def norms_by_distance(p, x, dh_t, cell=rnn):
    """Returns how large a loss's gradient is with respect to each earlier state, for any cell.

    The loss is read from the last state alone. For a cell with several state arrays (h and c of
    an LSTM), the norm is that of all of them together.

    Args:
        p: the cell's Params.
        x: (T, B, D) vectors, or (T, B) ids: the steps up to the loss.
        dh_t: (B, H), gradient of the loss with respect to the last hidden state.
        cell: a module with ``initial_state``, ``step``, ``forward`` and ``backward``.

    Returns:
        (T, B): entry k - 1 is the norm with respect to the state k steps before the last.
    """
    T, B = x.shape[:2]
    before = states(p, x, cell)
    norms = np.empty((T, B))
    for k in range(1, T + 1):
        y, cache = cell.forward(p, x[T - k :], *before[T - k])
        dy = np.zeros_like(y)
        dy[-1] = dh_t
        _, _, *dstate = cell.backward(p, cache, dy)
        norms[k - 1] = np.sqrt(
            sum((d.astype(np.float64) ** 2).sum(axis=-1) for d in dstate)
        )
    return norms
