"""TFRecord frames: checksums against TensorFlow's own, and what is saved of damaged files."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data import tfrecord_framing
from unrolled.frameworks.quiet_tensorflow import tf

PAYLOADS = [
    b"first",
    b"",
    b"the third record \x00\xff" * 9,
    b"4",
    b"fifth" * 70,
    b"the last one",
]


@pytest.fixture
def file(tmp_path):
    """A file that TensorFlow wrote, and where its frames begin."""
    path = tmp_path / "records.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for payload in PAYLOADS:
            writer.write(payload)
    places = np.cumsum([0, *(len(p) + 16 for p in PAYLOADS)])
    return path, places.tolist()


def change(path, place, data):
    whole = bytearray(path.read_bytes())
    whole[place : place + len(data)] = data
    path.write_bytes(whole)


def flip(path, place):
    change(path, place, bytes([path.read_bytes()[place] ^ 0x10]))


def test_checksums_of_published_values():
    # RFC 3720, B.4: CRC-32C of 32 zero bytes, of 32 ones, and of 0, 1, …, 31.
    known = {
        bytes(32): 0x8A9136AA,
        b"\xff" * 32: 0x62A8AB43,
        bytes(range(32)): 0x46DD794E,
    }
    masked = [
        (((c >> 15) | (c << 17)) + 0xA282EAD8) & 0xFFFFFFFF for c in known.values()
    ]
    assert tfrecord_framing.checksums(list(known)).tolist() == masked


def test_checksums_are_those_in_the_file(file):
    path, places = file
    data = path.read_bytes()
    stored = [struct.unpack("<I", data[end - 4 : end])[0] for end in places[1:]]
    assert tfrecord_framing.checksums(PAYLOADS).tolist() == stored
    assert tfrecord_framing.checksums([]).shape == (0,)


@given(st.lists(st.binary(max_size=20), min_size=2, max_size=8), st.randoms())
def test_a_checksum_depends_on_its_own_string_alone(payloads, random):
    alone = [tfrecord_framing.checksums([p])[0] for p in payloads]
    assert tfrecord_framing.checksums(payloads).tolist() == alone


def test_frames_begin_where_they_begin_and_nowhere_else(file):
    path, places = file
    data = path.read_bytes()
    everywhere = np.arange(len(data) - tfrecord_framing.HEADER + 1)
    assert (
        everywhere[tfrecord_framing.frames_at(data, everywhere)].tolist() == places[:-1]
    )


def test_a_sound_file_is_read_whole(file):
    path, _ = file
    assert tfrecord_framing.salvage(path) == (PAYLOADS, [])


# length, its checksum, payload, its checksum
@pytest.mark.parametrize("where", [3, 9, 12, 25])
def test_a_flipped_bit_costs_one_record(file, where):
    path, places = file
    flip(path, places[2] + where)
    payloads, lost = tfrecord_framing.salvage(path)
    assert payloads == PAYLOADS[:2] + PAYLOADS[3:]
    assert lost == [(places[2], places[3])]


def test_a_payload_checksum_that_is_wrong_costs_its_record(file):
    path, places = file
    flip(path, places[3] - 1)
    assert tfrecord_framing.salvage(path).lost == [(places[2], places[3])]


@pytest.mark.parametrize("cut", [1, 5, 13, 20])
def test_a_cut_off_end_costs_the_last_record(file, cut):
    path, places = file
    path.write_bytes(path.read_bytes()[:-cut])
    payloads, lost = tfrecord_framing.salvage(path)
    assert payloads == PAYLOADS[:-1]
    assert lost == [(places[-2], places[-1] - cut)]


def test_missing_and_foreign_bytes_in_the_middle(file):
    path, places = file
    data = path.read_bytes()
    # ends in a header, goes on in a payload
    hole = data[: places[1] + 7] + data[places[2] + 30 :]
    path.write_bytes(hole)
    assert tfrecord_framing.salvage(path).payloads == [PAYLOADS[0], *PAYLOADS[3:]]
    path.write_bytes(data[: places[2]] + b"x" * 70_001 + data[places[2] :])
    payloads, lost = tfrecord_framing.salvage(path)
    assert payloads == PAYLOADS and lost == [(places[2], places[2] + 70_001)]


def test_a_length_that_passes_but_leads_out_of_the_file_is_walked_past(file):
    path, places = file
    lie = struct.pack("<Q", 10**9)
    check = struct.pack("<I", tfrecord_framing.checksums([lie])[0])
    path.write_bytes(
        path.read_bytes()[: places[1]] + lie + check + path.read_bytes()[places[1] :]
    )
    payloads, lost = tfrecord_framing.salvage(path)
    assert payloads == PAYLOADS and lost == [(places[1], places[1] + 12)]


def test_files_that_hold_nothing(tmp_path):
    path = tmp_path / "some.tfrecord"
    path.write_bytes(b"")
    assert tfrecord_framing.salvage(path) == ([], [])
    path.write_text("This is a letter and no file of records.")
    with pytest.raises(ValueError, match="no TFRecord; is it compressed"):
        tfrecord_framing.salvage(path)
    with pytest.raises(FileNotFoundError):
        tfrecord_framing.salvage(tmp_path / "missing")
