"""Which tests executed which functions of the package, as `make evidence` measured it.

results/evidence.json names, for each function, class and method (`unrolled.cells.rnn.step`), the
tests that executed a line of its body, and has a hash of the normal form of each, so that one that
has changed since is known. measure_evidence.py writes it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from book._ext.evidence import normal_form, value_assertions
from book._ext.source import changes

RECORD, MUTATION = "results/evidence.json", "results/mutation.json"


class Test(NamedTuple):
    """A test function: the file's path from the repository's root, and its name."""

    path: str
    name: str

    def __str__(self) -> str:
        """Return the identifier pytest prints."""
        return f"{Path(self.path).name}::{self.name}"

    @property
    def function(self) -> str:
        """Its name without that of a class around it."""
        return self.name.rpartition("::")[2]

    @classmethod
    def of(cls, identifier: str) -> Test:
        """Return the test of tests/test_a.py::test_b."""
        path, _, name = identifier.partition("::")
        return cls(path, name)


class Mark(NamedTuple):
    """What a page says of a listing: its tests, whether they are of this code, its mutants."""

    tests: list[Test]
    is_changed: bool
    mutants: dict[str, int] | None


class Evidence:
    """The record, and how what it is about has changed."""

    def __init__(
        self, root: Path, record: dict[str, Any], mutants: dict[str, Any]
    ) -> None:
        self.root, self.record, self.mutants = root, record, mutants
        self.tests = [Test.of(identifier) for identifier, *_ in record["tests"]]
        self._hashes = {
            test: hash
            for test, (_, hash, _) in zip(self.tests, record["tests"], strict=True)
        }

    @cached_property
    def _functions(self) -> dict[str, list[Test]]:
        """The tests of each function; those that execute the fewest functions come first."""
        numbers = {
            name: unpacked(of) for name, (_, of) in self.record["functions"].items()
        }
        executed = Counter(number for of in numbers.values() for number in of)
        return {
            name: [
                self.tests[n]
                for n in sorted(of, key=lambda n: (executed[n], self.tests[n]))
            ]
            for name, of in numbers.items()
        }

    @cached_property
    def executing(self) -> set[Test]:
        """The tests that executed any code of the package."""
        return {test for of in self._functions.values() for test in of}

    @cached_property
    def equations(self) -> dict[str, list[Test]]:
        """The tests that are marked with each equation's label, whatever they do."""
        found: dict[str, list[Test]] = {}
        for test, (_, _, labels) in zip(self.tests, self.record["tests"], strict=True):
            for label in labels:
                found.setdefault(label, []).append(test)
        return {label: sorted(of) for label, of in found.items()}

    def of_function(self, name: str) -> list[Test]:
        """Return the tests that executed a function or class, the most specific first."""
        return self._functions.get(name, [])

    def parts(self, name: str) -> list[str]:
        """Return a function or class itself; of a module, also its functions and classes."""
        if name not in self._functions or not self.is_outside(name):
            return [name]
        return [n for n in self._functions if n == name or n.startswith(f"{name}.")]

    def of_listing(self, name: str) -> list[Test]:
        """Return the tests of a function, a class or a whole module, the most specific first."""
        found = [test for part in self.parts(name) for test in self.of_function(part)]
        return list(dict.fromkeys(found))

    def of_equation(self, label: str) -> list[Test]:
        """Return the tests of an equation that count: they were run and assert values."""
        return [test for test in self.equations.get(label, []) if self.asserts(test)]

    def why_none(self, label: str) -> str:
        """Return, for an equation that no test checks, the end of the sentence that says so."""
        reasons = [
            f"{test} asserts nothing of a value"
            for test in self.equations.get(label, [])
        ]
        return (
            f" that counts: {'; '.join(reasons)}"
            if reasons
            else "; `make evidence` measures it"
        )

    def asserts(self, test: Test) -> bool:
        """Tell whether a test asserts something of a value."""
        name = f"{test.path}::{test.name}"
        if name not in self._asserting:
            self._asserting[name] = value_assertions.asserts_values(self.root, *test)
        return self._asserting[name]

    @cached_property
    def _asserting(self) -> dict[str, bool]:
        """Whether each test of an equation asserts something of a value."""

        def compute() -> dict[str, bool]:
            tests = {test for of in self.equations.values() for test in of}
            return {
                f"{test.path}::{test.name}": value_assertions.asserts_values(
                    self.root, *test
                )
                for test in sorted(tests)
            }

        made_from = changes.files(self.root / "tests")
        made_from |= changes.files(self.root / "code")
        made_from |= changes.files(self.root / "results")
        return changes.remembered(self.root, "asserting-tests", made_from, compute)

    def mark(self, name: str) -> Mark:
        """Return what a page says of a listing."""
        tests = self.of_listing(name)
        measured: list[str | Test] = [*self.parts(name), *tests] if tests else []
        is_changed = any(self.has_changed(what) for what in measured)
        return Mark(tests, is_changed, self.mutants.get(name))

    def has_changed(self, what: str | Test) -> bool:
        """Tell whether a function or a test is gone, or has changed since it was measured."""
        if isinstance(what, Test):
            then, path, name = (
                self._hashes[what],
                what.path,
                what.name.replace("::", "."),
            )
        else:
            then, (path, name) = self.record["functions"][what][0], self._place(what)
        file = self.root / path
        if not file.is_file():
            return True
        content, definitions = _read(file, file.stat().st_mtime_ns)
        return content != self.record["files"][path] and definitions().get(name) != then

    def changed(self, functions: Iterable[str], labels: Iterable[str]) -> list[str]:
        """Return which of these functions, their tests and the tests of labels have changed."""
        parts = {part for name in functions for part in self.parts(name)}
        known = sorted(name for name in parts if name in self._functions)
        tests = {test for name in known for test in self.of_function(name)}
        tests |= {test for label in labels for test in self.equations.get(label, [])}
        found = [name for name in known if self.has_changed(name)]
        return found + [
            f"{t.path}::{t.name}" for t in sorted(tests) if self.has_changed(t)
        ]

    def is_outside(self, name: str) -> bool:
        """Tell whether a name is a module's: it stands for the code outside of its definitions."""
        return self._place(name)[1] == ""

    def _place(self, name: str) -> tuple[str, str]:
        """Return the file of unrolled.cells.rnn.Params.zeros, and the name within it."""
        parts = name.split(".")
        for k in range(len(parts), 0, -1):
            for end in (".py", "/__init__.py"):
                path = f"code/{'/'.join(parts[:k])}{end}"
                if path in self.record["files"]:
                    return path, ".".join(parts[k:])
        return "", name


@lru_cache(maxsize=4000)
def _read(file: Path, stamp: int) -> tuple[str, Callable[[], dict[str, str]]]:
    """Return the hash of a file, and what returns those of its definitions."""
    content = file.read_bytes()
    return normal_form.digest(content), lambda: normal_form.definitions(
        content.decode()
    )


EMPTY: dict[str, Any] = {"tests": [], "functions": {}, "files": {}}


def read(root: Path) -> Evidence:
    """Return the evidence of a book; nothing is executed where nothing was measured."""
    paths = [root / RECORD, root / MUTATION]
    return _evidence(
        root, tuple(p.stat().st_mtime_ns if p.is_file() else 0 for p in paths)
    )


@lru_cache(maxsize=8)
def _evidence(root: Path, stamps: tuple[int, int]) -> Evidence:
    record = json.loads((root / RECORD).read_text("utf-8")) if stamps[0] else EMPTY
    mutation = json.loads((root / MUTATION).read_text("utf-8")) if stamps[1] else {}
    return Evidence(root, record, mutation.get("results", {}).get("functions", {}))


def packed(numbers: Iterable[int]) -> str:
    """Return whole numbers as text: "0-3 7" for 0, 1, 2, 3 and 7."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return " ".join(f"{a}-{b}" if a < b else str(a) for a, b in runs)


def unpacked(text: str) -> list[int]:
    """Return the numbers of such a text."""
    ends = (list(map(int, run.split("-"))) for run in text.split())
    return [number for run in ends for number in range(run[0], run[-1] + 1)]
