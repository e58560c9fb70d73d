"""The gradient of one word's loss k words earlier, in trained networks with gates and without.

Run: python -m experiments.gated_gradient_by_distance
Reads the trained models of one layer, writes results/gated_gradient_by_distance.json. A minute.
"""

import sys

import numpy as np

from experiments.gradient_by_distance import DISTANCE, SEED, SENTENCES, long_sentences, norms
from unrolled import gated_pretrained, pretrained, records, rnn, text

MODULES = (
    "checkpoint", "embedding", "functional", "gated_pretrained", "gru", "jacobians",
    "language_model", "lstm", "pretrained", "rnn", "stacked", "text", "tree",
)  # fmt: skip
CODE = records.Code.now(
    "experiments/gated_gradient_by_distance.py",
    "experiments/gradient_by_distance.py",
    "results/pocket_language_model.npz",
    "results/gru_language_model.npz",
    "results/lstm_language_model.npz",
    *(f"code/unrolled/{name}.py" for name in MODULES),
)


def summary(found):
    """Returns quantiles over sentences of log10 of the norms relative to that one word back."""
    ratio = np.log10(np.maximum(found[1:], 1e-300) / found[1])
    quantiles = {str(q): np.quantile(ratio, q, axis=1).tolist() for q in (0.25, 0.5, 0.75)}
    slope = (ratio[-1] - ratio[4]) / (len(ratio) - 5)
    return {"log10_quantiles": quantiles, "factor_per_step": float(10 ** np.median(slope))}


def main():
    plain, vocabulary = pretrained.load()
    inputs, targets = long_sentences(
        vocabulary, DISTANCE + 1, np.random.default_rng(SEED), SENTENCES
    )
    results = {"RNN": summary(norms(plain, inputs, targets, rnn))}
    for name in ("gru", "lstm"):
        params, words, cell = gated_pretrained.load(name)
        if words.words != vocabulary.words:
            raise ValueError(f"the {name} has other words than the RNN: train both")
        results[name.upper()] = summary(norms(params, inputs, targets, cell))
    path = records.write(
        "gated_gradient_by_distance",
        {"distance": list(range(1, DISTANCE + 1)), "models": results},
        code=CODE,
        settings={"sentences": inputs.shape[1], "distance": DISTANCE},
        seed=SEED,
        packages=("numpy", *(p for p in text.PACKAGES if p != "numpy")),
    )
    print(f"wrote {path.relative_to(records.ROOT)}")
    print({name: round(found["factor_per_step"], 3) for name, found in results.items()})


if __name__ == "__main__":
    try:
        main()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"experiments.gated_gradient_by_distance: {error}")
