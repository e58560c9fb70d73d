"""Does one attention layer restore the recall of a stack of recurrent layers?

    python -m experiments.recurrences.hybrid_recall

Writes results/hybrid_recall.json. About ten minutes. Can be stopped and run again:
finished trainings are kept.

The task is that of ``associative_recall``: pairs of a key and a value, then a question for every
key. Each network has four blocks of ``models.residual_stack``: a layer, then a feed-forward part.
The layers are linear attention in all blocks; linear attention, with softmax attention in the third
block; or softmax attention in all. The networks are trained on 16 pairs and tested with more. JAX
computes the gradients, from the parallel forms of the layers; NumPy tests them, step by step.
"""

from experiments import command_line

if __name__ == "__main__":  # before the imports, which take seconds
    command_line.parser(__doc__).parse_args()

import functools
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.recurrences.associative_recall import CLIP, K, V, drawn
from experiments.recurrences.word_problems import kept
from unrolled import functional, records, tree
from unrolled.cells import linear_attention
from unrolled.frameworks import array_namespace
from unrolled.layers import multi_head
from unrolled.models import residual_stack
from unrolled.models.transformer import normalise
from unrolled.training import optimizers

SEEDS = range(3)
KEYS, TESTED = 16, (4, 8, 16, 32, 64)
D, H, F = 32, 8, 64  # width of a block, units of a layer, units between
BATCH, STEPS = 32, 1500
RATE, OTHER_RATE = 0.003, 0.01
ATTENTION, LINEAR = "softmax attention", "linear attention"
STACKS = {
    "4 linear": (LINEAR,) * 4,
    "3 linear, 1 softmax": (LINEAR, LINEAR, ATTENTION, LINEAR),
    "4 softmax": (ATTENTION,) * 4,
}
RUNS = [*((stack, RATE) for stack in STACKS), ("4 linear", OTHER_RATE)]
SETTINGS = {
    "keys_in_all": K,
    "values_in_all": V,
    "keys": KEYS,
    "tested_with_keys": list(TESTED),
    "stacks": {name: list(layers) for name, layers in STACKS.items()},
    "width_of_a_block": D,
    "units_of_a_layer": H,
    "units_between": F,
    "batch": BATCH,
    "optimizer": "adam",
    "learning_rate": f"{RATE}, falling to 0 along half a cosine",
    "other_learning_rate": OTHER_RATE,
    "clip": CLIP,
    "steps": STEPS,
    "precision": "float32",
}


class Params(NamedTuple):
    """A stack of blocks, and a linear readout of the values."""

    stack: Any  # residual_stack.Params
    W_y: np.ndarray  # (D, V)
    b_y: np.ndarray  # (V,)


def attention_cell(module):
    """Returns causal attention with one head, called as a cell is.

    Args:
        module: ``layers.multi_head``, or its copy for JAX.
    """

    def forward(p, x):
        mask = multi_head.causal(len(x))
        y, cache = module.forward(p, x.swapaxes(0, 1), mask=mask)
        return y.swapaxes(0, 1), cache

    def backward(p, cache, dy):
        dp, dx, _ = module.backward(p, cache, dy.swapaxes(0, 1))
        return dp, dx.swapaxes(0, 1)

    def init(rng, D, _, dtype):
        return module.init(rng, D, 1, H, dtype)

    return SimpleNamespace(init=init, forward=forward, backward=backward)


def cells(stack):
    """Returns the cell of each block of a stack, by its name."""
    found = {LINEAR: linear_attention, ATTENTION: attention_cell(multi_head)}
    return [found[layer] for layer in STACKS[stack]]


def init(seed, stack):
    """Returns random Params."""
    rng = np.random.default_rng(seed)
    whole = residual_stack.init(
        rng, K + V, D, np.float32, 0.5, cell=linear_attention, blocks=1, H=H, F=F
    )
    blocks = []
    for cell in cells(stack):
        units = H if cell is linear_attention else D  # attention returns D numbers
        one = residual_stack.init(
            rng, K + V, D, np.float32, cell=cell, blocks=1, H=units, F=F
        )
        blocks += one.blocks
    W_y = rng.uniform(-1, 1, (D, V)).astype(np.float32) / np.float32(np.sqrt(D))
    return Params(whole._replace(blocks=tuple(blocks)), W_y, np.zeros(V, np.float32))


def logits(p, x, stack, keys):
    """Returns the logits of the answers, (keys, B, V), and the caches of the blocks."""
    h, caches = x @ p.stack.W_in, []
    for block, cell in zip(p.stack.blocks, cells(stack), strict=True):
        h, cache = residual_stack.forward_block(block, h, cell)
        caches.append(cache)
    h, _ = normalise(p.stack.norm, h[-keys:])
    return h @ p.W_y + p.b_y, caches


def parallel_layers():
    """Returns the layers by name, in their parallel forms, on JAX's arrays."""
    linear, attention = (
        array_namespace.of(module, jnp) for module in (linear_attention, multi_head)
    )

    def forward(p, x):
        q, k, v = linear.inputs(p, x)
        ones = np.ones((*x.shape[:2], 1), x.dtype)
        return linear.mean(linear.matrix_states.parallel(q, k, v, ones)), ()

    return {
        LINEAR: SimpleNamespace(forward=forward),
        ATTENTION: attention_cell(attention),
    }


def loss_in_jax(p, x, values, stack):
    """Returns the mean loss of the questions, all steps of a layer at once."""
    module, layers = array_namespace.of(residual_stack, jnp), parallel_layers()
    h = x @ p.stack.W_in
    # what depends on shapes alone is computed before the compilation
    with jax.ensure_compile_time_eval():
        for block, layer in zip(p.stack.blocks, STACKS[stack], strict=True):
            h, _ = module.forward_block(block, h, layers[layer])
        h, _ = module.normalise(p.stack.norm, h[-len(values) :])
        losses = array_namespace.of(functional, jnp).cross_entropy(
            h @ p.W_y + p.b_y, values
        )
    return losses.mean()


@functools.cache
def gradient(stack):
    """Returns the loss and its gradient as a function that JAX has compiled."""
    return jax.jit(jax.value_and_grad(functools.partial(loss_in_jax, stack=stack)))


def trained(stack, rate, seed, steps=STEPS):
    """Returns (parameters after the last update, the loss of every update)."""
    p, state, losses = init(seed, stack), None, []
    for i in range(steps):
        batch = drawn([seed, i], KEYS, 1, BATCH)
        loss, dp = gradient(stack)(p, batch.x, batch.values)
        dp, _ = optimizers.clip_by_global_norm(tree.map(np.array, dp), CLIP)
        now = rate * 0.5 * (1 + np.cos(np.pi * i / steps))
        p, state = optimizers.adam(p, dp, state, now)
        losses.append(float(loss))
    return p, losses


def right(p, stack, keys, count=200):
    """Returns the share of the questions whose answer is right."""
    batch = drawn([2_000_000, keys], keys, 1, count)
    answers = logits(p, batch.x, stack, keys)[0].argmax(axis=-1)
    return float((answers == batch.values).mean())


def one(stack, rate, seed):
    """Returns what happened in a run."""
    p, losses = trained(stack, rate, seed)
    shares = {str(keys): right(p, stack, keys) for keys in TESTED}
    print(f"{stack}, rate {rate}, seed {seed}: {losses[-1]:.3f}", shares, flush=True)
    return {
        "stack": stack,
        "rate": rate,
        "seed": seed,
        "parameters": sum(leaf.size for leaf in tree.leaves(p)),
        "right_by_keys": shares,
        "loss_every_100_updates": losses[99::100],
    }


def witness(name):
    """Returns the losses of the first updates of one run of each stack."""
    numbers = []
    for stack in STACKS:
        p, losses = trained(stack, RATE, SEEDS[0], steps=8)
        numbers += [losses[0], losses[-1], right(p, stack, KEYS, 20)]
    return numbers


def main():
    run = records.begin("hybrid_recall")
    runs = [
        kept(run, SETTINGS, one, *setting, seed) for setting in RUNS for seed in SEEDS
    ]
    path = records.write(
        run,
        {"chance": 1 / V, "runs": runs},
        settings=SETTINGS,
        seed=list(SEEDS),
        packages=("numpy", "jax", "jaxlib"),
        witness=functools.partial(witness, run.name),
    )
    print(path.relative_to(records.ROOT))


RECORDS = {"hybrid_recall": main}
MINUTES = 10


if __name__ == "__main__":
    main()
