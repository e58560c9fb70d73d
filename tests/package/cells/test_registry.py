"""Every cell has what the table of cells promises; what it lacks, one test says."""

import numpy as np
import pytest

from tests.support import registered_cells
from unrolled.cells import registry


@pytest.mark.parametrize("name", registry.CELLS)
def test_a_cell_has_its_module_and_the_interface_of_all_cells(name):
    assert registered_cells.lacking(name) is None, registered_cells.lacking(name)


@pytest.mark.parametrize("name", registered_cells.cells())
def test_a_cell_has_as_many_states_as_the_table_says(name):
    cell = registered_cells.cells()[name]
    p = cell.init(np.random.default_rng(0), 2, 4)
    assert len(cell.initial_state(p, 1)) == registry.CELLS[name].states, (
        f"correct the states of {name} in code/unrolled/cells/registry.py"
    )


def test_what_a_cell_lacks_is_named(monkeypatch):
    said = registered_cells.lacking("elman")
    assert said.startswith("write code/unrolled/cells/elman.py")
    # a module of the room that is no cell
    assert registered_cells.lacking("recurrent_weights").startswith("write Params in")
    monkeypatch.setitem(registry.CELLS, "elman", registry.Cell(1, ("Keras",)))
    assert "elman" in registry.having("Keras")
    assert "elman" not in registered_cells.cells()


def test_cells_are_chosen_by_all_of_the_frameworks_that_are_named(monkeypatch):
    table = {
        "one": registry.Cell(1, ("Keras", "Triton")),
        "two": registry.Cell(1, ("Keras",)),
    }
    monkeypatch.setattr(registry, "CELLS", table)
    assert registry.having("Keras", "Triton") == ["one"]
    assert registry.having("Keras") == registry.having() == ["one", "two"]


def test_no_framework_is_misspelt():
    named = {each for cell in registry.CELLS.values() for each in cell.frameworks}
    assert named <= {"Keras", "Theano", "PyTorch", "JAX", "CuPy", "Triton"}
