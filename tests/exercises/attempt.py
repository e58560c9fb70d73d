"""A wrong answer to an exercise, and what the reader must be told about it."""

import importlib
from typing import NamedTuple

from unrolled import exercises


class Attempt(NamedTuple):
    """A plausible wrong answer.

    Either `code` is the whole cell, or `old` is replaced by `new` in the solution, once.
    """

    says: str  # part of the message that only this mistake gets
    old: str = ""
    new: str = ""
    code: str = ""

    def text(self, solution):
        if self.code:
            return self.code
        assert solution.count(self.old) == 1, (
            f"{self.old!r} stands not once in the solution"
        )
        return solution.replace(self.old, self.new)


def wrong_attempts(name):
    """Returns the wrong answers to an exercise that stand in this folder."""
    part = importlib.import_module(f"tests.exercises.{exercises.part_of(name)}")
    return part.WRONG[name]


def all_wrong_attempts():
    """Returns [(exercise, attempt)] of all exercises."""
    return [(name, a) for name in exercises.names() for a in wrong_attempts(name)]
