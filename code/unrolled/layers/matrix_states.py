r"""A matrix as state, which stores values under keys: one function, computed in three forms.

    S_t = f_t^T * S_{t-1} + k_t^T v_t                                   (eq-matrix-state)
    y_t = q_t S_t                                                       (eq-matrix-read)

The factor f_t is one number, or one number for each row of S_t. It is 1 in linear attention
(Katharopoulos et al., 2020), the same number at every step in a retentive network (Sun et al.,
2023), a number computed from x_t in the mLSTM (Beck et al., 2024) and in Mamba-2 (Dao & Gu, 2024),
and a row computed from x_t in gated linear attention (Yang et al., 2024).

    form         computed by                          multiplications for T steps, about
    recurrent    one state after another, or a scan   3 E F T
    parallel     y = M v, with M[t, s] a number       (E + F) T²
    chunked      parallel in chunks of C steps        (E + F) C T + 2 E F T

T time, B batch, E entries of a key or query, F entries of a value; time is axis 0. q and k are
(T, B, E), v is (T, B, F), f is (T, B, 1) or (T, B, E), S is (B, E, F).
"""

import numpy as np

from unrolled.arguments import either, names_arguments
from unrolled.layers import scan as scans

INPUTS = {"q": "T B E", "k": "T B E", "v": "T B F", "f": either("T B 1", "T B E")}


@names_arguments(**INPUTS, S0="B E F")
def recurrent(q, k, v, f, S0=None, scan=scans.sequential):
    """Returns the outputs y (T, B, F) and the states S (T, B, E, F).

    Every entry of the matrix is a linear recurrence of its own.

    Raises:
        ValueError: shapes do not fit together.
    """
    S = scan(f[..., None], k[..., :, None] * v[..., None, :], S0)
    return (q[..., None, :] @ S)[..., 0, :], S


@names_arguments(**INPUTS, S="T B E F", dy="T B F", S0="B E F")
def backward(q, k, v, f, S, dy, S0=None, scan=scans.sequential):
    """Returns (dq, dk, dv, df, dS0), given dy and the states S of ``recurrent``.

    All three forms compute one function, so this is the gradient of each of them.
    """
    dq = (S @ dy[..., None])[..., 0]  # y_t = q_t S_t
    dS = q[..., :, None] * dy[..., None, :]
    df, dkv, dS0 = scans.backward(f[..., None], S, dS, S0, scan)
    dk = (dkv @ v[..., None])[..., 0]  # g_t = k_t^T v_t
    dv = (k[..., None, :] @ dkv)[..., 0, :]
    return dq, dk, dv, df[..., 0], dS0


@names_arguments(f="T B E")
def decays(f):
    """Returns the products of factors between steps, (T, T, B, 1 or E).

    Entry [t, s] is f_{s+1} f_{s+2} ... f_t if s <= t, else 0. The products
    are computed as differences of summed logarithms. The factors that are 0 are counted
    apart: a product that contains one of them is 0.

    Raises:
        ValueError: a factor is negative.
    """
    if (f < 0).any():
        raise ValueError(f"this form takes logarithms: f must be >= 0, got {f.min()}")
    zeros = np.cumsum(f == 0, axis=0)
    total = np.cumsum(np.log(np.where(f == 0, 1, f)), axis=0)
    earlier = np.tri(len(f), dtype=bool)[:, :, None, None]
    kept = earlier & (zeros[:, None] == zeros[None])
    return np.exp(np.where(kept, total[:, None] - total[None], -np.inf))


@names_arguments(q=INPUTS["q"], k=INPUTS["k"], f=INPUTS["f"])
def mixing_matrix(q, k, f):
    """Returns M (B, T, T): the weight of value s in output t.

    Entry [t, s] is (q_t * f_{s+1} * ... * f_t) k_s^T if s <= t, else 0.
                                                              (eq-matrix-mixing)
    """
    F = decays(f)
    if f.shape[-1] == 1:  # one number: it stands outside the product
        products = q.swapaxes(0, 1) @ k.transpose(1, 2, 0)
        return products * F[..., 0].transpose(2, 0, 1)
    return np.einsum("tbe,tsbe,sbe->bts", q, F, k, optimize=True)


@names_arguments(**INPUTS, S0="B E F")
def parallel(q, k, v, f, S0=None):
    """Returns the outputs y (T, B, F), all steps at once, without any state.

    Raises:
        ValueError: shapes do not fit together, or a factor is negative.
    """
    y = (mixing_matrix(q, k, f) @ v.swapaxes(0, 1)).swapaxes(0, 1)
    if S0 is not None:
        since_start = np.cumprod(f, axis=0)  # f_1 ... f_t
        y = y + ((q * since_start)[..., None, :] @ S0)[..., 0, :]
    return y


@names_arguments(**INPUTS, S0="B E F")
def chunked(q, k, v, f, S0=None, chunk=16):
    """Returns y (T, B, F): parallel inside a chunk, recurrent between chunks.

    Args:
        q: (T, B, E) queries.
        k: (T, B, E) keys.
        v: (T, B, F) values.
        f: (T, B, 1) or (T, B, E) factors, 0 or more.
        S0: (B, E, F) initial state; zeros if left out.
        chunk: the steps of a chunk; the last chunk may be shorter.

    Raises:
        ValueError: shapes do not fit together, a factor is negative, or chunk is not
            a positive integer.
    """
    if not chunk >= 1 or chunk % 1:
        raise ValueError(f"a chunk has at least one step, got {chunk}")
    (_, B, E), F = k.shape, v.shape[-1]
    S = np.zeros((B, E, F), np.result_type(q, k, v, f)) if S0 is None else S0
    y = np.empty(v.shape, np.result_type(q, k, v, f, S))
    for first in range(0, len(q), chunk):
        part = slice(first, first + chunk)
        q_c, k_c, v_c, f_c = q[part], k[part], v[part], f[part]
        y[part] = parallel(q_c, k_c, v_c, f_c, S)
        to_end = decays(f_c)[-1]  # (C, B, 1 or E): the factors after each step
        written = (k_c * to_end).transpose(1, 2, 0) @ v_c.swapaxes(0, 1)
        S = f_c.prod(axis=0)[..., None] * S + written
    return y
