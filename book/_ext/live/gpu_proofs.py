"""What the kernels of the page *On your own GPU* must compute: inputs, and NumPy's answers.

The answers come from the package in float64, when the book is built. proofs.js draws the same
inputs and runs the kernels.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

VALUES, GRADIENTS = 1e-4, 1e-3  # relative to the largest entry of an array


def drawn(seed: int, size: int, scale: float = 1.0, offset: float = 0.0) -> Any:
    """Return numbers as proofs.js draws them: offset ± scale, rounded to float32."""
    x: Any = np.arange(size, dtype=np.uint32) + np.uint32(seed * 0x9E3779B9 % 2**32)
    x = (x ^ (x >> 16)) * np.uint32(0x21F0AAAD)
    x = (x ^ (x >> 15)) * np.uint32(0x735A2D97)
    x = x ^ (x >> 15)
    numbers: Any = offset + ((x >> 8) / 2.0**23 - 1) * scale
    return numbers.astype(np.float32).astype(float)


def answers(**arrays: Any) -> dict[str, str]:
    """Return arrays as text: base64 of float32, least significant byte first."""
    return {
        name: base64.b64encode(np.asarray(a, "<f4").tobytes()).decode()
        for name, a in arrays.items()
    }


def products() -> list[dict[str, Any]]:
    """Return the proofs of the products, at sizes that fit no tile."""
    found = []
    for kernel in ("plain", "tiled", "blocked"):
        for (M, N, K), transposed in [
            ((66, 18, 7), [False, False]),
            ((5, 66, 17), [True, False]),
            ((5, 3, 7), [False, True]),
        ]:
            a, b = drawn(1, M * K), drawn(2, K * N)
            left = a.reshape(K, M).T if transposed[0] else a.reshape(M, K)
            right = b.reshape(N, K).T if transposed[1] else b.reshape(K, N)
            found.append(
                {
                    "rung": f"product, {kernel}",
                    "run": "product",
                    "kernel": kernel,
                    "sizes": [M, N, K],
                    "transposed": transposed,
                    "inputs": {"a": [1, M * K, 1], "b": [2, K * N, 1]},
                    "answers": answers(c=left @ right),
                    "tolerance": VALUES,
                }
            )
    return found


def recurrence(cell: str, T: int, B: int, H: int, direction: str) -> dict[str, Any]:
    """Return the proof of a cell, forward or backward, with initial states and a mask."""
    from unrolled.cells import gru, lstm, rnn

    module: Any = {"rnn": rnn, "lstm": lstm, "gru": gru}[cell]
    G = H * {"rnn": 1, "lstm": 4, "gru": 3}[cell]
    inputs: dict[str, list[Any]] = {
        "W_h": [1, H * G, 2.0 ** -round(np.log2(max(H, 2)) / 2)],
        "a": [2, T * B * G, 2.0],
        "h0": [3, B * H, 1.0],
        "c0": [4, B * H, 1.0],
        "dh": [5, T * B * H, 1.0],
    }
    values = {name: drawn(*spec) for name, spec in inputs.items()}
    first = [values[name].reshape(B, H) for name in ("h0", "c0")]
    first = first if cell == "lstm" else first[:1]
    # With the identity for W_x, the input is x W_x + b, and dx is its gradient.
    p = module.Params(np.eye(G), values["W_h"].reshape(H, G), np.zeros(G))
    h, cache = module.forward(p, values["a"].reshape(T, B, G), *first)
    proof: dict[str, Any] = {
        "rung": f"{cell.upper()}, {direction}",
        "run": direction,
        "cell": cell,
        "sizes": [T, B, H],
        "inputs": inputs,
        "steps": T,
    }
    if direction == "forward":
        first_states = first[0][None]
        states = np.concatenate([first_states, h])
        return proof | {"answers": answers(h=states), "tolerance": VALUES}
    lengths = [max(1, T - 2 * b) for b in range(B)]
    dh = values["dh"].reshape(T, B, H).copy()
    for b, length in enumerate(lengths):
        dh[length:, b] = 0
    _, da, *dstates = module.backward(p, cache, dh)
    found = answers(da=da, dstates=np.stack(dstates))
    return proof | {"lengths": lengths, "answers": found, "tolerance": GRADIENTS}


def recurrences() -> list[dict[str, Any]]:
    """Return the proofs of all cells: odd sizes, and more units than a workgroup has threads."""
    found = []
    for cell in ("rnn", "lstm", "gru"):
        for direction in ("forward", "backward"):
            found += [
                recurrence(cell, *sizes, direction)
                for sizes in [(5, 3, 7), (2, 1, 131)]
            ]
        stepwise = recurrence(cell, 5, 3, 7, "forward") | {"steps": 1}
        found.append(stepwise)
    return found


def output_layer() -> dict[str, Any]:
    """Return the proof of the output layer; every third row is padding."""
    from unrolled.models import language_model

    N, H, V, scale = 5, 3, 150, 0.25
    inputs: dict[str, list[Any]] = {
        "h": [1, N * H, 4.0],
        "W_y": [2, H * V, 4.0],
        "b_y": [3, V, 4.0],
    }
    h, W_y, b_y = (drawn(*spec) for spec in inputs.values())
    h, W_y = h.reshape(N, H), W_y.reshape(H, V)
    targets, mask = np.arange(N) * 37 % V, np.arange(N) % 3 > 0
    losses, dh = np.zeros(N), np.zeros((N, H))
    for n in np.flatnonzero(mask):
        losses[n] = language_model.output_layer(
            h[[n]], W_y, b_y, targets[[n]], scale=scale
        )[0]
    _, dh[mask], dW_y, db_y = language_model.output_layer(
        h[mask], W_y, b_y, targets[mask], scale=scale
    )
    return {
        "rung": "output layer",
        "run": "output",
        "sizes": [N, H, V],
        "inputs": inputs,
        "targets": targets.tolist(),
        "mask": mask.astype(int).tolist(),
        "scale": scale,
        "answers": answers(losses=losses, dh=dh, dW_y=dW_y, db_y=db_y),
        "tolerance": GRADIENTS,
    }


def descent() -> dict[str, Any]:
    """Return the proof of the update."""
    entries, rate = 300, 0.25
    inputs: dict[str, list[Any]] = {"p": [1, entries, 1.0], "dp": [2, entries, 1.0]}
    p, dp = (drawn(*spec) for spec in inputs.values())
    return {
        "rung": "update",
        "run": "descent",
        "sizes": [entries],
        "inputs": inputs,
        "rate": rate,
        "answers": answers(p=p - rate * dp),
        "tolerance": VALUES,
    }


def counting(T: int, B: int, V: int) -> dict[str, Any]:
    """Return a batch to learn: every word is followed by the next; some sentences end early."""
    ids = (np.arange(T + 1)[:, None] + V // B * np.arange(B)) % V
    mask = np.arange(T)[:, None] < T - np.arange(B) % 3
    lists = {"inputs": ids[:-1], "targets": ids[1:], "mask": mask.astype(int)}
    return {"sizes": [T, B], **{name: a.ravel().tolist() for name, a in lists.items()}}


def training(
    rung: str, cell: str, H: int, V: int, updates: int, rate: float
) -> dict[str, Any]:
    """Return the proof of a training: the losses, and of a single step the weights too."""
    from unrolled.cells import gru, lstm, rnn
    from unrolled.data import text
    from unrolled.models import language_model
    from unrolled.training import optimizers

    module: Any = {"rnn": rnn, "lstm": lstm, "gru": gru}[cell]
    G = H * {"rnn": 1, "lstm": 4, "gru": 3}[cell]
    inputs: dict[str, list[Any]] = {
        "W_x": [1, V * G, 0.25],
        "W_h": [2, H * G, 0.25],
        "b": [3, G, 0.25],
        "W_y": [4, H * V, 0.25],
        "b_y": [5, V, 0.25],
    }
    shapes = [(V, G), (H, G), (G,), (H, V), (V,)]
    *ours, W_y, b_y = (
        drawn(*spec).reshape(shape)
        for spec, shape in zip(inputs.values(), shapes, strict=True)
    )
    p = language_model.Params(module.Params(*ours), W_y, b_y)
    batches, losses = [counting(9, 5, V), counting(7, 5, V)], []
    for n in range(updates):
        batch = batches[n % 2]
        ids, targets, mask = (
            np.reshape(batch[name], batch["sizes"])
            for name in ("inputs", "targets", "mask")
        )
        words = text.Batch(ids, targets, mask.astype(bool))
        loss, dp = language_model.loss_and_gradient(p, words, module)
        optimizers.sgd(p, dp, learning_rate=rate)
        losses.append(loss)
    names = {} if updates > 1 else inputs
    weights = dict(zip(names, [*p.cell, p.W_y, p.b_y], strict=False))
    if cell == "gru":  # of the weights, those with kernels of their own
        weights = {name: weights[name] for name in ("W_h", "b")}
    return {
        "rung": rung,
        "run": "training",
        "cell": cell,
        "sizes": [H, V],
        "inputs": inputs,
        "batches": batches,
        "updates": updates,
        "rate": rate,
        "answers": answers(losses=losses, **weights),
        "tolerance": GRADIENTS,
        "tolerances": {"losses": VALUES},
    }


def trainings() -> list[dict[str, Any]]:
    """Return the proofs of a step with three cells, and of a training whose loss falls."""
    steps = [
        training("training step", cell, H, 13, 1, rate)
        for cell, H, rate in (("rnn", 5, 16.0), ("lstm", 5, 16.0), ("gru", 3, 64.0))
    ]
    return [*steps, training("training", "rnn", 11, 23, 60, 2.0)]


def scan(T: int, D: int, chunk: int | None = None) -> dict[str, Any]:
    """Return the proof of a scan and its gradient; the factors lie around 1."""
    from unrolled.layers import scan as scans

    inputs: dict[str, list[Any]] = {
        "f": [1, T * D, 0.125, 1.0],
        "g": [2, T * D, 1.0],
        "h0": [3, D, 1.0],
        "dh": [4, T * D, 1.0],
    }
    f, g, h0, dh = (drawn(*spec) for spec in inputs.values())
    f, g, dh = (a.reshape(T, D) for a in (f, g, dh))
    h = scans.sequential(f, g, h0)
    df, dg, dh0 = scans.backward(f, h, dh, h0)
    found = answers(
        h=np.concatenate([h0[None], h]), df=df, dg=np.concatenate([dh0[None], dg])
    )
    return {
        "rung": "scan",
        "run": "scan",
        "sizes": [T, D],
        "inputs": inputs,
        **({"chunk": chunk} if chunk else {}),
        "answers": found,
        "tolerance": GRADIENTS,
        "tolerances": {"h": VALUES},
    }


def proofs() -> list[dict[str, Any]]:
    """Return the proofs of all rungs."""
    found = [*products(), output_layer(), descent(), *recurrences(), *trainings()]
    return [*found, scan(7, 3), scan(7, 3, chunk=7), scan(131, 1)]
