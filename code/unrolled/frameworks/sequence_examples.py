"""Sentences as TFRecords of protocol messages, and tf.data pipelines that batch them.

A sentence is a list of ids, from START to END. On its way to a network it becomes a message in a
file (``sequence_example``, ``write``), a row of a ragged tensor (``read``), and a row of a padded
batch (``padded``, ``bucketed``). In TensorFlow the batch is axis 0: (B, T).
"""

from pathlib import Path

import numpy as np

from unrolled.frameworks.quiet_tensorflow import tf

PADDING = -1  # the id of no word, so no word can be mistaken for padding

# --- messages and files ------------------------------------------------------------------------


def int64(values):
    """Returns a Feature that holds integers."""
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def utf8(string):
    """Returns a Feature that holds one string, as UTF-8."""
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[string.encode()]))


def sequence_example(ids, context=None):
    """Returns the SequenceExample of a sentence: one Feature for each step.

    Args:
        ids: integers (T,).
        context: name → Feature, for values that belong to the whole sentence.
    """
    steps = tf.train.FeatureList(feature=[int64([i]) for i in ids])
    return tf.train.SequenceExample(
        context=tf.train.Features(feature=context),
        feature_lists=tf.train.FeatureLists(feature_list={"ids": steps}),
    )


def example(ids, context=None):
    """Returns the plain Example of a sentence: one Feature that holds all its ids."""
    return tf.train.Example(
        features=tf.train.Features(feature={**(context or {}), "ids": int64(ids)})
    )


def write(path, messages, compression=""):
    """Writes messages into a TFRecord file. If this fails, the old file stays.

    Args:
        path: of the file.
        messages: an iterable of messages.
        compression: "", "GZIP" or "ZLIB".

    Returns:
        The number of records written.

    Raises:
        ValueError: there is no message.
    """
    path = Path(path)
    unfinished = path.with_name(path.name + ".unfinished")
    number = 0
    with tf.io.TFRecordWriter(str(unfinished), compression) as writer:
        for message in messages:
            writer.write(message.SerializeToString())
            number += 1
    if not number:
        unfinished.unlink()
        raise ValueError(f"nothing to write to {path}: there is no record")
    unfinished.replace(path)
    return number


def parse(serialised, context=None):
    """Parses SequenceExamples of sentences.

    Args:
        serialised: string tensor (B,).
        context: name → how to parse it, for each value needed from the context.

    Returns:
        (context, ids): a dictionary of entries (B, ...), and a RaggedTensor (B, T).
    """
    lists = {"ids": tf.io.RaggedFeature(tf.int64)}
    found, steps, _ = tf.io.parse_sequence_example(serialised, context, lists)
    return found, steps["ids"].merge_dims(1, 2)  # the list of a step has one id


def parse_examples(serialised, context=None):
    """Parses plain Examples of sentences; arguments and results as ``parse``."""
    features = {**(context or {}), "ids": tf.io.RaggedFeature(tf.int64)}
    found = tf.io.parse_example(serialised, features)
    ids = found.pop("ids")
    return found, ids


def read(paths, parse=parse, batch=256, compression=""):
    """Returns a Dataset of parsed batches of records, in the order of the files.

    Args:
        paths: a path, or a list of them.
        parse: ``parse``, ``parse_examples``, or another function of strings (B,).
        batch: how many records are parsed at a time.
        compression: as in ``write``.

    Raises:
        FileNotFoundError: one of the files does not exist.
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    for path in paths:
        if not Path(path).is_file():
            raise FileNotFoundError(f"no such file: {path}; write it first")
    records = tf.data.TFRecordDataset([str(path) for path in paths], compression)
    return records.batch(batch).map(parse)


def sentences(paths, **options):
    """Returns a Dataset of sentences, int64 (T,) each; arguments as ``read``."""
    return read(paths, **options).map(lambda _, ids: ids).unbatch()


# --- batches -----------------------------------------------------------------------------------


def shifted(ids):
    """Returns (inputs, targets): a sentence without its last word, and without its first."""
    return ids[:-1], ids[1:]


def padded(pairs, size, padding=PADDING):
    """Returns batches of pairs (inputs, targets), (B, T) each, in their order."""
    return pairs.padded_batch(size, padding_values=(as_id(padding), as_id(padding)))


def bucketed(pairs, size, boundaries, padding=PADDING):
    """Returns batches of pairs (inputs, targets) of similar length, (B, T) each.

    Args:
        pairs: a Dataset of (inputs, targets).
        size: pairs in a batch, the same for every bucket.
        boundaries: increasing lengths that separate the buckets.
        padding: the id after the end of a sequence.

    Raises:
        ValueError: the boundaries do not increase.
    """
    if not boundaries or any(np.diff(boundaries) <= 0):
        raise ValueError(f"boundaries must be rising lengths, got {list(boundaries)}")
    return pairs.bucket_by_sequence_length(
        lambda inputs, targets: tf.size(inputs),
        bucket_boundaries=list(boundaries),
        bucket_batch_sizes=[size] * (len(boundaries) + 1),
        padding_values=(as_id(padding), as_id(padding)),
    )


def as_id(number):
    """Returns a number as a tensor with the type of the ids, int64."""
    return tf.constant(number, tf.int64)


def boundaries(lengths, buckets):
    """Returns boundaries for buckets with about equal numbers of sequences.

    Args:
        lengths: the lengths of a sample of the sequences.
        buckets: at least 2; if one length is very common, fewer may result.

    Raises:
        ValueError: fewer than 2 buckets, or all sequences have the same length.
    """
    lengths = np.asarray(lengths)
    if buckets < 2 or lengths.size == 0 or lengths.min() == lengths.max():
        raise ValueError(
            f"{buckets} buckets for {len(np.unique(lengths))} different lengths:"
            " take 2 or more of both, or a plain padded batch"
        )
    shares = np.arange(1, buckets) / buckets
    edges = np.unique(np.quantile(lengths, shares, method="higher")) + 1
    return [int(edge) for edge in edges if edge <= lengths.max()] or [
        int(lengths.max())
    ]


def padded_share(batches):
    """Returns the share of padding in a list of batches.

    Args:
        batches: the lengths of the sequences of each batch.

    Returns:
        1 - (real steps) / (computed steps).
    """
    real = sum(int(np.sum(lengths)) for lengths in batches)
    computed = sum(len(lengths) * int(np.max(lengths)) for lengths in batches)
    return 1 - real / computed
