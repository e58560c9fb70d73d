"""Does the trained language model of Part 2 use far words? By gradient, by replacement, by grammar.

Run: python -m experiments.language_models.far_words
Reads results/pocket_language_model.npz, writes results/far_words.json. Two minutes.
"""

from experiments import command_line

if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()  # before the imports, which take seconds

import functools
import itertools
import sys

import numpy as np

from experiments.intervals import interval
from experiments.language_models import agreement
from unrolled import records
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.functional import cross_entropy, dcross_entropy
from unrolled.gradients import jacobians
from unrolled.models import pretrained

SEED, SENTENCES, DISTANCE = 0, 400, 30
REPLACEMENTS = 8  # other words tried in each position
LATER = [2, 5, 10, 15]  # words after an opening bracket
BY_DISTANCE = ("gradient_norm", "gradient_times_input", "kl", "rise")


def long_sentences(documents, vocabulary, at_least, rng, count):
    """Returns (inputs, targets), (at_least, count) each, and the document of each (count,).

    The sentences are the same as those of ``gradient_by_distance``: the beginnings of sentences
    with more than ``at_least`` words.
    """
    long = [
        (ids, number)
        for number, document in enumerate(documents)
        for ids in text.encode([document], vocabulary)
        if len(ids) > at_least
    ]
    chosen = [long[i] for i in rng.permutation(len(long))[:count]]
    ids = np.stack([ids[: at_least + 1] for ids, _ in chosen], axis=1)
    return ids[:-1], ids[1:], np.array([number for _, number in chosen])


def log_softmax(u):
    """Returns log softmax(u) along the last axis."""
    u = u.astype(np.float64) - u.max(axis=-1, keepdims=True)
    return u - np.log(np.exp(u).sum(axis=-1, keepdims=True))


def last_logits(p, inputs):
    """Returns the logits (B, V) after the last of the inputs (T, B)."""
    h, _ = rnn.forward(p.cell, inputs)
    return h[-1] @ p.W_y + p.b_y


def attribution(p, inputs, targets):
    """Returns the norm of the gradient, and gradient times input, by distance (T, B) each.

    The input of a word is its row of W_x. To have the gradient by each word's own row, the rows
    are fed as vectors through an identity.
    """
    rows = p.cell.W_x[inputs]
    as_vectors = p.cell._replace(W_x=np.eye(rows.shape[-1], dtype=rows.dtype))
    h, cache = rnn.forward(as_vectors, rows)
    logits = h[-1] @ p.W_y + p.b_y
    dh = np.zeros_like(h)
    dh[-1] = (
        dcross_entropy(logits, targets[-1], np.ones(len(logits), h.dtype)) @ p.W_y.T
    )
    _, drows, *_ = rnn.backward(as_vectors, cache, dh)
    return np.linalg.norm(drows, axis=-1)[::-1], (drows * rows).sum(axis=-1)[::-1]


def replacement(p, inputs, targets, rng):
    """Returns, by distance (T, B), the effect of putting another word in one place.

    Returns:
        kl: divergence in nats of the prediction from the one with the real word.
        rise: by how much the loss of the real next word rises, in nats.
    """
    T, B = inputs.shape
    log_p = log_softmax(last_logits(p, inputs))
    loss = -log_p[np.arange(B), targets[-1]]
    kl, rise = np.zeros((T, B)), np.zeros((T, B))
    others = inputs[1:].reshape(-1)  # words as often as in the text; never START
    for k, _ in itertools.product(range(T), range(REPLACEMENTS)):
        changed = inputs.copy()
        changed[T - 1 - k] = rng.choice(others, B)
        log_q = log_softmax(last_logits(p, changed))
        kl[k] += (np.exp(log_p) * (log_p - log_q)).sum(axis=-1) / REPLACEMENTS
        rise[k] += (-log_q[np.arange(B), targets[-1]] - loss) / REPLACEMENTS
    return kl, rise


def brackets(documents, vocabulary):
    """Returns the pairs of brackets without others inside, and the number of each's document.

    A pair is (context, position of the opening bracket). The word after the context is the closing
    bracket; at least one word stands between.
    """
    opening, closing = vocabulary.ids["("], vocabulary.ids[")"]
    found, sources = [], []
    for number, document in enumerate(documents):
        for ids in text.encode([document], vocabulary):
            place = None
            for i, word in enumerate(ids):
                if word == opening:
                    place = i
                elif word == closing and place is not None:
                    if i - place > 1:
                        found.append((ids[:i], place))
                        sources.append(number)
                    place = None
    return found, sources


def log_probability_of(p, word, contexts):
    """Returns log p(word | context) for contexts of any lengths."""
    found = np.empty(len(contexts))
    lengths = np.array([len(context) for context in contexts])
    for length in np.unique(lengths):
        here = np.flatnonzero(lengths == length)
        logits = last_logits(p, np.stack([contexts[i] for i in here], axis=1))
        found[here] = log_softmax(logits)[:, word]
    return found


def bracket_effect(p, pairs, vocabulary, rng):
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
    real = log_probability_of(p, closing, [ids for ids, _ in pairs])
    without = np.zeros((2, len(pairs)))
    for _ in range(REPLACEMENTS):
        for which in (0, 1):
            contexts = []
            for ids, place in pairs:
                changed = ids.copy()
                changed[max(place - which, 0)] = rng.choice(others)
                contexts.append(changed)
            without[which] += log_probability_of(p, closing, contexts) / REPLACEMENTS
    distance = np.array([len(ids) - place for ids, place in pairs])
    control = np.where([place > 1 for _, place in pairs], real - without[1], np.nan)
    return distance, real - without[0], control, without[0]


def latch(p, pairs, vocabulary):
    """Returns how an opening bracket acts on later states, in pairs that reach ``LATER[-1]``.

    Returns:
        which: (N,) the indices of these pairs.
        apart: (len(LATER), N) distance of the state from the state after the same words with a
            comma for the bracket, relative to that distance at the bracket itself.
        jacobian: (len(LATER), N) norm of the derivative of the state by the state at the bracket.
    """
    which = [i for i, (ids, place) in enumerate(pairs) if len(ids) - place > LATER[-1]]
    apart, jacobian = np.empty((2, len(LATER), len(which)))
    for n, (ids, place) in enumerate(pairs[i] for i in which):
        comma = ids.copy()
        comma[place] = vocabulary.ids[","]
        h, _ = rnn.forward(p.cell, np.stack([ids, comma], axis=1))
        h = h[place:]
        apart[:, n] = np.linalg.norm(h[LATER, 0] - h[LATER, 1], axis=1)
        apart[:, n] /= np.linalg.norm(h[0, 0] - h[0, 1])
        for row, later in zip(jacobian, LATER, strict=True):
            product = jacobians.products(p.cell, h[1 : later + 1, 0])[-1]
            row[n] = np.linalg.norm(product, 2)
    return np.array(which), apart, jacobian


def by_distance(rows, documents):
    """Returns, for each distance, a measure's mean over sentences with its interval by document.

    Besides: its median, and the share in the sum that its three largest sizes have.
    """
    return [
        interval(row, documents)
        | {
            "median": float(np.median(row)),
            "three_largest": float(np.sort(abs(row))[-3:].sum() / abs(row).sum()),
        }
        for row in rows.astype(np.float64)
    ]


def measure(p, vocabulary, sentences=SENTENCES, pairs=None):
    """Returns everything that the chapter reports of one model.

    Args:
        p: its parameters.
        vocabulary: its words.
        sentences: how many sentences to read.
        pairs: how many pairs of brackets to read; None: all.
    """
    rng = np.random.default_rng(SEED)
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    inputs, targets, documents = long_sentences(
        parts.validation, vocabulary, DISTANCE + 1, rng, sentences
    )
    norm, times_input = attribution(p, inputs, targets)
    kl, rise = replacement(p, inputs, targets, rng)
    loss = cross_entropy(last_logits(p, inputs), targets[-1])

    found, sources = brackets(parts.validation + parts.test, vocabulary)
    found, sources = found[:pairs], np.array(sources[:pairs])
    distance, bracket, control, chance = bracket_effect(p, found, vocabulary, rng)
    bins = {}
    for low, high in itertools.pairwise((2, 3, 4, 5, 6, 8, 10, 13, 17, 25)):
        here = (distance >= low) & (distance < high)
        if here.sum() < 20:
            continue
        known = here & ~np.isnan(control)
        bins[f"{low}" if high == low + 1 else f"{low}–{high - 1}"] = {
            "distance": float(distance[here].mean()),
            "bracket": interval(bracket[here], sources[here]),
            "control": interval(control[known], sources[known]),
            "log_p_without": float(chance[here].mean()),
        }
    which, apart, jacobian = latch(p, found, vocabulary)
    nouns = agreement.subjects(text.encode(parts.train, vocabulary), vocabulary)
    return {
        "sentences": inputs.shape[1],
        "documents": len(np.unique(documents)),
        "loss": float(loss.mean()),
        "gradient_norm": by_distance(norm / norm[0], documents),
        "gradient_times_input": by_distance(abs(times_input), documents),
        "kl": by_distance(kl, documents),
        "rise": by_distance(rise, documents),
        "gradient_grows": (norm > norm[0]).sum(axis=1).tolist(),
        "brackets": bins,
        "latch": {
            "words_later": LATER,
            "apart": by_distance(apart, sources[which]),
            "jacobian": by_distance(jacobian, sources[which]),
        },
        "subjects": nouns,
        "agreement": {
            str(distance): agreement.summary(margins)
            for distance, margins in agreement.margins(
                p, vocabulary, nouns, rng
            ).items()
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
    rows = [
        # a norm is relative to the first
        *(row for key in BY_DISTANCE for row in found[key][1:]),
        *(
            part[key]
            for part in found["brackets"].values()
            for key in ("bracket", "control")
        ),
        *(row["shift"] for row in found["agreement"].values()),
    ]
    bounds = [
        row["shift"][key]
        for row in found["agreement"].values()
        for key in ("low", "high")
    ]
    return [found["loss"], *(row["mean"] for row in rows), *bounds]


RECORDS = {"far_words": main}
MINUTES = 2
BUILDS_ON = ("pocket_language_model",)


if __name__ == "__main__":
    try:
        main()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"experiments.language_models.far_words: {error}")
