"""What a function says when its arguments do not fit together.

NumPy raises where two arrays meet, deep in an expression, and names neither of them. A function
with ``names_arguments`` above it says instead which arguments it was given, with their shapes, in
one line. What does not make NumPy raise, and is wrong all the same, is refused by a check: an id
of -1 counts from the end, an integer mask is taken for indices, a weight of one column is repeated
for every unit, and an array like one of integers has no place for fractions.
"""

import dis
import functools
import inspect

RAISE = dis.opmap["RAISE_VARARGS"]
PACKAGE = __name__.partition(".")[0]
# An error on its way through other code, such as a function that a reader passes, is not ours.
LIBRARIES = {PACKAGE, "numpy", "scipy"}
WRONG = ValueError, IndexError, AttributeError, ZeroDivisionError, TypeError
SHOWN = 8  # entries of a tuple that an error lists


def names_arguments(function=None, /, **checks):
    """Returns the function; where NumPy would raise inside it, ValueError names its arguments.

    TypeError stays TypeError, and names them too. What the package itself raises, here or further
    down, passes unchanged. So does an error from a function that a reader passed. Nothing else
    changes: neither the values nor the signature, and chapters show the function without this
    line.

    Args:
        function: the function. ``@names_arguments(h="... H")`` stands above it, too.
        checks: for an argument, its axes as in ``axes``, or another check. The checks run before
            the function, in this order, and a letter stands for one number in all of them.

    Raises:
        TypeError: the function has no argument of this name.
    """
    if function is None:
        return lambda function: names_arguments(function, **checks)
    signature = inspect.signature(function)
    order = list(signature.parameters)
    if unknown := checks.keys() - signature.parameters.keys():
        raise TypeError(f"{function.__name__} has no argument {', '.join(unknown)}")
    checked = [
        (order.index(name), name, axes(check) if isinstance(check, str) else check)
        for name, check in checks.items()
    ]

    @functools.wraps(function)
    def named(*args, **options):
        try:
            sizes = {"": 1}  # of a number that stands for itself
            for place, name, check in checked:
                if place < len(args):
                    check(name, args[place], sizes)
                elif name in options:
                    check(name, options[name], sizes)
            return function(*args, **options)
        except WRONG as error:
            if not is_from_a_library(error):
                raise
            given = signature.bind(*args, **options).arguments
            if isinstance(error, AttributeError) and not is_part(error.obj, given):
                raise
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(
                f"{function.__module__.rpartition('.')[2]}.{function.__name__} with"
                f" {described(given)}: {error}"
            ) from None

    return named


def is_from_a_library(error):
    """Tells whether NumPy, or Python itself, raised an error in a line of this package.

    It did not if a raise statement of this package did, or if other code stands between, or if
    the call itself failed, for want of an argument.
    """
    frames = error.__traceback__
    if frames.tb_next is None:
        return False
    while frames.tb_next is not None:
        frames = frames.tb_next
        if room_of(frames) not in LIBRARIES:
            return False
    raised = frames.tb_frame.f_code.co_code[frames.tb_lasti] == RAISE
    return room_of(frames) != PACKAGE or not raised


def room_of(frames):
    """Returns the name of the package whose code the first frame of a traceback runs."""
    return str(frames.tb_frame.f_globals.get("__name__")).partition(".")[0]


def is_part(found, given):
    """Tells whether an object is one of the arguments, or a part of one."""
    parts = list(given.values())
    for value in parts:  # grows while it is read
        if value is found:
            return True
        if isinstance(value, tuple):
            parts.extend(value)
    return False


def described(given):
    """Returns arguments, {name: value}, in one line: the shapes of arrays, and what is none."""
    return ", ".join(
        f"{part} {shape}"
        for name, value in given.items()
        for part, shape in shapes(name, value)
    )


def shapes(name, value):
    """Yields (name, shape) of every array in an argument, and (name, value) of what is none."""
    if hasattr(value, "_fields"):
        for field, part in zip(value._fields, value, strict=True):
            yield from shapes(f"{name}.{field}", part)
    elif isinstance(value, tuple) and 0 < len(value) <= SHOWN:
        for i, part in enumerate(value):
            yield from shapes(f"{name}[{i}]", part)
    elif getattr(value, "shape", ()):
        yield name, str(tuple(value.shape))
    elif isinstance(value, bool | int | float | str | None):
        yield name, repr(value) if len(repr(value)) <= 40 else type(value).__name__
    elif hasattr(value, "shape") and hasattr(value, "item"):
        yield name, f"{type(value).__name__} of shape ()"
    elif isinstance(value, list | tuple):
        yield name, f"{type(value).__name__} of {len(value)}"
    else:
        yield name, getattr(value, "__name__", type(value).__name__)


# --- checks that a function can call: each raises, or does nothing -------------------------------


def check_ids(name, ids, V):
    """Raises ValueError, which names the argument, unless all ids lie in 0..V-1.

    Args:
        name: of the argument.
        ids: an integer array or NumPy integer.
        V: how many ids there are.

    Raises:
        ValueError: another dtype, or an id outside.
    """
    if ids.dtype.kind not in "iu":
        raise ValueError(f"{name}: ids must be integers, got {ids.dtype}")
    if is_known(ids) and not 0 <= ids.min() <= ids.max() < V:
        raise ValueError(
            f"{name}: ids must lie in 0..{V - 1}, got {ids.min()}..{ids.max()}"
        )


def is_known(ids):
    """Tells whether there are numbers to look at, and NumPy has them.

    Ids inside a compiled function of JAX have no values yet, and to read those on a GPU would take
    longer than the step that uses them.
    """
    return type(ids).__module__.partition(".")[0] == "numpy" and ids.size > 0


def check_mask(name, mask, shape):
    """Raises ValueError unless a mask is bool, has this shape, and is True somewhere.

    Integers would be taken for indices, and a mean over nothing is no number.
    """
    if mask.dtype != bool or mask.shape != shape:
        raise ValueError(
            f"{name} must be bool of shape {shape}, got {mask.dtype} of {mask.shape}"
        )
    if not mask.any():
        raise ValueError(f"{name} of shape {shape} is all False: nothing is left")


# --- checks for the decorator: each returns check(name, value, sizes) ----------------------------


def axes(pattern):
    """Returns a check that an argument is an array of such axes, of floating-point numbers.

    Args:
        pattern: such as ``"T B 4H"``. A letter stands for one number, ``4H`` for four times it,
            and a number for itself. ``...`` in front stands for any number of axes, the same
            wherever it stands. None passes: it is an argument that was left out.
    """
    expected = parsed(pattern)
    return lambda name, value, sizes: check_axes(name, value, expected, sizes)


def ids(pattern, V):
    """Returns a check that an argument is an array of such axes of ids in 0..V-1, V a letter."""

    def check(name, value, sizes):
        check_shape(name, value.shape, parsed(pattern), sizes)
        check_ids(name, value, sizes[V])

    return check


def vectors_or_ids(pattern, D):
    """Returns a check that an argument is vectors of D entries or ids in 0..D-1, D a letter."""

    def check(name, value, sizes):
        if value.dtype.kind in "iu":
            check_shape(name, value.shape, parsed(pattern), sizes)
            check_ids(name, value, sizes[D])
        else:
            check_axes(name, value, parsed(f"{pattern} {D}"), sizes)

    return check


def mask(pattern):
    """Returns a check that an argument is a bool array of such axes."""

    def check(name, value, sizes):
        if value is not None:
            check_shape(name, value.shape, parsed(pattern), sizes)
            if value.dtype != bool:
                raise ValueError(f"{name} must be bool, got {value.dtype}")

    return check


def fields(Class, **patterns):  # noqa: N803
    """Returns a check that an argument is such a tuple, and that the shapes of its fields agree.

    A tuple of a reader's own class is taken if it has the same fields. One of another module of
    this package is refused, even if its shapes fit: another cell computes something else.

    Args:
        Class: the NamedTuple: the weights, or the cache.
        patterns: the axes of each field, as in ``axes``, or another check.
    """
    checks = [
        (field, axes(check) if isinstance(check, str) else check)
        for field, check in patterns.items()
    ]

    def check(name, value, sizes):
        if type(value) is not Class:
            check_class(name, value, Class)
        for field, check in checks:
            check(f"{name}.{field}", getattr(value, field), sizes)

    return check


def check_axes(name, value, expected, sizes):
    """Raises ValueError unless an array has such axes, and its numbers can be fractions."""
    if value is None:
        return
    check_shape(name, value.shape, expected, sizes)
    if value.dtype.kind in "biuOSU":
        raise ValueError(f"{name} must hold floating-point numbers, got {value.dtype}")


def check_shape(name, shape, expected, sizes):
    """Raises ValueError unless a shape has the axes of ``parsed``; sizes, by letter, may grow."""
    leading, last = expected
    known = sizes.copy()
    before = len(shape) - len(last)
    fits = before == 0 or leading and before > 0
    if fits and leading:
        fits = sizes.setdefault("...", shape[:before]) == shape[:before]
    if fits:
        for size, (factor, letter) in zip(shape[before:], last, strict=True):
            if size != factor * sizes.setdefault(letter, size // factor):
                fits = False
    if not fits:
        raise ValueError(f"{name} must be {spelt(expected, known)}, got {shape}")


@functools.cache
def parsed(pattern):
    """Returns (whether it begins with ..., the (factor, letter) of each axis after that)."""
    parts = pattern.split()
    leading = parts[:1] == ["..."]
    letters = [(part, part.lstrip("0123456789")) for part in parts[leading:]]
    return leading, [
        (int(part.removesuffix(letter) or 1), letter) for part, letter in letters
    ]


def spelt(expected, sizes):
    """Returns axes as a shape: the sizes that are known, and letters for the others."""
    leading, last = expected
    parts = list(map(str, sizes.get("...", ["..."]))) if leading else []
    for factor, letter in last:
        known = letter in sizes
        parts.append(
            str(factor * sizes[letter]) if known else f"{factor}{letter}".lstrip("1")
        )
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def check_class(name, p, Class):  # noqa: N803
    """Raises ValueError unless p has the fields of Class and is not of another module of ours."""
    given, wanted = (
        f"{one.__module__.removeprefix(PACKAGE + '.')}.{one.__qualname__}"
        for one in (type(p), Class)
    )
    elsewhere = not type(p).__module__.startswith(PACKAGE + ".") or given == wanted
    if getattr(type(p), "_fields", None) != Class._fields or not elsewhere:
        raise ValueError(f"{name} must be {wanted} {Class._fields}, got {given}")
