"""The appendix "TFRecord files, byte by byte": its byte counts, and its cells on another text."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.page_cells import defined_with
from unrolled.data.tfrecord_framing import salvage
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


def test_the_records_before_a_wrong_bit_of_a_compressed_file_are_recovered(tmp_path):
    """What can be decompressed holds some of the records; `ignore_errors` gives none."""
    ids = np.random.default_rng(0).integers(3, 2000, (400, 15)).tolist()
    path = tmp_path / "packed.gz"
    wt.write(path, map(wt.sequence_example, ids), "GZIP")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    unpacker, unpacked = zlib.decompressobj(wbits=31), bytearray()
    with pytest.raises(zlib.error):
        for start in range(0, len(data), 64):
            unpacked += unpacker.decompress(bytes(data[start : start + 64]))
    (tmp_path / "unpacked").write_bytes(unpacked)
    assert 100 < len(salvage(tmp_path / "unpacked").payloads) < 400
    packed = tf.data.TFRecordDataset(str(path), "GZIP").ignore_errors()
    assert sum(1 for _ in packed) == 0


def test_a_plain_example_without_an_id_is_two_bytes_smaller_than_the_formula():
    """An empty list is not stored, so the formula needs at least one id."""
    value = wt.example([]).features.feature["ids"]
    assert value.ByteSize() == field(0) == field(field(0)) - 2


@pytest.mark.slow
def test_the_cells_run_on_a_text_of_ones_own(tmp_path):
    path = tmp_path / "lines.txt"
    words = "alpha beta gamma delta rho phi tau sigma pi mu nu xi".split()
    path.write_text("\n\n".join(f"{w} {v} {w}." for w in words for v in words))
    found = defined_with("reference/tfrecord-files.md", f"text.read({str(path)!r})")
    assert len(found["sentences"]) == 144 and found["saved"] == 49
    assert np.isclose(found["relative"][-1], 1, atol=0.02) and found["relative"][0] > 2
