"""What is said of a call with a wrong or unusual argument, on small functions of this file."""

import signal
from collections import Counter

import numpy as np
import pytest

from tests.support.any_input import cases, changes, verdict
from tests.support.any_input.problem import ANY, Call
from unrolled.arguments import check_ids


def outcomes(function, **promises):
    """Returns {name of a case: (what came of it, what is wrong)} for an argument ``x``."""

    class Given(Call):
        def function(self):
            return function

    call = Given("here.function", lambda s: {"x": s.floats(s.T, s.B)}, **promises)
    return {case.name: case.run() for case in cases.of(call) if case.place == "x"}


def sine(x):
    return np.sin(x)


def test_equal_numbers_are_right_and_others_are_wrong():
    found = outcomes(sine)
    assert found["Fortran order"] == ("right", None)
    found = outcomes(lambda x: np.asarray(x).ravel("A"))
    assert found["Fortran order"] == ("wrong", "the result is a different one")


def test_what_is_compared_with_nothing_is_no_right_answer():
    found = outcomes(sine)
    assert found["axis 0 one shorter"] == ("finite", None)
    found = outcomes(sine, tolerance=ANY)
    assert found["Fortran order"] == ("finite", None)
    assert found["float32"] == ("finite", None)
    found = outcomes(sine, finite=False)
    assert found["axis 0 one shorter"] == ("unchecked", None)
    found = outcomes(lambda x: x if len(x) == 5 else x / 0)
    assert found["axis 0 one shorter"] == ("not finite", "the result is not finite")


def test_an_answer_to_what_is_refused_otherwise_is_wrong():
    def refuses_whole_numbers_of_float(x):
        if np.all(np.asarray(x) == np.rint(x)) and np.asarray(x).dtype.kind == "f":
            raise ValueError("x must not be whole")
        return x

    came, wrong = outcomes(refuses_whole_numbers_of_float)["whole numbers"]
    assert came == "wrong" and "refused otherwise" in wrong


@pytest.mark.parametrize(
    ("word", "line", "named"),
    [
        ("a", "a batch needs at least one sentence", False),
        ("a", "the mask is a list", False),
        ("a", "a must be (3, 2), got (2, 3)", True),
        ("a", "cells.step with h (3, 2), a (4,): shapes do not fit", True),
        ("a", "cells.step with h (3, 2): a (4,) is no word", False),
        ("x", "x: ids must lie in 0..4, got -1..0", True),
        ("p", "p.W_x must be (4, 5), got (5, 4)", True),
        ("p", "q.p is no p of a list", False),
        ("mask", "the batch holds no word: its mask is all False", True),
        ("mask", "masks differ", False),
    ],
)
def test_an_article_names_no_argument(word, line, named):
    assert verdict.is_named(word, line) == named


def test_an_error_of_the_package_is_a_refusal_and_others_are_not():
    call = Call("here.function", None)
    given = {"ids": np.array([7])}
    with pytest.raises(ValueError) as ours:
        check_ids("ids", given["ids"], 5)
    assert verdict.refused(ours.value, call, given) is None
    names_none = {"__name__": "unrolled.here"}
    exec("def function(h): raise ValueError('it does not fit')", names_none)
    with pytest.raises(ValueError) as unclear:
        names_none["function"](1.0)
    assert "no argument is named" in verdict.refused(unclear.value, call, given)
    with pytest.raises(ValueError) as depths:
        np.ones(2) + np.ones(3)
    assert "from the depths" in verdict.refused(depths.value, call, given)
    assert verdict.refused(verdict.HangError(), call, given) == "it hangs"


def test_a_timer_that_was_running_goes_on():
    def of_others(*_):
        raise AssertionError("a minute has passed")

    before = signal.signal(signal.SIGALRM, of_others)
    others = signal.setitimer(signal.ITIMER_REAL, 60)
    try:
        with verdict.limited():
            assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= verdict.SECONDS
        assert verdict.SECONDS < signal.getitimer(signal.ITIMER_REAL)[0] <= 60
        assert signal.getsignal(signal.SIGALRM) is of_others
    finally:
        signal.setitimer(signal.ITIMER_REAL, *others)
        signal.signal(signal.SIGALRM, before)


def test_a_call_that_takes_too_long_is_a_hang(monkeypatch):
    monkeypatch.setattr(verdict, "SECONDS", 0.05)

    def forever(x):
        while True:
            pass

    found = verdict.outcome(forever, {"x": 1.0})
    assert isinstance(found.error, verdict.HangError)


@pytest.mark.parametrize(
    "leaf", [np.ones((2, 3)), np.ones((2, 1), bool), np.float32([1]), 7, 1.0, True]
)
def test_no_two_changes_are_alike(leaf):
    found = changes.of_leaf(leaf)
    made = Counter(repr(changes.identity(change.make(leaf))) for change in found)
    assert max(made.values()) == 1
    assert repr(changes.identity(leaf)) not in made
