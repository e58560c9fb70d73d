"""What it costs to grade notebooks of ten answers: five of them, and from that a class of 100."""

import resource

import nbformat
import pytest

from unrolled import exercises
from unrolled.exercises import grading, isolation

NOTEBOOKS = 5
# Ten that train nothing: what is measured is the start of Python, the imports and the checks.
NAMES = exercises.PARTS["language_model"][:6] + exercises.PARTS["bptt"][:4]
# Seconds of a processor for each answer: 1000 answers on two cores in less than ten minutes.
MOST = 0.9


def handed_in(folder):
    """Writes the notebooks of a small class; returns their paths."""
    cells = []
    for name in NAMES:
        cells.append(nbformat.v4.new_code_cell(exercises.load(name).SOLUTION))
        cells.append(nbformat.v4.new_code_cell(f'check("{name}", globals())'))
    for student in range(NOTEBOOKS):
        notebook = nbformat.v4.new_notebook(cells=cells)
        nbformat.write(notebook, folder / f"student-{student}.ipynb")
    return grading.found_in(folder)


def processor_seconds():
    """Of all processes that this one has started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.slow
def test_an_answer_costs_less_than_a_second_of_a_processor(tmp_path):
    paths = handed_in(tmp_path)
    before = processor_seconds()
    # Without a sandbox, whose processes are not counted here: these answers are our own.
    rows = list(grading.grade(paths, tmp_path, isolation.Limits(), None))
    each = (processor_seconds() - before) / len(rows)
    print(f"{each:.2f} s of a processor for each of {len(rows)} answers")
    assert len(rows) == NOTEBOOKS * len(NAMES)
    assert all(row.solved == "yes" for row in rows), rows
    assert 0.05 < each < MOST
