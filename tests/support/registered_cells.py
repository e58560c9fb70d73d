"""The modules of the registered cells, for the tests that walk over them.

A cell that lacks a part of the interface is left out here, so that one test alone is red:
tests/package/cells/test_registry.py, which says what to write.
"""

import importlib
import importlib.util

from unrolled.cells import registry

INTERFACE = ("Params", "init", "initial_state", "step", "forward", "backward")


def lacking(name):
    """Returns what to write for a cell to have the interface of all cells; None if it has it."""
    file = f"code/unrolled/cells/{name}.py"
    if importlib.util.find_spec(f"unrolled.cells.{name}") is None:
        return f"write {file}: the registry names this cell"
    module = importlib.import_module(f"unrolled.cells.{name}")
    missing = [part for part in INTERFACE if not hasattr(module, part)]
    return f"write {missing[0]} in {file}" if missing else None


def cells(*frameworks):
    """Returns {name: module} of the cells that some frameworks compute; of all without one."""
    return {
        name: importlib.import_module(f"unrolled.cells.{name}")
        for name in registry.having(*frameworks)
        if not lacking(name)
    }
