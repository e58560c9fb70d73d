"""Whole files or none, and errors that say which file and why."""

import os
from typing import NamedTuple

import numpy as np
import pytest

from unrolled.training import checkpoint


class P(NamedTuple):
    a: np.ndarray
    rest: tuple


def params(fill=1.0):
    return P(np.full((2, 3), fill), (np.array(7), np.array([1.5], np.float32)))


def test_what_was_saved_is_loaded_with_its_types(tmp_path):
    path = tmp_path / "deep" / "model.npz"
    checkpoint.save(path, params(0.1), {"words": ["é", "b"], "x": 0.1})
    loaded = checkpoint.load(path, params())
    assert isinstance(loaded, P) and (loaded.a == 0.1).all() and loaded.rest[0] == 7
    assert [leaf.dtype for leaf in (loaded.a, *loaded.rest)] == [float, int, np.float32]
    assert checkpoint.load_facts(path) == {"words": ["é", "b"], "x": 0.1}


def test_without_facts_an_empty_dictionary_is_loaded(tmp_path):
    checkpoint.save(tmp_path / "model.npz", params())
    assert checkpoint.load_facts(tmp_path / "model.npz") == {}


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    checkpoint.save(path, params(1.0))

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        checkpoint.save(path, params(2.0))
    assert (checkpoint.load(path, params()).a == 1.0).all()
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, -1])
def test_a_file_cut_short_is_named(tmp_path, keep):
    path = tmp_path / "model.npz"
    checkpoint.save(path, params())
    content = path.read_bytes()
    path.write_bytes(
        content[: int(len(content) * keep) if isinstance(keep, float) else keep]
    )
    with pytest.raises(ValueError, match=r"model\.npz is damaged or not a checkpoint"):
        checkpoint.load(path, params())


def test_a_flipped_bit_is_seen(tmp_path):
    path = tmp_path / "model.npz"
    checkpoint.save(path, params(0.1))
    content = bytearray(path.read_bytes())
    content[content.index(np.float64(0.1).tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        checkpoint.load(path, params())


def test_another_archive_is_not_a_checkpoint(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match="not a checkpoint"):
        checkpoint.load_facts(tmp_path / "other.npz")


def test_a_pickle_is_never_opened(tmp_path):
    np.savez(tmp_path / "bad.npz", facts=np.array({"a": print}, dtype=object))
    with pytest.raises(ValueError, match="not a checkpoint"):
        checkpoint.load_facts(tmp_path / "bad.npz")


def test_missing_files_arrays_and_other_shapes_are_named(tmp_path):
    path = tmp_path / "model.npz"
    with pytest.raises(FileNotFoundError, match=r"no such checkpoint: .*model\.npz"):
        checkpoint.load(path, params())
    checkpoint.save(path, params())
    with pytest.raises(ValueError, match=r"a has shape \(2, 3\), expected \(3, 2\)"):
        checkpoint.load(path, P(np.zeros((3, 2)), params().rest))
    with pytest.raises(ValueError, match=r"holds no rest\.2"):
        checkpoint.load(path, P(params().a, (*params().rest, np.zeros(1))))
