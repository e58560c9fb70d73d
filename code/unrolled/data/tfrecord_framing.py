"""The TFRecord format: frames, checksums, and the recovery of records from a damaged file.

A file is a chain of frames, each of them

    length (8 bytes) | checksum of those 8 | payload (length bytes) | checksum of the payload

with little-endian integers, and checksums of 4 bytes. Only the length of a frame tells where the
next frame begins. If a length is damaged, ``salvage`` searches for the next frame. TensorFlow is
not needed to read the files that it writes.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

HEADER, FOOTER = 12, 4  # bytes before and after a payload


class Salvaged(NamedTuple):
    """What is left of a damaged file."""

    payloads: list[bytes]  # of the intact frames, in their order
    lost: list[
        tuple[int, int]
    ]  # ranges of bytes, [first, end), that belong to no frame


def _crc_table():
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0x82F63B78), table >> 1)
    return table


CRC_TABLE = _crc_table()


def checksums(payloads):
    """Returns the masked CRC-32C of some byte strings, uint32 (len(payloads),).

    The checksum is a recurrence over the bytes of a string. It is computed like a
    recurrent network: one step of all strings at once. Short strings leave early.
    """
    lengths = np.array([len(p) for p in payloads], dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    flat = np.frombuffer(b"".join(payloads), np.uint8)
    order = np.argsort(-lengths, kind="stable")

    crc = np.full(len(payloads), 0xFFFFFFFF, np.uint32)  # the longest string first
    for t in range(int(lengths.max(initial=0))):
        going = np.searchsorted(-lengths[order], -t)  # strings that have a byte at t
        byte, c = flat[starts[order[:going]] + t], crc[:going]
        crc[:going] = CRC_TABLE[(c ^ byte) & 0xFF] ^ (c >> 8)
    result = np.empty_like(crc)
    result[order] = ~crc
    return masked(result)


def masked(crc):
    """Returns checksums in the masked form in which a file stores them.

    The format's authors mask them because the checksum of data that holds its own checksum is
    always the same number.
    """
    return ((crc >> 15) | (crc << 17)) + np.uint32(0xA282EAD8)


def frames_at(data, places):
    """Tells at which positions of a file a frame may begin: where a length fits its checksum.

    Args:
        data: the bytes of the file.
        places: int array (n,) of byte positions, each followed by a whole header.

    Returns:
        bool (n,). Random bytes pass once in 2³² times.
    """
    bytes_ = np.frombuffer(data, np.uint8)
    header = bytes_[np.asarray(places, dtype=np.int64)[:, None] + np.arange(HEADER)]
    crc = np.full(len(header), 0xFFFFFFFF, np.uint32)
    for t in range(8):
        crc = CRC_TABLE[(crc ^ header[:, t]) & 0xFF] ^ (crc >> 8)
    return masked(~crc) == np.ascontiguousarray(header[:, 8:]).view("<u4")[:, 0]


def salvage(path):
    """Returns every intact record of an uncompressed TFRecord file.

    If a payload is damaged, its length still leads to the next frame. If a length is
    damaged, or bytes are missing, the next frame is searched for at every byte.

    Args:
        path: a TFRecord file; a compressed file must be unpacked first.

    Returns:
        Salvaged.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is not empty, but has no frame.
    """
    data = Path(path).read_bytes()
    spans, place = [], 0
    while (place := next_frame(data, place)) is not None:
        length = int.from_bytes(data[place : place + 8], "little")
        end = place + HEADER + length + FOOTER
        if end > len(data):  # cut off, or a wrong length passed by chance
            place += 1
            continue
        spans.append((place, end))
        place = end
    if data and not spans:
        raise ValueError(
            f"{path} holds no TFRecord; is it compressed, or another format?"
        )

    payloads = [data[a + HEADER : b - FOOTER] for a, b in spans]
    stored = [int.from_bytes(data[b - FOOTER : b], "little") for _, b in spans]
    sound = checksums(payloads) == np.array(stored, np.uint32)
    kept = [span for span, good in zip(spans, sound, strict=True) if good]
    edges = [0, *(edge for span in kept for edge in span), len(data)]
    lost: list[tuple[int, int]] = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if first < last:
            lost.append((first, last))
    return Salvaged([p for p, good in zip(payloads, sound, strict=True) if good], lost)


def next_frame(data, place, stride=1 << 16):
    """Returns the first position from ``place`` on where a frame may begin, or None."""
    if place + HEADER > len(data):
        return None
    if frames_at(data, [place])[0]:
        return place
    for first in range(place + 1, len(data) - HEADER + 1, stride):
        places = np.arange(first, min(first + stride, len(data) - HEADER + 1))
        found = frames_at(data, places)
        if found.any():
            return int(places[found.argmax()])
    return None
