"""The record of the tests is that of two processes: those that open a GPU have their own."""

from types import SimpleNamespace

import pytest

from tests.support import suite_recorder
from tests.support.paths import ROOT


def config(path, marks, **options):
    given = {"markexpr": marks} | options
    return SimpleNamespace(
        args=[path],
        rootpath=ROOT,
        invocation_params=SimpleNamespace(dir=ROOT),
        getini=lambda name: ["tests"],
        getoption=lambda name, default=None: given.get(name, default),
    )


@pytest.mark.parametrize(
    ("path", "marks", "options", "whole", "second_half"),
    [
        ("tests", "not webgpu", {}, True, False),
        ("tests", "", {}, True, False),
        ("tests", "not slow", {}, False, False),
        ("tests", "not webgpu", {"keyword": "lstm"}, False, False),
        ("tests/package/webgpu", "webgpu", {}, False, True),
        ("tests/package/webgpu", "", {}, False, False),
        ("tests", "webgpu", {}, False, False),
    ],
)
def test_which_runs_are_recorded(path, marks, options, whole, second_half):
    asked = config(path, marks, **options)
    assert suite_recorder.is_whole(asked) == whole
    assert suite_recorder.is_second_half(asked) == second_half


def record(**changed):
    measured = {"file": "a", "test": "t", "case": "", "against": "x", "what": "y"}
    return {
        "passed": 3,
        "failed": 0,
        "skipped": 1,
        "seconds": 5,
        "tests": {"a": {"t": 3}},
        "versions": {"numpy": "2"},
        "measured": [measured],
        "whole": True,
    } | changed


def test_the_second_half_is_added():
    second = record(
        passed=2, failed=1, tests={"a": {"u": 1}, "b": {"v": 1}}, whole=False
    )
    found = suite_recorder.joined(record(), second)
    assert (found["passed"], found["failed"], found["seconds"]) == (5, 1, 10)
    assert found["tests"] == {"a": {"t": 3, "u": 1}, "b": {"v": 1}}
    assert found["whole"] and len(found["measured"]) == 2
