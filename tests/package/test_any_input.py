"""Every public function with wrong and unusual arguments: right, or refused in one line.

An array in another memory layout, precision or list gives the same numbers. One that does not fit
is refused by an error of the package that names an argument. No result is NaN unless NaN goes in.
"""

import functools
import importlib
import inspect
import pkgutil
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unrolled
from tests.support.any_input import cases
from tests.support.any_input.core_calls import CORE
from tests.support.any_input.layer_calls import LAYER
from tests.support.any_input.machine_calls import MACHINE
from tests.support.any_input.model_calls import MODEL
from tests.support.any_input.recurrence_calls import RECURRENCES
from tests.support.any_input.speed_calls import SPEED
from tests.support.any_input.today_calls import TODAY
from tests.support.any_input.today_calls_delta import DELTA

TABLES = {
    "functions and cells": CORE,
    "layers and gradients": LAYER,
    "models": MODEL,
    "machines": MACHINE,
    "speed and data": SPEED,
    "scans and states": TODAY,
    "the delta rule": DELTA,
    "followed states": RECURRENCES,
}
CALLS = {name: call for table in TABLES.values() for name, call in table.calls.items()}

# What is not called with wrong arguments here, and why. A module's name stands for all in it.
EXCEPT = {
    "arguments": "the checks themselves: tests/package/test_arguments.py",
    "dependencies": "reads the repository, not arrays",
    "exercises": "their checks take any answer of a reader",
    "files": "writes files: tests/package/test_files.py",
    "installed": "takes the name of a package: tests/package/test_installed.py",
    "min_rnn": "one program in one file, which checks nothing so that it stays short",
    "records": "reads and writes files: tests/package/test_records.py",
    "drawing": "takes labels, places and lists of nodes: tests/package/drawing",
    "training.interruption": "handles signals: tests/package/training/test_interruption.py",
    "training.checkpoint": "reads and writes files: tests/package/training",
    "training.train": "calls what it is given: tests/package/training/test_train.py",
    "data.text": "takes text: tests/package/data/test_text.py; pad and batches are called",
    "data.tfrecord_framing": "takes bytes: tests/package/data/test_tfrecord_framing.py",
    "models.pretrained": "reads files: tests/package/models/test_pretrained.py",
    "speed.gpu_tables": "takes records, not arrays",
    "speed.gpu_readers": "takes records, not arrays",
    "webgpu": "needs a GPU: tests/package/webgpu, in a process of their own",
    "frameworks": "takes tensors of other libraries: "
    "tests/package/frameworks/test_wrong_arguments.py",
}

# Functions that only refuse arguments of others, beside all check_...: they are called with those.
CHECKS = {
    "gradients.gradcheck.float64_arrays",
    "layers.adaptive_softmax.valid_edges",
    "layers.adaptive_softmax.valid_tails",
    "layers.attention.broadcasts_to_the_keys",
    "layers.class_softmax.note_V",
    "layers.class_softmax.valid_edges",
    "layers.dropout.valid_share",
    "layers.padding.valid_lengths",
    "models.turing_machine.broadcasts_to_the_weights",
}


def public_functions():
    """Yields the names of all public functions of the package that are not excepted."""
    for info in pkgutil.walk_packages(unrolled.__path__, "unrolled."):
        name = info.name.removeprefix("unrolled.")
        if info.ispkg or any(
            name == part or name.startswith(f"{part}.") for part in EXCEPT
        ):
            continue
        module = importlib.import_module(info.name)
        for key, value in vars(module).items():
            own = inspect.isfunction(value) and value.__module__ == info.name
            checks = key.startswith("check_") or f"{name}.{key}" in CHECKS
            if own and not key.startswith("_") and not checks:
                yield f"{name}.{key}"


def test_every_public_function_is_called():
    called = {name.partition(":")[0] for name in CALLS}
    missing = sorted({*public_functions()} - called)
    assert not missing, f"add a call in tests/support/any_input: {', '.join(missing)}"


def test_only_functions_that_exist_are_called():
    for name, call in CALLS.items():
        assert callable(call.function()), name


@functools.lru_cache(maxsize=8)
def every_case(name, seed):
    """Returns the cases of a call."""
    return cases.of(CALLS[name], seed)


@pytest.mark.any_input
@pytest.mark.parametrize("table", TABLES)
@settings(derandomize=True, max_examples=80, database=None)
@given(data=st.data())
def test_some_wrong_and_unusual_arguments(table, data):
    """Whatever Hypothesis draws here, on any machine, is tried by the slow test below as well."""
    name = data.draw(st.sampled_from([*TABLES[table].calls]), "function")
    case = data.draw(st.sampled_from(every_case(name, 0)), "case")
    _, wrong = case.run()
    assert wrong is None, f"{name}, {case.place}, {case.name}: {wrong}"


@pytest.mark.any_input
@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_all_wrong_and_unusual_arguments(name, tried):
    """All there are: what is drawn could differ between machines."""
    found = Counter()
    places = set()
    bad = []
    for case in every_case(name, 0):
        came, wrong = case.run()
        if wrong is not None:
            bad.append(f"{case.place}, {case.name}: {wrong}")
        if came != "not made":
            found["unclear" if came == "refused" and wrong else came] += 1
            if case.name != cases.SMALL:  # the place of which is a size
                places.add(case.place)
    tried(name, places, found)
    assert not bad, f"{name}: {'; '.join(bad)}"
