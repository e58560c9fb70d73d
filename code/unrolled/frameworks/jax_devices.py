r"""One step of SGD on several devices: each computes on its part of the batch, then all add up.

    dL = sum_n dL_n      over the devices n, each with B/N sentences    (eq-data-parallel-sum)

Only the placement of the arrays is programmed here: the batch is divided along B, and every device
has all of the weights. JAX's compiler infers that the gradient is a sum over the devices, and
inserts the one communication that this needs, an all-reduce. A processor can act as several devices
if XLA_FLAGS=--xla_force_host_platform_device_count=4 is set before JAX is imported.
"""

import functools
import re

import numpy as np

from unrolled import tree
from unrolled.cells import rnn
from unrolled.frameworks import jax_cells
from unrolled.installed import named_extras

with named_extras():
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

BYTES = {"f64": 8, "f32": 4, "bf16": 2, "f16": 2, "s32": 4, "s64": 8, "pred": 1}


def devices(count):
    """Returns the first ``count`` devices as a mesh with one axis, "batch".

    Raises:
        ValueError: there are not as many.
    """
    found = jax.devices()
    if not 1 <= count <= len(found):
        raise ValueError(
            f"{count} devices asked for, {len(found)} there; a processor plays more with"
            f" XLA_FLAGS=--xla_force_host_platform_device_count={count} before JAX is"
            " imported"
        )
    return Mesh(np.array(found[:count]), ("batch",))


def place(mesh, p, batch):
    """Returns (weights, batch): all weights and a part of the batch on each device.

    Args:
        mesh: what ``devices`` returned.
        p: a tree of arrays.
        batch: a text.Batch; its arrays are (T, B).

    Raises:
        ValueError: B cannot be divided.
    """
    B, count = batch.mask.shape[1], mesh.size
    if B % count:
        raise ValueError(f"a batch of {B} cannot be divided among {count} devices")
    whole = NamedSharding(mesh, PartitionSpec())
    parted = NamedSharding(mesh, PartitionSpec(None, "batch"))
    p = tree.map(lambda weight: jax.device_put(weight, whole), p)
    return p, tree.map(lambda array: jax.device_put(array, parted), batch)


def compile_step(mesh, p, batch, learning_rate, cell=rnn):
    """Compiles ``jax_cells.sgd_step`` for weights and batches placed on a mesh.

    Returns:
        A function of (weights, inputs, targets, mask) that returns (loss, new
        weights); every device has all new weights. Its ``as_text()`` is the program
        of one device.
    """
    whole = NamedSharding(mesh, PartitionSpec())
    step = functools.partial(jax_cells.sgd_step, cell=cell, learning_rate=learning_rate)
    return jax.jit(step, out_shardings=whole).lower(p, *batch).compile()


def all_reduced(program):
    """Returns the bytes that each device hands to all-reduces in a step.

    Args:
        program: what ``compile_step`` returned.
    """
    total = 0
    for line in program.as_text().splitlines():
        found = re.search(r"=\s*(.*?)\s+all-reduce(?:-start)?\(", line)
        for kind, sizes in re.findall(r"(\w+)\[([\d,]*)\]", found[1]) if found else ():
            total += BYTES[kind] * int(
                np.prod([int(n) for n in sizes.split(",") if n] or [1])
            )
    return total
