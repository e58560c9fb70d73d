"""How many pairs can a trained state recall, and can it replace a value?

    python -m experiments.recurrences.associative_recall

Writes results/associative_recall.json. About ten minutes.

A small version of the multi-query recall of Arora et al. (2024). Each step has a key and a value;
then every key is asked. One layer and a linear readout are trained on 16 keys: linear attention,
DeltaNet and Gated DeltaNet, with states of several sizes, and softmax attention, which stores every
step. They are tested with fewer and with more keys. A second task writes each of 8 keys twice.
Linear attention is also trained with two other learning rates.
"""

import functools
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from experiments import command_line
from unrolled import records, tree
from unrolled.cells import delta_net, gated_delta_net, linear_attention
from unrolled.data import tasks
from unrolled.functional import cross_entropy, dcross_entropy
from unrolled.layers import multi_head
from unrolled.training import optimizers

SEEDS = range(3)
K, V = 64, 16  # keys and values in all
KEYS, TESTED = 16, (4, 8, 16, 32)
REWRITTEN, WRITES = 8, 2
SIZES, SIZE = (8, 16, 32), 16  # H; the second task has one size
BATCH, STEPS, CLIP = 32, 1000, 1.0
RATE, OTHER_RATES = 0.01, (0.003, 0.03)
SETTINGS = {
    "keys_in_all": K,
    "values_in_all": V,
    "keys": KEYS,
    "tested_with_keys": list(TESTED),
    "rewritten_keys": REWRITTEN,
    "writes": WRITES,
    "sizes": list(SIZES),
    "batch": BATCH,
    "optimizer": "adam",
    "learning_rate": f"{RATE}, falling to 0 along half a cosine",
    "other_learning_rates": list(OTHER_RATES),
    "clip": CLIP,
    "steps": STEPS,
    "precision": "float32",
}
CELLS = {
    "linear attention": linear_attention,
    "DeltaNet": delta_net,
    "Gated DeltaNet": gated_delta_net,
}
ATTENTION = "softmax attention"


class Params(NamedTuple):
    """One layer, and a linear readout of the values."""

    layer: Any
    W_y: np.ndarray  # (H, V), or (D, V) for attention
    b_y: np.ndarray  # (V,)


class Setting(NamedTuple):
    """A network, the task that it is trained on, and its first learning rate."""

    network: str
    size: int
    keys: int
    writes: int
    rate: float = RATE


EVERY = (*CELLS, ATTENTION)
ONCE = [
    Setting(name, H, KEYS, 1)
    for name in EVERY
    for H in SIZES
    if name in CELLS or H == SIZE
]
TWICE = [Setting(name, SIZE, REWRITTEN, WRITES) for name in EVERY]
CONTROLS = [
    setting._replace(rate=rate)
    for setting in (*ONCE, *TWICE)
    if setting.network == "linear attention" and setting.size == SIZE
    for rate in OTHER_RATES
]


def drawn(seed, keys, writes, count):
    """Returns new sequences."""
    rng = np.random.default_rng(seed)
    return tasks.associative_recall(rng, keys, count, K, V, writes)


def init(seed, setting):
    """Returns random Params."""
    rng = np.random.default_rng(seed)
    D, H = K + V, setting.size
    if setting.network == ATTENTION:
        layer, H = multi_head.init(rng, D, 1, H, np.float32), D
    else:
        layer = CELLS[setting.network].init(rng, D, H, np.float32, input_scale=0.5)
    W_y = rng.uniform(-1, 1, (H, V)) / np.sqrt(H)
    return Params(layer, W_y.astype(np.float32), np.zeros(V, np.float32))


def hidden(p, x, cell: ModuleType | None):
    """Returns the outputs of the layer (T, B, H), and its cache; cell is None for attention."""
    if cell is not None:
        return cell.forward(p.layer, x)
    mask = multi_head.causal(len(x))
    y, cache = multi_head.forward(p.layer, x.swapaxes(0, 1), mask=mask)
    return y.swapaxes(0, 1), cache


def gradient(p, batch, cell):
    """Returns the mean loss of the questions, and Params of gradients."""
    h, cache = hidden(p, batch.x, cell)
    asked = h[-len(batch.values) :]
    logits = asked @ p.W_y + p.b_y
    losses = cross_entropy(logits, batch.values)
    even = np.full(losses.shape, 1 / losses.size, losses.dtype)
    dlogits = dcross_entropy(logits, batch.values, even)
    dh = np.zeros_like(h)
    dh[-len(batch.values) :] = dlogits @ p.W_y.T
    if cell is not None:
        dlayer = cell.backward(p.layer, cache, dh)[0]
    else:
        dlayer = multi_head.backward(p.layer, cache, dh.swapaxes(0, 1))[0]
    dW_y = np.tensordot(asked, dlogits, ((0, 1), (0, 1)))
    return float(losses.mean()), Params(dlayer, dW_y, dlogits.sum(axis=(0, 1)))


def trained(setting, seed, steps=STEPS):
    """Returns (parameters after the last update, the loss of every update)."""
    cell = CELLS.get(setting.network)
    p, state, losses = init(seed, setting), None, []
    for i in range(steps):
        batch = drawn([seed, i], setting.keys, setting.writes, BATCH)
        loss, dp = gradient(p, batch, cell)
        dp, _ = optimizers.clip_by_global_norm(dp, CLIP)
        rate = setting.rate * 0.5 * (1 + np.cos(np.pi * i / steps))
        p, state = optimizers.adam(p, dp, state, rate)
        losses.append(loss)
    return p, losses


def right(p, setting, keys, count=500):
    """Returns the share of the questions whose answer is right."""
    batch = drawn([2_000_000, keys], keys, setting.writes, count)
    h, _ = hidden(p, batch.x, CELLS.get(setting.network))
    answers = (h[-keys:] @ p.W_y + p.b_y).argmax(axis=-1)
    return float((answers == batch.values).mean())


def one(setting, seed):
    """Returns what happened in a run."""
    p, losses = trained(setting, seed)
    tested = TESTED if setting.writes == 1 else (setting.keys,)
    shares = {str(keys): right(p, setting, keys) for keys in tested}
    print(*setting, f"seed {seed}: {losses[-1]:.3f}", shares, flush=True)
    return {
        **setting._asdict(),
        "seed": seed,
        "parameters": sum(leaf.size for leaf in tree.leaves(p)),
        "right_by_keys": shares,
        "loss_every_100_updates": losses[99::100],
    }


def witness(name):
    """Returns the losses of the first updates of one run of each network and task."""
    numbers = []
    for setting in [s for s in ONCE if s.size == SIZE] + TWICE:
        p, losses = trained(setting, SEEDS[0], steps=8)
        numbers += [losses[0], losses[-1], right(p, setting, setting.keys, 20)]
    return numbers


def main():
    run = records.begin("associative_recall")
    runs = [one(setting, seed) for setting in ONCE + TWICE + CONTROLS for seed in SEEDS]
    path = records.write(
        run,
        {"chance": 1 / V, "runs": runs},
        settings=SETTINGS,
        seed=list(SEEDS),
        witness=functools.partial(witness, run.name),
    )
    print(path.relative_to(records.ROOT))


RECORDS = {"associative_recall": main}
MINUTES = 10


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
