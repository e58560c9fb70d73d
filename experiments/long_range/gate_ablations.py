"""Which gates matter? LSTMs without one of them, on words and on the adding problem.

Run: python -m experiments.long_range.gate_ablations
Writes results/gate_ablations.json in 25 minutes. Can be stopped and run again: finished runs are
kept.
A gate is removed by fixing it (``fixed_gates.fix_gate``): all but the coupled, peephole and
reference cells are the same function with other weights.

The learning rate is chosen for each variant and task by the same rule: the best of a grid on
validation data, with seeds that are not used again; a grid whose end is best is extended. The runs
that are compared have other seeds.
"""

import functools
import hashlib
import json
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from experiments import command_line
from unrolled import records
from unrolled.cells import coupled_lstm, fixed_gates, gru, lstm, peephole_lstm, rnn
from unrolled.data import tasks, text
from unrolled.files import write_whole
from unrolled.layers import embedding, stacked
from unrolled.models import language_model, readout
from unrolled.training import optimizers, train

# name: the cell, and the gates that are held at a value
VARIANTS = {
    "LSTM": (lstm, {}),
    "no input gate": (lstm, {"i": 1}),
    "no forget gate": (lstm, {"f": 1}),
    "no output gate": (lstm, {"o": 1}),
    "input = 1 - forget": (coupled_lstm, {}),
    "peepholes": (peephole_lstm, {}),
    "no gates": (lstm, {"i": 1, "f": 1, "o": 1}),
    "GRU": (gru, {}),
    "plain RNN": (rnn, {}),
}
WORDS: dict[str, Any] = {
    "V": 1000,
    "H": 64,
    "sentences": 4_000,
    "validation_sentences": 1_000,
    "batch": 32,
    "epochs": 40,  # patience ends every run before
    "patience": 2,
    "least_gain": 0.005,  # nats per word; a smaller gain of an epoch counts as none
    "halve": True,
    "clip": 1.0,
    "learning_rates": [0.002, 0.004, 0.008, 0.016],
    "choosing_seeds": [100],
    "seeds": [0, 1, 2, 3, 4],
}
ADDING: dict[str, Any] = {
    "T": 40,
    "H": 32,
    "batch": 32,
    "steps": 3000,
    "checked_every": 25,
    "clip": 1.0,
    "solved_below": 0.01,
    "learning_rates": [0.001, 0.002, 0.004, 0.008, 0.016, 0.032],
    "choosing_seeds": [100, 101],
    "seeds": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
}
RUNS = records.ROOT / "_build" / "runs" / "gate_ablations"


class Task(NamedTuple):
    """What the variants are compared on."""

    settings: dict[str, Any]
    data: Callable  # returns the data of every run, as keywords
    run: Callable  # a function of (variant, learning rate, seed)
    score: Callable  # of a run: what the choice of a learning rate minimises


def with_gates_fixed(cell_params, fixed):
    """Returns the weights of a cell with these gates held at a value."""
    for gate, value in fixed.items():
        cell_params = fixed_gates.fix_gate(cell_params, gate, value)
    return cell_params


def initial_language_model(rng, variant):
    """Returns (Params, cell): word vectors within ±1, W_y within ±1/√H, gates fixed.

    A gate passes on only a part of its input. With the small weights of ``language_model.init``
    gated networks would start with weaker signals than the plain network.
    """
    cell, fixed = VARIANTS[variant]
    V, H = WORDS["V"], WORDS["H"]
    network = stacked.of(embedding, cell)
    vectors, weights = network.init(rng, V, H, np.float32, input_scale=1.0)
    params = language_model.Params(
        cell=(vectors, with_gates_fixed(weights, fixed)),
        W_y=rng.uniform(-1, 1, (H, V)).astype(np.float32) / np.float32(np.sqrt(H)),
        b_y=np.zeros(V, np.float32),
    )
    return params, network


def words(variant, learning_rate, seed, data, epochs=WORDS["epochs"]):
    """Trains a language model until validation stops improving.

    The rule: ``patience`` epochs in a row without a gain of ``least_gain`` over the lowest
    validation loss before. The learning rate is halved whenever that loss rises.

    Returns:
        {"validation": the perplexity after each epoch, "test": that of the best of them}.
    """
    params, cell = initial_language_model(np.random.default_rng(seed), variant)

    def mean_loss(p, batches):
        losses, counts = zip(
            *(language_model.loss(p, b, cell) for b in batches), strict=True
        )
        return float(np.average(losses, weights=counts))

    losses, idle = [], 0
    for progress in train.train(
        params,
        lambda epoch: text.batches(
            data.train, WORDS["batch"], np.random.default_rng([seed, epoch])
        ),
        lambda p, batch: language_model.loss_and_gradient(p, batch, cell),
        optimizers.adam,
        epochs=epochs,
        learning_rate=learning_rate,
        clip=WORDS["clip"],
        halve=WORDS["halve"],
        validate=lambda p: mean_loss(p, data.validation),
        progress=False,
    ):
        if (loss := progress.validation_loss) is not None:
            gained = min(losses, default=math.inf) - loss
            idle = 0 if gained >= WORDS["least_gain"] else idle + 1
            losses.append(loss)
            if idle == WORDS["patience"]:
                break
    return {
        "validation": [math.exp(loss) for loss in losses],
        "test": math.exp(mean_loss(progress.best, data.test)),
    }


def adding(
    variant,
    learning_rate,
    seed,
    steps=ADDING["steps"],
    checked_every=ADDING["checked_every"],
):
    """Trains on the adding problem until it is solved or the updates are used up.

    Returns:
        {"solved_after": updates or None, "error": the last mean squared error on validation}.
    """
    cell, fixed = VARIANTS[variant]
    params = readout.init(np.random.default_rng(seed), 2, ADDING["H"], cell)
    params = params._replace(cell=with_gates_fixed(params.cell, fixed))
    validation = tasks.adding_problem(
        np.random.default_rng([1_000_000, 0]), ADDING["T"], 500
    )
    last = None
    for progress in train.train(
        params,
        lambda epoch: [
            tasks.adding_problem(
                np.random.default_rng([seed, epoch, i]), ADDING["T"], ADDING["batch"]
            )
            for i in range(checked_every)
        ],
        lambda p, batch: readout.loss_and_gradient(p, batch, cell),
        optimizers.adam,
        epochs=steps // checked_every,
        learning_rate=learning_rate,
        clip=ADDING["clip"],
        validate=lambda p: readout.loss(p, validation, cell),
        count=lambda batch: ADDING["batch"],
        progress=False,
    ):
        if progress.validation_loss is not None:
            last = progress.validation_loss
            if last < ADDING["solved_below"]:
                return {"solved_after": progress.step, "error": last}
    return {"solved_after": None, "error": last}


def words_score(run):
    """Returns what the choice of a learning rate for words minimises."""
    return min(run["validation"])


def adding_score(run):
    """Returns what the choice for the adding problem minimises: updates, then the error.

    An unsolved run counts as the whole budget. Errors are far below one update.
    """
    return (run["solved_after"] or ADDING["steps"]) + run["error"]


def corpus_slice():
    """Returns a Split of a part of the corpus, in ids of a small vocabulary.

    Sentences to train on, and batches to validate and to test on.
    """
    documents, _ = text.remove_duplicates(text.corpus())
    parts = text.split(documents)
    vocabulary = text.Vocabulary.of(
        [text.tokens(s) for document in parts.train for s in document.sentences],
        WORDS["V"],
    )
    training, validation, test = (text.encode(part, vocabulary) for part in parts)
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(training))[: WORDS["sentences"]]
    checked = rng.permutation(len(validation))[: WORDS["validation_sentences"]]
    return text.Split(
        [training[i] for i in chosen],
        text.batches([validation[i] for i in checked], 64),
        text.batches(test, 64),
    )


def main():
    run = records.begin("gate_ablations")
    code = records.digest(run)
    found = {task: measure(task, code) for task in TASKS}
    path = records.write(
        run,
        {"variants": list(VARIANTS), **found},
        settings={
            "words": WORDS,
            "adding": ADDING,
            "optimizer": "adam",
            "precision": "float32",
        },
        seed=sorted({*WORDS["seeds"], *ADDING["seeds"]}),
        witness=functools.partial(witness, run.name),
        packages=("numpy", *(p for p in text.PACKAGES if p != "numpy")),
    )
    print(f"wrote {path.relative_to(records.ROOT)}")


def measure(task, code):
    """Chooses each variant's learning rate for a task, and runs it with the other seeds.

    Returns:
        {"choosing": the runs that choose, "chosen": {variant: rate}, "runs": the others}.
    """
    settings, data, experiment, score = TASKS[task]
    experiment = functools.partial(experiment, **data())

    def run_all(cases, what):
        return [
            kept(f"{task} {case} {code}", case, experiment)
            for case in tqdm(cases, desc=f"{task}, {what}")
        ]

    choosing = []

    def mean_score(variant, rate):
        runs = run_all(
            [(variant, rate, seed) for seed in settings["choosing_seeds"]],
            f"{variant} at {rate:g}",
        )
        choosing.extend(runs)
        return np.mean([score(run) for run in runs])

    chosen = {
        variant: best_rate(
            settings["learning_rates"], functools.partial(mean_score, variant)
        )
        for variant in VARIANTS
    }
    cases = [(v, chosen[v], seed) for seed in settings["seeds"] for v in VARIANTS]
    return {"choosing": choosing, "chosen": chosen, "runs": run_all(cases, "runs")}


def best_rate(rates, score):
    """Returns the learning rate of the lowest score, from a grid that is extended if need be.

    While the best rate is the smallest or the largest of the grid, the grid gets its half or its
    double as well, so that the best rate does not depend on where the grid happened to end.

    Args:
        rates: the grid, in increasing order.
        score: a function of a rate.
    """
    scores = {rate: score(rate) for rate in rates}
    while True:
        best = min(scores, key=scores.__getitem__)
        if best == min(scores):
            scores[best / 2] = score(best / 2)
        elif best == max(scores):
            scores[2 * best] = score(2 * best)
        else:
            return best


def kept(facts, case, experiment):
    """Returns the result of experiment(*case), from its file if it has run before."""
    path = RUNS / f"{hashlib.sha256(facts.encode()).hexdigest()[:16]}.json"
    if not path.is_file():
        variant, learning_rate, seed = case
        start = time.process_time()
        result = {"variant": variant, "learning_rate": learning_rate, "seed": seed}
        result |= experiment(variant, learning_rate, seed)
        result["seconds"] = round(time.process_time() - start, 1)
        write_whole(path, json.dumps(result))
    return json.loads(path.read_text("utf-8"))


def witness(name):
    """Returns what a few updates of every variant lead to, on words and on the adding problem."""
    data = corpus_slice()
    few = text.Split(data.train[: WORDS["batch"]], data.validation[:1], data.test[:1])
    numbers = []
    for variant in VARIANTS:
        found = words(variant, 0.002, 0, few, epochs=2)
        numbers += [*found["validation"], found["test"]]
        numbers.append(adding(variant, 0.002, 0, steps=2, checked_every=1)["error"])
    return numbers


TASKS = {
    "words": Task(WORDS, lambda: {"data": corpus_slice()}, words, words_score),
    "adding": Task(ADDING, dict, adding, adding_score),
}
RECORDS = {"gate_ablations": main}
MINUTES = 25


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
