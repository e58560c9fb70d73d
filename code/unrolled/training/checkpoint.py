"""Checkpoints: trees of arrays in files that are written whole and checked on loading."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unrolled import tree
from unrolled.files import write_whole

_FACTS = "facts"


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
        facts: what JSON can hold.
    """
    named = dict(tree.named_leaves(arrays))
    named[_FACTS] = np.array(json.dumps(facts or {}))
    archive = io.BytesIO()
    np.savez(archive, **named)
    write_whole(path, archive.getvalue())


def load_facts(path):
    """Returns the dictionary that ``save`` was given.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a checkpoint, or a damaged one.
    """
    return json.loads(str(_read(path)[_FACTS]))


def load(path, like):
    """Returns a tree with the arrays of a file.

    Args:
        path: a file that ``save`` wrote.
        like: a tree of the structure and shapes expected.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a damaged file, an array missing, or one of another shape.
    """
    stored = _read(path)
    found = []
    for name, expected in tree.named_leaves(like):
        if name not in stored:
            raise ValueError(f"{path} holds no {name}: it was saved from another model")
        if stored[name].shape != np.shape(expected):
            raise ValueError(
                f"{path}: {name} has shape {stored[name].shape}, expected {np.shape(expected)}"
            )
        found.append(stored[name])
    return tree.replace_leaves(like, found)


def resume(path, state, optimizer, settings):
    """Returns the State and the facts of a training to be continued.

    Args:
        path: a file that ``save`` wrote.
        state: as it is before the first step; its parameters are overwritten.
        optimizer: the function whose state the file holds.
        settings: must be those that the facts name.

    Raises:
        ValueError: a damaged file, or one of another model or other settings.
    """
    facts = load_facts(path)
    if facts.get("settings") != settings:
        raise ValueError(
            f"{path} was made with other settings: {facts.get('settings')}, now {settings};"
            " delete it or choose another file"
        )
    nothing = tree.map(np.zeros_like, state.params)
    _, optimizer_state = optimizer(
        tree.map(np.copy, state.params), nothing, None, learning_rate=0.0
    )
    stored = load(path, state._replace(optimizer=optimizer_state))
    tree.map(
        lambda weight, saved: np.copyto(weight, saved), state.params, stored.params
    )
    best = state.params if state.best is state.params else stored.best
    return State(state.params, best, stored.optimizer), facts


def _read(path):
    if not Path(path).is_file():
        raise FileNotFoundError(f"no such checkpoint: {path}")
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
        if _FACTS in stored:
            return stored
    except (
        zipfile.BadZipFile,
        EOFError,
        OSError,
        ValueError,
        KeyError,
        AttributeError,
    ):
        pass
    raise ValueError(
        f"{path} is damaged or not a checkpoint; delete it and start again"
    ) from None
