"""Does the trained language model of Part 2 use far words? By gradient, by replacement, by grammar.

Run: python -m experiments.language_models.far_words
Reads results/pocket_language_model.npz, writes results/far_words.json. Two minutes.
"""

import functools
import itertools
import sys

import numpy as np

from experiments.language_models.gradient_by_distance import long_sentences
from unrolled import records
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.functional import cross_entropy, dcross_entropy
from unrolled.models import pretrained

SEED, SENTENCES, DISTANCE = 0, 400, 30
REPLACEMENTS = 8  # other words tried in each place


def log_softmax(u):
    """Returns log softmax(u) along the last axis."""
    u = u.astype(np.float64) - u.max(axis=-1, keepdims=True)
    return u - np.log(np.exp(u).sum(axis=-1, keepdims=True))


def last_logits(p, inputs, cell=rnn):
    """Returns the logits (B, V) after the last of the inputs (T, B)."""
    h, _ = cell.forward(p.cell, inputs)
    return h[-1] @ p.W_y + p.b_y


def attribution(p, inputs, targets, cell=rnn):
    """Returns the norm of the gradient, and gradient times input, by distance (T, B) each.

    The input of a word is its row of W_x. To have the gradient by each word's own row, the rows
    are fed as vectors through an identity.
    """
    rows = p.cell.W_x[inputs]
    as_vectors = p.cell._replace(W_x=np.eye(rows.shape[-1], dtype=rows.dtype))
    h, cache = cell.forward(as_vectors, rows)
    logits = h[-1] @ p.W_y + p.b_y
    dh = np.zeros_like(h)
    dh[-1] = (
        dcross_entropy(logits, targets[-1], np.ones(len(logits), h.dtype)) @ p.W_y.T
    )
    _, drows, *_ = cell.backward(as_vectors, cache, dh)
    return np.linalg.norm(drows, axis=-1)[::-1], (drows * rows).sum(axis=-1)[::-1]


def replacement(p, inputs, targets, rng, cell=rnn):
    """Returns, by distance (T, B), the effect of putting another word in one place.

    Returns:
        kl: divergence in nats of the prediction from the one with the real word.
        rise: by how much the loss of the real next word rises, in nats.
    """
    T, B = inputs.shape
    log_p = log_softmax(last_logits(p, inputs, cell))
    loss = -log_p[np.arange(B), targets[-1]]
    kl, rise = np.zeros((T, B)), np.zeros((T, B))
    others = inputs[1:].reshape(-1)  # words as often as in the text; never START
    for k, _ in itertools.product(range(T), range(REPLACEMENTS)):
        changed = inputs.copy()
        changed[T - 1 - k] = rng.choice(others, B)
        log_q = log_softmax(last_logits(p, changed, cell))
        kl[k] += (np.exp(log_p) * (log_p - log_q)).sum(axis=-1) / REPLACEMENTS
        rise[k] += (-log_q[np.arange(B), targets[-1]] - loss) / REPLACEMENTS
    return kl, rise


def brackets(encoded, vocabulary):
    """Returns (context, place of the opening bracket) for every pair without others inside.

    The word after the context is the closing bracket; at least one word stands between.
    """
    opening, closing = vocabulary.ids["("], vocabulary.ids[")"]
    found = []
    for ids in encoded:
        place = None
        for i, word in enumerate(ids):
            if word == opening:
                place = i
            elif word == closing and place is not None:
                if i - place > 1:
                    found.append((ids[:i], place))
                place = None
    return found


def log_probability_of(p, word, contexts, cell=rnn):
    """Returns log p(word | context) for contexts of any lengths."""
    found = np.empty(len(contexts))
    lengths = np.array([len(context) for context in contexts])
    for length in np.unique(lengths):
        here = np.flatnonzero(lengths == length)
        logits = last_logits(p, np.stack([contexts[i] for i in here], axis=1), cell)
        found[here] = log_softmax(logits)[:, word]
    return found


def bracket_effect(p, pairs, vocabulary, rng, cell=rnn):
    """Returns by how much a word raises log p(closing bracket), for two words a pair.

    Returns:
        distance: (N,) words from the opening bracket to the closing one.
        bracket: (N,) log p with the bracket, less the mean log p with another word in its place.
        control: (N,) the same for the word before the bracket; nan where that is START.
        chance: (N,) log p(closing bracket) with another word in the bracket's place.
    """
    closing = vocabulary.ids[")"]
    bare = {vocabulary.start, vocabulary.ids["("], closing}
    others = np.array([w for ids, _ in pairs for w in ids if w not in bare])
    real = log_probability_of(p, closing, [ids for ids, _ in pairs], cell)
    without = np.zeros((2, len(pairs)))
    for _ in range(REPLACEMENTS):
        for which in (0, 1):
            contexts = []
            for ids, place in pairs:
                changed = ids.copy()
                changed[max(place - which, 0)] = rng.choice(others)
                contexts.append(changed)
            without[which] += (
                log_probability_of(p, closing, contexts, cell) / REPLACEMENTS
            )
    distance = np.array([len(ids) - place for ids, place in pairs])
    control = np.where([place > 1 for _, place in pairs], real - without[1], np.nan)
    return distance, real - without[0], control, without[0]


NOUNS = (
    "value",
    "element",
    "array",
    "argument",
    "dimension",
    "function",
    "parameter",
    "axis",
)
PLURALS = {"axis": "axes"}
# What stands between the subject and the verb; {} is a noun in the singular.
BETWEEN = {
    1: "",
    4: "of the {}",
    7: "of the {} in the {}",
    10: "of the {} in the {} for the {}",
    13: "of the {} in the {} for the {} of the {}",
}


def agreement(p, vocabulary, cell=rnn):
    """Returns by how much a plural subject raises log p(are) - log p(is), by distance to the verb.

    Every sentence stands in two forms that differ in the subject's number alone: "the values of
    the array are" against "the value of the array is". Positive: the model has kept the number.
    """
    are, is_ = vocabulary.ids["are"], vocabulary.ids["is"]
    known = [
        n for n in NOUNS if n in vocabulary and PLURALS.get(n, n + "s") in vocabulary
    ]
    found = {}
    for distance, between in BETWEEN.items():
        fillings = list(itertools.permutations(known, 1 + between.count("{}")))
        fillings = fillings[:: max(1, len(fillings) // 300)]
        if not fillings:
            continue  # too few of the nouns are in the vocabulary
        forms = []
        for plural in (True, False):
            contexts = []
            for subject, *rest in fillings:
                noun = PLURALS.get(subject, subject + "s") if plural else subject
                words = f"the {noun} {between.format(*rest)}".split()
                contexts.append(vocabulary.encode(words)[:-1])
            logits = last_logits(p, np.stack(contexts, axis=1), cell)
            forms.append(logits[:, are] - logits[:, is_])
        found[distance] = forms[0] - forms[1], forms[0] > forms[1]
    return found


def interval(values, rng, draws=2000):
    """Returns the mean of values (N,) and the 95 % interval of a bootstrap over them."""
    values = np.asarray(values, np.float64)
    means = values[rng.integers(0, len(values), (draws, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return {
        "mean": float(values.mean()),
        "low": float(low),
        "high": float(high),
        "n": len(values),
    }


def measure(p, vocabulary, cell=rnn, sentences=SENTENCES, pairs=None):
    """Returns everything that the chapter reports of one model.

    Args:
        p: its parameters.
        vocabulary: its words.
        cell: its cell.
        sentences: how many sentences to read.
        pairs: how many pairs of brackets to read; None: all.
    """
    rng = np.random.default_rng(SEED)
    inputs, targets = long_sentences(vocabulary, DISTANCE + 1, rng, sentences)
    norm, times_input = attribution(p, inputs, targets, cell)
    kl, rise = replacement(p, inputs, targets, rng, cell)
    loss = cross_entropy(last_logits(p, inputs, cell), targets[-1])

    documents, _ = text.remove_duplicates(text.corpus())
    parts = text.split(documents)
    found = brackets(text.encode(parts.validation + parts.test, vocabulary), vocabulary)
    distance, bracket, control, chance = bracket_effect(
        p, found[:pairs], vocabulary, rng, cell
    )
    bins = {}
    for low, high in itertools.pairwise((2, 3, 4, 5, 6, 8, 10, 13, 17, 25)):
        here = (distance >= low) & (distance < high)
        if here.sum() < 20:
            continue
        bins[f"{low}" if high == low + 1 else f"{low}–{high - 1}"] = {
            "distance": float(distance[here].mean()),
            "bracket": interval(bracket[here], rng),
            "control": interval(control[here & ~np.isnan(control)], rng),
            "log_p_without": float(chance[here].mean()),
        }
    return {
        "sentences": inputs.shape[1],
        "loss": float(loss.mean()),
        "gradient_norm": [interval(row / norm[0], rng) for row in norm],
        "gradient_times_input": [interval(abs(row), rng) for row in times_input],
        "kl": [interval(row, rng) for row in kl],
        "rise": [interval(row, rng) for row in rise],
        "brackets": bins,
        "agreement": {
            str(d): interval(effect, rng) | {"right": float(right.mean())}
            for d, (effect, right) in agreement(p, vocabulary, cell).items()
        },
    }


def main():
    run = records.begin("far_words")
    trained, vocabulary, _ = pretrained.load("pocket")
    H, V = trained.W_y.shape
    path = records.write(
        run,
        {"trained": measure(trained, vocabulary)},
        settings={"replacements": REPLACEMENTS, "distance": DISTANCE, "H": H, "V": V},
        seed=SEED,
        witness=functools.partial(witness, run.name),
        packages=("numpy", *(p for p in text.PACKAGES if p != "numpy")),
    )
    print(f"wrote {path.relative_to(records.ROOT)}")


def witness(name):
    """Returns the measures on few sentences, in double precision: differences of logits cancel."""
    trained, vocabulary, _ = pretrained.load("pocket", np.float64)
    found = measure(trained, vocabulary, sentences=16, pairs=200)
    by_distance = ("gradient_norm", "gradient_times_input", "kl", "rise")
    rows = [
        # a norm is relative to the first
        *(row for key in by_distance for row in found[key][1:]),
        *(
            part[key]
            for part in found["brackets"].values()
            for key in ("bracket", "control")
        ),
        *found["agreement"].values(),
    ]
    bounds = [
        row[key] for row in found["agreement"].values() for key in ("low", "high")
    ]
    return [found["loss"], *(row["mean"] for row in rows), *bounds]


RECORDS = {"far_words": main}
BUILDS_ON = ("pocket_language_model",)


if __name__ == "__main__":
    try:
        main()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"experiments.language_models.far_words: {error}")
