"""A pytest plugin that records what a run of the whole suite found: _build/checks.json.

It has, for each test function, how many of its cases passed and which failed or were skipped; of
the gradient checks and of the comparisons with frameworks the largest error beside its bound; and
what the run was of: commit, state of the files, device, versions. Under xdist the process that
started the others writes it. A run of a part writes nothing, nor does one that was broken off, so
that the last whole run stays; `--record-run FILE` writes a record of any run there.

The tests that open a GPU run after all others, in a process of their own. What it found is added to
the record of the others if nothing has changed in between.
"""

import inspect
import json
import math
import platform
import re
import sys
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from functools import wraps
from importlib import metadata
from pathlib import Path
from unittest import mock

import pytest

from unrolled.installed import version

PACKAGES = (
    "numpy",
    "scipy",
    "matplotlib",
    "tensorflow",
    "keras",
    "pytensor",
    "jax",
    "triton",
    "wgpu",
    "pytest",
    "hypothesis",
    "playwright",
    "jupyter-book",
    "sphinx",
)
# tests/test_a.py::test_b[case]@group, where xdist has added the group
NODE = re.compile(r"([^:]+)::([\w:]+)(\[.*\])?(?:@[\w.-]+)?", re.DOTALL)
OPTIONS = ("keyword", "deselect", "ignore", "ignore_glob", "lf", "stepwise")
WEBGPU = "tests/package/webgpu"
A_CHECK = 1e-6  # a looser tolerance than this does not check a gradient


def pytest_addoption(parser):
    parser.addoption(
        "--record-run", metavar="FILE", help="record this run, whole or not, in FILE"
    )


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config), "recorded-run")


@pytest.fixture
def measured(request):
    """Says and asserts how far a test's number is below its bound.

    measured("Keras", "loss", gap, AGREED): against what, what, found, allowed.
    """

    def say(against, what, found, bound, case=None):
        _say(request.node, against, what, found, bound, case)
        assert found <= bound, (
            f"{what} against {against}: {found:.1e}, at most {bound:.0e} allowed"
        )

    return say


@pytest.fixture
def tried(request):
    """Says how often a function was called with wrong and unusual arguments, and what came of it.

    tried("cells.gru.step", {"p.W_x", ...}, {"refused": 30, "right": 20}).
    """

    def say(function, arguments, found):
        entry = {
            "function": function,
            "arguments": sorted(arguments),
            "found": dict(found),
        }
        request.node.user_properties.append(("tried", entry))

    return say


def _say(item, against, what, found, bound, case=None):
    entry = {"case": case or _case(item), "against": against, "what": what}
    item.user_properties.append(
        ("measured", entry | {"found": float(found), "bound": bound})
    )


def _case(item):
    """Returns what a test is run on, such as `lstm`, without sizes and seeds."""
    parts = item.callspec.id.split("-") if hasattr(item, "callspec") else []
    return "-".join(part for part in parts if not re.fullmatch(r"[\d.]*(e\d+)?", part))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Notes the worst entry of every gradient check that a test makes and that passes."""
    gradcheck = sys.modules.get("unrolled.gradients.gradcheck")
    if gradcheck is None or "planted" in item.nodeid:
        return (yield)
    check = gradcheck.check
    signature = inspect.signature(check)

    @wraps(check)
    def noted(*args, **kwargs):
        worst = check(*args, **kwargs)
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        if (tolerance := given.arguments["tolerance"]) <= A_CHECK:
            found = max((mismatch.error for mismatch in worst), default=0)
            _say(item, "central differences", "gradient", found, tolerance)
        return worst

    with mock.patch.object(gradcheck, "check", noted):
        return (yield)


class Recorder:
    """Gathers the reports of all processes, and writes the record when the run has ended."""

    def __init__(self, config):
        self.config = config
        asked = config.getoption("record_run")
        self.path = Path(asked) if asked else config.rootpath / "_build/checks.json"
        self.is_addition = not asked and is_second_half(config)
        self.is_wanted = bool(asked) or is_whole(config) or self.is_addition
        self.collected = set()
        self.outcomes = {}  # test -> passed, failed or skipped
        self.seconds = defaultdict(float)
        self.measured = {}
        self.tried = {}  # function -> arguments, and how often what came of a call
        self.damaged = {}  # test -> what was damaged, and what came of loading it
        self.line = ""

    def pytest_sessionstart(self):
        from book._ext.evidence import suite_run

        self.begun = time.monotonic()
        self.state = suite_run.state(self.config.rootpath) if self.is_wanted else None

    def pytest_collection_finish(self, session):
        self.collected |= {item.nodeid for item in session.items}

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids):
        self.collected |= set(ids)

    def pytest_runtest_logreport(self, report):
        test = report.nodeid
        self.seconds[_function(test)] += report.duration
        if report.when == "call" or report.outcome != "passed":
            if self.outcomes.get(test) != "failed":
                self.outcomes[test] = report.outcome
        if report.when == "call":
            for key, entry in report.user_properties:
                if key == "measured":
                    self._keep_worst(_function(test), entry)
                elif key == "tried":
                    self.tried[entry["function"]] = entry
                elif key == "damaged":
                    self.damaged[test] = entry

    def _keep_worst(self, test, entry):
        key = (*test, entry["case"], entry["against"], entry["what"])
        kept = self.measured.setdefault(
            key, {"found": 0.0, "bound": entry["bound"], "times": 0}
        )
        # NaN is the worst of all; the loosest bound is the one that is shown
        if not entry["found"] <= kept["found"]:
            kept["found"] = entry["found"]
        kept["bound"] = max(kept["bound"], entry["bound"])
        kept["times"] += 1

    def pytest_sessionfinish(self, exitstatus):
        from book._ext.evidence import suite_run
        from unrolled.files import write_whole

        is_complete = exitstatus in (0, 1) and self.outcomes.keys() == self.collected
        if not (self.is_wanted and is_complete and self.outcomes):
            return
        record = self.record()
        if self.is_addition:
            before = suite_run.load(self.path)
            if before is None or any(
                before[key] != record[key] for key in ("commit", "hashes")
            ):
                return
            record = joined(before, record)
        write_whole(self.path, json.dumps(record, indent=1, sort_keys=True) + "\n")
        self.line = f"This run is recorded in {self.path}"
        if self.path == self.config.rootpath / suite_run.LAST:
            self.line += "; `make book` shows it, `make checks` keeps it"

    def pytest_terminal_summary(self, terminalreporter):
        if self.line:
            terminalreporter.write_line(self.line)

    def record(self):
        from unrolled import records

        counts = {
            outcome: sum(found == outcome for found in self.outcomes.values())
            for outcome in ("passed", "failed", "skipped")
        }
        return (
            self.state._asdict()
            | counts
            | {
                "whole": is_whole(self.config),
                "date": datetime.now(UTC).date().isoformat(),
                "device": records.cpu(),
                "versions": {"python": platform.python_version()} | dict(_versions()),
                "seconds": round(time.monotonic() - self.begun),
                "tests": self.by_function(),
                "tried": self.summed(),
                "damaged": [entry for _, entry in sorted(self.damaged.items())],
                "measured": [
                    dict(
                        zip(
                            ("file", "test", "case", "against", "what"),
                            key,
                            strict=True,
                        )
                    )
                    | entry
                    | {"found": _short(entry["found"])}
                    for key, entry in sorted(self.measured.items())
                ],
            }
        )

    def summed(self):
        """Returns how many functions and arguments were tried, and what came of the calls."""
        found = Counter()
        for entry in self.tried.values():
            found.update(entry["found"])
        arguments = {  # "seq2seq.loss: additive" and "seq2seq.loss: general" are one function
            (name.partition(":")[0], argument)
            for name, entry in self.tried.items()
            for argument in entry["arguments"]
        }
        functions = {name.partition(":")[0] for name in self.tried}
        counts = {"functions": len(functions), "arguments": len(arguments)}
        return counts | {"found": found}

    def by_function(self):
        """Returns file -> test -> how many cases passed, or more where there is more to say."""
        found = defaultdict(lambda: defaultdict(list))
        for test, outcome in self.outcomes.items():
            found[_function(test)][outcome].append(_parts(test)[2])
        files = defaultdict(dict)
        for (file, name), cases in sorted(found.items()):
            more = {k: sorted(cases[k]) for k in ("failed", "skipped") if cases[k]}
            if (seconds := round(self.seconds[file, name])) >= 1:
                more["seconds"] = seconds
            passed = len(cases["passed"])
            files[file][name] = {"passed": passed} | more if more else passed
        return files


def is_whole(config):
    """Tells whether a run is asked for all tests there are but those that open a GPU."""
    every = {(config.rootpath / path).resolve() for path in config.getini("testpaths")}
    return _asks_for(config, every, ("", "not webgpu"))


def is_second_half(config):
    """Tells whether a run is asked for all tests that open a GPU, and no others."""
    return _asks_for(config, {config.rootpath / WEBGPU}, ("webgpu",))


def _asks_for(config, paths, marks):
    asked = {(config.invocation_params.dir / path).resolve() for path in config.args}
    chosen = any(config.getoption(name, None) for name in OPTIONS)
    is_marked = config.getoption("markexpr", "") in marks
    return (
        asked == paths
        and is_marked
        and not chosen
        and not config.getoption("collectonly")
    )


def joined(before, after):
    """Returns one record of two runs of different tests."""
    record = dict(before)
    for key in ("passed", "failed", "skipped", "seconds"):
        record[key] = before[key] + after[key]
    record["tests"] = {file: dict(tests) for file, tests in before["tests"].items()}
    for file, tests in after["tests"].items():
        record["tests"].setdefault(file, {}).update(tests)
    record["versions"] = before["versions"] | after["versions"]
    record["measured"] = sorted(
        before["measured"] + after["measured"],
        key=lambda m: [m[k] for k in ("file", "test", "case", "against", "what")],
    )
    return record


def _parts(test):
    """Returns file, function and [case] of a test's id."""
    match = NODE.fullmatch(test)
    return (match[1], match[2], match[3] or "") if match else (test, "", "")


def _function(test):
    return _parts(test)[:2]


def _versions():
    for package in PACKAGES:
        try:
            yield package, version(package)
        except metadata.PackageNotFoundError:
            pass


def _short(value):
    """Returns a number with two digits, and None for what is no number: JSON has no NaN."""
    return float(f"{value:.1e}") if math.isfinite(value) else None
