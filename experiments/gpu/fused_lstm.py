"""The fused LSTM in Triton beside cuDNN's (and FlashRNN's, where it is installed), in one run.

Forward and backward, all gradients, the same weights and inputs, the same precision, in turn. The
kernels are proved first with exact float32 products; the gaps of the timed precisions are recorded.
"""

import numpy as np

from experiments.gpu import clocks, proof
from experiments.gpu.saturation import operations, torch_weights
from experiments.speed.timing import spread
from unrolled import tree
from unrolled.cells import lstm
from unrolled.speed import gpu_tables, serial_chain

SEED = 0
NEEDS = 4 << 30
SECONDS = 75
PACKAGES = ("torch", "triton", "flashrnn")
PARTS = {
    "float32": ("torch", "triton"),  # products in TF32, which matrix units have
    "bfloat16": ("torch", "triton"),
    "float16": ("torch", "triton"),
}
REHEARSED_WITHOUT = {"torch"}
ROUNDING = {"float32": 5e-3, "bfloat16": 5e-2, "float16": 1e-2}
ROUNDS = 5


def settings(rehearsal):
    """Returns the sizes."""
    if rehearsal:
        return {"T": 3, "B": 5, "widths": [6, 20], "checked": 2}
    return {"T": 256, "B": 64, "widths": [256, 512], "checked": 32}


def problem(T, B, H, dtype):
    """Returns (Params, x, dh), of numbers that half precision holds."""
    rng = np.random.default_rng(SEED)
    p = lstm.init(rng, H, H)
    x, dh = rng.standard_normal((2, T, B, H))
    return tree.map(lambda w: w.astype(np.float16).astype(dtype), (p, x, dh))


def exact(T, B, H):
    """Returns {name: array} in float64: the states and all gradients."""
    p, x, dh = problem(T, B, H, np.float64)
    h, cache = lstm.forward(p, x)
    dp, dx, dh0, dc0 = lstm.backward(p, cache, dh)
    return dict(tree.named_leaves(dp)) | {"h": h, "x": dx, "h0": dh0, "c0": dc0}


def fused(p, x, dh, plan=None):
    """Returns {name: array} of one run of the kernels."""
    from unrolled.frameworks import triton_lstm

    h, cache = triton_lstm.forward(p, x, plan=plan)
    dp, dx, dh0, dc0 = triton_lstm.backward(p, cache, dh, plan=plan)
    return dict(tree.named_leaves(dp)) | {"h": h, "x": dx, "h0": dh0, "c0": dc0}


def run(part, sizes):
    """Returns {H: gaps, seconds, ratio to cuDNN, plan}, and the latency of an exchange.

    Raises:
        proof.Wrong: the kernels' answers are not NumPy's.
    """
    from unrolled.frameworks import triton_lstm

    if triton_lstm.interpreting():
        return rehearse(sizes)
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    processors = torch.cuda.get_device_properties(0).multi_processor_count
    T, B, found = sizes["T"], sizes["B"], {}
    square = torch.randn(4096, 4096, device="cuda").to(getattr(torch, part))
    rate = 2 * 4096**3 / clocks.by_torch(lambda: square @ square, times=5)["median"]
    for H in sizes["widths"]:
        size = 4 if part == "float32" else 2
        plan = triton_lstm.choose(B, H, size, processors, "tf32")
        proved = proof.prove(*checked(sizes["checked"], B, H, processors))
        p, x, dh = on_device(problem(T, B, H, np.float32), getattr(torch, part))
        gap = proof.prove(
            as_numpy(fused(p, x, dh, plan)), exact(T, B, H), ROUNDING[part]
        )
        contestants = {
            "Triton": lambda p=p, x=x, dh=dh, plan=plan: fused(p, x, dh, plan),
            "Triton, forward": lambda p=p, x=x, plan=plan: triton_lstm.forward(
                p, x, plan=plan
            ),
            "cuDNN": cudnn(p, x, dh),
        }
        flash, why_not = flash_rnn(p, x, dh)
        contestants |= flash
        rounds = [
            {
                name: clocks.by_torch(step, times=5)["median"]
                for name, step in contestants.items()
            }
            for _ in range(ROUNDS)
        ]
        seconds = {name: spread([r[name] for r in rounds]) for name in contestants}
        exchanged, work = exchange(plan, B, H), operations("LSTM", T, B, H)
        found[str(H)] = {
            "proved": proved,
            "gap": gap,
            "seconds": seconds,
            "cudnn_over_triton": spread([r["cuDNN"] / r["Triton"] for r in rounds]),
            "exchange": exchanged,
            "floor": serial_chain.fused_floor(T, exchanged, work, rate),
            "rate": rate,
            "operations": work,
            "flash_rnn": why_not,
            "plan": plan._asdict(),
            "programs": int(np.prod(plan.grid(B, H))),
        }
    return found


def rehearse(sizes):
    """Proves the kernels in Triton's interpreter, on NumPy arrays; times nothing."""
    T, B, found = sizes["T"], sizes["B"], {}
    for H in sizes["widths"]:
        p, x, dh = problem(T, B, H, np.float32)
        answer = fused(p, x, dh)
        found[str(H)] = {"proved": proof.prove(answer, exact(T, B, H))}
    return found


def checked(T, B, H, processors):
    """Returns the kernels' answers with exact float32 products, and NumPy's."""
    import torch

    from unrolled.frameworks import triton_lstm

    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        plan = triton_lstm.choose(B, H, 4, processors, "ieee")
        p, x, dh = on_device(problem(T, B, H, np.float32), torch.float32)
        return as_numpy(fused(p, x, dh, plan)), exact(T, B, H)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def on_device(arrays, dtype):
    """Returns the arrays as PyTorch's, on the GPU, in a precision."""
    import torch

    return tree.map(lambda a: torch.tensor(a, device="cuda").to(dtype), arrays)


def as_numpy(named):
    """Returns PyTorch's arrays as NumPy's."""
    return {name: array.float().cpu().numpy() for name, array in named.items()}


def cudnn(p, x, dh):
    """Returns a function that runs PyTorch's LSTM with these weights, forward and backward."""
    import torch

    H = p.W_h.shape[0]
    layer = torch.nn.LSTM(H, H).to(x.device, x.dtype)
    with torch.no_grad():
        for name, value in torch_weights(
            tree.map(lambda w: w.float().cpu().numpy(), p)
        ).items():
            getattr(layer, name).copy_(torch.tensor(value))
    x = x.clone().requires_grad_()
    weights = [layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0]
    return lambda: torch.autograd.grad(layer(x)[0], [*weights, x], dh)


def flash_rnn(p, x, dh):
    """Returns ({"FlashRNN": a function that runs its LSTM}, None), or ({}, why there is none).

    It takes the product of the inputs as given, as our kernel does, and keeps its weights as
    (gate, head, k, unit): ours, with one head.
    """
    try:
        from flashrnn import flashrnn
    except ImportError:
        return {}, "not installed"
    import torch

    T, B, H = x.shape
    R = p.W_h.reshape(H, 4, 1, H).permute(1, 2, 0, 3).contiguous().requires_grad_()
    b = p.b.reshape(4, 1, H).clone().requires_grad_()
    W_x, x = p.W_x.clone().requires_grad_(), x.clone().requires_grad_()

    def step():
        a = (x @ W_x).reshape(T, B, 4, 1, H).transpose(0, 1).contiguous()
        h = flashrnn(a, R, b, function="lstm", backend="cuda_fused")[0][0]
        h = h.reshape(B, T, H).transpose(0, 1)
        return torch.autograd.grad(h, [x, W_x, R, b], dh)

    try:
        step()
    except (
        Exception
    ) as error:  # it compiles on first use, and takes some sizes and types only
        return {}, f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
    return {"FlashRNN": step}, None


def exchange(plan, B, H):
    """Returns the seconds of a step in which programs do nothing but wait for one another."""
    import torch

    from unrolled.frameworks import triton_lstm

    times = []
    for T in (1000, 3000):
        counters = torch.zeros(plan.grid(B, H)[0], dtype=torch.int32, device="cuda")

        def step(T=T, counters=counters):
            counters.zero_()
            triton_lstm.exchange_kernel[plan.grid(B, H)](
                counters, T, num_warps=plan.slabs, launch_cooperative_grid=True
            )

        times.append(clocks.by_torch(step, times=5)["median"])
    return (times[1] - times[0]) / 2000


report = gpu_tables.fused_lstm


RECORDS = {"gpu/fused_lstm": (settings, run)}
