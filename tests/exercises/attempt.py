"""A wrong answer to an exercise, and what the reader must be told about it."""

from typing import NamedTuple


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
