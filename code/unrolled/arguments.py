"""What a function says when its arguments do not fit together.

NumPy raises where two arrays meet, deep in an expression, and names neither of them. A function
with ``names_arguments`` above it says instead which arguments it was given, with their shapes, in
one line. What does not make NumPy raise, and is wrong all the same, is refused by a check.
"""

import dis
import functools
import inspect

PACKAGE = __name__.partition(".")[0]
RAISE = dis.opmap["RAISE_VARARGS"]


def names_arguments(function):
    """Returns the function; where NumPy would raise inside it, ValueError names its arguments.

    What the package itself raises, here or further down, passes unchanged. Nothing else changes:
    neither the values nor the signature, and chapters show the function without this line.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def named(*args, **options):
        try:
            return function(*args, **options)
        except (ValueError, IndexError, AttributeError, ZeroDivisionError) as error:
            if is_ours(error):
                raise
            given = signature.bind(*args, **options).arguments
            if isinstance(error, AttributeError) and not is_part(error.obj, given):
                raise
            of = function.__module__.rpartition(".")[2]
            arguments = ", ".join(
                f"{name} {shape}"
                for name, value in given.items()
                for name, shape in shapes(name, value)
            )
            raise ValueError(
                f"{of}.{function.__name__} with {arguments}: {error}"
            ) from None

    return named


def is_ours(error):
    """Tells whether an error comes from a raise statement of this package."""
    innermost = error.__traceback__
    while innermost.tb_next is not None:
        innermost = innermost.tb_next
    frame = innermost.tb_frame
    return (
        str(frame.f_globals.get("__name__")).partition(".")[0] == PACKAGE
        and frame.f_code.co_code[innermost.tb_lasti] == RAISE
    )


def is_part(found, given):
    """Tells whether an object is one of the arguments, or a part of one."""
    parts = list(given.values())
    for value in parts:  # grows while it is read
        if value is found:
            return True
        if isinstance(value, tuple):
            parts.extend(value)
    return False


def shapes(name, value):
    """Yields (name, shape) of every array in an argument, and (name, value) of what is none."""
    if hasattr(value, "_fields"):
        for field, part in zip(value._fields, value, strict=True):
            yield from shapes(f"{name}.{field}", part)
    elif isinstance(value, tuple):
        for i, part in enumerate(value):
            yield from shapes(f"{name}[{i}]", part)
    elif hasattr(value, "shape"):
        yield name, tuple(value.shape)
    elif isinstance(value, bool | int | float | None):
        yield name, repr(value)
    else:
        yield name, type(value).__name__
