"""How far truncated gradients are from the full one, on a trained language model.

    python -m experiments.language_models.truncation_bias            results/truncation_bias.json

The pocket language model of Part 2 and, for comparison, the same network before training. Training
sentences of one length, so that no padding stands at an end. Two minutes.
"""

import functools
import sys
from typing import Any

import numpy as np

from experiments import command_line
from unrolled import records
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.models import language_model, pretrained

SEED = 0
SETTINGS = {
    "T": 30,
    "batch": 32,
    "batches": 16,
    "steps": [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 29, 30],
}
ESTIMATORS = {
    "window": (rnn.backward_window, 0),
    "last": (rnn.backward_last, 0),
    "chunks": (rnn.backward_chunks, 1),
}


def main():
    run = records.begin("truncation_bias")
    found, H = both(SETTINGS)
    written = records.write(
        run,
        found,
        settings=SETTINGS | {"model": "pocket_language_model", "H": H},
        seed=SEED,
        witness=functools.partial(witness, run.name),
    )
    print(f"wrote {written.relative_to(records.ROOT)}")


def witness(name):
    """Returns the measures on few sentences, for truncations that lose something."""
    found, _ = both(SETTINGS | {"batch": 4, "batches": 3, "steps": [0, 1, 3, 10]})
    return [
        number
        for model in (found["trained"], found["untrained"])
        for number in (
            model["noise"],
            model["norm"],
            *(
                number
                for estimator in ESTIMATORS
                for key in ("distance", "cosine", "least_cosine_of_a_batch")
                for number in model[estimator][key]
            ),
        )
    ]


def both(settings):
    """Returns (the measures of the trained and the untrained network, H)."""
    p, vocabulary, _ = pretrained.load("pocket", np.float64)
    H = len(p.cell.b)
    untrained = language_model.init(
        np.random.default_rng(SEED), len(vocabulary), H, dtype=np.float64
    )
    batches = chosen_batches(vocabulary, settings, np.random.default_rng(SEED))
    return {
        "trained": measure(p, batches, settings["steps"]),
        "untrained": measure(untrained, batches, settings["steps"]),
        "words": int(sum(inputs.size for inputs, _ in batches)),
    }, H


def chosen_batches(vocabulary, settings, rng):
    """Returns batches (inputs, targets) of training sentences with exactly T words to predict."""
    documents, _ = text.remove_duplicates(text.corpus())
    encoded = text.encode(text.split(documents).train, vocabulary)
    fitting = [ids for ids in encoded if len(ids) == settings["T"] + 1]
    wanted = settings["batch"] * settings["batches"]
    if len(fitting) < wanted:
        raise ValueError(
            f"{len(fitting)} sentences of {settings['T']} steps; {wanted} are needed"
        )
    chosen = np.array([fitting[i] for i in rng.permutation(len(fitting))[:wanted]]).T
    parts = np.split(chosen, settings["batches"], axis=1)
    return [(part[:-1], part[1:]) for part in parts]


def measure(p, batches, steps):
    """Returns, for each estimator and number of steps, its distance and angle to the full gradient.

    Gradients are of W_h and of the loss summed over the words. Distance and cosine compare
    gradients summed over all batches; ``noise`` is the distance of one batch's full gradient from
    the mean over the batches: what a training step gets wrong without any truncation.
    """
    full, truncated = [], {name: [] for name in ESTIMATORS}
    for inputs, targets in batches:
        h, cache = rnn.forward(p.cell, inputs)
        rows = h.reshape(-1, h.shape[-1])
        _, dh, *_ = language_model.output_layer(rows, p.W_y, p.b_y, targets.reshape(-1))
        dh = dh.reshape(h.shape)
        full.append(rnn.backward(p.cell, cache, dh)[0].W_h.ravel())
        for name, (backward, first) in ESTIMATORS.items():
            gradients = [
                backward(p.cell, cache, dh, k)[0].W_h for k in steps if k >= first
            ]
            truncated[name].append([gradient.ravel() for gradient in gradients])
    mean = np.mean(full, axis=0)
    noise = [distance(gradient, mean) for gradient in full]
    found: dict[str, Any] = {
        "noise": float(np.mean(noise)),
        "norm": float(np.linalg.norm(mean) * len(batches)),
    }
    for name, (_, first) in ESTIMATORS.items():
        by_batch = np.array(truncated[name])  # (batches, numbers of steps, weights)
        by_steps = by_batch.swapaxes(0, 1)
        whole = by_batch.mean(axis=0)
        found[name] = {
            "steps": [k for k in steps if k >= first],
            "distance": [distance(gradient, mean) for gradient in whole],
            "cosine": [cosine(gradient, mean) for gradient in whole],
            "least_cosine_of_a_batch": [
                min(cosine(g, f) for g, f in zip(gradients, full, strict=True))
                for gradients in by_steps
            ],
        }
    return found


def distance(one, other):
    """Returns ‖one - other‖ / ‖other‖."""
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


def cosine(one, other):
    """Returns the cosine of the angle between two gradients; 0 if one of them is zero."""
    norms = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / norms) if norms else 0.0


RECORDS = {"truncation_bias": main}
MINUTES = 2
BUILDS_ON = ("pocket_language_model",)


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    try:
        main()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"experiments.language_models.truncation_bias: {error}")
