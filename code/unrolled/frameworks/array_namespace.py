"""Executes a module of this package with the arrays of another library instead of NumPy's.

The equations of a cell are written with ``np.tanh``, ``np.split``, ``@``. CuPy and JAX have the
same names for the same operations. So the file itself can be executed once more with ``np`` bound
to ``cupy`` or ``jax.numpy``, and a GPU computes the code that a chapter shows. The modules that it
imports from this package are executed again in the same way.

CuPy's arrays can be written in place, as NumPy's, so ``forward`` and ``backward`` work unchanged.
JAX's arrays cannot be written, so only the ``step`` of a cell is used (``jax_cells``).
"""

import builtins
import importlib
import inspect
import types

PACKAGE = __name__.partition(".")[0]


def of(module, xp, **others):
    """Returns a copy of a module that computes with the arrays of ``xp``.

    Args:
        module: a module of this package; it stays as it is.
        xp: the library used instead of NumPy: ``cupy``, ``jax.numpy``.
        others: names of the copy, and of the copies it imports, to be replaced, where a
            function has to differ.

    Raises:
        ValueError: a module from elsewhere, or a name to replace that no copy has.
    """
    copies = {}
    found = copied_module(module.__name__, xp, others, copies)
    for name in others:
        if not any(hasattr(copy, name) for copy in copies.values()):
            raise ValueError(f"{module.__name__} has no {name} to replace")
    return found


def copied_module(name, xp, others, copies):
    """Returns the copy of a module, by its name, and puts it among ``copies``, {name: copy}.

    Args:
        name: dotted, in this package.
        xp: as in ``of``.
        others: as in ``of``.
        copies: of the modules that were copied before; they are not copied again.

    Raises:
        ValueError: a module from elsewhere.
    """
    if not name.startswith(PACKAGE + "."):
        raise ValueError(f"only modules of {PACKAGE} are copied, not {name}")
    if name in copies:
        return copies[name]
    module = importlib.import_module(name)
    copy = copies[name] = types.ModuleType(name, module.__doc__)

    def imported(name, scope=None, local=None, wanted=(), level=0):
        if name == "numpy":
            return xp
        if name.partition(".")[0] != PACKAGE:
            return builtins.__import__(name, scope, local, wanted, level)
        # from unrolled.cells import rnn
        if hasattr(importlib.import_module(name), "__path__"):
            inner = {
                part: copied_module(f"{name}.{part}", xp, others, copies)
                for part in wanted
            }
            return types.SimpleNamespace(**inner)
        return copied_module(name, xp, others, copies)

    copy.__dict__["__builtins__"] = vars(builtins) | {"__import__": imported}
    exec(
        compile(inspect.getsource(module), str(module.__file__), "exec"), copy.__dict__
    )
    # Params and caches hold arrays of any kind: the copy takes and returns the module's own.
    for key, value in vars(module).items():
        if (
            isinstance(value, type)
            and issubclass(value, tuple)
            and value.__module__ == name
        ):
            setattr(copy, key, value)
    for key, value in others.items():
        if key in vars(copy):
            setattr(copy, key, value)
    return copy
