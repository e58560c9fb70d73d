"""Which gates matter? LSTMs without one of them, on words and on the adding problem.

Run: python -m experiments.long_range.gate_ablations
Writes results/gate_ablations.json. Can be stopped and run again: finished runs are kept.
A gate is taken away by fixing it (``fixed_gates.fix_gate``): all but the coupled, peephole and
reference cells are one and the same function with other weights.
"""

import functools
import hashlib
import json
import math
import time

import numpy as np
from tqdm import tqdm

from unrolled import records
from unrolled.cells import coupled_lstm, fixed_gates, gru, lstm, peephole_lstm, rnn
from unrolled.data import tasks, text
from unrolled.files import write_whole
from unrolled.models import language_model, readout
from unrolled.training import optimizers, train

SEEDS = range(3)
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
WORDS = {
    "V": 2000,
    "H": 64,
    "sentences": 8_000,
    "batch": 32,
    "epochs": 3,
    "learning_rate": 0.002,
    "clip": 1.0,
}
ADDING = {
    "T": 40,
    "H": 32,
    "batch": 32,
    "steps": 3000,
    "checked_every": 100,
    "learning_rate": 0.001,
    "clip": 1.0,
    "solved_below": 0.01,
}
RUNS = records.ROOT / "_build" / "runs" / "gate_ablations"


def with_gates_fixed(p, fixed):
    """Returns the model with these gates of its cell held at a value."""
    for gate, value in fixed.items():
        p = p._replace(cell=fixed_gates.fix_gate(p.cell, gate, value))
    return p


def words(variant, seed, data):
    """Returns the validation perplexity after each epoch on a slice of the corpus."""
    cell, fixed = VARIANTS[variant]
    training, validation = data
    rng = np.random.default_rng(seed)
    params = with_gates_fixed(
        language_model.init(rng, WORDS["V"], WORDS["H"], cell), fixed
    )

    def mean_loss(p):
        losses, counts = zip(
            *(language_model.loss(p, b, cell) for b in validation), strict=True
        )
        return float(np.average(losses, weights=counts))

    perplexities = [
        math.exp(progress.validation_loss)
        for progress in train.train(
            params,
            lambda epoch: text.batches(
                training, WORDS["batch"], np.random.default_rng([seed, epoch])
            ),
            lambda p, batch: language_model.loss_and_gradient(p, batch, cell),
            optimizers.adam,
            epochs=WORDS["epochs"],
            learning_rate=WORDS["learning_rate"],
            clip=WORDS["clip"],
            validate=mean_loss,
            progress=False,
        )
        if progress.validation_loss is not None
    ]
    return {"perplexities": perplexities}


def adding(variant, seed, steps=ADDING["steps"], checked_every=ADDING["checked_every"]):
    """Returns after how many steps the adding problem was solved, if it was."""
    cell, fixed = VARIANTS[variant]
    rng = np.random.default_rng(seed)
    params = with_gates_fixed(readout.init(rng, 2, ADDING["H"], cell), fixed)
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
        learning_rate=ADDING["learning_rate"],
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


def corpus_slice():
    """Returns (sentences, validation batches), in ids of a small vocabulary."""
    documents, _ = text.remove_duplicates(text.corpus())
    parts = text.split(documents)
    vocabulary = text.Vocabulary.of(
        [text.tokens(s) for document in parts.train for s in document.sentences],
        WORDS["V"],
    )
    encoded = text.encode(parts.train, vocabulary)
    chosen = np.random.default_rng(0).permutation(len(encoded))[: WORDS["sentences"]]
    validation = text.encode(parts.validation, vocabulary)
    return [encoded[i] for i in chosen], text.batches(validation, 64)


def main():
    run = records.begin("gate_ablations")
    data = corpus_slice()
    code, found = records.digest(run), []
    for variant, seed in tqdm(
        [(v, s) for s in SEEDS for v in VARIANTS], desc="gate_ablations"
    ):
        facts = f"{variant} {seed} {code}"
        path = RUNS / f"{hashlib.sha256(facts.encode()).hexdigest()[:16]}.json"
        if not path.is_file():
            start = time.process_time()
            result = {"variant": variant, "seed": seed}
            result |= words(variant, seed, data) | adding(variant, seed)
            result["seconds"] = round(time.process_time() - start, 1)
            write_whole(path, json.dumps(result))
        found.append(json.loads(path.read_text("utf-8")))
    path = records.write(
        run,
        {"variants": list(VARIANTS), "runs": found},
        settings={
            "words": WORDS,
            "adding": ADDING,
            "optimizer": "adam",
            "precision": "float32",
        },
        seed=list(SEEDS),
        witness=functools.partial(witness, run.name),
        packages=("numpy", *(p for p in text.PACKAGES if p != "numpy")),
    )
    print(f"wrote {path.relative_to(records.ROOT)}")


def witness(name):
    """Returns what a few updates of every variant lead to, on words and on the adding problem."""
    training, validation = corpus_slice()
    few = training[: WORDS["batch"]], validation[:1]
    numbers = []
    for variant in VARIANTS:
        numbers += words(variant, SEEDS[0], few)["perplexities"]
        numbers.append(adding(variant, SEEDS[0], steps=2, checked_every=1)["error"])
    return numbers


RECORDS = {"gate_ablations": main}


if __name__ == "__main__":
    main()
