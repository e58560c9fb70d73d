r"""SGD steps of the language model that move less and less memory.

    W ← W - η dW,   dW the gradient of the summed loss

All compute the same step as ``language_model.loss_and_gradient(reduction="sum")`` and
``optimizers.sgd`` over ``rnn``. They differ in how often an array is read from memory or written
there, which ``cost`` counts. From the slowest to the fastest they are ``reference_step``, then
``step`` with ``output_in_place``, ``output_fused`` and ``output_and_update``. The last one can call
SciPy's BLAS. Its pool of threads is not NumPy's, so by default every product is NumPy's.
``step_on_threads`` divides the rows of the output layer among threads of its own.
T time, B batch, N real words of a batch, V vocabulary, H hidden.
"""

import functools
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.linalg.blas import get_blas_funcs
from threadpoolctl import ThreadpoolController

from unrolled import tree
from unrolled.arguments import ids, names_arguments, unchecked
from unrolled.cells import rnn
from unrolled.functional import check_sequence, cross_entropy, dcross_entropy
from unrolled.models import language_model
from unrolled.models.language_model import ROWS_AT_ONCE

ROWS_OF_A_KERNEL = 16  # or a divisor of it, in the kernels of many processors
CELL, WEIGHTS = language_model.CELL, language_model.OVER_RNN
OUTPUT = dict(p=WEIGHTS, h="N H", targets=ids("N", "V"))

# --- matrix products, and new arrays at every step -----------------------------------------------


@names_arguments(p=WEIGHTS, batch=language_model.BATCH)
def reference_step(p, batch, learning_rate):
    """Returns (summed loss in nats, new Params); its arrays are new at every step.

    Args:
        p: ``language_model.Params`` over ``rnn``; left as they are.
        batch: a text.Batch; steps outside its mask count for nothing.
        learning_rate: η.

    Raises:
        ValueError: ids out of range, or a batch without a real word.
    """
    targets = language_model.real_targets(p, batch)
    h, cache = rnn.forward(p.cell, batch.inputs)
    rows = h[batch.mask]
    u = rows @ p.W_y + p.b_y
    loss = float(cross_entropy(u, targets).sum())
    du = dcross_entropy(u, targets, np.ones(len(u), u.dtype))
    dh = np.zeros_like(h)
    dh[batch.mask] = du @ p.W_y.T  # u = rows W_y + b_y
    dcell, *_ = rnn.backward(p.cell, cache, dh)
    dp = language_model.Params(dcell, rows.T @ du, du.sum(axis=0))
    rate = p.W_y.dtype.type(learning_rate)
    return loss, tree.map(lambda w, dw: w - rate * dw, p, dp)


# --- arrays that are allocated once --------------------------------------------------------------


class Workspace:
    """Arrays by name, allocated once and used again at every step."""

    def __init__(self):
        """Makes an empty workspace."""
        self.memory = {}

    def array(self, name, shape, dtype):
        """Returns an array; it may overwrite the last array of that name."""
        size = int(np.prod(shape))
        memory = self.memory.get(name)
        if memory is None or memory.dtype != dtype or memory.size < size:
            memory = self.memory[name] = np.empty(size, dtype)
        return memory[:size].reshape(shape)


@names_arguments(p=CELL, inputs=ids("T B", "V"))
def states(p, inputs, work):
    """Returns the states of ``rnn.forward`` after the initial state, (T+1, B, H).

    Args:
        p: ``rnn.Params``.
        inputs: (T, B) ids.
        work: a Workspace.
    """
    h = work.array("h", (len(inputs) + 1, inputs.shape[1], len(p.b)), p.b.dtype)
    h[0] = 0
    np.take(p.W_x, inputs, axis=0, out=h[1:], mode="clip")  # in range: checked
    h[1:] += p.b
    a_t = work.array("a_t", h.shape[1:], h.dtype)
    for h_before, h_t in zip(h[:-1], h[1:], strict=True):
        np.dot(h_before, p.W_h, out=a_t)
        a_t += h_t  # h_t holds x_t W_x + b so far
        np.tanh(a_t, out=h_t)
    return h


@names_arguments(p=CELL, da="T B H")
def dstates(p, h, da, work):
    """Turns dh into da, in the same array (T, B, H), by eq-delta-recursion.

    Args:
        p: ``rnn.Params``.
        h: (T+1, B, H), what ``states`` returned.
        da: the gradient of each h_t by its own output alone; overwritten with da.
        work: a Workspace.
    """
    check_states(h, da)
    slope = work.array("slope", da.shape, da.dtype)
    np.multiply(h[1:], h[1:], out=slope)
    np.subtract(1, slope, out=slope)
    dh_next = work.array("dh_next", da.shape[1:], da.dtype)
    dh_next[:] = 0
    for da_t, slope_t in zip(da[::-1], slope[::-1], strict=True):
        da_t += dh_next  # two paths leave h_t
        da_t *= slope_t  # h_t = tanh(a_t)
        np.dot(da_t, p.W_h.T, out=dh_next)  # a_t = ... + h_{t-1} W_h


def check_states(h, da):
    """Raises ValueError unless h holds one more state than da has steps."""
    if h.shape != (len(da) + 1, *da.shape[1:]):
        raise ValueError(f"h must be {(len(da) + 1, *da.shape[1:])}, got {h.shape}")


@names_arguments(p=CELL, inputs=ids("T B", "V"), da="T B H")
def update_cell(p, inputs, h, da, learning_rate):
    """Subtracts η times the gradient from the cell's weights.

    A row of W_x whose word does not occur has the gradient 0. So only the rows that
    were read change, at most TB of V. A dense gradient would clear, scale and subtract
    V rows.
    """
    check_states(h, da)
    ids, rows = inputs.reshape(-1), da.reshape(-1, da.shape[-1])
    h_before = h[:-1].reshape(rows.shape)
    rows *= p.b.dtype.type(learning_rate)  # η da; da itself is not needed any more
    p.W_h[:] -= h_before.T @ rows
    p.b[:] -= rows.sum(axis=0)
    order = np.argsort(ids, kind="stable")
    present, starts = np.unique(ids[order], return_index=True)
    p.W_x[present] -= np.add.reduceat(rows[order], starts)


# --- three output layers, each with fewer passes over the logits -------------------------------


@names_arguments(**OUTPUT)
def output_in_place(h, p, targets, learning_rate, work):
    """Computes loss, gradient and update of the output layer, as ``reference_step``, in place.

    Args:
        h: (N, H) states.
        p: ``language_model.Params``; W_y and b_y are overwritten.
        targets: (N,) ids.
        learning_rate: η.
        work: a Workspace.

    Returns:
        The summed loss in nats, and dh (N, H).
    """
    u, e = (work.array(name, (len(h), len(p.b_y)), h.dtype) for name in "ue")
    here = np.arange(len(h)), targets
    np.matmul(h, p.W_y, out=u)
    u += p.b_y
    top = u.max(axis=1, keepdims=True)  # the loss: log sum exp(u) - u[target]
    np.exp(np.subtract(u, top, out=e), out=e)
    log_sum = top[:, 0] + np.log(e.sum(axis=1))
    loss = float((log_sum - u[here]).sum())
    top = u.max(axis=1, keepdims=True)  # the gradient: softmax(u) - onehot(target)
    du = np.exp(np.subtract(u, top, out=u), out=u)
    du /= du.sum(axis=1, keepdims=True)
    du[here] -= 1
    dh = np.matmul(du, p.W_y.T, out=work.array("dh", h.shape, h.dtype))
    dW_y = np.matmul(h.T, du, out=work.array("dW_y", p.W_y.shape, h.dtype))
    dW_y *= h.dtype.type(learning_rate)
    p.W_y[:] -= dW_y
    p.b_y[:] -= h.dtype.type(learning_rate) * du.sum(axis=0)
    return loss, dh


@names_arguments(u="N V", targets=ids("N", "V"))
def logits_to_gradient(u, targets):
    """Turns logits (N, V) into softmax(u) - onehot(target); returns the loss.

    The loss is summed. It needs the same exponentials as the probabilities.
    """
    here = np.arange(len(u)), targets
    u -= u.max(axis=1, keepdims=True)
    u_target = u[here]
    np.exp(u, out=u)
    total = u @ np.ones(u.shape[1], u.dtype)  # BLAS adds faster than sum(axis=1)
    u *= (1 / total)[:, None]
    u[here] -= 1
    return float((np.log(total) - u_target).sum())


@names_arguments(**OUTPUT)
def output_fused(h, p, targets, learning_rate, work):
    """As ``output_in_place``, with one exponential for each logit."""
    u = work.array("u", (len(h), len(p.b_y)), h.dtype)
    np.matmul(h, p.W_y, out=u)
    u += p.b_y
    loss = logits_to_gradient(u, targets)
    dh = np.matmul(u, p.W_y.T, out=work.array("dh", h.shape, h.dtype))
    dW_y = np.matmul(h.T, u, out=work.array("dW_y", p.W_y.shape, h.dtype))
    dW_y *= h.dtype.type(learning_rate)
    p.W_y[:] -= dW_y
    p.b_y[:] -= h.dtype.type(learning_rate) * u.sum(axis=0)
    return loss, dh


@names_arguments(W="m n", x="N m", dy="N n")
def subtract_product(W, x, dy, learning_rate, work=None):
    """Subtracts η x^T dy from W in one call of BLAS; the product is never stored.

    BLAS's ``gemm`` is C ← αAB + βC, here with α = -η, β = 1 and W as C. The
    product is summed in the processor's registers and added to W from there. BLAS
    stores matrices by columns, so it gets the transposes.

    Args:
        W: (m, n), overwritten; C-contiguous.
        x: (N, m).
        dy: (N, n).
        learning_rate: η.
        work: not used; here because ``subtract_in_numpy`` has it.

    Raises:
        ValueError: W has a different layout, or the three dtypes differ.
    """
    if not W.flags.c_contiguous or not W.dtype == x.dtype == dy.dtype:
        kinds = f"{W.dtype}, {x.dtype} and {dy.dtype}"
        raise ValueError(
            f"W must be C-contiguous and of the dtype of both factors, got {kinds}:"
            " np.ascontiguousarray makes a copy that is"
        )
    gemm = get_blas_funcs("gemm", dtype=W.dtype)
    gemm(-learning_rate, dy.T, x.T, beta=1, c=W.T, trans_b=True, overwrite_c=True)


@names_arguments(W="m n", x="N m", dy="N n")
def subtract_in_numpy(W, x, dy, learning_rate, work):
    """As ``subtract_product``, with NumPy's threads alone; the product is stored once.

    Here η multiplies x, which has fewer entries than the product.
    """
    scaled = work.array("scaled", x.shape, x.dtype)
    np.multiply(x, x.dtype.type(learning_rate), out=scaled)
    W -= np.matmul(scaled.T, dy, out=work.array("dW_y", W.shape, W.dtype))


@names_arguments(**OUTPUT)
def output_and_update(
    h,
    p,
    targets,
    learning_rate,
    work,
    rows_at_once=ROWS_AT_ONCE,
    subtract=subtract_in_numpy,
):
    """As ``output_fused``, in blocks of rows, with the update inside the product.

    Later blocks need the old weights, so with more than one block the updates go to
    a copy. For the product dh, zeros fill up the rows to a multiple of 16: BLAS's
    kernels compute several rows at a time, and are slower on the rest.
    """
    N, (H, V) = len(h), p.W_y.shape
    dh = work.array("dh", (rounded(N), H), h.dtype)
    blocks = parts(N, math.ceil(N / rows_at_once))
    W_new = p.W_y if len(blocks) == 1 else copy_of(p.W_y, work)
    db_y, loss = np.zeros_like(p.b_y), 0.0
    for rows in blocks:
        end = min(rounded(rows.stop), len(dh))
        u_filled = work.array("u", (end - rows.start, V), h.dtype)
        u = u_filled[: rows.stop - rows.start]
        np.matmul(h[rows], p.W_y, out=u)
        u += p.b_y
        loss += unchecked(logits_to_gradient)(u, targets[rows])
        u_filled[len(u) :] = 0  # not used, but infinities would give warnings
        np.matmul(u_filled, p.W_y.T, out=dh[rows.start : end])
        unchecked(subtract)(W_new, h[rows], u, learning_rate, work)
        db_y += np.ones(len(u), u.dtype) @ u
    if W_new is not p.W_y:
        p.W_y[:] = W_new
    p.b_y[:] -= h.dtype.type(learning_rate) * db_y
    return loss, dh[:N]


@names_arguments
def rounded(N):
    """Returns N rounded up to a multiple of ROWS_OF_A_KERNEL."""
    return -(-N // ROWS_OF_A_KERNEL) * ROWS_OF_A_KERNEL


@names_arguments
def parts(N, count):
    """Returns at most ``count`` slices of similar length that make up 0..N-1.

    If there are enough rows, a slice begins at a multiple of ROWS_OF_A_KERNEL.
    """
    unit = ROWS_OF_A_KERNEL if N >= count * ROWS_OF_A_KERNEL else 1
    units = -(-N // unit)
    edges = [
        min(N, units * k // min(count, units) * unit)
        for k in range(min(count, units) + 1)
    ]
    return [slice(first, last) for first, last in zip(edges, edges[1:], strict=False)]


@names_arguments
def copy_of(W, work, name="W_new"):
    """Returns a copy of W in the workspace."""
    copy = work.array(name, W.shape, W.dtype)
    copy[:] = W
    return copy


@names_arguments(**OUTPUT)
def output_on_threads(h, p, targets, learning_rate, work, others, **options):
    """As ``output_and_update``, with the rows divided among threads.

    Each thread updates a copy of the weights. At the end, the changes of the copies
    are added up. A thread gets at least one block of rows, so few rows need one thread.

    Args:
        h: (N, H) states.
        p: ``language_model.Params``; W_y and b_y are overwritten.
        targets: (N,) ids.
        learning_rate: η.
        work: a Workspace.
        others: one more Workspace for each further thread.
        options: of ``output_and_update``.

    Returns:
        The summed loss in nats, and dh (N, H).

    Raises:
        ValueError: no row, or blocks of no row.
    """
    if not len(h) or options.get("rows_at_once", ROWS_AT_ONCE) < 1:
        raise ValueError("h must have a row, and rows_at_once must be at least 1")
    output = functools.partial(unchecked(output_and_update), **options)
    blocks = math.ceil(len(h) / options.get("rows_at_once", ROWS_AT_ONCE))
    spaces = [work, *others][:blocks]
    if len(spaces) == 1:
        return output(h, p, targets, learning_rate, work)

    def share(rows, space):
        new = p._replace(W_y=copy_of(p.W_y, space, "W_y"), b_y=p.b_y.copy())
        loss, dh = output(h[rows], new, targets[rows], learning_rate, space)
        new.W_y[:] -= p.W_y  # what has changed
        new.b_y[:] -= p.b_y
        return loss, dh, new

    with ThreadPoolExecutor(len(spaces)) as pool:
        shares = [*pool.map(share, parts(len(h), len(spaces)), spaces)]
    for *_, change in shares:
        p.W_y[:] += change.W_y
        p.b_y[:] += change.b_y
    return sum(loss for loss, *_ in shares), np.concatenate([dh for _, dh, _ in shares])


# --- a whole step --------------------------------------------------------------------------------


@names_arguments(p=WEIGHTS, batch=language_model.BATCH)
def step(p, batch, learning_rate, work, output=output_and_update, **options):
    """Takes one SGD step on the summed loss, in place.

    Args:
        p: ``language_model.Params`` over ``rnn``, overwritten: C-contiguous, of one dtype.
        batch: a text.Batch; steps outside its mask count for nothing.
        learning_rate: η.
        work: a Workspace, the same at every step.
        output: one of the output layers above.
        options: of ``output``.

    Returns:
        The summed loss in nats before the step.

    Raises:
        ValueError: ids out of range, a batch without a real word, a different cell, or weights of
            unequal dtypes or of a different memory layout.
    """
    kinds = {(w.dtype.name, w.flags.c_contiguous) for w in tree.leaves(p)}
    if len(kinds) > 1 or (p.W_y.dtype.name, True) not in kinds:
        raise ValueError(
            f"all weights must be C-contiguous and of one dtype, got {sorted(kinds)}"
        )
    if not isinstance(p.cell, rnn.Params):
        raise ValueError(
            f"this step is written for rnn.Params, got {type(p.cell).__module__}"
        )
    check_sequence(batch.inputs, len(p.cell.W_x))
    targets, mask = unchecked(language_model.real_targets)(p, batch), batch.mask
    full = bool(mask.all())
    h = unchecked(states)(p.cell, batch.inputs, work)
    rows = h[1:].reshape(-1, h.shape[2]) if full else h[1:][mask]
    loss, dh = unchecked(output)(rows, p, targets, learning_rate, work, **options)
    if full:
        da = dh.reshape(h[1:].shape)
    else:
        da = work.array("da", h[1:].shape, h.dtype)
        da[:] = 0
        da[mask] = dh
    unchecked(dstates)(p.cell, h, da, work)
    unchecked(update_cell)(p.cell, batch.inputs, h, da, learning_rate)
    return loss


@functools.cache
def blas():
    """Returns what sets the number of threads of NumPy's and SciPy's BLAS."""
    return ThreadpoolController()


@names_arguments(p=WEIGHTS, batch=language_model.BATCH)
def step_on_threads(p, batch, learning_rate, work, others, **options):
    """Takes the step of ``step`` with ``output_on_threads``.

    Meanwhile, BLAS uses one thread for each product, whatever was set before.

    Args:
        p: ``language_model.Params`` over ``rnn``, overwritten, as in ``step``.
        batch: a text.Batch.
        learning_rate: η.
        work: a Workspace, the same at every step.
        others: one more Workspace for each further thread, the same at every step.
        options: of ``output_and_update``.

    Returns:
        The summed loss in nats before the step.

    Raises:
        ValueError: as ``step``.
    """
    options |= {"output": output_on_threads, "others": others}
    with blas().limit(limits=1, user_api="blas"):
        return unchecked(step)(p, batch, learning_rate, work, **options)
