"""The fourth post's two-layer network trained in NumPy, PyTensor and Keras: one curve or three?

Run: python -m experiments.frameworks.frameworks_training
Writes results/frameworks_training.json. A few minutes. The same first weights, the same batches in
the same order, RMSprop in double precision: what differs is who computes. An update follows the
mean of its own batch, which all three compute by themselves. The learning rate is a power of two,
because Keras keeps it in single precision, where 0.001 is another number.
"""

from experiments import command_line

if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()  # before the imports, which take seconds

import functools
import time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from unrolled import records, tree
from unrolled.cells import gru, lstm
from unrolled.data import text
from unrolled.frameworks import keras_models, theano_models
from unrolled.frameworks.quiet_tensorflow import keras, tf
from unrolled.layers import embedding, stacked
from unrolled.models import language_model
from unrolled.training import optimizers

SEED = 0
SETTINGS = {
    "V": 4000,
    "H": 64,
    "batch": 32,
    "steps": 200,
    "optimizer": "rmsprop",
    "learning_rate": 2**-10,
    "decay": 0.9,
    "epsilon": 1e-6,
    "precision": "float64",
    "threads": 1,
}
OPTIONS = {key: SETTINGS[key] for key in ("learning_rate", "decay", "epsilon")}
NETWORKS = {"GRU": (embedding, gru, gru), "LSTM": (embedding, lstm, lstm)}


def in_numpy(params, cell):
    """Returns (a function of a batch that trains one step, a function that returns the weights)."""
    now = {"params": params, "state": None}

    def step(batch):
        loss, gradient = language_model.loss_and_gradient(now["params"], batch, cell)
        now["params"], now["state"] = optimizers.rmsprop(
            now["params"], gradient, now["state"], **OPTIONS
        )
        return loss

    return step, lambda: now["params"]


def in_pytensor(params, cell):
    """The same, as one compiled symbolic function."""
    training = theano_models.compile_rmsprop(params, **OPTIONS)
    return training.step, training.params


def in_keras(params, cell):
    """The same, by automatic differentiation of the Keras model and by Keras's RMSprop."""
    model = keras_models.model(params)
    optimizer = keras.optimizers.RMSprop(
        OPTIONS["learning_rate"], rho=OPTIONS["decay"], epsilon=OPTIONS["epsilon"]
    )
    optimizer.build(model.trainable_variables)
    ids = tf.TensorSpec((None, None), tf.int32)

    @tf.function(input_signature=[ids, ids, tf.TensorSpec((None, None), tf.float64)])
    def train_step(inputs, targets, mask):
        with tf.GradientTape() as tape:
            losses = keras.ops.sparse_categorical_crossentropy(
                targets, model(inputs), from_logits=True
            )
            loss = tf.reduce_sum(losses * mask) / tf.reduce_sum(mask)
        variables = model.trainable_variables
        # As a whole array: of a list of rows, RMSprop would square those of one word apart.
        gradients = map(
            tf.convert_to_tensor, tape.gradient(loss, [v.value for v in variables])
        )
        optimizer.apply(list(gradients), variables)
        return loss

    def step(batch):
        return float(
            train_step(
                batch.inputs.T.astype(np.int32),
                batch.targets.T.astype(np.int32),
                batch.mask.T.astype(np.float64),
            )
        )

    return step, lambda: keras_models.get_weights(model, params)


WAYS = {"NumPy": in_numpy, "PyTensor": in_pytensor, "Keras": in_keras}


def compare(cells, training, validation):
    """Returns, for each way, the losses, the seconds, and the validation perplexity."""
    cell = stacked.of(*cells)
    found: dict[str, Any] = {}
    for way, make in WAYS.items():
        rng = np.random.default_rng(SEED)
        params = language_model.init(
            rng, SETTINGS["V"], SETTINGS["H"], cell, np.float64
        )
        start = time.perf_counter()
        step, weights = make(params, cell)
        losses = [step(training[0])]
        to_first = time.perf_counter() - start
        seconds = []
        for batch in training[1:]:
            start = time.perf_counter()
            losses.append(step(batch))
            seconds.append(time.perf_counter() - start)
        parts = [language_model.loss(weights(), batch, cell) for batch in validation]
        mean = np.average(
            [loss for loss, _ in parts], weights=[words for _, words in parts]
        )
        found[way] = {
            "losses": losses,
            "seconds_to_first_step": to_first,
            "seconds_per_step": float(np.median(seconds)),
            "validation_perplexity": float(np.exp(mean)),
        }
    reference = np.array(found["NumPy"]["losses"])
    for way in WAYS:
        found[way]["largest_difference"] = float(
            np.abs(np.array(found[way]["losses"]) / reference - 1).max()
        )
        found[way]["times_numpy"] = (
            found[way]["seconds_per_step"] / found["NumPy"]["seconds_per_step"]
        )
    return found


def batches(steps):
    """Returns the first batches of training, and those of validation."""
    documents, _ = text.remove_duplicates(text.corpus())
    parts = text.split(documents)
    vocabulary = text.Vocabulary.of(
        [text.tokens(s) for d in parts.train for s in d.sentences], SETTINGS["V"]
    )
    encoded = text.encode(parts.train, vocabulary)
    training = text.batches(encoded, SETTINGS["batch"], np.random.default_rng(SEED))[
        :steps
    ]
    return training, text.batches(text.encode(parts.validation, vocabulary), 64)


def parameters(cells):
    """Returns the number of parameters of a network."""
    rng = np.random.default_rng(SEED)
    p = language_model.init(rng, SETTINGS["V"], SETTINGS["H"], stacked.of(*cells))
    return sum(leaf.size for leaf in tree.leaves(p))


def main():
    run = records.begin("frameworks_training")
    training, validation = batches(SETTINGS["steps"])
    found = {}
    for name, cells in NETWORKS.items():
        found[name] = compare(cells, training, validation)
        for way, measured in found[name].items():
            print(name, way, f"{measured['validation_perplexity']:.10f}", flush=True)
    path = records.write(
        run,
        {
            "networks": found,
            "parameters": {name: parameters(cells) for name, cells in NETWORKS.items()},
        },
        settings=SETTINGS,
        seed=SEED,
        witness=functools.partial(witness, run.name),
        packages=("numpy", *(p for p in text.PACKAGES if p != "numpy")),
    )
    print(f"wrote {path.relative_to(records.ROOT)}")


def witness(name):
    """Returns the losses of a few updates in each way, and the perplexities after them."""
    training, validation = batches(5)
    return [
        number
        for cells in NETWORKS.values()
        for found in compare(cells, training, validation[:1]).values()
        for number in (*found["losses"], found["validation_perplexity"])
    ]


RECORDS = {"frameworks_training": main}
MINUTES = 5
ALONE = True


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    with threadpool_limits(1):
        main()
