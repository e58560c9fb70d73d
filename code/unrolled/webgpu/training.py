"""A whole training step of a language model on a GPU: nothing is read back in between.

Embedding, recurrence, output layer, both directions, and the update of plain SGD are dispatches of
the kernels in this folder. Weights and words stay in the memory of the GPU. The step is the one of
``language_model.loss_and_gradient`` and ``optimizers.sgd``.
T time, B batch, N real words of a batch, V vocabulary, H hidden, G blocks of columns of a cell.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled import tree
from unrolled.arguments import check_ids
from unrolled.cells import gru, lstm, rnn
from unrolled.webgpu import recurrence
from unrolled.webgpu.device import source
from unrolled.webgpu.output_layer import column_sums, on_gpu
from unrolled.webgpu.product import matmul
from unrolled.webgpu.update import MOST_WORKGROUPS, descend

CELLS = {rnn.Params: "rnn", lstm.Params: "lstm", gru.Params: "gru"}


class Words(NamedTuple):
    """A batch in the memory of a GPU: GpuArrays, and the sizes T and B."""

    inputs: Any  # (TB,) ids
    targets: Any  # (N,) ids
    real: Any  # (N,) the rows of the real words among the states (T+1, B)
    place: Any  # (TB,) which real word stands at a position; N where there is none
    ones: Any  # (N,) the mask of the output layer: all of its rows are real
    sizes: tuple[int, int]


def upload(gpu, p):
    """Returns ``language_model.Params`` of GpuArrays, in float32.

    Args:
        gpu: a Gpu.
        p: ``language_model.Params`` over ``rnn``, ``lstm`` or ``gru``.

    Raises:
        ValueError: a different cell, or too many hidden units.
    """
    if type(p.cell) not in CELLS:
        raise ValueError(
            f"the cell must be rnn, lstm or gru, got {type(p.cell).__module__.split('.')[-1]}"
        )
    H = len(p.cell.W_h)
    if H > recurrence.MOST_UNITS:
        raise ValueError(f"W_h must have 1 to {recurrence.MOST_UNITS} rows, got {H}")
    return tree.map(gpu.array, p)


def download(gpu, p):
    """Returns ``language_model.Params`` of GpuArrays as arrays of NumPy."""
    return p._replace(
        cell=type(p.cell)(*map(gpu.read, p.cell)),
        W_y=gpu.read(p.W_y),
        b_y=gpu.read(p.b_y),
    )


def words(gpu, p, batch):
    """Returns a batch as Words in the memory of a GPU.

    Args:
        gpu: a Gpu.
        p: ``language_model.Params`` of any arrays; their shapes are read.
        batch: a ``text.Batch``.

    Raises:
        ValueError: ids out of range, or a batch without a real word.
    """
    T, B = batch.inputs.shape
    mask = np.asarray(batch.mask).reshape(-1)
    targets = batch.targets.reshape(-1)[mask]
    if not len(targets):
        raise ValueError("the batch holds no word to predict: its mask is all False")
    check_ids("targets", targets, p.b_y.shape[0])
    check_ids("inputs", batch.inputs, p.cell.W_x.shape[0])
    place = np.where(mask, np.cumsum(mask) - 1, len(targets))
    return Words(
        inputs=gpu.array(batch.inputs.reshape(-1), np.uint32),
        targets=gpu.array(targets, np.uint32),
        real=gpu.array(B + np.flatnonzero(mask), np.uint32),
        place=gpu.array(place, np.uint32),
        ones=gpu.array(np.ones(len(targets))),
        sizes=(T, B),
    )


def step(gpu, p, words, learning_rate, scale=1.0):
    """Takes one step of SGD: changes p in the memory of the GPU, and reads nothing.

    Args:
        gpu: a Gpu.
        p: ``language_model.Params`` of GpuArrays, overwritten; ``upload`` makes them.
        words: Words.
        learning_rate: η.
        scale: factor of the summed loss; 1/N gives the mean.

    Returns:
        The loss in nats before the step, a GpuArray (1,).
    """
    cell, (T, B) = CELLS[type(p.cell)], words.sizes
    W_x, W_h, b = p.cell
    H, GH = W_h.shape
    a = gather(gpu, W_x, words.inputs, b)
    h = gpu.zeros(T + 1, B, H)
    c = gpu.zeros(T + 1, B, H) if cell == "lstm" else None
    cache = recurrence.Cache(cell, W_h, a._replace(shape=(T, B, GH)), h, c)
    recurrence.run_forward(gpu, cache)

    states = h._replace(shape=((T + 1) * B, H))
    rows = gather(gpu, states, words.real)
    losses, dh_real, dW_y, db_y = on_gpu(
        gpu, rows, p.W_y, p.b_y, words.targets, words.ones, scale
    )
    dh = gather(gpu, dh_real, words.place)

    da, _ = recurrence.run_backward(gpu, cache, dh._replace(shape=(T, B, H)))
    da = da._replace(shape=(T * B, GH))
    before = states._replace(shape=(T * B, H))  # the state before every step
    if cell == "gru":
        descend_gru(gpu, W_h, cache.gates, before, da, learning_rate)
    else:
        descend(gpu, W_h, matmul(gpu, before, da, transpose_a=True), learning_rate)
    db = column_sums(gpu, da)
    for w, dw in ((b, db), (p.W_y, dW_y), (p.b_y, db_y)):
        descend(gpu, w, dw, learning_rate)
    descend_rows(gpu, W_x, words.inputs, da, learning_rate)
    return column_sums(gpu, losses._replace(shape=(*losses.shape, 1)))


def gather(gpu, table, ids, bias=None):
    """Returns the rows of a table with these ids, plus a bias.

    Args:
        gpu: a Gpu.
        table: a GpuArray (rows, D).
        ids: a GpuArray (N,); an id after the last row stands for a row of zeros.
        bias: a GpuArray (D,); nothing is added if left out.

    Returns:
        (N, D), a GpuArray.
    """
    (rows, D), (N,) = table.shape, ids.shape
    found = gpu.zeros(N, D)
    arrays = [table, ids, gpu.zeros(D) if bias is None else bias, found]
    gpu.run(source("gather"), [N, D, rows], arrays, workgroups_of(N * D))
    return found


def descend_gru(gpu, W_h, gates, before, da, rate):
    """Subtracts rate times the gradient from the W_h of a GRU.

    The gates z and r are computed from h_{t-1}, and the candidate from r_t h_{t-1}. So the
    gradient is two products.

    Args:
        gpu: a Gpu.
        W_h: a GpuArray (H, 3H), overwritten.
        gates: a GpuArray of N · 3H numbers: z, r and the candidate.
        before: a GpuArray (N, H), the state before every step.
        da: a GpuArray (N, 3H).
        rate: the learning rate.
    """
    N, H = before.shape
    kept, da_gates, da_candidate = gpu.zeros(N, H), gpu.zeros(N, 2 * H), gpu.zeros(N, H)
    arrays = [gates, before, da, kept, da_gates, da_candidate]
    gpu.run(source("gru_split"), [N, H], arrays, workgroups_of(N * H))
    for first, x, dy in ((0, before, da_gates), (2 * H, kept, da_candidate)):
        dW = matmul(gpu, x, dy, transpose_a=True)
        entries = H * dy.shape[1]
        sizes = [entries, dy.shape[1], 3 * H, first, float(rate)]
        text = source("columns_descent")
        gpu.run(text, sizes, [W_h, dW], workgroups_of(entries))


def workgroups_of(entries):
    """Returns the workgroups of a kernel whose invocations take one entry in each round."""
    return min(-(-entries // 128), MOST_WORKGROUPS), 1


def descend_rows(gpu, W_x, ids, da, rate):
    """Subtracts rate times the gradient from the rows of W_x that were read.

    Args:
        gpu: a Gpu.
        W_x: a GpuArray (V, D), overwritten.
        ids: a GpuArray (N,), the row that each of N words has read.
        da: a GpuArray (N, D), the gradient of what they have read.
        rate: the learning rate.
    """
    sizes = [*da.shape, float(rate)]
    gpu.run(source("embedding_descent"), sizes, [W_x, ids, da], (da.shape[0], 1))


def train(gpu, p, batches, learning_rate):
    """Trains with one step on each batch, on the mean loss; reads only at the end.

    Args:
        gpu: a Gpu.
        p: ``language_model.Params`` in NumPy, left as they are.
        batches: ``text.Batch`` objects; one that comes several times is copied once.
        learning_rate: η.

    Returns:
        losses: a list of floats, before each step.
        p: the trained Params in NumPy.
    """
    on_device, copied, losses = upload(gpu, p), {}, []
    for batch in batches:
        if id(batch) not in copied:
            copied[id(batch)] = batch, words(gpu, p, batch)
        _, there = copied[id(batch)]
        scale = 1 / there.targets.shape[0]
        losses.append(step(gpu, on_device, there, learning_rate, scale))
    return [float(gpu.read(loss)[0]) for loss in losses], download(gpu, on_device)
