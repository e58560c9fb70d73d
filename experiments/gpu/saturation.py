"""Where a recurrent net stops scaling: time against steps, and against the batch.

For each library and cell, forward and backward through H units, float32 (TF32 off), D = H:
``lengths`` times several T at one small batch, whose slope is the latency of a step; ``batches``
times growing B at one T. Beside them stand the ceilings of the device: a copy, and matrix products.
Each is proved at the smallest size first.
"""

import numpy as np

from experiments.gpu import clocks, proof
from unrolled import tree
from unrolled.cells import gru, lstm, rnn
from unrolled.speed import gpu_tables

SEED = 0
NEEDS = 8 << 30
SECONDS = 45
PACKAGES = ("jax", "torch", "triton")
PARTS = {
    "ceilings": ("torch",),
    "cuDNN RNN": ("torch",),
    "cuDNN LSTM": ("torch",),
    "JAX RNN": ("jax",),
    "JAX LSTM": ("jax",),
    "JAX GRU": ("jax",),
}
CELLS = {"RNN": rnn, "LSTM": lstm, "GRU": gru}


def settings(rehearsal):
    """Returns the sizes."""
    if rehearsal:
        return {
            "H": 8,
            "T": 6,
            "lengths": [4, 8],
            "batch": 2,
            "batches": [1, 4],
            "product": 64,
        }
    return {
        "H": 256,
        "T": 128,
        "lengths": [32, 64, 128, 256, 512],
        "batch": 1,
        "batches": [1, 4, 16, 64, 256, 1024, 4096],
        "product": 8192,
    }


def operations(name, T, B, H):
    """Additions and multiplications of the matrix products, forward and backward, D = H."""
    return 3 * 2 * T * B * 2 * H * H * {"RNN": 1, "LSTM": 4, "GRU": 3}[name]


def problem(cell, T, B, H, dtype):
    """Returns (Params, x, dh)."""
    rng = np.random.default_rng(SEED)
    p = cell.init(rng, H, H)
    x, dh = rng.standard_normal((2, T, B, H), np.float32)
    return tree.map(lambda w: w.astype(dtype), (p, x, dh))


def exact(cell, T, B, H):
    """Returns {name: array} of dp and dx in float64."""
    p, x, dh = problem(cell, T, B, H, np.float64)
    dp, dx, *_ = cell.backward(p, cell.forward(p, x)[1], dh)
    return dict(tree.named_leaves(dp)) | {"x": dx}


def run(part, sizes):
    """Returns the times of a part, or the ceilings of the device."""
    if part == "ceilings":
        return ceilings(sizes)
    library, name = part.split()
    make, cell = {"cuDNN": in_cudnn, "JAX": in_jax}[library], CELLS[name]
    T, B, H = sizes["lengths"][0], min(sizes["batches"][1], 4), sizes["H"]
    gap = proof.prove(make(cell, T, B, H)[1](), exact(cell, T, B, H))
    lengths = {str(T): make(cell, T, sizes["batch"], H)[0]() for T in sizes["lengths"]}
    batches, stopped = {}, None
    for B in sizes["batches"]:
        try:
            batches[str(B)] = make(cell, sizes["T"], B, H)[0]()
        except Exception as error:  # each library has its own for too little memory
            if "memory" not in str(error).lower() and "RESOURCE" not in str(error):
                raise
            stopped = f"B = {B}: {str(error).splitlines()[0][:200]}"
            break
    medians = [lengths[str(T)]["median"] for T in sizes["lengths"]]
    slope, start = np.polyfit(sizes["lengths"], medians, 1)
    return {
        "gap": gap,
        "lengths": lengths,
        "latency": float(slope),
        "start": float(start),
        "batches": batches,
        "stopped": stopped,
    }


def in_cudnn(cell, T, B, H):
    """Returns (time it, its gradients) of PyTorch's layer with these weights."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    p, x, dh = problem(cell, T, B, H, np.float32)
    layer = {rnn: torch.nn.RNN, lstm: torch.nn.LSTM}[cell](H, H).to(device)
    with torch.no_grad():
        for name, value in torch_weights(p).items():
            getattr(layer, name).copy_(torch.tensor(value))
    x, dh = (
        torch.tensor(x, device=device, requires_grad=True),
        torch.tensor(dh, device=device),
    )
    weights = [layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0]

    def step():
        return torch.autograd.grad(layer(x)[0], [*weights, x], dh)

    def gradients():
        W_x, W_h, b, dx = (d.cpu().numpy() for d in step())
        return {"W_x": W_x.T, "W_h": W_h.T, "b": b, "x": dx}

    return lambda: clocks.by_torch(step), gradients


def torch_weights(p):
    """Returns our weights as PyTorch's: transposed, in the same order of gates; one bias of two."""
    zeros = np.zeros_like(p.b)
    return {
        "weight_ih_l0": p.W_x.T,
        "weight_hh_l0": p.W_h.T,
        "bias_ih_l0": p.b,
        "bias_hh_l0": zeros,
    }


def in_jax(cell, T, B, H):
    """Returns (time it, its gradients) of the cell's own step under JAX's scan."""
    import jax

    from unrolled.frameworks import jax_cells

    jax.config.update("jax_default_matmul_precision", "highest")
    p, x, dh = (
        tree.map(jax.numpy.array, part) for part in problem(cell, T, B, H, np.float32)
    )

    @jax.jit
    def backward(p, x, dh):
        return jax_cells.backward(p, x, dh, cell=cell)[:2]

    found = backward(p, x, dh)

    def step():
        nonlocal found
        found = backward(p, x, dh)

    def gradients():
        dp, dx = backward(p, x, dh)
        return {k: np.asarray(v) for k, v in [*tree.named_leaves(dp), ("x", dx)]}

    return lambda: clocks.by_host(step, lambda: jax.block_until_ready(found)), gradients


def ceilings(sizes):
    """Returns the rates of a copy and of matrix products, and the time of an empty launch."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    n = sizes["product"]
    source = torch.randn(8 * n * n, device=device)
    target = torch.empty_like(source)
    found = {}
    seconds = clocks.by_torch(lambda: target.copy_(source))
    found["bytes_per_second"] = 2 * source.numel() * 4 / seconds["median"]
    for name, dtype, tf32 in [
        ("float32", torch.float32, False),
        ("tf32", torch.float32, True),
        ("bfloat16", torch.bfloat16, False),
    ]:
        torch.backends.cuda.matmul.allow_tf32 = tf32
        A = torch.randn(n, n, device=device).to(dtype)
        seconds = clocks.by_torch(lambda A=A: A @ A)
        found[f"{name}_operations_per_second"] = 2 * n**3 / seconds["median"]
    small = torch.zeros(1, device=device)
    found["launch_seconds"] = clocks.by_torch(lambda: small.add_(1))["median"]
    return found


report = gpu_tables.saturation


RECORDS = {"gpu/saturation": (settings, run)}
