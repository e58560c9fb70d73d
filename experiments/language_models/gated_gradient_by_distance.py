"""The gradient of one word's loss k words earlier, in trained networks with gates and without.

Run: python -m experiments.language_models.gated_gradient_by_distance
Reads the trained models of one layer, writes results/gated_gradient_by_distance.json. A minute.
"""

import functools
import sys

import numpy as np

from experiments import command_line
from experiments.language_models.gradient_by_distance import (
    DISTANCE,
    SEED,
    SENTENCES,
    long_sentences,
    norms,
)
from unrolled import records
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.models import pretrained


def summary(found):
    """Returns quantiles over sentences of log10 of the norms relative to that one word back."""
    ratio = np.log10(np.maximum(found[1:], 1e-300) / found[1])
    quantiles = {
        str(q): np.quantile(ratio, q, axis=1).tolist() for q in (0.25, 0.5, 0.75)
    }
    slope = (ratio[-1] - ratio[4]) / (len(ratio) - 5)
    return {
        "log10_quantiles": quantiles,
        "factor_per_step": float(10 ** np.median(slope)),
    }


def measure(sentences=SENTENCES):
    """Returns (inputs, {name of a model: summary}) over this many sentences."""
    plain, vocabulary, _ = pretrained.load("pocket")
    rng = np.random.default_rng(SEED)
    inputs, targets = long_sentences(vocabulary, DISTANCE + 1, rng, sentences)
    results = {"RNN": summary(norms(plain, inputs, targets, rnn))}
    for name in ("gru", "lstm"):
        params, words, cell = pretrained.load(name)
        if words.words != vocabulary.words:
            raise ValueError(f"the {name} has other words than the RNN: train both")
        results[name.upper()] = summary(norms(params, inputs, targets, cell))
    return inputs, results


def main():
    run = records.begin("gated_gradient_by_distance")
    inputs, results = measure()
    path = records.write(
        run,
        {"distance": list(range(1, DISTANCE + 1)), "models": results},
        settings={"sentences": inputs.shape[1], "distance": DISTANCE},
        seed=SEED,
        witness=functools.partial(witness, run.name),
        packages=("numpy", *(p for p in text.PACKAGES if p != "numpy")),
    )
    print(f"wrote {path.relative_to(records.ROOT)}")
    print({name: round(found["factor_per_step"], 3) for name, found in results.items()})


def witness(name):
    """Returns the measures on few sentences."""
    _, results = measure(sentences=10)
    return [
        number
        for found in results.values()
        for number in (
            *found["log10_quantiles"]["0.5"][1:],  # the first is 0
            *(found["log10_quantiles"][q][-1] for q in ("0.25", "0.75")),
            found["factor_per_step"],
        )
    ]


RECORDS = {"gated_gradient_by_distance": main}
BUILDS_ON = ("pocket_language_model", "gru_language_model", "lstm_language_model")


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    try:
        main()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"experiments.language_models.gated_gradient_by_distance: {error}")
