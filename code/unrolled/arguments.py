"""What a function says when its arguments do not fit together.

NumPy raises where two arrays meet, deep in an expression, and names neither of them. A function
with ``names_arguments`` above it says instead which arguments it was given, with their shapes, in
one line. What does not make NumPy raise, and is wrong all the same, is refused by a check: an id
of -1 counts from the end, an integer mask is taken for indices, and a weight of one column is
repeated for every unit.
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
        function: the function. ``@names_arguments(p=check)`` stands above it, too.
        checks: by the name of an argument, a function that gets (name, value) before the call,
            and raises if the value is wrong.

    Raises:
        TypeError: the function has no argument of this name.
    """
    if function is None:
        return lambda function: names_arguments(function, **checks)
    signature = inspect.signature(function)
    order = list(signature.parameters)
    if unknown := checks.keys() - signature.parameters.keys():
        raise TypeError(f"{function.__name__} has no argument {', '.join(unknown)}")
    checked = [(order.index(name), name, check) for name, check in checks.items()]

    @functools.wraps(function)
    def named(*args, **options):
        try:
            for place, name, check in checked:
                if place < len(args):
                    check(name, args[place])
                elif name in options:
                    check(name, options[name])
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


# --- checks: each raises, or does nothing --------------------------------------------------------


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


def weights(Params, **patterns):  # noqa: N803
    """Returns a check that an argument is such Params, and that their shapes agree.

    Params of a reader's own class are taken if they have the same fields. Those of another module
    of this package are refused, even if their shapes fit: another cell computes something else.

    Args:
        Params: the NamedTuple.
        patterns: the axes of each field, such as ``W_h="H 4H"``. A letter stands for one number
            in all fields, ``4H`` for four times it, and a number for itself.
    """
    axes = [
        (field, [axis_of(axis) for axis in pattern.split()])
        for field, pattern in patterns.items()
    ]

    def check(name, p):
        if type(p) is not Params:
            check_class(name, p, Params)
        sizes = {1: 1}
        for field, expected in axes:
            shape = getattr(p, field).shape
            fits = len(shape) == len(expected) and all(
                size == factor * sizes.setdefault(letter, size // factor)
                for size, (factor, letter) in zip(shape, expected, strict=True)
            )
            if not fits:
                wanted = ", ".join(
                    f"{field} ({', '.join(pattern.split())})"
                    for field, pattern in patterns.items()
                )
                raise ValueError(
                    f"{name} must have the shapes {wanted}, got {described({name: p})}"
                )

    return check


def axis_of(axis):
    """Returns (factor, letter) of an axis such as "4H"; of a number, (number, 1)."""
    letter = axis.lstrip("0123456789")
    return int(axis.removesuffix(letter) or 1), letter or 1


def check_class(name, p, Params):  # noqa: N803
    """Raises ValueError unless p has the fields of Params and is not of another module of ours."""
    given, wanted = (
        f"{Class.__module__.removeprefix(PACKAGE + '.')}.{Class.__qualname__}"
        for Class in (type(p), Params)
    )
    elsewhere = not type(p).__module__.startswith(PACKAGE + ".") or given == wanted
    if getattr(type(p), "_fields", None) != Params._fields or not elsewhere:
        raise ValueError(f"{name} must be {wanted} {Params._fields}, got {given}")
