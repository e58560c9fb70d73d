"""Run by a test in a process of its own, whose processor plays four devices; prints JSON."""

import json
import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"

import jax  # noqa: E402
import numpy as np  # noqa: E402

from tests.support import registered_cells  # noqa: E402
from unrolled import tree  # noqa: E402
from unrolled.data import text  # noqa: E402
from unrolled.frameworks import jax_devices  # noqa: E402
from unrolled.models import language_model  # noqa: E402

jax.config.update("jax_enable_x64", True)
V, H, T, B = 13, 6, 7, 8
found = {}
for cell in registered_cells.cells("JAX").values():
    rng = np.random.default_rng(0)
    p = language_model.init(rng, V, H, cell, np.float64)
    p = tree.map(lambda w, rng=rng: w + 0.4 * rng.standard_normal(w.shape), p)
    # devices with more and with fewer real words
    lengths = np.array([7, 4, 2, 7, 1, 5, 6, 3])
    mask = np.arange(T)[:, None] < lengths
    batch = text.Batch(*rng.integers(0, V, (2, T, B)), mask)
    loss, dp = language_model.loss_and_gradient(p, batch, cell)
    right = tree.map(lambda w, d: w - 0.5 * d, p, dp)
    gaps, sums = {}, {}
    for count in (1, 2, 4):
        mesh = jax_devices.devices(count)
        placed = jax_devices.place(mesh, p, batch)
        step = jax_devices.compile_step(mesh, *placed, 0.5, cell)
        loss_there, moved = step(placed[0], *placed[1])
        gaps[count] = max(
            abs(float(loss_there) - loss) / loss,
            *(
                float(np.abs(np.asarray(a) - e).max() / np.abs(e).max())
                for a, e in zip(tree.leaves(moved), tree.leaves(right), strict=True)
            ),
        )
        sums[count] = jax_devices.all_reduced(step)
    where = {s.device.id: s.data.shape for s in placed[1].inputs.addressable_shards}
    size = sum(leaf.nbytes for leaf in tree.leaves(p))
    found[cell.__name__] = {
        "gaps": gaps,
        "sums": sums,
        "size": size,
        "parts": list(where.values()),
    }
for wrong in (
    lambda: jax_devices.devices(5),
    lambda: jax_devices.place(
        jax_devices.devices(4), p, tree.map(lambda a: a[:, :6], batch)
    ),
):
    try:
        wrong()
    except ValueError as error:
        found.setdefault("refused", []).append(str(error))
print(json.dumps(found))
