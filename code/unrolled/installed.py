"""The versions of the installed packages, and the extras that bring them."""

from contextlib import contextmanager
from importlib import metadata

EXTRAS = {
    "tensorflow": "corpus",
    "keras": "corpus",
    "pytensor": "corpus",
    "jax": "speed",
    "triton": "kernels",
    "wgpu": "webgpu",
    "jupytext": "lab",
}
"""The extra in pyproject.toml that installs a package, by the name that it is imported by."""


def version(module):
    """Returns the version of the package that a module comes from.

    TensorFlow's package, for example, is called tensorflow or tensorflow-cpu.

    Args:
        module: the name by which the package is imported, or that of the package itself.

    Raises:
        PackageNotFoundError: no such package is installed.
    """
    try:
        return metadata.version(module)
    except metadata.PackageNotFoundError:
        packages = metadata.packages_distributions().get(module)
        if not packages:
            raise
        return metadata.version(packages[0])


def missing(module, what="this"):
    """Returns the line that says that a package is missing, and which extra installs it.

    Args:
        module: the name by which the package is imported.
        what: what needs the package.
    """
    extra = EXTRAS.get(module)
    install = f": pip install 'unrolled[{extra}]'" if extra else ""
    return f"{what} needs {module}, which is not installed{install}"


@contextmanager
def named_extras():
    """Says how to install what the block imports and does not find.

    Raises:
        ModuleNotFoundError: the package is not installed; the message names the extra.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        raise ModuleNotFoundError(missing(error.name), name=error.name) from None
