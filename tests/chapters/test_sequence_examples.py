"""The chapter "Sequences in files": its byte counts, its record, and its cells on another text."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.page_cells import defined_with
from unrolled import records
from unrolled.data import text
from unrolled.frameworks import sequence_examples as wt
from unrolled.frameworks.quiet_tensorflow import tf

IDS = st.lists(st.integers(0, 2**40), max_size=300)


def v(y):
    return max(1, -(-int(y).bit_length() // 7))


def field(m):
    return 1 + v(m) + m


@pytest.mark.equation("eq-varint")
@given(st.integers(0, 2**63 - 1))
def test_bytes_of_an_integer(y):
    values = tf.train.Int64List(value=[y]).ByteSize()
    assert values == field(v(y))  # a packed list of one


@pytest.mark.equation("eq-field-bytes")
@given(st.binary(max_size=40_000))
def test_bytes_of_a_field(content):
    assert tf.train.BytesList(value=[content]).ByteSize() == field(len(content))


@pytest.mark.equation("eq-step-bytes")
@given(st.integers(0, 2**63 - 1))
def test_bytes_of_a_step(y):
    step = tf.train.FeatureList(feature=[wt.int64([y])]).ByteSize()
    assert step == field(field(field(v(y)))) == 6 + v(y)


@pytest.mark.equation("eq-sequence-record")
@given(ids=IDS, name=st.text("abcd", max_size=200), context=st.binary(max_size=300))
def test_bytes_of_a_sequence_example(tmp_path_factory, ids, name, context):
    path = tmp_path_factory.mktemp("bytes") / "one"
    steps = tf.train.FeatureList(feature=[wt.int64([i]) for i in ids])
    inner = tf.train.Features(
        feature={"c": tf.train.Feature(bytes_list=tf.train.BytesList(value=[context]))}
    )
    lists = tf.train.FeatureLists(feature_list={name: steps})
    wt.write(path, [tf.train.SequenceExample(context=inner, feature_lists=lists)])
    entry = field(len(name)) + field(sum(6 + v(y) for y in ids))
    predicted = 16 + field(inner.ByteSize()) + field(field(entry))
    assert path.stat().st_size == predicted


@pytest.mark.equation("eq-plain-record")
@given(ids=IDS.filter(len))
def test_bytes_of_a_plain_example(tmp_path_factory, ids):
    path = tmp_path_factory.mktemp("bytes") / "one"
    wt.write(path, [wt.example(ids)])
    packed = field(field(field(sum(map(v, ids)))))
    assert path.stat().st_size == 16 + field(field(field(3) + packed))


def test_a_padding_of_minus_one_costs_ten_bytes():
    assert tf.train.Int64List(value=[-1]).ByteSize() == field(10)


@pytest.fixture(scope="module")
def files():
    return records.load("tfrecords")["results"]["files"]


def test_the_tenfold_of_the_post_lies_where_the_chapter_says(files):
    size = {name: way["bytes"] for name, way in files["ways"].items()}
    of = {name: size["sequence_tfrecord"] / n for name, n in size.items()}
    assert 1.0 < of["int64_npz"] < 1.2
    assert 1.7 < of["words_txt"] < 2.2
    assert 3.8 < of["uint16_npz"] < 4.3
    assert 8.5 < of["uint16_compressed_npz"] < 9.5
    assert 2.6 < of["example_tfrecord"] < 3.3  # "a third of the size"
    assert 4 < of["sequence_tfrecord_gz"] < 5


def test_the_recorded_order_of_speeds(files):
    times = files["times"]
    assert times["one_by_one"] > 5
    assert times["npz"] < times["json"] < times["example"] < 1


@pytest.mark.slow
def test_the_cells_run_on_a_csv_of_ones_own(tmp_path):
    path = tmp_path / "comments.csv"
    documents = text.corpus()[:40]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(
            [["id", "body"], *([d.name, " ".join(d.sentences)] for d in documents)]
        )
    found = defined_with(
        "06-tensorflow/sequence-examples.md", f"text.read({str(path)!r})"
    )
    assert found["documents"][0].name.startswith("comments.csv")
    assert len(found["back"]) == len(found["sentences"]) > 50
    assert np.isclose(found["relative"][-1], 1, atol=0.02) and found["relative"][0] > 2
