"""The table 2016 → now, read from the page: every name in it is looked up in the library."""

import inspect
import logging
import re

import numpy as np
import pytest

from tests.support.page_cells import assigned
from tests.support.paths import BOOK
from unrolled.frameworks.quiet_tensorflow import keras, tf

PAGE = "06-tensorflow/from-2016-to-now.md"
NAME = re.compile(r"`((?:tf|keras)\.[\w.]+)`")


def table(page):
    """Returns [(names of 2016, names of now)], a pair for each row of the first table."""
    lines = page.splitlines()
    start = lines.index("| 2016 | now |") + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            return rows
        then, now = line.strip("|").split("|")
        rows.append((NAME.findall(then), NAME.findall(now)))
    raise AssertionError("the table has no end")


def find(name, roots=None):
    """Returns the object of a dotted name; raises AttributeError if there is none."""
    first, *rest = name.split(".")
    found = (roots or {"tf": tf, "keras": keras})[first]
    for part in rest:
        found = getattr(found, part)
    return found


ROWS = table((BOOK / PAGE).read_text("utf-8"))


def test_the_table_is_read_whole():
    assert len(ROWS) == 27 and all(then and now for then, now in ROWS)
    assert (["tf.nn.rnn"], ["keras.layers.RNN"]) in ROWS


@pytest.mark.parametrize("name", sorted({name for _, now in ROWS for name in now}))
def test_a_name_of_now_exists_and_is_not_deprecated(name):
    found = find(name)
    assert callable(found)
    assert "FUNCTION IS DEPRECATED" not in (found.__doc__ or "")


def test_a_name_that_does_not_exist_is_found_out():
    with pytest.raises(AttributeError):
        find("keras.layers.DynamicRNN")


# What each name of 2016 has come to; the page's cell prints these three groups.
STILL_THERE = {
    "tf.train.SequenceExample",
    "tf.nn.sparse_softmax_cross_entropy_with_logits",
    "tf.sign",
    "tf.reverse_sequence",
    "tf.nn.embedding_lookup",
}
IN_COMPAT = {
    "tf.python_io.TFRecordWriter",
    "tf.TFRecordReader",
    "tf.parse_single_sequence_example",
    "tf.FixedLenSequenceFeature",
    "tf.train.batch",
    "tf.PaddingFIFOQueue",
    "tf.nn.dynamic_rnn",
    "tf.nn.bidirectional_dynamic_rnn",
    "tf.placeholder",
    "tf.Session",
    "tf.initialize_all_variables",
    "tf.train.AdamOptimizer",
    "tf.train.Saver",
}


@pytest.mark.parametrize("name", sorted({name for then, _ in ROWS for name in then}))
def test_a_name_of_2016_has_come_to_what_the_page_says(name):
    if name in STILL_THERE:
        find(name)
        return
    with pytest.raises(AttributeError):
        find(name)
    if name in IN_COMPAT:
        find(name, {"tf": tf.compat.v1})
    else:
        with pytest.raises(AttributeError):
            find(name, {"tf": tf.compat.v1})


def test_the_epsilon_of_adam_is_ten_times_what_it_was():
    then = inspect.signature(tf.compat.v1.train.AdamOptimizer).parameters["epsilon"]
    assert (then.default, keras.optimizers.Adam().epsilon) == (1e-8, 1e-7)


def test_the_page_lists_the_names_of_its_own_table():
    listed = assigned(PAGE, "THEN")
    assert set(listed) == {name for then, _ in ROWS for name in then}


def test_cells_are_refused_below_compat_too_and_what_is_left_warns(monkeypatch):
    for cell in (
        "BasicRNNCell",
        "LSTMCell",
        "GRUCell",
        "MultiRNNCell",
        "DropoutWrapper",
    ):
        with pytest.raises(AttributeError, match="not available with Keras 3"):
            getattr(tf.compat.v1.nn.rnn_cell, cell)

    said = []

    class Listening(logging.Handler):
        def emit(self, record):
            said.append(record.getMessage())

    monkeypatch.setattr(tf.get_logger(), "handlers", [Listening()])
    inputs = tf.constant(np.zeros((2, 3, 5), np.float32))
    for dynamic, cells in (
        (tf.compat.v1.nn.dynamic_rnn, 1),
        (tf.compat.v1.nn.bidirectional_dynamic_rnn, 2),
    ):
        said.clear()
        with pytest.raises(TypeError, match="inputs"):
            dynamic(*[keras.layers.GRUCell(4)] * cells, inputs, dtype=tf.float32)
        assert "deprecated" in said[0]


def test_attention_removes_the_mask_of_a_tensor_without_values_too():
    """Inside a graph, as in a model with its own `call`; not in a model of symbolic tensors."""
    embed = keras.layers.Embedding(9, 4, mask_zero=True)
    attend = keras.layers.MultiHeadAttention(1, 4)
    ids, kept = tf.constant([[3, 4, 0], [5, 0, 0]]), []

    def masked_after_attention(ids):
        vectors = embed(ids)
        attend(vectors, vectors)
        return getattr(vectors, "_keras_mask", None) is not None

    masked_after_attention(ids)  # makes the weights
    tf.function(lambda ids: kept.append(masked_after_attention(ids)))(ids)
    assert kept == [False] and masked_after_attention(keras.Input((3,)))


def test_floatx_changes_the_precision_of_a_loss_too():
    def precision():
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        return loss(np.array([0]), np.ones((1, 3))).dtype

    assert precision() == tf.float32
    keras.config.set_floatx("float64")
    try:
        assert precision() == tf.float64
    finally:
        keras.config.set_floatx("float32")
