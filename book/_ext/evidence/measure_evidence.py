"""`make evidence`: which tests execute which functions of the package, into results/evidence.json.

The unit tests run under coverage, which notes each line with the test that executed it. If there is
a record, only the files of tests are run whose outcome can differ from it: those that changed, are
new, or have a test that executed a function that changed since. ALL=1 runs them all.

A line of a function's body counts. Its `def` does not: importing the module executes that. A class
is executed when one of its methods is. A class without methods, such as a NamedTuple of weights,
has no line to execute: a test counts that executed a line of its module which constructs it.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

import coverage
import pytest
from coverage.regions import code_regions

from book._ext.evidence import coverage_index, normal_form, suite_run
from unrolled import records
from unrolled.files import write_whole

ROOT = Path(__file__).resolve().parents[3]
UNIT = "not site and not browser and not evidence and not any_input and not webgpu"
WEBGPU = (
    "tests/package/webgpu/"  # its tests that open a GPU have a process of their own
)
PACKAGES = ("numpy", "coverage", "pytest", "pytest-cov", "pytest-xdist", "hypothesis")

# function -> tests, each as tests/test_a.py::test_b
Executed: TypeAlias = dict[str, set[str]]
# test -> the labels of the equations that it checks
Labels: TypeAlias = dict[str, list[str]]


class NotMeasured(Exception):
    """There is no measurement; the message says why."""


def test_of(node: str) -> str:
    """Return the test function of pytest's tests/test_a.py::test_b[case], whatever follows it."""
    path, _, rest = node.partition("::")
    match = re.match(r"[\w:]+", rest)
    return f"{path}::{match[0]}" if match else ""


def regions(source: str) -> dict[str, set[int]]:
    """Return the lines that tell that a function, class or method of a file was executed."""
    lines: dict[str, set[int]] = defaultdict(set)
    for region in code_regions(source):
        parts = region.name.split(".")
        for k in range(1, len(parts) + 1):  # a function's inner ones are part of it
            lines[".".join(parts[:k])] |= region.lines
    without_lines = {name for name, of in lines.items() if not of}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in without_lines:
                lines[node.func.id].add(node.lineno)
    return lines


def executed(data: coverage.CoverageData, root: Path) -> Executed:
    """Return the tests that executed each function of the package."""
    found: Executed = {}
    for path in package(root):
        contexts = data.contexts_by_lineno(str(path))
        for name, lines in regions(path.read_text("utf-8")).items():
            tests = {test_of(c) for line in lines for c in contexts.get(line, ()) if c}
            found[f"{module_of(path, root)}.{name}"] = tests
    return found


def package(root: Path) -> list[Path]:
    """Return the files of the package."""
    return sorted((root / "code/unrolled").rglob("*.py"))


def module_of(path: Path, root: Path) -> str:
    """Return a module's dotted name."""
    dotted = ".".join(path.relative_to(root / "code").with_suffix("").parts)
    return dotted.removesuffix(".__init__")


def record_of(
    root: Path,
    found: Executed,
    labels: Labels,
    before: dict[str, Any] = coverage_index.EMPTY,
) -> dict[str, Any]:
    """Return a record of what tests executed and check, as the files now stand.

    Tests keep the order of the record before, so that their numbers change little.
    """
    everything = set(labels).union(*found.values())
    of_tests = {
        path: normal_form.definitions((root / path).read_text("utf-8"))
        for path in {coverage_index.Test.of(test).path for test in everything}
    }
    place = {test: k for k, (test, *_) in enumerate(before["tests"])}
    kept = {test for test, of in labels.items() if of}.union(*found.values())
    tests = sorted(kept, key=lambda test: (place.get(test, len(place)), test))
    number = {test: k for k, test in enumerate(tests)}
    functions = {}
    for path in package(root):
        for name, hash in normal_form.definitions(path.read_text("utf-8")).items():
            whole = f"{module_of(path, root)}.{name}".removesuffix(".")
            functions[whole] = [
                hash,
                coverage_index.packed(number[t] for t in found.get(whole, ())),
            ]
    return {
        "files": {
            path.relative_to(root).as_posix(): normal_form.digest(path.read_bytes())
            for path in [*sorted((root / "tests").rglob("*.py")), *package(root)]
        },
        "tests": [
            [
                test,
                of_tests[path].get(name.replace("::", "."), ""),
                sorted(labels.get(test, ())),
            ]
            for test in tests
            for path, name in [coverage_index.Test.of(test)]
        ],
        "functions": functions,
    }


def to_run(record: dict[str, Any], root: Path) -> list[str]:
    """Return the files of tests whose evidence can differ from a record's."""
    then, old = record["files"], coverage_index.Evidence(root, record, {})
    tests = sorted((root / "tests").rglob("*.py"))
    now = {
        p.relative_to(root).as_posix(): normal_form.digest(p.read_bytes())
        for p in tests
    }
    files = {path for path, hash in now.items() if then.get(path) != hash}
    named = {path for path in now if Path(path).name.startswith("test_")}
    if not files <= named:  # a file that tests share
        return sorted(named)
    changed = [name for name in record["functions"] if old.has_changed(name)]
    for module in {name for name in changed if old.is_outside(name)}:
        changed += [
            name for name in record["functions"] if name.startswith(f"{module}.")
        ]
    files |= {test.path for name in changed for test in old.of_function(name)}
    return sorted(files & named)


def merged(
    record: dict[str, Any], again: Collection[str], root: Path
) -> tuple[Executed, Labels]:
    """Return what a record holds of the tests that are not run again."""
    old = coverage_index.Evidence(root, record, {})
    kept = {
        test
        for test in old.tests
        if test.path not in again and (root / test.path).is_file()
    }
    found = {
        name: {f"{t.path}::{t.name}" for t in old.of_function(name) if t in kept}
        for name in record["functions"]
    }
    labels = {
        test: of
        for test, _, of in record["tests"]
        if coverage_index.Test.of(test) in kept
    }
    return found, labels


class Marks:
    """A plugin of pytest that reads which equations each test is marked with."""

    def __init__(self) -> None:
        self.labels: Labels = defaultdict(list)

    def pytest_collection_finish(self, session: Any) -> None:
        """Keep the labels."""
        for item in session.items:
            marked = {
                label for mark in item.iter_markers("equation") for label in mark.args
            }
            self.labels[test_of(item.nodeid)] = sorted(marked)


def measure(
    files: Iterable[str], options: Iterable[str], root: Path
) -> tuple[Executed, Labels]:
    """Run files of tests under coverage; return what they executed, and their labels.

    Raises:
        NotMeasured: a test failed, or an option such as --help let none run.
    """
    files = list(files)
    chosen = ["-m", UNIT, *files]
    of_gpu = [file for file in files if file.startswith(WEBGPU)] or [WEBGPU]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coverage"
        runs = [[*options, *chosen]]
        if (root / WEBGPU).is_dir() and (not files or of_gpu != [WEBGPU]):
            runs.append(["--cov-append", "-m", "webgpu", *of_gpu])
        for run in runs:
            command = [sys.executable, "-m", "pytest", *run]
            command += ["--cov=unrolled", "--cov-context=test", "--cov-report="]
            done = subprocess.run(
                command, cwd=root, env=os.environ | {"COVERAGE_FILE": str(path)}
            )
            if done.returncode not in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
                raise NotMeasured(
                    "the tests did not pass, and what they execute is not recorded"
                )
        if done.returncode == 0 and not path.is_file():
            raise NotMeasured("no test ran")
        data = coverage.CoverageData(str(path))
        data.read()
        found = executed(data, root)
    marks = Marks()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        status = pytest.main(
            ["--collect-only", "-q", "--rootdir", str(root), *chosen], [marks]
        )
    if status not in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise NotMeasured(f"the tests cannot be collected:\n{said.getvalue()}")
    return found, marks.labels


def written(record: dict[str, Any]) -> str:
    """Return the record as JSON, a line for each test and function."""

    def lines(value: Any) -> str:
        if isinstance(value, dict):
            items = (f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            return "{\n" + ",\n".join(items) + "\n}"
        if isinstance(value, list):
            return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"
        return json.dumps(value)

    return (
        "{\n"
        + ",\n".join(f"{json.dumps(k)}: {lines(v)}" for k, v in record.items())
        + "\n}\n"
    )


def main(options: list[str], root: Path = ROOT) -> int:
    """Measure what has to be and write the record; return the exit status."""
    path = root / coverage_index.RECORD
    begun, state = time.monotonic(), suite_run.state(root)
    before = coverage_index.EMPTY
    if path.is_file() and not os.environ.get("ALL"):
        before = json.loads(path.read_text("utf-8"))
    files = to_run(before, root)
    if not files and all((root / name).is_file() for name in before["files"]):
        print(f"Nothing that {coverage_index.RECORD} is about has changed.")
        return 0
    try:
        found, labels = measure(files, options, root) if files else ({}, {})
        if {"code", "tests"} & set(suite_run.changed_since(state._asdict(), root)):
            raise NotMeasured("code/ or tests/ changed while the tests ran")
    except NotMeasured as error:
        print(f"{coverage_index.RECORD} stays as it was: {error}", file=sys.stderr)
        return 1
    kept, their_labels = merged(before, files, root)
    for name, tests in kept.items():
        found[name] = found.get(name, set()) | tests
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": state.commit,
        "device": records.cpu(),
        "versions": {"python": platform.python_version()}
        | {package: metadata.version(package) for package in PACKAGES},
        "seconds": round(time.monotonic() - begun),
        **record_of(root, found, labels | their_labels, before),
    }
    write_whole(path, written(record))
    print(f"{coverage_index.RECORD}: {len(record['tests']):,} tests. Commit it.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
