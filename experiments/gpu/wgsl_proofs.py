"""What each kernel in WGSL is compared with: NumPy in float64, at sizes that fit no tile."""

import numpy as np

from unrolled.cells import gru, lstm, rnn
from unrolled.models import language_model
from unrolled.webgpu import output_layer, product, recurrence, update

VALUES, GRADIENTS = 1e-4, 1e-3  # relative to the largest entry of an array
CELLS = {"rnn": rnn, "lstm": lstm, "gru": gru}


def gap(found, right):
    """Returns the largest difference, relative to the largest entry; infinite if one is NaN."""
    difference = np.abs(found - right).max() / np.abs(right).max()
    return float(difference) if np.isfinite(difference) else np.inf


def random(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def of_product(gpu, kernel, M, N, K):
    """Returns the gaps of a b, with and without transposes."""
    a, b = random(0, M, K), random(1, K, N)
    found = [
        product.matmul(gpu, gpu.array(a), gpu.array(b), kernel),
        product.matmul(gpu, gpu.array(a.T), gpu.array(b), kernel, transpose_a=True),
        product.matmul(gpu, gpu.array(a), gpu.array(b.T), kernel, transpose_b=True),
    ]
    return [gap(gpu.read(c), a @ b) for c in found]


def recurrence_problem(cell, T, B, H, D=3, scale=1.0):
    """Returns p, x, initial states and a dh that a mask has left out after each length."""
    rng = np.random.default_rng(T * B + H)
    p = CELLS[cell].init(rng, D, H)
    p = type(p)(*(w + 0.3 * rng.standard_normal(w.shape) for w in p))
    x = scale * rng.standard_normal((T, B, D))
    first = tuple(rng.standard_normal((1 + (cell == "lstm"), B, H)))
    lengths = rng.integers(1, T + 1, B)
    dh = rng.standard_normal((T, B, H)) * (np.arange(T)[:, None] < lengths)[..., None]
    return p, x, first, dh


def of_forward(gpu, cell, T, B, H, steps=None, scale=1.0):
    """Returns the gap of all states."""
    p, x, first, _ = recurrence_problem(cell, T, B, H, scale=scale)
    right, _ = CELLS[cell].forward(p, x, *first)
    h0, c0 = (*first, None)[:2]
    a = x @ p.W_x + p.b
    found, _ = recurrence.forward(gpu, cell, p.W_h, a, h0, c0, steps)
    return gap(found, right)


def of_backward(gpu, cell, T, B, H):
    """Returns the gaps of db, dW_x, and the gradients of the initial states and inputs."""
    p, x, first, dh = recurrence_problem(cell, T, B, H)
    _, cache = CELLS[cell].forward(p, x, *first)
    dp, dx, *dfirst = CELLS[cell].backward(p, cache, dh)
    _, cache = recurrence.forward(gpu, cell, p.W_h, x @ p.W_x + p.b, *first)
    da, dstates = recurrence.backward(gpu, cache, dh)
    gaps = [
        gap(da.sum((0, 1)), dp.b),
        gap(da @ p.W_x.T, dx),
        gap(np.einsum("tbi,tbj->ij", x, da), dp.W_x),
    ]
    return gaps + [gap(d, right) for d, right in zip(dstates, dfirst, strict=True)]


def of_output_layer(gpu, N, H, V, scale=1.0):
    """Returns the gaps of the loss and of the gradients; every third row is padding."""
    h, W_y, b_y = scale * random(0, N, H), random(1, H, V), random(2, V)
    targets = np.random.default_rng(3).integers(0, V, N)
    real = np.arange(N) % 3 > 0
    loss, dh, dW_y, db_y = language_model.output_layer(
        h[real], W_y, b_y, targets[real], scale=0.25
    )
    right = [loss, np.zeros((N, H)), dW_y, db_y]
    right[1][real] = dh
    found = output_layer.output_layer(gpu, h, W_y, b_y, targets, real, scale=0.25)
    return [gap(f, r) for f, r in zip(found, right, strict=True)]


def of_descent(gpu, *shape):
    """Returns the gap of weights after a step."""
    p, dp = random(0, *shape), random(1, *shape)
    on_gpu = gpu.array(p)
    update.descend(gpu, on_gpu, gpu.array(dp), 0.3)
    return gap(gpu.read(on_gpu), p - 0.3 * dp)
