"""What each kernel in WGSL is compared with: NumPy in float64, at sizes that fit no tile."""

import numpy as np

from unrolled import tree
from unrolled.cells import gru, lstm, rnn
from unrolled.data import text
from unrolled.layers import scan as scans
from unrolled.models import language_model
from unrolled.training import optimizers
from unrolled.webgpu import (
    output_layer,
    product,
    recurrence,
    scan,
    training,
    update,
)

VALUES, GRADIENTS = 1e-4, 1e-3  # relative to the largest entry of an array
CELLS = {"rnn": rnn, "lstm": lstm, "gru": gru}


def gap(found, right):
    """Returns the largest difference, relative to the largest entry; infinite if one is NaN."""
    difference = np.abs(found - right).max()
    if difference == 0:
        return 0.0  # also where all that is right is zero
    relative = difference / max(np.abs(right).max(), np.finfo(float).tiny)
    return float(relative) if np.isfinite(relative) else np.inf


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


def language_problem(cell, T, B, H, V):
    """Returns Params in float64 and a Batch with padding, in which words occur repeatedly."""
    rng = np.random.default_rng(T * B + H)
    p = language_model.init(rng, V, H, CELLS[cell], np.float64)
    p = tree.map(lambda w: w + 0.2 * rng.standard_normal(w.shape), p)
    inputs, targets = rng.integers(0, max(2, V // 2), (2, T, B))
    lengths = rng.integers(1, T + 1, B)
    lengths[0] = T
    return p, text.Batch(inputs, targets, np.arange(T)[:, None] < lengths)


def of_training_step(gpu, cell, T, B, H, V):
    """Returns the gap of the loss, and those of all gradients and new weights.

    The gradient is what the weights lose at the rate 1.
    """
    p, batch = language_problem(cell, T, B, H, V)
    p = tree.map(lambda w: w.astype(np.float32).astype(float), p)
    right, dp = language_model.loss_and_gradient(p, batch, CELLS[cell], "sum")
    on_gpu = training.upload(gpu, p)
    loss = training.step(gpu, on_gpu, training.words(gpu, p, batch), 1.0)
    new = training.download(gpu, on_gpu)
    leaves = zip(*map(tree.leaves, (p, dp, new)), strict=True)
    gaps = []
    for w, dw, found in leaves:
        gaps += [gap(w - found, dw), gap(found, w - dw)]
    return gap(gpu.read(loss), np.array([right])), gaps


def counting(T, B, V):
    """Returns a Batch to learn: every word is followed by the next one, the last by the first."""
    ids = (np.arange(T + 1)[:, None] + V // B * np.arange(B)) % V
    lengths = T - np.arange(B) % 3
    return text.Batch(ids[:-1], ids[1:], np.arange(T)[:, None] < lengths)


def descents(cell, updates, rate, B=5, H=11, V=23):
    """Returns Params, the batches of a training, and NumPy's loss before every update."""
    p = language_model.init(np.random.default_rng(0), V, H, CELLS[cell], np.float64)
    batches = [counting(9, B, V), counting(7, B, V)] * (updates // 2)
    now, losses = tree.map(np.copy, p), []
    for each in batches:
        loss, dp = language_model.loss_and_gradient(now, each, CELLS[cell])
        optimizers.sgd(now, dp, learning_rate=rate)
        losses.append(float(loss))
    return p, batches, losses


def of_training(gpu, cell, updates, rate):
    """Returns the losses of a training on the GPU, and NumPy's."""
    p, batches, right = descents(cell, updates, rate)
    found, _ = training.train(gpu, p, batches, rate)
    return found, right


def scan_problem(T, D):
    """Returns f, g, h0 and dh; the factors lie around 1, above and below."""
    f, g, dh = 1 + 0.1 * random(0, T, D), random(1, T, D), random(2, T, D)
    return f, g, random(3, D), dh


def of_scan(gpu, T, D, chunk=None):
    """Returns the gap of all states."""
    f, g, h0, _ = scan_problem(T, D)
    found, _ = scan.forward(gpu, f, g, h0, chunk)
    return gap(found, scans.sequential(f, g, h0))


def of_scan_gradient(gpu, T, D, chunk=None):
    """Returns the gaps of df, dg and dh0."""
    f, g, h0, dh = scan_problem(T, D)
    right = scans.backward(f, scans.sequential(f, g, h0), dh, h0)
    _, cache = scan.forward(gpu, f, g, h0, chunk)
    found = scan.backward(gpu, cache, dh, chunk)
    return [gap(a, b) for a, b in zip(found, right, strict=True)]
