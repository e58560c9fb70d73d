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

import numpy as np

RAISE = dis.opmap["RAISE_VARARGS"]
PACKAGE = __name__.partition(".")[0]
# An error on its way through other code, such as a function that a reader passes, is not ours.
LIBRARIES = {PACKAGE, "numpy", "scipy", "matplotlib"}
# A copy of a module that computes with the arrays of JAX or CuPy (``array_namespace``) does not
# look at its arguments: in a compiled function they have no values yet.
LOOKS = np.__name__ == "numpy"
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
    if not LOOKS:
        return function or (lambda function: function)
    if function is None:
        return lambda function: names_arguments(function, **checks)
    signature = inspect.signature(function)
    order = list(signature.parameters)
    if unknown := checks.keys() - signature.parameters.keys():
        raise TypeError(f"{function.__name__} has no argument {', '.join(unknown)}")
    checked = [(order.index(name), name, of(name)) for name, of in named_checks(checks)]

    @functools.wraps(function)
    def named(*args, **options):
        try:
            if checked:
                sizes = {"": 1}  # of a number that stands for itself
                try:
                    for place, name, check in checked:
                        if place < len(args):
                            check(args[place], sizes)
                        elif name in options:
                            check(options[name], sizes)
                except ValueError:
                    if not any(map(is_traced, args)):
                        raise
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


def is_traced(value):
    """Tells whether JAX is tracing a function, by one of its arguments: it checks shapes itself.

    In ``frameworks.jax_cells``, a step gets its input multiplied by the weights already.
    """
    return type(value).__module__.partition(".")[0] in ("jax", "jaxlib")


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
    if isinstance(value, type):
        yield name, value.__name__
    elif hasattr(value, "_fields"):
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
    return isinstance(ids, np.ndarray | np.generic) and ids.size > 0


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


# --- checks for the decorator --------------------------------------------------------------------

# Each of these returns a function that gets the name of an argument, and returns the check itself,
# of (value, sizes). None passes where it says so: an argument that was left out.


def axes(pattern):
    """Checks that an argument is None or an array of such axes, of floating-point numbers.

    An array made like one of integers, as a gradient is made like ``dh``, would lose fractions.

    Args:
        pattern: such as ``"T B 4H"``. A letter stands for one number, ``4H`` for four times it,
            a number for itself, and ``4H+2`` for a sum. ``...`` stands for any number of axes,
            the same wherever it stands, and ``...f`` for others.
    """
    return lambda name: functools.partial(_axes, name, parsed(pattern))


def either(*patterns):
    """Checks that an argument is None or an array of the axes of one pattern, as in ``axes``."""
    return lambda name: functools.partial(_either, name, [*map(parsed, patterns)])


def shaped(pattern):
    """Checks that an argument is None or an array of such axes, of any numbers."""
    return lambda name: functools.partial(_shaped, name, parsed(pattern))


def number_or(pattern):
    """Checks that an argument is a number, or an array of such axes."""
    return lambda name: functools.partial(_number_or, name, parsed(pattern))


def mask(pattern):
    """Checks that an argument is None or a bool array of such axes."""
    return lambda name: functools.partial(_mask, name, parsed(pattern))


def ids(pattern, V):
    """Checks that an argument is an array of such axes of ids in 0..V-1, V a letter.

    The range is checked if V is known from the arguments before.
    """
    return lambda name: functools.partial(_ids, name, parsed(pattern), V)


def vectors_or_ids(pattern, D):
    """Checks that an argument is vectors of D entries, or ids in 0..D-1, D a letter."""
    both = parsed(f"{pattern} {D}"), parsed(pattern)
    return lambda name: functools.partial(_vectors_or_ids, name, *both, D)


def entries(*checks):
    """Checks that an argument is a tuple of so many entries, each with a check of its own."""

    def check_of(name):
        each = [of(f"{name}[{i}]") for i, of in named_checks(dict(enumerate(checks)))]
        return functools.partial(_entries, name, each)

    return check_of


def parts(**checks):
    """Checks fields of an argument, as ``fields``, whatever its class is."""
    return lambda name: functools.partial(
        _parts, [(field, of(f"{name}.{field}")) for field, of in named_checks(checks)]
    )


def by_class(checks):
    """Checks an argument by what its class says, {class: check}; those of other classes pass."""

    def check_of(name):
        each = {Class: of(name) for Class, of in checks.items()}
        return functools.partial(_by_class, each)

    return check_of


def above_0(name):
    """Checks that an argument is a finite number above 0."""
    return functools.partial(_above_0, name)


def nonzero(name):
    """Checks that an argument is a number, or an array of numbers, none of which is 0."""
    return functools.partial(_nonzero, name)


def trees(letter):
    """Checks that all arguments with this letter are trees of the same shapes."""
    return lambda name: functools.partial(_tree, name, letter)


def fields(Class, **checks):
    """Checks that an argument is such a tuple, and that the shapes of its fields agree.

    A tuple of a reader's own class is taken if it begins with the same fields. One of another
    module of this package is refused, even if its shapes fit: another cell computes something else.

    Args:
        Class: the NamedTuple of the weights, or of the cache; a tuple of several that are taken.
        checks: the axes of each field, as in ``axes``, or another check.
    """

    def check_of(name):
        each = [(field, of(f"{name}.{field}")) for field, of in named_checks(checks)]
        classes = Class if isinstance(Class, tuple) else (Class,)
        return functools.partial(_fields, name, classes, each)

    return check_of


def named_checks(checks):
    """Yields (name, check of it), where a string stands for axes."""
    for name, check in checks.items():
        yield name, axes(check) if isinstance(check, str) else check


def _axes(name, expected, value, sizes):
    if value is not None:
        check_shape(name, value.shape, expected, sizes)
        if value.dtype.kind in "biuSU":
            raise ValueError(
                f"{name} must hold floating-point numbers, got {value.dtype}"
            )


def _either(name, patterns, value, sizes):
    for expected in patterns[:-1]:
        try:
            return _axes(name, expected, value, dict(sizes))
        except ValueError:
            pass
    return _axes(name, patterns[-1], value, sizes)


def _shaped(name, expected, value, sizes):
    if value is not None:
        check_shape(name, value.shape, expected, sizes)


def _number_or(name, expected, value, sizes):
    if getattr(value, "shape", ()) or not hasattr(value, "__float__"):
        check_shape(name, value.shape, expected, sizes)


def _mask(name, expected, value, sizes):
    if value is not None:
        check_shape(name, value.shape, expected, sizes)
        if value.dtype != bool:
            raise ValueError(f"{name} must be bool, got {value.dtype}")


def _ids(name, expected, V, value, sizes):
    if isinstance(value, list):
        value = np.asarray(value)
    check_shape(name, value.shape, expected, sizes)
    if V in sizes:
        check_ids(name, value, sizes[V])
    elif value.dtype.kind not in "iu":
        raise ValueError(f"{name}: ids must be integers, got {value.dtype}")


def _vectors_or_ids(name, vectors, integers, D, value, sizes):
    if value.dtype.kind in "iu":
        _ids(name, integers, D, value, sizes)
    else:
        _axes(name, vectors, value, sizes)


def _entries(name, each, value, sizes):
    if not isinstance(value, tuple) or len(value) != len(each):
        raise ValueError(
            f"{name} must be a tuple of {len(each)}, got {described({name: value})}"
        )
    for check, part in zip(each, value, strict=True):
        check(part, sizes)


def _parts(each, value, sizes):
    for field, check in each:
        check(getattr(value, field), sizes)


def _by_class(each, value, sizes):
    if type(value) in each:
        each[type(value)](value, sizes)


def _above_0(name, value, sizes):
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be above 0 and finite, got {value}")


def _nonzero(name, value, sizes):
    if not np.all(value):
        raise ValueError(f"no entry of {name} may be 0, got {described({name: value})}")


def _tree(name, letter, value, sizes):
    found = _outline(value)
    if found != sizes.setdefault(f"tree {letter}", found):
        wanted = sizes[f"tree {letter}"]
        raise ValueError(f"{name} must have the shapes {wanted}, got {found}")


def _outline(tree):
    """Returns a tree with the shape of each array in its place."""
    if isinstance(tree, tuple):
        return tuple(map(_outline, tree))
    return getattr(tree, "shape", ())


def _fields(name, classes, each, value, sizes):
    if type(value) not in classes:
        check_class(name, value, classes)
    for field, check in each:
        check(getattr(value, field), sizes)


def check_shape(name, shape, expected, sizes):
    """Raises ValueError unless a shape has the axes of ``parsed``; sizes, by letter, may grow."""
    first, dots, last, sums = expected
    known = len(sizes)
    if not dots and len(shape) == len(last):  # as nearly always, and fast
        for size, (factor, letter) in zip(shape, last):  # noqa: B905
            if size != factor * sizes.setdefault(letter, size // factor):
                break
        else:
            if not sums or all(adds_up(total, sizes) for total in sums):
                return
    begin, end = len(first), len(shape) - len(last)
    fits = begin == end or dots and begin < end
    if fits:
        for size, (factor, letter) in zip(shape[:begin] + shape[end:], first + last):  # noqa: B905
            if size != factor * sizes.setdefault(letter, size // factor):
                fits = False
        if dots and shape[begin:end] != sizes.setdefault(dots, shape[begin:end]):
            fits = False
    if not fits or not all(adds_up(total, sizes) for total in sums):
        old = dict(list(sizes.items())[:known])
        raise ValueError(f"{name} must be {spelt(expected, old)}, got {shape}")


@functools.cache
def parsed(pattern):
    """Returns (axes before ..., this part or None, axes after it, the sums among them).

    An axis is (factor, letter); a sum stands as a letter of its own.
    """
    parts = pattern.split()
    each = tuple((1, part) if "+" in part else multiple(part) for part in parts)
    sums = tuple(part for part in parts if "+" in part)
    for i, part in enumerate(parts):
        if part.startswith("..."):
            return each[:i], part, each[i + 1 :], sums
    return (), None, each, sums


def multiple(part):
    """Returns (4, "H") of "4H", (1, "H") of "H" and (4, "") of "4"."""
    letter = part.lstrip("0123456789")
    return int(part.removesuffix(letter) or 1), letter


def adds_up(total, sizes):
    """Tells whether the size of a sum is right; one letter of it may become known by this."""
    terms = [multiple(part) for part in total.split("+")]
    left = sizes[total] - sum(
        n * sizes[letter] for n, letter in terms if letter in sizes
    )
    unknown = [(n, letter) for n, letter in terms if letter not in sizes]
    if len(unknown) == 1:
        ((n, letter),) = unknown
        if left < 0 or left % n:
            return False
        sizes[letter] = left // n
        return True
    return bool(unknown) or left == 0


def spelt(expected, sizes):
    """Returns axes as a shape: the sizes that are known, and letters for the others."""
    first, dots, last, _ = expected
    between = list(map(str, sizes.get(dots, ["..."]))) if dots else []

    def known(factor, letter):
        terms = [multiple(part) for part in letter.split("+")]
        if letter and all(part in sizes for _, part in terms):
            return str(factor * sum(n * sizes[part] for n, part in terms))
        if letter in sizes:
            return str(factor * sizes[letter])
        return f"{factor}{letter}".removeprefix("1")

    parts = [*(known(*axis) for axis in first), *between]
    parts += [known(*axis) for axis in last]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def check_class(name, p, classes):
    """Raises ValueError unless p is of such a class, or a reader's own that begins as it does."""
    given, *wanted = (
        f"{one.__module__.removeprefix(PACKAGE + '.')}.{one.__qualname__}"
        for one in (type(p), *classes)
    )
    elsewhere = not type(p).__module__.startswith(PACKAGE + ".") or given in wanted
    alike = any(has_fields(p, one._fields) for one in classes)
    if not alike or not elsewhere:
        raise ValueError(
            f"{name} must be {' or '.join(wanted)} {classes[0]._fields}, got {given}"
        )


def has_fields(p, names):
    """Tells whether a tuple begins with these fields, or another object has them."""
    if isinstance(p, tuple):
        return getattr(p, "_fields", ())[: len(names)] == names
    return all(hasattr(p, name) for name in names)
