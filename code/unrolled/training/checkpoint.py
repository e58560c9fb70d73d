"""Checkpoints: trees of arrays in files that are written whole and checked on loading."""

import contextlib
import functools
import io
import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unrolled import tree
from unrolled.files import locked, write_whole

_FACTS = "facts"
_runs: dict = {}  # {file: what the training is like that has claimed it}


class State(NamedTuple):
    """The arrays of a training. A file names its arrays after these fields."""

    params: Any
    best: Any  # the parameters with the lowest validation loss so far
    optimizer: Any  # the optimizer's state


def save(path, arrays, facts=None):
    """Writes a tree of arrays and a dictionary of facts to one ``.npz`` file.

    The file is written beside its final name and then renamed, so that a crash leaves the old file
    or the new one, never half of one.

    Args:
        path: where to; folders are made as needed.
        arrays: a tree of arrays.
        facts: what JSON can hold; numbers may be NumPy's.

    Raises:
        TypeError: a fact that JSON cannot hold.
    """
    facts = dict(facts or {})
    if run := _runs.get(os.path.realpath(path)):
        facts["run"] = run
    named = dict(tree.named_leaves(arrays))
    named[_FACTS] = np.array(json.dumps(facts, default=_plain))
    archive = io.BytesIO()
    np.savez(archive, **named)
    write_whole(path, archive.getvalue())


def load_facts(path):
    """Returns the dictionary that ``save`` was given.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a checkpoint, or a damaged one.
    """
    return _read(path)[1]


def load(path, like):
    """Returns a tree with the arrays of a file.

    Args:
        path: a file that ``save`` wrote.
        like: a tree of the structure and shapes expected.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a damaged file; or an array that is missing, of another shape or kind of
            number, or not finite.
    """
    return _matched(path, _read(path)[0], like)


@contextlib.contextmanager
def claimed(path, optimizer, learning_rate, settings):
    """Keeps a file to the training in this block, and notes what the training is like.

    Args:
        path: of its checkpoints; None for a training that writes none.
        optimizer: a function; its name and the arguments fixed by ``functools.partial`` count.
        learning_rate: of the first epoch.
        settings: as in ``resume``.

    Raises:
        ValueError: another training has claimed the file; it is damaged; or it was made with
            another optimizer or learning rate.
        TypeError: settings that JSON cannot hold.
    """
    if path is None:
        yield
        return
    as_json(settings)
    run = {"optimizer": _described(optimizer), "learning_rate": float(learning_rate)}
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(path))
        except BlockingIOError:
            raise ValueError(
                f"another training writes to {path}: let it end, close its generator, or"
                " choose another file"
            ) from None
        before = load_facts(path).get("run", run) if Path(path).is_file() else run
        for name, now in run.items():
            if before.get(name) != now:
                raise ValueError(
                    f"{path} was made with {name} {before.get(name)}, now {now};"
                    " delete it or choose another file"
                )
        _runs[os.path.realpath(path)] = run
        stack.callback(_runs.pop, os.path.realpath(path))
        yield


def as_json(settings):
    """Returns settings as JSON would give them back: with lists for tuples, and text for keys.

    Raises:
        TypeError: one that JSON cannot hold; the message names it.
    """
    for name, value in settings.items():
        try:
            json.dumps({name: value}, default=_plain)
        except (TypeError, ValueError) as error:
            raise TypeError(f"settings[{name!r}] cannot be saved: {error}") from None
    return json.loads(json.dumps(settings, default=_plain))


def resume(path, state, optimizer, settings):
    """Returns the State and the facts of a training to be continued.

    Args:
        path: a file that ``save`` wrote.
        state: as it is before the first step; its parameters are overwritten.
        optimizer: the function whose state the file holds.
        settings: must be those that the facts name, as JSON gives them back.

    Raises:
        ValueError: a damaged file, or one of another model, optimizer or type of numbers, or of
            other settings.
    """
    arrays, facts = _read(path)
    now = as_json(settings)
    if facts.get("settings") != now and _text(facts.get("settings")) != _text(now):
        raise ValueError(
            f"{path} was made with other settings: {facts.get('settings')}, now {settings};"
            " delete it or choose another file"
        )
    nothing = tree.map(np.zeros_like, state.params)
    _, optimizer_state = optimizer(
        tree.map(np.copy, state.params), nothing, None, learning_rate=0.0
    )
    state = state._replace(optimizer=optimizer_state)
    stored = _matched(path, arrays, state, same_dtype=True)
    if extra := arrays.keys() - dict(tree.named_leaves(state)).keys():
        raise ValueError(
            f"{path} also holds {min(extra)}: it was saved with another optimizer or model"
        )
    tree.map(
        lambda weight, saved: np.copyto(weight, saved), state.params, stored.params
    )
    best = state.params if state.best is state.params else stored.best
    return State(state.params, best, stored.optimizer), facts


def _read(path):
    """Returns the arrays of a file by their names, and its facts."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"no such checkpoint: {path}")
    content = Path(path).read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
                raise ValueError("compressed: it could claim any size")
            stored = {
                part.filename.removesuffix(".npy"): _array(archive.read(part))
                for part in parts
            }
        facts = json.loads(str(stored.pop(_FACTS)))
        if isinstance(facts, dict) and len(stored) == len(parts) - 1:
            return stored, facts
    except (
        Exception
    ):  # damaged bytes lead to errors of every kind, even of zipfile's own code
        pass
    raise ValueError(
        f"{path} is damaged or not a checkpoint; delete it and start again"
    ) from None


def _array(content):
    """Returns the array of an ``.npy`` file whose header agrees with its size."""
    header = io.BytesIO(content)
    version = np.lib.format.read_magic(header)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, fortran_order, dtype = read(header)
    size = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or size != len(content) - header.tell():
        raise ValueError(f"{shape} of {dtype} in {len(content)} bytes")
    found = np.ndarray(
        shape, dtype, content, header.tell(), order="F" if fortran_order else "C"
    )
    return found.copy(order="K")


def _matched(path, stored, like, same_dtype=False):
    """Returns the tree ``like`` with the arrays that are stored under its names."""
    found = []
    for name, expected in tree.named_leaves(like):
        if name not in stored:
            raise ValueError(f"{path} holds no {name}: it was saved from another model")
        array, expected = stored[name], np.asarray(expected)
        if array.shape != expected.shape:
            raise ValueError(
                f"{path}: {name} has shape {array.shape}, expected {expected.shape}"
            )
        if array.dtype.kind != expected.dtype.kind or (
            same_dtype and array.dtype != expected.dtype
        ):
            raise ValueError(
                f"{path}: {name} has dtype {array.dtype}, expected {expected.dtype}"
            )
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            raise ValueError(
                f"{path} is damaged: {name} holds numbers that are not finite"
            )
        found.append(array)
    return tree.replace_leaves(like, found)


def _text(settings):
    """Returns settings as text, in which a number that is not a number equals itself."""
    return json.dumps(settings, sort_keys=True)


def _described(optimizer):
    """Returns the name of a function, and the arguments that ``functools.partial`` fixes."""
    if isinstance(optimizer, functools.partial):
        fixed = json.dumps([optimizer.args, optimizer.keywords], default=_plain_or_name)
        return f"{_described(optimizer.func)} with {fixed}"
    return getattr(optimizer, "__qualname__", type(optimizer).__qualname__)


def _plain(value):
    """Returns a number of NumPy as one of Python; for ``json.dumps``."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"JSON cannot hold {type(value).__name__}")


def _plain_or_name(value):
    return value.item() if isinstance(value, np.generic) else type(value).__qualname__
