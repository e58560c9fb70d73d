"""What the checks of the exercises share: a wrong answer is raised, with a sentence that teaches.

A check gets the reader's namespace, asks it for what the exercise wants, and compares values. The
reader's code may do anything: every helper here turns a surprise into one line.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


class Wrong(Exception):
    """The answer is not right yet; the message says what is wrong and where to look."""


def function(answers: Mapping[str, Any], name: str) -> Callable[..., Any]:
    """Returns the reader's function of that name.

    Raises:
        Wrong: there is none, or it is not a function.
    """
    found = answers.get(name)
    if found is None:
        raise Wrong(f"Define a function `{name}` in the cell and run it first.")
    if not callable(found):
        raise Wrong(f"`{name}` should be a function; it is a {type(found).__name__}.")
    return found


def call(callable_: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Returns the result of the reader's function; None counts as not yet written.

    Raises:
        Wrong: it returns None, or is a stub that raises NotImplementedError.
    """
    name = getattr(callable_, "__name__", "your function")
    try:
        result = callable_(*arguments, **named)
    except NotImplementedError:
        raise Wrong(f"`{name}` is still the stub: write its body.") from None
    if result is None:
        raise Wrong(f"`{name}` returns nothing: end it with `return`.")
    return result


def number(answers: Mapping[str, Any], name: str) -> float:
    """Returns the number that the reader gave a name to.

    Raises:
        Wrong: it is missing, still None or ..., or not one finite number.
    """
    found = answers.get(name)
    if found is None or found is ...:
        raise Wrong(f"Set `{name}` to a number.")
    try:
        value = np.asarray(found, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(f"`{name}` should be a number; it is {found!r:.60}.") from None
    if value.size != 1 or not np.isfinite(value).all():
        raise Wrong(f"`{name}` should be one finite number; it is {found!r:.60}.")
    return float(value.reshape(()))


def choice(
    answers: Mapping[str, Any], name: str, why_not: Mapping[str, str], right: str
) -> None:
    """Accepts one option of several.

    Args:
        answers: the reader's namespace.
        name: of the variable that holds the reader's choice, a letter.
        why_not: for each wrong option, what speaks against it.
        right: the right option.

    Raises:
        Wrong: nothing, something else, or a wrong option was chosen.
    """
    options = sorted([*why_not, right])
    found = answers.get(name)
    if isinstance(found, str):
        found = found.strip().lower()
    if found not in options:
        listed = ", ".join(f'"{o}"' for o in options)
        raise Wrong(f"Set `{name}` to one of {listed}.")
    if found != right:
        raise Wrong(why_not[found])


def array(found: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Returns what the reader computed as an array of finite numbers of the given shape.

    Raises:
        Wrong: it is no array of numbers, has another shape, or holds NaN or infinity.
    """
    try:
        value = np.asarray(found, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(
            f"{name} should be an array of numbers; it is {found!r:.60}."
        ) from None
    if value.shape != shape:
        raise Wrong(f"{name} has shape {value.shape}; it should have {shape}.")
    if not np.isfinite(value).all():
        raise Wrong(f"{name} holds NaN or infinity.")
    return value


def is_close(found: Any, expected: Any, tolerance: float = 1e-8) -> bool:
    """Returns whether two arrays agree: to the tolerance, times the larger one's greatest entry."""
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    if found.shape != expected.shape:
        return False
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    return bool(np.all(np.abs(found - expected) <= tolerance * scale))


def close(found: Any, expected: Any, message: str, tolerance: float = 1e-8) -> None:
    """Accepts values that agree with the expected ones.

    Raises:
        Wrong: with the message, if they do not.
    """
    if not is_close(found, expected, tolerance):
        raise Wrong(message)
