"""Calls a function and says what came of it."""

import dis
import re
import signal
import threading
import time
import types
import warnings
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from tests.support.any_input import changes
from tests.support.any_input.arguments import dotted, fresh, leaves, replaced
from tests.support.any_input.problem import ANY

SECONDS = 20  # of one call: more is a hang
RAISE = dis.opmap["RAISE_VARARGS"]
WORD = re.compile(r"\w+")
AXES = re.compile(r"_[A-Z]+$")  # keys_BSE are keys
ALL = "*"  # before the name of an argument that takes several values
# How a message names an argument of one letter, which could be a word of English: "a must be",
# "x: ids must", "p.W_x", "t=3", "h is empty", "`a`", or among what ``names_arguments`` lists
NAMES = (
    r"(?<![\w.])(`{0}`|{0}(?= must| has| is|:|=|\[|\.\w))"
    r"|^[\w.]+ with ([^:]*, )?{0} (\(|list of )\d"
)


class HangError(Exception):
    """A call took too long."""


class Outcome(NamedTuple):
    """What a call returned and what it left in its arguments, or what it raised."""

    found: Any
    error: BaseException | None


@contextmanager
def limited():
    """Raises HangError after SECONDS, in a main thread.

    A timer that was running, as that of pytest-timeout, goes on afterwards.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(*_):
        raise HangError

    before = signal.signal(signal.SIGALRM, late)
    begun = time.monotonic()
    left, interval = signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            left = max(left - (time.monotonic() - begun), 0.001)
            signal.setitimer(signal.ITIMER_REAL, left, interval)


def outcome(function, given):
    """Returns the Outcome of a call with {argument: value}, which may be overwritten."""
    positional: list = []
    named = dict(given)
    if many := next((name for name in given if name.startswith(ALL)), None):
        for name in list(given):
            value = named.pop(name)
            positional.extend(value if name == many else [value])
            if name == many:
                break
    try:
        with limited(), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = function(*positional, **named)
            if isinstance(found, types.GeneratorType):
                found = list(found)
    except Exception as error:
        return Outcome(None, error)
    return Outcome((found, given), None)


def numbers(value):
    """Yields the arrays, numbers and texts in a result."""
    if isinstance(value, np.ndarray | np.generic | bool | int | float | complex):
        yield np.asarray(value)
    elif isinstance(value, str | bytes):
        yield value
    elif isinstance(value, list) and is_array(value):
        yield np.asarray(value)  # a list of numbers is as good as an array
    elif isinstance(value, tuple | list):
        for part in value:
            yield from numbers(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from numbers(part)


def words_below(error):
    """Returns the words that name an argument of the functions through which an error passed.

    A function passes its own arguments on, under the names that the next one has for them.
    """
    words = set()
    at = error.__traceback__
    while at is not None:
        frame = at.tb_frame
        if str(frame.f_globals.get("__name__")).startswith("unrolled."):
            code = frame.f_code
            words |= {*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]}
            words |= {*WORD.findall(str(frame.f_locals.get("name", "")))}
            words |= {*getattr(frame.f_locals.get("signature"), "parameters", ())}
        at = at.tb_next
    return words | {AXES.sub("", word) for word in words}


def is_array(value):
    """Tells whether a list is a rectangle of Python's numbers."""
    inner = value
    while isinstance(inner, list) and inner:
        inner = inner[0]
    if not isinstance(inner, bool | int | float):
        return False
    try:
        return np.asarray(value).dtype.kind in "biuf"
    except ValueError:  # rows of different lengths
        return False


def is_finite(value):
    """Tells whether all numbers in a result are finite."""
    return all(
        np.isfinite(part).all()
        for part in numbers(value)
        if isinstance(part, np.ndarray) and part.dtype.kind in "fc"
    )


def same(found, wanted, tolerance):
    """Tells whether two results hold the same numbers; axes of length 1 do not count."""
    found, wanted = list(numbers(found)), list(numbers(wanted))
    if len(found) != len(wanted):
        return False
    for one, other in zip(found, wanted, strict=True):
        if isinstance(one, np.ndarray) != isinstance(other, np.ndarray):
            return False
        if not isinstance(one, np.ndarray):
            if one != other:
                return False
            continue
        if [n for n in one.shape if n != 1] != [n for n in other.shape if n != 1]:
            return False
        if one.dtype.kind not in "biufc":
            if not np.array_equal(one.ravel(), other.ravel()):
                return False
        elif not np.allclose(
            one.ravel(), other.ravel(), rtol=tolerance, atol=tolerance, equal_nan=True
        ):
            return False
    return True


def refused(error, call, given):
    """Returns what is wrong with an error as a refusal; None if nothing is.

    It must come from the package, in one line that names an argument. If two arguments do not fit
    together, either may be named.
    """
    line = str(error)
    kinds = (ValueError, TypeError, *call.raises)
    if isinstance(error, HangError):
        return "it hangs"
    if not isinstance(error, kinds) or not is_ours(error):
        return f"{type(error).__name__} from the depths: {line}"
    if "\n" in line:
        return f"more than one line: {line}"
    named = words_of(given, call) | words_below(error)
    if not any(is_named(word, line) for word in named):
        return f"no argument is named: {line}"
    return None


def is_named(word, line):
    """Tells whether a message names an argument; the article "a" does not name one."""
    if len(word) == 1 and word.islower():
        return re.search(NAMES.format(word), line) is not None
    return word in WORD.findall(line)


def is_ours(error):
    """Tells whether a raise statement of the package raised an error."""
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    frame = last.tb_frame
    package = str(frame.f_globals.get("__name__")).partition(".")[0]
    return package == "unrolled" and frame.f_code.co_code[last.tb_lasti] == RAISE


def words_of(given, call):
    """Returns the words that name an argument of a call: its name, and those of its parts."""
    parts = {
        part for path, _ in leaves(given) for part in path if isinstance(part, str)
    }
    words = {part.lstrip(ALL) for part in parts | {*given}} | {*call.said}
    return words | {AXES.sub("", word) for word in words}


def sound(found, finite):
    """Returns (what came of a call whose numbers are compared with none, what is wrong or None).

    Args:
        found: the Outcome, without an error.
        finite: whether the result must be finite.
    """
    if not finite:
        return "unchecked", None
    if not is_finite(found.found[0]):
        return "not finite", "the result is not finite"
    return "finite", None


def against(usual, path, change):
    """Returns (what came of a change of a leaf, what is wrong about it or None)."""
    call, base = usual.call, usual.given
    given = fresh(base)
    leaf = dict(leaves(given))[path]
    found = outcome(call.function(), replaced(given, path, change.make(leaf)))
    if found.error is not None:
        return "refused", refused(found.error, call, base)
    if change.expected == changes.NEVER:
        return "silent", "it is taken silently"
    if change.expected == changes.SOUND:
        return sound(found, call.finite and change.name not in ("nan", "inf"))
    wanted = usual.outcome
    if change.reference is not None:
        other = replaced(base, path, change.reference(leaf))
        wanted = outcome(call.function(), fresh(other))
        if wanted.error is not None:
            return "wrong", f"the same numbers are refused otherwise: {wanted.error}"
    tolerance = call.tolerance
    if change.expected == changes.CLOSE:
        tolerance = max(3e-3, tolerance)
    if not same(found.found[0], wanted.found[0], tolerance):
        if change.expected == changes.REFUSED:
            return "silent", "it is taken silently"
        return "wrong", "the result is a different one"
    after = [dict(leaves(one.found[1])) for one in (found, wanted)]
    for place in after[1]:
        if place != path and not same(after[0].get(place), after[1][place], tolerance):
            return "wrong", f"{dotted(place)} is overwritten with other numbers"
    return ("right" if tolerance < ANY else "finite"), None
