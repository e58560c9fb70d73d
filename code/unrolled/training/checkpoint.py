"""Checkpoints: trees of arrays in files that are written whole and checked on loading."""

import contextlib
import functools
import io
import json
import math
import os
import textwrap
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unrolled import tree
from unrolled.files import locked, write_whole

_FACTS = "facts"
# {file: what is said in it of the training in this process that has claimed it}
_claims: dict = {}


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
    if run := _claims.get(os.path.realpath(path)):
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
def claimed(path, optimizer, learning_rate, settings, counters=None):
    """Keeps a file to the training in this block, and notes what the training is like.

    If the file exists, its facts are checked, so that ``resume`` can use them.

    Args:
        path: of its checkpoints; None for a training that writes none.
        optimizer: a function; its name and the arguments fixed by ``functools.partial`` count.
        learning_rate: of the first epoch.
        settings: as in ``resume``.
        counters: the class of the NamedTuple that the file holds under "at"; None if it need not
            hold one.

    Raises:
        ValueError: another training has claimed the file; it is damaged, or no training saved it;
            or it was made with another optimizer or learning rate.
        TypeError: settings that JSON cannot hold.
    """
    if path is None:
        yield
        return
    as_json(settings)
    run = {"optimizer": _described(optimizer), "learning_rate": float(learning_rate)}
    file = os.path.realpath(path)
    with contextlib.ExitStack() as stack:
        try:
            if file in _claims:  # where there are no locks
                raise BlockingIOError
            stack.enter_context(locked(path))
        except BlockingIOError:
            raise ValueError(
                f"another training writes to {path}: let it end, close its generator, or"
                " choose another file"
            ) from None
        if Path(path).is_file():
            facts = load_facts(path)
            _check_run(path, facts.get("run", run), run)
            if counters is not None:
                _check_counters(path, facts.get("at"), counters)
        _claims[file] = run
        stack.callback(_claims.pop, file)
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


def _check_run(path, before, run):
    """Raises ValueError unless a file says of its training what is said of this one."""
    if not isinstance(before, dict):
        raise ValueError(f"{path} is damaged: run is {before!r}")
    for name, now in run.items():
        if before.get(name) != now:
            raise ValueError(
                f"{path} was made with {name} {before.get(name)}, now {now};"
                " delete it or choose another file"
            )


def _check_counters(path, at, counters):
    """Raises ValueError unless a file says how far its training had come."""
    if not isinstance(at, dict) or set(at) != set(counters._fields):
        raise ValueError(f"{path} was not saved by a training; choose another file")
    for name, value in at.items():
        if not isinstance(value, int | float) or value != value:
            raise ValueError(f"{path} is damaged: {name} is {value!r}")


def _read(path):
    """Returns the arrays of a file by their names, and its facts."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"no such checkpoint: {path}")
    content = Path(path).read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
                raise ValueError("it is compressed, so it could claim any size")
            stored = {
                part.filename.removesuffix(".npy"): _array(archive.read(part))
                for part in parts
            }
        facts = json.loads(str(stored.pop(_FACTS)))
        if not isinstance(facts, dict):
            raise ValueError(f"{_FACTS} are no dictionary")
        if len(stored) != len(parts) - 1:
            raise ValueError("two arrays have one name")
    except MemoryError:
        raise
    except Exception as error:  # damaged bytes lead to errors of every kind
        what = textwrap.shorten(f"{type(error).__name__}: {error}", 100)
        raise ValueError(
            f"{path} is damaged or not a checkpoint ({what}); delete it and start again"
        ) from None
    return stored, facts


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
