"""How large is the gradient of one word's loss with respect to the state k words before?

Run: python -m experiments.language_models.gradient_by_distance
Reads results/pocket_language_model.npz, writes results/gradient_by_distance.json. A minute.
"""

import functools
import sys

import numpy as np

from experiments import command_line
from unrolled import records, tree
from unrolled.cells import recurrent_weights as weights
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.functional import dcross_entropy
from unrolled.gradients import jacobians
from unrolled.models import language_model, pretrained

SEED, SENTENCES = 0, 400
# the loss is that of the word after 31; the state 30 words before it is the farthest
DISTANCE = 30


def long_sentences(vocabulary, at_least, rng, count):
    """Returns (inputs, targets) (at_least, count): the beginnings of long validation sentences."""
    documents, _ = text.remove_duplicates(text.corpus())
    encoded = text.encode(text.split(documents).validation, vocabulary)
    long = [ids for ids in encoded if len(ids) > at_least]
    chosen = rng.permutation(len(long))[:count]
    ids = np.stack([long[i][: at_least + 1] for i in chosen], axis=1)
    return ids[:-1], ids[1:]


def norms(p, inputs, targets, cell=rnn):
    """Returns (k, sentence): the norm at distance k = 0, 1, … of the gradient of the last loss."""
    p = tree.map(lambda weight: weight.astype(np.float64), p)
    h, _ = cell.forward(p.cell, inputs)
    dlogits = dcross_entropy(
        h[-1] @ p.W_y + p.b_y, targets[-1], np.ones(inputs.shape[1])
    )
    dh = dlogits @ p.W_y.T
    at_the_loss = np.linalg.norm(dh, axis=-1)[None]
    earlier = jacobians.norms_by_distance(p.cell, inputs, dh, cell)
    # h0 is no word's state
    return np.concatenate([at_the_loss, earlier])[: len(inputs)]


def summary(p, inputs, targets, cell=rnn):
    """Returns the distribution of the norms, relative to that at the loss, by distance."""
    found = norms(p, inputs, targets, cell)
    ratio = np.log10(np.maximum(found, 1e-300) / found[0])
    W_h, (h, _) = p.cell.W_h.astype(np.float64), cell.forward(p.cell, inputs)
    result = {
        "log10_mean": ratio.mean(axis=1).tolist(),
        "log10_std": ratio.std(axis=1).tolist(),
        "log10_quantiles": {
            str(q): np.quantile(ratio, q, axis=1).tolist()
            for q in (0.05, 0.25, 0.5, 0.75, 0.95)
        },
        "factor_per_step": float(
            10 ** ((ratio[-1] - ratio[5]) / (len(ratio) - 6)).mean()
        ),
        "norm_at_loss": float(found[0].mean()),
    }
    if W_h.shape[0] == W_h.shape[1]:
        result |= {
            "spectral_norm": weights.spectral_norm(W_h),
            "spectral_radius": weights.spectral_radius(W_h),
            "mean_slope": float(np.mean(1 - h**2)),
            "saturated": float(np.mean(np.abs(h) > 0.95)),
        }
    return result


def models(H, V):
    """Returns the untrained models: the book's own initialisation, and that of the post."""
    book = language_model.init(np.random.default_rng(SEED), V, H)
    rng = np.random.default_rng(SEED)
    post = rnn.Params(
        rng.uniform(-1, 1, (V, H)) / np.sqrt(V), weights.uniform(rng, H), np.zeros(H)
    )
    return {
        "untrained, orthogonal": book,
        "untrained, uniform": book._replace(cell=post),
    }


def measure(trained, vocabulary, sentences=SENTENCES):
    """Returns (inputs, {name of a model: summary}) over this many sentences."""
    rng = np.random.default_rng(SEED)
    inputs, targets = long_sentences(vocabulary, DISTANCE + 1, rng, sentences)
    H, V = trained.W_y.shape
    return inputs, {
        name: summary(p, inputs, targets)
        for name, p in ({"trained": trained} | models(H, V)).items()
    }


def main():
    run = records.begin("gradient_by_distance")
    trained, vocabulary, _ = pretrained.load("pocket")
    H, V = trained.W_y.shape
    inputs, results = measure(trained, vocabulary)
    path = records.write(
        run,
        {"distance": list(range(DISTANCE + 1)), "models": results},
        settings={"sentences": inputs.shape[1], "distance": DISTANCE, "H": H, "V": V},
        seed=SEED,
        witness=functools.partial(witness, run.name),
        packages=("numpy", *(p for p in text.PACKAGES if p != "numpy")),
    )
    print(f"wrote {path.relative_to(records.ROOT)}")
    for name, found in results.items():
        print(name, {k: round(v, 3) for k, v in found.items() if isinstance(v, float)})


def witness(name):
    """Returns the measures on few sentences."""
    trained, vocabulary, _ = pretrained.load("pocket")
    _, results = measure(trained, vocabulary, sentences=10)
    keys = (
        "factor_per_step",
        "norm_at_loss",
        "spectral_norm",
        "spectral_radius",
        "mean_slope",
    )
    return [
        number
        for found in results.values()
        for number in (
            *found["log10_mean"][1:],  # the first is 0
            found["log10_std"][-1],
            *(row[-1] for row in found["log10_quantiles"].values()),
            *(found[key] for key in keys),
        )
    ]


RECORDS = {"gradient_by_distance": main}
MINUTES = 1
BUILDS_ON = ("pocket_language_model",)


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    try:
        main()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"experiments.language_models.gradient_by_distance: {error}")
