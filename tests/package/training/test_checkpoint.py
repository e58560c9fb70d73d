"""Whole files or none, and errors that say which file and why."""

import io
import os
import zipfile
from typing import NamedTuple

import numpy as np
import pytest

from tests.support.damage import damaged
from unrolled import tree
from unrolled.training import checkpoint
from unrolled.training.optimizers import sgd


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


@pytest.mark.parametrize(
    "number", [500, pytest.param(5000, marks=pytest.mark.slow, id="5000")]
)
def test_a_file_damaged_at_random_gives_the_same_numbers_or_says_damaged(
    tmp_path, number, record_property
):
    path, rng, facts = tmp_path / "model.npz", np.random.default_rng(0), {"x": [0.1]}
    checkpoint.save(path, params(), facts)
    content, same = path.read_bytes(), 0
    for _ in range(number):
        path.unlink()  # to write in an old file takes some systems ten times as long
        path.write_bytes(damaged(content, rng))
        try:
            loaded = checkpoint.load(path, params())
        except ValueError as error:
            assert "is damaged" in str(error) and "\n" not in str(error)
            continue
        for leaf, expected in zip(
            tree.leaves(loaded), tree.leaves(params()), strict=True
        ):
            assert leaf.dtype == expected.dtype and (leaf == expected).all()
        assert checkpoint.load_facts(path) == facts
        same += 1
    found = {"what": "checkpoints", "same": same, "refused": number - same}
    record_property("damaged", found)
    assert number / 30 < same < number / 5  # of the bytes of a zip, few do not matter


def archive(**members):
    """An archive of members as they are given: bytes, or arrays."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for name, content in members.items():
            if not isinstance(content, bytes):
                array = io.BytesIO()
                np.save(array, content)
                content = array.getvalue()
            written.writestr(f"{name}.npy", content)
    return file.getvalue()


def claiming(shape, descr="<f8", data=bytes(8)):
    """An ``.npy`` file whose header claims a shape."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": descr, "fortran_order": False, "shape": shape}
    )
    return file.getvalue() + data


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


FACTS = np.array("{}")


def compressed():
    file = io.BytesIO()
    np.savez_compressed(file, a=np.zeros(10**6), facts=FACTS)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(archive(a=claiming((10**6, 10**6)), facts=FACTS), id="7 TiB"),
        pytest.param(archive(a=claiming((2**40, 2**40)), facts=FACTS), id="overflow"),
        pytest.param(archive(a=claiming((-1, -1)), facts=FACTS), id="negative"),
        pytest.param(archive(a=claiming((), "|O"), facts=FACTS), id="a pickle"),
        pytest.param(compressed(), id="compressed"),
        pytest.param(npy(np.zeros(3)), id=".npy"),
        pytest.param(npy(FACTS), id=".npy of facts"),
        pytest.param(archive(facts=b"{}"), id="facts that are no array"),
        pytest.param(archive(facts=np.array("{")), id="facts that are no JSON"),
        pytest.param(archive(facts=np.array("[1]")), id="facts in a list"),
        pytest.param(archive(facts=np.array(["{}", "{}"])), id="two facts"),
        pytest.param(archive(facts=np.array(7)), id="a number as facts"),
        pytest.param(archive(facts=np.array("[" * 10**5)), id="facts without end"),
    ],
)
def test_files_that_are_no_checkpoints_are_named_before_memory_is_taken(
    tmp_path, content
):
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    for read in (checkpoint.load_facts, lambda path: checkpoint.load(path, ())):
        with pytest.raises(
            ValueError, match=r"bad\.npz is damaged or not a checkpoint"
        ):
            read(path)


def test_a_pickle_in_a_checkpoint_is_never_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trap"),)

    trap = np.array([Trap()], dtype=object)
    np.savez(tmp_path / "bad.npz", a=trap, facts=FACTS)
    (tmp_path / "plain.npz").write_bytes(trap.dumps())
    for name in ("bad.npz", "plain.npz"):
        with pytest.raises(ValueError, match="not a checkpoint"):
            checkpoint.load(tmp_path / name, P(np.zeros(1), ()))
    assert not (tmp_path / "trap").exists()


def test_the_message_names_what_is_wrong_with_a_file(tmp_path):
    (tmp_path / "bad.npz").write_bytes(compressed())
    with pytest.raises(ValueError, match=r"not a checkpoint \(.*compressed"):
        checkpoint.load_facts(tmp_path / "bad.npz")


def test_a_lack_of_memory_is_not_called_damage(tmp_path, monkeypatch):
    checkpoint.save(tmp_path / "model.npz", params())

    def no_memory(_):
        raise MemoryError

    monkeypatch.setattr(np.lib.format, "read_magic", no_memory)
    with pytest.raises(MemoryError):
        checkpoint.load_facts(tmp_path / "model.npz")


@pytest.mark.parametrize("run", [None, [], "adam"])
def test_a_file_that_does_not_describe_its_training_is_damaged(tmp_path, run):
    path = tmp_path / "model.npz"
    checkpoint.save(path, params(), {"run": run})
    with (
        pytest.raises(ValueError, match=r"model\.npz is damaged: run is"),
        checkpoint.claimed(path, sgd, 0.1, {}),
    ):
        pytest.fail("it was claimed")


def test_names_of_arrays_lead_to_no_files(tmp_path):
    path = tmp_path / "deep" / "model.npz"
    path.parent.mkdir()
    path.write_bytes(
        archive(**{"../../a": np.zeros(1), "/a": np.zeros(1)}, facts=FACTS)
    )
    with pytest.raises(ValueError, match="holds no a"):
        checkpoint.load(path, P(np.zeros(1), ()))
    assert sorted(tmp_path.rglob("*")) == [path.parent, path]


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.ones((2, 3), complex), "a has dtype complex128, expected float64"),
        (np.ones((2, 3), int), "a has dtype int64, expected float64"),
        (np.array([["b"] * 3] * 2), "a has dtype <U1, expected float64"),
        (np.full((2, 3), np.nan), "is damaged: a holds numbers that are not finite"),
        (np.full((2, 3), np.inf), "is damaged: a holds numbers that are not finite"),
    ],
)
def test_arrays_of_other_numbers_are_named(tmp_path, array, says):
    checkpoint.save(tmp_path / "model.npz", params()._replace(a=array))
    with pytest.raises(ValueError, match=says):
        checkpoint.load(tmp_path / "model.npz", params())


def test_arrays_of_every_order_and_size_are_loaded_and_can_be_written_in(tmp_path):
    path = tmp_path / "model.npz"
    held = (
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12)[::2],
        np.zeros((0, 3)),
        np.array([True, False]),
        np.arange(3, dtype=">f4"),
    )
    checkpoint.save(path, held)
    loaded = checkpoint.load(path, held)
    for array, expected in zip(loaded, held, strict=True):
        np.testing.assert_array_equal(array, expected)
        assert array.dtype == expected.dtype and array.flags.writeable


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    checkpoint.save(path, params())

    def refuse(_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(type(path), "read_bytes", refuse)
    with pytest.raises(PermissionError, match=r"model\.npz"):
        checkpoint.load(path, params())
