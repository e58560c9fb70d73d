"""What a file of sentences costs to keep and to read, and what padding costs in training.

Run: python -m experiments.frameworks.tfrecords
Writes results/tfrecords.json. Three minutes.

Times are of the processor, all threads together, and compared within this one run.
"""

from experiments import command_line

if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()  # before the imports, which take seconds

import gzip
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from unrolled import records
from unrolled.data import text
from unrolled.frameworks import sequence_examples as wt
from unrolled.frameworks.quiet_tensorflow import keras, tf

SEED = 0
VOCABULARY, HIDDEN, BATCH, BUCKETS = 8000, 64, 32, 8
SENTENCES, ROUNDS = 1024, 2  # of the training steps that are timed
READINGS = 5  # of each file; the fastest counts


def sentences():
    """Returns the sentences of the whole corpus as ids, and as words."""
    documents, _ = text.remove_duplicates(text.corpus())
    words = [text.tokens(s) for d in documents for s in d.sentences]
    vocabulary = text.Vocabulary.of(words, VOCABULARY)
    return [vocabulary.encode(sentence) for sentence in words], words


def clocked(function):
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def fastest(function):
    """Returns the least processor time of some calls, after one that traces what is traced."""
    function()
    return min(clocked(function)[1] for _ in range(READINGS))


# --- files -------------------------------------------------------------------------------------


def formats(encoded, words, folder):
    """Returns, for each way to keep the sentences: bytes a token, and times to write and read."""
    tokens = sum(len(ids) for ids in encoded)
    lists = [ids.tolist() for ids in encoded]
    flat = np.concatenate(encoded)
    splits = np.cumsum([0, *(len(ids) for ids in encoded)])

    def arrays(dtype, save):
        return lambda path: save(
            path, ids=flat.astype(dtype), splits=splits.astype(np.int32)
        )

    def rows(path):
        with np.load(path) as file:
            return np.split(file["ids"].astype(np.int64), file["splits"][1:-1])

    def messages(make, compression=""):
        return lambda path: wt.write(path, map(make, lists), compression)

    def batches(parse, compression=""):
        return lambda path: list(wt.read(path, parse, compression=compression))

    def one_by_one(path):
        features = {"ids": tf.io.FixedLenSequenceFeature([], tf.int64)}
        parse = tf.io.parse_single_sequence_example
        dataset = tf.data.TFRecordDataset(str(path))
        return list(dataset.map(lambda r: parse(r, None, features)[1]["ids"]))

    def to_json(path):
        path.write_text(json.dumps(lists))

    def from_json(path):
        return [np.array(ids) for ids in json.loads(path.read_text())]

    ways = {
        "int64.npz": (arrays(np.int64, np.savez), rows),
        "uint16.npz": (arrays(np.uint16, np.savez), rows),
        "uint16_compressed.npz": (arrays(np.uint16, np.savez_compressed), rows),
        "ids.json": (to_json, from_json),
        "example.tfrecord": (messages(wt.example), batches(wt.parse_examples)),
        "example.tfrecord.gz": (
            messages(wt.example, "GZIP"),
            batches(wt.parse_examples, "GZIP"),
        ),
        "sequence.tfrecord": (messages(wt.sequence_example), batches(wt.parse)),
        "sequence.tfrecord.gz": (
            messages(wt.sequence_example, "GZIP"),
            batches(wt.parse, "GZIP"),
        ),
    }
    found = {}
    for name, (write, read) in ways.items():
        path = folder / name
        _, writing = clocked(lambda write=write, path=path: write(path))
        reading = fastest(lambda read=read, path=path: read(path))
        size = path.stat().st_size
        found[name.replace(".", "_")] = {
            "bytes": size,
            "bytes_per_token": size / tokens,
            "write_seconds": writing,
            "read_seconds": reading,
        }
        print(name, found[name.replace(".", "_")], flush=True)
    alone = fastest(lambda: one_by_one(folder / "sequence.tfrecord"))
    found["sequence_tfrecord"]["read_one_by_one_seconds"] = alone
    plain = "\n".join(map(" ".join, words)).encode()
    found["words_txt"] = {"bytes": len(plain), "bytes_per_token": len(plain) / tokens}
    packed = len(gzip.compress(plain))
    found["words_txt_gz"] = {"bytes": packed, "bytes_per_token": packed / tokens}
    unit = found["sequence_tfrecord"]["read_seconds"]
    times = {  # of the time that SequenceExamples take that are parsed in batches
        "one_by_one": alone / unit,
        "example": found["example_tfrecord"]["read_seconds"] / unit,
        "gzip": found["sequence_tfrecord_gz"]["read_seconds"] / unit,
        "json": found["ids_json"]["read_seconds"] / unit,
        "npz": found["uint16_npz"]["read_seconds"] / unit,
    }
    return {"tokens": tokens, "sentences": len(encoded), "ways": found, "times": times}


# --- batches -----------------------------------------------------------------------------------


def shares(lengths, order, boundaries):
    """Returns the share of padding of all sentences, by how the batches are made."""

    def cut(places):
        return [lengths[places[i : i + BATCH]] for i in range(0, len(places), BATCH)]

    bucket = np.digitize(lengths[order], boundaries)
    buckets = [cut(order[bucket == b]) for b in range(len(boundaries) + 1)]
    return {
        "longest_of_all": 1 - lengths.mean() / lengths.max(),
        "padded_batch": wt.padded_share(cut(order)),
        "corpus_order": wt.padded_share(cut(np.arange(len(lengths)))),
        "bucketed": wt.padded_share([batch for some in buckets for batch in some]),
        "sorted": wt.padded_share(cut(np.argsort(lengths, kind="stable"))),
    }


def training_step(vocabulary):
    """Returns a compiled step of SGD on (inputs, targets) of any length."""
    model = keras.Sequential(
        [
            keras.layers.Embedding(vocabulary, HIDDEN),
            keras.layers.LSTM(HIDDEN, return_sequences=True),
            keras.layers.Dense(vocabulary),
        ]
    )
    ids = tf.TensorSpec([None, None], tf.int64)

    @tf.function(input_signature=[ids, ids])
    def step(inputs, targets):
        real = tf.not_equal(targets, wt.PADDING)
        with tf.GradientTape() as tape:
            logits = model(tf.where(real, inputs, 0))
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                tf.where(real, targets, 0), logits
            )
            loss = tf.reduce_sum(tf.where(real, losses, 0.0))
        weights = [w.value for w in model.trainable_variables]
        for w, dw in zip(weights, tape.gradient(loss, weights), strict=True):
            w.assign_sub(1e-6 * tf.convert_to_tensor(dw))

    return step


def speeds(sequences, boundaries, vocabulary, longest):
    """Returns for each way to batch: share of padding, steps, and processor time for all of them.

    The ways take turns, round after round, and the fastest round of each counts.
    """
    flat = np.concatenate(sequences)
    rows = tf.RaggedTensor.from_row_lengths(flat, [len(ids) for ids in sequences])
    pairs = tf.data.Dataset.from_tensor_slices(rows).map(wt.shifted)
    minus = tf.constant(wt.PADDING, tf.int64)
    ways = {
        "longest_of_all": pairs.padded_batch(
            BATCH, ([longest], [longest]), (minus, minus)
        ),
        "padded_batch": wt.padded(pairs, BATCH),
        "ragged": pairs.ragged_batch(BATCH).map(
            lambda x, y: (x.to_tensor(wt.PADDING), y.to_tensor(wt.PADDING))
        ),
        "bucketed": wt.bucketed(pairs, BATCH, boundaries),
    }
    batches = {name: list(dataset) for name, dataset in ways.items()}
    step = training_step(vocabulary)
    step(*batches["bucketed"][0])
    seconds = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, some in batches.items():
            _, spent = clocked(lambda some=some: [step(*batch) for batch in some])
            seconds[name].append(spent)
    words = sum(len(ids) - 1 for ids in sequences)
    return {
        name: {
            "share": 1 - words / sum(int(tf.size(x)) for x, _ in some),
            "steps": len(some),
            "seconds": min(seconds[name]),
            "steps_per_second": len(some) / min(seconds[name]),
            "words_per_second": words / min(seconds[name]),
        }
        for name, some in batches.items()
    }


def one_long_in_each_batch(rng, batches=8, short=20, long=1000, vocabulary=500):
    """Returns the sequences of the post's case, in which one of every 32 is 50 times as long."""
    lengths = np.full((batches, BATCH), short)
    lengths[:, 0] = long
    return [
        rng.integers(0, vocabulary, n + 1).tolist()
        for n in rng.permuted(lengths, axis=1).flat
    ]


def measure():
    rng = np.random.default_rng(SEED)
    keras.utils.set_random_seed(SEED)
    encoded, words = sentences()
    with tempfile.TemporaryDirectory() as folder:
        files = formats(encoded, words, Path(folder))
    lengths = np.array([len(ids) - 1 for ids in encoded])
    order = rng.permutation(len(lengths))
    boundaries = wt.boundaries(lengths, BUCKETS)
    some = [encoded[i].tolist() for i in order[:SENTENCES]]
    long = one_long_in_each_batch(rng)
    results = {
        "files": files,
        "lengths": {
            "mean": lengths.mean(),
            "median": float(np.median(lengths)),
            "longest": int(lengths.max()),
        },
        "boundaries": boundaries,
        "shares": shares(lengths, order, boundaries),
        "speeds": speeds(some, boundaries, VOCABULARY, int(lengths.max())),
        "one_long": speeds(long, [21], 500, 1000),
    }
    for name in ("speeds", "one_long"):
        ways = results[name]
        for way in ways.values():
            for what in ("steps_per_second", "words_per_second"):
                way[what + "_times"] = way[what] / ways["padded_batch"][what]
    return results


def main():
    run = records.begin("tfrecords")
    results = measure()
    print(json.dumps(results, indent=1))
    path = records.write(
        run,
        results,
        settings={
            "vocabulary": VOCABULARY,
            "hidden": HIDDEN,
            "batch": BATCH,
            "buckets": BUCKETS,
            "sentences_timed": SENTENCES,
            "rounds": ROUNDS,
        },
        seed=SEED,
        packages=("numpy", "tensorflow", "keras"),
    )
    print(path)


RECORDS = {"tfrecords": measure}
MINUTES = 3
ALONE = True

if __name__ == "__main__":
    main()
