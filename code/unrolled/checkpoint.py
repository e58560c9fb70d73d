"""Saves trees of arrays so that nothing is lost: whole files, no pickle, checked on loading."""

import json
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from unrolled import tree

_FACTS = "facts"


def save(path, arrays, facts=None):
    """Writes a tree of arrays and a dictionary of facts to one ``.npz`` file.

    The file is written beside its final name and then renamed, so that a crash leaves the old file
    or the new one, never half of one.

    Args:
        path: where to; folders are made as needed.
        arrays: a tree of arrays.
        facts: what JSON can hold.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    named = dict(tree.named_leaves(arrays))
    named[_FACTS] = np.array(json.dumps(facts or {}))
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **named)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


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


def _read(path):
    if not Path(path).is_file():
        raise FileNotFoundError(f"no such checkpoint: {path}")
    try:
        with np.load(path, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
        if _FACTS in stored:
            return stored
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, KeyError, AttributeError):
        pass
    raise ValueError(f"{path} is damaged or not a checkpoint; delete it and start again") from None
