"""The ladder's step on a GPU: one step of SGD on the posts' network, in every library at hand.

Each rung takes the same weights and the same ids and makes the step of ``sgd_step``: the gradient
of the summed loss, then W ← W - η dW. It is proved by the weights after one step: (W - W') / η is
the gradient. All in float32 throughout: the shortened products of matrix units (TF32) are off.
"""

import importlib
import os

import numpy as np

from experiments.gpu import clocks, proof
from unrolled import tree
from unrolled.data import text
from unrolled.frameworks import array_namespace
from unrolled.models import language_model
from unrolled.speed import gpu_tables
from unrolled.training import optimizers

SEED = 0
NEEDS = 4 << 30
SECONDS = 60  # about, for a part
PACKAGES = ("cupy", "cupy-cuda12x", "cupy-cuda13x", "jax", "keras", "pytensor", "torch")
PARTS = {  # name: what it imports
    "NumPy, on the processor": (),
    "CuPy": ("cupy",),
    "JAX": ("jax",),
    "PyTensor through JAX": ("pytensor", "jax"),
    "Keras on JAX": ("keras", "jax"),
    "PyTorch, eager": ("torch",),
    "PyTorch, compiled": ("torch",),
    "cuDNN through PyTorch": ("torch",),
}
ETA = 1.0  # of the step that is proved


def settings(rehearsal):
    """Returns the sizes."""
    if rehearsal:
        return {"V": 50, "H": 8, "T": 6, "batches": [1, 3]}
    return {"V": 8000, "H": 100, "T": 45, "batches": [1, 32, 256]}


def problem(sizes, B, dtype):
    """Returns (Params, Batch) of one size, the same numbers in every precision."""
    rng = np.random.default_rng(SEED)
    p = language_model.init(rng, sizes["V"], sizes["H"], dtype=np.float64)
    ids = rng.integers(0, sizes["V"], (sizes["T"] + 1, B))
    mask = np.ones((sizes["T"], B), bool)
    return tree.map(lambda w: w.astype(dtype), p), text.Batch(ids[:-1], ids[1:], mask)


def exact_gradient(sizes, B):
    """Returns the gradient of the summed loss in float64, by name."""
    p, batch = problem(sizes, B, np.float64)
    _, dp = language_model.loss_and_gradient(p, batch, reduction="sum")
    return dict(tree.named_leaves(dp))


def run(part, sizes):
    """Returns {batch: {"gap", "seconds"}} of one rung.

    Raises:
        proof.Wrong: its gradient is not NumPy's.
    """
    found = {}
    for B in sizes["batches"]:
        p, batch = problem(sizes, B, np.float32)
        step, params, clock = RUNGS[part](p, batch, ETA)
        step()
        moved = tree.map(
            lambda w, new: (w.astype(np.float64) - np.asarray(new)) / ETA, p, params()
        )
        gap = proof.prove(dict(tree.named_leaves(moved)), exact_gradient(sizes, B))
        # Timed with a small η, with which the weights stay of ordinary size.
        step, _, clock = RUNGS[part](p, batch, 1e-6)
        found[str(B)] = {"gap": gap, "seconds": clock(step)}
    return found


# --- rungs: (Params, Batch, η) -> a step, the weights now, a clock -------------------------------


def in_numpy(p, batch, rate):
    """The package as it is, on this machine's processor."""
    return _packages_own(
        p, batch, rate, np, {}, lambda step: clocks.by_host(step, lambda: None)
    )


def in_cupy(p, batch, rate):
    """The package's own code on CuPy's arrays."""
    os.environ["CUPY_TF32"] = "0"
    import cupy

    changes = {"sum_rows": adding_rows(cupy), "ROWS_AT_ONCE": 1 << 30}
    return _packages_own(p, batch, rate, cupy, changes, clocks.by_cupy)


def adding_rows(xp):
    """Returns ``functional.sum_rows`` for a GPU, which adds to memory at once what NumPy sorts."""

    def sum_rows(ids, rows, D):
        total = xp.zeros((D, rows.shape[1]), rows.dtype)
        xp.add.at(total, ids, rows)
        return total

    return sum_rows


def _packages_own(p, batch, rate, xp, changes, clock):
    model = array_namespace.of(language_model, xp, **changes)
    sgd = array_namespace.of(optimizers, xp).sgd
    now, there = tree.map(xp.array, p), text.Batch(*map(xp.asarray, batch))

    def step():
        _, dp = model.loss_and_gradient(now, there, reduction="sum")
        sgd(now, dp, learning_rate=rate)

    def params():
        return tree.map(lambda w: w.get() if hasattr(w, "get") else w, now)

    return step, params, clock


def in_jax(p, batch, rate):
    """The step of ``jax_step``: one program, a scan."""
    import jax

    jax.config.update("jax_default_matmul_precision", "highest")
    from unrolled.frameworks import jax_step

    now = tree.map(jax.numpy.array, p)
    inputs, targets = jax.numpy.array(batch.inputs), jax.numpy.array(batch.targets)

    def step():
        nonlocal now
        now, _ = jax_step.sgd(now, inputs, targets, np.float32(rate))

    def clock(step):
        return clocks.by_host(step, lambda: jax.block_until_ready(now))

    return step, lambda: now, clock


def in_pytensor(p, batch, rate):
    """The step of ``pytensor_step``, translated to JAX; every step waits for its loss."""
    import jax

    # which asks JAX for float64
    importlib.import_module("pytensor.link.jax.dispatch.basic")
    from unrolled.frameworks import pytensor_step

    jax.config.update("jax_default_matmul_precision", "highest")
    jax.config.update("jax_enable_x64", False)

    step, params = pytensor_step.compile_step(p, rate, batch.inputs.shape, mode="JAX")
    ids = batch.inputs.astype(np.int32), batch.targets.astype(np.int32)
    return lambda: step(*ids), params, lambda step: clocks.by_host(step, lambda: None)


def in_keras(p, batch, rate):
    """A Keras RNN and a Dense layer on JAX, differentiated and compiled by JAX."""
    os.environ["KERAS_BACKEND"] = "jax"
    import jax
    import keras

    if keras.backend.backend() != "jax":
        raise RuntimeError("Keras was imported before, on another backend than JAX")
    jax.config.update("jax_default_matmul_precision", "highest")
    V, H = p.cell.W_x.shape

    class StateCell(keras.layers.Layer):
        state_size = output_size = H

        def build(self, shape):
            self.W_h = self.add_weight(shape=(H, H))
            self.b = self.add_weight(shape=(H,))

        def call(self, x_t, states, training=False):
            h = keras.ops.tanh(x_t + keras.ops.matmul(states[0], self.W_h) + self.b)
            return h, [h]

    x_shape = (*batch.inputs.T.shape, H)
    layer = keras.layers.RNN(StateCell(), return_sequences=True)
    dense = keras.layers.Dense(V)
    layer.build(x_shape)
    dense.build(x_shape)

    def loss(weights, x, targets):
        fixed = [v.value for v in layer.non_trainable_variables]
        h, _ = layer.stateless_call(weights[:2], fixed, x)
        logits, _ = dense.stateless_call(weights[2:], [], h)
        log_p = jax.nn.log_softmax(logits)
        return -jax.numpy.take_along_axis(log_p, targets[..., None], axis=-1).sum()

    @jax.jit
    def sgd(W_x, weights, inputs, targets):
        d, dx = jax.grad(loss, argnums=(0, 1))(weights, W_x[inputs], targets)
        weights = [w - rate * dw for w, dw in zip(weights, d, strict=True)]
        return W_x.at[inputs].add(-rate * dx), weights

    ids = tuple(jax.numpy.array(a.T) for a in (batch.inputs, batch.targets))
    W_x, *weights = map(jax.numpy.array, tree.leaves(p))
    now = W_x, weights

    def step():
        nonlocal now
        now = sgd(*now, *ids)

    def clock(step):
        return clocks.by_host(step, lambda: jax.block_until_ready(now))

    return step, lambda: tree.replace_leaves(p, [now[0], *now[1]]), clock


def in_torch(p, batch, rate, compiled=False):
    """A loop over the steps in PyTorch, differentiated as it goes."""
    import torch

    def states(x, W_h, b):
        h, found = torch.zeros_like(x[0]), []
        for x_t in x.unbind():
            h = torch.tanh(x_t + h @ W_h + b)
            found.append(h)
        return torch.stack(found)

    return _torch_step(p, batch, rate, states, compiled)


def in_compiled_torch(p, batch, rate):
    """The same, compiled: the loop is written out, T times the cell."""
    return in_torch(p, batch, rate, compiled=True)


def in_cudnn(p, batch, rate):
    """NVIDIA's own RNN, which takes its input's product with a matrix: here the unit matrix."""
    import torch

    H, device = len(p.cell.b), _torch_device()
    eye, zeros = torch.eye(H, device=device), torch.zeros(H, device=device)

    def states(x, W_h, b):
        flat = [eye, W_h.T.contiguous(), b, zeros]
        h0 = torch.zeros_like(x[:1])
        # torch.nn.RNN keeps weights of its own; the function that it calls takes ours
        return torch._VF.rnn_tanh(x, h0, flat, True, 1, 0.0, True, False, False)[0]

    return _torch_step(p, batch, rate, states)


def _torch_device():
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _torch_step(p, batch, rate, states, compiled=False):
    import torch

    device = _torch_device()
    now = [
        torch.tensor(leaf, device=device, requires_grad=True) for leaf in tree.leaves(p)
    ]
    inputs, targets = (
        torch.tensor(a, device=device) for a in (batch.inputs, batch.targets)
    )
    V = len(p.b_y)

    def loss(x, W_h, b, W_y, b_y):
        logits = states(x, W_h, b).reshape(-1, W_h.shape[0]) @ W_y + b_y
        return torch.nn.functional.cross_entropy(
            logits.view(-1, V), targets.reshape(-1), reduction="sum"
        )

    run = torch.compile(loss) if compiled else loss

    def step():
        W_x, *weights = now
        x = W_x.detach()[inputs].requires_grad_()
        dx, *d = torch.autograd.grad(run(x, *weights), [x, *weights])
        with torch.no_grad():
            W_x.index_add_(
                0, inputs.reshape(-1), dx.reshape(-1, dx.shape[-1]), alpha=-rate
            )
            for weight, gradient in zip(weights, d, strict=True):
                weight.sub_(gradient, alpha=rate)

    def params():
        return tree.replace_leaves(p, [weight.detach().cpu().numpy() for weight in now])

    return step, params, clocks.by_torch


RUNGS = dict(
    zip(
        PARTS,
        (
            in_numpy,
            in_cupy,
            in_jax,
            in_pytensor,
            in_keras,
            in_torch,
            in_compiled_torch,
            in_cudnn,
        ),
        strict=True,
    )
)


report = gpu_tables.ladder


RECORDS = {"gpu/ladder": (settings, run)}
